"""Where a source's signing secret comes from: most platforms show theirs, others take ours."""

import secrets

from orders import rotation

# These make the secret themselves and show it in their own settings.
SHOWN_THERE = frozenset(
    {
        "clover",
        "deliverect",
        "deliveroo",
        "hubspot",
        "olo",
        "otter",
        "shopify",
        "square",
        "toast",
        "uber_direct",
        "uber_eats",
        "zendesk",
    }
)
# These want a word of their own before it.
PREFIXES = {"doordash_drive": "Basic "}
STANDARD = frozenset({"generic"})  # signs as Standard Webhooks say


def shown_there(source: str) -> bool:
    """Whether the platform shows a secret that is pasted here."""
    return source in SHOWN_THERE


def made(source: str) -> str:
    """A new secret in the form that the platform takes: letters and digits, where it is fussy."""
    if source in STANDARD:
        return rotation.new_secret()
    return PREFIXES.get(source, "") + secrets.token_hex(32)
