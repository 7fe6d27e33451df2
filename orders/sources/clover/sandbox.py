"""A stand-in for Clover's REST API: a few orders of its own, and its refusals."""

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orders.contract import Ask, Told

MARK = "sandbox-"  # what every token of the stand-in begins with
MERCHANT = "SANDBOXMERCH1"
LATE, BUSY = "SANDBOXLATE", "SANDBOXBUSY"
STATES = ("open", "locked", "ready", None)
_PATH = re.compile(r"/v3/merchants/([A-Z0-9]+)/orders(?:/([^/]+))?")
_FILTER = re.compile(r"modifiedTime>=(\d+)")


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    return {"api_token": f"{MARK}{secrets.token_urlsafe(24)}", "region": "sandbox"}


class CloverApi:
    """Answers for one order, and for the list of them.

    SANDBOXLATE is unknown to the first request and there for the second; SANDBOXBUSY is
    refused once, with the seconds to wait.
    """

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()
        now = int(datetime.now(UTC).timestamp() * 1000)
        ids = ("SANDBOX1", "SANDBOX2", "SANDBOX3", "SANDBOX4", LATE, BUSY)
        self.orders = {
            name: _order(name, STATES[n % len(STATES)], now - 60_000 * (10 - n))
            for n, name in enumerate(ids)
        }

    def handle(self, ask: Ask) -> Told:
        """Answer one request."""
        token = ask.headers.get("authorization", "").removeprefix("Bearer ")
        if not token.startswith(MARK):
            return _told(401, {"message": "401 Unauthorized"})
        address = urlsplit(ask.url)
        match = _PATH.fullmatch(address.path)
        if ask.method != "GET" or not match or match[1] != MERCHANT:
            return _told(404, {"message": "Not Found"})
        query = parse_qs(address.query)
        return self._one(match[2], token, query) if match[2] else self._list(ask.url, query)

    def _one(self, name: str, token: str, query: dict[str, list[str]]) -> Told:
        first = (name, token) not in self.asked
        self.asked.add((name, token))
        if name == BUSY and first:
            return _told(429, {"message": "Too Many Requests"}, {"retry-after": "3"})
        if name not in self.orders or (name == LATE and first):
            return _told(404, {"message": "Not Found"})
        return _told(200, _expanded(self.orders[name], query))

    def _list(self, url: str, query: dict[str, list[str]]) -> Told:
        match = _FILTER.fullmatch(query.get("filter", [""])[0])
        limit, offset = (query.get(name, [""])[0] for name in ("limit", "offset"))
        if not match or not (limit or "100").isdigit() or not (offset or "0").isdigit():
            return _told(400, {"message": "Bad Request"})
        start, size = int(offset or 0), min(int(limit or 100), 1000)
        shown = [one for one in self.orders.values() if one["modifiedTime"] >= int(match[1])]
        # A hidden order can only be asked for by its id.
        shown = [_expanded(one, query) for one in shown if "state" in one]
        return _told(200, {"elements": shown[start : start + size], "href": url})


def _expanded(order: dict[str, Any], query: dict[str, list[str]]) -> dict[str, Any]:
    """Only what was asked for is written out."""
    wanted = query.get("expand", [""])[0].split(",")
    expandable = ("lineItems", "customers", "refunds", "orderType")
    return {name: order[name] for name in order if name not in expandable or name in wanted}


def _order(name: str, state: str | None, at: int) -> dict[str, Any]:
    """A take-out order for somebody with an example number."""
    person = {
        "id": "SANDBOXCUST1",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "emailAddresses": {"elements": [{"emailAddress": "ada@example.com"}]},
        "phoneNumbers": {"elements": [{"phoneNumber": "+12025550143"}]},
        "cards": {"elements": [{"last4": "1111"}]},
    }
    return {
        "href": f"https://apisandbox.dev.clover.com/v3/merchants/{MERCHANT}/orders/{name}",
        "id": name,
        "currency": "USD",
        "total": 2150,
        "paymentState": "PAID" if state == "locked" else "OPEN",
        "title": f"T-{name[-5:]}",
        **({"state": state} if state else {}),
        "testMode": False,
        "createdTime": at - 60_000,
        "modifiedTime": at,
        "orderType": {"id": "SANDBOXTYPE1", "label": "Take Out"},
        "customers": {"elements": [person]},
        "lineItems": {"elements": [{"id": f"{name}L{n}", "name": "Pizza"} for n in (1, 2)]},
        "refunds": {"elements": []},
    }


def _told(status: int, value: Any, headers: dict[str, str] | None = None) -> Told:
    names = {"content-type": "application/json", **(headers or {})}
    return Told(status, names, json.dumps(value).encode())


SANDBOX = CloverApi()
