"""Zoho's API: the data centres, the token that lives an hour, and one record."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from orders.automation import retry_seconds
from orders.contract import (
    Api,
    Ask,
    NoAccess,
    SourceError,
    Token,
    TokenRefused,
    Told,
    TryLater,
    Unmappable,
)
from orders.parsing import objects, parse_json, text

TOKEN_SECONDS = 3600
_MODULE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_ID = re.compile(r"[0-9]{1,30}")


@dataclass(frozen=True, slots=True)
class Centre:
    """Where tokens are given, and where the API is."""

    accounts: str
    api: str


CENTRES: Mapping[str, Centre] = {
    ending: Centre(f"https://accounts.zoho.{ending}", f"https://www.zohoapis.{ending}")
    for ending in ("com", "eu", "in", "com.au", "jp", "com.cn", "sa", "uk")
} | {"ca": Centre("https://accounts.zohocloud.ca", "https://www.zohoapis.ca")}


def centre(credentials: Mapping[str, str]) -> Centre:
    """The account's data centre. Raises NoAccess for one that Zoho does not have."""
    ending = (credentials.get("data_centre") or "com").strip().lower().lstrip(".")
    if ending not in CENTRES:
        raise NoAccess(f"data_centre must be one of {', '.join(CENTRES)}.")
    return CENTRES[ending]


def record_ask(value: Mapping[str, Any], api: Api) -> Ask:
    """The request for the record that a notification names."""
    module, record = text(value.get("module"), 80), text(value.get("zoho_record"), 40)
    if not _MODULE.fullmatch(module) or not _ID.fullmatch(record):
        raise Unmappable("The notification names no module or no record of Zoho.")
    headers = {"authorization": f"Zoho-oauthtoken {api.token}", "accept": "application/json"}
    return Ask("GET", f"{api.base}/crm/v8/{module}/{record}", headers)


def record(told: Told) -> dict[str, Any]:
    """The record in an answer."""
    _refuse(told)
    value = parse_json(told.body) if told.body else {}
    found = objects(value.get("data")) if isinstance(value, dict) else []
    if told.status == 204 or not found:
        raise TryLater("Zoho does not show the record yet.")
    return found[0]


def _refuse(told: Told) -> None:
    """Raise for an answer that holds no record. A daily budget is not waited for here."""
    if told.status == 401:
        raise TokenRefused("Zoho refuses the access token.")
    if told.status == 403:
        raise NoAccess("Zoho refuses: the refresh token needs the scope ZohoCRM.modules.READ.")
    if told.status == 404:
        raise TryLater("Zoho does not show the record yet.")
    if told.status == 429 or told.status >= 500:
        raise TryLater("Zoho cannot answer now.", retry_seconds(told.headers))
    if told.status not in (200, 204):
        raise SourceError(f"Zoho answered {told.status} to the request for a record.")


def token_ask(api: Api, vendors: str) -> Ask | None:
    """The request for an access token; None while the credentials are not filled in."""
    names = ("client_id", "client_secret", "refresh_token")
    given = {name: api.credentials.get(name, "").strip() for name in names}
    if not all(given.values()):
        return None
    host = centre(api.credentials).accounts if api.base == vendors else api.base
    body = urlencode({"grant_type": "refresh_token", **given}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Ask("POST", f"{host}/oauth/v2/token", headers, body)


def token(told: Told, now: datetime) -> Token:
    """The access token. A refusal may come with the status 200."""
    if told.status == 429 or told.status >= 500:
        raise TryLater("Zoho gives no tokens now.", retry_seconds(told.headers))
    value = parse_json(told.body) if told.body else {}
    found = value if isinstance(value, dict) else {}
    if not found.get("access_token"):
        why = text(found.get("error"), 60) or str(told.status)
        raise NoAccess(f"Zoho gives no token ({why}). Make a new refresh token, then save it.")
    lives = found.get("expires_in")
    seconds = lives if isinstance(lives, int) and 60 <= lives <= 86_400 else TOKEN_SECONDS
    return Token(text(found["access_token"], 1000), now + timedelta(seconds=seconds - 30))
