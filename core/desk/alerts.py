"""What becomes of what a device reports? Each fact finds its alert, and each alert that begins finds its place (monitoring.md 4).

`take` is asked by intake for a message whose facts were read; `check` by the timer of an alert that waits. Both are safe to repeat.
Where an alert goes is decided in `rules.correlation` and done in core.desk.alert_placing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, bindparam, exists, literal, select, type_coerce, update

from core.alerting import BATCH, AlertFact, Severity, Status
from core.desk import (
    alert_endings,
    alert_names,
    alert_placing,
    alert_returns,
    alert_rows,
    device_lines,
    door,
    filing,
    maintenance,
    people,
    reference,
    source_states,
)
from core.desk.alert_sources import AlertSource
from core.desk.filing import Understood
from core.envelope import Inbound
from core.rules import correlation
from core.rules.correlation import Known, Step
from core.store import tables, work
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

alert, episode = tables.alert, tables.alert_episode

_COUNTED = Prepared(
    update(episode)
    .where(episode.c.alert_id == bindparam("alert_id", type_=Id), episode.c.n == bindparam("n"))
    .values(count=episode.c.count + bindparam("times"), worst=bindparam("to"))
)

FORESEEN = 50
"""Names of one message that are asked for at once."""
SLICE = 200
"""Facts of one message that one transaction takes in; more go on in the next, before what its source said later."""
MORE = "more"
"""Why a message has no outcome yet: it goes on at its place in the lane of its source."""
ASIDE = {
    Status.TEST: "test",
    Status.CONFIRMATION: "confirmation",
    Status.IGNORED: "ignored",
    Status.HEARTBEAT: "heartbeat",
}
"""What speaks of no problem, and why the message is put down then."""
OVER = "alert-over"
"""Kind and key of the job that ends what its source never takes back; its shard is the alert."""
EXPIRED = "expired"
"""How an alert stands that the hub took to be over; its source never said so."""
WAITING = ("held", "maintenance")
"""How an alert stands of which nobody has heard yet."""
_WHERE = ("site", "above", "root")
FROM_SOURCE = {
    Status.ACKNOWLEDGED: "acknowledged",
    Status.SUPPRESSED: "suppressed_there",
    Status.MAINTENANCE: "maintenance_there",
    Status.NO_DATA: "no_data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The message that brings a fact, or the hub itself."""

    id: str | None
    """Of the inbound row. None: nobody sent it."""
    raw: str
    """Digest of its bytes; empty: there are none."""
    received_at: datetime
    alone: bool = True
    """Nothing else lies in its row: the same bytes again are the same message."""
    goes_on: bool = False
    """A part of it was taken in before."""


def take(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    """Every fact of a message to its alert. What the source is configured to mean holds now, not when it was sent."""
    name = door.source_of(row) or ""
    source = reference.alert_source(tx, name)
    done = int(row.detail.get("taken", 0))
    facts = _folded(said.alerts)
    part = facts[done : done + SLICE]
    if tx.foresees:
        _foresee(tx, source, [fact for fact, _ in part])
    by = Said(
        id=row.id, raw=row.raw, received_at=row.received_at, alone=BATCH not in row.envelope, goes_on=done > 0
    )
    steps = [one(tx, source, fact, by, times=times, now=now) for fact, times in part]
    left = done + len(part) < len(facts)
    if left:
        tx.update(tables.inbound, {"id": row.id}, detail={**row.detail, "taken": done + len(part)})
        return Understood(outcome="alert", reason=MORE)
    messages = int(row.envelope.get(BATCH, 1))
    # What was not read counts once it is.
    read = messages - (said.not_read.messages if said.not_read is not None else 0)
    source_states.heard(tx, source, said.alerts, at=row.received_at, messages=read, now=now)
    tx.tell(alert_rows.TELL)
    detail: dict[str, Any] = {
        "facts": len(said.alerts),
        "steps": sorted({str(step) for step in steps if step}),
    }
    if not by.alone:
        detail |= {"messages": messages, "notes": list(said.notes)}
    if said.not_read is not None:
        detail["left"] = door.apart(tx, row, said.not_read, now=now)
    again = bool(steps) and set(steps) == {Step.DUPLICATE}
    if again:
        key = meant(tx, name, said.alerts[0]).dedup_key
        known = alert_rows.one(tx, alert_rows.identity(name, str(key)))
        detail["first"] = known.inbound_id if known is not None else None
    outcome = "duplicate" if again else "alert"
    reason = _reason(said.alerts) if by.alone or said.alerts else device_lines.LINES
    return filing.conclude(tx, row, said, outcome, reason, now=now, detail=detail)


def _foresee(tx: Tx, source: AlertSource, facts: Sequence[AlertFact]) -> None:
    """What is asked of alerts once nobody else decides about them, where it is known whose they are.

    Only the first of them: what is done about it may change the others.
    """
    about = [fact for fact in facts if fact.dedup_key is not None and fact.status not in ASIDE]
    if source.customer is None or not about:
        return
    alert_rows.meet(tx, source.customer, source.name)
    alert_rows.foresee(tx, alert_rows.identity(source.name, str(about[0].dedup_key)))
    for name in {fact.resource for fact in about[:FORESEEN]}:
        alert_names.foresee(tx, source.name, name)


def _folded(facts: Sequence[AlertFact]) -> list[tuple[AlertFact, int]]:
    """Facts, and how often each is said: what one message says again of a problem, with nothing of the same problem between, only counts."""
    found: list[tuple[AlertFact, int]] = []
    latest: dict[str, int] = {}
    for fact in facts:
        key = fact.dedup_key or ""
        at = latest.get(key)
        if at is not None and fact.status is Status.FIRING:
            first, times = found[at]
            if (first.status, first.severity) == (fact.status, fact.severity):
                found[at] = first, times + 1
                continue
        if key:
            latest[key] = len(found)
        found.append((fact, 1))
    return found


def _reason(facts: Sequence[AlertFact]) -> str:
    kinds = {ASIDE.get(fact.status, "facts") for fact in facts}
    return kinds.pop() if len(kinds) == 1 else "facts" if kinds else "nothing"


def one(
    tx: Tx, source: AlertSource, fact: AlertFact, row: Said, *, times: int = 1, now: datetime
) -> Step | None:
    """One fact to its alert, said so many times. `row`: what brings it. None: it speaks of no problem."""
    if fact.dedup_key is None or fact.status in ASIDE:
        return None
    customer = alert_rows.whose(tx, source, fact)
    alert_rows.meet(tx, customer, source.name)
    fact = meant(tx, source.name, fact)
    alert_id = alert_rows.identity(source.name, str(fact.dedup_key))
    known = alert_rows.one(tx, alert_id)
    received_at = row.received_at
    step = correlation.step(
        _as_known(known) if known is not None else None,
        fact.status,
        started_at=fact.started_at,
        ended_at=fact.ended_at,
        same_body=not _in_this_message(tx, alert_id, row) and _same(known, row),
        echo=known is not None and alert_returns.echoes(tx, source, alert_id, fact),
    )
    if known is not None and step not in (Step.LATE, Step.DUPLICATE) and _ends_work(fact):
        # A notification is sent again and again until it is taken: it may be from before the work.
        maintenance.source_speaks(
            tx,
            alert_id,
            said_at=fact.said_at,
            received_at=received_at,
            again=step is Step.REPEATED and known.status not in WAITING,
            now=now,
        )
    if step is Step.BEGUN:
        _begin(tx, source, fact, known, alert_id, customer, row, times=times, now=now)
    elif known is None:
        _keep(tx, source, fact, alert_id, customer, row)
    elif step is Step.REPEATED:
        _repeat(tx, source, fact, known, row, times=times, now=now)
    elif step is Step.ENDED:
        alert_endings.end(
            tx, source, known, ended_at=min(fact.ended_at or received_at, received_at), row=row, now=now
        )
    elif step is Step.ECHO:
        pass
    elif step is Step.STORED and _tells_end(fact, known):
        _ends_as_told(tx, known, min(fact.ended_at or received_at, received_at), row, now=now)
    elif step is Step.DUPLICATE:
        alert_rows.change(tx, alert_id, copies=known.copies + times)
    elif step is Step.UPDATED:
        _update(tx, fact, known, row, now=now)
    else:
        changes = fact.work_over or fact.status is Status.MAINTENANCE
        what = _said(fact) if changes else str(step)
        alert_rows.decide(tx, known, what, now=now, inbound=row.id, status=str(fact.status))
    if fact.work_over:
        maintenance.source_over(tx, alert_id, now=now)
    elif fact.status is Status.MAINTENANCE and step is not Step.DUPLICATE:
        about = _told(tx, source, fact, customer, row) | {"source": source.name}
        maintenance.source_says(tx, alert_id, about, said_at=fact.said_at, now=now)
    return step


def meant(tx: Tx, source: str, fact: AlertFact) -> AlertFact:
    """The fact as it counts here: what reads like an end of what never began is a problem that a person looks at. Safe to repeat."""
    if fact.unless_key is None:
        return fact
    known = alert_rows.one(tx, alert_rows.identity(source, str(fact.dedup_key)))
    if known is not None and known.episode:
        return fact
    return replace(
        fact,
        status=Status.FIRING,
        dedup_key=fact.unless_key,
        unless_key=None,
        severity=Severity.UNKNOWN,
        started_at=fact.ended_at,
        ended_at=None,
    )


def _as_known(row: Row) -> Known:
    """What the hub took to be over was never told: it says nothing of what is late."""
    told = row.ended_at if row.status != EXPIRED else None
    return Known(open=row.firing, started_at=_began(row), ended_at=told)


def _began(row: Row) -> datetime:
    """Since when it fires, as its source has it: what went on after an assumed end began before that."""
    return datetime.fromisoformat(row.about["went_on"]) if row.about.get("went_on") else row.started_at


def _went_on(fact: AlertFact, known: Row | None) -> bool:
    """The hub took it to be over, and it went on: its time until now was told in the episode before, and no clock begins with it anew."""
    if known is None or known.status != EXPIRED or fact.started_at is None or known.ended_at is None:
        return False
    return bool(fact.started_at < known.ended_at)


def _tells_end(fact: AlertFact, known: Row) -> bool:
    """Is it the end of what the hub took to be over? Not that of an episode before."""
    if known.status != EXPIRED or fact.status is not Status.RESOLVED:
        return False
    return fact.ended_at is None or fact.ended_at >= _began(known)


def _ends_as_told(tx: Tx, known: Row, ended_at: datetime, row: Said, *, now: datetime) -> None:
    """What is told of its end stands in place of what was assumed: what began before that is late."""
    ended_at = max(ended_at, known.started_at)
    alert_rows.change(tx, known.id, status="resolved", ended_at=ended_at, last_seen=row.received_at)
    tx.update(episode, {"alert_id": known.id, "n": known.episode}, ended_at=ended_at)
    seconds = int((ended_at - known.started_at).total_seconds())
    alert_rows.decide(tx, known, "ended", now=now, inbound=row.id, seconds=seconds)


def _ends_work(fact: AlertFact) -> bool:
    return not fact.tells_of_work and fact.status in (Status.FIRING, Status.RESOLVED)


def _same(known: Row | None, row: Said) -> bool:
    """Is it the very message that was heard before? Of messages that lie in one row each is one of its own."""
    return (
        known is not None
        and row.alone
        and bool(known.body == row.raw)
        and not (row.goes_on and known.last_seen == row.received_at)  # of that part
        and row.received_at - known.last_seen <= correlation.SAME_BODY
    )


def _in_this_message(tx: Tx, alert_id: str, row: Said) -> bool:
    """Was it spoken of before in the same message? What that says next is no copy of it: it may be worse."""
    if row.id is None:
        return False
    heard: set[str] = tx.memo.setdefault(f"heard {row.id}", set())
    if alert_id in heard:
        return True
    heard.add(alert_id)
    return False


def _severity(source: AlertSource, fact: AlertFact) -> Severity:
    return source.severity if fact.severity in (Severity.UNKNOWN, Severity.OK) else fact.severity


def _about(fact: AlertFact) -> dict[str, Any]:
    return {
        "text": fact.text,
        "labels": dict(fact.labels),
        "links": list(fact.links),
        "left_out": fact.left_out,
        "notes": list(fact.notes),
        "claimed_started_at": fact.claimed_started_at.isoformat() if fact.claimed_started_at else "",
    }


def _told(tx: Tx, source: AlertSource, fact: AlertFact, customer: str | None, row: Said) -> dict[str, Any]:
    """Columns that say what and where it is."""
    return alert_rows.located(tx, source, customer, fact) | {
        "resource": fact.resource or "",
        "event": fact.event or "",
        "summary": fact.summary,
        "address": fact.address,
        "about": _about(fact),
        "last_seen": row.received_at,
        "body": row.raw,
    }


def _begin(
    tx: Tx,
    source: AlertSource,
    fact: AlertFact,
    known: Row | None,
    alert_id: str,
    customer: str | None,
    row: Said,
    *,
    times: int,
    now: datetime,
) -> None:
    """A new episode, which goes where it belongs at once, or after a wait."""
    went_on = _went_on(fact, known)
    if went_on:
        fact = replace(fact, started_at=None, claimed_started_at=fact.started_at)
    severity = _severity(source, fact)
    started_at = fact.started_at or row.received_at
    transitions = alert_rows.with_change(known, "b", row.received_at)
    values = _told(tx, source, fact, customer, row) | {
        "severity": str(severity),
        "worst": str(severity),
        "status": "firing",
        "firing": True,
        "count": (known.count if known else 0) + times,
        "episode": (known.episode if known else 0) + 1,
        "started_at": started_at,
        "ended_at": None,
        "received_at": row.received_at,
        "transitions": transitions,
        "parent_alert": None,
        "placed_at": None,
        "hidden": False,
        "inbound_id": row.id,
    }
    if went_on:
        values["about"]["went_on"] = values["about"]["claimed_started_at"]
    if known is None:
        tx.insert(
            alert,
            id=alert_id,
            source=source.name,
            dedup_key=fact.dedup_key,
            first_seen=row.received_at,
            copies=0,
            decided=0,
            **values,
        )
    else:
        alert_rows.change(tx, alert_id, **values)
    tx.insert(
        episode,
        alert_id=alert_id,
        n=values["episode"],
        started_at=started_at,
        ended_at=None,
        received_at=row.received_at,
        worst=str(severity),
        count=times,
        ticket_id=None,
    )
    alert_placing.foresee(tx, alert_id, source, customer, values["site"], now=now)
    begun = alert_rows.one(tx, alert_id)
    assert begun is not None
    alert_rows.decide(
        tx,
        begun,
        "begun",
        now=now,
        inbound=row.id,
        episode=begun.episode,
        severity=str(severity),
        asset=begun.asset,
    )
    alert_endings.changed(tx, begun, transitions, at=row.received_at, now=now)
    _over_later(tx, alert_id, source, now=row.received_at)
    alert_placing.settle(tx, alert_id, source, begun=True, now=now)


def _over_later(tx: Tx, alert_id: str, source: AlertSource, *, now: datetime) -> None:
    """What this source never takes back is over when it was silent about it for long enough."""
    if source.auto_close is not None:
        work.set_timer(
            tx, shard=alert_id, key=OVER, kind=OVER, payload={}, due=now + source.auto_close, now=now
        )


def without_end(tx: Tx) -> list[str]:
    """What fires of a source that was given `auto_close` since, or a shorter one: nothing would end it, or too late. For a reader."""
    sources = reference.desk(tx).alert_sources.values()
    found: list[str] = []
    for one in sources:
        if one.auto_close is not None:
            # Of a source that is silent it is put off: nothing of that is too late.
            span = timedelta(days=36500) if alert_endings.silent(tx, one.name) else one.auto_close
            found += [row.id for row in tx.all(_WITHOUT_END, source=one.name, span=span // _MICROSECOND)]
    return found


_MICROSECOND = timedelta(microseconds=1)
_WITHOUT_END = Prepared(
    select(alert.c.id).where(
        alert.c.firing,
        alert_rows.by_source == bindparam("source"),
        ~exists().where(
            tables.job.c.shard == alert.c.id,
            tables.job.c.kind == literal(OVER),
            type_coerce(tables.job.c.due, BigInteger)
            <= type_coerce(alert.c.last_seen, BigInteger) + bindparam("span", type_=BigInteger),
        ),
    )
)


def end_later(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """It is over when its source was silent about it for long enough, as that is configured now."""
    row = alert_rows.one(tx, alert_id)
    source = reference.desk(tx).alert_sources.get(row.source) if row is not None else None
    if row is not None and row.firing and source is not None:
        _over_later(tx, alert_id, source, now=min(row.last_seen, now))


def over(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """That time has come. Does nothing where the source takes it back by itself after all, or speaks of it again."""
    row = alert_rows.one(tx, alert_id)
    source = reference.desk(tx).alert_sources.get(row.source) if row is not None else None
    if row is None or not row.firing or source is None or source.auto_close is None:
        return
    alert_rows.meet(tx, row.customer, row.source)
    if alert_endings.silent(tx, row.source):
        _over_later(tx, alert_id, source, now=now)  # what a source that is silent does not say is no recovery
        return
    if row.last_seen + source.auto_close > now:
        _over_later(tx, alert_id, source, now=row.last_seen)
        return
    _taken_to_be_over(tx, source, row, now=now)


def gone(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """Its tool kept quiet about it for us, and knows it no more: it is over."""
    if (row := _firing(tx, alert_id)) is not None:
        _taken_to_be_over(tx, reference.alert_source(tx, row.source), row, now=now)


def _taken_to_be_over(tx: Tx, source: AlertSource, row: Row, *, now: datetime) -> None:
    alert_endings.end(tx, source, row, ended_at=now, row=None, now=now)
    alert_rows.change(tx, row.id, status=EXPIRED)


def _keep(
    tx: Tx, source: AlertSource, fact: AlertFact, alert_id: str, customer: str | None, row: Said
) -> None:
    """What ends, is acknowledged or worked on without ever having begun here: kept, and nobody is called."""
    at = fact.ended_at or row.received_at
    tx.insert(
        alert,
        id=alert_id,
        source=source.name,
        dedup_key=fact.dedup_key,
        **_told(tx, source, fact, customer, row)
        | {
            "severity": str(_severity(source, fact)),
            "worst": str(_severity(source, fact)),
            "status": "resolved",
            "firing": False,
            "count": 0,
            "copies": 0,
            "episode": 0,
            "started_at": fact.started_at or at,
            "ended_at": at if fact.status is Status.RESOLVED else None,
            "received_at": row.received_at,
            "first_seen": row.received_at,
            "inbound_id": row.id,
            "decided": 0,
        },
    )
    kept = alert_rows.one(tx, alert_id)
    assert kept is not None
    what = "never_began" if fact.status is Status.RESOLVED else _said(fact)
    alert_rows.decide(tx, kept, what, now=row.received_at, inbound=row.id, status=str(fact.status))


def _repeat(
    tx: Tx, source: AlertSource, fact: AlertFact, known: Row, row: Said, *, times: int, now: datetime
) -> None:
    """It still fires: counted. How bad it is and where follow the message; how bad it was only rises."""
    severity = _severity(source, fact)
    where = _elsewhere(tx, source, fact, known)
    worst = _worst(known, severity)
    alert_rows.change(
        tx,
        known.id,
        count=known.count + times,
        last_seen=row.received_at,
        severity=str(severity),
        worst=str(worst),
        body=row.raw,
        **({"summary": fact.summary} if fact.summary else {}),
        **where,
    )
    tx.run(_COUNTED, alert_id=known.id, n=known.episode, to=str(worst), times=times)
    _as_bad(tx, known, severity, row)
    if any(where.get(name, getattr(known, name)) != getattr(known, name) for name in _WHERE):
        alert_rows.decide(tx, known, "relocated", now=now, inbound=row.id)
        alert_placing.settle(tx, known.id, source, now=now)  # as long as it has no ticket


def _worst(known: Row, severity: Severity) -> Severity:
    return severity if severity.worse_than(Severity(known.worst)) else Severity(known.worst)


def _as_bad(tx: Tx, known: Row, severity: Severity, row: Said) -> None:
    """It may be worse than it was, or better: written down, and where nobody was called for it, it is asked again whether somebody is."""
    if str(severity) == known.severity:
        return
    was = known.severity
    alert_rows.decide(
        tx, known, "severity", now=row.received_at, inbound=row.id, was=was, severity=str(severity)
    )
    alert_placing.worse(tx, known, severity, now=row.received_at)


def _update(tx: Tx, fact: AlertFact, known: Row, row: Said, *, now: datetime) -> None:
    """The source says something of an alert that fires: it goes on firing. Who acknowledges it may say at once how bad it is."""
    values: dict[str, Any] = {"last_seen": row.received_at, "body": row.raw}
    severity = Severity(known.severity)
    if fact.status is Status.ACKNOWLEDGED:
        severity = severity if fact.severity in (Severity.UNKNOWN, Severity.OK) else fact.severity
        worst = _worst(known, severity)
        values |= {"severity": str(severity), "worst": str(worst)}
        if known.status == "firing":
            values["status"] = "acknowledged"
    alert_rows.change(tx, known.id, **values)
    if "worst" in values:
        tx.run(_COUNTED, alert_id=known.id, n=known.episode, to=values["worst"], times=0)
    _as_bad(tx, known, severity, row)
    alert_rows.decide(tx, known, _said(fact), now=now, inbound=row.id, text=fact.text[:300])


def _said(fact: AlertFact) -> str:
    """What the source says, as a decision names it; of what does not fire either."""
    if fact.work_over:
        return "maintenance_over_there"
    return FROM_SOURCE.get(fact.status, "never_began")


def check(tx: Tx, alert_id: str, *, now: datetime) -> None:
    """The timer of an alert that waits: it is asked again where it goes, or is over because nobody ever takes it back."""
    if (row := _firing(tx, alert_id)) is not None:
        alert_placing.settle(tx, alert_id, reference.alert_source(tx, row.source), now=now)


def _elsewhere(tx: Tx, source: AlertSource, fact: AlertFact, known: Row) -> dict[str, Any]:
    """Columns of where it is, when its labels say something else than before. Whose it is, and which thing, stays for an episode."""
    if dict(fact.labels) == known.about.get("labels", {}):
        return {}
    about = {"about": {**known.about, "labels": dict(fact.labels)}}
    if not known.customer:
        return about
    thing = people.asset(tx, known.customer, known.asset) if known.asset else None
    there = alert_rows.located(tx, source, known.customer, fact, known=thing)
    return about | {name: there[name] for name in _WHERE}


def _firing(tx: Tx, alert_id: str) -> Row | None:
    """The alert, for nobody else to decide on meanwhile; None: it is over."""
    row = alert_rows.one(tx, alert_id)
    if row is None or not row.firing:
        return None
    alert_rows.meet(tx, row.customer, row.source)
    return row
