"""When is a paragraph below mails their firm's, and what folds with it?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.envelope import Footer, Span, SpanKind
from core.rules import footers
from core.rules.footers import Seen

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
V, Q, S, D = SpanKind.VISIBLE, SpanKind.QUOTED, SpanKind.SIGNATURE, SpanKind.DISCLAIMER


def test_three_mails_of_two_people_make_it_the_firms():
    assert footers.is_footer(Seen(mails=3, several=True, at=NOW))
    assert not footers.is_footer(Seen(mails=2, several=True, at=NOW))


def test_what_one_person_repeats_is_theirs_however_often():
    assert not footers.is_footer(Seen(mails=300, several=False, at=NOW))


def test_what_is_known_is_counted_once_a_week_so_that_it_is_not_forgotten():
    known = Seen(mails=3, several=True, at=NOW)

    assert not footers.to_be_counted(known, now=NOW + timedelta(days=6))
    assert footers.to_be_counted(known, now=NOW + timedelta(days=7))
    assert footers.to_be_counted(Seen(mails=9, several=False, at=NOW), now=NOW)
    assert footers.to_be_counted(None, now=NOW)


def test_only_what_is_known_folds_and_the_spans_still_cover_the_text():
    spans = (Span(0, 100, V), Span(100, 150, Q))
    found = [Footer(start=40, end=60, key="a"), Footer(start=60, end=100, key="b")]

    assert footers.folded(spans, found, {"b"}) == (Span(0, 60, V), Span(60, 100, D), Span(100, 150, Q))
    assert footers.folded(spans, found, {"a"}) == (
        Span(0, 40, V),
        Span(40, 60, D),
        Span(60, 100, V),
        Span(100, 150, Q),
    )
    assert footers.folded(spans, found, {"a", "b"}) == (Span(0, 40, V), Span(40, 100, D), Span(100, 150, Q))
    assert footers.folded(spans, found, set()) == spans


def test_the_signature_above_folds_when_everything_below_it_is_known():
    spans = (Span(0, 100, V),)
    found = [Footer(start=40, end=60, key="a", signature=20), Footer(start=60, end=100, key="b")]

    assert footers.folded(spans, found, {"a", "b"}) == (Span(0, 20, V), Span(20, 40, S), Span(40, 100, D))
    assert footers.folded(spans, found, {"a"}) == (Span(0, 40, V), Span(40, 60, D), Span(60, 100, V))


def test_what_is_folded_already_stays_what_it_is():
    assert footers.folded((Span(0, 9, S),), [Footer(start=4, end=9, key="a")], {"a"}) == (Span(0, 9, S),)
