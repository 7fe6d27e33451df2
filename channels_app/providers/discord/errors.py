"""What Discord's error codes mean, and how long it asks us to wait."""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import json_object, part, text_of

# A 429 that is no JSON comes from the guard before Discord: it bans an address for a while.
BANNED_SECONDS = 600.0
LONGEST_WAIT = 86_400.0
CODES: Mapping[int, FailureKind] = {
    10003: FailureKind.RECIPIENT_INVALID,  # unknown channel, or thread
    10015: FailureKind.MISCONFIGURED,  # unknown webhook: must not be called again
    20028: FailureKind.THROTTLED,  # writing in this room
    20029: FailureKind.THROTTLED,  # writing on this server
    40005: FailureKind.CONTENT_REJECTED,  # too large
    50006: FailureKind.CONTENT_REJECTED,  # empty
    50013: FailureKind.MISCONFIGURED,  # missing permissions
    50027: FailureKind.MISCONFIGURED,  # invalid webhook token
    50035: FailureKind.CONTENT_REJECTED,  # invalid form body
    50083: FailureKind.RECIPIENT_INVALID,  # the thread is archived
    160005: FailureKind.RECIPIENT_INVALID,  # the thread is locked
    200000: FailureKind.CONTENT_REJECTED,  # the server's own filter
    220001: FailureKind.RECIPIENT_INVALID,  # a forum without a thread
    240000: FailureKind.CONTENT_REJECTED,  # the filter for harmful links
}
HINTS: Mapping[int, str] = {
    10003: "There is no such thread in the webhook's room. Correct the destination's address.",
    10015: "The webhook was deleted at Discord. Make a new one and paste its URL.",
    50013: "The webhook may not write into its room. Look at the room's permissions.",
    50027: "The webhook's token is wrong. Copy its URL again.",
    50035: "Discord refuses the layout of the message.",
    50083: "The thread is archived. Open it again, or correct the destination's address.",
    160005: "The thread is locked. Unlock it, or correct the destination's address.",
    200000: "The server's own filter (AutoMod) refuses the text. Let it pass webhooks.",
    220001: "The room is a forum. Give the id of one of its threads as the destination's address.",
    240000: "Discord refuses a link in the text.",
}
KINDS: Mapping[int, FailureKind] = dict.fromkeys((404, 405, 410), FailureKind.MISCONFIGURED)
# Parts of a message that an error may name.
FIELDS = ("content", "embeds", "title", "description", "fields", "footer", "color", "thread_id")


def failure(response: Response) -> SendError:
    """What a refusal means: Discord's own code first, then the status."""
    body = body_of(response)
    code = code_of(body)
    kind = CODES.get(code) or KINDS.get(response.status) or kind_of_status(response.status)
    wait = wait_of(response, body) if kind is FailureKind.THROTTLED else response.retry_after
    hint = HINTS.get(code, "")
    if named := named_in(part(body or {}, "errors")):
        hint = f"{hint} It names: {', '.join(named)}.".strip()
    return SendError(kind, str(code or response.status), hint, wait)


def body_of(response: Response) -> dict[str, Any] | None:
    """The answer's JSON object, or None when it is none."""
    try:
        return json_object(response.body)
    except ValueError:
        return None


def code_of(body: Mapping[str, Any] | None) -> int:
    """Discord's number for what went wrong; 0 when it gives none."""
    code = (body or {}).get("code")
    return code if isinstance(code, int) and 0 < code < 10**9 else 0


def wait_of(response: Response, body: Mapping[str, Any] | None) -> float | None:
    """The longest of the waits that the body and the headers name."""
    named = [
        response.retry_after,
        seconds((body or {}).get("retry_after")),
        seconds(response.headers.get("x-ratelimit-reset-after")),
        BANNED_SECONDS if body is None and response.status == 429 else None,
    ]
    return max((wait for wait in named if wait is not None), default=None)


def seconds(value: Any) -> float | None:
    """`value`, a number or a numeral, as seconds; None when it is no time to wait."""
    if isinstance(value, bool):
        return None
    try:
        found = float(text_of(value, 20) or value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found <= LONGEST_WAIT else None


def named_in(errors: Mapping[str, Any], depth: int = 6) -> list[str]:
    """The names of fields in a tree of errors, in the order of FIELDS."""
    names: set[str] = set()
    level: list[Mapping[str, Any]] = [errors]
    for _step in range(depth):
        names |= {name for one in level for name in one}
        level = [inner for one in level for inner in one.values() if isinstance(inner, Mapping)]
    return [field for field in FIELDS if field in names]
