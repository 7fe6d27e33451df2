"""What a workflow of Teams is sent, and what it answers."""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

WORKFLOW = "0123456789abcdef0123456789abcdef"
URL = (
    "https://default0123456789abcdef.0a.environment.api.powerplatform.com:443"
    f"/powerautomate/automations/direct/workflows/{WORKFLOW}/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=Zm9v-bar_0123456789"
)
CREDENTIALS = {"webhook_url": URL}
HEADERS = {"Content-Type": "application/json; charset=utf-8"}
TOKEN = "5f0c" * 10

PLAIN = Message(to="#kitchen", text="Order #1024 is late.", ref="ref-1")
ALERT = Message(
    to="#kitchen",
    subject="Nobody reached [Ada](http://evil.example)",
    text="Call **Ada** & say sorry 🍕\n\nSince 12:05.\n# not a heading",
    ref="ref-2",
    language="es",
    url="https://hub.example.com/t/1/",
    data={
        "order": {"number": "#1024"},
        "store": {"name": "Centro_Sur_"},
        "incident": {
            "token": TOKEN,
            "kind": "unreached",
            "title": "Ada was not told",
            "state": "open",
            "url": "https://hub.example.com/a/t1/",
        },
    },
)


def answer(status: int, body: Any = b"", headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def refused(
    status: int, word: str, kind: FailureKind, headers: Mapping[str, str] | None = None
) -> SendCase:
    body = {"error": {"code": word, "message": "The words of the service."}}
    return SendCase(f"{status} {word}", PLAIN, answer(status, body, headers), None, kind)


def bare(status: int, kind: FailureKind, body: bytes = b"") -> SendCase:
    return SendCase(f"{status} without a word", PLAIN, answer(status, body), None, kind)


TAKEN = Accepted(detail="Given to the workflow, which posts it.", handed_off=True)
SEND_CASES = [
    SendCase(
        "a plain text",
        PLAIN,
        answer(202),
        Request(
            "POST",
            URL,
            HEADERS,
            b'{"type":"message","attachments":[{'
            b'"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,'
            b'"content":{"type":"AdaptiveCard","version":"1.4","body":[{"type":"RichTextBlock",'
            b'"inlines":[{"type":"TextRun","text":"Order #1024 is late."}]}]}}]}',
        ),
        TAKEN,
    ),
    SendCase(
        "an alert: heading, lines, small print, and two links",
        ALERT,
        answer(202),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                '{"type":"message","attachments":[{'
                '"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,'
                '"content":{"type":"AdaptiveCard","version":"1.4","body":['
                '{"type":"RichTextBlock","inlines":[{"type":"TextRun",'
                '"text":"Nobody reached [Ada](http://evil.example)",'
                '"weight":"bolder","size":"large"}]},'
                '{"type":"RichTextBlock","inlines":[{"type":"TextRun",'
                '"text":"Call **Ada** & say sorry 🍕"}]},'
                '{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Since 12:05."}]},'
                '{"type":"RichTextBlock","inlines":[{"type":"TextRun",'
                '"text":"# not a heading"}],"spacing":"none"},'
                '{"type":"RichTextBlock","inlines":[{"type":"TextRun",'
                '"text":"#1024 · Centro_Sur_","isSubtle":true}]}],'
                '"actions":[{"type":"Action.OpenUrl","title":"Abrir aviso",'
                '"url":"https://hub.example.com/a/t1/"},'
                '{"type":"Action.OpenUrl","title":"Ver pedido",'
                '"url":"https://hub.example.com/t/1/"}]}}]}'
            ).encode(),
        ),
        TAKEN,
    ),
    SendCase("a workflow that answers itself", PLAIN, answer(200, b"ok"), None, TAKEN),
    bare(401, FailureKind.MISCONFIGURED),
    bare(403, FailureKind.MISCONFIGURED),
    bare(404, FailureKind.MISCONFIGURED),
    bare(302, FailureKind.MISCONFIGURED),
    refused(401, "DirectApiAuthorizationRequired", FailureKind.MISCONFIGURED),
    refused(404, "WorkflowNotFound", FailureKind.MISCONFIGURED),
    refused(400, "WorkflowTriggerIsNotEnabled", FailureKind.MISCONFIGURED),
    refused(400, "TriggerInputSchemaMismatch", FailureKind.CONTENT_REJECTED),
    refused(400, "SomethingElse", FailureKind.CONTENT_REJECTED),
    bare(413, FailureKind.CONTENT_REJECTED),
    SendCase(
        "429 with a wait",
        PLAIN,
        answer(429, {"error": {"code": "TooManyRequests"}}, {"retry-after": "17"}),
        None,
        FailureKind.THROTTLED,
        17.0,
    ),
    SendCase(
        "429 with a time of day",
        PLAIN,
        answer(
            429,
            b"",
            {
                "date": "Sat, 21 Nov 2026 12:00:00 GMT",
                "retry-after": "Sat, 21 Nov 2026 12:01:30 GMT",
            },
        ),
        None,
        FailureKind.THROTTLED,
        90.0,
    ),
    bare(429, FailureKind.THROTTLED),
    refused(502, "NoResponse", FailureKind.TRANSIENT),
    bare(500, FailureKind.TRANSIENT, b"<html>"),
    bare(503, FailureKind.TRANSIENT),
]
CALLBACK_CASES: list[CallbackCase] = []
