"""Is what the writer wrote now shown, all of it, and the history folded?"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.reading import html_text, visible
from core.envelope import SpanKind
from tests.channels.email.reading_mails import folded, shown

ANSWER = "Yes, please come on Monday.\nThe door is open."
EARLIER = "> Shall we come on Monday?\n> Your desk"
ATTRIBUTION = "On Mon, Nov 23, 2026 at 6:00 AM Your Desk <support@hub.test> wrote:"


HEADERS = [
    "From: Your Desk <support@hub.test>\nSent: Monday, November 23, 2026 6:00 AM\nTo: Alice <a@x.test>\nSubject: Visit",
    "*From:* Your Desk <support@hub.test>\n*Sent:* Monday, November 23, 2026 6:00 AM\n*To:* Alice\n*Subject:* Visit",
    "Da: Your Desk <support@hub.test>\nInviato: lunedì 23 novembre 2026 06:00\nA: Alice <a@x.test>\nOggetto: Visita",
    "Von: Your Desk <support@hub.test>\nGesendet: Montag, 23. November 2026 06:00\nAn: Alice\nBetreff: Besuch",
    "De : Your Desk <support@hub.test>\nEnvoyé : lundi 23 novembre 2026 06:00\nÀ : Alice\nObjet : Visite",
    "De: Your Desk <support@hub.test>\nEnviado: lunes, 23 de noviembre de 2026 6:00\nPara: Alice\nAsunto: Visita",
    "De: Your Desk <support@hub.test>\nEnviada em: segunda-feira, 23 de novembro\nPara: Alice\nAssunto: Visita",
    "Van: Your Desk <support@hub.test>\nVerzonden: maandag 23 november 2026 06:00\nAan: Alice\nOnderwerp: Bezoek",
    "Od: Your Desk <support@hub.test>\nWysłano: poniedziałek, 23 listopada 2026 06:00\nDo: Alice\nTemat: Wizyta",
    "От: Your Desk <support@hub.test>\nОтправлено: 23 ноября 2026 г. 6:00\nКому: Alice\nТема: Визит",
    "Від: Your Desk <support@hub.test>\nНадіслано: 23 листопада 2026 р. 6:00\nКому: Alice\nТема: Візит",
    "Od: Your Desk <support@hub.test>\nOdesláno: pondělí 23. listopadu 2026 6:00\nKomu: Alice\nPředmět: Návštěva",
    "Från: Your Desk <support@hub.test>\nSkickat: den 23 november 2026 06:00\nTill: Alice\nÄmne: Besök",
    "Fra: Your Desk <support@hub.test>\nSendt: 23. november 2026 06:00\nTil: Alice\nEmne: Besøg",
    "Lähettäjä: Your Desk <support@hub.test>\nLähetetty: maanantai 23. marraskuuta 2026\nVastaanottaja: Alice\nAihe: Käynti",
    "Kimden: Your Desk <support@hub.test>\nGönderildi: 23 Kasım 2026 Pazartesi 06:00\nKime: Alice\nKonu: Ziyaret",
    "差出人: Your Desk <support@hub.test>\n送信日時: 2026年11月23日 6:00\n宛先: Alice\n件名: 訪問",
    "发件人: Your Desk <support@hub.test>\n发送时间: 2026年11月23日 6:00\n收件人: Alice\n主题: 来访",
    "发件人：Your Desk <support@hub.test>\n日期：2026年11月23日\n收件人：Alice\n主题：来访",
    "From: Your Desk\n <support@hub.test>\nDate: Monday, November 23, 2026\nTo: Alice\nSubject: Visit",
    "**Gesendet:** Montag, 23. November 2026 um 06:00\n\n**Von:** Desk <support@hub.test>\n\n**An:** Alice\n\n**Betreff:** Besuch",
    "Feladó: Your Desk <support@hub.test>\nElküldve: 2026. november 23. 6:00\nCímzett: Alice\nTárgy: Látogatás",
    "De la: Your Desk <support@hub.test>\nTrimis: luni, 23 noiembrie 2026 06:00\nCătre: Alice\nSubiect: Vizită",
    "보낸 사람: Your Desk <support@hub.test>\n보낸 날짜: 2026년 11월 23일\n받는 사람: Alice\n제목: 방문",
    "발신: Your Desk <support@hub.test>\n날짜: 26/11/23 06:00 (GMT+01:00)\n받은 사람: Alice\n제목: 방문",
    "From: Your Desk <support@hub.test>\n\nSent: Monday, 23 November 2026\n\nTo: Alice\n\nSubject: Visit",
    "Šalje: Your Desk <support@hub.test>\nNaslov: Posjet\nDatum: 23. studenoga 2026. u 06:00\nPrima: Alice",
    "Expeditorul: Your Desk <support@hub.test>\nSubiectul: Vizită\nDată: 23 noiembrie 2026 la 06:00\nDestinatarul: Alice",
    "Od: Your Desk <support@hub.test>\nPredmet: Návšteva\nDátum: 23. novembra 2026 o 6:00\nPre: Alice\nKópia: Bob",
    "Kimden: Your Desk <support@hub.test>\nKime: Alice\nGönderilen: 23 Kasım 2026 06:00\nKonu: Ziyaret",
    "Від: Your Desk <support@hub.test>\nКому: Alice\nВідправлено: 23 листопада 2026 р. 6:00\nТема: Візит",
    "送信元：Your Desk <support@hub.test>\n日付：2026年11月23日\n件名：訪問\n送信先：Alice",
]  # fmt: skip


@pytest.mark.parametrize("rule", ["", "_" * 32 + "\n", "-----Original Message-----\n", "-" * 20 + "\n\n"])
@pytest.mark.parametrize("header", HEADERS)
def test_an_embedded_header_begins_the_history(header, rule):
    assert shown(f"{ANSWER}\n\n{rule}{header}\n\nShall we come on Monday?\n") == ANSWER


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_with_nothing_above_is_about_what_the_writer_says(header):
    text = f"{header}\n\nThis is what I see.\n\n{HEADERS[0]}\n\nShall we come?"

    assert shown(text) == f"{header}\n\nThis is what I see."


def test_what_somebody_wrote_between_two_headers_is_theirs():
    text = f"{HEADERS[0]}\nThis is what I see.\n{HEADERS[0]}\nShall we come?"

    assert shown(text) == f"{HEADERS[0]}\nThis is what I see."


@pytest.mark.parametrize("above", ["Subject: printer", "To: all of us", "Date: Monday", "Room: 12"])
def test_lines_of_a_form_above_an_embedded_header_stay(above):
    assert shown(f"{above}\nit is broken\n{HEADERS[0]}\n\nShall we come?") == f"{above}\nit is broken"
    assert shown(f"It is broken.\n{above}\n\n{HEADERS[0]}\n\nShall we come?") == f"It is broken.\n{above}"


def test_a_long_list_of_recipients_belongs_to_the_header():
    people = "\n".join(f"Person {n} <p{n}@x.test>;" for n in range(6))

    assert (
        shown(f"{ANSWER}\n\nFrom: Desk <s@hub.test>\nSent: 1.1.2026\nTo: {people}\nSubject: x\n\nWell?")
        == ANSWER
    )


@pytest.mark.parametrize(
    "line",
    [
        "-----Original Message-----",
        "-------- Messaggio originale --------",
        "-----Ursprüngliche Nachricht-----",
        "-------- Message d'origine --------",
        "-----Mensaje original-----",
        "-----Mensagem original-----",
        "-----Oorspronkelijk bericht-----",
        "-----Oprindelig meddelelse-----",
        "-----Ursprungligt meddelande-----",
        "----- Wiadomość oryginalna -----",
        "-------- Исходное сообщение --------",
        "----- 原始邮件 -----",
        "-----Original-Nachricht-----",
        "------ Originalnachricht ------",
        "----- Mail original -----",
        "-----Your Desk/HUB wrote: -----",
        "-----Özgün İleti-----",
        "-----Orijinal Mesaj-----",
        "-------- Исходное письмо --------",
        "Original Message processed by david®",
        "[Original Message processed by david®](https://david.test)",
        '-------- Original message --------From: "Desk" <s@hub.test> Date: 23/11/2026 06:00 (GMT+01:00)',
        "-- REPLY ABOVE THIS LINE --",
        "-- Risponda sopra questa riga --",
        "-- ANTWORT ÜBER DIESER LINIE --",
        "-- Répondez au-dessus de cette ligne --",
        "##- Please type your reply above this line -##",
        ">>> Your Desk <s@hub.test> 23.11.2026 06:00 >>>",
        '"Your Desk" ---23/11/2026 06:00:33---Hi Ann, shall we\n\nFrom: Desk <s@hub.test>\nTo: a@x.test\nDate: 23/11/2026 06:00',
        "Sent by: Desk/HUB\n\nFrom: Desk <s@hub.test>\nTo: a@x.test\nDate: 23/11/2026 06:00\nSubject: Visit",
        "Sent from Yahoo Mail on Android\n\n  On Mon, 23 Nov 2026 at 6:00, Desk<s@hub.test> wrote:   Good morning",
        "-- \nDiese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.Am 23.11.26, 06:00 schrieb Desk <s@hub.test>:",
    ],
)
def test_a_line_between_dashes_begins_the_history(line):
    assert shown(f"{ANSWER}\n\n{line}\n\nShall we come?\n") == ANSWER


def test_a_quoted_line_that_a_gateway_broke_is_still_quoted():
    text = (
        "Fine.\n\nOn 23/11/2026 Desk wrote:\n"
        "> This is a very long line of the earlier message that was broken by some\ngateway on its way\n> back.\n"
    )

    assert shown(text) == "Fine."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday he wrote:\nthat it works. I do not believe it.",
        "Am Montag schrieb mir Herr Huber:\nalles gut.",
        "From: Rome\nTo: Milan\nDate: 12 October\n\nPlease book this.",
        "Subject: printer\nRoom: 12\n\nIt is broken.",
        "Hello,\nsee below:\nthe error is 12:30 <ORA-1234>:\nnothing works.",
        "The log says:\n---------\nerror\n---------\nPlease help.",
        "Sent from my desk, where nothing works any more.",
        "To: all users must restart\nDate: today\nthis is what I was told.",
        "Hi,\nsee the log:\nserver01 ---12/01/2026 10:21:33---disk full\nWhat now?",
        "Hi,\n>>> 1 + 1\nthat is what I typed.",
        "Sent by: courier\nRoom: 12\nThe parcel of 12.01.2026 never came.",
        "1. item one:\n2. item two:\nthank you",
        "New colleague:\nFrom: 1 December 2026\nTo: 31 December 2027\nSubject: badge\nPlease prepare all.",
        "Ferie:\nDa: lunedì\nA: venerdì\nOggetto: sostituzione\nChi viene al mio posto?",
        "Ieri il collega mi ha detto:\nIl 23/11/2026 alle 10:00 Mario Rossi ha scritto:\nnon va nulla\n\nChe faccio?",
        "On 12.10.2026 the server stopped.\nOn 13.10.2026 it started again:\nwhy?",
    ],
)
def test_what_only_looks_like_a_quote_is_shown(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"{EARLIER}\n",
        "-- \nAlice\n",
        "Sent from my iPhone",
        f"Hi Bob,\n\nOn 23/11/2026 Desk <s@hub.test> wrote:\n{EARLIER}\n",
        "From: a@b.test\nSent: 1.1.2026 10:00\nTo: c@d.test\nSubject: x\n\nOnly this.",
        "",
        "\n\n",
    ],
)
def test_where_nothing_would_remain_all_is_shown(text):
    assert shown(text) == text.strip()


def test_a_one_word_answer_is_an_answer():
    assert shown(f"Hello\n\nOn 23/11/2026 Desk <s@hub.test> wrote:\n{EARLIER}\n") == "Hello"
    assert shown(f"Ok\n\nOn 23/11/2026 Desk <s@hub.test> wrote:\n{EARLIER}\n") == "Ok"


@pytest.mark.parametrize(
    "begins",
    [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "-------- Messaggio inoltrato --------",
        "-------- Weitergeleitete Nachricht --------",
        "---------- Message transféré ---------",
    ],
)
def test_a_forwarded_message_is_shown_as_a_whole(begins):
    text = f"Please look.\n\n{begins}\nFrom: Bob <bob@x.test>\nDate: 1.1.2026\nSubject: x\nTo: a@x.test\n\nIt is broken.\n"

    assert shown(text) == text.strip()
    assert "It is broken." in folded(text, SpanKind.FORWARDED)


def test_what_the_subject_calls_a_forward_is_shown_as_a_whole():
    text = f"FYI\n\n{HEADERS[0]}\n\nIt is broken.\n"

    assert "It is broken." in shown(text, forward=True)
    assert "It is broken." not in shown(text)


CLIENTS = {
    "Gmail": '<div dir="ltr">{answer}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Nov 23, '
    '2026 at 6:00 AM Desk &lt;<a href="mailto:s@hub.test">s@hub.test</a>&gt; wrote:<br></div><blockquote '
    'class="gmail_quote" style="margin:0"><div>{earlier}</div></blockquote></div>',
    "Apple Mail": '<html><body>{answer}<br><div><br><blockquote type="cite"><div>On 23 Nov 2026, at 06:00, Desk &lt;s@hub.test&gt; '
    "wrote:</div><br><div>{earlier}</div></blockquote></div></body></html>",
    "Thunderbird": '<p>{answer}</p><div class="moz-cite-prefix">On 23/11/2026 06:00, Desk wrote:<br></div><blockquote type="cite" '
    'cite="mid:x"><p>{earlier}</p></blockquote>',
    "Outlook": '<div class="WordSection1"><p class="MsoNormal">{answer}<o:p></o:p></p><div><div style="border:none;border-top:solid '
    '#E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>From:</b> Desk &lt;s@hub.test&gt; <br><b>Sent:</b> Monday<br>'
    "<b>To:</b> Alice<br><b>Subject:</b> Visit</p></div></div><p class=MsoNormal>{earlier}</p></div>",
    "Outlook on the web": '<div>{answer}</div><div id="appendonsend"></div><hr tabindex="-1"><div id="divRplyFwdMsg"><b>Von:</b> Desk'
    "<br><b>Gesendet:</b> Montag</div><div>{earlier}</div>",
    "Hotmail": '<div class="hmmessage">{answer}<br><br><hr id="stopSpelling">Date: Mon, 23 Nov 2026<br>Subject: Visit<br>From: s@hub.test'
    "<br>To: a@x.test<br><br>{earlier}</div>",
    "Zimbra": '<div>{answer}</div><div data-marker="__QUOTED_TEXT__"><hr id="zwchr" data-marker="__DIVIDER__"><div>Desk, gestern</div><div>{earlier}</div></div>',
    "NetEase": '<div>{answer}</div><blockquote id="isReplyContent"><div>Desk</div><div>{earlier}</div></blockquote>',
    "Zoho": '<div>{answer}</div><blockquote id="blockquote_zmail" style="margin:0px"><div>{earlier}</div></blockquote>',
    "Canary": '<div>{answer}</div><div id="CanaryBlockquote"><div>Desk</div><div>{earlier}</div></div>',
    "Yahoo on a telephone": '<div>{answer}</div><div id="ymail_android_signature"><a href="https://y.test">Sent from Yahoo Mail</a></div>'
    '<p class="yahoo-quoted-begin">Desk</p><blockquote class="iosymail"><div>{earlier}</div></blockquote>',
    "another desk": '<div>{answer}</div><div class="freshdesk_quote"><blockquote class="freshdesk_quote">{earlier}</blockquote></div>',
    "Yahoo's page": '<div>{answer}</div><div id="ydp1a2b3c4dyahoo_quoted_123" class="ydp1a2b3c4dyahoo_quoted"><div>Am Montag hat Desk geschrieben'
    "</div><div>{earlier}</div></div>",
    "Yahoo": '<div>{answer}</div><div id="yahoo_quoted_123" class="yahoo_quoted"><div>On Monday, 23 November 2026 at 06:00, Desk wrote:'
    "</div><div>{earlier}</div></div>",
    "Gmail with a signature": '<div dir="ltr">{answer}<div><br></div><span class="gmail_signature_prefix">-- </span><br><div dir="ltr" '
    'class="gmail_signature">Ann</div></div><div class="gmail_quote">On Mon, Nov 23, 2026 at 6:00 AM Desk wrote:<br>{earlier}</div>',
    "GMX on a telephone": '<div>{answer}</div><div id="mail_signature"><br>--<br>Sent from my Android phone with GMX Mail.</div><div '
    'class="mail_quote" name="quote"><div>On 23.11.26, 06:00 Desk wrote:</div><blockquote>{earlier}</blockquote></div>',
    "Proton": '<div>{answer}</div><div class="protonmail_quote">On Monday, 23 November 2026 06:00, Desk wrote:<br><blockquote '
    'class="protonmail_quote" type="cite"><div>{earlier}</div></blockquote></div>',
}  # fmt: skip


@pytest.mark.parametrize("client", CLIENTS)
def test_html_replies_are_cut_where_the_mail_program_marked_them(client):
    answer, earlier = "Yes, please come on Monday.", "Shall we come on Monday?"
    page = CLIENTS[client].replace("{answer}", answer).replace("{earlier}", earlier)

    converted = html_text.convert(page)

    assert earlier in converted.text
    assert shown(converted.text, cuts=converted.cuts, signatures=converted.signatures) == answer


def test_a_very_long_text_is_shown_whole():
    text = "Hello\n" + "> x\n" * 30_000

    assert visible.spans(text) == (visible.Span(0, len(text), SpanKind.VISIBLE),)


LINES = st.sampled_from(
    ["", "Hello", "> quoted", ">> deeper", ATTRIBUTION, "Am Mo., 23. Nov. 2026 um 06:00 Uhr schrieb Your Desk <support@hub.test>:", "-- ", "--", "Best regards,", "From: a@b.test", "Sent: today 10:00",
     "Subject: x", "To: b@c.test", "-----Original Message-----", "Sent from my iPhone", "___", "wrote:", "Begin forwarded message:", "Hi Bob,",
     "This e-mail is confidential", "x" * 100]
)  # fmt: skip


@given(st.lists(LINES, max_size=25), st.booleans(), st.lists(st.integers(0, 400), max_size=3))
def test_spans_cover_the_text_and_something_is_always_shown(lines, forward, cuts):
    text = "\n".join(lines)

    spans = visible.spans(text, forward=forward, cuts=cuts)

    assert "".join(text[s.start : s.end] for s in spans) == text
    assert all(a.end == b.start and a.kind is not b.kind for a, b in pairwise(spans))
    if text.strip():
        assert visible.shown(text, spans).strip()


def test_a_mark_of_the_history_above_everything_is_no_history_where_another_follows():
    converted = html_text.convert(
        '<div class="ms-outlook-mobile-reference-message"></div><p>Restarted, it works.</p><div id="divRplyFwdMsg">Da: Desk</div><p>Restart?</p>'
    )

    assert shown(converted.text, cuts=converted.cuts) == "Restarted, it works."
