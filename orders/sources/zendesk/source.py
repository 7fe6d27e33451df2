"""The Zendesk source: the signature, the secret that everybody knows, and the two kinds of body."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.automation import SETTINGS, AutomationSource
from orders.automation_members import NAMES, flat, read_object
from orders.contract import BadSignature, Item, Malformed, OrderEvent, Raw
from orders.parsing import text
from orders.signatures import STANDARD_TOLERANCE_SECONDS, Scheme, verify
from orders.sources.zendesk.events import is_event, short_type, ticket_event
from orders.sources.zendesk.naming import order_name

ZENDESK = Scheme(
    headers=("x-zendesk-webhook-signature",),
    template="{timestamp}{body}",
    timestamp_headers=("x-zendesk-webhook-signature-timestamp",),
    tolerance_seconds=STANDARD_TOLERANCE_SECONDS,
)
# Zendesk signs the test request of a webhook that is not saved yet with this, for everybody.
PUBLIC_TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - public


class Zendesk(AutomationSource):
    """Triggers with our template, or ticket events as Zendesk writes them."""

    slug = "zendesk"
    name = "Zendesk"
    mapper_version = "zendesk/2022-06-20/1"
    NAMES = {**NAMES, "record_id": ("record_id", "ticket_id")}
    SETTINGS = {
        **SETTINGS,
        "status_field": (
            "",
            "Event subscriptions: what holds the order's status: the number of a ticket field, "
            "or the word status for the ticket's own.",
        ),
        "test_secret": (
            False,
            "Take what is signed with Zendesk's public test secret; everything that arrives while "
            "this is on is a test, and no customer is told.",
        ),
    }
    RUN_HEADERS = ("x-zendesk-webhook-invocation-id",)
    RECORD_IS_ORDER = False

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over time and body. The public test secret is nobody's proof."""
        own = [secret for secret in secrets if secret.strip() != PUBLIC_TEST_SECRET]
        if trying_out(raw.settings):
            own = [*own, PUBLIC_TEST_SECRET]
        if not own:
            raise BadSignature("Set the signing secret that Zendesk shows for the webhook.")
        verify(ZENDESK, raw, own)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event: of a subscription by its own id, of a trigger by its invocation."""
        value = read_object(raw.body, raw.headers)
        if not is_event(value):
            return super().identify(raw)
        event_id = text(value.get("id"), 200)
        if not event_id:
            raise Malformed("id: is missing, so a repeat of this event could not be recognised.")
        return [Item(event_id, short_type(value))]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the template or the ticket event says."""
        value = read_object(body, {})
        if trying_out(settings):
            value = {**value, "test": True}
        if is_event(value):
            event = ticket_event(topic, value, settings)
            return [event] if event else []
        named = order_name(flat(value, self.WRAPPERS))
        return super().map(topic, headers, named, settings)


def trying_out(settings: Mapping[str, Any]) -> bool:
    """Whether the connection takes Zendesk's public test secret."""
    return settings.get("test_secret") is True


SOURCE = Zendesk()
