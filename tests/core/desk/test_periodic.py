"""A report of a contract and a period says the same on its page, on paper, in its table and over the API, and is the same next month."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfReader

from core import reporting
from core.desk import (
    books,
    periodic,
    periodic_schedule,
    periodic_table,
    periodic_values,
    periodic_words,
    prioritising,
    resolution,
    subscriptions,
)
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.desk.subscriptions import What
from core.store import tables
from tests.desk_at_work import CONFIGURED, SOLUTION, AtWork, at_work

LED = (
    CONFIGURED.replace(
        'roles = ["shift-leader"]',
        'roles = ["shift-leader"]\n[[agents]]\nemail = "sue@hub.test"\nname = "Sue"\nroles = ["supervisor"]',
    )
    .replace('email = "aldo@acme.test"', 'email = "aldo@acme.test"\n  role = "manager"')
    .replace(
        "[slas.targets.P4]",
        '[slas.targets.P2]\nresponse = "1h"\nrestore = "6h"\nresolve = "8h"\n[slas.targets.P4]',
    )
)
OCTOBER = datetime(2026, 10, 20, 7, tzinfo=UTC)  # the clock is set back in the night of the 25th
END = datetime(2026, 10, 31, 23, tzinfo=UTC)


@pytest.fixture
async def desk(db) -> AtWork:
    desk = await at_work(db, LED)
    desk.now = OCTOBER
    return desk


async def values(desk: AtWork, period: str = "2026-10", contract: str = "C-1", *, draft: bool = False):
    of = await desk.db.read(periodic_values.wanted, contract, period, draft=draft, now=desk.now)
    return (await desk.db.read(periodic.made, of)).values


def figure(of, name: str, about: str = ""):
    return next(one for one in of["figures"] if (one["name"], one["about"]) == (name, about))


async def test_what_is_done_after_the_end_does_not_change_the_report(desk):
    solved = await desk.resolved()
    left = await desk.taken()
    desk.now = END + timedelta(hours=1)
    before = await values(desk)
    ann = await desk.who("ann")
    await desk.do(resolution.resolve, ann, left, **SOLUTION)
    await desk.do(resolution.reopen, await desk.who("lea"), solved, reason="It came back.")
    await desk.do(prioritising.override, ann, solved, priority="P1", reason="The whole site is down.")
    desk.passes(days=3)
    await desk.mail("alice@acme.test", "Rete ferma di nuovo")

    assert await values(desk) == before
    assert figure(before, "received")["tickets"] == [solved, left]
    assert figure(before, "resolved")["tickets"] == [solved]
    assert figure(before, "backlog")["tickets"] == [left]
    assert figure(before, "backlog_age", "8-30")["tickets"] == [left]
    november = await values(desk, "2026-11", draft=True)
    assert figure(november, "resolved")["tickets"] == [left]


async def test_a_large_report_is_made_by_a_process_of_its_own_and_says_the_same(desk, monkeypatch):
    await desk.resolved()
    await desk.taken()
    desk.now = END + timedelta(hours=9)
    lea = await desk.who("lea")
    await desk.db.write(periodic.ask, lea, "C-1", "2026-10", now=desk.now)
    await desk.work()
    monkeypatch.setattr(periodic, "made_if_small", lambda tx, of: None)
    await desk.db.write(periodic.ask, lea, "C-1", "2026-10", now=desk.now)
    await desk.work()
    small, large = [await desk.db.read(periodic.whole, lea, "C-1", "2026-10", n) for n in (1, 2)]
    assert large.values == small.values == await values(desk)
    said = [re.sub(r"[0-9a-f]{64}|/[12]\b", "", one.html.partition("</header>")[2]) for one in (small, large)]
    assert said[0] == said[1] != ""


async def test_what_keeps_a_report_from_being_made_is_told(desk):
    desk.now = END + timedelta(hours=9)
    of = await desk.db.read(periodic_values.wanted, "C-1", "2026-10", draft=False, now=desk.now)
    with pytest.raises(RuntimeError, match=r"ended with 1: ValueError: .* must begin with sqlite:"):
        await reporting.beside("nowhere://", of)


async def test_a_report_that_is_read_in_more_than_one_go_is_the_same(desk, monkeypatch):
    numbers = [await desk.resolved() for _ in range(3)]
    desk.now = END + timedelta(hours=9)
    of = await desk.db.read(periodic_values.wanted, "C-1", "2026-10", draft=False, now=desk.now)
    whole = await desk.db.read(periodic.made_if_small, of)
    monkeypatch.setattr(periodic_values, "SLICE", 2)
    assert await desk.db.read(periodic.made_if_small, of) is None
    assert await desk.db.read(periodic.made, of) == whole
    assert figure(whole.values, "received")["tickets"] == numbers


async def test_a_period_that_is_not_over_is_refused_unless_it_is_a_draft(desk):
    lea, sue, tom = [await desk.who(name) for name in ("lea", "sue", "tom")]
    with pytest.raises(Refused, match="not over"):
        await desk.db.write(periodic.ask, lea, "C-1", "2026-10", now=desk.now)
    with pytest.raises(Refused, match="not begun"):
        await desk.db.write(periodic.ask, lea, "C-1", "2027", draft=True, now=desk.now)
    with pytest.raises(Invalid, match="no period"):
        await desk.db.write(periodic.ask, lea, "C-1", "October", now=desk.now)
    with pytest.raises(NotFound):
        await desk.db.write(periodic.ask, lea, "C-9", "2026-09", now=desk.now)
    with pytest.raises(Forbidden):
        await desk.db.write(periodic.ask, tom, "C-1", "2026-09", now=desk.now)
    await desk.db.write(periodic.ask, lea, "C-1", "2026-10", draft=True, now=desk.now)
    await desk.work()
    with pytest.raises(Refused, match="make it anew"):
        await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-10", 1, now=desk.now)
    assert (await desk.db.read(periodic.whole, sue, "C-1", "2026-10", 1)).view.draft


async def test_a_report_says_the_same_on_its_page_on_paper_and_in_its_table_and_goes_out_once_approved(desk):
    desk.draws = True
    await desk.resolved(subject="=HYPERLINK(0)")
    await desk.taken(subject="=HYPERLINK(1)")
    desk.now = END + timedelta(hours=9)
    lea, sue, aldo, alice = [await desk.who(name) for name in ("lea", "sue", "aldo", "alice")]
    await desk.db.write(periodic.ask, lea, "C-1", "2026-10", now=desk.now)
    await desk.db.write(periodic.ask, lea, "C-1", "2026-10", now=desk.now)
    await desk.work()
    with pytest.raises(NotFound):
        await desk.db.read(periodic.whole, aldo, "C-1", "2026-10", 1)
    with pytest.raises(Forbidden):
        await desk.db.write(periodic_schedule.approve, lea, "C-1", "2026-10", 1, now=desk.now)
    assert await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-10", 1, now=desk.now) == 1
    desk.channel.sent.clear()
    await desk.work()

    (sent,) = [one for one in desk.channel.sent if one.kind == "periodic_report"]
    assert sent.to.address == "aldo@acme.test"
    token = sent.unsubscribe.rpartition("/")[2]
    assert (await desk.db.read(subscriptions.of_token, token)).what is What.REPORTS
    drawn, table = (one.content for one in sent.attachments)
    seen = await desk.db.read(periodic.whole, aldo, "C-1", "2026-10", 1)
    assert (seen.view.state, seen.deliveries) == ("sent", ())
    (told,) = (await desk.db.read(periodic.whole, sue, "C-1", "2026-10", 1)).deliveries
    assert (told.address, told.state) == ("aldo@acme.test", "sent")
    with pytest.raises(NotFound):
        await desk.db.read(periodic.whole, alice, "C-1", "2026-10", 1)
    assert table.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig")), delimiter=";"))
    on_paper = "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(drawn)).pages).split())
    on_page = "".join(html.unescape(re.sub(r"<[^>]+>", "", seen.html)).split())
    say = periodic_words.Say("it", "Europe/Rome")
    in_table = [row for row in rows if row[0] == "figure"]
    assert len(in_table) == len(seen.values["figures"]) > 40
    for one, row in zip(seen.values["figures"], in_table, strict=True):
        shown = say.number(one["value"], one["unit"])
        assert row[6] == periodic_table.safe(shown)
        assert "".join(f"{say.label(one)}{shown}{len(one['tickets'])}".split()) in on_paper
        assert "".join(f"{say.label(one)}{shown}{len(one['tickets'])}".split()) in on_page
        behind = [r[7] for r in rows if r[0] == "ticket" and r[1:4] == row[1:4]]
        assert behind == one["tickets"]
    assert [row[4] for row in rows if row[2] == "subject"] == ["'=HYPERLINK(1)"]
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_whoever_wants_no_more_reports_by_mail_gets_none_and_staff_see_why(desk):
    desk.now = END + timedelta(hours=9)
    lea, sue, aldo = [await desk.who(name) for name in ("lea", "sue", "aldo")]
    link = await desk.db.write(
        subscriptions.link_for, periodic_schedule.LETTER, "Aldo@acme.test", now=desk.now
    )
    assert await desk.db.write(subscriptions.end, link.rpartition("/")[2], now=desk.now)

    await desk.db.write(periodic.ask, lea, "C-1", "2026-10", now=desk.now)
    await desk.work()
    await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-10", 1, now=desk.now)
    await desk.work()

    assert [one for one in desk.channel.sent if one.kind == "periodic_report"] == []
    seen = await desk.db.read(periodic.whole, sue, "C-1", "2026-10", 1)
    assert [(one.state, one.error) for one in seen.deliveries] == [
        ("failed", "they want no more reports by mail (unsubscribed)")
    ]
    assert (await desk.db.read(periodic.whole, aldo, "C-1", "2026-10", 1)).html, "it stays in the portal"
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_a_contract_gets_its_reports_by_itself_and_a_refused_one_goes_to_nobody(desk):
    sue = await desk.who("sue")
    plan = periodic_schedule.plan
    with pytest.raises(Invalid, match="no contact"):
        await desk.db.write(plan, sue, "C-1", "month", recipients=["bob@beta.test"], now=desk.now)
    with pytest.raises(Invalid, match="not one of"):
        await desk.db.write(plan, sue, "C-1", "year", now=desk.now)
    await desk.db.write(plan, sue, "C-1", "month", recipients=["Alice@acme.test"], now=desk.now)
    await desk.db.write(periodic_schedule.look, now=desk.now)
    await desk.work()
    assert await desk.db.read(periodic.reports, sue) == ()

    desk.now = END + timedelta(hours=6)
    for _ in range(2):
        await desk.db.write(periodic_schedule.look, now=desk.now)
        await desk.work()
    (made,) = await desk.db.read(periodic.reports, sue)
    assert (made.period, made.state, made.by) == ("2026-10", "made", "")
    whole = await desk.db.read(periodic.whole, sue, "C-1", "2026-10", 1)
    assert "non è arrivata" in whole.html
    with pytest.raises(Invalid):
        await desk.db.write(periodic.refuse, sue, "C-1", "2026-10", 1, " ", now=desk.now)
    await desk.db.write(periodic.refuse, sue, "C-1", "2026-10", 1, "Not this one.", now=desk.now)
    with pytest.raises(Refused, match="refused"):
        await desk.db.write(periodic_schedule.approve, sue, "C-1", "2026-10", 1, now=desk.now)
    assert await desk.rows(tables.report_delivery) == []
    chosen = await desk.db.read(periodic_schedule.recipients, "ACME", "C-1", "2026-10")
    assert [one.email for one in chosen] == ["alice@acme.test"]
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_what_was_used_of_the_contract_and_what_is_left_stand_in_the_report(db):
    line = 'name = "Network"\n    technologies = ["Network"]'
    desk = await at_work(db, LED.replace(line, f'{line}\n    measure = "hours"\n    quantity = 2'))
    desk.now = OCTOBER
    solved = await desk.resolved()
    desk.passes(minutes=1)
    found = await values(desk, draft=True)
    spent = figure(found, "used", "C-1 Network")
    assert (spent["unit"], spent["value"], spent["tickets"]) == ("minutes", 30, [solved])
    assert figure(found, "left", "C-1 Network")["value"] == 90
