"""What came in, and what happened because of it."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models.connections import SourceConnection
from orders.models.orders import Order
from orders.models.tenants import Brand
from orders.statuses import Fact


class InboundEvent(models.Model):
    """A request as a source sent it: kept before it is trusted, replayable after."""

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        FETCHING = "fetching", _("Waiting for the source's answer")
        PROCESSED = "processed", _("Processed")
        IGNORED = "ignored", _("Nothing to do")
        WAITING = "waiting", _("Waiting for its order")
        FAILED = "failed", _("Not understood")

    connection = models.ForeignKey(
        SourceConnection, on_delete=models.CASCADE, related_name="inbound_events"
    )
    event_key = models.CharField(max_length=255)
    topic = models.CharField(max_length=120, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    fetched = models.BinaryField(null=True, blank=True)  # what a body that only points led to
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.RECEIVED, db_default="received"
    )
    error = models.TextField(blank=True, default="", db_default="")
    mode = models.CharField(max_length=10, default="live")  # live, test, import, replay
    mapper_version = models.CharField(max_length=40, blank=True, default="", db_default="")
    order = models.ForeignKey(Order, on_delete=models.SET_NULL, null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "event_key"], name="inbound_event_once")
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="inbound_open",
                condition=models.Q(state__in=["received", "waiting"]),
            ),
            models.Index(
                fields=["due_at"], name="inbound_fetching", condition=models.Q(state="fetching")
            ),
            models.Index(fields=["connection", "-id"], name="inbound_by_connection"),
            models.Index(fields=["-id"], name="inbound_failed", condition=models.Q(state="failed")),
        ]

    def __str__(self) -> str:
        return f"{self.topic or 'event'} {self.event_key}"


class StatusChange(models.Model):
    """One entry of an order's timeline. Written once; `planned_at` says the messages are owed."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="changes")
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    group_key = models.CharField(max_length=120, blank=True)  # empty: the order as a whole
    fact = models.CharField(max_length=12, choices=Fact.choices, default=Fact.STATUS)
    status = models.CharField(max_length=20, blank=True)
    previous_status = models.CharField(max_length=20, blank=True)
    # The n-th time that this happened to this group: what makes a change, and its message, unique.
    occurrence = models.CharField(max_length=80, default="1")
    part = models.BooleanField(default=False, help_text=_("One of several parts, not the whole"))
    applied = models.BooleanField(default=True, help_text=_("False: came too late to count"))
    silent_why = models.CharField(max_length=20, blank=True)  # test, import, replay, stale
    data = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=120, blank=True)
    event = models.ForeignKey(InboundEvent, on_delete=models.SET_NULL, null=True, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    planned_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order", "group_key", "fact", "status", "occurrence"], name="change_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], name="change_open", condition=models.Q(planned_at__isnull=True)
            ),
            models.Index(fields=["order", "id"], name="change_timeline"),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} · {self.order_id}"

    @property
    def event_name(self) -> str:
        """What rules and templates call this: the status, or the fact."""
        return self.status if self.fact == Fact.STATUS else self.fact
