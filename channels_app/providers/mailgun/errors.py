"""What Mailgun's refusals mean. It has no codes: the status says it, and for a 400 the words."""

import json
import re

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status

LONGEST_WAIT = 900.0
_BY_STATUS = {
    401: (
        FailureKind.MISCONFIGURED,
        "The key is wrong, is of another domain, or the domain lives in the other region.",
    ),
    402: (FailureKind.MISCONFIGURED, "The Mailgun account is not paid for."),
    403: (
        FailureKind.MISCONFIGURED,
        "The domain may not send: it is disabled, or a sandbox domain that may only write to "
        "authorized recipients.",
    ),
    404: (FailureKind.MISCONFIGURED, "Mailgun does not know this domain in this region."),
    405: (FailureKind.MISCONFIGURED, "The address of the API is wrong."),
    413: (FailureKind.CONTENT_REJECTED, "The mail is larger than 25 MB."),
    429: (FailureKind.THROTTLED, "Too many requests."),
}
_BAD_RECIPIENT = re.compile(r"\bto\b'? parameter is not a valid address", re.IGNORECASE)
_NO_TEMPLATE = re.compile(r"template\b.*\bnot found", re.IGNORECASE)
_WAIT = re.compile(r"try again after (\d{1,6}) seconds?", re.IGNORECASE)
_ADDRESS = re.compile(r"\S+@\S+")


def error(response: Response) -> SendError:
    """By status; a 400 by what it says."""
    words = said(response)
    kind, detail = _BY_STATUS.get(
        response.status, (kind_of_status(response.status), _ADDRESS.sub("…", words)[:200])
    )
    if response.status == 400 and _BAD_RECIPIENT.search(words):
        kind, detail = FailureKind.RECIPIENT_INVALID, "Mailgun does not accept the address."
    elif response.status == 400 and _NO_TEMPLATE.search(words):
        kind, detail = FailureKind.MISCONFIGURED, "Mailgun has no template of this name."
    return SendError(
        kind,
        str(response.status),
        detail or f"Mailgun answered with HTTP status {response.status}.",
        _wait(response, words) if kind is FailureKind.THROTTLED else None,
    )


def said(response: Response) -> str:
    """The reason in the answer: {message}, or a bare string; it may quote an address."""
    try:
        value = json.loads(response.body)
        words = value["message"] if isinstance(value, dict) else value
    except (ValueError, KeyError, RecursionError):
        return ""
    return words if isinstance(words, str) else ""


def _wait(response: Response, words: str) -> float | None:
    """Seconds: of the header, or in the middle of the sentence."""
    if response.retry_after is not None:
        return response.retry_after
    found = _WAIT.search(words)
    return min(float(found[1]), LONGEST_WAIT) if found else None
