"""A vendor's mail goes onto one case, proved, or waits for staff; what they are not to know is hidden; their score adds up."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import vendor
from core.rules.vendor import Asked, Found, Past, Placed, Secrets, Share, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CUMULUS = Asked(vendor="Cumulus", aligned=True)
TOKEN = Found(how="token", case="1", vendor="Cumulus")
REFERENCE = Found(how="reference", case="2", vendor="Cumulus")
OTHERS = Found(how="references", case="9", vendor="Stratus")


def test_a_case_goes_from_a_draft_to_its_end_and_comes_back() -> None:
    state = State.DRAFT
    for event, to in (
        ("write", "opened"),
        ("acknowledge", "acknowledged"),
        ("answer", "waiting_us"),
        ("write", "working"),
        ("solve", "solved"),
        ("answer", "waiting_us"),
        ("work", "working"),
        ("close", "closed"),
        ("answer", "waiting_us"),
        ("close", "closed"),
        ("reopen", "working"),
    ):
        state = vendor.move(state, event)
        assert state == to


@pytest.mark.parametrize(
    ("state", "event", "allowed"),
    [
        ("draft", "solve", ("write", "close")),
        ("closed", "write", ("reopen",)),
        ("solved", "solve", ("write", "reopen", "close")),
        ("working", "reopen", ("write", "work", "solve", "close")),
    ],
)
def test_what_cannot_be_done_says_what_can(state: str, event: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(vendor.MoveRefused, match=f"cannot {event} a vendor case that is {state}") as refused:
        vendor.move(state, event)
    assert refused.value.allowed == allowed == vendor.allowed(state)


@pytest.mark.parametrize(
    ("asked", "found", "outcome", "why", "case"),
    [
        (CUMULUS, [REFERENCE, TOKEN], "case", "token", "1"),
        (Asked(vendor="Cumulus"), [TOKEN], "case", "token", "1"),
        (
            CUMULUS,
            [Found(how="references", case="3", vendor="Cumulus"), REFERENCE],
            "case",
            "references",
            "3",
        ),
        (CUMULUS, [REFERENCE], "case", "reference", "2"),
        (CUMULUS, [REFERENCE, OTHERS], "case", "reference", "2"),
        (CUMULUS, [], "triage", "no_case", None),
        (CUMULUS, [OTHERS], "triage", "third_party", "9"),
        (
            CUMULUS,
            [REFERENCE, Found(how="reference", case="4", vendor="Cumulus")],
            "triage",
            "ambiguous",
            "2",
        ),
        (Asked(vendor="Cumulus"), [REFERENCE], "triage", "unproved", "2"),
        (Asked(vendor="Cumulus"), [], "triage", "unproved", None),
        (Asked(vendor="Cumulus", failed=True), [TOKEN], "triage", "failed", "1"),
        (Asked(vendor="Cumulus", contact=True, aligned=True), [], "none", "contact", None),
        (Asked(vendor="Cumulus", contact=True, aligned=True), [TOKEN], "case", "token", "1"),
        (Asked(vendor="Stratus", contact=True, aligned=True), [TOKEN], "triage", "third_party", "1"),
        (Asked(vendor=None), [TOKEN], "triage", "third_party", "1"),
        (Asked(vendor=None, known=True), [TOKEN], "triage", "third_party", "1"),
        (Asked(vendor=None), [OTHERS], "triage", "third_party", "9"),
        (Asked(vendor=None, known=True), [OTHERS], "none", "no_vendor", None),
        (Asked(vendor=None), [], "none", "no_vendor", None),
    ],
)
def test_where_a_mail_goes(asked, found, outcome, why, case) -> None:
    placed = vendor.place(asked, found)

    assert (placed.outcome, placed.why, placed.case) == (outcome, why, case)


_FOUND = st.builds(
    Found,
    how=st.sampled_from(["token", "references", "reference"]),
    case=st.sampled_from("123"),
    vendor=st.sampled_from(["Cumulus", "Stratus"]),
)
_ASKED = st.builds(
    Asked,
    vendor=st.sampled_from([None, "Cumulus", "Stratus"]),
    contact=st.booleans(),
    known=st.booleans(),
    aligned=st.booleans(),
    failed=st.booleans(),
)


@given(_ASKED, st.lists(_FOUND, max_size=4))
def test_nobody_gets_onto_a_case_that_is_not_theirs_or_without_proof(
    asked: Asked, found: list[Found]
) -> None:
    placed: Placed = vendor.place(asked, found)

    if placed.outcome == "case":
        assert not asked.failed
        assert asked.vendor == placed.vendor
        assert Found(how=placed.why, case=placed.case, vendor=asked.vendor) in found
        assert asked.aligned or placed.why == "token"


def test_a_pattern_with_a_group_gives_the_group_and_long_texts_are_not_read_to_their_end() -> None:
    assert vendor.references(r"\[case:(\w+)\]", "Re: [case:AB12] x", "[case:AB12]") == ("AB12",)
    assert vendor.references("SR[0-9]{7}", "x" * vendor.LOOKED_AT + "SR1234567") == ()
    assert vendor.references("x*", "abc") == ()


def test_names_and_addresses_are_hidden_and_other_words_stay() -> None:
    secrets = Secrets(
        words=("Acme S.p.A.", "Acme", "Alice Rossi", "Via Roma 1", "+39 02 1234", "A"), domains=("acme.test",)
    )

    hidden = vendor.mask(
        "ALICE  Rossi (alice@acme.test, bob@mail.acme.test) of Acme S.p.A., Via Roma 1, +39 02 1234: "
        "see https://intra.acme.test/x, not notacme.test or Acmeville. A switch.",
        secrets,
    )

    assert hidden == (
        "[…] ([…], […]) of […], […], […]: see https://[…]/x, not notacme.test or Acmeville. A switch."
    )


@given(
    st.text("abc .@", max_size=30),
    st.text("xyz", min_size=3, max_size=8),
    st.text("abc .@", max_size=30),
)
def test_a_hidden_word_is_nowhere_left(before: str, word: str, after: str) -> None:
    said = vendor.mask(f"{before} {word.upper()} {after}", Secrets(words=(word,)))

    assert not re.search(rf"(?<!\w){word}(?!\w)", said, re.IGNORECASE)


def test_the_score_counts_what_is_due_and_not_what_is_not_due_yet() -> None:
    hour = timedelta(hours=1)
    cases = [
        Past(opened_at=NOON, answer_due=NOON + hour, first_answer_at=NOON + hour, kept=2, late=1),
        Past(opened_at=NOON, answer_due=NOON + hour, first_answer_at=NOON + 2 * hour, reopened=1),
        Past(opened_at=NOON, answer_due=NOON + hour, first_answer_at=None),
        Past(opened_at=NOON, answer_due=NOON + 9 * hour, first_answer_at=None),
        Past(opened_at=NOON, answer_due=None, first_answer_at=NOON),
    ]

    score = vendor.score(cases, leg=Share(met=30, of=120), now=NOON + 3 * hour)

    assert (score.cases, score.reopened) == (5, 1)
    assert (score.answered, score.promises) == (Share(met=1, of=3), Share(met=2, of=3))
    assert (score.answered.percent, score.leg.percent, Share().percent) == (33, 25, None)
