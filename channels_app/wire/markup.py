"""Text for chat providers: escaping, and cutting to what a provider counts."""

from collections.abc import Callable

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LINK_LABELS = {"en": "View order", "es": "Ver pedido"}
ELLIPSIS = "…"


def escape(text: str) -> str:
    """`text` as literal text in Telegram's HTML and in Slack's mrkdwn: both reserve & < >."""
    return text.translate(_ESCAPES)


def unescape(text: str) -> str:
    """The literal text behind `escape`, as Slack sends what people write."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def utf16_length(text: str) -> int:
    """How long Telegram says `text` is: an emoji counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped_length(text: str) -> int:
    """How long `text` is once escaped."""
    return len(escape(text))


def cut(text: str, limit: int, measure: Callable[[str], int] = len) -> str:
    """`text` shortened with an ellipsis until `measure` of it is at most `limit`.

    The cut is made at a space, unless that would lose more than half of what fits.
    `measure` must not shrink when text is added.
    """
    if measure(text) <= limit:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if measure(text[:middle] + ELLIPSIS) <= limit:
            fits = middle
        else:
            too_long = middle
    return _at_a_space(text, fits) + ELLIPSIS if measure(ELLIPSIS) <= limit else ""


def _at_a_space(text: str, length: int) -> str:
    """The first `length` characters of `text`, without a broken last word."""
    head = text[:length]
    space = -1 if text[length : length + 1].isspace() else head.rfind(" ")
    return (head[:space] if space > length // 2 else head).rstrip()


def link_label(language: str) -> str:
    """The words on a button that opens the order, in `language` or English."""
    return _LINK_LABELS.get(language.split("-")[0].lower(), _LINK_LABELS["en"])


def is_web_link(url: str) -> bool:
    """Whether chat providers take `url` as a button: http or https, and a host with a dot."""
    scheme, found, rest = url.partition("://")
    host = rest.split("/", 1)[0].split("?", 1)[0]
    return bool(found) and scheme in ("http", "https") and "." in host
