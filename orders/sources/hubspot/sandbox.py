"""The stand-in for HubSpot's API: a few orders and deals of its own, read and searched for.

A token that begins with `sandbox-` is good; `sandbox-noscope` may read nothing. The record 429
asks for patience, 500 is out of order, and 900404 is there only when it is asked for again.
"""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orders.contract import Ask, Told

JSON = {"content-type": "application/json;charset=utf-8"}
LATE = "900404"
_PATH = re.compile(r"/crm/objects/20\d\d-\d\d/(?P<kind>orders|deals)/(?P<id>\d+|search)")
_SAID = {
    400: ("VALIDATION_ERROR", "The request is not valid."),
    401: ("INVALID_AUTHENTICATION", "Authentication credentials not found."),
    403: ("MISSING_SCOPES", "This app hasn't been granted all required scopes."),
    404: ("OBJECT_NOT_FOUND", "resource not found"),
    429: ("RATE_LIMITS", "You have reached your ten_secondly_rolling limit."),
    500: ("INTERNAL_ERROR", "internal error"),
}


def _order(number: int, stage: str, changed: str) -> dict[str, Any]:
    return {
        "id": str(number),
        "createdAt": "2026-11-21T17:00:00.000Z",
        "updatedAt": changed,
        "archived": False,
        "associations": {"contacts": {"results": [{"id": "701", "type": "order_to_contact"}]}},
        "properties": {
            "hs_object_id": str(number),
            "hs_external_order_id": f"web-{number}",
            "hs_order_name": f"#{number}",
            "hs_pipeline": "14a2e10e-5471-408a-906e-c51f3b04369e",
            "hs_pipeline_stage": stage,
            "hs_currency_code": "USD",
            "hs_total_price": "21.50",
            "hs_createdate": "2026-11-21T17:00:00.000Z",
            "hs_lastmodifieddate": changed,
            "hs_shipping_address_name": "Ada Example",
            "hs_billing_address_email": "ada@example.com",
            "hs_shipping_address_phone": "+12025550143",
        },
    }


def _deal(number: int, stage: str, changed: str) -> dict[str, Any]:
    properties = {
        "hs_object_id": str(number),
        "dealname": f"Catering {number}",
        "pipeline": "default",
        "dealstage": stage,
        "amount": "480",
        "deal_currency_code": "USD",
        "createdate": "2026-11-21T17:00:00.000Z",
        "hs_lastmodifieddate": changed,
    }
    return {"id": str(number), "updatedAt": changed, "archived": False, "properties": properties}


class StandIn:
    """HubSpot as far as a source asks it."""

    def __init__(self) -> None:
        orders = [
            _order(4001, "4b27b500-f031-4927-9811-68a0b525cbae", "2026-11-21T18:00:00.000Z"),
            _order(4002, "aa99e8d0-c1d5-4071-b915-d240bbb1aed9", "2026-11-21T18:10:00.000Z"),
            _order(int(LATE), "4b27b500-f031-4927-9811-68a0b525cbae", "2026-11-21T18:20:00.000Z"),
        ]
        deals = [_deal(5001, "closedwon", "2026-11-21T18:05:00.000Z")]
        self.records: dict[str, dict[str, dict[str, Any]]] = {
            "orders": {one["id"]: one for one in orders},
            "deals": {one["id"]: one for one in deals},
        }
        self.asked_for: set[str] = set()

    def handle(self, ask: Ask) -> Told:
        """The answer of the real one."""
        token = ask.headers.get("authorization", "").removeprefix("Bearer ")
        parts = urlsplit(ask.url)
        found = _PATH.search(parts.path)
        if not token.startswith("sandbox-"):
            return _no(401)
        if token == "sandbox-noscope":  # noqa: S105 - a name that the stand-in refuses
            return _no(403)
        if found is None:
            return _no(404)
        if found["id"] == "search":
            return self._search(found["kind"], ask)
        return self._read(found["kind"], found["id"], ask, parse_qs(parts.query))

    def _read(self, kind: str, record: str, ask: Ask, query: Mapping[str, list[str]]) -> Told:
        if ask.method != "GET":
            return _no(400)
        if record in ("429", "500"):
            return _no(int(record))
        if record == LATE and record not in self.asked_for:
            self.asked_for.add(record)
            return _no(404)
        if record not in self.records[kind]:
            return _no(404)
        wanted = ",".join(query.get("properties", [])).split(",")
        return _yes(_seen(self.records[kind][record], wanted, "associations" in query))

    def _search(self, kind: str, ask: Ask) -> Told:
        """Those that changed since, in pages."""
        try:
            asked = json.loads(ask.body)
            (changed,) = asked["filterGroups"][0]["filters"]
            since, limit = int(changed["value"]), int(asked["limit"])
            after, wanted = int(asked.get("after", 0)), list(asked["properties"])
        except (ValueError, KeyError, IndexError, TypeError):
            return _no(400)
        if ask.method != "POST" or changed["operator"] != "GTE" or not 1 <= limit <= 200:
            return _no(400)
        found = [one for one in self.records[kind].values() if _millis(one["updatedAt"]) >= since]
        found.sort(key=lambda one: str(one["updatedAt"]))
        page = [_seen(one, wanted, False) for one in found[after : after + limit]]
        more = after + limit < len(found)
        paging = {"paging": {"next": {"after": str(after + limit)}}} if more else {}
        return _yes({"total": len(found), "results": page, **paging})


def _seen(record: Mapping[str, Any], wanted: list[str], associated: bool) -> dict[str, Any]:
    """A record with the properties that were asked for, and the id that always comes along."""
    told = {
        name: value
        for name, value in record["properties"].items()
        if name in wanted or name in ("hs_object_id", "hs_lastmodifieddate")
    }
    kept = {name: one for name, one in record.items() if associated or name != "associations"}
    return {**kept, "properties": told}


def _millis(written: str) -> int:
    moment = datetime.fromisoformat(written.replace("Z", "+00:00"))
    return int(moment.timestamp() * 1000)


def _yes(value: Any) -> Told:
    return Told(200, JSON, json.dumps(value).encode())


def _no(status: int) -> Told:
    category, message = _SAID[status]
    body = {"status": "error", "message": message, "category": category, "correlationId": "s"}
    if status == 429:
        body["policyName"] = "TEN_SECONDLY_ROLLING"
    return Told(status, JSON, json.dumps(body).encode())


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    return {"access_token": f"sandbox-{secrets.token_hex(12)}"}


SANDBOX = StandIn()
