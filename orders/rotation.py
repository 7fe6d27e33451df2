"""Signing secrets of connections: new ones first, old ones good for a while longer."""

import base64
import secrets
from datetime import datetime, timedelta

from orders.models import SourceConnection

OVERLAP = timedelta(hours=24)


def new_secret() -> str:
    """A secret that every source can take: Standard Webhooks' form, 256 random bits."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def rotate(
    connection: SourceConnection, now: datetime, secret: str = "", overlap: timedelta = OVERLAP
) -> str:
    """Let `connection` sign with a new secret, and with the old ones for `overlap` more. Saves it.

    Returns the new secret: the caller shows it once.
    """
    fresh = secret or new_secret()
    until = (now + overlap).isoformat()
    old = [
        {**entry, "until": min(entry.get("until") or until, until)}
        for entry in connection.secrets
        if entry.get("secret") in connection.valid_secrets(now) and entry["secret"] != fresh
    ]
    connection.secrets = [{"secret": fresh, "until": None}, *old]
    connection.save(update_fields=["secrets"])
    return fresh
