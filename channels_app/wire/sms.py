"""How long a text message is for the carriers: GSM-7, or UCS-2 as soon as one letter needs it."""

from channels_app.wire.markup import cut, utf16_length

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# These take two places.
_EXTENDED = frozenset("^{}\\[~]|€")
DOTS = "..."


def is_gsm(text: str) -> bool:
    """Whether every character is in the GSM alphabet."""
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def gsm_length(text: str) -> int:
    """Places that a GSM text takes."""
    return len(text) + sum(letter in _EXTENDED for letter in text)


def segments(text: str) -> int:
    """Into how many parts a text is cut: 160 to a part or 70, a little less in a longer text."""
    plain = is_gsm(text)
    size = gsm_length(text) if plain else utf16_length(text)
    single, part = (160, 153) if plain else (70, 67)
    return 1 if size <= single else -(-size // part)


def fitted(text: str, most_gsm: int, most_ucs2: int) -> str:
    """`text` cut to what the provider takes in its alphabet.

    A GSM text ends in three dots: an ellipsis is not in that alphabet, and would halve the rest.
    """
    if not is_gsm(text):
        return cut(text, most_ucs2, utf16_length)
    if gsm_length(text) <= most_gsm:
        return text
    room = most_gsm - len(DOTS)
    while gsm_length(text) > room:
        text = text[:room] if len(text) > room else text[:-1]
    return (text.rsplit(" ", 1)[0] or text) + DOTS
