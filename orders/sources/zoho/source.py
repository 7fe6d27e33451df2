"""The Zoho CRM source: three places for the secret, and the two kinds of body."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orders.automation import SETTINGS, TOKEN_SETTING, AutomationSource, offered_secret
from orders.automation_members import read_object, written
from orders.contract import (
    Api,
    Ask,
    BadSignature,
    Item,
    Malformed,
    OrderEvent,
    Raw,
    SourceError,
    Token,
    Told,
)
from orders.parsing import text
from orders.signatures import verify_token
from orders.sources.zoho import api, notifications

PARAMETER = "orderbell_secret"


class Zoho(AutomationSource):
    """Workflow webhooks with our template, or notifications that point at records."""

    slug = "zoho"
    name = "Zoho CRM"
    mapper_version = "zoho/v8/1"
    SETTINGS = {
        **SETTINGS,
        **TOKEN_SETTING,
        "modules": (
            ["Deals", "Sales_Orders"],
            "Notification channels: the modules whose records are orders.",
        ),
    }
    CREDENTIALS = {
        "data_centre": "Where the account lives, the end of its address: com, eu, in, com.au, jp, "
        "com.cn, sa, uk or ca.",
        "client_id": "Zoho API console, Self client: the client id.",
        "client_secret": "The client secret beside it.",
        "refresh_token": "From Generate code there, with the scope ZohoCRM.modules.READ.",
    }
    api_base = api.CENTRES["com"].api

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """The secret in a header, as a parameter, or as the token of the notification channel."""
        given = offered_secret(raw) or _parameter(raw) or _in_body(raw)
        if not given:
            raise BadSignature(
                f"The secret is missing. Send it in the header X-Orderbell-Secret or as the "
                f"parameter {PARAMETER}; a notification channel sends it as its token."
            )
        verify_token(given, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """The events, stored without the secret that a body may carry."""
        value = read_object(raw.body, raw.headers)
        if notifications.is_notification(value):
            return notifications.items(value)
        (item,) = super().identify(raw)
        if PARAMETER not in value:
            return [item]
        kept = {name: one for name, one in value.items() if name != PARAMETER}
        return [Item(item.event_key, item.topic, written(kept))]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the template says, or the record that a notification is about."""
        value = read_object(body, {})
        if not notifications.is_pointer(value):
            return super().map(topic, headers, body, settings)
        event = notifications.event(topic, value, settings)
        return [event] if event else []

    def base(self, credentials: Mapping[str, str]) -> str:
        """The API of the account's data centre."""
        return api.centre(credentials).api

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api_: Api) -> Ask | None:
        """The record that a notification points at; None when it says enough by itself."""
        value = read_object(body, {})
        if not notifications.is_pointer(value) or not api_.token:
            return None
        if not notifications.needs_record(value, api_.settings):
            return None
        return api.record_ask(value, api_)

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The notification with the record in it."""
        return written({**read_object(body, {}), "record": api.record(told)})

    def token_ask(self, api_: Api, now: datetime) -> Ask | None:
        """The request for an access token: it lives an hour, and few may be asked for."""
        return api.token_ask(api_, self.base(api_.credentials))

    def token(self, told: Told, now: datetime) -> Token:
        """The access token."""
        return api.token(told, now)


def _parameter(raw: Raw) -> str:
    """The secret among the parameters of the address."""
    try:
        found = parse_qs(urlsplit(raw.url).query, max_num_fields=50).get(PARAMETER, [])
    except ValueError:
        return ""
    return found[0] if found else ""


def _in_body(raw: Raw) -> str:
    """The secret in the body: a parameter of the webhook, or the token of the channel."""
    try:
        value = read_object(raw.body, raw.headers)
    except (Malformed, SourceError):
        return ""
    name = "token" if notifications.is_notification(value) else PARAMETER
    return text(value.get(name), 200)


SOURCE = Zoho()
