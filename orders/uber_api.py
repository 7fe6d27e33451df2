"""What the two sources of Uber share: the signature, the token, the API's answers, its stand-in.

Sources do not know each other, so this lies beside them. Pure: requests are described, not made.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from orders.contract import Api, Ask, NoAccess, SourceError, Token, TokenRefused, Told, TryLater
from orders.parsing import dig, parse_json, text
from orders.signatures import Scheme

API = "https://api.uber.com"
TOKENS = "https://auth.uber.com"
OAUTH_PATH = "/oauth/v2/token"
# Lower-case hex over the raw body. Uber Direct still sends the name of the company it bought.
SIGNED = Scheme(headers=("x-uber-signature", "x-postmates-signature"), encoding="hex")
TOKEN_MARGIN = timedelta(minutes=5)  # a token is not used in its last minutes
# Uber hands out 100 tokens an hour, so a refused one waits longer than a refused question.
NO_TOKEN_SECONDS = 60.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def safe_id(value: Any) -> str:
    """`value` when it can stand in a path of the API, else ""."""
    given = text(value, 81)
    return given if _ID.fullmatch(given) else ""


def has_credentials(api: Api) -> bool:
    """Whether the connection may ask at all."""
    return bool(api.credentials.get("client_id") and api.credentials.get("client_secret"))


def token_ask(api: Api, scope: str) -> Ask | None:
    """The OAuth request of an application that speaks for itself; None without credentials."""
    if not has_credentials(api):
        return None
    form = {
        "client_id": api.credentials["client_id"],
        "client_secret": api.credentials["client_secret"],
        "grant_type": "client_credentials",
        "scope": scope,
    }
    base = TOKENS if api.base == API else api.base
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    return Ask("POST", base + OAUTH_PATH, headers, urlencode(form).encode())


def token(told: Told, now: datetime) -> Token:
    """The token in the answer. Raises TryLater or NoAccess."""
    if told.status in (400, 401, 403):
        raise NoAccess(
            "Uber refuses the client id, the client secret or the scope. Compare them with the "
            "Developer tab of the dashboard."
        )
    if told.status != 200:
        raise _later("Uber hands out no token now.", told, NO_TOKEN_SECONDS)
    answer = parse_json(told.body)
    value, life = text(dig(answer, "access_token"), 5000), dig(answer, "expires_in")
    if not value:
        raise TryLater("Uber's answer holds no token.", NO_TOKEN_SECONDS)
    seconds = life if isinstance(life, int) and 0 < life < 10**8 else 3600
    until = now + timedelta(seconds=seconds)
    return Token(value, max(until - TOKEN_MARGIN, now + (until - now) / 2))


def get(api: Api, path: str) -> Ask:
    """A question to the API. The path is ours: no address from a body is ever called."""
    headers = {"authorization": f"Bearer {api.token}", "accept": "application/json"}
    return Ask("GET", api.base + path, headers)


def answered(told: Told) -> bytes:
    """The object in an answer. Raises TokenRefused, NoAccess, TryLater or SourceError."""
    if told.status == 401:
        raise TokenRefused("Uber refuses the token.")
    if told.status == 403:
        raise NoAccess(
            "Uber does not let this application read that. Ask Uber for the scope, and check "
            "that the store or the organisation belongs to the application."
        )
    if told.status == 404:
        raise _later("Uber does not know it yet.", told)
    if told.status == 429 or told.status >= 500:
        raise _later(f"Uber cannot answer now (status {told.status}).", told)
    if told.status != 200 or not isinstance(parse_json(told.body), dict):
        raise SourceError(f"Uber answered with status {told.status}, and no order in it.")
    return told.body


def together(body: bytes, answer: bytes) -> bytes:
    """What came in and what it led to, in one body. Joined as they are, so that ids stay exact."""
    return b'{"event":' + body.strip() + b',"answer":' + answer.strip() + b"}"


def _later(sentence: str, told: Told, otherwise: float | None = None) -> TryLater:
    """With the wait that the answer asks for, in seconds; dates are not used here."""
    hint = told.headers.get("retry-after", "").strip()
    return TryLater(sentence, float(hint) if re.fullmatch(r"\d{1,5}", hint) else otherwise)


# -- the stand-in -------------------------------------------------------------------------------

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-client-secret"
GRANTED = "sandbox-access-token"
Shelf = Callable[[str, Mapping[str, str]], dict[str, Any] | None]


@dataclass
class UberStandIn:
    """The end of Uber's API that both sources talk to: token, access, and what it holds.

    `shelf` gives the object at a path. Ids that end in `busy`, `broken`, `denied` or `late`
    are answered with 429, 503, 403, and 404 for the first time.
    """

    shelf: Shelf
    scope: str
    asked: dict[str, int] = field(default_factory=dict)

    def handle(self, ask: Ask) -> Told:
        """Answer as the real one does."""
        url = urlsplit(ask.url)
        if url.path.endswith(OAUTH_PATH):
            return self._token(ask)
        headers = {name.lower(): value for name, value in ask.headers.items()}
        if headers.get("authorization") != f"Bearer {GRANTED}":
            return told(401, {"code": "unauthorized", "message": "Invalid OAuth 2.0 credentials."})
        if ask.method != "GET":
            return told(405, {"code": "method_not_allowed", "message": "Method not allowed"})
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        return self._trouble(url.path) or self._found(url.path, query)

    def _token(self, ask: Ask) -> Told:
        form = {name: values[-1] for name, values in parse_qs(ask.body.decode()).items()}
        if ask.method != "POST" or form.get("grant_type") != "client_credentials":
            return told(400, {"error": "unsupported_grant_type"})
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return told(401, {"error": "invalid_client"})
        if form.get("scope") != self.scope:
            return told(400, {"error": "invalid_scope"})
        answer = {"access_token": GRANTED, "expires_in": 2592000, "token_type": "Bearer"}
        return told(200, {**answer, "scope": self.scope})

    def _trouble(self, path: str) -> Told | None:
        self.asked[path] = self.asked.get(path, 0) + 1
        if path.endswith("busy"):
            limited = {"message": "Exceeded rate limit", "code": "rate_limited"}
            return told(429, limited, {"retry-after": "7"})
        if path.endswith("broken"):
            return told(503, {"code": "service_unavailable", "message": "Service Unavailable"})
        if path.endswith("denied"):
            return told(403, {"code": "user_not_allowed", "message": "User not allowed"})
        return _unknown() if path.endswith("late") and self.asked[path] == 1 else None

    def _found(self, path: str, query: Mapping[str, str]) -> Told:
        held = self.shelf(path, query)
        return _unknown() if held is None else told(200, held)


def told(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Told:
    """An answer in JSON."""
    return Told(
        status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode()
    )


def _unknown() -> Told:
    return told(404, {"code": "resource_not_found", "message": "Not found"})


def moment(minutes: int) -> str:
    """A time for the stand-in's orders: so many minutes after a fixed evening."""
    at = datetime(2026, 11, 21, 18, 0, tzinfo=UTC) + timedelta(minutes=minutes)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
