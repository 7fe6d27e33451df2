"""A WooCommerce order: the body of GET wc/v3/orders/<id>, as its webhooks send it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Refund, Tracking, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    first_phone,
    html_text,
    identifier,
    minor_or_none,
    objects,
    quantity,
    text,
    timestamp,
    unique,
    web_address,
)
from orders.sources.woocommerce.statuses import Meaning, fulfilment_type, meaning, slug_of

# Members that an order has and a refund, a note or a parcel has not.
ORDER_MEMBERS = ("line_items", "billing", "order_key", "number", "total")
TRACKING_META = frozenset({"_wc_shipment_tracking_items", "shipment_trackings"})


def order_event(
    topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """The order as it stands; None for a draft that nobody has placed yet."""
    _require_order(body)
    method = fulfilment_type(body, settings)
    modified = utc(body, "date_modified")
    means = meaning(slug_of(body), method, utc(body, "date_paid") is not None, settings)
    if means.ignored:
        return None
    currency = currency_code(body.get("currency"))
    total = minor_or_none(body.get("total"), currency)
    refunds = read_refunds(body, currency)
    return OrderEvent(
        external_id=identifier(body.get("id")),
        topic=topic,
        clock=Clock(at=modified),
        occurred_at=modified or _last_date(body),
        display_number=html_text(body.get("number"), 60),
        source_status=slug_of(body),
        **_of(means),
        refunded_in_full=_all_back(means, refunds, total),
        fulfilment_type=method,
        currency=currency,
        total_minor=total,
        placed_at=utc(body, "date_created"),
        contact=read_contact(body),
        lines=read_lines(body),
        lines_complete=isinstance(body.get("line_items"), list),
        groups=read_groups(body),
        refunds=refunds,
        note=html_text(body.get("customer_note"), 1000),
        attributes=_attributes(body),
    )


def _of(means: Meaning) -> dict[str, Any]:
    return {
        "status": str(means.status),
        "unmapped_status": means.unmapped,
        "cancel_reason": means.cancel_reason,
        "facts": means.facts,
        "archived": means.archived,
        # What was thrown away before we ever heard of it is no order of ours.
        "may_create": not means.archived,
    }


def _require_order(body: Mapping[str, Any]) -> None:
    """Answers of the REST API look alike; only an order is one."""
    is_order = "status" in body and any(name in body for name in ORDER_MEMBERS)
    if not is_order or not identifier(body.get("id")):
        raise Unmappable(
            "The body is no order: a refund, a note, a parcel or a list cannot be delivered "
            "here. Create the webhook with the topic Order created or Order updated."
        )


def deleted_order(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """order.deleted: nobody is told, the order leaves the board."""
    order_id = identifier(body.get("id"))
    if not order_id:
        raise Unmappable("The body does not say which order was deleted.")
    return OrderEvent(order_id, topic, source_status="deleted", archived=True, may_create=False)


def action_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """action.*: a WordPress hook and its first argument; some hooks name the new status."""
    hook = text(body.get("action"), 120) or topic.removeprefix("action.")
    slug = _slug_in(hook)
    order_id = identifier(body.get("arg"), "arg") if slug else ""
    means = meaning(slug, "", False, settings) if slug else Meaning(unmapped=hook)
    if not order_id or not means.status or slug in ("completed", "failed"):
        raise Unmappable(
            f"The action {hook} does not say what happened to the order. "
            "Create the webhook with the topic Order updated instead."
        )
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        status=str(means.status),
        source_status=slug,
        may_create=False,
    )


def _slug_in(hook: str) -> str:
    """The status that `woocommerce_order_status_<slug>` (or `_<old>_to_<new>`) ends in."""
    prefix = "woocommerce_order_status_"
    if not hook.startswith(prefix) or hook == f"{prefix}changed":
        return ""
    return hook.removeprefix(prefix).rpartition("_to_")[2]


# -- members ------------------------------------------------------------------------------------


def utc(body: Mapping[str, Any], name: str) -> datetime | None:
    """The `_gmt` twin of a date: UTC without saying so. The other one is in the site's own time."""
    return timestamp(body.get(f"{name}_gmt"), naive_is_utc=True)


def _last_date(body: Mapping[str, Any]) -> datetime | None:
    """The newest date of a body that does not say when it was changed: it is no younger."""
    dates = (utc(body, name) for name in ("date_created", "date_paid", "date_completed"))
    return max((date for date in dates if date), default=None)


def read_contact(body: Mapping[str, Any]) -> Contact | None:
    """Whom to tell: who pays. None when the body names nobody."""
    billing, shipping = body.get("billing"), body.get("shipping")
    person = billing if _name(billing) else shipping
    country = (_country(billing) or _country(shipping)).upper()
    customer_id = identifier(body.get("customer_id"), "customer_id")
    contact = Contact(
        external_id="" if customer_id == "0" else customer_id,
        name=_name(person),
        given_name=html_text(dig(person, "first_name"), 100),
        email=text(dig(billing, "email"), 254),
        phone=first_phone((dig(billing, "phone"), dig(shipping, "phone")), country),
        language=_meta_text(body, "wpml_language")[:10],
        country=country,
    )
    return contact if contact != Contact() else None


def _country(address: Any) -> str:
    code = text(dig(address, "country"), 3)
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def _name(person: Any) -> str:
    parts = (html_text(dig(person, name), 100) for name in ("first_name", "last_name"))
    return " ".join(part for part in parts if part)


def read_lines(body: Mapping[str, Any]) -> list[Line]:
    """All lines, with the entities in their names written out."""
    read = (
        Line(
            line_id=identifier(item.get("id"), "line id"),
            name=html_text(item.get("name"), 300),
            quantity=quantity(item.get("quantity")) or "1",
            sku=html_text(item.get("sku"), 120),
        )
        for item in objects(body.get("line_items"))
    )
    return [line for line in read if line.line_id]


def read_refunds(body: Mapping[str, Any], currency: str) -> list[Refund]:
    """The refunds; their totals are negative, and the reason has had two names."""
    read = (
        Refund(
            refund_id=identifier(item.get("id"), "refund id"),
            amount_minor=abs(minor_or_none(item.get("total"), currency) or 0),
            reason=html_text(item.get("reason"), 200) or html_text(item.get("refund"), 200),
        )
        for item in objects(body.get("refunds"))
    )
    return [refund for refund in read if refund.refund_id and refund.amount_minor]


def _all_back(means: Meaning, refunds: list[Refund], total: int | None) -> bool:
    if means.status == "refunded":
        return True
    return bool(total) and sum(refund.amount_minor for refund in refunds) == total


def read_groups(body: Mapping[str, Any]) -> list[Group]:
    """The order in one part, when there is something to say of it: its parcels."""
    tracking = read_tracking(body)
    return [Group(tracking=tracking)] if tracking else []


def read_tracking(body: Mapping[str, Any]) -> list[Tracking]:
    """The parcels that the Shipment Tracking extension keeps, in the body or in its meta data."""
    metas = [
        one.get("value")
        for one in objects(body.get("meta_data"))
        if one.get("key") in TRACKING_META
    ]
    found = [
        _parcel(item)
        for items in (*metas, body.get("shipment_trackings"))
        for item in objects(items)
    ]
    return list({one.number or one.url: one for one in found if one.number or one.url}.values())


def _parcel(item: Mapping[str, Any]) -> Tracking:
    carriers = (
        html_text(item.get(name), 80) for name in ("custom_tracking_provider", "tracking_provider")
    )
    links = (
        web_address(item.get(name))
        for name in ("custom_tracking_link", "tracking_link", "formatted_tracking_link")
    )
    return Tracking(
        number=text(item.get("tracking_number"), 120),
        carrier=next((one for one in carriers if one), ""),
        url=next((one for one in links if one), ""),
    )


def _attributes(body: Mapping[str, Any]) -> dict[str, str]:
    """Extras that support asks for; the parent is there when a plug-in has split an order."""
    parent = identifier(body.get("parent_id"), "parent_id")
    kept = {
        "payment_method": html_text(body.get("payment_method_title"), 120),
        "created_via": text(body.get("created_via"), 60),
        "parent_external_id": "" if parent == "0" else parent,
    }
    return {name: value for name, value in kept.items() if value}


def _meta_text(body: Mapping[str, Any], key: str) -> str:
    metas = objects(body.get("meta_data"))
    values = unique(text(one.get("value"), 200) for one in metas if one.get("key") == key)
    return values[0] if values else ""
