"""What can be done to a ticket? Each verb is one transaction: guard, change, event, notice, jobs.

Every verb takes the principal who acts and the ticket's number, and raises NotFound (also for what is out of the
principal's scope), Forbidden, Refused (with the moves that are allowed), Stale (with what is newer) or Invalid.
`seen` is the number of the last event the person saw; None: they do not care.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import notices, outbox, people, placing, reports, search, timing
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused, Stale, invalid
from core.desk.principal import HUB, Principal
from core.envelope import Attachment
from core.ids import new_id
from core.rules import workflow
from core.store import fulltext, tables, work
from core.store.tx import Prepared, Tx

MAX_TEXT = 100_000  # characters of a reply or a note
ADDRESS_LIVES = timedelta(days=90)  # reply addresses after closing
CONFIRM_WITHIN_DAYS = 3  # working days until a solved ticket closes by itself
CAUSES = ("hardware", "software", "configuration", "network", "power", "user", "vendor", "security", "other")
"""Cause codes of a resolution."""

WAITING = ("waiting_customer", "waiting_vendor")
STILL = {"waiting_customer": "wait_customer", "resolved": "resolve"}
"""States in which no next update is owed, and what made the clocks stand still."""

message, note_table = tables.message, tables.note

_BY_IDEM = Prepared(
    select(message.c.id).where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.idem == bindparam("idem"),
        message.c.idem != "",
    )
)
_NOTE_BY_IDEM = Prepared(
    select(note_table.c.id).where(
        note_table.c.ticket_id == bindparam("ticket_id"), note_table.c.idem == bindparam("idem")
    )
)
_NEWER = Prepared(
    select(tables.event.c.seq, tables.event.c.kind, tables.event.c.actor, tables.event.c.data)
    .where(tables.event.c.ticket_id == bindparam("ticket_id"), tables.event.c.seq > bindparam("seen"))
    .order_by(tables.event.c.seq)
)
_MESSAGE = Prepared(
    select(message).where(message.c.ticket_id == bindparam("ticket_id"), message.c.id == bindparam("id"))
)


def reply(
    tx: Tx,
    who: Principal,
    number: str,
    text: str,
    *,
    now: datetime,
    seen: int | None = None,
    idem: str = "",
    files: Sequence[Attachment] = (),
    send_after: datetime | None = None,
) -> str:
    """Write to the customer; return the message id. The same `idem` gives the same message again.

    Meets the response clock. Deletes the agent's draft in the same transaction, so that no old text is sent twice.
    """
    case = _open(tx, who, number, now=now)
    _staff(who)
    done = tx.one(_BY_IDEM, ticket_id=case.id, idem=idem) if idem else None
    if done is not None:
        return str(done.id)
    _check_seen(case, who, seen, ("message.in", "message.out"))
    text = _text(text)
    if not case["open"] and case["state"] != "resolved":
        raise Refused(f"{number} is {case['state']}: reopen it, or open a new request", allowed=("reopen",))
    message_id = _say(case, who, text, kind="reply", idem=idem, files=files, due=send_after)
    timing.apply(case, "public_answer")
    if case["state"] in STILL:  # the promise of a next update waits as the others do
        timing.apply(case, STILL[case["state"]])
    _finish(case)
    return message_id


def note(
    tx: Tx,
    who: Principal,
    number: str,
    text: str,
    *,
    now: datetime,
    idem: str = "",
    files: Sequence[Attachment] = (),
) -> str:
    """Tell colleagues; return the note's id. It lives in a table that nothing outgoing reads."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    done = tx.one(_NOTE_BY_IDEM, ticket_id=case.id, idem=idem) if idem else None
    if done is not None:
        return str(done.id)
    text = _text(text)
    note_id = _note(case, who, text, idem=idem)
    outbox.keep_files(tx, case.id, note_id, files, internal=True)
    _drop_draft(case, who, "note")
    case.save()
    return note_id


def qualify(  # noqa: PLR0913 - the fields of a request
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    seen: int | None = None,
    customer: str | None = None,
    contact: str | None = None,
    request_type: str | None = None,
    technology: str | None = None,
    impact: int | None = None,
    urgency: int | None = None,
    asset: str | None = None,
    site: str | None = None,
) -> str:
    """Say what the request is; once all is known the ticket leaves triage with a priority, clocks and a group.

    A field left out keeps its value. `contact`: id or e-mail. Raises Refused naming every missing field, Invalid for
    values the desk does not know.
    """
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    given = {
        "customer": customer,
        "contact": contact,
        "request_type": request_type,
        "technology": technology,
        "impact": impact,
        "urgency": urgency,
        "asset": asset,
        "site": site,
    }
    placing.describe(case, who, {name: value for name, value in given.items() if value not in (None, "")})
    placing.qualify(case, who)
    _finish(case)
    return number


def take(tx: Tx, who: Principal, number: str, *, now: datetime, seen: int | None = None) -> str:
    """Start to work on it: the ticket is mine, the response clock is met."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    if case["state"] == "in_progress" and case["assignee"] == who.id:
        return number
    if case["state"] in ("in_progress", "waiting_customer", "waiting_vendor", "monitoring"):
        _assign(case, who, agent=who.id)
    else:
        _move(case, who, "take")
        case.set(assignee=who.id)
        timing.apply(case, "take")
        notices.progress(case, "taken", agent=who.name)
    _finish(case)
    return number


def assign(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    seen: int | None = None,
    agent: str | None = None,
    group: str | None = None,
) -> str:
    """Give it to a group, an agent (e-mail) of it, or both. An empty agent gives it back to the group."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    if not case["open"]:
        raise Refused(
            f"{number} is {case['state']} and nobody works on it", allowed=workflow.allowed(case["state"])
        )
    if group:
        placing.into_group(case, who, group)
    chosen = None
    if agent:
        found = people.agent_by_email(tx, agent)
        if found is None or not found.active:
            raise invalid("/agent", f"there is no agent {agent}")
        chosen = found.id
    if agent is not None or group is None:
        _assign(case, who, agent=chosen)
    _finish(case)
    return number


def escalate(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    reason: str,
    seen: int | None = None,
    group: str | None = None,
    level: int | None = None,
) -> str:
    """Hand it to the next level, or to this group or level, with a hand-over note for whoever takes it."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    reason = _text(reason, "/reason")
    if case["state"] in WAITING:  # whoever gets it does not wait: the clocks go on
        timing.apply(case, "resume")
    _move(case, who, "escalate")
    placing.escalate(case, who, group=group, level=level)
    case.set(assignee=None)
    _note(case, who, reason)
    notices.progress(case, "escalated")
    _finish(case)
    return number


def wait(
    tx: Tx,
    who: Principal,
    number: str,
    text: str,
    *,
    now: datetime,
    seen: int | None = None,
    idem: str = "",
    files: Sequence[Attachment] = (),
) -> str:
    """Ask the customer something and pause their clocks until they answer."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    if idem and tx.one(_BY_IDEM, ticket_id=case.id, idem=idem) is not None:
        return number
    _check_seen(case, who, seen, ("message.in", "message.out"))
    text = _text(text)
    _move(case, who, "wait_customer")
    _say(case, who, text, kind="reply", idem=idem, files=files)
    timing.apply(case, "public_answer")
    timing.apply(case, "wait_customer")
    _finish(case)
    return number


def resume(tx: Tx, who: Principal, number: str, *, now: datetime, seen: int | None = None) -> str:
    """Go on without the answer we waited for."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    _move(case, who, "resume")
    timing.apply(case, "resume")
    notices.progress(case, "resumed")
    _finish(case)
    return number


def workaround(
    tx: Tx,
    who: Principal,
    number: str,
    text: str,
    *,
    now: datetime,
    seen: int | None = None,
    review_by: datetime | None = None,
) -> str:
    """The service works again by a temporary measure: the restore clock is met, the fix clock goes on."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    text = _text(text)
    _move(case, who, "workaround")
    case.flag("workaround")
    review = review_by or now + timedelta(days=14)
    case.set(resolution=case["resolution"] | {"workaround": text, "review_by": review.isoformat()})
    timing.apply(case, "workaround")
    notices.progress(case, "workaround", text=text, review=reports.said(case, review))
    _finish(case)
    return number


def resolve(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    cause: str,
    text: str,
    minutes: int,
    seen: int | None = None,
) -> str:
    """It is solved: cause code, what the customer is told, minutes of work. Sends the report, version 1.

    A message of the customer that the agent has not seen is reason to look first: Stale.
    """
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("message.in", "ticket."))
    if cause not in CAUSES:
        raise invalid("/cause", f"must be one of {', '.join(CAUSES)}")
    if minutes <= 0:
        raise invalid("/minutes", "must be more than 0: the time somebody worked on it")
    text = _text(text)
    _move(case, who, "resolve", cause=cause, minutes=minutes)
    spent = int(case["resolution"].get("minutes", 0)) + minutes
    case.set(
        resolution=case["resolution"] | {"cause": cause, "text": text, "minutes": spent, "by": who.id},
        resolved_at=now,
    )
    timing.apply(case, "resolve")
    timing.settle(case)
    notices.report(case, "resolved", reports.values(case) | {"days": CONFIRM_WITHIN_DAYS})
    work.set_timer(
        tx,
        shard=case.id,
        key="auto-close",
        kind="auto-close",
        payload={},
        due=reports.working_days_later(case, CONFIRM_WITHIN_DAYS),
        now=now,
    )
    _finish(case)
    return number


def close(tx: Tx, who: Principal, number: str, *, now: datetime, seen: int | None = None) -> str:
    """The customer is content, or has been silent long enough. Sends the final report."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("message.in",))
    _close(case, who)
    return number


def confirm(tx: Tx, who: Principal, number: str, *, now: datetime) -> str:
    """The customer says that it is solved."""
    case = _open(tx, who, number, now=now)
    _close(case, who)
    return number


def close_when_silent(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The time to object is over. Does nothing when the ticket is no longer `resolved`."""
    case = Case.open(tx, ticket_id, now=now)
    if case["state"] == "resolved":
        _close(case, HUB)


def refuse(tx: Tx, who: Principal, number: str, *, now: datetime, reason: str) -> str:
    """The customer says that it is not solved: work goes on."""
    case = _open(tx, who, number, now=now)
    reason = _text(reason, "/reason")
    if case["state"] != "resolved":
        raise Refused(f"{number} is not waiting for a confirmation", allowed=workflow.allowed(case["state"]))
    hear(case, who, reason)
    reopen_case(case, who, why="refused")
    _finish(case)
    return number


def reopen(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, seen: int | None = None
) -> str:
    """Work goes on after all. A closed ticket only within ten days, and by a shift leader or above."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("ticket.",))
    reason = _text(reason, "/reason")
    if case["state"] == "closed":
        if not who.leads:
            raise Forbidden("a closed ticket is reopened by a shift leader or above")
        if now - case["closed_at"] > workflow.REOPEN_WITHIN:
            raise Refused(f"{number} was closed too long ago: open a new request")
    reopen_case(case, who, why="staff")
    _note(case, who, reason)
    _finish(case)
    return number


def cancel(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, seen: int | None = None
) -> str:
    """It was withdrawn, doubled or a test."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("message.in", "ticket."))
    reason = _text(reason, "/reason")
    _move(case, who, "cancel")
    _note(case, who, reason)
    timing.apply(case, "cancel")
    notices.progress(case, "cancelled")
    _end(case)
    _finish(case)
    return number


def approve(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, seen: int | None = None
) -> str:
    """Let work begin although the contract does not say so; who and why are kept as an override of the check."""
    case = _open(tx, who, number, now=now)
    _leader(who)
    _check_seen(case, who, seen, ("ticket.",))
    reason = _text(reason, "/reason")
    if len(reason) < 10:  # noqa: PLR2004 - desk.md 2
        raise invalid("/reason", "say why in at least 10 characters: it is kept as evidence")
    _move(case, who, "approve")
    placing.override(case, who, reason)
    notices.progress(case, "approved")
    placing.after_approval(case, who)
    _finish(case)
    return number


def reject(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, text: str, seen: int | None = None
) -> str:
    """We will not do it: the customer gets `text`, colleagues the reason."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    _check_seen(case, who, seen, ("message.in", "ticket."))
    reason, text = _text(reason, "/reason"), _text(text)
    _move(case, who, "reject")
    _note(case, who, reason)
    notices.rejected(case, text, agent=who.id, author_name=who.name)
    timing.apply(case, "reject")
    _end(case)
    _finish(case)
    return number


def retry_delivery(tx: Tx, who: Principal, number: str, delivery: str, *, now: datetime) -> str:
    """Send again what was given up or came back."""
    case = _open(tx, who, number, now=now)
    _staff(who)
    if not outbox.retry(case, delivery):
        raise Refused("this delivery is on its way or arrived; there is nothing to send again")
    case.event("delivery.retried", actor=who.actor, delivery=delivery)
    case.save()
    return number


# --- For intake: what a message from outside does to a ticket that is open already ------------------------


def hear(case: Case, who: Principal, text: str) -> str:
    """Words of a contact who is signed in, as a message of the first conversation."""
    where = notices.customer_threads(case)[0]
    message_id = new_id()
    case.tx.insert(
        message,
        ticket_id=case.id,
        id=message_id,
        thread_id=where.id,
        channel=where.channel,
        direction="in",
        author_name=who.name,
        author_address=who.email,
        contact=who.id if who.kind == "contact" else None,
        trust="verified",
        subject=case["subject"],
        text=text,
        language=case["language"],
        at=case.now,
    )
    fulltext.index(case.tx, ticket_id=case.id, item_id=message_id, audience="customer", body=text)
    case.event("message.in", actor=who.actor, message=message_id)
    case.set(snippet=snippet(text), last_direction="in")
    return message_id


def customer_wrote(case: Case, *, at: datetime) -> None:
    """The customer answered: what we waited for is there, what was solved is open again."""
    if case["state"] == "waiting_customer":
        at = max(at, case["state_since"])  # one that came before we asked, and was read or taken in after
        _move(case, HUB, "customer_message")
        timing.apply(case, "customer_message", at=at)
    elif case["state"] == "resolved":
        reopen_case(case, HUB, why="customer_message")


def reopen_case(case: Case, who: Principal, *, why: str) -> None:
    """From resolved or closed back to work, for whoever worked on it last. `why`: refused, staff or customer_message."""
    _move(case, who, "reopen", reason=why)
    case.set(resolved_at=None, closed_at=None, open=True)
    case.flag("reopened")
    timing.apply(case, "reopen")
    work.cancel(case.tx, shard=case.id, key="auto-close")
    case.tx.update(tables.reply_address, {"ticket_id": case.id}, expires_at=None)
    notices.progress(case, "reopened")


def snippet(text: str) -> str:
    """First words for a list, on one line.

    >>> snippet("Buongiorno,\\n\\n la rete   non va")
    'Buongiorno, la rete non va'
    """
    return " ".join(text[:600].split())[:160]


# --- Within one verb --------------------------------------------------------------------------------------


def _open(tx: Tx, who: Principal, number: str, *, now: datetime) -> Case:
    return Case.open(tx, search.find(tx, who, number).id, now=now)


def _staff(who: Principal) -> None:
    if who.kind == "contact":
        message = "only staff may do this"
        raise Forbidden(message)


def _leader(who: Principal) -> None:
    _staff(who)
    if not (who.leads or who.kind == "system"):
        message = "a shift leader, a supervisor or an administrator approves"
        raise Forbidden(message)


def _check_seen(case: Case, who: Principal, seen: int | None, kinds: Sequence[str]) -> None:
    """Did somebody else do something of these kinds since?"""
    if seen is None or seen >= case.last_event:
        return
    newer = [
        row
        for row in case.tx.all(_NEWER, ticket_id=case.id, seen=seen)
        if row.kind.startswith(tuple(kinds)) and row.actor not in (who.actor, "system")
    ]
    if newer:
        messages = [
            case.tx.one(_MESSAGE, ticket_id=case.id, id=row.data["message"])
            for row in newer
            if row.kind.startswith("message.")
        ]
        raise Stale(
            "somebody did something on this ticket since you looked: read it, then decide",
            newer=messages or newer,
            last_event=case.last_event,
        )


def _move(case: Case, who: Principal, event: str, **data: Any) -> None:
    try:
        to = workflow.move(case["state"], event)
    except workflow.MoveRefused as refusal:
        raise Refused(str(refusal), allowed=refusal.allowed) from None
    case.event(f"ticket.{event}", actor=who.actor, **{"from": case["state"], "to": to}, **data)
    case.set(state=to, state_since=case.now, open=workflow.is_open(to))


def _say(
    case: Case,
    who: Principal,
    text: str,
    *,
    kind: str,
    idem: str,
    files: Sequence[Attachment],
    due: datetime | None = None,
) -> str:
    notices.overtaken(case)
    message_id, deliveries = "", 0
    for where in notices.customer_threads(case):
        said = outbox.say(
            case,
            where,
            kind=kind,
            subject=case["subject"],
            text=text,
            automatic=False,
            language=case["language"],
            agent=who.id,
            author_name=who.name,
            files=files,
            idem=idem,
            due=due,
        )
        message_id = message_id or said.message_id
        deliveries += said.deliveries
    if not deliveries:
        raise Refused("this ticket has no conversation with the customer: add a contact first")
    case.event("message.out", actor=who.actor, message=message_id)
    case.set(snippet=snippet(text), last_direction="out")
    _drop_draft(case, who, "reply")
    return message_id


def _note(case: Case, who: Principal, text: str, *, idem: str = "") -> str:
    note_id = new_id()
    case.tx.insert(note_table, ticket_id=case.id, id=note_id, agent=who.id, text=text, at=case.now, idem=idem)
    fulltext.index(case.tx, ticket_id=case.id, item_id=note_id, audience="internal", body=text)
    case.event("note.added", actor=who.actor, note=note_id)
    return note_id


def _drop_draft(case: Case, who: Principal, kind: str) -> None:
    case.tx.run(_NO_DRAFT, ticket_id=case.id, agent=who.id, kind=kind)


_NO_DRAFT = Prepared(
    tables.draft.delete().where(
        tables.draft.c.ticket_id == bindparam("ticket_id"),
        tables.draft.c.agent == bindparam("agent"),
        tables.draft.c.kind == bindparam("kind"),
    )
)


def _assign(case: Case, who: Principal, *, agent: str | None) -> None:
    if case["assignee"] != agent:
        case.event("ticket.assigned", actor=who.actor, agent=agent, **{"from": case["assignee"]})
        case.set(assignee=agent)


def _close(case: Case, who: Principal) -> None:
    _move(case, who, "close")
    case.set(closed_at=case.now)
    timing.apply(case, "close")
    timing.settle(case)
    notices.report(case, "closed", reports.values(case))
    _end(case)
    _finish(case)


def _end(case: Case) -> None:
    """Nothing waits for a ticket that has ended, and its reply addresses lapse one day."""
    work.cancel(case.tx, shard=case.id, key="auto-close")
    expires = case.now + ADDRESS_LIVES
    case.tx.update(tables.reply_address, {"ticket_id": case.id}, expires_at=expires)


def _finish(case: Case) -> None:
    timing.settle(case)
    case.save()


def _text(text: str, pointer: str = "/text") -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise invalid(pointer, "must not be empty")
    if len(text) > MAX_TEXT:
        raise invalid(pointer, f"must have at most {MAX_TEXT:,} characters; it has {len(text):,}")
    return text
