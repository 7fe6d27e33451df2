"""How many segments an SMS takes, and which characters make it dear."""

from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")  # sent as an escape and a character
GSM_SINGLE, GSM_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67
# Signs that mean the same: only typography, never letters.
LOOKALIKES = str.maketrans(
    {
        "×": "x", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "·": "-", "•": "-", "…": "...",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs. `units` are septets in GSM-7 and 16-bit units in UCS-2."""

    count: int
    encoding: str
    units: int
    forced_by: str  # the characters that GSM-7 does not have, each once, in order


def segments(text: str) -> Segments:
    """Count the segments of `text` as an SMS."""
    foreign = "".join(dict.fromkeys(c for c in text if c not in BASIC and c not in EXTENDED))
    if foreign:
        widths = [2 if ord(c) > 0xFFFF else 1 for c in text]
        return Segments(_count(widths, UCS2_SINGLE, UCS2_PART), "UCS-2", sum(widths), foreign)
    widths = [2 if c in EXTENDED else 1 for c in text]
    return Segments(_count(widths, GSM_SINGLE, GSM_PART), "GSM-7", sum(widths), "")


def _count(widths: list[int], single: int, part: int) -> int:
    """Segments needed; a two-unit character is never cut in two."""
    if sum(widths) <= single:
        return 1 if widths else 0
    count, used = 1, 0
    for width in widths:
        if used + width > part:
            count, used = count + 1, 0
        used += width
    return count


def plain_typography(text: str) -> str:
    """`text` with typographic signs in their GSM-7 form, so that none of them triples the price."""
    return text if text.isascii() else text.translate(LOOKALIKES)
