"""The pages of what works for now and what is known: staff write and apply it, customers say whether it works."""

from __future__ import annotations

from sqlalchemy import select

from core.desk import links
from core.store import tables

TICKET, REQUEST = "/desk/tickets/26-000001", "/portal/requests/26-000001"
FORM = {
    "title": "Port hangs",
    "public_text": "Restart the switch.",
    "steps": "SECRET-STEPS",
    "pattern": "*",
    "technology": "Network",
    "expires_on": "2099-01-01",
}


async def standing(db):
    return (await db.read(lambda tx: tx.all(select(tables.workaround).order_by(tables.workaround.c.id))))[-1]


async def test_the_customer_is_asked_on_the_portal_and_answers_there(teo, alice, db):
    assert (await teo.do("workaround", text="Use the other port.")).status == 303
    home, page = await alice.get("/portal/"), await alice.get(REQUEST)
    assert "/portal/requests/26-000001#workaround" in home.text
    assert "Use the other port." in page.words
    assert 'action="/portal/requests/26-000001/accept-workaround"' in page.text

    assert (await alice.post(f"{REQUEST}/accept-workaround")).status == 303
    assert (await standing(db)).state == "accepted"
    assert (await alice.post(f"{REQUEST}/accept-workaround")).status == 409, "twice"
    assert "La soluzione provvisoria è stata accettata" in (await alice.get(REQUEST)).words
    assert (await alice.post(f"{REQUEST}/refuse-workaround", reason=" ")).status == 422
    assert (await alice.post(f"{REQUEST}/refuse-workaround", reason="Not any more.")).status == 303

    assert (await standing(db)).why == "Not any more."
    assert "Not any more." in (await teo.get(TICKET)).words


async def test_a_link_shows_the_workaround_and_nothing_else_and_works_once(teo, pages, db):
    await teo.do("workaround", text="Use the other port.")
    row = await standing(db)
    person = f"{row.ticket_id} {row.id} alice@acme.test"
    life = links.WORKAROUND_LIFE
    token = await db.write(links.create, links.WORKAROUND, person, life=life, now=row.applied_at)
    path = f"/workaround/{token}"
    for _ in range(2):  # programs that look through messages open links too
        page = await teo.get(path)
        assert (page.status, "Use the other port." in page.words) == (200, True)

    assert (await teo.post(path, says="fails", reason="")).status == 422
    assert (await teo.post(path, says="works")).status == 303

    assert (await standing(db)).state == "accepted"
    assert "<form" not in inside(await teo.get(path))
    late = await teo.post(path, says="fails", reason="It fell off.")
    assert "It fell off." in late.words, "what was typed into a link that was used is not lost"
    assert (await teo.get("/workaround/guessed")).status == 404


def inside(page):
    return page.text.partition("<main")[2]


async def test_a_known_error_is_written_suggested_and_applied_and_the_customer_reads_only_their_text(
    teo, alice, db
):
    empty = await teo.post("/desk/known-errors/new", title="", public_text="Riavviare.")
    assert (empty.status, "Scriva un titolo" in empty.words) == (422, True)
    assert empty.field("public_text", form='id="k-title"') == "Riavviare.", "what was typed is not lost"
    made = await teo.post("/desk/known-errors/new", **FORM)
    assert made.headers["Location"] == "/desk/known-errors/1?saved=1"
    page = await teo.get(TICKET)
    assert "KE-1" in page.words
    assert "SECRET-STEPS" in page.words

    assert "KE-1" in (await teo.get("/desk/qualify/26-000001")).words
    assert (await teo.post(f"{TICKET}/known-errors/1")).headers["Location"] == TICKET

    assert (await standing(db)).text == "Restart the switch."
    read = await alice.get(REQUEST)
    assert "Restart the switch." in read.words
    assert "SECRET-STEPS" not in read.text
    assert "KE-1" not in read.text
    for path in ("/desk/known-errors", "/desk/known-errors/1", "/desk/problems"):
        assert (await alice.get(path)).status in (303, 403, 404)
    assert (await teo.get("/desk/known-errors")).status == 200
    again = await teo.post("/desk/known-errors/1", **FORM | {"title": "Port hangs often", "version": "1"})
    assert again.status == 303
    assert (await teo.post("/desk/known-errors/1", **FORM | {"version": "1"})).status == 409


async def test_where_none_can_be_applied_yet_the_page_says_why(teo, db):
    await teo.post("/desk/known-errors/new", **FORM)
    assert 'action="/desk/tickets/26-000001/known-errors/1"' in (await teo.get(TICKET)).text

    for state, words in (("triage", "Prima va qualificata"), ("on_hold", "È sospesa")):
        await db.write(lambda tx, state=state: tx.update(tables.ticket, {"number": "26-000001"}, state=state))
        page = await teo.get(TICKET)
        assert words in page.words
        assert 'action="/desk/tickets/26-000001/known-errors/1"' not in page.text


async def test_an_expired_one_asks_for_a_confirmation(teo, db):
    await teo.post("/desk/known-errors/new", **FORM)
    await db.write(lambda tx: tx.run(tables.known_error.update().values(expires_on=None)))
    early = (await standing_known(db)).at
    await db.write(lambda tx: tx.update(tables.known_error, {"number": 1}, expires_on=early))

    refused = await teo.post(f"{TICKET}/known-errors/1")

    assert refused.status == 409
    assert 'name="confirm_expired"' in refused.text
    assert (await teo.post(f"{TICKET}/known-errors/1", confirm_expired="1")).status == 303


async def standing_known(db):
    return await db.read(lambda tx: tx.one(select(tables.known_error)))


async def test_a_problem_is_opened_worked_on_and_closed_by_who_leads(teo, lea):
    made = await teo.post("/desk/problems", title="Ports", ticket="26-000001")
    one = made.headers["Location"]
    assert one == "/desk/problems/1"
    for verb, fields, status in (
        ("investigate", {}, 303),
        ("schedule", {}, 422),
        ("schedule", {"fix_due": "tomorrow"}, 422),
        ("schedule", {"fix_due": "2099-01-01"}, 303),
        ("change", {"title": "Ports hang", "root_cause": "x" * 200_000}, 422),
        ("change", {"title": "Ports hang", "root_cause": "Firmware"}, 303),
        ("link", {"ticket": "26-999999"}, 404),
        ("resolve", {}, 303),
        ("close", {}, 403),
        ("explode", {}, 404),
    ):
        assert (await teo.post(f"{one}/{verb}", **fields)).status == status, verb
    page = await lea.get(one)
    assert "Ports hang" in page.words
    assert "26-000001" in page.words
    assert (await lea.post(f"{one}/close")).status == 303
    assert "Closed" in (await lea.get("/desk/problems")).words
    assert "PB-1" in (await lea.get(TICKET)).words
    assert (await lea.get("/desk/problems/7")).status == 404


async def test_tickets_are_played_again_by_who_leads_and_mistakes_are_told(teo, lea):
    assert (await teo.get("/desk/replay")).status == 403
    assert (await lea.get("/desk/replay")).status == 200
    wrong = await lea.post("/desk/replay", desk="[[slas]]\nname = 1")
    assert wrong.status == 422
    assert "[[slas]]" in wrong.text, "what was pasted stays"
    then = await lea.post("/desk/replay", desk="[[groups]]\nname = 'x'", since="then")
    assert (then.status, "Write a date before the end" in then.words) == (422, True)

    played = await lea.post(
        "/desk/replay", desk="[[routing]]\ntechnology = 'Network'\ngroup = 'Servers L1'", since="2026-01-01"
    )

    assert played.status == 200, played.words[:3000]
    assert "Servers L1" in played.words
