"""Which account of a chat is a person's? A code that is shown to who is signed in, once and for minutes, and comes back from there.

The code proves that whoever holds the account has seen a page of the person, and the page that they wanted it. Both sides
are told: the chat by what `redeem` returns or refuses, the person by a letter and on their account page.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, literal, select

from core import addresses, texts
from core.desk import (
    accounts,
    case,
    chats,
    identities,
    letters,
    links,
    outbox,
    participants,
    people,
    restraint,
    sending,
)
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.letters import Kind, Letter
from core.desk.people import Contact
from core.desk.principal import Principal
from core.envelope import Address
from core.ids import new_token
from core.rules import workflow
from core.rules.participation import Role, State
from core.store import tables
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job

LIFE = timedelta(minutes=10)
LINKED = "account_linked"
MISUSED = "account_code_misused"
INVITED = "account_invited"
INVITE = "invite"
"""Of the purpose of a link that was mailed."""
INVITATION_LIVES = timedelta(hours=72)
OF_CHAT = "link-wrong:{}"
OF_ALL = "link-wrong"
WRONG_OF_CHAT = 5
"""Wrong codes of one chat in a quarter of an hour; then none is looked at."""
WRONG_OF_ALL = 60
"""Wrong codes of all chats in an hour."""
QUARTER = 15 * restraint.MINUTE
ISSUED = 20
"""Codes to one person in an hour."""
MAX_ADOPTED = 20
SHOWN = timedelta(days=3)
"""How long the portal says that an account was connected."""
MAX_CODE = 100  # characters of what is looked at
MAX_LABEL = 60  # characters of the name that an account gives itself


class Issued(NamedTuple):
    """A code, shown once: only its hash is kept."""

    code: str
    expires_at: datetime


def issue(tx: Tx, who: Principal, channel: str, *, now: datetime) -> Issued:
    """A code that connects an account of this channel to who is signed in; an earlier one works no longer.

    Raises Refused: too many were asked for.
    """
    asked = f"link-code:{who.actor}"
    if restraint.happened(tx, asked, within=restraint.HOUR + restraint.SLOT, now=now) >= ISSUED:
        raise Refused("too many codes were asked for: wait an hour", code="too_many_codes")
    restraint.count(tx, asked, now=now)
    issued = Issued(code=new_token(), expires_at=now + LIFE)
    links.give(tx, _purpose(channel), issued.code, who.id, until=issued.expires_at, now=now)
    return issued


def redeem(tx: Tx, chat: Row, code: str, *, now: datetime) -> str:
    """A chat brings a code: whose it is is behind the chat from now on; return their name.

    Brought again by the same chat it changes nothing. Raises Refused, with words in the language of the chat: too many
    wrong ones, one that is unknown, used or expired, a chat that is somebody else's, a room. What a refusal leaves
    behind (counters, a letter to the owner of the code) is for the caller to commit.
    """
    if chat.kind == "room":
        raise _refused(tx, chat, "room")
    if _too_many(tx, chat, now=now):
        raise _refused(tx, chat, "wait")
    code = code.strip().lower()[:MAX_CODE]
    found = links.ever(tx, _purpose(chat.channel), code)
    who = accounts.person(tx, found.person) if found is not None else None
    if found is None or who is None:
        raise _wrong(tx, chat, "unknown", now=now)
    behind = identities.behind(tx, chat.address)
    proved = behind is not None and behind.proof in identities.PROVED
    if behind is not None and proved and {behind.contact, behind.agent}.intersection(who.ids):
        links.use(tx, _purpose(chat.channel), code, now=now)
        return who.name
    if found.used_at is None and found.expires_at <= now:
        raise _wrong(tx, chat, "expired", now=now)
    if found.used_at is None and proved:
        raise _refused(tx, chat, "taken")
    if found.used_at is not None or links.use(tx, _purpose(chat.channel), code, now=now) is None:
        _letter(tx, MISUSED, who, chat, now=now)
        raise _wrong(tx, chat, "used", now=now)
    of = {"agent": who.id} if who.is_agent else {"contact": who.id}
    identities.bind(tx, chat, **of, proof="link", by=who.actor, now=now)
    if not who.is_agent:
        adopt(tx, chat, who, now=now)
    _letter(tx, LINKED, who, chat, now=now)
    return who.name


def invite(tx: Tx, who: Principal, person: Contact, channel: str, *, now: datetime) -> None:
    """Let a link leave, behind which this contact connects an account. Raises Refused where they have no mailbox."""
    if not (tx.facts.mails_by and addresses.plausible(person.email)):
        raise Refused("they have no address that mail can be sent to", code="no_mailbox")
    about = {"person": person.id, "on": channel}
    letters.queue(tx, INVITED, to=person.id, channel=tx.facts.mails_by, now=now, once=True, **about)
    case.record(
        tx,
        case.ADMINISTRATION,
        "account.invited",
        now=now,
        actor=who.actor,
        contact=person.id,
        channel=channel,
    )


def invited(tx: Tx, token: str, channel: str, *, now: datetime) -> Principal | None:
    """Whom this link invites to connect an account of the channel. Changes nothing: programs open links in mail too."""
    whose = links.whose(tx, _purpose(f"{INVITE}:{channel}"), token, now=now)
    return None if whose is None else accounts.person(tx, whose)


def accept(tx: Tx, token: str, channel: str, *, now: datetime) -> Issued | None:
    """Use the link, once: the code that connects an account to who was invited. None: it does not work (any longer)."""
    who = invited(tx, token, channel, now=now)
    if who is None or links.use(tx, _purpose(f"{INVITE}:{channel}"), token, now=now) is None:
        return None
    return issue(tx, who, channel, now=now)


def mine(tx: Tx, who: Principal) -> list[Row]:
    """The accounts that are connected to who is signed in, oldest first; not their chat on our own pages, which is they."""
    found = identities.of_agent(tx, who.id) if who.is_agent else identities.of_contact(tx, who.id)
    return [row for row in found if row.proof != "sign_in"]


def fresh(tx: Tx, who: Principal, *, now: datetime) -> list[Row]:
    """Those of them that were connected lately: whoever it was not should see it."""
    return [row for row in mine(tx, who) if row.since > now - SHOWN]


def disconnect(tx: Tx, who: Principal, address: str, *, now: datetime) -> None:
    """One of one's own accounts is no longer: from now on nothing that is theirs is said there. Raises NotFound."""
    known = identities.behind(tx, address)
    if known is None or not {known.contact, known.agent}.intersection(who.ids):
        message = f"no account {address} is connected to you"
        raise NotFound(message)
    release(tx, who, known, now=now)


def release(tx: Tx, who: Principal, known: Row, *, now: datetime) -> None:
    """Nobody is behind this address any more: it is retired from the open requests of who was, who are written to by mail."""
    identities.unbind(tx, known, by=who.actor, now=now)
    chat = chats.known(tx, known.address)
    if chat is not None:
        chats.change(tx, chat.id, ticket_id=None, chosen_until=None, new_until=None)
    person = people.person(tx, known.contact) if known.contact else None
    if person is None:
        return
    for row in tx.all(_TAKES_PART, address=known.address):
        of = Case.open(tx, row.ticket_id, now=now)
        participants.leave(
            of, who, known.address, instead=Address(person.email, person.name), contact=person.id
        )
        outbox.withdraw(of, [known.address])
        of.save()


_TAKES_PART = Prepared(
    select(tables.participant.c.ticket_id)
    .select_from(tables.participant.join(tables.ticket, tables.ticket.c.id == tables.participant.c.ticket_id))
    .where(
        tables.participant.c.address == bindparam("address"),
        tables.participant.c.contact.is_not(None),
        tables.participant.c.state == literal(str(State.JOINED)),
        tables.ticket.c.open | (tables.ticket.c.state == literal(str(workflow.State.RESOLVED))),
    )
    .distinct()
)


def _purpose(channel: str) -> str:
    return f"{links.CHAT}:{channel}"


def _too_many(tx: Tx, chat: Row, *, now: datetime) -> bool:
    of_chat = restraint.happened(tx, OF_CHAT.format(chat.address), within=QUARTER + restraint.SLOT, now=now)
    of_all = restraint.happened(tx, OF_ALL, within=restraint.HOUR + restraint.SLOT, now=now)
    return of_chat >= WRONG_OF_CHAT or of_all >= WRONG_OF_ALL


def _wrong(tx: Tx, chat: Row, why: str, *, now: datetime) -> Refused:
    restraint.count(tx, OF_CHAT.format(chat.address), now=now)
    restraint.count(tx, OF_ALL, now=now)
    return _refused(tx, chat, why)


def _refused(tx: Tx, chat: Row, why: str) -> Refused:
    _, words = texts.notice("chat/link_refused", chats.language_of(tx, chat), hub=tx.facts.name, why=why)
    return Refused(words.strip(), code=f"link_{why}")


def adopt(tx: Tx, chat: Row, who: Principal, *, now: datetime) -> None:
    """What they asked in this very chat while nobody knew them is theirs, so that the portal shows it."""
    for row in tx.all(_STRANGERS, address=chat.address):
        of = Case.open(tx, row.id, now=now)
        if of["contact"] is not None or of["customer"] not in (None, who.customer):
            continue
        of.set(customer=who.customer, contact=who.id, requester_name=who.name)
        participants.recognised(of, chat.address, who.id, who.name)
        of.event("requester.recognised", actor=who.actor, contact=who.id)
        of.save()


_STRANGERS = Prepared(
    select(tables.ticket.c.id)
    .select_from(tables.participant.join(tables.ticket, tables.ticket.c.id == tables.participant.c.ticket_id))
    .where(
        tables.participant.c.address == bindparam("address"),
        tables.participant.c.role == literal(str(Role.REQUESTER)),
        tables.participant.c.state == literal(str(State.JOINED)),
        tables.ticket.c.requester_address == bindparam("address"),
        tables.ticket.c.contact.is_(None),
        tables.ticket.c.open,
    )
    .order_by(tables.ticket.c.id.desc())
    .limit(MAX_ADOPTED)
)


# --- The letters --------------------------------------------------------------------------------------------


def _letter(tx: Tx, name: str, who: Principal, chat: Row, *, now: datetime) -> None:
    if tx.facts.mails_by and addresses.plausible(who.email):
        about = {"person": who.id, "chat": chat.id}
        letters.queue(tx, name, to=who.id, channel=tx.facts.mails_by, now=now, once=name == MISUSED, **about)


def _written(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = accounts.person(tx, job.payload["person"])
    chat = chats.one(tx, job.payload["chat"])
    if who is None or chat is None:
        return None
    return letters.phrased(
        tx,
        job,
        who,
        at=letters.instant(tx, job.created_at, who),
        account=chat.name[:MAX_LABEL],
        channel=texts.channel(chat.channel, who.language),
        link=f"{tx.facts.public_url}/account",
    )


def _invitation(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = accounts.person(tx, job.payload["person"])
    if who is None:
        return None
    channel = job.payload["on"]
    token, until = tx.facts.token("invite", letters.ref(tx, job)), now + INVITATION_LIVES
    if not links.give(tx, _purpose(f"{INVITE}:{channel}"), token, who.id, until=until, now=now):
        return None  # used since an earlier try
    return letters.phrased(
        tx,
        job,
        who,
        channel=texts.channel(channel, who.language),
        link=f"{tx.facts.public_url}/connect/{channel}?token={token}",
        until=letters.instant(tx, until, who),
    )


_KIND = Kind(write=_written, waits=sending.WAITS, patience=sending.GIVE_UP_AFTER)
LETTERS = {
    LINKED: _KIND,
    MISUSED: _KIND,
    INVITED: Kind(write=_invitation, waits=sending.WAITS, patience=sending.GIVE_UP_AFTER),
}
"""By name, which is also that of their words in templates/notices."""
