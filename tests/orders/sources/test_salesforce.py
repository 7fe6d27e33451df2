"""Salesforce: a flow's JSON, and outbound messages that nobody has signed."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from orders.contract import BadSignature, Clock, Malformed, OrderEvent, Raw
from orders.models import InboundEvent, Order
from orders.normalising import normalise
from orders.sources.salesforce import soap
from orders.sources.salesforce.source import SOURCE
from tests.factories import ConnectionFactory
from tests.orders.sources.automation_bodies import SECRET, template, written
from tests.orders.sources.salesforce_bodies import (
    FIELDS,
    ORGANIZATION,
    message,
    notification,
    with_document_type,
)

XML = {"content-type": "text/xml; charset=UTF-8"}
MINE = {"organization_id": ORGANIZATION, "outbound_messages": True}


def soap_request(body: bytes, **settings: Any) -> Raw:
    return Raw(XML, body, settings={**MINE, **settings})


def events(body: bytes, **settings: Any) -> list[OrderEvent]:
    found = []
    for item in SOURCE.identify(Raw(XML, body)):
        assert item.body is not None
        found += SOURCE.map(item.topic, XML, item.body, settings)
    return found


# -- who may send -------------------------------------------------------------------------------


def test_an_outbound_message_of_our_organisation_is_taken() -> None:
    SOURCE.authenticate(soap_request(message()), [SECRET])
    SOURCE.authenticate(soap_request(message(), organization_id=ORGANIZATION[:15]), [SECRET])


OTHERS = ["00D5g00000AbCdFEAV", "", "00D5g00000AbCd", ORGANIZATION.lower(), ORGANIZATION[:14]]


@pytest.mark.parametrize("organization", OTHERS)
def test_one_of_another_organisation_is_refused(organization: str) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(soap_request(message(organization=organization)), [SECRET])


@pytest.mark.parametrize(
    "settings",
    [
        {"outbound_messages": False},
        {"outbound_messages": "true"},
        {"organization_id": ""},
        {"organization_id": "00D"},
        {"organization_id": None},
    ],
    ids=str,
)
def test_none_is_taken_unless_the_connection_is_set_up_for_it(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(soap_request(message(), **settings), [SECRET])


def test_a_secret_in_a_header_is_checked_when_there_is_one() -> None:
    raw = soap_request(message(), outbound_messages=False)
    headers = {**XML, "authorization": f"Bearer {SECRET}"}
    SOURCE.authenticate(replace(raw, headers=headers), [SECRET])
    wrong = replace(soap_request(message()), headers={**XML, "authorization": "Bearer no"})
    with pytest.raises(BadSignature):
        SOURCE.authenticate(wrong, [SECRET])


def test_json_is_never_taken_for_the_organisations_id() -> None:
    for body in (written(template()), b"<x/>", b"<", b""):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(soap_request(body), [SECRET])


# -- XML that means harm ------------------------------------------------------------------------

BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
HOSTILE = {
    "billion laughs": with_document_type('<!ENTITY l0 "ha">' + BOMB),
    "external entity": with_document_type('<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "parameter entity": with_document_type('<!ENTITY % x SYSTEM "https://a.example/x"> %x;'),
    "empty document type": with_document_type(""),
    "undeclared entity": message(notification(Status="&ready;")),
    "deep": b"<a>" * 5000 + b"</a>" * 5000,
    "unclosed": message()[:-20],
    "two roots": message() + b"<x/>",
    "not utf-8": message().replace(b"Activated", b"\xff\xfe"),
    "NUL": message().replace(b"Activated", b"a\x00b"),
    "strange encoding": message().replace(b'"UTF-8"', b'"nonsense"'),
    "no envelope": b"<notifications/>",
    "another envelope": message().replace(b"schemas.xmlsoap.org", b"schemas.example.org"),
    "another namespace": message().replace(b"2005/09/outbound", b"2005/09/inbound"),
    "no notification": message("<x/>"),
    "too many": message(*(notification(n) for n in range(101))),
    "without its id": message(notification().replace("<Id>04l5g00000000001AAA</Id>", "")),
    "html": b"<!doctype html><html></html>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_xml_that_is_no_outbound_message_is_refused_at_once(body: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(Malformed):
        SOURCE.identify(Raw(XML, body))
    assert time.monotonic() - begun < 2


# -- outbound messages --------------------------------------------------------------------------


def test_a_notification_is_its_record() -> None:
    (event,) = events(message())
    at = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert (event.external_id, event.display_number, event.status) == (
        FIELDS["Id"],
        "00000100",
        "confirmed",
    )
    assert (event.total_minor, event.currency, event.clock) == (2150, "USD", Clock(None, at))
    assert event.aliases == [f"salesforce:{FIELDS['Id']}"]


def test_a_message_of_several_records_is_several_events() -> None:
    body = message(*(notification(n, Id=f"801{n:015d}", Status="Draft") for n in range(100)))
    items = SOURCE.identify(Raw(XML, body))
    assert len({item.event_key for item in items}) == 100
    assert {event.status for event in events(body)} == {"placed"}
    again = SOURCE.identify(Raw(XML, body))
    assert [item.event_key for item in again] == [item.event_key for item in items]


def test_an_opportunity_and_a_record_of_ones_own_are_read_by_their_fields() -> None:
    opportunity = notification(kind="Opportunity", Status="", StageName="Closed Won", Name="C 7")
    (event,) = events(message(opportunity), status_map={"Closed Won": "confirmed"})
    assert event.status == "confirmed"
    own = notification(kind="Order__c", Kitchen__c="Out for delivery", Mail__c="ada@example.com")
    fields = {"status": "Kitchen__c", "customer_email": "Mail__c", "order_id": "OrderNumber"}
    (event,) = events(message(own), fields=fields)
    assert event.contact is not None
    assert (event.external_id, event.status) == ("00000100", "out_for_delivery")
    assert event.contact.email == "ada@example.com"


def test_names_are_unescaped_once_and_cleaned() -> None:
    body = message(notification(Buyer__c="Zo&#xEB; &amp;amp; \u202eAda\n王"))
    (event,) = events(body, fields={"customer_name": "Buyer__c"})
    assert event.contact is not None
    assert event.contact.name == "Zoë &amp; Ada 王"


def test_a_stage_of_theirs_is_never_guessed() -> None:
    (event,) = events(message(notification(Status="Closed Won")))
    assert (event.status, event.unmapped_status) == ("", "Closed Won")


def test_the_acknowledgement_is_what_salesforce_waits_for() -> None:
    found = SOURCE.acknowledgement(Raw(XML, message()))
    assert found is not None
    kind, answer = found
    assert kind.startswith("text/xml")
    (ack,) = ElementTree.fromstring(answer).iter(f"{{{soap.OUTBOUND}}}Ack")
    assert ack.text == "true"
    assert SOURCE.acknowledgement(Raw({}, written(template()))) is None


# -- flows --------------------------------------------------------------------------------------


def test_a_flow_writes_times_as_salesforce_does() -> None:
    body = written(template(updated_at="2026-11-21T18:30:00.000+0000", status="Activated"))
    (event,) = SOURCE.map("order.updated", {}, body, {})
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert event.status == "confirmed"


# -- all the way --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_outbound_message_becomes_orders_and_a_repeat_becomes_none(client: Client) -> None:
    hook = ConnectionFactory(source="salesforce", settings=MINE)
    body = message(notification(1), notification(2, Id="8015g00000AbCdFAAV", Status="Draft"))
    for _again in range(2):
        answer = client.post(f"/hooks/{hook.key}/", body, XML["content-type"])
        assert answer.status_code == 200
        normalise(10, timezone.now())
    assert sorted(Order.objects.values_list("external_id", "status")) == [
        ("8015g00000AbCdEAAV", "confirmed"),
        ("8015g00000AbCdFAAV", "placed"),
    ]
    assert InboundEvent.objects.count() == 2
    other = message(organization="00D5g00000AbCdFEAV")
    assert client.post(f"/hooks/{hook.key}/", other, XML["content-type"]).status_code == 401
