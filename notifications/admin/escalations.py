"""Who is asked when something needs a person, and what became of it."""

from typing import Any

from django.contrib import admin
from unfold.admin import TabularInline

from notifications.admin.main import SameBrandForm
from notifications.models import (
    BulkDelay,
    EscalationPolicy,
    EscalationStep,
    Incident,
    IncidentEvent,
    IncidentKind,
    Shift,
)
from orders.admin_base import CommaList, LedgerAdmin, ScopedAdmin, ScopedFilter, comma_list
from orders.statuses import Status

LISTS = {"kinds": lambda: IncidentKind.values, "statuses": lambda: Status.values}


class StepInline(TabularInline):
    """The steps of a policy, in their order."""

    model = EscalationStep
    extra = 0
    autocomplete_fields = ("destinations",)


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(ScopedAdmin):
    """Which incidents lead to whom."""

    form = SameBrandForm
    list_display = ("name", "brand", "active", "open_hours_only", "position")
    list_filter = (("brand", ScopedFilter), "active")
    list_select_related = ("brand",)
    autocomplete_fields = ("brand", "stores")
    search_fields = ("slug__exact", "name__istartswith")
    inlines = (StepInline,)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Lists are typed with commas."""
        if db_field.name in LISTS:
            found: CommaList = comma_list(db_field, LISTS[db_field.name])
            return found
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(EscalationStep)
class EscalationStepAdmin(ScopedAdmin):
    """All steps of all policies."""

    brand_path = "policy__brand_id"
    list_display = ("policy", "position", "after_minutes", "on_shift")
    list_select_related = ("policy",)
    autocomplete_fields = ("policy", "destinations")


@admin.register(Shift)
class ShiftAdmin(ScopedAdmin):
    """Who is on shift, week by week."""

    brand_path = "store__brand_id"
    list_display = ("store", "destination", "weekday", "starts", "ends")
    list_filter = (("store", ScopedFilter),)
    list_select_related = ("store", "destination")
    autocomplete_fields = ("store", "destination")


@admin.register(Incident)
class IncidentAdmin(LedgerAdmin):
    """What needed a person. People act on it in the dashboard."""

    list_display = ("title", "kind", "brand", "state", "opened_at", "resolved_at")
    list_filter = (("brand", ScopedFilter), "kind", "state")
    list_select_related = ("brand",)
    exclude = ("token",)
    exact_search = ("order__display_number",)
    raw_id_fields = ("order",)


@admin.register(IncidentEvent)
class IncidentEventAdmin(LedgerAdmin):
    """What was done about incidents."""

    brand_path = "incident__brand_id"
    list_display = ("incident", "kind", "actor", "detail", "at")
    list_select_related = ("incident",)
    raw_id_fields = ("incident",)


@admin.register(BulkDelay)
class BulkDelayAdmin(LedgerAdmin):
    """Delays that were told to many at once."""

    list_display = ("minutes", "brand", "store", "state", "told", "created_at")
    list_filter = (("brand", ScopedFilter), "state")
    list_select_related = ("brand", "store")
