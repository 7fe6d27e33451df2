"""ActiveCampaign: the account's address, the steps, tags and fields, errors, and the stand-in."""

import json
from dataclasses import replace
from typing import Any

import pytest

from channels_app.contract import Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.activecampaign.provider import ActiveCampaign
from channels_app.providers.activecampaign.sandbox import ActiveCampaignSandbox, demo_credentials
from channels_app.providers.activecampaign.settings import (
    ActiveCampaignCredentials,
    api_of,
    tags_of,
)
from channels_app.sandbox.contract import Account, Call, Taken
from channels_app.sending import STEPS

from .cases import (
    API,
    CREDENTIALS,
    DATA,
    HEADERS,
    KEY,
    MESSAGE,
    NO_SUCH_LINK,
    REMOVED,
    SYNCED,
    TAGGED,
    TAGS,
    answer,
    said,
)

BASE = "http://127.0.0.1:8001/activecampaign"
ACCOUNT = Account("", CREDENTIALS)
PROVIDER = ActiveCampaign(CREDENTIALS)


def next_step(response: Response, message: Message = MESSAGE) -> Request | None:
    return PROVIDER.following(message, response)


def event(name: str, to: str = "status") -> Message:
    order = {**DATA["order"], "status": name}
    return replace(MESSAGE, to=to, data={**DATA, "event": name, "order": order})


def failed(message: Message, **credentials: str) -> SendError:
    with pytest.raises(SendError) as caught:
        ActiveCampaign({**CREDENTIALS, **credentials}).request(message)
    return caught.value


# --- The steps


def test_the_tag_of_the_event_is_put_on_the_contact() -> None:
    body = b'{"contactTag":{"contact":"113","tag":"14"}}'
    assert next_step(SYNCED) == Request("POST", f"{API}/contactTags", HEADERS, body)


def test_the_former_tag_of_the_list_is_taken_off_and_no_other() -> None:
    assert next_step(TAGGED) == Request("GET", f"{API}/contacts/113/contactTags", KEY)
    assert next_step(TAGS) == Request("DELETE", f"{API}/contactTags/71", KEY)
    assert next_step(REMOVED) is None
    assert next_step(NO_SUCH_LINK) is None
    only_ours = {"contactTags": [{"contact": "113", "tag": "14", "id": "77"}]}
    assert next_step(answer(200, only_ours)) is None


def test_an_event_without_a_tag_takes_the_former_one_off() -> None:
    looked = next_step(SYNCED, event("placed"))
    assert looked == Request("GET", f"{API}/contacts/113/contactTags", KEY)
    removed = next_step(TAGS, event("placed"))
    assert removed is not None and removed.url == f"{API}/contactTags/71"


def test_the_status_counts_where_the_event_has_no_tag() -> None:
    message = replace(MESSAGE, data={**DATA, "event": "changed"})
    step = next_step(SYNCED, message)
    assert step is not None and json.loads(step.body)["contactTag"]["tag"] == "14"


def test_one_tag_is_put_on_and_nothing_taken_off() -> None:
    message = replace(MESSAGE, to="tag:99")
    step = next_step(SYNCED, message)
    assert step is not None and json.loads(step.body)["contactTag"]["tag"] == "99"
    assert next_step(TAGGED, message) is None


def test_fields_alone_are_one_step() -> None:
    assert next_step(SYNCED, replace(MESSAGE, to="fields")) is None


def test_a_step_that_fails_ends_the_message() -> None:
    with pytest.raises(SendError) as caught:
        next_step(answer(404, said("Tag not found")))
    assert (caught.value.kind, caught.value.code) == (FailureKind.CONTENT_REJECTED, "tag")
    with pytest.raises(SendError) as caught:
        next_step(answer(200, {"contact": {}}))
    assert caught.value.kind is FailureKind.UNKNOWN


def test_an_id_from_outside_never_becomes_a_path() -> None:
    odd = {"contactTags": [{"tag": "13", "id": "../contacts/113"}, {"tag": "13", "id": 71}]}
    step = next_step(answer(200, odd))
    assert step is not None and step.url == f"{API}/contactTags/71"


def test_a_contact_id_from_outside_never_becomes_a_path() -> None:
    odd = answer(201, {"contactTag": {"contact": "../../x", "tag": "14", "id": "7"}})
    with pytest.raises(SendError) as caught:
        next_step(odd)
    assert caught.value.kind is FailureKind.UNKNOWN


# --- What cannot be sent


@pytest.mark.parametrize("customer", [None, {}, {"email": " "}, {"phone": "+34600000001"}, "Ada"])
def test_without_an_email_nobody_is_found(customer: Any) -> None:
    error = failed(replace(MESSAGE, data={**DATA, "customer": customer}))
    assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, "no_contact")


@pytest.mark.parametrize("to", ["", "tags", "tag:", "tag:x", "tag:1/2", "Status", "tag:²"])
def test_a_destination_that_means_nothing_is_refused(to: str) -> None:
    assert failed(replace(MESSAGE, to=to)).code == "destination"


def test_nothing_to_do_is_said() -> None:
    none = dict.fromkeys(("tags", "number_field", "status_field", "text_field", "link_field"), "")
    assert failed(MESSAGE, **none).code == "nothing_to_do"


def test_what_the_order_does_not_say_is_left_out() -> None:
    bare = Message(to="fields", text="Hi", ref="r", data={"customer": {"email": "a@b.example"}})
    body = json.loads(PROVIDER.request(bare).body)
    values = [{"field": "3", "value": "Hi"}]
    assert body == {"contact": {"email": "a@b.example", "fieldValues": values}}


def test_what_activecampaign_quotes_is_not_kept() -> None:
    for status in (400, 403, 404, 422, 500):
        with pytest.raises(SendError) as caught:
            PROVIDER.accepted(answer(status, said("ada@example.com", "/data/attributes/email")))
        assert "ada" not in f"{caught.value.code} {caught.value.detail}"


# --- The form


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://bella.api-us1.com", API),
        ("https://bella.api-us1.com/", API),
        ("https://BELLA.api-us1.com./api/3/", API),
        ("https://bella.activehosted.com:443", "https://bella.activehosted.com/api/3"),
    ],
)
def test_an_accounts_address(url: str, api: str) -> None:
    assert api_of(url) == api
    assert ActiveCampaignCredentials({**CREDENTIALS, "account_url": url}).is_valid()


@pytest.mark.parametrize(
    "url",
    [
        "http://bella.api-us1.com",
        "https://api-us1.com",
        "https://evilapi-us1.com",
        "https://bella.api-us1.com.evil.example",
        "https://bella.api-us1.com:8443",
        "https://x@bella.api-us1.com",
        "https://bella.api-us1.com/api/2",
        "https://bella.api-us1.com/?x=1",
        "https://evil.example\\@bella.api-us1.com",
        "https://10.0.0.1",
        "bella",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        api_of(url)
    assert not ActiveCampaignCredentials({**CREDENTIALS, "account_url": url}).is_valid()


@pytest.mark.parametrize(
    ("tags", "good"),
    [("", True), ("ready = 1", True), ("ready: 1\n\n delayed.again=22 ", True), ("ready", False),
     ("ready = x", False), ("ready = 1\nready = 2", False), ("Ready = 1", False)],
)  # fmt: skip
def test_the_list_of_tags(tags: str, good: bool) -> None:
    form = ActiveCampaignCredentials({**CREDENTIALS, "tags": tags})
    assert form.is_valid() is good
    if good:
        assert all(tag.isdecimal() for tag in tags_of(form.cleaned_data["tags"]).values())


@pytest.mark.parametrize(
    "change", [{"api_token": ""}, {"api_token": "a b"}, {"text_field": "three"}]
)
def test_the_form_refuses(change: dict[str, str]) -> None:
    assert not ActiveCampaignCredentials({**CREDENTIALS, **change}).is_valid()
    assert ActiveCampaignCredentials(demo_credentials()).is_valid()


# --- The stand-in


def ask(end: ActiveCampaignSandbox, request: Request) -> tuple[Response, Taken | None]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, request.url.removeprefix(BASE), headers, request.body)
    reply, taken = end.handle(call, [ACCOUNT])
    return Response(reply.status, dict(reply.headers), reply.body), taken


def tell(end: ActiveCampaignSandbox, message: Message) -> list[str]:
    """All steps of a message; the methods that were used."""
    provider = ActiveCampaign(CREDENTIALS, BASE)
    request: Request | None = provider.request(message)
    used: list[str] = []
    while request is not None:
        used.append(request.method)
        response, _taken = ask(end, request)
        request = provider.following(message, response)
    assert provider.accepted(response).handed_off
    assert len(used) <= STEPS
    return used


def tags_in(end: ActiveCampaignSandbox) -> list[str]:
    return [tag for _contact, tag in end._links.values()]


def test_a_contact_has_one_tag_of_the_list_at_a_time() -> None:
    end = ActiveCampaignSandbox()
    assert tell(end, event("preparing")) == ["POST", "POST", "GET"]
    assert tell(end, event("ready")) == ["POST", "POST", "GET", "DELETE"]
    assert tags_in(end) == ["14"]
    assert tell(end, event("placed")) == ["POST", "GET", "DELETE"]
    assert tags_in(end) == []


def test_a_repeat_changes_nothing() -> None:
    end = ActiveCampaignSandbox()
    for _again in range(3):
        tell(end, event("ready"))
        assert tags_in(end) == ["14"]
    assert len(end._contacts) == 1


def test_the_stand_in_takes_a_contact_with_its_message() -> None:
    provider = ActiveCampaign(CREDENTIALS, BASE)
    response, taken = ask(ActiveCampaignSandbox(), provider.request(MESSAGE))
    assert response.status == 201 and taken is not None
    assert (taken.to, taken.text) == ("ada@example.com", MESSAGE.text)
    assert taken.extra["fields"]["1"] == "#1024"


def test_the_stand_in_refuses_as_activecampaign_does() -> None:
    provider = ActiveCampaign(CREDENTIALS, BASE)
    good = provider.request(MESSAGE)
    customer = {"customer": {"email": "invalid@example.com"}}
    throttled = {"customer": {"email": "throttle@example.com"}}
    tag = replace(good, url=f"{BASE}/api/3/contactTags")
    bad = [
        (replace(good, headers={**good.headers, "Api-Token": "x"}), 403),
        (replace(good, headers={**good.headers, "Content-Type": "text/plain"}), 400),
        (replace(good, body=b"["), 400),
        (replace(good, url=f"{BASE}/api/3/nothing"), 404),
        (provider.request(replace(MESSAGE, data={**DATA, **customer})), 422),
        (provider.request(replace(MESSAGE, data={**DATA, **throttled})), 429),
        (replace(tag, body=b'{"contactTag":{"contact":"5","tag":"14"}}'), 404),
        (Request("DELETE", f"{BASE}/api/3/contactTags/1", KEY), 404),
    ]
    for request, status in bad:
        response, taken = ask(ActiveCampaignSandbox(), request)
        assert (response.status, taken) == (status, None)


def test_a_tag_that_does_not_exist_is_said() -> None:
    with pytest.raises(SendError) as caught:
        tell(ActiveCampaignSandbox(), replace(MESSAGE, to="tag:4000"))
    assert caught.value.code == "tag"
