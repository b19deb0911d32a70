"""What was refused, in the reader's words? A field by `<of>.fault`, a state of things by `<of>.refused` of the catalogues.

What many pages may be refused has its words in `wrong.refused`. Of a field that its page has no words for, `fault` has those of any form. What no catalogue names is told as the verb says it, exact
and in English, to who reads English; to everybody else by the name of the field alone: half a sentence of another language helps nobody.
"""

from __future__ import annotations

from typing import Any

from core.desk.errors import DeskError, Fault, Forbidden, Invalid, NotFound, Refused, Stale
from web.words import Say

OF_VERBS = "en"
"""The language in which verbs say what is wrong."""


def sentences(wrong: DeskError | None, t: Say, of: str) -> list[str]:
    """Whole sentences, each once; none: nothing is wrong."""
    if wrong is None:
        return []
    if isinstance(wrong, Invalid):
        return list(dict.fromkeys(by_field(wrong, t, of).values()))
    words: Any = t
    names = (f"{of}.refused.{_code(wrong)}", f"wrong.refused.{_code(wrong)}")
    return [t(next(filter(words.has, names), f"{of}.refused.other"))]


def by_field(wrong: DeskError | None, t: Say, of: str) -> dict[str, str]:
    """Field to what is wrong with it; of a list the field it is in."""
    if not isinstance(wrong, Invalid):
        return {}
    words: Any = t
    told: dict[str, str] = {}
    for fault in wrong.faults:
        field = _field(fault)
        name = f"{of}.fault.{field}"
        told.setdefault(field, t(name) if words.has(name) else in_general(fault, t))
    return told


def in_general(fault: Fault, t: Say) -> str:
    """A sentence about a field that its page has no words for."""
    words: Any = t
    field = _field(fault)
    if not field:
        return what(fault, t)
    name = (
        words.maybe("ticket", field) if words.has(f"fault.{field}") or words.language != OF_VERBS else field
    )
    return f"{name}: {what(fault, t)}"


def what(fault: Fault, t: Say) -> str:
    """The same where the field is named beside it."""
    words: Any = t
    name = f"fault.{_field(fault)}"
    if words.has(name):
        return t(name)
    return fault.message if words.language == OF_VERBS else t("wrong.value")


def details(wrong: DeskError, t: Say) -> list[str]:
    """What the page of an error says of what no other page words: none where its own sentence has to do."""
    if isinstance(wrong, NotFound):
        return []
    if isinstance(wrong, Invalid):
        return list(dict.fromkeys(in_general(fault, t) for fault in wrong.faults))
    words: Any = t
    name = f"wrong.refused.{_code(wrong)}"
    if words.has(name):
        return [t(name)]
    return [str(wrong)] if words.language == OF_VERBS else []


def at_present(wrong: DeskError, t: Say) -> str:
    """One sentence, on a page that has none of its own for it."""
    return " ".join(details(wrong, t)) or t("wrong.now")


def _field(fault: Fault) -> str:
    return fault.pointer.strip("/").partition("/")[0]


def _code(wrong: DeskError) -> str:
    match wrong:
        case Refused() | Forbidden():
            return wrong.code
        case Stale():
            return "stale"
        case NotFound():
            return "not_found"
        case _:
            return "other"


def status(wrong: DeskError | None) -> int:
    """Of the answer that shows it."""
    if wrong is None:
        return 200
    if isinstance(wrong, Invalid):
        return 422
    return 404 if isinstance(wrong, NotFound) else 403 if isinstance(wrong, Forbidden) else 409
