"""How does a switch die at the demo desk? Real messages to the hub that runs, and what came of them, told as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.commands import fail
from core.desk import alert_rows, demo_devices, outages
from core.desk.demo_devices import ABOVE, BACKBONE, BEHIND, SOURCE, SWITCH
from core.rules.joining import Tie
from core.store import tables
from core.store.columns import Id
from core.store.database import Database
from core.store.tx import Prepared, Row, Tx

LATE = 8
"""Alarms of what hangs on it come before its own."""
PAUSE = 0.05  # seconds between messages
LOOK_EVERY = 0.5  # seconds
PATIENCE = 120.0  # seconds until something must have come of it
LEAVES_WITHIN = 30.0  # seconds that the last words may take to leave
LASTS = 5.0  # seconds that it stays down once the customers know

ticket, link, delivery = tables.ticket, tables.ticket_link, tables.delivery
_ID = bindparam("id", type_=Id)

_TICKET = Prepared(select(ticket).where(ticket.c.id == _ID))
_PARTS = Prepared(
    select(ticket)
    .select_from(link.join(ticket, ticket.c.id == link.c.other_id))
    .where(link.c.ticket_id == _ID, link.c.kind == literal(str(Tie.CHILD)))
    .order_by(ticket.c.number)
)
_TOLD = Prepared(
    select(delivery.c.address, delivery.c.kind, delivery.c.state)
    .where(
        delivery.c.ticket_id == _ID,
        delivery.c.kind.in_([literal(kind) for kind in ("progress", "resolved", "closed")]),
        delivery.c.state != "withdrawn",
    )
    .order_by(delivery.c.created_at)
)
_ALARMS = Prepared(select(func.count().label("count")).where(tables.alert.c.ticket_id == _ID))
_OUTAGE = Prepared(select(tables.outage).where(tables.outage.c.incident == _ID))


def play(db: Database, post: Callable[[str, bytes], None]) -> Iterator[str]:
    """Let it die and come back; what happens, line by line. About a minute. `db`: of the hub that runs; `post`: a message of a source to it."""

    def report(source: str, names: Sequence[str], *, ends: bool = False) -> None:
        post(source, _message(names, ends=ends))
        time.sleep(PAUSE)

    yield f"{SWITCH} dies, with three customers behind it; of one, {1 + len(BEHIND)} things report before anybody knows why"
    for n, name in enumerate((ABOVE, *BEHIND)):
        if n == LATE:
            report(BACKBONE, [SWITCH])
        report(SOURCE, [name])
    yield f"  {2 + len(BEHIND)} alarms acknowledged"
    parent = _until(db, _standing, "no ticket came of it")
    parts = _until(db, lambda tx: _whole(tx, parent.id), "not every customer has a request of it")
    yield f"{parent.number} is the incident: {parent.subject}"
    for part in parts:
        count = db.query(_one, _ALARMS, part.id).result().count
        yield f"  {part.number} is that of {part.customer}, {part.priority}, with {count} alarms of theirs"
    for part in parts:
        heard = db.query(_heard, part.customer).result()
        yield f"callers, writers and the portal of {part.customer} hear: {heard}"
    _until(db, lambda tx: all(_words(tx, part.id) for part in parts), "not every customer was told")
    yield from _told(db, parts)
    time.sleep(LASTS)
    yield f"{SWITCH} comes back"
    report(BACKBONE, [SWITCH], ends=True)
    report(SOURCE, [ABOVE, *BEHIND], ends=True)
    ended = _until(db, lambda tx: _over(tx, [parent.id, *(part.id for part in parts)]), "it did not end")
    for one in ended:
        yield f"  {one.number} is {one.state}" + (
            ", somebody has it in hand and was told that nothing fires any more" if one.open else ""
        )
    outage = db.query(_one, _OUTAGE, parent.id).result()
    if outage is not None:
        yield f"the outage is {outage.state}"
    _leave(db, parts)
    yield "what customers were told in all:"
    yield from _told(db, parts)


def _message(names: Sequence[str], *, ends: bool) -> bytes:
    """As an Alertmanager tells it."""
    at = datetime.now(UTC)
    return demo_devices.message(
        [
            demo_devices.alarm(
                name,
                ends=ends,
                at=at,
                severity="major",
                says="does not answer",
                **({"site": "Verona", "parent": ABOVE} if name in BEHIND else {}),
            )
            for name in names
        ]
    )


def _until(db: Database, question: Callable[[Tx], Any], complaint: str) -> Any:
    end = time.monotonic() + PATIENCE
    while not (answer := db.query(question).result()):
        if time.monotonic() > end:
            fail(
                f"{complaint} within {PATIENCE:.0f} seconds; main.py verify and /desk/alarms may say why",
                code=1,
            )
        time.sleep(LOOK_EVERY)
    return answer


def _standing(tx: Tx) -> Row | None:
    """The ticket of the switch that is down."""
    found = alert_rows.one(tx, alert_rows.identity(BACKBONE, f"alertmanager:{SWITCH}"))
    row = tx.one(_TICKET, id=found.ticket_id) if found is not None and found.firing else None
    return row if row is not None and row.open else None


def _whole(tx: Tx, parent: str) -> list[Row] | None:
    """The requests of the customers, once the alarms of one of them belong to theirs."""
    parts = tx.all(_PARTS, id=parent)
    found = alert_rows.one(tx, alert_rows.identity(SOURCE, f"alertmanager:{BEHIND[-1]}"))
    return parts if found is not None and found.ticket_id in {one.id for one in parts} else None


def _one(tx: Tx, question: Prepared, identity: str) -> Any:
    return tx.one(question, id=identity)


def _heard(tx: Tx, customer: str) -> str:
    known = outages.concerning(tx, customer=customer, now=datetime.now(UTC))
    return "; ".join(one.title for one in known) or "nothing"


def _words(tx: Tx, ticket_id: str) -> list[Row]:
    """What left for the customer, or will."""
    return tx.all(_TOLD, id=ticket_id)


def _leave(db: Database, parts: Sequence[Row]) -> None:
    """Wait for what is on its way; what the mail server does not take is told as it is."""
    end = time.monotonic() + LEAVES_WITHIN
    while time.monotonic() < end and any(
        one.state in ("queued", "sending") for part in parts for one in db.query(_words, part.id).result()
    ):
        time.sleep(LOOK_EVERY)


def _told(db: Database, parts: Sequence[Row]) -> Iterator[str]:
    for part in parts:
        for one in db.query(_words, part.id).result():
            yield f"  {part.number}: {one.kind} to {one.address}, {one.state}"


def _over(tx: Tx, ids: Sequence[str]) -> list[Row] | None:
    rows = [row for one in ids if (row := tx.one(_TICKET, id=one)) is not None]
    return rows if all(not row.open or "recovered" in row.flags for row in rows) else None
