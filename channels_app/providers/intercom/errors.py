"""What Intercom's refusals mean."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import first_of, object_in, text_of

LONGEST_WAIT = 900.0
# A contact that was just made may not be there for its first event.
FRESH_SECONDS = 5.0
# Intercom's word -> kind, and what staff can do. Its sentences may quote a contact: not kept.
CODES: Mapping[str, tuple[FailureKind, str]] = {
    "unauthorized": (
        FailureKind.MISCONFIGURED,
        "Intercom refuses the access token. Copy it again, and check the region.",
    ),
    "forbidden": (FailureKind.MISCONFIGURED, "The app may not do this. Check its permissions."),
    "action_forbidden": (
        FailureKind.MISCONFIGURED,
        "The app may not do this. Let it read and write contacts, and write events.",
    ),
    "api_plan_restricted": (
        FailureKind.MISCONFIGURED,
        "The workspace's plan does not include this part of the API.",
    ),
    "unsupported": (FailureKind.MISCONFIGURED, "Intercom does not offer this call."),
    "intercom_version_invalid": (
        FailureKind.MISCONFIGURED,
        "Intercom does not know the version in the channel's settings.",
    ),
    "type_mismatch": (FailureKind.CONTENT_REJECTED, "Intercom refuses a field of the event."),
    "data_invalid": (FailureKind.CONTENT_REJECTED, "Intercom refuses a field of the event."),
    "unprocessable_entity": (FailureKind.CONTENT_REJECTED, "Intercom refuses the event."),
    "conflict": (FailureKind.TRANSIENT, "Another request is changing the same contact."),
    "resource_conflict": (FailureKind.TRANSIENT, "Another request is changing the same contact."),
    "rate_limit_exceeded": (FailureKind.THROTTLED, "Too many requests in these ten seconds."),
    "too_many_requests": (FailureKind.THROTTLED, "Too many requests in these ten seconds."),
    "request_timeout": (FailureKind.TRANSIENT, "Intercom took too long."),
    "server_error": (FailureKind.TRANSIENT, "Intercom has a fault."),
    "service_unavailable": (FailureKind.TRANSIENT, "Intercom is away for the moment."),
}
# What a family of words has in common.
FAMILIES: tuple[tuple[str, str], ...] = (("token_", "unauthorized"), ("parameter_", "data_invalid"))
STATUSES: Mapping[int, str] = {
    400: "data_invalid",
    401: "unauthorized",
    403: "forbidden",
    408: "request_timeout",
    409: "conflict",
    422: "unprocessable_entity",
    429: "rate_limit_exceeded",
}
EXISTING = re.compile(r"\bid=([0-9A-Za-z_-]{1,64})")


def failure(response: Response) -> SendError:
    """The SendError that an answer outside 2xx means."""
    error = first_error(response)
    code = text_of(error.get("code"), 60)
    if response.status == 404:
        return missing(code)
    if code.startswith("parameter_") and error.get("field") == "email":
        detail = "Intercom does not take the customer's email for one."
        return SendError(FailureKind.CONTENT_REJECTED, code, detail)
    kind, detail = meaning(code, response.status)
    hinted = kind in (FailureKind.THROTTLED, FailureKind.TRANSIENT)
    return SendError(
        kind, code or str(response.status), detail, waiting(response) if hinted else None
    )


def meaning(code: str, status: int) -> tuple[FailureKind, str]:
    """By Intercom's word, else by the family it belongs to, else by the status."""
    if code in CODES:
        return CODES[code]
    family = next((word for start, word in FAMILIES if code.startswith(start)), "")
    word = family or STATUSES.get(status, "")
    return CODES[word] if word else general(status)


def general(status: int) -> tuple[FailureKind, str]:
    """What a status means that says nothing of its own."""
    if 300 <= status < 400:
        return FailureKind.MISCONFIGURED, "Intercom sends us to another address. Check the region."
    return kind_of_status(status), f"Intercom answered with status {status}."


def missing(code: str) -> SendError:
    """The contact is gone, or too new to be found; a page instead means another address."""
    if code:
        detail = "Intercom does not find the contact yet. The next try looks for it again."
        return SendError(FailureKind.TRANSIENT, code, detail, FRESH_SECONDS)
    return SendError(FailureKind.MISCONFIGURED, "404", "There is no such call at Intercom.")


def waiting(response: Response) -> float | None:
    """Seconds to wait: Retry-After, else the moment at which the window of 10 s is over."""
    if response.retry_after is not None:
        return min(response.retry_after, LONGEST_WAIT)
    try:
        now = parsedate_to_datetime(response.headers["date"]).timestamp()
        return min(max(int(response.headers["x-ratelimit-reset"]) - now, 1.0), LONGEST_WAIT)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def existing(response: Response) -> str | None:
    """For a contact that is there already: its id, empty when it is not told; else None.

    Raises SendError for one that was archived: nothing can be written to it.
    """
    if response.status != 409:
        return None
    said = text_of(first_error(response).get("message"), 500)
    if "archived" in said.lower():
        detail = "The contact is archived at Intercom. Take it out of the archive, or delete it."
        raise SendError(FailureKind.CONTENT_REJECTED, "archived", detail)
    found = EXISTING.search(said)
    return found[1] if found else ""


def first_error(response: Response) -> dict[str, Any]:
    """The first error of a list; empty when there is none."""
    return first_of(object_in(response.body).get("errors"))
