"""Bytes come back bit for bit, and are kept once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.store import blobs, tables
from core.store.database import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = (NOON - datetime(1970, 1, 1, tzinfo=UTC)).days


@pytest.mark.parametrize("size", [0, 1, blobs.PIECE - 1, blobs.PIECE, blobs.PIECE + 1, 3 * blobs.PIECE])
async def test_bytes_come_back_as_they_were(db: Database, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]

    name = await db.write(blobs.put, content, now=NOON)

    assert name == f"{DAY:08x}{hashlib.sha256(content).hexdigest()[:56]}"
    assert await db.read(blobs.get, name) == content
    assert await db.read(blobs.size, name) == size


async def test_the_same_bytes_of_one_day_are_kept_once(db: Database) -> None:
    for _ in range(3):
        await db.write(blobs.put, b"x" * (blobs.PIECE + 1), now=NOON)

    def pieces(tx):
        return tx.one(select(func.count().label("n")).select_from(tables.blob)).n

    assert await db.read(pieces) == 2
    await db.write(blobs.put, b"x" * (blobs.PIECE + 1), now=NOON + timedelta(days=1))
    assert await db.read(pieces) == 4, "those of another day lie there"


async def test_bytes_that_are_not_there_are_named(db: Database) -> None:
    with pytest.raises(blobs.BlobMissing, match="00ff"):
        await db.read(blobs.get, "00ff")
    assert await db.read(blobs.size, "00ff") is None
