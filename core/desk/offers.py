"""What do the forms of a ticket offer? Customers, people and things of the desk as it is configured, put together once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.desk import people, reference
from core.store.tx import Tx

Choices = tuple[tuple[str, str], ...]
"""(value, words) each, in the order they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What can be chosen on a ticket of one customer."""

    customers: Choices
    contacts: Choices
    """Of the customer, as are assets and sites."""
    assets: Choices
    sites: Choices
    request_types: Choices
    technologies: Choices
    groups: Choices
    agents: Choices
    """By their addresses."""


def of_customer(tx: Tx, code: str | None) -> Offers:
    """For a ticket of this customer, or of nobody we know; kept as long as the configuration stays as it is."""
    desk = reference.desk(tx)
    known: Offers | None = desk.offers.get(code)
    if known is not None:
        return known
    if code is None:
        found = _of_nobody(tx, desk)
    else:
        found = _of(tx, code, of_customer(tx, None))
        if reference.customer(tx, code) is None:  # what is asked for may come from outside
            return found
    desk.offers[code] = found
    return found


def _of_nobody(tx: Tx, desk: reference.Desk) -> Offers:
    return Offers(
        customers=tuple(people.customers(tx)),
        contacts=(),
        assets=(),
        sites=(),
        request_types=_named(desk.request_types),
        technologies=_named(desk.technologies),
        groups=_named(desk.groups),
        agents=tuple((one.email, one.name) for one in people.agents(tx)),
    )


def _of(tx: Tx, code: str, of_nobody: Offers) -> Offers:
    return replace(
        of_nobody,
        contacts=tuple((one.id, f"{one.name} · {one.email}") for one in people.contacts(tx, code)),
        assets=_named(one.name for one in people.assets(tx, code)),
        sites=_named(people.sites(tx, code)),
    )


def _named(names: Iterable[str]) -> Choices:
    return tuple((name, name) for name in names)
