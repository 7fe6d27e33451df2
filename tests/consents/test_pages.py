"""The preference page and one-click unsubscribe, over HTTP."""

import re
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import signing
from django.test import Client

from consents import links, policy, recording
from consents.models import ConsentEvent, ContactPoint, Preference
from consents.recording import Wanted, ensure_contact_points
from tests.factories import CustomerFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.consents.urls")]
NOW = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def email() -> ContactPoint:
    ada = CustomerFactory(brand__name="Luigi's")
    wanted = [
        Wanted(ada.brand_id, ada.pk, "email", "ada@example.com"),
        Wanted(ada.brand_id, ada.pk, "phone", "+12025550143"),
    ]
    return next(p for p in ensure_contact_points(wanted).values() if p.kind == "email")


@pytest.fixture
def strict() -> Client:
    """A browser in front of a server that checks forms."""
    return Client(enforce_csrf_checks=True)


def phone_of(email: ContactPoint) -> ContactPoint:
    return ContactPoint.objects.get(customer=email.customer, kind="phone")


def unsubscribe_path(point: ContactPoint) -> str:
    return urlsplit(links.unsubscribe_url(point.brand_id, point.pk)).path


def preference_path(point: ContactPoint) -> str:
    return urlsplit(links.preference_url(point.brand_id, point.pk)).path


def press(client: Client, point: ContactPoint, action: str, **fields: str) -> str:
    """Open the page, press a button of it, follow to the page that comes."""
    path = preference_path(point)
    page = client.get(path).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    data = {"csrfmiddlewaretoken": token[1], "action": action, **fields}
    response = client.post(path, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def reachable(point: ContactPoint) -> set[str]:
    points = list(ContactPoint.objects.filter(customer=point.customer))
    facts = policy.load(point.brand_id, points)
    later = datetime(2100, 1, 1, tzinfo=UTC)
    families = {"phone": "sms", "email": "email", "telegram": "chat"}
    closed = {p.kind: policy.recheck(facts, p, families[p.kind], "order", later) for p in points}
    return {kind for kind, refusal in closed.items() if refusal is None}


# --- One-click unsubscribe


def test_opening_the_unsubscribe_link_unsubscribes_nobody(
    strict: Client, email: ContactPoint
) -> None:
    response = strict.get(unsubscribe_path(email))

    assert response.status_code == 200
    page = response.content.decode()
    assert "Stop emails from Luigi&#x27;s?" in page
    assert "ada@example.com" not in page
    assert not ConsentEvent.objects.exists()
    assert strict.head(unsubscribe_path(email)).status_code == 200
    assert not ConsentEvent.objects.exists()


def test_one_post_of_a_mail_client_unsubscribes_at_once(
    strict: Client, email: ContactPoint
) -> None:
    response = strict.post(unsubscribe_path(email), ONE_CLICK)

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert not response.cookies
    event = ConsentEvent.objects.get()
    assert (event.action, event.channel, event.purpose, event.method) == (
        "withdraw",
        "email",
        "*",
        "one_click",
    )
    assert reachable(email) == {"phone"}


def test_posting_twice_says_one_thing(strict: Client, email: ContactPoint) -> None:
    for _ in range(3):
        assert strict.post(unsubscribe_path(email), ONE_CLICK).status_code == 200

    assert ConsentEvent.objects.count() == 1


def test_unsubscribing_again_after_coming_back_counts_again(
    strict: Client, email: ContactPoint
) -> None:
    with time_machine.travel(NOW, tick=False):
        strict.post(unsubscribe_path(email), ONE_CLICK)
    recording.opt_in(email, method="page", now=NOW + timedelta(minutes=1))
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        strict.post(unsubscribe_path(email), ONE_CLICK)

    assert reachable(email) == {"phone"}


def test_a_person_who_presses_the_button_sees_a_page(strict: Client, email: ContactPoint) -> None:
    response = strict.post(unsubscribe_path(email), ONE_CLICK, headers={"accept": "text/html"})

    assert response.status_code == 200
    assert "You are unsubscribed" in response.content.decode()


def test_a_forged_swapped_or_outworn_link_changes_nothing(
    strict: Client, email: ContactPoint
) -> None:
    token = links.unsubscribe_token(email.brand_id, email.pk)
    wrong = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        links.preference_token(email.brand_id, email.pk),  # of the other page
        links.unsubscribe_token(email.brand_id + 1, email.pk),  # of another brand
        links.unsubscribe_token(email.brand_id, 10**6),
        signing.Signer(sep=".", salt="consents.unsubscribe").sign_object({"a": 1}),
        "x",
        "x" * 5000,
    ]
    for bad in wrong:
        response = strict.post(f"/u/{bad}/", ONE_CLICK)
        assert response.status_code == 404
        assert "reply STOP" in response.content.decode()

    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(strict: Client, email: ContactPoint, method: str) -> None:
    assert getattr(strict, method)(unsubscribe_path(email)).status_code == 405


def test_a_link_stays_good_for_years_and_carries_nothing_personal(email: ContactPoint) -> None:
    with time_machine.travel(NOW):
        token = links.preference_token(email.brand_id, email.pk)
    with time_machine.travel(NOW + timedelta(days=2000)):
        assert links.read_preference(token) == email
    assert "ada" not in token


# --- Preferences


def test_the_page_shows_masked_addresses_and_is_kept_out_of_caches(
    client: Client, email: ContactPoint
) -> None:
    response = client.get(preference_path(email))

    page = response.content.decode()
    assert "a•••@example.com" in page
    assert "ada@example.com" not in page
    assert "2025550143" not in page
    assert response["Cache-Control"] == "no-store"
    assert "orderbell.css" in page


def test_a_channel_is_stopped_with_one_click_and_resumed_with_another(
    strict: Client, email: ContactPoint
) -> None:
    page = press(strict, email, f"stop:{email.pk}")
    assert "Saved." in page
    assert reachable(email) == {"phone"}

    press(strict, email, f"resume:{email.pk}")
    assert reachable(email) == {"phone", "email"}
    assert [e.method for e in ConsentEvent.objects.all()] == ["page", "page"]


def test_the_form_needs_its_token(strict: Client, email: ContactPoint) -> None:
    assert strict.post(preference_path(email), {"action": "stop_all"}).status_code == 403
    assert not ConsentEvent.objects.exists()


def test_everything_is_stopped_with_one_click_and_taken_back(
    strict: Client, email: ContactPoint
) -> None:
    page = press(strict, email, "stop_all")
    assert "Everything is stopped" in page
    assert reachable(email) == set()

    press(strict, email, "resume_all")
    assert reachable(email) == {"phone", "email"}


def test_a_stop_by_text_is_not_lifted_from_a_link_in_an_email(
    strict: Client, email: ContactPoint
) -> None:
    phone = phone_of(email)
    recording.opt_out(phone, method="keyword", now=NOW)

    page = strict.get(preference_path(email)).content.decode()
    assert "send START to the number" in page
    assert f"resume:{phone.pk}" not in page
    for action in (f"resume:{phone.pk}", "stop_all", "resume_all"):
        press(strict, email, action)

    assert reachable(email) == {"email"}


def test_a_stop_by_text_is_lifted_from_a_link_in_a_text(
    strict: Client, email: ContactPoint
) -> None:
    phone = phone_of(email)
    recording.opt_out(phone, method="keyword", now=NOW)

    press(strict, phone, f"resume:{phone.pk}")

    assert reachable(email) == {"phone", "email"}


def test_an_address_of_somebody_else_cannot_be_stopped_from_here(
    strict: Client, email: ContactPoint
) -> None:
    other = CustomerFactory(brand=email.brand)
    wanted = [Wanted(other.brand_id, other.pk, "email", "bob@example.com")]
    bob = next(iter(ensure_contact_points(wanted).values()))

    for chosen in (str(bob.pk), "", "x", "9" * 40):
        press(strict, email, f"stop:{chosen}")

    assert not ConsentEvent.objects.exists()


def test_language_order_and_quiet_hours_are_saved(strict: Client, email: ContactPoint) -> None:
    page = press(
        strict,
        email,
        "save",
        language="es",
        rank_0="sms",
        rank_1="email",
        quiet_from="22:30",
        quiet_until="07:00",
    )

    preference = Preference.objects.get(customer=email.customer)
    assert (preference.language, preference.families) == ("es", ["sms", "email"])
    assert (preference.quiet_from, preference.quiet_until) == (time(22, 30), time(7))
    assert not preference.live_order_exempt
    assert '<html lang="es">' in page
    assert 'value="22:30"' in page
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"quiet_from": "22:00"},
        {"quiet_from": "22:00", "quiet_until": "22:00"},
        {"quiet_from": "late", "quiet_until": "07:00"},
        {"language": "tlh"},
        {"rank_0": "fax"},
    ],
)
def test_what_cannot_be_is_answered_with_the_reason_and_not_saved(
    client: Client, email: ContactPoint, fields: dict[str, str]
) -> None:
    response = client.post(preference_path(email), {"action": "save", **fields})

    assert response.status_code == 400
    assert "errorlist" in response.content.decode()
    assert not Preference.objects.exists()


def test_the_same_channel_chosen_twice_counts_once(client: Client, email: ContactPoint) -> None:
    data = {"action": "save", "rank_0": "sms", "rank_1": "sms"}

    assert client.post(preference_path(email), data).status_code == 303
    assert Preference.objects.get().families == ["sms", "email"]


def test_an_address_without_a_customer_can_still_be_stopped(strict: Client) -> None:
    brand_id = CustomerFactory().brand_id
    found = ensure_contact_points([Wanted(brand_id, None, "phone", "+12025550199")])
    lone = next(iter(found.values()))

    press(strict, lone, "stop_all")

    facts = policy.load(brand_id, [lone])
    refusal = policy.recheck(facts, lone, "sms", "order", NOW)
    assert refusal is not None
    assert refusal.reason == "global_stop"
