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
        null=True, blank=True, help_text=_("Calls at once per process; empty: the provider's own.")
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
        """Calls at once per process."""
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
