"""What do the acts of a call flow know, and how do they answer? Shared by core.desk.call_actions and the acts themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core.desk import accounts, reference
from core.desk.call_identity import Proof
from core.desk.live_calls import LiveCall
from core.desk.principal import Principal
from core.envelope import Trust
from core.store import tables
from core.store.tx import Prepared

Given = Mapping[str, str]
"""Constants of the node."""
Branch = tuple[str, Mapping[str, Any]]
"""The answer, and what prompts may say from now on."""

TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the actions of one step know beside the call."""

    live: LiveCall
    proof: Proof | None
    """Of the PIN that was entered, if it was one."""
    caller_id_allows: str
    """nothing, greeting or status: what a number alone lets its caller hear."""


def person(around: Around) -> Principal | None:
    """Whose eyes the caller hears with; None: nothing of any request is for them."""
    live = around.live
    if not live["contact"]:
        return None
    if live["trust"] != Trust.VERIFIED and around.caller_id_allows != "status":
        return None
    return accounts.principal(live.tx, "contact", live["contact"])


def local(live: LiveCall, at: datetime) -> str:
    """An instant as prompts take it: in the zone of whoever calls."""
    customer = reference.customer(live.tx, live["customer"]) if live["customer"] else None
    zone = ZoneInfo(customer.time_zone) if customer else live.tx.facts.zone
    return at.astimezone(zone).isoformat()


def hints_of(live: LiveCall) -> dict[str, Any]:
    """What the caller said of the request, as far as the keys went."""
    given = {name: live.fact(name) for name in ("request_type", "technology", "impact", "urgency")}
    if live.fact("emergency"):
        given |= {"impact": 1, "urgency": 1}
    return {name: value for name, value in given.items() if value}
