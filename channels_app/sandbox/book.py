"""What the stand-in server remembers: messages, accounts, and how busy it was."""

import copy
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels_app.credentials import mask
from channels_app.sandbox.contract import Account, Call, Taken

KEPT_MESSAGES = 5000
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_SECRET_WORDS = ("key", "token", "secret", "signature", "auth")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Record:
    """A message that a stand-in took, and the request that brought it."""

    provider: str
    taken: Taken
    call: Call
    at: str = field(default_factory=_now)

    def as_json(self) -> dict[str, Any]:
        """As the control API and the phones page show it."""
        return {
            "id": self.taken.id,
            "provider": self.provider,
            "to": self.taken.to,
            "text": self.taken.text,
            "subject": self.taken.subject,
            "html": self.taken.html,
            "at": self.at,
            "request": {
                "method": self.call.method,
                "path": self.call.path,
                "query": masked_headers(self.call.query),
                "headers": masked_headers(self.call.headers),
                "body": self.call.body.decode("utf-8", "replace"),
            },
        }


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """`headers` with every credential masked."""
    return {name: mask(value) if _is_secret(name) else value for name, value in headers.items()}


def _is_secret(name: str) -> bool:
    return name in _SECRET_HEADERS or any(word in name for word in _SECRET_WORDS)


@dataclass(slots=True)
class Stats:
    """How busy the stand-in of one provider was."""

    requests: int = 0
    accepted: int = 0
    in_flight: int = 0
    in_flight_max: int = 0
    first_at: str = ""
    last_at: str = ""

    def begin(self) -> None:
        """A request arrived."""
        self.requests += 1
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)

    def took(self, at: str) -> None:
        """A message was accepted."""
        self.accepted += 1
        self.first_at = self.first_at or at
        self.last_at = at

    def reset(self) -> None:
        """Count from here; what is under way stays under way."""
        self.requests = self.accepted = 0
        self.in_flight_max = self.in_flight
        self.first_at = self.last_at = ""

    def as_json(self) -> dict[str, Any]:
        """As the control API shows it."""
        return {
            "requests": self.requests,
            "accepted": self.accepted,
            "in_flight_max": self.in_flight_max,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }


class Book:
    """Shared between the server's thread and its readers."""

    def __init__(self, accounts: Mapping[str, Sequence[Account]]) -> None:
        self._lock = threading.Lock()
        self._records: deque[Record] = deque(maxlen=KEPT_MESSAGES)
        self._accounts = {slug: tuple(found) for slug, found in accounts.items()}
        self._stats: dict[str, Stats] = {}

    def add(self, provider: str, taken: Taken, call: Call) -> Record:
        """Keep a message."""
        record = Record(provider, copy.copy(taken), call)
        with self._lock:
            self._records.append(record)
        self.stats_of(provider).took(record.at)
        return record

    def records(self, provider: str = "", to: str = "") -> list[Record]:
        """Messages in the order of arrival."""
        with self._lock:
            found = list(self._records)
        return [
            r
            for r in found
            if (not provider or r.provider == provider) and (not to or r.taken.to == to)
        ]

    def record(self, message_id: str, provider: str = "") -> Record | None:
        """The newest message with the provider's id `message_id`."""
        found = (r for r in reversed(self.records(provider)) if r.taken.id == message_id)
        return next(found, None)

    def clear(self) -> None:
        """Forget all messages and numbers."""
        with self._lock:
            self._records.clear()
        for stats in self._stats.values():
            stats.reset()

    def add_account(self, provider: str, account: Account) -> None:
        """Know an account; one with the same callback URL is replaced."""
        others = [
            a for a in self._accounts.get(provider, ()) if a.callback_url != account.callback_url
        ]
        self._accounts[provider] = (*others, account)

    def accounts(self, provider: str) -> Sequence[Account]:
        """The accounts of `provider`."""
        return self._accounts.get(provider, ())

    def account(self, provider: str, callback_url: str = "") -> Account | None:
        """The account that `callback_url` belongs to, else the first."""
        found = self.accounts(provider)
        for account in found:
            if callback_url and callback_url.startswith(account.callback_url):
                return account
        return found[0] if found else None

    def stats_of(self, provider: str) -> Stats:
        """The numbers of one provider."""
        return self._stats.setdefault(provider, Stats())

    def stats(self) -> dict[str, dict[str, Any]]:
        """The numbers of all."""
        return {slug: stats.as_json() for slug, stats in sorted(self._stats.items())}
