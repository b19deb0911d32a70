"""What did a person promise the customer, and was it kept? "We write again by 16:00", until we do (desk.md 12).

One is open at most. Any public words of a person keep it, an automatic notice does not; it is dropped with its ticket.
A clock named `promise` runs beside it, and one timer wakes ten minutes before it is due, and when it is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import follow_ups, notices, paging, promise_notices, rungs, tasks, timing
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.ids import new_id
from core.rules import promising
from core.rules.promising import NONE, Impossible, Then
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

TIMER = "promise"
"""Of its job."""
FLAG = rungs.PROMISE_DUE
SOON, LATE = "promise_soon", "promise_late"
"""Kinds of tasks, and the names under which each is asked once."""
LEADER = "shift-leader"

promise = tables.promise

_OPEN = Prepared(
    select(promise).where(promise.c.ticket_id == bindparam("ticket_id"), promise.c.state == literal("open"))
)


def open_of(tx: Tx, ticket_id: str) -> Row | None:
    """The one that is open."""
    found: Row | None = tx.one(_OPEN, ticket_id=ticket_id)
    return found


def meant(case: Case, words: str | datetime | None) -> datetime | None:
    """The instant that is to be promised; None: nothing is. `words`: as `instant` takes them.

    Raises Invalid for what cannot be promised, Refused when nobody works on the request any more.
    """
    if words in (None, "", NONE):
        return None
    assert words is not None
    at = instant(case, words, pointer="/promise_by")
    if not case["open"]:
        raise Refused(
            f"{case['number']} is {case['state']}: promise nothing more, or reopen it", code="promise"
        )
    return at


def instant(case: Case, words: str | datetime, *, pointer: str) -> datetime:
    """An instant ahead, out of words on the customer's clock (`rules.promising.due`) or as it is. Raises Invalid."""
    try:
        if isinstance(words, datetime):
            return promising.checked(words, case.now)
        return promising.due(words, case.now, notices.zone_of(case), agreed=timing.next_words(case))
    except Impossible as error:
        raise invalid(pointer, str(error)) from None


def with_words(case: Case, text: str, due: datetime | None) -> str:
    """What is said to the customer, with the promise below."""
    return text if due is None else f"{text}\n\n{texts.promise(case['language'], by=said(case, due))}"


def said(case: Case, at: datetime) -> str:
    """An instant in the words and on the clock of the customer."""
    return texts.instant(at, notices.zone_of(case), case["language"])


def spoken(
    case: Case,
    who: Principal,
    words: str | datetime | None = None,
    *,
    due: datetime | None = None,
    message: str | None = None,
) -> None:
    """A person said something to the customer: what was open is kept, and `due` is promised now.

    `words`: as they were chosen; NONE is remembered, so that the reply box does not ask for it again. The clocks must
    know of the words already: what they say keeps the clock that ran.
    """
    kept(case, who)
    if due is not None:
        make(case, who, due, message=message)
    elif words == NONE:
        decline(case, who)


def decline(case: Case, who: Principal) -> None:
    """Nothing is promised, on purpose: the reply box asks no more."""
    case.event("promise.declined", actor=who.actor)


def kept(case: Case, who: Principal) -> None:
    """The words that were promised are there."""
    row = open_of(case.tx, case.id)
    if row is None:
        return
    in_time = promising.kept(row.due, case.now)
    timing.promise_kept(case)
    _over(case, row, "kept" if in_time else "late", kept_at=case.now)
    case.event("promise.kept", actor=who.actor, promise=row.id, late=not in_time)


def make(case: Case, who: Principal, due: datetime, *, message: str | None = None) -> None:
    """Promise the next words by then; one that is open is moved. `message`: in which the customer is told."""
    row = open_of(case.tx, case.id)
    if row is not None:
        _over(case, row, "dropped")
    promise_id = new_id()
    case.tx.insert(
        promise,
        ticket_id=case.id,
        id=promise_id,
        due=due,
        made_by=who.actor,
        message_id=message,
        at=case.now,
        state="open",
    )
    timing.promise(case, due)
    case.event(
        "promise.made", actor=who.actor, promise=promise_id, due=due.isoformat(), moved=row is not None
    )
    _watch(case, promising.watch(due, case.now).next_at)


def dropped(case: Case) -> None:
    """The ticket has ended: its clocks know already."""
    row = open_of(case.tx, case.id)
    if row is not None:
        timing.promise_dropped(case)
        _over(case, row, "dropped")
        case.event("promise.dropped", actor="system", promise=row.id)


def _over(case: Case, row: Row, state: str, *, kept_at: datetime | None = None) -> None:
    case.tx.update(promise, {"ticket_id": case.id, "id": row.id}, state=state, kept_at=kept_at)
    work.cancel(case.tx, shard=case.id, key=TIMER)
    case.flag(FLAG, on=False)
    for once in (SOON, LATE, f"{LATE}:{LEADER}"):
        tasks.settle(case.tx, once=once, now=case.now, ticket_id=case.id)


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang: remind whoever has the ticket, or, when it is due, call them and tell the shift leader.

    Where there are rotas, the call is that of the ladder (core.desk.paging), which goes on until the words are there.
    """
    row = open_of(tx, ticket_id)
    if row is None:
        return
    case = Case.open(tx, ticket_id, now=now)
    step = promising.watch(row.due, now)
    if step.then is Then.REMIND:
        follow_ups.ask(case, SOON, due=row.due)
        promise_notices.tell(case, row.id, promise_notices.SOON)
    elif step.then is Then.PAGE and FLAG not in case["flags"]:
        tasks.settle(tx, once=SOON, now=now, ticket_id=ticket_id)
        case.flag(FLAG)
        case.event("promise.due", actor="system", at=row.due, promise=row.id)
        follow_ups.ask(case, LATE, due=row.due, alarm=True)
        follow_ups.ask(
            case, LATE, due=row.due, alarm=True, agent=None, group=None, role=LEADER, once=f"{LATE}:{LEADER}"
        )
        climb = rungs.climb(case)
        promise_notices.tell(
            case, row.id, promise_notices.LATE, called=climb is not None and climb.promise.opens_at is None
        )
        paging.watch(case)
    case.save()
    _watch(case, step.next_at)


def _watch(case: Case, at: datetime | None) -> None:
    if at is not None:
        work.set_timer(case.tx, shard=case.id, key=TIMER, kind=TIMER, payload={}, due=at, now=case.now)
