"""Times that a message carries."""

import re
import time
from datetime import UTC, datetime
from typing import Any

_NUMERAL = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


def seconds(value: Any) -> float:
    """Seconds since 1970 for a datetime, a number, a numeral or an ISO 8601 text; else now."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = value.isoformat() if isinstance(value, datetime) else value
    text = text.strip() if isinstance(text, str) else ""
    if _NUMERAL.fullmatch(text):
        return float(text)
    found = moment(text)
    return found.timestamp() if found else time.time()


def moment(value: Any) -> datetime | None:
    """An ISO 8601 text as a time, in UTC where it names no zone; None for anything else."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and not found.tzinfo else found
