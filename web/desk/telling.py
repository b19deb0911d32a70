"""In which words does a ticket tell its clocks, its events, its contract, and who gets an answer?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from core.desk import resolution
from core.desk.errors import DeskError, Invalid
from core.desk.views import AnswerView, ClockView, EventView, PersonView, TicketView, WayView
from core.rules.participation import Why
from web import refusals
from web.pages import address, left, spell
from web.words import Say, say

RISK = 0.75  # of the target
ORDER = {"running": 0, "paused": 1, "breached": 2, "met": 3}


def clocks(found: Sequence[ClockView], now: datetime, language: str) -> list[tuple[ClockView, str, str]]:
    """The last cycle of each promise with its shape and its words; what runs comes first, then what is due first."""
    last = {clock.name: clock for clock in sorted(found, key=lambda one: one.cycle)}
    shown = [clock for clock in last.values() if clock.state in ORDER]
    shown.sort(key=lambda one: (ORDER[one.state], one.due_at or now))
    return [(clock, *_clock(clock, now, language)) for clock in shown]


def _clock(clock: ClockView, now: datetime, language: str) -> tuple[str, str]:
    t = say(language)
    spent, target = spell(clock.elapsed_s, language), spell(clock.target_s, language)
    match clock.state:
        case "met":
            return "met", t("ticket.clock_met", spent=spent)
        case "breached":
            return "late", t("ticket.clock_breached", spent=spent)
        case "paused":
            return "paused", t("ticket.clock_paused", spent=spent, target=target)
        case _:
            return _running(clock, now, language)


def _running(clock: ClockView, now: datetime, language: str) -> tuple[str, str]:
    t = say(language)
    if clock.due_at is None:
        return "paused", t("ticket.clock_pending")
    if clock.due_at < now:
        return "late", t("ticket.clock_late", left=left(now, clock.due_at, language))
    shape = "risk" if clock.elapsed_s >= clock.target_s * RISK else "running"
    return shape, t("ticket.clock_left", left=left(clock.due_at, now, language))


def event(told: EventView, t: Say) -> str:
    """What happened, in a few words."""
    words = t.maybe("event", told.kind)  # type: ignore[attr-defined]
    return str(words.format_map(_Known(told.data)) if "{" in words else words.replace(".", " "))


def reason(told: Mapping[str, Any], t: Say) -> str:
    """Why the contract check came out as it did: the catalogue's sentence, else the one kept with the check."""
    words = str(t.maybe("reason", told["code"]))  # type: ignore[attr-defined]
    if not t.has(f"reason.{told['code']}"):  # type: ignore[attr-defined]
        return str(told.get("sentence", words))
    values = {name: value for name, value in told.items() if name not in ("code", "sentence")}
    values = values.get("values", values)
    said = {name: ", ".join(value) if isinstance(value, list) else value for name, value in values.items()}
    return words.format_map(_Known(said))


class _Known(dict[str, Any]):
    """Values for the places of a sentence; one that is missing is a question mark, not a failed page."""

    def __missing__(self, key: str) -> str:
        return "?"


def faults(wrong: DeskError | None, t: Say) -> dict[str, str]:
    """Field to what is wrong with it, in the reader's words as far as there are any."""
    if not isinstance(wrong, Invalid):
        return {}
    return {fault.pointer.lstrip("/"): refusals.what(fault, t) for fault in wrong.faults}


def names(codes: Sequence[str], of: str, t: Say) -> str:
    """A list of things by their names in the catalogue; what has none there is no word for people."""
    return ", ".join(t(f"{of}.{code}") for code in codes if t.has(f"{of}.{code}"))  # type: ignore[attr-defined]


def goes_to(view: TicketView, t: Say) -> str:
    """Who gets an answer, and on which channel."""
    by_channel: dict[str, list[str]] = {}
    for one in view.answers:
        by_channel.setdefault(one.ways[0].channel, []).append(_named(one, view, t))
    told = [
        t("ticket.to", channel=_channel(channel, t), who=", ".join(names))
        for channel, names in by_channel.items()
    ]
    return " · ".join(told) if told else t("ticket.to_nobody")


def warnings(view: TicketView, t: Say) -> list[str]:
    """Whom an answer will not reach where it goes, or may not, and why."""
    return [
        t(f"stopped.to.{one.ways[0].stopped}", who=address(one.address, t))
        for one in view.answers
        if one.ways[0].stopped
    ]


def choices(view: TicketView, t: Say) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Who can be answered in several ways: (where they would be, who in words, (address, how in words) each)."""
    return [
        (
            one.address,
            _named(one, view, t),
            [(way.address, _way(way, t)) for way in one.ways],
        )
        for one in view.answers
        if len(one.ways) > 1
    ]


def _way(way: WayView, t: Say) -> str:
    readable = address(way.address, t)
    channel = _channel(way.channel, t)
    named = readable if channel in readable else f"{channel}, {readable}"
    return f"{named} ({t(f'stopped.reason.{way.stopped}')})" if way.stopped else named


def _channel(name: str, t: Say) -> str:
    return str(t.maybe("channel", name))  # type: ignore[attr-defined]


def _named(one: AnswerView, view: TicketView, t: Say) -> str:
    name = one.name or address(one.address, t)
    if not one.outsider:
        return name
    return t("ticket.outsider", who=f"{name} <{address(one.address, t)}>", customer=view.row.customer_name)


def listed(view: TicketView, t: Say) -> list[tuple[str, str, str, str]]:
    """The people an answer goes to or not: address, who and why in words, what staff may say instead, and its verb.

    Each once, those first who are not written to.
    """
    found: dict[str, PersonView] = {}
    for one in [one for thread in view.threads for one in thread.participants]:
        if one.address not in found or one.why == Why.WRITTEN_TO:
            found[one.address] = one
    told = []
    for one in sorted(found.values(), key=lambda one: one.why == Why.WRITTEN_TO):
        verb = "exclude" if one.why == Why.WRITTEN_TO else "include"
        why = t(f"ticket.person.{one.why}", customer=view.row.customer_name)
        if one.why == Why.WRITTEN_TO and one.outsider:
            why = t("ticket.person.admitted", customer=view.row.customer_name)
        of = ", ".join(one.customers)
        if one.outsider and of:
            why += " " + t("ticket.person.of", customers=of)
        who = f"{one.name} <{address(one.address, t)}>" if one.name else address(one.address, t)
        told.append((one.address, f"{who}: {why}", t(f"ticket.{verb}"), verb))
    return told if len(told) > 1 or any(verb == "include" for *_, verb in told) else []


@cache
def fixed_choices(t: Say) -> Mapping[str, tuple[tuple[Any, str], ...]]:
    """What forms offer whatever the desk is configured to be."""
    return {
        "causes": tuple((code, t(f"cause.{code}")) for code in resolution.CAUSES),
        "impacts": tuple((n, t(f"level.{n}")) for n in (1, 2, 3)),
        "urgencies": tuple((n, t(f"urgency.{n}")) for n in (1, 2, 3, 4)),
    }
