"""The key of SendGrid's event webhook: P-256, written as base64 DER."""

from base64 import b64decode
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key


class BadKey(ValueError):
    """A text that is no such key."""


@lru_cache(maxsize=64)
def public_key(text: str) -> EllipticCurvePublicKey:
    """The key in `text`, as SendGrid's settings page shows it; raises BadKey."""
    try:
        key = load_der_public_key(b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise BadKey("This is no verification key. Copy it whole from SendGrid's webhook settings.")
    return key
