"""Which value of a message goes into which field: lines of `Field__c = value`."""

from channels_app.wire import record_fields

LONGEST_VALUE = 131_072  # of the longest kind of text field
_FIELD = r"[A-Za-z][A-Za-z0-9_]{0,79}"


def fields(text: str) -> dict[str, str]:
    """Field -> value, from lines of `Field__c = value`; raises ValueError."""
    refusal = "Write one `Field__c = value` a line, with values from the guide."
    return record_fields.fields(text, _FIELD, refusal)
