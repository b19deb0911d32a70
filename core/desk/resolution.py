"""What is decided about a request? That it is done at all, that it is solved, that it is over, or that work goes on.

Principal, number, `seen` and what is raised are as in core.desk.tickets.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core import texts
from core.desk import (
    activities,
    acts,
    entitle,
    follow_ups,
    guarding,
    ledger,
    notices,
    papers,
    placing,
    problems,
    promises,
    reports,
    timing,
    vendor_rows,
    visit_ends,
    workarounds,
)
from core.desk.case import Case
from core.desk.errors import Forbidden, Refused, invalid
from core.desk.papers import Made
from core.desk.principal import HUB, Principal
from core.rules import workflow
from core.store import work
from core.store.tx import Tx

CONFIRM_WITHIN_DAYS = 3  # working days until a solved ticket closes by itself
MOST_WHY = 300
"""Characters of why a report takes the place of another."""
STILL_OPEN = "still_open"
"""Kind of the task that names what is not over on a ticket that ends, or would."""
CAUSES = ("hardware", "software", "configuration", "network", "power", "user", "vendor", "security", "other")
"""Cause codes of a resolution by a person."""
NO_ANSWER = "no_answer"
"""The cause of one by the hub: the customer did not say what was asked."""


def approve(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    reason: str,
    until: datetime | None = None,
    seen: int | None = None,
) -> str:
    """Let work begin although the contract does not say so; who, why and until when are kept as an override of the check.

    `until` None: to the end of the contract's last day. Raises Invalid for a reason of less than 10 characters.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_leaders(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    reason = acts.plain(reason, "/reason")
    acts.move(case, who, "approve")
    entitle.override(case, by=who.actor, reason=reason, until=until)
    notices.progress(case, "approved")
    placing.after_approval(case, who)
    acts.finish(case)
    return number


def override(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    reason: str,
    until: datetime,
    seen: int | None = None,
) -> str:
    """Let the work on a ticket go on in spite of its check, until an instant; a ticket that waits for approval is approved.

    Shift leader, supervisor or administrator. When it lapses a task asks what is to be done; nothing changes by itself.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_leaders(who)
    if case["state"] == "on_hold":
        return approve(tx, who, number, now=now, reason=reason, until=until, seen=seen)
    acts.check_seen(case, who, seen, ("ticket.",))
    if not case["open"]:
        raise Refused(f"{number} is {case['state']}", allowed=workflow.allowed(case["state"]))
    entitle.override(case, by=who.actor, reason=acts.plain(reason, "/reason"), until=until)
    acts.finish(case)
    return number


def reject(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, text: str, seen: int | None = None
) -> str:
    """We will not do it: the customer gets `text`, colleagues the reason."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("message.in", "ticket."))
    reason, text = acts.plain(reason, "/reason"), acts.plain(text)
    acts.move(case, who, "reject")
    acts.note(case, who, reason)
    notices.rejected(case, text, agent=who.id, author_name=who.name)
    timing.apply(case, "reject")
    ledger.give_back(case, "rejected", actor=who.actor)
    _end(case)
    acts.finish(case)
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
    tests: str = "",
    limits: str = "",
    safety: str = "",
    next_steps: str = "",
    seen: int | None = None,
    overrides: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> str:
    """It is solved: cause code, what the customer is told, minutes of work. Sends the report, version 1.

    `tests` (and how it stands at hand-over), `limits` (and reserves), `safety` (what is dangerous there) and `next_steps` are parts of the
    report; empty: it says what was noted at the end of a visit, if anything was.
    A message of the customer that the agent has not seen is reason to look first: Stale. So is what is not over yet
    (`guarding`), unless `overrides` says against each reason why. `at`: when it was solved; None, now.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("message.in", "ticket."))
    if cause not in CAUSES:
        raise invalid("/cause", f"must be one of {', '.join(CAUSES)}")
    if minutes <= 0:
        raise invalid("/minutes", "must be more than 0: the time somebody worked on it")
    text = acts.plain(text)
    more = {"tests": tests, "limits": limits, "safety": safety, "next_steps": next_steps}
    more = {name: acts.plain(words, f"/{name}") if words.strip() else "" for name, words in more.items()}
    since = acts.when(case, at)
    acts.move(case, who, "resolve", at=since, cause=cause, minutes=minutes)
    guarding.guard(case, who, overrides or {}, act="resolve")
    activities.enter(case, who, minutes=minutes, at=since)
    spent = int(case["resolution"].get("minutes", 0)) + minutes
    case.set(
        resolution={name: told for name, told in case["resolution"].items() if name not in more}
        | {"cause": cause, "text": text, "minutes": spent, "by": who.id}
        | {name: words for name, words in more.items() if words},
        resolved_at=since,
    )
    timing.apply(case, "resolve", at=since)
    workarounds.ended(case)
    promises.spoken(case, who)
    timing.settle(case)
    _report(case, who)
    problems.look(case)
    acts.finish(case)
    return number


def resolve_unanswered(case: Case) -> bool:
    """Nobody answered what we asked, for as long as was agreed: it counts as solved. Says whether it does.

    What is not over keeps it waiting, and whoever has it is asked to see to that. Words and cause are the hub's.
    """
    left = guarding.obstacles(case)
    if left:
        follow_ups.ask(case, STILL_OPEN, reasons=[str(one.reason) for one in left], due=case.now)
        return False
    _, text = texts.notice("no_answer", case["language"])
    acts.move(case, HUB, "resume")
    timing.apply(case, "resume")
    acts.move(case, HUB, "resolve", cause=NO_ANSWER, minutes=0)
    case.set(resolution=case["resolution"] | {"cause": NO_ANSWER, "text": text.strip()}, resolved_at=case.now)
    timing.apply(case, "resolve")
    workarounds.ended(case)
    timing.settle(case)
    _report(case, HUB)
    acts.finish(case)
    return True


def recovered(case: Case, text: str, *, cause: str, at: datetime) -> None:
    """It is over by itself, and nobody had it in hand: solved since `at`. The words are the hub's."""
    acts.move(case, HUB, "recover", cause=cause, minutes=0)
    case.set(resolution=case["resolution"] | {"cause": cause, "text": text}, resolved_at=case.now)
    timing.apply(case, "recover", at=at)
    timing.settle(case)
    _report(case, HUB)
    problems.look(case)
    acts.finish(case)


def _report(case: Case, who: Principal) -> None:
    """What was done goes to the customer, who has some days to object."""
    made = papers.close_report(case, who, final=False)
    notices.report(case, "resolved", **_paper(made), days=CONFIRM_WITHIN_DAYS)
    _close_later(case, CONFIRM_WITHIN_DAYS)


def _paper(made: Made) -> dict[str, Any]:
    return {"report": made.text.strip(), "paper": (made.shard, made.id), "version": made.n}


def _close_later(case: Case, days: int) -> None:
    work.set_timer(
        case.tx,
        shard=case.id,
        key="auto-close",
        kind="auto-close",
        payload={},
        due=reports.working_days_later(case, days),
        now=case.now,
    )


def correct(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    why: str,
    text: str = "",
    tests: str = "",
    limits: str = "",
    safety: str = "",
    next_steps: str = "",
    seen: int | None = None,
) -> str:
    """The report of a solved or closed ticket was wrong, or did not say all: another version takes its place and goes to the customer.

    `why`: for the customer, on the paper. Of the others (the solution, and parts as in `resolve`) those that say something take the place of what
    was said. Raises Refused for a ticket that has no report in force.
    """
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.", "paper."))
    why = " ".join(acts.plain(why, "/why").split())
    if len(why) > MOST_WHY:
        raise invalid("/why", f"must have at most {MOST_WHY} characters; it has {len(why)}")
    if case["state"] not in ("resolved", "closed"):
        raise Refused(f"{number} is {case['state']}: its report is made when it is solved", code="no_report")
    given = {"text": text, "tests": tests, "limits": limits, "safety": safety, "next_steps": next_steps}
    said = {name: acts.plain(words, f"/{name}") for name, words in given.items() if words.strip()}
    case.set(resolution=case["resolution"] | said)
    made = papers.close_report(case, who, final=case["state"] == "closed", why=why)
    notices.report(case, "corrected", **_paper(made), why=why)
    acts.finish(case)
    return number


def close(
    tx: Tx,
    who: Principal,
    number: str,
    *,
    now: datetime,
    seen: int | None = None,
    overrides: Mapping[str, str] | None = None,
) -> str:
    """The customer is content, or has been silent long enough. Sends the final report. `overrides`: as in `resolve`."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("message.in",))
    _close(case, who, overrides=overrides or {})
    return number


def confirm(tx: Tx, who: Principal, number: str, *, now: datetime) -> str:
    """The customer says that it is solved."""
    confirmed(acts.begin(tx, who, number, now=now), who)
    return number


def confirmed(case: Case, who: Principal) -> None:
    """The same of a ticket in hand. Raises Refused when it is not solved.

    The customer's word ends it whatever else there is: that is for whoever solved it to see to, and they are asked to.
    """
    left = guarding.obstacles(case) if case["state"] == "resolved" else ()
    if left:
        follow_ups.ask(case, STILL_OPEN, reasons=[str(one.reason) for one in left])
    _close(case, who)


def close_when_silent(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The time to object is over. Does nothing when the ticket is no longer `resolved`.

    What is not over keeps it open for one more working day, and whoever solved it is asked to see to that.
    """
    case = Case.open(tx, ticket_id, now=now)
    if case["state"] != "resolved":
        return
    left = guarding.obstacles(case)
    if not left:
        _close(case, HUB)
        return
    follow_ups.ask(case, STILL_OPEN, reasons=[str(one.reason) for one in left], due=now)
    case.event("ticket.close_held", actor="system", reasons=[str(one.reason) for one in left])
    _close_later(case, 1)
    case.save()


def refuse(tx: Tx, who: Principal, number: str, *, now: datetime, reason: str) -> str:
    """The customer says that it is not solved: work goes on."""
    case = acts.begin(tx, who, number, now=now)
    reason = acts.plain(reason, "/reason")
    _only_solved(case, who)
    acts.hear(case, who, reason)
    reopen_case(case, who, why="refused")
    acts.finish(case)
    return number


def refused(case: Case, who: Principal) -> None:
    """The same of a ticket in hand, at once; why, they say afterwards. Raises Refused when it is not solved."""
    _only_solved(case, who)
    reopen_case(case, who, why="refused")
    acts.finish(case)


def _only_solved(case: Case, who: Principal) -> None:
    if case["state"] != "resolved":
        raise Refused(
            acts.gone_on(case, who) or f"{case['number']} is not waiting for a confirmation",
            allowed=workflow.allowed(case["state"]),
        )


def reopen(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, seen: int | None = None
) -> str:
    """Work goes on after all. A closed ticket only within ten days, and by a shift leader or above."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("ticket.",))
    reason = acts.plain(reason, "/reason")
    if case["state"] == "closed":
        if not who.leads:
            raise Forbidden("a closed ticket is reopened by a shift leader or above", code="reopen_closed")
        if now - case["closed_at"] > workflow.REOPEN_WITHIN:
            raise Refused(f"{number} was closed too long ago: open a new request", code="closed_long_ago")
    reopen_case(case, who, why="staff")
    acts.note(case, who, reason)
    acts.finish(case)
    return number


def cancel(
    tx: Tx, who: Principal, number: str, *, now: datetime, reason: str, seen: int | None = None
) -> str:
    """It was withdrawn, doubled or a test."""
    case = acts.begin(tx, who, number, now=now)
    acts.only_staff(who)
    acts.check_seen(case, who, seen, ("message.in", "ticket."))
    reason = acts.plain(reason, "/reason")
    acts.move(case, who, "cancel")
    acts.note(case, who, reason)
    timing.apply(case, "cancel")
    notices.progress(case, "cancelled")
    ledger.give_back(case, "cancelled", actor=who.actor)
    _end(case)
    acts.finish(case)
    return number


def customer_wrote(case: Case, *, at: datetime) -> None:
    """The customer answered: what we waited for is there, what was solved is open again."""
    if case["state"] == "waiting_customer":
        at = max(at, case["state_since"])  # one that came before we asked, and was read or taken in after
        acts.move(case, HUB, "customer_message")
        timing.apply(case, "customer_message", at=at)
        follow_ups.customer_answered(case)
    elif case["state"] == "resolved":
        reopen_case(case, HUB, why="customer_message")


def reopen_case(case: Case, who: Principal, *, why: str) -> None:
    """From resolved or closed back to work, for whoever worked on it last. `why`: refused, staff or customer_message."""
    acts.move(case, who, "reopen", reason=why)
    times = int(case["resolution"].get("reopened", 0)) + 1
    case.set(resolved_at=None, closed_at=None, open=True, resolution=case["resolution"] | {"reopened": times})
    case.flag("reopened")
    timing.apply(case, "reopen")
    workarounds.taken_up(case)
    work.cancel(case.tx, shard=case.id, key="auto-close")
    notices.progress(case, "reopened")


def _close(case: Case, who: Principal, *, overrides: Mapping[str, str] | None = None) -> None:
    """`overrides`: None, nobody is asked what is in the way."""
    acts.move(case, who, "close")
    if overrides is not None:
        guarding.guard(case, who, overrides, act="close")
    case.set(closed_at=case.now)
    entitle.at_closure(case)
    timing.apply(case, "close")
    timing.settle(case)
    notices.report(case, "closed", **_paper(papers.close_report(case, who, final=True)))
    _end(case)
    acts.finish(case)


def _end(case: Case) -> None:
    """Nothing waits for a ticket that has ended, and nothing is promised on it."""
    promises.dropped(case)
    visit_ends.dropped(case)
    vendor_rows.ended(case)
    workarounds.ended(case)
    work.cancel(case.tx, shard=case.id, key="auto-close")
