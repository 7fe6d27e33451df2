"""What SignalWire gets and says."""

import json
from urllib.parse import urlencode

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    InboundMessage,
    Message,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.providers.signalwire.callbacks import signature
from tests.cases import CallbackCase, SendCase

PROJECT = "b3877c40-da60-4998-90ad-b792e98472af"
SID = "0a059168-ead0-41af-9d1f-343dae832527"
CREDENTIALS = {
    "space": "nonna",
    "project_id": PROJECT,
    "api_token": "PTtoken-of-a-test",
    "from_number": "+12025550100",
    "signing_key": "PSK-of-a-test",
}
GROUP = {
    **CREDENTIALS,
    "from_number": "",
    "number_group_id": "11111111-2222-3333-4444-555555555555",
}
CALLBACK_URL = "https://hub.example/receipts/k1/"
MESSAGE = Message(
    to="+12025550143",
    text="Your order #1042 is ready. ¡Buen provecho!",
    ref="d-7f3a",
    ttl_seconds=1200,
    callback_url=CALLBACK_URL,
)
URL = f"https://nonna.signalwire.com/api/laml/2010-04-01/Accounts/{PROJECT}/Messages"


def answer(status: int, value: object, **headers: str) -> Response:
    return Response(
        status, {"content-type": "application/json", **headers}, json.dumps(value).encode()
    )


def error(status: int, code: str, **headers: str) -> Response:
    value = {"code": code, "message": "…", "more_info": "…", "status": status}
    return answer(status, value, **headers)


def listed_error(status: int, code: str) -> Response:
    return answer(status, {"errors": [{"code": code, "message": "…", "more_info": "…"}]})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "a text is a form with every field that we rely on",
        MESSAGE,
        answer(201, {"sid": SID, "status": "queued", "num_segments": 1}),
        Request(
            "POST",
            URL,
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "Authorization": "Basic YjM4NzdjNDAtZGE2MC00OTk4LTkwYWQtYjc5MmU5ODQ3MmFm"
                "OlBUdG9rZW4tb2YtYS10ZXN0",
            },
            b"To=%2B12025550143&Body=Your+order+%231042+is+ready.+%C2%A1Buen+provecho%21"
            b"&From=%2B12025550100"
            b"&StatusCallback=https%3A%2F%2Fhub.example%2Freceipts%2Fk1%2F%3Fref%3Dd-7f3a"
            b"&ValidityPeriod=1200",
        ),
        Accepted(SID, "queued"),
    ),
    refused("a number that is none", error(422, "21211"), FailureKind.RECIPIENT_INVALID),
    refused(
        "a landline, in the code that is about the sender at Twilio",
        listed_error(422, "21606"),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused("one who blocked us", error(400, "21610"), FailureKind.OPTED_OUT),
    refused("a wrong token", error(401, "20003"), FailureKind.MISCONFIGURED),
    refused("a wrong token, in words", answer(401, {"errors": ["No"]}), FailureKind.MISCONFIGURED),
    refused("an empty balance", listed_error(422, "4001"), FailureKind.MISCONFIGURED),
    refused("a text too long", listed_error(422, "21617"), FailureKind.CONTENT_REJECTED),
    refused("too many requests", error(429, "20429"), FailureKind.THROTTLED),
    refused(
        "too many requests, with a time",
        error(429, "20429", **{"retry-after": "7"}),
        FailureKind.THROTTLED,
        7.0,
    ),
    refused("a full queue is a 400 and yet a limit", error(400, "21611"), FailureKind.THROTTLED),
    refused("an error inside", error(500, "20001"), FailureKind.TRANSIENT),
    refused("a bad gateway without a body", Response(502, {}, b""), FailureKind.TRANSIENT),
    refused("a code that nobody listed", error(422, "21999"), FailureKind.CONTENT_REJECTED),
    refused("a reason in words", answer(422, {"errors": ["no"]}), FailureKind.CONTENT_REJECTED),
    refused("a redirect", Response(302, {"location": "/x"}, b""), FailureKind.MISCONFIGURED),
    refused("a 201 that is no JSON", Response(201, {}, b"<html>"), FailureKind.UNKNOWN),
    refused("a 201 without a sid", answer(201, {"status": "queued"}), FailureKind.UNKNOWN),
]

VERIFY_CASES = [
    (answer(200, {"messages": []}), "SignalWire lets this login read the account's messages."),
    (answer(401, {"errors": ["Unauthorized"]}), FailureKind.MISCONFIGURED),
    (answer(403, {"errors": ["Forbidden"]}), FailureKind.MISCONFIGURED),
    (Response(404, {}, b""), FailureKind.MISCONFIGURED),
    (Response(200, {}, b"<html>"), FailureKind.UNKNOWN),
    (answer(200, {}), FailureKind.UNKNOWN),
    (Response(503, {}, b""), FailureKind.TRANSIENT),
]


def form_call(fields: dict[str, str], query: dict[str, str] | None = None) -> CallbackRequest:
    """A call as SignalWire signs it."""
    url = CALLBACK_URL + (f"?{urlencode(query)}" if query else "")
    signed = signature(url, list(fields.items()), CREDENTIALS["signing_key"]).decode()
    head = {"content-type": "application/x-www-form-urlencoded", "x-signalwire-signature": signed}
    return CallbackRequest("POST", url, head, urlencode(fields).encode(), query or {})


def status_call(word: str, **more: str) -> CallbackRequest:
    fields = {
        "MessageSid": SID,
        "AccountSid": PROJECT,
        "MessageStatus": word,
        "From": "+12025550100",
        "To": "+12025550143",
        "Body": "Your order",
        "NumMedia": "0",
        "NumSegments": "1",
        "ErrorCode": "",
    }
    return form_call({**fields, **more}, {"ref": "d-7f3a"})


def receipt_case(word: str, status: ReceiptStatus) -> CallbackCase:
    expected = Receipt(SID, status, ref="d-7f3a", event_id=f"{SID}:{word}", address="+12025550143")
    return CallbackCase(f"{word} is {status}", status_call(word), [expected])


def failed_case(word: str, code: str, kind: FailureKind, detail: str) -> CallbackCase:
    expected = Receipt(
        SID,
        ReceiptStatus.FAILED,
        ref="d-7f3a",
        code=code,
        detail=detail,
        failure=kind,
        event_id=f"{SID}:{word}",
        opt_out=kind is FailureKind.OPTED_OUT,
        address="+12025550143",
    )
    return CallbackCase(f"{word} {code} is {kind}", status_call(word, ErrorCode=code), [expected])


def inbound_call(body: str, **more: str) -> CallbackRequest:
    fields = {
        "MessageSid": SID,
        "AccountSid": PROJECT,
        "From": "+12025550143",
        "To": "+12025550100",
        "Body": body,
        "NumMedia": "0",
    }
    return form_call({**fields, **more})


CALLBACK_CASES = [
    receipt_case("queued", ReceiptStatus.QUEUED),
    receipt_case("initiated", ReceiptStatus.QUEUED),
    receipt_case("sending", ReceiptStatus.QUEUED),
    receipt_case("sent", ReceiptStatus.SENT),
    receipt_case("delivered", ReceiptStatus.DELIVERED),
    failed_case(
        "undelivered",
        "30005",
        FailureKind.RECIPIENT_INVALID,
        "The number is not known to any carrier.",
    ),
    failed_case(
        "failed",
        "30001",
        FailureKind.WINDOW_CLOSED,
        "It could not be delivered in its validity period.",
    ),
    failed_case("failed", "", FailureKind.TRANSIENT, "SignalWire gave no reason."),
    failed_case(
        "undelivered", "39999", FailureKind.CONTENT_REJECTED, "Look the code up at SignalWire."
    ),
    CallbackCase("a status that nobody knows is left out", status_call("teleported"), []),
    CallbackCase(
        "a question from a customer",
        inbound_call("¿Dónde está mi pedido?"),
        [InboundMessage(SID, "+12025550143", text="¿Dónde está mi pedido?")],
    ),
    CallbackCase(
        "STOP, which is ours to answer",
        inbound_call("STOP", MessageStatus="received"),
        [InboundMessage(SID, "+12025550143", text="STOP")],
    ),
]
