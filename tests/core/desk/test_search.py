from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.dialects import sqlite

from core.desk import listing, search, ticket_walks, traffic
from core.desk.errors import Forbidden, Invalid, NotFound
from core.store import tables
from tests import rows
from tests.rows import ADA, ALICE, BOB, LEADER, MARA, NOON, TECHNICIAN


@pytest.fixture
async def desk(db):
    await db.write(rows.people)
    return db


async def numbers(db, who, **asked):
    page = await db.read(search.tickets, who, now=NOON, **asked)
    return [row.number for row in page.items]


def add(*tickets):
    def verb(tx):
        return [rows.a_ticket(tx, number, **columns) for number, columns in tickets]

    return verb


async def test_the_inbox_shows_the_most_urgent_first_and_what_has_no_time_last(desk):
    await desk.write(
        add(
            ("26-000001", {}),
            ("26-000002", {"next_due": NOON + timedelta(hours=2)}),
            ("26-000003", {"next_due": NOON - timedelta(hours=1)}),
            ("26-000004", {"state": "closed"}),
        )
    )

    assert await numbers(desk, LEADER) == ["26-000003", "26-000002", "26-000001"]


@pytest.mark.parametrize("view", ["open", "closed", "all"])
@pytest.mark.parametrize("sort", ["due", "recent", "newest"])
async def test_pages_follow_each_other_without_gap_or_repetition(desk, view, sort):
    await desk.write(
        add(
            *(
                (
                    f"26-{n:06}",
                    {
                        "state": "closed" if n % 3 == 0 else "in_progress",
                        "next_due": NOON + timedelta(minutes=n % 4) if n % 2 and n % 3 else None,
                        "updated_at": NOON + timedelta(minutes=n % 5),
                    },
                )
                for n in range(23)
            )
        )
    )
    whole = await numbers(desk, LEADER, view=view, sort=sort, limit=100)

    paged, cursor = [], None
    while True:
        page = await desk.read(search.tickets, LEADER, view=view, sort=sort, cursor=cursor, limit=4)
        paged += [row.number for row in page.items]
        cursor = page.next
        if cursor is None:
            break

    assert paged == whole
    assert len(set(whole)) == len(whole) == {"open": 15, "closed": 8, "all": 23}[view]


async def test_a_cursor_of_another_order_is_refused(desk):
    await desk.write(add(*((f"26-{n:06}", {}) for n in range(3))))
    page = await desk.read(search.tickets, LEADER, sort="newest", limit=1)

    for cursor in (page.next, "nonsense", "W10", "é"):
        with pytest.raises(Invalid, match="/cursor"):
            await desk.read(search.tickets, LEADER, sort="recent", cursor=cursor)


async def test_each_view_shows_its_own(desk):
    soon = NOON + timedelta(minutes=30)
    await desk.write(
        add(
            ("26-000001", {"state": "triage"}),
            ("26-000002", {"assignee": LEADER.id, "state": "in_progress", "next_due": soon}),
            (
                "26-000003",
                {"desk_group": "Network L1", "next_due": NOON + timedelta(hours=3), "chat": "telegram"},
            ),
            ("26-000004", {"desk_group": "Servers L1", "state": "waiting_vendor", "assignee": TECHNICIAN.id}),
            ("26-000005", {"desk_group": "Network L1", "state": "closed", "assignee": TECHNICIAN.id}),
        )
    )
    grouped = replace(LEADER, groups=("Network L1", "Servers L1"))

    shown = {view: set(await numbers(desk, grouped, view=view)) for view in search.TICKET_VIEWS}
    counted = await desk.read(search.counts, grouped, now=NOON)

    assert shown == {
        "qualify": {"26-000001"},
        "mine": {"26-000002"},
        "groups": {"26-000003", "26-000004"},
        "unassigned": {"26-000001", "26-000003"},
        "chats": {"26-000003"},
        "due": {"26-000002"},
        "waiting": {"26-000004"},
        "open": {"26-000001", "26-000002", "26-000003", "26-000004"},
        "closed": {"26-000005"},
        "all": {"26-000001", "26-000002", "26-000003", "26-000004", "26-000005"},
    }
    for view, found in shown.items():
        if view != "closed":  # nobody waits for those
            assert counted[view] == len(found), view


async def test_of_chats_who_waits_longest_comes_first_and_those_we_answered_come_last(desk):
    since = {"26-000001": 9, "26-000002": 3, "26-000003": None, "26-000004": 5}
    await desk.write(
        add(
            *(
                (
                    number,
                    {"chat": "webchat", "waits_since": NOON + timedelta(minutes=n) if n else None},
                )
                for number, n in since.items()
            ),
            ("26-000005", {"waits_since": NOON}),  # by mail
            ("26-000006", {"chat": "telegram", "waits_since": NOON, "state": "closed"}),
        )
    )

    first = await desk.read(search.tickets, LEADER, view="chats", limit=2)
    rest = await desk.read(search.tickets, LEADER, view="chats", limit=2, cursor=first.next)

    assert [row.number for row in first.items] == ["26-000002", "26-000004"]
    assert [row.number for row in rest.items] == ["26-000001", "26-000003"]
    assert rest.next is None


def test_the_list_of_chats_walks_along_its_index():
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine, tables=[tables.ticket])
    (walk,), _ = ticket_walks.walks_of(LEADER, "chats", "waits", (), {})
    built = listing._build(tables.ticket, walk, ticket_walks.WAITS, [], further=True)
    text = built.compile(dialect=sqlite.dialect(paramstyle="named"))

    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", dict.fromkeys(text.params, 1)).all()

    assert len(plan) == 1
    assert "ticket_chat" in plan[0][3]


async def test_filters_meet_in_every_combination(desk):
    await desk.write(
        add(
            ("26-000001", {"desk_group": "Network L1", "assignee": TECHNICIAN.id, "state": "in_progress"}),
            ("26-000002", {"desk_group": "Network L1"}),
            ("26-000003", {"desk_group": "Network L1", "by": BOB, "state": "in_progress"}),
            ("26-000004", {"desk_group": "Network L1", "state": "closed", "assignee": TECHNICIAN.id}),
        )
    )

    async def found(**asked):
        lists = {
            tuple(sorted(await numbers(desk, LEADER, view="all", sort=s, **asked))) for s in search.SORTS
        }
        assert len(lists) == 1
        return [int(number[-1]) for number in lists.pop()]

    assert await found(group="Network L1") == [1, 2, 3, 4]
    assert await found(group="Network L1", state="in_progress") == [1, 3]
    assert await found(customer="BETA") == [3]
    assert await found(customer="ACME", state=["in_progress", "closed"]) == [1, 4]
    assert await found(assignee="teo@desk.test") == [1, 4]
    assert await found(assignee="teo@desk.test", customer="BETA") == []
    assert await found(assignee="none", group="Network L1") == [2, 3]
    assert await found(state="closed") == [4]
    assert await found(q="alice@acme.test", state="closed") == [4]
    assert await numbers(desk, TECHNICIAN, view="mine", group="Network L1") == ["26-000001"]


async def test_a_technician_sees_the_groups_and_the_own_tickets_only(desk):
    await desk.write(
        add(
            ("26-000001", {"desk_group": "Network L1"}),
            ("26-000002", {"desk_group": "Phones L1"}),
            ("26-000003", {"desk_group": "Phones L1", "assignee": TECHNICIAN.id}),
            ("26-000004", {"state": "triage"}),
            ("26-000005", {"desk_group": "Servers L1", "state": "closed", "assignee": TECHNICIAN.id}),
        )
    )

    assert set(await numbers(desk, TECHNICIAN)) == {"26-000001", "26-000003"}
    assert set(await numbers(desk, TECHNICIAN, view="all")) == {"26-000001", "26-000003", "26-000005"}
    assert await numbers(desk, TECHNICIAN, view="all", state="triage") == []
    counted = await desk.read(search.counts, TECHNICIAN, now=NOON)
    assert (counted["open"], counted["qualify"]) == (2, 0)
    with pytest.raises(NotFound):
        await desk.read(search.find, TECHNICIAN, "26-000002")


async def test_each_role_of_a_customer_sees_what_it_should(desk):
    def world(tx):
        rows.a_ticket(tx, "26-000001")
        rows.a_ticket(tx, "26-000002", by=ADA, site="Milano")
        rows.a_ticket(tx, "26-000003", by=ADA, site="Roma")
        rows.a_ticket(tx, "26-000004", by=BOB)
        rows.a_ticket(tx, "26-000005", by=ADA, site="Milano", flags=["confidential"])
        rows.takes_part(tx, rows.a_ticket(tx, "26-000006", by=ADA), ALICE.email, contact=ALICE.id)
        rows.takes_part(tx, rows.a_ticket(tx, "26-000007", by=ADA), ALICE.email, contact=ALICE.id, role="cc")
        rows.a_ticket(tx, "26-000008", by=None)

    await desk.write(world)
    everything = replace(MARA, sites=())
    nobody = replace(ALICE, customer=None)

    async def sees(who):
        listed = set(await numbers(desk, who, view="all"))
        for sort in search.SORTS:
            assert set(await numbers(desk, who, sort=sort)) == listed
        for number in (f"26-00000{n}" for n in range(1, 9)):
            if number in listed:
                assert (await desk.read(search.find, who, number)).number == number
            else:
                with pytest.raises(NotFound):
                    await desk.read(search.find, who, number)
        assert (await desk.read(search.counts, who))["open"] == len(listed)
        return sorted(int(number[-1]) for number in listed)

    assert await sees(ALICE) == [1, 6]
    assert await sees(MARA) == [2]
    assert await sees(everything) == [1, 2, 3, 6, 7]
    assert await sees(ADA) == [1, 2, 3, 5, 6, 7]
    assert await sees(BOB) == [4]
    assert await sees(nobody) == []
    assert await numbers(desk, BOB, view="all", customer="ACME") == []


async def test_a_contact_learns_nothing_of_the_inside_from_a_row(desk):
    await desk.write(
        add(
            (
                "26-000001",
                {
                    "snippet": "a mail that is not published",
                    "trust": "none",
                    "assignee": TECHNICIAN.id,
                    "flags": ["workaround", "not_covered"],
                },
            )
        )
    )

    (row,) = (await desk.read(search.tickets, ALICE)).items

    assert (row.snippet, row.trust, row.assignee, row.assignee_email) == ("", "", None, "")
    assert row.flags == ("workaround",)
    assert row.assignee_name == "Teo"


async def test_a_number_an_address_and_words_find_the_ticket(desk):
    def world(tx):
        one = rows.a_ticket(tx, "26-000001")
        rows.a_message(tx, one, "La stampante non va più perché è rotta")
        two = rows.a_ticket(tx, "26-000002", by=BOB, state="closed")
        rows.a_message(tx, two, "Il router si riavvia")
        rows.a_note(tx, two, "stampante: colleagues only")

    await desk.write(world)

    async def found(who, q):
        return await numbers(desk, who, view="all", q=q)

    assert await found(LEADER, "26-000002") == ["26-000002"]
    assert await found(LEADER, " [#26-000002] ") == ["26-000002"]
    assert await found(LEADER, "Alice@acme.test") == ["26-000001"]
    assert await found(LEADER, "perche rotta") == ["26-000001"]
    assert await found(LEADER, "stampante") == ["26-000002", "26-000001"]
    assert await found(LEADER, "riavv") == ["26-000002"]
    assert await found(LEADER, '") OR ("') == []
    assert await numbers(desk, LEADER, view="open", q="router") == []
    assert await found(BOB, "stampante") == []
    assert await found(BOB, "26-000001") == []
    assert await found(BOB, "router") == ["26-000002"]


async def test_nobody_probes_a_hidden_mail_for_its_words(desk):
    def world(tx):
        one = rows.a_ticket(tx, "26-000001")
        rows.a_message(tx, one, "your code is 815-224", direction="in", author_address="noreply@shop.test")

    await desk.write(world)

    assert await numbers(desk, ALICE, q="815") == []
    assert await numbers(desk, LEADER, q="815") == ["26-000001"]


async def test_what_there_is_not_is_refused_with_what_there_is(desk):
    for asked, words in (
        ({"view": "secret"}, "must be one of qualify"),
        ({"sort": "random"}, "must be one of due"),
        ({"state": "asleep"}, "'asleep' is not a state"),
    ):
        with pytest.raises(Invalid, match=words):
            await desk.read(search.tickets, LEADER, **asked)
    with pytest.raises(Invalid, match="must be one of open"):
        await desk.read(search.tickets, ALICE, view="unassigned")


async def test_held_items_and_exceptions_wait_until_staff_decide(desk):
    def world(tx):
        mine = rows.a_ticket(tx, "26-000001", desk_group="Network L1")
        return (
            rows.an_inbound(tx, ticket_id=mine, received_at=NOON),
            rows.an_inbound(tx, outcome="exception", received_at=NOON + timedelta(minutes=1)),
            rows.an_inbound(tx, outcome="ticket", open=False, received_at=NOON + timedelta(minutes=2)),
            rows.an_inbound(tx, outcome=None, open=False, received_at=NOON + timedelta(minutes=3)),
        )

    held, broken, taken, raw = await desk.write(world)

    async def listed(who, **asked):
        return [row.id for row in (await desk.read(search.inbound, who, **asked)).items]

    assert await listed(LEADER) == [broken, held]
    assert await listed(LEADER, waiting=False) == [raw, taken, broken, held]
    assert await listed(LEADER, outcome="ticket", waiting=False) == [taken]
    assert await listed(TECHNICIAN, waiting=False) == [held]
    first = await desk.read(search.inbound, LEADER, limit=1)
    assert await listed(LEADER, cursor=first.next) == [held]
    assert (await desk.read(search.inbound_item, TECHNICIAN, held)).ticket == "26-000001"
    counted = await desk.read(search.counts, LEADER)
    assert (counted["held"], counted["exceptions"]) == (1, 1)
    with pytest.raises(NotFound):
        await desk.read(search.inbound_item, TECHNICIAN, broken)
    with pytest.raises(NotFound):
        await desk.read(search.inbound_item, ALICE, held)
    with pytest.raises(Forbidden):
        await desk.read(search.inbound, ALICE)


async def test_deliveries_are_listed_by_state_and_by_ticket(desk):
    def world(tx):
        one = rows.a_ticket(tx, "26-000001", desk_group="Network L1")
        two = rows.a_ticket(tx, "26-000002", by=BOB)
        said = rows.a_message(tx, one, "x")
        return (
            rows.a_delivery(tx, one, said, "alice@acme.test"),
            rows.a_delivery(
                tx, one, said, "gone@acme.test", state="bounced", created_at=NOON + timedelta(minutes=1)
            ),
            rows.a_delivery(
                tx, two, said, "bob@beta.test", state="given_up", created_at=NOON + timedelta(minutes=2)
            ),
        )

    sent, bounced, given_up = await desk.write(world)

    async def listed(who, **asked):
        return [row.id for row in (await desk.read(search.deliveries, who, **asked)).items]

    assert await listed(LEADER) == [given_up, bounced, sent]
    assert await listed(LEADER, state="undelivered") == [given_up, bounced]
    assert await listed(LEADER, ticket="26-000001") == [bounced, sent]
    assert await listed(LEADER, ticket="26-000001", state="sent") == [sent]
    assert await listed(TECHNICIAN) == [bounced, sent]
    first = await desk.read(search.deliveries, LEADER, limit=1)
    assert await listed(LEADER, cursor=first.next) == [bounced, sent]
    assert (await desk.read(search.counts, LEADER))["undelivered"] == 2
    assert (await desk.read(search.counts, TECHNICIAN))["undelivered"] == 1
    with pytest.raises(NotFound):
        await desk.read(search.deliveries, TECHNICIAN, ticket="26-000002")
    with pytest.raises(Forbidden):
        await desk.read(search.deliveries, ALICE)


async def test_mine_and_nobodys_meet_other_filters(desk):
    await desk.write(
        add(
            ("26-000001", {"desk_group": "Network L1", "assignee": LEADER.id, "customer": "ACME"}),
            ("26-000002", {"desk_group": "Network L1"}),
        )
    )

    assert await numbers(desk, LEADER, assignee="me", group="Network L1") == ["26-000001"]
    assert await numbers(desk, LEADER, assignee=LEADER.id) == ["26-000001"]
    assert await numbers(desk, LEADER, view="groups", assignee="none") == []
    assert await numbers(desk, TECHNICIAN, view="groups", assignee="none") == ["26-000002"]
    assert await numbers(desk, LEADER, view="unassigned", q="alice@acme.test") == ["26-000002"]
    assert await numbers(desk, LEADER, q="***") == []


async def test_an_agent_without_groups_sees_their_own_only(desk):
    alone = replace(TECHNICIAN, groups=())
    await desk.write(
        add(("26-000001", {"desk_group": "Network L1"}), ("26-000002", {"assignee": TECHNICIAN.id}))
    )

    assert await numbers(desk, alone, view="all") == ["26-000002"]
    assert (await desk.read(search.counts, alone))["open"] == 1


async def test_who_fits_nowhere_reads_nothing(desk):
    def world(tx):
        return rows.a_message(tx, rows.a_ticket(tx, "26-000001"), "x")

    await desk.write(world)
    nowhere = replace(ALICE, customer=None)

    assert await numbers(desk, nowhere, q="26-000001", view="all") == []
    with pytest.raises(NotFound):
        await desk.read(search.inbound_item, nowhere, "x")
    with pytest.raises(Forbidden):
        await desk.read(search.deliveries, nowhere)


async def test_lists_of_traffic_refuse_what_there_is_not(desk):
    with pytest.raises(Invalid, match="/outcome"):
        await desk.read(search.inbound, LEADER, outcome="lost")
    with pytest.raises(Invalid, match="/state"):
        await desk.read(search.deliveries, LEADER, state="lost")


async def test_the_bytes_of_what_arrived_are_there_for_staff(desk):
    item = await desk.write(rows.an_inbound, raw=b"From: eve")

    assert await desk.read(traffic.inbound_bytes, LEADER, item) == b"From: eve"
    with pytest.raises(NotFound):
        await desk.read(traffic.inbound_bytes, TECHNICIAN, item)
