"""How long a provider asks us to wait: the Retry-After header in both of its forms."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or None when the header is missing or unreadable.

    A date is compared with the answer's own Date where there is one: their clock may differ.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    moment = _moment(value)
    if moment is None:
        return None
    answered = _moment(headers.get("date", "")) or datetime.now(UTC)
    return max((moment - answered).total_seconds(), 0.0)


def _moment(value: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
