"""What the repository holds: every model in the admin, whole templates, nothing of one machine."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.template import engines
from django.urls import reverse

from tests.architecture import source

OURS = ("orders", "channels_app", "consents", "notifications")
TEMPLATES = [
    path
    for path in source.tracked()
    if path.suffix in (".html", ".txt") and "templates" in path.parts
]
# Written in parts, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.<>~}/-])/" + r"(?:root|home|work|Users)/\w"),
    "a registry's host": re.compile(
        "|".join(
            (
                "pypi" + r"\.org",
                "python" + "hosted",
                "npmjs" + r"\.(?:org|com)",
            )
        )
    ),
}
BINARY = {".png", ".ico", ".woff2", ".jpg", ".gif", ".mo", ".bin"}


@pytest.mark.parametrize(
    "model",
    [m for app in OURS for m in apps.get_app_config(app).get_models()],
    ids=lambda m: m.__name__,
)
def test_every_model_is_in_the_admin(model) -> None:
    assert admin.site.is_registered(model)
    assert reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("path", TEMPLATES, ids=source.name)
def test_a_template_compiles(path) -> None:
    engines["django"].from_string(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEMPLATES, ids=source.name)
def test_a_page_loads_nothing_from_other_hosts(path) -> None:
    text = path.read_text(encoding="utf-8")
    loaded = re.findall(
        r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)\s*=\s*[\"']?((?:https?:)?//[^\"'>\s]+)",
        text,
    )
    assert not loaded, f"Put these into static/: {loaded}"
    assert not re.findall(r"<script(?![^>]*\b(?:src|type=[\"']application/json))[^>]*>", text), (
        "Put the script into static/: pages have no inline script."
    )
    assert not re.findall(r"\son(?:click|change|load|submit|input)\s*=", text)


def test_nothing_in_the_tree_belongs_to_one_machine() -> None:
    found = []
    for path in source.tracked():
        if path.suffix in BINARY:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for what, pattern in FORBIDDEN.items():
            if match := pattern.search(text):
                found.append(f"{source.name(path)}: {what}: {match.group()}")
    assert not found, "\n".join(found)


def test_the_lock_names_hashes_for_everything() -> None:
    text = (source.ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^([\w.-]+)==[^\n]*\\\n\s+--hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) > 50
