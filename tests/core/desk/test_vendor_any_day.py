"""Whatever vendors, customers and staff do in whatever order: no word of a vendor reaches a customer that nobody told them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from core.desk import books, joining, page, resolution, search, tickets, vendor_cases, waiting
from core.desk.errors import DeskError
from core.envelope import Attachment, Authentication, Kind
from core.ids import id_token
from core.rules import vendor as rule
from core.store import tables
from core.store.tx import Row
from tests.core.desk.test_vendor_cases import SAID, VENDORS
from tests.desk_at_work import CONFIGURED, DISOWNED, PASSED, SOLUTION, AtWork, at_work

WRITERS = ("alice@acme.test", "aldo@acme.test", "new@acme.test", "eve@evil.test", "ann@hub.test")
OF_VENDORS = ("support@cumulus.test", "vera@cumulus.test", "help@stratus.test")
CONTACTS = ("alice", "aldo", "bob")
ACTS = 60


class Day:
    """Acts chosen by one stream of numbers."""

    def __init__(self, desk: AtWork, seed: int) -> None:
        self.desk = desk
        self.dice = random.Random(seed)
        self.done = self.refused = 0

    async def act(self) -> None:
        acts = (
            self.a_mail,
            self.a_vendors_mail,
            self.by_staff,
            self.on_a_case,
            self.about_waiting,
            self.time,
        )
        what = self.dice.choices(acts, weights=(3, 5, 3, 6, 2, 3))[0]
        try:
            await what()
        except DeskError:
            self.refused += 1
        else:
            self.done += 1

    async def named(self) -> dict[str, Any]:
        """What a mail may name: addresses, ids and numbers of whatever conversation."""
        found: dict[str, Any] = {}
        sent = await self.desk.rows(tables.delivery)
        if sent and self.dice.random() < 0.8:
            one = self.dice.choice(sorted(sent, key=lambda row: (row.created_at, row.address, row.kind)))
            found["own_refs"] = (id_token(one.id),)
            if self.dice.random() < 0.5:
                token = await self.desk.db.read(lambda tx: tx.facts.reply_token(one.thread_id, one.address))
                found["reply_tokens"] = (token,)
        if self.dice.random() < 0.3:
            found["ticket_numbers"] = ((await self.a_ticket()).number,)
        messages = [row.external_ref for row in await self.desk.rows(tables.message) if row.external_ref]
        if messages and self.dice.random() < 0.3:
            found["references"] = (self.dice.choice(sorted(messages)),)
        return found

    async def a_ticket(self) -> Row:
        found = sorted(await self.desk.rows(tables.ticket), key=lambda row: row.number)
        return self.dice.choice(found[:4])

    async def a_mail(self) -> None:
        authentication = self.dice.choice((Authentication(), PASSED, DISOWNED))
        text = f"Messaggio {self.dice.random()}"
        await self.desk.mail(
            self.dice.choice(WRITERS), text=text, authentication=authentication, **await self.named()
        )

    async def a_vendors_mail(self) -> None:
        file = Attachment(name=f"{SAID}.txt", type="text/plain", content=SAID.encode())
        await self.desk.mail(
            self.dice.choice(OF_VENDORS),
            self.dice.choice((f"Re: {SAID}", f"SR100000{self.dice.randrange(4)} {SAID}")),
            f"{SAID} {self.dice.random()}",
            kind=self.dice.choice((Kind.HUMAN, Kind.HUMAN, Kind.AUTO_REPLY, Kind.OUT_OF_OFFICE)),
            authentication=self.dice.choice((Authentication(), PASSED, PASSED, DISOWNED)),
            attachments=(file,) if self.dice.random() < 0.3 else (),
            **await self.named(),
        )

    async def by_staff(self) -> None:
        number, other = (await self.a_ticket()).number, (await self.a_ticket()).number
        acts: tuple[tuple[Callable[..., Any], dict[str, Any]], ...] = (
            (tickets.reply, {"text": "Una risposta."}),
            (tickets.take, {}),
            (tickets.wait, {"text": "Quale?"}),
            (tickets.resume, {}),
            (resolution.resolve, SOLUTION),
            (resolution.reopen, {"reason": "x"}),
            (joining.merge, {"into": other}),
            (joining.undo, {}),
        )
        verb, fields = self.dice.choice(acts)
        await self.desk.do(verb, await self.desk.who(self.dice.choice(("ann", "lea"))), number, **fields)

    async def on_a_case(self) -> None:
        who = await self.desk.who(self.dice.choice(("ann", "lea")))
        cases = await self.desk.rows(tables.vendor_case)
        if not cases or self.dice.random() < 0.3:
            asked = {
                "vendor": self.dice.choice(("Cumulus", "Stratus")),
                "subject": "Ventola",
                "text": "Ferma.",
            }
            number = (await self.a_ticket()).number
            asked |= {"wait": self.dice.random() < 0.5, "send": self.dice.random() < 0.8}
            await self.desk.do(vendor_cases.open_case, who, number, **asked)
            return
        case = self.dice.choice(sorted(cases, key=lambda row: (row.made_at, row.vendor, row.state)))
        (ticket,) = await self.desk.rows(tables.ticket, id=case.ticket_id)
        reference = f"SR100000{self.dice.randrange(4)}"
        due = self.desk.now + timedelta(hours=1)
        acts: tuple[tuple[Callable[..., Any], dict[str, Any]], ...] = (
            (vendor_cases.write, {"text": "Novità?"}),
            (
                vendor_cases.describe,
                {"reference": reference, "reference_shown": True, "next_update_due": due},
            ),
            (vendor_cases.solved, {}),
            (vendor_cases.reopen, {}),
            (vendor_cases.close, {}),
            (vendor_cases.wait_for, {}),
            (vendor_cases.promote, {"text": "Parole nostre."}),
        )
        verb, fields = self.dice.choice(acts)
        await self.desk.do(verb, who, ticket.number, case.id, **fields)

    async def about_waiting(self) -> None:
        """A vendor's mail is handed to some case; anybody else's is taken in where it belongs."""
        held = [row for row in await self.desk.rows(tables.inbound, outcome="held") if row.open]
        cases = await self.desk.rows(tables.vendor_case)
        if not held or not cases:
            return
        row, case = self.dice.choice(held), self.dice.choice(cases)
        lea = await self.desk.who("lea")
        if row.reason.startswith("vendor_"):
            (ticket,) = await self.desk.rows(tables.ticket, id=case.ticket_id)
            to = {"number": ticket.number, "vendor_case": case.id}
            await self.desk.db.write(waiting.hand_to_vendor_case, lea, row.id, **to, now=self.desk.now)
            await self.desk.understand(row.id, "support@cumulus.test", f"Re: {SAID}", SAID)
        else:
            await self.desk.db.write(waiting.discard, lea, row.id, now=self.desk.now)

    async def time(self) -> None:
        self.desk.passes(minutes=self.dice.choice((1, 20, 90)))
        await self.desk.work()


async def test_no_word_of_a_vendor_reaches_a_customer_by_itself(db):
    seed = await db.read(lambda tx: int(tx.is_sqlite))
    desk = await at_work(db, CONFIGURED + VENDORS)
    for n, sender in enumerate(("alice@acme.test", "aldo@acme.test")):
        number = await desk.taken(sender, authentication=PASSED)
        asked = {"vendor": "Cumulus", "subject": "Ventola", "text": "Ferma.", "reference": f"SR100000{n}"}
        await desk.do(vendor_cases.open_case, await desk.who("ann"), number, **asked)
    await desk.work()
    day = Day(desk, seed)
    for _ in range(ACTS):
        await day.act()
    desk.passes(minutes=5)
    await desk.work()

    assert day.done > day.refused
    said = [row for row in await desk.rows(tables.message) if SAID in row.text]
    assert said, "vendors have spoken"
    assert {row.audience.partition(":")[0] for row in said} == {"vendor"}
    for sent in (*desk.channel.sent, *desk.telegram.sent):
        assert sent.kind in rule.KINDS or SAID not in repr(sent)
        assert sent.kind not in rule.KINDS or sent.to.address in OF_VENDORS
    for name in CONTACTS:
        who = await desk.who(name)
        assert (await db.read(search.tickets, who, q=SAID, now=desk.now)).items == ()
        for row in await desk.rows(tables.ticket):
            try:
                shown = await db.read(page.ticket, who, row.number, now=desk.now)
            except DeskError:
                continue
            assert SAID not in repr(shown)
    assert (await db.read(books.verify, now=desk.now)).faults == ()
