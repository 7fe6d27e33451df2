"""Tables that say what a provider must put on the wire, and read from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    Message,
    Request,
    Response,
    Told,
)
from channels_app.failures import FailureKind


@dataclass(frozen=True)
class SendCase:
    """One send: the message, the whole request expected, the answer, and the ending."""

    label: str
    message: Message
    response: Response
    expected_request: Request | None  # None: not looked at (another case pins it)
    expected: Accepted | FailureKind
    retry_after: float | None = None


@dataclass(frozen=True)
class CallbackCase:
    """One call of a provider: what arrives, and what is read from it."""

    label: str
    request: CallbackRequest
    expected: Sequence[Told]
    credentials: dict[str, str] = field(default_factory=dict)
