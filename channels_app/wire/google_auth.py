"""A service account of Google: its key file, the signed assertion, the token it is traded for.

Used by Firebase Cloud Messaging and by Google Chat. The token lasts an hour.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ValidationError

from channels_app.contract import Access, Request, Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import json_object, object_in, text_of

# The only place that ever gets an assertion, whatever `token_uri` a key file names.
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LASTS = 3600  # seconds: the longest that Google allows
LARGEST_FILE = 20_000
SMALLEST_KEY = 2048  # bits
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
# Words of the token endpoint that pass by themselves; every other one is about the account.
_PASSES: Mapping[str, FailureKind] = {
    "internal_failure": FailureKind.TRANSIENT,
    "server_error": FailureKind.TRANSIENT,
    "temporarily_unavailable": FailureKind.TRANSIENT,
    "rate_limit_exceeded": FailureKind.THROTTLED,
    "slow_down": FailureKind.THROTTLED,
}
_HINTS: Mapping[str, str] = {
    "invalid_grant": "Google refuses the service account's key. Was it deleted? If not, check "
    "that this server's clock is right.",
    "invalid_client": "Google does not know the service account. Paste a new key file.",
    "deleted_client": "The service account was deleted. Make a new one, and paste its key file.",
    "disabled_client": "The service account is switched off. Switch it on at Google Cloud.",
    "unauthorized_client": "The service account may not ask for this right.",
    "invalid_scope": "The service account may not ask for this right.",
    "access_denied": "The organisation's rules forbid this service account.",
}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What we need of a key file."""

    email: str
    key_id: str
    project: str
    pem: str


@lru_cache(maxsize=64)
def service_account(key_file: str) -> ServiceAccount:
    """The account in the text of a key file; ValueError with a sentence for anything else."""
    if len(key_file) > LARGEST_FILE:
        raise ValueError("This is longer than a key file ever is.")
    try:
        value = json_object(key_file.encode())
    except ValueError:
        raise ValueError(
            "This is not a key file. Paste the whole content of the JSON file."
        ) from None
    if value.get("type") != "service_account":
        raise ValueError("This is not the key file of a service account.")
    if value.get("universe_domain", "googleapis.com") != "googleapis.com":
        raise ValueError("This key file belongs to another cloud than Google's public one.")
    names = ("client_email", "private_key_id", "project_id", "private_key")
    parts = [text_of(value.get(name), LARGEST_FILE) for name in names]
    if not all(parts):
        raise ValueError("The key file is not complete. Download a new one.")
    private_key(parts[3])
    return ServiceAccount(*parts)


@lru_cache(maxsize=64)
def private_key(pem: str) -> RSAPrivateKey:
    """The RSA key in `pem`; ValueError for anything else."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("The private key in the key file cannot be read.") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < SMALLEST_KEY:
        raise ValueError("The private key in the key file is not an RSA key of 2,048 bits.")
    return key


def a_key_file(value: str) -> None:
    """For forms: refuse what is not the key file of a service account."""
    try:
        service_account(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def assertion(account: ServiceAccount, scope: str, now: datetime) -> str:
    """What the account signs to get a token: who it is, what for, and for how long."""
    issued = int(now.timestamp())
    claims = {
        "iss": account.email,
        "scope": scope,
        "aud": TOKEN_URL,
        "iat": issued,
        "exp": issued + LASTS,
    }
    head = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
    signed = f"{_json64(head)}.{_json64(claims)}"
    signature = private_key(account.pem).sign(signed.encode(), PKCS1v15(), hashes.SHA256())
    return f"{signed}.{encode64(signature)}"


def token_request(key_file: str, scope: str, now: datetime, url: str = TOKEN_URL) -> Request:
    """The request that trades an assertion for a token; `url` is another one at a stand-in."""
    signed = assertion(service_account(key_file), scope, now)
    return Request.form(url, {"grant_type": GRANT, "assertion": signed})


def token(response: Response, now: datetime) -> Access:
    """The token in the answer; raises SendError. Nothing was sent, so nothing is UNKNOWN."""
    answer = object_in(response.body)
    if not response.ok:
        raise _refused(response, answer)
    given, seconds = text_of(answer.get("access_token"), 8192), answer.get("expires_in", LASTS)
    if not _TOKEN.fullmatch(given) or type(seconds) is not int or not 0 < seconds <= 2 * LASTS:
        raise SendError(FailureKind.TRANSIENT, "token", "Google's answer holds no usable token.")
    return Access(given, now + timedelta(seconds=seconds))


def bearer(access: Access | None) -> dict[str, str]:
    """The header that carries the token."""
    if access is None:
        raise SendError(
            FailureKind.TRANSIENT, "token", "There is no token of Google yet. It is fetched first."
        )
    return {"Authorization": f"Bearer {access.token}"}


def encode64(value: bytes) -> str:
    """URL-safe base64 without padding, as tokens write bytes."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _json64(value: Any) -> str:
    return encode64(json.dumps(value, separators=(",", ":")).encode())


def _refused(response: Response, answer: Mapping[str, Any]) -> SendError:
    """Why there is no token. All but a few words mean that somebody must look."""
    word = text_of(answer.get("error"), 60)
    kind = _PASSES.get(word) or kind_of_status(response.status)
    if kind is FailureKind.CONTENT_REJECTED:
        kind = FailureKind.MISCONFIGURED
    detail = _HINTS.get(word) or "Google gives no token for the service account."
    return SendError(kind, word or str(response.status), detail, response.retry_after)
