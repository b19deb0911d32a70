"""What people save in the desk at once, and what was kept before it was checked: nobody undoes or stops anybody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from core.desk import clock_editor, contract_changes, routing_table, sla_editor
from core.desk.configuration import checking, export
from core.desk.configuration.document import CalendarPart
from core.desk.errors import Invalid, Refused
from core.store import tables
from tests.desk_at_work import CONFIGURED, at_work

SUE = '[[agents]]\nemail = "sue@hub.test"\nname = "Sue"\nroles = ["supervisor"]\n'
ROUNDS = 5


async def both(first: Any, second: Any) -> list[str]:
    """What became of two who save at once: "saved", or the code of the refusal."""
    ended = await asyncio.gather(first, second, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException) and not isinstance(one, Refused):
            raise one
    return sorted(one.code if isinstance(one, Refused) else "saved" for one in ended)


async def written(db: Any, number: str) -> dict[str, Any]:
    """The contract as a form or the API sends it."""
    found: dict[str, Any] = json.loads(json.dumps(await db.read(contract_changes.written, number)))
    return found


async def test_of_two_who_save_at_once_the_second_is_told(db):
    desk = await at_work(db, CONFIGURED + SUE)
    sue = await desk.who("sue")

    async def calendars(n: int) -> list[str]:
        seen = (await db.read(clock_editor.calendar, sue, "Office")).edition
        parts = [CalendarPart(name="Office", weekly=(f"mon-fri {h:02}:{n:02}-17:00",)) for h in (8, 9)]
        saves = [db.write(clock_editor.save, sue, part, seen=seen, now=desk.now) for part in parts]
        return await both(*saves)

    async def levels(n: int) -> list[str]:
        kept = (await db.read(sla_editor.levels, sue))[0]
        parts = [
            msgspec.structs.replace(kept.part, targets={"P1": {"response": f"{60 + 2 * n + odd}m"}})
            for odd in (0, 1)
        ]
        saves = [
            db.write(sla_editor.save, sue, part, why="Meeting", seen=kept.version, now=desk.now)
            for part in parts
        ]
        return await both(*saves)

    async def contracts(n: int) -> list[str]:
        seen = await db.read(contract_changes.present, "C-1")
        plain = await written(db, "C-1")
        customer = plain.pop("customer")
        saves = [
            db.write(
                contract_changes.save,
                sue,
                plain | {"grace_days": 2 * n + odd + 1},
                customer=customer,
                why="Meeting",
                seen=seen,
                now=desk.now,
            )
            for odd in (0, 1)
        ]
        return await both(*saves)

    async def routing(_n: int) -> list[str]:
        kept = await db.read(routing_table.table, sue)
        group = next(iter((await db.read(export.stored))["groups"])).name
        rules = [{"group": group, "technology": None, "request_type": None}]
        many = [rules * (len(kept.rules) + 1), rules * (len(kept.rules) + 2)]
        saves = [db.write(routing_table.save, sue, one, version=kept.version, now=desk.now) for one in many]
        return await both(*saves)

    for save in (calendars, levels, contracts, routing):
        for n in range(ROUNDS):
            assert await save(n) == ["changed", "saved"], save.__name__


async def test_channels_that_were_stored_before_they_were_checked_stop_nobody_else(db):
    desk = await at_work(db, CONFIGURED + SUE)
    sue = await desk.who("sue")

    def as_it_was(tx: Any) -> None:
        d = tables.definition
        for row in tx.all(select(d).where(d.c.kind == "contract file")):
            lines = [{**line, "channels": ["e-mail", "phone"]} for line in row.content["lines"]]
            tx.update(d, {"version": row.version}, content={**row.content, "lines": lines})

    await db.write(as_it_was)
    stored = await db.read(export.stored)
    numbers = [one.number for customer in stored["customers"] for one in customer.contracts]
    assert len(numbers) > 1

    calendar = CalendarPart(name="Shop", weekly=("mon-sat 09:00-13:00",))
    await db.write(clock_editor.save, sue, calendar, now=desk.now, new=True)
    remarks = checking.remarks({"calendars": (calendar,)}, stored)
    assert sum("'e-mail' is none of email" in one for one in remarks) >= len(numbers)

    async def save(plain: Any) -> None:
        of = plain["customer"]
        plain = {name: value for name, value in plain.items() if name != "customer"}
        await db.write(contract_changes.save, sue, plain, customer=of, why="Mended", now=desk.now)

    for number in numbers:
        plain = await written(db, number)
        with pytest.raises(Invalid) as wrong:
            await save(plain | {"grace_days": 9})
        assert {one.pointer for one in wrong.value.faults} == {
            f"/lines/{n}/channels" for n in range(len(plain["lines"]))
        }
        await save(plain | {"lines": [{**line, "channels": ["email", "phone"]} for line in plain["lines"]]})
    remarks = checking.remarks({"calendars": (calendar,)}, await db.read(export.stored))
    assert not [one for one in remarks if "channels" in one]
