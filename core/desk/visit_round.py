"""What happens by itself around a visit? Offers run out, people are reminded a day and an hour before, somebody is late or stays longer.

One timer per ticket wakes at the earliest of what its visits have ahead; what was told before is not told again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.desk import (
    acts,
    follow_ups,
    maintenance,
    timing,
    visit_crew,
    visit_notices,
    visit_offers,
    visit_rows,
)
from core.desk.case import Case
from core.desk.visit_rows import AGREED, LATE, ONSITE, TIMER, offered, open_of
from core.store import work
from core.store.tx import Row, Tx

REMINDERS = {
    visit_notices.DAY_BEFORE: timedelta(hours=24),
    visit_notices.HOUR_BEFORE: timedelta(hours=1),
}
"""Step to how long before the visit the customer is reminded."""
NEWS = timedelta(hours=2)
"""Who was told of the time itself so shortly before a reminder need not be reminded."""
LATE_AFTER = timedelta(seconds=1)
"""At the beginning itself nobody is late."""


def watch(case: Case) -> None:
    """Set the one timer to what comes next, or take it off."""
    ahead = [at for row in open_of(case.tx, case.id) for at in _ahead(case, row)]
    if ahead:
        due = max(min(ahead), case.now)
        work.set_timer(case.tx, shard=case.id, key=TIMER, kind=TIMER, payload={}, due=due, now=case.now)
    elif not case.new:
        work.cancel(case.tx, shard=case.id, key=TIMER)


def check(tx: Tx, ticket_id: str, *, now: datetime) -> None:
    """The timer rang."""
    case = Case.open(tx, ticket_id, now=now)
    for row in open_of(tx, ticket_id):
        visit_offers.expire(case, row)
        if row.state in AGREED:
            _remind(case, row)
            _late(case, row)
        elif row.state == ONSITE:
            maintenance.visit_stays(case, row)
    watch(case)
    acts.finish(case)


def _ahead(case: Case, row: Row) -> list[datetime]:
    found = [one.expires_at for one in offered(case.tx, case.id, row.id)]
    if row.state in AGREED:
        done = visit_notices.told(case.tx, row)
        found += [
            row.window_start - before
            for step, before in REMINDERS.items()
            if step not in done and row.window_start - before > case.now
        ]
        if row.window_start + LATE_AFTER > case.now:
            found.append(row.window_start + LATE_AFTER)
    elif row.state == ONSITE and (due := maintenance.visit_asks(case.tx, row, now=case.now)) is not None:
        found.append(due)
    return found


def _remind(case: Case, row: Row) -> None:
    done = visit_notices.told(case.tx, row)
    if row.state != "confirmed" or case.now >= row.window_start:
        return
    due = [step for step, before in REMINDERS.items() if row.window_start - before <= case.now]
    if not due or due[-1] in done:
        return
    visit_notices.tell(case, row, due[-1])
    if due[-1] == visit_notices.DAY_BEFORE:
        visit_notices.tell_engineers(case, row, due[-1], visit_crew.ids(case.tx, row))


def _late(case: Case, row: Row) -> None:
    """Nobody is there at the beginning: whoever has the ticket hears of it, and the clocks count again."""
    if case.now < row.window_start + LATE_AFTER:
        return
    timing.apply(case, "appointment_reached", at=row.window_start)
    once = f"{LATE}:{row.id}"
    if follow_ups.ask(
        case, LATE, once=once, alarm=True, url=visit_rows.page(case, row), due=row.window_start
    ):
        case.event("visit.late", actor="system", at=row.window_start, visit=row.id)
