"""The template that CRMs, help desks and flows fill in, and the static secret they send."""

import base64
import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from orders import registry
from orders.automation import STATUS_WORDS, AutomationSource, retry_seconds
from orders.automation_members import Members, flat, read_object
from orders.contract import (
    BadSignature,
    Clock,
    Contact,
    Group,
    Line,
    Malformed,
    OrderEvent,
    Raw,
    Refund,
    Tracking,
    Unmappable,
)
from orders.sources.power_automate.source import SOURCE
from orders.statuses import Fact, Status
from tests.orders.sources.automation_bodies import SECRET, template, written

SLUGS = ("freshdesk", "hubspot", "power_automate", "salesforce", "zendesk", "zoho")
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def read(settings: Any = None, drop: str = "", **more: Any) -> OrderEvent:
    body = {name: one for name, one in template(**more).items() if name != drop}
    (event,) = SOURCE.map("order.updated", JSON, written(body), settings or {})
    return event


@pytest.fixture(params=SLUGS)
def source(request: pytest.FixtureRequest) -> AutomationSource:
    found = registry.source(request.param)
    assert isinstance(found, AutomationSource)
    return found


# -- what every one of them reads ---------------------------------------------------------------


def test_all_of_them_read_the_recommended_template(source: AutomationSource) -> None:
    (event,) = source.map("order.updated", JSON, written(template()), {})
    at = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert event == OrderEvent(
        external_id="1001",
        topic="order.updated",
        clock=Clock(None, at),
        occurred_at=at,
        display_number="#1001",
        aliases=[f"{source.slug}:rec-77"],
        status="ready",
        source_status="Ready",
        fulfilment_type="pickup",
        currency="USD",
        total_minor=2150,
        contact=Contact(
            name="Ada Example",
            email="ada@example.com",
            phone="(202) 555-0143",
            language="en",
            country="US",
        ),
        lines=[],
        refunds=[],
        groups=[Group(ready_at=datetime(2026, 11, 21, 18, 45, tzinfo=UTC), tracking=[])],
    )


def test_all_of_them_read_the_body_of_the_generic_source_too(source: AutomationSource) -> None:
    body = {
        "type": "order.updated",
        "order": {
            "id": "1001",
            "number": "#1001",
            "status": "preparing",
            "customer": {"name": "Ada", "email": "ada@example.com"},
            "lines": [{"id": "1", "name": "Margherita", "quantity": "2"}],
        },
        "version": 7,
    }
    (event,) = source.map("order.updated", JSON, written(body), {})
    assert (event.external_id, event.status, event.clock) == ("1001", "preparing", Clock(7))
    assert event.contact == Contact(name="Ada", email="ada@example.com")
    assert event.lines == [Line("1", "Margherita", "2")]


def test_a_name_in_any_script_arrives_clean(source: AutomationSource) -> None:
    names = {"customer_name": "\u202eزينب\u202c\r\n王 Zoë", "order_number": "№ 7\x00"}
    body = json.dumps(template(**names), ensure_ascii=False).replace("\\u0000", "").encode()
    (event,) = source.map("order.updated", JSON, body, {})
    assert event.contact is not None
    assert (event.contact.name, event.display_number) == ("زينب 王 Zoë", "№ 7")


def test_an_id_beyond_2_to_the_53_stays_exact(source: AutomationSource) -> None:
    body = b'{"order_id": 820982911946154508, "status": "ready"}'
    (event,) = source.map("order.updated", JSON, body, {})
    assert event.external_id == "820982911946154508"


@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"null", b'{"a":', b'{"a":1e99999}'])
def test_what_is_no_object_is_refused(source: AutomationSource, body: bytes) -> None:
    with pytest.raises(Malformed):
        source.identify(Raw(JSON, body))


WRONG: list[object] = [True, 5, 1.5, "x", [], [1], [{}], {}, {"a": {"b": 1}}, "x" * 3000]
MORE = ("lines", "part", "refund_id", "also_known_as", "version", "tracking_url", "delayed", "test")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda one: repr(one)[:20])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(
    source: AutomationSource, wrong: Any
) -> None:
    for name in (*template(), *MORE):
        body = written(template(**{name: wrong}))
        source.identify(Raw(JSON, body))
        with contextlib.suppress(Unmappable):
            source.map("order.updated", JSON, body, {})


# -- statuses -----------------------------------------------------------------------------------

WORDS = [
    *((status.value, status.value) for status in Status),
    ("Out for delivery", "out_for_delivery"),
    ("OUT-FOR-DELIVERY", "out_for_delivery"),
    (" Picked up ", "picked_up"),
    ("Canceled", "cancelled"),
    ("Ready for pickup", "ready"),
]


@pytest.mark.parametrize(("word", "status"), WORDS)
def test_our_own_words_are_read_in_any_spelling(word: str, status: str) -> None:
    event = read(status=word)
    assert (event.status, event.unmapped_status) == (status, "")


@pytest.mark.parametrize("word", ["solved", "Closed", "closedwon", "done", "pending", "4"])
def test_a_word_of_theirs_is_never_guessed(word: str) -> None:
    assert word.lower() not in STATUS_WORDS
    event = read(status=word)
    assert (event.status, event.unmapped_status, event.source_status) == ("", word, word)


def test_the_connections_map_comes_first() -> None:
    mine = {"status_map": {"In the oven": "preparing", "Ready": "confirmed"}}
    assert read(mine, status="In the oven").status == "preparing"
    assert read(mine).status == "confirmed"


def test_a_typing_error_in_the_map_is_no_status() -> None:
    event = read({"status_map": {"gold": "prepairing"}}, status="gold")
    assert (event.status, event.unmapped_status) == ("", "gold")


def test_an_ignored_word_leaves_the_whole_message_alone() -> None:
    mine = {"status_map": {"New": "ignore"}}
    assert SOURCE.map("order.updated", JSON, written(template(status="New")), mine) == []


def test_delayed_marks_the_order_and_leaves_it_where_it_is() -> None:
    event = read(status="Delayed", delay_reason="oven")
    assert (event.status, event.unmapped_status) == ("", "")
    assert (event.groups[0].delayed, event.groups[0].delay_reason) == (True, "oven")
    assert read({"status_map": {"Late!": "delayed"}}, status="Late!").groups[0].delayed


@pytest.mark.parametrize(
    ("word", "fact"),
    [
        ("Delivery attempted", Fact.ATTEMPTED),
        ("delivery failed", Fact.FAILED),
        ("Returned", Fact.RETURNED),
    ],
)
def test_what_happened_at_the_door_is_noted_without_a_move(word: str, fact: Fact) -> None:
    event = read(status=word)
    assert (event.status, event.unmapped_status, event.facts) == ("", "", ((fact, {}),))


# -- members ------------------------------------------------------------------------------------


def test_what_is_empty_was_not_said() -> None:
    empty = dict.fromkeys(set(template()) - {"order_id", "status"}, "")
    event = read(**empty)
    assert event == OrderEvent(
        "1001", "order.updated", status="ready", source_status="Ready",
        aliases=[], lines=[], refunds=[], groups=[],
    )  # fmt: skip


UNFILLED = ["{{ticket.cf_order}}", "${Deal.Stage}", "{!Order.Status}", "@{triggerBody()}", "<%x%>"]


@pytest.mark.parametrize("placeholder", UNFILLED)
def test_a_placeholder_that_nobody_filled_in_is_no_value(placeholder: str) -> None:
    event = read(customer_name=placeholder, order_number=placeholder, note=f"x {placeholder}")
    assert event.contact is not None
    assert (event.contact.name, event.display_number, event.note) == ("", "", "")
    for name in ("order_id", "status", "record_id"):
        with pytest.raises(Unmappable, match=name):
            read(**{name: placeholder})


def test_a_body_without_an_order_is_shown_to_a_person() -> None:
    with pytest.raises(Unmappable, match="order_id"):
        SOURCE.map("order.updated", JSON, b'{"status": "ready"}', {})


# Complaint: a wrong event name or key silently drops every event.
def test_a_mistyped_member_is_never_a_silent_no_op() -> None:
    assert SOURCE.map("", JSON, b'{"Order ID": "7", "Status": "Ready"}', {})[0].status == "ready"
    assert SOURCE.map("", JSON, b'{"orderId": "7", "STATUS": "Ready"}', {})[0].external_id == "7"
    with pytest.raises(Unmappable, match="tells nothing of the order but its id"):
        SOURCE.map("", JSON, b'{"order_id": "7", "state": "Ready"}', {})


def test_the_connection_may_say_where_our_members_are() -> None:
    mine = {"fields": {"status": "kitchen", "order_id": "number", "total": 5, "currency": ""}}
    body = b'{"number": "7", "kitchen": "ready", "status": "open", "total": "1", "currency": "EUR"}'
    (event,) = SOURCE.map("order.updated", JSON, body, mine)
    assert (event.external_id, event.status, event.total_minor) == ("7", "ready", 100)


def test_a_field_that_the_connection_names_is_the_only_place() -> None:
    event = read({"fields": {"status": "kitchen"}}, status="open")
    assert (event.status, event.unmapped_status) == ("", "")


def test_times_without_a_zone_are_read_when_the_connection_says_which() -> None:
    local = "2026-11-21 19:30:00"
    assert read(updated_at=local).clock == Clock()
    event = read({"time_zone": "Europe/Berlin"}, updated_at=local)
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    zoned = read({"time_zone": "Europe/Berlin"})
    assert zoned.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    with pytest.raises(Unmappable, match="time_zone"):
        read({"time_zone": "Mars/Base"}, updated_at=local)


def test_a_version_beats_and_a_wrong_one_is_none() -> None:
    assert read(version="12").clock.version == 12
    assert read(version=12).clock.version == 12
    assert [read(version=one).clock.version for one in ("-1", "1.5", "x", "9" * 30)] == [None] * 4


MONEY = [
    ("21.50", "USD", 2150),
    ("1200", "JPY", 1200),
    ("1.234", "KWD", 1234),
    ("€21.50", "EUR", None),
    ("1,200.00", "USD", None),
    ("21.50", "", None),
    ("-3", "USD", None),
]


@pytest.mark.parametrize(("amount", "currency", "minor"), MONEY)
def test_money_that_cannot_be_read_does_not_stand_in_the_way(
    amount: str, currency: str, minor: int | None
) -> None:
    event = read(total=amount, currency=currency)
    assert (event.status, event.total_minor) == ("ready", minor)


def test_the_connections_currency_is_used_when_the_body_names_none() -> None:
    assert read({"currency": "EUR"}, drop="currency").total_minor == 2150


def test_a_refund_needs_an_id() -> None:
    event = read(refund_id="r1", refund_amount="-5.00", refund_reason="cold")
    assert event.refunds == [Refund("r1", 500, "cold")]
    assert read(refund_amount="5.00").refunds == []
    assert read(refunded_in_full="true").refunded_in_full


def test_a_part_of_an_order_moves_alone() -> None:
    event = read(
        part="parcel-2",
        tracking_number="T1",
        tracking_carrier="Bike",
        tracking_url="https://t.example/1",
        lines=[{"id": "a", "name": "Tea", "quantity": "2"}],
    )
    (group,) = event.groups
    assert (event.status, group.key, group.status) == ("", "parcel-2", "ready")
    assert group.lines == [("a", "2")]
    assert group.tracking == [Tracking("T1", "Bike", "https://t.example/1")]
    failed = read(part="parcel-2", status="delivery failed")
    assert failed.facts == [(Fact.FAILED, {"group": "parcel-2"})]
    assert read(part="p", status="gold").unmapped_status == "gold"


def test_other_names_of_the_order_are_kept() -> None:
    listed = read(also_known_as="gid-9, 1001, {{ticket.x}}, W-5")
    assert listed.aliases == ["gid-9", "W-5", "power_automate:rec-77"]
    assert read(also_known_as=["a", 7]).aliases[:2] == ["a", "7"]


def test_a_link_that_is_no_web_address_is_dropped() -> None:
    assert read(status_page="javascript:alert(1)").status_page == ""
    assert read(tracking_url="javascript:alert(1)").groups[0].tracking == []


def test_flags_are_read_as_people_write_them() -> None:
    assert read(test="Yes").test and read(test=True).test and read(test="1").test
    assert not read(test="false").test and not read(test="perhaps").test


def test_a_connection_may_forbid_new_orders() -> None:
    assert read().may_create
    assert not read({"creates_orders": False}).may_create


def test_what_our_own_channels_wrote_over_there_never_comes_back_as_a_new_order() -> None:
    for written_by_us in ("orderbell:17", "orderbell-17"):
        event = read(order_id=written_by_us)
        assert (event.external_id, event.may_create) == (written_by_us, False)


# In a CRM the record is the order; a ticket only leads to one.
def test_a_record_alone_is_an_order_in_a_crm_and_a_pointer_in_a_help_desk(
    source: AutomationSource,
) -> None:
    body = {name: one for name, one in template().items() if name != "order_id"}
    (event,) = source.map("order.updated", JSON, written(body), {})
    desk = source.slug in ("freshdesk", "zendesk")
    record = f"{source.slug}:rec-77"
    assert (event.external_id, event.may_create) == ((record, False) if desk else ("rec-77", True))
    assert event.aliases == ([] if desk else [record])


# -- repeats ------------------------------------------------------------------------------------


def key(headers: dict[str, str], **more: Any) -> str:
    (item,) = SOURCE.identify(Raw({**JSON, **headers}, written(template(**more))))
    return item.event_key


def test_a_repeat_is_recognised_by_its_words_and_its_run() -> None:
    run = {"x-ms-client-tracking-id": "run-1"}
    assert key({}) == key({}) != key({}, status="preparing")
    assert key(run) == key(run) != key({"x-ms-client-tracking-id": "run-2"})
    # An id that a template sends with every message must not hide what is new.
    assert key(run) != key(run, status="preparing")
    assert key({"idempotency-key": "k"}) == key({"idempotency-key": '"k"'}) != key({})


# -- forms --------------------------------------------------------------------------------------


def test_a_form_is_read_like_json_and_kept_as_json(source: AutomationSource) -> None:
    form = urlencode(template(customer_name="Zoë & Ada")).encode()
    (item,) = source.identify(Raw(FORM, form))
    assert item.body is not None
    (event,) = source.map(item.topic, FORM, item.body, {})
    assert event.contact is not None
    assert (event.external_id, event.status, event.contact.name) == ("1001", "ready", "Zoë & Ada")


def test_json_that_calls_itself_a_form_is_json(source: AutomationSource) -> None:
    (item,) = source.identify(Raw(FORM, written(template())))
    assert item.body is None


@pytest.mark.parametrize("body", [b"", b"\xff=1", b"a=%FF", b"a=%00", b"&".join([b"a=1"] * 400)])
def test_a_hostile_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_object(body, FORM)


def test_members_of_the_order_count_more_than_those_around_it() -> None:
    assert flat({"id": "message", "order": {"id": "order"}})["id"] == "order"
    assert flat({"order": {"order": {"id": 1}}}) == {"id": 1}
    assert Members({"a": "", "b": 0}, {}).find("b") == 0


# -- the static secret --------------------------------------------------------------------------

STATIC: dict[str, tuple[str, dict[str, Any]]] = {
    "freshdesk": ("freshdesk", {}),
    "hubspot": ("hubspot", {"auth": "token"}),
    "power_automate": ("power_automate", {}),
    "salesforce": ("salesforce", {}),
    "zoho": ("zoho", {}),
}


def basic(password: str, user: str = "any") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(params=STATIC)
def static(request: pytest.FixtureRequest) -> tuple[AutomationSource, Raw]:
    slug, settings = STATIC[request.param]
    found = registry.source(slug)
    assert isinstance(found, AutomationSource)
    return found, Raw(JSON, written(template()), settings=settings)


GOOD = [
    {"authorization": f"Bearer {SECRET}"},
    {"authorization": f"bearer  {SECRET} "},
    {"authorization": basic(SECRET)},
    {"authorization": basic(SECRET, "")},
    {"x-orderbell-secret": f" {SECRET}"},
]


@pytest.mark.parametrize("headers", GOOD, ids=lambda one: str(one)[:40])
def test_the_secret_is_taken_from_the_usual_headers(
    static: tuple[AutomationSource, Raw], headers: dict[str, str]
) -> None:
    source, raw = static
    source.authenticate(replace(raw, headers=headers), ["newer", SECRET])


REFUSED = [
    {},
    {"authorization": ""},
    {"authorization": SECRET},
    {"authorization": "Bearer"},
    {"authorization": f"Bearer {SECRET[:-1]}"},
    {"authorization": f"Bearer {SECRET}x"},
    {"authorization": f"Bearer {SECRET.upper()}"},
    {"authorization": "Bearer the secret of another tenant"},
    {"authorization": basic("")},
    {"authorization": basic(SECRET[:-1])},
    {"authorization": "Basic ***"},
    {"authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
    {"x-orderbell-secret": "ü"},
    {"x-orderbell-secret": "🍕"},
    {"authorization": "Bearer wrong", "x-orderbell-secret": SECRET},
]


@pytest.mark.parametrize("headers", REFUSED, ids=lambda one: str(one)[:50])
def test_anything_else_is_refused(
    static: tuple[AutomationSource, Raw], headers: dict[str, str]
) -> None:
    source, raw = static
    with pytest.raises(BadSignature):
        source.authenticate(replace(raw, headers=headers), [SECRET])


def test_a_connection_without_a_secret_lets_nobody_in(
    static: tuple[AutomationSource, Raw],
) -> None:
    source, raw = static
    for secrets in ([], [""]):
        for given in ("", SECRET):
            with pytest.raises(BadSignature):
                source.authenticate(replace(raw, headers={"x-orderbell-secret": given}), secrets)


def test_the_header_may_have_a_name_of_its_own(static: tuple[AutomationSource, Raw]) -> None:
    source, raw = static
    raw = replace(raw, settings={**raw.settings, "token_header": "X-Key"})
    source.authenticate(replace(raw, headers={"x-key": SECRET}), [SECRET])
    source.authenticate(replace(raw, headers={"x-key": f"Bearer {SECRET}"}), [SECRET])
    with pytest.raises(BadSignature):
        source.authenticate(replace(raw, headers={"x-orderbell-secret": SECRET}), [SECRET])


@pytest.mark.parametrize(
    ("given", "seconds"), [("7", 7.0), ("1.5", 1.5), ("", None), ("soon", None), ("9" * 7, 86400.0)]
)
def test_a_hint_to_wait_is_read_within_reason(given: str, seconds: float | None) -> None:
    assert retry_seconds({"retry-after": given}) == seconds
    assert retry_seconds({}) is None
