"""Addresses of people, and the ledger of what they allowed."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orders.models import Brand, Customer


class Purpose(models.TextChoices):
    """Why a message is sent; the law asks by purpose."""

    ORDER = "order", _("Order status")
    CRITICAL = "critical", _("Critical: cancelled, refund, safety")
    FEEDBACK = "feedback", _("Feedback")
    MARKETING = "marketing", _("Marketing")
    STAFF = "staff", _("Staff")
    PARTNER = "partner", _("Partner")
    CONSENT_ADMIN = "consent_admin", _("Answer about consent")


class ContactPoint(models.Model):
    """An address of a customer of one brand."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, null=True, related_name="contact_points"
    )
    kind = models.CharField(max_length=12)  # channels_app.contract.AddressKind
    address = models.CharField(max_length=600)  # E.164, email, chat id; push: the endpoint
    digest = models.CharField(max_length=64)
    data = models.JSONField(default=dict, blank=True)  # push: p256dh, auth
    proxy = models.BooleanField(default=False, help_text=_("A masked number: takes no text"))
    invalid_at = models.DateTimeField(null=True, blank=True)
    invalid_why = models.CharField(max_length=200, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["brand", "kind", "digest"], name="contact_point_once")
        ]
        indexes = [models.Index(fields=["customer", "kind"], name="contact_point_customer")]

    def __str__(self) -> str:
        return f"{self.kind} {self.masked}"

    @property
    def masked(self) -> str:
        """The address as a page may show it without cause."""
        if self.kind == "email":
            name, _at, host = self.address.partition("@")
            return f"{name[:1]}•••@{host}"
        return f"{self.address[:3]}•••{self.address[-2:]}" if len(self.address) > 6 else "•••"


class ConsentEvent(models.Model):
    """One act about consent. Append-only: neither changed nor deleted, chained by hash."""

    class Action(models.TextChoices):
        GRANT = "grant", _("Granted")
        WITHDRAW = "withdraw", _("Withdrawn")
        PROVIDER_BLOCK = "provider_block", _("Blocked at the provider")
        PROVIDER_UNBLOCK = "provider_unblock", _("Unblocked at the provider")
        COMPLAINT = "complaint", _("Complaint")
        HARD_BOUNCE = "hard_bounce", _("Address does not exist")
        RESTRICT = "restrict", _("Processing restricted")
        ERASE = "erase", _("Erased")

    brand = models.ForeignKey(Brand, on_delete=models.PROTECT)
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, db_constraint=False
    )
    address_kind = models.CharField(max_length=12)
    address_digest = models.CharField(max_length=64, db_index=True)
    channel = models.CharField(max_length=12, default="*")  # a family, or * for all
    purpose = models.CharField(max_length=16, default="*")  # a purpose, or * for all
    action = models.CharField(max_length=20, choices=Action.choices)
    basis = models.CharField(max_length=24, blank=True)
    method = models.CharField(max_length=24)  # keyword, page, one_click, staff, api, provider, join
    evidence = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=120, blank=True)
    source_event_id = models.CharField(max_length=200, blank=True)
    wording_version = models.CharField(max_length=80, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    prev_hash = models.CharField(max_length=64, blank=True)
    row_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "method", "source_event_id"],
                condition=~models.Q(source_event_id=""),
                name="consent_event_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} · {self.channel} · {self.purpose}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only."""
        if self.pk and not self._state.adding:
            raise TypeError("The consent ledger is append-only: record a new event instead.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never."""
        raise TypeError("The consent ledger is append-only: nothing is deleted from it.")


class ConsentState(models.Model):
    """What the ledger adds up to for one address, channel and purpose. Can be rebuilt from it."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    address_kind = models.CharField(max_length=12)
    address_digest = models.CharField(max_length=64)
    channel = models.CharField(max_length=12)
    purpose = models.CharField(max_length=16)
    state = models.CharField(max_length=20)  # the deciding event's action
    effective_at = models.DateTimeField()
    event = models.ForeignKey(ConsentEvent, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "address_kind", "address_digest", "channel", "purpose"],
                name="consent_state_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} · {self.channel} · {self.purpose}"


class Preference(models.Model):
    """How a customer likes to be told. A preference is not a consent."""

    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="preference")
    families = models.JSONField(default=list, blank=True)  # in the order they like
    language = models.CharField(max_length=10, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    live_order_exempt = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Preference of {self.customer}"
