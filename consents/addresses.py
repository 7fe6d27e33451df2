"""One way to write each address, and the keyed digest by which consent knows it."""

import re
import unicodedata

from channels_app import registry
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
# What WhatsApp calls somebody who hides their number: a country, and an id that it made.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")


def family_of(kind: str) -> str:
    """The family of channel that reaches an address of `kind`; "*" when nobody knows it.

    People of a provider that gives them ids of its own are known by that provider's slug.
    """
    if kind in FAMILY_OF_KIND:
        return str(FAMILY_OF_KIND[kind])
    return str(registry.provider_class(kind).family) if kind in registry.slugs() else "*"


def is_personal(kind: str) -> bool:
    """Whether addresses of `kind` belong to people, not to rooms and machines."""
    if kind in FAMILY_OF_KIND:
        return kind not in (AddressKind.URL, AddressKind.ROOM)
    return kind in registry.slugs() and registry.provider_class(kind).address == kind


def personal_kinds() -> list[str]:
    """Every kind of address that people have. Loads all providers."""
    return [kind for kind in (*map(str, FAMILY_OF_KIND), *registry.slugs()) if is_personal(kind)]


def is_number(address: str) -> bool:
    """Whether an address of kind phone can be dialled: WhatsApp also knows ids."""
    return address.startswith("+")


def normalise(kind: str, address: str, region: str = "US") -> str:
    """`address` in its one form, or empty when it is not an address of this kind."""
    clean = "".join(c for c in address if unicodedata.category(c)[0] != "C").strip()
    if not clean or len(clean) > MAX_LENGTH:
        return ""
    if kind == AddressKind.PHONE:
        return e164(clean, region) or (clean if _USER_ID.fullmatch(clean) else "")
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
