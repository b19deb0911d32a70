"""A message of a chat is not over when it came: parts join it, its author changes it or takes it back, and nobody else does."""

from __future__ import annotations

import pytest

from core.desk import page, search
from core.envelope import Chat, Kind, Span, SpanKind
from core.store import tables
from tests.chat_at_work import Chatter, balanced, chatting


@pytest.fixture
async def mario(db) -> Chatter:
    return await chatting(db)


def id_of(mario: Chatter, text: str) -> str:
    return next(one.message_id for one in mario.said.values() if one.text == text)


async def found(mario: Chatter, words: str) -> list[str]:
    tom = await mario.desk.who("tom")
    return [row.number for row in (await mario.desk.db.read(search.tickets, tom, q=words)).items]


async def asked_which(mario: Chatter) -> tuple[str, str]:
    first = (await mario.writes("La stampante non va.")).number
    await mario.does(command="new")
    second = (await mario.writes("La rete è lenta.")).number
    mario.desk.passes(minutes=31)
    return first, second


# --- Parts ---


async def test_all_parts_of_a_group_are_one_message_with_all_files(mario):
    first = await mario.writes("Ecco le foto.", files=1, part_of="g1")
    second = await mario.writes("", files=1, part_of="g1")
    mario.desk.passes(minutes=5)
    third = await mario.writes("", files=1, part_of="g1")

    assert [one.outcome for one in (first, second, third)] == ["ticket", "attached", "attached"]
    assert second.message_id == third.message_id == first.message_id
    assert await mario.texts(first.number) == ["Ecco le foto."]
    assert len(await mario.desk.rows(tables.attachment, first.number)) == 3
    await balanced(mario)


async def test_the_words_of_a_group_may_come_with_a_later_part(mario):
    first = await mario.writes("", files=1, part_of="g1")
    await mario.writes("Ecco le foto.", files=1, part_of="g1")

    assert await mario.texts(first.number) == ["Ecco le foto."]
    assert await found(mario, "foto") == [first.number]


async def test_groups_of_others_with_the_same_name_stay_apart(mario):
    first = await mario.writes("Mie.", files=1, part_of="g1")
    other = await mario.another().writes("Di Eve.", files=1, part_of="g1")

    assert other.number != first.number
    assert len(await mario.desk.rows(tables.attachment, first.number)) == 1


async def test_parts_that_waited_for_a_choice_are_one_message_after_it(mario):
    first, _ = await asked_which(mario)
    await mario.writes("Foto.", files=1, part_of="g1")
    await mario.writes("", files=1, part_of="g1")

    await mario.presses(first)

    assert await mario.texts(first) == ["La stampante non va.", "Foto."]
    assert len(await mario.desk.rows(tables.attachment, first)) == 2
    await balanced(mario)


# --- Changes ---


async def test_a_changed_message_says_the_new_words_and_keeps_the_old(mario):
    number = (await mario.writes("La rete di Verona.")).number
    first = id_of(mario, "La rete di Verona.")

    for text in ("La rete di Padova.", "La rete di Padova, piano 2."):
        mario.desk.passes(minutes=1)
        done = await mario.comes(kind=Kind.ACT, text=text, chat=Chat(changes=first))
        assert (done.outcome, done.reason, done.number) == ("attached", "changed", number)

    assert await mario.texts(number) == ["La rete di Padova, piano 2."]
    kept = await mario.desk.rows(tables.message_version, number)
    assert [(row.n, row.text) for row in kept] == [(1, "La rete di Verona."), (2, "La rete di Padova.")]
    assert (await mario.desk.ticket(number)).snippet == "La rete di Padova, piano 2."
    assert await found(mario, "Padova") == [number]
    assert await found(mario, "Verona") == []
    told = [row.data for row in await mario.desk.events(number, "message.changed")]
    assert [sorted(one) for one in told] == [["message", "version"]] * 2
    await balanced(mario)


async def test_a_stranger_who_changes_a_message_without_end_is_not_followed(mario):
    number = (await mario.writes("Zero.")).number
    first = id_of(mario, "Zero.")

    done = [await mario.comes(kind=Kind.ACT, text=f"{n}", chat=Chat(changes=first)) for n in range(62)]

    assert done[59].reason == "changed"
    assert (done[-1].outcome, done[-1].reason) == ("machine", "too_many")
    assert await mario.texts(number) == ["59"]
    await balanced(mario)


async def test_the_same_text_again_is_no_change(mario):
    number = (await mario.writes("La rete.")).number

    done = await mario.comes(kind=Kind.ACT, text="La rete.", chat=Chat(changes=id_of(mario, "La rete.")))

    assert done.reason == "changed_nothing"
    assert not await mario.desk.rows(tables.message_version, number)


async def test_nobody_changes_what_another_wrote(mario):
    number = (await mario.writes("La rete.")).number
    eve = mario.another()
    of = id_of(mario, "La rete.")

    changed = await eve.comes(kind=Kind.ACT, text="Pagate Eve.", chat=Chat(changes=of))
    taken = await eve.does(withdraws=of)

    assert (changed.reason, taken.reason) == ("change_of_unknown", "withdrawal_of_unknown")
    assert await mario.texts(number) == ["La rete."]


async def test_a_change_before_its_message_is_on_record_and_opens_nothing(mario):
    done = await mario.comes(kind=Kind.ACT, text="Nuovo.", chat=Chat(changes="telegram:4242/in-later"))

    assert (done.outcome, done.reason) == ("machine", "change_of_unknown")
    assert not await mario.desk.rows(tables.ticket)


async def test_what_waits_for_a_choice_is_changed_before_anybody_reads_it(mario):
    first, _ = await asked_which(mario)
    await mario.writes("Password: geheim")
    of = id_of(mario, "Password: geheim")

    done = await mario.comes(kind=Kind.ACT, text="Quella di sempre.", chat=Chat(changes=of))
    await mario.presses(first)

    assert done.reason == "changed_held"
    assert await mario.texts(first) == ["La stampante non va.", "Quella di sempre."]
    await balanced(mario)


# --- What is taken back ---


async def test_what_was_taken_back_is_read_by_staff_only(mario):
    await mario.linked("alice")
    number = (await mario.writes("Password: geheim")).number

    done = await mario.does(withdraws=id_of(mario, "Password: geheim"))
    again = await mario.does(withdraws=id_of(mario, "Password: geheim"))

    assert (done.reason, again.reason) == ("withdrawn", "withdrawn_before")
    for who, text in (("tom", "Password: geheim"), ("alice", "")):
        shown = await mario.desk.db.read(page.ticket, await mario.desk.who(who), number, now=mario.desk.now)
        (said,) = [one for one in shown.messages if one.direction == "in"]
        assert (said.text, said.withdrawn_at) == (text, mario.desk.now)
    assert (await mario.desk.ticket(number)).snippet == ""
    await balanced(mario)


async def test_what_was_taken_back_is_found_by_staff_only(mario):
    alice = await (await mario.linked("alice")).desk.who("alice")
    number = (await mario.writes("Password: geheim")).number
    assert [row.number for row in (await mario.desk.db.read(search.tickets, alice, q="geheim")).items] == [
        number
    ]

    await mario.does(withdraws=id_of(mario, "Password: geheim"))

    assert (await mario.desk.db.read(search.tickets, alice, q="geheim")).items == ()
    assert await found(mario, "geheim") == [number]
    await balanced(mario)


async def test_a_message_with_a_quotation_shows_all_of_its_new_words_and_none_once_it_is_taken_back(mario):
    text = "Come va?\n\nMale, la stampante."
    spans = (Span(0, 10, SpanKind.QUOTED), Span(10, len(text), SpanKind.VISIBLE))
    number = (await mario.comes(text=text, spans=spans, chat=Chat())).number
    (first,) = [one.message_id for one in mario.said.values()]

    await mario.comes(kind=Kind.ACT, text="Bene.", chat=Chat(changes=first))

    tom = await mario.desk.who("tom")
    shown = await mario.desk.db.read(page.ticket, tom, number, now=mario.desk.now)
    assert [one.visible_text for one in shown.messages if one.direction == "in"] == ["Bene."]
    assert (await mario.desk.ticket(number)).snippet == "Bene."
    await mario.comes(kind=Kind.ACT, text=text, spans=spans, chat=Chat(withdraws=first))
    assert (await mario.desk.ticket(number)).snippet == ""


async def test_what_was_taken_back_while_it_waited_is_nobodys(mario):
    first, _ = await asked_which(mario)
    await mario.writes("Niente.")

    done = await mario.does(withdraws=id_of(mario, "Niente."))
    assert done.reason == "withdrew_held"
    await mario.presses(first)

    assert await mario.texts(first) == ["La stampante non va."]
    assert (await mario.writes("Ancora qui.")).number == first, "the question was answered"
    await balanced(mario)
