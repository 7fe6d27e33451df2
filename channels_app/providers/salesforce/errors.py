"""What Salesforce's refusals mean: a list of {message, errorCode, fields}."""

import re
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.wire.reading import first_of, text_of

DAY_SECONDS = 3600.0  # the allowance is counted over 24 hours that roll on; nobody says until when
HOUR_SECONDS = 900.0
BUSY_SECONDS = 30.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}\Z")
_CONFIG = (
    "INVALID_FIELD INVALID_TYPE NOT_FOUND UNSUPPORTED_API_VERSION INVALID_FIELD_FOR_INSERT_UPDATE "
    "API_DISABLED_FOR_ORG API_CURRENTLY_DISABLED METHOD_NOT_ALLOWED INVALID_LOGIN "
    "PLATFORM_EVENT_ENCRYPTION_ERROR"
)
_CONTENT = (
    "REQUIRED_FIELD_MISSING FIELD_CUSTOM_VALIDATION_EXCEPTION STRING_TOO_LONG JSON_PARSER_ERROR "
    "INVALID_EMAIL_ADDRESS ENTITY_IS_DELETED DUPLICATE_VALUE DUPLICATES_DETECTED"
)
_TRANSIENT = (
    "UNABLE_TO_LOCK_ROW SERVER_UNAVAILABLE UNKNOWN_EXCEPTION PLATFORM_EVENT_PUBLISHING_UNAVAILABLE"
)
_THROTTLED = "REQUEST_LIMIT_EXCEEDED LIMIT_EXCEEDED"
KINDS: Mapping[str, FailureKind] = {
    **dict.fromkeys(_CONFIG.split(), FailureKind.MISCONFIGURED),
    **dict.fromkeys(_CONTENT.split(), FailureKind.CONTENT_REJECTED),
    **dict.fromkeys(_TRANSIENT.split(), FailureKind.TRANSIENT),
    **dict.fromkeys(_THROTTLED.split(), FailureKind.THROTTLED),
}
HINTS: Mapping[str, str] = {
    "INVALID_FIELD": "A field of the settings is not in Salesforce, or the user may not see it",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "A field of the settings cannot be written",
    "INVALID_TYPE": "Salesforce has no such event or object, or the user may not see it",
    "NOT_FOUND": "Salesforce has no such event, object, external id or API version",
    "UNSUPPORTED_API_VERSION": "Salesforce does not know the API version. Correct it",
    "API_DISABLED_FOR_ORG": "The account or the user may not use the API",
    "PLATFORM_EVENT_ENCRYPTION_ERROR": "Salesforce cannot encrypt the event: look at its settings",
    "REQUIRED_FIELD_MISSING": "Salesforce needs a field that this order leaves empty",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "A validation rule in Salesforce refuses this order",
    "STRING_TOO_LONG": "A value is longer than its field. Make the field longer",
    "JSON_PARSER_ERROR": "A value does not fit its field: a number into a text field, perhaps",
    "INVALID_EMAIL_ADDRESS": "Salesforce does not accept the customer's email address",
    "ENTITY_IS_DELETED": "The record was deleted in Salesforce",
    "DUPLICATE_VALUE": "Another record has a value that must be unique",
    "DUPLICATES_DETECTED": "A duplicate rule in Salesforce refuses this order",
}


def error_of(response: Response) -> dict[str, Any]:
    """The first error of the answer; empty when there is none."""
    try:
        answer = response.json()
    except (SendError, RecursionError):
        return {}
    return first_of(answer)


def code_of(error: Mapping[str, Any]) -> str:
    """Salesforce's name of the error: refusals call it errorCode, results statusCode."""
    found = text_of(error.get("errorCode"), 60) or text_of(error.get("statusCode"), 60)
    return found if _NAME.match(found) else ""


def failure(response: Response) -> SendError:
    """What an answer that is no success means."""
    error, status = error_of(response), response.status
    if status == 401:
        return AccessRefused(code_of(error) or "401")
    if status == 300:
        detail = "Several records have the order's external id. Delete all but one."
        return SendError(FailureKind.CONTENT_REJECTED, "300", detail)
    if status == 404 and not error:
        error = {"errorCode": "NOT_FOUND"}
    return named(error, status, response.retry_after)


def named(error: Mapping[str, Any], status: int, wait: float | None = None) -> SendError:
    """What one error object means; its message may quote the order, so it is not kept."""
    code = code_of(error)
    kind = _kind(code, status)
    if kind is FailureKind.THROTTLED:
        return _throttled(code, status, text_of(error.get("message"), 500).lower(), wait)
    detail = HINTS.get(code, "")
    if code.startswith("INSUFFICIENT_ACCESS"):
        detail = "The app's user may not write this. Give it the permission"
    fields = error.get("fields")
    given = map(text_of, fields if isinstance(fields, list) else ())
    known = [one for one in given if _NAME.match(one)][:3]
    detail = f"{detail or 'Salesforce refuses it'}{': ' if known else ''}{', '.join(known)}."
    return SendError(kind, code or str(status), detail, wait)


def _kind(code: str, status: int) -> FailureKind:
    """By the code, else by the status."""
    if code.startswith("INSUFFICIENT_ACCESS"):
        return FailureKind.MISCONFIGURED
    return KINDS.get(code) or kind_of_status(status)


def _throttled(code: str, status: int, said: str, wait: float | None) -> SendError:
    """Too many in a day, in an hour (events), or at once: told apart by words only."""
    if code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" not in said:
        default, detail = DAY_SECONDS, "The account's API requests of 24 hours are used up."
    elif code == "LIMIT_EXCEEDED":
        default, detail = HOUR_SECONDS, "The account's events of this hour are used up."
    else:
        default, detail = BUSY_SECONDS, "Too many requests at once."
    return SendError(FailureKind.THROTTLED, code or str(status), detail, wait or default)
