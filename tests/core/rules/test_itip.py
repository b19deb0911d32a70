"""Who was invited may answer the last invitation, or ask for another time; everything else changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.envelope import CalendarWord
from core.rules.itip import Asked, Does, decide

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
ASKED = {"sequence": 2, "open": True, "invited": ("ann@acme.test",), "author": "ann@acme.test"}
SAID = {
    "method": "REPLY",
    "uid": "v@hub.test",
    "sequence": 2,
    "attendee": "ann@acme.test",
    "partstat": "ACCEPTED",
}
LATER = NOW + timedelta(days=1)


def decided(said=(), asked=()):
    return decide(CalendarWord(**SAID | dict(said)), Asked(**ASKED | dict(asked)), now=NOW)


@pytest.mark.parametrize("partstat", ["ACCEPTED", "DECLINED", "TENTATIVE"])
def test_an_answer_of_whoever_was_invited_counts(partstat):
    assert decided({"partstat": partstat}).does is Does.PARTICIPATION


def test_an_answer_counts_too_when_somebody_is_there_before_it_is_read():
    assert decided({}, {"open": False, "under_way": True}).does is Does.PARTICIPATION


def test_another_time_is_a_proposal():
    assert (
        decided({"method": "COUNTER", "start": LATER, "end": LATER + timedelta(hours=2)}).does is Does.COUNTER
    )
    assert decided({"method": "COUNTER", "start": LATER}).does is Does.COUNTER


@pytest.mark.parametrize(
    ("said", "asked", "why"),
    [
        ({"sequence": 1}, {}, "old_sequence"),
        ({"sequence": 3}, {}, "unknown_sequence"),
        ({"attendee": "eve@evil.test"}, {"author": "eve@evil.test"}, "not_invited"),
        ({}, {"author": "eve@evil.test"}, "another_author"),
        ({"attendee": ""}, {}, "not_invited"),
        ({}, {"disowned": True}, "disowned"),
        ({}, {"open": False}, "over"),
        ({"method": "COUNTER", "start": LATER}, {"open": False, "under_way": True}, "over"),
        ({"partstat": "DELEGATED"}, {}, "no_answer"),
        ({"method": "REQUEST"}, {}, "method"),
        ({"method": "CANCEL"}, {}, "method"),
        ({"method": "COUNTER"}, {}, "no_time"),
        ({"method": "COUNTER", "start": NOW}, {}, "no_time"),
        ({"method": "COUNTER", "start": LATER, "end": LATER}, {}, "no_time"),
        ({"method": "COUNTER", "start": LATER, "end": LATER + timedelta(days=2)}, {}, "no_time"),
    ],
)
def test_everything_else_changes_nothing_and_says_why(said, asked, why):
    found = decided(said, asked)
    assert (found.does, found.why) == (Does.NOTHING, why)


def test_a_name_that_is_not_ours_changes_nothing():
    assert decide(CalendarWord(**SAID), None, now=NOW).why == "unknown_uid"
