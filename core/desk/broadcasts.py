"""Who asked to be told of an outage is told: once for each update, in their ticket about it, or by a delivery of its own.

Such a delivery belongs to no ticket: the outage stands in its place, the update for the message, and who asked for
the thread (decision 0018). What it says is put into words when it leaves; what it is made from never changes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import answering, case, concern, outbox, people, reference
from core.desk.case import Case
from core.envelope import Address, Outgoing
from core.rules import reaching
from core.rules.outages import Scope, concerns
from core.store import tables
from core.store.tx import Prepared, Row, Tx

KINDS = {"updated": "outage_updated", "ended": "outage_ended", "cancelled": "outage_cancelled"}
"""Kind of an update to that of its deliveries, which is also the name of its words in templates/notices."""
LAST = ("ended", "cancelled")
"""After these nothing more is told."""

outage, update = tables.outage, tables.outage_update
subscriber, telling = tables.outage_subscriber, tables.outage_telling

BY_ID = Prepared(select(outage).where(outage.c.id == bindparam("id")))
_WAITING = Prepared(
    select(subscriber)
    .where(subscriber.c.outage_id == bindparam("outage_id"), subscriber.c.state == literal("waiting"))
    .order_by(subscriber.c.id)
)
_UPDATE = Prepared(
    select(update).where(update.c.outage_id == bindparam("outage_id"), update.c.id == bindparam("id"))
)
_SUBSCRIBER = Prepared(
    select(subscriber).where(
        subscriber.c.outage_id == bindparam("outage_id"), subscriber.c.id == bindparam("id")
    )
)
_TICKET = Prepared(
    select(tables.ticket.c.id, tables.ticket.c.customer, tables.ticket.c.contact, tables.ticket.c.open).where(
        tables.ticket.c.id == bindparam("id")
    )
)
_BAD = Prepared(
    select(tables.bad_address.c.reason).where(tables.bad_address.c.address == bindparam("address"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is told, put together from an outage and one of its updates."""

    outage: Row
    update: Row

    @property
    def kind(self) -> str:
        """Of the messages and deliveries that carry it."""
        return KINDS[self.update.kind]


def scope_of(row: Row) -> Scope:
    """Where an outage is."""
    return Scope(
        customers=tuple(row.customers),
        sites=tuple((customer, site) for customer, site in row.sites),
        technologies=tuple(row.technologies),
    )


def tell(tx: Tx, of: Row, update_id: str, *, now: datetime, besides: Collection[str] = ()) -> dict[str, int]:
    """Tell this update: the last one to all who asked, others to those who wanted every one. How many, by what became of it.

    `besides`: ids of contacts and addresses of whoever hears the same in a request of theirs.
    """
    news = News(outage=of, update=tx.one(_UPDATE, outage_id=of.id, id=update_id))
    last = news.update.kind in LAST
    count: dict[str, int] = {}
    for asked in tx.all(_WAITING, outage_id=of.id):
        if not (last or asked.progress):
            continue
        elsewhere = asked.contact in besides or asked.address in besides
        state = "quiet" if elsewhere else _tell_one(tx, news, asked, now=now)
        count[state] = count.get(state, 0) + 1
        if last:
            _no_flag(tx, asked, now=now)
            tx.update(subscriber, {"outage_id": of.id, "id": asked.id}, state=state)
    return count


def _tell_one(tx: Tx, news: News, asked: Row, *, now: datetime) -> str:
    """told, quiet or unreachable."""
    if not _still_theirs(tx, news.outage, asked, now=now):
        return "quiet"
    found = _in_ticket(tx, news, asked, now=now) or _by_itself(tx, news, asked, now=now)
    if found is None:
        return "unreachable"
    shard, message_id = found
    tx.insert(
        telling,
        outage_id=news.outage.id,
        subscriber_id=asked.id,
        seq=news.update.seq,
        shard=shard,
        message_id=message_id,
        at=now,
    )
    return "told"


def _no_flag(tx: Tx, asked: Row, *, now: datetime) -> None:
    """Their ticket is about an outage no longer, wherever they were told."""
    if asked.ticket_id and tx.one(_TICKET, id=asked.ticket_id) is not None:
        of = Case.open(tx, asked.ticket_id, now=now)
        if "outage" in of["flags"]:
            of.flag("outage", on=False)
            of.save()


def is_open(tx: Tx, ticket_id: str | None) -> bool:
    """Is this a ticket that somebody works on?"""
    row = tx.one(_TICKET, id=ticket_id) if ticket_id else None
    return row is not None and bool(row.open)


def _still_theirs(tx: Tx, of: Row, asked: Row, *, now: datetime) -> bool:
    who = people.contact(tx, asked.contact) if asked.contact else None
    if asked.contact and not (who and who.active and who.customer == asked.customer):
        return False
    if asked.customer and reference.customer(tx, asked.customer) is None:
        return False
    sites = who.sites if who is not None else ()
    return concerns(scope_of(of), concern.asked(tx, asked.customer, sites=sites, now=now))


def _in_ticket(tx: Tx, news: News, asked: Row, *, now: datetime) -> tuple[str, str] | None:
    """Into the conversations of their ticket about it, while that is open and theirs, and somebody hears it there."""
    row = tx.one(_TICKET, id=asked.ticket_id) if asked.ticket_id else None
    if row is None or not row.open or (row.customer, row.contact) != (asked.customer, asked.contact):
        return None
    of = Case.open(tx, row.id, now=now)
    told = answering.places(of, kind=news.kind, automatic=True)
    if not any(place.people for place in told):
        return None
    language = of["language"]
    found = ""
    for place in told:
        where = place.where
        brief = reaching.short(where.channel, where.address)
        subject, text = _words(
            tx, news, language, name=of["requester_name"], customer=asked.customer, brief=brief
        )
        said = outbox.say(
            of,
            where,
            place.people,
            kind=news.kind,
            subject=subject,
            text=text,
            automatic=True,
            language=language,
        )
        found = found or (said.message_id if said.deliveries else "")
    of.event(
        "outage.told", actor="system", outage=news.outage.id, update=news.update.seq, what=news.update.kind
    )
    of.save()
    return of.id, found


def _by_itself(tx: Tx, news: News, asked: Row, *, now: datetime) -> tuple[str, str] | None:
    if tx.one(_BAD, address=asked.address) is not None:
        return None
    channel = reaching.channel(
        asked.channel, kind=news.kind, address=asked.address, texts_by=tx.facts.texts_by
    )
    if not channel:
        return None
    outbox.queue(
        tx,
        news.outage.id,
        message_id=news.update.id,
        thread_id=asked.id,
        channel=channel,
        to=Address(asked.address, asked.name),
        kind=news.kind,
        now=now,
    )
    return news.outage.id, news.update.id


def outgoing(tx: Tx, row: Row) -> Outgoing:
    """What the channel is to send for a delivery that belongs to an outage."""
    of = tx.one(BY_ID, id=row.ticket_id)
    asked = tx.one(_SUBSCRIBER, outage_id=of.id, id=row.thread_id)
    news = News(outage=of, update=tx.one(_UPDATE, outage_id=of.id, id=row.message_id))
    language = tx.facts.language(asked.language)
    brief = "@" not in row.address
    subject, text = _words(tx, news, language, name=asked.name, customer=asked.customer, brief=brief)
    return outbox.without_ticket(row, subject=subject, text=text, language=language)


def recorded(tx: Tx, row: Row, kind: str, *, now: datetime, **data: Any) -> bool:
    """Put what became of such a delivery on the outage's chain; say whether it is one."""
    if tx.one(BY_ID, id=row.ticket_id) is None:
        return False
    case.record(tx, row.ticket_id, kind, now=now, actor="system", delivery=row.id, **data)
    return True


def in_language(words: Any, language: str) -> tuple[str, Any]:
    """(language, words) of what was written in several: in this one, else in the first there is."""
    known = language if language in words else next(iter(words), "")
    return known, words.get(known)


def _words(
    tx: Tx, news: News, language: str, *, name: str, customer: str | None, brief: bool = False
) -> tuple[str, str]:
    """Subject and text. `brief`: for a telephone, where it is heard or read on a small screen."""
    of, last = news.outage, news.update
    found = reference.customer(tx, customer) if customer else None
    zone = ZoneInfo(found.time_zone) if found else tx.facts.zone
    _, said = in_language(of.words, language)
    _, text = in_language(last.words, language)
    return texts.notice(
        f"{news.kind}_brief" if brief else news.kind,
        language,
        name=name,
        title=said["title"],
        since=texts.instant(of.since, zone, language),
        ended=texts.instant(of.ended_at, zone, language) if of.ended_at else "",
        next_update=texts.instant(last.next_update, zone, language) if last.next_update else "",
        text=text or "",
        portal=f"{tx.facts.public_url}/portal/" if customer else "",
        hub=tx.facts.name,
    )
