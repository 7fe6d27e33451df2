"""Customers as one brand knows them."""

from django.db import models
from django.utils import timezone

from orders.models.tenants import Brand


class Customer(models.Model):
    """A person as one brand knows them. Addresses live in `consents.ContactPoint`."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="customers")
    name = models.CharField(max_length=200, blank=True)
    given_name = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10, blank=True)
    time_zone = models.CharField(max_length=50, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name or f"Customer {self.pk}"


class CustomerIdentity(models.Model):
    """One way to recognise a customer: a phone, an email, an id of a source."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=40)  # phone, email, or the connection's key
    value = models.CharField(max_length=254)

    class Meta:
        verbose_name_plural = "customer identities"
        constraints = [
            models.UniqueConstraint(fields=["brand", "kind", "value"], name="identity_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of customer {self.customer_id}"
