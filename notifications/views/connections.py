"""Sources: how each one does, and everything that can be done about one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from notifications import subscriptions
from notifications.values import moment
from notifications.views import connection_health, connection_rights, guides, scope
from notifications.views.connection_forms import CredentialsForm
from notifications.views.inbox import readable
from notifications.views.live import live
from notifications.views.scope import Scope, staff_page
from orders.contract import OrderSource
from orders.models import InboundEvent, SourceConnection

MOST = 60  # connections on the list
FAILED_SHOWN = 3
MAPPING_NAMES = ("connection_mapping", "mapping")


class RangeForm(forms.Form):
    """Which events are read again."""

    since = forms.DateTimeField(
        label=gettext_lazy("From"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    which = forms.ChoiceField(
        label=gettext_lazy("Which"),
        choices=[
            ("failed", gettext_lazy("Only what was not understood")),
            ("all", gettext_lazy("Everything")),
        ],
    )

    def clean(self) -> dict[str, Any]:
        """The end comes after the beginning."""
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and since >= until:
            self.add_error("until", _("Choose an end that comes after the beginning."))
        return data


@dataclass(frozen=True, slots=True)
class Failed:
    """An event that was not understood, with its raw body."""

    event: InboundEvent
    body: str


@require_safe
@staff_page
def connections(request: HttpRequest) -> HttpResponse:
    """Every source of the brand."""
    seen = scope.scope(request)
    rows = list(scope.connections(seen).select_related("store")[:MOST])
    context = {
        "cards": connection_health.cards(rows, timezone.now()),
        "may_connect": connection_rights.may_connect(seen),
    }
    page, part = "notifications/connections.html", "notifications/parts/connections.html"
    return live(request, page, part, context, "10s")


@require_safe
@staff_page
def connection(request: HttpRequest, pk: int) -> HttpResponse:
    """One source: its health, and its buttons."""
    row = connection_rights.open_connection(request, pk)
    context = shown(scope.scope(request), row, timezone.now())
    page, part = "notifications/connection.html", "notifications/parts/connection.html"
    return live(request, page, part, context, "5s")


def shown(seen: Scope, row: SourceConnection, now: datetime) -> dict[str, Any]:
    """Everything about one source that its page shows."""
    (card,) = connection_health.cards([row], now)
    source = connection_health.source_of(row)
    begin = timezone.localtime(now - timedelta(days=1))
    return {
        "card": card,
        "connection": row,
        "source": source,
        "address": subscriptions.address(row),
        "may_manage": connection_rights.may_manage(seen, row),
        "failed": _failed(seen, card.lately.failed),
        "question": row.settings.get(subscriptions.ASK),
        "answer": _answer(row),
        "asks": _asks(source),
        "secrets": [moment(one.get("until")) for one in _valid(row, now)],
        "mapping_url": _mapping_url(row),
        "range": RangeForm(initial={"since": begin, "until": timezone.localtime(now)}),
        "credentials": credential_rows(row, source),
        "credentials_form": CredentialsForm(source) if source else None,
        "guide": guides.of_source(row.source) if source else "",
    }


def _valid(row: SourceConnection, now: datetime) -> list[dict[str, Any]]:
    good = row.valid_secrets(now)
    return [entry for entry in row.secrets if entry.get("secret") in good]


def _failed(seen: Scope, ids: tuple[int, ...]) -> list[Failed]:
    """The latest that were not understood, of those that this person may open."""
    rows = scope.inbound(seen, everywhere=True).filter(pk__in=ids[: FAILED_SHOWN * 4])
    return [Failed(row, readable(bytes(row.body))) for row in rows.order_by("-id")[:FAILED_SHOWN]]


def _answer(row: SourceConnection) -> dict[str, Any]:
    """What the pump wrote down, with its time as a time."""
    known = row.settings.get(subscriptions.ANSWER)
    return {**known, "at": moment(known.get("at"))} if isinstance(known, dict) else {}


def _asks(source: OrderSource | None) -> dict[str, bool]:
    """What the source's API can be asked."""
    kind = type(source) if source else OrderSource
    says = kind.subscriptions_ask is not OrderSource.subscriptions_ask
    return {
        "subscriptions": says,
        "subscribe": says and kind.subscribe_ask is not OrderSource.subscribe_ask,
        "test": says or kind.list_ask is not OrderSource.list_ask,
    }


def credential_rows(row: SourceConnection, source: OrderSource | None) -> list[tuple[str, bool]]:
    """Credential -> whether it is filled in."""
    known: Any = row.credentials
    return [(name, bool(known.get(name))) for name in (source.CREDENTIALS if source else ())]


def _mapping_url(row: SourceConnection) -> str:
    """The page of its mapping, where there is one."""
    for name in MAPPING_NAMES:
        try:
            return reverse(name, args=[row.pk])
        except NoReverseMatch:
            continue
    return ""
