"""Reading values that strangers wrote: JSON, money, times, text. Pure, and trusts nothing.

Refusals are `Malformed` (the body breaks its own format) or `Unmappable` (a value
that makes no sense), each with a sentence that says what and where.
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import phonenumbers

from orders.contract import Malformed, Unmappable

MAX_DEPTH = 64
MAX_NUMBER_CHARACTERS = 100
MAX_EXPONENT = 400
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
SAFE_INTEGER = 2**53

# A text that never ends is taken to the end of the body: looking for its end again
# from each quote inside it would take quadratic time.
_BRACKET_OR_STRING = re.compile(r'[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_AMOUNT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_LETTERS = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"\s*(?:ext\.?|extension|x|#)\s*\d{1,7}\s*$", re.IGNORECASE)

# ISO 4217: how many digits the minor unit has, where it is not two.
_NO_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_NO_MINOR_UNIT.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
    "CLF": 4,
    "UYW": 4,
}


# -- JSON ---------------------------------------------------------------------------------------


def parse_json(body: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """The value in `body`. Integers stay exact, other numbers become Decimal, never float.

    Raises Malformed for anything that is not clean UTF-8 JSON: NaN, nesting over
    `max_depth`, lone surrogates, NUL characters, endless numbers. Of a repeated
    member the last one counts, as in the parsers of the senders themselves.
    """
    text = _decoded(body)
    _check_depth(text, max_depth)
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_decimal, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(f"The body is not valid JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    if _SUSPICIOUS_ESCAPE.search(text):
        _check_strings(value)
    return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not valid UTF-8 at byte {error.start}.") from None


def _check_depth(text: str, limit: int) -> None:
    depth = 0
    for match in _BRACKET_OR_STRING.finditer(text):
        mark = text[match.start()]
        if mark in "[{":
            depth += 1
            if depth > limit:
                where = match.start()
                raise Malformed(f"The body is nested deeper than {limit} levels at {where}.")
        elif mark in "]}":
            depth -= 1


def _integer(token: str) -> int:
    if len(token) > MAX_NUMBER_CHARACTERS:
        raise Malformed(f"The body holds a number of {len(token)} digits.")
    return int(token)


def _decimal(token: str) -> Decimal:
    if len(token) > MAX_NUMBER_CHARACTERS:
        raise Malformed(f"The body holds a number of {len(token)} characters.")
    exponent = re.split("[eE]", token)[1:]
    if exponent and (len(exponent[0]) > 5 or abs(int(exponent[0])) > MAX_EXPONENT):
        raise Malformed(f"The body holds a number out of range: {token[:20]}.")
    return Decimal(token)


def _refuse_constant(token: str) -> Any:
    raise Malformed(f"The body is not valid JSON: {token} is not a number of JSON.")


def _check_strings(value: Any) -> None:
    for path, string in _strings(value):
        bad = _UNSTORABLE.search(string)
        if bad:
            kind = "a NUL character" if bad[0] == "\x00" else "half a surrogate pair"
            raise Malformed(f"{_printable(path) or 'The body'} holds {kind}.")


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every string and key in `value`, each with the path to it."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, list):
            stack.extend((f"{path}[{n}]", member) for n, member in enumerate(item))
        elif isinstance(item, dict):
            for key, member in item.items():
                below = f"{path}.{key}" if path else key
                yield f"the name of {below}", key
                stack.append((below, member))


def _printable(path: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", path)[:200]


def plain(value: Any) -> Any:
    """`value` as a JSON column takes it: Decimals become text, deep or huge parts stay exact."""
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


# -- text and ids -------------------------------------------------------------------------------


def text(value: Any, limit: int = 255) -> str:
    """`value` as one clean line of at most `limit` characters; "" when it is no text or number.

    Line breaks and tabs become a space; other control characters, invisible
    direction marks and halves of surrogate pairs are dropped.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    string = number_text(value) if not isinstance(value, str) else value
    if string.isascii() and string.isprintable():
        return string.strip()[:limit].strip()
    one_line = string[: limit * 4].replace("\r\n", "\n")
    return "".join(map(_clean, one_line)).strip()[:limit].strip()


def _clean(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character in "\r\n\t\v\f\x85\u2028\u2029":
        return " "
    if "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069":
        return ""
    return "" if unicodedata.category(character) in ("Cc", "Cs") else character


def html_text(value: Any, limit: int = 255) -> str:
    """Like `text`, for sources that write `&ndash;` and `&#039;` into plain names."""
    return text(html.unescape(value) if isinstance(value, str) else value, limit)


def number_text(value: int | Decimal) -> str:
    """A number in plain digits: 1E+2 is 100."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def quantity(value: Any) -> str:
    """A quantity as decimal text without idle zeros; "" unless it is from 0 to a billion."""
    given = text(value, 30)
    if not _AMOUNT.fullmatch(given):
        return ""
    number = Decimal(given)
    if not 0 <= number < 10**9:
        return ""
    rounded = number.quantize(Decimal("0.001"), ROUND_HALF_UP).normalize()
    return number_text(rounded)


def identifier(value: Any, where: str = "id", limit: int = 120) -> str:
    """An outside id as text; "" when there is none. Raises Unmappable when it cannot be one.

    A number with a decimal point is refused: it went through a float and may be wrong.
    """
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unmappable(f"{where}: an id must be a text or a whole number.")
    string = text(value, limit + 1)
    if len(string) > limit:
        raise Unmappable(f"{where}: an id may have {limit} characters at most.")
    return string


def js_rounded(number: str) -> str:
    """What JavaScript makes of a whole number above 2^53; others come back unchanged.

    >>> js_rounded("820982911946154508")
    '820982911946154500'
    """
    if not re.fullmatch(r"-?[0-9]{1,21}", number) or abs(int(number)) <= SAFE_INTEGER:
        return number
    rounded = Decimal(repr(float(int(number))))
    return number if abs(rounded) >= 10**21 else format(rounded, "f").removesuffix(".0")


def web_address(value: Any, limit: int = 500) -> str:
    """`value` when it is an http(s) URL that fits, else ""."""
    url = text(value, limit + 1)
    fits = len(url) <= limit and re.fullmatch(r"https?://[^\s<>\"'\\]+", url, re.IGNORECASE)
    return url if fits else ""


# -- phones -------------------------------------------------------------------------------------


def possible_phone(value: str, country: str = "") -> bool:
    """Whether `value` can be a phone number, read in `country` when it names none itself.

    Letters make it none: 555-555-SHIP would otherwise be dialled as 7447. Without
    any country a number of ordinary length passes; whoever knows the country reads it.
    """
    bare = _EXTENSION.sub("", value)
    if not bare or _LETTERS.search(bare):
        return False
    if not country and not bare.lstrip().startswith("+"):
        return 7 <= sum(character.isdigit() for character in bare) <= 15
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(bare, country or None))
    except phonenumbers.NumberParseException:
        return False


def first_phone(candidates: Iterable[Any], country: str = "") -> str:
    """The first of `candidates` that can be a phone number, as it was written; else ""."""
    cleaned = (text(candidate, 60) for candidate in candidates)
    return next((phone for phone in cleaned if possible_phone(phone, country)), "")


# -- money --------------------------------------------------------------------------------------


def currency_code(value: Any) -> str:
    """A three-letter code in capitals, or "" when `value` is none."""
    code = text(value, 4).upper()
    return code if re.fullmatch("[A-Z]{3}", code) else ""


def minor_units(amount: Any, currency: str) -> int:
    """`amount` in the smallest unit of `currency`: "21.50" USD is 2150, "1200" JPY is 1200.

    More decimals than the currency has are rounded half up. Raises Unmappable on
    anything that is not a plain decimal number; thousands separators are not guessed at.
    """
    code = currency_code(currency)
    if not code:
        raise Unmappable(f"{text(currency, 20)!r} is not a currency code such as USD.")
    scaled = _amount(amount).scaleb(EXPONENTS.get(code, 2))
    whole = scaled.quantize(Decimal(1), ROUND_HALF_UP)
    return int(whole)


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unmappable('An amount must be a number or a text such as "21.50".')
    given = number_text(value) if not isinstance(value, str) else value.strip()
    if len(given) > 24 or not _AMOUNT.fullmatch(given):
        raise Unmappable(f'{text(given, 30)!r} is not an amount such as "21.50".')
    number = Decimal(given)
    if abs(number) >= 10**14:
        raise Unmappable(f"{text(given, 30)} is too large to be an amount of money.")
    return number


# -- times --------------------------------------------------------------------------------------


def timestamp(value: Any, *, naive_is_utc: bool = False) -> datetime | None:
    """`value` as a time in UTC, or None when it is none that we would believe.

    Reads ISO 8601 with "Z", "+00:00" and "+0000", and seconds, milliseconds or
    microseconds since 1970. A time without a zone counts as UTC only when
    `naive_is_utc`. Years outside 1990 to 2099 are None.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    string = text(value, 40)
    if re.fullmatch(r"[0-9]{8,17}(?:\.[0-9]+)?", string):
        return _believable(_from_epoch(Decimal(string)))
    return _believable(_from_iso(string, naive_is_utc))


def _from_epoch(number: Decimal) -> datetime | None:
    seconds = number
    while seconds >= 10**11:
        seconds /= 1000
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 10**6))
    except OverflowError:
        return None


def _from_iso(string: str, naive_is_utc: bool) -> datetime | None:
    if not string.isascii():
        return None
    tight = re.sub(r"\s+(?=[+-]\d\d|Z$|UTC$)", "", string.upper()).removesuffix("UTC")
    zone_named = "Z" if string.upper().endswith("UTC") else ""
    try:
        read = datetime.fromisoformat(tight + zone_named)
        if read.tzinfo is None:
            return read.replace(tzinfo=UTC) if naive_is_utc else None
        return read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _believable(moment: datetime | None) -> datetime | None:
    return moment if moment and EARLIEST <= moment < LATEST else None


# -- finding the way through parsed JSON --------------------------------------------------------


def dig(value: Any, *path: str) -> Any:
    """The member at `path`, or None when any step of it is missing or no object."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing when `value` is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def unique(values: Iterable[str], apart_from: str = "") -> list[str]:
    """`values` once each, in order, without empty ones and without `apart_from`."""
    return [value for value in dict.fromkeys(values) if value and value != apart_from]


def minor_or_none(amount: Any, currency: str) -> int | None:
    """Like `minor_units`, for sources whose money must not stand in the way of a status."""
    try:
        return minor_units(amount, currency)
    except Unmappable:
        return None


def translate(word: str, table: Mapping[str, str], settings: Mapping[str, Any]) -> str | None:
    """`word` in our vocabulary: the connection's `status_map` first, then `table`; else None.

    A value that is no status of ours (such as "ignore") is handed back as it is.
    """
    own = settings.get("status_map")
    mapped = own.get(word) if isinstance(own, dict) else None
    return mapped if isinstance(mapped, str) else table.get(word)
