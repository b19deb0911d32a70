"""How does a file become rows? What is new, changed or gone is found by key, told as a list of changes, and written."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Table, func, select

from core import addresses, numbers
from core.desk import (
    accounts,
    alert_sources,
    asset_owners,
    case,
    contract_versions,
    holes,
    reference,
    rota_gaps,
    sla_versions,
)
from core.desk.configuration import export, members, told
from core.desk.configuration.checking import check
from core.desk.configuration.document import ContractPart, CustomerPart, Document, RotaPart
from core.desk.errors import ConfigurationError
from core.desk.passwords import AT_ONCE, hash_now, hash_pin_now, matches_now
from core.desk.principal import Principal
from core.ids import new_id
from core.rules.calendar_definitions import definition_to_json, definition_version
from core.store import tables
from core.store.columns import to_json
from core.store.tx import Prepared, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is added, changed or removed."""

    what: str
    """added, changed or removed."""
    section: str
    name: str
    details: tuple[str, ...] = ()
    """Of what is changed: "calendar: Office → 24x7". Secrets are named, never shown."""

    def __str__(self) -> str:
        """One line of the difference."""
        sign = {"added": "+", "changed": "~", "removed": "-"}[self.what]
        return f"{sign} {self.section} {self.name}" + (
            f" ({'; '.join(self.details)})" if self.details else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One row to write."""

    change: Change
    table: Table
    key: Mapping[str, Any]
    values: Mapping[str, Any] | None
    """None: the row goes."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """What has to be written so that the desk is as the file says."""

    steps: list[_Step] = field(default_factory=list)
    definitions: list[dict[str, Any]] = field(default_factory=list)


Hashes = Mapping[tuple[str, str, str], str]
"""("password" or "pin", customer or "" for staff, e-mail) to the stored hash."""


def known_hashes(tx: Tx) -> dict[tuple[str, str, str], str]:
    """What is stored now, so that an unchanged password is not hashed again."""
    agent, contact = tables.agent, tables.contact
    found = {
        ("password", "", row.email): row.password_hash
        for row in tx.all(select(agent.c.email, agent.c.password_hash))
    }
    for row in tx.all(
        select(contact.c.customer, contact.c.email, contact.c.password_hash, contact.c.pin_hash)
    ):
        found["password", row.customer, row.email] = row.password_hash
        found["pin", row.customer, row.email] = row.pin_hash
    return {key: stored for key, stored in found.items() if stored}


def hash_secrets(document: Document, known: Hashes) -> dict[tuple[str, str, str], str]:
    """The hashes the file asks for, and those that stay. Slow (0.2 s each): never within a transaction."""
    given = {
        ("password", "", addresses.key(agent.email)): agent.password
        for agent in document.get("agents", ())
        if agent.password
    }
    for customer in document.get("customers", ()):
        for person in customer.contacts:
            for kind, secret in (("password", person.password), ("pin", person.pin)):
                if secret:
                    given[kind, customer.code, addresses.key(person.email)] = secret

    def stored(key: tuple[str, str, str]) -> str:
        before = known.get(key)
        if before and matches_now(before, given[key]):
            return before
        return hash_pin_now(given[key]) if key[0] == "pin" else hash_now(given[key])

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="argon2") as pool:
        return {**known, **dict(zip(given, pool.map(stored, given), strict=True))}


def plan(tx: Tx, document: Document, hashes: Hashes) -> tuple[Change, ...]:
    """What `apply` would do; changes nothing. Raises ConfigurationError."""
    _check(tx, document)
    return _changes(_difference(tx, document, hashes))


def apply(
    tx: Tx, who: Principal, document: Document, hashes: Hashes, *, now: datetime, why: str = ""
) -> tuple[Change, ...]:
    """Make the desk what the file says, in one transaction; the same file again changes nothing.

    A section that the file has is the whole of it: what it leaves out is removed, or put out of use where tickets
    remember it; a section that the file does not have stays as it is. `why`: kept with the versions of contracts and
    service levels. Raises
    ConfigurationError.
    """
    reference.hold(tx)
    _check(tx, document)
    return write(tx, who, document, hashes, now=now, why=why)


def write(
    tx: Tx, who: Principal, document: Document, hashes: Hashes, *, now: datetime, why: str = ""
) -> tuple[Change, ...]:
    """The same for parts whose names were all checked by who gives them: the rest of the desk is not looked at."""
    difference = _difference(tx, document, hashes)
    changes = _changes(difference)
    for row in difference.definitions:
        if not tx.insert_new(tables.definition, **row, at=now) and row["version"].startswith(export.FILE):
            tx.update(tables.definition, {"version": row["version"]}, content=row["content"])
    signed = [step for step in difference.steps if step.table is tables.contract]
    before = {row.number: row.version for row in tx.all(_VERSIONS)} if signed else {}
    levels = [step for step in difference.steps if step.table is tables.sla and step.values is not None]
    promised = {row.name: row._asdict() for row in tx.all(select(tables.sla))} if levels else {}
    for step in difference.steps:
        _write(tx, step, now)
    for step in levels:
        name = step.key["name"]
        said = promised.get(name)
        sla_versions.begins(tx, who, name, said, {**(said or {}), **(step.values or {})}, why=why, now=now)
    if changes:
        reference.revise(tx, now=now)
        _assets_moved(tx, difference, now)
        for step in signed:
            if step.values is not None and "version" in step.values:
                number = step.key["number"]
                contract_versions.begins(
                    tx, who, number, before.get(number), step.values["version"], why=why, now=now
                )
        holes.soon(tx, now=now)
        rota_gaps.soon(tx, now=now)
        digest = hashlib.sha256("\n".join(map(str, changes)).encode()).hexdigest()
        case.record(
            tx,
            case.ADMINISTRATION,
            "desk.applied",
            now=now,
            actor=who.actor,
            changes=len(changes),
            digest=digest,
        )
    return changes


_VERSIONS = Prepared(select(tables.contract.c.number, tables.contract.c.version))


def _assets_moved(tx: Tx, difference: _Difference, now: datetime) -> None:
    steps = [step for step in difference.steps if step.table is tables.asset]
    asset_owners.moved(
        tx,
        gone=[(s.key["customer"], s.key["name"]) for s in steps if s.change.what == "removed"],
        come=[(s.key["customer"], s.key["name"]) for s in steps if s.change.what == "added"],
        now=now,
    )


def is_empty(tx: Tx) -> bool:
    """Is there no desk yet, and nobody who was asked to set one up?"""
    return not any(
        tx.one(select(func.count().label("count")).select_from(table)).count
        for table in (tables.agent, tables.customer, tables.one_time_link)
    )


def _changes(difference: _Difference) -> tuple[Change, ...]:
    return tuple(sorted((step.change for step in difference.steps), key=lambda c: (c.section, c.name)))


def _write(tx: Tx, step: _Step, now: datetime) -> None:
    if step.values is None:
        tx.run(step.table.delete().where(*(step.table.c[k] == value for k, value in step.key.items())))
    elif step.change.what == "added":
        tx.insert(step.table, **step.values)
    else:
        tx.update(step.table, dict(step.key), **step.values)
        if step.table in (tables.agent, tables.contact) and _RIGHTS & set(step.values):
            accounts.end_all(tx, step.key["id"], now=now)


_RIGHTS = {"active", "groups", "password_hash", "role", "roles", "sites"}
"""Who had other ones signs in again."""


def _check(tx: Tx, document: Document) -> None:
    stored = export.stored(tx)
    check(document, stored)
    if unreachable := list(members.unreachable(tx, {**stored, **document})):
        raise ConfigurationError(unreachable)


def _difference(tx: Tx, document: Document, hashes: Hashes) -> _Difference:
    difference = _Difference()
    for section, parts in document.items():
        _SECTIONS[section](tx, parts, hashes, difference)
    orphaned = [
        line for step in difference.steps if step.change.what == "removed" for line in _open_tickets(tx, step)
    ]
    if orphaned:
        raise ConfigurationError(orphaned)
    return difference


def _open_tickets(tx: Tx, step: _Step) -> Iterator[str]:
    """Open tickets that a removed name would leave hanging."""
    column = {
        "groups": tables.ticket.c.desk_group,
        "technologies": tables.ticket.c.technology,
        "request_types": tables.ticket.c.request_type,
        "customers": tables.ticket.c.customer,
    }.get(step.change.section)
    if column is None:
        return
    name = step.change.name
    count = tx.one(
        select(func.count().label("count")).where(tables.ticket.c.open.is_(True), column == name)
    ).count
    if count:
        yield f"{step.change.section}[{name}]: cannot be left out, {count} open tickets have it"


# --- Sections ----------------------------------------------------------------------------------------------


def _calendars(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    rows = []
    for part in parts:
        made = part.definition()
        version = definition_version(made)
        _define(difference, version, "calendar", part.name, definition_to_json(made))
        _define(difference, export.FILE + version, "calendar file", part.name, msgspec.to_builtins(part))
        rows.append({"name": part.name, "version": version})
    _sync(tx, difference, "calendars", tables.calendar, ("name",), rows)
    moved = {step.change.name for step in difference.steps if step.table is tables.calendar}
    for part, row in zip(parts, rows, strict=True):
        before = {"closed_names": export.file(tx, row["version"]).get("closed_names", {})}
        details = tuple(told.difference(before, {"closed_names": part.closed_names}))
        if details and part.name not in moved:  # what a day is called makes no other version
            change = Change(what="changed", section="calendars", name=part.name, details=details)
            key = {"name": part.name}
            difference.steps.append(_Step(change=change, table=tables.calendar, key=key, values=row))


def _slas(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    rows = [
        {
            "name": part.name,
            "version": _version(part.targets if part.retroactive else [part.targets, "from the change"]),
            "targets": msgspec.to_builtins(part.targets),
            "retroactive": part.retroactive,
        }
        for part in parts
    ]
    _sync(tx, difference, "slas", tables.sla, ("name",), rows)


def _names(section: str, table: Table) -> Any:
    def rows(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
        numbered = [{"name": part.name, "position": n} for n, part in enumerate(parts)]
        _sync(tx, difference, section, table, ("name",), numbered)

    return rows


def _groups(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    rows = [{**_fields(part), "position": n} for n, part in enumerate(parts)]
    _sync(tx, difference, "groups", tables.desk_group, ("name",), rows)


def _agents(tx: Tx, parts: Any, hashes: Hashes, difference: _Difference) -> None:
    ids = {row.email: row.id for row in tx.all(select(tables.agent.c.email, tables.agent.c.id))}
    rows = []
    for part in parts:
        email = addresses.key(part.email)
        fields = _fields(part, without=("email", "password"))
        rows.append(
            {
                **fields,
                "id": ids.get(email) or new_id(),
                "email": email,
                "password_hash": hashes.get(("password", "", email)),
                "active": True,
            }
        )
    _sync(tx, difference, "agents", tables.agent, ("id",), rows, name="email", retire=True)


def _contents(section: str, table: Table) -> Any:
    def rows(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
        made = [{"name": part.name, "content": _fields(part, without=("name",))} for part in parts]
        _sync(tx, difference, section, table, ("name",), made)

    return rows


def _alert_sources(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    """Secrets are kept as digests; a file that names none leaves those there are."""
    kept = {row.name: row.content.get("secrets", []) for row in tx.all(select(tables.alert_source))}
    rows = []
    for part in parts:
        given = [secret for secret in (part.secret, part.next_secret) if secret]
        secrets = [alert_sources.digest(secret) for secret in given] or kept.get(part.name, [])
        fields = _fields(part, without=("name", "secret", "next_secret"))
        rows.append({"name": part.name, "content": fields | {"secrets": secrets}})
    _sync(tx, difference, "alert_sources", tables.alert_source, ("name",), rows)


def _routing(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    rows = []
    for n, part in enumerate(parts, start=1):
        fields = _fields(part)
        fields["desk_group"] = fields.pop("group")
        rows.append({"position": n, **fields})
    _sync(tx, difference, "routing", tables.routing_rule, ("position",), rows)


def _intake_rules(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    rows = [{"position": n, "content": export.written(part)} for n, part in enumerate(parts, start=1)]
    _sync(tx, difference, "intake_rules", tables.intake_rule, ("position",), rows)


def _rotas(tx: Tx, parts: tuple[RotaPart, ...], _hashes: Hashes, difference: _Difference) -> None:
    rows = []
    for n, part in enumerate(parts):
        layers = [
            _fields(layer) | {"members": [addresses.key(member) for member in layer.members]}
            for layer in part.layers
        ]
        rows.append({**_fields(part), "layers": layers, "position": n})
    _sync(tx, difference, "rotas", tables.rota, ("name",), rows)


def _quick_replies(tx: Tx, parts: Any, _hashes: Hashes, difference: _Difference) -> None:
    rows = [{**_fields(part), "position": n} for n, part in enumerate(parts)]
    _sync(tx, difference, "quick_replies", tables.quick_reply, ("name",), rows)


def _customers(tx: Tx, parts: tuple[CustomerPart, ...], hashes: Hashes, difference: _Difference) -> None:
    codes = {
        row.code: row.phone_code
        for row in tx.all(select(tables.customer.c.code, tables.customer.c.phone_code))
    }
    taken = set(codes.values()) | {part.phone_code for part in parts}
    rows = []
    for part in parts:
        phone_code = part.phone_code or codes.get(part.code) or _free_code(taken)
        taken.add(phone_code)
        fields = _fields(part, without=("domains", "sites", "contacts", "assets", "contracts"))
        manager = addresses.key(part.account_manager) if part.account_manager else None
        rows.append({**fields, "phone_code": phone_code, "account_manager": manager, "active": True})
    _sync(tx, difference, "customers", tables.customer, ("code",), rows, retire=True)
    domains = [{"domain": addresses.domain(d), "customer": part.code} for part in parts for d in part.domains]
    _sync(tx, difference, "domains", tables.customer_domain, ("customer", "domain"), domains)
    sites = [{"customer": part.code, **_fields(site)} for part in parts for site in part.sites]
    _sync(tx, difference, "sites", tables.site, ("customer", "name"), sites)
    assets = [{"customer": part.code, **_fields(asset)} for part in parts for asset in part.assets]
    _sync(tx, difference, "assets", tables.asset, ("customer", "name"), assets)
    _contacts(tx, parts, hashes, difference)
    _contracts(tx, parts, difference)


def _contacts(tx: Tx, parts: tuple[CustomerPart, ...], hashes: Hashes, difference: _Difference) -> None:
    contact = tables.contact
    ids = {
        (r.customer, r.email): r.id for r in tx.all(select(contact.c.customer, contact.c.email, contact.c.id))
    }
    rows = []
    for part in parts:
        for person in part.contacts:
            email = addresses.key(person.email)
            fields = _fields(person, without=("email", "password", "pin"))
            rows.append(
                {
                    **fields,
                    "id": ids.get((part.code, email)) or new_id(),
                    "customer": part.code,
                    "email": email,
                    "number": numbers.normal(person.phone, tx.facts.country),
                    "password_hash": hashes.get(("password", part.code, email)),
                    "pin_hash": hashes.get(("pin", part.code, email)),
                    "active": True,
                }
            )
    _sync(
        tx, difference, "contacts", contact, ("id",), rows, name="email", retire=True, keeps=_known_otherwise
    )


def _known_otherwise(row: Mapping[str, Any]) -> bool:
    """Is this somebody whom the desk met in a chat or on the telephone? No file names them, and none takes them away."""
    return not addresses.plausible(row["email"])


def _contracts(tx: Tx, parts: tuple[CustomerPart, ...], difference: _Difference) -> None:
    rows = []
    for part in parts:
        for contract in part.contracts:
            written = _written(contract)
            version = _version(written | _owner(part))
            content = contract_content(part, contract)
            _define(difference, version, "contract", contract.number, content)
            _define(difference, export.FILE + version, "contract file", contract.number, written)
            rows.append({"number": contract.number, "customer": part.code, "version": version})
    _sync(tx, difference, "contracts", tables.contract, ("number",), rows)


def contract_content(part: CustomerPart, contract: ContractPart) -> dict[str, Any]:
    """What is kept of a contract of this customer, as `reference.contract_of` reads it."""
    people = [addresses.key(email) for email in contract.authorised_contacts]
    return {**_written(contract), **_owner(part), "authorised_contacts": people}


def _written(contract: ContractPart) -> dict[str, Any]:
    written = _fields(contract)
    for line in written["lines"]:
        _leave_out(line, LATER_OF_LINES)
    _leave_out(written, LATER)
    return written


def _owner(part: CustomerPart) -> dict[str, Any]:
    return {"customer": part.code, "time_zone": part.time_zone}


LATER: Mapping[str, Any] = {"notice_date": None, "renewal": "none", "policy": {}, "tell_breach": False}
LATER_OF_LINES: Mapping[str, Any] = {
    "emergency": False,
    "rollover": False,
    "step": 15,
    "no_access_billable": False,
}
"""Fields that contracts of before do not have: where they say nothing the contract stays the version it is."""


def _leave_out(written: dict[str, Any], later: Mapping[str, Any]) -> None:
    for name, usual in later.items():
        if written[name] == usual:
            del written[name]


_SECTIONS: Mapping[str, Any] = {
    "calendars": _calendars,
    "slas": _slas,
    "request_types": _names("request_types", tables.request_type),
    "technologies": _names("technologies", tables.technology),
    "groups": _groups,
    "agents": _agents,
    "vendors": _contents("vendors", tables.vendor),
    "customers": _customers,
    "routing": _routing,
    "intake_rules": _intake_rules,
    "alert_sources": _alert_sources,
    "rotas": _rotas,
    "quick_replies": _quick_replies,
}


# --- Rows --------------------------------------------------------------------------------------------------


def _sync(
    tx: Tx,
    difference: _Difference,
    section: str,
    table: Table,
    key: tuple[str, ...],
    rows: Iterable[dict[str, Any]],
    *,
    name: str = "",
    retire: bool = False,
    keeps: Callable[[Mapping[str, Any]], bool] = lambda row: False,
) -> None:
    """What makes the table hold these rows. `retire`: what is gone is put out of use, because tickets name it.

    `keeps`: what is in no file and stays.
    """

    def called(row: Mapping[str, Any]) -> str:
        return str(row[name]) if name else " ".join(str(row[k]) for k in key)

    def step(what: str, row: Mapping[str, Any], values: Any, details: Iterable[str] = ()) -> None:
        change = Change(what=what, section=section, name=called(row), details=tuple(details))
        place = {k: row[k] for k in key}
        difference.steps.append(_Step(change=change, table=table, key=place, values=values))

    stored = {tuple(getattr(row, k) for k in key): row._asdict() for row in tx.all(select(table))}
    for row in rows:
        before = stored.pop(tuple(row[k] for k in key), None)
        if before is None:
            step("added", row, row)
        elif different := {k: v for k, v in row.items() if to_json(before[k]) != to_json(v)}:
            step("changed", row, different, _details(tx, difference, before, different))
    for before in stored.values():
        if keeps(before):
            continue
        if not retire:
            step("removed", before, None)
        elif before["active"]:
            step("removed", before, {"active": False})


def _details(
    tx: Tx, difference: _Difference, before: Mapping[str, Any], different: Mapping[str, Any]
) -> Iterator[str]:
    for name, value in different.items():
        if name in ("password_hash", "pin_hash"):
            yield f"{name.removesuffix('_hash')} {'changed' if value else 'removed'}"
        elif name == "version":
            now = next((d for d in difference.definitions if d["version"] == export.FILE + value), None)
            if now is not None:
                yield from told.difference(export.file(tx, before["version"]), now["content"])
        else:
            yield from told.difference({name: before[name]}, {name: value})


def _define(difference: _Difference, version: str, kind: str, name: str, content: Any) -> None:
    plain = msgspec.json.decode(to_json(content))  # as it will be read: lists, no tuples
    difference.definitions.append({"version": version, "kind": kind, "name": name, "content": plain})


def _fields(part: Any, without: Iterable[str] = ()) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(part)
    return {name: value for name, value in plain.items() if name not in without}


def _version(content: Any) -> str:
    return hashlib.sha256(to_json(content).encode()).hexdigest()[:32]


def _free_code(taken: set[str]) -> str:
    low = (
        1_000 if len(taken) < 4_500 else 100_000
    )  # half of the four digits stay free, so that guessing is no use
    while (code := str(low + secrets.randbelow(9 * low))) in taken:
        pass
    return code
