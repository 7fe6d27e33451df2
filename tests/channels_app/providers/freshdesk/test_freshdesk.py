"""Freshdesk: opening and updating tickets, states, looking up, the form, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.freshdesk.provider import Freshdesk
from channels_app.providers.freshdesk.sandbox import FreshdeskSandbox, demo_credentials
from channels_app.providers.freshdesk.settings import (
    FreshdeskCredentials,
    domain_of,
    place_of,
    states_of,
)
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import (
    ASKED,
    BY_PHONE,
    CREDENTIALS,
    JSON,
    READY,
    ROOT,
    SEARCHED,
    SIGNED,
    STRANGER,
    answer,
    refused,
    ticket,
)

BASE = "http://127.0.0.1:8001/freshdesk"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())
SINCE = datetime(2026, 11, 21, 12, tzinfo=UTC)
EMPTY = answer(200, [])


def provider(**changes: str) -> Freshdesk:
    return Freshdesk({**CREDENTIALS, **changes})


def after(response: Response, message: Message = READY, **changes: str) -> Request:
    found = provider(**changes).following(message, response)
    assert found is not None
    return found


def written(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body)
    return found


def with_data(**changes: Any) -> Message:
    return replace(READY, data={**READY.data, **changes})


# --- Steps


@pytest.mark.parametrize(
    "response",
    [EMPTY, STRANGER, answer(200, [ticket(order="orderbell-78")]), answer(200, {"results": []})],
)
def test_an_order_without_a_ticket_gets_one(response: Response) -> None:
    assert after(response) == Request(
        "POST",
        f"{ROOT}/tickets",
        {**JSON, **SIGNED},
        (
            '{"email":"ada+x@example.com","name":"Ada Lovelace","subject":"Nonna",'
            '"description":"<div>#1024 is ready &lt;now&gt;, Ada.<br>¡Buen provecho!</div>",'
            '"status":2,"priority":1,"source":2,"tags":["orderbell","harbour"],'
            '"custom_fields":{"cf_order_id":"orderbell-77","cf_order_status":"ready",'
            '"cf_order_message":"#1024 is ready <now>, Ada.\\n¡Buen provecho!"},"group_id":21}'
        ).encode(),
    )


@pytest.mark.parametrize(
    "response",
    [
        answer(200, [ticket(40, "orderbell-9"), ticket(36), ticket(35)]),
        answer(200, {"results": [ticket(35), None, {"id": "35/../"}], "total": 1}),
    ],
)
def test_a_ticket_that_is_there_gets_what_is_new(response: Response) -> None:
    assert after(response) == Request(
        "PUT",
        f"{ROOT}/tickets/35",
        {**JSON, **SIGNED},
        (
            '{"custom_fields":{"cf_order_id":"orderbell-77","cf_order_status":"ready",'
            '"cf_order_message":"#1024 is ready <now>, Ada.\\n¡Buen provecho!"}}'
        ).encode(),
    )


@pytest.mark.parametrize(
    "last",
    [answer(201, ticket()), answer(404, b""), refused("email", "not valid"), answer(500, b"")],
)
def test_nothing_follows_a_ticket_or_an_error(last: Response) -> None:
    assert provider().following(READY, last) is None


def test_settings_change_new_tickets() -> None:
    made = written(after(EMPTY, status="5", priority="3", source="7", text_field=""))
    assert (made["status"], made["priority"], made["source"]) == (5, 3, 7)
    assert made["custom_fields"] == {"cf_order_id": "orderbell-77", "cf_order_status": "ready"}


# --- Who it is for


def test_without_an_email_the_phone_and_a_name_do() -> None:
    made = written(after(answer(200, {"results": []}), BY_PHONE))
    assert (made["phone"], made["name"], "email" in made) == ("+34600111222", "Ada", False)
    nameless = replace(BY_PHONE, data={**BY_PHONE.data, "customer": {"phone": "+34600111222"}})
    assert written(after(EMPTY, nameless))["name"] == "+34600111222"


@pytest.mark.parametrize("customer", [None, {}, {"name": "Ada"}, {"email": 5}])
def test_without_any_address_no_ticket_is_opened_but_a_known_one_is_changed(customer: Any) -> None:
    message = with_data(customer=customer)
    assert provider().request(message) == SEARCHED
    with pytest.raises(SendError) as caught:
        after(EMPTY, message)
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONTENT_REJECTED, "no_contact")
    assert after(answer(200, [ticket()]), message).method == "PUT"


def test_what_the_customer_wants_no_messages_by_is_tagged() -> None:
    customer = {"email": "ada@example.com", "opted_out": ["email", "sms"]}
    tags = written(after(EMPTY, with_data(customer=customer)))["tags"]
    assert tags == ["orderbell", "harbour", "no_email", "no_sms"]


@pytest.mark.parametrize("data", [{}, {"order": None}, {"order": {"id": 1.5}}])
def test_a_message_about_no_order_is_refused(data: Any) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(replace(READY, data=data))
    assert caught.value.code == "no_order"


def test_an_orders_name_cannot_end_the_search_early() -> None:
    order = {"external_id": "1' OR \"cf_x:'2"}
    asked = provider().request(replace(BY_PHONE, data={"order": order}))
    ((_name, query),) = parse_qsl(asked.url.partition("?")[2])
    assert query == "\"cf_order_id:'orderbell-1 OR cf_x:2'\""


@pytest.mark.parametrize(
    ("placed_at", "since"),
    [("2026-11-21T12:30:00", "2026-11-20T12%3A30%3A00Z"), ("", ""), ("soon", ""), (None, ""),
     ("0001-01-01T00:00:00+00:00", "")],
)  # fmt: skip
def test_tickets_are_asked_for_since_the_order_was_placed(placed_at: Any, since: str) -> None:
    url = provider().request(with_data(order={"id": "77", "placed_at": placed_at})).url
    assert (f"&updated_since={since}&" in url) if since else ("updated_since" not in url)


# --- States


@pytest.mark.parametrize(
    ("event", "status", "states", "field", "tag"),
    [
        ("ready", "ready", "", "ready", "order_ready"),
        ("ready", "ready", "ready = Ready to collect", "Ready to collect", "order_ready"),
        ("ready", "preparing", "", "preparing", "order_preparing"),
        ("delayed", "preparing", "", "preparing", "order_preparing"),
        ("delayed", "preparing", "delayed=Late", "Late", "order_delayed"),
        ("placed", None, "", "placed", "order_placed"),
        (None, None, "", "unknown", "order_unknown"),
    ],
)
def test_the_state_is_the_orders_unless_staff_have_a_word_for_it(
    event: Any, status: Any, states: str, field: str, tag: str
) -> None:
    message = with_data(event=event, order={"id": "77", "status": status})
    made = written(after(EMPTY, message, states=states, mark="both"))
    assert (made["custom_fields"]["cf_order_status"], made["tags"][-1]) == (field, tag)


def test_a_tag_replaces_the_earlier_state_and_keeps_what_agents_added() -> None:
    made = written(after(answer(200, [ticket()]), mark="tag", text_field=""))
    assert made == {
        "custom_fields": {"cf_order_id": "orderbell-77"},
        "tags": ["orderbell", "vip", "order_ready"],
    }
    long = written(after(EMPTY, with_data(event="x" * 40, order={"id": "77"}), mark="tag"))
    assert len(long["tags"][-1]) == 32


def test_a_subject_is_one_line_and_never_empty() -> None:
    assert written(after(EMPTY, replace(READY, subject="")))["subject"] == "Order #1024"
    assert len(written(after(EMPTY, replace(READY, subject="a\nb " * 200)))["subject"]) == 150


# --- A lost answer


SHOWN = ticket(
    cf_order_status="ready", cf_order_message="#1024 is ready <now>, Ada.\n¡Buen provecho!"
)


@pytest.mark.parametrize(
    ("response", "changes", "found"),
    [
        (answer(200, [SHOWN]), {}, True),
        (answer(200, {"results": [SHOWN]}), {}, True),
        (answer(200, [SHOWN]), {"mark": "both"}, False),
        (answer(200, [{**SHOWN, "tags": ["order_ready"]}]), {"mark": "both"}, True),
        (answer(200, [ticket(cf_order_status="ready")]), {}, False),
        (answer(200, [ticket(cf_order_status="ready")]), {"text_field": ""}, True),
        (answer(200, [ticket()]), {}, False),
        (EMPTY, {}, False),
        (STRANGER, {}, False),
        (answer(200, {}), {}, False),
    ],
)
def test_a_message_arrived_if_the_ticket_shows_it(
    response: Response, changes: dict[str, str], found: bool
) -> None:
    asked = provider(**changes)
    assert asked.lookup(READY, SINCE) == ASKED
    expected = Accepted("35", handed_off=True) if found else None
    assert asked.found(response, READY, SINCE) == expected


@pytest.mark.parametrize("response", [answer(500, b""), answer(200, b"<html>")])
def test_a_lookup_that_fails_says_nothing(response: Response) -> None:
    with pytest.raises(SendError):
        provider().found(response, READY, SINCE)


# --- Where to


def test_the_address_of_a_destination_names_ids_and_tags() -> None:
    found = place_of("group:21, product:5 Harbour,vip")
    assert (found.ids, found.tags) == ({"group_id": 21, "product_id": 5}, ["Harbour", "vip"])


@pytest.mark.parametrize("bad", ["group:kitchen", "form:5", "a<b", "x" * 33])
def test_an_address_that_means_nothing_is_refused_before_anything_is_asked(bad: str) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(replace(READY, to=bad))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("nonna", "nonna"),
        (" Nonna.freshdesk.com ", "nonna"),
        ("https://nonna-2.freshdesk.com/a/dashboard", "nonna-2"),
        ("https://nonna.freshdesk.com.evil.example", ""),
        ("https://evil.example/nonna.freshdesk.com", ""),
        ("nonna.freshservice.com", ""),
        ("evil.example#", ""),
        ("https://user@nonna.freshdesk.com", ""),
        ("http://nonna.freshdesk.com", ""),
        ("nonna.freshdesk.com/@evil", ""),
        ("", ""),
    ],
)
def test_only_hosts_of_freshdesk_are_called(typed: str, name: str) -> None:
    assert domain_of(typed) == name
    made = Freshdesk({**CREDENTIALS, "domain": typed})
    if name:
        assert made.request(READY).url.startswith(f"https://{name}.freshdesk.com/api/v2/")
        return
    with pytest.raises(SendError) as caught:
        made.request(READY)
    assert caught.value.kind is FailureKind.MISCONFIGURED


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 422, 429, 451, 500, 503])
def test_every_refusal_tells_staff_something(status: int) -> None:
    with pytest.raises(SendError) as caught:
        provider().accepted(answer(status, b""))
    assert caught.value.detail.endswith(".") and caught.value.code


# --- The form


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"domain": "nonna.evil.example"}, "domain"),
        ({"api_key": ""}, "api_key"),
        ({"order_field": "Order ID"}, "order_field"),
        ({"state_field": "status"}, "state_field"),
        ({"tag_prefix": "Order "}, "tag_prefix"),
        ({"states": "ready Ready"}, "states"),
        ({"status": "9"}, "status"),
    ],
)
def test_the_form_says_what_is_wrong(changes: dict[str, str], wrong: str) -> None:
    form = FreshdeskCredentials({**CREDENTIALS, **changes})
    assert not form.is_valid()
    assert list(form.errors) == [wrong]


def test_the_form_keeps_the_name_only_and_words_are_read_line_by_line() -> None:
    form = FreshdeskCredentials({**CREDENTIALS, "domain": "https://nonna.freshdesk.com/a/"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["domain"] == "nonna"
    assert states_of("\n ready = To collect, now\nplaced=New\n") == {
        "ready": "To collect, now",
        "placed": "New",
    }


# --- The stand-in


def handled(end: FreshdeskSandbox, request: Request) -> tuple[Response, Taken | None]:
    path, _mark, query = request.url.removeprefix(BASE).partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, path, headers, request.body, dict(parse_qsl(query)))
    reply, taken = end.handle(call, [ACCOUNT])
    return Response(reply.status, reply.headers, reply.body), taken


def standing_in() -> Freshdesk:
    return Freshdesk(ACCOUNT.credentials, BASE)


def sent(end: FreshdeskSandbox, message: Message) -> tuple[Response, Taken | None]:
    account = standing_in()
    response, taken = handled(end, account.request(message))
    while (following := account.following(message, response)) is not None:
        response, taken = handled(end, following)
    return response, taken


@pytest.mark.parametrize("customer", [READY.data["customer"], BY_PHONE.data["customer"]])
def test_events_of_an_order_gather_on_one_ticket(customer: Any) -> None:
    end = FreshdeskSandbox()
    first, opened = sent(end, with_data(customer=customer))
    order = {"id": "77", "status": "picked_up"}
    bye = replace(with_data(event="picked_up", order=order, customer=customer), text="Bye.")
    later, changed = sent(end, bye)
    assert opened is not None and changed is not None
    assert (first.status, later.status) == (201, 200)
    assert opened.text == READY.text
    assert opened.id == changed.id == standing_in().accepted(later).message_id
    assert (changed.text, changed.extra["tags"]) == (
        "Bye.",
        ["orderbell", "harbour", "order_picked_up"],
    )
    assert changed.extra["fields"]["cf_order_status"] == "picked_up"


def test_a_repeat_changes_nothing_and_a_lookup_finds_it() -> None:
    end, account = FreshdeskSandbox(), standing_in()
    sent(end, READY)
    sent(end, READY)
    response, _taken = handled(end, account.lookup(READY, SINCE))
    assert [one["id"] for one in response.json()] == [1]
    assert account.found(response, READY, SINCE) == Accepted("1", handed_off=True)


@pytest.mark.parametrize(
    ("email", "kind"),
    [
        ("blocked@example.com", FailureKind.CONTENT_REJECTED),
        ("no address", FailureKind.CONTENT_REJECTED),
        ("busy@example.com", FailureKind.TRANSIENT),
    ],
)
def test_the_stand_in_plays_what_can_go_wrong(email: str, kind: FailureKind) -> None:
    response, taken = sent(FreshdeskSandbox(), with_data(customer={"email": email}))
    assert taken is None
    with pytest.raises(SendError) as caught:
        standing_in().accepted(response)
    assert caught.value.kind is kind
    assert email not in caught.value.detail


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"method": "DELETE"}, 404),
        ({"path": "/api/v1/tickets"}, 404),
        ({"headers": {"content-type": "application/json"}}, 401),
        ({"content-type": "text/plain"}, 415),
        ({"body": b"{"}, 400),
        ({"method": "PUT", "path": "/api/v2/tickets/99"}, 404),
        ({"method": "PUT", "path": "/api/v2/tickets/x"}, 404),
        ({"method": "GET", "path": "/api/v2/search/tickets", "query": {"query": "cf_x:1"}}, 400),
    ],
)
def test_the_stand_in_refuses_what_freshdesk_refuses(changes: dict[str, Any], status: int) -> None:
    made = standing_in().following(READY, EMPTY)
    assert made is not None
    headers = {name.lower(): value for name, value in made.headers.items()}
    headers |= {name: value for name, value in changes.items() if "-" in name}
    call = Call("POST", "/api/v2/tickets", headers, made.body)
    call = replace(call, **{name: value for name, value in changes.items() if "-" not in name})
    reply, taken = FreshdeskSandbox().handle(call, [ACCOUNT])
    assert (reply.status, taken) == (status, None)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"email": "", "phone": "+34600111222", "name": ""}, "email"),
        ({"subject": " "}, "subject"),
        ({"status": 9}, "status"),
        ({"source": "portal"}, "source"),
        ({"tags": ["x" * 33]}, "tags"),
        ({"custom_fields": {"cf_other": "1"}}, "cf_other"),
        ({"custom_fields": []}, "custom_fields"),
    ],
)
def test_the_stand_in_refuses_tickets_that_are_not_valid(
    changes: dict[str, Any], name: str
) -> None:
    made = standing_in().following(READY, EMPTY)
    assert made is not None
    body = json.dumps({**written(made), **changes}).encode()
    response, taken = handled(FreshdeskSandbox(), replace(made, body=body))
    assert (response.status, taken) == (400, None)
    assert response.json()["errors"][0]["field"] == name


def test_a_list_wants_a_sensible_page() -> None:
    end = FreshdeskSandbox()
    sent(end, READY)
    asked = standing_in().request(READY)
    response, _taken = handled(end, replace(asked, url=asked.url.replace("=15", "=101")))
    assert response.status == 400


def test_the_demo_credentials_pass_the_form() -> None:
    form = FreshdeskCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials()["api_key"] != demo_credentials()["api_key"]
