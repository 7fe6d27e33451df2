"""A custom connector's webhook trigger: what it registers with us, and the document for it.

Power Automate calls `HOOKS_PATH` with the address that it wants to be called at. Our answer is a
201 whose Location it later calls with DELETE to unsubscribe. This module only reads and writes
what is said; who may ask, and where it is kept, is decided where the calls arrive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from channels_app.providers.power_automate.body import SCHEMA
from channels_app.providers.power_automate.hosts import Unusable, callback_of
from channels_app.wire.reading import json_object, text_of

HOOKS_PATH = "/api/v1/hooks"
LARGEST = 32_000
ANY = "any"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where to call, and about which event; `ANY` for all of them."""

    callback_url: str
    event: str = ANY


def subscription_of(body: bytes) -> Subscription:
    """What a connector asks for; raises ValueError with a sentence for its maker."""
    asked = json_object(body, LARGEST)
    url = asked.get("callback_url")
    if not isinstance(url, str) or not url:
        raise Unusable("callback_url is missing.")
    callback_of(url)
    return Subscription(url, text_of(asked.get("event"), 60) or ANY)


def location(public_base_url: str, key: str) -> str:
    """Where the subscription `key` can be ended, for the header of the 201."""
    return f"{public_base_url.rstrip('/')}{HOOKS_PATH}/{key}"


def definition(public_base_url: str, name: str) -> dict[str, Any]:
    """The connector as an OpenAPI 2.0 document, to import into Power Automate."""
    parts = urlsplit(public_base_url)
    return {
        "swagger": "2.0",
        "info": {"title": name, "version": "1.0", "description": "News about orders."},
        "host": parts.netloc,
        "basePath": parts.path or "/",
        "schemes": [parts.scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {
            "api_key": {"type": "apiKey", "in": "header", "name": "Authorization"}
        },
        "security": [{"api_key": []}],
        "paths": {
            HOOKS_PATH: {
                "x-ms-notification-content": {"description": "An event", "schema": SCHEMA},
                "post": _subscribe(),
            },
            f"{HOOKS_PATH}/{{key}}": {"delete": _unsubscribe()},
        },
    }


def _subscribe() -> dict[str, Any]:
    fields: Mapping[str, Any] = {
        "callback_url": {
            "type": "string",
            "x-ms-notification-url": True,
            "x-ms-visibility": "internal",
        },
        "event": {"type": "string", "default": ANY, "x-ms-summary": "Event"},
    }
    body = {"type": "object", "properties": fields, "required": ["callback_url"]}
    return {
        "operationId": "OrderEvent",
        "summary": "When something happens to an order",
        "x-ms-trigger": "single",
        "parameters": [{"name": "body", "in": "body", "required": True, "schema": body}],
        "responses": {
            "201": {
                "description": "Subscribed",
                "headers": {"Location": {"type": "string", "description": "To unsubscribe"}},
            }
        },
    }


def _unsubscribe() -> dict[str, Any]:
    return {
        "operationId": "StopOrderEvent",
        "summary": "Unsubscribe",
        "x-ms-visibility": "internal",
        "parameters": [{"name": "key", "in": "path", "required": True, "type": "string"}],
        "responses": {"204": {"description": "Unsubscribed"}},
    }
