"""Is something forwarded, and by whom was it written?"""

from __future__ import annotations

import pytest

from tests.channels.email.reading_mails import a_mail, parts, shown, understood

GMAIL = """Can you look?

---------- Forwarded message ---------
From: Bob Stone <bob@cust-b.test>
Date: Mon, 23 Nov 2026 at 05:00
Subject: Printer
To: <ann@hub.test>

It is broken.
"""
OUTLOOK = """Vedi sotto.

Da: Bob Stone <bob@cust-b.test>
Inviato: lunedì 23 novembre 2026 05:00
A: Ann <ann@hub.test>
Oggetto: Stampante

Non va.
"""
APPLE = """FYI

Begin forwarded message:

From: Bob Stone <bob@cust-b.test>
Subject: Printer
Date: 23 November 2026 at 05:00:00 CET
To: ann@hub.test

It is broken.
"""


def writer(said) -> str:
    return said.forwarded_from.address if said.forwarded_from is not None else ""


@pytest.mark.parametrize(
    ("subject", "text"), [("Fwd: Printer", GMAIL), ("I: Stampante", OUTLOOK), ("Fwd: Printer", APPLE)]
)
def test_a_forward_names_who_wrote_it(subject, text):
    said = understood(a_mail(text, subject=subject))

    assert said.forward
    assert writer(said) == "bob@cust-b.test"


@pytest.mark.parametrize("text", [GMAIL, APPLE])
def test_what_a_program_says_is_forwarded_is_so_whatever_the_subject(text):
    said = understood(a_mail(text, subject="Printer of cust-b"))

    assert said.forward
    assert writer(said) == "bob@cust-b.test"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Printer", GMAIL),
        ("Stampante", OUTLOOK),  # as every answer of Outlook has it
        ("Printer", "The log says: ---------- Forwarded message ---------\nIt is broken.\n"),
    ],
    ids=["an answer", "a header alone", "words of their own"],
)
def test_what_answers_or_only_looks_so_is_no_forward(subject, text):
    said = understood(a_mail(text, subject=subject))

    assert (said.forward, said.forwarded_from) == (False, None)


def test_an_attached_mail_tells_by_its_own_author():
    inner = "From: Bob <bob@cust-b.test>\nSubject: Printer\n\nIt is broken.\n"
    kind, body = parts(
        "Content-Type: text/plain\n\nSee the mail.\n", f"Content-Type: message/rfc822\n\n{inner}"
    )

    said = understood(a_mail(body, kind, subject="Printer of cust-b"))

    assert said.forward
    assert writer(said) == "bob@cust-b.test"


def test_several_authors_are_none():
    said = understood(
        a_mail(GMAIL.replace("<bob@cust-b.test>", "<bob@b.test>, <eve@e.test>"), subject="Fwd: x")
    )

    assert writer(said) == ""


ANNOUNCED = [
    "Začátek přeposílané zprávy:",
    "Anfang der weitergeleiteten E-Mail:",
    "Započni proslijeđenu poruku:",
    "Továbbított levél kezdete:",
    "Início da mensagem reencaminhada:",
    "Începe mesajul redirecționat:",
    "Začiatok preposlanej správy:",
    "Vidarebefordrat mejl:",
    "İleti başlangıcı:",
    "Початок листа, що пересилається:",
    "----- İletilmiş Mesaj -----",
    "-------- İletilen İleti --------",
    "----- Перенаправлене повідомлення -----",
    "-------- Välitetty viesti / Fwd.Msg --------",
    "--- Treść przekazanej wiadomości ---",
    "---------- Wiadomość przesłana dalej ---------",
    "---------- メッセージを転送 ---------",
    "-------- Mesaj redirecţionat --------",
]


@pytest.mark.parametrize("line", ANNOUNCED)
def test_programs_announce_a_forward_in_their_users_language(line):
    header = "From: Bob Stone <bob@cust-b.test>\nSubject: Printer\nDate: 23 November 2026 at 05:00\nTo: ann@hub.test"

    said = understood(a_mail(f"Look.\n\n{line}\n\n{header}\n\nIt is broken.\n", subject="Printer of cust-b"))

    assert said.forward
    assert writer(said) == "bob@cust-b.test"
    assert shown(said.text, first=True).endswith("It is broken.")


@pytest.mark.parametrize("word", ["Redir.", "Videresend", "İLT", "Továbbítás", "Prosl"])
def test_the_word_of_a_forward_is_known_in_its_language(word):
    assert understood(a_mail("See below.", subject=f"{word}: Printer")).forward


@pytest.mark.parametrize("subject", ["Redirect: it loops", "Prosody: broken", "Ilta 5: closed"])
def test_words_that_only_begin_so_are_no_forward(subject):
    assert not understood(a_mail("It is broken.", subject=subject)).forward


SENTENCES = [
    'On 23/11/2026, 06:00, "Bob Stone" <bob@cust-b.test> wrote:',
    'Am 23.11.26, 06:00 schrieb "Bob Stone" <bob@cust-b.test>:',
    'Il giorno 23/11/26, 06:00 "Bob Stone" <bob@cust-b.test> ha scritto:',
    "Le 23/11/2026 06:00, « Bob Stone » <bob@cust-b.test> a écrit :",
    "Dnia 23.11.2026, 06:00 „Bob Stone” <bob@cust-b.test> napisał:",
    '"Bob Stone" <bob@cust-b.test>, 23.11.2026 06:00 tarihinde şunu yazdı:',
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_forward_with_a_sentence_in_place_of_a_header_names_who_wrote_it(sentence):
    said = understood(a_mail(f"Look.\n\n{sentence}\n\n    It is broken.\n", subject="FW: Printer"))

    assert said.forward
    assert (said.forwarded_from.address, said.forwarded_from.name) == ("bob@cust-b.test", "Bob Stone")


def test_a_sentence_that_names_nobodys_address_names_nobody():
    text = "Look.\n\nOn 23/11/2026, 06:00, Bob Stone wrote:\n\n> It is broken.\n"

    assert understood(a_mail(text, subject="FW: Printer")).forwarded_from is None
