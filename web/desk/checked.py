"""How is a contract check told in the reader's words? Why a line lost, and what was known; what is kept is for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core import texts
from web.words import Say

_LOST = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"cut wider than (?P<about>.+)", "wider"),
        (r"closed at that time, unlike (?P<about>.+)", "closed"),
        (r"lower priority than (?P<about>.+)", "priority"),
        (r"due later than (?P<about>.+)", "due"),
        (r"contract number after that of (?P<about>.+)", "number"),
        (r"name after that of (?P<about>.+)", "name"),
        (r"the same as (?P<about>.+)", "same"),
        (r"not for requests by (?P<channel>.+)", "channel"),
        (r"technology (?P<about>.+) not in the line", "technology"),
        (r"request type (?P<about>.+) not in the line", "request_type"),
        (r"asset (?P<about>.+) not in the line", "asset"),
        (r"site (?P<about>.+) not in the line", "site"),
        (r"asset (?P<about>.+) is not the customer's", "foreign_asset"),
        (r"the line is for named assets and none is named", "assets"),
        (r"the line is for named sites and none is named", "sites"),
        (r"this person may not ask under the contract", "person"),
        (r"the contract is over and in its grace period, and another one is valid", "grace"),
        (r"the contract is suspended", "suspended"),
        (r"the contract has not begun", "not_started"),
        (r"the contract is over", "expired"),
    )
)
"""The sentences of the check's rules, as they are kept with it."""


def lost(why: str, t: Say) -> str:
    """Why a line was not chosen; a sentence that is not known stays as it was kept.

    >>> from web.words import say
    >>> lost("asset db-1 is not the customer's", say("it")), lost("Ask Ann.", say("it"))
    ('il dispositivo db-1 non è del cliente', 'Ask Ann.')
    """
    for pattern, code in _LOST:
        if found := pattern.fullmatch(why):
            said = found.groupdict()
            if "channel" in said:
                said["channel"] = t.maybe("channel", said["channel"])  # type: ignore[attr-defined]
            return t(f"contract.lost.{code}", **said)
    return why


def known(inputs: Mapping[str, Any], t: Say, zone: ZoneInfo, language: str) -> list[tuple[str, str]]:
    """(what, value) of all that the check looked at, in its order."""
    maybe: Any = t.maybe  # type: ignore[attr-defined]
    found = []
    for name, value in inputs.items():
        if value is True or value is False:
            said = t("contract.yes") if value else t("contract.no")
        elif name == "at":
            said = texts.instant(datetime.fromisoformat(value), zone, language)
        elif name in ("channel", "trust"):
            said = maybe(name, value)
        else:
            said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        found.append((maybe("contract.input", name), said))
    return found
