"""In which words is told what becomes of a mail, and why? The same for the page and for the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.desk import footers
from core.desk.alert_looking import Decision
from web import alarm_words, proof, said
from web.desk import telling
from web.unread_words import unread
from web.words import Say

Moment = Callable[[datetime], str]
DELIVERY_REPORT = "delivery report"
"""Evidence that lists signs."""
_FIRST = re.compile(r"(\w+) of (\S+) comes first")


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs together, a line for each fact."""

    title: str
    lines: tuple[str, ...]


def groups(told: Mapping[str, Any], t: Say, moment: Moment) -> list[Group]:
    """What `explaining.explain` found, for people. A code that no catalogue knows is shown as it is."""
    parts: list[tuple[str, Iterator[str] | Sequence[str]]] = []
    if "mail" in told:
        parts.append(("mail", _mail(told["mail"], t)))
        parts.append(("author", author(told["trust"], t)))
        parts.append(("threading", threads(told["threading"], t) or (t("explain.no_candidates"),)))
    if "source" in told:
        parts.append(("source", _source(told["source"], t)))
    parts.extend(("alarm", _alarm(one, t, moment)) for one in told.get("alarms", ()))
    parts.append(("outcome", _outcome(told, t)))
    if "ticket" in told:
        parts.append(("ticket", _ticket(told["ticket"], t, moment)))
        if told["entitlement"] is not None:
            parts.append(("contract", _contract(told["entitlement"], t)))
        parts.append(("route", _route(told["route"], t)))
        parts.append(("answers", _answers(told["answers"], t)))
    return [Group(t(f"explain.group.{name}"), tuple(lines)) for name, lines in parts]


def plain(told: Mapping[str, Any], t: Say, moment: Moment) -> str:
    """The same as text: a title and its lines, indented."""
    return "\n".join(
        line
        for group in groups(told, t, moment)
        for line in (group.title, *(f"  {one}" for one in group.lines))
    )


def author(trust: Mapping[str, Any], t: Say) -> Iterator[str]:
    """How far its author is believed, and why."""
    checks = trust["checked"]
    if trust.get("level"):
        yield from proof.told(trust["level"], trust["because"], checks, t)
    if not checks:
        yield t("explain.proof_none")


def threads(considered: Sequence[Mapping[str, Any]], t: Say) -> list[str]:
    """What it could have been part of, and why it is or is not."""
    return [
        t(
            "explain.taken" if one["taken"] else "explain.candidate",
            how=_maybe(t, "explain.how", one["how"]),
            number=one["number"],
            why=_why(one["why"], t),
        )
        for one in considered
    ]


def folded(why: Sequence[Mapping[str, Any]], t: Say) -> list[str]:
    """Why what it ends with is folded; mostly nothing is, or for reasons of its own."""
    return [words for words, _ in said.remarks(footers.remarks(why), t)]


def reason(outcome: str, code: str, t: Say) -> str:
    """Why it has this outcome."""
    for place in ("explain.reason", "held.reason", "explain.kind"):
        if t.has(f"{place}.{code}"):  # type: ignore[attr-defined]
            words = t(f"{place}.{code}").rstrip(".")
            return words if outcome not in ("held", "discarded") else words[:1].lower() + words[1:]
    about = f"report_kind.{code.removesuffix('_unknown')}"
    return t("explain.of_unknown", what=t(about)) if t.has(about) else code  # type: ignore[attr-defined]


def became(outcome: str, code: str, t: Say) -> str:
    """What became of it, and why: `discarded` is what was held, or an exception, until somebody said so."""
    words = _maybe(t, "explain.outcome", outcome)
    return t("explain.outcome_line", outcome=words, reason=reason(outcome, code, t))


def _mail(mail: Mapping[str, Any], t: Say) -> Iterator[str]:
    yield t("explain.from", who=mail["from"] or t("explain.none"))
    yield t("explain.subject", subject=mail["subject"] or "–")
    if mail.get("box"):
        yield t("explain.to" if mail["ours"] else "explain.not_ours", box=mail["box"])
    kind = t("explain.kind_line", kind=_maybe(t, "explain.kind", mail["kind"]))
    because = ", ".join(_sign(one, t) for one in mail["because"])
    yield f"{kind}, {t('explain.evidence', evidence=because)}" if because else kind
    for words, number in said.remarks(mail["notes"], t):
        yield t("explain.remark", remark=f"{words} {number}".strip())


def _outcome(told: Mapping[str, Any], t: Say) -> Iterator[str]:
    yield became(told["outcome"], told["reason"], t)
    if told.get("error"):
        error = unread(told["error"], t.language)  # type: ignore[attr-defined]
        yield t("explain.failed", error=error)
    if told.get("names"):
        yield t("explain.names", numbers=", ".join(told["names"]))


def _source(source: Mapping[str, Any], t: Say) -> Iterator[str]:
    yield t("explain.source", source=source["name"], kind=source["kind"])
    if not source["enabled"]:
        yield t("explain.source_off")


def _alarm(alarm: Mapping[str, Any], t: Say, moment: Moment) -> Iterator[str]:
    """What it is, whose, and where it goes, in the words of the alarm's own page."""
    if "steps" not in alarm:
        yield t(f"explain.alarm.aside_{alarm['status']}", what=alarm["what"] or "–")
        return
    severity = _maybe(t, "alarms.severity", alarm["severity"])
    yield ": ".join(part for part in (severity, alarm["thing"], alarm["what"]) if part)
    yield t("explain.customer", customer=alarm["customer"] or t("explain.none"))
    for one in alarm["steps"]:
        words = _step(one, t, moment, made=alarm["number"] is None)
        yield t("explain.alarm.later", words=words[:1].lower() + words[1:]) if one["later"] else words
    if not alarm["steps"]:
        yield t("explain.alarm.counted")


def _step(step: Mapping[str, Any], t: Say, moment: Moment, *, made: bool) -> str:
    """`made`: the ticket that it speaks of has no number that would last."""
    name = f"explain.alarm.{step['kind']}"
    if made and t.has(name):  # type: ignore[attr-defined]
        return t(name)
    of = Decision(seq=0, at=step["at"], kind=step["kind"], values=step["values"], inbound=None)
    return alarm_words.decision(of, t, moment)


def _ticket(ticket: Mapping[str, Any], t: Say, moment: Moment) -> Iterator[str]:
    state = _maybe(t, "state", ticket["state"])
    if ticket["new"]:
        yield t("explain.ticket_new", state=state)
    else:
        yield t("explain.ticket_line", number=ticket["number"], state=state)
    yield t("explain.customer", customer=ticket["customer"] or t("explain.none"))
    names = ("request_type", "technology", "priority", "group")
    yield t("explain.qualified", **{name: ticket[name] or "–" for name in names})
    for clock in ticket["clocks"]:
        due = moment(clock["due"]) if clock["due"] is not None else "–"
        yield t("explain.clock", clock=_maybe(t, "clock", clock["name"]), due=due)


def _contract(check: Mapping[str, Any], t: Say) -> Iterator[str]:
    yield _maybe(t, "verdict", check["verdict"])
    if check["contract"]:
        yield t("explain.contract", contract=check["contract"], line=check["line"] or "–")
    for one in check["reasons"]:
        yield telling.reason(one, t)


def _route(steps: Sequence[Mapping[str, Any]], t: Say) -> Iterator[str]:
    if not steps:
        yield t("explain.route_none")
    for step in steps:
        name, _, n = str(step.get("rule", "")).partition(" ")
        rule = t("routing.rule", n=n) if name == "rule" and n else _maybe(t, "why.step", step.get("rule", ""))
        code = str(step.get("code", step.get("why", "")))
        known = t.has(f"why.code.{code}")  # type: ignore[attr-defined]
        why = t(f"why.code.{code}", value=step.get("value", "")) if known else code
        yield t("explain.route_line", rule=rule, group=step.get("group") or "–", why=why)


def _answers(answers: Sequence[Mapping[str, Any]], t: Say) -> Iterator[str]:
    if not answers:
        yield t("explain.answers_none")
    for one in answers:
        yield t("explain.answer", to=one["to"], kind=_maybe(t, "explain.answers", one["kind"]))


def _sign(words: str, t: Say) -> str:
    """What shows its kind. A field of the header that no catalogue knows stands as it is: `list-id`."""
    code, _, value = words.partition(": ")
    name = f"explain.because.{code}"
    if code == DELIVERY_REPORT:
        value = ", ".join(_maybe(t, "explain.sign", sign) for sign in value.split(", "))
    return t(name, value=value) if t.has(name) else words  # type: ignore[attr-defined]


def _why(words: str, t: Say) -> str:
    if first := _FIRST.fullmatch(words):
        return t("explain.comes_first", how=_maybe(t, "explain.how", first[1]).lower(), number=first[2])
    name = f"explain.why.{words}"
    return t(name) if t.has(name) else words  # type: ignore[attr-defined]


def _maybe(t: Say, prefix: str, code: str) -> str:
    return str(t.maybe(prefix, code))  # type: ignore[attr-defined]
