"""How is a call flow changed? The drawing beside the form of one node, of a prompt, of the whole, or beside the text.

Each form is sent whole, changes its part of the stored version, and shows the result; what is wrong is shown with what
was typed, and nothing is kept then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from core.desk import flows
from core.desk.errors import Fault, Invalid, Refused, Stale
from core.desk.flows import DEFAULT
from core.desk.principal import Principal
from core.store.tx import Tx
from ivr import editing, rules
from ivr.actions import ACTIONS
from ivr.editing import BadName, Plain
from ivr.flow import QUEUE_OUTCOMES, Flow, FlowError, of_plain, text_of, to_plain
from ivr.picture import picture
from web import guard
from web.desk import flow_forms, flow_words
from web.desk.flows import version_of
from web.desk.frame import around, staff
from web.site import SITE, now

PARTS = ("node", "prompts", "settings", "text")
ICONS = {
    "menu": "list-bullet",
    "collect": "hashtag",
    "say": "chat-bubble-left",
    "action": "cog-6-tooth",
    "record": "microphone",
    "queue": "user-group",
    "hangup": "phone-x-mark",
}

Form = Mapping[str, Sequence[str]]
Change = Callable[[Plain, str, Form], tuple[Plain, dict[str, str]]]
"""The flow, the name that the form is about, and the form in; the changed flow and where to look next out."""


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get(r"/desk/flows/{version:\d{1,9}}", show)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/text", text)
    app.router.add_post(r"/desk/flows/{version:\d{1,9}}/{change:[a-z-]+}/do", change)


async def show(request: web.Request) -> web.StreamResponse:
    """The version, with what is chosen of it."""
    site, who = request.app[SITE], staff(request)
    shown = await site.db.read(flows.show, who, DEFAULT, version_of(request))
    query = request.query
    part = "prompts" if "prompt" in query else query.get("part", "node")
    return await _page(
        request, who, shown, part=part, node=query.get("node", ""), prompt=query.get("prompt", "")
    )


async def _page(
    request: web.Request,
    who: Principal,
    shown: flows.Shown,
    *,
    part: str,
    node: str = "",
    prompt: str = "",
    plain: Plain | None = None,
    body: str | None = None,
    wrong: Exception | None = None,
) -> web.Response:
    """`plain` and `body`: what was typed and not kept."""
    site = request.app[SITE]
    read = rules.parse(shown.body)
    found = await site.db.read(flows.findings, who, shown.body, rules)
    drawn = to_plain(read) if plain is None else plain
    chosen = node if node in drawn["nodes"] else next(iter(drawn["nodes"]), "") if not node else ""
    marked: dict[str, int] = {}
    for one in found:
        place = one.place.split("/")
        if place[0] == "nodes":
            marked[place[1]] = marked.get(place[1], 0) + 1
    return site.pages.page(
        request,
        "flows/editor.html",
        status=200 if wrong is None else 409 if isinstance(wrong, Stale | Refused) else 422,
        view="flows",
        given={},
        version=shown.version,
        edition=shown.edition,
        flow=drawn,
        kept=read,
        drawing=picture(read),
        icons=ICONS,
        part=part if part in PARTS else "node",
        chosen=chosen,
        node=drawn["nodes"].get(chosen),
        fields=_fields(drawn["nodes"].get(chosen)),
        prompt=prompt if prompt in drawn["prompts"] else "",
        said=[
            name for name in flow_words.said_at(drawn["nodes"].get(chosen, {})) if name in drawn["prompts"]
        ],
        gotos=tuple((name, name) for name in drawn["nodes"]),
        usual=flow_forms.USUAL,
        calls=_calls(drawn["nodes"].get(chosen)),
        outcomes=QUEUE_OUTCOMES,
        kinds=editing.KINDS,
        body=text_of(read) if body is None else body,
        findings=found,
        marked=marked,
        leads_to=flow_words.leads_to,
        editable=flows.may_edit(who),
        wrong=wrong,
        faults=wrong.faults if isinstance(wrong, Invalid) else (),
        **await around(request, who),
    )


def _fields(node: Plain | None) -> tuple[str, ...]:
    return flow_forms.KINDS[node["type"]] if node else ()


def _calls(node: Plain | None) -> Plain:
    """What a node may ask the desk, how the chosen one answers, and what it has to be given."""
    if node is None or node["type"] not in ("action", "collect"):
        return {}
    takes = node["type"] == "collect"
    called = ACTIONS.get(node["check" if takes else "call"])
    return {
        "names": tuple((name, name) for name, call in ACTIONS.items() if call.takes == takes),
        "branches": tuple(called.branches) if called else (),
        "given": sorted(called.given) if called else [],
        "does": called.does if called else "",
    }


# --- Changes ------------------------------------------------------------------------------------------------------


async def text(request: web.Request) -> web.StreamResponse:
    """The whole flow as JSON."""
    site, who = request.app[SITE], staff(request)
    form = await form_of(request)
    number = version_of(request)
    body = form.get("body", [""])[0].replace("\r\n", "\n")
    try:
        made = await site.db.write(
            flows.save, who, DEFAULT, number, body, rules, seen=form.get("seen", [""])[0], now=now()
        )
    except (Invalid, Stale) as error:
        shown = await site.db.read(flows.show, who, DEFAULT, number)
        return await _page(request, who, shown, part="text", body=body, wrong=error)
    raise web.HTTPSeeOther(f"/desk/flows/{made}?part=text#chosen")


async def change(request: web.Request) -> web.StreamResponse:
    """One part of it."""
    site, who = request.app[SITE], staff(request)
    what = CHANGES.get(request.match_info["change"])
    if what is None:
        raise web.HTTPNotFound
    form = await form_of(request)
    number, about = version_of(request), form.get("about", [""])[0]
    shown = await site.db.read(flows.show, who, DEFAULT, number)
    plain = to_plain(rules.parse(shown.body))
    part = "node" if request.match_info["change"].startswith("node") else "prompts"
    if request.match_info["change"] == "settings":
        part = "settings"
    typed = plain
    try:
        sounds = await _sounds(request, who)
        typed = plain | {"prompts": plain["prompts"] | flow_forms.prompts_of(form, plain["prompts"], sounds)}
        typed, to = what(typed, about, form)
        number = await site.db.write(_save, who, number, of_plain(typed), form.get("seen", [""])[0])
    except FlowError as error:
        wrong = Invalid([Fault("/body", str(error))])
        return await _page(request, who, shown, part=part, node=about, prompt=about, plain=typed, wrong=wrong)
    except (Invalid, Stale, Refused, BadName) as error:
        return await _page(request, who, shown, part=part, node=about, prompt=about, plain=typed, wrong=error)
    raise web.HTTPSeeOther(f"/desk/flows/{number}?{urlencode(to)}#chosen")


def _save(tx: Tx, who: Principal, number: int, flow: Flow, seen: str) -> int:
    return flows.save(tx, who, DEFAULT, number, text_of(flow), rules, seen=seen, now=now())


async def form_of(request: web.Request) -> Form:
    """Its text fields, when its token is right. Raises 403."""
    posted = await request.post()
    form = {name: [one for one in posted.getall(name) if isinstance(one, str)] for name in posted}
    guard.check_token(request, form.get("csrf", [""])[0])
    return form


async def _sounds(request: web.Request, who: Principal) -> dict[str, str]:
    """Recordings that came along, kept, by the prompt and language they are of. Raises Forbidden, Invalid."""
    site = request.app[SITE]
    kept: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if name.startswith("sound.") and isinstance(value, web.FileField) and value.filename:
            content = value.file.read(flows.MAX_RECORDING + 1)
            kept[name.removeprefix("sound.")] = await site.db.write(
                flows.record_prompt, who, content, now=now()
            )
    return kept


def _node(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    if about not in plain["nodes"]:
        raise BadName(about)
    return editing.with_node(plain, about, flow_forms.node_of(form, plain["nodes"][about]["type"])), {
        "node": about
    }


def _new_node(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    name = form.get("name", [""])[0].strip()
    return editing.new_node(plain, name, form.get("kind", [""])[0]), {"node": name}


def _renamed_node(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    name = form.get("name", [""])[0].strip()
    return editing.renamed_node(plain, about, name), {"node": name}


def _removed_node(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    if len(plain["nodes"]) == 1:
        raise BadName(about)
    return editing.without_node(plain, about), {"part": "node"}


def _prompt(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    return plain, {"prompt": about}


def _new_prompt(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    name = form.get("name", [""])[0].strip()
    return editing.new_prompt(plain, name), {"prompt": name}


def _renamed_prompt(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    name = form.get("name", [""])[0].strip()
    return editing.renamed_prompt(plain, about, name), {"prompt": name}


def _removed_prompt(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    return editing.without_prompt(plain, about), {"part": "prompts"}


def _settings(plain: Plain, about: str, form: Form) -> tuple[Plain, dict[str, str]]:
    return flow_forms.settings_of(form, plain), {"part": "settings"}


CHANGES: Mapping[str, Change] = {
    "node": _node,
    "node-new": _new_node,
    "node-rename": _renamed_node,
    "node-remove": _removed_node,
    "prompt": _prompt,
    "prompt-new": _new_prompt,
    "prompt-rename": _renamed_prompt,
    "prompt-remove": _removed_prompt,
    "settings": _settings,
}
