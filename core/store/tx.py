"""What can a verb do inside its transaction? Run statements, get rows, and ask for something after the commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, Executable, Select, Table

from core.facts import HubFacts
from core.store.statements import Form, Prepared, Row, change, insertion, insertion_of_new

__all__ = ["Driver", "Prepared", "Row", "Tx"]

Values = dict[str, Any]
Parameters = Any
"""What a form makes of values: as the driver takes them."""


class Driver(Protocol):
    """One connection, as a transaction uses it."""

    on_sqlite: bool

    def all(self, form: Form, parameters: Parameters) -> list[Row]:
        """Every row of the answer."""
        ...

    def one(self, form: Form, parameters: Parameters) -> Row:
        """Its first row, or None."""
        ...

    def changed(self, form: Form, parameters: Parameters) -> int:
        """How many rows it touched."""
        ...

    def run(self, form: Form, parameters: Parameters) -> None:
        """Nobody waits for the answer; an error may show later."""
        ...

    def run_all(self, form: Form, several: Sequence[Parameters]) -> None:
        """An insertion, of several rows."""
        ...

    def must(self, form: Form, parameters: Parameters, error: Exception) -> None:
        """Run a change that has to touch a row. Else this error is raised: at once, or by `check`."""
        ...

    def check(self) -> None:
        """Raise what any `must` came to."""
        ...

    def foresee(self, form: Form, parameters: Parameters) -> None:
        """Ask now what is going to be asked; the answer is waited for when it is. PostgreSQL only."""
        ...

    def plain(self) -> Connection:
        """SQLAlchemy's connection within the same transaction, for statements that are not prepared."""
        ...


class Tx:
    """One transaction, as a verb sees it. Verbs never commit, and never keep it.

    Rows that are added wait until somebody looks into their table, or the end: together they cost less.
    """

    __slots__ = (
        "_driver",
        "_waiting",
        "facts",
        "group",
        "is_sqlite",
        "late",
        "memo",
        "shared",
        "topics",
        "wrote",
    )

    def __init__(self, driver: Driver, facts: HubFacts, shared: dict[str, Any]) -> None:
        self._driver = driver
        self._waiting: dict[str, dict[Form, list[Parameters]]] = {}
        """Rows to add, by the name of their table and the columns they have."""
        self.facts = facts
        self.shared = shared
        """What all transactions of this database keep in hand, with the revision it is of."""
        self.is_sqlite = driver.on_sqlite
        """For the few places where the two databases differ; all of them are in core/store."""
        self.fresh()

    def fresh(self) -> None:
        """Forget the last transaction. For the database's own threads, at the end of each."""
        self._waiting.clear()
        self.late: list[tuple[Callable[[Tx, list[Any]], None], Any]] = []
        """What waits for the end of the group; see `later`."""
        self.group: dict[str, Any] = {}
        """What verbs that share a commit have to know of one another."""
        self.next()

    def next(self) -> None:
        """Begin another verb under the same commit. For the database's own threads."""
        self.topics: list[tuple[str, str]] = []
        self.memo: dict[str, Any] = {}
        """What was read once and cannot change within this transaction."""
        self.wrote = False
        """Whether this verb changed anything yet."""

    @property
    def connection(self) -> Connection:
        """For statements that are not prepared."""
        self._add_all()
        return self._driver.plain()

    def all(self, statement: Prepared | Executable, **values: Any) -> list[Row]:
        """Every row. Lists that can grow are asked for page by page."""
        if isinstance(statement, Prepared):
            form = self._form(statement)
            return self._driver.all(form, form.parameters(values))
        return list(self._plainly(statement, values).fetchall())

    def one(self, statement: Prepared | Executable, **values: Any) -> Row:
        """The first row, or None."""
        if isinstance(statement, Prepared):
            form = self._form(statement)
            return self._driver.one(form, form.parameters(values))
        return self._plainly(statement, values).first()

    def run(self, statement: Prepared | Executable, **values: Any) -> None:
        """Run a change that nobody waits for: where it fails, a later question or the commit says so."""
        if isinstance(statement, Prepared):
            form = self._form(statement)
            self._driver.run(form, form.parameters(values))
        else:
            self._plainly(statement, values)

    def changed(self, statement: Prepared | Executable, **values: Any) -> int:
        """Run a change; return how many rows it touched."""
        if isinstance(statement, Prepared):
            form = self._form(statement)
            return self._driver.changed(form, form.parameters(values))
        return int(self._plainly(statement, values).rowcount)

    def must(self, statement: Prepared, error: Exception, **values: Any) -> None:
        """Run a change that has to touch a row: else the transaction fails with this error, at its end at the latest."""
        form = self._form(statement)
        self._driver.must(form, form.parameters(values), error)

    @property
    def foresees(self) -> bool:
        """Whether `foresee` is of any use: on SQLite an answer is as near as it can be."""
        return not self.is_sqlite

    def foresee(self, statement: Prepared, **values: Any) -> None:
        """Say what is going to be asked soon, in the same words: several such answers come at once.

        Only what nothing changes that this transaction writes before it asks.
        """
        if self.foresees:
            form = self._form(statement)
            self._driver.foresee(form, form.parameters(values))

    def _form(self, statement: Prepared) -> Form:
        form = statement.forms[self.is_sqlite] or statement.form(on_sqlite=self.is_sqlite)
        if self._waiting and not form.tables.isdisjoint(self._waiting):
            for table in form.tables.intersection(self._waiting):
                self._add(table)
        if form.writes:
            self.wrote = True
        return form

    def _plainly(self, statement: Executable, values: Values) -> Any:
        if not isinstance(statement, Select):
            self.wrote = True
        return self.connection.execute(statement, values)

    def run_all(self, statement: Prepared, several: Sequence[Values]) -> None:
        """Run an insertion once for each of these values."""
        if several:
            form = self._form(statement)
            self._driver.run_all(form, [form.parameters(values) for values in several])

    def change_all(self, statement: Prepared, several: Sequence[Values]) -> None:
        """Run a change once for each of these values; nobody waits for the answers."""
        if several:
            form = self._form(statement)
            parameters = [form.parameters(values) for values in several]
            if self.is_sqlite:
                self._driver.run_all(form, parameters)
            else:
                for one in parameters:
                    self._driver.run(form, one)

    # --- Adding rows ------------------------------------------------------------------------------------------

    def insert(self, table: Table, **values: Any) -> None:
        """Add one row."""
        self._keep(table, insertion(table, tuple(values)), values)

    def insert_missing(self, table: Table, **values: Any) -> None:
        """Add one row unless its key exists."""
        self._keep(table, insertion_of_new(table, tuple(values)), values)

    def insert_all(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows."""
        for row in rows:
            self.insert(table, **row)

    def insert_new(self, table: Table, **values: Any) -> bool:
        """Add one row unless its key exists; say whether it was added. Another's uncommitted row is waited for."""
        return self.changed(insertion_of_new(table, tuple(values)), **values) > 0

    def _keep(self, table: Table, statement: Prepared, values: Values) -> None:
        form = statement.forms[self.is_sqlite] or statement.form(on_sqlite=self.is_sqlite)
        self.wrote = True
        rows = self._waiting.get(table.name)
        if rows is None:
            rows = self._waiting[table.name] = {}
        of_form = rows.get(form)
        if of_form is None:
            of_form = rows[form] = []
        of_form.append(form.parameters(values))

    def _add(self, table: str) -> None:
        for form, rows in self._waiting.pop(table).items():
            self._driver.run_all(form, rows)

    def _add_all(self) -> None:
        while self._waiting:
            self._add(next(iter(self._waiting)))

    # --- Changing rows, and the end ---------------------------------------------------------------------------

    def update(self, table: Table, key: Values, **values: Any) -> None:
        """Change the rows where the columns of `key` have these values."""
        named = values | {f"key_{name}": value for name, value in key.items()}
        self.run(change(table, tuple(key), tuple(values)), **named)

    def later(self, write: Callable[[Tx, list[Any]], None], item: Any) -> None:
        """Put off a change that nobody asks for before the commit; `write` gets the items of the whole group at once.

        The search index is such: what a whole group makes findable is numbered and written at once.
        """
        self.late.append((write, item))
        self.wrote = True

    def finish(self) -> None:
        """Run what was put off. For the database's own threads before a commit, and for who must see it now."""
        self._add_all()
        while self.late:
            write = self.late[0][0]
            items = [item for other, item in self.late if other is write]
            self.late = [one for one in self.late if one[0] is not write]
            write(self, items)
        self._add_all()
        self._driver.check()

    def tell(self, topic: str, about: str = "") -> None:
        """After the commit, wake whoever listens to the topic. A hint only: nobody relies on it."""
        self.topics.append((topic, about))
