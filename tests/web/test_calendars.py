"""Calendars in the pages: written once under a name, whatever letters it has, and a mistake stands at its field."""

from __future__ import annotations

from core.desk import clock_editor
from tests.desk_at_work import CONFIGURED, at_work
from tests.web.desk_pages import serving

SUE = '[[agents]]\nemail = "sue@hub.test"\nname = "Sue"\nroles = ["supervisor"]\n'
FORM = {"name": "Uffici 9/18", "time_zone": "Europe/Rome", "weekly": "mon-fri 09:00-18:00"}


async def test_a_calendar_is_written_found_and_never_written_over_by_a_new_one(db, tmp_path):
    desk = await at_work(db, CONFIGURED + SUE)
    async with serving(db, tmp_path) as pages:
        sue = await pages.as_(await desk.who("sue"))

        wrong = await sue.post("/desk/new-calendar", **FORM | {"time_zone": "Mars"})
        made = await sue.post("/desk/new-calendar", **FORM, save="1")
        again = await sue.post("/desk/new-calendar", **FORM | {"weekly": "sat 09:00-18:00"}, save="1")
        taken = await sue.post("/desk/new-calendar", **FORM | {"name": "new"}, save="1")
        new = await sue.get("/desk/calendars/new")
        listed = await sue.get("/desk/calendars")
        opened = await sue.get("/desk/calendars/Uffici%209%2F18")

    assert (wrong.status, "&#34;Mars&#34; is not known; use a name like Europe/Rome" in wrong.text) == (
        422,
        True,
    )
    assert (made.status, again.status) == (303, 422)
    assert 'href="/desk/calendars/Uffici%209%2F18"' in listed.text
    assert opened.status == 200
    assert (taken.status, new.status, "mon-fri 09:00-18:00" in new.text) == (303, 200, True), "any name"
    kept = await db.read(clock_editor.calendar, await desk.who("sue"), "Uffici 9/18")
    assert kept.part.weekly == ("mon-fri 09:00-18:00",)
