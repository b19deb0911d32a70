"""How is a flow drawn? Boxes in ranks from its start, left to right, each with a line for every way out of it.

A way to the next ranks is drawn; one that goes back, far ahead, or to where everybody goes is named in its line, or the
drawing would be nothing but crossings. Positions under `metadata.layout` win. No pixel of colour here: see the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

from ivr.flow import Flow, Node

WIDTH, HEAD, LINE, FOOT = 232, 40, 20, 8
"""Of a box: its width, its title, each way out, and what is left below."""
ACROSS, DOWN, MARGIN = 84, 26, 24
"""Between ranks, between boxes of a rank, around everything."""
LEAP = 4
"""Ranks that a drawn way crosses at most."""
CROWD = 5
"""A node that this many nodes lead to is drawn to from the first of them only."""
SWEEPS = 24

Way = tuple[str, str]
"""From one node to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A way out of a node, with everything that leads there."""

    labels: tuple[str, ...]
    """Keys, answers, no_input …; empty: it simply goes on."""
    goto: str
    y: float
    """Of the middle of its line, from the top of the box."""
    drawn: bool
    """Else it is only named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node."""

    name: str
    kind: str
    """menu, collect, say …"""
    x: float
    y: float
    height: float
    exits: tuple[Exit, ...]

    @property
    def width(self) -> float:
        """All are alike."""
        return WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A drawn way, as points from its exit to its node."""

    source: str
    target: str
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """For the `d` of a path: curves that leave and arrive level."""
        (x, y), *others = self.points
        made = [f"M{x:g} {y:g}"]
        for to_x, to_y in others:
            bend = max(24.0, abs(to_x - x) / 2)
            made.append(f"C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x:g} {to_y:g}")
            x, y = to_x, to_y
        return " ".join(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything, with the room it needs."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float


def picture(flow: Flow) -> Drawing:
    """The flow, drawn. A flow with ways to nowhere can be drawn too."""
    ways = {name: _ways(flow, node) for name, node in flow.nodes.items()}
    ranks, drawn = _ranks(flow, _drawn(flow, ways))
    columns, chains = _columns(flow, ranks, drawn)
    boxes = {
        name: Box(
            name=name,
            kind=kind_of(node),
            x=MARGIN + ranks[name] * (WIDTH + ACROSS),
            y=0,
            height=HEAD + LINE * len(ways[name]) + FOOT,
            exits=tuple(
                Exit(
                    labels=labels,
                    goto=goto,
                    y=HEAD + LINE * (place + 0.5),
                    drawn=(name, goto) in drawn,
                )
                for place, (goto, labels) in enumerate(ways[name].items())
            ),
        )
        for name, node in flow.nodes.items()
    }
    heights = _heights(columns, chains, boxes)
    top = min((y for y in heights.values()), default=0.0)
    placed = {name: replace(box, y=heights[name] - top + MARGIN) for name, box in boxes.items()}
    placed = {name: _by_hand(flow, box) for name, box in placed.items()}
    moved = {name for name in placed if placed[name].x != boxes[name].x}
    bends = {name: y - top + MARGIN for name, y in heights.items()}
    return Drawing(
        boxes=tuple(placed.values()),
        lines=tuple(_lines(placed, moved, chains, bends)),
        width=max((box.x for box in placed.values()), default=0) + WIDTH + MARGIN,
        height=max((box.y + box.height for box in placed.values()), default=0) + MARGIN,
    )


def kind_of(node: Node) -> str:
    """How the JSON calls it: menu, collect, say …"""
    return str(node.__struct_config__.tag)


def _ways(flow: Flow, node: Node) -> dict[str, tuple[str, ...]]:
    """Where a node leads, each with everything that leads there."""
    made: dict[str, tuple[str, ...]] = {}
    for label, goto, _ in node.leads():
        made[goto] = (*made.get(goto, ()), *([label] if label else []))
    return made


def _drawn(flow: Flow, ways: Mapping[str, Mapping[str, Any]]) -> list[Way]:
    """Ways that are not to where everybody goes, or the first of those."""
    depths = _depths(flow, ways)
    into: dict[str, list[str]] = {}
    for name in depths:
        for goto in ways[name]:
            if goto in flow.nodes and goto != name:
                into.setdefault(goto, []).append(name)
    return [
        (name, goto)
        for name, depth in depths.items()
        for goto in ways[name]
        if name in into.get(goto, ())
        and (len(into[goto]) < CROWD or into[goto][0] == name)
        and depths[goto] >= depth
    ]


def _depths(flow: Flow, ways: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """How many nodes a caller at least comes through before each; nearest first, those nobody comes to last."""
    depths: dict[str, int] = {}
    for start in (flow.start, flow.limits.then, *flow.nodes):
        todo = [(start, 0)] if start in flow.nodes else []
        for name, depth in todo:
            if name not in depths:
                depths[name] = depth
                todo += [(goto, depth + 1) for goto in ways[name] if goto in flow.nodes]
    return depths


def _ranks(flow: Flow, ways: Sequence[Way]) -> tuple[dict[str, int], set[Way]]:
    """How far right each node stands, and the ways that are drawn: forward, and not too far."""
    after: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for source, target in ways:
        after[source].append(target)
    back = _backward(flow, after)
    into: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for way in ways:
        if way not in back:
            into[way[1]].append(way[0])
    ranks: dict[str, int] = {}
    for name in _sources_first(into):
        ranks[name] = max((ranks[source] + 1 for source in into[name]), default=0)
    return ranks, {way for way in ways if way not in back and ranks[way[1]] - ranks[way[0]] <= LEAP}


def _backward(flow: Flow, after: Mapping[str, Sequence[str]]) -> set[Way]:
    """Ways that lead to a node one came through: without them nothing goes round."""
    back: set[Way] = set()
    done: set[str] = set()
    for start in (flow.start, *flow.nodes):
        if start not in after or start in done:
            continue
        path = {start: iter(after[start])}
        while path:
            name, more = next(reversed(path.items()))
            target = next(more, None)
            if target is None:
                done.add(name)
                del path[name]
            elif target in path:
                back.add((name, target))
            elif target not in done:
                path[target] = iter(after[target])
    return back


def _sources_first(into: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Each node after all that lead to it; nothing goes round."""
    left = {name: set(sources) for name, sources in into.items()}
    onward: dict[str, list[str]] = {}
    for name, sources in left.items():
        for source in sources:
            onward.setdefault(source, []).append(name)
    todo = [name for name, sources in left.items() if not sources]
    for name in todo:
        yield name
        for target in onward.get(name, ()):
            left[target].discard(name)
            if not left[target]:
                todo.append(target)


Stop = tuple[str, ...]
"""A node, or a bend of a way on a rank between: (source, target, rank)."""


def _columns(
    flow: Flow, ranks: Mapping[str, int], drawn: Iterable[Way]
) -> tuple[list[list[Stop]], dict[Way, list[Stop]]]:
    """What stands on each rank, top down with few crossings, and the stops of each way."""
    columns: list[list[Stop]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    chains: dict[Way, list[Stop]] = {}
    for name in flow.nodes:
        columns[ranks[name]].append((name,))
    for source, target in sorted(drawn, key=lambda way: (ranks[way[0]], way)):
        bends = [(source, target, str(rank)) for rank in range(ranks[source] + 1, ranks[target])]
        for bend in bends:
            columns[int(bend[2])].append(bend)
        chains[source, target] = [(source,), *bends, (target,)]
    before: dict[Stop, list[tuple[Stop, float]]] = {}
    after: dict[Stop, list[tuple[Stop, float]]] = {}
    for (source, target), chain in chains.items():
        exits = list(_ways(flow, flow.nodes[source]))
        port = exits.index(target) / (len(exits) + 1)  # the upper of two lines leads to the upper box
        for place, (one, two) in enumerate(pairwise(chain)):
            before.setdefault(two, []).append((one, port if place == 0 else 0.0))
            after.setdefault(one, []).append((two, port if place == 0 else 0.0))
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            places = {stop: place for one in columns for place, stop in enumerate(one)}
            near = before if forward else after
            column.sort(
                key=lambda stop, near=near, places=places, forward=forward: (  # type: ignore[misc]
                    sum(places[one] + port * forward for one, port in near[stop]) / len(near[stop])
                    if near.get(stop)
                    else places[stop]
                )
            )
        if (crossings := _crossings(columns, after)) < fewest:
            best, fewest = [list(column) for column in columns], crossings
    return best, chains


def _crossings(columns: Sequence[Sequence[Stop]], after: Mapping[Stop, Sequence[tuple[Stop, float]]]) -> int:
    places = {stop: place for column in columns for place, stop in enumerate(column)}
    found = 0
    for column in columns:
        ways = [(places[stop] + port, places[to]) for stop in column for to, port in after.get(stop, ())]
        found += sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(ways, 2))
    return found


def _heights(
    columns: Sequence[Sequence[Stop]], chains: Mapping[Way, Sequence[Stop]], boxes: Mapping[str, Box]
) -> dict[Any, float]:
    """The upper edge of each box by name, and of each bend: as level with its neighbours as its rank allows."""
    room = {stop: boxes[stop[0]].height + DOWN if len(stop) == 1 else DOWN for one in columns for stop in one}
    tops: dict[Stop, float] = {}
    for column in columns:
        y = 0.0
        for stop in column:
            tops[stop] = y
            y += room[stop]
    links: list[tuple[Stop, float, Stop, float]] = []
    for (source, target), chain in chains.items():
        leave = next(one.y for one in boxes[source].exits if one.goto == target)
        for place, (one, two) in enumerate(pairwise(chain)):
            links.append((one, leave if place == 0 else 0.0, two, HEAD / 2 if len(two) == 1 else 0.0))
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            wanted: dict[Stop, list[float]] = {}
            for one, leaves, two, arrives in links:
                if forward and two in tops:
                    wanted.setdefault(two, []).append(tops[one] + leaves - arrives)
                else:
                    wanted.setdefault(one, []).append(tops[two] + arrives - leaves)
            _level(column, wanted, room, tops)
    return {stop[0] if len(stop) == 1 else stop: y for stop, y in tops.items()}


def _level(
    column: Sequence[Stop],
    wanted: Mapping[Stop, list[float]],
    room: Mapping[Stop, float],
    tops: dict[Stop, float],
) -> None:
    """Give each the place nearest to what it wants that keeps the order and the room: pooled averages."""
    pools: list[list[float]] = []  # each: sum of wishes, how many, stops in it
    offset = 0.0
    for stop in column:
        wish = wanted.get(stop)
        mine = sum(wish) / len(wish) if wish else tops[stop]
        pools.append([mine - offset, 1, 1])
        offset += room[stop]
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            total, weight, stops = pools.pop()
            pools[-1] = [pools[-1][0] + total, pools[-1][1] + weight, pools[-1][2] + stops]
    offset, place = 0.0, iter(column)
    for total, weight, stops in pools:
        for _ in range(int(stops)):
            stop = next(place)
            tops[stop] = total / weight + offset
            offset += room[stop]


def _by_hand(flow: Flow, box: Box) -> Box:
    """Where somebody put it, if they did."""
    layout = flow.metadata.get("layout")
    at = layout.get(box.name) if isinstance(layout, dict) else None
    if not isinstance(at, dict) or not all(_is_place(at.get(one)) for one in ("x", "y")):
        return box
    return replace(box, x=at["x"], y=at["y"])


def _is_place(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100_000  # noqa: PLR2004


def _lines(
    boxes: Mapping[str, Box],
    moved: Iterable[str],
    chains: Mapping[Way, Sequence[Stop]],
    bends: Mapping[Any, float],
) -> Iterator[Line]:
    for (source, target), chain in chains.items():
        one, two = boxes[source], boxes[target]
        leave = next(way.y for way in one.exits if way.goto == target)
        points = [(one.x + WIDTH, one.y + leave)]
        if source not in moved and target not in moved:
            for bend in chain[1:-1]:
                x = MARGIN + int(bend[2]) * (WIDTH + ACROSS)
                points += [(x, bends[bend]), (x + WIDTH, bends[bend])]
        points.append((two.x, two.y + HEAD / 2))
        yield Line(source=source, target=target, points=tuple(points))


# --- As text ----------------------------------------------------------------------------------------------------

_SHAPES = {
    "say": ("[", "]"),
    "action": ("{{", "}}"),
    "menu": ("{", "}"),
    "collect": ("[/", "/]"),
    "record": ("[(", ")]"),
    "queue": ("[[", "]]"),
    "hangup": ("([", "])"),
}


def mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart, for documents and reviews."""
    ids = {name: f"n{number}" for number, name in enumerate(flow.nodes)}
    out = ["flowchart LR"]
    for name, node in flow.nodes.items():
        opening, closing = _SHAPES[kind_of(node)]
        out.append(f'  {ids[name]}{opening}"{_quoted(name)}"{closing}')
    for name, node in flow.nodes.items():
        for goto, labels in _ways(flow, node).items():
            label = f'|"{_quoted(" · ".join(labels))}"|' if labels else ""
            if goto in ids:
                out.append(f"  {ids[name]} -->{label} {ids[goto]}")
    return "\n".join(out) + "\n"


def _quoted(text: str) -> str:
    """Mermaid knows entities by number only.

    >>> _quoted('say "no"')
    'say #34;no#34;'
    """
    return "".join(c if c.isalnum() or c in " _-·" else f"#{ord(c)};" for c in text)
