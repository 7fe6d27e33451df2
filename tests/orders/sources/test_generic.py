"""The generic source: who may write, and what the normalised body says."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orders import signatures
from orders.contract import (
    BadSignature,
    Clock,
    Contact,
    Group,
    Line,
    Malformed,
    Raw,
    Refund,
    Tracking,
    Unmappable,
)
from orders.signatures import scheme_from_settings
from orders.sources.generic.source import SOURCE
from orders.statuses import Fact
from tests.orders.sources.bodies import mapped

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
SECRET = "test_secret"
BODY = b'{"id":1001,"status":"ready"}'


# -- who may write ------------------------------------------------------------------------------


def raw(headers: dict[str, str], body: bytes = BODY, **settings: Any) -> Raw:
    return Raw(headers, body, received_at=NOW, settings=settings)


def test_a_standard_webhook_gets_in() -> None:
    headers = signatures.sign_standard(SECRET, "msg_1", NOW, BODY)
    SOURCE.authenticate(raw(headers), ["newer", SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(headers, BODY + b" "), [SECRET])


def test_the_secret_as_a_bearer_token_gets_in() -> None:
    SOURCE.authenticate(raw({"authorization": f"Bearer {SECRET}"}), [SECRET])
    SOURCE.authenticate(raw({"authorization": f"bearer  {SECRET} "}), [SECRET])


CLOSED = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer "},
    {"authorization": "Bearer wrong"},
    {"authorization": f"Basic {SECRET}"},
    {"authorization": SECRET},
    {"webhook-signature": "v1,x", "authorization": f"Bearer {SECRET}"},
]


@pytest.mark.parametrize("headers", CLOSED, ids=repr)
def test_nobody_else_gets_in(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(headers), [SECRET])


@pytest.mark.parametrize("secrets", [[], [""]])
@pytest.mark.parametrize("auth", ["standard", "hmac", "token"])
def test_a_connection_without_secret_is_closed(auth: str, secrets: list[str]) -> None:
    headers = {"authorization": "Bearer ", "x-sig": "", "webhook-signature": ""}
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(headers, auth=auth, signature_header="x-sig"), secrets)


def test_a_signature_as_the_operator_describes_it_gets_in() -> None:
    settings: dict[str, Any] = {
        "auth": "hmac",
        "signature_header": "X-Hub-Signature",
        "signature_encoding": "hex",
        "signature_prefix": "sha256=",
    }
    signed = signatures.sign(scheme_from_settings(settings), raw({}), SECRET)
    SOURCE.authenticate(raw({"x-hub-signature": signed}, **settings), [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw({"authorization": f"Bearer {SECRET}"}, **settings), [SECRET])


def test_a_token_in_a_header_of_its_own_gets_in() -> None:
    settings: dict[str, Any] = {"auth": "token", "token_header": "X-Api-Key"}
    SOURCE.authenticate(raw({"x-api-key": SECRET}, **settings), [SECRET])
    SOURCE.authenticate(raw({"authorization": f"Bearer {SECRET}"}, auth="token"), [SECRET])
    for headers in ({}, {"x-api-key": "wrong"}, {"authorization": f"Bearer {SECRET}"}):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(raw(headers, **settings), [SECRET])


def test_an_unknown_way_is_closed() -> None:
    with pytest.raises(BadSignature, match="auth"):
        SOURCE.authenticate(raw({"authorization": f"Bearer {SECRET}"}, auth="none"), [SECRET])


# -- repeats ------------------------------------------------------------------------------------


def key(headers: dict[str, str], body: bytes = BODY, **settings: Any) -> str:
    (item,) = SOURCE.identify(raw(headers, body, **settings))
    return item.event_key


def test_the_senders_own_id_is_the_key() -> None:
    assert key({"webhook-id": "msg_1", "idempotency-key": "i"}) == "msg_1"
    assert key({"x-event": "e1"}, id_header="X-Event") == "e1"
    assert key({"idempotency-key": "i1"}) == "i1"
    assert key({}, b'{"event_id": "ev1", "id": 1}') == "ev1"


def test_without_any_id_the_body_is_the_key() -> None:
    assert key({}) == key({})
    assert key({}) != key({}, b'{"id":1001,"status":"picked_up"}')


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'"x"', b"{", b'{"id": NaN}', b"[" * 5000])
def test_a_body_that_is_no_object_is_refused_on_arrival(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw({}, body))


# -- the body -----------------------------------------------------------------------------------


def event(body: Any, settings: Any = None) -> Any:
    return mapped(SOURCE, "api", body, settings)


def order(settings: Any = None, **members: Any) -> Any:
    return event({"order": {"id": "1001", **members}}, settings)


FLAT: dict[str, Any] = {
    "type": "order.updated",
    "order": {
        "id": 1001,
        "number": "#1001",
        "status": "preparing",
        "placed_at": "2026-11-21T18:02:00Z",
        "total": "21.50",
        "currency": "usd",
        "fulfilment": "pickup",
        "ready_at": "2026-11-21T18:30:00Z",
        "location": "main-street",
        "status_page": "https://shop.example/1001",
        "note": "ring twice",
        "customer": {
            "id": "c-7",
            "name": "Ada Lovelace",
            "given_name": "Ada",
            "email": "ada@example.com",
            "phone": "+12025550143",
            "language": "en",
            "country": "us",
        },
        "lines": [{"id": "1", "name": "Margherita", "quantity": "2", "note": "no basil"}],
        "refunds": [{"id": "r1", "amount": "1.50", "reason": "late"}],
        "attributes": {"table": 5, "ratio": 0.5},
    },
    "version": 7,
    "updated_at": "2026-11-21T18:10:00Z",
    "occurred_at": "2026-11-21T18:09:00Z",
}
NESTED: dict[str, Any] = {
    "schema_version": 1,
    "type": "order.updated",
    "source": {"kind": "till", "mode": "live"},
    "order_ref": {"external_id": "1001", "display_number": "#1001", "location": "main-street"},
    "clock": {
        "version": 7,
        "updated_at": "2026-11-21T18:10:00Z",
        "occurred_at": "2026-11-21T18:09:00Z",
    },
    "order": {
        "status": "preparing",
        "placed_at": "2026-11-21T18:02:00Z",
        "money": {"currency": "USD", "total_minor": 2150},
        "fulfilment": "pickup",
        "eta": {"ready_at": "2026-11-21T18:30:00Z"},
        "links": {"status_page": "https://shop.example/1001"},
        "note": "ring twice",
        "customer": {
            "external_id": "c-7",
            "name": "Ada Lovelace",
            "given_name": "Ada",
            "email": "ada@example.com",
            "phone": "+12025550143",
            "locale": "en",
            "country": "US",
            "kind": "direct",
        },
        "lines": [{"line_id": "1", "name": "Margherita", "quantity": "2", "note": "no basil"}],
        "refunds": [{"refund_id": "r1", "amount_minor": 150, "reason": "late"}],
        "attributes": {"table": 5, "ratio": "0.5"},
    },
}


def test_the_flat_and_the_nested_form_say_the_same() -> None:
    assert event(FLAT) == event(NESTED)


def test_a_body_is_read_whole() -> None:
    read = event(FLAT)
    assert (read.external_id, read.display_number, read.status) == ("1001", "#1001", "preparing")
    assert read.clock == Clock(7, datetime(2026, 11, 21, 18, 10, tzinfo=UTC))
    assert read.occurred_at == datetime(2026, 11, 21, 18, 9, tzinfo=UTC)
    assert (read.total_minor, read.currency, read.fulfilment_type) == (2150, "USD", "pickup")
    assert read.location == "main-street"
    assert read.contact == Contact(
        "c-7",
        "Ada Lovelace",
        "Ada",
        "ada@example.com",
        "+12025550143",
        language="en",
        country="US",
    )
    assert read.lines == [Line("1", "Margherita", "2", note="no basil")]
    assert read.refunds == [Refund("r1", 150, "late")]
    assert read.groups == [
        Group(method="pickup", ready_at=datetime(2026, 11, 21, 18, 30, tzinfo=UTC), tracking=[])
    ]
    assert read.attributes == {"table": 5, "ratio": "0.5"}


def test_two_members_are_enough() -> None:
    read = event({"id": 1001, "status": "ready"})
    assert (read.external_id, read.status, read.topic) == ("1001", "ready", "order.updated")
    assert read.may_create


def test_what_is_absent_or_null_was_not_said() -> None:
    read = order(status="ready", total=None, customer=None, lines=None, groups=None, refunds=None)
    assert (read.total_minor, read.contact, read.lines, read.groups) == (None, None, [], [])
    assert read.clock == Clock()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Out for delivery", "out_for_delivery"),
        ("picked-up", "picked_up"),
        ("CANCELED", "cancelled"),
        ("unknown", ""),
    ],
)
def test_other_spellings_of_our_words_are_ours(word: str, status: str) -> None:
    read = order(status=word)
    assert (read.status, read.unmapped_status) == (status, "")


def test_an_unknown_word_is_reported_and_never_guessed() -> None:
    read = order(status="almost ready")
    assert (read.status, read.unmapped_status) == ("", "almost ready")
    inside = order(groups=[{"key": "a", "status": "boxed"}])
    assert (inside.groups[0].status, inside.unmapped_status) == ("", "boxed")


def test_the_connections_map_comes_first() -> None:
    mine = {"status_map": {"in the oven": "preparing", "ready": "placed", "x": "ignore"}}
    assert order(mine, status="in the oven").status == "preparing"
    assert order(mine, status="ready").status == "placed"
    ignored = order(mine, status="x")
    assert (ignored.status, ignored.unmapped_status) == ("", "")


def test_delayed_is_a_flag_wherever_it_is_written() -> None:
    for read in (
        order(status="delayed"),
        order(delayed=True),
        order(delay={"reason": "snow"}),
        order(delay_reason="snow"),
        order(on_hold=True),
        event({"type": "order.delayed", "order": {"id": 1}}),
        event({"type": "group.delayed", "order": {"id": 1, "groups": [{"key": "a"}]}}),
    ):
        assert (read.status, read.unmapped_status) == ("", "")
        assert [group.delayed for group in read.groups] == [True]
    assert order(delayed=False).groups[0].delayed is False
    assert order(status="ready").groups == []


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("order.ready", "ready"),
        ("orders.picked_up", "picked_up"),
        ("com.acme.order.out_for_delivery.v2", "out_for_delivery"),
        ("order.updated", ""),
        ("delivery.failed", ""),
    ],
)
def test_a_type_may_name_the_status(name: str, status: str) -> None:
    assert event({"type": name, "order": {"id": 1}}).status == status


def test_the_bodys_status_counts_more_than_the_type() -> None:
    assert event({"type": "order.ready", "order": {"id": 1, "status": "placed"}}).status == "placed"


def test_an_event_about_something_else_is_no_order() -> None:
    with pytest.raises(Unmappable, match="not about an order"):
        event({"type": "inventory.changed", "id": 55, "status": "ready"})


FACTS = [
    ("delivery.attempted", Fact.ATTEMPTED),
    ("delivery.failed", Fact.FAILED),
    ("delivery.returned", Fact.RETURNED),
    ("payment.changed", Fact.PAYMENT),
]


@pytest.mark.parametrize(("name", "fact"), FACTS)
def test_a_fact_is_told_of_an_order_that_is_known(name: str, fact: Fact) -> None:
    read = event({"type": name, "order": {"id": 1, "reason": "nobody home"}})
    assert read.facts == [(fact, {"reason": "nobody home"})]
    assert not read.may_create
    part = event({"type": name, "order": {"id": 1, "groups": [{"key": "b"}]}})
    assert part.facts[0][1]["group"] == "b"


def test_pointers_and_deltas_do_not_make_an_order() -> None:
    assert not event({"completeness": "pointer", "order": {"id": 1, "status": "ready"}}).may_create
    edited = order(edited={"added": [{"line_id": 3, "quantity": 2}], "removed": []})
    assert edited.edited == {"added": [{"line_id": "3", "quantity": "2"}], "removed": []}
    assert not edited.may_create
    assert order(number="#1").may_create


def test_groups_move_on_their_own() -> None:
    read = order(
        groups=[
            {
                "group_id": "a",
                "aliases": ["fo-1"],
                "method": "takeaway",
                "status": "ready",
                "sub_status": "at the counter",
                "lines": [{"line_id": 1, "quantity": "0.5"}],
                "version": 3,
            },
            {
                "key": "b",
                "method": "delivery",
                "status": "delayed",
                "eta": "2026-11-21T20:00:00Z",
                "delay": {"reason": "snow"},
                "tracking": {"number": "T1", "carrier": "DHL", "url": "https://dhl.example/T1"},
                "courier": {"name": "Kim"},
                "clock": {"updated_at": "2026-11-21T19:00:00Z"},
            },
        ]
    )
    assert read.groups == [
        Group(
            "a",
            ["fo-1"],
            "pickup",
            "ready",
            "ready",
            "at the counter",
            [("1", "0.5")],
            tracking=[],
            clock=Clock(3),
        ),
        Group(
            "b",
            [],
            "delivery",
            "",
            "delayed",
            lines=[],
            deliver_to=datetime(2026, 11, 21, 20, tzinfo=UTC),
            delay_reason="snow",
            delayed=True,
            tracking=[Tracking("T1", "DHL", "https://dhl.example/T1")],
            courier="Kim",
            clock=Clock(at=datetime(2026, 11, 21, 19, tzinfo=UTC)),
        ),
    ]


def test_a_masked_number_is_marked() -> None:
    contact = order(customer={"phone": "+12025550143", "phone_code": "123", "proxy": True}).contact
    assert (contact.proxy, contact.phone_pin) == (True, "123")
    assert order(customer={"kind": "proxy"}).contact.proxy


def test_lines_are_complete_when_the_sender_says_so() -> None:
    lines = [{"name": "Pizza"}]
    assert not order(lines=lines).lines_complete
    assert order(lines=lines, lines_complete=True).lines_complete
    full = event({"completeness": "full", "order": {"id": 1, "lines": lines}})
    assert full.lines_complete
    assert event({"type": "order.created", "order": {"id": 1, "lines": lines}}).lines_complete
    assert not event({"type": "order.created", "order": {"id": 1}}).lines_complete


def test_a_test_is_a_test_however_it_is_said() -> None:
    assert event({"test": True, "order": {"id": 1}}).test
    assert order(test=True).test
    assert event({"source": {"mode": "test"}, "order": {"id": 1}}).test
    assert not event({"source": "till", "order": {"id": 1}}).test


def test_cancelled_with_a_reason() -> None:
    read = order(cancelled={"at": "2026-11-21T19:00:00Z", "reason": "out of dough"})
    assert (read.status, read.cancel_reason) == ("cancelled", "out of dough")


def test_the_connections_currency_is_used_when_none_is_written() -> None:
    assert order({"currency": "JPY"}, total="1200").total_minor == 1200


def test_a_body_cannot_steer_the_timeline() -> None:
    assert order(attributes={"find_by_group_alias": "x", "a": 1}).attributes == {"a": 1}


WRONG_MEMBERS = [
    ({"order": "1001"}, "order: must be an object"),
    ({"order": {}}, "order.id: is missing"),
    ({}, "id: is missing"),
    ({"order_ref": {}, "order": {"status": "ready"}}, "order.id: is missing"),
    ({"order": {"id": 1.5}}, "order.id"),
    ({"order": {"id": "x" * 121}}, "order.id"),
    ({"order": {"id": 1, "total": "a lot", "currency": "USD"}}, "order.total"),
    ({"order": {"id": 1, "total": "5.00"}}, "order.currency"),
    ({"order": {"id": 1, "total": "-5.00", "currency": "USD"}}, "order.total"),
    ({"order": {"id": 1, "total_minor": "5"}}, "order.total_minor"),
    ({"order": {"id": 1, "total_minor": 2**70}}, "order.total_minor"),
    ({"order": {"id": 1, "currency": "dollars"}}, "order.currency"),
    ({"order": {"id": 1, "money": {"currency": 5}}}, "order.money.currency"),
    ({"order": {"id": 1, "placed_at": "yesterday"}}, "order.placed_at"),
    ({"order": {"id": 1, "placed_at": "2026-11-21T18:00:00"}}, "order.placed_at"),
    ({"order": {"id": 1}, "updated_at": "9999-12-31T23:59:59Z"}, "updated_at"),
    ({"order": {"id": 1}, "version": "7"}, "version"),
    ({"order": {"id": 1}, "clock": {"version": -1}}, "clock.version"),
    ({"order": {"id": 1, "status": {}}}, "order.status"),
    ({"order": {"id": 1, "fulfilment": "teleport"}}, "order.fulfilment"),
    ({"order": {"id": 1, "customer": "Ada"}}, "order.customer"),
    ({"order": {"id": 1, "customer": {"email": []}}}, "order.customer.email"),
    ({"order": {"id": 1, "customer": {"country": "USA"}}}, "order.customer.country"),
    ({"order": {"id": 1, "lines": {}}}, "order.lines"),
    ({"order": {"id": 1, "lines": [1]}}, "order.lines"),
    ({"order": {"id": 1, "lines": [{"quantity": "many"}]}}, "order.lines[0].quantity"),
    ({"order": {"id": 1, "lines": [{"id": 1}, {"id": 1}]}}, "order.lines"),
    ({"order": {"id": 1, "groups": [{}, {"key": "b"}]}}, "order.groups[0].key"),
    ({"order": {"id": 1, "groups": [{"key": "b"}, {"key": "b"}]}}, "order.groups"),
    ({"order": {"id": 1, "groups": [{"method": "x"}]}}, "order.groups[0].method"),
    ({"order": {"id": 1, "groups": [{"lines": [{}]}]}}, "order.groups[0].lines[0].line_id"),
    ({"order": {"id": 1, "groups": [{"aliases": "x"}]}}, "order.groups[0].aliases"),
    ({"order": {"id": 1, "refunds": [{"amount_minor": 5}]}}, "order.refunds[0].id"),
    ({"order": {"id": 1, "refunds": [{"id": 1}]}}, "order.refunds[0].amount"),
    ({"order": {"id": 1, "delayed": "yes"}}, "order.delayed"),
    ({"order": {"id": 1, "tracking": [{"url": "javascript:x"}]}}, "order.tracking[0].url"),
    ({"order": {"id": 1, "status_page": "x"}}, "order.status_page"),
    ({"order": {"id": 1, "attributes": {"a": "x" * 20_000}}}, "order.attributes"),
    ({"order": {"id": 1}, "test": "no"}, "test"),
    ([], "member order"),
    (5, "member order"),
]


@pytest.mark.parametrize(("body", "member"), WRONG_MEMBERS, ids=lambda one: str(one)[:70])
def test_a_wrong_member_is_refused_by_its_name(body: Any, member: str) -> None:
    with pytest.raises(Malformed) as problem:
        event(body)
    assert member in str(problem.value)


WRONG = [True, 5, "x", [], [1], {}, [{}], {"a": 1}, "x" * 3000, 2**80, 1.5]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda one: repr(one)[:20])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(wrong: Any) -> None:
    members = [*FLAT["order"], *NESTED["order"], "groups", "edited", "cancelled", "courier", "eta"]
    bodies = [{**FLAT, "order": {**FLAT["order"], name: wrong}} for name in members]
    bodies += [{**NESTED, name: wrong} for name in NESTED]
    for body in bodies:
        with contextlib.suppress(Malformed, Unmappable):
            SOURCE.map("api", {}, json.dumps(body).encode(), {})
