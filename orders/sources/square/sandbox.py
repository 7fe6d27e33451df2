"""A stand-in for Square's API: a few orders of its own, and its refusals."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from orders.contract import Ask, Told

MARK = "EAAAsandbox"  # what every token of the stand-in begins with
LOCATION = "LSANDBOX1"
LATE, BUSY = "SANDBOX-LATE", "SANDBOX-BUSY"
STATES = ("PROPOSED", "RESERVED", "PREPARED", "COMPLETED")


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    return {"access_token": f"{MARK}-{secrets.token_urlsafe(24)}", "environment": "sandbox"}


class SquareApi:
    """Answers RetrieveOrder, SearchOrders and ListWebhookSubscriptions.

    SANDBOX-LATE is unknown to the first request and there for the second; SANDBOX-BUSY
    is refused once for too many requests.
    """

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()
        self.subscriptions: list[dict[str, Any]] = []
        now = datetime.now(UTC)
        ids = ("SANDBOX-1", "SANDBOX-2", "SANDBOX-3", "SANDBOX-4", LATE, BUSY)
        self.orders = {
            name: _order(name, STATES[n % len(STATES)], n + 1, now - timedelta(minutes=10 - n))
            for n, name in enumerate(ids)
        }

    def handle(self, ask: Ask) -> Told:
        """Answer one request."""
        token = ask.headers.get("authorization", "").removeprefix("Bearer ")
        if not token.startswith(MARK):
            return _error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")
        path = urlsplit(ask.url).path
        _front, _mark, below = path.partition("/v2/")
        if ask.method == "GET" and below == "webhooks/subscriptions":
            return _told(200, {"subscriptions": self.subscriptions})
        if ask.method == "POST" and below == "orders/search":
            return self._search(ask)
        if ask.method == "GET" and below.startswith("orders/"):
            return self._retrieve(below.removeprefix("orders/"), token)
        return _error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")

    def _retrieve(self, name: str, token: str) -> Told:
        first = (name, token) not in self.asked
        self.asked.add((name, token))
        if name == BUSY and first:
            return _error(429, "RATE_LIMIT_ERROR", "RATE_LIMITED")
        if name not in self.orders or (name == LATE and first):
            return _error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")
        return _told(200, {"order": self.orders[name]})

    def _search(self, ask: Ask) -> Told:
        try:
            wanted = json.loads(ask.body)
            span = wanted["query"]["filter"]["date_time_filter"]["updated_at"]
            since = datetime.fromisoformat(span["start_at"])
            limit, offset = int(wanted.get("limit", 500)), int(wanted.get("cursor") or 0)
        except (ValueError, KeyError, TypeError):
            return _error(400, "INVALID_REQUEST_ERROR", "BAD_REQUEST")
        sort, places = wanted["query"].get("sort", {}), wanted.get("location_ids")
        if not places or len(places) > 10 or not 1 <= limit <= 1000:
            return _error(400, "INVALID_REQUEST_ERROR", "INVALID_VALUE")
        if sort.get("sort_field") != "UPDATED_AT":
            return _error(400, "INVALID_REQUEST_ERROR", "CONFLICTING_PARAMETERS")
        found = [one for one in self.orders.values() if one["location_id"] in places]
        found = [one for one in found if datetime.fromisoformat(one["updated_at"]) >= since]
        found.sort(key=lambda one: one["updated_at"])
        rest = offset + limit < len(found)
        more = {"cursor": str(offset + limit)} if rest else {}
        return _told(200, {"orders": found[offset : offset + limit], **more})


def _order(name: str, state: str, version: int, at: datetime) -> dict[str, Any]:
    """A pickup for somebody with an example number."""
    done = state == "COMPLETED"
    return {
        "id": name,
        "location_id": LOCATION,
        "state": state if done else "OPEN",
        "version": version,
        "created_at": _stamp(at - timedelta(minutes=5)),
        "updated_at": _stamp(at),
        "ticket_name": f"T{version}",
        "line_items": [{"uid": "l1", "name": "Pizza", "quantity": "2"}],
        "total_money": {"amount": 2150, "currency": "USD"},
        "fulfillments": [
            {
                "uid": "f1",
                "type": "PICKUP",
                "state": state,
                "pickup_details": {
                    "pickup_at": _stamp(at + timedelta(minutes=20)),
                    "recipient": {
                        "display_name": "Ada Lovelace",
                        "phone_number": "+12025550143",
                        "email_address": "ada@example.com",
                    },
                },
            }
        ],
        "tenders": [{"id": f"pay-{name}", "card_details": {"card": {"last_4": "1111"}}}],
    }


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(status: int, value: Any) -> Told:
    return Told(status, {"content-type": "application/json"}, json.dumps(value).encode())


def _error(status: int, category: str, code: str) -> Told:
    return _told(status, {"errors": [{"category": category, "code": code}]})


SANDBOX = SquareApi()
