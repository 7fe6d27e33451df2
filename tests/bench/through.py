"""All the way: a webhook comes in, is understood, planned, and its message is at the provider."""

import time
from collections.abc import Mapping

import redis

from tests.bench import ingest
from tests.bench.scene import Incomplete, Scene
from tests.bench.sides import WARM, Product, Side, our_naive

SECONDS = 60.0  # for posting, at most


class Through:
    """Webhooks of one side's web server, messages of its worker."""

    def __init__(self, scene: Scene, hook: Mapping[str, str]) -> None:
        self.scene = scene
        ours, drf, _bare = ingest.targets(scene, hook)
        self._targets = {"ours": ours, "naive": drf}
        self._posted = 0

    def run(self, name: str, count: int) -> float:
        """Post `count` orders; messages a second, from the first post to the last message."""
        target = self._targets[name]
        side = self._side(name)
        stub = self.scene.stubs[0]
        redis.Redis.from_url(self.scene.broker).flushdb()
        if isinstance(side, Product):
            side.hold(0)
        with ingest.server(self.scene, target.app, target.env) as port, side.worker():
            stub.ask("reset")
            self._post(target, port, WARM)
            stub.wait_for(WARM, patience=30)
            stub.ask("reset")
            began = time.monotonic()
            self._post(target, port, count)
            stats = stub.wait_for(count)
        return count / float(stats["last"] - began)

    def _side(self, name: str) -> Side:
        if name == "naive":
            return our_naive(self.scene, 0, tuned=False)
        return Product(self.scene, 0)

    def _post(self, target: ingest.Target, port: int, count: int) -> None:
        order = {
            "port": port,
            "path": "/update/" if target.name == "drf" else target.path,
            "secret": target.secret,
            "seconds": SECONDS,
            "connections": ingest.CONNECTIONS,
            "most": count,
            "warm": 0,
            "first": 100_000 + self._posted if target.name == "ours" else 0,
        }
        self._posted += count
        found = ingest.load(order)
        if found["bad"] or found["good"] != count:
            raise Incomplete(f"{found['good']} of {count} webhooks were taken by {target.name}")
