"""`python -m tests.bench`: the product beside a naive pipeline, in one run on this machine.

Rounds are interleaved: each one measures every side once, so that what else the
machine does hits all of them. Ratios are per round; figures alone mean little.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench import ingest, scene, startup
from tests.bench.drain import Drained, drain
from tests.bench.latency import Waits, isolation, recovery
from tests.bench.other import other_naive
from tests.bench.report import Report
from tests.bench.scene import Incomplete, Scene
from tests.bench.sides import WARM, Naive, Product, ProductFromChanges, Side, our_naive
from tests.bench.through import Through
from tests.bench.year import year

PARTS = ("drain", "ingest", "through", "isolation", "recovery", "startup", "year")
EXTRA = frozenset({"year"})  # takes minutes: only when it is asked for
# Messages per run: enough for some seconds each.
# "changes" leaves behind as many deliveries as "ours" needs in the next round.
COUNTS = {"naive": 400, "tuned": 700, "ours": 4000, "changes": 4000, "tuned50": 140, "ours50": 4000}
QUICK = {"naive": 200, "tuned": 350, "ours": 1500, "changes": 1500, "tuned50": 70, "ours50": 1500}
STORED = max(*COUNTS.values()) + WARM


class Bench:
    """One run: its options, where it stands, what it has found."""

    def __init__(self, options: argparse.Namespace, where: Scene) -> None:
        self.options, self.scene, self.report = options, where, Report()
        self.counts = QUICK if options.quick else COUNTS
        self.drained: dict[str, list[Drained]] = defaultdict(list)
        self.taken: dict[str, list[ingest.Taken]] = defaultdict(list)
        self.begun = time.monotonic()

    def run(self) -> None:
        """Everything that was asked for."""
        hook = self._prepare()
        sides = self._sides()
        targets = ingest.targets(self.scene, hook)
        window = 1.0 if self.options.quick else 2.5
        for number in range(self.options.rounds):
            if number and self._late(number):
                break
            say(f"round {number + 1} of {self.options.rounds}")
            if "drain" in self.options.only:
                for name, side in sides.items():
                    self._try(name, partial(self._drain, name, side))
            if "ingest" in self.options.only:
                for target in targets:
                    self._try(target.name, partial(self._ingest, target, window))
        self._compare()
        for part, measure in self._after(hook).items():
            if part in self.options.only:
                self._try(part, measure)

    def _prepare(self) -> dict[str, str]:
        say("filling two databases")
        program = [sys.executable, "-m"]
        scale = max(self.counts.values()) + WARM
        made = self.scene.run(
            [*program, "tests.bench.product_data", str(scale)], self.scene.product_env()
        )
        naive = our_naive(self.scene, 0, False).project
        self.scene.run([*naive.make, str(scale)], naive.env)
        return dict(json.loads(made.splitlines()[-1]))

    def _sides(self) -> dict[str, Side]:
        sides: dict[str, Side] = {
            "naive": our_naive(self.scene, 0, tuned=False),
            "tuned": our_naive(self.scene, 0, tuned=True),
            "ours": Product(self.scene, 0),
            "changes": ProductFromChanges(self.scene, 0),
            "tuned50": our_naive(self.scene, 50, tuned=True),
            "ours50": Product(self.scene, 50),
        }
        if self.options.against:
            sides |= self._others(Path(self.options.against).resolve())
        # The last one plans everything anew, so it must not come before the others of its round.
        return {name: side for name, side in sides.items() if name != "changes"} | {
            "changes": sides["changes"]
        }

    def _others(self, folder: Path) -> dict[str, Naive]:
        """Another naive project, to see that ours is no straw man."""
        self.counts = {**self.counts}
        others: dict[str, Naive] = {}
        for ours, stub, tuned in (("naive", 0, False), ("tuned", 0, True), ("tuned50", 50, True)):
            others[f"other {ours}"] = other_naive(self.scene, folder, stub, tuned)
            self.counts[f"other {ours}"] = self.counts[ours]
        project = others["other naive"].project
        count = max(self.counts[name.removeprefix("other ")] for name in others) + WARM
        self.scene.run([*project.make, str(count)], others["other naive"].worker_env)
        return others

    def _drain(self, name: str, side: Side) -> None:
        found = drain(side, self.counts[name])
        self.drained[name].append(found)
        database = "" if found.database_ms is None else f" + {found.database_ms:.2f} database"
        say(
            f"  {name:14} {found.rate:7.0f}/s   CPU ms a message {found.worker_ms:.2f}{database}"
            f"   {found.megabytes:.0f} MB"
        )

    def _ingest(self, target: ingest.Target, seconds: float) -> None:
        found = ingest.ingest(self.scene, target, seconds)
        self.taken[target.name].append(found)
        say(f"  {'hook ' + target.name:14} {found.rate:7.0f}/s   p99 {found.p99_ms:.0f} ms")

    def _after(self, hook: dict[str, str]) -> dict[str, Callable[[], None]]:
        """What leaves rows behind, and so comes after the rounds."""
        return {
            "through": partial(self._through, hook),
            "isolation": self._isolation,
            "recovery": self._recovery,
            "startup": self._startup,
            "year": self._year,
        }

    def _through(self, hook: dict[str, str]) -> None:
        say("webhooks in, messages out")
        way, quick = Through(self.scene, hook), self.options.quick
        counts = {"naive": 100 if quick else 300, "ours": 600 if quick else 2500}
        rates: dict[str, list[float]] = {name: [] for name in counts}
        for _round in range(self.options.rounds):
            for name, count in counts.items():
                rates[name].append(way.run(name, count))
                say(f"  {name:14} {rates[name][-1]:7.0f}/s")
        self.report.add("P6", rates["ours"], rates["naive"])

    def _isolation(self) -> None:
        say("one provider hangs for 30 s, one answers 429")
        self._pairs("P10", lambda: isolation(self.scene, 3 if self.options.quick else 8))

    def _recovery(self) -> None:
        say("a backlog drains")
        size = 4000 if self.options.quick else 16_000
        self._pairs("P16", lambda: recovery(self.scene, 3 if self.options.quick else 8, size))

    def _pairs(self, code: str, measure: Callable[[], tuple[Waits, Waits]]) -> None:
        """p99 in trouble and in peace, round by round."""
        found = [measure() for _round in range(self.options.rounds)]
        for bad, good in found:
            say(f"  p50 / p99: {_two(bad)} in trouble, {_two(good)} in peace")
        self.report.add(code, [bad.p99 for bad, _good in found], [good.p99 for _bad, good in found])

    def _year(self) -> None:
        say("a year of orders is stored")
        before, after = year(self.scene, self.counts["ours"])
        say(f"  CPU ms a message {before:.2f} before, {after:.2f} after")
        self.report.add("P11", [after], [before])

    def _startup(self) -> None:
        say("starting a bare Django and `manage.py up`")
        ours, theirs = startup.up(self.scene), startup.bare(self.scene)
        self.report.add("P14", [ours.seconds], [theirs.seconds])
        self.report.add("P15b", [ours.megabytes], [theirs.megabytes])

    def _compare(self) -> None:
        def figures(name: str, what: Callable[[Drained], float | None]) -> list[float]:
            return [value for one in self.drained[name] if (value := what(one)) is not None]

        def rate(name: str) -> list[float]:
            return figures(name, lambda one: one.rate)

        def cpu(name: str) -> list[float]:
            return figures(name, lambda one: one.cpu_ms)

        def memory(name: str) -> list[float]:
            return figures(name, lambda one: one.megabytes)

        add = self.report.add
        add("P1", rate("ours"), rate("naive"))
        add("P2", rate("ours"), rate("tuned"))
        add("P3", rate("ours50"), rate("tuned50"))
        add("P5", cpu("ours"), cpu("tuned"))
        add("P7", self._stored("ours"), self._stored("bare"))
        add("P8", self._stored("ours"), self._stored("drf"))
        add("P15a", memory("ours"), memory("naive"))
        add("", rate("changes"), rate("naive"), "plan + drain, 0 ms, per s; ÷ naive")
        add("", rate("changes"), rate("tuned"), "plan + drain, 0 ms, per s; ÷ tuned")
        for name in ("naive", "tuned", "tuned50"):
            what = f"check: our {name} baseline ÷ the other project's (≥ 1 is fair)"
            add("", rate(name), rate(f"other {name}"), what)

    def _stored(self, name: str) -> list[float]:
        return [one.rate for one in self.taken[name]]

    def _try(self, name: str, measure: Callable[[], None]) -> None:
        """A measure that breaks is named, and the others go on."""
        try:
            measure()
        except (Incomplete, AssertionError, OSError) as error:
            say(f"  {name:14} no figure: {error}")
            self.report.notes.append(f"{name} has no figure: {str(error).splitlines()[0]}")

    def _late(self, done: int) -> bool:
        spent = time.monotonic() - self.begun
        if spent + spent / done * 0.9 < self.options.budget:
            return False
        self.report.notes.append(f"{done} round(s) only: the time of {self.options.budget:g} s")
        return True


def _two(waits: Waits) -> str:
    return f"{waits.p50:.0f} / {waits.p99:.0f} ms"


def say(line: str) -> None:
    """Progress, at once."""
    print(line, file=sys.stderr, flush=True)


def options_from(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="manage.py bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small round, about a minute")
    parser.add_argument("--rounds", type=int, default=0, help="3; with --quick 1")
    parser.add_argument(
        "--budget", type=float, default=300.0, help="seconds after which no round begins"
    )
    usual = [part for part in PARTS if part not in EXTRA]
    parser.add_argument("--only", default=",".join(usual), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--against", metavar="FOLDER", help="run another naive project (`hub`) from there as well"
    )
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    return options


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    options = options_from(arguments)
    # Told to end, it leaves nothing behind: the exit runs every clean-up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if why := scene.missing():
        print(f"Nothing was measured. {why}.")
        return 1
    with scene.opened() as where:
        bench = Bench(options, where)
        bench.run()
    report = bench.report
    took = time.monotonic() - bench.begun
    report.notes.append(
        f"{os.cpu_count()} cores shared by load, database and both sides; {took:.0f} s in all. "
        "Compare ratios, not figures of different runs."
    )
    print(report.text())
    if options.json:
        Path(options.json).write_text(json.dumps(report.data(), indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
