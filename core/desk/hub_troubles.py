"""What can a process of the hub not do at the moment? It says so once a minute, for whichever process makes the round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select

from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

trouble = tables.hub_trouble

DISK = "disk"
PART = "part"
FORGOTTEN = timedelta(minutes=3)
"""What nobody says again for so long is no trouble any more: whoever said it is gone, or is well."""

_OF = Prepared(select(trouble).where(trouble.c.reporter == bindparam("reporter")))
_STANDING = Prepared(
    select(trouble).where(trouble.c.at > bindparam("since", type_=Instant)).order_by(trouble.c.since)
)
_GONE = Prepared(
    delete(trouble).where(trouble.c.name == bindparam("name"), trouble.c.reporter == bindparam("reporter"))
)
_OLD = Prepared(delete(trouble).where(trouble.c.at <= bindparam("since", type_=Instant)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that does not work."""

    kind: str
    """PART of the hub, or the DISK."""
    name: str
    """What it is called: a channel and what it reads, a service, a folder."""
    why: str
    since: datetime


def report(tx: Tx, reporter: str, found: Mapping[str, tuple[str, str]], *, now: datetime) -> None:
    """All that does not work in this process: kind and why, by name. What it said before and is well now goes."""
    known = {row.name: row for row in tx.all(_OF, reporter=reporter)}
    for name in known.keys() - found.keys():
        tx.run(_GONE, name=name, reporter=reporter)
    for name, (kind, why) in found.items():
        values = {"kind": kind, "why": why[:500], "at": now}
        if name in known:
            tx.update(trouble, {"name": name, "reporter": reporter}, **values)
        else:
            tx.insert(trouble, name=name, reporter=reporter, since=now, **values)


def standing(tx: Tx, *, now: datetime) -> list[Trouble]:
    """What does not work somewhere, each once, since when it was first said."""
    found: dict[str, Trouble] = {}
    for row in tx.all(_STANDING, since=now - FORGOTTEN):
        found.setdefault(row.name, Trouble(kind=row.kind, name=row.name, why=row.why, since=row.since))
    return list(found.values())


def forget(tx: Tx, *, now: datetime) -> None:
    """What nobody says any more goes."""
    tx.run(_OLD, since=now - FORGOTTEN)
