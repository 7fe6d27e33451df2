"""The inbound inbox: what sources sent, what we made of it, and another go."""

import json
from collections.abc import Sequence
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from notifications.views import facts, scope
from notifications.views.live import live
from notifications.views.mapping import may_map
from notifications.views.paging import Page, number, page_by_key
from notifications.views.returning import back
from notifications.views.scope import Scope, staff_page
from orders import intake
from orders.models import InboundEvent, SourceConnection, StatusChange

SHOWN_BYTES = 20_000
HEADERS_SHOWN = 60
AT_ONCE = 100
MODES = ("replay", "")


@require_safe
@staff_page
def inbox(request: HttpRequest) -> HttpResponse:
    """Health of each connection, and the latest events."""
    seen = scope.scope(request)
    state = request.GET.get("state", "")
    state = state if state in InboundEvent.State.values else ""
    connection = number(request.GET.get("connection"))
    before = number(request.GET.get("before"))
    context = {
        "connections": _health(seen),
        "page": _page(seen, state, connection, before),
        "states": InboundEvent.State.choices,
        "state": state,
        "connection": connection,
        "pager_query": _query(state, connection),
    }
    return live(
        request, "notifications/inbox.html", "notifications/parts/inbox.html", context, "3s"
    )


def _query(state: str, connection: int | None) -> str:
    chosen = {"state": state, "connection": connection}
    return urlencode({name: value for name, value in chosen.items() if value})


def _health(seen: Scope) -> QuerySet[SourceConnection]:
    latest = InboundEvent.objects.filter(connection=OuterRef("pk")).order_by("-pk")
    return scope.connections(seen).annotate(
        last_at=Subquery(latest.values("received_at")[:1]),
        last_state=Subquery(latest.values("state")[:1]),
    )[:60]


def _page(
    seen: Scope, state: str, connection: int | None, before: int | None
) -> Page[InboundEvent]:
    """The scope is no index of the inbox, so it is applied to a bounded window of it."""
    rows = InboundEvent.objects.defer("body", "headers").select_related("connection", "order")
    if state:
        rows = rows.filter(state=state)
    if connection:
        rows = rows.filter(connection_id=connection)
    return page_by_key(rows, scope.inbound_within(seen), before)


@require_safe
@staff_page
def inbox_event(request: HttpRequest, pk: int) -> HttpResponse:
    """One event: its raw body beside what it became."""
    event = _event(request, pk)
    body = bytes(event.body)
    changes = StatusChange.objects.filter(event=event).order_by("id")[:50]
    context = {
        "event": event,
        "body": readable(body),
        "size": len(body),
        "cut": len(body) > SHOWN_BYTES,
        "headers": sorted(event.headers.items())[:HEADERS_SHOWN],
        "became": [(change, facts.describe(change)) for change in changes],
        "may_map": may_map(scope.scope(request), event.connection.brand_id),
    }
    template = "notifications/parts/inbox_event.html"
    return live(request, "notifications/inbox_event.html", template, context)


def _event(request: HttpRequest, pk: int) -> InboundEvent:
    rows = scope.inbound(scope.scope(request), everywhere=True)
    return get_object_or_404(rows.select_related("connection", "order"), pk=pk)


def readable(body: bytes) -> str:
    """`body` for reading: JSON indented when it is that, cut to a size that a browser likes."""
    if len(body) <= SHOWN_BYTES:
        try:
            text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
            return text.encode("utf-8", "replace").decode()[: SHOWN_BYTES * 2]
        except (ValueError, RecursionError):
            pass
    return body[:SHOWN_BYTES].decode("utf-8", "replace")


@require_POST
@staff_page
def replay(request: HttpRequest) -> HttpResponse:
    """Let the chosen events be understood again."""
    seen = scope.scope(request)
    chosen = [pk for pk in map(number, request.POST.getlist("event")[:AT_ONCE]) if pk]
    mode = request.POST.get("mode", "replay")
    if mode not in MODES:
        messages.error(request, _("Choose how to replay: quietly, or as if it had just arrived."))
        return back(request, "inbox")
    ids = list(
        scope.inbound(seen, everywhere=True).filter(pk__in=chosen).values_list("pk", flat=True)
    )
    _report(request, ids, intake.replay(ids, mode=mode or None) if ids else 0)
    return back(request, "inbox")


def _report(request: HttpRequest, ids: Sequence[int], count: int) -> None:
    if not ids:
        messages.error(request, _("Choose at least one event first."))
        return
    said = ngettext("%d event is read again.", "%d events are read again.", count) % count
    messages.success(request, said)
