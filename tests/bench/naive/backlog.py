"""`python -m tests.bench.naive.backlog make N`: tables and orders. `save N`: N orders change."""

import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - models need the set-up above
from django.db import transaction  # noqa: E402

from tests.bench.naive import celery, tasks  # noqa: E402, F401 - the signal is connected
from tests.bench.naive.models import Customer, Order, Template  # noqa: E402

BODY = (
    "Trattoria: {{ customer.name }}, your order {{ order.number }} is {{ order.status }}."
    "{% if order.total > 10 %} Total: {{ order.total }}.{% endif %}"
)


def make(count: int) -> None:
    """Tables, a template, and `count` orders of as many customers."""
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    Template.objects.create(status="ready", body=BODY)
    people = Customer.objects.bulk_create(
        Customer(name=f"Ada {n}", phone=f"+1202{n:07d}") for n in range(count)
    )
    Order.objects.bulk_create(
        Order(customer=person, number=f"#{n}", total="21.50") for n, person in enumerate(people)
    )


def save(count: int) -> None:
    """The first `count` orders become ready, each in a transaction, as a view would do it."""
    for pk in list(Order.objects.order_by("pk").values_list("pk", flat=True)[:count]):
        with transaction.atomic():
            order = Order.objects.get(pk=pk)
            order.status = "ready"
            order.save()


if __name__ == "__main__":
    {"make": make, "save": save}[sys.argv[1]](int(sys.argv[2]))
