"""Duties over the API: plans and stand-ins, who is on duty, a call that is acknowledged, a handover that is signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.desk import handovers, paging, reference
from core.desk.case import Case
from core.store import tables
from core.store.database import Database
from tests import rows
from tests.web.api_desk import Caller, Desk, furnish, serving


def on_duty(tx) -> Desk:
    """The desk of the API with a rota of Teo's and one of Lea's, and a P1 to which Teo is called."""
    desk = furnish(tx)
    now = datetime.now(UTC)
    tx.run(tables.agent.update().values(phone="+393405550001"))
    plans = (
        ("Network nights", "on-call", ["Network L1"], ["teo@desk.test"]),
        ("Leaders", "shift-leader", [], ["lea@desk.test", "teo@desk.test"]),
    )
    for position, (name, duty, groups, members) in enumerate(plans):
        layer = {"starts": "2026-01-05", "handoff": "08:00", "length": "12h", "restrictions": []}
        tx.insert(
            tables.rota,
            name=name,
            position=position,
            duty=duty,
            groups=groups,
            time_zone="UTC",
            layers=[layer | {"members": members}],
            fallback="",
        )
    reference.forget(tx)
    of = {"number": "26-000001"}
    tx.update(tables.ticket, of, priority="P1", state="assigned")
    ticket = tx.one(tables.ticket.select().where(tables.ticket.c.number == "26-000001")).id
    rows.an_event(tx, ticket, 2, "ticket.routed", group="Network L1")
    tx.update(tables.ticket, of, last_event=2)
    case = Case.open(tx, ticket, now=now)
    paging.watch(case)
    case.save()
    paging.check(tx, ticket, now=now)
    for at in (now - timedelta(hours=13), now):
        handovers.look(tx, now=at)
    return desk


async def test_what_staff_do_with_duties(db: Database):
    desk = await db.write(on_duty)
    async with serving(db) as client:
        lea, teo, alice = (Caller(client, desk.tokens[name]) for name in ("Lea", "Teo", "Alice"))

        plans = await (await teo.get("/rotas")).json()
        duty = await (await teo.get("/on-duty")).json()
        pages = await (await teo.get("/tickets/26-000001/pages")).json()
        known = await (await teo.post("/tickets/26-000001/acknowledge")).json()
        second = await lea.post("/tickets/26-000001/acknowledge")
        levels = await (await lea.get("/tickets/26-000001/levels")).json()

        assert plans["items"][0]["now"]["who"]["name"] == "Teo"
        assert {gap["what"] for gap in plans["gaps"]} == {"specialists", "supervision"}
        assert ("on-call", "Network L1") in {(one["duty"], one["group"]) for one in duty["items"]}
        assert (pages["items"][0]["rung"], pages["items"][0]["acknowledged_at"]) == ("on_call", None)
        assert known["items"][0]["acknowledged_at"]
        assert (second.status, "Teo knows" in (await second.json())["detail"]) == (409, True)
        assert [one["group"] for one in levels["items"]] == ["Network L1"]

        begins = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        body = {
            "agent": "lea@desk.test",
            "since": begins.isoformat(),
            "until": (begins + timedelta(hours=2)).isoformat(),
            "reason": "ill",
        }
        assert (await teo.post("/rotas/Network nights/overrides", body)).status == 403
        plan = await (await lea.post("/rotas/Network nights/overrides", body)).json()
        (made,) = plan["overrides"]
        assert made["who"]["name"] == "Lea"
        assert "Lea" in [turn["who"]["name"] for turn in plan["turns"]]
        back = await lea.send("DELETE", f"/rotas/Network nights/overrides/{made['id']}")
        assert (await back.json())["overrides"] == []

        (listed,) = (await (await lea.get("/handovers")).json())["items"]
        where = f"/handovers/{listed['id']}"
        found = await (await lea.get(where)).json()
        assert found["missing"] == ["26-000001"]
        refused = await lea.post(f"{where}/sign", {"side": "out", "hash": found["hash"]})
        assert (refused.status, (await refused.json())["missing"]) == (409, ["26-000001"])
        said = await (await lea.post(f"{where}/sentences", {"sentences": {"26-000001": "Call."}})).json()
        signed = await lea.post(f"{where}/sign", {"side": "out", "hash": said["hash"]})
        assert (await signed.json())["signed_out_by"] == "Lea"

        for path in ("/rotas", "/on-duty", "/handovers", where, "/tickets/26-000001/levels"):
            assert (await alice.get(path)).status == 404
