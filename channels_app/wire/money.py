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
    code = code_of(currency)
    return Decimal(minor).scaleb(-DIGITS.get(code, 2)) if code else None


def code_of(currency: Any) -> str:
    """The currency's three letters, in capitals; empty when it is no currency."""
    code = currency.upper() if isinstance(currency, str) else ""
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""


def written(minor: Any, currency: Any) -> str:
    """The amount as text, with all the digits that its currency has; empty when it is none."""
    found = amount(minor, currency)
    return "" if found is None else f"{found:f}"


def shown(minor: Any, currency: Any) -> str:
    """The amount as people write it, such as 21.50 EUR; empty when it is none."""
    found = written(minor, currency)
    return f"{found} {code_of(currency)}" if found else ""


def number(minor: Any, currency: Any) -> int | float | None:
    """The amount as a number of JSON; whole where the currency has no minor unit."""
    found = amount(minor, currency)
    if found is None:
        return None
    return int(found) if found.as_tuple().exponent == 0 else float(found)
