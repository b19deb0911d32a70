"""Two contacts turn out to be one person: found by either address, with the requests of both; and it can be taken back."""

from __future__ import annotations

import pytest

from core.desk import accounts, books, case, identities, linking, merging, offers, people, search, tickets
from core.desk.configuration import export
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.chatting import CHAT, connects, writes_by_chat
from tests.desk_at_work import PASSED, AtWork, at_work
from tests.desk_files import put


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def merge(desk: AtWork, one: str = "aldo", into: str = "alice") -> None:
    """Aldo is Alice, unless told otherwise."""
    ids = [(await desk.who(name)).id for name in (one, into)]
    await desk.db.write(merging.merge, await desk.who("lea"), *ids, now=desk.now)


async def unmerge(desk: AtWork) -> None:
    aldo = (await desk.who("aldo")).id
    await desk.db.write(merging.unmerge, await desk.who("lea"), aldo, now=desk.now)


async def sees(desk: AtWork, name: str = "alice") -> list[str]:
    """Numbers of the requests that they see in the portal now."""
    who = await desk.db.read(accounts.principal, "contact", (await desk.who(name)).id)
    found = await desk.db.read(search.tickets, who, view="open")
    return sorted(row.number for row in found.items)


async def test_mail_from_either_address_is_of_one_person_and_answered_where_it_came_from(desk):
    await merge(desk)

    number = await desk.qualified("aldo@acme.test")

    row = await desk.ticket(number)
    assert (row.contact, row.requester_name) == ((await desk.who("alice")).id, "Alice")
    await desk.do(tickets.reply, await desk.who("tom"), number, "Arriviamo.")
    assert (await desk.deliveries(number, kind="reply"))[0].address == "aldo@acme.test"


async def test_who_goes_on_sees_the_requests_of_both_and_each_has_theirs_again_afterwards(desk):
    hers = (await desk.mail("alice@acme.test")).number
    his = (await desk.mail("aldo@acme.test")).number
    assert (await sees(desk), await sees(desk, "aldo")) == ([hers], [his])

    await merge(desk)
    assert (await sees(desk), await sees(desk, "aldo")) == ([hers, his], [hers, his])

    await unmerge(desk)
    assert (await sees(desk), await sees(desk, "aldo")) == ([hers], [his])


async def test_a_log_in_under_the_old_name_is_of_the_person(desk):
    aldo, alice = await desk.who("aldo"), await desk.who("alice")
    await desk.db.write(lambda tx: tx.update(tables.contact, {"id": aldo.id}, password_hash="x"))
    found = await desk.db.read(accounts.account, "aldo@acme.test")
    cookie, _ = await desk.db.write(accounts.begin, found, device="", limits=accounts.Limits(), now=desk.now)

    await merge(desk)

    signed = await desk.db.read(accounts.principal_of_cookie, cookie, accounts.Limits(), now=desk.now)
    assert signed is None
    assert (await desk.db.read(accounts.account, "aldo@acme.test")).person == alice.id


async def test_an_account_of_the_old_name_is_of_the_person_and_listed_with_theirs(desk):
    await connects(desk, "aldo")
    await merge(desk)

    done = await desk.mail(CHAT, channel="telegram")

    alice = await desk.who("alice")
    assert (await desk.ticket(done.number)).contact == alice.id
    assert [row.address for row in await desk.db.read(identities.proved, alice.id)] == [CHAT]
    who = await desk.db.read(accounts.principal, "contact", alice.id)
    await desk.db.write(linking.disconnect, who, CHAT, now=desk.now)
    assert await desk.db.read(linking.mine, who) == []


async def test_two_addresses_of_one_person_in_one_request_are_answered_once(desk):
    number = await desk.two_people()
    await merge(desk)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Arriviamo.")

    assert len(await desk.deliveries(number, kind="reply")) == 1


async def test_the_person_answers_into_what_began_under_the_old_name(desk):
    number = await desk.qualified("aldo@acme.test")
    await merge(desk)
    await connects(desk)
    await writes_by_chat(desk, number)

    done = await desk.mail("alice@acme.test", ticket_numbers=(number,), authentication=PASSED)

    assert done.number == number


async def test_forms_offer_who_goes_on_and_the_old_address_names_them(desk):
    before = await desk.db.read(offers.of_customer, "ACME")
    await merge(desk)

    after = await desk.db.read(offers.of_customer, "ACME")
    assert len(after.contacts) == len(before.contacts) - 1
    number = (await desk.mail("eve@evil.test")).number
    await desk.qualify(number, customer="ACME", contact="aldo@acme.test")
    assert (await desk.ticket(number)).contact == (await desk.who("alice")).id


async def test_the_configuration_comes_and_goes_and_the_merge_stays(desk):
    await merge(desk)

    file = await desk.db.read(export.export)
    assert "aldo@acme.test" in file
    await desk.db.write(put, file, now=desk.now)

    (found,) = await desk.db.read(people.by_address, "aldo@acme.test")
    assert found.email == "alice@acme.test"


async def test_the_books_notice_who_was_merged_into_nobody(desk):
    await merge(desk)
    assert (await desk.db.read(books.verify)).faults == ()

    await desk.db.write(lambda tx: tx.run(tables.contact.update().values(merged_into="nobody")))

    assert "contact merged into nobody" in {one.kind for one in (await desk.db.read(books.verify)).faults}


async def test_it_is_on_record_and_leaders_alone_do_it(desk):
    aldo, alice = (await desk.who("aldo")).id, (await desk.who("alice")).id
    with pytest.raises(Forbidden):
        await desk.db.write(merging.merge, await desk.who("tom"), aldo, alice, now=desk.now)

    await merge(desk)
    await unmerge(desk)

    told = [
        (row.kind, row.data)
        for row in await desk.rows(tables.event, ticket_id=case.ADMINISTRATION)
        if row.kind.startswith("contact.")
    ]
    about = {"contact": aldo, "into": alice}
    assert told == [("contact.merged", about), ("contact.unmerged", about)]


async def test_what_cannot_be_one_person_is_refused_with_words(desk):
    lea = await desk.who("lea")
    aldo, alice = (await desk.who("aldo")).id, (await desk.who("alice")).id

    async def refused(one: str, into: str) -> str:
        with pytest.raises((Refused, Invalid, NotFound)) as found:
            await desk.db.write(merging.merge, lea, one, into, now=desk.now)
        return getattr(found.value, "code", str(found.value))

    assert await refused(alice, (await desk.who("bob")).id) == "merge_customers"
    assert "no contact 'nobody@acme.test'" in await refused(alice, "nobody@acme.test")
    assert "same contact" in await refused(alice, alice)
    assert "there is no contact" in await refused("x", alice)
    with pytest.raises(Refused):
        await unmerge(desk)
    await merge(desk)
    assert await refused(aldo, alice) == "merge_twice"
    assert await refused(alice, aldo) == "merge_twice"
    await desk.db.write(lambda tx: tx.update(tables.contact, {"id": aldo}, active=False, merged_into=None))
    assert await refused(aldo, alice) == "merge_left"
