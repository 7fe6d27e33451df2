"""One way to write each address, and the keyed digest by which consent knows it."""

import unicodedata

from channels_app.contract import AddressKind, Family
from channels_app.credentials import digest as keyed_digest
from orders.phones import e164

# Consent about a person as a whole (restricted, erased, "stop everything") is kept under this
# kind, with the customer's id for an address.
SUBJECT = "customer"

# The family of channel that an address of a kind is reached by, when nobody says otherwise.
FAMILY_OF_KIND: dict[str, str] = {
    AddressKind.PHONE: Family.SMS,
    AddressKind.EMAIL: Family.EMAIL,
    AddressKind.TELEGRAM: Family.CHAT,
    AddressKind.PUSH: Family.PUSH,
    AddressKind.URL: Family.WEBHOOK,
    AddressKind.ROOM: Family.TEAM,
}
MAX_LENGTH = 600


def normalise(kind: str, address: str, region: str = "US") -> str:
    """`address` in its one form, or empty when it is not an address of this kind."""
    clean = "".join(c for c in address if unicodedata.category(c)[0] != "C").strip()
    if not clean or len(clean) > MAX_LENGTH:
        return ""
    if kind == AddressKind.PHONE:
        return e164(clean, region)
    if kind == AddressKind.EMAIL:
        return _email(clean)
    return clean


def digest(kind: str, address: str, region: str = "US") -> str:
    """The keyed hash of an address. What cannot be normalised is hashed as it came.

    A STOP from a sender that is no proper number must count as well.
    """
    known = normalise(kind, address, region) or address.strip().casefold()
    return keyed_digest(f"{kind}:{known}")


def subject_digest(customer_id: int) -> str:
    """The key under which consent about a whole person is kept."""
    return digest(SUBJECT, str(customer_id))


def _email(text: str) -> str:
    """Lower case throughout, the host in ASCII: no mailbox in use tells Ada from ada."""
    name, at, host = unicodedata.normalize("NFKC", text).strip().lower().rpartition("@")
    if not at or not name or " " in name or len(name) > 64:
        return ""
    try:
        ascii_host = host.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    usable = "." in ascii_host and " " not in ascii_host and len(name) + len(ascii_host) < 254
    return f"{name}@{ascii_host}" if usable else ""
