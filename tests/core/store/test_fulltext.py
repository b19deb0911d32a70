"""What was written is found by its words, however they were typed, and only by whom it was written for."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import fixed_id
from core.store import fulltext
from core.store.database import Database
from core.store.tx import Prepared, Tx

TEXTS = {
    "printer": (
        "customer",
        "Perché la stampante dell'ufficio non stampa più? Scrivere a mario.rossi@acme.test",
    ),
    "server": ("customer", "The server srv-db01 is down, ticket 26-000123, error 0x80070005"),
    "note": ("internal", "La stampante va sostituita, non dirlo ancora"),
    "vendor": ("vendor:7", "Please send a new printer, serial XK-99"),
}


NAMES = {fixed_id(name): name for name in (*TEXTS, "big", "more", "lost")}


def item_of(name: str) -> str:
    return fixed_id(f"item of {name}")


def forget(tx: Tx, name: str) -> None:
    fulltext.forget(tx, fixed_id(name), {item_of(name): TEXTS[name][1]})


def fill(tx: Tx) -> None:
    for name, (audience, body) in TEXTS.items():
        fulltext.index(tx, ticket_id=fixed_id(name), item_id=item_of(name), audience=audience, body=body)


def find(tx: Tx, asked: str, audiences: tuple[str, ...] | None = None) -> list[str] | None:
    matching = fulltext.matching(tx, asked, audiences=audiences)
    if matching is None:
        return None
    return sorted(NAMES[row.ticket_id] for row in tx.all(Prepared(matching.tickets), **matching.values))


ASKED = [
    ("perche", ["printer"]),
    ("PERCHÉ", ["printer"]),
    ("stamp", ["note", "printer"]),
    ("stampante ufficio", ["printer"]),
    ("ufficio stampante", ["printer"]),
    ("mario.rossi@acme.test", ["printer"]),
    ("rossi@acme", ["printer"]),
    ("srv-db01", ["server"]),
    ("26-000123", ["server"]),
    ("0x8007", ["server"]),
    ("stampante server", []),
    ("nothing like it", []),
    ("", None),
    (" -- * () ", None),
]


async def test_words_find_tickets(db: Database) -> None:
    await db.write(fill)

    for asked, found in ASKED:
        assert await db.read(find, asked) == found, asked


async def test_a_note_is_found_only_by_those_it_was_written_for(db: Database) -> None:
    await db.write(fill)

    assert await db.read(find, "stampante", ("customer",)) == ["printer"]
    assert await db.read(find, "stampante", ("customer", "internal")) == ["note", "printer"]
    assert await db.read(find, "printer", ("customer",)) == []


SYNTAX = [
    '"',
    "'",
    "*",
    "AND",
    "OR",
    "NOT",
    "NEAR(",
    "audience:internal",
    "a | b",
    "a & !b",
    ":*",
    "\\",
    "%",
    "--",
    "((",
]


async def test_syntax_that_somebody_types_is_only_words(db: Database) -> None:
    await db.write(fill)

    for asked in [
        *SYNTAX,
        *(f"stampante {one}" for one in SYNTAX),
        '" OR audience:internal OR "',
        "x" * 5000,
    ]:
        found = await db.read(find, asked, ("customer",))
        assert not found or found == ["printer"], asked


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_a_question_holds_nothing_but_quoted_words(asked: str) -> None:
    sqlite, postgres = fulltext.sqlite_question(asked), fulltext.postgres_question(asked)

    for phrase in sqlite.split(" AND ") if sqlite else []:
        assert phrase[0] == '"'
        assert phrase.endswith('"*')
        assert all(word.isalnum() for word in phrase[1:-2].split())
    assert (sqlite == "") == (postgres == "")


async def test_a_ticket_that_is_erased_is_not_found(db: Database) -> None:
    await db.write(fill)
    await db.write(forget, "printer")

    assert await db.read(find, "stampante") == ["note"]


async def test_only_the_beginning_of_an_enormous_text_is_searched(db: Database) -> None:
    def enormous(tx: Tx) -> None:
        body = "beginning " + "filler " * 20_000 + "end"
        fulltext.index(tx, ticket_id=fixed_id("big"), item_id=item_of("big"), audience="customer", body=body)

    await db.write(enormous)

    assert await db.read(find, "beginning") == ["big"]
    assert await db.read(find, "end") == []


async def test_what_a_failed_verb_wrote_is_not_found_though_others_of_its_commit_are(db: Database) -> None:
    def fail(tx: Tx) -> None:
        fulltext.index(
            tx,
            ticket_id=fixed_id("lost"),
            item_id=item_of("lost"),
            audience="customer",
            body="stampante perduta",
        )
        raise LookupError

    results = await asyncio.gather(
        db.write(fill), db.write(fail), db.write(fill_more), return_exceptions=True
    )

    assert [type(result) for result in results] == [type(None), LookupError, type(None)]
    assert await db.read(find, "stampante") == ["more", "note", "printer"]


def fill_more(tx: Tx) -> None:
    fulltext.index(
        tx,
        ticket_id=fixed_id("more"),
        item_id=item_of("more"),
        audience="customer",
        body="ancora la stampante",
    )


async def test_a_verb_finds_and_forgets_what_it_has_just_written(db: Database) -> None:
    def write_ask_forget(tx: Tx) -> list[str] | None:
        fill(tx)
        found = find(tx, "printer")
        forget(tx, "vendor")
        return found

    assert await db.write(write_ask_forget) == ["vendor"]
    assert await db.read(find, "printer") == []
