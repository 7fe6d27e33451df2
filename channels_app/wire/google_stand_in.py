"""Google's token endpoint, as the stand-ins play it: it really checks who signed.

A token names its account and its end under a mark that only this process can make, so that
nothing has to be remembered.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels_app.sandbox.contract import Call, Reply
from channels_app.wire.google_auth import (
    GRANT,
    LASTS,
    TOKEN_URL,
    ServiceAccount,
    encode64,
    private_key,
    service_account,
)
from channels_app.wire.reading import json_object, text_of

JSON = {"content-type": "application/json; charset=UTF-8"}
CLOCKS_DIFFER = 60  # seconds
_MARK = secrets.token_bytes(32)


class NoToken(Exception):
    """The token endpoint's word, and what it adds."""

    def __init__(self, word: str, said: str) -> None:
        super().__init__(said)
        self.word = word
        self.said = said


def demo_key_file(project: str) -> str:
    """The key file of a service account that exists nowhere, with a new key."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": project,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem,
            "client_email": f"demo@{project}.iam.gserviceaccount.com",
            "token_uri": TOKEN_URL,
        }
    )


def accounts_in(key_files: Iterable[str]) -> list[ServiceAccount]:
    """The accounts whose key files can be read."""
    found = []
    for text in key_files:
        try:
            found.append(service_account(text))
        except ValueError:
            continue
    return found


def token_reply(call: Call, accounts: Sequence[ServiceAccount], scope: str) -> Reply:
    """The answer to the request for a token."""
    try:
        fields = parse_qs(call.body.decode("utf-8", "replace"), max_num_fields=10)
        if call.method != "POST" or fields.get("grant_type") != [GRANT]:
            raise NoToken("unsupported_grant_type", "Invalid grant_type")
        email = signer(fields.get("assertion", [""])[0], accounts, scope)
    except NoToken as no:
        body = {"error": no.word, "error_description": no.said}
        return Reply(400, json.dumps(body).encode(), JSON)
    answer = {
        "access_token": made(email, int(time.time()) + LASTS, scope),
        "expires_in": LASTS - 1,
        "token_type": "Bearer",
    }
    return Reply(200, json.dumps(answer).encode(), JSON)


def signer(assertion: str, accounts: Sequence[ServiceAccount], scope: str) -> str:
    """Who signed `assertion`; raises NoToken unless it is right and fresh."""
    try:
        head, claims, signature = assertion.split(".")
        said, by = json_object(decoded(claims)), json_object(decoded(head))
    except ValueError:
        raise NoToken("invalid_grant", "Invalid JWT: the assertion cannot be read.") from None
    check_claims(said, scope)
    email = text_of(said.get("iss"), 300)
    ours = [one for one in accounts if one.email == email and one.key_id == by.get("kid")]
    if accounts and not ours:
        raise NoToken("invalid_grant", "Invalid grant: account not found")
    if by.get("alg") != "RS256" or (
        ours and not any(right(one, f"{head}.{claims}", signature) for one in ours)
    ):
        raise NoToken("invalid_grant", "Invalid JWT Signature.")
    return email


def check_claims(said: dict[str, Any], scope: str) -> None:
    """For this endpoint and this right, and within its hour."""
    issued, ends, now = said.get("iat"), said.get("exp"), time.time()
    if said.get("aud") != TOKEN_URL:
        raise NoToken("invalid_grant", "Invalid JWT: Failed audience check.")
    if said.get("scope") != scope:
        raise NoToken("invalid_scope", "The scope is not one of this interface.")
    if type(issued) is not int or type(ends) is not int:
        raise NoToken("invalid_grant", "Invalid JWT: iat and exp are missing.")
    if not (issued <= now + CLOCKS_DIFFER and now < ends <= issued + LASTS):
        raise NoToken(
            "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)."
        )


def right(account: ServiceAccount, signed: str, signature: str) -> bool:
    """Whether `account` made this signature."""
    public = private_key(account.pem).public_key()
    try:
        public.verify(decoded(signature), signed.encode(), PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def made(email: str, ends: int, scope: str) -> str:
    """A token for `email` until `ends`."""
    mark = hmac.new(_MARK, f"{email}|{ends}|{scope}".encode(), hashlib.sha256).hexdigest()
    return f"ya29.{ends}.{encode64(email.encode())}.{mark}"


def holds_token(header: str, accounts: Sequence[ServiceAccount], scope: str) -> bool:
    """Whether the Authorization header carries a token that we gave, to one of `accounts`."""
    scheme, _space, given = header.partition(" ")
    pieces = given.split(".")
    if scheme != "Bearer" or len(pieces) != 4 or not pieces[1].isdecimal():
        return False
    try:
        email, ends = decoded(pieces[2]).decode(), int(pieces[1][:12])
    except ValueError:
        return False
    known = not accounts or email in {one.email for one in accounts}
    ours = made(email, ends, scope).encode()
    return known and time.time() < ends and hmac.compare_digest(ours, given.encode())


def decoded(text: str) -> bytes:
    """The bytes behind URL-safe base64 without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def error_reply(status: int, word: str, said: str, *details: dict[str, Any]) -> Reply:
    """An error in the shape of Google's interfaces."""
    error: dict[str, Any] = {"code": status, "message": said, "status": word}
    if details:
        error["details"] = list(details)
    return Reply(status, json.dumps({"error": error}).encode(), JSON)
