"""Does a reader see the text, the pictures and the files that the writer sent?"""

from __future__ import annotations

import base64

import pytest

from channels.email.reading import html_text, texts
from tests.channels.email.reading_mails import a_mail, parts, understood

PLAIN = "Content-Type: text/plain; charset=utf-8\n\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n"


def names(inbound):
    return [(file.name, file.inline) for file in inbound.attachments]


def test_of_alternatives_the_plain_twin_is_the_text_and_the_html_the_other_view():
    kind, content = parts(PLAIN + "Hello\n\nAnn", HTML + "<p>Hello<p>Ann", kind="alternative")

    inbound = understood(a_mail(content, kind))

    assert inbound.text == "Hello\n\nAnn"
    assert inbound.html == "<p>Hello<p>Ann"
    assert inbound.attachments == ()
    assert inbound.notes == ()


def test_twins_that_say_different_things_are_flagged_and_both_are_offered():
    kind, content = parts(
        PLAIN + "Please cancel the order.", HTML + "<p>Do ship three more.", kind="alternative"
    )

    inbound = understood(a_mail(content, kind))

    assert "Please cancel" in inbound.text
    assert "ship three more" in inbound.html
    assert any("different things" in note for note in inbound.notes)


def test_a_plain_twin_that_is_a_stub_gives_way_to_the_html():
    words = " ".join(f"word{i}" for i in range(100))
    kind, content = parts(PLAIN + "Your program shows no HTML.", HTML + f"<p>{words}</p>", kind="alternative")

    assert words in understood(a_mail(content, kind)).text


@pytest.mark.parametrize("left", ["C", "Con", "Content-Trans"])
def test_what_is_left_of_a_part_that_was_cut_off_never_wins(left):
    kind, content = parts(f"{HTML}<p>The pump leaks.</p>", "cut", kind="alternative")

    assert "The pump leaks." in understood(a_mail(content.rpartition("cut")[0] + left, kind)).text


@pytest.mark.parametrize("other", ["", "   ", "<html><body>&nbsp;</body></html>", "<style>p{}</style>"])
def test_html_that_shows_nothing_never_wins(other):
    kind, content = parts(PLAIN + "The text.", HTML + other, kind="alternative")

    assert understood(a_mail(content, kind)).text == "The text."


def test_an_invitation_is_a_file_beside_the_text():
    calendar = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR"
    kind, content = parts(PLAIN + "Let us meet.", calendar, kind="alternative")

    inbound = understood(a_mail(content, kind))

    assert inbound.text == "Let us meet."
    assert names(inbound) == [("part-2.ics", False)]


def test_texts_around_a_picture_are_all_read_in_order():
    picture = "Content-Type: image/png\nContent-Disposition: inline; filename=a.png\n\nx"
    kind, content = parts(PLAIN + "before", picture, PLAIN + "after")

    inbound = understood(a_mail(content, kind))

    assert inbound.text == "before\n\nafter"
    assert names(inbound) == [("a.png", False)]


def test_a_text_with_a_name_is_a_file():
    named = "Content-Type: text/plain; name=notes.txt\n\nfile"
    attached = "Content-Type: text/html\nContent-Disposition: attachment\n\n<p>file"
    kind, content = parts(PLAIN + "body", named, attached)

    inbound = understood(a_mail(content, kind))

    assert inbound.text == "body"
    assert names(inbound) == [("notes.txt", False), ("part-3.html", False)]


TEXT = "text/plain; charset=utf-8"
PDF = "Content-Type: application/pdf; name=a.pdf\n\nx"


@pytest.mark.parametrize(
    ("bodies", "files"),
    [
        ((f'Content-Type: {TEXT}; name="m.txt"\n\nThe text.', PDF), ["a.pdf", "m.txt"]),
        ((f"Content-Type: {TEXT}\nContent-Disposition: inline; filename=m.txt\n\nThe text.",), ["m.txt"]),
        ((PDF, 'Content-Type: text/html; name="m.html"\n\n<p>The text.'), ["a.pdf", "m.html"]),
        ((f"Content-Type: {TEXT}\nContent-Disposition: attachment; filename=m.txt\n\nThe text.", PDF), ["a.pdf", "m.txt"]),
        ((PLAIN, 'Content-Type: text/html; name="m.html"\n\n<p>The text.'), ["m.html"]),
    ],
)  # fmt: skip
def test_the_only_text_is_the_body_whatever_it_is_called(bodies, files):
    kind, content = parts(*bodies)

    inbound = understood(a_mail(content, kind))

    assert inbound.text.strip() == "The text."
    assert sorted(name for name, _ in names(inbound)) == files
    assert "no text" not in inbound.notes


@pytest.mark.parametrize(
    ("disposition", "files"),
    [("inline; filename=m.txt", []), ("attachment; filename=m.txt", [("m.txt", False)])],
)
def test_a_mail_that_is_nothing_but_a_named_text_is_that_text(disposition, files):
    inbound = understood(
        a_mail("The text.", f"Content-Type: {TEXT}; name=m.txt", f"Content-Disposition: {disposition}")
    )

    assert (inbound.text, names(inbound)) == ("The text.", files)


ROOT = 'Content-Type: text/html\nContent-ID: <root@x>\n\n<p>Broken: <img src="cid:p@x"></p>'
SHOWN = "Content-Type: image/png; name=p.png\nContent-ID: <p@x>\n\nx"
ALTERNATIVE = f"Content-Type: multipart/alternative; boundary=a\nContent-ID: <root@x>\n\n--a\n{ROOT}\n--a--"


@pytest.mark.parametrize(
    ("inside", "parameters"),
    [
        ((ROOT, SHOWN), ""),
        ((ROOT, SHOWN), '; start="<root@x>"; type="text/html"'),
        ((SHOWN, ROOT), '; start="<root@x>"'),
        ((SHOWN, ROOT), "; start=root@x"),
        ((SHOWN, ROOT), '; type="text/html"'),
        ((ALTERNATIVE, SHOWN), '; start="<root@x>"; type="multipart/alternative"'),
    ],
)
@pytest.mark.parametrize("banner_first", [True, False])
def test_the_root_of_related_parts_is_the_body_beside_a_banner(inside, parameters, banner_first):
    related, content = parts(*inside, kind="related", boundary="r")
    both = [PLAIN + "[outside]", f"{related}{parameters}\n\n{content}"]
    kind, content = parts(*both if banner_first else reversed(both))

    inbound = understood(a_mail(content, kind))

    assert sorted(inbound.text.split()) == ["Broken:", "[outside]"]
    assert "<p>Broken:" in inbound.html
    assert names(inbound) == [("p.png", True)]


def test_the_root_of_related_parts_is_the_body_whatever_it_is_called():
    named = ROOT.replace("text/html", "text/html; name=mail.html")
    related, content = parts(named, SHOWN, kind="related", boundary="r")
    kind, content = parts(PLAIN + "[outside]", f"{related}\n\n{content}")

    inbound = understood(a_mail(content, kind))

    assert "Broken:" in inbound.text
    assert names(inbound) == [("p.png", True)]


def test_a_text_beside_the_root_that_the_html_names_is_no_body():
    sheet = "Content-Type: text/plain\nContent-ID: <css@x>\n\np {}"
    related, content = parts(ROOT, sheet, kind="related", boundary="r")
    kind, content = parts(PLAIN + "[outside]", f"{related}\n\n{content}")

    assert "p {}" not in understood(a_mail(content, kind)).text


@pytest.mark.parametrize("says", ['; type="application/smil"', ""])
def test_the_words_in_the_slides_of_a_telephone_are_the_text(says):
    slides = "Content-Type: application/smil; name=smil.xml\n\n<smil/>"
    first, second = (
        f"Content-Type: text/plain; name=text_{n}.txt\nContent-ID: <text_{n}>\n\n{words}"
        for n, words in enumerate(("The printer is on fire.", "Second floor."))
    )
    kind, content = parts(slides, first, "Content-Type: image/jpeg; name=a.jpg\n\nx", second, kind="related")

    inbound = understood(a_mail(content, kind + says))

    assert inbound.text.split() == ["The", "printer", "is", "on", "fire.", "Second", "floor."]
    assert "no text" not in inbound.notes
    assert [name for name, _ in names(inbound)] == ["smil.xml", "a.jpg"]


def test_pictures_that_the_html_shows_are_inline_and_others_are_files():
    shown = "Content-Type: image/png; name=logo.png\nContent-ID: <logo@x>\n\nx"
    unseen = "Content-Type: image/jpeg; name=photo.jpg\nContent-Disposition: attachment\nContent-ID: <other@x>\n\nx"
    kind, content = parts(HTML + '<p>Hi<img src="cid:logo@x">', shown, unseen, kind="related")

    inbound = understood(a_mail(content, kind))

    assert names(inbound) == [("logo.png", True), ("photo.jpg", False)]
    assert inbound.attachments[0].content_id == "logo@x"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('filename="../../../etc/cron.d/x"', "x"),
        ('filename="C:\\\\Users\\\\a\\\\report.pdf"', "report.pdf"),
        ('filename=".."', "part-2.bin"),
        ('filename=""', "part-2.bin"),
        ('filename=".bashrc"', "bashrc"),
        ("filename*=utf-8''..%2f..%2fpasswd", "passwd"),
        ("filename*=utf-8''a.txt%00.exe", "a.txt .exe"),
        ('filename*0="../"; filename*1="x.html"', "x.html"),
        ('filename="=?utf-8?q?..=2F..=2Fx=2Epy?="', "x.py"),
        ('filename="=?utf-8?b?w7xiZXIucGRm?="', "über.pdf"),
        ('filename="=?utf-8?q?a=0D=0ASet-Cookie:_x.txt?="', "a Set-Cookie: x.txt"),
        ("filename*=utf-8''a%22b.txt", 'a"b.txt'),
        ('filename="C:\\TEMP\\notes.txt"', "notes.txt"),
        ('filename="a"b.txt"', 'a"b.txt'),
        ("filename='a b.txt'", "a b.txt"),
        ("filename=a b (1).txt", "a b (1).txt"),
        ("filename=a.txt (a comment)", "a.txt"),
        ("filename=\"utf-8''%C3%BCber.pdf\"", "über.pdf"),
        ("filename*0*=utf-8''%C3%B; filename*1*=Cber.pdf", "über.pdf"),
        ("filename*1=b.txt; filename*0=a", "ab.txt"),
        ("filename*=iso-8859-1''%FCber.pdf; filename=x.pdf", "über.pdf"),
        ('filename="=?utf-8?b?w7xi?= =?utf-8?b?ZXIucGRm?="', "über.pdf"),
        ("filename==?utf-8?b?w7xiZXIucGRm?=", "über.pdf"),
        ("filename*=utf-8''photo%E2%80%AEgpj.exe", "photo⇤gpj.exe"),
        ('filename="a.pdf\u200b.exe"', "a.pdf·.exe"),
    ],
)
def test_names_of_files_are_names_and_nothing_more(field, name):
    kind, content = parts(
        PLAIN + "see file",
        f"Content-Type: application/octet-stream\nContent-Disposition: attachment; {field}\n\nx",
    )

    assert names(understood(a_mail(content, kind))) == [(name, False)]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('Content-Type: image/jpeg; filename="Photo 25.jpg"', "Photo 25.jpg"),
        ("Content-Type: image/jpeg\nContent-Location: http://x.test/a/Photo%2025.jpg?x", "Photo 25.jpg"),
        ("Content-Type: x/y\nContent-Description: Invoice 12.pdf", "Invoice 12.pdf"),
        ("Content-Type: application/pdf\nContent-Description: The invoice", "part-2.pdf"),
        ("Content-Type: image/png\nContent-ID: <image001.png@01D1>", "image001.png"),
        (
            "Content-Type: x/y\nContent-Disposition: inline\nContent-Disposition: attachment; filename=a.pdf",
            "a.pdf",
        ),
        ("Content-Type: x/y\nContent-Disposition: filename=a.pdf", "a.pdf"),
        ("Content-Type: x/y\nContent-Disposition: attachment, filename=a.pdf", "a.pdf"),
        ("Content-Type: name=a.pdf\nContent-Disposition: attachment", "a.pdf"),
    ],
)
def test_a_name_is_found_where_mailers_put_it(header, name):
    kind, content = parts(PLAIN + "see file", f"{header}\n\nx")

    assert [found for found, _ in names(understood(a_mail(content, kind)))] == [name]


def test_a_long_name_keeps_its_extension():
    name = (
        understood(a_mail(*reversed(parts(PLAIN, f'Content-Type: x/y; name="{"ä" * 300}.pdf"\n\nx'))))
        .attachments[0]
        .name
    )

    assert name.endswith("ä.pdf")
    assert len(name.encode()) <= 200


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("base64", base64.b64encode(b"content of the file").decode()),
        ("BASE64", "Y29udGVudCBvZiB0\n!!aGUgZmlsZQ"),
        ("quoted-printable", "content=20of =\nthe file"),
        ("x-uuencode", 'begin 644 a\n38V]N=&5N="!O9B!T:&4@9FEL90``\n`\nend'),
        ("", "content of the file"),
        ("x-unheard-of", "content of the file"),
        ("7bit", "content of the file"),
    ],
)
def test_contents_are_decoded_as_far_as_they_go(encoding, written):
    kind, content = parts(
        PLAIN, f"Content-Type: x/y; name=a\nContent-Transfer-Encoding: {encoding}\n\n{written}"
    )

    assert understood(a_mail(content, kind)).attachments[0].content.startswith(b"content of the file")


def test_a_uuencoded_file_between_the_lines_is_a_file():
    inbound = understood(a_mail("Here it is:\nbegin 644 a.txt\n%:&5L;&\\`\n`\nend\nBye\n"))

    assert names(inbound) == [("a.txt", False)]
    assert inbound.attachments[0].content.startswith(b"hello")
    assert inbound.text == "Here it is:\n\nBye\n"


def test_flowed_lines_are_joined_by_depth():
    flowed = "A line that \ngoes on.\n> quoted \n> goes on\n>> deeper \nme\n-- \nAnn\n"

    assert (
        texts.unflowed(flowed, joined=False)
        == "A line that goes on.\n> quoted goes on\n>> deeper\nme\n-- \nAnn\n"
    )
    assert texts.unflowed("spl \nit\n", joined=True) == "split\n"


def test_an_attached_mail_is_kept_closed_and_named_after_its_subject():
    kind, content = parts(
        PLAIN + "see below",
        "Content-Type: message/rfc822\n\nSubject: Broken/printer\nTo: x@y.test\n\nsecret word",
    )

    inbound = understood(a_mail(content, kind))

    assert names(inbound) == [("Broken-printer.eml", False)]
    assert "secret word" not in inbound.text
    assert inbound.forward


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("Content-Type: message/partial; id=x; number=1", "nothing assembled"),
        ("Content-Type: message/external-body; access-type=URL", "nothing assembled or fetched"),
        ("Content-Type: application/pkcs7-mime; name=smime.p7m", "S/MIME"),
        ("Content-Type: application/ms-tnef; name=winmail.dat", "winmail.dat"),
    ],
)
def test_what_is_not_opened_is_kept_and_said(line, note):
    inbound = understood(a_mail("whatever", line))

    assert any(note in one for one in inbound.notes)
    assert inbound.attachments[0].content == b"whatever"


def test_a_signed_mail_shows_its_content_and_says_that_nobody_checked():
    kind, content = parts(PLAIN + "hello", "Content-Type: application/pgp-signature\n\nxyz", kind="signed")

    inbound = understood(a_mail(content, kind))

    assert inbound.text == "hello"
    assert "signed, not checked" in inbound.notes
    assert names(inbound) == [("part-2.asc", False)]


def test_a_mail_without_text_says_so():
    assert "no text" in understood(a_mail("")).notes


def test_plain_lines_that_a_gateway_wrote_below_a_text_in_base64_are_read_too():
    encoded = base64.encodebytes("Perché è ferma? ".encode() * 9).decode()
    footer = "-- \nThis mail was looked at by a gateway.\n"
    line = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"

    assert (
        understood(a_mail(f"{encoded}{footer}", line)).text
        == f"{'Perché è ferma? ' * 9}".rstrip() + f"\n\n{footer}"
    )
    assert understood(a_mail(encoded.replace("\n", " \n"), line)).text == "Perché è ferma? " * 9


def test_blanks_behind_a_soft_end_of_a_line_were_added_on_the_way():
    line = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable"

    assert (
        understood(a_mail("this goes =  \non, and =\t\nfurther=20on\n", line)).text
        == "this goes on, and further on\n"
    )


def test_a_page_of_html_that_is_called_plain_text_is_read_as_one():
    page = "<!DOCTYPE html>\n<html><body><p>The <b>disk</b> is full</p></body></html>\n"
    plain = "Content-Type: text/plain; charset=utf-8"

    assert understood(a_mail(page, plain)).text == "The disk is full\n"
    assert understood(a_mail(f"How do I write this?\n{page}", plain)).text.endswith(page)


def test_of_two_transfer_encodings_the_one_that_changes_something_counts():
    lines = "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: quoted-printable"

    assert (
        understood(a_mail("perch=C3=A9", "Content-Type: text/plain; charset=utf-8", lines)).text == "perché"
    )


def test_markdown_beside_html_is_its_twin():
    kind, content = parts("Content-Type: text/markdown\n\n# Hi\n", f"{HTML}<h1>Hi</h1>", kind="alternative")

    assert understood(a_mail(content, kind)).text.strip() == "Hi"


def test_numbered_lists_keep_their_numbers():
    page = '<ol><li>open<li>print<ul><li>both sides</ul><li>error</ol><ol start=7 type=1><li>x</ol><ol type="a"><li>y<li>z</ol>'

    assert "2. print\n- both sides\n3. error\n" in html_text.convert(page).text
    lines = html_text.convert(page).text.split("\n")
    assert [line for line in lines if line] == [
        "1. open",
        "2. print",
        "- both sides",
        "3. error",
        "7. x",
        "a. y",
        "b. z",
    ]


def test_html_of_more_tags_than_are_read_says_so():
    page = "<b>x</b>" * 60_000

    said = understood(a_mail(page, "Content-Type: text/html"))
    assert said.notes == (texts.LONG,)
    assert understood(a_mail(page[:8_000], "Content-Type: text/html")).notes == ()


def test_html_reads_as_paragraphs_lists_cells_and_quotes():
    page = """<html><head><title>no</title><style>p {color: red}</style></head><body>
    <h1>Title</h1><p>One&nbsp;line<br>next &lt;b&gt;</p><ul><li>a<li>b</ul>
    <table><tr><td>x<td>1</tr><tr><td>y</td><td>2</td></tr></table>
    <div style="display:none">hidden</div><blockquote type="cite"><p>He said</p></blockquote><script>no()</script>
    </body></html>"""

    assert html_text.convert(page).text == (
        "Title\n\nOne line\nnext <b>\n\n- a\n- b\n\nx\t1\ny\t2\n\n> He said\n"
    )


@pytest.mark.parametrize(
    "page",
    [
        "<p>shown",
        "<p>shown</div></p></b>",
        "<head><meta x>shown",
        "<style>shown",
        "<p title='>'>shown",
        "shown<!-- no",
        "shown<p",
    ],
)
def test_broken_html_loses_no_text(page):
    assert "shown" in html_text.convert(page).text


def test_a_text_whose_name_is_blank_is_no_file():
    kind, body = parts(
        "Content-Type: text/plain\n\nLook.\n",
        'Content-Type: text/plain; name=" "\nContent-Disposition: inline; filename=" "\n\nIt is broken.\n',
    )

    inbound = understood(a_mail(body, kind))

    assert "It is broken." in inbound.text
    assert inbound.attachments == ()


def test_a_blank_name_gives_way_to_the_other():
    kind, body = parts(
        "Content-Type: text/plain\n\nLook.\n",
        'Content-Type: application/pdf; name="a.pdf"\nContent-Disposition: attachment; filename=" "\n\nx',
    )

    assert [file.name for file in understood(a_mail(body, kind)).attachments] == ["a.pdf"]


def test_an_encrypted_mail_that_exchange_took_apart_says_that_it_is_encrypted():
    kind, body = parts(
        "Content-Type: application/pgp-encrypted\n\nVersion: 1\n",
        "Content-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n",
    )

    inbound = understood(a_mail(body, kind))

    assert "encrypted: kept as it came" in inbound.notes
    assert "encrypted.asc" in [file.name for file in inbound.attachments]
