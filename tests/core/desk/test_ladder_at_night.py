"""A P1 at three in the morning: who is on duty is called until somebody says that they know, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.calling import Dial
from core.channel import DeliveryError
from core.desk import books, call_out, intake, page, page_answers, tasks, tickets
from core.desk.errors import NotFound, Refused
from core.envelope import Address, Arrival
from core.facts import HubFacts
from core.store import tables
from tests.core.desk.test_duties import WITH_PHONES
from tests.desk_at_work import AtWork, a_mail, at_work
from tests.desk_files import put
from tests.fakes import FakeChannel

ROTAS = """
[[agents]]
email = "sue@hub.test"
name = "Sue"
phone = "+393405559999"
reach = ["call"]
roles = ["supervisor"]
[[rotas]]
name = "Network"
groups = ["Network L1"]
  [[rotas.layers]]
  members = ["ann@hub.test"]
  starts = 2026-01-01
[[rotas]]
name = "Second"
duty = "second"
  [[rotas.layers]]
  members = ["tom@hub.test"]
  starts = 2026-01-01
[[rotas]]
name = "Leaders"
duty = "shift-leader"
  [[rotas.layers]]
  members = ["lea@hub.test"]
  starts = 2026-01-01
  handoff = "20:00"
  length = "12h"
[[rotas]]
name = "Supervisors"
duty = "supervisor"
fallback = "+390455550900"
  [[rotas.layers]]
  members = ["sue@hub.test"]
  starts = 2026-01-01
"""
NIGHT = WITH_PHONES.replace("[[customers]]", ROTAS + "\n[[customers]]", 1)
THREE = datetime(2026, 10, 25, 0, 58, tzinfo=UTC)
"""Two minutes before three in Rome, when the clocks go back to two."""


class Telephone(FakeChannel):
    """A line that calls whom it is told to call, and keeps what it was told."""

    dialled: list[Dial]

    async def dial(self, dial: Dial) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.dialled.append(dial)


@pytest.fixture
def facts() -> HubFacts:
    key = b"a key of 32 bytes for the tests."
    return HubFacts(name="Desk", token_key=key, mails_by="email", texts_by="sms", dials=True)


@pytest.fixture
async def night(db) -> AtWork:
    desk = await at_work(db, NIGHT)
    phone = Telephone(name="phone")
    phone.dialled = []
    desk.also = [FakeChannel(name="sms"), phone]
    desk.now = THREE
    return desk


async def a_p1(desk: AtWork) -> str:
    return await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)


async def minutes(desk: AtWork, count: int) -> None:
    for _ in range(count):
        await desk.work()
        desk.passes(minutes=1)
    await desk.work()


async def rungs(desk: AtWork, number: str) -> list[tuple[str, int]]:
    return [(row.data["rung"], row.data["round"]) for row in await desk.events(number, "ticket.paged")]


def dialled(desk: AtWork) -> list[str]:
    return [one.operator for one in desk.also[1].dialled]


async def alarms(desk: AtWork) -> list[str]:
    return [one.kind for one in await desk.db.read(tasks.mine, await desk.who("lea")) if one.alarm]


async def test_nobody_answers_and_the_ladder_is_climbed_to_its_last_rung_three_times_and_then_an_alarm(night):
    number = await a_p1(night)

    for _ in range(12):
        await night.work()
        night.passes(minutes=5)
    climbed, before = await rungs(night, number), await alarms(night)
    await night.work()

    once = ["on_call", "second", "shift_leader", "supervisor"]
    assert climbed == [(rung, n) for n in range(3) for rung in once]
    assert (before, await alarms(night)) == ([], ["ladder_exhausted"])
    # Ann by text message and then by telephone; the last rung is Sue, who wants to be called, and the number of last resort.
    assert dialled(night)[:5] == [
        "+393405550097",
        "+393405550116",
        "+393405550108",
        "+393405559999",
        "+390455550900",
    ]
    sms = night.also[0].sent
    assert sms[0].to.address == "+393405550097"
    assert number in sms[0].text
    await night.do(tickets.take, await night.who("ann"), number)
    assert await alarms(night) == []
    night.passes(minutes=30)
    await night.work()
    assert len(await rungs(night, number)) == len(climbed)
    assert (await night.db.read(books.verify, now=night.now)).faults == ()


async def test_an_acknowledgement_stops_every_rung_and_who_comes_second_is_told_who_was_quicker(night):
    number = await a_p1(night)
    ann, tom = await night.who("ann"), await night.who("tom")
    await minutes(night, 5)  # Tom's telephone would ring at the next minute

    await night.do(page_answers.know, ann, number)
    with pytest.raises(Refused) as refused:
        await night.do(page_answers.know, tom, number)
    night.passes(minutes=14)
    await night.work()

    assert refused.value.code == "already_acknowledged"
    assert "Ann" in str(refused.value)
    assert await rungs(night, number) == [("on_call", 0), ("second", 0)]
    assert "+393405550116" not in dialled(night)
    assert {row.state for row in await night.deliveries(number, kind="page")} == {"sent", "withdrawn"}
    assert await night.db.read(page_answers.mine, tom, now=night.now) == ()
    night.passes(minutes=1)  # a quarter of an hour, and it is not taken
    await night.work()
    assert (await rungs(night, number))[-1] == ("shift_leader", 0)


async def test_who_is_called_to_a_ticket_of_another_group_opens_it_and_takes_it(night):
    of_systems = 'name = "Network"\ngroups = ["Systems"]\n  [[rotas'
    changed = NIGHT.replace('name = "Network"\ngroups = ["Network L1"]\n  [[rotas', of_systems)
    await night.db.write(put, changed, now=night.now)
    number, ann = await a_p1(night), await night.who("ann")
    await night.do(tickets.assign, await night.who("lea"), number, group="Systems")
    with pytest.raises(NotFound):
        await night.db.read(page.ticket, ann, number, now=night.now)
    await night.work()

    seen = await night.db.read(page.ticket, ann, number, now=night.now)
    await night.do(page_answers.know, ann, number)
    await night.do(tickets.take, ann, number)

    assert "take" in seen.allowed
    assert (await night.ticket(number)).assignee == ann.id


async def test_key_1_of_the_call_and_the_code_of_the_text_message_acknowledge(night):
    number = await a_p1(night)
    await minutes(night, 1)
    (dial,) = night.also[1].dialled
    assert dial.number == ""
    assert "Prem" in dial.whisper[0].text

    said = await night.db.write(call_out.dialled, dial.call, "operator", now=night.now)

    assert "entro 15 minuti" in said[0].text
    (event,) = await night.events(number, "ticket.page_seen")
    assert event.data["how"] == "call"
    # The text message comes second, and is answered: it is Ann's own.
    code = next(row.code for row in await night.rows(tables.page, number))
    reply = a_mail("", channel="sms", author=Address("+393405550097"), text=f" {code}. ", subject=code)
    raw = Arrival(channel="sms", raw=b"sms", received_at=night.now, external_id="SM1", sender="+393405550097")
    done = await night.db.write(intake.receive, raw, reply, now=night.now)
    await night.work()
    assert (done.outcome, done.reason) == ("machine", "page_acknowledged")
    assert "segnato" in night.also[0].sent[-1].text


async def test_a_telephone_that_does_not_answer_is_on_record_and_the_ladder_goes_on(night):
    number = await a_p1(night)
    await minutes(night, 1)
    (dial,) = night.also[1].dialled
    await night.db.write(call_out.dialled, dial.call, "no_answer", now=night.now)
    night.also[1].fails_with = DeliveryError("no line")
    await minutes(night, 7)

    failed = [row for row in await night.deliveries(number, channel="phone") if row.state == "given_up"]
    assert [(row.address, row.error) for row in failed] == [
        ("+393405550097", "no_answer"),
        ("+393405550116", "no line"),
    ]
    assert await rungs(night, number) == [("on_call", 0), ("second", 0)]


async def test_a_page_for_what_was_resolved_meanwhile_is_not_sent_and_a_p3_calls_nobody(night):
    quiet = await night.qualified("aldo@acme.test")
    number = await a_p1(night)
    await minutes(night, 0)
    await night.do(tickets.take, await night.who("ann"), number)
    night.passes(minutes=10)
    await night.work()

    assert await rungs(night, quiet) == []
    assert dialled(night) == []
    assert {row.state for row in await night.deliveries(number, kind="page")} == {"sent", "withdrawn"}


async def test_outside_the_hours_of_the_contract_nobody_is_rung_until_it_opens(night):
    number = await night.qualify(
        (await night.mail("alice@acme.test")).number or "", technology="Server", impact=1, urgency=1
    )
    await minutes(night, 2)
    assert await rungs(night, number) == []

    night.now = datetime(2026, 10, 26, 8, 0, 1, tzinfo=UTC)
    await night.work()
    assert len(await rungs(night, number)) == 1
