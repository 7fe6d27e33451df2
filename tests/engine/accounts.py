"""A brand with two accounts for text messages and one for email, and messages that they owe."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from channels_app.contract import Accepted
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelHealth
from consents.models import ContactPoint
from notifications import context, library, outcomes
from notifications.gating import Stop, gate
from notifications.models import Delivery, Notification
from orders.models import Order
from tests.factories import ChannelFactory, GroupFactory

State = Delivery.State
NOON = "2026-11-21T17:05:00Z"


@dataclass
class Accounts:
    """The rows of one scene."""

    order: Order
    first: Channel
    second: Channel
    email: Channel
    phone: ContactPoint
    inbox: ContactPoint


def open_accounts() -> Accounts:
    """`second` stands by (weight 0), so that who sends first is no matter of chance."""
    order = GroupFactory().order
    brand = order.brand_id
    first = ChannelFactory(brand_id=brand, provider="twilio", name="Twilio one")
    second = ChannelFactory(brand_id=brand, provider="twilio", name="Twilio two", weight=0)
    email = ChannelFactory(brand_id=brand, provider="sendgrid", name="Mail")
    phone, inbox = (
        ContactPoint.objects.create(
            brand_id=brand, customer=order.customer, kind=kind, address=address, digest=address
        )
        for kind, address in (("phone", "+12025550143"), ("email", "ada@example.com"))
    )
    library.clear()
    return Accounts(order, first, second, email, phone, inbox)


def email_route(scene: Accounts) -> dict[str, Any]:
    """The next way to reach the customer."""
    return {
        "family": "email",
        "channel": scene.email.pk,
        "contact_point": scene.inbox.pk,
        "address": scene.inbox.address,
    }


def owe(scene: Accounts, channel: Channel | None = None, **fields: Any) -> Delivery:
    """A text message under way over `channel`."""
    notification = Notification.objects.create(
        brand_id=scene.order.brand_id,
        intent=f"test:{Notification.objects.count()}",
        order=scene.order,
        customer=scene.order.customer,
        event="ready",
        audience="customer",
        purpose="order",
        urgent=fields.get("urgent", False),
        useful_until=timezone.now() + fields.pop("useful", timedelta(hours=1)),
        routes=fields.pop("routes", []),
    )
    return Delivery.objects.create(
        brand_id=scene.order.brand_id,
        notification=notification,
        order=scene.order,
        channel=channel or scene.first,
        contact_point=scene.phone,
        address=scene.phone.address,
        ref=f"ref{Delivery.objects.count()}",
        **{"state": State.SENDING, "lease_token": "mine", "claims": 1, **fields},
    )


def job_of(delivery: Delivery) -> context.Job:
    """The delivery as the pump loads it."""
    return context.load([delivery.pk])[0]


def hiccup() -> SendError:
    """The provider is down."""
    return SendError(FailureKind.TRANSIENT, "503", "Service unavailable")


def revoked() -> SendError:
    """The key is not accepted any more."""
    return SendError(FailureKind.MISCONFIGURED, "401", "Authenticate")


def settle(*pairs: tuple[Delivery | context.Job, Accepted | SendError], ms: int = 20) -> None:
    """Record how calls ended, as one batch."""
    results = [
        outcomes.Result(
            one if isinstance(one, context.Job) else job_of(one), ending, milliseconds=ms
        )
        for one, ending in pairs
    ]
    outcomes.settle(results, timezone.now())


def fail(scene: Accounts, times: int, error: SendError | None = None, **fields: Any) -> None:
    """`times` calls that failed, of messages that are no matter afterwards."""
    settle(*[(owe(scene, **fields), error or hiccup()) for _ in range(times)])


def succeed(scene: Accounts, times: int, channel: Channel | None = None, ms: int = 20) -> None:
    """`times` calls that went well."""
    settle(*[(owe(scene, channel), Accepted(f"SM{n}")) for n in range(times)], ms=ms)


def health(channel: Channel) -> ChannelHealth:
    """What is known of its account; a new row when nothing is."""
    return ChannelHealth.objects.filter(channel=channel).first() or ChannelHealth(channel=channel)


def ask(delivery: Delivery) -> tuple[context.Job, Stop | None]:
    """What the gate says to a delivery that has been claimed."""
    job = job_of(delivery)
    return job, gate(job, timezone.now())
