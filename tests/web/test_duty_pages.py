"""What staff see of duties: the board, a plan with its gaps, a stand-in by a form, a handover that is signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.desk import handovers
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx
from tests import rows
from tests.web.desk_pages import furnish, serving


def planned(tx: Tx) -> None:
    """The desk of the pages, with a rota of those who lead and one that has a gap."""
    furnish(tx)
    tx.run(tables.agent.update().values(phone="+393405550001"))
    layer = {"starts": "2026-01-05", "handoff": "08:00", "length": "12h", "restrictions": []}
    for position, (name, duty, members, only) in enumerate(
        (
            ("Leaders", "shift-leader", ["lea@desk.test", "teo@desk.test"], []),
            ("Nights", "on-call", ["teo@desk.test"], ["mon-sat 00:00-24:00"]),
        )
    ):
        tx.insert(
            tables.rota,
            name=name,
            position=position,
            duty=duty,
            groups=[],
            time_zone="UTC",
            layers=[layer | {"members": members, "restrictions": only}],
            fallback="",
        )
    now = datetime.now(UTC)
    for at in (now - timedelta(hours=13), now):
        handovers.look(tx, now=at)


async def test_what_people_do_with_duties(db: Database, tmp_path: Path):
    await db.write(planned)
    async with serving(db, tmp_path) as pages:
        lea, teo = await pages.as_(rows.LEADER), await pages.as_(rows.TECHNICIAN)

        board = await teo.get("/desk/shift")
        assert "Nights" in board.words
        assert board.text.count("data-fresh") == 4, "open, it keeps up with what changes"
        assert "Teo" in board.words
        plan = await teo.get("/desk/rotas?rota=Nights")
        assert (plan.status, "Nessuno" in plan.words) == (200, True)
        assert (await teo.get("/desk/rotas?rota=Nowhere")).status == 404

        of = await teo.get("/desk/tickets/26-000001/duty")
        assert (of.status, "non è stato chiamato nessuno" in of.words) == (200, True)
        assert (await teo.get("/desk/tickets/26-999999/duty")).status == 404

        begins = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
        ends = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
        given = {"agent": "lea@desk.test", "since": begins, "until": ends, "reason": "ill"}
        where = "/desk/rotas/Nights/overrides"
        assert (await teo.post(where, **given)).status == 403
        wrong = await lea.post(where, **given | {"until": begins})
        assert (wrong.status, "after the beginning" in wrong.words) == (422, True)
        endless = await lea.post(where, **given | {"reason": "x" * 10_000})
        assert (endless.status, "at most 300 characters" in endless.words) == (422, True), (
            "not cut off unsaid"
        )
        assert (await lea.post(where, **given)).status == 303
        shown = await lea.get("/desk/rotas?rota=Nights&view=week")
        assert "stands in" in shown.words
        (made,) = await db.read(lambda tx: tx.all(tables.rota_override.select()))
        assert (await lea.post(f"{where}/{made.id}/remove")).status == 303

        (handover,) = await db.read(lambda tx: tx.all(tables.handover.select()))
        of = f"/desk/handovers/{handover.id}"
        assert (await teo.get(of)).status == 404
        assert "Leaders" in (await lea.get("/desk/handovers")).words
        page = await lea.get(of)
        assert page.status == 200
        stale = await lea.post(f"{of}/sign", side="out", seen="0" * 64)
        assert (stale.status, "read it again" in stale.words) == (409, True)
        await db.write(lambda tx: tx.update(tables.ticket, {"number": "26-000001"}, priority="P1"))
        said = await lea.post(f"{of}/say", **{"about:26-000001": ""})
        assert said.status == 303
        gap = await lea.post(f"{of}/sign", side="out", seen=(await lea.get(of)).field("seen"))
        assert (gap.status, "26-000001" in gap.words) == (409, True)
        await lea.post(f"{of}/say", **{"about:26-000001": "Call at nine."})
        assert (
            await lea.post(f"{of}/sign", side="out", seen=(await lea.get(of)).field("seen"))
        ).status == 303
        assert "Signed by Lea" in (await lea.get(of)).words
