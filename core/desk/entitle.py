"""May they? Fetches the contracts, asks `rules.entitlement`, and keeps the answer as evidence that is never changed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from core import numbers
from core.desk import account_managers, asset_owners, consumption_notices, ledger, people, reference, tasks
from core.desk.case import ID_BY_NUMBER, Case
from core.desk.errors import Refused, invalid
from core.envelope import Trust
from core.rules import entitlement, priority
from core.rules.coverage import Contract, Line
from core.rules.danger import speaks_of
from core.store import tables, work
from core.store.columns import to_json
from core.store.tx import Prepared, Row, Tx
from core.texts import TEMPLATES

evidence = tables.entitlement_check

LATEST = Prepared(
    select(evidence)
    .where(evidence.c.ticket_id == bindparam("ticket_id"))
    .order_by(evidence.c.seq.desc())
    .limit(1)
)

MIN_REASON = 10
"""Characters of the reason of an override: it is evidence (desk.md 2)."""
LAPSE = "override"
"""The job that comes when an override is over."""
MONITORING = "monitoring"
"""What tickets of devices came by: no person asked, and none needs a right to."""
WITHOUT_CONTRACT = timedelta(days=7)
"""So long an override lasts where no contract says when it ends, and nobody else does."""
LONGEST = timedelta(days=731)


def check(
    case: Case,
    *,
    trust: Trust,
    failed: bool = False,
    by_domain: bool = False,
    candidates: tuple[str, ...] = (),
    text: str | None = None,
    only_look: bool = False,
) -> entitlement.Verdict:
    """Judge the ticket as it is known now, at its received_at; store the verdict with its inputs and reasons.

    What somebody let begin in spite of a verdict stays allowed as long as the verdict stays the same. `text`: what was
    said, on a new ticket, where words of danger are looked for. `only_look`: the evidence is kept, and the ticket stays
    as it is; a person decides.
    """
    tx = case.tx
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    desk = reference.desk(tx)
    asset = people.asset(tx, case["customer"], case["asset"]) if customer and case["asset"] else None
    known = not case["asset"] or (
        customer is not None
        and asset_owners.owned(
            tx, case["asset"], customer.code, at=case["received_at"], now_theirs=asset is not None
        )
    )
    asked = entitlement.Asked(
        at=case["received_at"],
        channel=case["channel"],
        trust=trust,
        customer=case["customer"],
        candidates=candidates,
        contact=_email(case),
        by_domain=by_domain,
        request_type=case["request_type"],
        technology=case["technology"],
        asset=case["asset"],
        asset_known=known,
        site=case["site"],
        priority=case["priority"] or _likely(case, customer),
        authentication_failed=failed,
        always_page=bool(asset and asset.always_page and known),
        from_alert_source=case["channel"] == MONITORING,
        page_anyway="page_anyway" in case["flags"],
        safety="safety" in case["flags"],
    )

    contracts = reference.contracts(tx, case["customer"]) if customer else ()
    contracts = ledger.as_seen(case, contracts)

    def judged(asked: entitlement.Asked) -> entitlement.Verdict:
        return entitlement.check(
            asked,
            contracts,
            window=desk.window,
            policy=customer.policy if customer else {},
            resolve_due=resolve_due(desk, asked),
        )

    verdict = judged(asked)
    if text is not None and not verdict.is_covered and not asked.safety and _danger(text) is not None:
        asked = replace(asked, safety=True)
        verdict = judged(asked)
    before = (case["contract_version"], case["line"])
    _keep(case, asked, verdict, trust, only_look=only_look)
    if not only_look:
        _follow(case, verdict)
        moved = before != (case["contract_version"], case["line"]) and not case.new
        if moved and (ledger.is_counted(tx, *before) or ledger.line_of(case) is not None):
            ledger.settle(case)
    return verdict


def _email(case: Case) -> str | None:
    """Whom contracts name: by e-mail, on whatever channel they asked."""
    if not case["contact"] or not numbers.is_number(case["requester_address"]):
        return case["requester_address"] if case["contact"] else None
    contact = people.contact(case.tx, case["contact"])
    return contact.email if contact else None


def _likely(case: Case, customer: reference.Customer | None) -> str | None:
    """What the request is as far as impact and urgency tell, before anybody qualified it."""
    if case["impact"] is None or case["urgency"] is None:
        return None
    matrix = (customer.priorities if customer else None) or priority.DEFAULT_MATRIX
    return str(priority.priority(case["impact"], case["urgency"], matrix=matrix).priority)


def resolve_due(
    desk: reference.Desk, asked: entitlement.Asked
) -> Callable[[Contract, Line], datetime | None] | None:
    """When the request would have to be solved under a line; None: its priority is not known."""
    if asked.priority is None:
        return None
    rank = asked.priority

    def due(_contract: Contract, line: Line) -> datetime | None:
        level = desk.slas.get(line.sla or reference.DEFAULT_SLA)
        promise = level.targets.get(rank) if level else None
        target = promise.times.get("resolve") if promise else None
        if promise is None or target is None:
            return None
        hours = desk.calendars[promise.calendar or line.calendar].calendar
        if target.seconds is not None:
            return hours.due(asked.at, target.seconds)
        return hours.due_working_days(asked.at, target.working_days or 0, end=target.end_of_day)

    return due


def _danger(text: str) -> str | None:
    return speaks_of(text, _danger_words())


@cache
def _danger_words() -> tuple[str, ...]:
    lists = tomllib.loads((TEMPLATES / "safety.toml").read_text("utf-8"))
    return tuple(word for words in lists.values() for word in words)


# --- Overrides -----------------------------------------------------------------------------------------------


def override(case: Case, *, by: str, reason: str, until: datetime | None = None) -> datetime:
    """Staff let the work be done: a new row of evidence with who, why and until when; the verdict stays what it is.

    `until` None: the end of the contract's last day, seven days where there is none. Returns until when. Raises Invalid.
    """
    last = case.tx.one(LATEST, ticket_id=case.id)
    if len(reason) < MIN_REASON:
        raise invalid("/reason", f"say why in at least {MIN_REASON} characters: it is kept as evidence")
    ends = until or _ends(case, last)
    if ends <= case.now:
        raise invalid("/until", "is past: say until when the work may go on")
    if ends > case.now + LONGEST:
        raise invalid("/until", "is more than two years ahead: a contract is the place for that")
    if last is None:
        raise Refused(f"{case['number']} was not checked yet", code="not_checked")
    values = last._asdict() | {
        "seq": last.seq + 1,
        "at": case.now,
        "decision": "accept",
        "overridden_by": by,
        "override_reason": reason,
        "override_until": ends,
    }
    case.tx.insert(evidence, **values)
    case.set(decision="accept")
    case.event("entitlement.overridden", actor=by, check=last.seq + 1, until=ends.isoformat())
    _before_it_goes_below(case)
    work.set_timer(case.tx, shard=case.id, key=LAPSE, kind=LAPSE, payload={}, due=ends, now=case.now)
    return ends


def _ends(case: Case, last: Row | None) -> datetime:
    if last is not None and last.contract_version:
        contract = reference.contract(case.tx, last.contract_version)
        day_after = min(contract.valid_until, date.max - timedelta(days=1)) + timedelta(days=1)
        end = datetime.combine(day_after, time(), ZoneInfo(contract.time_zone))
        if case.now < end <= case.now + LONGEST:
            return end
    return case.now + WITHOUT_CONTRACT


def _before_it_goes_below(case: Case, *, more: bool = False) -> None:
    """Both sides are told before the first act that uses more than there is. `more`: an act was refused that would have."""
    found = ledger.line_of(case)
    if found is not None:
        here = ledger.stand(case.tx, *found, at=case.now)
        if more or here.balance.left <= 0:
            consumption_notices.wanted(case.tx, *found, here.period, here.balance, now=case.now)


def refused_for_want(tx: Tx, number: str, *, now: datetime) -> None:
    """Work on the ticket was refused, because its line has less left: both sides hear of it, once."""
    row = tx.one(ID_BY_NUMBER, number=number)
    if row is not None:
        _before_it_goes_below(Case.open(tx, row.id, now=now), more=True)


def lapsed(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The time of an override is over: the request is judged anew and a person is asked. Nothing else changes."""
    case = Case.open(tx, ticket_id, now=now)
    last = tx.one(LATEST, ticket_id=ticket_id)
    if last is None or not last.overridden_by or last.override_until is None or not case["open"]:
        return
    if last.override_until > now:
        work.set_timer(tx, shard=case.id, key=LAPSE, kind=LAPSE, payload={}, due=last.override_until, now=now)
        return
    verdict = check(case, trust=Trust(case["trust"]), only_look=True)
    case.event("entitlement.override_lapsed", actor="system", check=last.seq)
    account_managers.ask(
        tx,
        case["customer"],
        "override_lapsed",
        ticket_id=case.id,
        once="override_lapsed",
        now=now,
        number=case["number"],
        verdict=verdict.verdict or "",
        url=f"/desk/tickets/{case['number']}/contract",
    )
    case.save()


def _still_allowed(last: Row, verdict: entitlement.Verdict, now: datetime) -> bool:
    is_over = last.override_until is not None and last.override_until <= now
    return bool(last.overridden_by) and last.verdict == verdict.verdict and not is_over


# --- Before and after work -----------------------------------------------------------------------------------


def before_work(case: Case, unit: str = "minutes", quantity: int = 0) -> entitlement.Verdict:
    """Judge again before billable work, a visit or a vendor case. Raises Refused when it may not be, or too little is left.

    `unit`: minutes, tickets or visits, and how many of it the act will use.
    """
    verdict = check(case, trust=Trust(case["trust"]), only_look=True)
    last = case.tx.one(LATEST, ticket_id=case.id)
    if case["state"] == "on_hold" or last.decision in ("hold_for_approval", "store_alert_only"):
        raise Refused(
            f"{case['number']} waits for approval ({verdict.verdict}): a shift leader approves it first",
            allowed=("approve", "override"),
            code="on_hold",
        )
    ledger.may_spend(case, unit, quantity)
    return verdict


def at_closure(case: Case) -> None:
    """The last check, and what the ticket has used in all. Tickets of which nothing is counted have had theirs."""
    if ledger.line_of(case) is None:
        return
    check(case, trust=Trust(case["trust"]), only_look=True)
    ledger.settle(case)


# --- Within one check ----------------------------------------------------------------------------------------


def _keep(
    case: Case, asked: entitlement.Asked, verdict: entitlement.Verdict, trust: Trust, *, only_look: bool
) -> None:
    tx = case.tx
    inputs = asked.inputs() | {"rule_version": entitlement.RULE_VERSION}
    inputs = {
        name: value for name, value in inputs.items() if value or (name == "asset_known" and asked.asset)
    }
    last = None if case.new else tx.one(LATEST, ticket_id=case.id)
    allowed = last if last is not None and _still_allowed(last, verdict, case.now) else None
    decision = allowed.decision if allowed else verdict.decision
    seq = last.seq + 1 if last else 1
    kept: dict[str, Any] = {
        "inputs": inputs,
        "inputs_hash": hashlib.sha256(to_json(inputs).encode()).hexdigest()[:32],
        "reasons": [{**r.values, "code": r.code, "sentence": r.sentence} for r in verdict.reasons],
        "candidates": [{"contract": c.contract, "line": c.line, "why": c.why} for c in verdict.considered],
    }
    if verdict.remaining is not None:
        kept["remaining"] = verdict.remaining
    if verdict.channel_allowed is not None:
        kept["channel_allowed"] = verdict.channel_allowed
    tx.insert(
        evidence,
        ticket_id=case.id,
        seq=seq,
        at=case.now,
        evidence=kept,
        verdict=verdict.verdict,
        would_be=verdict.would_be,
        decision=decision,
        contract=verdict.contract,
        contract_version=verdict.contract_version,
        line=verdict.line,
        window_open=bool(verdict.window_open),
        next_open_at=verdict.next_open_at,
        trust=trust,
        overridden_by=allowed.overridden_by if allowed else None,
        override_reason=allowed.override_reason if allowed else "",
        override_until=allowed.override_until if allowed else None,
    )
    if not only_look:
        case.set(
            verdict=verdict.verdict,
            decision=decision,
            contract=verdict.contract,
            contract_version=verdict.contract_version,
            line=verdict.line,
        )
    case.event("entitlement.checked", actor="system", check=seq, verdict=verdict.verdict, decision=decision)


def _follow(case: Case, verdict: entitlement.Verdict) -> None:
    """Marks, tasks and the duty phone, as the decision says."""
    for name in entitlement.FLAGS:
        if name == verdict.flag or name in case["flags"]:
            case.flag(name, on=name == verdict.flag)
    url = f"/desk/tickets/{case['number']}/contract"
    about = {"number": case["number"], "verdict": verdict.verdict or "", "url": url}
    if case["decision"] == "accept_with_warning":
        account_managers.ask(
            case.tx,
            case["customer"],
            "not_covered",
            ticket_id=case.id,
            once="not_covered",
            now=case.now,
            **about,
        )
    elif not case.new:
        tasks.settle(case.tx, once="not_covered", ticket_id=case.id, now=case.now)
    if verdict.verdict == "exhausted":
        _before_it_goes_below(case)
    if "safety" in verdict.overrides and "safety" not in case["flags"]:
        case.flag("safety")
        case.event("ticket.safety", actor="system")
        tasks.add(
            case.tx,
            "safety",
            ticket_id=case.id,
            once="safety",
            now=case.now,
            alarm=True,
            group=case["desk_group"],
            **about,
        )
