"""What do people do with windows of maintenance? Plan one, approve it as the second person, end it early, call it off.

Each is an event of administration. What a window does to alerts is in core.desk.maintenance.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.desk import acts, alert_rows, maintenance, people, reference, tasks, window_sums
from core.desk.errors import Fault, Forbidden, Invalid, NotFound, Refused
from core.desk.maintenance import ASKED, CANCELLED, ENDED, MODES, MUTE, PLANNED
from core.desk.principal import Principal
from core.ids import derived_id, new_id
from core.rules import windows
from core.rules.windows import Unusable, Window
from core.store import tables
from core.store.tx import Row, Tx

SKEW = timedelta(minutes=5)
"""How far back `since` may lie: whoever means now has a clock of their own, and fills in a form."""
FURTHEST = timedelta(days=2 * 366)
MAX_WORDS = 300  # characters
ASK = "maintenance_asked"
"""Kind of the task, and the beginning of the name under which it is asked once."""
APPROVER = "shift-leader"


def may_plan(who: Principal) -> bool:
    """Contact centre, shift leaders, supervisors and administrators."""
    return who.sees_everything


def plan(
    tx: Tx,
    who: Principal,
    *,
    customer: str,
    since: datetime,
    until: datetime,
    now: datetime,
    site: str = "",
    asset: str = "",
    tag: str = "",
    rule: str = "",
    zone: str = "",
    mode: str = MUTE,
    change: str = "",
    idem: str = "",
) -> str:
    """Plan work; return the id of the window. The same form twice makes one.

    `since`, `until`: of the first occurrence. `tag`: name=value of a label. `rule`: RFC 5545. `zone`: on whose clocks it repeats;
    empty: the site's, else the customer's. `change`: what for. What needs a second person waits for one.
    Raises Forbidden, Invalid with every mistake.
    """
    _only_planners(who)
    identity = derived_id(0, "maintenance", who.actor, idem) if idem else new_id()
    if idem and maintenance.locked(tx, identity) is not None:
        return identity
    since, until = since.replace(microsecond=0), until.replace(microsecond=0)
    site, asset, tag, change = (text.strip() for text in (site, asset, tag, change))
    zone = zone or maintenance.zone_of(tx, customer, site)
    faults = [
        *_bad_place(tx, customer, site, asset, tag),
        *_bad_times(since, until, now),
        *_bad_words(mode, change),
    ]
    kept = ""
    try:
        kept = windows.checked(rule, since, ZoneInfo(zone))
    except Unusable as error:
        faults.append(Fault("/rule", str(error)))
    except (KeyError, ValueError, OSError):  # what is no name of a zone at all is no name of a file either
        faults.append(Fault("/zone", f"{zone!r} is no time zone: write one such as Europe/Rome"))
    if faults:
        raise Invalid(faults)
    meant = Window(since=since, until=until, rule=kept, zone=zone)
    over_at = windows.over_at(meant)
    whole = not (site or asset or tag)
    alert_rows.meet(tx, customer, "")  # two windows at once would not see each other
    beside = window_sums.beside(tx, who.actor, meant, customer=customer, site=site, asset=asset, tag=tag)
    asks = windows.needs_second_person(meant, whole_customer=whole, beside=beside)
    tx.insert(
        tables.maintenance_window,
        id=identity,
        customer=customer,
        site=site,
        asset=asset,
        tag=tag,
        since=since,
        until=until,
        over_at=over_at,
        rrule=kept,
        zone=zone,
        mode=mode,
        change=change,
        source=maintenance.BY_PERSON,
        created_by=who.actor,
        created_at=now,
        state=ASKED if asks else PLANNED,
    )
    tx.tell(maintenance.TELL)
    maintenance.record(
        tx, "asked" if asks else "planned", identity, now=now, actor=who.actor, customer=customer
    )
    if asks:
        _ask(tx, identity, customer, since, now=now)
    return identity


def _ask(tx: Tx, identity: str, customer: str, since: datetime, *, now: datetime) -> None:
    known = reference.customer(tx, customer)
    tasks.add(
        tx,
        ASK,
        now=now,
        role=APPROVER,
        due=max(since, now),
        once=f"{ASK}:{identity}",
        url=f"/desk/maintenance/{identity}",
        customer=known.name if known else customer,
        since=since.isoformat(),
    )


def _bad_place(tx: Tx, customer: str, site: str, asset: str, tag: str) -> Iterator[Fault]:
    known = reference.customer(tx, customer)
    if known is None:
        yield Fault("/customer", f"there is no customer {customer!r}: write the code of one")
        return
    if site and site not in people.sites(tx, customer):
        yield Fault("/site", f"{known.name} has no site {site!r}")
    if asset:
        thing = people.asset(tx, customer, asset)
        if thing is None:
            yield Fault("/asset", f"{known.name} has no asset {asset!r}")
        elif site and thing.site != site:
            yield Fault("/asset", f"{asset} is not at {site}, but {thing.site or 'at no site'}")
    name, equals, value = tag.partition("=")
    if tag and not (name and equals and value):
        yield Fault("/tag", "must be the name of a label and its value, such as env=test")
    elif len(tag) > MAX_WORDS:
        yield Fault("/tag", f"must be at most {MAX_WORDS} characters")


def _bad_times(since: datetime, until: datetime, now: datetime) -> Iterator[Fault]:
    if until <= since:
        yield Fault("/until", "is not after the beginning: the end must be later")
    elif until - since > windows.LONGEST:
        yield Fault("/until", f"is more than {windows.LONGEST.days} days after the beginning: let it repeat")
    elif until <= now:
        yield Fault("/until", "is past: plan what lies ahead")
    if since < now - SKEW < until:
        yield Fault("/since", "is past: begin now or later")
    elif since > now + FURTHEST:
        yield Fault("/since", "is more than two years ahead")


def _bad_words(mode: str, change: str) -> Iterator[Fault]:
    if mode not in MODES:
        yield Fault("/mode", f"must be one of {', '.join(MODES)}")
    if len(change) > MAX_WORDS:
        yield Fault("/change", f"must be at most {MAX_WORDS} characters")


def approve(tx: Tx, who: Principal, window_id: str, *, now: datetime) -> None:
    """The second person agrees. Raises NotFound; Forbidden for who asked; Refused where nothing is asked, or it is past."""
    row = _begin(tx, who, window_id)
    if row.state == PLANNED and row.approved_by == who.actor:
        return
    if row.state != ASKED:
        raise Refused("this window does not wait for anybody", code="not_asked")
    if row.created_by == who.actor:
        raise Forbidden("somebody else than who planned it approves it")
    if row.over_at <= now:
        raise Refused("this window is past: plan it anew", code="past", allowed=("cancel",))
    maintenance.change(tx, row, now=now, state=PLANNED, approved_by=who.actor)
    _settled(tx, who, row, "approved", now=now)


def end(tx: Tx, who: Principal, window_id: str, *, now: datetime) -> None:
    """The work is done before its time: alerts count again at once. Of one that repeats, later occurrences stay.

    Raises NotFound, Forbidden; Refused where nothing goes on.
    """
    row = _begin(tx, who, window_id)
    if row.state == ENDED:
        return
    if maintenance.going_on(row, now=now) is None:
        raise Refused("no work goes on in this window now", code="not_now", allowed=("cancel",))
    once: dict[str, Any] = {} if row.rrule else {"state": ENDED, "over_at": now}
    maintenance.change(tx, row, now=now, ended_at=now, **once)
    maintenance.record(tx, "ended", row.id, now=now, actor=who.actor, customer=row.customer)


def cancel(tx: Tx, who: Principal, window_id: str, *, reason: str, now: datetime) -> None:
    """The work does not take place, also as a whole series. `reason`: for colleagues. Raises NotFound, Forbidden, Invalid, Refused."""
    row = _begin(tx, who, window_id)
    if row.state == CANCELLED:
        return
    reason = acts.plain(reason, "/reason")
    if row.state == ENDED or (row.state == PLANNED and row.over_at <= now):
        raise Refused("this window is over", code="past")
    held_until = min(row.over_at if row.state == PLANNED else row.since, now)
    maintenance.change(tx, row, now=now, state=CANCELLED, ended_at=now, over_at=held_until)
    _settled(tx, who, row, "cancelled", now=now, reason=reason)


def _settled(tx: Tx, who: Principal, row: Row, kind: str, *, now: datetime, **about: Any) -> None:
    tasks.settle(tx, once=f"{ASK}:{row.id}", now=now, by=who.actor)
    maintenance.record(tx, kind, row.id, now=now, actor=who.actor, customer=row.customer, **about)


def _begin(tx: Tx, who: Principal, window_id: str) -> Row:
    """The row, nobody else's to change; outside there is none."""
    row = maintenance.locked(tx, window_id) if who.kind not in ("contact", "address") else None
    if row is None:
        raise NotFound(f"there is no window of maintenance {window_id}")
    _only_planners(who)
    return row


def _only_planners(who: Principal) -> None:
    acts.only_staff(who)
    if not may_plan(who):
        raise Forbidden("the contact centre, shift leaders, supervisors and administrators plan maintenance")
