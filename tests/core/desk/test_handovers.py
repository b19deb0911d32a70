"""One shift hands over to the next: with a sentence for what is grave, and two signatures under the same brief."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.desk import books, handovers, holes, rota_board, rota_gaps, tasks
from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.principal import Principal
from core.store import tables
from core.store.database import Database
from tests.core.desk.test_ladder_at_night import NIGHT
from tests.desk_at_work import AtWork, at_work
from tests.desk_files import put

SHIFTS = NIGHT.replace(
    'members = ["lea@hub.test"]\n  starts = 2026-01-01',
    'members = ["lea@hub.test", "luc@hub.test"]\n  starts = 2026-01-01',
).replace(
    "[[customers]]",
    '[[agents]]\nemail = "luc@hub.test"\nname = "Luc"\nphone = "+393405558888"\nroles = ["shift-leader"]\n\n[[customers]]',
    1,
)
EIGHT = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
"""The night shift ends in Rome."""


@pytest.fixture
async def desk(db: Database) -> AtWork:
    return await at_work(db, SHIFTS)


async def test_a_handover_is_signed_by_both_once_everything_grave_has_its_sentence(desk: AtWork):
    number = await desk.qualify((await desk.mail("alice@acme.test")).number or "", impact=1, urgency=1)
    lea, luc, sue, ann = [await desk.who(name) for name in ("lea", "luc", "sue", "ann")]
    await desk.db.write(handovers.look, now=desk.now)
    desk.now = EIGHT
    for _ in range(2):
        await desk.db.write(handovers.look, now=desk.now)
    (made,) = await desk.db.read(handovers.unsigned, lea, now=desk.now)

    async def sign(who: Principal, side: str, seen: str) -> handovers.Handover:
        return await desk.db.write(handovers.sign, who, made.id, side=side, seen=seen, now=desk.now)

    async def refused(who: Principal, side: str, seen: str) -> DeskError:
        with pytest.raises(DeskError) as error:
            await sign(who, side, seen)
        return error.value

    assert {made.outgoing, made.incoming} == {"Lea", "Luc"}
    assert [one["number"] for one in made.brief["grave"]] == [number]
    gap = await refused(lea, "out", made.hash)
    assert isinstance(gap, Refused)
    assert gap.missing == (number,)
    desk.passes(minutes=30)
    await desk.db.write(handovers.look, now=desk.now)
    alarm = [one for one in await desk.db.read(tasks.mine, sue) if one.kind == handovers.UNSIGNED]
    assert len(alarm) == 1

    said = await desk.db.write(
        handovers.say, lea, made.id, {number: "Il fornitore richiama alle 9."}, now=desk.now
    )
    assert isinstance(await refused(lea, "out", made.hash), Stale)
    await sign(lea, "out", said.hash)
    assert isinstance(await refused(lea, "in", said.hash), Refused)
    again = await desk.db.write(handovers.say, luc, made.id, {number: "Richiama alle 10."}, now=desk.now)
    assert again.signed_out is None  # it was of another brief
    await sign(lea, "out", again.hash)
    assert isinstance(await refused(ann, "in", again.hash), NotFound)
    assert isinstance(await refused(await desk.who("tom"), "in", again.hash), Forbidden)
    done = await sign(sue, "in", again.hash)  # a supervisor stands in

    assert done.signed
    assert await desk.db.read(handovers.unsigned, lea, now=desk.now) == []
    assert [one.kind for one in await desk.db.read(tasks.mine, sue)] == []
    kept = await desk.db.read(handovers.one, lea, made.id)
    assert (kept.hash, kept.sentences) == (again.hash, {number: "Richiama alle 10."})
    with pytest.raises(Refused):
        await desk.db.write(handovers.say, lea, made.id, {number: "Altro."}, now=desk.now)
    assert (await desk.db.read(books.verify, now=desk.now)).faults == ()


async def test_a_shift_that_ended_before_its_rota_was_there_is_handed_over_to_nobody(desk: AtWork):
    lea = await desk.who("lea")

    async def begun(at: datetime) -> list[datetime]:
        await desk.db.write(handovers.look, now=at)
        return [one.ends for one in await desk.db.read(handovers.unsigned, lea, now=at)]

    for minutes in (30, 31, 90):
        assert await begun(EIGHT + timedelta(minutes=minutes)) == []
    following = await begun(EIGHT + timedelta(hours=26))
    assert [at > EIGHT for at in following] == [True]


async def test_a_gap_is_an_alarm_a_week_before_and_a_stand_in_closes_it(desk: AtWork):
    lea, ann = await desk.who("lea"), await desk.who("ann")
    nights = SHIFTS.replace(
        'duty = "supervisor"\nfallback = "+390455550900"\n  [[rotas.layers]]',
        'duty = "supervisor"\nfallback = "+390455550900"\n  [[rotas.layers]]\n  restrictions = ["mon-fri 00:00-24:00"]',
    )
    await desk.db.write(put, nights, now=desk.now)
    await desk.work()

    async def alarms() -> list[str]:
        return [one.about["what"] for one in await desk.db.read(tasks.mine, lea) if one.kind == rota_gaps.GAP]

    found = await desk.db.read(rota_board.gaps, lea, now=desk.now)
    assert await alarms() == ["supervision"]
    gap = next(one for one in found if one.what == "supervision")
    given = {"agent": "sue@hub.test", "since": gap.since, "until": gap.until, "reason": "reperibile"}
    for who, changed, error in (
        (ann, {}, Forbidden),
        (lea, {"reason": " "}, Invalid),
        (lea, {"until": gap.since}, Invalid),
        (lea, {"agent": "nobody@hub.test"}, Invalid),
    ):
        with pytest.raises(error):
            await desk.db.write(rota_board.stand_in, who, "Supervisors", now=desk.now, **given | changed)
    made = [
        await desk.db.write(rota_board.stand_in, lea, "Supervisors", now=desk.now, **given) for _ in range(2)
    ]
    looks = [row.kind for row in await desk.rows(tables.job) if row.kind in (holes.KIND, rota_gaps.KIND)]
    await desk.work()

    assert len(set(made)) == 1
    assert sorted(looks) == [holes.KIND, rota_gaps.KIND], "what nobody is there for, too, is looked for again"
    assert await alarms() == []
    plan = await desk.db.read(
        rota_board.plan, ann, "Supervisors", since=gap.since, until=gap.until, now=desk.now
    )
    assert [(turn.who.name, turn.override) for turn in plan.turns] == [("Sue", made[0])]
    await desk.db.write(rota_board.take_out, lea, "Supervisors", made[0], now=desk.now)
    await desk.work()
    assert await alarms() == ["supervision"]
    assert [row.rota for row in await desk.rows(tables.rota_override)] == [
        "Supervisors"
    ]  # it stays on record
