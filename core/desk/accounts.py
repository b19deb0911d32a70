"""Who is signed in, and with which right? Sign-ins and API tokens; secrets are stored as hashes."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select

from core import addresses
from core.desk import case, links, people, reference, restraint
from core.desk.errors import NotFound, invalid
from core.desk.passwords import cookie_hash
from core.desk.principal import Principal
from core.ids import token_hash
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

SCOPES = ("read", "write")
SEEN_EVERY = timedelta(minutes=5)
"""How exactly the last use of a sign-in or token is known; writing it each time would be a write a page."""

GROWING = ((1, 1), (2, 4), (4, 96))
"""So many times the tries within so many times the window: 5 in 15 minutes, 10 in an hour, 20 in a day."""

sign_in, api_token, customer = tables.sign_in, tables.api_token, tables.customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how often (security.md 3)."""

    staff_idle: timedelta = timedelta(hours=12)
    portal_idle: timedelta = timedelta(hours=24)
    life: timedelta = timedelta(days=7)
    per_person: int = 20
    tries: int = 5
    """Wrong passwords of one account within the window; then it waits."""
    window: int = 15 * 60  # seconds
    tries_per_address: int = 30
    """Wrong passwords from one network address within an hour."""
    links: int = 3
    """Links to a new password to one e-mail address within an hour."""
    links_per_address: int = 20
    """What is asked for from one network address within an hour: a whole office may be behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in, and the hash their password is compared with."""

    kind: str
    """agent or contact."""
    person: str
    password_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A live sign-in."""

    principal: Principal
    csrf: str
    hash: str
    created_at: datetime
    seen_at: datetime


_AGENT = Prepared(
    select(tables.agent).where(tables.agent.c.email == bindparam("email"), tables.agent.c.active.is_(True))
)
_CONTACT = Prepared(
    select(tables.contact)
    .where(
        tables.contact.c.email == bindparam("email"),
        tables.contact.c.active.is_(True),
        tables.contact.c.password_hash.is_not(None),
        select(customer.c.code)
        .where(customer.c.code == tables.contact.c.customer, customer.c.active.is_(True))
        .exists(),
    )
    .order_by(tables.contact.c.id)
    .limit(1)
)
_AGENT_HASH = Prepared(select(tables.agent.c.password_hash).where(tables.agent.c.id == bindparam("id")))
_CONTACT_HASH = Prepared(select(tables.contact.c.password_hash).where(tables.contact.c.id == bindparam("id")))
_SIGN_IN = Prepared(select(sign_in).where(sign_in.c.hash == bindparam("hash")))
_OF_PERSON = Prepared(
    select(sign_in).where(sign_in.c.person == bindparam("person")).order_by(sign_in.c.seen_at.desc())
)
_TOKEN = Prepared(select(api_token).where(api_token.c.hash == bindparam("hash")))
_TOKENS_OF = Prepared(
    select(api_token).where(api_token.c.person == bindparam("person")).order_by(api_token.c.created_at.desc())
)
_END_TOKEN = Prepared(
    delete(api_token).where(api_token.c.hash == bindparam("hash"), api_token.c.person == bindparam("person"))
)
_LAPSED = Prepared(delete(sign_in).where(sign_in.c.expires_at < bindparam("now", type_=Instant)))
_ANY_AGENT = Prepared(select(func.count().label("count")).select_from(tables.agent))


# --- Signing in ---------------------------------------------------------------------------------------------


def account(tx: Tx, email: str) -> Account | None:
    """Who signs in with this address: an agent before a contact, and of a contact at several customers the first."""
    email = addresses.key(email)
    row = tx.one(_AGENT, email=email)
    if row is not None:
        return Account(kind="agent", person=row.id, password_hash=row.password_hash)
    row = tx.one(_CONTACT, email=email)
    if row is None:
        return None
    return Account(kind="contact", person=row.merged_into or row.id, password_hash=row.password_hash)


def account_of(tx: Tx, who: Principal) -> Account:
    """The account of somebody who is signed in."""
    row = tx.one(_AGENT_HASH if who.is_agent else _CONTACT_HASH, id=who.id)
    return Account(kind=who.kind, person=who.id, password_hash=row.password_hash if row else None)


def may_try(tx: Tx, email: str, address: str, limits: Limits, *, now: datetime, device: str = "") -> bool:
    """Is another password of this account, and from this network address, looked at now?

    `device`: what `device_mark` gave a browser at an earlier log-in. Who guesses at an account cannot lock its owner
    out of a device that is known.
    """
    email = addresses.key(email)
    if restraint.happened(tx, f"wrong-from:{address}", within=3600, now=now) >= limits.tries_per_address:
        return False
    if device:
        found = account(tx, email)
        if found is not None and hmac.compare_digest(device.encode(), device_mark(tx, found).encode()):
            return True
    return all(
        restraint.happened(tx, f"wrong:{email}", within=longer * limits.window, now=now) < more * limits.tries
        for more, longer in GROWING
    )


def device_mark(tx: Tx, found: Account) -> str:
    """What a browser keeps after a log-in, to be known again. It opens nothing, and ends with the password."""
    return tx.facts.token("device", found.kind, found.person, found.password_hash or "")


def failed(tx: Tx, email: str, address: str, *, now: datetime) -> None:
    """Count a wrong password."""
    restraint.count(tx, f"wrong:{addresses.key(email)}", now=now)
    restraint.count(tx, f"wrong-from:{address}", now=now)


def forgive(tx: Tx, email: str) -> None:
    """Forget the wrong passwords of an account."""
    restraint.clear(tx, f"wrong:{addresses.key(email)}")


def begin(tx: Tx, found: Account, *, device: str, limits: Limits, now: datetime) -> tuple[str, str]:
    """A new sign-in: the cookie (256 bits, kept as a hash only) and its CSRF token. The oldest beyond the limit end."""
    cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    tx.run(_LAPSED, now=now)
    for row in tx.all(_OF_PERSON, person=found.person)[limits.per_person - 1 :]:
        end(tx, row.hash)
    tx.insert(
        sign_in,
        hash=cookie_hash(cookie),
        kind=found.kind,
        person=found.person,
        csrf=csrf,
        created_at=now,
        seen_at=now,
        expires_at=now + limits.life,
        device=device[:200],
    )
    case.record(tx, case.ADMINISTRATION, "sign_in.begun", now=now, actor=f"{found.kind}:{found.person}")
    return cookie, csrf


def principal_of_cookie(tx: Tx, cookie: str, limits: Limits, *, now: datetime) -> SignIn | None:
    """Who that is; None when the sign-in ended, was revoked, or slept too long."""
    row = tx.one(_SIGN_IN, hash=cookie_hash(cookie))
    if row is None or row.expires_at <= now:
        return None
    idle = limits.staff_idle if row.kind == "agent" else limits.portal_idle
    if row.seen_at + idle <= now:
        return None
    found = principal(tx, row.kind, row.person)
    if found is None:
        return None
    return SignIn(
        principal=found, csrf=row.csrf, hash=row.hash, created_at=row.created_at, seen_at=row.seen_at
    )


def seen(tx: Tx, sign_in_hash: str, *, now: datetime) -> None:
    """Note that it is used. Called every SEEN_EVERY at most."""
    tx.update(sign_in, {"hash": sign_in_hash}, seen_at=now)


def end(tx: Tx, sign_in_hash: str) -> None:
    """Sign out, or revoke."""
    tx.run(delete(sign_in).where(sign_in.c.hash == sign_in_hash))
    tx.tell("sign_in", sign_in_hash)


def end_own(tx: Tx, who: Principal, sign_in_hash: str) -> None:
    """End one of one's own sign-ins, from wherever. Raises NotFound for any other."""
    if sign_in_hash not in {row.hash for row in of_person(tx, who)}:
        raise NotFound("there is no such sign-in of yours")
    end(tx, sign_in_hash)


def end_all(tx: Tx, person: str, *, now: datetime) -> None:
    """Sign somebody out everywhere, links included: their password, role or right to be here changed."""
    for row in tx.all(_OF_PERSON, person=person):
        end(tx, row.hash)
    links.void_all(tx, person, now=now)


def of_person(tx: Tx, who: Principal) -> list[Row]:
    """The live sign-ins of a person: hash, device, created_at, seen_at."""
    return tx.all(_OF_PERSON, person=who.id)


def principal(tx: Tx, kind: str, person: str, scopes: Sequence[str] | None = None) -> Principal | None:
    """The person with what they may see now; None when they were deactivated."""
    allowed = None if scopes is None else frozenset(scopes)
    if kind == "agent":
        agent = people.agent(tx, person)
        if agent is None or not agent.active:
            return None
        return Principal(
            kind="agent",
            id=agent.id,
            name=agent.name,
            email=agent.email,
            language=tx.facts.language(agent.language),
            roles=frozenset(agent.roles),
            groups=agent.groups,
            scopes=allowed,
        )
    contact = people.person(tx, person)
    if contact is None or not contact.active:
        return None
    customer = reference.customer(tx, contact.customer)
    if customer is None:
        return None
    return Principal(
        kind="contact",
        id=contact.id,
        name=contact.name,
        email=contact.email,
        language=tx.facts.language(contact.language or customer.language),
        time_zone=customer.time_zone,
        roles=frozenset({contact.role}),
        customer=contact.customer,
        sites=contact.sites,
        also=people.merged(tx, contact.id),
        scopes=allowed,
    )


def person(tx: Tx, identity: str) -> Principal | None:
    """A member of staff or a contact by their id alone; None when they were deactivated."""
    return principal(tx, "agent", identity) or principal(tx, "contact", identity)


# --- API tokens ---------------------------------------------------------------------------------------------


def token_create(
    tx: Tx,
    *,
    kind: str,
    email: str,
    name: str,
    now: datetime,
    scopes: Sequence[str] = SCOPES,
    expires_at: datetime | None = None,
    by: str = "system",
) -> str:
    """A new token, shown this once. Raises Invalid when there is no such person or scope."""
    found = (
        people.agent_by_email(tx, email)
        if kind == "agent"
        else next(iter(people.by_address(tx, email)), None)
    )
    if found is None or not found.active:
        raise invalid("/email", f"there is no {kind} {email}")
    for scope in scopes:
        if scope not in SCOPES:
            raise invalid("/scopes", f"{scope!r} is not one of {', '.join(SCOPES)}")
    token = f"cnt_{secrets.token_urlsafe(32)}"
    tx.insert(
        api_token,
        hash=token_hash(token),
        name=name,
        kind=kind,
        person=found.id,
        scopes=list(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    case.record(
        tx, case.ADMINISTRATION, "token.created", now=now, actor=by, person=found.id, scopes=list(scopes)
    )
    return token


def principal_of_token(tx: Tx, token: str, *, now: datetime) -> Principal | None:
    """Who holds this token; None when it is unknown or has expired."""
    row = tx.one(_TOKEN, hash=token_hash(token))
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return principal(tx, row.kind, row.person, row.scopes)


def tokens_of(tx: Tx, who: Principal) -> list[Row]:
    """The tokens of a person: hash, name, scopes, created_at, expires_at, used_at."""
    return tx.all(_TOKENS_OF, person=who.id)


def token_end(tx: Tx, who: Principal, hash_: str, *, now: datetime) -> None:
    """End one of one's own. Raises NotFound for any other."""
    if not tx.changed(_END_TOKEN, hash=hash_, person=who.id):
        raise NotFound("there is no such token of yours")
    case.record(tx, case.ADMINISTRATION, "token.ended", now=now, actor=who.actor)


def token_seen(tx: Tx, token: str, *, now: datetime) -> None:
    """Note that it is used. Called every SEEN_EVERY at most."""
    tx.update(api_token, {"hash": token_hash(token)}, used_at=now)


# --- The first ---------------------------------------------------------------------------------------------


def is_new(tx: Tx) -> bool:
    """Has nobody been set up yet?"""
    return not tx.one(_ANY_AGENT).count
