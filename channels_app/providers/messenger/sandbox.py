"""The stand-in of Messenger's Send API.

A person whose id is an error's subcode (2018001, 2018278 ...), or its code 551, gives that error.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest
from channels_app.providers.messenger.callbacks import OBJECT, START
from channels_app.providers.messenger.errors import ERRORS
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.meta_graph import error_body, signed_call
from channels_app.wire.reading import json_object, part

PRESS = "press:"
PATH = re.compile(r"/v\d+\.\d/(?P<page>\d+)(?P<rest>/messages)?\Z")
JSON = {"content-type": "application/json; charset=UTF-8"}
FAULTS = {400: 100, 401: 190, 403: 10, 429: 613, 500: 2, 503: 2}
STATUS_OF = {190: 401, 10: 403, 200: 403, 613: 429, 1200: 500, 2: 500}
MISSING_TEMPLATE = "no_such_template"
# Last part of an error's key -> the error: "10/2018278" is played by the person 2018278.
MAGIC = {key.rpartition("/")[2]: key for key in ERRORS}


class Refused(Exception):
    """What the Graph API answers instead of a message."""

    def __init__(self, code: int, said: str, subcode: int = 0) -> None:
        super().__init__(said)
        self.code, self.said, self.subcode = code, said, subcode


def demo_credentials() -> dict[str, str]:
    """A Page that exists nowhere else."""
    return {
        "page_id": str(10**14 + secrets.randbelow(10**14)),
        "access_token": f"EAA{secrets.token_hex(40)}",
        "app_secret": secrets.token_hex(16),
        "verify_token": secrets.token_hex(12),
        "graph_version": "",
        "page_username": "orderbell.demo",
    }


class MessengerSandbox(SandboxEnd):
    """Checks what Meta checks when a message is handed in."""

    slug = "messenger"
    progress = ((0.05, "sent"), (0.8, "delivered"))

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST sends, GET tells of the Page."""
        try:
            return self._answer(call, accounts)
        except Refused as no:
            body = error_body(no.code, no.said, no.subcode)
            return Reply(STATUS_OF.get(no.code, 400), body, JSON), None

    def _answer(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        path = PATH.match(call.path)
        if path is None:
            raise Refused(2500, "Unknown path components")
        check_token(call, accounts)
        if accounts and not any(path["page"] == a.credentials["page_id"] for a in accounts):
            raise Refused(100, "Unsupported request. Object does not exist", 33)
        if call.method == "GET" and not path["rest"]:
            return _reply({"id": path["page"], "name": "Orderbell demo"}), None
        if call.method != "POST" or not path["rest"]:
            raise Refused(100, "Unsupported request")
        return take(fields_of(call))

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """The echo of a message, or its delivery."""
        now = int(time.time() * 1000)
        page, person = {"id": account.credentials["page_id"]}, {"id": taken.to}
        if status == "delivered":
            delivery = {"mids": [taken.id], "watermark": now}
            event = {"sender": person, "recipient": page, "delivery": delivery}
        elif status == "sent" and taken.extra.get("ref"):
            echo = {"is_echo": True, "app_id": 1517776481860111, "metadata": taken.extra["ref"]}
            message = {**echo, "mid": taken.id, "text": taken.text}
            event = {"sender": page, "recipient": person, "timestamp": now, "message": message}
        else:
            return None
        return notice(event, account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """A message; "press:<value>" presses a button, "/start <token>" follows a link."""
        if not (sender.isascii() and sender.isdigit()):
            return None
        head = {"sender": {"id": sender}, "recipient": {"id": account.credentials["page_id"]}}
        return notice({**head, "timestamp": int(time.time() * 1000), **said(text)}, account)

    def fault_body(self, status: int) -> bytes:
        """An error as the Graph API words it."""
        return error_body(FAULTS.get(status, 2), "The sandbox was told to refuse")


def new_id() -> str:
    """A message id in Messenger's form."""
    return f"m_{secrets.token_urlsafe(40)}"


def check_token(call: Call, accounts: Sequence[Account]) -> None:
    """A bearer token of one of the accounts; any, when none are known."""
    scheme, _space, token = call.headers.get("authorization", "").partition(" ")
    known = [account.credentials.get("access_token") for account in accounts]
    if scheme != "Bearer" or not token or (known and token not in known):
        raise Refused(190, "Invalid OAuth access token - Cannot parse access token")


def fields_of(call: Call) -> dict[str, Any]:
    """The JSON of a call."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(100, "The parameter recipient is required")
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(100, "Invalid JSON") from None


def take(body: Mapping[str, Any]) -> tuple[Reply, Taken]:
    """Check a message as Messenger does, and take it."""
    to = part(body.get("recipient")).get("id")
    if not isinstance(to, str) or not to.isdigit():
        raise Refused(100, "The parameter recipient is required")
    if key := MAGIC.get(to):
        code, _slash, subcode = key.partition("/")
        raise Refused(int(code), "A magic person of the sandbox", int(subcode or 0))
    message = part(body.get("message"))
    text = READERS[kind_of(body)](message)
    taken = Taken(new_id(), to, text, extra={"ref": message.get("metadata", "")})
    return _reply({"recipient_id": to, "message_id": taken.id}), taken


def kind_of(body: Mapping[str, Any]) -> str:
    """text, attachment or template, for the messaging type that allows it."""
    if body.get("tag") or body.get("messaging_type") == "MESSAGE_TAG":
        raise Refused(100, "Message tags are no longer supported")
    message = part(body.get("message"))
    kind = next((name for name in READERS if name in message), "")
    wanted = {"template": ("UTILITY",)}.get(kind, ("RESPONSE", "UPDATE"))
    if not kind:
        raise Refused(100, "The message cannot be empty", 2018034)
    if body.get("messaging_type") not in wanted:
        raise Refused(100, "The parameter messaging_type is wrong for this message")
    return kind


def text_of_message(message: Mapping[str, Any]) -> str:
    """A plain text, perhaps with quick replies."""
    replies = message.get("quick_replies", [])
    if len(replies) > 13:
        raise Refused(100, "Param quick_replies has too many elements")
    for reply in replies:
        checked(reply.get("title"), 20)
        checked(reply.get("payload"), 1000)
    return checked(message["text"], 2000)


def text_of_attachment(message: Mapping[str, Any]) -> str:
    """A text with one to three buttons."""
    payload = part(message, "attachment", "payload")
    buttons = payload.get("buttons", [])
    if payload.get("template_type") != "button" or not 1 <= len(buttons) <= 3:
        raise Refused(100, "Param attachment is not a button template")
    for button in buttons:
        checked(button.get("title"), 20)
        checked(button.get("url" if button.get("type") == "web_url" else "payload"), 1000)
    return checked(payload.get("text"), 640)


def text_of_template(message: Mapping[str, Any]) -> str:
    """A template: its words are at Meta, so the gaps' values stand for them."""
    template = part(message, "template")
    name = checked(template.get("name"), 512)
    checked(part(template, "language").get("code"), 10)
    if name == MISSING_TEMPLATE:
        raise Refused(100, "The template does not exist")
    values = [
        checked(one.get("text", one.get("payload")), 1024)
        for component in template.get("components", [])
        for one in component["parameters"]
    ]
    return f"[{name}] {' · '.join(values)}".strip()


READERS = {
    "template": text_of_template,
    "attachment": text_of_attachment,
    "text": text_of_message,
}


def checked(value: Any, longest: int) -> str:
    """A text that is there and not too long."""
    if not isinstance(value, str) or not value.strip():
        raise Refused(100, "The message cannot be empty", 2018034)
    if len(value) > longest:
        raise Refused(100, f"Length of param must be less than or equal to {longest}")
    return value


def said(text: str) -> dict[str, Any]:
    """An event's own fields for `text`."""
    if text.startswith(f"{START} "):
        ref = {"ref": text.removeprefix(f"{START} "), "source": "SHORTLINK", "type": "OPEN_THREAD"}
        return {"referral": ref}
    if text.startswith(PRESS):
        return {"postback": {"mid": new_id(), "title": "Button", "payload": text[len(PRESS) :]}}
    return {"message": {"mid": new_id(), "text": text}}


def notice(event: Mapping[str, Any], account: Account) -> CallbackRequest:
    """The signed call that brings `event`."""
    entry = {"id": account.credentials["page_id"], "time": int(time.time() * 1000)}
    body = {"object": OBJECT, "entry": [{**entry, "messaging": [event]}]}
    return signed_call(account.callback_url, body, account.credentials.get("app_secret", ""))


def _reply(value: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(value).encode(), JSON)


SANDBOX = MessengerSandbox()
