"""Which value of a message goes into which property: lines of `property = value`."""

import re

from channels_app.contract import Message
from channels_app.wire import lines, record_fields

LONGEST_VALUE = 60_000  # HubSpot's own limit for a text property is 65,536
_PROPERTY = r"[a-z][a-z0-9_]{0,99}"
_STAGE = re.compile(r"([a-z_]{1,40})\s*=\s*([A-Za-z0-9_-]{1,100})")


def fields(text: str) -> dict[str, str]:
    """Property -> value, from lines of `property = value`; raises ValueError."""
    refusal = "Write one `property = value` a line, with values from the guide."
    return record_fields.fields(text, _PROPERTY, refusal)


def stages(text: str) -> dict[str, str]:
    """Our status -> id of a stage, from lines of `status = stage`; raises ValueError."""
    refusal = "Write one `status = id of a stage` a line, such as ready = 4b27b500."
    return lines.table(text, _STAGE, refusal)


def value(message: Message, path: str) -> str:
    """The value called `path`. HubSpot takes texts alone."""
    return record_fields.text(message, path, LONGEST_VALUE)
