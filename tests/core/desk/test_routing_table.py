"""The routing table is edited whole or not at all; before that it says what it would have changed; closed groups are waited for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import assigning, placing, prioritising, routing_table, routing_trial, tickets
from core.desk.errors import Forbidden, Invalid, Refused
from core.rules.routing import Rule
from core.store import tables
from tests.desk_at_work import CONFIGURED, MONDAY, AtWork, at_work
from tests.desk_files import put


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


def plain(rules) -> list[dict[str, object]]:
    return [{name: getattr(rule, name) for name in routing_table.FIELDS} for rule in rules]


async def mailed(desk: AtWork, **fields: object) -> str:
    return await desk.qualify((await desk.mail("alice@acme.test")).number, **fields)


async def boss(desk: AtWork):
    await desk.db.write(lambda tx: tx.update(tables.agent, {"email": "lea@hub.test"}, roles=["supervisor"]))
    return await desk.who("lea")


async def test_a_table_is_saved_whole_and_counts_at_once(desk):
    lea = await boss(desk)
    before = await desk.db.read(routing_table.table, lea)
    rules = [{"technology": "Network", "group": "Systems"}, *plain(before.rules)]

    await desk.do(routing_table.save, lea, rules, version=before.version)

    after = await desk.db.read(routing_table.table, lea)
    assert after.rules == (Rule(group="Systems", technology="Network"), *before.rules)
    assert (await desk.ticket(await desk.qualified())).desk_group == "Systems"
    with pytest.raises(Refused, match="meanwhile"):
        await desk.do(routing_table.save, lea, [], version=before.version)
    with pytest.raises(Forbidden, match="supervisor"):
        await desk.do(routing_table.save, await desk.who("tom"), rules, version=None)


async def test_a_line_to_a_group_that_does_not_exist_is_refused_with_its_place_and_nothing_is_kept(desk):
    lea = await boss(desk)
    before = await desk.db.read(routing_table.table, lea)

    with pytest.raises(Invalid) as refusal:
        await desk.do(
            routing_table.save,
            lea,
            [
                {"technology": "Network", "group": "Nobody"},
                {"customer": "NADA", "level": 7, "group": "Systems"},
            ],
            version=None,
        )

    assert [fault.pointer for fault in refusal.value.faults] == [
        "/rules/0/group",
        "/rules/1/customer",
        "/rules/1/level",
    ]
    assert await desk.db.read(routing_table.table, lea) == before


async def test_a_trial_names_the_tickets_that_would_have_gone_elsewhere_and_writes_nothing(desk):
    number = await desk.qualified()
    other = await mailed(desk, technology="Server")
    desk.passes(hours=2)
    lea = await desk.who("lea")
    rules = [Rule(group="Systems", technology="Network")]
    events = await desk.rows(tables.event, number)

    found = await desk.db.read(routing_trial.run, lea, rules, days=1, now=desk.now)

    assert found.looked_at == 2
    assert [(one.number, one.was, one.would_be) for one in found.differences] == [
        (number, "Network L1", "Systems")
    ]
    assert other not in {one.number for one in found.differences}
    assert found.moves == (("Network L1", "Systems", 1),)
    assert found.differences[0].why.rule == "rule 1"
    assert await desk.rows(tables.event, number) == events
    later = desk.now + timedelta(days=2)
    assert (await desk.db.read(routing_trial.run, lea, rules, days=1, now=later)).looked_at == 0


async def closed(desk: AtWork, *, assigns: bool = False) -> None:
    """The group of networks works by day and has nobody to hand over to."""
    by_day = CONFIGURED.replace(
        'name = "Network L1"',
        f'name = "Network L1"\ncalendar = "Office"\nassigns = {str(assigns).lower()}',
        1,
    )
    await desk.db.write(put, by_day, now=desk.now)


async def test_a_closed_group_is_waited_for_and_asked_again_when_it_opens(desk):
    await closed(desk)
    desk.now = MONDAY + timedelta(hours=12)  # 22:00 in Rome
    number = await desk.qualified()

    ticket = await desk.ticket(number)
    routed = (await desk.events(number, "ticket.routed"))[-1]
    assert (ticket.desk_group, routed.data["reachable"], routed.data["by"]) == ("Network L1", False, "waits")
    jobs = [row for row in await desk.rows(tables.job) if row.kind == "route-again"]
    assert [job.due for job in jobs] == [MONDAY + timedelta(hours=23)], "Tuesday at 09:00"

    desk.now = jobs[0].due
    await desk.db.write(placing.again, ticket.id, now=desk.now)
    routed = (await desk.events(number, "ticket.routed"))[-1]
    assert (routed.data["reachable"], routed.data["by"]) == (True, "hours")


async def test_a_group_that_assigns_gives_a_ticket_to_who_is_there_has_room_and_was_idle_longest(desk):
    await closed(desk, assigns=True)
    ann = await desk.who("ann")
    number = await desk.qualified()
    assert (await desk.ticket(number)).assignee is None, "nobody is there: it stays with the group"

    await desk.db.write(
        lambda tx: tx.insert(
            tables.sign_in,
            hash="x",
            kind="agent",
            person=ann.id,
            csrf="",
            created_at=desk.now,
            seen_at=desk.now,
            expires_at=desk.now + timedelta(days=1),
            device="",
        )
    )
    number = await desk.qualified()
    assert (await desk.ticket(number)).assignee == ann.id
    assert (await desk.events(number, "ticket.assigned"))[-1].data["agent"] == ann.id

    await desk.do(assigning.set_away, ann, desk.now + timedelta(hours=1))
    assert (await desk.ticket(await desk.qualified())).assignee is None
    with pytest.raises(Invalid, match="to come"):
        await desk.do(assigning.set_away, ann, desk.now - timedelta(hours=1))
    with pytest.raises(Forbidden):
        await desk.do(assigning.set_away, ann, None, email="tom@hub.test")


async def test_a_priority_set_by_hand_keeps_who_why_and_what_the_matrix_says(desk):
    number = await desk.qualified()
    tom = await desk.who("tom")
    computed = (await desk.ticket(number)).priority

    await desk.do(prioritising.override, tom, number, priority="P1", reason="The mayor is on the phone.")
    await desk.qualify(number, impact=3, urgency=4)

    ticket = await desk.ticket(number)
    assert (ticket.priority, ticket.provenance["priority"]) == ("P1", "agent")
    event = (await desk.events(number, "ticket.prioritised"))[-1]
    assert (event.actor, event.data["computed"], event.data["by_hand"]) == (tom.actor, computed, True)
    assert (await desk.rows(tables.note, number))[-1].text == "The mayor is on the phone."
    with pytest.raises(Invalid, match="P1, P2"):
        await desk.do(prioritising.override, tom, number, priority="P9", reason="Because.")
    await desk.do(prioritising.override, tom, number, priority=None, reason="It was not so urgent.")
    assert (await desk.ticket(number)).priority == "P4"


async def test_who_is_very_important_and_what_is_dangerous_is_more_urgent(desk):
    number = await mailed(desk, impact=3, urgency=3)
    assert (await desk.ticket(number)).priority == "P3"
    await desk.do(tickets.qualify, await desk.who("tom"), number, safety=True)
    assert (await desk.ticket(number)).priority == "P2"

    await desk.db.write(lambda tx: tx.update(tables.contact, {"email": "alice@acme.test"}, vip=True))
    await desk.do(tickets.qualify, await desk.who("tom"), number, safety=False)
    assert (await desk.ticket(number)).priority == "P2"
    own = {str(impact): dict.fromkeys("1234", "P4") for impact in (1, 2, 3)}
    table = (
        "priorities = { "
        + ", ".join(f"{i} = {{ " + ", ".join(f'{u} = "P4"' for u in row) + " }" for i, row in own.items())
        + " }"
    )
    await desk.db.write(put, CONFIGURED.replace('code = "ACME"', f'code = "ACME"\n{table}', 1), now=desk.now)
    await desk.db.write(lambda tx: tx.update(tables.contact, {"email": "alice@acme.test"}, vip=False))
    assert (await desk.ticket(await mailed(desk, impact=1, urgency=1))).priority == "P4"
