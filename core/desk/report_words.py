"""In which words does a report say its values? Values in (core.desk.reports, core.desk.visit_reports), blocks of words out. Decisions only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core import texts
from core.papers import model, wording

Values = Mapping[str, Any]


def subtitle(values: Values, n: int, why: str, language: str) -> str:
    """Which version it is, and why it takes the place of the one before. `why`: a code of `[why]`, or somebody's words."""
    words = wording.words(language)
    said = words["final" if values.get("final") else "version"].format(n=n)
    if n > 1 and why:
        replaced = words["supersedes"].format(n=n - 1, why=words["why"].get(why, why))
        return f"{said}. {replaced}"
    return str(said)


def closure(values: Values, language: str) -> tuple[str, tuple[model.Block, ...]]:
    """Title and blocks of a closing report."""
    say = _Say(language, values)
    title = say("closure", "title", number=values["number"])
    blocks = [
        model.Facts(rows=tuple(_about(values, say))),
        *_moments(values, say),
        *_text(say("closure", "cause"), say.maybe("cause", values["cause"])),
        *_text(say("closure", "solution"), values["solution"]),
        *_workaround(values, say),
        *_activities(values, say),
        *_parts(values["parts"], say),
        *_alarms(values, say),
        *_clocks(values, say),
        *(
            block
            for name in ("tests", "limits", "safety", "next_steps")
            for block in _text(
                say("closure", name), values.get(name, "")
            )  # `safety` came later than the first papers
        ),
        *_text(say("closure", "comments"), "\n".join(values["comments"])),
        *_text(say("closure", "costs"), _costs(values, say)),
        *_signatures(values["signatures"], say),
    ]
    return title, tuple(blocks)


def visit(values: Values, language: str) -> tuple[str, tuple[model.Block, ...]]:
    """Title and blocks of the report of a visit."""
    say = _Say(language, values)
    facts = [
        (say("fact", "customer"), values["customer"]),
        (say("fact", "site"), _join(values["site"], values["place"])),
        (say("fact", "subject"), values["subject"]),
        (say("visit", "purpose"), values["purpose"]),
        (say("fact", "technicians"), ", ".join(values["technicians"])),
        (say("visit", "window"), say.span(values["window_start"], values["window_end"])),
        (say("visit", "arrived"), say.instant(values["arrived_at"])),
        (say("visit", "left"), say.instant(values["left_at"])),
        (say("visit", "ended_why"), values["ended_why"]),
    ]
    tasks = tuple(
        (one["text"], say("visit", "task_done" if one["done"] else "task_open")) for one in values["tasks"]
    )
    blocks = [
        model.Facts(rows=tuple((name, value) for name, value in facts if value)),
        *_text(say("visit", "done"), values["done"]),
        *((model.Facts(heading=say("visit", "tasks"), rows=tasks),) if tasks else ()),
        *_parts(values["parts"], say),
        *_text(say("visit", "notes"), "\n".join(values["notes"])),
        *(
            block
            for name in ("limits", "safety", "next_steps")  # later than the first papers
            for block in _text(say("closure", name), values.get(name, ""))
        ),
        *_photos(values["photos"], say),
        *_signatures(values["signatures"], say),
    ]
    return say("visit", "title", number=values["number"]), tuple(blocks)


class _Say:
    """The words of one language, and times in one zone."""

    def __init__(self, language: str, values: Values) -> None:
        self.language = language
        self._words = wording.words(language)
        self._zone = ZoneInfo(values["time_zone"])

    def __call__(self, part: str, name: str, **values: object) -> str:
        said: str = self._words[part][name]
        return said.format(**values) if values else said

    def maybe(self, part: str, code: str) -> str:
        """Words of a code that the configuration may have made up."""
        return str(self._words[part].get(code, code))

    def instant(self, at: str) -> str:
        return texts.instant(datetime.fromisoformat(at), self._zone, self.language) if at else ""

    def span(self, since: str, until: str) -> str:
        return " – ".join(part for part in (self.instant(since), self.instant(until)) if part)

    def duration(self, seconds: int) -> str:
        return texts.duration(seconds, self.language)


def _about(values: Values, say: _Say) -> Iterator[tuple[str, str]]:
    yield say("fact", "customer"), values["customer"]
    if values["site"]:
        yield say("fact", "site"), _join(values["site"], values["site_address"])
    yield say("fact", "requester"), values["requester"]
    covered = values["contract"]
    yield say("fact", "contract"), _join(covered, values["line"]) if covered else say("fact", "no_contract")
    if values["asset"]:
        made = values["equipment"]
        serial = say("fact", "serial", serial=made["serial"]) if made["serial"] else ""
        make = " ".join(part for part in (made["make"], made["model"]) if part)
        yield say("fact", "asset"), _join(values["asset"], make, serial)
    yield say("fact", "subject"), values["subject"]
    priority = say("fact", "priority", priority=values["priority"]) if values["priority"] else ""
    kind = _join(values["request_type"], values["technology"], priority)
    if kind:
        yield say("fact", "kind"), kind
    if values["work_s"]:
        yield say("fact", "work"), say.duration(values["work_s"])
    for one in values["vendors"]:
        yield say("fact", "vendor"), f"{one['vendor']}: {one['reference']}"


def _moments(values: Values, say: _Say) -> Iterator[model.Block]:
    rows = tuple(
        (
            say.instant(one["at"]),
            say("event", one["key"], who=one["who"]),
            say.maybe("channel", one["channel"]) if one["channel"] else "",
        )
        for one in values["timeline"]
    )
    if rows:
        yield model.Moments(heading=say("closure", "course"), rows=rows)


def _workaround(values: Values, say: _Say) -> Iterator[model.Block]:
    if values["workaround"] and values["workaround_review"]:
        by = say.instant(values["workaround_review"])
        yield from _text(say("closure", "workaround_review", by=by), values["workaround"])
    else:
        yield from _text(say("closure", "workaround"), values["workaround"])


def _activities(values: Values, say: _Say) -> Iterator[model.Block]:
    rows = tuple(
        (
            one["who"],
            say.maybe("role", one["role"]),
            say.maybe("work", one["kind"]),
            say.instant(one["ended"]),
            say.duration(one["seconds"]),
        )
        for one in values["activities"]
    )
    if rows:
        head = tuple(say("work", name) for name in ("who", "role", "kind", "ended", "minutes"))
        yield model.Grid(
            heading=say("closure", "work"), head=head, rows=rows, right=(4,), widths=(28, 22, 22, 44, 20)
        )


def _parts(parts: Sequence[Values], say: _Say) -> Iterator[model.Block]:
    rows = tuple((one["name"], one["serial"], one["removed"]) for one in parts)
    if rows:
        head = tuple(say("part", name) for name in ("name", "installed", "removed"))
        yield model.Grid(heading=say("closure", "parts"), head=head, rows=rows)


def _alarms(values: Values, say: _Say) -> Iterator[model.Block]:
    told = values.get("alarms") or {"named": (), "more": 0}  # they came later than the first papers
    rows = [
        (one["what"], say.instant(one["began"]), say.instant(one["ended"]), str(one["count"]))
        for one in told["named"]
    ]
    if told["more"]:
        rows.append((say("alarm", "more", count=told["more"]), "", "", ""))
    if rows:
        head = tuple(say("alarm", name) for name in ("what", "began", "ended", "count"))
        yield model.Grid(
            heading=say("closure", "alarms"), head=head, rows=tuple(rows), right=(3,), widths=(62, 34, 34, 12)
        )


def _clocks(values: Values, say: _Say) -> Iterator[model.Block]:
    rows = tuple(
        (
            say("clock", one["name"]),
            say.duration(one["elapsed_s"]),
            say.duration(one["target_s"]),
            _paused(one, say),
            say("clocks", "met" if one["met"] else "missed"),
        )
        for one in values["clocks"]
    )
    if rows:
        head = tuple(say("clocks", name) for name in ("name", "elapsed", "target", "paused", "outcome"))
        yield model.Grid(
            heading=say("closure", "clocks"), head=head, rows=rows, right=(1, 2), widths=(32, 24, 24, 40, 22)
        )


def _paused(clock: Values, say: _Say) -> str:
    if clock["paused_s"] < 60:  # noqa: PLR2004 - less than a minute is none to people
        return ""
    why = ", ".join(dict.fromkeys(say.maybe("pause", reason) for reason in clock["paused_for"]))
    time = say.duration(clock["paused_s"])
    return say("clocks", "paused_for", time=time, why=why) if why else time


def _costs(values: Values, say: _Say) -> str:
    costs = values["costs"]
    if not costs["covered"]:
        return say("cost", "uncovered")
    named = {"contract": values["contract"], "line": values["line"]}
    used = ", ".join(_used(unit, quantity, say) for unit, quantity in sorted(costs["used"].items()))
    return say("cost", "counted", used=used, **named) if used else say("cost", "covered", **named)


def _used(unit: str, quantity: int, say: _Say) -> str:
    if unit == "minutes":
        return say.duration(quantity * 60)
    return say("cost", f"{unit}_1") if quantity == 1 else say("cost", f"{unit}_n", n=quantity)


def _signatures(signed: Sequence[Values], say: _Say) -> Iterator[model.Block]:
    found = tuple(
        model.Signature(
            who=one["name"],
            role=say.maybe("role", one["role"]),
            at=say.instant(one["at"]),
            picture=one["picture"],
            words=say("signed", "unable", why=one["unable"]) if one["unable"] else "",
        )
        for one in signed
    )
    if found:
        yield model.Signatures(heading=say("closure", "signatures"), signed=found)


def _photos(photos: Sequence[Values], say: _Say) -> Iterator[model.Block]:
    for n, one in enumerate(photos, 1):
        says = one["text"] or say("visit", "photo", n=n)
        yield model.Picture(heading=say("visit", "photos") if n == 1 else "", name=one["picture"], says=says)


def _text(heading: str, text: str) -> Iterator[model.Block]:
    if text.strip():
        yield model.Words(heading=heading, text=text.strip())


def _join(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
