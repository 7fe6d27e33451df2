"""What a provider's stand-in end is: one class per provider folder, instance `SANDBOX`.

A stand-in validates what the real provider validates (required fields, auth,
content type, sizes), answers as the real one answers, and can describe the
signed calls that the real one would make to us.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from channels_app.contract import CallbackRequest


@dataclass(frozen=True, slots=True)
class Call:
    """A request that arrived at the stand-in; `path` is below /<slug>, names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the stand-in answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Taken:
    """A message that the stand-in accepted, as the phones page and the control API show it."""

    id: str  # the provider's message id
    to: str
    text: str
    subject: str = ""
    html: str = ""
    callback_url: str = ""  # where receipts go, when the request names it
    extra: dict[str, Any] = field(default_factory=dict)  # ref, chat id, subscription...


@dataclass(frozen=True, slots=True)
class Account:
    """One channel of ours as the stand-in knows it: whom to call back, and how to sign."""

    callback_url: str
    credentials: Mapping[str, str]


class SandboxEnd:
    """The stand-in of one provider."""

    slug: ClassVar[str]
    # statuses that follow each other by themselves after a message was taken, in the provider's
    # words: (seconds after, word). Empty for providers without receipts.
    progress: ClassVar[Sequence[tuple[float, str]]] = ()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer `call`; the second part is the message, when one was taken."""
        raise NotImplementedError

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """The signed call that reports `status` (the provider's word, or ours), or None."""
        return None

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """The signed call that brings what `sender` wrote, or None."""
        return None

    def fault_body(self, status: int) -> bytes:
        """The body that the real provider sends with an error `status`."""
        return b""
