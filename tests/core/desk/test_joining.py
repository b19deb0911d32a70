"""Merge, split, move and their undoing: nothing is lost, nothing is said twice, and all of it can be taken back."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from core.desk import books, joining, resolution, search, sending, tickets
from core.desk.errors import NotFound, Refused, Stale
from core.envelope import Attachment, Sent
from core.store import lanes, tables, work
from core.store.database import Database
from tests.desk_at_work import PASSED, AtWork, at_work

HUNG = (
    tables.thread,
    tables.participant,
    tables.message,
    tables.attachment,
    tables.delivery,
    tables.delivery_attempt,
    tables.note,
)
NOTICES = {"merged", "unmerged", "moved", "unmoved", "split", "unsplit"}


async def _export(desk: AtWork) -> dict[str, Any]:
    """Everything that hangs at tickets, but the notices of joinings themselves and what says when."""
    notices = {
        row.id
        for row in await desk.rows(tables.message)
        if {step["key"] for step in (row.made_from or {}).get("steps", ())} & NOTICES
    }
    found: dict[str, Any] = {}
    for table in HUNG:
        rows = [row._asdict() for row in await desk.rows(table)]
        found[table.name] = [row for row in rows if not {row.get("id"), row.get("message_id")} & notices]
    moving = {"updated_at", "last_event", "flags", "next_due", "next_clock", "breached_at"}
    found["ticket"] = [
        {name: value for name, value in row._asdict().items() if name not in moving}
        for row in await desk.rows(tables.ticket)
    ]
    return found


def _of(export: dict[str, Any], tickets: set[str]) -> dict[str, Any]:
    """What hangs at these tickets: the part that an undone split leaves behind, empty, is another one."""
    return {
        name: [
            row
            for row in rows
            if row.get("ticket_id", row["id" if name == "ticket" else "ticket_id"]) in tickets
        ]
        for name, rows in export.items()
    }


async def _balanced(desk: AtWork) -> None:
    found = await desk.db.read(books.verify, now=desk.now)
    assert found.faults == ()


async def _two(desk: AtWork) -> tuple[str, str]:
    """A later request that says the same as an earlier one, both of Alice; what we said so far has left."""
    first = await desk.taken("alice@acme.test")
    desk.passes(minutes=30)
    second = await desk.qualified("alice@acme.test", subject="Ancora la rete", text="Di nuovo ferma.")
    desk.passes(minutes=2)
    await desk.work()
    return first, second


async def test_a_merge_takes_conversations_along_and_leaves_a_signpost(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    ann = await desk.who("ann")
    said = await desk.rows(tables.message, second)

    await desk.do(joining.merge, ann, second, into=first)

    merged, goes_on = await desk.ticket(second), await desk.ticket(first)
    assert (merged.state, merged.open, merged.merged_into) == ("merged", False, goes_on.id)
    assert await desk.rows(tables.message, second) == []
    assert {row.id for row in said} < {row.id for row in await desk.rows(tables.message, first)}
    assert {row.state for row in (await desk.clocks(second)).values()} <= {"cancelled", "met"}
    assert [row.kind for row in await desk.events(first)][-1] == "ticket.absorbed"
    (told,) = [
        row for row in await desk.outward(first, "progress") if first in row.text and second in row.text
    ]
    assert len(await desk.deliveries(first, message_id=told.id)) == 1
    for asked in (second, "Di nuovo ferma"):  # old numbers and words lead to the one that goes on
        found = await db.read(search.tickets, await desk.who("lea"), q=asked, view="all", sort="newest")
        assert first in [row.number for row in found.items]
    await _balanced(desk)


async def test_promises_count_from_the_earlier_receipt_and_from_their_own_again(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    own = {name: (row.started_at, row.due_at) for name, row in (await desk.clocks(second)).items()}
    received = (await desk.ticket(first)).received_at

    for _ in range(2):  # undone and done again: the last word counts
        await desk.do(joining.merge, await desk.who("ann"), first, into=second)
        moved = await desk.clocks(second)
        assert {moved[name].started_at for name in ("response", "resolve")} == {received}
        assert (await desk.ticket(second)).received_at == received

        await desk.do(joining.undo, await desk.who("ann"), second)
        again = await desk.clocks(second)
        assert {name: (row.started_at, row.due_at) for name, row in again.items()} == own


async def test_a_wrong_merge_is_undone_without_a_trace_of_loss(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    await desk.do(tickets.note, await desk.who("ann"), second, "Chiama Aldo.")
    ref_of_second, ref_of_first = await desk.ref(second), await desk.ref(first)
    before = await _export(desk)
    await desk.do(joining.merge, await desk.who("ann"), second, into=first)
    desk.passes(minutes=5)
    await desk.work()

    on_second = await desk.mail("alice@acme.test", text="E la stampante?", own_refs=(ref_of_second,))
    on_first = await desk.mail("alice@acme.test", text="Torna a funzionare.", own_refs=(ref_of_first,))
    by_number = await desk.mail("alice@acme.test", text="Novità?", ticket_numbers=(second,))
    assert {one.number for one in (on_second, on_first, by_number)} == {first}

    desk.passes(minutes=5)
    await desk.do(joining.undo, await desk.who("ann"), second)

    since = {on_second.message_id, on_first.message_id, by_number.message_id}
    after = await _export(desk)
    for table in HUNG:
        rows = [row for row in after[table.name] if row.get("id") not in since]
        assert rows == before[table.name], table.name
    there = {row.id: row.thread_id for row in await desk.rows(tables.message, second)}
    assert on_second.message_id in there
    assert on_first.message_id not in there
    restored = await desk.ticket(second)
    assert (restored.state, restored.merged_into, restored.open) == ("assigned", None, True)
    (told,) = [row for row in await desk.outward(second, "progress") if "di nuovo da sola" in row.text]
    assert told.withdrawn_at is None
    assert {row.name for row in (await desk.clocks(second)).values() if row.state == "running"} >= {"resolve"}
    await _balanced(desk)


async def test_an_undo_within_the_minute_leaves_no_trace_at_the_customer(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    before, left = await _export(desk), len(desk.channel.sent)

    await desk.do(joining.merge, await desk.who("ann"), second, into=first)
    await desk.do(joining.undo, await desk.who("ann"), second)
    desk.passes(minutes=5)
    await desk.work()

    assert await _export(desk) == before
    assert len(desk.channel.sent) == left


async def test_what_a_worker_has_in_hand_is_neither_lost_nor_doubled(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    sent = len(desk.channel.sent)
    await desk.do(tickets.reply, await desk.who("ann"), second, "La guardiamo ora.")
    (claim,) = await db.write(lanes.claim, crew="send:email", owner="other hub", now=desk.now, most=10)
    (job,) = claim.jobs
    delivery = job.payload["delivery"]
    assert await db.write(sending.begin, job.shard, delivery, now=desk.now) is not None

    await desk.do(joining.merge, await desk.who("ann"), second, into=first)
    await desk.do(tickets.reply, await desk.who("ann"), first, "Un'altra cosa.")
    await db.write(_finish, claim, job, delivery, now=desk.now)
    desk.passes(minutes=5)
    await desk.work()

    (row,) = await desk.deliveries(first, id=delivery)
    assert (row.state, row.attempts) == ("sent", 1)
    assert [one.text for one in desk.channel.sent[sent:] if one.delivery_id == delivery] == []
    assert len(desk.channel.sent) - sent == 2  # the other answer, and that it goes on there
    await _balanced(desk)


def _finish(tx: Any, claim: Any, job: Any, delivery: str, *, now: Any) -> None:
    lanes.guard(tx, claim, now=now)
    work.done(tx, job)
    sending.sent(tx, job.shard, delivery, Sent(detail="250"), now=now)
    lanes.release(tx, claim)


async def test_what_waits_to_leave_goes_along_and_leaves_once(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    sent = len(desk.channel.sent)
    await desk.do(tickets.reply, await desk.who("ann"), second, "La guardiamo ora.")

    await desk.do(joining.merge, await desk.who("ann"), second, into=first)
    assert await desk.rows(tables.job, shard=(await desk.ticket(second)).id, kind="send") == []
    desk.passes(minutes=5)
    await desk.work()

    assert [one.ticket_number for one in desk.channel.sent[sent:]] == [first, first]
    await _balanced(desk)


async def test_a_split_begins_a_request_of_its_own_and_can_be_taken_back(db: Database) -> None:
    desk = await at_work(db)
    number = await desk.taken("alice@acme.test")
    desk.passes(minutes=10)
    ref = await desk.ref(number)
    desk.passes(minutes=1)
    said = {"message_id": "E.1@MAIL.acme.test", "own_refs": (ref,)}
    other = await desk.mail("alice@acme.test", text="E mi serve un server.", **said)
    asked_at = desk.now
    desk.passes(minutes=2)
    await desk.work()
    ann, before = await desk.who("ann"), await _export(desk)

    part = await desk.do(joining.split, ann, number, messages=[other.message_id], subject="Un server")

    row = await desk.ticket(part)
    assert (row.subject, row.state, row.received_at, row.customer) == (
        "Un server",
        "triage",
        asked_at,
        "ACME",
    )
    assert [one.id for one in await desk.rows(tables.message, part, direction="in")] == [other.message_id]
    assert (await desk.inbound(desk.last)).ticket_id == row.id
    links = await desk.rows(tables.ticket_link)
    assert {one.kind for one in links} == {"split_from", "split_into"}
    (told,) = await desk.outward(part, "progress")
    assert number in told.text
    answer = await desk.mail("alice@acme.test", text="Con 64 GB.", in_reply_to=("E.1@mail.acme.test",))
    assert answer.number == part
    await _balanced(desk)

    await desk.do(joining.undo, ann, number)

    after = await _export(desk)
    mine = {one["id"] for one in before["message"]}
    assert [one for one in after["message"] if one["id"] in mine] == before["message"]
    assert answer.message_id in {one.id for one in await desk.rows(tables.message, number)}
    assert (await desk.ticket(part)).merged_into == (await desk.ticket(number)).id
    late = await desk.mail("alice@acme.test", text="E un monitor.", ticket_numbers=(part,))
    assert late.number == number
    await _balanced(desk)


async def test_a_conversation_moves_alone(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    await desk.do(joining.merge, await desk.who("ann"), second, into=first)
    desk.passes(minutes=5)
    await desk.work()
    third = await desk.qualified("alice@acme.test", subject="Terza", text="Altro ancora.")
    _, thread = await desk.rows(tables.thread, first)
    token = await db.write(sending._answers_to, thread.ticket_id, thread.id, "alice@acme.test")

    await desk.do(joining.move, await desk.who("ann"), first, thread=thread.id, into=third)

    answer = await desk.mail("alice@acme.test", text="Ecco.", reply_tokens=(token,))
    assert answer.number == third
    (merged,) = await desk.rows(tables.joining, kind="merge")
    with pytest.raises(Refused, match="since"):  # what the merge brought is somewhere else now
        await desk.do(joining.undo, await desk.who("ann"), second, act=merged.id)
    await desk.do(joining.undo, await desk.who("ann"), third)
    answer = await desk.mail("alice@acme.test", text="Ecco.", reply_tokens=(token,))
    assert answer.number == first
    await desk.do(joining.undo, await desk.who("ann"), second)
    answer = await desk.mail("alice@acme.test", text="Ecco.", reply_tokens=(token,))
    assert answer.number == second
    await _balanced(desk)


async def test_what_must_not_be_joined_is_refused_with_what_to_do(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    of_beta = (await desk.mail("bob@beta.test")).number or ""
    closed = await desk.closed("aldo@acme.test")
    ann, lea = await desk.who("ann"), await desk.who("lea")

    for number, into, code in (
        (first, first, "same_ticket"),
        (first, of_beta, "other_customer"),
        (first, closed, "into_ended"),
        (closed, first, "not_open"),
    ):
        with pytest.raises(Refused) as refused:
            await desk.do(joining.merge, lea, number, into=into)
        assert refused.value.code == code
    (message,) = await desk.rows(tables.message, second, direction="in")
    for chosen, code in (((), "split_of_none"), ((message.id,), "split_of_all")):
        with pytest.raises(Refused) as refused:
            await desk.do(joining.split, ann, second, messages=chosen)
        assert refused.value.code == code
    with pytest.raises(NotFound):  # Ann works for one group only
        await desk.do(joining.merge, ann, first, into=of_beta)
    seen = (await desk.ticket(first)).last_event
    await desk.mail("alice@acme.test", text="Aspettate!", own_refs=(await desk.ref(first),))
    with pytest.raises(Stale):
        await desk.do(joining.merge, ann, second, into=first, seen_into=seen)
    await desk.do(joining.merge, ann, second, into=first)
    await desk.do(resolution.resolve, ann, first, cause="network", text="Fatto.", minutes=5)
    await desk.do(resolution.close, ann, first)
    with pytest.raises(Refused) as refused:
        await desk.do(joining.undo, ann, second)
    assert refused.value.code == "survivor_ended"


@pytest.mark.parametrize("seed", [3, 8])
async def test_whatever_is_joined_and_parted_nothing_is_lost_or_doubled_and_undo_restores(
    db: Database, seed: int
) -> None:
    desk, chance = await at_work(db), random.Random(seed)  # noqa: S311 - a test
    numbers = [await desk.taken("alice@acme.test"), await desk.qualified("aldo@acme.test")]
    file = Attachment(name="log.txt", type="text/plain", content=b"line")
    for sender in ("alice@acme.test", "aldo@acme.test"):
        desk.passes(minutes=3)
        numbers.append(
            (await desk.mail(sender, subject="Altro", text="Anche questo.", attachments=(file,))).number or ""
        )
    for number in numbers:
        desk.passes(minutes=1)
        said = {"ticket_numbers": (number,), "authentication": PASSED}
        await desk.mail((await desk.ticket(number)).requester_address, text=f"E poi {number}?", **said)
    desk.passes(minutes=2)
    await desk.work()
    lea = await desk.who("lea")
    words = sorted(row.id for row in await desk.rows(tables.message))
    sent = sorted((row.id, row.state) for row in await desk.rows(tables.delivery) if row.message_id in words)
    files = sorted(row.id for row in await desk.rows(tables.attachment))
    standing: list[tuple[str, str]] = []

    for _ in range(7):
        before = await _export(desk)
        known = {row["id"] for row in before["ticket"]}
        try:
            standing.append(await _joined(desk, chance, sorted(row["number"] for row in before["ticket"])))
        except Refused:
            continue
        if chance.random() < 0.5:  # noqa: PLR2004 - every other one
            await desk.do(joining.undo, lea, *standing[-1][:1], act=standing.pop()[1])
            assert _of(await _export(desk), known) == before
        desk.passes(seconds=20)
    await _balanced(desk)
    for number, act in reversed(standing):
        await desk.do(joining.undo, lea, number, act=act)

    await _balanced(desk)
    desk.passes(minutes=5)
    await desk.work()
    await _balanced(desk)
    assert sorted({row.id for row in await desk.rows(tables.message)} & set(words)) == words
    assert sorted(row.id for row in await desk.rows(tables.attachment)) == files
    theirs = [row for row in await desk.rows(tables.delivery) if row.message_id in set(words)]
    assert sorted((row.id, row.state) for row in theirs) == sent
    where = {row.id: row.ticket_id for row in await desk.rows(tables.message) if row.id in set(words)}
    assert set(where.values()) == {(await desk.ticket(number)).id for number in numbers}


async def _joined(desk: AtWork, chance: random.Random, numbers: list[str]) -> tuple[str, str]:
    """One act by chance; the number of its ticket and its id."""
    lea, (one, other) = await desk.who("lea"), chance.sample(numbers, 2)
    match chance.choice(("merge", "split", "move")):
        case "merge":
            await desk.do(joining.merge, lea, one, into=other)
        case "split":
            asked = await desk.rows(tables.message, one, direction="in")
            await desk.do(joining.split, lea, one, messages=[row.id for row in asked[1:]])
        case _:
            threads = await desk.rows(tables.thread, one)
            if not threads:
                raise Refused("nothing there")
            await desk.do(joining.move, lea, one, thread=chance.choice(threads).id, into=other)
    return one, (await desk.rows(tables.joining, one))[-1].id


async def test_two_who_join_the_same_tickets_at_once_wait_and_one_of_them_is_told(db: Database) -> None:
    desk = await at_work(db)
    first, second = await _two(desk)
    ann, lea, ref = await desk.who("ann"), await desk.who("lea"), await desk.ref(second)

    *merges, mail, _ = await asyncio.gather(
        desk.do(joining.merge, ann, second, into=first),
        desk.do(joining.merge, lea, first, into=second),
        desk.mail("alice@acme.test", text="Mentre unite.", own_refs=(ref,)),
        desk.work(),
        return_exceptions=True,
    )

    assert [type(one) for one in merges].count(Refused) == 1
    assert not isinstance(mail, BaseException)
    goes_on = second if isinstance(merges[0], Refused) else first
    assert mail.message_id in {row.id for row in await desk.rows(tables.message, goes_on)}
    desk.passes(minutes=5)
    await desk.work()
    await _balanced(desk)
