"""Calls over the API: what staff read of them and do with them, and what their customer learns."""

from __future__ import annotations

import pytest

from core.store import tables
from tests import rows
from tests.web.api_desk import Caller, furnish, serving


@pytest.fixture
async def desk(db):
    return await db.write(furnish)


@pytest.fixture
async def caller(db, desk):
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])


async def now_in(db, desk, **values):
    """The call of the desk, as it is at another time."""
    await db.write(lambda tx: tx.update(tables.call, {"id": desk.ids["call"]}, **values))


async def test_staff_list_calls_and_read_one(caller, desk):
    lea = caller("Lea")

    listed = await (await lea.get("/calls", outcome="missed")).json()
    assert [one["id"] for one in listed["items"]] == [desk.ids["call"]]
    assert listed["items"][0]["tickets"] == ["26-000001"]
    assert (await (await lea.get("/calls", outcome="spoke")).json())["items"] == []
    assert (await (await lea.get("/calls", live="true")).json())["items"] == []
    assert (await lea.get("/calls", outcome="lost")).status == 422
    one = await (await lea.get(f"/calls/{desk.ids['call']}")).json()
    assert (one["caller"], one["customer"]["code"], one["outcome"]) == ("+390455550101", "ACME", "missed")
    assert [(entry["node"], entry["event"]) for entry in one["entries"]] == [("main", "digits")]
    assert one["recordings"][0]["transcript"]["text"]


async def test_a_technician_gets_masked_numbers(caller, desk):
    teo = caller("Teo")

    one = await (await teo.get(f"/calls/{desk.ids['call']}")).json()
    owed = await (await teo.get("/callbacks")).json()

    assert one["caller"] == "+39 ••• 01"
    assert owed["items"][0]["number"] == "+39 ••• 01"


async def test_a_customer_learns_that_a_call_was_there_and_nothing_of_the_inside(caller, desk):
    alice = caller("Alice")

    one = await (await alice.get(f"/calls/{desk.ids['call']}")).json()
    ticket = await (await alice.get("/tickets/26-000001")).json()

    assert (one["caller"], one["line"], one["group"], one["entries"], one["recordings"]) == (
        "",
        "",
        None,
        [],
        [],
    )
    assert [call["id"] for call in ticket["calls"]] == [one["id"]]
    assert ticket["calls"][0]["how"] == "missed"
    assert (await alice.get("/callbacks")).status == 403
    assert (await alice.post(f"/calls/{one['id']}/answer")).status == 403
    assert (await alice.post("/callbacks/26-000001/done")).status == 403


async def test_a_waiting_call_is_taken_and_put_into_its_ticket(caller, desk, db):
    await now_in(db, desk, phase="queue", line="softphone", outcome="", ended_at=None)
    lea, path = caller("Lea"), f"/calls/{desk.ids['call']}"
    assert [one["phase"] for one in (await (await lea.get("/calls", live="true")).json())["items"]] == [
        "queue"
    ]

    taken = await lea.post(f"{path}/answer")
    assert (taken.status, (await taken.json())["phase"]) == (200, "bridged")
    assert (await caller("Teo").post(f"{path}/answer")).status == 409
    assert (await lea.post(f"{path}/about", {"ticket": "26-999999"})).status == 404
    about = await lea.post(f"{path}/about", {"ticket": "26-000001"})
    assert (about.status, (await about.json())["number"]) == (200, "26-000001")
    assert (await lea.post(f"{path}/request", {})).status == 409, "a call is put into one ticket once"


async def test_a_call_about_something_new_opens_a_request(caller, desk, db):
    await now_in(
        db, desk, phase="bridged", outcome="", ended_at=None, agent=rows.LEADER.id, bridged_at=rows.NOON
    )

    made = await caller("Lea").post(f"/calls/{desk.ids['call']}/request", {"technology": "Network"})

    assert made.status == 200
    ticket = await made.json()
    assert (ticket["origin"], ticket["technology"], ticket["customer"]["code"]) == (
        "phone",
        "Network",
        "ACME",
    )
    assert [one["id"] for one in ticket["calls"]] == [desk.ids["call"]]


async def test_who_waits_is_called_back_or_was_called_by_hand(caller, desk, db):
    lea = caller("Lea")
    owed = await (await lea.get("/callbacks")).json()
    assert [one["ticket"] for one in owed["items"]] == ["26-000001"]

    refused = await lea.post("/callbacks/26-000001/dial")
    assert (refused.status, "telephone" in await refused.text()) == (409, True)
    await db.write(lambda tx: tx.update(tables.agent, {"id": rows.LEADER.id}, phone="+390110000009"))
    dialled = await (await lea.post("/callbacks/26-000001/dial", {})).json()
    assert (dialled["direction"], dialled["caller"], dialled["tickets"]) == (
        "out",
        "+390455550101",
        ["26-000001"],
    )
    assert (await lea.post("/callbacks/26-000001/dial", {"to": "nobody"})).status == 422
    assert (await lea.post("/callbacks/26-000001/done")).status == 200
    assert (await (await lea.get("/callbacks")).json())["items"] == []
    assert (await lea.post("/callbacks/26-000001/done")).status == 409
