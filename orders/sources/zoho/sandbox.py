"""The stand-in for Zoho's API: tokens that end when they are forgotten, and a few records.

A refresh token that begins with `sandbox-` is good. The record 429 asks for patience, 500 is out
of order, and 900404 is there only when it is asked for again.
"""

import json
import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orders.contract import Ask, Told

JSON = {"content-type": "application/json;charset=UTF-8"}
LATE = "900404"
_RECORD = re.compile(r"/crm/v8/(?P<module>\w+)/(?P<id>\d+)\Z")


def _record(number: str, status: str) -> dict[str, Any]:
    return {
        "id": number,
        "Subject": f"Order {number}",
        "SO_Number": f"#{number}",
        "Status": status,
        "Grand_Total": 21.5,
        "Currency": "USD",
        "Modified_Time": "2026-11-21T19:30:00+01:00",
        "Created_Time": "2026-11-21T18:00:00+01:00",
        "Contact_Name": {"name": "Ada Example", "id": "701"},
        "Phone": "+12025550143",
    }


class StandIn:
    """Zoho as far as a source asks it."""

    def __init__(self) -> None:
        self.records = {
            "Sales_Orders": {n: _record(n, "Ready") for n in ("6001", "6002", LATE)},
            "Deals": {"7001": {**_record("7001", ""), "Stage": "Preparing"}},
        }
        self.tokens: set[str] = set()
        self.asked_for: set[str] = set()

    def handle(self, ask: Ask) -> Told:
        """The answer of the real one."""
        path = urlsplit(ask.url).path
        if path.endswith("/oauth/v2/token"):
            return self._token(ask)
        if ask.headers.get("authorization", "").removeprefix("Zoho-oauthtoken ") not in self.tokens:
            return _no(401, "INVALID_TOKEN", "invalid oauth token")
        found = _RECORD.search(path)
        if found is None or ask.method != "GET":
            return _no(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is")
        return self._read(found["module"], found["id"])

    def _token(self, ask: Ask) -> Told:
        """A token, or a refusal with the status 200, as Zoho has it."""
        given = {name: values[0] for name, values in parse_qs(ask.body.decode()).items()}
        good = given.get("refresh_token", "").startswith("sandbox-")
        if ask.method != "POST" or given.get("grant_type") != "refresh_token" or not good:
            return _told(200, {"error": "invalid_code"})
        token = f"1000.{secrets.token_hex(16)}"
        self.tokens.add(token)
        domain = {"api_domain": "https://www.zohoapis.com", "token_type": "Bearer"}
        return _told(200, {"access_token": token, "expires_in": 3600, **domain})

    def _read(self, module: str, record: str) -> Told:
        if record == "429":
            return _no(429, "TOO_MANY_REQUESTS", "You have sent too many requests")
        if record == "500":
            return _no(500, "INTERNAL_ERROR", "Internal Server Error")
        if module not in self.records:
            return _no(400, "INVALID_MODULE", "the module name given seems to be invalid")
        if record == LATE and record not in self.asked_for:
            self.asked_for.add(record)
            return Told(204, {}, b"")
        found = self.records[module].get(record)
        return _told(200, {"data": [found]}) if found else Told(204, {}, b"")


def _told(status: int, value: Any) -> Told:
    return Told(status, JSON, json.dumps(value).encode())


def _no(status: int, code: str, message: str) -> Told:
    return _told(status, {"code": code, "details": {}, "message": message, "status": "error"})


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    return {
        "data_centre": "com",
        "client_id": f"1000.{secrets.token_hex(8).upper()}",
        "client_secret": secrets.token_hex(16),
        "refresh_token": f"sandbox-{secrets.token_hex(16)}",
    }


SANDBOX = StandIn()
