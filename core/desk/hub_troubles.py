"""What can a process of the hub not do at the moment? It says so once a minute, for whichever process makes the round."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select

from core.rules.correlation import CLOCK_STEP
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

trouble = tables.hub_trouble

DISK = "disk"
PART = "part"
WAY = "way"
LOST = "lost"
LEFT = "left"
UNSAID = "secret"
SECOND_LOOK = timedelta(seconds=30)
"""What somebody said again so long after the first time was so at two looks in a row."""
FORGOTTEN = timedelta(minutes=3)
"""What nobody says again for so long is no trouble any more: whoever said it is gone, or is well."""

_OF = Prepared(select(trouble).where(trouble.c.reporter == bindparam("reporter")))
_STANDING = Prepared(
    select(trouble).where(trouble.c.at > bindparam("since", type_=Instant)).order_by(trouble.c.since)
)
_OF_KIND = Prepared(select(trouble).where(trouble.c.kind == bindparam("kind")).order_by(trouble.c.since))
_GONE = Prepared(
    delete(trouble).where(trouble.c.name == bindparam("name"), trouble.c.reporter == bindparam("reporter"))
)
_AHEAD = Prepared(select(trouble).where(trouble.c.at > bindparam("until", type_=Instant)))
_OLD = Prepared(delete(trouble).where(trouble.c.at <= bindparam("since", type_=Instant)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that does not work."""

    kind: str
    """PART of the hub; the DISK; a WAY of devices by which nothing gets in, or by which something was LOST; a secret of a source that is not there: UNSAID (core.desk.source_secrets); messages that are LEFT where they are, and nobody reads."""
    name: str
    """What it is called: a channel and what it reads, a service, a folder; `way:` or `lost:` and the way."""
    why: str
    """In words; of WAY and LOST how often, or how many."""
    since: datetime
    at: datetime
    """When it was said last."""
    again: bool = False
    """It was so at the first look of one process, and at its next."""


def report(
    tx: Tx,
    reporter: str,
    found: Mapping[str, tuple[str, str]],
    *,
    now: datetime,
    ending: Collection[str] | None = None,
) -> None:
    """All that does not work in this process: kind and why, by name. What it said before and is well now goes.

    `ending`: the names that may go, while it is not known of others yet; None: all.
    """
    known = {row.name: row for row in tx.all(_OF, reporter=reporter)}
    well = known.keys() - found.keys()
    for name in well if ending is None else well & set(ending):
        tx.run(_GONE, name=name, reporter=reporter)
    for name, (kind, why) in found.items():
        values = {"kind": kind, "why": why[:500], "at": now}
        if name in known:
            before = known[name]
            back = max(before.at - now, timedelta(0))  # the clock was: it stands for as long as it did
            tx.update(trouble, {"name": name, "reporter": reporter}, since=before.since - back, **values)
        else:
            tx.insert(trouble, name=name, reporter=reporter, since=now, **values)


def standing(tx: Tx, *, now: datetime) -> list[Trouble]:
    """What does not work somewhere, each once, since when it was first said."""
    return _each((row, *_times(row, now)) for row in tx.all(_STANDING, since=now - FORGOTTEN))


def of_kind(tx: Tx, kind: str) -> list[Trouble]:
    """What was said of one kind, and is not forgotten yet."""
    return _each((row, row.since, row.at) for row in tx.all(_OF_KIND, kind=kind))


def _each(rows: Iterable[tuple[Row, datetime, datetime]]) -> list[Trouble]:
    found: dict[str, Trouble] = {}
    for row, since, at in rows:
        said = Trouble(
            kind=row.kind, name=row.name, why=row.why, since=since, at=at, again=at - since >= SECOND_LOOK
        )
        first = found.get(row.name)
        if first is not None:  # what two processes said once each, nobody said again
            said = replace(
                first,
                since=min(first.since, since),
                at=max(first.at, at),
                again=first.again or said.again,
            )
        found[row.name] = said
    return list(found.values())


def _times(row: Row, now: datetime) -> tuple[datetime, datetime]:
    """Since when, and when last. By a clock that was set back it was said just now, and stands for as long as it did."""
    ahead = row.at - now
    return (row.since - ahead, now) if ahead > CLOCK_STEP else (row.since, row.at)


def forget(tx: Tx, *, now: datetime) -> None:
    """What nobody says any more goes, also what was said last by a clock that was set back since."""
    for row in tx.all(_AHEAD, until=now + CLOCK_STEP):
        since, at = _times(row, now)
        tx.update(trouble, {"name": row.name, "reporter": row.reporter}, since=since, at=at)
    tx.run(_OLD, since=now - FORGOTTEN)
