"""What each provider can do, in words: for the page, the command and the README, from one place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.contract import AddressKind, Family, Idempotency, Provider, ReceiptStatus

_REACHES: Mapping[str, Any] = {
    AddressKind.PHONE: gettext_lazy("phone numbers"),
    AddressKind.EMAIL: gettext_lazy("email addresses"),
    AddressKind.PUSH: gettext_lazy("browsers"),
    AddressKind.URL: gettext_lazy("partners’ servers"),
}
_LOST: Mapping[str, Any] = {
    Idempotency.KEY: gettext_lazy("same key again: a repeat is recognised"),
    Idempotency.LOOKUP: gettext_lazy("looked up there before it is sent again"),
    Idempotency.RECEIPT: gettext_lazy("a minute for a receipt, then sent again"),
    Idempotency.NONE: gettext_lazy("sent again"),
}
_RECEIPTS: Mapping[str, Any] = {
    ReceiptStatus.QUEUED: gettext_lazy("queued"),
    ReceiptStatus.SENT: gettext_lazy("sent"),
    ReceiptStatus.DEFERRED: gettext_lazy("deferred"),
    ReceiptStatus.DELIVERED: gettext_lazy("delivered"),
    ReceiptStatus.READ: gettext_lazy("read"),
    ReceiptStatus.FAILED: gettext_lazy("failed"),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its heading, and what it says of a provider. Empty words mean: no."""

    key: str
    label: Any  # lazily translated
    words: Callable[[type[Provider]], str]


def reaches(provider: type[Provider]) -> str:
    """Whom a message over it reaches."""
    if provider.pages_people:
        return _("whoever is on call")
    if provider.family == Family.TEAM:
        return _("rooms of the staff")
    if provider.family == Family.EVENT:
        return _("your own systems")
    known = _REACHES.get(provider.address)
    return str(known) if known else _("people who joined there")


def longest(provider: type[Provider]) -> str:
    """How long a text may be."""
    limit = provider.capabilities.max_text
    return str(limit) if limit else _("any")


def form(provider: type[Provider]) -> str:
    """What there is besides the text."""
    able = provider.capabilities
    parts = [(able.subject, _("subject")), (able.html, "HTML")]
    return ", ".join(word for has, word in parts if has)


def receipts(provider: type[Provider]) -> str:
    """What it can ever report."""
    told = provider.capabilities.receipts
    return ", ".join(str(_RECEIPTS[status]) for status in ReceiptStatus if status in told)


def inbound(provider: type[Provider]) -> str:
    """Whether people can answer, and who reacts to STOP."""
    able = provider.capabilities
    if not able.inbound:
        return ""
    return _("yes; it answers STOP itself") if able.handles_stop else _("yes")


def lost(provider: type[Provider]) -> str:
    """What becomes of a message whose answer got lost."""
    return str(_LOST[provider.capabilities.idempotency])


def window(provider: type[Provider]) -> str:
    """How long after their last message free words are allowed."""
    hours = provider.capabilities.window_hours
    return ngettext("%d hour", "%d hours", hours) % hours if hours else ""


def first(provider: type[Provider]) -> str:
    """What a person must have done before anything may be sent."""
    able = provider.capabilities
    parts = [(able.needs_join, _("join")), (able.needs_opt_in, _("opt in"))]
    return ", ".join(word for needs, word in parts if needs)


def _yes(name: str) -> Callable[[type[Provider]], str]:
    return lambda provider: _("yes") if getattr(provider.capabilities, name) else ""


FEATURES: Sequence[Feature] = (
    Feature("reaches", gettext_lazy("Reaches"), reaches),
    Feature("text", gettext_lazy("Characters"), longest),
    Feature("form", gettext_lazy("Besides text"), form),
    Feature("receipts", gettext_lazy("Receipts"), receipts),
    Feature("inbound", gettext_lazy("Answers come in"), inbound),
    Feature("lost", gettext_lazy("When an answer is lost"), lost),
    Feature("window", gettext_lazy("Free words only for"), window),
    Feature("templates", gettext_lazy("Texts kept there"), _yes("templates")),
    Feature("first", gettext_lazy("A person must first"), first),
    Feature("personal", gettext_lazy("Gets personal data"), _yes("personal")),
    Feature("handed_off", gettext_lazy("Handed off"), _yes("hands_off")),
)


def words_of(provider: type[Provider]) -> list[tuple[Feature, str]]:
    """Each feature with what it says of `provider`."""
    return [(feature, feature.words(provider)) for feature in FEATURES]
