"""The same drain with little stored, and with a million orders and what was sent for them."""

from tests.bench.drain import drain
from tests.bench.scene import Incomplete, Scene, execute, number, text
from tests.bench.sides import Product

STORED = 1_000_000
# Each row is a copy of a template row with its own keys: what a year leaves behind.
_COPY = """
INSERT INTO {table} ({columns})
SELECT {values} FROM generate_series({first}, {last}) AS n, {table} t WHERE t.id = {template}
"""
FIRST = 10_000_000  # ids of the year's rows begin there
BATCH = 100_000


def year(scene: Scene, count: int) -> tuple[float, float]:
    """CPU per message (ms, worker and database) before and after."""
    side = Product(scene, 0)
    before = _cost(side, count)
    for table, own in _TABLES.items():
        _fill(scene.product_database, table, own)
    execute(scene.product_database, "VACUUM ANALYZE")
    return before, _cost(side, count)


def _cost(side: Product, count: int) -> float:
    found = drain(side, count).cpu_ms
    if found is None:
        raise Incomplete("the database's CPU cannot be read here")
    return found


# Table -> what differs from the template row. Only finished rows: nobody is told again.
_TABLES: dict[str, dict[str, str]] = {
    "orders_customer": {},
    "orders_order": {
        "external_id": "'y' || n",
        "display_number": "'#y' || n",
        "customer_id": "n",
        "token": "md5(n::text)",
        "status": "'picked_up'",
        "base_status": "'picked_up'",
    },
    "orders_fulfilmentgroup": {"order_id": "n", "status": "'picked_up'"},
    "orders_orderline": {"order_id": "n"},
    "orders_statuschange": {"order_id": "n", "planned_at": "now()"},
    "notifications_notification": {
        "order_id": "n",
        "change_id": "n",
        "customer_id": "n",
        "intent": "'y' || n",
        "state": "'done'",
    },
    "notifications_delivery": {
        "order_id": "n",
        "notification_id": "n",
        "ref": "'y' || n",
        "state": "'sent'",
    },
    "notifications_attempt": {"delivery_id": "n", "provider_message_id": "'y' || n"},
    "notifications_decision": {
        "order_id": "n",
        "change_id": "n",
        "notification_id": "n",
        "delivery_id": "NULL",
    },
}


def _fill(url: str, table: str, own: dict[str, str]) -> None:
    columns = _columns(url, table)
    values = [own.get(name, "n" if name == "id" else f"t.{name}") for name in columns]
    template = number(url, f"SELECT min(id) FROM {table}")
    for first in range(FIRST, FIRST + STORED, BATCH):
        sql = _COPY.format(
            table=table,
            columns=", ".join(columns),
            values=", ".join(values),
            first=first,
            last=first + BATCH - 1,
            template=template,
        )
        execute(url, sql)


def _columns(url: str, table: str) -> list[str]:
    names = text(
        url,
        f"SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute "
        f"WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped",
    )
    return names.split(",")
