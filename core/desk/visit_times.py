"""When could somebody come to a site? The hours of the site, the line and the engineers, as the desk knows them, for `rules.slots`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core.desk import bookings, clock_policies, clock_standing, duties, notices, people, quiet, reference
from core.desk.case import Case
from core.desk.errors import invalid
from core.desk.reference import Desk
from core.rules import rotas, slots
from core.rules.calendar_definitions import at_site
from core.rules.calendars import Calendar
from core.rules.clocks import ClockName
from core.rules.slots import Engineer, Found, Span, Wanted, Why
from core.store import tables
from core.store.tx import Prepared, Row, Tx

agent = tables.agent

_ENGINEERS = Prepared(
    select(agent).where(agent.c.active.is_(True), agent.c.onsite.is_(True)).order_by(agent.c.name, agent.c.id)
)
_SITE = Prepared(
    select(tables.site).where(
        tables.site.c.customer == bindparam("customer"), tables.site.c.name == bindparam("name")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goer:
    """Somebody who goes on site."""

    id: str
    name: str
    email: str
    skills: tuple[str, ...]
    """Technologies: their own, else those of their groups; all, where a group of theirs names none."""
    calendar: str
    """Name of the calendar they work by."""
    groups: tuple[str, ...]


def goers(tx: Tx) -> tuple[Goer, ...]:
    """Everybody who goes on site, by name."""
    desk = reference.desk(tx)
    return tuple(
        Goer(
            id=row.id,
            name=row.name,
            email=row.email,
            skills=_skills(row, desk),
            calendar=_calendar(row, desk),
            groups=tuple(row.groups),
        )
        for row in tx.all(_ENGINEERS)
    )


def _skills(row: Row, desk: Desk) -> tuple[str, ...]:
    if row.skills:
        return tuple(row.skills)
    theirs = [desk.groups[name] for name in row.groups if name in desk.groups]
    if not theirs or any(not group.technologies for group in theirs):
        return desk.technologies
    return tuple(dict.fromkeys(one for group in theirs for one in group.technologies))


def _calendar(row: Row, desk: Desk) -> str:
    of_group = (desk.groups[name].calendar for name in row.groups if name in desk.groups)
    name = row.calendar or next(of_group, reference.ALWAYS)
    return name if name in desk.calendars else reference.ALWAYS


def site(tx: Tx, customer: str | None, name: str) -> Row | None:
    """The site of this name; None: the customer has none."""
    found: Row | None = tx.one(_SITE, customer=customer or "", name=name)
    return found


def zone_of(case: Case, place: Row | None) -> ZoneInfo:
    """The zone of a site, else the customer's."""
    return ZoneInfo(place.time_zone) if place is not None and place.time_zone else notices.zone_of(case)


def find(case: Case, visit: Row, *, not_before: datetime | None = None) -> Found:
    """The times that can be offered for a visit now, none before `not_before`; else why there are none.

    What the visit itself holds or has agreed is not in the way: another time for it may overlap the old one.
    """
    asked = wanted(case, visit, not_before=not_before)
    return slots.find(asked, _engineers(case, visit))


def obstacle(
    case: Case, visit: Row, crew: Sequence[str], start: datetime, *, skilled: bool = False
) -> Why | None:
    """What keeps these engineers (ids) from coming at this time; None: nothing does. `skilled`: what they know is not asked."""
    asked = wanted(case, visit)
    found = [one for one in _engineers(case, visit) if one.id in crew]
    if len(found) < len(crew):
        return Why.NO_ENGINEERS
    asked = replace(asked, skills=frozenset()) if skilled else asked
    return slots.obstacle(asked, found, start, now=case.now)


def unknown(tx: Tx, visit: Row, crew: Sequence[str]) -> set[str]:
    """Which of the skills that a visit needs nobody of these (ids) has."""
    return set(visit.skills).difference(*(one.skills for one in goers(tx) if one.id in crew))


def engineers(tx: Tx, emails: Sequence[str], pointer: str) -> list[str]:
    """Ids of these engineers. Raises Invalid for somebody who goes to no customers, or is named twice."""
    known = {one.email: one.id for one in goers(tx)}
    found: list[str] = []
    for email in emails:
        one = known.get(email.strip().lower())
        if one is None:
            raise invalid(pointer, f"{email} goes to no customers: [[agents]] onsite says who does")
        if one in found:
            raise invalid(pointer, f"{email} is named twice")
        found.append(one)
    return found


def by_email(tx: Tx, email: str) -> str:
    """Id of this agent, whether they go on site now or not; empty: there is none."""
    found = people.agent_by_email(tx, email.strip().lower())
    return found.id if found is not None else ""


def wanted(case: Case, visit: Row, *, not_before: datetime | None = None) -> Wanted:
    """The visit as the rule takes it. Somebody is announced before, as the site asks, and is on the way for a while."""
    since = case.now
    until = since + slots.AHEAD
    place = site(case.tx, visit.customer, visit.site)
    lead = max(place.access_lead if place is not None else 0, slots.TRAVEL)
    earliest = since + timedelta(minutes=lead)
    return Wanted(
        minutes=visit.minutes,
        skills=frozenset(visit.skills),
        site=_site_hours(case.tx, place, since, until),
        line=clock_policies.hours(case).calendar.between(since, until),
        earliest=max(earliest, not_before) if not_before is not None else earliest,
        zone=ZoneInfo(visit.time_zone),
        due=_due(case),
        count=visit.engineers,
        named=tuple(visit.named),
    )


def _site_hours(tx: Tx, place: Row | None, since: datetime, until: datetime) -> tuple[Span, ...]:
    if place is None or not place.calendar:
        return ((since, until),)
    usual = reference.desk(tx).calendars[place.calendar].calendar
    if place.time_zone or place.holidays:
        usual = Calendar(at_site(usual.definition, time_zone=place.time_zone, holidays=place.holidays))
    return usual.between(since, until)


def _due(case: Case) -> datetime | None:
    """When somebody has to be there, as things stand."""
    running = (one for one in clock_standing.of_case(case) if one.name is ClockName.ONSITE and not one.ended)
    return next((one.due_at for one in running), None)


def _engineers(case: Case, visit: Row) -> list[Engineer]:
    tx, since = case.tx, case.now
    until = since + slots.AHEAD
    taken: defaultdict[str, list[Row]] = defaultdict(list)
    for row in bookings.between(tx, since - timedelta(days=1), until + timedelta(days=1), now=case.now):
        if row.visit_id != visit.id:
            taken[row.agent].append(row)
    calendars = reference.desk(tx).calendars
    hours: dict[str, tuple[Span, ...]] = {}
    on_call = _on_call(tx, since, until) if quiet.urgent(case) else {}
    found = []
    for one in goers(tx):
        if one.calendar not in hours:
            hours[one.calendar] = calendars[one.calendar].calendar.between(since, until)
        works: Sequence[Span] = hours[one.calendar]
        if one.id in on_call:
            works = _merged([*works, *on_call[one.id]])
        found.append(
            Engineer(
                id=one.id,
                skills=frozenset(one.skills),
                hours=works,
                booked=bookings.booked(taken[one.id]),
            )
        )
    return found


def _on_call(tx: Tx, since: datetime, until: datetime) -> dict[str, list[Span]]:
    """Who is called at night for what is urgent goes on site then too."""
    found: defaultdict[str, list[Span]] = defaultdict(list)
    for rota in reference.desk(tx).rotas:
        if rota.duty == rotas.ON_CALL:
            for shift in duties.shifts(tx, rota, since, until):
                found[shift.agent].append((shift.since, shift.until))
    return found


def _merged(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], until)
        else:
            joined.append((since, until))
    return joined
