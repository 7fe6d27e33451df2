"""What Mailgun gets and says."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    Message,
    ProviderTemplate,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.providers.mailgun.callbacks import signature
from tests.cases import CallbackCase, SendCase

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
TOKEN = "0123456789" * 5
CREDENTIALS = {
    "domain": "mg.casa.example",
    "api_key": "key-of-a-test",
    "from_email": "orders@casa.example",
    "from_name": "Casa Verde",
    "webhook_signing_key": "signing-key-of-a-test",
}
MESSAGE_ID = "20261121120000.1.ABC@mg.casa.example"
MESSAGE = Message(
    to="ada@example.com",
    subject="Order #1042 is ready",
    text="Hello Ada, your order is ready.",
    html="<p>¡Hola!</p>",
    ref="d-7f3a",
    ttl_seconds=5400,
    unsubscribe_url="https://hub.example/u/tok/",
)
TEMPLATED = replace(
    MESSAGE, template=ProviderTemplate("order ready", "es", {"number": "1042", "store": "Café"})
)
URL = "https://api.mailgun.net/v3/mg.casa.example/messages"
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Authorization": "Basic YXBpOmtleS1vZi1hLXRlc3Q=",
}


def error(status: int, message: str = "no", **headers: str) -> Response:
    return Response(status, headers, json.dumps({"message": message}).encode())


TAKEN = Response(
    200, {}, json.dumps({"id": f"<{MESSAGE_ID}>", "message": "Queued. Thank you."}).encode()
)
FULL = (
    "Domain example.com is not allowed to send: account-requests-per-sec limit exceeded, "
    "try again after 120 seconds"
)


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "a mail is a form with every field that we rely on",
        MESSAGE,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b"from=Casa+Verde+%3Corders%40casa.example%3E&to=ada%40example.com"
            b"&subject=Order+%231042+is+ready&text=Hello+Ada%2C+your+order+is+ready."
            b"&html=%3Cp%3E%C2%A1Hola%21%3C%2Fp%3E&v%3Aob_ref=d-7f3a&o%3Adeliver-within=1h30m"
            b"&h%3AList-Unsubscribe=%3Chttps%3A%2F%2Fhub.example%2Fu%2Ftok%2F%3E"
            b"&h%3AList-Unsubscribe-Post=List-Unsubscribe%3DOne-Click",
        ),
        Accepted(MESSAGE_ID),
    ),
    SendCase(
        "a template takes the place of the words",
        TEMPLATED,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b"from=Casa+Verde+%3Corders%40casa.example%3E&to=ada%40example.com"
            b"&subject=Order+%231042+is+ready&template=order+ready&t%3Atext=yes"
            b"&t%3Avariables=%7B%22number%22%3A%221042%22%2C%22store%22%3A%22Caf%C3%A9%22%7D"
            b"&v%3Aob_ref=d-7f3a&o%3Adeliver-within=1h30m"
            b"&h%3AList-Unsubscribe=%3Chttps%3A%2F%2Fhub.example%2Fu%2Ftok%2F%3E"
            b"&h%3AList-Unsubscribe-Post=List-Unsubscribe%3DOne-Click",
        ),
        Accepted(MESSAGE_ID),
    ),
    refused(
        "an address that is none",
        error(400, "to parameter is not a valid address. please check documentation."),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "an address that is none, in quotes",
        error(400, "'to' parameter is not a valid address. please check documentation"),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "a sender that is none",
        error(400, "from parameter is not a valid address. please check documentation."),
        FailureKind.CONTENT_REJECTED,
    ),
    refused(
        "too many options",
        error(400, "Send options (parameters starting with o:, h:, or v:) are limited to 16KB"),
        FailureKind.CONTENT_REJECTED,
    ),
    refused(
        "a template that is none",
        error(400, "template order-ready not found"),
        FailureKind.MISCONFIGURED,
    ),
    refused(
        "a wrong key, in a bare word", Response(401, {}, b"Forbidden"), FailureKind.MISCONFIGURED
    ),
    refused("a wrong key, in JSON", Response(401, {}, b'"Forbidden"'), FailureKind.MISCONFIGURED),
    refused("an unpaid account", error(402), FailureKind.MISCONFIGURED),
    refused("a disabled domain", error(403), FailureKind.MISCONFIGURED),
    refused("a domain of the other region", error(404), FailureKind.MISCONFIGURED),
    refused("a mail too large", error(413), FailureKind.CONTENT_REJECTED),
    refused("too many requests", error(429), FailureKind.THROTTLED),
    refused("too many requests, time in words", error(429, FULL), FailureKind.THROTTLED, 120.0),
    refused(
        "too many requests, time in a header",
        error(429, FULL, **{"retry-after": "7"}),
        FailureKind.THROTTLED,
        7.0,
    ),
    refused(
        "a limit far away",
        error(429, FULL.replace("120", "86400")),
        FailureKind.THROTTLED,
        900.0,
    ),
    refused("an error inside", error(500, "Internal Server Error"), FailureKind.TRANSIENT),
    refused("out of order", Response(503, {}, b"<html>"), FailureKind.TRANSIENT),
    refused("a redirect", Response(301, {"location": "/x"}, b""), FailureKind.MISCONFIGURED),
    refused("a proxy that says 200", Response(200, {}, b"<html>Hi"), FailureKind.UNKNOWN),
    refused("a 200 without an id", Response(200, {}, b'{"id":"<>"}'), FailureKind.UNKNOWN),
]

VERIFY_CASES = [
    (error(400, "to parameter is missing"), "The key may send mail for mg.casa.example."),
    (error(400, "'from' parameter is missing"), "The key may send mail for mg.casa.example."),
    (error(400, "from parameter is not a valid address"), FailureKind.CONTENT_REJECTED),
    (Response(401, {}, b"Forbidden"), FailureKind.MISCONFIGURED),
    (error(403), FailureKind.MISCONFIGURED),
    (error(404), FailureKind.MISCONFIGURED),
    (error(429, FULL), FailureKind.THROTTLED),
    (TAKEN, FailureKind.UNKNOWN),
    (Response(503, {}, b""), FailureKind.TRANSIENT),
]


def call_of(event: dict[str, Any], **proof: Any) -> CallbackRequest:
    """A call as Mailgun signs it."""
    key = CREDENTIALS["webhook_signing_key"]
    signed = {"timestamp": STAMP, "token": TOKEN, "signature": signature(STAMP, TOKEN, key)}
    body = {"signature": signed | proof, "event-data": event}
    head = {"content-type": "application/json"}
    return CallbackRequest(
        "POST", "https://hub.example/receipts/k1/", head, json.dumps(body).encode()
    )


def event(word: str, **more: Any) -> dict[str, Any]:
    return {
        "event": word,
        "id": "CCXMjJ7nQi2N3BPigGOdgQ",
        "timestamp": NOW.timestamp() + 0.5,
        "recipient": "ada@example.com",
        "message": {"headers": {"message-id": MESSAGE_ID, "subject": "Order"}},
        "user-variables": {"ob_ref": "d-7f3a"},
    } | more


def read_as(status: ReceiptStatus, **more: Any) -> Receipt:
    return Receipt(
        MESSAGE_ID,
        status,
        ref="d-7f3a",
        at=NOW.replace(microsecond=500_000),
        event_id=TOKEN,
        address="ada@example.com",
        **more,
    )


def case(label: str, given: dict[str, Any], receipt: Receipt | None) -> CallbackCase:
    return CallbackCase(label, call_of(given), [] if receipt is None else [receipt])


def failed(
    reason: str,
    kind: FailureKind,
    detail: str,
    severity: str = "permanent",
    enhanced: str = "5.1.1",
) -> CallbackCase:
    """The words of the other mail server name the person, and are left out."""
    status = {"code": 550, "enhanced-code": enhanced, "message": "ada@example.com: no"}
    given = event("failed", severity=severity, reason=reason, **{"delivery-status": status})
    receipt = read_as(
        ReceiptStatus.FAILED,
        code="550",
        detail=detail,
        failure=kind,
        opt_out=kind is FailureKind.OPTED_OUT,
    )
    return case(f"{severity}: {reason} {enhanced}", given, receipt)


REFUSED = "The recipient's mail server refuses the mail."
CALLBACK_CASES = [
    case("accepted", event("accepted"), read_as(ReceiptStatus.QUEUED)),
    case("delivered", event("delivered"), read_as(ReceiptStatus.DELIVERED)),
    case("opened", event("opened"), read_as(ReceiptStatus.READ)),
    case("opened by a machine", event("opened", **{"client-info": {"bot": "apple"}}), None),
    case("clicked", event("clicked", url="https://x.example/"), read_as(ReceiptStatus.READ)),
    case(
        "complained",
        event("complained"),
        read_as(ReceiptStatus.DELIVERED, opt_out=True, detail="Reported as spam."),
    ),
    case("unsubscribed", event("unsubscribed"), read_as(ReceiptStatus.DELIVERED, opt_out=True)),
    case(
        "put off",
        event("failed", severity="temporary", reason="generic"),
        read_as(ReceiptStatus.DEFERRED, detail="The mail server asked to wait."),
    ),
    failed("bounce", FailureKind.RECIPIENT_INVALID, "The address does not work."),
    failed("bounce", FailureKind.CONTENT_REJECTED, REFUSED, enhanced="5.7.1"),
    failed(
        "suppress-bounce",
        FailureKind.RECIPIENT_INVALID,
        "Mailgun remembers a bounce of this address.",
        enhanced="",
    ),
    failed("suppress-unsubscribe", FailureKind.OPTED_OUT, "They unsubscribed at Mailgun."),
    failed("suppress-complaint", FailureKind.OPTED_OUT, "They reported mail as spam."),
    failed("old", FailureKind.TRANSIENT, "The mail server did not take it in time."),
    failed("old", FailureKind.TRANSIENT, "The mail server did not take it in time.", "temporary"),
    failed("generic", FailureKind.CONTENT_REJECTED, REFUSED),
    case(
        "rejected",
        event("rejected", reject={"reason": "Sandbox subdomains are for test purposes only"}),
        read_as(
            ReceiptStatus.FAILED,
            failure=FailureKind.CONTENT_REJECTED,
            detail="Mailgun did not take the mail. Look at its log.",
        ),
    ),
    case("an event that nobody knows is left out", event("teleported"), None),
    case(
        "a mail of somebody else, with little in it",
        {"event": "delivered", "user-variables": []},
        Receipt("", ReceiptStatus.DELIVERED, event_id=TOKEN),
    ),
]
