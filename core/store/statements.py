"""How does a statement become text and values for a driver? Compiled once for each database, then run without SQLAlchemy.

Measured, this is twice as fast as executing it through SQLAlchemy each time (stack.md 2). The source stays SQLAlchemy's.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, Table, UpdateBase, bindparam, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import visitors

from core.store import wire
from core.store.columns import binder, fetcher

Row = Any
"""One row: its columns as attributes, in the order they were selected."""

_DIALECTS: dict[bool, Dialect] = {
    True: SQLiteDialect_pysqlite(),
    False: PGDialect_psycopg(paramstyle="numeric_dollar"),  # type: ignore[no-untyped-call]
}
"""By whether it is SQLite. PostgreSQL is given $1, $2 … as its protocol has them."""


class Prepared:
    """One statement, compiled once per database.

    `build` is the statement, or a function of the dialect's own `insert` for `ON CONFLICT`. Values come in by name
    through `bindparam`. Statements whose shape depends on input are passed to Tx as they are.
    """

    __slots__ = ("_build", "forms")

    def __init__(self, build: Executable | Callable[[Any], Executable]) -> None:
        self._build = build
        self.forms: list[Form | None] = [None, None]
        """Those that were made, by whether it is SQLite's."""

    def form(self, *, on_sqlite: bool) -> Form:
        """The text, and how values change on the way in and out."""
        form = self.forms[on_sqlite]
        if form is None:
            form = self.forms[on_sqlite] = Form(self._statement(on_sqlite=on_sqlite), on_sqlite=on_sqlite)
        return form

    def _statement(self, *, on_sqlite: bool) -> Executable:
        if isinstance(self._build, Executable):
            return self._build
        return self._build(sqlite.insert if on_sqlite else postgresql.insert)


class Form:
    """One statement for one database: its text, and two functions made for it alone.

    They are compiled from a line of source each, as namedtuple makes its own: a loop over names and converters took
    as long as the database did. Only our own column names and positions get into that source.
    """

    __slots__ = ("_several", "parameters", "row", "tables", "text", "writes")

    def __init__(self, statement: Executable, *, on_sqlite: bool) -> None:
        compiled: Any = statement.compile(dialect=_DIALECTS[on_sqlite])  # type: ignore[attr-defined]
        self.text: str = str(compiled)
        parts = list(visitors.iterate(statement))  # type: ignore[arg-type]
        self.tables = frozenset(part.name for part in parts if isinstance(part, Table))
        """Names of those it reads or changes."""
        self.writes = any(isinstance(part, UpdateBase) for part in parts)
        self._several: dict[int, str] = {}
        self.parameters: Callable[[dict[str, Any]], Any] = _binding(
            compiled.binds, compiled.positiontup or (), on_sqlite=on_sqlite
        )
        self.row: Callable[[Sequence[Any]], Row] = _fetching(_result_columns(statement), on_sqlite=on_sqlite)

    def of(self, rows: int) -> str:
        """The text of an insertion for so many rows at once, their parameters one after another."""
        text = self._several.get(rows)
        if text is None:
            head, values, tail = _VALUES.fullmatch(self.text).groups()  # type: ignore[union-attr]
            each = values.count("$")
            groups = ", ".join(_moved(values, row * each) for row in range(rows))
            text = self._several[rows] = f"{head}{groups}{tail}"
        return text


def _moved(values: str, by: int) -> str:
    return _PLACE.sub(lambda place: f"${int(place[1]) + by}", values)


_VALUES = re.compile(r"(INSERT INTO .+? VALUES )(\(.+?\))((?: ON CONFLICT [^$]+)?)", re.DOTALL)
_PLACE = re.compile(r"\$(\d+)")


def _binding(
    binds: dict[str, Any], names: Sequence[str], *, on_sqlite: bool
) -> Callable[[dict[str, Any]], Any]:
    """From values by name to what the driver takes: a tuple on SQLite, bytes and their formats on PostgreSQL."""
    known: dict[str, Any] = {}
    parts = []
    for i, name in enumerate(names):
        bind = binds[name]
        value = f"v[{name!r}]"
        if not bind.required:  # a literal of the statement, unless a value of that name is given
            known[f"d{i}"] = bind.value
            value = f"v.get({name!r}, d{i})"
        convert = binder(bind.type, sqlite=True) if on_sqlite else wire.sender(bind.type)
        if convert is not None:
            known[f"c{i}"] = convert
            value = f"None if (x := {value}) is None else c{i}(x)"
        parts.append(value)
    inside = "".join(f"{part}, " for part in parts)
    source = f"lambda v: ({inside})"
    if not on_sqlite:
        known["formats"] = [wire.format_of(binds[name].type) for name in names]
        source = f"lambda v: (({inside}), formats)"
    made: Callable[[dict[str, Any]], Any] = eval(source, known)  # noqa: S307 - see Form
    return made


def _fetching(columns: Sequence[Any], *, on_sqlite: bool) -> Callable[[Sequence[Any]], Row]:
    """From a driver's row to ours."""
    row: Any = namedtuple("Row", [c.key for c in columns], rename=True)  # type: ignore[misc] # noqa: PYI024
    converters = [fetcher(c.type, sqlite=True) if on_sqlite else wire.receiver(c.type) for c in columns]
    if not any(converters):
        made: Callable[[Sequence[Any]], Row] = row._make
        return made
    known: dict[str, Any] = {"row": row} | {
        f"c{i}": convert for i, convert in enumerate(converters) if convert
    }
    inside = ", ".join(
        f"None if (x := r[{i}]) is None else c{i}(x)" if convert else f"r[{i}]"
        for i, convert in enumerate(converters)
    )
    return eval(f"lambda r: row({inside})", known)  # type: ignore[no-any-return] # noqa: S307 - see Form


def _result_columns(statement: Any) -> list[Any]:
    returning = getattr(statement, "_returning", ())
    if returning:
        return list(returning)
    return list(statement.selected_columns) if hasattr(statement, "selected_columns") else []


# --- Those that every table has -----------------------------------------------------------------------------


@cache
def insertion(table: Table, names: tuple[str, ...]) -> Prepared:
    """Add one row."""
    return Prepared(insert(table).values({name: bindparam(name) for name in names}))


@cache
def insertion_of_new(table: Table, names: tuple[str, ...]) -> Prepared:
    """Add one row unless its key exists."""
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    return Prepared(lambda dialect_insert: dialect_insert(table).values(values).on_conflict_do_nothing())


@cache
def change(table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Prepared:
    """Change columns of the rows that have these values in others, which are given as key_<name>."""
    where = [table.c[name] == bindparam(f"key_{name}", type_=table.c[name].type) for name in keys]
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    return Prepared(update(table).where(*where).values(values))
