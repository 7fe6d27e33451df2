"""What Airship's refusals mean. Its 202 is no promise, so devices are looked up first."""

import re
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Response
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.reading import id_of, json_object, part, text_of

STATUSES: Mapping[int, FailureKind] = dict.fromkeys((404, 405, 406), FailureKind.MISCONFIGURED)
AUDIENCE = "audience"  # the part of our request that names the recipient
BAD_DEVICE = ("invalid device token", "invalid channel")  # where no part is named
PATH = re.compile(r"[A-Za-z0-9_.\[\]:-]{1,80}")
MOVED = "Airship has moved. Nothing was sent; tell whoever looks after this installation."
HICCUP = "Airship has a hiccup."
OURS = "Airship does not take the request as we write it. Nothing was sent."
HINTS: Mapping[int, str] = {
    401: "Airship does not know these keys. Use the master secret, not the app secret, and "
    "compare the region.",
    403: "Airship knows the keys, but they may not do this. Look at the project's rights and plan.",
    404: "Airship has no such address. Compare the region.",
    413: "The message is too large for Airship.",
    429: "Airship asks us to slow down.",
}


def failure(response: Response) -> SendError:
    """What a refusal means."""
    answer = readable(response)
    code = id_of(answer.get("error_code"), 20) or str(response.status)
    if response.status == 400:
        return refused_push(code, part(answer, "details"))
    kind = STATUSES.get(response.status) or kind_of_status(response.status)
    return SendError(kind, code, hint_of(response.status), response.retry_after)


def hint_of(status: int) -> str:
    """What to do about a status."""
    if 300 <= status < 400:
        return MOVED
    return HINTS.get(status) or (HICCUP if status >= 500 else OURS)


def refused_push(code: str, details: Mapping[str, Any]) -> SendError:
    """A bad request: because of the recipient, or because of the message."""
    path, said = text_of(details.get("path"), 200), text_of(details.get("error"), 500).lower()
    if path.partition(".")[0] == AUDIENCE or said.startswith(BAD_DEVICE):
        return SendError(
            FailureKind.RECIPIENT_INVALID, code, "Airship says that there can be no such device."
        )
    where = f" at {path}" if PATH.fullmatch(path) else ""
    return SendError(
        FailureKind.CONTENT_REJECTED, code, f"Airship refuses the message itself{where}."
    )


def readable(response: Response) -> dict[str, Any]:
    """The answer's JSON object; empty when there is none."""
    try:
        return json_object(response.body)
    except ValueError:
        return {}
