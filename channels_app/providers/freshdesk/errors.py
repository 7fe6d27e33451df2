"""What Freshdesk's refusals mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import object_in, part, text_of

LONGEST_WAIT = 900.0
# Status -> what staff can do about it. Freshdesk's own words may quote the customer: not kept.
ADVICE: Mapping[int, tuple[FailureKind, str]] = {
    400: (FailureKind.CONTENT_REJECTED, "Freshdesk refuses the ticket."),
    401: (FailureKind.MISCONFIGURED, "Freshdesk refuses the API key. Copy the agent's key again."),
    403: (
        FailureKind.MISCONFIGURED,
        "The agent may not do this, or the account is suspended or locked. Sign in and look.",
    ),
    405: (FailureKind.MISCONFIGURED, "The account's plan has no such call in its API."),
    415: (FailureKind.MISCONFIGURED, "The account's API does not take JSON."),
    429: (
        FailureKind.THROTTLED,
        "Too many requests in this minute. Send only the states that your rules need.",
    ),
}
REQUESTER = frozenset({"email", "phone", "mobile", "name", "requester_id", "unique_external_id"})
PLACE = frozenset({"group_id", "product_id"})
TEXT = frozenset({"subject", "description", "tags"})


def failure(response: Response) -> SendError:
    """The SendError that an answer outside 2xx means."""
    answer = object_in(response.body)
    code = text_of(answer.get("code"), 60) or str(response.status)
    if response.status == 400 and (errors := errors_in(answer)):
        return about_field(errors[0])
    if response.status == 404:
        return nowhere(response, code)
    if response.status == 409:
        detail = "Freshdesk is busy with this ticket. The next try finds it."
        return SendError(FailureKind.TRANSIENT, code, detail, response.retry_after)
    kind, detail = ADVICE.get(response.status) or general(response.status)
    wait = response.retry_after
    hint = kind in (FailureKind.THROTTLED, FailureKind.TRANSIENT) and wait is not None
    return SendError(kind, code, detail, min(wait or 0.0, LONGEST_WAIT) if hint else None)


def general(status: int) -> tuple[FailureKind, str]:
    """What a status means that says nothing of its own."""
    if 300 <= status < 400:
        return FailureKind.MISCONFIGURED, "Freshdesk sends us to another address. Check the domain."
    return kind_of_status(status), f"Freshdesk answered with status {status}."


def about_field(error: Mapping[str, Any]) -> SendError:
    """A 400 names a field: the customer, the destination, the words, or the settings."""
    name = text_of(error.get("field"), 60)
    if name in REQUESTER:
        detail = "Freshdesk does not take this customer's email or phone."
        return SendError(FailureKind.CONTENT_REJECTED, "requester", detail)
    if name in PLACE:
        detail = "Freshdesk does not know the group or product in the destination's address."
        return SendError(FailureKind.RECIPIENT_INVALID, "destination", detail)
    if not name or name in TEXT:
        return SendError(FailureKind.CONTENT_REJECTED, name or "400", ADVICE[400][1])
    detail = "Freshdesk refuses a ticket field. Compare its name, its options, what is mandatory."
    return SendError(FailureKind.MISCONFIGURED, name, detail)


def nowhere(response: Response, code: str) -> SendError:
    """A ticket that is gone is answered with an empty 404, a wrong address with a page."""
    if response.body.strip():
        detail = "There is no such help desk. Check the domain."
        return SendError(FailureKind.MISCONFIGURED, code, detail)
    detail = "The ticket is gone. The next try opens a new one."
    return SendError(FailureKind.TRANSIENT, code, detail)


def is_stranger(response: Response) -> bool:
    """Whether a list was refused because nobody is known by that email yet."""
    errors = errors_in(object_in(response.body)) if response.status == 400 else ()
    return any(
        error.get("field") == "email" and "no contact" in text_of(error.get("message")).lower()
        for error in errors
    )


def errors_in(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The errors of a refusal, each about one field."""
    found = answer.get("errors")
    return [part(one) for one in found if part(one)] if isinstance(found, list) else []
