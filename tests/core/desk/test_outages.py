"""An outage notice reaches exactly those it concerns, and whoever asked is told of its end, once, on their channel."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core import texts
from core.channel import DeliveryError
from core.desk import books, outages, publishing, reference, sending
from core.desk.errors import Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.outages import Known
from core.desk.principal import Principal
from core.envelope import Kind
from core.ids import id_token
from core.store import tables
from core.store.tx import Row
from tests.desk_at_work import CONFIGURED, PASSED, AtWork, at_work

WORDS = {
    "it": {"title": "Rete di Verona", "text": "La fibra è interrotta."},
    "en": {"title": "Network in Verona", "text": "The fibre is cut."},
}
NEWS = {"it": "La squadra è sul posto.", "en": "The team is there."}
NETWORK_IN_VERONA: dict[str, Any] = {"sites": [("ACME", "Verona")], "technologies": ["Network"]}


class Outages:
    """A desk at work, and what its staff and customers do about outages."""

    def __init__(self, desk: AtWork) -> None:
        self.desk = desk

    async def publish(self, by: str = "tom", **fields: Any) -> str:
        desk = self.desk
        given = {"words": WORDS, "since": desk.now - timedelta(minutes=10)} | fields
        return await desk.db.write(publishing.publish, await desk.who(by), now=desk.now, **given)

    async def act(self, verb: Any, outage: str, by: str = "tom", **fields: Any) -> int:
        return await self.desk.db.write(verb, await self.desk.who(by), outage, now=self.desk.now, **fields)

    async def known(self, customer: str | None, **about: Any) -> list[Known]:
        return await self.desk.db.read(
            lambda tx: outages.concerning(tx, customer=customer, now=self.desk.now, **about)
        )

    async def tell(self, outage: str, who: Principal, **more: Any) -> str:
        given = {
            "customer": who.customer,
            "contact": who.id,
            "channel": "email",
            "address": who.email,
            "name": who.name,
            "language": who.language,
        }
        return await self.desk.db.write(outages.tell_me, outage, now=self.desk.now, **(given | more))

    async def one(self, outage: str) -> Row:
        return (await self.desk.rows(tables.outage, id=outage))[0]

    async def asked(self) -> dict[str, str]:
        """Address to state of who asked."""
        return {row.address: row.state for row in await self.desk.rows(tables.outage_subscriber)}

    async def told(self) -> list[tuple[str, str, str]]:
        """(address, kind, subject) of what left since the last time."""
        await self.desk.work()
        found = [(one.to.address, one.kind, one.subject) for one in self.desk.channel.sent]
        self.desk.channel.sent.clear()
        return found


@pytest.fixture
async def desk(db) -> Outages:
    return Outages(await at_work(db, CONFIGURED.replace('status = "suspended"', 'status = "active"')))


# --- Whom it concerns ---------------------------------------------------------------------------------------


async def test_a_notice_is_known_to_those_it_concerns_and_to_nobody_else(desk):
    outage = await desk.publish(**NETWORK_IN_VERONA, next_update=desk.desk.now + timedelta(hours=1))

    (known,) = await desk.known("ACME")
    assert (known.id, known.title, known.text, known.news) == (
        outage,
        "Rete di Verona",
        "La fibra è interrotta.",
        "",
    )
    assert (known.since, known.next_update) == (
        desk.desk.now - timedelta(minutes=10),
        desk.desk.now + timedelta(hours=1),
    )
    assert await desk.known("ACME", contact_sites=("Verona",), technologies=("Network",))
    assert not await desk.known("ACME", contact_sites=("Roma",))
    assert not await desk.known("ACME", technologies=("Server",))
    assert not await desk.known("BETA")
    assert not await desk.known(None)


async def test_what_a_contract_does_not_cover_is_no_outage_of_that_customer(desk):
    await desk.publish(technologies=["Network"])

    assert await desk.known("ACME")
    assert await desk.known("BETA"), "a line for everything covers it"
    assert not await desk.known("GAMMA"), "has no contract"
    desk.desk.passes(days=365)
    assert not await desk.known("ACME"), "the contract has run out"


async def test_an_outage_of_everybody_is_told_to_callers_nobody_knows(desk):
    await desk.publish()

    assert [known.title for known in await desk.known(None)] == ["Rete di Verona"]


async def test_it_is_told_in_the_language_of_who_asks_where_it_was_published_in_it(desk):
    await desk.publish(customers=["BETA"])
    await desk.publish(words={"it": WORDS["it"]}, customers=["BETA"], since=desk.desk.now - timedelta(days=1))

    first, second = await desk.known("BETA")
    assert (first.language, first.title) == ("en", "Network in Verona")
    assert (second.language, second.title) == ("it", "Rete di Verona")
    assert (await desk.known("BETA", language="it"))[0].title == "Rete di Verona"


async def test_the_newest_update_is_what_is_known_and_after_the_end_nothing_is(desk):
    outage = await desk.publish(customers=["ACME"])

    await desk.act(publishing.update, outage, words=NEWS, next_update=desk.desk.now + timedelta(hours=2))
    (known,) = await desk.known("ACME")
    assert (known.news, known.next_update) == ("La squadra è sul posto.", desk.desk.now + timedelta(hours=2))

    await desk.act(publishing.end, outage)
    assert not await desk.known("ACME")


async def test_an_update_may_say_that_it_concerns_others_than_was_thought(desk):
    outage = await desk.publish(customers=["ACME"])

    await desk.act(publishing.update, outage, words=NEWS, customers=["BETA"])

    assert not await desk.known("ACME")
    assert await desk.known("BETA")


# --- Who may, and what is refused ---------------------------------------------------------------------------


async def test_the_contact_centre_and_leaders_publish_technicians_and_customers_do_not(desk):
    await desk.publish(by="tom")
    outage = await desk.publish(by="lea")
    for verb, fields in (
        (publishing.update, {"words": NEWS}),
        (publishing.end, {}),
        (publishing.cancel, {"reason": "x"}),
    ):
        with pytest.raises(Forbidden):
            await desk.act(verb, outage, by="ann", **fields)
        with pytest.raises(NotFound):
            await desk.act(verb, outage, by="alice", **fields)
    for nobody in ("ann", "alice"):
        with pytest.raises(Forbidden):
            await desk.publish(by=nobody)


async def test_every_mistake_in_a_notice_is_named_with_its_place(desk):
    with pytest.raises(Invalid) as wrong:
        await desk.publish(
            words={"it": {"title": "x" * 121, "text": " "}, "fr": {"title": "Réseau", "text": "Coupure."}},
            since=desk.desk.now + timedelta(hours=1),
            next_update=desk.desk.now,
            customers=["NOBODY"],
            sites=[("ACME", "Roma")],
            technologies=["Alchemy"],
        )

    assert {fault.pointer for fault in wrong.value.faults} == {
        "/words/it/title",
        "/words/it/text",
        "/words/fr",
        "/since",
        "/next_update",
        "/customers",
        "/sites",
        "/technologies",
    }
    with pytest.raises(Invalid) as wrong:
        await desk.publish(words={})
    assert [fault.pointer for fault in wrong.value.faults] == ["/words"]


async def test_an_update_is_in_every_language_of_the_notice(desk):
    outage = await desk.publish(customers=["ACME"])

    with pytest.raises(Invalid) as wrong:
        await desk.act(publishing.update, outage, words={"it": "Ci siamo quasi."})
    assert [fault.pointer for fault in wrong.value.faults] == ["/words/en"]
    with pytest.raises(Invalid):
        await desk.act(publishing.end, outage, words={"it": "Fatto."})
    assert await desk.act(publishing.end, outage, words={"it": "", "en": " "}) == 2, (
        "nothing need be said at the end"
    )


async def test_the_same_form_twice_makes_one_notice_and_one_update(desk):
    first = await desk.publish(customers=["ACME"], idem="form 1")
    desk.desk.passes(minutes=1)
    assert await desk.publish(customers=["ACME"], idem="form 1") == first
    assert await desk.publish(by="lea", customers=["ACME"], idem="form 1") != first, "another's form"

    once = await desk.act(publishing.update, first, words=NEWS, idem="form 2")
    assert await desk.act(publishing.update, first, words=NEWS, idem="form 2") == once
    ended = await desk.act(publishing.end, first, idem="form 3")
    assert await desk.act(publishing.end, first, idem="form 3") == ended
    assert [row.kind for row in await desk.desk.rows(tables.outage_update, outage_id=first)] == [
        "published",
        "updated",
        "ended",
    ]


async def test_who_did_not_see_a_colleagues_update_is_shown_it_first(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.act(publishing.update, outage, by="lea", words=NEWS, seen=1)

    with pytest.raises(Stale) as stale:
        await desk.act(publishing.end, outage, seen=1)
    assert stale.value.last_event == 2
    assert [row.kind for row in stale.value.newer] == ["updated"]
    await desk.act(publishing.update, outage, by="lea", words=NEWS, seen=1)
    await desk.act(publishing.end, outage, seen=3)


async def test_what_is_over_is_not_ended_again(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.act(publishing.cancel, outage, reason="Era un test.")

    for verb, fields in (
        (publishing.update, {"words": NEWS}),
        (publishing.end, {}),
        (publishing.cancel, {"reason": "x"}),
    ):
        with pytest.raises(Refused):
            await desk.act(verb, outage, **fields)


# --- Acknowledgements ---------------------------------------------------------------------------------------


async def test_whoever_writes_is_told_of_the_outage_that_concerns_them_and_of_its_end(desk):
    outage = await desk.publish(**NETWORK_IN_VERONA, next_update=desk.desk.now + timedelta(hours=1))

    number = (await desk.desk.mail("alice@acme.test", authentication=PASSED)).number or ""
    other = (await desk.desk.mail("bob@beta.test", authentication=PASSED)).number or ""

    (received,) = await desk.desk.outward(number, "received")
    assert (
        "Siamo al corrente di un disservizio che La riguarda, in corso da lunedì 2 marzo 2026, 09:50 (CET): "
        "Rete di Verona. La fibra è interrotta.\n"
        "Il prossimo aggiornamento è previsto per lunedì 2 marzo 2026, 11:00 (CET).\n"
        "La avviseremo quando sarà terminato.\n"
    ) in received.text
    assert "Verona" not in (await desk.desk.outward(other, "received"))[0].text
    assert (await desk.desk.ticket(number)).flags == ["outage"]
    assert (await desk.desk.events(number, "outage."))[0].data == {"outage": outage}
    await desk.told()

    await desk.act(publishing.end, outage)

    assert [(to, kind) for to, kind, _ in await desk.told()] == [("alice@acme.test", "outage_ended")]
    assert [row.kind for row in await desk.desk.outward(number)] == ["received", "outage_ended"]
    assert (await desk.desk.ticket(number)).flags == []
    assert (await desk.desk.db.read(books.verify)).faults == ()


async def test_who_writes_twice_about_one_outage_is_told_of_its_end_once(desk):
    outage = await desk.publish(customers=["ACME"])
    numbers = [
        (await desk.desk.mail("alice@acme.test", subject=name, authentication=PASSED)).number for name in "ab"
    ]
    await desk.told()

    await desk.act(publishing.end, outage)

    assert [kind for _, kind, _ in await desk.told()] == ["outage_ended"]
    assert [(await desk.desk.ticket(number)).flags for number in numbers] == [[], []]


async def test_who_asked_in_the_portal_and_writes_as_well_is_told_of_the_end_once(desk):
    outage = await desk.publish(customers=["ACME"])
    alice = await desk.desk.who("alice")
    await desk.desk.db.write(outages.subscribe, alice, outage, by="portal", now=desk.desk.now)
    await desk.desk.mail("alice@acme.test", authentication=PASSED)
    assert await desk.tell(outage, alice, channel="sms", address="+390600001") == "already"
    await desk.told()

    await desk.act(publishing.end, outage)

    assert [(to, kind) for to, kind, _ in await desk.told()] == [("alice@acme.test", "outage_ended")]
    assert len(await desk.desk.rows(tables.outage_subscriber)) == 1


async def test_a_stranger_is_not_told_by_mail_what_does_not_work(desk):
    await desk.publish()

    number = (await desk.desk.mail("eve@elsewhere.test", authentication=PASSED)).number or ""

    assert all("Verona" not in row.text for row in await desk.desk.outward(number))
    assert await desk.asked() == {}


# --- Who asked is told --------------------------------------------------------------------------------------


async def test_who_asked_is_told_of_the_end_in_their_language_and_once(desk):
    outage = await desk.publish()
    alice, bob = await desk.desk.who("alice"), await desk.desk.who("bob")
    assert await desk.tell(outage, alice) == "added"
    assert await desk.tell(outage, alice, address="Alice@ACME.test") == "already"
    assert await desk.tell(outage, bob) == "added"

    await desk.act(publishing.update, outage, words=NEWS)
    assert await desk.told() == [], "who asked for the end is not told of progress"
    desk.desk.passes(hours=1)
    await desk.act(publishing.end, outage, words={"it": "Fibra riparata.", "en": "Fibre mended."})

    assert sorted(await desk.told()) == [
        ("alice@acme.test", "outage_ended", "Disservizio terminato: Rete di Verona"),
        ("bob@beta.test", "outage_ended", "Outage over: Network in Verona"),
    ]
    assert await desk.asked() == {"alice@acme.test": "told", "bob@beta.test": "told"}
    assert await desk.tell(outage, alice) == "over"


async def test_what_is_sent_says_what_it_was_and_when_it_ended(desk):
    outage = await desk.publish()
    await desk.tell(outage, await desk.desk.who("bob"))
    await desk.act(publishing.end, outage, words={"it": "Fibra riparata.", "en": "Fibre mended."})
    await desk.desk.work()

    (sent,) = desk.desk.channel.sent
    assert "Dear Bob," in sent.text
    assert "from Monday 2 March 2026, 08:50 (GMT) to Monday 2 March 2026, 09:00 (GMT)" in sent.text
    assert "Fibre mended." in sent.text
    assert (sent.automatic, sent.reply_token, sent.ticket_number) == (True, None, "")


async def test_who_wanted_every_update_is_told_each_one_once(desk):
    outage = await desk.publish(customers=["ACME"])
    alice = await desk.desk.who("alice")
    await desk.tell(outage, alice)
    assert await desk.tell(outage, alice, progress=True) == "already"

    await desk.act(publishing.update, outage, words=NEWS, next_update=desk.desk.now + timedelta(hours=1))
    await desk.act(publishing.update, outage, words=NEWS)
    assert [kind for _, kind, _ in await desk.told()] == ["outage_updated", "outage_updated"]
    await desk.act(publishing.end, outage)
    assert [kind for _, kind, _ in await desk.told()] == ["outage_ended"]


async def test_a_notice_that_was_a_mistake_is_taken_back_with_those_who_asked(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.tell(outage, await desk.desk.who("alice"))

    await desk.act(publishing.cancel, outage, reason="Cliente sbagliato.")

    assert await desk.told() == [("alice@acme.test", "outage_cancelled", "Avviso ritirato: Rete di Verona")]
    assert not await desk.known("ACME")


async def test_whom_it_no_longer_concerns_hears_nothing(desk):
    outage = await desk.publish()
    await desk.tell(outage, await desk.desk.who("alice"), progress=True)
    await desk.tell(outage, await desk.desk.who("bob"), progress=True)

    await desk.act(publishing.update, outage, words=NEWS, customers=["BETA"])
    await desk.act(publishing.end, outage)

    assert {address for address, _, _ in await desk.told()} == {"bob@beta.test"}
    assert await desk.asked() == {"alice@acme.test": "quiet", "bob@beta.test": "told"}


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(tables.contact.update().values(active=False), id="the person left"),
        pytest.param(tables.contact.delete(), id="the person is forgotten"),
        pytest.param(tables.contact.update().values(customer="BETA"), id="the person works for another"),
        pytest.param(tables.customer.update().values(active=False), id="the customer left"),
    ],
)
async def test_who_is_no_customer_any_more_hears_nothing(desk, left):
    outage = await desk.publish()
    alice = await desk.desk.who("alice")
    await desk.tell(outage, alice)

    def leave(tx):
        whose = {"contact": tables.contact.c.id == alice.id, "customer": tables.customer.c.code == "ACME"}
        tx.run(left.where(whose[left.table.name]))
        reference.revise(tx, now=desk.desk.now)

    await desk.desk.db.write(leave)
    await desk.act(publishing.end, outage)

    assert await desk.told() == []
    assert await desk.asked() == {"alice@acme.test": "quiet"}


async def test_who_gave_their_request_to_a_colleague_is_told_themselves(desk):
    outage = await desk.publish(customers=["ACME"])
    number = (await desk.desk.mail("alice@acme.test", authentication=PASSED)).number or ""
    await desk.desk.qualify(number, contact="aldo@acme.test")
    desk.desk.passes(minutes=2)
    await desk.told()

    await desk.act(publishing.end, outage)

    assert [(to, kind) for to, kind, _ in await desk.told()] == [("alice@acme.test", "outage_ended")]
    assert (await desk.desk.ticket(number)).flags == []


async def test_a_contract_for_named_machines_is_hit_where_they_stand(db):
    line = 'name = "Network"\n    technologies = ["Network"]'
    machines = CONFIGURED.replace(line, 'name = "Network"\n    assets = ["sw-1"]', 1)
    known = machines.replace(
        'technology = "Network"\n  criticality', 'technology = "Network"\n  site = "Verona"\n  criticality'
    )
    desk = Outages(await at_work(db, known))
    await desk.publish(**NETWORK_IN_VERONA)
    await desk.publish(technologies=["Server"], since=desk.desk.now - timedelta(hours=1))

    assert len(await desk.known("ACME")) == 2, "its machine, and the other line"
    assert [one.title for one in await desk.known("ACME", technologies=("Network",))] == ["Rete di Verona"]
    assert not await desk.known("ACME", technologies=("Network",), contact_sites=("Roma",))


async def test_what_arrived_is_not_sent_again(desk):
    outage = await desk.publish()
    await desk.tell(outage, await desk.desk.who("alice"))
    await desk.act(publishing.end, outage)
    await desk.told()
    (row,) = await desk.desk.rows(tables.delivery, ticket_id=outage)

    with pytest.raises(Refused):
        await desk.act(publishing.retry_delivery, outage, delivery=row.id)


async def test_a_notice_is_withdrawn_once_however_often_the_form_is_sent(desk):
    outage = await desk.publish()

    first = await desk.act(publishing.cancel, outage, reason="Errore.", idem="f")
    assert await desk.act(publishing.cancel, outage, reason="Errore.", idem="f") == first


async def test_nobody_asks_about_an_outage_of_others(desk):
    outage = await desk.publish(customers=["BETA"])

    with pytest.raises(NotFound):
        await desk.tell(outage, await desk.desk.who("alice"))
    with pytest.raises(NotFound):
        await desk.tell("01890000-0000-7000-8000-000000000000", await desk.desk.who("alice"))


async def test_who_has_a_request_about_it_is_told_there_and_nowhere_else(desk):
    outage = await desk.publish(customers=["ACME"])
    number = (await desk.desk.mail("alice@acme.test", authentication=PASSED)).number
    ticket = await desk.desk.ticket(number)
    await desk.told()
    await desk.tell(outage, await desk.desk.who("alice"), ticket_id=ticket.id)

    await desk.act(publishing.end, outage)

    assert await desk.told() == [("alice@acme.test", "outage_ended", "Disservizio terminato: Rete di Verona")]
    assert [row.kind for row in await desk.desk.outward(number)][-1] == "outage_ended"
    assert [row.kind for row in await desk.desk.events(number, "outage.")][-1] == "outage.told"
    assert not await desk.desk.rows(tables.delivery, ticket_id=outage)


async def test_when_that_request_is_closed_they_are_told_all_the_same(desk):
    outage = await desk.publish(customers=["ACME"])
    number = await desk.desk.closed(authentication=PASSED)
    await desk.told()
    await desk.tell(outage, await desk.desk.who("alice"), ticket_id=(await desk.desk.ticket(number)).id)

    await desk.act(publishing.end, outage)

    assert [kind for _, kind, _ in await desk.told()] == ["outage_ended"]
    assert len(await desk.desk.rows(tables.delivery, ticket_id=outage)) == 1


async def test_a_caller_is_told_on_the_telephone_line_they_asked_on(desk):
    outage = await desk.publish()
    call = {
        "customer": None,
        "contact": None,
        "channel": "sms",
        "address": "+390600001",
        "name": "",
        "language": "en",
    }
    assert await desk.tell(outage, await desk.desk.who("bob"), **call) == "added"
    assert (await desk.known(None, channel="sms", address="+390600001"))[0].already_subscribed
    assert not (await desk.known(None, channel="sms", address="+390600002"))[0].already_subscribed

    await desk.act(publishing.end, outage)

    (row,) = await desk.desk.rows(tables.delivery, ticket_id=outage)
    assert (row.channel, row.address, row.kind) == ("sms", "+390600001", "outage_ended")
    said = await desk.desk.db.write(sending.begin, outage, row.id, now=desk.desk.now)
    assert said.text == "Desk: the outage that you asked about is over: Network in Verona.\n", (
        "it may be heard"
    )


async def test_an_address_that_does_not_work_is_not_written_to_and_staff_see_it(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.tell(outage, await desk.desk.who("alice"))
    await desk.desk.db.write(
        lambda tx: tx.insert(
            tables.bad_address, address="alice@acme.test", reason="hard bounce", at=desk.desk.now
        )
    )

    await desk.act(publishing.end, outage)

    assert await desk.told() == []
    assert await desk.asked() == {"alice@acme.test": "unreachable"}


async def test_whoever_asks_while_it_ends_is_told_or_learns_that_it_is_over(desk):
    outage = await desk.publish()
    alice = await desk.desk.who("alice")

    heard, _ = await asyncio.gather(desk.tell(outage, alice), desk.act(publishing.end, outage))

    told = await desk.told()
    assert (heard, len(told)) in (("added", 1), ("over", 0))


async def test_the_books_of_an_outage_balance_and_its_chain_holds(desk):
    outage = await desk.publish()
    await desk.tell(outage, await desk.desk.who("alice"), progress=True)
    await desk.act(publishing.update, outage, words=NEWS)
    await desk.act(publishing.end, outage)
    await desk.told()

    assert [row.kind for row in await desk.desk.rows(tables.event, ticket_id=outage)] == [
        "outage.published",
        "outage.asked",
        "outage.updated",
        "outage.ended",
    ]
    assert (await desk.desk.db.read(books.verify)).faults == ()


async def _spoil(desk: Outages, statement: Any) -> set[str]:
    """What the books say after somebody changed rows by hand."""
    await desk.desk.db.write(lambda tx: tx.run(statement))
    return {fault.kind for fault in (await desk.desk.db.read(books.verify)).faults}


async def test_the_books_notice_what_was_told_twice_or_not_at_all(desk):
    outage = await desk.publish()
    await desk.tell(outage, await desk.desk.who("alice"))
    await desk.tell(outage, await desk.desk.who("bob"))
    await desk.act(publishing.end, outage)
    asked, told, sent = tables.outage_subscriber, tables.outage_telling, tables.delivery
    row = (await desk.desk.rows(sent, ticket_id=outage))[0]
    first = asked.c.id == row.thread_id

    assert await _spoil(desk, asked.update().where(first).values(state="waiting")) == {
        "who asked was not told of the end",
        "who was to hear nothing was told of the end",
    }
    assert await _spoil(desk, asked.update().where(first).values(state="quiet")) == {
        "who was to hear nothing was told of the end"
    }
    assert await _spoil(desk, asked.update().where(first).values(state="told")) == set()
    again = row._asdict() | {"id": outage, "state": "sent"}
    assert await _spoil(desk, sent.insert().values(**again)) == {"told without a delivery, or twice"}
    assert await _spoil(desk, sent.delete().where(sent.c.id == outage)) == set()
    assert await _spoil(desk, told.delete().where(told.c.subscriber_id == row.thread_id)) == {
        "who asked was not told of the end",
        "delivery without its ticket",
    }


async def test_the_books_notice_an_outage_that_was_changed_without_an_update(desk):
    outage = await desk.publish()
    await desk.tell(outage, await desk.desk.who("alice"))

    over = tables.outage.update().values(state="ended")
    assert await _spoil(desk, over) == {
        "who asked was not told of the end",
        "outage whose updates are not all there",
    }
    lost = (
        tables.event.update().where(tables.event.c.kind == "outage.published").values(kind="outage.updated")
    )
    await desk.desk.db.write(lambda tx: tx.run(tables.outage.update().values(state="running")))
    assert await _spoil(desk, lost) == {"event chain", "outage whose events are not its updates"}


async def test_an_answer_to_such_a_mail_is_a_request_of_its_own(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.tell(outage, await desk.desk.who("alice"))
    await desk.act(publishing.end, outage)
    await desk.told()
    ref = id_token((await desk.desk.rows(tables.delivery, ticket_id=outage))[0].id)

    done = await desk.desk.mail("alice@acme.test", own_refs=(ref,), authentication=PASSED)

    assert done.outcome == "ticket"


async def test_a_mail_that_comes_back_is_noted_at_its_delivery(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.tell(outage, await desk.desk.who("alice"))
    await desk.act(publishing.end, outage)
    await desk.told()
    (row,) = await desk.desk.rows(tables.delivery, ticket_id=outage)

    done = await desk.desk.mail(
        "mailer-daemon@acme.test",
        kind=Kind.BOUNCE_HARD,
        may_auto_reply=False,
        bounce_tokens=(id_token(row.id),),
    )

    assert (done.outcome, done.reason) == ("machine", "bounce_hard")
    assert (await desk.desk.rows(tables.delivery, ticket_id=outage))[0].state == "bounced"
    kinds = [row.kind for row in await desk.desk.rows(tables.event, ticket_id=outage)]
    assert kinds[-1] == "delivery.bounced"
    assert (await desk.desk.db.read(books.verify)).faults == ()


async def test_a_mail_that_cannot_be_sent_is_given_up_on_record(desk):
    outage = await desk.publish(customers=["ACME"])
    await desk.tell(outage, await desk.desk.who("alice"))
    desk.desk.channel.fails_with = DeliveryError("no such user", permanent=True)
    await desk.act(publishing.end, outage)
    await desk.told()

    (row,) = await desk.desk.rows(tables.delivery, ticket_id=outage)
    assert (row.state, row.error) == ("given_up", "no such user")
    assert [one.kind for one in await desk.desk.rows(tables.event, ticket_id=outage)][
        -1
    ] == "delivery.given_up"


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("kind", ["updated", "ended", "cancelled"])
def test_what_is_heard_on_the_telephone_is_one_line_with_the_whole_message(language, kind):
    values = {"title": "TITLE", "text": "TEXT.", "next_update": "NEXT", "hub": "HUB"}
    rest = {"name": "", "since": "", "ended": "", "portal": ""}

    subject, text = texts.notice(f"outage_{kind}_brief", language, **values, **rest)

    assert "TITLE" in subject
    assert text.count("\n") == 1
    assert [word for word in ("HUB", "TITLE", "TEXT.", "NEXT") if word in text] == {
        "updated": ["HUB", "TITLE", "TEXT.", "NEXT"],
        "ended": ["HUB", "TITLE", "TEXT."],
        "cancelled": ["HUB", "TITLE"],
    }[kind]
