"""How urgent is a ticket?"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from core.rules.priority import DEFAULT_MATRIX, PRIORITIES, priority

SAMPLE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "sla" / "priority_matrix.json"
CELLS = tuple(product((1, 2, 3), (1, 2, 3, 4)))


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLE.exists(), reason="needs ../shared")
@pytest.mark.parametrize(("impact", "urgency"), CELLS)
def test_the_default_matrix_agrees_with_the_sample(impact: int, urgency: int) -> None:
    expected = json.loads(SAMPLE.read_text())["matrix"][str(impact)][str(urgency)]

    assert priority(impact, urgency).priority == expected


@pytest.mark.parametrize(
    ("criticality", "expected"),
    [("low", "P3"), ("normal", "P3"), ("high", "P2"), ("critical", "P1"), (None, "P3")],
)
def test_an_important_asset_lends_its_ticket_impact(criticality: str | None, expected: str) -> None:
    assert priority(3, 2, asset_criticality=criticality).priority == expected


@pytest.mark.parametrize(("impact", "urgency"), CELLS)
def test_an_asset_never_lowers_the_priority(impact: int, urgency: int) -> None:
    plain = PRIORITIES.index(priority(impact, urgency).priority)

    for criticality in ("low", "normal", "high", "critical"):
        assert PRIORITIES.index(priority(impact, urgency, asset_criticality=criticality).priority) <= plain


@pytest.mark.parametrize(
    ("impact", "urgency", "vip", "safety", "expected"),
    [
        (3, 3, True, False, "P2"),
        (3, 4, True, False, "P3"),
        (1, 1, True, True, "P1"),
        (3, 4, False, True, "P2"),
        (3, 3, False, True, "P2"),
        (3, 2, True, True, "P1"),
    ],
)
def test_a_vip_and_safety_raise_by_one_and_safety_to_p2_at_least(
    impact: int,
    urgency: int,
    vip: bool,  # noqa: FBT001
    safety: bool,  # noqa: FBT001
    expected: str,
) -> None:
    assert priority(impact, urgency, vip=vip, safety=safety).priority == expected


def test_the_reason_tells_every_step() -> None:
    decision = priority(3, 3, asset_criticality="high", vip=True)

    assert decision.reason == "impact 2 (asset is high, reported 3), urgency 3: P3; raised to P2: VIP"


def test_a_customer_may_have_a_matrix_of_its_own() -> None:
    matrix = {1: {1: "P1", 2: "P3"}, 2: {1: "P2", 2: "P4"}}

    assert priority(2, 2, matrix=matrix).priority == "P4"
    assert priority(2, 2, matrix=matrix, asset_criticality="critical").priority == "P3"
    with pytest.raises(ValueError, match="urgency 3 is not in the matrix: use one of 1, 2"):
        priority(2, 3, matrix=matrix)


@pytest.mark.parametrize(
    ("impact", "urgency", "criticality", "message"),
    [
        (0, 1, None, "impact 0 is not in the matrix: use one of 1, 2, 3"),
        (4, 1, "critical", "impact 4 "),
        (1, 5, None, "urgency 5 is not in the matrix: use one of 1, 2, 3, 4"),
        (1, 1, "huge", 'asset criticality "huge" is not known: use one of low, normal, high, critical'),
    ],
)
def test_what_is_not_in_the_matrix_is_refused(
    impact: int, urgency: int, criticality: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        priority(impact, urgency, asset_criticality=criticality, matrix=DEFAULT_MATRIX)
