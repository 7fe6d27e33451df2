"""The stand-in of Viber's bot API.

A person called `status-6==` is not subscribed, and so on for every status. What a person does is
written as text: "leave:" unsubscribes, "join:<token>" opens the bot's link for the first time.
"""

import itertools
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest
from channels_app.providers.viber.callbacks import SIGNATURE, STATUSES, signature
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part

JOIN, LEAVE = "join:", "leave:"
MAGIC = re.compile(r"status-(\d+)==")
JSON = {"content-type": "application/json"}
NAMES = {
    2: "invalidAuthToken",
    3: "badData",
    4: "missingData",
    5: "receiverNotRegistered",
    6: "receiverNotSubscribed",
    12: "tooManyRequests",
}
# As large as Viber's: no float holds them. The clock keeps them apart from an earlier run's.
_tokens = itertools.count(4_912_661_846_655_238_145 + int(time.time() * 1000))


class Refused(Exception):
    """What Viber answers instead of a message, with HTTP 200."""

    def __init__(self, status: int, said: str = "") -> None:
        super().__init__(said)
        self.status, self.said = status, said or NAMES.get(status, "error")


def demo_credentials() -> dict[str, str]:
    """A bot that exists nowhere else."""
    return {
        "auth_token": "-".join(secrets.token_hex(8) for _ in range(3)),
        "sender_name": "Orderbell demo",
        "bot_uri": "orderbelldemo",
    }


class ViberSandbox(SandboxEnd):
    """The few calls that a notifying bot makes."""

    slug = "viber"
    progress = ((0.6, "delivered"),)

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer a call; Viber says 200 to nearly everything."""
        if call.path not in CALLS or call.method != "POST":
            return Reply(404, b"Not Found", {"content-type": "text/plain"}), None
        try:
            answer, taken = CALLS[call.path](fields_of(call), known(call, accounts))
        except Refused as no:
            answer, taken = {"status": no.status, "status_message": no.said}, None
        return Reply(200, json.dumps(answer).encode(), JSON), taken

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """The event that tells what became of a message."""
        word = "seen" if status == "read" else status
        if word not in STATUSES:
            return None
        fields: dict[str, Any] = {"message_token": int(taken.id), "user_id": taken.to}
        if word == "failed":
            fields["desc"] = "The sandbox was told to fail"
        return event(word, fields, account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """What `sender` wrote or did. A pressed "/start" is a message, as in the app."""
        if not sender:
            return None
        fields: dict[str, Any] = {"message_token": next(_tokens)}
        person = {"id": sender, "name": "Ada", "language": "en", "country": "US", "api_version": 10}
        if text.startswith(LEAVE):
            return event("unsubscribed", fields | {"user_id": sender}, account)
        if text.startswith(JOIN):
            fields |= {"type": "open", "context": text[len(JOIN) :], "subscribed": False}
            return event("conversation_started", fields | {"user": person}, account)
        message = {"type": "text", "text": text}
        return event("message", fields | {"sender": person, "message": message}, account)

    def fault_body(self, status: int) -> bytes:
        """Viber's errors come with 200; what is in front of it answers with a page."""
        return b"<html><body>The sandbox was told to refuse</body></html>"


def known(call: Call, accounts: Sequence[Account]) -> Account | None:
    """The account of the call's token; None when no accounts are known at all."""
    token = call.headers.get("x-viber-auth-token", "")
    if not token:
        raise Refused(2, "missing_auth_token")
    found = next((a for a in accounts if a.credentials.get("auth_token") == token), None)
    if accounts and found is None:
        raise Refused(2)
    return found


def fields_of(call: Call) -> dict[str, Any]:
    """The JSON of a call."""
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(3) from None


Told = tuple[dict[str, Any], Taken | None]


def send_message(body: Mapping[str, Any], account: Account | None) -> Told:
    """Check a message as Viber does, and take it."""
    to = body.get("receiver")
    if not isinstance(to, str) or not to or body.get("type") != "text":
        raise Refused(4 if not to else 3)
    if magic := MAGIC.fullmatch(to):
        raise Refused(int(magic[1]))
    text = checked(body.get("text"), 7000)
    checked(part(body.get("sender")).get("name"), 28)
    pressed = [checked_button(one) for one in part(body.get("keyboard")).get("Buttons", [])]
    if "keyboard" in body and not pressed:
        raise Refused(3)
    token = next(_tokens)
    answer = {"status": 0, "status_message": "ok", "message_token": token, "billing_status": 1}
    return answer, Taken(str(token), to, text, extra={"buttons": pressed})


def checked_button(value: Mapping[str, Any]) -> tuple[str, str]:
    """(label, what it does) of a button."""
    if value.get("ActionType") not in ("reply", "open-url"):
        raise Refused(3)
    return checked(value.get("Text"), 1000), checked(value.get("ActionBody"), 3000)


def checked(value: Any, longest: int) -> str:
    """A text that is there and not too long."""
    if not isinstance(value, str) or not value.strip():
        raise Refused(4)
    if len(value) > longest:
        raise Refused(3)
    return value


def account_info(body: Mapping[str, Any], account: Account | None) -> Told:
    """What Viber tells of a bot."""
    told = {"status": 0, "status_message": "ok", "id": "pa:75346594275468546724"}
    told |= {"name": "Orderbell demo", "uri": "orderbelldemo", "subscribers_count": 3}
    return told | {"webhook": account.callback_url if account else ""}, None


def set_webhook(body: Mapping[str, Any], account: Account | None) -> Told:
    """Say yes to any address that is encrypted."""
    if not str(body.get("url", "")).startswith("https://"):
        raise Refused(1, "invalidUrl")
    return {"status": 0, "status_message": "ok", "event_types": list(STATUSES)}, None


CALLS: dict[str, Callable[[Mapping[str, Any], Account | None], Told]] = {
    "/pa/send_message": send_message,
    "/pa/get_account_info": account_info,
    "/pa/set_webhook": set_webhook,
}


def event(word: str, fields: Mapping[str, Any], account: Account) -> CallbackRequest:
    """The signed call that brings an event."""
    value = {"event": word, "timestamp": int(time.time() * 1000), **fields}
    body = json.dumps(value, ensure_ascii=False).encode()
    token = account.credentials.get("auth_token", "")
    headers = {"content-type": "application/json", SIGNATURE: signature(token, body)}
    return CallbackRequest("POST", account.callback_url, headers, body)


SANDBOX = ViberSandbox()
