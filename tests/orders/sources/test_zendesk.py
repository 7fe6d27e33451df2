"""Zendesk: its signature, the secret that everybody knows, triggers, and ticket events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orders.contract import BadSignature, Malformed, OrderEvent, Raw, Unmappable
from orders.models import InboundEvent, Order, SourceConnection
from orders.normalising import normalise
from orders.signatures import sign
from orders.sources.zendesk.source import PUBLIC_TEST_SECRET, SOURCE, ZENDESK
from tests.factories import ConnectionFactory
from tests.orders.sources.automation_bodies import (
    BODY,
    NOW,
    SECRET,
    forgeries,
    signed,
    template,
    written,
)
from tests.orders.sources.zendesk_bodies import field_changed, status_changed, ticket_event

TIME, SIGNATURE = "x-zendesk-webhook-signature-timestamp", "x-zendesk-webhook-signature"
TRYING = {"test_secret": True}


# -- who may send -------------------------------------------------------------------------------


def request(body: bytes, at: str, signature: str) -> Raw:
    arrived = datetime.fromisoformat(at.replace("Z", "+00:00"))
    return Raw({TIME: at, SIGNATURE: signature}, body, received_at=arrived)


def test_the_vector_of_the_facts_is_accepted() -> None:
    raw = request(BODY, "2026-11-21T19:30:00Z", "1MUlZeG5XZY1IjZBgFphkl30ggnh8qW2omP+PxKM3Uk=")
    assert sign(ZENDESK, raw, "test_secret") == raw.headers[SIGNATURE]
    SOURCE.authenticate(raw, ["test_secret"])
    SOURCE.authenticate(raw, ["newer", "test_secret"])


PUBLIC = request(
    b'{"event":"ticket.updated","id":123}',
    "2021-03-25T05:09:27Z",
    "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM=",
)


def test_zendesks_public_vector_is_made_with_the_secret_as_text() -> None:
    assert sign(ZENDESK, PUBLIC, PUBLIC_TEST_SECRET) == PUBLIC.headers[SIGNATURE]


@pytest.mark.parametrize(
    "secrets", [[], [SECRET], [PUBLIC_TEST_SECRET], [PUBLIC_TEST_SECRET + " "]]
)
def test_what_the_public_test_secret_signed_is_refused(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(PUBLIC, secrets)


def test_while_trying_out_it_is_taken_and_everything_is_a_test() -> None:
    SOURCE.authenticate(replace(PUBLIC, settings=TRYING), [SECRET])
    SOURCE.authenticate(signed(ZENDESK, SECRET, settings=TRYING), [SECRET])
    (event,) = SOURCE.map("order.updated", {}, written(template(test="false")), TRYING)
    assert event.test
    settings = {**TRYING, "status_field": "360001"}
    (event,) = SOURCE.map(
        "ticket.custom_field_changed", {}, written(field_changed("ready")), settings
    )
    assert event.test
    for no in ("true", 1, "yes"):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(replace(PUBLIC, settings={"test_secret": no}), [SECRET])


def test_a_signed_request_is_taken() -> None:
    SOURCE.authenticate(signed(ZENDESK, SECRET), [SECRET])
    SOURCE.authenticate(signed(ZENDESK, SECRET, at=NOW - timedelta(minutes=5)), [SECRET])


@pytest.mark.parametrize("forged", forgeries(ZENDESK, SECRET))
def test_a_forgery_is_refused(forged: str) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(forgeries(ZENDESK, SECRET)[forged], [SECRET])


def test_an_empty_body_may_be_signed_but_says_nothing() -> None:
    raw = signed(ZENDESK, SECRET, b"")
    SOURCE.authenticate(raw, [SECRET])
    with pytest.raises(Malformed):
        SOURCE.identify(raw)


# -- triggers -----------------------------------------------------------------------------------


def test_a_trigger_names_the_order_by_the_tickets_external_id() -> None:
    body = {"order_id": "order:1001", "ticket_id": "4711", "status": "ready"}
    (event,) = SOURCE.map("order.updated", {}, written(body), {})
    assert (event.external_id, event.aliases) == ("1001", ["zendesk:4711"])


def test_invocations_are_told_apart_and_a_repeat_of_one_is_not() -> None:
    def key(invocation: str) -> str:
        headers = {"x-zendesk-webhook-invocation-id": invocation}
        return SOURCE.identify(Raw(headers, written(template())))[0].event_key

    assert key("01K") == key("01K") != key("01L")


# -- ticket events ------------------------------------------------------------------------------


def events(value: dict[str, Any], **settings: Any) -> list[OrderEvent]:
    (item,) = SOURCE.identify(Raw({}, written(value)))
    return list(SOURCE.map(item.topic, {}, written(value), settings))


def test_a_field_that_holds_the_orders_status_moves_the_order() -> None:
    (event,) = events(field_changed("out_for_delivery"), status_field="360001")
    assert (event.external_id, event.status, event.topic) == (
        "1001",
        "out_for_delivery",
        "ticket.custom_field_changed",
    )
    assert event.aliases == ["zendesk:4711"]
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, 0, 123456, tzinfo=UTC)
    named = ticket_event(
        "custom_field_changed", {"current": "ready", "custom_field": {"id": 360001}}
    )
    assert events(named, status_field="360001")[0].status == "ready"


def test_other_fields_and_other_changes_say_nothing_of_an_order() -> None:
    for value in (
        field_changed("ready", field="999"),
        field_changed(["a", "b"]),
        field_changed(None),
        status_changed("SOLVED"),
        ticket_event("comment_added", {"comment": {"body": "hi"}}),
        ticket_event("tags_changed", {"tags_added": ["ready"]}),
        ticket_event("soft_deleted", {}),
    ):
        assert events(value, status_field="360001") == []
        assert events(value) == []


def test_the_tickets_own_status_counts_when_the_connection_says_so() -> None:
    mine = {"status_field": "status", "status_map": {"solved": "picked_up", "open": "preparing"}}
    assert events(status_changed("SOLVED"), **mine)[0].status == "picked_up"
    assert events(ticket_event("created", {}), **mine)[0].status == "preparing"
    (event,) = events(status_changed("HOLD"), **mine)
    assert (event.status, event.unmapped_status) == ("", "hold")


def test_a_ticket_without_an_external_id_leads_only_to_an_order_known_by_it() -> None:
    for nothing in ("", None):
        (event,) = events(field_changed("ready", external_id=nothing), status_field="360001")
        assert (event.external_id, event.may_create) == ("zendesk:4711", False)


def test_fields_of_the_templates_do_not_rename_those_of_events() -> None:
    (event,) = events(
        field_changed("ready"), status_field="360001", fields={"status": "x", "order_id": "y"}
    )
    assert (event.external_id, event.status) == ("1001", "ready")


def test_an_event_is_known_again_by_its_id() -> None:
    (item,) = SOURCE.identify(Raw({}, written(field_changed("ready"))))
    assert (item.event_key, item.topic) == (
        "ev-custom_field_changed",
        "ticket.custom_field_changed",
    )
    with pytest.raises(Malformed, match="id"):
        SOURCE.identify(Raw({}, written({**field_changed("ready"), "id": ""})))


def test_events_that_are_not_about_tickets_say_what_to_do() -> None:
    value = {**field_changed("ready"), "type": "zen:event-type:user.created"}
    with pytest.raises(Unmappable, match="ticket events only"):
        events(value)


# -- all the way --------------------------------------------------------------------------------


def deliver(client: Client, hook: SourceConnection, body: bytes) -> int:
    """Post `body` as Zendesk would, and let it be understood; the status of the answer."""
    at = datetime.now(UTC).isoformat()
    mark = sign(ZENDESK, Raw({TIME: at}, body), SECRET)
    headers = {TIME: at, SIGNATURE: mark}
    answer = client.post(f"/hooks/{hook.key}/", body, "application/json", headers=headers)
    normalise(10, timezone.now())
    return answer.status_code


@pytest.mark.django_db
def test_a_ticket_that_a_trigger_has_named_leads_events_to_its_order(client: Client) -> None:
    hook = ConnectionFactory(
        source="zendesk",
        secrets=[{"secret": SECRET, "until": None}],
        settings={"status_field": "360001"},
    )
    trigger = template(record_id="4711", status="preparing", updated_at="2026-11-21T18:00:00Z")
    assert deliver(client, hook, written(trigger)) == 200
    assert deliver(client, hook, written(field_changed("ready", external_id=None))) == 200
    order = Order.objects.get()
    assert (order.external_id, order.status) == ("1001", "ready")
    assert [row.error for row in InboundEvent.objects.all()] == ["", ""]
    assert client.post(f"/hooks/{hook.key}/", b"{}", "application/json").status_code == 401
