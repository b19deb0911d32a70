"""What is known of one alarm, or of one thing? Its episodes, why it is where it is, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import bindparam, select

from core.desk import acts, alert_rows, alert_views, reference
from core.desk.alert_views import Alarm, Shape
from core.desk.errors import NotFound
from core.desk.principal import Principal
from core.desk.scope import Scope, scope
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Row, Tx

Act = Literal["acknowledge", "open", "attach", "name"]

EPISODES = 50
"""Of one alarm, or one thing: the latest."""
DECISIONS = 200

alert, episode, decision = tables.alert, tables.alert_episode, tables.alert_decision
ticket, agent = tables.ticket, tables.agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch from its beginning to its end."""

    n: int
    started_at: datetime
    ended_at: datetime | None
    worst: str
    count: int
    ticket: str
    """Number, where the reader may see it."""
    alert: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why it is where it is: one step. `values` fill the words of `kind`."""

    seq: int
    at: datetime
    kind: str
    values: Mapping[str, Any]
    inbound: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One alarm, looked at."""

    alarm: Alarm
    dedup_key: str
    address: str
    copies: int
    text: str
    labels: Mapping[str, str]
    links: tuple[str, ...]
    notes: tuple[str, ...]
    left_out: int
    claimed_started_at: str
    episodes: tuple[Episode, ...]
    decisions: tuple[Decision, ...]
    parent: Alarm | None
    children: int
    """Firing ones that it explains."""
    below: int
    """And all that hang on these."""
    inbound: str | None
    """The message that began it, where the reader may see it."""
    acts: tuple[Act, ...]
    """Those that are possible now."""


# --- One ----------------------------------------------------------------------------------------------------


def one(tx: Tx, who: Principal, alert_id: str) -> Seen:
    """One alarm with everything that is known of it. Raises NotFound, also for contacts and out of scope."""
    row = alert_views.find(tx, who, alert_id)
    (alarm,) = alert_views.alarms(tx, who, [alert_id])
    about = row.about
    parents = {one.id: one.parent_alert for one in tx.all(_HANGING)}
    return Seen(
        alarm=alarm,
        dedup_key=row.dedup_key,
        address=row.address,
        copies=row.copies,
        text=about.get("text", ""),
        labels=about.get("labels", {}),
        links=tuple(about.get("links", ())),
        notes=tuple(about.get("notes", ())),
        left_out=about.get("left_out", 0),
        claimed_started_at=about.get("claimed_started_at", ""),
        episodes=_episodes(tx, who, _of_alert, {"alert_id": alert_id}),
        decisions=_decisions(tx, who, alert_id),
        parent=_parent(tx, who, row),
        children=sum(above == alert_id for above in parents.values()),
        below=sum(alert_id in alert_views.explaining(parents, other) for other in parents),
        inbound=row.inbound_id if who.sees_everything else None,
        acts=_possible(row, alarm),
    )


def _parent(tx: Tx, who: Principal, row: Row) -> Alarm | None:
    if row.parent_alert is None:
        return None
    with suppress(NotFound):
        return alert_views.alarms(tx, who, [alert_views.find(tx, who, row.parent_alert).id])[0]
    return None


def _possible(row: Row, alarm: Alarm) -> tuple[Act, ...]:
    working = alarm.elsewhere or (alarm.ticket is not None and alarm.ticket.open)
    possible: list[Act] = []
    if row.firing:
        possible += ["acknowledge"] if row.status == "firing" else []
        possible += [] if working else ["open"]
        possible.append("attach")
    if alarm.unmapped:
        possible.append("name")
    return tuple(possible)


def _episodes(tx: Tx, who: Principal, statement: Any, given: Mapping[str, Any]) -> tuple[Episode, ...]:
    mine = scope(who)
    rows = tx.all(statement(mine.shape), **given, **mine.values)
    return tuple(
        Episode(
            n=row.n,
            started_at=row.started_at,
            ended_at=row.ended_at,
            worst=row.worst,
            count=row.count,
            ticket=row.number or "",
            alert=row.alert_id,
            event=row.summary or row.event,
        )
        for row in rows
    )


def _with_ticket(shape: tuple[Any, ...]) -> Any:
    seen = (ticket.c.id == episode.c.ticket_id) & Scope(shape=shape, values={}).tickets
    return select(episode, ticket.c.number, alert.c.event, alert.c.summary).select_from(
        episode.join(alert, alert.c.id == episode.c.alert_id).outerjoin(ticket, seen)
    )


@cache
def _of_alert(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        _with_ticket(shape)
        .where(episode.c.alert_id == bindparam("alert_id", type_=Id))
        .order_by(episode.c.n.desc())
        .limit(EPISODES)
    )


_HANGING = Prepared(
    select(alert.c.id, alert.c.parent_alert).where(alert.c.firing, alert.c.parent_alert.is_not(None))
)
_DECISIONS = Prepared(
    select(decision)
    .where(decision.c.alert_id == bindparam("id", type_=Id))
    .order_by(decision.c.seq.desc())
    .limit(DECISIONS)
)
_NAME = Prepared(select(agent.c.name).where(agent.c.id == bindparam("id")))


def _decisions(tx: Tx, who: Principal, alert_id: str) -> tuple[Decision, ...]:
    """The latest first, ids turned into what people read."""
    rows = tx.all(_DECISIONS, id=alert_id)
    numbers = _numbers(tx, who, [row.data["ticket"] for row in rows if row.data.get("ticket")])
    found = []
    for row in rows:
        values = dict(row.data)
        if values.get("ticket"):
            values["ticket"] = numbers.get(values["ticket"], "")
        if by := values.get("by"):
            known = tx.one(_NAME, id=by)
            values["by"] = known.name if known is not None else ""
        if code := values.get("customer"):
            whose = reference.customer(tx, code)
            values["customer_name"] = whose.name if whose is not None else code
        found.append(Decision(seq=row.seq, at=row.at, kind=row.kind, values=values, inbound=row.inbound_id))
    return tuple(found)


def _numbers(tx: Tx, who: Principal, ids: Sequence[str]) -> dict[str, str]:
    mine = scope(who)
    return {
        one: row.number
        for one in dict.fromkeys(ids)
        if (row := tx.one(_number(mine.shape), id=one, **mine.values)) is not None
    }


@cache
def _number(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        select(ticket.c.number).where(
            ticket.c.id == bindparam("id", type_=Id), Scope(shape=shape, values={}).tickets
        )
    )


# --- One thing ----------------------------------------------------------------------------------------------


def of_asset(
    tx: Tx, who: Principal, of_customer: str, name: str
) -> tuple[tuple[Alarm, ...], tuple[Episode, ...]]:
    """Alarms of a thing, those that fire first, and their latest episodes. Raises NotFound for a thing that the reader knows nothing of."""
    acts.only_staff(who)
    may = alert_views.condition(tx, who)
    given = {"customer": of_customer, "asset": name}
    rows = tx.all(_of_asset(Shape(may)), **given, **may.values)
    if not rows:
        known = who.sees_everything and name in {
            one.name for one in alert_rows.assets(tx, of_customer).by_name.values()
        }
        if not known:
            raise NotFound(f"there is nothing called {name} that you may see")
        return (), ()
    ids = {row.id for row in rows}
    alarms = sorted(alert_views.alarms(tx, who, [row.id for row in rows]), key=lambda one: not one.firing)
    episodes = _episodes(tx, who, _of_thing, given)
    return tuple(alarms), tuple(one for one in episodes if one.alert in ids)


@cache
def _of_asset(of: Shape) -> Prepared:
    return Prepared(
        select(alert.c.id)
        .where(
            alert.c.customer == bindparam("customer"),
            alert.c.asset == bindparam("asset"),
            of.condition.build(),
        )
        .order_by(alert.c.last_seen.desc())
        .limit(EPISODES)
    )


@cache
def _of_thing(shape: tuple[Any, ...]) -> Prepared:
    return Prepared(
        _with_ticket(shape)
        .where(alert.c.customer == bindparam("customer"), alert.c.asset == bindparam("asset"))
        .order_by(episode.c.started_at.desc(), episode.c.alert_id)
        .limit(EPISODES)
    )
