"""Clover's REST API: the requests, and what its answers mean for whoever waits for one."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from orders.contract import (
    Api,
    Ask,
    Item,
    Malformed,
    NoAccess,
    Page,
    SourceError,
    Told,
    TryLater,
)
from orders.parsing import identifier, parse_json, plain, text
from orders.sources.clover.orders import listed

BASES: Mapping[str, str] = {
    "na": "https://api.clover.com",
    "eu": "https://api.eu.clover.com",
    "la": "https://api.la.clover.com",
    "sandbox": "https://apisandbox.dev.clover.com",
}
EXPAND = "lineItems,lineItems.modifications,customers,refunds,orderType"
PAGE = 200
LISTED = "order.listed"
LATE_SECONDS = 2.0
# What a customer's profile holds and no message needs.
PRIVATE = frozenset({"cards", "addresses", "metadata", "orders"})


def base(credentials: Mapping[str, str]) -> str:
    """The host of the region; no other is ever called."""
    name = (credentials.get("region") or "na").strip().lower()
    if name not in BASES:
        raise NoAccess(f"region is {text(name, 30)!r}; it must be one of {', '.join(BASES)}.")
    return BASES[name]


def order_ask(merchant: str, order_id: str, api: Api) -> Ask:
    """One order with its lines, customers, refunds and type."""
    url = f"{_orders(merchant, api)}/{quote(order_id, safe='')}?{urlencode({'expand': EXPAND})}"
    return Ask("GET", url, _headers(api))


def list_ask(since: datetime, cursor: str, api: Api) -> Ask | None:
    """Orders by the time of their last change; None when the merchant is not known."""
    merchant = text(api.settings.get("merchant_id"), 40)
    if not merchant:
        return None
    wanted = {
        "filter": f"modifiedTime>={int(since.timestamp() * 1000)}",
        "expand": EXPAND,
        "limit": PAGE,
        "offset": int(cursor) if cursor.isascii() and cursor.isdigit() else 0,
    }
    return Ask("GET", f"{_orders(merchant, api)}?{urlencode(wanted)}", _headers(api))


def page(told: Told) -> Page:
    """The orders in an answer. A full page names its own place in `href`, and so the next one."""
    answer = answered(told)
    elements = listed(answer)
    items = [_listed(order) for order in elements]
    query = parse_qs(urlsplit(text(answer.get("href"), 1000)).query)
    limit, offset = _number(query, "limit") or PAGE, _number(query, "offset")
    if len(elements) < limit:
        return Page([item for item in items if item])
    if offset is None:
        raise Malformed("Clover's page is full and does not say where it stands.")
    return Page([item for item in items if item], str(offset + limit))


def _number(query: Mapping[str, list[str]], name: str) -> int | None:
    value = query.get(name, [""])[0]
    return int(value) if value.isascii() and value.isdigit() and len(value) < 9 else None


def _listed(order: dict[str, Any]) -> Item | None:
    order_id = identifier(order.get("id"), "order id")
    changed = text(order.get("modifiedTime"), 40)
    return Item(f"listed:{order_id}:{changed}", LISTED, written(slim(order))) if order_id else None


def _orders(merchant: str, api: Api) -> str:
    return f"{api.base}/v3/merchants/{quote(merchant, safe='')}/orders"


def _headers(api: Api) -> dict[str, str]:
    token = api.credentials.get("api_token", "").strip()
    if not token:
        raise NoAccess("The connection has no api_token: Clover only says that an order changed.")
    return {"authorization": f"Bearer {token}", "accept": "application/json"}


# -- answers ------------------------------------------------------------------------------------


def answered(told: Told) -> dict[str, Any]:
    """The object in a good answer; raises what a bad one means."""
    if told.status != 200:
        raise refusal(told)
    answer = parse_json(told.body)
    if not isinstance(answer, dict):
        raise Malformed("Clover's answer is no object.")
    return answer


def refusal(told: Told) -> SourceError:
    """What an error means; Clover's own words may quote a request and are left out."""
    if told.status == 401:
        return NoAccess("Clover refuses the api_token (401). Copy it again, and check the region.")
    if told.status == 403:
        return NoAccess("The api_token may not do this (403). It needs to read orders, customers.")
    if told.status == 404:
        return TryLater("Clover does not know this order yet.", LATE_SECONDS)
    if told.status == 429 or told.status >= 500:
        return TryLater(f"Clover cannot answer now ({told.status}).", _wait(told))
    return SourceError(f"Clover refuses the request ({told.status}).")


def _wait(told: Told) -> float | None:
    """Named with the limit on requests at a time; asking sooner makes the wait longer."""
    said = told.headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() and len(said) < 6 else None


# -- bodies -------------------------------------------------------------------------------------


def slim(order: Mapping[str, Any], merchant: str = "") -> dict[str, Any]:
    """The order without cards and addresses. A state that is left out is null: it is hidden."""
    people = [
        {name: value for name, value in person.items() if name not in PRIVATE}
        for person in listed(order.get("customers"))
    ]
    whose = {"merchant": {"id": merchant}} if merchant else {}
    kept = {name: value for name, value in order.items() if name != "payments"}
    return {"state": None, **kept, **whose, "customers": people}


def written(value: Any) -> bytes:
    """JSON as `map` reads it, numbers exact."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()
