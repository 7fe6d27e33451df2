"""Bearer tokens of integrators: shown once, kept as a hash."""

import secrets
from collections.abc import Collection
from hashlib import sha256

from orders.models import ApiToken, Brand

RIGHTS = ("read", "events", "write")
PREFIX = "obk_"


def issue(brand: Brand, name: str, rights: Collection[str]) -> tuple[ApiToken, str]:
    """A new token of `brand` and its plain text, which nobody can find out again."""
    unknown = sorted(set(rights) - set(RIGHTS))
    if unknown or not rights:
        raise ValueError(
            f"Rights are some of {', '.join(RIGHTS)}; not {', '.join(unknown) or '-'}."
        )
    plain = PREFIX + secrets.token_hex(20)
    token = ApiToken.objects.create(
        brand=brand,
        name=name,
        digest=digest(plain),
        prefix=plain[:8],
        rights=[right for right in RIGHTS if right in rights],
    )
    return token, plain


def digest(plain: str) -> str:
    """What is stored of a token. It is 160 random bits, so an unsalted hash keeps it safe."""
    return sha256(plain.encode()).hexdigest()
