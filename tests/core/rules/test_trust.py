"""How far is the author of a message believed?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.envelope import Authentication, Trust
from core.rules.trust import TrustDecision, decide

PASS = Authentication(verdict="pass", policy="reject")
NOTHING = Authentication()
TIMED_OUT = Authentication(verdict="temperror", policy="reject")
FAIL_UNENFORCED = Authentication(verdict="fail", policy="none")
FAIL_QUARANTINE = Authentication(verdict="fail", policy="quarantine")
FAIL_REJECT = Authentication(verdict="fail", policy="reject")


def decided(
    authentication: Authentication = NOTHING,
    *,
    known: bool = False,
    proved: bool = False,
    defects: tuple[str, ...] = (),
    token: bool = False,
    own: bool = False,
) -> TrustDecision:
    return decide(
        known=known, proved=proved, defects=defects, authentication=authentication, token=token, own=own
    )


@pytest.mark.parametrize(
    ("authentication", "stranger", "contact", "with_token"),
    [
        (NOTHING, Trust.NONE, Trust.WEAK, Trust.TOKEN),
        (TIMED_OUT, Trust.NONE, Trust.WEAK, Trust.TOKEN),
        (PASS, Trust.ALIGNED, Trust.ALIGNED, Trust.TOKEN),
        (FAIL_UNENFORCED, Trust.NONE, Trust.WEAK, Trust.WEAK),
        (FAIL_QUARANTINE, Trust.NONE, Trust.NONE, Trust.NONE),
        (FAIL_REJECT, Trust.NONE, Trust.NONE, Trust.NONE),
    ],
)
def test_proof_of_origin_and_a_known_address_decide_the_level(
    authentication: Authentication, stranger: Trust, contact: Trust, with_token: Trust
) -> None:
    assert decided(authentication).trust == stranger
    assert decided(authentication, known=True).trust == contact
    assert decided(authentication, known=True, token=True).trust == with_token


def test_an_author_without_a_usable_address_is_nobody_however_well_the_mail_is_signed() -> None:
    found = decided(PASS, known=True, token=True, defects=("two From headers",))

    assert found == TrustDecision(trust=Trust.NONE, reasons=("author_unusable", "two From headers"))


def test_who_signed_in_is_verified_whatever_a_mail_would_say() -> None:
    assert decided(FAIL_REJECT, proved=True, own=True).trust is Trust.VERIFIED


def test_our_own_address_as_author_needs_proof() -> None:
    assert decided(own=True, known=True, token=True).reasons == ("own_address_unproved",)
    assert decided(PASS, own=True).trust is Trust.ALIGNED


def test_the_reason_tells_a_failure_that_the_domain_does_not_enforce() -> None:
    assert decided(FAIL_UNENFORCED, known=True).reasons == ("known_address", "dmarc_fail_unenforced")
    assert decided(FAIL_UNENFORCED).reasons == ("unknown_address", "dmarc_fail_unenforced")
    assert decided(FAIL_REJECT, known=True).reasons == ("dmarc_fail",)


evidence = st.builds(
    Authentication,
    verdict=st.sampled_from(["pass", "fail", "temperror", "none", "permerror", ""]),
    policy=st.sampled_from(["none", "quarantine", "reject", ""]),
)
defects = st.sampled_from([(), ("no From",)])


@given(evidence, st.booleans(), defects, st.booleans(), st.booleans())
def test_no_mail_is_ever_verified(
    authentication: Authentication,
    known: bool,  # noqa: FBT001
    wrong: tuple[str, ...],
    token: bool,  # noqa: FBT001
    own: bool,  # noqa: FBT001
) -> None:
    found = decided(authentication, known=known, defects=wrong, token=token, own=own)

    assert found.trust is not Trust.VERIFIED
    assert found.reasons


@given(evidence, st.booleans(), defects, st.booleans(), st.booleans())
def test_a_failed_check_never_makes_an_author_more_than_an_address(
    authentication: Authentication,
    known: bool,  # noqa: FBT001
    wrong: tuple[str, ...],
    token: bool,  # noqa: FBT001
    own: bool,  # noqa: FBT001
) -> None:
    if authentication.verdict == "fail":
        found = decided(authentication, known=known, defects=wrong, token=token, own=own)

        assert found.trust in (Trust.NONE, Trust.WEAK)
