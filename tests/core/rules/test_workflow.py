"""Which moves a ticket can make: the table of desk.md 5, and a refusal that says what would be allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import workflow
from core.rules.workflow import ENDED, MOVES, State

S = State
TABLE = [
    # from, event, to: one line of the design each
    (S.RECEIVED, "triage", S.TRIAGE),
    (S.RECEIVED, "qualify", S.QUALIFIED),
    (S.TRIAGE, "qualify", S.QUALIFIED),
    (S.RECEIVED, "hold", S.ON_HOLD),
    (S.TRIAGE, "hold", S.ON_HOLD),
    (S.ON_HOLD, "approve", S.TRIAGE),
    (S.ON_HOLD, "reject", S.REJECTED),
    (S.TRIAGE, "reject", S.REJECTED),
    (S.QUALIFIED, "route", S.ASSIGNED),
    (S.ASSIGNED, "take", S.IN_PROGRESS),
    (S.IN_PROGRESS, "wait_customer", S.WAITING_CUSTOMER),
    (S.WAITING_CUSTOMER, "customer_message", S.IN_PROGRESS),
    (S.IN_PROGRESS, "wait_vendor", S.WAITING_VENDOR),
    (S.WAITING_VENDOR, "vendor_message", S.IN_PROGRESS),
    (S.IN_PROGRESS, "escalate", S.ASSIGNED),
    (S.WAITING_CUSTOMER, "escalate", S.ASSIGNED),
    (S.WAITING_VENDOR, "escalate", S.ASSIGNED),
    (S.IN_PROGRESS, "schedule", S.SCHEDULED),
    (S.SCHEDULED, "check_in", S.ONSITE),
    (S.SCHEDULED, "visit_off", S.IN_PROGRESS),
    (S.ONSITE, "check_out", S.IN_PROGRESS),
    (S.IN_PROGRESS, "observe", S.MONITORING),
    (S.IN_PROGRESS, "workaround", S.IN_PROGRESS),
    (S.MONITORING, "workaround", S.MONITORING),
    (S.WAITING_CUSTOMER, "workaround", S.WAITING_CUSTOMER),
    (S.ONSITE, "workaround", S.ONSITE),
    (S.QUALIFIED, "workaround", S.QUALIFIED),
    (S.ASSIGNED, "workaround", S.ASSIGNED),
    (S.SCHEDULED, "workaround", S.SCHEDULED),
    (S.IN_PROGRESS, "resolve", S.RESOLVED),
    (S.MONITORING, "resolve", S.RESOLVED),
    (S.RESOLVED, "reopen", S.IN_PROGRESS),
    (S.RESOLVED, "close", S.CLOSED),
    (S.CLOSED, "reopen", S.IN_PROGRESS),
    (S.TRIAGE, "cancel", S.CANCELLED),
    (S.IN_PROGRESS, "merge", S.MERGED),
]
NEVER = [
    (S.ON_HOLD, "take"),
    (S.ON_HOLD, "workaround"),
    (S.TRIAGE, "workaround"),
    (S.RESOLVED, "workaround"),
    (S.ON_HOLD, "escalate"),
    (S.ON_HOLD, "qualify"),
    (S.ON_HOLD, "schedule"),
    (S.TRIAGE, "take"),
    (S.QUALIFIED, "resolve"),
    (S.WAITING_CUSTOMER, "resolve"),
    (S.WAITING_CUSTOMER, "close"),
    (S.IN_PROGRESS, "close"),
    (S.IN_PROGRESS, "reopen"),
    (S.RESOLVED, "cancel"),
    (S.RESOLVED, "merge"),
    (S.CLOSED, "close"),
    (S.REJECTED, "reopen"),
    (S.CANCELLED, "reopen"),
    (S.MERGED, "reopen"),
]


@pytest.mark.parametrize(("source", "event", "to"), TABLE)
def test_the_moves_of_the_design_are_there(source: State, event: str, to: State) -> None:
    assert workflow.move(source, event) is to


@pytest.mark.parametrize(("state", "event"), NEVER)
def test_what_the_design_forbids_is_refused(state: State, event: str) -> None:
    with pytest.raises(workflow.MoveRefused, match=f"cannot {event} from {state}"):
        workflow.move(state, event)


@given(st.sampled_from(list(State)), st.sampled_from([*MOVES, "dance"]))
def test_a_refusal_names_exactly_the_moves_that_would_go(state: State, event: str) -> None:
    if event in workflow.allowed(state):
        assert workflow.move(state, event) in State
        return
    with pytest.raises(workflow.MoveRefused) as refusal:
        workflow.move(state, event)
    assert (refusal.value.event, refusal.value.state) == (event, state)
    assert refusal.value.allowed == workflow.allowed(state)


@given(st.data())
def test_whatever_happens_an_open_ticket_can_be_ended_and_an_ended_one_stays_so(data: st.DataObject) -> None:
    state = State.RECEIVED
    for _ in range(data.draw(st.integers(0, 12))):
        allowed = workflow.allowed(state)
        if not allowed:
            break
        event = data.draw(st.sampled_from(allowed))
        before, state = state, workflow.move(state, event)
        assert before not in ENDED or event == "reopen"

    if workflow.is_open(state):
        assert "cancel" in workflow.allowed(state)
    if state in (S.REJECTED, S.CANCELLED, S.MERGED):
        assert workflow.allowed(state) == ()


def test_a_ticket_is_open_until_it_is_solved_or_over() -> None:
    assert {state for state in State if not workflow.is_open(state)} == {*ENDED, S.RESOLVED}


def test_every_state_but_the_first_is_reached_by_some_move() -> None:
    reached = {move.to for move in MOVES.values() if move.to}

    assert reached | {S.RECEIVED} == set(State)
