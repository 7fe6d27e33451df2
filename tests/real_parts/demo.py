"""`manage.py up` as a newcomer starts it, and what a browserless visitor sees."""

import http.cookiejar
import json
import re
import sqlite3
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

from tests import services


class Demo:
    """One folder of data, and the process that serves it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.port = services.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            "DATA": str(folder),
            "PORT": str(self.port),
            # As on a machine where nobody has set anything.
            "SECRET_KEY": "",
            "CREDENTIAL_KEYS": "",
            "LEASE_SECONDS": "6",
            "SEND_TIMEOUT_SECONDS": "2",
            **environment,
        }

    def up(self) -> services.Running:
        """Start it; return when the page answers."""
        process = self.stack.enter_context(
            services.running(
                [sys.executable, "manage.py", "up"], self.env, folder=self.folder, name="up"
            )
        )
        process.wait_for("Orderbell answers on")
        self.process = process
        services.wait_until(self.alive, 60, process.tail)
        return process

    def alive(self) -> bool:
        """Whether the pages answer; fails when the process has ended."""
        assert self.process.popen.poll() is None, self.process.tail()
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        """(status, text) of a page, without logging in."""
        with urlopen(f"{self.url}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()

    @property
    def facts(self) -> dict[str, Any]:
        """demo.json."""
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return found

    def messages(self, query: str = "") -> list[dict[str, Any]]:
        """What the sandbox took."""
        with urlopen(f"{self.facts['sandbox_url']}/_control/messages{query}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
            return found

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        path = self.folder / "orderbell.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
            return base.execute(sql).fetchall()

    def log_in(self, username: str, password: str) -> str:
        """The page that somebody lands on who logs in by the form."""
        opener = build_opener(HTTPCookieProcessor(http.cookiejar.CookieJar()))
        form = opener.open(f"{self.url}/login/", timeout=10).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token is not None
        fields = {"username": username, "password": password, "csrfmiddlewaretoken": token[1]}
        page = opener.open(f"{self.url}/login/", urlencode(fields).encode(), timeout=10)
        text: str = page.read().decode()
        return text
