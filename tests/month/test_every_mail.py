"""Every mail of a month: what the hub says by itself is marked as that, goes to one person alone, and holds nothing that is not theirs."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import select

import running
from channels.email.build import build
from channels.email.channel import EmailChannel
from channels.settings import ChannelSettings
from core import settings
from core.envelope import Outgoing
from core.store import tables
from tests.month.playing import Lived

HUMAN = {"reply", "vendor"}
"""Kinds of which a person pressed send."""


@pytest.fixture
def channel(tmp_path) -> EmailChannel:
    config = settings.load(None, [f"hub.data_dir={tmp_path}"], channels=ChannelSettings)
    return build(config.channels.email, running._surroundings(config))


@pytest.fixture
async def mails(lived: Lived, channel, tmp_path) -> list[tuple[Outgoing, str, EmailMessage]]:
    """What left by mail, its envelope sender, and how a mail program reads it."""
    sent = [one for one in lived.sent if one.channel == "email"]
    found = []
    for one in sent:
        await channel.send(one)
        raw = (tmp_path / "outgoing" / f"{one.ref}.eml").read_bytes()
        mail = message_from_bytes(raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        found.append((one, mail["Return-Path"].strip("<>"), mail))
    return found


def words(mail: EmailMessage) -> str:
    """Everything that can be read in it: fields, texts, files that are text."""
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    texts = [*map(str, mail.values()), *(str(part.get_content()) for part in parts)]
    return "\n".join(texts).lower()


def ids(mail: EmailMessage, field: str) -> list[str]:
    return re.findall(r"<([^<>\s]+)>", str(mail[field] or ""))


async def test_what_nobody_pressed_send_for_says_so_and_asks_no_machine_to_answer(mails):
    assert {one.kind for one, _, _ in mails} >= {
        *HUMAN,
        *("received", "progress", "resolved", "closed", "visit", "visit_engineer", "promise", "sla"),
        *("vendor_reminder", "contract_ends", "periodic_report"),
    }
    for one, _, mail in mails:
        assert one.automatic == (one.kind not in HUMAN), one.kind
        answer = "auto-replied" if one.kind == "received" else "auto-generated"
        marks = (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"])
        assert marks == ((answer, "All") if one.automatic else (None, None)), one.kind
        assert mail["Precedence"] is None
        assert (mail["List-Unsubscribe"] is not None) == (one.kind in ("progress", "periodic_report"))
        assert mail["X-Centralino-Loop"].count(one.ref) == 1
        assert mail["Bcc"] is None
        assert mail["Cc"] is None


async def test_each_has_an_id_and_an_envelope_sender_of_its_own(mails):
    assert len(mails) > 300
    assert len({mail["Message-ID"] for _, _, mail in mails}) == len(mails)
    senders = [sender for _, sender, _ in mails]
    assert len(set(senders)) == len(senders)
    assert all(re.fullmatch(r"support\+b-[a-z2-7]{26}@reply\.desk\.test", one) for one in senders)


async def test_each_answers_the_last_word_of_its_reader_and_names_only_what_they_know(lived, mails):
    inward = select(tables.message.c.external_ref, tables.message.c.thread_id).where(
        tables.message.c.direction == "in"
    )
    said = {row.external_ref: row.thread_id for row in await lived.db.read(lambda tx: tx.all(inward))}
    ours = {mail["Message-ID"].strip("<>"): (one.to.key, one.conversation) for one, _, mail in mails}
    answers = 0
    for one, _, mail in mails:
        answered, named = ids(mail, "In-Reply-To"), ids(mail, "References")
        if not one.conversation:
            assert (answered, named) == ([], []), one.kind
            continue
        answers += bool(answered)
        assert set(answered) <= {id_ for id_, thread in said.items() if thread == one.conversation}
        assert not answered or answered[0] in named
        assert len(named) <= 20
        for id_ in named:
            assert said.get(id_) == one.conversation or ours[id_] == (one.to.key, one.conversation), one.kind
    assert answers > 100


async def test_no_word_of_a_note_and_nobody_elses_address_is_in_what_the_hub_says_by_itself(lived, mails):
    notes = await lived.db.read(lambda tx: [row.text for row in tx.all(select(tables.note))])
    kept = [text.strip().lower() for text in notes if len(text.strip()) > 10]
    people = await lived.db.read(
        lambda tx: {
            *(row.email.lower() for row in tx.all(select(tables.contact.c.email))),
            *(row.address.lower() for row in tx.all(select(tables.participant.c.address))),
        }
    )
    people = {one for one in people if "@" in one}
    staff = {
        row.email.lower() for row in await lived.db.read(lambda tx: tx.all(select(tables.agent.c.email)))
    }
    assert kept
    assert len(people) > 5
    for one, _, mail in mails:
        if one.to.key in staff:
            continue
        text = words(mail)
        assert not [note for note in kept if note in text], one.kind
        if one.automatic:
            others = (people | staff) - {one.to.key}
            assert not [address for address in others if address in text], one.kind
