"""A customer wrote: STOP, START, HELP and STATUS do what they say; the rest is for a person."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from channels_app.contract import InboundMessage
from channels_app.models import Channel
from channels_app.registry import provider_class
from consents import addresses, keywords, policy, recording
from consents.models import ContactPoint, Purpose
from notifications import doorbell, library
from notifications.models import Audience, CustomerMessage, Notification
from notifications.owing import new_delivery
from orders.models import Order
from orders.statuses import FINAL

REPLY_WITHIN = timedelta(minutes=5)
JOIN_PREFIX = "/start "
RECENT_ORDERS = 20
ANSWERED = ("stop", "start", "help", "status")
# Two machines that answer each other would never end. What is asked for is done all the same.
MOST_ANSWERS = 5
ANSWERS_WITHIN = timedelta(minutes=10)


def answer(channel: Channel, messages: Sequence[InboundMessage], now: datetime) -> int:
    """Take in what customers wrote on `channel`; how many messages were new."""
    if "customer" not in provider_class(channel.provider).audiences:
        return 0  # a staff room's buttons are not a customer's words
    new = 0
    with transaction.atomic():
        for message in messages:
            new += _take(channel, message, now)
        transaction.on_commit(doorbell.ring)
    return new


def _take(channel: Channel, message: InboundMessage, now: datetime) -> int:
    row, made = CustomerMessage.objects.get_or_create(
        channel=channel,
        provider_message_id=message.message_id[:200],
        defaults={
            "brand_id": channel.brand_id,
            "text": message.text[:4000] or message.action[:200],
            "received_at": now,
        },
    )
    if not made:
        return 0
    joining = _joined_by(channel, message)
    point = _sender(channel, message, joining, now)
    row.contact_point, row.customer = point, point.customer if point else None
    row.order = _order_of(point)
    if point is not None:
        kind = "start" if joining else _act(channel, message, point, now)
        row.understood_as = kind
        if kind in ANSWERED and not message.stop_handled and not _answered_enough(point, now):
            row.reply = _reply(channel, row, point, kind, now)
    row.save(update_fields=["contact_point", "customer", "order", "understood_as", "reply"])
    return 1


def _source(channel: Channel, message: InboundMessage) -> str:
    """What an act in the ledger goes back to."""
    return f"{channel.pk}:{message.message_id}"[:200]


def _joined_by(channel: Channel, message: InboundMessage) -> Order | None:
    """The order whose link the sender followed to start our bot."""
    if not message.text.startswith(JOIN_PREFIX):
        return None
    token = message.text.removeprefix(JOIN_PREFIX).strip()
    orders = Order.objects.filter(brand_id=channel.brand_id, token=token, is_test=False)
    return orders.filter(customer__isnull=False).first()


def _sender(
    channel: Channel, message: InboundMessage, joining: Order | None, now: datetime
) -> ContactPoint | None:
    """The address that wrote; one that is new becomes known, with the customer its link names."""
    kind = str(provider_class(channel.provider).address)
    if not addresses.normalise(kind, message.sender):
        return None  # nothing could ever be sent there
    if joining is not None:
        return recording.join(
            channel.brand_id,
            joining.customer_id,
            kind,
            message.sender,
            now,
            channel=channel.family,
            source_event_id=_source(channel, message),
        )
    want = recording.Wanted(channel.brand_id, None, kind, message.sender)
    found = recording.ensure_contact_points([want])
    return found.get((channel.brand_id, kind, addresses.normalise(kind, message.sender)))


def _order_of(point: ContactPoint | None) -> Order | None:
    """The order that the sender means: their newest one under way, else their newest."""
    if point is None or point.customer_id is None:
        return None
    orders = Order.objects.select_related("store", "brand", "customer").filter(
        customer_id=point.customer_id, is_test=False
    )
    newest = list(orders.order_by("-id")[:RECENT_ORDERS])
    under_way = [order for order in newest if order.status not in FINAL]
    return next(iter(under_way or newest), None)


def _act(channel: Channel, message: InboundMessage, point: ContactPoint, now: datetime) -> str:
    """Do what the message asks for; what it was understood as."""
    source = _source(channel, message)
    if message.left:
        why = "They left the chat."
        recording.provider_block(
            point, now, channel=channel.family, why=why, source_event_id=source
        )
        return "left"
    understood = keywords.understand(message.text, message.language)
    kind = understood.kind
    # A plain "yes", or a link that leads to no order, means something only after a stop.
    certain = understood.certain and not message.text.startswith(JOIN_PREFIX)
    if kind == "start" and not certain and not _has_stopped(channel, point, now):
        return "none"
    if kind in ("stop", "start"):
        act = recording.opt_out if kind == "stop" else recording.opt_in
        act(
            point,
            method="keyword",
            now=now,
            channel=channel.family,
            evidence={"word": message.text[:40]},
            source_event_id=source,
        )
    return str(kind)


def _answered_enough(point: ContactPoint, now: datetime) -> bool:
    """Whether whoever writes has had so many answers lately that it may be a machine like us."""
    lately = CustomerMessage.objects.filter(
        contact_point=point, reply__isnull=False, received_at__gt=now - ANSWERS_WITHIN
    )
    return lately.count() >= MOST_ANSWERS


def _has_stopped(channel: Channel, point: ContactPoint, now: datetime) -> bool:
    facts = policy.load(channel.brand_id, [point])
    return policy.recheck(facts, point, channel.family, Purpose.ORDER, now) is not None


def _reply(
    channel: Channel, row: CustomerMessage, point: ContactPoint, kind: str, now: datetime
) -> Notification | None:
    """Queue the answer, in their language, on the channel they wrote on."""
    shelf, order = library.of_brand(channel.brand_id), row.order
    event = kind
    if kind == "status":
        event = "where" if order is not None else "where_unknown"
    if not shelf.templates_for("customer", event, channel.family):
        return None  # staff see the message among those that nobody answered
    notification = Notification.objects.create(
        brand_id=channel.brand_id,
        intent=f"reply:{row.pk}",
        order=order,
        store_id=order.store_id if order else None,
        event=event,
        audience=Audience.CUSTOMER,
        # Asking where the order is, is asking for this one answer.
        purpose=Purpose.CONSENT_ADMIN,
        customer=point.customer,
        language=_language(order, point, shelf.brand.language),
        urgent=True,
        useful_until=now + REPLY_WITHIN,
        created_at=now,
    )
    route = {"channel": channel.pk, "contact_point": point.pk, "address": point.address}
    new_delivery(notification, route, now).save()
    return notification


def _language(order: Order | None, point: ContactPoint, fallback: str) -> str:
    customer = point.customer
    preference = getattr(customer, "preference", None) if customer else None
    choices = (
        preference.language if preference else "",
        order.language if order else "",
        customer.language if customer else "",
        order.store.language if order and order.store else "",
        fallback,
    )
    return next((one for one in choices if one), "en")[:10]
