"""Whom does an outage concern? Exactly those whom its scope names: by customer, by site, by what they have bought."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where an outage is. An empty part means all; what is named in both parts must fit.

    Where: everywhere when neither customers nor sites are named. A customer whose sites are named is meant there only;
    one that is named without any is meant at all of them.
    """

    customers: tuple[str, ...] = ()
    sites: tuple[tuple[str, str], ...] = ()
    """(customer, site)."""
    technologies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What one line of a contract that stands covers. Empty: all."""

    technologies: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who wants to know."""

    customer: str | None
    """None: nobody we know, whom only an outage of everybody and everything concerns."""
    bought: Sequence[Bought] = ()
    sites: tuple[str, ...] = ()
    """Those the question is about; empty: all of the customer's."""
    technologies: tuple[str, ...] = ()
    """Those the question is about; empty: all that are bought."""


def concerns(scope: Scope, asked: Asked) -> bool:
    """Is this outage theirs?

    >>> network = Scope(sites=(("ACME", "Verona"),), technologies=("Network",))
    >>> concerns(network, Asked(customer="ACME", bought=[Bought(technologies=("Network", "Mail"))]))
    True
    >>> concerns(network, Asked(customer="ACME", bought=[Bought(technologies=("Mail",))]))
    False
    """
    places = _places(scope, asked.customer)
    if places is None or _apart(places, asked.sites):
        return False
    if not scope.technologies:
        return True
    if _apart(scope.technologies, asked.technologies):
        return False
    here, what = _both(places, asked.sites), _both(scope.technologies, asked.technologies)
    return any(not _apart(line.technologies, what) and not _apart(line.sites, here) for line in asked.bought)


def _places(scope: Scope, customer: str | None) -> tuple[str, ...] | None:
    """The customer's sites that are hit; empty: all; None: it is not there at all."""
    if not scope.customers and not scope.sites:
        return ()
    named = tuple(site for of, site in scope.sites if of == customer)
    return named or (() if customer in scope.customers else None)


def _apart(one: Collection[str], other: Collection[str]) -> bool:
    """Two lists, of which an empty one means all, with nothing in common."""
    return bool(one and other) and set(one).isdisjoint(other)


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """What is in both lists, of which an empty one means all."""
    return tuple(name for name in one if name in other) if one and other else one or other
