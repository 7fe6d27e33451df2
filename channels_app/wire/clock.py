"""The time a request is signed with."""

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
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return time.time()
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
