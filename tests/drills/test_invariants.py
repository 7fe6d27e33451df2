"""The check of I1-I8 fails when one record is doctored; the table says what was kept."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.drills import table
from tests.drills.house import lost_in
from tests.drills.invariants import INVARIANTS, check_invariants
from tests.drills.records import Change, Delivery, Intent, OptOut, Records, Taken, duplicates
from tests.drills.source import CANARY_HOST, Post

NOW = 1_800_000_000.0
PHONE = "+12025560001"
SMS = Delivery(
    id=1,
    intent=1,
    provider="twilio",
    ref="r1",
    state="delivered",
    address=PHONE,
    reason="",
    failure="",
    may_duplicate=False,
    ended=NOW + 2,
    said="#1 is ready",
    lost=0,
    number="#1",
)
STAFF = replace(SMS, id=2, intent=2, provider="slack", ref="r2", address="C0", said="#1 ready!")
TAKEN = [
    Taken("twilio", "r1", PHONE, "#1 is ready", NOW + 1),
    Taken("slack", "", "C0", "#1 ready!", NOW + 1),
]
READY = Change(1, "main", "status", "ready", True, True, 2)
SOUND = Records(
    posts=[Post(1, "orders/create:a", 200, NOW, 0.01), Post(2, "orders/create:b", 503, NOW, 0.01)],
    events={"orders/create:a": "processed"},
    changes=[replace(READY, status="confirmed"), READY],
    intents=[Intent(1, "done", NOW + 600), Intent(2, "done", NOW + 600)],
    deliveries=[SMS, STAFF],
    opt_outs=[OptOut(PHONE, "sms", NOW + 300)],
    taken=TAKEN,
    logs={"web.log": "INFO all is well with order 17"},
    connections=frozenset({("127.0.0.1", 5432), ("::1", 80), ("localhost", 1)}),
    swept_at=NOW + 20,
    over_at=NOW + 10,
)
DOCTORED: dict[str, tuple[str, Callable[[Records], Records]]] = {
    "an event that is not there": ("I1", lambda r: r.but(events={})),
    "an event that nobody looked at": (
        "I1",
        lambda r: r.but(events={"orders/create:a": "received"}),
    ),
    "a change without a decision": ("I1", lambda r: r.but(changes=[replace(READY, decisions=0)])),
    "a change that was never planned": (
        "I1",
        lambda r: r.but(changes=[replace(READY, planned=False)]),
    ),
    "an intent that stays open": (
        "I2",
        lambda r: r.but(intents=[Intent(1, "open", NOW), r.intents[1]]),
    ),
    "a delivery that stays unknown": (
        "I2",
        lambda r: r.but(deliveries=[replace(SMS, state="unknown"), STAFF]),
    ),
    "an end after its use": (
        "I2",
        lambda r: r.but(intents=[Intent(1, "done", NOW - 600), r.intents[1]]),
    ),
    "a delivery sent to nobody": ("I2", lambda r: r.but(taken=TAKEN[1:])),
    "a text taken twice": ("I3", lambda r: r.but(taken=[*TAKEN, TAKEN[0]])),
    "a search that was not made": (
        "I3",
        lambda r: r.but(
            taken=[*TAKEN, TAKEN[0]], deliveries=[replace(SMS, may_duplicate=True), STAFF]
        ),
    ),
    "a repeat that is not flagged": ("I3", lambda r: r.but(taken=[*TAKEN, TAKEN[1]])),
    "a third copy": (
        "I3",
        lambda r: r.but(
            taken=[*TAKEN, TAKEN[1], TAKEN[1]], deliveries=[SMS, replace(STAFF, may_duplicate=True)]
        ),
    ),
    "an intent told over two channels": (
        "I3",
        lambda r: r.but(deliveries=[SMS, replace(STAFF, intent=1)]),
    ),
    "a text after STOP": ("I4", lambda r: r.but(opt_outs=[OptOut(PHONE, "sms", NOW - 300)])),
    "a text after a stop of everything": (
        "I4",
        lambda r: r.but(opt_outs=[OptOut(PHONE, "*", NOW - 300)]),
    ),
    "a status that goes back": (
        "I5",
        lambda r: r.but(changes=[*r.changes, replace(READY, status="confirmed")]),
    ),
    "an address in a log": (
        "I6",
        lambda r: r.but(logs={"web.log": f"sent to guest1@{CANARY_HOST}"}),
    ),
    "a phone number in a log": ("I6", lambda r: r.but(logs={"web.log": f"sent to {PHONE}"})),
    "a call to the outside": (
        "I7",
        lambda r: r.but(connections=frozenset({("93.184.215.14", 443)})),
    ),
    "a name of the outside": (
        "I7",
        lambda r: r.but(connections=frozenset({("169.254.169.254", 80)})),
    ),
    "a pump that never came back": ("I8", lambda r: r.but(swept_at=NOW)),
    "a pump that never was": ("I8", lambda r: r.but(swept_at=None)),
    "a hand": ("I8", lambda r: r.but(hands=["press replay"])),
    "a channel that was switched off": ("I8", lambda r: r.but(paused=["twilio"])),
}


def test_sound_records_pass():
    check_invariants(SOUND)
    assert lost_in(SOUND) == duplicates(SOUND) == 0


@pytest.mark.parametrize("how", DOCTORED)
def test_a_doctored_record_breaks_its_invariant_and_no_other(how: str):
    name, doctor = DOCTORED[how]
    doctored = doctor(SOUND)
    with pytest.raises(AssertionError, match=rf"\A{name}: "):
        check_invariants(doctored)
    assert [one for one in INVARIANTS if list(INVARIANTS[one](doctored))] == [name]


def test_every_invariant_is_seen_to_break():
    assert {name for name, _doctor in DOCTORED.values()} == INVARIANTS.keys()


def test_a_flagged_repeat_where_nobody_can_be_asked_is_explained_and_counted():
    twice = SOUND.but(
        taken=[*TAKEN, TAKEN[1]], deliveries=[SMS, replace(STAFF, may_duplicate=True)]
    )
    check_invariants(twice)
    assert duplicates(twice) == 1


def test_moving_back_is_no_fault_when_the_timeline_says_so():
    back = [
        READY,
        replace(READY, fact="reverted", status="confirmed"),
        replace(READY, status="confirmed"),
    ]
    check_invariants(SOUND.but(changes=back))


def test_what_is_lost_is_counted():
    assert lost_in(SOUND.but(events={})) == 1
    assert lost_in(SOUND.but(taken=TAKEN[:1])) == 1


def test_the_table_has_a_line_for_each_drill_in_the_order_of_the_faults(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERBELL_DRILL_LINES", str(tmp_path / "lines"))
    table.keep(table.Line("F10 failover", "the primary dies", 5, 15, 0, 0, 1.25, 2.0))
    table.keep(table.Line("F02 killed", "a | kill", note="none | at all"))
    text = table.write(tmp_path / "var" / "drills.md", "full")
    assert text.splitlines()[4:] == [
        "| F02 killed | a / kill |  |  |  |  |  | none / at all |",
        "| F10 failover | the primary dies | 5 | 15 | 0 | 0 | 1.2 / 2.0 |  |",
    ]
    assert f"{datetime.now(UTC):%Y-%m}" in text
    assert (tmp_path / "var" / "drills.md").read_text("utf-8") == text


def test_every_fault_of_the_list_has_its_drill():
    files = Path(__file__).parent.glob("test_*.py")
    found = {
        int(n) for path in files for n in re.findall(r"^def test_f(\d+)_", path.read_text(), re.M)
    }
    assert found == {*range(1, 26), *range(30, 33), *range(39, 48), 49, 50}
