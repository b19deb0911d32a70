"""May they? Fetches the contracts, asks `rules.entitlement`, and keeps the answer as evidence that is never changed."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import bindparam, func, select

from core.desk import people, reference
from core.desk.case import Case
from core.envelope import Trust
from core.rules import entitlement
from core.store import tables
from core.store.columns import to_json
from core.store.tx import Prepared

evidence = tables.entitlement_check

_LAST = Prepared(
    select(func.max(evidence.c.seq).label("seq")).where(evidence.c.ticket_id == bindparam("ticket_id"))
)
LATEST = Prepared(
    select(evidence)
    .where(evidence.c.ticket_id == bindparam("ticket_id"))
    .order_by(evidence.c.seq.desc())
    .limit(1)
)


def check(
    case: Case, *, trust: Trust, failed: bool = False, candidates: tuple[str, ...] = ()
) -> entitlement.Verdict:
    """Judge the ticket as it is known now, at its received_at; store the verdict with its inputs and reasons."""
    tx = case.tx
    customer = reference.customer(tx, case["customer"]) if case["customer"] else None
    desk = reference.desk(tx)
    asset = people.asset(tx, case["customer"], case["asset"]) if customer and case["asset"] else None
    asked = entitlement.Asked(
        at=case["received_at"],
        channel=case["channel"],
        trust=trust,
        customer=case["customer"],
        candidates=candidates,
        contact=case["requester_address"] if case["contact"] else None,
        request_type=case["request_type"],
        technology=case["technology"],
        asset=case["asset"],
        site=case["site"],
        priority=case["priority"],
        authentication_failed=failed,
        always_page=bool(asset and asset.always_page),
    )

    def window(calendar: str, at: datetime) -> tuple[bool, datetime | None]:
        hours = desk.calendars[calendar].calendar
        return hours.is_open(at), hours.next_open(at)

    contracts = reference.contracts(tx, case["customer"]) if customer else ()
    verdict = entitlement.check(asked, contracts, window=window, policy=customer.policy if customer else {})
    _keep(case, asked, verdict, trust)
    return verdict


def override(case: Case, *, by: str, reason: str) -> None:
    """Staff let the work begin: a new row of evidence with who and why; the verdict stays what it is."""
    last = case.tx.one(LATEST, ticket_id=case.id)
    values = last._asdict() | {
        "seq": last.seq + 1,
        "at": case.now,
        "decision": "accept",
        "overridden_by": by,
        "override_reason": reason,
    }
    case.tx.insert(evidence, **values)
    case.set(decision="accept")
    case.event("entitlement.overridden", actor=by, check=last.seq + 1)


def _keep(case: Case, asked: entitlement.Asked, verdict: entitlement.Verdict, trust: Trust) -> None:
    tx = case.tx
    inputs = asked.inputs() | {"rule_version": entitlement.RULE_VERSION}
    last = None if case.new else tx.one(_LAST, ticket_id=case.id)
    seq = 1 + (last.seq or 0 if last else 0)
    tx.insert(
        evidence,
        ticket_id=case.id,
        seq=seq,
        at=case.now,
        inputs=inputs,
        inputs_hash=hashlib.sha256(to_json(inputs).encode()).hexdigest(),
        verdict=verdict.verdict,
        would_be=verdict.would_be,
        decision=verdict.decision,
        reasons=[{**r.values, "code": r.code, "sentence": r.sentence} for r in verdict.reasons],
        contract=verdict.contract,
        contract_version=verdict.contract_version,
        line=verdict.line,
        candidates=[{"contract": c.contract, "line": c.line, "why": c.why} for c in verdict.considered],
        window_open=bool(verdict.window_open),
        next_open_at=verdict.next_open_at,
        trust=trust,
    )
    case.set(
        verdict=verdict.verdict,
        decision=verdict.decision,
        contract=verdict.contract,
        contract_version=verdict.contract_version,
        line=verdict.line,
    )
    case.flag("not_covered", on=verdict.decision == "accept_with_warning")
    case.event(
        "entitlement.checked", actor="system", check=seq, verdict=verdict.verdict, decision=verdict.decision
    )
