"""What hangs on what, and whom does it concern that something is down? Things of several customers in one net (decision 0040).

A thing is (customer, name). What hangs on what is a mapping of each thing to those it hangs on directly. Decisions only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.rules.correlation import STORM, STORM_WITHIN
from core.rules.outages import Scope

Thing = tuple[str, str]
"""(customer, name of the asset)."""


def above(first: Iterable[Thing], on: Mapping[Thing, Sequence[Thing]]) -> tuple[Thing, ...]:
    """These and what they hang on, the nearest first; a circle ends where it closes.

    >>> on = {("A", "pc"): (("A", "switch"),), ("A", "switch"): (("US", "line"),), ("US", "line"): (("A", "switch"),)}
    >>> above(on[("A", "pc")], on)
    (('A', 'switch'), ('US', 'line'))
    """
    found = list(dict.fromkeys(first))
    for one in found:  # which grows meanwhile
        found += [upper for upper in on.get(one, ()) if upper not in found]
    return tuple(found)


def below(on: Mapping[Thing, Sequence[Thing]]) -> dict[Thing, list[Thing]]:
    """Each thing to all that hang on it, in however many steps, themselves left out."""
    found: dict[Thing, list[Thing]] = {}
    for one, direct in on.items():
        for upper in above(direct, on):
            if upper != one:
                found.setdefault(upper, []).append(one)
    return found


def circles(on: Mapping[Thing, Sequence[Thing]]) -> Iterator[tuple[Thing, ...]]:
    """Each circle once, as the things that are in it: whatever is asked of them hangs on itself.

    >>> a, b, c = ("A", "a"), ("A", "b"), ("A", "c")
    >>> list(circles({a: (b,), b: (a,), c: (a,)}))
    [(('A', 'a'), ('A', 'b'))]
    """
    in_one: set[Thing] = set()
    for one, direct in on.items():
        if one in in_one or one not in (uppers := above(direct, on)):
            continue
        circle = tuple(sorted(two for two in uppers if two == one or one in above(on.get(two, ()), on)))
        in_one.update(circle)
        yield circle


# --- Whom it concerns --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """Something that hangs on what is down."""

    thing: Thing
    site: str = ""
    technology: str = ""
    covered: bool = True
    """A contract that stands is for it, or it is always paged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """A customer whom it concerns."""

    customer: str
    things: tuple[str, ...]
    sites: tuple[str, ...]
    """Where; empty: something has no site, so it may be any."""
    technologies: tuple[str, ...]
    """What of; empty: something has no technology, so it may be any."""


def concerned(things: Iterable[Below], *, owner: str) -> tuple[Concerned, ...]:
    """Every customer but the owner who has something below and a contract that stands for it, by code."""
    of: dict[str, list[Below]] = {}
    for one in things:
        if one.covered and one.thing[0] != owner:
            of.setdefault(one.thing[0], []).append(one)
    return tuple(
        Concerned(
            customer=customer,
            things=tuple(one.thing[1] for one in theirs),
            sites=_all_named([one.site for one in theirs]),
            technologies=_all_named([one.technology for one in theirs]),
        )
        for customer, theirs in sorted(of.items())
    )


def scope(whom: Sequence[Concerned]) -> Scope:
    """Where an outage is that concerns exactly these. Of nobody it is the scope of everybody: ask for somebody.

    >>> scope([Concerned(customer="A", things=("pc",), sites=("Verona",), technologies=("Network",))])
    Scope(customers=(), sites=(('A', 'Verona'),), technologies=('Network',))
    """
    if not whom:
        message = "an outage that concerns nobody has no scope"
        raise ValueError(message)
    technologies = {name for one in whom for name in one.technologies}
    return Scope(
        customers=tuple(one.customer for one in whom if not one.sites),
        sites=tuple((one.customer, site) for one in whom for site in one.sites),
        technologies=tuple(sorted(technologies)) if all(one.technologies for one in whom) else (),
    )


def _all_named(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names))) if all(names) else ()


# --- A storm of several customers --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """An alarm of something that hangs on what is somebody else's."""

    customer: str
    at: datetime
    """When it was to become a ticket."""
    above: tuple[Thing, ...]
    """The nearest first."""


def common(of: Companion, companions: Sequence[Companion], *, now: datetime) -> Thing | None:
    """The nearest thing of another customer on which so much hangs that goes down just now, at two customers at least."""
    near = [of, *(one for one in companions if abs(one.at - now) <= STORM_WITHIN)]
    for thing in of.above:
        there = [one for one in near if thing in one.above and one.customer != thing[0]]
        if thing[0] != of.customer and len(there) >= STORM and len({one.customer for one in there}) > 1:
            return thing
    return None
