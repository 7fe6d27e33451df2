"""Keys of Web Push: VAPID (RFC 8292), and encryption for one browser (RFC 8291)."""

import hashlib
import hmac
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

import http_ece  # type: ignore[import-untyped]
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

CURVE = ec.SECP256R1()
TOKEN_RENEWED = 3600  # seconds: one token per key and origin and hour
TOKEN_VALID = 12 * 3600  # Apple refuses more than a day


def encode64(value: bytes) -> str:
    """URL-safe base64 without padding, as every part of Web Push writes bytes."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decode64(text: str) -> bytes:
    """The bytes behind base64 of either alphabet, padded or not; ValueError for anything else."""
    plain = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    value = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    if encode64(value) != plain:
        raise ValueError("This is not base64.")
    return value


@lru_cache(maxsize=64)
def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """A P-256 private key from PEM or from 32 bytes in base64url; ValueError for anything else."""
    if "-----BEGIN" in text:
        try:
            key = load_pem_private_key(text.encode(), password=None)
        except (TypeError, UnsupportedAlgorithm):
            raise ValueError("The key is protected by a password, or of a strange kind.") from None
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == CURVE.name:
            return key
        raise ValueError("The key is not on the curve P-256.")
    raw = decode64(text)
    if len(raw) != 32:
        raise ValueError("A raw key has 32 bytes.")
    return ec.derive_private_key(int.from_bytes(raw), CURVE)


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public point of `key`, 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def application_server_key(vapid_private_key: str) -> str:
    """What a browser needs to subscribe: our public key, for `pushManager.subscribe`."""
    return encode64(public_bytes(private_key(vapid_private_key)))


def new_vapid_key() -> str:
    """A new VAPID private key, 32 bytes in base64url."""
    return raw_private(ec.generate_private_key(CURVE))


def raw_private(key: ec.EllipticCurvePrivateKey) -> str:
    """`key` as 32 bytes in base64url."""
    return encode64(key.private_numbers().private_value.to_bytes(32))


def derived_key(label: str) -> ec.EllipticCurvePrivateKey:
    """A key that follows from `label` alone: for the demo and the sandbox, never for real use."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    seed = hashlib.sha512(label.encode()).digest()
    return ec.derive_private_key(int.from_bytes(seed) % (order - 1) + 1, CURVE)


def authorization(vapid_private_key: str, subject: str, origin: str, now: float) -> str:
    """The Authorization header for push services at `origin`; the same for an hour."""
    return _authorization(vapid_private_key, subject, origin, int(now // TOKEN_RENEWED))


@lru_cache(maxsize=512)
def _authorization(vapid_private_key: str, subject: str, origin: str, hour: int) -> str:
    key = private_key(vapid_private_key)
    claims = {"aud": origin, "exp": hour * TOKEN_RENEWED + TOKEN_VALID, "sub": subject}
    text = ".".join(_json64(value) for value in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{text}.{encode64(r.to_bytes(32) + s.to_bytes(32))}"
    return f"vapid t={token},k={encode64(public_bytes(key))}"


def _json64(value: object) -> str:
    return encode64(json.dumps(value, separators=(",", ":")).encode())


def receiver_key(p256dh: str) -> bytes:
    """The browser's public point, checked: 65 bytes, uncompressed, on P-256; else ValueError."""
    point = decode64(p256dh)
    if len(point) != 65 or point[0] != 4:
        raise ValueError("The key p256dh is not an uncompressed point.")
    ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
    return point


def receiver_secret(auth: str) -> bytes:
    """The browser's authentication secret, checked: 16 bytes; else ValueError."""
    secret = decode64(auth)
    if len(secret) != 16:
        raise ValueError("The key auth does not have 16 bytes.")
    return secret


def fresh_entropy() -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """A salt and a private key, used for one message only."""
    return os.urandom(16), ec.generate_private_key(CURVE)


def encrypt(
    content: bytes,
    receiver: bytes,
    secret: bytes,
    entropy: tuple[bytes, ec.EllipticCurvePrivateKey],
) -> bytes:
    """`content` as only the browser can read it, in one aes128gcm record.

    pywebpush encrypts with http_ece. Called directly it takes our salt and key, and the start of
    the program is spared the two HTTP clients that pywebpush imports.
    """
    salt, key = entropy
    body: bytes = http_ece.encrypt(
        content, salt=salt, private_key=key, dh=receiver, auth_secret=secret, version="aes128gcm"
    )
    return body


def receipt_token(receipt_secret: str, ref: str) -> str:
    """Proof that whoever reports on `ref` has read the message."""
    mac = hmac.new(receipt_secret.encode(), b"push-receipt:" + ref.encode(), hashlib.sha256)
    return encode64(mac.digest()[:18])
