"""Shopify: what is asked, what is written after it, tokens, and its stand-in."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.shopify.provider import Shopify, ShopifyCredentials
from channels_app.providers.shopify.sandbox import ShopifySandbox, demo_credentials
from channels_app.providers.shopify.writing import EVENTS, STATUSES, kinds_of
from channels_app.sandbox.contract import Account, Call, Taken
from orders.sources.shopify.source import SOURCE

from .cases import CREDENTIALS, HEADERS, MESSAGE, ORDER, URL, answer, data, written

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8001/shopify"
FULFILMENT = "gid://shopify/Fulfillment/900"
PAIR = {
    "shop": "nonna.myshopify.com",
    "client_id": "0123456789abcdef0123",
    "client_secret": "shpss_0123456789abcdef",
}


def order(**changes: Any) -> Response:
    """The answer to the query: an order with one fulfilment that nothing happened to."""
    return written(
        order={"id": ORDER, "note": None, "tags": [], "fulfillments": [fulfilment()]} | changes
    )


def fulfilment(gid: str = FULFILMENT, status: str = "SUCCESS", *events: str) -> dict[str, Any]:
    """A fulfilment with `events` in its history."""
    nodes = [{"status": word} for word in events]
    return {"id": gid, "status": status, "events": {"nodes": nodes}}


def mutation(message: Message, shown: Response, **credentials: str) -> dict[str, Any] | None:
    """The body of what follows `shown`; None when nothing does."""
    request = Shopify({**CREDENTIALS, **credentials}).following(message, shown)
    if request is None:
        return None
    assert (request.method, request.url, request.headers) == ("POST", URL, HEADERS)
    found: dict[str, Any] = json.loads(request.body)
    return found


def refused(message: Message, shown: Response | None = None) -> SendError:
    """The reason why `message` can never be written."""
    with pytest.raises(SendError) as caught:
        if shown is None:
            Shopify(CREDENTIALS).request(message)
        else:
            Shopify(CREDENTIALS).following(message, shown)
    return caught.value


# --- What is written


def test_an_entry_and_a_line_are_written_in_one_mutation_byte_for_byte() -> None:
    request = Shopify(CREDENTIALS).following(MESSAGE, order(note="Ring twice."))
    assert request == Request(
        "POST",
        URL,
        HEADERS,
        (
            '{"query":"mutation Write($event0: FulfillmentEventInput!, $note: OrderInput!) { '
            "event0: fulfillmentEventCreate(fulfillmentEvent: $event0) { fulfillmentEvent { id } "
            "userErrors { field message } } note: orderUpdate(input: $note) { order { id } "
            'userErrors { field message } } }","variables":{"event0":{'
            '"fulfillmentId":"gid://shopify/Fulfillment/900","status":"OUT_FOR_DELIVERY",'
            '"message":"Your order #1001 is on its way ¡ya!",'
            '"happenedAt":"2026-11-21T12:03:04Z"},'
            '"note":{"id":"gid://shopify/Order/5001","note":"Ring twice.\\n'
            '2026-11-21 12:03 UTC: Your order #1001 is on its way ¡ya!"}}}'
        ).encode(),
    )


def test_what_was_written_is_not_written_again_whoever_wrote_it() -> None:
    line = "2026-11-21 12:03 UTC: Your order #1001 is on its way ¡ya!"
    history = ("CONFIRMED", "OUT_FOR_DELIVERY", "ATTEMPTED_DELIVERY")
    there = order(
        note=f"Hi\n{line}\nBye", fulfillments=[fulfilment(FULFILMENT, "SUCCESS", *history)]
    )
    assert mutation(MESSAGE, there) is None
    provider = Shopify(CREDENTIALS)
    assert provider.found(there, MESSAGE, NOW) == Accepted(
        detail="All of it is there.", handed_off=True
    )
    assert provider.lookup(MESSAGE, NOW) == provider.request(MESSAGE)
    assert provider.found(order(), MESSAGE, NOW) is None
    body = mutation(MESSAGE, order(note=line))
    assert body is not None and set(body["variables"]) == {"event0"}


def test_what_can_never_be_written_is_not_looked_for_again() -> None:
    provider = Shopify(CREDENTIALS)
    for shown in (written(order=None), order(fulfillments=[]), order(note="x" * 4950)):
        assert provider.found(shown, MESSAGE, NOW) is None
    for shown in (written(order=7), answer(401, b""), answer(503, b"")):
        with pytest.raises(SendError):
            provider.found(shown, MESSAGE, NOW)


def test_the_same_words_later_are_another_line() -> None:
    first, later = (
        replace(MESSAGE, to="note", text="It is late.", data={**data(), "occurred_at": at})
        for at in ("2026-11-21T12:03:00Z", "2026-11-21T12:30:00Z")
    )
    body = mutation(first, order())
    assert body is not None
    note = body["variables"]["note"]["note"]
    assert mutation(first, order(note=note)) is None
    body = mutation(later, order(note=note))
    assert body is not None
    assert body["variables"]["note"]["note"] == (
        "2026-11-21 12:03 UTC: It is late.\n2026-11-21 12:30 UTC: It is late."
    )


def test_one_tag_says_where_the_order_is_and_no_other_tag_is_touched() -> None:
    message = replace(MESSAGE, to="tags")
    tags = ["VIP", "Orderbell:Ready", "orderbell:mine", "orderbell:placed"]
    body = mutation(message, order(tags=tags))
    assert body is not None
    assert body["variables"] == {
        "order": ORDER,
        "removed": ["Orderbell:Ready", "orderbell:placed"],
        "added": ["orderbell:out_for_delivery"],
    }
    assert body["query"].startswith(
        "mutation Write($order: ID!, $removed: [String!]!, $added: [String!]!) { "
        "removed: tagsRemove(id: $order, tags: $removed) { node { id } "
    )
    assert mutation(message, order(tags=["VIP", "ORDERBELL:OUT_FOR_DELIVERY"])) is None
    body = mutation(message, order(tags=["orderbell:ready"]), tag_prefix="Küche ")
    assert body is not None and body["variables"]["added"] == ["Küche out_for_delivery"]
    assert "removed" not in body["variables"]


def test_every_tag_fits_into_what_shopify_takes() -> None:
    longest = ShopifyCredentials({**CREDENTIALS, "tag_prefix": "x" * 20})
    assert longest.is_valid()
    assert all(len("x" * 20 + status) <= 40 for status in STATUSES)
    assert not ShopifyCredentials({**CREDENTIALS, "tag_prefix": "x" * 21}).is_valid()
    assert not ShopifyCredentials({**CREDENTIALS, "tag_prefix": "a,b"}).is_valid()


def test_the_metafield_holds_the_status() -> None:
    message = replace(MESSAGE, to="metafield")
    query = json.loads(Shopify(CREDENTIALS).request(message).body)["query"]
    assert 'metafield(namespace: "orderbell", key: "status") { value }' in query
    assert "fulfillments" not in query
    body = mutation(message, order(metafield={"value": "ready"}), metafield="my_app.state")
    assert body is not None
    assert body["variables"] == {
        "metafield": [
            {
                "ownerId": ORDER,
                "namespace": "my_app",
                "key": "state",
                "type": "single_line_text_field",
                "value": "out_for_delivery",
            }
        ]
    }
    assert mutation(message, order(metafield={"value": "out_for_delivery"})) is None


def test_a_part_is_its_own_fulfilment_and_the_whole_order_is_all_that_live() -> None:
    second, dead = "gid://shopify/Fulfillment/901", "gid://shopify/Fulfillment/902"
    both = order(fulfillments=[fulfilment(), fulfilment(second), fulfilment(dead, "CANCELLED")])
    whole = mutation(replace(MESSAGE, to="event"), both)
    assert whole is not None
    ids = [one["fulfillmentId"] for one in whole["variables"].values()]
    assert ids == [FULFILMENT, second]
    part = mutation(replace(MESSAGE, to="event", data={**data(), "part": "f901"}), both)
    assert part is not None
    (value,) = part["variables"].values()
    assert value["fulfillmentId"] == second


@pytest.mark.parametrize(
    "changes",
    [
        {"fulfillments": []},
        {"fulfillments": None},
        {"fulfillments": [fulfilment(FULFILMENT, "CANCELLED")]},
    ],
)
def test_an_order_without_a_fulfilment_has_no_history(changes: dict[str, Any]) -> None:
    assert refused(MESSAGE, order(**changes)).code == "no_fulfilment"


def test_a_part_that_is_no_fulfilment_has_no_history() -> None:
    for part in ("f555", "gid://shopify/FulfillmentOrder/7"):
        message = replace(MESSAGE, data={**data(), "part": part})
        with pytest.raises(SendError) as caught:
            Shopify(CREDENTIALS).request(message)
            Shopify(CREDENTIALS).following(message, order())
        assert caught.value.code == "no_fulfilment"


def test_a_full_note_is_left_alone() -> None:
    assert refused(MESSAGE, order(note="x" * 4950)).code == "note_full"


def test_an_order_that_is_not_there_gets_nothing() -> None:
    assert refused(MESSAGE, written(order=None)).code == "no_order"


def test_nothing_follows_a_mutation() -> None:
    assert Shopify(CREDENTIALS).following(MESSAGE, written(note={"userErrors": []})) is None


# --- What can never be written


@pytest.mark.parametrize("to", ["", "events", "event; note", "event/note", "status", "#kitchen"])
def test_a_destination_of_other_words_is_refused_in_a_sentence(to: str) -> None:
    error = refused(replace(MESSAGE, to=to))
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "destination")
    assert "event, note, tags, metafield" in error.detail


def test_words_of_a_destination_are_read_however_they_are_joined() -> None:
    assert kinds_of(" Event +tags,  note") == {"event", "tags", "note"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "woocommerce"}, "other_source"),
        ({"source": None}, "other_source"),
        ({"external_id": None}, "no_order"),
        ({"external_id": "../1"}, "no_order"),
        ({"external_id": "gid://shopify/Fulfillment/1"}, "no_order"),
        ({"external_id": "5001\n"}, "no_order"),
    ],
)
def test_an_order_of_another_shop_is_refused(changes: dict[str, Any], code: str) -> None:
    error = refused(replace(MESSAGE, data=data(**changes)))
    assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, code)


def test_fields_that_are_missing_are_no_crash() -> None:
    assert refused(replace(MESSAGE, data={})).code == "other_source"
    bare = {"order": {"source": "shopify", "external_id": ORDER}}
    assert refused(replace(MESSAGE, to="event", data=bare)).code == "no_courier_word"
    assert refused(replace(MESSAGE, to="tags", data=bare)).code == "no_status"
    body = mutation(replace(MESSAGE, to="note", data=bare), order())
    assert body is not None and body["variables"]["note"]["note"] == MESSAGE.text
    assert refused(replace(MESSAGE, to="note", text=" \n")).code == "no_text"


@pytest.mark.parametrize(
    ("event", "method", "status"),
    [
        ("ready", "pickup", "READY_FOR_PICKUP"), ("ready", "", "READY_FOR_PICKUP"),
        ("delivered", "shipping", "DELIVERED"), ("out_for_delivery", "", "OUT_FOR_DELIVERY"),
        ("ready", "delivery", ""), ("preparing", "pickup", ""), ("refunded", "", ""),
        # Their echo would be another fact in the timeline.
        ("picked_up", "pickup", ""), ("delayed", "pickup", ""), ("attempted", "delivery", ""),
        ("failed", "shipping", ""),
    ],
)  # fmt: skip
def test_shopify_has_a_word_for_what_a_courier_does(event: str, method: str, status: str) -> None:
    message = replace(MESSAGE, to="event", data={**data(fulfilment=method), "event": event})
    if not status:
        assert refused(message).code == "no_courier_word"
        return
    body = mutation(message, order())
    assert body is not None
    assert body["variables"]["event0"]["status"] == status


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_the_echo_of_what_was_written_says_nothing_new(event: str) -> None:
    """What Shopify then reports to the source of the same shop."""
    message = replace(MESSAGE, to="event", data={**data(fulfilment="pickup"), "event": event})
    body = mutation(message, order())
    assert body is not None
    value = body["variables"]["event0"]
    echo = {
        "fulfillment_id": 900,
        "order_id": 5001,
        "status": value["status"].lower(),
        "message": value["message"],
        "happened_at": value["happenedAt"],
    }
    (found,) = SOURCE.map("fulfillment_events/create", {}, json.dumps(echo).encode(), {})
    (group,) = found.groups
    assert (group.status, group.delayed, group.deliver_to) == (event, None, None)
    assert not found.facts and not found.unmapped_status


def test_words_of_shopify_about_a_refusal_are_not_kept() -> None:
    answered = written(event0={"userErrors": [{"field": ["x"], "message": "Ada Lovelace"}]})
    with pytest.raises(SendError) as caught:
        Shopify(CREDENTIALS).accepted(answered)
    assert "Ada" not in caught.value.detail + caught.value.code


# --- The account


@pytest.mark.parametrize(
    "shop",
    [
        "nonna.example", "myshopify.com", ".myshopify.com", "nonna.myshopify.com.evil.example",
        "evil.example/nonna.myshopify.com", "a@nonna.myshopify.com", "nonna.myshopify.com:8443",
        "http://nonna.myshopify.com", "a.b.myshopify.com", "nonna.myshopify.com?x", "nonna",
    ],
)  # fmt: skip
def test_the_token_goes_to_no_other_host(shop: str) -> None:
    form = ShopifyCredentials({**CREDENTIALS, "shop": shop})
    assert not form.is_valid()
    assert "shop" in form.errors
    provider = Shopify({**CREDENTIALS, "shop": shop})
    assert urlsplit(provider.request(MESSAGE).url).hostname == "myshopify.com"


def test_the_shop_may_be_copied_from_the_address_bar() -> None:
    form = ShopifyCredentials({**CREDENTIALS, "shop": " https://Nonna.myshopify.com/admin/apps "})
    assert form.is_valid()
    assert form.cleaned_data["shop"] == "nonna.myshopify.com"


def test_a_token_or_what_fetches_one_is_needed_and_not_both() -> None:
    assert ShopifyCredentials(PAIR).is_valid()
    half = {name: value for name, value in PAIR.items() if name != "client_secret"}
    for bad in (half, {"shop": PAIR["shop"]}, {**PAIR, **CREDENTIALS}, {**half, **CREDENTIALS}):
        assert not ShopifyCredentials(bad).is_valid()
    assert not ShopifyCredentials({**CREDENTIALS, "api_version": "2026-11"}).is_valid()
    older = Shopify({**CREDENTIALS, "api_version": "2026-04"}).request(MESSAGE)
    assert "/admin/api/2026-04/" in older.url


def test_a_token_is_fetched_with_the_pair_and_used() -> None:
    provider = Shopify(PAIR)
    asks = provider.token_request(NOW)
    assert asks is not None
    assert asks.url == "https://nonna.myshopify.com/admin/oauth/access_token"
    assert {name: value[0] for name, value in parse_qs(asks.body.decode()).items()} == {
        "grant_type": "client_credentials",
        "client_id": PAIR["client_id"],
        "client_secret": PAIR["client_secret"],
    }
    body = {"access_token": "shpat_new", "scope": "write_orders", "expires_in": 86399}
    access = provider.token(answer(200, body), NOW)
    assert access.token == "shpat_new"
    assert timedelta(hours=23) < access.expires_at - NOW < timedelta(hours=24)
    with pytest.raises(SendError) as caught:
        provider.request(MESSAGE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "token")
    provider.access = access
    assert provider.request(MESSAGE).headers["X-Shopify-Access-Token"] == "shpat_new"
    assert Shopify(CREDENTIALS).token_request(NOW) is None


def test_a_fetched_token_that_is_refused_is_fetched_again_and_a_pasted_one_is_not() -> None:
    no = answer(401, {"errors": "[API] Invalid API key or access token"})
    with pytest.raises(AccessRefused):
        Shopify(PAIR).accepted(no)
    with pytest.raises(SendError) as caught:
        Shopify(CREDENTIALS).accepted(no)
    assert not isinstance(caught.value, AccessRefused)


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        (answer(400, b"<html>Oauth error shop_not_permitted: Client credentials"),
         FailureKind.MISCONFIGURED, "shop_not_permitted"),
        (answer(400, {"error": "invalid_client"}), FailureKind.MISCONFIGURED, "invalid_client"),
        (answer(404, b""), FailureKind.MISCONFIGURED, "404"),
        (answer(429, b"", {"retry-after": "3"}), FailureKind.THROTTLED, "429"),
        (answer(503, b""), FailureKind.TRANSIENT, "503"),
        (answer(200, b"<html>"), FailureKind.TRANSIENT, "200"),
        (answer(200, {"expires_in": 86399}), FailureKind.TRANSIENT, "200"),
    ],
)  # fmt: skip
def test_why_there_is_no_token_is_said(response: Response, kind: FailureKind, code: str) -> None:
    with pytest.raises(SendError) as caught:
        Shopify(PAIR).token(response, NOW)
    assert (caught.value.kind, caught.value.code) == (kind, code)
    assert caught.value.retry_after == response.retry_after


# --- The stand-in


def ask(
    end: ShopifySandbox, request: Request, credentials: dict[str, str]
) -> tuple[Response, Taken | None]:
    """What `end` answers to `request`."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, urlsplit(request.url).path.removeprefix("/shopify"), headers,
                request.body)  # fmt: skip
    reply, taken = end.handle(call, [Account("", credentials)])
    return Response(reply.status, dict(reply.headers), reply.body), taken


def sent(end: ShopifySandbox, message: Message) -> tuple[Accepted, Taken | None]:
    """All the steps of `message` at `end`."""
    provider = Shopify(CREDENTIALS, BASE)
    response, taken = ask(end, provider.request(message), CREDENTIALS)
    following = provider.following(message, response)
    if following is not None:
        response, taken = ask(end, following, CREDENTIALS)
    return provider.accepted(response), taken


def test_everything_can_be_written_at_once_and_a_repeat_writes_nothing() -> None:
    end, message = ShopifySandbox(), replace(MESSAGE, to="event, note, tags, metafield")
    accepted, taken = sent(end, message)
    assert taken is not None
    assert accepted == Accepted(taken.id, handed_off=True)
    assert (taken.text, taken.to) == (MESSAGE.text, ORDER)
    assert set(taken.extra) == {"event0", "added", "metafield", "note"}
    again, nothing = sent(end, message)
    assert nothing is None
    assert again == Accepted(detail="All of it was there already.", handed_off=True)
    ready = replace(message, to="tags", data=data(status="delivered"))
    _accepted, taken = sent(end, ready)
    assert taken is not None
    assert taken.text == "tagsRemove: orderbell:out_for_delivery"


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        ("1404", FailureKind.CONTENT_REJECTED, "no_order"),
        ("1000", FailureKind.CONTENT_REJECTED, "no_fulfilment"),
        ("1422", FailureKind.CONTENT_REJECTED, "no_fulfilment"),
        ("1429", FailureKind.THROTTLED, "THROTTLED"),
    ],
)
def test_some_orders_get_into_trouble(number: str, kind: FailureKind, code: str) -> None:
    message = replace(MESSAGE, to="event", data=data(external_id=number))
    with pytest.raises(SendError) as caught:
        sent(ShopifySandbox(), message)
    assert (caught.value.kind, caught.value.code) == (kind, code)
    assert caught.value.retry_after == (2.0 if code == "THROTTLED" else None)


def test_the_stand_in_gives_a_token_for_its_pair_only() -> None:
    end, provider = ShopifySandbox(), Shopify(PAIR, BASE)
    asks = provider.token_request(NOW)
    assert asks is not None
    assert asks.url == f"{BASE}/admin/oauth/access_token"
    response, _taken = ask(end, asks, PAIR)
    provider.access = provider.token(response, NOW)
    response, _taken = ask(end, provider.request(MESSAGE), PAIR)
    assert response.status == 200
    refused_response, _taken = ask(end, asks, {**PAIR, "client_secret": "other"})
    with pytest.raises(SendError) as caught:
        provider.token(refused_response, NOW)
    assert caught.value.code == "invalid_client"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"tagsAdd", b"tagsPut", "undefinedField"),
        (b"$added: [String!]!", b"$other: [String!]!", "parseError"),
        (b'"added":[', b'"other":[', "INVALID_VARIABLE"),
        (b' } }"', b' }"', "parseError"),
        (b"Order/5001", b"Shop/5001", "INVALID_VARIABLE"),
    ],
)
def test_the_stand_in_refuses_a_document_that_does_not_fit(
    old: bytes, new: bytes, code: str
) -> None:
    request = Shopify(CREDENTIALS, BASE).following(replace(MESSAGE, to="tags"), order())
    assert request is not None and old in request.body
    spoilt = replace(request, body=request.body.replace(old, new))
    response, taken = ask(ShopifySandbox(), spoilt, CREDENTIALS)
    assert taken is None
    assert json.loads(response.body)["errors"][0]["extensions"]["code"] == code
    with pytest.raises(SendError) as caught:
        Shopify(CREDENTIALS).accepted(response)
    assert caught.value.kind is FailureKind.MISCONFIGURED


def test_the_stand_in_refuses_other_paths_tokens_and_kinds_of_content() -> None:
    request = Shopify(CREDENTIALS, BASE).request(MESSAGE)
    for spoilt, status in (
        (replace(request, url=f"{BASE}/admin/api/2026-11/graphql.json"), 404),
        (replace(request, method="GET"), 404),
        (replace(request, headers={**HEADERS, "X-Shopify-Access-Token": "shpat_x"}), 401),
        (replace(request, headers={**HEADERS, "Content-Type": "text/plain"}), 400),
        (replace(request, body=b"{"), 400),
    ):
        response, taken = ask(ShopifySandbox(), spoilt, CREDENTIALS)
        assert (response.status, taken) == (status, None)
        assert isinstance(json.loads(response.body)["errors"], str)
    assert json.loads(ShopifySandbox().fault_body(423)) == {"errors": "Locked"}


def test_the_demo_credentials_pass_the_form_and_differ() -> None:
    form = ShopifyCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials() != demo_credentials()


def test_every_variable_of_a_document_is_declared_and_used() -> None:
    body = mutation(
        replace(MESSAGE, to="event note tags metafield"), order(tags=["orderbell:ready"])
    )
    assert body is not None
    head, _brace, fields = body["query"].partition("{")
    declared = re.findall(r"\$(\w+):", head)
    assert declared == list(body["variables"])
    assert set(re.findall(r"\$(\w+)", fields)) == set(declared)
