"""Figures of a period from what was recorded: visits, vendors, problems, and what was used, each with its tickets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.rules.figures import Problem, Used, figures
from core.rules.past import Check, Deed, past

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
OPENED = SINCE + timedelta(days=2)


def deed(kind: str, *, hours: float = 1, **data) -> Deed:
    at = OPENED + timedelta(hours=hours)
    return Deed(kind, at, at, data)


def stood(number: str, *deeds: Deed, since: datetime = SINCE, until: datetime = UNTIL):
    opened = Deed("ticket.opened", OPENED, OPENED, {})
    return past(
        [opened, *deeds],
        Check(OPENED, "C-1", "All", "Incident", "Network", "sw-1", ""),
        [],
        number=number,
        subject="",
        channel="email",
        received_at=OPENED,
        policies={},
        since=since,
        until=until,
        agreed=frozenset(),
        reopened_within=864000.0,
    )


def value(found, name: str, about: str = ""):
    return next((one.value, one.tickets) for one in found.figures if (one.name, one.about) == (name, about))


def test_visits_and_vendors_are_counted_where_they_ended_and_nothing_of_them_is_a_first_contact():
    done = stood(
        "26-000001",
        deed("visit.planned", visit="v1"),
        deed("visit.confirmed", visit="v1", start="2026-10-04T08:00:00+00:00"),
        deed("visit.check_out", visit="v1", hours=30),
        deed("visit.planned", visit="v2"),
        deed("visit.no_access", visit="v2", hours=40),
        deed("ticket.resolve", hours=50, to="resolved", cause="hardware"),
    )
    waits = stood(
        "26-000002",
        deed("vendor.made", vendor_case="c1"),
        deed("vendor.made", vendor_case="c2"),
        deed("visit.planned", visit="v3"),
        deed("visit.moved", visit="v3", start="2026-11-04T08:00:00+00:00"),
        deed("visit.late"),
        deed("ticket.wait_vendor", to="waiting_vendor"),
        deed("problem.linked", problem="p1"),
        deed("problem.linked", problem="p2"),
        deed("problem.unlinked", problem="p1"),
    )
    alone = stood("26-000003", deed("ticket.resolve", to="resolved", cause="hardware"))
    assert waits.problems == ("p2",)

    found = figures(
        [waits, done, alone],
        until=UNTIL,
        vendors={"c1": "Cumulus"},
        used=[Used("C-1", "All", "visits", 1, None, ("26-000001",))],
        problems=[Problem(2, "", ("26-000002",))],
    )
    assert value(found, "done") == (1, ("26-000001",))
    assert value(found, "no_access") == (1, ("26-000001",))
    assert value(found, "agreed") == (1, ("26-000002",))
    assert found.planned == ({"number": "26-000002", "start": "2026-11-04T08:00:00+00:00"},)
    assert value(found, "cases", "Cumulus") == (1, ("26-000002",))
    assert value(found, "cases", "-") == (1, ("26-000002",))
    assert value(found, "first_contact_rate") == (50.0, ("26-000003",))
    assert value(found, "assets", "sw-1") == (2, ("26-000001", "26-000003"))
    assert value(found, "problem", "2") == (1, ("26-000002",))
    assert value(found, "used", "C-1 All") == (1, ("26-000001",))
    assert not [one for one in found.figures if one.name == "left"], "it is measured against nothing"


def test_what_is_recorded_in_another_period_is_in_that_one():
    later = UNTIL + timedelta(days=1)
    one = [Deed("ticket.resolve", OPENED, later, {"to": "resolved", "cause": "network"})]
    assert stood("26-000001", *one).open
    november = stood("26-000001", *one, since=UNTIL, until=UNTIL + timedelta(days=30))
    assert (november.arrived, november.resolved_at, november.open) == (False, OPENED, False)
