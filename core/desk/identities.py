"""Who is behind an address of a chat, and how do we know? A row for each address; none: a stranger."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from core.store import tables
from core.store.tx import Prepared, Row, Tx

PROVED = ("link", "code", "token")
"""Ways of knowing that count as a log-in does. What staff say (`staff`) names somebody, and proves nothing."""

identity = tables.identity

_BY_ADDRESS = Prepared(select(identity).where(identity.c.address == bindparam("address")))


def behind(tx: Tx, address: str) -> Row | None:
    """Who is known to be behind an address: contact or agent, and the proof."""
    return tx.one(_BY_ADDRESS, address=address.lower())


def proved(tx: Tx, address: str) -> str | None:
    """Id of the contact who proved that this address is theirs."""
    known = behind(tx, address)
    return None if known is None or known.proof not in PROVED else known.contact
