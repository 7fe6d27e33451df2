"""One more look before messages leave: has anything happened to their orders since they were read?

A message waits for its channel after it was checked. Its order may be cancelled meanwhile,
in another process. One query a round, whatever the number; none while nothing waits.
"""

from collections.abc import Iterable, Mapping

from django.db import connection
from django.db.models import Max

from orders.models import StatusChange

MOST = 1000  # orders asked about in one look


def latest_changes(order_ids: Iterable[int]) -> dict[int, int]:
    """Order id -> its newest change. Ask before the orders are read: then nothing is missed.

    The changes of one order are numbered as they commit, because each is written under
    the order's lock.
    """
    rows = StatusChange.objects.filter(order_id__in=order_ids).order_by()
    return dict(rows.values_list("order_id").annotate(Max("id")))


def moved_on(seen: Mapping[int, int]) -> set[int]:
    """Those of the orders in `seen` (order id -> newest change known) that have a newer change."""
    pairs = list(seen.items())[:MOST]
    if not pairs:
        return set()
    rows = ", ".join(["(%s, %s)"] * len(pairs))
    sql = (
        f"WITH seen (order_id, latest) AS (VALUES {rows}) SELECT order_id FROM seen "  # noqa: S608
        "WHERE EXISTS (SELECT 1 FROM orders_statuschange c "
        "WHERE c.order_id = seen.order_id AND c.id > seen.latest)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [number for pair in pairs for number in pair])
        return {order_id for (order_id,) in cursor.fetchall()}
