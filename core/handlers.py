"""What is done for each kind of job? Messages are read and understood, deliveries and letters are sent, timers ring."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from core.calling import Line
from core.channel import Channel, DeliveryError, Devices, Inquiring, Retracting, Vouched
from core.desk import (
    alert_endings,
    alert_incidents,
    alert_returns,
    alert_rows,
    alert_silence,
    alert_tickets,
    alerts,
    call_out,
    chat_intake,
    clock_changes,
    contract_letters,
    contract_round,
    device_lines,
    door,
    entitle,
    follow_ups,
    handovers,
    holes,
    hub_watch,
    incident_telling,
    intake,
    letters,
    linking,
    mail_tests,
    missed,
    new_passwords,
    no_answer,
    paging,
    papers,
    periodic,
    periodic_schedule,
    placing,
    promises,
    resolution,
    rota_gaps,
    routing_again,
    sending,
    sla_changes,
    sounds,
    source_states,
    taking_back,
    tidying,
    timing,
    unattended,
    vendor_due,
    vendor_rows,
    visit_round,
    visit_rows,
    visitor_codes,
    workarounds,
)
from core.desk.door import Stored
from core.desk.letters import Kind, Letter
from core.desk.papers import Undrawn
from core.desk.taking_back import Copy
from core.drawing import Drawing
from core.envelope import Inbound, Outgoing, Sent
from core.isolation import ReaderDied, ReaderFailed, Readers, Unreadable
from core.log import get_logger
from core.reporting import Reporting
from core.returning import Looking, Saying
from core.rounds import Again, Effect, Handler, Hopeless, Retry
from core.store.database import Database
from core.store.tx import Tx
from core.store.work import Job
from core.worker import utc_now

SEND_TIMEOUT = 300.0  # seconds; channels have shorter limits of their own
READ_AGAIN = 1.0  # seconds after a reading process died: it may have been somebody else's message
UNDERSTAND_AGAIN = 5.0  # seconds after a bug: a passing state of the rows may have been to blame
TAKE_BACK_AGAIN = (10.0, 60.0, 600.0)  # seconds before each further try to take something back
ASK_AGAIN = (2.0, 6.0, 20.0, 60.0, 60.0, 120.0)
"""Seconds before each further look at what domains publish: four and a half minutes, then a mail is understood without."""
VOUCH_AGAIN = (5.0, 60.0, 300.0, 900.0)  # seconds before each further look at who sends a message
VOUCH_FOR = timedelta(seconds=sum(VOUCH_AGAIN))
TRIES = 2  # to read or understand a message; then it is an exception item in the inbox
REMEMBERED = 1000  # deliveries that were taken
SLICES = 10  # of one job: a fifth of a second, which timers that were claimed with it may have to wait

log = get_logger("work")

Clock = Callable[[], datetime]
Read = Callable[[str, bytes, Mapping[str, Any], Mapping[str, Any]], Awaitable[Inbound]]
Question = Callable[[str, bytes, Mapping[str, Any], Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


def handlers(
    db: Database, channels: Sequence[Channel], readers: Readers, *, clock: Clock = utc_now
) -> dict[str, Handler]:
    """All of them, by kind of job."""
    by_name = {channel.name: channel for channel in channels}
    drawing = Drawing(db, readers, clock=clock)
    return {
        "understand": Understanding(db, by_name, readers.read, readers.questions, clock=clock),
        "send": Sending(db, by_name, drawing, clock=clock),
        papers.DRAW: drawing,
        "letter": Posting(
            db,
            by_name,
            new_passwords.LETTERS
            | linking.LETTERS
            | mail_tests.LETTERS
            | visitor_codes.LETTERS
            | contract_letters.LETTERS
            | periodic_schedule.LETTERS,
            clock=clock,
        ),
        "retract": Retracted(db, by_name, clock=clock),
        "clocks": Ringing(timing.check, clock=clock),
        "page": Ringing(paging.check, clock=clock),
        routing_again.KIND: Ringing(placing.again, clock=clock),
        holes.KIND: Holes(db, clock=clock),
        visit_rows.TIMER: Ringing(visit_round.check, clock=clock),
        workarounds.TIMER: Ringing(workarounds.check, clock=clock),
        alert_rows.TIMER: Ringing(alerts.check, clock=clock),
        alerts.OVER: Ringing(alerts.over, clock=clock),
        alert_tickets.NOTICE: Ringing(alert_tickets.tell, clock=clock),
        source_states.TIMER: Slices(alert_silence.ring, clock=clock),
        hub_watch.KIND: Watching(db, clock=clock),
        alert_returns.JOB: Saying(db, channels, clock=clock),
        alert_returns.LOOK: Looking(db, channels, clock=clock),
        alert_incidents.KIND: Slices(alert_incidents.go_on, clock=clock),
        alert_rows.OVER: Ringing(alert_endings.check, clock=clock),
        alert_endings.CALM: Ringing(alert_endings.calm, clock=clock),
        promises.TIMER: Ringing(promises.check, clock=clock),
        follow_ups.OBSERVED: Ringing(follow_ups.observed, clock=clock),
        "tidy": Round(tidying.tidy, clock=clock),
        device_lines.KIND: Round(device_lines.forget, clock=clock),
        rota_gaps.KIND: Round(rota_gaps.look, clock=clock),
        handovers.KIND: Round(handovers.look, clock=clock),
        "sounds": Sounds(db, clock=clock),
        unattended.KIND: Unattended(db, clock=clock),
        "callbacks": Round(call_out.in_turn, clock=clock),
        "dial": Dialling(db, [one for one in channels if isinstance(one, Line)], clock=clock),
        incident_telling.KIND: Slices(incident_telling.go_on, clock=clock),
        missed.KIND: Ringing(missed.look, clock=clock),
        follow_ups.UNANSWERED: Ringing(no_answer.look, clock=clock),
        sla_changes.KIND: Slices(sla_changes.go_on, clock=clock),
        clock_changes.KIND: Recalendaring(db, clock=clock),
        contract_round.DAILY.kind: Contracts(db, clock=clock),
        periodic.KIND: Reporting(db, clock=clock),
        periodic_schedule.DAILY.kind: Round(periodic_schedule.look, clock=clock),
        entitle.LAPSE: Ringing(entitle.lapsed, clock=clock),
        vendor_rows.UPDATE_TIMER: Ringing(vendor_due.look, clock=clock),
        "auto-close": Ringing(resolution.close_when_silent, clock=clock),
        chat_intake.TIMER: Ringing(chat_intake.silent, clock=clock),
    }


class Understanding(Handler):
    """Reads stored messages, each by its channel's reader, and gives each its outcome. Payload: `inbound`."""

    def __init__(
        self,
        db: Database,
        channels: Mapping[str, Channel],
        read: Read,
        question: Question,
        *,
        clock: Clock,
    ) -> None:
        self._db = db
        self._channels = channels
        self._read = read
        self._question = question
        self._clock = clock
        devices = next((one for one in channels.values() if isinstance(one, Devices)), None)
        self._device_reader = devices.device_reader if devices is not None else ""

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler. All messages are on their way to the reader before the first answer is awaited."""
        stored = await self._db.read(door.load, [job.payload["inbound"] for job in jobs])
        return await asyncio.gather(*(self._one(job, stored.get(job.payload["inbound"])) for job in jobs))

    async def _one(self, job: Job, stored: Stored | None) -> Effect | Exception:
        if stored is None:  # understood before, by whoever lost the lane after the commit
            return _nothing
        channel = self._channels.get(stored.channel)
        if channel is None:
            return Hopeless(f"no channel here is called {stored.channel!r}: switch it on and try again")
        try:
            reader = self._device_reader if stored.options and self._device_reader else channel.reader
            options = {**channel.reader_options, **stored.options}
            if stored.options and isinstance(channel, Vouched):
                options |= await channel.vouch(stored.raw, stored.arrival, options)
            stored, pending = await self._asked(stored, channel, options, last=job.attempt >= len(ASK_AGAIN))
            if pending:
                return Retry("what its domain publishes is being asked", waits=ASK_AGAIN)
            said = await self._read(reader, stored.raw, stored.arrival, options)
            if said.authentication.verdict == "temperror" and stored.asked and job.attempt < len(ASK_AGAIN):
                return Retry("nobody could say who sent it", waits=ASK_AGAIN)
        except DeliveryError as error:  # whoever can say who sends it does not answer
            # What waited behind others of its source has waited with them.
            waited = job.attempt > 0 and self._clock() - job.created_at >= VOUCH_FOR
            if waited or job.attempt >= len(VOUCH_AGAIN):
                return Hopeless(f"nobody could say whether it is genuine: {error}")
            return Retry(str(error), waits=VOUCH_AGAIN)
        except Unreadable as error:
            return Hopeless(f"unreadable: {error}")
        except ReaderFailed as error:
            log.error("a reader has a bug", channel=channel.name, inbound=stored.id, error=str(error))
            return Hopeless(f"the reader failed: {error}")
        except ReaderDied as error:
            return self.judge(job, Retry(str(error), waits=(READ_AGAIN,)))
        kept = stored.arrival["envelope"] if stored.asked else None
        return partial(_understand, inbound_id=stored.id, said=said, kept=kept, now=self._clock())

    async def _asked(
        self, stored: Stored, channel: Channel, options: Mapping[str, Any], *, last: bool
    ) -> tuple[Stored, bool]:
        """The message with what others answered about it, and whether that is still on its way.

        What was kept with it is not asked again. `last`: it is understood now, whatever is known.
        """
        if not isinstance(channel, Inquiring) or stored.options or not channel.inquires(stored.arrival):
            return stored, False
        head = stored.raw[: channel.questions_in]
        questions = await self._question(channel.questions, head, stored.arrival, options)
        answers = await channel.answers(stored.id, questions)
        if answers is None and not last:
            return stored, True
        return door.with_answers(stored, answers or {}), False

    def judge(self, job: Job, error: Exception) -> Exception:
        """See Handler. Staff see a message that cannot be understood after seconds, not hours."""
        if job.attempt + 1 < TRIES:
            return error if isinstance(error, Retry) else Retry(_words(error), waits=(UNDERSTAND_AGAIN,))
        return Hopeless(_words(error))

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        """See Handler. It becomes an exception item, which is where staff look."""
        door.exception(tx, job.payload["inbound"], reason, now=now)
        return True


class Sending(Handler):
    """Hands deliveries to their channels. Payload: `delivery`, on the shard of its ticket."""

    def __init__(
        self, db: Database, channels: Mapping[str, Channel], drawing: Drawing, *, clock: Clock
    ) -> None:
        self._db = db
        self._channels = channels
        self._drawing = drawing
        self._clock = clock
        self._taken: OrderedDict[str, Sent] = OrderedDict()
        """By job, what the other side took lately: if writing that down fails, it is not sent again for that. Staff who
        send a delivery once more make another job."""

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        taken = self._taken.get(job.id)
        if taken is None:
            outgoing = await self._begin(job)
            if outgoing is None:
                return _nothing
            try:
                taken = await _hand_over(self._channels, outgoing)
            except DeliveryError as error:
                return partial(_not_taken, job=job, error=error, now=self._clock())
            self._taken[job.id] = taken
            if len(self._taken) > REMEMBERED:
                self._taken.popitem(last=False)
        return partial(_taken, job=job, what=taken, now=self._clock())

    async def _begin(self, job: Job) -> Outgoing | None:
        """What is to be sent, with the paper it carries: drawn now, if it is not yet; without, if that cannot be done."""
        found = await self._db.write(sending.begin, job.shard, job.payload["delivery"], now=self._clock())
        if isinstance(found, Undrawn):
            drawn = await self._drawing.now(found.shard, found.id)
            found = await self._db.write(
                sending.begin, job.shard, job.payload["delivery"], now=self._clock(), bare=not drawn
            )
        return None if isinstance(found, Undrawn) else found

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        """See Handler. The delivery is given up, which staff see at the ticket."""
        sending.failed(tx, job.shard, job.payload["delivery"], reason, now=now)
        return True


class Posting(Handler):
    """Hands letters to their channels, written anew at each try. Payload: `letter`, `channel`, and whom it is for."""

    def __init__(
        self, db: Database, channels: Mapping[str, Channel], kinds: Mapping[str, Kind], *, clock: Clock
    ) -> None:
        self._db = db
        self._channels = channels
        self._kinds = kinds
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        kind = self._kinds.get(job.payload["letter"])
        if kind is None:
            return Hopeless(f"no letter is called {job.payload['letter']!r}")
        if self._clock() - job.created_at >= kind.patience:
            return Hopeless("nobody waits for it any more")
        letter = await self._db.write(letters.write, kind, job, now=self._clock())
        if letter is None:
            return _nothing
        try:
            await _hand_over(self._channels, letter.outgoing)
        except DeliveryError as error:
            log.warning("a letter was not taken", letter=job.payload["letter"], job=job.id, reason=str(error))
            return partial(
                _letter_not_taken, job=job, letter=letter, kind=kind, error=error, now=self._clock()
            )
        return partial(_letter_taken, job=job, letter=letter, kind=kind, now=self._clock())

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        """See Handler. On record among the events of administration; trying again later would serve nobody."""
        letters.failed(tx, job, now=now)
        kind = self._kinds.get(job.payload["letter"])
        if kind is not None and kind.told is not None:
            kind.told(tx, job, reason, now=now)
        return True


class Retracted(Handler):
    """Asks channels to take back what was sent. Payload: `delivery`, on the shard of its ticket."""

    def __init__(self, db: Database, channels: Mapping[str, Channel], *, clock: Clock) -> None:
        self._db = db
        self._channels = channels
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        delivery = job.payload["delivery"]
        copy = await self._db.read(taking_back.begin, job.shard, delivery)
        if copy is None:
            return _nothing
        try:
            await _take_back(self._channels, copy)
        except DeliveryError as error:
            if error.permanent or job.attempt >= len(TAKE_BACK_AGAIN):
                return partial(_kept, job=job, reason=str(error), now=self._clock())
            return Retry(str(error), retry_after=error.retry_after, waits=TAKE_BACK_AGAIN)
        return partial(_retracted, job=job, now=self._clock())

    def dead(self, tx: Tx, job: Job, reason: str, *, now: datetime) -> bool:
        """See Handler. It stays where it is, which staff see at the ticket."""
        taking_back.kept(tx, job.shard, job.payload["delivery"], reason, now=now)
        return True


class Ringing(Handler):
    """A timer of a ticket or a chat: the verb looks at the facts again. The shard is the ticket or the chat."""

    def __init__(self, verb: Callable[..., None], *, clock: Clock) -> None:
        self._verb = verb
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return [partial(_ring, verb=self._verb, ticket_id=job.shard, now=self._clock()) for job in jobs]


class Slices(Handler):
    """Goes through something large a slice at a time: the verb is given the job, and makes that of the next. Payload: where it stands."""

    def __init__(self, verb: Callable[..., Any], *, clock: Clock) -> None:
        self._verb = verb
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return [partial(_slice, verb=self._verb, job=job, now=self._clock()) for job in jobs]


class Recalendaring(Handler):
    """Brings open tickets under a calendar: some slices, each a transaction of its own, then the job says where it stands.

    Handing a job over costs as much as half a slice. A slice may run twice, after a lease that was lost; the second
    changes nothing. Payload: `calendar`, and the id `after` which it goes on.
    """

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return [await self._one(job) for job in jobs]

    async def _one(self, job: Job) -> Effect:
        after: str | None = job.payload["after"]
        for _ in range(SLICES):
            if after is not None:
                after = await self._db.write(
                    clock_changes.advance, job.payload["calendar"], after, now=self._clock()
                )
        return partial(_came_to, payload=job.payload, after=after, now=self._clock())


class Dialling(Handler):
    """Lets a line call somebody. Payload: `call`, on the shard of its ticket."""

    def __init__(self, db: Database, lines: Sequence[Line], *, clock: Clock) -> None:
        self._db = db
        self._lines = lines
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return await asyncio.gather(*(self._one(job) for job in jobs))

    async def _one(self, job: Job) -> Effect | Exception:
        call = job.payload["call"]
        dial = await self._db.write(call_out.begin, call, now=self._clock())
        if dial is None:
            return _nothing
        if not self._lines:
            return partial(_not_dialled, call=call, reason="no line can call", now=self._clock())
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._lines[0].dial(dial)
        except (
            DeliveryError,
            TimeoutError,
        ) as error:  # somebody waits at the page: they try again themselves
            return partial(_not_dialled, call=call, reason=str(error), now=self._clock())
        return _nothing


class Round(Handler):
    """What comes round again and belongs to no ticket: what has lapsed is forgotten, who waits for a call is called."""

    def __init__(self, verb: Callable[..., Any], *, clock: Clock) -> None:
        self._verb = verb
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        return [partial(_come_round, verb=self._verb, now=self._clock()) for _ in jobs]


class Holes(Handler):
    """At night and after each change: where nobody is there for what was bought. Looking only reads."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        now = self._clock()
        found = await self._db.read(holes.look, now=now)
        log.info("holes in the routing", cells=len(found.holes))
        return [partial(holes.keep, found=found, now=now) for _ in jobs]


class Watching(Handler):
    """Every minute: how the hub itself is, and whether sources are as they are configured. Looking only reads."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        now = self._clock()
        found = await self._db.read(hub_watch.look, now=now)
        return [partial(hub_watch.keep, found=found, now=now) for _ in jobs]


class Sounds(Handler):
    """Every hour: recordings whose time is over are deleted, those that never came are told."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        now = self._clock()
        found = await self._db.read(sounds.lapsed, now=now)
        if not found.nothing:
            log.info("recordings lapsed", deleted=len(found.kept_long_enough), missing=len(found.never_came))
        return [partial(sounds.forget, found=found, now=now) for _ in jobs]


class Contracts(Handler):
    """Every day: contracts that come to their end, and whether all that arrived became something."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler. What is counted over everything is counted by a reader."""
        now = self._clock()
        lost = await self._db.read(contract_round.lost, now=now)
        return [partial(contract_round.look, lost=lost, now=now) for _ in jobs]


class Unattended(Handler):
    """Every night: open requests that nobody looks after are found by a reader, and asked about in one small transaction."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def prepare(self, jobs: Sequence[Job]) -> Sequence[Effect | Exception]:
        """See Handler."""
        found = await self._db.read(unattended.look)
        return [partial(unattended.note, found=found, now=self._clock()) for _ in jobs]


async def _hand_over(channels: Mapping[str, Channel], outgoing: Outgoing) -> Sent:
    channel = channels.get(outgoing.channel)
    if channel is None:
        raise DeliveryError(f"the channel {outgoing.channel!r} is switched off")
    try:
        async with asyncio.timeout(SEND_TIMEOUT):
            return await channel.send(outgoing)
    except DeliveryError:
        raise
    except TimeoutError:
        raise DeliveryError(f"no answer within {SEND_TIMEOUT:.0f} s") from None
    except Exception as error:  # a bug in a channel: the delivery waits, and is given up like any other
        log.exception("a channel failed to send", channel=outgoing.channel, delivery=outgoing.delivery_id)
        raise DeliveryError(_words(error)) from error


async def _take_back(channels: Mapping[str, Channel], copy: Copy) -> None:
    channel = channels.get(copy.channel)
    if channel is None:
        raise DeliveryError(f"the channel {copy.channel!r} is switched off")
    if not isinstance(channel, Retracting) or not copy.remote_id:
        raise DeliveryError(f"{copy.channel} takes nothing back", permanent=True)
    try:
        async with asyncio.timeout(SEND_TIMEOUT):
            await channel.retract(copy.to, copy.remote_id)
    except DeliveryError:
        raise
    except Exception as error:
        log.exception("a channel failed to take back", channel=copy.channel)
        raise DeliveryError(_words(error)) from error


def _nothing(tx: Tx) -> None:
    return None


def _understand(
    tx: Tx, *, inbound_id: str, said: Inbound, kept: Mapping[str, Any] | None, now: datetime
) -> Again | None:
    if kept is not None:
        door.keep_answers(tx, inbound_id, kept)
    if said.delivered_to is not None and door.handed_on(tx, inbound_id, said, now=now):
        return None
    understood = intake.understand(tx, inbound_id, said, now=now)
    return Again() if understood.reason == alerts.MORE else None


def _retracted(tx: Tx, *, job: Job, now: datetime) -> None:
    taking_back.done(tx, job.shard, job.payload["delivery"], now=now)


def _kept(tx: Tx, *, job: Job, reason: str, now: datetime) -> None:
    taking_back.kept(tx, job.shard, job.payload["delivery"], reason, now=now)


def _taken(tx: Tx, *, job: Job, what: Sent, now: datetime) -> None:
    sending.sent(tx, job.shard, job.payload["delivery"], what, now=now)


def _not_taken(tx: Tx, *, job: Job, error: DeliveryError, now: datetime) -> Retry | None:
    delivery = job.payload["delivery"]
    waits = () if error.permanent else sending.postponed(tx, job.shard, delivery, str(error), now=now)
    if not waits:
        sending.failed(tx, job.shard, delivery, str(error), dead=error.dead, now=now)
        return None
    return Retry(str(error), retry_after=error.retry_after, waits=waits)


def _letter_taken(tx: Tx, *, job: Job, letter: Letter, kind: Kind, now: datetime) -> None:
    letters.sent(tx, job, letter.person, now=now)
    if kind.told is not None:
        kind.told(tx, job, "", now=now)


def _letter_not_taken(
    tx: Tx, *, job: Job, letter: Letter, kind: Kind, error: DeliveryError, now: datetime
) -> Retry | None:
    if error.permanent or now + timedelta(seconds=kind.waits[-1]) >= job.created_at + kind.patience:
        letters.failed(tx, job, letter.person, now=now)
        if kind.told is not None:
            kind.told(tx, job, str(error), now=now)
        return None
    return Retry(str(error), retry_after=error.retry_after, waits=kind.waits)


def _ring(tx: Tx, *, verb: Callable[..., None], ticket_id: str, now: datetime) -> None:
    verb(tx, ticket_id, now=now)


def _slice(tx: Tx, *, verb: Callable[..., Any], job: Job, now: datetime) -> None:
    verb(tx, job, now=now)


def _came_to(tx: Tx, *, payload: Mapping[str, Any], after: str | None, now: datetime) -> None:
    clock_changes.go_on(tx, payload, after, now=now)


def _not_dialled(tx: Tx, *, call: str, reason: str, now: datetime) -> None:
    call_out.given_up(tx, call, reason, now=now)


def _come_round(tx: Tx, *, verb: Callable[..., Any], now: datetime) -> None:
    verb(tx, now=now)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, (Retry, Hopeless)) else f"{type(error).__name__}: {error}"
