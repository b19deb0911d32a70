"""What does the reply box ask about the next words? What may be promised with a click, and what is promised already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from core.desk.views import ClockView, TicketView
from core.rules import promising
from web.pages import spell
from web.words import Say, say

AT = promising.AT
CLOCK, UPDATE = "promise", "update"
"""Names of clocks."""
OTHER_STATES = ("waiting_customer", "resolved")
"""In which the customer waits for nothing of ours."""


class Box(NamedTuple):
    """The question in the reply box."""

    choices: list[tuple[str, str]]
    """(word, words) each, for a select."""
    chosen: str
    """What is chosen already."""
    due: datetime | None
    """What is promised."""
    late: bool
    asks: bool
    """Nothing is promised, and nobody decided that nothing is."""
    zone: str
    """Of the customer, where it is not the reader's."""


def box(
    view: TicketView, now: datetime, language: str, *, zone: ZoneInfo, form: Mapping[str, Any]
) -> Box | None:
    """The question as it stands; None where nothing more is promised: the request is over.

    `zone`: the reader's. `form`: what was sent and refused.
    """
    if not view.row.open:
        return None
    t = say(language)
    running = [one for one in view.clocks if one.name == CLOCK and one.state == "running"]
    due = running[-1].due_at if running else None
    theirs = ZoneInfo(view.time_zone)
    declined = due is None and _declined(view)
    return Box(
        choices=_choices(view.clocks, now, language, theirs),
        chosen=str(form.get("promise", "")) or (promising.NONE if declined else ""),
        due=due,
        late=due is not None and due <= now,
        asks=due is None and not declined and view.row.state not in OTHER_STATES,
        zone="" if theirs.key == zone.key else t("promise.zone", zone=view.time_zone.rpartition("/")[2]),
    )


def words(form: Mapping[str, Any]) -> str | None:
    """What the form of the box means for a verb; None: nothing was chosen."""
    chosen = str(form.get("promise", ""))
    if chosen == promising.AT:
        return str(form.get("promise_at", "")).strip() or promising.AT
    return chosen or None


def _declined(view: TicketView) -> bool:
    """The last that was decided about promises is that there is none."""
    told = [one.kind for one in view.events if one.kind.startswith("promise.")]
    return bool(told) and told[-1] == "promise.declined"


def _choices(
    clocks: tuple[ClockView, ...], now: datetime, language: str, zone: ZoneInfo
) -> list[tuple[str, str]]:
    t = say(language)
    found = [("", t("promise.later"))]
    agreed = [one for one in clocks if one.name == UPDATE]
    if agreed:
        found.append((promising.AGREED, f"{t('promise.agreed')} ({spell(agreed[-1].target_s, language)})"))
    found += [(one.word, _said(one.word, t)) for one in promising.choices(now, zone)]
    return [*found, (promising.AT, t("promise.at")), (promising.NONE, t("promise.none"))]


def _said(word: str, t: Say) -> str:
    if word.endswith("m"):
        return t(f"promise.minutes_{word[:-1]}")
    day, _, at = word.rpartition(" ")
    return t("promise.tomorrow", time=at) if day else t("promise.today", time=at)
