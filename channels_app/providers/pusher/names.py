"""Which channel an event goes to, and who may listen there.

A destination's address is a pattern such as `private-order-{token}`. Only that one pattern makes
channels whose name alone is the right to listen: the token in it is the unguessable one of the
order's tracking page.
"""

import re
from collections.abc import Mapping
from typing import Any

from channels_app.failures import FailureKind, SendError
from channels_app.wire.reading import id_of, part, text_of

PREFIX = "private-order-"
BY_TOKEN = PREFIX + "{token}"
LONGEST_NAME = 164
LONGEST_VALUE = 64
CLOSED = ("private-", "presence-")
ENCRYPTED = "private-encrypted-"
NAME = re.compile(rf"[A-Za-z0-9_\-=@,.;]{{1,{LONGEST_NAME}}}\Z", re.ASCII)
TRACKED = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,64}}\Z", re.ASCII)
SOCKET = re.compile(r"\d{1,20}\.\d{1,20}\Z", re.ASCII)
_GAP = re.compile(r"\{([^{}]*)\}")
_FOREIGN = re.compile(r"[^A-Za-z0-9_\-=@,.;]+", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}\Z", re.ASCII)


def channel_name(pattern: str, data: Mapping[str, Any]) -> str:
    """The name that `pattern` makes for the order in `data`; raises SendError."""
    known = values(data)
    unknown = [gap for gap in _GAP.findall(pattern) if gap not in known]
    if unknown:
        raise bad_pattern("Its gaps are {token}, {number}, {external_id} and {store}.")
    name = _GAP.sub(lambda gap: filled(gap[1], known), pattern.strip())
    if not NAME.match(name):
        raise bad_pattern("Use letters, digits and _ - = @ , . ; and at most 164 of them.")
    if name.startswith(ENCRYPTED):
        raise bad_pattern("Encrypted channels are not supported.")
    if name.startswith(PREFIX) and pattern.strip() != BY_TOKEN:
        raise bad_pattern(f"Names that begin with {PREFIX} are kept for the pattern {BY_TOKEN}.")
    return name


def values(data: Mapping[str, Any]) -> dict[str, str]:
    """What the gaps of a pattern stand for."""
    order = part(data.get("order"))
    return {
        "token": text_of(order.get("token"), 200),
        "number": id_of(order.get("number"), 200),
        "external_id": id_of(order.get("external_id"), 255),
        "store": text_of(part(data.get("store")).get("slug"), 200),
    }


def filled(gap: str, known: Mapping[str, str]) -> str:
    """The value of one gap, in Pusher's alphabet. A token is never changed."""
    value = known[gap] if gap == "token" else sanitised(known[gap])
    if gap == "token" and value and not _TOKEN.match(value):
        value = ""
    if not value:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            f"no_{gap}",
            f"The channel's name needs the order's {gap}, and the order has none.",
        )
    return value


def sanitised(value: str) -> str:
    """`value` with a hyphen for every run of letters that Pusher does not take."""
    return _FOREIGN.sub("-", value).strip("-")[:LONGEST_VALUE]


def bad_pattern(why: str) -> SendError:
    """The destination's address makes no channel."""
    detail = f"The destination's address is no channel of Pusher. {why}"
    return SendError(FailureKind.RECIPIENT_INVALID, "pattern", detail)


def is_open(name: str) -> bool:
    """Whether everybody who knows the app's public key may listen."""
    return not name.startswith(CLOSED)
