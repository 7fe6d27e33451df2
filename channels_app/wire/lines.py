"""Settings that staff type as lines of `left = right`."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError


def table(text: str, line: re.Pattern[str], refusal: str = "") -> dict[str, str]:
    """Left -> right, the two groups of `line`; ValueError with `refusal`, or with the bad line."""
    found = {}
    for one in filter(None, map(str.strip, text.splitlines())):
        read = line.fullmatch(one)
        if read is None:
            raise ValueError(refusal or one)
        found[read[1]] = read[2]
    return found


def checked(value: str, read: Callable[[str], object], refusal: Any = "%s") -> str:
    """For forms: `value`, if `read` can read it; `refusal` has a gap for what it says if not."""
    try:
        read(value)
    except ValueError as error:
        raise ValidationError(refusal % error) from None
    return value
