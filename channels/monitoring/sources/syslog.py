"""Syslog: of many lines few are problems. Rules say which; without rules those that were logged as errors are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from channels.monitoring import lines, severities
from channels.monitoring.fields import FACTS, fact
from channels.monitoring.frames import LONGEST, Stream, end, frames
from channels.monitoring.lines import Line
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import AlertFact, Severity, Status

RULE = 500  # characters of a regular expression
_NAMES = frozenset({"match", "severity", "event", "key", "state"})
_ERRORS = 3  # severities up to this one are problems where no rule says what is
_COUNTED = re.compile(rb"\d{1,7} <\d{1,3}>")

_RECOVERED = re.compile(
    r"(?:changed state to up|\b(?:has |have |was |were |is |are )?(?:recovered|restored|cleared|resolved)\b"
    r"|\bis back\b|\bback (?:to normal|online|up)\b|\breturned to normal\b|\b(?:is|are|came|now|link) up\b|\bis (?:now )?(?:ok|online)\b"
    r"|\bneighbor \S+ (?:vpn vrf \S+ )?up\b|\bto full\b|\bripristinat[oaie]\b|\btornat[oaie] (?:attiv|normal|su\b|online)|\brientrat[oaie]\b)",
    re.IGNORECASE,
)
"""The state decides: how a line was logged says nothing of it."""
_NEGATED = re.compile(r"(?:\bnot|n't|\bnever|\bcannot|\bnon)\b[^,;.]*$", re.IGNORECASE)
_THING = re.compile(
    r"\b(?:interface|port|neighbor|nbr|fan|module|slot|power supply) ([\w./:-]{1,64})", re.IGNORECASE
)
_MNEMONIC = re.compile(r"(%.+)-[0-7]-([A-Z0-9_]+)")


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """A fact for each line that a rule takes; for all others none.

    The body is one datagram or what a connection brought: counted messages, or lines.
    """
    counted = _COUNTED.match(told.raw) is not None
    whole, stream = frames(told.raw, Stream(counted=counted))
    whole += end(stream)
    if len(whole) > FACTS:
        raise NotUnderstood(f"{len(whole)} lines in one message: {FACTS} is the limit")
    rules = [_Rule(one) for one in source.rules]
    found = (_fact(told, source, raw, rules) for raw in whole)
    return [one for one in found if one is not None]


class _Rule:
    """What makes lines facts.

    `match`: a regular expression with named groups, of which `host`, `resource`, `event`, `key`, `severity` and `state` fill the
    fact. `severity`; `event` and `key`, in which {name} stands for a group; `state`: `firing` or `resolved`, else words decide.
    Raises NotUnderstood for one that is wrong.
    """

    def __init__(self, rule: Mapping[str, str]) -> None:
        wrong = sorted(set(rule) - _NAMES)
        if wrong or "match" not in rule or rule.get("state", "firing") not in ("firing", "resolved"):
            raise NotUnderstood(
                f"a rule has match, and may have severity, event, key, state (firing or resolved): {', '.join(wrong)}"
            )
        self.pattern = _compiled(rule["match"])
        self.rule = rule


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Raises NotUnderstood: too long, wrong, or a group repeated whose parts repeat, which may take longer than anybody lives.

    What is left takes at worst time by a power of the line's length, which is bounded; and it is run where a limit on CPU time ends it.
    """
    if len(pattern) > RULE:
        raise NotUnderstood(f"the rule has {len(pattern)} characters: {RULE} is the limit")
    if repeats_choices(pattern):
        raise NotUnderstood(
            f"the rule {pattern!r} repeats a group in which something repeats or has alternatives"
        )
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise NotUnderstood(f"the rule {pattern!r} is no regular expression: {error}") from None


def repeats_choices(pattern: str) -> bool:
    """Is there a group which is repeated, and inside which something repeats, is optional or has alternatives?

    >>> repeats_choices("(a+)+b"), repeats_choices("(a|a)*b"), repeats_choices(r"(?P<port>\\S+) down(, .*)?")
    (True, True, False)
    """
    bare = re.sub(r"\\.", "x", pattern, flags=re.DOTALL)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", bare)
    bare = re.sub(r"\(\?(?:P<\w+>|<?[:=!])", "(", bare)
    inside: list[bool] = [False]
    for at, one in enumerate(bare):
        if one == "(":
            inside.append(False)
        elif one == ")" and len(inside) > 1:
            choices = inside.pop()
            if choices and bare[at + 1 : at + 2] in ("*", "+", "{"):
                return True
            inside[-1] |= choices
        elif one in "*+{?|":
            inside[-1] = True
    return False


def _fact(told: Told, source: Source, raw: bytes, rules: Sequence[_Rule]) -> AlertFact | None:
    line = lines.read(raw, received_at=told.received_at, zone=source.time_zone)
    if not rules:
        return _of_line(told, source, line) if line.severity <= _ERRORS else None
    for rule in rules:
        match = rule.pattern.search(f"{line.id}: {line.message}" if line.id[:1] == "%" else line.message)
        if match is not None:
            return _of_line(told, source, line, rule.rule, {n: v for n, v in match.groupdict().items() if v})
    return None


def _of_line(
    told: Told,
    source: Source,
    line: Line,
    rule: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
) -> AlertFact:
    rule, groups = rule or {}, groups or {}
    device = groups.get("host") or line.host or told.peer
    thing, event, key = _named(line, device)
    resource = groups.get("resource") or thing or device
    over = _is_over(line, rule, groups)
    said = groups.get("severity") or rule.get("severity")
    severity = said or severities.SYSLOG[line.severity]
    found = fact(
        told,
        source,
        status=Status.RESOLVED if over else Status.FIRING,
        event=groups.get("event") or _filled(rule.get("event"), groups) or event,
        key="syslog:" + (_filled(rule.get("key"), groups) or _of_group(groups, device) or key),
        resource=resource,
        severity=Severity.OK if over and not said else severity,
        started=None if over else line.at,
        ended=line.at,
        # Whose interface it is must be read where nobody knows the device by its address, too.
        summary=line.message if device in (resource, *line.message.split()) else f"{line.message} ({device})",
        text=line.message,
        labels=line.labels,
        address=told.peer,
        notes=list(_notes(line)),
    )
    return _by_our_clock(found) if line.unsure else found


def _by_our_clock(found: AlertFact) -> AlertFact:
    """A clock that says itself that nobody set it decides nothing: it may be months behind. What it says is kept as its claim."""
    return replace(
        found,
        started_at=None,
        ended_at=None,
        claimed_started_at=found.started_at or found.claimed_started_at,
        claimed_ended_at=found.ended_at or found.claimed_ended_at,
    )


def _is_over(line: Line, rule: Mapping[str, str], groups: Mapping[str, str]) -> bool:
    if "state" in rule:
        return rule["state"] == "resolved"
    if "state" in groups:
        return severities.of_word(groups["state"], {}) is Severity.OK or _says_recovered(groups["state"])
    return _says_recovered(line.message)


def _says_recovered(words: str) -> bool:
    found = _RECOVERED.search(words)
    return found is not None and not _NEGATED.search(words[max(0, found.start() - 30) : found.start()])


def _named(line: Line, device: str) -> tuple[str, str, str]:
    """Thing, event, key. Of Cisco's the mnemonic without its severity, and the thing that it speaks of."""
    if line.id[:1] == "%":
        found = _THING.search(line.message)
        thing = found[1].rstrip(".:") if found else ""
        mnemonic = _MNEMONIC.fullmatch(line.id)
        plain = f"{mnemonic[1]}-{mnemonic[2]}" if mnemonic else line.id
        return thing, line.id, f"{device}:{plain}:{thing}"
    app = line.app or "-"
    return "", f"{app}/{line.id}" if line.id else app, f"{device}:{app}:{line.id or '-'}"


def _filled(words: str | None, groups: Mapping[str, str]) -> str:
    """{name} stands for a group. What lines say is put in once: it is not looked into again."""
    return re.sub(r"\{(\w+)\}", lambda m: groups.get(m[1], ""), words) if words else ""


def _of_group(groups: Mapping[str, str], device: str) -> str:
    return f"{device}:{groups['key']}" if "key" in groups else ""


def _notes(line: Line) -> Iterator[str]:
    if line.cut:
        yield f"the line was longer than {LONGEST} bytes, and is cut"
    if line.unsure:
        yield "the clock of the device is not synchronised"
