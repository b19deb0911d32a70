"""Is there history in this mail at all, and are answers inside it shown with their questions?"""

from __future__ import annotations

import pytest

from channels.email.reading import visible as reply
from core.envelope import SpanKind
from tests.channels.email.reading_mails import a_mail, of_kind, shown, understood, visible
from tests.spending import quickly

QUOTING = [
    "The job says:\n\n> Error E-4711\n> volume not mounted\n\nWhat can we do?",
    "On 12 November 2026 your technician Teo <t@x.test> wrote:\nwe come on Friday at nine.\n\nNobody came.",
    "On Mon, 23 Nov 2026 at 06:00, Desk <support@hub.test> wrote:\n\nWe come on Friday.\n\nNobody came.",
    "Am 23.11.2026 um 06:00 schrieb Desk:\n> Wir kommen.\n\nNiemand kam.",
    "We got this:\n\nFrom: Vendor <v@x.test>\nSent: Monday, 23 November 2026 06:00\nTo: Alice\nSubject: Offer\n\nPlease sign.",
    "We got this:\n\n-----Original Message-----\nPlease sign.\n\nIs it yours?",
    "Il 23/11/2026 06:00, Desk ha scritto:\nveniamo venerdì.\n\nNon è venuto nessuno.",
    "> everything\n> is quoted",
]
PAGES = [
    '<p>It says:</p><blockquote style="margin:0 0 0 40px;border:none">Error E-4711</blockquote><p>What now?</p>',
    '<p>It says:</p><blockquote type="cite">Error E-4711</blockquote><p>What now?</p>',
    '<p>It says:</p><div class="gmail_quote">Error E-4711</div><p>What now?</p>',
    '<p>It says:</p><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm">Error E-4711</div><p>What now?</p>',
    '<p>It says:</p><div id="divRplyFwdMsg">Error E-4711</div><p>What now?</p>',
    '<p>It says:</p><blockquote style="border-left:2px solid #ccc">Error E-4711</blockquote><p>What now?</p>',
]  # fmt: skip


@pytest.mark.parametrize("text", QUOTING)
def test_a_first_mail_has_no_history_whatever_is_quoted_in_it(text):
    assert visible(understood(a_mail(text))) == text
    assert visible(understood(a_mail(text, subject="Printer: broken"))) == text


@pytest.mark.parametrize("page", PAGES)
def test_a_first_mail_in_html_has_none_either(page):
    inbound = understood(a_mail(page, "Content-Type: text/html; charset=utf-8"))

    assert visible(inbound) == inbound.text.strip()
    assert "Error E-4711" in visible(inbound)
    assert "What now?" in visible(inbound)


ANSWER = "Yes.\n\nOn Mon, 23 Nov 2026 at 06:00, Desk <support@hub.test> wrote:\n> Shall we come?\n"


@pytest.mark.parametrize(
    "field",
    [
        {"in_reply_to": "<x@hub.test>"},
        {"references": "<x@hub.test>"},
        *(
            {"subject": f"{prefix} Printer"}
            for prefix in (
                "Re:", "RE:", "AW:", "Aw:", "Antw:", "SV:", "Sv:", "VS:", "R:", "Rif:", "RES:", "Odp:", "Отв:", "Ответ:", "Відп:", "Ynt:",
                "YNT:", "回复：", "答复:", "返信:", "Re[2]:", "Re(3):", "Re^2:", "[EXT] Re:", "[Ticket] [EXT] RE:", "Vá:", "Σχετ:", "Atb:",
            )
        ),
    ],
)  # fmt: skip
def test_a_mail_that_answers_one_has_history(field):
    assert visible(understood(a_mail(ANSWER, **field))) == "Yes."


def test_a_mail_at_a_reply_address_answers_one():
    address = "support+r-abcdefghijklmnopqrstuvwx27@reply.hub.test"

    assert visible(understood(a_mail(ANSWER), address)) == "Yes."


@pytest.mark.parametrize("text", QUOTING)
def test_what_a_device_or_a_form_sends_without_an_id_and_a_day_is_a_first_mail_too(text):
    assert visible(understood(a_mail(text, message_id="", date=""))) == text


def test_where_a_gateway_took_the_id_and_the_day_what_outlook_writes_above_the_history_tells_of_one():
    page = (
        "<p class=MsoNormal>Yes.</p><p class=MsoNormal><b>From:</b> Desk [mailto:support@hub.test]<br><b>Sent:</b> Monday 06:00<br>"
        "<b>To:</b> Alice<br><b>Subject:</b> Printer</p><p class=MsoNormal>Shall we come?</p>"
    )

    inbound = understood(a_mail(page, "Content-Type: text/html; charset=utf-8", message_id="", date=""))

    assert visible(inbound) == "Yes."


def test_a_forward_without_a_word_in_the_subject_is_still_told_from_what_the_writer_says():
    text = "Please look.\n\n---------- Forwarded message ---------\nFrom: Bob <b@x.test>\nSubject: x\n\nIt is broken.\n"

    inbound = understood(a_mail(text))

    assert visible(inbound) == "Please look."
    assert "It is broken." in of_kind(inbound, SpanKind.FORWARDED)


def test_a_forward_with_quote_marks_is_shown_as_a_whole():
    text = "FYI\n\n> Begin forwarded message:\n>\n> From: Bob <b@x.test>\n> Subject: x\n>\n> It is broken.\n"

    assert shown(text) == text.strip()
    assert shown("FYI\n\n> It is broken.\n", forward=True) == "FYI\n\n> It is broken."


HISTORY = "From: Desk <support@hub.test>\nSent: Monday, 23 November 2026 08:00\nTo: Mario\nSubject: Printer\n\nWhich model?\nThe Lasertron."


@pytest.mark.parametrize(
    "announcement",
    [
        "Hi, see my answers below in red.",
        "My comments are inline.",
        "Please find my replies between the lines.",
        "Answers in-line, in blue.",
        "I responded below.",
        "See below.",
        "Siehe unten.",
        "Hallo, meine Antworten in Rot.",
        "Antworten unten im Text.",
        "Anmerkungen zwischen den Zeilen",
        "Buongiorno, risposte sotto in rosso.",
        "Rispondo di seguito.",
        "Vedi sotto",
        "Bonjour, mes réponses ci-dessous en rouge.",
        "Voir ci-dessous mes commentaires",
        "Mis respuestas abajo, en rojo.",
        "Respostas abaixo, em azul.",
        "Mijn antwoorden staan hieronder in het rood.",
        "Odpowiedzi poniżej na czerwono.",
        "Ответы ниже, красным.",
        "Відповіді нижче.",
        "Odpovědi níže červeně.",
        "Mina svar nedan i rött.",
        "Mine svar nedenfor med rødt.",
        "Vastaukset alla punaisella.",
        "Cevaplarım aşağıda kırmızı ile.",
        "回答如下，红色字体。",
        "下記の通り回答いたします。",
    ],
)
def test_where_answers_inside_the_history_are_announced_nothing_is_folded(announcement):
    text = f"{announcement}\n\n{HISTORY}"

    assert shown(text) == text
    assert visible(understood(a_mail(text, subject="Re: Printer"))) == text


@pytest.mark.parametrize(
    "text",
    [
        "The lamp in red is on.",
        "I agree with the points below.",
        "Thank you for the answer.",
        "The temperature is below zero.",
        "Die Lampe leuchtet in Rot.",
        "Grazie della risposta.",
    ],
)
def test_what_is_no_announcement_leaves_the_history_folded(text):
    assert shown(f"{text}\n\n{HISTORY}") == text


def test_an_announcement_in_the_history_is_somebody_elses():
    assert shown(f"Thanks.\n\n{HISTORY}\nSee my answers below in red.") == "Thanks."


def test_questions_are_shown_with_the_answers_between_them():
    text = "On 23/11/2026 06:00, Desk wrote:\n> When?\nOn Monday.\n\n> Where?\nAt the door.\n\n> Thanks,\n> Desk\n"

    assert shown(text) == "> When?\nOn Monday.\n\n> Where?\nAt the door."
    assert [s.kind.value for s in reply.spans(text)] == ["quoted", "visible", "quoted"]


def test_what_was_typed_between_an_attribution_and_its_quotation_is_shown():
    attribution = "On Mon, Nov 23, 2026 at 6:00 AM Desk <support@hub.test> wrote:"
    text = f"Hello!\n\n{attribution}\n\nThe third floor.\n\n> Which floor?\n> Which room?\n"

    assert shown(text) == "Hello!\n\n\nThe third floor."


@pytest.mark.parametrize(
    "history",
    [
        "Done.\n\nIl 22/11/2026 06:00, Alice ha scritto:\n> it is broken\n",
        "Done.\n\n> On Nov 22, 2026, at 06:00, Alice <alice@cust-a.test> wrote:\n> it is broken\n",
        "Done.\n\nOn Sun, Nov 22, 2026 at 6:00 AM Alice Example\n<alice@cust-a.test> wrote:\n> it is broken\n",
        "Done.\n\n-----Original Message-----\n> it is broken\n",
        "Done.\n\n> From: Alice <alice@cust-a.test>\n> it is broken\n",
    ],
)
def test_history_inside_history_is_introduced_and_stays_folded(history):
    attribution = "On Mon, Nov 23, 2026 at 6:00 AM Desk <support@hub.test> wrote:"

    assert shown(f"Thank you\n\n{attribution}\n\n{history}") == "Thank you"


def test_a_passage_that_is_answered_is_shown():
    text = (
        "Hello Bob,\n\nAm 13.05.2026 um 09:05 schrieb Bob Huber:\n> The second point.\n\nThat one is done.\n"
    )

    assert shown(text) == "Hello Bob,\n\n> The second point.\n\nThat one is done."


@pytest.mark.parametrize(
    "mail", ["> Hello Alice,\n> shall we come?\n> Desk\n", "> A long mail.\n" * 30, "> Hi\n"]
)
def test_of_a_whole_mail_that_is_answered_at_its_end_only_the_answer_is_shown(mail):
    assert shown(f"On 23/11/2026 06:00, Desk wrote:\n{mail}\nYes, please.\n") == "Yes, please."


@pytest.mark.parametrize("ending", ["Regards, Alice", "Best regards", "Sent from my iPhone"])
def test_a_closing_formula_below_a_quote_answers_nothing(ending):
    assert "shall we" not in shown(
        f"Fine.\n\nOn 23/11/2026 06:00, Desk wrote:\n> shall we come?\n\n{ending}\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("quotes only", ">\n" * 19_900),
        ("answers between quotes", "> q\na\n" * 9_900),
        ("one line", "1:" + "x <" * 170_000),
        ("attributions of nothing", "On 23/11/2026 Bob wrote:\nplain\n" * 9_000),
        ("attributions", "On Mon, 23 Nov 2026 at 06:00, Desk <a@b.test> wrote:\n> q\n" * 6_000),
        ("closings", "Regards\n" * 19_900),
        ("rules", "-----\n" * 19_900),
        ("dashes", "--\n" * 19_900),
        ("announcements", "answers below\n" * 19_900 + "> x\n"),
    ],
)
def test_a_text_made_to_be_slow_is_read_as_fast_as_any(name, text):
    with quickly(0.6):
        reply.spans(text, author="Alice <alice@cust-a.test>")
