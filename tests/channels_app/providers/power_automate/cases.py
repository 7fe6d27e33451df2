"""What a flow is given, and what Power Automate answers. It calls us never."""

import json
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

URL = (
    "https://default0a1b2c.09.environment.api.powerplatform.com:443/powerautomate/automations/direct"
    "/workflows/86ffea6392fe4f3f9555f5e8f9b1f06e/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=AbC-dEf_0123"
)
TENANT_URL = URL.partition("&sp=")[0]
CREDENTIALS = {"trigger_url": URL, "tenant_id": "", "client_id": "", "client_secret": ""}
APP = {
    "trigger_url": TENANT_URL,
    "tenant_id": "11111111-2222-3333-4444-555555555555",
    "client_id": "66666666-7777-8888-9999-000000000000",
    "client_secret": "s3cret~value",
}
DATA: dict[str, Any] = {
    "event": "ready",
    "sent_at": "2026-11-21T19:30:00+00:00",
    "occurred_at": "2026-11-21T19:29:58+00:00",
    "brand": "Nonna",
    "order": {
        "id": "7",
        "external_id": "5001",
        "number": "#1024",
        "status": "ready",
        "previous_status": "preparing",
        "fulfilment": "pickup",
        "currency": "EUR",
        "total_minor": 2150,
        "refunded_minor": 0,
        "placed_at": "2026-11-21T18:55:00+00:00",
        "tracking_url": "https://hub.example.com/t/abc/",
        "source": "shopify",
    },
    "items": [{"id": "1", "name": "Margherita", "quantity": 2}],
    "tracking": [{"number": "Z9", "carrier": "DHL", "url": ""}],
    "store": {"slug": "centro", "name": "Centro"},
    "customer": {
        "id": "88",
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "email": "ada@example.com",
        "phone": "+34600000001",
        "language": "es",
        "opted_out": ["sms"],
    },
}
MESSAGE = Message(
    to="kitchen flow",
    text="Your order is ready ¡ya!",
    ref="ref-1",
    subject="Ready",
    url="https://hub.example.com/t/abc/",
    data=DATA,
)
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "x-ms-client-tracking-id": "ref-1",
    "Idempotency-Key": "ref-1",
}
BODY = (
    '{"schema_version":1,"event_id":"ref-1","event_type":"order.ready",'
    '"occurred_at":"2026-11-21T19:29:58+00:00","destination":"kitchen flow","brand":"Nonna",'
    '"store":{"id":"centro","name":"Centro"},"order":{"id":"7","external_id":"5001",'
    '"number":"#1024","status":"ready","previous_status":"preparing","fulfilment":"pickup",'
    '"currency":"EUR","placed_at":"2026-11-21T18:55:00+00:00",'
    '"tracking_url":"https://hub.example.com/t/abc/","source":"shopify","total":"21.50",'
    '"refunded":"0.00","total_minor":2150},"recipient":{"id":"88","name":"Ada Lovelace",'
    '"given_name":"Ada","email":"ada@example.com","phone":"+34600000001","language":"es",'
    '"opted_out":["sms"]},"message":{"title":"Ready","body":"Your order is ready ¡ya!"},'
    '"links":{"order":"https://hub.example.com/t/abc/"},'
    '"items":[{"id":"1","name":"Margherita","quantity":2}],'
    '"tracking":[{"number":"Z9","carrier":"DHL","url":""}]}'
).encode()


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def said(code: str) -> Any:
    return {"error": {"code": code, "message": "ada@example.com"}}


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


CONTENT, CONFIG = FailureKind.CONTENT_REJECTED, FailureKind.MISCONFIGURED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
TAKEN = Accepted(handed_off=True)
RUN = "08584300000000000000000000000CU00"
SEND_CASES = [
    SendCase("an event", MESSAGE, answer(202), Request("POST", URL, HEADERS, BODY), TAKEN),
    SendCase(
        "a run that has a name",
        MESSAGE,
        answer(202, x_ms_workflow_run_id=RUN),
        None,
        Accepted(RUN, handed_off=True),
    ),
    SendCase(
        "a flow that says that it handled it",
        MESSAGE,
        answer(200, {"handled": True}),
        None,
        Accepted("", "The flow says that it handled it.", handed_off=True),
    ),
    SendCase("an answer of the flow's own", MESSAGE, answer(200, b"<html>"), None, TAKEN),
    refused("401: not allowed", answer(401, said("DirectApiAuthorizationRequired")), CONFIG),
    refused("401", answer(401), CONFIG),
    refused("403", answer(403, said("Forbidden")), CONFIG),
    refused("404: no such flow", answer(404, said("WorkflowNotFound")), CONFIG),
    refused("405", answer(405), CONFIG),
    refused("400: switched off", answer(400, said("WorkflowTriggerIsNotEnabled")), CONFIG),
    refused("400: another body", answer(400, said("TriggerInputSchemaMismatch")), CONTENT),
    refused("400", answer(400, said("InvalidRequestContent")), CONTENT),
    refused("413", answer(413), CONTENT),
    refused("302", answer(302), CONFIG),
    refused("429", answer(429, said("TooManyRequests"), retry_after="20"), THROTTLED, 20.0),
    refused("502: no answer in time", answer(502, said("NoResponse")), TRANSIENT),
    refused("500", answer(500), TRANSIENT),
    refused("503", answer(503, b"<html>", retry_after="5"), TRANSIENT, 5.0),
]
CALLBACK_CASES: list[CallbackCase] = []
