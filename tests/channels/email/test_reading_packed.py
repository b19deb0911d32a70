"""Does a reader see what came inside a winmail.dat, an opaque signature, a calendar, or the HTML itself?"""

from __future__ import annotations

import base64
import struct

import pytest

from channels.email import cleaning
from channels.email.reading import facts, pictures
from tests.channels.email.packing import (
    MAIL,
    SIGNED_DATA,
    a_part,
    attribute,
    compressed,
    packed_file,
    properties,
    signed,
    winmail,
)
from tests.channels.email.reading_mails import a_mail, parts, understood
from tests.spending import quickly

PLAIN = "Content-Type: text/plain; charset=utf-8\n\n"
TNEF = 'application/ms-tnef; name="winmail.dat"'
SMIME = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
RTF = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}The switch is d\'fcnn\par and \u8364?5 too dear.}"
WRAPPED = (
    rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}{\htmlrtf \par shadow}See \htmlrtf {\b \htmlrtf0 this"
    rb'\htmlrtf }\htmlrtf0{\*\htmltag <img src="cid:a@b">}}'
)


def mail_of(*bodies, kind="mixed"):
    line, content = parts(*bodies, kind=kind)
    return a_mail(content, line)


def names(inbound):
    return [(file.name, file.inline) for file in inbound.attachments]


# --- winmail.dat ----------------------------------------------------------------------------------------------


def test_files_of_a_winmail_are_offered_beside_it_under_their_long_names():
    long = "Größe der Anlage.pdf"
    packed = winmail(
        packed_file("GRERDE~1.PDF", b"%PDF", (0x3707, 0x1E, long.encode("cp1252") + b"\0")),
        packed_file("übung.txt", b"x"),
        packed_file("A.BIN", b"y", (0x3707, 0x1F, "日本.bin\0".encode("utf-16-le"))),
    )

    inbound = understood(mail_of(PLAIN + "See the files.", a_part(TNEF, packed)))

    assert inbound.text == "See the files."
    assert [name for name, _ in names(inbound)] == ["winmail.dat", long, "übung.txt", "日本.bin"]
    assert inbound.attachments[1].content == b"%PDF"
    assert inbound.attachments[1].type == "application/pdf"


def test_a_winmail_under_another_type_is_recognised_by_its_first_bytes():
    packed = winmail(packed_file("a.txt", b"x"))

    inbound = understood(mail_of(PLAIN + "x", a_part("application/octet-stream; name=winmail.dat", packed)))

    assert [name for name, _ in names(inbound)] == ["winmail.dat", "a.txt"]


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ((0x1009, 0x102, compressed(RTF)), "The switch is dünn\nand €5 too dear."),
        ((0x1000, 0x1F, "Größe\r\n日本\0".encode("utf-16-le")), "Größe\n日本"),
        ((0x1000, 0x1E, "Größe\0".encode("cp1252")), "Größe"),
        ((0x1013, 0x102, "<p>Größe</p>".encode("cp1252")), "Größe\n"),
        ((0x1009, 0x102, compressed(WRAPPED)), "See this\n"),
    ],
)
def test_the_text_inside_is_the_text_of_a_mail_that_has_no_other(stored, text):
    packed = winmail(attribute(1, 0x9003, properties(stored)))

    inbound = understood(mail_of(PLAIN, a_part(TNEF, packed)))

    assert inbound.text == text
    assert "no text" not in inbound.notes


def test_a_picture_that_the_html_inside_shows_is_inline():
    picture = packed_file("a.png", PNG, (0x3712, 0x1E, b"a@b\0"))
    packed = winmail(attribute(1, 0x9003, properties((0x1009, 0x102, compressed(WRAPPED)))), picture)

    assert names(understood(mail_of(a_part(TNEF, packed)))) == [("winmail.dat", False), ("a.png", True)]
    assert names(understood(mail_of(PLAIN + "x", a_part(TNEF, packed)))) == [
        ("winmail.dat", False),
        ("a.png", False),
    ]


def test_a_mail_inside_a_winmail_is_a_mail_with_its_files_beside_it():
    inside = winmail(
        attribute(1, 0x8004, b"Old order\0"), attribute(1, 0x800C, b"Three\0"), packed_file("b.doc", b"z")
    )
    packed = winmail(packed_file("Untitled", b"", (0x3701, 0x0D, MAIL + inside)))

    inbound = understood(mail_of(PLAIN + "x", a_part(TNEF, packed)))

    assert [name for name, _ in names(inbound)] == ["winmail.dat", "Old order.eml", "b.doc"]
    assert inbound.attachments[1].content.endswith(b"Three")


def test_a_damaged_winmail_gives_what_can_be_read_and_says_so(tmp_path):
    whole = winmail(packed_file("a.txt", b"first"), packed_file("b.txt", b"second" * 100))

    inbound = understood(mail_of(PLAIN + "x", a_part(TNEF, whole[:-300])))

    assert [name for name, _ in names(inbound)] == ["winmail.dat", "a.txt", "b.txt"]
    assert any("damaged" in note for note in inbound.notes)


def test_a_bare_winmail_answers_with_the_names_inside(tmp_path):
    path = tmp_path / "x.tnef"
    path.write_bytes(winmail(packed_file("a.txt", b"x"), packed_file("b.txt", b"y")))

    assert facts.mail_fact({"path": str(path), "kind": "tnef"}) == {
        "error": None,
        "tnef_attachment_names": ["a.txt", "b.txt"],
    }


# --- Signed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "kind",
    [
        SMIME,
        "application/x-pkcs7-mime; name=smime.p7m",
        "application/pkcs7-mime",
        'application/octet-stream; name="smime.p7m"',
    ],
)
def test_the_text_and_files_inside_an_opaque_signature_are_shown_unchecked(kind, streamed):
    line, content = parts(PLAIN + "VPN drops.", "Content-Type: application/pdf; name=log.pdf\n\nx")
    packed = signed(f"{line}\r\n\r\n{content}".encode(), streamed=streamed)

    inbound = understood(a_mail("").rstrip() + b"\n" + a_part(kind, packed).encode())

    assert inbound.text == "VPN drops."
    assert names(inbound) == [("log.pdf", False)]
    assert inbound.notes == ("signature not checked",)


def test_a_form_that_was_signed_keeps_its_first_lines():
    packed = signed(b"Content-Type: text/plain\r\n\r\nFrom: room 12\r\nSubject: door\r\n\r\nIt is open.")

    inbound = understood(a_mail("").rstrip() + b"\n" + a_part(SMIME, packed).encode())

    assert inbound.text == "From: room 12\nSubject: door\n\nIt is open."


def test_a_signed_document_is_a_file_and_an_encrypted_mail_a_placeholder():
    document = a_part('application/pkcs7-mime; name="offer.pdf.p7m"', signed(b"%PDF-1.7 offer"))
    encrypted = a_part(
        SMIME, signed(b"x").replace(bytes.fromhex(SIGNED_DATA), bytes.fromhex("2a864886f70d010703"))
    )

    assert names(understood(mail_of(PLAIN + "x", document))) == [("offer.pdf.p7m", False)]
    closed = understood(a_mail("").rstrip() + b"\n" + encrypted.encode())
    assert names(closed) == [("smime.p7m", False)]
    assert any("kept as it came" in note for note in closed.notes)


# --- Calendars ------------------------------------------------------------------------------------------------

ZONE = """BEGIN:VTIMEZONE
TZID:Head office
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def invitation(start, end, *more, method="REQUEST", zone=""):
    lines = "".join(
        f"{line}\r\n" for line in (f"DTSTART{start}", f"DTEND{end}", "SUMMARY:Switch\\, new", *more)
    )
    return (
        f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\n{zone}BEGIN:VEVENT\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )


@pytest.mark.parametrize(
    ("start", "end", "when"),
    [
        (":20261130T090000Z", ":20261130T100000Z", "2026-11-30 09:00 – 10:00 (UTC)"),
        (";TZID=Europe/Rome:20260730T0900", ";TZID=Europe/Rome:20260731T103000", ""),
        (";TZID=Europe/Rome:20260730T090000", ";TZID=Europe/Rome:20260731T103000",
         "2026-07-30 09:00 – 2026-07-31 10:30 (Europe/Rome, UTC+02:00)"),
        (";TZID=W. Europe Standard Time:20261130T090000", ";TZID=W. Europe Standard Time:20261130T100000",
         "2026-11-30 09:00 – 10:00 (W. Europe Standard Time, UTC+01:00)"),
        (";TZID=Head office:20261130T090000", ";TZID=Head office:20261130T100000",
         "2026-11-30 09:00 – 10:00 (Head office, UTC+01:00)"),
        (';TZID="Head office":20260730T090000', ';TZID="Head office":20260730T100000',
         "2026-07-30 09:00 – 10:00 (Head office, UTC+02:00)"),
        (";VALUE=DATE:20261130", ";VALUE=DATE:20261201", "2026-11-30"),
        (";VALUE=DATE:20261130", ";VALUE=DATE:20261203", "2026-11-30 – 2026-12-02"),
        (":20261130T090000", ":20261130T090000", "2026-11-30 09:00"),
    ],
)  # fmt: skip
def test_an_invitation_without_a_text_says_what_and_when_with_its_zone(start, end, when):
    calendar = invitation(start, end, zone=ZONE)

    inbound = understood(a_mail(calendar, "Content-Type: text/calendar; charset=utf-8; method=REQUEST"))

    assert inbound.text.startswith(f"Switch, new\n{when}\n" if when else "Switch, new\n")
    assert names(inbound) == [("part-1.ics", False)]
    assert "no text" not in inbound.notes


def test_an_invitation_says_where_who_and_why():
    calendar = invitation(
        ":20261130T090000Z",
        ":20261130T100000Z",
        "LOCATION;LANGUAGE=it:Via Larga 1\\; Milano",
        'ORGANIZER;CN="Rossi, Mario":mailto:mario@acme.test',
        "ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:support@hub.test",
        "DESCRIPTION:Bring\\nthe spa",
        " re part.",
    )
    kind, content = parts(f"Content-Type: text/calendar; method=REQUEST\n\n{calendar}", kind="alternative")

    text = understood(a_mail(content, kind)).text

    assert text.split("\n", 2)[2] == (
        "Via Larga 1; Milano\nRossi, Mario <mario@acme.test> → support@hub.test (ACCEPTED)\n\nBring\nthe spare part.\n"
    )


def test_a_visit_that_is_called_off_says_so():
    calendar = invitation(":20261130T090000Z", ":20261130T100000Z", method="CANCEL")

    inbound = understood(a_mail(calendar, "Content-Type: text/calendar; charset=utf-8"))

    assert inbound.text.startswith("Switch, new (CANCELLED)\n")


def test_a_meeting_that_is_called_off_in_its_own_words_is_no_invitation():
    calendar = invitation(":20261130T090000Z", ":20261130T100000Z", "STATUS:CANCELLED")
    kind, content = parts(
        "Content-Type: text/plain\n\nSorry.",
        f"Content-Type: text/calendar; method=REQUEST\n\n{calendar}",
        kind="alternative",
    )

    (note,) = understood(a_mail(content, kind)).notes

    assert note.startswith("an invitation is called off: ")


@pytest.mark.parametrize(
    ("method", "noted"),
    [
        ("REQUEST", ("an invitation: Switch, new · 2026-11-30 09:00 – 10:00 (UTC) · Via Larga 1",)),
        (
            "CANCEL",
            ("an invitation is called off: Switch, new · 2026-11-30 09:00 – 10:00 (UTC) · Via Larga 1",),
        ),
        ("PUBLISH", ()),
    ],
)
def test_what_a_calendar_beside_a_text_invites_to_is_said(method, noted):
    calendar = invitation(":20261130T090000Z", ":20261130T100000Z", "LOCATION:Via\\n Larga 1", method=method)
    kind, content = parts(
        "Content-Type: text/plain\n\nJoin the meeting.",
        f"Content-Type: text/calendar; method={method}\n\n{calendar}",
        kind="alternative",
    )

    inbound = understood(a_mail(content, kind))

    assert inbound.text.strip() == "Join the meeting."
    assert inbound.notes == noted


# --- Pictures in the HTML -------------------------------------------------------------------------------------


def page(html):
    return understood(a_mail(html, "Content-Type: text/html; charset=utf-8"))


def address(content=PNG, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    "image",
    [
        f'<img src="{address()}">',
        f"<IMG alt='' SRC = '{address()}' width=20>",
        f"<img src={address()}>",
        f'<img style="border:0" src="{address(kind="image/jpg")}"/>',
        f'<img src="{address().replace("base64,", "name=x;base64,").replace("+", "%2B")}">',
        f'<img src="{address()[:60]}\n {address()[60:]}">',
        f'<img src="{address().replace("data:", "Data:").replace("=", "&#61;")}">',
    ],
)
def test_a_picture_in_the_html_itself_is_an_inline_file_and_shown_as_those_with_a_cid(image):
    inbound = page(f"<p>It shows this:</p>{image}<p>Then it closes.</p>")

    assert inbound.text == "It shows this:\n\nThen it closes.\n"
    assert names(inbound) == [("picture-1.png", True)]
    file = inbound.attachments[0]
    assert (file.type, file.content) == ("image/png", PNG)
    shown = cleaning.clean_html(inbound.html, cid_url=lambda cid: f"https://pictures.test/{cid}")
    assert f'src="https://pictures.test/{file.content_id}"' in shown


def test_the_same_picture_twice_is_one_file_and_words_about_addresses_stay_words():
    inbound = page(f'<p>use data:image/png;base64,AAAA</p><img src="{address()}"><img src="{address()}">')

    assert len(inbound.attachments) == 1
    assert "data:image/png;base64,AAAA" in inbound.text


def test_what_is_no_picture_or_one_too_many_is_left_out_and_no_noise_in_the_text():
    many = "".join(f'<img src="{address(PNG + bytes((i,)))}">' for i in range(pictures.PICTURES + 5))
    script = f'<img src="{address(b"<svg onload=x>", "image/svg+xml")}"><a href="{address(b"x" * 9_000, "text/html")}">a</a>'
    large = f'<img src="{address(PNG + b"0" * (pictures.BYTES + 1))}">'

    inbound = page(f"<p>hello</p>{script}{large}{many}")

    assert inbound.text == "hello\n\na\n"
    assert len(inbound.attachments) == pictures.PICTURES
    assert "data:" not in inbound.html
    assert any("pictures" in note for note in inbound.notes)


# --- Pictures that stand for words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<div><img data-emoji="x" alt="👍" src="cid:e1"></div>', "👍"),
        ('<p>Works <img class="emoji" alt=":thumbsup:" src="cid:e"> thanks</p>', "Works :thumbsup: thanks"),
        ('<p>Please press <img src="cid:b" alt="Save"> twice</p>', "Please press Save twice"),
        ('<img alt="The order is cancelled" src="cid:b">', "The order is cancelled"),
        ('<p>Hi</p><img src="https://x.test/open.gif" alt="opened" width="1" height="1">', "Hi"),
        ('<p>Hi</p><img src="cid:l" alt="image001.png"><img alt="acme-logo.gif" src="cid:m">', "Hi"),
        ('<p>Hi</p><table><tr><td><img alt="Acme" src="cid:l"><td>Ann</table>', "Hi\n\nAnn"),
        ('<p>Hi</p><a href="x"><img alt="Facebook"></a> <a href="y"><img alt="LinkedIn"></a>', "Hi"),
    ],
)
def test_a_picture_reads_as_the_word_it_stands_for_and_decoration_as_nothing(html, text):
    assert page(html).text.strip() == text


# --- Bounds ---------------------------------------------------------------------------------------------------

OPEN = b"0\x80\x06\x09" + bytes.fromhex(SIGNED_DATA) + b"\xa0\x80" + b"0\x80\x02\x01\x01"
BOMB = struct.pack("<IIII", 100, 2**31, 0x75465A4C, 0) + (b"\xff" + b"\x00\x1f" * 8) * 200_000
NESTED = winmail(attribute(1, 0x800C, b"inner"))
for _ in range(20):
    NESTED = winmail(packed_file("x", b"", (0x3701, 0x0D, MAIL + NESTED)))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SMIME, lambda: OPEN + b"1\x80" * 3_000_000),
        (SMIME, lambda: OPEN + b"1\x000\x80\x06\x01*\xa0\x80" + b"$\x80" * 3_000_000),
        (SMIME, lambda: OPEN + b"1\x000\x80\x06\x01*\xa0\x80$\x80" + b"\x04\x01A" * 3_000_000),
        (SMIME, lambda: b"0\x88" + b"\xff" * 8 + b"x" * 100),
        (
            SMIME,
            lambda: signed(f"Content-Type: {SMIME}\n\n".encode() + signed(b"Content-Type: text/plain\n\nx")),
        ),
        (
            TNEF,
            lambda: winmail(
                attribute(1, 0x9003, b"\xff\xff\xff\xff" + b"\x03\x00\x17\x00\x01\0\0\0" * 1_000_000)
            ),
        ),
        (
            TNEF,
            lambda: winmail(
                attribute(1, 0x9003, properties((0x1234, 0x101F, b""))[:8] + b"\xff" * 4_000_000)
            ),
        ),
        (TNEF, lambda: winmail(attribute(2, 0x9002, b"") * 1_000_000)),
        (TNEF, lambda: winmail(attribute(1, 0x9003, properties((0x1009, 0x102, BOMB))))),
        (TNEF, lambda: winmail(attribute(1, 0x800C, b"A" * 26_000_000))),
        (TNEF, lambda: NESTED),
        ("text/calendar", lambda: b"BEGIN:VEVENT\n" * 400_000),
        (
            "text/calendar",
            lambda: b"BEGIN:VEVENT\nDTSTART:99999999T999999\nDURATION:P9999W\nSUMMARY" + b';A="' * 100_000,
        ),
        ("text/html", lambda: b'<p>x<img src="' + address().encode() + b"A" * 40_000_000),
        ("text/html", lambda: f'<p>x<img src="{address()}">'.encode() * 10_000),
        ("text/html", lambda: b'<img src="data:image/png;base64,' * 300_000),
        ("text/html", lambda: b'<p style="' + b"url(data:" * 500_000),
    ],
)
def test_what_is_made_to_be_slow_or_endless_is_read_in_bounded_time(kind, content):
    raw = a_mail(content(), f"Content-Type: {kind}")

    with quickly(1.0):
        inbound = understood(raw)

    assert len(inbound.attachments) <= 200
