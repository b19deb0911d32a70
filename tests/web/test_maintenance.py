"""Staff plan maintenance in a calendar; customers see what is planned for them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.desk import window_views, windows
from core.desk.window_views import WindowView
from core.store import tables
from tests import rows
from web.window_words import spoken

ROME = ZoneInfo("Europe/Rome")


def local(**ahead: float) -> str:
    return f"{datetime.now(ROME) + timedelta(**ahead):%Y-%m-%dT%H:%M}"


@pytest.fixture(autouse=True)
async def things(db, desk):
    """Acme has a site with a switch."""

    def place(tx):
        tx.insert(tables.site, customer="ACME", name="Verona")
        tx.insert(tables.asset, customer="ACME", name="sw-1", site="Verona")

    await db.write(place)


@pytest.fixture
def planned(db):
    """`await planned()`: the id of a window of Acme's switch, from now on."""

    async def plan(**given):
        now = datetime.now(UTC)
        said = {
            "customer": "ACME",
            "asset": "sw-1",
            "since": now,
            "until": now + timedelta(hours=2),
            "now": now,
        }
        return await db.write(windows.plan, rows.LEADER, **said | given)

    return plan


async def test_who_plans_chooses_the_customer_then_what_is_theirs(lea):
    first = await lea.get("/desk/maintenance/new")
    assert "Acme S.p.A." in first.words
    page = await lea.get("/desk/maintenance/new?customer=ACME")
    assert "sw-1" in page.words
    form = {
        "customer": "ACME",
        "asset": "sw-1",
        "since": local(days=1),
        "until": local(days=1, hours=2),
        "repeat": "weekly",
        "change": "Firmware",
        "form": "f1",
    }
    once, twice = [await lea.post("/desk/maintenance/new", **form) for _ in range(2)]
    assert once.status == twice.status == 303
    assert once.headers["Location"] == twice.headers["Location"]

    shown = await lea.get(once.headers["Location"])
    weekday = f"{datetime.now(ROME) + timedelta(days=1):%A}"
    assert f"every week: {weekday}" in shown.words
    assert "Firmware" in shown.words
    assert "Acme S.p.A." in shown.words
    month = await lea.get("/desk/maintenance?span=month")
    assert month.text.count(once.headers["Location"]) >= 1


async def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(lea):
    form = {
        "customer": "ACME",
        "site": "Verona",
        "since": local(days=2),
        "until": local(days=1),
        "tag": "env",
        "repeat": "rule",
        "rule": "FREQ=YEARLY",
        "change": "Firmware",
    }
    page = await lea.post("/desk/maintenance/new", **form)
    assert page.status == 422
    assert set(re.findall(r'class="wrong" id="f-(\w+)"', page.text)) == {"tag", "until", "rule"}
    assert (page.field("change"), page.field("rule")) == ("Firmware", "FREQ=YEARLY")


@pytest.mark.parametrize("since", ["", "yesterday", "0001-01-01T00:00", "9999-12-31T23:59"])
async def test_a_moment_that_is_none_is_refused(lea, since):
    page = await lea.post(
        "/desk/maintenance/new", customer="ACME", asset="sw-1", since=since, until=local(days=1)
    )
    assert page.status == 422
    assert 'id="f-since"' in page.text


async def test_work_that_goes_on_is_named_and_ends_by_one_press(lea, planned):
    made = await planned()
    assert "On now Acme S.p.A. · sw-1" in (await lea.get("/desk/maintenance")).words
    ended = await lea.post(f"/desk/maintenance/{made}/end")
    assert ended.status == 303
    assert "Ended" in (await lea.get(ended.headers["Location"])).words
    assert "No maintenance is on now" in (await lea.get("/desk/maintenance")).words
    again = await lea.post(f"/desk/maintenance/{made}/cancel", reason="x")
    assert (again.status, "This maintenance is over" in again.words) == (409, True)


async def test_it_is_called_off_with_a_reason(lea, planned):
    made = await planned()
    assert (await lea.post(f"/desk/maintenance/{made}/cancel", reason=" ")).status == 422
    assert (await lea.post(f"/desk/maintenance/{made}/cancel", reason="No parts.")).status == 303
    assert "Called off" in (await lea.get(f"/desk/maintenance/{made}")).words


async def test_what_waits_for_a_second_person_says_so(lea, planned, db):
    made = await planned(asset="")
    page = await lea.get("/desk/maintenance")
    assert "Waiting for a second person" in page.words
    assert "Waits for approval" in page.words
    own = await lea.post(f"/desk/maintenance/{made}/approve")
    assert (own.status, "Somebody else" in own.words) == (403, True)
    assert f"/desk/maintenance/{made}/approve" not in (await lea.get(f"/desk/maintenance/{made}")).text
    await db.write(windows.approve, replace(rows.LEADER, id="max", name="Max"), made, now=datetime.now(UTC))
    assert (await lea.post(f"/desk/maintenance/{made}/approve")).status == 409


async def test_the_task_of_a_second_person_is_told_in_words(lea, planned):
    await planned(asset="")
    assert "Approve the maintenance of Acme S.p.A. from" in (await lea.get("/desk/tasks")).words


async def test_a_technician_sees_all_and_changes_nothing(teo, planned):
    made = await planned()
    page = await teo.get(f"/desk/maintenance/{made}")
    assert page.status == 200
    assert f"/desk/maintenance/{made}/end" not in page.text
    assert "/desk/maintenance/new" not in (await teo.get("/desk/maintenance")).text
    assert (await teo.get("/desk/maintenance/new")).status == 403
    assert (await teo.post("/desk/maintenance/new", customer="ACME")).status == 403
    assert (await teo.post(f"/desk/maintenance/{made}/end")).status == 403


async def test_a_customer_reads_what_is_planned_for_them_and_no_page_of_the_desk(alice, planned):
    made = await planned(change="Firmware of the switch", rule="FREQ=DAILY")
    await planned(asset="", change="Not decided")
    await planned(customer="BETA", asset="", tag="env=x", change="Of others")
    home = (await alice.get("/portal/")).words
    assert "Firmware of the switch" in home
    assert "sw-1" in home
    assert "Not decided" not in home
    assert "Of others" not in home
    for path in ("/desk/maintenance", f"/desk/maintenance/{made}", "/desk/maintenance/new"):
        assert (await alice.get(path)).status == 404


@pytest.mark.parametrize("span", ["week", "month", "nonsense"])
@pytest.mark.parametrize("begin", ["", "2026-03-29", "2026-12-31", "9999-12-31", "x"])
async def test_any_part_of_the_calendar_can_be_asked_for(lea, span, begin):
    assert (await lea.get(f"/desk/maintenance?span={span}&from={begin}")).status == 200


async def test_a_window_over_midnight_is_there_on_both_days(lea, planned):
    evening = (datetime.now(ROME) + timedelta(days=7)).replace(hour=22, minute=0, second=0, microsecond=0)
    evening -= timedelta(days=evening.weekday())  # a Monday
    made = await planned(
        since=evening.astimezone(UTC) + timedelta(days=7),
        until=evening.astimezone(UTC) + timedelta(days=7, hours=4),
    )
    page = await lea.get(f"/desk/maintenance?from={evening + timedelta(days=7):%Y-%m-%d}")
    assert page.text.count(f'name" href="/desk/maintenance/{made}"') == 2
    assert "22:00–24:00" in page.words
    assert "00:00–02:00" in page.words


@pytest.mark.parametrize(
    ("rule", "english", "italian"),
    [
        ("", "", ""),
        ("FREQ=DAILY;INTERVAL=3", "every 3 days", "ogni 3 giorni"),
        ("FREQ=WEEKLY;BYDAY=TU,TH", "every week: Tuesday, Thursday", "ogni settimana: martedì, giovedì"),
        ("FREQ=MONTHLY;BYDAY=1TU", "every month: first Tuesday", "ogni mese: martedì (1ª volta nel mese)"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month: the last day", "ogni mese: l'ultimo giorno"),
        (
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=20261231",
            "every 2 weeks: Tuesday, until 31 December 2026",
            "ogni 2 settimane: martedì, fino al 31 dicembre 2026",
        ),
        ("FREQ=DAILY;COUNT=4", "every day, 4 times", "ogni giorno, 4 volte"),
    ],
)
async def test_a_rule_is_said_in_words(db, planned, rule, english, italian):
    view: WindowView = await db.read(window_views.one, rows.LEADER, await planned(), now=datetime.now(UTC))
    first = datetime(2026, 3, 3, 1, tzinfo=UTC)
    said = replace(view, since=first, until=first + timedelta(hours=2), rule=rule, zone="Europe/Rome")
    assert (spoken(said, "en"), spoken(said, "it")) == (english, italian)
