"""What an edited contract, routing table or service level would have done to tickets of before; nothing is written by asking."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from core.desk import replay, resolution, tickets
from core.desk.configuration import checking
from core.desk.errors import Forbidden, Invalid
from core.desk.replay import Replayed
from core.rules.replaying import Measured
from core.store import tables
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work

FASTER = """
[[slas]]
name = "Gold"
[slas.targets.P1]
response = "15m"
restore = "4h"
resolve = "8h"
[slas.targets.P3]
response = "2h"
restore = "1h"
resolve = "24h"
"""
ROUTING = """
[[routing]]
technology = "Network"
group = "Systems"
"""
NO_NETWORK = """
[[customers]]
name = "Acme S.p.A."
code = "ACME"
  [[customers.contracts]]
  number = "C-1"
  valid_from = 2026-01-01
  valid_until = 2026-12-31
    [[customers.contracts.lines]]
    name = "Server by day"
    technologies = ["Server"]
    calendar = "Office"
    sla = "Gold"
"""


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def three(desk: AtWork) -> list[str]:
    """Solved after half an hour, after two hours, and not at all."""
    numbers = []
    for minutes in (30, 120, None):
        number = await desk.taken(authentication=PASSED, subject=f"Rete {minutes}")
        if minutes is not None:
            desk.passes(minutes=minutes)
            await desk.do(resolution.resolve, await desk.who("ann"), number, **SOLUTION)
        numbers.append(number)
    desk.passes(minutes=30)
    return numbers


async def play(desk: AtWork, text: str, who: str = "lea", limit: int = 2) -> Replayed:
    whole, after, principal = Replayed(), None, await desk.who(who)
    edited = checking.read(text)
    while True:
        part = await desk.db.read(
            replay.run,
            principal,
            edited,
            since=desk.now - timedelta(days=1),
            until=desk.now + timedelta(seconds=1),
            after=after,
            limit=limit,
            now=desk.now,
        )
        whole, after = whole.plus(part), part.last
        if after is None:
            return whole


async def checksum(desk: AtWork) -> str:
    def everything(tx):
        return sorted(repr(tx.all(table.select())) for table in tables.metadata.tables.values())

    return hashlib.sha256(repr(await desk.db.read(everything)).encode()).hexdigest()


async def test_a_shorter_target_says_which_tickets_would_have_missed_it(desk):
    quick, slow, running = await three(desk)
    before = await checksum(desk)

    found = await play(desk, FASTER)

    assert await checksum(desk) == before
    assert (found.looked_at, found.different) == (3, 3)
    assert (found.was["restore", "met"], found.was["restore", "running"]) == (2, 1)
    assert {name: found.would_be[name] for name in found.would_be if name[0] == "restore"} == {
        ("restore", "met"): 1,
        ("restore", "missed"): 1,
        ("restore", "running"): 1,
    }
    by_number = {one.number: one for one in found.differences}
    (restore,) = by_number[slow].clocks
    received = by_number[slow].received_at
    assert restore.was == Measured(due=received + timedelta(hours=8), state="met")
    assert restore.would_be == Measured(due=received + timedelta(hours=1), state="missed")
    assert by_number[quick].clocks[0].would_be.state == "met"
    assert by_number[running].verdict is None


async def test_another_table_says_who_would_have_had_them(desk):
    await three(desk)
    before = await checksum(desk)

    found = await play(desk, ROUTING)

    assert await checksum(desk) == before
    assert found.groups == {("Network L1", "Systems"): 3}
    assert all(one.clocks == () for one in found.differences)


async def test_a_contract_without_the_line_says_what_it_would_have_answered(desk):
    await three(desk)
    before = await checksum(desk)

    found = await play(desk, NO_NETWORK)

    assert await checksum(desk) == before
    assert found.verdicts == {("covered", "out_of_scope"): 3}
    assert {one.line for one in found.differences} == {("Network", "")}


async def test_the_desk_as_it_is_makes_no_difference(desk):
    await three(desk)
    number = await desk.taken(authentication=PASSED)
    await desk.do(tickets.workaround, await desk.who("ann"), number, "4G")
    same = CONFIGURED[CONFIGURED.index("[[slas]]") : CONFIGURED.index("[[request_types]]")]

    found = await play(desk, same)

    assert (found.looked_at, found.different, found.differences) == (4, 0, ())


async def test_who_leads_plays_and_what_is_wrong_is_said(desk):
    with pytest.raises(Forbidden):
        await play(desk, ROUTING, who="ann")
    for wrong in (
        '[[groups]]\nname = "New"\n',
        ROUTING.replace("Systems", "Nobody"),
        NO_NETWORK.replace('code = "ACME"', 'code = "NONE"'),
        NO_NETWORK.replace('sla = "Gold"', 'sla = "Platinum"'),
    ):
        with pytest.raises(Invalid):
            await play(desk, wrong)
