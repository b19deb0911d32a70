"""A person is answered once: where they spoke last, at the end where they began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.rules.answering import Way, choose, next_address

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NINE + timedelta(minutes=minutes)


def mail(person: str = "alice", **more) -> Way:
    given = {
        "thread": "m",
        "address": f"{person}@acme.test",
        "began": at(0),
        "used": at(0),
        "channel": "email",
    }
    return Way(person=person, **given | more)


def chat(person: str = "alice", **more) -> Way:
    given = {"thread": "t", "address": "telegram:1", "began": at(10), "used": at(10), "channel": "telegram"}
    return Way(person=person, **given | more)


def portal(person: str = "alice", **more) -> Way:
    given = {
        "thread": "p",
        "address": f"{person}@acme.test",
        "began": at(20),
        "used": at(20),
        "channel": "portal",
        "carried_by": "email",
    }
    return Way(person=person, **given | more)


def threads(*ways: Way, kind: str = "reply") -> list[str]:
    return [way.thread for way in choose(ways, kind=kind)]


def test_an_answer_goes_where_the_person_spoke_last() -> None:
    assert threads(mail(), chat()) == ["t"]
    assert threads(mail(used=at(30)), chat()) == ["m"]


def test_the_closing_report_goes_where_the_request_began() -> None:
    for kind in ("resolved", "closed"):
        assert threads(mail(), chat(), kind=kind) == ["m"]


def test_two_people_get_an_answer_each() -> None:
    assert threads(mail(), chat("bob"), mail("bob"), kind="progress") == ["m", "t"]


def test_who_never_spoke_anywhere_is_told_where_the_conversation_is() -> None:
    assert threads(mail(used=None), chat(used=None)) == ["t"]
    assert threads(mail(used=None)) == ["m"]
    assert threads(mail(), chat(used=None)) == ["m"]


def test_what_does_not_work_is_passed_over_while_anything_does() -> None:
    assert threads(mail(), chat(works=False)) == ["m"]
    assert threads(mail(works=False), chat(), kind="closed") == ["t"]
    assert threads(mail(works=False), chat(works=False)) == ["t"]


def test_what_staff_chose_holds_until_the_person_speaks_elsewhere_and_at_the_end_too() -> None:
    chosen = mail(chosen=at(60))

    assert threads(chosen, chat()) == ["m"]
    assert threads(chat(began=at(-5)), chosen, kind="closed") == ["m"]
    assert threads(chosen, chat(used=at(61))) == ["t"]


def test_in_one_conversation_an_address_that_came_later_counts_when_they_wrote_from_it() -> None:
    left = chat(address="alice@acme.test", beside=True, used=None)

    assert [way.address for way in choose([left, chat()], kind="reply")] == ["telegram:1"]
    answered = chat(address="alice@acme.test", beside=True, used=at(50))
    assert [way.address for way in choose([chat(), answered], kind="reply")] == ["alice@acme.test"]
    assert [way.address for way in choose([chat(), answered], kind="closed")] == ["telegram:1"]


def test_who_looked_into_the_portal_is_mailed_in_the_conversation_they_have_by_mail() -> None:
    assert threads(mail(), portal()) == ["m"]
    assert threads(chat(), portal()) == ["p"]
    assert threads(mail(address="alice@home.test"), portal()) == ["p"]
    assert threads(mail(), portal(used=at(20)), chat(used=at(30))) == ["t"]


def test_what_did_not_arrive_is_said_where_they_spoke_last_before_anywhere_else() -> None:
    ways = [mail(used=at(5)), chat(used=at(50)), portal(works=False)]

    def following(*tried: str) -> str:
        return next_address(
            tried, ways, chats=["xmpp:a@b.test"], mail=["alice@acme.test"], texts=["+393405550101"]
        )

    assert following("x") == "telegram:1"
    assert following("telegram:1") == "alice@acme.test"
    assert following("telegram:1", "alice@acme.test") == "xmpp:a@b.test"
    assert following("telegram:1", "alice@acme.test", "xmpp:a@b.test") == "+393405550101"
    assert following("telegram:1", "alice@acme.test", "xmpp:a@b.test", "+393405550101") == ""
