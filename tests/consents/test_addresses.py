"""One way to write each address."""

import pytest

from consents import addresses


@pytest.mark.parametrize(
    ("kind", "text", "region", "expected"),
    [
        ("phone", "(202) 555-0143", "US", "+12025550143"),
        ("phone", "+44 20 7946 0958", "US", "+442079460958"),
        ("phone", "020 7946 0958", "GB", "+442079460958"),
        ("phone", "612 34 56 78", "ES", "+34612345678"),
        ("phone", "＋１２０２５５５０１４３", "US", "+12025550143"),
        ("phone", "+1 202\u200b555\u202c0143", "US", "+12025550143"),
        ("phone", "call me", "US", ""),
        ("phone", "12", "US", ""),
        ("phone", "1" * 5000, "US", ""),
        ("phone", "\0", "US", ""),
        ("email", " Ada.L+shop@Example.COM. ", "US", "ada.l+shop@example.com"),
        ("email", "ada@bücher.example", "US", "ada@xn--bcher-kva.example"),
        ("email", "ada", "US", ""),
        ("email", "@example.com", "US", ""),
        ("email", "ada@localhost", "US", ""),
        ("email", "ada lovelace@example.com", "US", ""),
        ("email", "a@" + "b" * 600 + ".com", "US", ""),
        ("telegram", " 77001 ", "US", "77001"),
        ("push", "https://push.example.com/A?b=C", "US", "https://push.example.com/A?b=C"),
        ("push", "", "US", ""),
    ],
)
def test_an_address_has_one_form(kind: str, text: str, region: str, expected: str) -> None:
    found = addresses.normalise(kind, text, region)

    assert found == expected
    assert addresses.normalise(kind, found, "FR") == expected


def test_spellings_of_an_address_share_a_digest_and_kinds_do_not() -> None:
    assert addresses.digest("phone", "(202) 555-0143") == addresses.digest("phone", "+12025550143")
    assert addresses.digest("email", "Ada@Example.com") == addresses.digest(
        "email", "ada@example.com"
    )
    assert addresses.digest("telegram", "77001") != addresses.digest("push", "77001")
    assert "2025550143" not in addresses.digest("phone", "+12025550143")
