"""When the desk holds back its own voice, or somebody's flood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.envelope import Kind, Trust
from core.rules import brakes
from core.rules.brakes import Counts, Limits

LIMITS = Limits()


def ack(**given) -> brakes.Acknowledge:
    usual = {
        "kind": Kind.HUMAN,
        "may_auto_reply": True,
        "known": True,
        "trust": Trust.ALIGNED,
        "counts": Counts(),
        "limits": LIMITS,
    }
    return brakes.may_acknowledge(**(usual | given))


def test_a_known_person_with_proof_reads_what_was_understood() -> None:
    assert ack() == brakes.Acknowledge(allowed=True, reason="known", plain=False)
    assert bool(ack())


def test_a_known_address_without_proof_is_told_the_number_only() -> None:
    assert ack(trust=Trust.WEAK) == brakes.Acknowledge(allowed=True, reason="known", plain=True)


@pytest.mark.parametrize(
    ("known", "trust"), [(False, Trust.ALIGNED), (False, Trust.NONE), (True, Trust.NONE)]
)
def test_who_is_unknown_or_proves_nothing_gets_the_plain_one_once_a_day(known, trust) -> None:
    assert ack(known=known, trust=trust) == brakes.Acknowledge(
        allowed=True, reason="unknown", plain=True, unnamed=trust is Trust.NONE
    )
    again = ack(known=known, trust=trust, counts=Counts(address_day=1))
    assert (again.allowed, again.reason) == (False, "address_had_its_share")


@pytest.mark.parametrize(
    ("counts", "allowed"),
    [
        (Counts(), True),
        (Counts(address_hour=1, address_day=1), False),
        (Counts(address_hour=0, address_day=2), True),
        (Counts(address_hour=0, address_day=3), False),
    ],
)
def test_a_known_address_has_its_share_of_the_hour_and_the_day(counts, allowed) -> None:
    assert bool(ack(counts=counts)) is allowed


def test_who_is_signed_in_is_always_told() -> None:
    many = Counts(address_hour=50, address_day=50)

    assert ack(trust=Trust.VERIFIED, counts=many).reason == "signed_in"


@pytest.mark.parametrize("counts", [Counts(automatic_minute=60), Counts(automatic_hour=500)])
@pytest.mark.parametrize("trust", [Trust.NONE, Trust.ALIGNED, Trust.VERIFIED])
def test_the_breaker_is_for_everybody(counts, trust) -> None:
    found = ack(counts=counts, trust=trust)

    assert (found.allowed, found.reason) == (False, "breaker")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.HUMAN])
def test_no_machine_is_answered(kind) -> None:
    assert ack(kind=kind).reason == "machine"


@given(
    kind=st.sampled_from(Kind),
    may_auto_reply=st.booleans(),
    known=st.booleans(),
    trust=st.sampled_from(Trust),
    counts=st.builds(
        Counts,
        address_hour=st.integers(0, 5),
        address_day=st.integers(0, 5),
        automatic_minute=st.integers(0, 70),
        automatic_hour=st.integers(0, 510),
    ),
)
def test_whatever_the_counts_only_proof_makes_the_desk_say_more_than_a_number(
    kind, may_auto_reply, known, trust, counts
) -> None:
    found = ack(kind=kind, may_auto_reply=may_auto_reply, known=known, trust=trust, counts=counts)

    if found:
        assert kind is Kind.HUMAN
        assert may_auto_reply
        assert counts.automatic_minute < LIMITS.automatic_per_minute
        assert counts.automatic_hour < LIMITS.automatic_per_hour
        if not found.plain:
            assert known
            assert trust.at_least(Trust.ALIGNED)


@given(st.integers(0, 50), st.integers(0, 50))
def test_every_brake_works_from_its_limit_on(many, limit) -> None:
    limits = Limits(mails_of_sender=limit, reopens_per_day=limit, same_text=limit, machines_per_hour=limit)

    assert brakes.flooding(mails_of_sender=many, limits=limits) is (many >= limit)
    assert brakes.may_reopen(reopens_today=many, limits=limits) is (many < limit)
    assert brakes.repeats(same_text=many, limits=limits) is (many >= limit)
    assert brakes.chattering(of_machines=many, limits=limits) is (many >= limit)
