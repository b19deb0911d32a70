"""What came back, and what goes out again? Reports about our deliveries, and the addresses that do not work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from core.desk import broadcasts, collecting, ladder, new_passwords, outbox, roundups, sending, stopped
from core.desk.case import Case
from core.desk.errors import Refused
from core.envelope import Kind, Report, ReportedRecipient
from core.ids import token_id
from core.store import tables, work
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

SOFT_BOUNCES = 5  # within SOFT_WITHIN: then nothing automatic goes there any more
SOFT_WITHIN = timedelta(days=7)
READ = ("displayed", "")
"""What a receipt must say of a mail that was read; deleting one is none (RFC 8098, 3.2.6)."""

delivery, delivery_attempt, participant = tables.delivery, tables.delivery_attempt, tables.participant


def reported(
    tx: Tx, kind: Kind, *, bounce_tokens: Sequence[str], report: Report | None, now: datetime
) -> Row | None:
    """A report about something we sent: note it at the delivery. None: no delivery of ours is meant.

    Believed only through the address that belongs to the one delivery, or our own ref in the returned headers. Only
    a bounce changes its state, and the certified proof that it was delivered after all. An address that is dead gets no
    automatic mail until staff say so, one that complained none at all.
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
    said = _about(report, row.address)
    detail = in_words(said) if said else ""
    key = {"ticket_id": row.ticket_id, "id": row.id}
    certified = report is not None and report.certified and said is not None
    proved = certified and said is not None and said.action == "delivered"
    outcome = "bounced" if bounced else "delivered" if proved else "accepted" if certified else str(kind)
    kept = told(kind, said, now=now)
    sending.attempted(tx, row, outcome, detail, now=now, report=kept)
    if (
        bounced or row.state != "bounced" or proved
    ):  # a failure is not painted over by what was said before it
        tx.update(delivery, key, report=kept)
    if proved:
        _proved(tx, row, now=now)
    if kind is Kind.MDN and row.seen_at is None and (said is None or said.action in READ):
        tx.update(delivery, key, seen_at=now)
    if kind is Kind.ARF:
        _complained(tx, row, now=now)
    if bounced:
        tx.update(delivery, key, state="bounced", error=detail[:500])
        reason = stopped.HARD if kind is Kind.BOUNCE_HARD else _often(tx, row.address, now=now)
        new = bool(reason) and stopped.mark(tx, row.address, reason, delivery_id=row.id, said=detail, now=now)
        if row.thread_id == row.ticket_id:  # words of a chat beside all tickets, or for colleagues
            if row.kind in sending.FOR_STAFF:
                sending.FOR_STAFF[row.kind].undelivered(tx, row, now=now)
            for one in roundups.stands_for(tx, row) if row.kind == collecting.KIND else ():
                tx.update(
                    delivery, {"ticket_id": one.ticket_id, "id": one.id}, state="bounced", error=detail[:500]
                )
                _came_back(
                    tx, one, hard=kind is Kind.BOUNCE_HARD, dead=reason if new else "", said=detail, now=now
                )
        elif not broadcasts.recorded(tx, row, "delivery.bounced", now=now, hard=kind is Kind.BOUNCE_HARD):
            _came_back(
                tx, row, hard=kind is Kind.BOUNCE_HARD, dead=reason if new else "", said=detail, now=now
            )
    tx.tell("ticket", row.ticket_id)
    return row


def _about(report: Report | None, address: str) -> ReportedRecipient | None:
    """What is said of this recipient; of an alias' members, the first that it names."""
    if report is None or not report.recipients:
        return None
    theirs = (one for one in report.recipients if one.recipient.lower() == address.lower())
    return next(theirs, report.recipients[0])


def in_words(said: ReportedRecipient) -> str:
    """The status and the reason, each once: servers repeat their codes before their words.

    >>> in_words(ReportedRecipient(recipient="", status="5.1.1", text="550 5.1.1 no such user"))
    '5.1.1 no such user'
    >>> in_words(ReportedRecipient(recipient="", text="550 no such user"))
    '550 no such user'
    """
    text = said.text
    if said.status:
        before, found, after = text[:40].partition(said.status)
        if found and not before.strip(" 0123456789#-"):
            text = (after + text[40:]).strip()
    return " ".join(part for part in (said.status, text) if part)


def told(kind: Kind, said: ReportedRecipient | None, *, now: datetime) -> dict[str, Any]:
    """What a delivery keeps of a report: kind, at (ISO 8601), and what it says: recipient, action, status, reply, text, host."""
    found = {"kind": str(kind), "at": now.isoformat()}
    if said is not None:
        found |= {
            "recipient": said.recipient[:320],
            "action": said.action,
            "status": said.status,
            "reply": said.reply,
            "text": said.text[:500],
            "host": said.remote_host[:255],
        }
    return {name: value for name, value in found.items() if value}


def _came_back(tx: Tx, row: Row, *, hard: bool, dead: str, said: str, now: datetime) -> None:
    """`dead`: why its address gets nothing automatic from now on, if it does not."""
    case = Case.open(tx, row.ticket_id, now=now)
    if not ladder.another_way(case, row):
        case.flag("undelivered")
        if dead:
            stopped.ask(case, row.address, dead, name=row.name, said=said)
    case.event("delivery.bounced", actor="system", delivery=row.id, hard=hard)
    case.save()


def _complained(tx: Tx, row: Row, *, now: datetime) -> None:
    """Mail to who complained stops. What waits to leave is given up when its turn comes."""
    new = stopped.mark(tx, row.address, stopped.COMPLAINT, delivery_id=row.id, said="", now=now)
    if row.thread_id == row.ticket_id or broadcasts.recorded(tx, row, "delivery.complained", now=now):
        return
    case = Case.open(tx, row.ticket_id, now=now)
    if new:
        stopped.ask(case, row.address, stopped.COMPLAINT, name=row.name, said="")
    case.event("delivery.complained", actor="system", delivery=row.id)
    case.save()


def _often(tx: Tx, address: str, *, now: datetime) -> str:
    return stopped.SOFT if _bounces(tx, address, now=now) >= SOFT_BOUNCES else ""


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

    Whoever asks for it believes that the address works: automatic mail may go there again too. Raises Refused for one that
    complained: that it is allowed again is a decision of its own.
    """
    row = tx.one(sending.DELIVERY, ticket_id=shard, id=delivery_id)
    if row is None or row.state not in ("given_up", "bounced"):
        return False
    if why := stopped.why(tx, row.address):
        raise Refused(f"{row.address}: {why}", code="stopped")
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
    stopped.works(tx, row.address, now=now)
    return True


def retry(case: Case, delivery_id: str) -> bool:
    """The same for a ticket, which is flagged as long as anything on it did not arrive."""
    if not again(case.tx, case.id, delivery_id, now=case.now):
        return False
    case.flag("undelivered", on=case.tx.one(_UNDELIVERED, ticket_id=case.id) is not None)
    return True


_UNDELIVERED = Prepared(
    select(delivery.c.id)
    .where(
        delivery.c.ticket_id == bindparam("ticket_id"),
        delivery.c.thread_id != delivery.c.ticket_id,  # not a call to colleagues
        delivery.c.state.in_([literal("given_up"), literal("bounced")]),
    )
    .limit(1)
)
