"""Orders and their parts."""

from django.db import models
from django.utils import timezone

from orders.models.connections import SourceConnection
from orders.models.keys import new_token
from orders.models.people import Customer
from orders.models.tenants import Brand, Store
from orders.statuses import Status


class Order(models.Model):
    """One order as its source tells it; scalars follow the newest word, sets only grow."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="orders")
    store = models.ForeignKey(Store, on_delete=models.SET_NULL, null=True, blank=True)
    connection = models.ForeignKey(
        SourceConnection, on_delete=models.PROTECT, related_name="orders"
    )
    external_id = models.CharField(max_length=120)
    display_number = models.CharField(max_length=60, blank=True)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, blank=True)
    # What the source says of the order as a whole; the groups' own facts refine it.
    base_status = models.CharField(max_length=20, choices=Status.choices, blank=True)
    source_status = models.CharField(max_length=80, blank=True)
    cancel_reason = models.CharField(max_length=80, blank=True)
    fulfilment_type = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    total_minor = models.BigIntegerField(null=True, blank=True)
    refunds = models.JSONField(default=dict, blank=True)  # refund id -> {amount_minor, reason, at}
    placed_at = models.DateTimeField(null=True, blank=True)
    contact_name = models.CharField(max_length=200, blank=True)
    contact_given_name = models.CharField(max_length=100, blank=True)
    contact_email = models.CharField(max_length=254, blank=True)
    contact_phone = models.CharField(max_length=20, blank=True)  # E.164, or empty
    contact_phone_raw = models.CharField(max_length=60, blank=True)
    contact_proxy = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True)
    status_page = models.URLField(max_length=500, blank=True)
    note = models.TextField(blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    # field -> {"by": who wrote it, "seen": {who: [version or null, ms or null]}}
    clocks = models.JSONField(default=dict, blank=True, editable=False)
    is_test = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="order_once")
        ]
        indexes = [
            models.Index(fields=["brand", "-changed_at", "-id"], name="order_board"),
            models.Index(fields=["brand", "-id"], name="order_newest"),
            models.Index(
                fields=["brand", "-changed_at"],
                name="order_open",
                condition=models.Q(archived_at__isnull=True)
                & ~models.Q(status__in=["delivered", "picked_up", "cancelled", "refunded"]),
            ),
            models.Index(fields=["brand", "display_number"], name="order_number"),
            models.Index(fields=["customer", "-id"], name="order_customer"),
        ]

    def __str__(self) -> str:
        return self.display_number or self.external_id

    @property
    def refunded_minor(self) -> int:
        """What was given back so far, in minor units of `currency`."""
        return sum(refund["amount_minor"] for refund in self.refunds.values())


class OrderAlias(models.Model):
    """Another name by which a source may speak of an order (a global id, a rounded number)."""

    connection = models.ForeignKey(SourceConnection, on_delete=models.CASCADE)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="order_aliases")
    value = models.CharField(max_length=160)

    class Meta:
        verbose_name_plural = "order aliases"
        constraints = [
            models.UniqueConstraint(fields=["connection", "value"], name="order_alias_once")
        ]

    def __str__(self) -> str:
        return self.value


class OrderLine(models.Model):
    """Something ordered. Quantities are decimals."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    line_id = models.CharField(max_length=120)
    name = models.CharField(max_length=300)
    sku = models.CharField(max_length=120, blank=True)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    removed_quantity = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["order", "line_id"], name="line_once")]

    def __str__(self) -> str:
        return f"{self.quantity:g} × {self.name}"


class FulfilmentGroup(models.Model):
    """A part of an order that moves on its own. An unsplit order has one, `main`."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="groups")
    key = models.CharField(max_length=120, default="main")
    aliases = models.JSONField(default=list, blank=True)
    method = models.CharField(max_length=20, blank=True)
    # The group's own word, and what follows from it together with the order's.
    own_status = models.CharField(max_length=20, choices=Status.choices, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices, blank=True)
    source_status = models.CharField(max_length=80, blank=True)
    sub_status = models.CharField(max_length=40, blank=True)
    lines = models.JSONField(default=dict, blank=True)  # line id -> quantity as text; {} = the rest
    ready_at = models.DateTimeField(null=True, blank=True)
    deliver_from = models.DateTimeField(null=True, blank=True)
    deliver_to = models.DateTimeField(null=True, blank=True)
    delayed_since = models.DateTimeField(null=True, blank=True)
    delay_reason = models.CharField(max_length=200, blank=True)
    tracking = models.JSONField(default=dict, blank=True)  # number -> {carrier, url}
    courier = models.CharField(max_length=120, blank=True)
    clocks = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["order", "key"], name="group_once")]

    def __str__(self) -> str:
        return f"{self.order} · {self.key}"
