"""What would a caller of this version hear? Keys are pressed in the page, the desk's answers chosen, the walk kept as a scenario.

The whole walk stands in the address: every press walks it anew from the first word, and a walk can be sent to a colleague.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from core.desk import flows
from core.desk.errors import Invalid, Refused, Stale, invalid
from core.desk.flows import DEFAULT
from core.store.tx import Tx
from ivr import editing, rehearsal, rules
from ivr.actions import ACTIONS
from ivr.editing import BadName, Plain
from ivr.flow import Collect, Flow, Menu, Queue, Record, of_plain, text_of, to_plain
from ivr.rehearsal import Did, Scenario, Walk
from web import numbers
from web.desk.flow_editor import form_of
from web.desk.flows import version_of
from web.desk.frame import around, staff
from web.site import SITE, now

MAX_NAME = 80  # characters
MAX_KEYS = 32
MARKS = {"digits": "d", "silence": "s", "done": "x"}
KINDS = {mark: kind for kind, mark in MARKS.items()}


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get(r"/desk/flows/{version:\d{1,9}}/rehearse", show)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/rehearse", keep)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/rehearse/press", press)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/rehearse/remove", remove)


async def show(request: web.Request, *, wrong: Exception | None = None) -> web.Response:
    """The walk so far, and what can be done next."""
    site, who = request.app[SITE], staff(request)
    shown = await site.db.read(flows.show, who, DEFAULT, version_of(request))
    flow = rules.parse(shown.body)
    query = request.query
    events = _events(query.getall("e", ()))
    answers = _answers({name: query.getall(name) for name in query})
    language = query.get("language", "") if query.get("language", "") in flow.languages else ""
    went = rehearsal.walk(flow, events, answers, language=language)
    events = events[: max(0, len(went.turns) - (0 if went.broken else 1))]
    return site.pages.page(
        request,
        "flows/rehearse.html",
        status=200 if wrong is None else 409 if isinstance(wrong, Stale | Refused) else 422,
        view="flows",
        given={},
        version=shown.version,
        edition=shown.edition,
        flow=flow,
        went=went,
        steps=_steps(went, events),
        events=[_mark(one) for one in events],
        language_of_call=language or flow.default_language,
        waits=_waits(flow, went),
        scenarios=_known(shown.version.number, flow),
        editable=flows.may_edit(who),
        wrong=wrong,
        **await around(request, who),
    )


async def press(request: web.Request) -> web.StreamResponse:
    """One more key, one step back, or the same with other answers. Digits of a secret get no further than here."""
    site, who = request.app[SITE], staff(request)
    form = await form_of(request)
    number = version_of(request)
    flow = rules.parse((await site.db.read(flows.show, who, DEFAULT, number)).body)
    events, answers = _events(form.get("e", ())), _answers(form)
    language = form.get("language", [""])[0]
    if "undo" in form:
        events = events[:-1]
    elif "press" in form:
        went = rehearsal.walk(flow, events, answers, language=language)
        typed = form["press"][0]
        if typed == "keys":
            typed = form.get("keys", [""])[0]
        if not went.over:
            typed = "".join(typed.split())[:MAX_KEYS]
            events = [*events, rehearsal.did(flow, went.turns[-1].state, typed)]
    query = _query(language, events, answers)
    raise web.HTTPSeeOther(f"/desk/flows/{number}/rehearse?{urlencode(query)}#next")


def _events(given: Sequence[str]) -> list[Did]:
    made = []
    for one in given[: rehearsal.MOST]:
        mark, _, value = one.partition(":")
        if mark in KINDS:
            made.append(Did(kind=KINDS[mark], value=value[:MAX_KEYS]))
    return made


def _mark(one: Did) -> str:
    return f"{MARKS.get(one.kind, 's')}:{one.value}"


def _answers(given: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """`a.NAME`, as often as the call was made."""
    return {
        name: tuple(one for one in given[f"a.{name}"] if one in rehearsal.answers_of(name))
        for name in ACTIONS
        if f"a.{name}" in given
    }


def _steps(went: Walk, events: Sequence[Did]) -> list[dict[str, Any]]:
    """What the caller did, each with what came of it."""
    before: list[Did | None] = [None, *events]
    asked = [
        {"name": name, "answer": answer, "answers": rehearsal.answers_of(name)} for name, answer in went.asked
    ]
    counts = [*went.counts, len(asked)]
    turns = [*went.turns, *([None] if went.broken else [])]
    return [
        {"did": before[number], "turn": turn, "asked": asked[counts[number] : counts[number + 1]]}
        for number, turn in enumerate(turns)
    ]


def _waits(flow: Flow, went: Walk) -> dict[str, Any]:
    """What the caller may do next."""
    if went.over:
        return {"kind": "over", "keys": (), "outcomes": ()}
    node = flow.nodes[went.turns[-1].state.node]
    match node:
        case Record():
            return {"kind": "record", "keys": (), "outcomes": ("recorded", "empty")}
        case Queue():
            return {"kind": "queue", "keys": tuple(node.choices), "outcomes": tuple(node.outcomes)}
        case Menu():
            return {"kind": "menu", "keys": tuple(node.choices), "outcomes": ()}
        case Collect():
            return {
                "kind": "collect",
                "keys": tuple(node.choices),
                "outcomes": (),
                "secret": node.secret,
                "minimum": node.minimum,
                "maximum": node.maximum,
            }
        case _:
            return {"kind": "over", "keys": (), "outcomes": ()}


def _known(version: int, flow: Flow) -> list[dict[str, Any]]:
    """The scenarios of the flow, each with how it goes now and where it can be walked."""
    try:
        known = rehearsal.scenarios(flow)
    except ValueError:
        return []
    differs = {one.place.rpartition("/")[2]: one.detail for one in rehearsal.differences(flow)}
    return [
        {
            "name": one.name,
            "differs": differs.get(str(number), ""),
            "address": f"/desk/flows/{version}/rehearse?"
            + urlencode(_query(one.language, one.events, one.answers)),
        }
        for number, one in enumerate(known)
    ]


def _query(
    language: str, events: Sequence[Did], answers: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    return [
        ("language", language),
        *(("e", _mark(one)) for one in events),
        *((f"a.{name}", answer) for name, chosen in answers.items() for answer in chosen),
    ]


# --- Scenarios ----------------------------------------------------------------------------------------------------


async def keep(request: web.Request) -> web.StreamResponse:
    """The walk as a scenario of the flow, or instead of the one of its name."""
    posted = await form_of(request)
    name = " ".join(posted.get("name", [""])[0].split())[:MAX_NAME]

    def with_this(plain: Plain, flow: Flow) -> Plain:
        if not name:
            raise invalid("/name", "must not be empty")
        events, answers = _events(posted.get("e", ())), _answers(posted)
        language = posted.get("language", [""])[0]
        went = rehearsal.walk(flow, events, answers, language=language)
        if went.broken:
            raise invalid("/events", went.broken)
        made = Scenario(
            name=name, language=language, answers=answers, events=tuple(events), expected=went.met
        )
        return editing.with_scenario(plain, rehearsal.plain(made))

    return await _changed(request, posted, with_this)


async def remove(request: web.Request) -> web.StreamResponse:
    """One that does not have to be so any more."""
    posted = await form_of(request)
    number = numbers.whole(posted.get("number", [""])[0])
    return await _changed(
        request,
        posted,
        lambda plain, _: editing.without_scenario(plain, -1 if number is None else number),
    )


async def _changed(
    request: web.Request, posted: Mapping[str, Sequence[str]], change: Any
) -> web.StreamResponse:
    site, who = request.app[SITE], staff(request)
    number = version_of(request)

    def save(tx: Tx) -> int:
        flow = rules.parse(flows.show(tx, who, DEFAULT, number).body)
        body = text_of(of_plain(change(to_plain(flow), flow)))
        return flows.save(tx, who, DEFAULT, number, body, rules, seen=posted.get("seen", [""])[0], now=now())

    try:
        made = await site.db.write(save)
    except (Invalid, Stale, BadName) as error:
        return await show(request, wrong=error)
    raise web.HTTPSeeOther(f"/desk/flows/{made}/rehearse#scenarios")
