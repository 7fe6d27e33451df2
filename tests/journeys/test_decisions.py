"""For every change, every rule and every recipient a sentence that a person can read."""

import re
from collections import Counter
from typing import Any

import pytest
from django.utils import timezone

from notifications.models import Decision, Destination, Rule
from orders.models import Order, StatusChange
from orders.timeline import set_status
from orders.tokens import issue
from tests.journeys.bodies import courier, fulfilment
from tests.journeys.shop import PHONE, Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESSES = (PHONE, "ada@example.com", "C0KITCHEN", "C0BOSS", PHONE[2:])


@pytest.fixture
def story(shop: Shop) -> Shop:
    """Placed, edited, split into two parcels, late, refunded in part, delivered; and a test."""
    Destination.objects.create(
        brand=shop.brand, slug="boss", name="Boss", channel=shop.channels["slack"],
        address="C0BOSS",
    )  # fmt: skip
    for slug, only in (
        ("shipping-only", {"fulfilment_types": ["shipping"]}),
        ("woo-only", {"sources": ["woocommerce"]}),
        ("large-orders", {"min_total_minor": 100_000}),
        ("whole-orders", {"part": "whole", "strategy": "ordered", "families": ["email"]}),
        ("no-words", {"template": "nothing-written"}),
    ):
        Rule.objects.create(
            brand=shop.brand, slug=slug, name=slug.replace("-", " "),
            events=["confirmed", "out_for_delivery", "delivered"], **only,
        )  # fmt: skip
    Rule.objects.filter(slug="customer-quiet-updates").update(active=True)
    lines = [
        {"id": 9001, "name": "Lamp", "quantity": 1, "current_quantity": 1},
        {"id": 9002, "name": "Desk", "quantity": 1, "current_quantity": 1},
    ]
    pizza: dict[str, Any] = {"line_items": lines, "shipping_lines": [{"title": "Standard"}]}
    shop.post(shopify_order(**pizza), "orders/create")
    shop.pump()
    for number, line in ((1, 9001), (2, 9002)):
        parcel = fulfilment(number, 1, line_items=[{"id": line, "quantity": 1}])
        shop.post(parcel, "fulfillments/create")
        shop.pump()
    shop.post(courier(1, 2, "delayed", message="Snow"), "fulfillment_events/create")
    shop.post(courier(2, 2, "failure", message="No bell"), "fulfillment_events/create")
    shop.pump()
    money = {"kind": "refund", "status": "success", "amount": "1.50", "currency": "USD"}
    shop.post(
        {"id": 7, "order_id": shopify_order()["id"], "transactions": [money],
         "created_at": "2026-11-21T12:03:00-05:00"},
        "refunds/create",
    )  # fmt: skip
    for number in (1, 2):
        shop.post(courier(number, 4, "delivered"), "fulfillment_events/create")
        shop.pump()
    shop.post(shopify_order(1002, test=True), "orders/create")
    shop.pump()
    set_status(Order.objects.get(display_number="#1002"), "", "ready", actor="kim",
               now=timezone.now())  # fmt: skip
    shop.pump()
    return shop


def test_the_story_is_rich_enough_to_prove_something(story: Shop) -> None:
    told = StatusChange.objects.values_list("fact", "status")
    assert {fact for fact, _status in told} >= {"status", "delayed", "failed", "refund"}
    assert {status for _fact, status in told} >= {"confirmed", "out_for_delivery", "delivered"}
    reasons = set(Decision.objects.values_list("reason", flat=True))
    assert reasons >= {
        "sent", "other_event", "other_fulfilment", "other_source", "total_outside",
        "no_route", "test_order",
    }  # fmt: skip


def test_every_rule_decides_on_every_change_for_every_recipient(story: Shop) -> None:
    active = list(story.brand.rules.filter(active=True))
    assert len(active) == 10
    for change in StatusChange.objects.all():
        decided = Decision.objects.filter(change=change)
        assert {one.rule_id for one in decided} == {rule.pk for rule in active}
        for rule in active:
            ours = decided.filter(rule=rule)
            planned = ours.exclude(verdict="drop")
            told = Counter(one.recipient for one in planned if one.verdict == "send")
            replaced = ours.filter(reason="superseded").count()
            if rule.audience == "staff" and (told or replaced):
                assert sum(told.values()) + replaced == 2
                assert set(told) <= {"Kitchen", "Boss"}
            else:
                assert planned.count() or replaced
                assert planned.count() <= 1


def test_the_sentences_are_sentences_and_name_no_address(story: Shop) -> None:
    decisions = Decision.objects.all()
    assert decisions.count() > 50
    for one in decisions:
        shown = f"{one.sentence} {one.recipient} {one.inputs}"
        assert one.sentence[0].isupper() or one.sentence[0] == "“"
        assert one.sentence.rstrip().endswith((".", "!", "?")), one.sentence
        assert not re.search(r"[{}]|%\(|None\b", one.sentence), one.sentence
        assert not any(address in shown for address in ADDRESSES), shown


def test_a_refusal_says_what_was_missing(story: Shop) -> None:
    wordless = Decision.objects.filter(rule__slug="no-words", reason="no_route").first()
    assert wordless is not None
    assert "There is no template “nothing-written” for “confirmed” by sms." in wordless.sentence
    pickup = Decision.objects.filter(reason="other_fulfilment").first()
    assert pickup is not None
    assert pickup.sentence.startswith("Rule “shipping only” is not for orders of the kind “")


def test_the_api_shows_them_on_the_timeline(story: Shop) -> None:
    _row, token = issue(story.brand, "support desk", ["read"])
    order = Order.objects.get(display_number="#1001")
    answer = story.client.get(
        f"/api/v1/orders/{order.pk}/timeline/", headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200
    shown = [entry["decision"] for entry in answer.json() if entry["kind"] == "decision"]
    stored = Decision.objects.filter(order=order)
    assert {one["id"]: one["sentence"] for one in shown} == {one.pk: one.sentence for one in stored}
    changes = {entry["change"]["id"] for entry in answer.json() if entry["kind"] == "change"}
    assert {one["change"] for one in shown} == changes
    texts = {
        attempt["text"]
        for entry in answer.json()
        if entry["kind"] == "message"
        for attempt in entry["message"]["attempts"]
    }
    assert len(texts) > 3
    assert texts >= {*story.texts("twilio"), *story.texts("sendgrid")}
