"""WooCommerce: the looks, what is written after them, addresses, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.woocommerce.provider import WooCommerce, WooCommerceCredentials
from channels_app.providers.woocommerce.sandbox import WooCommerceSandbox, demo_credentials
from channels_app.providers.woocommerce.writing import STATUS_MAP, kinds_of, parse_map
from channels_app.sandbox.contract import Account, Call, Taken
from channels_app.sending import STEPS, guarded
from orders.sources.woocommerce.source import SOURCE

from .cases import BASIC, CREDENTIALS, MESSAGE, REQUEST, ROOT, answer, data, error, note

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8001/woocommerce"
STATUS = replace(MESSAGE, to="status")
NOTE_BODY = "Order 723 &lt;b&gt; is here: pizza &amp; cake ¡ya!"
LOOK_AT_ORDER = Request(
    "GET", f"{ROOT}/orders/723?_fields=id%2Cnumber%2Cstatus", {"Authorization": BASIC}
)


def order(status: str) -> Response:
    """What a look at the order shows."""
    return answer(200, {"id": 723, "number": "723", "status": status})


def follow(message: Message, shown: Response, **credentials: str) -> Request | None:
    return WooCommerce({**CREDENTIALS, **credentials}).following(message, shown)


def refused(message: Message, shown: Response | None = None) -> SendError:
    """The reason why `message` can never be written."""
    with pytest.raises(SendError) as caught:
        if shown is None:
            WooCommerce(CREDENTIALS).request(message)
        else:
            follow(message, shown)
    return caught.value


# --- Notes


def test_a_note_is_written_after_a_look_byte_for_byte() -> None:
    assert follow(MESSAGE, answer(200, [])) == Request(
        "POST",
        f"{ROOT}/orders/723/notes?_fields=id%2Cnote%2Ccustomer_note%2Cdate_created_gmt",
        {"Content-Type": "application/json; charset=utf-8", "Authorization": BASIC},
        f'{{"note":"{NOTE_BODY}","customer_note":true}}'.encode(),
    )


def test_a_note_for_staff_is_never_mailed() -> None:
    message = replace(MESSAGE, to="note")
    assert "type=internal" in WooCommerce(CREDENTIALS).request(message).url
    request = follow(message, answer(200, []))
    assert request is not None
    assert json.loads(request.body)["customer_note"] is False


@pytest.mark.parametrize(
    "listed",
    [
        note(NOTE_BODY),
        note("Order 723 <b> is here:  pizza & cake\n¡ya!"),
        note(NOTE_BODY, at="2026-11-21T12:02:30"),
        note(NOTE_BODY, at=""),
    ],
)
def test_a_note_that_is_there_is_not_written_again(listed: dict[str, Any]) -> None:
    assert follow(MESSAGE, answer(200, [5, note("Other"), listed])) is None
    provider = WooCommerce(CREDENTIALS)
    assert provider.lookup(MESSAGE, NOW) == REQUEST
    found = provider.found(answer(200, [listed]), MESSAGE, NOW)
    assert found == Accepted("281", handed_off=True)


@pytest.mark.parametrize(
    "listed",
    [
        note(NOTE_BODY + " Bye."),
        note(NOTE_BODY, mailed=False),
        note(NOTE_BODY, at="2026-11-21T11:59:00"),
    ],
)
def test_a_note_of_other_words_kind_or_time_is_another_one(listed: dict[str, Any]) -> None:
    request = follow(MESSAGE, answer(200, [listed]))
    assert request is not None and request.method == "POST"
    assert WooCommerce(CREDENTIALS).found(answer(200, [listed]), MESSAGE, NOW) is None


def test_without_a_time_the_same_words_count_once() -> None:
    bare = replace(MESSAGE, data={"order": data()["order"]})
    assert follow(bare, answer(200, [note(NOTE_BODY, at="2020-01-01T00:00:00")])) is None


# --- Status


def test_a_status_is_set_after_a_look_byte_for_byte() -> None:
    assert WooCommerce(CREDENTIALS).request(STATUS) == LOOK_AT_ORDER
    assert follow(STATUS, order("processing")) == Request(
        "PUT",
        f"{ROOT}/orders/723?_fields=id%2Cstatus%2Cdate_modified_gmt",
        {"Content-Type": "application/json; charset=utf-8", "Authorization": BASIC},
        b'{"status":"completed"}',
    )


def test_a_status_that_is_there_is_not_set_again() -> None:
    provider = WooCommerce(CREDENTIALS)
    assert follow(STATUS, order("completed")) is None
    assert follow(STATUS, order("wc-completed")) is None
    assert provider.found(order("completed"), STATUS, NOW) == Accepted(
        detail="The order has this status.", handed_off=True
    )
    assert provider.found(order("processing"), STATUS, NOW) is None


@pytest.mark.parametrize("given_up", ["cancelled", "refunded", "trash"])
def test_an_order_that_was_given_up_in_the_shop_is_not_brought_back(given_up: str) -> None:
    found = refused(STATUS, order(given_up))
    assert (found.kind, found.code) == (FailureKind.CONTENT_REJECTED, "given_up")
    assert WooCommerce(CREDENTIALS).found(order(given_up), STATUS, NOW) is None
    cancelled = replace(STATUS, data=data(status="cancelled"))
    assert follow(cancelled, order("cancelled"), status_map="cancelled=cancelled") is None


def test_a_shop_that_keeps_its_status_is_not_asked_in_circles() -> None:
    kept = answer(
        200, {"id": 723, "status": "processing", "date_modified_gmt": "2026-11-21T12:00:00"}
    )
    assert refused(STATUS, kept).code == "status_kept"


def test_the_operators_list_decides_and_nothing_else_is_touched() -> None:
    ready = replace(STATUS, data=data(status="ready"))
    own = "ready = wc-ready-for-pickup\nDelivered=completed"
    request = follow(ready, order("processing"), status_map=own)
    assert request is not None
    assert json.loads(request.body) == {"status": "ready-for-pickup"}
    assert refused(ready).code == "no_slug"
    assert refused(replace(STATUS, data=data(status="refunded"))).code == "no_slug"


def test_a_list_is_read_line_by_line() -> None:
    assert parse_map("") == {}
    assert parse_map("ready = a;\n\n picked_up=wc-b, delivered =C") == {
        "ready": "a", "picked_up": "b", "delivered": "c",
    }  # fmt: skip
    for bad in ("ready", "ready =", "= a", "shipped = a", "ready = a b", "ready=a\nready=b"):
        with pytest.raises(ValueError):
            parse_map(bad)
        form = WooCommerceCredentials({**CREDENTIALS, "status_map": bad})
        assert "status_map" in form.errors
        with pytest.raises(SendError) as caught:
            WooCommerce({**CREDENTIALS, "status_map": bad}).request(STATUS)
        assert caught.value.kind is FailureKind.MISCONFIGURED


@pytest.mark.parametrize(
    ("ours", "method"), [("delivered", "flat_rate"), ("picked_up", "local_pickup")]
)
def test_the_echo_of_a_status_says_nothing_new(ours: str, method: str) -> None:
    """What the shop then reports to the source, where nobody has changed either list."""
    order = {
        "id": 723,
        "number": "723",
        "status": STATUS_MAP[ours],
        "shipping_lines": [{"method_id": method}],
        "date_modified_gmt": "2026-11-21T12:03:07",
    }
    (found,) = SOURCE.map("order.updated", {}, json.dumps(order).encode(), {})
    assert (found.status, found.unmapped_status, found.facts) == (ours, "", ())


# --- Both


def test_a_note_comes_first_and_then_the_status() -> None:
    message = replace(MESSAGE, to="status, note")
    listed = note(NOTE_BODY, mailed=False)
    provider = WooCommerce(CREDENTIALS)
    assert provider.request(message).url.startswith(f"{ROOT}/orders/723/notes?")
    assert follow(message, answer(200, [listed])) == LOOK_AT_ORDER
    assert follow(message, answer(201, listed)) == LOOK_AT_ORDER
    request = follow(message, order("processing"))
    assert request is not None and request.method == "PUT"
    assert provider.found(answer(200, [listed]), message, NOW) is None, "the status is not known"


# --- What can never be written


@pytest.mark.parametrize("to", ["", "notes", "note, customer_note", "event", "#kitchen", "status!"])
def test_a_destination_of_other_words_is_refused_in_a_sentence(to: str) -> None:
    found = refused(replace(MESSAGE, to=to))
    assert (found.kind, found.code) == (FailureKind.RECIPIENT_INVALID, "destination")
    assert "customer_note (mailed by the shop)" in found.detail


def test_words_of_a_destination_are_read_however_they_are_joined() -> None:
    assert kinds_of(" Status+NOTE ") == {"status", "note"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "shopify"}, "other_source"),
        ({"source": None}, "other_source"),
        ({"external_id": None}, "no_order"),
        ({"external_id": "723/../1"}, "no_order"),
        ({"external_id": "723\n"}, "no_order"),
    ],
)
def test_an_order_of_another_shop_is_refused(changes: dict[str, Any], code: str) -> None:
    found = refused(replace(MESSAGE, data=data(**changes)))
    assert (found.kind, found.code) == (FailureKind.CONTENT_REJECTED, code)


def test_fields_that_are_missing_are_no_crash() -> None:
    assert refused(replace(MESSAGE, data={})).code == "other_source"
    assert refused(replace(MESSAGE, text=" \n")).code == "no_text"
    bare = {"order": {"source": "woocommerce", "external_id": "723"}}
    assert refused(replace(STATUS, data=bare)).code == "no_slug"
    assert follow(replace(MESSAGE, data=bare), answer(200, [])) is not None


def test_words_of_the_shop_about_an_error_are_not_kept() -> None:
    for code in ("rest_invalid_param", "some_plugin"):
        with pytest.raises(SendError) as caught:
            WooCommerce(CREDENTIALS).accepted(error(400, code))
        assert "Ada" not in caught.value.detail + caught.value.code


# --- Addresses


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("", "https://example.com/shop/wp-json/wc/v3/orders/723?"),
        ("pretty", "https://example.com/shop/wp-json/wc/v3/orders/723?"),
        ("index", "https://example.com/shop/index.php/wp-json/wc/v3/orders/723?"),
        ("plain", "https://example.com/shop/?rest_route=%2Fwc%2Fv3%2Forders%2F723&"),
    ],
)
def test_links_are_written_as_the_site_writes_them(kind: str, url: str) -> None:
    provider = WooCommerce({**CREDENTIALS, "permalinks": kind})
    assert provider.request(STATUS).url == f"{url}_fields=id%2Cnumber%2Cstatus"


def test_the_host_that_somebody_typed_is_not_trusted() -> None:
    provider = WooCommerce(CREDENTIALS)
    assert guarded(provider, provider.request(STATUS))
    standing_in = WooCommerce(CREDENTIALS, BASE)
    assert standing_in.request(STATUS).url.startswith(f"{BASE}/shop/wp-json/wc/v3/orders/723?")


@pytest.mark.parametrize(
    ("typed", "site"),
    [
        (" https://example.com/ ", "https://example.com"),
        ("https://example.com/shop/", "https://example.com/shop"),
        ("https://example.com/shop/wp-admin/admin.php", "https://example.com/shop"),
        ("https://example.com/index.php/wp-json/", "https://example.com"),
    ],
)
def test_the_site_may_be_copied_from_the_address_bar(typed: str, site: str) -> None:
    form = WooCommerceCredentials({**CREDENTIALS, "site": typed})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["site"] == site


@pytest.mark.parametrize(
    "typed",
    [
        "http://example.com", "example.com", "https://ck:cs@example.com", "https://example.com:8443",
        "https://example.com/#x", "https://example.com/?p=1", "ftp://example.com",
        "https://example.com/../x", "https://exa mple.com",
    ],
)  # fmt: skip
def test_the_key_goes_nowhere_in_the_clear(typed: str) -> None:
    assert "site" in WooCommerceCredentials({**CREDENTIALS, "site": typed}).errors


@pytest.mark.parametrize("name", ["consumer_key", "consumer_secret"])
def test_key_and_secret_cannot_change_places(name: str) -> None:
    other = {"consumer_key": "consumer_secret", "consumer_secret": "consumer_key"}[name]
    form = WooCommerceCredentials({**CREDENTIALS, name: CREDENTIALS[other]})
    assert name in form.errors


# --- The stand-in


def ask(end: WooCommerceSandbox, request: Request) -> tuple[Response, Taken | None]:
    """What `end` answers to `request`."""
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, unquote(parts.path), headers, request.body,
                dict(parse_qsl(parts.query)))  # fmt: skip
    reply, taken = end.handle(call, [Account("", dict(CREDENTIALS))])
    return Response(reply.status, dict(reply.headers), reply.body), taken


def sent(
    end: WooCommerceSandbox, message: Message, **credentials: str
) -> tuple[Accepted, list[Taken]]:
    """All the steps of `message` at `end`, as many as a message may take."""
    provider = WooCommerce({**CREDENTIALS, **credentials}, BASE)
    response, taken = ask(end, provider.request(message))
    all_taken = [taken]
    for _step in range(STEPS - 1):
        following = provider.following(message, response)
        if following is None:
            break
        response, taken = ask(end, following)
        all_taken.append(taken)
    return provider.accepted(response), [one for one in all_taken if one]


@pytest.mark.parametrize("kind", ["pretty", "index", "plain"])
def test_note_and_status_fit_into_the_steps_and_a_repeat_writes_nothing(kind: str) -> None:
    end = WooCommerceSandbox()
    past = {**data(), "occurred_at": "2026-01-01T00:00:00+00:00"}
    message = replace(MESSAGE, to="customer_note, status", data=past)
    accepted, taken = sent(end, message, permalinks=kind)
    assert [one.text for one in taken] == [MESSAGE.text, "status: completed"]
    assert taken[0].to == "order 723, mailed to the customer"
    assert accepted == Accepted(taken[1].id, handed_off=True)
    accepted, taken = sent(end, message, permalinks=kind)
    assert taken == []
    assert accepted == Accepted(detail="The order had this status already.", handed_off=True)


@pytest.mark.parametrize(
    ("number", "to", "kind", "code"),
    [
        ("1404", "note", FailureKind.CONTENT_REJECTED, "woocommerce_rest_order_invalid_id"),
        ("1404", "status", FailureKind.CONTENT_REJECTED, "woocommerce_rest_shop_order_invalid_id"),
        ("1410", "status", FailureKind.CONTENT_REJECTED, "given_up"),
        ("1500", "note", FailureKind.TRANSIENT, "woocommerce_api_cannot_create_order_note"),
    ],
)
def test_some_orders_get_into_trouble(number: str, to: str, kind: FailureKind, code: str) -> None:
    with pytest.raises(SendError) as caught:
        sent(WooCommerceSandbox(), replace(MESSAGE, to=to, data=data(external_id=number)))
    assert (caught.value.kind, caught.value.code) == (kind, code)


def test_a_status_that_the_shop_does_not_know_is_refused() -> None:
    with pytest.raises(SendError) as caught:
        sent(WooCommerceSandbox(), STATUS, status_map="delivered=eaten")
    assert caught.value.code == "rest_invalid_param"
    provider = WooCommerce({**CREDENTIALS, "status_map": "delivered=eaten"}, BASE)
    asks = provider.verification()
    assert asks is not None
    with pytest.raises(SendError) as caught:
        provider.verified(ask(WooCommerceSandbox(), asks)[0])
    assert caught.value.detail == "The shop has no such status: eaten."


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": {}}, 401),
        ({"headers": {"Authorization": "Basic eA=="}}, 401),
        ({"method": "DELETE"}, 404),
        ({"url": f"{BASE}/wp-json/wc/v3/products"}, 404),
        ({"url": f"{BASE}/orders/723"}, 404),
    ],
)
def test_the_stand_in_refuses_in_wordpresss_form(changes: dict[str, Any], status: int) -> None:
    request = replace(WooCommerce(CREDENTIALS, BASE).request(STATUS), **changes)
    response, taken = ask(WooCommerceSandbox(), request)
    assert (response.status, taken) == (status, None)
    assert json.loads(response.body)["data"] == {"status": status}


def test_the_stand_in_needs_a_note_in_json_and_shows_only_what_is_asked_for() -> None:
    end, provider = WooCommerceSandbox(), WooCommerce(CREDENTIALS, BASE)
    request = provider.following(MESSAGE, answer(200, []))
    assert request is not None
    for body, code in ((b"{}", "rest_missing_callback_param"), (b"{", "rest_invalid_json")):
        response, taken = ask(end, replace(request, body=body))
        assert (json.loads(response.body)["code"], taken) == (code, None)
    response, _taken = ask(end, provider.request(STATUS))
    assert json.loads(response.body) == {"id": 723, "number": "723", "status": "processing"}
    assert json.loads(end.fault_body(503))["code"] == "internal_server_error"


def test_the_demo_credentials_pass_the_form_and_differ() -> None:
    form = WooCommerceCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials() != demo_credentials()
