"""Which column types are there? Few, alike on both databases, and each refuses what it must not hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, LargeBinary, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from core.store import packing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder(order="sorted").encode
decode_json = msgspec.json.Decoder().decode
"""A JSON document, text or bytes, in JSON's own types."""
KEPT = 16_384
"""Ids and instants that are at hand: a list read again has the same ones, and every row of a ticket its id."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def to_micros(value: datetime) -> int:
    """Microseconds since 1970 in UTC. Raises ValueError for a naive instant.

    >>> to_micros(datetime(1970, 1, 1, 1, tzinfo=UTC))
    3600000000
    """
    if value.tzinfo is None:
        message = f"{value!r} has no time zone; the database holds instants only"
        raise ValueError(message)
    return (value - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=KEPT)
def from_micros(value: int) -> datetime:
    """The aware instant in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def to_json(value: object) -> str:
    """Canonical JSON text: sorted keys, no spaces. The same value gives the same text."""
    return _encode(value).decode()


@lru_cache(maxsize=KEPT)
def id_bytes(value: str) -> bytes | None:
    """The 16 bytes of an id; None for a text that is none, which equals no id.

    >>> id_bytes("01896e57-5430-763b-9e2e-ffc9cc3fa45d").hex(), id_bytes("what somebody typed")
    ('01896e575430763b9e2effc9cc3fa45d', None)
    """
    try:
        found = bytes.fromhex(value.replace("-", ""))
    except ValueError:
        return None
    return found if len(found) == 16 else None  # noqa: PLR2004 - RFC 9562, 4


@lru_cache(maxsize=KEPT)
def id_text(value: bytes) -> str:
    """The id as the rest of the program knows it."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Instant(TypeDecorator[datetime]):
    """A moment, as microseconds since 1970 UTC: the same order and arithmetic on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> int | None:
        """See to_micros."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: object) -> datetime | None:
        """See from_micros."""
        return None if value is None else from_micros(value)


class _Converted(TypeDecorator[Any]):
    """A type whose values go through the same two functions here and on the bare driver."""

    impl: Any = LargeBinary

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """From ours to the driver's."""
        convert = binder(self, sqlite=dialect.name == "sqlite")
        return value if value is None or convert is None else convert(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From the driver's to ours."""
        convert = fetcher(self, sqlite=dialect.name == "sqlite")
        return value if value is None or convert is None else convert(value)


class Json(_Converted):
    """A small document that is read whole, as canonical JSON text."""

    impl: Any = Text
    cache_ok = True


class Id(_Converted):
    """A UUID: text in the program, 16 bytes in the database (decision 0010). What is no UUID equals none."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL has a type for it, which takes and gives text."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=False))
        return dialect.type_descriptor(LargeBinary())


class Digest(_Converted):
    """A hash or a key: hexadecimal in the program, bytes in the database."""

    cache_ok = True


class _Either(UserDefinedType[Any]):
    """What SQLite keeps as it is given: a short text as text, a packed one as bytes."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """As it stands in CREATE TABLE: no affinity."""
        return "BLOB"


class Packed(_Converted):
    """A text that nobody compares inside the database, compressed where that pays."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL takes bytes only."""
        return dialect.type_descriptor(_Either() if dialect.name == "sqlite" else LargeBinary())


class Repeated(Packed):
    """The same of texts that are few and are met again and again: each is unpacked once."""

    cache_ok = True


class PackedJson(Packed):
    """The same of a document."""

    cache_ok = True


def binder(kind: TypeEngine[Any], *, sqlite: bool) -> Callable[[Any], Any] | None:
    """How a value of this type that is not None is handed to a driver; None: as it is."""
    match kind:
        case Instant():
            return to_micros
        case Json():
            return to_json
        case Id():
            return id_bytes if sqlite else _id_on_postgres
        case Digest():
            return bytes.fromhex
        case PackedJson():
            return _packed_json if sqlite else _packed_json_bytes
        case Packed():
            return packing.packed if sqlite else packing.packed_bytes
        case Text() if not sqlite:
            return _plain_text
        case _:
            return None


def fetcher(kind: TypeEngine[Any], *, sqlite: bool) -> Callable[[Any], Any] | None:
    """How a driver's value of this type that is not None is read; None: as it is."""
    match kind:
        case Instant():
            return from_micros
        case Json():
            return decode_json
        case Id():
            return id_text if sqlite else None
        case Digest():
            return _hex
        case PackedJson():
            return _unpacked_json
        case Repeated():
            return _unpacked_once
        case Packed():
            return packing.unpacked
        case Boolean() if sqlite:
            return bool
        case LargeBinary():
            return bytes
        case _:
            return None


def _id_on_postgres(value: str) -> str | None:
    return value if _UUID.fullmatch(value) else None


def _hex(value: bytes) -> str:
    return bytes(value).hex()


def _packed_json(value: object) -> str | bytes:
    return packing.packed(to_json(value))


def _packed_json_bytes(value: object) -> bytes:
    return packing.packed_bytes(to_json(value))


def _unpacked_json(value: str | bytes) -> Any:
    return decode_json(value if isinstance(value, str) else packing.unpack(value))


_unpacked_once = lru_cache(maxsize=KEPT)(packing.unpacked)


def _plain_text(value: Any) -> Any:
    # psycopg has ideas of its own about enumerations that are text, and PostgreSQL's text cannot hold NUL. SQLite
    # takes both as they are.
    text = str(value)
    return text.replace("\0", "") if "\0" in text else text
