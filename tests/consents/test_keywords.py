"""What people write, and what it means."""

from pathlib import Path

import pytest

from consents.keywords import understand

Case = tuple[str, str, bool]


def corpus() -> list[Case]:
    """Phrases with the kind and the certainty that they must have."""
    cases: list[Case] = []
    kind, certain = "", True
    lines = (Path(__file__).parent / "phrases.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("["):
            kind, _space, doubt = line.strip("[]").partition(" ")
            certain = not doubt and kind != "unclear"
        elif not line.startswith("#"):
            cases.append((line.replace("\\n", "\n").replace("\\u200b", "\u200b"), kind, certain))
    return cases


CORPUS = corpus()


@pytest.mark.parametrize(("text", "kind", "certain"), CORPUS)
def test_a_phrase_is_understood(text: str, kind: str, certain: bool) -> None:
    understood = understand(text)

    assert (understood.kind, understood.certain) == (kind, certain)


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(CORPUS) >= 250
    assert len(set(CORPUS)) == len(CORPUS)
    assert sum(kind == "stop" for _text, kind, _certain in CORPUS) >= 130


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "!!!", "\x00", "\ud800"])
def test_an_empty_or_broken_message_asks_for_nothing(text: str) -> None:
    assert understand(text).kind == "none"


def test_a_huge_message_is_read_in_bounded_time() -> None:
    assert understand("no " * 200_000).kind in ("none", "unclear")
    assert understand("stop " + "a" * 500_000).kind in ("stop", "unclear")


def test_si_is_no_yes_to_somebody_who_writes_french() -> None:
    assert understand("si", "es").kind == "start"
    assert understand("si", "fr").kind == "none"
