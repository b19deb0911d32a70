"""Who is asking? Every query and every verb is given a principal, and sees only its scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SEES_EVERYTHING = frozenset({"contact-centre", "shift-leader", "supervisor", "admin"})
LEADS = frozenset({"shift-leader", "supervisor", "admin"})
CONFIGURES = frozenset({"supervisor", "admin"})

AGENT_ROLES = ("contact-centre", "technician", "shift-leader", "supervisor", "admin")
CONTACT_ROLES = ("user", "manager", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person, or the hub itself, with what they may see.

    Agents with a role in SEES_EVERYTHING see every ticket; technicians those of their groups and their own.
    Contacts see what people.md 1 gives their role: user, manager of sites, manager or admin of the customer.
    """

    kind: Literal["agent", "contact", "address", "system"]
    """address: nobody but who has it, and what was offered to it may be answered from there; it sees nothing else."""
    id: str
    name: str = ""
    email: str = ""
    language: str = "it"
    time_zone: str = ""
    """In which a contact is told times on pages: their customer's. Empty: the hub's."""
    roles: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    customer: str | None = None
    sites: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Of a contact: ids of others that turned out to be the same person."""
    scopes: frozenset[str] | None = None
    """What a token may do; None: everything the person may (a log-in)."""

    @property
    def is_agent(self) -> bool:
        """Staff."""
        return self.kind == "agent"

    @property
    def sees_everything(self) -> bool:
        """No ticket is out of scope."""
        return self.kind == "system" or (self.is_agent and bool(self.roles & SEES_EVERYTHING))

    @property
    def leads(self) -> bool:
        """Shift leader or above."""
        return self.is_agent and bool(self.roles & LEADS)

    @property
    def configures(self) -> bool:
        """Supervisor or administrator: changes contracts, routing, hours and service levels, approves reports."""
        return self.is_agent and bool(self.roles & CONFIGURES)

    @property
    def is_admin(self) -> bool:
        """Administrator of the hub."""
        return self.is_agent and "admin" in self.roles

    @property
    def ids(self) -> tuple[str, ...]:
        """All that name this person."""
        return (self.id, *self.also)

    @property
    def actor(self) -> str:
        """How events name them."""
        return self.kind if self.kind in ("system", "address") else f"{self.kind}:{self.id}"


HUB = Principal(kind="system", id="hub", name="Centralino")
"""The hub acting by itself: timers, intake."""
