"""Joining on the pages: a look at both before a merge, an undo that says what it brings back, a split by ticking, an incident."""

from __future__ import annotations

import re

import pytest

from core.desk import joining_state
from core.store import tables
from tests import rows
from web.words import catalogue


@pytest.fixture(autouse=True)
async def again(db, desk):
    """Another request of Acme's, with two messages of Alice's; their ids."""

    def add(tx):
        ticket = rows.a_ticket(tx, "26-000090", desk_group="Network L1", last_event=1)
        rows.an_event(tx, ticket, 1, "ticket.opened", actor="contact:alice")
        return [
            rows.a_message(tx, ticket, text, direction="in", author_address="alice@acme.test")
            for text in ("The same thing again.", "And a new screen, please.")
        ]

    return await db.write(add)


async def test_a_merge_is_looked_at_done_and_undone(lea, teo, alice, desk):
    page = await lea.get("/desk/tickets/26-000090/links?q=26-000001")
    assert "26-000001" in page.words
    look = await lea.get("/desk/tickets/26-000090/merge?into=26-000001")
    assert "Merge 26-000090 into 26-000001" in look.words
    assert "It can be undone within 30 days" in look.words
    fields = {name: look.field(name, form="joining/merge") for name in ("into", "seen", "seen_into")}

    done = await lea.post("/desk/tickets/26-000090/joining/merge", looked="1", **fields)

    assert (done.status, done.headers["Location"]) == (303, "/desk/tickets/26-000001")
    assert "The same thing again." in (await teo.get("/desk/tickets/26-000001")).words
    moved = await alice.get("/portal/requests/26-000090")
    assert (moved.status, moved.headers.get("Location")) == (303, "/portal/requests/26-000001")
    page = await lea.get("/desk/tickets/26-000090/links")
    assert "messages come back to 26-000090" in page.words
    undone = await lea.post(
        "/desk/tickets/26-000090/joining/undo", act=page.field("act", form="joining/undo")
    )
    assert undone.status == 303
    assert "The same thing again." in (await teo.get("/desk/tickets/26-000090")).words


async def test_what_is_refused_says_what_to_do_in_the_readers_words(lea, teo):
    refused = await teo.post("/desk/tickets/26-000090/joining/split", subject="")
    assert refused.status == 409
    assert "Spunti i messaggi" in refused.words
    assert (
        "There is no request with this number"
        in (await lea.get("/desk/tickets/26-000090/merge?into=99-999999")).words
    )
    assert (await teo.post("/desk/tickets/26-000090/joining/incident")).status == 403


async def test_a_split_is_ticked_and_an_incident_is_led_from_its_page(lea, again, db):
    split = await lea.post("/desk/tickets/26-000090/joining/split", message=again[1], subject="A screen")
    assert split.status == 303
    page = await lea.get("/desk/tickets/26-000090/links")
    assert "A screen" in page.words
    made = await lea.post("/desk/tickets/26-000090/joining/incident")
    assert made.headers["Location"] == "/desk/incidents/26-000090"
    await lea.post("/desk/incidents/26-000090/attach", numbers="26-000001")
    page = await lea.get("/desk/incidents/26-000090")
    assert "26-000001" in page.words
    lacking = await lea.post("/desk/incidents/26-000090/inform", text_en="We know.", form="f1")
    assert lacking.status == 422
    assert "Write it in each" in lacking.words or "write it in each" in lacking.words
    said = await lea.post("/desk/incidents/26-000090/inform", text_it="Lo sappiamo.", form="f2")
    assert said.status == 303
    found = await db.read(
        lambda tx: tx.all(tables.message.select().where(tables.message.c.kind == "incident"))
    )
    assert len(found) == 1  # Alice is told once
    assert "26-000090" in (await lea.get("/desk/incidents")).words
    page = await lea.get("/desk/incidents/26-000090")
    assert "Something that these services depend on does not work" in page.words
    assert (await lea.post("/desk/incidents/26-000090/announce")).status == 303
    page = await lea.get("/desk/incidents/26-000090")
    assert "Published: callers, visitors and writers hear of it" in page.words


def test_every_reason_has_its_sentence_in_both_languages():
    for language in ("it", "en"):
        words = catalogue(language)
        assert {f"joining.refused.{code}" for code in joining_state._WHY} <= set(words)
        assert not re.search(r"\b(undefined|None)\b", words["joining.refused.later_act"])
