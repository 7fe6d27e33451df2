"""Rows for tests. Every factory makes something that the product itself could have made."""

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone

from channels_app.models import Channel
from notifications.models import Destination, MessageTemplate, Rule
from orders.models import (
    Brand,
    Customer,
    FulfilmentGroup,
    Order,
    SourceConnection,
    StaffMembership,
    Store,
)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"staff{n}")
    password = factory.django.Password("correct horse")
    is_staff = True


class BrandFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Brand

    slug = factory.Sequence(lambda n: f"brand-{n}")
    name = factory.Sequence(lambda n: f"Brand {n}")
    country = "US"
    contact_line = "+1 202 555 0100"


class StoreFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Store

    brand = factory.SubFactory(BrandFactory)
    slug = factory.Sequence(lambda n: f"store-{n}")
    name = factory.Sequence(lambda n: f"Store {n}")
    time_zone = "America/New_York"


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StaffMembership

    user = factory.SubFactory(UserFactory)
    brand = factory.SubFactory(BrandFactory)


class ConnectionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SourceConnection

    brand = factory.SubFactory(BrandFactory)
    source = "generic"
    name = factory.Sequence(lambda n: f"Connection {n}")
    secrets = factory.LazyFunction(lambda: [{"secret": "test_secret", "until": None}])


class CustomerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Customer

    brand = factory.SubFactory(BrandFactory)
    name = "Ada Lovelace"
    given_name = "Ada"


class OrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Order

    connection = factory.SubFactory(ConnectionFactory)
    brand = factory.SelfAttribute("connection.brand")
    customer = factory.SubFactory(CustomerFactory, brand=factory.SelfAttribute("..brand"))
    external_id = factory.Sequence(lambda n: str(1000 + n))
    display_number = factory.LazyAttribute(lambda o: f"#{o.external_id}")
    status = "placed"
    base_status = "placed"
    currency = "USD"
    total_minor = 2150
    contact_name = "Ada Lovelace"
    contact_given_name = "Ada"
    contact_phone = "+12025550143"
    contact_email = "ada@example.com"
    placed_at = factory.LazyFunction(timezone.now)


class GroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = FulfilmentGroup

    order = factory.SubFactory(OrderFactory)
    key = "main"
    status = "placed"
    method = "pickup"


class ChannelFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Channel

    brand_id = factory.LazyFunction(lambda: BrandFactory().pk)
    slug = factory.Sequence(lambda n: f"channel-{n}")
    name = factory.LazyAttribute(lambda o: o.slug)
    provider = "twilio"
    credentials = factory.LazyFunction(dict)


class DestinationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Destination

    brand = factory.SubFactory(BrandFactory)
    slug = factory.Sequence(lambda n: f"room-{n}")
    name = factory.LazyAttribute(lambda o: o.slug)
    address = "C0KITCHEN"


class TemplateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = MessageTemplate

    brand = factory.SubFactory(BrandFactory)
    event = "ready"
    family = "sms"
    body = "Order {{ order.number }} is ready."


class RuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Rule

    brand = factory.SubFactory(BrandFactory)
    slug = factory.Sequence(lambda n: f"rule-{n}")
    name = factory.LazyAttribute(lambda o: o.slug)
    events = factory.LazyFunction(lambda: ["ready"])
