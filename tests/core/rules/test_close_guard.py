"""What is in the way of an end is named whole, and only a text against each reason moves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import close_guard
from core.rules.close_guard import BadOverride, Facts, Guarded, Reason

FIELDS = ("alerts", "vendors", "visits", "promises", "children", "held")
WHY = "the customer agreed by telephone"


@given(st.sets(st.sampled_from(list(Reason))), st.sets(st.sampled_from(list(Reason))))
def test_it_is_refused_exactly_while_a_reason_stands_that_nobody_spoke_against(there, spoken):
    facts = Facts(**{field: ("x",) for field, reason in zip(FIELDS, Reason, strict=True) if reason in there})
    overrides = dict.fromkeys(map(str, spoken), WHY)

    if left := there - spoken:
        with pytest.raises(Guarded) as refused:
            close_guard.decide(facts, overrides)
        assert {one.reason for one in refused.value.obstacles} == left
    else:
        assert {one.reason for one in close_guard.decide(facts, overrides)} == there


@pytest.mark.parametrize(
    ("reason", "text"), [("weather", WHY), ("child_open", "ok"), ("child_open", " " * 20)]
)
def test_an_override_names_a_reason_there_is_and_says_why(reason, text):
    with pytest.raises(BadOverride):
        close_guard.decide(Facts(), {reason: text})
