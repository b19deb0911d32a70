"""What did a service level say before, who changed it, and why? One row for each time, beside the other definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, bindparam, literal, select

from core.desk.principal import Principal
from core.desk.reference import PROMISES
from core.ids import new_id
from core.store import tables
from core.store.tx import Prepared, Tx

KIND = "sla"
"""Of the definitions."""
SHOWN = 20

_OF = Prepared(
    select(tables.definition.c.content, tables.definition.c.at)
    .where(tables.definition.c.kind == literal(KIND), tables.definition.c.name == bindparam("name"))
    .order_by(tables.definition.c.at.desc(), tables.definition.c.version.desc())
    .limit(bindparam("limit", type_=BigInteger))
)
_AGENTS = Prepared(select(tables.agent.c.id, tables.agent.c.name))

Said = Mapping[str, Any]
"""`targets`: priority to clock to target, a `calendar` among them, as in the file; `retroactive`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One value that a version says otherwise than the one before."""

    priority: str
    """Empty: of the whole level."""
    field: str
    """A clock, calendar, or retroactive."""
    before: str
    """As in the file; empty: nothing."""
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One time that a service level was written."""

    at: datetime
    by: str
    """Name of who did it; empty: the hub, for the command line."""
    why: str
    differences: tuple[Difference, ...]


def differences(before: Said, after: Said) -> tuple[Difference, ...]:
    """Where two versions differ, in the order of the table."""
    return tuple(_differences(before, after))


def _differences(before: Said, after: Said) -> Iterator[Difference]:
    old, new = before.get("targets", {}), after.get("targets", {})
    for priority in sorted({*old, *new}):
        was, will = old.get(priority, {}), new.get(priority, {})
        for name in (*PROMISES, "calendar"):
            if was.get(name, "") != will.get(name, ""):
                yield Difference(
                    priority=priority, field=name, before=was.get(name, ""), after=will.get(name, "")
                )
    modes = [_mode(one) for one in (before, after)]
    if modes[0] != modes[1]:
        yield Difference(priority="", field="retroactive", before=modes[0], after=modes[1])


def _mode(said: Said) -> str:
    return "yes" if said.get("retroactive", True) else "no"


def begins(
    tx: Tx, who: Principal, name: str, before: Said | None, after: Said, *, why: str, now: datetime
) -> None:
    """The level is in another version from now on."""
    found = [[one.priority, one.field, one.before, one.after] for one in differences(before or {}, after)]
    content = {**after, "by": who.actor, "why": why, "differences": found}
    tx.insert(tables.definition, version=f"{KIND}:{new_id()}", kind=KIND, name=name, content=content, at=now)


def of(tx: Tx, name: str, *, limit: int = SHOWN) -> tuple[Version, ...]:
    """The newest first."""
    rows = tx.all(_OF, name=name, limit=limit)
    names = {f"agent:{row.id}": row.name for row in tx.all(_AGENTS)}
    return tuple(
        Version(
            at=row.at,
            by=names.get(row.content["by"], ""),
            why=row.content["why"],
            differences=tuple(
                Difference(priority=priority, field=field, before=before, after=after)
                for priority, field, before, after in row.content["differences"]
            ),
        )
        for row in rows
    )
