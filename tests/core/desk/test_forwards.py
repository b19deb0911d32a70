"""A request that a colleague passed on is offered to whom the forward names, and becomes theirs by a click."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.desk import forwards, page
from core.desk.errors import Forbidden, Refused
from core.envelope import Address
from core.facts import Mail
from core.store import tables
from core.store.opening import open_database
from tests.desk_at_work import PASSED, AtWork, at_work

FORWARD = {"forward": True, "forwarded_from": Address("alice@acme.test", "Alice")}


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def forwarded(desk: AtWork, sender: str = "ann@hub.test", **said) -> str:
    done = await desk.mail(sender, "I: Rete ferma", "Vedi sotto.", **(FORWARD | said))
    assert done.outcome == "ticket"
    await desk.work()
    return str(done.number)


async def offered(desk: AtWork, number: str, who: str = "tom") -> str:
    shown = await desk.db.read(page.ticket, await desk.who(who), number, now=desk.now)
    return str(shown.offered_requester)


async def test_whom_a_colleagues_forward_names_becomes_the_requester_by_a_click(desk):
    number = await forwarded(desk)
    assert await offered(desk, number) == "alice@acme.test"

    await desk.do(forwards.take, await desk.who("tom"), number)

    row = await desk.ticket(number)
    alice = await desk.who("alice")
    assert (row.customer, row.contact, row.requester_address) == ("ACME", alice.id, "alice@acme.test")
    assert await offered(desk, number) == ""
    people = {one.address: (one.role, one.state) for one in await desk.rows(tables.participant, number)}
    assert people["alice@acme.test"] == ("requester", "joined")
    assert people["ann@hub.test"][1] == "retired", "who passed it on is not written to"
    shown = await desk.db.read(page.ticket, alice, number, now=desk.now)
    assert "Vedi sotto." not in [one.text for one in shown.messages], "words among colleagues"
    with pytest.raises(Refused):
        await desk.do(forwards.take, await desk.who("tom"), number)


async def test_somebody_whom_nobody_knows_is_the_requester_with_the_customer_of_their_domain(desk):
    number = await forwarded(desk, forwarded_from=Address("new@acme.test", "New"))

    await desk.do(forwards.take, await desk.who("tom"), number)

    row = await desk.ticket(number)
    assert (row.customer, row.requester_address, row.requester_name) == ("ACME", "new@acme.test", "New")
    people = {one.address: (one.role, one.state) for one in await desk.rows(tables.participant, number)}
    assert people["new@acme.test"] == ("requester", "joined")


async def test_the_remark_stands_at_the_message(desk):
    await forwarded(desk)

    (said,) = await desk.rows(tables.message, direction="in")
    assert "forwarded, written by: alice@acme.test" in said.notes


@pytest.mark.parametrize("sender", ["aldo@acme.test", "eve@evil.test"])
async def test_only_what_a_colleague_forwards_is_offered(desk, sender):
    number = await forwarded(desk, sender)

    assert await offered(desk, number) == ""
    with pytest.raises(Refused):
        await desk.do(forwards.take, await desk.who("tom"), number)


OURS = Address("support@desk.test", "Desk")


async def test_a_mail_of_our_own_that_a_colleague_forwards_makes_the_desk_nobodys_requester(desk):
    proof = {"forwarded_signer": "desk.test", "authentication": PASSED}

    number = await forwarded(desk, forwarded_from=OURS, own_addresses=(OURS.key,), **proof)

    assert (await desk.ticket(number)).requester_address == "ann@hub.test"
    assert await offered(desk, number) == ""
    with pytest.raises(Refused):
        await desk.do(forwards.take, await desk.who("tom"), number)


async def test_our_own_address_is_offered_no_more_where_it_was(desk):
    number = await forwarded(desk, forwarded_from=OURS)
    tom = await desk.who("tom")
    open_ = open_database(desk.db.url, replace(desk.db.facts, mail=Mail(addresses=(OURS.key,))))
    try:
        assert (await open_.read(page.ticket, tom, number, now=desk.now)).offered_requester == ""
        with pytest.raises(Refused):
            await open_.write(forwards.take, tom, number, now=desk.now)
    finally:
        open_.close()


async def test_a_customer_takes_nothing(desk):
    number = await forwarded(desk)
    await desk.do(forwards.take, await desk.who("tom"), number)

    with pytest.raises(Forbidden):
        await desk.do(forwards.take, await desk.who("alice"), number)
