"""Amounts for other systems: we count minor units, they want a decimal in the main one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# ISO 4217: how many digits the minor unit has, where it is not two. As the sources count them.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
DIGITS: Mapping[str, int] = {
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    "CLF": 4,
    "UYW": 4,
}
# More than any order comes to; up to here a float still shows every digit.
LARGEST = 10**15


def amount(minor: Any, currency: Any) -> Decimal | None:
    """2150 USD is 21.50, 1200 JPY is 1200, 1500 KWD is 1.500; None when it is no amount."""
    if isinstance(minor, bool) or not isinstance(minor, int) or abs(minor) > LARGEST:
        return None
    code = currency.upper() if isinstance(currency, str) else ""
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        return None
    digits = DIGITS.get(code, 2)
    return Decimal(minor).scaleb(-digits)


def written(minor: Any, currency: Any) -> str:
    """The amount as text, with all the digits that its currency has; empty when it is none."""
    found = amount(minor, currency)
    return "" if found is None else f"{found:f}"


def number(minor: Any, currency: Any) -> int | float | None:
    """The amount as a number of JSON; whole where the currency has no minor unit."""
    found = amount(minor, currency)
    if found is None:
        return None
    return int(found) if found.as_tuple().exponent == 0 else float(found)
