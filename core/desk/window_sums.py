"""For what a window covers, what else did the same person plan alone? Windows in a row, side by side or of parent and child are as long as they are together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, literal, select

from core.desk import alert_rows, maintenance
from core.desk.maintenance import ASKED, BY_PERSON
from core.rules import windows
from core.rules.windows import Window
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

window = tables.maintenance_window

_ALONE = Prepared(
    select(window).where(
        window.c.customer == bindparam("customer"),
        window.c.over_at > bindparam("since", type_=Instant),
        window.c.created_by == bindparam("by"),
        window.c.source == literal(BY_PERSON),
        window.c.approved_by.is_(None),
        window.c.state != literal(ASKED),
    )
)
"""Also those that are over, for as long as they held: who plans anew each week is silent for months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """Something of which alerts may come; without a name one that nobody has described."""

    site: str
    asset: str | None = None
    above: Sequence[str] = ()


def beside(
    tx: Tx, by: str, meant: Window, *, customer: str, site: str, asset: str, tag: str
) -> Iterator[tuple[Window, ...]]:
    """Windows that `by` planned for it and nobody approved, of one thing after the other that a new window covers; the same ones once.

    Windows of labels count wherever an alert could have both labels.
    """
    rows = [
        one
        for one in tx.all(_ALONE, customer=customer, by=by, since=meant.since - windows.LOOKED_AT)
        if _go_together(one.tag, tag)
    ]
    planned = {one.id: replace(maintenance.rule_of(one), last=one.over_at) for one in rows}
    seen: set[frozenset[str]] = {frozenset()}
    for thing in _covered(tx, customer, site, asset) if rows else ():
        there = [one for one in rows if _covers(one, thing)]
        ids = frozenset(one.id for one in there)
        if ids not in seen:
            seen.add(ids)
            yield tuple(planned[one.id] for one in there)


def _covered(tx: Tx, customer: str, site: str, asset: str) -> Iterator[_Thing]:
    there = alert_rows.assets(tx, customer)
    for one in there.by_name.values():
        above = alert_rows.above_asset(tx, one)
        if (not site or one.site == site) and (not asset or one.name == asset or asset.lower() in above):
            yield _Thing(site=one.site, asset=one.name, above=above)
    if not asset:
        yield from (_Thing(site=name) for name in ([site] if site else ["", *there.sites]))


def _covers(one: Row, thing: _Thing) -> bool:
    return maintenance.covers(one, site=thing.site, asset=thing.asset, above=thing.above)


def _go_together(one: str, other: str) -> bool:
    """Can an alert have both labels? An empty one is every alert's.

    >>> _go_together("env=test", "env=live"), _go_together("env=test", "team=a"), _go_together("", "env=test")
    (False, True, True)
    """
    same_name = one.partition("=")[0] == other.partition("=")[0]
    return not one or not other or not same_name or one == other
