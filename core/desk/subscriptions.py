"""Who wants no more of what comes by subscription? Progress notices and reports by mail; answers and the closing report are owed to everybody.

Each such mail names an address where its reader ends them, by one click of the mail program (RFC 8058) or on a page. It ends
them for the address it was sent to and does nothing else, so that it works without a log-in, and as often as it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import chat_addresses
from core.desk import acts, case, collecting
from core.desk.case import Case
from core.desk.principal import Principal
from core.ids import token_hash
from core.store import tables
from core.store.tx import Prepared, Row, Tx

LINK = "unsubscribe"
"""The purpose of such links; never spent, as the same one stands in each mail to an address."""
LIFE = timedelta(days=3650)  # mail is found again years later
STATE = "unsubscribed"
"""Of a delivery that its reader wants no more."""


class What(StrEnum):
    """What can be ended."""

    PROGRESS = "progress"
    REPORTS = "reports"


OF_KIND: Mapping[str, What] = {
    "progress": What.PROGRESS,
    collecting.KIND: What.PROGRESS,
    "periodic_report": What.REPORTS,
}
"""By the kind of a delivery or letter. What is not here is owed, whatever its reader wants."""

unsubscribed, link_row = tables.unsubscribed, tables.one_time_link

_ENDED = Prepared(
    select(unsubscribed).where(
        unsubscribed.c.address == bindparam("address"), unsubscribed.c.what == bindparam("what")
    )
)
_OF_ADDRESS = Prepared(
    select(unsubscribed).where(unsubscribed.c.address == bindparam("address")).order_by(unsubscribed.c.what)
)
_AGAIN = Prepared(
    unsubscribed.delete().where(
        unsubscribed.c.address == bindparam("gone_address"), unsubscribed.c.what == bindparam("gone_what")
    )
)
_WHOSE = Prepared(
    select(link_row.c.person).where(link_row.c.hash == bindparam("hash"), link_row.c.purpose == literal(LINK))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What comes to an address."""

    address: str
    what: What
    ended_at: datetime | None
    """None: it comes."""


def link(tx: Tx, row: Row, *, now: datetime) -> str:
    """Where the reader of this delivery ends what it is one of; empty: it is owed, or no mail."""
    return link_for(tx, row.kind, row.address, now=now) if _is_mail(tx, row) else ""


def link_for(tx: Tx, kind: str, address: str, *, now: datetime) -> str:
    """The same for mail of this kind to this address, which is kept in lower case."""
    what, address = OF_KIND.get(kind), address.lower()
    if what is None:
        return ""
    token = tx.facts.token(LINK, what, address)
    row: dict[str, Any] = {"purpose": LINK, "person": f"{what} {address}"}
    tx.insert_missing(link_row, hash=token_hash(token), **row, created_at=now, expires_at=now + LIFE)
    return f"{tx.facts.public_url}/unsubscribe/{token}"


def ended(tx: Tx, row: Row) -> bool:
    """Is this delivery one that its reader wants no more?"""
    what = OF_KIND.get(row.kind)
    return what is not None and _is_mail(tx, row) and ended_for(tx, row.address, what)


def ended_for(tx: Tx, address: str, what: What) -> bool:
    """Does this address want no more of it?"""
    return tx.one(_ENDED, address=address.lower(), what=what) is not None


def _is_mail(tx: Tx, row: Row) -> bool:
    """The portal and chats are looked at when somebody likes."""
    return row.channel == tx.facts.mails_by and not chat_addresses.is_chat(row.address)


def not_sent(tx: Tx, row: Row, *, now: datetime) -> None:
    """It does not leave, and its ticket says why."""
    of = Case.open(tx, row.ticket_id, now=now)
    tx.update(tables.delivery, {"ticket_id": row.ticket_id, "id": row.id}, state=STATE)
    of.event("delivery.unsubscribed", actor="system", delivery=row.id, what=row.kind)
    of.save()


def of_address(tx: Tx, address: str) -> tuple[Subscription, ...]:
    """What this address wants no more."""
    return tuple(
        Subscription(address=row.address, what=What(row.what), ended_at=row.at)
        for row in tx.all(_OF_ADDRESS, address=address.lower())
    )


def of_token(tx: Tx, token: str) -> Subscription | None:
    """What this link is about; None: nobody was given it."""
    row = tx.one(_WHOSE, hash=token_hash(token))
    if row is None:
        return None
    what, address = row.person.split(" ", 1)
    known = tx.one(_ENDED, address=address, what=what)
    return Subscription(address=address, what=What(what), ended_at=None if known is None else known.at)


def end(tx: Tx, token: str, *, now: datetime) -> bool:
    """Whoever has this link wants no more of it. Safe to repeat. False: nobody was given it."""
    about = of_token(tx, token)
    if about is not None and tx.insert_new(
        unsubscribed, address=about.address, what=about.what, at=now, by="link"
    ):
        _record(tx, "subscription.ended", about, actor="system", now=now)
    return about is not None


def begin(tx: Tx, token: str, *, now: datetime) -> bool:
    """Whoever has this link wants it again. Safe to repeat. False: nobody was given it."""
    about = of_token(tx, token)
    if about is not None and about.ended_at is not None:
        _again(tx, about, actor="system", now=now)
    return about is not None


def begin_for(tx: Tx, who: Principal, address: str, what: What, *, now: datetime) -> None:
    """Staff say that this address wants it again, as its owner told them. Safe to repeat. Raises NotFound for others."""
    acts.only_staff(who)
    for about in of_address(tx, address):
        if about.what is what:
            _again(tx, about, actor=who.actor, now=now)


def _again(tx: Tx, about: Subscription, *, actor: str, now: datetime) -> None:
    tx.run(_AGAIN, gone_address=about.address, gone_what=about.what)
    _record(tx, "subscription.begun", about, actor=actor, now=now)


def _record(tx: Tx, kind: str, about: Subscription, *, actor: str, now: datetime) -> None:
    case.record(
        tx, case.ADMINISTRATION, kind, now=now, actor=actor, address=about.address, what=str(about.what)
    )
