"""Who is asked, and when, as a configuration file says it."""

from datetime import time

import pytest

from channels_app.sandbox.server import demo_credentials
from notifications import defaults
from notifications.config_export import export
from notifications.config_file import ConfigError, apply
from notifications.models import EscalationPolicy, Shift
from orders.models import Brand
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db

SHOP = """\
brands:
  - slug: nonna
    name: Nonna
    defaults: false
    stores: [{slug: harbour, name: Harbour}]
    channels:
      - slug: rooms
        name: Rooms
        provider: slack
        credentials: {bot_token: env:BOT, signing_secret: env:SIGN}
    destinations:
      - {slug: kitchen, name: Kitchen, channel: rooms, address: C0KITCHEN}
      - {slug: owner, name: Owner, channel: rooms, address: C0OWNER}
    escalation_policies:
      - slug: lunch
        name: Lunch
        kinds: [late, unreached]
        statuses: [ready]
        stores: [harbour]
        open_hours_only: true
        steps:
          - {on_shift: true}
          - {after_minutes: 5, destinations: [kitchen, owner]}
    shifts:
      - {store: harbour, destination: owner, days: [fri, sat], starts: 18:00, ends: 02:00}
"""
_SLACK = demo_credentials("slack")
ENV = {"BOT": _SLACK["bot_token"], "SIGN": _SLACK["signing_secret"]}


def run(text=SHOP):
    return apply(text, "shop.yaml", ENV)


def steps():
    return [
        (one.position, one.after_minutes, one.on_shift, [p.slug for p in one.destinations.all()])
        for one in EscalationPolicy.objects.get().steps.all()
    ]


def shifts():
    return list(Shift.objects.values_list("weekday", "starts", "ends", "destination__slug"))


def test_a_policy_its_steps_and_the_shifts_are_made():
    run()
    policy = EscalationPolicy.objects.get()
    assert (policy.kinds, policy.statuses) == (["late", "unreached"], ["ready"])
    assert policy.open_hours_only
    assert [store.slug for store in policy.stores.all()] == ["harbour"]
    assert steps() == [(1, 0, True, []), (2, 5, False, ["kitchen", "owner"])]
    evening = time(18), time(2), "owner"
    assert shifts() == [(4, *evening), (5, *evening)]


def test_twice_is_once():
    first, second = run(), run()
    assert (second.created, second.changed, second.unchanged) == (0, 0, first.created)


def test_a_policy_has_exactly_the_steps_that_the_file_names():
    run()
    result = run(SHOP.replace("          - {on_shift: true}\n", ""))
    assert steps() == [(1, 5, False, ["kitchen", "owner"])]
    assert "~ escalation policy nonna/lunch: step 2 → none" in result.lines
    run(SHOP.replace("after_minutes: 5", "after_minutes: 9"))
    assert steps()[1][1] == 9


def test_an_export_makes_the_same_again():
    run()
    text, env = export(Brand.objects.all())
    assert apply(text, "export.yaml", env).changed == 0
    before = steps(), shifts()
    EscalationPolicy.objects.all().delete()
    Shift.objects.all().delete()
    apply(text, "export.yaml", env)
    assert (steps(), shifts()) == before


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("kinds: [late", "kinds: [tardy", 17, "kinds: no kind of incident is called 'tardy'"),
        ("statuses: [ready]", "statuses: [redy]", 18, "statuses: no status is called 'redy'"),
        ("{on_shift: true}", "{shift: true}", 22, "unknown key 'shift' in step"),
        ("[kitchen, owner]", "[kitchen, bar]", 23, "destinations: nonna has no 'bar'"),
        ("days: [fri, sat]", "days: [friday]", 25, "days: no day is called 'friday'"),
        ("starts: 18:00", "starts: 6pm", 25, "starts: '6pm' is not a time"),
        (", ends: 02:00", "", 25, "a shift needs a ends"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, line, message):
    with pytest.raises(ConfigError) as caught:
        run(SHOP.replace(old, new, 1))
    assert str(caught.value).startswith(f"shop.yaml:{line}: {message}")


def test_a_new_brand_asks_whoever_is_on_shift_and_then_all_staff():
    brand = BrandFactory()
    for _again in range(2):
        defaults.install(brand)
    assert steps() == [(1, 0, True, []), (2, 5, False, [])]
    EscalationPolicy.objects.get().steps.all().delete()
    defaults.install(brand)
    assert steps() == [], "what a person took away stays away"
