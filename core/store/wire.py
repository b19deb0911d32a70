"""How are values written in PostgreSQL's protocol, and read? Text, and bytes for what is bytes.

https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary
from sqlalchemy.types import TypeEngine

from core.store.columns import (
    KEPT,
    Digest,
    Instant,
    Json,
    Packed,
    PackedJson,
    Repeated,
    binder,
    decode_json,
    from_micros,
    to_micros,
)
from core.store.packing import unpacked

_BYTES = (LargeBinary, Digest, Packed)


def format_of(kind: TypeEngine[Any]) -> int:
    """0: the value is text, 1: it is bytes."""
    return 1 if isinstance(kind, _BYTES) else 0


def sender(kind: TypeEngine[Any]) -> Callable[[Any], bytes | None]:
    """From a value of this type that is not None to the protocol's."""
    if isinstance(kind, Instant):
        return _instant_out
    convert = binder(kind, sqlite=False)
    if isinstance(kind, _BYTES):
        return convert or bytes
    if convert is None:
        return _plain_out
    return lambda value: _plain_out(converted) if (converted := convert(value)) is not None else None


def receiver(kind: TypeEngine[Any]) -> Callable[[bytes], Any]:
    """From the protocol's to a value of this type."""
    match kind:
        case Instant():
            return _instant_in
        case Json():
            return decode_json
        case Digest():
            return _hex_in
        case PackedJson():
            return _document_in
        case Repeated():
            return _repeated_in
        case Packed():
            return _packed_in
        case Boolean():
            return _flag_in
        case Integer() | BigInteger():
            return int
        case LargeBinary():
            return _bytes_in
        case _:
            return bytes.decode


def _plain_out(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    return str(value).encode()


def _instant_out(value: Any) -> bytes:
    return b"%d" % to_micros(value)


def _instant_in(value: bytes) -> Any:
    return from_micros(int(value))


def _hex_in(value: bytes) -> str:
    return value[2:].decode()  # behind \x


def _bytes_in(value: bytes) -> bytes:
    return bytes.fromhex(value[2:].decode())


def _packed_in(value: bytes) -> str:
    return unpacked(_bytes_in(value))


_repeated_in = lru_cache(maxsize=KEPT)(_packed_in)


def _document_in(value: bytes) -> Any:
    return decode_json(_packed_in(value))


def _flag_in(value: bytes) -> bool:
    return value == b"t"
