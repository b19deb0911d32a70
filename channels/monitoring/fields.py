"""How is a fact put together? Values cut at their limits, never refused; a clock that is wrong is said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from channels.monitoring import severities, times
from channels.monitoring.source import NotUnderstood, Source, Told
from core.alerting import WITHOUT_KEY, AlertFact, Severity, Status

NAME = 255  # characters of a resource, an event, a key
LINE = 500  # characters of a summary
TEXT = 64 * 1024  # bytes of a text
LABELS = 64  # of one fact
LABEL = 1024  # bytes of the value of a label
LINKS = 8
FACTS = 10_000  # of one message (monitoring.md 8)
FAILS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What a parser raises that meets another shape than its tool's."""


def fact(  # noqa: PLR0913 - the fields of a fact
    told: Told,
    source: Source,
    *,
    status: Status,
    event: Any,
    key: str | None,
    unless_key: str | None = None,
    resource: Any = None,
    severity: Severity | Any = None,
    started: Any = None,
    ended: Any = None,
    summary: Any = "",
    text: Any = "",
    labels: Mapping[Any, Any] | None = None,
    links: Iterable[Any] = (),
    address: Any = "",
    every: float | None = None,
    said: Any = None,
    work_over: bool = False,
    tells_of_work: bool = False,
    left_out: int = 0,
    notes: Iterable[str] = (),
) -> AlertFact:
    """The fact, normalised as monitoring.md 3 wants it.

    `severity`: ours, or a word of the payload. `started`, `ended`, `said`: as the payload writes them, or a datetime. `key`: without
    regard to its length. A recovery that says nothing of its own is `ok`. `work_over`: maintenance there has ended; `tells_of_work`: the tool says so when it has.
    """
    zone = source.time_zone
    began, claimed_start = _when(started, told.received_at, zone)
    over, claimed_end = _when(ended, told.received_at, zone)
    bad = severity if isinstance(severity, Severity) else severities.of_word(severity, source.severities)
    if status is Status.RESOLVED and (severity is None or bad is Severity.UNKNOWN):
        bad = Severity.OK
    elif status is not Status.RESOLVED and bad is Severity.OK:
        bad = Severity.UNKNOWN
    return AlertFact(
        said_at=times.instant(said, zone),  # beside others of the same clock, which may be wrong
        work_over=work_over,
        tells_of_work=tells_of_work,
        source=source.name,
        status=status,
        event=line(event, NAME) or None,
        dedup_key=None if status in WITHOUT_KEY or key is None else short(key),
        unless_key=None if unless_key is None else short(unless_key),
        resource=line(resource, NAME) or None,
        severity=bad,
        started_at=began,
        ended_at=over if status is Status.RESOLVED else over or told.received_at if work_over else None,
        claimed_started_at=claimed_start,
        claimed_ended_at=claimed_end if status is Status.RESOLVED else None,
        summary=line(summary, LINE),
        text=cut(clean(text), TEXT),
        labels=flat(labels or {}),
        links=tuple(dict.fromkeys(link for one in links if (link := web_address(one))))[:LINKS],
        address=line(address, NAME),
        every=every,
        left_out=left_out,
        notes=tuple(notes),
    )


def each(
    told: Told, source: Source, items: Any, one: Callable[[Any], AlertFact | Sequence[AlertFact]]
) -> list[AlertFact]:
    """What `one` reads of each item of a list.

    An item that cannot be read does not stop its neighbours: it is an `ignored` fact whose note says why. Raises NotUnderstood:
    not one can be read, there are too many, or it is no list.
    """
    if not isinstance(items, list):
        raise NotUnderstood(f"there is no list of alerts, but {type(items).__name__}")
    if len(items) > FACTS:
        raise NotUnderstood(f"{len(items)} alerts in one message: {FACTS} is the limit")
    found: list[AlertFact] = []
    failed: list[str] = []
    for number, item in enumerate(items, 1):
        try:
            read = one(item)
            found += [read] if isinstance(read, AlertFact) else read
        except FAILS as error:
            why = f"alert {number} of {len(items)} cannot be read: {wrong(error)}"
            failed.append(why)
            found.append(
                fact(told, source, status=Status.IGNORED, event=None, key=None, summary=why, notes=[why])
            )
    if failed and len(failed) == len(items):
        raise NotUnderstood(failed[0])
    return found


def _when(value: Any, received_at: datetime, zone: Any) -> tuple[datetime | None, datetime | None]:
    """An instant that can be, and one that cannot."""
    at = times.instant(value, zone)
    if at is not None and at - received_at > times.AHEAD:
        return None, at
    return at, None


def short(key: str) -> str:
    """A key that fits: the text itself, or its SHA-256.

    >>> short("a"), len(short("a" * 300))
    ('a', 64)
    """
    key = clean(key)
    return key if 0 < len(key) <= NAME else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def clean(value: Any) -> str:
    """Text without what no database keeps: NUL, halves of characters."""
    text = "" if value is None else value if isinstance(value, str) else str(value)
    if text.isascii() and "\0" not in text:  # nearly always
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def line(value: Any, most: int) -> str:
    """One line of printable characters, cut.

    >>> line(" two\\n lines\\x00 ", 5)
    'two l'
    """
    text = " ".join(clean(value).split())
    if not text.isprintable():
        text = "".join(one for one in text if one.isprintable())
    return text[:most].rstrip()


def cut(text: str, most: int) -> str:
    """Not more than so many bytes of UTF-8."""
    if len(text) * 4 <= most:  # no character has more bytes
        return text
    content = text.encode()
    return text if len(content) <= most else content[:most].decode("utf-8", "ignore")


def texts(found: Any) -> dict[str, str]:
    """A flat map of a document as text; {}: it is none."""
    if not isinstance(found, Mapping):
        return {}
    return {str(name): "" if value is None else str(value) for name, value in found.items()}


def document(told: Told) -> Mapping[str, Any]:
    """The one document or form of a message. Raises NotUnderstood: it is none."""
    found = told.json if told.json is not None else told.form
    if not isinstance(found, Mapping) or not found:
        raise NotUnderstood("the body is neither a JSON object nor a form")
    return found


def wrong(error: Exception) -> str:
    """What a parser met that its tool does not send: one of FAILS, in words for staff.

    >>> wrong(KeyError("alertId")), wrong(TypeError("unhashable type: 'list'"))
    ('alertId is missing', "a value has another shape than the tool gives it (TypeError: unhashable type: 'list')")
    """
    if isinstance(error, NotUnderstood):
        return str(error)
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]} is missing"
    return f"a value has another shape than the tool gives it ({type(error).__name__}: {error})"


def known_by(found: Mapping[str, Any], name: str) -> str:
    """What the tool itself calls a problem. Raises NotUnderstood: all problems without it would be one, and nobody would hear of the second."""
    value = found.get(name)
    text = str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    if not text.strip() or text == "nan":
        raise NotUnderstood(f"{name} is missing")
    return text


def several(told: Told) -> list[Any]:
    """The documents of a message that may be one or a list of them. Raises NotUnderstood: it is neither."""
    return told.json if isinstance(told.json, list) and told.json else [document(told)]


def flat(labels: Mapping[Any, Any]) -> dict[str, str]:
    """Labels as text: at most 64, of at most 1 KiB each; what is none is left out."""
    found: dict[str, str] = {}
    for name, value in labels.items():
        if len(found) >= LABELS:
            break
        label = line(name, NAME)
        if label and value is not None and not isinstance(value, (dict, list)):
            found[label] = cut(clean(value), LABEL)
    return found


def web_address(value: Any) -> str:
    """A link that people may press: http or https with a host; anything else is none.

    >>> web_address("https://example.org/a"), web_address("javascript:alert(1)"), web_address("/graph?g0")
    ('https://example.org/a', '', '')
    """
    text = line(value, 2000)
    if not text.lower().startswith("http"):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc and " " not in text else ""


def dug(value: Any, *path: str | int) -> Any:
    """What lies at this path of a document; None: nothing does.

    >>> dug({"a": [{"b": 1}]}, "a", 0, "b"), dug({"a": 1}, "a", "b")
    (1, None)
    """
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value
