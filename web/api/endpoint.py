"""What is one call of the API? A function on a transaction, and everything the document says about it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.channel import Linking, Publishing
from core.desk.principal import Principal
from core.store.tx import Tx

Method = Literal["GET", "POST", "PUT", "DELETE"]
Scope = Literal["read", "write"]

READS = (401, 404, 422, 429, 503)
MIB = 2**20  # bytes
WRITES = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)


class Body(BaseModel):
    """What a caller sends: a closed list of fields, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The parameters behind the question mark: a closed list."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, read: who, on what, with what, when."""

    who: Principal
    path: Mapping[str, str]
    query: Any
    """An instance of the endpoint's query model."""
    body: Any
    """An instance of the endpoint's body model."""
    now: datetime
    key: str
    """Its Idempotency-Key; empty: none."""
    also_by: str
    """The channel that carries answers to people's inboxes, if there is one."""
    linking: Mapping[str, Linking]
    """Channels on which people connect their accounts, by name."""
    asked: Any = None
    """What `Endpoint.beforehand` found out."""

    @property
    def number(self) -> str:
        """The ticket of the address."""
        return self.path["number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An answer that is no JSON: what somebody sent along, as a download."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a call can ask beside the desk."""

    publishing: Sequence[Publishing] = ()
    """Channels whose domains must say something in the DNS."""
    explain: Callable[[bytes], Awaitable[Mapping[str, Any]]] | None = None
    """What would become of a mail (core.desk.explaining); None: this hub reads none."""


Beforehand = Callable[[Outside, Principal, Any], Awaitable[Any]]
Handler = Callable[[Tx, Call], BaseModel | File]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A method and an address, with what goes in and what comes out."""

    method: Method
    path: str
    """Below the base, with {names}."""
    run: Handler
    query: type[Query] | None
    body: type[Body] | None
    answer: type[BaseModel | File]
    status: int
    errors: tuple[int, ...]
    fleeting: bool = False
    """Its answer is a secret that is shown once, or says how things are now: it is not kept, and takes no Idempotency-Key."""
    asks: bool = False
    """It only reads, though what it asks is a body."""
    beforehand: Beforehand | None = None
    """What a call of staff that only reads asks outside the desk before, with its query or body: outside every transaction."""
    most: int = 0
    """Bytes that a body may have where that is more than the settings say of all."""

    @property
    def name(self) -> str:
        """What the document calls the operation."""
        return self.run.__name__

    @property
    def summary(self) -> str:
        """The first line of the function's own words."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]

    @property
    def description(self) -> str:
        """The rest of them."""
        words = (self.run.__doc__ or "").strip().partition("\n")[2]
        return " ".join(words.split())

    @property
    def scope(self) -> Scope:
        """What a token needs."""
        return "read" if self.method == "GET" or self.asks else "write"

    @property
    def parts(self) -> tuple[str, ...]:
        """Names in the address."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def api(
    method: Method,
    path: str,
    *,
    answer: type[BaseModel | File],
    query: type[Query] | None = None,
    body: type[Body] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
    fleeting: bool = False,
    asks: bool = False,
    beforehand: Beforehand | None = None,
    most: int = 0,
) -> Callable[[Handler], Endpoint]:
    """Make an endpoint of a function on a transaction: a GET reads, as does what `asks`; the others write and take an Idempotency-Key.

    `errors` are statuses beside those that every call of the method may answer.
    """

    def make(run: Handler) -> Endpoint:
        usual = READS if method == "GET" else WRITES
        return Endpoint(
            method=method,
            path=path,
            run=run,
            query=query,
            body=body,
            answer=answer,
            status=status,
            errors=tuple(sorted({*usual, *errors})),
            fleeting=fleeting or asks,
            asks=asks,
            beforehand=beforehand,
            most=most,
        )

    return make
