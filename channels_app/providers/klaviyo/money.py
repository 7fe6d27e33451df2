"""Amounts as Klaviyo counts them: a number of whole units, exact for every currency."""

from typing import Any

# Digits after the point, where they are not two (ISO 4217).
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
NO_DIGITS = frozenset(_NONE.split())
THREE_DIGITS = frozenset(_THREE.split())


def amount(minor: Any, currency: str) -> float | int | None:
    """2150 USD is 21.5, 1200 JPY is 1200; None when it is no amount of a known currency."""
    if not isinstance(minor, int) or isinstance(minor, bool) or not is_currency(currency):
        return None
    if currency in NO_DIGITS:
        return minor
    return minor / (1000 if currency in THREE_DIGITS else 100)


def is_currency(code: str) -> bool:
    """Whether `code` looks like one of ISO 4217: three capital letters."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()
