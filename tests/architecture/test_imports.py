"""Who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import source

SHARED_BY_PROVIDERS = (
    "channels_app.contract",
    "channels_app.failures",
    "channels_app.safe_urls",
    "channels_app.wire",
)
SHARED_BY_SOURCES = ("orders.contract", "orders.statuses")
# Modules of the orders app that sources may use because they are pure: no model, no I/O.
IMPURE = ("orders.models", "orders.registry", "orders.intake", "orders.timeline", "orders.signals")
# Of Django, only what describes a form and a text.
DJANGO = ("django.forms", "django.utils", "django.core.exceptions", "django.core.validators")


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it."""
    for node in ast.walk(source.tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source.name(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether `name` is one of `allowed`, or inside it."""
    return any(name == top or name.startswith(f"{top}.") for top in allowed)


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [sys.executable, str(program), "--no-cache"],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def folder_files(app: str, kind: str) -> list[Path]:
    """The files of all plugin folders of one kind."""
    return [path for path in source.modules() if source.name(path).startswith(f"{app}/{kind}/")]


@pytest.mark.parametrize("path", folder_files("channels_app", "providers"), ids=source.name)
def test_a_provider_imports_only_the_contract(path: Path) -> None:
    own = ".".join(path.relative_to(source.ROOT).parts[:3])
    allowed = (*SHARED_BY_PROVIDERS, own)
    if path.name == "sandbox.py":
        allowed += ("channels_app.sandbox.contract",)
    strange = [
        name
        for name in imported(path)
        if (name.split(".")[0] in source.APPS and not within(name, allowed))
        or (name.startswith("django") and not within(name, DJANGO))
    ]
    assert not strange, f"{source.name(path)} knows too much: {strange}"


@pytest.mark.parametrize("path", folder_files("orders", "sources"), ids=source.name)
def test_a_source_imports_only_pure_modules(path: Path) -> None:
    strange = [
        name
        for name in imported(path)
        if (
            name.split(".")[0] in source.APPS
            and (not name.startswith("orders.") or within(name, IMPURE))
        )
        or (name.startswith("django") and not within(name, DJANGO))
    ]
    assert not strange, f"{source.name(path)} knows too much: {strange}"


# file -> why it needs a client of its own
MAY_OPEN = {
    "notifications/views/sandbox.py": "the phones page presses the sandbox's own buttons",
    "notifications/demo/senders.py": "the demo's shops post to our own front door",
}


def test_only_the_transport_opens_sockets() -> None:
    """One HTTP client, in one place; the sandbox is a server and calls us back."""
    clients = {"aiohttp", "requests", "httpx", "urllib3", "http.client", "urllib.request"}
    openers = {
        source.name(path)
        for path in source.modules()
        for name in imported(path)
        if any(within(name, (client,)) for client in clients)
    }
    strange = {
        name
        for name in openers
        if not name.startswith(("channels_app/sandbox/", "channels_app/sending"))
        and "/management/commands/" not in name
        and name not in MAY_OPEN
    }
    assert not strange, f"Send through channels_app.sending: {strange}"
