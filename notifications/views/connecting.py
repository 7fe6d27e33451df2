"""The way to a new source: choose it, name it, copy two things over, watch the first event."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from notifications import subscriptions
from notifications.views import connection_rights, guides, scope, signing
from notifications.views.connection_forms import ConnectForm, CredentialsForm
from notifications.views.connection_health import source_of
from notifications.views.connections import credential_rows
from notifications.views.live import live
from notifications.views.scope import Scope, staff_page
from notifications.views.understood import first_event, understood
from orders import registry
from orders.contract import OrderSource
from orders.models import SourceConnection


@require_safe
@staff_page
def choose(request: HttpRequest) -> HttpResponse:
    """Every source that can be connected."""
    _connecting(request)
    sources = sorted((registry.source(slug) for slug in registry.slugs()), key=_by_name)
    return render(request, "notifications/connect.html", {"sources": sources})


def _by_name(source: OrderSource) -> str:
    return source.name.lower()


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def describe(request: HttpRequest, slug: str) -> HttpResponse:
    """What has to be known before there is an address: then the connection is made, in test."""
    seen = _connecting(request)
    if slug not in registry.slugs():
        raise Http404
    source = registry.source(slug)
    form = ConnectForm(source, seen, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return redirect("connecting", _make(form, source, seen).pk)
    context = {
        "source": source,
        "form": form,
        "parts": form.parts(),
        "shown_there": signing.shown_there(slug),
    }
    status = 400 if form.is_bound else 200
    return render(request, "notifications/connect_source.html", context, status=status)


def _make(form: ConnectForm, source: OrderSource, seen: Scope) -> SourceConnection:
    """The connection, in test: nothing of it goes to customers."""
    given = form.cleaned_data["secret"].strip()
    if not given and not signing.shown_there(source.slug):
        given = signing.made(source.slug)
    fields: dict[str, Any] = {
        "settings": form.settings(),
        "credentials": form.credentials(),
        "secrets": [{"secret": given, "until": None}] if given else [],
    }
    with transaction.atomic():
        return SourceConnection.objects.create(
            brand=seen.brand,
            store_id=int(form.cleaned_data["store"]) if form.cleaned_data["store"] else None,
            source=source.slug,
            name=form.cleaned_data["name"],
            mode=SourceConnection.Mode.TEST,
            **fields,
        )


@require_safe
@staff_page
def setup(request: HttpRequest, pk: int) -> HttpResponse:
    """Address, secret, what to click over there, and the first event as it was understood."""
    row = connection_rights.managed_connection(request, pk)
    now, source = timezone.now(), source_of(row)
    event = first_event(row)
    context = {
        "connection": row,
        "source": source,
        "address": subscriptions.address(row),
        "secret": _secret(row, event is not None),
        "has_secret": bool(row.valid_secrets(now)),
        "shown_there": signing.shown_there(row.source),
        "credentials": credential_rows(row, source),
        "credentials_form": CredentialsForm(source) if source else None,
        "guide": guides.of_source(row.source) if source else "",
        "first": understood(event, now) if event else None,
    }
    page, part = "notifications/connecting.html", "notifications/parts/connecting.html"
    return live(request, page, part, context, "2s")


def _secret(row: SourceConnection, heard: bool) -> str:
    """Our own secret, to be copied over; no longer shown once it has been used, or is live."""
    shown = signing.shown_there(row.source) or row.mode != SourceConnection.Mode.TEST or heard
    valid = [] if shown else row.valid_secrets(timezone.now())
    return valid[0] if valid else ""


def _connecting(request: HttpRequest) -> Scope:
    """The scope of somebody who may add a source."""
    seen = scope.scope(request)
    if not connection_rights.may_connect(seen):
        raise PermissionDenied(_("Only owners and managers may connect a source."))
    return seen
