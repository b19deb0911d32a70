"""What is left, what one more act costs, when it is used up; when the end of a contract is told; what speaks of danger."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import consumption, danger, renewals
from core.rules.consumption import Balance, Use
from core.rules.renewals import Ending

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@given(
    st.sampled_from(["contract", "year", "quarter", "month"]),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 1500),
)
def test_periods_follow_one_another_and_cover_the_contract(kind: str, first: date, days: int) -> None:
    last = first + timedelta(days=days)
    period, covered = consumption.period_of(kind, first, last, first), []
    while period is not None:
        covered.append(period)
        assert consumption.period_of(kind, first, last, period.first) == period
        assert consumption.period_of(kind, first, last, period.last) == period
        following = period.last + timedelta(days=1)
        period = consumption.period_of(kind, first, last, following) if following <= last else None

    assert (covered[0].first, covered[-1].last) == (first, last)
    assert all(b.first == a.last + timedelta(days=1) for a, b in itertools.pairwise(covered))


def test_a_contract_without_an_end_has_periods_until_the_last_day_there_is() -> None:
    last = consumption.period_of("month", date(2026, 1, 31), date.max, date.max)

    assert (last.first, last.last) == (date(9999, 12, 31), date.max)


@given(st.lists(st.integers(1, 500), max_size=12), st.integers(1, 60))
def test_work_is_rounded_once_for_a_ticket_however_it_is_entered(entries: list[int], step: int) -> None:
    done = charged = 0
    for minutes in entries:
        charged += consumption.one_more(done, minutes, step)
        done += minutes

    assert charged == consumption.rounded(done, step)
    assert 0 <= charged - done < step


@pytest.mark.parametrize(
    ("granted", "used", "cost", "lacks"),
    [(60, 0, 60, 0), (60, 0, 61, 1), (60, 60, 1, 1), (60, 75, 15, 15), (0, 0, 0, 0), (0, 0, 1, 1)],
)
def test_an_act_lacks_what_is_not_left(granted: int, used: int, cost: int, lacks: int) -> None:
    assert Balance(granted=granted, used=used).lacks(cost) == lacks


@given(st.integers(1, 10_000), st.lists(st.integers(0, 3_000), max_size=20))
def test_each_threshold_is_crossed_once(granted: int, acts: list[int]) -> None:
    told, before = [], Balance(granted=granted, used=0)
    for quantity in acts:
        after = Balance(granted=granted, used=before.used + quantity)
        told += consumption.crossed(before, after)
        before = after

    assert told == [t for t in consumption.THRESHOLDS if 100 * before.used >= t * granted]


def test_a_forecast_is_the_mean_of_eight_weeks_and_no_more_than_the_period_holds() -> None:
    uses = [Use(at=NOW - timedelta(weeks=n, hours=1), quantity=60) for n in range(12)]

    found = consumption.forecast(
        uses, 300, since=NOW - timedelta(days=300), until=date(2026, 12, 31), now=NOW
    )
    assert (found.per_week, found.exhausted_on) == (60, date(2026, 7, 6))
    late = consumption.forecast(
        uses, 9000, since=NOW - timedelta(days=300), until=date(2026, 12, 31), now=NOW
    )
    assert late.exhausted_on is None
    young = consumption.forecast(
        uses[:2], 300, since=NOW - timedelta(weeks=2), until=date(2026, 12, 31), now=NOW
    )
    assert young.per_week == 60, "two weeks, not eight"
    assert consumption.forecast([], 300, since=NOW, until=date(2026, 12, 31), now=NOW).exhausted_on is None
    assert (
        consumption.forecast([], 0, since=NOW, until=date(2026, 12, 31), now=NOW).exhausted_on == NOW.date()
    )


ENDS = Ending(valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31))


@pytest.mark.parametrize(
    ("today", "step"),
    [(date(2026, 10, 1), None), (date(2026, 10, 2), 90), (date(2026, 11, 15), 60), (date(2026, 12, 30), 30)],
)
def test_an_end_is_told_ninety_sixty_and_thirty_days_before(today: date, step: int | None) -> None:
    assert [notice.step for notice in renewals.due(ENDS, [], today=today)] == ([step] if step else [])
    assert renewals.due(ENDS, [], today=date(2027, 1, 1)) == (), "past is past"


def test_a_contract_that_another_one_follows_without_a_gap_does_not_end() -> None:
    follows = Ending(valid_from=date(2027, 1, 1), valid_until=date(2027, 12, 31))
    later = Ending(valid_from=date(2027, 1, 2), valid_until=date(2027, 12, 31))

    assert renewals.due(ENDS, [follows], today=date(2026, 12, 1)) == ()
    assert renewals.due(ENDS, [later], today=date(2026, 12, 1)), "a day without a contract"


def test_a_tacit_renewal_says_so_and_the_last_day_of_notice_has_a_notice_of_its_own() -> None:
    tacit = Ending(
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
        notice_date=date(2026, 10, 1),
        renewal="tacit",
    )

    assert [(n.what, n.days) for n in renewals.due(tacit, [], today=date(2026, 9, 1))] == [("notice", 30)]
    assert [(n.what, n.days) for n in renewals.due(tacit, [], today=date(2026, 12, 1))] == [("renewal", 30)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("C'E' FUMO\ndal quadro", "fumo"),
        ("odore  di\ngas in magazzino", "odore di gas"),
        ("Incendio!", "incend*"),
        ("il profumo del fumetto", None),
        ("", None),
    ],
)
def test_words_of_danger_are_found_however_they_are_written(text: str, found: str | None) -> None:
    assert danger.speaks_of(text, ["fumo", "odore di gas", "incend*"]) == found
