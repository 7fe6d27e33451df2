"""A configuration file makes what it says, once, and says where it is wrong."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from channels_app.models import Channel
from notifications.config_export import export
from notifications.config_file import ConfigError, apply
from notifications.models import Destination, MessageTemplate, Rule
from orders.models import Brand, SourceConnection, StaffMembership, Store

pytestmark = pytest.mark.django_db

ENV = {
    "SHOP_SECRET": "shpss_0123456789abcdef",
    "TWILIO_TOKEN": "twilio-token-7f3a91c2",
    "ADA_PASSWORD": "correct horse battery",
}
SHOP = """\
brands:
  - slug: nonna
    name: Nonna
    language: es
    country: NO
    contact_line: +1 202 555 0100
    channel_order: [sms, email]
    stores:
      - slug: harlem
        name: Harlem
        time_zone: America/New_York
        phone: +12025550101
        hours:
          mon: [[11:00, 22:30], [09:00, 10:00]]
        external_refs: [0042, loc-1]
      - {slug: soho, name: Soho}
    staff:
      - username: ada
        email: ada@example.com
        role: manager
        store: harlem
        password: env:ADA_PASSWORD
    connections:
      - name: Web shop
        source: shopify
        store: harlem
        secret: env:SHOP_SECRET
        settings: {status_map: {"Baking": preparing}}
    channels:
      - slug: texts
        name: Texts
        provider: twilio
        max_in_flight: 4
        credentials:
          account_sid: AC00000000000000000000000000000000
          auth_token: env:TWILIO_TOKEN
          from_number: +12025550100
    destinations:
      - {slug: kitchen, name: Kitchen, channel: texts, address: +12025550102, store: harlem}
    rules:
      - slug: ready
        name: Ready
        events: [ready, delayed]
        stores: [harlem, soho]
        destinations: [kitchen]
        families: [sms]
        hold_seconds: 8
        useful_minutes: 20
    templates:
      - name: customer
        event: ready
        family: sms
        language: en
        store: harlem
        body: |-
          Order {{ order.number }} is ready.
          Come and get it!
"""


OF_NO_INTEREST = ("id", "key", "created_at", "updated_at", "brand_id", "version")


def run(text: str = SHOP, **options):
    return apply(text, "shop.yaml", ENV, **options)


def state() -> dict[str, list]:
    """Every row that a file can make, without ids and secrets' ciphertext."""
    return {
        model.__name__: sorted(
            (
                {
                    f.name: str(getattr(row, f.name))
                    for f in row._meta.fields
                    if f.name not in OF_NO_INTEREST
                }
                | {m.name: sorted(map(str, getattr(row, m.name).all()))
                   for m in row._meta.many_to_many}
                for row in model.objects.all()
            ),
            key=str,
        )
        for model in (Brand, Store, SourceConnection, Channel, Destination, Rule, MessageTemplate)
    } | {"staff": sorted(map(str, StaffMembership.objects.all()))}  # fmt: skip


def test_a_file_makes_everything_that_it_names() -> None:
    run()
    brand = Brand.objects.get()
    assert (brand.country, brand.language, brand.channel_order) == ("NO", "es", ["sms", "email"])
    harlem = Store.objects.get(slug="harlem")
    assert harlem.phone == "+12025550101"
    assert harlem.hours == {"mon": [["11:00", "22:30"], ["09:00", "10:00"]]}
    assert harlem.external_refs == ["0042", "loc-1"]
    ada = get_user_model().objects.get(username="ada")
    assert ada.check_password(ENV["ADA_PASSWORD"])
    assert StaffMembership.objects.get(user=ada).store == harlem
    connection = SourceConnection.objects.get()
    assert connection.valid_secrets(timezone.now()) == [ENV["SHOP_SECRET"]]
    channel = Channel.objects.get()
    assert channel.brand_id == brand.pk
    assert channel.credentials["auth_token"] == ENV["TWILIO_TOKEN"]
    rule = Rule.objects.get(slug="ready")
    assert {store.slug for store in rule.stores.all()} == {"harlem", "soho"}
    assert rule.destinations.get() == Destination.objects.get(slug="kitchen")
    assert MessageTemplate.objects.get(store=harlem).body.endswith("Come and get it!")


def test_a_new_brand_gets_the_default_words_unless_told_otherwise() -> None:
    run()
    assert MessageTemplate.objects.filter(store=None).count() > 20
    Brand.objects.all().delete()
    run(SHOP.replace("    name: Nonna", "    name: Nonna\n    defaults: false"))
    assert MessageTemplate.objects.count() == 1


def test_applying_twice_changes_nothing_the_second_time() -> None:
    first = run()
    before = state()
    second = run()
    assert (first.changed, first.unchanged) == (0, 0)
    assert (second.created, second.changed) == (0, 0)
    assert second.unchanged == first.created == len(second.lines)
    assert all(line.startswith("= ") for line in second.lines)
    assert state() == before


def test_a_change_is_shown_with_before_and_after() -> None:
    run()
    result = run(SHOP.replace("name: Harlem", "name: Uptown").replace("[harlem, soho]", "[soho]"))
    assert [line for line in result.lines if line[0] != "="] == [
        "~ store nonna/harlem: name 'Harlem' → 'Uptown'",
        "~ rule nonna/ready: stores → soho",
    ]
    assert result.summary == "created: 0, changed: 2, unchanged: 7"


def test_new_words_get_a_new_version() -> None:
    run()
    run(SHOP.replace("Come and get it!", "It is hot."))
    assert MessageTemplate.objects.get(store__slug="harlem").version == 2


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    assert run(dry_run=True).lines == run().lines
    Brand.objects.all().delete()
    get_user_model().objects.all().delete()
    run(dry_run=True)
    assert not Brand.objects.exists()
    assert not get_user_model().objects.exists()


def test_secrets_are_masked_and_a_new_signing_secret_overlaps_the_old_one() -> None:
    run()
    env = {**ENV, "SHOP_SECRET": "shpss_fedcba9876543210", "TWILIO_TOKEN": "another-token-0000aaaa"}
    result = apply(SHOP, "shop.yaml", env)
    text = "\n".join(result.lines)
    assert "~ connection nonna/Web shop: secret ••••cdef → ••••3210" in result.lines
    assert "~ channel nonna/texts: auth_token ••••91c2 → ••••aaaa" in result.lines
    assert not [secret for secret in (*ENV.values(), *env.values()) if secret in text]
    connection = SourceConnection.objects.get()
    now = timezone.now()
    assert connection.valid_secrets(now) == [env["SHOP_SECRET"], ENV["SHOP_SECRET"]]
    assert connection.valid_secrets(now + timedelta(hours=25)) == [env["SHOP_SECRET"]]
    assert apply(SHOP, "shop.yaml", env).changed == 0


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("phone: +12025550101", "colour: red", 12, "unknown key 'colour' in store; known: slug"),
        ("    stores:", "    shops: []\n    stores:", 8, "unknown key 'shops' in brand"),
        ("brands:", "brandz:", 1, "unknown key 'brandz' in file; known: brands"),
        ("time_zone: America/New_York", "time_zone: New York", 11, "time_zone: “New York”"),
        ("language: es", "language: Spanish", 4, "language: “Spanish” is not a language"),
        ("country: NO", "country: Norway", 5, "country: “Norway” is not a country"),
        ("[sms, email]", "[sms, pigeon]", 7, "channel_order: no channel family"),
        ("[11:00, 22:30]", "[11, 22]", 13, "hours: A day has spans"),
        ("store: harlem\n        password", "store: bronx\n        password",
         21, "store: nonna has no 'bronx'; it has: harlem, soho"),
        ("role: manager", "role: king", 20, "role: Value 'king' is not a valid choice."),
        ("source: shopify", "source: abacus", 25, "source: There is no source “abacus”"),
        ("status_map:", "statuses:", 28, "shopify knows no setting statuses"),
        ("secret: env:SHOP_SECRET", "secret: shpss_1", 27, "secrets do not belong"),
        ("secret: env:SHOP_SECRET", "secret: env:NOT_THERE", 27, "the environment has no"),
        ("        secret: env:SHOP_SECRET\n", "", 24, "a connection needs a signing secret"),
        ("provider: twilio", "provider: pigeon", 32, "provider: no provider is called"),
        ("auth_token: env:", "token: env:", 36, "unknown key 'token' in twilio credentials"),
        ("auth_token: env:TWILIO_TOKEN", "auth_token: abc", 36, "secrets do not belong"),
        ("AC000000", "XX000000", 35, "twilio credentials: account_sid:"),
        ("max_in_flight: 4", "max_in_flight: many", 33, "max_in_flight must be a whole"),
        ("channel: texts, address", "channel: fax, address", 39, "channel: nonna has no 'fax'"),
        ("[ready, delayed]", "[redy]", 43, "events: no event is called 'redy'"),
        ("[ready, delayed]", "ready", 43, "events must be a list, like [a, b]"),
        ("[harlem, soho]", "[harlem, bronx]", 44, "stores: nonna has no 'bronx'"),
        ("event: ready\n        family", "event: redy\n        family", 51,
         "event: There is no “redy”"),
        ("{{ order.number }}", "{{ order.numbr }}", 55, "body:"),
        ("slug: nonna", "slug: nonna\n    slug: twice", 3, "'slug' is given twice in this brand"),
        ("    name: Nonna", "    name: [a", 4, "not YAML"),
        ("brands:\n", "brands: nothing\nx:\n", 2, "unknown key 'x'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_nothing_is_applied(
    old, new, line, message
) -> None:
    assert SHOP.count(old) >= 1
    with pytest.raises(ConfigError) as caught:
        run(SHOP.replace(old, new, 1))
    assert str(caught.value).startswith(f"shop.yaml:{line}: {message}")
    assert not [secret for secret in ENV.values() if secret in str(caught.value)]
    assert not Brand.objects.exists()
    assert not get_user_model().objects.exists()


def test_an_export_applies_to_the_same_state_and_holds_no_secret() -> None:
    run()
    before = state()
    text, env = export(Brand.objects.all())
    assert env == {
        "NONNA_WEB_SHOP_SECRET": ENV["SHOP_SECRET"],
        "NONNA_TEXTS_AUTH_TOKEN": ENV["TWILIO_TOKEN"],
    }
    assert not [secret for secret in ENV.values() if secret in text]
    assert apply(text, "export.yaml", env).changed == 0
    for model in (Channel, Brand):
        Destination.objects.all().delete()
        model.objects.all().delete()
    result = apply(text, "export.yaml", env)
    assert (result.changed, result.unchanged) == (0, 0)
    assert state() == before
    assert export(Brand.objects.all()) == (text, env)


def test_two_secrets_never_share_a_variable() -> None:
    run()
    run(SHOP.replace("slug: texts", "slug: te-xts").replace("channel: texts", "channel: te-xts"))
    other = Channel.objects.get(slug="te-xts")
    other.slug = "te_xts"
    other.save()
    channel = Channel.objects.get(slug="texts")
    channel.slug = "te-xts"
    channel.credentials = {**channel.credentials, "auth_token": "another-token-0000aaaa"}
    channel.save()
    _text, env = export(Brand.objects.all())
    assert {"another-token-0000aaaa", ENV["TWILIO_TOKEN"]} <= set(env.values())
    assert {"NONNA_TE_XTS_AUTH_TOKEN", "NONNA_TE_XTS_AUTH_TOKEN_2"} <= set(env)


def test_the_commands_read_a_file_and_print_it_back(tmp_path, capsys, monkeypatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP, encoding="utf-8")
    call_command("apply_config", str(file), "--dry-run")
    assert "would be created: 9" in capsys.readouterr().out
    call_command("apply_config", str(file))
    assert "+ store nonna/harlem" in capsys.readouterr().out
    call_command("export_config", "--brand", "nonna")
    assert "slug: nonna" in capsys.readouterr().out
    file.write_text("brands: [{slug: a, nam: b}]", encoding="utf-8")
    with pytest.raises(
        CommandError, match=r"shop.yaml:1: unknown key 'nam'[^$]*Nothing was changed"
    ):
        call_command("apply_config", str(file))
    with pytest.raises(CommandError, match="there are: nonna"):
        call_command("export_config", "--brand", "roma")
