"""Which ticket does a message belong to?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.envelope import Kind, Trust
from core.rules.threading import (
    ABOUT_A_DELIVERY,
    RIGHTS,
    Asked,
    Candidate,
    How,
    Relation,
    Threading,
    decide,
    rights,
)
from core.rules.workflow import ENDED, REOPEN_WITHIN, State

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
INSIDE = (Relation.REQUESTER, Relation.PARTICIPANT)
IDS = (How.OWN_ID, How.KNOWN_ID)
NUMBERS = (How.BODY_MARKER, How.SUBJECT_NUMBER)
MOVES_SOMETHING = tuple(how for how in How if how not in (How.SIMILAR, How.TOPIC))


def a_thread(
    how: How = How.OWN_ID,
    relation: Relation = Relation.REQUESTER,
    *,
    number: str = "26-000001",
    **different: Any,
) -> Candidate:
    candidate = Candidate(
        how=how,
        ticket=f"ticket {number}",
        thread=f"thread {number}",
        number=number,
        state=State.IN_PROGRESS,
        closed_at=None,
        relation=relation,
        customer="ACME",
    )
    return replace(candidate, **different)


def placed(
    *candidates: Candidate, trust: Trust = Trust.WEAK, now: datetime = NOON, **message: Any
) -> Threading:
    return decide(Asked(trust=trust, **message), candidates, now=now)


def why(found: Threading) -> list[str]:
    return [entry.why for entry in found.log]


# --- In the conversation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", MOVES_SOMETHING)
@pytest.mark.parametrize("relation", INSIDE)
def test_whoever_is_in_the_conversation_continues_it_by_any_link(how: How, relation: Relation) -> None:
    found = placed(a_thread(how, relation))

    assert (found.outcome, found.reason) == ("attach", how)
    assert (found.ticket, found.thread) == ("ticket 26-000001", "thread 26-000001")
    assert why(found) == ["the author belongs to this conversation"]
    assert found.log[0].taken


def test_a_message_that_names_nothing_opens_a_ticket() -> None:
    assert placed() == Threading(outcome="new", reason="no_thread")


def test_the_reply_address_beats_ids_and_ids_beat_numbers_in_whatever_order_they_come() -> None:
    threads = [a_thread(how, number=f"26-00000{n}") for n, how in enumerate(How)]

    found = placed(*reversed(threads))

    assert (found.reason, found.ticket) == (How.REPLY_ADDRESS, "ticket 26-000000")
    assert [entry.how for entry in found.log] == list(How)
    assert [entry.taken for entry in found.log] == [True] + [False] * (len(How) - 1)
    assert why(found)[1] == "reply_address of 26-000000 comes first"


def test_of_two_tickets_named_by_the_same_kind_of_link_the_first_wins_and_the_other_is_linked() -> None:
    found = placed(a_thread(number="26-000002"), a_thread(number="26-000001"), a_thread(number="26-000002"))

    assert (found.ticket, found.links) == ("ticket 26-000002", ("26-000001",))


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_is_worked_on_goes_before_what_has_ended_and_is_not_tied_to_what_it_goes_on_with(state) -> None:
    ended = a_thread(How.REPLY_ADDRESS, number="26-000001", state=state)
    other = a_thread(How.OWN_ID, number="26-000003", state=state)
    live = a_thread(How.SUBJECT_NUMBER, number="26-000002", follow_up_of=ended.ticket)

    found = placed(ended, other, live)

    assert (found.outcome, found.ticket) == ("attach", live.ticket)
    assert found.links == ("26-000003",)
    assert placed(ended).outcome == "new"


def test_a_colleague_of_the_same_company_joins_once_the_domain_vouches_for_them() -> None:
    for how in (How.REPLY_ADDRESS, *IDS):
        colleague = a_thread(how, Relation.SAME_CUSTOMER)

        assert placed(colleague, trust=Trust.ALIGNED).outcome == "attach"
        assert placed(colleague, trust=Trust.WEAK, aligned=True).outcome == "attach"
        assert placed(colleague, trust=Trust.VERIFIED).outcome == "attach"
        assert placed(colleague, trust=Trust.WEAK).outcome == "held"


# --- Beside the conversation --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [How.REPLY_ADDRESS, *IDS])
@pytest.mark.parametrize("trust", [Trust.NONE, Trust.WEAK, Trust.ALIGNED])
def test_a_stranger_with_a_key_of_the_conversation_is_held_and_never_joined(how: How, trust: Trust) -> None:
    found = placed(a_thread(how, Relation.THIRD_PARTY), trust=trust)

    assert (found.outcome, found.reason) == ("held", "third_party")
    assert (found.ticket, found.thread) == ("ticket 26-000001", "thread 26-000001")
    assert why(found) == ["somebody else holds a key of this conversation: staff decide"]


def test_a_reply_address_lets_in_exactly_the_person_it_was_given_to() -> None:
    """Also a requester nobody knows: their first answer proves that they read our mail."""
    key = a_thread(How.REPLY_ADDRESS, Relation.THIRD_PARTY)

    assert placed(replace(key, issued_to_author=True), trust=Trust.TOKEN).outcome == "attach"
    assert placed(key, trust=Trust.ALIGNED).outcome == "held"


@pytest.mark.parametrize("how", IDS)
@pytest.mark.parametrize("relation", [*INSIDE, Relation.SAME_CUSTOMER])
def test_an_id_in_an_unproved_mail_is_a_suggestion(how: How, relation: Relation) -> None:
    found = placed(a_thread(how, relation), trust=Trust.NONE)

    assert (found.outcome, found.suggestions) == ("new", ("26-000001",))


@pytest.mark.parametrize("how", NUMBERS)
@pytest.mark.parametrize("relation", [Relation.SAME_CUSTOMER, Relation.AGENT, Relation.THIRD_PARTY])
def test_a_number_is_a_suggestion_from_anybody_but_a_participant(how: How, relation: Relation) -> None:
    found = placed(a_thread(how, relation))

    assert (found.outcome, found.ticket, found.suggestions) == ("new", None, ("26-000001",))


@pytest.mark.parametrize("how", NUMBERS)
def test_a_number_is_no_key_in_a_mail_whose_checks_failed(how: How) -> None:
    found = placed(a_thread(how), doubted=True)

    assert (found.outcome, found.suggestions) == ("new", ("26-000001",))
    assert placed(a_thread(How.OWN_ID), doubted=True).outcome == "attach", (
        "its domain does not ask to refuse it"
    )


def test_what_only_looks_alike_never_moves_a_message() -> None:
    found = placed(a_thread(How.SIMILAR), trust=Trust.VERIFIED)

    assert (found.outcome, found.suggestions, why(found)) == ("new", ("26-000001",), ["it only looks alike"])


@pytest.mark.parametrize("how", [How.OWN_ID, How.KNOWN_ID, *NUMBERS, How.SIMILAR])
def test_another_customers_ticket_is_not_even_a_suggestion(how: How) -> None:
    found = placed(a_thread(how, Relation.THIRD_PARTY), customer="BETA", trust=Trust.ALIGNED)

    assert (found.outcome, found.suggestions) == ("new", ())
    assert why(found) == ["the ticket is another customer's"]


def test_another_customer_who_holds_a_reply_address_is_held_beside_the_ticket() -> None:
    found = placed(a_thread(How.REPLY_ADDRESS, Relation.THIRD_PARTY), customer="BETA", trust=Trust.ALIGNED)

    assert found.outcome == "held"


def test_a_stranger_with_a_key_is_held_though_the_subject_names_another_ticket() -> None:
    found = placed(
        a_thread(How.REPLY_ADDRESS, Relation.THIRD_PARTY),
        a_thread(How.SUBJECT_NUMBER, Relation.THIRD_PARTY, number="26-000002"),
    )

    assert (found.outcome, found.ticket, found.suggestions) == ("held", "ticket 26-000001", ("26-000002",))


# --- Agents -------------------------------------------------------------------------------------------------


def test_a_mail_with_an_agents_address_is_never_an_agents_word_by_itself() -> None:
    for how in (How.REPLY_ADDRESS, *IDS):
        spoofed = a_thread(how, Relation.AGENT, issued_to_author=True)

        assert placed(spoofed, trust=Trust.TOKEN, aligned=True).outcome == "held"


@pytest.mark.parametrize(
    ("issued", "aligned", "outcome"),
    [(True, True, "note"), (True, False, "held"), (False, True, "held"), (False, False, "held")],
)
def test_where_the_desk_lets_agents_write_by_mail_they_need_proof_and_their_own_reply_address(
    issued: bool,  # noqa: FBT001
    aligned: bool,  # noqa: FBT001
    outcome: str,
) -> None:
    by_token = a_thread(How.REPLY_ADDRESS, Relation.AGENT, issued_to_author=issued)

    found = placed(by_token, trust=Trust.TOKEN, aligned=aligned, agent_may_write=True)

    assert found.outcome == outcome


# --- Failed checks and forwards -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", MOVES_SOMETHING)
def test_a_mail_that_its_domain_disowns_is_held_whoever_it_claims_to_be(how: How) -> None:
    found = placed(a_thread(how), trust=Trust.NONE, authentication_failed=True)

    assert (found.outcome, found.reason) == ("held", "authentication_failed")
    assert not any(entry.taken for entry in found.log)


def test_a_disowned_mail_that_names_no_ticket_is_held_too_and_answered_by_nobody() -> None:
    found = placed(trust=Trust.NONE, authentication_failed=True)

    assert (found.outcome, found.reason, found.ticket) == ("held", "authentication_failed", None)


@pytest.mark.parametrize("relation", list(Relation))
def test_a_forward_is_a_new_request_although_it_names_an_old_one(relation: Relation) -> None:
    found = placed(*(a_thread(how, relation) for how in How if how is not How.REPLY_ADDRESS), forward=True)

    assert (found.outcome, found.reason, found.suggestions) == ("new", "forward", ("26-000001",))


def test_a_forward_to_a_reply_address_belongs_to_its_conversation() -> None:
    assert placed(a_thread(How.REPLY_ADDRESS), forward=True).outcome == "attach"


def test_a_forward_of_something_the_desk_never_saw_is_an_ordinary_new_request() -> None:
    assert placed(forward=True).reason == "no_thread"


# --- Tickets that have ended --------------------------------------------------------------------------------


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_message_to_an_ended_ticket_opens_one_that_continues_it(state: State) -> None:
    found = placed(a_thread(How.REPLY_ADDRESS, state=state))

    assert (found.outcome, found.reason) == ("new", "reply_address_of_ended")
    assert (found.follow_up_of, found.ticket) == ("ticket 26-000001", None)
    assert found.may_reopen_until is None


@pytest.mark.parametrize("state", sorted(set(State) - ENDED))
def test_a_message_to_a_ticket_that_has_not_ended_joins_it(state: State) -> None:
    assert placed(a_thread(state=state)).outcome == "attach"


@pytest.mark.parametrize(
    ("days", "may"),
    [(timedelta(0), True), (REOPEN_WITHIN, True), (REOPEN_WITHIN + timedelta(seconds=1), False)],
)
def test_within_ten_days_staff_may_reopen_a_closed_ticket_instead(days: timedelta, may: bool) -> None:  # noqa: FBT001
    found = placed(a_thread(state=State.CLOSED, closed_at=NOON - days))

    assert found.may_reopen_until == (NOON - days + REOPEN_WITHIN if may else None)


def test_a_cancelled_ticket_is_never_offered_for_reopening() -> None:
    assert placed(a_thread(state=State.CANCELLED, closed_at=NOON)).may_reopen_until is None


# --- Whatever comes -----------------------------------------------------------------------------------------

threads = st.lists(
    st.builds(
        a_thread,
        st.sampled_from(How),
        st.sampled_from(Relation),
        number=st.sampled_from(["26-000001", "26-000002", "26-000003"]),
        state=st.sampled_from(State),
        closed_at=st.sampled_from([None, NOON - timedelta(days=1), NOON - timedelta(days=30)]),
        issued_to_author=st.booleans(),
        customer=st.sampled_from(["ACME", "BETA", None]),
    ),
    max_size=6,
)
messages = st.builds(
    Asked,
    trust=st.sampled_from(Trust),
    aligned=st.booleans(),
    customer=st.sampled_from(["ACME", "BETA", None]),
    forward=st.booleans(),
    authentication_failed=st.booleans(),
    agent_may_write=st.booleans(),
)


@given(messages, threads)
def test_every_candidate_is_logged_with_a_reason_and_at_most_one_is_taken(
    asked: Asked, candidates: list[Candidate]
) -> None:
    found = decide(asked, candidates, now=NOON)

    assert len(found.log) == len(candidates)
    assert all(entry.why for entry in found.log)
    taken = [entry for entry in found.log if entry.taken]
    assert len(taken) == (1 if found.outcome in ("attach", "note") or found.follow_up_of else 0)
    assert (found.ticket is None) == (found.thread is None) or found.outcome == "note"
    named = {c.number for c in candidates}
    assert set(found.suggestions) | set(found.links) <= named
    assert not {entry.number for entry in taken} & set(found.links)


@given(messages, threads)
def test_nobody_from_outside_ever_joins_a_conversation_without_an_address_given_to_them(
    asked: Asked, candidates: list[Candidate]
) -> None:
    outside = [replace(c, relation=Relation.THIRD_PARTY, issued_to_author=False) for c in candidates]

    found = decide(asked, outside, now=NOON)

    assert found.outcome != "attach"
    assert found.follow_up_of is None


@given(messages, threads)
def test_a_disowned_mail_never_joins_and_never_opens(asked: Asked, candidates: list[Candidate]) -> None:
    assert decide(replace(asked, authentication_failed=True), candidates, now=NOON).outcome == "held"


@given(messages, threads)
def test_an_unproved_author_moves_nothing_by_an_id(asked: Asked, candidates: list[Candidate]) -> None:
    found = decide(
        replace(asked, trust=Trust.NONE, aligned=False), [c for c in candidates if c.how in IDS], now=NOON
    )

    assert found.outcome != "attach"


# --- What each kind of message may do -----------------------------------------------------------------------


def test_every_kind_of_message_has_its_rights() -> None:
    assert set(RIGHTS) == set(Kind)


def test_only_a_person_reopens_or_is_acknowledged() -> None:
    for kind in Kind:
        assert rights(kind).may_reopen == rights(kind).may_be_acknowledged == (kind is Kind.HUMAN)


@pytest.mark.parametrize(
    ("kinds", "attached", "alone", "folded"),
    [
        ((Kind.HUMAN, Kind.MAILING_LIST, Kind.SYSTEM_NOTIFICATION), True, "ticket", False),
        ((Kind.AUTO_REPLY, Kind.OUT_OF_OFFICE, Kind.CHALLENGE), True, "machine", True),
        ((*ABOUT_A_DELIVERY, Kind.OWN_LOOP), False, "machine", False),
    ],
)
def test_machines_open_nothing_and_answering_machines_are_folded_into_their_ticket(
    kinds: tuple[Kind, ...],
    attached: bool,  # noqa: FBT001
    alone: str,
    folded: bool,  # noqa: FBT001
) -> None:
    for kind in kinds:
        found = rights(kind)
        assert (found.may_attach, found.alone, found.folded) == (attached, alone, folded)


# --- Words in a chat ----------------------------------------------------------------------------------------


def test_what_is_meant_in_a_chat_is_attached_with_its_reason_in_the_log() -> None:
    found = placed(a_thread(How.CONVERSATION, why="it was chosen"), trust=Trust.NONE, in_chat="chosen")

    assert (found.outcome, found.reason) == ("attach", How.CONVERSATION)
    assert why(found) == ["it was chosen"]


@pytest.mark.parametrize("relation", [Relation.SAME_CUSTOMER, Relation.AGENT, Relation.THIRD_PARTY])
def test_what_is_meant_in_a_chat_is_nobodys_who_is_not_of_the_conversation(relation: Relation) -> None:
    found = placed(a_thread(How.CONVERSATION, relation, why="it was quoted"), trust=Trust.VERIFIED)

    assert found.outcome == "new"
    assert why(found) == ["it only looks alike"]


def test_a_new_request_in_a_chat_says_why_it_is_one() -> None:
    assert placed(in_chat="asked_for_new").reason == "asked_for_new"


def test_words_whose_author_must_say_which_request_they_mean_are_held() -> None:
    found = placed(in_chat="several", unclear=True)

    assert (found.outcome, found.reason, found.ticket) == ("held", "which_ticket", None)
