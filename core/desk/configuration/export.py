"""How does the desk look as a file? TOML that `apply` takes back without a change. Passwords and PINs stay inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, select

from core import addresses
from core.desk import reference
from core.desk.configuration import document
from core.store import tables
from core.store.columns import to_json
from core.store.tx import Prepared, Tx

FILE = reference.FILE


def export(tx: Tx) -> str:
    """The whole desk, for `apply`."""
    return "\n".join(_toml(_plain(tx))) + "\n"


def stored(tx: Tx) -> document.Document:
    """The whole desk, as its file would be read."""
    return document.read_plain(_plain(tx))


def file(tx: Tx, version: str) -> dict[str, Any]:
    """What the file said of a calendar or a contract; its definition says more than was written, or less."""
    row = tx.one(_FILE, version=FILE + version)
    return {} if row is None else dict(row.content)


_FILE = Prepared(
    select(tables.definition.c.content).where(tables.definition.c.version == bindparam("version"))
)


def _plain(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    return {
        "calendars": [
            file(tx, row.version) for row in tx.all(select(tables.calendar).order_by(tables.calendar.c.name))
        ],
        "slas": [
            {"name": row.name, "targets": row.targets} | ({} if row.retroactive else {"retroactive": False})
            for row in tx.all(select(tables.sla).order_by(tables.sla.c.name))
        ],
        "request_types": _named(tx, tables.request_type),
        "technologies": _named(tx, tables.technology),
        "groups": [
            _only(document.GroupPart, row._asdict())
            for row in tx.all(select(tables.desk_group).order_by(tables.desk_group.c.position))
        ],
        "agents": [
            _only(document.AgentPart, row._asdict())
            for row in tx.all(
                select(tables.agent).where(tables.agent.c.active.is_(True)).order_by(tables.agent.c.email)
            )
        ],
        "vendors": [
            {"name": row.name, **row.content}
            for row in tx.all(select(tables.vendor).order_by(tables.vendor.c.name))
        ],
        "customers": list(_customers(tx)),
        "routing": [
            _only(document.RoutingPart, row._asdict() | {"group": row.desk_group})
            for row in tx.all(select(tables.routing_rule).order_by(tables.routing_rule.c.position))
        ],
        "intake_rules": [
            row.content for row in tx.all(select(tables.intake_rule).order_by(tables.intake_rule.c.position))
        ],
        "alert_sources": [
            {"name": row.name, **{name: value for name, value in row.content.items() if name != "secrets"}}
            for row in tx.all(select(tables.alert_source).order_by(tables.alert_source.c.name))
        ],
        "rotas": [
            _only(document.RotaPart, row._asdict())
            for row in tx.all(select(tables.rota).order_by(tables.rota.c.position))
        ],
        "quick_replies": [
            {"name": row.name, "texts": row.texts, "groups": row.groups}
            for row in tx.all(select(tables.quick_reply).order_by(tables.quick_reply.c.position))
        ],
    }


def _customers(tx: Tx) -> Iterator[dict[str, Any]]:
    """Each table is read once, not once for each customer."""
    customer, contact, contract = tables.customer, tables.contact, tables.contract
    domains = _by_customer(tx, select(tables.customer_domain).order_by(tables.customer_domain.c.domain))
    sites = _by_customer(tx, select(tables.site).order_by(tables.site.c.name))
    contacts = _by_customer(tx, select(contact).where(contact.c.active.is_(True)).order_by(contact.c.email))
    assets = _by_customer(tx, select(tables.asset).order_by(tables.asset.c.name))
    contracts = _by_customer(tx, select(contract).order_by(contract.c.number))
    for row in tx.all(select(customer).where(customer.c.active.is_(True)).order_by(customer.c.code)):
        yield _only(document.CustomerPart, row._asdict()) | {
            "domains": [domain["domain"] for domain in domains.get(row.code, ())],
            "sites": [_only(document.SitePart, site) for site in sites.get(row.code, ())],
            "contacts": [
                _only(document.ContactPart, person)
                for person in contacts.get(row.code, ())
                if addresses.plausible(person["email"])  # others were met in a chat or on the telephone
            ],
            "assets": [_only(document.AssetPart, asset) for asset in assets.get(row.code, ())],
            "contracts": [file(tx, signed["version"]) for signed in contracts.get(row.code, ())],
        }


def written(part: msgspec.Struct) -> dict[str, Any]:
    """A part as a file would say it: what differs from its defaults."""
    return _only(type(part), msgspec.to_builtins(part))


def _by_customer(tx: Tx, rows: Select[Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in tx.all(rows):
        found.setdefault(row.customer, []).append(row._asdict())
    return found


def _named(tx: Tx, table: Any) -> list[dict[str, Any]]:
    return [{"name": row.name} for row in tx.all(select(table).order_by(table.c.position))]


def _only(shape: type[msgspec.Struct], values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the file that differ from their defaults."""
    return {
        name: values[name]
        for name, default in _defaults(shape).items()
        if name in values and values[name] != default
    }


@cache
def _defaults(shape: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: _as_stored(field.default) for field in msgspec.structs.fields(shape)}


def _as_stored(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


_DATES = ("valid_from", "valid_until", "notice_date", "starts")


def _toml(tree: Mapping[str, Any]) -> Iterator[str]:
    for section, items in tree.items():
        for item in items:
            yield f"[[{section}]]"
            yield from _table(section, item)
            yield ""


def _table(place: str, item: Mapping[str, Any]) -> Iterator[str]:
    nested = {k: v for k, v in item.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
    tables_of = {
        k: v for k, v in item.items() if isinstance(v, dict) and any(isinstance(x, dict) for x in v.values())
    }
    for name, value in item.items():
        if name not in nested and name not in tables_of and value is not None and value not in ([], {}):
            yield f"{name} = {_value(name, value)}"
    for name, table in tables_of.items():
        for key, inner in table.items():
            yield f"[{place}.{name}.{key}]"
            yield from _table(f"{place}.{name}.{key}", inner)
    for name, rows in nested.items():
        for row in rows:
            yield f"[[{place}.{name}]]"
            yield from _table(f"{place}.{name}", row)


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date) or name in _DATES:
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value('' if name != 'closed' else 'valid_from', v) for v in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(k, v)}" for k, v in value.items()) + " }"
    return to_json(value).replace("\x7f", "\\u007f")  # JSON lets it stand, TOML does not
