"""A request that somebody else had before tells the next one nothing of it: not in a mail, not in the portal, not over the API."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.reports.asking import QUALIFIED, Desk, answering, of, parts

SECRETS = (
    "Safe-in-the-cellar",
    "the-code-is-4711",
    "plan.txt",
    "a-second-thought",
    "alice@acme.test",
    "Alice",
)
NEXT = {
    "another customer": ({"customer": "BETA", "contact": "bruno@beta.test"}, "bruno@beta.test"),
    "a colleague": ({"contact": "aldo@acme.test"}, "aldo@acme.test"),
}


def with_a_past(desk: Desk) -> str:
    """A ticket of Alice's, with a file, an answer, a workaround, and an answer to that."""
    kind, body = parts(
        "Content-Type: text/plain\n\nIt stands in the cellar.",
        'Content-Type: text/plain\nContent-Disposition: attachment; filename="plan.txt"\n\nplan of the cellar',
    )
    number = desk.opened(text=body, kind=kind, subject="Safe-in-the-cellar", id=an_id())
    answer = desk.answer(number, "alice@acme.test", f"Then the-code-is-4711, {number}.")
    raw = answering(answer, "a-second-thought", sender="Alice Rossi <alice@acme.test>", id=an_id())
    desk.write(raw, sender="alice@acme.test")
    desk.do(number, "workaround", text="Use the-code-is-4711 for now.")
    return number


def an_id() -> str:
    """Of a mail of hers."""
    return f"<{uuid4().hex}@of-before.test>"


def handed_over(desk: Desk, to: str) -> tuple[str, str, int]:
    """Its number, the address of who has it now, and how many mails had left before."""
    number = with_a_past(desk)
    before = len(desk.relay.all)
    given, address = NEXT[to]
    desk.do(number, "qualify", **QUALIFIED, **given)
    return number, address, before


@pytest.mark.parametrize("to", NEXT)
def test_nothing_that_leaves_from_then_on_tells_of_before(desk, to):
    number, address, before = handed_over(desk, to)
    old = {one.header("Message-ID") for one in desk.relay.all[:before]}
    answer = desk.answer(number, address)
    raw = answering(answer, "Thank you.", sender=address)
    desk.write(raw, sender=address)
    desk.answer(number, address)
    desk.do(number, "wait", text="When may we come?")
    desk.left(address, "When may we come?")
    desk.do(number, "resume")
    desk.do(number, "resolve", cause="hardware", text="The lock was changed.", minutes=5)
    desk.left(address, "The lock was changed.")
    desk.do(number, "close")
    desk.left(address, "is the final service report")

    sent = [one for one in desk.relay.all[before:] if number in of(one.mail)]
    assert {one.recipient for one in sent} == {address}
    for one in sent:
        for secret in SECRETS:
            assert secret not in of(one.mail), of(one.mail)
        named = f"{one.header('In-Reply-To')} {one.header('References')}"
        assert "@of-before.test" not in named
        assert not [ref for ref in old if ref in named]


def test_the_portal_and_the_api_of_the_next_customer_tell_nothing_of_before(desk):
    number, _, _ = handed_over(desk, "another customer")
    desk.answer(number, "bruno@beta.test")

    browser = desk.hub.browser("bruno@beta.test", "a staple for bruno")
    shown = [
        browser.get("/portal/").text,
        browser.get(f"/portal/requests/{number}").text,
        str(desk.bruno.get(f"/tickets/{number}")),
        str(desk.bruno.get(f"/tickets/{number}/events")),
        str(desk.bruno.get("/tickets")),
    ]
    for secret in SECRETS:
        assert not [page for page in shown if secret in page], secret
    assert not [
        one for one in desk.bruno.get("/tickets", q="second-thought")["items"] if one["number"] == number
    ]
    assert not [
        one for one in desk.bruno.get("/tickets", q="alice@acme.test")["items"] if one["number"] == number
    ]


def test_a_colleague_who_has_it_now_reads_nothing_of_before(desk):
    number, _, _ = handed_over(desk, "a colleague")
    desk.answer(number, "aldo@acme.test", f"Good morning Aldo, {number}.")

    page = desk.hub.browser("aldo@acme.test", "a staple for aldo").get(f"/portal/requests/{number}").text

    assert "Good morning Aldo" in page
    for secret in SECRETS:
        assert secret not in page, secret


@pytest.mark.parametrize("to", NEXT)
def test_files_and_pages_of_before_are_not_there_for_the_next_one(desk, to):
    number, address, _ = handed_over(desk, to)
    first = desk.ticket(number)["messages"][0]
    file = next(one["id"] for one in first["attachments"] if one["name"] == "plan.txt")
    assert desk.browser().get(f"/desk/tickets/{number}/files/{file}").status == 200, "it stays on record"
    password = f"a staple for {address.partition('@')[0]}"

    browser = desk.hub.browser(address, password)

    assert browser.get(f"/portal/requests/{number}").status == 200
    assert browser.get(f"/portal/requests/{number}/files/{file}").status == 404
    assert browser.get(f"/portal/requests/{number}/messages/{first['id']}/html").status == 404


@pytest.mark.parametrize("to", NEXT)
def test_who_had_it_before_is_held_and_sees_it_no_more(desk, to):
    number = with_a_past(desk)
    answer = desk.answer(number, "alice@acme.test")
    desk.do(number, "qualify", **QUALIFIED, **NEXT[to][0])
    reply_address = answer.header("Reply-To").rpartition("<")[2].strip("<>")

    item = desk.write(
        answering(answer, "And now?", sender="alice@acme.test"), sender="alice@acme.test", to=reply_address
    )

    assert (item["outcome"], item["reason"]) == ("held", "retired")
    assert desk.alice.call("GET", f"/tickets/{number}")[0] == 404


def test_a_colleague_who_took_part_before_still_reads_what_they_were_told(desk):
    number = desk.opened(text="The door of room 4.")
    answer = desk.answer(number, "alice@acme.test")
    raw = answering(answer, "Aldo looks after it.", "Cc: aldo@acme.test", sender="alice@acme.test")
    desk.write(raw, sender="alice@acme.test")
    desk.do(number, "include", address="aldo@acme.test")

    desk.do(number, "qualify", **QUALIFIED, contact="aldo@acme.test")

    page = desk.hub.browser("aldo@acme.test", "a staple for aldo").get(f"/portal/requests/{number}").text
    assert "The door of room 4." in page
