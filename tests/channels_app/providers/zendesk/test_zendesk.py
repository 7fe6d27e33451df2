"""Zendesk: opening and updating tickets, states, comments, the form, and its stand-in."""

import json
from dataclasses import replace
from typing import Any

import pytest

from channels_app.contract import Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.zendesk.provider import Zendesk, external_id
from channels_app.providers.zendesk.sandbox import ZendeskSandbox, demo_credentials
from channels_app.providers.zendesk.settings import (
    ZendeskCredentials,
    place_of,
    states_of,
    subdomain_of,
)
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import CREDENTIALS, JSON, READY, ROOT, SIGNED, answer, listed, ticket

BASE = "http://127.0.0.1:8001/zendesk"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())


def provider(**changes: str) -> Zendesk:
    return Zendesk({**CREDENTIALS, **changes})


def after(response: Response, message: Message = READY, **changes: str) -> Request:
    found = provider(**changes).following(message, response)
    assert found is not None
    return found


def written(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body)["ticket"]
    return found


def with_data(**changes: Any) -> Message:
    return replace(READY, data={**READY.data, **changes})


# --- Steps


def test_an_order_without_a_ticket_gets_one_under_a_key_that_stays_the_same() -> None:
    assert after(listed()) == Request(
        "POST",
        f"{ROOT}/tickets",
        {**JSON, **SIGNED, "Idempotency-Key": "ref-1"},
        (
            '{"ticket":{"subject":"Nonna","comment":{"body":"#1024 is ready, Ada. '
            '¡Buen provecho!","public":false},"requester":{"name":"Ada Lovelace",'
            '"email":"ada@example.com"},"external_id":"orderbell:77",'
            '"tags":["orderbell","harbour"],"custom_fields":[{"id":360001,"value":"order_ready"},'
            '{"id":360002,"value":"ref-1"}],"group_id":21}}'
        ).encode(),
    )


def test_a_ticket_that_is_there_gets_the_state_and_what_we_say() -> None:
    assert after(listed(ticket())) == Request(
        "PUT",
        f"{ROOT}/tickets/35",
        {**JSON, **SIGNED},
        (
            '{"ticket":{"custom_fields":[{"id":360001,"value":"order_ready"},'
            '{"id":360002,"value":"ref-1"}],"comment":{"body":"#1024 is ready, Ada. '
            '¡Buen provecho!","public":false}}}'
        ).encode(),
    )


def test_what_an_earlier_try_wrote_is_not_written_twice() -> None:
    assert provider().following(READY, listed(ticket(reference="ref-1"))) is None
    without = provider(reference_field="", comment="none")
    assert without.following(READY, listed(ticket(reference="ref-1"))) is not None


def test_a_closed_ticket_gets_a_follow_up_and_an_open_one_goes_first() -> None:
    made = after(listed(ticket(35, "closed"), ticket(40, "closed")))
    assert (made.method, written(made)["via_followup_source_id"]) == ("POST", 40)
    assert after(listed(ticket(35), ticket(36), ticket(40, "closed"))).url.endswith("/tickets/36")


@pytest.mark.parametrize(
    "last", [answer(201, {"ticket": ticket()}), answer(404, {"error": "RecordNotFound"})]
)
def test_nothing_follows_a_ticket_or_an_error(last: Response) -> None:
    assert provider().following(READY, last) is None


def test_strange_tickets_in_a_list_are_no_tickets() -> None:
    assert after(listed(None, 5, {"id": "35/../x"}, {"id": True})).method == "POST"
    odd = {"id": 9, "tags": "x", "custom_fields": {"id": 1}}
    assert after(listed(odd)).url.endswith("/tickets/9")


# --- States


@pytest.mark.parametrize(
    ("event", "status", "changes", "state"),
    [
        ("ready", "ready", {}, "order_ready"),
        ("ready", "ready", {"state_prefix": "shop-"}, "shop-ready"),
        ("ready", "preparing", {}, "order_preparing"),
        ("delayed", "preparing", {}, "order_preparing"),
        ("delayed", "preparing", {"states": "delayed = late\npreparing=cooking"}, "late"),
        ("eta", "preparing", {"states": "delayed = late\npreparing=cooking"}, "cooking"),
        ("placed", "", {}, "order_placed"),
        ("", "", {}, "order_unknown"),
    ],
)
def test_the_state_is_the_orders_unless_staff_have_a_word_for_it(
    event: str, status: str, changes: dict[str, str], state: str
) -> None:
    message = with_data(event=event, order={"id": "77", "status": status})
    fields = written(after(listed(), message, **changes))["custom_fields"]
    assert fields[0] == {"id": 360001, "value": state}


def test_a_tag_replaces_the_earlier_state_and_keeps_what_agents_added() -> None:
    made = written(after(listed(ticket()), mark="tag", comment="none", states="placed=new_one"))
    assert made == {
        "custom_fields": [{"id": 360002, "value": "ref-1"}],
        "tags": ["orderbell", "vip", "order_ready"],
        "updated_stamp": "2026-11-21T11:59:00Z",
        "safe_update": True,
    }
    renamed = {**ticket(), "tags": ["vip", "new_one"]}
    assert written(after(listed(renamed), mark="both", states="placed=new_one"))["tags"] == [
        "vip",
        "order_ready",
    ]
    assert written(after(listed(), mark="tag"))["tags"] == ["orderbell", "harbour", "order_ready"]


# --- What we say


@pytest.mark.parametrize(
    ("comment", "opted_out", "public"),
    [
        ("public", [], True),
        ("public", ["sms"], True),
        ("public", ["email"], False),
        ("public", None, True),
        ("private", [], False),
        ("none", [], False),
    ],
)
def test_a_comment_is_public_only_where_mail_is_wanted(
    comment: str, opted_out: Any, public: bool
) -> None:
    customer = {"email": "ada@example.com", "opted_out": opted_out}
    for response in (listed(), listed(ticket())):
        made = written(after(response, with_data(customer=customer), comment=comment))
        if comment == "none" and "requester" not in made:
            assert "comment" not in made
        else:
            assert made["comment"]["public"] is public


def test_what_the_customer_wants_no_messages_by_is_tagged() -> None:
    customer = {"email": "ada@example.com", "opted_out": ["email", "sms"]}
    tags = written(after(listed(), with_data(customer=customer)))["tags"]
    assert tags == ["orderbell", "harbour", "no_email", "no_sms"]


@pytest.mark.parametrize("text", ["{{ticket.requester.phone}}", "{{{x}}}", "{% if x %}{{y}}"])
def test_words_of_an_order_are_never_filled_in_by_zendesk(text: str) -> None:
    made = written(after(listed(), replace(READY, text=text, subject=text)))
    for said in (made["comment"]["body"], made["subject"]):
        assert "{{" not in said and "{%" not in said
        assert said.replace(" ", "") == text.replace(" ", "")


def test_a_subject_is_one_line_and_never_empty() -> None:
    made = written(after(listed(), replace(READY, subject="")))
    assert made["subject"] == "Order #1024"
    assert len(written(after(listed(), replace(READY, subject="a\nb " * 200)))["subject"]) == 150
    bare = replace(READY, subject="", data={**READY.data, "order": {"id": "77"}})
    assert written(after(listed(), bare))["subject"] == "Order"


def test_a_customer_without_a_name_is_called_by_the_address() -> None:
    made = written(after(listed(), with_data(customer={"email": "ada@example.com", "name": None})))
    assert made["requester"] == {"name": "ada", "email": "ada@example.com"}


@pytest.mark.parametrize("customer", [None, {}, {"phone": "+34600111222"}, {"email": 5}])
def test_without_an_email_no_ticket_is_opened_but_a_known_one_is_changed(customer: Any) -> None:
    with pytest.raises(SendError) as caught:
        after(listed(), with_data(customer=customer))
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONTENT_REJECTED, "no_contact")
    assert after(listed(ticket()), with_data(customer=customer)).method == "PUT"


@pytest.mark.parametrize("data", [{}, {"order": None}, {"order": {"id": True}}, {"order": []}])
def test_a_message_about_no_order_is_refused(data: Any) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(replace(READY, data=data))
    assert caught.value.code == "no_order"


# --- Where to


def test_the_address_of_a_destination_names_ids_and_tags() -> None:
    found = place_of("group:21, form:5 brand:7 Harbour,vip")
    assert found.ids == {"group_id": 21, "ticket_form_id": 5, "brand_id": 7}
    assert found.tags == ["harbour", "vip"]
    assert not place_of(" ").ids


@pytest.mark.parametrize("bad", ["group:kitchen", "form:", "a<b", "brand:1x"])
def test_an_address_that_means_nothing_is_refused_before_anything_is_asked(bad: str) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(replace(READY, to=bad))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("nonna", "nonna"),
        (" Nonna.zendesk.com ", "nonna"),
        ("https://nonna-2.zendesk.com/agent/dashboard", "nonna-2"),
        ("https://nonna.zendesk.com.evil.example", ""),
        ("https://evil.example/nonna.zendesk.com", ""),
        ("nonna.evil.example", ""),
        ("evil.example#", ""),
        ("evil.example/x", ""),
        ("https://user@nonna.zendesk.com", ""),
        ("-nonna", ""),
        ("http://nonna.zendesk.com", ""),
        ("nonna.zendesk.com/@evil", ""),
        ("", ""),
    ],
)
def test_only_hosts_of_zendesk_are_called(typed: str, name: str) -> None:
    assert subdomain_of(typed) == name
    made = Zendesk({**CREDENTIALS, "subdomain": typed})
    if name:
        assert made.request(READY).url.startswith(f"https://{name}.zendesk.com/api/v2/")
        return
    with pytest.raises(SendError) as caught:
        made.request(READY)
    assert caught.value.kind is FailureKind.MISCONFIGURED


def test_an_oauth_token_is_a_bearer_and_a_stand_in_takes_the_hosts_place() -> None:
    made = Zendesk({**CREDENTIALS, "access_token": "oauth-1"}, BASE).request(READY)
    assert made.headers == {"Authorization": "Bearer oauth-1"}
    assert made.url == f"{BASE}/api/v2/tickets?external_id=orderbell%3A77"


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 422, 429, 451, 500, 503])
def test_every_refusal_tells_staff_something(status: int) -> None:
    with pytest.raises(SendError) as caught:
        provider().accepted(answer(status, b""))
    assert caught.value.detail.endswith(".") and caught.value.code


# --- The form


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"subdomain": "nonna.evil.example"}, "subdomain"),
        ({"api_token": ""}, "api_token"),
        ({"email": ""}, "api_token"),
        ({"state_field": ""}, "state_field"),
        ({"state_field": "state"}, "state_field"),
        ({"reference_field": ""}, "reference_field"),
        ({"state_prefix": "Order "}, "state_prefix"),
        ({"states": "ready kitchen_done"}, "states"),
        ({"comment": "loud"}, "comment"),
    ],
)
def test_the_form_says_what_is_missing(changes: dict[str, str], wrong: str) -> None:
    form = ZendeskCredentials({**CREDENTIALS, **changes})
    assert not form.is_valid()
    assert list(form.errors) == [wrong]


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": "x", "email": "", "api_token": ""},
        {"mark": "tag", "state_field": ""},
        {"comment": "none", "reference_field": ""},
        {"comment": "", "reference_field": "", "mark": ""},
        {"subdomain": "https://nonna.zendesk.com/agent"},
    ],
)
def test_the_form_takes_what_is_enough(changes: dict[str, str]) -> None:
    form = ZendeskCredentials({**CREDENTIALS, **changes})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["subdomain"] == "nonna"


def test_words_for_states_are_read_line_by_line() -> None:
    assert states_of("\n ready = kitchen_done\n\nplaced=new\n") == {
        "ready": "kitchen_done",
        "placed": "new",
    }


# --- The stand-in


def handled(end: ZendeskSandbox, request: Request) -> tuple[Response, Taken | None]:
    path, _mark, query = request.url.removeprefix(BASE).partition("?external_id=")
    headers = {name.lower(): value for name, value in request.headers.items()}
    asked = {"external_id": query.replace("%3A", ":")} if query else {}
    reply, taken = end.handle(Call(request.method, path, headers, request.body, asked), [ACCOUNT])
    return Response(reply.status, reply.headers, reply.body), taken


def standing_in(**changes: str) -> Zendesk:
    return Zendesk({**ACCOUNT.credentials, **changes}, BASE)


def sent(
    end: ZendeskSandbox, message: Message, account: Zendesk | None = None
) -> tuple[Response, Taken | None]:
    account = account or standing_in()
    response, taken = handled(end, account.request(message))
    while (following := account.following(message, response)) is not None:
        response, taken = handled(end, following)
    return response, taken


def next_event(ref: str = "ref-2") -> Message:
    order = {"id": "77", "status": "picked_up"}
    return replace(with_data(event="picked_up", order=order), ref=ref, text="Bye.")


def test_events_of_an_order_gather_on_one_ticket() -> None:
    end = ZendeskSandbox()
    first, opened = sent(end, READY)
    later, changed = sent(end, next_event())
    assert opened is not None and changed is not None
    assert (first.status, later.status) == (201, 200)
    assert opened.id == changed.id == standing_in().accepted(later).message_id
    assert changed.text == "Bye."
    assert changed.extra["tags"] == ["orderbell", "harbour", "order_picked_up"]
    assert changed.extra["fields"] == {360001: "order_picked_up", 360002: "ref-2"}


def test_a_repeat_writes_nothing_and_is_accepted() -> None:
    end = ZendeskSandbox()
    sent(end, READY)
    again, taken = sent(end, READY)
    assert taken is None
    assert standing_in().accepted(again).handed_off


def test_a_repeated_creation_gets_the_first_ones_ticket() -> None:
    end, account = ZendeskSandbox(), standing_in()
    made = account.following(READY, listed())
    assert made is not None
    first, _taken = handled(end, made)
    again, taken = handled(end, made)
    assert first.headers["x-idempotency-lookup"] == "miss"
    assert (again.headers["x-idempotency-lookup"], again.body, taken) == ("hit", first.body, None)
    other = account.following(replace(READY, text="Other."), listed())
    assert other is not None
    refused, taken = handled(end, other)
    assert (refused.status, taken) == (400, None)
    with pytest.raises(SendError) as caught:
        account.accepted(refused)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


@pytest.mark.parametrize(
    ("email", "kind"),
    [
        ("suspended@example.com", FailureKind.CONTENT_REJECTED),
        ("no address", FailureKind.CONTENT_REJECTED),
        ("busy@example.com", FailureKind.TRANSIENT),
    ],
)
def test_the_stand_in_plays_what_can_go_wrong(email: str, kind: FailureKind) -> None:
    response, taken = sent(ZendeskSandbox(), with_data(customer={"email": email}))
    assert taken is None
    with pytest.raises(SendError) as caught:
        standing_in().accepted(response)
    assert caught.value.kind is kind
    assert email not in caught.value.detail


def test_the_ticket_of_a_closing_customer_gets_a_follow_up() -> None:
    end, customer = ZendeskSandbox(), {"email": "closing@example.com", "name": "C"}
    sent(end, with_data(customer=customer))
    later = next_event()
    response, taken = sent(end, replace(later, data={**later.data, "customer": customer}))
    assert taken is not None and (response.status, taken.id) == (201, "2")


def test_a_change_in_between_is_a_conflict_and_a_closed_ticket_refuses() -> None:
    end, account = ZendeskSandbox(), standing_in()
    sent(end, READY)
    seen, _taken = handled(end, account.request(next_event()))
    late = account.following(next_event(), seen)
    assert late is not None
    sent(end, next_event("ref-3"))
    response, taken = handled(end, late)
    assert (response.status, taken) == (409, None)
    customer = {"email": "closing@example.com"}
    closing = with_data(customer=customer, order={"id": "78", "status": "ready"})
    sent(end, replace(closing, ref="ref-4"))
    refused, taken = handled(end, replace(late, url=f"{BASE}/api/v2/tickets/2"))
    assert (refused.status, taken) == (422, None)
    with pytest.raises(SendError) as caught:
        account.accepted(refused)
    assert caught.value.kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"method": "DELETE"}, 404),
        ({"path": "/api/v2/ticket"}, 404),
        ({"headers": {"content-type": "application/json"}}, 401),
        ({"content-type": "text/plain"}, 415),
        ({"body": b"{"}, 400),
        ({"body": b'{"ticket":[]}'}, 400),
        ({"body": b'{"ticket":{"comment":{"body":" "}}}'}, 422),
        ({"idempotency-key": "x" * 256}, 400),
        ({"method": "PUT", "path": "/api/v2/tickets/99"}, 404),
        ({"method": "PUT", "path": "/api/v2/tickets/x"}, 404),
    ],
)
def test_the_stand_in_refuses_what_zendesk_refuses(changes: dict[str, Any], status: int) -> None:
    made = standing_in().following(READY, listed())
    assert made is not None
    headers = {name.lower(): value for name, value in made.headers.items()}
    headers |= {name: value for name, value in changes.items() if "-" in name}
    call = Call("POST", "/api/v2/tickets", headers, made.body)
    call = replace(call, **{name: value for name, value in changes.items() if "-" not in name})
    reply, taken = ZendeskSandbox().handle(call, [ACCOUNT])
    assert (reply.status, taken) == (status, None)


@pytest.mark.parametrize(
    "changes", [{"tags": ["two words"]}, {"tags": "x"}, {"custom_fields": [{"id": "1"}]},
                {"via_followup_source_id": 12}]
)  # fmt: skip
def test_the_stand_in_refuses_tickets_that_are_not_valid(changes: dict[str, Any]) -> None:
    made = standing_in().following(READY, listed())
    assert made is not None
    body = json.dumps({"ticket": {**written(made), **changes}}).encode()
    response, taken = handled(ZendeskSandbox(), replace(made, body=body))
    assert (response.status, taken) == (422, None)


def test_the_demo_credentials_pass_the_form() -> None:
    form = ZendeskCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials()["api_token"] != demo_credentials()["api_token"]
    assert external_id(READY) == "orderbell:77"
