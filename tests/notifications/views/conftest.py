"""A person of one brand, and one of one store."""

import pytest
from django.test import Client

from orders.models import Brand, SourceConnection, Store
from tests.factories import BrandFactory, ConnectionFactory, MembershipFactory, StoreFactory


@pytest.fixture(autouse=True)
def _quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture
def brand(db) -> Brand:
    return BrandFactory(name="Bella Pizza")


@pytest.fixture
def store(brand) -> Store:
    return StoreFactory(brand=brand, name="Harbour")


@pytest.fixture
def connection(brand) -> SourceConnection:
    return ConnectionFactory(brand=brand)


@pytest.fixture
def staff(brand) -> Client:
    """Somebody who may see the whole brand."""
    client = Client()
    client.force_login(MembershipFactory(brand=brand, user__is_staff=False).user)
    return client


@pytest.fixture
def storekeeper(brand, store) -> Client:
    """Somebody who may see one store."""
    client = Client()
    client.force_login(MembershipFactory(brand=brand, store=store, user__is_staff=False).user)
    return client


@pytest.fixture
def stranger(db) -> Client:
    """Somebody of another brand."""
    client = Client()
    client.force_login(MembershipFactory(user__is_staff=False).user)
    return client
