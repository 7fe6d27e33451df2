"""The delivery log: every message over every channel, newest first."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from channels_app.models import Channel
from notifications.models import Attempt, Audience, Delivery
from notifications.views import scope
from notifications.views.labels import by, family_of, masked, said
from notifications.views.live import live
from notifications.views.paging import Page, first_id_since, number, page_by_key
from notifications.views.scope import Scope, staff_page
from orders.models import Store


class Filters(forms.Form):
    """What the log can be narrowed to; a wrong value narrows nothing."""

    state = forms.ChoiceField(label=_("State"), required=False)
    channel: "forms.ModelChoiceField[Channel]" = forms.ModelChoiceField(
        label=_("Channel"), required=False, queryset=None
    )
    audience = forms.ChoiceField(label=_("For"), required=False)
    store: "forms.ModelChoiceField[Store]" = forms.ModelChoiceField(
        label=_("Store"), required=False, queryset=None
    )
    date = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, data: Any, seen: Scope) -> None:
        """Offer what `seen` may see."""
        super().__init__(data)
        everything = [("", _("All"))]
        self.fields["state"].choices = [*everything, *Delivery.State.choices]  # type: ignore[attr-defined]
        self.fields["audience"].choices = [*everything, *Audience.choices]  # type: ignore[attr-defined]
        self._rows("channel", scope.channels(seen))
        stores = seen.brand.stores.filter(pk__in=[store.pk for store in seen.stores])
        self._rows("store", stores)

    def _rows(self, name: str, rows: QuerySet[Any]) -> None:
        field = self.fields[name]
        field.queryset = rows  # type: ignore[attr-defined]
        field.empty_label = _("All")  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the log."""

    delivery: Delivery
    family: str
    to: str
    said: Attempt | None


@require_safe
@staff_page
def deliveries(request: HttpRequest) -> HttpResponse:
    """The log, filtered, paged by key."""
    seen = scope.scope(request)
    filters = Filters(request.GET, seen)
    filters.is_valid()
    page = _page(seen, filters.cleaned_data, number(request.GET.get("before")))
    query = request.GET.copy()
    for name in ("before", "live"):
        query.pop(name, None)
    context = {
        "filters": filters,
        "page": page,
        "rows": _lines(page.rows),
        "pager_query": query.urlencode(),
        "active": any(filters.cleaned_data.values()),
    }
    template = "notifications/parts/deliveries.html"
    return live(request, "notifications/deliveries.html", template, context)


def _page(seen: Scope, chosen: dict[str, Any], before: int | None) -> Page[Delivery]:
    rows = scope.deliveries(seen).select_related(
        "channel", "order", "notification", "notification__destination", "notification__customer"
    )
    for name in ("state", "channel"):
        if chosen.get(name):
            rows = rows.filter(**{name: chosen[name]})
    if chosen.get("date"):
        rows = rows.filter(_on(chosen["date"]))
    also = Q()
    if chosen.get("audience"):
        also &= Q(notification__audience=chosen["audience"])
    if chosen.get("store"):
        also &= Q(order__store=chosen["store"])
    return page_by_key(rows, also, before)


def _on(day: date) -> Q:
    """The ids of one day on the store's clock."""
    begin = datetime.combine(day, time.min, timezone.get_current_timezone())
    everything = Delivery.objects.all()
    first = first_id_since(everything, begin, "created_at")
    after = first_id_since(everything, begin + timedelta(days=1), "created_at")
    return Q(pk__gte=first, pk__lt=after)


def _lines(rows: list[Delivery]) -> list[Line]:
    ids = [row.pk for row in rows]
    attempts = by(Attempt.objects.filter(delivery_id__in=ids).order_by("id"), "delivery_id")
    return [
        Line(row, family_of(row.channel), masked(row.address), said(attempts.get(row.pk, ())))
        for row in rows
    ]
