"""Workers do without pages; everything else has them."""

import os
import subprocess
import sys

import pytest

from config.processes import serves_pages
from tests.services import ROOT

LOADS = """
import sys
sys.argv = ["celery", "-A", "config", "worker"]
from config.celery import app
app.loader.import_default_modules()
print(sorted({"rest_framework", "unfold", "config.urls", "notifications.views"} & set(sys.modules)))
print("notifications.pump" in sys.modules)
"""


@pytest.mark.parametrize(
    "argv",
    [
        ["/srv/.venv/bin/celery", "-A", "config", "worker"],
        ["/srv/lib/celery/__main__.py", "-A", "config", "beat"],
        ["manage.py", "dispatcher"],
    ],
)
def test_workers_beat_and_the_dispatcher_serve_no_pages(argv: list[str]) -> None:
    assert not serves_pages(argv)


@pytest.mark.parametrize("argv", [["manage.py", "up"], ["granian"], ["manage.py", "migrate"], []])
def test_other_processes_may(argv: list[str]) -> None:
    assert serves_pages(argv)


def run(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **changes}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )


def test_a_worker_loads_no_pages() -> None:
    assert run("-c", LOADS).stdout.splitlines() == ["[]", "True"]


def test_a_worker_with_a_setting_that_would_do_harm_does_not_start_and_says_why() -> None:
    ended = run(
        "-m", "celery", "-A", "config", "worker", "-P", "solo",
        CELERY_BROKER_URL="memory://", LEASE_SECONDS="5",
    )  # fmt: skip
    assert ended.returncode != 0
    assert "LEASE_SECONDS is too short" in ended.stderr
