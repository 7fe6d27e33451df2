"""What CRMs, help desks and flows post, of our own writing, and forgeries of signed requests."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orders.contract import Raw
from orders.signatures import Scheme, sign

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
SECRET = "the-secret-of-this-connection"
BODY = b'{"id":1001,"status":"ready"}'


def template(**more: Any) -> dict[str, Any]:
    """The recommended body, its values text throughout, as such senders write them."""
    return {
        "order_id": "1001",
        "record_id": "rec-77",
        "order_number": "#1001",
        "status": "Ready",
        "updated_at": "2026-11-21T18:30:00Z",
        "fulfilment": "pickup",
        "ready_at": "2026-11-21T18:45:00+00:00",
        "total": "21.50",
        "currency": "usd",
        "customer_name": "Ada Example",
        "customer_email": "ada@example.com",
        "customer_phone": "(202) 555-0143",
        "customer_country": "us",
        "customer_language": "en",
        **more,
    }


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def signed(scheme: Scheme, secret: str, body: bytes = BODY, at: datetime = NOW, **more: Any) -> Raw:
    """A request signed at `at` that arrives at NOW; milliseconds count as HubSpot counts them."""
    (name,) = scheme.timestamp_headers
    written_at = str(int(at.timestamp() * 1000)) if "hubspot" in name else at.isoformat()
    raw = Raw({name: written_at}, body, received_at=NOW, **more)
    return replace(raw, headers={**raw.headers, scheme.headers[0]: sign(scheme, raw, secret)})


def forgeries(scheme: Scheme, secret: str, **more: Any) -> dict[str, Raw]:
    """Requests that must all be refused, by what is wrong with them."""
    good = signed(scheme, secret, **more)
    signature, (time_header,) = scheme.headers[0], scheme.timestamp_headers
    mark = good.headers[signature]

    def other(**headers: str | None) -> Raw:
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {**good.headers, **changed}
        return replace(good, headers={k: v for k, v in kept.items() if v is not None})

    name = signature.replace("-", "_")
    moment = time_header.replace("-", "_")
    return {
        "missing": other(**{name: None}),
        "empty": other(**{name: ""}),
        "wrong": other(**{name: sign(scheme, replace(good, body=b"{}"), secret)}),
        "truncated": other(**{name: mark[:-4]}),
        "without padding": other(**{name: mark.rstrip("=")}),
        "non-ascii": other(**{name: "ü" + mark}),
        "another tenant's": signed(scheme, "the secret of another tenant", **more),
        "no time": other(**{moment: None}),
        "another time": other(**{moment: good.headers[time_header].replace("1", "2", 1)}),
        "six minutes old": signed(scheme, secret, at=NOW - timedelta(minutes=6), **more),
        "ten minutes ahead": signed(scheme, secret, at=NOW + timedelta(minutes=10), **more),
        "replayed a day later": replace(good, received_at=NOW + timedelta(days=1)),
        "written anew": replace(good, body=written(json.loads(BODY))),
        "a line break more": replace(good, body=BODY + b"\n"),
    }
