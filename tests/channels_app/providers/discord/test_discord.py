"""Discord: which URLs are webhooks, literal text, lengths, waits, and the stand-in."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.conf import settings

from channels_app.contract import Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.discord.dialect import escape, escaped_length, unescape
from channels_app.providers.discord.errors import CODES, HINTS
from channels_app.providers.discord.provider import Discord, DiscordCredentials
from channels_app.providers.discord.sandbox import DiscordSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken

from .cases import ALERT, CREDENTIALS, PLAIN, SECRET, URL, VERIFY_CASES, WEBHOOK, answer

CONTRACT = settings.BASE_DIR.parent / "shared" / "contracts" / "discord.json"
BASE = "http://127.0.0.1:8001/discord"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())
GOOD = f"https://discord.com/api/webhooks/{WEBHOOK}/{SECRET}"


def sent(message: Message) -> dict[str, Any]:
    provider = Discord(CREDENTIALS)
    found: dict[str, Any] = json.loads(provider.request(provider.fit(message)).body)
    return found


def errors(url: str) -> str:
    return DiscordCredentials({"webhook_url": url}).errors.as_text()


# --- URLs


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        GOOD.replace("/api/", "/api/v9/"),
        GOOD.replace("discord.com", "ptb.discord.com"),
        GOOD.replace("discord.com", "canary.discord.com"),
        GOOD.replace("discord.com", "DiscordApp.com:443"),
        GOOD + "/",
    ],
)
def test_every_form_of_the_url_leads_to_the_same_place(url: str) -> None:
    assert errors(url) == ""
    assert Discord({"webhook_url": url}).request(PLAIN).url == f"{URL}?wait=true"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (GOOD.replace("https", "http"), "https://"),
        (GOOD.replace("discord.com", "discord.com:8443"), "443"),
        (GOOD.replace("discord.com", "evil.discord.com"), "not an address"),
        (GOOD.replace("discord.com", "discord.com.evil.io"), "not an address"),
        (GOOD.replace("discord.com", "evildiscord.com"), "not an address"),
        (GOOD.replace("discord.com", "discord.com@evil.io"), "user name"),
        (GOOD.replace("discord.com", "127.0.0.1"), "not an address"),
        (GOOD + "/slack", "not the URL"),
        (GOOD + "/messages/1", "not the URL"),
        (GOOD + "?thread_id=1", "not the URL"),
        (GOOD.replace(WEBHOOK, "12"), "not the URL"),
        (GOOD.replace("/api/", "/api/../"), "climbs"),
        ("https://discord.gg/abc", "not an address"),
        ("", "required"),
    ],
)
def test_another_url_is_refused_with_a_reason(url: str, named: str) -> None:
    assert named in errors(url)


def test_a_stored_url_is_looked_at_again_before_each_send() -> None:
    with pytest.raises(SendError) as caught:
        Discord({"webhook_url": "https://evil.io/api/webhooks/1/2"}).request(PLAIN)
    assert caught.value.kind is FailureKind.MISCONFIGURED


@pytest.mark.parametrize(
    ("to", "thread"),
    [("1" * 17, True), ("1" * 20, True), ("1" * 16, False), ("1" * 21, False), ("#bar", False),
     ("1" * 18 + "&wait=false", False), ("٣" * 18, False), ("", False)],
)  # fmt: skip
def test_only_the_digits_of_an_id_mean_a_thread(to: str, thread: bool) -> None:
    url = Discord(CREDENTIALS).request(replace(PLAIN, to=to)).url
    assert url == f"{URL}?wait=true" + (f"&thread_id={to}" if thread else "")


def test_the_proof_is_a_get_of_the_webhook() -> None:
    assert Discord(CREDENTIALS).verification() == Request("GET", URL)
    assert Discord(CREDENTIALS, BASE).verification().url.startswith(f"{BASE}/api/v10/webhooks/")
    assert SECRET not in Discord(CREDENTIALS).verified(VERIFY_CASES[0][0])


# --- Text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*a* _b_ ~c~ `d` |e|", r"\*a\* \_b\_ \~c\~ \`d\` \|e\|"),
        ("[x](http://y.io)", r"\[x\](http://y.io)"),
        ("<@123> <#4> <t:5> <:a:6>", r"\<@123\> \<#4\> \<t:5\> \<:a:6\>"),
        ("# a\n## b\n-# c\n- d\n  + e\n> f", "\\# a\n\\## b\n\\-# c\n\\- d\n  \\+ e\n\\> f"),
        ("1. a\n22) b\n1.5 kg", "1\\. a\n22\\) b\n1\\.5 kg"),
        ("a # b - c 1. d", "a # b - c 1. d"),
        ("see https://x.io/a_b*c_d, ok_", "see https://x.io/a_b*c_d, ok\\_"),
        ("\\*", "\\\\\\*"),
        ("HTTPS://x.io/a_b", "HTTPS://x.io/a\\_b"),
    ],
)
def test_markup_stays_letters_and_addresses_stay_links(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert unescape(escaped) == text


def test_nobody_is_called_whatever_the_text_says() -> None:
    body = sent(replace(ALERT, text="@everyone @here <@&1>"))
    assert body["allowed_mentions"] == {"parse": []}
    assert "content" not in body


@pytest.mark.parametrize("unit", ["word ", "*", "🍕 ", "- a\n", "https://x.io/a_b "])
def test_long_words_are_cut_so_that_they_fit_once_escaped(unit: str) -> None:
    embed = sent(replace(ALERT, subject=unit * 300, text=unit * 5000))["embeds"][0]
    assert 3900 < escaped_length(unescape(embed["description"])) <= 4096
    assert 200 < len(embed["title"].encode("utf-16-le")) / 2 <= 256
    assert embed["description"].endswith("…")


@pytest.mark.parametrize(
    ("state", "colour"),
    [("open", 0xC0392B), ("snoozed", 0xB9770E), ("resolved", 0x1E8449), ("new", 0xC0392B)],
)
def test_the_colour_says_how_an_alert_stands(state: str, colour: int) -> None:
    incident = {**ALERT.data["incident"], "state": state}
    assert sent(replace(ALERT, data={"incident": incident}))["embeds"][0]["color"] == colour
    assert "color" not in sent(PLAIN)["embeds"][0]


def test_a_link_is_shown_once_and_only_where_it_can_be_opened() -> None:
    page = ALERT.data["incident"]["url"]
    fields = sent(replace(ALERT, url=page))["embeds"][0]["fields"]
    assert [field["value"] for field in fields] == [page]
    for bad in ("javascript:alert(1)", f"https://x.io/{'u' * 1024}", "https://x.io/> @here"):
        assert "fields" not in sent(replace(PLAIN, url=bad))["embeds"][0]


def test_an_empty_text_is_refused_before_it_is_sent() -> None:
    with pytest.raises(SendError) as caught:
        Discord(CREDENTIALS).request(replace(PLAIN, text=" \n"))
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_a_refused_form_names_the_fields_and_none_of_their_values() -> None:
    wrong = {"embeds": {"0": {"title": {"_errors": [{"code": "X", "message": "Ada is too long"}]}}}}
    body = {"message": "Invalid Form Body", "code": 50035, "errors": wrong | {"Ada": {}}}
    with pytest.raises(SendError) as caught:
        Discord(CREDENTIALS).accepted(answer(400, body))
    assert caught.value.code == "50035"
    assert caught.value.detail == (
        "Discord refuses the layout of the message. It names: embeds, title."
    )


def test_every_code_that_staff_can_mend_has_a_sentence() -> None:
    mendable = (FailureKind.MISCONFIGURED, FailureKind.RECIPIENT_INVALID)
    assert {code for code, kind in CODES.items() if kind in mendable} <= set(HINTS)


# --- The stand-in


def call_for(request: Request) -> Call:
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, parts.path, headers, request.body, dict(parse_qsl(parts.query)))


def post_of(message: Message, url: str = "") -> Call:
    known = {"webhook_url": url} if url else dict(ACCOUNT.credentials)
    return call_for(Discord(known, BASE).request(message))


def handle(call: Call) -> tuple[Reply, Taken | None]:
    return DiscordSandbox().handle(call, [ACCOUNT])


def test_a_message_of_ours_is_shown_as_it_was_meant() -> None:
    reply, taken = handle(post_of(ALERT))
    assert taken is not None
    assert (taken.to, taken.subject, taken.text) == (ALERT.to, ALERT.subject, ALERT.text)
    assert taken.extra["buttons"][0]["url"] == "https://hub.example.com/a/t1/"
    accepted = Discord(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert accepted.message_id == taken.id


def test_without_waiting_the_answer_is_empty() -> None:
    reply, taken = handle(replace(post_of(PLAIN), query={}))
    assert (reply.status, reply.body) == (204, b"") and taken is not None


MINE = ACCOUNT.credentials["webhook_url"]


def changed(**fields: Any) -> dict[str, Any]:
    return {"body": json.dumps({**sent(PLAIN), **fields}).encode()}


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (post_of(PLAIN, GOOD), 404, 10015),
        (post_of(PLAIN, MINE[:-1] + ("0" if MINE[-1] != "0" else "1")), 401, 50027),
        (post_of(replace(PLAIN, to="1" * 18)), 404, 10003),
        (post_of(replace(PLAIN, to="2" * 18)), 403, 160005),
        (replace(post_of(PLAIN), body=b"{"), 400, 50109),
        (replace(post_of(PLAIN), body=b"{}"), 400, 50006),
        (replace(post_of(PLAIN), headers={}), 400, 50035),
        (replace(post_of(PLAIN), **changed(embeds=[{"description": "x" * 4097}])), 400, 50035),
        (replace(post_of(PLAIN), **changed(embeds=[{}] * 11)), 400, 50035),
        (
            replace(post_of(PLAIN), **changed(embeds=[{"description": "x", "fields": [{}]}])),
            400,
            50035,
        ),
        (replace(post_of(PLAIN), method="PUT"), 405, 0),
        (replace(post_of(PLAIN), path="/api/v10/webhooks/1"), 404, 0),
    ],
)
def test_the_stand_in_refuses_with_discords_codes(call: Call, status: int, code: int) -> None:
    reply, taken = handle(call)
    assert (reply.status, json.loads(reply.body)["code"], taken) == (status, code, None)
    with pytest.raises(SendError) as caught:
        Discord(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert caught.value.code == str(code or status)


def test_the_stand_in_proves_a_webhook_and_refuses_another_token() -> None:
    for url, good in ((MINE, True), (MINE[:-4] + "0000", False)):
        asks = Discord({"webhook_url": url}, BASE).verification()
        reply, taken = handle(call_for(asks))
        assert taken is None and (reply.status == 200) == good
    assert "Orderbell" in Discord(CREDENTIALS).verified(
        Response(
            200, {}, handle(call_for(Discord({"webhook_url": MINE}, BASE).verification()))[0].body
        )
    )


def test_a_fault_of_the_stand_in_names_its_wait() -> None:
    with pytest.raises(SendError) as caught:
        Discord(CREDENTIALS).accepted(Response(429, {}, DiscordSandbox().fault_body(429)))
    assert (caught.value.kind, caught.value.retry_after) == (FailureKind.THROTTLED, 1.0)


def test_the_demo_credentials_pass_the_form_and_differ() -> None:
    first, second = demo_credentials(), demo_credentials()
    assert errors(first["webhook_url"]) == "" and first != second


# --- An oracle


@pytest.mark.skipif(not CONTRACT.exists(), reason="the vendor's contract file is not here")
@pytest.mark.parametrize("message", [PLAIN, ALERT, replace(ALERT, text="*_ " * 9000)])
def test_the_vendor_contract_takes_what_we_send(message: Message) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    spec = json.loads(CONTRACT.read_text())
    name = "IncomingWebhookRequestPartial"
    schema = {**spec, "$ref": f"#/components/schemas/{name}"}
    validator = jsonschema.Draft202012Validator(schema)
    body = sent(message)
    assert [error.message for error in validator.iter_errors(body)] == []
    assert set(body) <= set(spec["components"]["schemas"][name]["properties"])
    known = spec["components"]["schemas"]["RichEmbed"]["properties"]
    assert set(body["embeds"][0]) <= set(known)
    assert not validator.is_valid({**body, "embeds": [{"title": "x" * 257}]}), "the oracle sleeps"


@pytest.mark.skipif(not CONTRACT.exists(), reason="the vendor's contract file is not here")
def test_the_vendor_contract_knows_the_webhook_that_we_ask_for() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    spec = json.loads(CONTRACT.read_text())
    path = spec["paths"]["/webhooks/{webhook_id}/{webhook_token}"]
    assert {"get", "post"} <= set(path)
    assert {"wait", "thread_id"} <= {one["name"] for one in path["post"]["parameters"]}
    schema = {**spec, "$ref": "#/components/schemas/GuildIncomingWebhookResponse"}
    body = handle(call_for(Discord({"webhook_url": MINE}, BASE).verification()))[0].body
    jsonschema.Draft202012Validator(schema).validate(json.loads(body))
