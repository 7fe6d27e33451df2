"""How channels do, what was promised, how sources speak: rows that the product writes."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

from channels_app.models import (
    ChannelAccess,
    ChannelCheck,
    ChannelDay,
    ChannelHealth,
    ChannelMinute,
)
from notifications import endings
from notifications.admin.main import SameBrandForm
from notifications.models import Expectation, PageView, PhaseTime, Promise, Pulse, Restoration
from orders.admin_base import LedgerAdmin, ScopedAdmin, ScopedFilter


@admin.register(ChannelHealth)
class ChannelHealthAdmin(LedgerAdmin):
    """Whether each account is used now, and why not."""

    brand_path = "channel__brand_id"
    list_display = ("channel", "breaker", "share", "resting_until", "why", "changed_at")
    list_filter = ("breaker", ("channel", ScopedFilter))
    list_select_related = ("channel",)
    list_after_template = "notifications/parts/endings.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The list, and below it what follows from each ending of a send."""
        context = {**(extra_context or {}), "endings": endings.table()}
        return super().changelist_view(request, context)


@admin.register(ChannelMinute)
class ChannelMinuteAdmin(LedgerAdmin):
    """How the calls of each minute ended."""

    brand_path = "channel__brand_id"
    list_display = ("channel", "minute", "accepted", "failed", "throttled", "milliseconds")
    list_filter = (("channel", ScopedFilter),)
    list_select_related = ("channel",)


@admin.register(ChannelDay)
class ChannelDayAdmin(LedgerAdmin):
    """How much each account took on each day."""

    brand_path = "channel__brand_id"
    list_display = ("channel", "day", "country", "count")
    list_filter = (("channel", ScopedFilter),)
    list_select_related = ("channel",)


@admin.register(ChannelCheck)
class ChannelCheckAdmin(LedgerAdmin):
    """Who asked whether a channel works, and what was found."""

    brand_path = "channel__brand_id"
    list_display = ("channel", "state", "sentence", "asked_by", "asked_at")
    list_filter = ("state", ("channel", ScopedFilter))
    list_select_related = ("channel",)


@admin.register(ChannelAccess)
class ChannelAccessAdmin(LedgerAdmin):
    """Until when each channel's fetched token is good; the token itself is never shown."""

    brand_path = "channel__brand_id"
    fields = ("channel", "expires_at", "fetching_until")
    list_display = ("channel", "expires_at", "fetching_until")
    list_filter = (("channel", ScopedFilter),)
    list_select_related = ("channel",)


@admin.register(PhaseTime)
class PhaseTimeAdmin(ScopedAdmin):
    """How long an order may stay in a phase."""

    form = SameBrandForm
    list_display = ("status", "minutes", "brand", "store", "source", "fulfilment_type")
    list_filter = (("brand", ScopedFilter), "status")
    list_select_related = ("brand", "store")
    autocomplete_fields = ("brand", "store")


@admin.register(Promise)
class PromiseAdmin(LedgerAdmin):
    """What customers were told about time."""

    brand_path = "order__brand_id"
    list_display = ("order", "group_key", "promised_at", "way", "told_at")
    list_select_related = ("order",)
    exact_search = ("order__display_number",)
    raw_id_fields = ("order",)


@admin.register(Expectation)
class ExpectationAdmin(LedgerAdmin):
    """When each part of an order should have moved on."""

    list_display = ("order", "group_key", "status", "due_at", "why", "raised_at", "closed_at")
    list_filter = (("brand", ScopedFilter),)
    list_select_related = ("order",)
    exact_search = ("order__display_number",)
    raw_id_fields = ("order",)


@admin.register(Pulse)
class PulseAdmin(LedgerAdmin):
    """How often each source spoke."""

    brand_path = "connection__brand_id"
    list_display = ("connection", "slot", "count")
    list_filter = (("connection", ScopedFilter),)
    list_select_related = ("connection",)


@admin.register(PageView)
class PageViewAdmin(LedgerAdmin):
    """Who looked at the tracking page, as far as it is known to be a person."""

    brand_path = "order__brand_id"
    list_display = ("order", "status", "seen_at")
    list_select_related = ("order",)
    exact_search = ("order__display_number",)
    raw_id_fields = ("order",)


@admin.register(Restoration)
class RestorationAdmin(LedgerAdmin):
    """When the database was a restored one, and what was decided on what it owed."""

    brand_path = ""
    list_display = ("noticed_at", "why", "verdict", "decided_by", "decided_at")
