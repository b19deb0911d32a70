"""What do staff do with an outage? Publish a notice, update it, end it, or take it back: each once, and on its chain.

Whom it concerns and who is told is decided elsewhere (core.rules.outages, core.desk.broadcasts).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import bindparam, select

from core.desk import acts, broadcasts, case, people, reference, returns
from core.desk.errors import Fault, Forbidden, Invalid, NotFound, Refused, Stale
from core.desk.outages import locked, no_outage
from core.desk.principal import HUB, Principal
from core.ids import derived_id, new_id
from core.rules.outages import Scope
from core.store import tables
from core.store.tx import Prepared, Row, Tx

MAX_TITLE = 120  # characters: it is read aloud
MAX_TEXT = 2_000
SKEW = timedelta(minutes=5)
"""How far in the future `since` may lie: whose clock is a little ahead is not refused."""
LONGEST = timedelta(days=365)
"""An instant that lies further away is a slip of the pen."""

Words = Mapping[str, Mapping[str, str]]
"""Language to `title` and `text`."""

outage, update_table = tables.outage, tables.outage_update


def may_publish(who: Principal) -> bool:
    """Contact centre, shift leaders, supervisors and administrators."""
    return who.sees_everything


def publish(
    tx: Tx,
    who: Principal,
    *,
    words: Words,
    since: datetime,
    now: datetime,
    next_update: datetime | None = None,
    customers: Sequence[str] = (),
    sites: Sequence[Sequence[str]] = (),
    technologies: Sequence[str] = (),
    idem: str = "",
) -> str:
    """Tell those whom the scope names that something does not work; return the id. The same form twice makes one.

    `words`: in one language at least. `sites`: (customer, site). An empty part of the scope means all.
    Raises Forbidden, Invalid.
    """
    _only_publishers(who)
    identity = derived_id(0, "outage", who.actor, idem) if idem else new_id()
    if idem and locked(tx, identity) is not None:
        return identity
    where = scope(customers, sites, technologies)
    faults = [*_bad_words(tx, words), *_bad_scope(tx, where), *_bad_promise(next_update, now)]
    if not now - LONGEST < since <= now + SKEW:
        faults.append(Fault("/since", "must not lie in the future, nor more than a year back"))
    if faults:
        raise Invalid(faults)
    _begin(
        tx, who, identity, words=words, where=where, since=since, next_update=next_update, idem=idem, now=now
    )
    return identity


class OfIncident(Protocol):
    """What an incident gives to publish."""

    @property
    def words(self) -> Words: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def since(self) -> datetime: ...


def of_incident(tx: Tx, who: Principal, incident: str, found: OfIncident, *, now: datetime) -> str:
    """The outage that follows from this incident, by whoever may say so; return its id."""
    identity = new_id()
    _begin(
        tx, who, identity, words=found.words, where=found.scope, since=found.since, incident=incident, now=now
    )
    return identity


def _begin(
    tx: Tx,
    who: Principal,
    identity: str,
    *,
    words: Words,
    where: Scope,
    since: datetime,
    now: datetime,
    next_update: datetime | None = None,
    idem: str = "",
    incident: str | None = None,
) -> None:
    tx.insert(
        outage,
        id=identity,
        state="running",
        words={
            language: {key: said[key].strip() for key in ("title", "text")}
            for language, said in words.items()
        },
        **_columns(where),
        since=min(since, now),
        next_update=next_update,
        published_at=now,
        published_by=who.actor,
        last_update=0,
        ended_at=None,
        incident=incident,
    )
    _add_update(tx, who, identity, 1, "published", words={}, next_update=next_update, idem=idem, now=now)
    _said(tx, who, identity, "outage.published", now=now, **_columns(where))


def widen(tx: Tx, row: Row, where: Scope, *, now: datetime) -> None:
    """The hub found that it concerns more than it was published for. Nobody is told for that."""
    if where != broadcasts.scope_of(row):
        tx.update(outage, {"id": row.id}, **_columns(where))
        _said(tx, HUB, row.id, "outage.widened", now=now, **_columns(where))


def update(
    tx: Tx,
    who: Principal,
    outage_id: str,
    *,
    words: Mapping[str, str],
    now: datetime,
    next_update: datetime | None = None,
    customers: Sequence[str] | None = None,
    sites: Sequence[Sequence[str]] | None = None,
    technologies: Sequence[str] | None = None,
    seen: int | None = None,
    idem: str = "",
) -> int:
    """Say how it goes on; return the number of the update. Who wanted every update is told.

    `words`: language to text, in each language of the notice. A part of the scope that is None stays as it is. `seen`:
    number of the newest update that was read. Raises Forbidden, NotFound, Stale, Refused: it is over, Invalid.
    """
    row = _running(tx, who, outage_id, seen=seen, idem=idem)
    if isinstance(row, int):
        return row
    before = broadcasts.scope_of(row)
    where = scope(
        before.customers if customers is None else customers,
        before.sites if sites is None else sites,
        before.technologies if technologies is None else technologies,
    )
    faults = [*_bad_news(row, words), *_bad_scope(tx, where), *_bad_promise(next_update, now)]
    if faults:
        raise Invalid(faults)
    said = {language: text.strip() for language, text in words.items()}
    changed = _columns(where) if where != before else {}
    return go_on(
        tx, who, row, "updated", words=said, idem=idem, now=now, next_update=next_update, changed=changed
    )


def end(
    tx: Tx,
    who: Principal,
    outage_id: str,
    *,
    now: datetime,
    words: Mapping[str, str] | None = None,
    seen: int | None = None,
    idem: str = "",
) -> int:
    """It works again: all who asked and whom it still concerns are told, once; return the number of the update.

    `words`: what it was, if there is anything to say, in each language of the notice. Raises as `update` does.
    """
    row = _running(tx, who, outage_id, seen=seen, idem=idem)
    if isinstance(row, int):
        return row
    said = {language: text.strip() for language, text in (words or {}).items() if text.strip()}
    faults = _bad_news(row, said) if said else []
    if faults:
        raise Invalid(faults)
    changed = {"state": "ended", "ended_at": now}
    return go_on(tx, who, row, "ended", words=said, idem=idem, now=now, changed=changed)


def cancel(
    tx: Tx,
    who: Principal,
    outage_id: str,
    *,
    reason: str,
    now: datetime,
    seen: int | None = None,
    idem: str = "",
) -> int:
    """It was published by mistake: nobody is told of it any more, and those who asked learn that. `reason`: for colleagues."""
    row = _running(tx, who, outage_id, seen=seen, idem=idem)
    if isinstance(row, int):
        return row
    changed = {"state": "cancelled", "ended_at": now}
    plain = acts.plain(reason, "/reason")
    return go_on(tx, who, row, "cancelled", words={}, reason=plain, idem=idem, now=now, changed=changed)


def retry_delivery(tx: Tx, who: Principal, outage_id: str, delivery: str, *, now: datetime) -> None:
    """Send again what was given up or came back. Raises Forbidden, NotFound, Refused."""
    _staffs(tx, who, outage_id)
    if not returns.again(tx, outage_id, delivery, now=now):
        raise Refused(
            "this delivery is on its way or arrived; there is nothing to send again",
            code="delivery_under_way",
        )
    case.record(tx, outage_id, "delivery.retried", now=now, actor=who.actor, delivery=delivery)


def go_on(
    tx: Tx,
    who: Principal,
    row: Row,
    kind: str,
    *,
    words: Mapping[str, str],
    now: datetime,
    idem: str = "",
    changed: Mapping[str, Any] | None = None,
    next_update: datetime | None = None,
    reason: str = "",
    besides: Collection[str] = (),
) -> int:
    """The next update of an outage in hand; return its number. `besides`: persons who hear the same elsewhere."""
    changed = changed or {}
    seq = int(row.last_update) + 1
    known = {"next_update": next_update, **changed}
    tx.update(outage, {"id": row.id}, **known)
    update_id = _add_update(
        tx, who, row.id, seq, kind, words=words, next_update=next_update, reason=reason, idem=idem, now=now
    )
    scope = {name: value for name, value in changed.items() if name in ("customers", "sites", "technologies")}
    told = broadcasts.tell(tx, tx.one(broadcasts.BY_ID, id=row.id), update_id, besides=besides, now=now)
    _said(tx, who, row.id, f"outage.{kind}", now=now, update=seq, **scope, **told)
    return seq


def _add_update(
    tx: Tx,
    who: Principal,
    outage_id: str,
    seq: int,
    kind: str,
    *,
    words: Mapping[str, str],
    next_update: datetime | None,
    idem: str,
    now: datetime,
    reason: str = "",
) -> str:
    update_id = new_id()
    tx.insert(
        update_table,
        outage_id=outage_id,
        seq=seq,
        id=update_id,
        kind=kind,
        at=now,
        by=who.actor,
        words=dict(words),
        reason=reason,
        next_update=next_update,
        idem=idem,
    )
    tx.update(outage, {"id": outage_id}, last_update=seq)
    return update_id


def _said(tx: Tx, who: Principal, outage_id: str, kind: str, *, now: datetime, **data: Any) -> None:
    case.record(tx, outage_id, kind, now=now, actor=who.actor, **data)
    reference.revise(tx, now=now)


def _only_publishers(who: Principal) -> None:
    if not may_publish(who):
        message = "the contact centre, a shift leader, a supervisor or an administrator publishes outages"
        raise Forbidden(message)


def _staffs(tx: Tx, who: Principal, outage_id: str) -> Row:
    """The outage, locked, for who may change it."""
    row = locked(tx, outage_id)
    if row is None or who.kind == "contact":
        raise NotFound(no_outage(outage_id))
    _only_publishers(who)
    return row


def _running(tx: Tx, who: Principal, outage_id: str, *, seen: int | None, idem: str) -> Row | int:
    """The outage, locked; the number of the update when this form was sent before."""
    row = _staffs(tx, who, outage_id)
    again = tx.one(_BY_IDEM, outage_id=outage_id, idem=idem) if idem else None
    if again is not None:
        return int(again.seq)
    if row.state != "running":
        message = (
            f"this outage has {'ended' if row.state == 'ended' else 'been withdrawn'}: publish another one"
        )
        raise Refused(message, code="outage_over")
    if seen is not None and seen < row.last_update:
        newer = tx.all(_NEWER, outage_id=outage_id, seen=seen)
        if any(one.by != who.actor for one in newer):
            message = "somebody updated this outage since you looked: read it, then decide"
            raise Stale(message, newer=newer, last_event=int(row.last_update))
    return row


def scope(customers: Sequence[str], sites: Sequence[Sequence[str]], technologies: Sequence[str]) -> Scope:
    """Where it is, as a form or a call names it."""
    return Scope(
        customers=tuple(dict.fromkeys(customers)),
        sites=tuple(dict.fromkeys((of, site) for of, site in sites)),
        technologies=tuple(dict.fromkeys(technologies)),
    )


def _columns(where: Scope) -> dict[str, Any]:
    return {
        "customers": list(where.customers),
        "sites": [list(one) for one in where.sites],
        "technologies": list(where.technologies),
    }


def _bad_words(tx: Tx, words: Words) -> list[Fault]:
    faults = [
        Fault(f"/words/{language}", f"must be one of {', '.join(tx.facts.languages)}")
        for language in words
        if language not in tx.facts.languages
    ]
    if not words:
        faults.append(Fault("/words", "must say what does not work, in one language at least"))
    for language, said in words.items():
        for key, most in (("title", MAX_TITLE), ("text", MAX_TEXT)):
            faults += _bad_text(f"/words/{language}/{key}", said.get(key, ""), most)
    return faults


def _bad_news(row: Row, words: Mapping[str, str]) -> list[Fault]:
    faults = [
        Fault(f"/words/{language}", f"the notice is in {', '.join(row.words)} only")
        for language in words
        if language not in row.words
    ]
    for language in row.words:
        faults += _bad_text(f"/words/{language}", words.get(language, ""), MAX_TEXT)
    return faults


def _bad_text(pointer: str, text: str, most: int) -> list[Fault]:
    if not text.strip():
        return [Fault(pointer, "must not be empty")]
    return [Fault(pointer, f"must have at most {most:,} characters")] if len(text) > most else []


def _bad_scope(tx: Tx, where: Scope) -> list[Fault]:
    known = set(reference.desk(tx).technologies)
    faults = [
        Fault("/technologies", f"there is no technology {name}")
        for name in where.technologies
        if name not in known
    ]
    faults += [
        Fault("/customers", f"there is no customer {code}")
        for code in where.customers
        if reference.customer(tx, code) is None
    ]
    faults += [
        Fault("/sites", f"{of} has no site {site}")
        for of, site in where.sites
        if site not in people.sites(tx, of)
    ]
    return faults


def _bad_promise(next_update: datetime | None, now: datetime) -> list[Fault]:
    if next_update is None or now < next_update < now + LONGEST:
        return []
    return [Fault("/next_update", "must lie in the future, within a year")]


_BY_IDEM = Prepared(
    select(update_table.c.seq).where(
        update_table.c.outage_id == bindparam("outage_id"), update_table.c.idem == bindparam("idem")
    )
)
_NEWER = Prepared(
    select(update_table)
    .where(update_table.c.outage_id == bindparam("outage_id"), update_table.c.seq > bindparam("seen"))
    .order_by(update_table.c.seq)
)
