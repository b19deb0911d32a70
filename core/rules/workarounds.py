"""When is a workaround looked at again, and what may still be answered to it? Decisions only (desk.md 11)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

REVIEW = timedelta(days=14)
"""After which a workaround is looked at again, where nobody says when and the fix is not due sooner."""


class State(StrEnum):
    """How a workaround stands with the customer."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """It does not work: the restore clock runs again."""
    ENDED = "ended"
    """Another one took its place, or the fix is there, or the request has ended."""


LIVE = (State.ASKED, State.ACCEPTED)
"""The service works by it."""


class BadReview(ValueError):
    """The instant cannot be one of a review; the sentence says why."""


def review_by(given: datetime | None, *, now: datetime, fix_due: datetime | None) -> datetime:
    """When it is looked at again. `fix_due`: when the final fix is promised; None: at no time, or its clock stands still.

    What is left open is settled: 14 days, or the fix where that is due sooner. What is asked for is never bent, it is refused:
    in the past, or after the fix is due. A fix that is overdue limits nothing any more.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> review_by(None, now=noon, fix_due=noon + timedelta(days=5)) - noon
    datetime.timedelta(days=5)
    >>> review_by(noon, now=noon, fix_due=None)
    Traceback (most recent call last):
        ...
    core.rules.workarounds.BadReview: must lie ahead: a workaround is looked at again, not before
    """
    limit = fix_due if fix_due is not None and fix_due > now else None
    if given is None:
        return now + REVIEW if limit is None else min(now + REVIEW, limit)
    if given <= now:
        raise BadReview("must lie ahead: a workaround is looked at again, not before")
    if limit is not None and given > limit:
        raise BadReview(f"is after the fix is due, {limit:%Y-%m-%dT%H:%M:%SZ}: look at it again before that")
    return given


def may_answer(state: str) -> bool:
    """May the customer still say whether it works? Who accepted it may find later that it does not.

    >>> may_answer("asked"), may_answer("accepted"), may_answer("ended")
    (True, True, False)
    """
    return state in LIVE
