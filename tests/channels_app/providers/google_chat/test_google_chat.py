"""Google Chat: two ways in, cards, threads, repeats, its own description, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from channels_app.contract import Accepted, Idempotency, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.google_chat.provider import (
    GoogleChat,
    GoogleChatCredentials,
    webhook_parts,
)
from channels_app.providers.google_chat.sandbox import (
    SANDBOX,
    GoogleChatSandbox,
    demo_credentials,
    demo_webhook,
)
from channels_app.sandbox.contract import Account, Call, Taken
from tests.channels_app.google import KEY_FILE, check, description

from .cases import (
    ALERT,
    CREDENTIALS,
    FULL,
    NAME,
    PLAIN,
    SEND_CASES,
    TAKEN,
    URL,
    WEBHOOK,
    answer,
    pinned,
    word,
)

BASE = "http://127.0.0.1:8001/google_chat"
DEMO = demo_credentials()
DEMO_WEBHOOK = {"way": "webhook", "webhook_url": demo_webhook("KITCHEN"), "service_account": ""}
ACCOUNTS = [Account("http://127.0.0.1:8000/receipts/k/", one) for one in (DEMO, DEMO_WEBHOOK)]


def sent(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pinned().request(message).body)
    return found


def widgets(message: Message) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent(message)["cardsV2"][0]["card"]["sections"][0]["widgets"]
    return found


def by_webhook() -> GoogleChat:
    return GoogleChat(WEBHOOK)


# --- the request ---
@pytest.mark.parametrize("message", [PLAIN, FULL, ALERT], ids=["plain", "full", "alert"])
@pytest.mark.parametrize("provider", [pinned(), by_webhook()], ids=["app", "webhook"])
def test_google_describes_every_part_that_we_send(provider: GoogleChat, message: Message) -> None:
    request = provider.request(message)
    check("google_chat.json", "Message", json.loads(request.body))
    resources = description("google_chat.json")["resources"]["spaces"]["resources"]
    create = resources["messages"]["methods"]["create"]
    known = {**create["parameters"], **description("google_chat.json")["parameters"]}
    query = dict(parse_qsl(urlsplit(request.url).query))
    assert set(query) - {"token"} <= set(known)  # a webhook's token is described nowhere
    assert query.get("messageReplyOption") in (
        None,
        *create["parameters"]["messageReplyOption"]["enum"],
    )
    assert create["path"] == "v1/{+parent}/messages"


def test_a_webhook_sends_the_same_card_with_its_key_and_token_and_no_header() -> None:
    request = by_webhook().request(FULL)
    assert request.url == (
        f"{URL}?key=AIza-test&token=to%3Dken-test"
        "&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
        "&requestId=" + dict(parse_qsl(urlsplit(pinned().request(FULL).url).query))["requestId"]
    )
    assert request.body == pinned().request(FULL).body
    assert request.headers == {"Content-Type": "application/json; charset=utf-8"}


def test_what_a_destination_of_a_webhook_may_be_called() -> None:
    for to in ("kitchen", "The kitchen, upstairs", "spaces/AAAAB3Nza"):
        assert by_webhook().request(replace(PLAIN, to=to)).url.startswith(f"{URL}?key=")
    with pytest.raises(SendError) as caught:
        by_webhook().request(replace(PLAIN, to="spaces/OTHER"))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


@pytest.mark.parametrize("to", ["", "spaces/", "a b", "../x", "spaces/A/messages", "A?key=1", "ü"])
def test_an_app_refuses_what_is_no_space(to: str) -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(PLAIN, to=to))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


def test_each_message_has_a_request_id_of_its_own_and_a_repeat_has_the_same() -> None:
    one, again, other = (pinned().request(replace(PLAIN, ref=ref)).url for ref in "aab")
    assert one == again != other


def test_only_an_app_is_safe_to_repeat() -> None:
    assert GoogleChat.capabilities.idempotency is Idempotency.NONE
    assert by_webhook().capabilities.idempotency is Idempotency.NONE
    assert pinned().capabilities.idempotency is Idempotency.KEY
    assert GoogleChat.capabilities.idempotency is Idempotency.NONE, "the class must stay as it was"


def test_nothing_that_people_write_is_markup_in_a_card() -> None:
    text = widgets(replace(FULL, text="<a href='x'>y</a> <users/all> &lt; <br>"))[0]
    assert text["textParagraph"]["text"] == (
        "&lt;a href='x'&gt;y&lt;/a&gt; &lt;users/all&gt; &amp;lt; &lt;br&gt;"
    )
    assert "text" not in sent(FULL), "a plain text would ping whoever is named in it"


@pytest.mark.parametrize("unit", ["word ", "&", "\U0001f355", "a\n", '"<', "\x01"])
def test_a_long_text_is_cut_so_that_the_message_fits(unit: str) -> None:
    url = "https://a.example/" + "x" * 1900
    message = replace(FULL, text="x" + unit * 9000, subject=unit * 9000, url=url)
    body = pinned().request(message).body
    assert len(body) <= 32_000
    shown = widgets(message)[0]["textParagraph"]["text"]
    assert len(shown) > 2500 and shown.endswith("…")
    assert not shown.rstrip("…").endswith("&am")


def test_an_alert_links_to_its_page_once_and_to_the_order_when_that_is_another_one() -> None:
    both = replace(ALERT, url="https://hub.example.com/orders/7/", language="es")
    found = [[b["text"] for b in widgets(m)[-1]["buttonList"]["buttons"]] for m in (ALERT, both)]
    assert found == [["Open alert"], ["Abrir aviso", "Ver pedido"]]


def test_an_empty_text_and_odd_fields_do_no_harm() -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(PLAIN, text=" \n"))
    assert caught.value.kind is FailureKind.CONTENT_REJECTED
    odd = replace(PLAIN, data={"order": 7, "store": ["x"], "incident": "?"}, url="javascript:1")
    assert [next(iter(one)) for one in widgets(odd)] == ["textParagraph", "decoratedText"]


def test_an_app_without_a_token_waits_for_one_and_a_webhook_needs_none() -> None:
    with pytest.raises(SendError) as caught:
        GoogleChat(CREDENTIALS).request(PLAIN)
    assert caught.value.kind is FailureKind.TRANSIENT
    assert by_webhook().token_request(datetime.now(UTC)) is None
    assert by_webhook().verification() is None


# --- errors ---
def test_a_refusal_means_something_else_for_a_webhook() -> None:
    assert by_webhook().accepted(TAKEN) == Accepted(NAME)
    for response in (
        word(404, "NOT_FOUND"),
        word(403, "PERMISSION_DENIED"),
        word(401, "UNAUTHENTICATED"),
        word(400, "INVALID_ARGUMENT", said="API key not valid. Please pass a valid API key."),
    ):
        with pytest.raises(SendError) as caught:
            by_webhook().accepted(response)
        assert caught.value.kind is FailureKind.MISCONFIGURED
        assert "webhook" in caught.value.detail
        assert not isinstance(caught.value, AccessRefused)


def test_only_an_apps_401_asks_for_a_new_token() -> None:
    with pytest.raises(AccessRefused):
        pinned().accepted(answer(401))
    with pytest.raises(SendError) as caught:
        pinned().accepted(word(403, "PERMISSION_DENIED"))
    assert not isinstance(caught.value, AccessRefused)


def test_every_refusal_says_what_to_do() -> None:
    for case in SEND_CASES:
        if isinstance(case.expected, FailureKind) and not case.response.ok:
            with pytest.raises(SendError) as caught:
                pinned().accepted(case.response)
            assert caught.value.detail.endswith("."), case.label


def test_a_conflict_of_another_kind_is_no_success() -> None:
    with pytest.raises(SendError):
        pinned().accepted(word(409, "ABORTED"))


# --- credentials ---
@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"way": ""}, "way"),
        ({"way": "pigeon"}, "way"),
        ({"way": "webhook"}, "webhook_url"),
        ({"way": "app", "service_account": ""}, "service_account"),
        ({"service_account": "{}"}, "service_account"),
    ],
    ids=str,
)
def test_what_the_way_needs_must_be_there(fields: dict[str, str], wrong: str) -> None:
    form = GoogleChatCredentials({**CREDENTIALS, **fields})
    assert not form.is_valid()
    assert wrong in form.errors


def test_either_way_alone_is_enough() -> None:
    assert GoogleChatCredentials({"way": "app", "service_account": KEY_FILE}).is_valid()
    webhook = {"way": "webhook", "webhook_url": WEBHOOK["webhook_url"]}
    assert GoogleChatCredentials(webhook).is_valid()


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t",
        "https://chat.googleapis.com.evil.example/v1/spaces/A/messages?key=k&token=t",
        "https://evilchat.googleapis.com/v1/spaces/A/messages?key=k&token=t",
        "https://chat.googleapis.com:8443/v1/spaces/A/messages?key=k&token=t",
        "https://me@chat.googleapis.com/v1/spaces/A/messages?key=k&token=t",
        "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t#x",
        "https://chat.googleapis.com/v1/spaces/A/messages?key=k",
        "https://chat.googleapis.com/v1/spaces/A/messages?token=t",
        "https://chat.googleapis.com/v1/spaces/A/messages",
        "https://chat.googleapis.com/v1/spaces/A/members?key=k&token=t",
        "https://chat.googleapis.com/v1/spaces/A/B/messages?key=k&token=t",
        "https://169.254.169.254/v1/spaces/A/messages?key=k&token=t",
        "chat",
    ],
)
def test_an_address_that_is_no_webhook_of_google_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        webhook_parts(url)
    form = GoogleChatCredentials({"way": "webhook", "webhook_url": url})
    assert not form.is_valid()
    assert "webhook_url" in form.errors


def test_a_stored_address_is_checked_again_before_each_message() -> None:
    odd = {**WEBHOOK, "webhook_url": "https://evil.example/v1/spaces/A/messages?key=k&token=t"}
    with pytest.raises(SendError) as caught:
        GoogleChat(odd).request(PLAIN)
    assert caught.value.kind is FailureKind.MISCONFIGURED


def test_a_webhooks_address_may_be_written_in_other_letters() -> None:
    url = "https://CHAT.googleapis.com./v1/spaces/A_-1/messages?token=t%3D&key=k&threadKey=x"
    assert webhook_parts(f" {url} ") == ("A_-1", "k", "t=")


# --- the stand-in ---
def connected(end: GoogleChatSandbox) -> GoogleChat:
    provider, now = GoogleChat(DEMO, BASE), datetime.now(UTC)
    request = provider.token_request(now)
    assert request is not None and request.url == f"{BASE}/token"
    provider.access = provider.token(exchanged(end, request)[0], now)
    return provider


def exchanged(end: GoogleChatSandbox, request: Request) -> tuple[Response, Taken | None]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    parts = urlsplit(request.url.removeprefix(BASE))
    call = Call(request.method, parts.path, headers, request.body, dict(parse_qsl(parts.query)))
    reply, taken = end.handle(call, ACCOUNTS)
    return Response(reply.status, dict(reply.headers), reply.body), taken


def test_the_stand_in_shows_the_card_with_its_links() -> None:
    end = GoogleChatSandbox()
    _response, taken = exchanged(end, connected(end).request(FULL))
    assert taken is not None
    assert (taken.to, taken.text, taken.subject) == ("spaces/AAAAB3Nza", FULL.text, FULL.subject)
    assert taken.extra["thread"] == "order-7"
    assert taken.extra["buttons"] == [
        {"label": "Ver pedido", "url": "https://hub.example.com/orders/7/"}
    ]


def test_the_stand_in_shows_a_message_of_an_app_once_and_of_a_webhook_twice() -> None:
    end = GoogleChatSandbox()
    app, webhook = connected(end), GoogleChat(DEMO_WEBHOOK, BASE)
    first, taken = exchanged(end, app.request(PLAIN))
    again, nothing = exchanged(end, app.request(PLAIN))
    assert taken is not None and nothing is None
    assert app.accepted(first) == app.accepted(again) == Accepted(taken.id)
    here = replace(PLAIN, to="kitchen")
    assert all(exchanged(end, webhook.request(here))[1] for _ in "12")


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        ("GONE", FailureKind.RECIPIENT_INVALID),
        ("REMOVED", FailureKind.RECIPIENT_INVALID),
        ("BUSY", FailureKind.THROTTLED),
    ],
)
def test_the_stand_in_plays_its_special_spaces(space: str, kind: FailureKind) -> None:
    end = GoogleChatSandbox()
    provider = connected(end)
    response, taken = exchanged(end, provider.request(replace(PLAIN, to=f"spaces/{space}")))
    assert taken is None
    with pytest.raises(SendError) as caught:
        provider.accepted(response)
    assert caught.value.kind is kind


def changed(request: Request, **fields: Any) -> Request:
    body = {**json.loads(request.body), **fields}
    return replace(request, body=json.dumps(body).encode())


def test_the_stand_in_refuses_what_google_chat_refuses() -> None:
    end = GoogleChatSandbox()
    good = connected(end).request(PLAIN)
    link = {"buttonList": {"buttons": [{"text": "", "onClick": {"openLink": {"url": "x"}}}]}}
    bad = [
        changed(good, cardsV2=[]),
        changed(good, cardsV2=[{"card": {"sections": [{"widgets": []}]}}]),
        changed(good, cardsV2=[{"card": {"sections": [{"widgets": [link]}]}}]),
        changed(good, fallbackText="x" * 32_000),
        replace(good, body=b"text=hello"),
        replace(good, url=good.url + "&messageReplyOption=MAYBE"),
        replace(good, headers={**good.headers, "Content-Type": "text/plain"}),
    ]
    assert [exchanged(end, one)[0].status for one in bad] == [400] * len(bad)
    assert (
        exchanged(end, replace(good, headers={"Content-Type": "application/json"}))[0].status == 401
    )
    assert exchanged(end, replace(good, method="PUT"))[0].status == 404
    webhook = GoogleChat(DEMO_WEBHOOK, BASE).request(replace(PLAIN, to="kitchen"))
    assert exchanged(end, webhook)[0].status == 200
    assert (
        exchanged(end, replace(webhook, url=webhook.url.replace("token=", "token=x")))[0].status
        == 401
    )


def test_the_body_of_a_fault_is_one_that_google_sends() -> None:
    for status, kind in {
        400: FailureKind.CONTENT_REJECTED,
        401: FailureKind.MISCONFIGURED,
        403: FailureKind.RECIPIENT_INVALID,
        404: FailureKind.RECIPIENT_INVALID,
        429: FailureKind.THROTTLED,
        500: FailureKind.TRANSIENT,
        503: FailureKind.TRANSIENT,
    }.items():
        with pytest.raises(SendError) as caught:
            pinned().accepted(Response(status, {}, SANDBOX.fault_body(status)))
        assert caught.value.kind is kind
