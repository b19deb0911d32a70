"""What did the engineer note on site? Each step has an id made on the phone, and may come late, twice, or in any order.

A step that changes the visit (on the way, arrived, finished, nobody there) does so as soon as what comes before it is there. Times are the phone's; what the
phone's clock is off by is taken out, and stands beside the step. Data of each kind: see core.desk.visit_reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import bindparam, select

from core import pictures
from core.desk import acts, people, reports, visit_reports, visit_rows, visit_views, visits
from core.desk.case import Case
from core.desk.errors import Invalid, NotFound, Refused, invalid
from core.desk.principal import Principal
from core.desk.scope import find
from core.desk.views import VisitState
from core.desk.visit_rows import AGREED, CONFIRMED, DONE, ONSITE
from core.pictures import Size
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

EN_ROUTE, CHECK_IN, CHECK_OUT, SHUT = "en_route", "check_in", "check_out", "no_access"
TASK, PHOTO, PART, NOTE, SIGN = "task", "photo", "part", "note", "sign"
Kind = Literal["en_route", "check_in", "task", "photo", "part", "note", "sign", "check_out", "no_access"]
TAKES: Mapping[str, tuple[str, ...]] = {
    EN_ROUTE: (),
    CHECK_IN: (),
    TASK: ("text", "done"),
    PHOTO: ("picture", "text"),
    PART: ("name", "serial", "removed"),
    NOTE: ("text",),
    SIGN: ("name", "role", "picture", "unable", "comment"),
    CHECK_OUT: ("text", "minutes", *reports.ON_SITE),
    SHUT: ("text",),
}
"""Of each kind, what may be said of it."""
ONCE = (EN_ROUTE, CHECK_IN)
"""Steps that whoever of the crew takes first takes for all of them."""
TEXT = 5_000  # characters
LINE = 200
PHOTO_SIZE = 10 * 2**20  # bytes
SIGNATURE_SIZE = 200_000  # bytes
SIGNATURE = Size(2_000, 1_000)
OFF = timedelta(seconds=60)
"""A clock that is off by less is right."""
MOST = 500
"""Steps of one visit."""

visit, step = tables.visit, tables.visit_step

_VISIT = Prepared(
    select(visit.c.ticket_id, tables.ticket.c.number)
    .select_from(visit.join(tables.ticket, tables.ticket.c.id == visit.c.ticket_id))
    .where(visit.c.id == bindparam("id"))
)
_STEPS = Prepared(
    select(step)
    .where(step.c.ticket_id == bindparam("ticket_id"), step.c.visit_id == bindparam("visit_id"))
    .order_by(step.c.at, step.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done, as the phone noted it."""

    id: str
    """A UUID, made once: the same step again has the same."""
    kind: str
    at: datetime | None = None
    """By the phone; None: now."""
    given: Mapping[str, str] = field(default_factory=dict)
    """What was typed, by the names of core.desk.visit_reports."""
    picture: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a step."""

    id: str
    new: bool
    """False: it was there, or somebody else of the crew took it before."""
    state: VisitState
    """Of the visit, with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step as people read it."""

    id: str
    kind: Kind
    at: datetime
    """By the phone's clock, corrected by what it was off."""
    recorded_at: datetime
    by: str
    """Name of who noted it."""
    off: int
    """Seconds that the phone's clock was behind; 0: it was right."""
    data: Mapping[str, Any]


def record(
    tx: Tx,
    who: Principal,
    identity: str,
    given: Step,
    *,
    now: datetime,
    sent_at: datetime | None = None,
) -> Kept:
    """Keep one step of a visit. Safe to repeat: a step that is there stays what it was.

    `sent_at`: what the phone's clock says as it sends; None: it is not known, and taken to be right. Raises NotFound, Invalid; Refused where
    there are too many.
    """
    number = _number(tx, who, identity)
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    row = visit_rows.find(case, identity)
    key = _key(given.id)
    noted = of_visit(tx, case.id, identity)
    if any(one.id == key for one in noted):
        return Kept(id=key, new=False, state=row.state)
    if given.kind in ONCE and any(one.kind == given.kind for one in noted):
        return Kept(id=key, new=False, state=row.state)
    if len(noted) >= MOST:
        raise Refused(f"a visit has at most {MOST} steps", code="too_many")
    off = now - sent_at if sent_at is not None and abs(now - sent_at) > OFF else timedelta(0)
    data = _data(tx, given, now=now) | ({"off": round(off.total_seconds())} if off else {})
    tx.insert(
        step,
        ticket_id=case.id,
        visit_id=identity,
        id=key,
        kind=given.kind,
        data=data,
        at=given.at or now,
        recorded_at=now,
        by=who.actor,
    )
    case.event("visit.step", actor=who.actor, visit=identity, step=key, what=given.kind)
    case.save()
    state = _follow(tx, who, number, identity, key, now=now)
    if state == row.state == DONE:
        again = Case.open(tx, case.id, now=now)
        visit_reports.report(again, who, identity)
        again.save()
    return Kept(id=key, new=True, state=state)


def _number(tx: Tx, who: Principal, identity: str) -> str:
    row = tx.one(_VISIT, id=_key(identity))
    if row is None:
        message = "there is no such visit that you may see"
        raise NotFound(message)
    return str(row.number)


def _key(identity: str) -> str:
    try:
        return str(UUID(identity))
    except ValueError:
        raise invalid("/id", "must be a UUID") from None


def number_of(tx: Tx, who: Principal, identity: str) -> str:
    """The number of the ticket a visit is of. Raises NotFound, also for one this person may not see."""
    try:
        number = _number(tx, who, identity)
    except Invalid:
        message = "there is no such visit that you may see"
        raise NotFound(message) from None
    find(tx, who, number)
    return number


def of_visit(tx: Tx, ticket_id: str, identity: str) -> list[Row]:
    """Its steps by the phone's time."""
    return tx.all(_STEPS, ticket_id=ticket_id, visit_id=identity)


def views(tx: Tx, who: Principal, number: str, identity: str) -> tuple[StepView, ...]:
    """The same to be shown, for staff. Raises NotFound, Forbidden."""
    found = visit_views.one(tx, who, number, identity)
    acts.only_staff(who)
    names = {f"agent:{one.id}": one.name for one in people.agents(tx)}
    return tuple(
        StepView(
            id=one.id,
            kind=one.kind,
            at=_true(one),
            recorded_at=one.recorded_at,
            by=names.get(one.by, ""),
            off=one.data.get("off", 0),
            data=one.data,
        )
        for one in of_visit(tx, find(tx, who, number).id, found.id)
    )


def picture(tx: Tx, who: Principal, identity: str, step_id: str) -> bytes:
    """The photo or the signature of a step. Raises NotFound."""
    number = number_of(tx, who, identity)
    for one in views(tx, who, number, identity):
        if one.id == step_id and one.data.get("picture"):
            return blobs.get(tx, one.data["picture"])
    message = "there is no such picture"
    raise NotFound(message)


# --- What a step holds --------------------------------------------------------------------------------------


def _data(tx: Tx, given: Step, *, now: datetime) -> dict[str, Any]:
    if given.kind not in TAKES:
        raise invalid("/kind", f"must be one of {', '.join(TAKES)}")
    said = [*given.given, *(["picture"] if given.picture else [])]
    if astray := [name for name in said if name not in TAKES[given.kind]]:
        raise invalid(
            f"/{astray[0]}", f"{given.kind} says nothing of it: {' '.join(TAKES[given.kind]) or 'nothing'}"
        )
    match given.kind:
        case "task":
            return {"text": _line(given, "text"), "done": given.given.get("done") == "1"}
        case "part":
            more = {name: _maybe(given, name, LINE) for name in ("serial", "removed")}
            return {"name": _line(given, "name")} | more
        case "note" | "no_access":
            return {"text": acts.plain(_maybe(given, "text", TEXT))}
        case "photo":
            return {"picture": _photo(tx, given, now=now), "text": _maybe(given, "text", LINE)}
        case "sign":
            return _signature(tx, given, now=now)
        case "check_out":
            more = {name: _maybe(given, name, TEXT) for name in reports.ON_SITE}
            return {"text": acts.plain(_maybe(given, "text", TEXT)), "minutes": _minutes(given)} | more
        case _:
            return {}


def _maybe(given: Step, name: str, most: int) -> str:
    text = given.given.get(name, "").strip()
    if len(text) > most:
        raise invalid(f"/{name}", f"must be at most {most} characters")
    return text


def _line(given: Step, name: str) -> str:
    return acts.plain(_maybe(given, name, LINE), f"/{name}")


def _minutes(given: Step) -> int | None:
    text = given.given.get("minutes", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text)):  # noqa: PLR2004
        raise invalid("/minutes", "must be a number of minutes, at least 1")
    return int(text)


def _photo(tx: Tx, given: Step, *, now: datetime) -> str:
    if len(given.picture) > PHOTO_SIZE or pictures.size(given.picture) is None:
        raise invalid("/picture", "must be a PNG or JPEG of at most 10 MB")
    return blobs.put(tx, given.picture, now=now)


def _signature(tx: Tx, given: Step, *, now: datetime) -> dict[str, Any]:
    found = {"name": _line(given, "name")}
    found |= {name: _maybe(given, name, LINE) for name in ("role", "unable", "comment")}
    if not given.picture:
        acts.plain(found["unable"], "/unable")
        return found
    if len(given.picture) > SIGNATURE_SIZE or pictures.drawn(given.picture, most=SIGNATURE) is None:
        raise invalid("/picture", "must be a PNG of at most 200 kB and 2000 by 1000 pixels")
    return found | {"picture": blobs.put(tx, given.picture, now=now), "unable": ""}


# --- What follows -------------------------------------------------------------------------------------------


def _follow(tx: Tx, who: Principal, number: str, identity: str, new: str, *, now: datetime) -> VisitState:
    """The visit goes as far as its steps lead, of which one (id) is `new`; return where it stands."""
    case = acts.begin(tx, who, number, now=now)
    row = visit_rows.find(case, identity)
    noted = of_visit(tx, case.id, identity)
    set_out, came, left, shut = (_first(noted, kind) for kind in (EN_ROUTE, CHECK_IN, CHECK_OUT, SHUT))
    earliest = max(row.made_at, case["received_at"])
    if row.state == CONFIRMED and set_out is not None and came is None:
        visits.en_route(tx, who, number, identity, now=now, at=_within(set_out, earliest, now))
    if row.state in AGREED and came is not None:
        visits.check_in(tx, who, number, identity, now=now, at=_within(came, earliest, now))
    row = visit_rows.find(case, identity)
    if row.state == ONSITE and left is not None:
        visits.check_out(
            tx,
            who,
            number,
            identity,
            now=now,
            at=_within(left, row.arrived_at, now),
            minutes=left.data.get("minutes"),
            text=left.data["text"],
        )
    row = visit_rows.find(case, identity)
    if (
        row.state in (*AGREED, ONSITE)
        and shut is not None
        and (shut.id == new or _true(shut) >= row.window_start)
    ):
        # one that is new and too early is refused; of a visit that was moved since, it says nothing
        since = _within(shut, row.arrived_at or earliest, now)
        visits.no_access(tx, who, number, identity, now=now, reason=shut.data["text"], at=since)
    stands: VisitState = visit_rows.find(case, identity).state
    return stands


def _first(noted: Sequence[Row], kind: str) -> Row | None:
    return next((one for one in noted if one.kind == kind), None)


def _within(one: Row, since: datetime, until: datetime) -> datetime:
    return min(max(_true(one), since), until)


def _true(one: Row) -> datetime:
    at: datetime = one.at + timedelta(seconds=one.data.get("off", 0))
    recorded: datetime = one.recorded_at
    return min(at, recorded)
