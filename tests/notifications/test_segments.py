"""What an SMS costs."""

import pytest

from notifications.segments import plain_typography, segments


@pytest.mark.parametrize(
    ("text", "count", "encoding", "units"),
    [
        ("", 0, "GSM-7", 0),
        ("a" * 160, 1, "GSM-7", 160),
        ("a" * 161, 2, "GSM-7", 161),
        ("a" * 306, 2, "GSM-7", 306),
        ("a" * 307, 3, "GSM-7", 307),
        ("ñ¿¡éàü" * 20, 1, "GSM-7", 120),
        ("€" * 80, 1, "GSM-7", 160),
        ("€" * 81, 2, "GSM-7", 162),
        ("í" + "a" * 69, 1, "UCS-2", 70),
        ("í" + "a" * 70, 2, "UCS-2", 71),
        ("😀" * 35, 1, "UCS-2", 70),
        ("😀" * 36, 2, "UCS-2", 72),
        ("\u202e" + "a" * 70, 2, "UCS-2", 71),
        ("👨‍👩‍👧", 1, "UCS-2", 8),
    ],
)
def test_segments_are_counted_in_the_alphabet_that_the_text_needs(text, count, encoding, units):
    found = segments(text)
    assert (found.count, found.encoding, found.units) == (count, encoding, units)


def test_a_sign_of_two_units_is_never_cut_in_two():
    # 152 letters, then a euro sign that needs the 153rd and the 154th place of a part.
    assert segments("a" * 152 + "€" + "a" * 152).count == 3
    # A pair of surrogates at the 67th and 68th place of a part of 67.
    assert segments("í" + "a" * 65 + "😀" + "a" * 66).count == 3


def test_the_characters_that_force_the_dear_alphabet_are_named_once_in_order():
    assert segments("Está lista: «í», más í").forced_by == "á«í»"


def test_typography_becomes_plain_and_letters_stay():
    plain = plain_typography("2 × “Crème” – it’s… 5\u00a0€ · á")
    assert plain == '2 x "Crème" - it\'s... 5 € - á'
    assert segments(plain).forced_by == "á"
