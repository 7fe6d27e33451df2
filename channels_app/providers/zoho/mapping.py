"""Which value goes into which field, and which stage a status is: lines of the settings."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from channels_app.contract import Message
from channels_app.wire.reading import id_of, part

LONGEST_VALUE = 32_000  # of the longest kind of text field
Value = str | int | float
_STAGE = re.compile(r"([a-z_]{1,40})\s*=\s*(\S.{0,119})")
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,79})\s*=\s*([a-z_]+(?:\.[A-Za-z0-9_-]+){0,2})")
# What a value begins with; more in the guide.
ROOTS = frozenset(
    {
        *("text", "subject", "title", "url", "ref", "to", "event", "occurred_at", "brand", "part"),
        *("order", "items", "tracking", "store", "customer"),
    }
)
# ISO 4217: the currencies whose smallest unit is not a hundredth.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMN TND"
_DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}


def fields(text: str) -> dict[str, str]:
    """Field -> value, from lines of `Field = value`; raises ValueError."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        read = _LINE.fullmatch(line)
        if read is None or read[2].split(".")[0] not in ROOTS:
            raise ValueError("Write one `Field = value` a line, with values from the guide.")
        found[read[1]] = read[2]
    return found


def stages(text: str) -> dict[str, str]:
    """Our status -> name of a stage, from lines of `status = stage`; raises ValueError."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        read = _STAGE.fullmatch(line)
        if read is None:
            raise ValueError("Write one `status = stage` a line, such as ready = Ready to collect.")
        found[read[1]] = read[2]
    return found


def values(message: Message, wanted: Mapping[str, str]) -> dict[str, Value]:
    """Field -> what the message says about it. What it does not say is left as it is there."""
    found = {name: value(message, path) for name, path in wanted.items()}
    return {name: one for name, one in found.items() if one != ""}


def value(message: Message, path: str) -> Value:
    """The value called `path`: whole numbers as such; empty when the message does not say."""
    if path in _MADE:
        made = _MADE[path](message)
        return made[:LONGEST_VALUE] if isinstance(made, str) else made
    *names, last = path.split(".")
    found = part(dict(message.data), *names).get(last)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    return id_of(found, LONGEST_VALUE)


def text(message: Message, path: str) -> str:
    """The value called `path` as text."""
    return str(value(message, path))


def title(message: Message) -> str:
    """The order's number and the brand."""
    order = part(message.data.get("order"))
    number = id_of(order.get("number")) or id_of(order.get("external_id"))
    return " · ".join(filter(None, (number, id_of(message.data.get("brand")))))


def money(message: Message, name: str) -> Decimal | None:
    """An amount in the currency's main unit; None where the currency is not told."""
    order = part(message.data.get("order"))
    minor, currency = order.get(name), id_of(order.get("currency"))
    if isinstance(minor, bool) or not isinstance(minor, int) or not currency:
        return None
    return Decimal(minor).scaleb(-_DECIMALS.get(currency.upper(), 2))


def _number(amount: Decimal | None) -> Value:
    """As JSON has numbers."""
    if amount is None:
        return ""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _shown(message: Message, name: str) -> str:
    """An amount for a text field, with its currency."""
    amount = money(message, name)
    currency = id_of(part(message.data.get("order")).get("currency")).upper()
    return "" if amount is None else f"{amount:f} {currency}"


def items(message: Message) -> str:
    """The order's lines as a person would read them."""
    lines = [part(one) for one in _list(message.data.get("items"))]
    shown = [f"{id_of(one.get('quantity')) or 1} × {id_of(one.get('name'), 200)}" for one in lines]
    return ", ".join(shown)


def _tracking(message: Message, name: str) -> str:
    """Of the newest parcel."""
    parcels = _list(message.data.get("tracking"))
    return id_of(part(parcels[-1]).get(name), 2000) if parcels else ""


def _opted_out(message: Message) -> str:
    """The kinds of message that the customer does not want, such as "email;sms"."""
    kinds = _list(part(message.data.get("customer")).get("opted_out"))
    return ";".join(sorted(filter(None, map(id_of, kinds))))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


_MADE: Mapping[str, Callable[[Message], Value]] = {
    "text": lambda message: message.text,
    "subject": lambda message: message.subject,
    "url": lambda message: message.url,
    "ref": lambda message: message.ref,
    "to": lambda message: message.to,
    "title": title,
    "items": items,
    "order.total": lambda message: _number(money(message, "total_minor")),
    "order.total_text": lambda message: _shown(message, "total_minor"),
    "order.refunded": lambda message: _number(money(message, "refunded_minor")),
    "order.refunded_text": lambda message: _shown(message, "refunded_minor"),
    "tracking.number": lambda message: _tracking(message, "number"),
    "tracking.carrier": lambda message: _tracking(message, "carrier"),
    "tracking.url": lambda message: _tracking(message, "url"),
    "customer.opted_out": _opted_out,
}
