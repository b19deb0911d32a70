"""What somebody has to do: in words, alarms first, on a page and over the API; promises and obstacles on a ticket's page."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import select

from core import desk as desk_package
from core.desk import reports, tasks
from core.store import tables
from tests import rows
from tests.web import api_desk
from web.words import catalogue

TICKET = "/desk/tickets/26-000001"
WHY = "Il fornitore prosegue per conto suo."


def _at_a_vendor(tx, **columns):
    (of,) = tx.all(select(tables.ticket.c.id).where(tables.ticket.c.number == "26-000001"))
    rows.a_vendor_case(tx, of.id)
    if columns:
        tx.update(tables.ticket, {"id": of.id}, **columns)


def _put(tx, **task):
    (of,) = tx.all(select(tables.ticket.c.id).where(tables.ticket.c.number == "26-000001"))
    return tasks.add(tx, task.pop("kind"), ticket_id=of.id, now=datetime.now(UTC), **task)


async def _three(db) -> list[str]:
    """For Teo: one of his own, an alarm of his group; and one for shift leaders."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    words = {"customer": "Acme", "subject": "<b>Rete</b>"}
    return [
        await db.write(_put, kind="promise_soon", agent=rows.TECHNICIAN.id, due=at, **words),
        await db.write(_put, kind="promise_late", group="Network L1", alarm=True, **words),
        await db.write(_put, kind="approve", role="shift-leader", **words),
    ]


async def test_tasks_are_told_in_words_alarms_first_and_are_done_by_a_click(teo, lea, db):
    own, _, leads = await _three(db)

    page = await teo.get("/desk/tasks")

    assert page.words.index("Allarme") < page.words.index("promesso entro pochi minuti")
    assert "<b>Rete</b>" not in page.text
    assert f"task-{leads}" not in page.text
    assert f"task-{leads}" in (await lea.get("/desk/tasks?only=groups")).text
    side = (await teo.get(TICKET)).text
    assert 'class="count hot">2' in side
    assert (await teo.post(f"/desk/tasks/{own}/done", only="mine")).status == 303
    assert f"task-{own}" not in (await teo.get("/desk/tasks")).text
    assert (await teo.post(f"/desk/tasks/{leads}/done")).status == 403
    assert (await teo.get("/desk/tasks?only=others")).status == 404


async def test_programs_get_tasks_and_finish_them(db):
    desk = await db.write(api_desk.furnish)
    _, _, leads = await _three(db)
    async with api_desk.serving(db) as client:
        lea = api_desk.Caller(client, desk.tokens["Lea"])
        alice = api_desk.Caller(client, desk.tokens["Alice"])
        items = (await (await lea.get("/tasks")).json())["items"]
        assert [(one["kind"], one["alarm"], one["ticket"]) for one in items] == [
            ("promise_late", True, "26-000001"),
            ("approve", False, "26-000001"),
        ]
        done = await (await lea.post(f"/tasks/{leads}/done")).json()
        assert done["done_at"]
        assert (await (await alice.get("/tasks")).json()) == {"items": []}
        assert (await alice.post(f"/tasks/{leads}/done")).status == 404
        assert (await lea.post("/tasks/nothing/done")).status == 404


async def test_the_reply_box_asks_for_the_next_words_and_shows_what_is_promised(teo, db):
    page = (await teo.get(TICKET)).text
    assert 'class="promise risk"' in page
    refused = await teo.do("reply", text="Guardo.", idem="a", promise="at", promise_at="ieri")
    assert refused.status == 422
    assert refused.field("promise_at") == "ieri"

    await teo.do("reply", text="Guardo.", idem="a", promise="60m")

    (row,) = await db.read(lambda tx: tx.all(select(tables.promise)))
    assert row.due > datetime.now(UTC) + timedelta(minutes=59)
    page = (await teo.get(TICKET)).text
    assert 'class="promise risk"' not in page
    assert 'id="promise-now"' in page
    await teo.do("reply", text="Fatto.", idem="b", promise="none")
    assert '<option value="none" selected>' in (await teo.get(TICKET)).text


async def test_a_refused_end_names_each_reason_with_a_field_that_answers_it(teo, db):
    await db.write(_at_a_vendor)
    more = {name: f"Di {name}." for name in reports.LATER}
    solution = {"cause": "network", "text": "Cambiato il cavo.", "minutes": 5, **more}

    refused = await teo.do("resolve", **solution)

    assert refused.status == 409
    assert 'name="override-vendor_open"' in refused.text
    assert refused.field("text", form='id="wrong"') == "Cambiato il cavo."
    assert {name: refused.field(name, form='id="wrong"') for name in more} == more
    assert refused.text.count('name="override-vendor_open"') == 1
    short = await teo.do("resolve", **solution, **{"override-vendor_open": "ok"})
    assert short.status == 422
    assert 'name="override-vendor_open"' in short.text
    assert (await teo.do("resolve", **solution, **{"override-vendor_open": WHY})).status == 303


async def test_programs_promise_watch_date_back_and_override(db):
    desk = await db.write(api_desk.furnish)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    async with api_desk.serving(db) as client:
        lea = api_desk.Caller(client, desk.tokens["Lea"])
        alice = api_desk.Caller(client, desk.tokens["Alice"])
        words = {"audience": "customer", "text": "Guardo.", "promise_by": later}
        assert (await alice.post("/tickets/26-000001/messages", words)).status == 422
        said = await (await lea.post("/tickets/26-000001/messages", words)).json()
        assert "Riceverà di nuovo nostre notizie entro" in said["text"]
        assert (
            await lea.post("/tickets/26-000001/promise", {"promise_by": "2020-01-01T00:00:00Z"})
        ).status == 422
        told = await (await lea.post("/tickets/26-000001/promise", {"promise_by": later})).json()
        assert [one["state"] for one in told["clocks"] if one["name"] == "promise"] == ["running"]
        assert (await alice.post("/tickets/26-000001/promise", {"promise_by": later})).status == 403
        await db.write(_at_a_vendor, state="in_progress")
        ahead = await lea.post("/tickets/26-000001/resume", {"at": later})
        assert ahead.status in (409, 422)
        solution = {"cause": "network", "text": "Cavo.", "minutes": 5}
        refused = await lea.post("/tickets/26-000001/resolve", solution)
        assert refused.status == 409
        assert [one["reason"] for one in (await refused.json())["obstacles"]] == ["vendor_open"]
        watched = await (await lea.post("/tickets/26-000001/observe", {"until": later})).json()
        assert watched["state"] == "monitoring"
        done = await lea.post("/tickets/26-000001/resolve", solution | {"overrides": {"vendor_open": WHY}})
        assert (await done.json())["state"] == "resolved"


# --- Words --------------------------------------------------------------------------------------------------


_Call = tuple[str, ModuleType, str, list[str], ast.Call]
"""Of which module, in which function with which arguments, and the call itself."""


def _calls() -> Iterator[_Call]:
    for path in sorted(Path(desk_package.__file__).parent.glob("*.py")):
        text = path.read_text("utf-8")
        if "ask" not in text or path.stem == "__init__":
            continue
        module = importlib.import_module(f"core.desk.{path.stem}")
        for function in (one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef)):
            names = [one.arg for one in function.args.args]
            for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
                yield path.stem, module, function.name, names, call


@cache
def _kinds() -> frozenset[str]:
    """Every kind of task that the desk asks for, also through functions that are handed it."""
    calls = list(_calls())
    takers: dict[tuple[str, str], int] = {("tasks", "add"): 1}
    found: set[str] = set()
    before = 0
    while before != len(takers):
        before = len(takers)
        for here, module, function, names, call in calls:
            taken = _taken(call, here, takers)
            for kind in [] if taken is None else _branches(taken):
                if isinstance(kind, ast.Name) and kind.id in names:
                    takers[here, function] = names.index(kind.id)
                elif (value := _value(kind, module)) is not None:
                    found.add(value)
    return frozenset(found)


def _taken(call: ast.Call, here: str, takers: dict[tuple[str, str], int]) -> ast.expr | None:
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        place = takers.get((call.func.value.id, call.func.attr))
    elif isinstance(call.func, ast.Name):
        place = takers.get((here, call.func.id))
    else:
        place = None
    return call.args[place] if place is not None and place < len(call.args) else None


def _branches(kind: ast.expr) -> list[ast.expr]:
    return [kind.body, kind.orelse] if isinstance(kind, ast.IfExp) else [kind]


def _value(kind: ast.expr, module: ModuleType) -> str | None:
    if isinstance(kind, ast.Constant):
        return str(kind.value)
    if isinstance(kind, ast.Name):
        return str(getattr(module, kind.id)) if hasattr(module, kind.id) else None
    if (
        isinstance(kind, ast.Attribute)
        and isinstance(kind.value, ast.Name)
        and hasattr(module, kind.value.id)
    ):
        return str(getattr(getattr(module, kind.value.id), kind.attr))
    return None


@pytest.mark.parametrize("language", ["it", "en"])
def test_every_kind_of_task_has_its_words(language):
    kinds = set(_kinds())

    assert {"promise_late", "approve", "still_open"} <= kinds
    for begins, ends in (
        ("consumption_", ("80", "100", "below")),
        ("contract_", ("end", "renewal", "notice")),
    ):
        kinds |= {begins + end for end in ends}  # put together as they are asked
    assert {kind for kind in kinds if f"tasks.{kind}" not in catalogue(language)} == set()
