"""The generic source: who may write, how a repeat is known, and the three envelopes."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import BadSignature, Item, Malformed, OrderEvent, OrderSource, Raw
from orders.parsing import parse_json, text
from orders.signatures import (
    STANDARD,
    bearer,
    header,
    scheme_from_settings,
    verify,
    verify_token,
)
from orders.sources.generic import cloudevents, mapped
from orders.sources.generic.body import DEFAULT_TYPE, read_event
from orders.sources.generic.words import STATUSES

AUTH_CHOICES = ("standard", "hmac", "token")
API_TOPIC = "api"  # what our own API stores: always in our own shape


class Generic(OrderSource):
    """Any sender that can post JSON: signed webhooks, CloudEvents, and our own API."""

    slug = "generic"
    name = "Webhook or API"
    mapper_version = "generic/1/1"
    STATUSES = STATUSES
    SETTINGS = {
        "auth": (
            "standard",
            "standard (Standard Webhooks, or Authorization: Bearer with the secret), hmac (as "
            "the signature settings below say) or token (the secret in a header).",
        ),
        "status_map": ({}, 'The sender\'s words in ours: {"in the oven": "preparing"}.'),
        "currency": ("", "Currency of bodies that name none, such as USD."),
        "signature_header": ("", "hmac: the header that holds the signature."),
        "signature_algorithm": ("sha256", "hmac: sha256 or sha512."),
        "signature_encoding": ("base64", "hmac: base64 or hex."),
        "signature_prefix": ("", "hmac: what stands before the signature, such as sha256=."),
        "signature_template": (
            "{body}",
            "hmac: the text that is signed, of {body}, {timestamp}, {id}, {url} and {method}.",
        ),
        "timestamp_header": ("", "hmac: the header with the time of sending."),
        "id_header": ("", "The header with the message's id, by which a repeat is recognised."),
        "tolerance_seconds": (0, "hmac: how far the time of sending may be off; 0 is any."),
        "token_header": ("", "token: the header with the secret; empty is Authorization: Bearer."),
        "mapping": (
            {},
            'An expression for each field: {"fields": {"id": "data.order.uuid"}, "version": 1}.',
        ),
        "mapping_history": ([], "Earlier mappings, the last ten; written by the page of mappings."),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check whatever proof the connection asks for; CloudEvents need it like the rest."""
        way = str(raw.settings.get("auth") or "standard").lower()
        if way == "standard":
            _standard(raw, secrets)
        elif way == "hmac":
            verify(scheme_from_settings(raw.settings), raw, secrets)
        elif way == "token":
            _token(raw, secrets)
        else:
            raise BadSignature(f"The setting auth must be one of {', '.join(AUTH_CHOICES)}.")

    def handshake(self, raw: Raw, secrets: Sequence[str]) -> tuple[int, str] | None:
        """A CloudEvents sender asks by OPTIONS whether it may deliver here. It may try."""
        asked = raw.method == "OPTIONS" and raw.headers.get("webhook-request-origin")
        return (200, "") if asked else None

    def identify(self, raw: Raw) -> Sequence[Item]:
        """The events in the request: one, or as many as a CloudEvents batch holds."""
        value = parse_json(raw.body)
        if cloudevents.is_cloud_event(raw.headers, value):
            return cloudevents.items(raw, value)
        if mapped.fields_of(raw.settings):
            return [_mapped_item(raw, value)]
        if not isinstance(value, dict):
            raise Malformed("The body must be an object with the member order.")
        topic = text(value.get("type"), 120) or DEFAULT_TYPE
        return [Item(_key(raw, value), topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says. The API passes its own bodies with the topic `api`."""
        value = parse_json(body)
        fields = mapped.fields_of(settings)
        if fields and topic != API_TOPIC:
            return [read_event(mapped.own_shape(value, fields), settings)]
        if cloudevents.is_cloud_event(headers, value):
            return [cloudevents.read(headers, value, settings)]
        return [read_event(value, settings)]

    def mapper_version_for(self, settings: Mapping[str, Any]) -> str:
        """The version of the reader, and that of the connection's own mapping."""
        version = mapped.version_of(settings)
        return f"{self.mapper_version}+{version}" if version else self.mapper_version


def _mapped_item(raw: Raw, value: Any) -> Item:
    """A body of any shape. What its fields cannot say is found out, and shown, after it is kept."""
    topic = mapped.said(raw.settings, "type", value, 120) or DEFAULT_TYPE
    own_id = mapped.said(raw.settings, "event_id", value, 2000)
    return Item(own_id or _key(raw, {}), DEFAULT_TYPE if topic == API_TOPIC else topic)


def _standard(raw: Raw, secrets: Sequence[str]) -> None:
    if header(raw, STANDARD.headers):
        verify(STANDARD, raw, secrets)
    elif bearer(raw):
        verify_token(bearer(raw), secrets)
    else:
        raise BadSignature(
            "Sign the request as Standard Webhooks say, or send Authorization: Bearer <secret>."
        )


def _token(raw: Raw, secrets: Sequence[str]) -> None:
    name = str(raw.settings.get("token_header") or "").strip().lower()
    given = header(raw, [name]) if name else bearer(raw)
    if not given:
        raise BadSignature(f"The header {name or 'Authorization'} with the token is missing.")
    verify_token(given, secrets)


def _key(raw: Raw, value: Mapping[str, Any]) -> str:
    """The sender's own id of the message where it gives one, else the body's hash."""
    configured = str(raw.settings.get("id_header") or "").strip().lower()
    names = [name for name in ("webhook-id", configured, "idempotency-key") if name]
    given = header(raw, names) or text(value.get("event_id"), 2000)
    return given or sha256(raw.body).hexdigest()


SOURCE = Generic()
