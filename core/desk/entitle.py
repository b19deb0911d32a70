"""May they? Fetches the contracts, asks `rules.entitlement`, and keeps the answer as evidence that is never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from core import numbers
from core.desk import people, reference
from core.desk.case import Case
from core.envelope import Trust
from core.rules import entitlement
from core.store import tables
from core.store.tx import Prepared, Row

evidence = tables.entitlement_check

LATEST = Prepared(
    select(evidence)
    .where(evidence.c.ticket_id == bindparam("ticket_id"))
    .order_by(evidence.c.seq.desc())
    .limit(1)
)


def check(
    case: Case,
    *,
    trust: Trust,
    failed: bool = False,
    by_domain: bool = False,
    candidates: tuple[str, ...] = (),
) -> entitlement.Verdict:
    """Judge the ticket as it is known now, at its received_at; store the verdict with its inputs and reasons.

    What somebody let begin in spite of a verdict stays allowed as long as the verdict stays the same.
    """
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
        contact=_email(case),
        by_domain=by_domain,
        request_type=case["request_type"],
        technology=case["technology"],
        asset=case["asset"],
        site=case["site"],
        priority=case["priority"],
        authentication_failed=failed,
        always_page=bool(asset and asset.always_page),
    )

    contracts = reference.contracts(tx, case["customer"]) if customer else ()
    verdict = entitlement.check(
        asked, contracts, window=desk.window, policy=customer.policy if customer else {}
    )
    _keep(case, asked, verdict, trust)
    return verdict


def _email(case: Case) -> str | None:
    """Whom contracts name: by e-mail, on whatever channel they asked."""
    if not case["contact"] or not numbers.is_number(case["requester_address"]):
        return case["requester_address"] if case["contact"] else None
    contact = people.contact(case.tx, case["contact"])
    return contact.email if contact else None


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


def _still_allowed(last: Row, verdict: entitlement.Verdict, now: datetime) -> bool:
    lapsed = last.override_until is not None and last.override_until <= now
    return bool(last.overridden_by) and last.verdict == verdict.verdict and not lapsed


def _keep(case: Case, asked: entitlement.Asked, verdict: entitlement.Verdict, trust: Trust) -> None:
    tx = case.tx
    inputs = asked.inputs() | {"rule_version": entitlement.RULE_VERSION}
    last = None if case.new else tx.one(LATEST, ticket_id=case.id)
    allowed = last if last is not None and _still_allowed(last, verdict, case.now) else None
    decision = allowed.decision if allowed else verdict.decision
    seq = last.seq + 1 if last else 1
    tx.insert(
        evidence,
        ticket_id=case.id,
        seq=seq,
        at=case.now,
        evidence={
            "inputs": {name: value for name, value in inputs.items() if value},
            "reasons": [{**r.values, "code": r.code, "sentence": r.sentence} for r in verdict.reasons],
            "candidates": [
                {"contract": c.contract, "line": c.line, "why": c.why} for c in verdict.considered
            ],
        },
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
    case.set(
        verdict=verdict.verdict,
        decision=decision,
        contract=verdict.contract,
        contract_version=verdict.contract_version,
        line=verdict.line,
    )
    case.flag("not_covered", on=decision == "accept_with_warning")
    case.event("entitlement.checked", actor="system", check=seq, verdict=verdict.verdict, decision=decision)
