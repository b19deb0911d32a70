"""Which tickets speak of these words? One index on both databases, accents folded, asked inside the caller's query."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from core.store.tx import Prepared, Tx

MAX_BODY = 64 * 1024  # characters of a text that are searched
MAX_WORDS = 16  # of a question; more are ignored
MAX_WORD = 60  # characters

# Not in tables.metadata: a virtual table on SQLite, a table with a vector on PostgreSQL.
search_text = Table(
    "search_text",
    MetaData(),
    Column("ticket_id", Text),
    Column("item_id", Text),
    Column("audience", Text),
    Column("body", Text),
)

_WORD = re.compile(r"[^\W_]+")
_VALUES: dict[str, Any] = {name: bindparam(name) for name in ("ticket_id", "item_id", "audience", "body")}
_ADD = Prepared(insert(search_text).values(_VALUES))
_VECTOR = Table(
    "search_text", MetaData(), *(Column(name, Text) for name in _VALUES), Column("vector", TSVECTOR)
)
_vector = func.to_tsvector(literal_column("'simple'::regconfig"), bindparam("words", type_=Text))
_ADD_VECTOR = Prepared(
    postgres_insert(_VECTOR)
    .values(**_VALUES, vector=_vector)
    .on_conflict_do_update(
        index_elements=["ticket_id", "item_id"],
        set_={"audience": bindparam("audience"), "body": bindparam("body"), "vector": _vector},
    )
)
_FORGET = Prepared(delete(search_text).where(search_text.c.ticket_id == bindparam("ticket_id")))


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
        tx.later(_ADD, ticket_id=ticket_id, item_id=item_id, audience=audience, body=body)
        return
    words = " ".join(_WORD.findall(fold(body)))
    tx.run(_ADD_VECTOR, ticket_id=ticket_id, item_id=item_id, audience=audience, body=body, words=words)


def forget(tx: Tx, ticket_id: str) -> None:
    """Take everything of a ticket out of the index: for erasure. Reads the whole index on SQLite."""
    tx.finish()  # what is still to be written is to be forgotten as well
    tx.run(_FORGET, ticket_id=ticket_id)


def matching(tx: Tx, asked: str, *, audiences: Sequence[str] | None = None) -> Matching | None:
    """The tickets with a text that holds all of these words or words that begin so; None: no word was asked for.

    `audiences`: only texts for these; None: all. What was typed is never read as search syntax.
    """
    words = sqlite_question(asked) if tx.is_sqlite else postgres_question(asked)
    if not words:
        return None
    tx.finish()  # a verb may ask for what it has just written
    named = {f"search_audience_{n}": audience for n, audience in enumerate(audiences or ())}
    if tx.is_sqlite:
        tickets = select(search_text.c.ticket_id).where(
            literal_column("search_text").op("MATCH")(bindparam("search_words", type_=Text))
        )
    else:
        question = func.to_tsquery(
            literal_column("'simple'::regconfig"), bindparam("search_words", type_=Text)
        )
        tickets = select(_VECTOR.c.ticket_id).where(_VECTOR.c.vector.op("@@")(question))
    if audiences is not None:
        table = search_text if tx.is_sqlite else _VECTOR
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
