"""Joining over the API: staff merge, split, link and lead incidents; customers see what is theirs."""

from __future__ import annotations

import pytest

from tests import rows
from tests.web.api_desk import Caller, furnish, serving


@pytest.fixture
async def desk(db):
    return await db.write(furnish)


@pytest.fixture
async def caller(db, desk):
    async with serving(db) as client:
        yield lambda name: Caller(client, desk.tokens[name])


@pytest.fixture
async def again(db, desk):
    """A second request of Acme's, with two messages of Alice's; their ids."""

    def add(tx):
        ticket = rows.a_ticket(tx, "26-000003", desk_group="Network L1", last_event=1)
        rows.an_event(tx, ticket, 1, "ticket.opened", actor="contact:alice")
        return [
            rows.a_message(tx, ticket, text, direction="in", author_address="alice@acme.test")
            for text in ("One thing.", "Another thing.")
        ]

    return await db.write(add)


async def test_two_tickets_are_merged_after_a_look_and_parted_again(caller, again):
    lea = caller("Lea")

    look = await (await lea.get("/tickets/26-000003/merge-preview", into="26-000001")).json()
    assert (look["may"], look["ends"]["messages"], look["goes_on"]["number"]) == (True, 2, "26-000001")
    merged = await (await lea.post("/tickets/26-000003/merge", {"into": "26-000001", "seen": 1})).json()
    assert (merged["state"], merged["messages"]) == ("merged", [])
    assert (await (await caller("Alice").get("/tickets/26-000003")).json())["merged_into"] == "26-000001"
    late = await caller("Alice").post(
        "/tickets/26-000003/messages", {"text": "Still so.", "audience": "customer"}
    )
    assert (late.status, (await late.json())["text"]) == (201, "Still so."), "words follow the signpost"
    lost = await caller("Alice").post("/tickets/26-000003/confirm")
    assert lost.status == 409
    assert "was merged into 26-000001" in (await lost.json())["detail"]
    ((one,),) = ((await (await lea.get("/tickets/26-000001/joinings")).json())["items"],)
    assert (one["kind"], one["may_undo"], one["messages"]) == ("merge", True, 3)
    again_ = await (await lea.post("/tickets/26-000001/undo", {"joining": one["id"]})).json()
    assert again_["number"] == "26-000001"
    assert (await (await lea.get("/tickets/26-000003")).json())["state"] != "merged"
    refused = await lea.post("/tickets/26-000003/merge", {"into": "26-000002"})
    assert refused.status == 409
    assert "link them instead" in (await refused.json())["detail"]
    assert (await caller("Alice").post("/tickets/26-000003/merge", {"into": "26-000001"})).status == 403
    assert (await caller("Bob").get("/tickets/26-000003/joinings")).status in (403, 404)


async def test_a_split_names_its_part_among_the_links(caller, again):
    lea = caller("Lea")

    done = await lea.post("/tickets/26-000003/split", {"messages": again[1:], "subject": "Another thing"})

    assert done.status == 200
    (link,) = (await (await lea.get("/tickets/26-000003/links")).json())["items"]
    assert (link["kind"], link["subject"]) == ("split_into", "Another thing")
    refused = await lea.post("/tickets/26-000003/split", {"messages": []})
    assert refused.status == 409


async def test_an_incident_informs_its_children_and_lists_them(caller, again):
    lea = caller("Lea")

    made = await (await lea.post("/tickets/26-000001/incident", {"children": ["26-000002"]})).json()
    assert (made["major"], [one["number"] for one in made["children"]]) == (True, ["26-000002"])
    listed = await (await lea.get("/incidents")).json()
    assert [(one["number"], one["children"], one["children_open"]) for one in listed["items"]] == [
        ("26-000001", 1, 1)
    ]
    lacking = await lea.post("/incidents/26-000001/inform", {"words": {"en": "It is the carrier."}})
    assert lacking.status in (409, 422)
    empty = await (await lea.post("/incidents/26-000001/detach", {"children": ["26-000002"]})).json()
    assert empty["children"] == []
    assert (await caller("Teo").post("/tickets/26-000001/incident", {})).status == 403


async def test_the_outage_of_an_incident_is_drafted_and_published_by_who_leads(caller, again):
    lea, teo = caller("Lea"), caller("Teo")
    made = await (await lea.post("/tickets/26-000001/incident", {"children": ["26-000002"]})).json()
    assert made["outage"] is None
    assert {of for of, _ in made["draft"]["sites"]} | set(made["draft"]["customers"]) == {
        made["children"][0]["customer"]
    }
    assert made["draft"]["words"]["en"]["title"].endswith("ervice disturbed")

    assert (await teo.post("/incidents/26-000001/announce", {})).status == 403
    done = await (await lea.post("/incidents/26-000001/announce", {})).json()

    assert done["draft"] is None
    outage = await (await lea.get(f"/outages/{done['outage']}")).json()
    assert [one["code"] for one in outage["concerned"]] == [made["children"][0]["customer"]]
    again_ = await (await lea.post("/incidents/26-000001/announce", {})).json()
    assert again_["outage"] == done["outage"]
    refused = await lea.post("/incidents/26-000002/announce", {})
    assert refused.status == 409
