"""Discord's Markdown: words that stay words, and how long they are then."""

import re

from channels_app.wire.markup import utf16_length

# Discord makes these links by itself; a backslash in one would become part of the address.
_LINK = re.compile(r"(https?://[^\s<>\\]+)")
_ANYWHERE = re.compile(r"([\\*_~`|<>\[\]])")
# A heading, a list, or small print, where a line begins.
_BEGINS_LINE = re.compile(r"^([ \t]*)([#+-])", re.MULTILINE)
_NUMBERS_LINE = re.compile(r"^([ \t]*\d+)([.)])", re.MULTILINE)
_ESCAPED = re.compile(r"\\([^0-9A-Za-z\s])")


def escape(text: str) -> str:
    """`text` as literal text; web addresses stay links."""
    pieces = _LINK.split(text)
    pieces[::2] = [_ANYWHERE.sub(r"\\\1", piece) for piece in pieces[::2]]
    whole = _BEGINS_LINE.sub(r"\1\\\2", "".join(pieces))
    return _NUMBERS_LINE.sub(r"\1\\\2", whole)


def unescape(text: str) -> str:
    """What people read of `escape`."""
    return _ESCAPED.sub(r"\1", text)


def escaped_length(text: str) -> int:
    """How long `text` is once escaped; an emoji counts twice, to be safe."""
    return utf16_length(escape(text))
