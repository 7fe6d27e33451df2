"""An order is saved, and once that is committed a task sends the message."""

from functools import partial
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.template import Context
from django.template import Template as DjangoTemplate
from twilio.rest import Client

from tests.bench.naive.models import Order, SentMessage, Template

twilio = Client("AC" + "b" * 32, "token")
twilio.api.base_url = settings.PROVIDER_URL


@shared_task
def tell_customer(order_id: int, status: str) -> None:
    """Load, write, send, log."""
    order = Order.objects.select_related("customer").get(pk=order_id)
    template = Template.objects.get(status=status)
    words = {"order": order, "customer": order.customer}
    body = DjangoTemplate(template.body).render(Context(words))
    sent = twilio.messages.create(to=order.customer.phone, from_="+12025550100", body=body)
    SentMessage.objects.create(
        order=order,
        phone=order.customer.phone,
        body=body,
        provider_id=sent.sid,
        status=sent.status,
    )


@receiver(post_save, sender=Order)
def order_saved(instance: Order, created: bool, **_kwargs: Any) -> None:
    """A new status is worth a message."""
    if not created:
        transaction.on_commit(partial(tell_customer.delay, instance.pk, instance.status))
