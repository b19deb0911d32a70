"""What do we say to a vendor, with what hidden? Words of ours on the conversation of a case, and a delivery for each who gets them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, literal, select

from core.desk import outbox, people, vendor_rows
from core.desk.case import Case
from core.desk.errors import invalid
from core.desk.principal import Principal
from core.envelope import Address, Attachment
from core.ids import new_id
from core.rules import vendor as rule
from core.rules.vendor import Secrets
from core.store import blobs, fulltext, tables
from core.store.tx import Prepared, Row, Tx

MAX_FILES = 50

message = tables.message

_LAST_IN = Prepared(
    select(message.c.author_address, message.c.author_name, message.c.external_ref)
    .where(
        message.c.ticket_id == bindparam("ticket_id"),
        message.c.thread_id == bindparam("thread_id"),
        message.c.direction == literal("in"),
    )
    .order_by(message.c.id.desc())
    .limit(20)
)
_FILE = Prepared(
    select(tables.attachment).where(
        tables.attachment.c.ticket_id == bindparam("ticket_id"), tables.attachment.c.id == bindparam("id")
    )
)
_DOMAINS = Prepared(
    select(tables.customer_domain.c.domain).where(tables.customer_domain.c.customer == bindparam("customer"))
)
_SITES = Prepared(
    select(tables.site.c.name, tables.site.c.address).where(tables.site.c.customer == bindparam("customer"))
)
_CUSTOMER = Prepared(select(tables.customer.c.name).where(tables.customer.c.code == bindparam("code")))


def say(
    case: Case,
    row: Row,
    who: Principal,
    text: str,
    *,
    kind: str = rule.MAIL,
    files: Sequence[Attachment] = (),
    idem: str = "",
    language: str = "",
) -> str:
    """Words on a case, as they are to be read there; return the message id.

    To the vendor's address, and to whoever of theirs wrote last. Nobody of the ticket's own conversations gets it. A
    vendor without an address has a door of its own, a portal or a telephone: the words are kept, and nothing leaves.
    """
    tx = case.tx
    heard = tx.all(_LAST_IN, ticket_id=case.id, thread_id=row.thread_id)
    to = recipients(tx, row, heard)
    message_id = new_id()
    automatic = kind == rule.REMINDER
    tx.insert(
        message,
        ticket_id=case.id,
        id=message_id,
        thread_id=row.thread_id,
        channel=tx.facts.mails_by if to else rule.CHANNEL,
        direction="out",
        audience=rule.audience(row.id),
        kind=kind,
        automatic=automatic,
        author_name="" if automatic else who.name,
        agent=None if automatic else who.id,
        subject=title(row),
        text=text,
        language=language or tx.facts.language(None),
        at=case.now,
        idem=idem,
    )
    outbox.keep_files(case, message_id, files, internal=False)
    fulltext.index(
        tx,
        ticket_id=case.id,
        item_id=message_id,
        audience=rule.audience(row.id),
        body=f"{row.subject}\n{text}",
    )
    answers = next((one.external_ref for one in heard if one.external_ref), "")
    for person in to:
        outbox.queue(
            tx,
            case.id,
            message_id=message_id,
            thread_id=row.thread_id,
            channel=tx.facts.mails_by,
            to=person,
            kind=kind,
            now=case.now,
            in_reply_to=answers,
        )
    case.event("vendor.said", actor=who.actor, vendor_case=row.id, message=message_id, what=kind)
    return message_id


def recipients(tx: Tx, row: Row, heard: Sequence[Row] = ()) -> tuple[Address, ...]:
    """The vendor's address, and whoever of theirs wrote last; none, where there is no mail."""
    of = vendor_rows.named(tx, row.vendor)
    if of is None or not tx.facts.mails_by:
        return ()
    found = {of.email: Address(of.email, of.name)} if of.email else {}
    last = next((one for one in heard if one.author_address), None)
    if last is not None and _is_theirs(tx, last.author_address, row.vendor):
        found.setdefault(last.author_address, Address(last.author_address, last.author_name))
    return tuple(found.values())


def next_to(tx: Tx, row: Row) -> tuple[Address, ...]:
    """Who gets what is written on a case next."""
    return recipients(tx, row, tx.all(_LAST_IN, ticket_id=row.ticket_id, thread_id=row.thread_id))


def _is_theirs(tx: Tx, address: str, vendor: str) -> bool:
    of, _ = vendor_rows.by_address(tx, address)
    return of is not None and of.name == vendor


def title(row: Row) -> str:
    """The subject of every mail of a case: their reference, once it is known, and what it is about."""
    named = row.reference and row.reference not in row.subject
    return f"{row.reference} {row.subject}".strip() if named else str(row.subject)


def chosen(case: Case, ids: Sequence[str]) -> tuple[Attachment, ...]:
    """Files that are on the ticket, to be sent along; those of colleagues' notes too, for whoever names them. Raises Invalid."""
    if len(ids) > MAX_FILES:
        raise invalid("/of_ticket", f"names more than {MAX_FILES} files")
    found = []
    for n, one in enumerate(ids):
        row = case.tx.one(_FILE, ticket_id=case.id, id=one)
        if row is None:
            raise invalid(f"/of_ticket/{n}", f"{case['number']} has no file {one}")
        found.append(Attachment(name=row.name, type=row.type, content=blobs.get(case.tx, row.blob)))
    return tuple(found)


def hidden(tx: Tx, ticket: Row | Case, vendor: str, text: str) -> str:
    """The text as the vendor gets it: without the customer's names and addresses where the desk's file says so."""
    of = vendor_rows.named(tx, vendor)
    return rule.mask(text, secrets(tx, ticket)) if of is not None and of.mask else text


def secrets(tx: Tx, ticket: Row | Case) -> Secrets:
    """Who and where the customer of a ticket is."""
    code, requester = _of(ticket, "customer"), _of(ticket, "requester_name")
    words = [requester, _of(ticket, "requester_address")]
    domains: list[str] = []
    if code:
        known = tx.one(_CUSTOMER, code=code)
        words += [code, known.name if known else ""]
        for person in people.contacts(tx, code):
            words += [person.name, person.email, person.phone]
        for site in tx.all(_SITES, customer=code):
            words += [site.name, site.address]
        domains = [row.domain for row in tx.all(_DOMAINS, customer=code)]
    return Secrets(words=tuple(word for word in words if word), domains=tuple(domains))


def _of(ticket: Row | Case, column: str) -> str:
    value = ticket[column] if isinstance(ticket, Case) else getattr(ticket, column)
    return value or ""
