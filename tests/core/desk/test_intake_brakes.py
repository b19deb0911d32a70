"""The desk holds back its own voice, and a flood waits for staff: counted per address, and in total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.desk import intake, mail_troubles, restraint, stopped, tickets
from core.desk.authors import Author
from core.envelope import Address, CalendarWord, Kind, Trust
from core.ids import id_token, new_id
from core.rules.brakes import Limits
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from tests.desk_at_work import DISOWNED, PASSED, AtWork, a_mail, at_work

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
    assert (sent.in_reply_to, sent.references) == ("", ())  # whoever forged it chose the id
    assert done.number in told.text


async def test_a_stranger_whose_domain_vouches_finds_the_acknowledgement_below_their_mail(desk):
    said = a_mail("new@elsewhere.test", "Ciao", "Buongiorno.", authentication=PASSED)
    await desk.db.write(intake.understand, await desk.arrive("new@elsewhere.test"), said, now=desk.now)
    await desk.work()

    (sent,) = desk.channel.sent
    assert sent.in_reply_to == said.message_id != ""


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


# --- What staff are told of ---


async def _sights(desk) -> list[str]:
    return [one.key for one in await desk.db.read(_seen, now=desk.now)]


def _seen(tx, *, now):
    return list(mail_troubles.sights(tx, now=now))


async def test_an_open_breaker_is_an_alarm_until_nothing_is_held_back_any_more(quiet):
    desk = await at_work(quiet)
    for n in range(3):
        await acknowledged(desk, f"user{n}@elsewhere{n}.test")
    assert await _sights(desk) == []

    await acknowledged(desk, "user4@elsewhere4.test")

    assert await _sights(desk) == ["hub:breaker"]
    desk.passes(minutes=20)
    assert await _sights(desk) == []


async def test_our_own_mail_that_comes_back_is_counted_and_the_third_is_an_alarm(desk):
    ours = await desk.ref(await desk.qualified())
    for seen in ([], [], ["hub:own_loop"]):
        done = await desk.mail("support@desk.test", kind=Kind.OWN_LOOP, may_auto_reply=False, loop_ref=ours)
        assert (done.outcome, done.reason) == ("machine", "own_loop")
        assert await _sights(desk) == seen
        desk.passes(minutes=4)

    desk.passes(minutes=20)
    assert await _sights(desk) == []


async def test_a_letter_to_staff_that_comes_back_is_ours_by_its_mark(desk):
    """Calls of who is on duty, links for passwords: no delivery knows them, and their mailbox may pass all on to the desk."""
    for _ in range(3):
        letter = {"kind": Kind.OWN_LOOP, "loop_ref": id_token(new_id()), "loop_marked": True}
        assert (await desk.mail("tom@hub.test", may_auto_reply=False, **letter)).reason == "own_loop"

    assert await _sights(desk) == ["hub:own_loop"]


async def test_an_id_that_only_looks_like_one_of_ours_raises_no_alarm_of_a_loop(desk):
    for n in range(4):
        made_up = {"kind": Kind.OWN_LOOP, "loop_ref": id_token(new_id()), "message_id": f"m.{n}@desk.test"}
        assert (await desk.mail("eve@evil.test", **made_up)).outcome == "machine"

    assert await _sights(desk) == []


async def test_twenty_mails_in_ten_minutes_are_twenty_whenever_they_begin(desk):
    desk.now = desk.now.replace(minute=4, second=30)
    for n in range(20):
        assert (await desk.mail("alice@acme.test", text=f"One {n}.")).outcome == "ticket"
    desk.now = desk.now.replace(minute=10, second=1)
    assert (await desk.mail("alice@acme.test", text="One more.")).reason == "sender_flood"

    desk.now = desk.now.replace(minute=20, second=30)
    assert (await desk.mail("alice@acme.test", text="Later.")).outcome == "ticket"


async def test_what_a_calendar_answers_counts_once_towards_the_flood(desk):
    number = await desk.qualified()
    word = CalendarWord(method="REPLY", uid="of-nobody")
    answer = {"own_refs": (await desk.ref(number),), "kind": Kind.CALENDAR_REPLY, "calendar": word}

    for _ in range(19):
        done = await desk.mail("alice@acme.test", **answer)

    assert done.reason != "sender_flood"
    key = "mail:alice@acme.test"
    assert sum(row.count for row in await desk.rows(tables.brake, key=key)) == 20


@pytest.mark.parametrize(("servers", "own", "outcome"), [(50, 3, "ticket"), (51, 0, "held"), (4, 4, "held")])
async def test_a_mail_that_goes_in_circles_waits_for_staff_and_is_answered_by_nobody(
    desk, servers, own, outcome
):
    done = await desk.mail("alice@acme.test", servers=servers, own_servers=own)

    assert done.outcome == outcome
    if outcome == "held":
        assert done.reason == "in_circles"
        assert await desk.rows(tables.delivery) == []


async def _mail_from(place: str, desk: AtWork, sender: str, token: str) -> None:
    tried = (f"support+r-{token}@reply.desk.test",)
    arrived = await desk.arrive(sender, recipients=tried, envelope={"peer": place, "whence": place})
    await desk.understand(arrived, sender, reply_tokens=(token,))


async def test_who_guesses_reply_addresses_is_put_off_for_an_hour_right_or_wrong(desk):
    number = await desk.qualified()
    right = await desk.token(number, "alice@acme.test")

    def asked(place: str) -> bool:
        return desk.db.read(mail_troubles.guesses, place, now=desk.now)

    for n in range(20):
        assert not await asked("192.0.2.7"), n
        await _mail_from("192.0.2.7", desk, f"eve{n}@evil.test", f"{n:026}")
    await _mail_from("198.51.100.1", desk, "alice@acme.test", right)

    assert await asked("192.0.2.7")
    assert not await asked("198.51.100.1")
    assert await _sights(desk) == ["hub:guessing:192.0.2.7"]
    desk.passes(minutes=59)
    assert await asked("192.0.2.7")
    desk.passes(minutes=7)
    assert not await asked("192.0.2.7")
    assert await _sights(desk) == []


@pytest.mark.parametrize(
    "arrival",
    [
        {"envelope": {"peer": "192.0.2.7", "whence": "@acme.test"}},  # to the desk's own address
        {"recipients": (), "external_id": "INBOX/1/7"},  # in a mailbox: nobody knows from where
    ],
)
async def test_reply_addresses_that_somebody_only_writes_into_a_mail_put_nobody_off(desk, arrival):
    wrong = tuple(f"{n:026}" for n in range(25))

    arrived = await desk.arrive("eve@evil.test", **arrival)
    await desk.understand(arrived, "alice@acme.test", reply_tokens=wrong, authentication=DISOWNED)

    assert not await desk.db.read(mail_troubles.guesses, "@acme.test", now=desk.now)
    assert await _sights(desk) == []


async def test_right_reply_addresses_are_no_guesses_and_neither_are_expired_ones(desk):
    number = await desk.closed()
    right = await desk.token(number, "alice@acme.test")
    desk.passes(days=200)

    for _ in range(25):
        desk.passes(minutes=1)
        await _mail_from("192.0.2.7", desk, "alice@acme.test", right)

    assert await _sights(desk) == []


async def test_who_is_written_to_is_asked_about_where_answers_go_elsewhere(desk):
    elsewhere = {"reply_to": Address("Aldo@acme.test"), "authentication": PASSED}

    assert await acknowledged(desk, "alice@acme.test", text="One.", **elsewhere) == "known"
    assert await acknowledged(desk, "aldo@acme.test", text="Two.") == "address_had_its_share"
    assert await acknowledged(desk, "alice@acme.test", text="Three.", **elsewhere) == "address_had_its_share"
    assert await acknowledged(desk, "alice@acme.test", text="Four.") == "known", "she had none herself"


@pytest.mark.parametrize(
    ("dead", "decided"), [("aldo@acme.test", "address_does_not_work"), ("alice@acme.test", "known")]
)
async def test_a_dead_address_for_answers_gets_no_acknowledgement_and_that_of_its_author_is_no_matter(
    desk, dead, decided
):
    await desk.db.write(
        stopped.mark, dead, stopped.HARD, delivery_id=new_id(), said="no such user", now=desk.now
    )

    elsewhere = {"reply_to": Address("aldo@acme.test"), "authentication": PASSED}
    assert await acknowledged(desk, "alice@acme.test", **elsewhere) == decided


async def test_an_author_who_changes_their_tag_or_name_each_time_is_not_answered_without_end(desk):
    assert await acknowledged(desk, "bot+1@b.test") == "unknown"
    assert await acknowledged(desk, "bot+2@b.test") == "address_had_its_share"
    decided = [await acknowledged(desk, f"bot{n}@b.test") for n in range(31)]
    assert decided == ["unknown"] * 29 + ["domain_had_its_share"] * 2
    assert await acknowledged(desk, "mario@c.test") == "unknown"


def _asked(tx, victims, *, now):
    """What the desk would answer to the first mail of each, which nothing proves."""
    decided = []
    for address in victims:
        restraint.foresee(tx, address, now=now)
    for address in victims:
        author = Author(kind="stranger", address=address)
        known = restraint.sender(tx, author, address, now=now)
        said = a_mail(address)
        decided.append(restraint.acknowledge(tx, said, author, Trust.NONE, known, to=address, now=now))
    return decided


async def test_ten_thousand_forged_first_mails_bring_as_many_answers_as_are_set_and_all_of_them_plain(desk):
    decided = []
    for minute in range(50):
        victims = [f"victim@domain{minute}-{n}.test" for n in range(200)]
        decided += await desk.db.write(_asked, victims, now=desk.now)
        desk.passes(minutes=1)

    limits = Limits()
    answered = [one for one in decided if one.allowed]
    assert len(decided) == 10_000
    assert limits.automatic_per_minute <= len(answered) <= limits.automatic_per_hour
    assert all(one.plain for one in answered)


async def test_a_restart_forgets_no_count(database_url, facts):
    before = open_database(database_url, facts, readers=2, connections=4)
    desk = await at_work(before)
    assert await acknowledged(desk, "mallory@evil.test") == "unknown"
    before.close()

    again = open_database(database_url, facts, readers=2, connections=4)
    desk.db = again

    assert await acknowledged(desk, "mallory@evil.test") == "address_had_its_share"
    again.close()
