"""Workers do without pages; everything else has them."""

import pytest

from config.processes import serves_pages


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
