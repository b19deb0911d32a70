"""Is what devices, shops, forms and people write of mail and deliveries still seen, and a report still a report?"""

from __future__ import annotations

import pytest

from core.envelope import Kind
from tests.channels.email.reading_mails import a_mail, parts, understood
from tests.spending import quickly

VERP = "support+b-" + "a" * 26 + "@hub.test"
SEEN = (Kind.HUMAN, Kind.SYSTEM_NOTIFICATION, Kind.MAILING_LIST)
BOUNCES = (Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT)


# --- Much to look at ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["exceed", "schránk", "adres", "Your message could not be delivered. "])
def test_a_long_report_about_hundreds_of_recipients_is_read_quickly(word):
    everybody = "X-Failed-Recipients: " + ", ".join(f"u{number}@a.test" for number in range(200))
    raw = a_mail(word * (32_000 // len(word)), everybody, subject="Returned mail")

    with quickly(1.0):
        inbound = understood(raw)

    assert len(inbound.report.recipients) == 200


def test_a_standard_report_that_tells_hundreds_of_recipients_apart_by_words_is_read_quickly():
    everybody = [f"u{number}@a.test" for number in range(200)]
    status = "\n\n".join(
        f"Final-Recipient: rfc822; {one}\nAction: failed\nStatus: 5.0.0" for one in everybody
    )
    kind, content = parts(
        "Content-Type: text/plain\n\n" + "\n".join(one + " adres" * 30 for one in everybody),
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n{status}\n",
    )

    with quickly(1.0):
        inbound = understood(a_mail(content, kind, subject="Returned mail"))

    assert len(inbound.report.recipients) == 200


# --- With an empty envelope sender ---------------------------------------------------------------------------------

NOTICES = [
    ("nas@cust.test", "Backup job FAILED", "Job 4 failed: cannot deliver the archive to the store.\n", "Precedence: bulk"),
    ("logwatch@cust.test", "Logwatch for web1", "3 errors in /var/log/messages\n", "Precedence: bulk"),
    ("ups@cust.test", "UPS on battery", "Input power is lost.\n", "Precedence: junk"),
    ("nagios@cust.test", "** PROBLEM web1 is DOWN **", "No answer.\n", "Auto-Submitted: auto-generated"),
    ("otrs@cust.test", "New note: printer", "There is a new note.\n", "Precedence: bulk"),
    ("form@cust.test", "お問い合わせを受け付けました", "プリンターが壊れました。\n", "X-Priority: 3"),
    ("form@cust.test", "Ihre Anfrage wurde erfasst: Drucker", "Drucker defekt, Raum 4.\n", "X-Priority: 3"),
    ("erp@cust.test", "Wir haben Ihre Zahlung erhalten", "Danke.\n", "X-Priority: 3"),
    ("form@cust.test", "We have received your request", "Printer broken.\n", "Auto-Submitted: auto-generated"),
]  # fmt: skip


@pytest.mark.parametrize(("author", "subject", "text", "field"), NOTICES)
def test_a_notice_with_an_empty_envelope_sender_is_seen_and_not_answered(author, subject, text, field):
    inbound = understood(a_mail(text, "Return-Path: <>", field, subject=subject, **{"from": author}))

    assert inbound.kind in SEEN
    assert not inbound.may_auto_reply


@pytest.mark.parametrize(
    "fields",
    [
        ("Auto-Submitted: auto-generated", "In-Reply-To: <m.1@hub.test>"),
        ("Precedence: bulk", "In-Reply-To: <m.1@hub.test>"),
        ("In-Reply-To: <m.1@hub.test>",),
        ("Precedence: bulk",),
    ],
)
def test_what_acknowledges_our_mail_with_an_empty_envelope_sender_is_an_automatic_answer(fields):
    raw = a_mail("4711\n", "Return-Path: <>", *fields, subject="We have received your request")

    assert understood(raw).kind is Kind.AUTO_REPLY


ALARMS = [
    ("SMS", "SMS could not be delivered. Sender: anna@cust.test\n"),
    ("Delivery failed", "SMS could not be delivered. Sender: anna@cust.test\n"),
    ("Parcel 4711: delivery failed", "Your parcel could not be delivered. Write to help@parcel.test\n"),
    ("PBX", "The mailbox is full: extension 204, anna@cust.test\n"),
    ("Scan", "The document could not be sent. Recipient address: anna@cust.test\n"),
    ("PROBLEM: mail queue", "500 messages undelivered on mx1, see admin@cust.test\n"),
    ("DLP", "A message of anna@cust.test was rejected by rule 7 and could not be delivered.\n"),
    ("Quarantine", "12 messages for anna@cust.test were not delivered and wait for you.\n"),
    ("rsync", "rsync 4.1.2: delivery failed, backup@cust.test:/srv could not be delivered\n"),
    ("Rechnung", "Die Rechnung an bob@cust.test konnte nicht zugestellt werden: Kunde gesperrt.\n"),
]


@pytest.mark.parametrize(("subject", "text"), ALARMS)
def test_an_alarm_about_what_was_not_delivered_is_no_report_of_our_mail(subject, text):
    raw = a_mail(text, "Return-Path: <>", subject=subject, **{"from": "device@cust.test"})

    assert understood(raw).kind in SEEN


# --- A name without an address --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Contact form", "Hello,\nmy order could not be delivered. My address: bob@cust.test\n"),
        ("Contact form", "Where is it? The parcel was not delivered to bob@cust.test\n"),
        ("Scan 0042", "Die Seite konnte nicht gelesen werden.\n"),
        ("Error", "Impossibile stampare. Chiamare anna@cust.test\n"),
    ],
)
def test_a_form_that_writes_a_name_without_an_address_is_seen(subject, text):
    assert understood(a_mail(text, subject=subject, **{"from": '"Web form" <>'})).kind in SEEN


# --- People and programs at postmaster ------------------------------------------------------------------------------

LOST = "Your message to bob@cust.test could not be delivered"


@pytest.mark.parametrize(
    "text",
    [
        f"Hello,\n{LOST}: 550 5.1.1 user unknown.\n",
        f"{LOST}.\nWhat happened? RESOLVER.ADR.RecipNotFound\n",
        f"Dear user,\n{LOST}. This is an automatically generated mail.\n",
    ],
)
def test_a_postmasters_program_may_greet_or_ask_when_it_reports(text):
    raw = a_mail(text, subject="Undeliverable: Offer", **{"from": "postmaster@cust.test"})

    assert understood(raw).kind in BOUNCES


def test_what_greets_from_a_postmaster_where_our_mail_bounces_to_is_a_report():
    raw = a_mail(f"Hello,\n{LOST}.\n", subject="Undeliverable: Offer", **{"from": "postmaster@cust.test"})

    assert understood(raw, VERP).kind in BOUNCES


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Mail problem", "Our mail to you could not be delivered since noon. Call anna@cust.test.\n"),
        ("Mail delivery problem", "Nothing of ours was delivered today, the queue is full.\n"),
        ("Mail problem", "Hello,\nwe get 550 5.7.1 from you for anna@cust.test. Can you look at it?\n"),
    ],
)
def test_an_administrator_who_writes_from_postmaster_is_seen(subject, text):
    assert understood(a_mail(text, subject=subject, **{"from": "postmaster@cust.test"})).kind in SEEN


@pytest.mark.parametrize("author", ["postmaster@cust.test", "no-reply@cust.test"])
def test_who_answers_our_mail_and_names_another_address_is_seen(author):
    text = "Die Adresse bob@cust.test existiert nicht mehr, bitte jim@cust.test nehmen.\n"
    raw = a_mail(text, "In-Reply-To: <m.1@hub.test>", subject="Re: Drucker", **{"from": author})

    assert understood(raw, VERP).kind in SEEN


# --- From where nobody answers ---------------------------------------------------------------------------------------


def test_a_help_desks_answer_above_its_history_is_seen():
    text = (
        "We could not deliver the toner, the address was unknown.\n\n"
        "-----Original Message-----\nFrom: support@hub.test\nSent: today\nTo: desk@cust.test\nSubject: Toner\n\nPlease send it.\n"
    )
    raw = a_mail(text, subject="Re: Toner", **{"from": "noreply@cust.test"})

    assert understood(raw).kind in SEEN


@pytest.mark.parametrize(
    "text",
    [
        "Your ticket 4711 waits: the account is suspended.\n",
        "The disk of web1 is over quota.\n",
        "Invalid user name in your form.\n",
    ],
)
def test_a_notice_to_where_our_mail_bounces_to_is_seen_though_it_gives_a_reason(text):
    assert understood(a_mail(text, subject="Ticket 4711", **{"from": "noreply@cust.test"}), VERP).kind in SEEN


def test_a_report_from_where_nobody_answers_is_one_where_our_mail_bounces_to():
    raw = a_mail(f"{LOST}: mailbox full.\n", subject="Mail", **{"from": "noreply@cust.test"})

    assert understood(raw, VERP).kind in BOUNCES


# --- Receipts and the fields of reports --------------------------------------------------------------------------------

RECEIPT = (
    "Content-Type: multipart/report; report-type=disposition-notification; boundary=in\n\n"
    "--in\nContent-Type: text/plain\n\nIt was displayed.\n"
    "--in\nContent-Type: message/disposition-notification\n\n"
    "Final-Recipient: rfc822; bob@x.test\nDisposition: manual-action/MDN-sent-manually; displayed\n--in--\n"
)


@pytest.mark.parametrize("around", ["mixed", "signed"])
def test_a_receipt_that_a_gateway_or_a_signature_wraps_opens_nothing(around):
    kind, content = parts(RECEIPT, kind=around)
    raw = a_mail(content, kind, "User-Agent: Mozilla Thunderbird", subject="Return Receipt - Printer")

    assert understood(raw).kind is Kind.MDN


def reported(fields: str, text: str = "It could not be delivered."):
    kind, content = parts(
        f"Content-Type: text/plain\n\n{text}",
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n{fields}\n",
        kind='report; report-type="delivery-status"',
    )
    raw = a_mail(content, kind, subject="Undelivered Mail", **{"from": "MAILER-DAEMON@mx.test"})
    (one,) = understood(raw).report.recipients
    return one


def test_a_comment_behind_a_status_that_says_nothing_hides_no_reason():
    text = "<bob@x.test>: the mailbox is full"
    one = reported("Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.0.0 (failure)", text)
    dead = reported(
        "Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.0.0 (permanent failure)",
        "<bob@x.test>: no such user here",
    )

    assert (one.hard, dead.hard) == (False, True)


@pytest.mark.parametrize(
    "text", ["<bob@x.test>: mailbox full", "bob@x.test\nDas Postfach ist voll.", "bob@x.test: over quota"]
)
def test_a_full_mailbox_is_alive_though_its_code_says_unknown(text):
    one = reported("Final-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.1.1", text)

    assert not one.hard


@pytest.mark.parametrize(
    ("original", "recipient"),
    [
        ("x400; /S=bob@old.test/C=GB/", "bob@end.test"),
        ("rfc822; bob@x.test, jim@x.test", "bob@end.test"),
        ("unknown; box@store.test", "bob@end.test"),
        ("rfc822; bob+2Bnews@x.test", "bob+news@x.test"),
        ("RFC822; bob+40@x.test", "bob+40@x.test"),
        ("utf-8; bob@x.test", "bob@x.test"),
    ],
)
def test_the_original_recipient_counts_where_it_is_one_address_of_mail(original, recipient):
    fields = f"Original-Recipient: {original}\nFinal-Recipient: rfc822; bob@end.test\nAction: failed\nStatus: 5.2.2"

    assert reported(fields).recipient == recipient


# --- What people attach, and what they are not answered --------------------------------------------------------------


def test_who_attaches_the_parts_of_a_report_by_webmail_with_words_of_their_own_is_a_person():
    status = (
        "Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; bob@x.test\nAction: failed\nStatus: 5.1.1\n"
    )
    kind, content = parts(
        "Content-Type: text/plain\n\nThis comes whenever I write to Bob.",
        f"Content-Type: message/delivery-status\nContent-Disposition: attachment; filename=details.txt\n\n{status}",
    )

    raw = a_mail(content, kind, subject="Strange mail")

    inbound = understood(raw)

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)
    assert understood(raw, VERP).kind in BOUNCES


@pytest.mark.parametrize(
    "text",
    [
        "Hi,\nshe is to be added to the approved list, the form is at https://x.test/e\n",
        "Can you get added to the guest list? See https://x.test/e\n",
    ],
)
def test_a_person_who_writes_of_a_list_to_where_our_mail_bounces_to_is_seen(text):
    assert understood(a_mail(text, subject="Re: Event"), VERP).kind is Kind.HUMAN


def test_who_must_be_asked_onto_a_list_of_approved_senders_gets_no_answer():
    text = "Please ask to be added to my list of approved senders: https://gate.test/a\n"
    inbound = understood(a_mail(text, subject="Re: Printer"))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)


@pytest.mark.parametrize(
    "subject",
    [
        "Ihr Ticket wurde erstellt",
        "Il tuo ticket è stato aperto",
        "Su ticket ha sido creado",
        "Votre ticket a été créé",
        "Uw melding is geregistreerd",
        "Twoje zgłoszenie zostało zarejestrowane",
        "リクエストを受け付けました",
    ],
)
def test_another_desks_word_that_it_opened_a_ticket_is_shown_and_not_answered(subject):
    inbound = understood(a_mail("4711\n", subject=subject))

    assert (inbound.kind, inbound.may_auto_reply) == (Kind.HUMAN, False)
