"""Which customers hang together, and on what? The net of their things, as the desk is configured (decision 0040).

Of a desk on which nobody's things depend on another customer's nothing is read but that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Text, literal, select, type_coerce

from core.desk import people, reference
from core.rules import dependence
from core.rules.dependence import Thing
from core.store import tables
from core.store.tx import Prepared, Tx

_ACROSS = Prepared(
    select(tables.asset.c.customer, tables.asset.c.depends_on).where(
        type_coerce(tables.asset.c.depends_on, Text) != literal("[]")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Things of the customers that hang together."""

    groups: Mapping[str, str]
    """Customer to the name of those it hangs together with: the first of their codes."""
    on: Mapping[Thing, Sequence[Thing]]
    things: Mapping[Thing, people.Asset]
    named: Mapping[Thing, people.Asset]
    """By name in lower case."""
    below: Mapping[Thing, Sequence[Thing]]


def net(tx: Tx) -> Net:
    """All of it, read once for each revision of the configuration."""
    desk = reference.desk(tx)
    if not desk.net:
        desk.net.append(_read(tx))
    found: Net = desk.net[0]
    return found


def _read(tx: Tx) -> Net:
    group: dict[str, set[str]] = {}
    for row in tx.all(_ACROSS):
        for owner, _ in map(people.shared_thing, row.depends_on):
            both = group.get(row.customer, {row.customer}) | group.get(owner, {owner})
            group.update(dict.fromkeys(both, both))
    there = {
        (one.customer, one.name): one for customer in sorted(group) for one in people.assets(tx, customer)
    }
    on = {thing: direct(one) for thing, one in there.items()}
    return Net(
        groups={customer: min(together) for customer, together in group.items()},
        on=on,
        things=there,
        named={(customer, name.lower()): one for (customer, name), one in there.items()},
        below=dependence.below(on),
    )


def direct(one: people.Asset) -> tuple[Thing, ...]:
    """What it hangs on in one step."""
    return (*([(one.customer, one.parent)] if one.parent else []), *one.depends_on)


def written(thing: Thing, *, of: str) -> str:
    """A thing as an alert of this customer has it among those it hangs on.

    >>> written(("US", "Line-1"), of="ACME"), written(("ACME", "Core-1"), of="ACME")
    ('US/line-1', 'core-1')
    """
    customer, name = thing
    return name.lower() if customer == of else f"{customer}/{name.lower()}"


def read(tx: Tx, text: str, *, of: str) -> Thing:
    """The same backwards; the name is in lower case."""
    customer, name = people.shared_thing(text)
    others = name and customer != of and customer in net(tx).groups
    return (customer, name) if others else (of, text)


def root(tx: Tx, above: Sequence[str], *, of: str) -> str | None:
    """The last thing of another customer among these."""
    return next((text for text in reversed(above) if read(tx, text, of=of)[0] != of), None)


def owner(tx: Tx, names: Sequence[str]) -> str | None:
    """Whose is the thing of this name or address (lower case) that other customers depend on? None: nobody's, or not only one's."""
    known = net(tx)
    shared = {thing for one in known.things.values() for thing in one.depends_on if thing in known.things}
    theirs = {
        thing[0]
        for thing in shared
        if {thing[1].lower(), known.things[thing].address.lower()} & set(names) - {""}
    }
    return theirs.pop() if len(theirs) == 1 else None


def named(tx: Tx, thing: Thing) -> people.Asset | None:
    """The thing by its name in whatever case."""
    return net(tx).named.get((thing[0], thing[1].lower()))


def below(tx: Tx, thing: Thing) -> tuple[people.Asset, ...]:
    """What of other customers hangs on it."""
    known = net(tx)
    return tuple(known.things[one] for one in known.below.get(thing, ()) if one[0] != thing[0])
