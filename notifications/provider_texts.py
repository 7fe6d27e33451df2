"""Texts that are kept at a provider: read from a template, filled in, and checked at save."""

from collections.abc import Mapping
from typing import Any

from channels_app import registry
from channels_app.contract import ProviderTemplate
from notifications.liquid import RenderFailed
from notifications.liquid import render as fill_in
from notifications.variables import example, save_problems

KEYS = frozenset({"id", "language", "parameters"})


def of(texts: Mapping[str, Any], provider: str) -> ProviderTemplate | None:
    """Of a template's `provider_texts`, the one of `provider`, its parameters still Liquid."""
    value = texts.get(provider)
    return _read(value) if isinstance(value, dict) else None


def filled(kept: ProviderTemplate, values: Mapping[str, Any]) -> ProviderTemplate:
    """Its parameters with `values` filled in; raises RenderFailed when one comes out empty."""
    parameters = {name: fill_in(text, values).strip() for name, text in kept.parameters.items()}
    for name, text in parameters.items():
        if not text:
            raise RenderFailed(f"Parameter {name} of the provider's text is empty for this order.")
    return ProviderTemplate(kept.id, kept.language, parameters)


def problems(value: Any) -> list[str]:
    """What keeps `value`, as staff wrote it, from being saved, in sentences."""
    if not isinstance(value, dict):
        return ["Write an object: provider, then id, language and parameters."]
    return [text for slug, one in value.items() for text in _of_provider(str(slug), one)]


def _of_provider(slug: str, value: Any) -> list[str]:
    if slug not in registry.slugs():
        return [f"No provider is called {slug!r}. Known: {', '.join(registry.slugs())}."]
    if not isinstance(value, dict) or set(value) - KEYS:
        return [f"{slug}: write id, language and parameters, nothing else."]
    if not isinstance(value.get("parameters", {}), dict):
        return [f"{slug}: parameters is an object: the gap's name, and what fills it in."]
    kept = _read(value)
    wrong = [
        f"{slug}, parameter {name}: {problem}"
        for name, text in kept.parameters.items()
        for problem in save_problems(text)
    ]
    if wrong:
        return wrong
    try:
        tried = filled(kept, example())
    except RenderFailed as failure:
        return [f"{slug}: {failure}"]
    speaker = registry.provider_class(slug)({})
    return [f"{slug}: {problem}" for problem in speaker.template_problems(tried)]


def _read(value: Mapping[str, Any]) -> ProviderTemplate:
    parameters = value.get("parameters") or {}
    return ProviderTemplate(
        id=str(value.get("id", "")),
        language=str(value.get("language", "")),
        parameters={str(name): str(text) for name, text in parameters.items()},
    )
