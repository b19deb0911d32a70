"""Which column types are there? Few, alike on both databases, and each refuses what it must not hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


def to_micros(value: datetime) -> int:
    """Microseconds since 1970 in UTC. Raises ValueError for a naive instant.

    >>> to_micros(datetime(1970, 1, 1, 1, tzinfo=UTC))
    3600000000
    """
    if value.tzinfo is None:
        message = f"{value!r} has no time zone; the database holds instants only"
        raise ValueError(message)
    return (value - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The aware instant in UTC."""
    return _EPOCH + timedelta(microseconds=value)


def to_json(value: object) -> str:
    """Canonical JSON text: sorted keys, no spaces. The same value gives the same text."""
    return _encode(value).decode()


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


class Json(TypeDecorator[Any]):
    """A small document that is read whole, as canonical JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: object) -> str | None:
        """See to_json."""
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: object) -> Any:
        """The document, in JSON's own types."""
        return None if value is None else _decode(value)


def binder(kind: TypeEngine[Any], *, sqlite: bool) -> Callable[[Any], Any] | None:
    """How a value of this type that is not None is handed to a driver; None: as it is."""
    match kind:
        case Instant():
            return to_micros
        case Json():
            return to_json
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
            return _decode
        case Boolean() if sqlite:
            return bool
        case LargeBinary():
            return bytes
        case _:
            return None


def _plain_text(value: Any) -> Any:
    # psycopg has ideas of its own about enumerations that are text, and PostgreSQL's text cannot hold NUL. SQLite
    # takes both as they are.
    text = str(value)
    return text.replace("\0", "") if "\0" in text else text
