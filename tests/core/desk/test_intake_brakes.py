"""The desk holds back its own voice, and a flood waits for staff: counted per address, and in total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.desk import intake, restraint, tickets
from core.envelope import Kind
from core.rules.brakes import Limits
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from tests.desk_at_work import PASSED, AtWork, a_mail, at_work

WORDS = ("Vincite", "Clicca", "evil", "Mallory")


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db)


async def acknowledged(desk: AtWork, sender: str, **said) -> str:
    """What was decided about the acknowledgement of one more mail."""
    await desk.mail(sender, **said)
    return str((await desk.inbound()).detail["acknowledged"])


async def test_a_known_address_is_acknowledged_once_an_hour_and_three_times_a_day(desk):
    decided = []
    for minutes in (0, 30, 40, 65, 70):
        desk.passes(minutes=minutes)
        decided.append(await acknowledged(desk, "alice@acme.test"))

    assert decided == ["known", "address_had_its_share", "known", "known", "address_had_its_share"]
    desk.passes(days=1)
    assert await acknowledged(desk, "alice@acme.test") == "known"


async def test_an_unknown_address_is_acknowledged_once_a_day(desk):
    assert await acknowledged(desk, "mallory@evil.test") == "unknown"
    desk.passes(hours=20)
    assert await acknowledged(desk, "mallory@evil.test") == "address_had_its_share"
    desk.passes(hours=5)
    assert await acknowledged(desk, "mallory@evil.test") == "unknown"


async def test_a_strangers_acknowledgement_holds_no_word_of_theirs(desk):
    said = a_mail("evil@evil.test", "Vincite 1000 EUR", "Clicca qui.")
    said = replace(said, author=replace(said.author, name="Mallory Vincite"))
    done = await desk.db.write(intake.understand, await desk.arrive("evil@evil.test"), said, now=desk.now)

    (told,) = await desk.outward(done.number)
    (delivery,) = await desk.deliveries(done.number)
    await desk.work()
    (sent,) = desk.channel.sent
    for text in (
        told.subject,
        told.text,
        delivery.name,
        sent.to.name,
        sent.subject,
        sent.text,
        sent.author_name,
    ):
        assert not any(word in text for word in WORDS), text
    assert sent.history == ()
    assert done.number in told.text


async def test_a_known_address_without_proof_is_told_the_number_and_nothing_else(desk):
    unproved = await desk.mail("alice@acme.test", "Segreto")
    proved = await desk.mail("aldo@acme.test", "Segreto", authentication=PASSED)

    (plain,) = await desk.outward(unproved.number)
    (full,) = await desk.outward(proved.number)
    assert "Segreto" not in plain.subject + plain.text
    assert "C-1" not in plain.text
    assert full.subject == "Segreto"
    assert "Gentile Aldo" in full.text
    assert "C-1" in full.text


@pytest.fixture
def quiet(database_url, facts) -> Iterator[Database]:
    """A hub that says little by itself: three times a minute, ten times an hour."""
    few = replace(facts, brakes=Limits(automatic_per_minute=3, automatic_per_hour=10))
    database = open_database(database_url, few, readers=2, connections=4)
    yield database
    database.close()


async def test_beyond_so_many_the_breaker_stops_all_acknowledgements_until_it_is_quiet(quiet):
    desk = await at_work(quiet)

    decided = [await acknowledged(desk, f"user{n}@elsewhere.test") for n in range(5)]

    assert decided == ["unknown"] * 3 + ["breaker"] * 2
    desk.passes(minutes=2)
    assert await acknowledged(desk, "late@elsewhere.test") == "unknown"


async def test_forged_mails_of_many_victims_bring_no_more_answers_than_the_hour_allows(quiet):
    desk = await at_work(quiet)
    decided = []
    for minute in range(6):
        decided += [await acknowledged(desk, f"victim{minute}.{n}@elsewhere.test") for n in range(5)]
        desk.passes(minutes=1)

    assert decided.count("unknown") == 10
    assert set(decided) == {"unknown", "breaker"}
    assert len(await desk.rows(tables.ticket)) == len(decided), "each is a ticket all the same"
    assert len(await desk.rows(tables.delivery)) == 10


async def test_twenty_mails_of_one_sender_in_ten_minutes_and_the_next_is_held(desk):
    number = await desk.qualified()
    ref = await desk.ref(number)
    outcomes = []
    for n in range(20):  # those into a conversation count like the others
        outcomes.append((await desk.mail("alice@acme.test", own_refs=(ref,) if n % 2 else ())).outcome)
        desk.passes(seconds=5)

    held = await desk.mail("alice@acme.test")
    beside = await desk.mail("alice@acme.test", own_refs=(ref,))
    other = await desk.mail("aldo@acme.test")

    assert "held" not in outcomes[:19]
    assert (held.outcome, held.reason, held.number) == ("held", "sender_flood", None)
    assert (beside.outcome, beside.reason, beside.number) == ("held", "sender_flood", number)
    assert other.outcome == "ticket"
    desk.passes(minutes=20)
    assert (await desk.mail("alice@acme.test")).outcome == "ticket"


async def test_people_who_are_signed_in_are_not_held_and_always_told(desk):
    alice = await desk.who("alice")

    decided = {await acknowledged(desk, "alice@acme.test", contact=alice.id) for _ in range(25)}

    assert decided == {"signed_in"}


async def test_two_desks_that_acknowledge_each_other_fall_silent(desk):
    """The other side strips every header and uses new ids: what it answers looks like a person's."""
    answers = 0
    pending = 1
    while pending and answers < 10:
        before = len(await desk.rows(tables.delivery))
        await desk.mail("support@other.test", "Your message was received")
        pending = len(await desk.rows(tables.delivery)) - before
        answers += pending
        desk.passes(seconds=30)

    assert answers == 1


async def test_old_counts_are_forgotten_and_new_ones_kept(desk):
    await desk.mail("alice@acme.test")
    desk.passes(days=3)
    await desk.mail("aldo@acme.test")

    dropped = await desk.db.write(restraint.forget, now=desk.now)

    assert dropped > 0
    assert {row.key for row in await desk.rows(tables.brake)} >= {"mail:aldo@acme.test", "ack:aldo@acme.test"}
    assert not [row for row in await desk.rows(tables.brake) if "alice" in row.key]


async def test_a_machine_that_keeps_answering_is_never_answered(desk):
    number = await desk.taken()
    for n in range(8):
        await desk.do(tickets.reply, await desk.who("ann"), number, f"Risposta {n}")
        await desk.mail("alice@acme.test", kind=Kind.AUTO_REPLY, own_refs=(await desk.ref(number),))
        desk.passes(minutes=1)

    assert {row.kind for row in await desk.outward(number)} == {"received", "progress", "reply"}
    assert len(await desk.outward(number, "reply")) == 8


# --- The same again ---


async def test_the_same_words_three_times_are_three_tickets_and_then_they_belong_to_the_first(desk):
    numbers = []
    for n in range(5):
        done = await desk.mail("alice@acme.test", "ALLARME  ups", f"Batteria{' ' * (n + 1)}scarica")
        numbers.append(done.number)
        desk.passes(seconds=30)

    assert len(set(numbers[:3])) == 3
    assert numbers[3:] == [numbers[0]] * 2
    assert (await desk.inbound()).reason == "same_text"
    assert len(await desk.rows(tables.message, numbers[0], direction="in")) == 3


async def test_other_words_another_hour_or_another_person_are_requests_of_their_own(desk):
    for _ in range(3):
        await desk.mail("alice@acme.test", "Allarme", "Batteria scarica")

    assert (await desk.mail("alice@acme.test", "Allarme", "Batteria carica")).outcome == "ticket"
    assert (await desk.mail("aldo@acme.test", "Allarme", "Batteria scarica")).outcome == "ticket"
    desk.passes(minutes=20)
    assert (await desk.mail("alice@acme.test", "Allarme", "Batteria scarica")).outcome == "ticket"


async def test_what_was_said_on_a_ticket_that_has_ended_is_said_anew(desk):
    number = await desk.closed("alice@acme.test", subject="Allarme", text="Batteria scarica")
    for _ in range(3):
        done = await desk.mail("alice@acme.test", "Allarme", "Batteria scarica")

    assert (done.outcome, done.number != number) == ("ticket", True)


async def test_a_ticket_takes_five_messages_of_machines_an_hour_and_records_the_rest(desk):
    number = await desk.taken()
    ref = await desk.ref(number)
    outcomes = []
    for _ in range(7):
        done = await desk.mail("alice@acme.test", kind=Kind.AUTO_REPLY, own_refs=(ref,))
        outcomes.append((done.outcome, done.reason))
        desk.passes(minutes=1)

    assert outcomes == [("attached", "own_id")] * 5 + [("machine", "too_many")] * 2
    assert (await desk.mail("alice@acme.test", own_refs=(ref,))).outcome == "attached", "a person always is"
    desk.passes(hours=2)
    assert (await desk.mail("alice@acme.test", kind=Kind.AUTO_REPLY, own_refs=(ref,))).outcome == "attached"


async def test_mails_without_a_usable_author_are_counted_by_their_envelope(desk):
    outcomes = []
    for n in range(22):
        said = a_mail("", author_text=f"From: <{n}")
        inbound_id = await desk.arrive("bot@evil.test")
        outcomes.append((await desk.db.write(intake.understand, inbound_id, said, now=desk.now)).outcome)

    assert outcomes == ["ticket"] * 20 + ["held"] * 2
    other = await desk.arrive("other@evil.test")
    assert (await desk.db.write(intake.understand, other, a_mail(""), now=desk.now)).outcome == "ticket"
