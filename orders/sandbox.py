"""The stand-ins of sources' APIs, found in their folders; for the demo and for tests."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping

from orders import registry
from orders.contract import Ask

Answer = tuple[int, Mapping[str, str], bytes]
PREFIX = "source-"


def slugs() -> list[str]:
    """The sources whose API has a stand-in."""
    return [slug for slug in registry.slugs() if importlib.util.find_spec(_name(slug))]


def demo_credentials(slug: str) -> dict[str, str]:
    """Credentials that the stand-in of `slug` takes."""
    made: dict[str, str] = importlib.import_module(_name(slug)).demo_credentials()
    return made


def ends() -> dict[str, Callable[[str, str, Mapping[str, str], bytes], Answer]]:
    """First path segment -> what answers there, as the stand-in server mounts it."""
    return {f"{PREFIX}{slug}": _end(slug) for slug in slugs()}


def _name(slug: str) -> str:
    return f"orders.sources.{slug}.sandbox"


def _end(slug: str) -> Callable[[str, str, Mapping[str, str], bytes], Answer]:
    stand_in = type(importlib.import_module(_name(slug)).SANDBOX)()

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        told = stand_in.handle(Ask(method, f"https://stand-in.invalid{path}", headers, body))
        return told.status, told.headers, told.body

    return answer
