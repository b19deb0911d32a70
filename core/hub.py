"""How does everything start, stay up and stop? The hub holds worker, readers and channels; it is given all of them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from core import chat_addresses
from core.alerting import Agreed, TrapUser
from core.calling import Switchboard
from core.channel import Channel, Devices, Listening, Typing, Unavailable
from core.common import Common
from core.desk import (
    alert_rows,
    alert_sources,
    door,
    hub_troubles,
    mail_troubles,
    source_secrets,
    trap_senders,
)
from core.desk.alert_sources import KeyNotRead
from core.envelope import Address, Arrival, Claims
from core.handlers import handlers
from core.ids import new_id
from core.isolation import Readers
from core.log import get_logger
from core.rounds import Handler
from core.store import lanes, schedules
from core.store.database import Database, StoreUnavailable
from core.store.schedules import Schedule
from core.worker import Worker

FIRST_WAIT = 0.5  # seconds before something that fell over is started again; doubled each time
LAST_WAIT = 60.0  # seconds
STOOD = 60.0  # seconds up, after which the waiting begins anew
STOP_WITHIN = 8.0  # seconds from the signal until `run` returns; running.py ends the process within 10
LET_GO = 1.0  # of these, for parts that have to be cancelled
STALE = timedelta(seconds=30)  # without a claim, after which the worker does not count as working
PING_TIMEOUT = 2.0  # seconds
TYPING_WITHIN = 2.0  # seconds
LOOK_AGAIN = 0.02  # seconds; see core.worker
POST_EVERY = 5.0  # seconds between looks at how we are, for the other processes
POST_AGAIN = 0.5  # while we are not well
REPORT_EVERY = 60.0  # seconds between what is said of troubles, for the hub's own alarms
LOOK_EVERY = (
    5.0  # seconds until something is said that has just begun or ended, for who tries what they set up
)
LOST_SAID = 60.0  # seconds for which a loss of messages keeps us from being ready
KEYS_MOVE = 3  # times that the key of a source may lie elsewhere than a moment before
LOST_OVER = 300.0  # seconds without another, after which its alarm ends

log = get_logger("hub")


class AlreadyRunning(Exception):
    """Another hub works on this data folder; says which process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something beside the channels that is kept up: the web server."""

    name: str
    run: Callable[[], Awaitable[None]]
    """Until cancelled. Raises when it cannot go on: it is started again, later."""
    ready: Callable[[], bool] = lambda: True
    troubles: Callable[[], Mapping[str, tuple[str, str]]] = dict
    """What it found that does not work, as core.desk.hub_troubles takes it."""


class Hub:
    """One process of Centralino. `run` returns after `stop`, or a signal, within 10 seconds.

    `extra` are handlers of further kinds of job, `periodic` what comes round again. `full`: why nothing new can be
    taken in, if so; `low`: why that is near; else the database's facts are asked. `common`: what it shares with the other processes of its hub,
    and `run_by` the one that runs them all. `switchboard`: where calls go.
    """

    def __init__(
        self,
        db: Database,
        *,
        data_dir: Path,
        channels: Sequence[Channel] = (),
        services: Sequence[Service] = (),
        extra: Mapping[str, Handler] | None = None,
        periodic: Sequence[Schedule] = (),
        readers: Readers | None = None,
        full: Callable[[], str] | None = None,
        low: Callable[[], str] | None = None,
        lease: timedelta = lanes.LEASE,
        common: Common | None = None,
        run_by: int | None = None,
        switchboard: Switchboard | None = None,
    ) -> None:
        self.db = db
        self.common = common or Common()
        self.channels = channels
        self.services = services
        self.readers = readers or Readers()
        self._periodic = periodic
        self._lock = _Lock(data_dir, self.common.number, run_by)
        self._full = full or db.facts.full
        self._low = low or db.facts.low
        self._stopping = asyncio.Event()
        self._up: dict[str, bool] = {}
        self._ended: dict[str, str] = {}
        self._reported: set[str] = set()  # names of what this run has said does not work
        owner = self._lock.take(required=db.kind == "sqlite")
        self._alone = owner is not None
        owner = owner or new_id()
        self._reporter = f"{owner}/{self.common.number}"
        self.worker = Worker(
            db,
            {**handlers(db, channels, self.readers), **(extra or {})},
            owner=owner,
            lease=lease,
            look_again=LOOK_AGAIN if self.common.processes > 1 else 0.0,
        )
        self.door = HubDoor(db, self.worker, self._full, switchboard)

    async def run(self, *, signals: bool = True) -> None:
        """Start everything and keep it up until told to stop. `signals`: SIGTERM and SIGINT stop it."""
        loop = asyncio.get_running_loop()
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        try:
            await self._prepare()
            await self._keep_up()
        finally:
            if signals:
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.remove_signal_handler(number)
            await self.readers.close()
            self._lock.give_back()
            log.info("stopped")

    def stop(self) -> None:
        """Take nothing more in, finish what is in hand, and let `run` return."""
        self._stopping.set()

    async def typing(self, addresses: Sequence[str]) -> None:
        """Show in these chats that we are writing, where their channels can. Nothing is lost when one does not."""
        able = {one.name: one for one in self.channels if isinstance(one, Typing)}
        for address in addresses:
            channel = able.get(chat_addresses.channel_of(address))
            if channel is None:
                continue
            try:
                async with asyncio.timeout(TYPING_WITHIN):
                    await channel.typing(Address(address))
            except Exception as error:  # noqa: BLE001 - a library of theirs; it is a nicety, and said again in a moment
                log.info("typing was not shown", channel=channel.name, error=type(error).__name__)

    def live(self) -> bool:
        """Does the process answer? It does if it can be asked."""
        return True

    async def ready(self) -> tuple[str, ...]:
        """What keeps the hub from working, in words; empty: it works. Any of its processes answers for all."""
        return (*await self.post(), *self.common.board.unwell())

    async def post(self) -> tuple[str, ...]:
        """Tell the other processes how this one is; what keeps it from working."""
        reasons = await self._reasons()
        self.common.board.post(well=not reasons, jobs=self.worker.done)
        return reasons

    async def _reasons(self) -> tuple[str, ...]:
        reasons = []
        if self._stopping.is_set():
            reasons.append("the hub is stopping")
        if trouble := self.db.health():
            reasons.append(trouble)
        else:
            try:
                async with asyncio.timeout(PING_TIMEOUT):
                    await self.db.read(lanes.crews)
            except TimeoutError:
                reasons.append(f"the database did not answer within {PING_TIMEOUT:.0f} s")
            except StoreUnavailable as error:
                reasons.append(f"the database does not answer: {error}")
        last = self.worker.last_round
        if last is None or datetime.now(UTC) - last > STALE:
            reasons.append("nobody works on what is waiting")
        reasons += [f"{name} is down" + self._why(name) for name, up in self._up.items() if not up]
        reasons += [f"{name}: {why}" for name, why in self._parts_down().items()]
        reasons += [
            f"{name}: {count} messages of devices were lost, more came than could be taken in"
            for name, count in self._lost(LOST_SAID).items()
        ]
        reasons += [f"{service.name} is not ready" for service in self.services if not service.ready()]
        if full := self._full():
            reasons.append(full)
        return tuple(reasons)

    def _parts_down(self) -> dict[str, str]:
        return {f"{name} by {part}": why for name, part, why in self._of_parts("down")}

    def _of_parts(self, what: str) -> Iterator[tuple[str, str, str]]:
        """What channels keep of their parts under this name: the channel, the part, and what is told of it."""
        for channel in self.channels:
            for part, why in list(getattr(channel, what, {}).items()):
                yield channel.name, part, why

    def _lost(self, within: float) -> dict[str, int]:
        return {
            way: count
            for channel in self.channels
            if isinstance(channel, Listening)
            for way, count in channel.lost(within).items()
        }

    async def report(self, *, whole: bool = True) -> int:
        """Say what does not work, was lost, is not there or is nearly full, for the hub's own alarms; how many that are.

        What is not found any more ends; unless `whole`, only what this run has found itself: that a server does not answer is
        known after many seconds, and what the run before said of it stands until then.
        """
        found = {
            name: (hub_troubles.PART, self._ended.get(name, "")) for name, up in self._up.items() if not up
        }
        found |= {name: (hub_troubles.PART, why) for name, why in self._parts_down().items()}
        found |= {f"left:{part}": (hub_troubles.LEFT, why) for _, part, why in self._of_parts("left")}
        found |= {
            f"lost:{way}": (hub_troubles.LOST, str(count)) for way, count in self._lost(LOST_OVER).items()
        }
        for service in self.services:
            found |= service.troubles()
        if any(isinstance(channel, Devices) for channel in self.channels):
            wanted = await self.db.read(source_secrets.wanted)
            found |= source_secrets.troubles(await asyncio.to_thread(source_secrets.lacking, wanted))
        if low := self._low():
            found[hub_troubles.DISK] = (hub_troubles.DISK, low)
        ending = None if whole else frozenset(self._reported)
        await self.db.write(hub_troubles.report, self._reporter, found, ending=ending, now=datetime.now(UTC))
        self._reported |= found.keys()
        return len(found)

    def _why(self, name: str) -> str:
        why = self._ended.get(name)
        return f": {why}" if why else ""

    async def _prepare(self) -> None:
        if self._alone:  # who left these leases is gone; their work need not wait until they end
            owner = None if self.db.kind == "sqlite" else self._lock.owner
            freed = await self.db.write(lanes.free_all, owner=owner)
            if freed:
                log.info("took over what was in hand when the hub last ended", lanes=freed)
        for one in self._periodic:
            await self.db.write(schedules.ensure, one, now=datetime.now(UTC))

    async def _keep_up(self) -> None:
        supervised = [
            asyncio.create_task(self._supervise(name, run), name=f"keep-{name}")
            for name, run in {
                **self._parts(),
                "posting": self._keep_posting,
                "reporting": self._keep_reporting,
            }.items()
        ]
        working = asyncio.create_task(self._supervise("worker", self.worker.run), name="keep-worker")
        log.info("started", channels=[channel.name for channel in self.channels])
        try:
            await self._stopping.wait()
        finally:
            # The doors close first: what still comes in is refused, what was taken in is worked on.
            for task in supervised:
                task.cancel()
            self.worker.stop()
            ending = [*supervised, working]
            _, late = await asyncio.wait(ending, timeout=STOP_WITHIN - LET_GO)
            for task in late:
                log.warning("did not stop in time", part=task.get_name())
                task.cancel()
            _, stuck = await asyncio.wait(ending, timeout=LET_GO)
            for task in stuck:
                log.error("does not stop at all", part=task.get_name())

    async def _keep_posting(self) -> None:
        while True:
            reasons = await self.post()
            await asyncio.sleep(POST_AGAIN if reasons else POST_EVERY)

    async def _keep_reporting(self) -> None:
        began = time.monotonic()
        said: Collection[str] | None = None
        while True:
            for _ in range(round(REPORT_EVERY / LOOK_EVERY)):
                await asyncio.sleep(LOOK_EVERY)
                if said is None or set(said) != set(self._parts_down()):
                    break
            said = tuple(self._parts_down())
            with contextlib.suppress(StoreUnavailable):  # which /health/ready says
                await self.report(whole=time.monotonic() - began >= REPORT_EVERY)

    def _parts(self) -> dict[str, Callable[[], Awaitable[None]]]:
        parts: dict[str, Callable[[], Awaitable[None]]] = {}
        for channel in self.channels:
            parts[channel.name] = lambda channel=channel: channel.run(self.door)  # type: ignore[misc]
        for service in self.services:
            parts[service.name] = service.run
        return parts

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Start it again when it falls over, each time a little later; it takes nobody else down."""
        wait = FIRST_WAIT
        self._up[name] = True
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self._up[name] = True
                await run()
                if self._stopping.is_set():
                    return
                self._ended[name] = "it ended by itself"
            except asyncio.CancelledError:
                if self._stopping.is_set():
                    raise
                self._ended[name] = "it was cancelled"  # by a library of its own, not by us
            except Exception as error:
                self._ended[name] = f"{type(error).__name__}: {error}"
                log.exception("fell over and is started again", part=name, after=wait)
            self._up[name] = False
            if time.monotonic() - started > STOOD:
                wait = FIRST_WAIT
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
            wait = min(2 * wait, LAST_WAIT)


class HubDoor:
    """See core.channel.Door."""

    def __init__(
        self, db: Database, worker: Worker, full: Callable[[], str], switchboard: Switchboard | None = None
    ) -> None:
        self._db = db
        self._worker = worker
        self._full = full
        self._switchboard = switchboard
        self._signing: set[str] = set()
        """Sources whose messages were signed: their key is read before each. That of others is not asked for."""

    async def accept(self, arrival: Arrival) -> str:
        """See core.channel.Door. The client may hang up meanwhile: what has begun is stored all the same."""
        if full := self._full():  # asked here too: a line of refusals need not wait for the database
            raise Unavailable(full)
        arrival = await self._with_key(arrival)
        for _ in range(KEYS_MOVE):
            try:
                stored = self._db.submit_first(door.accept, arrival, now=datetime.now(UTC))
                return await asyncio.shield(asyncio.wrap_future(stored))
            except StoreUnavailable as error:
                raise Unavailable(str(error)) from error
            except KeyNotRead as wanted:
                arrival = await self._holding(arrival, wanted.where)
                self._signing.add(wanted.source)
        raise Unavailable("the key of this source is being moved: send it again")

    async def _with_key(self, arrival: Arrival) -> Arrival:
        """The same with the key of its source, of one that has signed before: it need not be refused first."""
        claims = arrival.claims
        if claims is None or claims.proved is not None or claims.source not in self._signing:
            return arrival
        if where := await self._read(door.signs_with, claims.source):
            return await self._holding(arrival, where)
        self._signing.discard(claims.source)
        return arrival

    async def _holding(self, arrival: Arrival, where: str) -> Arrival:
        """The same with a key that is read now: a file that hangs holds up nobody who writes."""
        assert arrival.claims is not None
        keys = {where: await asyncio.to_thread(alert_sources.key_at, where)}
        return replace(arrival, claims=replace(arrival.claims, keys=keys))

    async def admits(self, claims: Claims) -> None:
        """See core.channel.Door."""
        await self._read(door.admits, claims)

    async def ticket_of(self, source: str, dedup_key: str) -> str:
        """See core.channel.Door."""
        found: str = await self._read(alert_rows.number_of, source, dedup_key)
        return found

    async def guesses(self, whence: str) -> bool:
        """See core.channel.Door."""
        found: bool = await self._read(mail_troubles.guesses, whence, now=datetime.now(UTC))
        return found

    async def trap_users(self) -> Sequence[TrapUser]:
        """See core.channel.Door."""
        found: Sequence[TrapUser] = await self._read(trap_senders.users)
        return found

    async def trap_boots(self, engine: str) -> int:
        """See core.channel.Door."""
        try:
            return await self._db.write(trap_senders.begun, engine)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    async def trap_clock(self, source: str, engine: str) -> int:
        """See core.channel.Door."""
        found: int = await self._read(trap_senders.clock, source, engine)
        return found

    async def paces(self) -> Mapping[str, Agreed]:
        """See core.channel.Door."""
        found: Mapping[str, Agreed] = await self._read(door.paces)
        return found

    async def _read(self, question: Callable[..., Any], *about: Any, **more: Any) -> Any:
        try:
            return await self._db.read(question, *about, **more)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error

    def lease(self, name: str) -> AbstractAsyncContextManager[None]:
        """See core.channel.Door."""
        return self._worker.lease(name)

    @property
    def switchboard(self) -> Switchboard:
        """See core.channel.Door."""
        if self._switchboard is None:
            raise Unavailable("this hub answers no calls")
        return self._switchboard


@contextlib.contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """No hub works on this data folder meanwhile. Raises AlreadyRunning when one does."""
    lock = _Lock(data_dir)
    lock.take(required=True)
    try:
        yield
    finally:
        lock.give_back()


class _Lock:
    """One hub for one data folder, by a lock that ends with the process however it ends. `number`: see core.common."""

    def __init__(self, data_dir: Path, number: int = 1, run_by: int | None = None) -> None:
        self._path = data_dir / ("hub.lock" if number == 1 else f"hub-{number}.lock")
        self._run_by = run_by or os.getpid()
        self._file: IO[str] | None = None
        self.owner: str | None = None
        """Who works for this folder: the same after a restart."""

    def take(self, *, required: bool) -> str | None:
        """The owner; None when another process has the lock and it is not required. Raises AlreadyRunning."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            other = file.read().split()
            file.close()
            if required:
                who = f" (process {other[0]})" if other else ""
                message = f"a hub is running on {self._path.parent} already{who}; stop it, or give this one its own data_dir"
                raise AlreadyRunning(message) from None
            return None
        file.seek(0)
        words = file.read().split()
        self.owner = words[1] if len(words) > 1 else new_id()
        file.seek(0)
        file.truncate()
        file.write(f"{self._run_by} {self.owner}\n")
        file.flush()
        self._file = file
        return self.owner

    def give_back(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
