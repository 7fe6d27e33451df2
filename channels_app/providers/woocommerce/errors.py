"""What WooCommerce's answers mean: by its own code, then by the status."""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import part, text_of

KEY = (
    FailureKind.MISCONFIGURED,
    "The shop does not accept the key. Make a new one with Read/Write for a shop manager.",
)
NO_ORDER = (FailureKind.CONTENT_REJECTED, "The shop has no order with this number any more.")
NO_ROUTE = (
    FailureKind.MISCONFIGURED,
    "WooCommerce does not answer at this address. Check the site and how its links look.",
)
# `code` of an error -> (kind, what to do)
CODES: Mapping[str, tuple[FailureKind, str]] = {
    "woocommerce_rest_authentication_error": KEY,
    "woocommerce_rest_authentication_missing_parameter": KEY,
    "woocommerce_rest_cannot_view": KEY,
    "woocommerce_rest_cannot_create": KEY,
    "woocommerce_rest_cannot_edit": KEY,
    "woocommerce_rest_order_invalid_id": NO_ORDER,
    "woocommerce_rest_shop_order_invalid_id": NO_ORDER,
    "rest_no_route": NO_ROUTE,
    "rest_disabled": NO_ROUTE,
    "rest_invalid_param": (
        FailureKind.CONTENT_REJECTED,
        "The shop does not know this status. Correct the channel's list of statuses.",
    ),
    "rest_missing_callback_param": (
        FailureKind.CONTENT_REJECTED,
        "The shop misses something in the request. A plug-in may ask for more.",
    ),
    # Nothing was written, or a repeat will find it.
    "woocommerce_api_cannot_create_order_note": (
        FailureKind.TRANSIENT,
        "The shop could not save the note.",
    ),
    "internal_server_error": (FailureKind.TRANSIENT, "A plug-in of the shop broke down."),
}
STATUSES: Mapping[int, tuple[FailureKind, str]] = {
    401: KEY,
    403: (
        FailureKind.MISCONFIGURED,
        "The shop, or a firewall before it, refuses us. Let our address pass, or check the key.",
    ),
    404: NO_ROUTE,
    405: NO_ROUTE,
    410: NO_ROUTE,
    429: (FailureKind.THROTTLED, "The shop's host asks us to slow down."),
    503: (FailureKind.TRANSIENT, "The shop is in maintenance, or too busy."),
}
MOVED = "The site answers from another address. Write it as the browser shows it, with www or not."


def answer_of(response: Response) -> Any:
    """The answer's JSON; raises SendError for all that is no success."""
    if not response.ok:
        raise failure(response)
    return response.json()


def failure(response: Response) -> SendError:
    """What an error means. Its message may quote the request, so it is not kept."""
    status, code = response.status, code_of(response)
    if 300 <= status < 400:
        return SendError(FailureKind.MISCONFIGURED, str(status), MOVED)
    known = CODES.get(code) or STATUSES.get(status) or (kind_of_status(status), "")
    return SendError(known[0], code or str(status), known[1], response.retry_after)


def code_of(response: Response) -> str:
    """WordPress's own code; empty where a page of the web server answers."""
    try:
        return text_of(part(response.json()).get("code"), 60)
    except SendError:
        return ""
