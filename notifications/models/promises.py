"""Times: what customers were promised, when each phase should end, how often a source speaks."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models import Brand, Order, SourceConnection, Store


class Promise(models.Model):
    """A time that a customer was told, or saw on the tracking page."""

    class Way(models.TextChoices):
        MESSAGE = "message", _("Message")
        PAGE = "page", _("Tracking page")

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="promises")
    group_key = models.CharField(max_length=120, blank=True)
    way = models.CharField(max_length=8, choices=Way.choices, default=Way.MESSAGE)
    promised_at = models.DateTimeField()  # the time that was promised
    told_at = models.DateTimeField(default=timezone.now)
    delivery_id = models.BigIntegerField(null=True, blank=True)  # the message that said so

    class Meta:
        indexes = [models.Index(fields=["order", "-id"], name="promise_order")]

    def __str__(self) -> str:
        return f"{self.promised_at:%H:%M}"


class PhaseTime(models.Model):
    """How long an order may stay in a phase. The most particular row counts."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="phase_times")
    store = models.ForeignKey(Store, on_delete=models.CASCADE, null=True, blank=True)
    source = models.CharField(max_length=40, blank=True, help_text=_("Empty: every source"))
    fulfilment_type = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=20)
    minutes = models.PositiveIntegerField(help_text=_("0: no clock for this phase"))

    class Meta:
        ordering = ["brand_id", "status", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "store", "source", "fulfilment_type", "status"],
                name="phase_time_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.status}: {self.minutes} min"


class Expectation(models.Model):
    """When a part of an order should have left its phase. One row per part, moved on with it."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="expectations")
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    group_key = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=20)
    due_at = models.DateTimeField()
    why = models.CharField(max_length=20, blank=True)  # promise, eta or phase
    raised_at = models.DateTimeField(null=True, blank=True)  # an incident was opened
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "group_key"], name="expectation_once")
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="expectation_due",
                condition=models.Q(raised_at__isnull=True, closed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} until {self.due_at:%H:%M}"


class Pulse(models.Model):
    """How many events a connection sent in one half hour."""

    connection = models.ForeignKey(
        SourceConnection, on_delete=models.CASCADE, related_name="pulses"
    )
    slot = models.DateTimeField()  # its beginning
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "slot"], name="pulse_once")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.slot:%d %b %H:%M}: {self.count}"


class PageView(models.Model):
    """A person looked at the tracking page: they know. Link scanners do not count."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="page_views")
    status = models.CharField(max_length=20)  # what the page said
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["order", "-id"], name="page_view_order")]

    def __str__(self) -> str:
        return f"{self.order_id} at {self.seen_at:%H:%M}"
