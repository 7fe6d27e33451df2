"""What Shopify's answers mean: by status, by GraphQL code, and by `userErrors`."""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.wire.reading import part, text_of

# status -> (kind, what to do)
STATUSES: Mapping[int, tuple[FailureKind, str]] = {
    401: (
        FailureKind.MISCONFIGURED,
        "Shopify does not know the access token. Install the app again and paste the new one.",
    ),
    402: (
        FailureKind.MISCONFIGURED,
        "The shop is frozen until its owner pays what is due at Shopify.",
    ),
    403: (
        FailureKind.MISCONFIGURED,
        "The app lacks a right. Give it write_orders and write_fulfillments, and install it again.",
    ),
    404: (
        FailureKind.MISCONFIGURED,
        "There is no such shop, or Shopify has no such version of its API. Check both.",
    ),
    423: (FailureKind.MISCONFIGURED, "Shopify has locked the shop. Ask Shopify's support."),
    429: (FailureKind.THROTTLED, "Too many calls to this shop."),
    430: (FailureKind.CONTENT_REJECTED, "Shopify's protection refuses the request."),
    783: (FailureKind.CONTENT_REJECTED, "Shopify cannot read the request."),
}
# `extensions.code` of an error in an answer with the status 200 -> (kind, what to do)
CODES: Mapping[str, tuple[FailureKind, str]] = {
    "THROTTLED": (FailureKind.THROTTLED, "The shop's allowance of calls is used up for now."),
    "ACCESS_DENIED": STATUSES[403],
    "SHOP_INACTIVE": (FailureKind.MISCONFIGURED, "Shopify says that the shop is not active."),
    # What a repeat finds written it does not write again: all of it may be tried once more.
    "INTERNAL_SERVER_ERROR": (FailureKind.TRANSIENT, "Shopify had an error of its own."),
    "TIMEOUT": (FailureKind.TRANSIENT, "Shopify took too long."),
    "MAX_COST_EXCEEDED": (FailureKind.CONTENT_REJECTED, "The question is too large for Shopify."),
}
# Codes of a document that does not fit the version's schema.
SCHEMA = frozenset(
    {
        "undefinedField",
        "undefinedType",
        "undefinedInput",
        "argumentNotAccepted",
        "missingRequiredArguments",
        "argumentLiteralsIncompatible",
        "variableMismatch",
        "missingRequiredInputObjectAttribute",
        "selectionMismatch",
        "INVALID_VARIABLE",
        "parseError",
    }
)
SCHEMA_HINT = (
    "This version of Shopify's API does not know what we ask. Choose another version, or leave "
    "the field empty for ours."
)
# The beginning of a field of our mutation -> (code, what to do) when it has `userErrors`.
USER_ERRORS: Mapping[str, tuple[str, str]] = {
    "event": ("no_fulfilment", "Shopify refuses the entry for this fulfilment. Look at it there."),
    "added": ("tags", "Shopify refuses the tag. Make the beginning of our tags shorter."),
    "removed": ("tags", "Shopify does not take the old tag off the order. Look at it there."),
    "note": ("note", "Shopify refuses the note. It may be too long."),
    "metafield": (
        "metafield",
        "Shopify refuses the metafield. A definition there may ask for another type.",
    ),
}
# Of the token endpoint: the word in the answer -> what to do.
TOKEN_ERRORS: Mapping[str, str] = {
    "shop_not_permitted": (
        "Shopify gives such tokens only for shops of the organisation that owns the app. "
        "Use an access token instead."
    ),
    "app_not_installed": "The app is not installed in this shop. Install it.",
    "application_cannot_be_found": "Shopify knows no app with this client ID. Copy it again.",
    "invalid_client": "Shopify does not accept the client secret. Copy it again.",
}


def data_of(response: Response, fetched: bool = False) -> dict[str, Any]:
    """`data` of an answer; raises SendError for all that is no success.

    `fetched`: the token was fetched, so that another one may help.
    """
    if not response.ok:
        raise by_status(response, fetched)
    body = part(response.json())
    errors = body.get("errors")
    if errors:
        raise by_code(body, errors)
    return part(body.get("data"))


def by_status(response: Response, fetched: bool) -> SendError:
    """What the status says. The body of such an answer is one sentence for developers."""
    status = response.status
    if status == 401 and fetched:
        return AccessRefused()
    kind, hint = STATUSES.get(status, (kind_of_status(status), ""))
    return SendError(kind, str(status), hint, response.retry_after)


def by_code(body: Mapping[str, Any], errors: Any) -> SendError:
    """What the first error of an answer with the status 200 says."""
    first = part(errors[0]) if isinstance(errors, list) else {}
    code = text_of(part(first, "extensions").get("code"), 60)
    if code in SCHEMA:
        return SendError(FailureKind.MISCONFIGURED, code, SCHEMA_HINT)
    refused = (FailureKind.CONTENT_REJECTED, "Shopify refuses the request.")
    kind, hint = CODES.get(code, refused)
    wait = wait_of(body) if kind is FailureKind.THROTTLED else None
    return SendError(kind, code or "errors", hint, wait)


def wait_of(body: Mapping[str, Any]) -> float | None:
    """Seconds until the allowance holds what the call needs; None where Shopify does not say."""
    cost = part(body, "extensions", "cost")
    status = part(cost, "throttleStatus")
    needed, held = number(cost.get("requestedQueryCost")), number(status.get("currentlyAvailable"))
    rate = number(status.get("restoreRate"))
    if needed is None or held is None or not rate or rate < 0:
        return None
    return max(1.0, round((needed - held) / rate, 1))


def number(value: Any) -> float | None:
    """`value` as a number; None for others, truth values too."""
    counts = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if counts else None


def refusals(data: Mapping[str, Any]) -> SendError | None:
    """What `userErrors` of a mutation mean. Their words may quote the order: they are not kept."""
    for name, answer in data.items():
        errors = part(answer).get("userErrors")
        if isinstance(errors, list) and errors:
            code, hint = USER_ERRORS.get(
                name.rstrip("0123456789"),
                ("userErrors", "Shopify refuses to write this on the order."),
            )
            return SendError(FailureKind.CONTENT_REJECTED, code, hint)
    return None


def token_failure(response: Response) -> SendError:
    """Why there is no token. Shopify answers with JSON or with a page, by the cause."""
    said = response.body[:4096].decode("utf-8", "replace").lower()
    for word, hint in TOKEN_ERRORS.items():
        if word in said:
            return SendError(FailureKind.MISCONFIGURED, word, hint)
    status = response.status
    kind = FailureKind.MISCONFIGURED if status in (400, 404) else kind_of_status(status)
    hint = "Shopify gives no token. Check shop, client ID and client secret."
    return SendError(kind, str(status), hint, response.retry_after)
