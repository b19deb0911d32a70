"""What has a customer bought: does a contract stand at an instant, and does one of its lines fit a request? (desk.md 2)"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from core import addresses

Standing: TypeAlias = Literal["valid", "grace", "suspended", "not_started", "expired"]
STANDINGS: tuple[Standing, ...] = ("valid", "grace", "suspended", "not_started", "expired")
"""Best first: of several contracts the best one speaks."""
NO_CONTRACT = ("draft", "terminated")
"""A contract in one of these states counts for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is bought. Empty tuples mean all; the fields that are not empty must all fit."""

    name: str
    technologies: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    calendar: str = "24x7"
    sla: str | None = None
    onsite: bool = False
    vendor_pauses: bool = False
    measure: str = "none"
    """none, hours, tickets or visits."""
    quantity: float | None = None
    """None: measured without a limit."""
    used: float = 0.0
    overdraft: bool = False
    """Work may go below zero."""
    priority: int = 100
    """Between lines that fit equally well the lower number wins."""
    emergency: bool = False
    """Somebody may be called outside the line's hours."""
    period: str = "contract"
    """For how long the quantity is: contract, year, quarter or month."""
    rollover: bool = False
    """What is left of a period is added to the next one."""
    step: int = 15
    """Minutes to which the work on one ticket is rounded up."""
    no_access_billable: bool = False
    """A visit to a closed door counts."""

    @property
    def remaining(self) -> float | None:
        """What is left of the quantity, below zero after an overdraft; None: it is not counted."""
        if self.measure == "none" or self.quantity is None:
            return None
        return self.quantity - self.used

    @property
    def breadth(self) -> int:
        """How wide the line is cut: 0 for named assets, up to 5 for the whole customer. The narrowest wins."""
        if self.assets:
            return 0
        if self.sites:
            return 1
        if self.technologies:
            return 2 if self.request_types else 3
        return 4 if self.request_types else 5

    def misfit(
        self, *, technology: str | None, request_type: str | None, asset: str | None, site: str | None
    ) -> str:
        """Why the line is not about this request; empty: it is.

        A technology or type that is not known yet rules nothing out. An asset or site that is not known does: most
        requests are about none, and a line for one machine must not win them.
        """
        for what, named, given in (
            ("technology", self.technologies, technology),
            ("request type", self.request_types, request_type),
        ):
            if named and given is not None and given not in named:
                return f"{what} {given} not in the line"
        for what, named, given in (("asset", self.assets, asset), ("site", self.sites, site)):
            if named and given is None:
                return f"the line is for named {what}s and none is named"
            if named and given not in named:
                return f"{what} {given} not in the line"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One contract in one version; a version never changes."""

    number: str
    version: str = ""
    customer: str = ""
    time_zone: str = "Europe/Rome"
    """The customer's: valid from 00:00 of the first to 24:00 of the last local day."""
    valid_from: date
    valid_until: date
    status: str = "active"
    """draft, active, suspended or terminated."""
    grace_days: int = 0
    covers_children: bool = False
    authorised_contacts: tuple[str, ...] = ()
    """E-mail addresses; empty: everybody."""
    notice_date: date | None = None
    """Until when notice can be given."""
    renewal: str = "none"
    """none, or tacit: it goes on unless somebody gives notice."""
    policy: Mapping[str, str] = field(default_factory=dict)
    """Verdict to decision, over the customer's."""
    tell_breach: bool = False
    """Whether the customer is told of a promise that was not kept."""
    lines: tuple[Line, ...] = ()

    def stands(self, at: datetime) -> Standing:
        """How the contract stands at this instant, whose local date decides. Not to be asked of a draft."""
        if self.status == "suspended":
            return "suspended"
        today = at.astimezone(ZoneInfo(self.time_zone)).date()
        if today < self.valid_from:
            return "not_started"
        days_over = (today - self.valid_until).days
        if days_over <= 0:
            return "valid"
        return "grace" if days_over <= self.grace_days else "expired"

    def authorises(self, contact: str | None) -> bool:
        """May this person (an e-mail address) ask for work under it?"""
        return not self.authorised_contacts or (
            contact is not None
            and addresses.key(contact) in {addresses.key(known) for known in self.authorised_contacts}
        )
