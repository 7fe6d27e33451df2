"""The demo in one command: time to the first message, and memory, beside a bare Django."""

import contextlib
import json
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import services
from tests.bench import load
from tests.bench.processes import unique_megabytes
from tests.bench.scene import Incomplete, Scene

PATIENCE = 90.0
SETTLED = 3.0  # seconds that a server runs before its memory is read
BARE = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1"]


@dataclass(frozen=True)
class Started:
    """Seconds from the start of the process to what was waited for, and its memory later."""

    seconds: float
    megabytes: float


def bare(scene: Scene) -> Started:
    """A Django with one view, under the same server: to its first answer."""
    port = services.free_port()
    place = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    command = [*BARE, *place, "tests.bench.naive.wsgi:application"]
    started = time.monotonic()
    with services.running(command, scene.naive_env(), folder=scene.folder, name="bare") as process:
        _first_answer(f"http://127.0.0.1:{port}/bare/")
        seconds = time.monotonic() - started
        time.sleep(SETTLED)
        return Started(seconds, unique_megabytes(process.tree))


def up(scene: Scene) -> Started:
    """`manage.py up` on the data of an earlier start: to the first message at the sandbox."""
    data = scene.folder / "demo"
    with _up(scene, data) as (url, _process):
        _first_answer(f"{url}/healthz")
        _demo(data)
    started = time.monotonic()
    with _up(scene, data) as (url, process):
        _first_answer(f"{url}/healthz")
        _post_order(_demo(data))
        _first_message(_demo(data)["sandbox_url"])
        seconds = time.monotonic() - started
        time.sleep(SETTLED)
        return Started(seconds, unique_megabytes(process.tree))


@contextlib.contextmanager
def _up(scene: Scene, data: Path) -> Iterator[tuple[str, services.Running]]:
    data.mkdir(exist_ok=True)
    (data / "demo.json").unlink(missing_ok=True)
    port = services.free_port()
    env = {
        "DATA": str(data),
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{data / 'demo.sqlite3'}",
    }
    command = [sys.executable, "manage.py", "up"]
    with services.running(command, env, folder=scene.folder, name="up") as process:
        try:
            yield f"http://127.0.0.1:{port}", process
        except Incomplete as error:
            raise Incomplete(f"{error}\n{process.tail()[-1500:]}") from None


def _first_answer(url: str) -> None:
    """Ask until it answers well."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        if time.monotonic() > deadline:
            raise Incomplete(f"{url} did not answer within {PATIENCE:g} s")
        time.sleep(0.01)


def _demo(data: Path) -> dict[str, Any]:
    """What `up` wrote for scripts."""
    path, deadline = data / "demo.json", time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(path.read_text(encoding="utf-8")))
        if time.monotonic() > deadline:
            raise Incomplete("demo.json was not written")
        time.sleep(0.01)


def _post_order(demo: Mapping[str, Any]) -> None:
    """A new order, signed as Shopify signs it: the staff are told at once."""
    shop = next((one for one in demo["connections"] if one["source"] == "shopify"), None)
    if shop is None:
        raise Incomplete("the demo has no Shopify connection")
    path = "/" + shop["url"].split("/", 3)[3]
    raw = load.request(path, 80, shop["secret"], 1, uuid.uuid4().hex)
    head, body = raw.split(b"\r\n\r\n", 1)
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[2:])
    call = urllib.request.Request(shop["url"], body, headers)
    with urllib.request.urlopen(call, timeout=10):
        return


def _first_message(sandbox: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError, ValueError),
            urllib.request.urlopen(f"{sandbox}/_control/messages", timeout=5) as answer,
        ):
            if json.load(answer):
                return
        time.sleep(0.01)
    raise Incomplete(f"no message came within {PATIENCE:g} s")
