"""A web shop that keeps a book: what it posted, when, and what it was answered."""

import base64
import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.journeys.shop import shopify_order

# Personal data that must be in no log. Nobody has these.
CANARY_NAME = "Zenobia"
CANARY_HOST = "canary.example"
CANARY_PHONE = "+1202556"
GIVE_UP = 60.0
AGAIN = 0.2
NO_ANSWER = 0


@dataclass(frozen=True)
class Post:
    """One request and its answer; status 0 when there was none."""

    number: int
    key: str  # under which the product keeps the event
    status: int
    at: float
    seconds: float
    retry_after: str = ""

    @property
    def taken(self) -> bool:
        """Whether the product has promised to keep it."""
        return 200 <= self.status < 300


@dataclass
class Source:
    """Posts signed Shopify webhooks, and repeats what was not taken, as Shopify does."""

    url: str
    secret: str
    posts: list[Post] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1001))

    def fresh(self, count: int) -> list[int]:
        """Order numbers that were not used yet."""
        return list(itertools.islice(self._numbers, count))

    def post(
        self, number: int, topic: str = "orders/create", event_id: str = "", **changes: Any
    ) -> Post:
        """Tell of order `number` once; the answer is kept."""
        raw = json.dumps(order(number, **changes)).encode()
        digest = hmac.new(self.secret.encode(), raw, hashlib.sha256).digest()
        event_id = event_id or str(uuid.uuid4())
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Event-Id": event_id,
            "X-Shopify-Shop-Domain": "trattoria.example",
        }
        at, started = time.time(), time.monotonic()
        status, retry_after = _answer(Request(self.url, raw, headers))
        made = Post(
            number, f"{topic}:{event_id}", status, at, time.monotonic() - started, retry_after
        )
        self.posts.append(made)
        return made

    def post_until_taken(self, number: int, **changes: Any) -> Post:
        """Tell of order `number` until it is taken; a repeat has the same id."""
        event_id, end = str(uuid.uuid4()), time.monotonic() + GIVE_UP
        while True:
            made = self.post(number, event_id=event_id, **changes)
            if made.taken:
                return made
            if time.monotonic() > end:
                raise AssertionError(f"Order {number} was not taken: {made}")
            time.sleep(AGAIN)

    def orders(self, count: int, threads: int = 4) -> list[int]:
        """`count` new orders, posted by several threads until each is taken."""
        numbers = self.fresh(count)
        self.at_once(numbers, threads)
        return numbers

    def at_once(self, numbers: Iterable[int], threads: int) -> None:
        """Orders `numbers`, by several threads."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.post_until_taken, numbers))

    def cancel(self, numbers: Iterable[int], threads: int) -> None:
        """Orders `numbers` are cancelled, by several threads."""
        now = datetime.now(UTC).isoformat(timespec="seconds")

        def one(number: int) -> None:
            self.post_until_taken(number, topic="orders/cancelled", cancelled_at=now)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, numbers))


def order(number: int, **changes: Any) -> dict[str, Any]:
    """Order `number` of a customer of its own, placed now."""
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    email = f"guest{number}@{CANARY_HOST}"
    mine = {
        "created_at": now,
        "processed_at": now,
        "updated_at": now,
        "phone": f"{CANARY_PHONE}{number % 10_000:04d}",
        "email": email,
        "contact_email": email,
        "customer": {"id": number, "first_name": CANARY_NAME, "last_name": "Lovelace"},
    }
    return shopify_order(number, **{**mine, **changes})


def _answer(call: Request) -> tuple[int, str]:
    """(status, Retry-After) of the product's answer; status 0 when there is none."""
    try:
        with urlopen(call, timeout=20) as answer:
            return int(answer.status), ""
    except HTTPError as error:
        return error.code, error.headers.get("Retry-After", "")
    except (OSError, HTTPException):
        return NO_ANSWER, ""
