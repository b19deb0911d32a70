"""What do calendars answer to our invitations, and what do staff make of it? Coming or not is noted; another time is proposed to staff.

Which answer counts is decided by core.rules.itip. What does not count changes nothing: it stands in the ticket it answers, with a
remark, or waits for staff where it answers none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, literal, select

from core.desk import (
    acts,
    follow_ups,
    people,
    visit_crew,
    visit_invitations,
    visit_notices,
    visit_rows,
    visit_views,
    visits,
)
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.principal import Principal
from core.desk.scope import find
from core.desk.visit_invitations import AttendeeView
from core.envelope import CalendarWord, Inbound, Kind
from core.ids import new_id
from core.rules import itip
from core.rules.itip import Decision, Does
from core.store import tables
from core.store.tx import Prepared, Row, Tx

REMARK = "a calendar's answer that changes nothing"
"""A remark on a message; why stands behind it."""
UNMATCHED = "calendar_answer"
"""Why a message is held: it answers an invitation, but not as it would have to."""
_ASKED = "asked"
"""State of a time that somebody's calendar proposed; `visit_slot.technician` is empty then."""

visit, slot = tables.visit, tables.visit_slot

_BY_UID = Prepared(select(visit).where(visit.c.uid == bindparam("uid")))
_PROPOSED = Prepared(
    select(slot)
    .where(
        slot.c.ticket_id == bindparam("ticket_id"),
        slot.c.visit_id == bindparam("visit_id"),
        slot.c.state == literal(_ASKED),
    )
    .order_by(slot.c.at)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A calendar's word and what it does to which visit."""

    word: CalendarWord
    decision: Decision
    visit: Row | None
    author: str

    @property
    def counts(self) -> bool:
        """It changes something."""
        return self.decision.does is not Does.NOTHING

    def remarked(self, said: Inbound) -> Inbound:
        """The message, with why its answer does not count."""
        return said if self.counts else replace(said, notes=(*said.notes, f"{REMARK}: {self.decision.why}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedView:
    """Another time that somebody's calendar asks for."""

    id: str
    start: datetime
    end: datetime
    by: str
    """Address."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """What calendars have to do with a visit."""

    invited: tuple[AttendeeView, ...]
    asked: tuple[ProposedView, ...]
    """Times that nobody has answered."""


def calendar(tx: Tx, who: Principal, number: str, identity: str) -> CalendarView:
    """Who was invited to a visit and what they answered. Staff only. Raises NotFound, Forbidden."""
    found = visit_views.one(tx, who, number, identity)
    acts.only_staff(who)
    ticket_id = find(tx, who, number).id
    return CalendarView(
        invited=tuple(visit_invitations.view(row) for row in visit_invitations.rows(tx, ticket_id, found.id)),
        asked=tuple(proposed(tx, ticket_id, found.id)),
    )


def judge(tx: Tx, said: Inbound, *, now: datetime) -> Answer | None:
    """What a message answers to an invitation; None: it is no such message. Changes nothing."""
    word = said.calendar
    if word is None or said.kind is not Kind.CALENDAR_REPLY or said.author is None:
        return None
    row = tx.one(_BY_UID, uid=word.uid)
    asked = None
    if row is not None:
        invited = {one.address: one.sequence for one in visit_invitations.rows(tx, row.ticket_id, row.id)}
        asked = itip.Asked(
            sequence=max(row.agreed, invited.get(said.author.key, 0)),
            open=row.state in visit_rows.AGREED and row.window_end > now,
            under_way=row.state == visit_rows.ONSITE,
            invited=invited,
            author=said.author.key if not said.author_defects else "",
            disowned=said.authentication.verdict == "fail",
        )
    return Answer(word=word, decision=itip.decide(word, asked, now=now), visit=row, author=said.author.key)


def take(tx: Tx, answer: Answer, *, now: datetime) -> None:
    """Note what an answer that counts says. Safe to repeat: the same answer again changes nothing."""
    row = answer.visit
    assert row is not None  # noqa: S101 - what counts names a visit of ours
    case = Case.open(tx, row.ticket_id, now=now)
    if answer.decision.does is Does.COUNTER:
        _propose(case, row, answer)
    else:
        _participate(case, row, answer)
    tx.tell("ticket", case.id)
    case.save()


def _participate(case: Case, row: Row, answer: Answer) -> None:
    key = {"ticket_id": case.id, "visit_id": row.id, "address": answer.author}
    (was,) = [one for one in visit_invitations.rows(case.tx, case.id, row.id) if one.address == answer.author]
    if was.partstat == answer.word.partstat:
        return
    case.tx.update(tables.visit_attendee, key, partstat=answer.word.partstat, answered_at=case.now)
    case.event("visit.answered", actor="system", visit=row.id, role=was.role, answer=answer.word.partstat)
    if answer.word.partstat == "DECLINED":
        kind = visit_rows.WANTS_ANOTHER if was.role == visit_invitations.CUSTOMER else visit_rows.DECLINED
        follow_ups.ask(case, kind, once=f"{kind}:{row.id}", visit=row.id, due=case["next_due"])


def _propose(case: Case, row: Row, answer: Answer) -> None:
    """The time that was agreed stays until staff say otherwise."""
    start = answer.word.start
    assert start is not None  # noqa: S101 - a proposal without a time does not count
    end = answer.word.end or start + (row.window_end - row.window_start)
    waiting = proposed(case.tx, case.id, row.id)
    if any((one.by, one.start, one.end) == (answer.author, start, end) for one in waiting):
        return
    for one in waiting:  # their last word
        if one.by == answer.author:
            _end(case, row, one.id, "released", by="system")
    case.tx.insert(
        slot,
        ticket_id=case.id,
        visit_id=row.id,
        id=new_id(),
        technician="",
        slot_start=start,
        slot_end=end,
        expires_at=start,
        state=_ASKED,
        by=answer.author,
        at=case.now,
    )
    case.event("visit.countered", actor="system", visit=row.id, start=start.isoformat())
    follow_ups.ask(
        case,
        visit_rows.WANTS_ANOTHER,
        once=f"{visit_rows.WANTS_ANOTHER}:{row.id}",
        visit=row.id,
        due=case["next_due"],
    )


def proposed(tx: Tx, ticket_id: str, identity: str) -> list[ProposedView]:
    """Times that calendars ask for and nobody has answered."""
    return [
        ProposedView(id=one.id, start=one.slot_start, end=one.slot_end, by=one.by, at=one.at)
        for one in tx.all(_PROPOSED, ticket_id=ticket_id, visit_id=identity)
    ]


def _end(case: Case, row: Row, identity: str, state: str, *, by: str) -> None:
    key = {"ticket_id": case.id, "visit_id": row.id, "id": identity}
    case.tx.update(slot, key, state=state, by=by, at=case.now)


def accept(
    tx: Tx,
    who: Principal,
    number: str,
    identity: str,
    proposal: str,
    *,
    now: datetime,
    anyway: bool = False,
) -> str:
    """The time somebody's calendar asked for is taken, by whoever was to come: everybody is invited anew. Staff only.

    Raises NotFound, and what `visits.confirm` raises.
    """
    case, row, one = _proposal(tx, who, number, identity, proposal, now=now)
    known = {a.id: a.email for a in people.agents(tx)}
    leads, *others = [known[a] for a in visit_crew.ids(tx, row) if a in known] or [""]
    _end(case, row, one.id, "taken", by=who.actor)
    case.save()
    return visits.confirm(
        tx,
        who,
        number,
        identity,
        now=now,
        start=one.start,
        technician=leads,
        others=others,
        asked=True,
        anyway=anyway,
    )


def keep(tx: Tx, who: Principal, number: str, identity: str, proposal: str, *, now: datetime) -> str:
    """The time that was agreed stays: whoever asked for another is told, and so is their calendar. Staff only."""
    case, row, one = _proposal(tx, who, number, identity, proposal, now=now)
    _end(case, row, one.id, "declined", by=who.actor)
    case.event("visit.kept", actor=who.actor, visit=row.id)
    visit_rows.settle_tasks(case, row, visit_rows.WANTS_ANOTHER)
    role = next((a.role for a in visit_invitations.rows(tx, case.id, row.id) if a.address == one.by), "")
    if role == visit_invitations.CUSTOMER:
        visit_notices.tell(case, row, visit_invitations.KEPT, only=one.by)
    else:
        engineers = [a.id for a in people.agents(tx) if a.email == one.by]
        visit_notices.tell_engineers(case, row, visit_invitations.KEPT, engineers)
    acts.finish(case)
    return identity


def _proposal(
    tx: Tx, who: Principal, number: str, identity: str, proposal: str, *, now: datetime
) -> tuple[Case, Row, ProposedView]:
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    row = visit_rows.find(case, identity)
    if row.state not in visit_rows.AGREED:
        raise Refused(f"this visit is {row.state}", code="visit_over")
    found = next((one for one in proposed(tx, case.id, row.id) if one.id == proposal), None)
    if found is None:
        message = f"{number}: nobody asks for such a time"
        raise NotFound(message)
    return case, row, found
