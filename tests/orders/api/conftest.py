"""An integrator of one brand, with every right."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from orders import tokens
from orders.models import Brand
from tests.factories import BrandFactory


def client_of(brand: Brand, *rights: str) -> APIClient:
    """A client with a new token of `brand`."""
    _token, plain = tokens.issue(brand, "Till", rights or tokens.RIGHTS)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return client


@pytest.fixture
def brand(db: Any) -> Brand:
    return BrandFactory(slug="corner")


@pytest.fixture
def api(brand: Brand) -> APIClient:
    return client_of(brand)
