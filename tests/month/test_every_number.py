"""The played month ends with reports: every number comes out again from the events, leads to its tickets, and is the same wherever it stands."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from core.desk import accounts, demo, month_acts, periodic, periodic_schedule, periodic_words
from core.desk.configuration import checking
from core.desk.periodic import Whole
from core.desk.periodic_table import safe
from core.desk.principal import Principal
from tests import reckoning
from tests.month.playing import BEGINS, ENDS, ROME, Lived
from tests.web.api_desk import Caller
from tests.web.desk_pages import Page, serving

HOLIDAYS = {(11, 1)}
"""Of Italy, from October to the second week of November."""
OPENED = {
    "24x7": lambda _at: True,
    "Office": lambda at: works(at) and at.weekday() < 5 and (9 <= at.hour < 13 or 14 <= at.hour < 18),
    "Extended": lambda at: (
        works(at) and (7 <= at.hour < 21 if at.weekday() < 5 else at.weekday() == 5 and 8 <= at.hour < 14)
    ),
}
"""The calendars of the demo desk, as a wall clock has them."""
LIVED_THROUGH = {
    "received",
    "resolved",
    "closed",
    "backlog",
    "met response",
    "missed response",
    "missed resolve P3",
    "missed restore",
    "running resolve",
    "paused resolve",
    "paused onsite",
    "kept resolve",
    "mtta_p90 working",
    "mttr_mean wall",
    "reopened",
    "first_contact_rate",
    "leg vendor",
    "leg_share customer",
    "leg outside",
    "used C-2026-004 Prepaid hours",
    "left C-2026-004 Prepaid hours",
    "done",
    "cases Cumulus Networks Italia",
    "assets pacs-srv-01",
    "causes hardware",
    "by_site Munich hub",
}
"""Figures that are not nothing in one report at least."""
ON_SQLITE = pytest.mark.parametrize("lived", ["sqlite"], indirect=True)


def works(at: datetime) -> bool:
    return (at.month, at.day) not in HOLIDAYS


def periods(every: str, zone: ZoneInfo) -> Iterator[tuple[str, datetime, datetime]]:
    """Those that ended in the month that was played."""
    if every == "month":
        yield "2026-10", at(date(2026, 10, 1), zone), at(date(2026, 11, 1), zone)
        return
    monday = date(2026, 9, 28)
    while at(monday + timedelta(days=7), zone) <= ENDS:
        year, week, _ = monday.isocalendar()
        yield f"{year}-W{week:02}", at(monday, zone), at(monday + timedelta(days=7), zone)
        monday += timedelta(days=7)


def at(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


async def made(lived: Lived) -> dict[tuple[str, str], Whole]:
    """All reports there are."""
    sue = await supervisor(lived)
    return {
        (one.contract, one.period): await lived.db.read(periodic.whole, sue, one.contract, one.period, one.n)
        for one in await lived.db.read(periodic.reports, sue)
    }


async def supervisor(lived: Lived) -> Principal:
    return await lived.db.read(month_acts.somebody, lived.script.supervisor)


async def test_everything_in_every_report_of_the_month_comes_out_again_from_the_events(lived) -> None:
    told = await reckoning.export(lived.db)
    around = (BEGINS - timedelta(days=9), ENDS + timedelta(days=14))
    hours = {name: reckoning.Hours(opened, ROME, *around) for name, opened in OPENED.items()}
    whole = await made(lived)
    customers = {
        contract.number: (one, contract)
        for one in checking.read(demo.DESK.read_text(encoding="utf-8"))["customers"]
        for contract in one.contracts
    }
    expected, seen = set(), set()
    for rhythm in lived.script.reports:
        customer, contract = customers[rhythm.contract]
        granted = {
            (line.name, "minutes"): round(60 * (line.quantity - line.used))
            for line in contract.lines
            if line.measure == "hours"
        }
        zone = customer.time_zone or "Europe/Rome"
        for period, since, until in periods(rhythm.every, ZoneInfo(zone)):
            expected.add((rhythm.contract, period))
            about = {"contract": rhythm.contract, "customer": customer.name, "period": period}
            about |= {"since": since.isoformat(), "until": until.isoformat(), "time_zone": zone}
            again = about | {"draft": False}
            again |= reckoning.report(told, rhythm.contract, customer.code, hours, since, until, granted)
            first = reckoning.comparable(whole[rhythm.contract, period].values)
            for name in first.keys() | again.keys():
                assert first.get(name) == again.get(name), (rhythm.contract, period, name)
            seen |= {f"{one['name']} {one['about']}".strip() for one in again["figures"] if one["value"]}
    assert whole.keys() == expected
    assert seen >= LIVED_THROUGH, LIVED_THROUGH - seen


def read_back(shown: str, unit: str, language: str) -> float | None:
    """The number that people read."""
    if shown == "–":
        return None
    if unit == "seconds":
        hours, minutes, seconds = map(int, shown.split(":"))
        return 3600 * hours + 60 * minutes + seconds
    thousands, comma = (".", ",") if language == "it" else (",", ".")
    assert shown.endswith("%") == (unit == "percent")
    return float(shown.rstrip("% \N{NO-BREAK SPACE}").replace(thousands, "").replace(comma, "."))


def cells(page: str) -> list[tuple[str, ...]]:
    """The rows of all tables, as people read them."""
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", page, re.DOTALL)
    return [
        tuple(html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in re.split(r"</t[hd]>", row)[:-1])
        for row in rows
    ]


def listed(whole: Whole, say: periodic_words.Say) -> list[tuple[str, ...]]:
    """What the lists of a report say, in its order."""
    of = whole.values
    clock = lambda one: say.maybe("clock", one["clock"])  # noqa: E731
    span = lambda seconds: say.number(seconds, "seconds")  # noqa: E731
    return [
        *(
            (
                one["number"],
                clock(one),
                one["priority"],
                span(one["target_s"]),
                span(one["elapsed_s"]),
                say("periodic", "still" if one["running"] else "over"),
            )
            for one in of["misses"]
        ),
        *(
            (
                one["number"],
                clock(one),
                say.maybe("pause", one["reason"]),
                say.instant(one["since"]),
                say.instant(one["until"]),
                span(one["seconds"]),
            )
            for one in of["exclusions"]
        ),
        *(
            (
                one["number"],
                one["subject"],
                say("state", one["state"]),
                one["priority"],
                say.instant(one["received_at"]),
                say.instant(one["due_at"]) if one["due_at"] else "",
            )
            for one in of["open"]
        ),
    ]


def the_page_says(page: Page, place: str, whole: Whole) -> None:
    """Exactly the numbers of the report, each with the link to its tickets."""
    say = periodic_words.Say(whole.language, whole.values["time_zone"])
    figures = whole.values["figures"]
    order = [one for name in periodic_words.SECTIONS for one in figures if one["section"] == name]
    rows = cells(page.text)
    assert len(order) == len(figures)
    for one, (label, shown, of) in zip(order, rows, strict=False):
        assert label == say.label(one)
        assert read_back(shown, one["unit"], whole.language) == one["value"], label
        assert int(of) == len(one["tickets"])
        assert bool(one["tickets"]) or not one["value"] or one["name"] == "left", label
    assert rows[len(figures) :] == listed(whole, say)
    linked = {int(n) for n in re.findall(rf'href="{re.escape(place)}/figures/(\d+)"', page.text)}
    assert linked == {n for n, one in enumerate(figures) if one["tickets"]}


def squeezed(*words: str) -> str:
    return "".join("".join(words).split())


def the_paper_says(drawn: bytes, whole: Whole) -> None:
    say = periodic_words.Say(whole.language, whole.values["time_zone"])
    text = squeezed(*(page.extract_text() for page in PdfReader(io.BytesIO(drawn)).pages))
    for one in whole.values["figures"]:
        shown = say.number(one["value"], one["unit"])
        assert squeezed(say.label(one), shown, str(len(one["tickets"]))) in text
    for row in listed(whole, say):
        assert squeezed(*row) in text


def the_table_says(table: bytes, whole: Whole, delimiter: str) -> None:
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig")), delimiter=delimiter))[1:]
    behind: dict[tuple[str, ...], list[str]] = {}
    figures = []
    for kind, *key, value, unit, shown, ticket in rows:
        if kind == "figure":
            behind[tuple(key)] = []
            figures.append((*key, unit, float(value) if value else None))
            assert read_back(shown.removeprefix("'"), unit, whole.language) == figures[-1][-1]
        elif kind == "ticket":
            behind[tuple(key)].append(ticket)
    of = whole.values["figures"]
    names = [(safe(one["section"]), safe(one["name"]), safe(one["about"])) for one in of]
    assert figures == [(*key, one["unit"], one["value"]) for key, one in zip(names, of, strict=True)]
    assert behind == {key: one["tickets"] for key, one in zip(names, of, strict=True)}
    for name in ("misses", "exclusions", "open", "planned"):
        told = [(row[7], row[2], row[4]) for row in rows if row[0] == name]
        assert told == [
            (one["number"], key, safe(str(cell)))
            for one in whole.values[name]
            for key, cell in one.items()
            if key != "number"
        ]


async def token(lived: Lived, who: Principal) -> str:
    now = datetime.now(UTC)
    return await lived.db.write(accounts.token_create, kind=who.kind, email=who.email, name="test", now=now)


async def content(person: Any, path: str) -> bytes:
    answer = await person.client.get(path, headers=person.headers)
    assert answer.status == 200, path
    return await answer.read()


@ON_SQLITE
async def test_page_paper_table_and_api_say_the_same_to_staff_and_customer_and_each_number_leads_to_its_tickets(
    lived, tmp_path
) -> None:
    staff = await supervisor(lived)
    looked_at: set[str] = set()
    async with serving(lived.db, tmp_path, requests_per_person=10_000) as pages:
        sue, sues = await pages.as_(staff), Caller(pages.client, await token(lived, staff))
        for (contract, period), whole in (await made(lived)).items():
            assert whole.view.state == "sent"
            people = await lived.db.read(periodic_schedule.recipients, whole.view.customer, contract, period)
            theirs = await lived.db.read(accounts.principal, "contact", people[0].id)
            contact, called = await pages.as_(theirs), Caller(pages.client, await token(lived, theirs))
            files = []
            for person, base, tickets in (
                (sue, "/desk/reports", "/desk/tickets"),
                (contact, "/portal/reports", "/portal/requests"),
            ):
                place = f"{base}/{contract}/{period}/1"
                the_page_says(await person.get(place), place, whole)
                for n, one in enumerate(whole.values["figures"]):
                    if one["tickets"]:
                        behind = await person.get(f"{place}/figures/{n}")
                        assert behind.status == 200, behind.words
                        found = re.findall(rf'href="{tickets}/(\d\d-\d{{6}})"', behind.text)
                        assert sorted(found) == sorted(set(one["tickets"])), (place, n)
                        looked_at |= {f"{tickets}/{number}" for number in found}
                files.append(await content(person, f"{place}/pdf"))
                the_table_says(await content(person, f"{place}/csv"), whole, ",")
                for address in looked_at:
                    if address.startswith(tickets):
                        assert (await person.get(address)).status == 200, address
                looked_at = {address for address in looked_at if address.startswith("/desk/")}
            the_paper_says(files[0], whole)
            for caller in (sues, called):
                api = await (await caller.get(f"/contracts/{contract}/reports/{period}/1")).json()
                for name in ("figures", "misses", "exclusions", "open", "planned"):
                    assert api[name] == whole.values[name]
            (letter,) = letters(lived, people[0].email, period)
            drawn, table = (one.content for one in letter.attachments)
            assert drawn == files[0] == files[1]
            the_table_says(table, whole, ";" if theirs.language == "it" else ",")


def letters(lived: Lived, address: str, period: str) -> Sequence[Any]:
    """The mails with this report to somebody."""
    found = [one for one in lived.sent if (one.kind, one.to.address) == ("periodic_report", address)]
    return [one for one in found if period in one.subject or period in one.text]
