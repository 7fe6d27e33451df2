"""What goes wrong with WooCommerce elsewhere, told from the webhook to the phone."""

from typing import Any

import pytest

from notifications.models import Decision
from orders.intake import replay
from orders.models import InboundEvent, Order, SourceConnection, StatusChange
from tests.journeys.bodies import connected, post_woo, woo_order
from tests.journeys.shop import PHONE, Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def woo(shop: Shop) -> SourceConnection:
    return connected(shop, "woocommerce")


def arrive(shop: Shop, woo: SourceConnection, topic: str = "order.updated", **changes: Any) -> None:
    """An order is posted and everything that follows is done."""
    assert post_woo(shop, woo, woo_order(**changes), topic).status_code == 200
    shop.pump()


def test_two_events_of_one_second_share_a_delivery_id_and_both_count(
    shop: Shop, woo: SourceConnection
) -> None:
    post_woo(shop, woo, woo_order(727), delivery_id="same")
    post_woo(shop, woo, woo_order(728), delivery_id="same")
    shop.pump()
    assert set(Order.objects.values_list("external_id", flat=True)) == {"727", "728"}


def test_created_and_two_updates_of_the_same_state_make_one_message(
    shop: Shop, woo: SourceConnection
) -> None:
    for topic, delivery in (("order.created", "1"), ("order.updated", "2"), ("order.updated", "3")):
        post_woo(shop, woo, woo_order(), topic, delivery)
    shop.pump()
    assert InboundEvent.objects.count() == 2
    assert len(shop.texts("twilio", PHONE)) == 1


def test_the_address_without_its_last_slash_is_answered_and_not_redirected(
    shop: Shop, woo: SourceConnection
) -> None:
    """WooCommerce takes a redirect for success and follows none: every event would be lost."""
    answer = post_woo(shop, woo, woo_order(), slash="")
    assert answer.status_code == 200
    assert InboundEvent.objects.count() == 1


def test_the_ping_is_answered_200_and_stored_nowhere(shop: Shop, woo: SourceConnection) -> None:
    answer = shop.client.post(
        f"/hooks/{woo.key}/", "webhook_id=7", "application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200
    assert not InboundEvent.objects.exists()
    woo.refresh_from_db()
    assert woo.refused_count == 0


def test_a_secret_with_entities_is_used_as_wordpress_decodes_it(shop: Shop) -> None:
    woo = connected(shop, "woocommerce", secrets=[{"secret": "a&amp;b&lt;c", "until": None}])
    assert post_woo(shop, woo, woo_order()).status_code == 200


def test_an_empty_secret_lets_nobody_in(shop: Shop) -> None:
    woo = connected(shop, "woocommerce", secrets=[{"secret": "", "until": None}])
    assert post_woo(shop, woo, woo_order()).status_code == 401
    assert not InboundEvent.objects.exists()


def test_times_are_utc_and_not_the_sites_own(shop: Shop, woo: SourceConnection) -> None:
    arrive(shop, woo, minute=3)
    assert Order.objects.get().placed_at.isoformat() == "2026-11-21T17:00:00+00:00"
    happened = StatusChange.objects.get().occurred_at.isoformat()
    assert happened == "2026-11-21T17:03:00+00:00"


@pytest.mark.parametrize("slug", ["checkout-draft", "auto-draft", "draft"])
def test_a_draft_is_no_order_yet(shop: Shop, woo: SourceConnection, slug: str) -> None:
    arrive(shop, woo, status=slug)
    assert InboundEvent.objects.get().state == InboundEvent.State.IGNORED
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("slug", "status", "texts"),
    [
        ("pending", "placed", 0),
        ("on-hold", "placed", 0),
        ("wc-processing", "confirmed", 1),
        ("completed", "picked_up", 1),
        ("cancelled", "cancelled", 1),
        ("refunded", "refunded", 1),
    ],
)
def test_a_status_of_the_shop_is_ours(
    shop: Shop, woo: SourceConnection, slug: str, status: str, texts: int
) -> None:
    arrive(shop, woo, status=slug, refunds=[])
    assert Order.objects.get().status == status
    assert len(shop.texts("twilio", PHONE)) == texts


def test_on_hold_after_processing_moves_back_and_the_customer_is_not_told(
    shop: Shop, woo: SourceConnection
) -> None:
    arrive(shop, woo)
    arrive(shop, woo, minute=2, status="on-hold")
    assert Order.objects.get().status == "placed"
    back = StatusChange.objects.get(fact="reverted")
    assert not Decision.objects.filter(change=back, verdict="send", audience="customer").exists()
    assert len(shop.texts("twilio", PHONE)) == 1


@pytest.mark.parametrize(
    ("choices", "shipping", "status"),
    [
        ({}, "local_pickup", "picked_up"),
        ({}, "flat_rate:3", "delivered"),
        ({"completed_means": "out_for_delivery"}, "flat_rate", "out_for_delivery"),
    ],
)
def test_what_completed_means_depends_on_the_shop(
    shop: Shop, choices: dict[str, Any], shipping: str, status: str
) -> None:
    woo = connected(shop, "woocommerce", settings=choices)
    arrive(shop, woo, status="completed", shipping_lines=[{"method_id": shipping}])
    assert Order.objects.get().status == status


def test_a_custom_word_waits_for_a_person_and_replaying_it_applies_it(
    shop: Shop, woo: SourceConnection
) -> None:
    arrive(shop, woo)
    told = len(shop.sandbox.messages())
    arrive(shop, woo, minute=2, status="in-the-oven")
    event = InboundEvent.objects.latest("id")
    assert event.state == InboundEvent.State.FAILED
    assert "“in-the-oven”" in event.error
    assert Order.objects.get().status == "confirmed"
    assert len(shop.sandbox.messages()) == told
    SourceConnection.objects.filter(pk=woo.pk).update(
        settings={"status_map": {"in-the-oven": "preparing"}}
    )
    replay([event.pk], mode=None)
    shop.pump()
    event.refresh_from_db()
    assert (event.state, event.error) == (InboundEvent.State.PROCESSED, "")
    assert Order.objects.get().status == "preparing"


def test_a_failed_payment_ends_an_unpaid_order_and_is_only_news_of_a_paid_one(
    shop: Shop, woo: SourceConnection
) -> None:
    arrive(shop, woo, number=1, status="failed", date_paid_gmt=None)
    arrive(shop, woo, number=2)
    arrive(shop, woo, number=2, minute=2, status="failed")
    unpaid, paid = Order.objects.order_by("external_id")
    assert (unpaid.status, unpaid.cancel_reason) == ("cancelled", "payment_failed")
    assert paid.status == "confirmed"
    assert StatusChange.objects.filter(order=paid, fact="payment").count() == 1


@pytest.mark.parametrize("member", ["reason", "refund"])
def test_a_part_of_the_money_is_told_once(shop: Shop, woo: SourceConnection, member: str) -> None:
    arrive(shop, woo)
    back = [{"id": 9, "total": "-9.00", member: "Cold"}]
    arrive(shop, woo, minute=2, refunds=back)
    arrive(shop, woo, minute=3, refunds=back)
    order = Order.objects.get()
    assert (order.status, order.refunded_minor) == ("confirmed", 900)
    assert order.refunds["9"]["reason"] == "Cold"
    assert ["$9.00" in text for text in shop.texts("twilio", PHONE)] == [False, True]


@pytest.mark.parametrize("refunds", [[], [{"id": 9, "total": "-21.50"}]])
def test_all_of_the_money_is_one_message_with_or_without_a_list(
    shop: Shop, woo: SourceConnection, refunds: list[Any]
) -> None:
    arrive(shop, woo)
    arrive(shop, woo, minute=2, status="refunded", refunds=refunds)
    assert Order.objects.get().status == "refunded"
    assert len(shop.texts("twilio", PHONE)) == 2


@pytest.mark.parametrize("gone", ["trash", "deleted"])
def test_a_thrown_away_order_leaves_the_board_silently(
    shop: Shop, woo: SourceConnection, gone: str
) -> None:
    arrive(shop, woo)
    told = len(shop.sandbox.messages())
    if gone == "trash":
        arrive(shop, woo, minute=2, status="trash")
    else:
        post_woo(shop, woo, {"id": 727}, "order.deleted")
        shop.pump()
    order = Order.objects.get()
    assert order.archived_at is not None
    assert order.status == "confirmed"
    assert len(shop.sandbox.messages()) == told


def test_parcels_in_the_meta_data_are_kept_when_an_older_body_lacks_them(
    shop: Shop, woo: SourceConnection
) -> None:
    parcels = [
        {"tracking_number": "Z1", "tracking_provider": "UPS"},
        {"tracking_number": "Z2", "custom_tracking_provider": "Bike"},
    ]
    meta = [{"key": "_wc_shipment_tracking_items", "value": parcels}]
    arrive(shop, woo, minute=5, meta_data=meta)
    arrive(shop, woo, minute=1)
    assert set(Order.objects.get().groups.get().tracking) == {"Z1", "Z2"}


def test_an_action_that_names_the_status_moves_a_known_order_and_another_says_what_to_use(
    shop: Shop, woo: SourceConnection
) -> None:
    arrive(shop, woo)
    hook = {"action": "woocommerce_order_status_cancelled", "arg": 727}
    post_woo(shop, woo, hook, "action.woocommerce_order_status_cancelled")
    bare = {"action": "woocommerce_order_status_changed", "arg": 727}
    post_woo(shop, woo, bare, "action.woocommerce_order_status_changed", "d2")
    shop.pump()
    assert Order.objects.get().status == "cancelled"
    failed = InboundEvent.objects.get(state=InboundEvent.State.FAILED)
    assert "Create the webhook with the topic Order updated instead." in failed.error


def test_entities_in_names_are_written_out_before_staff_reads_them(
    shop: Shop, woo: SourceConnection
) -> None:
    arrive(shop, woo)
    assert Order.objects.get().lines.get().name == "Margherita & olives"
    assert "Margherita & olives" in shop.texts("slack")[0]
