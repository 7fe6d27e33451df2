"""The README's tables of providers and sources are what the commands print."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

from channels_app import registry
from orders import registry as sources
from orders.management.commands.sources import proof

README = Path(settings.BASE_DIR) / "README.md"


def between(name: str) -> str:
    """What stands between the markers."""
    text = README.read_text(encoding="utf-8")
    found = re.findall(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", text, re.DOTALL)
    assert len(found) == 1, f"README.md has no place for {name}, or several"
    return found[0]


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


@pytest.mark.parametrize("name", ["providers", "sources"])
def test_the_readme_holds_what_the_command_prints(name: str) -> None:
    assert between(name) == printed(name, "--markdown")


def test_the_table_does_not_depend_on_who_runs_the_command() -> None:
    with translation.override("es"):
        assert between("providers") == printed("providers", "--markdown")


@pytest.mark.parametrize(
    ("name", "count"), [("providers", len(registry.slugs())), ("sources", len(sources.slugs()))]
)
def test_every_row_has_all_columns(name: str, count: int) -> None:
    lines = between(name).splitlines()
    assert len(lines) == count + 2
    assert len({line.count(" | ") for line in lines}) == 1


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("shopify", "a signature"),
        ("deliveroo", "a signature"),  # through a module of its own
        ("uber_eats", "a signature"),  # through a shared one
        ("clover", "a secret"),
        ("power_automate", "a secret"),  # inherited
        ("generic", "a signature or a secret"),
        ("hubspot", "a signature or a secret"),
        ("salesforce", "a secret or the organization’s id"),  # by super(), and by itself
    ],
)
def test_how_a_source_is_proven_is_found_in_its_code(slug: str, words: str) -> None:
    assert proof(sources.source(slug)) == words


def test_no_source_goes_unproven() -> None:
    assert [slug for slug in sources.slugs() if not proof(sources.source(slug))] == []


def test_the_plain_tables_name_everything() -> None:
    assert {line.split()[0] for line in printed("providers").splitlines()[1:]} == set(
        registry.slugs()
    )
    names = printed("sources")
    assert [slug for slug in sources.slugs() if sources.source(slug).name not in names] == []
