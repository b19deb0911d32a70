"""How does one text reach everybody whom an incident concerns? Each in their own request, on their channel, in their language, once.

Who is told where is decided when it is said, and kept with the update. Few are told at once; many by jobs, a slice at a time, so
that nobody who writes meanwhile waits for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import (
    acts,
    answering,
    incident,
    incident_outages,
    links_between,
    notices,
    participants,
    promises,
    timing,
)
from core.desk.case import Case
from core.desk.errors import Invalid, Refused
from core.desk.principal import Principal
from core.desk.scope import find
from core.ids import new_id
from core.rules import joining
from core.rules.joining import Person, Tie
from core.store import tables, work
from core.store.columns import decode_json, to_json
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job

KIND = "incident"
"""Kind of the messages, and of the jobs that tell further children."""
SLICE = 20
"""Children that are told in one transaction."""

update = tables.incident_update

_UPDATES = Prepared(select(update).where(update.c.ticket_id == bindparam("ticket_id")).order_by(update.c.id))
_UPDATE = Prepared(
    select(update).where(update.c.ticket_id == bindparam("ticket_id"), update.c.id == bindparam("id"))
)
_THREADS = Prepared(select(tables.thread).where(tables.thread.c.ticket_id == bindparam("ticket_id")))
_AGENT = Prepared(select(tables.agent.c.name).where(tables.agent.c.id == bindparam("id")))
_OF = Prepared(
    select(
        tables.ticket.c.id,
        tables.ticket.c.customer,
        tables.ticket.c.requester_address,
        tables.ticket.c.language,
        tables.ticket.c.open,
    ).where(tables.ticket.c.id == bindparam("id"))
)


def inform(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    words: Mapping[str, str],
    now: datetime,
    idem: str = "",
    seen: int | None = None,
) -> str:
    """Say this (language to text) to everybody of the open children and of the incident itself; return the update's id.

    One contact with two requests is told once. It is words of a person: response and promises of each child are kept.
    The same `idem` gives the same update again. Raises Invalid for a language somebody is written to in that is
    missing, Refused for no incident, Stale when somebody said something to the children meanwhile.
    """
    incident.only_who_leads(tx, who, number)
    parent = Case.open(tx, find(tx, who, number).id, now=now)
    identity = new_id()
    for row in tx.all(_UPDATES, ticket_id=parent.id):
        if idem and row.by == f"{who.actor} {idem}":
            return str(row.id)
    acts.check_seen(parent, who, seen, ("incident.informed",))
    if incident.FLAG not in parent["flags"]:
        raise Refused(
            f"{number} is no incident: make it one first", allowed=("incident",), code="no_incident"
        )
    spoken = incident.said_in(words)
    plan = _plan(tx, [parent.id, *links_between.of_kind(tx, parent.id, Tie.CHILD)])
    if not plan:
        raise Refused(
            "nobody of this incident can be told anything: no open request of it has a conversation",
            code="incident_unheard",
        )
    faults = incident.missing(spoken, {one["language"] for one in plan})
    if faults:
        raise Invalid(faults)
    tx.insert(
        update,
        ticket_id=parent.id,
        id=identity,
        text=to_json(spoken),
        by=f"{who.actor} {idem}".strip(),
        at=now,
        children=[{"ticket": one["ticket"], "people": one["people"]} for one in plan],
    )
    parent.event("incident.informed", actor=who.actor, update=identity, requests=len(plan))
    parent.save()
    _tell(tx, parent.id, identity, since=0, now=now)
    told = {person for one in plan for person in one["people"]}
    incident_outages.informed(tx, who, parent.id, spoken, told=told, now=now)
    return identity


def go_on(tx: Tx, job: Job, *, now: datetime) -> None:
    """The next slice of an update."""
    _tell(tx, job.shard, job.payload["update"], since=job.payload["since"], now=now)


def _tell(tx: Tx, parent_id: str, update_id: str, *, since: int, now: datetime) -> None:
    row = tx.one(_UPDATE, ticket_id=parent_id, id=update_id)
    for one in sorted(row.children[since : since + SLICE], key=lambda one: str(one["ticket"])):
        _tell_one(tx, row, one["ticket"], one["people"], now=now)
    if since + SLICE < len(row.children):
        work.enqueue(
            tx,
            shard=parent_id,
            lane=f"{KIND}:{update_id}",
            kind=KIND,
            payload={"update": update_id, "since": since + SLICE},
            due=now,
            now=now,
            idem_key=f"{KIND}:{update_id}:{since + SLICE}",
        )


def _tell_one(tx: Tx, row: Row, ticket_id: str, people: Sequence[str], *, now: datetime) -> None:
    case = Case.open(tx, ticket_id, now=now)
    idem = f"{KIND}:{row.id}"
    if acts.said_before(case, idem) is not None:
        return
    agent, words, message_id, count = agent_of(row), words_of(row), "", 0
    text = words.get(case["language"]) or next(iter(words.values()))
    if case["open"]:  # else it ended while others were told
        name = tx.one(_AGENT, id=agent)
        message_id, count = notices.incident(
            case, text, to=people, agent=agent, author_name=name.name if name is not None else "", idem=idem
        )
    if not count:
        case.event("incident.not_told", actor=actor_of(row), update=row.id)
        case.save()
        return
    case.event("message.out", actor=actor_of(row), message=message_id, update=row.id)
    case.set(snippet=acts.snippet(text), last_direction="out", waits_since=None)
    timing.apply(case, "public_answer")
    promises.kept(case, Principal(kind="agent", id=agent, name=""))
    acts.finish(case)


def _plan(tx: Tx, tickets: Sequence[str]) -> list[dict[str, Any]]:
    """Whom to tell on which of these tickets, each person once. Reads only."""
    people: list[Person] = []
    languages = {}
    for one in tickets:
        of = tx.one(_OF, id=one)
        if of is None or not of.open:
            continue
        languages[one] = of.language
        rows = [row for row in tx.all(_THREADS, ticket_id=one) if not row.aside]
        there = participants.of_ticket(tx, one, customer=of.customer, requester=of.requester_address)
        written_to = answering.written_to(there, of.customer, automatic=False)
        told = answering.chosen(tx, one, rows, written_to, kind=KIND)
        used = {(way.thread, way.address): way.used for way in answering.ways(tx, one, rows, told)}
        people += [
            Person(ticket=one, thread=two.thread, who=two.who, used=used.get((two.thread, two.address)))
            for two in told
        ]
    found: dict[str, set[str]] = {}
    for (ticket, _), persons in joining.once_each(people).items():
        found.setdefault(ticket, set()).update(persons)
    return [
        {"ticket": one, "people": sorted(found[one]), "language": languages[one]}
        for one in tickets
        if one in found
    ]


# --- What was said ------------------------------------------------------------------------------------------


def updates(tx: Tx, parent_id: str) -> list[Row]:
    """Everything that was said to the children, oldest first."""
    return tx.all(_UPDATES, ticket_id=parent_id)


def words_of(row: Row) -> dict[str, str]:
    """Language to text."""
    return dict(decode_json(row.text))


def actor_of(row: Row) -> str:
    """Who said it."""
    return str(row.by).partition(" ")[0]


def agent_of(row: Row) -> str:
    """Their id."""
    return actor_of(row).removeprefix("agent:")
