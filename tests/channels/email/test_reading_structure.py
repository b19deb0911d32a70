"""Is every mail taken apart as it was put together, in bounded time, with nothing lost?"""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email.reading import attachments, structure
from tests.channels.email.reading_mails import a_mail, parts, understood
from tests.spending import quickly


def leaves(part: structure.Part) -> list[structure.Part]:
    return [leaf for child in part.children for leaf in leaves(child)] if part.children else [part]


def test_parts_are_found_inside_parts():
    inner, inner_body = parts("Content-Type: text/plain\n\none", "\ntwo", kind="alternative", boundary="in")
    outer, body = parts(f"{inner}\n\n{inner_body}", "Content-Type: image/png\n\n...", boundary="out")

    tree = structure.parse(a_mail(body, outer))

    assert [leaf.type for leaf in leaves(tree.root)] == ["text/plain", "text/plain", "image/png"]
    assert [leaf.body for leaf in leaves(tree.root)] == [b"one", b"two", b"..."]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_are_read(line_end):
    kind, body = parts("Content-Type: text/plain\n\none\n", "Content-Type: text/html\n\n<p>two")
    raw = a_mail(body, kind).replace(b"\n", line_end.encode())

    tree = structure.parse(raw)

    assert [leaf.body.strip() for leaf in leaves(tree.root)] == [b"one", b"<p>two"]


def test_a_part_without_its_closing_line_ends_with_the_mail():
    tree = structure.parse(a_mail("--b\n\none\n--b\n\ntwo\n", "Content-Type: multipart/mixed; boundary=b"))

    assert [leaf.body for leaf in leaves(tree.root)] == [b"one", b"two\n"]


def test_a_boundary_that_begins_like_another_is_another():
    tree = structure.parse(
        a_mail("--b\n\none\n--bb\nstill one\n--b--\n", "Content-Type: multipart/mixed; boundary=b")
    )

    assert [leaf.body for leaf in leaves(tree.root)] == [b"one\n--bb\nstill one"]


def test_a_multipart_that_does_not_say_its_boundary_is_opened_by_the_first_line_that_looks_like_one():
    tree = structure.parse(a_mail("--xyz\n\none\n--xyz\n\ntwo\n--xyz--\n", "Content-Type: multipart/mixed"))

    assert [leaf.body for leaf in leaves(tree.root)] == [b"one", b"two"]
    assert tree.notes


def test_a_multipart_without_any_part_is_shown_as_text():
    inbound = understood(a_mail("No parts here.\n", "Content-Type: multipart/mixed; boundary=b"))

    assert "No parts here." in inbound.text


def test_folded_fields_are_joined_and_a_mailbox_line_is_no_field():
    header, body = structure.split_header(
        b"From alice Mon Nov 23\nSubject: one\n two\n\tthree\nX-A: 1\n\nbody"
    )

    assert [(f.name, f.value) for f in header.fields] == [("subject", "one two\tthree"), ("x-a", "1")]
    assert body == b"body"


BODY = "Room: B12\nAlarm: door open\n\nPlease check.\n"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("blank", ["", " ", "\t", " \t ", "\r", " \r"])
def test_a_line_of_blanks_ends_the_header_and_every_line_below_it_is_text(line_end, blank):
    head, _, _ = a_mail("").partition(b"\n\n")
    raw = b"\n".join((head, blank.encode(), BODY.encode())).replace(b"\n", line_end.encode())

    assert understood(raw).text == BODY


@pytest.mark.parametrize("end", ["\r", "\r\r\n", " \r\n"])
def test_one_odd_line_end_in_a_header_of_ordinary_ones_ends_its_line_or_the_header(end):
    head = a_mail("").partition(b"\n\n")[0].replace(b"\n", b"\r\n")

    inside = understood(head.replace(b"\r\nSubject", end.encode() + b"Subject", 1) + b"\r\n\r\nhello")
    last = understood(head + b"\r\n" + end.encode() + b"Room: B12\r\n\r\nhello")

    assert (inside.subject, inside.text) == ("Printer", "hello")
    assert last.text == "Room: B12\n\nhello"


def test_a_line_of_blanks_inside_a_folded_field_is_a_fold():
    raw = b"From: a@b.test\nTo: x@y.test,\n\t\n\tsupport@hub.test\nSubject: lamp\nDate: x\n\nRoom: B12\n"

    inbound = understood(raw)

    assert [one.address for one in inbound.to] == ["x@y.test", "support@hub.test"]
    assert (inbound.subject, inbound.text) == ("lamp", "Room: B12\n")


def test_an_empty_line_in_the_middle_of_a_header_is_no_end_while_the_author_is_still_to_come():
    broken = understood(b"Mime-Version: 1.0\n\n  \n\nSubject: lamp\nFrom: a@b.test\nTo: x@y.test\n\nhello\n")
    machine = understood(b"Subject: lamp\nTo: x@y.test\n\nFrom: a@b.test\nTo: c@d.test\n\nforwarded\n")
    form = understood(b"To: x@y.test\nDate: x\n\nFrom: Lucia\nMessage: door open\n\nThanks\n")

    assert (broken.author.address, broken.subject, broken.text) == ("a@b.test", "lamp", "hello\n")
    assert machine.author is None
    assert machine.text.startswith("From: a@b.test\n")
    assert form.text == "From: Lucia\nMessage: door open\n\nThanks\n"


def test_a_byte_order_mark_in_front_of_a_mail_is_no_part_of_it():
    assert understood(b"\xef\xbb\xbf" + a_mail()).author.address == "alice@cust-a.test"


def test_a_header_that_was_not_closed_by_an_empty_line_gives_its_body_back():
    header, body = structure.split_header(b"Subject: x\nThis is the text: it has a colon\nand goes on\n")

    assert header.first("subject") == "x"
    assert b"This is the text" in body


def test_one_bad_line_does_not_hide_the_fields_below_it():
    header, _ = structure.split_header(b"Subject: x\nrubbish without colon\nFrom: a@b.test\n\nbody")

    assert header.first("from") == "a@b.test"
    assert header.first("subject") == "x rubbish without colon"


def test_a_field_that_was_broken_without_a_fold_is_read_whole_while_the_header_goes_on():
    long = understood(b"Subject: the lamp\nin room 12\nis broken\nFrom: a@b.test\nTo: x@y.test\n\nhello")
    name = understood(b'Subject: lamp\nFrom: "Alice\nVerdi" <a@b.test>\nTo: x@y.test\n\nhello')
    text = understood(b"From: a@b.test\nSubject: lamp\nGood morning,\nit is broken\nRoom: 12\n\nThanks")

    assert (long.subject, long.author.address, long.text) == (
        "the lamp in room 12 is broken",
        "a@b.test",
        "hello",
    )
    assert name.author.name == "Alice Verdi"
    assert text.text == "Good morning,\nit is broken\nRoom: 12\n\nThanks"


def test_limits_are_noted_and_the_mail_is_read_as_far_as_they_go():
    many, body = parts(
        *[
            f"Content-Type: text/plain\nContent-Disposition: attachment; filename=f{i}\n\nx"
            for i in range(1_500)
        ]
    )
    nested = "".join(f'Content-Type: multipart/mixed; boundary="n{i}"\n\n--n{i}\n' for i in range(150))

    crowded = understood(a_mail(body, many))
    deep = understood(a_mail(f"\n--n\n{nested}\n\ndeep\n", 'Content-Type: multipart/mixed; boundary="n"'))
    wide = understood(a_mail("hello", *[f"X-{i}: y" for i in range(3_000)]))
    long = understood(a_mail("hello", "X-Long: " + "y" * 300_000))

    assert len(crowded.attachments) == 200
    assert any("1000 parts" in note for note in crowded.notes)
    assert any("200 files" in note for note in crowded.notes)
    assert any("nested deeper" in note for note in deep.notes)
    assert b"deep" in deep.attachments[0].content
    assert (wide.text, long.text) == ("hello", "hello")
    assert any("2000 header fields" in note for note in wide.notes)
    assert any("256 KiB" in note or "64 KiB" in note for note in long.notes)


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("parts that never end", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 400_000),
        ("lines that are no boundary", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 400_000),
        ("boundaries inside lines", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"x--b" * 400_000),
        ("nothing but line ends", b"\n" * 2_000_000),
        ("nothing but colons", b":\n" * 1_000_000),
        ("one long line", b"x" * 4_000_000),
        ("a header that never ends", b"X: y\n z\n" * 300_000),
        ("unclosed tags", b"Content-Type: text/html\n\n" + b"<div>" * 400_000),
        ("nothing but <", b"Content-Type: text/html\n\n" + b"<" * 2_000_000),
        ("attributes without end", b"Content-Type: text/html\n\n" + b'<p class="' * 200_000),
        ("quoted lines", b"\n\n" + b"> \n" * 700_000),
        ("endings of attributions", b"\n\n" + b"On 1.1.2020 <a@b.test> wrote:\n" * 19_000),
        ("beginnings of attributions", b"\n\n" + b"On Monday\n" * 19_000),
        ("labels", b"\n\n" + b"From: a@b.test\n" * 19_000),
        ("rules", b"\n\n" + b"____\n" * 19_000),
        ("signature marks", b"\n\nx\n" + b"-- \n" * 19_000),
        ("notices", b"\n\nx\n" + b"This e-mail and any\n\n" * 9_000),
        ("closing formulas", b"\n\n" + b"Regards,\n" * 19_000),
        ("forms for uuencoded files", b"\n\n" + b"begin 644 x\n" * 100_000 + b"end\n"),
        ("8-bit of no charset", b"\n\n" + bytes(range(128, 256)) * 8_000),
    ],
)  # fmt: skip
def test_a_mail_made_to_be_slow_is_read_within_a_second(what, raw):
    with quickly(1.0):
        understood(raw)


@given(st.binary(max_size=2_000))
def test_no_bytes_break_the_reader(raw):
    inbound = understood(raw)

    assert_spans_cover(inbound)


@given(
    st.lists(
        st.sampled_from(
            ["Content-Type: multipart/mixed; boundary=b", "Content-Type: text/html", "From: <", "To: a:;b", "Subject: =?",
             "Message-ID: <>", "Content-Transfer-Encoding: base64", "Content-Type: ;;=", "--b", "--b--", "", "", "> x", "wrote:",
             "-- ", "On 1.1.2020 a@b.test wrote:", "From: a@b.test", "Sent: 1", "Subject: x", "Return-Path: <>", "begin 644 x", "end",
             "Content-Type: message/delivery-status", "Final-Recipient: rfc822; a@b.test", "Status: 5.1.1", "\xff\xfe", "<blockquote type=cite>"]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_no_arrangement_of_lines_breaks_the_reader(lines):
    assert_spans_cover(understood("\n".join(lines).encode("latin-1")))


def assert_spans_cover(inbound):
    """Spans touch, in order, and cover the text exactly; and every text can be stored by any database."""
    at = 0
    for span in inbound.spans:
        assert span.start == at
        assert span.end > span.start or not inbound.text
        at = span.end
    assert at == (len(inbound.text) if inbound.spans else 0)
    assert bool(inbound.spans) == bool(inbound.text)
    for text in texts_of(inbound):
        assert "\0" not in text
        text.encode("utf-8")  # raises for half a surrogate pair


def texts_of(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in texts_of(item)]
    if is_dataclass(value):
        return [text for item in fields(value) for text in texts_of(getattr(value, item.name))]
    return []


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "utf-32", "iso-2022-jp", "hz", "x-unknown"])
@pytest.mark.parametrize("content", [b"+2AA-", b"\xd8\x00\x00", b"a\0b", b"\x1b$B!!\x1b(B", b"&#xD800;&#0;"])
def test_no_charset_smuggles_what_cannot_be_stored(charset, content):
    for kind in ("plain", "html"):
        head = (f"Content-Type: text/{kind}; charset={charset}", "Subject: =?utf-7?q?+2AA-?= \0")
        assert_spans_cover(understood(a_mail(content, *head, subject="")))


@pytest.mark.samples
def test_parts_are_those_the_standard_library_finds_in_ordinary_mail(samples):
    """It is slower and raises on hostile mail, but nobody doubts it on mail that keeps to the rules."""
    manifest = json.loads((samples / "mail" / "manifest.json").read_text())
    compared = agreed = 0
    for item in manifest["items"]:
        if item["kind"] != "mime" or "malformed" in item["tags"]:
            continue
        raw = (samples / "mail" / item["path"]).read_bytes()
        theirs = email.message_from_bytes(one_line_end(raw), policy=email.policy.compat32)
        if any(part.defects for part in theirs.walk()):
            continue
        expected = [
            (part.get_content_type(), one_line_end(part.get_payload(decode=True) or b""))
            for part in theirs.walk()
            if not part.is_multipart() and not inside_message(theirs, part)
        ]
        found = [
            (leaf.type, one_line_end(attachments.content(leaf))) for leaf in leaves(structure.parse(raw).root)
        ]
        compared += 1
        agreed += without_messages(found) == without_messages(expected)

    assert compared > 300
    assert agreed >= compared - 6  # mail that is mended here and left broken there


def one_line_end(content):
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip()


def without_messages(found):
    """Attached mails and reports are kept closed here; the library opens them."""
    return [one for one in found if not one[0].startswith("message/")]


def inside_message(root, wanted):
    """Is this part inside an attached mail or report, which we keep closed?"""
    pending = [(root, False)]
    while pending:
        part, closed = pending.pop()
        if part is wanted:
            return closed
        if part.is_multipart():
            inner = closed or part.get_content_maintype() == "message"
            pending.extend((child, inner) for child in part.get_payload())
    return False
