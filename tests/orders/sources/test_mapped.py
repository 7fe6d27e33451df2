"""Bodies of any shape: what expressions make of them, and what hostile ones may not do."""

import contextlib
import json
import time
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from orders.contract import Clock, Line, Malformed, Raw, Unmappable
from orders.parsing import parse_json
from orders.sources.generic import mapped
from orders.sources.generic.expressions import ALLOWED, LONGEST, Budget, Wrong, found
from orders.sources.generic.source import SOURCE
from orders.sources.generic.unused import Sample, tried
from orders.validation import connection_settings

BODY = {
    "event": {"uid": "e-77", "kind": "shop.order.changed"},
    "data": {
        "order": {
            "uuid": "u-1",
            "no": 1001,
            "state": {"name": "baking"},
            "revision": "7",
            "changedAt": "2026-11-21T18:10:00Z",
            "sum": 21.50,
            "late": "false",
        },
        "buyer": {"first": "Ada", "last": "Lovelace", "tel": "+12025550143", "mail": ""},
        "items": [
            {"sku": "p1", "title": "Margherita", "qty": 2, "kind": "product"},
            {"sku": "x", "title": "Bag", "qty": 1, "kind": "fee"},
        ],
        "tags": ["vip"],
    },
}
FIELDS = {
    "id": "data.order.uuid",
    "number": "join('', ['#', to_string(data.order.no)])",
    "status": "data.order.state.name",
    "version": "data.order.revision",
    "updated_at": "data.order.changedAt",
    "event_id": "event.uid",
    "customer.name": "join(' ', [data.buyer.first, data.buyer.last])",
    "customer.phone": "data.buyer.tel",
    "customer.email": "data.buyer.mail",
    "lines": "data.items[?kind == 'product'].{id: sku, name: title, quantity: qty}",
    "total": "data.order.sum",
    "currency": "'USD'",
    "delayed": "data.order.late",
}


def settings_of(fields: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"mapping": {"fields": FIELDS if fields is None else fields, "version": 3}, **more}


def raw(body: Any, headers: dict[str, str] | None = None, **more: Any) -> Raw:
    return Raw(headers or {}, json.dumps(body).encode(), settings=settings_of(**more))


def read(body: Any = BODY, fields: dict[str, Any] | None = None, **more: Any) -> Any:
    settings = settings_of(fields, **more)
    (event,) = SOURCE.map("order.updated", {}, json.dumps(body).encode(), settings)
    return event


# -- what it means ------------------------------------------------------------------------------


def test_a_foreign_body_becomes_an_event_of_ours() -> None:
    event = read(status_map={"baking": "preparing"})
    assert (event.external_id, event.display_number, event.status) == ("u-1", "#1001", "preparing")
    assert event.clock.version == 7
    assert event.clock.at.isoformat() == "2026-11-21T18:10:00+00:00"
    assert (event.contact.name, event.contact.phone) == ("Ada Lovelace", "+12025550143")
    assert event.contact.email == ""
    assert event.lines == [Line("p1", "Margherita", "2")]
    assert (event.total_minor, event.currency) == (2150, "USD")
    assert event.lines_complete is False


def test_a_word_without_meaning_is_kept_for_the_inbox() -> None:
    event = read()
    assert (event.status, event.unmapped_status) == ("", "baking")


def test_what_is_not_there_was_not_said() -> None:
    event = read({"data": {"order": {"uuid": "u-1"}}})
    assert event.clock == Clock()
    assert event.contact is None
    assert event.lines == []


def test_any_json_may_come() -> None:
    assert read([{"a": 5}], {"id": "[0].a"}).external_id == "5"
    assert read("u-9", {"id": "@"}).external_id == "u-9"


def test_amounts_stay_exact() -> None:
    body = b'{"id": "1", "sum": 90071992547409.93}'
    fields = {"id": "id", "total": "to_number(sum)", "currency": "'USD'"}
    (event,) = SOURCE.map("", {}, body, settings_of(fields))
    assert event.total_minor == 9007199254740993


def test_texts_that_mean_a_number_or_a_truth_are_taken() -> None:
    body = {"id": "1", "v": "12", "minor": "2150", "t": "true", "l": 1}
    event = read(body, {"id": "id", "version": "v", "total_minor": "minor", "test": "t"})
    assert (event.clock.version, event.total_minor, event.test) == (12, 2150, True)
    with pytest.raises(Malformed, match="version"):
        read({"id": "1", "v": "1.5"}, {"id": "id", "version": "v"})


def test_a_missing_id_is_said_by_its_name() -> None:
    with pytest.raises(Unmappable, match=r"^id: nothing is at data\.order\.uuid"):
        read({"data": {}})


def test_a_failing_field_is_said_by_its_name() -> None:
    with pytest.raises(Unmappable, match=r"^number: max\(\) needs .* found string"):
        read({"id": "1", "n": "x"}, {"id": "id", "number": "max(n)"})
    with pytest.raises(Malformed, match=r"order\.fulfilment"):
        read({"id": "1", "m": "rocket"}, {"id": "id", "fulfilment": "m"})


def test_only_webhooks_are_mapped_and_the_api_never_is() -> None:
    (event,) = SOURCE.map("api", {}, b'{"id": "own", "status": "ready"}', settings_of())
    assert (event.external_id, event.status) == ("own", "ready")


def test_a_cloud_event_is_mapped_as_a_whole() -> None:
    around = {"specversion": "1.0", "id": "ce-1", "source": "/shop", "type": "shop.changed"}
    body = {**around, "data": {"nr": "u-2"}}
    given = raw(body, {"content-type": "application/cloudevents+json"}, fields={"id": "data.nr"})
    (item,) = SOURCE.identify(given)
    assert item.event_key == "/shop#ce-1"
    (event,) = SOURCE.map(item.topic, given.headers, given.body, given.settings)
    assert event.external_id == "u-2"


ODD = ["[]", "{}", "[[]]", "[{}]", '["a"]', "5", "1.5", "-1", "true", '"x"', '" "', "1e300", "null"]


@pytest.mark.parametrize("odd", ODD)
def test_no_value_of_a_field_is_more_than_refused(odd: str) -> None:
    for field in set(mapped.FIELDS) - {"id"}:
        fields = {"id": "id", "currency": "'USD'", field: "odd"}
        with contextlib.suppress(Malformed, Unmappable):
            SOURCE.map("", {}, b'{"id": "1", "odd": %s}' % odd.encode(), settings_of(fields))


# -- how a repeat is known, and which mapping it was ----------------------------------------------


def test_the_key_is_the_mapped_id_else_the_headers_else_the_body() -> None:
    (item,) = SOURCE.identify(raw(BODY, {"webhook-id": "msg_1"}))
    assert item.event_key == "e-77"
    without = {"id": "data.order.uuid"}
    (item,) = SOURCE.identify(raw(BODY, {"webhook-id": "msg_1"}, fields=without))
    assert item.event_key == "msg_1"
    (first,) = SOURCE.identify(raw(BODY, fields=without))
    (other,) = SOURCE.identify(raw({**BODY, "a": 1}, fields=without))
    assert len(first.event_key) == len(other.event_key) == 64
    assert first.event_key != other.event_key


def test_the_topic_is_the_mapped_type_but_never_the_apis() -> None:
    (item,) = SOURCE.identify(raw(BODY, fields={"id": "id", "type": "event.kind"}))
    assert item.topic == "shop.order.changed"
    (item,) = SOURCE.identify(raw({"t": "api"}, fields={"id": "id", "type": "t"}))
    assert item.topic == "order.updated"


def test_what_cannot_be_mapped_is_kept_all_the_same() -> None:
    for body in ([], "x", None, {"event": []}):
        (item,) = SOURCE.identify(raw(body, fields={"id": "id", "event_id": "max(event)"}))
        assert item.event_key
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, b"{", settings=settings_of()))


def test_the_version_of_the_mapper_carries_that_of_the_mapping() -> None:
    assert SOURCE.mapper_version_for({}) == SOURCE.mapper_version
    assert SOURCE.mapper_version_for(settings_of()) == f"{SOURCE.mapper_version}+3"
    assert len(SOURCE.mapper_version_for({"mapping": {"fields": {}, "version": 10**9}})) <= 40


def test_without_a_mapping_nothing_is_other_than_before() -> None:
    for nothing in ({}, {"mapping": {}}, {"mapping": {"fields": {}, "version": 4}}, {"mapping": 5}):
        (event,) = SOURCE.map("", {}, b'{"id": "1", "status": "ready"}', nothing)
        assert (event.external_id, event.status) == ("1", "ready")


# -- hostile expressions --------------------------------------------------------------------------

BIG = parse_json(
    json.dumps({"l": [{"x": "z" * 50, "y": n, "t": [n, n]} for n in range(20_000)]}).encode()
)
REFUSED = [
    "", " ", "a b", "a.", "foo(", "'open", "`NaN`", "`1e999`", "l[::0]", "a[", "\ud800", "💥",
    "&a", "sum()", "sum(a, b)", "avg(l)", "to_string(@", "__import__('os')", "type(l)",
    "not_null()", "sort(l)", "reverse(l)", "a" * (LONGEST + 1), "!" * 300, "|".join("a" * 120),
    "(" * 200 + ")" * 200, "|".join(["[@]"] * 30), "a" + "[0" * 100,
]  # fmt: skip


@pytest.mark.parametrize("written", REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_used_is_refused_in_a_sentence(written: str) -> None:
    with pytest.raises(Wrong) as refusal:
        found(written, {"l": [1, 2]}, Budget())
    assert str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 400


COSTLY = [
    "|".join(["[@,@][]"] * 18),
    "|".join(["[@,@]"] * 20),
    "|".join(["[@,@]"] * 12) + "|@ == @",
    "|".join(["{a:@,b:@}"] * 15),
    "[l,l,l,l,l,l,l,l][]|[@,@,@,@][]|[@,@,@][]",
    "l[?l == l]",
    "l[?y == `1`]",
    "[l,l,l]|[?@ == @]",
    "l",
    "map(&map(&x, [@,@,@]), l)",
    "join('" + "a" * 200 + "', l[].x)",
    "contains([l,l,l,l,l], l)",
    "[l,l,l,l][].t[]",
]


@pytest.mark.parametrize("written", COSTLY)
def test_an_expression_that_blows_up_runs_out_of_its_budget(written: str) -> None:
    began = time.process_time()
    with pytest.raises(Wrong, match=r"too much to do|deeper than|at most"):
        found(written, BIG, Budget())
    assert time.process_time() - began < 2


def test_texts_do_not_grow_without_end() -> None:
    doubling = "|".join(["join('', [@, @, @])"] * 13)
    with pytest.raises(Wrong):
        found(f"l[0].x|{doubling}", BIG, Budget())


def test_all_fields_together_have_one_budget() -> None:
    fields = {"id": "l[0].y", "number": "length(l[?x == 'q'])", "note": "length(l[?x == 'q'])"}
    small = {"l": BIG["l"][:9000]}
    mapped.own_shape(small, {"id": "l[0].y"})
    with pytest.raises(Unmappable, match=r"^(number|note): it has too much to do"):
        mapped.own_shape(small, fields)


def test_an_ordinary_body_is_far_from_its_budget() -> None:
    many = {**BODY, "data": {**BODY["data"], "items": BODY["data"]["items"] * 300}}
    assert "order" in mapped.own_shape(parse_json(json.dumps(many).encode()), FIELDS)


def test_a_number_and_a_text_have_no_order() -> None:
    assert found("l[?@ > 'a']", {"l": [1, 2]}, Budget()) == []


@pytest.mark.parametrize(
    ("written", "result"),
    [
        ("contains(l, `2`)", True), ("ends_with(s, 'b')", True), ("join('-', ['a', s])", "a-ab"),
        ("keys(o)", ["k"]), ("length(l)", 2), ("map(&k, [o])", [5]), ("max(l)", 2),
        ("max_by(p, &k).k", 6), ("merge(o, {z: s})", {"k": 5, "z": "ab"}), ("min(l)", 1),
        ("min_by(p, &k).k", 5), ("not_null(q, s)", "ab"), ("sort_by(p, &k)[0].k", 5),
        ("starts_with(s, 'a')", True), ("sum(l)", 3), ("to_array(s)", ["ab"]),
        ("to_number('12')", 12), ("to_string(o.k)", "5"), ("values(o)", [5]),
    ],
)  # fmt: skip
def test_every_function_that_the_guide_lists_works(written: str, result: Any) -> None:
    body = {"l": [1, 2], "s": "ab", "o": {"k": 5}, "p": [{"k": 6}, {"k": 5}]}
    assert found(written, body, Budget()) == result
    assert written.partition("(")[0] in ALLOWED


def test_the_guide_lists_the_functions(settings: Any) -> None:
    guide = (settings.BASE_DIR / "orders/sources/generic/guide.md").read_text()
    assert [name for name in ALLOWED if name not in guide] == []


# -- what a connection may be set to --------------------------------------------------------------


def test_good_settings_are_accepted() -> None:
    for good in ({}, settings_of(), {"mapping": {}}, {"mapping": None}, settings_of({})):
        connection_settings("generic", good)


WRONG = [
    ({"mapping": []}, "mapping is written"),
    ({"mapping": "x"}, "mapping is written"),
    ({"mapping": {"version": 1}}, "mapping is written"),
    ({"mapping": {"fields": {}, "extra": 1}}, "no member extra"),
    ({"mapping": {"fields": {}, "version": True}}, "whole number"),
    (settings_of({"status": "a"}), "id: is needed"),
    (settings_of({"id": "a", "colour": "b"}), "colour: there is no such field"),
    (settings_of({"id": "a", "status": "b["}), "status: it ends too early"),
    (settings_of({"id": 5}), "id: an expression is a text"),
    ({"mapping_history": [{}] * 11}, "10 earlier"),
    ({"mapping_history": {"a": 1}}, "10 earlier"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=[one[1] for one in WRONG])
def test_wrong_settings_are_refused_in_words(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        connection_settings("generic", wrong)
    assert sentence in " ".join(refusal.value.messages)


def test_other_sources_know_no_mapping() -> None:
    with pytest.raises(ValidationError):
        connection_settings("shopify", settings_of())


# -- what nothing uses ----------------------------------------------------------------------------


def unused(fields: dict[str, str]) -> list[str]:
    sample = Sample(parse_json(json.dumps(BODY).encode()))
    tried(fields, sample)
    return [path for path, _example in sample.unused()]


def test_the_leaves_that_nothing_looks_at_are_listed() -> None:
    assert unused(FIELDS) == ["event.kind", "data.tags[]"]


def test_what_is_taken_as_a_whole_is_used_as_a_whole() -> None:
    left = unused({"id": "event.uid", "attributes": "data"})
    assert left == ["event.kind"]


def test_a_list_of_texts_is_used_when_it_is_looked_at() -> None:
    assert "data.tags[]" not in unused({"id": "event.uid", "note": "join(', ', data.tags[])"})


def test_paths_are_written_as_expressions() -> None:
    sample = Sample({"a b": {"ünder": 1, "x-y": [{"0": 2}]}})
    assert list(sample.leaves) == ['"a b"."ünder"', '"a b"."x-y"[]."0"']
    for path in sample.leaves:
        assert found(path, sample.value, Budget()) in (1, [2])
