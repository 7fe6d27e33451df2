"""The stand-in of WhatsApp's Cloud API.

A number such as +1 500 555 1026 is refused with the error code 13 1026: the last four digits
choose any code that the table knows.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest
from channels_app.providers.whatsapp.callbacks import OBJECT, STATUSES
from channels_app.providers.whatsapp.errors import ERRORS
from channels_app.providers.whatsapp.provider import PHONE, USER_ID
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.meta_graph import error_body, signed_call
from channels_app.wire.reading import json_object, part

PRESS = "press:"
PATH = re.compile(r"/v\d+\.\d/(?P<node>\d+)(?P<rest>/messages)?\Z")
MAGIC = re.compile(r"\+?1500555(\d{4})")
MISSING_TEMPLATE = "no_such_template"
JSON = {"content-type": "application/json; charset=UTF-8"}
FAULTS = {401: 190, 403: 10, 429: 130429, 500: 131000, 503: 131016}
STATUS_OF = {0: 401, 190: 401, 10: 403, 131005: 403, 130429: 429, 131000: 500, 131016: 503}


class Refused(Exception):
    """What the Graph API answers instead of a message."""

    def __init__(self, code: int, said: str, details: str = "") -> None:
        super().__init__(said)
        self.code, self.said, self.details = code, said, details


def demo_credentials() -> dict[str, str]:
    """A number that exists nowhere else."""
    return {
        "phone_number_id": str(10**14 + secrets.randbelow(10**14)),
        "access_token": f"EAA{secrets.token_hex(40)}",
        "app_secret": secrets.token_hex(16),
        "verify_token": secrets.token_hex(12),
        "graph_version": "",
        "phone_number": "+15550783881",
    }


class WhatsAppSandbox(SandboxEnd):
    """Checks what Meta checks when a message is handed in."""

    slug = "whatsapp"
    progress = ((0.05, "sent"), (0.8, "delivered"))

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST sends, GET tells of the number."""
        try:
            return self._answer(call, accounts)
        except Refused as no:
            body = error_body(no.code, no.said, details=no.details)
            return Reply(STATUS_OF.get(no.code, 400), body, JSON), None

    def _answer(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        path = PATH.match(call.path)
        if path is None:
            raise Refused(2500, "Unknown path components")
        check_token(call, accounts)
        if accounts and not any(path["node"] == a.credentials["phone_number_id"] for a in accounts):
            raise Refused(100, "Unsupported request. Object does not exist")
        if call.method == "GET" and not path["rest"]:
            return _reply(number_of(path["node"])), None
        if call.method != "POST" or not path["rest"]:
            raise Refused(100, "Unsupported request")
        return take(fields_of(call))

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A status; `failed:131026` reports that error code."""
        word, _colon, code = status.partition(":")
        if word not in STATUSES:
            return None
        told: dict[str, Any] = {"id": taken.id, "status": word, "timestamp": str(int(time.time()))}
        known = "recipient_id" if PHONE.fullmatch(taken.to) else "recipient_user_id"
        told[known] = taken.to.removeprefix("+")
        if taken.extra.get("ref"):
            told["biz_opaque_callback_data"] = taken.extra["ref"]
        if word == "failed":
            told["errors"] = [{"code": int(code or 131026), "title": "Message undeliverable"}]
        return notice({"statuses": [told]}, account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """A message from a number, or from a user id; "press:<value>" presses a button."""
        contact: dict[str, Any] = {"profile": {"name": "Ada"}}
        message: dict[str, Any] = {"id": new_id(), "timestamp": str(int(time.time()))}
        if PHONE.fullmatch(sender):
            message["from"] = contact["wa_id"] = sender.removeprefix("+")
        elif USER_ID.fullmatch(sender):
            message["from_user_id"] = contact["user_id"] = sender
        else:
            return None
        return notice({"contacts": [contact], "messages": [message | said(text)]}, account)

    def fault_body(self, status: int) -> bytes:
        """An error as the Graph API words it."""
        return error_body(FAULTS.get(status, 131000), "The sandbox was told to refuse")


def new_id() -> str:
    """A message id in WhatsApp's form."""
    return f"wamid.{secrets.token_urlsafe(24)}"


def check_token(call: Call, accounts: Sequence[Account]) -> None:
    """A bearer token of one of the accounts; any, when none are known."""
    scheme, _space, token = call.headers.get("authorization", "").partition(" ")
    known = [account.credentials.get("access_token") for account in accounts]
    if scheme != "Bearer" or not token or (known and token not in known):
        raise Refused(190, "Invalid OAuth access token - Cannot parse access token")


def number_of(node: str) -> dict[str, str]:
    """What the Graph API tells of a number."""
    return {
        "verified_name": "Orderbell demo",
        "display_phone_number": "+1 555-078-3881",
        "quality_rating": "GREEN",
        "id": node,
    }


def fields_of(call: Call) -> dict[str, Any]:
    """The JSON of a call."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(100, "The parameter messaging_product is required.")
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(100, "Invalid JSON") from None


def take(body: Mapping[str, Any]) -> tuple[Reply, Taken]:
    """Check a message as WhatsApp does, and take it."""
    if body.get("messaging_product") != "whatsapp":
        raise Refused(100, "The parameter messaging_product is required.")
    to, kind = recipient_of(body), body.get("type", "text")
    if kind not in READERS:
        raise Refused(131051, "Unsupported message type")
    text, extra = READERS[kind](part(body.get(kind)))
    ref = body.get("biz_opaque_callback_data", "")
    if len(ref) > 512:
        raise Refused(100, "biz_opaque_callback_data is longer than 512 characters")
    taken = Taken(new_id(), to, text, extra={"ref": ref, **extra})
    contact = {"input": to, "wa_id" if PHONE.fullmatch(to) else "user_id": to.removeprefix("+")}
    message = {"id": taken.id, "message_status": "accepted"}
    answer = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    return _reply(answer), taken


def recipient_of(body: Mapping[str, Any]) -> str:
    """Whom the message is for; magic numbers are refused."""
    to, user = body.get("to"), body.get("recipient")
    if isinstance(to, str) and PHONE.fullmatch(to):
        magic = MAGIC.fullmatch(to)
        code = f"13{magic[1]}" if magic else ""
        if code in ERRORS:
            raise Refused(int(code), "A magic number of the sandbox", ERRORS[code][1])
        return to
    if to is None and isinstance(user, str) and USER_ID.fullmatch(user):
        return user
    raise Refused(131009, "Parameter value is not valid", "Recipient is not a valid number")


def text_content(part_of: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A plain text."""
    return checked(part_of.get("body"), 4096), {}


def interactive_content(content: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A text with reply buttons, or with a link."""
    text, action = checked(part(content.get("body")).get("text"), 1024), part(content.get("action"))
    if content.get("type") == "cta_url" and action.get("name") == "cta_url":
        link = part(action.get("parameters"))
        checked(link.get("display_text"), 20)
        if not str(link.get("url", "")).startswith(("http://", "https://")):
            raise Refused(131009, "Parameter value is not valid", "url is not a valid URL")
        return text, {"url": link["url"]}
    replies = [part(button).get("reply") for button in action.get("buttons", ())]
    if content.get("type") != "button" or not 1 <= len(replies) <= 3:
        raise Refused(131009, "Parameter value is not valid", "1 to 3 buttons are allowed")
    pairs = [(checked(part(r).get("title"), 20), checked(part(r).get("id"), 256)) for r in replies]
    if any(len(set(column)) < len(pairs) for column in zip(*pairs, strict=True)):
        raise Refused(131009, "Parameter value is not valid", "Buttons must differ")
    return text, {"buttons": pairs}


def template_content(content: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A template: its words are at Meta, so the gaps' values stand for them."""
    name = checked(content.get("name"), 512)
    checked(part(content.get("language")).get("code"), 10)
    if name == MISSING_TEMPLATE:
        raise Refused(132001, "Template name does not exist in the translation")
    parameters = [
        part(one) for component in content.get("components", ()) for one in component["parameters"]
    ]
    values = [checked(one.get("text", one.get("payload")), 1024) for one in parameters]
    return f"[{name}] {' · '.join(values)}".strip(), {"template": name}


READERS = {
    "text": text_content,
    "interactive": interactive_content,
    "template": template_content,
}


def checked(value: Any, longest: int) -> str:
    """A text that is there and not too long."""
    if not isinstance(value, str) or not value.strip():
        raise Refused(131008, "Required parameter is missing")
    if len(value) > longest:
        raise Refused(100, f"Param text must be at most {longest} characters long.")
    return value


def said(text: str) -> dict[str, Any]:
    """A message's own fields for `text`."""
    if text.startswith(PRESS):
        reply = {"id": text[len(PRESS) :], "title": "Button"}
        return {
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": reply},
        }
    return {"type": "text", "text": {"body": text}}


def notice(value: Mapping[str, Any], account: Account) -> CallbackRequest:
    """The signed call that brings `value`."""
    number = account.credentials.get("phone_number_id", "")
    about = {"display_phone_number": "15550783881", "phone_number_id": number}
    whole = {"messaging_product": "whatsapp", "metadata": about, **value}
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": whole}]}
    body = {"object": OBJECT, "entry": [entry]}
    return signed_call(account.callback_url, body, account.credentials.get("app_secret", ""))


def _reply(value: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(value).encode(), JSON)


SANDBOX = WhatsAppSandbox()
