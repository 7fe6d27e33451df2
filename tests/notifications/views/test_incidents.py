"""The alerts page, one incident, and the page behind an alert's link."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications import alert_links, alerting, incidents
from notifications.models import Destination, Incident, IncidentEvent, Notification
from tests.factories import BrandFactory, ChannelFactory, StoreFactory
from tests.notifications.views.rows import make_order

LIST = "/dashboard/incidents/"


def make_incident(brand: Any, **fields: Any) -> Incident:
    values = {
        "kind": "late",
        "about": f"late:{Incident.objects.count()}",
        "title": "#1042 is late",
        "detail": "Ready was expected at 18:40.",
        "next_act": "Ask the kitchen",
        **fields,
    }
    return incidents.raise_incident(incidents.Trouble(brand.pk, **values), timezone.now())


def make_place(brand: Any, **fields: Any) -> Destination:
    channel = ChannelFactory(brand_id=brand.pk, provider="slack")
    values = {"slug": "kitchen", "name": "Kitchen", "address": "C0", "channel": channel, **fields}
    return Destination.objects.create(brand=brand, **values)


def link(incident: Incident, place: Destination) -> str:
    return "/a/" + alert_links.alert_url(incident.pk, place.pk).partition("/a/")[2]


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- The list ---


def test_open_ones_come_first_with_state_age_and_next_act(staff, brand, store):
    done = make_incident(brand, title="Done one", store_id=store.pk)
    incidents.resolve_one(done, "It came back.", timezone.now())
    taken = make_incident(brand, title="Taken one")
    Incident.objects.filter(pk=taken.pk).update(state="acknowledged", acknowledged_by="kim")
    make_incident(brand, title="Open one", store_id=store.pk)
    text = text_of(page(staff, LIST))
    assert text.index("Open one") < text.index("Taken one") < text.index("Done one")
    for words in ("An order is late", "Harbour", "just now", "Ask the kitchen", "It came back."):
        assert words in text
    assert "Somebody is on it" in text


def test_an_empty_list_says_so(staff):
    assert "Nothing waits for you." in page(staff, LIST)


def test_the_menu_counts_what_nobody_has_taken(staff, brand):
    for _number in range(2):
        make_incident(brand)
    Incident.objects.filter(pk=make_incident(brand).pk).update(state="snoozed")
    badge = re.search(r'<span class="nav-count">(\d+)', page(staff, LIST))
    assert badge is not None
    assert badge[1] == "2"


def test_the_home_page_leads_to_them(staff, brand):
    make_incident(brand)
    html = page(staff, "/dashboard/")
    assert f'href="{LIST}"' in html
    assert "alert that nobody has taken" in text_of(html)


@pytest.mark.parametrize("who", ["stranger", "storekeeper"])
def test_nobody_sees_what_is_not_theirs(who, request, brand, store):
    client = request.getfixturevalue(who)
    other = make_incident(brand, title="Elsewhere", store_id=StoreFactory(brand=brand).pk)
    assert "Elsewhere" not in page(client, LIST)
    assert client.get(f"{LIST}{other.pk}/").status_code == 404
    assert client.post(f"{LIST}{other.pk}/act/", {"act": "resolve"}).status_code == 404
    other.refresh_from_db()
    assert other.state == "open"


def test_a_storekeeper_sees_their_store_and_what_is_about_no_store(storekeeper, brand, store):
    make_incident(brand, title="Ours", store_id=store.pk)
    make_incident(brand, title="The channel", kind="channel", about="channel:1")
    html = page(storekeeper, LIST)
    assert "Ours" in html
    assert "The channel" in html


# --- What people press ---


@pytest.mark.parametrize(
    ("pressed", "state"),
    [
        ("acknowledge", "acknowledged"),
        ("snooze-15", "snoozed"),
        ("snooze-60", "snoozed"),
        ("resolve", "resolved"),
        ("resolve-phone", "resolved"),
        ("reopen", "open"),
        ("", "open"),
    ],
)
def test_what_is_pressed_happens_in_the_name_of_who_presses(staff, brand, pressed, state):
    incident = make_incident(brand)
    answer = staff.post(f"{LIST}{incident.pk}/act/", {"act": pressed})
    assert answer.status_code == 302
    incident.refresh_from_db()
    assert incident.state == state
    if state != "open":
        assert IncidentEvent.objects.order_by("id").last().actor.startswith("staff")


def test_what_became_of_an_unreached_customer_is_kept(staff, brand, store):
    incident = make_incident(brand, kind="unreached", order_id=make_order(brand=brand).pk)
    html = page(staff, f"{LIST}{incident.pk}/")
    assert "Not reached" in html
    assert 'href="tel:+12025550143"' in html
    staff.post(f"{LIST}{incident.pk}/act/", {"act": "resolve-not"})
    incident.refresh_from_db()
    assert incident.resolved_why == "Not reached"


@pytest.mark.parametrize("path", ["", "1/"])
def test_looking_changes_nothing_and_a_stranger_must_log_in(client, brand, path):
    make_incident(brand)
    assert client.get(f"{LIST}{path}").status_code == 302
    assert client.get(f"{LIST}1/act/").status_code in (302, 405)


def test_one_incident_shows_its_history_and_its_alerts(staff, brand, store):
    incident = make_incident(brand, store_id=store.pk)
    place = make_place(brand)
    alerting.tell(incident, place, "1", timezone.now())
    incidents.note(incident.pk, "told", timezone.now(), detail="Usual, step 1: Kitchen")
    html = page(staff, f"{LIST}{incident.pk}/")
    text = text_of(html)
    for words in ("Usual, step 1: Kitchen", "Queued", "Opened", "Ready was expected"):
        assert words in text
    assert "/a/" not in html, "the link acts in the name of another place"


# --- The link in an alert ---


def test_the_link_shows_one_incident_and_a_look_does_nothing(client, brand, store):
    incident = make_incident(brand, store_id=store.pk)
    address = link(incident, make_place(brand))
    for _scanner in range(3):
        assert "#1042 is late" in page(client, address)
    assert client.head(address).status_code == 200
    incident.refresh_from_db()
    assert incident.state == "open"
    assert IncidentEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("pressed", "state"),
    [("acknowledge", "acknowledged"), ("snooze-15", "snoozed"), ("resolve", "resolved")],
)
def test_a_press_acts_in_the_name_of_the_place(brand, pressed, state):
    incident = make_incident(brand)
    address = link(incident, make_place(brand))
    phone = Client(enforce_csrf_checks=True)
    for _twice in range(2):
        answer = phone.post(address, {"act": pressed})
        assert (answer.status_code, answer["Location"]) == (302, address)
    incident.refresh_from_db()
    assert incident.state == state
    assert IncidentEvent.objects.order_by("id").last().actor == "Kitchen, by the link"
    assert IncidentEvent.objects.count() == 2


def test_the_page_is_private_and_without_addresses(client, brand, store):
    order = make_order(brand=brand, store=store)
    incident = make_incident(brand, kind="unreached", order_id=order.pk)
    answer = client.get(link(incident, make_place(brand)))
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    html = answer.content.decode()
    for secret in (order.contact_phone, order.contact_email, "Lovelace", incident.token):
        assert secret not in html


def test_the_link_speaks_the_language_of_its_place(client, brand):
    address = link(make_incident(brand), make_place(brand, language="es"))
    assert '<html lang="es">' in page(client, address)


@pytest.mark.parametrize("token", ["x", "1-1.abc.def", "9" * 300])
def test_a_made_up_link_opens_nothing(client, brand, token):
    make_incident(brand)
    assert client.get(f"/a/{token}/").status_code == 404
    assert client.post(f"/a/{token}/", {"act": "resolve"}).status_code == 404
    assert Incident.objects.get().state == "open"


def test_a_link_ends_after_a_week(client, brand, travel):
    begin = timezone.now()
    travel(begin)
    incident = make_incident(brand)
    address = link(incident, make_place(brand))
    travel(begin + timedelta(days=6, hours=23))
    assert client.get(address).status_code == 200
    travel(begin + timedelta(days=7, minutes=1))
    assert client.post(address, {"act": "resolve"}).status_code == 404
    assert "seven days" in client.get(address).content.decode()


def test_a_link_is_for_its_own_incident_only(client, brand):
    mine, other = make_incident(brand), make_incident(BrandFactory())
    address = link(mine, make_place(brand))
    client.post(address, {"act": "resolve", "incident": other.pk})
    other.refresh_from_db()
    assert other.state == "open"
    assert Notification.objects.count() == 0
