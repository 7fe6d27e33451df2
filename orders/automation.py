"""What CRMs, help desks and flows send: flat members that staff paste into a template.

The template is theirs to fill in, so its reader forgives much; what a status means it never
guesses. `AutomationSource` is a whole source for systems that can do no more than post it.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from orders.automation_members import (
    NAMES,
    UNFILLED,
    Members,
    flat,
    is_form,
    read_object,
    spelled,
    written,
)
from orders.contract import (
    BadSignature,
    Clock,
    Contact,
    Group,
    Item,
    Line,
    OrderEvent,
    OrderSource,
    Raw,
    Refund,
    Tracking,
    Unmappable,
)
from orders.parsing import (
    currency_code,
    first_phone,
    minor_or_none,
    objects,
    quantity,
    text,
    translate,
    unique,
    web_address,
)
from orders.signatures import bearer, header, verify_token
from orders.statuses import Fact, Status

DEFAULT_TOPIC = "order.updated"
SECRET_HEADER = "x-orderbell-secret"  # noqa: S105 - the name of a header
OURS = ("orderbell:", "orderbell-")  # what our channels put before an order's id over there
IGNORE = "ignore"
DELAYED = "delayed"  # written like a status, but it is none: the order stays where it is

# An event that says none of these says nothing.
NEWS = (
    *("status", "unmapped_status", "facts", "groups", "contact", "lines", "refunds"),
    *("refunded_in_full", "total_minor", "display_number", "note", "placed_at", "cancel_reason"),
    *("fulfilment_type", "status_page", "location"),
)
# Words that staff write into a template, as `spelled` writes them, and what they are in ours.
STATUS_WORDS: Mapping[str, str] = {
    **{status.value: status.value for status in Status},
    "canceled": Status.CANCELLED.value,
    "ready_for_pickup": Status.READY.value,
    "ready_for_collection": Status.READY.value,
    "on_its_way": Status.OUT_FOR_DELIVERY.value,
    "collected": Status.PICKED_UP.value,
}
FACT_WORDS: Mapping[str, Fact] = {
    "delivery_attempted": Fact.ATTEMPTED,
    "delivery_failed": Fact.FAILED,
    "returned": Fact.RETURNED,
}
METHODS: Mapping[str, str] = {
    **{name: name for name in ("pickup", "curbside", "delivery", "shipping", "dine_in", "digital")},
    "collection": "pickup",
    "takeaway": "pickup",
    "click_and_collect": "pickup",
}
SETTINGS: Mapping[str, tuple[Any, str]] = {
    "status_map": ({}, 'The words there in ours: {"In the oven": "preparing", "New": "ignore"}.'),
    "fields": (
        {},
        'Where our members are in the body, when it has other names: {"status": "cf_state"}.',
    ),
    "currency": ("", "Currency of bodies that name none, such as USD."),
    "time_zone": ("", "Of times that come without a zone, such as Europe/Berlin; empty: unread."),
    "creates_orders": (True, "Whether a body may make an order that nobody has heard of."),
}
TOKEN_SETTING: Mapping[str, tuple[Any, str]] = {
    "token_header": (
        "",
        "The header with the secret; empty: Authorization (Bearer or Basic) or X-Orderbell-Secret.",
    )
}


# -- who may send -------------------------------------------------------------------------------


def verify_static(raw: Raw, secrets: Sequence[str]) -> None:
    """Raise BadSignature unless the request carries the connection's secret in a header."""
    given = offered_secret(raw)
    if not given:
        raise BadSignature(
            "The secret is missing. Send it as Authorization: Bearer, as the password of Basic, "
            "or in the header X-Orderbell-Secret."
        )
    verify_token(given, secrets)


def offered_secret(raw: Raw) -> str:
    """The secret that a request carries in one of its headers, or ""."""
    name = text(raw.settings.get("token_header"), 100).lower()
    if name:
        return header(raw, [name]).removeprefix("Bearer ").strip()
    return bearer(raw) or basic_password(raw) or header(raw, [SECRET_HEADER])


def basic_password(raw: Raw) -> str:
    """The password of `Authorization: Basic`, or ""; the name before it may be anything."""
    kind, _, encoded = raw.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]


# -- what the members mean ----------------------------------------------------------------------


def read_status(
    word: str, settings: Mapping[str, Any], table: Mapping[str, str] = STATUS_WORDS
) -> dict[str, Any] | None:
    """The members of an event that follow from a status word; None when it is to be ignored."""
    said = {"source_status": word}
    mapped = translate(word, {}, settings)
    if mapped is None:
        mapped = translate(spelled(word), table, settings) or table.get(word)
    meaning = spelled(mapped or word)
    if mapped == IGNORE:
        return None
    if mapped in Status.values:
        return {**said, "status": mapped}
    if meaning in FACT_WORDS:
        return {**said, "facts": ((FACT_WORDS[meaning], {}),)}
    return said if not word or meaning == DELAYED else {**said, "unmapped_status": word}


def is_late(word: str, settings: Mapping[str, Any]) -> bool:
    """Whether a status word only says that the order is late."""
    return spelled(translate(word, {}, settings) or word) == DELAYED


def read_order(
    topic: str,
    members: Members,
    slug: str,
    table: Mapping[str, str] = STATUS_WORDS,
    record_is_order: bool = True,
) -> OrderEvent | None:
    """The event that the members tell of; None when its status is one to be ignored."""
    order_id, record = named(members, slug, record_is_order)
    word = members.needed("status", 80)
    means = read_status(word, members.settings, table)
    if means is None:
        return None
    updated, occurred = members.time("updated_at"), members.time("occurred_at")
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=Clock(members.version(), updated or occurred),
        occurred_at=occurred or updated,
        display_number=members.text("order_number", 60),
        aliases=_aliases(members, order_id, record),
        location=members.text("location", 120),
        cancel_reason=members.text("cancel_reason", 80),
        fulfilment_type=METHODS.get(spelled(members.text("fulfilment", 40)), ""),
        placed_at=members.time("placed_at"),
        contact=read_contact(members),
        lines=read_lines(members),
        lines_complete=bool(members.flag("lines_complete")),
        status_page=web_address(members.text("status_page", 501)),
        note=members.text("note", 1000),
        test=bool(members.flag("test")),
        may_create=order_id != record and may_create(members.settings, order_id),
        **_money(members),
        **_in_parts(members, means),
    )


def named(members: Members, slug: str, record_is_order: bool) -> tuple[str, str]:
    """(the order's id, the name of its record over there). Raises Unmappable when neither is told.

    In a CRM the record is the order. A ticket is not, so it only leads to an order that was
    once told of together with it.
    """
    record_id = members.identifier("record_id")
    record = f"{slug}:{record_id}" if record_id else ""
    order_id = members.identifier("order_id") or (record_id if record_is_order else record)
    if not order_id:
        raise Unmappable("order_id: is missing. Say which order this is about.")
    return order_id, record


def may_create(settings: Mapping[str, Any], order_id: str) -> bool:
    """Whether a body may make an order; one that Orderbell itself has written there never may."""
    return settings.get("creates_orders", True) is not False and not order_id.startswith(OURS)


def _in_parts(members: Members, means: Mapping[str, Any]) -> dict[str, Any]:
    """The status, of the whole order or of the part that the body names."""
    late = is_late(means["source_status"], members.settings)
    promises = _promises(members, late)
    part = members.identifier("part")
    if not part:
        return {**means, "groups": [Group(**promises)] if any(promises.values()) else []}
    held = [(line.line_id, line.quantity) for line in read_lines(members)]
    group = Group(
        key=part,
        status=means.get("status", ""),
        source_status=means["source_status"],
        lines=held,
        **promises,
    )
    facts = [(fact, {**data, "group": part}) for fact, data in means.get("facts", ())]
    return {
        "groups": [group],
        "facts": facts,
        "unmapped_status": means.get("unmapped_status", ""),
    }


def _promises(members: Members, late: bool) -> dict[str, Any]:
    number, url = members.text("tracking_number", 120), web_address(members.find("tracking_url"))
    carrier = members.text("tracking_carrier", 80)
    reason = members.text("delay_reason", 200)
    said = members.flag("delayed")
    return {
        "ready_at": members.time("ready_at"),
        "deliver_from": members.time("deliver_from"),
        "deliver_to": members.time("deliver_to"),
        "delayed": True if late or (reason and said is None) else said,
        "delay_reason": reason,
        "tracking": [Tracking(number, carrier, url)] if number or url else [],
        "courier": members.text("courier", 120),
    }


def _aliases(members: Members, order_id: str, record: str) -> list[str]:
    """Other names of the order: those that the body lists, and its record over there."""
    said = members.find("also_known_as")
    listed = said if isinstance(said, list) else text(said, 1000).split(",")
    names = [text(one, 160) for one in listed]
    return unique((*(one for one in names if not UNFILLED.search(one)), record), order_id)


def _money(members: Members) -> dict[str, Any]:
    named = currency_code(members.text("currency", 4))
    currency = named or currency_code(members.settings.get("currency"))
    total = minor_or_none(members.find("total"), currency)
    return {
        "currency": currency,
        "total_minor": total if total is not None and total >= 0 else None,
        "refunds": _refunds(members, currency),
        "refunded_in_full": bool(members.flag("refunded_in_full")),
    }


def _refunds(members: Members, currency: str) -> list[Refund]:
    """A refund, when the body gives its id: without one a repeat would count twice."""
    refund_id = members.text("refund_id", 120)
    amount = abs(minor_or_none(members.find("refund_amount"), currency) or 0)
    reason = members.text("refund_reason", 200)
    return [Refund(refund_id, amount, reason)] if refund_id and amount else []


def read_contact(members: Members) -> Contact | None:
    """Whom to tell; None when the body names nobody."""
    country = members.text("customer_country", 3).upper()
    country = country if re.fullmatch("[A-Z]{2}", country) else ""
    contact = Contact(
        external_id=members.text("customer_id", 120),
        name=members.text("customer_name", 200),
        given_name=members.text("customer_given_name", 100),
        email=members.text("customer_email", 254),
        phone=first_phone((members.text("customer_phone", 60),), country),
        language=members.text("customer_language", 10),
        country=country,
        time_zone=members.text("customer_time_zone", 50),
    )
    return contact if contact != Contact(country=country) else None


def read_lines(members: Members) -> list[Line]:
    """The lines, when the body lists them; one without an id goes by its place."""
    lines = [
        Line(
            line_id=text(one.get("id") or one.get("line_id"), 120) or str(n),
            name=text(one.get("name"), 300),
            quantity=quantity(one.get("quantity")) or "1",
            sku=text(one.get("sku"), 120),
        )
        for n, one in enumerate(objects(members.find("lines")), start=1)
    ]
    return list({line.line_id: line for line in lines}.values())


# -- a source that is nothing but a template ----------------------------------------------------


def event_key(raw: Raw, run_headers: Sequence[str] = ()) -> str:
    """What the body says, and in which run of the other side's rule, where that is told."""
    run = header(raw, ("idempotency-key", *run_headers)).strip('"')
    return sha256(b"\n".join((run.encode("utf-8", "surrogatepass"), raw.body))).hexdigest()


class AutomationSource(OrderSource):
    """A sender whose body is the recommended template, and whose proof is a static secret."""

    STATUSES = STATUS_WORDS
    SETTINGS = {**SETTINGS, **TOKEN_SETTING}
    NAMES: ClassVar[Mapping[str, Sequence[str]]] = NAMES
    WRAPPERS: ClassVar[Sequence[str]] = ("order",)
    RECORD_IS_ORDER: ClassVar[bool] = True
    RUN_HEADERS: ClassVar[Sequence[str]] = ()  # which run of the other side's rule this is
    contact_use = (
        "These are your own customers' data, kept in your own system: use them for messages "
        "about this order, as your privacy notice says."
    )

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Compare the secret in the header."""
        verify_static(raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event. A form is kept as JSON, so that it is read the same way ever after."""
        value = read_object(raw.body, raw.headers)
        body = written(value) if is_form(raw.headers, raw.body) else None
        return [Item(event_key(raw, self.RUN_HEADERS), topic_of(value), body)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the template says."""
        value = flat(read_object(body, {}), self.WRAPPERS)
        event = self.event(topic, Members(value, settings, self.NAMES))
        return [event] if event else []

    def event(self, topic: str, members: Members) -> OrderEvent | None:
        """The event that the members tell of; None when its status is one to be ignored."""
        found = read_order(topic, members, self.slug, self.STATUSES, self.RECORD_IS_ORDER)
        if found is not None and not any(getattr(found, name) for name in NEWS):
            raise Unmappable(
                "The body tells nothing of the order but its id. Write its status into a member "
                "called status, or say in the setting fields what it is called."
            )
        return found


def topic_of(value: Mapping[str, Any]) -> str:
    """What the body calls itself."""
    return text(value.get("type"), 120) or DEFAULT_TOPIC


def retry_seconds(headers: Mapping[str, str]) -> float | None:
    """How long an API asks us to wait, from `Retry-After` in seconds."""
    given = headers.get("retry-after", "").strip()
    return min(float(given), 86_400.0) if re.fullmatch(r"[0-9]{1,7}(\.[0-9]+)?", given) else None
