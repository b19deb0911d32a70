"""What do decisions cost that are made for the whole desk at once? Core-seconds, as the processor counts them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench import recalendar
from bench.databases import Kind
from bench.patterns import FACTS
from bench.sizes import SMALL, Sizes
from bench.table import Figure
from core.desk import holes, reference, routing_trial
from core.desk.configuration import checking, rows
from core.desk.principal import HUB, Principal
from core.ids import new_id
from core.rules.routing import Rule
from core.store import tables
from core.store.database import Database
from core.store.opening import open_database
from core.store.tx import Tx

CUSTOMERS = 200
TICKETS = 10_000
ROUNDS = 3
LEADER = Principal(kind="agent", id="bench", roles=frozenset({"supervisor"}))

TECHNOLOGIES = ("Network", "Server", "Security", "Backup", "Workplace", "Telephony", "Storage", "Cloud")
REQUEST_TYPES = ("Incident", "Service request", "Change", "Information")


def measure(kind: Kind, sizes: Sizes, folder: Path, relay: int) -> list[Figure]:
    """The figures of one kind of database: on an empty desk that is given customers of its own, and on a busy one."""
    tried = sizes.tickets < SMALL
    customers, tickets, rounds = (
        (CUSTOMERS // 10, TICKETS // 10, 1) if tried else (CUSTOMERS, TICKETS, ROUNDS)
    )
    with kind.copy(0, folder) as url:
        db = open_database(url, FACTS)
        try:
            found = [
                find_holes(db, kind, customers=customers, rounds=rounds),
                try_table(db, kind, tickets=tickets, customers=customers, rounds=rounds),
            ]
        finally:
            db.close()
    if not tried:
        found += recalendar.measure(kind, sizes, folder, relay)
    return found


def find_holes(db: Database, kind: Kind, *, customers: int, rounds: int) -> Figure:
    """14 days of customers: 8 technologies, 4 request types, 12 calendars, rules of single customers, two rotas."""
    now = datetime(2026, 10, 19, 8, tzinfo=UTC)
    db.submit(_furnish, customers, now=now).result()
    seconds, found = _timed(lambda: db.submit(holes.look, now=now).result(), rounds)
    gaps = sum(len(one.gaps) for one in found.holes)
    return Figure(
        what=f"holes of {customers} customers found",
        database=kind.name,
        measured=seconds,
        unit="core s",
        at_most=5.0,
        note=f"{len(found.holes):,} cells with {gaps:,} gaps in 14 days",
    )


def try_table(db: Database, kind: Kind, *, tickets: int, customers: int, rounds: int) -> Figure:
    """Tickets of a month against a table with one line changed."""
    now = datetime(2026, 10, 19, 8, tzinfo=UTC)
    for n in range(0, tickets, 1000):
        db.submit(_tickets, first=n, customers=customers, now=now).result()
    rules = [*db.submit(lambda tx: reference.desk(tx).routing).result(), Rule(group="G9", technology="Cloud")]
    seconds, found = _timed(
        lambda: db.submit(routing_trial.run, LEADER, rules, days=31, now=now).result(), rounds
    )
    return Figure(
        what=f"an edited routing table tried on {found.looked_at:,} tickets",
        database=kind.name,
        measured=seconds,
        unit="core s",
        at_most=10.0,
        note=f"{found.different:,} would have gone elsewhere",
    )


def _timed(work: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    taken, found = [], None
    for _ in range(rounds):
        before = time.process_time()
        found = work()
        taken.append(time.process_time() - before)
    return median(taken), found


def _furnish(tx: Tx, customers: int, *, now: datetime) -> None:
    rows.apply(tx, HUB, checking.read(_desk(customers)), {}, now=now)


def _desk(customers: int) -> str:
    """A desk of that size, always the same."""
    chosen = random.Random(8)  # noqa: S311 - a desk to measure, no secret
    text = ["quick_replies = []\nalert_sources = []"]
    text += [
        f'[[agents]]\nemail = "a{n}@bench.test"\nname = "A{n}"\nphone = "+39045555{n:04}"' for n in range(6)
    ]
    text += [
        f'[[rotas]]\nname = "R{n}"\nduty = "on-call"\ngroups = ["G{n * 2 + 1}"]\n[[rotas.layers]]\n'
        f'members = ["a{n}@bench.test", "a{n + 3}@bench.test"]\nstarts = 2026-01-05\nhandoff = "08:00"\nlength = "12h"'
        for n in range(2)
    ]
    text += [
        f'[[calendars]]\nname = "C{n}"\nweekly = ["mon-fri {6 + n % 4:02}:00-{14 + n % 6:02}:30"]\nholidays = "IT"'
        for n in range(11)
    ]
    text += [f'[[request_types]]\nname = "{name}"' for name in REQUEST_TYPES]
    text += [f'[[technologies]]\nname = "{name}"' for name in TECHNOLOGIES]
    for n in range(12):
        calendar = "24x7" if n % 4 == 0 else f"C{n % 11}"
        fallback = f'fallback = "G{n + 1}"' if n % 3 == 0 else ""
        text.append(f'[[groups]]\nname = "G{n}"\ncalendar = "{calendar}"\n{fallback}')
    for n in range(customers):
        lines = [
            f'[[customers.contracts.lines]]\nname = "L{m}"\ntechnologies = {_some(chosen, TECHNOLOGIES)}\n'
            f'request_types = {_some(chosen, REQUEST_TYPES)}\ncalendar = "{"24x7" if m == 0 else f"C{chosen.randrange(11)}"}"'
            for m in range(3)
        ]
        text.append(
            f'[[customers]]\nname = "Customer {n}"\ncode = "K{n}"\n[[customers.contracts]]\nnumber = "N{n}"\n'
            "valid_from = 2026-01-01\nvalid_until = 2027-12-31\n" + "\n".join(lines)
        )
    for n, name in enumerate(TECHNOLOGIES[:-1]):
        text.append(f'[[routing]]\ntechnology = "{name}"\ngroup = "G{n}"')
        text.append(
            f'[[routing]]\ntechnology = "{name}"\nrequest_type = "Change"\ncalendar = "C{n}"\ngroup = "G{n + 3}"'
        )
    text += [
        f'[[routing]]\ncustomer = "K{n * 4}"\ntechnology = "{chosen.choice(TECHNOLOGIES)}"\ngroup = "G{n % 12}"'
        for n in range(customers // 4)
    ]
    return "\n".join(text)


def _some(chosen: random.Random, names: tuple[str, ...]) -> str:
    return str(chosen.sample(names, chosen.randint(1, len(names)))).replace("'", '"')


def _tickets(tx: Tx, *, first: int, customers: int, now: datetime) -> None:
    for n in range(first, first + 1000):
        at = now - timedelta(minutes=4 * n)
        tx.insert(
            tables.ticket,
            id=new_id(),
            number=f"99-{n:06}",
            state="closed",
            state_since=at,
            customer=f"K{n % customers}",
            technology=TECHNOLOGIES[n % 8],
            request_type=REQUEST_TYPES[n // 8 % 4],
            received_at=at,
            updated_at=at,
            provenance={},
            resolution={},
            open=False,
        )
