"""An order as a ticket of a help desk: where it goes, what it is called, whom it is about."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire.reading import id_of, list_of, part, text_of

OURS = "orderbell"  # a tag of every ticket that we opened
LONGEST_SUBJECT = 150
LONGEST_NAME = 100
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where new tickets go: ids, of a group for instance, and tags."""

    ids: Mapping[str, int]
    tags: Sequence[str]


def place_of(address: str, fields: Mapping[str, str], tag: re.Pattern[str]) -> Place:
    """What the address of a destination means: `group:1` where `fields` has group, else tags."""
    ids, tags = {}, []
    for word in address.replace(",", " ").split():
        kind, colon, number = word.partition(":")
        if colon and kind in fields and _NUMBER.fullmatch(number):
            ids[fields[kind]] = int(number)
        elif tag.fullmatch(word) and not (colon and kind in fields):
            tags.append(word)
        else:
            known = ", ".join(f"{name}:<id>" for name in fields)
            detail = f"The destination's address is not made of tags, {known}."
            raise SendError(FailureKind.RECIPIENT_INVALID, "destination", detail)
    return Place(ids, tags)


def order_of(message: Message, desk: str) -> str:
    """The id by which the order's ticket is found again; raises SendError without one."""
    order = part(message.data.get("order"))
    found = id_of(order.get("id")) or id_of(order.get("external_id"))
    if not found:
        detail = f"The message is about no order. Send only events of orders to {desk}."
        raise SendError(FailureKind.CONTENT_REJECTED, "no_order", detail)
    return found


def subject_of(message: Message) -> str:
    """One line: what was written for it, else the order's number."""
    number = id_of(part(message.data.get("order")).get("number"), 60)
    words = message.subject or f"Order {number}".strip()
    return " ".join(words.split())


def name_of(customer: Mapping[str, object]) -> str:
    """What the customer is called; empty when nobody knows."""
    known = (text_of(customer.get(name), LONGEST_NAME) for name in ("name", "given_name"))
    return next(filter(None, known), "").strip()


def wishes(message: Message) -> list[str]:
    """A tag for each kind of message that the customer has opted out of, such as no_email."""
    refused = list_of(part(message.data.get("customer")).get("opted_out"))
    return [f"no_{text_of(kind, 20)}" for kind in refused]
