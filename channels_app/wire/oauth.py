"""OAuth 2.0: reading what an endpoint that issues tokens answers (RFC 6749, sections 5.1 and 5.2).

Asking for a token changes nothing that anybody sees, so no answer is ever UNKNOWN here: what
cannot be read is asked for again.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from channels_app.contract import Access, Response
from channels_app.failures import FailureKind, SendError
from channels_app.wire.reading import id_of, object_in, text_of

EARLY_SECONDS = 60.0  # a token is used up this long before it ends: calls take time
SHORTEST_SECONDS = 30.0
LONGEST_SECONDS = 24 * 3600.0
THROTTLED_SECONDS = 600.0  # endpoints that name no time count over some ten minutes
LONGEST_TOKEN = 4096
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")  # what a header may carry
_CODE = re.compile(r"[A-Za-z0-9_ .-]{1,60}\Z")
# Not in the RFC, but said by those who issue tokens.
_THROTTLED = frozenset({"slow_down", "rate_limit_exceeded", "access denied", "too_many_requests"})
_TRANSIENT = frozenset({"temporarily_unavailable", "server_error", "unknown_error"})
_HINTS: Mapping[str, str] = {
    "invalid_client": "The client id or the client secret is wrong. Copy both again.",
    "invalid_client_id": "The client id is wrong. Copy it again.",
    "invalid_client_secret": "The client secret is wrong. Copy it again.",
    "invalid_grant": "What the token is asked for with was withdrawn. Grant the access again.",
    "invalid_code": "The refresh token was withdrawn, or is of another region. Make a new one.",
    "bad_refresh_token": "The refresh token was withdrawn. Grant the access again.",
    "unauthorized_client": "The app may not fetch tokens in this way. Look at its settings.",
    "unsupported_grant_type": "The app may not fetch tokens in this way. Look at its settings.",
    "inactive_user": "The user of the app is not active. Choose another one.",
    "inactive_org": "The account is not active.",
}


def access_of(
    response: Response, now: datetime, lifetime: float = 3600.0, keep: Sequence[str] = ()
) -> Access:
    """The token in `response`, good for `expires_in` or else for `lifetime` seconds.

    `keep`: members of the answer that come along in `Access.data`. Raises SendError.
    """
    answer = object_in(response.body)
    token = text_of(answer.get("access_token"), LONGEST_TOKEN)
    # Some refuse with HTTP 200: only a token is a token.
    if not response.ok or answer.get("error") or not _TOKEN.match(token):
        raise refusal(response, answer)
    told = answer.get("expires_in")
    seconds = min(told, LONGEST_SECONDS) if isinstance(told, int | float) and told > 0 else lifetime
    seconds = max(float(seconds) - EARLY_SECONDS, SHORTEST_SECONDS)
    kept = {name: text_of(answer.get(name), LONGEST_TOKEN) for name in keep}
    return Access(token, now + timedelta(seconds=seconds), kept)


def granted(access: Access | None) -> Access:
    """`access`, or a SendError: without a token nothing can be sent now."""
    if access is None:
        raise SendError(FailureKind.TRANSIENT, "token", "No token has been fetched yet.")
    return access


def refusal(response: Response, answer: Mapping[str, Any]) -> SendError:
    """Why there is no token. The words of the answer may quote secrets: only a code is kept."""
    code = _code(answer)
    kind = _kind(response, code.lower())
    if kind is FailureKind.THROTTLED:
        wait = response.retry_after or THROTTLED_SECONDS
        detail = "Too many tokens were asked for in a short time."
        return SendError(kind, code or str(response.status), detail, wait)
    if kind is FailureKind.TRANSIENT:
        detail = "No token was given, and no reason either."
        return SendError(kind, code or str(response.status), detail, response.retry_after)
    detail = _HINTS.get(code.lower(), "The token was refused. Check the credentials.")
    return SendError(kind, code or str(response.status), detail)


def _kind(response: Response, code: str) -> FailureKind:
    """By the code, else by the status."""
    if code in _THROTTLED or response.status in (408, 425, 429):
        return FailureKind.THROTTLED
    if code in _TRANSIENT or response.status >= 500 or (response.ok and not code):
        return FailureKind.TRANSIENT
    return FailureKind.MISCONFIGURED


def _code(answer: Mapping[str, Any]) -> str:
    """The name of the error, where it is one and not a sentence, or only the word "error"."""
    given = (id_of(answer.get(name)) for name in ("error", "category", "status"))
    return next((one for one in given if _CODE.match(one) and one != "error"), "")
