"""What people wrote is there, all of it and as they wrote it: the kinds of faults in reading that people reported."""

from __future__ import annotations

import base64

import pytest

from tests.channels.email.packing import attribute, packed_file, winmail
from tests.reports.asking import a_mail, parts

# --- What is shown -------------------------------------------------------------------------------------------


LAYOUT = "<p>Hello,</p><{0}><div>Error E-4711: volume NAS-02 not mounted</div></{1}><p>What can we do?</p>"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ('blockquote style="margin:0 0 0 40px"', "blockquote"),
        ('blockquote class="gmail_quote"', "blockquote"),
        ('blockquote type="cite"', "blockquote"),
        ('div class="gmail_quote"', "div"),
        ('div class="moz-cite-prefix"', "div"),
    ],
)
def test_a_first_mail_has_no_history_however_its_page_is_laid_out(read, begins, ends):
    said = read(a_mail(LAYOUT.format(begins, ends), kind="text/html; charset=utf-8"))

    for words in ("Hello", "E-4711", "What can we do?"):
        assert words in said["visible_text"]


@pytest.mark.parametrize(
    "line",
    [
        "On 12 November 2026 your technician Teo <teo@control.test> wrote:",
        "Il 12 novembre 2026 il vostro tecnico Teo <teo@control.test> ha scritto:",
        "Am 12. November 2026 schrieb Ihr Techniker Teo <teo@control.test>:",
        "Le 12 novembre 2026, votre technicien Teo <teo@control.test> a écrit :",
        "El 12 de noviembre de 2026, su técnico Teo <teo@control.test> escribió:",
        "12 ноября 2026 г. ваш техник Teo <teo@control.test> написал:",
        "> the display says E-77 at every start",
        "From: the meter in room 4\nTo: the main board\nSubject: cable C-12",
        "-----Original Message-----",
    ],
)
def test_prose_that_looks_like_history_is_content_of_a_first_mail(read, line):
    body = f"I must complain about the visit.\n\n{line}\nwe come on Friday at nine.\n\nNobody came, call me today.\n"

    assert read(a_mail(body))["visible_text"].split() == body.split()


@pytest.mark.parametrize(
    "announces",
    [
        "Hi, see my answers below in red.",
        "Please find my comments inline.",
        "Ciao, ti rispondo qui sotto in rosso.",
        "Hallo, meine Antworten stehen unten in rot.",
        "Bonjour, mes réponses ci-dessous en rouge.",
        "Hola, mis respuestas abajo en rojo.",
        "Respuestas en línea",
        "in grün unten",
        "Le mie risposte in MAIUSCOLO",
        "Ответы ниже красным цветом.",
        "답변은 아래에 빨간색으로 적었습니다",
        "赤字で回答しました。",
    ],
)
def test_nothing_is_folded_where_the_writer_says_that_the_answers_are_below(read, announces):
    page = (
        f'<div class="WordSection1"><p class="MsoNormal">{announces}</p><div style="border:none;border-top:solid '
        '#E1E1E1 1.0pt"><p class="MsoNormal"><b>From:</b> Desk &lt;support@desk.test&gt;<br><b>Sent:</b> Monday, 23 '
        "November 2026 08:00<br><b>To:</b> Mario Rossi<br><b>Subject:</b> Printer</p></div>"
        '<p class="MsoNormal">Which model is it?</p><p class="MsoNormal"><span style="color:red">It is the '
        "Lasertron 900.</span></p></div>"
    )

    said = read(
        a_mail(page, "In-Reply-To: <x1@desk.test>", subject="Re: Printer", kind="text/html; charset=utf-8")
    )

    assert "It is the Lasertron 900." in said["visible_text"]


@pytest.mark.parametrize(
    ("formula", "details"),
    [
        ("Best regards", "Surname: Ferri\nFirst name: Gaia\nStart: 1 December\nRole: purchasing, level 2"),
        ("Cordiali saluti", "Cognome: Ferri\nNome: Gaia\nInizio: 1 dicembre\nMatricola: 4411"),
        ("Mit freundlichen Grüßen", "Nachname: Ferri\nVorname: Gaia\nBeginn: 1. Dezember\nRaum: B12"),
        ("Cordialement", "Nom : Ferri\nPrénom : Gaia\nDébut : 1er décembre\nPoste : 4411"),
        ("Thanks", "Asset: LT-7788\nSerial: 99-AB\nSite: Verona"),
    ],
)
def test_details_below_the_closing_formula_are_content(read, formula, details):
    said = read(a_mail(f"Hello,\nplease create the user below.\n\n{formula}\n\n{details}\n"))

    for line in details.splitlines():
        assert line in said["visible_text"]


# --- Where the text is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        ('Content-Disposition: inline; filename="message.txt"',),
        ('Content-Disposition: attachment; filename="body.txt"',),
        (),
    ],
)
def test_the_only_text_part_is_the_body_whatever_its_name(read, fields):
    kind = 'text/plain; charset=utf-8; name="message.txt"'

    said = read(a_mail("The scanner jams at every page.\n", *fields, kind=kind))

    assert said["visible_text"] == "The scanner jams at every page.\n"
    assert "no text" not in said["notes"]


@pytest.mark.parametrize("start", ['; start="<body@acme.test>"', ""])
@pytest.mark.parametrize("banner", ["[This mail comes from outside]", "Attenzione: mittente esterno"])
def test_the_root_of_related_parts_is_the_body_and_the_banner_stands_beside_it(read, start, banner):
    page = '<p>The laptop shows this:</p><img src="cid:p1@acme.test"><p>Serial LT-7788.</p>'
    html = f"Content-Type: text/html; charset=utf-8\nContent-ID: <body@acme.test>\n\n{page}"
    picture = 'Content-Type: image/png; name="screen.png"\nContent-ID: <p1@acme.test>\n\nx'
    kind, body = parts(html, picture, kind="related", boundary="r")
    related = f'Content-Type: {kind}; type="text/html"{start}\n\n{body}'
    kind, body = parts(f"Content-Type: text/plain; charset=utf-8\n\n{banner}", related)

    said = read(a_mail(body, kind=kind))

    assert banner in said["text"]
    assert "Serial LT-7788." in said["visible_text"]
    assert said["attachments"] == [{"name": "screen.png", "inline": True}]


@pytest.mark.parametrize("ends", [b" \n", b"\t\n", b"\r\r\n\r\r\n", b"  \t \r\n"])
def test_a_line_of_blanks_ends_the_header(read, ends):
    head, _, _ = a_mail().partition(b"\n\n")

    said = read(head + b"\n" + ends + b"Room: B12\nAlarm: door open\n\nPlease check.\n")

    for words in ("Room: B12", "Alarm: door open", "Please check."):
        assert words in said["visible_text"]


def test_a_lone_carriage_return_ends_lines_too(read):
    said = read(a_mail("Room: B12\nAlarm: door open\n").replace(b"\n", b"\r"))

    assert said["visible_text"].split("\n")[:2] == ["Room: B12", "Alarm: door open"]


@pytest.mark.parametrize(
    "kind", ["text/calendar; charset=utf-8; method=REQUEST", "text/calendar; charset=utf-8"]
)
@pytest.mark.parametrize(
    ("starts", "told"),
    [
        ("DTSTART:20261130T090000Z", "2026-11-30 09:00"),
        ("DTSTART;TZID=Europe/Rome:20261130T090000", "Europe/Rome"),
        ("DTSTART;VALUE=DATE:20261130", "2026-11-30"),
    ],
)
def test_an_invitation_without_a_text_part_is_told_in_words(read, kind, starts, told):
    lines = ("BEGIN:VCALENDAR", "METHOD:REQUEST", "BEGIN:VEVENT", "UID:ev@acme.test", starts, "SUMMARY:Switch exchange",
             "LOCATION:Via Larga 1\\, server room", "DESCRIPTION:Bring the spare module.", "END:VEVENT", "END:VCALENDAR")  # fmt: skip

    said = read(a_mail("\r\n".join(lines), kind=kind))

    for words in ("Switch exchange", told, "Via Larga 1, server room", "Bring the spare module."):
        assert words in said["visible_text"]
    assert [one["name"][-4:] for one in said["attachments"]] == [".ics"]
    assert said["kind"] == "human"


def test_a_pasted_picture_is_an_inline_file(read):
    one, two = (base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(size)).decode() for size in (40, 41))
    page = f'<p>This:</p><img src="data:image/png;base64,{one}"><img src="data:image/jpeg;base64,{two}"><p>Then.</p>'

    said = read(a_mail(page, kind="text/html; charset=utf-8"))

    assert [one["inline"] for one in said["attachments"]] == [True, True]
    assert "base64" not in said["text"]


def test_a_pasted_drawing_that_is_not_shown_is_a_file(read):
    drawing = base64.b64encode(b"<?xml version='1.0'?><svg onload='alert(1)'/>").decode()
    page = f'<p>This:</p><img src="data:image/svg+xml;base64,{drawing}"><p>Then.</p>'

    said = read(a_mail(page, kind="text/html; charset=utf-8"))

    assert said["attachments"] == [{"name": "picture-1.svg", "inline": False}]
    assert "svg" not in said["html"]


@pytest.mark.parametrize(("word", "address"), [("👍", "cid:e1@a"), ("Yes", "https://x.test/yes.png")])
def test_a_picture_that_stands_for_a_word_is_that_word(read, word, address):
    page = f'<div dir=ltr><img data-emoji="x" alt="{word}" src="{address}"></div>'

    said = read(
        a_mail(page, "In-Reply-To: <ours@desk.test>", subject="Re: x", kind="text/html; charset=utf-8")
    )

    assert said["visible_text"].strip() == word


def test_what_outlook_packed_is_unpacked(read):
    packed = winmail(attribute(1, 0x800C, b"The door of room 4.\0"), packed_file("plan.pdf", b"%PDF-1.4"))
    kind, body = parts(
        "Content-Type: text/plain\n\n",
        "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(packed).decode(),
    )

    said = read(a_mail(body, kind=kind))

    assert {"winmail.dat", "plan.pdf"} <= {one["name"] for one in said["attachments"]}
    assert "winmail.dat: unpacked, the original is kept" in said["notes"]


@pytest.mark.parametrize("asks", ["Lucia <lucia@acme.test>", "LUCIA@acme.test"])
def test_who_wrote_and_where_answers_go_are_two_facts(read, asks):
    fields = (f"Reply-To: {asks}", "X-Original-Sender: lucia@acme.test")

    said = read(a_mail("Help.", *fields, sender="'Lucia' via IT <it@acme.test>"))

    found = (said["from_email"], said["reply_to"], said["original_sender"])
    assert found == ("it@acme.test", "lucia@acme.test", "lucia@acme.test")


# --- What is no person's first words ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ('text/plain; charset=utf-8; reaction="👍"', "Alice reacted to your message:\n👍\n"),
        ("text/plain; charset=utf-8", "👍 Mario Rossi reacted to your message\n"),
        ("text/plain; charset=utf-8", "❤️\n\nMario Rossi ha reagito tramite Gmail\n"),
        ("text/plain; charset=utf-8", "Liked “We come on Friday”\n"),
        ("text/calendar; method=REPLY", "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nSUMMARY:Visit\nEND:VEVENT\nEND:VCALENDAR\n"),
        ("text/calendar", "BEGIN:VCALENDAR\nMETHOD:COUNTER\nBEGIN:VEVENT\nSUMMARY:Visit\nEND:VEVENT\nEND:VCALENDAR\n"),
    ],
)  # fmt: skip
def test_a_sign_is_no_message(read, kind, body):
    said = read(a_mail(body, "In-Reply-To: <ours@desk.test>", subject="Re: Printer", kind=kind))

    assert said["kind"] in ("reaction", "calendar_reply")
    assert not said["may_auto_reply"]
    assert not said["may_open_ticket"]


# --- The mails of the reports themselves ---------------------------------------------------------------------


SHOWN = {
    "01-blockquote-as-layout": ("Error E-4711", "Last good run: 19 November", "What can we do?"),
    "03-prose-that-looks-like-attribution": ("your technician Teo", "we come on Friday", "Nobody came."),
    "04-outlook-inline-answers": ("Lasertron 900", "Since the power cut on Sunday."),
    "06-only-part-has-a-name": ("The scanner on floor 2 jams",),
    "07-related-root-with-cid-behind-banner": ("[This mail comes", "laptop of Lucia", "LT-7788"),
    "09-jis-without-charset": ("お世話になっております。プリンターが動きません。",),
    "10-iso-2022-jp-ms": ("手順①②が失敗します。㈱アクメ",),
    "12-calendar-only": ("2026-11-30 09:00 – 10:00 (UTC)", "Via Larga 1, server room", "spare uplink"),
    "13-smime-opaque-signed": ("The firewall drops our VPN every hour.",),
    "15-emoji-image-only": ("👍",),
    "16-pec": ("La linea dati della sede di Milano",),
    "20-details-below-signoff": ("Surname: Ferri", "First name: Gaia", "Start: 1", "Role:", "Copy rights"),
    "23-blank-line-of-spaces": ("Room: B12", "Alarm: door open", "Please check."),
    "27-html-meta-differs": ("Žádost: tiskárna „nefunguje“ – prosím opravte",),
    "30-data-uri-image": ("The program shows this:", "Then it closes."),
}
FILES = {
    "07-related-root-with-cid-behind-banner": ["screen.png"],
    "12-calendar-only": ["part-1.ics"],
    "16-pec": ["busta-di-trasporto.txt", "postacert.eml", "daticert.xml", "smime.p7s"],
    "30-data-uri-image": ["picture-1.png"],
}


@pytest.mark.parametrize("name", SHOWN)
def test_the_mail_of_the_report_is_shown_whole(read, reports, name):
    said = read(reports / f"{name}.eml")

    for words in SHOWN[name]:
        assert words in said["visible_text"]
    assert [one["name"] for one in said["attachments"]] == FILES.get(name, [])


def test_the_subject_in_a_vendors_japanese_is_read(read, reports):
    assert read(reports / "10-iso-2022-jp-ms.eml")["subject"] == "設定①の件㈱"


def test_a_signature_that_nobody_checked_says_so(read, reports):
    assert "signature not checked" in read(reports / "13-smime-opaque-signed.eml")["notes"]


REACTION = "Content-Type: text/plain; charset=utf-8\nContent-Disposition: reaction\n\n👎"


def test_a_reaction_by_its_disposition_is_a_sign_and_words_beside_it_are_a_message(read):
    fields = ("In-Reply-To: <ours@desk.test>",)
    alone = read(a_mail("👎\n", *fields, "Content-Disposition: reaction", subject="Re: Printer"))
    kind, body = parts(REACTION, "Content-Type: text/plain\n\nIt fails again, call me.")
    beside = read(a_mail(body, *fields, subject="Re: Printer", kind=kind))

    assert (alone["kind"], beside["kind"]) == ("reaction", "human")
    assert "It fails again" in beside["visible_text"]


@pytest.mark.parametrize("value", ["allow", "disallow"])
def test_whether_outlook_allows_reactions_to_a_mail_says_nothing_of_the_mail(read, value):
    raw = a_mail("👍\n", f"x-ms-reactions: {value}", "In-Reply-To: <ours@desk.test>", subject="Re: Printer")

    assert read(raw)["kind"] == "human"
