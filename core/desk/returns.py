"""What came back, and what goes out again? Reports about our deliveries, and the addresses that do not work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, literal, select

from core.desk import broadcasts, collecting, ladder, new_passwords, outbox, roundups, sending
from core.desk.case import Case
from core.envelope import Kind, Report
from core.ids import token_id
from core.store import tables, work
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

SOFT_BOUNCES = 5  # within SOFT_WITHIN: then nothing automatic goes there any more
SOFT_WITHIN = timedelta(days=7)

delivery, delivery_attempt = tables.delivery, tables.delivery_attempt
bad_address, participant = tables.bad_address, tables.participant


def reported(
    tx: Tx, kind: Kind, *, bounce_tokens: Sequence[str], report: Report | None, now: datetime
) -> Row | None:
    """A report about something we sent: note it at the delivery. None: no delivery of ours is meant.

    Believed only through the address that belongs to the one delivery, or our own ref in the returned headers. Only
    a bounce changes its state, and the certified proof that it was delivered after all; an address that is dead or
    complained gets no automatic mail until staff say so.
    """
    row = None
    refs = (*bounce_tokens, *(report.own_refs if report else ()))
    for ref in refs:
        row = row or tx.one(_BY_ID, id=token_id(ref))
    bounced = kind in (Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT)
    if row is None:
        for ref in refs if bounced else ():
            new_passwords.came_back(tx, ref, now=now)
        return None
    said = report.recipients[0] if report and report.recipients else None
    detail = " ".join(part for part in (said.status, said.text) if part) if said else ""
    key = {"ticket_id": row.ticket_id, "id": row.id}
    certified = report is not None and report.certified and said is not None
    proved = certified and said is not None and said.action == "delivered"
    outcome = "bounced" if bounced else "delivered" if proved else "accepted" if certified else str(kind)
    sending.attempted(tx, row, outcome, detail, now=now)
    if proved:
        _proved(tx, row, now=now)
    if kind is Kind.ARF:
        tx.insert_missing(bad_address, address=row.address, reason="complaint", at=now)
    if bounced:
        tx.update(delivery, key, state="bounced", error=detail[:500])
        if row.thread_id == row.ticket_id:  # words of a chat beside all tickets, or for colleagues
            if row.kind in sending.FOR_STAFF:
                sending.FOR_STAFF[row.kind].undelivered(tx, row, now=now)
            for one in roundups.stands_for(tx, row) if row.kind == collecting.KIND else ():
                tx.update(
                    delivery, {"ticket_id": one.ticket_id, "id": one.id}, state="bounced", error=detail[:500]
                )
                _came_back(tx, one, hard=kind is Kind.BOUNCE_HARD, now=now)
        elif not broadcasts.recorded(tx, row, "delivery.bounced", now=now, hard=kind is Kind.BOUNCE_HARD):
            _came_back(tx, row, hard=kind is Kind.BOUNCE_HARD, now=now)
        if kind is Kind.BOUNCE_HARD:
            tx.insert_missing(bad_address, address=row.address, reason="hard bounce", at=now)
        elif _bounces(tx, row.address, now=now) >= SOFT_BOUNCES:
            tx.insert_missing(bad_address, address=row.address, reason="soft bounces", at=now)
    return row


def _came_back(tx: Tx, row: Row, *, hard: bool, now: datetime) -> None:
    case = Case.open(tx, row.ticket_id, now=now)
    if not ladder.another_way(case, row):
        case.flag("undelivered")
    case.event("delivery.bounced", actor="system", delivery=row.id, hard=hard)
    case.save()


def wished(tx: Tx, address: str, *, stop: bool, now: datetime) -> None:
    """Who has this number wants nothing more from us, or wants it again. Staff cannot send to it meanwhile either."""
    tx.run(_FORGET_WISH, address=address)
    if stop:
        tx.run(_WORKS, address=address)  # whatever else was wrong with it
        tx.insert(bad_address, address=address, reason=sending.OPTED_OUT, at=now)


_FORGET_WISH = Prepared(
    bad_address.delete().where(
        bad_address.c.address == bindparam("address"), bad_address.c.reason == literal(sending.OPTED_OUT)
    )
)


def _proved(tx: Tx, row: Row, *, now: datetime) -> None:
    """A provider of certified mail put it into the recipient's mailbox, whatever was reported before."""
    if row.state in ("bounced", "given_up", "passed_on"):
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="sent", error="")
    if row.thread_id == row.ticket_id or broadcasts.recorded(tx, row, "delivery.proved", now=now):
        return
    case = Case.open(tx, row.ticket_id, now=now)
    case.flag("undelivered", on=tx.one(_UNDELIVERED, ticket_id=row.ticket_id) is not None)
    case.event("delivery.proved", actor="system", delivery=row.id)
    case.save()


_BY_ID = Prepared(select(delivery).where(delivery.c.id == bindparam("id")))


def _bounces(tx: Tx, address: str, *, now: datetime) -> int:
    """How often mail to this address came back lately, on whatever ticket."""
    return int(tx.one(_BOUNCES, address=address, since=now - SOFT_WITHIN).n)


_BOUNCES = Prepared(
    select(func.count().label("n"))
    .select_from(
        participant.join(
            delivery,
            (delivery.c.ticket_id == participant.c.ticket_id)
            & (delivery.c.thread_id == participant.c.thread_id)
            & (delivery.c.address == participant.c.address),
        ).join(
            delivery_attempt,
            (delivery_attempt.c.ticket_id == delivery.c.ticket_id)
            & (delivery_attempt.c.delivery_id == delivery.c.id),
        )
    )
    .where(
        participant.c.address == bindparam("address"),
        delivery_attempt.c.at > bindparam("since", type_=Instant),
        delivery_attempt.c.outcome == "bounced",
    )
)


def again(tx: Tx, shard: str, delivery_id: str, *, now: datetime) -> bool:
    """Queue a given-up or bounced delivery again; say whether there was one. `shard`: its ticket, or its outage.

    Whoever asks for it believes that the address works: automatic mail may go there again too.
    """
    row = tx.one(sending.DELIVERY, ticket_id=shard, id=delivery_id)
    if row is None or row.state not in ("given_up", "bounced"):
        return False
    tx.update(delivery, {"ticket_id": shard, "id": delivery_id}, state="queued", error="", created_at=now)
    work.enqueue(
        tx,
        shard=shard,
        lane=outbox.lane_of(row.thread_id, row.address, row.channel),
        kind="send",
        payload={"delivery": delivery_id},
        due=now,
        now=now,
    )
    tx.run(_WORKS, address=row.address)
    return True


def retry(case: Case, delivery_id: str) -> bool:
    """The same for a ticket, which is flagged as long as anything on it did not arrive."""
    if not again(case.tx, case.id, delivery_id, now=case.now):
        return False
    case.flag("undelivered", on=case.tx.one(_UNDELIVERED, ticket_id=case.id) is not None)
    return True


_WORKS = Prepared(
    bad_address.delete().where(
        bad_address.c.address == bindparam("address"), bad_address.c.reason != literal(sending.OPTED_OUT)
    )
)
_UNDELIVERED = Prepared(
    select(delivery.c.id)
    .where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.thread_id != delivery.c.ticket_id,  # not a call to colleagues
        delivery.c.state.in_([literal("given_up"), literal("bounced")]),
    )
    .limit(1)
)
