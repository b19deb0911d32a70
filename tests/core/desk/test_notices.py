"""What the customer is told without anybody writing it: on their channel, in their language, several moves as one."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from core import texts
from core.desk import notices, reports, resolution, tickets
from core.desk.case import Case
from core.store import tables
from tests.desk_at_work import CONFIGURED, PASSED, SOLUTION, AtWork, at_work

NO_CONTRACT = CONFIGURED.replace('status = "suspended"', 'status = "active"')
STEPS = (
    "qualified",
    "taken",
    "escalated",
    "workaround",
    "resumed",
    "approval",
    "approved",
    "reopened",
    "cancelled",
    "waiting",
    "changed",
)


@pytest.fixture
async def desk(db) -> AtWork:
    return await at_work(db, NO_CONTRACT)


@pytest.mark.parametrize(
    ("sender", "words"),
    [
        (
            "alice@acme.test",
            {
                "received": "Gentile Alice,",
                "progress": "Ann ha preso in carico la richiesta",
                "resolved": "RAPPORTO DI INTERVENTO",
                "closed": "rapporto di intervento finale",
            },
        ),
        (
            "bob@beta.test",
            {
                "received": "Dear Bob,",
                "progress": "Ann is now working on your request",
                "resolved": "SERVICE REPORT",
                "closed": "final service report",
            },
        ),
    ],
)
async def test_each_customer_is_told_in_their_language_from_the_first_word_to_the_last(desk, sender, words):
    number = await desk.closed(sender, authentication=PASSED)

    told = {row.kind: row for row in await desk.outward(number)}
    assert {kind: text in told[kind].text for kind, text in words.items()} == dict.fromkeys(words, True)
    assert {row.language for row in told.values()} == {"it" if sender.endswith("acme.test") else "en"}
    assert all(row.automatic for row in told.values())
    assert {row.address for row in await desk.deliveries(number)} == {sender}


async def test_every_move_that_the_customer_sees_has_its_notice(desk):
    number = await desk.taken()
    desk.passes(minutes=2)
    await desk.work()
    lea = await desk.who("lea")
    for verb, fields in (
        (tickets.escalate, {"reason": "x"}),
        (tickets.take, {}),
        (tickets.wait, {"text": "Quale?"}),
        (tickets.resume, {}),
        (tickets.workaround, {"text": "4G"}),
        (resolution.resolve, SOLUTION),
        (resolution.reopen, {"reason": "x"}),
        (resolution.resolve, SOLUTION),
        (resolution.close, {}),
        (resolution.reopen, {"reason": "x"}),
        (resolution.cancel, {"reason": "x"}),
    ):
        before = len(await desk.deliveries(number))
        await desk.do(verb, lea, number, **fields)
        assert len(await desk.deliveries(number)) == before + 1, verb.__name__
        desk.passes(minutes=2)
        await desk.work()

    assert len(desk.channel.sent) == len(await desk.deliveries(number))


async def test_moves_within_a_minute_are_told_together(desk):
    number = await desk.qualified()
    desk.passes(seconds=20)
    ann = await desk.who("ann")
    await desk.do(tickets.take, ann, number)
    desk.passes(seconds=20)
    await desk.do(tickets.workaround, ann, number, "Usate il 4G.")

    (one,) = await desk.outward(number, "progress")
    assert [step["key"] for step in one.made_from["steps"]] == ["qualified", "taken", "workaround"]
    for words in ("La richiesta è stata esaminata", "Ann ha preso in carico", "Usate il 4G."):
        assert words in one.text
    await desk.work()
    assert [sent.kind for sent in desk.channel.sent] == ["received"], "the minute is not over"
    desk.passes(seconds=20)
    await desk.work()
    assert [sent.kind for sent in desk.channel.sent] == ["received", "progress"]
    desk.passes(seconds=10)
    await desk.do(tickets.escalate, ann, number, reason="x")
    assert len(await desk.outward(number, "progress")) == 2, "what has left is not changed"


async def test_the_same_step_twice_within_a_minute_is_told_once(desk):
    number = await desk.qualified()
    await desk.qualify(number, impact=1, urgency=1)
    await desk.qualify(number, impact=3, urgency=3)

    (one,) = await desk.outward(number, "progress")
    assert [step["key"] for step in one.made_from["steps"]] == ["qualified", "changed"]
    assert "priorità P3." in one.text.split("cambiati")[1]


async def test_a_persons_answer_waits_for_no_notice_and_comes_after_it(desk):
    number = await desk.taken()

    await desk.do(tickets.reply, await desk.who("ann"), number, "Da quando?")
    await desk.work()

    assert [sent.kind for sent in desk.channel.sent] == ["received", "progress", "reply"]


async def test_an_old_notice_is_not_hurried(desk):
    number = await desk.taken()
    desk.passes(seconds=61)

    await desk.do(tickets.reply, await desk.who("ann"), number, "Da quando?")

    assert len(await desk.rows(tables.job, kind="send")) == 3


async def test_times_are_told_in_the_customers_zone(db):
    desk = await at_work(
        db,
        NO_CONTRACT.replace('number = "C-2"', 'number = "C-2"').replace(
            'name = "All"', 'name = "All"\n    sla = "Gold"'
        ),
    )
    number = await desk.qualified("bob@beta.test")

    assert "by Monday 2 March 2026, 11:00 (GMT)" in (await desk.outward(number, "progress"))[0].text


async def test_a_ticket_of_nobody_we_know_is_told_in_the_hubs_zone(desk):
    number = (await desk.mail("who@elsewhere.test")).number

    def zone(tx):
        return notices.zone_of(Case.open(tx, tx.one(tables.ticket.select()).id, now=desk.now))

    assert number
    assert str(await desk.db.write(zone)) == "Europe/Rome"


async def test_the_report_tells_what_was_waited_for_and_what_was_paused(desk):
    number = await desk.taken(authentication=PASSED)
    ann = await desk.who("ann")
    await desk.do(tickets.wait, ann, number, "Quale?")
    desk.passes(hours=5)
    await desk.mail("alice@acme.test", own_refs=(await desk.ref(number),))
    desk.passes(hours=1)
    await desk.do(resolution.resolve, ann, number, **SOLUTION)

    text = (await desk.outward(number, "resolved"))[0].text
    assert "in attesa di una risposta del cliente" in text
    assert "lavoro ripreso" in text
    assert (
        "Soluzione: trascorso 1 ora, concordato 24 ore, in pausa 5 ore (in attesa del cliente), esito rispettato"
        in text
    )
    assert "Tempi concordati" in text
    assert "Esame" not in text, "triage is ours"


async def test_without_an_office_three_working_days_are_three_days(db):
    plain = CONFIGURED.replace('name = "Office"', 'name = "Shop"').replace(
        'calendar = "Office"', 'calendar = "Shop"'
    )
    desk = await at_work(db, plain)
    number = await desk.qualified()

    def later(tx):
        case = Case.open(tx, tx.one(tables.ticket.select()).id, now=desk.now)
        return reports.working_days_later(case, 3) - desk.now

    assert number
    assert (await desk.db.write(later)).days == 3


@pytest.mark.parametrize("language", ["it", "en"])
@pytest.mark.parametrize("key", STEPS)
def test_every_step_has_words_in_every_language(language, key):
    step = {
        "key": key,
        "request_type": "Incident",
        "technology": "Network",
        "priority": "P3",
        "response_due": "",
        "resolve_due": "",
        "agent": "Ann",
        "text": "4G",
        "review": "",
    }
    common = {"subject": "Rete", "number": "26-000001", "name": "", "hub": "Desk", "portal": ""}

    subject, text = texts.notice("progress", language, **common, steps=[step], link="")

    assert subject == "Rete"
    assert "\n- " in text, "a line of its own"


def test_a_notice_with_a_value_missing_is_a_mistake_of_ours_not_an_empty_line():
    with pytest.raises(UndefinedError):
        texts.notice(
            "progress", "it", subject="x", number="1", name="", hub="", portal="", steps=[{"key": "taken"}]
        )


async def test_what_a_customer_wrote_is_never_a_template(desk):
    number = await desk.closed(subject="{{ hub }} {% raw %}", authentication=PASSED)

    assert {row.subject for row in await desk.outward(number)} == {"{{ hub }} {% raw %}"}
