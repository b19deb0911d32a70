"""What becomes of a ticket is said to the tool its alarm came from, best effort; what comes back of it changes nothing."""

from __future__ import annotations

import pytest

from channels.monitoring.channel import MonitoringChannel
from core.desk import alert_acts, books, joining, resolution, tickets
from core.desk.configuration import export
from core.desk.errors import ConfigurationError
from core.store import tables
from tests.channels.monitoring.tools import TOKEN, Alertmanager, Icinga2, Zabbix
from tests.desk_at_work import SOLUTION
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, alarm, devices

SOURCE = """
[[alert_sources]]
name = "{name}"
kind = "{kind}"
secret = "{secret}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
reaches = ["127.0.0.0/8"]
api = {{ url = "{url}", token = "env:TOOL_TOKEN"{user} }}
"""


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("TOOL_TOKEN", TOKEN)


async def hub_with(db, *tools, user: str = "") -> Devices:
    """A desk whose sources are called after the kinds of these tools."""
    extra = "".join(
        SOURCE.format(name=kind, kind=kind, secret=SECRET, url=tool.url, user=user)
        for tool in tools
        for kind in [type(tool).__name__.lower()]
    )
    hub = await devices(db, WITH_DEVICES + extra)
    hub.desk.also.append(MonitoringChannel())
    return hub


def problem(event_id: str = "7", *, value: str = "1", **more: str) -> dict[str, str]:
    return {
        "event_id": event_id,
        "event_value": value,
        "event_nseverity": "4",
        "event_name": "Link down",
        "host_name": "sw-1",
        "event_update_status": "0",
    } | more


async def said(hub: Devices) -> list[tuple[str, str]]:
    return [(row.act, row.state) for row in await hub.desk.rows(tables.alert_return)]


async def take(hub: Devices, number: str) -> None:
    await hub.desk.db.write(tickets.take, await hub.desk.who("ann"), number, now=hub.desk.now)
    await hub.work()


# --- A ticket's life, told to the tool ---


async def test_zabbix_hears_of_the_ticket_of_who_takes_it_and_of_who_ends_it_as_it_is(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        (ticket,) = await hub.tickets()
        assert tool.events["7"]["messages"] == [f"[Centralino {ticket.number}] È stata aperta una richiesta."]

        await take(hub, ticket.number)
        assert tool.events["7"]["acknowledged"]

        await hub.desk.db.write(
            resolution.resolve,
            await hub.desk.who("ann"),
            ticket.number,
            now=hub.desk.now,
            overrides={"alert_firing": "it is replaced next week"},
            **SOLUTION,
        )
        await hub.work()
        assert tool.events["7"]["closed"]
        assert await said(hub) == [("opened", "told"), ("taken", "told"), ("accepted", "told")]
        await hub.sound()


async def test_icinga2_hears_that_it_is_taken_and_that_it_is_given_back(db):
    tool = Icinga2(problems={"sw-1": False})
    async with tool.running():
        hub = await hub_with(db, tool, user=', user = "centralino"')
        body = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": "sw-1", "HOSTSTATE": "DOWN", "ICINGA2HOST": "m"}
        await hub.posts(body, source="icinga2")
        (ticket,) = await hub.tickets()
        await take(hub, ticket.number)
        assert tool.problems["sw-1"]
        ann = await hub.desk.who("ann")
        await hub.desk.db.write(tickets.assign, ann, ticket.number, now=hub.desk.now, agent="")
        await hub.work()
        assert not tool.problems["sw-1"]
        assert all(ticket.number in one for one in tool.comments)


async def test_alertmanager_is_silenced_while_somebody_has_it_and_its_end_is_found_all_the_same(db):
    tool = Alertmanager()
    async with tool.running():
        hub = await hub_with(db, tool)
        fired = alarm("sw-1", "firing", at=hub.desk.now)
        tool.alerts.append(fired)
        await hub.fires("sw-1", source="alertmanager")
        (ticket,) = await hub.tickets()
        assert await said(hub) == []  # there is nobody to leave a remark with

        await take(hub, ticket.number)
        assert tool.held() == [f"[Centralino {ticket.number}] Qualcuno ci sta lavorando."]
        await hub.passes(minutes=10)
        assert (await hub.alert("sw-1", "alertmanager")).firing

        tool.alerts.clear()  # it is well again, which a silenced alert tells nobody
        await hub.passes(minutes=3)

        assert (await hub.alert("sw-1", "alertmanager")).status == "expired"
        assert tool.held() == []
        assert await said(hub) == [("taken", "told"), ("over", "told")]
        await hub.passes(minutes=10)
        assert "recovered" in (await hub.tickets())[0].flags
        await hub.posts({"alerts": [fired], "groupLabels": {}}, source="alertmanager")
        assert (await hub.alert("sw-1", "alertmanager")).firing, "it had only forgotten it"
        await hub.sound()


async def test_an_alarm_that_is_acknowledged_here_is_acknowledged_there(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        (row,) = await hub.desk.rows(tables.alert)
        ann = await hub.desk.who("ann")
        await hub.desk.db.write(alert_acts.acknowledge, ann, row.id, now=hub.desk.now)
        await hub.work()
        assert tool.events["7"]["acknowledged"]


async def test_of_two_tickets_that_are_joined_the_tool_hears_the_number_that_is_left(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        (ticket,) = await hub.tickets()
        other = await hub.desk.taken()
        ann = await hub.desk.who("ann")
        await hub.desk.db.write(joining.merge, ann, ticket.number, into=other, now=hub.desk.now)
        await hub.work()
        assert tool.events["7"]["messages"][-1].startswith(f"[Centralino {other}]")
        assert tool.events["7"]["acknowledged"]  # Ann has that one
        await hub.sound()


async def test_a_tool_that_started_again_and_knows_its_alarms_a_minute_later_ends_none(db):
    tool = Alertmanager()
    async with tool.running():
        hub = await hub_with(db, tool)
        fired = alarm("sw-1", "firing", at=hub.desk.now)
        tool.alerts.append(fired)
        await hub.fires("sw-1", source="alertmanager")
        (ticket,) = await hub.tickets()
        await take(hub, ticket.number)
        tool.alerts.clear()
        await hub.passes(seconds=70)
        tool.alerts.append(fired)
        await hub.passes(minutes=5)
        assert (await hub.alert("sw-1", "alertmanager")).firing


# --- A tool that does not answer ---


async def test_a_tool_that_is_down_keeps_nobody_and_hears_only_the_newest_when_it_is_back(db):
    tool = Zabbix(fails=500)
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        (ticket,) = await hub.tickets()
        await take(hub, ticket.number)
        assert (await hub.tickets())[0].state == "in_progress"
        assert await said(hub) == [("opened", "overtaken"), ("taken", "waiting")]
        tried = len(tool.asked)

        tool.fails = 0
        await hub.passes(minutes=2)

        assert await said(hub) == [("opened", "overtaken"), ("taken", "told")]
        assert tool.events["7"]["messages"] == [f"[Centralino {ticket.number}] Qualcuno ci sta lavorando."]
        assert 2 <= tried <= 3
        await hub.sound()


async def test_what_no_tool_takes_for_half_a_day_is_given_up_which_the_ticket_shows(db):
    tool = Zabbix(fails=503)
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        (ticket,) = await hub.tickets()
        await hub.passes(hours=14)
        ((_, state),) = await said(hub)
        assert state == "given_up"
        assert len(await hub.desk.events(ticket.number, "alert.return_failed")) == 1
        assert len(tool.asked) < 30


async def test_a_wrong_token_is_given_up_at_once(db, monkeypatch):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        monkeypatch.setenv("TOOL_TOKEN", "another")
        await hub.posts(problem(), source="zabbix")
        (row,) = await hub.desk.rows(tables.alert_return)
        assert (row.state, row.tries) == ("given_up", 1)
        assert "correct user and token" in row.error
        assert "another" not in row.error


# --- The echo ---


async def test_our_own_acknowledgement_comes_back_and_changes_nothing(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        (ticket,) = await hub.tickets()
        await take(hub, ticket.number)
        before = (await hub.desk.rows(tables.alert))[0]
        decided = len(await hub.desk.rows(tables.alert_decision))

        for action in ("acknowledged and commented", "commented"):
            update = {
                "event_update_status": "1",
                "event_update_action": action,
                "event_update_message": tool.events["7"]["messages"][-1],
            }
            await hub.posts(problem(**update), source="zabbix")

        after = (await hub.desk.rows(tables.alert))[0]
        assert (after.status, after.count) == (before.status, before.count)
        assert len(await hub.desk.rows(tables.alert_decision)) == decided
        await hub.sound()


async def test_what_our_own_user_did_there_changes_nothing_and_what_a_person_did_does(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool, user=', user = "hub"')
        await hub.posts(problem(), source="zabbix")
        update = {"event_update_status": "1", "event_update_action": "acknowledged"}
        await hub.posts(problem(**update, event_update_user="The Hub (hub)"), source="zabbix")
        assert (await hub.desk.rows(tables.alert))[0].status == "firing"
        await hub.posts(problem(**update, event_update_user="Bob (bob)"), source="zabbix")
        assert (await hub.desk.rows(tables.alert))[0].status == "acknowledged"


async def test_who_acknowledges_there_and_says_that_it_is_worse_is_followed_in_both(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        update = {"event_update_status": "1", "event_update_action": "acknowledged and changed severity"}
        await hub.posts(problem(**update, event_nseverity="5"), source="zabbix")
        (row,) = await hub.desk.rows(tables.alert)
        assert (row.status, row.severity, row.worst) == ("acknowledged", "critical", "critical")
        await hub.posts(problem(**update, event_nseverity="2"), source="zabbix")
        (row,) = await hub.desk.rows(tables.alert)
        assert (row.status, row.severity, row.worst) == ("acknowledged", "warning", "critical")
        assert [one.kind for one in await hub.desk.rows(tables.alert_decision)].count("severity") == 2
        (lasted,) = await hub.desk.rows(tables.alert_episode)
        assert (lasted.worst, lasted.count) == ("critical", 1)
        await hub.sound()


@pytest.mark.parametrize("then", ["at once", "later", "by the problem itself"])
async def test_what_was_for_information_and_is_acknowledged_there_calls_somebody_when_it_gets_worse(db, then):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(event_nseverity="1"), source="zabbix")
        update = {"event_update_status": "1", "event_update_action": "acknowledged"}
        if then != "at once":
            await hub.posts(problem(**update, event_nseverity="1"), source="zabbix")
        assert await hub.tickets() == []

        worse = {} if then == "by the problem itself" else update
        await hub.posts(problem(**worse, event_nseverity="5"), source="zabbix")

        assert len(await hub.tickets()) == 1
        (row,) = await hub.desk.rows(tables.alert)
        assert (row.status, row.severity, row.worst) == ("acknowledged", "critical", "critical")
        (lasted,) = await hub.desk.rows(tables.alert_episode)
        assert lasted.worst == "critical"
        await hub.sound()


async def test_a_mark_that_is_not_ours_hides_no_alarm(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        await hub.posts(problem(alert_message="[Centralino 99-999999] all is well"), source="zabbix")
        assert (await hub.desk.rows(tables.alert))[0].count == 2
        (ticket,) = await hub.tickets()
        quoted = f"[Centralino {ticket.number}] is over"
        await hub.posts(problem(value="0", alert_message=quoted), source="zabbix")
        assert (await hub.desk.rows(tables.alert))[
            0
        ].status == "resolved"  # an end is never taken for an echo


# --- As it is configured ---


async def test_the_interface_is_exported_without_its_secret_which_is_nowhere_but_where_it_says(db):
    tool = Zabbix()
    tool.event("7")
    async with tool.running():
        hub = await hub_with(db, tool)
        await hub.posts(problem(), source="zabbix")
        text = await hub.desk.db.read(export.export)
        assert 'token = "env:TOOL_TOKEN"' in text
        assert TOKEN not in text
        assert TOKEN not in repr(await hub.desk.rows(tables.alert_source))
        assert not (await hub.desk.db.read(books.verify, now=hub.desk.now)).faults


@pytest.mark.parametrize(
    ("kind", "api", "says"),
    [
        ("zabbix", '{ url = "https://z.example", token = "abc" }', "env:NAME or file:PATH"),
        ("zabbix", '{ url = "z.example" }', "must be an address such as"),
        ("zabbix", '{ url = "https://user:pass@z.example" }', "without a user"),
        ("prtg", '{ url = "https://p.example" }', "a source of kind prtg has none"),
    ],
)
async def test_an_interface_that_cannot_be_is_refused_with_what_to_do(db, kind, api, says):
    text = f'\n[[alert_sources]]\nname = "x"\nkind = "{kind}"\nsecret = "{SECRET}"\napi = {api}\n'
    with pytest.raises(ConfigurationError, match=says):
        await devices(db, WITH_DEVICES + text)
