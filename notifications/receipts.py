"""A provider's later word: find the delivery, advance it. Never backwards."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from channels_app.contract import Receipt, ReceiptStatus
from channels_app.failures import CONSEQUENCES, FailureKind, SendError
from channels_app.models import Channel
from channels_app.registry import provider_class
from consents import recording
from consents.models import ConsentEvent
from notifications import breaker, channel_minutes, confirming, doorbell, failover, fallback
from notifications.models import Attempt, Delivery, Notification, ReceiptRecord
from notifications.unreached import reached

State = Delivery.State
EARLY_FOR = timedelta(minutes=10)
# What a receipt may move a delivery to, and from where. A failure may be corrected by proof.
_ADVANCES: dict[str, tuple[str, frozenset[str]]] = {
    ReceiptStatus.SENT: (State.SENT, frozenset({State.SENDING, State.UNKNOWN})),
    ReceiptStatus.QUEUED: (State.SENT, frozenset({State.SENDING, State.UNKNOWN})),
    ReceiptStatus.DEFERRED: (State.SENT, frozenset({State.SENDING, State.UNKNOWN})),
    ReceiptStatus.DELIVERED: (
        State.DELIVERED,
        frozenset({State.QUEUED, State.SENDING, State.UNKNOWN, State.SENT, State.FAILED}),
    ),
    ReceiptStatus.READ: (
        State.READ,
        frozenset(
            {State.QUEUED, State.SENDING, State.UNKNOWN, State.SENT, State.DELIVERED, State.FAILED}
        ),
    ),
}
_ARRIVED = (State.DELIVERED, State.READ)
_MAY_FAIL = frozenset({State.SENDING, State.UNKNOWN, State.SENT})


def apply(channel: Channel, receipts: Sequence[Receipt], now: datetime) -> int:
    """Store `receipts` of `channel`, once each, and advance their deliveries; how many were new."""
    with transaction.atomic():
        told = [(one, row) for one in receipts if (row := _store(channel, one, now)) is not None]
        found = _find([row for _receipt, row in told])
        deliveries = _held(found.values())
        took: list[int] = []
        for receipt, record in told:
            delivery = deliveries.get(found.get(record.pk, 0))
            if delivery is not None:
                took += _tie(record, delivery, now)
            elif receipt.opt_out and receipt.address:
                _complaint_of_a_stranger(channel, receipt, record, now)
        channel_minutes.add_delivered({channel.pk: took}, now)
        if told:
            transaction.on_commit(doorbell.ring)
    return len(told)


def _complaint_of_a_stranger(
    channel: Channel, receipt: Receipt, record: ReceiptRecord, now: datetime
) -> None:
    """They complained of a message that we do not know (yet): it counts for the address."""
    recording.record(
        brand_id=channel.brand_id,
        kind=str(provider_class(channel.provider).address),
        address=receipt.address,
        action=ConsentEvent.Action.COMPLAINT,
        channel=channel.family,
        method="provider",
        source_event_id=f"receipt:{record.pk}",
        occurred_at=record.at,
        now=now,
    )


def _store(channel: Channel, receipt: Receipt, now: datetime) -> ReceiptRecord | None:
    """The receipt's row; None when it was told before."""
    name = receipt.message_id or receipt.ref
    row, made = ReceiptRecord.objects.get_or_create(
        channel=channel,
        event_key=(receipt.event_id or f"{name}:{receipt.status}")[:255],
        defaults={
            "provider_message_id": receipt.message_id[:200],
            "ref": receipt.ref[:40],
            "status": receipt.status,
            "code": receipt.code[:60],
            "detail": receipt.detail[:300],
            "failure": receipt.failure or "",
            "opt_out": receipt.opt_out,
            "at": min(receipt.at or now, now),
            "received_at": now,
        },
    )
    return row if made else None


def _find(records: Sequence[ReceiptRecord]) -> dict[int, int]:
    """Record id -> delivery id: by our own reference, else by the provider's id.

    Two queries, whatever the number. Only among the deliveries of each receipt's own channel.
    """
    channels = {row.channel_id for row in records}
    refs = {row.ref for row in records} - {""}
    names = {row.provider_message_id for row in records} - {""}
    by_ref: dict[tuple[int, str], int] = {}
    by_name: dict[tuple[int, str], int] = {}
    if refs:
        rows = Delivery.objects.filter(channel_id__in=channels, ref__in=refs)
        by_ref = {
            (owner, ref): pk for owner, ref, pk in rows.values_list("channel_id", "ref", "id")
        }
    if names:
        # The exclusion is what lets PostgreSQL use the partial index for a long list.
        tries = Attempt.objects.filter(
            channel_id__in=channels, provider_message_id__in=names
        ).exclude(provider_message_id="")
        columns = tries.values_list("channel_id", "provider_message_id", "delivery_id")
        by_name = {(owner, name): pk for owner, name, pk in columns}
    found = {
        row.pk: by_ref.get((row.channel_id, row.ref))
        or by_name.get((row.channel_id, row.provider_message_id))
        for row in records
    }
    return {pk: delivery for pk, delivery in found.items() if delivery is not None}


def _held(ids: Iterable[int]) -> dict[int, Delivery]:
    """The deliveries, locked in the order of their ids before anything else is."""
    rows = Delivery.objects.select_for_update(no_key=True, of=("self",)).order_by("id")
    return rows.select_related("notification", "contact_point").in_bulk(set(ids))


def _tie(record: ReceiptRecord, delivery: Delivery, now: datetime) -> list[int]:
    """Advance the delivery; how many seconds it took to arrive, when that is what was told."""
    record.delivery = delivery
    record.save(update_fields=["delivery"])
    moved = False
    if record.status == ReceiptStatus.FAILED:
        _fail(record, delivery, now)
    else:
        moved = _advance(record, delivery, now)
    if record.opt_out and delivery.contact_point is not None:
        family, source = record.channel.family, f"receipt:{record.pk}"
        recording.complaint(delivery.contact_point, now, channel=family, source_event_id=source)
    if not moved or record.status not in _ARRIVED or delivery.state in _ARRIVED:
        return []
    sent_at = delivery.sent_at or record.at
    return [max(0, int((record.at - sent_at).total_seconds()))]


def _advance(record: ReceiptRecord, delivery: Delivery, now: datetime) -> bool:
    state, allowed = _ADVANCES[record.status]
    more = {}
    if state == State.SENT:
        more = {"confirm_by": confirming.deadline(delivery, record.channel, now)}
    elif delivery.state == State.FAILED or delivery.failure == fallback.UNCONFIRMED:
        confirming.proved(delivery, now)
    moved = Delivery.objects.filter(pk=delivery.pk, state__in=allowed).update(
        state=state,
        lease_until=None,
        failure="",
        reason="",
        sent_at=delivery.sent_at or record.at,
        ended_at=record.at if state != State.SENT else None,
        **more,
    )
    if moved:
        Notification.objects.filter(pk=delivery.notification_id).exclude(
            state=Notification.State.DONE
        ).update(state=Notification.State.DONE)
        if delivery.notification.state == Notification.State.FAILED:
            reached(delivery.notification, now)
    return bool(moved)


def _fail(record: ReceiptRecord, delivery: Delivery, now: datetime) -> None:
    """It did not arrive after all: what the table of consequences says, then the next route."""
    why = f"{record.code} {record.detail}".strip() or "The provider could not deliver it."
    moved = Delivery.objects.filter(pk=delivery.pk, state__in=_MAY_FAIL).update(
        state=State.FAILED, failure=record.failure, reason=why[:300], ended_at=now, lease_until=None
    )
    if not moved:
        return
    delivery.state = State.FAILED
    consequence = CONSEQUENCES.get(FailureKind(record.failure)) if record.failure else None
    channel, point = record.channel, delivery.contact_point
    if consequence and consequence.suppress_address and point is not None:
        recording.suppress_address(
            point, why, now, channel=channel.family, source_event_id=f"receipt:{record.pk}"
        )
    if consequence and consequence.record_opt_out and point is not None:
        recording.provider_block(point, now, channel=channel.family, why=record.code)
    if consequence and consequence.pause_channel:
        breaker.trip(channel, why, now, SendError(FailureKind.MISCONFIGURED))
    if delivery.failure != fallback.UNCONFIRMED:  # then another route has taken over already
        account = record.failure in failover.ACCOUNT_FAULTS
        fallback.next_route(
            delivery.notification, delivery, why, now, channel.family, account=account
        )


def match_early(limit: int, now: datetime) -> int:
    """Receipts that were faster than our own settling find their deliveries now."""
    waiting = ReceiptRecord.objects.filter(
        delivery__isnull=True, received_at__gte=now - EARLY_FOR
    ).select_related("channel")
    records = {record.pk: record for record in waiting.order_by("-id")[:limit]}
    found = _find(list(records.values())) if records else {}
    for pk, delivery_id in found.items():
        with transaction.atomic():
            delivery = _held([delivery_id]).get(delivery_id)
            if delivery is not None:
                took = _tie(records[pk], delivery, now)
                channel_minutes.add_delivered({delivery.channel_id: took}, now)
    return len(found)
