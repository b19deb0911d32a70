"""What concerns many requests at once? A parent with children of any customer, each with its own clocks and channel (desk.md 14).

Contact centre, shift leaders, supervisors and administrators lead incidents, because children are of many customers and groups.
What is said to all children is in core.desk.incident_telling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.desk import acts, links_between, resolution, tickets
from core.desk.case import Case
from core.desk.errors import DeskError, Fault, Forbidden, Invalid, NotFound, Refused, invalid
from core.desk.joining_state import allow
from core.desk.principal import Principal
from core.desk.scope import find
from core.rules import joining, workflow
from core.rules.joining import Tie
from core.store.tx import Tx

FLAG = "major"
MOST = 500
"""Children that one call attaches."""


def may_lead(who: Principal) -> bool:
    """May this person lead incidents?"""
    return who.sees_everything


def only_who_leads(tx: Tx, who: Principal, number: str) -> None:
    """Raise Forbidden for anybody else, NotFound for whoever may not see the ticket at all."""
    find(tx, who, number)
    acts.only_staff(who)
    if not may_lead(who):
        raise Forbidden(
            "the contact centre, a shift leader, a supervisor or an administrator leads an incident"
        )


def open_incident(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    children: Sequence[str] = (),
    seen: int | None = None,
) -> str:
    """The ticket is an incident from now on: flag `major`, and these are its children. A second time changes nothing.

    Raises Refused for one that has ended or is somebody's child, Invalid with every child that cannot be one.
    """
    only_who_leads(tx, who, number)
    return _attach(tx, who, number, children, now=now, seen=seen)


def attach(
    tx: Tx, who: Principal, number: str, *, children: Sequence[str], now: datetime, seen: int | None = None
) -> str:
    """These tickets belong to the incident; who belongs to it already goes on to. All or none."""
    only_who_leads(tx, who, number)
    if not children:
        raise invalid("/children", "name at least one request")
    return _attach(tx, who, number, children, now=now, seen=seen)


def detach(
    tx: Tx, who: Principal, number: str, *, children: Sequence[str], now: datetime, seen: int | None = None
) -> str:
    """These do not belong to it any more; what they were told stays with them. Raises Invalid for who does not."""
    only_who_leads(tx, who, number)
    parent, found = _open(tx, who, number, children, now=now)
    acts.check_seen(parent, who, seen, ("ticket.unlinked",))
    known = set(links_between.of_kind(tx, parent.id, Tie.CHILD))
    faults = [
        Fault(f"/children/{n}", f"{one['number']} does not belong to {number}")
        for n, one in enumerate(found)
        if one.id not in known
    ]
    if faults:
        raise Invalid(faults)
    for child in found:
        links_between.unmake(parent, child, Tie.CHILD, by=who.actor)
    _save(parent, *found)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class NotResolved:
    """A child that stays as it is, and why."""

    number: str
    why: str


def resolve_children(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    children: Sequence[str],
    cause: str,
    words: Mapping[str, str],
    minutes: int,
    now: datetime,
) -> tuple[NotResolved, ...]:
    """The incident is over for these children too: each is solved with the text in its language, by its own report.

    What nobody has taken is taken, what waits is resumed. Return those that cannot be solved now; the others are. `minutes`:
    on each. Raises Invalid for a language that is missing, a child that is none, and as `resolution.resolve` does.
    """
    only_who_leads(tx, who, number)
    parent, found = _open(tx, who, number, children, now=now)
    known = set(links_between.of_kind(tx, parent.id, Tie.CHILD))
    faults = [
        Fault(f"/children/{n}", f"{one['number']} does not belong to {number}")
        for n, one in enumerate(found)
        if one.id not in known
    ]
    spoken = said_in(words)
    faults += missing(spoken, {one["language"] for one in found if one["open"]})
    if faults:
        raise Invalid(faults)
    stays = []
    for child in found:
        why = _not_yet(child)
        if why is not None:
            stays.append(NotResolved(number=child["number"], why=why))
            continue
        if child["state"] in ("qualified", "assigned"):
            tickets.take(tx, who, child["number"], now=now)
        elif child["state"] not in ("in_progress", "monitoring"):
            tickets.resume(tx, who, child["number"], now=now)
        text = spoken[child["language"]]
        resolution.resolve(tx, who, child["number"], cause=cause, text=text, minutes=minutes, now=now)
    parent.event(
        "incident.children_resolved", actor=who.actor, count=len(found) - len(stays), left=len(stays)
    )
    parent.save()
    return tuple(stays)


def _not_yet(child: Case) -> str | None:
    state = child["state"]
    if state in ("qualified", "assigned", "in_progress", "monitoring", "waiting_customer", "waiting_vendor"):
        return None
    return f"it is {state}: " + (
        "nothing is to be done"
        if not workflow.is_open(state)
        else "somebody has to qualify or finish it first"
    )


def said_in(words: Mapping[str, str]) -> dict[str, str]:
    """What was typed, by language; languages without a word are left out. Raises Invalid for what is too long."""
    return {name: acts.plain(text, f"/words/{name}") for name, text in words.items() if text.strip()}


def missing(words: Mapping[str, str], languages: set[str]) -> list[Fault]:
    """A fault for every language that somebody is written to in and nothing was said in."""
    return [
        Fault(f"/words/{name}", "somebody of this incident is written to in this language: say it in it too")
        for name in sorted(languages - set(words))
    ]


# --- Within one verb ----------------------------------------------------------------------------------------


def _attach(
    tx: Tx, who: Principal, number: str, children: Sequence[str], *, now: datetime, seen: int | None
) -> str:
    parent, found = _open(tx, who, number, children, now=now)
    acts.check_seen(parent, who, seen, ("ticket.linked", "ticket.unlinked"))
    if parent["state"] in workflow.ENDED:
        raise Refused(
            f"{number} is {parent['state']}: an incident is an open request",
            allowed=workflow.allowed(parent["state"]),
            code="incident_ended",
        )
    if Tie.PARENT in links_between.kinds(tx, parent.id):
        allow(joining.No("parent_is_child", ("unlink",)), parent, parent)
    known = set(links_between.of_kind(tx, parent.id, Tie.CHILD))
    faults = []
    for n, child in enumerate(found):
        if child.id in known:
            continue
        try:
            links_between.check(parent, child, Tie.CHILD)
        except DeskError as error:
            faults.append(Fault(f"/children/{n}", str(error)))
            continue
        links_between.make(parent, child, Tie.CHILD, by=who.actor)
    if faults:
        raise Invalid(faults)
    if FLAG not in parent["flags"]:
        parent.flag(FLAG)
        parent.event("incident.opened", actor=who.actor)
    _save(parent, *found)
    return number


def _open(
    tx: Tx, who: Principal, number: str, children: Sequence[str], *, now: datetime
) -> tuple[Case, list[Case]]:
    """The parent and its children in hand, each once, opened in the order of their ids. Raises NotFound, Invalid."""
    if len(children) > MOST:
        raise invalid("/children", f"at most {MOST} at a time")
    parent = find(tx, who, number).id
    ids, faults = [], []
    for n, one in enumerate(dict.fromkeys(child.strip() for child in children)):
        try:
            ids.append(find(tx, who, one).id)
        except NotFound as error:
            faults.append(Fault(f"/children/{n}", str(error)))
    if faults:
        raise Invalid(faults)
    opened = {one: Case.open(tx, one, now=now) for one in sorted({parent, *ids})}
    return opened[parent], [opened[one] for one in ids]


def _save(*cases: Case) -> None:
    found: dict[str, Any] = {case.id: case for case in cases}
    for one in sorted(found):
        found[one].save()
