"""How does a switch die at the demo desk? Real messages to the hub that runs, and what came of them, told as it happens."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.commands import fail
from core.desk import alert_rows, demo_devices
from core.desk.demo_devices import BEHIND, SOURCE, SWITCH
from core.store import tables
from core.store.columns import Id
from core.store.database import Database
from core.store.tx import Prepared, Row, Tx

LATE = 8
"""Alarms of what hangs on it come before its own."""
PAUSE = 0.05  # seconds between messages
LOOK_EVERY = 0.5  # seconds
PATIENCE = 90.0  # seconds until something must have come of it
LASTS = 5.0  # seconds that it stays down once the customer knows

_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id", type_=Id)))
_TOLD = Prepared(
    select(tables.delivery.c.address, tables.delivery.c.kind, tables.delivery.c.state)
    .where(
        tables.delivery.c.ticket_id == bindparam("id", type_=Id),
        tables.delivery.c.kind.in_([literal(kind) for kind in ("progress", "resolved", "closed")]),
        tables.delivery.c.state != "withdrawn",
    )
    .order_by(tables.delivery.c.created_at)
)
_ALARMS = Prepared(
    select(func.count().label("count")).where(tables.alert.c.ticket_id == bindparam("id", type_=Id))
)


def play(db: Database, *, base: str, secret: str) -> Iterator[str]:
    """Let it die and come back; what happens, line by line. About a minute. `db`: of the hub that answers at `base`."""
    post = _Source(demo_devices.address(base, SOURCE), secret)
    yield f"{SWITCH} dies: {len(BEHIND)} access points and cameras are gone, and the switch is told of late"
    for n, name in enumerate((*BEHIND[:LATE], SWITCH, *BEHIND[LATE:])):
        post([name], ends=False)
        if n % 20 == 0:
            yield f"  {n + 1} alarms acknowledged"
    row = _until(db, _standing, "no ticket came of it")
    alarms = 1 + len(BEHIND)
    _until(db, lambda tx: tx.one(_ALARMS, id=row.id).count >= alarms, "some alarms found no ticket")
    yield f'one ticket stands: {row.number} "{row.subject}", {row.priority}, {row.desk_group or "in triage"}, with {alarms} alarms'
    told = _until(db, lambda tx: tx.all(_TOLD, id=row.id), "the customer was not told")
    yield from (f"  {one.kind} to {one.address}: {one.state}" for one in told)
    time.sleep(LASTS)
    yield f"{SWITCH} comes back"
    post([SWITCH, *BEHIND], ends=True)
    ended = _until(db, lambda tx: _over(tx, row.id), "the ticket was not solved")
    if ended.state != "resolved":
        yield f"{row.number} is {ended.state}: somebody works on it, and was told that nothing fires any more"
        return
    told = db.query(lambda tx: tx.all(_TOLD, id=row.id)).result()
    seconds = (ended.resolved_at - ended.received_at).total_seconds()
    yield f"{row.number} is solved by itself after {seconds:.0f} s; {len(told)} messages to the customer in all"
    yield from (f"  {one.kind} to {one.address}: {one.state}" for one in told)


class _Source:
    """Posts as an Alertmanager does."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret

    def __call__(self, names: Sequence[str], *, ends: bool) -> None:
        at = datetime.now(UTC)
        alerts = [
            demo_devices.alarm(
                name,
                ends=ends,
                at=at,
                severity="major",
                says="does not answer",
                site="Verona",
                **({"parent": SWITCH} if name != SWITCH else {}),
            )
            for name in names
        ]
        request = urllib.request.Request(  # noqa: S310 - the hub's own address, from its settings
            self._url,
            data=demo_devices.message(alerts),
            headers={"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310 - the same
                time.sleep(PAUSE)
        except urllib.error.HTTPError as error:
            fail(f"{self._url} answers {error.code}: {error.read().decode('utf-8', 'replace')}", code=1)
        except OSError as error:
            fail(
                f"no hub answers at {self._url} ({error}): start it with main.py run and the same settings",
                code=1,
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
    found = alert_rows.one(tx, alert_rows.identity(SOURCE, f"alertmanager:{SWITCH}"))
    row = tx.one(_TICKET, id=found.ticket_id) if found is not None and found.firing else None
    return row if row is not None and row.open else None


def _over(tx: Tx, ticket_id: str) -> Row | None:
    row = tx.one(_TICKET, id=ticket_id)
    return row if row is not None and (not row.open or "recovered" in row.flags) else None
