"""Is a machine's mail known for what it is, and a person's never taken for one?"""

from __future__ import annotations

import pytest

from channels.email.reading import bounce_reasons, reports
from core.envelope import Kind
from tests.channels.email.reading_mails import TOKEN, a_mail, parts, understood
from tests.spending import quickly

FROM_DAEMON = {
    "from": "Mail Delivery System <MAILER-DAEMON@mx.test>",
    "subject": "Undelivered Mail Returned to Sender",
}


def a_report(
    *recipients: str, text: str = "It could not be delivered.", returned: str = "Message-ID: <x@y.test>"
) -> bytes:
    """A report by the rules (RFC 3464) with these recipient blocks."""
    status = "\n\n".join(["Reporting-MTA: dns; mx.test", *recipients])
    kind, content = parts(
        f"Content-Type: text/plain\n\n{text}",
        f"Content-Type: message/delivery-status\n\n{status}\n",
        f"Content-Type: message/rfc822\n\n{returned}\nSubject: x\n\nhello",
        kind='report; report-type="delivery-status"',
    )
    return a_mail(content, kind, **FROM_DAEMON)


def block(
    address: str = "bob@x.test",
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 User unknown",
) -> str:
    return (
        f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\nRemote-MTA: dns; mx.x.test"
    )


def test_a_person_is_a_person():
    inbound = understood(
        a_mail("x", "X-Auto-Response-Suppress: All", "Auto-Submitted: no", "Return-Path: <alice@cust-a.test>")
    )

    assert (inbound.kind, inbound.may_auto_reply, inbound.kind_evidence) == (Kind.HUMAN, True, ())


def test_a_report_tells_recipient_status_and_reason():
    inbound = understood(a_report(block()))

    assert inbound.kind is Kind.BOUNCE_HARD
    assert not inbound.may_auto_reply
    one = inbound.report.recipients[0]
    assert (one.recipient, one.action, one.status, one.hard) == ("bob@x.test", "failed", "5.1.1", True)
    assert (one.remote_host, one.reply, one.text) == ("mx.x.test", "550", "550 5.1.1 User unknown")


def test_a_report_names_our_message_that_came_back():
    assert understood(a_report(block(), returned=f"Message-ID: <m.{TOKEN}@hub.test>")).report.own_refs == (
        TOKEN,
    )


@pytest.mark.parametrize(
    ("blocks", "kind"),
    [
        ([block(status="5.2.2", said="552 5.2.2 mailbox full")], Kind.BOUNCE_SOFT),
        ([block(status="5.7.1", said="550 5.7.1 blocked, see policy")], Kind.BOUNCE_SOFT),
        ([block(status="4.4.7", said="connection timed out")], Kind.BOUNCE_SOFT),
        ([block(status="5.1.2", said="Host or domain name not found")], Kind.BOUNCE_HARD),
        ([block(status="5.2.2", said="552 mailbox full"), block("c@x.test")], Kind.BOUNCE_HARD),
        ([block(action="delayed", status="4.4.1", said="connection refused")], Kind.DELAYED),
        ([block(action="delivered", status="2.0.0", said="250 ok")], Kind.RELAYED_OK),
        ([block(action="relayed", status="2.0.0", said="250 ok")], Kind.RELAYED_OK),
        ([block(action="delayed", status="4.4.1", said="x"), block("c@x.test")], Kind.BOUNCE_HARD),
    ],
)
def test_hard_means_the_address_is_dead_and_delayed_is_no_bounce(blocks, kind):
    assert understood(a_report(*blocks)).kind is kind


@pytest.mark.parametrize("gap", ["", "\n", "\n\n\n"])
def test_recipients_are_kept_apart_however_many_empty_lines_there_are(gap):
    text = (
        f"Reporting-MTA: dns; mx.test\n{gap}{block('a@x.test')}\n{gap}{block('b@x.test', status='5.2.2')}\n"
    )

    found = reports.delivery_status(text)

    assert [(one.address, one.status) for one in found] == [("a@x.test", "5.1.1"), ("b@x.test", "5.2.2")]


def test_a_status_that_says_nothing_gives_way_to_the_answer_of_the_server():
    inbound = understood(a_report(block(status="5.0.0", said="550 5.7.26 not authenticated")))

    assert inbound.report.recipients[0].status == "5.7.26"


QMAIL = """Hi. This is the qmail-send program at mx.test.
I'm afraid I wasn't able to deliver your message to the following addresses.

<bob@x.test>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <bob@x.test>... User unknown

--- Below this line is a copy of the message.

Return-Path: <support@hub.test>
Subject: x
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  bob@x.test
    SMTP error from remote mail server after RCPT TO:<bob@x.test>:
    host mx.x.test [192.0.2.1]: 550 5.1.1 <bob@x.test>: no such user here

------ This is a copy of the message, including all the headers. ------

Return-path: <support@hub.test>
"""
EXCHANGE = """Your message

  To:      bob@x.test
  Subject: x

did not reach the following recipient(s):

bob@x.test on Mon, 23 Nov 2026 06:00:00 +0100
    The recipient name is not recognized. 5.1.1
"""
DOMINO = """Your message

  Subject: x

was not delivered to:

  bob@x.test

because:

  550 5.1.1 User bob (bob@x.test) not listed in Domino Directory
"""


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("failure notice", QMAIL),
        ("Mail delivery failed: returning message to sender", EXIM),
        ("Undeliverable: x", EXCHANGE),
        ("DELIVERY FAILURE: User bob not listed in Domino Directory", DOMINO),
    ],
)
def test_reports_in_free_words_are_read_too(subject, text):
    inbound = understood(a_mail(text, subject=subject, **{"from": "postmaster@mx.test"}), sender="")

    assert inbound.kind is Kind.BOUNCE_HARD
    assert [(r.recipient, r.status, r.hard) for r in inbound.report.recipients] == [
        ("bob@x.test", "5.1.1", True)
    ]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Undelivered mail",
            "Hello, I got this:\n\n> Mail delivery failed: could not be delivered\n\nWhat shall I do?",
        ),
        ("Delivery problem", "The parcel could not be delivered to the following address: Via Roma 1."),
        ("Re: Undelivered Mail Returned to Sender", "Did you see this? The mailbox is full."),
        ("Fwd: failure notice", QMAIL),
        ("Mail delivery failed since this morning", "Nobody gets any mail from us. user unknown, they say."),
        ("Printer", "The recipient was rejected by the door."),
    ],
)
def test_a_person_who_writes_about_bounces_is_a_person(subject, text):
    inbound = understood(a_mail(text, subject=subject))

    assert inbound.kind is Kind.HUMAN


def test_a_bounce_that_a_person_attaches_is_a_person_s_mail():
    kind, content = parts(
        "Content-Type: text/plain\n\nWhat is this?",
        "Content-Type: message/rfc822\n\n" + a_report(block()).decode(),
        boundary="outer",
    )

    assert understood(a_mail(content, kind)).kind is Kind.HUMAN


def test_a_bounce_whose_parts_a_person_forwards_is_a_person_s_mail():
    kind, content = parts(
        "Content-Type: text/plain\n\nWhat is this?",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n{block()}",
    )

    assert understood(a_mail(content, kind, subject="Fwd: Undelivered mail")).kind is Kind.HUMAN
    assert understood(a_mail(content, kind, subject="Undelivered mail")).kind is Kind.BOUNCE_HARD


@pytest.mark.parametrize(
    ("lines", "subject", "kind"),
    [
        (["Auto-Submitted: auto-replied"], "Re: Printer", Kind.AUTO_REPLY),
        (["Auto-Submitted: auto-replied; owner-email=x"], "Out of office: Printer", Kind.OUT_OF_OFFICE),
        (["Auto-Submitted: auto-replied (vacation)"], "I am away", Kind.OUT_OF_OFFICE),
        (["X-Autoreply: yes"], "Risposta automatica: x", Kind.OUT_OF_OFFICE),
        (["X-Autorespond: x"], "Thanks", Kind.AUTO_REPLY),
        (["Precedence: auto_reply"], "Thanks", Kind.AUTO_REPLY),
        (["In-Reply-To: <m.x@hub.test>"], "Automatische Antwort: Drucker", Kind.OUT_OF_OFFICE),
        ([], "Abwesenheitsnotiz: Re: Drucker", Kind.OUT_OF_OFFICE),
        (["Auto-Submitted: auto-generated"], "Disk full", Kind.SYSTEM_NOTIFICATION),
        (["List-Id: <users.lists.test>"], "[users] x", Kind.MAILING_LIST),
        (["Precedence: bulk"], "News", Kind.MAILING_LIST),
        (["Precedence: list", "List-Unsubscribe: <mailto:x@y.test>"], "News", Kind.MAILING_LIST),
        (["Auto-Submitted: auto-generated"], "Please confirm your message", Kind.CHALLENGE),
    ],
)
def test_automatic_mail_has_its_kind_and_is_never_answered(lines, subject, kind):
    inbound = understood(a_mail("x", *lines, subject=subject))

    assert inbound.kind is kind
    assert not inbound.may_auto_reply
    assert inbound.kind_evidence


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ([], {"subject": "Out of office calendar does not work"}),
        ([], {"subject": "Fuori sede: VPN non funziona"}),
        (["X-Loop: support@hub.test"], {}),
        (["X-MS-Exchange-Inbox-Rules-Loop: bob@cust-a.test"], {}),  # a rule passed it on
        (["Return-Path: <>"], {}),
        ([], {"from": ""}),
    ],
)
def test_a_doubtful_mark_stops_answers_but_hides_nothing(lines, fields):
    inbound = understood(a_mail("The text of a person.", *lines, **fields), sender="")

    assert inbound.kind is Kind.HUMAN
    assert not inbound.may_auto_reply


@pytest.mark.parametrize(
    "subject", ["Re: out of office printer", "AW: Abwesenheit", "Re: Automatic reply: x"]
)
def test_an_answer_to_an_automatic_answer_is_a_person_s(subject):
    inbound = understood(a_mail(subject=subject))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, True)


def test_an_unusable_author_is_never_answered():
    assert not understood(a_mail(**{"from": "a@x.test, b@x.test"})).may_auto_reply


def test_complaints_and_receipts_are_known_by_their_parts():
    complaint, content = parts(
        "\nAn abuse report.",
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1",
        kind="report",
    )
    receipt, read_content = parts(
        "\nYour mail was read.",
        "Content-Type: message/disposition-notification\n\nDisposition: x; displayed",
        kind="report",
    )

    arf = understood(a_mail(content, complaint))

    assert arf.kind is Kind.ARF
    assert any("abuse" in evidence for evidence in arf.kind_evidence)
    assert understood(a_mail(read_content, receipt)).kind is Kind.MDN


@pytest.mark.parametrize("sort", ["displayed", "deleted"])
def test_a_receipt_names_our_mail_and_says_what_became_of_it(sort):
    kind, content = parts(
        "\nYour mail.",
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; bob@x.test\n"
        f"Original-Message-ID: <m.{TOKEN}@hub.test>\nDisposition: manual-action/MDN-sent-manually; {sort}",
        kind="report",
    )

    report = understood(a_mail(content, kind)).report

    assert report.own_refs == (TOKEN,)
    assert [(one.recipient, one.action) for one in report.recipients] == [("bob@x.test", sort)]


def test_who_asks_for_a_receipt_is_a_person_and_the_mail_says_nothing_more_of_it():
    asked = understood(a_mail("x", "Disposition-Notification-To: alice@cust-a.test"))

    assert (asked.kind, asked.report) == (Kind.HUMAN, None)


def test_the_servers_that_a_mail_passed_are_counted_and_those_under_our_name_apart():
    ours = ["Received: from a.test by HUB.test (x) with ESMTP; today"] * 2
    others = ["Received: from hub.test (by way of hub.test)\n by mx.test; today", "Received: nonsense"]

    inbound = understood(a_mail("x", *ours, *others))

    assert (inbound.servers, inbound.own_servers) == (4, 2)
    assert (understood(a_mail("x")).servers, understood(a_mail("x")).own_servers) == (0, 0)


def test_an_aggregate_report_is_counted_and_opens_nothing():
    kind, content = parts("\nsee file", "Content-Type: application/gzip; name=r.xml.gz\n\nx")
    subject = "Report Domain: cust-a.test Submitter: mx.test Report-ID: <1>"

    assert understood(a_mail(content, kind, subject=subject)).kind is Kind.DMARC_REPORT
    assert (
        understood(a_mail("Report domain: what is that?", subject="Report domain problem")).kind is Kind.HUMAN
    )


def test_a_report_that_only_asks_who_the_sender_is_is_no_failure():
    inbound = understood(
        a_report(block(status="4.7.0", said="Sender not pre-approved. Follow instructions in above notice"))
    )

    assert inbound.kind is Kind.CHALLENGE


def test_a_receipt_that_refuses_the_mail_is_a_failure():
    kind, content = parts(
        "\nYour message was automatically rejected:\nQuota exceeded",
        "Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; bob@x.test\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted",
        kind="report",
    )

    refused = understood(a_mail(content, kind, "Auto-Submitted: auto-replied (rejected)"))

    assert refused.kind is Kind.BOUNCE_SOFT
    assert [(r.recipient, r.hard) for r in refused.report.recipients] == [("bob@x.test", False)]
    assert understood(a_mail(content, kind, "Auto-Submitted: auto-replied")).kind is Kind.MDN


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            (
                "Could not deliver message to the following recipient(s):\n\nFailed Recipient: bob@x.test\n"
                "Reason: Remote host said: 550 unknown user <bob@x.test>\n"
            ),
            Kind.BOUNCE_HARD,
        ),
        (
            (
                "--- Non-Delivery Report ---\nThe email below could not be delivered to the following user:\n\n"
                '"bob@x.test" <bob@x.test>\n'
            ),
            Kind.BOUNCE_SOFT,
        ),
        (
            "Hello,\n\ncould not deliver to the following recipients:\n\nbob@x.test\n\nWhat is that?",
            Kind.HUMAN,
        ),
        ("The parcel could not be delivered.\nPlease answer to\nann@acme.test\n", Kind.HUMAN),
        ("Your order could not be delivered.\nWe wait for it since Monday.\nann@acme.test\n", Kind.HUMAN),
    ],
)
def test_a_machine_begins_with_its_sentence_and_an_address_and_a_person_does_not(text, kind):
    assert understood(a_mail(text, subject="Delivery failure")).kind is kind


def test_words_that_say_it_did_not_arrive_are_no_proof_that_it_did():
    text = "The message has not yet been delivered to the following addresses:\n\n  <bob@x.test>\n"

    assert understood(a_mail(text, **FROM_DAEMON | {"subject": "Warning: message delayed 2 days"})).kind in (
        Kind.DELAYED,
        Kind.BOUNCE_SOFT,
    )


def test_a_mail_without_author_or_with_a_broken_header_is_a_persons_whatever_its_subject_says():
    body = "Since this morning our mail is returned to sender: user unknown, they say.\n"
    broken = a_mail(body, **{"from": "", "subject": "Mail delivery failed: undeliverable"}).replace(
        b"Subject:", b"a line nobody folded\nand one more\nReceived: from mx.test\nSubject:"
    )

    for raw in (
        a_mail(body, **{"from": "", "subject": "Undelivered mail returned to sender"}),
        a_mail(body, **{"from": "<>", "subject": "failure notice"}),
        broken,
    ):
        inbound = understood(raw)
        assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)


@pytest.mark.parametrize("writer", ["support@hub.test", f"support+r-{TOKEN}@reply.hub.test"])
def test_who_wrote_what_is_forwarded_may_be_ourselves(writer):
    text = f"FYI\n\n---------- Forwarded message ---------\nFrom: Desk <{writer}>\nDate: Mon, 23 Nov 2026 at 05:00\nSubject: Printer\nTo: <bob@cust-b.test>\n\nDone.\n"

    said = understood(a_mail(text, subject="Fwd: Printer", to="support@hub.test"))

    assert said.forwarded_from is not None
    assert said.forwarded_from.key == writer
    assert writer in said.own_addresses


@pytest.mark.parametrize(
    "written",
    [
        "support+web@hub.test",
        f"support+r-{TOKEN}@reply.hub.test",
        f"support+b-{TOKEN}@reply.hub.test",
        "alarms+x@hub.test",
    ],
)
def test_every_address_that_reaches_the_desk_is_our_own_one(written):
    inbound = understood(a_mail(**{"from": written}, cc=f"{written}, colleague@hub.test"))

    assert inbound.under_our_name
    assert not inbound.may_auto_reply
    assert written in inbound.own_addresses
    assert "colleague@hub.test" not in inbound.own_addresses


def test_what_stands_behind_a_plus_makes_no_address_of_its_own():
    inbound = understood(a_mail(to="alarms+web@hub.test"), "alarms+web@hub.test")

    assert inbound.mailbox == "alarms@hub.test"


@pytest.mark.parametrize("lines", [[], ["Auto-Submitted: auto-generated"], ["X-Mailer: FormSender 2"]])
def test_our_own_address_without_our_mark_is_a_suspicion_and_no_loop(lines):
    inbound = understood(
        a_mail("Name: Lucia", *lines, reply_to="lucia@acme.test", **{"from": "Form <Support@hub.test>"})
    )

    assert inbound.under_our_name
    assert inbound.kind in (Kind.HUMAN, Kind.SYSTEM_NOTIFICATION)
    assert not inbound.may_auto_reply
    assert inbound.reply_to.address == "lucia@acme.test"


def test_the_first_evidence_decides_and_all_of_it_is_kept():
    kind, content = parts(
        "\nx", f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n{block()}", kind="report"
    )

    inbound = understood(
        a_mail(content, kind, "Auto-Submitted: auto-replied", "Precedence: bulk", **FROM_DAEMON)
    )

    assert inbound.kind is Kind.BOUNCE_HARD
    assert {"auto-submitted: auto-replied", "precedence: bulk"} <= set(inbound.kind_evidence)


@pytest.mark.parametrize(
    ("status", "text", "hard"),
    [
        ("5.1.1", "user unknown", True),
        ("", "550 no such user", True),
        ("5.1.2", "", True),
        ("5.2.2", "", False),
        ("5.7.1", "", False),
        ("4.1.1", "user unknown", False),
        ("5.1.1", "message rejected: spam content, user unknown", True),
        ("", "mailbox for bob is full", False),
        ("", "try again later", False),
        ("", "nothing anybody understands", False),
        ("5.1.8", "Domain of sender address x.test does not exist", False),
        ("5.4.1", "Recipient address rejected: Access denied", True),
        ("", "Postfach voll: Empfänger unbekannt verzogen", False),
        ("", "501 Odbiorca <bob@x.test> nie istnieje", True),
        ("", "l'indirizzo del destinatario non è valido", True),
        ("", "El usuario no existe", True),
    ],
)
def test_the_words_say_whether_the_address_is_dead(status, text, hard):
    assert bounce_reasons.is_hard(status, text) is hard


@pytest.mark.parametrize(
    "text",
    [
        ("to " * 133 + "\n") * 600,
        "user " * 6_400,
        "".join(f"<a{i}@x.test>:\n" + "user mailbox " * 10 + "\n\n" for i in range(200)),
        "a@" * 16_000,
        "a\n " * 12_000,
        "exceed a no such " * 1_900,
        ("following " + "z" * 28 + " ") * 800 + ":",
    ],
    ids=["labels", "reasons", "recipients", "addresses", "folds", "words", "lists"],
)
def test_a_report_made_to_be_slow_is_read_within_a_second(text):
    with quickly(1.0):
        understood(a_mail(text, **FROM_DAEMON))


def test_a_report_about_thousands_is_read_within_a_second_and_the_first_are_kept():
    with quickly(1.0):
        inbound = understood(
            a_report(*[block(f"a{i}@x.test", status="5.0.0", said="") for i in range(3_000)])
        )

    assert len(inbound.report.recipients) == 200


@pytest.mark.parametrize(
    ("raw", "alone"),
    [
        (a_mail("Liked “We come on Friday”\n", "In-Reply-To: <a@hub.test>", subject="Re: Printer"), True),
        (a_mail("I am out of the office until Monday.\n", subject="Out of office"), True),
        (a_mail("<bob@x.test>: 550 User unknown\n", "Return-Path: <>", subject="Undelivered Mail Returned"), False),
        (a_mail("I am away.\n", "Auto-Submitted: auto-replied", subject="Out of office"), False),
        (a_mail("UEsDBA==\n", "Content-Type: application/zip", subject="Report domain: acme.test Report-ID: 1"), False),
        (a_mail("Hello\n"), False),
    ],
)  # fmt: skip
def test_what_nothing_but_its_words_shows_to_be_a_machines_says_so(raw, alone):
    assert understood(raw, f"support+b-{TOKEN}@reply.hub.test").by_words is alone


def test_signs_that_are_none_in_a_report_break_nothing_and_reach_no_database():
    text = "The following address failed:\n\x0c\n  bob@x.test\n"
    torn = understood(a_mail(text, **FROM_DAEMON), sender="")
    named = understood(a_mail("It failed.\n", "X-Failed-Recipients: b\x00bob@x.test", **FROM_DAEMON))

    assert [one.recipient for one in torn.report.recipients] == ["bob@x.test"]
    assert [one.recipient for one in named.report.recipients] == ["bob@x.test"]


@pytest.mark.parametrize(
    ("subject", "text", "kind", "status"),
    [
        ("Non recapitabile: x", "Il recapito non è riuscito:\n\n{}\nImpossibile trovare l'indirizzo di posta elettronica.", "hard", "5.1.1"),
        ("Mancata consegna", "Il messaggio non è stato consegnato a:\n\n{}\nLa casella del destinatario è piena.", "soft", "5.2.2"),
        ("Notifica", "Il messaggio non è stato recapitato a {}: utente sconosciuto", "hard", "5.1.1"),
        ("Unzustellbar: x", "Ihre Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: {}\nGrund: Postfach ist voll", "soft", "5.2.2"),
        ("Non remis : x", "Échec de la remise à ces destinataires :\n\n{}\nL'adresse est introuvable.", "hard", "5.1.1"),
        ("No se puede entregar: x", "No se pudo entregar a:\n\n{}\nNo se encontró la dirección de correo.", "hard", "5.1.1"),
        ("Não Entregue: x", "Falha na entrega a:\n\n{}\nO endereço de email não foi encontrado.", "hard", "5.1.1"),
        ("Niet bezorgd: x", "Bezorgen is mislukt:\n\n{}\nHet e-mailadres is niet gevonden.", "hard", "5.1.1"),
        ("Niedostarczone: x", "Dostarczenie nie powiodło się:\n\n{}\nskrzynka odbiorcy jest przepełniona", "soft", "5.2.2"),
        ("Не удается доставить: x", "Сбой доставки:\n\n{}\nНе удалось найти указанный адрес.", "hard", "5.1.1"),
        ("Не вдалося доставити: x", "Не вдалося доставити:\n\n{}\nНе вдалося знайти адресу.", "hard", "5.1.1"),
        ("Nedoručitelná zpráva", "Zprávu se nepodařilo doručit:\n\n{}\nSchránka příjemce je plná.", "soft", "5.2.2"),
        ("Kan inte levereras: x", "Det gick inte att leverera till:\n\n{}\nDet gick inte att hitta e-postadressen.", "hard", "5.1.1"),
        ("Kan ikke leveres: x", "Levering mislykkedes:\n\n{}\nMailadressen blev ikke fundet: adressen findes ikke.", "hard", "5.1.1"),
        ("Ei voi toimittaa: x", "Toimitus epäonnistui:\n\n{}\nAntamaasi sähköpostiosoitetta ei löytynyt.", "hard", "5.1.1"),
        ("Teslim edilemedi: x", "Teslim başarısız oldu:\n\n{}\nGirdiğiniz e-posta adresi bulunamadı.", "hard", "5.1.1"),
        ("配信不能: x", "配信に失敗しました:\n\n{}\n入力したメール アドレスが見つかりませんでした。", "hard", "5.1.1"),
        ("系统退信", "您的邮件被退回\n\n收件人: {}\n收件人的邮箱已满", "soft", "5.2.2"),
    ],
)  # fmt: skip
def test_reports_tell_in_their_users_language_whether_the_address_is_dead(subject, text, kind, status):
    raw = a_mail(
        text.format("bob@x.test"),
        "Content-Type: text/plain; charset=utf-8",
        subject=subject,
        **{"from": "MAILER-DAEMON@mx.test"},
    )

    inbound = understood(raw, sender="", protocol="SMTP")

    assert inbound.kind.value == f"bounce_{kind}"
    assert [(one.recipient, one.status) for one in inbound.report.recipients] == [("bob@x.test", status)]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Messaggi che tornano indietro",
            "Ogni mail torna con 550 5.1.1 User unknown per bob@x.test; la casella è piena?",
        ),
        (
            "Unzustellbar",
            "Ich bekomme immer Unzustellbar, wenn ich an bob@x.test schreibe: Adresse nicht gefunden.",
        ),
        ("Mancato recapito del pacco", "Il pacco non è stato consegnato, l'indirizzo è sconosciuto."),
        ("Re: Ticket", "He is not there, please call me.\n\n> I am out of the office until 12 January."),
        ("Ящик", "Почтовый ящик переполнен, адрес bob@x.test не найден. Помогите."),
    ],
)
def test_a_person_who_tells_of_it_in_any_language_is_heard(subject, text):
    inbound = understood(a_mail(text, "Content-Type: text/plain; charset=utf-8", subject=subject))

    assert inbound.kind is Kind.HUMAN
