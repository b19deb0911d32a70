"""What does the demo desk know of what goes wrong? A problem behind one request, and an error with what helps until it is fixed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from core.desk import known_errors, problems
from core.desk.known_errors import Written
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Tx

LASTS = timedelta(days=90)


def problem(tx: Tx, who: Principal, number: str, title: str, *, now: datetime, root_cause: str) -> str:
    """Somebody looks for what is behind this request."""
    made = problems.begin(tx, who, title=title, number=number, root_cause=root_cause, now=now)
    problems.move(tx, who, made, "investigate", now=now)
    return number


def error(
    tx: Tx,
    who: Principal,
    number: str,
    public_text: str,
    *,
    now: datetime,
    title: str,
    symptom: str,
    steps: str,
    words: list[str],
) -> str:
    """What was seen on this request is written down for the next that looks the same."""
    of = tx.one(select(tables.ticket.c.technology).where(tables.ticket.c.number == number))
    written = Written(
        title=title,
        public_text=public_text,
        symptom=symptom,
        steps=steps,
        technology=of.technology,
        words=words,
        verified_on=now,
        expires_on=now + LASTS,
    )
    known_errors.save(tx, who, written, now=now)
    return number
