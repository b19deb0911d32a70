"""How do people bring us a request without a mail? Signed in, or through an agent; by the same intake as all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.desk import acts, intake, outbox, people, reference, resolution, timing
from core.desk.case import Case
from core.desk.errors import Fault, Forbidden, Invalid, Refused, contradiction, invalid
from core.desk.principal import Principal
from core.desk.scope import find, goes_on
from core.envelope import Address, Arrival, Attachment, BadAddress, Hints, Inbound
from core.ids import new_id
from core.store import tables
from core.store.columns import to_json
from core.store.tx import Tx

MAX_SUBJECT = 1000  # characters
HERE = acts.HERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where somebody's words are: the number of the request, the id of the message."""

    number: str
    message: str


def open_request(  # noqa: PLR0913 - the fields of a request
    tx: Tx,
    who: Principal,
    *,
    subject: str,
    text: str,
    now: datetime,
    channel: str = HERE,
    also_by: str = "",
    customer: str | None = None,
    contact: str | None = None,
    request_type: str | None = None,
    technology: str | None = None,
    impact: int | None = None,
    urgency: int | None = None,
    asset: str | None = None,
    site: str | None = None,
    files: Sequence[Attachment] = (),
    idem: str = "",
) -> str:
    """Open a ticket: a contact their own, an agent one for `contact` (e-mail or id); return its number.

    `also_by`: another channel that carries our answers to the same address. The same `idem` of the same person gives
    the same ticket again. Raises Invalid with every value the desk does not know, Forbidden for a contact who
    names somebody else, Refused when so much comes from this address that staff look first.
    """
    if who.kind == "contact" and (customer or contact):
        message = "you open requests for yourself: leave customer and contact out"
        raise Forbidden(message)
    subject, text = " ".join(subject.split())[:MAX_SUBJECT], acts.plain(text)
    if not subject:
        raise invalid("/subject", "must not be empty")
    asker, contact_id, code = _for_whom(tx, who, customer, contact)
    fields: dict[str, Any] = {
        "request_type": request_type,
        "technology": technology,
        "impact": impact,
        "urgency": urgency,
        "asset": asset,
        "site": site,
    }
    _check(tx, code, fields)
    said = Inbound(
        channel=channel,
        author=asker,
        contact=contact_id,
        agent=who.id if who.is_agent else None,
        also_by=also_by if asker else "",
        subject=subject,
        text=text,
        attachments=tuple(files),
        hints=Hints(customer=code, provenance="agent" if who.is_agent else "portal_form", **fields),
    )
    arrival = Arrival(
        channel=channel,
        external_id=f"{who.actor}:{idem or new_id()}",
        raw=to_json(
            {"subject": subject, "text": text, "by": who.actor, "for": asker and asker.address, **fields}
        ).encode(),
        received_at=now,
        sender=asker.address if asker else who.email,
    )
    done = intake.receive(tx, arrival, said, now=now)
    if done.number is None:
        message = (
            "more has come from this address than anybody reads: staff look at it first; call if it is urgent"
        )
        raise Refused(message, code="flood")
    return done.number


def write(
    tx: Tx,
    who: Principal,
    number: str,
    text: str,
    *,
    now: datetime,
    seen: int | None = None,
    idem: str = "",
    files: Sequence[Attachment] = (),
) -> Written:
    """A contact's words on a request of theirs. The same `idem` gives the same message again.

    What we waited for is there then, and what was solved is open again. Words on a request that was merged are said on the one that
    goes on with it (desk.md 14), as a mail is; `seen` says nothing of that one. Raises NotFound, Forbidden for staff, Stale, Refused
    on a request that has ended, Invalid.
    """
    asked = find(tx, who, number)
    row = goes_on(tx, who, asked.id) or asked
    case = Case.open(tx, row.id, now=now)
    if who.kind != "contact":
        message = "staff answer with reply"
        raise Forbidden(message)
    if (done := acts.said_before(case, idem)) is not None:
        return Written(number=row.number, message=done)
    acts.check_seen(case, who, seen if row.id == asked.id else None, ("message.out",))
    text = acts.plain(text)
    if not case["open"] and case["state"] != "resolved":
        raise Refused(
            f"{row.number} is {case['state']}: open a new request and name it there", code="request_ended"
        )
    message_id = acts.hear(case, who, text)
    if idem:
        tx.update(tables.message, {"ticket_id": case.id, "id": message_id}, idem=idem)
    outbox.keep_files(case, message_id, files, internal=False)
    case.set(trust="verified")
    resolution.customer_wrote(case, at=now)
    timing.settle(case)
    case.save()
    return Written(number=row.number, message=message_id)


def _for_whom(
    tx: Tx, who: Principal, customer: str | None, contact: str | None
) -> tuple[Address | None, str | None, str | None]:
    """Who asks: their address (None: unknown), their id if they are a contact we know, and the customer's code."""
    if who.kind == "contact":
        return Address(who.email, who.name), who.id, who.customer
    if customer and reference.customer(tx, customer) is None:
        raise invalid("/customer", f"there is no customer {customer}")
    if not contact:
        return None, None, customer
    by_id = people.contact(tx, contact)
    found = [by_id] if by_id and by_id.active else people.by_address(tx, contact)
    if customer:
        elsewhere = {one.customer for one in found} or set(_of_domain(tx, contact))
        found = [one for one in found if one.customer == customer]
        if not found and elsewhere and customer not in elsewhere:
            raise Invalid(contradiction(customer, contact, elsewhere))
    if len(found) == 1:
        return Address(found[0].email, found[0].name), found[0].id, found[0].customer
    if found:
        several = ", ".join(sorted({one.customer for one in found}))
        raise invalid("/customer", f"{contact} is a contact of {several}: say for which")
    if "@" not in contact:
        raise invalid("/contact", f"there is no contact {contact!r}")
    try:
        return Address(contact), None, customer
    except BadAddress as error:
        raise invalid("/contact", str(error)) from None


def _of_domain(tx: Tx, contact: str) -> list[str]:
    return people.customers_of_domain(tx, contact.rpartition("@")[2]) if "@" in contact else []


def _check(tx: Tx, customer: str | None, fields: Mapping[str, Any]) -> None:
    """Raise Invalid with every value that the desk does not know. Intake leaves such hints out; a form says so."""
    desk = reference.desk(tx)
    faults = []
    for name, known in (("request_type", desk.request_types), ("technology", desk.technologies)):
        if fields[name] is not None and fields[name] not in known:
            faults.append(Fault(f"/{name}", f"{fields[name]!r} is not one of {', '.join(known)}"))
    for name, known_by in (("asset", people.asset), ("site", _site)):
        if fields[name] is not None and not (customer and known_by(tx, customer, fields[name])):
            faults.append(Fault(f"/{name}", f"customer {customer or '?'} has no {name} {fields[name]!r}"))
    for name, most in (("impact", 3), ("urgency", 4)):
        if fields[name] is not None and not 1 <= fields[name] <= most:
            faults.append(Fault(f"/{name}", f"must be a number from 1 to {most}"))
    if faults:
        raise Invalid(faults)


def _site(tx: Tx, customer: str, name: str) -> bool:
    return name in people.sites(tx, customer)
