"""What may a request be about? Values for its fields, each with where it comes from and why; a person accepts (desk.md 3)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LIKELIHOOD = (
    "known_error",
    "mailbox",
    "asset",
    "address",
    "site",
    "words",
    "technology",
    "only_site",
    "history",
    "of_asset",
)
"""Codes of suggestions, the most telling first: of two values for one field the first is offered."""
HISTORY_LEAST = 2  # earlier requests that agree, before they say anything
HISTORY_SHARE = 0.6  # of them


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRule:
    """What the mailbox a request came to, or a word of it, suggests. `n`: as the desk's file counts from 1."""

    n: int
    mailbox: str = ""
    words: tuple[str, ...] = ()
    technology: str | None = None
    request_type: str | None = None
    impact: int | None = None
    urgency: int | None = None
    safety: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An asset of the customer."""

    name: str
    technology: str = ""
    site: str = ""
    address: str = ""
    """Of the network, as a device or a person would write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A request of before."""

    technology: str | None
    request_type: str | None
    asset: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """An error that this request seems to be about."""

    name: str
    """As people call it: KE-12."""
    technology: str | None
    asset: str | None
    """The only one it is about; None: there is no one asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a request. Texts as they were written."""

    text: str
    """Subject and first words of the customer."""
    mailboxes: tuple[str, ...] = ()
    """Addresses of ours that it was sent to."""
    rules: tuple[IntakeRule, ...] = ()
    technologies: tuple[str, ...] = ()
    assets: tuple[Thing, ...] = ()
    sites: tuple[str, ...] = ()
    own_sites: tuple[str, ...] = ()
    """Of the contact."""
    earlier: tuple[Earlier, ...] = ()
    """Of the same contact, newest first."""
    known_asset: str | None = None
    """What the ticket names already."""
    known: KnownError | None = None
    """The error that is meant most likely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A value for a field, and why."""

    field: str
    """technology, request_type, impact, urgency, asset, site or safety."""
    value: str | int | bool
    provenance: str
    """What the ticket will say of where the value came from, once a person accepts it."""
    code: str
    """Why: one of LIKELIHOOD."""
    because: str
    """What gave it away: the word, the mailbox, the asset."""
    n: int = 0
    """Which intake rule; 0: none."""


def suggest(facts: Facts) -> tuple[Suggestion, ...]:
    """The most telling value for each field, in the order of LIKELIHOOD."""
    found = sorted(_all(facts), key=lambda one: LIKELIHOOD.index(one.code))
    best: dict[str, Suggestion] = {}
    for one in found:
        best.setdefault(one.field, one)
    return tuple(best.values())


def _all(facts: Facts) -> Iterator[Suggestion]:
    text = facts.text.casefold()
    yield from _of_known(facts)
    mailboxes = {box.casefold() for box in facts.mailboxes}
    for rule in facts.rules:
        if rule.mailbox and rule.mailbox.casefold() in mailboxes:
            yield from _of_rule(rule, "mail_alias", "mailbox", rule.mailbox)
        word = next((word for word in rule.words if holds(text, word)), None)
        if word is not None:
            yield from _of_rule(rule, "rule", "words", word)
    things = [(one, _gave_away(text, one)) for one in facts.assets]
    named = [(one, code) for one, code in things if code]
    if len(named) == 1:  # two devices in one text: which of them is meant, a person says
        (thing, code), because = named[0], named[0][0].name
        if code == "address":
            because = thing.address
        yield Suggestion(field="asset", value=thing.name, provenance="rule", code=code, because=because)
    technologies = {one.technology for one, _ in named if one.technology}
    if len(technologies) == 1:
        yield Suggestion(
            field="technology",
            value=technologies.pop(),
            provenance="rule",
            code="asset",
            because=", ".join(one.name for one, _ in named),
        )
    places = {one.site for one, _ in named if one.site}
    if len(places) == 1:
        yield Suggestion(
            field="site", value=places.pop(), provenance="rule", code="asset", because=named[0][0].name
        )
    yield from _of_asset(facts)
    yield from _of_names(facts, text)
    yield from _of_history(facts.earlier)


def _of_rule(rule: IntakeRule, provenance: str, code: str, because: str) -> Iterator[Suggestion]:
    for name in ("technology", "request_type", "impact", "urgency", "safety"):
        value = getattr(rule, name)
        if value:
            yield Suggestion(
                field=name, value=value, provenance=provenance, code=code, because=because, n=rule.n
            )


def _of_known(facts: Facts) -> Iterator[Suggestion]:
    if facts.known is None:
        return
    for name, value in (("technology", facts.known.technology), ("asset", facts.known.asset)):
        if value:
            yield Suggestion(
                field=name,
                value=value,
                provenance=f"known error {facts.known.name}",
                code="known_error",
                because=facts.known.name,
            )


def _of_asset(facts: Facts) -> Iterator[Suggestion]:
    """What the asset of the ticket says."""
    known = next((one for one in facts.assets if one.name == facts.known_asset), None)
    if known is None:
        return
    for name, value in (("technology", known.technology), ("site", known.site)):
        if value:
            yield Suggestion(field=name, value=value, provenance="rule", code="of_asset", because=known.name)


def _of_names(facts: Facts, text: str) -> Iterator[Suggestion]:
    sites = [name for name in facts.sites if holds(text, name)]
    if len(sites) == 1:
        yield Suggestion(field="site", value=sites[0], provenance="rule", code="site", because=sites[0])
    if len(facts.own_sites) == 1 and facts.own_sites[0] in facts.sites:
        yield Suggestion(
            field="site", value=facts.own_sites[0], provenance="rule", code="only_site", because=""
        )
    named = [name for name in facts.technologies if holds(text, name)]
    if len(named) == 1:
        yield Suggestion(
            field="technology", value=named[0], provenance="rule", code="technology", because=named[0]
        )


def _of_history(earlier: Sequence[Earlier]) -> Iterator[Suggestion]:
    for name in ("technology", "request_type"):
        values = [value for one in earlier if (value := getattr(one, name)) is not None]
        if not values:
            continue
        value, count = Counter(values).most_common(1)[0]
        if count >= HISTORY_LEAST and count >= HISTORY_SHARE * len(values):
            yield Suggestion(
                field=name,
                value=value,
                provenance="rule",
                code="history",
                because=f"{count}/{len(values)}",
            )


def _gave_away(text: str, thing: Thing) -> str:
    if holds(text, thing.name):
        return "asset"
    return "address" if thing.address and holds(text, thing.address) else ""


def holds(text: str, name: str) -> bool:
    """As a word of its own, whatever its letters' case.

    >>> holds("il pc-01 non va", "PC-01"), holds("il pc-011 non va", "PC-01"), holds("ok", "")
    (True, False, False)
    """
    wanted = name.casefold().strip()
    if not wanted or wanted not in text:
        return False
    return re.search(rf"(?<![\w.-]){re.escape(wanted)}(?![\w-])", text) is not None


def fields(found: Iterable[Suggestion]) -> dict[str, Suggestion]:
    """By the field they are for."""
    return {one.field: one for one in found}
