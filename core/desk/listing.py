"""How is a list read page by page? Walks along an index from a cursor on, merged in the order of the list.

A list is one or more walks: "my groups" is one per group, "waiting" one per state. Each walk names the columns it
holds equal, which are the head of an index whose tail is the order of the list; so a page costs what it shows,
however many tickets there are. All other conditions are tested on the way; where few rows may meet them, a page looks
through so many rows and no more (`edge`), and the next goes on from there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
)

from core.desk.errors import invalid
from core.store.columns import Id
from core.store.tx import Prepared, Tx

MAX_PAGE = 200  # rows
_MOST = 2**63 - 1
"""What a whole number of a column can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order that ends in an id, so that every row has its place."""

    name: str
    columns: tuple[ColumnElement[Any], ...]
    descending: bool = False

    def by(self, *, sort: bool) -> list[Any]:
        """For ORDER BY. `sort`: not as the order of an index."""
        columns = [hidden(column) for column in self.columns] if sort else self.columns
        return [column.desc() if self.descending else column.asc() for column in columns]

    def beyond(self, *, sort: bool) -> ColumnElement[bool]:
        """Rows behind the cursor's; its values are after_0, after_1 …"""
        columns = [hidden(column) for column in self.columns] if sort else list(self.columns)
        last = [bindparam(f"after_{n}", type_=column.type) for n, column in enumerate(self.columns)]
        if len(last) == 1:
            return columns[0] < last[0] if self.descending else columns[0] > last[0]
        mine, cursor = tuple_(*columns), tuple_(*last)
        return mine < cursor if self.descending else mine > cursor


@dataclass(frozen=True, slots=True)
class Walk:
    """Columns that are held equal, by name. None: IS NULL. An empty walk follows the order's own index."""

    held: tuple[tuple[str, Any], ...] = ()
    also: tuple[ColumnElement[bool], ...] = ()
    """Fixed conditions that belong to the head of the index as well."""
    sort: bool = False
    """The index has another order: what is held must be few rows, and these are sorted."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """What of it is in the text of the statement."""
        held = tuple((name, value is None) for name, value in self.held)
        return held, tuple(str(condition) for condition in self.also), self.sort

    @property
    def values(self) -> dict[str, Any]:
        """What fills it."""
        return {f"held_{name}": value for name, value in self.held if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A further condition: `shape` tells its text from others', `values` fill it."""

    shape: tuple[Any, ...]
    build: Callable[[], ColumnElement[bool]]
    values: Mapping[str, Any] = field(default_factory=dict)


def hidden(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value, which no planner takes for a column of an index: the walk has been chosen already."""
    if isinstance(column.type, Id):
        return func.coalesce(column, column, type_=column.type)
    if isinstance(column.type, BigInteger):
        return column + literal_column("0")
    return column.concat(literal_column("''"))


def page_keys(
    tx: Tx,
    table: Table,
    walks: Sequence[Walk],
    order: Order,
    conditions: Sequence[Condition],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Keys of one page (the order's columns, the id last), and the cursor of the next.

    Raises Invalid for a cursor that is not ours.
    """
    limit = max(1, min(limit, MAX_PAGE))
    after = read_cursor(cursor, order)
    values: dict[str, Any] = {"n": limit + 1}
    for condition in conditions:
        values |= condition.values
    if after is not None:
        values |= {f"after_{n}": value for n, value in enumerate(after)}
    found: set[tuple[Any, ...]] = set()  # a ticket may lie on two walks
    for walk in walks:
        statement = _walk(table, walk, order, conditions, further=after is not None)
        found.update(tuple(row) for row in tx.all(statement, **values, **walk.values))
    keys = sorted(found, reverse=order.descending)
    if len(keys) <= limit:
        return keys, None
    return keys[:limit], write_cursor(order, keys[limit - 1])


def edge(
    tx: Tx, table: Table, walk: Walk, order: Order, *, cursor: str | None, rows: int
) -> tuple[Any, ...] | None:
    """The key so many rows along a walk from the cursor on; None: it ends before. Raises Invalid for a cursor that is not ours."""
    after = read_cursor(cursor, order)
    values = {} if after is None else {f"after_{n}": value for n, value in enumerate(after)}
    shape = (table.name, "edge", walk.shape, order.name, after is not None)
    known = _statements.get(shape)
    if known is None:
        walked = _build(table, walk, order, (), further=after is not None)
        known = _statements[shape] = Prepared(walked.offset(bindparam("rows", type_=Integer)))
    row = tx.one(known, n=1, rows=rows - 1, **values, **walk.values)
    return None if row is None else tuple(row)


def until(order: Order, key: Sequence[Any]) -> Condition:
    """Rows that are not beyond this key; the first column of the order is a whole number.

    What has two ends is taken for little, also by a planner that was told nothing of the table: it goes along the index.
    """
    first, columns = order.columns[0], tuple_(*order.columns)
    last = [bindparam(f"edge_{n}", type_=column.type) for n, column in enumerate(order.columns)]

    def build() -> ColumnElement[bool]:
        if order.descending:
            return first.between(last[0], literal_column(str(_MOST))) & (columns >= tuple_(*last))
        return first.between(literal_column(str(-_MOST)), last[0]) & (columns <= tuple_(*last))

    return Condition(
        shape=("until", order.name),
        build=build,
        values={f"edge_{n}": value for n, value in enumerate(key)},
    )


def write_cursor(order: Order, key: Sequence[Any]) -> str:
    """Opaque text for the place behind this row."""
    return base64.urlsafe_b64encode(msgspec.json.encode([order.name, *key])).decode().rstrip("=")


def read_cursor(cursor: str | None, order: Order) -> list[Any] | None:
    """The key in a cursor. Raises Invalid where it is not one of this order."""
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        name, *key = msgspec.json.decode(raw, type=list[int | str])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        name, key = "", []
    kinds = [int if isinstance(column.type, BigInteger) else str for column in order.columns]
    if name != order.name or [type(value) for value in key] != kinds or _too_large(key):
        raise invalid("/cursor", "is not a cursor of this list in this order: begin again without it")
    return key


def _too_large(key: Sequence[Any]) -> bool:
    return any(isinstance(value, int) and not -_MOST <= value <= _MOST for value in key)


_statements: dict[tuple[Any, ...], Prepared] = {}


def _walk(
    table: Table, walk: Walk, order: Order, conditions: Sequence[Condition], *, further: bool
) -> Prepared:
    shape = (table.name, walk.shape, order.name, further, *(condition.shape for condition in conditions))
    known = _statements.get(shape)
    if known is None:
        known = _statements[shape] = Prepared(_build(table, walk, order, conditions, further=further))
    return known


def _build(
    table: Table, walk: Walk, order: Order, conditions: Sequence[Condition], *, further: bool
) -> Select[Any]:
    statement = select(*order.columns)
    for name, value in walk.held:
        column = table.c[name]
        held = column.is_(None) if value is None else column == bindparam(f"held_{name}", type_=column.type)
        statement = statement.where(held)
    statement = statement.where(*walk.also)
    if further:
        statement = statement.where(order.beyond(sort=walk.sort))
    for condition in conditions:
        statement = statement.where(condition.build())
    return statement.order_by(*order.by(sort=walk.sort)).limit(bindparam("n", type_=Integer))
