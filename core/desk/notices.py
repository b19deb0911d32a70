"""What is the customer told without anybody writing it? Acknowledgement, progress, closing report.

Each goes to every person of the ticket once (core.desk.answering), on their channel, in the customer's language, as deliveries
in the transaction of its cause. Moves within a minute become one notice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core import chat_addresses, texts
from core.desk import answering, outages, outbox, quiet, reference
from core.desk.case import Case
from core.desk.chat_buttons import Offer
from core.desk.participants import Participant
from core.envelope import Address
from core.rules import reaching
from core.store import tables, work
from core.store.tx import Prepared, Row

TOGETHER = timedelta(seconds=60)
"""Moves within this time are told together."""

_COVERED = {
    "accept": "covered",
    "accept_with_warning": "warning",
    "route_sales": "sales",
    "hold_for_approval": "approval",
}

_PENDING = Prepared(
    select(tables.message)
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.thread_id == bindparam("thread_id"),
        tables.message.c.kind == "progress",
    )
    .order_by(tables.message.c.id.desc())
    .limit(1)
)
_TOUCHED = Prepared(
    select(tables.delivery.c.id).where(
        tables.delivery.c.ticket_id == bindparam("ticket_id"),
        tables.delivery.c.message_id == bindparam("message_id"),
        ~outbox.WAITS | (tables.delivery.c.attempts > 0),
    )
)
_HELD = Prepared(
    select(tables.delivery.c.id)
    .where(
        tables.delivery.c.ticket_id == bindparam("ticket_id"),
        tables.delivery.c.message_id == bindparam("message_id"),
    )
    .order_by(tables.delivery.c.id)
    .with_for_update()
)
_QUEUED = Prepared(
    select(tables.delivery).where(
        tables.delivery.c.ticket_id == bindparam("ticket_id"),
        tables.delivery.c.message_id == bindparam("message_id"),
        outbox.WAITS,
    )
)


def zone_of(case: Case) -> ZoneInfo:
    """The zone times are told in: the customer's, else the hub's."""
    customer = reference.customer(case.tx, case["customer"]) if case["customer"] else None
    return ZoneInfo(customer.time_zone) if customer else case.tx.facts.zone


def received(
    case: Case, where: Row, *, plain: bool, next_open: datetime | None, only: Address, answers: str
) -> None:
    """The acknowledgement, to who wrote. `plain`: without a word of theirs, a name or what their contract says.

    `answers`: the id of the message that is acknowledged; empty: it is not named.
    """
    language = case["language"]
    if plain:
        subject, text = _notice(
            where, "received_unknown", language, number=case["number"], hub=case.tx.facts.name
        )
    else:
        covered = _COVERED.get(case["decision"], "")
        if case["verdict"] == "covered_outside_window":
            covered = "outside"
        if covered in ("covered", "outside") and not case["contract"]:
            covered = ""
        subject, text = _notice(
            where,
            "received",
            language,
            **about(case),
            covered=covered,
            contract=case["contract"],
            next_open=texts.instant(next_open, zone_of(case), language) if next_open else "",
            outages=[_outage(case, one) for one in outages.mention(case, where.channel, only)],
        )
    outbox.say(
        case,
        where,
        (only,),
        kind="received",
        subject=subject,
        text=text,
        automatic=True,
        language=language,
        answers=answers,
    )


def _notice(where: Row, kind: str, language: str, **values: Any) -> tuple[str, str]:
    """Subject and text, as long as the channel of the conversation lets people read or hear."""
    if not reaching.short(where.channel, where.address):
        return texts.notice(kind, language, **values)
    return texts.notice(f"short/{kind}", language, in_chat=chat_addresses.is_chat(where.address), **values)


def _outage(case: Case, known: outages.Known) -> dict[str, str]:
    zone, language = zone_of(case), case["language"]
    return {
        "title": known.title,
        "text": known.news or known.text,
        "since": texts.instant(known.since, zone, language),
        "next_update": texts.instant(known.next_update, zone, language) if known.next_update else "",
    }


def progress(
    case: Case,
    key: str,
    *,
    only: str | None = None,
    offers: Sequence[Offer] = (),
    at_once: bool = False,
    **values: Any,
) -> None:
    """Tell every conversation of the ticket about a move. `key` is a step of `notices/*/progress.txt`.

    `only`: a conversation; who is answered in another one is not told. `offers`: what can be chosen in a chat. It leaves in a minute (`at_once`: now), or when it may
    (core.desk.quiet); what is told while it waits becomes one with it. What goes beyond somebody's share of an hour is told
    together with what waits of their other requests (core.desk.collecting).
    """
    language, step = case["language"], {"key": key, **values}
    due = case.now + (timedelta(0) if at_once else TOGETHER)
    for place in answering.places(case, kind="progress", automatic=True):
        where, steps = place.where, [step]
        if only is not None and where.id != only:
            continue
        pending = case.tx.one(_PENDING, ticket_id=case.id, thread_id=where.id)
        if pending is not None and _waits(case, pending):
            made_from = pending.made_from or {}
            steps = [s for s in made_from.get("steps", []) if s["key"] != key] + steps
            _, text = _notice(where, "progress", language, **about(case), steps=steps, link=_link(steps))
            change = {"text": text, "made_from": {**made_from, "steps": steps, **_kept(offers)}}
            outbox.offer(case, pending, place.people, offers)
            case.tx.update(tables.message, {"ticket_id": case.id, "id": pending.id}, **change)
            _sooner(case, pending, due)
            continue
        leaves = quiet.leaves(case, where, place.people, kind="progress", due=due, zone=zone_of(case))
        leaves, collected = quiet.shared(case, where, place.people, leaves)
        until = min(leaves.values(), default=due)
        subject, text = _notice(where, "progress", language, **about(case), steps=steps, link=_link(steps))
        outbox.say(
            case,
            where,
            place.people,
            kind="progress",
            subject=subject,
            text=text,
            automatic=True,
            language=language,
            due=due,
            leaves=leaves,
            collected=collected,
            made_from={"steps": steps}
            | ({"until": until.isoformat()} if until > due else {})
            | _kept(offers),
            offers=offers,
        )


def _link(steps: Sequence[Mapping[str, Any]]) -> str:
    """What stands for the link by which one answers, where a step asks something."""
    return next((str(step["place"]) for step in steps if step.get("asks")), "")


def _kept(offers: Sequence[Offer]) -> dict[str, Any]:
    return {"offers": [[str(one.act), one.value, one.label] for one in offers]} if offers else {}


def _waits(case: Case, pending: Row) -> bool:
    """Has this notice not left yet, for anybody?"""
    if pending.withdrawn_at is not None or case.now >= _until(pending):
        return False
    return not _touched(case, pending.id)


def _touched(case: Case, message_id: str) -> bool:
    """Has anybody begun to send it? Where others work at once, who just begins is waited for: they have its words already."""
    of = {"ticket_id": case.id, "message_id": message_id}
    if case.tx.one(_TOUCHED, **of) is not None:
        return True
    if case.tx.is_sqlite:
        return False
    case.tx.all(_HELD, **of)
    return case.tx.one(_TOUCHED, **of) is not None


def _until(pending: Row) -> datetime:
    put_off = (pending.made_from or {}).get("until")
    until: datetime = datetime.fromisoformat(put_off) if put_off else pending.at + TOGETHER
    return until


def _sooner(case: Case, pending: Row, due: datetime) -> None:
    """What waited for the morning waits no longer once the request is urgent."""
    if _until(pending) > due and quiet.urgent(case):
        _hurry(case, pending, due)


def take_back(case: Case, thread_id: str, key: str) -> bool:
    """The notice of this move alone does not leave, if it is still here; say whether it was."""
    pending = case.tx.one(_PENDING, ticket_id=case.id, thread_id=thread_id)
    steps = (pending.made_from or {}).get("steps", []) if pending is not None else []
    if [step["key"] for step in steps] != [key] or pending.withdrawn_at is not None:
        return False
    if _touched(case, pending.id):
        return False
    for row in case.tx.all(_QUEUED, ticket_id=case.id, message_id=pending.id):
        outbox.not_sent(case, row.id)
    case.tx.update(tables.message, {"ticket_id": case.id, "id": pending.id}, withdrawn_at=case.now)
    return True


def overtaken(case: Case) -> None:
    """Somebody tells the customer more than the notice that is still waiting would: send that one now, before it."""
    for where in answering.conversations(case):
        pending = case.tx.one(_PENDING, ticket_id=case.id, thread_id=where.id)
        if pending is not None and case.now < _until(pending):
            _hurry(case, pending, case.now)


def _hurry(case: Case, pending: Row, due: datetime) -> None:
    put_off = _until(pending) > pending.at + TOGETHER
    for row in case.tx.all(_QUEUED, ticket_id=case.id, message_id=pending.id):
        if put_off:
            outbox.hurry(case, row, due=due)
        else:
            work.hasten(case.tx, shard=case.id, key=f"send:{row.id}", now=due)


def report(
    case: Case, kind: str, *, report: str, paper: tuple[str, str], version: int, **values: Any
) -> None:
    """The closing report: version 1 with `resolved`, the final one with `closed`. Its words, and the paper that goes with it.

    Where it has to wait for the morning, it says what a notice that waits there would have said.
    """
    for place in answering.places(case, kind=kind, automatic=True):
        where = place.where
        leaves = quiet.leaves(case, where, place.people, kind=kind, due=case.now, zone=zone_of(case))
        if all(at <= case.now for at in leaves.values()):
            overtaken(case)
        else:
            _instead(case, where)
        subject, text = _notice(
            where,
            kind,
            case["language"],
            **about(case),
            report=report,
            solution=case["resolution"].get("text", ""),
            **values,
        )
        outbox.say(
            case,
            where,
            place.people,
            kind=kind,
            subject=subject,
            text=text,
            automatic=True,
            language=case["language"],
            leaves=leaves,
            made_from={"report": version, "paper": list(paper)},
        )


def _instead(case: Case, where: Row) -> None:
    """What waits in this conversation is not sent: what comes after it says more."""
    pending = case.tx.one(_PENDING, ticket_id=case.id, thread_id=where.id)
    if pending is not None and _waits(case, pending):
        for row in case.tx.all(_QUEUED, ticket_id=case.id, message_id=pending.id):
            outbox.not_sent(case, row.id)


def rejected(case: Case, text: str, *, agent: str, author_name: str) -> None:
    """The answer that goes with a rejection: a person's words."""
    for place in answering.places(case, kind="rejected", automatic=False):
        where = place.where
        subject, body = _notice(where, "rejected", case["language"], **about(case), text=text)
        outbox.say(
            case,
            where,
            place.people,
            kind="rejected",
            subject=subject,
            text=body,
            automatic=False,
            language=case["language"],
            agent=agent,
            author_name=author_name,
        )


def incident(
    case: Case, text: str, *, to: Collection[str], agent: str, author_name: str, idem: str
) -> tuple[str, int]:
    """A person's words about an incident that the ticket is a part of, to these people; message id and deliveries.

    `to`: persons as `participants.Participant.who` names them.
    """
    message_id, count = "", 0

    def meant(told: Sequence[Participant]) -> list[Participant]:
        return [one for one in told if one.who in to]

    for place in answering.places(case, kind="incident", automatic=False, choose=meant):
        if not place.people:
            continue
        where, language = place.where, case["language"]
        subject, body = _notice(where, "incident", language, **about(case), text=text)
        said = outbox.say(
            case,
            where,
            place.people,
            kind="incident",
            subject=subject,
            text=body.strip(),
            automatic=False,
            language=language,
            agent=agent,
            author_name=author_name,
            idem=idem,
        )
        message_id, count = message_id or said.message_id, count + said.deliveries
    return message_id, count


def title(case: Case) -> str:
    """What the ticket is called to who asks now."""
    if case["requester_since"] is None:
        return str(case["subject"])
    return texts.title(case["language"], number=case["number"])


def about(case: Case) -> dict[str, Any]:
    """What every notice may say of its request."""
    facts = case.tx.facts
    return {
        "subject": title(case),
        "number": case["number"],
        "name": case["requester_name"] if case["contact"] else "",
        "hub": facts.name,
        "portal": f"{facts.public_url}/portal/requests/{case['number']}" if case["contact"] else "",
    }
