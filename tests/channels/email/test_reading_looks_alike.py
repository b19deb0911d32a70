"""Does what only looks like the history of a mail stay visible?"""

from __future__ import annotations

import pytest

from core.envelope import SpanKind
from tests.channels.email.reading_mails import a_mail, folded, shown, understood, visible

ANSWER = "Here is the rest."


@pytest.mark.parametrize(
    "line", ["- Original email", "* Original Email", "**Original email**", "- Originalmeddelelse"]
)
def test_an_item_or_a_heading_that_names_the_original_hides_nothing(line):
    text = f"I attach:\n\n{line}\n- The invoice\n\n{ANSWER}"

    assert shown(text) == text


@pytest.mark.parametrize("below", ["From: a@b.test\nSent: today 10:00\nTo: c@d.test", "> Eh?"])
@pytest.mark.parametrize("line", ["**Original email**", "- Original email -"])
def test_such_a_line_above_a_mail_goes_with_it(line, below):
    text = f"{ANSWER}\n\n{line}\n{below}\n"

    assert shown(text) == ANSWER


@pytest.mark.parametrize(
    "form",
    [
        "Od: Ljubljana\nDo: Maribor\nDatum: 12. 1. 2026 10:00\nNaslov: Cesta 4",
        "送信元：プリンター1\n送信先：サーバー\n日時：2026/01/12 10:00\n件名：エラー12",
        "Expeditorul: Depozit 4\nDestinatarul: Magazin\nData: 12.01.2026 10:00\nSubiectul: Colet",
    ],
)
def test_a_form_or_a_log_is_no_mail_that_is_answered(form):
    text = f"It does not work.\n\n{form}\n\n{ANSWER}"

    assert shown(text) == text


@pytest.mark.parametrize(
    "header",
    [
        "Od: Bob <bob@x.test>\nDatum: 12. 1. 2026 10:00\nZa: ann@x.test\nNaslov: Re: Printer",
        "送信元：bob@x.test\n送信先：ann@x.test\n日時：2026/01/12 10:00\n件名：プリンター",
    ],
)
def test_with_its_authors_address_the_same_is_a_mails_header(header):
    assert shown(f"{ANSWER}\n\n{header}\n\nIt is broken.") == ANSWER


def test_a_japanese_line_above_what_a_machine_said_hides_nothing_without_an_address():
    text = f"It stopped.\n\n2026年1月12日 10:00 プリンターからのメッセージ：\n紙がありません。\n\n{ANSWER}"

    assert shown(text) == text


def test_the_same_line_with_a_quote_below_goes_with_it():
    text = f"{ANSWER}\n\n2026年1月12日 10:00 Bobからのメッセージ：\n> 紙がありません。\n"

    assert shown(text) == ANSWER
    assert "紙" in folded(text, SpanKind.QUOTED)


@pytest.mark.parametrize(
    "element",
    [
        '<blockquote id="isReplyContent">{}</blockquote>',
        '<div class="quotedReply">{}</div>',
        '<div id="ydp1a2byahoo_quoted_1" class="ydp1a2byahoo_quoted">{}</div>',
    ],
)
def test_what_stands_below_a_quote_of_the_senders_program_is_visible(element):
    html = f"<div>It works now.</div>{element.format('<div>It is broken.</div>')}<div>{ANSWER}</div>"
    raw = a_mail(html, "In-Reply-To: <1@hub.test>", "Content-Type: text/html", subject="Re: Printer")

    assert ANSWER in visible(understood(raw))


NOTICE = (
    "This e-mail is confidential and intended only for the named recipient. If you are not the intended recipient, "
    "do not copy or disclose it."
)
CARD = "-- \nBob Stone\nAcme Ltd\nTel. +39 055 123456"


def test_a_firms_question_about_printing_below_a_signature_is_part_of_it():
    text = f"{ANSWER}\n\n{CARD}\n\nDo you really need to print this e-mail?\n\n{NOTICE}"

    assert shown(text) == ANSWER
    assert NOTICE in folded(text, SpanKind.DISCLAIMER)


def test_a_question_below_a_signature_leaves_the_notice_below_it_folded():
    text = f"{ANSWER}\n\n{CARD}\n\nWhen will Ann come to us?\n\n{NOTICE}"

    assert shown(text) == f"{ANSWER}\n\nWhen will Ann come to us?"
    assert folded(text, SpanKind.DISCLAIMER) == NOTICE
