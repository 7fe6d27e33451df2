"""What Twilio gets and says."""

import json
from dataclasses import replace
from urllib.parse import urlencode

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    InboundMessage,
    Message,
    ProviderTemplate,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.providers.twilio.callbacks import signature
from tests.cases import CallbackCase, SendCase

SID = "AC" + "0123456789abcdef" * 2
MESSAGE_SID = "SM" + "fedcba9876543210" * 2
CREDENTIALS = {"account_sid": SID, "auth_token": "t0ken-of-a-test", "from_number": "+12025550100"}
SERVICE = {
    "account_sid": SID,
    "auth_token": "t0ken-of-a-test",
    "api_key_sid": "SK" + "0" * 32,
    "api_key_secret": "the-key-secret",
    "messaging_service_sid": "MG" + "a" * 32,
}
CALLBACK_URL = "https://hub.example/receipts/k1/"
MESSAGE = Message(
    to="+12025550143",
    text="Your order #1042 is ready. ¡Buen provecho!",
    ref="d-7f3a",
    ttl_seconds=1200,
    callback_url=CALLBACK_URL,
)
CONTENT_SID = "HX" + "b" * 32
TEMPLATED = replace(
    MESSAGE, template=ProviderTemplate(CONTENT_SID, "es", {"number": "1042", "store": "Café Sur"})
)
URL = f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Authorization": "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0MGtlbi1vZi1hLXRlc3Q=",
}


def answer(status: int, value: object, **headers: str) -> Response:
    return Response(
        status, {"content-type": "application/json", **headers}, json.dumps(value).encode()
    )


def error(status: int, code: int, **headers: str) -> Response:
    return answer(
        status, {"code": code, "message": "…", "more_info": "…", "status": status}, **headers
    )


TAKEN = answer(201, {"sid": MESSAGE_SID, "status": "queued", "num_segments": "1"})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "a text is a form with every field that we rely on",
        MESSAGE,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b"To=%2B12025550143&Body=Your+order+%231042+is+ready.+%C2%A1Buen+provecho%21"
            b"&From=%2B12025550100"
            b"&StatusCallback=https%3A%2F%2Fhub.example%2Freceipts%2Fk1%2F%3Fref%3Dd-7f3a"
            b"&ValidityPeriod=1200",
        ),
        Accepted(MESSAGE_SID, "queued"),
    ),
    SendCase(
        "a template takes the place of the text",
        TEMPLATED,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b"To=%2B12025550143&ContentSid=HXbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
            b"&ContentVariables=%7B%221%22%3A+%221042%22%2C+%222%22%3A+%22Caf%C3%A9+Sur%22%7D"
            b"&From=%2B12025550100"
            b"&StatusCallback=https%3A%2F%2Fhub.example%2Freceipts%2Fk1%2F%3Fref%3Dd-7f3a"
            b"&ValidityPeriod=1200",
        ),
        Accepted(MESSAGE_SID, "queued"),
    ),
    refused("a number that is none", error(400, 21211), FailureKind.RECIPIENT_INVALID),
    refused("a landline", error(400, 21614), FailureKind.RECIPIENT_INVALID),
    refused("one who sent STOP", error(400, 21610), FailureKind.OPTED_OUT),
    refused("a wrong token", error(401, 20003), FailureKind.MISCONFIGURED),
    refused("a sender of someone else", error(400, 21606), FailureKind.MISCONFIGURED),
    refused("a text too long", error(400, 21617), FailureKind.CONTENT_REJECTED),
    refused("too many requests", error(429, 20429), FailureKind.THROTTLED),
    refused(
        "too many requests, with a time",
        error(429, 20429, **{"retry-after": "7"}),
        FailureKind.THROTTLED,
        7.0,
    ),
    refused("a full queue is a 400 and yet a limit", error(400, 21611), FailureKind.THROTTLED),
    refused("an error inside", error(500, 20500), FailureKind.TRANSIENT),
    refused("a bad gateway without a body", Response(502, {}, b""), FailureKind.TRANSIENT),
    refused("a code that nobody listed", error(400, 21999), FailureKind.CONTENT_REJECTED),
    refused(
        "a redirect",
        Response(302, {"location": "https://x.example"}, b""),
        FailureKind.MISCONFIGURED,
    ),
    refused("a 201 that is no JSON", Response(201, {}, b"<html>"), FailureKind.UNKNOWN),
    refused("a 201 without a sid", answer(201, {"status": "queued"}), FailureKind.UNKNOWN),
]


def form_call(
    fields: dict[str, str], query: dict[str, str] | None = None, **headers: str
) -> CallbackRequest:
    """A call as Twilio signs it."""
    url = CALLBACK_URL + (f"?{urlencode(query)}" if query else "")
    signed = signature(url, list(fields.items()), CREDENTIALS["auth_token"]).decode()
    head = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signed,
        **headers,
    }
    return CallbackRequest("POST", url, head, urlencode(fields).encode(), query or {})


def status_call(word: str, **more: str) -> CallbackRequest:
    fields = {
        "AccountSid": SID,
        "From": "+12025550100",
        "To": "+12025550143",
        "MessageSid": MESSAGE_SID,
        "MessageStatus": word,
        "SmsStatus": word,
        "SomethingNew": "",
    }
    return form_call({**fields, **more}, {"ref": "d-7f3a"})


def receipt_case(word: str, status: ReceiptStatus) -> CallbackCase:
    expected = Receipt(
        MESSAGE_SID, status, ref="d-7f3a", event_id=f"{MESSAGE_SID}:{word}", address="+12025550143"
    )
    return CallbackCase(f"{word} is {status}", status_call(word), [expected])


def failed_case(word: str, code: str, kind: FailureKind, detail: str) -> CallbackCase:
    expected = Receipt(
        MESSAGE_SID,
        ReceiptStatus.FAILED,
        ref="d-7f3a",
        code=code,
        detail=detail,
        failure=kind,
        event_id=f"{MESSAGE_SID}:{word}",
        opt_out=kind is FailureKind.OPTED_OUT,
        address="+12025550143",
    )
    call = status_call(word, **({"ErrorCode": code} if code else {}))
    return CallbackCase(f"{word} {code} is {kind}", call, [expected])


def inbound_call(body: str, **more: str) -> CallbackRequest:
    fields = {
        "MessageSid": MESSAGE_SID,
        "From": "+12025550143",
        "To": "+12025550100",
        "Body": body,
        "NumMedia": "0",
        "SmsStatus": "received",
    }
    return form_call({**fields, **more})


CALLBACK_CASES = [
    receipt_case("queued", ReceiptStatus.QUEUED),
    receipt_case("sending", ReceiptStatus.QUEUED),
    receipt_case("sent", ReceiptStatus.SENT),
    receipt_case("partially_delivered", ReceiptStatus.SENT),
    receipt_case("delivered", ReceiptStatus.DELIVERED),
    receipt_case("read", ReceiptStatus.READ),
    failed_case(
        "undelivered",
        "30005",
        FailureKind.RECIPIENT_INVALID,
        "The number is not known to any carrier.",
    ),
    failed_case("failed", "21610", FailureKind.OPTED_OUT, "The person sent STOP to this sender."),
    failed_case("failed", "", FailureKind.TRANSIENT, "Twilio gave no reason."),
    failed_case(
        "undelivered", "39999", FailureKind.CONTENT_REJECTED, "Look the code up at Twilio."
    ),
    CallbackCase("a status that nobody knows is left out", status_call("teleported"), []),
    CallbackCase(
        "a question from a customer",
        inbound_call("¿Dónde está mi pedido?"),
        [InboundMessage(MESSAGE_SID, "+12025550143", text="¿Dónde está mi pedido?")],
    ),
    CallbackCase(
        "STOP that we have to answer",
        inbound_call("STOP"),
        [InboundMessage(MESSAGE_SID, "+12025550143", text="STOP")],
    ),
    CallbackCase(
        "a stop word of their own list, answered by Twilio",
        inbound_call("Basta ya", OptOutType="STOP"),
        [InboundMessage(MESSAGE_SID, "+12025550143", text="STOP", stop_handled=True)],
    ),
    CallbackCase(
        "a button",
        inbound_call("On my way", ButtonPayload="omw", ProfileName="Ada"),
        [
            InboundMessage(
                MESSAGE_SID, "+12025550143", text="On my way", action="omw", sender_name="Ada"
            )
        ],
    ),
]


def account(status: str, kind: str = "Full") -> Response:
    return answer(200, {"sid": SID, "friendly_name": "Nonna", "status": status, "type": kind})


VERIFY_CASES = [
    (account("active"), "The Twilio account “Nonna” is active."),
    (
        account("active", "Trial"),
        "The Twilio account “Nonna” is active. "
        "It is a trial: it only writes to numbers that you have verified.",
    ),
    (account("suspended"), FailureKind.MISCONFIGURED),
    (account("closed"), FailureKind.MISCONFIGURED),
    (error(401, 20003), FailureKind.MISCONFIGURED),
    (error(404, 20404), FailureKind.MISCONFIGURED),
    (error(429, 20429), FailureKind.THROTTLED),
    (Response(200, {}, b"[]"), FailureKind.UNKNOWN),
    (Response(503, {}, b""), FailureKind.TRANSIENT),
]
