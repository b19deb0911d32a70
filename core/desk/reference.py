"""What is the desk configured to do? The small tables, read once per revision; contracts by their immutable versions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, literal, select

from core.desk.alert_sources import OWN, AlertSource, of_content, own
from core.rules.calendar_definitions import CalendarDefinition, definition_from_json, definition_version
from core.rules.calendars import Calendar
from core.rules.durations import Target, parse_target
from core.rules.entitlement import Contract, Line
from core.rules.outages import Scope
from core.rules.priority import Matrix
from core.rules.rotas import Layer, Rota
from core.rules.routing import Rule
from core.rules.suggesting import IntakeRule
from core.store import tables
from core.store.columns import to_micros
from core.store.tx import Prepared, Row, Tx

ALWAYS = "24x7"
PROMISES = ("response", "update", "restore", "resolve", "onsite", "vendor", "resolve_after_workaround")
"""What a service level has a time for, as tables show it."""
DEFAULT_SLA = "Default"
"""The service level of tickets without a contract line, where the desk has one of this name."""
KEEP_RECORDINGS = 90
"""Days, of who is nobody's customer."""
MAX_DEFINITIONS = 5_000  # contracts and calendars kept by version

ALL_DAY = (("00:00", "24:00"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A calendar and the version that clocks name."""

    version: str
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What one priority is promised."""

    times: Mapping[str, Target]
    """By what PROMISES names."""
    calendar: str | None
    """None: that of the contract line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """An SLA: priority to promise."""

    name: str
    targets: Mapping[str, Promise]
    retroactive: bool = True
    """Whether a ticket that comes under it later is measured by it from its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHours:
    """What a site has of its own: a time zone and the holidays of its place; empty: the calendar's."""

    time_zone: str
    holidays: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskGroup:
    """A group of agents."""

    name: str
    level: int
    calendar: str
    technologies: tuple[str, ...]
    request_types: tuple[str, ...]
    fallback: str | None
    assigns: bool
    """A ticket is given to somebody of the group at once."""
    sales: bool = False
    """Requests that nothing covers come here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Whose products we sell or use, and whom we open cases with."""

    name: str
    email: str = ""
    domains: tuple[str, ...] = ()
    """Of their mail, lower case."""
    reference_pattern: str = ""
    contract: str = ""
    answer: Target | None = None
    """What their contract promises: the first answer, each further word, the solution. None: nothing."""
    update: Target | None = None
    fix: Target | None = None
    calendar: str = ""
    """By which that counts; empty: at all hours."""
    mask: bool = False
    show_reference: bool = False
    language: str = ""
    """Of what we write by ourselves; empty: the hub's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A notice that is true now: every caller, visitor and writer is compared with it."""

    id: str
    scope: Scope
    words: Mapping[str, Mapping[str, str]]
    """Language to title and text, as they were published."""
    news: Mapping[str, str]
    """Language to the text of the newest update; empty: none since."""
    since: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The configuration as of one revision."""

    revision: int
    calendars: Mapping[str, Hours]
    slas: Mapping[str, ServiceLevel]
    request_types: tuple[str, ...]
    technologies: tuple[str, ...]
    groups: Mapping[str, DeskGroup]
    """In the order of the file."""
    routing: tuple[Rule, ...]
    intake: tuple[IntakeRule, ...]
    outages: tuple[Outage, ...]
    """Those that go on, the latest first."""
    rotas: tuple[Rota, ...]
    """In the order of the file; members by their ids."""
    vendors: Mapping[str, Vendor] = field(default_factory=dict)
    alert_sources: Mapping[str, AlertSource] = field(default_factory=dict)
    sites: Mapping[tuple[str, str], SiteHours] = field(default_factory=dict)
    """By customer and name; only those that have something of their own."""
    local: dict[tuple[str, SiteHours], Hours] = field(default_factory=dict)
    """Calendars as they are at a site, by their version; those that were asked for."""
    customers: dict[str, Customer] = field(default_factory=dict)
    """Those that were asked for, as of the same revision."""
    contracts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Versions of their contracts."""
    assets: dict[str, Any] = field(default_factory=dict)
    """What those customers have that were asked for (core.desk.alert_rows)."""
    net: list[Any] = field(default_factory=list)
    """What things of several customers hang on, once that was asked (core.desk.shared_assets)."""
    offers: dict[str | None, Any] = field(default_factory=dict)
    """What forms offer for each customer that was asked for (core.desk.offers)."""

    @property
    def sales(self) -> str | None:
        """The group that requests go to which nothing covers; None: there is none."""
        return next((group.name for group in self.groups.values() if group.sales), None)

    def window(self, calendar: str, at: datetime) -> tuple[bool, datetime | None]:
        """See core.rules.line_choice.Window."""
        hours = self.calendars[calendar].calendar
        return (True, None) if hours.is_open(at) else (False, hours.next_open(at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A company we work for."""

    code: str
    name: str
    parent: str | None
    phone_code: str
    language: str
    time_zone: str
    policy: Mapping[str, str]
    groups: tuple[str, ...]
    keep_recordings: int
    """Days; 0: conversations are not recorded."""
    account_manager: str | None = None
    """E-mail of an agent; None: whoever leads."""
    priorities: Matrix | None
    """Impact to urgency to priority; None: the desk's own table."""


_lock = threading.Lock()
_definitions: OrderedDict[str, Any] = OrderedDict()

_REVISION = Prepared(select(tables.desk_revision.c.revision).limit(1))
_HELD = Prepared(select(tables.desk_revision.c.revision).limit(1).with_for_update())
_DEFINITION = Prepared(
    select(tables.definition.c.content).where(tables.definition.c.version == bindparam("version"))
)
_CUSTOMER = Prepared(
    select(tables.customer).where(
        tables.customer.c.code == bindparam("code"), tables.customer.c.active.is_(True)
    )
)
_CONTRACTS = Prepared(
    select(tables.contract.c.number, tables.contract.c.version).where(
        tables.contract.c.customer == bindparam("customer")
    )
)


def desk(tx: Tx) -> Desk:
    """The configuration; one small query for all that share a commit, unless it changed."""
    found: Desk | None = tx.memo.get("desk") or tx.group.get("desk")
    if found is None:
        found = tx.group["desk"] = _present(tx)
    tx.memo["desk"] = found
    return found


def _present(tx: Tx) -> Desk:
    row = tx.one(_REVISION)
    revision = row.revision if row else 0
    known: Desk | None = tx.shared.get("desk")
    if known is None or known.revision != revision:
        known = _read(tx, revision)
        if "desk was changed" not in tx.memo:  # which nobody else sees yet
            tx.shared["desk"] = known
    return known


def foresee(tx: Tx) -> None:
    """The configuration is going to be asked for."""
    if "desk" not in tx.group:
        tx.foresee(_REVISION)


def forget(tx: Tx) -> None:
    """The configuration was changed in this transaction: read it again."""
    tx.memo.pop("desk", None)
    tx.group.pop("desk", None)
    tx.memo["desk was changed"] = True


def hold(tx: Tx) -> None:
    """Nobody else changes the configuration until this transaction ends: what is compared with what somebody saw stays so.

    Before it is read: on PostgreSQL the second of two who save at once waits here, and reads what the first one left.
    """
    tx.one(_HELD)
    tx.memo.pop("desk", None)
    tx.group.pop("desk", None)


def revise(tx: Tx, *, now: datetime) -> None:
    """What copies of the configuration are made from is changed by this transaction: they are made anew."""
    # Not just one more: a number that was rolled back is never given to another content, and copies stay honest.
    row = tx.one(select(tables.desk_revision))
    if row is None:
        tx.insert(tables.desk_revision, one=1, revision=to_micros(now), at=now)
    else:
        tx.update(tables.desk_revision, {"one": 1}, revision=max(row.revision + 1, to_micros(now)), at=now)
    forget(tx)
    tx.tell("desk")


def alert_source(tx: Tx, name: str) -> AlertSource:
    """The alert source as it is configured now; of one that is configured no more the shape of its messages says what it sends."""
    return desk(tx).alert_sources.get(name) or AlertSource(name=name, kind="auto")


def customer(tx: Tx, code: str) -> Customer | None:
    """The customer with this code, unless inactive."""
    known = desk(tx).customers
    if code not in known:
        row = tx.one(_CUSTOMER, code=code)
        if row is None:  # what is asked for may come from outside
            return None
        known[code] = _customer(row)
    return known[code]


def _customer(row: Row) -> Customer:
    return Customer(
        code=row.code,
        name=row.name,
        parent=row.parent,
        phone_code=row.phone_code,
        language=row.language,
        time_zone=row.time_zone,
        policy=row.policy,
        groups=tuple(row.groups),
        keep_recordings=row.keep_recordings,
        account_manager=row.account_manager,
        priorities={
            int(impact): {int(urgency): rank for urgency, rank in of.items()}
            for impact, of in row.priorities.items()
        }
        or None,
    )


def contracts(tx: Tx, code: str) -> tuple[Contract, ...]:
    """The contracts of a customer in their present versions, and those of its parent that cover children."""
    own = _contracts(tx, code)
    found = customer(tx, code)
    if found is not None and found.parent:
        own += [c for c in _contracts(tx, found.parent) if c.covers_children]
    return tuple(own)


def _contracts(tx: Tx, code: str) -> list[Contract]:
    known = desk(tx).contracts
    if code not in known:
        rows = tx.all(_CONTRACTS, customer=code)
        if not rows:
            return []
        known[code] = tuple(row.version for row in rows)
    return [contract(tx, version) for version in known[code]]


def contract(tx: Tx, version: str) -> Contract:
    """One version of a contract; it never changes. Raises LookupError."""
    return _definition(tx, version, contract_of)  # type: ignore[no-any-return]


def hours(tx: Tx, version: str) -> Calendar:
    """The calendar in the version a running clock was started with. Raises LookupError."""
    return _definition(tx, version, lambda plain: Calendar(definition_from_json(plain)))  # type: ignore[no-any-return]


def always_open(time_zone: str) -> CalendarDefinition:
    """The calendar named 24x7, which is always there."""
    return CalendarDefinition(
        name=ALWAYS,
        time_zone=time_zone,
        weekly=dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ALL_DAY),
    )


def contract_of(plain: Mapping[str, Any]) -> Contract:
    """A contract from its stored definition: the fields of Contract in JSON's own types."""
    values = dict(plain)
    values["valid_from"] = date.fromisoformat(values["valid_from"])
    values["valid_until"] = date.fromisoformat(values["valid_until"])
    if values.get("notice_date"):
        values["notice_date"] = date.fromisoformat(values["notice_date"])
    values["authorised_contacts"] = tuple(values.get("authorised_contacts", ()))
    values["lines"] = tuple(Line(**_tupled(line)) for line in values.get("lines", ()))
    return Contract(**values)


def _tupled(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}


def _definition(tx: Tx, version: str, make: Any) -> Any:
    found = _definitions.get(version)
    if found is None:
        row = tx.one(_DEFINITION, version=version)
        if row is None:
            always = always_open(tx.facts.time_zone)
            if definition_version(always) != version:
                message = f"there is no definition {version}"
                raise LookupError(message)
            found = Calendar(always)
        else:
            content = row.content
            if make is contract_of:
                content = _with_periods(tx, version, content) | {"version": version}
            found = make(content)
        with _lock:
            _definitions[version] = found
            while len(_definitions) > MAX_DEFINITIONS:
                _definitions.popitem(last=False)
    return found


FILE = "file:"
"""Before the version of a calendar or contract: what the file said of it."""


def _with_periods(tx: Tx, version: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Definitions of before keep no periods: the file of the same version does."""
    lines = content.get("lines", ())
    if not any(line.get("measure", "none") != "none" and "period" not in line for line in lines):
        return dict(content)
    row = tx.one(_DEFINITION, version=FILE + version)
    said = {line["name"]: line for line in (row.content.get("lines", ()) if row else ())}
    periods = [{"period": said.get(line["name"], {}).get("period", "contract")} | line for line in lines]
    return {**content, "lines": periods}


def _read(tx: Tx, revision: int) -> Desk:
    always = always_open(tx.facts.time_zone)
    calendars = {ALWAYS: Hours(version=definition_version(always), calendar=Calendar(always))}
    for row in tx.all(select(tables.calendar)):
        calendars[row.name] = Hours(version=row.version, calendar=hours(tx, row.version))
    slas = {
        row.name: ServiceLevel(
            name=row.name,
            targets={priority: promise_of(plain) for priority, plain in row.targets.items()},
            retroactive=row.retroactive,
        )
        for row in tx.all(select(tables.sla))
    }
    groups = {
        row.name: DeskGroup(
            name=row.name,
            level=row.level,
            calendar=row.calendar,
            technologies=tuple(row.technologies),
            request_types=tuple(row.request_types),
            fallback=row.fallback,
            assigns=row.assigns,
            sales=row.sales,
        )
        for row in tx.all(select(tables.desk_group).order_by(tables.desk_group.c.position))
    }
    routing = tuple(
        Rule(
            group=row.desk_group,
            technology=row.technology,
            request_type=row.request_type,
            customer=row.customer,
            level=row.level,
            calendar=row.calendar,
        )
        for row in tx.all(select(tables.routing_rule).order_by(tables.routing_rule.c.position))
    )
    named = {
        table: tuple(row.name for row in tx.all(select(table.c.name).order_by(table.c.position)))
        for table in (tables.request_type, tables.technology)
    }
    return Desk(
        revision=revision,
        calendars=calendars,
        slas=slas,
        request_types=named[tables.request_type],
        technologies=named[tables.technology],
        groups=groups,
        routing=routing,
        intake=tuple(
            _intake_rule(n, row.content)
            for n, row in enumerate(
                tx.all(select(tables.intake_rule).order_by(tables.intake_rule.c.position)), start=1
            )
        ),
        outages=tuple(_outage(row) for row in tx.all(_RUNNING)),
        sites={
            (row.customer, row.name): SiteHours(time_zone=row.time_zone, holidays=row.holidays)
            for row in tx.all(_WITH_HOURS)
        },
        rotas=tuple(_rotas(tx)),
        vendors={
            row.name: _vendor(row) for row in tx.all(select(tables.vendor).order_by(tables.vendor.c.name))
        },
        alert_sources={
            row.name: of_content(row.name, row.content)
            for row in tx.all(select(tables.alert_source).order_by(tables.alert_source.c.name))
        }
        | {OWN: own(tx.facts)},
    )


def _vendor(row: Row) -> Vendor:
    plain = row.content
    agreed = {name: parse_target(plain[name]) for name in ("answer", "update", "fix") if plain.get(name)}
    words = {name: plain.get(name, "") for name in ("reference_pattern", "contract", "calendar", "language")}
    return Vendor(
        name=row.name,
        email=plain.get("email", "").lower(),
        domains=tuple(domain.lower() for domain in plain.get("domains", ())),
        mask=bool(plain.get("mask")),
        show_reference=bool(plain.get("show_reference")),
        answer=agreed.get("answer"),
        update=agreed.get("update"),
        fix=agreed.get("fix"),
        **words,
    )


def _intake_rule(n: int, plain: Mapping[str, Any]) -> IntakeRule:
    return IntakeRule(n=n, **_tupled(plain))


def _rotas(tx: Tx) -> Iterator[Rota]:
    rows = tx.all(select(tables.rota).order_by(tables.rota.c.position))
    if not rows:
        return
    ids = {row.email: row.id for row in tx.all(select(tables.agent.c.email, tables.agent.c.id))}
    for row in rows:
        layers = tuple(
            Layer(
                members=tuple(ids[email] for email in plain["members"]),
                starts=date.fromisoformat(plain["starts"]),
                handoff=plain["handoff"],
                length=plain["length"],
                restrictions=tuple(plain["restrictions"]),
            )
            for plain in row.layers
        )
        yield Rota(
            name=row.name,
            duty=row.duty,
            groups=tuple(row.groups),
            time_zone=row.time_zone,
            layers=layers,
            fallback=row.fallback,
        )


_WITH_HOURS = Prepared(
    select(tables.site).where(
        (tables.site.c.time_zone != literal("")) | (tables.site.c.holidays != literal(""))
    )
)
_RUNNING = Prepared(
    select(tables.outage, tables.outage_update.c.words.label("news"))
    .select_from(
        tables.outage.outerjoin(
            tables.outage_update,
            (tables.outage_update.c.outage_id == tables.outage.c.id)
            & (tables.outage_update.c.seq == tables.outage.c.last_update),
        )
    )
    .where(tables.outage.c.state == literal("running"))
    .order_by(tables.outage.c.since.desc(), tables.outage.c.id)
)


def _outage(row: Row) -> Outage:
    return Outage(
        id=row.id,
        scope=Scope(
            customers=tuple(row.customers),
            sites=tuple((customer, site) for customer, site in row.sites),
            technologies=tuple(row.technologies),
        ),
        words=row.words,
        news=row.news or {},
        since=row.since,
        next_update=row.next_update,
    )


def promise_of(plain: Mapping[str, str]) -> Promise:
    """What the file says of one priority. Raises ValueError for a target that is none."""
    times = {name: parse_target(text) for name, text in plain.items() if name != "calendar"}
    return Promise(times=times, calendar=plain.get("calendar"))
