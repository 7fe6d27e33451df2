"""Bodies on their way through identify, the inbox and the timeline, without a server."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orders import intake, registry
from orders.contract import OrderSource, Raw
from orders.models import InboundEvent, SourceConnection, StatusChange
from orders.normalising import normalise
from tests.factories import ConnectionFactory

NOW = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)  # the evening of the bodies in bodies.py


def built_in(slug: str) -> OrderSource:
    """The source called `slug`; the test is skipped where this tree has none."""
    if slug not in registry.slugs():
        pytest.skip(f"there is no source {slug} in this tree")
    return registry.source(slug)


def connected(source: str, **fields: Any) -> SourceConnection:
    """A connection of some brand to `source`."""
    built_in(source)
    made = ConnectionFactory(source=source, **fields)
    assert isinstance(made, SourceConnection)
    return made


def written(body: Any) -> bytes:
    """`body` as bytes."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def stored(
    hook: SourceConnection,
    body: Any,
    headers: dict[str, str] | None = None,
    *,
    mode: str | None = None,
    now: datetime = NOW,
) -> list[int]:
    """Put `body` into the inbox as `hook`'s source recognises it; the ids of what was new."""
    raw = Raw(headers or {}, written(body), received_at=now, settings=hook.settings)
    items = registry.source(hook.source).identify(raw)
    kept = intake.kept_headers(raw.headers, [])
    return intake.store(hook, items, kept, raw.body, now, mode)


def arrive(
    hook: SourceConnection,
    body: Any,
    headers: dict[str, str] | None = None,
    *,
    mode: str | None = None,
    now: datetime = NOW,
) -> None:
    """As `stored`, and understood at once."""
    stored(hook, body, headers, mode=mode, now=now)
    normalise(100, now)


def shopify(topic: str, number: str = "") -> dict[str, str]:
    """The headers of a Shopify webhook; `number` makes the event another one."""
    headers = {"x-shopify-topic": topic}
    return {**headers, "x-shopify-event-id": number} if number else headers


def woo(topic: str = "order.updated", **more: str) -> dict[str, str]:
    """The headers of a WooCommerce webhook."""
    named = {f"x-wc-webhook-{name.replace('_', '-')}": value for name, value in more.items()}
    return {"x-wc-webhook-topic": topic, **named}


def steps(**only: Any) -> list[str]:
    """The statuses that were applied, in the order in which they were written."""
    told = StatusChange.objects.filter(fact="status", applied=True, **only).order_by("id")
    return list(told.values_list("status", flat=True))


def states() -> list[str]:
    """What became of the rows of the inbox, oldest first."""
    return list(InboundEvent.objects.order_by("id").values_list("state", flat=True))
