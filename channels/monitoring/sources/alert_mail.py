"""Alert mail: the templates of Zabbix, Nagios, Icinga 2, Checkmk and of backup jobs; what matches none is a fact that people look at."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from channels.monitoring import letters
from channels.monitoring.fields import fact
from channels.monitoring.source import Source, Told
from channels.monitoring.sources import checkmk, icinga2, nagios
from core.alerting import AlertFact, Severity, Status

_ZABBIX_LINE = re.compile(
    r"^(Problem name|Host|Severity|Operational data|Original problem ID):(.*)$", re.MULTILINE
)
_ZABBIX_WHEN = re.compile(
    r"^Problem (?:started|has been resolved)[^\n]{0,80}? at (\d\d:\d\d:\d\d) on (\d{4}\.\d\d\.\d\d)",
    re.MULTILINE,
)
_JOB = re.compile(
    r"\[(?P<result>Failed|Success|Warning|Error)\]\s*(?P<job>[^(]+?)\s*(?:\(.*)?$", re.IGNORECASE
)
"""As Veeam writes subjects: [Failed] Nightly (3 objects) 1 failed."""
_JOB_RESULTS = {
    "failed": (Status.FIRING, Severity.MAJOR),
    "error": (Status.FIRING, Severity.MAJOR),
    "warning": (Status.FIRING, Severity.WARNING),
    "success": (Status.RESOLVED, Severity.OK),
}
_CALLS = re.compile(
    r"(?:(?:(?:re|fwd?|r|i|allarme|allerta|avviso|alarm|alert|attention|attenzione|problem)\s*:"
    r"|\[(?:firing|alerting)(?::\s?\d{1,4})?(?:,\s?resolved:\s?\d{1,4})?\])\s*)+",
    re.IGNORECASE,
)
_OVER = r"(?:resolved|recover(?:ed|y)|cleared|restored|ok|risolt[oaie]|rientr(?:o|at[oaie])|ripristin(?:o|at[oaie])|cessat[oaie]|fine\sallarme)"
_ENDS = re.compile(
    rf"(?:\[\s?{_OVER}(?::\s?\d{{1,4}})?\s?\]:?|{_OVER}(?:\s(?:allarme|alarm|alert))?(?:\sin(?:\s\d{{1,4}}\s?[a-z]{{1,10}}){{1,4}})?\s?:)\s*",
    re.IGNORECASE,
)
"""Before what is over: "RIENTRO: ", "[RESOLVED] ", "Resolved in 1h 3m: ". Only in front of everything, and marked off: within a sentence such a word may mean anything."""
_FAILED = re.compile(
    r"\s*(?:failed|fallit[oaie]|no|not|non)\b|.*\b(?:fail(?:ed|ures?)|fallit[ie]|errors?|errori|critical|critici)\s?[:=]\s?[1-9]",
    re.IGNORECASE,
)
"""What is no end, whatever stands before it: "Ripristino: fallito su SRV01", "OK: 3, FAILED: 2". A problem may be called by such a word elsewhere."""
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")


def parse(told: Told, source: Source) -> Sequence[AlertFact]:
    """One fact. Nothing is dropped for being automatic or sent in bulk: only an answer of a person's absence is put aside."""
    letter = letters.letter(told)
    if letter.automatic_reply:
        return [_put_aside(told, source, letter, "an automatic reply")]
    return [
        _of_zabbix(told, source, letter)
        or nagios.of_mail(told, source, letter)
        or icinga2.of_mail(told, source, letter)
        or checkmk.of_mail(told, source, letter)
        or _of_job(told, source, letter)
        or _free(told, source, letter)
    ]


def _put_aside(told: Told, source: Source, letter: letters.Letter, why: str) -> AlertFact:
    """What nobody must act on."""
    return fact(
        told,
        source,
        status=Status.IGNORED,
        event=None,
        key=None,
        summary=letter.subject,
        text=letter.text,
        notes=[why],
    )


def _of_zabbix(told: Told, source: Source, letter: letters.Letter) -> AlertFact | None:
    """Paired by the number in the body alone: these mails are no answers to each other."""
    lines = {name: value.strip() for name, value in _ZABBIX_LINE.findall(letter.text)}
    updated = "Current problem status is" in letter.text
    if "Original problem ID" not in lines or "Problem name" not in lines:
        # The words that Zabbix ships for updates name no problem, which has its alarm already.
        return _put_aside(told, source, letter, "an update that names no problem") if updated else None
    over = bool(re.search(r"^Problem has been resolved", letter.text, re.MULTILINE))
    acknowledged = updated and bool(re.search(r"acknowledged: Yes", letter.text))
    when = _ZABBIX_WHEN.search(letter.text)
    at = f"{when[2]} {when[1]}" if when else None
    return fact(
        told,
        source,
        status=Status.RESOLVED if over else Status.ACKNOWLEDGED if acknowledged else Status.FIRING,
        event=lines["Problem name"],
        key=f"zabbix:event:{lines['Original problem ID']}",
        resource=lines.get("Host"),
        severity=lines.get("Severity"),
        started=None if over else at,
        ended=at,
        summary=letter.subject or lines["Problem name"],
        text=letter.text,
        labels={"sender": letter.sender} if letter.sender else {},
    )


def _of_job(told: Told, source: Source, letter: letters.Letter) -> AlertFact | None:
    """A job that is done: its name pairs a failure with the next success."""
    match = _JOB.match(letter.subject)
    if match is None:
        return None
    status, severity = _JOB_RESULTS[match["result"].lower()]
    return fact(
        told,
        source,
        status=status,
        event=match["job"],
        key=f"job:{letter.sender}:{match['job'].lower()}",
        severity=severity,
        started=letter.date if status is Status.FIRING else None,
        ended=letter.date,
        summary=letter.subject,
        text=letter.text,
        labels={"sender": letter.sender},
    )


def _free(told: Told, source: Source, letter: letters.Letter) -> AlertFact:
    """Known by sender and subject, which may say that it is over: only where that fires, else it may mean anything. The first address in it is the device's, as far as anybody can tell."""
    over, about = _ended(letter.subject)
    named = _bare(about)
    first_line = letter.text.strip().partition("\n")[0]
    address = _address(f"{letter.subject}\n{letter.text}")
    return fact(
        told,
        source,
        status=Status.RESOLVED if over else Status.FIRING,
        # What stands last behind a dash is the place.
        event=named.rpartition(" - ")[0] or named or first_line,
        key=f"email:{letter.sender}:{named or first_line}",
        unless_key=f"email:{letter.sender}:{_bare(letter.subject)}" if over else None,
        resource=address,
        started=None if over else letter.date,
        ended=letter.date,
        summary=letter.subject or first_line,
        text=letter.text,
        labels={"sender": letter.sender} if letter.sender else {},
        address=address or "",
    )


def _ended(subject: str) -> tuple[bool, str]:
    """Does it say that something is over, and of what?

    >>> _ended("ALARM: RIENTRO: UPS"), _ended("Is it OK: no")
    ((True, 'UPS'), (False, 'Is it OK: no'))
    """
    calls = _CALLS.match(subject)
    at = calls.end() if calls is not None else 0
    found = _ENDS.match(subject, at)
    about = subject[found.end() :] if found is not None else ""
    return (True, about) if about.strip() and not _FAILED.match(about) else (False, subject)


def _bare(subject: str) -> str:
    """Without what calls in front of it; behind that such words are the problem's.

    >>> _bare("ALARM: Sensor: too hot"), _bare("Sensor alarm: too hot"), _bare("[FIRING:1, RESOLVED:2] Disk")
    ('Sensor: too hot', 'Sensor alarm: too hot', 'Disk')
    """
    calls = _CALLS.match(subject)
    return subject[calls.end() :] if calls is not None else subject


def _address(text: str) -> str | None:
    for match in _ADDRESS.finditer(text):
        try:
            return str(ipaddress.ip_address(match[0]))
        except ValueError:
            continue
    return None
