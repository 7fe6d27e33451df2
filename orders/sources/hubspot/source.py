"""The HubSpot source: two ways to prove who sends, and the two kinds of body."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orders.automation import SETTINGS, TOKEN_SETTING, AutomationSource, verify_static
from orders.automation_members import read_object, written
from orders.contract import Api, Ask, BadSignature, Item, Malformed, OrderEvent, Page, Raw, Told
from orders.parsing import parse_json, text
from orders.sources.hubspot import api, events, records
from orders.sources.hubspot.signing import verify_signature
from orders.sources.hubspot.statuses import STATUSES, TEMPLATE_NAMES

MOST_EVENTS = 1000


class HubSpot(AutomationSource):
    """Changes of orders or deals that an app subscribes to, or what a workflow posts."""

    slug = "hubspot"
    name = "HubSpot"
    mapper_version = "hubspot/2026-09/1"
    STATUSES = STATUSES
    NAMES = TEMPLATE_NAMES
    SETTINGS = {
        **SETTINGS,
        **TOKEN_SETTING,
        "auth": (
            "signature",
            "signature (an app's webhooks, signed with its client secret) or token (a workflow's "
            "webhook action, with the secret in a header).",
        ),
        "registered_url": (
            "",
            "The address as it stands in the app, when a proxy shows Orderbell another one.",
        ),
        "object": ("orders", "What is listed to catch up: orders or deals."),
        "pipeline": ("", "The id of the pipeline whose records are orders; empty is all."),
        "api_version": ("2026-09", "The version in the API's paths, such as 2026-09."),
    }
    CREDENTIALS = {
        "access_token": "A service key, or the token of a private app, that may read orders (and "
        "deals): Settings, Account setup, Integrations.",
    }
    api_base = "https://api.hubapi.com"

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """One of the two, never the weaker one in place of the other."""
        way = text(raw.settings.get("auth"), 20) or "signature"
        if way == "signature":
            verify_signature(raw, secrets)
        elif way == "token":
            verify_static(raw, secrets)
        else:
            raise BadSignature("The setting auth must be signature or token.")

    def identify(self, raw: Raw) -> Sequence[Item]:
        """The changes in an app's list, or the one thing that a workflow says."""
        if raw.body.lstrip()[:1] != b"[":
            return super().identify(raw)
        listed = parse_json(raw.body)
        if not 1 <= len(listed) <= MOST_EVENTS or not all(map(events.is_event, listed)):
            raise Malformed(f"The list must hold 1 to {MOST_EVENTS} events of HubSpot.")
        return [Item(events.key(one), events.topic(one), written(one)) for one in listed]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What a record, a change or a template says."""
        value = read_object(body, {})
        if "object" in value and "record" in value:
            found = records.event(topic, value, settings)
        elif events.is_event(value):
            found = events.event(topic, value, settings)
        else:
            return super().map(topic, headers, body, settings)
        return [found] if found else []

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api_: Api) -> Ask | None:
        """The record that a change is about; None for changes that say nothing of an order."""
        value = read_object(body, {})
        if not events.is_event(value) or not events.needs_record(value, api_.settings):
            return None
        return api.record_ask(value, api_)

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The change with its record in it."""
        value = read_object(body, {})
        return written({"event": value, "object": events.kind(value), "record": api.record(told)})

    def list_ask(self, since: datetime, cursor: str, api_: Api) -> Ask | None:
        """The search for records changed since; it finds them a little late."""
        return api.list_ask(since, cursor, api_)

    def listed(self, told: Told) -> Page:
        """The records found."""
        return api.listed(told)


SOURCE = HubSpot()
