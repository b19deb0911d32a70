"""How are the sources of alarms? Whether they are heard, what nobody understood of them, and where in a message the parts of an alarm stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, func, literal, select

from core.alerting import PARTS
from core.desk import acts, alert_sources, alert_views, case, reference, waiting
from core.desk.alert_sources import AlertSource
from core.desk.errors import Fault, Forbidden, Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

State = Literal["off", "never", "silent", "heard"]
EXCERPT = 20_000
"""Characters of a message that are shown."""
UNREAD_SHOWN = 20
AGAIN = 200
"""Messages that are read again at once when somebody said how; more are at the next press."""
MAX_PATH = 300
"""Characters of a path into a message."""
MAPPED = "generic"
"""The kind of sources whose messages are read as staff say."""

inbound = tables.inbound

_STATES = Prepared(select(tables.source_state))
_FIRING = Prepared(
    select(tables.alert.c.source, func.count().label("items"))
    .where(tables.alert.c.firing)
    .group_by(tables.alert.c.source)
)
_WAITS = (
    inbound.c.outcome == literal("exception"),
    inbound.c.open,
    inbound.c.channel == literal("monitoring"),
)
_UNREAD = Prepared(
    select(inbound.c.sender, func.count().label("items")).where(*_WAITS).group_by(inbound.c.sender)
)
_UNREAD_OF = Prepared(
    select(inbound)
    .where(*_WAITS, inbound.c.sender == bindparam("source"))
    .order_by(inbound.c.received_at.desc(), inbound.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A sender, and how it is."""

    name: str
    kind: str
    state: State
    """off: switched off; never: not one message yet; silent: it should have been heard of; heard: all is well."""
    customer: str | None
    customer_name: str
    technology: str
    seen_at: datetime | None
    silent_since: datetime | None
    heartbeat: timedelta | None
    received: int
    """Messages that were understood."""
    unread: int
    """That nobody understood and that wait for staff; 0 for whoever may not see them."""
    firing: int
    mapping: Mapping[str, str]
    own: bool
    """The hub itself, which nobody else sends as."""
    secured: bool
    """It proves by a secret who it is; else by where it sends from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A message that nobody understood."""

    id: str
    received_at: datetime
    size: int
    error: str
    excerpt: str
    """Its beginning as text."""


def sources(tx: Tx, who: Principal) -> list[Source]:
    """Those that something is wrong with first. Technicians see those of their technologies. Raises Forbidden for contacts."""
    acts.only_staff(who)
    theirs = alert_views.technologies(tx, who)
    states = {row.name: row for row in tx.all(_STATES)}
    firing = {row.source: row.items for row in tx.all(_FIRING)}
    unread = {row.sender: row.items for row in tx.all(_UNREAD)} if who.sees_everything else {}
    found = [
        _source(tx, one, states.get(one.name), firing.get(one.name, 0), unread.get(one.name, 0))
        for one in reference.desk(tx).alert_sources.values()
        if who.sees_everything or one.technology in theirs
    ]
    order = ("silent", "heard", "never", "off")
    return sorted(found, key=lambda one: (one.unread == 0, order.index(one.state), one.name))


def source(tx: Tx, who: Principal, name: str) -> tuple[Source, tuple[Unread, ...]]:
    """One with the latest messages that nobody understood. Raises NotFound, also for contacts and out of scope."""
    if who.kind == "contact":
        raise NotFound(_NONE)
    found = next((one for one in sources(tx, who) if one.name == name), None)
    if found is None:
        raise NotFound(_NONE)
    rows = tx.all(_UNREAD_OF, source=name, most=UNREAD_SHOWN) if found.unread else []
    return found, tuple(_unread(tx, row) for row in rows)


def silent(tx: Tx, who: Principal) -> list[Source]:
    """Those that should have been heard of."""
    return [one for one in sources(tx, who) if one.state == "silent"]


def sample(tx: Tx, who: Principal, name: str) -> tuple[bytes, dict[str, Any], dict[str, Any]] | None:
    """The latest message that nobody understood, as its reader is given it: bytes, arrival and options. None: there is none."""
    found, _ = source(tx, who, name)
    rows = tx.all(_UNREAD_OF, source=name, most=1) if found.unread else []
    if not rows:
        return None
    (row,) = rows
    names = ("channel", "external_id", "sender", "recipients", "received_at", "envelope")
    arrival = {name: getattr(row, name) for name in names}
    known = reference.desk(tx).alert_sources[name]
    return blobs.get(tx, row.raw), arrival, {"source": alert_sources.for_reader(known, tx.facts.time_zone)}


def say_where(tx: Tx, who: Principal, name: str, mapping: Mapping[str, str], *, now: datetime) -> int:
    """Say where the parts of an alarm stand in what a source sends; what waits is read again. Return how many messages that are.

    `mapping`: a part (core.alerting.PARTS, or `label.NAME`) to a path such as `alert.hosts[0].name`. Raises Forbidden for whoever does not
    configure, NotFound, Refused for a source of another kind, Invalid.
    """
    source(tx, who, name)
    if not who.configures:
        raise Forbidden("a supervisor or an administrator says how messages are read")
    known = reference.desk(tx).alert_sources[name]
    if known.kind != MAPPED:
        raise Refused(
            f"{name} is of kind {known.kind}, which is read by its own rules: make it {MAPPED} in the configuration"
        )
    paths = checked(mapping)
    row = tx.one(_CONTENT, name=name)
    if row.content.get("mapping", {}) != paths:
        tx.update(tables.alert_source, {"name": name}, content={**row.content, "mapping": paths})
        reference.revise(tx, now=now)
        case.record(
            tx,
            case.ADMINISTRATION,
            "alert_source.mapped",
            now=now,
            actor=who.actor,
            source=name,
            mapping=paths,
        )
    return again(tx, who, name, now=now)


_CONTENT = Prepared(
    select(tables.alert_source.c.content).where(tables.alert_source.c.name == bindparam("name"))
)


def checked(mapping: Mapping[str, str]) -> dict[str, str]:
    """The paths that are given. Raises Invalid naming every mistake."""
    paths = {part.strip(): path.strip() for part, path in mapping.items() if path.strip()}
    faults = [
        Fault(f"/{part}", f"is no part of an alarm: {', '.join(PARTS)}, or label.NAME")
        for part in paths
        if part not in PARTS and not part.startswith("label.")
    ]
    faults += [
        Fault(f"/{part}", f"at most {MAX_PATH} characters")
        for part, path in paths.items()
        if len(path) > MAX_PATH
    ]
    if not paths.keys() & {"event", "resource", "key"}:
        faults.append(
            Fault("/event", "say where the event, the resource or the key stands: by these an alarm is known")
        )
    if faults:
        raise Invalid(faults)
    return paths


def again(tx: Tx, who: Principal, name: str, *, now: datetime) -> int:
    """Read again what waits of a source; return how many messages. Raises NotFound."""
    source(tx, who, name)
    rows = tx.all(_UNREAD_OF, source=name, most=AGAIN) if who.sees_everything else []
    for row in rows:
        waiting.retry(tx, who, row.id, now=now)
    return len(rows)


def _source(tx: Tx, one: AlertSource, state: Row | None, firing: int, unread: int) -> Source:
    customer = reference.customer(tx, one.customer) if one.customer else None
    seen = state.seen_at if state is not None else None
    silent_since = state.silent_since if state is not None else None
    told: State = "off" if not one.enabled else "silent" if silent_since else "heard" if seen else "never"
    return Source(
        name=one.name,
        kind=one.kind,
        state=told,
        customer=one.customer,
        customer_name=customer.name if customer else one.customer or "",
        technology=one.technology,
        seen_at=seen,
        silent_since=silent_since,
        heartbeat=one.heartbeat,
        received=state.received if state is not None else 0,
        unread=unread,
        firing=firing,
        mapping=one.mapping,
        secured=bool(one.secrets),
        own=one.name == alert_sources.OWN,
    )


def _unread(tx: Tx, row: Row) -> Unread:
    raw = blobs.get(tx, row.raw)
    return Unread(
        id=row.id,
        received_at=row.received_at,
        size=row.size,
        error=str(row.detail.get("error", "")),
        excerpt=raw[: 4 * EXCERPT].decode("utf-8", "replace")[:EXCERPT].replace("\0", ""),
    )


_NONE = "there is no such alert source that you may see"
