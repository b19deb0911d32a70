"""What is known of alerts? Their rows, what was decided of them, and whom they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, func, literal, select, type_coerce, update

from core.alerting import AlertFact, Severity
from core.desk import alert_names, people, reference, shared_assets
from core.desk.alert_sources import SAID, AlertSource
from core.desk.people import Asset
from core.ids import derived_id
from core.rules import correlation, dependence
from core.rules.dependence import Thing
from core.store import tables, work
from core.store.columns import Id, Instant, from_micros, to_json, to_micros
from core.store.tx import Prepared, Row, Tx

alert, episode, meeting = tables.alert, tables.alert_episode, tables.alert_meeting

TELL = "alerts"
"""Whoever shows alerts is told of changes under this word."""
SILENT = f"{SAID}silent"
"""The dedup key by which the hub itself says that a source fell silent."""
TIMER = "alert"
"""Kind and key of the job that asks again where an alert goes; its shard is the alert."""
KNOWN = "alerts"
"""In a transaction's memo: rows by id, as they are now."""
OVER = "alerts-over"
"""Kind and key of the job that looks whether a ticket's alarms are over for good; its shard is the ticket."""

_HAS_TICKET = (
    select(episode.c.n)
    .where(
        episode.c.alert_id == alert.c.id,
        episode.c.n == alert.c.episode,
        episode.c.ticket_id.is_not(None),
    )
    .correlate(alert)
    .exists()
)
"""Condition on an alert: it has its ticket in this episode."""
_TICKET_NOW = (
    select(episode.c.ticket_id)
    .where(episode.c.alert_id == alert.c.id, episode.c.n == alert.c.episode)
    .correlate(alert)
    .scalar_subquery()
)
by_source = alert.c.source.concat("")
"""The source of alerts that fire: not along the index of all there ever were, of which few do."""
CALLS = (alert.c.status == literal(str(correlation.Place.HELD))) | _HAS_TICKET
"""Condition on an alert that fires: somebody is called for it, or is going to be unless `calls` says no."""
_ONES_TICKET = Prepared(
    select(_TICKET_NOW.label("ticket_now")).where(alert.c.id == bindparam("id", type_=Id))
)
_HELD = Prepared(
    select(alert.c.id).where(alert.c.firing, alert.c.status == literal(str(correlation.Place.HELD)))
)
_PLACE_HELD = Prepared(
    update(alert)
    .where(
        alert.c.firing,
        alert.c.status == literal(str(correlation.Place.HELD)),
        alert.c.placed_at > bindparam("now", type_=Instant),
    )
    .values(placed_at=bindparam("now", type_=Instant))
)
_ONE = Prepared(select(alert).where(alert.c.id == bindparam("id", type_=Id)))
_OF_TICKET = Prepared(
    select(alert).where(alert.c.ticket_id == bindparam("ticket_id", type_=Id)).order_by(alert.c.first_seen)
)
_EPISODES = Prepared(
    select(episode.c.alert_id, episode.c.n).where(episode.c.ticket_id == bindparam("ticket_id", type_=Id))
)
_BELOW = Prepared(
    select(alert).where(
        alert.c.customer == bindparam("customer"),
        alert.c.firing,
        alert.c.received_at >= bindparam("since", type_=Instant),
        type_coerce(alert.c.above, Text).contains(bindparam("name", type_=Text), autoescape=False),
    )
)
_FIRING_AT = Prepared(
    select(
        alert.c.id,
        alert.c.source,
        alert.c.severity,
        alert.c.status,
        alert.c.placed_at,
        alert.c.ticket_id,
        alert.c.parent_alert,
        alert.c.above,
    ).where(
        alert.c.customer == bindparam("customer"),
        alert.c.site == bindparam("site"),
        alert.c.firing,
        alert.c.placed_at >= bindparam("since", type_=Instant),
        CALLS,
    )
)
_OF_ASSET = Prepared(
    select(alert.c.ticket_id)
    .where(
        alert.c.customer == bindparam("customer"),
        alert.c.asset == bindparam("asset"),
        alert.c.last_seen >= bindparam("since", type_=Instant),
        alert.c.ticket_id.is_not(None),
    )
    .order_by(alert.c.last_seen.desc())
    .limit(5)
)
_MEET = Prepared(
    update(meeting).where(meeting.c.name == bindparam("of_name")).values(revision=meeting.c.revision + 1)
)


def identity(source: str, dedup_key: str) -> str:
    """The id of the row: whoever brings the same problem names the same one."""
    return derived_id(0, "alert", source, dedup_key)


def one(tx: Tx, alert_id: str) -> Row | None:
    """An alert; read once in a transaction, and again after `meet`."""
    known: dict[str, Row] = tx.memo.setdefault(KNOWN, {})
    if alert_id not in known:
        found = tx.one(_ONE, id=alert_id)
        if found is None:
            return None
        known[alert_id] = found
    return known[alert_id]


def ticket_now(tx: Tx, alert_id: str) -> str | None:
    """Its ticket in this episode; None: it has none yet. `ticket_id` of the row may be that of an earlier one."""
    found = tx.one(_ONES_TICKET, id=alert_id)
    return found.ticket_now if found is not None else None


def foresee(tx: Tx, alert_id: str) -> None:
    """It is going to be asked for."""
    tx.foresee(_ONE, id=alert_id)


def number_of(tx: Tx, source: str, dedup_key: str) -> str:
    """The number of the ticket of a problem; empty: it has none."""
    found = tx.one(_NUMBER, id=identity(source, dedup_key))
    return str(found.number) if found is not None else ""


_NUMBER = Prepared(
    select(tables.ticket.c.number)
    .select_from(alert.join(tables.ticket, tables.ticket.c.id == alert.c.ticket_id))
    .where(alert.c.id == bindparam("id", type_=Id))
)


def of_ticket(tx: Tx, ticket_id: str) -> list[Row]:
    """Alerts that belong to a ticket, the earliest first."""
    return tx.all(_OF_TICKET, ticket_id=ticket_id)


def firing_of(tx: Tx, ticket_id: str) -> tuple[str, ...]:
    """What fires of a ticket, by what people know it by."""
    return tuple(called(row) for row in of_ticket(tx, ticket_id) if row.firing)


def called(row: Row) -> str:
    """An alert in a few words: what, and where."""
    where, what = row.asset or row.resource, row.event or row.summary or row.dedup_key
    return f"{where}: {what}" if where else str(what)


def look(tx: Tx, ticket_id: str, *, due: datetime, now: datetime) -> None:
    """Look then whether all is over."""
    work.set_timer(tx, shard=ticket_id, key=OVER, kind=OVER, payload={}, due=due, now=now)


def go_with(tx: Tx, *, of: str, to: str, now: datetime) -> dict[str, list[Any]]:
    """The alarms of one ticket belong to another from now on; what `come_back` must know."""
    rows = of_ticket(tx, of)
    for row in rows:
        change(tx, row.id, ticket_id=to)
    spans = tx.all(_EPISODES, ticket_id=of)
    for one in spans:
        tx.update(episode, {"alert_id": one.alert_id, "n": one.n}, ticket_id=to)
    if rows:
        look(tx, to, due=now, now=now)
    return {"alerts": [row.id for row in rows], "episodes": [[one.alert_id, one.n] for one in spans]}


def come_back(tx: Tx, went: Mapping[str, Sequence[Any]], *, of: str, to: str, now: datetime) -> None:
    """They belong to `to` again, as far as they are still with `of`."""
    for row in of_ticket(tx, of):
        if row.id in went["alerts"]:
            change(tx, row.id, ticket_id=to)
    for one in tx.all(_EPISODES, ticket_id=of):
        if [one.alert_id, one.n] in went["episodes"]:
            tx.update(episode, {"alert_id": one.alert_id, "n": one.n}, ticket_id=to)
    if went["alerts"]:
        look(tx, to, due=now, now=now)


def accept(tx: Tx, ticket_id: str) -> None:
    """A person ends the ticket while these fire: they do not bring it back until they have recovered once."""
    for row in of_ticket(tx, ticket_id):
        if row.firing:
            change(tx, row.id, accepted_risk=True)


def below(tx: Tx, customer: str, name: str, *, since: datetime) -> list[Row]:
    """What fires at a customer, began since, and hangs on what goes by this name, as `shared_assets.written` has it."""
    there = tx.all(_BELOW, customer=customer, since=since, name=to_json(name))
    return [row for row in there if name in row.above]


def ask_below(tx: Tx, parent_id: str, *, now: datetime) -> None:
    """What was explained by an alert is asked again where it goes: that one is over, calls nobody, or has its ticket. What has its own stays there."""
    for row in tx.all(_UNDER, parent=parent_id):
        ask_again(tx, row.id, due=now, now=now)


def hangs_on(tx: Tx, row: Row, alert_id: str) -> bool:
    """Is an alert put down to this one, by however many others between?"""
    seen = set()
    while row.status == "suppressed" and row.parent_alert is not None and row.id not in seen:
        if row.parent_alert == alert_id:
            return True
        seen.add(row.id)
        above_it = one(tx, row.parent_alert)
        if above_it is None:
            return False
        row = above_it
    return False


def ask_again(tx: Tx, alert_id: str, *, due: datetime, now: datetime) -> None:
    """Ask then where the alert goes."""
    work.set_timer(tx, shard=alert_id, key=TIMER, kind=TIMER, payload={}, due=due, now=now)


_UNDER = Prepared(
    select(alert.c.id).where(
        alert.c.firing,
        alert.c.parent_alert == bindparam("parent", type_=Id),
        ~_HAS_TICKET,
    )
)


def firing_at(tx: Tx, customer: str, site: str, *, since: datetime) -> list[Row]:
    """What fires at a site and became a ticket since, or is going to."""
    there = tx.all(_FIRING_AT, customer=customer, site=site, since=since)
    return [row for row in there if calls(tx, row)]


def calls(tx: Tx, row: Row) -> bool:
    """Of an alert for which CALLS holds: is it a ticket, or one when its wait is over? What is for information only mostly is not."""
    source = reference.desk(tx).alert_sources.get(row.source)
    opens = row.severity != Severity.INFO or (source is not None and source.info_opens)
    return opens or row.status != str(correlation.Place.HELD)


def tickets_of_asset(tx: Tx, customer: str, asset: str, *, since: datetime) -> list[str]:
    """Tickets of alerts of this asset, the latest first."""
    return [row.ticket_id for row in tx.all(_OF_ASSET, customer=customer, asset=asset, since=since)]


def meet(tx: Tx, customer: str | None, source: str) -> None:
    """Whoever decides where alerts go moves on one row first: of their customer, of all that hang together, else of the source."""
    together = shared_assets.net(tx).groups.get(customer or "")
    name = f"group:{together}" if together else f"customer:{customer}" if customer else f"source:{source}"
    if f"met {name}" in tx.memo:
        return
    tx.insert_missing(meeting, name=name, revision=0)
    tx.run(_MEET, of_name=name)
    tx.memo.pop(KNOWN, None)  # what was read before may have been changed by whoever was here
    tx.memo[f"met {name}"] = True


def change(tx: Tx, alert_id: str, **values: Any) -> None:
    """Change its columns."""
    tx.update(alert, {"id": alert_id}, **values)
    known = tx.memo.get(KNOWN, {})
    if alert_id in known:
        known[alert_id] = known[alert_id]._replace(**values)


def decide(tx: Tx, row: Row, kind: str, *, now: datetime, inbound: str | None = None, **data: Any) -> None:
    """Write down what was decided of an alert and why; `data` holds ids, codes and figures."""
    seq = int(tx.memo.get(f"decided {row.id}", row.decided)) + 1
    tx.memo[f"decided {row.id}"] = seq
    tx.insert(
        tables.alert_decision, alert_id=row.id, seq=seq, at=now, kind=kind, data=data, inbound_id=inbound
    )
    change(tx, row.id, decided=seq)
    tx.tell(TELL, row.id)


# --- Changes that are remembered ---------------------------------------------------------------------------


def changes(row: Row | None) -> list[tuple[datetime, str]]:
    """When it began ("b") and ended ("e"), the latest few."""
    return [(from_micros(at), kind) for at, kind in row.transitions] if row is not None else []


def with_change(row: Row | None, kind: str, at: datetime) -> list[list[Any]]:
    """The same with one more."""
    before = list(row.transitions) if row is not None else []
    return [*before, [to_micros(at), kind]][-correlation.TRANSITIONS :]


def flaps(transitions: Sequence[Sequence[Any]], *, now: datetime, first_seen: datetime) -> bool:
    """See rules.correlation.flaps."""
    times = [(from_micros(at), kind) for at, kind in transitions]
    begun = [at for at, kind in times if kind == "b" and at > first_seen]
    return correlation.flaps([at for at, _ in times], begun, now=now)


# --- Whose it is -------------------------------------------------------------------------------------------


def whose(tx: Tx, source: AlertSource, fact: AlertFact) -> str | None:
    """The customer: the source's own, else who its label names, where it may, else who staff said, else whose the shared thing is; None: staff say.

    What staff said of a name never overrules a label: two customers may have things of the same name.
    """
    if source.customer is not None:
        return source.customer
    labelled = labelled_as(tx, source, fact.labels)
    if labelled is not None:
        return labelled
    meant = alert_names.meant(tx, source.name, fact.resource)
    if meant is not None:
        return str(meant.customer)
    if source.names_customers and not _label(fact.labels):
        return shared_assets.owner(tx, _names(fact))
    return None


def labelled_as(tx: Tx, source: AlertSource, labels: Mapping[str, str]) -> str | None:
    """Code of the customer that the label names; None: it names none there is, or this source may not."""
    named = _label(labels)
    if not source.names_customers or not named:
        return None
    return next((code for code in (named, named.upper()) if reference.customer(tx, code) is not None), None)


def _label(labels: Mapping[str, str]) -> str:
    return labels.get("customer", "").strip()


@dataclass(frozen=True, slots=True)
class Assets:
    """What a customer has, by what alerts name it by."""

    by_name: Mapping[str, Asset]
    by_address: Mapping[str, Asset]
    on: Mapping[Thing, Sequence[Thing]]
    sites: Sequence[str]


def assets(tx: Tx, customer: str) -> Assets:
    """Read once for each revision of the configuration: a storm asks hundreds of times."""
    known = reference.desk(tx).assets
    if customer not in known:
        there = people.assets(tx, customer)
        known[customer] = Assets(
            by_name={one.name.lower(): one for one in there},
            by_address={one.address.lower(): one for one in there if one.address},
            on={(customer, one.name): shared_assets.direct(one) for one in there},
            sites=people.sites(tx, customer),
        )
    found: Assets = known[customer]
    return found


def asset_of(tx: Tx, customer: str, fact: AlertFact) -> Asset | None:
    """The thing of this customer that the fact is about: as staff said, else by name or address. At another customer both may be the same."""
    wanted = _names(fact)
    there = assets(tx, customer)
    meant = alert_names.meant(tx, fact.source, fact.resource)
    if meant is not None and meant.customer == customer and (meant.asset or "").lower() in there.by_name:
        return there.by_name[meant.asset.lower()]
    for names in (there.by_name, there.by_address):
        found = next((names[name] for name in wanted if name in names), None)
        if found is not None:
            return found
    return None


def _names(fact: AlertFact) -> list[str]:
    """What the thing may be known by, lower case."""
    named = (fact.labels.get("asset", ""), fact.resource or "", fact.labels.get("host", ""), fact.address)
    return [name for text in named for name in (text.strip().lower(), host(text)) if name]


def located(
    tx: Tx, source: AlertSource, customer: str | None, fact: AlertFact, *, known: Asset | None = None
) -> dict[str, Any]:
    """Columns that say whose it is, and where. `known`: the thing, where somebody said it."""
    asset = known or (asset_of(tx, customer, fact) if customer else None)
    hangs_on = above(tx, customer, asset, fact) if customer else []
    return {
        "customer": customer,
        "asset": asset.name if asset else None,
        "site": site_of(tx, customer, asset, fact) if customer else "",
        "technology": (asset.technology if asset else "") or source.technology,
        "above": hangs_on,
        "root": shared_assets.root(tx, hangs_on, of=customer) if customer else None,
    }


def host(text: str) -> str:
    """The host of `host:port`, without the domain's port.

    >>> host("SRV-1.acme.lan:9100"), host("10.0.0.1:161"), host("[2001:db8::1]:9100"), host("2001:db8::1")
    ('srv-1.acme.lan', '10.0.0.1', '2001:db8::1', '2001:db8::1')
    """
    text = text.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def site_of(tx: Tx, customer: str, asset: Asset | None, fact: AlertFact) -> str:
    """Where it is: the asset's site, else one of the customer that the label names."""
    if asset is not None and asset.site:
        return asset.site
    named = fact.labels.get("site", "").strip().lower()
    return next((name for name in assets(tx, customer).sites if named and name.lower() == named), "")


def above(tx: Tx, customer: str, asset: Asset | None, fact: AlertFact) -> list[str]:
    """What it hangs on, as `shared_assets.written` has it, the nearest first: the label, then the tree of assets."""
    named = fact.labels.get("parent", "").strip()
    known = assets(tx, customer).by_name.get(named.lower())
    first = [(customer, known.name if known else named)] if named else []
    own = {(asset.name if asset else "").lower(), (fact.resource or "").lower()}
    chain = _chain(tx, customer, [*first, *(shared_assets.direct(asset) if asset else ())])
    return [name for name in chain if name not in own]


def above_asset(tx: Tx, asset: Asset) -> list[str]:
    """The same of a thing, whatever its alerts say."""
    return _chain(tx, asset.customer, shared_assets.direct(asset))


def _chain(tx: Tx, customer: str, direct: Iterable[Thing]) -> list[str]:
    net = shared_assets.net(tx)
    on = net.on if customer in net.groups else assets(tx, customer).on
    return [shared_assets.written(thing, of=customer) for thing in dependence.above(direct, on)]


def names_of(row: Row) -> set[str]:
    """By what others name it as what they hang on."""
    return {name for name in (str(row.asset or "").lower(), row.resource.lower(), host(row.resource)) if name}


def named(tx: Tx, customer: str, name: str) -> list[Row]:
    """What fires at a customer and goes by this name (lower case), as others hang on it.

    What nobody is called for explains nothing: under maintenance, without a contract, for information only.
    """
    as_it_stands = re.sub(r"([\\%_])", r"\\\1", name)
    return tx.all(_NAMED, customer=customer, name=name, port=f"{as_it_stands}:%")


_NAMED = Prepared(
    select(
        alert.c.id,
        alert.c.customer,
        alert.c.asset,
        alert.c.resource,
        alert.c.status,
        alert.c.parent_alert,
        _TICKET_NOW.label("ticket_now"),
    )
    .where(
        alert.c.customer == bindparam("customer"),
        alert.c.firing,
        alert.c.status.in_([literal(one) for one in ("held", "suppressed")])
        | ((alert.c.status != "maintenance") & _HAS_TICKET),
        (func.lower(alert.c.asset) == bindparam("name"))
        | (func.lower(alert.c.resource) == bindparam("name"))
        | func.lower(alert.c.resource).like(bindparam("port"), escape="\\"),
    )
    .limit(5)
)


def hasten_held(tx: Tx, *, now: datetime) -> None:
    """Whatever waits a moment is asked anew where it goes: the clock by which it waits was set back.

    All of it was to become tickets about now: to each other they count as near.
    """
    tx.run(_PLACE_HELD, now=now)
    for row in tx.all(_HELD):
        work.hasten(tx, shard=row.id, key=TIMER, now=now)
