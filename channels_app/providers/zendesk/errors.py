"""What Zendesk's refusals mean."""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import object_in, part, text_of

LONGEST_WAIT = 900.0
# Two requests about one ticket met: the other one is done in a moment.
CONFLICT_SECONDS = 5.0
# Status -> what staff can do about it. Zendesk's own words may quote the customer: not kept.
ADVICE: Mapping[int, tuple[FailureKind, str]] = {
    400: (FailureKind.CONTENT_REJECTED, "Zendesk cannot read the request."),
    401: (
        FailureKind.MISCONFIGURED,
        "Zendesk refuses the credentials. Check email, API token and that token access is on.",
    ),
    403: (
        FailureKind.MISCONFIGURED,
        "The agent may not do this at Zendesk. Use one that may create and edit all tickets.",
    ),
    404: (FailureKind.MISCONFIGURED, "There is no such help desk. Check the subdomain."),
    413: (FailureKind.CONTENT_REJECTED, "The text is too long for a ticket."),
    429: (
        FailureKind.THROTTLED,
        "Too many requests in this minute. Send only the states that your triggers need.",
    ),
}
# What a 422 names -> code, kind, advice. The first that fits counts.
INVALID: tuple[tuple[tuple[str, ...], str, FailureKind, str], ...] = (
    (
        ("closed",),
        "closed",
        FailureKind.TRANSIENT,
        "The ticket has just been closed. The next try opens a follow-up.",
    ),
    (
        ("requester", "email"),
        "requester",
        FailureKind.CONTENT_REJECTED,
        "Zendesk does not take this customer as a requester: suspended, or not a usable email.",
    ),
    (
        ("group", "ticket_form", "brand"),
        "destination",
        FailureKind.RECIPIENT_INVALID,
        "Zendesk does not know the group, form or brand in the destination's address.",
    ),
    (
        ("field", '"base"'),
        "field",
        FailureKind.MISCONFIGURED,
        "Zendesk refuses a ticket field. Compare its ID, and its options' tags with our states.",
    ),
)


def failure(response: Response) -> SendError:
    """The SendError that an answer outside 2xx means."""
    answer = object_in(response.body)
    code = code_of(answer) or str(response.status)
    if response.status == 422:
        return invalid(answer, code)
    if response.status == 409:
        wait = response.retry_after or CONFLICT_SECONDS
        detail = "Another request is changing the ticket in this moment."
        return SendError(FailureKind.TRANSIENT, code, detail, wait)
    if response.status == 404 and code == "RecordNotFound":
        detail = "The ticket is gone. The next try opens a new one."
        return SendError(FailureKind.TRANSIENT, code, detail)
    if "idempoten" in code.lower():
        detail = "Zendesk has this message already, with other words. Look at the ticket."
        return SendError(FailureKind.CONTENT_REJECTED, code, detail)
    kind, detail = ADVICE.get(response.status) or general(response.status)
    return SendError(kind, code, detail, waiting(response, kind))


def general(status: int) -> tuple[FailureKind, str]:
    """What a status means that says nothing of its own."""
    if 300 <= status < 400:
        return (
            FailureKind.MISCONFIGURED,
            "Zendesk sends us to another address. Check the subdomain.",
        )
    return kind_of_status(status), f"Zendesk answered with status {status}."


def waiting(response: Response, kind: FailureKind) -> float | None:
    """Seconds to wait: Retry-After, else when the minute's budget is full again."""
    if kind not in (FailureKind.THROTTLED, FailureKind.TRANSIENT):
        return None
    if response.retry_after is not None:
        return min(response.retry_after, LONGEST_WAIT)
    reset = response.headers.get("ratelimit-reset", "")
    return min(float(reset), LONGEST_WAIT) if reset.isascii() and reset.isdigit() else None


def invalid(answer: Mapping[str, Any], code: str) -> SendError:
    """A 422: its details name what is wrong, by field and in words."""
    said = json.dumps(answer.get("details")).lower()
    for words, found, kind, detail in INVALID:
        if any(word in said for word in words):
            return SendError(kind, found, detail)
    return SendError(FailureKind.CONTENT_REJECTED, code, "Zendesk refuses the ticket.")


def code_of(answer: Mapping[str, Any]) -> str:
    """The word for the error; some answers have an object there."""
    found = answer.get("error")
    return text_of(found, 60) or text_of(part(found).get("title"), 60)
