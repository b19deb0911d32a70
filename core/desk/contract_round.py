"""What does the daily look at contracts find? Ends and notices that come near, and messages that were lost on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core.desk import account_managers, reference, tasks
from core.rules import renewals
from core.rules.coverage import NO_CONTRACT, Contract
from core.store import tables
from core.store.schedules import Schedule
from core.store.tx import Tx

DAILY = Schedule(name="contracts", rhythm="daily 06:10", kind="contracts", payload={})
ENDS = "contract_ends"
OUTCOMES = ("ticket", "attached", "held", "alert", "machine", "exception", "duplicate")
PATIENCE = timedelta(hours=1)
"""A message that waits longer than this to be understood is looked for."""

inbound, job, dead_job = tables.inbound, tables.job, tables.dead_job


def look(tx: Tx, *, lost: int, now: datetime) -> None:
    """What is found is told. Safe to repeat: what was told is not told again."""
    endings(tx, now=now)
    if lost:
        tasks.add(tx, "messages_lost", now=now, alarm=True, once="messages_lost", count=lost)
    else:
        tasks.settle(tx, once="messages_lost", now=now)


def lost(tx: Tx, *, now: datetime) -> int:
    """How many messages have neither an outcome nor a job that will give them one (desk.md 2, no-loss rule)."""
    counted = {
        row.outcome: row.count
        for row in tx.all(select(inbound.c.outcome, func.count().label("count")).group_by(inbound.c.outcome))
    }
    unknown = sum(count for name, count in counted.items() if name is not None and name not in OUTCOMES)
    waiting = {
        row.id
        for row in tx.all(
            select(inbound.c.id).where(inbound.c.outcome.is_(None), inbound.c.received_at < now - PATIENCE)
        )
    }
    if waiting:
        waiting -= {
            row.payload["inbound"]
            for table in (job, dead_job)
            for row in tx.all(select(table.c.payload).where(table.c.kind == "understand"))
        }
    return int(len(waiting) + unknown)


def endings(tx: Tx, *, now: datetime) -> None:
    """Each contract whose end, or the day until which notice can be given, is 90, 60 or 30 days away."""
    by_customer: dict[str, list[Contract]] = {}
    for row in tx.all(select(tables.contract.c.customer, tables.contract.c.version)):
        found = reference.contract(tx, row.version)
        if found.status not in NO_CONTRACT:
            by_customer.setdefault(row.customer, []).append(found)
    for contracts in by_customer.values():
        for contract in contracts:
            others = [_ending(one) for one in contracts if one is not contract]
            today = now.astimezone(ZoneInfo(contract.time_zone)).date()
            for notice in renewals.due(_ending(contract), others, today=today):
                _tell(tx, contract, notice, now=now)


def _ending(contract: Contract) -> renewals.Ending:
    return renewals.Ending(
        valid_from=contract.valid_from,
        valid_until=contract.valid_until,
        notice_date=contract.notice_date,
        renewal=contract.renewal,
    )


def _tell(tx: Tx, contract: Contract, notice: renewals.Notice, *, now: datetime) -> None:
    key = f"contract:{contract.number}:{notice.what}:{notice.on}:{notice.step}"
    if not account_managers.once(tx, key, now=now):
        return
    about = {
        "contract": contract.number,
        "days": str(notice.days),
        "on": str(notice.on),
        "renewal": contract.renewal,
    }
    account_managers.ask(
        tx,
        contract.customer,
        f"contract_{notice.what}",
        once=f"contract:{contract.number}:{notice.what}:{notice.on}",
        now=now,
        url=f"/desk/contracts/{quote(contract.number, safe='')}",
        **about,
    )
    account_managers.write(tx, contract.customer, ENDS, now=now, what=notice.what, **about)
