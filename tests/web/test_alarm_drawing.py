"""The picture of what hangs on what: everything has its place, nothing lies on anything else, and a storm fits in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from core.desk.alert_looking import Episode
from core.desk.alert_tree import Node
from web import alarm_drawing
from web.alarm_drawing import DOWN, ILL, WELL, tree

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)


def node(name, parent="", state="well"):
    return Node(name=name, parent=parent, site="", state=state, severity="")


def test_what_hangs_on_a_thing_stands_to_its_right_and_no_box_lies_on_another():
    picture = tree([node("core"), node("a", "core"), node("b", "core"), node("c", "a"), node("alone")])
    places = {one.node.name: (one.x, one.y) for one in picture.boxes}
    assert places["core"][0] < places["a"][0] < places["c"][0]
    assert len(set(places.values())) == 5
    for x in {x for x, _ in places.values()}:
        column = sorted(y for at, y in places.values() if at == x)
        assert all(below - above >= DOWN - 1 for above, below in pairwise(column))
    assert len(picture.lines) == 3


def test_what_is_down_comes_first_and_the_rest_is_counted():
    well = [node(f"w{n:03}", "core") for n in range(50)]
    ill = [node(f"d{n:03}", "core", "behind") for n in range(450)]
    (root,) = tree([*well, *ill, node("core", state="down")]).roots
    assert [one.node.state for one in root.below] == ["behind"] * ILL + ["well"] * WELL
    assert (root.rest_ill, root.rest) == (450 - ILL, 50 - WELL)


def test_a_circle_of_parents_and_a_parent_that_is_not_there_are_drawn_all_the_same():
    picture = tree([node("a", "b"), node("b", "a"), node("c", "gone")])
    assert {one.node.name for one in picture.boxes} == {"a", "b", "c"}


def test_a_very_long_chain_is_drawn_as_far_as_anybody_reads():
    chain = [node(f"n{n:04}", f"n{n - 1:04}" if n else "") for n in range(900)]
    picture = tree(chain)
    assert len(picture.boxes) == alarm_drawing.DEEP
    assert picture.boxes[-1].rest == 900 - alarm_drawing.DEEP


def test_episodes_of_the_last_days_are_bars_and_one_that_goes_on_reaches_to_now():
    def episode(n, begins, ends):
        at = NOW - timedelta(days=begins)
        over = None if ends is None else NOW - timedelta(days=ends)
        return Episode(n=n, started_at=at, ended_at=over, worst="major", count=1, ticket="")

    bars, marks = alarm_drawing.bars([episode(1, 9, 8), episode(2, 8, 6), episode(3, 0.5, None)], NOW)
    assert [one.episode.n for one in bars] == [2, 3]
    assert (bars[0].x, round(bars[1].x + bars[1].width)) == (0, 1000)
    assert len(marks) == 6
    ((just_now,), _) = alarm_drawing.bars([episode(1, 0, None)], NOW)
    assert (just_now.width, just_now.x + just_now.width) == (3, 1000)
