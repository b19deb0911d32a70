"""How does a verb become a transaction? `await db.write(verb, …)` and `await db.read(query, …)`, whichever database it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy.exc import DBAPIError

from core.facts import HubFacts
from core.log import get_logger
from core.store.tx import Tx

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[Concatenate[Tx, P], R]
Topics = list[tuple[str, str]]
Listener = Callable[[Topics], None]

log = get_logger("store")


class StoreUnavailable(Exception):
    """The database cannot take or give anything just now: stopped, full, locked, or the queue is too long.

    Nothing of the request was stored. Ask again later; to the outside it is 451 or 503.
    """


class Database(Protocol):
    """One database. Verbs are plain functions on a Tx; each call is one transaction and may be run twice."""

    url: str
    kind: str
    """sqlite or postgresql."""
    facts: HubFacts
    """What each transaction knows of the hub."""
    shared: dict[str, Any]
    """See Tx.shared."""

    def submit(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """Queue a change; the future is done once it is on disk. Raises StoreUnavailable at once when full."""
        ...

    def submit_first(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """The same before all that waits already: for the door, where a sender waits for an answer."""
        ...

    def submit_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> Future[list[Any]]:
        """Queue changes that may share a commit, in this order; the answers, with an exception for each that failed.

        One that fails takes none down. Raises StoreUnavailable at once when full.
        """
        ...

    def query(self, question: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> Future[R]:
        """Queue a question: one snapshot, read only."""
        ...

    async def write(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> R:
        """Run a verb; return its result once it is committed and durable."""
        ...

    async def write_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        """Run verbs that may share a commit; see `submit_all`."""
        ...

    async def read(self, question: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> R:
        """Run a question."""
        ...

    def listen(self, listener: Listener) -> None:
        """Call this with the topics of each commit, from any thread, soon after it."""
        ...

    def health(self) -> str:
        """Empty when all is well, else what is wrong."""
        ...

    def close(self) -> None:
        """Finish what is queued and let go of the file or the connections."""
        ...


class Waiting:
    """The asynchronous words of a database whose threads answer with futures."""

    listeners: list[Listener]

    async def write(self, verb: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> R:
        """See Database.write."""
        return await asyncio.wrap_future(self.submit(verb, *args, **named))  # type: ignore[attr-defined]

    async def write_all(self, verbs: Sequence[Callable[[Tx], Any]]) -> list[Any]:
        """See Database.write_all."""
        return await asyncio.wrap_future(self.submit_all(verbs))  # type: ignore[attr-defined]

    async def read(self, question: Verb[P, R], /, *args: P.args, **named: P.kwargs) -> R:
        """See Database.read."""
        return await asyncio.wrap_future(self.query(question, *args, **named))  # type: ignore[attr-defined]

    def listen(self, listener: Listener) -> None:
        """See Database.listen."""
        self.listeners.append(listener)

    def tell(self, topics: Topics) -> None:
        """Pass on the topics of a commit. A listener that fails takes nobody else down, least of all the commit."""
        if topics:
            for listener in self.listeners:
                try:
                    listener(topics)
                except Exception:
                    log.exception("a listener failed")


def in_a_line(error: BaseException) -> str:
    """What the driver said, without the statement and its values, which SQLAlchemy adds: they are customers' words."""
    said = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(said).split())
