"""What WooCommerce is sent, and what it answers."""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "site": "https://example.com/shop",
    "consumer_key": "ck_0123456789abcdef0123",
    "consumer_secret": "cs_0123456789abcdef0123",
}
ROOT = "https://example.com/shop/wp-json/wc/v3"
# printf 'ck_0123456789abcdef0123:cs_0123456789abcdef0123' | base64
BASIC = "Basic Y2tfMDEyMzQ1Njc4OWFiY2RlZjAxMjM6Y3NfMDEyMzQ1Njc4OWFiY2RlZjAxMjM="


def data(**changes: Any) -> dict[str, Any]:
    """The fields of a message; `changes` to the order's, None takes one away."""
    order = {
        "id": "7",
        "external_id": "723",
        "number": "723",
        "status": "delivered",
        "source": "woocommerce",
    } | changes
    return {
        "event": "delivered",
        "occurred_at": "2026-11-21T12:03:04.567890+00:00",
        "order": {name: value for name, value in order.items() if value is not None},
    }


MESSAGE = Message(
    to="customer_note",
    text="Order 723 <b> is here: pizza & cake ¡ya!",
    ref="ref-1",
    data=data(),
)


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with `body` as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def error(status: int, code: str) -> Response:
    """An error in WordPress's form."""
    body = {"code": code, "message": "Order of Ada Lovelace", "data": {"status": status}}
    return answer(status, body)


def note(text: str, mailed: bool = True, at: str = "2026-11-21T12:03:06") -> dict[str, Any]:
    """A note as the shop lists it."""
    return {"id": 281, "note": text, "customer_note": mailed, "date_created_gmt": at}


REQUEST = Request(
    "GET",
    f"{ROOT}/orders/723/notes?type=customer&_fields=id%2Cnote%2Ccustomer_note%2Cdate_created_gmt",
    {"Authorization": BASIC},
    b"",
)
MODIFIED = "2026-11-21T12:03:07"
THROTTLED, CONFIG = FailureKind.THROTTLED, FailureKind.MISCONFIGURED
CONTENT, TRANSIENT = FailureKind.CONTENT_REJECTED, FailureKind.TRANSIENT


def case(
    label: str, response: Response, expected: Any, retry_after: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, expected, retry_after)


SEND_CASES = [
    SendCase("noted", MESSAGE, answer(201, note("x")), REQUEST, Accepted("281", handed_off=True)),
    case("there already", answer(200, [note("x")]),
         Accepted(detail="The note was there already.", handed_off=True)),
    case("a new status",
         answer(200, {"id": 723, "status": "completed", "date_modified_gmt": MODIFIED}),
         Accepted("723@2026-11-21T12:03:07", handed_off=True)),
    case("that status already", answer(200, {"id": 723, "number": "723", "status": "completed"}),
         Accepted(detail="The order had this status already.", handed_off=True)),
    case("an answer about something else", answer(200, {"id": 1}), FailureKind.UNKNOWN),
    case("an answer of a strange shape", answer(200, 5), FailureKind.UNKNOWN),
    case("unreadable", answer(201, b"<html>"), FailureKind.UNKNOWN),
    case("a wrong secret", error(401, "woocommerce_rest_authentication_error"), CONFIG),
    case("a wrong key", error(401, "woocommerce_rest_cannot_view"), CONFIG),
    case("a key that only reads", error(401, "woocommerce_rest_cannot_create"), CONFIG),
    case("a user without rights", error(403, "woocommerce_rest_cannot_edit"), CONFIG),
    case("a firewall", answer(403, b"<html>Blocked"), CONFIG),
    case("no such route", error(404, "rest_no_route"), CONFIG),
    case("no WordPress there", answer(404, b"<html>"), CONFIG),
    case("no such order", error(404, "woocommerce_rest_order_invalid_id"), CONTENT),
    case("no such order to look at", error(404, "woocommerce_rest_shop_order_invalid_id"), CONTENT),
    case("no such status", error(400, "rest_invalid_param"), CONTENT),
    case("something is missing", error(400, "rest_missing_callback_param"), CONTENT),
    case("something else is wrong", error(400, "some_plugin"), CONTENT),
    case("the note is not saved",
         error(500, "woocommerce_api_cannot_create_order_note"), TRANSIENT),
    case("a plug-in broke down", error(500, "internal_server_error"), TRANSIENT),
    case("in maintenance", answer(503, b"<html>", {"retry-after": "600"}), TRANSIENT, 600),
    case("too many calls", answer(429, b"", {"retry-after": "9"}), THROTTLED, 9),
    case("another address", answer(301, b"", {"location": "https://www.example.com/"}), CONFIG),
]  # fmt: skip

CALLBACK_CASES: list[CallbackCase] = []


def statuses(*slugs: Any) -> Response:
    return answer(200, [{"slug": slug} for slug in slugs])


VERIFY_CASES = [
    (statuses("processing", "completed", "cancelled"),
     "The shop lets the key read; it has 3 statuses, and all of ours. "
     "Whether the key may write shows with the first message."),
    (statuses("processing"), CONFIG),
    (statuses(), TRANSIENT),
    (answer(200, {"slug": "completed"}), TRANSIENT),
    (error(401, "woocommerce_rest_cannot_view"), CONFIG),
    (answer(302, b""), CONFIG),
    (answer(200, b"<html>"), FailureKind.UNKNOWN),
]  # fmt: skip
