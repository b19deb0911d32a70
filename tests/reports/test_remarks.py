"""What a reader should know of a message stands at it, in English and in Italian: on the ticket and in the list of what is held."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.reports.asking import QUALIFIED, a_mail, answering, parts
from web.said import remarks
from web.words import say

UNCHECKED = {
    "ann": "It is signed; nobody has checked the signature.",
    "ivo": "È firmato; nessuno ha verificato la firma.",
}
READERS = ("ann", "ivo")


def signed() -> tuple[str, str]:
    kind, body = parts(
        "Content-Type: text/plain\n\nThe firewall drops.",
        "Content-Type: application/pkcs7-signature\n\nMAA=",
        kind="signed",
    )
    return f'{kind}; protocol="application/pkcs7-signature"', body


def test_a_signature_that_nobody_checked_says_so_at_the_message(desk, reports):
    opaque = desk.write((reports / "13-smime-opaque-signed.eml").read_bytes())
    kind, body = signed()
    clear = desk.write(a_mail(body, kind=kind))

    for who in READERS:
        for number in (opaque["ticket"], clear["ticket"]):
            assert UNCHECKED[who] in desk.page(number, who)


@pytest.mark.parametrize("who", READERS)
def test_it_says_so_in_the_list_of_what_is_held_too(desk, who):
    kind, body = signed()
    item = desk.write(a_mail(body, kind=kind, sender="Form <support@desk.test>"))

    assert item["outcome"] == "held"
    held = desk.held(who)
    assert UNCHECKED[who] in held[held.index(item["id"]) :]


@pytest.mark.parametrize(
    ("who", "words"),
    [("ann", "their encoding is not known"), ("ivo", "la loro codifica non è nota")],
)
def test_text_that_nobody_can_read_says_so(desk, who, words):
    item = desk.write(a_mail(b"See: " + bytes(range(0x80, 0x100)) * 3, kind="text/plain"))

    assert words in desk.page(item["ticket"], who)


@pytest.mark.parametrize(
    ("who", "words"), [("ann", "Certified mail (PEC): read from"), ("ivo", "Posta certificata (PEC): letta")]
)
def test_certified_mail_says_so_and_whose_signature_is_not_checked(desk, reports, who, words):
    raw = (
        (reports / "16-pec.eml")
        .read_bytes()
        .replace(b"inner-77", b"inner-" + who.encode())
        .replace(b"opec1", who.encode())
    )

    item = desk.write(raw, sender="posta-certificata@gestore-pec.test")

    assert words in desk.page(item["ticket"], who)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("ann", "It came under our own address support@desk.test"),
        ("ivo", "È arrivato con il nostro indirizzo"),
    ],
)
def test_what_came_under_our_own_address_says_so_once_it_is_taken_in(desk, who, words):
    raw = a_mail("Card 4.", "Reply-To: lucia.bianchi@acme.test", sender="Form <support@desk.test>")
    item = desk.write(raw, sender="www@web.test")

    desk.ann.post(f"/inbound/{item['id']}/accept", {"as": "ticket"})

    taken = desk.decided(item["id"])
    assert words in desk.page(taken["ticket"], who)
    assert desk.ticket(taken["ticket"])["requester"]["email"] == "lucia.bianchi@acme.test"


@pytest.mark.parametrize(
    ("who", "answers", "wrote"),
    [
        ("ann", "Asks to be answered at", "Written by"),
        ("ivo", "Chiede la risposta a", "Scritto da"),
    ],
)
def test_where_to_answer_and_who_wrote_stand_at_the_message_and_in_what_is_held(desk, who, answers, wrote):
    fields = ("Reply-To: lucia.bianchi@acme.test", "X-Original-Sender: lucia.bianchi@acme.test")
    item = desk.write(a_mail("Help.", *fields, sender="it@acme.test"))
    page = desk.page(item["ticket"], who)
    assert f"{answers} lucia.bianchi@acme.test" in page
    assert f"{wrote} lucia.bianchi@acme.test" in page

    item = desk.write(a_mail("Help.", *fields, sender="Form <support@desk.test>"))
    held = desk.held(who)
    assert f"{wrote} lucia.bianchi@acme.test" in held[held.index(item["id"]) :]


@pytest.mark.parametrize(("who", "words"), [("ann", "It names"), ("ivo", "Nomina")])
def test_a_ticket_that_a_message_names_is_offered_at_the_message(desk, who, words):
    number, other = desk.opened(), desk.opened()
    answer = desk.answer(number, "alice@acme.test")
    link = f'{words} <a class="link number" href="/desk/tickets/{other}">'

    desk.write(
        answering(answer, "And this one?", sender="alice@acme.test", subject=f"Re: {number}, {other}"),
        sender="alice@acme.test",
    )
    new = desk.write(
        a_mail("It fails.", subject=f"Ticket {other}", sender="aldo@acme.test"), sender="aldo@acme.test"
    )

    assert link in desk.page(number, who)
    assert link in desk.page(new["ticket"], who)

    held = desk.write(a_mail("It fails.", subject=f"Ticket {other}", sender="Form <support@desk.test>"))
    assert link in desk.held(who).partition(held["id"])[2].partition('<li class="item"')[0]


@pytest.mark.parametrize(
    ("who", "words"), [("ann", "came by another way before"), ("ivo", "già arrivato per un'altra via")]
)
def test_what_came_by_two_ways_says_so(desk, who, words):
    own = f"Message-ID: <two.ways.{who}@acme.test>"
    subject = f"WLAN of {who}"
    desk.write(
        a_mail("Down.", own, id="", subject=subject, sender="alice@acme.test"), sender="alice@acme.test"
    )
    item = desk.write(
        a_mail("Down.\n-- \nlist it-all\n", own, id="", subject=f"[it] {subject}", sender="alice@acme.test"),
        sender="bounces@acme.test",
    )

    assert words in desk.page(item["ticket"], who)


def test_remarks_are_for_staff(desk):
    kind, body = signed()
    item = desk.write(a_mail(body, kind=kind, sender="alice@acme.test"), sender="alice@acme.test")
    desk.do(item["ticket"], "qualify", **QUALIFIED)

    assert desk.ticket(item["ticket"])["messages"][0]["notes"] == ["signed, not checked"]
    assert desk.alice.get(f"/tickets/{item['ticket']}")["messages"][0]["notes"] == []


# --- The catalogues ------------------------------------------------------------------------------------------

READING = Path(__file__).resolve().parents[2] / "channels" / "email" / "reading"


def said_in_code() -> list[str]:
    """Sentences that readers add to `notes`, with the constants that are in them."""
    found = []
    for path in sorted(READING.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="notes"), attr="append"), args=[one]):
                    found.append(one)
                case ast.Subscript(value=ast.Attribute(attr="notes"), slice=one):
                    found.append(one)
                case ast.Call(func=ast.Attribute(attr="note"), args=[one]):
                    found.append(one)
                case _:
                    continue
    return [one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def test_every_remark_of_the_reader_is_said_in_both_languages(samples, read):
    told = set(said_in_code())
    for folder in ("attacks", "mail", "reports"):
        for path in sorted((samples / folder).rglob("*.eml")):
            told.update(read(path)["notes"])

    assert len(told) > 12
    for language in ("en", "it"):
        assert [note for note in told if remarks([note], say(language)) == [(note, "")]] == []
