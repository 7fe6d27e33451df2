"""How a send can end badly, and the one table of what follows."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What went wrong, in terms of what to do about it."""

    RECIPIENT_INVALID = "recipient_invalid"
    OPTED_OUT = "opted_out"
    WINDOW_CLOSED = "window_closed"
    CONTENT_REJECTED = "content_rejected"
    MISCONFIGURED = "misconfigured"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What the engine does after a failure of one kind."""

    retry: bool = False  # the same channel again, later
    next_route: bool = False  # the next allowed channel, at once
    suppress_address: bool = False  # this address is of no use on this kind of channel
    record_opt_out: bool = False
    pause_channel: bool = False  # and tell staff
    sentence: str = ""


CONSEQUENCES: dict[FailureKind, Consequence] = {
    FailureKind.RECIPIENT_INVALID: Consequence(
        next_route=True,
        suppress_address=True,
        sentence="The address does not work. It is not used again; the next channel takes over.",
    ),
    FailureKind.OPTED_OUT: Consequence(
        next_route=True,
        record_opt_out=True,
        sentence="The provider says they opted out. That is recorded; another channel may be used.",
    ),
    FailureKind.WINDOW_CLOSED: Consequence(
        next_route=True,
        sentence="The conversation window is closed. The next channel takes over.",
    ),
    FailureKind.CONTENT_REJECTED: Consequence(
        next_route=True,
        sentence="The provider refuses this text: look at the template. Another route is tried.",
    ),
    FailureKind.MISCONFIGURED: Consequence(
        next_route=True,
        pause_channel=True,
        sentence="The channel's account does not work. It is paused until someone looks.",
    ),
    FailureKind.THROTTLED: Consequence(
        retry=True, sentence="The provider asks us to slow down. Tried again when it said."
    ),
    FailureKind.TRANSIENT: Consequence(
        retry=True, sentence="The provider has a hiccup. Tried again, each time a little later."
    ),
    FailureKind.UNKNOWN: Consequence(
        sentence="The provider may or may not have taken it. Found out before it is tried again."
    ),
}


class SendError(Exception):
    """A send that did not succeed.

    `code` is the provider's own; `detail` a sentence without personal data;
    `retry_after` seconds to wait, when the provider said so.
    """

    def __init__(
        self,
        kind: FailureKind,
        code: str = "",
        detail: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{kind}: {code} {detail}".strip())
        self.kind = kind
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class AccessRefused(SendError):
    """The fetched token is no longer good: a new one is fetched, and the send tried once more."""

    def __init__(self, code: str = "401", detail: str = "The token is no longer valid.") -> None:
        super().__init__(FailureKind.MISCONFIGURED, code, detail)


def kind_of_status(status: int) -> FailureKind:
    """What an HTTP status means when the provider's own code says nothing better."""
    if status in (401, 403) or 300 <= status < 400:
        return FailureKind.MISCONFIGURED
    if status in (408, 425, 429):
        return FailureKind.THROTTLED
    if status >= 500:
        return FailureKind.TRANSIENT
    return FailureKind.CONTENT_REJECTED
