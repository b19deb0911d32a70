"""What is done about a visit on site? Planned, offered, agreed, moved, made, or called off; each verb is one transaction.

Principal, number, `seen` and what is raised are as in core.desk.tickets; `visit` is an id, and one the ticket does not have is
NotFound. Staff do all of it; a customer chooses among the times they were offered, or says that none fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.desk import (
    activities,
    acts,
    bookings,
    clock_policies,
    entitle,
    ledger,
    maintenance,
    people,
    reference,
    timing,
    visit_crew,
    visit_ends,
    visit_notices,
    visit_offers,
    visit_reports,
    visit_round,
    visit_rows,
    visit_times,
)
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.desk.visit_rows import AGREEABLE, AGREED, CANCELLED, CONFIRMED, DONE, EN_ROUTE, NO_ACCESS, ONSITE
from core.ids import new_id
from core.rules import slots, workflow
from core.rules.slots import Why
from core.rules.workflow import State
from core.store import tables
from core.store.tx import Row, Tx

MAX_PURPOSE = 2000  # characters
MAX_PARTS = 50
MAX_CREW = 20
NOT_ONSITE = "not_onsite"
"""Code of the refusal where the contract line has nobody come."""
PAST = "past"
"""Code of the refusal to change a visit that is over: another one takes its place."""
PLANNED_FROM = (
    State.IN_PROGRESS,
    State.WAITING_CUSTOMER,
    State.WAITING_VENDOR,
    State.MONITORING,
    State.SCHEDULED,
    State.ONSITE,
)
_WAITS = (State.WAITING_CUSTOMER, State.WAITING_VENDOR, State.MONITORING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What became of a choice."""

    visit: str
    agreed: bool
    """False: the time was gone, and new ones were offered if there are any."""


# --- Planning ----------------------------------------------------------------------------------------------


def plan(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    purpose: str,
    site: str | None = None,
    minutes: int = 120,
    skills: Sequence[str] | None = None,
    parts: Sequence[Mapping[str, str]] = (),
    replaces: str | None = None,
    not_before: datetime | None = None,
    offers: bool = True,
    engineers: int | None = None,
    technicians: Sequence[str] = (),
    seen: int | None = None,
) -> str:
    """Somebody has to go there; return the visit's id. The onsite clock starts, and the customer is given times to choose from.

    `site`: name; None: the ticket's, or its asset's. `skills`: technologies whoever leads must know; None: the ticket's.
    `engineers`: so many have to come, at least 1; `technicians`: exactly these do (e-mails), who know the skills together, and the first leads.
    `parts`: what is to be brought, each with a name and maybe a serial. `replaces`: an earlier visit that is over.
    `offers` False: a time is agreed by telephone (`confirm`). Raises Refused where the contract has nobody come or nothing is left.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.", "visit."))
    purpose = acts.plain(purpose, "/purpose")
    if len(purpose) > MAX_PURPOSE:
        raise invalid("/purpose", f"must be at most {MAX_PURPOSE} characters")
    if not 0 < minutes <= slots.LONGEST:
        raise invalid("/minutes", f"must be 1 to {slots.LONGEST}: how long the work takes")
    if case["state"] not in PLANNED_FROM:
        raise Refused(f"cannot plan a visit from {case['state']}", allowed=workflow.allowed(case["state"]))
    name = _site(case, site)
    wanted = _skills(case, skills)
    named = visit_times.engineers(tx, technicians, "/technicians")
    many = _many(engineers, named, 1)
    _included(case)
    if replaces:
        _replaced(case, who, visit_rows.find(case, replaces))
    place = visit_times.site(tx, case["customer"], name) if name else None
    first = not visit_rows.open_of(tx, case.id)
    visit_id = new_id()
    tx.insert(
        tables.visit,
        ticket_id=case.id,
        id=visit_id,
        customer=case["customer"] or "",
        site=name,
        place=place.address if place is not None else "",
        time_zone=str(visit_times.zone_of(case, place)),
        purpose=purpose,
        skills=wanted,
        parts=_parts(parts),
        minutes=minutes,
        uid=f"{visit_id}@{_host(case)}",
        replaces=replaces,
        engineers=many,
        named=named,
        made_at=now,
        made_by=who.actor,
    )
    case.event("visit.planned", actor=who.actor, visit=visit_id, replaces=replaces or "")
    case.flag(visit_rows.FLAG)
    if first:
        timing.apply(case, "dispatch")
    if offers:
        visit_offers.offer(case, who, visit_rows.find(case, visit_id), not_before=not_before)
    _finish(case)
    return visit_id


def _site(case: Case, given: str | None) -> str:
    """The name of the site; empty: the customer has none, and everybody knows where they are."""
    known = set(people.sites(case.tx, case["customer"])) if case["customer"] else set()
    if given and given not in known:
        raise invalid("/site", f"{case['customer']} has no site {given!r}")
    name = given or case["site"]
    if not name and case["asset"]:
        asset = people.asset(case.tx, case["customer"], case["asset"])
        name = asset.site if asset else ""
    if name not in known and len(known) == 1:
        (name,) = known
    if name not in known and known:
        raise invalid("/site", f"say where: {', '.join(sorted(known))}")
    return name if name in known else ""


def _skills(case: Case, given: Sequence[str] | None) -> list[str]:
    known = reference.desk(case.tx).technologies
    wanted = list(given) if given is not None else [case["technology"]] if case["technology"] else []
    for one in wanted:
        if one not in known:
            raise invalid("/skills", f"there is no technology {one!r}")
    return wanted


def _parts(given: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    if len(given) > MAX_PARTS:
        raise invalid("/parts", f"must be at most {MAX_PARTS}")
    found = [
        {"name": part.get("name", "").strip(), "serial": part.get("serial", "").strip()} for part in given
    ]
    return [part for part in found if part["name"]]


def _many(engineers: int | None, named: Sequence[str], usual: int) -> int:
    """How many have to come."""
    many = engineers if engineers is not None else len(named) or usual
    if not 1 <= many <= MAX_CREW:
        raise invalid("/engineers", f"must be 1 to {MAX_CREW}")
    if named and many != len(named):
        raise invalid("/engineers", f"{len(named)} come by name: leave out the number, or the names")
    return many


def _host(case: Case) -> str:
    return case.tx.facts.public_url.partition("://")[2].partition("/")[0].partition(":")[0] or "localhost"


def _included(case: Case) -> None:
    """Raise Refused where the contract does not say that somebody comes, unless whoever leads let it be done."""
    entitle.before_work(case, "visits", 1)
    if not clock_policies.line_says(case, "onsite") and not ledger.is_overridden(case):
        raise Refused(
            f"the contract line of {case['number']} has nobody come on site: a shift leader overrides the check first, "
            "or the visit is sold",
            allowed=("override",),
            code=NOT_ONSITE,
        )


def _replaced(case: Case, who: Principal, row: Row) -> None:
    """What takes the place of a visit that was never made ends it; one that was made stays what it is."""
    if row.closed_at is not None:
        return
    if not _is_past(row, case.now):
        raise invalid("/replaces", "this visit is still ahead: move it, or cancel it")
    visit_ends.call_off(case, who, row, why="replaced", tell=False)


def _is_past(row: Row, now: datetime) -> bool:
    return row.window_end is not None and row.window_end <= now


# --- Agreeing on a time ------------------------------------------------------------------------------------


def offer(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    not_before: datetime | None = None,
    engineers: int | None = None,
    technicians: Sequence[str] = (),
    seen: int | None = None,
) -> str:
    """Give the customer three times to choose from, held for four hours; the ones they had are free again.

    Of a visit that is agreed already the old time is kept until they choose. `engineers`, `technicians`: as in `plan`; neither: as many,
    or the same, as were asked for before. Raises Refused (code: `slots.Why`) where nobody can come.
    """
    case, row = begin(tx, who, number, visit, now=now, seen=seen)
    _agreeable(row, now)
    if engineers is not None or technicians:
        named = visit_times.engineers(tx, technicians, "/technicians")
        row = visit_rows.change(case, row, engineers=_many(engineers, named, 1), named=named)
    why = visit_offers.offer(case, who, row, not_before=not_before)
    if why is not None:
        raise nobody(why)
    _finish(case)
    return visit


def choose(tx: Tx, who: Principal, number: str, visit: str, slot: str, *, now: datetime) -> Chosen:
    """The customer, or staff for them by telephone, takes one of the times. The first acceptance wins.

    A hold that is over is looked at again: it is theirs if it is free, else they are given new times. Raises Refused (409)
    where another one was chosen.
    """
    case = acts.begin(tx, who, number, now=now)
    return chosen(case, who, visit, slot)


def chosen(case: Case, who: Principal, visit: str, slot: str) -> Chosen:
    """The same of a ticket in hand; who may is asked before."""
    row = visit_rows.find(case, visit)
    if visit_offers.is_agreed(case, row, slot):
        return Chosen(visit=visit, agreed=True)
    taken = visit_offers.take(case, who, row, slot)
    if taken is not None:
        asked = visit_rows.asked_for_another(case.tx, row)
        crew = [taken.technician, *taken.others]
        _agree(case, who, row, crew, taken.slot_start, taken.slot_end, asked=asked)
    _finish(case)
    return Chosen(visit=visit, agreed=taken is not None)


def none_fits(tx: Tx, who: Principal, number: str, visit: str, text: str, *, now: datetime) -> str:
    """None of the times suits the customer, or the one that was agreed does not any more; `text`: what would. Staff see to it."""
    case = acts.begin(tx, who, number, now=now)
    declined(case, who, visit, acts.plain(text))
    return visit


def declined(case: Case, who: Principal, visit: str, text: str) -> None:
    """The same of a ticket in hand; who may is asked before. `text`: empty, they say it next."""
    visit_offers.decline(case, who, visit_rows.find(case, visit), text)
    _finish(case)


def confirm(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    start: datetime,
    technician: str,
    others: Sequence[str] = (),
    asked: bool = False,
    anyway: bool = False,
    seen: int | None = None,
) -> str:
    """A time was agreed with the customer: then this engineer (e-mail) comes, with `others`. One that was agreed before is moved.

    `asked`: the customer wanted it that late, and until then no clock counts. `anyway`: although it lies outside the hours of the
    site, the line or the engineers, too soon, or with fewer than were asked for. Raises Invalid for a time that is past, Refused for one
    that is taken.
    """
    case, row = begin(tx, who, number, visit, now=now, seen=seen)
    _agreeable(row, now)
    crew = visit_times.engineers(tx, [technician], "/technician")
    crew += visit_times.engineers(tx, others, "/others")
    if crew[0] in crew[1:]:
        raise invalid("/others", f"{technician} leads already")
    if len(crew) > MAX_CREW:
        raise invalid("/others", f"must be at most {MAX_CREW - 1}")
    if len(crew) < row.engineers and not anyway:
        raise invalid(
            "/others", f"this visit asks for {row.engineers} engineers: name {row.engineers - len(crew)} more"
        )
    start = start.replace(second=0, microsecond=0)
    why = visit_times.obstacle(case, row, crew, start)
    if why is Why.PAST:
        raise invalid("/start", "is past: agree on a time ahead")
    if why is not None and (why is Why.ALL_TAKEN or not anyway):
        raise nobody(why)
    _agree(case, who, row, crew, start, start + timedelta(minutes=row.minutes), asked=asked)
    _finish(case)
    return visit


def move(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    start: datetime | None = None,
    technician: str | None = None,
    others: Sequence[str] = (),
    not_before: datetime | None = None,
    asked: bool = False,
    anyway: bool = False,
    seen: int | None = None,
) -> str:
    """Another time: the one named, or, without `start`, one of three the customer is given. The old one is kept until then."""
    if start is None:
        return offer(tx, who, number, visit, now=now, not_before=not_before, seen=seen)
    if not technician:
        raise invalid("/technician", "say who comes")
    return confirm(
        tx,
        who,
        number,
        visit,
        now=now,
        start=start,
        technician=technician,
        others=others,
        asked=asked,
        anyway=anyway,
        seen=seen,
    )


def _agreeable(row: Row, now: datetime) -> None:
    if row.state not in AGREEABLE:
        raise Refused(f"this visit is {row.state}: plan another", code="visit_over", allowed=("plan",))
    if _is_past(row, now):
        raise Refused("this visit is past: plan one that replaces it", code=PAST, allowed=("plan",))


def nobody(why: Why) -> Refused:
    """What staff are told where nobody can come."""
    words = {
        Why.PAST: "this time is past",
        Why.TOO_SOON: "nobody can be there so soon: the site wants to be told before",
        Why.NO_ENGINEERS: "nobody goes on site: [[agents]] onsite says who does",
        Why.TOO_FEW: "fewer engineers go on site than have to come to this visit",
        Why.NO_SKILL: "no engineer has the skills this visit needs",
        Why.SITE_CLOSED: "the site is not open for as long as the work takes",
        Why.LINE_CLOSED: "the contract line has nobody work then",
        Why.NOBODY_WORKS: "no engineer who knows this works then",
        Why.ALL_TAKEN: "the engineers' time is taken",
    }
    return Refused(words[why], code=bookings.TAKEN if why is Why.ALL_TAKEN else str(why))


def _agree(
    case: Case, who: Principal, row: Row, crew: Sequence[str], start: datetime, end: datetime, *, asked: bool
) -> None:
    """This is when they come: their time is booked, all other times are free, everybody is told."""
    before, moved = visit_crew.ids(case.tx, row), row.window_start is not None
    made = {
        bookings.take(
            case.tx,
            one,
            bookings.VISIT,
            start,
            end,
            by=who.actor,
            now=case.now,
            ticket_id=case.id,
            visit_id=row.id,
        )
        for one in sorted(crew)  # two hubs meet in one order
    }
    for held in bookings.of_visit(case.tx, row.id):
        if held.kind == bookings.VISIT and held.id not in made:
            bookings.free_one(case.tx, held)
    visit_rows.end_offers(case, row, "released", by=who.actor)
    visit_rows.answer_proposals(case, row, by=who.actor)
    sequence = row.sequence + 1 if moved else row.sequence
    row = visit_rows.change(
        case,
        row,
        state=CONFIRMED,
        engineers=len(crew),
        named=row.named if list(row.named) == list(crew) else [],
        window_start=start,
        window_end=end,
        sequence=sequence,
        agreed=sequence,
    )
    visit_crew.put(case, row, crew, by=who.actor)
    visit_rows.settle_tasks(case, row, *visit_rows.TASKS)
    maintenance.visit_agreed(case, row)
    case.event(
        "visit.moved" if moved else "visit.confirmed",
        actor=who.actor,
        visit=row.id,
        start=start.isoformat(),
        engineers=list(crew),
        asked=asked,
    )
    timing.apply(case, "access_agreed")
    timing.come_by(case, start, asked=asked)
    _scheduled(case, who)
    visit_notices.tell(case, row, visit_notices.MOVED if moved else visit_notices.CONFIRMED)
    stay = [one for one in crew if one in before]
    visit_notices.tell_engineers(case, row, visit_notices.MOVED, stay)
    visit_notices.tell_engineers(case, row, visit_notices.CONFIRMED, [one for one in crew if one not in stay])
    gone = [one for one in before if one not in stay]
    visit_notices.tell_engineers(case, row, visit_notices.CANCELLED, gone)


def _scheduled(case: Case, who: Principal) -> None:
    if case["state"] in _WAITS:  # nobody waits for anything but the day
        acts.move(case, who, "resume")
        timing.apply(case, "resume")
    if case["state"] == State.IN_PROGRESS:
        acts.move(case, who, "schedule")


# --- The day -----------------------------------------------------------------------------------------------


def en_route(
    tx: Tx, who: Principal, number: str, visit: str, *, now: datetime, at: datetime | None = None
) -> str:
    """The engineer is on the way; the customer is told. `at`: since when; None, now."""
    case, row = begin(tx, who, number, visit, now=now)
    if row.state == EN_ROUTE:
        return visit
    _from(row, CONFIRMED, act="set out for")
    since = acts.when(case, at)
    row = visit_rows.change(case, row, state=EN_ROUTE)
    visit_crew.set_out(case, row, since)
    case.event("visit.en_route", actor=who.actor, at=since, visit=row.id)
    visit_notices.tell(case, row, visit_notices.ON_THE_WAY)
    _finish(case)
    return visit


def check_in(
    tx: Tx, who: Principal, number: str, visit: str, *, now: datetime, at: datetime | None = None
) -> str:
    """The engineer is there: the onsite clock is met, or was missed. `at`: since when; None, now. The same again changes nothing."""
    case, row = begin(tx, who, number, visit, now=now)
    if row.state == ONSITE:
        return visit
    _from(row, *AGREED, act="check in at")
    since = acts.when(case, at, after=row.made_at)
    row = visit_rows.change(case, row, state=ONSITE, arrived_at=since)
    maintenance.visit_stays(case, row)
    case.event("visit.check_in", actor=who.actor, at=since, visit=row.id, late=since > row.window_start)
    if case["state"] in (*_WAITS, State.IN_PROGRESS):
        _scheduled(case, who)
    if case["state"] == State.SCHEDULED:
        acts.move(case, who, "check_in", at=since, visit=row.id)
    timing.apply(case, "appointment_reached", at=min(since, max(row.window_start, row.made_at)))
    timing.apply(case, "check_in", at=since)
    visit_rows.settle_tasks(case, row, visit_rows.LATE)
    _finish(case)
    return visit


def check_out(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    at: datetime | None = None,
    minutes: int | None = None,
    text: str = "",
) -> str:
    """The work on site is over: its minutes are entered for everybody who was there, and a visit is used of the line that counts them.

    `at`: when they left; None, now. `minutes`: of work; None: from the arrival until then. The same again changes nothing.
    """
    case, row = begin(tx, who, number, visit, now=now)
    if row.state == DONE:
        return visit
    _from(row, ONSITE, act="check out of")
    left = acts.when(case, at, after=row.arrived_at)
    spent = minutes if minutes is not None else max(1, round((left - row.arrived_at).total_seconds() / 60))
    crew = visit_crew.ids(tx, row)
    for one in crew:
        told = text if one == crew[0] else ""
        activities.enter(case, who, agent=one, minutes=spent, kind="onsite", at=left, text=told)
    visit_crew.worked(case, row, spent)
    row = visit_rows.change(case, row, state=DONE, left_at=left, closed_at=case.now)
    bookings.shorten(tx, row.id, until=left)
    maintenance.visit_over(case, row)
    ledger.use(case, "visits", 1, actor=who.actor, at=left, must=False)
    case.event("visit.check_out", actor=who.actor, at=left, visit=row.id, minutes=spent)
    if case["state"] == State.ONSITE and not _others_onsite(case):
        acts.move(case, who, "check_out", at=left, visit=row.id)
    visit_ends.over(case, who)
    visit_reports.report(case, who, visit, done=text)
    visit_notices.tell(case, row, visit_notices.FINISHED)
    _finish(case)
    return visit


def no_access(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    reason: str,
    at: datetime | None = None,
) -> str:
    """Nobody let the engineer in: the customer is told, and the clocks stand still until another time is agreed.

    It counts as a visit where the contract line says so. `at`: when it was; None, now.
    """
    case, row = begin(tx, who, number, visit, now=now)
    _from(row, *AGREED, ONSITE, act="find the door closed at")
    reason = acts.plain(reason, "/reason")
    since = acts.when(case, at, after=row.made_at)
    if since < row.window_start:
        raise invalid("/at", "is before the visit was to begin: the customer was not expecting anybody")
    billable = bool(clock_policies.line_says(case, "no_access_billable"))
    came = row.arrived_at or since
    row = visit_rows.change(
        case,
        row,
        state=NO_ACCESS,
        arrived_at=came,
        left_at=since,
        ended_why=reason,
        billable=billable,
        closed_at=case.now,
    )
    bookings.shorten(tx, row.id, until=since)
    maintenance.visit_over(case, row)
    if billable:
        ledger.use(case, "visits", 1, actor=who.actor, at=since, reason=NO_ACCESS, must=False)
    case.event("visit.no_access", actor=who.actor, at=since, visit=row.id, billable=billable)
    visit_rows.settle_tasks(case, row, visit_rows.LATE)
    if case["state"] == State.ONSITE and not _others_onsite(case):
        acts.move(case, who, "check_out", at=since, visit=row.id)
    timing.apply(case, "appointment_reached", at=since)
    timing.apply(case, "no_access", at=since)
    case.flag(visit_rows.FLAG, on=bool(visit_rows.open_of(tx, case.id)))
    if case["state"] == State.SCHEDULED and not any(
        one.state in AGREED for one in visit_rows.open_of(tx, case.id)
    ):
        acts.move(case, who, "visit_off", at=since)
    visit_notices.tell(case, row, visit_notices.NO_ACCESS)
    _finish(case)
    return visit


def cancel(
    tx: Tx,
    who: Principal,
    number: str,
    visit: str,
    *,
    now: datetime,
    reason: str,
    seen: int | None = None,
) -> str:
    """Nobody goes there: customer and engineer are told. `reason`: for colleagues. A visit that is past is replaced instead."""
    case, row = begin(tx, who, number, visit, now=now, seen=seen)
    if row.state == CANCELLED:
        return visit
    _from(row, *AGREEABLE, EN_ROUTE, act="cancel")
    if _is_past(row, now):
        raise Refused("this visit is past: plan one that replaces it", code=PAST, allowed=("plan",))
    visit_ends.call_off(case, who, row, why=acts.plain(reason, "/reason"))
    _finish(case)
    return visit


def _others_onsite(case: Case) -> bool:
    return any(row.state == ONSITE for row in visit_rows.open_of(case.tx, case.id))


# --- Beginning and end -------------------------------------------------------------------------------------


def begin(
    tx: Tx, who: Principal, number: str, visit: str, *, now: datetime, seen: int | None = None
) -> tuple[Case, Row]:
    """A visit in hand, for staff. Raises NotFound, Forbidden, Stale."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.", "visit."))
    return case, visit_rows.find(case, visit)


def _from(row: Row, *states: str, act: str) -> None:
    if row.state not in states:
        raise Refused(f"cannot {act} a visit that is {row.state}", code="visit_state")


def _finish(case: Case) -> None:
    visit_round.watch(case)
    acts.finish(case)
