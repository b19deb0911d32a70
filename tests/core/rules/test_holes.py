"""Where is nobody there: intervals say the same as looking at every instant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.rules.holes import Bought, Cell, Covered, Gap, Hours, find, union
from core.rules.routing import WEIGHTS, Group, Rule

LENGTH = 24  # instants
NAMES = ("A", "B")
CUSTOMERS = ("acme", "beta")
TECHNOLOGIES = ("x", "y")
TYPES = ("p", "q")

spans = st.lists(
    st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(lambda pair: tuple(sorted(pair))),
    max_size=3,
).map(union)
some = st.sampled_from
rules = st.lists(
    st.builds(
        Rule,
        group=some((*NAMES, "gone")),
        technology=some((None, *TECHNOLOGIES)),
        request_type=some((None, *TYPES)),
        customer=some((None, *CUSTOMERS)),
        level=some((None, 1, 2)),
        calendar=some((None, "day")),
    ),
    max_size=5,
)
groups = st.tuples(some((None, *NAMES, "gone")), some((None, *NAMES)), some((1, 2))).map(
    lambda made: {
        "A": Group(name="A", fallback=made[0], level=made[2]),
        "B": Group(name="B", fallback=made[1]),
    }
)
hours = st.builds(
    Hours,
    groups=st.fixed_dictionaries(dict.fromkeys(NAMES, spans)),
    seconds=st.fixed_dictionaries(dict.fromkeys(NAMES, spans)),
    calendars=st.fixed_dictionaries({"day": spans}),
)
bought = st.lists(
    st.builds(
        Bought,
        technologies=some(((), ("x",), ("x", "y"))),
        request_types=some(((), ("q",))),
        open=spans,
    ),
    max_size=2,
).map(tuple)
customers = st.tuples(
    st.builds(Covered, customer=st.just("acme"), allowed=some(((), ("A",))), lines=bought),
    st.builds(Covered, customer=st.just("beta"), lines=bought),
)


def within(at: int, of: object) -> bool:
    return any(since <= at < until for since, until in of)


def looked_at(at, one, technology, kind, table, known, when) -> str | bool | None:
    """At one instant, the plain way: False when somebody is there or nobody need be, else the group that should."""
    if not any(
        technology in (line.technologies or TECHNOLOGIES)
        and kind in (line.request_types or TYPES)
        and within(at, line.open)
        for line in one.lines
    ):
        return False
    best = None
    for rule in table:
        group = known.get(rule.group)
        if group is None or (one.allowed and rule.group not in one.allowed):
            continue
        if rule.customer not in (None, one.customer) or rule.technology not in (None, technology):
            continue
        if rule.request_type not in (None, kind) or (rule.level or group.level) != 1:
            continue
        if rule.calendar is not None and not within(at, when.calendars[rule.calendar]):
            continue
        weight = sum(worth for name, worth in WEIGHTS.items() if getattr(rule, name) is not None)
        if best is None or weight > best[0]:
            best = (weight, rule.group)
    if best is None:
        return None
    name, seen = best[1], set()
    if within(at, when.seconds[name]):
        return False
    while name in known and name not in seen and (name == best[1] or not one.allowed or name in one.allowed):
        if within(at, when.groups[name]):
            return False
        seen.add(name)
        name = known[name].fallback
    return best[1]


@given(customers, rules, groups, hours)
def test_intervals_find_what_looking_at_every_instant_finds(who, table, known, when) -> None:
    found = find(who, TECHNOLOGIES, TYPES, table, known, when)

    for one in who:
        for technology in TECHNOLOGIES:
            for kind in TYPES:
                gaps = found.get(Cell(one.customer, technology, kind), ())
                for at in range(LENGTH):
                    here = [gap.group for gap in gaps if gap.since <= at < gap.until]
                    seen = looked_at(at, one, technology, kind, table, known, when)
                    assert here == ([] if seen is False else [seen])


def test_hours_that_touch_are_one_hole_and_it_names_the_group_that_should_be_there() -> None:
    line = Bought(open=((0, 10), (10, 20)))

    found = find(
        [Covered(customer="acme", lines=(line,))],
        ["x"],
        ["p"],
        [Rule(group="A")],
        {"A": Group(name="A")},
        Hours(groups={"A": ((0, 4), (18, 20))}, seconds={}, calendars={}),
    )

    assert found == {Cell("acme", "x", "p"): (Gap(4, 18, "A"),)}


def test_without_a_rule_nobody_is_there_though_some_group_would_know_how() -> None:
    found = find(
        [Covered(customer="acme", lines=(Bought(open=((0, 10),)),))],
        ["x"],
        ["p"],
        [],
        {"A": Group(name="A", technologies=("x",))},
        Hours(groups={"A": ((0, 10),)}, seconds={}, calendars={}),
    )

    assert found == {Cell("acme", "x", "p"): (Gap(0, 10, None),)}
