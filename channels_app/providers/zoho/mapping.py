"""Which value goes into which field, and which stage a status is: lines of the settings."""

import re

from channels_app.wire import lines, record_fields

LONGEST_VALUE = 32_000  # of the longest kind of text field
_FIELD = r"[A-Za-z][A-Za-z0-9_]{0,79}"
_STAGE = re.compile(r"([a-z_]{1,40})\s*=\s*(\S.{0,119})")


def fields(text: str) -> dict[str, str]:
    """Field -> value, from lines of `Field = value`; raises ValueError."""
    refusal = "Write one `Field = value` a line, with values from the guide."
    return record_fields.fields(text, _FIELD, refusal)


def stages(text: str) -> dict[str, str]:
    """Our status -> name of a stage, from lines of `status = stage`; raises ValueError."""
    refusal = "Write one `status = stage` a line, such as ready = Ready to collect."
    return lines.table(text, _STAGE, refusal)
