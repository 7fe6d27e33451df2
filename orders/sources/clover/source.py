"""The Clover source: the set-up code, the static header, and the doorbell."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
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
    SourceError,
    Told,
    Unmappable,
)
from orders.parsing import dig, identifier, objects, parse_json, text
from orders.signatures import header, verify_token
from orders.sources.clover import api as clover
from orders.sources.clover.orders import deleted_order, order_event
from orders.sources.clover.statuses import DELETED_CHOICES, STATUSES, WALK_IN_CHOICES

AUTH = ("x-clover-auth",)
ORDERS = "O:"  # of the kinds of things that Clover rings for, the one that is read
KINDS = frozenset({"CREATE", "UPDATE", "DELETE"})
_CODE = re.compile(r"[A-Za-z0-9-]{8,80}")


class Clover(OrderSource):
    """The webhook of a Clover app, and the orders that it names."""

    slug = "clover"
    name = "Clover"
    mapper_version = "clover/v3/1"
    api_base = clover.BASES["na"]
    STATUSES = STATUSES
    approval = "Live merchants need an app that Clover has approved; test merchants do not."
    contact_use = (
        "For messages about this order. marketingAllowed is Clover's word for more than that, and "
        "it is not read."
    )
    CREDENTIALS = {
        "api_token": "The merchant's API token (Account & Setup, API Tokens), or the app's token.",
        "region": "na (default: United States, Canada), eu, la, or sandbox.",
    }
    SETTINGS = {
        "merchant_id": (
            "",
            "The merchant whose orders these are. One app rings for all of its merchants: the "
            "others are left out. Also needed to look for missed orders.",
        ),
        "order_types": (
            {},
            'Your order types: {"Drive through": "pickup", "Staff meal": "ignore"}. They are '
            "pickup, curbside, delivery, shipping, dine_in, digital or ignore.",
        ),
        "status_map": (
            {},
            'Words that an app writes into an order\'s state, in ours: {"ready": "ready"}.',
        ),
        "deleted_means": (
            DELETED_CHOICES[0],
            "What a deleted order is: archived (off the board, nobody is told) or cancelled.",
        ),
        "walk_ins": (
            WALK_IN_CHOICES[0],
            "An order that names no customer: track or ignore.",
        ),
        "reference_is_order_id": (
            False,
            "On when externalReferenceId is another system's order number and never used twice.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Compare the static code. Clover signs nothing."""
        given = header(raw, AUTH)
        if not given:
            raise BadSignature("The header X-Clover-Auth is missing.")
        verify_token(given, secrets)

    def set_up_code(self, raw: Raw) -> str:
        """The code that Clover posts when the address is saved, to be shown to the operator."""
        try:
            value = parse_json(raw.body) if raw.method == "POST" else None
        except Malformed:
            return ""
        if not isinstance(value, dict) or set(value) != {"verificationCode"}:
            return ""
        code = value["verificationCode"]
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""

    def handshake(self, raw: Raw, secrets: Sequence[str]) -> tuple[int, str] | None:
        """Clover wants 200 for its code, which comes before there is any secret."""
        return (200, "") if self.set_up_code(raw) else None

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event for each order that the doorbell names; of several rings the newest."""
        merchants = dig(parse_json(raw.body), "merchants")
        if not isinstance(merchants, dict):
            raise Malformed("The member merchants is missing: is this Clover?")
        only = text(raw.settings.get("merchant_id"), 40)
        return [
            item
            for merchant, rings in merchants.items()
            if not only or merchant == only
            for item in _items(merchant, objects(rings))
        ]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the order says; of a ring by itself only that an order was deleted."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable("The body is no object.")
        if "objectId" in value:
            return [_ring(topic, value, settings)]
        event = order_event(topic, value, settings)
        return [event] if event else []

    # -- the API ------------------------------------------------------------------------------

    def base(self, credentials: Mapping[str, str]) -> str:
        """The host of the region that the credentials name."""
        return clover.base(credentials)

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The order that rang; nothing for one that is gone, and for one that was listed."""
        value = parse_json(body)
        if not isinstance(dig(value, "objectId"), str) or value.get("type") == "DELETE":
            return None
        return clover.order_ask(text(value.get("merchant"), 40), _order_id(value), api)

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The order, with the merchant that it belongs to."""
        ring, order = parse_json(body), clover.answered(told)
        if order.get("id") != _order_id(ring):
            raise SourceError("Clover's answer is not the order that was asked for.")
        return clover.written(clover.slim(order, text(ring.get("merchant"), 40)))

    def list_ask(self, since: datetime, cursor: str, api: Api) -> Ask | None:
        """The merchant's orders changed since."""
        return clover.list_ask(since, cursor, api)

    def listed(self, told: Told) -> Page:
        """One page of them."""
        return clover.page(told)


def _items(merchant: str, rings: Sequence[Mapping[str, Any]]) -> list[Item]:
    """A bundle is in no order of time, and one order may ring three times within a second."""
    newest: dict[str, Mapping[str, Any]] = {}
    for ring in rings:
        thing = text(ring.get("objectId"), 80)
        if not thing.startswith(ORDERS) or text(ring.get("type"), 20) not in KINDS:
            continue
        known = newest.get(thing)
        if known is None or _when(ring) >= _when(known):
            newest[thing] = ring
    return [_item(merchant, thing, ring) for thing, ring in newest.items()]


def _when(ring: Mapping[str, Any]) -> int:
    """Milliseconds; a ring without a time is the oldest of all."""
    at = ring.get("ts")
    return at if isinstance(at, int) and not isinstance(at, bool) else 0


def _item(merchant: str, thing: str, ring: Mapping[str, Any]) -> Item:
    kind, at = text(ring.get("type"), 20), _when(ring)
    body = {"merchant": text(merchant, 40), "objectId": thing, "type": kind, "ts": at}
    key = f"{merchant}:{thing}:{kind}:{at}"
    return Item(key, f"order.{kind.lower()}", clover.written(body))


def _order_id(ring: Mapping[str, Any]) -> str:
    thing = identifier(ring.get("objectId"), "objectId")
    return thing.removeprefix(ORDERS)


def _ring(topic: str, ring: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    if ring.get("type") != "DELETE":
        raise Unmappable(
            "Clover only says that an order changed, and it has not been read from Clover. "
            "Save an api_token in the connection, then replay this event."
        )
    return deleted_order(topic, _order_id(ring), ring.get("ts"), settings)


SOURCE = Clover()
