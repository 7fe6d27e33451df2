"""What the stand-ins of several providers have in common."""

from collections import OrderedDict
from typing import Any


def trim(kept: OrderedDict[Any, Any], most: int) -> None:
    """Forget the oldest, so that a long demo does not fill the memory."""
    while len(kept) > most:
        kept.popitem(last=False)
