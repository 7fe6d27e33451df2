"""The stand-in Shopify: orders with a history, tags, a note and a metafield, and its refusals.

Any order exists, with one fulfilment of the same number. Of these numbers the end decides:
...404 is no order, ...000 has no fulfilment, ...429 finds the allowance used up, ...422 has a
fulfilment that takes no events.
"""

import itertools
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of

JSON = {"content-type": "application/json; charset=utf-8"}
PATH = re.compile(r"/admin/api/20\d\d-(?:01|04|07|10)/graphql\.json")
TOKEN_PATH = "/admin/oauth/access_token"  # noqa: S105 -- a path
ORDER = re.compile(r"gid://shopify/Order/([0-9]+)")
CALLS = re.compile(r"(\w+): (\w+)\(")
DECLARED = re.compile(r"\$(\w+): [\w!\[\]]+")
USED = re.compile(r"[:(] ?\$(\w+)[,)]")
FIELDS = frozenset(
    {"fulfillmentEventCreate", "tagsAdd", "tagsRemove", "metafieldsSet", "orderUpdate"}
)
EVENT_STATUSES = frozenset(
    {
        "ATTEMPTED_DELIVERY",
        "CARRIER_PICKED_UP",
        "CONFIRMED",
        "DELAYED",
        "DELIVERED",
        "FAILURE",
        "IN_TRANSIT",
        "LABEL_PRINTED",
        "LABEL_PURCHASED",
        "OUT_FOR_DELIVERY",
        "READY_FOR_PICKUP",
    }
)
KEPT_ORDERS = 2000
FETCHED = "shpat_fetched"
_numbers = itertools.count(1)


class Refused(Exception):
    """An error in an answer with the status 200, by its code."""


@dataclass(slots=True)
class Order:
    """What the shop keeps of an order."""

    number: str
    note: str | None = None
    tags: list[str] = field(default_factory=list)
    metafields: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)

    @property
    def fulfilment(self) -> str:
        """The id of its one fulfilment; empty when it has none."""
        return "" if self.number.endswith("000") else f"gid://shopify/Fulfillment/{self.number}"


def demo_credentials() -> dict[str, str]:
    """A shop that exists nowhere else."""
    return {
        "shop": "orderbell-demo.myshopify.com",
        "access_token": f"shpat_{secrets.token_hex(16)}",
    }


class ShopifySandbox(SandboxEnd):
    """The Admin API's one address, and the one that gives tokens."""

    slug = "shopify"

    def __init__(self) -> None:
        self._orders: OrderedDict[str, Order] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer a query, or take what a mutation writes."""
        if call.path == TOKEN_PATH:
            return token_reply(call, accounts), None
        if not PATH.fullmatch(call.path) or call.method != "POST":
            return said(404, "Not Found"), None
        if not is_known(call.headers.get("x-shopify-access-token", ""), accounts):
            return said(401, FAULTS[401]), None
        if not call.headers.get("content-type", "").startswith("application/json"):
            return said(400, "Bad Request"), None
        try:
            return self._document(json_object(call.body))
        except ValueError:
            return said(400, "Bad Request"), None
        except Refused as no:
            return Reply(200, refusal(str(no)), JSON), None

    def fault_body(self, status: int) -> bytes:
        """Outside of 200, Shopify answers with one sentence."""
        return json.dumps({"errors": FAULTS.get(status, "Internal Server Error")}).encode()

    def _document(self, body: Mapping[str, Any]) -> tuple[Reply, Taken | None]:
        query, variables = text_of(body.get("query"), 20_000), part(body, "variables")
        declared = set(DECLARED.findall(query.partition("{")[0]))
        if query.count("{") != query.count("}") or declared != set(USED.findall(query)):
            raise Refused("parseError")
        if declared != set(variables):
            raise Refused("INVALID_VARIABLE")
        if query.startswith("mutation "):
            return self._write(query, variables)
        if "order(id: $id)" in query:
            return answered({"order": self._shown(text_of(variables["id"]), query)}), None
        return answered(ABOUT), None

    def _order(self, gid: str) -> Order | None:
        found = ORDER.fullmatch(gid)
        if found is None:
            raise Refused("INVALID_VARIABLE")
        if found[1].endswith("429"):
            raise Refused("THROTTLED")
        if found[1].endswith("404"):
            return None
        order = self._orders.setdefault(found[1], Order(found[1]))
        while len(self._orders) > KEPT_ORDERS:
            self._orders.popitem(last=False)
        return order

    def _shown(self, gid: str, query: str) -> dict[str, Any] | None:
        order = self._order(gid)
        if order is None:
            return None
        found: dict[str, Any] = {"id": gid, "note": order.note, "tags": list(order.tags)}
        if "fulfillments(" in query:
            history = {"nodes": [dict(event) for event in order.events]}
            one = {"id": order.fulfilment, "status": "SUCCESS", "events": history}
            found["fulfillments"] = [one] if order.fulfilment else []
        if "metafield(" in query:
            name = ".".join(re.findall(r'"([^"]*)"', query)[:2])
            value = order.metafields.get(name)
            found["metafield"] = {"value": value} if value is not None else None
        return found

    def _write(self, query: str, variables: Mapping[str, Any]) -> tuple[Reply, Taken | None]:
        answers: dict[str, Any] = {}
        texts: list[str] = []
        for name, called in CALLS.findall(query[query.index("{") :]):
            if called not in FIELDS:
                raise Refused("undefinedField")
            answers[name], text = self._one(called, variables.get(name), variables)
            texts += [text] if text else []
        ids = [part(one, "fulfillmentEvent").get("id") for one in answers.values()]
        known = next((one for one in ids if one), f"gid://shopify/Write/{next(_numbers)}")
        if not texts:
            return answered(answers), None
        return answered(answers), Taken(known, order_named(variables), texts[0], extra=answers)

    def _one(
        self, called: str, value: Any, variables: Mapping[str, Any]
    ) -> tuple[dict[str, Any], str]:
        """The answer to one field of a mutation, and what was written in words."""
        if called == "fulfillmentEventCreate":
            return self._event(part(value))
        if called == "orderUpdate":
            order = self._order(text_of(part(value).get("id")))
            note = text_of(part(value).get("note"), 10_000)
            if order is None or len(note) > 5000:
                return {"order": None, "userErrors": [wrong("note")]}, ""
            order.note = note
            return {"order": {"id": value["id"]}, "userErrors": []}, note
        if called == "metafieldsSet":
            return self._metafield(part(value[0] if isinstance(value, list) and value else None))
        return self._tags(called, value, text_of(variables.get("order")))

    def _event(self, value: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        status, gid = text_of(value.get("status")), text_of(value.get("fulfillmentId"))
        if status not in EVENT_STATUSES:
            raise Refused("INVALID_VARIABLE")
        order = self._orders.get(gid.rpartition("/")[2])
        if order is None or order.number.endswith("422"):
            return {"fulfillmentEvent": None, "userErrors": [wrong("fulfillmentId")]}, ""
        happened = text_of(value.get("happenedAt")) or "2026-11-21T12:00:00Z"
        order.events.append({"status": status, "happenedAt": happened})
        made = f"gid://shopify/FulfillmentEvent/{next(_numbers)}"
        text = text_of(value.get("message")) or status
        return {"fulfillmentEvent": {"id": made}, "userErrors": []}, text

    def _metafield(self, value: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        order = self._order(text_of(value.get("ownerId")))
        wanted = ("namespace", "key", "type", "value")
        if order is None or not all(text_of(value.get(name)) for name in wanted):
            return {"metafields": [], "userErrors": [wrong("metafields")]}, ""
        order.metafields[f"{value['namespace']}.{value['key']}"] = value["value"]
        made = [{"id": f"gid://shopify/Metafield/{next(_numbers)}"}]
        return {"metafields": made, "userErrors": []}, f"metafield: {value['value']}"

    def _tags(self, called: str, value: Any, gid: str) -> tuple[dict[str, Any], str]:
        order = self._order(gid)
        tags = [text_of(tag) for tag in value] if isinstance(value, list) else []
        if order is None or not tags or any(len(tag) > 40 for tag in tags):
            return {"node": None, "userErrors": [wrong("tags")]}, ""
        order.tags = [tag for tag in order.tags if tag not in tags]
        if called == "tagsAdd":
            order.tags += tags
        return {"node": {"id": gid}, "userErrors": []}, f"{called}: {', '.join(tags)}"


ABOUT = {
    "shop": {"name": "Orderbell demo"},
    "currentAppInstallation": {
        "accessScopes": [
            {"handle": name} for name in ("read_orders", "write_orders", "write_fulfillments")
        ]
    },
}
FAULTS = {
    401: "[API] Invalid API key or access token (unrecognized login or wrong password)",
    402: "Unavailable Shop",
    403: "[API] This action requires merchant approval for write_orders scope.",
    404: "Not Found",
    423: "Locked",
    429: "Exceeded the limit of calls. Slow down.",
}


def token_reply(call: Call, accounts: Sequence[Account]) -> Reply:
    """The token for a client ID and secret."""
    fields = parse_qs(call.body.decode("utf-8", "replace"), max_num_fields=10)
    form = {name: values[0] for name, values in fields.items()}
    given = form.get("client_id", ""), form.get("client_secret", "")
    pairs = [
        (account.credentials.get("client_id"), account.credentials.get("client_secret"))
        for account in accounts
    ]
    if form.get("grant_type") != "client_credentials" or not all(given):
        return Reply(400, b'{"error":"invalid_request"}', JSON)
    if pairs and given not in pairs:
        return Reply(400, b'{"error":"invalid_client"}', JSON)
    answer = {"access_token": FETCHED, "scope": "write_orders", "expires_in": 86_399}
    return Reply(200, json.dumps(answer).encode(), JSON)


def is_known(token: str, accounts: Sequence[Account]) -> bool:
    """Whether `token` is that of one of our channels, or one that was fetched."""
    if not accounts:
        return token.startswith("shpat_")
    known = {account.credentials.get("access_token") or FETCHED for account in accounts}
    return token in known


def order_named(variables: Mapping[str, Any]) -> str:
    """The order that a mutation is about; its fulfilment has the same number."""
    found = re.search(r"gid://shopify/(?:Order|Fulfillment)/([0-9]+)", json.dumps(variables))
    return f"gid://shopify/Order/{found[1]}" if found else ""


def wrong(name: str) -> dict[str, Any]:
    """One of `userErrors`."""
    return {"field": [name], "message": f"{name} is invalid"}


def answered(data: Mapping[str, Any]) -> Reply:
    """An answer that went well."""
    return Reply(200, json.dumps({"data": data, "extensions": {"cost": cost(900)}}).encode(), JSON)


def said(status: int, sentence: str) -> Reply:
    """An answer outside of 200."""
    return Reply(status, json.dumps({"errors": sentence}).encode(), JSON)


def refusal(code: str) -> bytes:
    """An error with the status 200."""
    body: dict[str, Any] = {"errors": [{"message": code, "extensions": {"code": code}}]}
    if code == "THROTTLED":
        body["extensions"] = {"cost": cost(2)}
    return json.dumps(body).encode()


def cost(available: int) -> dict[str, Any]:
    """What the call took of the shop's allowance."""
    status = {"maximumAvailable": 1000, "currentlyAvailable": available, "restoreRate": 50}
    return {"requestedQueryCost": 102, "actualQueryCost": None, "throttleStatus": status}


SANDBOX = ShopifySandbox()
