"""Many writers at once still make one chain. Needs a database with row locks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from consents import recording
from consents.models import ConsentEvent
from tests.factories import BrandFactory

NOW = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_make_one_whole_chain() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite in memory has one connection: nothing can happen at once.")
    brand = BrandFactory()

    def write(number: int) -> None:
        try:
            recording.record(
                brand_id=brand.pk,
                kind="phone",
                address=f"+1202555{100 + number % 5:04}",
                action="withdraw" if number % 2 else "grant",
                channel="sms",
                method="keyword",
                source_event_id=f"SM{number % 20}",
                occurred_at=NOW,
                now=NOW,
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(40)))

    assert ConsentEvent.objects.count() == 20
    assert recording.verify_chain(brand.pk) == []
    assert recording.rebuild(brand.pk) == 0
