"""The Salesforce source: a flow's JSON, or the SOAP of an outbound message."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.automation import SETTINGS, TOKEN_SETTING, AutomationSource, offered_secret
from orders.automation_members import Members, written
from orders.contract import BadSignature, Item, Malformed, OrderEvent, Raw
from orders.parsing import parse_json, text
from orders.signatures import bearer, verify_token
from orders.sources.salesforce import soap
from orders.sources.salesforce.statuses import RECORD_NAMES, STATUSES

OUTBOUND = "outbound."


class Salesforce(AutomationSource):
    """Record-triggered flows, and the outbound messages of older rules."""

    slug = "salesforce"
    name = "Salesforce"
    mapper_version = "salesforce/67.0/1"
    STATUSES = STATUSES
    SETTINGS = {
        **SETTINGS,
        **TOKEN_SETTING,
        "organization_id": (
            "",
            "Outbound messages: the organisation's id (15 or 18 characters); without it none is "
            "taken.",
        ),
        "outbound_messages": (
            False,
            "Take outbound messages: Salesforce signs them with nothing, so their only proofs are "
            "the connection's secret address and the organisation's id.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """The static secret; for an outbound message, which can carry none, who sent it."""
        if not soap.is_soap(raw.body) or offered_secret(raw) or bearer(raw):
            super().authenticate(raw, secrets)
        else:
            _check_organisation(raw)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, or as many as the outbound message holds, each by its notification's id."""
        if not soap.is_soap(raw.body):
            return super().identify(raw)
        return [
            Item(f"notification:{one.notification_id}", OUTBOUND + one.kind, written(one.fields))
            for one in soap.read(raw.body).notifications
        ]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the template says, or the fields of the record."""
        if not topic.startswith(OUTBOUND):
            return super().map(topic, headers, body, settings)
        fields = parse_json(body)
        if not isinstance(fields, dict):
            raise Malformed("The notification holds no record.")
        event = self.event(topic, Members(fields, settings, RECORD_NAMES))
        return [event] if event else []

    def acknowledgement(self, raw: Raw) -> tuple[str, str] | None:
        """(content type, body) that an outbound message wants to hear; None for all else."""
        return ("text/xml; charset=utf-8", soap.ACK) if soap.is_soap(raw.body) else None


def _check_organisation(raw: Raw) -> None:
    wanted = text(raw.settings.get("organization_id"), 20)
    if raw.settings.get("outbound_messages") is not True:
        raise BadSignature("This connection takes no outbound messages: see outbound_messages.")
    if len(wanted) not in (15, 18):
        raise BadSignature("Set organization_id: outbound messages have no other proof.")
    try:
        sender = soap.read(raw.body).organization_id
    except Malformed:
        raise BadSignature("The body is no outbound message, and it carries no secret.") from None
    # The last three of 18 characters only check the other fifteen.
    verify_token(sender[:15], [wanted[:15]])


SOURCE = Salesforce()
