"""The stages in a loop: normalise, plan, claim, send, settle. One class, two drivers.

The loop runs in a thread of `manage.py up`, of `manage.py dispatcher`, and of
every Celery worker process; a doorbell only wakes it. The database work is done
in one more thread, so that calls to providers go on meanwhile. A slow channel
fills only its own limit of calls in flight.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, OperationalError, close_old_connections, connection
from django.utils import timezone

from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel
from notifications import (
    context,
    health,
    limits,
    outcomes,
    resting,
    suspects,
    unknown,
)
from notifications.calling import Caller, transport_open
from notifications.composing import Composed, compose
from notifications.context import Job
from notifications.gating import gate
from notifications.lanes import BATCH, Lanes, most_pressing
from notifications.last_look import moved_on
from notifications.planning import plan
from notifications.sweeping import sweep
from notifications.taking import Taker
from orders.normalising import normalise, where

log = logging.getLogger(__name__)

SETTLE_AT = 100  # results
SETTLE_AFTER = 0.05  # seconds: bounds what a crash leaves unknown
LINGER = 0.5  # seconds of close watch after the last piece of work
UPSTREAM_EVERY = 0.03  # seconds between looks upstream while messages are being sent
WATCH = 0.015  # seconds between looks while lingering
IDLE = 1.0  # seconds between looks without a doorbell
CHORES_EVERY = 1.0


class Pump:
    """Moves everything that is due. `start`, `stop` and `wake` may be called from any thread."""

    def __init__(self, now: Callable[[], datetime] = timezone.now) -> None:
        self.now = now
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None
        self._stopping = False
        self._lanes, self._taker = Lanes(), Taker()
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: list[outcomes.Result] = []
        self._oldest_result = 0.0
        self._last_work = 0.0
        self._next_chores = 0.0
        self._pulse = health.Pulse()
        self._rung = self._upstream_due = True
        self._next_upstream = 0.0
        self._database = ThreadPoolExecutor(1, "pump-database")

    # --- driving ---------------------------------------------------------

    def start(self) -> None:
        """Run in a thread of this process until `stop`."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 15.0) -> None:
        """Claim nothing more, let the calls in flight end, settle, and return."""
        self._stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join(patience)
        self._database.submit(_drop_connection)
        self._database.shutdown(wait=False)

    def wake(self) -> None:
        """Look now. Never blocks, never raises."""
        self._rung = True
        if self._loop is not None and self._bell is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(self._bell.set)

    def drain(self, patience: float = 60.0) -> None:
        """Work in this thread until nothing is due (tests, one-shot commands)."""
        try:
            asyncio.run(self._until_idle(patience))
        finally:
            self._database.submit(_drop_connection)
            self._database.shutdown()

    def _run(self) -> None:
        while not self._stopping:
            try:
                asyncio.run(self._forever())
            except Exception as error:
                log.error("the pump stopped and starts again: %s", where(error))
                time.sleep(1)

    async def _until_idle(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        async with transport_open() as transport:
            self._caller = Caller(transport, self._db, self.now)
            while time.monotonic() < deadline:
                moved = await self._round()
                if not (moved or self._tasks or self._results or self._lanes):
                    return
                await asyncio.sleep(0 if moved else 0.002)

    async def _forever(self) -> None:
        self._loop, self._bell = asyncio.get_running_loop(), asyncio.Event()
        async with transport_open() as transport:
            self._caller = Caller(transport, self._db, self.now)
            self._pulse = health.Pulse(watches=True)
            while not self._stopping:
                await self._guarded_round()
            await self._finish()
        self._loop = None

    async def _guarded_round(self) -> None:
        """One round; when the database is away, wait and go on."""
        try:
            if await self._round():
                self._last_work = time.monotonic()
        except DatabaseError as error:
            log.warning("the database is not available: %s", type(error).__name__)
            await self._db(_drop_connection)
            await asyncio.sleep(0.5)
        except Exception as error:
            log.error("a round of the pump failed: %s", where(error))
            await asyncio.sleep(0.5)
        await self._rest()

    async def _rest(self) -> None:
        """Until the bell, the next result, or the next look."""
        assert self._bell is not None
        lingering = time.monotonic() - self._last_work < LINGER
        pause = WATCH if lingering else IDLE
        if self._results or self._lanes:
            pause = SETTLE_AFTER / 5
        elif self._tasks:
            pause = SETTLE_AFTER  # only calls in flight; the first results to land ring the bell
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), min(pause, self._taker.patience()))
        self._bell.clear()

    async def _finish(self) -> None:
        await self._db(self._taker.put_back, self._lanes.empty())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=settings.SEND_TIMEOUT_SECONDS + 2)
        await self._settle()

    async def _db(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._database, function, *args)

    # --- the stages ------------------------------------------------------

    async def _round(self) -> int:
        """Every stage once; how much was moved. A stage that fails does not stop the others."""
        if not self._pulse.begun:  # a restore is noticed before anything of it is sent
            await self._db(self._pulse.beat, self.now())
        moved, trouble = 0, None
        stages = (self._settle_if_due, self._normalise, self._plan, self._refill, self._chores)
        for stage in stages:
            try:
                moved += await stage()
            except OperationalError:
                raise  # the database is away or busy: the others would only wait for it too
            except Exception as error:
                trouble = trouble or error
        if trouble is not None:
            raise trouble
        return moved

    async def _normalise(self) -> int:
        """Inbox to timeline."""
        self._upstream_due = self._rung or time.monotonic() >= self._next_upstream
        if not self._upstream_due:
            return 0
        self._rung = False
        await self._db(close_old_connections)
        moved: int = await self._db(normalise, BATCH, self.now())
        self._rung |= bool(moved)
        return moved + (await self._aside() if moved else 0)

    async def _aside(self) -> int:
        """Ask what is to be asked besides messages; how many questions there are."""
        works = await self._caller.asides()
        for work in works:
            task = asyncio.get_running_loop().create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._asked)
        return len(works)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._rung = True
        if self._bell is not None:
            self._bell.set()

    async def _plan(self) -> int:
        """Timeline to deliveries."""
        if not self._upstream_due:
            return 0
        moved: int = await self._db(plan, BATCH, self.now())
        self._rung |= bool(moved)
        # While calls are in flight the rounds are short; upstream need not be asked in each.
        self._next_upstream = time.monotonic() + (UPSTREAM_EVERY if self._tasks else 0)
        return moved

    async def _refill(self) -> int:
        """Claim as much as each channel has room for, and let it fly."""
        stale, self._lanes.stale = self._lanes.stale, []
        jobs: list[Job] = await self._db(self._claim_all, self._lanes.taken(), stale)
        # Asked for since the last settling: no other process knows of it yet.
        asked = {r.job.channel.pk for r in self._results if resting.is_throttled(r.ending)}
        self._lanes.resting = self._taker.resting | asked
        if jobs:
            at = time.monotonic()
            for job, composed in await self._db(self._prepare, jobs):
                self._lanes.add(job, composed, at)
        if seen := self._lanes.seen():
            self._lanes.withdraw(await self._db(moved_on, seen))
        for channel_id in self._lanes.channels():
            self._fly(channel_id)
        return len(jobs)

    def _fly(self, channel_id: int) -> None:
        for job, composed in self._lanes.next(channel_id):
            self._launch(self._send(job, composed), job.channel)

    def _claim_all(self, taken: dict[int, int], stale: Sequence[int]) -> list[Job]:
        if stale:
            self._taker.put_back(stale)
        ids = self._taker.take(self._lanes, taken, self.now())
        try:
            return context.load(ids) if ids else []
        except Exception:
            self._taker.put_back(ids)
            raise

    def _prepare(self, jobs: Sequence[Job]) -> list[tuple[Job, Composed]]:
        """Gate and compose; what does not pass is ended here, with its reason."""
        now = self.now()
        stops, failed, ready = [], [], []
        for job in jobs:
            try:
                stop = gate(job, now)
                if stop is None:
                    ready.append((job, compose(job, now)))
                else:
                    stops.append((job, stop))
            except SendError as error:
                failed.append(outcomes.Result(job, error))
            except Exception as error:
                log.error("delivery %s cannot be prepared: %s", job.delivery.pk, where(error))
                failed.append(outcomes.Result(job, _cannot_prepare()))
        try:
            ready, over = self._taker.counts.reserve(ready, now)
            outcomes.settle(failed, now)
            outcomes.stopped(stops + over, now)
            limits.return_slots(stops + over)
        except DatabaseError:
            self._taker.put_back([job.delivery.pk for job in jobs])
            raise
        return sorted(ready, key=most_pressing)

    def _launch(self, work: Any, channel: Channel) -> None:
        self._lanes.in_flight[channel.pk] += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._landed(done, channel.pk))

    def _landed(self, task: "asyncio.Task[None]", channel_id: int) -> None:
        self._tasks.discard(task)
        self._lanes.in_flight[channel_id] -= 1
        if not self._stopping:
            self._fly(channel_id)
        if self._bell is not None and len(self._results) >= SETTLE_AT // 4:
            self._bell.set()

    async def _send(self, job: Job, composed: Composed) -> None:
        self._note(await self._caller.send(job, composed))

    def _note(self, result: outcomes.Result) -> None:
        if not self._results:
            self._oldest_result = time.monotonic()
        self._results.append(result)
        if resting.is_throttled(result.ending):
            self._lanes.resting |= {result.job.channel.pk}
            self._oldest_result = 0.0  # settled at once: the other processes must know

    async def _settle_if_due(self) -> int:
        age = time.monotonic() - self._oldest_result
        if self._results and (len(self._results) >= SETTLE_AT or age >= SETTLE_AFTER):
            return await self._settle()
        return 0

    async def _settle(self) -> int:
        """Record what is known; a failure may have queued another route, so it counts as work."""
        results, self._results = self._results, []
        if not results:
            return 0
        try:
            await self._db(outcomes.settle, results, self.now())
        except Exception:
            # What is known must not be forgotten: it is tried again with the next round.
            self._results = results + self._results
            raise
        await self._db(self._taker.counts.settled, [(r.job, r.ending) for r in results])
        return len(results)

    # --- chores ----------------------------------------------------------

    async def _chores(self) -> int:
        """Lost leases, unknown fates, early receipts, the heartbeat; once a second."""
        if time.monotonic() < self._next_chores:
            return 0
        self._next_chores = time.monotonic() + CHORES_EVERY
        ask: list[Job] = await self._db(self._sweep)
        for job in ask:
            if job.channel.pk in self._lanes.resting:
                await self._db(unknown.ask_later, job, "Its provider rests.", self.now())
            else:
                self._launch(self._ask(job), job.channel)
        await self._aside()
        if await self._db(suspects.waiting, self.now()):
            await self._try_suspects()
        return len(ask)

    async def _try_suspects(self) -> None:
        """One after the other, with nothing in flight that their end could take along."""
        begun = time.monotonic()
        await self._db(self._taker.put_back, self._lanes.empty())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=settings.SEND_TIMEOUT_SECONDS + 2)
        await self._settle()
        for _turn in range(suspects.AT_A_TIME):
            jobs: list[Job] = await self._db(lambda: context.load(suspects.take_one(self.now())))
            for job, composed in await self._db(self._prepare, jobs):
                await self._send(job, composed)
            await self._settle()
            if not jobs or time.monotonic() - begun > suspects.ENOUGH:
                return

    def _sweep(self) -> list[Job]:
        now = self.now()
        ask = sweep(BATCH, now)
        self._pulse.beat(now)
        return ask

    async def _ask(self, job: Job) -> None:
        """Ask the provider whether it has a message of unknown fate."""
        try:
            found = await self._caller.ask(job)
        except SendError as error:
            await self._db(resting.rest, [(job, error)], self.now())
            await self._db(unknown.ask_later, job, f"{error.code} {error.detail}", self.now())
            return
        except Exception as error:
            log.error("asking about delivery %s failed: %s", job.delivery.pk, where(error))
            await self._db(unknown.ask_later, job, "Asking about it broke off.", self.now())
            return
        if found is None:
            why = "The provider does not have it: sent again."
            await self._db(unknown.again, job, why, self.now())
        else:
            self._note(found)


def _cannot_prepare() -> SendError:
    return SendError(
        FailureKind.CONTENT_REJECTED, "prepare", "It cannot be written. The log has the reason."
    )


def _drop_connection() -> None:
    with contextlib.suppress(Exception):
        connection.close()
