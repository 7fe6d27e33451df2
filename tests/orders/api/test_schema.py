"""The OpenAPI document: complete, valid, and free of warnings."""

import re
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client


@pytest.fixture
def schema() -> Any:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_every_endpoint_is_described(schema: Any) -> None:
    described = {(path, method) for path, methods in schema["paths"].items() for method in methods}
    assert described >= {
        ("/api/v1/events/", "post"),
        ("/api/v1/orders/", "get"),
        ("/api/v1/orders/{id}/", "get"),
        ("/api/v1/orders/{id}/timeline/", "get"),
        ("/api/v1/deliveries/", "get"),
        ("/api/v1/customers/", "get"),
        ("/api/v1/customers/{id}/", "get"),
        ("/api/v1/consents/", "get"),
        ("/api/v1/consents/", "post"),
    }
    assert not [path for path, _method in described if not path.startswith("/api/v1/")]


def test_every_endpoint_asks_for_a_bearer_token(schema: Any) -> None:
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    operations = [
        operation for methods in schema["paths"].values() for operation in methods.values()
    ]
    assert all(operation["security"] == [{"bearer": []}] for operation in operations)


def test_writes_say_that_they_need_an_idempotency_key(schema: Any) -> None:
    for path in ("/api/v1/events/", "/api/v1/consents/"):
        names = {p["name"]: p for p in schema["paths"][path]["post"]["parameters"]}
        assert names["Idempotency-Key"]["required"] is True


@pytest.mark.django_db
def test_the_schema_and_its_page_are_served_to_everyone() -> None:
    assert Client().get("/api/schema/").status_code == 200
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    shown = page.content.decode()
    assert "order.customer.phone" in shown
    assert "/api/v1/orders/{id}/timeline/" in shown


@pytest.mark.django_db
def test_the_page_loads_nothing_from_other_machines() -> None:
    shown = Client().get("/api/docs/").content.decode()
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", shown)
    assert loaded and all(address.startswith("/") for address in loaded)
    assert "url(" not in shown
