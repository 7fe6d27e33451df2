"""Brands, their stores, and who may act for them."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Brand(models.Model):
    """The tenant: customers, channels, templates, rules and opt-outs belong to it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=10, default="en")
    country = models.CharField(
        max_length=2, default="US", help_text=_("Reads phone numbers written without a country.")
    )
    contact_line = models.CharField(
        max_length=200, blank=True, help_text=_("Answer to HELP: a phone number, an address.")
    )
    postal_address = models.CharField(max_length=300, blank=True)
    channel_order = models.JSONField(
        default=list,
        blank=True,
        help_text=_("Families in the order to try when a customer has no preference."),
    )
    sms_stop_scope = models.CharField(
        max_length=10, default="brand", choices=[("brand", _("Whole brand"))]
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Store(models.Model):
    """A place that prepares orders, with its own clock, hours and language."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="stores")
    slug = models.SlugField()
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=50, default="UTC")
    language = models.CharField(max_length=10, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    phone = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=300, blank=True)
    hours = models.JSONField(
        default=dict, blank=True, help_text=_('{"mon": [["11:00", "22:00"]], ...} in local time')
    )
    external_refs = models.JSONField(
        default=list, blank=True, help_text=_("Location ids by which sources name this store")
    )

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="store_slug")]

    def __str__(self) -> str:
        return self.name


class StaffMembership(models.Model):
    """What one user may see: a brand, or one store of it, in a role."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MANAGER = "manager", _("Shift manager")
        AGENT = "agent", _("Support agent")
        INTEGRATOR = "integrator", _("Integrator")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="memberships")
    store = models.ForeignKey(
        Store, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.MANAGER)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "brand", "store"],
                name="membership_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.store or self.brand} · {self.get_role_display()}"


class ApiToken(models.Model):
    """A bearer token of an integrator, kept as a hash, scoped to a brand and to rights."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    rights = models.JSONField(default=list, help_text=_("read, events, write"))
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotentCall(models.Model):
    """A write of the API that was answered, so that a repeat gets the same answer."""

    LIFE = timedelta(hours=72)

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE)
    scope = models.CharField(max_length=120)  # method and path
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)  # null while the first one runs
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "scope", "key"], name="idempotent_call_once")
        ]
