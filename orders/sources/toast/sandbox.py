"""The stand-in of Toast's API: logs in, shows orders, lists them page by page.

It makes an order for every guid that it is asked for, so that any webhook can be
completed. Guids that end in a status (…-000000000429) answer that status once,
then the order; …404 is how an order looks that the webhook was faster than.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from orders.contract import Ask, Told
from orders.parsing import dig, parse_json, text, timestamp
from orders.sources.toast.api import LIST, LOGIN, ORDER, RESTAURANT

GUID = "00000000-0000-4000-8000-{:012d}"
HELD = 7  # orders in the list
PER_PAGE = 3  # fewer than are asked for: so that there is more than one page to see
FAULTS = (401, 403, 404, 429, 500, 503)
LIFETIME = 86400
OPENED = datetime(2026, 11, 21, 19, 10, tzinfo=UTC)


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    client_id = secrets.token_hex(16)
    return {
        "client_id": client_id,
        "client_secret": _secret_of(client_id),
        "restaurant_guid": GUID.format(1),
    }


def _secret_of(client_id: str) -> str:
    return sha256(f"stand-in secret of {client_id}".encode()).hexdigest()


def _token_of(client_id: str) -> str:
    return f"{client_id}.{sha256(f'stand-in token of {client_id}'.encode()).hexdigest()}"


class Sandbox:
    """Plays Toast's API. Remembers which faults it has played, and orders put into it."""

    def __init__(self) -> None:
        self._played: set[str] = set()
        self._orders: dict[str, dict[str, Any]] = {}

    def put(self, order: Mapping[str, Any]) -> None:
        """Hold an order of somebody else's making under its guid."""
        self._orders[text(order.get("guid"), 64)] = dict(order)

    def handle(self, ask: Ask) -> Told:
        """Answer as Toast does."""
        parts = urlsplit(ask.url)
        path = _path(parts.path)
        if path == LOGIN:
            return _login(ask)
        refusal = _refusal(ask)
        if refusal:
            return refusal
        if path == LIST:
            return self._list(parts.query, f"{parts.scheme}://{parts.netloc}")
        if path.startswith(ORDER) and ask.method == "GET":
            return self._order(path.removeprefix(ORDER))
        return _problem(404, "Not found.")

    def _order(self, guid: str) -> Told:
        fault = int(guid[-3:]) if guid[-3:].isdecimal() else 0
        if fault in FAULTS and guid not in self._played:
            self._played.add(guid)
            return _fault(fault)
        return _told(200, self._orders.get(guid) or make_order(guid, 0, OPENED))

    def _list(self, query: str, host: str) -> Told:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        start, end = timestamp(asked.get("startDate")), timestamp(asked.get("endDate"))
        if start is None or end is None or end <= start:
            return _problem(400, "startDate and endDate are required.")
        page, size = _number(asked.get("page"), 1), _number(asked.get("pageSize"), PER_PAGE)
        size = min(size, PER_PAGE)
        orders = [make_order(GUID.format(900 + n), n, start) for n in range(HELD)]
        shown = orders[(page - 1) * size : page * size]
        onward = urlencode({**asked, "page": page + 1})
        more = page * size < len(orders)
        link = f'<{host}{LIST}?{onward}>; rel="next"'
        return _told(200, shown, {"link": link} if more else {})


def _path(path: str) -> str:
    """The path below the base, wherever the stand-in is mounted."""
    for known in (LOGIN, LIST, ORDER):
        if known in path:
            return path[path.index(known) :]
    return path


def _login(ask: Ask) -> Told:
    """Client credentials against a token, as JSON."""
    body = parse_json(ask.body) if ask.body else {}
    client_id = text(dig(body, "clientId"), 120)
    given = text(dig(body, "clientSecret"), 120)
    if ask.method != "POST" or dig(body, "userAccessType") != "TOAST_MACHINE_CLIENT":
        return _problem(400, "userAccessType must be TOAST_MACHINE_CLIENT.")
    if not client_id or not hmac.compare_digest(given.encode(), _secret_of(client_id).encode()):
        return _problem(401, "Unauthorized.")
    token = {"tokenType": "Bearer", "scope": None, "expiresIn": LIFETIME}
    token["accessToken"] = _token_of(client_id)
    return _told(200, {"token": token, "status": "SUCCESS"})


def _refusal(ask: Ask) -> Told | None:
    """401 without a token of ours, 400 without a restaurant."""
    headers = {name.lower(): value for name, value in ask.headers.items()}
    token = headers.get("authorization", "").removeprefix("Bearer ")
    client_id = token.partition(".")[0]
    if not client_id or not hmac.compare_digest(token.encode(), _token_of(client_id).encode()):
        return _problem(401, "Unauthorized.")
    if not headers.get(RESTAURANT.lower()):
        return _problem(400, f"{RESTAURANT} is required.")
    return None


def _number(value: Any, default: int) -> int:
    number = text(value, 6)
    return int(number) if number.isdecimal() and int(number) > 0 else default


def _fault(status: int) -> Told:
    headers = {"retry-after": "2"} if status == 429 else {}
    return _problem(status, "The stand-in plays this fault once.", headers)


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> Told:
    body = {"status": status, "code": 0, "message": message, "requestId": GUID.format(status)}
    return _told(status, body, headers)


def _told(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Told:
    named = {"content-type": "application/json", **(headers or {})}
    return Told(status, named, json.dumps(body).encode())


def make_order(guid: str, number: int, start: datetime) -> dict[str, Any]:
    """An approved takeout order with two items in the kitchen, and its guest."""
    at = start + timedelta(minutes=number)
    return {
        "guid": guid,
        "entityType": "Order",
        "externalId": None,
        "approvalStatus": "APPROVED",
        "source": "Online",
        "createdInTestMode": False,
        "diningOption": {"guid": GUID.format(2), "entityType": "DiningOption"},
        "openedDate": _stamp(at),
        "createdDate": _stamp(at),
        "modifiedDate": _stamp(at),
        "promisedDate": None,
        "estimatedFulfillmentDate": _stamp(at + timedelta(minutes=25)),
        "voided": False,
        "deleted": False,
        "checks": [_check(guid, str(100 + number), _stamp(at))],
    }


def _check(guid: str, number: str, stamp: str) -> dict[str, Any]:
    items = [("Margherita", "SENT"), ("Tiramisu", "READY")]
    return {
        "guid": f"{guid[:-4]}c{number}",
        "entityType": "Check",
        "displayNumber": number,
        "customer": {
            "guid": GUID.format(7),
            "firstName": "Ada",
            "lastName": "Byron",
            "email": "ada@example.com",
            "phone": "2025550143",
            "phoneCountryCode": "1",
        },
        "selections": [_selection(f"{guid[:-4]}{n:04d}", *item) for n, item in enumerate(items)],
        "totalAmount": 24.5,
        "createdDate": stamp,
        "modifiedDate": stamp,
        "voided": False,
        "deleted": False,
    }


def _selection(guid: str, name: str, word: str) -> dict[str, Any]:
    return {
        "guid": guid,
        "entityType": "MenuItemSelection",
        "displayName": name,
        "quantity": 1,
        "fulfillmentStatus": word,
        "voided": False,
        "modifiers": [],
    }


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000"


SANDBOX = Sandbox()
