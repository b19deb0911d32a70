"""How is it told why a message is believed, or is not? A line for each thing that was checked, in the words of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from web.known_words import in_words

_DOMAINS = ("header.d", "smtp.mailfrom", "smtp.helo", "header.from", "sealer")


def told(trust: str, reasons: Iterable[str], checks: Iterable[str], t: Any) -> list[str]:
    """The level, why it is that, then what was checked and what it gave. What no catalogue knows is shown as it is.

    `reasons`: codes of core.rules.trust; `checks`: evidence as Authentication-Results writes it (RFC 8601).
    """
    said = [_reason(code, t) for code in reasons]
    lines = [f"{t.maybe('trust', trust)}: {'; '.join(said)}." if said else t.maybe("trust", trust)]
    return [*lines, *(check(line, t) for line in checks)]


def check(line: str, t: Any) -> str:
    """One of them in words."""
    first, *others = line.split(" ")
    method, _, result = first.partition("=")
    given = dict(one.partition("=")[::2] for one in others)
    name = f"checked.{method}.{result}"
    if method == "dmarc" and result == "fail" and given.get("p"):
        name = f"checked.dmarc.fail_{given['p']}"
    if method == "spf" and "smtp.helo" in given:
        name = f"checked.helo.{result}"
    if not t.has(name):
        return line
    domain = next((given[one] for one in _DOMAINS if one in given), t("checked.its_domain"))
    words = str(t(name, domain=domain))
    why = given.get("why", "")
    return f"{words} {t(f'checked.why.{why}')}" if why and t.has(f"checked.why.{why}") else words


def _reason(code: str, t: Any) -> str:
    if t.has(f"checked.reason.{code}"):
        return str(t(f"checked.reason.{code}"))
    return in_words(code, t.language, "author_defect")
