"""Phone numbers in the one form in which they can be compared and dialled: E.164."""

import re
from functools import lru_cache

import phonenumbers

MAX_LENGTH = 60
_LETTERS = re.compile("[A-WYZa-wyz]")  # an x may stand before an extension


@lru_cache(maxsize=10_000)
def e164(raw: str, region: str = "") -> str:
    """`raw` as +<country><number>, or empty when it is no number that can exist.

    `region` (ISO 3166 alpha-2) reads numbers written without a country.
    """
    if len(raw) > MAX_LENGTH or _LETTERS.search(raw):
        # 555-555-SHIP would be read as 7447.
        return ""
    try:
        number = phonenumbers.parse(raw, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number) or number.extension:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
