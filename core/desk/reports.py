"""What does the closing report say? Its values, drawn from the rows, events and clocks of a ticket; their words are core.desk.report_words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import alert_reports, clock_standing, notices, people, reference, visit_crew
from core.desk.case import Case
from core.rules.clocks import Clock, ClockState
from core.store import tables
from core.store.tx import Prepared, Row, Tx

event, message, activity, workaround = tables.event, tables.message, tables.activity, tables.workaround
visit, visit_step, vendor_case, consumption = (
    tables.visit,
    tables.visit_step,
    tables.vendor_case,
    tables.consumption,
)

_EVENTS = Prepared(
    select(event.c.kind, event.c.at, event.c.actor)
    .where(event.c.ticket_id == bindparam("ticket_id"), event.c.kind.like("ticket.%"))
    .order_by(event.c.seq)
)
_CAME = Prepared(
    select(message.c.at, message.c.channel)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.direction == "in",
        message.c.audience == "customer",
    )
    .order_by(message.c.id)
)
_WORK = Prepared(
    select(activity)
    .where(activity.c.ticket_id == bindparam("ticket_id"))
    .order_by(activity.c.at, activity.c.id)
)
_VISITS = Prepared(select(visit).where(visit.c.ticket_id == bindparam("ticket_id")).order_by(visit.c.id))
_STEPS = Prepared(
    select(visit_step)
    .where(
        visit_step.c.ticket_id == bindparam("ticket_id"),
        visit_step.c.kind.in_([literal("part"), literal("sign"), literal("check_out")]),
    )
    .order_by(visit_step.c.at, visit_step.c.id)
)
_WORKAROUND = Prepared(
    select(workaround.c.applied_at)
    .where(workaround.c.ticket_id == bindparam("ticket_id"))
    .order_by(workaround.c.id.desc())
    .limit(1)
)
_VENDORS = Prepared(
    select(vendor_case.c.vendor, vendor_case.c.reference, vendor_case.c.made_at)
    .where(
        vendor_case.c.ticket_id == bindparam("ticket_id"),
        vendor_case.c.reference_shown.is_(True),
        vendor_case.c.reference != "",
    )
    .order_by(vendor_case.c.id)
)
_USED = Prepared(
    select(consumption.c.kind, consumption.c.unit, consumption.c.quantity).where(
        consumption.c.ticket_id == bindparam("ticket_id"),
        consumption.c.kind.in_([literal("use"), literal("reversal")]),
    )
)
_SITE = Prepared(
    select(tables.site.c.address).where(
        tables.site.c.customer == bindparam("customer"), tables.site.c.name == bindparam("name")
    )
)
_EQUIPMENT = Prepared(
    select(tables.asset.c.make, tables.asset.c.model, tables.asset.c.serial).where(
        tables.asset.c.customer == bindparam("customer"), tables.asset.c.name == bindparam("name")
    )
)

_TOLD = {
    "ticket.opened": "received",
    "ticket.qualify": "qualified",
    "ticket.take": "taken",
    "ticket.workaround": "workaround",
    "ticket.wait_customer": "waiting",
    "ticket.customer_message": "resumed",
    "ticket.resume": "resumed",
    "ticket.resolve": "resolved",
    "ticket.reopen": "reopened",
    "ticket.close": "closed",
}
"""Events a report tells, and the key of their words. `triage` is a clock of the inside."""

NOT_AGREED = ("triage", "promise")
"""Clocks of which no contract speaks."""

LATER = ("tests", "limits", "safety", "next_steps")
"""What whoever resolves it may add: how it was tested and stands, what is not covered by the solution, what is dangerous there, what comes after."""
ON_SITE = ("limits", "safety", "next_steps")
"""Of these, what an engineer says at the end of a visit."""


def said(case: Case, at: datetime) -> str:
    """An instant in the words and the zone of the customer."""
    return texts.instant(at, notices.zone_of(case), case["language"])


def values(case: Case, *, final: bool) -> dict[str, Any]:
    """Everything a closing report shows, in JSON's own types: instants in ISO 8601 and UTC, times in seconds.

    The case may hold events that are not saved yet. What was said, done and used before the present requester asked is left out.
    """
    resolution, since = case["resolution"], case["requester_since"]
    works = resolution.get("workaround", "") if since is None or _worked_since(case) >= since else ""
    customer = reference.customer(case.tx, case["customer"]) if case["customer"] else None
    steps = _steps(case, since)
    signed = [one for one in steps if one.kind == "sign"]
    return {
        "number": case["number"],
        "final": final,
        "time_zone": str(notices.zone_of(case)),
        "customer": customer.name if customer else "",
        "site": case["site"] or "",
        "site_address": _site_address(case),
        "requester": case["requester_name"] or case["requester_address"],
        "contract": case["contract"] or "",
        "line": case["line"] or "",
        "asset": case["asset"] or "",
        "equipment": _equipment(case),
        "subject": notices.title(case),
        "request_type": case["request_type"] or "",
        "technology": case["technology"] or "",
        "priority": case["priority"] or "",
        "timeline": sorted(_timeline(case, since), key=lambda one: str(one["at"])),
        "activities": _activities(case, since),
        "work_s": int(resolution.get("minutes", 0)) * 60,
        "parts": [part(one.data) for one in steps if one.kind == "part"],
        "cause": resolution.get("cause", ""),
        "solution": resolution.get("text", ""),
        "workaround": works,
        "workaround_review": resolution.get("review_by", "") if works else "",
        "vendors": [
            {"vendor": row.vendor, "reference": row.reference}
            for row in case.tx.all(_VENDORS, ticket_id=case.id)
            if since is None or row.made_at >= since
        ],
        "alarms": alert_reports.of_ticket(case.tx, case.id, since=since),
        "clocks": [_clock(one) for one in clock_standing.of_case(case) if _agreed(one)],
        **{name: resolution.get(name) or _noted(steps, name) for name in LATER},
        "comments": [str(one.data["comment"]) for one in signed if one.data.get("comment")],
        "signatures": [signature(one.data, one.at) for one in signed],
        "costs": _costs(case),
    }


def _noted(steps: Sequence[Row], name: str) -> str:
    """What engineers said of it on site: limits and next steps as they were at the last visit, dangers of all of them."""
    told = [str(one.data.get(name) or "") for one in steps if one.kind == "check_out"]
    return "\n".join(dict.fromkeys(filter(None, told if name == "safety" else told[-1:])))


def part(noted: Mapping[str, Any]) -> dict[str, str]:
    """A part as a step of a visit notes it: `name`, `serial` of what was put in, `removed`: that of what was taken out."""
    return {name: str(noted.get(name) or "") for name in ("name", "serial", "removed")}


def signature(noted: Mapping[str, Any], at: datetime) -> dict[str, str]:
    """A signature as a step of a visit notes it: `name`, `role`, `picture` (a blob), or `unable`: why there is none."""
    given = {name: str(noted.get(name) or "") for name in ("name", "role", "picture", "unable")}
    return given | {"at": _iso(at)}


def _worked_since(case: Case) -> datetime:
    row = case.tx.one(_WORKAROUND, ticket_id=case.id)
    since: datetime = row.applied_at if row is not None else case["received_at"]
    return since


def _timeline(case: Case, since: datetime | None) -> Iterator[dict[str, str]]:
    stored = [(row.kind, row.at, row.actor) for row in case.tx.all(_EVENTS, ticket_id=case.id)]
    fresh = [(row["kind"], row["at"], row["actor"]) for row in case.new_events()]
    came = {row.at: row.channel for row in case.tx.all(_CAME, ticket_id=case.id)}
    for kind, at, actor in stored + fresh:
        if kind in _TOLD and (since is None or at >= since or kind == "ticket.opened"):
            way = case["channel"] if kind == "ticket.opened" else ""
            if kind == "ticket.customer_message":
                way = came.get(at, "")
            yield _happened(at, _TOLD[kind], _name(case, actor), way)
    for row in case.tx.all(_VISITS, ticket_id=case.id):
        who = ", ".join(names(case.tx, visit_crew.ids(case.tx, row)))
        for at, key in ((row.arrived_at, "arrived"), (row.left_at, "left")):
            if at is not None and (since is None or at >= since):
                yield _happened(at, key, who, "")


def _happened(at: datetime, key: str, who: str, channel: str) -> dict[str, str]:
    return {"at": _iso(at), "key": key, "who": who, "channel": channel}


def _activities(case: Case, since: datetime | None) -> list[dict[str, Any]]:
    found = []
    for row in case.tx.all(_WORK, ticket_id=case.id):
        if since is not None and row.at < since:
            continue
        agent = people.agent(case.tx, row.agent)
        found.append(
            {
                "who": agent.name if agent else case.tx.facts.name,
                "role": next(iter(agent.roles), "") if agent else "",
                "kind": row.kind,
                "ended": _iso(row.at),
                "seconds": row.minutes * 60,
            }
        )
    return found


def _steps(case: Case, since: datetime | None) -> Sequence[Row]:
    return [
        row for row in case.tx.all(_STEPS, ticket_id=case.id) if since is None or row.recorded_at >= since
    ]


def names(tx: Tx, agents: Sequence[str]) -> list[str]:
    """Names of these agents, in order."""
    return [found.name for one in agents if (found := people.agent(tx, one)) is not None]


def _agreed(clock: Clock) -> bool:
    return clock.name not in NOT_AGREED and clock.state in (ClockState.MET, ClockState.BREACHED)


def _clock(clock: Clock) -> dict[str, Any]:
    reasons = dict.fromkeys(pause.reason for pause in clock.pauses)
    return {
        "name": str(clock.name),
        "elapsed_s": clock.elapsed_s,
        "target_s": clock.target_s,
        "paused_s": clock.paused_s,
        "paused_for": list(reasons),
        "met": clock.state is ClockState.MET and clock.breached_at is None,
    }


def _site_address(case: Case) -> str:
    row = case.tx.one(_SITE, customer=case["customer"] or "", name=case["site"]) if case["site"] else None
    return row.address if row is not None else ""


def _equipment(case: Case) -> dict[str, str]:
    found = None
    if case["asset"]:
        found = case.tx.one(_EQUIPMENT, customer=case["customer"] or "", name=case["asset"])
    return {name: getattr(found, name, "") for name in ("make", "model", "serial")}


def _costs(case: Case) -> dict[str, Any]:
    """Is it in a contract, and what of it was used? Prices are in no book of the desk: what is not covered is told separately."""
    used: dict[str, int] = {}
    for row in case.tx.all(_USED, ticket_id=case.id):
        used[row.unit] = used.get(row.unit, 0) + (row.quantity if row.kind == "use" else -row.quantity)
    return {
        "covered": bool(case["contract"] and case["line"]),
        "used": {unit: quantity for unit, quantity in used.items() if quantity > 0},
    }


def working_days_later(case: Case, days: int) -> datetime:
    """The same time that many working days later, by the calendar named Office, else around the clock."""
    desk = reference.desk(case.tx)
    hours = desk.calendars.get("Office") or desk.calendars[reference.ALWAYS]
    due = hours.calendar.due_working_days(case.now, days)
    return due or case.now + timedelta(days=days)  # None only under a pause, and there is none


def _name(case: Case, actor: str) -> str:
    kind, _, identity = actor.partition(":")
    if kind == "agent":
        agent = people.agent(case.tx, identity)
        return agent.name if agent else ""
    return case.tx.facts.name


def _iso(at: datetime) -> str:
    return at.isoformat()
