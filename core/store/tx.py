"""What can a verb do inside its transaction? Run statements, get rows, and ask for something after the commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, Executable, Table

from core.facts import HubFacts
from core.store.statements import Form, Prepared, Row, change, insertion, insertion_of_new

__all__ = ["Driver", "Prepared", "Row", "Tx"]

Values = dict[str, Any]


class Driver(Protocol):
    """One connection, as a transaction uses it."""

    on_sqlite: bool

    def all(self, form: Form, values: Values) -> list[Row]:
        """Every row of the answer."""
        ...

    def one(self, form: Form, values: Values) -> Row:
        """Its first row, or None."""
        ...

    def changed(self, form: Form, values: Values) -> int:
        """How many rows it touched."""
        ...

    def run(self, form: Form, values: Values) -> None:
        """Nobody waits for the answer; an error may show later."""
        ...

    def run_all(self, form: Form, several: Sequence[Values]) -> None:
        """The same once for each."""
        ...

    def plain(self) -> Connection:
        """SQLAlchemy's connection within the same transaction, for statements that are not prepared."""
        ...


class Tx:
    """One transaction, as a verb sees it. Verbs never commit, and never keep it."""

    __slots__ = ("_driver", "facts", "is_sqlite", "late", "memo", "topics")

    def __init__(self, driver: Driver, facts: HubFacts) -> None:
        self._driver = driver
        self.facts = facts
        self.is_sqlite = driver.on_sqlite
        """For the few places where the two databases differ; all of them are in core/store."""
        self.topics: list[tuple[str, str]] = []
        self.late: list[tuple[Callable[[Tx, list[Any]], None], Any]] = []
        """What waits for the end of the group; see `later`."""
        self.memo: dict[str, Any] = {}
        """What was read once and cannot change within this transaction."""

    def fresh(self) -> None:
        """Forget the last transaction. For the database's own threads, at the end of each."""
        self.topics = []
        self.late = []
        self.memo = {}

    @property
    def connection(self) -> Connection:
        """For statements that are not prepared."""
        return self._driver.plain()

    def all(self, statement: Prepared | Executable, **values: Any) -> list[Row]:
        """Every row. Lists that can grow are asked for page by page."""
        if isinstance(statement, Prepared):
            return self._driver.all(statement.form(on_sqlite=self.is_sqlite), values)
        return list(self.connection.execute(statement, values).fetchall())

    def one(self, statement: Prepared | Executable, **values: Any) -> Row:
        """The first row, or None."""
        if isinstance(statement, Prepared):
            return self._driver.one(statement.form(on_sqlite=self.is_sqlite), values)
        return self.connection.execute(statement, values).first()

    def run(self, statement: Prepared | Executable, **values: Any) -> None:
        """Run a change that nobody waits for: where it fails, a later question or the commit says so."""
        if isinstance(statement, Prepared):
            self._driver.run(statement.form(on_sqlite=self.is_sqlite), values)
        else:
            self.connection.execute(statement, values)

    def changed(self, statement: Prepared | Executable, **values: Any) -> int:
        """Run a change; return how many rows it touched."""
        if isinstance(statement, Prepared):
            return self._driver.changed(statement.form(on_sqlite=self.is_sqlite), values)
        return int(self.connection.execute(statement, values).rowcount)

    def run_all(self, statement: Prepared, several: Sequence[Values]) -> None:
        """Run a change once for each of these values."""
        if several:
            self._driver.run_all(statement.form(on_sqlite=self.is_sqlite), several)

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
        self.run(insertion(table, tuple(values)), **values)

    def insert_new(self, table: Table, **values: Any) -> bool:
        """Add one row unless its key exists; say whether it was added. Another's uncommitted row is waited for."""
        return self.changed(insertion_of_new(table, tuple(values)), **values) > 0

    def insert_missing(self, table: Table, **values: Any) -> None:
        """The same where nobody asks."""
        self.run(insertion_of_new(table, tuple(values)), **values)

    def insert_all(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows that all name the same columns."""
        if rows:
            self.run_all(insertion(table, tuple(rows[0])), rows)

    def update(self, table: Table, key: Values, **values: Any) -> None:
        """Change the rows where the columns of `key` have these values."""
        named = values | {f"key_{name}": value for name, value in key.items()}
        self._driver.run(change(table, tuple(key), tuple(values)).form(on_sqlite=self.is_sqlite), named)

    def tell(self, topic: str, about: str = "") -> None:
        """After the commit, wake whoever listens to the topic. A hint only: nobody relies on it."""
        self.topics.append((topic, about))
