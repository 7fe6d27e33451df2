"""Configured accounts of providers."""

import secrets
from functools import cached_property

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app import registry
from channels_app.contract import Provider
from channels_app.credentials import EncryptedJSONField


def new_key() -> str:
    """An unguessable URL part."""
    return secrets.token_hex(20)


class Channel(models.Model):
    """One configured account of a provider. Only one in mode `live` leaves the machine."""

    class Mode(models.TextChoices):
        SANDBOX = "sandbox", _("Sandbox")
        LIVE = "live", _("Live")

    # The tenant's id. Channels know no orders, so the tie to the brand is made above.
    brand_id = models.BigIntegerField(db_index=True)
    slug = models.SlugField()
    name = models.CharField(max_length=120)
    provider = models.CharField(max_length=40, choices=registry.choices)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.SANDBOX)
    credentials = EncryptedJSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(
        default=100, help_text=_("Smaller comes first among channels of one family.")
    )
    max_in_flight = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text=_("Calls at once, over all workers; empty: the provider's own, each"),
    )
    weight = models.PositiveSmallIntegerField(
        default=100,
        help_text=_("Share of the messages among accounts of one family; 0: only when others fail"),
    )
    max_per_second = models.FloatField(
        null=True, blank=True, help_text=_("Messages a second, over all workers; empty: no limit")
    )
    daily_cap = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Messages a day at most; empty: no limit")
    )
    country_caps = models.JSONField(
        default=dict,
        blank=True,
        help_text=_('Messages a day by country of the number, "*" for the others: {"US": 500}'),
    )
    hold_unknown = models.JSONField(
        default=list,
        blank=True,
        help_text=_(
            "Purposes for which a person decides when nobody knows whether a message was sent: "
            '["order", "critical"]. Otherwise it is sent again, once.'
        ),
    )
    key = models.CharField(max_length=64, unique=True, default=new_key, editable=False)
    paused_until = models.DateTimeField(null=True, blank=True)
    paused_why = models.CharField(max_length=300, blank=True)
    refused_count = models.PositiveBigIntegerField(default=0, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["brand_id", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["brand_id", "slug"], name="channel_slug")]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def speaker(self) -> Provider:
        """The provider, ready to describe requests of this account."""
        return registry.provider_class(self.provider)(
            self.credentials, self.endpoint(), frozenset(settings.PRIVATE_HOSTS_ALLOWED)
        )

    def endpoint(self) -> str:
        """The base URL that replaces the provider's own, or empty."""
        if self.mode == self.Mode.SANDBOX:
            return f"{settings.SANDBOX_URL}/{self.provider}"
        return str(settings.PROVIDER_BASE_URLS.get(self.provider, ""))

    @property
    def family(self) -> str:
        """sms, email, chat, push, team, webhook."""
        return str(registry.provider_class(self.provider).family)

    @property
    def callback_url(self) -> str:
        """Where the provider sends receipts and inbound messages of this account."""
        return f"{settings.PUBLIC_BASE_URL}/receipts/{self.key}/"

    @property
    def limit(self) -> int:
        """Calls at once: over all workers when it was set, else in each process."""
        return self.max_in_flight or registry.provider_class(self.provider).in_flight


class ChannelEvent(models.Model):
    """Something that happened to a channel, with the reason: paused, resumed, failing."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20)
    detail = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class ChannelHealth(models.Model):
    """What is known of a channel's account at this moment, shared by all workers."""

    class Breaker(models.TextChoices):
        CLOSED = "closed", _("Working")
        OPEN = "open", _("Not used for now")
        HALF_OPEN = "half_open", _("Being tried")

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="health")
    breaker = models.CharField(max_length=10, choices=Breaker.choices, default=Breaker.CLOSED)
    open_until = models.DateTimeField(null=True, blank=True)  # then one message may try
    opened_times = models.PositiveSmallIntegerField(default=0)  # in a row; the pause grows with it
    why = models.CharField(max_length=300, blank=True)
    share = models.PositiveSmallIntegerField(default=100)  # per cent of the channel's weight
    share_changed_at = models.DateTimeField(null=True, blank=True)
    resting_until = models.DateTimeField(null=True, blank=True)  # the provider said: slow down
    next_slot_at = models.DateTimeField(null=True, blank=True)  # when its rate allows the next one
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "channel health"

    def __str__(self) -> str:
        return f"{self.channel_id}: {self.get_breaker_display()}"


class ChannelMinute(models.Model):
    """How a channel's calls ended in one minute: what breaker and failover judge by."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="minutes")
    minute = models.DateTimeField()
    accepted = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)  # transient, unknown or misconfigured
    throttled = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveBigIntegerField(default=0)  # of all calls together
    delivered = models.PositiveIntegerField(default=0)  # receipts that came in that minute
    delivered_seconds = models.PositiveBigIntegerField(default=0)  # from sent to delivered

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "minute"], name="channel_minute_once")
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} at {self.minute:%H:%M}"


class ChannelDay(models.Model):
    """How many messages a channel took on one UTC day, by country; "" counts all of them."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    country = models.CharField(max_length=2, blank=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "day", "country"], name="channel_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} on {self.day} {self.country}".strip()


class ChannelAccess(models.Model):
    """The token that all workers share for a channel whose provider hands tokens out (OAuth)."""

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="access")
    value = EncryptedJSONField(default=dict)  # {"token", "data"}
    expires_at = models.DateTimeField(null=True, blank=True)
    fetching_until = models.DateTimeField(null=True, blank=True)  # one worker fetches, others wait

    class Meta:
        verbose_name_plural = "channel access tokens"

    def __str__(self) -> str:
        return f"{self.channel_id} until {self.expires_at}"


class ChannelCheck(models.Model):
    """Somebody asked whether a channel works; a pump finds out and writes down what it saw."""

    class State(models.TextChoices):
        ASKED = "asked", _("Being tried")
        GOOD = "good", _("It works")
        BAD = "bad", _("It does not work")

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="checks")
    state = models.CharField(max_length=5, choices=State.choices, default=State.ASKED)
    send_to = models.CharField(max_length=300, blank=True)  # where a test message goes; "": none
    sentence = models.CharField(max_length=400, blank=True)
    asked_by = models.CharField(max_length=150, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], name="check_asked", condition=models.Q(state="asked"))
        ]

    def __str__(self) -> str:
        return f"{self.channel_id}: {self.state}"
