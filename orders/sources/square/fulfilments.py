"""Parts of a Square order: `fulfillments[]`, with whom they are for and when they are due."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orders.contract import Contact, Group, Tracking
from orders.parsing import (
    dig,
    first_phone,
    identifier,
    objects,
    quantity,
    text,
    timestamp,
    unique,
    web_address,
)
from orders.sources.square.statuses import FAILED, METHODS, fulfilment_status

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,5})M)?(?:(?P<seconds>\d{1,6})S)?)?",
    re.ASCII,
)
_DETAILS = ("pickup_details", "delivery_details", "shipment_details")
_ENDED = ("failed_at", "expired_at", "rejected_at", "canceled_at")


def details(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The member that goes with the type: pickup, delivery or shipment."""
    own = f"{text(part.get('type'), 40).lower()}_details"
    found = (part.get(name) for name in (own, *_DETAILS))
    return next((one for one in found if isinstance(one, dict)), {})


def state_of(part: Mapping[str, Any]) -> str:
    """The state of a fulfilment in Square's word."""
    return text(part.get("state"), 40).upper()


def method_of(part: Mapping[str, Any]) -> str:
    """How this part reaches the customer; "" for a type that we do not know."""
    method = METHODS.get(text(part.get("type"), 40).upper(), "")
    curbside = details(part).get("is_curbside_pickup") is True
    return "curbside" if method == "pickup" and curbside else method


def read_group(part: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[Group, str]:
    """(the part, the words that nobody has translated)."""
    state, about = state_of(part), details(part)
    status, unknown = fulfilment_status(state, text(part.get("type"), 40).upper(), settings)
    group = Group(
        key=identifier(part.get("uid"), "fulfillment uid") or "main",
        aliases=delivery_ids(part),
        method=method_of(part),
        status=status,
        source_status=state,
        lines=_lines(part),
        tracking=_tracking(about),
        courier=text(about.get("courier_provider_name"), 120),
        **_promises(part, about),
    )
    return group, unknown


def delivery_ids(part: Mapping[str, Any]) -> list[str]:
    """The names under which couriers know this part."""
    about = details(part)
    names = ("square_delivery_id", "external_delivery_id")
    return unique(identifier(about.get(name), name) for name in names)


def _lines(part: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """(line, quantity) of a part that holds only some of the order; nothing when it holds all.

    Several entries may speak of one line: they count together.
    """
    if text(part.get("line_item_application"), 40).upper() != "ENTRY_LIST":
        return ()
    amounts: dict[str, Decimal] = {}
    for entry in objects(part.get("entries")):
        line_id = identifier(entry.get("line_item_uid"), "line_item_uid")
        amount = quantity(entry.get("quantity")) or "1"
        if line_id:
            amounts[line_id] = amounts.get(line_id, Decimal(0)) + Decimal(amount)
    return [(line_id, quantity(amount)) for line_id, amount in amounts.items() if amount > 0]


def _tracking(about: Mapping[str, Any]) -> list[Tracking]:
    number = text(about.get("tracking_number"), 120)
    url = web_address(about.get("tracking_url"))
    return [Tracking(number, text(about.get("carrier"), 80), url)] if number or url else []


# -- when ---------------------------------------------------------------------------------------


def _promises(part: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """What has been promised. `ready_at` there is the moment it became ready: no promise."""
    if method_of(part) == "shipping":
        return {"ready_at": timestamp(about.get("expected_shipped_at"))}
    if method_of(part) == "delivery":
        start = timestamp(about.get("deliver_at"))
        return {
            "ready_at": timestamp(about.get("courier_pickup_at")),
            "deliver_from": start,
            "deliver_to": _later(start, about.get("delivery_window_duration")) or start,
        }
    return {"ready_at": timestamp(about.get("pickup_at")) or _prepared(about)}


def _prepared(about: Mapping[str, Any]) -> datetime | None:
    """When the kitchen will be done: so long after the order was accepted."""
    return _later(timestamp(about.get("accepted_at")), about.get("prep_time_duration"))


def _later(start: datetime | None, length: Any) -> datetime | None:
    span = duration(length)
    return start + span if start and span else None


def duration(value: Any) -> timedelta | None:
    """The length of time that an ISO 8601 duration such as PT15M or P1W3D means.

    >>> duration("P1DT30M")
    datetime.timedelta(days=1, seconds=1800)
    """
    match = _DURATION.fullmatch(text(value, 40))
    parts = {name: int(n) for name, n in match.groupdict().items() if n} if match else {}
    return timedelta(**parts) if parts else None


def ended_at(part: Mapping[str, Any]) -> datetime | None:
    """When a part failed, expired, or was rejected or cancelled."""
    about = details(part)
    return next((at for name in _ENDED if (at := timestamp(about.get(name)))), None)


def end_reason(part: Mapping[str, Any]) -> str:
    """Why: in the seller's words, else by the stamp that was set."""
    about = details(part)
    said = text(about.get("failure_reason"), 80) or text(about.get("cancel_reason"), 80)
    stamps = {"expired_at": "expired", "rejected_at": "rejected"}
    return said or next((word for name, word in stamps.items() if about.get(name)), "")


def has_failed(part: Mapping[str, Any]) -> bool:
    """Whether Square has given this part up."""
    return state_of(part) == FAILED


# -- for whom -----------------------------------------------------------------------------------


def read_contact(order: Mapping[str, Any]) -> Contact | None:
    """The recipient of the first part that names one; None when the order names nobody.

    On deliveries that a third party manages the number is theirs: nobody is texted there.
    """
    parts = objects(order.get("fulfillments"))
    part = next((one for one in parts if isinstance(details(one).get("recipient"), dict)), {})
    person = details(part).get("recipient")
    country = text(dig(person, "address", "country"), 3).upper()
    country = country if re.fullmatch("[A-Z]{2}", country) else ""
    customer_id = dig(person, "customer_id") or order.get("customer_id")
    contact = Contact(
        external_id=identifier(customer_id, "customer_id", 191),
        name=text(dig(person, "display_name"), 200),
        given_name=text(dig(person, "address", "first_name"), 100),
        email=text(dig(person, "email_address"), 254),
        phone=first_phone([dig(person, "phone_number")], country),
        proxy=details(part).get("managed_delivery") is True,
        country=country,
    )
    return contact if contact != Contact() else None
