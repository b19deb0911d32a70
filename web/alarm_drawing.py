"""How is a tree of things drawn, and what a thing went through? Places of boxes, lines and bars; the page writes them as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.desk.alert_looking import Episode
from core.desk.alert_tree import Node

WIDTH, HEIGHT = 176, 40  # of a box
ACROSS, DOWN = 224, 52  # from one box to the next
WELL, ILL = 6, 24
"""Boxes below one thing that are drawn of those that are well, and of those that are not; the rest is counted."""
DEEP = 30
"""Steps that are drawn: below, the rest is counted."""
DAYS = 7
STRIP = 1000  # wide


@dataclass(slots=True, kw_only=True)
class Branch:
    """A thing with what hangs on it, worst first."""

    node: Node
    below: list[Branch] = field(default_factory=list)
    rest: int = 0
    """Further things that are well and are not named."""
    rest_ill: int = 0
    """Further things that are not."""
    ill: int = 0
    """Things that are not well, this one among them."""
    size: int = 0
    """Things, this one among them."""
    x: float = 0
    y: float = 0

    def walk(self) -> Iterator[Branch]:
        """This one and all that is named below."""
        yield self
        for one in self.below:
            yield from one.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A tree that has its places."""

    width: float
    height: float
    roots: tuple[Branch, ...]

    @property
    def boxes(self) -> tuple[Branch, ...]:
        """In the order in which they are read."""
        return tuple(one for root in self.roots for one in root.walk())

    @property
    def lines(self) -> tuple[str, ...]:
        """Paths from each thing to what hangs on it."""
        found = []
        for one in self.boxes:
            for below in one.below:
                x, y = one.x + WIDTH, one.y + HEIGHT / 2
                middle, end = x + (ACROSS - WIDTH) / 2, below.y + HEIGHT / 2
                found.append(f"M{x:g} {y:g}H{middle:g}V{end:g}H{below.x:g}")
        return tuple(found)


def tree(nodes: Sequence[Node]) -> Picture:
    """The picture of a customer's things. A circle of parents is opened where it closes."""
    names = {one.name for one in nodes}
    parents = {one.name: one.parent for one in nodes if one.parent in names}
    for name in names:
        if _circles(name, parents):
            del parents[name]
    branches = {one.name: Branch(node=one) for one in nodes}
    for name, parent in parents.items():
        branches[parent].below.append(branches[name])
    for one in nodes:
        at: str | None = one.name
        while at is not None:
            branches[at].size += 1
            branches[at].ill += one.state != "well"
            at = parents.get(at)
    roots = sorted((branches[name] for name in names if name not in parents), key=_order)
    for root in roots:
        _cut(root, 0)
    height = 0.0
    for root in roots:
        height = _put(root, 0, height)
    boxes = [one for root in roots for one in root.walk()]
    width = max((one.x for one in boxes), default=0) + WIDTH + 2
    return Picture(width=width, height=max(height, DOWN), roots=tuple(roots))


def _circles(name: str, parents: dict[str, str]) -> bool:
    seen, at = set(), name
    while at in parents and at not in seen:
        seen.add(at)
        at = parents[at]
    return at == name and bool(seen)


def _order(one: Branch) -> tuple[bool, int, str]:
    return one.ill == 0, 0 if one.below else 1, one.node.name


def _cut(one: Branch, depth: int) -> None:
    one.below.sort(key=_order)
    shown: list[Branch] = []
    for below in one.below:
        well = below.ill == 0
        count = sum((other.ill == 0) == well for other in shown)
        if depth + 1 < DEEP and count < (WELL if well else ILL):
            shown.append(below)
            continue
        one.rest_ill += below.ill
        one.rest += below.size - below.ill
    one.below = shown
    for below in shown:
        _cut(below, depth + 1)


def _put(one: Branch, depth: int, y: float) -> float:
    """Give it and all below their places from `y` on; return where the next begins."""
    one.x, top = depth * ACROSS + 1, y
    for below in one.below:
        y = _put(below, depth + 1, y)
    y = max(y, top + DOWN)
    one.y = top + 1
    return y + (16 if one.rest or one.rest_ill else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An episode in the strip of the last days."""

    x: float
    width: float
    episode: Episode


def bars(
    episodes: Sequence[Episode], now: datetime
) -> tuple[tuple[Bar, ...], tuple[tuple[float, datetime], ...]]:
    """Episodes of the last DAYS as bars, and where each day begins, 24 hours apart."""
    since = now - timedelta(days=DAYS)
    span = timedelta(days=DAYS)
    drawn = []
    for one in episodes:
        begins, ends = max(one.started_at, since), min(one.ended_at or now, now)
        if ends < since or begins > now:
            continue
        width = max(3.0, STRIP * ((ends - begins) / span))
        x = min(STRIP * ((begins - since) / span), STRIP - width)  # what has just begun is seen as well
        drawn.append(Bar(x=round(x, 1), width=round(width, 1), episode=one))
    marks = [(STRIP * n / DAYS, since + timedelta(days=n)) for n in range(1, DAYS)]
    return tuple(drawn), tuple(marks)
