"""In which words is a task told? The catalogue's, with its own values; what it is for, and where it leads."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from core import texts
from core.desk.principal import Principal
from core.desk.tasks import Task
from web.words import say

INSTANTS = ("since", "until", "ends")
"""Values that are instants (RFC 3339)."""


class Line(NamedTuple):
    """A task in words."""

    task: Task
    words: str
    """What is to be done."""
    whom: str
    """Whose it is."""
    url: str
    """Where it leads; empty: nowhere else."""
    late: bool


def line(task: Task, who: Principal, *, at: datetime, zone: ZoneInfo) -> Line:
    """The task in the reader's language. `zone`: the hub's, on whose clock staff read instants."""
    t = say(who.language)
    if task.agent is not None:
        whom = t("tasks_page.yours") if task.agent == who.id else ""
    elif task.group is not None:
        whom = task.group
    else:
        whom = t.maybe("tasks_page.role", task.role) if task.role else t("tasks_page.who_leads")  # type: ignore[attr-defined]
    url = str(task.about.get("url", "")) or (f"/desk/tickets/{task.number}" if task.number else "")
    return Line(
        task=task,
        words=words(task, who.language, zone),
        whom=whom,
        url=url if url.startswith("/desk") else "",
        late=task.due is not None and task.due <= at,
    )


def words(task: Task, language: str, zone: ZoneInfo) -> str:
    """What is to be done, in words; a value that is missing is a question mark."""
    said = partial(_value, language=language, zone=zone)
    values = {"number": task.number or ""} | {name: said(name, one) for name, one in task.about.items()}
    told: str = say(language).maybe("tasks", task.kind)  # type: ignore[attr-defined]
    return told.format_map(_Known(values))


def _value(name: str, value: Any, *, language: str, zone: ZoneInfo) -> str:
    """A value as people say it: codes in the catalogue's words, instants on their clock, all else as it is."""
    if isinstance(value, list):
        return ", ".join(_value(name, one, language=language, zone=zone) for one in value)
    t = say(language)
    for key in (f"tasks_page.value.{name}.{value}", f"{name}.{value}"):
        if t.has(key):  # type: ignore[attr-defined]
            return t(key)
    if name in INSTANTS:
        return texts.opening(datetime.fromisoformat(value), zone, language)
    return str(value) or "–"


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
