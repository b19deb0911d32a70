"""Where are bytes kept? In the database, packed, in pieces, by their day and their SHA-256: one commit covers bytes and row.

A name begins with the day the bytes were kept, so that those of one day lie together; the same bytes of one day are
kept once. An object store can stand behind the same three functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from core.store import packing, tables
from core.store.tx import Prepared, Tx

PIECE = 256 * 1024  # bytes
DAY = 86_400  # seconds

_PIECES = Prepared(
    select(tables.blob.c.content).where(tables.blob.c.name == bindparam("name")).order_by(tables.blob.c.piece)
)
_SIZE = Prepared(
    select(tables.blob.c.size).where(tables.blob.c.name == bindparam("name"), tables.blob.c.piece == 0)
)


class BlobMissing(LookupError):
    """A row names bytes that are not there."""


def name_of(content: bytes, *, now: datetime) -> str:
    """What these bytes are called if they are kept now: hexadecimal, 4 bytes of day and 28 of SHA-256."""
    return f"{int(now.timestamp()) // DAY:08x}{digest(content)}"


def digest(content: bytes) -> str:
    """The part of the name that is made of the content."""
    return hashlib.sha256(content).hexdigest()[:56]


def digest_in(name: str) -> str:
    """The same part of a name that is there: of equal bytes it is equal, whatever their day. Empty for no name."""
    return name[8:]


def put(tx: Tx, content: bytes, *, now: datetime) -> str:
    """Keep the bytes; return their name."""
    name = name_of(content, now=now)
    for piece, start in enumerate(range(0, len(content), PIECE) or (0,)):
        part = packing.pack(content[start : start + PIECE])
        tx.insert_missing(tables.blob, name=name, piece=piece, size=len(content), content=part)
    return name


def get(tx: Tx, name: str) -> bytes:
    """The bytes. Raises BlobMissing."""
    return joined(name, [piece.content for piece in tx.all(_PIECES, name=name)])


def joined(name: str, pieces: Sequence[bytes | None]) -> bytes:
    """The bytes of this name from their pieces as they are kept. Raises BlobMissing."""
    if not pieces or None in pieces:
        message = f"the bytes {name} are not in the store"
        raise BlobMissing(message)
    return b"".join(packing.unpack(piece) for piece in pieces if piece is not None)


def size(tx: Tx, name: str) -> int | None:
    """How many bytes; None when they are not there."""
    row = tx.one(_SIZE, name=name)
    return None if row is None else int(row.size)
