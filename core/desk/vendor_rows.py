"""Which cases are there at vendors, and who is a vendor? Rows and lookups that everything about vendors stands on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import bindparam, literal, select

from core.desk import reference
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.reference import Hours, Vendor
from core.desk.views import EngagedView
from core.ids import message_id_keys, token_id, token_key
from core.rules import vendor as rule
from core.rules.clocks import Policy
from core.rules.durations import Target
from core.rules.vendor import State
from core.store import tables, work
from core.store.tx import Prepared, Row, Tx

UPDATE_TIMER = "vendor-update"
"""Of the job that wakes when a vendor should have written again; also its kind."""
FLAG = "vendor_open"
ANSWERED, LATE = "vendor_answered", "vendor_late"
"""Kinds of tasks."""
SOON = timedelta(seconds=1)

case_table, thread = tables.vendor_case, tables.thread

_OF_TICKET = Prepared(
    select(case_table).where(case_table.c.ticket_id == bindparam("ticket_id")).order_by(case_table.c.id)
)
_ONE = Prepared(
    select(case_table).where(
        case_table.c.ticket_id == bindparam("ticket_id"), case_table.c.id == bindparam("id")
    )
)
_BY_THREAD = Prepared(select(case_table).where(case_table.c.thread_id == bindparam("thread_id")))
_BY_TOKEN = Prepared(
    select(case_table)
    .select_from(
        case_table.join(tables.reply_address, tables.reply_address.c.thread_id == case_table.c.thread_id)
    )
    .where(tables.reply_address.c.key == bindparam("key"))
)
_BY_DELIVERY = Prepared(
    select(case_table)
    .select_from(case_table.join(tables.delivery, tables.delivery.c.thread_id == case_table.c.thread_id))
    .where(tables.delivery.c.id == bindparam("id"))
)
_BY_REF = Prepared(
    select(case_table)
    .select_from(case_table.join(tables.thread_ref, tables.thread_ref.c.thread_id == case_table.c.thread_id))
    .where(tables.thread_ref.c.ref == bindparam("ref"), tables.thread_ref.c.kind == literal(rule.CHANNEL))
)
_OPEN_OF_VENDOR = Prepared(
    select(case_table)
    .where(
        case_table.c.vendor == bindparam("vendor"),
        case_table.c.closed_at.is_(None),
        case_table.c.opened_at.is_not(None),
    )
    .order_by(case_table.c.id)
)


# --- Vendors ------------------------------------------------------------------------------------------------


def named(tx: Tx, name: str) -> Vendor | None:
    """The vendor of this name; None: it is not in the desk's file, or no longer."""
    return reference.desk(tx).vendors.get(name)


def by_address(tx: Tx, address: str) -> tuple[Vendor | None, bool]:
    """The vendor of an address, and whether only its domain says so."""
    vendors = reference.desk(tx).vendors.values()
    exact = next((one for one in vendors if one.email and one.email == address), None)
    if exact is not None:
        return exact, False
    domain = address.rpartition("@")[2]
    found = next(
        (one for one in vendors for of in one.domains if domain == of or domain.endswith(f".{of}")), None
    )
    return found, found is not None


def hours(tx: Tx, of: Vendor) -> Hours:
    """By which what is agreed with it counts."""
    calendars = reference.desk(tx).calendars
    return calendars.get(of.calendar or reference.ALWAYS) or calendars[reference.ALWAYS]


def policy(tx: Tx, of: Vendor, name: str) -> Policy | None:
    """What is agreed with it: `answer`, `update` or `fix`; None: nothing."""
    target: Target | None = getattr(of, name)
    if target is None:
        return None
    by = hours(tx, of)
    return Policy(name=f"{of.name} {name}", target=target, calendar=by.calendar, calendar_version=by.version)


def due(tx: Tx, vendor: str, name: str, *, since: datetime) -> datetime | None:
    """When what is agreed with this vendor is due; None: nothing is."""
    of = named(tx, vendor)
    agreed = policy(tx, of, name) if of is not None else None
    return agreed.due(since, ()) if agreed is not None else None


# --- Cases --------------------------------------------------------------------------------------------------


def of_ticket(tx: Tx, ticket_id: str) -> list[Row]:
    """All of them, oldest first."""
    return tx.all(_OF_TICKET, ticket_id=ticket_id)


def one(case: Case, case_id: str) -> Row:
    """A case of the ticket in hand. Raises NotFound."""
    row = case.tx.one(_ONE, ticket_id=case.id, id=case_id)
    if row is None:
        raise NotFound(no_case(case["number"], case_id))
    return row


def no_case(number: str, case_id: str) -> str:
    """The sentence for a case that is not there."""
    return f"there is no vendor case {case_id} on {number}"


def by_thread(tx: Tx, thread_id: str) -> Row | None:
    """The case whose conversation this is."""
    return tx.one(_BY_THREAD, thread_id=thread_id)


def by_token(tx: Tx, token: str) -> list[Row]:
    """Whose conversation an address for answers was given out in."""
    return tx.all(_BY_TOKEN, key=token_key(token))


def foresee_token(tx: Tx, token: str) -> None:
    """The same is going to be asked."""
    tx.foresee(_BY_TOKEN, key=token_key(token))


def foresee_own_ref(tx: Tx, ref: str) -> None:
    """The same of `by_own_ref`."""
    tx.foresee(_BY_DELIVERY, id=token_id(ref))


def by_own_ref(tx: Tx, ref: str) -> list[Row]:
    """In whose conversation we sent a message of this ref."""
    return tx.all(_BY_DELIVERY, id=token_id(ref))


def by_ref(tx: Tx, message_id: str) -> list[Row]:
    """In whose conversation a message of this id came."""
    return next(filter(None, (tx.all(_BY_REF, ref=key) for key in message_id_keys(message_id))), [])


def open_of(tx: Tx, vendor: str) -> list[Row]:
    """The cases of a vendor that were sent and are not closed."""
    return tx.all(_OPEN_OF_VENDOR, vendor=vendor)


def standing(rows: Collection[Row]) -> list[Row]:
    """Those that keep their ticket from its end."""
    return [row for row in rows if row.state in rule.OPEN]


def engaged(tx: Tx, ticket_id: str) -> tuple[EngagedView, ...]:
    """What a customer may know of who else works on their request."""
    return tuple(
        EngagedView(
            since=row.opened_at,
            reference=row.reference if row.reference_shown else "",
            next_update_due=row.next_update_due,
        )
        for row in standing(of_ticket(tx, ticket_id))
    )


def next_update(tx: Tx, ticket_id: str) -> datetime | None:
    """When the first word of a vendor is due; None: nobody said by when."""
    rows = standing(of_ticket(tx, ticket_id))
    return min((row.next_update_due for row in rows if row.next_update_due), default=None)


def called(row: Row) -> str:
    """What people know a case by: the vendor and its reference, else what it is about."""
    return f"{row.vendor} {row.reference or row.subject}".strip()


def moved(row: Row, event: str) -> State:
    """Where it leads. Raises Refused with what can be done."""
    try:
        return rule.move(row.state, event)
    except rule.MoveRefused as error:
        raise Refused(str(error), allowed=error.allowed, code="vendor_state") from None


def change(case: Case, row: Row, **values: object) -> Row:
    """Write columns of a case, and what the ticket says of its cases; return the row as it is now."""
    case.tx.update(case_table, {"ticket_id": case.id, "id": row.id}, **values)
    refresh(case)
    return one(case, row.id)


def refresh(case: Case) -> None:
    """The flag of the ticket, and its timer, as its cases are now."""
    rows = of_ticket(case.tx, case.id)
    case.flag(FLAG, on=bool(standing(rows)))
    watch(case.tx, case.id, rows, now=case.now)


def watch(tx: Tx, ticket_id: str, rows: Collection[Row], *, now: datetime) -> None:
    """Wake when the next word of a vendor is due. One that is late was reminded and is not waited for again."""
    dues = [row.next_update_due for row in standing(rows) if row.next_update_due and not reminded(tx, row)]
    if dues:
        work.set_timer(
            tx,
            shard=ticket_id,
            key=UPDATE_TIMER,
            kind=UPDATE_TIMER,
            payload={},
            due=max(min(dues), now + SOON),
            now=now,
        )
    else:
        work.cancel(tx, shard=ticket_id, key=UPDATE_TIMER)


def reminder_of(row: Row) -> str:
    """The name under which the reminder of what is due now is sent once."""
    return f"vendor-reminder:{row.id}:{row.next_update_due:%Y%m%dT%H%M%S}"


def reminded(tx: Tx, row: Row) -> bool:
    """Was it looked at when its next word was due? A mail that was sent says so, or the task, where none could be sent."""
    given = {"ticket_id": row.ticket_id, "once": reminder_of(row)}
    return tx.one(_SENT, **given) is not None or tx.one(_TASK, **given) is not None


_SENT = Prepared(
    select(tables.message.c.id)
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        tables.message.c.idem == bindparam("once"),
        tables.message.c.idem != literal(""),
    )
    .limit(1)
)
_TASK = Prepared(
    select(tables.task.c.id)
    .where(tables.task.c.ticket_id == bindparam("ticket_id"), tables.task.c.once == bindparam("once"))
    .limit(1)
)


def ended(case: Case) -> None:
    """The ticket is over: what was never sent, and what is solved, is closed with it. What goes on there stays open."""
    for row in of_ticket(case.tx, case.id):
        if row.closed_at is None and row.state not in rule.OPEN:
            key = {"ticket_id": case.id, "id": row.id}
            case.tx.update(case_table, key, state=str(State.CLOSED), closed_at=case.now)
            case.event(
                "vendor.closed", actor="system", vendor_case=row.id, **{"from": row.state, "to": "closed"}
            )
    refresh(case)


def follow(tx: Tx, thread_id: str, *, of: str, to: str) -> None:
    """A conversation hangs at another ticket now: if it is a vendor's, so does its case."""
    tx.update(case_table, {"ticket_id": of, "thread_id": thread_id}, ticket_id=to)
