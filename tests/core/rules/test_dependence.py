"""What hangs on what across customers, whom it concerns, and what a storm of several of them hangs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.rules import dependence
from core.rules.correlation import STORM, STORM_WITHIN
from core.rules.dependence import Below, Companion, Concerned
from core.rules.outages import Asked, Bought, concerns

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RING, LINE, SWITCH, PC = ("US", "ring"), ("US", "line"), ("ACME", "switch"), ("ACME", "pc")
NET = {LINE: (RING,), SWITCH: (LINE,), PC: (SWITCH,), ("BETA", "till"): (RING,)}


def test_what_hangs_above_and_below_is_found_across_customers():
    assert dependence.above(NET[PC], NET) == (SWITCH, LINE, RING)
    below = dependence.below(NET)
    assert set(below[LINE]) == {SWITCH, PC}
    assert set(below[RING]) == {LINE, SWITCH, PC, ("BETA", "till")}
    assert PC not in below


def test_a_thing_that_hangs_on_two_is_found_below_both_and_nearest_come_first():
    on = {**NET, PC: (SWITCH, RING)}
    assert dependence.above(on[PC], on) == (SWITCH, RING, LINE)


def test_a_circle_is_named_once_and_asked_all_the_same():
    on = {**NET, RING: (PC,)}
    assert list(dependence.circles(on)) == [(PC, SWITCH, LINE, RING)]
    assert dependence.above(on[PC], on) == (SWITCH, LINE, RING, PC)
    assert PC in dependence.below(on)[RING]
    assert RING not in dependence.below(on)[RING]
    assert list(dependence.circles(NET)) == []


def test_customers_are_concerned_who_have_something_below_and_a_contract_for_it_but_not_the_owner():
    things = [
        Below(thing=PC, site="Verona", technology="Network"),
        Below(thing=SWITCH, site="Roma", technology="Network", covered=False),
        Below(thing=("GAMMA", "till"), covered=False),
        Below(thing=LINE, site="Here", technology="Network"),
    ]
    (acme,) = dependence.concerned(things, owner="US")
    assert acme == Concerned(customer="ACME", things=("pc",), sites=("Verona",), technologies=("Network",))


def test_the_scope_of_an_outage_is_theirs_and_nobody_elses():
    acme = Concerned(customer="ACME", things=("pc",), sites=("Verona",), technologies=("Network",))
    anywhere = Concerned(customer="BETA", things=("till",), sites=(), technologies=("Network",))
    where = dependence.scope([acme, anywhere])
    all_bought = [Bought()]
    assert concerns(where, Asked(customer="ACME", bought=all_bought))
    assert concerns(where, Asked(customer="BETA", bought=all_bought, sites=("Bristol",)))
    assert not concerns(where, Asked(customer="ACME", bought=all_bought, sites=("Roma",)))
    assert not concerns(where, Asked(customer="ACME", bought=all_bought, technologies=("Server",)))
    assert not concerns(where, Asked(customer="DELTA", bought=all_bought))
    of_anything = Concerned(customer="BETA", things=("till",), sites=(), technologies=())
    assert dependence.scope([acme, of_anything]).technologies == ()


def test_nobody_is_no_scope_because_an_empty_one_is_everybodys():
    with pytest.raises(ValueError, match="concerns nobody"):
        dependence.scope([])


def alarms(count: int, customer: str, *above, seconds: int = 0) -> list[Companion]:
    at = NOW - timedelta(seconds=seconds)
    return [Companion(customer=customer, at=at, above=above) for _ in range(count)]


def test_a_storm_is_laid_to_the_nearest_thing_that_several_customers_share():
    (acme,) = alarms(1, "ACME", SWITCH, LINE, RING)
    others = alarms(STORM - 2, "ACME", SWITCH, LINE, RING) + alarms(1, "BETA", LINE, RING)
    assert dependence.common(acme, others, now=NOW) == LINE
    others = alarms(STORM - 2, "ACME", SWITCH, LINE, RING) + alarms(1, "BETA", RING)
    assert dependence.common(acme, others, now=NOW) == RING


def test_it_is_no_shared_storm_of_one_customer_of_too_few_or_too_long_ago():
    (acme,) = alarms(1, "ACME", RING)
    assert dependence.common(acme, alarms(STORM, "ACME", RING), now=NOW) is None
    assert dependence.common(acme, alarms(STORM - 2, "BETA", RING), now=NOW) is None
    long_ago = int(STORM_WITHIN.total_seconds()) + 1
    assert dependence.common(acme, alarms(STORM, "BETA", RING, seconds=long_ago), now=NOW) is None
    assert dependence.common(acme, alarms(STORM - 1, "BETA", RING), now=NOW) == RING
    assert dependence.common(acme, alarms(STORM - 1, "US", RING), now=NOW) is None
