"""Where are bytes kept? In the database, in pieces, by their SHA-256: one commit covers bytes and row.

An object store can stand behind the same three functions.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import bindparam, select

from core.store import tables
from core.store.tx import Prepared, Tx

PIECE = 256 * 1024  # bytes

_PIECES = Prepared(
    select(tables.blob.c.content)
    .where(tables.blob.c.sha256 == bindparam("sha256"))
    .order_by(tables.blob.c.piece)
)
_SIZE = Prepared(
    select(tables.blob.c.size).where(tables.blob.c.sha256 == bindparam("sha256"), tables.blob.c.piece == 0)
)


class BlobMissing(LookupError):
    """A row names bytes that are not there."""


def put(tx: Tx, content: bytes) -> str:
    """Keep the bytes; return their SHA-256 in hex. The same bytes are kept once."""
    sha256 = hashlib.sha256(content).hexdigest()
    new = tx.insert_new(tables.blob, sha256=sha256, piece=0, size=len(content), content=content[:PIECE])
    if new:
        for piece, start in enumerate(range(PIECE, len(content), PIECE), start=1):
            part = content[start : start + PIECE]
            tx.insert(tables.blob, sha256=sha256, piece=piece, size=len(content), content=part)
    return sha256


def get(tx: Tx, sha256: str) -> bytes:
    """The bytes. Raises BlobMissing."""
    pieces = tx.all(_PIECES, sha256=sha256)
    if not pieces:
        message = f"the bytes {sha256} are not in the store"
        raise BlobMissing(message)
    return bytes(pieces[0].content) if len(pieces) == 1 else b"".join(p.content for p in pieces)


def size(tx: Tx, sha256: str) -> int | None:
    """How many bytes; None when they are not there."""
    row = tx.one(_SIZE, sha256=sha256)
    return None if row is None else int(row.size)
