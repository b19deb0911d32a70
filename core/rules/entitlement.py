"""May this request be served, under which line, and what does the desk do with it? (desk.md 2)

The verdict is what is true about coverage; the decision is what policy makes of it. Both come with reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from core.envelope import Trust
from core.rules.coverage import NO_CONTRACT, STANDINGS, Contract, Line
from core.rules.entitlement_reasons import Reason, because
from core.rules.line_choice import Considered, Fit, Request, ResolveDue, Window, choose

__all__ = [
    "DECISIONS",
    "DEFAULT_POLICY",
    "FLAGS",
    "RULE_VERSION",
    "VERDICTS",
    "Asked",
    "Considered",
    "Contract",
    "Line",
    "Reason",
    "ResolveDue",
    "Verdict",
    "Window",
    "check",
]

DEFAULT_POLICY: Mapping[str, str] = MappingProxyType(
    {
        "unknown_customer": "triage_unknown",
        "insufficient_trust": "accept_unverified",
        "unauthorised_caller": "hold_for_approval",
        "no_contract": "route_sales",
        "suspended": "hold_for_approval",
        "not_started": "accept_with_warning",
        "expired": "route_sales",
        "channel_not_allowed": "accept_with_warning",
        "out_of_scope": "accept_with_warning",
        "exhausted": "hold_for_approval",
        "grace": "accept_with_warning",
        "covered_outside_window": "accept",
        "covered": "accept",
    }
)
VERDICTS = tuple(DEFAULT_POLICY)
"""Top to bottom: the first that applies is the verdict."""
DECISIONS = (
    "accept",
    "accept_with_warning",
    "accept_unverified",
    "hold_for_approval",
    "route_sales",
    "triage_unknown",
    "quarantine",
    "store_alert_only",
)
RULE_VERSION = "3"
"""Goes up when the same inputs would give another answer; kept with each check."""

FLAGS = ("not_covered", "grace", "not_started", "overdraft", "unknown_asset")
"""What Verdict.flag marks a ticket with."""

# Who asks is in doubt: no danger changes that, it only makes somebody look at once.
_IDENTITY = ("unknown_customer", "insufficient_trust", "unauthorised_caller")
_COVERED = ("covered", "covered_outside_window", "grace")
_STOPS_WORK = ("hold_for_approval", "route_sales", "store_alert_only")
_PAGES = ("always_page", "safety", "page_anyway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of the request. None means not known yet. Raises ValueError without a channel or a time zone."""

    at: datetime
    """received_at: validity is judged then, whenever it is checked."""
    channel: str
    trust: Trust
    customer: str | None
    candidates: tuple[str, ...] = ()
    """Customers it may belong to, when it is not exactly one."""
    contact: str | None = None
    """E-mail of the requester, if a contact of the customer."""
    by_domain: bool = False
    """The address is nobody's we know; the customer is known by its domain only."""
    request_type: str | None = None
    technology: str | None = None
    asset: str | None = None
    asset_known: bool = True
    """The asset was the customer's at that instant."""
    site: str | None = None
    priority: str | None = None
    authentication_failed: bool = False
    """The transport's proof of origin is a fail (DMARC)."""
    always_page: bool = False
    """The asset is one that is worked on whatever the contract says."""
    safety: bool = False
    """Words of danger in the text."""
    from_alert_source: bool = False
    page_anyway: bool = False
    """The alert source asks for a page even without a contract."""
    spam: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"at: {self.at} has no time zone")
        if not self.channel:
            raise ValueError("channel: a request comes by some channel")

    @property
    def declared(self) -> bool:
        """P1 by a person's word; what a source calls critical is its configuration."""
        return self.priority == "P1" and not self.from_alert_source

    def inputs(self) -> dict[str, Any]:
        """The evidence row's inputs, in JSON's own types."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is true, and what the desk does."""

    verdict: str | None
    """None: quarantined before any check."""
    decision: str
    reasons: tuple[Reason, ...]
    """At least one, the verdict's own first, those of overrides last."""
    would_be: str | None = None
    """Under insufficient trust: what full trust would give. For staff only."""
    contract: str | None = None
    contract_version: str | None = None
    line: str | None = None
    considered: tuple[Considered, ...] = ()
    """Every line of every contract that counts, with why it lost."""
    window_open: bool | None = None
    """The line's calendar at received_at; None: no line."""
    next_open_at: datetime | None = None
    """None: open, no line, or never again."""
    channel_allowed: bool | None = None
    """None: no line."""
    remaining: float | None = None
    """Of the line's quantity, in its measure; None: it is not counted."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """Codes of what changed the decision or rings the duty phone: always_page, safety, page_anyway."""
        return tuple(reason.code for reason in self.reasons if reason.code in _PAGES)

    @property
    def is_covered(self) -> bool:
        """By what is true, or would be if it were proved who asks."""
        return self.verdict in _COVERED or self.would_be in _COVERED

    @property
    def flag(self) -> str | None:
        """What the ticket is marked with: not_covered, grace, not_started, overdraft or unknown_asset."""
        codes = {reason.code for reason in self.reasons}
        if "unknown_asset" in codes:
            return "unknown_asset"
        if self.verdict in ("grace", "not_started"):
            return self.verdict
        if self.verdict == "exhausted" and "overdraft" in codes:
            return "overdraft"
        covered = self.verdict is None or self.verdict in _COVERED or self.verdict in _IDENTITY
        return None if covered else "not_covered"


def check(
    asked: Asked,
    contracts: Sequence[Contract],
    *,
    window: Window,
    policy: Mapping[str, str] | None = None,
    resolve_due: ResolveDue | None = None,
) -> Verdict:
    """The first row of the table that applies, top to bottom; then what policy decides, then the two overrides.

    `contracts`: every one of the customer (and of a parent that covers its children), whatever its state. `policy`:
    decisions that differ from DEFAULT_POLICY, below those of the contract that speaks; ValueError for one that is not
    in DECISIONS. `resolve_due` decides
    between lines that are equal but for what they promise.

    An asset that is always paged, and danger on an uncovered request, lift a decision that would stop the work.
    """
    if asked.spam:
        return Verdict(verdict=None, decision="quarantine", reasons=(because("spam"),))
    found = _judge(asked, contracts, window, resolve_due)
    verdict = found.verdict or ""
    own = next(
        (c.policy for c in contracts if (c.number, c.version) == (found.contract, found.contract_version)), {}
    )
    decision = _decision(asked, found, {**(policy or {}), **own})
    overrides = []
    if asked.always_page:
        overrides.append(because("always_page", asset=asked.asset))
    if not found.is_covered and (asked.safety or asked.declared):
        overrides.append(because("safety"))
    if overrides and decision in _STOPS_WORK and verdict not in _IDENTITY:
        decision = "accept"
    if decision == "store_alert_only" and asked.page_anyway:
        overrides.append(because("page_anyway"))
    return replace(found, decision=decision, reasons=(*found.reasons, *overrides))


def _decision(asked: Asked, found: Verdict, policy: Mapping[str, str]) -> str:
    verdict = found.verdict or ""
    default = DEFAULT_POLICY[verdict]
    decision = policy.get(verdict, default)
    if decision not in DECISIONS:
        raise ValueError(f"policy: {decision!r} for {verdict} is not one of {', '.join(DECISIONS)}")
    if decision == default and verdict == "exhausted" and found.flag == "overdraft":
        return "accept_with_warning"
    if decision == default and verdict == "expired" and asked.from_alert_source:
        return "store_alert_only"
    return decision


def _judge(
    asked: Asked, contracts: Sequence[Contract], window: Window, resolve_due: ResolveDue | None
) -> Verdict:
    if asked.customer is None:
        code = "ambiguous_identity" if len(asked.candidates) > 1 else "unknown_customer"
        return _verdict("unknown_customer", because(code, candidates=list(asked.candidates)))
    trusted = _coverage(asked, contracts, window, resolve_due)
    doubts = _doubts(asked)
    if doubts:
        return replace(trusted, verdict="insufficient_trust", would_be=trusted.verdict, reasons=doubts)
    return trusted


def _doubts(asked: Asked) -> tuple[Reason, ...]:
    doubts = []
    if asked.authentication_failed:
        doubts.append(because("dmarc_failed"))
    if asked.by_domain:
        doubts.append(because("known_by_domain_only", customer=asked.customer))
    if not asked.trust.at_least(Trust.WEAK):
        doubts.append(because("trust_below_weak", trust=str(asked.trust)))
    return tuple(doubts)


def _verdict(verdict: str, *reasons: Reason, **values: Any) -> Verdict:
    return Verdict(verdict=verdict, decision="", reasons=reasons, **values)


def _of(contract: Contract) -> dict[str, str]:
    return {"contract": contract.number, "contract_version": contract.version}


def _coverage(
    asked: Asked, contracts: Sequence[Contract], window: Window, resolve_due: ResolveDue | None
) -> Verdict:
    standing = [
        (contract.stands(asked.at), contract)
        for contract in sorted(contracts, key=lambda c: c.number)
        if contract.status not in NO_CONTRACT
    ]
    if not standing:
        return _verdict("no_contract", because("no_contract", customer=asked.customer))
    state = min((stands for stands, _ in standing), key=STANDINGS.index)
    best = [contract for stands, contract in standing if stands == state]
    # A source of alerts is nobody's caller: it was bound to the customer by its secret.
    may = [c for c in best if asked.from_alert_source or c.authorises(asked.contact)]
    left_out = tuple(
        _left_out(contract, _STANDS_WORSE[stands]) for stands, contract in standing if stands != state
    )
    closed = tuple(_left_out(c, "this person may not ask under the contract") for c in best if c not in may)
    others = tuple(line for lines in (*closed, *left_out) for line in lines)
    if not may:
        reason = because("unauthorised_caller", contract=best[0].number)
        return _verdict("unauthorised_caller", reason, **_of(best[0]), considered=others)
    if state in ("valid", "grace"):
        found = _by_line(asked, may, window, resolve_due, grace=state == "grace")
        return replace(found, considered=(*found.considered, *others)) if others else found
    speaks = (
        min(may, key=lambda c: c.valid_from)
        if state == "not_started"
        else max(may, key=lambda c: c.valid_until)
    )
    begins, ends = str(speaks.valid_from), str(speaks.valid_until)
    reason = because(state, contract=speaks.number, valid_from=begins, valid_until=ends)
    own = tuple(line for contract in may for line in _left_out(contract, _STANDS_WORSE[state]))
    return _verdict(state, reason, **_of(speaks), considered=(*own, *others))


_STANDS_WORSE = {
    "grace": "the contract is over and in its grace period, and another one is valid",
    "suspended": "the contract is suspended",
    "not_started": "the contract has not begun",
    "expired": "the contract is over",
}


def _left_out(contract: Contract, why: str) -> tuple[Considered, ...]:
    return tuple(
        Considered(contract=contract.number, contract_version=contract.version, line=line.name, why=why)
        for line in contract.lines
    )


def _by_line(
    asked: Asked,
    contracts: Sequence[Contract],
    window: Window,
    resolve_due: ResolveDue | None,
    *,
    grace: bool,
) -> Verdict:
    request = Request(
        at=asked.at,
        channel=asked.channel,
        technology=asked.technology,
        request_type=asked.request_type,
        asset=asked.asset,
        asset_known=asked.asset_known,
        site=asked.site,
    )
    choice = choose(request, contracts, window=window, resolve_due=resolve_due)
    best = choice.best
    if best is None:
        reasons = [because("out_of_scope", asked=_what(asked))]
        if not asked.asset_known:
            reasons.append(because("unknown_asset", asset=asked.asset, customer=asked.customer))
        return _verdict("out_of_scope", *reasons, **_of(contracts[0]), considered=choice.considered)
    verdict, because_of = _of_line(asked, best, channel_allowed=choice.channel_allowed, grace=grace)
    return _verdict(
        verdict,
        *because_of,
        **_of(best.contract),
        line=best.line.name,
        considered=choice.considered,
        window_open=best.is_open,
        next_open_at=None if best.is_open else best.next_open_at,
        channel_allowed=choice.channel_allowed,
        remaining=best.line.remaining,
    )


def _of_line(asked: Asked, fit: Fit, *, channel_allowed: bool, grace: bool) -> tuple[str, tuple[Reason, ...]]:
    """The rows of the table that speak of one line, top to bottom."""
    contract, line = fit.contract, fit.line
    if not channel_allowed:
        return "channel_not_allowed", (because("channel_not_allowed", line=line.name, channel=asked.channel),)
    if line.remaining is not None and line.remaining <= 0:
        spent = because("exhausted", line=line.name, quantity=line.quantity, measure=line.measure)
        return "exhausted", (spent, because("overdraft", line=line.name)) if line.overdraft else (spent,)
    if grace:
        return "grace", (because("grace", contract=contract.number, valid_until=str(contract.valid_until)),)
    if not fit.is_open:
        return "covered_outside_window", (because("outside_window", line=line.name, calendar=line.calendar),)
    return "covered", (because("covered", contract=contract.number, line=line.name),)


def _what(asked: Asked) -> str:
    known = (asked.request_type, asked.technology, asked.asset, asked.site)
    return ", ".join(value for value in known if value) or "a request of which nothing is known"
