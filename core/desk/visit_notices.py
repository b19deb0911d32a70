"""What is the customer told of a visit, and what the engineer? Times to choose from, what was agreed, what changed, and reminders.

The customer's words are deliveries in the transaction of their cause. Like a promise that falls due (core.desk.promise_notices)
what engineers get has the ticket in place of a conversation, and is put into words as it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from sqlalchemy import bindparam, literal, select

from core import chat_addresses, texts
from core.desk import (
    answering,
    links,
    notices,
    outbox,
    people,
    quiet,
    reference,
    staff_ways,
    visit_crew,
    visit_invitations,
)
from core.desk.case import Case
from core.desk.chat_buttons import Offer
from core.desk.people import Agent
from core.envelope import Address, Outgoing
from core.ids import fixed_id
from core.rules import reaching
from core.rules.chat_acts import Act
from core.store import tables
from core.store.tx import Prepared, Row, Tx

KIND = links.VISIT_WORDS
"""Of the messages that the customer gets."""
STAFF = "visit_engineer"
"""Of the deliveries that engineers get."""
OFFERED, CONFIRMED, MOVED, CANCELLED = "offered", "confirmed", "moved", "cancelled"
DAY_BEFORE, HOUR_BEFORE, ON_THE_WAY = "day_before", "hour_before", "on_the_way"
FINISHED, NO_ACCESS = "finished", "no_access"
CREW = "crew"
"""Others come than were named before, at the same time."""
AT_ONCE = (HOUR_BEFORE, ON_THE_WAY)
"""Steps that say something too late after quiet hours."""
FOR_ENGINEERS = (CONFIRMED, MOVED, CANCELLED, DAY_BEFORE, visit_invitations.KEPT)

delivery, visit = tables.delivery, tables.visit

_OF_MESSAGE = Prepared(
    select(delivery.c.id, delivery.c.address).where(
        delivery.c.ticket_id == bindparam("ticket_id"), delivery.c.message_id == bindparam("message_id")
    )
)
_VISITS = Prepared(select(visit).where(visit.c.ticket_id == bindparam("ticket_id")).order_by(visit.c.id))
_TICKET = Prepared(select(tables.ticket).where(tables.ticket.c.id == bindparam("id")))


# --- Words for a time --------------------------------------------------------------------------------------


def spell(since: datetime, until: datetime, zone: ZoneInfo, language: str) -> str:
    """A time as people say it, on the clock of the site, with its zone.

    >>> from datetime import UTC
    >>> spell(datetime(2026, 12, 3, 8, tzinfo=UTC), datetime(2026, 12, 3, 10, tzinfo=UTC), ZoneInfo("Europe/Rome"), "en")
    'Thursday 3 December 2026, 09:00 – 11:00 (CET)'
    """
    begins, ends = since.astimezone(zone), until.astimezone(zone)
    day = format_datetime(begins, "EEEE d MMMM y, HH:mm", locale=language)
    pattern = "HH:mm" if ends.date() == begins.date() else "EEEE d MMMM, HH:mm"
    return f"{day} – {format_datetime(ends, pattern, locale=language)} ({begins.tzname()})"


def brief(since: datetime, until: datetime, zone: ZoneInfo, language: str) -> str:
    """The same for a button.

    >>> from datetime import UTC
    >>> brief(datetime(2026, 12, 3, 8, tzinfo=UTC), datetime(2026, 12, 3, 10, tzinfo=UTC), ZoneInfo("Europe/Rome"), "it")
    'gio 3 dic, 09:00–11:00'
    """
    begins, ends = since.astimezone(zone), until.astimezone(zone)
    return f"{format_datetime(begins, 'EEE d MMM, HH:mm', locale=language)}–{ends:%H:%M}"


# --- The customer ------------------------------------------------------------------------------------------


def tell(
    case: Case,
    row: Row,
    step: str,
    *,
    slots: Sequence[Row] = (),
    until: datetime | None = None,
    only: str = "",
) -> None:
    """Tell everybody of the ticket, or `only` who has this address.

    `slots`: times to choose from, with a button or a link for each person; `until`: held so long.
    """
    language, zone = case["language"], ZoneInfo(row.time_zone)
    names = _names(case.tx, row)
    made_from = {"visit": row.id, "step": step, "sequence": row.agreed}
    offers = _choices(slots, zone, language)
    here = f"{case.tx.facts.public_url}/portal/requests/{case['number']}#visit-{row.id}"
    if offers:
        made_from["place"] = here  # for each person a link of their own, as it leaves
        made_from["offers"] = [[str(one.act), one.value, one.label] for one in offers]
    for place in answering.places(case, kind=KIND, automatic=True):
        where = place.where
        persons = [one for one in place.people if only in ("", one.key)]
        if not persons:
            continue
        for one in persons:
            visit_invitations.invite(case, row, step, one, role=visit_invitations.CUSTOMER)
        leaves = (
            {}
            if step in AT_ONCE
            else quiet.leaves(case, where, persons, kind=KIND, due=case.now, zone=notices.zone_of(case))
        )
        if all(at <= case.now for at in leaves.values()):
            notices.overtaken(case)
        short = reaching.short(where.channel, where.address)
        subject, text = texts.notice(
            f"short/{KIND}" if short else KIND,
            language,
            step=step,
            subject=notices.title(case),
            number=case["number"],
            name=case["requester_name"] if case["contact"] else "",
            hub=case.tx.facts.name,
            when=spell(row.window_start, row.window_end, zone, language) if row.window_start else "",
            place=", ".join(part for part in (row.site, row.place) if part),
            engineers=", ".join(names),
            many=len(names) > 1,
            times=[spell(one.slot_start, one.slot_end, zone, language) for one in slots],
            until=texts.instant(until, zone, language) if until is not None else "",
            no_link=_unread(case, where, place.people),
            link=here,
        )
        said = outbox.say(
            case,
            where,
            persons,
            kind=KIND,
            subject=subject,
            text=text,
            automatic=True,
            language=language,
            leaves=leaves,
            made_from=made_from,
            offers=offers,
        )
        if slots:
            _give_links(case, row, said.message_id)


def _unread(case: Case, where: Row, people: Sequence[Address]) -> bool:
    """Does nobody there read a link? In a chat there are buttons, and a call is heard."""
    by = {
        reaching.channel(where.channel, kind=KIND, address=one.address, texts_by=case.tx.facts.texts_by)
        for one in people
    }
    return chat_addresses.is_chat(where.address) or by == {reaching.PHONE}


def _choices(slots: Sequence[Row], zone: ZoneInfo, language: str) -> list[Offer]:
    if not slots:
        return []
    found = [
        Offer(act=Act.VISIT, value=one.id, label=brief(one.slot_start, one.slot_end, zone, language))
        for one in slots
    ]
    return [*found, Offer(act=Act.VISIT_NONE, value=slots[0].visit_id)]


def _give_links(case: Case, row: Row, message_id: str) -> None:
    """A link for each delivery, good for whoever has it, for this visit alone; the one they had before works no longer."""
    for one in case.tx.all(_OF_MESSAGE, ticket_id=case.id, message_id=message_id):
        links.give(
            case.tx,
            links.VISIT,
            links.visit_token(case.tx, one.id),
            f"{case.id} {row.id} {one.address}",
            until=case.now + links.VISIT_LIFE,
            now=case.now,
        )


def _names(tx: Tx, row: Row) -> list[str]:
    names = {one.id: one.name for one in people.agents(tx)}
    return [names[one] for one in visit_crew.ids(tx, row) if one in names]


# --- Engineers ---------------------------------------------------------------------------------------------


def tell_engineers(case: Case, row: Row, step: str, engineers: Iterable[str]) -> None:
    """Tell these (ids), each by their own way. Who does not come to a visit that takes place all the same is invited no longer."""
    known = {one.id: one for one in people.agents(case.tx) if one.active}
    for one in dict.fromkeys(engineers):
        if one in known and step == CANCELLED and row.closed_at is None:
            visit_invitations.uninvite(case, row, known[one].email)
        way = staff_ways.way(case.tx, known[one]) if one in known else None
        if way is not None:
            visit_invitations.invite(case, row, step, way.to, role=visit_invitations.TECHNICIAN)
            message_id = _id(row.id, step, row.sequence, one)
            staff_ways.send(case.tx, case.id, message_id, way, kind=STAFF, now=case.now)


def _id(visit_id: str, step: str, sequence: int, agent: str) -> str:
    """What stands for the message of such a delivery: one for each visit, step, change of it and person."""
    return fixed_id(f"visit {visit_id} {step} {sequence} {agent}")


def outgoing(tx: Tx, row: Row, *, now: datetime) -> Outgoing | None:
    """What the channel is to send for such a delivery; None: the visit was changed since, and there is other news of it."""
    found = _whose(tx, row)
    if found is None:
        tx.update(delivery, {"ticket_id": row.ticket_id, "id": row.id}, state="withdrawn")
        return None
    of, step, agent, sequence = found
    crew = _names(tx, of)
    ticket = tx.one(_TICKET, id=row.ticket_id)
    language = tx.facts.language(agent.language)
    customer = reference.customer(tx, ticket.customer) if ticket.customer else None
    subject, text = texts.notice(
        STAFF,
        language,
        step=step,
        another_goes=step == CANCELLED and of.closed_at is None,
        number=ticket.number,
        subject=ticket.subject,
        who=", ".join(one for one in (ticket.requester_name, customer.name if customer else "") if one),
        when=spell(of.window_start, of.window_end, ZoneInfo(of.time_zone), language),
        place=", ".join(part for part in (of.site, of.place) if part),
        purpose=of.purpose,
        parts=[part["name"] for part in of.parts],
        crew=crew if len(crew) > 1 else [],
        url=f"{tx.facts.public_url}/desk/me/visits/{of.id}",
    )
    invitation = visit_invitations.of(of, step, sequence=sequence, summary=subject, text=text)
    if not visit_invitations.is_mail(row.address):
        invitation = None
    return outbox.without_ticket(
        row, subject=subject, text=text, language=language, buttons=(), invitation=invitation
    )


def undelivered(tx: Tx, row: Row, *, now: datetime) -> None:
    """Their chat does not take it: by mail, then."""
    found = _whose(tx, row)
    if found is None or not chat_addresses.is_chat(row.address):
        return
    way = staff_ways.mailbox(tx, found[2])
    if way is not None:
        staff_ways.send(tx, row.ticket_id, row.message_id, way, kind=STAFF, now=now)


def _whose(tx: Tx, row: Row) -> tuple[Row, str, Agent, int] | None:
    """Of which visit such a delivery is, what it says, to whom and with which sequence; None: of none as it is now, or they are gone."""
    staff = [one for one in people.agents(tx) if one.active]
    for of in tx.all(_VISITS, ticket_id=row.ticket_id):
        crew = visit_crew.ids(tx, of)
        for agent in staff:
            for step in FOR_ENGINEERS if agent.id in crew else (CANCELLED,):
                for sequence in range(of.agreed, of.sequence + 1):
                    if row.message_id == _id(of.id, step, sequence, agent.id):
                        return of, step, agent, sequence
    return None


_SAID = Prepared(
    select(tables.message.c.made_from, tables.message.c.id).where(
        tables.message.c.ticket_id == bindparam("ticket_id"), tables.message.c.kind == literal(KIND)
    )
)


def told(tx: Tx, row: Row) -> set[str]:
    """Which steps of a visit, as it is now, the customer was told."""
    return {
        said.made_from["step"]
        for said in tx.all(_SAID, ticket_id=row.ticket_id)
        if said.made_from and (said.made_from["visit"], said.made_from["sequence"]) == (row.id, row.agreed)
    }
