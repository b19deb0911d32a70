"""How are the sources of alarms? Whether they are heard, what nobody understood of them, and where in a message the parts of an alarm stand."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl

from sqlalchemy import bindparam, func, literal, select

from core.alerting import PARTS, Agreed, TrapUser
from core.desk import (
    acts,
    alert_rows,
    alert_sources,
    alert_views,
    case,
    hub_troubles,
    reference,
    source_secrets,
    waiting,
)
from core.desk.alert_sources import AlertSource
from core.desk.errors import Fault, Forbidden, Invalid, NotFound, Refused
from core.desk.principal import Principal
from core.desk.source_secrets import Lacking
from core.store import blobs, tables
from core.store.tx import Prepared, Row, Tx

State = Literal["off", "never", "silent", "heard"]
EXCERPT = 20_000
"""Characters of a message that are shown."""
LOOKED_AT = 256 * 1024
"""Bytes of a message from which that is made."""
_FORM = re.compile(r"[\w.%+-]+=[^&\s]*(?:&[\w.%+-]+=[^&\s]*)+")
UNREAD_SHOWN = 20
AGAIN = 200
"""Messages that are read again at once when somebody said how, the oldest first; more are at the next press."""
MAX_PATH = 300
"""Characters of a path into a message."""
MAPPED = ("generic", "auto")
"""Kinds of sources whose messages are read as staff say; of auto those whose shape no tool has."""

inbound = tables.inbound

_STATES = Prepared(select(tables.source_state))
_FIRING = Prepared(
    select(alert_rows.by_source.label("source"), func.count().label("items"))
    .where(tables.alert.c.firing)
    .group_by(alert_rows.by_source)
)
_WAITS = (
    inbound.c.outcome == literal("exception"),
    inbound.c.open,
    inbound.c.channel == literal("monitoring"),
)
_UNREAD = Prepared(
    select(inbound.c.sender, func.count().label("items")).where(*_WAITS).group_by(inbound.c.sender)
)
_OF_SOURCE = select(inbound).where(*_WAITS, inbound.c.sender == bindparam("source"))
_UNREAD_OF = Prepared(
    _OF_SOURCE.order_by(inbound.c.received_at.desc(), inbound.c.id).limit(bindparam("most"))
)
_AGAIN_OF = Prepared(_OF_SOURCE.order_by(inbound.c.received_at, inbound.c.id).limit(bindparam("most")))


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
    pace: Agreed
    secured: bool
    """It proves by a secret who it is; else by where it sends from, or as one of its users."""
    peers: tuple[str, ...]
    """Addresses and networks it sends from; empty: any."""
    signs: str
    """The header in which it signs what it sends, which proves it; empty: it does not."""
    mail: str
    """Where its mail comes to; empty: it sends none."""
    users: tuple[TrapUser, ...]
    """Who may send for it by SNMP version 3; where their secrets are only for administrators."""
    lacking: tuple[Lacking, ...]
    """Secrets it refers to that are not there, as the hub saw it within the last minute; where they should be only for administrators."""
    engine: str
    """Of kind snmp: who we are to devices that send informs by version 3, in hexadecimal numbers."""


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
    lacks = source_secrets.by_source(hub_troubles.of_kind(tx, hub_troubles.UNSAID))
    found = [
        _source(
            tx,
            who,
            one,
            state=states.get(one.name),
            firing=firing.get(one.name, 0),
            unread=unread.get(one.name, 0),
            lacking=lacks.get(one.name, ()),
        )
        for one in reference.desk(tx).alert_sources.values()
        if who.sees_everything or one.technology in theirs
    ]
    order = ("silent", "heard", "never", "off")
    return sorted(
        found, key=lambda one: (one.unread == 0 and not one.lacking, order.index(one.state), one.name)
    )


def named(tx: Tx, who: Principal, name: str) -> Source:
    """One. Raises NotFound, also for contacts and out of scope."""
    if who.kind == "contact":
        raise NotFound(_NONE)
    found = next((one for one in sources(tx, who) if one.name == name), None)
    if found is None:
        raise NotFound(_NONE)
    return found


def source(tx: Tx, who: Principal, name: str) -> tuple[Source, tuple[Unread, ...]]:
    """The same with the latest messages that nobody understood."""
    found = named(tx, who, name)
    rows = tx.all(_UNREAD_OF, source=name, most=UNREAD_SHOWN) if found.unread else []
    return found, tuple(_unread(tx, row) for row in rows)


def silent(tx: Tx, who: Principal) -> list[Source]:
    """Those that should have been heard of."""
    return [one for one in sources(tx, who) if one.state == "silent"]


def sample(tx: Tx, who: Principal, name: str) -> tuple[bytes, dict[str, Any], dict[str, Any]] | None:
    """The latest message that nobody understood, as its reader is given it: bytes, arrival and options. None: there is none."""
    found = named(tx, who, name)
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
    named(tx, who, name)
    if not who.configures:
        raise Forbidden("a supervisor or an administrator says how messages are read")
    known = reference.desk(tx).alert_sources[name]
    if known.kind not in MAPPED:
        raise Refused(
            f"{name} is of kind {known.kind}, which is read by its own rules: make it {MAPPED[0]} in the configuration",
            code="own_rules",
        )
    paths = checked(mapping)
    before = content(tx, name)
    if before.get("mapping", {}) != paths:
        after = {**before, "mapping": paths}
        rewrite(tx, who, name, after, event="alert_source.mapped", told={"mapping": paths}, now=now)
    return again(tx, who, name, now=now)


def content(tx: Tx, name: str) -> dict[str, Any]:
    """What the desk's file says of one, nobody else's to change until this transaction ends."""
    found: dict[str, Any] = tx.one(_CONTENT, name=name).content
    return found


def rewrite(
    tx: Tx,
    who: Principal,
    name: str,
    content: Mapping[str, Any],
    *,
    event: str,
    told: Mapping[str, Any],
    now: datetime,
) -> None:
    """The same anew: it holds from the next message on, and is among what was administered."""
    tx.update(tables.alert_source, {"name": name}, content=dict(content))
    reference.revise(tx, now=now)
    case.record(tx, case.ADMINISTRATION, event, now=now, actor=who.actor, source=name, **told)


_CONTENT = Prepared(
    select(tables.alert_source.c.content)
    .where(tables.alert_source.c.name == bindparam("name"))
    .with_for_update()  # it is written back whole
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
    """Read again what waits of a source, in the order in which it came: what is over must not begin after its end. Return how many messages.

    Raises NotFound.
    """
    named(tx, who, name)
    rows = tx.all(_AGAIN_OF, source=name, most=AGAIN) if who.sees_everything else []
    for row in rows:
        waiting.retry(tx, who, row.id, now=now)
    return len(rows)


def _source(
    tx: Tx,
    who: Principal,
    one: AlertSource,
    *,
    state: Row | None,
    firing: int,
    unread: int,
    lacking: tuple[Lacking, ...],
) -> Source:
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
        pace=one.pace,
        secured=bool(one.secrets),
        peers=one.peers,
        signs=one.signature.header if one.signature is not None else "",
        mail=one.address,
        users=one.users if who.is_admin else tuple(map(_without_places, one.users)),
        lacking=lacking if who.is_admin else tuple(replace(lack, where="") for lack in lacking),
        engine=tx.facts.snmp_engine if one.kind == "snmp" else "",
        own=one.name == alert_sources.OWN,
    )


def _without_places(user: TrapUser) -> TrapUser:
    return replace(user, auth_secret="", priv_secret="")


def _unread(tx: Tx, row: Row) -> Unread:
    return Unread(
        id=row.id,
        received_at=row.received_at,
        size=row.size,
        error=str(row.detail.get("error", "")),
        excerpt=excerpt(blobs.get(tx, row.raw)),
    )


def excerpt(raw: bytes) -> str:
    """The beginning of a message of a device as people can read it: unpacked, a document with a line for each value, a form likewise.

    >>> print(excerpt(b'{"host":{"name":"sw-1"}}'))
    {
      "host": {
        "name": "sw-1"
      }
    }
    >>> print(excerpt(b"device=sw-1&status=Non+attivo"))
    device = sw-1
    status = Non attivo
    """
    if raw[:2] in (b"\x1f\x8b", b"\x78\x9c"):
        with suppress(zlib.error):
            raw = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, LOOKED_AT)
    text = raw[:LOOKED_AT].decode("utf-8", "replace").replace("\0", "")
    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            text = _laid_out(json.loads(text))
    elif _FORM.fullmatch(text):
        text = "\n".join(f"{name} = {value}" for name, value in parse_qsl(text, keep_blank_values=True))
    return text[:EXCERPT]


def _laid_out(document: Any) -> str:
    """As far as it is shown: what lies deep costs a line's width at each level."""
    pieces, room = list[str](), EXCERPT
    for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(document):
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            break
    return "".join(pieces)


_NONE = "there is no such alert source that you may see"
