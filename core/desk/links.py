"""Who was given a link that works once? Set-up, new passwords, accounts of chats, files; only hashes are kept, and use is a conditional update."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import bindparam, literal, or_, select, update

from core.ids import token_hash
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Row, Tx

RESET = "reset"
CHAT = "chat"
"""Before the name of a channel: a code that connects an account there (core.desk.linking)."""
UPLOAD = "upload"
"""Takes files for a request (core.desk.upload_links)."""
SURVEY = "survey"
"""Asks how it went (core.desk.surveys)."""
UPLOAD_WORDS = "too_large"
"""The words of a chat that bring such a link; they are kept with UPLOAD_PLACE where it stands."""
UPLOAD_PLACE = "(link)"
VISIT = "visit"
"""Chooses a time for a visit (core.desk.visit_links)."""
VISIT_WORDS = "visit"
"""The kind of messages that bring such a link; what stands in its place where they are kept, "place" of `made_from` says."""
VISIT_LIFE = timedelta(days=14)
"""A hold that is over is looked at again when somebody chooses it: the link lives longer than the hold."""
WORKAROUND = "workaround"
"""Says whether a workaround works (core.desk.workaround_links)."""
WORKAROUND_PLACE = "(link)"
"""What stands for it in the text of the notice as it is kept, where nobody can sign in."""
WORKAROUND_LIFE = timedelta(days=30)
KEPT = timedelta(days=1)
"""How long a lapsed link stays on record."""

link = tables.one_time_link

_NOW = bindparam("now", type_=Instant)
_ALIVE = (
    link.c.hash == bindparam("hash"),
    link.c.purpose == bindparam("for_purpose"),
    link.c.used_at.is_(None),
    link.c.expires_at > _NOW,
)
_USE = Prepared(update(link).where(*_ALIVE).values(used_at=_NOW).returning(link.c.person))
_WHOSE = Prepared(select(link.c.person).where(*_ALIVE))
_EVER = Prepared(
    select(link).where(link.c.hash == bindparam("hash"), link.c.purpose == bindparam("for_purpose"))
)
_LIVES_ON = Prepared(
    update(link)
    .where(link.c.hash == bindparam("hash"), link.c.used_at.is_(None))
    .values(expires_at=bindparam("until", type_=Instant))
)
_VOID = Prepared(
    update(link)
    .where(
        link.c.person == bindparam("of_person"),
        link.c.purpose == bindparam("for_purpose"),
        link.c.hash != bindparam("but"),
        link.c.used_at.is_(None),
    )
    .values(used_at=_NOW)
)
_VOID_ONE = Prepared(
    update(link).where(link.c.hash == bindparam("one"), link.c.used_at.is_(None)).values(used_at=_NOW)
)
_LAPSED = Prepared(
    link.delete().where(
        or_(
            link.c.purpose.in_(
                [literal(RESET), literal(UPLOAD), literal(SURVEY), literal(VISIT), literal(WORKAROUND)]
            ),
            link.c.purpose.like(literal(f"{CHAT}:%")),
        ),
        link.c.expires_at < bindparam("before", type_=Instant),
    )
)


def create(tx: Tx, purpose: str, person: str, *, life: timedelta, now: datetime) -> str:
    """A token for one use. Only its hash is kept."""
    token = secrets.token_urlsafe(24)
    tx.insert(
        link, hash=token_hash(token), purpose=purpose, person=person, created_at=now, expires_at=now + life
    )
    return token


def give(tx: Tx, purpose: str, token: str, person: str, *, until: datetime, now: datetime) -> bool:
    """Keep a token that was made elsewhere as the person's only one; the same again lives on. False: it is spent."""
    hash_ = token_hash(token)
    row = {"purpose": purpose, "person": person, "created_at": now, "expires_at": until}
    if not tx.insert_new(link, hash=hash_, **row) and not tx.changed(_LIVES_ON, hash=hash_, until=until):
        return False
    tx.run(_VOID, of_person=person, for_purpose=purpose, but=hash_, now=now)
    return True


def upload_token(tx: Tx, delivery: str) -> str:
    """The token of the link that this delivery brings: the same at each try, and stored nowhere."""
    return tx.facts.token(UPLOAD, delivery)


def with_upload(tx: Tx, kind: str, text: str, delivery: str) -> str:
    """What words of a chat say as they leave: with the link, where they bring one."""
    if kind != UPLOAD_WORDS:
        return text
    return text.replace(UPLOAD_PLACE, f"{tx.facts.public_url}/upload/{upload_token(tx, delivery)}")


def visit_token(tx: Tx, delivery: str) -> str:
    """The token of the link that this delivery brings: the same at each try, and stored nowhere."""
    return tx.facts.token(VISIT, delivery)


def with_visit(tx: Tx, said: Row, delivery: str) -> str:
    """What a message says as it leaves: with the link of whoever gets it, where it brings one."""
    text, place = str(said.text), (said.made_from or {}).get("place") if said.kind == VISIT_WORDS else None
    if not place:
        return text
    return text.replace(place, f"{tx.facts.public_url}/visit/{visit_token(tx, delivery)}")


def whose(tx: Tx, purpose: str, token: str, *, now: datetime) -> str | None:
    """Whose it is, as long as it works. Changes nothing: programs that look through mail open links too."""
    row = tx.one(_WHOSE, hash=token_hash(token), for_purpose=purpose, now=now)
    return None if row is None else str(row.person)


def ever(tx: Tx, purpose: str, token: str) -> Row | None:
    """What is on record of one that may be used, void or expired by now."""
    return tx.one(_EVER, hash=token_hash(token), for_purpose=purpose)


def use(tx: Tx, purpose: str, token: str, *, now: datetime) -> str | None:
    """Whose it is, once; None when it was used, is void, has expired or never was."""
    row = tx.one(_USE, hash=token_hash(token), for_purpose=purpose, now=now)
    return None if row is None else str(row.person)


def void_all(tx: Tx, person: str, *, now: datetime) -> None:
    """None of the person's links to a new password works any longer."""
    tx.run(_VOID, of_person=person, for_purpose=RESET, but="", now=now)


def void(tx: Tx, token: str, *, now: datetime) -> None:
    """This one does not work any longer."""
    tx.run(_VOID_ONE, one=token_hash(token), now=now)


def forget(tx: Tx, *, now: datetime) -> None:
    """Drop what lapsed. Those of the set-up stay: they say that a desk was begun."""
    tx.run(_LAPSED, before=now - KEPT)
