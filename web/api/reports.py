"""Reports of contracts and periods over the API: the same numbers as on their pages, each with its tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from core.desk import periodic, periodic_schedule
from core.desk.errors import NotFound
from core.desk.periodic import ReportView
from core.desk.periodic_schedule import Rhythm
from core.store.tx import Tx
from web import numbers
from web.api.endpoint import Body, Call, File, Query, api
from web.api.shapes import Shape

ONE = "/contracts/{number}/reports/{period}/{version}"
State = Literal["made", "approved", "sent", "superseded", "refused"]


class Report(Shape):
    """One version of a report."""

    contract: str
    period: str = Field(description="2026-W45, 2026-10, 2026-Q4 or 2026, by the customer's time zone.")
    version: int
    customer: str = Field(description="Code.")
    draft: bool = Field(description="The period was not over: it is never sent.")
    state: State
    since: datetime
    until: datetime = Field(description="The first instant after it; of a draft, when it was made.")
    at: datetime
    approved_at: datetime | None
    sent_at: datetime | None
    why: str = Field(description="It was refused; for staff.")
    drawn: bool = Field(description="Its PDF is there.")


class Reports(Shape):
    """Reports, the newest first."""

    items: list[Report]
    making: list[list[str]] = Field(
        description="Contract and period of those that are being made; for staff."
    )


class Figure(Shape):
    """One number and what it was made of."""

    section: str
    name: str
    about: str = Field(description="Of which channel, clock and priority, asset …; empty: of all.")
    unit: str = Field(description="tickets, clocks, percent, seconds, minutes, visits or cases.")
    value: float | None = Field(description="None: there is nothing it could be made of.")
    tickets: list[str]


class WholeReport(Report):
    """The same with everything it says."""

    language: str
    time_zone: str
    hash: str = Field(description="SHA-256 of its values and words; it stands at the foot of every page.")
    figures: list[Figure]
    misses: list[dict[str, Any]] = Field(description="Agreed times that were missed; times in seconds.")
    exclusions: list[dict[str, Any]] = Field(description="Every pause; they add up to the figures `paused`.")
    open: list[dict[str, Any]] = Field(description="Requests open at the end of the period.")
    planned: list[dict[str, Any]] = Field(description="Visits agreed at the end of the period.")
    sent_to: list[dict[str, Any]] = Field(
        description="Address, state and error of each recipient; for staff."
    )


class TableQuery(Query):
    """How its rows are written."""

    sep: Annotated[str, Field(max_length=20, description="comma or semicolon.")] = "comma"


class AskBody(Body):
    """Which report."""

    period: Annotated[str, Field(min_length=4, max_length=8, description="Like 2026-10.")]
    draft: bool = Field(default=False, description="Even though the period is not over.")


class WhyBody(Body):
    """Why it goes to nobody."""

    why: Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]


class Nothing(Body):
    """Nothing is to be said."""


class Asked(Shape):
    """It is being made."""

    contract: str
    period: str
    since: datetime
    until: datetime
    draft: bool


class Schedule(Shape):
    """Reports that a contract gets by themselves."""

    contract: str
    every: str = Field(description="week, month or quarter.")
    recipients: list[str] = Field(
        description="Addresses of contacts; empty: the customer's managers and administrators."
    )
    active: bool


class Schedules(Shape):
    """All of them."""

    items: list[Schedule]


class ScheduleBody(Body):
    """Who gets them."""

    recipients: Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=50)] = Field(
        default_factory=list, description="Addresses of contacts; empty: managers and administrators."
    )
    active: bool = True


@api("GET", "/reports", answer=Reports, errors=(403,))
def list_reports(tx: Tx, call: Call) -> Reports:
    """Reports of contracts and periods, the newest first. A customer's managers and administrators see what was approved."""
    found = periodic.reports(tx, call.who)
    making = periodic.making(tx, call.who) if call.who.is_agent else ()
    return Reports(items=[Report(**_shown(one)) for one in found], making=[list(one) for one in making])


@api("POST", "/contracts/{number}/reports", body=AskBody, answer=Asked, status=202)
def make_report(tx: Tx, call: Call) -> Asked:
    """Let a report be made; it is there in some seconds. 409 for a period that is not over, unless it is a draft. For shift leaders and above."""
    asked: AskBody = call.body
    of = periodic.ask(tx, call.who, call.number, asked.period, draft=asked.draft, now=call.now)
    return Asked(
        contract=of.contract,
        period=of.period.name,
        since=of.period.since,
        until=of.period.until,
        draft=of.draft,
    )


@api("GET", ONE, answer=WholeReport)
def get_report(tx: Tx, call: Call) -> WholeReport:
    """One version with every number and its tickets."""
    return _whole(tx, call)


@api("GET", f"{ONE}/pdf", answer=File, errors=(409,))
def get_report_pdf(tx: Tx, call: Call) -> File:
    """Its PDF, as a download; 409 in the seconds until it is drawn."""
    name, content = periodic.pdf(tx, call.who, *_named(call))
    return File(name=name, type="application/pdf", content=content)


@api("GET", f"{ONE}/csv", query=TableQuery, answer=File)
def get_report_table(tx: Tx, call: Call) -> File:
    """Its table: UTF-8 with a byte order mark, a row for each figure and one for each ticket behind it."""
    semicolons = call.query.sep == "semicolon"
    name, content = periodic.table(tx, call.who, *_named(call), semicolons=semicolons)
    return File(name=name, type="text/csv", content=content)


@api("POST", f"{ONE}/approve", body=Nothing, answer=WholeReport)
def approve_report(tx: Tx, call: Call) -> WholeReport:
    """Approve it and send it to its recipients. For supervisors and administrators; 409 for a draft, or until its PDF is drawn."""
    periodic_schedule.approve(tx, call.who, *_named(call), now=call.now)
    return _whole(tx, call)


@api("POST", f"{ONE}/refuse", body=WhyBody, answer=WholeReport)
def refuse_report(tx: Tx, call: Call) -> WholeReport:
    """It goes to nobody. For supervisors and administrators."""
    periodic.refuse(tx, call.who, *_named(call), call.body.why, now=call.now)
    return _whole(tx, call)


@api("GET", "/report-schedules", answer=Schedules, errors=(403,))
def list_report_schedules(tx: Tx, call: Call) -> Schedules:
    """Which contracts get reports by themselves. For staff."""
    return Schedules(items=[_schedule(one) for one in periodic_schedule.rhythms(tx, call.who)])


@api("PUT", "/contracts/{number}/report-schedules/{every}", body=ScheduleBody, answer=Schedule)
def put_report_schedule(tx: Tx, call: Call) -> Schedule:
    """Let a contract get its reports of every `week`, `month` or `quarter`, the first of the one that ends next. For supervisors and administrators."""
    asked: ScheduleBody = call.body
    every = call.path["every"]
    return _schedule(periodic_schedule.plan(tx, call.who, call.number, every, **dict(asked), now=call.now))


ENDPOINTS = (
    list_reports,
    make_report,
    get_report,
    get_report_pdf,
    get_report_table,
    approve_report,
    refuse_report,
    list_report_schedules,
    put_report_schedule,
)


def _named(call: Call) -> tuple[str, str, int]:
    version = numbers.whole(call.path["version"])
    if version is None:
        message = f"there is no version {call.path['version']}"
        raise NotFound(message)
    return call.number, call.path["period"], version


def _whole(tx: Tx, call: Call) -> WholeReport:
    found = periodic.whole(tx, call.who, *_named(call))
    of = found.values
    return WholeReport(
        **_shown(found.view),
        language=found.language,
        time_zone=of["time_zone"],
        hash=found.hash,
        figures=[Figure(**one) for one in of["figures"]],
        misses=of["misses"],
        exclusions=of["exclusions"],
        open=of["open"],
        planned=of["planned"],
        sent_to=[
            {"address": one.address, "state": one.state, "error": one.error} for one in found.deliveries
        ],
    )


def _shown(view: ReportView) -> dict[str, Any]:
    return {
        "contract": view.contract,
        "period": view.period,
        "version": view.n,
        "customer": view.customer,
        "draft": view.draft,
        "state": view.state,
        "since": view.since,
        "until": view.until,
        "at": view.at,
        "approved_at": view.approved_at,
        "sent_at": view.sent_at,
        "why": view.why,
        "drawn": view.drawn,
    }


def _schedule(one: Rhythm) -> Schedule:
    return Schedule(
        contract=one.contract,
        every=one.every,
        recipients=list(one.recipients),
        active=one.active,
    )
