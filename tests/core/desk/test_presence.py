from __future__ import annotations

from datetime import timedelta

import pytest

from core.desk import page, presence
from core.desk.errors import Forbidden, Invalid, NotFound
from core.ids import new_id
from tests import rows
from tests.rows import ALICE, LEADER, NOON, TECHNICIAN


@pytest.fixture
async def desk(db):
    await db.write(rows.people)
    await db.write(rows.a_ticket, "26-000001", desk_group="Network L1")
    return db


@pytest.fixture
def told(desk):
    topics = []
    desk.listen(topics.extend)
    return topics


async def seen_by(desk, who, now=NOON):
    shown = await desk.read(page.ticket, who, "26-000001", now=now)
    return [(one.name, one.doing, one.since) for one in shown.presence]


async def test_colleagues_see_who_is_writing_and_since_when(desk):
    await desk.write(presence.here, TECHNICIAN, "26-000001", "writing", now=NOON)
    later = NOON + timedelta(seconds=20)
    await desk.write(presence.here, TECHNICIAN, "26-000001", "writing", now=later)

    assert await seen_by(desk, LEADER, later + timedelta(seconds=25)) == [("Teo", "writing", NOON)]


async def test_presence_lapses_and_begins_anew(desk):
    await desk.write(presence.here, TECHNICIAN, "26-000001", "looking", now=NOON)
    later = NOON + timedelta(minutes=5)
    assert await seen_by(desk, LEADER, later) == []

    await desk.write(presence.here, TECHNICIAN, "26-000001", "looking", now=later)

    assert await seen_by(desk, LEADER, later) == [("Teo", "looking", later)]


async def test_who_leaves_is_gone(desk):
    await desk.write(presence.here, TECHNICIAN, "26-000001", "looking", now=NOON)
    await desk.write(presence.leave, TECHNICIAN, "26-000001")

    assert await seen_by(desk, LEADER) == []


async def test_only_changes_are_told(desk, told):
    for second in (0, 10, 20):
        now = NOON + timedelta(seconds=second)
        await desk.write(presence.here, TECHNICIAN, "26-000001", "looking", now=now)
    assert [topic for topic, _ in told] == ["presence"]

    await desk.write(presence.here, TECHNICIAN, "26-000001", "writing", now=NOON + timedelta(seconds=21))
    await desk.write(presence.leave, TECHNICIAN, "26-000001")
    await desk.write(presence.leave, TECHNICIAN, "26-000001")
    assert [topic for topic, _ in told] == ["presence"] * 3


async def test_a_draft_is_kept_for_its_writer_until_it_is_empty(desk):
    async def drafts(who):
        return (await desk.read(page.ticket, who, "26-000001", now=NOON)).drafts

    await desk.write(presence.save_draft, LEADER, "26-000001", "reply", "Dear", now=NOON)
    await desk.write(presence.save_draft, LEADER, "26-000001", "reply", "Dear Alice", now=NOON)
    await desk.write(presence.save_draft, LEADER, "26-000001", "note", "hm", now=NOON)
    assert await drafts(LEADER) == {"reply": "Dear Alice", "note": "hm"}
    assert await drafts(TECHNICIAN) == {}

    await desk.write(presence.save_draft, LEADER, "26-000001", "reply", " \n", now=NOON)
    assert await drafts(LEADER) == {"note": "hm"}


async def test_what_makes_no_sense_is_refused(desk):
    with pytest.raises(Invalid, match="/doing"):
        await desk.write(presence.here, LEADER, "26-000001", "sleeping", now=NOON)
    with pytest.raises(Invalid, match="/kind"):
        await desk.write(presence.save_draft, LEADER, "26-000001", "vendor", "x", now=NOON)
    with pytest.raises(Invalid, match="at most"):
        await desk.write(presence.save_draft, LEADER, "26-000001", "note", "x" * 100_001, now=NOON)
    with pytest.raises(NotFound):
        await desk.write(presence.here, LEADER, new_id(), "looking", now=NOON)
    with pytest.raises(Forbidden):
        await desk.write(presence.here, ALICE, "26-000001", "looking", now=NOON)
