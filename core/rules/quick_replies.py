"""What does a quick reply say about this ticket? A text with closed places, filled in; a place without a value stays to be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

PLACES = ("contact.name", "ticket.number", "agent.name", "clock.due")
"""What may stand in braces. Nothing else is ever looked up."""

_PLACE = re.compile(r"\{([^{}\s]{1,60})\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """A text as it would be said now."""

    text: str
    missing: tuple[str, ...]
    """Places that have no value: they stand in the text as they were written."""


def unknown(text: str) -> Iterator[str]:
    """What stands in braces and is no place.

    >>> list(unknown("Dear {contact.nam}, as of {clock.due}: {now} {}"))
    ['contact.nam', 'now']
    """
    yield from (name for name in dict.fromkeys(_PLACE.findall(text)) if name not in PLACES)


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """The text with its places filled, once: what a value says is never looked at again.

    >>> fill("{ticket.number}, {contact.name}", {"ticket.number": "26-000042", "contact.name": ""})
    Filled(text='26-000042, {contact.name}', missing=('contact.name',))
    """
    missing: dict[str, None] = {}

    def value(found: re.Match[str]) -> str:
        if said := values.get(found[1], ""):
            return said
        if found[1] in PLACES:
            missing[found[1]] = None
        return found[0]

    return Filled(_PLACE.sub(value, text), tuple(missing))


def spoken(texts: Mapping[str, str], language: str, otherwise: Sequence[str] = ()) -> str:
    """The language in which something is said: the wanted one, else the first there is of the others. Empty: none.

    >>> spoken({"it": "Ciao"}, "en", ["it"]), spoken({}, "en")
    ('it', '')
    """
    return next((one for one in (language, *otherwise, *texts) if texts.get(one)), "")


def concerns(groups: Sequence[str], *, of_ticket: str | None, of_agent: Sequence[str]) -> bool:
    """Is a quick reply of these groups offered to this agent at this ticket? Of no group: to all.

    >>> concerns([], of_ticket=None, of_agent=[]), concerns(["Network"], of_ticket="Server", of_agent=["Network"])
    (True, True)
    """
    return not groups or of_ticket in groups or bool(set(groups) & set(of_agent))
