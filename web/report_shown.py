"""How is a report of a period shown on a page? Figures in sections, each number with a way to its tickets; drawings as images."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from core.desk import periodic_charts
from core.desk.periodic import Whole
from core.desk.periodic_words import DRAWN, SECTIONS, Say, definitions_of, drawn_of
from core.papers import wording
from web import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure in words."""

    at: int
    """Its place in the report: where its tickets are listed."""
    label: str
    shown: str
    tickets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures under one heading."""

    name: str
    heading: str
    drawn: bool
    lines: tuple[Line, ...]


def named(request: web.Request) -> tuple[str, str, int]:
    """Contract, period and version of the address. Raises 404."""
    n = numbers.whole(request.match_info["n"])
    if n is None:
        raise web.HTTPNotFound
    return request.match_info["contract"], request.match_info["period"], n


def shown(found: Whole) -> dict[str, Any]:
    """What a template is given of a report."""
    say = Say(found.language, found.values["time_zone"])
    lists = ("misses", "exclusions", "open", "planned")
    return {
        "report": found.view,
        "hash": found.hash,
        "sections": [one for name in SECTIONS if (one := _section(found.values, name, say)).lines],
        "lists": {name: found.values[name] for name in lists},
        "say": say,
        "definitions": list(definitions_of(found.language)),
    }


def _section(values: Mapping[str, Any], name: str, say: Say) -> Section:
    figures = [(n, one) for n, one in enumerate(values["figures"]) if one["section"] == name]
    return Section(
        name=name,
        heading=say("section", name),
        drawn=any(drawn_of([one for _, one in figures], name, part) for part in DRAWN.get(name, ())),
        lines=tuple(
            Line(
                at=n,
                label=say.label(one),
                shown=say.number(one["value"], one["unit"]),
                tickets=len(one["tickets"]),
            )
            for n, one in figures
        ),
    )


def behind(found: Whole, at: str) -> dict[str, Any]:
    """One figure with the numbers of its tickets. Raises 404."""
    n = numbers.whole(at)
    if n is None or n >= len(found.values["figures"]):
        raise web.HTTPNotFound
    figure = found.values["figures"][n]
    say = Say(found.language, found.values["time_zone"])
    return {
        "report": found.view,
        "label": say.label(figure),
        "shown": say.number(figure["value"], figure["unit"]),
        "heading": say("section", figure["section"]),
        "numbers": list(dict.fromkeys(figure["tickets"])),
    }


async def chart(found: Whole, name: str) -> web.Response:
    """The drawing of a section. Raises 404 for one that has none."""
    say = Say(found.language, found.values["time_zone"])
    figures = [one for one in found.values["figures"] if one["section"] == name]
    for part in DRAWN.get(name, ()):
        if drawn := drawn_of(figures, name, part):
            svg = await asyncio.to_thread(
                periodic_charts.bars,
                wording.words(found.language)["figure"][part],
                tuple(say.about(one) for one in drawn),
                tuple(float(one["value"]) for one in drawn),
                tuple(say.number(one["value"], one["unit"]) for one in drawn),
                percent=drawn[0]["unit"] == "percent",
            )
            return image(svg)
    raise web.HTTPNotFound


def image(svg: str) -> web.Response:
    """A drawing as an image: opened by itself it runs nothing and fetches nothing."""
    return web.Response(
        text=svg,
        content_type="image/svg+xml",
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "Cache-Control": "private, max-age=60",
        },
    )
