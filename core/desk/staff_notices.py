"""Which of the staff are told that a clock runs out, and in which words? Deliveries by their own way, put into words as they leave.

Like a call to a chat (core.desk.paging) such a delivery has the ticket in place of a conversation, and goes to nobody but staff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import bindparam, literal, or_, select

from core import chat_addresses, texts
from core.desk import clock_standing, duties, outbox, people, reference, staff_ways
from core.desk.case import Case
from core.desk.people import Agent
from core.envelope import Outgoing
from core.ids import fixed_id
from core.rules import clocks
from core.rules.clocks import Clock, ClockState
from core.rules.rotas import ON_CALL
from core.store import tables
from core.store.columns import Instant, to_micros
from core.store.tx import Prepared, Row, Tx

KIND = "sla"
"""Of the deliveries."""
AT_ANY_HOUR = frozenset({"P1", "P2"})
"""Priorities of which staff are told by night; of the others when their group's calendar is open."""
LATE_BY = timedelta(minutes=2)
"""From then on a notice says how late it is."""
PRESENT = timedelta(minutes=15)
"""Since somebody who is signed in asked for anything."""
LEADING = ("shift-leader", "supervisor", "admin")

delivery, notice = tables.delivery, tables.sla_notice

_THERE = Prepared(
    select(tables.sign_in.c.person).where(
        tables.sign_in.c.kind == literal("agent"),
        tables.sign_in.c.expires_at > bindparam("now", type_=Instant),
        tables.sign_in.c.seen_at > bindparam("since", type_=Instant),
    )
)
_MANAGER = Prepared(
    select(tables.customer.c.account_manager).where(tables.customer.c.code == bindparam("code"))
)
_NOTICES = Prepared(select(notice).where(notice.c.ticket_id == bindparam("ticket_id")))
_RETARGETED = Prepared(
    select(tables.event.c.kind, tables.event.c.at, tables.event.c.data)
    .where(
        tables.event.c.ticket_id == bindparam("ticket_id"),
        or_(
            tables.event.c.kind == literal("clock.retarget"),
            tables.event.c.kind == literal(clock_standing.RECALENDAR),
            tables.event.c.kind == literal(clock_standing.RELEVEL),
        ),
    )
    .order_by(tables.event.c.seq.desc())
)


def tell(case: Case, clock: Clock, level: int, *, fell_due: datetime) -> list[str]:
    """Queue what is told of this level; return the ids of those it goes to.

    50: the group. 75: the owner and the shift leader. 90: the supervisor. From 100 on: the supervisor and the account
    manager (desk.md 7). P1, P2 and what has no priority yet go to whoever is on duty, now; all else waits for the group's
    calendar.
    """
    staff = _Staff(case)
    chosen = {one.id: one for one in staff.to_be_told(level)}
    due = _hours(case)
    for agent in chosen.values():
        way = staff_ways.way(case.tx, agent)
        if way is not None:
            staff_ways.send(
                case.tx,
                case.id,
                _id(case.id, clock, level, fell_due, agent.id),
                way,
                kind=KIND,
                now=case.now,
                due=due,
            )
    return list(chosen)


class _Staff:
    """Everybody, and who of them is there."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.all = people.agents(case.tx)
        seen = case.tx.all(_THERE, now=case.now, since=case.now - PRESENT)
        self.there = {row.person for row in seen}

    def to_be_told(self, level: int) -> list[Agent]:
        if level < 75:  # noqa: PLR2004 - percent, as said above
            return self._group()
        if level < 90:  # noqa: PLR2004
            owner = [one for one in self.all if one.id == self.case["assignee"]]
            return [*(owner or self._group()), *self._duty("shift-leader")]
        if level < clocks.BREACH:
            return self._duty("supervisor")
        return [*self._duty("supervisor"), *self._account_manager()]

    def _group(self) -> list[Agent]:
        group = self.case["desk_group"]
        if group is None:
            return self._of(lambda one: "contact-centre" in one.roles)
        return self._on_duty(ON_CALL) or self._of(lambda one: group in one.groups)

    def _duty(self, role: str) -> list[Agent]:
        return self._on_duty(role) or self._of(lambda one: role in one.roles)

    def _on_duty(self, duty: str) -> list[Agent]:
        """Who has this duty now, for what is told at any hour."""
        if _waits_for_hours(self.case):
            return []
        on_duty = duties.on_duty(self.case.tx, duty, self.case["desk_group"], self.case.now)
        return [one for one in self.all if one.id in on_duty]

    def _of(self, fits: Callable[[Agent], bool]) -> list[Agent]:
        """Those who are there, else all of them, else whoever leads."""
        every = [one for one in self.all if fits(one)]
        here = [one for one in every if one.id in self.there]
        return here or every or self._leading()

    def _leading(self) -> list[Agent]:
        for role in LEADING:
            found = [one for one in self.all if role in one.roles]
            if found:
                return found
        return []

    def _account_manager(self) -> Iterable[Agent]:
        row = self.case.tx.one(_MANAGER, code=self.case["customer"]) if self.case["customer"] else None
        email = row.account_manager if row is not None else None
        return [one for one in self.all if one.email == email]


def _hours(case: Case) -> datetime | None:
    """When the notice may leave; None: now."""
    desk = reference.desk(case.tx)
    group = desk.groups.get(case["desk_group"] or "")
    if group is None or not _waits_for_hours(case):
        return None
    return desk.calendars[group.calendar].calendar.next_open(case.now)


def _waits_for_hours(case: Case) -> bool:
    return bool(case["priority"]) and case["priority"] not in AT_ANY_HOUR


def _id(ticket_id: str, clock: Clock | Row, level: int, fell_due: datetime, agent: str) -> str:
    """What stands for the message of such a delivery: one for each notice and person, another under another target."""
    name = clock.name if isinstance(clock, Clock) else clock.clock
    return fixed_id(f"sla {ticket_id} {name} {clock.cycle} {level} {to_micros(fell_due)} {agent}")


# --- On its way ---------------------------------------------------------------------------------------------


def outgoing(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    """What the channel is to send for such a delivery, as things stand now; None: it is not true any more.

    A warning of a clock that was met, paused or moved meanwhile is not sent. A breach is, unless it was withdrawn.
    """
    case = Case.open(tx, row.ticket_id, now=now)
    found = _whose(tx, row)
    agent = people.agent(tx, found[1]) if found is not None else None
    clock = _clock(tx, found[0], now=now) if found is not None else None
    if (
        found is None
        or agent is None
        or not agent.active
        or clock is None
        or not _still(found[0], clock, overtaken=_overtaken(tx, found[0]))
    ):
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
        return None
    told = found[0]
    language = tx.facts.language(agent.language)
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    breached = told.level >= clocks.BREACH
    late = now - told.fell_due
    left = (clock.due_at - now) if clock.due_at is not None else timedelta()
    subject, text = texts.notice(
        KIND,
        language,
        hub=tx.facts.name,
        number=case["number"],
        subject=case["subject"],
        priority=case["priority"] or "",
        group=case["desk_group"] or "",
        who=", ".join(part for part in (case["requester_name"], customer.name if customer else "") if part),
        clock=told.clock,
        level=told.level,
        breached=breached,
        leg=_leg(tx, told),
        due=texts.instant(clock.due_at or told.fell_due, tx.facts.zone, language),
        left=texts.duration(max(int(left.total_seconds()), 0), language),
        late_by=texts.duration(int(late.total_seconds()), language) if late >= LATE_BY else "",
        retargeted=_retargeted(tx, told),
        url=f"{tx.facts.public_url}/desk/tickets/{case['number']}/clocks",
    )
    return outbox.without_ticket(row, subject=subject, text=text, language=language, buttons=())


def undelivered(tx: Tx, row: Row, *, now: datetime) -> None:
    """Their chat does not take it: by mail, then."""
    found = _whose(tx, row)
    agent = people.agent(tx, found[1]) if found is not None else None
    if agent is None or not chat_addresses.is_chat(row.address):
        return
    way = staff_ways.mailbox(tx, agent)
    if way is not None:
        staff_ways.send(tx, row.ticket_id, row.message_id, way, kind=KIND, now=now)


def _whose(tx: Tx, row: Row) -> tuple[Row, str] | None:
    """The notice a delivery is of, and the agent it is for."""
    for told in tx.all(_NOTICES, ticket_id=row.ticket_id):
        for agent in told.agents:
            if _id(row.ticket_id, told, told.level, told.fell_due, agent) == row.message_id:
                return told, agent
    return None


def _clock(tx: Tx, told: Row, *, now: datetime) -> Clock | None:
    standing = clock_standing.of_ticket(tx, told.ticket_id, now=now)
    return next((one for one in standing if (str(one.name), one.cycle) == (told.clock, told.cycle)), None)


def _still(told: Row, clock: Clock, *, overtaken: bool) -> bool:
    if told.state == "withdrawn" or overtaken:
        return False
    if told.level >= clocks.BREACH:
        return clock.breached_at is not None and clock.state is not ClockState.CANCELLED
    return clock.state is ClockState.RUNNING and clock.level_passed >= told.level


def _overtaken(tx: Tx, told: Row) -> bool:
    """Was a higher level told meanwhile, while this one waited for the hours of the group?"""
    return any(
        (row.clock, row.cycle, row.state) == (told.clock, told.cycle, "told") and row.level > told.level
        for row in tx.all(_NOTICES, ticket_id=told.ticket_id)
    )


def _leg(tx: Tx, told: Row) -> str:
    """Who had the ball most of the time, as the breach itself says; reminders repeat it."""
    return next(
        (
            row.leg
            for row in tx.all(_NOTICES, ticket_id=told.ticket_id)
            if (row.clock, row.cycle, row.level) == (told.clock, told.cycle, clocks.BREACH)
        ),
        "",
    )


def _retargeted(tx: Tx, told: Row) -> bool:
    """Was the level passed before the promise became what it is?"""
    for row in tx.all(_RETARGETED, ticket_id=told.ticket_id):
        if any((one.clock, one.cycle) == (told.clock, told.cycle) for one in clock_standing.read([row])):
            return bool(told.fell_due < row.at <= told.at)
    return False
