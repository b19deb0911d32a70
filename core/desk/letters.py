"""What does the house write to people beside their requests? Letters: of no ticket, on no page of one, each a job.

A letter has no row. Its job says which one it is and for whom; who that is and what it says is found out when it leaves,
so that nothing in it, least of all a link, is stored before or after. A send is at least once, with the same ref.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core import texts
from core.desk import case, outbox, reference, stopped
from core.desk.principal import Principal
from core.envelope import Address, Attachment, Outgoing
from core.ids import fixed_id
from core.store import work
from core.store.columns import to_micros
from core.store.tx import Tx
from core.store.work import Job

SHARD = fixed_id("letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One that is about to leave."""

    outgoing: Outgoing
    person: str
    """Whom it is for, as events name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One sort of letter."""

    write: Callable[..., Letter | None]
    """`write(tx, job, *, now)`: the letter, at each try; None: nobody is to get it."""
    waits: tuple[float, ...]
    """Seconds before each further try; then the last of them again and again."""
    patience: timedelta
    """After which it is given up."""
    told: Callable[..., None] | None = None
    """`told(tx, job, error, *, now)`: what became of it; an empty error: the other side took it. For what is on record elsewhere too."""


def queue(
    tx: Tx, name: str, *, to: str, channel: str, now: datetime, once: bool = False, **about: str
) -> None:
    """Let a letter leave. `to`: whom, for the order in which theirs leave. `once`: not while one like it waits."""
    lane = outbox.lane_of("letters", to, channel)
    work.enqueue(
        tx,
        shard=SHARD,
        lane=lane,
        kind="letter",
        payload={"letter": name, "channel": channel, **about},
        due=now,
        now=now,
        idem_key=f"{name}:{lane}" if once else None,
    )


def ref(tx: Tx, job: Job) -> str:
    """The core of its Message-ID, and of the address that it comes back to: the same at each try."""
    return tx.facts.token("letter", job.id, str(to_micros(job.created_at)))


def write(tx: Tx, kind: Kind, job: Job, *, now: datetime) -> Letter | None:
    """The letter as it leaves now; None: nobody is to get it. Whoever complained about our mail gets none."""
    letter = kind.write(tx, job, now=now)
    if letter is None or not (why := stopped.why(tx, letter.outgoing.to.key)):
        return letter
    failed(tx, job, letter.person, now=now)
    if kind.told is not None:
        kind.told(tx, job, why, now=now)
    return None


def phrased(tx: Tx, job: Job, who: Principal, **values: Any) -> Letter:
    """The letter to this person, in their language, from the notice of its name."""
    name = job.payload["letter"]
    subject, text = texts.notice(name, who.language, hub=tx.facts.name, name=who.name, **values)
    same = ref(tx, job)
    return Letter(
        person=who.actor,
        outgoing=Outgoing(
            delivery_id=job.id,
            channel=job.payload["channel"],
            ref=same,
            kind=name,
            automatic=True,
            to=Address(who.email, who.name),
            subject=subject,
            text=text,
            language=who.language,
            ticket_number="",
            reply_token=None,
            bounce_token=same,
        ),
    )


def with_files(letter: Letter, files: Sequence[Attachment], *, unsubscribe: str) -> Letter:
    """The same letter with files. `unsubscribe`: where its reader wants no more of them."""
    return replace(
        letter, outgoing=replace(letter.outgoing, attachments=tuple(files), unsubscribe=unsubscribe)
    )


def instant(tx: Tx, at: datetime, who: Principal) -> str:
    """A moment, in words and in the zone of who reads it."""
    customer = reference.customer(tx, who.customer) if who.customer else None
    return texts.instant(at, ZoneInfo(customer.time_zone) if customer else tx.facts.zone, who.language)


def sent(tx: Tx, job: Job, person: str, *, now: datetime) -> None:
    """The other side took it."""
    _record(tx, "letter.sent", job, person, now=now)


def failed(tx: Tx, job: Job, person: str = "", *, now: datetime) -> None:
    """It will not be taken."""
    _record(tx, "letter.failed", job, person, now=now)


def _record(tx: Tx, kind: str, job: Job, person: str, *, now: datetime) -> None:
    about = {"letter": job.payload.get("letter", ""), "person": person}
    case.record(tx, case.ADMINISTRATION, kind, now=now, actor="system", **about)
