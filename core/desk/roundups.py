"""What is one person told at once of several requests? Each with where it stands and what changed, as things are when it leaves.

The first time it leaves, an event of its own chain names the deliveries that it stands for; they share what becomes of it.
Nobody answers it as such: an answer would be of none of the requests. What is left of one request alone leaves by itself, in
its conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import notices, outbox, participants, subscriptions, workaround_links
from core.desk.case import Case, record
from core.desk.collecting import KIND
from core.envelope import Outgoing
from core.rules import reaching
from core.store import tables
from core.store.tx import Prepared, Row, Tx

TOLD = "delivery.rounded_up"
"""Event of the chain of a roundup: the deliveries it stands for."""

delivery, event = tables.delivery, tables.event

_COLLECTED = Prepared(
    select(delivery)
    .where(
        delivery.c.state == literal(outbox.COLLECTED),
        delivery.c.address == bindparam("address"),
        delivery.c.channel == bindparam("channel"),
    )
    .order_by(delivery.c.id)
)
_UNDER_WAY = Prepared(
    select(delivery.c.ticket_id).where(
        delivery.c.state.in_([literal("queued"), literal("sending")]),
        delivery.c.kind == literal(KIND),
        delivery.c.attempts > literal(0),
        delivery.c.address == bindparam("address"),
        delivery.c.channel == bindparam("channel"),
    )
)
_NAMED = Prepared(
    select(event.c.data).where(event.c.ticket_id == bindparam("chain"), event.c.kind == literal(TOLD))
)
_BY_ID = Prepared(select(delivery).where(delivery.c.id == bindparam("id")))
_MESSAGE = Prepared(
    select(tables.message).where(
        tables.message.c.ticket_id == bindparam("ticket_id"), tables.message.c.id == bindparam("id")
    )
)
_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


def outgoing(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    """What the channel is to send for a roundup; None: there is nothing left of it that does not leave by itself."""
    rows = [one for one in _to_say(tx, row) if _still_theirs(tx, one, now=now)]
    if len(rows) < 2:  # noqa: PLR2004 - one alone is an ordinary notice
        for one in rows:
            case = Case.open(tx, one.ticket_id, now=now)
            outbox.hurry(case, one, due=now)
            case.save()
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
        return None
    if tx.one(_NAMED, chain=row.ticket_id) is None:
        record(tx, row.ticket_id, TOLD, now=now, actor="system", deliveries=[one.id for one in rows])
    told = [_about(tx, of_one, now=now) for of_one in _by_ticket(rows)]
    language = tx.facts.language(told[-1]["language"])
    kind = "short/roundup" if reaching.short(row.channel, row.address) else "roundup"
    name = next((one["name"] for one in told if one["name"]), "")
    # A link stands in each, also where there would be buttons: of several requests nobody knows which one a number means.
    subject, text = texts.notice(kind, language, requests=told, name=name, hub=tx.facts.name, in_chat=False)
    return outbox.without_ticket(
        row, subject=subject, text=text, language=language, unsubscribe=subscriptions.link(tx, row, now=now)
    )


def stands_for(tx: Tx, row: Row) -> list[Row]:
    """The deliveries that this one speaks for, wherever they hang now; none before it has left."""
    told = tx.one(_NAMED, chain=row.ticket_id)
    found = [tx.one(_BY_ID, id=one) for one in told.data["deliveries"]] if told is not None else []
    return [one for one in found if one is not None]


def waits_for(tx: Tx, row: Row) -> list[Row]:
    """Of these, or of what it would have been, what has not left."""
    return _to_say(tx, row)


def left(tx: Tx, row: Row, *, detail: str, now: datetime) -> None:
    """The other side took it: so did it what it stands for."""
    for one in stands_for(tx, row):
        if one.state == outbox.COLLECTED:
            key = {"ticket_id": one.ticket_id, "id": one.id}
            tx.update(delivery, key, state="sent", sent_at=now, error="", remote=detail)
            tx.tell("ticket", one.ticket_id)


def _to_say(tx: Tx, row: Row) -> list[Row]:
    if tx.one(_NAMED, chain=row.ticket_id) is not None:
        return [one for one in stands_for(tx, row) if one.state == outbox.COLLECTED]
    where = {"address": row.address, "channel": row.channel}
    others = [one.ticket_id for one in tx.all(_UNDER_WAY, **where) if one.ticket_id != row.ticket_id]
    named = {
        one for chain in others for told in tx.all(_NAMED, chain=chain) for one in told.data["deliveries"]
    }
    return [one for one in tx.all(_COLLECTED, **where) if one.id not in named]


def _still_theirs(tx: Tx, row: Row, *, now: datetime) -> bool:
    of, said = tx.one(_TICKET, id=row.ticket_id), tx.one(_MESSAGE, ticket_id=row.ticket_id, id=row.message_id)
    if said.withdrawn_at is None and participants.may_leave(tx, of, row.thread_id, row.address):
        if not subscriptions.ended(tx, row):
            return True
        subscriptions.not_sent(tx, row, now=now)
        return False
    case = Case.open(tx, row.ticket_id, now=now)
    outbox.not_sent(case, row.id)
    case.event("delivery.withdrawn", actor="system", delivery=row.id, what=row.kind)
    case.save()
    return False


def _by_ticket(rows: Iterable[Row]) -> Iterable[list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.ticket_id, []).append(row)
    return found.values()


def _about(tx: Tx, rows: list[Row], *, now: datetime) -> dict[str, Any]:
    """One request: what it is, how it stands now, and every step since, each as it was told last."""
    case = Case.open(tx, rows[0].ticket_id, now=now)
    steps: list[dict[str, Any]] = []
    link = ""
    for row in rows:
        said = tx.one(_MESSAGE, ticket_id=row.ticket_id, id=row.message_id)
        new = (said.made_from or {}).get("steps", [])
        keys = {step["key"] for step in new}
        steps = [step for step in steps if step["key"] not in keys] + new
        link = workaround_links.within(tx, said, row, now=now) or link
    told = {"state": case["state"], "language": case["language"], "steps": steps, "link": link}
    return notices.about(case) | told
