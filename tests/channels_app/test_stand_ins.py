"""What stand-ins share."""

from collections import OrderedDict

from channels_app.wire.stand_ins import trim


def test_the_oldest_are_forgotten_first() -> None:
    kept = OrderedDict.fromkeys("abcd")
    trim(kept, 4)
    assert list(kept) == ["a", "b", "c", "d"]
    trim(kept, 2)
    assert list(kept) == ["c", "d"]
