"""A call flow is changed in drafts, published once it is clean, and gone back to; calls keep the version they began with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.desk import books, case, flows
from core.desk.errors import Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.principal import HUB, Principal
from core.ids import new_id
from core.store import tables
from ivr import rules
from tests.desk_at_work import AtWork, at_work

SHIPPED = rules.DEFAULT.read_text(encoding="utf-8")
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)


def changed(body: str = SHIPPED, **values: Any) -> str:
    return json.dumps(json.loads(body) | values, ensure_ascii=False)


def somebody(name: str, role: str) -> Principal:
    return Principal(kind="agent", id=name, name=name.title(), roles=frozenset({role}))


SAM, ADA, TOM = somebody("sam", "supervisor"), somebody("ada", "admin"), somebody("tom", "shift-leader")


def digest(body: str) -> str:
    return rules.digest(rules.parse(body))


@pytest.fixture
async def desk(db) -> AtWork:
    desk = await at_work(db)
    await db.write(flows.install, "default", SHIPPED, digest(SHIPPED), now=desk.now)
    return desk


async def draft(
    desk: AtWork, body: str, *, of: int = 1, who: Principal = SAM, seen: str | None = None
) -> int:
    if seen is None:
        seen = (await desk.db.read(flows.show, who, "default", of)).edition
    return await desk.db.write(flows.save, who, "default", of, body, rules, seen=seen, now=desk.now)


async def publish(desk: AtWork, number: int, body: str, comment: str = "Prova", who: Principal = SAM) -> None:
    await desk.db.write(
        flows.publish, who, "default", number, rules, digest=digest(body), comment=comment, now=desk.now
    )


async def states(desk: AtWork) -> list[tuple[int, str]]:
    return [(one.number, one.state) for one in await desk.db.read(flows.versions, SAM)]


async def chain(desk: AtWork) -> list[tuple[str, int]]:
    rows = await desk.rows(tables.event, ticket_id=case.ADMINISTRATION)
    return [(row.kind, row.data["version"]) for row in rows if row.kind.startswith("flow.")]


async def test_the_shipped_flow_is_published_at_the_first_start_and_only_once(desk):
    again = await desk.db.write(flows.install, "default", SHIPPED, digest(SHIPPED), now=desk.now)

    found = await desk.db.read(flows.published)
    assert (again, found.version, found.digest, found.body) == (False, 1, digest(SHIPPED), SHIPPED)
    assert await states(desk) == [(1, "published")]


async def test_another_shipped_flow_replaces_one_that_nobody_changed(desk):
    newer = changed(title="Newer")

    assert await desk.db.write(flows.install, "default", newer, digest(newer), now=desk.now)

    assert (await desk.db.read(flows.published)).body == newer
    assert await states(desk) == [(2, "published"), (1, "retired")]


async def test_a_flow_of_ones_own_is_not_replaced_by_a_shipped_one(desk):
    ours = changed(title="Ours")
    await publish(desk, await draft(desk, ours), ours)
    newer = changed(title="Newer")

    assert not await desk.db.write(flows.install, "default", newer, digest(newer), now=desk.now)

    assert (await desk.db.read(flows.published)).body == ours


async def test_hubs_that_start_at_once_publish_it_once(db):
    desk = await at_work(db)

    done = await asyncio.gather(
        *(db.write(flows.install, "default", SHIPPED, digest(SHIPPED), now=desk.now) for _ in range(4))
    )

    assert sorted(done) == [False, False, False, True]
    assert await states(desk) == [(1, "published")]


async def test_a_number_that_is_taken_is_not_taken_again(desk):
    made = await desk.db.write(
        flows._add, "default", SHIPPED, digest(SHIPPED), state="published", author="x", now=desk.now, number=1
    )

    assert made == 0
    assert await states(desk) == [(1, "published")]


async def test_without_a_published_flow_nobody_is_led(db):
    with pytest.raises(NotFound):
        await db.read(flows.published)


async def test_a_change_is_a_draft_that_leads_nobody_until_it_is_published(desk):
    ours = changed(title="Ours")

    number = await draft(desk, ours)
    before = (await desk.db.read(flows.published)).version
    await publish(desk, number, ours, "Titolo   nuovo")

    assert (number, before) == (2, 1)
    (first, second) = await desk.db.read(flows.versions, TOM)
    assert await desk.db.read(flows.versions, TOM, before=2) == (second,)
    assert await desk.db.read(flows.versions, TOM, limit=1) == (first,)
    assert (first.number, first.state, first.comment, first.published_at) == (
        2,
        "published",
        "Titolo nuovo",
        desk.now,
    )
    assert (second.number, second.state, second.author, second.shipped) == (1, "retired", "", True)
    assert await chain(desk) == [("flow.drafted", 2), ("flow.published", 2)]
    assert (await desk.db.read(books.verify)).faults == ()


async def test_ones_own_draft_is_replaced_and_of_anybody_elses_a_new_one_is_made(desk):
    number = await draft(desk, changed(title="One"))

    same = await draft(desk, changed(title="Two"), of=number)
    other = await draft(desk, changed(title="Three"), of=number, who=ADA)

    assert (number, same, other) == (2, 2, 3)
    mine = await desk.db.read(flows.show, SAM, "default", 2)
    theirs = await desk.db.read(flows.show, SAM, "default", 3)
    assert (rules.parse(mine.body).title, mine.version.mine) == ("Two", True)
    assert (rules.parse(theirs.body).title, theirs.version.mine) == ("Three", False)


async def test_a_text_from_elsewhere_is_a_draft_and_one_that_was_published_is_not_shipped(desk):
    ours = changed(title="Ours")

    number = await desk.db.write(flows.add, HUB, "default", ours, rules, now=desk.now)
    await publish(desk, number, ours, who=HUB)

    assert not await desk.db.write(flows.install, "default", SHIPPED, digest(SHIPPED), now=desk.now)
    assert await chain(desk) == [("flow.drafted", 2), ("flow.published", 2)]
    with pytest.raises(Forbidden):
        await desk.db.write(flows.add, TOM, "default", ours, rules, now=desk.now)


async def test_saving_what_did_not_change_changes_nothing(desk):
    assert await draft(desk, SHIPPED) == 1
    assert await states(desk) == [(1, "published")]


async def test_who_saves_over_a_newer_text_is_told(desk):
    number = await draft(desk, changed(title="One"))
    old = (await desk.db.read(flows.show, SAM, "default", number)).edition
    # What is drawn counts too, though it makes no other flow.
    await draft(desk, changed(title="One", metadata={"layout": {}}), of=number)

    with pytest.raises(Stale):
        await draft(desk, changed(title="Two"), of=number, seen=old)

    assert "layout" in rules.parse((await desk.db.read(flows.show, SAM, "default", number)).body).metadata


async def test_two_windows_that_save_at_once_do_not_both_win(desk):
    number = await draft(desk, changed(title="One"))
    seen = (await desk.db.read(flows.show, SAM, "default", number)).edition

    done = await asyncio.gather(
        *(draft(desk, changed(title=title), of=number, seen=seen) for title in ("A", "B")),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in done) == ["Stale", "int"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "this is no JSON"),
        ('{"schema": "centralino-flow/1"}', "missing required field"),
        (changed(id="other"), "must be default"),
        (" " * (flows.MAX_BODY + 1), "at most"),
    ],
    ids=["no JSON", "no flow", "another flow", "too long"],
)
async def test_what_is_no_flow_is_not_kept(desk, body, said):
    with pytest.raises(Invalid, match=said):
        await draft(desk, body)

    assert await states(desk) == [(1, "published")]


async def test_a_flow_that_callers_would_suffer_from_is_not_published(desk):
    broken = changed(start="nowhere")
    number = await draft(desk, broken)

    with pytest.raises(Invalid, match="unknown_node: nowhere") as refused:
        await publish(desk, number, broken)

    assert [fault.pointer for fault in refused.value.faults] == ["/body/start"]
    assert await desk.db.read(flows.findings, TOM, broken, rules) == rules.validate(rules.parse(broken))
    assert (await desk.db.read(flows.published)).version == 1


async def test_what_was_reviewed_is_what_is_published_and_with_a_comment(desk):
    ours = changed(title="Ours")
    number = await draft(desk, ours)

    with pytest.raises(Stale):
        await publish(desk, number, SHIPPED)
    with pytest.raises(Invalid, match="comment"):
        await publish(desk, number, ours, "  ")
    with pytest.raises(Invalid, match="comment"):
        await publish(desk, number, ours, "x" * 501)
    await publish(desk, number, ours)
    with pytest.raises(Refused):
        await publish(desk, number, ours)


async def test_two_drafts_published_at_once_leave_one_in_force(desk):
    one, two = changed(title="One"), changed(title="Two")
    numbers = await draft(desk, one), await draft(desk, two, who=ADA)

    await asyncio.gather(publish(desk, numbers[0], one), publish(desk, numbers[1], two, who=ADA))

    assert [state for _, state in await states(desk)].count("published") == 1


async def test_going_back_publishes_an_older_version_again_as_a_new_one(desk):
    ours = changed(title="Ours")
    await publish(desk, await draft(desk, ours), ours)

    number = await desk.db.write(
        flows.roll_back, SAM, "default", 1, rules, comment="Troppi errori", now=desk.now
    )

    assert number == 3
    assert (await desk.db.read(flows.published)).body == SHIPPED
    assert await states(desk) == [(3, "published"), (2, "retired"), (1, "retired")]
    assert (await chain(desk))[-1] == ("flow.rolled_back", 3)
    with pytest.raises(Refused):
        await desk.db.write(flows.roll_back, SAM, "default", 3, rules, comment="Di nuovo", now=desk.now)


async def discard(desk: AtWork, number: int, who: Principal, seen: str | None = None) -> None:
    if seen is None:
        seen = (await desk.db.read(flows.show, who, "default", number)).edition
    await desk.db.write(flows.discard, who, "default", number, seen=seen, now=desk.now)


async def test_a_draft_is_discarded_by_its_author_or_an_administrator(desk):
    first, second = await draft(desk, changed(title="One")), await draft(desk, changed(title="Two"))
    other = somebody("eva", "supervisor")

    with pytest.raises(Forbidden):
        await discard(desk, first, other)
    with pytest.raises(Stale):
        await discard(desk, first, SAM, "another")
    with pytest.raises(Refused):
        await discard(desk, 1, SAM)
    await discard(desk, first, SAM)
    await discard(desk, second, ADA)

    assert await states(desk) == [(1, "published")]
    for nothing in (0, -1, 2**40):
        with pytest.raises(NotFound):
            await desk.db.read(flows.show, SAM, "default", nothing)
    assert (await chain(desk))[-2:] == [("flow.discarded", first), ("flow.discarded", second)]
    with pytest.raises(NotFound):
        await desk.db.read(flows.show, SAM, "default", first)


async def on_the_phone(desk: AtWork, version: str) -> None:
    def ring(tx):
        tx.insert(
            tables.call,
            id=new_id(),
            line="softphone",
            external_id="1",
            flow=version,
            state={},
            phase="flow",
            facts={},
            first_ring_at=desk.now,
            signal_at=desk.now,
        )

    await desk.db.write(ring)


async def test_a_call_keeps_the_draft_it_began_with(desk):
    one, two = changed(title="One"), changed(title="Two")
    number = await draft(desk, one)
    await on_the_phone(desk, digest(one))

    with pytest.raises(Refused, match="on the phone"):
        await discard(desk, number, SAM)
    made = await draft(desk, two, of=number)

    assert made == number + 1
    assert (await desk.db.read(flows.of_digest, digest(one))).body == one
    assert (await desk.db.read(flows.of_digest, digest(two))).body == two
    with pytest.raises(Refused, match="no former version"):
        await desk.db.write(flows.roll_back, SAM, "default", number, rules, comment="x", now=desk.now)


async def test_a_trial_call_asks_for_the_version_in_force_the_newest_draft_or_a_number(desk):
    with pytest.raises(NotFound):
        await desk.db.read(flows.called, "default", "draft")
    body = changed(title="Ours")
    await draft(desk, body)

    called = [await desk.db.read(flows.called, "default", one) for one in ("published", "draft", "1", "2")]

    assert called == [digest(SHIPPED), digest(body), digest(SHIPPED), digest(body)]


async def test_a_version_that_is_gone_is_not_found(desk):
    with pytest.raises(NotFound):
        await desk.db.read(flows.of_digest, "00" * 32)


async def test_staff_read_and_only_supervisors_and_administrators_change(desk):
    alice = await desk.who("alice")

    assert (await desk.db.read(flows.show, TOM, "default", 1)).body == SHIPPED
    assert [flows.may_edit(who) for who in (SAM, ADA, HUB, TOM, alice)] == [True, True, True, False, False]
    with pytest.raises(Forbidden):
        await draft(desk, changed(title="Ours"), who=TOM)
    with pytest.raises(NotFound):
        await desk.db.read(flows.versions, alice)
    with pytest.raises(NotFound):
        await desk.db.read(flows.findings, alice, SHIPPED, rules)
    with pytest.raises(NotFound):
        await desk.db.read(flows.show, alice, "default", 1)
    with pytest.raises(NotFound):
        await draft(desk, SHIPPED, who=alice)


async def test_a_recording_is_kept_played_and_asked_for_when_it_is_gone(desk):
    name = await desk.db.write(flows.record_prompt, SAM, WAV, now=desk.now)
    plain = json.loads(SHIPPED)
    plain["prompts"]["bye"]["it"]["recording"] = name
    ours = json.dumps(plain)
    number = await draft(desk, ours)

    assert await desk.db.read(flows.recording, TOM, "default", number, name, rules) == (WAV, "audio/wav")
    with pytest.raises(NotFound):
        await desk.db.read(flows.recording, TOM, "default", 1, name, rules)
    await publish(desk, number, ours)

    plain["prompts"]["bye"]["it"]["recording"] = "0" * 64
    gone = json.dumps(plain)
    number = await draft(desk, gone, of=number)
    with pytest.raises(NotFound):
        await desk.db.read(flows.recording, TOM, "default", number, "0" * 64, rules)
    with pytest.raises(Invalid, match="missing_recording"):
        await publish(desk, number, gone)


@pytest.mark.parametrize("content", [b"<html>", b"", b"RIFF" + bytes(flows.MAX_RECORDING)])
async def test_what_is_no_sound_or_too_long_is_no_recording(desk, content):
    with pytest.raises(Invalid, match="recording"):
        await desk.db.write(flows.record_prompt, SAM, content, now=desk.now)
