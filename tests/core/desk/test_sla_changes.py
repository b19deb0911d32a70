"""A service level is edited: what that changes is told before, and open tickets come under it when somebody says so."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.desk import books, clock_standing, resolution, sla_changes, sla_editor, tickets, timing
from core.desk.case import Case
from core.desk.configuration.document import SlaPart
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.desk_at_work import CONFIGURED, SOLUTION, AtWork, at_work
from tests.desk_files import put

SUE = '[[agents]]\nemail = "sue@hub.test"\nname = "Sue"\nroles = ["supervisor"]\n'
GOLD = {
    "P1": {
        "response": "15m",
        "update": "1h",
        "restore": "4h",
        "resolve": "8h",
        "resolve_after_workaround": "5d",
    },
    "P3": {"response": "2h", "restore": "8h", "resolve": "24h"},
    "P4": {"response": "4h", "resolve": "48h"},
}
SHORTER = {**GOLD, "P3": {"response": "30m", "restore": "8h", "resolve": "32h"}}


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, CONFIGURED + SUE)


def gold(targets=SHORTER, *, retroactive: bool = True) -> SlaPart:
    return SlaPart(name="Gold", targets=targets, retroactive=retroactive)


async def save(desk: AtWork, part: SlaPart, **said):
    sue = await desk.who("sue")
    given = {"why": "il contratto nuovo", "now": desk.now} | said
    return await desk.db.write(sla_editor.save, sue, part, **given)


async def apply(desk: AtWork) -> None:
    await desk.db.write(sla_changes.begin, await desk.who("sue"), "Gold", now=desk.now)
    await desk.work()


async def look(desk: AtWork, part: SlaPart) -> sla_editor.Impact:
    sue = await desk.who("sue")
    found = await desk.db.read(sla_editor.preview, sue, part, after=None, limit=100, now=desk.now)
    assert found.last is None
    return found.impact


async def some(desk: AtWork) -> dict[str, str]:
    """One that nobody took, one at work, one that waits, one that is solved, one of who has no contract."""
    found = {}
    for name in ("new", "working", "waiting", "solved"):
        mail = await desk.mail("alice@acme.test", f"Rete {name}", f"Non va {name}.")
        found[name] = await desk.qualify(mail.number or "")
    lea = await desk.who("lea")
    for name in ("working", "waiting", "solved"):
        await desk.do(tickets.take, lea, found[name])
    await desk.do(tickets.wait, lea, found["waiting"], "Quale?")
    await desk.do(resolution.resolve, lea, found["solved"], **SOLUTION)
    found["other"] = (await desk.mail("gina@gamma.test")).number or ""
    return found


async def cached(desk: AtWork, number: str) -> None:
    """The cache is what the events say."""
    ticket = await desk.ticket(number)
    rows = await desk.rows(tables.sla_clock, number)
    standing = await desk.db.read(clock_standing.of_ticket, ticket.id, now=desk.now)
    levels = {(row.name, row.cycle): row.level for row in rows}
    assert [row._asdict() for row in rows] == sorted(
        (
            {"ticket_id": ticket.id, **timing._row(one), "level": levels[one.name, one.cycle]}
            for one in standing
        ),
        key=lambda row: row["name"],
    )
    running = [row.due_at for row in rows if row.state == "running" and row.due_at]
    assert ticket.next_due == min(running, default=None)


async def test_what_was_told_before_is_what_happens_and_the_books_balance(desk):
    numbers = await some(desk)
    desk.passes(hours=1)
    await desk.work()
    before = {number: await desk.clocks(number) for number in numbers.values()}
    seen = await look(desk, gold())
    await save(desk, gold())
    assert await look(desk, gold()) == seen, "kept or not, it is the same"
    assert (await desk.clocks(numbers["new"]))["response"].target_s == 7200, "what runs keeps its promise"

    await apply(desk)

    after = {number: await desk.clocks(number) for number in numbers.values()}
    moved = {"earlier": 0, "later": 0, "breached": 0, "kept": 0}
    for number, were in before.items():
        pairs = [(were[name], after[number][name]) for name in were]
        due = [(old.due_at, new.due_at) for old, new in pairs if old.due_at and new.due_at]
        moved["earlier"] += any(new < old for old, new in due)
        moved["later"] += any(new > old for old, new in due)
        moved["breached"] += any(new.breached_at and not old.breached_at for old, new in pairs)
        moved["kept"] += any(old.breached_at and not new.breached_at for old, new in pairs)
        await cached(desk, number)
    assert {name: getattr(seen, name) for name in moved} == moved
    assert (seen.looked_at, seen.tickets) == (4, 3)
    assert moved == {"earlier": 1, "later": 2, "breached": 1, "kept": 0}
    for name in ("new", "working", "waiting"):
        (event,) = await desk.events(numbers[name], "clock.relevel")
        assert event.data["cause"] == "Gold"
    assert await desk.events(numbers["solved"], "clock.relevel") == []
    assert await desk.events(numbers["other"], "clock.relevel") == []
    assert after[numbers["waiting"]]["resolve"].due_at is None, "its pause goes on"
    assert (await look(desk, gold())).tickets == 0
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_second_time_moves_nothing_and_nobody_is_told_twice(desk):
    number = (await some(desk))["new"]
    desk.passes(hours=1)
    await save(desk, gold())
    await apply(desk)
    desk.passes(seconds=2)
    await desk.work()
    told = [row.subject for row in desk.channel.warned]
    assert any("Scaduto" in subject for subject in told), "what is late at a stroke is told"
    count = len(await desk.events(number, "clock."))

    await apply(desk)
    await save(desk, gold(GOLD))
    await apply(desk)  # late no more: that it was stays on record
    await save(desk, gold())
    await apply(desk)
    desk.passes(seconds=2)
    await desk.work()

    assert [row.subject for row in desk.channel.warned] == told
    later = [row.kind for row in await desk.events(number, "clock.")][count:]
    assert later == ["clock.relevel", "clock.relevel"]
    assert len(await desk.events(number, "clock.breached")) == 1
    await cached(desk, number)
    assert (await desk.db.read(books.verify)).faults == ()


async def test_a_level_that_counts_from_the_change_begins_there(desk):
    number = (await some(desk))["new"]
    desk.passes(hours=1)
    part = gold(retroactive=False)
    said = await desk.db.read(sla_editor.differences, await desk.who("sue"), part)
    assert [(one.priority, one.field, one.before, one.after) for one in said] == [
        ("P3", "response", "2h", "30m"),
        ("P3", "resolve", "24h", "32h"),
        ("", "retroactive", "yes", "no"),
    ]
    assert (await look(desk, part)).breached == 0
    await save(desk, part)
    await apply(desk)

    response = (await desk.clocks(number))["response"]
    assert (response.started_at, response.due_at) == (desk.now, desk.now + timedelta(minutes=30))
    assert (await desk.clocks(number))["restore"].started_at < desk.now, "its promise is the same"
    await cached(desk, number)


async def test_an_edited_calendar_is_not_applied_by_the_way(desk):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", technology="Server")
    before = (await desk.clocks(number))["resolve"]
    office = CONFIGURED.replace("mon-fri 14:00-18:00", "mon-fri 14:00-16:00") + SUE
    await desk.db.write(put, office, now=desk.now)
    await save(desk, gold())
    await apply(desk)
    after = (await desk.clocks(number))["resolve"]
    assert (after.calendar, after.target_s) == (before.calendar, 32 * 3600)

    by_day_and_night = {**SHORTER, "P3": {**SHORTER["P3"], "calendar": "24x7"}}
    await save(desk, gold(by_day_and_night))
    await apply(desk)
    moved = (await desk.clocks(number))["resolve"]
    assert moved.due_at == moved.started_at + timedelta(hours=32), "another calendar is another promise"

    await save(desk, gold({**by_day_and_night, "P3": {**by_day_and_night["P3"], "restore": "2wd"}}))
    await apply(desk)
    assert (await desk.clocks(number))["restore"].due_at == moved.started_at + timedelta(days=2)
    await cached(desk, number)
    await apply(desk)
    assert len(await desk.events(number, "clock.relevel")) == 3


async def test_a_slice_is_a_transaction_and_the_next_goes_on_after_it(desk):
    await some(desk)
    await save(desk, gold())

    def one(tx, after):
        return sla_changes.apply(tx, sla_editor._level(gold()), after=after, limit=1, now=desk.now)

    after, slices = sla_changes.FIRST, 0
    while (after := await desk.db.write(one, after)) is not None:
        slices += 1
    assert slices == 3, "one for each ticket it moves"
    assert (await look(desk, gold())).tickets == 0


async def test_the_job_goes_on_by_itself_after_each_slice(desk, monkeypatch):
    monkeypatch.setattr(sla_changes, "LOOKED", 1)
    await some(desk)
    await save(desk, gold())
    await apply(desk)
    assert (await look(desk, gold())).tickets == 0
    assert await desk.rows(tables.job, kind=sla_changes.KIND) == []


async def test_what_changed_since_it_was_looked_at_is_heard(desk):
    numbers = await some(desk)
    level = sla_editor._level(gold())

    def again(tx, number_id, of):
        sla_changes._retarget(Case.open(tx, number_id, now=desk.now), of)

    for name, of in (("solved", level), ("other", level), ("new", sla_editor._level(gold(GOLD)))):
        await desk.db.write(again, (await desk.ticket(numbers[name])).id, of)
    gone = SimpleNamespace(payload={"sla": "Lead", "after": sla_changes.FIRST})
    assert await desk.db.write(sla_changes.go_on, gone, now=desk.now) is None

    for number in numbers.values():
        assert await desk.events(number, "clock.relevel") == []


async def test_a_workaround_that_holds_is_promised_what_comes_after_one(desk):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)
    lea = await desk.who("lea")
    await desk.do(tickets.take, lea, number)
    await desk.do(tickets.workaround, lea, number, "Usate l'altra.")
    assert (await desk.clocks(number))["resolve"].target_s == 5 * 86400
    await save(desk, gold({**GOLD, "P1": {**GOLD["P1"], "resolve_after_workaround": "3d"}}))
    await apply(desk)

    clocks = await desk.clocks(number)
    assert (clocks["resolve"].target_s, clocks["restore"].state) == (3 * 86400, "met")
    await cached(desk, number)


async def test_who_changed_it_and_why_is_kept(desk):
    view = await desk.db.read(sla_editor.level, await desk.who("sue"), "Gold")
    await save(desk, gold(), seen=view.version)
    with pytest.raises(Refused) as changed:
        await save(desk, gold(GOLD), seen=view.version)
    assert changed.value.code == "changed"
    (latest, first) = await desk.db.read(sla_editor.history, await desk.who("lea"), "Gold")
    assert (latest.by, latest.why) == ("Sue", "il contratto nuovo")
    assert [(one.field, one.after) for one in latest.differences] == [("response", "30m"), ("resolve", "32h")]
    assert (first.by, first.why) == ("", "")


async def test_only_who_leads_the_desk_writes_and_every_mistake_stands_at_its_field(desk):
    with pytest.raises(Forbidden, match="supervisor"):
        await desk.db.write(sla_changes.begin, await desk.who("lea"), "Gold", now=desk.now)
    with pytest.raises(NotFound):
        await desk.db.read(sla_editor.levels, await desk.who("alice"))
    with pytest.raises(NotFound):
        await desk.db.write(sla_changes.begin, await desk.who("sue"), "Lead", now=desk.now)
    with pytest.raises(NotFound):
        await desk.db.read(sla_editor.level, await desk.who("sue"), "Lead")
    with pytest.raises(Invalid, match="/name"):
        await look(desk, SlaPart(name=" "))
    with pytest.raises(Invalid) as wrong:
        await save(
            desk,
            gold({"P1": {"response": "soon", "calendar": "Moon", "tea": "1h"}, "P9": {}}),
            why=" ",
            new=True,
        )
    assert [fault.pointer for fault in wrong.value.faults] == [
        "/targets/P1/response",
        "/targets/P1/calendar",
        "/targets/P1/tea",
        "/targets/P9",
        "/why",
        "/name",
    ]
