"""What Plivo gets and says."""

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
from channels_app.providers.plivo.callbacks import signature
from tests.cases import CallbackCase, SendCase

AUTH_ID = "MATEST00000000000001"
UUID = "5b40a428-bfc7-4daf-9d06-726c558bf3b8"
CREDENTIALS = {
    "auth_id": AUTH_ID,
    "auth_token": "t0ken-of-a-test",
    "from_number": "+12025550100",
    "dlt_entity_id": "1101456660000012345",
    "dlt_template_category": "service_implicit",
}
SUBACCOUNT = {
    "auth_id": "SATEST00000000000002",
    "auth_token": "t0ken-of-the-child",
    "main_auth_token": "t0ken-of-a-test",
    "powerpack_uuid": "12345678-1234-1234-1234-1234567890ab",
    "log": "number_only",
}
CALLBACK_URL = "https://hub.example/receipts/k1/"
MESSAGE = Message(
    to="+12025550143",
    text="Your order #1042 is ready. ¡Buen provecho!",
    ref="d-7f3a",
    ttl_seconds=1200,
    callback_url=CALLBACK_URL,
)
IN_INDIA = replace(
    MESSAGE, to="+919811098110", template=ProviderTemplate("1107165000000000001", "en")
)
URL = f"https://api.plivo.com/v1/Account/{AUTH_ID}/Message/"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Basic TUFURVNUMDAwMDAwMDAwMDAwMDE6dDBrZW4tb2YtYS10ZXN0",
}


def answer(status: int, value: object, **headers: str) -> Response:
    return Response(
        status, {"content-type": "application/json", **headers}, json.dumps(value).encode()
    )


def error(status: int, words: str, **headers: str) -> Response:
    return answer(status, {"api_id": "948b53a2", "error": words}, **headers)


TAKEN = answer(202, {"api_id": "a", "message": "message(s) queued", "message_uuid": [UUID]})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "a text is JSON with every member that we rely on",
        MESSAGE,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b'{"src":"+12025550100","dst":"+12025550143",'
            b'"text":"Your order #1042 is ready. \xc2\xa1Buen provecho!","type":"sms",'
            b'"message_expiry":1200,"url":"https://hub.example/receipts/k1/?ref=d-7f3a",'
            b'"method":"POST"}',
        ),
        Accepted(UUID),
    ),
    SendCase(
        "a text to India names what it is registered as",
        IN_INDIA,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b'{"src":"+12025550100","dst":"+919811098110",'
            b'"text":"Your order #1042 is ready. \xc2\xa1Buen provecho!","type":"sms",'
            b'"message_expiry":1200,"url":"https://hub.example/receipts/k1/?ref=d-7f3a",'
            b'"method":"POST","dlt_entity_id":"1101456660000012345",'
            b'"dlt_template_id":"1107165000000000001","dlt_template_category":"service_implicit"}',
        ),
        Accepted(UUID),
    ),
    refused(
        "a number that is none",
        error(400, "'12025550143' is not a valid phone number."),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "a number that is none, in an answer that is none",
        answer(202, {"message_uuid": [], "invalid_number": ["12025550143"]}),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "a sender that is none",
        error(400, "'12025550100' is not a valid phone number."),
        FailureKind.MISCONFIGURED,
    ),
    refused("a wrong token", error(401, "Authentication failed."), FailureKind.MISCONFIGURED),
    refused("no credit", error(402, "no credit"), FailureKind.MISCONFIGURED),
    refused("a country that is off", error(403, "geo"), FailureKind.MISCONFIGURED),
    refused("an account that is none", error(404, "not found"), FailureKind.MISCONFIGURED),
    refused(
        "a member that is wrong", error(400, "text of +12025550143"), FailureKind.CONTENT_REJECTED
    ),
    refused("what cannot be processed", error(422, "no"), FailureKind.CONTENT_REJECTED),
    refused("a conflict", error(409, "no"), FailureKind.CONTENT_REJECTED),
    refused("too many requests", error(429, "slow down"), FailureKind.THROTTLED),
    refused(
        "too many requests, with a time",
        error(429, "slow down", **{"retry-after": "7"}),
        FailureKind.THROTTLED,
        7.0,
    ),
    refused("an error inside", error(500, "oops"), FailureKind.TRANSIENT),
    refused("a bad gateway without a body", Response(502, {}, b""), FailureKind.TRANSIENT),
    refused("a redirect", Response(302, {"location": "/x"}, b""), FailureKind.MISCONFIGURED),
    refused("a 202 that is no JSON", Response(202, {}, b"<html>"), FailureKind.UNKNOWN),
    refused("a 202 without an id", answer(202, {"message_uuid": []}), FailureKind.UNKNOWN),
]

ACCOUNT = {"auth_id": AUTH_ID, "name": "Nonna", "cash_credits": "4.88860", "state": ""}
VERIFY_CASES = [
    (answer(200, ACCOUNT), "This is the Plivo account “Nonna”. Its credit is 4.88860."),
    (answer(200, {"auth_id": AUTH_ID, "name": "Nonna"}), "This is the Plivo account “Nonna”."),
    (answer(200, {"objects": []}), "Plivo lets this subaccount read its messages."),
    (error(401, "Authentication failed."), FailureKind.MISCONFIGURED),
    (error(404, "not found"), FailureKind.MISCONFIGURED),
    (answer(200, []), FailureKind.UNKNOWN),
    (Response(200, {}, b"<html>"), FailureKind.UNKNOWN),
    (Response(503, {}, b""), FailureKind.TRANSIENT),
]


def form_call(
    fields: dict[str, str],
    query: dict[str, str] | None = None,
    key: str = "t0ken-of-a-test",
    header: str = "x-plivo-signature-ma-v3",
) -> CallbackRequest:
    """A call as Plivo signs it."""
    url = CALLBACK_URL + (f"?{urlencode(query)}" if query else "")
    bare = CallbackRequest("POST", url, {}, urlencode(fields).encode(), query or {})
    head = {
        "content-type": "application/x-www-form-urlencoded",
        "x-plivo-signature-v3-nonce": "12345",
        header: f"b2xkZXI=,{signature(bare, '12345', key).decode()}",
    }
    return replace(bare, headers=head)


def status_call(word: str, **more: str) -> CallbackRequest:
    fields = {
        "MessageUUID": UUID,
        "From": "12025550100",
        "To": "12025550143",
        "Type": "sms",
        "Status": word,
        "Units": "1",
        "PartInfo": "",
    }
    return form_call({**fields, **more}, {"ref": "d-7f3a"})


def receipt_case(word: str, status: ReceiptStatus, **more: str) -> CallbackCase:
    expected = Receipt(
        UUID, status, ref="d-7f3a", event_id=f"{UUID}:{word}", address="+12025550143"
    )
    return CallbackCase(f"{word} is {status}", status_call(word, **more), [expected])


def failed_case(word: str, code: str, kind: FailureKind, detail: str) -> CallbackCase:
    expected = Receipt(
        UUID,
        ReceiptStatus.FAILED,
        ref="d-7f3a",
        code=code,
        detail=detail,
        failure=kind,
        event_id=f"{UUID}:{word}",
        opt_out=kind is FailureKind.OPTED_OUT,
        address="+12025550143",
    )
    call = status_call(word, **({"ErrorCode": code} if code else {}))
    return CallbackCase(f"{word} {code} is {kind}", call, [expected])


def inbound_call(text: str, **more: str) -> CallbackRequest:
    fields = {
        "MessageUUID": UUID,
        "From": "12025550143",
        "To": "12025550100",
        "Text": text,
        "Type": "sms",
        "MessageIntent": "",
    }
    return form_call({**fields, **more})


CALLBACK_CASES = [
    receipt_case("queued", ReceiptStatus.QUEUED),
    receipt_case("sent", ReceiptStatus.SENT),
    receipt_case("delivered", ReceiptStatus.DELIVERED, ErrorCode="000"),
    failed_case("failed", "50", FailureKind.RECIPIENT_INVALID, "The number is not valid."),
    failed_case("failed", "200", FailureKind.OPTED_OUT, "The person sent STOP to this sender."),
    failed_case(
        "failed",
        "900",
        FailureKind.MISCONFIGURED,
        "The account has too little credit. Top it up at Plivo.",
    ),
    failed_case("undelivered", "", FailureKind.TRANSIENT, "Plivo gave no reason."),
    failed_case(
        "rejected", "", FailureKind.CONTENT_REJECTED, "Plivo did not take it, and gave no reason."
    ),
    failed_case("undelivered", "9999", FailureKind.CONTENT_REJECTED, "Look the code up at Plivo."),
    CallbackCase("a status that nobody knows is left out", status_call("teleported"), []),
    CallbackCase(
        "a number that Plivo masked is no address",
        status_call("sent", To="1202555XXXX"),
        [Receipt(UUID, ReceiptStatus.SENT, ref="d-7f3a", event_id=f"{UUID}:sent")],
    ),
    CallbackCase(
        "a question from a customer",
        inbound_call("¿Dónde está mi pedido?"),
        [InboundMessage(UUID, "+12025550143", text="¿Dónde está mi pedido?")],
    ),
    CallbackCase(
        "words with a picture",
        inbound_call("", Body="Here", From="+12025550143", Type="mms"),
        [InboundMessage(UUID, "+12025550143", text="Here")],
    ),
    CallbackCase(
        "a stop word that Plivo has answered",
        inbound_call("Stop all", MessageIntent="optout"),
        [InboundMessage(UUID, "+12025550143", text="STOP", stop_handled=True)],
    ),
    CallbackCase(
        "a stop word to a number elsewhere, which is ours to answer",
        inbound_call("stop", MessageIntent="optout", To="+447700900100"),
        [InboundMessage(UUID, "+12025550143", text="STOP")],
    ),
    CallbackCase(
        "a stop word to a short code, which is ours to answer",
        inbound_call("stop", MessageIntent="optout", To="12345"),
        [InboundMessage(UUID, "+12025550143", text="STOP")],
    ),
    CallbackCase(
        "a cry for help that Plivo has answered",
        inbound_call("info", MessageIntent="help"),
        [InboundMessage(UUID, "+12025550143", text="HELP", stop_handled=True)],
    ),
]
