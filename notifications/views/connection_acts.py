"""Buttons of a source: live or test, pause, a new secret, a question, another go for its events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from notifications import subscriptions
from notifications.views import scope, signing
from notifications.views.connection_forms import CredentialsForm
from notifications.views.connection_health import source_of
from notifications.views.connection_rights import managed_connection
from notifications.views.connections import RangeForm
from notifications.views.paging import first_id_since
from notifications.views.returning import back
from notifications.views.scope import staff_page
from orders import intake, rotation
from orders.models import InboundEvent, SourceConnection

MOST = 2000  # events that are read again in one go
SCANNED = 20_000  # events of the range that are looked at
Mode = SourceConnection.Mode
CHANGES: Mapping[str, dict[str, Any]] = {
    "live": {"mode": Mode.LIVE},
    "test": {"mode": Mode.TEST},
    "pause": {"enabled": False},
    "enable": {"enabled": True},
}
Act = Callable[[HttpRequest, SourceConnection], HttpResponse]


def act(view: Act) -> Callable[..., HttpResponse]:
    """A button of a source, for those who may change it."""

    @wraps(view)
    def guarded(request: HttpRequest, pk: int) -> HttpResponse:
        return view(request, managed_connection(request, pk))

    return require_POST(staff_page(guarded))


@act
def change(request: HttpRequest, row: SourceConnection) -> HttpResponse:
    """Live, test, paused, going on."""
    what = request.POST.get("to", "")
    if what not in CHANGES:
        messages.error(request, _("Choose what to do."))
        return back(request, _page(row))
    SourceConnection.objects.filter(pk=row.pk).update(**CHANGES[what])
    said = {
        "live": _("%(name)s is live: customers hear of its orders from now on."),
        "test": _("%(name)s is in test: nothing of it goes to customers."),
        "pause": _("%(name)s is paused: whatever it sends is refused."),
        "enable": _("%(name)s goes on."),
    }
    messages.success(request, said[what] % {"name": row.name})
    return back(request, _page(row))


@act
def question(request: HttpRequest, row: SourceConnection) -> HttpResponse:
    """Ask the source; the answer appears on the page."""
    what = request.POST.get("what", "")
    if what not in subscriptions.KINDS:
        messages.error(request, _("Choose what to do."))
        return back(request, _page(row))
    subscriptions.ask(row, what, timezone.now())
    messages.success(request, _("Asked. The answer appears here in a moment."))
    return back(request, _page(row))


@act
def secret(request: HttpRequest, row: SourceConnection) -> HttpResponse:
    """Take the secret that the source shows, or make one and show it this once."""
    given, now = request.POST.get("secret", "").strip()[:500], timezone.now()
    if given:
        rotation.rotate(row, now, given)
        messages.success(request, _("Saved. An older secret stays good for 24 hours."))
        return back(request, _page(row))
    if signing.shown_there(row.source):
        messages.error(request, _("Paste the secret that the source shows."))
        return back(request, _page(row))
    made = rotation.rotate(row, now, signing.made(row.source))
    context = {"connection": row, "source": source_of(row), "secret": made}
    return render(request, "notifications/connection_secret.html", context)


@act
def credentials(request: HttpRequest, row: SourceConnection) -> HttpResponse:
    """Save what was typed; what was left empty stays."""
    source = source_of(row)
    form = CredentialsForm(source, request.POST) if source else None
    if form is None or not form.is_valid():
        messages.error(request, _("That could not be saved. Is one of them too long?"))
        return back(request, _page(row))
    typed = form.credentials()
    known: Any = row.credentials
    changed: dict[str, Any] = {"credentials": {**known, **typed}, "token": {}}
    SourceConnection.objects.filter(pk=row.pk).update(**changed)
    messages.success(request, _("Saved.") if typed else _("Nothing was typed: nothing changed."))
    return back(request, _page(row))


@act
def replay(request: HttpRequest, row: SourceConnection) -> HttpResponse:
    """Read a range of events again. No customer is told."""
    form = RangeForm(request.POST)
    if not form.is_valid():
        said = " ".join(str(error) for some in form.errors.values() for error in some)
        messages.error(request, said)
        return back(request, _page(row))
    data = form.cleaned_data
    ids, more = _ids(request, row, data["since"], data["until"], data["which"] == "failed")
    count = intake.replay(ids, mode="replay") if ids else 0
    text = ngettext("%d event is read again.", "%d events are read again.", count) % count
    if more:
        text += " " + _("That was not all: choose a shorter range for the rest.")
    (messages.warning if more else messages.success)(request, text)
    return back(request, _page(row))


def _ids(
    request: HttpRequest, row: SourceConnection, since: datetime, until: datetime, failed: bool
) -> tuple[list[int], bool]:
    """The events of the range, oldest first, and whether there are more than are read at once."""
    mine = InboundEvent.objects.filter(connection=row)
    low = first_id_since(mine, since, "received_at")
    high = first_id_since(mine, until, "received_at")
    seen = scope.inbound(scope.scope(request), everywhere=True)
    rows = seen.filter(connection=row, pk__gte=low, pk__lt=high).order_by("pk")
    found = list(rows.values_list("pk", "state")[: SCANNED + 1])
    chosen = [pk for pk, state in found if not failed or state == InboundEvent.State.FAILED]
    return chosen[:MOST], len(chosen) > MOST or len(found) > SCANNED


def _page(row: SourceConnection) -> str:
    return resolve_url("connection", row.pk)
