"""What are tables made of? Columns of a few kinds, said shortly, and the list that all tables stand in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, MetaData, Text, text

from core.store.columns import Digest, Id, Instant, Json, Packed, PackedJson

metadata = MetaData()


def text_key(name: str) -> Column[str]:
    """A name that is the key, or a part of it."""
    return Column(name, Text, primary_key=True)


def id_key(name: str) -> Column[str]:
    """An id that is the key, or a part of it."""
    return Column(name, Id, primary_key=True)


def an_id(name: str) -> Column[str]:
    """The id of another row."""
    return Column(name, Id, nullable=False)


def maybe_id(name: str) -> Column[Any]:
    """The id of another row, if there is one."""
    return Column(name, Id)


def digest_key(name: str) -> Column[str]:
    """A digest that is the key."""
    return Column(name, Digest, primary_key=True)


def a_digest(name: str) -> Column[str]:
    """A digest."""
    return Column(name, Digest, nullable=False)


def packed(name: str) -> Column[str]:
    """A text that may be long, packed."""
    return Column(name, Packed, nullable=False)


def a_document(name: str) -> Column[Any]:
    """A document that may be long, packed."""
    return Column(name, PackedJson, nullable=False)


def a_text(name: str, default: str = "") -> Column[str]:
    """A text; empty unless said otherwise."""
    return Column(name, Text, nullable=False, server_default=default)


def maybe_text(name: str) -> Column[Any]:
    """A text, or none."""
    return Column(name, Text)


def an_instant(name: str) -> Column[Any]:
    """A moment."""
    return Column(name, Instant, nullable=False)


def maybe_instant(name: str) -> Column[Any]:
    """A moment, if there is one."""
    return Column(name, Instant)


def a_json(name: str, default: str) -> Column[Any]:
    """A small document."""
    return Column(name, Json, nullable=False, server_default=default)


def a_flag(name: str, *, default: bool = False) -> Column[bool]:
    """Yes or no."""
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def a_number(name: str, default: int = 0) -> Column[int]:
    """A whole number."""
    return Column(name, BigInteger, nullable=False, server_default=str(default))
