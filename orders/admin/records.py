"""Admin pages of what happened: orders, their timelines, and what sources sent."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from orders import intake
from orders.admin_base import (
    GrowingAdmin,
    LedgerAdmin,
    ScopedFilter,
)
from orders.models import (
    Customer,
    CustomerIdentity,
    FulfilmentGroup,
    IdempotentCall,
    InboundEvent,
    Order,
    OrderAlias,
    OrderLine,
    StatusChange,
)


@admin.register(IdempotentCall)
class IdempotentCallAdmin(LedgerAdmin):
    """Writes of the API that were answered."""

    brand_path = "token__brand_id"
    list_display = ("key", "scope", "token", "status", "created_at")
    list_select_related = ("token",)
    exclude = ("body",)


@admin.register(Customer)
class CustomerAdmin(GrowingAdmin):
    """People as a brand knows them; found by an address or an id, exactly."""

    list_display = ("__str__", "brand", "language", "created_at")
    list_filter = (("brand", ScopedFilter),)
    list_select_related = ("brand",)
    exact_search = ("identities__value",)
    fields = ("brand", "name", "given_name", "language", "time_zone")
    readonly_fields = ("brand",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Customers come with their orders."""
        return False


@admin.register(CustomerIdentity)
class CustomerIdentityAdmin(LedgerAdmin):
    """Ways to recognise customers."""

    list_display = ("kind", "value", "customer", "brand")
    list_select_related = ("customer", "brand")
    exact_search = ("value",)
    raw_id_fields = ("customer",)


@admin.register(Order)
class OrderAdmin(LedgerAdmin):
    """Orders as their sources tell them."""

    list_display = ("__str__", "brand", "store", "status", "placed_at", "changed_at", "is_test")
    list_filter = (("brand", ScopedFilter), "status")
    list_select_related = ("brand", "store")
    exact_search = ("display_number", "external_id", "token")
    search_help_text = gettext_lazy("The whole number or id of the order")


@admin.register(OrderAlias)
class OrderAliasAdmin(LedgerAdmin):
    """Other names of orders."""

    brand_path = "order__brand_id"
    list_display = ("value", "order", "connection")
    list_select_related = ("order", "connection")
    exact_search = ("value",)


@admin.register(OrderLine)
class OrderLineAdmin(LedgerAdmin):
    """What was ordered."""

    brand_path = "order__brand_id"
    list_display = ("__str__", "order", "sku", "removed_quantity")
    list_select_related = ("order",)
    exact_search = ("order__display_number",)


@admin.register(FulfilmentGroup)
class FulfilmentGroupAdmin(LedgerAdmin):
    """Parts of orders."""

    brand_path = "order__brand_id"
    list_display = ("key", "order", "method", "status", "ready_at")
    list_filter = ("status",)
    list_select_related = ("order",)
    exact_search = ("order__display_number",)


@admin.register(InboundEvent)
class InboundEventAdmin(LedgerAdmin):
    """What sources sent, as it arrived."""

    brand_path = "connection__brand_id"
    list_display = ("topic", "connection", "state", "mode", "order", "received_at", "error")
    list_filter = ("state", ("connection", ScopedFilter))
    list_select_related = ("connection", "order")
    exact_search = ("event_key", "order__display_number")
    exclude = ("body",)
    readonly_fields = ("text",)
    actions = ("replay",)

    @admin.display(description=gettext_lazy("Body"))
    def text(self, obj: InboundEvent) -> str:
        """The first part of the body, readable."""
        return bytes(obj.body)[:20_000].decode("utf-8", "replace")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may change events may have them understood again."""
        return request.user.has_perm("orders.change_inboundevent")

    @admin.action(
        description=gettext_lazy("Replay: understand again, without telling anybody"),
        permissions=["replay"],
    )
    def replay(self, request: HttpRequest, queryset: QuerySet[InboundEvent]) -> None:
        """Put the chosen events back into the inbox."""
        count = intake.replay(list(queryset.values_list("pk", flat=True)))
        text = ngettext("%s event is read again.", "%s events are read again.", count)
        self.message_user(request, text % count)


@admin.register(StatusChange)
class StatusChangeAdmin(LedgerAdmin):
    """Timelines."""

    list_display = ("order", "group_key", "fact", "status", "applied", "silent_why", "occurred_at")
    list_filter = (("brand", ScopedFilter), "fact", "applied")
    list_select_related = ("order",)
    exact_search = ("order__display_number",)
