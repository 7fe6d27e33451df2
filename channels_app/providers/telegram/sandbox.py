"""The stand-in Bot API: checks what Telegram checks, and writes signed updates.

Chat 403 has blocked the bot and chat 404 does not exist. What a customer does is
written as text: "press:<value>" presses a button, "block:" blocks the bot.
"""

import html
import itertools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.markup import utf16_length
from channels_app.wire.reading import json_object, part

PRESS, BLOCK = "press:", "block:"
BLOCKED_CHAT, MISSING_CHAT = 403, 404
PATH = re.compile(r"/bot(?P<token>\d+:[A-Za-z0-9_-]+)/(?P<method>\w+)\Z")
TAGS = "b|strong|i|em|u|ins|s|strike|del|a|code|pre|span|tg-spoiler|tg-emoji|blockquote"
TAG = re.compile(rf"</?(?:{TAGS})(?:\s[^<>]*)?>")
FAULTS = {
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    429: "Too Many Requests: retry later",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
# Starting at the clock keeps numbers apart from those of an earlier run.
_numbers = itertools.count(int(time.time() * 1000))


class Refused(Exception):
    """What the Bot API answers instead of a result."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def demo_credentials() -> dict[str, str]:
    """Credentials of the demo's channel. They open nothing outside the sandbox."""
    return {
        "bot_token": "110201543:demo-orderbell-telegram-bot-000001",
        "bot_username": "orderbell_demo_bot",
        "webhook_secret": "demo_telegram_webhook_secret",
    }


class TelegramSandbox(SandboxEnd):
    """The few methods that a notifying bot uses."""

    slug = "telegram"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer a method call."""
        try:
            return self._call(call, accounts)
        except Refused as no:
            return Reply(no.status, error_body(no.status, no.said), JSON), None

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """The update that says what `sender` wrote, pressed, or that they blocked the bot."""
        if not sender.removeprefix("-").isdecimal():
            return None
        update = {"update_id": next(_numbers), **update_of(sender, text)}
        secret = account.credentials.get("webhook_secret", "")
        headers = {"content-type": "application/json", "x-telegram-bot-api-secret-token": secret}
        return CallbackRequest("POST", account.callback_url, headers, dumps(update))

    def fault_body(self, status: int) -> bytes:
        """An error as the Bot API words it."""
        return error_body(status, FAULTS.get(status, "Bad Request: the sandbox was told to refuse"))

    def _call(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        path = PATH.match(call.path)
        if path is None:
            raise Refused(404, "Not Found")
        known = [a for a in accounts if path["token"] == a.credentials.get("bot_token")]
        if accounts and not known:
            raise Refused(401, "Unauthorized")
        if path["method"] == "sendMessage":
            return send_message(fields_of(call))
        if path["method"] not in SIMPLE:
            raise Refused(404, "Not Found")
        result = SIMPLE[path["method"]](known)
        return Reply(200, dumps({"ok": True, "result": result}), JSON), None


def get_me(accounts: Sequence[Account]) -> dict[str, Any]:
    """The bot behind the token, under the name that its channel knows."""
    stated = accounts[0].credentials.get("bot_username") if accounts else ""
    username = stated or "orderbell_demo_bot"
    return {"id": 110201543, "is_bot": True, "first_name": "Orderbell demo", "username": username}


JSON = {"content-type": "application/json"}
SIMPLE: dict[str, Callable[[Sequence[Account]], Any]] = {
    "getMe": get_me,
    "setWebhook": lambda _accounts: True,
    "deleteWebhook": lambda _accounts: True,
    "answerCallbackQuery": lambda _accounts: True,
    "getWebhookInfo": lambda accounts: {
        "url": accounts[0].callback_url if accounts else "",
        "has_custom_certificate": False,
        "pending_update_count": 0,
    },
}


def dumps(value: Any) -> bytes:
    """`value` as JSON bytes."""
    return json.dumps(value, ensure_ascii=False).encode()


def error_body(status: int, said: str) -> bytes:
    """The Bot API's form of an error."""
    return dumps({"ok": False, "error_code": status, "description": said})


def fields_of(call: Call) -> dict[str, Any]:
    """The JSON parameters of a call."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "Bad Request: message text is empty")
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(400, "Bad Request: can't parse JSON object") from None


def send_message(fields: Mapping[str, Any]) -> tuple[Reply, Taken]:
    """Check a sendMessage as Telegram does, and take it."""
    chat = chat_of(fields.get("chat_id"))
    text = plain_text(fields)
    keyboard = checked_keyboard(fields)
    number = next(_numbers)
    result = {
        "message_id": number,
        "date": int(time.time()),
        "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
        "text": text,
    }
    taken = Taken(f"{chat}:{number}", str(chat), text, extra={"buttons": keyboard})
    return Reply(200, dumps({"ok": True, "result": result}), JSON), taken


def chat_of(value: Any) -> int:
    """The chat that is written to."""
    try:
        chat = int(value)
    except (TypeError, ValueError):
        raise Refused(400, "Bad Request: chat not found") from None
    if chat in (0, MISSING_CHAT):
        raise Refused(400, "Bad Request: chat not found")
    if chat == BLOCKED_CHAT:
        raise Refused(403, FAULTS[403])
    return chat


def plain_text(fields: Mapping[str, Any]) -> str:
    """What the person sees, after entities are read."""
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if fields.get("parse_mode") == "HTML":
        bare = TAG.sub("", text)
        if "<" in bare:
            raise Refused(400, "Bad Request: can't parse entities: unsupported start tag")
        text = html.unescape(bare)
    if utf16_length(text) > 4096:
        raise Refused(400, "Bad Request: message is too long")
    return text


def checked_keyboard(fields: Mapping[str, Any]) -> list[dict[str, str]]:
    """All buttons, in one list."""
    rows = part(fields.get("reply_markup")).get("inline_keyboard", [])
    found = [button for row in rows for button in row]
    for button in found:
        data = button.get("callback_data")
        if not button.get("text") or (data is None) == (button.get("url") is None):
            raise Refused(400, "Bad Request: can't parse inline keyboard button")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return found


def update_of(sender: str, text: str) -> dict[str, Any]:
    """The update that a private chat gives for `text`."""
    chat = {"id": int(sender), "type": "private", "first_name": "Ada"}
    person = {"id": int(sender), "is_bot": False, "first_name": "Ada", "language_code": "en"}
    now = int(time.time())
    message = {"message_id": next(_numbers), "date": now, "chat": chat}
    if text.startswith(PRESS):
        query = {"id": str(next(_numbers)), "from": person, "chat_instance": "1"}
        return {"callback_query": {**query, "message": message, "data": text[len(PRESS) :]}}
    if text.startswith(BLOCK):
        bot = {"id": 110201543, "is_bot": True, "first_name": "Orderbell demo"}
        change = {"chat": chat, "from": person, "date": now}
        before = {"user": bot, "status": "member"}
        after = {"user": bot, "status": "kicked", "until_date": 0}
        return {"my_chat_member": {**change, "old_chat_member": before, "new_chat_member": after}}
    return {"message": {**message, "from": person, "text": text}}


SANDBOX = TelegramSandbox()
