"""What needs a person: incidents, who is asked in which order, and who is on shift."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.models import Channel
from notifications.models.rules import Destination
from orders.models import Brand, Order, SourceConnection, Store


class IncidentKind(models.TextChoices):
    """What can go wrong in a way that only a person can mend."""

    UNREACHED = "unreached", _("A customer was not reached")
    LATE = "late", _("An order is late")
    SILENT = "silent", _("A source fell silent")
    CHANNEL = "channel", _("A channel does not work")
    UNKNOWN = "unknown", _("Nobody knows whether it was sent")
    RESTORED = "restored", _("The database was restored")


class EscalationPolicy(models.Model):
    """Who is told of which incidents, and in which order, until somebody acknowledges."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="escalation_policies")
    slug = models.SlugField()
    name = models.CharField(max_length=120)
    active = models.BooleanField(default=True)
    kinds = models.JSONField(default=list, blank=True, help_text=_("Kinds; empty: all"))
    statuses = models.JSONField(
        default=list, blank=True, help_text=_("Only while the order is in one of these phases")
    )
    stores = models.ManyToManyField(Store, blank=True)
    open_hours_only = models.BooleanField(
        default=False, help_text=_("Outside opening hours a step waits until the store opens")
    )
    position = models.PositiveSmallIntegerField(default=100)

    class Meta:
        ordering = ["brand_id", "position", "id"]
        verbose_name_plural = "escalation policies"
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="policy_slug")]

    def __str__(self) -> str:
        return self.name


class EscalationStep(models.Model):
    """One step: after so long without an acknowledgement, these people are told."""

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(default=1)
    after_minutes = models.PositiveSmallIntegerField(
        default=0, help_text=_("Minutes after the step before; the first: after it began")
    )
    on_shift = models.BooleanField(default=False, help_text=_("Whoever is on shift at the store"))
    destinations = models.ManyToManyField(Destination, blank=True)

    class Meta:
        ordering = ["policy_id", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["policy", "position"], name="step_once")]

    def __str__(self) -> str:
        return f"{self.policy_id} · {self.position}"


class Shift(models.Model):
    """Somebody is on shift at a store, each week at the same time, in the store's zone."""

    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="shifts")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="shifts")
    weekday = models.PositiveSmallIntegerField(help_text=_("0 is Monday"))
    starts = models.TimeField()
    ends = models.TimeField(help_text=_("Before the start: it ends on the next day"))

    class Meta:
        ordering = ["store_id", "weekday", "starts"]

    def __str__(self) -> str:
        return f"{self.destination_id} · {self.weekday} {self.starts:%H:%M}"


class Incident(models.Model):
    """One thing that needs a person. Open ones are unique by what they are about."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        ACKNOWLEDGED = "acknowledged", _("Somebody is on it")
        SNOOZED = "snoozed", _("Later")
        RESOLVED = "resolved", _("Resolved")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="incidents")
    store = models.ForeignKey(Store, on_delete=models.SET_NULL, null=True, blank=True)
    kind = models.CharField(max_length=12, choices=IncidentKind.choices)
    about = models.CharField(max_length=200)  # the same thing, told twice, has the same
    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, null=True, blank=True, related_name="incidents"
    )
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, null=True, blank=True)
    connection = models.ForeignKey(
        SourceConnection, on_delete=models.CASCADE, null=True, blank=True
    )
    policy = models.ForeignKey(EscalationPolicy, on_delete=models.SET_NULL, null=True, blank=True)
    token = models.CharField(max_length=64, unique=True)  # what alerts carry; also the dedup key
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=500, blank=True)
    next_act = models.CharField(max_length=200, blank=True)  # the best thing to do now
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    step = models.PositiveSmallIntegerField(default=0)  # steps done
    times_seen = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField(null=True, blank=True)  # when the next step is due
    opened_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=120, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_why = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "about"],
                name="incident_open_once",
                condition=~models.Q(state="resolved"),
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="incident_due",
                condition=models.Q(state__in=["open", "snoozed"]),
            ),
            models.Index(fields=["brand", "-id"], name="incident_log"),
            models.Index(fields=["order", "id"], name="incident_order"),
        ]

    @property
    def asks_to_release(self) -> bool:
        """Whether messages wait for what a person decides here."""
        return self.kind == IncidentKind.RESTORED or self.about.startswith("held:")

    def __str__(self) -> str:
        return self.title


class IncidentEvent(models.Model):
    """What was done about an incident, by whom, and when. Written once."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20)  # opened, told, acknowledged, snoozed, resolved, note
    actor = models.CharField(max_length=120, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class BulkDelay(models.Model):
    """ "Everything takes 20 minutes longer": previewed, confirmed, and undone for a minute."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Preview")
        CONFIRMED = "confirmed", _("Goes out shortly")
        DONE = "done", _("Told")
        UNDONE = "undone", _("Undone")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    store = models.ForeignKey(Store, on_delete=models.CASCADE, null=True, blank=True)
    statuses = models.JSONField(default=list, blank=True)
    fulfilment_types = models.JSONField(default=list, blank=True)
    minutes = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    preview = models.JSONField(default=dict, blank=True)  # what was shown before it was confirmed
    order_ids = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True, blank=True)  # when the undo ends and it goes out
    ended_at = models.DateTimeField(null=True, blank=True)
    told = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="bulk_delay_due", condition=models.Q(state="confirmed")
            )
        ]

    def __str__(self) -> str:
        return f"+{self.minutes} min"
