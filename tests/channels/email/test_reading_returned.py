"""Whom did a mail not reach, why, and is that address dead? Of reports in the words of many systems."""

from __future__ import annotations

import pytest

from core.envelope import Kind
from tests.channels.email.reading_mails import a_mail, parts, understood

US = "support@hub.test"


def a_report(block: str, text: str = "It could not be delivered.") -> bytes:
    """A report by the rules (RFC 3464) about one recipient."""
    kind, content = parts(
        f"Content-Type: text/plain\n\n{text}",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n{block}\n",
        kind='report; report-type="delivery-status"',
    )
    return a_mail(
        content, kind, **{"from": "MAILER-DAEMON@mx.test", "subject": "Undelivered Mail Returned to Sender"}
    )


def a_letter(text: str) -> bytes:
    """A report in free words, sent to us."""
    return a_mail(
        text, to=US, **{"from": "Mail Delivery System <MAILER-DAEMON@mx.test>", "subject": "Returned mail"}
    )


def only(raw: bytes):
    (one,) = understood(raw).report.recipients
    return one


@pytest.mark.parametrize(
    "final",
    [
        "rfc822; bob7@store-3.x.test",
        "LOCAL; <bob>",
        "x400; /S=bob/OU=x/PRMD=X/ADMD= /C=GB/",
        "rfc822; bob@x.test",
    ],
)
def test_the_recipient_is_the_address_we_wrote_to_wherever_the_mail_ended(final):
    block = f"Original-Recipient: rfc822; bob@x.test\nFinal-Recipient: {final}\nAction: failed\nStatus: 5.2.2"

    assert only(a_report(block)).recipient == "bob@x.test"


def test_a_local_name_is_no_address_we_wrote_to():
    block = (
        "Original-Recipient: rfc822; bob\nFinal-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.1.1"
    )

    assert only(a_report(block)).recipient == "bob@x.test"


@pytest.mark.parametrize(
    "status", ["5.0.0 (recipient reached disk quota)", "552 recipient reached disk quota"]
)
def test_words_beside_the_status_are_the_reason_where_no_server_is_quoted(status):
    one = only(a_report(f"Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: {status}"))

    assert "recipient reached disk quota" in one.text
    assert not one.hard


def test_what_a_scanner_writes_below_a_report_does_not_bring_a_dead_address_to_life():
    text = "Delivery to the following recipients failed.\n\n   bob@x.test\n\n\nScanned for all viruses and spam, see our policy.\n"
    block = "Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.1.1"

    inbound = understood(a_report(block, text))

    assert inbound.kind is Kind.BOUNCE_HARD


@pytest.mark.parametrize(
    "text",
    [
        (
            f"Your message\n\n  To: {US}; ann@hub.test\n  Subject: Printer\n\ndid not reach the following recipient(s):\n\n"
            "c=IT;a= ;p=X;o=Y;dda:SMTP=bob@x.test; on Fri, 27 Nov 2026\n  The recipient name is not recognized\n"
        ),
        f"The message from {US} to the user below was not delivered:\n\nRecipients:\n   no account bob@x.test there\n",
        f"Sorry {US}, your mail to bob@x.test could not be delivered: user unknown.\n",
    ],
)
def test_of_the_addresses_in_a_report_the_recipient_is_the_one_it_did_not_reach(text):
    assert only(a_letter(text)).recipient == "bob@x.test"


@pytest.mark.parametrize(
    "text",
    [
        f"Sorry {US}. Your mail to the following recipients could not be delivered because they are full:\n\n\tbob17\n",
        "Your mail to the following recipients could not be delivered, they take no mail from news@hub.test:\n\n\tbob17\n",
    ],
)
def test_whoever_gets_the_report_or_wrote_the_mail_is_never_whom_it_did_not_reach(text):
    assert understood(a_letter(text)).report.recipients == ()


@pytest.mark.parametrize(
    ("words", "status", "hard"),
    [
        ("Undeliverable Address, because the recipient is over disk quota.", "5.2.2", False),
        ("Command output: Mail quota\n    exceeded.", "5.2.2", False),
        ("The user's mailfolder is full.", "5.2.2", False),
        ("This account has been disabled or discontinued.", "5.2.1", False),
        ("This person is not accepting mail from your address.", "", False),
        ("Name service error for x.test: Host not\n    found, try again", "5.1.2", False),
        ("Name service error for x.test: Host not\n    found", "5.1.2", True),
        ("This user doesn't have an x.test account.", "5.1.1", True),
        ("Invalid final delivery userid", "5.1.1", True),
        ("The recipient name is not recognized", "5.1.1", True),
        ("Too many hops 26 (25 max)", "5.4.6", False),
        ("All hosts have been failing for a long time.", "4.4.7", False),
    ],
)  # fmt: skip
def test_a_report_without_a_code_is_understood_by_its_words(words, status, hard):
    one = only(a_letter(f"Your message could not be delivered.\n\n<bob@x.test>: {words}\n"))

    assert (one.recipient, one.status, one.hard) == ("bob@x.test", status, hard)


def test_a_full_mailbox_that_is_tried_again_is_a_passing_trouble():
    text = "Delivery to bob@x.test has been delayed due to a full mailbox. We will continue to try.\n"

    inbound = understood(a_letter(text))

    assert inbound.kind is Kind.DELAYED
    assert inbound.report.recipients[0].status == "4.2.2"


# --- Answers that only look like mail of many, or of a person --------------------------------------------------


def test_bulk_mail_with_an_empty_envelope_sender_is_a_programs_answer_and_opens_nothing():
    inbound = understood(
        a_mail(
            "Thank you, I will answer soon.\n",
            "Precedence: bulk",
            "Return-Path: <>",
            subject="Re: Printer",
        )
    )

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.AUTO_REPLY, False)


@pytest.mark.parametrize("field", ["List-Id: <news.x.test>", "List-Unsubscribe: <https://x.test/u>"])
def test_a_list_with_an_empty_envelope_sender_is_still_a_list(field):
    inbound = understood(a_mail("News.\n", "Precedence: bulk", "Return-Path: <>", field))

    assert inbound.kind is Kind.MAILING_LIST


PROOFS = [
    "This account is protected by Gatekeeper. Please click the link below.\n\nhttps://gate.test/verify/1\n",
    "Your message has been held until you confirm it once: https://gate.test/c/1\n",
    "Please have your address added to the recipient's allowed list: https://gate.test/a\n",
    "La preghiamo di confermare di essere una persona: https://gate.test/a\n",
]


@pytest.mark.parametrize("text", PROOFS)
def test_who_wants_a_proof_that_we_are_a_person_gets_no_answer(text):
    elsewhere = understood(a_mail(text, subject="Re: Printer"))
    where_it_bounces = understood(a_mail(text, subject="Re: Printer"), "support+b-" + "a" * 26 + "@hub.test")

    assert (elsewhere.kind, elsewhere.may_auto_reply) == (Kind.HUMAN, False)
    assert "asks whether its reader is a person" in elsewhere.kind_evidence
    assert not where_it_bounces.may_auto_reply


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Printer",
            "My account is protected by a second factor now, and the link https://x.test/login does not work.",
        ),
        (
            "Re: Printer",
            "Please add her to the guest list of the event, see https://x.test/e, and confirm by Friday.",
        ),
        ("Re: Printer", "The shop says I must verify that you are the owner. Can you?"),
    ],
)
def test_a_person_who_speaks_of_lists_and_proofs_is_answered(subject, text):
    inbound = understood(a_mail(text, subject=subject))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, True)


# --- People and notices that speak of mail ---------------------------------------------------------------------

ADMINISTRATORS = [
    ("Mario Rossi <postmaster@acme.test>", "User-Agent: Mozilla Thunderbird", "Our mail could not be delivered since noon.\n"),
    ("Ann <postmaster@acme.test>", "X-Priority: 3", "Hello,\nour server says that the mailbox is full. Raise the quota.\n"),
    ("Ann <post-master@acme.test>", "X-Priority: 3", "Our mail was rejected by your server. Can you look at it?\n"),
    ("IT <it-admin@acme.test>", "X-Priority: 3", "Our mail could not be delivered: mailbox unavailable.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("author", "field", "text"), ADMINISTRATORS)
def test_who_keeps_the_mail_of_a_customer_may_write_of_what_does_not_arrive(author, field, text):
    inbound = understood(a_mail(text, field, subject="Mail delivery problem", **{"from": author}))

    assert inbound.kind in (Kind.HUMAN, Kind.SYSTEM_NOTIFICATION)
    assert inbound.report is None


def test_a_postmaster_that_is_a_program_reports_as_ever():
    text = "Your message to bob@x.test could not be delivered: mailbox unavailable.\n"

    inbound = understood(a_mail(text, subject="Undeliverable mail", **{"from": "postmaster@x.test"}))

    assert inbound.kind is Kind.BOUNCE_SOFT


def test_a_list_refuses_who_is_no_member():
    text = "You are not a member of this mailing list <staff@x.test>.\n"

    inbound = understood(
        a_mail(
            text,
            "X-ML-Name: staff",
            subject="You are not a member (staff ML)",
            **{"from": "staff-admin@x.test"},
        )
    )

    assert inbound.kind is Kind.BOUNCE_SOFT


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Delivery failed: parcel 4711", "Your parcel could not be delivered today. Choose another day.\n"),
        ("Mancata consegna", "Il Suo pacco non è stato consegnato. Scelga un altro giorno.\n"),
        ("Sendung nicht zustellbar", "Ihr Paket konnte nicht zugestellt werden.\n"),
        ("Warning: mailbox full", "The mailbox of bob@acme.test is full, quota exceeded.\n"),
        (
            "Backup report: failure",
            "Delivery of the following report failed. Write to support@backup.test.\n",
        ),
    ],
)
def test_a_notice_from_where_nobody_answers_opens_a_request_though_something_was_not_delivered(subject, text):
    inbound = understood(a_mail(text, subject=subject, **{"from": "Notices <no-reply@x.test>"}))

    assert (inbound.kind, inbound.report) == (Kind.SYSTEM_NOTIFICATION, None)


def test_from_where_nobody_answers_a_mail_that_comes_back_is_a_report():
    text = (
        "Your mail could not be delivered to bob@x.test.\n\n"
        "----- Original message -----\n\nReceived: by mx.test\nTo: bob@x.test\n"
    )

    assert only(a_mail(text, subject="Mail", **{"from": "no-reply@x.test"})).recipient == "bob@x.test"


def test_saved_parts_of_a_report_that_a_persons_program_attaches_are_files():
    status = (
        "Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.1.1\n"
    )
    kind, content = parts(
        "Content-Type: text/plain\n\nWhat does this mean?",
        f"Content-Type: message/delivery-status\nContent-Disposition: attachment; filename=details.txt\n\n{status}",
    )

    inbound = understood(a_mail(content, kind, "X-Mailer: Microsoft Outlook 16.0", subject="Strange mail"))

    assert inbound.kind is Kind.HUMAN
    assert [file.name for file in inbound.attachments] == ["details.txt"]


@pytest.mark.parametrize(
    "text", ["Vielen Dank. Leider konnte nicht alles gelesen werden.\n", "Grazie, ma è impossibile.\n"]
)
def test_thanks_with_an_empty_envelope_sender_are_no_report_of_failure(text):
    inbound = understood(a_mail(text, "Return-Path: <>", subject="Re: Printer"))

    assert inbound.kind not in (Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT)


@pytest.mark.parametrize(
    ("author", "subject", "text"),
    [
        (
            "Mail server at mx.test <@>",
            "NOTICE: mail delivery status",
            "Your mail cannot be delivered:\n\n<bob@x.test>:\n",
        ),
        ("Mail System <>", "Mail Error", "Your mail cannot be delivered to bob@x.test\n"),
        (
            f"Microsoft Outlook <MicrosoftExchange{'0f' * 16}@x.test>",
            "Non recapitabile: Offerta",
            "Il recapito non è riuscito per i seguenti destinatari:\n\nbob@x.test\n",
        ),
        ("postmaster@x.test", "Correo devuelto", "No se ha podido entregar su mensaje a bob@x.test\n"),
        ("mailer-daemon@x.test", "Offre", "Votre message n'a pas pu etre delivre a\nbob@x.test\n"),
    ],
)
def test_systems_that_write_in_their_own_way_are_known(author, subject, text):
    assert only(a_mail(text, subject=subject, **{"from": author})).recipient == "bob@x.test"


def test_a_name_without_an_address_is_no_machine_by_itself():
    inbound = understood(a_mail("The printer is broken.\n", **{"from": "Alice <>"}))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)


@pytest.mark.parametrize("author", ["nas@acme.test", "no-reply@acme.test"])
@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Backup", "Impossibile eseguire il backup di admin@acme.test: errore fatale.\n"),
        ("USV", "Die Batterie konnte nicht geladen werden. Kontakt: it@acme.test\n"),
        ("Volume 1", "The following error occurred: server message 12. Ask it@acme.test\n"),
        ("Delivery delayed", "Truck 4 is late. Call 12345.\n"),
        ("Warning: message queue", "The queue of robot 4 is long.\n"),
    ],
)
def test_an_alarm_of_a_device_with_an_empty_envelope_sender_opens_a_request(subject, text, author):
    inbound = understood(a_mail(text, "Return-Path: <>", subject=subject, **{"from": author}))

    assert inbound.kind in (Kind.HUMAN, Kind.SYSTEM_NOTIFICATION)
    assert not inbound.may_auto_reply


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("AW: Angebot", "Ihre Nachricht an bob@x.test konnte nicht zugestellt werden.\n"),
        ("Your mail", "bob@x.test: 550 5.1.1 user unknown, delivery failed\n"),
        ("Undeliverable: Offer", "Nobody is called bob@x.test here.\n"),
    ],
)
def test_an_empty_envelope_sender_and_clear_words_are_a_report(subject, text):
    assert (
        only(a_mail(text, "Return-Path: <>", subject=subject, **{"from": "info@x.test"})).recipient
        == "bob@x.test"
    )


PASTED = (
    "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered.\n"
    "The following address failed:\n\n  bob@x.test\n    550 5.1.1 No such user\n\n------ This is a copy of the message ------\n\n"
    "Received: from a by b\nFrom: a@b.test\nTo: bob@x.test\nSubject: Offer\n\nHello Bob\n"
)


@pytest.mark.parametrize(
    ("above", "field"),
    [
        ("Hi, I get this, what is wrong?\n\n", "X-Priority: 3"),
        ("Buongiorno,\nmi torna questo:\n\n", "X-Priority: 3"),
        ("I get this always.\n\n", "User-Agent: Mozilla Thunderbird"),
    ],
)
def test_who_pastes_a_whole_report_and_asks_about_it_is_a_person(above, field):
    inbound = understood(
        a_mail(above + PASTED, field, subject="Mail delivery failed: returning message to sender")
    )

    assert inbound.kind is Kind.HUMAN
    assert "550 5.1.1 No such user" in inbound.text


def test_the_same_report_by_itself_is_one():
    raw = a_mail(PASTED, subject="Mail delivery failed: returning message to sender")

    assert only(raw).recipient == "bob@x.test"
