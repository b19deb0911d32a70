"""What does an alarm mean beside those that came before? Whether it is new, what it belongs to, what must wait (monitoring.md 4).

`step` says what a fact changes of its alert. `place` says where an alert goes that fires: it is asked when the alert begins and
again at the end of every wait, and gives the first answer that applies. `recovered` says what becomes of a ticket whose alerts
are over. All instants are aware; `now` is a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.alerting import Severity, Status

SAME_BODY = timedelta(minutes=15)
"""The same bytes again within this are the same message, unless something changed in between."""
HOLD = timedelta(seconds=60)
CLOCK_STEP = timedelta(seconds=60)
"""By more a clock is set back only by hand, or after a long time without one that it follows; clocks of hubs beside each other differ by less."""
STABLE = timedelta(seconds=300)
FLAPS, FLAPS_WITHIN = 5, timedelta(minutes=15)
REOPENINGS, REOPENINGS_WITHIN = 3, timedelta(minutes=60)
CALM = timedelta(minutes=30)
"""Without a change after which something that flapped is quiet."""
STORM, STORM_WITHIN = 10, timedelta(seconds=120)
SAME_ASSET = timedelta(minutes=30)
REOPEN_WITHIN = timedelta(minutes=60)
RECURS_WITHIN = timedelta(hours=24)
RECURRENCES, RECURRENCES_WITHIN = 3, timedelta(days=7)
"""So many times in so long, and somebody should look for the cause."""
TAKES_OVER = timedelta(minutes=10)
"""After its children, a parent that comes so late is still the cause of them."""
TOLD_LATE = timedelta(minutes=50)
"""What began longer before it was told is not believed to have: zones that are mixed up differ by an hour at least. A hub that was away for less
hides nothing from the clocks of a contract."""
TRANSITIONS = 40
"""Changes that are remembered of one alert; older ones decide nothing."""


# --- What a fact changes -----------------------------------------------------------------------------------


class Step(StrEnum):
    """What a fact does to its alert."""

    BEGUN = "begun"
    """A new episode."""
    REPEATED = "repeated"
    """It still fires: counted."""
    ENDED = "ended"
    UPDATED = "updated"
    """Acknowledged, suppressed or under maintenance at the source, or the source cannot tell."""
    STORED = "stored"
    """It changes nothing: an end of what never began, or is over."""
    LATE = "late"
    """It speaks of an episode before the one that is known: state unchanged."""
    ECHO = "echo"
    """What we said at the source ourselves comes back."""
    DUPLICATE = "duplicate"
    """The same message once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An alert as it stands."""

    open: bool
    started_at: datetime
    ended_at: datetime | None = None
    """As its source told it; None: it did not."""


def step(
    known: Known | None,
    status: Status,
    *,
    started_at: datetime | None,
    ended_at: datetime | None,
    same_body: bool = False,
    echo: bool = False,
) -> Step:
    """What the fact does. `started_at`, `ended_at`: as far as the payload says.

    `same_body`: these very bytes came within SAME_BODY. `echo`: it repeats what we said at the source ourselves.
    Of an alert that is open another start is no other episode: some tools date every repetition anew. What begins in the instant in
    which it ended is another one: some tools know whole seconds only, and an episode too many is better than none.

    >>> step(None, Status.FIRING, started_at=None, ended_at=None)
    <Step.BEGUN: 'begun'>
    >>> step(None, Status.RESOLVED, started_at=None, ended_at=None)
    <Step.STORED: 'stored'>
    """
    is_open = known is not None and known.open
    if echo and is_open and status is not Status.RESOLVED:
        return Step.ECHO
    if status is Status.FIRING:
        if is_open:
            return Step.DUPLICATE if same_body else Step.REPEATED
        over = known.ended_at if known is not None else None
        if started_at is not None and over is not None and started_at < over:
            return Step.LATE
        return Step.BEGUN
    if status is Status.RESOLVED:
        if known is None or not is_open:
            return Step.DUPLICATE if same_body and known is not None else Step.STORED
        return Step.LATE if ended_at is not None and ended_at < known.started_at else Step.ENDED
    return Step.UPDATED if is_open else Step.STORED


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work at a tool, as it told us of it."""

    told_at: datetime
    """When we heard of it, by our clock."""
    said_at: datetime | None
    """When it said so, by its own; None: it did not say."""


def ends_work(work: Work, *, said_at: datetime | None, received_at: datetime, again: bool = False) -> bool:
    """A tool that is silent in its work speaks of the problem: is the work over? Not where that was said before it, and comes late.

    `said_at`: by the tool's clock; where both times are the tool's own, that clock may be as wrong as it likes, unless it was set right
    between them. Else only the order is known in which they came: what comes within CLOCK_STEP is late, and after that a person rather hears of it once too often; unless
    they do already: `again`, it is the repetition of an alarm that has its place.

    >>> work = Work(told_at=datetime(2026, 3, 3, 1, 0), said_at=None)
    >>> [ends_work(work, said_at=None, received_at=datetime(2026, 3, 3, 1, minute)) for minute in (1, 2)]
    [False, True]
    """
    if work.said_at is not None and said_at is not None:
        set_right = work.said_at - work.told_at > CLOCK_STEP >= said_at - received_at
        if said_at > work.said_at or not set_right:
            return said_at > work.said_at
    return not again and abs(received_at - work.told_at) > CLOCK_STEP


def flaps(transitions: Sequence[datetime], begun: Sequence[datetime], *, now: datetime) -> bool:
    """Does it come and go? `transitions`: every change; `begun`: those of them that began an episode, the first left out."""
    lately = [at for at in transitions if now - FLAPS_WITHIN <= at <= now]
    again = [at for at in begun if now - REOPENINGS_WITHIN <= at <= now]
    return len(lately) >= FLAPS or len(again) >= REOPENINGS


# --- Where it goes -----------------------------------------------------------------------------------------


class Place(StrEnum):
    """What becomes of an alert that fires, in the order in which it is asked."""

    STORED = "stored"
    """No contract stands for it: kept, and nobody is called."""
    MAINTENANCE = "maintenance"
    HELD = "held"
    """It may be over in a moment."""
    SUPPRESSED = "suppressed"
    """What it hangs on is down: it belongs to that."""
    REOPEN = "reopen"
    """Its ticket was solved a moment ago."""
    ATTACH = "attach"
    """There is a ticket of it."""
    SHARED = "shared"
    """So much that hangs on one thing of somebody else's goes down at several customers: an incident of them all."""
    STORM = "storm"
    """Too many at one site to be several matters: one ticket of them all."""
    QUIET = "quiet"
    """For information only."""
    OPEN = "open"
    """A ticket of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket of the same problem, or of the same asset."""

    id: str
    open: bool
    solved_at: datetime | None = None
    """Since when it waits for the customer's word; None: it does not."""
    ended_at: datetime | None = None
    """Solved or closed, whichever was first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is known around an alert that fires."""

    begun_at: datetime
    """When it reached us."""
    severity: Severity
    store_only: bool = False
    window_until: datetime | None = None
    """Of the maintenance windows that match now, the latest end."""
    hold: timedelta = HOLD
    """Zero: a thing that is reported at once."""
    flapping: bool = False
    parent: str | None = None
    """The alert of the nearest thing it hangs on that is down."""
    own: Ticket | None = None
    """Its ticket of before, as far as that decides anything."""
    of_asset: Ticket | None = None
    """The newest open one of the same asset that is younger than SAME_ASSET."""
    storm_ticket: str | None = None
    """One that was opened for a storm at this site and is open."""
    shared: bool = False
    """It is one of many at several customers that hang on the same (rules.dependence.common), or an incident of such a storm is open."""
    companions: Sequence[datetime] = ()
    """When other alerts of the same customer and site were to become tickets."""
    info_opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where it goes, and what that is."""

    place: Place
    ticket: str | None = None
    until: datetime | None = None
    """Of a wait: when it is asked again."""
    recurrence_of: str | None = None
    """A ticket of the same problem that ended within a day."""


def place(scene: Scene, *, now: datetime) -> Placed:
    """The first that applies."""
    if scene.store_only:
        return Placed(place=Place.STORED)
    if scene.window_until is not None and scene.window_until > now:
        return Placed(place=Place.MAINTENANCE, until=scene.window_until)
    held = held_until(scene.begun_at, scene.hold, flapping=scene.flapping, now=now)
    if held is not None:
        return Placed(place=Place.HELD, until=held)
    if scene.parent is not None:
        return Placed(place=Place.SUPPRESSED)
    own = scene.own
    if own is not None and own.open:
        return Placed(place=Place.ATTACH, ticket=own.id)
    if own is not None and own.solved_at is not None and now - own.solved_at <= REOPEN_WITHIN:
        return Placed(place=Place.REOPEN, ticket=own.id)
    if scene.of_asset is not None and scene.of_asset.open:
        return Placed(place=Place.ATTACH, ticket=scene.of_asset.id)
    if scene.severity is Severity.INFO and not scene.info_opens:
        return Placed(place=Place.QUIET)
    if scene.shared:
        return Placed(place=Place.SHARED)
    if scene.storm_ticket is not None:
        return Placed(place=Place.STORM, ticket=scene.storm_ticket)
    if storms(scene.companions, now=now):
        return Placed(place=Place.STORM)
    lately = own is not None and own.ended_at is not None and now - own.ended_at <= RECURS_WITHIN
    return Placed(place=Place.OPEN, recurrence_of=own.id if own is not None and lately else None)


def held_until(begun_at: datetime, hold: timedelta, *, flapping: bool, now: datetime) -> datetime | None:
    """Until when what may be over in a moment waits; None: it does not.

    By a clock that was set back it has waited, nobody knows how long: nobody is to wait longer.
    """
    until = begun_at + max(hold, timedelta(0))
    return until if until > now and not flapping and begun_at - now <= CLOCK_STEP else None


def storms(companions: Sequence[datetime], *, now: datetime) -> bool:
    """Are there enough others to call it one matter? With the alert itself they are STORM."""
    near = [at for at in companions if abs(at - now) <= STORM_WITHIN]
    return len(near) + 1 >= STORM


# --- How a ticket is made ----------------------------------------------------------------------------------

_URGENCY = {
    Severity.CRITICAL: 1,
    Severity.MAJOR: 2,
    Severity.MINOR: 3,
    Severity.WARNING: 3,
    Severity.UNKNOWN: 3,
    Severity.INFO: 4,
    Severity.OK: 4,
}
_IMPACT = {"critical": 1, "high": 1, "normal": 2, "low": 3}


def urgency(severity: Severity) -> int:
    """1 to 4, by how bad it is."""
    return _URGENCY[severity]


def impact(criticality: str) -> int:
    """1 to 3, by how much hangs on the asset; nobody's asset counts as a normal one."""
    return _IMPACT.get(criticality, 2)


def counts_from(started_at: datetime, received_at: datetime) -> datetime:
    """From when the clocks of its ticket run: since it began, as its tool says, unless that is no time or was told too late to be kept.

    >>> at = datetime(2026, 3, 3, 10, 0)
    >>> [counts_from(at - timedelta(minutes=ago), at).minute for ago in (5, 90, -1)]
    [55, 0, 0]
    """
    return started_at if timedelta(0) <= received_at - started_at <= TOLD_LATE else received_at


def silence_impact(*, nobody_else: bool) -> int:
    """1 to 3, of a source that fell silent: with the last of a customer nobody would say any more that something is down."""
    return 1 if nobody_else else 3


# --- How it ends -------------------------------------------------------------------------------------------


class End(StrEnum):
    """What becomes of a ticket whose alerts are all over."""

    WAIT = "wait"
    """Something fires, or it has not been quiet for long enough."""
    RESOLVE = "resolve"
    TELL = "tell"
    """A person has it in hand: they are told, and decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known of a ticket of alerts."""

    firing: int
    last_end: datetime | None
    """Of its alerts, the latest."""
    stable: timedelta = STABLE
    flapped_at: datetime | None = None
    """The last change of one that flaps."""
    source_silent: bool = False
    """What a source that is silent does not say is no recovery."""
    touched: bool = False
    """A person did something with it other than look."""
    priority: str | None = None
    in_incident: bool = False
    """It is one customer's part of what concerns many: of P1 a person is asked once, at the incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is to be done, and when to ask again."""

    end: End
    until: datetime | None = None


def recovered(facts: Ending, *, now: datetime) -> Ended:
    """What becomes of the ticket now. P1 always asks a person, whoever has it.

    >>> at = datetime(2026, 11, 29, 3, 0)
    >>> recovered(Ending(firing=0, last_end=at), now=at + STABLE).end
    <End.RESOLVE: 'resolve'>
    """
    if facts.firing or facts.last_end is None or facts.source_silent:
        return Ended(end=End.WAIT)
    quiet_at = facts.last_end + facts.stable
    if facts.flapped_at is not None:
        quiet_at = max(quiet_at, facts.flapped_at + CALM)
    if now < quiet_at:
        return Ended(end=End.WAIT, until=quiet_at)
    asks = facts.touched or (facts.priority == "P1" and not facts.in_incident)
    return Ended(end=End.TELL if asks else End.RESOLVE)
