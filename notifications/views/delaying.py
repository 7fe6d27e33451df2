"""Everything takes longer: choose, see who would be told, confirm, and undo for a minute."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notifications import delaying
from notifications.delay_preview import Wish
from notifications.models import BulkDelay, Delivery
from notifications.templatetags.orderbell import method_word
from notifications.values import moment
from notifications.views import scope, steps
from notifications.views.live import live
from notifications.views.scope import Scope, staff_page
from orders.models import Order
from orders.statuses import Status

MINUTES = (10, 15, 20, 30, 45, 60)
METHODS = ("pickup", "delivery", "curbside", "shipping", "dine_in")
USUAL = (Status.PLACED, Status.CONFIRMED, Status.PREPARING)
RECENT = 5


class DelayForm(forms.Form):
    """What takes longer, by how much, and why."""

    store = forms.ChoiceField(label=gettext_lazy("Where"), required=False)
    minutes = forms.TypedChoiceField(
        label=gettext_lazy("How much longer"),
        coerce=int,
        choices=[(n, f"+{n}") for n in MINUTES],
        initial=20,
        required=False,
        empty_value=None,
        widget=forms.RadioSelect,
    )
    other = forms.IntegerField(
        label=gettext_lazy("Or exactly (minutes)"), required=False, min_value=5, max_value=120
    )
    statuses = forms.MultipleChoiceField(
        label=gettext_lazy("Which orders"),
        choices=[(one.value, one.label) for one in Status if one.value in steps.OPEN],
        initial=[one.value for one in USUAL],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one.")},
    )
    fulfilment_types = forms.MultipleChoiceField(
        label=gettext_lazy("Only these kinds"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: every kind."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("Customers may read it: “The oven broke”."),
    )

    def __init__(self, data: Any, seen: Scope) -> None:
        """Offer the stores that `seen` may act for."""
        super().__init__(data)
        every = [("", _("All my stores"))] if len(seen.stores) != 1 else []
        stores = [*every, *((str(one.pk), one.name) for one in seen.stores)]
        self.fields["store"].choices = stores  # type: ignore[attr-defined]
        self.fields["store"].initial = str(seen.store.pk) if seen.store else ""
        kinds = [(one, method_word(one)) for one in METHODS]
        self.fields["fulfilment_types"].choices = kinds  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The exact minutes count more than the button."""
        found = super().clean() or {}
        found["minutes"] = found.get("other") or found.get("minutes")
        if not found["minutes"] and "other" not in self.errors:
            self.add_error("minutes", _("Choose how many minutes."))
        return found

    def wish(self, seen: Scope) -> Wish:
        """What was chosen, within what the person may touch."""
        said = self.cleaned_data
        return Wish(
            brand_id=seen.brand.pk,
            store_id=int(said["store"]) if said["store"] else None,
            within=seen.grants[seen.brand.pk],
            statuses=tuple(said["statuses"]),
            fulfilment_types=tuple(said["fulfilment_types"]),
            minutes=said["minutes"],
            reason=said["reason"],
        )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def delay(request: HttpRequest) -> HttpResponse:
    """Choose; a press on "Show me" stores a preview, which tells nobody."""
    seen = scope.scope(request)
    form = DelayForm(request.POST or None, seen)
    if request.method == "POST" and form.is_valid():
        drafted = delaying.draft(form.wish(seen), request.user, timezone.now())  # type: ignore[arg-type]
        if drafted.running:
            messages.info(request, _("This very delay is about to go out. Nothing was added."))
        return redirect("delay_one", drafted.delay.pk)
    recent = _mine(seen).exclude(state=BulkDelay.State.DRAFT).order_by("-id")[:RECENT]
    context = {"form": form, "recent": [_described(one) for one in recent]}
    status = 400 if form.is_bound else 200
    return render(request, "notifications/delay.html", context, status=status)


@require_safe
@staff_page
def delay_one(request: HttpRequest, pk: int) -> HttpResponse:
    """The preview; then the countdown with its undo; then what became of it."""
    row = get_object_or_404(_mine(scope.scope(request)), pk=pk)
    now = timezone.now()
    context = {"delay": row, **_shown(row, now)}
    page, part = "notifications/delay_one.html", "notifications/parts/delay_one.html"
    return live(request, page, part, context, "1s" if row.state == "confirmed" else "5s")


@require_POST
@staff_page
def delay_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it go out in a minute."""
    row = get_object_or_404(_mine(scope.scope(request)), pk=pk)
    after = delaying.confirm(row, timezone.now())
    if after.pk != row.pk:
        messages.info(request, _("The same delay was about to go out already. Nothing was added."))
    elif after.state == BulkDelay.State.DRAFT:
        messages.error(request, _("This preview is too old. Press “Show me” again."))
        return redirect("delay")
    return redirect("delay_one", after.pk)


@require_POST
@staff_page
def delay_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Nothing goes out."""
    row = get_object_or_404(_mine(scope.scope(request)), pk=pk)
    if delaying.undo(row, timezone.now()):
        messages.success(request, _("Undone. Nobody was told anything."))
    else:
        messages.error(request, _("Too late to undo: see below what became of it."))
    return redirect("delay_one", row.pk)


def _mine(seen: Scope) -> QuerySet[BulkDelay]:
    """Bulk delays of the brands and stores of this person; of all stores only their own ones."""
    allowed = Q(pk__in=[])
    for brand_id, stores in seen.grants.items():
        part = Q(brand_id=brand_id)
        if stores is not None:
            part &= Q(store_id__in=stores) | Q(store=None, user_id=seen.user.pk)
        allowed |= part
    return BulkDelay.objects.filter(allowed).select_related("store", "brand", "user")


# --- What is shown ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One order of the preview."""

    order: Order | None
    number: str
    who: str
    promises: Sequence[tuple[datetime | None, datetime | None]]
    families: Sequence[str]
    waits: bool
    why: str


def _shown(row: BulkDelay, now: datetime) -> dict[str, Any]:
    """Everything for the page, from what the preview has kept: three queries."""
    preview = row.preview
    gone = set(preview.get("dropped", ())) | (
        {one["order"] for one in preview.get("rows", ())} - set(row.order_ids)
    )
    rows = [one for one in preview.get("rows", ()) if one["order"] not in gone]
    dropped = [one for one in preview.get("rows", ()) if one["order"] in gone]
    orders = Order.objects.in_bulk([one["order"] for one in preview.get("rows", ())])
    left = int((row.due_at - now).total_seconds()) if row.due_at else 0
    shown = [_row(one, orders) for one in rows]
    return {
        **_described(row),
        "told": [one for one in shown if one.families],
        "untold": [one for one in shown if not one.families],
        "skipped": preview.get("skipped", ()),
        "dropped": dropped,
        "families": preview.get("families", {}),
        "rooms": preview.get("rooms", {}),
        "cost": preview.get("cost", ""),
        "more": preview.get("more", False),
        "late": preview.get("why") == "late",
        "old": delaying.is_old(row, now),
        "left": max(0, left),
        "hold": int(delaying.HOLD.total_seconds()),
        "became": _became(row),
    }


def _row(one: Mapping[str, Any], orders: Mapping[int, Order]) -> Row:
    order = orders.get(one["order"])
    who = (order.contact_given_name or order.contact_name) if order else ""
    promises = [(moment(old), moment(new)) for old, new in one["promises"]]
    return Row(order, one["number"], who, promises, one["families"], one["waits"], one["why"])


def _described(row: BulkDelay) -> dict[str, Any]:
    """The delay in words."""
    return {
        "delay": row,
        "where": row.store.name if row.store else _("All stores"),
        "statuses": [steps.words(one) for one in row.statuses],
        "kinds": [method_word(one) for one in row.fulfilment_types],
        "by": row.user.get_username() if row.user else "",
    }


def _became(row: BulkDelay) -> list[tuple[str, int]]:
    """Delivery state -> how many of its messages are in it."""
    changes = row.preview.get("changes", ())
    if not changes:
        return []
    rows = Delivery.objects.filter(notification__change_id__in=changes)
    states = Counter(rows.filter(order_id__in=row.order_ids).values_list("state", flat=True))
    return sorted(states.items())
