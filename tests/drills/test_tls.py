"""F20: certificates that nobody should believe."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import services
from tests.drills.certificates import authority, vouched
from tests.drills.conftest import named
from tests.drills.house import Drill

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("drills_lines")]


def test_f20_bad_certificates(request, houses: Callable, tmp_path: Path):
    """An expired certificate, one of another host, one of nobody; then a good one."""
    trusted = authority()
    bad = {
        "expired": vouched(trusted, age_days=30),
        "wrong host": vouched(trusted, "other.example"),
        "self-signed": vouched(None),
    }
    with houses() as home:
        home.execute(
            "UPDATE notifications_rule SET active = false WHERE slug <> 'customer-updates'"
        )
        home.product.env |= {
            "SANDBOX_URL": f"https://localhost:{home.provider.port}",
            "SSL_CERT_FILE": str(trusted.written(tmp_path / "authority.pem")),
        }
        home.product.web()
        home.dispatcher()
        drill = Drill(*named(request), home)
        drill.begin()
        for number, certified in enumerate(bad.values(), 1):
            home.provider.get_into("refuse")
            home.provider.tls = certified.context(tmp_path)
            home.provider.recover()
            home.source.orders(1)
            services.wait_until(lambda number=number: refused_orders(drill) >= number)
        assert not home.product.sandbox.messages()
        home.provider.get_into("refuse")
        home.provider.tls = vouched(trusted).context(tmp_path)
        drill.over()
        found = drill.finish(len(bad), 60)
        drill.keep(found, f"bad certificates believed: 0 of {len(bad)}")


def refused_orders(drill: Drill) -> int:
    """How many deliveries have met a certificate that was not believed."""
    return drill.house.product.number(
        "SELECT count(DISTINCT delivery_id) FROM notifications_attempt WHERE code = 'tls'"
    )
