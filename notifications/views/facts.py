"""Timeline entries in words that a person at the counter understands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.models import CustomerMessage, Notification, PageView
from notifications.views.steps import words
from orders.models import Order, StatusChange
from orders.statuses import CORRECTION, EVENTS, Fact, Status

# Status or fact -> (icon, tone); the tone is a colour, never the only sign.
LOOKS: Mapping[str, tuple[str, str]] = {
    Status.PLACED: ("receipt", "new"),
    Status.CONFIRMED: ("check", "new"),
    Status.PREPARING: ("flame", "busy"),
    Status.READY: ("bell", "ready"),
    Status.OUT_FOR_DELIVERY: ("bike", "away"),
    Status.DELIVERED: ("home", "done"),
    Status.PICKED_UP: ("bag", "done"),
    Status.CANCELLED: ("x", "bad"),
    Status.REFUNDED: ("refund", "bad"),
    Fact.ETA: ("clock", "info"),
    Fact.DELAYED: ("clock", "warn"),
    Fact.TRACKING: ("map", "info"),
    Fact.EDITED: ("edit", "info"),
    Fact.SPLIT: ("split", "info"),
    Fact.REFUND: ("refund", "info"),
    Fact.ATTEMPTED: ("alert", "warn"),
    Fact.FAILED: ("alert", "bad"),
    Fact.RETURNED: ("refund", "warn"),
    Fact.PAYMENT: ("card", "info"),
    Fact.UNMAPPED: ("help", "warn"),
    Fact.STALE: ("history", "info"),
    Fact.REVERTED: ("undo", "warn"),
    CORRECTION: ("undo", "warn"),
}
PLAIN = ("dot", "info")
SILENT = {
    "test": gettext_lazy("Test order: customers hear nothing of it."),
    "import": gettext_lazy("Imported history: nobody was told."),
    "replay": gettext_lazy("Replayed: nobody was told again."),
    "reconcile": gettext_lazy("Caught up later: nobody was told."),
    "stale": gettext_lazy("Came too late to count: something newer was known already."),
    "archived": gettext_lazy("The order is archived: nobody was told."),
    "announced": gettext_lazy("Announced only: the message follows with the new order."),
}


@dataclass(frozen=True, slots=True)
class Described:
    """A change in words, with an icon and a tone."""

    title: str
    icon: str
    tone: str
    detail: Sequence[str]


def describe(change: StatusChange) -> Described:
    """`change` in words."""
    icon, tone = LOOKS.get(change.event_name, PLAIN)
    detail = _detail(change)
    if change.silent_why:
        detail.append(str(SILENT.get(change.silent_why, change.silent_why)))
    return Described(_title(change), icon, tone, detail)


def _title(change: StatusChange) -> str:
    if change.fact == Fact.STATUS:
        return words(change.status)
    if change.fact == Fact.REVERTED:
        return _("Moved back to %(status)s") % {"status": words(change.status)}
    known = change.fact in Fact.values
    return str(Fact(change.fact).label) if known else change.fact


def _detail(change: StatusChange) -> list[str]:
    data = change.data if isinstance(change.data, dict) else {}
    found: list[str] = []
    if change.previous_status:
        found.append(_("Before: %(status)s.") % {"status": words(change.previous_status)})
    if data.get("new"):
        found.append(_times(data))
    for side, sentence in (("added", _("Added: %s.")), ("removed", _("Removed: %s."))):
        if data.get(side):
            found.append(sentence % _things(data[side]))
    if data.get("number"):
        found.append(f"{data.get('carrier', '')} {data['number']}".strip())
    if data.get("source_status"):
        found.append(_("The source says “%s”. Add it to the status map.") % data["source_status"])
    if data.get("reason"):
        found.append(str(data["reason"]))
    return found


def _times(data: Mapping[str, Any]) -> str:
    new, old = _clock(data.get("new")), _clock(data.get("previous"))
    if old and old != new:
        return _("Now %(new)s, before that %(old)s.") % {"new": new, "old": old}
    return _("Expected at %(new)s.") % {"new": new}


def _clock(text: object) -> str:
    """A stored moment on the clock of the store."""
    try:
        moment = timezone.localtime(datetime.fromisoformat(str(text)))
    except ValueError:
        return ""
    return date_format(moment, "H:i")


def _things(things: object) -> str:
    if not isinstance(things, list):
        return ""
    named = [thing for thing in things if isinstance(thing, dict)]
    return ", ".join(f"{t.get('quantity', '1')} × {t.get('name') or '?'}" for t in named[:10])


def wrote_title(message: CustomerMessage) -> str:
    """What a customer's message was understood as."""
    known = {
        "stop": _("Customer asked us to stop"),
        "start": _("Customer wants messages again"),
        "help": _("Customer asked for help"),
        "status": _("Customer asked where the order is"),
    }
    return known.get(message.understood_as, _("Customer wrote"))


def seen_title(order: Order) -> str:
    """Who looked at the tracking page; whoever has the link is taken for the customer."""
    name = order.contact_given_name or order.contact_name or _("The customer")
    return _("%(name)s looked at the tracking page") % {"name": name}


def seen_what(view: PageView) -> str:
    """What the page said then."""
    return _("It said: %(status)s.") % {"status": words(view.status)} if view.status else ""


def message_title(note: Notification) -> str:
    """What a message that follows from no change is about."""
    if note.event == "reply":
        return _("Answer")
    return EVENTS.get(note.event, note.event)
