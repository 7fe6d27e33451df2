"""The stand-in of Shopify's Admin API: a few orders, their parts, and the app's webhooks.

Any order exists. Of its number the end decides: ...404 is there from the second look on, ...429
finds the allowance used up, ...403 is not for the app's eyes, ...500 breaks the API.
"""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orders.contract import Ask, Told
from orders.parsing import dig, text

PATH = re.compile(r"/admin/api/20\d\d-(?:01|04|07|10)/graphql\.json")
TOKEN_PATH = "/admin/oauth/access_token"  # noqa: S105 -- a path
NUMBER = re.compile(r"gid://shopify/(?:Order|FulfillmentOrder)/(\d{1,20})")
OPERATION = re.compile(r"(?:query|mutation) (Orderbell\w+)")
FETCHED = "shpat_fetched"
NOON = "2026-11-21T17:00:00Z"
LISTED = ("5001", "5002", "5003")  # what has changed, two to a page
FAULTS = {
    401: "[API] Invalid API key or access token (unrecognized login or wrong password)",
    404: "Not Found",
    500: "Internal Server Error",
}


def demo_credentials() -> dict[str, str]:
    """A shop that exists nowhere else."""
    return {
        "shop": "orderbell-demo.myshopify.com",
        "access_token": f"shpat_{secrets.token_hex(16)}",
    }


class ShopifyApi:
    """One shop. `changes` says what its orders look like besides what all of them have."""

    def __init__(self) -> None:
        self.changes: dict[str, dict[str, Any]] = {}
        self.hooks: list[dict[str, Any]] = []
        self._seen: set[str] = set()
        self._refused: set[str] = set()

    def handle(self, ask: Ask) -> Told:
        """Answer a call as Shopify would."""
        url = urlsplit(ask.url)
        if url.path == TOKEN_PATH:
            return _token(ask)
        if ask.method != "POST" or not PATH.fullmatch(url.path):
            return _said(404)
        token = {k.lower(): v for k, v in ask.headers.items()}.get("x-shopify-access-token", "")
        if not token.startswith("shpat_") or token in self._refused:
            return _said(401)
        try:
            body = json.loads(ask.body)
        except ValueError:
            return _told(400, {"errors": "Bad Request"})
        found = OPERATION.match(text(dig(body, "query"), 200))
        operations = {
            "OrderbellOrder": self._order,
            "OrderbellPart": self._part,
            "OrderbellChanged": self._changed,
            "OrderbellHooks": self._hooks,
            "OrderbellHook": self._hook,
        }
        if found is None or found[1] not in operations:
            return _error("undefinedField")
        return operations[found[1]](body.get("variables") or {})

    def refuse(self, token: str) -> None:
        """From now on `token` is good for nothing."""
        self._refused.add(token)

    def _order(self, variables: Mapping[str, Any]) -> Told:
        number = _number(variables)
        return self._fault(number) or _data("order", self._shown(number))

    def _part(self, variables: Mapping[str, Any]) -> Told:
        """The fulfilment order of the same number as its order, unless the order has it."""
        gid = text(variables.get("id"), 120)
        number = _number(variables)
        if fault := self._fault(number):
            return fault
        for known in (*self.changes, number):
            order = self._shown(known)
            for part in dig(order, "fulfillmentOrders", "nodes") or ():
                if part["id"] == gid:
                    return _data("fulfillmentOrder", {**part, "order": order})
        return _data("fulfillmentOrder", None)

    def _fault(self, number: str) -> Told | None:
        first = number not in self._seen
        self._seen.add(number)
        if number.endswith("404") and first:
            return _data("order", None)
        if number.endswith("429"):
            return _error("THROTTLED")
        if number.endswith("403"):
            return _error("ACCESS_DENIED")
        return _said(500) if number.endswith("500") else None

    def _shown(self, number: str) -> dict[str, Any]:
        return order_node(number, **self.changes.get(number, {}))

    def _changed(self, variables: Mapping[str, Any]) -> Told:
        if not re.fullmatch(r"updated_at:>='[0-9T:-]+Z'", text(variables.get("since"), 60)):
            return _error("INVALID_VARIABLE")
        start = int(text(variables.get("after"), 20) or 0)
        end = start + 2
        page = {"hasNextPage": end < len(LISTED), "endCursor": str(end)}
        shown = [light_node(self._shown(number)) for number in LISTED[start:end]]
        return _data("orders", {"pageInfo": page, "nodes": shown})

    def _hooks(self, variables: Mapping[str, Any]) -> Told:
        return _data("webhookSubscriptions", {"nodes": list(self.hooks)})

    def _hook(self, variables: Mapping[str, Any]) -> Told:
        hook = variables.get("hook")
        made = {"topic": variables.get("topic"), **(hook if isinstance(hook, dict) else {})}
        secure = text(made.get("uri"), 500).startswith("https://")
        taken = any(
            one["topic"] == made["topic"] for one in self.hooks if one["uri"] == made["uri"]
        )
        wrong = "" if secure and not taken else "Address is invalid or has been taken"
        if not wrong:
            self.hooks.append(made)
        errors = [{"field": ["uri"], "message": wrong}] if wrong else []
        subscription = (
            None if wrong else {"id": f"gid://shopify/WebhookSubscription/{len(self.hooks)}"}
        )
        answer = {"webhookSubscription": subscription, "userErrors": errors}
        return _data("webhookSubscriptionCreate", answer)


# -- orders -------------------------------------------------------------------------------------


def order_node(number: str, **changes: Any) -> dict[str, Any]:
    """A paid order of two lines for pickup, with one fulfilment order of the same number."""
    line = f"gid://shopify/LineItem/{number}1"
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "test": False,
        "confirmed": True,
        "createdAt": NOON,
        "processedAt": NOON,
        "updatedAt": NOON,
        "cancelledAt": None,
        "cancelReason": None,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "currencyCode": "USD",
        "currentTotalPriceSet": money_bag("21.50"),
        "email": "ada@example.com",
        "phone": "+12025550143",
        "customerLocale": "en",
        "note": None,
        "tags": [],
        "sourceName": "web",
        "statusPageUrl": f"https://orderbell-demo.myshopify.com/{number}/authenticate?key=k",
        "customer": {"id": "gid://shopify/Customer/77", "firstName": "Ada", "lastName": "Lovelace"},
        "shippingAddress": None,
        "billingAddress": {"countryCodeV2": "US"},
        "shippingLines": {"nodes": [{"title": "Pickup", "code": "Pickup", "source": "shopify"}]},
        "lineItems": connection([line_node(line, 2)]),
        "fulfillments": [],
        "fulfillmentsCount": {"count": 0},
        "fulfillmentOrders": {"nodes": [part_node(number, line, 2)]},
        "refunds": [],
        "totalRefundedSet": money_bag("0.0"),
        **changes,
    }


def line_node(gid: str, quantity: int) -> dict[str, Any]:
    """A line of which nothing was taken off."""
    return {
        "id": gid,
        "name": "Margherita",
        "title": "Margherita",
        "sku": "M",
        "quantity": quantity,
        "currentQuantity": quantity,
        "requiresShipping": True,
        "customAttributes": [],
    }


def part_node(number: str, line: str, left: int, status: str = "OPEN") -> dict[str, Any]:
    """A fulfilment order."""
    lines = [{"remainingQuantity": left, "totalQuantity": left, "lineItem": {"id": line}}]
    return {
        "id": f"gid://shopify/FulfillmentOrder/{number}",
        "status": status,
        "fulfillAt": None,
        "updatedAt": NOON,
        "deliveryMethod": {"methodType": "PICK_UP"},
        "lineItems": connection(lines),
    }


def parcel_node(number: str, line: str, quantity: int, *parts: str) -> dict[str, Any]:
    """A fulfilment that `parts` (their numbers) went out with."""
    return {
        "id": f"gid://shopify/Fulfillment/{number}",
        "status": "SUCCESS",
        "displayStatus": "FULFILLED",
        "createdAt": NOON,
        "updatedAt": NOON,
        "estimatedDeliveryAt": None,
        "trackingInfo": [],
        "fulfillmentLineItems": connection([{"quantity": quantity, "lineItem": {"id": line}}]),
        "fulfillmentOrders": {
            "nodes": [{"id": f"gid://shopify/FulfillmentOrder/{part}"} for part in parts]
        },
    }


def light_node(node: Mapping[str, Any]) -> dict[str, Any]:
    """An order as the list shows it."""
    left_out = ("fulfillments", "fulfillmentOrders", "refunds")
    return {name: value for name, value in node.items() if name not in left_out}


def connection(nodes: list[dict[str, Any]], more: bool = False) -> dict[str, Any]:
    """A list that may go on."""
    return {"pageInfo": {"hasNextPage": more}, "nodes": nodes}


def money_bag(amount: str) -> dict[str, Any]:
    """Money in the shop's currency."""
    return {"shopMoney": {"amount": amount, "currencyCode": "USD"}}


# -- answers ------------------------------------------------------------------------------------


def _number(variables: Mapping[str, Any]) -> str:
    found = NUMBER.fullmatch(text(variables.get("id"), 120))
    return found[1] if found else ""


def _token(ask: Ask) -> Told:
    given = {name: values[0] for name, values in parse_qs(ask.body.decode()).items()}
    if given.get("grant_type") != "client_credentials" or not given.get("client_id"):
        return _told(400, {"error": "invalid_request"})
    if not given.get("client_secret", "").startswith("shpss_"):
        return _told(400, {"error": "invalid_client"})
    return _told(200, {"access_token": FETCHED, "scope": "read_orders", "expires_in": 86_399})


def _data(name: str, value: Any) -> Told:
    return _told(200, {"data": {name: value}, "extensions": {"cost": _cost(900)}})


def _error(code: str) -> Told:
    body: dict[str, Any] = {"errors": [{"message": code, "extensions": {"code": code}}]}
    if code == "THROTTLED":
        body["extensions"] = {"cost": _cost(2)}
    return _told(200, body)


def _cost(available: int) -> dict[str, Any]:
    """What the call took of the shop's allowance."""
    status = {"maximumAvailable": 1000, "currentlyAvailable": available, "restoreRate": 50}
    return {"requestedQueryCost": 102, "actualQueryCost": None, "throttleStatus": status}


def _said(status: int) -> Told:
    return _told(status, {"errors": FAULTS[status]})


def _told(status: int, body: Any) -> Told:
    return Told(status, {"content-type": "application/json"}, json.dumps(body).encode())


SANDBOX = ShopifyApi()
