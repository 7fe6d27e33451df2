"""Shopify's Admin API: what is asked, what its answers mean, and that its stand-in plays along."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from orders.contract import (
    Api,
    Ask,
    Item,
    NoAccess,
    OrderEvent,
    SourceError,
    TokenRefused,
    Told,
    TryLater,
)
from orders.sources.shopify.listing import TOPICS
from orders.sources.shopify.sandbox import (
    ShopifyApi,
    connection,
    demo_credentials,
    line_node,
    parcel_node,
    part_node,
)
from orders.sources.shopify.source import SOURCE

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
CREDENTIALS = demo_credentials()
API = Api("https://orderbell-demo.myshopify.com", CREDENTIALS)
PAIR = {"shop": CREDENTIALS["shop"], "client_id": "a" * 32, "client_secret": "shpss_" + "b" * 32}
HOOK = "https://hub.example/hooks/k/"
EDIT = {"order_edit": {"order_id": 5001, "committed_at": "2026-11-21T17:00:00Z"}}


def written(body: Any) -> bytes:
    return json.dumps(body).encode()


def part_body(number: str = "5001") -> dict[str, Any]:
    return {"fulfillment_order": {"id": f"gid://shopify/FulfillmentOrder/{number}"}}


def asked(topic: str, body: Any, api: Api = API) -> Ask:
    ask = SOURCE.ask(topic, {}, written(body), api)
    assert ask is not None
    return ask


def told(shop: ShopifyApi, topic: str, body: Any) -> list[OrderEvent]:
    """Ask, answer, read."""
    answer = shop.handle(asked(topic, body))
    whole = SOURCE.fetched(topic, written(body), answer)
    headers = {"x-shopify-triggered-at": "2026-11-21T17:03:00Z"}
    return list(SOURCE.map(topic, headers, whole, {}))


def variables(ask: Ask) -> Any:
    return json.loads(ask.body)["variables"]


# -- where, and as whom -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shop",
    ["a-shop.myshopify.com", " https://A-Shop.myshopify.com/admin ", "a-shop.myshopify.com/"],
)
def test_the_api_lives_at_the_shops_own_host(shop: str) -> None:
    assert SOURCE.base({"shop": shop}) == "https://a-shop.myshopify.com"


@pytest.mark.parametrize(
    "shop",
    [
        "shop.example",
        "myshopify.com",
        "a.myshopify.com.evil.example",
        "evil.example/a.myshopify.com",
        "a.b.myshopify.com",
        "user@a.myshopify.com",
        "http://a.myshopify.com",
        "a.myshopify.com:8443",
        "-a.myshopify.com",
    ],
)
def test_no_other_host_gets_the_token(shop: str) -> None:
    with pytest.raises(NoAccess, match="nowhere else"):
        SOURCE.base({"shop": shop})


def test_a_connection_without_credentials_asks_nobody() -> None:
    api = Api("", {})
    assert SOURCE.base({}) == ""
    assert SOURCE.ask("orders/edited", {}, written(EDIT), api) is None
    assert SOURCE.list_ask(NOW, "", api) is None
    assert SOURCE.subscriptions_ask(api) is None
    assert SOURCE.subscribe_ask("orders/create", HOOK, api) is None
    assert SOURCE.token_ask(api, NOW) is None


def test_the_version_is_a_setting_and_a_wrong_one_is_not_used() -> None:
    assert asked("orders/edited", EDIT).url.endswith("/admin/api/2026-10/graphql.json")
    older = replace(API, settings={"api_version": "2026-04"})
    assert "/2026-04/" in asked("orders/edited", EDIT, older).url
    wrong = replace(API, settings={"api_version": "../../x"})
    assert "/2026-10/" in asked("orders/edited", EDIT, wrong).url


def test_a_pasted_token_is_used_and_a_pair_fetches_one() -> None:
    assert SOURCE.token_ask(API, NOW) is None
    token = asked("orders/edited", EDIT).headers["X-Shopify-Access-Token"]
    assert token == CREDENTIALS["access_token"]
    pair = Api(API.base, PAIR)
    ask = SOURCE.token_ask(pair, NOW)
    assert ask is not None
    assert (ask.method, ask.url) == ("POST", f"{API.base}/admin/oauth/access_token")
    assert parse_qs(ask.body.decode())["grant_type"] == ["client_credentials"]
    fetched = SOURCE.token(ShopifyApi().handle(ask), NOW)
    assert (fetched.expires_at - NOW).total_seconds() == 86_399 - 300
    with_it = asked("orders/edited", EDIT, replace(pair, token=fetched.value))
    assert with_it.headers["X-Shopify-Access-Token"] == fetched.value


TOKEN_TROUBLE = [
    (Told(400, {}, b'{"error":"invalid_client"}'), NoAccess, "client secret"),
    (Told(400, {}, b"<html>Oauth error shop_not_permitted</html>"), NoAccess, "organisation"),
    (Told(400, {}, b"<html>app_not_installed"), NoAccess, "Install it"),
    (Told(200, {}, b'{"scope":"x"}'), NoAccess, "gives no token"),
    (Told(503, {}, b""), TryLater, "503"),
]


@pytest.mark.parametrize(("answer", "trouble", "words"), TOKEN_TROUBLE)
def test_why_there_is_no_token(answer: Told, trouble: type[Exception], words: str) -> None:
    with pytest.raises(trouble, match=words):
        SOURCE.token(answer, NOW)


# -- answers that are no success ----------------------------------------------------------------


def error(code: str, **more: Any) -> Told:
    body = {"data": None, "errors": [{"message": "x", "extensions": {"code": code}}], **more}
    return Told(200, {}, written(body))


COST = {
    "cost": {
        "requestedQueryCost": 302,
        "throttleStatus": {"currentlyAvailable": 2, "restoreRate": 50.0},
    }
}
WAITS = [
    (error("THROTTLED", extensions=COST), 6.0),
    (error("THROTTLED"), None),
    (error("TIMEOUT"), None),
    (Told(429, {"retry-after": "2.0"}, b"{}"), 2.0),
    (Told(429, {"retry-after": "soon"}, b"{}"), None),
    (Told(500, {}, b""), None),
    (Told(503, {}, b"<html>"), None),
    (Told(404, {}, b'{"errors":"Not Found"}'), None),
    (Told(200, {}, b"<html>sorry</html>"), None),
    (Told(200, {}, b'{"data":{"order":null}}'), None),
]


@pytest.mark.parametrize(("answer", "seconds"), WAITS)
def test_what_passes_is_tried_later(answer: Told, seconds: float | None) -> None:
    with pytest.raises(TryLater) as caught:
        SOURCE.fetched("orders/edited", written(EDIT), answer)
    assert caught.value.seconds == seconds


STOPS = [
    (Told(401, {}, b"{}"), TokenRefused, "Install the app again"),
    (Told(402, {}, b"{}"), NoAccess, "frozen"),
    (Told(403, {}, b"{}"), NoAccess, "read_orders"),
    (Told(423, {}, b"{}"), NoAccess, "locked"),
    (error("ACCESS_DENIED"), NoAccess, "read_orders"),
    (error("SHOP_INACTIVE"), NoAccess, "not active"),
    (error("undefinedField"), SourceError, "api_version"),
    (Told(400, {}, b"{}"), SourceError, "400"),
]


@pytest.mark.parametrize(("answer", "trouble", "words"), STOPS)
def test_what_does_not_pass_says_what_to_do(
    answer: Told, trouble: type[Exception], words: str
) -> None:
    with pytest.raises(trouble, match=words) as caught:
        SOURCE.fetched("orders/edited", written(EDIT), answer)
    assert type(caught.value) is trouble


def test_what_the_app_may_not_see_is_left_out_and_the_rest_is_read() -> None:
    shop = ShopifyApi()
    shop.changes["5001"] = {"customer": None, "email": None, "phone": None}
    answer = shop.handle(asked("orders/edited", EDIT))
    body = json.loads(answer.body)
    body["errors"] = [{"message": "x", "extensions": {"code": "ACCESS_DENIED"}}]
    whole = SOURCE.fetched("orders/edited", written(EDIT), replace(answer, body=written(body)))
    event = SOURCE.map("orders/edited", {}, whole, {})[0]
    assert (event.status, event.contact and event.contact.phone) == ("confirmed", "")


# -- orders that are fetched --------------------------------------------------------------------


def test_the_api_and_the_webhook_say_the_same_of_an_order() -> None:
    event, _part = told(
        ShopifyApi(), "fulfillment_orders/line_items_prepared_for_pickup", part_body()
    )
    assert (event.external_id, event.display_number, event.status) == (
        "5001",
        "#5001",
        "confirmed",
    )
    assert event.clock.at == NOW
    assert (event.total_minor, event.currency, event.fulfilment_type) == (2150, "USD", "pickup")
    assert event.contact is not None
    assert (event.contact.name, event.contact.phone, event.contact.country) == (
        "Ada Lovelace",
        "+12025550143",
        "US",
    )
    assert [(line.line_id, line.quantity, line.removed_quantity) for line in event.lines] == [
        ("50011", "2", "0")
    ]
    assert event.lines_complete and event.may_create and not event.test


READY = "fulfillment_orders/line_items_prepared_for_pickup"
LOCAL = "fulfillment_orders/line_items_prepared_for_local_delivery"


@pytest.mark.parametrize(
    ("topic", "method", "said"),
    [
        (READY, "pickup", {"status": "ready"}),
        (LOCAL, "delivery", {"status": "ready"}),
        ("fulfillment_orders/progress_reported", "pickup", {"status": "preparing"}),
        ("fulfillment_orders/placed_on_hold", "pickup", {"delayed": True, "status": ""}),
        ("fulfillment_orders/hold_released", "pickup", {"delayed": False, "status": ""}),
    ],
)
def test_a_topic_that_names_no_order_is_told_of_its_order(
    topic: str, method: str, said: Mapping[str, Any]
) -> None:
    _order, part = told(ShopifyApi(), topic, part_body())
    (group,) = part.groups
    assert (part.external_id, part.may_create) == ("5001", False)
    assert (group.key, group.method) == ("gid://shopify/FulfillmentOrder/5001", method)
    assert group.lines == [("50011", "2")]
    assert {name: getattr(group, name) for name in said} == said
    assert part.clock.at == datetime(2026, 11, 21, 17, 3, tzinfo=UTC)


def test_talk_with_the_warehouse_is_not_worth_a_call() -> None:
    topic = "fulfillment_orders/fulfillment_request_accepted"
    assert SOURCE.ask(topic, {}, written(part_body()), API) is None


def two_places(**more: Any) -> dict[str, Any]:
    """An order that is prepared in two places."""
    one, two = (f"gid://shopify/LineItem/{n}" for n in (1, 2))
    parts = [part_node("71", one, 2), part_node("72", two, 1)]
    lines = connection([line_node(one, 2), line_node(two, 1)])
    return {"lineItems": lines, "fulfillmentOrders": {"nodes": parts}, **more}


def test_a_part_of_an_order_in_two_places_holds_its_own_lines() -> None:
    shop = ShopifyApi()
    shop.changes["5001"] = two_places()
    _order, part = told(shop, READY, part_body("72"))
    assert part.groups[0].lines == [("2", "1")]


def test_the_parcel_that_ends_a_part_takes_its_place() -> None:
    shop = ShopifyApi()
    one = "gid://shopify/LineItem/1"
    done = part_node("71", one, 0, "CLOSED")
    parts = {"nodes": [done, part_node("72", "gid://shopify/LineItem/2", 1)]}
    parcels = [parcel_node("91", one, 2, "71")]
    shop.changes["5001"] = two_places(fulfillmentOrders=parts, fulfillments=parcels)
    body = {"id": 91, "order_id": 5001, "status": "success", "line_items": []}
    order, _parcel = told(shop, "fulfillments/create", body)
    (group,) = order.groups
    assert group.key == "f91"
    assert "gid://shopify/FulfillmentOrder/71" in group.aliases
    _order, late = told(shop, READY, part_body("71"))
    assert late.groups[0].lines == []  # its parcel says which


def test_a_part_that_is_half_out_keeps_its_own_name() -> None:
    shop = ShopifyApi()
    one = "gid://shopify/LineItem/1"
    parcels = [parcel_node("91", one, 1, "71")]
    shop.changes["5001"] = two_places(fulfillments=parcels)
    body = {"id": 91, "order_id": 5001, "status": "success", "line_items": []}
    order = told(shop, "fulfillments/update", body)[0]
    assert not any("FulfillmentOrder" in name for name in order.groups[0].aliases)


@pytest.mark.parametrize("status", ["CLOSED", "CANCELLED"])
def test_a_part_that_is_over_and_leads_nowhere_adds_nothing(status: str) -> None:
    shop = ShopifyApi()
    over = part_node("5001", "gid://shopify/LineItem/50011", 0, status)
    shop.changes["5001"] = {"fulfillmentOrders": {"nodes": [over]}}
    events = told(shop, "fulfillment_orders/cancelled", part_body())
    assert [event.groups for event in events] == [[]]


def test_an_order_in_several_parcels_is_looked_at_and_others_are_not() -> None:
    def parcel(number: int) -> dict[str, Any]:
        return {"id": number, "status": "success"}

    def looks(**more: Any) -> bool:
        body = written({"id": 5001, **more})
        return SOURCE.ask("orders/updated", {}, body, API) is not None

    assert not looks()
    assert not looks(fulfillments=[parcel(1)], fulfillment_status="fulfilled")
    gone = {"id": 2, "status": "cancelled"}
    assert not looks(fulfillments=[parcel(1), gone], fulfillment_status="fulfilled")
    assert looks(fulfillments=[parcel(1)], fulfillment_status="partial")
    assert looks(fulfillments=[parcel(1), parcel(2)], fulfillment_status="fulfilled")
    off = replace(API, settings={"fetch_parts": False})
    several = written({"id": 1, "fulfillments": [parcel(1), parcel(2)]})
    assert SOURCE.ask("orders/updated", {}, several, off) is None
    assert SOURCE.ask("fulfillments/create", {}, written({"order_id": 1}), off) is None
    assert SOURCE.ask("orders/edited", {}, written(EDIT), off) is not None


def test_an_edit_brings_the_order_and_its_announcement() -> None:
    order, edit = told(ShopifyApi(), "orders/edited", EDIT)
    assert order.lines_complete and order.edited is None
    assert edit.edited == {"added": [], "removed": []}


def test_parcels_words_and_money_are_read_from_the_api() -> None:
    shop = ShopifyApi()
    parcel = {
        **parcel_node("91", "gid://shopify/LineItem/50011", 2),
        "displayStatus": "OUT_FOR_DELIVERY",
        "estimatedDeliveryAt": "2026-11-22T12:00:00Z",
        "trackingInfo": [{"company": "UPS", "number": "1Z", "url": "https://ups.example/1Z"}],
    }
    back = {
        "id": "gid://shopify/Refund/801",
        "note": "cold",
        "processedAt": "2026-11-21T17:00:00Z",
        "totalRefundedSet": {"shopMoney": {"amount": "1.5", "currencyCode": "USD"}},
    }
    shop.changes["5001"] = {
        "fulfillments": [parcel],
        "refunds": [back],
        "displayFulfillmentStatus": "FULFILLED",
    }
    order = told(shop, "orders/edited", EDIT)[0]
    (group,) = order.groups
    assert (group.status, group.tracking[0].number) == ("out_for_delivery", "1Z")
    assert group.deliver_to == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert [(one.refund_id, one.amount_minor) for one in order.refunds] == [("801", 150)]


@pytest.mark.parametrize("word", ["FULFILLED", "SUBMITTED", "LABEL_VOIDED", "NOT_DELIVERED"])
def test_a_display_word_that_no_courier_says_is_no_unknown_status(word: str) -> None:
    shop = ShopifyApi()
    parcel = {**parcel_node("91", "gid://shopify/LineItem/50011", 2), "displayStatus": word}
    shop.changes["5001"] = {"fulfillments": [parcel]}
    assert told(shop, "orders/edited", EDIT)[0].unmapped_status == ""


def test_a_list_that_is_cut_says_nothing_of_lines() -> None:
    shop = ShopifyApi()
    shop.changes["5001"] = {"lineItems": connection([], more=True)}
    order = told(shop, "orders/edited", EDIT)[0]
    assert (list(order.lines), order.lines_complete) == ([], False)


def test_an_order_that_is_not_there_yet_is_there_at_the_next_look() -> None:
    shop = ShopifyApi()
    body = {"order_edit": {"order_id": 7404}}
    with pytest.raises(TryLater, match="does not show the order yet"):
        told(shop, "orders/edited", body)
    assert told(shop, "orders/edited", body)[0].external_id == "7404"


@pytest.mark.parametrize(
    ("number", "trouble"), [(7429, TryLater), (7403, NoAccess), (7500, TryLater)]
)
def test_the_stand_in_plays_the_apis_troubles(number: int, trouble: type[Exception]) -> None:
    with pytest.raises(trouble):
        told(ShopifyApi(), "orders/edited", {"order_edit": {"order_id": number}})


def test_the_stand_in_refuses_strangers_and_tokens_that_ended() -> None:
    shop = ShopifyApi()
    stranger = Api(API.base, {"shop": "a", "access_token": "x"})
    for api in (API, stranger):
        shop.refuse(CREDENTIALS["access_token"])
        answer = shop.handle(asked("orders/edited", EDIT, api))
        with pytest.raises(TokenRefused):
            SOURCE.fetched("orders/edited", written(EDIT), answer)
    ask = asked("orders/edited", EDIT)
    assert shop.handle(replace(ask, url=f"{API.base}/admin/x")).status == 404


# -- lists and webhooks -------------------------------------------------------------------------


def test_changed_orders_are_listed_page_by_page() -> None:
    shop, cursor = ShopifyApi(), ""
    seen: list[Item] = []
    for _page in range(5):
        ask = SOURCE.list_ask(NOW, cursor, API)
        assert ask is not None
        assert variables(ask)["since"] == "updated_at:>='2026-11-21T17:00:00Z'"
        page = SOURCE.listed(shop.handle(ask))
        seen += page.items
        cursor = page.next
        if not cursor:
            break
    assert len(seen) == 3
    orders = [SOURCE.map(one.topic, {}, one.body or b"", {})[0] for one in seen]
    assert [order.external_id for order in orders] == ["5001", "5002", "5003"]
    assert [order.status for order in orders] == ["confirmed"] * 3
    assert len({one.event_key for one in seen}) == 3
    assert SOURCE.ask(seen[0].topic, {}, seen[0].body or b"", API) is None


def listed_one(**changes: Any) -> Any:
    shop = ShopifyApi()
    shop.changes["5001"] = changes
    ask = SOURCE.list_ask(NOW, "", API)
    assert ask is not None
    return SOURCE.listed(shop.handle(ask)).items[0]


def test_of_an_order_with_parcels_the_list_does_not_say_where_it_is() -> None:
    item = listed_one(fulfillmentsCount={"count": 1}, displayFulfillmentStatus="FULFILLED")
    (event,) = SOURCE.map(item.topic, {}, item.body, {})
    assert (event.external_id, event.status, list(event.groups)) == ("5001", "", [])
    ask = SOURCE.ask(item.topic, {}, item.body, API)
    assert ask is not None
    assert variables(ask) == {"id": "gid://shopify/Order/5001"}
    whole = SOURCE.fetched(item.topic, item.body, ShopifyApi().handle(ask))
    assert [one.status for one in SOURCE.map(item.topic, {}, whole, {})] == ["confirmed"]


def test_a_cancelled_order_is_cancelled_in_the_list_too() -> None:
    item = listed_one(fulfillmentsCount={"count": 1}, cancelledAt="2026-11-21T17:00:00Z")
    assert SOURCE.map(item.topic, {}, item.body, {})[0].status == "cancelled"


def test_the_same_state_in_the_list_is_the_same_event() -> None:
    assert listed_one().event_key == listed_one().event_key
    assert listed_one().event_key != listed_one(updatedAt="2026-11-21T17:01:00Z").event_key


def test_webhooks_that_are_missing_are_named_and_made() -> None:
    shop = ShopifyApi()

    def missing(url: str = HOOK) -> list[str]:
        ask = SOURCE.subscriptions_ask(API)
        assert ask is not None
        return list(SOURCE.missing_topics(shop.handle(ask), url))

    assert missing() == list(TOPICS)
    for topic in missing():
        ask = SOURCE.subscribe_ask(topic, HOOK, API)
        assert ask is not None
        assert json.loads(shop.handle(ask).body)["data"]["webhookSubscriptionCreate"][
            "webhookSubscription"
        ]
    assert missing() == []
    assert missing(HOOK.rstrip("/")) == []
    assert missing("https://other.example/hooks/k/") == list(TOPICS)
    shop.hooks.pop(0)
    assert missing() == [TOPICS[0]]
    shop.hooks.insert(0, {"topic": "ORDERS_CREATE", "uri": HOOK, "format": "XML"})
    assert missing() == [TOPICS[0]]


def test_a_topic_that_we_do_not_read_is_not_subscribed() -> None:
    assert SOURCE.subscribe_ask("products/update", HOOK, API) is None


@pytest.mark.parametrize("topic", TOPICS)
def test_each_topic_that_we_ask_for_has_a_reader(topic: str) -> None:
    bodies = {
        "orders": {"id": 1, "order_edit": {"order_id": 1}},
        "fulfillments": {"id": 1, "order_id": 1},
        "fulfillment_events": {"order_id": 1, "fulfillment_id": 1},
        "fulfillment_orders": part_body(),
        "refunds": {
            "id": 1, "order_id": 1,
            "transactions": [
                {"kind": "refund", "status": "success", "amount": "1", "currency": "USD"}
            ],
        },
    }  # fmt: skip
    body = bodies[topic.partition("/")[0]]
    assert len(SOURCE.map(topic, {}, written(body), {})) == 1


def test_marketing_consent_is_nothing_to_tell() -> None:
    assert SOURCE.map("customers_marketing_consent/update", {}, b'{"id": 1}', {}) == []


# -- what we wrote ourselves --------------------------------------------------------------------


def order_with(**more: Any) -> OrderEvent:
    body = {"id": 5001, "updated_at": "2026-11-21T17:00:00Z", **more}
    return SOURCE.map("orders/updated", {}, written(body), more.pop("settings", {}))[0]


def test_our_lines_in_the_note_are_not_the_customers() -> None:
    ours = "2026-11-21 17:00 UTC: Ada, your order is ready."
    assert order_with(note=ours).note == ""
    assert order_with(note=f"ring twice\n{ours}\nno onions").note == "ring twice no onions"
    assert order_with(note="2026-11-21 at noon, please").note == "2026-11-21 at noon, please"


def test_our_tags_are_not_the_shops() -> None:
    event = order_with(tags="vip, orderbell:ready, Orderbell:Done")
    assert event.attributes["tags"] == "vip"
    assert "tags" not in order_with(tags="orderbell:ready").attributes
    body = written({"id": 1, "tags": "hub-ready, orderbell:x"})
    (event,) = SOURCE.map("orders/updated", {}, body, {"own_tags": "hub-"})
    assert event.attributes["tags"] == "orderbell:x"
