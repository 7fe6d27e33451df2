"""HubSpot's signature, version 3: over method, address as registered, body and time."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orders.contract import BadSignature, Raw
from orders.parsing import text
from orders.signatures import STANDARD_TOLERANCE_SECONDS, Scheme, verify

HUBSPOT = Scheme(
    headers=("x-hubspot-signature-v3",),
    template="{method}{url}{body}{timestamp}",
    timestamp_headers=("x-hubspot-request-timestamp",),
    tolerance_seconds=STANDARD_TOLERANCE_SECONDS,
)
# HubSpot signs an address with these written out, however they were sent.
_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ESCAPE = re.compile("|".join(_DECODED), re.IGNORECASE)


def verify_signature(raw: Raw, secrets: Sequence[str]) -> None:
    """Raise BadSignature unless the app's client secret signed `raw`.

    The older signatures that HubSpot sends along cover no time, so they prove nothing.
    """
    verify(HUBSPOT, replace(raw, url=signed_url(raw)), secrets)


def signed_url(raw: Raw) -> str:
    """The address as HubSpot signs it: as it was registered, a few escapes written out."""
    url = registered(raw.settings) or raw.url
    return _ESCAPE.sub(lambda found: _DECODED[found[0].upper()], url)


def registered(settings: Any) -> str:
    """The address that was given to HubSpot, when it is another than the connection's own."""
    url = text(settings.get("registered_url"), 500)
    if url and not url.startswith("https://"):
        raise BadSignature("registered_url must begin with https://.")
    return url
