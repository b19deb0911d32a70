"""What would become of a mail to the address of an alert source? The answer is what its alarm then does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from channels.email.reading import read
from channels.monitoring.read import read as read_of_device
from core.desk import explaining
from core.store import tables
from tests.devices_at_work import WITH_DEVICES, Devices, devices
from web.desk import explained
from web.words import say

UPS = b"To: support+ups@desk.test\nFrom: ups@acme.test\nSubject: core-1: UPS on battery\n\n10.0.0.1 has no mains.\n"
OPTIONS = {"domain": "desk.test", "addresses": ["support@desk.test"], "reply_domain": "reply.desk.test"}


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db)


async def with_source(db, **changed: str) -> Devices:
    """The same desk, the source of mail with these lines."""
    lines = {"kind": '"email"', "hold": '"0s"'} | changed
    head, _, rest = WITH_DEVICES.partition('name = "by-mail"\n')
    of_source, _, after = rest.partition("[[alert_sources]]")
    kept = "".join(f"{line}\n" for line in of_source.splitlines() if line.split(" ")[0] not in lines)
    said = "".join(f"{name} = {value}\n" for name, value in lines.items())
    return await devices(db, f'{head}name = "by-mail"\n{kept}{said}[[alert_sources]]{after}')


def explain(hub: Devices, raw: bytes = UPS, **also: Any) -> dict[str, Any]:
    given = {"of_device": read_of_device} | also
    return explaining.explain(
        hub.desk.db, raw, lambda mail, arrival: read.read(mail, arrival, OPTIONS), **given, now=hub.desk.now
    )


def words(told: dict[str, Any], language: str = "en") -> str:
    return explained.plain(told, say(language), lambda at: f"{at:%H:%M:%S}")


async def comes(hub: Devices, raw: bytes = UPS) -> None:
    await hub.desk.arrive("ups@acme.test", raw=raw, recipients=("support+ups@desk.test",))
    await hub.work()


async def everything(hub: Devices) -> list[int]:
    counted = [select(func.count().label("n")).select_from(table) for table in tables.metadata.sorted_tables]
    return [(await hub.desk.db.read(lambda tx, q=query: tx.one(q))).n for query in counted]


async def test_a_mail_to_the_address_of_a_source_is_said_to_be_the_alarm_that_it_then_is(hub):
    before = await everything(hub)
    told = explain(hub)
    assert await everything(hub) == before, "asking changes nothing"
    await comes(hub)

    (ticket,) = await hub.tickets()
    (alert,) = await hub.desk.rows(tables.alert)
    (alarm,) = told["alarms"]
    assert (told["outcome"], told["source"]["name"]) == ("alert", "by-mail")
    assert (alarm["thing"], alarm["severity"], alarm["customer"]) == ("core-1", alert.severity, "ACME")
    assert [one["kind"] for one in alarm["steps"]] == ["begun", "opened"]
    assert told["ticket"]["new"]
    assert told["ticket"]["group"] == ticket.desk_group
    assert told["entitlement"]["verdict"] == ticket.verdict


async def test_who_will_hear_of_the_alarm_is_said_too(hub):
    assert [(one["to"], one["kind"]) for one in explain(hub)["answers"]] == [("alice@acme.test", "progress")]


async def test_of_an_alarm_that_waits_a_moment_it_is_said_where_it_goes_if_it_still_fires_then(db):
    hub = await with_source(db, hold='"90s"')

    told = explain(hub)

    at = hub.desk.now + timedelta(seconds=90)
    assert [(one["kind"], one["later"]) for one in told["alarms"][0]["steps"]] == [
        ("begun", False),
        ("held", False),
        ("opened", True),
    ]
    assert f"It waits until {at:%H:%M:%S}" in words(told)
    assert "If it still fires then: a request of its own is opened" in words(told)
    assert "Se allora è ancora in corso: si apre una richiesta propria" in words(told, "it")


async def test_an_alarm_that_fires_already_is_said_to_be_counted_at_its_request(hub):
    await comes(hub)
    (ticket,) = await hub.tickets()
    hub.desk.passes(minutes=30)

    told = explain(hub, UPS.replace(b"has no mains", b"has still no mains"))

    assert (told["outcome"], told["alarms"][0]["number"], told["ticket"]["new"]) == (
        "alert",
        ticket.number,
        False,
    )
    assert "known, and counted there" in words(told)


async def test_mail_for_the_desk_stays_a_request_though_a_source_is_named_in_it(hub):
    told = explain(hub, UPS.replace(b"To: ", b"To: support@desk.test, "))

    assert (told["outcome"], "source" in told) == ("ticket", False)


async def test_mail_to_a_source_that_is_switched_off_is_said_to_be_like_any_other_and_why(db):
    hub = await with_source(db, enabled="false")

    told = explain(hub)

    assert (told["outcome"], told["source"]) == (
        "ticket",
        {"name": "by-mail", "kind": "email", "enabled": False},
    )
    assert "switched off" in words(told)
    assert "è spenta" in words(told, "it")


async def test_a_mail_that_its_source_does_not_understand_is_said_to_wait_with_the_reason(db):
    hub = await with_source(db, kind='"zabbix"')

    told = explain(hub)

    assert (told["outcome"], told["source"]["kind"]) == ("exception", "zabbix")
    assert told["error"] in words(told)
    assert "It is for the address of the alert source by-mail (zabbix)." in words(told)


async def test_an_automatic_answer_to_the_address_of_a_source_is_said_to_open_nothing(hub):
    told = explain(hub, UPS.replace(b"Subject", b"Auto-Submitted: auto-replied\nSubject"))

    assert (told["outcome"], told["reason"], "ticket" in told) == ("alert", "ignored", False)
    assert "It tells nothing that anybody must know: core-1: UPS on battery" in words(told)


async def test_where_nobody_reads_what_devices_say_it_is_read_as_a_mail(hub):
    assert explain(hub, of_device=None)["outcome"] == "ticket"
