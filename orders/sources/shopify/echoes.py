"""What we wrote on an order ourselves, in the forms in which it comes back: it is no news.

The channel of the same name writes lines into the note and tags. A metafield is in no body. An
entry in a parcel's history comes back as the status that it was written for, at the very time of
that change, so the timeline finds nothing in it that it does not know.
"""

import re
from collections.abc import Mapping
from typing import Any

from orders.parsing import text

TAG_PREFIX = "orderbell:"
_OUR_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC: .")


def without_our_lines(note: Any) -> str:
    """The customer's own note: lines that begin as ours do are left out."""
    if not isinstance(note, str):
        return ""
    lines = [line for line in note.splitlines() if not _OUR_LINE.match(line)]
    return "\n".join(lines).strip()


def without_our_tags(tags: Any, settings: Mapping[str, Any]) -> str:
    """The shop's own tags."""
    prefix = (text(settings.get("own_tags"), 20) or TAG_PREFIX).lower()
    words = [word.strip() for word in text(tags, 2000).split(",")]
    return ", ".join(word for word in words if word and not word.lower().startswith(prefix))
