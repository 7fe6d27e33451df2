"""Square's API: the requests, and what its answers mean for whoever waits for one."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

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
from orders.parsing import dig, identifier, objects, parse_json, plain, text

API_VERSION = "2025-08-20"
BASES: Mapping[str, str] = {
    "production": "https://connect.squareup.com",
    "sandbox": "https://connect.squareupsandbox.com",
}
MOST_LOCATIONS = 10
PAGE = 100
LONGEST_CURSOR = 500
LISTED = "order.listed"
STALE_SECONDS = 2.0


def base(credentials: Mapping[str, str]) -> str:
    """The host of the environment; no other is ever called."""
    name = (credentials.get("environment") or "production").strip().lower()
    if name not in BASES:
        raise NoAccess(f"environment is {text(name, 30)!r}; it must be {' or '.join(BASES)}.")
    return BASES[name]


def order_ask(order_id: str, api: Api) -> Ask:
    """RetrieveOrder."""
    return Ask("GET", f"{api.base}/v2/orders/{quote(order_id, safe='')}", _headers(api))


def search_ask(since: datetime, cursor: str, api: Api) -> Ask | None:
    """SearchOrders by the time of the last change, oldest first; None without a location."""
    chosen = api.settings.get("locations")
    locations = [one for one in chosen if isinstance(one, str)] if isinstance(chosen, list) else []
    if not locations:
        return None
    if len(locations) > MOST_LOCATIONS:
        raise Malformed("Square lists ten locations at a time: make a second connection.")
    start = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    wanted = {
        "location_ids": locations,
        "limit": PAGE,
        "query": {
            "filter": {
                "date_time_filter": {"updated_at": {"start_at": start}},
                "state_filter": {"states": ["OPEN", "COMPLETED", "CANCELED"]},
            },
            "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
        },
        **({"cursor": cursor} if cursor else {}),
    }
    headers = {**_headers(api), "content-type": "application/json"}
    return Ask("POST", f"{api.base}/v2/orders/search", headers, json.dumps(wanted).encode())


def page(told: Told) -> Page:
    """The orders in an answer of SearchOrders."""
    answer = answered(told)
    items = [_listed(order) for order in objects(answer.get("orders"))]
    cursor = text(answer.get("cursor"), LONGEST_CURSOR + 1)
    if len(cursor) > LONGEST_CURSOR:
        raise Malformed("Square's cursor is longer than it can be kept.")
    return Page([item for item in items if item], cursor)


def _listed(order: dict[str, Any]) -> Item | None:
    order_id = identifier(order.get("id"), "order id")
    state = order.get("version") or text(order.get("updated_at"), 40)
    body = written({"order": slim(order)})
    return Item(f"listed:{order_id}:{state}", LISTED, body) if order_id else None


def subscriptions_ask(api: Api) -> Ask:
    """ListWebhookSubscriptions: all of the application's."""
    url = f"{api.base}/v2/webhooks/subscriptions?include_disabled=true&limit=100"
    return Ask("GET", url, _headers(api))


def subscribed(told: Told, url: str) -> set[str]:
    """What the enabled subscriptions send to `url`."""
    ours = [
        one
        for one in objects(answered(told).get("subscriptions"))
        if one.get("notification_url") == url and one.get("enabled") is True
    ]
    lists = [one["event_types"] for one in ours if isinstance(one.get("event_types"), list)]
    return {text(topic, 120) for topics in lists for topic in topics}


def _headers(api: Api) -> dict[str, str]:
    token = api.credentials.get("access_token", "").strip()
    if not token:
        raise NoAccess("The connection has no access_token: Square's webhooks name no customer.")
    return {
        "authorization": f"Bearer {token}",
        "square-version": API_VERSION,
        "accept": "application/json",
    }


# -- answers ------------------------------------------------------------------------------------


def answered(told: Told) -> dict[str, Any]:
    """The object in a good answer; raises what a bad one means."""
    if told.status != 200:
        raise refusal(told)
    answer = parse_json(told.body)
    if not isinstance(answer, dict):
        raise Malformed("Square's answer is no object.")
    return answer


def refusal(told: Told) -> SourceError:
    """What an error means. Its own words may quote a request, so only its code is kept."""
    code = _code(told)
    if told.status == 401:
        return NoAccess(f"Square refuses the access_token ({code}). Copy it again from Square.")
    if told.status == 403:
        return NoAccess(f"The access_token may not do this ({code}). It needs ORDERS_READ.")
    if told.status == 404:
        return TryLater("Square does not know this order yet.", STALE_SECONDS)
    if told.status == 429 or told.status >= 500:
        return TryLater(f"Square cannot answer now ({told.status} {code}).", _wait(told))
    return SourceError(f"Square refuses the request ({told.status} {code}).")


def _code(told: Told) -> str:
    try:
        errors = objects(dig(parse_json(told.body), "errors"))
    except Malformed:
        errors = []
    return next((code for one in errors if (code := text(one.get("code"), 60))), "no code")


def _wait(told: Told) -> float | None:
    """Square documents no header for this; one that is there counts."""
    said = told.headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() and len(said) < 6 else None


# -- bodies -------------------------------------------------------------------------------------


def slim(order: Mapping[str, Any]) -> dict[str, Any]:
    """The order without its cards: of a payment only the id is kept."""
    tenders = [{"id": one.get("id")} for one in objects(order.get("tenders"))]
    return {**order, "tenders": tenders}


def written(value: Any) -> bytes:
    """JSON as `map` reads it, numbers exact."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode()
