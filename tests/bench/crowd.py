"""`python -m tests.bench.crowd EACH BACKLOG`: messages of sick channels, and a backlog, all held.

For a database that `product_data` has filled. Staff messages, so that no consent is asked for.
"""

import sys
from datetime import timedelta

import django

django.setup()

from django.utils import timezone  # noqa: E402 - models need the set-up above

from channels_app.models import Channel  # noqa: E402
from channels_app.sandbox.server import demo_credentials  # noqa: E402
from notifications.models import Delivery, Destination, Notification  # noqa: E402

FAR = timedelta(days=10_000)
SICK = {"sendgrid": "kitchen@example.com", "slack": "C0KITCHEN"}
BULK = 2000


def main(each: int, backlog: int) -> None:
    """Two channels that will be sick, and their messages; a backlog for the healthy one."""
    model = Notification.objects.filter(audience="customer").latest("id")
    for provider, address in SICK.items():
        channel, _made = Channel.objects.get_or_create(
            brand_id=model.brand_id,
            slug=provider,
            defaults={
                "name": provider,
                "provider": provider,
                "mode": Channel.Mode.LIVE,
                "credentials": demo_credentials(provider),
            },
        )
        _hold(model, channel, address, each)
    _hold(model, Channel.objects.get(provider="twilio"), "+12125550199", backlog)


def _hold(model: Notification, channel: Channel, address: str, count: int) -> None:
    place, _made = Destination.objects.get_or_create(
        brand_id=model.brand_id,
        slug=f"crowd-{channel.slug}",
        defaults={"name": channel.name, "channel": channel, "address": address},
    )
    for start in range(0, count, BULK):
        rows = [
            Notification(
                brand_id=model.brand_id,
                intent=f"crowd:{channel.pk}:{number}",
                store_id=model.store_id,
                event="note",
                template="staff",
                audience="staff",
                purpose="staff",
                destination=place,
                text="An order was ready an hour ago.",
                useful_until=timezone.now() + timedelta(days=1),
            )
            for number in range(start, min(start + BULK, count))
        ]
        Notification.objects.bulk_create(rows)
        Delivery.objects.bulk_create(
            Delivery(
                brand_id=row.brand_id,
                notification=row,
                channel=channel,
                address=address,
                ref=f"crowd{row.pk}",
                due_at=timezone.now() + FAR,
            )
            for row in rows
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
