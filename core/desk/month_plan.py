"""What happens in the month that a provider plays, and when? The stories of a file, and ordinary requests drawn by a seed.

The same file, days and seed give the same happenings. Rows and verbs are the business of core.desk.month_acts.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from core.texts import TEMPLATES

UNFINISHED, UNFINISHED_DAYS = 0.6, 4
"""This part of what is drawn in the last days is left somewhere on its way, so that there is something to do afterwards."""
MONTH = TEMPLATES / "demo" / "month.toml"
OPENS, SHUTS = time(8, 30), time(18, 0)
"""Of a day at work, for what is drawn."""
CONTACT_CENTRE = ("lucia.ferrari@nordest.test", "paolo.marin@nordest.test")
"""Who says what a drawn request is about."""
LATE_ONE_IN = 9
"""Drawn requests that nobody takes for hours."""
_WHEN = re.compile(r"(?:\+(\d{1,2}) )?(\d{2}:\d{2})")
_INSTANT = "@"
"""Before a time in the fields of a step."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[stories.steps]]: a mail that comes in, what devices report, or something that somebody does."""

    at: str = ""
    """HH:MM of the story's day in the hub's zone; `+2 HH:MM` is two working days later."""
    mail: str = ""
    """From header."""
    answers: bool = False
    """The mail answers what was sent last to whoever writes it."""
    subject: str = ""
    text: str = ""
    headers: dict[str, str] = {}
    source: str = ""
    """The alert source that reports."""
    fires: tuple[str, ...] = ()
    """Things that go down, in one message; `ends`: that are well again. The first is what the others hang on."""
    ends: tuple[str, ...] = ()
    ticket: str = ""
    """Another one than the story's, by a name of its own."""
    agent: str = ""
    """Who does it, by e-mail; `paged`: who was called last."""
    contact: str = ""
    """The customer's person who does it, by e-mail."""
    verb: str = ""
    fields: dict[str, Any] = {}
    """Of the verb; a text `@+1 10:00` is that instant."""


class Story(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[stories]]: something that a desk must have lived through."""

    name: str
    tells: str
    """What happened, for the table at the end."""
    event: str
    """Kind of the event of its ticket that proves it."""
    day: int
    """The how manieth working day of the month it begins on."""
    steps: tuple[Step, ...]


class Ordinary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[ordinary]]: a request as there are many. `{about}` stands for one of its `abouts`."""

    mail: str
    subject: str
    text: str
    abouts: tuple[str, ...]
    qualify: dict[str, Any]
    agent: str
    reply: str
    solution: str
    cause: str
    minutes: int
    """Of work, about."""
    asks: str = ""
    """What we have to know first; `says`, what they answer."""
    says: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[reports]]: a contract that gets reports by itself."""

    contract: str
    every: str
    """week, month or quarter."""


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    sentence: str
    """What a shift says to the next one of each grave ticket."""
    leaders: tuple[str, str]
    """Who sign for the shift that goes and the one that comes, by e-mail."""
    supervisor: str
    """Who lets work be done that a contract does not say, and why; and approves reports."""
    approves: str
    reports: tuple[Report, ...]
    stories: tuple[Story, ...]
    ordinary: tuple[Ordinary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A step with its instant."""

    at: datetime
    ticket: str
    step: Step
    fields: Mapping[str, Any]
    """Of the step, with instants for times."""
    ordinary: bool = False
    """It was drawn."""


def plan(
    script: Script, working: Sequence[date], *, zone: ZoneInfo, seed: int, requests: int
) -> tuple[Happening, ...]:
    """Everything, in order. `working`: the working days; `requests`: how many are drawn beside the stories.

    What a story has after the last working day falls on the days behind it; stories that begin later are left out.
    """
    found = [
        one
        for story in script.stories
        if story.day <= len(working)
        for one in _told(story, working[story.day - 1 :], zone)
    ]
    found += _drawn(script.ordinary, working, zone=zone, dice=random.Random(seed), requests=requests)
    return tuple(sorted(found, key=lambda one: one.at))  # what is simultaneous keeps its order


def read() -> Script:
    """The month that is shipped."""
    return msgspec.convert(tomllib.loads(MONTH.read_text(encoding="utf-8")), Script)


# --- Stories ------------------------------------------------------------------------------------------------


def instant(when: str, days: Sequence[date], zone: ZoneInfo) -> datetime:
    """A time of the file, counted from the first of these days. Raises ValueError.

    >>> instant("+1 09:30", [date(2026, 10, 2), date(2026, 10, 5)], ZoneInfo("Europe/Rome")).isoformat()
    '2026-10-05T09:30:00+02:00'
    """
    found = _WHEN.fullmatch(when)
    if found is None:
        message = f"{when!r} is no time; write HH:MM or +DAYS HH:MM"
        raise ValueError(message)
    later = int(found[1] or 0)
    over = max(0, later - len(days) + 1)
    day = days[min(later, len(days) - 1)] + timedelta(days=over)
    return datetime.combine(day, time.fromisoformat(found[2]), zone)


def _told(story: Story, days: Sequence[date], zone: ZoneInfo) -> Iterator[Happening]:
    for step in story.steps:
        fields = {
            name: instant(value.removeprefix(_INSTANT), days, zone)
            if isinstance(value, str) and value.startswith(_INSTANT)
            else value
            for name, value in step.fields.items()
        }
        yield Happening(
            at=instant(step.at, days, zone), ticket=step.ticket or story.name, step=step, fields=fields
        )


# --- Ordinary requests --------------------------------------------------------------------------------------


def _drawn(
    kinds: Sequence[Ordinary], working: Sequence[date], *, zone: ZoneInfo, dice: random.Random, requests: int
) -> Iterator[Happening]:
    each = [(kind, about) for kind in kinds for about in kind.abouts]
    dice.shuffle(each)
    for n in range(requests):
        kind, about = each[n % len(each)]
        day = dice.choice(working)
        # Most come when the offices open and after lunch.
        hour = dice.choice((8, 9, 9, 9, 10, 10, 11, 12, 14, 14, 15, 15, 16, 17))
        at = datetime.combine(day, time(hour, dice.randrange(30 if hour == OPENS.hour else 0, 60)), zone)
        course = list(_one(kind, about, f"ordinary-{n + 1}", _Course(working, at, zone, dice)))
        if day in working[-UNFINISHED_DAYS:] and dice.random() < UNFINISHED:
            course = course[: dice.randrange(1, len(course))]
        yield from course


class _Course:
    """The instants of one request, each after the other and within the hours of a desk."""

    def __init__(self, working: Sequence[date], at: datetime, zone: ZoneInfo, dice: random.Random) -> None:
        self._working, self.at, self._zone, self.dice = working, at, zone, dice

    def later(self, least: int, most: int) -> datetime:
        """Some minutes on: what would be after hours is the first thing in the morning."""
        at = self.at + timedelta(minutes=self.dice.randrange(least, most))
        if at.time() > SHUTS or at.date() not in self._working:
            after = (day for day in self._working if day > at.date())
            day = next(after, at.date() + timedelta(days=1))
            at = datetime.combine(day, OPENS, self._zone) + timedelta(minutes=self.dice.randrange(50))
        self.at = at
        return at


def _one(kind: Ordinary, about: str, ticket: str, course: _Course) -> Iterator[Happening]:
    dice = course.dice

    def happening(at: datetime, **step: Any) -> Happening:
        return Happening(
            at=at, ticket=ticket, step=Step(**step), fields=step.get("fields", {}), ordinary=True
        )

    def said(words: str) -> str:
        return words.replace("{about}", about)

    person = kind.mail.rpartition("<")[2].rstrip(">")
    does = {"agent": kind.agent}
    yield happening(course.at, mail=kind.mail, subject=said(kind.subject), text=said(kind.text))
    yield happening(
        course.later(2, 14), agent=dice.choice(CONTACT_CENTRE), verb="qualify", fields=kind.qualify
    )
    slow = not dice.randrange(LATE_ONE_IN)
    yield happening(course.later(*((180, 500) if slow else (3, 45))), verb="take", **does)
    yield happening(course.later(2, 25), verb="reply", text=said(kind.reply), **does)
    if kind.asks and dice.random() < 0.6:  # noqa: PLR2004 - of them
        yield happening(course.later(5, 40), verb="wait", text=said(kind.asks), **does)
        yield happening(
            course.later(15, 400),
            mail=kind.mail,
            answers=True,
            subject=said(kind.subject),
            text=said(kind.says),
        )
    most = dice.choice((60, 60, 120, 240, 900))
    spent = max(5, kind.minutes + dice.randrange(-kind.minutes // 2, kind.minutes))
    yield happening(
        course.later(20, most),
        verb="resolve",
        text=said(kind.solution),
        fields={"cause": kind.cause, "minutes": spent},
        **does,
    )
    if dice.random() < 0.5:  # noqa: PLR2004 - the others say nothing
        yield happening(course.later(10, 600), contact=person, verb="confirm")
        if dice.random() < 0.6:  # noqa: PLR2004 - of those
            score = dice.choice((5, 5, 5, 4, 4, 3))
            yield happening(course.later(1, 90), contact=person, verb="rate", fields={"score": score})
