"""Times that are offered for a visit lie in everybody's hours, clear of bookings and the way there; else it is said why none is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rules import slots
from core.rules.calendar_definitions import CalendarDefinition, parse_weekly
from core.rules.calendars import Calendar
from core.rules.slots import Booked, Engineer, Reason, Wanted, Why

ROME = ZoneInfo("Europe/Rome")
WAY = timedelta(minutes=slots.TRAVEL)


def rome(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME).astimezone(UTC)


NOW = rome("2026-03-02 09:00")  # a Monday


def open_at(*weekly: str, zone: str = "Europe/Rome", since: datetime = NOW) -> tuple:
    definition = CalendarDefinition(name="x", time_zone=zone, weekly=parse_weekly(weekly))
    return Calendar(definition).between(since, since + slots.AHEAD)


ALWAYS = ((NOW, NOW + slots.AHEAD),)
OFFICE = open_at("mon-fri 09:00-13:00", "mon-fri 14:00-18:00")


def an_engineer(name: str = "ann", **fields: object) -> Engineer:
    given = {"id": name, "skills": frozenset({"Network"}), "hours": OFFICE} | fields
    return Engineer(**given)  # type: ignore[arg-type]


def a_visit(**fields: object) -> Wanted:
    given = {
        "minutes": 120,
        "skills": frozenset({"Network"}),
        "site": ALWAYS,
        "line": ALWAYS,
        "earliest": NOW,
        "zone": ROME,
    }
    return Wanted(**(given | fields))  # type: ignore[arg-type]


def told(found: slots.Found) -> list[tuple[str, str, str]]:
    return [(one.engineer, f"{one.start.astimezone(ROME):%a %H:%M}", str(one.reason)) for one in found.slots]


def test_the_earliest_time_comes_first_then_other_half_days_with_other_engineers():
    found = slots.find(a_visit(), [an_engineer(), an_engineer("bob")])

    assert told(found) == [
        ("ann", "Mon 09:00", Reason.EARLIEST),
        ("bob", "Mon 14:00", Reason.ANOTHER_HALF_DAY),
        ("ann", "Tue 09:00", Reason.ANOTHER_HALF_DAY),
    ]


def test_who_has_the_fewest_bookings_comes_and_the_way_there_and_back_is_kept_free():
    busy = an_engineer(booked=[Booked(since=rome("2026-03-02 12:00"), until=rome("2026-03-02 13:00"))])

    first = slots.find(a_visit(), [busy, an_engineer("bob")]).slots[0]
    alone = slots.find(a_visit(minutes=150), [busy])

    assert first.engineer == "bob"
    assert told(alone)[0] == ("ann", "Mon 09:00", "earliest"), "until 11:30, half an hour before the next"
    assert told(slots.find(a_visit(minutes=165), [busy]))[0][1] == "Mon 14:00"


def test_leave_needs_no_way():
    leave = Booked(since=rome("2026-03-02 09:00"), until=rome("2026-03-02 14:00"), travel=False)

    assert told(slots.find(a_visit(), [an_engineer(booked=[leave])]))[0][1] == "Mon 14:00"


def test_what_is_in_time_comes_before_what_spreads():
    found = slots.find(a_visit(due=rome("2026-03-02 11:00")), [an_engineer(), an_engineer("bob")])

    assert [one.late for one in found.slots] == [False, True, True]
    assert told(found)[0][1] == "Mon 09:00"


@pytest.mark.parametrize(
    ("why", "wanted", "engineers"),
    [
        (Why.NO_ENGINEERS, {}, []),
        (Why.NO_SKILL, {"skills": frozenset({"Server"})}, [an_engineer()]),
        (Why.SITE_CLOSED, {"site": open_at("mon-fri 09:00-10:30")}, [an_engineer()]),
        (Why.LINE_CLOSED, {"line": open_at("sat 09:00-13:00"), "site": OFFICE}, [an_engineer()]),
        (Why.NOBODY_WORKS, {"site": open_at("sun 09:00-18:00")}, [an_engineer()]),
        (Why.ALL_TAKEN, {}, [an_engineer(booked=[Booked(since=NOW, until=NOW + slots.AHEAD)])]),
    ],
)
def test_it_is_said_why_nobody_can_come(why, wanted, engineers):
    assert slots.find(a_visit(**wanted), engineers) == slots.Found(slots=(), why=why)


@pytest.mark.parametrize(
    ("why", "at", "fields"),
    [
        (None, "2026-03-02 10:00", {}),
        (Why.PAST, "2026-03-02 09:00", {}),
        (Why.TOO_SOON, "2026-03-02 10:00", {"earliest": NOW + timedelta(hours=2)}),
        (Why.NO_SKILL, "2026-03-02 10:00", {"skills": frozenset({"Server"})}),
        (Why.SITE_CLOSED, "2026-03-02 10:00", {"site": open_at("mon-fri 09:00-11:00")}),
        (Why.LINE_CLOSED, "2026-03-02 10:00", {"line": open_at("sat 09:00-18:00")}),
        (Why.NOBODY_WORKS, "2026-03-02 12:00", {}),
        (Why.ALL_TAKEN, "2026-03-03 14:00", {}),
    ],
)
def test_a_time_that_somebody_names_is_looked_at_the_same_way(why, at, fields):
    booked = [Booked(since=rome("2026-03-03 16:15"), until=rome("2026-03-03 17:00"))]

    assert slots.obstacle(a_visit(**fields), [an_engineer(booked=booked)], rome(at), now=NOW) == why


def test_a_crew_has_somebody_who_leads_and_others_who_are_free_at_the_same_time():
    helper = an_engineer("helper", skills=frozenset())
    until_noon = [Booked(since=NOW, until=rome("2026-03-02 12:00"))]
    busy = an_engineer("busy", skills=frozenset(), booked=until_noon)

    found = slots.find(a_visit(count=2), [an_engineer(), helper, busy])

    assert [(one.engineer, one.others) for one in found.slots] == [("ann", ("helper",))] * 3
    assert told(found)[0] == ("ann", "Mon 09:00", "earliest")
    three = slots.find(a_visit(count=3), [an_engineer(), helper, busy])
    assert told(three)[0][1] == "Mon 14:00", "when the third one is back, the way included"
    assert [set(one.others) for one in three.slots] == [{"helper", "busy"}] * 3


def test_who_comes_by_name_knows_together_what_is_needed_and_the_first_leads():
    server = an_engineer("bob", skills=frozenset({"Server"}))
    both = {"skills": frozenset({"Network", "Server"}), "named": ("bob", "ann")}

    found = slots.find(a_visit(**both), [an_engineer(), server, an_engineer("eva")])

    assert {(one.engineer, one.others) for one in found.slots} == {("bob", ("ann",))}
    assert slots.find(a_visit(count=2, skills=both["skills"]), [an_engineer(), server]).why is Why.NO_SKILL
    at = rome("2026-03-02 10:00")
    assert slots.obstacle(a_visit(**both), [server, an_engineer()], at, now=NOW) is None
    assert slots.obstacle(a_visit(**both), [server], at, now=NOW) is Why.NO_SKILL


@pytest.mark.parametrize(
    ("why", "wanted", "others"),
    [
        (Why.TOO_FEW, {"count": 3}, {}),
        (Why.TOO_FEW, {"named": ("ann", "nobody")}, {}),
        (Why.NOBODY_WORKS, {"count": 2}, {"hours": open_at("sun 09:00-18:00")}),
        (Why.ALL_TAKEN, {"count": 2}, {"booked": [Booked(since=NOW, until=NOW + slots.AHEAD)]}),
        (Why.ALL_TAKEN, {"named": ("ann", "bob")}, {"booked": [Booked(since=NOW, until=NOW + slots.AHEAD)]}),
    ],
)
def test_it_is_said_why_there_are_not_enough(why, wanted, others):
    assert slots.find(a_visit(**wanted), [an_engineer(), an_engineer("bob", **others)]).why is why


def test_a_visit_to_which_nobody_has_to_come_is_refused():
    with pytest.raises(ValueError, match="count"):
        slots.find(a_visit(count=0), [an_engineer()])


@pytest.mark.parametrize("minutes", [0, slots.LONGEST + 1])
def test_a_visit_of_no_length_is_refused(minutes):
    with pytest.raises(ValueError, match="minutes"):
        slots.find(a_visit(minutes=minutes), [an_engineer()])


def test_naive_instants_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        slots.find(a_visit(earliest=datetime(2026, 3, 2)), [an_engineer()])  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "length"), [(date(2026, 3, 29), 7), (date(2026, 10, 25), 9)], ids=["spring", "autumn"]
)
def test_on_the_nights_of_the_clocks_a_visit_lasts_its_real_minutes(day: date, length: int):
    evening = datetime.combine(day - timedelta(days=1), datetime.min.time(), ROME).astimezone(UTC)
    night = open_at("sat 22:00-24:00", "sun 00:00-06:00", since=evening)
    wide = ((evening, evening + slots.AHEAD),)
    wanted = a_visit(minutes=length * 60, site=wide, line=wide, earliest=evening)

    first = slots.find(wanted, [an_engineer(hours=night)]).slots[0]

    assert first.start.astimezone(ROME).hour == 22
    assert first.end.astimezone(ROME).hour == 6
    assert first.end - first.start == timedelta(hours=length)


_NEAR = st.sampled_from([rome("2026-03-02 09:00"), rome("2026-03-27 09:00"), rome("2026-10-23 20:00")])
_HOURS = st.sampled_from(
    [
        ("mon-fri 09:00-13:00", "mon-fri 14:00-18:00"),
        ("mon-sun 00:00-24:00",),
        ("sat 20:00-24:00", "sun 00:00-08:00"),
        ("mon-sun 21:30-24:00", "mon-sun 00:00-06:00"),
    ]
)


@st.composite
def _bookings(draw: st.DrawFn) -> list[tuple[int, int, bool]]:
    return draw(
        st.lists(st.tuples(st.integers(-300, 20_000), st.integers(1, 3000), st.booleans()), max_size=12)
    )


@settings(max_examples=25, deadline=None)
@given(
    near=_NEAR,
    site=_HOURS,
    line=_HOURS,
    works=st.lists(_HOURS, min_size=1, max_size=4),
    busy=st.lists(_bookings(), min_size=4, max_size=4),
    minutes=st.integers(15, 300),
    lead=st.integers(0, 3000),
    count=st.integers(1, 3),
    know=st.integers(0, 3),
)
def test_every_offer_lies_in_all_hours_clear_of_bookings_and_of_the_others(
    near, site, line, works, busy, minutes, lead, count, know
):
    engineers = [
        Engineer(
            id=str(n),
            skills=frozenset({"Network"} if n <= know else ()),
            hours=open_at(*hours, since=near),
            booked=[
                Booked(
                    since=near + timedelta(minutes=begins),
                    until=near + timedelta(minutes=begins + lasts),
                    travel=travel,
                )
                for begins, lasts, travel in busy[n]
            ],
        )
        for n, hours in enumerate(works)
    ]
    wanted = Wanted(
        minutes=minutes,
        skills=frozenset({"Network"}),
        site=open_at(*site, since=near),
        line=open_at(*line, since=near),
        earliest=near + timedelta(minutes=lead),
        zone=ROME,
        count=count,
    )

    found = slots.find(wanted, engineers)

    assert bool(found.slots) != bool(found.why)
    assert len({one.start for one in found.slots}) == len(found.slots)
    here = {one.id: one for one in engineers}
    for one in found.slots:
        crew = {one.engineer, *one.others}
        assert len(crew) == count == 1 + len(one.others)
        assert wanted.skills <= here[one.engineer].skills
        assert one.end - one.start == timedelta(minutes=minutes)
        everybody = [here[who] for who in (one.engineer, *one.others)]
        assert slots.obstacle(wanted, everybody, one.start, now=near - timedelta(seconds=1)) is None
        for other in found.slots:
            if other is not one and crew & {other.engineer, *other.others}:
                assert one.end + WAY <= other.start or other.end + WAY <= one.start
    if found.slots:
        assert min(one.start for one in found.slots) == found.slots[0].start


_QUARTERS = st.integers(0, 40)
_SPANS = st.lists(st.tuples(_QUARTERS, st.integers(1, 24)), max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    works=st.lists(_SPANS, min_size=1, max_size=4),
    busy=st.lists(_SPANS, min_size=4, max_size=4),
    minutes=st.integers(10, 150),
    count=st.integers(1, 3),
    know=st.integers(0, 3),
)
def test_the_first_offer_is_the_first_at_which_enough_of_them_can_come(works, busy, minutes, count, know):
    def spans(quarters: list[tuple[int, int]]) -> list[tuple[datetime, datetime]]:
        joined: list[tuple[datetime, datetime]] = []
        for begins, lasts in sorted(quarters):
            since = NOW + timedelta(minutes=slots.STEP * begins)
            until = since + timedelta(minutes=slots.STEP * lasts)
            if joined and since <= joined[-1][1]:
                since, until = joined[-1][0], max(until, joined.pop()[1])
            joined.append((since, until))
        return joined

    engineers = [
        an_engineer(
            str(n),
            skills=frozenset({"Network"} if n <= know else ()),
            hours=spans(hours),
            booked=[Booked(since=since, until=until) for since, until in spans(busy[n])],
        )
        for n, hours in enumerate(works)
    ]
    wanted = a_visit(minutes=minutes, count=count)

    found = slots.find(wanted, engineers)

    assert [one.start for one in found.slots[:1]] == _first_by_trying(wanted, engineers)


def _first_by_trying(wanted: Wanted, engineers: list[Engineer]) -> list[datetime]:
    """The first quarter of an hour at which enough of them can come, one of whom knows what is needed; none where there is none."""
    anybody = replace(wanted, skills=frozenset())
    before = NOW - timedelta(days=1)
    for n in range(70):
        start = NOW + timedelta(minutes=slots.STEP * n)
        able = [one for one in engineers if slots.obstacle(anybody, [one], start, now=before) is None]
        if len(able) >= wanted.count and any(wanted.skills <= one.skills for one in able):
            return [start]
    return []
