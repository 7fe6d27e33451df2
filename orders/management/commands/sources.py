"""`manage.py sources`: what each source proves, sends and lists, read from its code."""

import types
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders import registry, signatures
from orders.contract import OrderSource

HEADS = ("Source", "A request is proven by", "The order comes", "Missed orders", "Approval")

# What the code compares that is neither. Salesforce's outbound messages can carry no secret.
BESIDES = {"salesforce": "the organization’s id"}


def row(source: OrderSource) -> tuple[str, ...]:
    """The features of `source`, in the order of HEADS."""
    return (
        source.name,
        proof(source),
        "in the body, or is fetched" if overrides(source, "ask") else "in the body",
        "listed" if overrides(source, "list_ask") else "–",
        "needed" if source.approval else "–",
    )


def overrides(source: OrderSource, name: str) -> bool:
    """Whether `source` does something of its own there."""
    return getattr(type(source), name) is not getattr(OrderSource, name)


def proof(source: OrderSource) -> str:
    """What its `authenticate` comes down to: a signature, a secret that is sent, or either."""
    ends = set(_checks(type(source).authenticate, set()))
    for base in type(source).__mro__[1:]:  # what `super()` leads to
        if "super" in type(source).authenticate.__code__.co_names and "authenticate" in vars(base):
            ends |= set(_checks(vars(base)["authenticate"], set()))
            break
    words = [word for word in ("a signature", "a secret") if word in ends]
    return " or ".join([*words, *([BESIDES[source.slug]] if source.slug in BESIDES else [])])


def _checks(function: Callable[..., Any], seen: set[Callable[..., Any]]) -> Iterator[str]:
    """The kinds of check that `function` reaches, through functions of ours that it names."""
    if function in seen:
        return
    seen.add(function)
    if function is signatures.verify:
        yield "a signature"
    elif function is signatures.verify_token:
        yield "a secret"
    else:
        for found in _named(function):
            yield from _checks(found, seen)


def _named(function: Callable[..., Any]) -> Iterator[types.FunctionType]:
    """The functions of ours that `function` names, also those that it takes from a module."""
    code, known = function.__code__, function.__globals__
    for name in code.co_names:
        found = known.get(name)
        inner = [found]
        if isinstance(found, types.ModuleType):
            inner = [getattr(found, other, None) for other in code.co_names]
        for one in inner:
            if isinstance(one, types.FunctionType) and one.__module__.startswith("orders."):
                yield one


def markdown() -> str:
    """The table of the README, each name a link to the source's guide."""
    lines = [list(HEADS), ["---"] * len(HEADS)]
    for slug in registry.slugs():
        name, *rest = row(registry.source(slug))
        lines.append([f"[{name}](orders/sources/{slug}/guide.md)", *rest])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


class Command(BaseCommand):
    """Print the table."""

    help = "Prints what each source proves, sends and lists."

    def add_arguments(self, parser: CommandParser) -> None:
        """Only one."""
        parser.add_argument("--markdown", action="store_true", help="the table of the README")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print."""
        if options["markdown"]:
            self.stdout.write(markdown())
            return
        table = [HEADS, *(row(registry.source(slug)) for slug in registry.slugs())]
        widths = [max(len(line[n]) for line in table) for n in range(len(HEADS))]
        for line in table:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())
