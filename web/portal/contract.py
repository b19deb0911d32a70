"""What has the company bought, when is somebody there for it, and what is left of it? In words, for those who decide also in numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web
from babel.dates import format_date

from core.desk import contract_board, reference
from core.desk.principal import Principal
from core.store.tx import Tx
from web.portal.frame import company, contact
from web.site import SITE, now

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a Monday, for the names of days only


def routes(app: web.Application) -> None:
    """Add the page."""
    app.router.add_get("/portal/contract", show)


async def show(request: web.Request) -> web.StreamResponse:
    """All contracts of the company."""
    site, who = request.app[SITE], contact(request)
    found = await site.db.read(_found, who, now=now())
    return site.pages.page(
        request,
        "portal/contract.html",
        decides=contract_board.decides(who),
        day=lambda day: format_date(day, "d MMMM y", locale=who.language),
        **found,
    )


def _found(tx: Tx, who: Principal, *, now: datetime) -> dict[str, Any]:
    found = contract_board.of_company(tx, who, now=now)
    desk = reference.desk(tx)
    named = {line.calendar for listed, _ in found for line in listed.contract.lines}
    return {
        "company": company(tx, who),
        "contracts": found,
        "hours": {
            name: hours(desk.calendars[name], who.language) for name in named if name in desk.calendars
        },
    }


def hours(calendar: reference.Hours, language: str) -> list[tuple[str, str]]:
    """(days, times) of a week, days with the same times together; empty: at any hour."""
    weekly = calendar.calendar.definition.weekly
    said = [(", ".join(f"{start}–{end}" for start, end in weekly.get(day, ()))) for day in DAYS]
    if all(times == "00:00–24:00" for times in said):
        return []
    names = [format_date(MONDAY.replace(day=n + 1), "EEEE", locale=language) for n in range(len(DAYS))]
    rows: list[tuple[str, str]] = []
    first = 0
    for n in range(1, len(DAYS) + 1):
        if n < len(DAYS) and said[n] == said[first]:
            continue
        if said[first]:
            rows.append((names[first] if n - 1 == first else f"{names[first]} – {names[n - 1]}", said[first]))
        first = n
    return rows
