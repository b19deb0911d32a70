"""What is done to a ticket while work goes on? Each verb is one transaction: guard, change, event, notice, jobs.

Every verb takes the principal who acts and the ticket's number, and raises NotFound (also for what is out of the
principal's scope), Forbidden, Refused (with the moves that are allowed), Stale (with what is newer) or Invalid.
`seen` is the number of the last event the person saw; None: they do not care. How it ends is in core.desk.resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from core import chat_addresses
from core.desk import (
    acts,
    describing,
    no_answer,
    notices,
    outbox,
    participants,
    people,
    placing,
    promises,
    restraint,
    returns,
    timing,
    workarounds,
)
from core.desk.case import Case
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.desk.scope import find
from core.envelope import Address, Attachment, BadAddress
from core.rules import workflow
from core.store import tables
from core.store.tx import Prepared, Tx

WAITING = ("waiting_customer", "waiting_vendor")
UNKNOWN = ("received", "triage")
"""States in which it is not yet known what is wanted."""
STILL = {"waiting_customer": "wait_customer", "resolved": "resolve"}
"""States in which no next update is owed, and what made the clocks stand still."""


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
    by: Mapping[str, str] | None = None,
    from_now_on: bool = False,
    promise_by: str | datetime | None = None,
) -> str:
    """Write to the customer; return the message id. The same `idem` gives the same message again.

    `by`: the address where somebody would be answered, to another one of theirs, for this answer or from now on.
    `promise_by`: by when they hear from us again (`promises.meant`), which the message says; "none": that was decided.
    Meets the response clock. Deletes the agent's draft in the same transaction, so that no old text is sent twice.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    if (done := acts.said_before(case, idem)) is not None:
        return done
    acts.check_seen(case, who, seen, ("message.in", "message.out"))
    text = acts.plain(text)
    if not case["open"] and case["state"] != "resolved":
        raise Refused(f"{number} is {case['state']}: reopen it, or open a new request", allowed=("reopen",))
    promised = promises.meant(case, promise_by)
    if promised is not None and send_after is not None and promised <= send_after:
        raise invalid("/promise_by", "is over when the message leaves: promise a time after send_after")
    text = promises.with_words(case, text, promised)
    message_id = acts.say(
        case, who, text, kind="reply", idem=idem, files=files, due=send_after, by=by, from_now_on=from_now_on
    )
    restraint.answered(tx, case.id)
    timing.apply(case, "public_answer")
    promises.spoken(case, who, promise_by, due=promised, message=message_id)
    if case["state"] in STILL:  # the promise of a next update waits as the others do
        timing.apply(case, STILL[case["state"]])
    acts.finish(case)
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
    """Tell colleagues; return the note's id. It lives in a table that nothing outgoing reads.

    Whoever follows the ticket may too.
    """
    case = Case.open(tx, find(tx, who, number).id, now=now)
    acts.only_staff(who)
    done = tx.one(_NOTE_BY_IDEM, ticket_id=case.id, idem=idem) if idem else None
    if done is not None:
        return str(done.id)
    text = acts.plain(text)
    note_id = acts.note(case, who, text, idem=idem)
    outbox.keep_files(case, note_id, files, internal=True)
    acts.drop_draft(case, who, "note")
    case.save()
    return note_id


_NOTE_BY_IDEM = Prepared(
    select(tables.note.c.id).where(
        tables.note.c.ticket_id == bindparam("ticket_id"), tables.note.c.idem == bindparam("idem")
    )
)


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
    safety: bool | None = None,
) -> str:
    """Say what the request is; once all is known the ticket leaves triage with a priority, clocks and a group.

    A field left out keeps its value. `contact`: id or e-mail. `safety`: people are in danger, which makes it P2 at least.
    Raises Refused naming every missing field, Invalid for
    values the desk does not know.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
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
    fields = {name: value for name, value in given.items() if value not in (None, "")}
    handed_over = describing.describe(case, who, fields)
    if safety is not None:
        case.flag("safety", on=safety)
    placing.qualify(case, who, handed_over=handed_over)
    acts.finish(case)
    return number


def take(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    seen: int | None = None,
    at: datetime | None = None,
) -> str:
    """Start to work on it: the ticket is mine, the response clock is met. In a chat, also before it is known what it is about.

    `at`: when the work began; None, now.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    if case["state"] in ("in_progress", *UNKNOWN) and case["assignee"] == who.id:
        return number
    first = case["chat"] is not None and case["state"] in UNKNOWN  # one talks, and knows then what it is
    if first or case["state"] in ("in_progress", "waiting_customer", "waiting_vendor", "monitoring"):
        _assign(case, who, agent=who.id)
    else:
        since = acts.when(case, at)
        acts.move(case, who, "take", at=since)
        case.set(assignee=who.id)
        timing.apply(case, "take", at=since)
        notices.progress(case, "taken", agent=who.name)
    acts.finish(case)
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
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    if not case["open"]:
        raise Refused(
            f"{number} is {case['state']} and nobody works on it", allowed=workflow.allowed(case["state"])
        )
    level = case["level"]
    if group:
        placing.into_group(case, who, group)
    if case["level"] > level:
        notices.progress(case, "escalated")
    chosen = None
    if agent:
        found = people.agent_by_email(tx, agent)
        if found is None or not found.active:
            raise invalid("/agent", f"there is no agent {agent}")
        chosen = found.id
    if agent is not None or group is None:
        _assign(case, who, agent=chosen)
    acts.finish(case)
    return number


def _assign(case: Case, who: Principal, *, agent: str | None) -> None:
    if case["assignee"] != agent:
        case.event("ticket.assigned", actor=who.actor, agent=agent, **{"from": case["assignee"]})
        case.set(assignee=agent)


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
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    reason = acts.plain(reason, "/reason")
    if case["state"] in WAITING:  # whoever gets it does not wait: the clocks go on
        timing.apply(case, "resume")
    acts.move(case, who, "escalate")
    placing.escalate(case, who, group=group, level=level)
    case.set(assignee=None)
    acts.note(case, who, reason)
    notices.progress(case, "escalated")
    acts.finish(case)
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
    promise_by: str | datetime | None = None,
    at: datetime | None = None,
) -> str:
    """Ask the customer something and pause their clocks until they answer. `promise_by`: as in `reply`.

    `at`: since when they have the ball, where they were asked before by telephone; None, now.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    if acts.said_before(case, idem) is not None:
        return number
    acts.check_seen(case, who, seen, ("message.in", "message.out"))
    text = acts.plain(text)
    since = acts.when(case, at)
    acts.move(case, who, "wait_customer", at=since)
    promised = promises.meant(case, promise_by)
    text = promises.with_words(case, text, promised)
    message_id = acts.say(case, who, text, kind="reply", idem=idem, files=files)
    timing.apply(case, "public_answer")
    promises.spoken(case, who, promise_by, due=promised, message=message_id)
    timing.apply(case, "wait_customer", at=since)
    no_answer.watch(case)
    acts.finish(case)
    return number


def resume(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    seen: int | None = None,
    at: datetime | None = None,
) -> str:
    """Go on without the answer we waited for. `at`: since when; None, now."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    since = acts.when(case, at, after=case["state_since"])
    acts.move(case, who, "resume", at=since)
    timing.apply(case, "resume", at=since)
    notices.progress(case, "resumed")
    acts.finish(case)
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
    at: datetime | None = None,
) -> str:
    """The service works again by a temporary measure: the restore clock is met, the fix clock goes on.

    The customer is asked whether it works. `at`: since when it does; None, now. `review_by`: when it is looked at again, not after
    the fix is due; None: in 14 days, or when that is.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    text = acts.plain(text)
    since = acts.when(case, at)
    workarounds.apply(case, who, text, since=since, review_by=review_by)
    acts.finish(case)
    return number


def include(
    tx: Tx, who: Principal, number: str, *, now: datetime, address: str, seen: int | None = None
) -> str:
    """Write to this person too, whosever contact they are: nobody but staff brings an outsider into a conversation."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    participants.include(case, who, _mailable(address))
    acts.finish(case)
    return number


def exclude(
    tx: Tx, who: Principal, number: str, *, now: datetime, address: str, seen: int | None = None
) -> str:
    """Write to this person no more. What they write waits for staff, unless it is their request."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    person = _mailable(address)
    excluded = participants.exclude(case, who, person.key)
    if not excluded:
        raise invalid("/address", f"{address} is not of this conversation")
    outbox.withdraw(case, excluded)
    acts.finish(case)
    return number


def _mailable(address: str) -> Address:
    try:
        person = Address(address.strip())
    except BadAddress as error:
        raise invalid("/address", str(error)) from None
    if not chat_addresses.is_chat(person.key) and (not person.domain or person.key.startswith("@")):
        raise invalid("/address", f"{address!r} is no address that can be written to")
    return person


def retry_delivery(tx: Tx, who: Principal, number: str, delivery: str, *, now: datetime) -> str:
    """Send again what was given up or came back."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    if not returns.retry(case, delivery):
        raise Refused(
            "this delivery is on its way or arrived; there is nothing to send again",
            code="delivery_under_way",
        )
    case.event("delivery.retried", actor=who.actor, delivery=delivery)
    case.save()
    return number
