"""A small lunch service: a few orders walk from placed to picked up, by really posted webhooks."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from notifications.demo import bodies, senders

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """At `at` seconds after the doors open, `source` says something."""

    at: float
    source: str
    body: Callable[[datetime], Mapping[str, Any]]
    topic: str = ""


def service(number: int) -> Sequence[Step]:
    """One lunch, about two minutes of it; `number` keeps its orders apart from those of others."""
    steps = [
        *_steps(0, 7, "shopify", bodies.ada(number)),
        *_steps(2, 9, "generic", bodies.luis(number)),
        *_steps(5, 9, "woocommerce", bodies.grace(number)),
        *_steps(9, 8, "generic", bodies.mei(number)),
        *_steps(14, 12, "generic", bodies.omar(number)),
        *_steps(18, 14, "generic", bodies.noor(number)),
    ]
    return sorted(steps, key=lambda step: step.at)


def _steps(
    start: float, every: float, source: str, story: Sequence[tuple[str, Callable[[datetime], Any]]]
) -> Iterator[Step]:
    for index, (topic, body) in enumerate(story):
        yield Step(start + index * every, source, body, topic)


def run(demo: Mapping[str, Any], number: int, stop: threading.Event) -> int:
    """Post one lunch to the connections of `demo.json`, in its own time; how many were taken."""
    connections = {entry["source"]: entry for entry in demo["connections"]}
    opened, taken = time.monotonic(), 0
    for step in service(number):
        if stop.wait(max(0.0, opened + step.at - time.monotonic())):
            break
        try:
            body = step.body(datetime.now(UTC).replace(microsecond=0))
            taken += senders.post(connections[step.source], body, step.topic) < 300
        except OSError as error:
            log.warning("the lunch service could not post to %s: %s", step.source, error)
    return taken


def start(demo: Mapping[str, Any], stop: threading.Event, services: int = 6) -> threading.Thread:
    """Serve lunch in a thread: the first at once, later ones with a pause, `services` in all."""
    first = int(time.time()) // 10 % 100_000

    def serve() -> None:
        _wait_for_the_door(demo["url"], stop)
        for number in range(services):
            run(demo, first + number, stop)
            if stop.wait(timedelta(seconds=20).total_seconds()):
                return

    thread = threading.Thread(target=serve, name="lunch", daemon=True)
    thread.start()
    return thread


def _wait_for_the_door(url: str, stop: threading.Event) -> None:
    for _ in range(100):
        if senders.answers(f"{url}/healthz") or stop.wait(0.1):
            return
