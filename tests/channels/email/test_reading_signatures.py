"""Is what stands below a mail folded, and what only looks like it shown?"""

from __future__ import annotations

import pytest

from channels.email.reading import html_text
from core.envelope import SpanKind
from tests.channels.email.reading_mails import a_mail, folded, shown, understood, visible


@pytest.mark.parametrize(
    "below",
    [
        "-- \nAlice\nCust A\n+39 045 1",
        "Sent from my iPhone",
        "Inviato da iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Get Outlook for Android<https://aka.ms/x>",
        "Outlook für iOS beziehen <https://aka.ms/x>",
        "Verzonden vanuit Outlook voor iOS",
        "Az iPhone-omról küldve",
        "Trimis de pe iPhone-ul meu",
        "從我的 iPhone 傳送",
        "Diese Nachricht wurde von meinem Android-Mobiltelefon mit K-9 Mail gesendet.",
        "Sent from my cell, please excuse any typos.",
        "(Sent from mobile device)",
        "Best regards,\n\nAlice Example\nCust A Ltd",
        "Regards,\n\nAlice Example\nCEO @ Cust A",
        "Cordiali saluti\nAlice\nCust A srl\nTel. 045 1",
        "Mit freundlichen Grüßen\n\nAlice Example\nLeiterin Einkauf\n\nCust A GmbH\nHauptstraße 5, 80331 München\nTel.: +49 89 123456\nwww.cust-a.test",
        "Cordialement,\nAlice\n01 23 45 67 89 | alice@cust-a.test",
        "Kind regards\nAlice\nM: +44 7700 900333\n12 Station Road, Leeds",
        "---------------\n\nAlice Example\n\nt. 555-931-0702\n\nf. 555-875-7611\n\nhttp://cust-a.test/",
        "This e-mail and any attachments are confidential.",
        "Le informazioni contenute in questo messaggio sono riservate.",
        "____________\nusers mailing list\nusers@lists.test",
    ],
)
def test_signatures_and_notices_are_folded(below):
    text = f"Fine.\n\n{below}"

    assert shown(text) == "Fine."
    assert folded(text, SpanKind.SIGNATURE) or folded(text, SpanKind.DISCLAIMER)


@pytest.mark.parametrize(
    "text",
    [
        "Fine.\n\nRegards,\nAlice\n\nPS: the monitor is broken too",
        "Fine.\n\nSaluti\nMario\n\nIl monitor non funziona da ieri mattina.",
        "Fine.\n\nRegards\nAlice\n\nWhen will you come?",
        "Fine.\n\nRegards\nAlice\nplease call me back today",
        "Aiuto.\n\nQuesto messaggio è urgente: il server è fermo.",
        "Hello.\n\nThis message may contain a typo, but the printer is still dead.",
        "The parcel.\n\nSent via DHL yesterday",
        "Sent from my desk, where nothing works any more.",
        "Log:\n\n--\nThe server stopped at ten and nobody knows why it did.\n--\nIt started again.",
        "One.\n\n________________\n\nTwo.",
        "The new one:\n\n--\nSerial: 4711\nRoom: B12",
        "The new one:\n\n-- \nSerial: 4711\nRoom: B12",
        "The new ones:\n\n--\n- monitor 27 inch\n- keyboard",
        "新用户：\n\n--\n用户名：zhang\n部门：采购",
    ],
)
def test_what_only_looks_like_an_ending_is_shown(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    "below",
    [
        "Surname: Ferri\nFirst name: Gaia\nStart: 1 December\nRole: purchasing, level 2\nCopy rights of: Anna Verdi",
        "Seriennummer: 4711-0815\nGerät: NAS-02",
        "Mario\n\nModello: Lasertron 900\nMatricola: LT9-004711",
        "Anna Verdi\nNAS-02",
        "Anna\n\nPC-ACME-0412\nPC-ACME-0413",
        "Anna\nS/N 4711-22-09",
        "Anna\nTicket 45678 and 45679",
        "Anna\n12345 Printer",
        "Anna\nIP 10.0.0.12, mask 255.255.255.0",
        "Anna\n\nhttps://files.cust-a.test/logs/monday.txt",
        "Anna\nuser = gferri\npassword = changeme",
        "Numéro de série : 4711\nSite : Lyon",
        "Anna\nError code\t0x80070005",
        "Серийный номер: 4711",
    ],
)
@pytest.mark.parametrize(
    "closing", ["Best regards", "Mit freundlichen Grüßen", "Cordiali saluti,", "С уважением,"]
)
def test_data_below_a_closing_formula_is_shown(closing, below):
    text = f"Hello,\nplease create the user below.\n\n{closing}\n\n{below}"

    assert shown(text) == text
    assert visible(understood(a_mail(text))) == text


def test_a_name_below_a_closing_formula_is_folded_where_it_is_known_to_be_the_writers():
    text = "It works.\n\nMit freundlichen Grüßen\n\nAlice Example"

    assert visible(understood(a_mail(text, **{"from": "Alice Example <alice@cust-a.test>"}))) == "It works."
    assert visible(understood(a_mail(text, **{"from": "alice.example@cust-a.test"}))) == "It works."
    assert visible(understood(a_mail(text, **{"from": "Office <office@cust-a.test>"}))) == text
    assert shown(text) == text


def test_whom_a_quoted_mail_greets_is_the_writer():
    history = "On 23/11/2026 06:00, Desk wrote:\n> Hi Alice,\n> does it work?"

    assert shown(f"It works.\n\nBest regards\nAlice\n\n{history}") == "It works."
    assert shown(f"It works.\n\n/Alice\n\n{history}") == "It works."
    assert shown(f"It works.\n\nBest regards\nGaia\n\n{history}") == "It works.\n\nBest regards\nGaia"


def test_a_long_text_below_a_closing_formula_is_no_signature():
    text = (
        "Fine.\n\nBest regards,\nAlice\n\nPS: "
        + "and another thing that must be said here, at some length. " * 4
    )

    assert shown(text) == text.strip()


def test_a_signature_that_the_mail_program_marked_is_folded():
    converted = html_text.convert(
        '<p>Fine, thanks for it.</p><div class="gmail_signature">Alice<br>Cust A</div>'
    )

    assert (
        shown(converted.text, cuts=converted.cuts, signatures=converted.signatures) == "Fine, thanks for it."
    )
