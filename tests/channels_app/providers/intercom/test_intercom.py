"""Intercom: search, contact and event, the facts of an event, and its stand-in."""

import json
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from channels_app.contract import Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.intercom.facts import facts
from channels_app.providers.intercom.provider import REGIONS, Intercom, IntercomCredentials
from channels_app.providers.intercom.sandbox import IntercomSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import CONTACT, CREDENTIALS, HEADERS, READY, ROOT, answer, contact, listed, refused

CONTRACT = settings.BASE_DIR.parent / "shared" / "contracts" / "intercom.json"
BASE = "http://127.0.0.1:8001/intercom"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())
EXISTS = "A contact matching those details already exists with id="


def provider(**changes: str) -> Intercom:
    return Intercom({**CREDENTIALS, **changes})


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

EVENT = Request(
    "POST",
    f"{ROOT}/events",
    HEADERS,
    (
        f'{{"event_name":"order-ready","created_at":1795262405,"id":"{CONTACT}","metadata":'
        '{"order_number":"#1024","status":"ready","message":"#1024 is ready, Ada. ¡Buen provecho!",'
        '"order_url":"https://hub.example.com/t/1/","store":"Nonna Harbour","fulfilment":"pickup",'
        '"total":"34.90 EUR","items":"2 × Margherita, Tiramisù","opted_out":"sms",'
        '"reference":"ref-1"}}'
    ).encode(),
)


@pytest.mark.parametrize(
    "response",
    [
        listed(contact()),
        listed(None, {"id": None}, contact("lead-1", "lead"), contact()),
        answer(200, contact()),
        refused(409, "conflict", EXISTS + CONTACT),
    ],
)
def test_the_event_goes_to_the_contact_that_is_there(response: Response) -> None:
    assert after(response) == EVENT


def test_a_lead_takes_events_too() -> None:
    assert written(after(listed(contact("lead-1", "lead"))))["id"] == "lead-1"


def test_a_contact_that_exists_without_telling_its_id_is_named_by_email() -> None:
    made = written(after(refused(409, "conflict", "It exists.")))
    assert (made["email"], "id" in made) == ("ada@example.com", False)


def test_a_customer_who_is_not_known_becomes_a_contact() -> None:
    assert after(listed()) == Request(
        "POST",
        f"{ROOT}/contacts",
        HEADERS,
        b'{"role":"user","email":"ada@example.com","name":"Ada Lovelace"}',
    )


def test_a_new_contact_gets_no_mail_that_the_customer_does_not_want() -> None:
    customer = {"email": "ada@example.com", "name": None, "opted_out": ["email"]}
    assert written(after(listed(), with_data(customer=customer))) == {
        "role": "user",
        "email": "ada@example.com",
        "unsubscribed_from_emails": True,
    }


def test_a_customer_who_is_not_known_is_left_out_where_staff_want_it() -> None:
    with pytest.raises(SendError) as caught:
        after(listed(), strangers="skip")
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONTENT_REJECTED, "no_contact")
    assert after(listed(contact()), strangers="skip") == EVENT


def test_an_archived_contact_is_left_to_staff() -> None:
    with pytest.raises(SendError) as caught:
        after(refused(409, "conflict", f"An archived contact ... exists with id={CONTACT}"))
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONTENT_REJECTED, "archived")


@pytest.mark.parametrize(
    "last", [answer(202, b""), answer(202, b" "), refused(404, "not_found"), answer(200, {}),
             answer(200, [])]
)  # fmt: skip
def test_nothing_follows_an_event_or_an_error(last: Response) -> None:
    assert provider().following(READY, last) is None


# --- What can never be sent


@pytest.mark.parametrize("customer", [None, {}, {"phone": "+34600111222"}, {"email": 5}])
def test_without_an_email_nothing_is_asked(customer: Any) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(with_data(customer=customer))
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONTENT_REJECTED, "no_contact")


@pytest.mark.parametrize("times", [{}, {"occurred_at": "soon"}, {"occurred_at": 5}])
def test_without_a_moment_nothing_is_asked(times: dict[str, Any]) -> None:
    data = {"customer": {"email": "ada@example.com"}, **times}
    with pytest.raises(SendError) as caught:
        provider().request(replace(READY, data=data))
    assert caught.value.code == "no_time"


def test_a_moment_without_a_zone_is_utc() -> None:
    made = after(listed(contact()), with_data(occurred_at="2026-11-21T12:00:05"))
    assert written(made)["created_at"] == 1795262405


@pytest.mark.parametrize(
    ("to", "event", "name"),
    [
        ("order", "out_for_delivery", "order-out-for-delivery"),
        (" Harbour Order! ", "ready", "harbour-order-ready"),
        ("order.$x", "", "order-x-updated"),
    ],
)
def test_the_destination_begins_the_events_name(to: str, event: str, name: str) -> None:
    message = replace(with_data(event=event), to=to)
    assert written(after(listed(contact()), message))["event_name"] == name


@pytest.mark.parametrize("to", ["", " ", "--", "¡!"])
def test_a_destination_without_a_letter_is_refused(to: str) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(replace(READY, to=to))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


# --- Facts


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (3490, "EUR", "34.90 EUR"),
        (0, "EUR", "0.00 EUR"),
        (3490, "JPY", "3490 JPY"),
        (3490, "OMR", "3.490 OMR"),
        (3490, "", None),
        (None, "EUR", None),
    ],
)
def test_the_total_is_written_with_the_currencys_own_places(
    minor: Any, currency: str, text: str | None
) -> None:
    order = {"total_minor": minor, "currency": currency}
    assert facts(with_data(order=order)).get("total") == text


def test_only_facts_that_are_known_are_sent_and_never_more_than_ten() -> None:
    bare = Message(to="order", text="Hello", ref="ref-1", data={"brand": "Nonna"})
    assert facts(bare) == {"message": "Hello", "store": "Nonna", "reference": "ref-1"}
    assert len(facts(READY)) == 10
    odd = {"order": [], "items": [None, {"name": "Tea", "quantity": "2"}], "store": "x",
           "customer": {"opted_out": "email"}}  # fmt: skip
    assert facts(replace(bare, data=odd)) == {
        "message": "Hello",
        "items": "Tea",
        "reference": "ref-1",
    }


# --- The account


@pytest.mark.parametrize("region", ["us", "eu", "au"])
def test_each_region_has_its_own_host_and_a_stand_in_takes_its_place(region: str) -> None:
    assert provider(region=region).request(READY).url == f"{REGIONS[region]}/contacts/search"
    standing_in = Intercom({**CREDENTIALS, "region": region}, BASE)
    assert standing_in.request(READY).url == f"{BASE}/contacts/search"


@pytest.mark.parametrize("region", ["", "mars", "evil.example"])
def test_any_other_region_is_the_first(region: str) -> None:
    assert provider(region=region).request(READY).url.startswith("https://api.intercom.io/")


def test_the_version_is_a_setting() -> None:
    assert provider(version="2.17").request(READY).headers["Intercom-Version"] == "2.17"
    assert provider(version="").request(READY).headers["Intercom-Version"] == "2.16"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"access_token": ""}, "access_token"),
        ({"access_token": "two words"}, "access_token"),
        ({"region": "mars"}, "region"),
        ({"version": "latest"}, "version"),
        ({"strangers": "maybe"}, "strangers"),
    ],
)
def test_the_form_says_what_is_wrong(changes: dict[str, str], wrong: str) -> None:
    form = IntercomCredentials({**CREDENTIALS, **changes})
    assert not form.is_valid()
    assert list(form.errors) == [wrong]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 422, 429, 451, 500, 503])
def test_every_refusal_tells_staff_something(status: int) -> None:
    with pytest.raises(SendError) as caught:
        provider().accepted(answer(status, b""))
    assert caught.value.detail.endswith(".") and caught.value.code


# --- The stand-in


def handled(end: IntercomSandbox, request: Request) -> tuple[Response, Taken | None]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.url.removeprefix(BASE)
    reply, taken = end.handle(Call(request.method, path, headers, request.body), [ACCOUNT])
    return Response(reply.status, reply.headers, reply.body), taken


def standing_in() -> Intercom:
    return Intercom(ACCOUNT.credentials, BASE)


def sent(end: IntercomSandbox, message: Message) -> tuple[list[int], Response, Taken | None]:
    """The statuses of all steps, the last answer, and what was taken."""
    account = standing_in()
    response, taken = handled(end, account.request(message))
    statuses = [response.status]
    while len(statuses) < 4 and (following := account.following(message, response)) is not None:
        response, taken = handled(end, following)
        statuses.append(response.status)
    return statuses, response, taken


def test_a_customer_is_made_once_and_gets_every_event() -> None:
    end = IntercomSandbox()
    statuses, _response, first = sent(end, READY)
    assert statuses == [200, 200, 202]
    statuses, response, later = sent(end, with_data(event="picked_up"))
    assert statuses == [200, 202]
    assert standing_in().accepted(response).handed_off
    assert first is not None and later is not None
    assert (first.subject, later.subject) == ("order-ready", "order-picked-up")
    assert (first.to, first.text) == ("ada@example.com", READY.text)
    assert len(first.extra["metadata"]) == 10


def test_a_repeat_is_taken_and_forgotten() -> None:
    end = IntercomSandbox()
    sent(end, READY)
    statuses, _response, taken = sent(end, READY)
    assert (statuses, taken) == ([200, 202], None)


def test_a_contact_that_the_search_does_not_show_yet_is_not_made_twice() -> None:
    end = IntercomSandbox()
    lagging = with_data(customer={"email": "lagging@example.com"})
    assert sent(end, lagging)[0] == [200, 200, 202]
    again = replace(lagging, data={**lagging.data, "event": "picked_up"})
    statuses, _response, taken = sent(end, again)
    assert statuses == [200, 409, 202]
    assert taken is not None and taken.to == "lagging@example.com"


def test_an_event_that_comes_too_early_is_tried_again() -> None:
    end, fresh = IntercomSandbox(), with_data(customer={"email": "fresh@example.com"})
    statuses, response, taken = sent(end, fresh)
    assert (statuses, taken) == ([200, 200, 404], None)
    with pytest.raises(SendError) as caught:
        standing_in().accepted(response)
    assert (caught.value.kind, caught.value.retry_after) == (FailureKind.TRANSIENT, 5.0)
    assert sent(end, fresh)[2] is not None


def test_an_archived_customer_is_refused_by_the_stand_in() -> None:
    with pytest.raises(SendError) as caught:
        sent(IntercomSandbox(), with_data(customer={"email": "archived@example.com"}))
    assert caught.value.code == "archived"
    statuses, response, _taken = sent(
        IntercomSandbox(), with_data(customer={"email": "no address"})
    )
    assert statuses == [200, 400]
    with pytest.raises(SendError) as caught:
        standing_in().accepted(response)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED
    assert "no address" not in caught.value.detail


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"method": "GET"}, 404),
        ({"path": "/conversations"}, 404),
        ({"headers": {"intercom-version": "2.16"}}, 401),
        ({"authorization": "Bearer other"}, 401),
        ({"intercom-version": "3.0"}, 400),
        ({"content-type": "text/plain"}, 415),
        ({"body": b"{"}, 400),
        ({"path": "/contacts/search", "body": b'{"query":{"field":"name"}}'}, 400),
    ],
)
def test_the_stand_in_refuses_what_intercom_refuses(changes: dict[str, Any], status: int) -> None:
    made = standing_in().following(READY, listed(contact()))
    assert made is not None
    headers = {name.lower(): value for name, value in made.headers.items()}
    headers |= {name: value for name, value in changes.items() if name in headers}
    call = Call("POST", "/events", headers, made.body)
    call = replace(call, **{k: value for k, value in changes.items() if k not in headers})
    reply, taken = IntercomSandbox().handle(call, [ACCOUNT])
    assert (reply.status, taken) == (status, None)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"event_name": ""}, 400),
        ({"created_at": 1795262405000}, 400),
        ({"created_at": "1795262405"}, 400),
        ({"id": ""}, 400),
        ({"id": "somebody-else"}, 404),
        ({"metadata": {"items": ["a"]}}, 400),
        ({"metadata": []}, 400),
    ],
)
def test_the_stand_in_refuses_events_that_are_not_valid(
    changes: dict[str, Any], status: int
) -> None:
    made = standing_in().following(READY, listed(contact()))
    assert made is not None
    body = json.dumps({**written(made), **changes}).encode()
    response, taken = handled(IntercomSandbox(), replace(made, body=body))
    assert (response.status, taken) == (status, None)


def test_the_demo_credentials_pass_the_form() -> None:
    form = IntercomCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials()["access_token"] != demo_credentials()["access_token"]


# --- An oracle

needs_contract = pytest.mark.skipif(
    not CONTRACT.exists(), reason="The vendor's contract file is not on this machine."
)


def problems(path: str, body: Any) -> list[str]:
    """What the vendor's own description finds wrong with `body`."""
    spec = json.loads(CONTRACT.read_text())
    content = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": spec["components"]}
    return [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(body)]


@needs_contract
@pytest.mark.parametrize(
    ("path", "made"),
    [
        ("/contacts/search", provider().request(READY)),
        ("/contacts", after(listed())),
        ("/contacts", after(listed(), with_data(customer={"email": "a@b.example"}))),
        ("/events", after(listed(contact()))),
        ("/events", after(refused(409, "conflict", "exists"))),
    ],
)
def test_the_vendors_contract_takes_every_body_that_we_send(path: str, made: Request) -> None:
    assert made.url == f"{ROOT}{path}"
    assert problems(path, written(made)) == []


@needs_contract
def test_the_vendors_contract_finds_mistakes() -> None:
    event = written(after(listed(contact())))
    assert problems("/events", {**event, "metadata": {"total": 3490}})
    assert problems("/events", {key: value for key, value in event.items() if key != "id"})
    assert problems("/contacts", {"name": "Ada"})
    assert problems("/contacts/search", {"pagination": {"per_page": 5}})


@needs_contract
def test_the_vendors_contract_names_our_hosts_and_our_version() -> None:
    spec = json.loads(CONTRACT.read_text())
    assert {server["url"] for server in spec["servers"]} == set(REGIONS.values())
    known = spec["components"]["schemas"]["intercom_version"]["enum"]
    assert provider(version="").request(READY).headers["Intercom-Version"] in known
