"""Apprise: which URLs are taken, the words of an alert, the server's address, the stand-in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from channels_app.contract import Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.apprise import rooms
from channels_app.providers.apprise.provider import LONGEST_BODY, Apprise, AppriseCredentials
from channels_app.providers.apprise.rooms import Unusable, private_host, rooms_of
from channels_app.providers.apprise.sandbox import AppriseSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import ALERT, CREDENTIALS, PLAIN, incident, refused

BASE = "http://127.0.0.1:8001/apprise"
GUIDE = Path(rooms.__file__).with_name("guide.md").read_text()


def sent(message: Message, **credentials: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        Apprise({**CREDENTIALS, **credentials}).request(message).body
    )
    return found


def failed(message: Message, hosts: frozenset[str] = frozenset(), **credentials: str) -> SendError:
    with pytest.raises(SendError) as caught:
        Apprise({**CREDENTIALS, **credentials}, "", hosts).request(message)
    return caught.value


# --- Which URLs are taken


@pytest.mark.parametrize(
    "url",
    [
        "ntfys://user:pass@ntfy.example.com/topic",
        "ntfy://topic?priority=high&tags=pizza",
        "matrixs://user:pass@matrix.example.com/%23room",
        "mmosts://chat.example.com/3ccdd113474722377935511fc85d3dd4?channel=kitchen",
        "rockets://user:pass@chat.example.com/%23kitchen",
        "pover://user@token/device?sound=bike&priority=emergency",
        "join://key/device",
        "zulip://bot@org/token/kitchen",
        "signals://signal.example.com/+34600000001/+34600000002",
    ],
)
def test_urls_of_services_for_staff_are_taken(url: str) -> None:
    assert rooms_of(f"kitchen = {url}") == {"kitchen": url}


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        ("exec", "server itself"),
        ("file", "server itself"),
        ("syslog", "server itself"),
        ("dbus", "server itself"),
        ("windows", "server itself"),
        ("mqtts", "server itself"),
        ("mailto", "Mail has"),
        ("mailtos", "Mail has"),
        ("json", "any address"),
        ("forms", "any address"),
        ("apprises", "any address"),
        ("https", "any address"),
        ("slack", "its own kind"),
        ("tgram", "its own kind"),
        ("twilio", "staff rooms only"),
        ("novelty", "guide"),
    ],
)
def test_other_schemes_are_refused_and_it_is_said_why(scheme: str, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        rooms_of(f"kitchen = {scheme}://hunter2@host/path")
    assert reason in str(caught.value) and "hunter2" not in str(caught.value)


def test_no_scheme_is_both_taken_and_refused_and_the_guide_names_all() -> None:
    assert not (rooms.FIXED | rooms.SELF_HOSTED) & set(rooms.REASONS)
    assert not rooms.FIXED & rooms.SELF_HOSTED
    for name in rooms.FIXED | rooms.PARAMETERS:
        assert f"`{name}`" in GUIDE
    for name in rooms.SELF_HOSTED:
        assert f"`{name}`" in GUIDE or f"`{name.removesuffix('s')}`" in GUIDE


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ntfys://host/topic",
        "= ntfys://host/topic",
        "kit:chen = ntfys://host/topic",
        "kitchen = ntfys://host/a, ntfys://other/b",
        "kitchen = ntfys://host/a;gotify://other/b",
        "kitchen = ntfys://host/a b",
        "kitchen = ntfys://host/#a",
        "kitchen = ntfys://evil\\@host/a",
        "kitchen = NTFYS://host/a",
        "kitchen = ntfys://",
        "kitchen = ntfys://[::1/a",
        "kitchen = ntfys://host/a\nkitchen = ntfys://host/b",
        "kitchen = ntfys://host/" + "a" * 2000,
        "\n".join(f"room {n} = ntfys://host/a" for n in range(101)),
    ],
)
def test_lines_that_are_not_one_name_and_one_url_are_refused(line: str) -> None:
    with pytest.raises(Unusable):
        rooms_of(line)


@pytest.mark.parametrize(
    "name",
    ["verify=no", "redirect=yes", "cto=60", "rto=60", "format=html", "overflow=split", "attach=x",
     "attachment=x", "store=yes", "retry=5", "%76erify=no", "+X-Header=1", "-get=1", ":body=x",
     "VERIFY=no", "filename="],
)  # fmt: skip
def test_parameters_that_change_how_the_server_calls_are_refused(name: str) -> None:
    with pytest.raises(Unusable):
        rooms_of(f"kitchen = ntfys://host/topic?priority=high&{name}")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("gotify://192.168.7.7/x", "192.168.7.7"),
        ("gotifys://user@[::1]/x", "::1"),
        ("ntfy://127.0.0.1:8080/x", "127.0.0.1"),
        ("ntfys://169.254.169.254/x", "169.254.169.254"),
        ("ntfys://localhost/x", "localhost"),
        ("ntfys://LOCALHOST./x", "localhost"),
        ("ntfys://ntfy.local/x", "ntfy.local"),
        ("ntfys://ntfy.example.com/x", ""),
        ("ntfys://8.8.8.8/x", ""),
        ("ntfys://topic", ""),
        ("pover://localhost@token", ""),
    ],
)
def test_private_hosts_are_recognised_where_they_are_written(url: str, host: str) -> None:
    assert private_host(url) == host


def test_a_private_room_needs_the_operators_word() -> None:
    error = failed(replace(PLAIN, to="lan"))
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "private_address")
    allowed = Apprise(CREDENTIALS, "", frozenset({"192.168.7.7"}))
    assert b"192.168.7.7" in allowed.request(replace(PLAIN, to="lan")).body


def test_an_unknown_room_fails_alone() -> None:
    error = failed(replace(PLAIN, to="cellar"))
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "room")


def test_a_list_that_was_good_once_is_checked_again() -> None:
    error = failed(PLAIN, notification_urls="kitchen = exec://rm")
    assert (error.kind, error.code) == (FailureKind.MISCONFIGURED, "rooms")


# --- The server


@pytest.mark.parametrize(
    ("url", "hosts", "expected"),
    [
        ("https://apprise.example.com/", [], "https://apprise.example.com/notify"),
        ("https://example.com/apprise", [], "https://example.com/apprise/notify"),
        ("https://example.com/notify/", [], "https://example.com/notify"),
        ("http://apprise:8000", ["apprise"], "http://apprise:8000/notify"),
    ],
)
def test_the_servers_address(url: str, hosts: list[str], expected: str) -> None:
    provider = Apprise({**CREDENTIALS, "server_url": url}, "", frozenset(hosts))
    assert provider.request(PLAIN).url == expected
    assert AppriseCredentials({**CREDENTIALS, "server_url": url}).is_valid()


@pytest.mark.parametrize("url", ["http://apprise.example.com", "https://apprise.example.com:8000"])
def test_a_server_that_is_not_listed_is_called_safely_or_not_at_all(url: str) -> None:
    error = failed(PLAIN, server_url=url)
    assert (error.kind, error.code) == (FailureKind.MISCONFIGURED, "server_url")
    assert "PRIVATE_HOSTS_ALLOWED" in error.detail


def test_the_server_is_never_below_our_own_base_so_that_the_transport_guards_it() -> None:
    assert Apprise(CREDENTIALS).base == ""
    assert Apprise(CREDENTIALS, BASE).request(PLAIN).url == f"{BASE}/notify"


@pytest.mark.parametrize(
    "change",
    [{"server_url": "apprise"}, {"server_url": "https://u:p@apprise.example.com"},
     {"server_url": "https://apprise.example.com/?x=1"}, {"notification_urls": ""},
     {"notification_urls": "kitchen = exec://x"}],
)  # fmt: skip
def test_the_form_refuses(change: dict[str, str]) -> None:
    assert not AppriseCredentials({**CREDENTIALS, **change}).is_valid()
    assert AppriseCredentials(demo_credentials()).is_valid()


def test_without_a_user_name_nothing_is_proven() -> None:
    request = Apprise({**CREDENTIALS, "username": ""}).request(PLAIN)
    assert "Authorization" not in request.headers


# --- The words


@pytest.mark.parametrize(
    ("state", "kind", "expected"),
    [("open", "channel", "failure"), ("open", "silent", "failure"), ("open", "late", "warning"),
     ("open", "new", "warning"), ("resolved", "channel", "success"),
     ("acknowledged", "channel", "info"), ("snoozed", "late", "info")],
)  # fmt: skip
def test_how_bad_it_is(state: str, kind: str, expected: str) -> None:
    assert sent(replace(ALERT, data=incident(state, kind)))["type"] == expected


def test_a_message_about_no_incident() -> None:
    assert sent(replace(PLAIN, urgent=True))["type"] == "warning"
    assert sent(replace(PLAIN, url="https://hub.example.com/o/1/"))["body"].endswith(
        "\n\nView order: https://hub.example.com/o/1/"
    )


def test_the_same_link_is_shown_once() -> None:
    body = sent(replace(ALERT, url="https://hub.example.com/a/t1/"))["body"]
    assert body.count("https://hub.example.com/a/t1/") == 1


def test_long_words_are_cut_and_links_stay_whole() -> None:
    provider = Apprise(CREDENTIALS)
    long = replace(ALERT, text="wörd " * 900, subject="t " * 400)
    fitted = provider.fit(long)
    body = json.loads(provider.request(fitted).body)
    assert len(body["body"]) <= LONGEST_BODY and len(body["title"]) <= 200
    assert body["body"].endswith("orders/7/") and "wörd…" in body["body"]
    assert provider.fit(fitted) == fitted
    assert len(sent(replace(long, url="https://a.example/" + "x" * 900))["body"]) <= LONGEST_BODY


def test_an_empty_text_is_refused() -> None:
    assert failed(replace(PLAIN, text="  ")).code == "no_text"


def test_what_the_server_quotes_is_not_kept() -> None:
    for status in (400, 401, 424, 500):
        with pytest.raises(SendError) as caught:
            Apprise(CREDENTIALS).accepted(refused(status, FailureKind.UNKNOWN).response)
        assert "secret" not in f"{caught.value.code} {caught.value.detail}"


# --- The stand-in


def ask(request: Request, credentials: dict[str, str]) -> tuple[Response, Taken | None]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, request.url.removeprefix(BASE), headers, request.body)
    reply, taken = AppriseSandbox().handle(call, [Account("", credentials)])
    return Response(reply.status, dict(reply.headers), reply.body), taken


def test_the_stand_in_names_the_room_and_not_its_url() -> None:
    _response, taken = ask(Apprise(CREDENTIALS, BASE).request(ALERT), CREDENTIALS)
    assert taken is not None
    assert (taken.to, taken.subject) == ("Night shift", "Ada was not told")
    assert taken.extra == {"type": "failure", "format": "text"}
    assert "AbCdEf" not in repr(taken)


def test_the_stand_in_refuses_as_the_server_does() -> None:
    good = Apprise(CREDENTIALS, BASE).request(PLAIN)

    def changed(**fields: Any) -> Request:
        return replace(good, body=json.dumps({**json.loads(good.body), **fields}).encode())

    bad = [
        (replace(good, headers={**good.headers, "Authorization": ""}), 401),
        (replace(good, headers={**good.headers, "Content-Type": "text/plain"}), 400),
        (replace(good, url=f"{BASE}/other"), 404),
        (replace(good, method="PUT"), 405),
        (replace(good, body=b"["), 400),
        (changed(body=""), 400),
        (changed(type="error"), 400),
        (changed(format="rtf"), 400),
        (changed(urls="exec://x"), 204),
        (changed(urls="ntfys://broken.example/x"), 424),
        (replace(good, body=b"{" + b" " * (3 * 1024 * 1024) + b"}"), 431),
    ]
    for request, status in bad:
        response, taken = ask(request, CREDENTIALS)
        assert (response.status, taken) == (status, None)
        with pytest.raises(SendError):
            Apprise(CREDENTIALS).accepted(response)
