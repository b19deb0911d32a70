"""Was this call made before? Keys of callers, kept 24 hours with the answer that the first call was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select

from core.desk.errors import DeskError
from core.desk.principal import Principal
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

KEPT = timedelta(hours=24)

idempotency = tables.idempotency

_MINE = (
    idempotency.c.principal == bindparam("principal"),
    idempotency.c.key == bindparam("key"),
)
_FIND = Prepared(select(idempotency).where(*_MINE))
_LAPSED = Prepared(delete(idempotency).where(*_MINE, idempotency.c.at <= bindparam("before", type_=Instant)))
_ALL_LAPSED = Prepared(delete(idempotency).where(idempotency.c.at <= bindparam("before", type_=Instant)))


class KeyReused(DeskError):
    """The key was used for another call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call was answered."""

    status: int
    body: str
    replayed: bool = False


def once(
    tx: Tx, who: Principal, key: str, body_hash: str, act: Callable[[], tuple[int, str]], *, now: datetime
) -> Answer:
    """Act, unless a call with this key was answered within 24 hours: then that answer again.

    Act and answer are one transaction: whoever has the answer knows that it was done once, and what failed left
    nothing behind and may be tried again. A second call that comes meanwhile waits here for the first.
    Raises KeyReused where the key came with another body.
    """
    tx.run(_LAPSED, principal=who.actor, key=key, before=now - KEPT)
    mine = {"principal": who.actor, "key": key}
    if not tx.insert_new(idempotency, **mine, body_hash=body_hash, status=None, answer="", at=now):
        before = tx.one(_FIND, **mine)
        if before is not None:
            if before.body_hash != body_hash:
                message = "this Idempotency-Key belongs to another call: make a new key for each"
                raise KeyReused(message)
            return Answer(status=before.status, body=before.answer, replayed=True)
    status, body = act()
    tx.update(idempotency, mine, status=status, answer=body)
    return Answer(status=status, body=body)


def forget(tx: Tx, *, now: datetime) -> int:
    """Drop the keys that have lapsed; return how many."""
    return tx.changed(_ALL_LAPSED, before=now - KEPT)
