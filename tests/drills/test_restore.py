"""F49: the database comes back as it was some time ago."""

import subprocess
from collections.abc import Callable
from shutil import which

import pytest

from tests import services
from tests.conftest import MISSING
from tests.drills.conftest import named
from tests.drills.house import Drill, size
from tests.real_parts.conftest import needed

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("drills_workers")]


def test_f49_restored_from_a_backup(request, houses: Callable):
    """A backup while messages are owed, all is sent, the backup is restored, a pump starts."""
    if which("pg_dump") is None:
        pytest.skip(f"{MISSING}pg_dump is not installed")
    with (
        houses() as home,
        services.postgres_database(needed(services.postgres)) as restored,
    ):
        home.product.web()
        drill = Drill(*named(request), home)
        drill.begin()
        numbers = home.source.orders(size(5, 50))
        dump = subprocess.run(
            ["pg_dump", "--no-owner", home.product.database_url],
            capture_output=True,
            timeout=60,
            check=True,
        )
        home.dispatcher()
        drill.settled(3 * len(numbers))
        home.rest()
        subprocess.run(
            ["psql", "-q", "-v", "ON_ERROR_STOP=1", restored],
            input=dump.stdout,
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
        home.product.database_url = home.product.env["DATABASE_URL"] = restored
        drill.over()
        home.dispatcher()
        drill.settled(0)
        services.wait_until(lambda: not owed(drill))
        found = drill.read()
        told = taken(drill)
        again = len(told) - len(set(told))
        kept = held(drill)
        drill.keep(found, f"{again} sent again; {kept} messages wait for a person")
        assert not again
        assert kept == 3 * len(numbers)
        assert drill.house.product.number("SELECT count(*) FROM notifications_restoration") == 1


def taken(drill: Drill) -> list[str]:
    """Whom the text provider has told."""
    return [one.to for one in drill.read().taken if one.provider == "twilio"]


def held(drill: Drill) -> int:
    """How many messages wait for a person."""
    return drill.house.product.number(
        "SELECT count(*) FROM notifications_delivery WHERE apart = 'held' AND state = 'queued'"
    )


def owed(drill: Drill) -> int:
    """How much is still to be understood, planned or sent without a person's word."""
    return drill.house.product.number(
        "SELECT (SELECT count(*) FROM orders_inboundevent WHERE state = 'received')"
        " + (SELECT count(*) FROM orders_statuschange WHERE planned_at IS NULL)"
        " + (SELECT count(*) FROM notifications_delivery"
        "    WHERE state IN ('queued', 'sending', 'unknown') AND apart <> 'held')"
    )
