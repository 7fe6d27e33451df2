"""Encryption at rest for secrets, with key rotation: the newest key writes, all keys read."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    """Any text serves as a key: it is hashed to the 32 bytes that Fernet wants."""
    return MultiFernet(
        [Fernet(urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys]
    )


def encrypt(value: Any) -> str:
    """`value` as JSON, encrypted with the newest of CREDENTIAL_KEYS."""
    return _fernet(tuple(settings.CREDENTIAL_KEYS)).encrypt(json.dumps(value).encode()).decode()


def decrypt(token: str) -> Any:
    """The value behind `token`; raises ImproperlyConfigured when no key fits."""
    try:
        return json.loads(_fernet(tuple(settings.CREDENTIAL_KEYS)).decrypt(token.encode()))
    except InvalidToken:
        raise ImproperlyConfigured(
            "A stored secret cannot be read with CREDENTIAL_KEYS. "
            "Put the key that wrote it back at the end of the list."
        ) from None


def digest(value: str) -> str:
    """A keyed hash of `value`: lets us recognise it without keeping it."""
    return hmac.new(settings.DIGEST_KEY.encode(), value.encode(), hashlib.sha256).hexdigest()


def mask(secret: str) -> str:
    """Enough of a secret to recognise it by: its last four characters, if it is long."""
    return f"••••{secret[-4:]}" if len(secret) >= 12 else "••••"


def is_secret(name: str) -> bool:
    """Whether what is called so is never shown."""
    return any(word in name.lower() for word in ("secret", "token", "key", "password"))


class EncryptedJSONField(models.TextField):
    """A JSON value that is only ever stored encrypted."""

    # For type checkers: the value is JSON, not the column's text.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> Any:
        """Encrypted, always."""
        return value if value is None else encrypt(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """The value behind the stored text."""
        return value if value in (None, "") else decrypt(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Fixtures and dumps get the encrypted text, never the secret."""
        return encrypt(self.value_from_object(obj))

    def to_python(self, value: Any) -> Any:
        """As it is: forms hand over values, not texts."""
        return value
