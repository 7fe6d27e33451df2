"""Unguessable parts of addresses."""

import secrets as random_secrets


def new_key() -> str:
    """An unguessable URL part: 32 letters and digits, 160 bits and more."""
    return random_secrets.token_hex(20)


def new_token() -> str:
    """An unguessable name for a public page: 20 characters, short enough for an SMS."""
    return random_secrets.token_urlsafe(15)
