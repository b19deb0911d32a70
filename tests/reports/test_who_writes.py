"""Who wrote, where answers go, and was it a person? The kinds of faults in that which people reported, at a desk that runs."""

from __future__ import annotations

import pytest

from tests.reports.asking import QUALIFIED, a_mail, answering

# --- Where answers go ----------------------------------------------------------------------------------------


def test_a_group_that_writes_for_somebody_shows_both_and_the_answer_goes_to_who_wrote(desk, reports):
    item = desk.write((reports / "18-google-group.eml").read_bytes(), sender="it-requests+bounces@acme.test")
    number = item["ticket"]

    (said,) = desk.ticket(number)["messages"]
    assert said["author"]["address"] == "it-requests@acme.test"
    assert (said["answers_to"], said["written_for"]) == ("lucia.bianchi@acme.test",) * 2
    page = desk.page(number)
    assert "Asks to be answered at lucia.bianchi@acme.test" in page
    assert "Written by lucia.bianchi@acme.test" in page
    desk.do(number, "qualify", contact="lucia.bianchi@acme.test", **QUALIFIED)
    desk.do(number, "take")
    desk.answer(number, "lucia.bianchi@acme.test")
    assert {one.recipient for one in desk.of(number)} == {"lucia.bianchi@acme.test"}


@pytest.mark.parametrize("elsewhere", ["eve@elsewhere.test", "bruno@beta.test"])
def test_an_address_of_nobody_there_is_offered_and_not_written_to(desk, elsewhere):
    raw = a_mail("Help.", f"Reply-To: {elsewhere}", sender="alice@acme.test")
    number = desk.write(raw, sender="alice@acme.test")["ticket"]

    desk.do(number, "qualify", **QUALIFIED)
    desk.do(number, "take")
    desk.answer(number, "alice@acme.test")

    assert {one.recipient for one in desk.of(number)} == {"alice@acme.test"}
    assert f"Asks to be answered at {elsewhere}" in desk.page(number)


def test_certified_mail_is_answered_to_its_writer_and_the_wrapper_is_beside_it(desk, reports):
    item = desk.write((reports / "16-pec.eml").read_bytes(), sender="posta-certificata@gestore-pec.test")
    number = item["ticket"]

    ticket = desk.ticket(number)
    said = ticket["messages"][0]
    assert ticket["requester"]["email"] == "mario.rossi@pec.acme.test"
    assert "La linea dati" in said["text"]
    assert {"busta-di-trasporto.txt", "daticert.xml"} <= {one["name"] for one in said["attachments"]}
    assert "posta-certificata@gestore-pec.test" not in {one.recipient for one in desk.relay.all}


@pytest.mark.parametrize("file", ["30-data-uri-image", "06-only-part-has-a-name", "15-emoji-image-only"])
def test_the_page_of_the_ticket_shows_what_the_mail_says(desk, reports, file):
    item = desk.write((reports / f"{file}.eml").read_bytes())

    page = desk.page(item["ticket"])

    words = {"30": "Then it closes.", "06": "The scanner on floor 2 jams", "15": "👍"}[file[:2]]
    assert words in page
    if file.startswith("30"):
        assert "picture-1.png" in page
        message = desk.ticket(item["ticket"])["messages"][0]["id"]
        framed = desk.browser().get(f"/desk/tickets/{item['ticket']}/messages/{message}/html").text
        assert "data:image/png;base64," in framed


# --- Signs ---------------------------------------------------------------------------------------------------

SIGNS = {
    "a reaction of Gmail": (
        "multipart/alternative; boundary=a",
        (
            "--a\nContent-Type: text/plain; charset=utf-8\n\n👍\n\n--a\nContent-Type: "
            'text/vnd.google.email-reaction+json\n\n{"emoji":"👍","version":1}\n--a--\n'
        ),
    ),
    "a reaction in words": ("text/plain; charset=utf-8", "👍 Alice Rossi reacted to your message\n"),
    "accepted": ("text/calendar; method=REPLY", "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n"),
    "another time": ("text/calendar; method=COUNTER", "BEGIN:VCALENDAR\nMETHOD:COUNTER\nEND:VCALENDAR\n"),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_to_a_resolved_request_is_kept_there_and_changes_nothing(desk, sign):
    number, answer = desk.resolved()
    before, sent = desk.ticket(number), len(desk.deliveries(number))
    kind, body = SIGNS[sign]

    item = desk.write(answering(answer, body, sender="alice@acme.test", kind=kind), sender="alice@acme.test")

    after = desk.ticket(number)
    assert (item["outcome"], item["ticket"]) == ("attached", number)
    assert (after["state"], after["resolved_at"]) == ("resolved", before["resolved_at"])
    assert len(desk.deliveries(number)) == sent


def test_words_to_a_resolved_request_open_it_again(desk):
    number, answer = desk.resolved()

    raw = answering(answer, "It fails again.", sender="alice@acme.test")
    desk.write(raw, sender="alice@acme.test")

    assert desk.ticket(number)["state"] == "in_progress"


# --- Our own address -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", ["Reply-To: lucia.bianchi@acme.test", "Reply-To: Eve <eve@elsewhere.test>"])
def test_a_form_that_writes_under_our_own_address_is_held_with_where_to_answer(desk, asks):
    raw = a_mail("Name: Lucia\n\nMessage: the card of room 4.", asks, sender="Web form <support@desk.test>")

    item = desk.write(raw, sender="www-data@web.test")

    assert (item["outcome"], item["reason"], item["waiting"]) == ("held", "own_address", True)
    held = desk.held()
    assert item["subject"] in held
    assert asks.rpartition(" ")[2].strip("<>") in held
    assert not [one for one in desk.relay.all if one.recipient == "support@desk.test"]


def test_the_mail_of_the_report_under_our_own_address_is_held(desk, reports):
    item = desk.write((reports / "19-webform-from-own-address.eml").read_bytes(), sender="www@web.test")

    assert (item["outcome"], item["detail"]["reply_to"]) == ("held", "lucia.bianchi@acme.test")


# --- Numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "Ticket {0} still not working",
        "Re: {0}",
        "your ref. #{0}, again",
        "TICKET {dash} again",
        "request {nobreak}",
        "Ticket {space} fails",
        "n. {tight}",
        "PC-20{0} printer",
    ],
)
def test_a_number_written_by_hand_is_a_suggestion(desk, written):
    number = desk.opened()
    year, rest = number.split("-")
    subject = written.format(
        number,
        dash=f"{year}–{rest}",
        nobreak=f"{year}‑{rest}",
        space=f"20{year} {rest}",
        tight=f"{year} - {rest}",
    )

    item = desk.write(a_mail("It fails.", subject=subject, sender="aldo@acme.test"), sender="aldo@acme.test")

    assert item["outcome"] == "ticket"
    assert item["ticket"] != number
    assert item["detail"]["suggestions"] == [number]
    page = desk.page(item["ticket"])
    assert f'<dt>Names</dt><dd><a class="link number" href="/desk/tickets/{number}"' in page


def test_another_customers_number_is_no_suggestion(desk):
    number = desk.opened()

    raw = a_mail("It fails.", subject=f"Ticket {number}", sender="bruno@beta.test")
    item = desk.write(raw, sender="bruno@beta.test")

    assert item["detail"]["suggestions"] == []
    assert "<dt>Names</dt>" not in desk.page(item["ticket"])


# --- Persons who look like machines --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"From: Mario Rossi <mario.rossi@acme.test>\n", b""),
        (b"<mario.rossi@acme.test>", b""),
        (b"From: ", b"Comments: a line that\nsomebody unfolded\nFrom: "),
        (b"MIME-Version: 1.0\n", b"and a line that somebody unfolded\nMIME-Version: 1.0\n"),
    ],
)
@pytest.mark.parametrize("subject", ["Undelivered mail returned: what now?", "Mail delivery failed again"])
def test_a_mail_whose_header_is_broken_and_speaks_of_failure_is_a_persons(desk, before, after, subject):
    item = desk.write(a_mail("The mail to Rossi failed.", subject=subject).replace(before, after, 1))

    assert item["outcome"] in ("ticket", "held"), item


@pytest.mark.parametrize(
    "text",
    [
        "The scanner says: mailbox full, user unknown. What do I do?",
        "Sono fuori ufficio da lunedì, per cui serve l'accesso VPN entro venerdì.",
        "550 5.1.1 is what our own server answers to customers. Please look.",
    ],
)
def test_words_of_machines_in_a_persons_mail_make_it_no_machines(desk, text):
    raw = a_mail(text, subject=text[:40], sender="alice@acme.test")

    assert desk.write(raw, sender="alice@acme.test")["outcome"] == "ticket"


@pytest.mark.parametrize("subject", ["Out of office", "Automatic reply: Printer", "Fuori ufficio: Stampante"])
def test_a_machines_mail_by_its_words_alone_is_seen(desk, subject):
    raw = a_mail("I am out of office until Monday.", subject=subject, sender="alice@acme.test")

    item = desk.write(raw, sender="alice@acme.test")

    assert item["outcome"] in ("ticket", "held"), item
    assert not [one for one in desk.deliveries(item["ticket"]) if one["kind"] == "received"]


# --- Twice the same ------------------------------------------------------------------------------------------


def test_one_message_direct_and_through_a_list_with_a_footer_is_one_ticket(desk):
    own = "Message-ID: <twice.list@acme.test>"
    first = a_mail("The WLAN is down.", own, id="", subject="WLAN", sender="alice@acme.test")
    listed = a_mail(
        "The WLAN is down.\n\n-- \nit-all list, https://lists.acme.test/it-all\n",
        own,
        "List-Id: <it-all.acme.test>",
        id="",
        subject="[it-all] WLAN",
        sender="alice@acme.test",
    )

    one = desk.write(first, sender="alice@acme.test")
    two = desk.write(listed, sender="it-all-bounces@acme.test")

    assert (one["outcome"], two["outcome"], two["ticket"]) == ("ticket", "attached", one["ticket"])


# --- Files ---------------------------------------------------------------------------------------------------


def test_an_invitation_is_told_on_the_page_and_its_calendar_is_a_file(desk, reports):
    item = desk.write((reports / "12-calendar-only.eml").read_bytes())

    page = desk.page(item["ticket"])

    for words in ("2026-11-30 09:00", "Via Larga 1, server room", "part-1.ics"):
        assert words in page


def test_customer_and_contact_that_contradict_each_other_open_nothing(desk):
    before = len(desk.ann.get("/tickets", limit=200)["items"])

    status, said = desk.ann.call(
        "POST",
        "/tickets",
        body={"subject": "x", "text": "y", "customer": "ACME", "contact": "bruno@beta.test"},
    )

    assert status == 422
    assert {"/customer", "/contact"} <= {one["pointer"] for one in said["faults"]}
    assert len(desk.ann.get("/tickets", limit=200)["items"]) == before
