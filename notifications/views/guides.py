"""Guides are Markdown files of our own; this renders what they use, and escapes all of it."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_ITEM = re.compile(r"(\d{1,3}\.|[-*]) +(.*)")
_RULE = re.compile(r"\|?[\s:|-]+\|?")
_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_EM = re.compile(r"(?<![*\w])\*([^*\s][^*]*)\*(?![*\w])")
_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^\s()&\"'<>]+)\)")
_LEAST_INDENT = 4  # of code


@cache
def of_source(slug: str) -> SafeString:
    """The guide of a source as HTML; empty when its folder has none."""
    path = Path(settings.BASE_DIR) / "orders" / "sources" / slug / "guide.md"
    return render(path.read_text(encoding="utf-8")) if path.is_file() else SafeString("")


def render(text: str) -> SafeString:
    """`text` as HTML. Its title is left out: the page has one."""
    lines = text.expandtabs(4).splitlines()
    if lines and lines[0].startswith("# "):
        lines = lines[1:]
    return mark_safe("\n".join(_blocks(lines)))  # noqa: S308 -- every word of it was escaped


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """Each block of `lines` as HTML."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        end = _end(lines, at)
        yield _block(lines[at:end])
        at = end


def _kind(line: str) -> str:
    if line.startswith("```"):
        return "fence"
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    if _ITEM.match(line):
        return "list"
    return "code" if line.startswith(" " * _LEAST_INDENT) else "text"


def _end(lines: Sequence[str], begin: int) -> int:
    """The line behind the block that begins there."""
    kind = _kind(lines[begin])
    if kind == "heading":
        return begin + 1
    if kind == "fence":
        rest = range(begin + 1, len(lines))
        return next((at + 1 for at in rest if lines[at].startswith("```")), len(lines))
    at = begin + 1
    while at < len(lines) and _goes_on(kind, lines, at):
        at += 1
    return at


def _goes_on(kind: str, lines: Sequence[str], at: int) -> bool:
    """Whether line `at` still belongs to a block of this kind."""
    line = lines[at]
    if kind == "table":
        return line.startswith("|")
    if kind == "text":
        return bool(line.strip()) and _kind(line) in ("text", "code")
    if line.strip():
        return line.startswith(" ") if kind == "code" else _in_list(lines, at)
    after = next((later for later in lines[at + 1 :] if later.strip()), "")
    if kind == "code":
        return after.startswith(" " * _LEAST_INDENT)
    return after.startswith("  ") or bool(_ITEM.match(after))


def _in_list(lines: Sequence[str], at: int) -> bool:
    """An item, something below one, or a line that only runs on."""
    line = lines[at]
    return bool(line.startswith(" ") or _ITEM.match(line) or lines[at - 1].strip())


def _block(lines: Sequence[str]) -> str:
    kind = _kind(lines[0])
    if kind == "heading":
        level = min(6, len(lines[0]) - len(lines[0].lstrip("#")) + 1)
        return f"<h{level}>{_inline(lines[0].lstrip('#').strip())}</h{level}>"
    if kind == "fence":
        return _pre([line for line in lines[1:] if not line.startswith("```")])
    if kind == "code":
        return _pre([line[_LEAST_INDENT:] for line in lines])
    if kind == "table":
        return _table(lines)
    if kind == "list":
        return _list(lines)
    return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"


def _pre(lines: Sequence[str]) -> str:
    return f'<pre class="raw" tabindex="0">{escape(chr(10).join(lines).rstrip())}</pre>'


def _list(lines: Sequence[str]) -> str:
    """Items, each with what is indented below it."""
    items: list[list[str]] = []
    below = 0  # how far the first item's text is indented
    for line in lines:
        found = _ITEM.match(line)
        if found:
            below = below or found.start(2)
            items.append([found[2]])
        else:
            items[-1].append(line)
    tag = "ol" if lines[0][0].isdigit() else "ul"
    return f"<{tag}>{''.join(f'<li>{_item(item, below)}</li>' for item in items)}</{tag}>"


def _item(lines: Sequence[str], below: int) -> str:
    """The first paragraph plainly, the rest as blocks."""
    inner = [lines[0], *(line[below:] if line[:below].isspace() else line for line in lines[1:])]
    end = next(
        (at for at, line in enumerate(inner) if at and (not line.strip() or _ITEM.match(line))),
        len(inner),
    )
    first = _inline(" ".join(line.strip() for line in inner[:end]))
    return first + "".join(_blocks(inner[end:]))


def _table(lines: Sequence[str]) -> str:
    rows = [_cells(line) for line in lines if not _RULE.fullmatch(line.strip())]
    head = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:]
    )
    return (
        '<div class="guide-table" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _inline(text: str) -> str:
    """Code, strong, emphasis and links to the web in escaped text. Code keeps its stars."""
    parts = _CODE.split(text)
    return "".join(
        f"<code>{escape(part)}</code>" if at % 2 else _marks(escape(part))
        for at, part in enumerate(parts)
    )


def _marks(text: str) -> str:
    linked = _LINK.sub(r'<a href="\2" rel="noopener noreferrer">\1</a>', text)
    return _EM.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", linked))
