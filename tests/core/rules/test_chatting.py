"""What are words in a chat about? A quote, a wish and a choice decide; else one request goes on, and several are asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.rules.chatting import CHOICE, LATELY, MOST, Meant, Remembered, Talk, Why, decide

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTHING = Remembered()
PRINTER = Talk(ticket="a", number="26-000001", open=True, here=True, at=NOON - timedelta(hours=1))
NETWORK = Talk(ticket="b", number="26-000002", open=True, here=True, at=NOON - timedelta(hours=2))
BY_MAIL = Talk(ticket="c", number="26-000003", open=True, here=False)
CHOSE_NETWORK = Remembered(chosen="b", chosen_until=NOON + timedelta(minutes=1))


def outcome(
    *talks: Talk, before: Remembered = NOTHING, quoted: str | None = None
) -> tuple[str, Why, str | None]:
    found = decide(talks, before, quoted=quoted, now=NOON)
    return found.outcome, found.why, found.ticket


def test_who_has_no_request_opens_one() -> None:
    assert outcome() == ("new", Why.NO_REQUEST, None)


def test_the_only_request_goes_on() -> None:
    assert outcome(PRINTER) == ("on", Why.GOES_ON, "a")


def test_after_a_day_of_silence_even_the_only_one_is_asked_about() -> None:
    silent = replace(PRINTER, at=NOON - LATELY - timedelta(seconds=1))

    assert outcome(silent) == ("ask", Why.SILENT, None)
    assert outcome(replace(silent, at=NOON - LATELY)) == ("on", Why.GOES_ON, "a")


def test_a_request_by_another_channel_is_never_gone_on_with_unasked() -> None:
    assert outcome(BY_MAIL) == ("ask", Why.SILENT, None)


def test_several_are_asked_about() -> None:
    assert outcome(PRINTER, NETWORK) == ("ask", Why.SEVERAL, None)
    assert outcome(PRINTER, BY_MAIL) == ("ask", Why.SEVERAL, None)


def test_what_is_solved_is_a_choice_where_it_was_talked_about() -> None:
    solved = replace(PRINTER, open=False)

    assert outcome(solved) == ("on", Why.GOES_ON, "a")
    assert outcome(solved, NETWORK)[0] == "ask"
    assert outcome(replace(solved, here=False, at=None)) == ("new", Why.NO_REQUEST, None)


def test_a_choice_is_remembered_as_long_as_it_runs() -> None:
    assert outcome(PRINTER, NETWORK, before=CHOSE_NETWORK) == ("on", Why.CHOSEN, "b")
    over = replace(CHOSE_NETWORK, chosen_until=NOON)
    assert outcome(PRINTER, NETWORK, before=over) == ("ask", Why.SEVERAL, None)


def test_a_choice_of_what_has_ended_is_none() -> None:
    assert outcome(PRINTER, before=CHOSE_NETWORK) == ("on", Why.GOES_ON, "a")


def test_a_quote_decides_whatever_else_is_known() -> None:
    asked = replace(CHOSE_NETWORK, new_until=NOON + CHOICE, asked=True)

    assert outcome(PRINTER, NETWORK, before=asked, quoted="a") == ("on", Why.QUOTED, "a")
    assert outcome(quoted="ended") == ("on", Why.QUOTED, "ended")


def test_who_asked_for_a_new_one_gets_it_while_they_want_it() -> None:
    wants = replace(CHOSE_NETWORK, new_until=NOON + timedelta(seconds=1))

    assert outcome(PRINTER, NETWORK, before=wants) == ("new", Why.ASKED_FOR_NEW, None)
    assert outcome(PRINTER, before=Remembered(new_until=NOON))[0] == "on"


def test_there_is_one_question_at_a_time() -> None:
    asked = Remembered(asked=True)

    assert outcome(PRINTER, NETWORK, before=asked) == ("wait", Why.WAITS, None)
    assert outcome(before=asked) == ("wait", Why.WAITS, None)


def test_who_is_asked_and_quotes_meanwhile_goes_on_there() -> None:
    asked = replace(CHOSE_NETWORK, asked=True)

    assert outcome(PRINTER, NETWORK, before=asked) == ("on", Why.CHOSEN, "b")


def test_the_newest_are_offered_first_and_not_too_many() -> None:
    many = [
        Talk(ticket=str(n), number=f"26-{n:06}", open=True, here=True, at=NOON - timedelta(hours=n))
        for n in range(1, 12)
    ]

    offered = decide([BY_MAIL, *reversed(many)], NOTHING, now=NOON).offered

    assert len(offered) == MOST
    assert [one.ticket for one in offered[:3]] == ["1", "2", "3"]


def test_what_was_never_talked_about_here_comes_last_by_number() -> None:
    older = replace(BY_MAIL, ticket="d", number="25-000009")

    offered = decide([older, BY_MAIL, PRINTER], NOTHING, now=NOON).offered

    assert [one.ticket for one in offered] == ["a", "c", "d"]


def test_only_questions_are_unclear() -> None:
    unclear = [how for how in ("on", "new", "ask", "wait") if Meant(outcome=how, why=Why.WAITS).unclear]

    assert unclear == ["ask", "wait"]
