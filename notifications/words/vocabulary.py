"""The form in which a language states its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orders.statuses import Status

# Answers to what a customer writes; templates exist for these beside the events.
REPLIES = ("stop", "start", "help", "where", "where_unknown")


@dataclass(frozen=True, slots=True)
class EventWords:
    """One event in Liquid: `line` is the whole fact in one sentence, the rest is company.

    `more` follows in an email, `link` says whether the tracking link is of use,
    `staff` is what staff read after the order's number.
    """

    subject: str
    line: str
    more: str = ""
    link: bool = True
    staff: str = "{{ change.label }}"


def with_parts(events: Mapping[str, EventWords], many: str) -> dict[str, EventWords]:
    """`events`, those that can be about a part with the words `many` for several parts at once."""
    return {
        event: replace(
            said,
            line=f"{{% if part.count > 1 %}}{many}{{% else %}}{said.line}{{% endif %}}",
        )
        if event in Status.values and "part.is_part" in said.line
        else said
        for event, said in events.items()
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a keyword: one text for SMS and chat, a subject for email."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Language:
    """Everything the product says in one language."""

    code: str
    statuses: Mapping[str, str]
    facts: Mapping[str, str]
    methods: Mapping[str, str]
    cancel_reasons: Mapping[str, str]
    months: Sequence[str]
    month_first: bool
    decimal_point: str
    thousands: str
    symbol_first: bool
    events: Mapping[str, EventWords]
    replies: Mapping[str, Reply]
    greeting: str
    track: str
    contact: str
