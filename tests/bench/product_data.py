"""`python -m tests.bench.product_data COUNT`: the product's database, ready to measure.

Written by the product's own code: migrations, default rules and templates, contact
points, consents, and the plan of one status change for each order. Prints JSON.
"""

import json
import sys
from datetime import timedelta

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - models need the set-up above
from django.utils import timezone  # noqa: E402

from channels_app.models import Channel  # noqa: E402
from consents import recording  # noqa: E402
from consents.models import ConsentState, ContactPoint  # noqa: E402
from notifications import defaults  # noqa: E402
from notifications.planning import plan  # noqa: E402
from orders.models import (  # noqa: E402
    Brand,
    Customer,
    FulfilmentGroup,
    Order,
    OrderLine,
    SourceConnection,
    StatusChange,
    Store,
)

CREDENTIALS = {
    "account_sid": "AC" + "b" * 32,
    "auth_token": "b" * 32,
    "from_number": "+12025550100",
}
SECRET = "bench_secret"


def shop() -> SourceConnection:
    """A brand with everything a new one has, a live Twilio account, and a Shopify connection."""
    brand = Brand.objects.create(slug="trattoria", name="Trattoria", country="US")
    store = Store.objects.create(brand=brand, slug="harbour", name="Harbour")
    defaults.install(brand)
    # A hold would be measured instead of the work.
    brand.rules.update(hold_seconds=0)
    Channel.objects.create(
        brand_id=brand.pk,
        slug="sms",
        name="SMS",
        provider="twilio",
        mode=Channel.Mode.LIVE,
        credentials=CREDENTIALS,
    )
    return SourceConnection.objects.create(
        brand=brand,
        store=store,
        source="shopify",
        name="Web shop",
        secrets=[{"secret": SECRET, "until": None}],
    )


def orders(connection: SourceConnection, count: int) -> list[Order]:
    """`count` orders of as many customers, each with its part and a line."""
    brand = connection.brand
    people = Customer.objects.bulk_create(
        Customer(brand=brand, name=f"Ada {n}", given_name="Ada") for n in range(count)
    )
    rows = Order.objects.bulk_create(
        Order(
            brand=brand,
            store=connection.store,
            connection=connection,
            external_id=str(n),
            display_number=f"#{n}",
            customer=person,
            status="ready",
            base_status="ready",
            fulfilment_type="pickup",
            currency="USD",
            total_minor=2150,
            placed_at=timezone.now(),
            contact_name=person.name,
            contact_given_name="Ada",
            contact_phone=f"+1202555{n:04d}" if n < 10_000 else "",
        )
        for n, person in enumerate(people)
    )
    FulfilmentGroup.objects.bulk_create(
        FulfilmentGroup(order=order, status="ready", own_status="ready", method="pickup")
        for order in rows
    )
    OrderLine.objects.bulk_create(
        OrderLine(order=order, line_id="1", name="Margherita", quantity=2) for order in rows
    )
    return rows


def changes(rows: list[Order]) -> None:
    """Each order has just become ready; nothing is planned yet."""
    now = timezone.now()
    StatusChange.objects.bulk_create(
        StatusChange(
            order=order,
            brand_id=order.brand_id,
            group_key="main",
            status="ready",
            previous_status="preparing",
            actor="Web shop",
            occurred_at=now,
            recorded_at=now,
        )
        for order in rows
    )


def consents() -> None:
    """Everybody has asked for messages: one act is recorded, the others are its like."""
    points = list(ContactPoint.objects.order_by("pk"))
    act = recording.opt_in(points[0], method="page", now=timezone.now() - timedelta(days=1))
    known = ConsentState.objects.get(event=act)
    ConsentState.objects.bulk_create(
        ConsentState(
            brand_id=point.brand_id,
            address_kind=point.kind,
            address_digest=point.digest,
            channel=known.channel,
            purpose=known.purpose,
            state=known.state,
            effective_at=known.effective_at,
            event=known.event,
        )
        for point in points[1:]
    )


def main(count: int) -> None:
    """Make it all, plan it all."""
    call_command("migrate", verbosity=0, interactive=False)
    connection = shop()
    changes(orders(connection, count))
    while plan(200, timezone.now()):
        pass
    consents()
    print(json.dumps({"hook": f"/hooks/{connection.key}/", "secret": SECRET}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
