"""What can be written on a WooCommerce order: a note, or a status of the shop."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire.markup import escape
from channels_app.wire.reading import id_of, part, text_of

SOURCE = "woocommerce"
KINDS = ("note", "customer_note", "status")
ORDER_ID = re.compile(r"[0-9]{1,20}")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
# Where an order can be, in our words.
STATUSES = frozenset(
    {
        "placed",
        "confirmed",
        "preparing",
        "ready",
        "out_for_delivery",
        "delivered",
        "picked_up",
        "cancelled",
        "refunded",
    }
)
# WooCommerce has one good end. All else moves stock or mails, so the operator writes it down.
STATUS_MAP: Mapping[str, str] = {"delivered": "completed", "picked_up": "completed"}
# An order that the shop has given up is not brought back from outside.
GIVEN_UP = frozenset({"cancelled", "refunded", "trash"})
# A note is ours when it was made after what it tells about; clocks are read to the second.
CLOCK_SLACK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a message wants to have on its order. Empty members are not to be touched."""

    order: str
    note: str = ""
    mailed: bool = False  # WooCommerce mails the note to the customer
    since: datetime | None = None
    slug: str = ""


def wanted(message: Message, status_map: Mapping[str, str]) -> Wanted:
    """What `message` is to write; raises SendError when that can never be written."""
    kinds = kinds_of(message.to)
    order = part(message.data, "order")
    mailed = "customer_note" in kinds
    return Wanted(
        order=order_id(order),
        note=note_text(message) if mailed or "note" in kinds else "",
        mailed=mailed,
        since=moment(message.data.get("occurred_at")),
        slug=slug_for(order, status_map) if "status" in kinds else "",
    )


def kinds_of(to: str) -> frozenset[str]:
    """The words of a destination, as in "note, status"."""
    words = frozenset(re.split(r"[\s,+]+", to.strip().lower()))
    if not words <= set(KINDS) or {"note", "customer_note"} <= words:
        raise SendError(
            FailureKind.RECIPIENT_INVALID,
            "destination",
            "A WooCommerce destination is note (for staff), customer_note (mailed by the shop) or "
            "status; or one of the notes with status. Correct it.",
        )
    return words


def order_id(order: Mapping[str, Any]) -> str:
    """The order's number in the shop; only for an order that came from WooCommerce."""
    if text_of(order.get("source")) != SOURCE:
        raise rejected(
            "other_source",
            "The order did not come from WooCommerce, so the shop has no order to write on. "
            "Let the rule look at WooCommerce's orders only.",
        )
    found = id_of(order.get("external_id"))
    if not ORDER_ID.fullmatch(found):
        raise rejected("no_order", "The order has no id of the shop's, so it cannot be found.")
    return found


def note_text(message: Message) -> str:
    """The sentence as literal text: the shop shows notes as HTML."""
    if not message.text.strip():
        raise rejected("no_text", "The text is empty, so there is nothing to note.")
    return escape(message.text.strip())


def slug_for(order: Mapping[str, Any], status_map: Mapping[str, str]) -> str:
    """The shop's status for ours."""
    slug = status_map.get(text_of(order.get("status")), "")
    if not slug:
        raise rejected(
            "no_slug",
            "The channel's list of statuses says nothing of this one. Add it there, or let the "
            "rule of this destination leave it out.",
        )
    return slug


def note_in(want: Wanted, notes: list[Any]) -> str | None:
    """The id of the note that says the same, of the same kind and not from before; else None."""
    for note in map(part, notes):
        at = moment(note.get("date_created_gmt"))
        new = want.since is None or at is None or at >= want.since - CLOCK_SLACK
        same = plain(text_of(note.get("note"), 65_536)) == plain(want.note)
        if new and same and (note.get("customer_note") is True) == want.mailed:
            return id_of(note.get("id"))
    return None


def plain(note: str) -> str:
    """The words of a note, whatever the shop did to its entities and spaces."""
    return " ".join(html.unescape(note).split())


def needs_status(want: Wanted, order: Mapping[str, Any]) -> bool:
    """Whether `order` has another status; raises SendError when it was given up in the shop."""
    now = slug_of(order)
    if now in GIVEN_UP and now != want.slug:
        raise rejected(
            "given_up",
            "The order was cancelled, refunded or thrown away in the shop. Its status stays.",
        )
    return now != want.slug


def slug_of(order: Mapping[str, Any]) -> str:
    """The order's status, without the prefix that the database uses."""
    return text_of(order.get("status"), 80).lower().removeprefix("wc-")


def parse_map(text: str) -> dict[str, str]:
    """Our status -> the shop's, from lines such as "ready = ready-for-pickup".

    Raises ValueError with the line that cannot be read.
    """
    found: dict[str, str] = {}
    for line in re.split(r"[\n,;]", text):
        if not line.strip():
            continue
        ours, equals, theirs = (word.strip().lower() for word in line.partition("="))
        slug = theirs.removeprefix("wc-")
        if not equals or ours not in STATUSES or ours in found or not SLUG.fullmatch(slug):
            raise ValueError(line.strip())
        found[ours] = slug
    return found


def rejected(code: str, detail: str) -> SendError:
    """This message can never be written; another route may take it."""
    return SendError(FailureKind.CONTENT_REJECTED, code, detail)


def moment(value: Any) -> datetime | None:
    """An ISO 8601 text as a time; WooCommerce's `_gmt` times are UTC without saying so."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
