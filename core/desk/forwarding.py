"""What is kept of a forward, and who is offered as requester for it? See core.desk.forwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from core import addresses
from core.desk.authors import Author
from core.envelope import Inbound

FIELD = "forwarded_from"
"""In the event that opened the ticket: name and address."""
REMARK = "forwarded, written by"
SIGNED = "the attached original is signed by"
"""With its author's domain."""


class Told(Protocol):
    """An event, as a page has it."""

    @property
    def kind(self) -> str:
        """Such as ticket.opened."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What it says."""


def named(said: Inbound, author: Author) -> dict[str, Any]:
    """What the event that opens a ticket keeps of a forward: only a colleague passes on what is another's request.

    A mail of our own that a colleague passes on is nobody's: the desk would answer itself.
    """
    writer = said.forwarded_from
    if writer is None or author.kind != "agent" or writer.key in (author.address, *said.own_addresses):
        return {}
    return {FIELD: [writer.name[:200], writer.address]}


def remarks(said: Inbound) -> tuple[str, ...]:
    """What stands at the message."""
    if said.forwarded_from is None:
        return ()
    signed = (f"{SIGNED}: {said.forwarded_signer}",) if said.forwarded_signer else ()
    return (f"{REMARK}: {said.forwarded_from.address}", *signed)


def proved(said: Inbound, author: Author) -> bool:
    """Is whom it names the requester without a click? Its domain signed the original, and a colleague proved to be one passes it on.

    Anybody may attach a mail that they once saw, and write a colleague's address above it.
    """
    passed_on = bool(named(said, author)) and said.authentication.verdict == "pass"
    return passed_on and bool(said.forwarded_signer)


def offered(told: Iterable[Told], requester: str, *, ours: Collection[str]) -> str:
    """Who is offered as requester: an address; empty: nobody, or it is theirs already. `ours`: keys of the desk's addresses."""
    opened = next((one for one in told if one.kind == "ticket.opened"), None)
    _, address = opened.data.get(FIELD, ("", "")) if opened is not None else ("", "")
    return str(address) if addresses.key(address) not in (requester.lower(), *ours) else ""
