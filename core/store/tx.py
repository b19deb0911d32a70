"""What can a verb do inside its transaction? Run statements, get rows, and ask for something after the commit."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from core.facts import HubFacts
from core.store.columns import binder, fetcher

Row = Any
"""One row: its columns as attributes, in the order they were selected."""


class Prepared:
    """One statement, compiled once per dialect and then run on the bare driver.

    The source stays SQLAlchemy; measured, this is twice as fast as executing it each time (stack.md 2).
    `build` is the statement, or a function of the dialect's own `insert` for `ON CONFLICT`. Values come in by
    name through `bindparam`. Statements whose shape depends on input are passed to Tx as they are.
    """

    __slots__ = ("_build", "_forms")

    def __init__(self, build: Executable | Callable[[Any], Executable]) -> None:
        self._build = build
        self._forms: dict[str, _Form] = {}

    def form(self, dialect: Dialect) -> _Form:
        """The text, the order of its parameters and how values change on the way in and out."""
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self._statement(dialect), dialect)
        return form

    def _statement(self, dialect: Dialect) -> Executable:
        if isinstance(self._build, Executable):
            return self._build
        return self._build(postgresql.insert if dialect.name == "postgresql" else sqlite.insert)


class _Form:
    """One statement on one dialect: its text, and two functions made for it alone.

    They are compiled from a line of source each, as namedtuple makes its own: a loop over names and converters took
    as long as the database did. Only our own column names and positions get into that source.
    """

    __slots__ = ("parameters", "row", "text")

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        is_sqlite = dialect.name == "sqlite"
        self.text: str = str(compiled)
        names: Sequence[str] = compiled.positiontup if is_sqlite else list(compiled.binds)
        self.parameters: Callable[[dict[str, Any]], Any] = _binding(compiled.binds, names, sqlite=is_sqlite)
        self.row: Callable[[Sequence[Any]], Row] = _fetching(_result_columns(statement), sqlite=is_sqlite)


def _binding(binds: dict[str, Any], names: Sequence[str], *, sqlite: bool) -> Callable[[dict[str, Any]], Any]:
    """From values by name to what the driver takes: a tuple on SQLite, a dict on PostgreSQL."""
    known: dict[str, Any] = {}
    parts = []
    for i, name in enumerate(names):
        bind = binds[name]
        value = f"v[{name!r}]"
        if not bind.required:  # a literal of the statement, unless a value of that name is given
            known[f"d{i}"] = bind.value
            value = f"v.get({name!r}, d{i})"
        convert = binder(bind.type, sqlite=sqlite)
        if convert is not None:
            known[f"c{i}"] = convert
            value = f"None if (x := {value}) is None else c{i}(x)"
        parts.append(value if sqlite else f"{name!r}: ({value})")
    inside = "".join(f"{part}, " for part in parts)
    source = f"lambda v: ({inside})" if sqlite else f"lambda v: {{{inside}}}"
    made: Callable[[dict[str, Any]], Any] = eval(source, known)  # noqa: S307 - see _Form
    return made


def _fetching(columns: Sequence[Any], *, sqlite: bool) -> Callable[[Sequence[Any]], Row]:
    """From a driver's row to ours."""
    row: Any = namedtuple("Row", [c.key for c in columns], rename=True)  # type: ignore[misc] # noqa: PYI024
    converters = [fetcher(c.type, sqlite=sqlite) for c in columns]
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
    return eval(f"lambda r: row({inside})", known)  # type: ignore[no-any-return] # noqa: S307 - see _Form


def _result_columns(statement: Any) -> list[Any]:
    returning = getattr(statement, "_returning", ())
    if returning:
        return list(returning)
    return list(statement.selected_columns) if hasattr(statement, "selected_columns") else []


class Tx:
    """One transaction, as a verb sees it. Verbs never commit, and never keep it."""

    __slots__ = ("_cursor", "connection", "dialect", "facts", "late", "memo", "topics")

    def __init__(self, connection: Connection, facts: HubFacts) -> None:
        self.connection = connection
        self.facts = facts
        self.dialect = connection.dialect
        self._cursor: Any = connection.connection.cursor()
        self.topics: list[tuple[str, str]] = []
        self.late: list[tuple[Callable[[Tx, list[Any]], None], Any]] = []
        """What waits for the end of the group; see `later`."""
        self.memo: dict[str, Any] = {}
        """What was read once and cannot change within this transaction."""

    def fresh(self) -> None:
        """Forget the last transaction. For the database's own threads, at the end of each.

        A cursor with rows left to fetch keeps its SELECT open, and an open SELECT keeps SQLite's old snapshot for
        the transactions that follow.
        """
        self._cursor.close()
        self._cursor = self.connection.connection.cursor()
        self.topics = []
        self.late = []
        self.memo = {}

    @property
    def is_sqlite(self) -> bool:
        """For the few places where the two databases differ; all of them are in core/store."""
        return self.dialect.name == "sqlite"

    def all(self, statement: Prepared | Executable, **values: Any) -> list[Row]:
        """Every row. Lists that can grow are asked for page by page."""
        if isinstance(statement, Prepared):
            form = statement.form(self.dialect)
            self._cursor.execute(form.text, form.parameters(values))
            return [form.row(raw) for raw in self._cursor.fetchall()]
        return list(self.connection.execute(statement, values).fetchall())

    def one(self, statement: Prepared | Executable, **values: Any) -> Row:
        """The first row, or None."""
        if isinstance(statement, Prepared):
            form = statement.form(self.dialect)
            self._cursor.execute(form.text, form.parameters(values))
            raw = self._cursor.fetchone()
            return None if raw is None else form.row(raw)
        return self.connection.execute(statement, values).first()

    def run(self, statement: Prepared | Executable, **values: Any) -> int:
        """Run a change; return how many rows it touched."""
        if isinstance(statement, Prepared):
            form = statement.form(self.dialect)
            self._cursor.execute(form.text, form.parameters(values))
            return int(self._cursor.rowcount)
        return int(self.connection.execute(statement, values).rowcount)

    def run_all(self, statement: Prepared, rows: Sequence[dict[str, Any]]) -> None:
        """Run a change once for each of these values."""
        form = statement.form(self.dialect)
        self._cursor.executemany(form.text, [form.parameters(row) for row in rows])

    def later(self, write: Callable[[Tx, list[Any]], None], item: Any) -> None:
        """Put off a change that nobody asks for before the commit; `write` gets the items of the whole group at once.

        The search index is such: it writes what it has gathered at every savepoint, which costs more than gathering.
        """
        self.late.append((write, item))

    def finish(self) -> None:
        """Run what was put off. For the database's own threads before a commit, and for who must see it now."""
        while self.late:
            write = self.late[0][0]
            items = [item for other, item in self.late if other is write]
            self.late = [one for one in self.late if one[0] is not write]
            write(self, items)

    def insert(self, table: Table, **values: Any) -> None:
        """Add one row."""
        self.run(_insert(table, tuple(values)), **values)

    def insert_new(self, table: Table, **values: Any) -> bool:
        """Add one row unless its key exists; say whether it was added. Another's uncommitted row is waited for."""
        return self.run(_insert_new(table, tuple(values)), **values) > 0

    def insert_all(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows that all name the same columns."""
        if rows:
            self.run_all(_insert(table, tuple(rows[0])), rows)

    def update(self, table: Table, key: dict[str, Any], **values: Any) -> int:
        """Change the rows where the columns of `key` have these values; return how many."""
        statement = _update(table, tuple(key), tuple(values))
        return self.run(statement, **values, **{f"key_{name}": value for name, value in key.items()})

    def tell(self, topic: str, about: str = "") -> None:
        """After the commit, wake whoever listens to the topic. A hint only: nobody relies on it."""
        self.topics.append((topic, about))


_statements: dict[tuple[Any, ...], Prepared] = {}


def _insert(table: Table, names: tuple[str, ...]) -> Prepared:
    key = ("insert", table.name, names)
    if (found := _statements.get(key)) is None:
        found = _statements[key] = Prepared(insert(table).values({name: bindparam(name) for name in names}))
    return found


def _insert_new(table: Table, names: tuple[str, ...]) -> Prepared:
    key = ("insert_new", table.name, names)
    if (found := _statements.get(key)) is None:
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        found = _statements[key] = Prepared(
            lambda dialect_insert: dialect_insert(table).values(values).on_conflict_do_nothing()
        )
    return found


def _update(table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Prepared:
    key = ("update", table.name, keys, names)
    if (found := _statements.get(key)) is None:
        where = [table.c[name] == bindparam(f"key_{name}", type_=table.c[name].type) for name in keys]
        change = {name: bindparam(f"{name}", type_=table.c[name].type) for name in names}
        found = _statements[key] = Prepared(update(table).where(*where).values(change))
    return found
