"""Pusher's three signatures: of our requests, of a visitor's subscription, of its own webhooks."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

VERSION = "1.0"


def digest(secret: str, signed: bytes) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def signed_query(
    key: str, secret: str, method: str, path: str, body: bytes, at: int
) -> dict[str, str]:
    """The query that proves a request: who, when, what, and the signature over all that."""
    query = {"auth_key": key, "auth_timestamp": str(at), "auth_version": VERSION}
    if body:
        query["body_md5"] = checksum(body)
    return {**query, "auth_signature": query_signature(secret, method, path, query)}


def query_signature(secret: str, method: str, path: str, query: Mapping[str, str]) -> str:
    """The signature over method, path and the query, sorted and not encoded."""
    pairs = sorted((name.lower(), value) for name, value in query.items())
    words = "&".join(f"{name}={value}" for name, value in pairs)
    return digest(secret, f"{method}\n{path}\n{words}".encode())


def checksum(body: bytes) -> str:
    """What Pusher wants to know of the body; the signature is what protects it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def signed_url(base: str, path: str, query: Mapping[str, str]) -> str:
    """The address of a signed request. None of its values needs to be encoded."""
    return f"{base}{path}?{urlencode(query)}"


def subscription(key: str, secret: str, socket_id: str, channel: str) -> str:
    """What lets one connection listen to one private channel."""
    return f"{key}:{digest(secret, f'{socket_id}:{channel}'.encode())}"
