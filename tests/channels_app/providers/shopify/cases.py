"""What Shopify is sent, and what it answers."""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "shop": "nonna.myshopify.com",
    "access_token": "shpat_0123456789abcdef0123456789abcdef",
}
URL = "https://nonna.myshopify.com/admin/api/2026-10/graphql.json"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "X-Shopify-Access-Token": CREDENTIALS["access_token"],
}
ORDER = "gid://shopify/Order/5001"


def data(**changes: Any) -> dict[str, Any]:
    """The fields of a message; `changes` to the order's, None takes one away."""
    order = {
        "id": "7",
        "external_id": "5001",
        "number": "#1001",
        "status": "out_for_delivery",
        "fulfilment": "shipping",
        "source": "shopify",
    } | changes
    return {
        "event": "out_for_delivery",
        "occurred_at": "2026-11-21T12:03:04.567890+00:00",
        "order": {name: value for name, value in order.items() if value is not None},
        "part": None,
        "groups": [{"key": "f900", "status": "out_for_delivery",
                    "deliver_to": "2026-11-21T13:00:00+01:00"}],
    }  # fmt: skip


MESSAGE = Message(
    to="event, note",
    text="Your order #1001 is on its way ¡ya!",
    ref="ref-1",
    data=data(),
)


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with `body` as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def failed(code: str, **extensions: Any) -> Response:
    """An answer with the status 200 that holds an error."""
    error = {"message": "No.", "extensions": {"code": code} if code else {}}
    return answer(200, {"errors": [error], "extensions": extensions})


def cost(requested: Any, available: Any, rate: Any) -> dict[str, Any]:
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": None,
        "throttleStatus": {
            "maximumAvailable": 1000.0, "currentlyAvailable": available, "restoreRate": rate,
        },
    }  # fmt: skip


def written(**fields: Any) -> Response:
    """The answer to a mutation."""
    return answer(200, {"data": fields})


EVENT = {"fulfillmentEvent": {"id": "gid://shopify/FulfillmentEvent/31"}, "userErrors": []}
NOTED = {"order": {"id": ORDER}, "userErrors": []}
REFUSED = {"fulfillmentEvent": None, "userErrors": [{"field": ["id"], "message": "Ada is gone"}]}

QUESTION = (
    "query Order($id: ID!) { order(id: $id) { id note tags fulfillments(first: 10) { id status "
    "events(first: 20) { nodes { status } } } } }"
)
REQUEST = Request(
    "POST",
    URL,
    HEADERS,
    b'{"query":"' + QUESTION.encode() + b'","variables":{"id":"gid://shopify/Order/5001"}}',
)


def case(
    label: str, response: Response, expected: Any, retry_after: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, expected, retry_after)


THROTTLED, CONFIG = FailureKind.THROTTLED, FailureKind.MISCONFIGURED
CONTENT, TRANSIENT = FailureKind.CONTENT_REJECTED, FailureKind.TRANSIENT

SEND_CASES = [
    SendCase("written", MESSAGE, written(event0=EVENT, note=NOTED), REQUEST,
             Accepted("gid://shopify/FulfillmentEvent/31", handed_off=True)),
    case("written without an entry", written(added={"node": {"id": ORDER}, "userErrors": []}),
         Accepted(handed_off=True)),
    case("there already", written(order={"id": ORDER, "note": None, "tags": []}),
         Accepted(detail="All of it was there already.", handed_off=True)),
    case("no such order", written(order=None), CONTENT),
    case("an order of a strange shape", written(order=5), FailureKind.UNKNOWN),
    case("the entry is refused", written(event0=REFUSED, note=NOTED), CONTENT),
    case("the note is refused", written(note={"userErrors": [{"message": "too long"}]}), CONTENT),
    case("an answer to nothing", answer(200, {"data": None}), FailureKind.UNKNOWN),
    case("an answer of a strange shape", written(event0=None), FailureKind.UNKNOWN),
    case("unreadable", answer(200, b"<html>"), FailureKind.UNKNOWN),
    case("the allowance is used up", failed("THROTTLED", cost=cost(232, 2, 50.0)), THROTTLED, 4.6),
    case("the allowance is nearly there", failed("THROTTLED", cost=cost(10, 9, 50)), THROTTLED, 1),
    case("used up, without numbers", failed("THROTTLED"), THROTTLED),
    case("used up, with odd numbers", failed("THROTTLED", cost=cost("1", True, 0)), THROTTLED),
    case("too many calls", answer(429, {"errors": "Slow"}, {"retry-after": "2.0"}), THROTTLED, 2),
    case("no right", failed("ACCESS_DENIED"), CONFIG),
    case("not active", failed("SHOP_INACTIVE"), CONFIG),
    case("an old version", failed("undefinedField"), CONFIG),
    case("an error of theirs", failed("INTERNAL_SERVER_ERROR"), TRANSIENT),
    case("too slow", failed("TIMEOUT"), TRANSIENT),
    case("too large", failed("MAX_COST_EXCEEDED"), CONTENT),
    case("a code that nobody knows", failed("NEW_ONE"), CONTENT),
    case("an error without a code", failed(""), CONTENT),
    case("errors in words", answer(200, {"errors": "Not Found"}), CONTENT),
    case("a wrong token", answer(401, {"errors": "[API] Invalid API key"}), CONFIG),
    case("frozen", answer(402, {"errors": "Unavailable Shop"}), CONFIG),
    case("forbidden", answer(403, {"errors": "[API] merchant approval"}), CONFIG),
    case("no such shop or version", answer(404, {"errors": "Not Found"}), CONFIG),
    case("locked", answer(423, {"errors": "Locked"}), CONFIG),
    case("held back", answer(430, b""), CONTENT),
    case("unreadable for Shopify", answer(783, b""), CONTENT),
    case("away", answer(503, b"<html>"), TRANSIENT),
]  # fmt: skip

CALLBACK_CASES: list[CallbackCase] = []


def about(*rights: str, name: str | None = "Nonna") -> Response:
    """The answer to the question that proves the credentials."""
    scopes = [{"handle": right} for right in rights]
    return written(shop={"name": name}, currentAppInstallation={"accessScopes": scopes})


VERIFY_CASES = [
    (about("read_orders", "write_orders", "write_fulfillments"),
     "The app may write on the orders of Nonna."),
    (about("write_orders"),
     "The app may write on the orders of Nonna. "
     "Without write_fulfillments it writes no courier's events."),
    (about("write_fulfillments"),
     "The app may write on the orders of Nonna. "
     "Without write_orders it writes no notes, tags and metafields."),
    (about("read_orders"), CONFIG),
    (about("write_orders", name=None), TRANSIENT),
    (answer(401, {"errors": "[API] Invalid API key"}), CONFIG),
    (answer(404, {"errors": "Not Found"}), CONFIG),
    (failed("THROTTLED"), THROTTLED),
]  # fmt: skip
