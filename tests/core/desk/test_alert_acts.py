"""What people decide about alarms: whose they are, where they belong, that somebody knows of them; and who sees which."""

from __future__ import annotations

import pytest

from core.desk import alert_acts, alert_board, alert_looking, alert_source_views, alert_views
from core.desk.alert_views import Filter
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, devices

MORE = f"""
[[agents]]
email = "sue@hub.test"
name = "Sue"
roles = ["supervisor"]
[[alert_sources]]
name = "own"
kind = "generic"
secret = "{SECRET}"
customer = "ACME"
technology = "Network"
request_type = "Incident"
hold = "0s"
[[alert_sources]]
name = "servers"
kind = "alertmanager"
secret = "{SECRET}"
customer = "ACME"
hold = "0s"
"""


@pytest.fixture
async def hub(db) -> Devices:
    return await devices(db, WITH_DEVICES + MORE)


async def act(hub, verb, name, *args, who="lea", source="am", **more):
    row = await hub.alert(name, source)
    asks = await hub.desk.who(who)
    return await hub.desk.db.write(verb, asks, row.id, *args, now=hub.desk.now, **more)


async def seen(hub, name, who="lea", source="am"):
    row = await hub.alert(name, source)
    return await hub.desk.db.read(alert_looking.one, await hub.desk.who(who), row.id)


async def listed(hub, who="lea", **wanted):
    page = await hub.desk.db.read(alert_views.listing, await hub.desk.who(who), Filter(**wanted))
    return [one.where for one in page.items]


# --- Acts ---


async def test_what_waits_becomes_a_ticket_at_once_when_somebody_says_so_and_only_one(hub):
    await hub.fires("sw-1")

    number = await act(hub, alert_acts.open_ticket, "sw-1")
    with pytest.raises(Refused, match="worked on already"):
        await act(hub, alert_acts.open_ticket, "sw-1")
    await hub.passes(minutes=3)

    (ticket,) = await hub.tickets()
    assert (ticket.number, ticket.customer, ticket.asset) == (number, "ACME", "sw-1")
    assert await hub.decisions("sw-1") == ["begun", "held", "opened_by", "opened"]
    told = (await seen(hub, "sw-1")).decisions
    assert [one.values.get("by") for one in told if one.kind == "opened_by"] == ["Lea"]
    await hub.sound()


async def test_an_alarm_is_put_to_the_ticket_that_somebody_names(hub):
    await hub.fires("sw-1", source="at-once")
    (ticket,) = await hub.tickets()
    await hub.fires("srv-1", alertname="Disk")

    await act(hub, alert_acts.attach, "srv-1", ticket.number)
    with pytest.raises(Refused, match="already"):
        await act(hub, alert_acts.attach, "srv-1", ticket.number)
    with pytest.raises(NotFound):
        await act(hub, alert_acts.attach, "srv-1", "26-999999")
    await hub.passes(minutes=3)

    assert len(await hub.tickets()) == 1
    assert (await hub.alert("srv-1")).ticket_id == ticket.id
    events = [row.kind for row in await hub.desk.rows(tables.event, ticket_id=ticket.id)]
    assert "alert.attached" in events
    await hub.sound()


async def test_an_alarm_never_goes_to_the_ticket_of_another_customer(hub):
    await hub.fires("sw-1", source="at-once")
    (ticket,) = await hub.tickets()
    await hub.fires("x", source="shared", customer="BETA")

    with pytest.raises(Refused, match="request of ACME"):
        await act(hub, alert_acts.attach, "x", ticket.number, source="shared")


async def test_what_is_over_is_neither_attached_nor_opened_nor_acknowledged(hub):
    await hub.fires("sw-1")
    await hub.ends("sw-1")

    for verb, args in (
        (alert_acts.open_ticket, ()),
        (alert_acts.attach, ("26-000001",)),
        (alert_acts.acknowledge, ()),
    ):
        with pytest.raises(Refused):
            await act(hub, verb, "sw-1", *args)
    assert (await seen(hub, "sw-1")).acts == ()


async def test_who_knows_of_an_alarm_is_on_record_and_nothing_is_closed_under_their_hands(hub):
    await hub.fires("sw-1", source="at-once")
    await act(hub, alert_acts.acknowledge, "sw-1", source="at-once", text="I look.")
    with pytest.raises(Refused, match="already"):
        await act(hub, alert_acts.acknowledge, "sw-1", source="at-once")

    await hub.fires("sw-1", source="at-once")
    assert (await hub.alert("sw-1", "at-once")).status == "acknowledged", "a repetition takes nothing back"
    assert (await seen(hub, "sw-1", source="at-once")).decisions[0].values["text"] == "I look."
    await hub.ends("sw-1", source="at-once")
    await hub.passes(minutes=10)

    (ticket,) = await hub.tickets()
    assert (ticket.open, "recovered" in ticket.flags) == (True, True)
    await hub.sound()


# --- Whose it is ---


async def test_what_staff_say_a_source_means_by_a_name_holds_for_the_alarm_its_ticket_and_all_that_follow(
    hub,
):
    await hub.fires("10.9.9.9:9100", source="shared")
    (ticket,) = await hub.tickets()
    assert (ticket.state, ticket.customer) == ("triage", None)

    others = await act(hub, alert_acts.name, "10.9.9.9:9100", source="shared", customer="ACME", asset="srv-1")

    assert others == 0
    row = await hub.alert("10.9.9.9:9100", "shared")
    assert (row.customer, row.asset, row.site) == ("ACME", "srv-1", "Verona")
    (ticket,) = await hub.tickets()
    assert (ticket.customer, ticket.asset, ticket.desk_group) == ("ACME", "srv-1", "Network L1")
    await hub.ends("10.9.9.9:9100", source="shared")
    await hub.passes(minutes=1)
    await hub.fires("10.9.9.9:9100", source="shared")
    again = await hub.alert("10.9.9.9:9100", "shared")
    assert (again.episode, again.customer, again.asset) == (2, "ACME", "srv-1"), "remembered"
    await hub.sound()


async def test_a_source_of_a_customer_is_never_told_to_mean_another_customer(hub):
    await hub.fires("unheard-of")
    with pytest.raises(Invalid, match="/customer: am reports of ACME only"):
        await act(hub, alert_acts.name, "unheard-of", customer="BETA")
    with pytest.raises(Invalid, match="/asset"):
        await act(hub, alert_acts.name, "unheard-of", customer="ACME", asset="nothing")
    with pytest.raises(Invalid, match="there is no customer"):
        await act(hub, alert_acts.name, "unheard-of", customer="NOBODY")
    assert await hub.desk.rows(tables.alert_name) == []


# --- Who sees what ---


async def test_a_technician_sees_alarms_of_their_technology_and_of_their_tickets_and_a_customer_none(hub):
    await hub.fires("sw-1")
    await hub.fires("db-1", source="servers")
    assert await listed(hub) == ["db-1", "sw-1"]
    assert await listed(hub, "ann") == ["sw-1"]
    with pytest.raises(NotFound):
        await seen(hub, "db-1", "ann", "servers")
    with pytest.raises(NotFound):
        await act(hub, alert_acts.acknowledge, "db-1", who="ann", source="servers")
    for verb, args in ((alert_views.listing, (Filter(),)), (alert_board.board, ())):
        with pytest.raises(Forbidden):
            await hub.desk.db.read(verb, await hub.desk.who("alice"), *args)
    with pytest.raises(NotFound):
        await seen(hub, "sw-1", "alice")
    with pytest.raises(NotFound):
        await act(hub, alert_acts.open_ticket, "sw-1", who="alice")


async def test_the_list_is_narrowed_by_what_one_looks_for_and_goes_on_page_by_page(hub):
    await hub.fires("sw-1", "srv-1", "core-1", "loose")
    await hub.ends("srv-1")
    assert set(await listed(hub, status="open")) == {"sw-1", "core-1", "loose"}
    assert await listed(hub, status="resolved") == ["srv-1"]
    assert await listed(hub, unmapped=True) == ["loose"]
    assert await listed(hub, q="OOSE does") == ["loose"]
    assert await listed(hub, asset="sw-1", customer="ACME", source="am", severity="critical") == ["sw-1"]
    assert await listed(hub, customer="BETA") == []
    with pytest.raises(Invalid, match="/status"):
        await listed(hub, status="burning")
    lea, found, cursor = await hub.desk.who("lea"), [], None
    for _ in range(4):
        page = await hub.desk.db.read(alert_views.listing, lea, Filter(), cursor=cursor, limit=1)
        found += [one.where for one in page.items]
        cursor = page.next
    assert (len(set(found)), cursor) == (4, None)


async def test_the_board_counts_what_stands_for_itself_and_puts_what_hangs_on_it_behind(hub):
    await hub.fires("core-1", source="at-once")
    await hub.fires("srv-1", source="at-once")
    await hub.fires("sw-1")

    board = await hub.desk.db.read(alert_board.board, await hub.desk.who("lea"))

    (of,) = board.customers
    assert [one.where for one in of.alarms] == ["core-1"]
    assert (of.behind, board.behind, board.held, dict(board.counts)) == (1, 1, 1, {"critical": 1})
    assert board.explained == {of.alarms[0].id: 1}
    assert of.alarms[0].ticket is not None


async def test_a_thing_has_a_history_of_what_it_went_through(hub):
    await hub.fires("sw-1")
    await hub.ends("sw-1")
    await hub.passes(minutes=1)
    await hub.fires("sw-1")
    lea = await hub.desk.who("lea")

    alarms, episodes = await hub.desk.db.read(alert_looking.of_asset, lea, "ACME", "sw-1")

    assert ([one.where for one in alarms], [one.n for one in episodes]) == (["sw-1"], [2, 1])
    assert episodes[0].ended_at is None
    assert await hub.desk.db.read(alert_looking.of_asset, lea, "ACME", "core-1") == ((), ())
    with pytest.raises(NotFound):
        await hub.desk.db.read(alert_looking.of_asset, lea, "BETA", "sw-1")


# --- Sources ---


async def test_a_message_of_unknown_shape_is_read_once_somebody_says_where_its_parts_stand(hub):
    body = {"device": {"name": "sw-1"}, "problem": "Fan", "state": "raised"}
    await hub.posts(body, source="own")
    sue, lea = await hub.desk.who("sue"), await hub.desk.who("lea")
    found, unread = await hub.desk.db.read(alert_source_views.source, lea, "own")
    assert (found.unread, found.state, found.received) == (1, "never", 0)
    assert '"problem": "Fan"' in unread[0].excerpt

    where = {"resource": "device.name", "event": "problem", "status": "state", "text": ""}
    with pytest.raises(Forbidden):
        await hub.desk.db.write(alert_source_views.say_where, lea, "own", where, now=hub.desk.now)
    with pytest.raises(Invalid, match="/colour"):
        await hub.desk.db.write(alert_source_views.say_where, sue, "own", {"colour": "a"}, now=hub.desk.now)
    with pytest.raises(Refused, match="kind alertmanager"):
        await hub.desk.db.write(alert_source_views.say_where, sue, "am", where, now=hub.desk.now)
    assert await hub.desk.db.write(alert_source_views.say_where, sue, "own", where, now=hub.desk.now) == 1
    await hub.work()

    found, unread = await hub.desk.db.read(alert_source_views.source, lea, "own")
    assert (found.unread, found.state, found.received, unread) == (0, "heard", 1, ())
    (ticket,) = await hub.tickets()
    assert (ticket.asset, ticket.subject) == ("sw-1", "sw-1: Fan")
    await hub.sound()
