"""Which of the lines that a customer has bought covers a request, and why did each of the others lose? (desk.md 2)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.rules.coverage import Contract, Line

Window = Callable[[str, datetime], tuple[bool, datetime | None]]
"""(calendar name, instant) to (open then?, next opening; of an open one nobody asks)."""
ResolveDue = Callable[[Contract, Line], datetime | None]
"""When the request would be due to be solved under this line; None: the line promises nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What lines are compared by. None: not known yet."""

    at: datetime
    channel: str
    technology: str | None
    request_type: str | None
    asset: str | None
    asset_known: bool
    """The asset is the customer's."""
    site: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A line that was looked at, and why it lost; empty: it won."""

    contract: str
    line: str
    why: str
    contract_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A line that is about the request, with all that decides between it and another one."""

    contract: Contract
    line: Line
    is_open: bool
    next_open_at: datetime | None
    order: tuple[Any, ...]
    """One value for each of CRITERIA; the lowest wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The winner, if any line fits at all."""

    best: Fit | None
    channel_allowed: bool
    """False: lines fit, but none of them for requests by this channel; `best` is the one that would."""
    considered: tuple[Considered, ...]


CRITERIA = (
    "cut wider than {}",
    "closed at that time, unlike {}",
    "lower priority than {}",
    "due later than {}",
    "contract number after that of {}",
    "name after that of {}",
)
_NEVER = datetime.max.replace(tzinfo=UTC)


def choose(
    request: Request, contracts: Sequence[Contract], *, window: Window, resolve_due: ResolveDue | None = None
) -> Choice:
    """The narrowest line that fits; then the one open at that time, the line's priority, the earliest due, the number.

    A line not sold for the channel is out as long as another one is.
    """
    every = [(contract, line) for contract in contracts for line in contract.lines]
    reasons = [_misfit(request, line) for _, line in every]
    fitting = [n for n, why in enumerate(reasons) if not why]
    by_channel = [n for n in fitting if not every[n][1].channels or request.channel in every[n][1].channels]
    chosen = by_channel or fitting
    windows = {name: window(name, request.at) for name in {every[n][1].calendar for n in chosen}}
    asks = resolve_due if len(chosen) > 1 else None
    fits = {n: _fit(*every[n], windows, asks) for n in chosen}
    best = min(fits.values(), key=lambda fit: fit.order, default=None)
    for n in fitting:
        reasons[n] = f"not for requests by {request.channel}"
    for n, fit in fits.items():
        if best is not None and (by_channel or fit is not best):
            reasons[n] = _lost_to(best, fit)
    return Choice(
        best=best,
        channel_allowed=bool(by_channel),
        considered=tuple(
            Considered(contract=contract.number, contract_version=contract.version, line=line.name, why=why)
            for (contract, line), why in zip(every, reasons, strict=True)
        ),
    )


def _misfit(request: Request, line: Line) -> str:
    if request.asset is not None and not request.asset_known:
        return f"asset {request.asset} is not the customer's"
    return line.misfit(
        technology=request.technology,
        request_type=request.request_type,
        asset=request.asset,
        site=request.site,
    )


def _fit(
    contract: Contract,
    line: Line,
    windows: Mapping[str, tuple[bool, datetime | None]],
    resolve_due: ResolveDue | None,
) -> Fit:
    is_open, next_open_at = windows[line.calendar]
    due = resolve_due(contract, line) if resolve_due else None
    order = (line.breadth, not is_open, line.priority, due or _NEVER, contract.number, line.name)
    return Fit(contract=contract, line=line, is_open=is_open, next_open_at=next_open_at, order=order)


def _lost_to(best: Fit, fit: Fit) -> str:
    """By the first criterion that tells them apart; empty: it is the winner itself."""
    for criterion, mine, winning in zip(CRITERIA, fit.order, best.order, strict=True):
        if mine != winning:
            return criterion.format(f"{best.contract.number}, {best.line.name}")
    return "" if fit is best else f"the same as {best.contract.number}, {best.line.name}"
