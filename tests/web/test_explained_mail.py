"""What would become of a mail, over the API: what then happens, in words and codes, for who leads."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from channels.email.reading import read
from core.desk import explaining
from core.envelope import Inbound
from core.store import tables
from tests.channels.email.reading_mails import DESK, a_mail
from tests.web import api_desk
from tests.web.api_desk import Caller
from web.words import say

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


def a_reader(db):
    """What the hub gives to the API, without the wall between that keeps a mail from killing it."""

    def said(raw: bytes, of: Inbound | None) -> Inbound:
        return read.read(raw, explaining.arrival_of(of, now=NOW), DESK)

    async def explain(raw: bytes):
        return await explaining.explain_read(db, raw, said(raw, said(raw, None)), now=NOW)

    return explain


def in_base64(raw: bytes) -> dict[str, str]:
    return {"mail": base64.b64encode(raw).decode()}


async def test_who_leads_is_told_in_words_and_codes_and_nothing_is_kept(db):
    found = await db.write(api_desk.furnish)
    async with api_desk.serving(db, explain=a_reader(db)) as client:
        lea = Caller(client, found.tokens["Lea"])
        raw = a_mail("Non va.\n", **{"from": "Alice <alice@acme.test>", "subject": "Stampante"})
        before = await db.read(lambda tx: len(tx.all(tables.inbound.select())))

        answer = await lea.send("POST", "/explained-mail", in_base64(raw))
        told = await answer.json()

        assert answer.status == 200
        assert await db.read(lambda tx: len(tx.all(tables.inbound.select()))) == before
    assert (told["outcome"], told["reason"], told["error"]) == ("ticket", "no_thread", "")
    assert (told["mail"]["author"], told["mail"]["subject"]) == ("alice@acme.test", "Stampante")
    assert told["mail"]["ours"]
    assert told["trust"]["level"] == "weak"
    assert (told["ticket"]["customer"], told["ticket"]["number"]) == ("ACME", None)
    t = say("it")
    assert [one["title"] for one in told["words"]][:2] == [t("explain.group.mail"), t("explain.group.author")]
    assert any("alice@acme.test" in line for one in told["words"] for line in one["lines"])


async def test_what_becomes_of_a_devices_mail_is_told_as_its_alarm(db):
    found = await db.write(api_desk.furnish)
    source = {"name": "ups", "kind": "email", "enabled": True}
    alarm = {
        "status": "firing",
        "what": "On battery",
        "thing": "ups-1",
        "severity": "major",
        "customer": "ACME",
    }
    step = {"kind": "begun", "at": NOW, "later": False, "values": {"severity": "major"}}
    known = alarm | {"number": "26-000001", "steps": [step]}
    put_aside = {"status": "ignored", "what": "Away"}

    async def explain(_raw: bytes):
        told = {"outcome": "alert", "reason": "facts", "source": source}
        return told | {"alarms": [known, put_aside]}

    async with api_desk.serving(db, explain=explain) as client:
        lea = Caller(client, found.tokens["Lea"])
        told = await (await lea.send("POST", "/explained-mail", in_base64(b"x"))).json()

    assert (told["outcome"], told["source"], told["mail"], told["trust"]) == ("alert", source, None, None)
    assert told["alarms"][0] == known | {"steps": [{"kind": "begun", "later": False}]}
    assert told["alarms"][1]["steps"] == []
    (source_of, first, second, outcome) = told["words"]
    assert "ups (email)" in source_of["lines"][0]
    assert first["lines"][0].endswith(": ups-1: On battery")
    assert "Away" in second["lines"][0]
    assert outcome["title"] == say("it")("explain.group.outcome")


async def test_nobody_else_is_told_and_what_is_no_mail_is_said(db):
    found = await db.write(api_desk.furnish)
    asked = []

    async def explain(raw: bytes):
        asked.append(raw)
        return explaining.unreadable("no header")

    async with api_desk.serving(db, explain=explain) as client:
        who = {name: Caller(client, found.tokens[name]) for name in ("Lea", "Teo", "Alice")}
        told = {
            name: (await one.send("POST", "/explained-mail", in_base64(b"x"))).status
            for name, one in who.items()
        }
        wrong = await who["Lea"].send("POST", "/explained-mail", {"mail": "no base64!"})
        assert (wrong.status, "base64" in await wrong.text()) == (422, True)
        unread = await (await who["Lea"].send("POST", "/explained-mail", in_base64(b"y"))).json()

    assert told == {"Lea": 200, "Teo": 403, "Alice": 404}
    assert asked == [b"x", b"y"], "for who leads only"
    assert (unread["outcome"], unread["error"], unread["mail"], unread["ticket"]) == (
        "exception",
        "no header",
        None,
        None,
    )
