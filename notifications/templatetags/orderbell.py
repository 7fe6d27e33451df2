"""How statuses, states, moments and money look: always a sign, a word and a colour."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app import registry
from consents.models import Purpose
from notifications.models import Audience, Decision, Delivery, Incident, Notification
from notifications.views.facts import LOOKS, PLAIN
from notifications.views.steps import words
from orders.models import InboundEvent, StaffMembership
from orders.statuses import EVENTS

register = template.Library()
_LINK = re.compile(r"https?://\S+")

_STATES: Mapping[str, tuple[str, str]] = {
    Delivery.State.QUEUED: ("clock", "wait"),
    Delivery.State.SENDING: ("send", "wait"),
    Delivery.State.SENT: ("tick", "good"),
    Delivery.State.DELIVERED: ("ticks", "good"),
    Delivery.State.READ: ("ticks-read", "good"),
    Delivery.State.HANDED_OFF: ("share", "info"),
    Delivery.State.UNKNOWN: ("help", "warn"),
    Delivery.State.FAILED: ("x", "bad"),
    Delivery.State.CANCELLED: ("slash", "mute"),
    Delivery.State.EXPIRED: ("history", "mute"),
}
_INBOUND: Mapping[str, tuple[str, str]] = {
    InboundEvent.State.RECEIVED: ("clock", "wait"),
    InboundEvent.State.FETCHING: ("search", "wait"),
    InboundEvent.State.PROCESSED: ("check", "good"),
    InboundEvent.State.IGNORED: ("slash", "mute"),
    InboundEvent.State.WAITING: ("history", "warn"),
    InboundEvent.State.FAILED: ("x", "bad"),
}
_VERDICTS: Mapping[str, tuple[str, str]] = {
    Decision.Verdict.SEND: ("check", "good"),
    Decision.Verdict.HOLD: ("pause", "wait"),
    Decision.Verdict.SKIP: ("slash", "mute"),
    Decision.Verdict.DROP: ("stop", "warn"),
    Decision.Verdict.DEFER: ("clock", "wait"),
}
_NOTIFICATIONS: Mapping[str, tuple[str, str]] = {
    Notification.State.OPEN: ("send", "wait"),
    Notification.State.DONE: ("check", "good"),
    Notification.State.FAILED: ("bell-off", "bad"),
    Notification.State.CANCELLED: ("slash", "mute"),
}
_INCIDENTS: Mapping[str, tuple[str, str]] = {
    Incident.State.OPEN: ("alert", "bad"),
    Incident.State.ACKNOWLEDGED: ("person", "wait"),
    Incident.State.SNOOZED: ("clock", "mute"),
    Incident.State.RESOLVED: ("check", "good"),
}
_INCIDENT_EVENTS = {
    "opened": gettext_lazy("Opened"),
    "told": gettext_lazy("Told"),
    "unsent": gettext_lazy("Not told"),
    "waits": gettext_lazy("Waits"),
    "acknowledged": gettext_lazy("Taken"),
    "snoozed": gettext_lazy("Put off"),
    "reopened": gettext_lazy("Given back"),
    "resolved": gettext_lazy("Resolved"),
    "note": gettext_lazy("Note"),
}
_ENUMS: Mapping[str, tuple[Any, Mapping[str, tuple[str, str]]]] = {
    "delivery": (Delivery.State, _STATES),
    "inbound": (InboundEvent.State, _INBOUND),
    "verdict": (Decision.Verdict, _VERDICTS),
    "notification": (Notification.State, _NOTIFICATIONS),
    "incident": (Incident.State, _INCIDENTS),
}
_FAMILIES = {
    "sms": (gettext_lazy("SMS"), "sms"),
    "email": (gettext_lazy("Email"), "mail"),
    "chat": (gettext_lazy("Chat"), "chat"),
    "push": (gettext_lazy("Push"), "bell"),
    "team": (gettext_lazy("Team room"), "hash"),
    "webhook": (gettext_lazy("Webhook"), "share"),
    "event": (gettext_lazy("Event"), "plug"),
}
_METHODS = {
    "pickup": gettext_lazy("Pick-up"),
    "curbside": gettext_lazy("Curbside"),
    "delivery": gettext_lazy("Delivery"),
    "shipping": gettext_lazy("Shipping"),
    "dine_in": gettext_lazy("Table"),
    "digital": gettext_lazy("Digital"),
}
# Currencies whose minor unit is not a hundredth.
_EXPONENTS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A drawing from the sprite; without `label` it only repeats what a word beside it says."""
    sprite = static("img/icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>',
            label,
            sprite,
            name,
        )
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', sprite, name
    )


def _badge(sign: str, tone: str, word: str) -> SafeString:
    return format_html('<span class="badge tone-{}">{}{}</span>', tone, icon(sign), word)


@register.simple_tag
def status_badge(status: str) -> SafeString:
    """An order status."""
    sign, tone = LOOKS.get(status, PLAIN)
    return _badge(sign, tone, words(status))


@register.simple_tag
def state_badge(kind: str, state: str) -> SafeString:
    """A state of a delivery, an inbound event, a notification, an incident, or a verdict."""
    enum, looks = _ENUMS[kind]
    sign, tone = looks.get(state, PLAIN)
    return _badge(sign, tone, str(enum(state).label) if state in enum.values else state)


@register.simple_tag
def receipt(state: str) -> SafeString:
    """The small sign under a bubble, with its word for those who cannot see it."""
    sign, tone = _STATES.get(state, PLAIN)
    word = str(Delivery.State(state).label) if state in Delivery.State.values else state
    return format_html('<span class="receipt tone-{}">{}{}</span>', tone, icon(sign), word)


@register.filter
def family_word(family: str) -> str:
    """SMS, Email, Chat..."""
    return str(_FAMILIES.get(family, (family, ""))[0])


@register.filter
def provider_logo(slug: str) -> str:
    """The address of a provider's own picture; the bell's for one whose folder is gone."""
    return static(f"img/providers/{slug}.svg" if slug in registry.slugs() else "img/favicon.svg")


@register.filter
def family_icon(family: str) -> str:
    """The sign of a channel family."""
    return _FAMILIES.get(family, ("", "message"))[1]


@register.filter
def method_word(method: str) -> str:
    """Pick-up, Delivery..."""
    return str(_METHODS.get(method, method.replace("_", " ").capitalize()))


@register.filter
def audience_word(audience: str) -> str:
    """Customer, Staff, Partner."""
    return str(Audience(audience).label) if audience in Audience.values else audience


@register.filter
def role_word(role: str) -> str:
    """Owner, Shift manager..."""
    return str(StaffMembership.Role(role).label) if role in StaffMembership.Role.values else role


@register.filter
def purpose_word(purpose: str) -> str:
    """Order status, Critical..."""
    return str(Purpose(purpose).label) if purpose in Purpose.values else purpose


@register.filter
def event_word(event: str) -> str:
    """A status, a fact, an answer, or an alert and its end, in words."""
    others = {
        "reply": _("Answer"),
        "alert": _("Alert"),
        "alerts": _("Many alerts"),
        "acknowledged": _("Alert taken"),
        "resolved": _("Alert resolved"),
    }
    return others.get(event) or EVENTS.get(event, event)


@register.filter
def incident_event_word(kind: str) -> str:
    """What was done about an incident."""
    return str(_INCIDENT_EVENTS.get(kind, kind.capitalize()))


@register.filter
def without_links(text: str) -> str:
    """`text` without its addresses: an alert's own link acts in another person's name."""
    return _LINK.sub("…", text)


@register.filter
def status_word(status: str) -> str:
    """A status in words."""
    return words(status)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago, in few letters, with the exact moment in the title."""
    if moment is None:
        return _("never")
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    return _time(moment, _distance(seconds))


def _distance(seconds: int) -> str:
    if seconds < 60:
        return _("just now")
    if seconds < 3600:
        return ngettext("%d min ago", "%d min ago", seconds // 60) % (seconds // 60)
    if seconds < 86_400:
        return ngettext("%d h ago", "%d h ago", seconds // 3600) % (seconds // 3600)
    return ngettext("%d day ago", "%d days ago", seconds // 86_400) % (seconds // 86_400)


@register.filter
def minutes(moment: datetime | None) -> str:
    """The age in minutes or hours, for a card that is read from afar."""
    if moment is None:
        return ""
    count = max(0, int((timezone.now() - moment).total_seconds())) // 60
    if count < 60:
        return _("%d min") % count
    return _("%d h") % (count // 60) if count < 2880 else _("%d days") % (count // 1440)


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    """The time on the store's clock; with the day when it is not today."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    today = local.date() == timezone.localtime(timezone.now()).date()
    return _time(moment, date_format(local, "H:i" if today else "j M, H:i"))


@register.filter
def clock_seconds(moment: datetime | None) -> SafeString | str:
    """The time with seconds, where the order of things matters."""
    if moment is None:
        return ""
    return _time(moment, date_format(timezone.localtime(moment), "H:i:s"))


def _time(moment: datetime, words_: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        date_format(local, "Y-m-d H:i:s T"),
        words_,
    )


@register.filter
def money(amount: int | None, currency: str = "") -> str:
    """Minor units as an amount, `2150` of `USD` as `21.50 USD`."""
    if amount is None:
        return ""
    exponent = _EXPONENTS.get(currency, 2)
    return f"{Decimal(amount).scaleb(-exponent):,.{exponent}f} {currency}".strip()


@register.filter
def quantity(value: Decimal) -> str:
    """`2.000` as `2`, `1.500` as `1.5`."""
    return f"{value.normalize():f}"
