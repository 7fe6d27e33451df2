"""How values look in a message: clean text, money, quantities, times in the store's zone."""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from notifications.words import Language

NAME_LENGTH = 60
# Marks that stand on one letter in any living script; more than that is somebody's joke.
MARKS_IN_A_ROW = 3
JOINERS = "\u200c\u200d"  # Persian words and emoji families need them
# ISO 4217: currencies whose minor unit is not a hundredth.
NO_DECIMALS = frozenset({
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
    "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
})  # fmt: skip
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "MXN": "$"}
# Spanish is written with a decimal point and the sign in front in these countries.
POINT_COUNTRIES = frozenset(["US", "MX", "PR", "DO", "GT", "HN", "NI", "PA", "PE", "SV"])
_CODE = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)+|[A-Z]{3,}")


def clean(value: Any, length: int = NAME_LENGTH) -> str:
    """`value` as one line of safe text: no control or direction characters, no towers of marks."""
    text = str(value or "")
    if not (text.isascii() and text.isprintable()):
        text = _neutral(text)
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _neutral(text: str) -> str:
    # Twice the longest value is looked at, never a megabyte.
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text[:1_000]):
        kind = unicodedata.category(character)
        if kind in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif kind in ("Cf", "Cs", "Co", "Cn") and character not in JOINERS:
            continue
        else:
            marks = marks + 1 if kind in ("Mn", "Me") else 0
            if marks <= MARKS_IN_A_ROW:
                kept.append(character)
    return "".join(kept)


def url(value: Any) -> str:
    """A web address that a message may carry, or nothing."""
    text = str(value or "")
    usable = text.startswith(("https://", "http://")) and text.isascii() and text.isprintable()
    return text if usable and len(text) <= 500 and not re.search(r"[\s<>\"']", text) else ""


def reason(value: Any) -> str:
    """A source's reason; its codes (KITCHEN_BUSY) become words."""
    text = clean(value, 80)
    return text.replace("_", " ").lower() if _CODE.fullmatch(text) else text


def quantity(value: Any) -> str:
    """2, 1.5: without trailing zeros, never in scientific notation."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return clean(value, 12)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(minor: int | None, currency: str, language: Language, country: str = "") -> str:
    """An amount as people of that language and country write it; nothing when it is not known."""
    if minor is None:
        return ""
    code = currency.upper()
    places = 0 if code in NO_DECIMALS else 3 if code in THREE_DECIMALS else 2
    local = language.symbol_first or country.upper() in POINT_COUNTRIES
    whole, part = divmod(abs(minor), 10**places)
    point, groups = (".", ",") if local else (language.decimal_point, language.thousands)
    digits = f"{whole:,}".replace(",", groups) + (f"{point}{part:0{places}d}" if places else "")
    sign = "-" if minor < 0 else ""
    symbol = SYMBOLS.get(code, "")
    if local:
        return f"{sign}{symbol}{digits}" if symbol else f"{code} {sign}{digits}".strip()
    return f"{sign}{digits} {symbol or code}".strip()


@lru_cache(maxsize=500)
def zone(name: str) -> ZoneInfo:
    """The time zone called `name`; UTC when there is no such."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(value: datetime | str | None) -> datetime | None:
    """A time from a column or from a fact's ISO text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if value else None
        except ValueError:
            return None
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def clock(value: datetime | None, now: datetime, place: ZoneInfo, language: Language) -> str:
    """18:40 at the store; with the date when that is not today there."""
    if value is None:
        return ""
    local = value.astimezone(place)
    text = f"{local:%H:%M}"
    if local.date() == now.astimezone(place).date():
        return text
    month = language.months[local.month - 1]
    day = f"{month} {local.day}" if language.month_first else f"{local.day} {month}"
    return f"{day}, {text}"
