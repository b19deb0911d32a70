"""What people decide about alarms: whose they are, where they belong, that somebody knows of them; and who sees which."""

from __future__ import annotations

import pytest

from core.alerting import Status
from core.desk import (
    alert_acts,
    alert_board,
    alert_looking,
    alert_rows,
    alert_silence,
    alert_source_views,
    alert_sources,
    alert_tree,
    alert_views,
    reference,
    waiting,
)
from core.desk.alert_views import Filter
from core.desk.errors import Forbidden, Invalid, NotFound, Refused
from core.store import tables
from tests.devices_at_work import SECRET, WITH_DEVICES, Devices, alarm, devices
from tests.spending import quickly

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


async def test_what_is_kept_without_a_contract_is_measured_from_when_somebody_opens_it(hub):
    await hub.fires("pc-1", source="beta")
    assert await hub.tickets() == []
    await hub.passes(hours=5)
    tom = await hub.desk.who("tom")
    await hub.desk.db.write(
        alert_acts.open_ticket, tom, (await hub.alert("pc-1", "beta")).id, now=hub.desk.now
    )
    (ticket,) = await hub.tickets()
    assert ticket.received_at == hub.desk.now
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


def labelled(name, status, fingerprint, at, **labels):
    return {"alerts": [alarm(name, status, at=at, **labels) | {"fingerprint": fingerprint}]}


async def test_what_staff_say_of_a_name_never_makes_an_alarm_theirs_whose_label_names_another_customer(hub):
    await hub.fires("srv-9", source="shared")
    await act(hub, alert_acts.name, "srv-9", source="shared", customer="ACME")

    await hub.posts(labelled("srv-9", "firing", "theirs", hub.desk.now, customer="BETA"), source="shared")
    await hub.posts(labelled("srv-9", "firing", "unlabelled", hub.desk.now), source="shared")
    await hub.passes(minutes=5)

    assert (await hub.alert("theirs", "shared")).customer == "BETA"
    assert (await hub.alert("unlabelled", "shared")).customer == "ACME"
    assert {one.customer for one in await hub.tickets()} == {"ACME"}, "Beta's contract is over"
    await hub.sound()


async def test_an_alarm_that_is_known_to_be_another_customers_does_not_learn_whose_its_namesake_is(hub):
    await hub.posts(labelled("srv-9", "firing", "theirs", hub.desk.now, customer="BETA"), source="shared")
    await hub.posts(labelled("srv-9", "firing", "nobodys", hub.desk.now), source="shared")
    await hub.fires("srv-9", source="shared")

    others = await act(hub, alert_acts.name, "srv-9", source="shared", customer="ACME")

    assert others == 1
    assert (await hub.alert("nobodys", "shared")).customer == "ACME"
    theirs = await hub.alert("theirs", "shared")
    assert (theirs.customer, theirs.ticket_id) == ("BETA", None)
    with pytest.raises(Invalid, match="its label names BETA"):
        await act(hub, alert_acts.name, "theirs", source="shared", customer="ACME")
    await hub.sound()


# --- What is read again ---


async def read_again_by_source(hub, mapping):
    asks = await hub.desk.who("sue")
    first = await hub.desk.db.write(alert_source_views.say_where, asks, "own", mapping, now=hub.desk.now)
    await hub.work()
    return first + await hub.desk.db.write(alert_source_views.again, asks, "own", now=hub.desk.now)


async def read_again_with_all(hub, mapping):
    asks, began = await hub.desk.who("sue"), hub.desk.now
    await hub.desk.db.write(
        lambda tx: tx.update(
            tables.alert_source,
            {"name": "own"},
            content={**alert_source_views.content(tx, "own"), "mapping": mapping},
        )
    )
    await hub.desk.db.write(reference.revise, now=began)
    found = 0
    while count := await hub.desk.db.write(waiting.retry_all, asks, before=began, now=began):
        found += count
    return found


@pytest.mark.parametrize("read_again", [read_again_by_source, read_again_with_all])
async def test_what_waits_is_read_in_the_order_in_which_it_came_so_that_what_is_over_does_not_begin(
    hub, monkeypatch, read_again
):
    monkeypatch.setattr(alert_source_views, "AGAIN", 2)
    monkeypatch.setattr(waiting, "AT_ONCE", 2)
    for what, state in (("disk", "down"), ("disk", "up"), ("fan", "down"), ("fan", "up")):
        await hub.posts({"what": what, "state": state}, source="own")
        await hub.passes(minutes=5)

    assert await read_again(hub, {"event": "what", "status": "state"}) == 4
    await hub.work()

    assert [row.firing for row in await hub.desk.rows(tables.alert)] == [False, False]
    kinds = [row.kind for row in await hub.desk.rows(tables.alert_decision)]
    assert (kinds.count("ended"), kinds.count("never_began")) == (2, 0)


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


async def test_what_the_hub_says_of_itself_or_of_a_silent_source_is_no_thing_that_anybody_has_to_name(hub):
    await hub.fires("loose")
    of_source = alert_sources.AlertSource(name="am", kind="alertmanager", customer="ACME")
    for source in (of_source, alert_sources.own(hub.desk.db.facts)):
        await hub.desk.db.write(
            alert_silence.tell,
            source,
            alert_rows.SILENT,
            Status.FIRING,
            summary="it is silent",
            now=hub.desk.now,
        )
    assert len(await listed(hub, q="silent")) == 2
    assert await listed(hub, unmapped=True) == ["loose"], (
        "what the hub says is about nothing that has to be named"
    )
    said = alert_rows.identity("am", alert_rows.SILENT)
    assert "name" not in (await hub.desk.db.read(alert_looking.one, await hub.desk.who("lea"), said)).acts


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


async def test_a_page_looks_through_so_many_and_says_how_far_back_it_looked(hub, monkeypatch):
    monkeypatch.setattr(alert_views, "LOOKED", 2)
    for name in ("sw-1", "srv-1", "loose", "core-1", "x"):
        await hub.fires(name)
        await hub.passes(seconds=1)
    rows = {name: await hub.alert(name) for name in ("sw-1", "srv-1", "core-1")}

    async def page(who="lea", cursor=None, **wanted):
        asks = await hub.desk.who(who)
        found = await hub.desk.db.read(alert_views.listing, asks, Filter(**wanted), cursor=cursor)
        return [one.where for one in found.items], found.back_to, found.next

    found, back_to, cursor = await page(q="sw-1")
    assert (found, back_to) == ([], rows["core-1"].last_seen)
    found, back_to, cursor = await page(q="sw-1", cursor=cursor)
    assert (found, back_to) == ([], rows["srv-1"].last_seen)
    assert await page(q="sw-1", cursor=cursor) == (["sw-1"], None, None)
    assert (await page("ann", cursor=cursor))[0] == ["sw-1"], "for whoever sees some only as well"


async def test_what_was_typed_is_looked_for_as_it_stands(hub):
    await hub.fires("disk 100% full", "disk 1000 full")
    assert await listed(hub, q="100%") == ["disk 100% full"]
    assert await listed(hub, q="k_1") == []
    assert await listed(hub, q="FULL disk") != []


async def test_on_the_board_the_hubs_own_alarms_are_not_among_those_of_nobody(hub):
    await hub.fires("stray", source="shared")
    own = alert_sources.own(hub.desk.db.facts)
    await hub.desk.db.write(
        alert_silence.tell,
        own,
        "hub:disk",
        Status.FIRING,
        summary="The disk is nearly full",
        now=hub.desk.now,
    )
    await hub.passes(minutes=5)
    board = await hub.desk.db.read(alert_board.board, await hub.desk.who("lea"))
    assert sorted((of.code, [one.where for one in of.alarms]) for of in board.customers) == [
        (None, ["hub"]),
        (None, ["stray"]),
    ]


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


async def test_what_hangs_on_something_by_what_lies_between_is_counted_with_it(hub):
    await hub.fires("core-1", source="at-once")
    await hub.fires("srv-1", source="at-once")
    await hub.fires("port-1", source="at-once", parent="srv-1")
    lea = await hub.desk.who("lea")

    board = await hub.desk.db.read(alert_board.board, lea)

    (of,) = board.customers
    assert board.explained[of.alarms[0].id] == 2
    core = await hub.desk.db.read(alert_looking.one, lea, of.alarms[0].id)
    assert core.below == 2
    assert await hub.desk.db.read(alert_board.firing, lea) == 1, "beside the name of the page as on the board"


async def test_what_is_for_information_is_not_in_the_count_beside_the_name_of_the_page(hub):
    await hub.fires("sw-1", severity="info", source="at-once")
    lea = await hub.desk.who("lea")
    assert await hub.desk.db.read(alert_board.firing, lea) == 0
    assert (await hub.desk.db.read(alert_board.board, lea)).quiet == 1


async def test_the_tree_begins_with_the_customer_of_whom_most_fires(hub):
    lea = await hub.desk.who("lea")
    assert await hub.desk.db.read(alert_tree.looked_at_first, lea) is None
    await hub.fires("x", source="beta")
    row = await hub.alert("x", "beta")
    await hub.desk.db.write(lambda tx: alert_rows.change(tx, row.id, asset="b-1"))
    assert await hub.desk.db.read(alert_tree.looked_at_first, lea) == "BETA"
    await hub.fires("sw-1", "core-1")
    assert await hub.desk.db.read(alert_tree.looked_at_first, lea) == "ACME"


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


def test_a_message_that_is_nested_deep_is_laid_out_only_as_far_as_it_is_shown():
    value = b'[{"a":' * 300 + b"1" + b"}]" * 300
    with quickly(0.2):
        shown = alert_source_views.excerpt(b'{"host":"sw-1","all":[' + b",".join([value] * 100) + b"]}")

    assert shown.startswith('{\n  "host": "sw-1"')
    assert len(shown) <= alert_source_views.EXCERPT
