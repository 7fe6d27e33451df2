"""`/healthz`, `/readyz`, `/metrics`: for load balancers and monitoring. No names, no addresses."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import Error as DatabaseFailure
from django.db import connection as database
from django.db.models import Model, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from channels_app.models import Channel
from notifications import health
from notifications.models import Delivery, Notification, ReceiptRecord
from orders.models import InboundEvent, SourceConnection, StatusChange

SWEEP_MAY_BE = timedelta(seconds=60)
# Above this a gauge says "at least": counting a backlog must not slow down working it off.
COUNT_UP_TO = 10_000
# (table, condition), the latter word for word as in the table's partial index: SQLite uses
# such an index only for literals, which is why these are no querysets.
BACKLOGS: dict[str, tuple[type[Model], str]] = {
    "inbox": (InboundEvent, "state IN ('received', 'waiting')"),
    "fetching": (InboundEvent, "state = 'fetching'"),
    "changes": (StatusChange, "planned_at IS NULL"),
    "deliveries": (Delivery, "state = 'queued'"),
    "in_flight": (Delivery, "state IN ('sending', 'unknown')"),
    "receipts": (ReceiptRecord, "delivery_id IS NULL"),
}
FAILURES: dict[str, tuple[type[Model], str]] = {
    "inbox": (InboundEvent, "state = 'failed'"),
    "notifications": (Notification, "state = 'failed'"),
}

Gauge = tuple[str, str, list[tuple[str, float]]]


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Looks at nothing else, so that a sick database restarts no server."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether requests can be served and messages go out; 503 with the reason when not."""
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1")
        age = _sweep_age(timezone.now())
    except DatabaseFailure:
        return _not_ready("The database does not answer.", None)
    if age is None:
        return _not_ready("The pump has not run yet: start `manage.py dispatcher` or `up`.", None)
    if age > SWEEP_MAY_BE.total_seconds():
        return _not_ready("The pump has stopped: messages wait. Start it again.", age)
    return JsonResponse({"ready": True, "sweep_age_seconds": round(age, 1)})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Backlogs, refusals and the age of the last sweep, as Prometheus reads them."""
    lines: list[str] = []
    for name, about, samples in _gauges(timezone.now()):
        lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {value:g}" for labels, value in samples]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4")


def _gauges(now: datetime) -> Iterator[Gauge]:
    yield (
        "orderbell_backlog",
        f"Rows waiting for each stage, counted up to {COUNT_UP_TO}.",
        [(f'{{stage="{stage}"}}', _up_to(*rows)) for stage, rows in BACKLOGS.items()],
    )
    yield (
        "orderbell_failed",
        f"Rows that a person should look at, counted up to {COUNT_UP_TO}.",
        [(f'{{kind="{kind}"}}', _up_to(*rows)) for kind, rows in FAILURES.items()],
    )
    yield "orderbell_refused", "Requests that proved nobody, since ever.", list(_refusals())
    age = _sweep_age(now)
    if age is not None:
        yield "orderbell_sweep_age_seconds", "Since the pump last looked.", [("", age)]


def _refusals() -> Iterator[tuple[str, float]]:
    """Refusals by source and by provider: two small tables."""
    by_source = SourceConnection.objects.order_by().values_list("source")
    for source, total in by_source.annotate(total=Sum("refused_count")):
        yield f'{{edge="hooks",kind="{source}"}}', total
    by_provider = Channel.objects.order_by().values_list("provider")
    for provider, total in by_provider.annotate(total=Sum("refused_count")):
        yield f'{{edge="receipts",kind="{provider}"}}', total


def _up_to(model: type[Model], condition: str) -> int:
    """How many rows there are, but never more than COUNT_UP_TO."""
    table = database.ops.quote_name(model._meta.db_table)
    rows = f"SELECT 1 FROM {table} WHERE {condition} LIMIT {COUNT_UP_TO}"  # noqa: S608
    with database.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({rows}) AS counted")  # noqa: S608
        return int(cursor.fetchone()[0])


def _sweep_age(now: datetime) -> float | None:
    last = health.last_sweep()
    return None if last is None else max(0.0, (now - last).total_seconds())


def _not_ready(reason: str, age: float | None) -> JsonResponse:
    seconds = None if age is None else round(age, 1)
    about = {"ready": False, "reason": reason, "sweep_age_seconds": seconds}
    return JsonResponse(about, status=503)
