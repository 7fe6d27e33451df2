"""Pages by key over tables that grow: no count, no offset, and never a long scan."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)

PAGE = 50
SCAN = 2000  # rows that one page may look at when a filter has no index of its own
CAP = 99


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, newest first, and the key from which to go on (None: that was all)."""

    rows: list[Row]
    older: int | None
    searched_on: bool = False  # the scan ended before the page was full; `older` goes on


def page_by_key(
    indexed: QuerySet[Row], also: Q, before: int | None, size: int = PAGE, scan: int = SCAN
) -> Page[Row]:
    """The rows of `indexed` with id under `before` that also satisfy `also`.

    `indexed` holds the conditions that an index serves; `also` those that it does
    not, which is why at most `scan` rows are looked at.
    """
    within = indexed if before is None else indexed.filter(pk__lt=before)
    window = list(within.order_by("-pk").values_list("pk", flat=True)[: scan if also else size + 1])
    if not window:
        return Page([], None)
    chosen = indexed.filter(also, pk__lte=window[0], pk__gte=window[-1])
    rows = list(chosen.order_by("-pk")[: size + 1])
    if len(rows) > size:
        return Page(rows[:size], rows[size - 1].pk)
    more = bool(also) and len(window) == scan
    return Page(rows, window[-1] if more else None, searched_on=more)


def first_id_since(rows: QuerySet[Row], moment: datetime, field: str) -> int:
    """The id from which rows are not older than `moment`: a search by halves on the primary key.

    Ids grow with time, so no index on the time is needed. Past the last id when all are older.
    """
    newest = rows.order_by("-pk").values_list("pk", flat=True).first()
    low, high = 0, (newest or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = rows.filter(pk__gte=middle).order_by("pk").values_list("pk", field).first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


def capped(rows: QuerySet[Row]) -> int:
    """How many rows there are, counted up to one more than `CAP`."""
    return len(rows.order_by().values_list("pk", flat=True)[: CAP + 1])


def number(text: str | None) -> int | None:
    """A key from a query string; None for anything that is not one."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
