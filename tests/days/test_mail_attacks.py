"""Who gets into another's request by writing a mail, and whom can a mail make the desk write to? Nobody.

Each attack of the catalogue that comes by mail goes through the port of a running desk. Where each is tried:

| class | cases | here, or |
| --- | --- | --- |
| whose mail it is | A001 A002 A004 A006 A007 A009 A011 A013 | here |
| whose account it is | A015 | tests/web/test_forgotten.py; nobody registers, contacts are invited |
| two customers, notes | A020; A083 | here; test_round_trip.py and tests/web/test_portal.py too |
| what is shown | A021 A022 A023 A025 A028 A030 A032 A034 A035 | test_mail_attacks_shown.py; in a browser tests/web/test_browser_hostile.py |
| what leaves | A043 A046 A047 | here |
| the port | A040 A042 A056 A058; A059 | test_mail_attacks_shown.py; tests/channels/email/test_listener.py |
| reading | A050 A052 A053 A055 | test_hostile_mail.py, tests/channels/email/test_reading_samples.py |
| loops and floods | A060 A061 A064; A066 | here; test_machine_mail.py |
| logs | A074 | test_mail_attacks_shown.py; the log is looked at when the desk is closed |
| a hostile mailbox | A107 | tests/channels/email/test_mailbox.py |
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from email.utils import getaddresses
from typing import Any

import pytest

from tests.days.attacking import (
    AGENT,
    ALICE,
    BOB,
    EVE,
    NOTE,
    ONE_DESK,
    OUR_RELAY,
    SECRET,
    SUPPORT,
    Attacked,
    Victim,
    alices_old_request,
)
from tests.days.hubs import until
from tests.days.posting import mail

pytestmark = [pytest.mark.samples, ONE_DESK]

GUESSER = "g@guess.test"


@pytest.fixture
def old(desk: Attacked) -> Iterator[Victim]:
    """A request of Alice's with a secret and a note in it, which after the attack is in no mail but hers."""
    desk.victim = alices_old_request(desk)
    yield desk.victim
    desk.settled()
    for one in desk.relay.all:
        whole = one.mail.as_string()
        assert one.recipient == ALICE or SECRET not in whole, one.recipient
        assert NOTE not in whole, one.recipient


def as_it_was(desk: Attacked, old: Victim) -> bool:
    """Nobody said anything in it since: Alice, the note and the answer are all there is."""
    said = desk.agent.get(f"/tickets/{old.number}")["messages"]
    return [one["author"]["name"] for one in said if one["author"]["name"]] == [
        "Alice Rossi",
        "Ann Neri",
        "Ann Neri",
    ]


# --- Whose mail it is ---


def test_a_mail_in_a_customers_name_is_a_claim_that_staff_see_and_reveals_nothing(
    desk: Attacked, old: Victim
) -> None:
    """A001."""
    told, eve = len(desk.told(ALICE)), len(desk.told(EVE))
    (item,) = desk.attack("id01-spoofed-customer-from.eml")
    ticket = desk.ticket(item)

    assert ticket["number"] != old.number
    assert ticket["trust"] in ("none", "weak")
    assert as_it_was(desk, old)
    assert "Known address, not proved" in desk.seen_by(AGENT, f"/desk/tickets/{ticket['number']}")
    desk.settled()
    for one in desk.told(ALICE)[told:]:
        assert "history of my last tickets" not in one.mail.as_string()
    assert len(desk.told(EVE)) == eve


def test_a_stranger_who_names_our_mail_waits_beside_the_request(desk: Attacked, old: Victim) -> None:
    """A002."""
    eve = len(desk.told(EVE))
    (item,) = desk.attack("id02-forged-in-reply-to.eml")

    assert (item["outcome"], item["waiting"], item["ticket"]) == ("held", True, old.number)
    assert as_it_was(desk, old)
    assert EVE in desk.seen_by(AGENT, "/desk/waiting?view=held")
    for face in (
        desk.seen_by(ALICE, f"/portal/requests/{old.number}"),
        str(desk.apis[ALICE].get(f"/tickets/{old.number}")),
    ):
        assert SECRET in face
        assert "part of this thread" not in face
        assert EVE not in face
    desk.settled()
    assert len(desk.told(EVE)) == eve


def test_reply_addresses_are_not_guessed_and_whoever_tries_is_put_off_and_told_of(
    desk: Attacked, old: Victim
) -> None:
    """A004. That right ones are put off with them is tried in test_machine_mail.py."""
    for name in ("id04-forged-reply-token.eml", "id05-bitflip-reply-token.eml"):
        (item,) = desk.attack(name)
        assert (item["outcome"], item["ticket"] == old.number) == ("ticket", False), name
    assert as_it_was(desk, old)

    letters = "abcdefghijklmnopqrstuvwxyz"
    guesses = [(f"Guess of {letter}", [f"support+r-{letter * 26}@reply.hub.test"]) for letter in letters[:24]]
    for subject, to in guesses[:20]:
        assert desk.send(mail(GUESSER, subject), sender=GUESSER, to=to) == 250
    until(
        lambda: len([one for one in desk.newest() if one["sender"] == GUESSER and one["outcome"]]) == 20,
        "not understood",
    )
    for subject, to in guesses[20:]:
        assert desk.send(mail(GUESSER, subject), sender=GUESSER, to=to) == 451
    until(
        lambda: any("guess.test" in str(one) for one in desk.agent.all("/alerts")),
        "nobody was told of the guesses",
    )


def test_a_number_in_a_subject_lets_nobody_in(desk: Attacked, old: Victim) -> None:
    """A006."""
    told = len(desk.told(ALICE))
    (item,) = desk.attack("id07-subject-ticket-number.eml")

    assert item["ticket"] != old.number
    assert as_it_was(desk, old)
    desk.settled()
    assert len(desk.told(ALICE)) == told
    assert EVE not in desk.seen_by(ALICE, f"/portal/requests/{old.number}")


def test_nobody_joins_a_conversation_by_a_copy_in_a_forged_mail(desk: Attacked, old: Victim) -> None:
    """A007."""
    desk.attack("id08-zendesk-2024-cc-hijack.eml")
    desk.agent.post(f"/tickets/{old.number}/messages", {"audience": "customer", "text": "Both of you: done."})
    desk.settled()

    sent = [one for one in desk.relay.all if "Both of you: done." in one.text]
    assert [one.recipient for one in sent] == [ALICE]
    for one in desk.relay.all:
        named = [
            address for name in ("To", "Cc", "Bcc") for address in getaddresses(one.mail.get_all(name, []))
        ]
        assert one.recipient == EVE or EVE not in [address for _, address in named]
        assert one.recipient != EVE or old.number not in one.mail.as_string()
    assert all(EVE not in str(one) for one in desk.agent.get(f"/tickets/{old.number}")["answers"])


@pytest.mark.parametrize("links", ["{{notice}}", "{{OUT_MSGID}}", "{{REPLY_TOKEN}}"])
def test_an_agents_name_in_a_mail_is_no_agent(desk: Attacked, old: Victim, links: str) -> None:
    """A009: with the id of a notice as listed, with that of a mail of ours, and to its reply address."""
    told = len(desk.told(ALICE))
    raw = (desk.samples / "id10-staff-impersonation.eml").read_bytes()
    raw = raw.replace(b"atk-0010", b"atk-" + old.number.encode())
    if "OUT" in links:
        raw = raw.replace(b"<notify-1-1-1@hub.test>", links.encode())
    to = old.places["REPLY_TOKEN"] if "TOKEN" in links else SUPPORT
    (item,) = desk.became(desk.filled(raw), to=[to])

    assert item["outcome"] in ("held", "ticket", "attached")
    assert item["outcome"] == "held" or item["ticket"] != old.number
    claimed = [one for one in desk.ticket(item)["messages"] if one["author"]["address"] == AGENT]
    assert {one["trust"] for one in claimed} <= {"none", "weak"}
    assert as_it_was(desk, old)
    desk.settled()
    assert len(desk.told(ALICE)) == told
    for path in ("/portal/", f"/portal/requests/{old.number}"):
        assert "IBAN" not in desk.seen_by(ALICE, path)


def test_only_what_our_own_mail_server_writes_on_top_says_who_sent_a_mail(desk: Attacked) -> None:
    """A011."""
    forged = desk.sample("id12-forged-authentication-results.eml")
    ours = b"Authentication-Results: hub.test; dmarc=%b header.from=cust-a.test\r\nReceived: from x by hub.test; Mon, 23 Nov 2026 05:00:00 +0000\r\n"

    def trust(raw: bytes, source: str) -> str:
        (item,) = desk.became(raw.replace(b"atk-0012", b"atk-%d" % abs(hash((raw, source)))), source=source)
        return str(item["detail"]["trust"])

    assert trust(forged, "") == "weak"
    assert trust(ours % b"pass" + forged, "") == "weak"
    assert trust((ours % b"pass").split(b"\r\n", 1)[1] + forged, OUR_RELAY) == "weak"
    assert trust(ours % b"fail (p=reject)" + forged, OUR_RELAY) == "none"
    assert trust(ours % b"pass" + forged.replace(b"dmarc=pass", b"dmarc=fail"), OUR_RELAY) == "aligned"


CONFUSING = (
    "",
    "From: \r\n",
    "From: alice@cust-a.test, eve@evil.test\r\n",
    "From: alice@cust-a.test\r\nFROM: eve@evil.test\r\n",
    "From: eve@evil.test\r\nfrom: alice@cust-a.test\r\n",
    "From: friends: alice@cust-a.test;\r\n",
    "From: undisclosed:;\r\n",
    "From: eve@evil.test (alice@cust-a.test)\r\n",
    'From: "alice@cust-a.test" <eve@evil.test>\r\n',
    "From: =?utf-8?q?alice=40cust-a.test?= <eve@evil.test>\r\n",
    "From: =?utf-8?q?alice=40cust-a.test=3E_?= <eve@evil.test>\r\n",
    "From: <alice@cust-a.test> <eve@evil.test>\r\n",
    "From: alice@cust-a.test <>\r\n",
    'From: "alice@cust-a.test\\" <eve@evil.test>\r\n',
    "From: alice@cust-a.test\0@evil.test\r\n",
    "From: alice@cust-a.test\r\n\t@evil.test\r\n",
    "From: <@cust-a.test:eve@evil.test>\r\n",
    "From: alice@cust-a.test.evil.test\r\n",
    "From: eve@evil.test\r\nSender: alice@cust-a.test\r\nReply-To: alice@cust-a.test\r\n",
    "Resent-From: alice@cust-a.test\r\nSender: alice@cust-a.test\r\n",
)


def test_no_confusing_author_is_read_as_the_customer(desk: Attacked, old: Victim) -> None:
    """A013: the samples, and twenty more."""
    listed = [desk.sample(name) for name in desk.listed if name.startswith(("id14", "id15"))]
    more = [
        f"{author}To: {SUPPORT}\r\nSubject: Confusion {n}\r\nMessage-ID: <conf{n}@evil.test>\r\n\r\nHello.".encode()
        for n, author in enumerate(CONFUSING)
    ]
    for raw in [*listed, *more]:
        (item,) = desk.became(raw)
        author = raw.split(b"To:")[0]
        assert item["outcome"] in ("ticket", "held", "exception"), author
        if item["outcome"] == "ticket":
            ticket = desk.ticket(item)
            assert ticket["requester"]["email"] != ALICE, author
            assert ticket["trust"] == "none", author
            assert desk.people[ALICE].get(f"/portal/requests/{ticket['number']}").status == 404, author
    assert as_it_was(desk, old)


def test_a_comment_behind_the_address_is_the_customer_as_far_as_nobody_proves_it(desk: Attacked) -> None:
    """A013: `alice@cust-a.test (eve@evil.test)` is alice by its grammar (RFC 5322, 3.2.2)."""
    (item,) = desk.became(
        mail("x@y.test", "A comment", to=SUPPORT).replace(b"x@y.test", b"alice@cust-a.test (eve@evil.test)")
    )
    assert item["detail"]["trust"] in ("none", "weak")


# --- Two customers ---


def test_a_mail_for_two_customers_reaches_each_as_far_as_its_author_may(desk: Attacked, old: Victim) -> None:
    """A020: as listed, and with Alice's reply address among its recipients."""
    items = desk.attack("id18-cross-tenant-recipient.eml")
    raw = desk.sample("id18-cross-tenant-recipient.eml").replace(b"atk-0027", b"atk-0028")
    items += desk.became(raw, sender=BOB, to=[SUPPORT, old.places["REPLY_TOKEN"]])

    for item in items:
        if item["ticket"] == old.number:
            assert item["outcome"] == "held"
        else:
            ticket = desk.ticket(item)
            assert ticket["customer"]["code"] == "BETA"
            assert desk.people[ALICE].get(f"/portal/requests/{ticket['number']}").status == 404
    assert as_it_was(desk, old)
    for path in ("/portal/", "/portal/history"):
        assert old.number not in desk.seen_by(BOB, path)
    assert desk.people[BOB].get(f"/portal/requests/{old.number}").status == 404
    assert desk.apis[BOB].call("GET", f"/tickets/{old.number}")[0] == 404


def test_a_note_is_in_nothing_that_the_customer_gets(desk: Attacked, old: Victim) -> None:
    """A083: in no page, no answer of the API, and no history below an answer."""
    back = mail(ALICE, "Re: more", "And now?", to=old.places["REPLY_TOKEN"])
    desk.became(back, sender=ALICE, to=[old.places["REPLY_TOKEN"]])
    desk.agent.post(f"/tickets/{old.number}/messages", {"audience": "customer", "text": "Soon, we hope."})
    desk.settled()

    assert NOTE in desk.said_in(old.number)
    assert any("Soon, we hope." in one.text and "And now?" in one.text for one in desk.told(ALICE))
    for path in ("/portal/", "/portal/history", f"/portal/requests/{old.number}", f"/portal/?q={NOTE}"):
        assert NOTE not in desk.seen_by(ALICE, path).replace(f'value="{NOTE}"', "")
    for path in (f"/tickets/{old.number}", f"/tickets/{old.number}/events", "/tickets"):
        assert NOTE not in str(desk.apis[ALICE].get(path))
    assert desk.apis[ALICE].get("/tickets", q=NOTE)["items"] == []


# --- What leaves ---


def answered(desk: Attacked, item: Any, text: str) -> Any:
    """Staff answer; the one mail that leaves."""
    desk.agent.post(f"/tickets/{item['ticket']}/messages", {"audience": "customer", "text": text})
    desk.settled()
    (sent,) = [one for one in desk.relay.all if text in one.text]
    return sent


@pytest.mark.parametrize(
    ("author", "subject"),
    [
        ("Eve <eve@evil.test>", "=?utf-8?q?hi=0D=0ABcc:_eve=40evil.test?="),
        ("=?utf-8?q?Eve=0D=0ABcc:_victim=40third.test?= <eve@evil.test>", "a"),
        ("Eve <eve@evil.test>", "=?utf-8?b?YcKFQmNjOiB24oCoQmNjOiB4C3k=?="),
        ('"eve\\" AUTH=<x> "@evil.test', "b"),
        ('"Eve, victim@third.test" <eve@evil.test>', "c"),
    ],
)
def test_an_answer_has_one_recipient_and_our_fields_whatever_was_written_to_us(
    desk: Attacked, author: str, subject: str
) -> None:
    """A043."""
    raw = f"From: {author}\r\nTo: {SUPPORT}\r\nSubject: {subject}\r\nMessage-ID: <h{abs(hash(author + subject))}@evil.test>\r\n\r\nx\r\n"
    (item,) = desk.became(raw.encode())
    if not desk.agent.get(f"/tickets/{item['ticket']}")["answers"]:
        return  # nobody can be answered there, and nobody is
    sent = answered(desk, item, f"Answer to {abs(hash(author + subject))}.")

    assert [address for _, address in getaddresses([sent.header("To")])] == [sent.recipient]
    names = [name.lower() for name in sent.mail]
    assert len(names) == len(set(names)), names
    assert not {"cc", "bcc"} & set(names)


def test_words_that_look_like_a_template_stay_words(desk: Attacked) -> None:
    """A046."""
    (item,) = desk.attack("inj01-jinja.eml")
    sent = answered(desk, item, "Thank you for {{ 7*7 }} words and {number}.")

    assert "{{7*7}} ${7*7} <%= 7*7 %> #{7*7}" in " ".join(sent.header("Subject").split())
    assert "{{ 7*7 }} words and {number}." in sent.text
    page = desk.seen_by(AGENT, f"/desk/tickets/{item['ticket']}")
    for whole in (sent.text, page):
        assert "{{ config }} {{ request.environ }}" in whole
        assert "<class" not in whole


def test_no_cell_of_a_table_is_a_formula(desk: Attacked) -> None:
    """A047: the subject as listed, of a request that stands in the report of its contract."""
    raw = desk.sample("inj02-csv-formula.eml").replace(b"<eve@evil.test>", b"<alice@cust-a.test>")
    (item,) = desk.became(raw, sender=ALICE)
    desk.done(item["ticket"], "qualify", request_type="Incident", technology="Network", impact=3, urgency=3)
    period = item["received_at"][:7]
    asked = {"period": period, "draft": True}
    assert desk.agent.call("POST", "/contracts/A-1/reports", body=asked)[0] == 202
    here = f"/contracts/A-1/reports/{period}/1"
    until(lambda: desk.agent.call("GET", here)[0] == 200, "the report is not made")

    rows = list(csv.reader(io.StringIO(desk.agent.bytes(f"{here}/csv").decode("utf-8-sig"))))
    cells = [cell for row in rows for cell in row]
    assert "'=cmd|' /C calc'!A0" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


# --- Loops and floods ---


def test_nothing_automatic_is_answered_or_opens_again_what_was_closed(desk: Attacked, old: Victim) -> None:
    """A060."""
    desk.done(old.number, "qualify", request_type="Incident", technology="Network", impact=3, urgency=3)
    desk.done(old.number, "take")
    desk.done(old.number, "resolve", text="Done.", cause="other", minutes=5)
    desk.done(old.number, "close")
    before = len(desk.settled())
    opened = []
    for name in sorted(name for name in desk.listed if name.startswith("loop") and name < "loop14"):
        (item,) = desk.attack(name)
        opened += [item["ticket"]] if item["outcome"] == "ticket" else []

    assert len(desk.settled()) == before
    assert len(opened) <= 2
    assert desk.agent.get(f"/tickets/{old.number}")["state"] == "closed"
    desk.agent.post(f"/stopped-addresses/{ALICE}/lift")  # one of them said that it is dead


def test_our_own_mail_that_comes_back_and_mail_in_circles_are_no_requests(
    desk: Attacked, old: Victim
) -> None:
    """A061."""
    before = len(desk.settled())
    (own,) = desk.attack("loop14-own-message-returned.eml")
    (circle,) = desk.attack("dos09-received-200.eml")

    assert (own["outcome"], own["reason"]) == ("machine", "own_loop")
    assert circle["outcome"] == "held"
    assert as_it_was(desk, old)
    assert len(desk.settled()) == before


def test_a_victim_whose_address_is_abused_gets_one_mail_without_a_word_of_the_attacker(
    desk: Attacked,
) -> None:
    """A064. That many victims of one hour get no more than the hour allows: tests/core/desk/test_intake_brakes.py."""
    raw = desk.sample("loop16-backscatter.eml")
    for n in range(8):
        desk.became(raw.replace(b"atk-0167", b"atk-0167-%d" % n), sender=f"bomb{n}@evil.test")
    desk.settled()

    (told,) = desk.told("victim@third.test")
    shown = told.header("Subject") + "".join(
        str(part) for part in told.mail.walk() if not part.is_multipart()
    )
    assert "HACKED" not in shown
    assert "evil.test" not in shown
    assert not {"In-Reply-To", "References"} & {*told.mail.keys()}  # the attacker chose the id
