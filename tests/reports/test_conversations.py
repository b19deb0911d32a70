"""Whose words are these, and where do they belong? What people promise themselves of a desk's mail, asked of one that runs."""

from __future__ import annotations

import re

from tests.days.hubs import until
from tests.days.posting import SUPPORT, Received, post
from tests.reports.asking import NEXT, Desk, a_mail, answering

ALICE = "alice@acme.test"
EVE = "Eve <eve@evil.test>"


def asked(desk: Desk, number: str) -> list[tuple[str, str]]:
    """(author, text) of what came in on the ticket, as the API shows it to staff."""
    said = desk.ticket(number)["messages"]
    return [(one["author"]["address"], one["text"].strip()) for one in said if one["direction"] == "in"]


def answers_to(answer: Received) -> str:
    """The address for answers that this mail names."""
    found = re.search(r"<([^>]+)>", answer.header("Reply-To"))
    assert found
    return found[1]


def test_an_answer_of_which_only_the_reply_address_is_left_belongs_to_its_request(desk):
    number = desk.opened()
    to = answers_to(desk.answer(number, ALICE))
    flipped = to.replace("+r-", "+r-x", 1)[: len(to.partition("@")[0])] + "@" + to.partition("@")[2]

    there = desk.write(a_mail("By the address alone.", sender=ALICE), sender=ALICE, to=to)
    elsewhere = desk.write(a_mail("By a wrong address.", sender=ALICE), sender=ALICE, to=flipped)

    assert (there["outcome"], there["ticket"]) == ("attached", number)
    assert (elsewhere["outcome"], elsewhere["ticket"] == number) == ("ticket", False)


def test_our_mark_in_the_history_is_enough_where_a_gateway_took_everything_else(desk):
    number = desk.opened()
    answer = desk.answer(number, ALICE)
    quoted = "\n".join(f"> {line}" for line in answer.text.splitlines())
    raw = a_mail(
        f"It blinks again.\n\nOn Monday {SUPPORT} wrote:\n{quoted}\n", sender=ALICE, subject="Re: Something"
    )

    item = desk.write(raw, sender=ALICE)

    assert (item["outcome"], item["reason"], item["ticket"]) == ("attached", "body_marker", number)


def test_the_number_of_a_request_lets_no_stranger_in_and_tells_its_owner_nothing(desk):
    number = desk.opened()
    subject = desk.answer(number, ALICE).header("Subject")
    desk.settled(number)
    before = len(desk.of(number))

    item = desk.write(a_mail("Let me in.", sender=EVE, subject=subject), sender="eve@evil.test")

    assert (item["outcome"], item["ticket"] == number) == ("ticket", False)
    assert "eve@evil.test" not in dict(asked(desk, number))
    assert len(desk.of(number)) == before


def test_who_has_anothers_reply_address_waits_beside_the_request_under_their_own_name(desk):
    number = desk.opened()
    to = answers_to(desk.answer(number, ALICE))
    words = f"Eve says {next(NEXT)}"
    raw = a_mail(words, "Cc: mallory@evil.test", sender=EVE)

    item = desk.write(raw, sender="eve@evil.test", to=to)

    assert (item["outcome"], item["reason"], item["ticket"]) == ("held", "third_party", number)
    assert words not in str(desk.alice.get(f"/tickets/{number}"))
    preview = desk.browser().get(f"/desk/inbound/{item['id']}").text
    assert "eve@evil.test" in preview
    assert words in preview
    desk.ann.post(f"/inbound/{item['id']}/accept", {"as": "note"})
    desk.decided(item["id"])
    assert not [one for one in desk.relay.all if one.recipient.endswith("@evil.test") and words in one.text]
    people = [one["address"] for thread in desk.ticket(number)["threads"] for one in thread["participants"]]
    assert [one for one in people if one.endswith("@evil.test")] == []


def test_a_colleague_who_answers_is_shown_as_himself(desk):
    number = desk.opened()
    answer = desk.answer(number, ALICE)
    words = f"Here too, {next(NEXT)}."

    item = desk.write(answering(answer, words, sender="aldo@acme.test"), sender="aldo@acme.test")
    assert (item["outcome"], item["author"]) == ("held", "aldo@acme.test"), "nobody vouches for the domain"
    desk.ann.post(f"/inbound/{item['id']}/accept", {"as": "message"})

    assert desk.decided(item["id"])["ticket"] == number
    assert ("aldo@acme.test", words) in asked(desk, number)


def test_what_is_forwarded_to_the_desk_is_a_new_request_although_it_names_an_old_one(desk):
    number = desk.opened()
    answer = desk.answer(number, ALICE)

    for word in ("FW", "WG", "TR", "I"):
        raw = answering(
            answer, "Please see below.", sender=ALICE, subject=f"{word}: {answer.header('Subject')}"
        )
        item = desk.write(raw, sender=ALICE)
        assert (item["outcome"], item["reason"], item["ticket"] == number) == ("ticket", "forward", False), (
            word
        )


def test_two_answers_to_a_mail_that_the_desk_never_saw_meet_in_one_request(desk):
    root = f"<root.{next(NEXT)}@elsewhere.test>"

    one = desk.write(a_mail("First.", f"References: {root}", sender=ALICE), sender=ALICE)
    two = desk.write(a_mail("Second.", f"In-Reply-To: {root}", sender=ALICE), sender=ALICE)

    assert (one["outcome"], two["outcome"], two["ticket"]) == ("ticket", "attached", one["ticket"])


def test_a_mail_in_the_name_of_a_colleague_is_nobodys_act(desk):
    number = desk.opened()
    to = answers_to(desk.answer(number, ALICE))
    before = desk.ticket(number)["state"]

    item = desk.write(
        a_mail("Closed, thanks.", sender="Ann Neri <ann@hub.test>"), sender="ann@hub.test", to=to
    )

    assert item["outcome"] == "held"
    ticket = desk.ticket(number)
    assert ticket["state"] == before
    assert "Closed, thanks." not in [one["text"].strip() for one in ticket["messages"]]


def test_a_colleagues_forward_becomes_the_request_of_whom_it_names_by_a_click(desk):
    text = (
        "Please take this.\n\n---------- Forwarded message ---------\nFrom: Alice Rossi <alice@acme.test>\n"
        f"Date: Mon, 23 Nov 2026 at 05:00\nSubject: Printer\nTo: <ann@hub.test>\n\nIt is dead, {next(NEXT)}.\n"
    )
    raw = a_mail(text, sender="Ann Neri <ann@hub.test>", subject=f"Fwd: Printer {next(NEXT)}")
    number = desk.write(raw, sender="ann@hub.test")["ticket"]
    assert desk.ticket(number)["offered_requester"] == ALICE

    ann = desk.browser()
    ann.submit(ann.get(f"/desk/tickets/{number}"), f"/desk/tickets/{number}/do/requester")

    ticket = desk.ticket(number)
    assert (ticket["requester"]["email"], ticket["offered_requester"]) == (ALICE, "")


def test_the_guided_test_of_an_address_follows_two_mails_out_and_in_again(desk):
    ivo = desk.browser("ivo")
    before = len(desk.relay.all)
    page = ivo.submit(ivo.get("/desk/mail"), "/desk/mail/test")
    assert "in corso" in page.text

    def left() -> list[Received]:
        return [one for one in desk.relay.all[before:] if "+r-" in one.recipient or one.recipient == SUPPORT]

    for one in until(lambda: len(left()) == 2 and left(), "the marked mails did not leave"):
        assert post(desk.hub.smtp, one.mail.as_bytes(), sender=one.sender, to=one.recipient)[0] == 250

    def over() -> bool:
        found = desk.ann.get("/mail-tests")["items"][0]
        return bool(found["state"] == "good")

    until(over, "what came back was not noted")
    assert "Ricevere le risposte" in ivo.get("/desk/mail").text
    assert not [one for one in desk.arrived() if one["outcome"] == "ticket" and one["author"] == SUPPORT]


def test_a_mail_is_explained_in_words_and_nothing_is_kept(desk):
    number = desk.opened()
    answer = desk.answer(number, ALICE)
    arrived = desk.arrived()[0]["id"]
    raw = answering(answer, "It blinks.", sender=ALICE)

    for who, words in {
        "ann": (
            "It becomes part of a ticket: it answers a mail of ours",
            "its author belongs to this conversation",
        ),
        "ivo": (
            "Diventa parte di una richiesta: risponde a una nostra mail",
            "appartiene a questa conversazione",
        ),
    }.items():
        reader = desk.browser(who)
        page = reader.submit(
            reader.get("/desk/mail/explain"), "/desk/mail/explain", files={"file": ("a.eml", raw)}
        )
        assert page.status == 200
        assert all(one in page.text for one in words), page.text
        assert number in page.text

    assert desk.arrived()[0]["id"] == arrived
