"""Calendars in the pages: written once under a name, whatever letters it has, and a mistake stands at its field."""

from __future__ import annotations

from datetime import date

from core.desk import clock_editor
from core.desk.configuration import export
from tests.desk_at_work import CONFIGURED, at_work
from tests.web.desk_pages import serving

SUE = '[[agents]]\nemail = "sue@hub.test"\nname = "Sue"\nroles = ["supervisor"]\n'
FORM = {
    "name": "Uffici 9/18",
    "time_zone": "Europe/Rome",
    "days-0": ["mon", "tue", "wed", "thu", "fri"],
    "from-0": "9",
    "to-0": "18.00",
}


async def test_a_calendar_is_written_found_and_never_written_over_by_a_new_one(db, tmp_path):
    desk = await at_work(db, CONFIGURED + SUE)
    async with serving(db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))

        wrong = await sue.post("/desk/new-calendar", **FORM | {"time_zone": "Mars"})
        endless = await sue.post("/desk/new-calendar", **FORM | {"name": "x" * 10_000}, save="1")
        made = await sue.post("/desk/new-calendar", **FORM, save="1")
        again = await sue.post("/desk/new-calendar", **FORM | {"days-0": ["sat"]}, save="1")
        taken = await sue.post("/desk/new-calendar", **FORM | {"name": "new"}, save="1")
        new = await sue.get("/desk/calendars/new")
        listed = await sue.get("/desk/calendars")
        opened = await sue.get("/desk/calendars/Uffici%209%2F18")

    assert (wrong.status, 'id="f-time_zone"' in wrong.text) == (422, True)
    assert (endless.status, 'id="f-name"' in endless.text) == (422, True)
    assert (made.status, again.status) == (303, 422)
    assert 'href="/desk/calendars/Uffici%209%2F18"' in listed.text
    assert opened.status == 200
    assert (taken.status, new.status, 'value="18:00"' in new.text) == (303, 200, True), "any name"
    kept = await db.read(clock_editor.calendar, await desk.who("sue"), "Uffici 9/18")
    assert kept.part.weekly == ("mon-fri 09:00-18:00",)


async def test_rows_come_and_go_and_each_mistake_stands_at_its_field(db, tmp_path):
    desk = await at_work(db, CONFIGURED + SUE)
    office = "/desk/calendars/Office"
    async with serving(db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))

        more = await sue.post(office, **FORM, do="add-hours")
        assert ('name="from-1"' in more.text, 'value="18.00"' in more.text) == (True, True), "as it was typed"
        fewer = await sue.post(office, **FORM, **{"from-1": "14", "to-1": ""}, do="remove-hours:0")
        assert ('name="from-0" value="14"' in fewer.text, 'name="from-1"' in fewer.text) == (True, False)
        day = await sue.post(office, **FORM, do="add-closed")
        assert 'name="closed-name-0"' in day.text

        wrong = await sue.post(
            office,
            **FORM,
            **{"days-1": ["fri"], "from-1": "17:00", "to-1": "0:00"},
            **{"days-2": ["sat"], "from-2": "25:00", "to-2": "26"},
            **{"from-3": "10:00", "to-3": "9:00"},
            **{"days-4": ["sun"], "from-4": "22:00", "to-4": "06:00"},
            **{"closed-0": "24/12", "closed-name-0": "Vigilia"},
            **{"closed-1": "2026-12-07", "closed-name-1": "", "closed-2": "2026-12-07", "closed-name-2": ""},
            save="1",
        )
        assert wrong.status == 422
        assert [one for one in FIELDS if f'id="f-{one}"' in wrong.text] == FIELDS
        assert "Si sovrappone alla riga 1" in wrong.words
        assert 'value="24/12"' in wrong.text
        nothing = await sue.post(office, time_zone="Europe/Rome", save="1")
        assert (nothing.status, 'id="f-hours"' in nothing.text) == (422, True)

        kept = await sue.post(
            office,
            **FORM,
            **{"days-1": ["fri"], "from-1": "22:00", "to-1": "00:00", "from-2": "", "to-2": ""},
            **{"closed-0": "2026-12-24", "closed-name-0": "Vigilia", "closed-1": "", "closed-name-1": ""},
            save="1",
        )
        assert kept.status == 303
        shown = await sue.get(office)
        assert ('value="Vigilia"' in shown.text, 'value="2026-12-24"' in shown.text) == (True, True)
    part = (await db.read(clock_editor.calendar, await desk.who("sue"), "Office")).part
    assert part.weekly == ("mon-fri 09:00-18:00", "fri 22:00-24:00")
    assert (part.closed, part.closed_names) == ((date(2026, 12, 24),), {"2026-12-24": "Vigilia"})
    assert 'closed_names = { 2026-12-24 = "Vigilia" }' in await db.read(export.export)


FIELDS = ["from-1", "from-2", "to-2", "days-3", "to-4", "closed-0", "closed-2"]


async def test_who_saves_a_calendar_that_somebody_changed_meanwhile_is_told_and_loses_nothing(db, tmp_path):
    desk = await at_work(db, CONFIGURED + SUE)
    office = "/desk/calendars/Office"
    named = {"closed-0": "2026-12-07", "closed-name-0": "Patrono"}
    async with serving(db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))
        seen = (await sue.get(office)).field("seen")
        looked = await sue.post(office, **FORM, seen=seen, look="1")
        assert looked.field("seen") == seen, "looking at it is not reading theirs"
        await sue.post(office, **FORM, **named, seen=seen, save="1")
        theirs = await db.read(clock_editor.calendar, await desk.who("sue"), "Office")

        late = await sue.post(
            office, **FORM | {"to-0": "20:00"}, **named | {"closed-name-0": "Ambrogio"}, seen=seen, save="1"
        )

        assert late.status == 409
        assert "Nel frattempo qualcuno ha cambiato questo orario" in late.words
        assert 'value="20:00"' in late.text
        assert 'value="Ambrogio"' in late.text
        assert await db.read(clock_editor.calendar, await desk.who("sue"), "Office") == theirs
        only_a_name = named | {"closed-name-0": "Ambrogio"}
        assert (await sue.post(office, **FORM, **only_a_name, seen=theirs.edition, save="1")).status == 303
        again = await sue.post(office, **FORM, **named, seen=theirs.edition, save="1")
        assert again.status == 409, "the name of a day is a change too"
        meant = await sue.post(office, **FORM, **named, seen=again.field("seen"), save="1")
        assert meant.status == 303
