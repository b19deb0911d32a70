"""What about mail must staff be told at once? Reply addresses that are guessed, our own mail that comes back, answers that are held back.

All of it is counted in the table of the brakes, so that a restart forgets nothing; the hub's own alarms read it once a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, literal, select

from core.desk import restraint
from core.desk.alert_sources import SAID
from core.desk.restraint import DAY, HELD_BACK, HOUR, SLOT, TEN_MINUTES
from core.envelope import Kind
from core.ids import token_id
from core.rules import brakes
from core.store import tables
from core.store.tx import Prepared, Row, Tx

WHENCE = "whence"
"""In the envelope of a mail: from where it came, as far as wrong reply addresses are counted. A network address, or `@domain` where a
relay of ours hands mail in."""
OWN_LOOP = "own-loop"
_WRONG, _GUESSES, _OF_MACHINES = "token", "guesses", "of-machines"
"""What stands before a colon in the key of a brake: of whom, or of what, stands behind it."""


def _since(what: str) -> Prepared:
    """Keys of this sort that were counted since, and how often."""
    return Prepared(
        select(tables.brake.c.key, func.sum(tables.brake.c.count).label("count"))
        .where(
            tables.brake.c.key >= literal(f"{what}:"),
            tables.brake.c.key < literal(f"{what};"),
            tables.brake.c.slot > bindparam("since"),
        )
        .group_by(tables.brake.c.key)
    )


_COUNTED, _GUESSING = _since(_OF_MACHINES), _since(_GUESSES)


class Sight(NamedTuple):
    """Something to be told."""

    key: str
    kind: str
    """Of the notice that says what to do: `own_KIND`."""
    values: Mapping[str, Any]


def wrong_tokens(tx: Tx, row: Row, count: int, *, now: datetime) -> None:
    """So many of its reply addresses were never issued; beyond a number whoever sends them is put off.

    What its envelope says of where it came from counts, and nothing that its author wrote: else anybody could have others put off.
    """
    place = str(row.envelope.get(WHENCE, ""))
    if not place or restraint.happened(tx, f"{_GUESSES}:{place}", within=HOUR + SLOT, now=now):
        return  # what came before the door was closed
    key = f"{_WRONG}:{place}"
    for _ in range(count):
        restraint.count(tx, key, now=now)
    wrong = restraint.happened(tx, key, within=HOUR, now=now)
    if brakes.guessing(wrong_tokens=wrong, limits=tx.facts.brakes):
        restraint.count(tx, f"{_GUESSES}:{place}", now=now)
        restraint.clear(tx, key)


def guesses(tx: Tx, place: str, *, now: datetime) -> bool:
    """Is what comes from there put off, right or wrong? For an hour, and up to five minutes more."""
    return restraint.happened(tx, f"{_GUESSES}:{place}", within=HOUR + SLOT, now=now) > 0


def is_ours(tx: Tx, ref: str) -> bool:
    """Did we send a mail with this ref? Anybody can write a Message-ID that looks like one of ours."""
    return bool(ref) and tx.one(_SENT, id=token_id(ref)) is not None


_SENT = Prepared(select(tables.delivery.c.id).where(tables.delivery.c.id == bindparam("id")))


def came_back(tx: Tx, *, now: datetime) -> None:
    """A mail of ours came back to us."""
    restraint.count(tx, OWN_LOOP, now=now)


def of_machines(tx: Tx, kind: Kind, *, now: datetime) -> None:
    """A machine spoke of mail, and nobody need look at it."""
    restraint.count(tx, f"{_OF_MACHINES}:{kind}", now=now)


def counted(tx: Tx, *, now: datetime) -> dict[str, int]:
    """How many mails of machines came within a day, by kind: reports of every sort, and our own that came back."""
    rows = tx.all(_COUNTED, since=int(now.timestamp()) - DAY)
    return {row.key.partition(":")[2]: int(row.count) for row in rows}


def sights(tx: Tx, *, now: datetime) -> Iterator[Sight]:
    """What staff must be told now."""
    for row in tx.all(_GUESSING, since=int(now.timestamp()) - HOUR - SLOT):
        place = row.key.partition(":")[2]
        yield Sight(f"{SAID}guessing:{place}", "guessing", {"place": place})
    # A slot more than ten minutes: three that lie just within them are seen in any case.
    loops = restraint.happened(tx, OWN_LOOP, within=TEN_MINUTES + SLOT, now=now)
    if brakes.looping_back(own_loops=loops, limits=tx.facts.brakes):
        yield Sight(f"{SAID}own_loop", "loop", {"count": loops})
    kept = restraint.happened(tx, HELD_BACK, within=TEN_MINUTES + SLOT, now=now)
    if kept:
        yield Sight(f"{SAID}breaker", "breaker", {"count": kept})
