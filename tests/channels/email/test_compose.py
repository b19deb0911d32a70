"""What does our mail look like to those who get it, and to us when they answer?"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.email import threadindex
from channels.email.addressing import Addressing
from channels.email.compose import ID_LENGTH, TEMPLATES, Identity, compose, loop_header
from channels.email.flowing import WIDTH, flowed
from channels.email.reading import ours as ours_in
from channels.email.reading import read
from channels.email.reading.texts import unflowed
from core.envelope import Address, Attachment, Earlier, Inbound, Invitation, Kind, Outgoing
from core.ids import derived_id, time_of
from tests.channels.email.a_relay import CONVERSATION, OTHER, TOKEN, an_answer
from tests.channels.email.reading_mails import DESK, a_mail, parts, understood, visible

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
IDENTITY = Identity(
    addressing=Addressing(
        domain="hub.test", addresses=("support@hub.test", "alarms@hub.test"), reply_domain="reply.hub.test"
    ),
    desk_name="Acme Desk",
    instance=str(DESK["instance"]),
    loop_key=bytes.fromhex(str(DESK["loop_key"])),
)
OURS = f"m.{'r' * 26}@hub.test"
EARLIER = Earlier(
    author="Ann Rossi", at=datetime(2026, 11, 24, 9, 30, tzinfo=UTC), text="It is broken.\n\nAnn"
)


def composed(outgoing: Outgoing) -> bytes:
    return compose(outgoing, IDENTITY, now=NOON)


def seen(outgoing: Outgoing) -> EmailMessage:
    """As a mail program reads it."""
    mail = message_from_bytes(composed(outgoing), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def plain(outgoing: Outgoing) -> str:
    part = seen(outgoing).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def page(outgoing: Outgoing) -> str:
    part = seen(outgoing).get_body(("html",))
    assert part is not None
    return str(part.get_content())


# Who, to whom, about what


def test_a_persons_answer_says_who_writes_and_carries_no_mark_of_a_machine():
    mail = seen(an_answer())

    assert mail["From"] == "Bea – Acme Desk <support@hub.test>"
    assert mail["To"] == "Ann Rossi <ann@cust.test>"
    assert mail["Reply-To"] == f"Acme Desk <support+r-{TOKEN}@reply.hub.test>"
    assert mail["Subject"] == "Re: Printer [#26-000123]"
    assert mail["Date"].datetime == NOON
    assert mail["Message-ID"] == f"<{OURS}>"
    assert mail["Thread-Topic"] == "Printer"
    assert mail["X-Centralino-Loop"] == loop_header(IDENTITY, "r" * 26)
    for machine in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "List-Unsubscribe"):
        assert machine not in mail
    for field in set(mail):
        assert len(mail.get_all(field)) == 1, field


NOTICES = {one.stem for one in (TEMPLATES.parent / "notices" / "en").glob("[!_]*.txt")}


@pytest.mark.parametrize("kind", sorted(NOTICES))
def test_automatic_mail_of_every_kind_says_so_and_asks_for_no_answer_by_a_machine(kind):
    mail = seen(an_answer(kind=kind, automatic=True, author_name=""))

    assert mail["From"] == "Acme Desk <support@hub.test>"
    assert mail["Auto-Submitted"] == ("auto-replied" if kind == "received" else "auto-generated")
    assert mail["X-Centralino-Loop"] == loop_header(IDENTITY, "r" * 26)
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert "Precedence" not in mail


@pytest.mark.parametrize("language", ["it", "en"])
def test_what_comes_by_subscription_says_where_it_ends_by_one_click_and_in_words(language):
    link = f"https://desk.test/unsubscribe/{TOKEN}"
    outgoing = an_answer(kind="progress", automatic=True, author_name="", unsubscribe=link, language=language)
    mail = seen(outgoing)

    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in plain(outgoing)
    assert f'<a href="{link}"' in page(outgoing)


def test_one_click_is_promised_over_https_only():
    mail = seen(an_answer(kind="progress", automatic=True, unsubscribe="http://desk.test/unsubscribe/x"))

    assert mail["List-Unsubscribe"] == "<http://desk.test/unsubscribe/x>"
    assert "List-Unsubscribe-Post" not in mail


def test_a_letter_of_no_ticket_names_none_and_its_link_opens_with_a_click():
    link = f"https://desk.test/reset?token={TOKEN}"
    letter = an_answer(
        kind="password_link",
        automatic=True,
        author_name="",
        ticket_number="",
        reply_token=None,
        in_reply_to="",
        references=(),
        subject="A new password",
        text=f"Here <it> is:\n\n{link}\n",
    )
    mail = seen(letter)

    assert mail["Subject"] == "A new password"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Reply-To" not in mail
    assert plain(letter).split() == ["Here", "<it>", "is:", link]
    assert f'<a href="{link}" rel="noopener">{link}</a>' in page(letter)
    assert "&lt;it&gt;" in page(letter)
    for text in (plain(letter), page(letter)):
        assert "Request" not in text
        assert "[#" not in text


@pytest.mark.parametrize(
    ("mailbox", "sender"),
    [
        ("alarms@hub.test", "alarms@hub.test"),
        ("", "support@hub.test"),
        ("old@elsewhere.test", "support@hub.test"),
    ],
)
def test_the_answer_comes_from_the_address_that_was_written_to_if_it_is_still_ours(mailbox, sender):
    mail = seen(an_answer(mailbox=mailbox))

    assert mail["From"].addresses[0].addr_spec == sender
    assert mail["Reply-To"].addresses[0].addr_spec.startswith(sender.partition("@")[0] + "+r-")


@pytest.mark.parametrize(
    ("subject", "answers", "sent"),
    [
        ("Printer", "", "Printer [#26-000123]"),
        ("Re: Printer", "1@cust.test", "Re: Printer [#26-000123]"),
        ("RE: Printer [#26-000123] [#26-000123]", "1@cust.test", "RE: Printer [#26-000123]"),
        ("", "", " [#26-000123]"),
        ("x" * 300, "", "x" * 200 + " [#26-000123]"),
        ("=?utf-8?q?a=0D=0ABcc:_eve@evil.test?=", "", "=?utf-8?q?a=0D=0ABcc:_eve@evil.test?= [#26-000123]"),
        ("Perché\r\nBcc: eve@evil.test\u2028x", "", "Perché Bcc: eve@evil.test x [#26-000123]"),
    ],
)
def test_the_subject_goes_to_and_fro_with_one_number(subject, answers, sent):
    said = understood(composed(an_answer(subject=subject, in_reply_to=answers)))

    assert said.subject == sent.strip()
    assert said.ticket_numbers == ("26-000123",)


def test_a_delivery_is_the_same_mail_however_often_it_is_made():
    assert composed(an_answer()) == composed(an_answer())


# Threads


def test_the_mail_answers_the_customers_last_one_and_names_all_before():
    refs = ("1@cust.test", "r" * 26, *(f"{n}@cust.test" for n in range(18)))
    mail = seen(an_answer(in_reply_to="17@cust.test", references=refs, ref="s" * 26))

    assert mail["In-Reply-To"] == "<17@cust.test>"
    assert mail["References"].split() == [
        "<1@cust.test>",
        f"<{OURS}>",
        *(f"<{n}@cust.test>" for n in range(18)),
    ]


def test_no_field_begins_with_an_empty_line_however_long_its_first_word_is():
    long = "x" * 120
    link = f"https://desk.test/unsubscribe/{long}"
    outgoing = an_answer(in_reply_to=f"{long}@c.test", references=(f"{long}@c.test",), unsubscribe=link)
    head = composed(outgoing).partition(b"\r\n\r\n")[0]

    assert f"In-Reply-To: <{long}@c.test>\r\n".encode() in head
    assert f"References: <{long}@c.test>\r\n".encode() in head
    assert f"List-Unsubscribe: <{link}>\r\n".encode() in head
    assert not re.search(rb"(?m)^[!-9;-~]+: *\r\n", head)


def test_ids_that_cannot_stand_in_a_header_are_left_out():
    bad = (
        "a b@x.test",
        "é@x.test",
        "<a@x.test>",
        "a@x.test>\r\nBcc: <b@x.test",
        "x" * ID_LENGTH + "@x.test",
        "a\x00@x.test",
    )
    mail = seen(an_answer(in_reply_to=bad[0], references=(*bad, "good@x.test")))

    assert mail["References"] == "<good@x.test>"
    assert "In-Reply-To" not in mail
    assert "Bcc" not in mail


def test_a_first_mail_of_ours_answers_nothing():
    mail = seen(an_answer(in_reply_to="", references=()))

    assert not {"In-Reply-To", "References"} & set(mail)
    assert len(index(mail)) == threadindex.ROOT


def index(mail: EmailMessage) -> bytes:
    return base64.b64decode(mail["Thread-Index"], validate=True)


def test_outlook_finds_all_of_a_conversation_under_one_topic_and_one_index():
    first = seen(an_answer(in_reply_to="", references=()))
    mails = [
        first,
        *(
            seen(an_answer(ref=one * 26, subject="Re: Printer [#26-000123]", kind=kind))
            for one, kind in zip("ab", ("reply", "progress"), strict=True)
        ),
    ]

    assert {mail["Thread-Topic"] for mail in mails} == {"Printer"}
    assert [len(index(mail)) for mail in mails] == [22, 27, 27]
    assert {index(mail)[:22] for mail in mails} == {index(first)}
    assert len({index(mail) for mail in mails}) == 3
    assert index(first)[:1] == b"\x01"
    began = int.from_bytes(index(first)[:6], "big") << 16
    assert abs(
        datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=began // 10) - time_of(CONVERSATION)
    ) < timedelta(seconds=1)


def test_two_conversations_have_two_indexes_and_what_is_in_none_has_none():
    others = [an_answer(in_reply_to="", references=(), conversation=derived_id(0, name)) for name in "ab"]

    assert index(seen(others[0])) != index(seen(others[1]))
    assert not {"Thread-Index", "Thread-Topic"} & set(seen(an_answer(conversation="")))


def test_an_answer_to_outlook_goes_on_from_its_own_index():
    theirs = base64.b64encode(bytes([1]) + bytes(range(21)) + b"12345").decode()
    said = understood(a_mail("Aiuto", f"Thread-Index: {theirs[:20]}\n {theirs[20:]}"))
    assert said.thread_index == theirs

    ours = index(seen(an_answer(thread_index=said.thread_index)))

    assert ours[:27] == base64.b64decode(theirs)
    assert len(ours) == 32


@pytest.mark.parametrize(
    "value",
    ["", "AdpQbm9uZXh0", "\xe9\xe9", "A" * 31, "A" * 5000, base64.b64encode(bytes(24)).decode(), "%%%"],
)
def test_an_index_that_is_none_is_passed_over(value):
    assert understood(a_mail("Aiuto", f"Thread-Index: {value}")).thread_index == ""


@pytest.mark.parametrize("days", [-3, 0, 1, 400, 700, 5000])
def test_an_index_tells_when_it_was_however_long_after(days):
    root = threadindex.root("x", key=b"k", began=NOON)
    told = base64.b64decode(threadindex.answer(root, "ref", now=NOON + timedelta(days=days)))[22:26]
    number = int.from_bytes(told, "big")
    units = (number & 0x7FFFFFFF) << (23 if number >> 31 else 18)

    assert abs(timedelta(microseconds=units // 10) - timedelta(days=max(days, 0))) < timedelta(seconds=2)


def reply_of(program: str, ours: bytes, words: str) -> tuple[bytes, str]:
    """What these programs send when a person answers there, and the address they send it to."""
    mail = message_from_bytes(ours, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    body = mail.get_body(("plain",))
    assert body is not None
    text = unflowed(str(body.get_content()).replace("\r\n", "\n"), joined=False)
    quoted = "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
    to = mail["Reply-To"].addresses[0].addr_spec
    fields = {
        "from": "Ann Rossi <ann@cust.test>",
        "to": str(mail["Reply-To"]),
        "subject": f"R: {mail['Subject']}" if program == "outlook" else str(mail["Subject"]),
        "message_id": "<2@cust.test>",
    }
    if program == "thunderbird":
        return a_mail(
            f"{words}\n\nOn 25/11/26 13:00, Bea – Acme Desk wrote:\n{quoted}\n",
            "User-Agent: Mozilla Thunderbird",
            "Content-Type: text/plain; charset=UTF-8; format=flowed",
            **fields,
            in_reply_to=f"<{OURS}>",
            references=f"<1@cust.test> <{OURS}>",
        ), to
    if program == "gmail":
        kind, content = parts(
            f"Content-Type: text/plain; charset=UTF-8\n\n{words}\n\nOn Wed, 25 Nov 2026 at 13:00, Bea – Acme Desk <\nsupport@hub.test> wrote:\n\n{quoted}\n",
            f'Content-Type: text/html; charset=UTF-8\n\n<div dir="ltr">{words}</div><br><div class="gmail_quote"><div class="gmail_attr">On Wed wrote:</div><blockquote class="gmail_quote">{text}</blockquote></div>\n',
            kind="alternative",
        )
        return a_mail(
            content, kind, **fields, in_reply_to=f"<{OURS}>", references=f"<1@cust.test> <{OURS}>"
        ), to
    header = f"Da: Bea – Acme Desk <support@hub.test>\nInviato: mercoledì 25 novembre 2026 13:00\nA: Ann Rossi <ann@cust.test>\nOggetto: {mail['Subject']}\n"
    return a_mail(
        f"{words}\n\n________________________________\n{header}\n{text}\n",
        "Thread-Index: AdpQbm9uZXh0",
        "Content-Type: text/plain; charset=utf-8",
        **fields,
        in_reply_to=f"<{OURS}>",
        references="",
    ), to


@pytest.mark.parametrize("program", ["thunderbird", "gmail", "outlook"])
@pytest.mark.parametrize("language", ["it", "en"])
def test_an_answer_from_a_real_mail_program_finds_its_thread_and_shows_only_what_is_new(program, language):
    ours = composed(an_answer(language=language, history=(EARLIER,)))
    raw, to = reply_of(program, ours, "It prints again, thank you.")

    said = understood(raw, to)

    assert said.kind is Kind.HUMAN
    assert said.reply_tokens == (TOKEN,)
    assert said.own_refs == ("r" * 26,)
    assert said.ticket_numbers == ("26-000123",)
    assert said.body_refs == ("r" * 26,), "although nothing else of ours may be left"
    assert said.mailbox == "support@hub.test"
    assert visible(said) == "It prints again, thank you."


def test_who_may_be_seen_stands_in_cc_and_nobody_else():
    copies = (
        Address("aldo@cust-a.test", "Aldo\r\nBcc: x@evil.test"),
        Address("bob@cust-a.test"),
        Address("one;two@cust-a.test"),
    )

    mail = seen(an_answer(copies=copies))

    assert getaddresses([mail["Cc"]]) == [
        ("Aldo Bcc: x@evil.test", "aldo@cust-a.test"),
        ("", "bob@cust-a.test"),
    ]
    assert mail["Bcc"] is None
    assert seen(an_answer())["Cc"] is None


def test_the_number_stands_in_the_subject_once_with_its_letters():
    for subject in ("Printer", "Re: Printer [#26-000123-k7]", "Re: Printer [#26-000123]"):
        mail = seen(an_answer(subject=subject, ticket_check="k7"))
        assert mail["Subject"] == "Re: Printer [#26-000123-k7]"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("It is back.\n\nOn 1 May 2026 Desk <support@hub.test> wrote:\n> Restart it.\n> {}\n", True),
        ("It is back. {}\n\nOn 1 May 2026 Desk <support@hub.test> wrote:\n> Restart it.\n", False),
        ("See below.\n\n---------- Forwarded message ---------\nFrom: Desk <d@hub.test>\nDate: 1 May 2026\nSubject: x\nTo: a@b.test\n\n{}\n", False),
    ],
    ids=["in the history", "by its author", "in a forward"],
)  # fmt: skip
@pytest.mark.parametrize("subject", ["Re: Printer", "Printer", ""])
def test_our_mark_counts_only_in_the_history_below_an_answer(written, found, subject):
    """Also where a gateway took away everything else that shows an answer."""
    mark = ours_in.body_marker(DESK["instance"], bytes.fromhex(DESK["loop_key"]), OTHER)
    other = mark.replace(mark[-5:-1], "0000")

    assert understood(a_mail(written.format(mark), subject=subject)).body_refs == (OTHER,) * found
    assert understood(a_mail(written.format(other), subject=subject)).body_refs == ()


def test_our_own_mail_that_comes_back_is_known_as_ours():
    came_back = understood(composed(an_answer()))
    assert (came_back.kind, came_back.loop_marked) == (Kind.OWN_LOOP, True)
    assert understood(composed(an_answer(automatic=True, kind="received"))).kind is Kind.OWN_LOOP


def test_a_report_about_a_delivery_is_known_by_its_address():
    said = understood(a_mail("gone"), f"support+b-{OTHER}@reply.hub.test", sender="", protocol="SMTP")

    assert said.bounce_tokens == (OTHER,)


# Words


def test_the_words_come_first_then_who_else_got_them_then_what_was_said_before():
    text = plain(an_answer(history=(EARLIER,), also_to=("Carl\r\nBcc: x",)))

    assert text.splitlines() == [
        "-- Please answer above this line --",
        "",
        "Please restart it.",
        "",
        "Also sent to: Carl Bcc: x",
        "",
        "Request 26-000123. To add information, just answer this message.",
        ours_in.body_marker(IDENTITY.instance, IDENTITY.loop_key, "r" * 26),
        "",
        "On 24/11/2026 09:30 UTC Ann Rossi wrote:",
        "> It is broken.",
        ">",
        "> Ann",
    ]


def test_who_may_not_answer_is_not_asked_to():
    nobody = an_answer(reply_token=None, history=(EARLIER,))

    assert "Reply-To" not in seen(nobody)
    for text in (plain(nobody), page(nobody)):
        assert "answer" not in text
        assert "Request 26-000123." in text


@pytest.mark.parametrize(
    ("language", "word"), [("it", "Richiesta"), ("en", "Request"), ("de", "Request"), ("", "Request")]
)
def test_the_mail_speaks_the_customers_language_or_english(language, word):
    outgoing = an_answer(language=language)

    assert f"{word} 26-000123" in plain(outgoing)
    assert f"{word} 26-000123" in page(outgoing)


def test_no_word_becomes_html():
    html = page(
        an_answer(
            text="<script>alert(1)</script> & co", history=(Earlier(author="<b>", at=NOON, text="<i>x"),)
        )
    )

    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in html


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_paragraphs_arrive_as_they_were_written_and_long_ones_flow(ends):
    long = "Perché la stampante è ferma: " * 20
    words = ["Ciao,", "", long.strip(), "  two spaces", "From here on", "> said", "x" * 300]
    raw = composed(an_answer(text=ends.join(words)))
    said = understood(raw)
    part = message_from_bytes(raw).get_payload()[0]

    assert "\n".join(words) in said.text
    lines = part.get_payload(decode=True).decode().splitlines()
    assert part.get_param("format") == "flowed"
    assert [line for line in lines if len(line) > WIDTH + 1] == ["x" * 300]


def test_only_so_much_of_a_long_history_is_quoted():
    long = Earlier(author="Ann", at=NOON, text="\n".join(f"line {n}" for n in range(5000)))

    assert "> line 199\n" in plain(an_answer(history=(long,))).replace("\r\n", "\n")
    assert "line 200" not in plain(an_answer(history=(long,)))


@given(
    st.text(
        st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), whitelist_characters="\n >"),
        max_size=400,
    )
)
def test_flowing_loses_nothing_but_spaces_at_line_ends(text):
    wanted = [line if line == "-- " else line.rstrip() for line in text.split("\n")]
    back = unflowed(flowed(text), joined=False).split("\n")

    assert [_unquoted(line) for line in back] == [_unquoted(line) for line in wanted]


def _unquoted(line: str) -> str:
    # `>x` and `> x` are the same quote.
    return re.sub(r"^(>+) ?", r"\1 ", line).rstrip()


# Files


def test_files_go_along_unchanged_and_none_becomes_a_part_of_our_mail():
    files = (
        Attachment(name="Ünï 1.pdf", type="application/pdf", content=bytes(range(256)) * 40),
        Attachment(
            name="a\r\nX-Evil: 1.txt", type="text/plain; charset=x\r\nX-Evil: 1", content=b"a\nb\r\nc\r"
        ),
        Attachment(name="mail.eml", type="message/rfc822", content=b"From: a@b.test\r\n\r\nx"),
        Attachment(name="", type="", content=b""),
        Attachment(name="n" * 300 + ".png", type="image/png", content=b"\x89PNG"),
    )
    raw = composed(an_answer(attachments=files))
    said = understood(raw)

    assert [file.content for file in said.attachments] == [file.content for file in files]
    assert said.attachments[0].name == "Ünï 1.pdf"
    assert [file.type for file in said.attachments[:3]] == [
        "application/pdf",
        "application/octet-stream",
        "application/octet-stream",
    ]
    assert said.attachments[4].name.endswith("n.png")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\r\nX-Evil" not in raw
    assert "Please restart it." in said.text


@pytest.mark.parametrize(
    "name",
    ["x" * 30, "Offer 1. final version for the customer", ".profile", "a.tar.gz", "日本語" * 20 + ".pdf"],
)
def test_a_file_keeps_its_name(name):
    said = understood(
        composed(an_answer(attachments=(Attachment(name=name, type="text/plain", content=b"x"),)))
    )

    assert said.attachments[0].name == name.removeprefix(".")


# Nothing a stranger wrote becomes a header


HEADERS = (
    "content-type mime-version from to reply-to subject date message-id in-reply-to references thread-topic thread-index "
    "x-centralino-loop"
).split()
anything = st.text(st.characters(blacklist_categories=("Cs",)), max_size=120)
tricky = st.sampled_from(
    [
        "x\r\nBcc: eve@evil.test",
        "x\nBcc: eve@evil.test",
        "x\rBcc: eve@evil.test",
        "x\r\n\r\n<html>",
        "\x0bBcc: y",
        "a\u2028Bcc: y",
        "a\u0085Bcc: y",
        '" <eve@evil.test>, "',
        "=?utf-8?q?=0D=0ABcc:_eve@evil.test?=",
        "eve@evil.test",
        "\\",
        "a,b;c:d",
        "(" * 50,
        "x" * 1200,
        "é" * 700,
        "\x00\x1b[31m",
    ]
)
words = st.one_of(anything, tricky, st.builds(str.__add__, tricky, anything))
addresses = st.sampled_from(
    ["ann@cust.test", '"a,b"@cust.test', "jürgen@xn--bro-hoa.test", "o'neil+x@cust.test"]
)


@given(
    to=words,
    address=addresses,
    author=words,
    subject=words,
    text=words,
    quoted=words,
    also=words,
    file=words,
    ref=words,
)
def test_whatever_strangers_wrote_the_mail_has_exactly_our_headers(
    to, address, author, subject, text, quoted, also, file, ref
):
    raw = composed(
        an_answer(
            to=Address(address, to),
            author_name=author,
            subject=subject,
            text=text,
            history=(Earlier(author=quoted, at=NOON, text=quoted),),
            also_to=(also,),
            attachments=(Attachment(name=file, type=file, content=b"x"),),
            references=(ref, "1@cust.test"),
        )
    )

    head = raw.partition(b"\r\n\r\n")[0]
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    names = [
        line.partition(b":")[0].decode().lower()
        for line in head.split(b"\r\n")
        if line[:1] not in (b" ", b"\t")
    ]
    assert sorted(names) == sorted(HEADERS) or sorted([*names, "thread-topic"]) == sorted(HEADERS)
    said = read.read(raw, {"channel": "email"}, DESK)
    assert isinstance(said, Inbound)
    assert [one.address for one in said.to] == [address.replace('"', "")] or [
        one.address for one in said.to
    ] == [address]
    assert said.author is not None
    assert said.author.address == "support@hub.test"
    assert said.reply_to == Address(f"support+r-{TOKEN}@reply.hub.test", "Acme Desk")
    assert said.references[-1] == "1@cust.test"
    assert said.kind is Kind.OWN_LOOP


def test_the_listed_attacks_on_headers_go_out_as_plain_words(samples):
    for path in sorted((samples / "attacks").glob("inj*.eml")):
        theirs = understood(path.read_bytes())
        raw = composed(
            an_answer(
                subject=theirs.subject,
                to=Address("ann@cust.test", theirs.author.name if theirs.author else ""),
                in_reply_to=theirs.message_id,
                references=theirs.references,
                history=(Earlier(author="x", at=NOON, text=theirs.text),),
            )
        )

        mail = message_from_bytes(raw)
        assert [name.lower() for name in mail.keys() if name.lower() not in HEADERS] == [], path.name  # noqa: SIM118
        assert len(understood(raw).to) == 1, path.name


def test_an_invitation_is_the_last_of_the_alternatives_and_a_file_and_its_answer_comes_home():
    invitation = Invitation(
        method="REQUEST",
        uid="v@hub.test",
        sequence=1,
        start=NOON,
        end=NOON,
        summary="Visita, lunedì",
        location="",
        text="",
    )
    mail = seen(an_answer(invitation=invitation, reply_token=TOKEN))

    alternatives, file = mail.iter_parts()
    calendar = list(alternatives.iter_parts())[-1]
    assert (calendar.get_content_type(), calendar.get_param("method")) == ("text/calendar", "REQUEST")
    assert calendar.get_content_charset() == "utf-8"
    words = calendar.get_content().replace("\r\n", "\n").replace("\n ", "")
    assert f"mailto:support+r-{TOKEN}@reply.hub.test" in words
    assert "SUMMARY:Visita\\, lunedì" in words
    assert (file.get_content_type(), file.get_filename()) == ("application/ics", "invite.ics")
    assert file.get_content().decode().replace("\r\n", "\n") == calendar.get_content().replace("\r\n", "\n")
