"""Which errors are known, and which of them is a request about? The rows, for the ticket, for qualification and for who keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.rules.known_errors import About, Known, Match, matches
from core.rules.problems import Happened, key
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LOOKED_AT = 4_000  # characters of a request's first message

known_error, message = tables.known_error, tables.message

_BY_NUMBER = Prepared(select(known_error).where(known_error.c.number == bindparam("number")))
_BY_ID = Prepared(select(known_error).where(known_error.c.id == bindparam("id")))
_OPEN = Prepared(
    select(
        known_error.c.number,
        known_error.c.customer,
        known_error.c.technology,
        known_error.c.assets,
        known_error.c.pattern,
        known_error.c.words,
        known_error.c.expires_on,
    )
    .where(known_error.c.closed_at.is_(None))
    .order_by(known_error.c.number)
)
_FIRST = Prepared(
    select(message.c.text)
    .where(message.c.ticket_id == bindparam("ticket_id"), message.c.direction == literal("in"))
    .order_by(message.c.id)
    .limit(1)
)


def name_of(number: int) -> str:
    """As people call it.

    >>> name_of(12)
    'KE-12'
    """
    return f"KE-{number}"


def find(tx: Tx, who: Principal, number: int) -> Row:
    """By its number, for staff. Raises NotFound, also for everybody else."""
    row = tx.one(_BY_NUMBER, number=number) if who.is_agent or who.kind == "system" else None
    if row is None:
        message = f"there is no known error {name_of(number)}"
        raise NotFound(message)
    return row


def by_id(tx: Tx, identity: str) -> Row | None:
    """By its id; None: there is none."""
    found: Row | None = tx.one(_BY_ID, id=identity)
    return found


def known(tx: Tx) -> tuple[Known, ...]:
    """All that are not over, read once a transaction."""
    if "known errors" not in tx.memo:
        tx.memo["known errors"] = tuple(
            Known(
                number=row.number,
                customer=row.customer,
                technology=row.technology,
                assets=tuple(row.assets),
                pattern=row.pattern,
                words=tuple(row.words),
                expires_on=row.expires_on,
            )
            for row in tx.all(_OPEN)
        )
    found: tuple[Known, ...] = tx.memo["known errors"]
    return found


def suggested(tx: Tx, row: Row, *, now: datetime, text: str | None = None) -> tuple[Match, ...]:
    """What a row of `ticket` may be about, the most telling first. `text`: its first words, where the caller has them."""
    all_of_them = known(tx)
    if not all_of_them:
        return ()
    if text is None:
        first = tx.one(_FIRST, ticket_id=row.id)
        text = f"{row.subject}\n{(first.text if first else '')[:LOOKED_AT]}"
    return matches(all_of_them, about(row, text), now=now)


def about(row: Row, text: str) -> About:
    """What is known of a request."""
    happened: dict[str, Any] = {"ticket": row.id, "customer": row.customer or "", "subject": row.subject}
    return About(
        customer=row.customer,
        technology=row.technology,
        asset=row.asset,
        keys=(
            row.subject,
            key(Happened(**happened, asset="", cause="", received_at=datetime.min)),  # noqa: DTZ901 - of no use to a key
        ),
        text=text,
    )
