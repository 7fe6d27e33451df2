"""Toast: what each body says, who may say it, and what is asked of the API."""

import contextlib
import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orders import signatures
from orders.contract import (
    Api,
    BadSignature,
    Malformed,
    NoAccess,
    OrderEvent,
    Raw,
    Refund,
    SourceError,
    TokenRefused,
    Told,
    TryLater,
    Unmappable,
)
from orders.loading import Word
from orders.models import Order, SourceConnection
from orders.sources.toast import api as toast_api
from orders.sources.toast.sandbox import GUID as SANDBOX_GUID
from orders.sources.toast.sandbox import Sandbox, demo_credentials
from orders.sources.toast.source import SOURCE, STAMP, TOAST
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.toast_bodies import (
    EVENT,
    GUID,
    RESTAURANT,
    SENT_AT,
    TAKEOUT,
    toast_check,
    toast_guest,
    toast_order,
    toast_selection,
    toast_webhook,
    written,
)

NOW = datetime(2026, 11, 21, 19, 30, 1, tzinfo=UTC)
SECRET = "toast-subscription-secret"
BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "payloads"
SAMPLES = Path(os.environ.get("SAMPLE_PAYLOADS", BESIDE))


def order(settings: dict[str, Any] | None = None, **changes: Any) -> OrderEvent:
    return mapped(SOURCE, "order_updated", toast_webhook(toast_order(**changes)), settings)


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, second, tzinfo=UTC)


# -- who says it --------------------------------------------------------------------------------


def signed(body: bytes, secret: str = SECRET, stamp: str = SENT_AT, **raw: Any) -> Raw:
    signature = signatures.sign(TOAST, Raw({STAMP: stamp}, body), secret)
    headers = {"toast-signature": signature, "toast-attempt-number": "1"}
    return Raw(headers, body, **{"received_at": NOW, **raw})


def test_the_signature_is_over_the_body_and_its_timestamp() -> None:
    """The vector of the contract."""
    raw = Raw({STAMP: SENT_AT}, b'{"id":1001,"status":"ready"}')
    expected = "QMg1KM971LKxnRBMkLq6DjGBSsnlYogBoEEdKM4z9mE="
    assert signatures.sign(TOAST, raw, "test_secret") == expected


def test_a_signed_webhook_gets_in_with_either_secret() -> None:
    SOURCE.authenticate(signed(written(toast_webhook())), ["newer", SECRET])


def test_a_time_in_a_header_is_not_the_time_that_is_signed() -> None:
    raw = signed(written(toast_webhook()))
    SOURCE.authenticate(Raw({**raw.headers, STAMP: "x"}, raw.body, received_at=NOW), [SECRET])


def ahead(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


BODY = written(toast_webhook())
FORGERIES = {
    "missing": Raw({}, BODY, received_at=NOW),
    "empty": Raw({"toast-signature": " "}, BODY, received_at=NOW),
    "wrong": Raw({"toast-signature": "A" * 43 + "="}, BODY, received_at=NOW),
    "not ascii": Raw({"toast-signature": "é🍕"}, BODY, received_at=NOW),
    "another tenant's secret": signed(BODY, "somebody else's"),
    "without the timestamp": Raw(
        {"toast-signature": signatures.sign(signatures.SHOPIFY, Raw({}, BODY), SECRET)},
        BODY,
        received_at=NOW,
    ),
    "truncated": Raw(
        {"toast-signature": signed(BODY).headers["toast-signature"][:-4]}, BODY, received_at=NOW
    ),
    "over a re-serialised body": Raw(
        signed(BODY).headers, json.dumps(json.loads(BODY), indent=1).encode(), received_at=NOW
    ),
    "a body cut short": Raw(signed(BODY).headers, BODY[:-1], received_at=NOW),
    "no timestamp": signed(written(toast_webhook(timestamp=None)), stamp="None"),
    "no time": signed(written(toast_webhook(timestamp="soon")), stamp="soon"),
    "old": signed(BODY, received_at=NOW + timedelta(minutes=61)),
    "a clock ten minutes ahead": signed(
        written(toast_webhook(timestamp=ahead(10))), stamp=ahead(10)
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(FORGERIES[name], [SECRET])


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nobody_gets_in(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(signed(BODY), secrets)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"[" * 5000, b"\xff", b"{" * 6_000_000])
def test_an_unreadable_body_proves_nothing(body: bytes) -> None:
    with pytest.raises(BadSignature, match="cannot be read"):
        SOURCE.authenticate(signed(body), [SECRET])


def test_the_last_attempt_still_gets_in_and_any_age_when_asked() -> None:
    SOURCE.authenticate(signed(BODY, received_at=NOW + timedelta(minutes=16)), [SECRET])
    late = NOW + timedelta(days=3)
    SOURCE.authenticate(signed(BODY, received_at=late, settings={"max_age_minutes": 0}), [SECRET])
    with pytest.raises(BadSignature):
        wrong = signed(BODY, received_at=late, settings={"max_age_minutes": "forever"})
        SOURCE.authenticate(wrong, [SECRET])


# -- arriving -----------------------------------------------------------------------------------


def test_a_repeat_is_known_by_the_guid_of_the_event() -> None:
    (item,) = SOURCE.identify(Raw({}, BODY))
    assert (item.event_key, item.topic) == (EVENT, "order_updated")
    again = Raw({"toast-attempt-number": "2"}, written(toast_webhook()))
    assert SOURCE.identify(again)[0].event_key == EVENT
    other = SOURCE.identify(Raw({}, written(toast_webhook(guid="other"))))[0]
    assert other.event_key != EVENT


def test_without_a_guid_the_content_is_the_key() -> None:
    first, second = (
        SOURCE.identify(Raw({}, written(toast_webhook(guid=None, timestamp=stamp))))[0].event_key
        for stamp in ("a", "b")
    )
    assert first != second


@pytest.mark.parametrize("body", [b"", b"{", b'{"guid": NaN}', b"[" * 5000, b"[1]", b'"x"'])
def test_a_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


def test_600_kilobytes_are_checked_and_identified() -> None:
    """Bodies pass 600 kB, and Toast waits two seconds: nothing here reads one twice."""
    items = [toast_selection(n, modifiers=[toast_selection(n)] * 4) for n in range(500)]
    body = written(toast_webhook(toast_order(checks=[toast_check(*items)])))
    assert len(body) > 600_000
    raw = signed(body)
    SOURCE.authenticate(raw, [SECRET])
    (item,) = SOURCE.identify(raw)
    assert item.event_key == EVENT


# -- a whole order ------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = order()
    assert (event.external_id, event.display_number, event.status) == (GUID, "12", "preparing")
    assert (event.total_minor, event.currency, event.location) == (2150, "USD", RESTAURANT)
    assert event.source_status == "APPROVED / SENT"
    assert [(one.name, one.quantity, one.removed_quantity) for one in event.lines] == [
        ("Pizza 1", "1", "0")
    ]
    assert (event.lines_complete, event.may_create, event.test) == (True, True, False)
    assert event.placed_at == datetime(2026, 11, 21, 19, 10, 0, 500_000, tzinfo=UTC)
    assert event.contact is None
    assert event.attributes == {
        "placed_through": "Online",
        "business_date": "20261121",
        "dining_option": TAKEOUT,
    }


def test_the_clock_is_the_newest_change_of_the_order_or_any_bill_or_item() -> None:
    assert order().clock.at == at(19, 29, 30)
    newer = toast_selection(1, modifiedDate="2026-11-21T19:45:00.000+0000")
    assert order(checks=[toast_check(newer)]).clock.at == at(19, 45)


def test_without_any_date_the_webhooks_own_time_is_the_clock() -> None:
    event = order(modifiedDate=None, checks=[])
    assert event.clock.at == at(19, 30)


def test_two_bills_are_one_order_in_one_part() -> None:
    """Guests split the bill, not the food."""
    second = toast_check(
        toast_selection(2),
        guid="c2",
        displayNumber="11",
        createdDate="2026-11-21T19:10:00.900+0000",
        totalAmount=8,
    )
    event = order(checks=[toast_check(), second])
    assert [group.key for group in event.groups] == ["main"]
    assert (event.total_minor, len(event.lines), event.display_number) == (2950, 2, "11")


def test_a_deleted_bill_is_gone_and_1970_means_never() -> None:
    gone = toast_check(toast_selection(2), guid="c2", deleted=True, displayNumber="1")
    event = order(checks=[toast_check(), gone])
    assert (len(event.lines), event.total_minor, event.archived) == (1, 2150, False)


def test_a_void_item_was_taken_off() -> None:
    event = order(checks=[toast_check(toast_selection(1), toast_selection(2, "NEW", voided=True))])
    assert [one.removed_quantity for one in event.lines] == ["0", "1"]
    assert event.status == "preparing"


def test_what_is_void_is_neither_waited_for_nor_paid() -> None:
    done = toast_check(toast_selection(1, "READY"), toast_selection(2, "SENT", voided=True))
    for gone in ({"voided": True}, {"deleted": True}):
        other = toast_check(toast_selection(3, "SENT"), guid="c2", totalAmount=8, **gone)
        event = order(checks=[done, other])
        assert (event.status, event.total_minor) == ("ready", 2150)


def test_modifiers_and_quantities() -> None:
    extra = [{"displayName": "no\r\nonions"}, {"displayName": "\u202elarge"}]
    item = toast_selection(1, quantity=0.5, modifiers=extra)
    (line,) = order(checks=[toast_check(item)]).lines
    assert (line.quantity, line.note) == ("0.5", "no onions, large")
    assert line.sku == "17e00000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("name", ["Żółć", "李小龍", "علي", "Ω" * 50])
def test_names_of_every_script(name: str) -> None:
    contact = order(checks=[toast_check(customer=toast_guest(firstName=name))]).contact
    assert contact is not None
    assert contact.given_name == name


def test_test_mode_is_a_test() -> None:
    assert order(createdInTestMode=True).test is True


# -- statuses -----------------------------------------------------------------------------------


def items(*words: str) -> dict[str, Any]:
    return {"checks": [toast_check(*(toast_selection(n, word) for n, word in enumerate(words)))]}


STATUSES: list[tuple[dict[str, Any], str]] = [
    ({"approvalStatus": "NEEDS_APPROVAL", **items("NEW")}, "placed"),
    ({"approvalStatus": "FUTURE", **items("NEW", "HOLD")}, "placed"),
    ({"approvalStatus": None, **items("NEW")}, ""),
    ({"approvalStatus": "NOT_APPROVED", **items("NEW")}, "cancelled"),
    (items("NEW", "HOLD"), "confirmed"),
    (items("NEW", "SENT"), "preparing"),
    (items("READY", "SENT"), "preparing"),
    (items("READY", "NEW"), "preparing"),
    (items("READY", "READY"), "ready"),
    ({"checks": []}, "confirmed"),
    ({"deliveryInfo": {"deliveryState": "PENDING"}, **items("READY")}, "ready"),
    ({"deliveryInfo": {"deliveryState": "IN_PROGRESS"}}, "out_for_delivery"),
    ({"deliveryInfo": {"deliveryState": "PICKED_UP"}}, "out_for_delivery"),
    ({"deliveryInfo": {"deliveryState": "DELIVERED"}}, "delivered"),
    ({"voided": True, **items("READY")}, "cancelled"),
    ({"checks": [toast_check(voided=True)]}, "cancelled"),
    ({"closedDate": SENT_AT, **items("SENT")}, "preparing"),
]


@pytest.mark.parametrize(("changes", "status"), STATUSES, ids=lambda one: str(one)[:60])
def test_the_status_follows_the_table(changes: dict[str, Any], status: str) -> None:
    event = order(**changes)
    assert (event.status, event.unmapped_status) == (status, "")


def test_why_an_order_ended() -> None:
    void = order(voided=True, voidDate="2026-11-21T19:20:00.000+0000")
    assert (void.cancel_reason, void.occurred_at) == ("voided", at(19, 20))
    assert order(approvalStatus="NOT_APPROVED").cancel_reason == "not_approved"


def test_items_that_the_kitchen_never_sees_need_not_be_waited_for() -> None:
    assert order({"ready_when": "sent"}, **items("READY", "NEW")).status == "ready"
    assert order({"ready_when": "sent"}, **items("READY", "SENT")).status == "preparing"
    with pytest.raises(Unmappable, match="ready_when is 'now'"):
        order({"ready_when": "now"}, **items("READY"))


@pytest.mark.parametrize(
    ("method", "status"),
    [("pickup", "picked_up"), ("curbside", "picked_up"), ("dine_in", "delivered"),
     ("delivery", "delivered")],
)  # fmt: skip
def test_closed_is_the_end_only_where_the_operator_says_so(method: str, status: str) -> None:
    settings = {"closed_means": "handed_over", "dining_options": {TAKEOUT: method}}
    assert order(settings, closedDate=SENT_AT).status == status
    assert order(settings).status == "preparing"


def test_a_reopened_order_goes_back() -> None:
    """Legal here: the later snapshot says less, and its clock is newer."""
    settings = {"closed_means": "handed_over", "dining_options": {TAKEOUT: "pickup"}}
    closed = order(settings, closedDate=SENT_AT)
    reopened = order(settings, closedDate=None, modifiedDate="2026-11-21T20:00:00.000+0000")
    assert (closed.status, reopened.status) == ("picked_up", "preparing")
    assert closed.clock.at is not None
    assert reopened.clock.at is not None
    assert reopened.clock.at > closed.clock.at


@pytest.mark.parametrize(
    "changes",
    [{"approvalStatus": "MAYBE"}, {"deliveryInfo": {"deliveryState": "MAYBE"}}, items("MAYBE")],
    ids=str,
)
def test_an_unknown_word_is_never_guessed(changes: dict[str, Any]) -> None:
    assert order(**changes).unmapped_status == "MAYBE"


def test_the_connections_map_comes_first() -> None:
    mine = {"status_map": {"HOLD": "placed", "MAYBE": "placed", "SENT": "ignore"}}
    assert order(mine, approvalStatus="MAYBE", **items("HOLD")).status == "placed"
    ignored = order(mine)
    assert (ignored.status, ignored.unmapped_status) == ("confirmed", "")


def test_a_typing_error_in_the_map_is_no_status() -> None:
    event = order({"status_map": {"SENT": "prepairing"}})
    assert (event.status, event.unmapped_status) == ("confirmed", "SENT")


@pytest.mark.parametrize("wrong", ["x", ["SENT"], {"SENT": 5}, {"SENT": None}, None])
def test_a_map_of_the_wrong_kind_is_no_map(wrong: Any) -> None:
    assert order({"status_map": wrong}).status == "preparing"


def test_a_deleted_order_leaves_the_board_and_nobody_is_told() -> None:
    event = order(deleted=True, voided=True)
    assert (event.status, event.archived, event.may_create) == ("", True, False)


# -- how, when, how much ------------------------------------------------------------------------

METHODS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, ""),
    ({}, {"other_dining_options": "pickup"}, "pickup"),
    ({}, {"other_dining_options": "by drone"}, ""),
    ({}, {"dining_options": {TAKEOUT: "curbside"}}, "curbside"),
    ({}, {"dining_options": {TAKEOUT: "by drone"}}, ""),
    ({}, {"dining_options": "pickup"}, ""),
    ({"deliveryInfo": {"city": "Boston"}}, {}, "delivery"),
    ({"curbsidePickupInfo": {"transportColor": "red"}}, {}, "curbside"),
    ({"table": {"guid": "t"}}, {}, "dine_in"),
    ({"diningOption": {"guid": "x", "behavior": "TAKE_OUT"}}, {}, "pickup"),
]


@pytest.mark.parametrize(("changes", "settings", "method"), METHODS, ids=str)
def test_how_the_guest_gets_it(
    changes: dict[str, Any], settings: dict[str, Any], method: str
) -> None:
    assert order(settings, **changes).fulfilment_type == method


def test_the_estimate_is_the_time_it_is_ready_or_at_the_door() -> None:
    (group,) = order().groups
    assert (group.ready_at, group.deliver_to) == (at(19, 40), None)
    (group,) = order(deliveryInfo={"city": "Boston"}).groups
    assert (group.ready_at, group.deliver_to) == (None, at(19, 40))


def test_a_scheduled_order_is_promised_for_later() -> None:
    later = "2026-11-22T12:00:00.000+0000"
    event = order(
        approvalStatus="FUTURE",
        openedDate=later,
        promisedDate=later,
        estimatedFulfillmentDate=None,
        checks=[],
    )
    assert event.groups[0].ready_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert (event.status, event.placed_at and event.placed_at.day) == ("placed", 21)


def test_an_estimate_of_the_very_opening_is_no_promise() -> None:
    assert order(estimatedFulfillmentDate="2026-11-21T19:10:00.000+0000").groups == []
    assert order(table={"guid": "t"}).groups == []


def paid(status: str, **refund: Any) -> dict[str, Any]:
    payment = {"guid": "p1", "refundStatus": status, "refund": refund or None}
    return {"checks": [toast_check(payments=[payment])]}


def test_refunds_with_their_tip() -> None:
    event = order(**paid("PARTIAL", refundAmount=5, tipRefundAmount=0.5, refundDate=SENT_AT))
    assert event.refunds == [Refund("p1", 550, at=at(19, 30))]
    assert not event.refunded_in_full
    whole = order(**paid("FULL", refundAmount=21.5, refundTransaction={"guid": "r1"}))
    assert ([one.refund_id for one in whole.refunds], whole.refunded_in_full) == (["r1:p1"], True)
    assert order(**paid("NONE")).refunds == []


def test_the_currency_is_the_connections() -> None:
    event = order({"currency": "kwd"})
    assert (event.currency, event.total_minor) == ("KWD", 21500)


def test_money_that_cannot_be_read_does_not_stand_in_the_way() -> None:
    event = order(checks=[toast_check(totalAmount="a lot")])
    assert (event.total_minor, event.status) == (None, "preparing")


# -- the guest ----------------------------------------------------------------------------------


def test_the_guest_of_the_first_bill_that_names_one() -> None:
    contact = order(checks=[toast_check(), toast_check(guid="c2", customer=toast_guest())]).contact
    assert contact is not None
    assert (contact.name, contact.given_name) == ("Ada Byron", "Ada")
    assert (contact.phone, contact.proxy) == ("+12025550143", False)
    assert contact.email == "ada@example.com"


@pytest.mark.parametrize(
    ("phone", "code", "read"),
    [
        ("+12025550143", "1", "+12025550143"),
        ("(202) 555-0143", "+1", "+12025550143"),
        ("2025550143", None, "2025550143"),
        ("none", "1", ""),
    ],
)
def test_how_phones_are_written(phone: str, code: str | None, read: str) -> None:
    guest = toast_guest(phone=phone, phoneCountryCode=code)
    contact = order(checks=[toast_check(customer=guest)]).contact
    assert contact is not None
    assert contact.phone == read


def test_a_marketplaces_number_is_masked() -> None:
    bill = toast_check(customer=toast_guest())
    listed = order({"marketplace_dining_options": [TAKEOUT]}, checks=[bill]).contact
    grubhub = order(source="Grubhub", checks=[bill]).contact
    own = order({"marketplace_dining_options": "all"}, checks=[bill]).contact
    assert [one and one.proxy for one in (listed, grubhub, own)] == [True, True, False]


# -- the guest order status ---------------------------------------------------------------------


def guest_status(word: str, settings: dict[str, Any] | None = None, **details: Any) -> OrderEvent:
    said = {"orderGuid": GUID, "guestOrderStatus": word, "lastUpdated": SENT_AT, **details}
    body = {"guid": EVENT, "timestamp": "x", "eventType": "guest_status", "details": said}
    return mapped(SOURCE, "guest_status", body, settings)


@pytest.mark.parametrize(
    ("word", "status"),
    [("RECEIVED", "placed"), ("IN_PREPARATION", "preparing"), ("READY_FOR_PICKUP", "ready"),
     ("VOIDED", "cancelled"), ("CLOSED", "")],
)  # fmt: skip
def test_the_guest_status_is_of_the_part_so_that_no_snapshot_takes_it_back(
    word: str, status: str
) -> None:
    event = guest_status(word)
    (group,) = event.groups
    assert (event.status, group.status, event.unmapped_status) == ("", status, "")
    assert (event.external_id, event.may_create, event.clock.at) == (GUID, False, at(19, 30))


def test_closed_is_the_guests_hand_or_door() -> None:
    closed = guest_status("CLOSED", {"other_dining_options": "pickup"})
    assert closed.groups[0].status == "picked_up"
    closed = guest_status("CLOSED", {"status_map": {"CLOSED": "delivered"}})
    assert closed.groups[0].status == "delivered"
    assert guest_status("BURNT").unmapped_status == "BURNT"


@pytest.mark.parametrize("place", [{"order": {"guid": "g"}}, {"guid": "g"}, {"orderGuid": "g"}])
def test_the_likely_places_of_the_orders_guid(place: dict[str, Any]) -> None:
    assert guest_status("CLOSED", None, **{"orderGuid": None, **place}).external_id == "g"


def test_a_guest_status_without_an_order_is_for_a_person() -> None:
    with pytest.raises(Unmappable, match="which order"):
        guest_status("CLOSED", orderGuid=None)


@pytest.mark.parametrize("details", [{}, {"order": None}, {"order": []}, {"order": {"guid": None}}])
def test_a_body_without_an_order_is_for_a_person(details: Any) -> None:
    with pytest.raises(Unmappable):
        mapped(SOURCE, "menus_updated", toast_webhook(details=details, eventType="menus_updated"))


def test_strange_values_anywhere_are_no_crash() -> None:
    stranges: list[Any] = [None, 5, "x", [], {}, [[]], [{}], True, Decimal(2)]
    for strange in stranges:
        whole = toast_order()
        for name in whole:
            body = json.dumps(toast_webhook({**whole, name: strange}), default=str).encode()
            with contextlib.suppress(SourceError):
                SOURCE.map("order_updated", {}, body, {})


# -- the API ------------------------------------------------------------------------------------

CREDENTIALS = demo_credentials()


def api(sandbox: Sandbox | None = None, **changes: Any) -> Api:
    base = "https://toast.example/sandbox/toast"
    known = Api(base, CREDENTIALS)
    if sandbox is None:
        return Api(**{"base": base, "credentials": CREDENTIALS, "token": "t", **changes})
    ask = SOURCE.token_ask(known, NOW)
    assert ask is not None
    token = SOURCE.token(sandbox.handle(ask), NOW)
    assert token.expires_at == NOW + timedelta(days=1)
    return Api(base, CREDENTIALS, token=token.value)


def told(status: int, body: Any = None, **headers: str) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Told(status, named, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_the_login_as_toast_wants_it() -> None:
    ask = SOURCE.token_ask(Api("https://b", {"client_id": "i", "client_secret": "s"}), NOW)
    assert ask is not None
    assert (ask.method, ask.url) == ("POST", "https://b/authentication/v1/authentication/login")
    assert json.loads(ask.body) == {
        "clientId": "i",
        "clientSecret": "s",
        "userAccessType": "TOAST_MACHINE_CLIENT",
    }
    assert ask.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (told(401), NoAccess),
        (told(403), NoAccess),
        (told(429, retry_after="7"), TryLater),
        (told(503), TryLater),
        (told(200, b"<html>"), TryLater),
        (told(200, {"status": "SUCCESS"}), NoAccess),
        (told(200, {"token": {"accessToken": "", "expiresIn": 5}}), NoAccess),
        (told(200, {"token": {"accessToken": "x", "expiresIn": 0}}), NoAccess),
        (told(418), SourceError),
    ],
    ids=str,
)
def test_a_login_that_fails(answer: Told, error: type[Exception]) -> None:
    with pytest.raises(error):
        SOURCE.token(answer, NOW)


def test_the_order_is_asked_for_at_its_own_restaurant() -> None:
    ask = SOURCE.ask("order_updated", {}, BODY, api())
    assert ask is not None
    assert (ask.method, ask.url) == (
        "GET",
        f"https://toast.example/sandbox/toast/orders/v2/orders/{GUID}",
    )
    assert ask.headers["Toast-Restaurant-External-ID"] == RESTAURANT
    assert ask.headers["Authorization"] == "Bearer t"


def test_what_is_not_asked_for() -> None:
    assert SOURCE.ask("order_updated", {}, BODY, api(credentials={})) is None
    assert SOURCE.ask("order_listed", {}, BODY, api()) is None
    evil = written(toast_webhook(toast_order(guid="../../x?y=1")))
    assert SOURCE.ask("order_updated", {}, evil, api()) is None
    assert SOURCE.token_ask(api(credentials={}), NOW) is None
    assert SOURCE.list_ask(NOW, "", api(credentials={"client_id": "i"})) is None


def test_from_the_webhook_to_the_guest() -> None:
    """The webhook leaves the guest out; with the API's answer he can be told."""
    sandbox = Sandbox()
    connected = api(sandbox)
    sandbox.put(toast_order(checks=[toast_check(customer=toast_guest())]))
    ask = SOURCE.ask("order_updated", {}, BODY, connected)
    assert ask is not None
    body = SOURCE.fetched("order_updated", BODY, sandbox.handle(ask))
    event = mapped(SOURCE, "order_updated", body)
    assert event.contact is not None
    assert event.contact.phone == "+12025550143"
    assert (event.location, event.status, event.total_minor) == (RESTAURANT, "preparing", 2150)


def test_an_answer_that_is_older_than_the_webhook_only_adds_the_guest() -> None:
    old = "2026-11-21T19:11:00.000+0000"
    bill = toast_check(
        toast_selection(1, "NEW", modifiedDate=old), modifiedDate=old, customer=toast_guest()
    )
    stale = toast_order(modifiedDate=old, checks=[bill], deliveryInfo={"city": "Boston"})
    event = mapped(SOURCE, "order_updated", SOURCE.fetched("order_updated", BODY, told(200, stale)))
    assert (event.status, event.clock.at) == ("preparing", at(19, 29, 30))
    assert event.contact is not None
    assert (event.contact.given_name, event.fulfilment_type) == ("Ada", "delivery")


def test_a_newer_answer_is_the_truth() -> None:
    newer = toast_order(modifiedDate="2026-11-21T19:50:00.000+0000", **items("READY"))
    event = mapped(SOURCE, "order_updated", SOURCE.fetched("order_updated", BODY, told(200, newer)))
    assert (event.status, event.clock.at) == ("ready", at(19, 50))


FETCH_TROUBLE = [
    (told(401), TokenRefused, None),
    (told(403), NoAccess, None),
    (told(404), TryLater, None),
    (told(429), TryLater, None),
    (told(429, retry_after="12"), TryLater, 12),
    (told(429, retry_after="999999"), TryLater, 3600),
    (
        told(429, x_toast_ratelimit_reset="1795289460", date="Sat, 21 Nov 2026 19:30:00 GMT"),
        TryLater,
        60,
    ),
    (told(429, x_toast_ratelimit_reset="1795289460", date="yesterday"), TryLater, None),
    (told(500), TryLater, None),
    (told(503, retry_after="5"), TryLater, 5),
    (told(400), SourceError, None),
    (told(200, b"{"), TryLater, None),
    (told(200, []), TryLater, None),
    (told(200, toast_order(guid="another")), TryLater, None),
]


@pytest.mark.parametrize(("answer", "error", "seconds"), FETCH_TROUBLE, ids=str)
def test_an_answer_that_is_no_order(
    answer: Told, error: type[SourceError], seconds: float | None
) -> None:
    with pytest.raises(error) as raised:
        SOURCE.fetched("order_updated", BODY, answer)
    assert getattr(raised.value, "seconds", None) == seconds


@pytest.mark.parametrize(
    ("status", "error"), [(401, TokenRefused), (403, NoAccess), (404, TryLater), (429, TryLater)]
)
def test_the_stand_in_plays_a_fault_once(status: int, error: type[Exception]) -> None:
    """404 first is how an order looks that the webhook was faster than."""
    sandbox = Sandbox()
    body = written(toast_webhook(toast_order(guid=SANDBOX_GUID.format(status))))
    ask = SOURCE.ask("order_updated", {}, body, api(sandbox))
    assert ask is not None
    with pytest.raises(error):
        SOURCE.fetched("order_updated", body, sandbox.handle(ask))
    event = mapped(SOURCE, "order_updated", SOURCE.fetched("", body, sandbox.handle(ask)))
    assert event.external_id == SANDBOX_GUID.format(status)


def test_the_stand_in_refuses_what_toast_refuses() -> None:
    sandbox = Sandbox()
    stranger = Api("https://b", {"client_id": "i", "client_secret": "s"})
    ask = SOURCE.token_ask(stranger, NOW)
    assert ask is not None
    with pytest.raises(NoAccess):
        SOURCE.token(sandbox.handle(ask), NOW)
    for token in ("", "nobody", "nobody.x"):
        order_ask = SOURCE.ask("", {}, BODY, api(token=token))
        assert order_ask is not None
        assert sandbox.handle(order_ask).status == 401


def test_missed_orders_are_listed_page_by_page() -> None:
    sandbox = Sandbox()
    connected, cursor, pages, events = api(sandbox), "", 0, []
    while True:
        ask = SOURCE.list_ask(NOW, cursor, connected)
        assert ask is not None
        page = SOURCE.listed(sandbox.handle(ask))
        events += [mapped(SOURCE, item.topic, item.body or b"") for item in page.items]
        pages, cursor = pages + 1, page.next
        if not cursor:
            break
        assert len(cursor) < 500
    assert (pages, len({event.external_id for event in events})) == (3, 7)
    assert all(event.contact and event.status == "preparing" for event in events)


def test_the_list_is_asked_for_in_toasts_own_way() -> None:
    since = datetime(2026, 11, 21, 19, 30, 0, 5000, tzinfo=UTC)
    ask = SOURCE.list_ask(since, "", api())
    assert ask is not None
    assert ask.url.endswith(
        "/orders/v2/ordersBulk?startDate=2026-11-21T19%3A30%3A00.005%2B0000"
        "&endDate=2026-12-21T19%3A30%3A00.005%2B0000&pageSize=100"
    )


def test_a_listed_order_is_known_again_until_it_changes() -> None:
    one, same, other = (
        SOURCE.listed(told(200, [toast_order(source=source)])).items[0].event_key
        for source in ("Online", "Online", "Kiosk")
    )
    assert one == same != other


def test_the_next_page_is_asked_for_at_our_own_host() -> None:
    links = (
        '<https://evil.example/orders/v2/ordersBulk?page=1>; rel="first", '
        '<https://evil.example/x?startDate=a&endDate=b%20&pageSize=100&page=2&token=q>; rel="next"'
    )
    page = SOURCE.listed(told(200, [toast_order()], link=links))
    assert page.next == "startDate=a&endDate=b&pageSize=100&page=2"
    ask = SOURCE.list_ask(NOW, page.next, api())
    assert ask is not None
    assert ask.url.startswith("https://toast.example/sandbox/toast/orders/v2/ordersBulk?")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (told(401), TokenRefused),
        (told(429), TryLater),
        (told(200, {"orders": []}), Malformed),
        (told(200, [toast_order()] * 100), Malformed),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_list_that_is_none(answer: Told, error: type[Exception]) -> None:
    with pytest.raises(error):
        SOURCE.listed(answer)


def test_an_empty_list_is_the_last_page() -> None:
    page = SOURCE.listed(told(200, []))
    assert (list(page.items), page.next) == ([], "")


@pytest.mark.parametrize(
    "host", ["ws-sandbox-api.eng.toasttab.com", "https://WS-api.toasttab.com/"]
)
def test_the_host_that_toast_gave_out(host: str) -> None:
    assert SOURCE.base({"api_host": host}).removeprefix("https://") in host.lower()
    assert SOURCE.base({}) == SOURCE.api_base == "https://ws-api.toasttab.com"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "toasttab.com.evil.example",
        "eviltoasttab.com",
        "a@evil.example/.toasttab.com",
        "127.0.0.1:80/.toasttab.com",
        "x y.toasttab.com",
    ],
)
def test_no_other_host_gets_the_secret(host: str) -> None:
    with pytest.raises(NoAccess):
        SOURCE.base({"api_host": host})


# -- the published body -------------------------------------------------------------------------


@pytest.mark.skipif(
    not (SAMPLES / "toast").is_dir(), reason=f"no sample bodies of Toast in {SAMPLES}"
)
def test_the_published_order() -> None:
    body = (SAMPLES / "toast" / "order_updated-1.json").read_bytes()
    (item,) = SOURCE.identify(Raw({}, body))
    assert (item.event_key, item.topic) == ("534bf25a-b657-45aa-9a63-47f8f35400d6", "order_updated")
    event = mapped(SOURCE, item.topic, body)
    assert (event.status, event.display_number, event.total_minor) == ("confirmed", "1", 0)
    assert (event.contact, event.groups, event.archived) == (None, [], False)
    assert event.clock.at == datetime(2024, 4, 1, 15, 10, 59, 833_000, tzinfo=UTC)
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body.strip()[:-1]))


def test_the_guide_names_every_credential() -> None:
    guide = Path(toast_api.__file__).with_name("guide.md").read_text(encoding="utf-8")
    assert [name for name in SOURCE.CREDENTIALS if f"`{name}`" not in guide] == []


# -- on the timeline ----------------------------------------------------------------------------


def told_of(connection: SourceConnection, *bodies: tuple[str, Any]) -> Order:
    """The order after `bodies`, each mapped and recorded in turn."""
    settings = {"other_dining_options": "pickup"}
    for topic, body in bodies:
        event = mapped(SOURCE, topic, body, settings)
        record([Word(event, connection)], NOW + timedelta(hours=2))
    return Order.objects.get(external_id=GUID)


def status_body(word: str, minute: int) -> tuple[str, Any]:
    details = {
        "orderGuid": GUID,
        "guestOrderStatus": word,
        "lastUpdated": f"2026-11-21T19:{minute}:00Z",
    }
    return "guest_status", {"guid": word, "details": details}


def order_body(minute: int, **changes: Any) -> tuple[str, Any]:
    stamp = f"2026-11-21T19:{minute}:00.000+0000"
    bill = toast_check(toast_selection(1, "NEW", modifiedDate=stamp), modifiedDate=stamp)
    known = toast_order(**{"modifiedDate": stamp, "checks": [bill], **changes})
    return "order_updated", toast_webhook(known)


@pytest.mark.django_db
def test_an_order_update_takes_no_guest_status_back() -> None:
    """Without a kitchen display the order never says more than APPROVED."""
    connection = ConnectionFactory.create(source="toast")
    ready = [order_body(30), status_body("READY_FOR_PICKUP", 40), order_body(45)]
    assert told_of(connection, *ready).status == "ready"
    assert told_of(connection, status_body("CLOSED", 50), order_body(52)).status == "picked_up"


@pytest.mark.django_db
def test_a_reopened_order_is_back_in_preparation_on_the_timeline() -> None:
    connection = ConnectionFactory.create(source="toast")
    told_of(connection, order_body(30), status_body("CLOSED", 50))
    assert told_of(connection, status_body("IN_PREPARATION", 55)).status == "preparing"


@pytest.mark.django_db
def test_two_bills_and_a_late_guest_are_still_one_order_in_one_part() -> None:
    connection = ConnectionFactory.create(source="toast")
    second = toast_check(toast_selection(2), guid="c2", customer=toast_guest())
    order = told_of(connection, order_body(30), order_body(31, checks=[toast_check(), second]))
    assert [(group.key, group.status) for group in order.groups.all()] == [("main", "preparing")]
    assert (order.contact_phone, order.contact_proxy) == ("+12025550143", False)


@pytest.mark.django_db
def test_a_void_order_is_cancelled_wherever_it_was() -> None:
    connection = ConnectionFactory.create(source="toast")
    order = told_of(
        connection,
        order_body(30),
        status_body("READY_FOR_PICKUP", 40),
        order_body(45, voided=True),
    )
    assert (order.status, order.cancel_reason) == ("cancelled", "voided")
