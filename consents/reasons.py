"""Why a route is refused: a code for machines, and a sentence for people, without addresses."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from consents.quiet import zone_of


class Reason(StrEnum):
    """Codes of refusals, in the order in which they are looked for."""

    ERASED = "erased"
    RESTRICTED = "restricted"
    PROXY_NUMBER = "proxy_number"
    INVALID_ADDRESS = "invalid_address"
    HARD_BOUNCE = "hard_bounce"
    PROVIDER_BLOCK = "provider_block"
    COMPLAINT = "complaint"
    GLOBAL_STOP = "global_stop"
    CHANNEL_STOP = "channel_stop"
    PURPOSE_STOP = "purpose_stop"
    NO_BASIS = "no_basis"
    NOT_JOINED = "not_joined"
    NO_ADDRESS = "no_address"
    NO_CHANNEL = "no_channel"
    QUIET_HOURS = "quiet_hours"


FAMILY_WORDS = {
    "sms": "SMS",
    "email": "email",
    "chat": "chat messages",
    "push": "push notifications",
    "team": "team chat",
    "webhook": "webhook",
}
PURPOSE_WORDS = {
    "order": "order updates",
    "critical": "critical notices",
    "feedback": "requests for feedback",
    "marketing": "marketing",
    "staff": "staff alerts",
    "partner": "partner notices",
    "consent_admin": "answers about consent",
}
_ADDRESS_WORDS = {
    "sms": "phone number",
    "email": "email address",
    "chat": "chat",
    "push": "push subscription",
}
_METHOD_WORDS = {
    "page": " on the preference page",
    "one_click": " with the unsubscribe link",
    "staff": ", as your staff recorded",
    "api": ", as recorded through the API",
    "import": ", as imported records say",
    "provider": " at the provider",
    "checkbox": " at the checkout",
}
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_SENTENCES: dict[str, str] = {
    Reason.ERASED: "{name}'s data was erased{on}; nothing is sent.",
    Reason.RESTRICTED: "{name} had the use of their data restricted{on}; nothing is sent.",
    Reason.PROXY_NUMBER: "{masked} is a marketplace's proxy number; it takes no messages.",
    Reason.INVALID_ADDRESS: "The {address} {masked} does not work{since}.",
    Reason.HARD_BOUNCE: "The {address} {masked} does not exist, the provider said{on}.",
    Reason.PROVIDER_BLOCK: "{name} has been blocked for {family} at the provider{since}.",
    Reason.COMPLAINT: "{name} reported {family} from us as spam{on}.",
    Reason.GLOBAL_STOP: "{name} opted out of all messages{on}{how}.",
    Reason.CHANNEL_STOP: "{name} opted out of {family}{on}{how}.",
    Reason.PURPOSE_STOP: "{name} opted out of {purpose} by {family}{on}{how}.",
    Reason.NO_BASIS: "{name} has not agreed to {purpose} by {family}.",
    Reason.NOT_JOINED: "{name} has not started a chat with us.",
    Reason.NO_ADDRESS: "There is no {address} for {name}.",
    Reason.NO_CHANNEL: "There is no channel for {family} yet.",
    Reason.QUIET_HOURS: "{name} asked for quiet until {until}; it is sent then.",
}
_SPECIAL: dict[tuple[str, str], str] = {
    (Reason.NOT_JOINED, "push"): "{name} has not allowed push notifications.",
    (Reason.PROVIDER_BLOCK, "chat"): "{name} has blocked our chat{since}.",
    (Reason.PROVIDER_BLOCK, "push"): "{name} has switched push notifications off{since}.",
}


def sentence(code: str, data: Mapping[str, Any], now: datetime, zone: str = "UTC") -> str:
    """The English sentence of a refusal. `data` is what was stored with its code."""
    family = str(data.get("family", ""))
    form = _SPECIAL.get((code, family)) or _SENTENCES[code]
    name = data.get("name") or "the customer"
    day = _day(data.get("at"), now, zone)
    text = form.format(
        name=name,
        family=FAMILY_WORDS.get(family, family),
        purpose=PURPOSE_WORDS.get(data.get("purpose", ""), data.get("purpose", "")),
        address=_ADDRESS_WORDS.get(family, "address"),
        masked=data.get("masked", ""),
        on=f" on {day}" if day else "",
        since=f" since {day}" if day else "",
        how=_how(data),
        until=data.get("until", ""),
    )
    return text[:1].upper() + text[1:]


def _day(at: str | None, now: datetime, zone: str) -> str:
    """`3 March`, with the year when it is not this one; empty without a date."""
    if not at:
        return ""
    place = zone_of(zone)
    day = datetime.fromisoformat(at).astimezone(place).date()
    year = "" if day.year == now.astimezone(place).year else f" {day.year}"
    return f"{day.day} {_MONTHS[day.month - 1]}{year}"


def _how(data: Mapping[str, Any]) -> str:
    """By which act, in words."""
    method = data.get("method", "")
    if method == "keyword":
        return f" by replying {data['word']}" if data.get("word") else " by writing to us"
    return _METHOD_WORDS.get(method, "")


def keyword_of(evidence: Any) -> str:
    """The word of a STOP, when it was one word; a longer text is theirs and stays out."""
    if not isinstance(evidence, dict):
        return ""
    text = str(evidence.get("word") or evidence.get("text") or "").strip(" .!\n")
    return text.upper() if 0 < len(text) <= 12 and text.lstrip("/").isalpha() else ""
