"""A flow is drawn from its start to the right, every way out stands in its box, and nothing lies on anything else."""

from __future__ import annotations

import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from ivr.flow import of_plain
from ivr.picture import HEAD, WIDTH, Drawing, mermaid, picture
from tests.ivr.flows import SHIPPED, SMALL, small

DEFAULT = of_plain(SHIPPED)


def boxes(drawing: Drawing):
    return {box.name: box for box in drawing.boxes}


def apart(drawing: Drawing) -> bool:
    """No two boxes touch."""
    return not any(
        one.x < two.x + WIDTH
        and two.x < one.x + WIDTH
        and one.y < two.y + two.height
        and two.y < one.y + one.height
        for one, two in combinations(drawing.boxes, 2)
    )


def test_every_node_is_a_box_of_its_kind_within_the_drawing_and_none_lies_on_another():
    drawing = picture(DEFAULT)

    assert {name: box.kind for name, box in boxes(drawing).items()} == {
        name: node["type"] for name, node in SHIPPED["nodes"].items()
    }
    assert apart(drawing)
    for box in drawing.boxes:
        assert 0 <= box.x <= box.x + box.width < drawing.width
        assert 0 <= box.y <= box.y + box.height < drawing.height


def test_every_way_out_stands_in_its_box_with_what_leads_there():
    found = boxes(picture(small()))["ask"]

    assert [(one.labels, one.goto) for one in found.exits] == [
        (("1",), "pin"),
        (("2",), "queue"),
        (("3",), "message"),
        (("no_input", "invalid"), "bye"),
    ]
    for box in picture(DEFAULT).boxes:
        led = {goto for _, goto, _ in DEFAULT.nodes[box.name].leads()}
        assert {one.goto for one in box.exits} == led
        assert all(HEAD < one.y < box.height for one in box.exits)


def test_what_is_drawn_goes_to_the_right_and_the_rest_is_named():
    drawing = picture(DEFAULT)
    found = boxes(drawing)
    drawn = {(line.source, line.target) for line in drawing.lines}

    assert {(box.name, one.goto) for box in drawing.boxes for one in box.exits if one.drawn} == drawn
    assert all(found[source].x < found[target].x for source, target in drawn)
    for line in drawing.lines:
        assert line.points[0][0] == found[line.source].x + WIDTH
        assert line.points[-1] == (found[line.target].x, found[line.target].y + HEAD / 2)
        assert list(line.points) == sorted(line.points, key=lambda point: point[0])
    assert not [way for way in drawn if way[1] == "to_person"][1:]  # everybody goes there


def test_every_node_but_the_start_is_drawn_to_where_a_caller_comes_from():
    drawing = picture(DEFAULT)

    assert {line.target for line in drawing.lines} == set(DEFAULT.nodes) - {DEFAULT.start}


def crossings(drawing: Drawing) -> int:
    """How often straight lines between the same two ranks cross."""
    pieces = [
        (one, two) for line in drawing.lines for one, two in zip(line.points, line.points[1:], strict=False)
    ]
    return sum(
        1
        for (a, b), (c, d) in combinations(pieces, 2)
        if a[0] == c[0] and b[0] == d[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0
    )


def test_few_lines_of_the_shipped_flow_cross():
    assert crossings(picture(DEFAULT)) <= 12


def test_the_same_flow_is_drawn_the_same():
    assert picture(DEFAULT) == picture(of_plain(SHIPPED))


def test_a_box_that_somebody_moved_stays_where_it_was_put():
    flow = small(lambda plain: plain.update(metadata={"layout": {"bye": {"x": 900, "y": 12.5}}}))

    drawing = picture(flow)

    assert (boxes(drawing)["bye"].x, boxes(drawing)["bye"].y) == (900, 12.5)
    assert all(line.points[-1] == (900, 12.5 + HEAD / 2) for line in drawing.lines if line.target == "bye")
    assert drawing.width >= 900 + WIDTH


layouts = st.recursive(
    st.none() | st.integers(-5, 200_000) | st.text(max_size=3) | st.booleans(),
    lambda inside: st.dictionaries(st.sampled_from(["ask", "bye", "x", "y"]), inside, max_size=3),
    max_leaves=6,
)


@given(layouts)
def test_whatever_stands_for_a_layout_the_flow_is_drawn(layout):
    drawing = picture(small(lambda plain: plain.update(metadata={"layout": layout})))

    assert len(drawing.boxes) == len(SMALL["nodes"])
    assert drawing.width < 110_000


NAMES = [f"n{number}" for number in range(8)]


@given(st.lists(st.lists(st.sampled_from([*NAMES, "nowhere"]), max_size=5), min_size=8, max_size=8))
def test_any_flow_can_be_drawn(ways):
    """Circles, ways to nowhere and to itself, and nodes nobody comes to among them."""
    nodes = {
        name: {"type": "action", "call": "x", "branches": {f"b{n}": goto for n, goto in enumerate(gotos)}}
        for name, gotos in zip(NAMES, ways, strict=True)
    }
    flow = of_plain(SMALL | {"nodes": nodes, "start": "n0", "limits": {"then": "nowhere"}})

    drawing = picture(flow)

    assert set(boxes(drawing)) == set(NAMES)
    assert apart(drawing)
    assert mermaid(flow).count("-->") == sum(len(set(gotos) - {"nowhere"}) for gotos in ways)


def test_a_line_leaves_and_arrives_level():
    (line,) = [one for one in picture(small()).lines if (one.source, one.target) == ("who", "ask")]

    assert re.fullmatch(r"M\S+ \S+ C\S+ \S+ \S+ \S+ \S+ \S+", line.path)


def test_the_flow_is_a_mermaid_chart_too():
    lines = mermaid(small(lambda plain: plain["nodes"].update({'say "no"': {"type": "hangup"}}))).splitlines()

    assert lines[0] == "flowchart LR"
    assert '  n1{"ask"}' in lines
    assert '  n6(["say #34;no#34;"])' in lines
    assert '  n1 -->|"no_input · invalid"| n5'.replace("_", "_") in lines
    assert "  n0 -->" in "".join(lines)
