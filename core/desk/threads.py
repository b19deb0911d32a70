"""Which conversations could a message belong to? The facts for `rules.threading`, and new conversations."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import bindparam, func, literal, or_, select

from core import addresses, chat_addresses, numbers
from core.desk import joining_ways, participants, people
from core.desk.authors import Author
from core.desk.case import ID_BY_NUMBER, Case
from core.envelope import Address, Inbound, Kind, Trust
from core.ids import message_id_keys, new_id, short_hash, token_id, token_key
from core.rules import chatting, joining, reaching, sameness, threading, vendor, workflow
from core.rules.participation import Role, State
from core.rules.threading import How, Relation
from core.store import blobs, tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

MAX_REFERENCES = 50  # looked at, our own first
NUMBER = len("26-000123")
MAX_FOLLOW_UPS = 20  # tickets in a row that are looked at
SEEN, GHOST = "seen", "ghost"
"""Kinds of ids: of a message that is here, and of one that was only named."""
ADDRESS_LIVES = timedelta(days=90)  # reply addresses after the end of their ticket

TOPIC = "topic"
"""The kind of what only says that two mails look alike."""
ALIKE_FOR = timedelta(days=30)
SHARED = 22  # bytes
MOST_ALIKE = 3  # the newest that a mail is said to look like

_TAKES_PART = (Role.REQUESTER, Role.PARTICIPANT, Role.SILENT, Role.SENDER)

ticket, thread, participant = tables.ticket, tables.thread, tables.participant

_BY_TOKEN = Prepared(
    select(tables.reply_address, ticket.c.state, ticket.c.state_since)
    .select_from(tables.reply_address.join(ticket, ticket.c.id == tables.reply_address.c.ticket_id))
    .where(
        tables.reply_address.c.key == bindparam("key"),
        ~select(tables.vendor_case.c.id)
        .where(tables.vendor_case.c.thread_id == tables.reply_address.c.thread_id)
        .exists(),
    )
)
_ISSUED = Prepared(
    select(tables.reply_address.c.ticket_id).where(tables.reply_address.c.key == bindparam("key"))
)
_BY_DELIVERY = Prepared(
    select(tables.delivery.c.ticket_id, tables.delivery.c.thread_id).where(
        tables.delivery.c.id == bindparam("id"),
        tables.delivery.c.kind.not_in([literal(kind) for kind in vendor.KINDS]),
    )
)
_BY_REF = Prepared(
    select(tables.thread_ref).where(
        tables.thread_ref.c.ref == bindparam("ref"),
        tables.thread_ref.c.kind.not_in([literal(vendor.CHANNEL), literal(TOPIC)]),
    )
)
_BY_TOPIC = Prepared(
    select(tables.thread_ref)
    .where(
        tables.thread_ref.c.ref == bindparam("ref"),
        tables.thread_ref.c.kind == literal(TOPIC),
        tables.thread_ref.c.at >= bindparam("since", type_=Instant),
    )
    .order_by(tables.thread_ref.c.ticket_id.desc())
    .limit(MOST_ALIKE)
)
_MAILBOX = Prepared(
    select(thread.c.mailbox).where(
        thread.c.ticket_id == bindparam("ticket_id"), thread.c.id == bindparam("id")
    )
)
_TICKET = Prepared(
    select(
        ticket.c.id,
        ticket.c.number,
        ticket.c.state,
        ticket.c.customer,
        ticket.c.contact,
        ticket.c.requester_address,
        ticket.c.closed_at,
        ticket.c.merged_into,
        ticket.c.follow_up_of,
        ticket.c.state_since,
        ticket.c.flags,
    ).where(ticket.c.id == bindparam("id"))
)
_FOLLOW_UPS = Prepared(
    select(ticket.c.id)
    .where(ticket.c.follow_up_of == bindparam("id"))
    .order_by(ticket.c.id.desc())
    .limit(MAX_FOLLOW_UPS)
)
_PEOPLE = Prepared(
    select(participant.c.role, participant.c.state, participant.c.admitted).where(
        participant.c.ticket_id == bindparam("ticket_id"), participant.c.address == bindparam("address")
    )
)
_PERSON = Prepared(
    select(participant.c.role, participant.c.state, participant.c.admitted).where(
        participant.c.ticket_id == bindparam("ticket_id"), participant.c.contact == bindparam("contact")
    )
)
_GOES_ON = Prepared(
    select(participant.c.ticket_id, participant.c.thread_id)
    .select_from(
        participant.join(ticket, ticket.c.id == participant.c.ticket_id).join(
            thread,
            (thread.c.ticket_id == participant.c.ticket_id) & (thread.c.id == participant.c.thread_id),
        )
    )
    .where(
        participant.c.address == bindparam("address"),
        participant.c.state == str(State.JOINED),
        ticket.c.open | (ticket.c.state == str(workflow.State.RESOLVED)),
        ~thread.c.aside,
    )
    .order_by(ticket.c.updated_at.desc())
    .limit(1)
)
_FIRST_THREAD = Prepared(
    select(thread.c.id, thread.c.channel)
    .where(thread.c.ticket_id == bindparam("ticket_id"), thread.c.channel != literal(vendor.CHANNEL))
    .order_by(thread.c.channel != bindparam("channel"), thread.c.at)
    .limit(1)
)


def foresee(tx: Tx, said: Inbound, *, now: datetime) -> None:
    """What the message names is going to be looked up."""
    if said.message_id:
        for key in _keys(said, said.message_id):
            tx.foresee(_BY_REF, ref=key)
    for token in said.reply_tokens:
        tx.foresee(_BY_TOKEN, key=token_key(token))
    for ref in said.own_refs[:MAX_REFERENCES]:
        tx.foresee(_BY_DELIVERY, id=token_id(ref))
    named = _others(said)
    for ref in named:
        tx.foresee(_BY_REF, ref=_keys(said, ref)[0])
    if not (named or said.reply_tokens or said.own_refs or said.ticket_numbers):
        for ref in _topics(said):
            tx.foresee(_BY_TOPIC, ref=ref, since=now - ALIKE_FOR)


def of_id(tx: Tx, said: Inbound) -> list[Row]:
    """Conversations with a message of the same id (kind "seen"), or in which one was named (kind "ghost") before this came."""
    if not said.message_id:
        return []
    return [row for row in _named(tx, said, said.message_id) if row.kind in (SEEN, GHOST)]


def of_token(tx: Tx, token: str, *, now: datetime) -> Row | None:
    """The ticket, as threading sees it, that answers to this address still go to; None: to none, or to a case at a vendor."""
    row = tx.one(_BY_TOKEN, key=token_key(token))
    if row is None or _lapsed(tx, row, now=now):
        return None
    of = tx.one(_TICKET, id=row.ticket_id)
    moved = of is not None and (of.merged_into or joining.PARTED in of.flags)
    return _follow(tx, of, row.thread_id, "")[0] if moved else of


def never_issued(tx: Tx, said: Inbound, recipients: Sequence[str]) -> int:
    """How many of the reply addresses it came to are nobody's: mistyped, or guessed. `recipients`: of its envelope.

    What only stands in its header nobody has tried.
    """
    tried = (one for one in said.reply_tokens if any(one in to.lower() for to in recipients))
    return sum(1 for token in tried if tx.one(_ISSUED, key=token_key(token)) is None)


def _named(tx: Tx, said: Inbound, ref: str) -> list[Row]:
    """Conversations that know this id: with its domain in any case, and as it is written where it was kept so."""
    key, *older = _keys(said, ref)
    found = tx.all(_BY_REF, ref=key)
    for exact in older if all(row.kind == GHOST for row in found) else ():
        found = [*tx.all(_BY_REF, ref=exact), *found]
    return found


def _keys(said: Inbound, ref: str) -> tuple[str, ...]:
    """What an id is kept by, then what it was kept by of old, if that is another. Ids of a chat are the service's own."""
    return message_id_keys(ref) if said.channel == reaching.MAIL else (short_hash(ref),)


def _others(said: Inbound) -> list[str]:
    return list(dict.fromkeys([*said.in_reply_to, *reversed(said.references)]))[:MAX_REFERENCES]


def candidates(
    tx: Tx,
    said: Inbound,
    author: Author,
    *,
    same_id: Sequence[Row],
    now: datetime,
    meant: chatting.Meant | None = None,
) -> list[threading.Candidate]:
    """Every thread the message could continue, each at most once for each way. `same_id`: see `of_id`.

    `meant`: of words in a chat, whose ids are the service's: what they are about was asked of `rules.chatting`.
    """
    if meant is not None:
        return _in_chat(tx, said, author, meant)
    found: list[threading.Candidate] = []
    vouched = said.authentication.verdict == "pass"
    for token in said.reply_tokens:
        row = tx.one(_BY_TOKEN, key=token_key(token))
        if row is not None and not _lapsed(tx, row, now=now):
            issued = addresses.key(row.address) == author.address  # of old it was kept as it was written
            found += _candidate(
                tx, How.REPLY_ADDRESS, row.ticket_id, row.thread_id, author, vouched=vouched, issued=issued
            )
    for ref in said.own_refs[:MAX_REFERENCES]:
        for row in tx.all(_BY_DELIVERY, id=token_id(ref)):
            found += _candidate(tx, How.OWN_ID, row.ticket_id, row.thread_id, author, vouched=vouched)
    for ref in _others(said):
        for row in _named(tx, said, ref):
            if row.customer is None or row.customer == author.customer:
                how = How.KNOWN_ID if _same_mailbox(tx, row, said) else How.SIMILAR
                found += _candidate(tx, how, row.ticket_id, row.thread_id, author, vouched=vouched)
    found += _named_before(tx, author, same_id, vouched=vouched)
    for row, copy in _came_before(tx, said, same_id, now=now):
        found += _candidate(tx, How.SAME_ID, row.ticket_id, row.thread_id, author, vouched=vouched, copy=copy)
    for token in said.bounce_tokens:
        row = tx.one(_BY_DELIVERY, id=token_id(token))
        if row is not None:
            found += _candidate(tx, How.BOUNCE_ADDRESS, row.ticket_id, row.thread_id, author, vouched=vouched)
    for ref in said.body_refs[:MAX_REFERENCES]:
        for row in tx.all(_BY_DELIVERY, id=token_id(ref)):
            found += _candidate(tx, How.BODY_MARKER, row.ticket_id, row.thread_id, author, vouched=vouched)
    for number in (_our_number(tx, named) for named in said.ticket_numbers[:5]):
        row = tx.one(ID_BY_NUMBER, number=number)
        if row is not None:
            found += _candidate(
                tx, How.SUBJECT_NUMBER, row.id, None, author, vouched=vouched, channel=said.channel
            )
    if said.channel in reaching.TEXTS and numbers.is_number(author.address):
        row = tx.one(_GOES_ON, address=author.address)
        if row is not None:
            found += _candidate(tx, How.CONVERSATION, row.ticket_id, row.thread_id, author, vouched=vouched)
    for number in said.named_numbers[:5]:
        row = tx.one(ID_BY_NUMBER, number=number)
        if row is not None:
            found += _candidate(tx, How.SIMILAR, row.id, None, author, vouched=vouched, channel=said.channel)
    known = {(one.how, one.ticket) for one in found}
    found += [
        one
        for ended in found
        for one in _went_on(tx, said, ended, author, vouched=vouched)
        if (one.how, one.ticket) not in known
    ]
    return found or _alike(tx, said, author, vouched=vouched, now=now)


def _went_on(
    tx: Tx, said: Inbound, ended: threading.Candidate, author: Author, *, vouched: bool
) -> list[threading.Candidate]:
    """What the same author opened to go on with a ticket that has ended, and is not over: by whatever leads to that one."""
    if ended.state not in workflow.ENDED or ended.how in (How.SIMILAR, How.TOPIC):
        return []
    further, looked = [ended.ticket], 0
    while further and looked < MAX_FOLLOW_UPS:
        for row in tx.all(_FOLLOW_UPS, id=further.pop(0)):
            looked += 1
            for one in _candidate(tx, ended.how, row.id, None, author, vouched=vouched, channel=said.channel):
                if one.relation is Relation.REQUESTER and one.state not in workflow.ENDED:
                    return [replace(one, follow_up_of=ended.ticket)]
            further.append(row.id)
    return []


def _our_number(tx: Tx, named: str) -> str:
    """The number of a subject; empty where the letters behind it are not those that we would write.

    We wrote none until lately, and people leave them out: then the number stands for itself.
    """
    number, check = named[:NUMBER], named[NUMBER + 1 :]
    return number if not check or check.lower() == tx.facts.number_check(number) else ""


def _same_mailbox(tx: Tx, row: Row, said: Inbound) -> bool:
    """Did it come to the address that this conversation is held with? To another one it asks somebody else."""
    if not said.mailbox:
        return True
    there = tx.one(_MAILBOX, ticket_id=row.ticket_id, id=row.thread_id)
    return there is None or there.mailbox in ("", said.mailbox)


def _named_before(
    tx: Tx, author: Author, same_id: Sequence[Row], *, vouched: bool
) -> list[threading.Candidate]:
    """Conversations in which this message was answered before it reached us; nobody else gets in by that."""
    found = []
    for row in same_id:
        if row.kind != GHOST or row.customer not in (None, author.customer):
            continue
        for one in _candidate(tx, How.KNOWN_ID, row.ticket_id, row.thread_id, author, vouched=vouched):
            belongs = one.relation in (Relation.REQUESTER, Relation.PARTICIPANT) or (
                one.relation is Relation.SAME_CUSTOMER and vouched
            )
            found.append(one if belongs else replace(one, how=How.SIMILAR))
    return found


def _alike(
    tx: Tx, said: Inbound, author: Author, *, vouched: bool, now: datetime
) -> list[threading.Candidate]:
    """What a mail that names nothing looks like: only its author's own conversations, each once."""
    found: dict[str, threading.Candidate] = {}
    for ref in _topics(said):
        for row in tx.all(_BY_TOPIC, ref=ref, since=now - ALIKE_FOR):
            for one in _candidate(tx, How.TOPIC, row.ticket_id, row.thread_id, author, vouched=vouched):
                if one.relation in (Relation.REQUESTER, Relation.PARTICIPANT):
                    found.setdefault(one.ticket, one)
    return list(found.values())


def _topics(said: Inbound) -> list[str]:
    """By what mails look alike, a hash each: none of what no person wrote by mail, and of no forward."""
    if said.channel != reaching.MAIL or said.kind is not Kind.HUMAN or said.forward or said.author is None:
        return []
    index = _conversation(said.thread_index)
    refs = [short_hash(f"index|{index}")] if index else []
    if sameness.topic(said.subject):
        refs.append(ref_of_topic(said.author.key, said.subject))
    return refs


@lru_cache(maxsize=256)  # a mail is asked for it when it is looked for, and again when it is kept
def ref_of_topic(author: str, subject: str) -> str:
    """By what mails of this author with such a subject are found; `author`: the key of their address."""
    return short_hash(f"subject|{author}|{sameness.topic(subject)}")


def _conversation(thread_index: str) -> str:
    """What all mails of a conversation share in Outlook: the first 22 bytes (MS-OXOMSG 2.2.1.3); what follows is a mail's own."""
    try:
        index = base64.b64decode(thread_index, validate=True)
    except ValueError:
        return ""
    return index[:SHARED].hex() if len(index) >= SHARED else ""


def _lapsed(tx: Tx, row: Row, *, now: datetime) -> bool:
    """Does the reply address work no more? It lives as long as the ticket that goes on with what it was given for."""
    if row.state == workflow.State.MERGED:
        row = tx.one(_TICKET, id=joining_ways.survivor(tx, row.ticket_id))
    return row.state in workflow.ENDED and bool(row.state_since + ADDRESS_LIVES < now)


def _in_chat(tx: Tx, said: Inbound, author: Author, meant: chatting.Meant) -> list[threading.Candidate]:
    found: list[threading.Candidate] = []
    if meant.outcome == "on" and meant.ticket:
        why = chatting.WORDS.get(meant.why, "")
        for one in _candidate(tx, How.CONVERSATION, meant.ticket, None, author, vouched=False):
            relation = one.relation
            if relation is not Relation.RETIRED and takes_part(tx, one.ticket, chat_of(said, author)):
                relation = Relation.PARTICIPANT  # a room takes part, whoever speaks in it
            found.append(replace(one, relation=relation, why=why))
    for number in said.named_numbers[:5]:
        row = tx.one(ID_BY_NUMBER, number=number)
        if row is not None:
            found += _candidate(tx, How.SIMILAR, row.id, None, author, vouched=False)
    return found


def chat_of(said: Inbound, author: Author) -> str:
    """The address where the conversation is held: the room's, else the author's."""
    return said.chat.room.key if said.chat is not None and said.chat.room is not None else author.address


def takes_part(tx: Tx, ticket_id: str, address: str) -> bool:
    """Is a conversation of the ticket held at this address? Not with who only speaks in a room, which is another."""
    return tx.one(_HELD_WITH, ticket_id=ticket_id, address=address) is not None


def quoted(tx: Tx, said: Inbound) -> list[Row]:
    """Which conversations hold the message that this one quotes: what we sent or what they wrote."""
    return [row for ref in _others(said) for row in _named(tx, said, ref) if row.kind in ("sent", SEEN)]


def _came_before(
    tx: Tx, said: Inbound, same_id: Sequence[Row], *, now: datetime
) -> list[tuple[Row, threading.Copy | None]]:
    """Conversations with a message of this id, not long ago, that another way has changed: it has the same subject.

    With each what it is a copy of: it says the same words, but for what a list or a gateway wrote around.
    """
    found = []
    named = (said.author, said.reply_to, said.original_sender, *said.cc)
    authors = frozenset(one.key for one in named if one) - set(said.own_addresses)
    other = sameness.Words(subject=said.subject, text=said.text, authors=authors)
    for row in same_id:
        if (
            row.kind != SEEN
            or not said.identified
            or not sameness.same(row.at, at=now, identified=True, first_ended=False)
        ):
            continue
        own = _keys(said, said.message_id)[0]
        of = {"ticket_id": row.ticket_id, "ref": said.message_id, "lower": said.message_id.lower()}
        there = tx.all(_OF_ID, **of)
        earlier = [one for one in there if _keys(said, one.external_ref)[0] == own]
        copies = [_copy(tx, said, one, other) for one in earlier if sameness.copies(_words(one), other)]
        copies.sort(key=lambda one: (one.more, not one.by_author))
        if copies or any(sameness.subject(one.subject) == sameness.subject(said.subject) for one in earlier):
            found.append((row, copies[0] if copies else None))
    return found


def _copy(tx: Tx, said: Inbound, earlier: Row, other: sameness.Words) -> threading.Copy:
    author = said.author.key if said.author else ""
    people = earlier.people or {}
    wrote = {addresses.key(people.get(name, "")) for name in ("reply_to", "original_sender")} - {""}
    kept = {
        blobs.digest_in(one.blob)
        for one in tx.all(_FILES, ticket_id=earlier.ticket_id, message_id=earlier.id)
    }
    shown = blobs.digest(said.html.encode("utf-8", "replace")) if said.html else ""
    return threading.Copy(
        by_author=bool(author) and author == earlier.author_address,
        named=author in wrote,
        more=sameness.adds(_words(earlier), other)
        or shown not in ("", blobs.digest_in(earlier.html or ""))
        or not {blobs.digest(one.content) for one in said.attachments} <= kept,
        trust=Trust(earlier.trust),
    )


_FILES = Prepared(
    select(tables.attachment.c.blob).where(
        tables.attachment.c.ticket_id == bindparam("ticket_id"),
        tables.attachment.c.message_id == bindparam("message_id"),
    )
)


def _words(row: Row) -> sameness.Words:
    people = row.people or {}
    named = (
        people.get("reply_to", ""),
        people.get("original_sender", ""),
        *(cc[1] for cc in people.get("cc", ())),
    )
    authors = frozenset((row.author_address, *map(addresses.key, named))) - {""}
    return sameness.Words(subject=row.subject, text=row.text, authors=authors)


_OF_ID = Prepared(
    select(
        tables.message.c.subject,
        tables.message.c.text,
        tables.message.c.author_address,
        tables.message.c.people,
        tables.message.c.external_ref,
        tables.message.c.ticket_id,
        tables.message.c.id,
        tables.message.c.html,
        tables.message.c.trust,
    )
    .where(
        tables.message.c.ticket_id == bindparam("ticket_id"),
        (tables.message.c.external_ref == bindparam("ref"))
        | (func.lower(tables.message.c.external_ref) == bindparam("lower")),
    )
    .limit(5)
)


def _candidate(
    tx: Tx,
    how: How,
    ticket_id: str,
    thread_id: str | None,
    author: Author,
    *,
    vouched: bool,
    issued: bool = False,
    copy: threading.Copy | None = None,
    channel: str = "",
) -> list[threading.Candidate]:
    """`thread_id` None: the ticket's first on this channel; by mail empty where there is none: one is begun then (`beside`)."""
    row = tx.one(_TICKET, id=ticket_id)
    if row is not None and (row.merged_into or joining.PARTED in row.flags):
        row, thread_id = _follow(tx, row, thread_id, channel)
        ticket_id = row.id
    if row is None:
        return []
    if thread_id is None:
        first = tx.one(_FIRST_THREAD, ticket_id=row.id, channel=channel)
        fits = first is not None and (channel != reaching.MAIL or first.channel == channel)
        thread_id = first.id if fits else ""
    relation = _relation(tx, row, author, vouched=vouched)
    return [
        threading.Candidate(
            how=how,
            ticket=row.id,
            thread=thread_id,
            number=row.number,
            state=row.state,
            closed_at=row.closed_at,
            relation=relation,
            issued_to_author=issued and relation is not Relation.RETIRED,
            copy=copy,
            follow_up_of=row.follow_up_of,
            customer=row.customer,
        )
    ]


def _follow(tx: Tx, row: Row, thread_id: str | None, channel: str) -> tuple[Row, str | None]:
    """Late answers follow the signposts: to where the conversation is, else to the ticket that goes on with this one."""
    here = joining_ways.whereabouts(tx, row.id, thread_id) if thread_id else None
    if here is None:
        end = joining_ways.survivor(tx, row.id)
        return tx.one(_TICKET, id=end), joining_ways.brought(tx, row.id, end, channel)
    return tx.one(_TICKET, id=here), thread_id


def goes_on(tx: Tx, ticket_id: str, thread_id: str) -> tuple[str, str]:
    """(ticket, conversation) where a message goes that was meant for these; the conversation empty: none of them is it."""
    here = joining_ways.whereabouts(tx, ticket_id, thread_id) if thread_id else None
    return (joining_ways.survivor(tx, ticket_id), "") if here is None else (here, thread_id)


def _relation(tx: Tx, row: Row, author: Author, *, vouched: bool) -> Relation:
    """`vouched`: the domain of the mail stands for its author, so that an address we never saw is its company's."""
    if author.kind == "nobody":
        return Relation.THIRD_PARTY
    asked = bool(author.address) and author.address == row.requester_address.lower()
    if author.kind == "agent":
        return Relation.REQUESTER if asked else Relation.AGENT
    there = tx.all(_PEOPLE, ticket_id=row.id, address=author.address)
    if author.contact and (
        not there or chat_addresses.is_chat(author.address)
    ):  # of their other channels too
        for contact in people.ids(tx, author.contact):
            there = [*there, *tx.all(_PERSON, ticket_id=row.id, contact=contact)]
    joined = [one for one in there if one.state == State.JOINED]
    if not any(one.admitted for one in joined):
        elsewhere = author.customer is not None and row.customer not in (None, author.customer)
        if there and (not joined or (elsewhere and any(one.role in _TAKES_PART for one in joined))):
            return Relation.RETIRED  # staff said so, or their customer is another one now
    if asked or _same_person(tx, author.contact, row.contact):
        return Relation.REQUESTER
    if any(one.role in _TAKES_PART for one in joined):
        return Relation.PARTICIPANT
    known = author.kind == "contact" or vouched
    if known and author.customer and author.customer == row.customer:
        return Relation.SAME_CUSTOMER
    return Relation.THIRD_PARTY


def _same_person(tx: Tx, one: str | None, other: str | None) -> bool:
    """`one` is whoever somebody turned out to be."""
    if one is None or other is None:
        return False
    return one == other or people.survivor(tx, other) == one


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A thread that was just made: what `outbox.say` needs of its row."""

    id: str
    channel: str
    also_by: str
    answers_go_to: Address

    @property
    def address(self) -> str:
        """See the column of the table."""
        return self.answers_go_to.address


def begin(case: Case, said: Inbound, author: Author, *, silent: bool) -> Begun:
    """A new conversation of the ticket, with the people in it. `silent`: a machine wrote; it is told nothing by itself."""
    thread_id = _add(case, said, chat_of(said, author))
    answered = participants.begin(case, thread_id, said, author, silent=silent)
    listen(case, thread_id, said, author)
    return Begun(id=thread_id, channel=said.channel, also_by=said.also_by, answers_go_to=answered)


def of_channel(case: Case, said: Inbound, author: Author, *, silent: bool = False) -> str:
    """The conversation of this ticket that this author, or their room, has by this channel; begun if there is none.

    So that whoever writes about a request of theirs by another channel than before is answered there.
    """
    address = chat_of(said, author)
    there = case.tx.one(_OF_CHANNEL, ticket_id=case.id, channel=said.channel, address=address)
    return str(there.id) if there is not None else begin(case, said, author, silent=silent).id


HELD_AT = (
    participant.c.address == bindparam("address"),
    participant.c.state == literal(str(State.JOINED)),
    or_(
        participant.c.role.in_([literal(str(role)) for role in _TAKES_PART if role is not Role.SENDER]),
        (participant.c.role == literal(str(Role.SENDER))) & (thread.c.address == participant.c.address),
    ),
)
"""Conditions on `participant` and its `thread`: the conversation is held with who has this address, in no room of others."""
WITH_THREAD = participant.join(
    thread, (thread.c.ticket_id == participant.c.ticket_id) & (thread.c.id == participant.c.thread_id)
)
_HELD_WITH = Prepared(
    select(thread.c.id)
    .select_from(WITH_THREAD)
    .where(participant.c.ticket_id == bindparam("ticket_id"), *HELD_AT)
    .limit(1)
)


def beside(case: Case, said: Inbound, author: Author) -> str:
    """The conversation that is held by mail, or on the pages, about this ticket; begun if there is none.

    Who is in it is for the message to say (`participants.wrote`).
    """
    first = case.tx.one(_FIRST_THREAD, ticket_id=case.id, channel=said.channel)
    if first is not None and first.channel == said.channel:
        return str(first.id)
    return _add(case, said, author.address)


def _add(case: Case, said: Inbound, address: str) -> str:
    thread_id = new_id()
    case.tx.insert(
        thread,
        ticket_id=case.id,
        id=thread_id,
        channel=said.channel,
        address=address,
        mailbox=said.mailbox,
        also_by=said.also_by,
        at=case.now,
    )
    return thread_id


_OF_CHANNEL = Prepared(
    select(thread.c.id)
    .select_from(WITH_THREAD)
    .where(
        thread.c.ticket_id == bindparam("ticket_id"),
        thread.c.channel == bindparam("channel"),
        ~thread.c.aside,
        *HELD_AT,
    )
    .order_by(thread.c.at)
    .limit(1)
)


def name(case: Case, thread_id: str, ref: str) -> None:
    """What comes later and names this belongs to the conversation."""
    case.tx.insert_missing(
        tables.thread_ref,
        ref=short_hash(ref),
        ticket_id=case.id,
        thread_id=thread_id,
        kind="part",
        customer=None,
        at=case.now,
    )


def listen(case: Case, thread_id: str, said: Inbound, author: Author) -> None:
    """Remember the ids that answers will name, and people in copy, who are listed only."""
    refs = {_keys(said, said.message_id)[0]: SEEN} if said.message_id else {}
    for ref in [*said.references, *said.in_reply_to][-MAX_REFERENCES:]:
        refs.setdefault(_keys(said, ref)[0], GHOST)
    for ref in _topics(said):
        refs.setdefault(ref, TOPIC)
    for ref, kind in refs.items():
        case.tx.insert_missing(
            tables.thread_ref,
            ref=ref,
            ticket_id=case.id,
            thread_id=thread_id,
            kind=kind,
            customer=author.customer,
            at=case.now,
        )
    participants.name(case, thread_id, said, author)
