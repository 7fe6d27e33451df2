"""What drills share: the shop that is copied, the houses, and the table at the end."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import services
from tests.drills import table
from tests.drills.house import ARRANGED, CACHED_FOR, FULL, PROVIDERS, Drill, House, house
from tests.real_parts.conftest import Shop, copied, needed
from tests.real_parts.product import Product, product

HERE = Path(__file__).parent
NUMBER = re.compile(r"test_(f\d+)_(\w+)")


# --- The two sizes, and the table --------------------------------------------------
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Short forms run with all tests; with DRILL_SIZE=full they are drills, and run once."""
    for item in items:
        if FULL and HERE in item.path.parents:
            item.add_marker(pytest.mark.drill)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, where one was asked for."""
    if not FULL or hasattr(config, "workerinput") or not table.lines():
        return
    path = Path(os.environ.get("DRILL_TABLE", services.ROOT / "var" / "drills.md"))
    terminalreporter.section("drills")
    terminalreporter.write_line(table.write(path, "full"))
    terminalreporter.write_line(f"Written to {path}.")


def named(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The fault that a test is about, from its name, and what it does, from its first line."""
    function = request.function
    found = NUMBER.match(function.__name__)
    assert found is not None, f"{function.__name__} names no fault."
    words = f"{found[1].upper()} {found[2].replace('_', ' ')}"
    return words, (function.__doc__ or "").strip().splitlines()[0].rstrip(".")


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`line(lost=0, note="...")`: the figures of a drill without a house."""
    fault, done = named(request)

    def keep(**figures: Any) -> None:
        table.keep(table.Line(fault, done, **figures))

    return keep


# --- The shop ------------------------------------------------------------------------
def seed(made: Product) -> dict[str, Any]:
    """A shop that tells of each order over several kinds of provider; its secrets."""
    shop = made.scene("shop")
    made.scene("due", "0", *PROVIDERS)
    return shop


@pytest.fixture(scope="session")
def postgres_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A PostgreSQL database with a shop that tells of each order in three ways."""
    with (
        services.postgres_database(needed(services.postgres)) as url,
        product(tmp_path_factory.mktemp("shop"), url) as made,
    ):
        shop = seed(made)
        with psycopg.connect(url) as connection:
            connection.execute(ARRANGED)
        yield url, shop


@pytest.fixture(scope="session")
def houses(
    postgres_shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[House]]:
    """`with houses(broker_url, trouble_database=True) as house:`, nothing started."""

    @contextlib.contextmanager
    def make(broker_url: str = "", *, receipts: bool = False, **lines: Any) -> Iterator[House]:
        url, shop = postgres_shop
        folder = tmp_path_factory.mktemp("house")
        with copied(url) as database_url, product(folder, database_url, broker_url) as made:
            made.adopt(shop, receipts=receipts)
            with house(made, shop, broker_url=broker_url, **lines) as found:
                yield found

    return make


@pytest.fixture
def drill(request: pytest.FixtureRequest, home: House) -> Drill:
    """This test's drill in the module's house, which the fixture `home` names."""
    made = Drill(*named(request), home)
    made.begin()
    return made


@pytest.fixture
def unpaused(home: House) -> Iterator[None]:
    """No drill leaves a channel paused, or a breaker open, to the next."""
    yield
    home.execute(
        "UPDATE channels_app_channel SET paused_until = NULL, paused_why = ''",
        "DELETE FROM channels_app_channelhealth",
        "DELETE FROM channels_app_channelminute",
    )
    time.sleep(CACHED_FOR)
