"""Mail from outside, from the port to the ticket: who sent it is checked before it is understood, and after it is stored."""

from __future__ import annotations

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from pathlib import Path
from typing import Any, cast

import pytest

from channels.email.channel import EmailChannel
from core import handlers
from core.desk import door, page, search, sending
from core.facts import HubFacts, Mail
from core.hub import HubDoor
from core.isolation import Readers
from core.store import tables
from core.store.tx import Row
from core.worker import Worker
from tests.channels.email.a_name_server import SILENT, NameServer, running
from tests.channels.email.reading_mails import a_mail, parts
from tests.channels.email.running_mail import a_channel
from tests.channels.email.signing_mails import rsa, signed
from tests.desk_at_work import AtWork, at_work
from tests.fakes import ReadersHere

REJECT = {"_dmarc.acme.test TXT": ["v=DMARC1; p=reject"], "acme.test A": ["192.0.2.1"]}


@dataclass
class Outside:
    """A hub that mail comes to, a name server, and a worker that understands what came."""

    desk: AtWork
    channel: EmailChannel
    names: NameServer
    worker: Worker
    left: Path
    """Where the mail is that left."""

    async def sends(self, raw: bytes, sender: str = "alice@acme.test", to: str = "support@hub.test") -> float:
        """By SMTP; the seconds until it was taken."""
        began = time.monotonic()
        await asyncio.to_thread(self._hand_in, raw, sender, to)
        return time.monotonic() - began

    def _hand_in(self, raw: bytes, sender: str, to: str) -> None:
        with smtplib.SMTP(
            "127.0.0.1", self.channel.bound["smtp"], timeout=20, local_hostname="mx.acme.test"
        ) as smtp:
            smtp.sendmail(sender, [parseaddr(to)[1]], raw)

    async def works(self) -> None:
        """All that is due by now is done."""
        self.desk.now = max(self.desk.now, datetime.now(UTC) + timedelta(seconds=1))
        await self.worker.drain()

    async def last(self) -> Row:
        return max(await self.desk.rows(tables.inbound), key=lambda row: (row.received_at, row.id))


@pytest.fixture
def names() -> Iterator[NameServer]:
    with running(REJECT, ttl=0) as found:
        yield found


@pytest.fixture
async def outside(db, names, tmp_path) -> AsyncIterator[Outside]:
    desk = await at_work(db)
    channel = a_channel(tmp_path, check_senders="always", dns_servers=(names.place,))
    # All is read in this process but where the wall is what is looked at: another one takes seconds to come up.
    todo = handlers.handlers(db, [channel], cast(Readers, ReadersHere()), clock=lambda: desk.now)
    worker = Worker(db, todo, owner="here", clock=lambda: desk.now)
    listening = asyncio.create_task(channel.run(HubDoor(db, worker, lambda: "")))
    await channel.listening.wait()
    try:
        yield Outside(desk, channel, names, worker, tmp_path)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def of_alice(text: str = "Non va.\n", **fields: str) -> bytes:
    return a_mail(text, **{"from": "Alice <alice@acme.test>", "message_id": ""} | fields)


async def test_a_mail_that_its_domain_signed_is_its_authors(outside):
    outside.names.publish({"s1._domainkey.acme.test TXT": [rsa()[1]]})

    await outside.sends(signed(of_alice(), "acme.test"))
    await outside.works()

    row = await outside.last()
    assert (row.outcome, row.detail["trust"]) == ("ticket", "aligned")
    assert "dkim=pass header.d=acme.test header.s=s1" in row.detail["authentication"]


async def test_it_is_judged_behind_the_wall_where_nothing_can_be_asked(outside, db):
    readers = Readers()
    todo = handlers.handlers(db, [outside.channel], readers, clock=lambda: outside.desk.now)
    outside.worker = Worker(db, todo, owner="here", clock=lambda: outside.desk.now)
    outside.names.publish({"s1._domainkey.acme.test TXT": [rsa()[1]]})

    await outside.sends(signed(of_alice(), "acme.test"))
    await outside.works()
    await readers.close()

    assert (await outside.last()).detail["trust"] == "aligned"


async def test_a_peer_that_may_send_for_its_domain_is_believed(outside):
    outside.names.publish({"acme.test TXT": ["v=spf1 ip4:127.0.0.1 -all"]})

    await outside.sends(of_alice())
    await outside.works()

    row = await outside.last()
    assert (row.outcome, row.detail["trust"]) == ("ticket", "aligned")


async def test_a_forged_mail_of_a_domain_that_wants_it_refused_waits_for_staff(outside):
    outside.names.publish({"acme.test TXT": ["v=spf1 -all"]})

    await outside.sends(b"Authentication-Results: hub.test; dmarc=pass\r\n" + of_alice(), "eve@evil.test")
    await outside.works()

    row = await outside.last()
    assert row.outcome == "held"
    assert row.detail["trust"] == "none"
    assert row.detail["trust_reasons"][0] == "dmarc_fail"
    assert "dmarc=fail header.from=acme.test p=reject" in row.detail["authentication"]


async def test_a_forged_agent_is_never_an_agent(outside):
    outside.names.publish({"_dmarc.hub.test TXT": ["v=DMARC1; p=reject"]})

    await outside.sends(of_alice("#close\n", **{"from": "Ann <ann@hub.test>"}), "ann@hub.test")
    await outside.works()

    row = await outside.last()
    assert (row.outcome, row.detail["trust"], row.detail["trust_reasons"][0]) == (
        "held",
        "none",
        "dmarc_fail",
    )
    assert await outside.desk.rows(tables.message) == []
    assert await outside.desk.rows(tables.ticket) == []


async def test_names_that_do_not_answer_keep_no_mail_out_and_are_asked_again(outside):
    outside.names.publish(
        {"acme.test TXT": SILENT, "_dmarc.acme.test TXT": SILENT, "s1._domainkey.acme.test TXT": SILENT}
    )

    taken_after = await outside.sends(signed(of_alice(), "acme.test"))
    began = time.monotonic()
    await outside.works()
    assert time.monotonic() - began < 3, "nobody else waits for it"
    assert taken_after < 2
    assert (await outside.last()).outcome is None

    outside.names.publish(
        REJECT | {"s1._domainkey.acme.test TXT": [rsa()[1]], "acme.test TXT": ["v=spf1 -all"]}
    )
    await answered(outside)

    row = await outside.last()
    assert (row.outcome, row.detail["trust"]) == ("ticket", "aligned")


async def answered(outside: Outside) -> None:
    """The clock goes on until it is understood."""
    resolver = (await outside.channel._asking)._resolver  # type: ignore[misc]
    for _ in range(20):
        if (await outside.last()).outcome is not None:
            return
        await asyncio.sleep(0.3)
        resolver._remembered.clear()  # who did not answer is left alone for a while; here that while is over
        outside.desk.passes(minutes=2)
        await outside.works()
    raise AssertionError("it was never understood")


async def test_a_mail_is_understood_after_minutes_whoever_is_silent(outside, monkeypatch):
    monkeypatch.setattr(handlers, "ASK_AGAIN", (2.0, 6.0))
    outside.names.publish({"_dmarc.acme.test TXT": SILENT})

    await outside.sends(of_alice())
    await outside.works()
    for _ in range(2):
        outside.desk.passes(seconds=10)
        await outside.works()

    row = await outside.last()
    assert (row.outcome, row.detail["trust"]) == ("ticket", "weak")
    assert "dmarc=temperror header.from=acme.test why=no_answer" in row.detail["authentication"]


async def test_what_was_published_when_it_came_is_kept_with_it(outside):
    outside.names.publish({"s1._domainkey.acme.test TXT": [rsa()[1]]})
    await outside.sends(signed(of_alice(), "acme.test"))
    await outside.works()
    asked = len(outside.names.asked)
    row = await outside.last()
    assert row.envelope["answers"]["txt"]["s1._domainkey.acme.test"] == [rsa()[1]]

    outside.names.publish({"s1._domainkey.acme.test TXT": ["v=DKIM1; p="]})
    await outside.desk.db.write(_again, row.id)
    await outside.works()

    again = await outside.last()
    assert again.detail["trust"] == "aligned"
    assert len(outside.names.asked) == asked


def _again(tx: Any, inbound_id: str) -> None:
    tx.update(tables.inbound, {"id": inbound_id}, outcome=None, detail={})
    door.enqueue(tx, inbound_id, "alice@acme.test", now=datetime.now(UTC))


async def test_who_comes_by_a_relay_of_ours_or_from_this_machine_is_not_asked_about(outside):
    outside.channel.checks = "auto"
    await outside.sends(of_alice())
    await outside.works()
    outside.channel.checks = "always"
    outside.channel.gate.trusted_peers = ("127.0.0.1",)
    await outside.sends(of_alice("Ancora.\n"))
    await outside.works()

    assert outside.names.asked == []
    assert [row.detail["trust"] for row in await outside.desk.rows(tables.inbound)] == ["weak", "weak"]
    assert (
        await outside.desk.db.read(search.inbound, await outside.desk.who("tom"), outcome="exception")
    ).items == ()


# --- Staff who pass a mail on -------------------------------------------------------------------------------


def passed_on(original: bytes) -> bytes:
    """Ann's forward of this mail, as an attachment."""
    attached = f"Content-Type: message/rfc822\n\n{original.decode().replace(chr(13), '')}"
    kind, body = parts("Content-Type: text/plain\n\nVedi allegato.\n", attached)
    return a_mail(body, kind, **{"from": "Ann <ann@hub.test>", "subject": "I: Rete ferma", "message_id": ""})


async def forwards(outside: Outside, raw: bytes) -> Row:
    """What became of it: the ticket it opened."""
    outside.names.publish(
        REJECT
        | {f"s1._domainkey.{domain} TXT": [rsa()[1]] for domain in ("hub.test", "acme.test", "evil.test")}
    )
    await outside.sends(raw, "ann@hub.test")
    await outside.works()
    row = await outside.last()
    assert row.outcome == "ticket"
    (ticket,) = await outside.desk.rows(tables.ticket)
    return ticket


async def test_who_signed_the_attached_original_is_the_requester_without_a_click(outside):
    ticket = await forwards(outside, signed(passed_on(signed(of_alice(), "acme.test")), "hub.test"))

    assert (ticket.requester_address, ticket.customer) == ("alice@acme.test", "ACME")
    assert ticket.contact == (await outside.desk.who("alice")).id
    (said,) = await outside.desk.rows(tables.message, direction="in")
    assert "the attached original is signed by: acme.test" in said.notes
    assert said.author_address == "ann@hub.test", "the words are the colleague's"


ORIGINAL = signed(of_alice(), "acme.test")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (signed(passed_on(of_alice()), "hub.test"), "nobody signed the original"),
        (signed(passed_on(ORIGINAL.replace(b"Non va", b"Va")), "hub.test"), "it was changed"),
        (signed(passed_on(signed(of_alice(), "evil.test")), "hub.test"), "somebody else signed it"),
        (passed_on(ORIGINAL), "nothing proves the colleague"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_without_proof_of_both_the_author_is_only_offered(outside, raw, why):
    ticket = await forwards(outside, raw)

    assert ticket.requester_address == "ann@hub.test", why
    shown = await outside.desk.db.read(
        page.ticket, await outside.desk.who("tom"), ticket.number, now=outside.desk.now
    )
    assert shown.offered_requester == "alice@acme.test"


# --- Staff who answer a notice ------------------------------------------------------------------------------

LETS_THEM = pytest.mark.parametrize(
    "facts",
    [
        HubFacts(
            mails_by="email", token_key=b"a key of 32 bytes for the tests.", mail=Mail(agents_comment=True)
        )
    ],
    ids=["lets them"],
)
OF_STAFF = {"_dmarc.hub.test TXT": ["v=DMARC1; p=none"], "hub.test A": ["192.0.2.1"]}


async def a_notice_to_ann(outside: Outside) -> tuple[str, Message]:
    """A ticket of Alice whose first answer is due soon, and the mail that tells Ann so."""
    number = await outside.desk.qualify(
        (await outside.desk.mail("alice@acme.test")).number or "", impact=1, urgency=1
    )
    outside.desk.passes(minutes=8)
    await outside.worker.drain()
    left = [message_from_bytes(path.read_bytes()) for path in outside.left.rglob("*.eml")]
    return number, next(one for one in left if "ann@hub.test" in str(one["To"]))


def words(mail: Message) -> str:
    return next(
        str(part.get_payload(decode=True), "utf-8")  # type: ignore[arg-type] # of a text these are bytes
        for part in mail.walk()
        if part.get_content_type() == "text/plain"
    )


def of_ann(text: str, **fields: str) -> bytes:
    return of_alice(text, **{"from": "Ann <ann@hub.test>"} | fields)


async def answers(outside: Outside, raw: bytes, to: str) -> Row:
    await outside.sends(raw, "ann@hub.test", to)
    await outside.works()
    return await outside.last()


@LETS_THEM
async def test_what_staff_answer_to_their_notice_is_a_note_and_changes_nothing_else(outside):
    outside.names.publish(OF_STAFF | {"s1._domainkey.hub.test TXT": [rsa()[1]]})
    number, notice = await a_notice_to_ann(outside)
    assert "nota che leggono soltanto i colleghi" in words(notice)
    before = await outside.desk.ticket(number)
    said_before = await outside.desk.rows(tables.message, number, direction="in")

    row = await answers(
        outside, signed(of_ann("#close\nCi penso io.\n"), "hub.test"), str(notice["Reply-To"])
    )

    (note,) = await outside.desk.rows(tables.note, number)
    assert (row.outcome, row.reason, row.message_id) == ("attached", "agents_comment", note.id)
    assert (note.agent, note.text) == ((await outside.desk.who("ann")).id, "#close\nCi penso io.")
    assert await outside.desk.rows(tables.message, number, direction="in") == said_before
    after = await outside.desk.ticket(number)
    assert (after.state, after.assignee, after.waits_since) == (
        before.state,
        before.assignee,
        before.waits_since,
    )


@LETS_THEM
@pytest.mark.parametrize("lacks", ["the signature", "the address"])
async def test_without_each_proof_a_mail_of_staff_is_a_claim_that_waits(outside, lacks):
    outside.names.publish(OF_STAFF | {"s1._domainkey.hub.test TXT": [rsa()[1]]})
    number, notice = await a_notice_to_ann(outside)
    raw = of_ann("Ci penso io.\n", in_reply_to=str(notice["Message-ID"]))
    to = "support@hub.test" if lacks == "the address" else str(notice["Reply-To"])

    row = await answers(outside, raw if lacks == "the signature" else signed(raw, "hub.test"), to)

    assert (row.outcome, row.reason) == ("held", "third_party")
    assert await outside.desk.rows(tables.note, number) == []


async def test_where_the_desk_takes_no_notes_by_mail_an_address_that_was_given_before_makes_none(outside):
    outside.names.publish(OF_STAFF | {"s1._domainkey.hub.test TXT": [rsa()[1]]})
    number, _ = await a_notice_to_ann(outside)
    ticket_id = (await outside.desk.ticket(number)).id
    token = await outside.desk.db.write(sending._answers_to, ticket_id, ticket_id, "ann@hub.test")

    row = await answers(
        outside, signed(of_ann("Ci penso io.\n"), "hub.test"), f"support+r-{token}@reply.hub.test"
    )

    assert (row.outcome, row.reason) == ("held", "third_party")
    assert await outside.desk.rows(tables.note, number) == []


async def test_a_notice_has_no_address_for_answers_where_the_desk_takes_none(outside):
    _, notice = await a_notice_to_ann(outside)

    assert notice["Reply-To"] is None
    assert "nota" not in words(notice)
