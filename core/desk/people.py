"""Who is there? Contacts, agents, assets and sites, found by what a message or a form says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select

from core import addresses
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Prepared, Row, Tx

contact_table, agent_table = tables.contact, tables.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person at a customer."""

    id: str
    customer: str
    name: str
    email: str
    phone: str
    number: str
    """The same in E.164; empty where it is none."""
    role: str
    sites: tuple[str, ...]
    language: str | None
    active: bool
    vip: bool = False
    """What they ask is one priority more urgent."""
    alerts: bool = False
    """They hear of what devices of their company report."""
    merged_into: str | None = None
    """Who this turned out to be."""
    met_at: str = ""
    """Another address or number of theirs, under which they were just looked up: a merged contact's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A member of staff."""

    id: str
    email: str
    name: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    language: str
    phone: str
    """Where calls are put through to: a number or an extension; empty: nowhere."""
    active: bool
    reach: tuple[str, ...] = ()
    """How they are called on duty, in this order (core.rules.ladders.WAYS); empty: that order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A thing we look after."""

    customer: str
    name: str
    technology: str
    site: str
    criticality: str
    always_page: bool
    address: str = ""
    parent: str = ""
    """What it hangs on: another asset of the customer."""
    depends_on: tuple[tuple[str, str], ...] = ()
    """(customer, asset) of others, on which it hangs too."""


_BY_ADDRESS = Prepared(
    select(contact_table)
    .where(contact_table.c.email == bindparam("email"), contact_table.c.active.is_(True))
    .order_by(contact_table.c.id)
)
_BY_NUMBER = Prepared(
    select(contact_table)
    .where(contact_table.c.number == bindparam("number"), contact_table.c.active.is_(True))
    .order_by(contact_table.c.id)
)
_BY_CODE = Prepared(
    select(tables.customer.c.code).where(
        tables.customer.c.phone_code == bindparam("phone_code"), tables.customer.c.active.is_(True)
    )
)
_PINS = Prepared(
    select(contact_table.c.id, contact_table.c.number, contact_table.c.pin_hash)
    .where(
        contact_table.c.customer == bindparam("customer"),
        contact_table.c.active.is_(True),
        contact_table.c.pin_hash.is_not(None),
    )
    .order_by(contact_table.c.id)
)
_CONTACT = Prepared(select(contact_table).where(contact_table.c.id == bindparam("id")))
_CONTACTS = Prepared(
    select(contact_table)
    .where(
        contact_table.c.customer == bindparam("customer"),
        contact_table.c.active.is_(True),
        contact_table.c.merged_into.is_(None),
    )
    .order_by(contact_table.c.name)
)
_MERGED = Prepared(
    select(contact_table.c.id)
    .where(contact_table.c.merged_into == bindparam("into"))
    .order_by(contact_table.c.id)
)
_DOMAIN = Prepared(
    select(tables.customer_domain.c.customer)
    .where(tables.customer_domain.c.domain == bindparam("domain"))
    .order_by(tables.customer_domain.c.customer)
)
_AGENT = Prepared(select(agent_table).where(agent_table.c.id == bindparam("id")))
_AGENT_BY_EMAIL = Prepared(select(agent_table).where(agent_table.c.email == bindparam("email")))
_AGENTS = Prepared(select(agent_table).where(agent_table.c.active.is_(True)).order_by(agent_table.c.name))
_ASSETS = Prepared(
    select(tables.asset).where(tables.asset.c.customer == bindparam("customer")).order_by(tables.asset.c.name)
)
_ASSET = Prepared(
    select(tables.asset).where(
        tables.asset.c.customer == bindparam("customer"), tables.asset.c.name == bindparam("name")
    )
)
_SITES = Prepared(
    select(tables.site).where(tables.site.c.customer == bindparam("customer")).order_by(tables.site.c.name)
)
_CUSTOMERS = Prepared(
    select(tables.customer.c.code, tables.customer.c.name)
    .where(tables.customer.c.active.is_(True))
    .order_by(tables.customer.c.name)
)


def foresee_address(tx: Tx, email: str) -> None:
    """Who is behind this address is going to be asked."""
    tx.foresee(_BY_ADDRESS, email=email)


def by_address(tx: Tx, email: str) -> list[Contact]:
    """Active contacts with this e-mail address: several when one person works for several customers."""
    return _survivors(tx, tx.all(_BY_ADDRESS, email=addresses.key(email)))


def by_number(tx: Tx, number: str) -> list[Contact]:
    """Active contacts with this telephone number (E.164): several behind one switchboard."""
    return _survivors(tx, tx.all(_BY_NUMBER, number=number)) if number else []


def behind(tx: Tx, address: str, customer: str | None) -> Principal:
    """Whoever is reached there: the one contact of the customer who has this address or number, else nobody but who has it."""
    found = by_address(tx, address) if "@" in address else by_number(tx, address)
    theirs = [one for one in found if one.customer == customer]
    if len(theirs) == 1:
        (one,) = theirs
        return Principal(kind="contact", id=one.id, name=one.name, email=one.email, customer=one.customer)
    return Principal(kind="address", id=address, name=address)


def _survivors(tx: Tx, rows: list[Row]) -> list[Contact]:
    """Who was merged is who they turned out to be."""
    found: dict[str, Contact] = {}
    for row in rows:
        one = _contact(row) if row.merged_into is None else person(tx, row.id)
        if one is not None and one.active:
            found.setdefault(one.id, replace(one, met_at="" if one.id == row.id else row.email))
    return list(found.values())


def customer_of_code(tx: Tx, phone_code: str) -> str | None:
    """The customer whose code is typed on the telephone."""
    row = tx.one(_BY_CODE, phone_code=phone_code) if phone_code else None
    return None if row is None else str(row.code)


def pins(tx: Tx, customer: str) -> list[Row]:
    """id, number and pin_hash of the customer's active contacts that have a PIN."""
    return tx.all(_PINS, customer=customer)


def customers_of_domain(tx: Tx, domain: str) -> list[str]:
    """Codes of the customers that mail from this domain."""
    return [row.customer for row in tx.all(_DOMAIN, domain=addresses.domain(domain))]


def contact(tx: Tx, identity: str) -> Contact | None:
    """The contact with this id."""
    row = tx.one(_CONTACT, id=identity)
    return None if row is None else _contact(row)


def survivor(tx: Tx, identity: str) -> str:
    """The id of the person that this contact turned out to be; their own where it was never merged."""
    row = tx.one(_CONTACT, id=identity)
    return identity if row is None or row.merged_into is None else str(row.merged_into)


def person(tx: Tx, identity: str) -> Contact | None:
    """The person whom this id means: the contact, or whom they turned out to be."""
    found = contact(tx, identity)
    return found if found is None or found.merged_into is None else contact(tx, found.merged_into)


def ids(tx: Tx, identity: str) -> tuple[str, ...]:
    """All ids of this person."""
    return (identity, *merged(tx, identity))


def merged(tx: Tx, identity: str) -> tuple[str, ...]:
    """Ids of the contacts that turned out to be this one."""
    return tuple(row.id for row in tx.all(_MERGED, into=identity))


def contacts(tx: Tx, customer: str) -> list[Contact]:
    """Active contacts of a customer, by name."""
    return [_contact(row) for row in tx.all(_CONTACTS, customer=customer)]


def agent(tx: Tx, identity: str) -> Agent | None:
    """The agent with this id."""
    row = tx.one(_AGENT, id=identity)
    return None if row is None else _agent(row)


def agent_by_email(tx: Tx, email: str) -> Agent | None:
    """The agent with this address."""
    row = tx.one(_AGENT_BY_EMAIL, email=addresses.key(email))
    return None if row is None else _agent(row)


def agents(tx: Tx) -> list[Agent]:
    """Active agents, by name."""
    return [_agent(row) for row in tx.all(_AGENTS)]


def assets(tx: Tx, customer: str) -> list[Asset]:
    """What the customer has."""
    return [_asset(row) for row in tx.all(_ASSETS, customer=customer)]


def asset(tx: Tx, customer: str, name: str) -> Asset | None:
    """One of the customer's assets."""
    row = tx.one(_ASSET, customer=customer, name=name)
    return None if row is None else _asset(row)


def sites(tx: Tx, customer: str) -> list[str]:
    """Names of the customer's sites."""
    return [row.name for row in tx.all(_SITES, customer=customer)]


def customers(tx: Tx) -> list[tuple[str, str]]:
    """(code, name) of every active customer, by name."""
    return [(row.code, row.name) for row in tx.all(_CUSTOMERS)]


def _contact(row: Row) -> Contact:
    return Contact(
        id=row.id,
        customer=row.customer,
        name=row.name,
        email=row.email,
        phone=row.phone,
        number=row.number,
        role=row.role,
        sites=tuple(row.sites),
        language=row.language,
        active=row.active,
        vip=row.vip,
        alerts=row.alerts,
        merged_into=row.merged_into,
    )


def _agent(row: Row) -> Agent:
    return Agent(
        id=row.id,
        email=row.email,
        name=row.name,
        roles=tuple(row.roles),
        groups=tuple(row.groups),
        language=row.language,
        phone=row.phone,
        active=row.active,
        reach=tuple(row.reach),
    )


def _asset(row: Row) -> Asset:
    return Asset(
        customer=row.customer,
        name=row.name,
        technology=row.technology,
        site=row.site,
        criticality=row.criticality,
        always_page=row.always_page,
        address=row.address,
        parent=row.parent,
        depends_on=tuple(shared_thing(one) for one in row.depends_on),
    )


def shared_thing(text: str) -> tuple[str, str]:
    """(customer, asset) of `CUSTOMER/asset`; a code has no slash, a name may.

    >>> shared_thing("US/sw-1 Gi0/2")
    ('US', 'sw-1 Gi0/2')
    """
    customer, _, name = text.partition("/")
    return customer.strip(), name.strip()
