"""Rotas name somebody at every instant they should, in local wall time, and say when nobody is there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rules import rotas
from core.rules.rotas import Layer, Override, Rota

ROME = ZoneInfo("Europe/Rome")


def a_rota(*layers: Layer, **fields: object) -> Rota:
    return Rota(**({"name": "L1", "duty": "on-call", "layers": layers} | fields))  # type: ignore[arg-type]


def a_layer(*members: str, **fields: object) -> Layer:
    return Layer(**({"members": members, "starts": date(2026, 1, 5)} | fields))  # type: ignore[arg-type]


def rome(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME)


@pytest.mark.parametrize(
    ("night", "hours"),
    [("2026-03-27", 12), ("2026-03-28", 11), ("2026-10-24", 13), ("2026-10-25", 12)],
    ids=["an ordinary night", "the night of spring", "the night of autumn", "the night after"],
)
def test_a_night_shift_of_twelve_hours_lasts_as_long_as_the_night_does(night: str, hours: int):
    rota = a_rota(a_layer("day", "night", length="12h"))
    noon = rome(f"{night} 12:00")

    (_, shift, _) = rotas.shifts(rota, [], noon, noon + timedelta(days=1))

    assert shift.agent == "night"
    assert shift.until - shift.since == timedelta(hours=hours)
    assert [one.astimezone(ROME).hour for one in (shift.since, shift.until)] == [20, 8]


def test_the_last_layer_wins_and_an_override_beats_all():
    rota = a_rota(a_layer("ann", "bob"), a_layer("day", restrictions=("mon-fri 08:00-18:00",)))
    swap = Override(
        id="o", rota="L1", agent="eve", since=rome("2026-01-06 10:00"), until=rome("2026-01-06 20:00")
    )
    since, until = rome("2026-01-06 00:00"), rome("2026-01-07 00:00")

    found = rotas.shifts(rota, [swap], since, until)

    told = [(one.agent, one.since.astimezone(ROME).strftime("%H:%M"), one.override) for one in found]
    assert told == [
        ("ann", "00:00", None),
        ("day", "08:00", None),
        ("eve", "10:00", "o"),
        ("ann", "20:00", None),
    ]


def test_a_working_day_lasts_over_the_weekend():
    rota = a_rota(a_layer("a", "b", "c", length="1wd", starts=date(2026, 1, 8)))  # a Thursday
    since, until = rome("2026-01-08 08:00"), rome("2026-01-15 08:00")

    found = rotas.shifts(rota, [], since, until)

    assert [(one.agent, (one.until - one.since).days) for one in found] == [
        ("a", 1),
        ("b", 3),
        ("c", 1),
        ("a", 1),
        ("b", 1),
    ]


def test_a_group_without_a_rota_of_its_own_has_that_of_all_groups():
    own, everybody = a_rota(a_layer("net"), groups=("Network",)), a_rota(a_layer("all"), name="all")
    at = rome("2026-02-02 03:00")

    assert rotas.on_duty([own, everybody], [], "on-call", "Network", at) == ("net",)
    assert rotas.on_duty([own, everybody], [], "on-call", "Systems", at) == ("all",)
    assert rotas.on_duty([own], [], "on-call", None, at) == ()
    assert rotas.on_duty([own, everybody], [], "second", "Network", at) == ()


def test_a_gap_is_found_to_the_minute_over_the_change_of_the_clock():
    rota = a_rota(a_layer("ann", restrictions=("mon-sat 00:00-24:00", "sun 00:00-01:30", "sun 04:00-24:00")))
    since, until = rome("2026-10-23 00:00"), rome("2026-10-27 00:00")

    (gap,) = rotas.gaps([rota], [], [("first_line", "", [("on-call", None)])], since, until)

    assert (gap.since, gap.until - gap.since) == (
        rome("2026-10-25 01:30").astimezone(UTC),
        timedelta(hours=3.5),
    )


def test_what_must_be_covered_is_a_first_line_specialists_of_each_technology_and_somebody_above():
    groups = [("L1", 1, ["Network", "Server"]), ("Net L2", 2, ["Network"])]
    plan = [
        a_rota(a_layer("ann"), groups=("L1",)),
        a_rota(a_layer("bob", restrictions=("mon-sun 08:00-20:00",)), name="L2", groups=("Net L2",)),
        a_rota(a_layer("sue"), name="S", duty="supervisor"),
    ]
    since = rome("2026-02-02 00:00")

    found = rotas.gaps(
        plan, [], rotas.wanted(groups, ["Network", "Server"]), since, since + timedelta(days=1)
    )

    told = [(gap.what, gap.of, (gap.until - gap.since).total_seconds() / 3600) for gap in found]
    assert sorted(told) == [
        ("specialists", ("Network",), 4),
        ("specialists", ("Network",), 8),
        ("specialists", ("Server",), 24),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"members": ()}, "members: nobody is in this layer"),
        ({"handoff": "24:00"}, "handoff: "),
        ({"length": "a week"}, "length: "),
        ({"length": "5m"}, "length: "),
        ({"restrictions": ("mon-fri 20:00-08:00",)}, "restrictions: "),
        ({"restrictions": ("nights",)}, "restrictions: "),
    ],
)
def test_an_impossible_layer_says_what_is_wrong(fields: dict[str, object], said: str):
    with pytest.raises(ValueError, match=said):
        a_layer(**({"members": ("ann",)} | fields))


a_length = st.sampled_from(["8h", "12h", "24h", "36h", "3d", "7d", "1wd", "2wd"])
some_layers = st.lists(
    st.builds(
        a_layer,
        st.sampled_from("ab"),
        st.sampled_from("cd"),
        length=a_length,
        handoff=st.sampled_from(["00:00", "02:30", "08:00", "20:00"]),
        starts=st.dates(date(2026, 3, 1), date(2026, 3, 31)),
        restrictions=st.sampled_from([(), ("mon-fri 08:00-20:00",), ("sat-sun 00:00-24:00",)]),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(
    layers=some_layers,
    day=st.integers(0, 30),
    zone=st.sampled_from(["Europe/Rome", "UTC", "America/New_York"]),
)
def test_whoever_asks_for_an_instant_is_told_what_the_plan_of_a_month_says(
    layers: list[Layer], day: int, zone: str
):
    rota = a_rota(*layers, time_zone=zone)
    since = datetime(2026, 3, 15, tzinfo=UTC)
    plan = rotas.shifts(rota, [], since, since + timedelta(days=31))

    assert all(one.since < one.until for one in plan)
    assert all(one.until <= following.since for one, following in pairwise(plan))
    for hour in range(0, 24, 3):
        at = since + timedelta(days=day, hours=hour)
        there = tuple(one.agent for one in plan if one.since <= at < one.until)
        assert rotas.on_duty([rota], [], "on-call", None, at) == there
