"""What Zoho's refusals mean: {code, details, message, status}, for the call or for its record."""

import re
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.wire.reading import first_of, id_of, object_in, part, text_of

CREDITS_SECONDS = 3600.0  # credits come back over 24 hours that roll on
BUSY_SECONDS = 10.0
FEW_CREDITS = 10
_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$]{0,99}\Z")
_TOKEN = frozenset({"INVALID_TOKEN", "AUTHENTICATION_FAILURE", "INVALID_OAUTHTOKEN"})
_CONFIG = (
    "OAUTH_SCOPE_MISMATCH NO_PERMISSION INVALID_MODULE INVALID_URL_PATTERN FEATURE_NOT_SUPPORTED "
    "NOT_SUPPORTED NOT_ALLOWED INVALID_REQUEST_METHOD REQUIRED_PARAM_MISSING MAPPING_MISMATCH "
    "EXPECTED_FIELD_MISSING STORAGE_SPACE_EXCEEDED API_DISABLED TERRITORY_NOT_ENABLED"
)
_CONTENT = (
    "DUPLICATE_DATA RECORD_IN_BLUEPRINT PATTERN_NOT_MATCHED DEPENDENT_FIELD_MISSING NOT_APPROVED "
    "ID_ALREADY_CONVERTED CONVERTED_RECORD CANNOT_PERFORM_ACTION CANNOT_PROCESS DATA_MISMATCH "
    "LIMIT_REACHED LIMIT_EXCEEDED NOT_FOUND NO_RECORDS_FOUND"
)
_TRANSIENT = "INTERNAL_ERROR RECORD_LOCKED RECORD_MODIFIED ALREADY_SCHEDULED"
_THROTTLED = "TOO_MANY_REQUESTS"
KINDS: Mapping[str, FailureKind] = {
    **dict.fromkeys(_CONFIG.split(), FailureKind.MISCONFIGURED),
    **dict.fromkeys(_CONTENT.split(), FailureKind.CONTENT_REJECTED),
    **dict.fromkeys(_TRANSIENT.split(), FailureKind.TRANSIENT),
    **dict.fromkeys(_THROTTLED.split(), FailureKind.THROTTLED),
}
HINTS: Mapping[str, str] = {
    "OAUTH_SCOPE_MISMATCH": "The token lacks a scope. Make a new one with those of the guide",
    "NO_PERMISSION": "The user behind the token may not write this. Give the permission",
    "INVALID_MODULE": "Zoho has no such module. Use its API name, as the guide says",
    "INVALID_URL_PATTERN": "Zoho does not know the address. Check the data centre and the version",
    "STORAGE_SPACE_EXCEEDED": "The account's storage is full",
    "DUPLICATE_DATA": "Another record has a value that must be unique",
    "RECORD_IN_BLUEPRINT": "The record is in a blueprint, which does not let its stage be set",
    "DEPENDENT_FIELD_MISSING": "Zoho needs a field that depends on another one",
    "RECORD_LOCKED": "The record is locked at the moment",
}
# Values that reach a person: when Zoho refuses one of them, it is the customer's that is wrong.
_PERSONAL = ("customer.email", "customer.phone")


def record_of(response: Response) -> dict[str, Any]:
    """What Zoho says about the one record: among its data, or about the call as a whole."""
    answer = object_in(response.body)
    data = answer.get("data")
    return first_of(data) if isinstance(data, list) and data else answer


def code_of(record: Mapping[str, Any]) -> str:
    """SUCCESS, or the name of the error."""
    found = text_of(record.get("code"), 60)
    return found if _NAME.match(found) else ""


def field_of(record: Mapping[str, Any]) -> str:
    """The field that an error is about, or empty."""
    found = text_of(part(record, "details").get("api_name"), 100)
    return found if _NAME.match(found) else ""


def failure(response: Response, fields: Mapping[str, str]) -> SendError:
    """What an answer without success means; `fields`: which value goes into which field."""
    record, status = record_of(response), response.status
    code = code_of(record)
    if code in _TOKEN or (status == 401 and code not in KINDS):
        return AccessRefused(code or "401")
    if status == 429 or KINDS.get(code) is FailureKind.THROTTLED:
        return _throttled(response, code)
    if code == "INVALID_DATA":
        return _invalid(record, fields)
    if code == "MANDATORY_NOT_FOUND":
        return _mandatory(record, fields)
    kind = KINDS.get(code) or _kind_of_status(status)
    detail = f"{HINTS.get(code, 'Zoho refuses it')}{_named(record)}."
    return SendError(kind, code or str(status), detail, response.retry_after)


def _kind_of_status(status: int) -> FailureKind:
    """412: the record was changed in the meantime."""
    if status == 404:
        return FailureKind.MISCONFIGURED
    return FailureKind.TRANSIENT if status == 412 else kind_of_status(status)


def _throttled(response: Response, code: str) -> SendError:
    """Zoho names no time: with hardly a credit left it is the day's limit, else the crowd."""
    left = response.headers.get("x-api-credits-remaining", "").strip()
    if left.isascii() and left.isdigit() and int(left[:12]) <= FEW_CREDITS:
        wait, detail = CREDITS_SECONDS, "The account's API credits of 24 hours are used up."
    else:
        wait, detail = BUSY_SECONDS, "Too many requests at once."
    return SendError(FailureKind.THROTTLED, code or "429", detail, response.retry_after or wait)


def _invalid(record: Mapping[str, Any], fields: Mapping[str, str]) -> SendError:
    """A value that does not fit: the customer's, too long, or of another kind than the field."""
    field, details = field_of(record), part(record, "details")
    if fields.get(field) in _PERSONAL:
        detail = "Zoho does not accept the customer's email address or phone number. Correct it."
        return SendError(FailureKind.CONTENT_REJECTED, "contact", detail)
    if id_of(details.get("maximum_length")):
        detail = f"A value is longer than its field{_named(record)}. Make the field longer."
        return SendError(FailureKind.CONTENT_REJECTED, "INVALID_DATA", detail)
    if field and (field not in fields or id_of(details.get("expected_data_type"))):
        detail = f"A field is of another kind than its value{_named(record)}. Correct the settings."
        return SendError(FailureKind.MISCONFIGURED, "INVALID_DATA", detail)
    detail = f"Zoho refuses a value of this order{_named(record)}."
    return SendError(FailureKind.CONTENT_REJECTED, "INVALID_DATA", detail)


def _mandatory(record: Mapping[str, Any], fields: Mapping[str, str]) -> SendError:
    """A field that must not be empty: by the settings it always is, or only for this order."""
    if field_of(record) in fields:
        detail = f"Zoho needs a field that this order leaves empty{_named(record)}."
        return SendError(FailureKind.CONTENT_REJECTED, "MANDATORY_NOT_FOUND", detail)
    detail = f"Zoho needs a field that the settings do not fill{_named(record)}. Add a line for it."
    return SendError(FailureKind.MISCONFIGURED, "MANDATORY_NOT_FOUND", detail)


def _named(record: Mapping[str, Any]) -> str:
    field = field_of(record)
    return f": {field}" if field else ""
