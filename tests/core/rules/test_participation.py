"""Who is written to is a question with one answer and a reason, whatever the rest of the desk looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.participation import Answer, Person, Role, State, Why, answer, outsider, written_to

ALICE = Person(role=Role.REQUESTER, requester=True, contact=True, customers=frozenset({"ACME"}))
CUSTOMERS = st.sampled_from(["ACME", "BETA"])
people = st.builds(
    Person,
    role=st.sampled_from(Role),
    state=st.sampled_from(State),
    admitted=st.booleans(),
    requester=st.booleans(),
    contact=st.booleans(),
    customers=st.frozensets(CUSTOMERS),
    of_domain=st.booleans(),
    bad_address=st.booleans(),
)


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (ALICE, Why.WRITTEN_TO),
        (replace(ALICE, state=State.RETIRED), Why.RETIRED),
        (replace(ALICE, customers=frozenset({"BETA"})), Why.OUTSIDER),
        (replace(ALICE, customers=frozenset({"ACME", "BETA"})), Why.WRITTEN_TO),
        (replace(ALICE, customers=frozenset({"BETA"}), admitted=True), Why.WRITTEN_TO),
        (replace(ALICE, customers=frozenset()), Why.OUTSIDER),
        (replace(ALICE, customers=frozenset(), of_domain=True), Why.WRITTEN_TO),
        (Person(role=Role.REQUESTER, requester=True), Why.WRITTEN_TO),
        (Person(role=Role.PARTICIPANT), Why.OUTSIDER),
        (Person(role=Role.CC, of_domain=True), Why.CC),
        (Person(role=Role.VISITOR), Why.VISITOR),
        (Person(role=Role.REPLY_TO, of_domain=True), Why.REPLY_TO),
        (replace(ALICE, role=Role.SENDER), Why.ANSWERED_ELSEWHERE),
        (replace(ALICE, role=Role.SILENT), Why.WRITTEN_TO),
        (replace(ALICE, bad_address=True), Why.WRITTEN_TO),
    ],
)
def test_an_answer_of_staff_goes_to(person, why):
    assert written_to(person, customer="ACME", automatic=False) is why


def test_what_nobody_wrote_goes_neither_to_machines_nor_to_dead_addresses():
    assert written_to(replace(ALICE, role=Role.SILENT), customer="ACME", automatic=True) is Why.MACHINE
    assert written_to(replace(ALICE, bad_address=True), customer="ACME", automatic=True) is Why.BAD_ADDRESS


@given(people, CUSTOMERS)
def test_somebody_elses_contact_is_never_written_to_without_staff(person, customer):
    elsewhere = person.customers and customer not in person.customers

    if elsewhere and not person.admitted:
        assert outsider(person, customer=customer)
    if written_to(person, customer=customer, automatic=False) is Why.WRITTEN_TO:
        assert person.state is State.JOINED
        assert person.admitted or not elsewhere


@pytest.mark.parametrize(
    ("author", "named", "failed", "expected"),
    [
        ("ACME", {"ACME"}, False, Answer(elsewhere=True, offered=False)),
        ("ACME", {"ACME", "BETA"}, False, Answer(elsewhere=True, offered=False)),
        ("ACME", {"BETA"}, False, Answer(elsewhere=False, offered=True)),
        ("ACME", set(), False, Answer(elsewhere=False, offered=True)),
        (None, {"ACME"}, False, Answer(elsewhere=False, offered=True)),
        ("ACME", {"ACME"}, True, Answer(elsewhere=False, offered=True)),
    ],
)
def test_answers_go_by_themselves_only_to_a_contact_of_the_authors_customer(author, named, failed, expected):
    assert answer(author_customer=author, named_customers=frozenset(named), failed=failed) == expected
