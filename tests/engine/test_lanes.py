"""A lane keeps its channel's limit, and sends nothing that was checked too long ago."""

from types import SimpleNamespace
from typing import Any

from notifications.lanes import TRUE_FOR, Lanes


def job(pk: int, channel: Any, urgent: bool = False) -> Any:
    return SimpleNamespace(
        delivery=SimpleNamespace(pk=pk),
        channel=channel,
        notification=SimpleNamespace(urgent=urgent),
    )


def fly(lanes: Lanes, channel: Any) -> list[int]:
    sent = []
    for one, _composed in lanes.next(channel.pk):
        lanes.in_flight[channel.pk] += 1
        sent.append(one.delivery.pk)
    return sent


def full(channel: Any, count: int, checked_at: float) -> Lanes:
    lanes = Lanes()
    for pk in range(count):
        lanes.add(job(pk, channel), "words", checked_at)
    return lanes


def test_no_more_fly_than_the_channel_allows_and_the_next_follow_when_one_lands(monkeypatch):
    monkeypatch.setattr("notifications.lanes.time.monotonic", lambda: 100.0)
    channel = SimpleNamespace(pk=7, limit=2)
    lanes = full(channel, 5, 100.0)
    assert fly(lanes, channel) == [0, 1]
    assert lanes.taken() == {7: 5}
    lanes.in_flight[7] -= 1
    assert fly(lanes, channel) == [2]


def test_what_waited_too_long_goes_back_to_be_checked_anew(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("notifications.lanes.time.monotonic", lambda: clock[0])
    channel = SimpleNamespace(pk=7, limit=2)
    lanes = full(channel, 4, 100.0)
    assert fly(lanes, channel) == [0, 1]
    clock[0] += TRUE_FOR + 0.1
    lanes.in_flight[7] = 0
    assert fly(lanes, channel) == []
    assert lanes.stale == [2, 3]
    assert lanes.room(channel) == 2  # a slow channel gets no more than fly


def test_giving_up_names_everything_that_has_not_flown(monkeypatch):
    monkeypatch.setattr("notifications.lanes.time.monotonic", lambda: 100.0)
    channel = SimpleNamespace(pk=7, limit=1)
    lanes = full(channel, 3, 100.0)
    fly(lanes, channel)
    assert lanes.empty() == [1, 2]
    assert not lanes


def test_what_is_ready_about_an_order_that_has_news_goes_back(monkeypatch):
    monkeypatch.setattr("notifications.lanes.time.monotonic", lambda: 100.0)
    channel, lanes = SimpleNamespace(pk=7, limit=9), Lanes()
    for pk, order_id in enumerate((31, 32, 31, None)):
        ready = job(pk, channel)
        ready.delivery.order_id, ready.latest = order_id, pk
        lanes.add(ready, "words", 100.0)
    assert lanes.seen() == {31: 0, 32: 1}
    lanes.withdraw({31})
    assert lanes.stale == [0, 2]
    assert fly(lanes, channel) == [1, 3]


def test_what_is_urgent_overtakes_what_is_not_and_keeps_its_own_order(monkeypatch):
    monkeypatch.setattr("notifications.lanes.time.monotonic", lambda: 100.0)
    channel = SimpleNamespace(pk=7, limit=9)
    lanes = full(channel, 2, 100.0)
    for pk, urgent in ((10, True), (11, True), (12, False), (13, True)):
        lanes.add(job(pk, channel, urgent), "words", 100.0)
    assert fly(lanes, channel) == [10, 11, 13, 0, 1, 12]
