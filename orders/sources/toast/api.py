"""Toast's API: the token, one order, the orders changed since. Requests and answers, no I/O."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from orders.contract import (
    Api,
    Ask,
    Malformed,
    NoAccess,
    SourceError,
    Token,
    TokenRefused,
    Told,
    TryLater,
)
from orders.parsing import dig, identifier, objects, parse_json, plain, text
from orders.sources.toast.checks import last_change

LOGIN = "/authentication/v1/authentication/login"
ORDER = "/orders/v2/orders/"
LIST = "/orders/v2/ordersBulk"
RESTAURANT = "Toast-Restaurant-External-ID"
DEFAULT_HOST = "ws-api.toasttab.com"
DOMAINS = frozenset({"toasttab.com"})  # Toast hands out the host; it is always one of its own
LISTED = "order_listed"
PAGE_SIZE = 100
# The list needs an end. As the hub is told no time, one that is surely later than now.
PERIOD = timedelta(days=30)
LONGEST_WAIT = 3600
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LINK = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')
_GUID = re.compile(r"[0-9A-Za-z-]{1,64}")


def base_of(credentials: Mapping[str, str]) -> str:
    """Where the API lives; raises NoAccess for a host that is not Toast's."""
    host = text(credentials.get("api_host"), 120).lower().removeprefix("https://").rstrip("/")
    host = host or DEFAULT_HOST
    ours = any(host.endswith(f".{domain}") for domain in DOMAINS)
    if not ours or not _HOST.fullmatch(host):
        raise NoAccess("api_host must be a host of toasttab.com, as Toast gave it to you.")
    return f"https://{host}"


def login(api: Api) -> Ask | None:
    """The request for a token; None without credentials."""
    if not _has_credentials(api):
        return None
    body = {
        "clientId": api.credentials["client_id"],
        "clientSecret": api.credentials["client_secret"],
        "userAccessType": "TOAST_MACHINE_CLIENT",
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return Ask("POST", api.base + LOGIN, headers, json.dumps(body).encode())


def token(told: Told, now: datetime) -> Token:
    """The token in the answer to `login`."""
    if told.status in (400, 401, 403):
        raise NoAccess("Toast refuses client_id and client_secret. Compare them with your access.")
    refuse_trouble(told)
    body = _answer(told)
    value = dig(body, "token", "accessToken")
    lives = dig(body, "token", "expiresIn")
    if not isinstance(value, str) or not value or not isinstance(lives, int) or lives <= 0:
        raise NoAccess("Toast answered the login without a token. Ask its support.")
    return Token(value, now + timedelta(seconds=min(lives, 7 * 86400)))


def order_ask(body: Mapping[str, Any], api: Api) -> Ask | None:
    """The request for the order that a webhook is about; None when we may not ask."""
    guid = text(dig(body, "details", "order", "guid"), 64)
    if not _GUID.fullmatch(guid) or not _has_credentials(api):
        return None
    restaurant = text(dig(body, "details", "restaurantGuid"), 64)
    return Ask("GET", api.base + ORDER + quote(guid, safe=""), _headers(api, restaurant))


def list_ask(since: datetime, cursor: str, api: Api) -> Ask | None:
    """The request for orders changed since, or for the page that `cursor` stands for."""
    if not _has_credentials(api) or not api.credentials.get("restaurant_guid"):
        return None
    first = {"startDate": _stamp(since), "endDate": _stamp(since + PERIOD), "pageSize": PAGE_SIZE}
    query = cursor or urlencode(first)
    return Ask("GET", f"{api.base}{LIST}?{query}", _headers(api))


def _stamp(moment: datetime) -> str:
    """A time as Toast wants it, with a fraction of a second."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def _has_credentials(api: Api) -> bool:
    return bool(api.credentials.get("client_id") and api.credentials.get("client_secret"))


def _headers(api: Api, restaurant: str = "") -> dict[str, str]:
    where = restaurant or text(api.credentials.get("restaurant_guid"), 64)
    return {
        "Authorization": f"Bearer {api.token}",
        RESTAURANT: where,
        "Accept": "application/json",
    }


# -- answers ------------------------------------------------------------------------------------


def refuse_trouble(told: Told) -> None:
    """Raise what an answer that is no answer means."""
    status = told.status
    if status == 401:
        raise TokenRefused("Toast no longer takes the token.")
    if status == 403:
        raise NoAccess(
            "Toast refuses to show this. The access needs the scope orders:read, and the "
            "restaurant must be connected to it."
        )
    if status == 429:
        raise TryLater("Toast wants fewer requests.", wait_of(told))
    if status >= 500 or status == 408:
        raise TryLater(f"Toast's API is in trouble ({status}).", wait_of(told))
    if status != 200:
        raise SourceError(
            f"Toast's API answered {status}. Replay the event; if it stays so, ask Toast's support."
        )


def wait_of(told: Told) -> float | None:
    """How long Toast wants us to wait: in seconds, or until a moment of its own clock."""
    seconds = text(told.headers.get("retry-after"), 10)
    if seconds.isdecimal():
        return float(min(int(seconds), LONGEST_WAIT))
    until = text(told.headers.get("x-toast-ratelimit-reset"), 12)
    now = _date(told.headers.get("date", ""))
    if not until.isdecimal() or now is None:
        return None
    return float(min(max(int(until) - now.timestamp(), 1), LONGEST_WAIT))


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None


def _answer(told: Told) -> Any:
    try:
        return parse_json(told.body)
    except Malformed:
        raise TryLater("Toast's API answered something unreadable.") from None


def with_order(webhook: bytes, told: Told) -> bytes:
    """The webhook with the order as the API has it, for the mapping.

    An answer that is older than the webhook only adds what webhooks leave out.
    """
    if told.status == 404:
        raise TryLater("Toast's API does not know the order yet.")
    refuse_trouble(told)
    order, body = _answer(told), parse_json(webhook)
    ours = dig(body, "details", "order")
    if not isinstance(order, dict) or order.get("guid") != dig(ours, "guid"):
        raise TryLater("Toast's API answered with another order.")
    details = {**body["details"], "order": order}
    known, fetched = last_change(ours), last_change(order)
    if known and fetched and fetched < known:
        details |= {"order": ours, "fetched": order}
    return json.dumps(plain({**body, "details": details})).encode()


def listed_orders(told: Told) -> list[dict[str, Any]]:
    """The orders in the answer to `list_ask`."""
    refuse_trouble(told)
    orders = _answer(told)
    if not isinstance(orders, list):
        raise Malformed("Toast's list of orders is no list.")
    return [one for one in objects(orders) if identifier(one.get("guid"), "guid")]


def next_page(told: Told, count: int) -> str:
    """The query of the next page; never the host that the header names."""
    found = _LINK.search(told.headers.get("link", ""))
    if not found:
        if count >= PAGE_SIZE:
            raise Malformed("Toast sent a full page of orders and no link to the next one.")
        return ""
    asked = parse_qs(urlsplit(found[1]).query)
    names = ("startDate", "endDate", "pageSize", "page")
    return urlencode({name: asked[name][0].strip() for name in names if name in asked})
