"""Which tickets speak of these words? One index on both databases, accents folded, asked inside the caller's query."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from core.store.columns import Id
from core.store.tx import Prepared, Tx

MAX_BODY = 64 * 1024  # characters of a text that are searched
MAX_WORDS = 16  # of a question; more are ignored
MAX_WORD = 60  # characters

# Not in tables.metadata: on SQLite an index without its texts, beside a table that says what each entry is of; on
# PostgreSQL a table with a vector. The texts stand in their own tables.
search_item = Table(
    "search_item",
    MetaData(),
    Column("doc", BigInteger),
    Column("ticket_id", Id),
    Column("item_id", Id),
    Column("audience", Text),
)
_index = Table("search_text", MetaData(), Column("rowid", BigInteger), Column("body", Text))
_COMMANDS = Table(
    "search_text", MetaData(), Column("search_text", Text), Column("rowid", BigInteger), Column("body", Text)
)
search_text = Table(
    "search_text",
    MetaData(),
    Column("ticket_id", Id),
    Column("item_id", Id),
    Column("audience", Text),
    Column("vector", TSVECTOR),
)

_WORD = re.compile(r"[^\W_]+")
_ITEM: dict[str, Any] = {name: bindparam(name) for name in ("ticket_id", "item_id", "audience")}
_ADD_ITEM = Prepared(insert(search_item).values(doc=bindparam("doc"), **_ITEM))
_ADD_WORDS = Prepared(insert(_index).values(rowid=bindparam("doc"), body=bindparam("body")))
_LAST = Prepared(select(func.coalesce(func.max(search_item.c.doc), 0).label("doc")))
_vector = func.to_tsvector(literal_column("'simple'::regconfig"), bindparam("words", type_=Text))
_ADD_VECTOR = Prepared(
    postgres_insert(search_text)
    .values(**_ITEM, vector=_vector)
    .on_conflict_do_update(
        index_elements=["ticket_id", "item_id"], set_={"audience": bindparam("audience"), "vector": _vector}
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """The tickets that match, as a part of another statement: `ticket.c.id.in_(matching.tickets)`."""

    tickets: Select[Any]
    """Selects ticket_id; its parameters are named as in `values`."""
    values: Mapping[str, Any]
    shape: tuple[Any, ...]
    """Two of the same shape have the same statement."""


def index(tx: Tx, *, ticket_id: str, item_id: str, audience: str, body: str) -> None:
    """Make a text findable: what a customer may see, a note (`internal`), or one vendor case's."""
    body = body[:MAX_BODY]
    if not body.strip():
        return
    if tx.is_sqlite:
        tx.later(_write, (ticket_id, item_id, audience, body))
        return
    words = " ".join(_WORD.findall(fold(body)))
    tx.run(_ADD_VECTOR, ticket_id=ticket_id, item_id=item_id, audience=audience, words=words)


def change(tx: Tx, *, ticket_id: str, item_id: str, audience: str, before: str, body: str) -> None:
    """An item has other words now. `before`: what was given of it.

    On SQLite the list of items is looked through from its end, where what is changed stands: nobody pays for an index.
    """
    if tx.is_sqlite:
        tx.finish()  # it may have been given in this very group
        for row in tx.all(_ITEM_OF, ticket_id=ticket_id, item_id=item_id):
            tx.run(_TAKE_OUT, doc=row.doc, body=before[:MAX_BODY])
            tx.run(_FORGET_ITEM, doc=row.doc)
    index(tx, ticket_id=ticket_id, item_id=item_id, audience=audience, body=body)


def move(tx: Tx, items: Sequence[str], *, ticket_id: str, to: str) -> None:
    """These items of a ticket are another's now.

    On SQLite, where the list of items has no index, they are looked for where their ids say that they were written, and
    only if they are not there in the whole list.
    """
    tx.finish()
    for item in items:
        given = {"of_ticket": ticket_id, "item": item, "to": to}
        if not tx.is_sqlite:
            tx.run(_MOVE_VECTOR, **given)
            continue
        near = _near(tx, item)
        if not tx.changed(_MOVE_NEAR, **given, since=near - AROUND, until=near + AROUND):
            tx.run(_MOVE_ITEM, **given)


def _near(tx: Tx, item: str) -> int:
    """About which document was written when this id was made: both go up with time."""
    low, high = 0, int(tx.one(_LAST).doc)
    while high - low > 1:
        middle = (low + high) // 2
        row = tx.one(_FROM, doc=middle)
        if row is None or row.item_id > item:
            high = middle
        else:
            low = middle
    return high


AROUND = 2_000
"""Documents: what is written in the seconds in which ids and documents are not in the same order."""


def _write(tx: Tx, waiting: Sequence[tuple[str, str, str, str]]) -> None:
    """Everything that a group of transactions made findable, at once."""
    first = tx.one(_LAST).doc + 1
    docs = list(enumerate(waiting, start=first))
    tx.run_all(
        _ADD_ITEM,
        [
            {"doc": doc, "ticket_id": ticket_id, "item_id": item_id, "audience": audience}
            for doc, (ticket_id, item_id, audience, _) in docs
        ],
    )
    tx.run_all(_ADD_WORDS, [{"doc": doc, "body": body} for doc, (*_, body) in docs])


def forget(tx: Tx, ticket_id: str, bodies: Mapping[str, str]) -> None:
    """Take everything of a ticket out of the index: for erasure. `bodies`: what was given of each item.

    Looks through the whole list of items on SQLite.
    """
    tx.finish()  # what is still to be written is to be forgotten as well
    if tx.is_sqlite:
        for row in tx.all(_ITEMS, ticket_id=ticket_id):
            tx.run(_TAKE_OUT, doc=row.doc, body=bodies[row.item_id][:MAX_BODY])
        tx.run(_FORGET_ITEMS, ticket_id=ticket_id)
        return
    tx.run(_FORGET, ticket_id=ticket_id)


_ITEMS = Prepared(
    select(search_item.c.doc, search_item.c.item_id).where(search_item.c.ticket_id == bindparam("ticket_id"))
)
_TAKE_OUT = Prepared(
    # https://www.sqlite.org/fts5.html#the_delete_command: an index without its texts must be told the text again
    insert(_COMMANDS).values(search_text="delete", rowid=bindparam("doc"), body=bindparam("body"))
)
_ITEM_OF = Prepared(
    select(search_item.c.doc)
    .where(search_item.c.ticket_id == bindparam("ticket_id"), search_item.c.item_id == bindparam("item_id"))
    .order_by(search_item.c.doc.desc())
    .limit(1)
)
_FROM = Prepared(
    select(search_item.c.doc, search_item.c.item_id)
    .where(search_item.c.doc >= bindparam("doc"))
    .order_by(search_item.c.doc)
    .limit(1)
)


def _move(*narrowed: Any, on_sqlite: bool) -> Any:
    table = search_item if on_sqlite else search_text
    return (
        update(table)
        .where(table.c.ticket_id == bindparam("of_ticket"), table.c.item_id == bindparam("item"), *narrowed)
        .values(ticket_id=bindparam("to"))
    )


_MOVE_VECTOR = Prepared(_move(on_sqlite=False))
_MOVE_ITEM = Prepared(_move(on_sqlite=True))
_MOVE_NEAR = Prepared(
    _move(search_item.c.doc.between(bindparam("since"), bindparam("until")), on_sqlite=True)
)
_FORGET_ITEM = Prepared(search_item.delete().where(search_item.c.doc == bindparam("doc")))
_FORGET_ITEMS = Prepared(search_item.delete().where(search_item.c.ticket_id == bindparam("ticket_id")))
_FORGET = Prepared(search_text.delete().where(search_text.c.ticket_id == bindparam("ticket_id")))


def matching(tx: Tx, asked: str, *, audiences: Sequence[str] | None = None) -> Matching | None:
    """The tickets with a text that holds all of these words or words that begin so; None: no word was asked for.

    `audiences`: only texts for these; None: all. What was typed is never read as search syntax.
    """
    words = sqlite_question(asked) if tx.is_sqlite else postgres_question(asked)
    if not words:
        return None
    tx.finish()  # a verb may ask for what it has just written
    named = {f"search_audience_{n}": audience for n, audience in enumerate(audiences or ())}
    table = search_item if tx.is_sqlite else search_text
    if tx.is_sqlite:
        found = select(_index.c.rowid).where(
            literal_column("search_text").op("MATCH")(bindparam("search_words", type_=Text))
        )
        tickets = select(table.c.ticket_id).where(table.c.doc.in_(found))
    else:
        question = func.to_tsquery(
            literal_column("'simple'::regconfig"), bindparam("search_words", type_=Text)
        )
        tickets = select(table.c.ticket_id).where(table.c.vector.op("@@")(question))
    if audiences is not None:
        tickets = tickets.where(table.c.audience.in_([bindparam(name, type_=Text) for name in named]))
    return Matching(
        tickets=tickets, values={"search_words": words, **named}, shape=("search", audiences and len(named))
    )


def fold(words: str) -> str:
    """Without accents and case, as both databases compare.

    >>> fold("Perché NON funziona più")
    'perche non funziona piu'
    """
    if words.isascii():
        return words.lower()
    decomposed = unicodedata.normalize("NFKD", words)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()


def sqlite_question(asked: str) -> str:
    """Each chunk as a quoted phrase whose last word may go on; FTS5 never sees syntax that somebody typed.

    >>> sqlite_question('stampante "OR" mario@acme.test --')
    '"stampante"* AND "or"* AND "mario acme test"*'
    """
    return " AND ".join(f'"{" ".join(words)}"*' for words in _chunks(asked))


def postgres_question(asked: str) -> str:
    """The same for to_tsquery.

    >>> postgres_question("stampante | mario@acme.test")
    "'stampante':* & ('mario' <-> 'acme' <-> 'test':*)"
    """
    parts = []
    for words in _chunks(asked):
        phrase = " <-> ".join(f"'{word}'" for word in words) + ":*"
        parts.append(f"({phrase})" if len(words) > 1 else phrase)
    return " & ".join(parts)


def _chunks(asked: str) -> list[list[str]]:
    """What was typed, as runs of words that stand together: `mario@acme.test` is one of three."""
    found = []
    left = MAX_WORDS
    for chunk in fold(asked[: MAX_WORDS * MAX_WORD]).split():
        words = [word[:MAX_WORD] for word in _WORD.findall(chunk)][:left]
        left -= len(words)
        if words:
            found.append(words)
    return found
