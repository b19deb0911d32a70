"""In which words does a report of a period say its values? Values in, blocks of words out; the same words stand in its table. Decisions only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from core.desk import periodic_charts
from core.papers import model, wording

Values = Mapping[str, Any]
SECTIONS = (
    "volume",
    "work",
    "clocks",
    "times",
    "quality",
    "legs",
    "exclusions",
    "consumption",
    "visits",
    "vendors",
    "top",
    "problems",
)
MOST = 400
"""Rows of a list that stand on paper; the table has all of them."""
DRAWN = {"volume": ("by_channel",), "work": ("backlog_age",), "clocks": ("kept",), "legs": ("leg_share",)}
"""Figures of which there is a drawing, by section."""


class Say:
    """The words of one language, numbers and times as people write them there."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language
        self._words = wording.words(language)
        self._zone = ZoneInfo(zone)

    def __call__(self, part: str, name: str, **values: object) -> str:
        said: str = self._words[part][name]
        return said.format(**values) if values else said

    def maybe(self, part: str, code: str) -> str:
        """Words of a code that may also be a name somebody gave."""
        return str(self._words[part].get(code, code))

    def instant(self, at: str) -> str:
        """A moment, short: 2 Nov 2026, 14:05."""
        local = datetime.fromisoformat(at).astimezone(self._zone)
        return format_datetime(local, "d MMM y, HH:mm", locale=self.language)

    def day(self, at: str) -> str:
        """A day: 2 November 2026."""
        local = datetime.fromisoformat(at).astimezone(self._zone)
        return format_date(local, "d MMMM y", locale=self.language)

    def number(self, value: float | None, unit: str) -> str:
        """A figure with its unit; what cannot be counted is a dash.

        >>> Say("en", "UTC").number(93785, "seconds"), Say("it", "UTC").number(66.7, "percent")
        ('26:03:05', '66,7 %')
        """
        if value is None:
            return "–"
        if unit == "seconds":
            minutes, seconds = divmod(int(value), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        said = str(format_decimal(value, locale=self.language))
        return f"{said} %" if unit == "percent" else said

    def label(self, figure: Values) -> str:
        """What a figure is called."""
        name = self("figure", figure["name"])
        about = self.about(figure)
        return f"{name}: {about}" if about else name

    def about(self, figure: Values) -> str:
        """Of what it is: a channel, a clock and a priority, an age."""
        about: str = figure["about"]
        if not about:
            return ""
        if about == "-":
            return self("figure", "unnamed")
        match figure["name"], figure["section"]:
            case "by_channel", _:
                return self.maybe("channel", about)
            case _, "clocks" | "exclusions":
                clock, _, priority = about.partition(" ")
                return f"{self.maybe('clock', clock)} {priority}".strip()
            case _, "legs":
                return self("leg", about)
            case _, "times":
                return self("measured", about)
            case "causes", _:
                return self.maybe("cause", about)
            case "backlog_age", _:
                return self("age", about)
            case _:
                return about


def report(values: Values, language: str) -> tuple[str, tuple[model.Block, ...]]:
    """Title and blocks of a report of a contract and a period."""
    say = Say(language, values["time_zone"])
    blocks: list[model.Block] = [model.Facts(rows=tuple(_about(values, say)))]
    if not any(one["value"] for one in values["figures"] if one["section"] in ("volume", "work")):
        blocks.append(model.Words(text=say("periodic", "nothing")))
    for section in SECTIONS:
        found = [one for one in values["figures"] if one["section"] == section]
        if found:
            blocks += _section(section, found, say)
        if section == "clocks":
            blocks += _misses(values["misses"], say)
        if section == "exclusions":
            blocks += _exclusions(values["exclusions"], say)
    blocks += _planned(values["planned"], say)
    blocks += _open(values["open"], say)
    definitions = tuple((name, text) for name, text in definitions_of(language))
    blocks.append(model.Facts(heading=say("periodic", "definitions"), rows=definitions))
    return say("periodic", "title", contract=values["contract"], period=values["period"]), tuple(blocks)


def definitions_of(language: str) -> Iterator[tuple[str, str]]:
    """What each figure means."""
    words = wording.words(language)
    for name, text in words["definition"].items():
        yield words["defined"][name], text


def drawn_of(figures: Sequence[Values], section: str, name: str) -> list[Values]:
    """The figures that a drawing is made of; none where there is nothing to be seen."""
    found = [one for one in figures if one["name"] == name and one["about"] and one["value"] is not None]
    if section == "clocks":  # each promise as a whole: by priority it stands in the table
        found = [one for one in found if " " not in one["about"]]
    return found if any(one["value"] for one in found) else []


def _about(values: Values, say: Say) -> Iterator[tuple[str, str]]:
    yield say("fact", "customer"), values["customer"]
    yield say("fact", "contract"), values["contract"]
    yield say("periodic", "span"), f"{say.instant(values['since'])} – {say.instant(values['until'])}"
    yield say("periodic", "zone"), values["time_zone"]
    if values["draft"]:
        yield say("periodic", "state"), say("periodic", "draft")


def _section(section: str, found: Sequence[Values], say: Say) -> Iterator[model.Block]:
    heading = say("section", section)
    for name in DRAWN.get(section, ()):
        if drawn := drawn_of(found, section, name):
            labels = tuple(say.about(one) for one in drawn)
            numbers = tuple(float(one["value"]) for one in drawn)
            shown = tuple(say.number(one["value"], one["unit"]) for one in drawn)
            title = say("figure", name)
            yield model.Chart(
                heading=f"{heading}: {title}",
                labels=labels,
                series=(("", numbers),),  # the heading says what they are
                shown=(shown,),
                svg=periodic_charts.bars(
                    title, labels, numbers, shown, percent=drawn[0]["unit"] == "percent"
                ),
            )
    yield model.Grid(
        heading=heading,
        head=(say("periodic", "figure"), say("periodic", "value"), say("periodic", "tickets")),
        rows=tuple(
            (
                say.label(one),
                say.number(one["value"], one["unit"]),
                say.number(len(one["tickets"]), "tickets"),
            )
            for one in found
        ),
        right=(1, 2),
        widths=(110, 32, 32),
    )


def _misses(rows: Sequence[Values], say: Say) -> Iterator[model.Block]:
    told = tuple(
        (
            one["number"],
            say.maybe("clock", one["clock"]),
            one["priority"],
            say.number(one["target_s"], "seconds"),
            say.number(one["elapsed_s"], "seconds"),
            say("periodic", "still" if one["running"] else "over"),
        )
        for one in rows
    )
    head = tuple(
        say("periodic", name) for name in ("ticket", "clock", "priority", "target", "elapsed", "how")
    )
    yield from _list("misses", head, told, say, right=(3, 4), widths=(26, 40, 18, 28, 28, 34))


def _exclusions(rows: Sequence[Values], say: Say) -> Iterator[model.Block]:
    told = tuple(
        (
            one["number"],
            say.maybe("clock", one["clock"]),
            say.maybe("pause", one["reason"]),
            say.instant(one["since"]),
            say.instant(one["until"]),
            say.number(one["seconds"], "seconds"),
        )
        for one in rows
    )
    head = tuple(say("periodic", name) for name in ("ticket", "clock", "why", "from", "to", "counted_out"))
    yield from _list("pauses", head, told, say, right=(5,), widths=(22, 28, 40, 32, 32, 20))


def _planned(rows: Sequence[Values], say: Say) -> Iterator[model.Block]:
    told = tuple((one["number"], say.instant(one["start"])) for one in rows)
    yield from _list("planned", (say("periodic", "ticket"), say("periodic", "from")), told, say)


def _open(rows: Sequence[Values], say: Say) -> Iterator[model.Block]:
    told = tuple(
        (
            one["number"],
            one["subject"],
            say("state", one["state"]),
            one["priority"],
            say.instant(one["received_at"]),
            say.instant(one["due_at"]) if one["due_at"] else "",
        )
        for one in rows
    )
    names = ("ticket", "subject", "state", "priority", "received", "due")
    head = tuple(say("periodic", name) for name in names)
    yield from _list("open", head, told, say, widths=(22, 50, 30, 14, 32, 32))


def _list(
    name: str,
    head: tuple[str, ...],
    rows: tuple[tuple[str, ...], ...],
    say: Say,
    *,
    right: tuple[int, ...] = (),
    widths: tuple[int, ...] = (),
) -> Iterator[model.Block]:
    if not rows:
        return
    yield model.Grid(heading=say("list", name), head=head, rows=rows[:MOST], right=right, widths=widths)
    if len(rows) > MOST:
        yield model.Words(text=say("periodic", "more", n=len(rows) - MOST))
