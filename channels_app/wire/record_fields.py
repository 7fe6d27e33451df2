"""Which value of a message goes into which field of a record in another system.

Staff write `field = value` lines; each system says what a field of its own may be called, and how
long a text may be there. The guides of those systems list the values.
"""

import re
from collections.abc import Callable, Mapping

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire import lines, money
from channels_app.wire.reading import id_of, list_of, part

Value = str | int | float
SHOP_ID = "order.external_id"
# What a value begins with.
_ROOTS = (
    "text subject title url ref to event occurred_at brand part order items tracking store customer"
)
_PATH = rf"(?:{_ROOTS.replace(' ', '|')})(?:\.[A-Za-z0-9_-]+){{0,2}}"
_AMOUNTS: Mapping[str, str] = {"order.total": "total_minor", "order.refunded": "refunded_minor"}


def fields(text: str, name: str, refusal: str) -> dict[str, str]:
    """Field -> value, from lines of `field = value`; `name` is the pattern of a field."""
    return lines.table(text, re.compile(rf"({name})\s*=\s*({_PATH})"), refusal)


def key_choice() -> forms.ChoiceField:
    """Which id of an order a record is known by."""
    return forms.ChoiceField(
        label=_("The id that it holds"),
        required=False,
        choices=[
            (SHOP_ID, _("The shop's own id")),
            ("order.number", _("The order's number")),
            ("order.id", _("Orderbell's id, where several shops write to one account")),
        ],
    )


def key(message: Message, path: str, longest: int) -> str:
    """The order's id of the chosen kind; raises SendError without one."""
    found = text(message, path or SHOP_ID, longest)
    if not found:
        detail = "The order has no id of the kind that the settings ask for."
        raise SendError(FailureKind.CONTENT_REJECTED, "no_external_id", detail)
    return found


def values(message: Message, wanted: Mapping[str, str], longest: int) -> dict[str, Value]:
    """Field -> what the message says about it. What it does not say is left as it is there."""
    found = {name: value(message, path, longest) for name, path in wanted.items()}
    return {name: one for name, one in found.items() if one != ""}


def texts(message: Message, wanted: Mapping[str, str], longest: int) -> dict[str, str]:
    """As `values`, for a system that takes texts alone."""
    found = {name: text(message, path, longest) for name, path in wanted.items()}
    return {name: one for name, one in found.items() if one}


def value(message: Message, path: str, longest: int) -> Value:
    """The value called `path`: numbers as such; empty when the message does not say."""
    if path in _AMOUNTS:
        return _number(message, _AMOUNTS[path])
    if path in _MADE:
        return _MADE[path](message)[:longest]
    *names, last = path.split(".")
    found = part(dict(message.data), *names).get(last)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    return id_of(found, longest)


def text(message: Message, path: str, longest: int) -> str:
    """The value called `path` as text: an amount with all the digits that its currency has."""
    if path in _AMOUNTS:
        order = part(message.data.get("order"))
        return money.written(order.get(_AMOUNTS[path]), order.get("currency"))
    return str(value(message, path, longest))


def title(message: Message) -> str:
    """What a record is called: the order's number and the brand."""
    order = part(message.data.get("order"))
    number = id_of(order.get("number")) or id_of(order.get("external_id"))
    return " · ".join(filter(None, (number, id_of(message.data.get("brand")))))


def _number(message: Message, name: str) -> Value:
    """An amount as a number of JSON: 21 and 21.5, as these systems show it."""
    order = part(message.data.get("order"))
    amount = money.amount(order.get(name), order.get("currency"))
    if amount is None:
        return ""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _shown(message: Message, name: str) -> str:
    """An amount for a text field, with its currency."""
    order = part(message.data.get("order"))
    return money.shown(order.get(name), order.get("currency"))


def _items(message: Message) -> str:
    """The order's lines as a person would read them."""
    rows = [part(one) for one in list_of(message.data.get("items"))]
    shown = [f"{id_of(one.get('quantity')) or 1} × {id_of(one.get('name'), 200)}" for one in rows]
    return ", ".join(shown)


def _tracking(message: Message, name: str) -> str:
    """Of the newest parcel."""
    parcels = list_of(message.data.get("tracking"))
    return id_of(part(parcels[-1]).get(name), 2000) if parcels else ""


def _opted_out(message: Message) -> str:
    """The kinds of message that the customer does not want, such as "email;sms"."""
    kinds = list_of(part(message.data.get("customer")).get("opted_out"))
    return ";".join(sorted(filter(None, map(id_of, kinds))))


_MADE: Mapping[str, Callable[[Message], str]] = {
    "text": lambda message: message.text,
    "subject": lambda message: message.subject,
    "url": lambda message: message.url,
    "ref": lambda message: message.ref,
    "to": lambda message: message.to,
    "title": title,
    "items": _items,
    "order.total_text": lambda message: _shown(message, "total_minor"),
    "order.refunded_text": lambda message: _shown(message, "refunded_minor"),
    "tracking.number": lambda message: _tracking(message, "number"),
    "tracking.carrier": lambda message: _tracking(message, "carrier"),
    "tracking.url": lambda message: _tracking(message, "url"),
    "customer.opted_out": _opted_out,
}
