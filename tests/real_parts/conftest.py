"""A product on real parts. Its rows are made once, and copied."""

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import services
from tests.conftest import MISSING
from tests.real_parts.product import DATABASE, Product, product

Shop = tuple[str, dict[str, Any]]


def needed(finder: Callable[[], tuple[str, str]]) -> str:
    """What `finder` found, or a skipped test that says what is missing."""
    url, why = finder()
    if not url:
        pytest.skip(f"{MISSING}{why}")
    return url


@pytest.fixture(scope="session")
def postgres_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A PostgreSQL database with a shop in it, to be copied."""
    with services.postgres_database(needed(services.postgres)) as url:
        yield url, _seeded(tmp_path_factory.mktemp("shop"), url)


@pytest.fixture(scope="session")
def sqlite_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A SQLite file with a shop in it, to be copied."""
    folder = tmp_path_factory.mktemp("shop")
    return str(folder / DATABASE), _seeded(folder)


def _seeded(folder: Path, database_url: str = "") -> dict[str, Any]:
    with product(folder, database_url) as made:
        return made.scene("shop")


@contextlib.contextmanager
def copied(url: str) -> Iterator[str]:
    """A copy of a PostgreSQL database that nobody uses now."""
    server = services.with_path(url, "postgres")
    name = f"test_orderbell_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{url.rpartition("/")[2]}"')
    try:
        yield services.with_path(url, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def on_postgres(postgres_shop: Shop, tmp_path_factory: Any) -> Any:
    """`with on_postgres(broker_url) as product:` the shop on PostgreSQL, nothing started."""

    @contextlib.contextmanager
    def make(broker_url: str, *, receipts: bool = False) -> Iterator[Product]:
        url, shop = postgres_shop
        folder = tmp_path_factory.mktemp("product")
        with copied(url) as database_url, product(folder, database_url, broker_url) as made:
            made.adopt(shop, receipts=receipts)
            yield made

    return make


@pytest.fixture
def on_sqlite(sqlite_shop: Shop, tmp_path: Path) -> Iterator[Product]:
    """The shop on a SQLite file, nothing started."""
    path, shop = sqlite_shop
    shutil.copy(path, tmp_path / DATABASE)
    with product(tmp_path) as made:
        made.adopt(shop, receipts=False)
        yield made


OnPostgres = Callable[..., AbstractContextManager[Product]]
