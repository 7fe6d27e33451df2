"""Finds `channels_app/providers/<slug>/`. A new provider is a new folder, nothing else."""

import importlib
import importlib.util
import pkgutil
from functools import cache

from channels_app import providers
from channels_app.contract import Callbacks, Provider


@cache
def slugs() -> tuple[str, ...]:
    """The slugs of all providers, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(providers.__path__) if m.ispkg))


@cache
def provider_class(slug: str) -> type[Provider]:
    """The provider called `slug`; raises LookupError with the known ones."""
    if slug not in slugs():
        raise LookupError(f"No provider is called {slug!r}. Known: {', '.join(slugs())}.")
    found: type[Provider] = importlib.import_module(
        f"channels_app.providers.{slug}.provider"
    ).PROVIDER
    if found.slug != slug:
        raise LookupError(f"channels_app/providers/{slug} calls itself {found.slug!r}.")
    return found


@cache
def callbacks(slug: str) -> Callbacks | None:
    """How to read the calls of provider `slug`, or None when it makes none."""
    name = f"channels_app.providers.{provider_class(slug).slug}.callbacks"
    if importlib.util.find_spec(name) is None:
        return None
    found: Callbacks = importlib.import_module(name).CALLBACKS
    return found


def choices() -> list[tuple[str, str]]:
    """(slug, name) of all providers, for forms. Callable, so that adding one needs no migration."""
    return [(slug, provider_class(slug).name) for slug in slugs()]


def families() -> dict[str, str]:
    """Provider slug -> family."""
    return {slug: str(provider_class(slug).family) for slug in slugs()}
