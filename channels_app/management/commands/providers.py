"""`manage.py providers`: what each provider can do, and whether its folder is complete."""

import importlib.util
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from channels_app import features, providers, registry
from channels_app.contract import Provider, ReceiptStatus

COLUMNS = (
    "slug",
    "family",
    "address",
    "text",
    "subject",
    "html",
    "receipts",
    "inbound",
    "stop",
    "join",
    "lost answer",
)


def row(provider: type[Provider]) -> tuple[str, ...]:
    """The features of `provider`, in the order of COLUMNS."""
    able = provider.capabilities
    return (
        provider.slug,
        provider.family,
        provider.address,
        str(able.max_text or "any"),
        _tick(able.subject),
        _tick(able.html),
        " ".join(status for status in ReceiptStatus if status in able.receipts) or "-",
        _tick(able.inbound),
        _tick(able.handles_stop),
        _tick(able.needs_join),
        able.idempotency,
    )


def markdown() -> str:
    """The matrix as a Markdown table in English, each name a link to the provider's guide."""
    with translation.override("en"):
        heads = ["Provider", "Family", *(str(feature.label) for feature in features.FEATURES)]
        rows = [_markdown_row(registry.provider_class(slug)) for slug in registry.slugs()]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _markdown_row(provider: type[Provider]) -> list[str]:
    name = f"[{provider.name}](channels_app/providers/{provider.slug}/guide.md)"
    words = (words for _feature, words in features.words_of(provider))
    return [name, provider.family, *(one.replace("|", "\\|") or "–" for one in words)]


def _tick(value: bool) -> str:
    return "yes" if value else "-"


def missing(slug: str) -> list[str]:
    """The parts that the folder of `slug` lacks."""
    folder = Path(providers.__path__[0]) / slug
    base = Path(settings.BASE_DIR)
    wanted = {
        "provider.py": folder / "provider.py",
        "guide.md": folder / "guide.md",
        "sandbox.py": folder / "sandbox.py",
        f"static/img/providers/{slug}.svg": base / "static" / "img" / "providers" / f"{slug}.svg",
        f"tests/channels_app/providers/{slug}/cases.py": (
            base / "tests" / "channels_app" / "providers" / slug / "cases.py"
        ),
    }
    able = registry.provider_class(slug).capabilities
    if able.receipts or able.inbound:
        wanted["callbacks.py"] = folder / "callbacks.py"
    lacks = [name for name, path in wanted.items() if not path.is_file()]
    if importlib.util.find_spec(f"channels_app.providers.{slug}.sandbox"):
        module = importlib.import_module(f"channels_app.providers.{slug}.sandbox")
        lacks += [
            f"sandbox.py: {name}"
            for name in ("SANDBOX", "demo_credentials")
            if not hasattr(module, name)
        ]
    return lacks


class Command(BaseCommand):
    """Print the matrix; with --check fail when a folder is incomplete."""

    help = "Prints what each provider can do. --check verifies that every folder is complete."

    def add_arguments(self, parser: CommandParser) -> None:
        """One of two, or none."""
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--check", action="store_true", help="fail on an incomplete folder")
        either.add_argument("--markdown", action="store_true", help="the table of the README")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print or check."""
        if options["check"]:
            self._check()
        elif options["markdown"]:
            self.stdout.write(markdown())
        else:
            self._table()

    def _table(self) -> None:
        table = [COLUMNS, *(row(registry.provider_class(slug)) for slug in registry.slugs())]
        widths = [max(len(line[n]) for line in table) for n in range(len(COLUMNS))]
        for line in table:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())

    def _check(self) -> None:
        lacking = {slug: found for slug in registry.slugs() if (found := missing(slug))}
        for slug, parts in lacking.items():
            self.stderr.write(f"{slug}: add {', '.join(parts)}")
        if lacking:
            raise CommandError("Some provider folders are incomplete.")
        self.stdout.write(f"{len(registry.slugs())} providers are complete.")
