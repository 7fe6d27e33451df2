"""Webhooks in: our real endpoint beside a bare view and beside a DRF + ORM view, same server."""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests import services
from tests.bench.scene import Incomplete, Scene, clean_environment, execute, number

CONNECTIONS = 16
WARM = 200
STARTING = 60.0  # seconds at most
GRANIAN = [
    sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2",
    "--blocking-threads", "16", "--log-level", "error",
]  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One address of one application."""

    name: str
    app: str
    env: Mapping[str, str]
    path: str
    secret: str
    most: int  # requests at most
    table: str = ""  # where they are stored


@dataclass(frozen=True)
class Taken:
    """What one window gave."""

    rate: float
    p99_ms: float


def targets(scene: Scene, hook: Mapping[str, str]) -> list[Target]:
    """Ours, the DRF view, the bare one."""
    naive = {**scene.naive_env(), "NAIVE_WEBHOOK_SECRET": hook["secret"]}
    app, secret = "tests.bench.naive.wsgi:application", hook["secret"]
    return [
        Target(
            "ours",
            "config.wsgi:application",
            scene.product_env(),
            hook["hook"],
            secret,
            20_000,
            "orders_inboundevent",
        ),
        Target(
            "drf",
            app,
            naive,
            "/webhook/",
            secret,
            12_000,
            "naive_webhookevent",
        ),
        Target("bare", app, naive, "/bare/", secret, 60_000),
    ]


def ingest(scene: Scene, target: Target, seconds: float) -> Taken:
    """Start the server, post for `seconds`, and see that every answered request is a row.

    The rows are gone afterwards: a worker of the next round would work them off.
    """
    before = _rows(target)
    with server(scene, target.app, target.env) as port:
        order = {
            "port": port,
            "path": target.path,
            "secret": target.secret,
            "seconds": seconds,
            "connections": CONNECTIONS,
            "most": target.most,
            "warm": WARM,
        }
        found = load(order)
    if found["bad"]:
        raise Incomplete(f"{found['bad']} requests were refused by {target.name}")
    stored = _rows(target) - before
    if target.table:
        execute(target.env["DATABASE_URL"], f"DELETE FROM {target.table}")
    if target.table and stored != found["stored"]:
        raise Incomplete(f"{target.name} answered {found['stored']}, and stored another number")
    return Taken(found["rate"], found["p99_ms"])


def _rows(target: Target) -> int:
    if not target.table:
        return 0
    return number(target.env["DATABASE_URL"], f"SELECT count(*) FROM {target.table}")


def load(order: Mapping[str, object]) -> dict[str, float]:
    """What the load generator, in a process of its own, made of `order`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(order),
        cwd=services.ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    if done.returncode:
        raise Incomplete(f"the load generator failed: {done.stderr[-800:]}")
    return dict(json.loads(done.stdout))


@contextlib.contextmanager
def server(scene: Scene, app: str, env: Mapping[str, str]) -> Iterator[int]:
    """Granian with `app`; its port."""
    port = services.free_port()
    command = [*GRANIAN, "--host", "127.0.0.1", "--port", str(port), app]
    with services.running(command, env, folder=scene.folder, name="web"):
        services.wait_for_port(port, STARTING)
        _answers(port)
        yield port


def _answers(port: int) -> None:
    """The port opens before the workers can answer: wait for any answer at all."""
    deadline = time.monotonic() + STARTING
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=STARTING):
                return
        except urllib.error.HTTPError:
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise Incomplete(f"the server does not answer: {error}") from None
            time.sleep(0.1)
