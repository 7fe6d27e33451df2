"""Trouble on demand: what the stand-in server does wrong, to whom, and how often."""

import threading
from dataclasses import dataclass
from typing import Any

MODES = ("status", "delay", "hang", "drop_after_accept", "garbage", "redirect")
EVERY_PROVIDER = "*"


@dataclass(slots=True)
class Fault:
    """One kind of trouble.

    status             answered with `status` (and `retry_after`), not taken
    delay              taken and answered, `seconds` late
    hang               never answered (or after `seconds`, then taken)
    drop_after_accept  taken, then the connection closes without an answer
    garbage            taken, then answered 200 with something unreadable
    redirect           answered 302 to another place, not taken
    """

    provider: str
    mode: str
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    share: float = 1.0
    count: int | None = None
    due: float = 0.0

    def strikes(self) -> bool:
        """Whether this request is one of the share that it hits. Even, not random."""
        self.due += self.share
        if self.due < 1.0 - 1e-9:
            return False
        self.due -= 1.0
        if self.count is not None:
            self.count -= 1
        return True

    @property
    def spent(self) -> bool:
        """Whether it has hit as often as it was asked to."""
        return self.count is not None and self.count <= 0


def fault_from(value: Any) -> Fault:
    """The fault that `value`, from the control API, asks for; raises ValueError with the reason."""
    if not isinstance(value, dict) or value.get("mode") not in MODES:
        raise ValueError(f"`mode` must be one of {', '.join(MODES)}.")
    known = {"provider", "mode", "status", "retry_after", "seconds", "share", "count"}
    if set(value) - known:
        raise ValueError(f"Unknown: {', '.join(sorted(set(value) - known))}.")
    given = {key: number for key, number in value.items() if number is not None}
    try:
        fault = Fault(
            provider=str(given.get("provider") or EVERY_PROVIDER),
            mode=given["mode"],
            status=int(given.get("status", 503)),
            retry_after=float(given["retry_after"]) if "retry_after" in given else None,
            seconds=float(given.get("seconds", 0)),
            share=float(given.get("share", 1)),
            count=int(given["count"]) if "count" in given else None,
        )
    except (TypeError, ValueError):
        raise ValueError("status, retry_after, seconds, share and count are numbers.") from None
    if not 0 < fault.share <= 1 or not 200 <= fault.status <= 599 or fault.seconds < 0:
        raise ValueError("`share` is above 0 and at most 1, `status` 200..599, `seconds` from 0.")
    return fault


class Faults:
    """The trouble that is set, one per provider, and one for all."""

    def __init__(self) -> None:
        self._by_provider: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def set(self, fault: Fault) -> None:
        """Put `fault` in place of the provider's former one."""
        with self._lock:
            self._by_provider[fault.provider] = fault

    def clear(self, provider: str = "") -> None:
        """No more trouble: for `provider`, or at all."""
        with self._lock:
            if provider:
                self._by_provider.pop(provider, None)
            else:
                self._by_provider.clear()

    def strike(self, provider: str) -> Fault | None:
        """The trouble that this request of `provider` meets."""
        if not self._by_provider:
            return None
        with self._lock:
            for key in (provider, EVERY_PROVIDER):
                fault = self._by_provider.get(key)
                if fault is None or not fault.strikes():
                    continue
                if fault.spent:
                    del self._by_provider[key]
                return fault
        return None
