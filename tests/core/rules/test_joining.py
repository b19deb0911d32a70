"""May tickets be joined, parted or tied together?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.rules import joining, workflow
from core.rules.joining import BACK, Person, Side, Tie, Told

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE = Side(id="1", state="assigned", customer="ACME", received_at=NOON)
OTHER = replace(ONE, id="2", state="in_progress")


def _code(no: joining.No | None) -> str | None:
    return no.code if no else None


@pytest.mark.parametrize("state", workflow.State)
def test_only_what_is_open_is_merged_and_only_into_what_is_open(state: workflow.State) -> None:
    is_open = workflow.is_open(state)

    assert (joining.may_merge(replace(ONE, state=state), OTHER) is None) == is_open
    assert (joining.may_merge(ONE, replace(OTHER, state=state)) is None) == is_open


def test_a_request_of_nobody_known_may_end_in_a_customers_and_never_in_a_strangers() -> None:
    unknown, of_beta = replace(ONE, customer=None), replace(OTHER, customer="BETA")

    assert joining.may_merge(unknown, OTHER) is None
    assert joining.may_merge(ONE, of_beta) == ("other_customer", ("link",))
    assert joining.may_merge(ONE, replace(OTHER, customer=None)) == ("other_customer", ("link",))


def test_the_last_conversation_of_a_ticket_does_not_leave_it() -> None:
    assert joining.may_move(ONE, OTHER, conversations=1) == ("last_conversation", ("merge",))
    assert joining.may_move(ONE, OTHER, conversations=2) is None


@pytest.mark.parametrize(
    ("chosen", "asked", "left", "code"),
    [
        (0, 0, 2, "split_of_none"),
        (2, 2, 0, "split_of_all"),
        (1, 0, 2, "nobody_asked"),
        (1, 1, 1, None),
    ],
)
def test_a_split_takes_something_that_was_asked_and_leaves_something(
    chosen: int, asked: int, left: int, code: str | None
) -> None:
    no = joining.may_split("in_progress", chosen=chosen, asked=asked, asked_left=left)

    assert _code(no) == code


def test_what_came_later_is_undone_first_and_nothing_after_a_month() -> None:
    given: dict[str, Any] = {
        "at": NOON,
        "undone": False,
        "survivor": "in_progress",
        "gone_on": (),
        "now": NOON,
    }

    assert joining.may_undo(**given) is None
    assert joining.may_undo(**given | {"now": NOON + timedelta(days=30, seconds=1)}) == ("undo_too_late", ())
    assert joining.may_undo(**given | {"gone_on": {"thread"}}) == ("later_act", ("undo",))
    assert joining.may_undo(**given | {"survivor": "merged"}) == ("merged_further", ("undo",))
    assert _code(joining.may_undo(**given | {"survivor": "closed"})) == "survivor_ended"


def test_who_waits_on_either_ticket_waits_on_the_one_that_goes_on() -> None:
    waits = Told(snippet="?", last_direction="in", chat=None, waits_since=NOON, at=NOON)
    answered = Told(
        snippet="!", last_direction="out", chat=None, waits_since=None, at=NOON + timedelta(hours=1)
    )

    both = joining.told(waits, answered)

    assert (both.snippet, both.last_direction, both.waits_since) == ("!", "out", NOON)
    assert both == joining.told(answered, waits)


def test_every_tie_has_its_other_end() -> None:
    assert all(BACK[BACK[tie]] is tie for tie in Tie)


def test_an_incident_has_one_floor() -> None:
    free: dict[str, Any] = {"ties": (), "of_one": (), "of_other": ()}

    assert joining.may_tie("1", "2", Tie.CHILD, **free) is None
    assert _code(joining.may_tie("1", "2", Tie.CHILD, **free | {"of_other": (Tie.PARENT,)})) == "has_parent"
    assert _code(joining.may_tie("1", "2", Tie.CHILD, **free | {"of_other": (Tie.CHILD,)})) == "is_parent"
    assert (
        joining.may_tie("1", "2", Tie.PARENT, **free | {"of_other": (Tie.PARENT,)}).code == "parent_is_child"
    )


def test_a_person_of_two_children_is_told_once_where_they_wrote_last() -> None:
    people = [
        Person(ticket="1", thread="a", who="alice", used=NOON),
        Person(ticket="2", thread="b", who="alice", used=NOON + timedelta(minutes=1)),
        Person(ticket="1", thread="a", who="aldo", used=None),
    ]

    assert joining.once_each(people) == {("2", "b"): {"alice"}, ("1", "a"): {"aldo"}}
