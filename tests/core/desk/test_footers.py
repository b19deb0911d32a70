"""What colleagues of one firm end their mails with is folded from the third mail on, and nobody learns it for another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels.email.reading import read
from core.desk import explaining, tidying
from core.envelope import Authentication
from core.rules import footers as rule
from core.store import tables
from tests.desk_at_work import DISOWNED, PASSED, AtWork, at_work

FIRM = (
    "Acme Industrie treats what it learns of you as its policy on the web says, keeps it for as long as the law wants, and "
    "gives it to nobody but those who work for it; who wants to know more writes to the address on the first page."
)


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


def raw(sender: str, words: str) -> bytes:
    return (
        f"From: {sender}\nTo: support@desk.test\nSubject: {words}\nMessage-ID: <{words.replace(' ', '-')}@acme.test>\n"
        f"Date: Mon, 2 Mar 2026 10:00:00 +0100\n\n{words}\n\nRegards\n{sender.partition('@')[0].title()}\n\n{FIRM}\n"
    ).encode()


async def wrote(desk: AtWork, sender: str, words: str, authentication=PASSED, **fields) -> str:
    """What staff see unfolded of a mail with the firm's paragraph below it. Read as mails are."""
    said = read.read(raw(sender, words), {"channel": "email"}, {})
    given = {"spans": said.spans, "footers": said.footers} | fields
    done = await desk.mail(sender, words, said.text, authentication=authentication, **given)
    (message,) = await desk.rows(tables.message, done.number, id=done.message_id)
    return "".join(message.text[start:end] for start, end, kind in message.spans if kind == "visible")


async def test_the_third_mail_of_two_colleagues_is_shown_without_what_their_firm_puts_below_all(desk):
    assert FIRM in await wrote(desk, "alice@acme.test", "The pump is broken")
    assert FIRM in await wrote(desk, "aldo@acme.test", "The door does not close")
    assert FIRM in await wrote(desk, "alice@acme.test", "The lamp is dark")

    # The name above is a signature now, which it was not with the words of somebody below it.
    assert await wrote(desk, "aldo@acme.test", "The lift stands still") == "The lift stands still\n\n"
    (row,) = await desk.rows(tables.inbound, id=desk.last)
    assert row.detail["folded"][0]["mails"] == 3

    # Whoever asks is told why, as often as they ask, and it teaches nothing.
    def explained():
        def as_it_is_read(content, arrival):
            return read.read(content, arrival, {"addresses": ["support@desk.test"], "domain": "desk.test"})

        return explaining.explain(desk.db, raw("alice@acme.test", "It hums"), as_it_is_read, now=desk.now)[
            "mail"
        ]["notes"]

    assert explained() == explained() == ["folded as a footer of its domain: 3"]
    (known,) = await desk.rows(tables.footer)
    assert known.mails == 3

    # What its domain disowns is shown as it is; another customer's mail with the same words is another's.
    row = await held(desk, "aldo@acme.test", "Pay here")
    assert FIRM in row.detail["text"]
    assert FIRM in await wrote(desk, "bob@beta.test", "The same words")

    # Nobody has it any more: it is forgotten, and what too few had long before.
    desk.passes(days=rule.KEPT.days + 1)
    await desk.db.write(tidying.tidy, now=desk.now)
    assert [one.mails for one in await desk.rows(tables.footer)] == [3]
    await desk.db.write(tidying.tidy, now=desk.now + rule.KNOWN_FOR + timedelta(days=1))
    assert await desk.rows(tables.footer) == []


async def held(desk: AtWork, sender: str, words: str):
    said = read.read(raw(sender, words), {"channel": "email"}, {})
    await desk.mail(sender, words, said.text, authentication=DISOWNED, spans=said.spans, footers=said.footers)
    (row,) = await desk.rows(tables.inbound, id=desk.last)
    assert row.outcome == "held"
    return row


async def test_nobody_teaches_who_is_alone_unproved_or_unknown(desk):
    for n in range(4):  # one person's habit
        assert FIRM in await wrote(desk, "alice@acme.test", f"Alone {n}")
    (row,) = await desk.rows(tables.footer)
    assert (row.mails, row.several) == (4, False)

    for n in range(3):  # under a colleague's name, without a proof
        assert FIRM in await wrote(desk, "aldo@acme.test", f"Forged {n}", Authentication())
    for n in range(3):  # strangers, and somebody whose From cannot be relied on
        assert FIRM in await wrote(desk, f"someone{n}@elsewhere.test", f"Strange {n}")
        assert FIRM in await wrote(desk, "aldo@acme.test", f"Defect {n}", author_defects=("two",))
    assert [(one.mails, one.several) for one in await desk.rows(tables.footer)] == [(4, False)]
