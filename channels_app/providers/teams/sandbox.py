"""The stand-in workflow: takes what the real one takes, and shows what Teams would show.

Like the real one it says 202 to nearly everything: a card that Teams cannot show is
swallowed, and only the workflow's history (here: nothing on the phones page) tells.
"""

import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels_app.providers.teams.provider import CARD_TYPE
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.flows import PATH
from channels_app.wire.reading import json_object, part, text_of

JSON = {"content-type": "application/json; charset=utf-8"}
LARGEST_CARD = 24_000  # of our counting; Teams swallows larger ones
OFF = "0" * 32  # a workflow that is switched off
ID = re.compile(r"/workflows/([0-9a-f]{32})/")
FAULTS = {
    400: "WorkflowTriggerIsNotEnabled",
    401: "DirectApiAuthorizationRequired",
    404: "WorkflowNotFound",
    429: "TooManyRequests",
    502: "NoResponse",
}


class Refused(Exception):
    """The status and the word of a refusal."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


class Swallowed(Exception):
    """The workflow took it, and failed over it."""


def demo_credentials() -> dict[str, str]:
    """A workflow that exists nowhere else."""
    host = f"demo{secrets.token_hex(10)}.0a.environment.api.powerplatform.com:443"
    path = f"powerautomate/automations/direct/workflows/{secrets.token_hex(16)}"
    query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={secrets.token_urlsafe(32)}"
    return {"webhook_url": f"https://{host}/{path}/triggers/manual/paths/invoke?{query}"}


class TeamsSandbox(SandboxEnd):
    """Workflows at the same paths as the real ones."""

    slug = "teams"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Check the URL as the real one does; what is in the body, Teams finds out later."""
        try:
            workflow = checked_url(call, accounts)
            return Reply(202), shown(call, workflow)
        except Refused as no:
            return Reply(no.status, error_body(no.word), JSON), None
        except Swallowed:
            return Reply(202), None

    def fault_body(self, status: int) -> bytes:
        """An error in the workflow service's form."""
        return error_body(FAULTS.get(status, "InternalServerError"))


def error_body(word: str) -> bytes:
    """The body of a refusal."""
    message = f"The request could not be served: {word}."
    return json.dumps({"error": {"code": word, "message": message}}).encode()


def checked_url(call: Call, accounts: Sequence[Account]) -> str:
    """The id of the workflow that the call is for, when its signature is right."""
    found = ID.search(call.path)
    if found is None or not PATH.match(call.path):
        raise Refused(404, "ResourceNotFound")
    if call.method != "POST":
        raise Refused(405, "MethodNotAllowed")
    if found[1] == OFF:
        raise Refused(400, "WorkflowTriggerIsNotEnabled")
    known = signatures(call.path, accounts)
    if accounts and not known:
        raise Refused(404, "WorkflowNotFound")
    given = call.query.get("sig", "")
    if not given or (known and not any(same(given, one) for one in known)):
        raise Refused(401, "DirectApiAuthorizationRequired")
    return found[1]


def signatures(path: str, accounts: Sequence[Account]) -> list[str]:
    """The signatures of our channels whose workflow is at `path`."""
    urls = [urlsplit(account.credentials.get("webhook_url", "")) for account in accounts]
    return [parse_qs(url.query).get("sig", [""])[0] for url in urls if url.path == path]


def same(given: str, known: str) -> bool:
    """Whether two signatures are one."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


def shown(call: Call, workflow: str) -> Taken:
    """The card as the channel shows it."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Swallowed
    try:
        body = json_object(call.body)
    except ValueError:
        raise Swallowed from None
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or len(attachments) != 1:
        raise Swallowed  # the workflow's loop goes over attachments
    content = part(attachments[0], "content")
    if part(attachments[0]).get("contentType") != CARD_TYPE or not is_card(content):
        raise Swallowed
    if len(call.body) > LARGEST_CARD:
        raise Swallowed
    subject, text = words_of(content["body"])
    buttons = content.get("actions", [])
    extra = {"buttons": [{"label": one["title"], "url": one["url"]} for one in buttons]}
    return Taken(secrets.token_hex(8), workflow, text, subject, extra=extra)


def is_card(content: Mapping[str, Any]) -> bool:
    """Whether Teams can show it: its type and version, blocks with words, links that lead out."""
    blocks, actions = content.get("body"), content.get("actions", [])
    return (
        content.get("type") == "AdaptiveCard"
        and bool(text_of(content.get("version")))
        and isinstance(blocks, list)
        and bool(blocks)
        and all(run_of(block).get("text") for block in blocks)
        and isinstance(actions, list)
        and all(is_link(part(action)) for action in actions)
    )


def is_link(action: Mapping[str, Any]) -> bool:
    """Whether a button opens a page: no other one reaches us from a workflow's card."""
    url = text_of(action.get("url"))
    named = action.get("type") == "Action.OpenUrl" and bool(text_of(action.get("title")))
    return named and url.startswith(("https://", "http://"))


def run_of(block: Any) -> dict[str, Any]:
    """The one run of text in a block."""
    inlines = part(block).get("inlines")
    right = part(block).get("type") == "RichTextBlock" and isinstance(inlines, list)
    return part(inlines[0]) if right and inlines else {}


def words_of(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Heading and text, as people read them; the small print below is left out."""
    subject, text = "", ""
    for block in blocks:
        run = run_of(block)
        if run.get("size") == "large":
            subject = run["text"]
        elif not run.get("isSubtle"):
            gap = "\n" if block.get("spacing") == "none" else "\n\n"
            text += (gap if text else "") + run["text"]
    return subject, text


SANDBOX = TeamsSandbox()
