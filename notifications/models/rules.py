"""Who is told of what, and how."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_app.models import Channel
from consents.models import Purpose
from orders.models import Brand, Store


class Audience(models.TextChoices):
    """Whom a rule speaks to."""

    CUSTOMER = "customer", _("Customer")
    STAFF = "staff", _("Staff")
    PARTNER = "partner", _("Partner")


class Destination(models.Model):
    """A place that is not a customer: a staff room, a partner's endpoint."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="destinations")
    store = models.ForeignKey(
        Store,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text=_("Only this store's orders"),
    )
    slug = models.SlugField()
    name = models.CharField(max_length=120)
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.STAFF)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="destinations")
    address = models.CharField(max_length=300, help_text=_("A room's id, a URL, a number"))
    language = models.CharField(max_length=10, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["brand_id", "slug"]
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="destination_slug")]

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """Which changes lead to a message. Conditions left empty always hold."""

    class Part(models.TextChoices):
        EACH = "each", _("Each part, and the whole when it is done")
        WHOLE = "whole", _("Only the order as a whole")
        PART = "part", _("Only parts of split orders")

    class Strategy(models.TextChoices):
        PREFERRED = "preferred", _("The customer's preferred channel, then the others")
        ORDERED = "ordered", _("The listed families in order")
        ALL = "all", _("All listed families at once")

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="rules")
    slug = models.SlugField()
    name = models.CharField(max_length=120)
    active = models.BooleanField(default=True)
    events = models.JSONField(default=list, help_text=_("Statuses and facts, or empty for all"))
    stores = models.ManyToManyField(Store, blank=True)
    fulfilment_types = models.JSONField(default=list, blank=True)
    sources = models.JSONField(default=list, blank=True)
    min_total_minor = models.BigIntegerField(null=True, blank=True)
    max_total_minor = models.BigIntegerField(null=True, blank=True)
    part = models.CharField(max_length=6, choices=Part.choices, default=Part.EACH)
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.CUSTOMER)
    destinations = models.ManyToManyField(
        Destination, blank=True, help_text=_("For staff and partners; empty: all of them")
    )
    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.ORDER)
    template = models.SlugField(default="customer", help_text=_("The name of the templates"))
    strategy = models.CharField(max_length=10, choices=Strategy.choices, default=Strategy.PREFERRED)
    families = models.JSONField(default=list, blank=True, help_text=_("Channel families"))
    hold_seconds = models.PositiveIntegerField(
        default=0,
        help_text=_("Wait this long: something newer replaces it. Urgent news never waits."),
    )
    useful_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Not sent later than this; empty: the status decides")
    )
    confirm_minutes = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text=_("No receipt and no look at the tracking page in this time: the next channel"),
    )
    eta_tolerance_minutes = models.PositiveSmallIntegerField(
        default=7, help_text=_("A new time is told only when it differs by more than this")
    )
    position = models.PositiveSmallIntegerField(default=100)

    class Meta:
        ordering = ["brand_id", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="rule_slug")]

    def __str__(self) -> str:
        return self.name
