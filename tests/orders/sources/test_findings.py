"""Ten findings about real contracts, each as a test at the level of sources and timeline.

Findings 1 to 5 (Shopify's sample, numbers beyond 2^53, WooCommerce's delivery id, redirects
and ping) are told from the webhook to the phone in `tests/journeys/test_traps_of_*.py` and
`tests/orders/api/test_hooks.py`; here is what they leave out.
"""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.conf import settings

from orders import intake, registry
from orders.contract import Api, BadSignature, Raw, Unmappable
from orders.models import InboundEvent, Order, StatusChange
from orders.normalising import normalise
from orders.signatures import SHOPIFY, WOOCOMMERCE, Scheme, sign, verify
from orders.sources.deliveroo.signing import CURRENT, LEGACY
from tests.orders.sources import deliveroo_bodies, just_eat_bodies
from tests.orders.sources.arriving import NOW, arrive, built_in, connected, shopify, states, written
from tests.orders.sources.bodies import mapped, shopify_order, woo_order

pytestmark = pytest.mark.django_db
EXACT, ROUNDED = 820982911946154508, 820982911946154500
SECRET = "test_secret"


# -- 1: a create that says test, cancelled and voided -------------------------------------------


@pytest.mark.parametrize("topic", ["orders/create", "orders/updated", "orders/cancelled"])
def test_a_test_order_is_one_whatever_else_is_true_and_whatever_the_topic(topic: str) -> None:
    gone = {"cancelled_at": "2026-11-21T18:31:00-05:00", "financial_status": "voided"}
    arrive(connected("shopify"), shopify_order(test=True, **gone), shopify(topic))
    order = Order.objects.get()
    assert (order.status, order.is_test) == ("cancelled", True)
    assert set(StatusChange.objects.values_list("silent_why", flat=True)) == {"test"}


def test_once_a_test_order_always_one() -> None:
    hook = connected("shopify")
    arrive(hook, shopify_order(test=True), shopify("orders/create"))
    later = shopify_order(
        updated_at="2026-11-21T18:40:00-05:00", cancelled_at="2026-11-21T18:40:00-05:00"
    )
    arrive(hook, {**later, "test": False}, shopify("orders/updated"))
    assert set(StatusChange.objects.values_list("silent_why", flat=True)) == {"test"}


# -- 2: whole numbers beyond 2^53 ---------------------------------------------------------------

LARGE: list[tuple[str, str, Any]] = [
    ("shopify", "orders/create", {"id": EXACT, "financial_status": "paid"}),
    ("woocommerce", "order.updated", woo_order(id=EXACT)),
    ("generic", "order.updated", {"id": EXACT, "status": "ready"}),
    ("deliveroo", "order.new", deliveroo_bodies.order_body(id=EXACT)),
    ("just_eat", "order", just_eat_bodies.order(OrderId=EXACT)),
]


@pytest.mark.parametrize(("slug", "topic", "body"), LARGE, ids=lambda value: str(value)[:16])
def test_a_number_beyond_the_exact_ones_never_goes_through_a_float(
    slug: str, topic: str, body: Any
) -> None:
    assert mapped(registry.source(slug), topic, body).external_id == str(EXACT)


def test_a_number_that_did_go_through_a_float_is_refused() -> None:
    for slug, topic, body in LARGE[3:]:
        spoilt = json.dumps(body).replace(str(EXACT), "8.20982911946154508e17").encode()
        with pytest.raises(Unmappable):
            registry.source(slug).map(topic, {}, spoilt, {})


def test_the_exact_and_the_rounded_number_are_one_order_in_the_inbox() -> None:
    hook = connected("shopify")
    exact = {"admin_graphql_api_id": f"gid://shopify/Order/{EXACT}"}
    arrive(hook, shopify_order(id=ROUNDED, **exact), shopify("orders/create"))
    done = {"financial_status": "refunded", "updated_at": "2026-11-21T18:50:00-05:00"}
    arrive(hook, shopify_order(id=EXACT, **done, **exact), shopify("orders/updated"))
    assert Order.objects.get().external_id == str(EXACT)


# -- 3: WooCommerce's delivery id ---------------------------------------------------------------


def test_one_delivery_id_for_two_orders_and_two_ids_for_one_state() -> None:
    source = built_in("woocommerce")

    def key(body: dict[str, Any], delivery: str) -> str:
        headers = {"x-wc-webhook-topic": "order.updated", "x-wc-webhook-delivery-id": delivery}
        return source.identify(Raw(headers, written(body)))[0].event_key

    assert key(woo_order(id=1), "same") != key(woo_order(id=2), "same")
    assert key(woo_order(), "one") == key(woo_order(), "other")


# -- 5: the ping --------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["deliveroo", "generic", "just_eat", "olo", "shopify"])
def test_the_unsigned_form_opens_no_other_source(slug: str) -> None:
    ping = Raw({"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=1")
    source = built_in(slug)
    assert source.handshake(ping, [SECRET]) is None
    with pytest.raises(BadSignature):
        source.authenticate(ping, [SECRET])


# -- 6: Square's webhooks hold neither customer nor lines, and share event ids ------------------


def square(kind: str, member: str, **about: Any) -> dict[str, Any]:
    """A webhook of Square under one and the same event id."""
    return {
        "merchant_id": "M1",
        "type": kind,
        "event_id": "bc316346-6691-4243-88ed-6d651a0d0c47",
        "created_at": "2026-11-21T18:00:00Z",
        "data": {"type": member, "id": "X1", "object": {member: about}},
    }


ORDER_UPDATED = square(
    "order.updated", "order_updated", order_id="O1", state="OPEN", version=4, location_id="L1"
)


def test_one_event_id_under_two_types_is_two_events() -> None:
    source = built_in("square")
    keys = {
        source.identify(Raw({}, written(square(kind, "refund", order_id="O1"))))[0].event_key
        for kind in ("refund.created", "refund.updated")
    }
    assert len(keys) == 2


def test_a_square_webhook_points_and_is_no_order() -> None:
    source = built_in("square")
    api = Api("https://connect.squareup.com", {"access_token": "t"})
    ask = source.ask("order.updated", {}, written(ORDER_UPDATED), api)
    assert ask is not None
    assert "O1" in ask.url
    for event in source.map("order.updated", {}, written(ORDER_UPDATED), {}):
        assert (event.contact, list(event.lines), event.may_create) == (None, [], False)


# -- 7: DoorDash Drive says event_name, and signs nothing ---------------------------------------

DASHER = {
    "external_delivery_id": "1001",
    "event_name": "DASHER_DROPPED_OFF",
    "created_at": "2026-11-21T18:00:00Z",
}


def test_the_dasher_speaks_in_event_name_and_another_key_is_no_silent_nothing() -> None:
    source = built_in("doordash_drive")
    (event,) = source.map("", {}, written(DASHER), {})
    assert [group.status for group in event.groups] == ["delivered"]
    for key in ("delivery_status", "event_type", "status"):
        moved = {**DASHER, key: DASHER["event_name"]}
        del moved["event_name"]
        with pytest.raises(Unmappable, match="event_name"):
            source.map("", {}, written(moved), {})


def test_the_signature_that_snippets_invented_opens_nothing() -> None:
    source, body = built_in("doordash_drive"), written(DASHER)
    made_up = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for name in ("x-doordash-signature", "x-signature"):
        with pytest.raises(BadSignature):
            source.authenticate(Raw({name: made_up}, body), [SECRET])
    source.authenticate(Raw({"authorization": SECRET}, body), [SECRET])


# -- 8: Toast leaves out the guest, and writes 600 kB -------------------------------------------


def test_a_body_of_600_kilobytes_is_taken_and_checked() -> None:
    assert settings.MAX_WEBHOOK_BYTES >= 600_000
    large = b'{"x": "' + b"x" * 600_000 + b'"}'
    for scheme in (SHOPIFY, WOOCOMMERCE):
        raw = Raw({}, large)
        signed = Raw({scheme.headers[0]: sign(scheme, raw, SECRET)}, large)
        verify(scheme, signed, [SECRET], now=NOW)


def test_a_toast_webhook_has_no_guest_so_its_order_is_asked_for() -> None:
    source = built_in("toast")
    guid = "8b4c1d5e-0000-4000-8000-000000000001"
    restaurant = "8b4c1d5e-0000-4000-8000-0000000000aa"
    body = {
        "timestamp": "2026-11-21T18:00:00.000Z",
        "eventCategory": "order_updated",
        "eventType": "order_updated",
        "guid": "8b4c1d5e-0000-4000-8000-0000000000ee",
        "details": {"restaurantGuid": restaurant, "order": {"guid": guid, "checks": []}},
    }
    credentials = {"client_id": "c", "client_secret": "s", "restaurant_guid": restaurant}
    api = Api("https://ws-api.toasttab.com", credentials, token="t")
    (event,) = source.map("order_updated", {}, written(body), {})
    assert event.contact is None
    ask = source.ask("order_updated", {}, written(body), api)
    assert ask is not None
    assert guid in ask.url


# -- 9: Deliveroo signs with two separators -----------------------------------------------------


def deliveroo(body: dict[str, Any], scheme: Scheme) -> Raw:
    """`body`, signed as that generation is."""
    guid = {"x-deliveroo-sequence-guid": hashlib.sha256(written(body)).hexdigest()[:32]}
    signature = sign(scheme, Raw(guid, written(body)), SECRET)
    return Raw({**guid, "x-deliveroo-hmac-sha256": signature}, written(body), received_at=NOW)


def test_both_generations_of_deliveroo_tell_of_one_order() -> None:
    hook = connected("deliveroo")
    for body, scheme in [
        (deliveroo_bodies.legacy_body(), LEGACY),
        (deliveroo_bodies.order_body("order.new"), CURRENT),
        (deliveroo_bodies.legacy_body("cancel_order"), LEGACY),
    ]:
        assert intake.receive(hook, deliveroo(body, scheme), NOW).ids
        normalise(100, NOW)
    assert Order.objects.get().status == "cancelled"
    assert set(states()) == {"processed"}


def test_with_the_other_generations_separator_nothing_gets_in() -> None:
    hook = connected("deliveroo")
    for body, wrong in [
        (deliveroo_bodies.legacy_body(), CURRENT),
        (deliveroo_bodies.order_body(), LEGACY),
    ]:
        with pytest.raises(BadSignature):
            intake.receive(hook, deliveroo(body, wrong), NOW)
    assert not InboundEvent.objects.exists()
    hook.refresh_from_db()
    assert hook.refused_count == 2


def test_the_rider_takes_the_order_out_and_a_late_order_event_does_not_bring_it_back() -> None:
    hook = connected("deliveroo")
    arrive(hook, deliveroo_bodies.order_body("order.new"))
    arrive(hook, deliveroo_bodies.rider_body(deliveroo_bodies.rider(("20:00", "rider_in_transit"))))
    late = deliveroo_bodies.log(("00:02", "placed"), ("04:00", "accepted"))
    arrive(hook, deliveroo_bodies.order_body(status_log=late))
    order = Order.objects.get()
    assert (order.status, order.base_status) == ("out_for_delivery", "confirmed")
    assert order.groups.get().courier == "Marco P."


# -- 10: masked numbers -------------------------------------------------------------------------

PHONE = "+442033221100"
GUEST = {"first_name": "Ada", "phone": PHONE, "phone_code": "482913"}
MARKETPLACES: list[tuple[str, dict[str, Any]]] = [
    ("deliveroo", deliveroo_bodies.order_body("order.new")),
    ("just_eat", just_eat_bodies.order()),
    ("uber_eats", {"id": "u1", "current_state": "CREATED", "eater": GUEST}),
    (
        "doordash_marketplace",
        {
            "event": {"type": "OrderCreate", "status": "NEW"},
            "order": {"id": "d1", "consumer": {"first_name": "Ada", "phone": PHONE}},
        },
    ),
]


@pytest.mark.parametrize(("slug", "body"), MARKETPLACES, ids=lambda value: str(value)[:20])
def test_a_marketplaces_number_is_masked_and_its_pin_kept_apart(
    slug: str, body: dict[str, Any]
) -> None:
    source = built_in(slug)
    (item,) = source.identify(Raw({}, written(body)))
    (event,) = source.map(item.topic, {}, written(body), {})
    assert event.contact is not None
    assert (event.contact.phone, event.contact.proxy) == (PHONE, True)
    assert event.contact.phone_pin not in (PHONE, None)
    assert source.contact_use
    assert source.approval
    arrive(connected(slug), body)
    order = Order.objects.get()
    assert (order.contact_phone, order.contact_proxy) == (PHONE, True)


def test_the_pin_of_a_masked_number_is_read_where_there_is_one() -> None:
    for slug, body in MARKETPLACES[:3]:
        (item,) = built_in(slug).identify(Raw({}, written(body)))
        (event,) = built_in(slug).map(item.topic, {}, written(body), {})
        assert event.contact is not None
        assert event.contact.phone_pin == "482913"
