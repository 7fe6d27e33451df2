"""CloudEvents in their three forms, through the same door and with the same proof."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orders import signatures
from orders.contract import BadSignature, Clock, Malformed, Raw, Unmappable
from orders.sources.generic.source import SOURCE
from tests.orders.sources.bodies import mapped

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


def cloud_event(**more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/tills/4",
        "type": "orders.updated",
        "time": "2026-11-21T19:29:00Z",
        "datacontenttype": "application/json",
        "data": {"order": {"id": "1001", "status": "ready"}},
        **more,
    }


def identify(headers: dict[str, str], body: Any) -> Any:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SOURCE.identify(Raw(headers, written))


def test_source_and_id_together_make_the_key() -> None:
    (item,) = identify(STRUCTURED, cloud_event())
    assert (item.event_key, item.topic, item.body) == ("/tills/4#e1", "orders.updated", None)
    (signed,) = identify({**STRUCTURED, "webhook-id": "m1"}, cloud_event(source="/tills/5"))
    assert signed.event_key == "/tills/5#e1"


def test_a_structured_event_is_mapped() -> None:
    event = mapped(SOURCE, "orders.updated", cloud_event(sequence="42"), headers=STRUCTURED)
    assert (event.external_id, event.status) == ("1001", "ready")
    assert event.clock == Clock(42, datetime(2026, 11, 21, 19, 29, tzinfo=UTC))
    assert event.occurred_at == datetime(2026, 11, 21, 19, 29, tzinfo=UTC)


def test_the_bodys_own_clock_counts_more_than_the_envelopes() -> None:
    data = {"order": {"id": 1}, "version": 9, "updated_at": "2026-11-21T19:00:00Z"}
    event = mapped(SOURCE, "x", cloud_event(data=data, sequence="42"), headers=STRUCTURED)
    assert event.clock == Clock(9, datetime(2026, 11, 21, 19, 0, tzinfo=UTC))


@pytest.mark.parametrize("sequence", ["a1", "", "-1", "1" * 30, None, {}, "٣"])
def test_a_sequence_that_is_no_number_is_no_version(sequence: Any) -> None:
    event = mapped(SOURCE, "x", cloud_event(sequence=sequence), headers=STRUCTURED)
    assert event.clock.version is None


def test_the_subject_names_the_order_when_the_data_does_not() -> None:
    event = mapped(SOURCE, "x", cloud_event(subject="77", data={"order": {"status": "ready"}}))
    assert event.external_id == "77"
    named = cloud_event(subject="x", partitionkey="78", data={"status": "ready"})
    assert mapped(SOURCE, "x", named).external_id == "78"


def test_the_type_may_name_the_status() -> None:
    event = mapped(SOURCE, "x", cloud_event(type="com.acme.order.ready.v1", data={"id": 5}))
    assert (event.external_id, event.status) == ("5", "ready")


def test_data_may_be_base64() -> None:
    encoded = base64.b64encode(b'{"order": {"id": 5, "status": "ready"}}').decode()
    event = mapped(SOURCE, "x", cloud_event(data=None, data_base64=encoded))
    assert (event.external_id, event.status) == ("5", "ready")


def test_a_batch_is_taken_apart_without_changing_a_byte() -> None:
    first = json.dumps(cloud_event(id="a", data={"id": 820982911946154508, "status": "ready"}))
    second = '{ "specversion":"1.0","id":"b","source":"s","type":"order.ready",\n"data":{"id":1.0}}'
    items = identify(BATCH, f"[ {first} ,\n{second}\n]".encode())
    assert [item.event_key for item in items] == ["/tills/4#a", "s#b"]
    assert [item.body for item in items] == [first.encode(), second.encode()]
    event = mapped(SOURCE, items[0].topic, items[0].body, headers=BATCH)
    assert (event.external_id, event.status) == ("820982911946154508", "ready")


def test_an_empty_batch_holds_nothing() -> None:
    assert identify(BATCH, []) == []


def test_a_batch_has_an_end() -> None:
    with pytest.raises(Malformed, match="1000"):
        identify(BATCH, [cloud_event()] * 1001)


def test_a_binary_event_has_its_attributes_in_headers() -> None:
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e1",
        "ce-source": "/caf%C3%A9",
        "ce-type": "order.updated",
        "ce-time": "2026-11-21T19:29:00Z",
        "ce-sequence": "3",
    }
    body = b'{"order": {"id": "1001", "status": "ready"}}'
    (item,) = identify(headers, body)
    assert (item.event_key, item.topic) == ("/café#e1", "order.updated")
    event = mapped(SOURCE, item.topic, body, headers=headers)
    assert (event.external_id, event.status, event.clock.version) == ("1001", "ready", 3)
    with pytest.raises(Malformed, match="ce-source"):
        identify({**headers, "ce-source": ""}, body)


BROKEN = [
    (STRUCTURED, cloud_event(specversion="0.3"), "specversion"),
    (STRUCTURED, cloud_event(id=""), "id"),
    (STRUCTURED, cloud_event(id=5), "id"),
    (STRUCTURED, cloud_event(source=None), "source"),
    (STRUCTURED, {"order": {"id": 1}}, "specversion"),
    (STRUCTURED, [cloud_event()], "specversion"),
    (BATCH, cloud_event(), "list"),
    (BATCH, [cloud_event(), 5], "[1]"),
    (BATCH, [cloud_event(), cloud_event(type=None)], "[1].type"),
    ({"ce-specversion": "1.0"}, {"order": {"id": 1}}, "ce-id"),
]


@pytest.mark.parametrize(("headers", "body", "member"), BROKEN, ids=lambda one: str(one)[:50])
def test_what_is_no_cloud_event_is_refused_by_name(headers: Any, body: Any, member: str) -> None:
    with pytest.raises(Malformed) as problem:
        identify(headers, body)
    assert member in str(problem.value)


UNREADABLE = [
    (cloud_event(type="inventory.changed"), Unmappable),
    (cloud_event(datacontenttype="text/xml", data="<a/>"), Unmappable),
    (cloud_event(data=None), Malformed),
    (cloud_event(data="x"), Malformed),
    (cloud_event(data=None, data_base64="***"), Malformed),
    (cloud_event(data=None, data_base64=5), Malformed),
    (cloud_event(data=None, data_base64=base64.b64encode(b"{").decode()), Malformed),
]


@pytest.mark.parametrize(("body", "kind"), UNREADABLE, ids=lambda one: str(one)[-60:])
def test_data_that_cannot_be_read_is_said_in_a_sentence(body: Any, kind: type) -> None:
    with pytest.raises(kind) as problem:
        SOURCE.map("x", STRUCTURED, json.dumps(body).encode(), {})
    assert str(problem.value).endswith((".", "order"))


def test_a_cloud_event_needs_proof_like_everything_else() -> None:
    body = json.dumps(cloud_event()).encode()
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw(STRUCTURED, body, received_at=NOW), ["s"])
    signed = {**STRUCTURED, **signatures.sign_standard("s", "m1", NOW, body)}
    SOURCE.authenticate(Raw(signed, body, received_at=NOW), ["s"])
    bearer = {**STRUCTURED, "authorization": "Bearer s"}
    SOURCE.authenticate(Raw(bearer, body, received_at=NOW), ["s"])


def test_a_sender_that_asks_by_options_may_try() -> None:
    asked = {"webhook-request-origin": "eventemitter.example.com"}
    assert SOURCE.handshake(Raw(asked, b"", method="OPTIONS"), ["s"]) == (200, "")
    assert SOURCE.handshake(Raw({}, b"", method="OPTIONS"), ["s"]) is None
    assert SOURCE.handshake(Raw(asked, b"", method="POST"), ["s"]) is None
