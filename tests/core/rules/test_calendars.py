"""When is a service open, and by when have so many open seconds passed?"""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rules.calendars import (
    ALWAYS,
    Calendar,
    CalendarDefinition,
    definition_from_json,
    definition_to_json,
    definition_version,
    holiday_dates,
    parse_weekly,
)
from core.rules.working_time import working_time_fact

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "sla"
ROME = ZoneInfo("Europe/Rome")


def a_definition(*weekly: str, zone: str = "Europe/Rome", **more: Any) -> CalendarDefinition:
    return CalendarDefinition(name="test", time_zone=zone, weekly=parse_weekly(weekly), **more)


def a_calendar(*weekly: str, zone: str = "Europe/Rome", **more: Any) -> Calendar:
    return Calendar(a_definition(*weekly, zone=zone, **more))


OFFICE = a_calendar("mon-fri 09:00-13:00", "mon-fri 14:00-18:00")
NINE_TO_SIX = a_calendar("mon-fri 09:00-18:00")
GONE_BY = a_calendar(shifts={date(2026, 2, 2): (("09:00", "12:00"),)})
NIGHT = a_calendar("mon-sun 00:00-06:00", "mon-sun 22:00-24:00")


def rome(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME).astimezone(UTC)


def vectors() -> list[Any]:
    found = [
        pytest.param(vector, samples["calendars"][vector["calendar"]], id=vector["id"])
        for path in sorted(SAMPLES.glob("*.json"))
        for samples in [json.loads(path.read_text())]
        for vector in samples.get("vectors", [])
    ]
    return found or [pytest.param({}, {}, marks=pytest.mark.skip(reason="needs ../shared"))]


# What others found to be true


@pytest.mark.samples
@pytest.mark.parametrize(("vector", "calendar"), vectors())
def test_working_time_agrees_with_the_samples(vector: dict[str, Any], calendar: dict[str, Any]) -> None:
    answer = working_time_fact({**vector, "calendar": calendar})

    if "expected" in vector:
        assert answer == {"result": vector["expected"]}
    else:
        assert answer["result"] // 60 == vector["expected_minutes_floor"]


# The clock change


@pytest.mark.parametrize(
    ("noon", "next_noon", "hours"),
    [
        ("2026-03-28 12:00", "2026-03-29 12:00", 7),
        ("2026-10-24 12:00", "2026-10-25 12:00", 9),
        ("2026-06-01 12:00", "2026-06-02 12:00", 8),
    ],
    ids=["spring", "autumn", "summer"],
)
def test_a_night_shift_is_as_long_as_the_night_really_is(noon: str, next_noon: str, hours: int) -> None:
    assert NIGHT.elapsed(rome(noon), rome(next_noon)) == hours * 3600


def test_four_hours_around_the_clock_are_four_real_hours_on_the_spring_night() -> None:
    calendar = a_calendar("mon-sun 00:00-24:00")

    assert calendar.due(rome("2026-03-29 00:30"), 4 * 3600) == rome("2026-03-29 05:30")


def test_a_bound_inside_the_spring_gap_means_the_first_instant_after_it() -> None:
    calendar = a_calendar("sun 02:30-05:00", "sun 02:10-02:20")

    periods = calendar.periods(rome("2026-03-28 12:00"), 1)

    assert periods == ((rome("2026-03-29 03:00"), rome("2026-03-29 05:00")),)


def test_an_ambiguous_bound_in_autumn_means_its_first_occurrence() -> None:
    opening, closing = a_calendar("sun 02:30-04:00"), a_calendar("sun 01:00-02:30")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in summer time

    assert opening.periods(rome("2026-10-24 12:00"), 1) == ((first, first + timedelta(hours=2.5)),)
    assert closing.periods(rome("2026-10-24 12:00"), 1) == ((first - timedelta(hours=1.5), first),)


def test_a_gap_at_midnight_begins_the_day_late() -> None:
    calendar = a_calendar("sun 00:00-12:00", zone="America/Sao_Paulo")

    opens, closes = calendar.periods(datetime(2015, 10, 18, tzinfo=UTC), 1)[0]

    assert opens == datetime(2015, 10, 18, 3, tzinfo=UTC)
    assert closes == datetime(2015, 10, 18, 14, tzinfo=UTC)


def test_a_date_that_a_zone_left_out_is_closed() -> None:
    calendar = a_calendar(
        "fri 09:00-17:00", "sat 09:00-17:00", zone="Pacific/Apia"
    )  # had no 30 December 2011

    assert calendar.periods(datetime(2011, 12, 29, 12, tzinfo=UTC), 1) == (
        (datetime(2011, 12, 30, 19, tzinfo=UTC), datetime(2011, 12, 31, 3, tzinfo=UTC)),
    )


# Holidays, shifts, breaks


@pytest.mark.parametrize(
    ("code", "day"),
    [("IT-MI", "2026-12-07"), ("IT-RM", "2026-06-29"), ("IT-TO", "2026-06-24"), ("IT-NA", "2026-09-19")],
)
def test_a_patron_saint_closes_its_own_city_only(code: str, day: str) -> None:
    assert date.fromisoformat(day) in holiday_dates(code, range(2026, 2027))
    assert date.fromisoformat(day) not in holiday_dates("IT", range(2026, 2027))


def test_the_national_set_has_easter_monday_and_from_2026_the_fourth_of_october() -> None:
    days = holiday_dates("IT", range(2025, 2028))

    assert {date(2026, 4, 6), date(2027, 3, 29), date(2026, 10, 4), date(2027, 10, 4)} <= days
    assert date(2025, 10, 4) not in days
    assert date(2027, 11, 7) not in days, "National Unity Day is kept on a Sunday and closes nobody"


def test_an_unknown_holiday_code_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match='holidays: "IT-XX" is not known'):
        holiday_dates("IT-XX", range(2026, 2027))


def test_a_shift_replaces_a_day_even_a_holiday_and_an_empty_one_closes_it() -> None:
    calendar = a_calendar(
        "mon-fri 09:00-18:00",
        annual_closed=frozenset({"12-25"}),
        shifts={date(2026, 12, 25): (("10:00", "12:00"),), date(2026, 12, 28): ()},
    )

    assert calendar.periods(rome("2026-12-24 20:00"), 2) == (
        (rome("2026-12-25 10:00"), rome("2026-12-25 12:00")),
        (rome("2026-12-29 09:00"), rome("2026-12-29 18:00")),
    )


# Questions


def test_the_exact_end_of_a_day_stays_at_closing() -> None:
    assert NINE_TO_SIX.due(rome("2026-02-02 10:00"), 8 * 3600) == rome("2026-02-02 18:00")


def test_nothing_promised_is_due_at_the_first_open_instant() -> None:
    assert NINE_TO_SIX.due(rome("2026-02-07 10:00"), 0) == rome("2026-02-09 09:00")
    assert NINE_TO_SIX.due(rome("2026-02-09 10:00"), 0) == rome("2026-02-09 10:00")


def test_the_closing_instant_is_closed_and_the_next_opening_is_told() -> None:
    closing = rome("2026-02-06 18:00")

    assert OFFICE.is_open(closing - timedelta(seconds=1))
    assert not OFFICE.is_open(closing)
    assert OFFICE.next_open(closing) == rome("2026-02-09 09:00")
    assert OFFICE.next_open(rome("2026-02-09 09:00")) == rome("2026-02-09 09:00")
    assert OFFICE.due(closing, 0) == closing, "it is the end of open time"


def test_a_calendar_of_dates_gone_by_never_opens_again() -> None:
    assert GONE_BY.next_open(rome("2026-02-01 12:00")) == rome("2026-02-02 09:00")
    assert GONE_BY.next_open(rome("2026-02-02 12:00")) is None
    assert GONE_BY.overrun(rome("2026-02-02 12:00")) is None
    assert Calendar(GONE_BY.definition).before(rome("2030-01-01 12:00"), 0) == rome("2026-02-02 12:00")
    with pytest.raises(ValueError, match="no answer"):
        GONE_BY.due(rome("2026-02-02 11:00"), 3601)
    with pytest.raises(ValueError, match="no answer"):
        GONE_BY.before(rome("2026-02-02 10:00"), 3601)


def test_a_promise_due_at_closing_is_broken_only_by_the_next_open_second() -> None:
    friday, monday = rome("2026-02-06 18:00"), rome("2026-02-09 09:00")

    assert NINE_TO_SIX.overrun(friday) == monday
    assert NINE_TO_SIX.overrun(friday - timedelta(hours=1)) == friday - timedelta(hours=1)
    assert NINE_TO_SIX.overrun(friday, [(friday - timedelta(hours=1), None)]) is None


def test_open_time_behind_a_closed_weekend_is_walked_back_to_friday() -> None:
    assert NINE_TO_SIX.before(rome("2026-02-09 10:00"), 2 * 3600) == rome("2026-02-06 17:00")
    assert NINE_TO_SIX.before(rome("2026-02-09 10:00"), 3600) == rome("2026-02-09 09:00")
    assert NINE_TO_SIX.before(rome("2026-02-08 10:00"), 0) == rome("2026-02-06 18:00")


def test_around_the_clock_never_closes() -> None:
    calendar, now = Calendar(ALWAYS), datetime(2026, 2, 2, 9, tzinfo=UTC)

    assert calendar.periods(now, 3) == ((now, None),)
    assert calendar.is_open(now)
    assert calendar.before(now, 60) == now - timedelta(seconds=60)
    assert calendar.due_working_days(now, 1) == now + timedelta(days=1)


def test_an_almost_always_open_calendar_closes_when_it_says() -> None:
    calendar = a_calendar("mon-sun 00:00-24:00", closed=frozenset({date(2031, 5, 1)}))

    assert calendar.periods(rome("2026-02-02 09:00"), 1) == (
        (rome("2026-02-02 09:00"), rome("2031-05-01 00:00")),
    )
    assert calendar.periods(rome("2032-01-01 09:00"), 1) == ((rome("2032-01-01 09:00"), None),)


def test_questions_may_go_back_and_forth_over_many_years() -> None:
    calendar = a_calendar("mon-fri 09:00-18:00")

    assert calendar.elapsed(rome("2026-02-02 09:00"), rome("2026-02-03 09:00")) == 9 * 3600
    assert calendar.elapsed(rome("2006-02-01 09:00"), rome("2006-02-02 09:00")) == 9 * 3600
    assert calendar.due(rome("2026-02-02 09:00"), 3600) == rome("2026-02-02 10:00")
    assert calendar.elapsed(rome("2020-01-01 00:00"), rome("2021-01-01 00:00")) == 262 * 9 * 3600
    assert calendar.due(rome("2026-02-02 09:00"), 9 * 3600 * 2610) == rome("2036-02-01 18:00")


def test_threads_may_ask_one_calendar_at_once() -> None:
    calendar = a_calendar("mon-fri 09:00-18:00")
    wrong: list[int] = []

    def ask(first: int) -> None:
        for year in (*range(first, 2060, 3), *range(2059, first, -3)):
            start = datetime(year, 3, 1, 12, tzinfo=UTC)
            due = calendar.due(start, 360_000)
            if due is None or calendar.elapsed(start, due) != 360_000:
                wrong.append(year)

    threads = [threading.Thread(target=ask, args=(2000 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_ten_years_of_open_time_are_walked_back_as_exactly_as_forward() -> None:
    calendar = a_calendar("mon-fri 09:00-18:00")

    assert calendar.before(rome("2036-02-01 18:00"), 9 * 3600 * 2610) == rome("2026-02-02 09:00")


# Pauses


def test_a_pause_may_last_for_years() -> None:
    calendar = a_calendar("mon-fri 09:00-18:00")
    pause = (rome("2026-02-02 10:00"), rome("2033-02-02 10:00"))

    assert calendar.due(rome("2026-02-02 09:00"), 7200, [pause]) == rome("2033-02-02 11:00")


def test_pauses_may_overlap_touch_and_come_in_any_order() -> None:
    start = rome("2026-02-02 09:00")
    pauses = [
        (rome("2026-02-02 12:00"), rome("2026-02-02 13:00")),
        (rome("2026-02-02 10:00"), rome("2026-02-02 11:00")),
        (rome("2026-02-02 10:30"), rome("2026-02-02 12:00")),
        (rome("2026-01-01 10:30"), rome("2026-01-02 12:00")),
    ]

    assert NINE_TO_SIX.due(start, 2 * 3600, pauses) == rome("2026-02-02 14:00")
    assert NINE_TO_SIX.elapsed(start, rome("2026-02-02 14:00"), pauses) == 2 * 3600


def test_an_open_pause_swallows_what_follows_it() -> None:
    pauses = [(rome("2026-02-02 10:00"), None), (rome("2026-02-02 11:00"), rome("2026-02-02 12:00"))]

    assert NINE_TO_SIX.due(rome("2026-02-02 09:00"), 7200, pauses) is None
    assert NINE_TO_SIX.elapsed(rome("2026-02-02 09:00"), rome("2026-02-02 17:00"), pauses) == 3600


# Working days


@pytest.mark.parametrize(
    ("start", "days", "end", "due"),
    [
        ("2026-02-02 10:00", 1, False, "2026-02-03 10:00"),
        ("2026-02-06 10:00", 1, False, "2026-02-09 10:00"),
        ("2026-02-06 19:00", 1, False, "2026-02-10 09:00"),
        ("2026-02-07 10:00", 1, False, "2026-02-10 09:00"),
        ("2026-02-02 07:00", 1, False, "2026-02-03 09:00"),
        ("2026-02-02 13:30", 1, False, "2026-02-03 14:00"),
        ("2026-02-02 10:00", 5, True, "2026-02-09 18:00"),
        ("2026-02-09 10:00", -1, False, "2026-02-06 10:00"),
        ("2026-02-02 10:00", 0, True, "2026-02-02 18:00"),
    ],
)
def test_working_days_keep_the_local_time(start: str, days: int, end: bool, due: str) -> None:  # noqa: FBT001
    assert OFFICE.due_working_days(rome(start), days, end=end) == rome(due)


def test_working_days_keep_the_local_time_over_the_clock_change() -> None:
    assert OFFICE.due_working_days(rome("2026-03-27 10:00"), 1) == rome("2026-03-30 10:00")


def test_after_the_cut_off_a_working_day_counts_from_the_next() -> None:
    calendar = a_calendar("mon-fri 09:00-18:00", cut_off="16:00")

    assert calendar.due_working_days(rome("2026-02-02 16:00"), 1) == rome("2026-02-03 16:00")
    assert calendar.due_working_days(rome("2026-02-02 16:01"), 1) == rome("2026-02-04 09:00")


def test_a_pause_adds_a_working_day_for_every_opening_inside_it() -> None:
    start = rome("2026-02-02 10:00")  # a Monday
    overnight = (rome("2026-02-02 17:00"), rome("2026-02-03 09:30"))
    weekend = (rome("2026-02-06 19:00"), rome("2026-02-09 09:00"))
    earlier = (rome("2026-01-28 17:00"), rome("2026-02-02 09:30"))

    assert OFFICE.due_working_days(start, 1, pauses=[overnight, earlier]) == rome("2026-02-04 10:00")
    assert OFFICE.due_working_days(start, 5, pauses=[weekend]) == rome("2026-02-09 10:00")
    assert OFFICE.due_working_days(start, 1, pauses=[(rome("2026-02-03 10:00"), None)]) == rome(
        "2026-02-03 10:00"
    )
    assert OFFICE.due_working_days(start, 1, pauses=[(rome("2026-02-03 09:59"), None)]) is None


# Definitions


def test_weekly_lines_are_read_as_people_write_them() -> None:
    assert parse_weekly(["Fri-Mon 9:00-13:00", "sat,sun 14:00-24:00"]) == {
        "mon": (("09:00", "13:00"),),
        "fri": (("09:00", "13:00"),),
        "sat": (("09:00", "13:00"), ("14:00", "24:00")),
        "sun": (("09:00", "13:00"), ("14:00", "24:00")),
    }


@pytest.mark.parametrize("line", ["mon-fri", "lun-ven 09:00-18:00", "mon 9-18 h"])
def test_a_weekly_line_that_is_not_understood_is_quoted(line: str) -> None:
    with pytest.raises(ValueError, match=f'weekly: "{line}"'):
        parse_weekly([line])


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"zone": "Europe/Rom"}, 'time_zone: "Europe/Rom"'),
        ({"weekly": ["mon 24:00-24:00"]}, "weekly mon: 24:00 is an end"),
        ({"weekly": ["mon 22:00-06:00"]}, 'weekly mon: "to" 06:00 is not after "from" 22:00'),
        ({"weekly": ["mon 09:00-09:00"]}, 'weekly mon: "to" 09:00'),
        ({"weekly": ["mon 09:00-25:00"]}, 'weekly mon: "25:00"'),
        ({"weekly": [], "shifts": {date(2026, 1, 1): ()}}, "weekly: the calendar is never open"),
        ({"weekly": []}, "weekly: the calendar is never open"),
        ({"annual_closed": frozenset({"02-30"})}, 'annual_closed: "02-30"'),
        ({"cut_off": "noon"}, 'cut_off: "noon"'),
        ({"shifts": {date(2026, 1, 1): (("10:00", "09:00"),)}}, "shifts 2026-01-01"),
        ({"breaks": {date(2026, 1, 1): (("10:00", "09:00"),)}}, "breaks 2026-01-01"),
    ],
)
def test_a_mistake_in_a_calendar_is_named_by_its_field(mistake: dict[str, Any], message: str) -> None:
    weekly = mistake.pop("weekly", ["mon-fri 09:00-18:00"])
    with pytest.raises(ValueError, match=message):
        a_definition(*weekly, **mistake)


def test_a_weekday_of_another_language_is_refused() -> None:
    with pytest.raises(ValueError, match='weekly: "lun" is no weekday'):
        CalendarDefinition(name="test", time_zone="Europe/Rome", weekly={"lun": (("09:00", "18:00"),)})


def test_all_mistakes_of_a_calendar_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"time_zone.*weekly mon.*cut_off"):
        a_definition("mon 10:00-09:00", zone="Nowhere", cut_off="x")


def test_windows_that_overlap_are_merged_with_a_warning() -> None:
    definition = a_definition("mon 09:00-13:00", "mon 12:00-18:00", "tue 09:00-13:00", "tue 13:00-18:00")

    assert definition.warnings() == ("weekly mon: 09:00-13:00 and 12:00-18:00 overlap and are merged",)
    assert Calendar(definition).elapsed(rome("2026-02-02 00:00"), rome("2026-02-03 00:00")) == 9 * 3600


def test_a_definition_survives_json_and_its_version_changes_with_it() -> None:
    definition = a_definition(
        "mon-fri 09:00-18:00",
        closed=holiday_dates("IT-MI", range(2026, 2030)),
        annual_closed=frozenset({"12-24", "12-31"}),
        shifts={date(2026, 12, 25): (("10:00", "12:00"),)},
        breaks={date(2026, 12, 23): (("10:00", "12:00"),)},
        cut_off="16:00",
    )
    plain = json.loads(json.dumps(definition_to_json(definition)))
    other = a_definition("mon-fri 09:00-18:01")

    assert definition_from_json(plain) == definition
    assert definition_to_json(definition_from_json(plain)) == plain
    assert definition_version(definition_from_json(plain)) == definition_version(definition)
    assert definition_version(other) != definition_version(a_definition("mon-fri 09:00-18:00"))


# Bad input


@pytest.mark.parametrize(
    "ask",
    [
        lambda calendar, naive: calendar.due(naive, 60),
        lambda calendar, naive: calendar.elapsed(naive, naive),
        lambda calendar, naive: calendar.before(naive, 60),
        lambda calendar, naive: calendar.periods(naive, 1),
        lambda calendar, naive: calendar.due_working_days(naive, 1),
        lambda calendar, naive: calendar.is_open(naive),
        lambda calendar, naive: calendar.due(naive.replace(tzinfo=UTC), 60, [(naive, None)]),
    ],
)
@pytest.mark.parametrize("calendar", [OFFICE, Calendar(ALWAYS)], ids=["office", "24x7"])
def test_a_naive_instant_is_refused(ask: Any, calendar: Calendar) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ask(calendar, datetime(2026, 2, 2, 9))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda now: OFFICE.due(now, -1), "target"),
        (lambda now: OFFICE.before(now, -1), "seconds"),
        (lambda now: OFFICE.periods(now, 0), "count"),
        (lambda now: OFFICE.due(now, 1, [(now, now - timedelta(1))]), "pauses"),
        (lambda now: OFFICE.due(now.replace(year=1960), 1), "1970"),
        (lambda now: OFFICE.due(now.replace(year=2300), 1), "2200"),
        (lambda now: a_calendar("mon 09:00-18:00").is_open(now.replace(year=1960)), "1960"),
        (lambda now: OFFICE.due_working_days(now, 1, pauses=[(now, now.replace(year=2300))]), "pauses"),
        (lambda now: GONE_BY.due_working_days(now, 2), "no working day"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(ask: Any, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ask(datetime(2026, 2, 2, 9, tzinfo=UTC))


# The adapter


@pytest.mark.parametrize(
    "line",
    [
        [],
        {},
        {"op": "due", "calendar": "24x7", "start": "2026-02-02T09:00:00Z"},
        {"op": "due", "calendar": "24x7", "start": "2026-02-02T09:00:00", "seconds": 1},
        {"op": "due", "calendar": "8x5", "start": "2026-02-02T09:00:00Z", "seconds": 1},
        {
            "op": "due",
            "calendar": {"tz": "Mars", "weekly": {}},
            "start": "2026-02-02T09:00:00Z",
            "seconds": 1,
        },
        {"op": "due", "calendar": "24x7", "start": "2026-02-02T09:00:00Z", "seconds": 10**30},
        {"op": "tomorrow", "calendar": "24x7", "start": "2026-02-02T09:00:00Z"},
        {"op": "clock", "calendar": "24x7", "start": "2026-02-02T09:00:00Z", "target_s": 1},
        {"op": "due_working_days", "calendar": "24x7", "start": "9999-12-31T09:00:00Z", "days": 1},
    ],
)
def test_a_line_it_cannot_answer_gives_an_error_and_no_end(line: Any) -> None:
    assert set(working_time_fact(line)) == {"error"}


def test_the_adapter_answers_for_a_calendar_that_is_always_there() -> None:
    line = {"op": "due", "calendar": "24x7", "start": "2026-02-02T10:00:00+01:00", "seconds": 60}

    assert working_time_fact(line) == {"result": "2026-02-02T09:01:00Z"}


# Properties

ZONES = (
    "Europe/Rome",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "UTC",
    "Africa/Casablanca",
)
CHANGES = (date(2017, 10, 14), date(2018, 2, 17), date(2026, 3, 28), date(2026, 10, 24), date(2026, 4, 4))


def clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, str]:
    opens = draw(st.integers(0, 1439))
    return clock_text(opens), clock_text(draw(st.integers(opens + 1, 1440)))


@st.composite
def definitions(draw: st.DrawFn) -> CalendarDefinition:
    day = draw(st.sampled_from(CHANGES))
    some = st.lists(windows(), max_size=2).map(tuple)
    weekly = draw(st.dictionaries(st.sampled_from(("mon", "wed", "fri", "sat", "sun")), some))
    return CalendarDefinition(
        name="any",
        time_zone=draw(st.sampled_from(ZONES)),
        weekly=weekly | {"tue": (draw(windows()),)},
        closed=frozenset(draw(st.lists(st.sampled_from(CHANGES), max_size=1))),
        shifts=draw(st.dictionaries(st.just(day), some, max_size=1)),
        breaks=draw(st.dictionaries(st.sampled_from((day, day + timedelta(1))), some, max_size=1)),
    )


instants = st.integers(0, 4 * 86_400).flatmap(
    lambda seconds: st.sampled_from(CHANGES).map(
        lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=-1, seconds=seconds)
    )
)
targets = st.integers(1, 400_000)
fewer = st.integers(1, 100_000)  # at one minute a week still within the years a calendar answers for


@st.composite
def pauses(draw: st.DrawFn, start: datetime) -> list[tuple[datetime, datetime]]:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        since = start + timedelta(seconds=draw(st.integers(-90_000, 500_000)))
        found.append((since, since + timedelta(seconds=draw(st.integers(0, 200_000)))))
    return found


@settings(max_examples=60, deadline=None)
@given(definitions(), instants, targets, st.data())
def test_by_the_due_instant_exactly_the_target_has_elapsed(
    definition: CalendarDefinition, start: datetime, target: int, data: st.DataObject
) -> None:
    calendar, some = Calendar(definition), data.draw(pauses(start))

    due = calendar.due(start, target, some)

    assert due is not None
    assert calendar.elapsed(start, due, some) == target
    assert calendar.elapsed(start, due - timedelta(seconds=1), some) == target - 1
    broken = calendar.overrun(due, some)
    assert broken is not None
    assert broken >= due
    assert calendar.elapsed(start, broken, some) == target
    assert calendar.elapsed(start, broken + timedelta(seconds=1), some) == target + 1


@settings(max_examples=60, deadline=None)
@given(definitions(), instants, targets, fewer, st.data())
def test_more_time_and_more_pauses_never_make_it_due_earlier(
    definition: CalendarDefinition, start: datetime, target: int, more: int, data: st.DataObject
) -> None:
    calendar, some = Calendar(definition), data.draw(pauses(start))
    due, later = calendar.due(start, target, some), calendar.due(start, target + more, some)
    paused = calendar.due(start, target, some + data.draw(pauses(start)))

    assert due is not None
    assert later is not None
    assert paused is not None
    assert due < later
    assert due <= paused


@settings(max_examples=60, deadline=None)
@given(definitions(), instants, fewer)
def test_before_is_the_mirror_of_due(definition: CalendarDefinition, end: datetime, seconds: int) -> None:
    calendar = Calendar(definition)

    start = calendar.before(end, seconds)

    assert calendar.elapsed(start, end) == seconds
    assert calendar.elapsed(start + timedelta(seconds=1), end) == seconds - 1, "it is the latest such instant"
    due = calendar.due(start, seconds)
    assert due is not None
    assert due <= end
    assert calendar.elapsed(due, end) == 0


def open_minutes(definition: CalendarDefinition, first: datetime, days: int) -> list[bool]:
    """The same by stepping: a bound is the first minute at which the wall clock has reached it."""
    zone = ZoneInfo(definition.time_zone)
    walls = [(first + timedelta(minutes=n)).astimezone(zone).replace(tzinfo=None) for n in range(days * 1440)]
    is_open = [False] * len(walls)

    def first_minute(day: date, text: str) -> int:
        bound = datetime(day.year, day.month, day.day) + timedelta(hours=int(text[:2]), minutes=int(text[3:]))  # noqa: DTZ001
        return next((n for n, wall in enumerate(walls) if wall >= bound), len(walls))

    for n in range(-1, days + 1):
        day = (first + timedelta(days=n)).date()
        weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()]
        normal = () if day in definition.closed else definition.weekly.get(weekday, ())
        for opened, spans in (
            (True, definition.shifts.get(day, normal)),
            (False, definition.breaks.get(day, ())),
        ):
            for since, until in spans:
                for minute in range(first_minute(day, since), first_minute(day, until)):
                    is_open[minute] = opened
    return is_open


@settings(max_examples=40, deadline=None)
@given(definitions(), st.sampled_from(CHANGES), st.integers(0, 5000), st.integers(0, 5000))
def test_stepping_minute_by_minute_gives_the_same(
    definition: CalendarDefinition, day: date, a: int, b: int
) -> None:
    calendar, first = (
        Calendar(definition),
        datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1),
    )
    steps = open_minutes(definition, first, 4)
    start, end = first + timedelta(minutes=a), first + timedelta(minutes=b)

    assert calendar.elapsed(start, end) == 60 * sum(steps[a:b])
    assert calendar.is_open(start) == steps[a]
    ahead = [n for n in range(a, len(steps)) if steps[n]]
    if ahead:
        assert calendar.next_open(start) == first + timedelta(minutes=ahead[0])
        assert calendar.due(start, len(ahead) * 60) == first + timedelta(minutes=ahead[-1] + 1)
