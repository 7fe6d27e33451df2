"""What HubSpot's refusals mean. Every member of its error object may be missing."""

import re
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.wire.reading import object_in, part, text_of

DAILY_SECONDS = 3600.0  # the allowance comes back at the account's midnight; HubSpot does not say
ROLLING_SECONDS = 10.0
_CODE = re.compile(r"[A-Za-z0-9_]{1,60}\Z")
_TRANSIENT = frozenset({423, 477})  # locked; the account moves to another data centre
# Words in a VALIDATION_ERROR, in the order in which they are looked for.
_CONTACT = ("invalid_email", "email address")
_MAPPING = (
    "property_doesnt_exist",
    "does not exist",
    "invalid_option",
    "allowed options",
    "non-unique",
    "invalid_stage",
    "invalid_pipeline",
    "valid stage",
    "valid pipeline",
    "read_only",
    "infer object type",
    "event definition",
)
_TAKEN = ("already has that value", "duplicate_unique_property")


def words_of(answer: Mapping[str, Any]) -> str:
    """Message and codes of an error in lower case, to look for words in. Never shown."""
    errors = answer.get("errors")
    found = [answer, *map(part, errors[:20] if isinstance(errors, list) else ())]
    said = [text_of(one.get(name), 2000) for one in found for name in ("message", "code")]
    return " ".join([*said, text_of(answer.get("subCategory"), 200)]).lower()


def is_taken(response: Response) -> bool:
    """Whether a record with this unique value was made by somebody else in the meantime."""
    if response.status == 400:
        said = words_of(object_in(response.body))
        return any(word in said for word in _TAKEN)
    return response.status == 409


def is_repeated_event(response: Response) -> bool:
    """Whether HubSpot refuses an event because it has one with this id: it was taken before."""
    said = words_of(object_in(response.body))
    repeated = "duplicate" in said or "already" in said
    return response.status == 409 or (response.status == 400 and "uuid" in said and repeated)


def failure(response: Response, renewable: bool) -> SendError:
    """What `response` means. With `renewable` a refused token can be fetched anew."""
    answer = object_in(response.body)
    status, category = response.status, _code(answer)
    if status == 401:
        return _refused(renewable, category)
    if status == 429:
        return _throttled(response, answer, category)
    if status in _TRANSIENT or status == 409 or status >= 500:
        detail = "HubSpot cannot take it at the moment."
        return SendError(FailureKind.TRANSIENT, category, detail, response.retry_after)
    if status == 403:
        detail = "HubSpot's key lacks a right. Give it the scopes that the guide names."
        return SendError(FailureKind.MISCONFIGURED, category, detail)
    if status == 404:
        return _missing(category)
    if status == 400:
        return _invalid(answer, category)
    return SendError(kind_of_status(status), category, "HubSpot refuses it.", response.retry_after)


def _code(answer: Mapping[str, Any]) -> str:
    found = text_of(answer.get("category"), 60)
    return found if _CODE.match(found) else ""


def _refused(renewable: bool, code: str) -> SendError:
    if renewable:
        return AccessRefused(code or "401")
    detail = "HubSpot does not know the key, or it was withdrawn. Paste it again."
    return SendError(FailureKind.MISCONFIGURED, code or "401", detail)


def _throttled(response: Response, answer: Mapping[str, Any], code: str) -> SendError:
    policy = text_of(answer.get("policyName"), 60)
    if policy == "DAILY":
        detail = "The account's requests for today are used up."
        wait = response.retry_after or DAILY_SECONDS
    else:
        detail = "Too many requests at once."
        wait = response.retry_after or ROLLING_SECONDS
    return SendError(FailureKind.THROTTLED, policy or code or "429", detail, wait)


def _missing(code: str) -> SendError:
    if code == "OBJECT_NOT_FOUND":
        detail = "HubSpot has no such record any more."
        return SendError(FailureKind.CONTENT_REJECTED, code, detail)
    detail = "HubSpot knows no such object, event or API version. Compare them with the guide."
    return SendError(FailureKind.MISCONFIGURED, code or "404", detail)


def _invalid(answer: Mapping[str, Any], code: str) -> SendError:
    """About the contact, about our settings, or about this one order."""
    said = words_of(answer)
    if any(word in said for word in _CONTACT):
        detail = "HubSpot does not accept the customer's email address. Correct it."
        return SendError(FailureKind.CONTENT_REJECTED, "contact", detail)
    if any(word in said for word in _MAPPING):
        detail = (
            "A property, stage or option of the settings is not in HubSpot, or the key is not a "
            "property with unique values. Compare them with HubSpot's property settings."
        )
        return SendError(FailureKind.MISCONFIGURED, code or "400", detail)
    detail = "HubSpot refuses a value of this order. The account's validation rules may be why."
    return SendError(FailureKind.CONTENT_REJECTED, code or "400", detail)
