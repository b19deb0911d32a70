"""In which words does the desk speak to customers? Templates of ours, filled with values that stay values.

A notice is `templates/notices/<language>/<kind>.txt`: its first line is the subject, the rest the text. Nothing that
comes from the database is ever a template.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime, format_timedelta
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

_environment = Environment(
    loader=FileSystemLoader(TEMPLATES / "notices"),
    autoescape=False,  # noqa: S701 - plain text; each channel escapes for its own form
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)


@lru_cache(maxsize=256)
def _template(language: str, kind: str) -> Template:
    return _environment.get_template(f"{language}/{kind}.txt")


def notice(kind: str, language: str, **values: Any) -> tuple[str, str]:
    """Subject and text of a notice. Raises jinja2.UndefinedError when a value is missing.

    `language` must be one the templates have (`it`, `en`); HubFacts.language chooses it.
    """
    template = _template(language, kind)
    # Without the globals of Jinja, which none of them uses: gathering those costs more than the words.
    rendered = "".join(template.root_render_func(template.new_context(values, shared=True)))
    subject, _, text = rendered.partition("\n")
    return " ".join(subject.split()), text.strip() + "\n"


def title(language: str, *, number: str) -> str:
    """What a request is called to who has it from somebody else, whose words its subject is."""
    subject, _ = notice("_title", language, number=number)
    return subject


def promise(language: str, *, by: str) -> str:
    """What stands below words to a customer when more of them are promised.

    >>> promise("en", by="Monday 2 March 2026, 16:00 (CET)")
    'You will hear from us again by Monday 2 March 2026, 16:00 (CET).'
    """
    subject, _ = notice("_promise", language, by=by)
    return subject


@lru_cache(maxsize=8)
def voice(language: str) -> Mapping[str, Any]:
    """What the telephone says that no flow says: states, kinds, and what a member of staff hears first."""
    found: Mapping[str, Any] = tomllib.loads((TEMPLATES / "voice" / f"{language}.toml").read_text("utf-8"))
    return found


@lru_cache(maxsize=8)
def _chat(language: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tomllib.loads((TEMPLATES / "chat" / f"{language}.toml").read_text("utf-8"))
    return found


def button(act: str, value: str, language: str) -> str:
    """What a button of a chat says. Raises KeyError when templates/chat has no words for it.

    >>> button("rate", "5", "it"), button("confirm", "", "en")
    ('5 ★', 'Solved')
    """
    words: Mapping[str, str] = _chat(language)["buttons"]
    return words[f"{act}_{value}"] if f"{act}_{value}" in words else words[act]


def chat_words(name: str, language: str, **values: object) -> str:
    """What a channel itself adds to a chat. Raises KeyError.

    >>> chat_words("taken_back", "en")
    'We took back a message that stood here.'
    """
    words: Mapping[str, str] = _chat(language)["words"]
    return words[name].format(**values)


def channel(name: str, language: str) -> str:
    """What people call a channel.

    >>> channel("telegram", "it"), channel("console", "it")
    ('Telegram', 'console')
    """
    words: Mapping[str, str] = _chat(language)["channels"]
    return words.get(name, name)


def commands(language: str) -> Mapping[str, str]:
    """What a chat understands beside words, and what each does, for services that show a list of it.

    >>> commands("en")["new"]
    'A new request'
    """
    words: Mapping[str, str] = _chat(language)["commands"]
    return words


def instant(at: datetime, zone: ZoneInfo, language: str) -> str:
    """A moment as people say it, in their zone, with the zone's short name.

    >>> from datetime import UTC
    >>> instant(datetime(2026, 11, 24, 13, 30, tzinfo=UTC), ZoneInfo("Europe/Rome"), "en")
    'Tuesday 24 November 2026, 14:30 (CET)'
    """
    local = at.astimezone(zone)
    return f"{format_datetime(local, 'EEEE d MMMM y, HH:mm', locale=language)} ({local.tzname()})"


def opening(at: datetime, zone: ZoneInfo, language: str) -> str:
    """When somebody is there again: the day and the time, in the zone of who waits.

    >>> from datetime import UTC
    >>> opening(datetime(2026, 11, 23, 7, tzinfo=UTC), ZoneInfo("Europe/Rome"), "it")
    'lunedì 23 novembre, 08:00'
    """
    return format_datetime(at.astimezone(zone), "EEEE d MMMM, HH:mm", locale=language)


def duration(seconds: int, language: str) -> str:
    """A length of time in words: the largest unit that says enough.

    >>> duration(5400, "en"), duration(900, "it")
    ('1 hour 30 minutes', '15 minuti')
    """
    hours, rest = divmod(max(seconds, 0), 3600)
    minutes = rest // 60
    parts = []
    if hours:
        parts.append(
            format_timedelta(timedelta(hours=hours), granularity="hour", threshold=10**6, locale=language)
        )
    if minutes or not hours:
        parts.append(
            format_timedelta(
                timedelta(minutes=minutes), granularity="minute", threshold=10**6, locale=language
            )
        )
    return " ".join(parts)
