"""The stand-in WooCommerce: orders with notes and a status, and its refusals.

Any order exists and is being processed. Of these numbers the end decides: ...404 is no order,
...410 was cancelled, ...500 takes no notes.
"""

import html
import itertools
import json
import re
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, text_of

JSON = {"content-type": "application/json; charset=UTF-8"}
NOTES = re.compile(r"/wc/v3/orders/([0-9]+)/notes")
ORDER = re.compile(r"/wc/v3/orders/([0-9]+)")
TOTALS = "/wc/v3/reports/orders/totals"
SLUGS = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "preparing",
    "ready-for-pickup",
    "out-for-delivery",
)
KEPT_ORDERS = 2000
# What WooCommerce says -> the status that it says it with.
SAID = {
    "woocommerce_rest_cannot_view": (401, "Sorry, you cannot list resources."),
    "woocommerce_rest_order_invalid_id": (404, "Invalid order ID."),
    "woocommerce_rest_shop_order_invalid_id": (404, "Invalid ID."),
    "woocommerce_api_cannot_create_order_note": (500, "Cannot create order note."),
    "rest_no_route": (404, "No route was found matching the URL and request method."),
    "rest_invalid_param": (400, "Invalid parameter(s): status"),
    "rest_missing_callback_param": (400, "Missing parameter(s): note"),
    "rest_invalid_json": (400, "Invalid JSON body passed."),
}
_numbers = itertools.count(281)


class Refused(Exception):
    """WooCommerce's code for what is wrong."""


@dataclass(slots=True)
class Order:
    """What the shop keeps of an order."""

    number: str
    status: str = "processing"
    modified: str = "2026-11-21T11:00:00"
    notes: list[dict[str, Any]] = field(default_factory=list)


def demo_credentials() -> dict[str, str]:
    """A shop that exists nowhere else."""
    return {
        "site": "https://shop.orderbell-demo.example",
        "consumer_key": f"ck_{secrets.token_hex(20)}",
        "consumer_secret": f"cs_{secrets.token_hex(20)}",
        "permalinks": "pretty",
        "status_map": "preparing = preparing\nready = ready-for-pickup\n"
        "out_for_delivery = out-for-delivery\ndelivered = completed\npicked_up = completed",
    }


class WooCommerceSandbox(SandboxEnd):
    """Notes, orders and the list of statuses, below any folder and with any kind of links."""

    slug = "woocommerce"

    def __init__(self) -> None:
        self._orders: OrderedDict[str, Order] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer a look, or take what is written."""
        try:
            check_key(call.headers.get("authorization", ""), accounts)
            status, answer, taken = self._routed(call, route_of(call))
        except Refused as no:
            said, sentence = SAID[str(no)]
            return Reply(said, error_body(said, str(no), sentence), JSON), None
        shown = cut(answer, call.query.get("_fields", ""))
        return Reply(status, json.dumps(shown).encode(), JSON), taken

    def fault_body(self, status: int) -> bytes:
        """An error in WordPress's form."""
        codes = {401: "woocommerce_rest_cannot_view", 404: "rest_no_route"}
        return error_body(status, codes.get(status, "internal_server_error"), "It went wrong.")

    def _routed(self, call: Call, route: str) -> tuple[int, Any, Taken | None]:
        if route == TOTALS and call.method == "GET":
            return 200, [{"slug": slug, "name": slug.title(), "total": 0} for slug in SLUGS], None
        if found := NOTES.fullmatch(route):
            order = self._order(found[1], "woocommerce_rest_order_invalid_id")
            if call.method == "GET":
                mailed = {"customer": True, "internal": False}.get(call.query.get("type", ""))
                listed = [one for one in order.notes if mailed in (None, one["customer_note"])]
                return 200, listed[::-1], None
            if call.method == "POST":
                return self._note(order, body_of(call))
        if (found := ORDER.fullmatch(route)) and call.method in ("GET", "PUT"):
            order = self._order(found[1], "woocommerce_rest_shop_order_invalid_id")
            taken = set_status(order, body_of(call)) if call.method == "PUT" else None
            return 200, shown_order(order), taken
        raise Refused("rest_no_route")

    def _order(self, number: str, missing: str) -> Order:
        if number.endswith("404"):
            raise Refused(missing)
        first = "cancelled" if number.endswith("410") else "processing"
        order = self._orders.setdefault(number, Order(number, first))
        while len(self._orders) > KEPT_ORDERS:
            self._orders.popitem(last=False)
        return order

    def _note(self, order: Order, body: Mapping[str, Any]) -> tuple[int, Any, Taken]:
        words, mailed = text_of(body.get("note"), 65_536), body.get("customer_note") is True
        if not words:
            raise Refused("rest_missing_callback_param")
        if order.number.endswith("500"):
            raise Refused("woocommerce_api_cannot_create_order_note")
        note = {
            "id": next(_numbers),
            "author": "system",
            "date_created_gmt": now_text(),
            "note": words,
            "customer_note": mailed,
        }
        order.notes.append(note)
        to = f"order {order.number}" + (", mailed to the customer" if mailed else "")
        return 201, note, Taken(str(note["id"]), to, html.unescape(words), extra=dict(note))


def set_status(order: Order, body: Mapping[str, Any]) -> Taken:
    """The order with its new status."""
    slug = text_of(body.get("status"))
    if slug not in SLUGS:
        raise Refused("rest_invalid_param")
    order.status, order.modified = slug, now_text()
    return Taken(f"{order.number}@{order.modified}", f"order {order.number}", f"status: {slug}")


def shown_order(order: Order) -> dict[str, Any]:
    """An order, as far as anybody here looks at it."""
    return {
        "id": int(order.number),
        "number": order.number,
        "status": order.status,
        "date_modified_gmt": order.modified,
        "billing": {"email": "ada@demo.example"},
    }


def check_key(header: str, accounts: Sequence[Account]) -> None:
    """The key and the secret of one of our channels."""
    known = {
        "Basic " + b64encode(f"{one['consumer_key']}:{one['consumer_secret']}".encode()).decode()
        for one in (account.credentials for account in accounts)
    }
    if not header.startswith("Basic ") or (known and header not in known):
        raise Refused("woocommerce_rest_cannot_view")


def route_of(call: Call) -> str:
    """The route behind each of the three kinds of links."""
    plain = call.query.get("rest_route", "")
    return plain or call.path.partition("/wp-json")[2]


def body_of(call: Call) -> dict[str, Any]:
    """The JSON that was sent."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        return {}
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused("rest_invalid_json") from None


def cut(answer: Any, fields: str) -> Any:
    """Only the members that were asked for."""
    if isinstance(answer, list):
        return [cut(one, fields) for one in answer]
    wanted = fields.split(",") if fields else list(answer)
    return {name: value for name, value in answer.items() if name in wanted}


def error_body(status: int, code: str, sentence: str) -> bytes:
    """An error in WordPress's form."""
    return json.dumps({"code": code, "message": sentence, "data": {"status": status}}).encode()


def now_text() -> str:
    """The time as WordPress writes it: UTC, and it does not say so."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


SANDBOX = WooCommerceSandbox()
