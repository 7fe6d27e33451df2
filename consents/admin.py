"""Admin pages of addresses and of the consent ledger, all read-only: `recording` alone writes."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from channels_app.contract import AddressKind
from consents import addresses
from consents.models import ConsentEvent, ConsentState, ContactPoint, Preference
from orders.admin_base import LedgerAdmin, ScopedFilter


class ByAddress(LedgerAdmin):
    """Searches by a whole address: it is hashed as the ledger does, for every kind."""

    digest_column = "address_digest"

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Shows the search box."""
        return [f"{self.digest_column}__exact"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows of this address; it must be written out, a phone number with its +."""
        if not search_term.strip():
            return queryset, False
        digests = [addresses.digest(kind.value, search_term.strip()) for kind in AddressKind]
        found = queryset.filter(**{f"{self.digest_column}__in": digests})
        return found.filter(self.leading(request)), False


@admin.register(ContactPoint)
class ContactPointAdmin(ByAddress):
    """Addresses of customers, masked."""

    digest_column = "digest"
    list_display = ("masked", "kind", "customer", "brand", "proxy", "invalid_at", "verified_at")
    list_filter = (("brand", ScopedFilter), "kind")
    list_select_related = ("customer", "brand")
    fields = (
        "masked",
        "kind",
        "brand",
        "customer",
        "proxy",
        "invalid_at",
        "invalid_why",
        "verified_at",
    )
    readonly_fields = ("masked",)


@admin.register(ConsentEvent)
class ConsentEventAdmin(ByAddress):
    """The ledger: never changed, never deleted."""

    list_display = ("action", "channel", "purpose", "method", "brand", "customer", "effective_at")
    list_filter = (("brand", ScopedFilter), "action")
    list_select_related = ("brand", "customer")


@admin.register(ConsentState)
class ConsentStateAdmin(ByAddress):
    """What the ledger adds up to."""

    list_display = ("state", "channel", "purpose", "address_kind", "brand", "effective_at")
    list_filter = (("brand", ScopedFilter),)
    list_select_related = ("brand",)
    raw_id_fields = ("event",)


@admin.register(Preference)
class PreferenceAdmin(LedgerAdmin):
    """How customers like to be told; changed on their own page or the dashboard."""

    brand_path = "customer__brand_id"
    list_display = ("customer", "families", "language", "quiet_from", "quiet_until")
    list_select_related = ("customer",)
    exact_search = ("customer__identities__value",)
