"""Teams: which URLs are workflows, cards that fit, literal text, and the stand-in."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from channels_app.contract import Message, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.teams.provider import LARGEST_BODY, Teams, TeamsCredentials
from channels_app.providers.teams.sandbox import OFF, TeamsSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken

from .cases import ALERT, CREDENTIALS, PLAIN, SEND_CASES, URL, WORKFLOW

BASE = "http://127.0.0.1:8001/teams"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())
OLD = (
    f"https://prod-12.westeurope.logic.azure.com:443/workflows/{WORKFLOW}/triggers/manual/paths/"
    "invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abc"
)


def sent(message: Message) -> dict[str, Any]:
    provider = Teams(CREDENTIALS)
    found: dict[str, Any] = json.loads(provider.request(provider.fit(message)).body)
    return found


def card(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = sent(message)["attachments"][0]["content"]
    return found


def errors(url: str) -> str:
    return TeamsCredentials({"webhook_url": url}).errors.as_text()


# --- URLs


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL.replace(":443", ""),
        URL.replace("default0123", "DEFAULT0123"),
        OLD,
        OLD.replace(".com:443/", ".com/powerautomate/automations/direct/"),
        OLD.replace("/manual/paths", "/When_a_Teams_webhook_request_is_received/paths"),
    ],
)
def test_the_url_of_a_workflow_is_taken_and_called_as_it_was_pasted(url: str) -> None:
    assert errors(url) == ""
    assert Teams({"webhook_url": url}).request(PLAIN).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4",
        "https://webhook.office.com/webhookb2/1",
        "https://outlook.office.com/webhook/1@2/IncomingWebhook/3/4",
        "https://OUTLOOK.office365.com./webhook/1",
    ],
)
def test_the_address_of_an_old_connector_is_refused_with_the_way_out(url: str) -> None:
    said = errors(url)
    assert "switched off" in said and "Workflows" in said


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (URL.replace("https", "http"), "https://"),
        (URL.replace(":443", ":8443"), "443"),
        (URL.replace("https://", "https://me@"), "user name"),
        (URL + "#x", "fragment"),
        (URL.replace(".com:443", ".com.evil.io"), "not the address"),
        (OLD.replace("westeurope.logic", "evillogic"), "not the address"),
        (OLD.replace("prod-12.westeurope.logic.azure.com", "logic.azure.com"), "not the address"),
        (OLD.replace("prod-12.westeurope.logic.azure.com", "169.254.169.254"), "not the address"),
        ("https://api.powerautomate.com/workflows/1", "not the address"),
        (URL.replace(WORKFLOW, "short"), "not complete"),
        (URL.replace("/invoke", "/invoke/"), "not complete"),
        (URL.replace("/workflows", "/../workflows"), "climbs"),
        (URL.partition("&sig")[0], "signature"),
        (URL.replace("sig=Zm9v-bar_0123456789", "sig="), "signature"),
        (URL.replace("&sv", "\n&sv"), "cannot hold"),
        ("", "required"),
    ],
)
def test_another_url_is_refused_with_a_reason(url: str, named: str) -> None:
    assert named in errors(url)


def test_a_stored_url_is_looked_at_again_before_each_send() -> None:
    with pytest.raises(SendError) as caught:
        Teams({"webhook_url": "https://outlook.office.com/webhook/1"}).request(PLAIN)
    assert caught.value.kind is FailureKind.MISCONFIGURED
    assert "switched off" in caught.value.detail


def test_the_stand_in_takes_the_place_of_the_host_and_nothing_else() -> None:
    found = Teams(CREDENTIALS, BASE).request(PLAIN).url
    assert found == BASE + URL.partition(":443")[2]


# --- Cards


@pytest.mark.parametrize("unit", ["word ", "ñandú ", "注文が遅れています。", "🍕 ", "a\n", '"\\'])
def test_every_card_stays_below_what_teams_shows(unit: str) -> None:
    long = replace(ALERT, subject="h" * 500, text=unit * 6000, url=f"https://x.io/{'u' * 1900}")
    provider = Teams(CREDENTIALS)
    request = provider.request(provider.fit(long))
    assert 4000 < len(request.body) <= LARGEST_BODY
    assert json.loads(request.body)["attachments"][0]["content"]["actions"]
    assert len(provider.fit(long).subject) == 200


def test_every_word_is_in_a_block_that_knows_no_markup() -> None:
    blocks = card(ALERT)["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for block in blocks for run in block["inlines"]} == {"TextRun"}
    assert "entities" not in json.dumps(sent(ALERT)), "a mention needs them"


def test_an_alert_is_answered_on_its_page_and_a_link_is_shown_once() -> None:
    page = ALERT.data["incident"]["url"]
    urls = [one["url"] for one in card(replace(ALERT, url=page))["actions"]]
    assert urls == [page]
    assert "actions" not in card(replace(PLAIN, url="javascript:alert(1)"))
    assert "actions" not in card(replace(PLAIN, url=f"https://x.io/{'u' * 2000}"))


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_text_is_refused_before_it_is_sent(text: str) -> None:
    with pytest.raises(SendError) as caught:
        Teams(CREDENTIALS).request(replace(PLAIN, text=text))
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


@pytest.mark.parametrize("data", [{"order": "#7"}, {"order": {"number": 7}}, {"store": "Bar"}])
def test_the_small_print_is_made_of_what_is_known(data: dict[str, Any]) -> None:
    assert card(replace(PLAIN, data=data))["body"][-1]["inlines"][0]["text"] in ("#7", "7", "Bar")


def test_a_refusal_says_what_to_do_and_nothing_of_the_url() -> None:
    for case in SEND_CASES:
        if isinstance(case.expected, FailureKind):
            with pytest.raises(SendError) as caught:
                Teams(CREDENTIALS).accepted(case.response)
            assert "sig" not in caught.value.detail.replace("signature", "")
            if case.expected is FailureKind.MISCONFIGURED and case.response.status != 302:
                assert caught.value.detail


def test_nothing_proves_the_url_but_a_card() -> None:
    assert Teams(CREDENTIALS).verification() is None


# --- The stand-in


def call_for(message: Message, credentials: dict[str, str] | None = None) -> Call:
    request = Teams(credentials or dict(ACCOUNT.credentials), BASE).request(message)
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call("POST", unquote(parts.path), headers, request.body, dict(parse_qsl(parts.query)))


def handle(call: Call) -> tuple[Reply, Taken | None]:
    return TeamsSandbox().handle(call, [ACCOUNT])


def test_a_card_of_ours_is_shown_as_it_was_meant() -> None:
    reply, taken = handle(call_for(ALERT))
    assert (reply.status, reply.body) == (202, b"")
    assert taken is not None
    assert (taken.subject, taken.text) == (ALERT.subject, ALERT.text)
    assert [one["label"] for one in taken.extra["buttons"]] == ["Abrir aviso", "Ver pedido"]
    assert Teams(CREDENTIALS).accepted(Response(reply.status, {}, reply.body)).handed_off


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"query": {"sig": "another"}}, 401, FailureKind.MISCONFIGURED),
        ({"query": {}}, 401, FailureKind.MISCONFIGURED),
        ({"query": {"sig": "é"}}, 401, FailureKind.MISCONFIGURED),
        ({"path": urlsplit(URL).path}, 404, FailureKind.MISCONFIGURED),
        ({"path": "/workflows/"}, 404, FailureKind.MISCONFIGURED),
        ({"path": urlsplit(URL).path.replace(WORKFLOW, OFF)}, 400, FailureKind.MISCONFIGURED),
        ({"method": "GET"}, 405, FailureKind.MISCONFIGURED),
    ],
)
def test_a_wrong_url_is_turned_away(change: dict[str, Any], status: int, kind: FailureKind) -> None:
    reply, taken = handle(replace(call_for(PLAIN), **change))
    assert (reply.status, taken) == (status, None)
    with pytest.raises(SendError) as caught:
        Teams(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert caught.value.kind is kind


def changed(**fields: Any) -> bytes:
    """A card of ours with other fields."""
    content = {**card(PLAIN), **fields}
    kind = "application/vnd.microsoft.card.adaptive"
    return json.dumps({"attachments": [{"contentType": kind, "content": content}]}).encode()


def test_what_is_changed_in_the_next_test_is_shown_unchanged() -> None:
    assert handle(replace(call_for(PLAIN), body=changed()))[1] is not None


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b'{"attachments":[]}',
        b'{"attachments":[{"contentType":"text/plain"}]}',
        changed(type="MessageCard"),
        changed(version=None),
        changed(body=[]),
        changed(body=[{"type": "TextBlock", "text": "x"}]),
        changed(actions=[{"type": "Action.Submit", "title": "Acknowledge"}]),
        changed(actions=[{"type": "Action.OpenUrl", "title": "Open", "url": "file:///etc"}]),
        changed(speak="x" * 25_000),
    ],
)
def test_a_card_that_teams_cannot_show_is_taken_and_swallowed(body: bytes) -> None:
    reply, taken = handle(replace(call_for(PLAIN), body=body))
    assert (reply.status, reply.body, taken) == (202, b"", None)


def test_the_demo_credentials_pass_the_form_and_differ() -> None:
    first, second = demo_credentials(), demo_credentials()
    assert errors(first["webhook_url"]) == "" and first != second
