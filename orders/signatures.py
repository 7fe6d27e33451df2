"""One verifier for all the ways in which senders sign: a table, and the code that reads it.

A `Scheme` says which header holds the signature, how it is made (an HMAC over a
text built from the request) and how it is written. Whatever is missing, empty or
misconfigured is a refusal.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orders.contract import BadSignature, Raw
from orders.parsing import timestamp

Keys = Callable[[str], Sequence[bytes]]

MAX_SIGNATURES = 20
STANDARD_TOLERANCE_SECONDS = 300
ALGORITHMS = ("sha256", "sha512")
ENCODINGS = ("base64", "hex")
PLACEHOLDERS = ("body", "timestamp", "id", "url", "method")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


def utf8_key(secret: str) -> Sequence[bytes]:
    """The secret's own bytes."""
    return [secret.encode("utf-8", "surrogatepass")] if secret else []


_ENTITIES = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    **{f"&#{code};": chr(code) for code in (34, 38, 39, 60, 62)},
    **{f"&#x{code:x};": chr(code) for code in (34, 38, 39)},
}
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#0*(?:34|38|39|60|62)|#[xX]0*(?:22|26|27));")


def wordpress_key(secret: str) -> Sequence[bytes]:
    """The secret as WordPress uses it: HTML entities decoded once, quotes included."""

    def plain(match: re.Match[str]) -> str:
        canonical = re.sub(r"(#x?)0+", r"\1", match[0].lower())
        return _ENTITIES[canonical]

    return utf8_key(_ENTITY.sub(plain, secret))


def standard_key(secret: str) -> Sequence[bytes]:
    """Keys of a Standard Webhooks secret: base64 after `whsec_`.

    A secret without that mark may be meant as text or as base64, so either
    counts, the second only when it is at least 16 bytes.
    """
    if secret.startswith("whsec_"):
        return [key for key in [_base64(secret.removeprefix("whsec_"))] if key]
    decoded = _base64(secret)
    return [*utf8_key(secret), *([decoded] if len(decoded) >= 16 else [])]


def _base64(value: str) -> bytes:
    """What `value` encodes, padded or not; b"" when it is not base64."""
    try:
        return base64.b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4), None, True)
    except (binascii.Error, ValueError):
        return b""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one kind of sender signs. Header names in lower case; the first one present counts."""

    headers: Sequence[str]
    algorithm: str = "sha256"
    encoding: str = "base64"
    prefix: str = ""
    template: str = "{body}"
    timestamp_headers: Sequence[str] = ()
    id_headers: Sequence[str] = ()
    tolerance_seconds: int | None = None
    several: bool = False  # the header holds several signatures, separated by spaces
    keys: Keys = utf8_key


SHOPIFY = Scheme(headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256"))
WOOCOMMERCE = Scheme(headers=("x-wc-webhook-signature",), keys=wordpress_key)
STANDARD = Scheme(
    headers=("webhook-signature",),
    prefix="v1,",
    template="{id}.{timestamp}.{body}",
    timestamp_headers=("webhook-timestamp",),
    id_headers=("webhook-id",),
    tolerance_seconds=STANDARD_TOLERANCE_SECONDS,
    several=True,
    keys=standard_key,
)
SCHEMES: Mapping[str, Scheme] = {
    "shopify": SHOPIFY,
    "woocommerce": WOOCOMMERCE,
    "standard": STANDARD,
}


def verify(scheme: Scheme, raw: Raw, secrets: Sequence[str], now: datetime | None = None) -> None:
    """Raise BadSignature unless `raw` was signed with one of `secrets`.

    `now` is when the request arrived; without it, `raw.received_at`, then the clock.
    """
    given = _given(scheme, raw)
    keys = [key for secret in secrets for key in scheme.keys(secret) if secret]
    if not keys:
        raise BadSignature("The connection has no signing secret. Set one, then send again.")
    _check_age(scheme, raw, now or raw.received_at or datetime.now(UTC))
    text = signed_text(scheme, raw)
    expected = [_written(scheme, key, text) for key in keys]
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]
    if not any(matches):
        raise BadSignature("The signature does not fit the body and the connection's secret.")


def sign(scheme: Scheme, raw: Raw, secret: str) -> str:
    """The signature that `scheme` puts into its header for `raw`."""
    keys = scheme.keys(secret)
    if not keys:
        raise BadSignature("An empty or unreadable secret signs nothing.")
    return _written(scheme, keys[0], signed_text(scheme, raw)).decode()


def sign_standard(secret: str, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a Standard Webhooks request, names in lower case."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(sent_at.timestamp()))}
    return {**headers, "webhook-signature": sign(STANDARD, Raw(headers, body), secret)}


def signed_text(scheme: Scheme, raw: Raw) -> bytes:
    """The bytes that the signature covers."""
    values = {
        "body": raw.body,
        "timestamp": wire(header(raw, scheme.timestamp_headers)),
        "id": wire(header(raw, scheme.id_headers)),
        "url": wire(raw.url),
        "method": wire(raw.method.upper()),
    }
    parts = _PLACEHOLDER.split(scheme.template)
    pieces = [values[part] if n % 2 else part.encode() for n, part in enumerate(parts)]
    return b"".join(pieces)


def verify_token(given: str, secrets: Sequence[str]) -> None:
    """Raise BadSignature unless `given` is one of `secrets`, compared in constant time."""
    known = [secret.encode("utf-8", "surrogatepass") for secret in secrets if secret]
    if not known:
        raise BadSignature("The connection has no secret. Set one, then send again.")
    offered = wire(given.strip())
    matches = [hmac.compare_digest(offered, secret) for secret in known]
    if not any(matches):
        raise BadSignature("The token is not the connection's secret.")


def bearer(raw: Raw) -> str:
    """The token after `Authorization: Bearer`, or ""."""
    kind, _, token = raw.headers.get("authorization", "").strip().partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def header(raw: Raw, names: Sequence[str]) -> str:
    """The value of the first of `names` that `raw` has, without surrounding blanks."""
    return next((raw.headers[name].strip() for name in names if raw.headers.get(name)), "")


def wire(value: str) -> bytes:
    """The bytes of a header as they were sent: servers hand them over as Latin-1."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


# -- a sender that the operator describes ------------------------------------------------------


def scheme_from_settings(settings: Mapping[str, Any]) -> Scheme:
    """The scheme that a connection's settings describe. Raises BadSignature when they make none."""
    scheme = Scheme(
        headers=_names(settings, "signature_header"),
        algorithm=_choice(settings, "signature_algorithm", ALGORITHMS),
        encoding=_choice(settings, "signature_encoding", ENCODINGS),
        prefix=str(settings.get("signature_prefix") or ""),
        template=_template(settings),
        timestamp_headers=_names(settings, "timestamp_header"),
        id_headers=_names(settings, "id_header"),
        tolerance_seconds=_tolerance(settings),
    )
    if not scheme.headers:
        raise BadSignature("Set signature_header: the header that holds the signature.")
    if scheme.tolerance_seconds is not None and not scheme.timestamp_headers:
        raise BadSignature("tolerance_seconds needs timestamp_header.")
    return scheme


def _names(settings: Mapping[str, Any], name: str) -> Sequence[str]:
    value = str(settings.get(name) or "").strip().lower()
    return (value,) if value else ()


def _choice(settings: Mapping[str, Any], name: str, choices: Sequence[str]) -> str:
    value = str(settings.get(name) or choices[0]).lower()
    if value not in choices:
        raise BadSignature(f"{name} must be one of {', '.join(choices)}.")
    return value


def _template(settings: Mapping[str, Any]) -> str:
    template = str(settings.get("signature_template") or "{body}")
    used = _PLACEHOLDER.findall(template)
    if "body" not in used or not set(used) <= set(PLACEHOLDERS):
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise BadSignature(f"signature_template must hold {{body}}, and may hold {known}.")
    return template


def _tolerance(settings: Mapping[str, Any]) -> int | None:
    value = settings.get("tolerance_seconds")
    if value in (None, "", 0):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadSignature("tolerance_seconds must be a whole number of seconds.")
    return value


# -- the steps of verify ------------------------------------------------------------------------


def _given(scheme: Scheme, raw: Raw) -> Sequence[bytes]:
    value = header(raw, scheme.headers)
    if not value:
        raise BadSignature(f"The header {scheme.headers[0]} is missing or empty.")
    return [wire(one) for one in (value.split() if scheme.several else [value])][:MAX_SIGNATURES]


def _check_age(scheme: Scheme, raw: Raw, now: datetime) -> None:
    if "{id}" in scheme.template and not header(raw, scheme.id_headers):
        raise BadSignature("The header with the message's id is missing or empty.")
    stamp = header(raw, scheme.timestamp_headers)
    if "{timestamp}" in scheme.template and not stamp:
        raise BadSignature("The header with the time of sending is missing or empty.")
    if scheme.tolerance_seconds is None:
        return
    sent = timestamp(stamp)
    if sent is None or abs((now - sent).total_seconds()) > scheme.tolerance_seconds:
        raise BadSignature("The time of sending is missing, unreadable or too far from now.")


def _written(scheme: Scheme, key: bytes, text: bytes) -> bytes:
    digest = hmac.new(key, text, getattr(hashlib, scheme.algorithm)).digest()
    encoded = digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()
    return wire(scheme.prefix + encoded)
