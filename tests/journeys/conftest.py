"""A shop that is open, with a real HTTP server for the receipts."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from notifications.models import Destination
from tests.journeys.alerts import call_in_a_pager
from tests.journeys.shop import Shop, open_shop


@pytest.fixture
def shop(live_server: Any, sandbox: Any, settings: Any, client: Client) -> Any:
    """A shop at noon of the day its fixtures speak of; time goes on."""
    settings.PUBLIC_BASE_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    with time_machine.travel("2026-11-21T17:05:00Z", tick=True):
        shop: Shop = open_shop(sandbox, client)
        yield shop


@pytest.fixture
def pager(shop: Shop) -> Destination:
    """Whoever is on call for the shop."""
    return call_in_a_pager(shop)
