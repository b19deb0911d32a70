"""When a ticket changes hands, nothing goes to the hands it left: only who asks now is written to."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from core.desk import page, people, requests, resolution, tickets, waiting
from core.desk.errors import DeskError, Invalid, NotFound, Refused
from core.envelope import Address
from core.ids import id_token
from core.store import tables
from tests.desk_at_work import CONFIGURED, PASSED, AtWork, at_work
from tests.desk_files import put

TWO_SIDES = CONFIGURED.replace(
    """  email = "bob@beta.test"
""",
    """  email = "bob@beta.test"
  [[customers.contacts]]
  name = "Bea"
  email = "bea@beta.test"
""",
)
ALICE_MOVES = TWO_SIDES.replace(
    """  [[customers.contacts]]
  name = "Alice"
  email = "alice@acme.test"
""",
    "",
).replace(
    """  [[customers.contacts]]
  name = "Bob"
""",
    """  [[customers.contacts]]
  name = "Alice"
  email = "alice@acme.test"
  [[customers.contacts]]
  name = "Bob"
""",
)
BETA: dict[str, Any] = {"customer": "BETA", "contact": "bob@beta.test"}


@pytest.fixture
async def desk(db):
    return await at_work(db, TWO_SIDES)


async def told(desk: AtWork) -> list[str]:
    """Whom everything that was due has left for."""
    desk.passes(minutes=2)
    desk.channel.sent.clear()
    await desk.work()
    return [outgoing.to.address for outgoing in desk.channel.sent]


async def why(desk: AtWork, number: str) -> dict[str, str]:
    """By address, whether an answer goes there, and why not, as the page of the ticket says."""
    shown = await desk.db.read(page.ticket, await desk.who("lea"), number, now=desk.now)
    return {one.address: one.why for thread in shown.threads for one in thread.participants}


async def answered(desk: AtWork, number: str) -> list[str]:
    await told(desk)
    await desk.do(tickets.reply, await desk.who("tom"), number, "Eccomi.")
    return await told(desk)


# --- Another requester ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [BETA, {"contact": "aldo@acme.test"}])
async def test_only_the_new_requester_is_written_to(desk, new):
    number = await desk.taken()

    await desk.qualify(number, **new)

    assert await told(desk) == [new["contact"]], "not even what was waiting goes to the old one"
    assert await answered(desk, number) == [new["contact"]]
    assert await why(desk, number) == {"alice@acme.test": "retired", new["contact"]: "written_to"}
    (old,) = await desk.rows(tables.participant, number, address="alice@acme.test")
    assert (old.state, old.since, old.changed_by) == (
        "retired",
        old.since,
        f"agent:{(await desk.who('tom')).id}",
    )


async def test_what_waited_for_the_old_requester_stays_on_record_as_withdrawn(desk):
    number = await desk.taken()
    await desk.do(tickets.reply, await desk.who("tom"), number, "Per Alice.")

    await desk.qualify(number, **BETA)

    states = {row.state for row in await desk.deliveries(number, address="alice@acme.test")}
    assert states <= {"withdrawn", "sent"}
    assert "withdrawn" in states


@pytest.mark.parametrize("new", [BETA, {"contact": "aldo@acme.test"}])
@pytest.mark.parametrize("by", ["token", "ref", "number"])
async def test_what_the_old_requester_writes_is_held(desk, new, by):
    number = await desk.taken()
    keys: dict[str, dict[str, Any]] = {
        "token": {"reply_tokens": (await desk.token(number, "alice@acme.test"),)},
        "ref": {"own_refs": (await desk.ref(number),)},
        "number": {"ticket_numbers": (number,)},
    }
    await desk.qualify(number, **new)

    done = await desk.mail("alice@acme.test", authentication=PASSED, **keys[by])

    assert (done.outcome, done.reason) == ("held", "retired")
    assert (await desk.inbound()).detail["trust"] == "aligned", (
        "the old reply address proves nothing any more"
    )


async def test_the_old_requester_sees_the_request_in_the_portal_no_more(desk):
    number = await desk.taken()
    alice = await desk.who("alice")

    await desk.qualify(number, contact="aldo@acme.test")

    with pytest.raises(NotFound):
        await desk.db.read(page.ticket, alice, number, now=desk.now)
    with pytest.raises(NotFound):
        await desk.do(requests.write, alice, number, "Ancora io.")


async def test_who_is_the_requester_again_is_written_to_again(desk):
    number = await desk.taken()
    await desk.qualify(number, **BETA)

    await desk.qualify(number, customer="ACME", contact="alice@acme.test")

    assert await answered(desk, number) == ["alice@acme.test"]


# --- What one customer said is not the other's ---------------------------------------------------------------


async def test_the_next_customer_reads_nothing_of_what_the_last_one_wrote_and_was_told(desk):
    number = await desk.taken(text="La cassaforte sta in cantina.")
    await desk.do(tickets.reply, await desk.who("ann"), number, "Il codice è 4711.")
    await told(desk)
    await desk.qualify(number, **BETA)
    desk.passes(minutes=1)
    await told(desk)

    await desk.do(tickets.reply, await desk.who("tom"), number, "Hello Bob.")
    desk.passes(minutes=2)
    await desk.work()

    (sent,) = [one for one in desk.channel.sent if one.kind == "reply"]
    assert (sent.to.address, sent.history, sent.in_reply_to) == ("bob@beta.test", (), "")
    shown = await desk.db.read(page.ticket, await desk.who("bob"), number, now=desk.now)
    words = " ".join(one.text for one in shown.messages)
    assert "Hello Bob." in words
    assert "cassaforte" not in words
    assert "4711" not in words
    inside = await desk.db.read(page.ticket, await desk.who("lea"), number, now=desk.now)
    assert "cassaforte" in " ".join(one.text for one in inside.messages), "it stays on record"


# --- A contact who moves -------------------------------------------------------------------------------------


async def test_a_contact_who_went_to_another_customer_gets_nothing_more_of_the_first_ones_tickets(desk):
    number = await desk.taken()
    await desk.do(tickets.reply, await desk.who("tom"), number, "Parte tra poco.")

    await desk.db.write(put, ALICE_MOVES, now=desk.now)

    assert await told(desk) == []
    assert await why(desk, number) == {"alice@acme.test": "outsider"}
    with pytest.raises(Refused, match="no conversation"):
        await desk.do(tickets.reply, await desk.who("tom"), number, "Eccomi.")
    await desk.do(tickets.include, await desk.who("tom"), number, address="Alice@ACME.test")
    assert await answered(desk, number) == ["alice@acme.test"], "a person of staff said so"


async def test_a_contact_of_another_customer_whose_message_was_taken_in_is_not_written_to(desk):
    number = await desk.taken()
    await desk.mail("bob@beta.test", reply_tokens=(await desk.token(number, "alice@acme.test"),))
    item = desk.last
    await desk.do(waiting.release, await desk.who("tom"), item, as_="message")
    await desk.understand(item, "bob@beta.test")

    assert await answered(desk, number) == ["alice@acme.test"]
    assert (await why(desk, number))["bob@beta.test"] == "visitor"


# --- Staff say who else --------------------------------------------------------------------------------------


async def test_staff_bring_somebody_in_and_take_them_out_again(desk):
    number = await desk.taken()

    await desk.do(tickets.include, await desk.who("tom"), number, address="eve@elsewhere.test")
    both = await answered(desk, number)
    await desk.do(tickets.exclude, await desk.who("tom"), number, address="eve@elsewhere.test")

    assert sorted(both) == ["alice@acme.test", "eve@elsewhere.test"]
    assert await answered(desk, number) == ["alice@acme.test"]
    kinds = [row.kind for row in await desk.events(number, "people.")]
    assert kinds == ["people.included", "people.excluded"]


@pytest.mark.parametrize(
    "address", ["", "nobody", "@acme.test", "a b@acme.test", "x@y.test\r\nBcc: z@z.test"]
)
async def test_what_is_no_address_is_nobody(desk, address):
    number = await desk.taken()

    with pytest.raises(Invalid):
        await desk.do(tickets.include, await desk.who("tom"), number, address=address)


async def test_a_customer_and_a_contact_that_contradict_each_other_open_and_change_nothing(desk):
    tom, number = await desk.who("tom"), await desk.taken()
    before = len(await desk.rows(tables.delivery))

    with pytest.raises(Invalid) as refusal:
        await desk.db.write(
            requests.open_request,
            tom,
            subject="X",
            text="Y",
            customer="ACME",
            contact="bob@beta.test",
            now=desk.now,
        )
    with pytest.raises(Invalid) as by_domain:
        await desk.db.write(
            requests.open_request,
            tom,
            subject="X",
            text="Y",
            customer="ACME",
            contact="new@beta.test",
            now=desk.now,
        )
    with pytest.raises(Invalid) as changed:
        await desk.qualify(number, customer="BETA", contact="aldo@acme.test")

    for refused in (refusal, by_domain, changed):
        assert [fault.pointer for fault in refused.value.faults] == ["/customer", "/contact"]
    assert len(await desk.rows(tables.ticket)) == 1
    assert len(await desk.rows(tables.delivery)) == before


# --- Where to answer -----------------------------------------------------------------------------------------


GROUP: dict[str, Any] = {
    "author": Address("it@acme.test", "'Aldo' via IT"),
    "reply_to": Address("aldo@acme.test", "Aldo"),
    "original_sender": Address("aldo@acme.test"),
    "may_auto_reply": False,
}


async def test_a_group_of_the_customer_is_answered_at_its_members_address(desk):
    number = (await desk.mail("it@acme.test", **GROUP)).number

    assert await why(desk, number) == {"it@acme.test": "answered_elsewhere", "aldo@acme.test": "written_to"}
    assert await answered(desk, number) == ["aldo@acme.test"]
    shown = await desk.db.read(page.ticket, await desk.who("lea"), number, now=desk.now)
    (said,) = [one for one in shown.messages if one.direction == "in"]
    assert (said.author_address, said.answers_to, said.written_for) == (
        "it@acme.test",
        "aldo@acme.test",
        "aldo@acme.test",
    )


async def test_the_member_who_is_answered_is_whose_request_it_is_once_staff_say_for_which_customer(desk):
    number = (await desk.mail("it@acme.test", **GROUP)).number

    await desk.qualify(number)

    assert (await desk.ticket(number)).requester_address == "aldo@acme.test"
    assert await answered(desk, number) == ["aldo@acme.test"]
    again = await desk.mail(
        "it@acme.test", own_refs=(await desk.ref(number),), authentication=PASSED, **GROUP
    )
    assert again.outcome == "attached", "what else the group says belongs to it"


@pytest.mark.parametrize("wanted", ["eve@evil.test", "bob@beta.test", "new@acme.test"])
async def test_anybody_else_whom_a_mail_names_for_answers_waits_for_staff(desk, wanted):
    number = (await desk.mail("alice@acme.test", reply_to=Address(wanted))).number

    assert await answered(desk, number) == ["alice@acme.test"]
    assert (await why(desk, number))[wanted] == "reply_to"
    await desk.do(tickets.include, await desk.who("tom"), number, address=wanted)
    await desk.do(tickets.exclude, await desk.who("tom"), number, address="alice@acme.test")
    assert await answered(desk, number) == [wanted]
    assert (await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))).outcome == "attached"


async def test_a_mail_that_asks_for_answers_at_our_own_address_is_answered_to_its_author(desk):
    ours = Address("support@desk.test")
    number = (await desk.mail("alice@acme.test", reply_to=ours, own_addresses=("support@desk.test",))).number

    assert await why(desk, number) == {"alice@acme.test": "written_to"}


async def test_who_asks_for_the_answer_themselves_again_gets_it(desk):
    number = (await desk.mail("alice@acme.test", reply_to=Address("aldo@acme.test"))).number
    assert await answered(desk, number) == ["aldo@acme.test"]

    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))

    assert sorted(await answered(desk, number)) == ["aldo@acme.test", "alice@acme.test"]


async def test_one_domain_written_in_two_ways_is_one_customer(desk):
    text = TWO_SIDES.replace('domains = ["acme.test"]', 'domains = ["acme.test", "Müller.test"]')
    await desk.db.write(put, text, now=desk.now)

    number = (await desk.mail("info@xn--mller-kva.test.")).number

    assert (await desk.ticket(number)).customer == "ACME"


# --- Every way at once ---------------------------------------------------------------------------------------


class Walk:
    """Acts of two customers and of staff in any order; what leaves is looked at as it leaves."""

    PEOPLE = (
        "alice@acme.test",
        "aldo@acme.test",
        "bob@beta.test",
        "bea@beta.test",
        "info@acme.test",
        "x@else.test",
    )

    def __init__(self, desk: AtWork, seed: int) -> None:
        self.desk, self.dice = desk, random.Random(seed)
        self.moved = False

    async def act(self) -> None:
        self.desk.passes(seconds=1)
        acts = (self.mail, self.qualify, self.reply, self.finish, self.move, self.release, self.look)
        with contextlib.suppress(DeskError):
            await self.dice.choices(acts, weights=(5, 5, 4, 1, 1, 1, 3))[0]()

    async def sides(self, address: str) -> set[str]:
        """Whose person this is now."""
        found = {one.customer for one in await self.desk.db.read(people.by_address, address)}
        return found or set(await self.desk.db.read(people.customers_of_domain, address.partition("@")[2]))

    async def number(self) -> str:
        found = await self.desk.rows(tables.ticket)
        return self.dice.choice(sorted(row.number for row in found))

    async def mail(self) -> None:
        sender = self.dice.choice(self.PEOPLE)
        said: dict[str, Any] = {"authentication": self.dice.choice((PASSED, PASSED, None))}
        said = {name: value for name, value in said.items() if value is not None}
        if self.dice.random() < 0.3:
            said["reply_to"] = Address(self.dice.choice(self.PEOPLE))
        if self.dice.random() < 0.3:
            said["cc"] = (Address(self.dice.choice(self.PEOPLE)),)
        found = await self.desk.rows(tables.delivery)
        if found and self.dice.random() < 0.7:
            row = self.dice.choice(sorted(found, key=lambda row: (row.created_at, row.address, row.kind)))
            said["own_refs"] = (id_token(row.id),)
            if self.dice.random() < 0.5:
                token = await self.desk.db.read(lambda tx: tx.facts.reply_token(row.thread_id, row.address))
                said["reply_tokens"] = (token,)
        owner = await self.sides(sender)
        await self.desk.mail(sender, text=f"Segreto di {next(iter(owner), 'nobody')}, da {sender}.", **said)

    async def qualify(self) -> None:
        given = self.dice.choice(
            (
                {"customer": "ACME", "contact": "alice@acme.test"},
                {"customer": "ACME", "contact": "aldo@acme.test"},
                BETA,
                {"customer": "BETA", "contact": "bea@beta.test"},
                {"contact": "aldo@acme.test"},
                {"contact": "bob@beta.test"},
                {"customer": "ACME"},
                {"customer": "BETA"},
            )
        )
        await self.desk.qualify(await self.number(), **given)

    async def reply(self) -> None:
        number = await self.number()
        of = (await self.desk.ticket(number)).customer
        await self.desk.do(tickets.reply, await self.desk.who("tom"), number, f"Segreto di {of or 'nobody'}.")

    async def finish(self) -> None:
        number, ann = await self.number(), await self.desk.who("ann")
        await self.desk.do(tickets.take, ann, number)
        await self.desk.do(resolution.resolve, ann, number, cause="other", text="Fatto.", minutes=5)

    async def move(self) -> None:
        self.moved = not self.moved
        await self.desk.db.write(put, ALICE_MOVES if self.moved else TWO_SIDES, now=self.desk.now)

    async def release(self) -> None:
        held = await self.desk.rows(tables.inbound, outcome="held", open=True)
        if held:
            await self.desk.do(waiting.release, await self.desk.who("lea"), held[0].id, as_="message")
            await self.desk.understand(held[0].id, held[0].author, text="Segreto di nobody.")

    async def look(self) -> None:
        self.desk.passes(minutes=2)
        self.desk.channel.sent.clear()
        await self.desk.work()
        for sent in self.desk.channel.sent:
            ticket = await self.desk.ticket(sent.ticket_number)
            sides = await self.sides(sent.to.address)
            if ticket.customer is None:
                continue
            assert not sides or ticket.customer in sides, (sent.to.address, ticket.customer, sent.kind)
            if sent.to.address == "x@else.test":
                assert ticket.requester_address == sent.to.address
            other = {"ACME": "BETA", "BETA": "ACME"}[ticket.customer]
            words = [sent.text] + [one.text for one in sent.history]
            foreign = [text for text in words if f"Segreto di {other}" in text]
            assert all(f"da {sent.to.address}" in text for text in foreign), (sent.to.address, words)


@pytest.mark.parametrize("seed", range(12))
async def test_however_tickets_change_hands_nothing_is_delivered_to_the_wrong_side(desk, seed):
    walk = Walk(desk, seed)
    await desk.mail("alice@acme.test", text="Segreto di ACME, da alice@acme.test.")
    for _ in range(50):
        await walk.act()
    await walk.look()
