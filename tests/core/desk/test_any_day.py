"""Whatever happens in whatever order: no act ends in a fault, the books balance, and no note ever leaves."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from core.channel import DeliveryError
from core.desk import (
    books,
    clock_standing,
    intake,
    next_steps,
    outages,
    publishing,
    requests,
    resolution,
    tickets,
    waiting,
)
from core.desk.errors import DeskError
from core.envelope import Authentication, Kind
from core.ids import id_token
from core.rules import workflow
from core.store import tables
from tests.desk_at_work import DISOWNED, PASSED, SOLUTION, AtWork, a_mail, at_work

SECRET = "only for colleagues"
WRITERS = (
    "alice@acme.test",
    "aldo@acme.test",
    "new@acme.test",
    "bob@beta.test",
    "gina@gamma.test",
    "eve@evil.test",
    "ann@hub.test",
    "",
)
STAFF = ("ann", "tom", "lea", "hub")
CONTACTS = ("alice", "aldo", "bob", "gina")
ACTS = 70


class Day:
    """Acts chosen by one stream of numbers, among rows in an order that does not hang on their ids."""

    def __init__(self, desk: AtWork, seed: int) -> None:
        self.desk = desk
        self.dice = random.Random(seed)
        self.done = 0
        self.refused = 0

    async def act(self) -> None:
        what = self.dice.choices(
            (
                self.a_mail,
                self.by_staff,
                self.by_a_contact,
                self.about_waiting,
                self.an_outage,
                self.work,
                self.time,
            ),
            weights=(4, 8, 2, 2, 3, 2, 3),
        )[0]
        try:
            await what()
        except DeskError:
            self.refused += 1
        else:
            self.done += 1

    async def a_ticket(self):
        found = await self.desk.rows(tables.ticket)
        return self.dice.choice(sorted(found, key=lambda row: row.number)[:6])

    async def a_mail(self) -> None:
        sender = self.dice.choice(WRITERS)
        links: dict[str, tuple[str, ...]] = {}
        found = await self.desk.rows(tables.delivery)
        found.sort(key=lambda row: (row.created_at, row.address, row.kind, row.channel))
        if found and self.dice.random() < 0.8:
            delivery = self.dice.choice(found)
            links["own_refs"] = (id_token(delivery.id),)
            if self.dice.random() < 0.3:
                token = await self.desk.db.read(
                    lambda tx: tx.facts.reply_token(delivery.thread_id, delivery.address)
                )
                links["reply_tokens"] = (token,)
            if self.dice.random() < 0.2:
                token = id_token(delivery.id)
                links["bounce_tokens"] = (token,)
        said = a_mail(
            sender,
            text=f"Messaggio {self.dice.random()}",
            kind=self.dice.choices((Kind.HUMAN, *Kind), weights=(20, *[1] * len(Kind)))[0],
            authentication=self.dice.choice((Authentication(), PASSED, PASSED, DISOWNED)),
            forward=self.dice.random() < 0.05,
            **links,
        )
        inbound_id = await self.desk.arrive(sender)
        await self.desk.db.write(intake.understand, inbound_id, said, now=self.desk.now)

    async def by_staff(self) -> None:
        if not await self.desk.rows(tables.ticket):
            return await self.a_mail()
        ticket = await self.a_ticket()
        who = await self.desk.who(self.dice.choice(STAFF))
        acts = {
            "qualify": (tickets.qualify, self.described()),
            "take": (tickets.take, {}),
            "route": (tickets.assign, {"group": self.dice.choice(("Network L1", "Systems"))}),
            "assign": (tickets.assign, {"agent": self.dice.choice(("ann@hub.test", ""))}),
            "escalate": (tickets.escalate, {"reason": SECRET, "level": self.dice.choice((None, 1, 2))}),
            "reply": (
                tickets.reply,
                {"text": "Una risposta.", "promise_by": self.dice.choice((None, "30m", "none"))},
            ),
            "promise": (next_steps.promise, {"promise_by": self.dice.choice(("60m", "none"))}),
            "observe": (next_steps.observe, {"until": "120m"}),
            "note": (tickets.note, {"text": SECRET}),
            "wait_customer": (tickets.wait, {"text": "Quale?"}),
            "resume": (tickets.resume, {}),
            "workaround": (tickets.workaround, {"text": "4G"}),
            "resolve": (resolution.resolve, SOLUTION),
            "close": (resolution.close, {}),
            "reopen": (resolution.reopen, {"reason": SECRET}),
            "cancel": (resolution.cancel, {"reason": SECRET}),
            "approve": (resolution.approve, {"reason": SECRET}),
            "reject": (resolution.reject, {"reason": SECRET, "text": "Non si può."}),
        }
        fits = [
            name
            for name in workflow.allowed(ticket.state)
            if name in acts and name not in ("cancel", "reject")
        ]
        anything = self.dice.random() < 0.25 or not fits
        verb, fields = acts[self.dice.choice([*acts] if anything else [*fits, "reply", "qualify"])]
        seen = self.dice.choice((None, None, None, ticket.last_event, max(ticket.last_event - 3, 0)))
        if seen is not None and verb is not tickets.note:
            fields = fields | {"seen": seen}
        return await self.desk.do(verb, who, ticket.number, **fields)

    def described(self) -> dict[str, object]:
        fields = {
            "customer": ("ACME", "BETA", "GAMMA"),
            "request_type": ("Incident", "Change"),
            "technology": ("Network", "Server"),
            "impact": (1, 2, 3),
            "urgency": (1, 2, 3, 4),
            "asset": ("sw-1",),
            "contact": ("alice@acme.test", "bob@beta.test", "new@acme.test"),
        }
        often = {"request_type": 0.95, "technology": 0.95, "impact": 0.95, "urgency": 0.95, "customer": 0.4}
        return {
            name: self.dice.choice(values)
            for name, values in fields.items()
            if self.dice.random() < often.get(name, 0.1)
        }

    async def by_a_contact(self) -> None:
        who = await self.desk.who(self.dice.choice(CONTACTS))
        if self.dice.random() < 0.4 or not await self.desk.rows(tables.ticket):
            await self.desk.db.write(
                requests.open_request,
                who,
                subject="Dal portale",
                text="x",
                also_by="email",
                now=self.desk.now,
            )
            return
        number = (await self.a_ticket()).number
        verb, words = self.dice.choice(
            (
                (requests.write, ("Ancora.",)),
                (resolution.confirm, ()),
                (resolution.refuse, ()),
                (requests.write, ("Ok.",)),
            )
        )
        await self.desk.do(
            verb, who, number, *words, **({"reason": "No."} if verb is resolution.refuse else {})
        )

    async def about_waiting(self) -> None:
        items = await self.desk.rows(tables.inbound, open=True)
        items.sort(key=lambda row: (row.received_at, row.author, row.reason))
        if not items:
            return
        item = self.dice.choice(items)
        tom = await self.desk.who("tom")
        if self.dice.random() < 0.3:
            await self.desk.do(waiting.discard, tom, item.id)
            return
        await self.desk.do(waiting.release, tom, item.id, as_=self.dice.choice(waiting.TAKE_AS))
        await self.desk.db.write(
            intake.understand, item.id, a_mail(item.author or "eve@evil.test"), now=self.desk.now
        )

    async def an_outage(self) -> None:
        found = await self.desk.rows(tables.outage)
        found.sort(key=lambda row: row.published_at)
        tom, now, write = await self.desk.who("tom"), self.desk.now, self.desk.db.write
        words = {"it": "Novità."}
        where = {
            "customers": self.dice.choice(([], ["ACME"], ["BETA"])),
            "sites": self.dice.choice(([], [], [("ACME", "Verona")])),
            "technologies": self.dice.choice(([], ["Network"])),
        }
        if not found or self.dice.random() < 0.2:
            notice = {"it": {"title": "Rete", "text": "Ferma."}}
            await write(publishing.publish, tom, words=notice, since=now, now=now, **where)
            return
        outage, what = self.dice.choice(found).id, self.dice.random()
        if what < 0.5:
            who = await self.desk.who(self.dice.choice(CONTACTS))
            by, progress = self.dice.choice(("email", "portal")), self.dice.random() < 0.5
            await write(outages.subscribe, who, outage, by=by, progress=progress, now=now)
        elif what < 0.8:
            changed = where if self.dice.random() < 0.3 else {}
            await write(publishing.update, tom, outage, words=words, now=now, **changed)
        elif what < 0.9:
            await write(publishing.end, tom, outage, words=words, now=now)
        else:
            await write(publishing.cancel, tom, outage, reason=SECRET, now=now)

    async def work(self) -> None:
        self.desk.channel.fails_with = self.dice.choice(
            (None, None, None, DeliveryError("450 later"), DeliveryError("550 no", permanent=True))
        )
        # What nobody reads here is not work: every arrival of this day was understood at once.
        await self.desk.work()

    async def time(self) -> None:
        self.desk.now += timedelta(seconds=self.dice.choice((1, 30, 90, 600, 7200, 90_000, 400_000)))


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_the_books_balance_and_every_promise_has_its_timer(db, seed):
    desk = await at_work(db)
    day = Day(desk, seed)

    for _ in range(ACTS):
        await day.act()

    assert day.done > ACTS // 3, "most of it was something that can be done"
    found = await desk.db.read(books.verify)
    assert found.faults == ()
    assert found.received == sum(found.outcomes.values())
    for ticket in await desk.rows(tables.ticket):
        assert ticket.open is workflow.is_open(ticket.state), ticket.number
        await clocks_are_what_the_events_say(desk, ticket)
        await messages_go_where_they_may(desk, ticket)
    for sent in desk.channel.sent:
        texts = [sent.subject, sent.text, sent.author_name, *(earlier.text for earlier in sent.history)]
        assert not any(SECRET in text for text in texts), sent.kind


async def clocks_are_what_the_events_say(desk: AtWork, ticket) -> None:
    cached = {(row.name, row.cycle): row for row in await desk.rows(tables.sla_clock, ticket.number)}
    standing = await desk.db.write(lambda tx: clock_standing.of_ticket(tx, ticket.id, now=desk.now))
    assert {(str(clock.name), clock.cycle) for clock in standing} == set(cached)
    for clock in standing:
        row = cached[str(clock.name), clock.cycle]
        assert (row.state, row.due_at, row.stopped_at) == (clock.state, clock.due_at, clock.stopped_at)
        if ticket.state in workflow.ENDED:
            assert clock.ended, (
                f"{ticket.number} is {ticket.state}, and its {clock.name} clock is {clock.state}"
            )
        if ticket.state == "waiting_customer" and clock.name in ("resolve", "restore", "update"):
            assert clock.ended or clock.state == "paused", f"{ticket.number}: {clock.name} runs while we wait"
        if ticket.state in ("in_progress", "assigned"):
            assert clock.state != "paused", f"{ticket.number}: {clock.name} stands still in {ticket.state}"


async def messages_go_where_they_may(desk: AtWork, ticket) -> None:
    """Nobody from outside is written to because they wrote into another's conversation."""
    begun_by = {row.address for row in await desk.rows(tables.thread, ticket.number)}
    known = {row.email for row in await desk.rows(tables.contact)}  # staff may have said who a stranger is
    told = {row.address for row in await desk.rows(tables.delivery, ticket.number)}
    assert not told & ({"eve@evil.test", "ann@hub.test"} - begun_by - known), ticket.number
