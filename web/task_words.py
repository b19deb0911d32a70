"""In which words is a task told? The catalogue's, with its own values; what it is for, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from core.desk.principal import Principal
from core.desk.tasks import Task
from web.words import Say


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


def line(task: Task, who: Principal, t: Say, at: datetime) -> Line:
    """The task in the reader's language."""
    if task.agent is not None:
        whom = t("tasks_page.yours") if task.agent == who.id else ""
    elif task.group is not None:
        whom = task.group
    else:
        whom = t.maybe("tasks_page.role", task.role) if task.role else t("tasks_page.who_leads")  # type: ignore[attr-defined]
    url = str(task.about.get("url", "")) or (f"/desk/tickets/{task.number}" if task.number else "")
    return Line(
        task=task,
        words=words(task, t),
        whom=whom,
        url=url if url.startswith("/desk") else "",
        late=task.due is not None and task.due <= at,
    )


def words(task: Task, t: Say) -> str:
    """What is to be done, in words; a value that is missing is a question mark."""
    values = {"number": task.number or ""} | {name: _value(name, one, t) for name, one in task.about.items()}
    told: str = t.maybe("tasks", task.kind)  # type: ignore[attr-defined]
    return told.format_map(_Known(values))


def _value(name: str, value: Any, t: Say) -> str:
    if isinstance(value, list):
        return ", ".join(_value(name, one, t) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(name, one, t)}" for key, one in value.items())
    return str(t.maybe(f"tasks_page.value.{name}", value))  # type: ignore[attr-defined]


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
