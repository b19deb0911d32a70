"""A source is silent when it should have been heard, could have been heard, and was not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.rules.silence import Heard, Hearing, Verdict, Voice, changes, judge

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERY, GRACE = 5 * MINUTE, MINUTE
WELL = Hearing(round_at=NOW, since=NOW - timedelta(days=1))


def voice(heard: Heard, hearing: Hearing = WELL, now: datetime = NOW, every: timedelta | None = EVERY):
    return judge(heard, every=every, grace=GRACE, hearing=hearing, now=now)


def test_a_source_is_silent_from_the_moment_its_grace_is_over():
    heard = Heard(seen_at=NOW - 6 * MINUTE)
    assert voice(heard).voice is Voice.SILENT
    assert voice(heard, now=NOW - timedelta(microseconds=1)) == Verdict(voice=Voice.SPEAKS, until=NOW)


def test_who_was_never_heard_is_not_silent_and_who_need_not_be_heard_neither():
    assert voice(Heard()).voice is Voice.NEVER
    assert voice(Heard(seen_at=NOW - timedelta(days=9)), every=None).voice is Voice.UNWATCHED


def test_a_source_that_beats_is_measured_by_its_beats_whatever_else_it_sends():
    assert voice(Heard(seen_at=NOW, beat_at=NOW - 7 * MINUTE)).voice is Voice.SILENT


def test_what_a_heartbeat_says_of_the_next_one_counts_before_what_is_configured():
    heard = Heard(beat_at=NOW - 7 * MINUTE, every=60 * MINUTE)
    assert voice(heard) == voice(heard, every=None) == Verdict(voice=Voice.SPEAKS, until=NOW + 54 * MINUTE)
    assert voice(replace(heard, every=MINUTE)).voice is Voice.SILENT


@pytest.mark.parametrize(
    "hearing",
    [
        Hearing(round_at=NOW - 4 * MINUTE, since=NOW - timedelta(days=1)),
        Hearing(round_at=NOW, since=NOW - MINUTE),
        replace(WELL, deaf=True),
        replace(WELL, messages_wait=True),
    ],
    ids=[
        "it was not there",
        "it came back a minute ago",
        "it does not hear itself",
        "something waits to be read",
    ],
)
def test_a_hub_that_could_not_hear_calls_nobody_silent(hearing):
    found = voice(Heard(seen_at=NOW - timedelta(hours=1)), hearing)
    assert found.voice is Voice.UNKNOWN
    assert found.until > NOW


def test_a_hub_that_cannot_hear_knows_of_whoever_was_heard_in_time():
    assert voice(Heard(seen_at=NOW - MINUTE), replace(WELL, deaf=True)).voice is Voice.SPEAKS


@pytest.mark.parametrize("back", [MINUTE, timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_was_set_back_makes_no_wait_negative_and_none_longer(back):
    found = voice(Heard(seen_at=NOW + back), Hearing(round_at=NOW + back, since=NOW + back))
    assert found == Verdict(voice=Voice.SPEAKS, until=NOW + EVERY + GRACE)


def test_of_what_the_hub_sees_each_thing_begins_once_and_ends_once():
    assert changes([], ["lane", "dead"]) == (["dead", "lane"], [])
    assert changes(["dead", "lane"], ["dead", "lane"]) == ([], [])
    assert changes(["dead", "lane"], []) == ([], ["dead", "lane"])
