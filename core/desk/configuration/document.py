"""What may stand in a desk configuration? Its tables, read from TOML with every mistake of shape and its place."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

import msgspec

from core.alerting import PACE
from core.desk.errors import ConfigurationError
from core.rules.assigning import CAPACITY
from core.rules.calendar_definitions import (
    HOLIDAY_YEARS,
    CalendarDefinition,
    holiday_dates,
    parse_weekly,
)
from core.rules.rotas import ON_CALL, Layer


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class CalendarPart(_Part, frozen=True, kw_only=True):
    """[[calendars]]"""

    name: str
    time_zone: str = "Europe/Rome"
    weekly: tuple[str, ...] = ()
    holidays: str = ""
    closed: tuple[date, ...] = ()
    closed_names: dict[str, str] = {}
    cut_off: str | None = None

    def definition(self) -> CalendarDefinition:
        """With the dates of its holidays. Raises ValueError."""
        closed = set(map(str, self.closed))
        strays = [
            f'closed_names: "{day}" is not among `closed`' for day in self.closed_names if day not in closed
        ]
        if strays:
            raise ValueError("; ".join(strays))
        dates = holiday_dates(self.holidays, HOLIDAY_YEARS) if self.holidays else frozenset()
        return CalendarDefinition(
            name=self.name,
            time_zone=self.time_zone,
            weekly=parse_weekly(self.weekly),
            closed=dates | frozenset(self.closed),
            cut_off=self.cut_off,
        )


class SlaPart(_Part, frozen=True, kw_only=True):
    """[[slas]] with [slas.targets.P1] …"""

    name: str
    retroactive: bool = True
    targets: dict[str, dict[str, str]] = {}


class NamePart(_Part, frozen=True, kw_only=True):
    """[[request_types]], [[technologies]]"""

    name: str


class GroupPart(_Part, frozen=True, kw_only=True):
    """[[groups]]"""

    name: str
    level: int = 1
    calendar: str = "24x7"
    technologies: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    fallback: str | None = None
    assigns: bool = False
    sales: bool = False


class AgentPart(_Part, frozen=True, kw_only=True):
    """[[agents]]"""

    email: str
    name: str
    roles: tuple[str, ...] = ("technician",)
    groups: tuple[str, ...] = ()
    language: str = "it"
    phone: str = ""
    reach: tuple[str, ...] = ()
    password: str | None = None
    capacity: int = CAPACITY
    skills: tuple[str, ...] = ()
    onsite: bool = False
    calendar: str = ""


class VendorPart(_Part, frozen=True, kw_only=True):
    """[[vendors]]"""

    name: str
    email: str = ""
    domains: tuple[str, ...] = ()
    reference_pattern: str = ""
    contract: str = ""
    answer: str = ""
    update: str = ""
    fix: str = ""
    calendar: str = ""
    mask: bool = False
    show_reference: bool = False
    language: str = ""


class SitePart(_Part, frozen=True, kw_only=True):
    """[[customers.sites]]"""

    name: str
    address: str = ""
    time_zone: str = ""
    holidays: str = ""
    calendar: str = ""
    access_lead: int = 0


class ContactPart(_Part, frozen=True, kw_only=True):
    """[[customers.contacts]]"""

    name: str
    email: str
    phone: str = ""
    pin: str | None = None
    password: str | None = None
    role: str = "user"
    sites: tuple[str, ...] = ()
    language: str | None = None
    vip: bool = False
    alerts: bool = False


class AssetPart(_Part, frozen=True, kw_only=True):
    """[[customers.assets]]"""

    name: str
    technology: str = ""
    site: str = ""
    address: str = ""
    parent: str = ""
    depends_on: tuple[str, ...] = ()
    criticality: str = "normal"
    always_page: bool = False
    make: str = ""
    model: str = ""
    serial: str = ""


class LinePart(_Part, frozen=True, kw_only=True):
    """[[customers.contracts.lines]]"""

    name: str
    technologies: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    calendar: str = "24x7"
    sla: str | None = None
    onsite: bool = False
    vendor_pauses: bool = False
    measure: str = "none"
    quantity: float | None = None
    used: float = 0.0
    period: str = "contract"
    overdraft: bool = False
    priority: int = 100
    emergency: bool = False
    rollover: bool = False
    step: int = 15
    no_access_billable: bool = False


class ContractPart(_Part, frozen=True, kw_only=True):
    """[[customers.contracts]]"""

    number: str
    valid_from: date
    valid_until: date
    status: str = "active"
    grace_days: int = 0
    covers_children: bool = False
    authorised_contacts: tuple[str, ...] = ()
    notice_date: date | None = None
    renewal: str = "none"
    policy: dict[str, str] = {}
    tell_breach: bool = False
    lines: tuple[LinePart, ...] = ()


class CustomerPart(_Part, frozen=True, kw_only=True):
    """[[customers]]"""

    name: str
    code: str
    parent: str | None = None
    phone_code: str = ""
    domains: tuple[str, ...] = ()
    language: str = "it"
    time_zone: str = "Europe/Rome"
    policy: dict[str, str] = {}
    groups: tuple[str, ...] = ()
    keep_recordings: int = 90
    account_manager: str | None = None
    priorities: dict[str, dict[str, str]] = {}
    sites: tuple[SitePart, ...] = ()
    contacts: tuple[ContactPart, ...] = ()
    assets: tuple[AssetPart, ...] = ()
    contracts: tuple[ContractPart, ...] = ()


class RoutingPart(_Part, frozen=True, kw_only=True):
    """[[routing]]"""

    group: str
    technology: str | None = None
    request_type: str | None = None
    customer: str | None = None
    level: int | None = None
    calendar: str | None = None


class IntakeRulePart(_Part, frozen=True, kw_only=True):
    """[[intake_rules]]"""

    mailbox: str = ""
    words: tuple[str, ...] = ()
    technology: str | None = None
    request_type: str | None = None
    impact: int | None = None
    urgency: int | None = None
    safety: bool = False


class InterfacePart(_Part, frozen=True, kw_only=True):
    """alert_sources.api"""

    url: str
    user: str = ""
    token: str = ""
    ca: str = ""


class SignaturePart(_Part, frozen=True, kw_only=True):
    """alert_sources.hmac"""

    header: str
    secret: str
    timestamp: str = ""


class TrapUserPart(_Part, frozen=True, kw_only=True):
    """alert_sources.users"""

    name: str
    auth: str = ""
    auth_secret: str = ""
    priv: str = ""
    priv_secret: str = ""


class AlertSourcePart(_Part, frozen=True, kw_only=True):
    """[[alert_sources]]"""

    name: str
    kind: str
    secret: str | None = None
    next_secret: str | None = None
    enabled: bool = True
    customer: str | None = None
    names_customers: bool = False
    technology: str = ""
    request_type: str = ""
    time_zone: str = ""
    severities: dict[str, str] = {}
    severity: str = "warning"
    hold: str = "60s"
    stable: str = "5m"
    tell_after: str = "120s"
    auto_close: str = ""
    heartbeat: str = ""
    heartbeat_grace: str = "60s"
    page_anyway: bool = False
    info_opens: bool = False
    announce: bool = False
    mapping: dict[str, str] = {}
    rules: tuple[dict[str, str], ...] = ()
    peers: tuple[str, ...] = ()
    hmac: SignaturePart | None = None
    api: InterfacePart | None = None
    topics: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()
    users: tuple[TrapUserPart, ...] = ()
    address: str = ""
    rate: int = PACE.rate
    burst: int = PACE.burst


class LayerPart(_Part, frozen=True, kw_only=True):
    """[[rotas.layers]]"""

    members: tuple[str, ...]
    starts: date
    handoff: str = "08:00"
    length: str = "7d"
    restrictions: tuple[str, ...] = ()

    def layer(self) -> Layer:
        """What it means. Raises ValueError."""
        return Layer(**msgspec.structs.asdict(self))


class RotaPart(_Part, frozen=True, kw_only=True):
    """[[rotas]]"""

    name: str
    duty: str = ON_CALL
    groups: tuple[str, ...] = ()
    time_zone: str = "Europe/Rome"
    fallback: str = ""
    layers: tuple[LayerPart, ...] = ()


class QuickReplyPart(_Part, frozen=True, kw_only=True):
    """[[quick_replies]]"""

    name: str
    texts: dict[str, str]
    groups: tuple[str, ...] = ()


PARTS: Mapping[str, tuple[type[_Part], str]] = {
    "calendars": (CalendarPart, "name"),
    "slas": (SlaPart, "name"),
    "request_types": (NamePart, "name"),
    "technologies": (NamePart, "name"),
    "groups": (GroupPart, "name"),
    "agents": (AgentPart, "email"),
    "vendors": (VendorPart, "name"),
    "customers": (CustomerPart, "code"),
    "routing": (RoutingPart, ""),
    "intake_rules": (IntakeRulePart, ""),
    "alert_sources": (AlertSourcePart, "name"),
    "rotas": (RotaPart, "name"),
    "quick_replies": (QuickReplyPart, "name"),
}
"""Section to the shape of its tables and the field that is their key."""

Document = dict[str, tuple[Any, ...]]
"""Section to its parts. A section that the file does not have is not in it, and stays as it is."""


def read_plain(plain: Mapping[str, Any]) -> Document:
    """The parts in these dicts and lists. Raises ConfigurationError with every mistake of shape."""
    found, mistakes = read_what_can_be(plain)
    if mistakes:
        raise ConfigurationError(mistakes)
    return found


def read_what_can_be(plain: Mapping[str, Any]) -> tuple[Document, list[str]]:
    """The parts that can be read, and the mistakes of those that cannot."""
    mistakes = [
        f"{section}: is not a section of a desk{mean(section, PARTS)}"
        for section in plain
        if section not in PARTS
    ]
    found: Document = {}
    for section, (shape, _) in PARTS.items():
        if section in plain:
            found[section] = tuple(_tables(shape, plain[section], section, mistakes))
    return found, mistakes


def mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known: what was probably meant."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def place(parent: str, item: Any, number: int) -> str:
    """Where a part stands, by the name people know it by: customers[ACME].contracts[C-1].

    >>> place("routing", {"group": "L1"}, 2)
    'routing[2]'
    """
    key = _CALLED.get(parent.rpartition(".")[2], "name")
    name = item.get(key) if isinstance(item, Mapping) else getattr(item, key, None)
    return f"{parent}[{name if isinstance(name, str) and name else number}]"


_CALLED = {"agents": "email", "contacts": "email", "contracts": "number", "customers": "code"}


def _tables(shape: type[_Part], items: Any, at: str, mistakes: list[str]) -> Iterator[Any]:
    if not isinstance(items, list):
        header = re.sub(r"\[[^]]*]", "", at)
        mistakes.append(f"{at}: must be tables: [[{header}]]")
        return
    for number, item in enumerate(items, start=1):
        part = _table(shape, item, place(at, item, number), mistakes)
        if part is not None:
            yield part


def _table(shape: type[_Part], item: Any, at: str, mistakes: list[str]) -> Any:
    if not isinstance(item, Mapping):
        mistakes.append(f"{at}: must be a table")
        return None
    fields = _fields(shape)
    wrong = len(mistakes)
    mistakes += [
        f"{at}.{name}: is not a field here{mean(name, fields)}" for name in item if name not in fields
    ]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in item:
            if field.required:
                mistakes.append(f"{at}.{name}: is missing")
        elif (inner := _inner(field.type)) is not None:
            values[name] = tuple(_tables(inner, item[name], f"{at}.{name}", mistakes))
        else:
            try:
                values[name] = msgspec.convert(item[name], field.type)
            except msgspec.ValidationError as error:
                mistakes.append(f"{at}.{name}{_said(error)}")
    # A part whose own inner parts are wrong is still looked at, so that its other mistakes are told too.
    missing = any(field.required and name not in values for name, field in fields.items())
    return None if missing and len(mistakes) > wrong else shape(**values)


@cache
def _fields(shape: type[_Part]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(shape)}


@cache
def _inner(kind: Any) -> type[_Part] | None:
    """The shape of the tables in a field that holds some."""
    arguments = typing.get_args(kind)
    is_tables = (
        typing.get_origin(kind) is tuple
        and isinstance(arguments[0], type)
        and issubclass(arguments[0], _Part)
    )
    return arguments[0] if is_tables else None


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "date": "a date such as 2026-01-31",
}


def _said(error: msgspec.ValidationError) -> str:
    """msgspec's "Expected `int`, got `str` - at `$[1]`" for people who write TOML."""
    text, _, inside = str(error).partition(" - at `$")
    if match := re.match(r"Expected `(\w+)[^`]*`, got `(\w+)`", text):
        wanted, got = (_WORDS.get(word, word) for word in match.groups())
        text = f"must be {wanted}, not {got}"
    return f"{inside.rstrip('`')}: {text}"
