"""One order message as a provider would send it: made by its own code, with made-up credentials.

Nothing leaves: a provider only describes its request, and this shows the description with every
secret of the credentials masked.
"""

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from django.utils.translation import gettext as _

from channels_app import registry
from channels_app.contract import Access, AddressKind, Family, Message, Provider, Request
from channels_app.credentials import is_secret
from channels_app.failures import SendError
from channels_app.models import Channel
from channels_app.providers.webpush.sandbox import demo_subscription
from notifications import deliverable, variables
from notifications.context import Job
from notifications.defaults import templates
from notifications.demo import gallery
from notifications.library import Library
from notifications.models import Delivery, MessageTemplate, Notification
from notifications.rendering import Rendered, render
from orders.models import Brand, FulfilmentGroup, Order, OrderLine, StatusChange, Store

NOW = datetime(2026, 3, 14, 22, 32, tzinfo=UTC)
BASE = "https://stand-in.example"
TOKEN = variables.TRACKING_EXAMPLE.rstrip("/").rpartition("/")[2]
HIDDEN = "••••"
SHORTEST = 6  # what is shorter is a choice, such as "webhook", and no secret
# Besides names that `is_secret` knows: headers and parameters that prove who is calling.
PROOFS = ("authorization", "signature", "sig", "hash", "mac")
SCHEME = re.compile(r"([A-Za-z][\w-]{2,20}) ")
PERSON: Mapping[str, Any] = {
    "id": "1",
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "email": "ada@example.com",
    "phone": "+12025550143",
    "language": "en",
    "opted_out": [],
}
ADDRESSES: Mapping[str, str] = {
    AddressKind.PHONE: str(PERSON["phone"]),
    AddressKind.EMAIL: str(PERSON["email"]),
    AddressKind.URL: "https://partner.example/orders",
}


@dataclass(frozen=True, slots=True)
class Example:
    """What is shown: the words, and the request; or the sentence that says why there is none."""

    text: str
    subject: str
    method: str = ""
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    problem: str = ""
    steps: bool = False  # further requests follow this one


@lru_cache(maxsize=128)
def example(slug: str, language: str) -> Example:
    """The example of provider `slug`, in `language` as far as there are words in it."""
    kind = registry.provider_class(slug)
    made = importlib.import_module(f"channels_app.providers.{slug}.sandbox").demo_credentials()
    provider = kind(
        {name: made.get(name, "") for name in kind.Credentials.base_fields} | made, BASE
    )
    words = _words(kind, language)
    message = provider.fit(_message(provider, words))
    several = kind.following is not Provider.following
    shown = Example(message.text, message.subject, steps=several)
    try:
        _sign_in(provider)
        return _shown(shown, provider.request(message), Masks(provider))
    except SendError as error:
        return replace(shown, problem=error.detail)


def _sign_in(provider: Provider) -> None:
    """A made-up token, where the credentials would fetch one."""
    if provider.token_request(NOW) is not None:
        data = {"instance_url": BASE, "api_domain": BASE}
        provider.access = Access("made-up-access-token", NOW + timedelta(hours=1), data)


# --- The message ---------------------------------------------------------------


def _words(kind: type[Provider], language: str) -> Rendered:
    """The default template's words about the made-up order."""
    name = "staff" if kind.family == Family.TEAM else "customer"
    wanted = {"name": name, "event": "preparing", "family": str(kind.family)}
    rows = [row for row in templates() if wanted.items() <= row.items()]
    row = next((row for row in rows if row["language"] == language), rows[0])
    values = variables.example(row["language"])
    brand = Brand(name=values["brand"]["name"])
    return render(MessageTemplate(**row), values, family=str(kind.family), brand=brand)


def _message(provider: Provider, words: Rendered) -> Message:
    push = demo_subscription("ada-phone")
    data = _data(provider)
    if provider.address == AddressKind.PUSH:
        data["push"] = {name: push[name] for name in ("p256dh", "auth")}
    return Message(
        to=_address(provider, push["endpoint"]),
        text=words.text,
        subject=words.subject,
        html=words.html,
        ref="0f8fad5b-d9cb-469f-a165-70867728950e",
        collapse_key="order-1024",
        url=variables.TRACKING_EXAMPLE,
        callback_url=f"{BASE}/receipts/example/",
        unsubscribe_url=f"{BASE}/unsubscribe/example/" if provider.address == "email" else "",
        data=data,
        window_open=True,
    )


def _address(provider: Provider, endpoint: str) -> str:
    """Somebody whom this provider reaches; for rooms and systems a place that it understands."""
    if provider.address == AddressKind.PUSH:
        return endpoint
    if provider.address == AddressKind.ROOM:
        return gallery.PLACES.get(provider.slug, "orders")
    known = ADDRESSES.get(provider.address)
    return known or gallery.JOINED.get(provider.slug, "example-recipient")


def _data(provider: Provider) -> dict[str, Any]:
    """The order in fields, as the product would add them for this provider."""
    job = _job(provider)
    return {**deliverable.data_for(job, NOW), "brand": job.shelf.brand.name}


def _job(provider: Provider) -> Job:
    """A delivery of the made-up order. Nothing of it is saved."""
    channel = Channel(provider=provider.slug)
    channel.speaker = provider
    order = Order(
        pk=1024, external_id="5001", display_number="#1024", status="preparing",
        fulfilment_type="pickup", currency="USD", total_minor=4350, placed_at=NOW,
        token=TOKEN, connection_id=1, store_id=1,
    )  # fmt: skip
    change = StatusChange(status="preparing", previous_status="confirmed", occurred_at=NOW)
    source = provider.slug if provider.slug in gallery.OWN_ORDERS else "generic"
    store = Store(slug="centro", name="Bella Napoli Centro")
    shelf = Library(
        Brand(name="Bella Napoli"), {1: store}, [], [], [], [], connections={1: (source, "Shop")}
    )
    return Job(
        delivery=Delivery(),
        notification=Notification(event="preparing"),
        channel=channel,
        shelf=shelf,
        order=order,
        change=change,
        groups=[FulfilmentGroup(key="main", status="preparing", ready_at=NOW)],
        lines=[OrderLine(line_id="1", name="Margherita", quantity=Decimal(2))],
        point=None,
        facts=None,
        person=dict(PERSON),
    )


# --- The request, without secrets -------------------------------------------------


class Masks:
    """What must not be shown of one provider's credentials, and how it is taken out."""

    def __init__(self, provider: Provider) -> None:
        secret = {name: provider.credentials.get(name, "") for name in provider.Credentials.secret}
        found = {part for value in secret.values() for part in _parts(value)}
        if provider.access is not None:
            found.add(provider.access.token)
        written = {
            form for part in found for form in (part, quote(part, safe=""), quote_plus(part))
        }
        self._written = sorted(written, key=len, reverse=True)  # the whole before its parts

    def hide(self, text: str) -> str:
        """`text` without them."""
        for secret in self._written:
            text = text.replace(secret, HIDDEN)
        return text

    def header(self, name: str, value: str) -> str:
        """A header's value; of a proof only the word that says of what kind it is."""
        if not _proves(name):
            return self.hide(value)
        scheme = SCHEME.match(value)
        return f"{scheme[1]} {HIDDEN}" if scheme else HIDDEN

    def path(self, url: str) -> str:
        """Path and query, with proofs in the query masked too."""
        parts = urlsplit(url)
        asked = parse_qsl(parts.query, keep_blank_values=True)
        query = "&".join(f"{n}={HIDDEN if _proves(n) else self.hide(v)}" for n, v in asked)
        return self.hide(parts.path) + (f"?{query}" if query else "")

    def body(self, request: Request) -> str:
        """The body as a person reads it."""
        kind = next((v for n, v in request.headers.items() if n.lower() == "content-type"), "")
        try:
            text = request.body.decode()
        except UnicodeDecodeError:
            return _("%d bytes, encrypted for the reader") % len(request.body)
        if "x-www-form-urlencoded" in kind:
            fields = parse_qsl(text, keep_blank_values=True)
            return self.hide("\n".join(f"{name} = {value}" for name, value in fields))
        return self.hide(_pretty(text))


def _proves(name: str) -> bool:
    """Whether a header or parameter called so shows who is calling. Repeats are known by others."""
    low = name.lower()
    if low == "idempotency-key":
        return False
    return is_secret(low) or any(re.search(rf"(^|[-_]){word}$", low) for word in PROOFS)


def _parts(value: str) -> Iterator[str]:
    """A secret, and what of it could stand somewhere by itself."""
    yield from _long([value])
    if value.startswith("{"):
        try:
            held = json.loads(value).items()
            yield from _long(str(inner) for name, inner in held if is_secret(name))
        except (ValueError, AttributeError):
            return
    elif "://" in value:
        url = urlsplit(value)
        yield from _long(unquote(part) for part in url.path.split("/") if len(part) >= 16)
        yield from _long(part for name, part in parse_qsl(url.query) if _proves(name))


def _long(values: Iterable[str]) -> Iterator[str]:
    return (value for value in values if len(value) >= SHORTEST)


def _shown(words: Example, request: Request, masks: Masks) -> Example:
    return replace(
        words,
        method=request.method,
        path=masks.path(request.url),
        headers=tuple((name, masks.header(name, v)) for name, v in request.headers.items()),
        body=masks.body(request),
    )


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
