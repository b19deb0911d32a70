"""How do callers, visitors and writers hear of an incident? By an outage that follows from it, for exactly whom it concerns (0040).

It is drafted when the incident begins: published by one press of a person, or at once where the source says so. It is widened
when customers join, told what the incident's people are told, and ends with the incident.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import follow_ups, incident, publishing, shared_assets, tasks
from core.desk.case import Case
from core.desk.errors import Refused
from core.desk.principal import HUB, Principal
from core.desk.scope import find
from core.rules import dependence
from core.rules.dependence import Concerned
from core.rules.joining import Tie
from core.rules.outages import Scope
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

TASK = "incident_outage"
"""What a shift leader is asked: to publish it."""

outage, ticket, link = tables.outage, tables.ticket, tables.ticket_link

_RUNNING = Prepared(
    select(outage).where(
        outage.c.incident == bindparam("incident", type_=Id), outage.c.state == literal("running")
    )
)
_LAST = Prepared(
    select(tables.outage_update.c.by)
    .select_from(
        outage.join(
            tables.outage_update,
            (tables.outage_update.c.outage_id == outage.c.id)
            & (tables.outage_update.c.seq == outage.c.last_update),
        )
    )
    .where(outage.c.incident == bindparam("incident", type_=Id))
    .order_by(outage.c.published_at.desc())
    .limit(1)
)
_PARENT = Prepared(select(ticket).where(ticket.c.id == bindparam("id", type_=Id)))
_PARTS = Prepared(
    select(ticket.c.customer, ticket.c.site, ticket.c.technology)
    .select_from(link.join(ticket, ticket.c.id == link.c.other_id))
    .where(
        link.c.ticket_id == bindparam("ticket_id", type_=Id),
        link.c.kind == literal(str(Tie.CHILD)),
        ticket.c.open.is_(True),
        ticket.c.customer.is_not(None),
    )
    .order_by(ticket.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An outage as it would be published now."""

    words: Mapping[str, Mapping[str, str]]
    scope: Scope
    since: datetime


def running(tx: Tx, parent_id: str) -> Row | None:
    """The outage of an incident that goes on."""
    return tx.one(_RUNNING, incident=parent_id)


def draft(tx: Tx, parent_id: str) -> Draft | None:
    """What would be published of this incident; None: no customer is part of it, or it is published."""
    if running(tx, parent_id) is not None:
        return None
    parent, parts = tx.one(_PARENT, id=parent_id), tx.all(_PARTS, ticket_id=parent_id)
    concerned = [_concerned(tx, parent, parts, code) for code in dict.fromkeys(one.customer for one in parts)]
    if not concerned:
        return None
    return _draft(tx, dependence.scope(concerned), since=parent.received_at)


def _concerned(tx: Tx, parent: Row, parts: Sequence[Row], customer: str) -> Concerned:
    """What of a customer is hit: what hangs on the parent's thing, else what their requests are about."""
    things = [
        one
        for one in shared_assets.below(tx, (parent.customer or "", parent.asset or ""))
        if one.customer == customer
    ]
    theirs = [one for one in parts if one.customer == customer]
    named = [(one.site, one.technology or parent.technology or "") for one in things] or [
        (one.site or "", one.technology or "") for one in theirs
    ]
    sites, technologies = ([one[n] for one in named] for n in (0, 1))
    return Concerned(
        customer=customer,
        things=tuple(one.name for one in things),
        sites=tuple(sorted(set(sites))) if all(sites) else (),
        technologies=tuple(sorted(set(technologies))) if all(technologies) else (),
    )


def _draft(tx: Tx, where: Scope, *, since: datetime) -> Draft:
    words = {}
    for language in tx.facts.languages:
        title, text = texts.notice(
            "incident_outage", language, technology=", ".join(where.technologies), hub=tx.facts.name
        )
        words[language] = {"title": title[: publishing.MAX_TITLE], "text": text.strip()}
    return Draft(words=words, scope=where, since=since)


# --- It begins, and grows ----------------------------------------------------------------------------------


def begin(parent: Case, concerned: Sequence[Concerned], *, since: datetime, announce: bool) -> None:
    """These customers are concerned: whoever leads is asked to publish it, or it is published, or the published one grows."""
    if not concerned:
        return
    there = running(parent.tx, parent.id)
    if there is not None:
        _widen(parent.tx, there, concerned, now=parent.now)
    elif announce and not _taken_back(parent.tx, parent.id):
        found = _draft(parent.tx, dependence.scope(concerned), since=since)
        publishing.of_incident(parent.tx, HUB, parent.id, found, now=parent.now)
        parent.event("incident.announced", actor=HUB.actor, customers=len(concerned))
    else:
        follow_ups.ask(
            parent,
            TASK,
            agent=None,
            group=None,
            role=follow_ups.APPROVER,
            url=f"/desk/incidents/{parent['number']}",
        )


def _taken_back(tx: Tx, parent_id: str) -> bool:
    """Did a person end or withdraw the last one? Then a person publishes the next."""
    last = tx.one(_LAST, incident=parent_id)
    return last is not None and last.by != HUB.actor


def _widen(tx: Tx, there: Row, concerned: Sequence[Concerned], *, now: datetime) -> None:
    """Who hears of it grows by these; nobody is told for that, because those who come anew hear it when they ask."""
    more = dependence.scope(concerned)
    technologies = (
        {*there.technologies, *more.technologies} if there.technologies and more.technologies else ()
    )
    where = Scope(
        customers=tuple(dict.fromkeys([*there.customers, *more.customers])),
        sites=tuple(dict.fromkeys([*(tuple(one) for one in there.sites), *more.sites])),
        technologies=tuple(sorted(technologies)),
    )
    publishing.widen(tx, there, where, now=now)


def publish(tx: Tx, who: Principal, number: str, *, now: datetime) -> str:
    """One press: callers, visitors and writers of exactly the customers concerned hear of it; return the outage's id.

    A second time gives the same one. Raises NotFound, Forbidden, Refused for no incident, and for one without customers.
    """
    incident.only_who_leads(tx, who, number)
    parent = Case.open(tx, find(tx, who, number).id, now=now)
    if incident.FLAG not in parent["flags"] or not parent["open"]:
        raise Refused(
            f"{number} is no incident that goes on: make it one first",
            allowed=("incident",),
            code="no_incident",
        )
    there = running(tx, parent.id)
    if there is not None:
        return str(there.id)
    found = draft(tx, parent.id)
    if found is None:
        raise Refused(
            f"{number} concerns no customer yet: attach their requests first",
            allowed=("attach",),
            code="incident_of_nobody",
        )
    made = publishing.of_incident(tx, who, parent.id, found, now=now)
    parent.event("incident.announced", actor=who.actor, customers=len(_customers(found.scope)))
    parent.save()
    tasks.settle(tx, once=TASK, now=now, ticket_id=parent.id, by=who.actor)
    return made


def _customers(where: Scope) -> set[str]:
    return {*where.customers, *(customer for customer, _ in where.sites)}


# --- It goes on, and ends ----------------------------------------------------------------------------------


def informed(
    tx: Tx, who: Principal, parent_id: str, words: Mapping[str, str], *, told: Collection[str], now: datetime
) -> None:
    """The incident's people were told this (`told`: who); so is everybody else who wants every word of its outage."""
    there = running(tx, parent_id)
    said = {
        language: text for language, text in words.items() if there is not None and language in there.words
    }
    if there is not None and said:
        publishing.go_on(tx, who, there, "updated", words=said, besides=told, now=now)


def nobody(tx: Tx, parent_id: str, *, now: datetime) -> None:
    """It is no incident any more: nobody need be asked to publish it."""
    tasks.settle(tx, once=TASK, now=now, ticket_id=parent_id)


def over(tx: Tx, parent_id: str, *, told: Collection[str], now: datetime) -> None:
    """All is over: callers hear of it no longer, and who asked is told, but for those whose own request said so (`told`)."""
    tasks.settle(tx, once=TASK, now=now, ticket_id=parent_id)
    there = running(tx, parent_id)
    if there is not None:
        changed: dict[str, Any] = {"state": "ended", "ended_at": now}
        publishing.go_on(tx, HUB, there, "ended", words={}, changed=changed, besides=told, now=now)
