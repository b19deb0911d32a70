"""A thumb and a calendar's yes are signs, not requests."""

from __future__ import annotations

import pytest

from core.envelope import Kind
from tests.channels.email.reading_mails import a_mail, parts, understood

ANSWERS = "In-Reply-To: <m.x@hub.test>"


def test_a_reaction_part_says_so_whatever_stands_beside_it():
    kind, content = parts(
        "Content-Type: text/plain; charset=utf-8\n\n👍\n\nMario Rossi reacted via Mailbox",
        'Content-Type: text/vnd.google.email-reaction+json\n\n{"emoji":"👍","version":1}',
        "Content-Type: text/html; charset=utf-8\n\n<p>👍</p>",
        kind="alternative",
    )

    inbound = understood(a_mail(content, kind, ANSWERS))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.REACTION, False)


@pytest.mark.parametrize(
    "text",
    [
        "👍\n\nMario Rossi reacted via Gmail",
        "Lisa Smith reacted to your message:",
        "Liked “See you at nine”",
        'Laughed at "It was the cable"',
        "Reacted 🎉 to “It works again”",
        "❤️\nAnna ha reagito tramite Gmail",
        "😀\n\nJörg Müller hat über Gmail reagiert",
        "Ha messo “Mi piace” a “Domani alle nove”",
    ],
)
def test_reactions_that_come_as_words_are_known(text):
    assert understood(a_mail(text, "Content-Type: text/plain; charset=utf-8", ANSWERS)).kind is Kind.REACTION


@pytest.mark.parametrize(
    "text",
    [
        "👍",
        "Liked it, thank you.",
        'Liked "the new printer" but it does not print.',
        "Nobody reacted to your message: the queue is still stopped.\nPlease look again at the router in room 4.",
        "Nikdo nereagoval",
        "I reacted to your message by restarting the server.",
        "👍\n\nWe reacted with the reset you proposed, and now room 4 has no light.\nWhat next?",
    ],
)
def test_words_of_a_person_are_no_reaction(text):
    mail = a_mail(text, "Content-Type: text/plain; charset=utf-8", ANSWERS)

    assert understood(mail).kind is Kind.HUMAN


def test_what_answers_nothing_is_no_reaction():
    assert understood(a_mail('Liked "See you at nine"')).kind is Kind.HUMAN


def a_calendar(method: str, declared: str = "", subject: str = "Accepted: Visit on Monday") -> bytes:
    kind, content = parts(
        "Content-Type: text/plain\n\nI come ten minutes later.",
        f"Content-Type: text/calendar; charset=utf-8{declared}\n\nBEGIN:VCALENDAR\nMETHOD:{method}\nEND:VCALENDAR\n",
        kind="alternative",
    )
    return a_mail(content, kind, ANSWERS, subject=subject)


@pytest.mark.parametrize("method", ["REPLY", "COUNTER", "reply"])
@pytest.mark.parametrize("declared", ["", '; method="REPLY"'])
def test_what_a_calendar_answers_is_a_sign(method, declared):
    inbound = understood(a_calendar(method, declared))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.CALENDAR_REPLY, False)


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "PUBLISH"])
def test_an_invitation_is_a_message(method):
    assert understood(a_calendar(method, subject="Visit on Monday")).kind is Kind.HUMAN


def test_a_calendars_answer_that_a_person_passes_on_is_a_message():
    assert understood(a_calendar("REPLY", subject="Fwd: Accepted: Visit")).kind is Kind.HUMAN
