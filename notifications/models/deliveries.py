"""What is owed, what was tried, what became of it, and why."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.models import Channel
from consents.models import ContactPoint, Purpose
from notifications.models.escalations import Incident
from notifications.models.rules import Audience, Destination, Rule
from orders.models import Brand, Customer, Order, StatusChange, Store


class Notification(models.Model):
    """The intent to tell one recipient one thing. Deliveries carry it out, one route at a time."""

    class State(models.TextChoices):
        OPEN = "open", _("Under way")
        DONE = "done", _("Told")
        FAILED = "failed", _("Not told")
        CANCELLED = "cancelled", _("No longer true")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    # Change, rule and recipient: a second way to the same fact finds it taken.
    intent = models.CharField(max_length=200, unique=True)
    change = models.ForeignKey(StatusChange, on_delete=models.CASCADE, null=True, blank=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, blank=True)
    store = models.ForeignKey(Store, on_delete=models.SET_NULL, null=True, blank=True)
    rule = models.ForeignKey(Rule, on_delete=models.SET_NULL, null=True, blank=True)
    group_key = models.CharField(max_length=120, blank=True)
    event = models.CharField(max_length=20)  # a status, a fact, or "reply"
    template = models.SlugField(default="customer")
    audience = models.CharField(max_length=10, choices=Audience.choices)
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True)
    destination = models.ForeignKey(Destination, on_delete=models.SET_NULL, null=True, blank=True)
    language = models.CharField(max_length=10, default="en")
    text = models.TextField(blank=True, help_text=_("Replies say this; others use a template."))
    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts"
    )
    corrects = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="corrections"
    )
    # Ids of further changes that this message tells of, too (parts that were merged into one).
    merged = models.JSONField(default=list, blank=True)
    # [{"family", "channel", "contact_point" or "destination", "address"}] that are left to try
    routes = models.JSONField(default=list, blank=True)
    urgent = models.BooleanField(default=False)
    useful_until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["order", "id"], name="notification_order"),
            models.Index(fields=["customer", "-id"], name="notification_customer"),
            models.Index(
                fields=["brand", "-id"],
                name="notification_failed",
                condition=models.Q(state="failed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.audience}"


class Delivery(models.Model):
    """One notification over one route. A row here is what the pump claims."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        READ = "read", _("Read")
        HANDED_OFF = "handed_off", _("Handed off")
        UNKNOWN = "unknown", _("Unknown")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    class Apart(models.TextChoices):
        """Why a queued one is not claimed with the others."""

        ALONE = "alone", _("Tried with nothing beside it")
        HELD = "held", _("A person decides")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries"
    )
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, blank=True)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    contact_point = models.ForeignKey(
        ContactPoint, on_delete=models.SET_NULL, null=True, blank=True
    )
    address = models.CharField(max_length=600)
    ref = models.CharField(max_length=40, unique=True)  # ours, opaque; providers echo it
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    urgent = models.BooleanField(default=False)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)  # endings that ask for another try
    claims = models.PositiveSmallIntegerField(default=0)
    lease_token = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    may_duplicate = models.BooleanField(default=False)
    apart = models.CharField(
        max_length=8, choices=Apart.choices, blank=True, default="", db_default=""
    )
    # No receipt and no look at the tracking page by then: the next route.
    confirm_by = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300, blank=True)  # why it is where it is, in a sentence
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["channel", "-urgent", "due_at", "id"],
                name="delivery_due",
                condition=models.Q(state="queued"),
            ),
            models.Index(
                fields=["lease_until"],
                name="delivery_leased",
                condition=models.Q(state__in=["sending", "unknown"]),
            ),
            models.Index(
                fields=["confirm_by"],
                name="delivery_unconfirmed",
                condition=models.Q(state="sent", confirm_by__isnull=False),
            ),
            models.Index(
                fields=["apart", "due_at"],
                name="delivery_apart",
                condition=models.Q(state="queued") & ~models.Q(apart=""),
            ),
            models.Index(fields=["order", "id"], name="delivery_order"),
            models.Index(fields=["brand", "-id"], name="delivery_log"),
            models.Index(fields=["brand", "state", "-id"], name="delivery_log_state"),
            models.Index(fields=["channel", "-id"], name="delivery_log_channel"),
            models.Index(fields=["contact_point", "-id"], name="delivery_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} · {self.channel_id}"


class Attempt(models.Model):
    """One try of a delivery: the exact text, and how the provider answered."""

    LOST = "lost"  # the ending of a try whose process went away

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT)
    ending = models.CharField(max_length=20)  # accepted, a FailureKind, or lost
    provider_message_id = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=60, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    template_version = models.CharField(max_length=40, blank=True)  # "id:version"
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(
                fields=["channel", "provider_message_id"],
                name="attempt_provider_id",
                condition=~models.Q(provider_message_id=""),
            ),
            models.Index(fields=["delivery", "id"], name="attempt_delivery"),
        ]

    def __str__(self) -> str:
        return f"{self.ending} · delivery {self.delivery_id}"


class ReceiptRecord(models.Model):
    """A provider's later word, kept once. Without a delivery yet: it waits for the settle."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, null=True, blank=True, related_name="receipts"
    )
    event_key = models.CharField(max_length=255)
    provider_message_id = models.CharField(max_length=200, blank=True)
    ref = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=10)
    code = models.CharField(max_length=60, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    failure = models.CharField(max_length=20, blank=True)
    opt_out = models.BooleanField(default=False)  # a complaint or an unsubscribe came with it
    at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "event_key"], name="receipt_once")
        ]
        indexes = [
            models.Index(
                fields=["id"], name="receipt_open", condition=models.Q(delivery__isnull=True)
            ),
            models.Index(fields=["delivery", "id"], name="receipt_delivery"),
        ]

    def __str__(self) -> str:
        return f"{self.status} · delivery {self.delivery_id}"


class CustomerMessage(models.Model):
    """What a customer wrote to us, and what we made of it."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    provider_message_id = models.CharField(max_length=200)
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.SET_NULL, null=True)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True)
    order = models.ForeignKey(Order, on_delete=models.SET_NULL, null=True, blank=True)
    text = models.TextField(blank=True)
    understood_as = models.CharField(max_length=20, blank=True)  # stop, start, help, status, ""
    reply = models.ForeignKey(Notification, on_delete=models.SET_NULL, null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "provider_message_id"], name="customer_message_once"
            )
        ]
        indexes = [
            models.Index(fields=["brand", "-id"], name="customer_message_log"),
            models.Index(fields=["order", "id"], name="customer_message_order"),
            models.Index(fields=["customer", "-id"], name="customer_message_person"),
        ]

    def __str__(self) -> str:
        return f"{self.understood_as or 'message'} · {self.received_at:%Y-%m-%d %H:%M}"


class Decision(models.Model):
    """Why a recipient was told of a change or not; or why a delivery went no further."""

    class Verdict(models.TextChoices):
        SEND = "send", _("Told")
        HOLD = "hold", _("Held for a moment")
        SKIP = "skip", _("Not told")
        DROP = "drop", _("Stopped before sending")
        DEFER = "defer", _("Put off")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, blank=True)
    change = models.ForeignKey(StatusChange, on_delete=models.CASCADE, null=True, blank=True)
    rule = models.ForeignKey(Rule, on_delete=models.SET_NULL, null=True, blank=True)
    rule_name = models.CharField(max_length=120, blank=True)
    notification = models.ForeignKey(
        Notification, on_delete=models.SET_NULL, null=True, blank=True, related_name="decisions"
    )
    delivery = models.ForeignKey(Delivery, on_delete=models.SET_NULL, null=True, blank=True)
    audience = models.CharField(max_length=10, blank=True)
    recipient = models.CharField(max_length=160, blank=True)  # a name or a masked address
    verdict = models.CharField(max_length=6, choices=Verdict.choices)
    reason = models.CharField(max_length=40)  # a code of notifications.reasons
    sentence = models.CharField(max_length=500)
    inputs = models.JSONField(default=dict, blank=True)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["order", "id"], name="decision_order"),
            models.Index(fields=["change", "id"], name="decision_change"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"
