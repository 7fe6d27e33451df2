"""Admin pages of channels, rules, templates and deliveries."""

from collections.abc import Callable, Collection
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.admin import PREFIX, ChannelForm, form_for
from channels_app.contract import Family
from channels_app.models import Channel, ChannelEvent
from notifications import breaker
from notifications.models import (
    Attempt,
    CustomerMessage,
    Decision,
    Delivery,
    Destination,
    Heartbeat,
    MessageTemplate,
    Notification,
    ReceiptRecord,
    Rule,
)
from notifications.variables import REGISTRY
from orders import registry as sources
from orders.admin.brands import BrandAdmin, BrandForm
from orders.admin_base import (
    CommaList,
    LedgerAdmin,
    ScopedAdmin,
    ScopedFilter,
    comma_list,
    open_brands,
)
from orders.models import Brand, Store
from orders.statuses import EVENTS


def brands(request: HttpRequest) -> QuerySet[Brand]:
    """The brands that this person may choose."""
    known = open_brands(request.user)
    return Brand.objects.all() if known is None else Brand.objects.filter(pk__in=known)


class BrandFamiliesForm(BrandForm):
    """A brand, whose channel families exist."""

    channel_order = comma_list(
        Brand._meta.get_field("channel_order"), lambda: [family.value for family in Family]
    )


@admin.register(Brand)
class BrandFamiliesAdmin(BrandAdmin):
    """Tenants."""

    form = BrandFamiliesForm


class BrandOfChannel(admin.SimpleListFilter):
    """Channels know their brand by its id only."""

    title = gettext_lazy("brand")
    parameter_name = "brand_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        """The brands that the person may see."""
        return list(brands(request).values_list("pk", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The channels of the chosen brand."""
        return queryset.filter(brand_id=self.value()) if self.value() else queryset


@admin.register(Channel)
class ChannelAdmin(ScopedAdmin):
    """Accounts of providers. Credentials are asked for in a second step, and never shown again."""

    form = ChannelForm
    list_display = ("name", "brand_name", "provider", "mode", "enabled", "position", "paused_until")
    list_filter = (BrandOfChannel, "provider", "mode", "enabled")
    search_fields = ("slug__exact", "key__exact", "name__istartswith")
    readonly_fields = ("callback", "refused_count", "refused_at")
    actions = ("resume",)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The provider's fields, once there is a provider; the brands that are open."""
        base = form_for(obj) if obj else ChannelForm
        field = forms.ModelChoiceField(brands(request), label=_("Brand"), disabled=bool(obj))
        if obj:
            field.initial = obj.brand_id
        made = type("BrandChannelForm", (base,), {"brand": field})
        # The declared fields are no columns: the factory must not look for them.
        return super().get_form(request, obj, **{**kwargs, "form": made, "fields": None})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """First who and what; then the credentials that this provider asks for."""
        columns = [name for name in ChannelForm.Meta.fields if obj or not name.startswith("paused")]
        if obj is None:
            return ["brand", *columns]
        asked = form_for(obj).declared_fields
        return [
            "brand",
            *columns,
            *[n for n in asked if n.startswith(PREFIX)],
            *self.readonly_fields,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The provider of a channel does not change: its credentials would mean nothing."""
        return ("provider", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Save under the chosen brand."""
        if not change:
            obj.brand_id = form.cleaned_data["brand"].pk
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: Channel, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the credentials."""
        self.message_user(request, _("Now the credentials that the provider gave you."))
        return redirect(reverse("admin:channels_app_channel_change", args=[obj.pk]))

    @admin.display(description=gettext_lazy("Brand"))
    def brand_name(self, obj: Channel) -> str:
        """The brand's name."""
        return str(Brand.objects.filter(pk=obj.brand_id).values_list("name", flat=True).first())

    @admin.display(description=gettext_lazy("Address for receipts"))
    def callback(self, obj: Channel) -> str:
        """Where the provider reports to; a click selects it."""
        return format_html('<code class="select-all">{}</code>', obj.callback_url)

    @admin.action(description=gettext_lazy("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Let paused channels send again."""
        for channel in queryset:
            breaker.use_again(channel, request.user.get_username(), timezone.now())
        self.message_user(request, _("They send again."))


@admin.register(ChannelEvent)
class ChannelEventAdmin(LedgerAdmin):
    """What happened to channels."""

    brand_path = "channel__brand_id"
    list_display = ("channel", "kind", "detail", "at")
    list_filter = (("channel", ScopedFilter),)
    list_select_related = ("channel",)


class SameBrandForm(forms.ModelForm):
    """What a row refers to must belong to the row's brand."""

    def clean(self) -> dict[str, Any]:
        """Compare every chosen row's brand with this one's."""
        data = super().clean() or {}
        brand = data.get("brand") or getattr(self.instance, "brand", None)
        for name, value in list(data.items()):
            rows = [value] if isinstance(value, Store | Channel) else value
            if brand and isinstance(rows, list | QuerySet) and name != "brand":
                strange = [r for r in rows if hasattr(r, "brand_id") and r.brand_id != brand.pk]
                if strange:
                    self.add_error(name, _("%s belongs to another brand.") % strange[0])
        return data


@admin.register(Destination)
class DestinationAdmin(ScopedAdmin):
    """Staff rooms and partners' endpoints."""

    form = SameBrandForm
    list_display = ("name", "brand", "audience", "channel", "store", "enabled")
    list_filter = (("brand", ScopedFilter), "audience", "enabled")
    list_select_related = ("brand", "channel", "store")
    search_fields = ("slug__exact", "name__istartswith")
    autocomplete_fields = ("brand", "store", "channel")


LISTS: dict[str, Callable[[], Collection[str]] | None] = {
    "events": lambda: list(EVENTS),
    "families": lambda: [family.value for family in Family],
    "sources": sources.slugs,
    "fulfilment_types": None,
}


@admin.register(Rule)
class RuleAdmin(ScopedAdmin):
    """Which changes lead to a message."""

    form = SameBrandForm
    list_display = ("name", "brand", "audience", "active", "position")
    list_filter = (("brand", ScopedFilter), "audience", "active")
    list_select_related = ("brand",)
    search_fields = ("slug__exact", "name__istartswith")
    autocomplete_fields = ("brand", "stores", "destinations")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Lists are typed with commas."""
        if db_field.name in LISTS:
            found: CommaList = comma_list(db_field, LISTS[db_field.name])
            return found
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ScopedAdmin):
    """The words."""

    form = SameBrandForm
    list_display = ("name", "event", "family", "language", "store", "brand", "version", "active")
    list_filter = (("brand", ScopedFilter), "family", "language", "name", "active")
    list_select_related = ("brand", "store")
    search_fields = ("event__exact", "name__exact")
    autocomplete_fields = ("brand", "store")
    readonly_fields = ("variables", "version", "updated_at")

    @admin.display(description=gettext_lazy("Variables"))
    def variables(self, obj: MessageTemplate) -> str:
        """What the words may use."""
        rows = ((f"{{{{ {v.path} }}}}", v.doc, v.example) for v in REGISTRY)
        return format_html_join("", "<div><code>{}</code> {} ({})</div>", rows)


@admin.register(Notification)
class NotificationAdmin(LedgerAdmin):
    """What somebody was to be told."""

    list_display = ("event", "audience", "order", "customer", "state", "created_at")
    list_filter = (("brand", ScopedFilter), "state", "audience")
    list_select_related = ("order", "customer")
    exact_search = ("order__display_number", "intent")


@admin.register(Delivery)
class DeliveryAdmin(LedgerAdmin):
    """How it was tried."""

    list_display = ("ref", "order", "channel", "state", "reason", "created_at", "sent_at")
    list_filter = (("brand", ScopedFilter), "state", ("channel", ScopedFilter))
    list_select_related = ("order", "channel")
    exact_search = ("ref", "order__display_number", "attempts__provider_message_id")
    exclude = ("lease_token",)


@admin.register(Attempt)
class AttemptAdmin(LedgerAdmin):
    """Each try: the exact text, and the answer."""

    brand_path = "channel__brand_id"
    list_display = ("ending", "channel", "code", "detail", "http_status", "started_at")
    list_filter = ("ending", ("channel", ScopedFilter))
    list_select_related = ("channel",)
    exact_search = ("provider_message_id", "delivery__ref")
    raw_id_fields = ("delivery",)


@admin.register(ReceiptRecord)
class ReceiptRecordAdmin(LedgerAdmin):
    """What providers said later."""

    brand_path = "channel__brand_id"
    list_display = ("status", "channel", "code", "detail", "at")
    list_filter = (("channel", ScopedFilter),)
    list_select_related = ("channel",)
    exact_search = ("delivery__ref", "event_key")


@admin.register(CustomerMessage)
class CustomerMessageAdmin(LedgerAdmin):
    """What customers wrote."""

    list_display = ("received_at", "brand", "channel", "customer", "order", "understood_as")
    list_filter = (("brand", ScopedFilter), ("channel", ScopedFilter))
    list_select_related = ("brand", "channel", "customer", "order")
    exact_search = ("order__display_number", "provider_message_id")


@admin.register(Decision)
class DecisionAdmin(LedgerAdmin):
    """Why."""

    list_display = ("verdict", "sentence", "order", "rule_name", "recipient", "decided_at")
    list_filter = (("brand", ScopedFilter), "verdict")
    list_select_related = ("order",)
    exact_search = ("order__display_number",)


@admin.register(Heartbeat)
class HeartbeatAdmin(LedgerAdmin):
    """When what must happen all the time last happened."""

    brand_path = ""
    ordering = ("name",)
    list_display = ("name", "at")
