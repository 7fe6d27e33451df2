"""Amounts as people write them, with the digits that the currency has."""

from decimal import Decimal
from typing import Any

# Digits after the point, where they are not two (ISO 4217).
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
DIGITS = dict.fromkeys(_NONE.split(), 0) | dict.fromkeys(_THREE.split(), 3)


def written(minor: Any, currency: str) -> str:
    """2150 USD is "21.50", 1200 JPY is "1200"; empty when it is no amount of a currency."""
    if not isinstance(minor, int) or isinstance(minor, bool) or not currency:
        return ""
    digits = DIGITS.get(currency, 2)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"
