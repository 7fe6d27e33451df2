"""Finds `orders/sources/<slug>/source.py`. A new source is a new folder, nothing else."""

import importlib
import pkgutil
from functools import cache

from orders import sources
from orders.contract import OrderSource


@cache
def slugs() -> tuple[str, ...]:
    """The slugs of all sources, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(sources.__path__) if m.ispkg))


@cache
def source(slug: str) -> OrderSource:
    """The source called `slug`; raises LookupError with the known ones."""
    if slug not in slugs():
        raise LookupError(f"No source is called {slug!r}. Known: {', '.join(slugs())}.")
    found: OrderSource = importlib.import_module(f"orders.sources.{slug}.source").SOURCE
    if found.slug != slug:
        raise LookupError(f"orders/sources/{slug} calls itself {found.slug!r}.")
    return found
