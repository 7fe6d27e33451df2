"""Shopify's Admin API: where it lives, how it is called, and what its answers mean.

One address takes all calls (GraphQL). Trouble comes with a status, or with the status 200 and a
code in `errors`.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

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
from orders.parsing import dig, objects, parse_json, text

VERSION = "2026-10"
VERSIONS = re.compile(r"20\d\d-(01|04|07|10)")
SHOP = re.compile(r"(?!-)[a-z0-9-]{1,60}(?<!-)\.myshopify\.com")
TOKEN_SECONDS = 86_399  # what Shopify says of a fetched token
CREDENTIALS: Mapping[str, str] = {
    "shop": "The shop's address at Shopify, your-shop.myshopify.com (Settings, Domains).",
    "access_token": (
        "Of an app that was made in the shop's own admin; begins with shpat_. Or leave it empty "
        "and give the next two."
    ),
    "client_id": "Of an app that was made in the Dev Dashboard (its page, Settings).",
    "client_secret": "Of the same app.",
}
# status -> what to do
REFUSED: Mapping[int, str] = {
    401: "Shopify does not know the access token. Install the app again and paste the new one.",
    402: "The shop is frozen until its owner pays what is due at Shopify.",
    403: "The app lacks a right. Give it read_orders and install it again.",
    423: "Shopify has locked the shop. Ask Shopify's support.",
}
# `extensions.code` of an error in an answer with the status 200 -> what to do
CODES: Mapping[str, str] = {
    "ACCESS_DENIED": REFUSED[403],
    "SHOP_INACTIVE": "Shopify says that the shop is not active.",
}
PASSING = frozenset({"THROTTLED", "INTERNAL_SERVER_ERROR", "TIMEOUT"})
# Of the token endpoint: the word in the answer -> what to do.
TOKEN_ERRORS: Mapping[str, str] = {
    "shop_not_permitted": (
        "Shopify gives such tokens only for shops of the organisation that owns the app. "
        "Use an access token instead."
    ),
    "app_not_installed": "The app is not installed in this shop. Install it.",
    "application_cannot_be_found": "Shopify knows no app with this client ID. Copy it again.",
    "invalid_client": "Shopify does not accept the client secret. Copy it again.",
}


# -- asking -------------------------------------------------------------------------------------


def shop_base(credentials: Mapping[str, str]) -> str:
    """Where the shop's API lives; raises NoAccess for any host but Shopify's own."""
    typed = credentials.get("shop", "").strip().lower()
    host = typed.removeprefix("https://").partition("/")[0]
    if not host:
        return ""
    if not SHOP.fullmatch(host):
        raise NoAccess(
            "The shop must be written as your-shop.myshopify.com: the token is sent nowhere else."
        )
    return f"https://{host}"


def reachable(api: Api) -> bool:
    """Whether the connection knows the shop, and how to show who it is."""
    known = api.credentials
    pair = known.get("client_id") and known.get("client_secret")
    return bool(known.get("shop") and (known.get("access_token") or pair))


def graphql(api: Api, document: str, variables: Mapping[str, Any]) -> Ask:
    """A call, with the token that was pasted or fetched."""
    version = text(api.settings.get("api_version"), 20)
    known = version if VERSIONS.fullmatch(version) else VERSION
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Access-Token": api.credentials.get("access_token") or api.token,
    }
    body = json.dumps({"query": document, "variables": dict(variables)}).encode()
    return Ask("POST", f"{api.base}/admin/api/{known}/graphql.json", headers, body)


def token_ask(api: Api) -> Ask | None:
    """Client ID and secret for a token; none is asked for where one was pasted."""
    if api.credentials.get("access_token") or not reachable(api):
        return None
    fields = {
        "grant_type": "client_credentials",
        "client_id": api.credentials["client_id"],
        "client_secret": api.credentials["client_secret"],
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    return Ask("POST", f"{api.base}/admin/oauth/access_token", headers, urlencode(fields).encode())


# -- reading ------------------------------------------------------------------------------------


def token_of(told: Told, now: datetime) -> Token:
    """The token, good for a day; renewed five minutes early."""
    _passing(told)
    said = told.body[:4096].decode("utf-8", "replace").lower()
    value = text(dig(_json(told), "access_token"), 500) if told.status == 200 else ""
    if not value:
        known = next((hint for word, hint in TOKEN_ERRORS.items() if word in said), "")
        raise NoAccess(known or "Shopify gives no token. Check shop, client ID and client secret.")
    lasts = dig(_json(told), "expires_in")
    seconds = lasts if isinstance(lasts, int) and 600 < lasts <= TOKEN_SECONDS else TOKEN_SECONDS
    return Token(value, now + timedelta(seconds=seconds - 300))


def data_of(told: Told, wanted: str) -> Any:
    """The member `wanted` of an answer's data; raises for all that is no success.

    What the app may not see comes as null beside an error: the rest is still good. None is what
    Shopify says of something that it does not have.
    """
    _passing(told)
    if told.status in REFUSED:
        refusal = TokenRefused if told.status == 401 else NoAccess
        raise refusal(REFUSED[told.status])
    if told.status != 200:
        raise SourceError(f"Shopify answers {told.status}. Look at the app in the shop's admin.")
    body = _json(told)
    found = dig(body, "data", wanted)
    if found is None:
        _check_errors(body)
    return found


def _check_errors(body: Any) -> None:
    errors = objects(dig(body, "errors"))
    if not errors:
        return
    code = text(dig(errors[0], "extensions", "code"), 60)
    if code in PASSING:
        raise TryLater("Shopify asks us to wait before the next call.", _seconds(body))
    if code in CODES:
        raise NoAccess(CODES[code])
    raise SourceError(
        "This version of Shopify's API does not know what we ask. Set api_version to a version "
        f"that it supports, such as {VERSION}."
    )


def _passing(told: Told) -> None:
    """What is over after a while. 404: some shops are slow to answer under a new name."""
    if told.status in (404, 408, 425, 429, 430) or told.status >= 500:
        raise TryLater(f"Shopify answers {told.status} for now.", _retry_after(told))


def _retry_after(told: Told) -> float | None:
    value = told.headers.get("retry-after", "").strip()
    return float(value) if re.fullmatch(r"\d{1,5}(\.\d{1,3})?", value) else None


def _seconds(body: Any) -> float | None:
    """Until the allowance holds what the call needs; None where Shopify does not say."""
    cost = dig(body, "extensions", "cost")
    needed, held, rate = (
        _number(dig(cost, *path))
        for path in (
            ("requestedQueryCost",),
            ("throttleStatus", "currentlyAvailable"),
            ("throttleStatus", "restoreRate"),
        )
    )
    if needed is None or held is None or not rate or rate < 0:
        return None
    return max(1.0, round((needed - held) / rate, 1))


def _number(value: Any) -> float | None:
    word = text(value, 20)
    return float(word) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", word) else None


def _json(told: Told) -> Any:
    try:
        return parse_json(told.body)
    except Malformed:
        raise TryLater("Shopify's answer cannot be read. It may be in trouble.") from None
