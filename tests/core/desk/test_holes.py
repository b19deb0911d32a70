"""Nobody is there for what somebody bought: found on the demo desk, told once, gone when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core.desk import holes, reference, tasks
from core.desk.configuration import checking, rows
from core.desk.principal import HUB, Principal
from core.store import tables

DEMO = Path(__file__).parents[3] / "templates" / "demo" / "desk.toml"
AUTUMN = datetime(2026, 10, 19, 8, tzinfo=UTC)  # the clocks go back on the 25th
QUARTER = timedelta(minutes=15)
LEADER = Principal(kind="agent", id="elena", email="e@nordest.test", roles=frozenset({"supervisor"}))


@pytest.fixture(scope="module")
def document():
    return {
        section: parts
        for section, parts in checking.read(DEMO.read_text("utf-8")).items()
        if section != "rotas"
    }


@pytest.fixture
async def desk(db, document):
    await db.write(rows.apply, HUB, document, {}, now=AUTUMN)
    return db


def wanted(line, technology: str, kind: str) -> bool:
    return (not line.technologies or technology in line.technologies) and (
        not line.request_types or kind in line.request_types
    )


def slowly(desk, contracts, rules) -> dict[tuple[str, str, str], set[datetime]]:
    """Quarter hour by quarter hour, with nothing but the calendars: no customer of the demo desk has rules of its own."""
    found: dict[tuple[str, str, str], set[datetime]] = {}
    for n in range(14 * 24 * 4):
        at = AUTUMN + n * QUARTER
        is_open = {name: of.calendar.is_open(at) for name, of in desk.calendars.items()}
        there = {}
        for name in desk.groups:
            one, seen = name, set()
            while one is not None and one not in seen and not is_open[desk.groups[one].calendar]:
                seen.add(one)
                one = desk.groups[one].fallback
            there[name] = one is not None and one not in seen
        for technology in desk.technologies:
            for kind in desk.request_types:
                fitting = [
                    rule
                    for rule in rules
                    if rule.technology in (None, technology)
                    and rule.request_type in (None, kind)
                    and desk.groups[rule.group].level == 1
                ]
                best = max(
                    fitting,
                    key=lambda rule: (rule.technology is not None) * 4 + (rule.request_type is not None) * 2,
                    default=None,
                )
                if best is not None and there[best.group]:
                    continue
                for code, signed in contracts.items():
                    for contract in signed:
                        today = at.astimezone(ZoneInfo(contract.time_zone)).date()
                        over = (today - contract.valid_until).days
                        if (
                            contract.status == "active"
                            and contract.valid_from <= today
                            and over <= contract.grace_days
                            and any(
                                wanted(line, technology, kind) and is_open[line.calendar]
                                for line in contract.lines
                            )
                        ):
                            found.setdefault((code, technology, kind), set()).add(at)
    return found


async def test_removing_a_rule_of_the_demo_desk_names_exactly_its_cells_hour_by_hour(desk):
    known = await desk.read(reference.desk)
    codes = [row.code for row in await desk.read(lambda tx: tx.all(select(tables.customer.c.code)))]
    contracts = {code: await desk.read(reference.contracts, code) for code in codes}

    for gone in ("Network", "Security"):
        rules = tuple(rule for rule in known.routing if rule.technology != gone)
        found = await desk.read(holes.look, now=AUTUMN, rules=rules)

        quarters = {
            (one.customer, one.technology, one.request_type): {
                since + n * QUARTER for since, until, _ in one.gaps for n in range((until - since) // QUARTER)
            }
            for one in found.holes
        }
        assert quarters == slowly(known, contracts, rules)
        named = {(one.technology, one.request_type) for one in found.holes}
        assert {technology for technology, _ in named} == {gone}


async def test_a_new_hole_is_an_alarm_once_and_gone_when_the_hole_is(desk, document):
    async def alarms() -> list[tasks.Task]:
        return [one for one in await desk.read(tasks.mine, LEADER) if one.kind == "hole"]

    async def looked(at: datetime) -> None:
        await desk.write(holes.keep, await desk.read(holes.look, now=at), now=at)

    await looked(AUTUMN)
    before = await alarms()
    without = tuple(part for part in document["routing"] if part.technology != "Server")
    await desk.write(rows.apply, HUB, {"routing": without}, {}, now=AUTUMN)
    jobs = await desk.read(lambda tx: tx.all(select(tables.job.c.kind).where(tables.job.c.kind == "holes")))
    assert len(jobs) == 1, "a change has it looked at"

    await looked(AUTUMN)
    told = [one for one in await alarms() if one not in before]
    assert any("Server, Incident" in one.about["cells"] for one in told)
    assert all(one.alarm for one in told)
    await looked(AUTUMN + timedelta(days=1))
    assert [one for one in await alarms() if one not in before] == told, "told once"

    await desk.write(rows.apply, HUB, {"routing": document["routing"]}, {}, now=AUTUMN)
    await looked(AUTUMN)
    assert {one.about["customer"] for one in await alarms()} <= {one.about["customer"] for one in before}
    kept = await desk.read(holes.known, LEADER)
    assert kept.holes == (await desk.read(holes.look, now=AUTUMN)).holes
