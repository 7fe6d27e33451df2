"""What goes wrong with Shopify elsewhere, told from the webhook to the phone."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from django.utils import timezone

from notifications.models import Decision, Delivery
from orders.models import InboundEvent, Order, StatusChange
from tests.journeys.bodies import courier, fulfilment
from tests.journeys.shop import PHONE, Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)
EXACT, ROUNDED = 820982911946154508, 820982911946154500
SHIPPED: dict[str, Any] = {
    "shipping_lines": [{"title": "Standard", "code": "Standard", "source": "shopify"}],
    "shipping_address": {"name": "Ada Lovelace", "country_code": "US"},
}


def steps(**only: Any) -> list[str]:
    """The statuses on the timeline, in the order in which they were written."""
    told = StatusChange.objects.filter(fact="status", **only)
    return list(told.order_by("id").values_list("status", flat=True))


def test_a_create_that_says_test_cancelled_and_voided_is_cancelled_and_silent(shop: Shop) -> None:
    body = shopify_order(
        test=True,
        cancelled_at="2026-11-21T12:01:00-05:00",
        cancel_reason="customer",
        financial_status="voided",
    )
    shop.post(body, "orders/create")
    shop.pump()
    order = Order.objects.get()
    assert (order.status, order.is_test, order.cancel_reason) == ("cancelled", True, "customer")
    assert shop.sandbox.messages() == []
    assert not Delivery.objects.exists()


def test_a_number_beyond_the_exact_ones_is_kept_and_its_rounded_twin_is_the_same_order(
    shop: Shop,
) -> None:
    body = shopify_order(id=ROUNDED, admin_graphql_api_id=f"gid://shopify/Order/{EXACT}")
    shop.post(body, "orders/create")
    shop.pump()
    refund = {
        "id": 7,
        "order_id": ROUNDED,
        "created_at": "2026-11-21T12:03:00-05:00",
        "transactions": [
            {"kind": "refund", "status": "success", "amount": "4.00", "currency": "USD"}
        ],
    }
    shop.post(refund, "refunds/create")
    shop.post(shopify_order(minute=4, id=EXACT, admin_graphql_api_id=None), "orders/updated")
    shop.pump()
    order = Order.objects.get()
    assert order.external_id == str(EXACT)
    assert order.refunded_minor == 400
    assert InboundEvent.objects.filter(order=order, state="processed").count() == 3


def test_headers_of_the_events_preview_have_no_prefix(shop: Shop) -> None:
    raw = json.dumps(shopify_order()).encode()
    digest = hmac.digest(b"test_secret", raw, hashlib.sha256)
    answer = shop.client.post(
        f"/hooks/{shop.connection.key}/",
        raw,
        content_type="application/json",
        headers={
            "shopify-topic": "Orders/Create",
            "shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "shopify-webhook-id": "w1",
        },
    )
    assert answer.status_code == 200
    shop.pump()
    assert Order.objects.get().status == "confirmed"


def test_a_retry_with_the_same_event_id_is_a_repeat(shop: Shop) -> None:
    for _try in range(3):
        assert shop.post(shopify_order(), "orders/create", event_id="e1").status_code == 200
    shop.pump()
    assert InboundEvent.objects.count() == 1
    assert len(shop.texts("twilio")) == 1


def test_a_webhook_made_by_hand_is_signed_with_the_shops_own_key(shop: Shop) -> None:
    """A connection may have several secrets."""
    newest = {"secret": "secret-of-the-app", "until": None}
    shop.connection.secrets = [newest, *shop.connection.secrets]
    shop.connection.save()
    raw = json.dumps(shopify_order()).encode()
    for secret in (b"secret-of-the-app", b"test_secret", b"somebody-elses"):
        digest = hmac.digest(secret, raw, hashlib.sha256)
        signature = base64.b64encode(digest).decode()
        headers = {"x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": signature}
        answer = shop.client.post(
            f"/hooks/{shop.connection.key}/", raw, "application/json", headers=headers
        )
        assert answer.status_code == (401 if secret == b"somebody-elses" else 200)
    shop.connection.refresh_from_db()
    assert (shop.connection.refused_count, InboundEvent.objects.count()) == (1, 1)


def test_updated_before_created_is_one_order_and_one_message(shop: Shop) -> None:
    shop.post(shopify_order(minute=1, note="ring twice"), "orders/updated")
    shop.pump()
    shop.post(shopify_order(minute=0), "orders/create")
    shop.pump()
    assert Order.objects.get().note == "ring twice"
    assert len(shop.texts("twilio", PHONE)) == 1


def test_a_retry_that_carries_an_older_state_moves_nothing_and_messages_nobody(shop: Shop) -> None:
    done = fulfilment(4001, 4)
    shop.post(
        shopify_order(minute=4, fulfillment_status="fulfilled", fulfillments=[done]),
        "orders/fulfilled",
    )
    shop.pump()
    told = len(shop.sandbox.messages())
    shop.post(shopify_order(minute=1, financial_status="pending", confirmed=False), "orders/create")
    shop.pump()
    assert Order.objects.get().status == "picked_up"
    late = StatusChange.objects.get(applied=False)
    assert (late.status, late.silent_why) == ("placed", "stale")
    assert Decision.objects.filter(change=late, reason="stale").exists()
    assert len(shop.sandbox.messages()) == told


def test_a_pickup_whose_lines_are_all_fulfilled_is_picked_up_though_no_topic_says_so(
    shop: Shop,
) -> None:
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    done = fulfilment(4001, 3, tracking_number=None)
    shop.post(
        shopify_order(minute=3, fulfillment_status="fulfilled", fulfillments=[done]),
        "orders/updated",
    )
    shop.pump()
    assert Order.objects.get().status == "picked_up"
    assert steps() == ["confirmed", "picked_up"]


def test_a_fulfilled_parcel_is_only_on_its_way_until_the_courier_says_delivered(shop: Shop) -> None:
    shop.post(shopify_order(**SHIPPED), "orders/create")
    shop.post(fulfilment(4001, 1), "fulfillments/create")
    shop.pump()
    assert Order.objects.get().status == "out_for_delivery"
    shop.post(courier(4001, 3, "delivered"), "fulfillment_events/create")
    shop.pump()
    order = Order.objects.get()
    assert (order.status, order.groups.count()) == ("delivered", 1)
    assert order.groups.get().tracking == {"Z4001": {"carrier": "UPS", "url": ""}}


def test_one_step_told_by_three_topics_is_one_entry_and_one_message(shop: Shop) -> None:
    shop.post(shopify_order(**SHIPPED), "orders/create")
    shop.pump()
    told = len(shop.texts("twilio", PHONE))
    parcel = fulfilment(4001, 2, shipment_status="out_for_delivery")
    whole = shopify_order(minute=2, fulfillment_status="fulfilled", fulfillments=[parcel])
    shop.post(whole | SHIPPED, "orders/updated")
    shop.post(parcel, "fulfillments/update")
    shop.post(courier(4001, 2, "out_for_delivery"), "fulfillment_events/create")
    shop.pump()
    assert steps(applied=True).count("out_for_delivery") == 1
    assert len(shop.texts("twilio", PHONE)) == told + 1


def test_the_couriers_unknown_word_goes_to_the_inbox_and_is_never_guessed(shop: Shop) -> None:
    shop.post(shopify_order(**SHIPPED), "orders/create")
    shop.post(fulfilment(4001, 1, status="pending"), "fulfillments/create")
    shop.pump()
    before = (Order.objects.get().status, len(shop.sandbox.messages()))
    shop.post(courier(4001, 3, "in_a_drone"), "fulfillment_events/create")
    shop.pump()
    event = InboundEvent.objects.get(topic="fulfillment_events/create")
    assert event.state == InboundEvent.State.FAILED
    assert "“in_a_drone”" in event.error
    assert "status_map" in event.error
    assert (Order.objects.get().status, len(shop.sandbox.messages())) == before
    assert StatusChange.objects.get(fact="unmapped").data == {"source_status": "in_a_drone"}


def test_a_delay_is_told_and_moves_no_status(shop: Shop) -> None:
    shop.post(shopify_order(**SHIPPED), "orders/create")
    shop.post(fulfilment(4001, 1), "fulfillments/create")
    shop.pump()
    late = courier(4001, 3, "delayed", message="Snow", estimated_delivery_at="2026-11-22T12:00:00Z")
    shop.post(late, "fulfillment_events/create")
    shop.pump()
    order = Order.objects.get()
    assert order.status == "out_for_delivery"
    assert order.groups.get().delay_reason == "Snow"
    assert StatusChange.objects.filter(fact="delayed").count() == 1
    assert Decision.objects.filter(change__fact="delayed", verdict="send").exists()


@pytest.mark.parametrize(
    ("word", "fact"), [("attempted_delivery", "attempted"), ("failure", "failed")]
)
def test_what_went_wrong_at_the_door_is_told_and_moves_no_status(
    shop: Shop, word: str, fact: str
) -> None:
    shop.post(shopify_order(**SHIPPED), "orders/create")
    shop.post(fulfilment(4001, 1), "fulfillments/create")
    shop.post(courier(4001, 3, word), "fulfillment_events/create")
    shop.pump()
    assert Order.objects.get().status == "out_for_delivery"
    change = StatusChange.objects.get(fact=fact)
    told = Decision.objects.filter(change=change, audience="customer", verdict="send")
    assert told.count() == 1


def test_a_cancelled_fulfilment_cancels_its_part_and_not_the_order(shop: Shop) -> None:
    shop.post(shopify_order(**SHIPPED), "orders/create")
    one = fulfilment(4001, 1, line_items=[{"id": 9001, "quantity": 1}])
    shop.post(one, "fulfillments/create")
    shop.pump()
    shop.post({**one, "status": "cancelled", "updated_at": "2026-11-21T12:03:00-05:00"},
              "fulfillments/update")  # fmt: skip
    shop.pump()
    order = Order.objects.get()
    assert order.status == "confirmed"
    assert order.groups.get(key="f4001").status == "cancelled"
    assert order.base_status == "confirmed"


def test_a_part_of_the_money_back_is_a_fact_and_all_of_it_ends_the_order(shop: Shop) -> None:
    shop.post(shopify_order(), "orders/create")
    shop.pump()

    def refund(number: int, amount: str, minute: int) -> dict[str, Any]:
        money = {"kind": "refund", "status": "success", "amount": amount, "currency": "USD"}
        at = f"2026-11-21T12:{minute:02d}:00-05:00"
        return {"id": number, "order_id": shopify_order()["id"], "created_at": at,
                "transactions": [money]}  # fmt: skip

    shop.post(refund(1, "1.50", 1), "refunds/create")
    shop.pump()
    assert Order.objects.get().status == "confirmed"
    shop.post(refund(2, "20.00", 2), "refunds/create")
    shop.post(
        shopify_order(minute=2, financial_status="refunded", refunds=[refund(2, "20.00", 2)]),
        "orders/updated",
    )
    shop.pump()
    order = Order.objects.get()
    assert (order.status, order.refunded_minor) == ("refunded", 2150)
    texts = shop.texts("twilio", PHONE)
    assert ["$1.50" in text for text in texts] == [False, True, False]
    assert "$21.50" in texts[2]


def test_the_total_is_the_one_after_edits(shop: Shop) -> None:
    shop.post(shopify_order(total_price="30.00", current_total_price="21.50"), "orders/create")
    shop.pump()
    assert Order.objects.get().total_minor == 2150


def test_the_key_fulfillment_status_may_be_absent(shop: Shop) -> None:
    body = shopify_order()
    del body["fulfillment_status"]
    shop.post(body, "orders/create")
    shop.pump()
    assert Order.objects.get().status == "confirmed"


def test_an_edit_is_told_once_by_the_snapshot_and_not_by_its_announcement(shop: Shop) -> None:
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    edit = {
        "id": 1,
        "order_id": shopify_order()["id"],
        "committed_at": "2026-11-21T12:02:00-05:00",
        "line_items": {"additions": [], "removals": [{"id": 9001, "delta": 1}]},
    }
    shop.post({"order_edit": edit}, "orders/edited")
    line = {"id": 9001, "name": "Margherita", "quantity": 2, "current_quantity": 1, "sku": "M"}
    shop.post(shopify_order(minute=2, line_items=[line]), "orders/updated")
    shop.pump()
    edits = StatusChange.objects.filter(fact="edited")
    assert sorted(edits.values_list("silent_why", flat=True)) == ["", "announced"]
    told = Decision.objects.filter(change__in=edits, verdict="send", audience="customer")
    assert told.count() == 1
    assert Order.objects.get().lines.get().removed_quantity == 1


@pytest.mark.parametrize(
    ("phone", "address", "customer", "expected"),
    [
        (None, "(202) 555-0144", "+12025550145", "+12025550144"),
        (None, None, "+12025550145", "+12025550145"),
        (PHONE, "(202) 555-0144", None, PHONE),
        (None, "ask at the door", None, ""),
    ],
)
def test_the_phone_is_looked_for_in_three_places(
    shop: Shop, phone: Any, address: Any, customer: Any, expected: str
) -> None:
    body = shopify_order(
        phone=phone,
        shipping_address={"name": "Ada", "country_code": "US", "phone": address},
        customer={"id": 77, "first_name": "Ada", "phone": customer},
    )
    shop.post(body, "orders/create")
    shop.pump()
    assert Order.objects.get().contact_phone == expected
    assert [m["to"] for m in shop.sandbox.messages("twilio")] == [expected] * bool(expected)
    assert len(shop.sandbox.messages("sendgrid")) == (not expected)


def test_a_deleted_order_leaves_the_board_and_nobody_is_told(shop: Shop) -> None:
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    told = len(shop.sandbox.messages())
    shop.post({"id": shopify_order()["id"]}, "orders/delete")
    shop.pump()
    order = Order.objects.get()
    assert order.archived_at is not None
    assert order.archived_at <= timezone.now()
    assert order.status == "confirmed"
    assert len(shop.sandbox.messages()) == told
