"""How urgent is a ticket? Impact and urgency by the matrix, then the asset and the flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Matrix: TypeAlias = Mapping[int, Mapping[int, str]]  # impact -> urgency -> "P1".."P4"

# Impact: 1 department or site, 2 service, 3 person. Urgency: 1 critical, 2 high, 3 medium, 4 low.
DEFAULT_MATRIX: Matrix = {
    1: {1: "P1", 2: "P1", 3: "P2", 4: "P4"},
    2: {1: "P1", 2: "P2", 3: "P3", 4: "P4"},
    3: {1: "P2", 2: "P3", 3: "P3", 4: "P4"},
}
# The least impact an asset lends to a ticket about it; None: none.
ASSET_IMPACT: Mapping[str, int | None] = {"low": None, "normal": None, "high": 2, "critical": 1}
PRIORITIES = ("P1", "P2", "P3", "P4")  # most urgent first


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityDecision:
    """What the rule says, before a person overrides it."""

    priority: str  # "P1" to "P4"
    reason: str  # one line for staff: what was read from the matrix, and what raised it


def priority(
    impact: int,
    urgency: int,
    *,
    asset_criticality: str | None = None,
    vip: bool = False,
    safety: bool = False,
    matrix: Matrix = DEFAULT_MATRIX,
) -> PriorityDecision:
    """The priority of a ticket with this impact and urgency, and why.

    A critical asset counts as impact 1, one of high criticality as 2 at the most. `vip` and `safety` raise the
    priority by one each, and with `safety` it is P2 or better. `asset_criticality` None: the ticket names no asset.
    Raises ValueError for a criticality, an impact or an urgency that is not known, naming those that are.

    >>> priority(3, 3, safety=True)
    PriorityDecision(priority='P2', reason='impact 3, urgency 3: P3; raised to P2: safety')
    """
    effective, because = _impact(impact, asset_criticality, matrix)
    row = matrix[effective]
    if urgency not in row:
        raise ValueError(f"urgency {urgency} is not in the matrix: {_listed(row)}")
    rank = PRIORITIES.index(row[urgency])
    reason = f"impact {effective}{because}, urgency {urgency}: {row[urgency]}"
    for raised, flag in ((vip, "VIP"), (safety, "safety")):
        higher = max(rank - raised, 0)
        if flag == "safety" and raised:
            higher = min(higher, PRIORITIES.index("P2"))
        if higher != rank:
            reason += f"; raised to {PRIORITIES[higher]}: {flag}"
        rank = higher
    return PriorityDecision(priority=PRIORITIES[rank], reason=reason)


def _impact(impact: int, asset_criticality: str | None, matrix: Matrix) -> tuple[int, str]:
    if impact not in matrix:
        raise ValueError(f"impact {impact} is not in the matrix: {_listed(matrix)}")
    if asset_criticality is None:
        return impact, ""
    if asset_criticality not in ASSET_IMPACT:
        raise ValueError(f'asset criticality "{asset_criticality}" is not known: {_listed(ASSET_IMPACT)}')
    least = ASSET_IMPACT[asset_criticality]
    if least is None or least >= impact or least not in matrix:
        return impact, ""
    return least, f" (asset is {asset_criticality}, reported {impact})"


def _listed(known: Mapping[int, object] | Mapping[str, object]) -> str:
    return f"use one of {', '.join(str(key) for key in known)}"
