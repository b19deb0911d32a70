"""What does a tool hear of its own alarms? A row for each thing to say, made where its cause is, and said later by a job.

`rules.returning.due` decides. A ticket waits for none of it: what a tool does not take is tried again for PATIENCE, then given up, which the
ticket's history shows. Of one alarm only the newest is said: what came before it is overtaken. Our words come back with the mark
that stands in them, and change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from core import texts
from core.alerting import AlertFact, GoingBack
from core.desk import alert_rows, reference
from core.desk.alert_sources import AlertSource
from core.desk.case import Case
from core.rules import returning, workflow
from core.rules.returning import Act, Heard, Standing
from core.store import tables, work
from core.store.columns import Id, Instant
from core.store.tx import Prepared, Row, Tx

JOB = "alert-return"
"""Kind and key of the job that says it; its shard is the alert."""
LOOK = "alert-look"
"""The same of the job that asks a tool whether an alarm still fires that it keeps quiet about for us."""
WAITS = (10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds before each further try
PATIENCE = timedelta(hours=12)
LOOKS = timedelta(seconds=60)
ABSENT = 2
"""Looks in a row that find nothing until it is over: a tool that started again knows its alarms within a minute."""
QUIET_TELLS_NO_END = frozenset({"alertmanager"})
"""Kinds that tell nobody of the end of what is silenced."""

alert, said, ticket = tables.alert, tables.alert_return, tables.ticket

_SHORT = (
    alert.c.id,
    alert.c.source,
    alert.c.firing,
    alert.c.status,
    alert.c.accepted_risk,
    alert.c.episode,
    alert.c.ticket_id,
)
_OF_TICKET = Prepared(select(*_SHORT).where(alert.c.ticket_id == bindparam("ticket_id", type_=Id)))
_OF_ALERT = Prepared(select(*_SHORT).where(alert.c.id == bindparam("id", type_=Id)))
_HEARD = Prepared(
    select(said.c.alert_id, said.c.n, said.c.act, said.c.number, said.c.episode)
    .select_from(said.join(alert, alert.c.id == said.c.alert_id))
    .where(alert.c.ticket_id == bindparam("ticket_id", type_=Id))
    .order_by(said.c.n)
)
_SAID = Prepared(
    select(said).where(said.c.alert_id == bindparam("alert_id", type_=Id)).order_by(said.c.n.desc())
)
_TICKET = Prepared(
    select(ticket.c.id, ticket.c.number, ticket.c.open, ticket.c.state, ticket.c.assignee).where(
        ticket.c.id == bindparam("id", type_=Id)
    )
)
_LANGUAGE = Prepared(select(ticket.c.language).where(ticket.c.id == bindparam("id", type_=Id)))
_OVERTAKE = Prepared(
    update(said)
    .where(said.c.alert_id == bindparam("of_alert", type_=Id), said.c.state == "waiting")
    .values(state="overtaken", ended_at=bindparam("at", type_=Instant))
)


# --- What is to be said ------------------------------------------------------------------------------------


def settle(case: Case) -> None:
    """After something changed on a ticket: tell the tools of its alarms what is new to them."""
    if not _able(case.tx):
        return
    rows = [row for row in case.tx.all(_OF_TICKET, ticket_id=case.id) if _source(case.tx, row.source)]
    if not rows:
        return
    last = {row.alert_id: row for row in case.tx.all(_HEARD, ticket_id=case.id)}
    work_on = case["state"] in workflow.AT_WORK and case["assignee"] is not None
    for row in rows:
        _tell(
            case.tx,
            row,
            last.get(row.id),
            number=case["number"],
            is_open=case["open"],
            at_work=work_on,
            now=case.now,
        )


def of_alert(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """After something changed of one alarm: the same."""
    row = tx.one(_OF_ALERT, id=alert_id) if _able(tx) else None
    found = tx.one(_TICKET, id=row.ticket_id) if row is not None and row.ticket_id else None
    if row is None or found is None or _source(tx, row.source) is None:
        return
    before = tx.all(_SAID, alert_id=alert_id)
    _tell(
        tx,
        row,
        before[0] if before else None,
        number=found.number,
        is_open=found.open,
        at_work=found.state in workflow.AT_WORK and found.assignee is not None,
        now=now,
    )


def _able(tx: Tx) -> bool:
    return any(source.api is not None for source in reference.desk(tx).alert_sources.values())


def _source(tx: Tx, name: str) -> AlertSource | None:
    """The source, if it takes anything and we may say it."""
    found = reference.desk(tx).alert_sources.get(name)
    return found if found is not None and found.enabled and found.api is not None else None


def _tell(
    tx: Tx, row: Row, last: Row | None, *, number: str, is_open: bool, at_work: bool, now: datetime
) -> None:
    source = _source(tx, row.source)
    stands = Standing(
        firing=row.firing,
        open=is_open,
        at_work=at_work or row.status == "acknowledged",
        accepted=row.accepted_risk,
        number=number,
        episode=row.episode,
    )
    heard = Heard(act=Act(last.act), number=last.number, episode=last.episode) if last is not None else None
    act = returning.due(stands, heard)
    if act is None or source is None or act not in returning.HEARS[source.kind]:
        return
    tx.run(_OVERTAKE, of_alert=row.id, at=now)
    n = last.n if last is not None else 0
    added = False
    while not added:  # whoever was quicker has the number
        n += 1
        added = tx.insert_new(
            said,
            alert_id=row.id,
            n=n,
            source=source.name,
            act=str(act),
            ticket_id=row.ticket_id,
            number=number,
            episode=row.episode,
            created_at=now,
        )
    _go(tx, row.id, source.name, now=now)


def _go(tx: Tx, alert_id: str, source: str, *, now: datetime) -> None:
    _enqueue(tx, JOB, alert_id, source, {}, due=now, now=now)
    work.hasten(tx, shard=alert_id, key=JOB, now=now)


def _enqueue(
    tx: Tx, kind: str, alert_id: str, source: str, payload: dict[str, int], *, due: datetime, now: datetime
) -> None:
    """On a lane of the alarm, by a crew of its source: a tool that does not answer holds up no other."""
    work.enqueue(
        tx,
        shard=alert_id,
        lane=f"send:{kind}:back {source.replace(':', ' ')}",
        kind=kind,
        payload=payload,
        due=due,
        now=now,
        idem_key=kind,
    )


# --- Saying it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What is said now."""

    n: int
    back: GoingBack
    created_at: datetime


def begin(tx: Tx, alert_id: str, *, now: datetime) -> Leaving | None:
    """The newest thing that waits to be said of an alarm; None: nothing does, or its source takes nothing any more."""
    rows = tx.all(_SAID, alert_id=alert_id)
    if not rows or rows[0].state != "waiting":
        return None
    back = _back(tx, rows[0], now=now)
    return Leaving(n=rows[0].n, back=back, created_at=rows[0].created_at) if back is not None else None


def _back(tx: Tx, row: Row, *, now: datetime) -> GoingBack | None:
    known, source = alert_rows.one(tx, row.alert_id), _source(tx, row.source)
    if known is None or source is None or source.api is None:
        return None
    spoken = tx.one(_LANGUAGE, id=row.ticket_id)
    language = tx.facts.language(spoken.language if spoken is not None else None)
    words, _ = texts.notice("alert_return", language, act=row.act)
    mark = returning.mark(row.number)
    return GoingBack(
        kind=source.kind,
        at=source.api,
        reaches=source.reaches,
        act=row.act,
        mark=mark,
        text=f"{mark} {words}",
        dedup_key=known.dedup_key,
        resource=known.resource,
        event=known.event,
        labels=known.about["labels"],
        now=now,
    )


def told(tx: Tx, alert_id: str, n: int, *, now: datetime) -> None:
    """The tool took it. What it keeps quiet about is looked after from here."""
    row = _end(tx, alert_id, n, "told", "", now=now)
    source = _source(tx, row.source) if row is not None else None
    if row is not None and source is not None and source.kind in QUIET_TELLS_NO_END:
        after = LOOKS if Act(row.act) in returning.QUIETS else timedelta(0)
        _enqueue(tx, LOOK, alert_id, row.source, {"missed": 0}, due=now + after, now=now)


def not_told(tx: Tx, leaving: Leaving, alert_id: str, error: str, *, permanent: bool, now: datetime) -> bool:
    """The tool did not take it. True: it is worth another try."""
    again = not permanent and now - leaving.created_at + timedelta(seconds=WAITS[0]) < PATIENCE
    if again:
        rows = tx.all(_SAID, alert_id=alert_id)
        tries = next((one.tries for one in rows if one.n == leaving.n), 0) + 1
        tx.update(said, {"alert_id": alert_id, "n": leaving.n}, tries=tries, error=error[:500])
        return True
    given_up(tx, alert_id, leaving.n, error, now=now)
    return False


def given_up(tx: Tx, alert_id: str, n: int | None, error: str, *, now: datetime) -> None:
    """It is not tried again: the history of the ticket says so. `n` None: whatever waits."""
    rows = tx.all(_SAID, alert_id=alert_id)
    n = n if n is not None else rows[0].n if rows and rows[0].state == "waiting" else None
    row = _end(tx, alert_id, n, "given_up", error, now=now) if n is not None else None
    if row is None:
        return
    case = Case.open(tx, row.ticket_id, now=now)
    case.event("alert.return_failed", actor="system", alert=alert_id, source=row.source, act=row.act)
    case.save()


def _end(tx: Tx, alert_id: str, n: int, state: str, error: str, *, now: datetime) -> Row | None:
    """Write down how it went; what came meanwhile is next. None: it was overtaken while it was said."""
    rows = tx.all(_SAID, alert_id=alert_id)
    row = next((one for one in rows if one.n == n), None)
    if row is None:
        return None
    if row.state == "waiting":
        tx.update(
            said,
            {"alert_id": alert_id, "n": n},
            state=state,
            error=error[:500],
            ended_at=now,
            tries=row.tries + 1,
        )
        known = alert_rows.one(tx, alert_id)
        if known is not None:
            what = row.act if state == "told" else state
            alert_rows.decide(tx, known, f"return_{what}", now=now, act=row.act, ticket=row.ticket_id)
    if rows[0].n != n and rows[0].state == "waiting":
        _go(tx, alert_id, rows[0].source, now=now)
    return row if row.state == "waiting" else None


# --- What is kept quiet is looked after --------------------------------------------------------------------


def watched(tx: Tx, alert_id: str, *, now: datetime) -> GoingBack | None:
    """What to ask a tool that keeps quiet about an alarm; None: there is nothing to ask."""
    rows = tx.all(_SAID, alert_id=alert_id)
    known = alert_rows.one(tx, alert_id)
    return _back(tx, rows[0], now=now) if rows and known is not None and known.firing else None


def looked(tx: Tx, alert_id: str, *, fires: bool, missed: int, now: datetime) -> bool:
    """It was asked. True: the alarm is over. Else it is looked at again, as long as we keep it quiet."""
    rows = tx.all(_SAID, alert_id=alert_id)
    known = alert_rows.one(tx, alert_id)
    if not rows or known is None or not known.firing:
        return False
    missed = 0 if fires else missed + 1
    if missed >= ABSENT:
        return True
    told_last = next((one for one in rows if one.state == "told"), None)
    if missed or (told_last is not None and Act(told_last.act) in returning.QUIETS):
        _enqueue(tx, LOOK, alert_id, known.source, {"missed": missed}, due=now + LOOKS, now=now)
    return False


# --- What comes back ---------------------------------------------------------------------------------------


def echoes(tx: Tx, source: AlertSource, alert_id: str, fact: AlertFact) -> bool:
    """Is this what we said there ourselves, and nothing else?"""
    if source.api is None:
        return False
    by = fact.labels.get("event_update_user", "")
    user = source.api.user
    if user and (by == user or by.endswith(f"({user})")):
        return True
    found = returning.marks(fact.text)
    return bool(found) and any(
        returning.mark(row.number) in found for row in tx.all(_SAID, alert_id=alert_id)
    )
