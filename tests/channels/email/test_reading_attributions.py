"""Is "On … Alice wrote:" known in every language, and no sentence of the writer taken for it?"""

from __future__ import annotations

import pytest

from tests.channels.email.reading_mails import a_mail, shown, understood, visible

ANSWER = "Yes, please come on Monday.\nThe door is open."
EARLIER = "> Shall we come on Monday?\n> Your desk"

ATTRIBUTIONS = [
    "2026/11/23 6:00、Your Desk <support@hub.test>のメッセージ:",
    "Dnia 23.11.2026 o 06:00 Your Desk <support@hub.test> nadesłał:",
    "Op 23 nov. 2026 om 06:00 heeft Your Desk <support@hub.test> het volgende verzonden:",
    'D. 23.11.2026 kl. 06.00 skrev "Your Desk" <support@hub.test>:',
    "V V pon., 23. nov. 2026 ob 06:00 je oseba Your Desk <support@hub.test> napisala:",
    "2026-11-23, pr, 06:00 Your Desk <support@hub.test> rašė:",
    "pirmd., 2026. g. 23. nov., plkst. 06:00 — lietotājs Your Desk (<support@hub.test>) rakstīja:",
    "El dl., 23 de nov. 2026, 6:00, Your Desk <support@hub.test> va escriure:",
    "На пн, 23.11.2026 г. в 6:00 ч. Your Desk <support@hub.test> написа:",
    "пон, 23. нов 2026. у 06:00 Your Desk <support@hub.test> је написао/ла:",
    "On Mon, Nov 23, 2026 at 6:00 AM Your Desk <support@hub.test> wrote:",
    "ในวันที่ จ. 23 พ.ย. 2026 เวลา 06:00 Your Desk <support@hub.test> เขียนว่า:",
    "در تاریخ دوشنبه ۲۳ نوامبر ۲۰۲۶،\u200f ۶:۰۰ Your Desk <support@hub.test> نوشت:",
    "On Nov 23, 2026, at 06:00, Your Desk <support@hub.test> wrote:",
    "On 23/11/2026 06:00, Your Desk wrote:",
    "On Monday, 23 November 2026 at 06:00:00 CET, Your Desk <support@hub.test> wrote:",
    "At 06:00 23.11.2026, Your Desk wrote:",
    "Il giorno lun 23 nov 2026 alle ore 06:00 Your Desk <support@hub.test> ha scritto:",
    "Il 23/11/2026 06:00, Your Desk ha scritto:",
    "In data lunedì 23 novembre 2026 06:00:00, Your Desk <support@hub.test> ha scritto:",
    "Am Mo., 23. Nov. 2026 um 06:00 Uhr schrieb Your Desk <support@hub.test>:",
    "Am 23.11.2026 um 06:00 schrieb Your Desk:",
    "Le lun. 23 nov. 2026 à 06:00, Your Desk <support@hub.test> a écrit :",
    "Le 23/11/2026 à 06:00, Your Desk a écrit :",
    "El lun, 23 nov 2026 a las 6:00, Your Desk (<support@hub.test>) escribió:",
    "El 23/11/2026 a las 6:00, Your Desk escribió:",
    "Em seg., 23 de nov. de 2026 às 06:00, Your Desk <support@hub.test> escreveu:",
    "Op ma 23 nov. 2026 om 06:00 schreef Your Desk <support@hub.test>:",
    "Op 23-11-2026 om 06:00 schreef Your Desk:",
    "pon., 23 lis 2026 o 06:00 Your Desk <support@hub.test> napisał(a):",
    "W dniu 23.11.2026 o 06:00, Your Desk pisze:",
    "пн, 23 нояб. 2026 г. в 06:00, Your Desk <support@hub.test>:",
    "23 ноября 2026 г., в 06:00, Your Desk <support@hub.test> написал(а):",
    "23.11.2026 06:00, Your Desk пишет:",
    "пн, 23 лист. 2026 р. о 06:00 Your Desk <support@hub.test> пише:",
    "po 23. 11. 2026 v 6:00 odesílatel Your Desk <support@hub.test> napsal:",
    "Dne 23. 11. 2026 v 6:00 Your Desk napsal(a):",
    "Den mån 23 nov. 2026 kl 06:00 skrev Your Desk <support@hub.test>:",
    "Den 23.11.2026 kl. 06.00 skrev Your Desk:",
    "man. 23. nov. 2026 kl. 06:00 skrev Your Desk <support@hub.test>:",
    "ma 23. marrask. 2026 klo 6.00 Your Desk (support@hub.test) kirjoitti:",
    "Your Desk <support@hub.test>, 23 Kas 2026 Pzt, 06:00 tarihinde şunu yazdı:",
    "2026年11月23日(月) 6:00 Your Desk <support@hub.test>:",
    "Your Desk <support@hub.test> 于2026年11月23日周一 06:00写道：",
    "在 2026/11/23 06:00, Your Desk 写道:",
    "---- On Mon, 23 Nov 2026 06:00:00 +0100 Your Desk <support@hub.test> wrote ----",
    "2026-11-23 6:00 GMT+01:00 Your Desk <support@hub.test>:",
    '23.11.2026, 06:00, "Your Desk" <support@hub.test>:',
    "Понедельник, 23 ноября 2026, 6:00 +03:00 от Your Desk <support@hub.test>:",
    "On January 17, 2026 at 11:09 AM GMT+1 support@hub.test wrote:",
    "On Tuesday, January 17th, 2026 at 11:09 AM, Your Desk <support@hub.test> wrote:",
    "On 17 Jan 2026, 11:09 +0100, Your Desk <support@hub.test>, wrote:",
    "On 2026-01-17 11:09, Your Desk wrote:",
    "On Tue, Jan 17, 2026 at 11:09:32AM +0100, Your Desk wrote:",
    "Am Dienstag, dem 17.01.2026 um 11:09 +0100 schrieb Your Desk:",
    "Am 2026-01-17 11:09, schrieb Your Desk:",
    "Your Desk <support@hub.test> schrieb am Di., 17. Jan. 2026, 11:09:",
    '"Your Desk" <support@hub.test> wrote on 01/17/2026 11:09:32 AM:',
    "2026/01/17 11:09、Your Desk <support@hub.test>のメール:",
    "在 2026年1月17日，11:09，Your Desk <support@hub.test> 写道：",
    "雨州 <support@hub.test> 在 2026年1月17日 周六 19:47 写道：",
    "2026년 1월 17일 (화) 오전 11:09, 홍길동 <support@hub.test>님이 작성:",
    "Vào Th 3, 17 thg 1, 2026 vào lúc 11:09 Your Desk <support@hub.test> đã viết:",
    "Pada tanggal Sel, 17 Jan 2026 pukul 11.09 Your Desk <support@hub.test> menulis:",
    "Pe 17 ian. 2026, la 11:09, Your Desk <support@hub.test> a scris:",
    "Your Desk <support@hub.test> ezt írta (időpont: 2026. jan. 17., K, 11:09):",
    "uto, 17. sij 2026. u 11:09 Your Desk <support@hub.test> napisao je:",
    "ut 17. 1. 2026 o 11:09 Your Desk <support@hub.test> napísal(a):",
    "17. 1. 2026 v 11:09, Your Desk <support@hub.test>:",
    "Your Desk <support@hub.test> şunları yazdı (17 Oca 2026 11:09):",
    "Your Desk <support@hub.test> kirjoitti 17.1.2026 kello 11.09:",
    "Wiadomość napisana przez Your Desk <support@hub.test> w dniu 17.01.2026, o godz. 11:09:",
    "W dniu 2026-01-17 11:09:20 użytkownik Your Desk <support@hub.test> napisał:",
    "Op 17 jan. 2026, om 11:09 heeft Your Desk <support@hub.test> het volgende geschreven:",
    "No dia 17/01/2026, às 11:09, Your Desk <support@hub.test> escreveu:",
    "Your Desk <support@hub.test> escreveu no dia terça, 17/01/2026 à(s) 11:09:",
    "Le mardi 17 janvier 2026 à 11:09:32 UTC+1, Your Desk <support@hub.test> a écrit :",
    "Στις Τρί, 17 Ιαν 2026 στις 11:09, ο/η Your Desk <support@hub.test> έγραψε:",
    "On Monday, November 23, 2026, Your Desk <support@hub.test> wrote:",
    "2026-11-23T06:00:00+01:00 Your Desk <support@hub.test>:",
    "El lun, 23 de nov. de 2026 a la(s) 6:00 a. m., Your Desk (support@hub.test) escribió:",
    "في ١٧/٠١/٢٠٢٦ الساعة ١١:٠٩ ص، كتب/كتبت Your Desk <support@hub.test>:",
]
NEEDING_QUOTES = [
    "Your Desk <support@hub.test> wrote:",
    "Your Desk via Forum wrote:",
    "Quoting Your Desk <support@hub.test>:",
    "Zitat von Your Desk <support@hub.test>:",
    "2026/7/20 desk via Forum <support@hub.test>",
    "On Thursday, June 27, 2026, Your Desk wrote:",
    "Your Desk wrote on 23/11/2026 06:00:",
    "Your Desk schrieb am 23.11.2026 um 06:00:",
    "El jueves, 21 de noviembre de 2026, Your Desk escribió:",
    "суббота, 14 марта 2026 г. пользователь Your Desk написал:",
    "12 gen 2026, 10:21 da support@hub.test:",
    "Jan 12, 2026, 10:21 by support@hub.test:",
    "Message du 23/11/26 06:00",
    "Вы писали 23 ноября 2026 г., 6:00:33:",
    "On Monday, November 23, 2026, 6:00:33, you wrote:",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS + NEEDING_QUOTES)
def test_the_line_above_a_quote_is_folded_with_it(attribution):
    assert shown(f"{ANSWER}\n\n{attribution}\n{EARLIER}\n") == ANSWER


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_history_without_quote_marks_is_folded_too(attribution):
    assert shown(f"{ANSWER}\n\n{attribution}\n\nShall we come on Monday?\n") == ANSWER


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, Nov 23, 2026 at 6:00 AM Your Very Long Desk Name <\nsupport@hub.test> wrote:",
        "On Mon, Nov 23, 2026 at 6:00 AM\nYour Very Long\nDesk Name <support@hub.test>\nwrote:",
        "Il giorno lun 23 nov 2026 alle ore 06:00 Your Desk <support@hub.test>\nha scritto:",
        "Am 23. November 2026 um 06:00 schrieb Your Desk\n<support@hub.test>:",
        "Le lun. 23 nov. 2026 à 06:00, Your Desk <support@hub.test>\na écrit :",
        "Em segunda-feira, 23 de novembro de\n2026 06:00:00 BRT, Your Desk <support@hub.test> escreveu:",
        "Am Montag, dem 23. November\n2026 um 06:00 +0100 schrieb Your Desk:",
    ],
)
def test_an_attribution_may_be_wrapped(attribution):
    assert shown(f"{ANSWER}\n\n{attribution}\n\n{EARLIER}\n") == ANSWER


@pytest.mark.parametrize("attribution", NEEDING_QUOTES)
def test_what_may_be_a_sentence_is_one_unless_a_quote_follows(attribution):
    text = f"{ANSWER}\n\n{attribution}\nthat it works.\n\nI do not believe it."

    assert shown(text) == text


@pytest.mark.parametrize(
    "above",
    [
        "3 users are affected since 10:30",
        "We are in room 12.",
        "It costs 120 EUR, see invoice 2026/114:",
        "On Monday we had 2 of them",
        "23.11.2026 is fine",
        "23.11.2026",
        "Please call +39 045 123456 or write to anna@cust-a.test",
        "1. restart",
        "Serial 4711-0815",
    ],
)
@pytest.mark.parametrize(
    "attribution", [ATTRIBUTIONS[0], ATTRIBUTIONS[8], ATTRIBUTIONS[23], ATTRIBUTIONS[10]]
)
def test_the_line_above_an_attribution_stays(above, attribution):
    wrapped = attribution.replace(" <", "\n<").replace(" um ", "\num ")

    for lines in (attribution, wrapped):
        assert shown(f"{above}\n{lines}\n{EARLIER}\n") == above
        assert shown(f"{above}\n{lines}\n\nShall we come on Monday?\n") == above


@pytest.mark.parametrize(
    "sentence",
    [
        "On 12 November 2026 your technician Teo Tecnico <tech@control.test> wrote:",
        "On 12 November 2026 at 10:15 your technician Teo Tecnico <tech@control.test> wrote:",
        "On 12 November 2026 at 10:15 the technician Teo Tecnico wrote:",
        "On 12 November 2026 Teo Tecnico <tech@control.test> wrote:",
        "Am 12.11.2026 um 10:15 schrieb der Techniker Teo Tecnico <tech@control.test>:",
        "Am 12.11.2026 um 10:15 schrieb mir Herr Huber:",
        "Il 12 novembre 2026 alle 10:15 il vostro tecnico Teo ha scritto:",
        "Le 12 novembre 2026 à 10:15 votre technicien a écrit :",
        "El 12/11/2026 a las 10:15 nuestro técnico escribió:",
        "In 2024 at 08:19 somebody wrote that it works:",
        "Bob wrote:",
    ],
)
def test_a_sentence_about_what_somebody_wrote_is_shown_in_an_answer_too(sentence):
    text = f"I must complain.\n\n{sentence}\nwe come on Friday at nine.\n\nNobody came.\n\nMario"

    assert shown(text) == text
    assert visible(understood(a_mail(text, subject="Re: Visit", in_reply_to="<x@hub.test>"))) == text


# --- The line above ---

ABOVE = (
    "Room 12", "3", "Am 12. November kam niemand", "The date is 23.11.2026", "Tel. 02 1234567", "5 приборов не работают",
    "12月3日に来てください", "٣ غرف", "Mail bob@acme.test", "14:30", "1. restart", "On 3 May we come.",
)  # fmt: skip


@pytest.mark.parametrize("attribution", ATTRIBUTIONS + NEEDING_QUOTES)
def test_the_line_directly_above_stays_whatever_figures_it_holds_and_wherever_the_attribution_is_wrapped(
    attribution,
):
    words = attribution.split(" ")
    wrapped = (f"{' '.join(words[:at])}\n{' '.join(words[at:])}" for at in range(2, len(words)))

    for written in (attribution, *wrapped):
        for above in ABOVE:
            assert above in shown(f"{ANSWER}\n{above}\n{written}\n{EARLIER}\n"), written


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_wrapped_where_mail_programs_wrap_it_is_folded_as_a_whole(attribution):
    words = attribution.split(" ")
    column = 60 if len(attribution) > 72 else 45
    first = [at for at in range(1, len(words)) if len(" ".join(words[:at])) >= column]
    if first:
        attribution = f"{' '.join(words[: first[0]])}\n{' '.join(words[first[0] :])}"

    assert shown(f"{ANSWER}\n\nRoom 12\n{attribution}\n{EARLIER}\n") == f"{ANSWER}\n\nRoom 12"
