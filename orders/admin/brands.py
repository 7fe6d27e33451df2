"""Admin pages of brands, their stores and their staff."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from orders import validation
from orders.admin_base import (
    ScopedAdmin,
    ScopedFilter,
    comma_list,
)
from orders.models import (
    Brand,
    StaffMembership,
    Store,
)


class BrandForm(forms.ModelForm):
    """What a brand may say."""

    channel_order = comma_list(Brand._meta.get_field("channel_order"), None)

    class Meta:
        model = Brand
        fields = "__all__"

    def clean_language(self) -> str:
        """A language code."""
        validation.language(self.cleaned_data["language"])
        return str(self.cleaned_data["language"])

    def clean_country(self) -> str:
        """A country code."""
        validation.country(self.cleaned_data["country"])
        return str(self.cleaned_data["country"])


class BrandAdmin(ScopedAdmin):
    """Tenants. Registered by `notifications.admin`, which knows the families of channels."""

    form = BrandForm
    brand_path = "id"
    list_display = ("name", "slug", "language", "country")
    search_fields = ("slug__exact", "name__istartswith")
    prepopulated_fields = {"slug": ("name",)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A brand owns a consent ledger, which is never deleted."""
        return False


class StoreForm(forms.ModelForm):
    """What a store may say."""

    external_refs = comma_list(Store._meta.get_field("external_refs"), None)

    class Meta:
        model = Store
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        """Clock, hours and money that can be used."""
        data = super().clean() or {}
        checks: tuple[tuple[str, Callable[[Any], None]], ...] = (
            ("time_zone", validation.time_zone),
            ("language", validation.language),
            ("currency", validation.currency),
            ("hours", validation.hours),
        )
        for name, check in checks:
            try:
                check(data.get(name) or ({} if name == "hours" else ""))
            except ValidationError as error:
                self.add_error(name, error)
        return data


@admin.register(Store)
class StoreAdmin(ScopedAdmin):
    """Places that prepare orders."""

    form = StoreForm
    list_display = ("name", "brand", "slug", "time_zone", "currency")
    list_filter = (("brand", ScopedFilter),)
    list_select_related = ("brand",)
    search_fields = ("slug__exact", "name__istartswith")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("brand",)


@admin.register(StaffMembership)
class StaffMembershipAdmin(ScopedAdmin):
    """Who may see what."""

    list_display = ("user", "brand", "store", "role")
    list_filter = (("brand", ScopedFilter), "role")
    list_select_related = ("user", "brand", "store")
    search_fields = ("user__username__exact",)
    raw_id_fields = ("user",)
    autocomplete_fields = ("brand", "store")
