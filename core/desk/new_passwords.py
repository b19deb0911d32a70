"""How does somebody get a new password? On their account page with the old one, or by a link that is mailed to them.

Who asks for a link is told the same whoever they are, and the same rows are written for everybody, so that answers and times
tell nothing: whose the address is, if anybody's, is looked up when the letter leaves. The link is made then, too, from the
hub's key and the letter's job: the same at each try, and nowhere stored but as a hash.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from core import addresses
from core.desk import accounts, case, letters, links, people, restraint, sending
from core.desk.accounts import Account, Limits
from core.desk.letters import Kind, Letter
from core.desk.principal import Principal
from core.store import tables
from core.store.tx import Tx
from core.store.work import Job

LINK = "password_link"
CHANGED = "password_changed"
LIFE = timedelta(minutes=10)
"""Of a link, from when its mail leaves."""
WITHIN = restraint.HOUR + restraint.SLOT
"""Seconds that what was asked for counts: never more than allowed in any hour."""


def ask(tx: Tx, email: str, address: str, *, channel: str, limits: Limits, now: datetime) -> None:
    """Let a link leave for this e-mail address, if there is anybody with it and not too many were asked for.

    `address`: the network address that asks. `channel`: what letters leave by.
    """
    email = addresses.key(email)
    of_network, of_email = f"forgot-from:{address}", f"forgot:{email}"
    if restraint.happened(tx, of_network, within=WITHIN, now=now) >= limits.links_per_address:
        return
    restraint.count(tx, of_network, now=now)
    if restraint.happened(tx, of_email, within=WITHIN, now=now) >= limits.links:
        return
    restraint.count(tx, of_email, now=now)
    letters.queue(tx, LINK, to=email, channel=channel, now=now, once=True, address=email)


def whose(tx: Tx, token: str, *, now: datetime) -> Principal | None:
    """Who may choose a new password by this link; None when it does not work. Changes nothing."""
    person = links.whose(tx, links.RESET, token, now=now)
    return None if person is None else accounts.person(tx, person)


def by_link(
    tx: Tx, token: str, password_hash: str, *, device: str, limits: Limits, channel: str, now: datetime
) -> tuple[Account, str] | None:
    """Use the link: store the new password's hash and sign its owner in; None when it does not work (any longer).

    What was guessed at the account does not make them wait any longer: they proved that the mailbox is theirs.
    """
    who = whose(tx, token, now=now)
    if who is None or links.use(tx, links.RESET, token, now=now) is None:
        return None
    accounts.forgive(tx, who.email)
    found = Account(kind=who.kind, person=who.id, password_hash=None)
    cookie = change(
        tx, found, password_hash, device=device, limits=limits, channel=channel, by_link=True, now=now
    )
    return replace(found, password_hash=password_hash), cookie


def change(
    tx: Tx,
    found: Account,
    password_hash: str,
    *,
    device: str,
    limits: Limits,
    channel: str,
    now: datetime,
    by_link: bool = False,
) -> str:
    """Store the new password's hash, end every sign-in and link, begin a sign-in anew and return its cookie.

    They are told by a letter, in case it was somebody else. `channel`: what letters leave by; empty: none do.
    """
    table = tables.agent if found.kind == "agent" else tables.contact
    tx.update(table, {"id": found.person}, password_hash=password_hash)
    accounts.end_all(tx, found.person, now=now)
    actor = f"{found.kind}:{found.person}"
    case.record(tx, case.ADMINISTRATION, "password.changed", now=now, actor=actor, by_link=by_link)
    if channel:
        letters.queue(tx, CHANGED, to=found.person, channel=channel, now=now, person=found.person)
    cookie, _ = accounts.begin(tx, found, device=device, limits=limits, now=now)
    return cookie


def came_back(tx: Tx, ref: str, *, now: datetime) -> None:
    """A letter was returned, and staff may read what is returned: the link in it opens nothing any more."""
    links.void(tx, tx.facts.token("password", ref), now=now)


# --- The letters --------------------------------------------------------------------------------------------


def _link(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = _of_address(tx, job.payload["address"])
    if who is None:
        return None
    token, until = tx.facts.token("password", letters.ref(tx, job)), now + LIFE
    if not links.give(tx, links.RESET, token, who.id, until=until, now=now):
        return None  # used, or void, since an earlier try: that one arrived after all
    return letters.phrased(
        tx,
        job,
        who,
        link=f"{tx.facts.public_url}/reset?token={token}",
        until=letters.instant(tx, until, who),
    )


def _changed(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    who = accounts.person(tx, job.payload["person"])
    if who is None:
        return None
    at = letters.instant(tx, job.created_at, who)
    return letters.phrased(tx, job, who, at=at, forgot=f"{tx.facts.public_url}/forgot")


def _of_address(tx: Tx, email: str) -> Principal | None:
    """Whom the log-in would take with this address; where nobody with it has a password yet, the first of them."""
    found = accounts.account(tx, email)
    if found is not None:
        return accounts.principal(tx, found.kind, found.person)
    at_customers = (accounts.principal(tx, "contact", one.id) for one in people.by_address(tx, email))
    return next((who for who in at_customers if who is not None), None)


LETTERS = {
    # Who waits for a link waits now, and asks again when none comes.
    LINK: Kind(write=_link, waits=(10.0, 30.0, 60.0, 120.0), patience=timedelta(minutes=30)),
    CHANGED: Kind(write=_changed, waits=sending.WAITS, patience=sending.GIVE_UP_AFTER),
}
"""By name, which is also that of their words in templates/notices."""
