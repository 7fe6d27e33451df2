"""The Toast source: the signature, the event's guid, and which body goes where."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from orders.contract import (
    Api,
    Ask,
    BadSignature,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Page,
    Raw,
    Token,
    Told,
    Unmappable,
)
from orders.parsing import dig, parse_json, plain, text, timestamp
from orders.signatures import Scheme, header, verify
from orders.sources.toast import api as toast_api
from orders.sources.toast.orders import guest_status_event, is_guest_status, order_event
from orders.sources.toast.statuses import STATUSES

# The time of sending is a member of the body; it is put here for the scheme to find.
STAMP = "toast-timestamp"
TOAST = Scheme(
    headers=("toast-signature",), template="{body}{timestamp}", timestamp_headers=(STAMP,)
)
MAX_BYTES = 5_000_000
AHEAD = timedelta(minutes=5)
MAX_AGE_MINUTES = 60  # the last attempt is made a quarter of an hour after the first
ORDER_EVENTS = frozenset({"order_updated", "channel_order_updated", toast_api.LISTED})


class Toast(OrderSource):
    """The webhooks of a Toast restaurant, completed from its API."""

    slug = "toast"
    name = "Toast"
    mapper_version = "toast/2.9.4/1"
    STATUSES = STATUSES
    api_base = f"https://{toast_api.DEFAULT_HOST}"
    approval = (
        "Needs API access that Toast grants to partners, and to restaurants that pay for its "
        "Standard API; Toast's support creates the webhook."
    )
    contact_use = (
        "Guests may be told about this order, and about nothing else without their consent. "
        "Numbers from marketplaces are masked: they take no texts and end with the order."
    )
    contact_hours = 24
    SETTINGS = {
        "status_map": ({}, 'Toast\'s words in ours, beside the table: {"HOLD": "placed"}.'),
        "currency": ("USD", "The restaurant's currency; Toast's orders name none."),
        "dining_options": (
            {},
            "How the guest gets an order, by the guid of its dining option: "
            '{"06f9…": "pickup"}; pickup, curbside, delivery or dine_in.',
        ),
        "other_dining_options": (
            "",
            "What all other dining options are: pickup, curbside, delivery, dine_in or nothing.",
        ),
        "marketplace_dining_options": (
            [],
            "Guids of the dining options of marketplaces: their guests' numbers are masked.",
        ),
        "ready_when": (
            "all",
            "When an order is ready: all (every item is), or sent (every item that was sent to "
            "the kitchen is).",
        ),
        "closed_means": (
            "nothing",
            "What a paid and closed order says: nothing, or handed_over.",
        ),
        "max_age_minutes": (
            MAX_AGE_MINUTES,
            "How old a webhook may be when it arrives; 0 takes any age.",
        ),
    }
    CREDENTIALS = {
        "client_id": "The client ID of your API access, from Toast Web or Toast's integrations "
        "team.",
        "client_secret": "The client secret that belongs to it.",
        "restaurant_guid": "The restaurant's GUID; missed orders are looked for there.",
        "api_host": "The host of Toast's API, if you were given one; else ws-api.toasttab.com.",
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body and the time in it, and that the time is near."""
        if not header(raw, TOAST.headers):
            raise BadSignature("The header toast-signature is missing or empty.")
        stamp = _stamp(raw.body)
        signed = replace(raw, headers={**raw.headers, STAMP: stamp})
        verify(TOAST, signed, secrets)
        _check_age(stamp, raw)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by the guid that all its attempts have."""
        body = _object(raw.body)
        guid = text(body.get("guid"), 120)
        topic = text(body.get("eventType"), 120) or text(body.get("eventCategory"), 120)
        return [Item(guid or sha256(raw.body).hexdigest(), topic.lower())]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says."""
        value = _object(body)
        if is_guest_status(value):
            return [guest_status_event(topic, value, settings)]
        if topic and topic not in ORDER_EVENTS and not dig(value, "details", "order"):
            raise Unmappable(
                f"{topic} is not about an order. Ask Toast to end that subscription for this "
                "address."
            )
        return [order_event(topic, value, settings)]

    def base(self, credentials: Mapping[str, str]) -> str:
        """The host that Toast gave out, or its usual one."""
        return toast_api.base_of(credentials)

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The order with its guest. Without credentials the webhook has to do."""
        return None if topic == toast_api.LISTED else toast_api.order_ask(_object(body), api)

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The webhook with the API's order in it."""
        return toast_api.with_order(body, told)

    def token_ask(self, api: Api, now: datetime) -> Ask | None:
        """Log in. Toast wants that to be rare: a token is good for about a day."""
        return toast_api.login(api)

    def token(self, told: Told, now: datetime) -> Token:
        """The token of the login."""
        return toast_api.token(told, now)

    def list_ask(self, since: datetime, cursor: str, api: Api) -> Ask | None:
        """Orders that were changed since."""
        return toast_api.list_ask(since, cursor, api)

    def listed(self, told: Told) -> Page:
        """Each order as a body of its own; known again by its content."""
        orders = toast_api.listed_orders(told)
        return Page([_item(order) for order in orders], toast_api.next_page(told, len(orders)))


def _item(order: Mapping[str, Any]) -> Item:
    body = {"eventType": toast_api.LISTED, "details": {"order": plain(order)}}
    written = json.dumps(body, sort_keys=True).encode()
    return Item(f"listed:{sha256(written).hexdigest()}", toast_api.LISTED, written)


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BYTES:
        raise Malformed(f"The body has {len(body)} bytes; Toast's have {MAX_BYTES} at most.")
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Malformed("The body is no object.")
    return value


def _stamp(body: bytes) -> str:
    """The time of sending as it is written in the body."""
    try:
        stamp = _object(body).get("timestamp")
    except Malformed:
        raise BadSignature("The body cannot be read, so its signature proves nothing.") from None
    if not isinstance(stamp, str) or not stamp:
        raise BadSignature("The body has no timestamp, which the signature must cover.")
    return stamp


def _check_age(stamp: str, raw: Raw) -> None:
    """Refuse what was sent long ago, or will only be sent."""
    sent = timestamp(stamp)
    now = raw.received_at or datetime.now(UTC)
    if sent is None or sent - now > AHEAD:
        raise BadSignature("The time of sending is unreadable, or ahead of our clock.")
    minutes = raw.settings.get("max_age_minutes", MAX_AGE_MINUTES)
    usable = isinstance(minutes, int) and not isinstance(minutes, bool) and minutes >= 0
    oldest = timedelta(minutes=minutes if usable else MAX_AGE_MINUTES)
    if oldest and now - sent > oldest:
        raise BadSignature("The webhook was sent too long ago.")


SOURCE = Toast()
