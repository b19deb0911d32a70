"""How do many messages of one device lie in one row? Datagrams and lines in the order they came, each with the instant it came at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from channels.monitoring.source import NotUnderstood

_START = datetime(1970, 1, 1, tzinfo=UTC)


class _Batch(msgspec.Struct, frozen=True, array_like=True):
    id: str
    messages: list[tuple[int, bytes]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Batch)


def pack(identity: str, messages: Sequence[tuple[datetime, bytes]]) -> bytes:
    """The bytes that are stored. `identity`: no two batches are the same bytes, so that what is kept of one is nobody else's."""
    return _encoder.encode(_Batch(identity, [(_micros(at), raw) for at, raw in messages]))


def unpack(packed: bytes) -> list[tuple[datetime, bytes]]:
    """The messages of a batch. Raises NotUnderstood.

    >>> unpack(pack("a", [(datetime(2026, 1, 1, tzinfo=UTC), b"<13>up")]))
    [(datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), b'<13>up')]
    """
    try:
        found = _decoder.decode(packed)
        return [(_START + timedelta(microseconds=at), raw) for at, raw in found.messages]
    except (msgspec.DecodeError, OverflowError) as error:
        raise NotUnderstood(f"these are no messages that were put together here: {error}") from None


def _micros(at: datetime) -> int:
    return (at - _START) // timedelta(microseconds=1)
