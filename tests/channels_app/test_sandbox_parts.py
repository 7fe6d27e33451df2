"""Parts of the sandbox that need no socket."""

from typing import Any

import pytest

from channels_app import registry
from channels_app.sandbox.faults import Fault, Faults, fault_from
from channels_app.sandbox.server import demo_credentials, ends


def test_trouble_hits_its_share_evenly_and_as_often_as_it_was_asked_to() -> None:
    faults = Faults()
    faults.set(Fault("twilio", "status", share=0.25))
    assert sum(faults.strike("twilio") is not None for _ in range(100)) == 25
    assert faults.strike("sendgrid") is None
    faults.set(Fault("twilio", "status", count=3))
    assert sum(faults.strike("twilio") is not None for _ in range(100)) == 3


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"mode": "explode"},
        {"mode": "status", "status": 99},
        {"mode": "status", "share": 0},
        {"mode": "delay", "seconds": -1},
        {"mode": "delay", "seconds": "long"},
        {"mode": "delay", "second": 1},
    ],
    ids=str,
)
def test_trouble_that_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        fault_from(value)


def test_every_provider_has_a_stand_in_with_credentials_of_its_own() -> None:
    assert set(ends()) == set(registry.slugs())
    with pytest.raises(LookupError):
        demo_credentials("no_such_provider")
