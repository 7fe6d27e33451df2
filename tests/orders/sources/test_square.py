"""Square: what is signed, what a webhook points at, and what the order says."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from orders.contract import BadSignature, Malformed, Raw, Tracking, Unmappable
from orders.signatures import sign
from orders.sources.square.fulfilments import duration
from orders.sources.square.source import SIGNATURE, SOURCE
from orders.statuses import Fact
from tests.orders.sources.square_bodies import (
    AT,
    ORDER_ID,
    a_return,
    dump,
    envelope,
    fulfilment,
    order,
    payment,
    refund,
    split,
    updated,
)

URL = "https://hub.example.com/in/square/abc"
BODY = b'{"id":1001,"status":"ready"}'
SECRET = "test_secret"
SIGNED = "38xNOF8Uellrzf4R8mrOYVtKUoj3UKTkmYndhjq3Rw0="
HEADER = "x-square-hmacsha256-signature"
SAMPLES = Path(django_settings.BASE_DIR).parent / "shared" / "payloads" / "square"


def raw(body: bytes = BODY, signature: str = SIGNED, **more: Any) -> Raw:
    return Raw({HEADER: signature} if signature else {}, body, **{"url": URL, **more})


def mapped(body: Any, topic: str = "order.updated", headers: Any = None, **settings: Any) -> Any:
    return list(SOURCE.map(topic, headers or {}, dump(body), settings))


def the(body: Any, **settings: Any) -> Any:
    """The snapshot: the first event."""
    return mapped({**updated(), "order": body}, **settings)[0]


# -- signed -------------------------------------------------------------------------------------


def test_the_known_answers_are_made_and_accepted() -> None:
    assert sign(SIGNATURE, raw(), SECRET) == SIGNED
    SOURCE.authenticate(raw(), [SECRET])
    SOURCE.authenticate(raw(), ["a newer one", SECRET])


def test_the_vendors_own_example_is_accepted() -> None:
    body = (
        b'{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",'
        b'"event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f",'
        b'"created_at":"2022-07-13T20:30:59.037339943Z","data":{"type":"webhooks",'
        b'"id":"bc368e64-01aa-407e-b46e-3231809b1129"}}'
    )
    signed = "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4="
    url = "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9"
    request = raw(body, signed, url=url)
    SOURCE.authenticate(request, ["Ibxx_5AKakO-3qeNVR61Dw"])
    (item,) = SOURCE.identify(request)
    assert SOURCE.map(item.topic, {}, body, {}) == []


FORGERIES = {
    "missing": raw(signature=""),
    "empty": raw(signature="  "),
    "of the body alone": raw(signature="p8S+xiQnTgWD5RojpgjYIYZL2LgzQVWKTA49+ClGlbY="),
    "truncated": raw(signature=SIGNED[:-5]),
    "without padding": raw(signature=SIGNED.rstrip("=")),
    "in another case": raw(signature=SIGNED.lower()),
    "not ascii": raw(signature="ü" + SIGNED),
    "truncated body": raw(BODY[:-1]),
    "a line break more": raw(BODY + b"\n"),
    "the same JSON in other bytes": raw(b'{"id": 1001, "status": "ready"}'),
    "keys in another order": raw(b'{"status":"ready","id":1001}'),
    "another address": raw(url=URL + "d"),
    "the address without TLS": raw(url=URL.replace("https", "http")),
    "no address": raw(url=""),
}


@pytest.mark.parametrize("request_", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused(request_: Raw) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(request_, [SECRET])


@pytest.mark.parametrize("secrets", [[], [""], ["the key of another tenant"]])
def test_without_the_right_key_nothing_gets_in(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(), secrets)


def test_the_registered_address_counts_and_not_the_one_that_was_called() -> None:
    behind = raw(url="http://10.0.0.5/hooks/k/", settings={"notification_url": URL})
    SOURCE.authenticate(behind, [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(settings={"notification_url": URL + "?x=1"}), [SECRET])


def test_a_signature_of_any_age_is_a_signature_and_a_repeat_is_known_by_its_key() -> None:
    """Square signs no time: an old body is accepted once, by its event id."""
    body = dump(updated())
    signed = sign(SIGNATURE, Raw({}, body, url=URL), SECRET)
    later = datetime.now(UTC) + timedelta(days=30)
    SOURCE.authenticate(raw(body, signed, received_at=later), [SECRET])
    keys = {SOURCE.identify(raw(body, signed))[0].event_key for _n in range(2)}
    assert keys == {"order.updated:ev-1"}


# -- arriving -----------------------------------------------------------------------------------


def test_two_kinds_under_one_event_id_are_two_events() -> None:
    """Square's own samples of refund.created and refund.updated share theirs."""
    created, changed = refund("refund.created", status="PENDING"), refund()
    keys = [SOURCE.identify(raw(dump(body)))[0].event_key for body in (created, changed)]
    assert keys == ["refund.created:ev-1", "refund.updated:ev-1"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"type":"order.updated"}', b'{"event_id":"x"}', b"[" * 9000],
)
def test_what_is_no_webhook_of_square_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw(body))


def test_other_webhooks_say_that_they_should_be_unsubscribed() -> None:
    with pytest.raises(Unmappable, match="Unsubscribe"):
        mapped(envelope("inventory.count.updated", "inventory", {}), "inventory.count.updated")
    with pytest.raises(Unmappable, match="which order"):
        mapped(envelope("order.updated", "order_updated", {}))


# -- an order -----------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = the(order(fulfilment(pickup_at="2026-11-21T20:00:00Z", note="ring twice")))
    assert (event.external_id, event.display_number, event.location) == (ORDER_ID, "Ada 12", "LOC1")
    assert (event.clock.version, event.clock.at) == (6, datetime(2026, 11, 21, 19, 30, tzinfo=UTC))
    assert (event.total_minor, event.currency, event.source_status) == (2150, "USD", "OPEN")
    assert event.placed_at == datetime(2026, 11, 21, 19, 0, tzinfo=UTC)
    assert (event.fulfilment_type, event.note, event.status) == ("pickup", "ring twice", "")
    assert [(one.line_id, one.name, one.quantity, one.note) for one in event.lines] == [
        ("l1", "Pizza", "2", "Large, Olives, well done"),
        ("l2", "Cheese", "0.75", ""),
    ]
    assert event.lines_complete
    assert event.may_create
    assert not event.test
    assert event.attributes == {
        "state": "OPEN", "reference_id": "WEB-77", "ordered_through": "Online Store",
    }  # fmt: skip


def test_the_recipient_is_whom_to_tell() -> None:
    contact = the(order(fulfilment())).contact
    assert (contact.name, contact.given_name) == ("Ada Lovelace", "Ada")
    assert (contact.phone, contact.country) == ("(202) 555-0143", "US")
    assert (contact.email, contact.external_id) == ("ada@example.com", "CUST1")
    assert not contact.proxy


def test_an_order_without_a_recipient_has_only_the_id_of_a_profile() -> None:
    contact = the(order(fulfilment(recipient=None))).contact
    assert (contact.external_id, contact.phone, contact.email) == ("CUST0", "", "")
    assert the(order(customer_id=None)).contact is None


def test_the_number_of_a_managed_delivery_is_never_texted() -> None:
    assert the(order(fulfilment(kind="DELIVERY", managed_delivery=True))).contact.proxy is True


STATES = [
    ("PICKUP", "PROPOSED", "placed"),
    ("PICKUP", "RESERVED", "confirmed"),
    ("PICKUP", "PREPARED", "ready"),
    ("PICKUP", "COMPLETED", "picked_up"),
    ("SHIPMENT", "COMPLETED", "out_for_delivery"),
    ("DELIVERY", "COMPLETED", "delivered"),
    ("DIGITAL", "COMPLETED", "delivered"),
    ("DELIVERY", "CANCELED", "cancelled"),
    ("SHIPMENT", "PREPARED", "ready"),
]


@pytest.mark.parametrize(("kind", "state", "expected"), STATES)
def test_the_state_of_a_part_is_translated_with_its_type(
    kind: str, state: str, expected: str
) -> None:
    event = the(order(fulfilment("f9", kind, state)))
    (group,) = event.groups
    assert (group.key, group.status, group.source_status) == ("f9", expected, state)
    assert (event.unmapped_status, event.status) == ("", "")


def test_what_reserved_means_is_the_connections_choice() -> None:
    body = order(fulfilment(state="RESERVED"))
    assert the(body, reserved_means="preparing").groups[0].status == "preparing"
    assert the(body, status_map={"RESERVED": "ready"}).groups[0].status == "ready"
    with pytest.raises(Unmappable, match="reserved_means"):
        the(body, reserved_means="done")


def test_a_status_map_may_name_the_type() -> None:
    table = {"PREPARED SHIPMENT": "preparing", "PROPOSED": "ignore"}
    parts = [("SHIPMENT", "PREPARED"), ("PICKUP", "PREPARED"), ("PICKUP", "PROPOSED")]
    read = [the(order(fulfilment("f", *one)), status_map=table).groups[0].status for one in parts]
    assert read == ["preparing", "ready", ""]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (order(fulfilment(state="FROZEN")), "FROZEN PICKUP"),
        (order(fulfilment(kind="DRONE", state="COMPLETED")), "COMPLETED DRONE"),
        (order(state="PAUSED"), "PAUSED"),
    ],
)
def test_a_word_that_nobody_has_translated_is_reported_and_never_guessed(
    body: Any, word: str
) -> None:
    event = the(body)
    assert event.unmapped_status == word
    assert [group.status for group in event.groups] in ([""], [])
    assert event.status == ""


def test_a_cancelled_order_says_why() -> None:
    parts = [
        fulfilment(state="CANCELED", cancel_reason="sold out"),
        fulfilment(state="CANCELED", expired_at=AT),
    ]
    read = [the(order(part, state="CANCELED")) for part in parts]
    assert [event.status for event in read] == ["cancelled", "cancelled"]
    assert [event.cancel_reason for event in read] == ["sold out", "expired"]


def test_a_paid_order_is_not_a_finished_one() -> None:
    body = order(fulfilment(state="PREPARED"), state="COMPLETED", closed_at="2026-11-21T19:10:00Z")
    snapshot, paid = mapped({**updated(), "order": body})
    assert (snapshot.status, snapshot.groups[0].status) == ("", "ready")
    assert paid.facts == [(Fact.PAYMENT, {"state": "completed"})]
    assert paid.clock.at == datetime(2026, 11, 21, 19, 10, tzinfo=UTC)
    assert (paid.clock.version, paid.may_create, paid.status) == (None, False, "")


def test_a_failed_part_is_told_once_under_the_time_at_which_it_failed() -> None:
    about = {"failed_at": "2026-11-21T19:20:00Z", "failure_reason": "lost"}
    part = fulfilment("f1", "SHIPMENT", "FAILED", **about)
    copies = [mapped({**updated(), "order": order(part, version=n)}) for n in (6, 7)]
    assert copies[0][1] == copies[1][1]
    snapshot, failed = copies[0]
    assert (snapshot.groups[0].status, snapshot.unmapped_status) == ("", "")
    assert failed.facts == [(Fact.FAILED, {"group": "f1", "reason": "lost"})]
    assert failed.occurred_at == datetime(2026, 11, 21, 19, 20, tzinfo=UTC)


def test_a_failure_without_a_time_is_told_once_too() -> None:
    part = fulfilment("f1", "DELIVERY", "FAILED")
    one, other = (
        mapped({**updated(), "order": order(part, version=n, updated_at=f"2026-11-21T2{n}:00:00Z")})
        for n in (0, 1)
    )
    assert one[1].clock == other[1].clock
    assert other[1].occurred_at == datetime(2026, 11, 21, 21, 0, tzinfo=UTC)


def test_a_draft_and_a_return_are_no_orders() -> None:
    assert mapped({**updated(), "order": order(fulfilment(), state="DRAFT")}) == []
    assert mapped({**updated(), "order": a_return()}) == []
    exchange = {**a_return(), "line_items": [{"uid": "n1", "name": "New", "quantity": "1"}]}
    assert the(exchange).external_id == "RETURN1"


def test_a_sale_over_the_counter_is_the_connections_choice() -> None:
    states = ("OPEN", "COMPLETED", "CANCELED")
    tracked = [the(order(state=state)).status for state in states]
    assert tracked == ["placed", "picked_up", "cancelled"]
    ignored = {**updated(), "order": order(state="COMPLETED")}
    assert mapped(ignored, counter_sales="ignore") == []
    assert the(order(fulfilment()), counter_sales="ignore").groups


# -- parts --------------------------------------------------------------------------------------


def test_a_split_order_has_parts_with_their_own_lines() -> None:
    body = order(
        split("f1", ("l1", "1"), ("l1", "1"), state="PREPARED"),
        split("f2", ("l2", "0.75"), state="RESERVED"),
    )
    groups = the(body).groups
    assert [(one.key, one.status, list(one.lines)) for one in groups] == [
        ("f1", "ready", [("l1", "2")]),
        ("f2", "confirmed", [("l2", "0.75")]),
    ]


def test_a_part_that_holds_everything_names_no_lines() -> None:
    assert list(the(order(fulfilment())).groups[0].lines) == []


def test_curbside_is_a_way_of_its_own() -> None:
    event = the(order(fulfilment(is_curbside_pickup=True)))
    assert (event.fulfilment_type, event.groups[0].method) == ("curbside", "curbside")


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, tzinfo=UTC)


PROMISES: list[tuple[str, dict[str, str], tuple[Any, Any, Any]]] = [
    ("PICKUP", {"pickup_at": "2026-11-21T20:00:00Z"}, (at(20), None, None)),
    (
        "PICKUP",
        {"accepted_at": "2026-11-21T19:40:00Z", "prep_time_duration": "PT25M"},
        (at(20, 5), None, None),
    ),
    ("PICKUP", {"ready_at": "2026-11-21T19:59:00Z"}, (None, None, None)),
    (
        "DELIVERY",
        {
            "deliver_at": "2026-11-21T21:00:00Z",
            "delivery_window_duration": "PT1H30M",
            "courier_pickup_at": "2026-11-21T20:30:00Z",
        },
        (at(20, 30), at(21), at(22, 30)),
    ),
    ("DELIVERY", {"deliver_at": "2026-11-21T21:00:00Z"}, (None, at(21), at(21))),
    ("SHIPMENT", {"expected_shipped_at": "2026-11-21T22:00:00Z"}, (at(22), None, None)),
]


@pytest.mark.parametrize(("kind", "about", "expected"), PROMISES)
def test_what_was_promised(kind: str, about: dict[str, str], expected: Any) -> None:
    (group,) = the(order(fulfilment("f1", kind, **about))).groups
    assert (group.ready_at, group.deliver_from, group.deliver_to) == expected


@pytest.mark.parametrize("value", ["", "P", "PT", "15M", "PT1.5H", "P99999999D", None, 5, "PTXM"])
def test_what_is_no_duration_is_none(value: Any) -> None:
    assert duration(value) is None


def test_a_duration_is_read_in_all_its_parts() -> None:
    assert duration("P1W3D") == timedelta(days=10)
    assert duration("P1DT2H3M4S") == timedelta(days=1, hours=2, minutes=3, seconds=4)


def test_a_parcel_and_a_courier_are_named() -> None:
    about = {"tracking_number": "1Z9", "carrier": "UPS", "tracking_url": "https://ups.example/1Z9"}
    (group,) = the(order(fulfilment("f1", "SHIPMENT", **about))).groups
    assert group.tracking == [Tracking("1Z9", "UPS", "https://ups.example/1Z9")]
    about = {"courier_provider_name": "DoorDash", "external_delivery_id": "dd-1"}
    event = the(order(fulfilment("f1", "DELIVERY", **about)))
    assert (event.groups[0].courier, event.groups[0].aliases) == ("DoorDash", ["dd-1"])
    assert event.aliases == ["dd-1", "PAY1"]


def test_a_reference_is_another_name_only_when_it_is_unique() -> None:
    """Two orders with the reference "Table 5" must not become one."""
    assert the(order()).aliases == ["PAY1"]
    assert the(order(), reference_is_order_id=True).aliases == ["WEB-77", "PAY1"]


# -- money --------------------------------------------------------------------------------------


def test_a_refund_counts_once_it_is_completed() -> None:
    (event,) = mapped(refund(), "refund.updated")
    assert [(one.refund_id, one.amount_minor, one.reason) for one in event.refunds] == [
        ("PAY1_REFUND1", 1000, "cold")
    ]
    assert (event.external_id, event.aliases, event.may_create) == (ORDER_ID, ["PAY1"], False)
    assert (event.clock.version, event.clock.at) == (None, at(20, 5))
    for status in ("PENDING", "APPROVED", ""):
        assert mapped(refund(status=status), "refund.created") == []


def test_a_refund_of_a_return_leads_to_the_sale() -> None:
    body = {**refund(order_id="RETURN1"), "order": a_return()}
    (event,) = mapped(body, "refund.updated")
    assert event.external_id == ORDER_ID
    unlinked = {**refund(order_id="RETURN1"), "order": a_return(returns=[{"uid": "r"}])}
    (event,) = mapped(unlinked, "refund.updated")
    assert (event.external_id, event.aliases) == ("RETURN1", ["PAY1"])


def test_a_refund_brings_the_order_with_it() -> None:
    snapshot, money = mapped({**refund(), "order": order(fulfilment())}, "refund.updated")
    assert (snapshot.external_id, snapshot.may_create, snapshot.refunds) == (ORDER_ID, True, ())
    assert money.refunds[0].amount_minor == 1000


@pytest.mark.parametrize("status", ["REJECTED", "FAILED"])
def test_a_refund_that_failed_is_news_about_money(status: str) -> None:
    (event,) = mapped(refund(status=status), "refund.updated")
    assert event.refunds == ()
    assert event.facts[0][1]["state"] == "refund_failed"


@pytest.mark.parametrize("amount", [0, -5, "10.00", None, True])
def test_a_refund_of_no_amount_is_none(amount: Any) -> None:
    assert mapped(refund(amount_money={"amount": amount, "currency": "USD"})) == []


def test_a_payment_is_told_when_it_ends() -> None:
    (event,) = mapped(payment(), "payment.updated")
    assert event.facts == [(Fact.PAYMENT, {"state": "completed", "payment_id": "PAY1"})]
    assert not event.may_create
    assert mapped(payment("APPROVED"), "payment.updated") == []
    assert mapped(payment(order_id=None), "payment.updated") == []
    snapshot, paid = mapped({**payment(), "order": order(fulfilment())}, "payment.updated")
    assert (snapshot.external_id, paid.facts) == (ORDER_ID, event.facts)


def test_a_payment_of_an_ignored_sale_waits_for_nothing() -> None:
    body = {**payment(), "order": order(state="COMPLETED")}
    assert mapped(body, "payment.updated", counter_sales="ignore") == []


# -- strange bodies -----------------------------------------------------------------------------


def test_a_sandbox_order_is_a_test() -> None:
    headers = {"square-environment": "Sandbox"}
    assert [one.test for one in mapped({**updated(), "order": order()}, headers=headers)] == [True]
    headers = {"square-environment": "Production"}
    assert not mapped({**updated(), "order": order()}, headers=headers)[0].test


def test_a_webhook_that_was_not_fetched_speaks_of_a_known_order_only() -> None:
    moves = [
        {"fulfillment_uid": "f1", "old_state": "RESERVED", "new_state": "PREPARED"},
        {"fulfillment_uid": "f2", "new_state": "COMPLETED"},
    ]
    told = {"order_id": ORDER_ID, "version": 7, "state": "OPEN", "fulfillment_update": moves}
    body = envelope("order.fulfillment.updated", "order_fulfillment_updated", told)
    (event,) = mapped(body, "order.fulfillment.updated")
    assert (event.may_create, event.clock.version) == (False, 7)
    assert [(one.key, one.status) for one in event.groups] == [("f1", "ready"), ("f2", "")]
    assert event.unmapped_status == ""


def test_long_numbers_stay_exact_and_names_lose_their_tricks() -> None:
    person = {"display_name": "Zoë\r\n\u202eمريم 李", "phone_number": "555-SHIP"}
    event = the(order(fulfilment(recipient=person), id=9007199254740993, version=2**60))
    assert event.external_id == "9007199254740993"
    assert event.clock.version == 2**60
    assert event.contact.name == "Zoë مريم 李"
    assert event.contact.phone == ""


@pytest.mark.parametrize(
    "body",
    [
        {"order": {"id": "x", "fulfillments": [{"pickup_details": 5}, 7, None], "line_items": 3}},
        {"order": {"id": "x", "tenders": [{}], "total_money": {"amount": "5"}, "version": "7"}},
        {"order": {"id": "x", "returns": "no", "metadata": {"a": [1]}, "state": None}},
    ],
)
def test_members_of_the_wrong_kind_are_members_not_said(body: Any) -> None:
    (event,) = mapped(body, "order.listed")
    assert (event.external_id, event.total_minor, event.clock.version) == ("x", None, None)


@pytest.mark.parametrize(
    "body", [{"order": {"id": 1.5}}, {"order": {}}, [], "x", {"order": {"id": True}}]
)
def test_an_order_without_an_id_is_unmappable(body: Any) -> None:
    with pytest.raises(Unmappable):
        mapped(body, "order.listed")


# -- published bodies ---------------------------------------------------------------------------


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published samples are not on this machine")
class TestPublished:
    def body(self, name: str) -> Any:
        return json.loads((SAMPLES / f"{name}.json").read_bytes())

    def test_the_order_is_read(self) -> None:
        (event,) = mapped(self.body("order-get-1"), "order.listed")
        assert (event.external_id, event.clock.version) == ("CAISENgvlJ6jLWAzERDzjyHVybY", 1)
        assert (event.total_minor, event.status) == (550, "placed")
        assert [(one.name, one.quantity) for one in event.lines] == [
            ("Item 1", "1"),
            ("Item 2", "2"),
        ]

    def test_the_webhooks_point(self) -> None:
        (event,) = mapped(self.body("order.created-1"), "order.created")
        assert (event.external_id, event.may_create) == ("eA3vssLHKJrv9H0IdJCM3gNqfdcZY", False)
        (event,) = mapped(self.body("order.fulfillment.updated-1"))
        assert (event.groups[0].key, event.groups[0].status) == (
            "VWJ1N9leLqjSDLvF2hvYjD",
            "confirmed",
        )
        assert event.clock.version == 6
        assert mapped(self.body("refund.created-1")) == []

    def test_each_cut_short_is_refused(self) -> None:
        for path in sorted(SAMPLES.glob("*.json")):
            with pytest.raises(Malformed):
                SOURCE.identify(raw(path.read_bytes().strip()[:-1]))
