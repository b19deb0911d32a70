"""What have customers bought, what is left of it, and how is it changed? Contracts with their versions and books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web
from babel.dates import format_date

from core.desk import contract_board, contract_changes, contract_versions, contracts, people, reference
from core.desk.contract_board import STATES
from core.desk.contract_changes import Preview
from core.desk.errors import DeskError, Invalid, Refused
from core.desk.principal import Principal
from core.envelope import CHANNELS
from core.rules.entitlement import DECISIONS, VERDICTS
from core.store.tx import Tx
from web import guard, numbers, refusals
from web.desk import contract_forms
from web.desk.contract_forms import Fields
from web.desk.frame import around, staff
from web.sign_in import form_id
from web.site import SITE, now
from web.words import Say, say

NEW = "/desk/new-contract"
"""Beside the contracts, not among them: a contract may have any number."""
MAX_FORM_ID = 100  # characters
PER_PAGE = 50


def routes(app: web.Application) -> None:
    """Add the pages."""
    app.router.add_get("/desk/contracts", show)
    app.router.add_get(NEW, begin)
    app.router.add_post(NEW, save_new)
    app.router.add_get("/desk/contracts/{number}", show_one)
    app.router.add_get("/desk/contracts/{number}/edit", edit)
    app.router.add_post("/desk/contracts/{number}/edit", save)
    app.router.add_post("/desk/contracts/{number}/purchases", buy)
    app.router.add_post("/desk/contracts/{number}/reversals", reverse)
    app.router.add_get("/desk/contracts/{number}/affected", affected)
    app.router.add_post("/desk/contracts/{number}/affected", recheck)


async def show(request: web.Request) -> web.StreamResponse:
    """All of them, those that end soonest first."""
    site, who = request.app[SITE], staff(request)
    state, customer, words = (request.query.get(name, "") for name in ("state", "customer", "words"))
    state = state if state in STATES else ""
    found, customers = await site.db.read(_listed, who, state=state, customer=customer, q=words, now=now())
    first = numbers.whole(request.query.get("from", "")) or 0
    more = first + PER_PAGE < len(found)
    query = {"state": state, "customer": customer, "words": words}
    return site.pages.page(
        request,
        "inbox/contracts.html",
        view="contracts",
        given={},
        items=found[first : first + PER_PAGE],
        total=len(found),
        more=urlencode({**query, "from": first + PER_PAGE}) if more else "",
        states=STATES,
        customers=customers,
        chosen=query,
        may=contract_board.may_change(who),
        day=_day(who),
        **await around(request, who),
    )


def _listed(
    tx: Tx, who: Principal, *, state: str, customer: str, q: str, now: datetime
) -> tuple[list[contract_board.Listed], list[tuple[str, str]]]:
    found = contract_board.listing(tx, who, state=state, customer=customer, q=q, now=now)
    return found, people.customers(tx)


async def show_one(request: web.Request) -> web.StreamResponse:
    """One with its lines, consumption and versions."""
    return await _one(request)


async def _one(
    request: web.Request, *, wrong: DeskError | None = None, verb: str = "", form: Fields | None = None
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    found = await site.db.read(contract_board.whole, who, request.match_info["number"], now=now())
    status = 200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409
    return site.pages.page(
        request,
        "inbox/contract.html",
        status=status,
        view="contracts",
        given={},
        found=found,
        one=found.listed,
        contract=found.listed.contract,
        wrong=wrong,
        verb=verb,
        typed={name: str(value) for name, value in form.items()} if form is not None else {},
        faults=_faults(wrong, say(who.language)),
        form_id=form_id(),
        place=place(found.listed.contract.number),
        day=_day(who),
        saved="saved" in request.query,
        **await around(request, who),
    )


async def buy(request: web.Request) -> web.StreamResponse:
    """More of a line."""
    site, who = request.app[SITE], staff(request)
    form, number = await _read(request), request.match_info["number"]
    try:
        await site.db.write(
            contract_changes.buy,
            who,
            number,
            line=str(form.get("line", "")),
            quantity=contract_forms.a_number(form, "quantity"),
            reason=str(form.get("reason", "")),
            idem=str(form.get("form", ""))[:MAX_FORM_ID],
            now=now(),
        )
    except (Invalid, Refused) as error:
        return await _one(request, wrong=error, verb="buy", form=form)
    raise web.HTTPSeeOther(f"{place(number)}?saved=1#consumption")


async def reverse(request: web.Request) -> web.StreamResponse:
    """Something on the books was wrong."""
    site, who = request.app[SITE], staff(request)
    form, number = await _read(request), request.match_info["number"]
    entry, reason = str(form.get("entry", "")), str(form.get("reason", ""))
    try:
        await site.db.write(contract_changes.reverse, who, number, entry, reason=reason, now=now())
    except (Invalid, Refused) as error:
        return await _one(request, wrong=error, verb="reverse", form=form)
    raise web.HTTPSeeOther(f"{place(number)}?saved=1#consumption")


# --- The editor ----------------------------------------------------------------------------------------------


async def begin(request: web.Request) -> web.StreamResponse:
    """An empty contract of a customer."""
    plain = contract_forms.empty() | {"customer": request.query.get("customer", "")}
    return await _editor(request, plain, new=True)


async def edit(request: web.Request) -> web.StreamResponse:
    """The contract as it is."""
    site, number = request.app[SITE], request.match_info["number"]
    who = staff(request)
    if not contract_board.may_change(who):
        raise web.HTTPForbidden
    plain, seen = await site.db.read(_written, number)
    return await _editor(request, plain | {"seen": seen}, new=False)


def _written(tx: Tx, number: str) -> tuple[dict[str, Any], str]:
    plain = contract_forms.shown(contract_changes.written(tx, number))
    return plain, contract_changes.present(tx, number) or ""


async def save_new(request: web.Request) -> web.StreamResponse:
    """The same steps as for one that is there."""
    return await _save(request, new=True)


async def save(request: web.Request) -> web.StreamResponse:
    """Add or remove a line, look what would change, or save it as a new version; what was typed is never lost."""
    return await _save(request, new=False)


async def _save(request: web.Request, *, new: bool) -> web.StreamResponse:
    site, who = request.app[SITE], staff(request)
    form = await _read(request)
    plain = contract_forms.read(form)
    if not new:
        plain["number"] = request.match_info["number"]
    wanted: dict[str, Any] = {
        name: value for name, value in plain.items() if name not in ("customer", "why", "seen")
    }
    if contract_forms.changes_lines(form):
        return await _editor(request, contract_forms.with_lines(plain, form), new=new)
    try:
        contract_forms.check(form)
        if "save" not in form:
            said = await site.db.read(contract_changes.preview, who, wanted, customer=plain["customer"])
            return await _editor(request, plain, new=new, said=said)
        number = await site.db.write(
            contract_changes.save,
            who,
            wanted,
            customer=plain["customer"],
            why=plain["why"],
            seen=plain["seen"] or None,
            new=new,
            now=now(),
        )
    except (Invalid, Refused) as error:
        return await _editor(request, plain, new=new, wrong=error)
    raise web.HTTPSeeOther(f"{place(number)}?saved=1")


async def _editor(
    request: web.Request,
    plain: Mapping[str, Any],
    *,
    new: bool,
    said: Preview | None = None,
    wrong: DeskError | None = None,
) -> web.Response:
    site, who = request.app[SITE], staff(request)
    if not contract_board.may_change(who):
        raise web.HTTPForbidden
    offered = await site.db.read(_offered, str(plain.get("customer", "")))
    status = 200 if wrong is None else 422 if isinstance(wrong, Invalid) else 409
    return site.pages.page(
        request,
        "inbox/contract_edit.html",
        status=status,
        view="contracts",
        given={},
        plain=plain,
        new=new,
        said=said,
        wrong=wrong,
        faults=_faults(wrong, say(who.language)),
        place=NEW if new else f"{place(str(plain['number']))}/edit",
        verdicts=VERDICTS,
        decisions=DECISIONS,
        **offered,
        **await around(request, who),
    )


def _offered(tx: Tx, customer: str) -> dict[str, Any]:
    desk = reference.desk(tx)
    return {
        "customers": people.customers(tx),
        "calendars": list(desk.calendars),
        "slas": list(desk.slas),
        "technologies": desk.technologies,
        "request_types": desk.request_types,
        "channels": CHANNELS,
        "assets": [one.name for one in people.assets(tx, customer)],
        "sites": people.sites(tx, customer),
        "contacts": [one.email for one in people.contacts(tx, customer)],
    }


# --- What a contract that was signed later may change ----------------------------------------------------------


async def affected(request: web.Request) -> web.StreamResponse:
    """Tickets that were judged without it."""
    site, who = request.app[SITE], staff(request)
    contract, rows = await site.db.read(_affected, who, request.match_info["number"], now=now())
    return site.pages.page(
        request,
        "inbox/contract_affected.html",
        view="contracts",
        given={},
        contract=contract,
        rows=rows,
        place=place(contract.number),
        **await around(request, who),
    )


def _affected(tx: Tx, who: Principal, number: str, *, now: datetime) -> tuple[Any, Any]:
    contract = contracts.of_number(tx, who, number)
    return contract, contract_versions.affected(tx, contract, now=now)


async def recheck(request: web.Request) -> web.StreamResponse:
    """One of them is judged anew."""
    site, who = request.app[SITE], staff(request)
    form = await _read(request)
    await site.db.write(contract_changes.recheck, who, str(form.get("ticket", "")), now=now())
    raise web.HTTPSeeOther(f"{place(request.match_info['number'])}/affected")


# --- Forms ----------------------------------------------------------------------------------------------------


async def _read(request: web.Request) -> Fields:
    form = await request.post()
    guard.check_token(request, str(form.get("csrf", "")))
    return form


def place(number: str) -> str:
    """The address of a contract's page."""
    return f"/desk/contracts/{quote(number, safe='')}"


def _day(who: Principal) -> Any:
    return lambda day: format_date(day, "d MMM y", locale=who.language)


def _faults(wrong: DeskError | None, t: Say) -> dict[str, str]:
    """Field of the form to what is wrong with it; "" where it has none."""
    words: Any = t
    found = {}
    for fault in wrong.faults if isinstance(wrong, Invalid) else ():
        path = fault.pointer.strip("/").split("/")
        name = f"contract.fault.{path[2] if len(path) > 2 else path[0]}"  # noqa: PLR2004 - lines, which, field
        found["-".join(path)] = t(name) if words.has(name) else refusals.what(fault, t)
    return found
