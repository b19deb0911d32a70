"""Whom on this desk does an outage concern? What customers have bought and where they are, for core.rules.outages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.desk import people, reference
from core.rules.coverage import NO_CONTRACT, Line
from core.rules.outages import Asked, Bought, Scope, concerns
from core.store.tx import Tx

STANDS = ("valid", "grace")


def asked(
    tx: Tx,
    customer: str | None,
    *,
    sites: Sequence[str] = (),
    technologies: Sequence[str] = (),
    now: datetime,
) -> Asked:
    """The question of somebody at this customer. `sites`, `technologies`: those it is about; empty: all of theirs."""
    return Asked(
        customer=customer,
        bought=_bought(tx, customer, now) if customer else (),
        sites=tuple(sites),
        technologies=tuple(technologies),
    )


def customers(tx: Tx, scope: Scope, *, now: datetime) -> list[tuple[str, str]]:
    """(code, name) of all that it concerns, by name."""
    return [(code, name) for code, name in people.customers(tx) if concerns(scope, asked(tx, code, now=now))]


def _bought(tx: Tx, customer: str, now: datetime) -> tuple[Bought, ...]:
    return tuple(
        _of_line(tx, contract.customer or customer, line)
        for contract in reference.contracts(tx, customer)
        if contract.status not in NO_CONTRACT and contract.stands(now) in STANDS
        for line in contract.lines
    )


def _of_line(tx: Tx, customer: str, line: Line) -> Bought:
    """A line for named machines is bought where they stand, for what they are."""
    if not line.assets:
        return Bought(technologies=line.technologies, sites=line.sites)
    machines = [one for one in people.assets(tx, customer) if one.name in line.assets]
    return Bought(
        technologies=line.technologies or _known([one.technology for one in machines]),
        sites=line.sites or _known([one.site for one in machines]),
    )


def _known(names: list[str]) -> tuple[str, ...]:
    """Of one machine it is not known: it may be any."""
    return tuple(names) if all(names) else ()
