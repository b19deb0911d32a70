"""Quick replies over the API: filled in for a ticket, and for staff only."""

from __future__ import annotations

from core.store import tables
from tests.web.api_desk import Caller, furnish, serving


async def test_staff_get_those_of_a_ticket_and_customers_none(db):
    desk = await db.write(furnish)
    texts = {"it": "{ticket.number} entro {clock.due}", "en": "{ticket.number}"}
    await db.write(lambda tx: tx.insert(tables.quick_reply, name="Seen", position=0, texts=texts, groups=[]))
    async with serving(db) as client:
        asked = await Caller(client, desk.tokens["Lea"]).get("/quick-replies", ticket="26-000001")
        refused = await Caller(client, desk.tokens["Alice"]).get("/quick-replies", ticket="26-000001")
        answer = await asked.json()

    assert refused.status == 403
    assert [(one["name"], one["language"]) for one in answer["items"]] == [("Seen", "it")]
    assert answer["items"][0]["text"].startswith("26-000001 entro ")
