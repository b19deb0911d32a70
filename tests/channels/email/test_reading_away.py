"""What comes to the envelope sender of a delivery: a report, an automatic answer, or a person? In any language."""

from __future__ import annotations

import pytest

from channels.email.reading import away, away_tables
from core.envelope import Inbound, Kind
from tests.channels.email.reading_mails import TOKEN, a_mail, understood
from tests.spending import quickly

LANGUAGES = "it en de fr es pt nl pl cs sk hu ro sl hr bg el tr da sv nb fi et lv lt uk ru he ar zh ja ko vi th".split()
AUTOMATIC = {Kind.OUT_OF_OFFICE, Kind.AUTO_REPLY}


def there(raw: bytes, *, null_sender: bool = False) -> Inbound:
    """The same mail at the envelope sender of a delivery."""
    sender = "" if null_sender else "alice@cust-a.test"
    return understood(raw, f"support+b-{TOKEN}@reply.hub.test", sender=sender, protocol="ESMTP")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_found_as_a_subject_and_as_a_text(language):
    assert len(away_tables.ANSWERS[language]) >= 2
    assert len(away_tables.AWAY[language]) >= 5
    for phrase in (*away_tables.ANSWERS[language], *away_tables.AWAY[language]):
        said = phrase.rstrip("*")
        assert away.said(f"{said.upper() if language == 'de' else said}: 12")
        assert away.said(f"(… {said}, 12.)")


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: [#26-000001] Printer",
        "Risposta automatica: Stampante",
        "Automatická odpověď: Tiskárna",
        "Automatikus válasz: Nyomtató",
        "Automatski odgovor: Pisač",
        "Αυτόματη απάντηση: Εκτυπωτής",
        "Automātiska atbilde: Printeris",
        "Автоматична відповідь: Принтер",
        "מענה אוטומטי: מדפסת",
        "رد تلقائي: الطابعة",
        "自動応答: プリンター",
        "자동 회신: 프린터",
        "Trả lời tự động: Máy in",
        "ตอบกลับอัตโนมัติ: เครื่องพิมพ์",
    ],
)
def test_an_automatic_answer_as_exchange_writes_it_is_one_in_any_language(subject):
    mail = a_mail(
        "…",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "In-Reply-To: <m.x@hub.test>",
        "Return-Path: <>",
        subject=subject,
    )

    inbound = there(mail, null_sender=True)

    assert inbound.kind is Kind.OUT_OF_OFFICE
    assert inbound.report is None
    assert understood(mail).kind is Kind.OUT_OF_OFFICE


def test_an_answer_in_a_language_of_no_table_is_automatic_all_the_same():
    mail = a_mail(
        "Ukuphendula okuzenzakalelayo.",
        "Auto-Submitted: auto-generated",
        "In-Reply-To: <m.x@hub.test>",
        subject="Impendulo ezenzakalelayo: Printer",
    )

    assert there(mail, null_sender=True).kind in AUTOMATIC
    assert there(mail).kind in AUTOMATIC


@pytest.mark.parametrize(
    ("lines", "subject", "text"),
    [
        (
            ["Auto-Submitted: auto-replied"],
            "Re: Printer",
            "I am out of the office. My mailbox is full, so write again.",
        ),
        (
            ["X-Autoreply: yes"],
            "Re: Drucker",
            "Ich bin im Urlaub. Mein Postfach: mailbox is full, over quota.",
        ),
        (
            ["Auto-Submitted: auto-generated"],
            "Assenza",
            "Sono in ferie; la mailbox is full, user unknown a nessuno.",
        ),
        (
            ["Precedence: bulk"],
            "Re: Imprimante",
            "Je suis absente du bureau. Delivery failed if mailbox full.",
        ),
        (["X-Vacation: yes"], "Re: x", "The mailbox is full. 5.2.2"),
        (["Auto-Submitted: auto-replied (vacation)"], "Puhkus", "mailbox is full"),
    ],
)
@pytest.mark.parametrize("null_sender", [True, False])
def test_a_machines_mark_and_an_away_phrase_outweigh_words_about_mailboxes(lines, subject, text, null_sender):
    inbound = there(a_mail(text, *lines, subject=subject), null_sender=null_sender)

    assert inbound.kind is Kind.OUT_OF_OFFICE


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Jestem na urlopie", "Wracam w poniedziałek."),
        ("Re: Printer", "Jeg er på ferie til den 3. august."),
        ("Printer", "Ich bin bis 12. August nicht im Büro."),
        ("Nieobecność", "…"),
    ],
)
def test_nobodys_mail_program_answers_to_an_envelope_sender_so_the_phrase_alone_tells(subject, text):
    assert there(a_mail(text, subject=subject)).kind is Kind.OUT_OF_OFFICE


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Re: [#26-000001] Printer",
            "Thank you, it works again. Only the mailbox is full now, can you look?",
        ),
        (
            "Re: Stampante",
            "Va bene.\n\n-----Original Message-----\nFrom: support@hub.test\nReceived: x\nSubject: y",
        ),
        ("Printer", "Something went wrong somewhere."),
        ("My phone number", "Please call me on 0255510002, extension 5.1."),
        ("AW: Drucker", "Der Empfänger ist unbekannt verzogen, sagt die Post."),
        ("", "ok"),
        ("Holiday cover", "Our receptionist is on vacation, who can reset the door code?"),
        ("Out of office does not work", "The automatic reply of Outlook fails with an error."),
        ("Fwd: Urlaub", "Ich bin im Urlaub."),
        ("Absence de réseau", "Absence de réseau au deuxième étage."),
        ("Mailbox full", "My mailbox is full, please increase the quota."),
        ("Delivery failed", "The courier could not deliver the toner."),
        ("Undeliverable parcel", "The parcel came back as undeliverable."),
    ],
)
def test_a_person_who_writes_to_an_envelope_sender_is_a_person(subject, text):
    inbound = there(a_mail(text, subject=subject))

    assert inbound.kind is Kind.HUMAN
    assert inbound.report is None
    assert inbound.bounce_tokens == (TOKEN,)


def test_what_a_person_wrote_with_a_mail_program_is_theirs_wherever_it_arrives():
    text = "I am out of the office next week: come before Friday. The mailbox is full: 5.2.2."

    assert there(a_mail(text, "User-Agent: Mozilla Thunderbird")).kind is Kind.HUMAN
    assert there(a_mail(text, "X-Mailer: iPhone Mail (20B110)")).kind is Kind.HUMAN
    assert there(a_mail(text, "X-Mailer: vacation 1.2")).kind is Kind.OUT_OF_OFFICE


@pytest.mark.parametrize(
    ("fields", "text", "null_sender"),
    [
        ({"subject": "Delivery failure"}, "Sorry, no such user here.", False),
        ({"subject": "Printer"}, "550 5.1.1 user unknown\n\nReceived: from x\nSubject: y", True),
        ({"subject": "Printer", "from": "MAILER-DAEMON@mx.test"}, "The mailbox is full.", False),
        ({"subject": "Notice", "from": "postmaster@mx.test"}, "bob: 5.2.2 over quota", False),
        ({"subject": "Nicht zustellbar: Drucker"}, "Die Adresse existiert nicht.", True),
        (
            {"subject": "Undeliverable: x"},
            "The address could not be found.\n\n--- Original message ---\nTo: b",
            False,
        ),
    ],
)
def test_words_of_failure_make_a_bounce_of_what_comes_there(fields, text, null_sender):
    inbound = there(a_mail(text, **fields), null_sender=null_sender)

    assert inbound.kind in (Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT)
    assert not inbound.may_auto_reply


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "I am on vacation next week: please repair it before."),
        ([], "Sono in ferie da lunedì, ma la stampante serve ai colleghi."),
        (["List-Id: <staff.acme.test>"], "Bob is on holiday, who takes the printer?"),
        (["Auto-Submitted: auto-generated"], "Backup of host ann failed; owner is on leave."),
        (["Return-Path: <>"], "We are closed: chiuso per ferie. The alarm still rings."),
    ],
)
def test_a_text_about_holidays_suppresses_nobody(lines, text):
    inbound = understood(a_mail(text, *lines))

    assert inbound.kind in (Kind.HUMAN, Kind.MAILING_LIST, Kind.SYSTEM_NOTIFICATION)


def test_a_notice_that_speaks_of_somebody_who_is_away_is_shown():
    mail = a_mail(
        "Her tickets wait.", "Auto-Submitted: auto-generated", subject="Ann is on leave from Monday"
    )

    assert understood(mail).kind is Kind.SYSTEM_NOTIFICATION


@pytest.mark.parametrize(
    "subject", ["Im Urlaub: Wer hilft?", "Na dovolené nefunguje VPN", "休暇中の連絡先", "外出 许可"]
)
def test_a_phrase_in_the_subject_alone_stops_answers_and_hides_nothing(subject):
    inbound = understood(a_mail("Please help.", subject=subject))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)


@pytest.mark.parametrize("text", ["im " * 700, "不在" * 2_000, "nie ist " * 300 + "nie", "ˋ\u0307" * 4_000])
def test_a_text_made_to_be_slow_is_looked_through_in_no_time(text):
    with quickly(0.05):
        away.said(text)
