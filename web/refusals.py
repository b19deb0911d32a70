"""What was refused, in the reader's words? A field by `<of>.fault`, a state of things by `<of>.refused` of the catalogues.

A field that no catalogue names is told as the verb says it: exact, in English.
"""

from __future__ import annotations

from typing import Any

from core.desk.errors import DeskError, Forbidden, Invalid, NotFound, Refused, Stale
from web.words import Say


def sentences(wrong: DeskError | None, t: Say, of: str) -> list[str]:
    """Whole sentences, each once; none: nothing is wrong."""
    if wrong is None:
        return []
    if isinstance(wrong, Invalid):
        return list(dict.fromkeys(by_field(wrong, t, of).values()))
    words: Any = t
    name = f"{of}.refused.{_code(wrong)}"
    return [t(name if words.has(name) else f"{of}.refused.other")]


def by_field(wrong: DeskError | None, t: Say, of: str) -> dict[str, str]:
    """Field to what is wrong with it; of a list the field it is in."""
    if not isinstance(wrong, Invalid):
        return {}
    words: Any = t
    told: dict[str, str] = {}
    for fault in wrong.faults:
        field = fault.pointer.strip("/").partition("/")[0]
        name = f"{of}.fault.{field}"
        told.setdefault(field, t(name) if words.has(name) else f"{field}: {fault.message}")
    return told


def _code(wrong: DeskError) -> str:
    match wrong:
        case Refused():
            return wrong.code
        case Stale():
            return "stale"
        case NotFound():
            return "not_found"
        case Forbidden():
            return "forbidden"
        case _:
            return "other"


def status(wrong: DeskError | None) -> int:
    """Of the answer that shows it."""
    if wrong is None:
        return 200
    if isinstance(wrong, Invalid):
        return 422
    return 404 if isinstance(wrong, NotFound) else 403 if isinstance(wrong, Forbidden) else 409
