"""Does an address of the desk work? A marked mail leaves for it by the way of all mail, and what becomes of it is on record.

Two are sent: one to the address itself, one to an address for answers, which lives in a domain of its own. What comes
back is known by its mark (`Inbound.loop_ref`) and opens nothing. Everything stands among the events of administration;
`look` reads from them how far a test is, and gives it up when nothing has come for GIVES_UP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, func, select

from core import addresses, texts
from core.desk import case, hub_troubles, letters
from core.desk.errors import Forbidden, NotFound, Refused, invalid
from core.desk.letters import Kind, Letter
from core.desk.principal import Principal
from core.envelope import Address, Inbound, Outgoing
from core.ids import new_id
from core.rules import reaching
from core.store import tables
from core.store.tx import Prepared, Row, Tx
from core.store.work import Job

NAME = "mail_test"
GIVES_UP = timedelta(minutes=5)
"""Without an arrival: mail that takes longer would make an unusable desk."""
LOOKED_BACK = 5_000
"""Events of administration among which tests are looked for."""
SHOWN = 20
Part = Literal["address", "answers"]
PARTS: tuple[Part, ...] = ("address", "answers")
State = Literal["good", "bad", "waiting", "unknown"]

event = tables.event


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was tried."""

    name: str
    """read (the mailboxes), then send, receive and prove for the address, send_answers and receive_answers."""
    state: State
    """unknown: it could not be tried, or nobody says."""
    code: str
    """What was found, and with it what to do: a word of the catalogue."""
    why: str = ""
    """What the other side said, a line for each."""
    seconds: int | None = None
    by: str = ""
    """SMTP, LMTP or IMAP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTest:
    """A test, and how far it is."""

    id: str
    address: str
    began_at: datetime
    by: str
    """The actor."""
    state: State
    """waiting: still under way. good: every step is; bad: one is not."""
    steps: tuple[Step, ...]


def own_addresses(tx: Tx, who: Principal) -> tuple[str, ...]:
    """What can be tested. Raises Forbidden."""
    _check(who)
    return tx.facts.mail.addresses


def begin(tx: Tx, who: Principal, address: str, *, now: datetime) -> str:
    """Let the marked mails leave for this address of ours; return the id of the test.

    Raises Forbidden, Invalid for an address that is not the desk's, Refused while one to it is under way.
    """
    _check(who)
    wanted = addresses.key(address.strip())
    if wanted not in tx.facts.mail.addresses:
        known = ", ".join(tx.facts.mail.addresses) or "it has none"
        raise invalid("/address", f"is no address of this desk: {known}")
    for one in _tests(tx, now=now):
        if one.address == wanted and one.state == "waiting":
            raise Refused(f"a test of {wanted} is under way", code="test_under_way")
    identity = new_id()
    _note(tx, "began", who.actor, now=now, test=identity, address=wanted)
    for part in PARTS:
        about = {"test": identity, "part": str(part), "address": wanted}
        letters.queue(tx, NAME, to=wanted, channel=reaching.MAIL, now=now, once=False, **about)
    return identity


def came(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> bool:
    """Is this mail of ours one of a test that is under way? Then it is noted."""
    if not said.loop_ref:
        return False
    for data, _ in _of(tx, "leaving"):
        if data["ref"] == said.loop_ref:
            _note(
                tx,
                "came",
                "system",
                now=now,
                test=data["test"],
                part=data["part"],
                inbound=row.id,
                by=str(row.envelope.get("protocol", "")),
                verdict=said.authentication.verdict,
                evidence=list(said.authentication.evidence),
            )
            return True
    return False


def one(tx: Tx, who: Principal, test: str, *, now: datetime) -> MailTest:
    """A test. Raises NotFound, also for who tests nothing."""
    tests = _tests(tx, now=now) if _may(who) else []
    found = next((one for one in tests if one.id == test), None)
    if found is None:
        message = f"there is no test {test} of an address, or it is long over"
        raise NotFound(message)
    return found


def latest(tx: Tx, who: Principal, *, now: datetime) -> tuple[MailTest, ...]:
    """The last ones, newest first. Raises Forbidden."""
    _check(who)
    return tuple(_tests(tx, now=now)[:SHOWN])


# --- The letters --------------------------------------------------------------------------------------------


def _write(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    about, ref = job.payload, letters.ref(tx, job)
    to = about["address"]
    if about["part"] == "answers":
        to = tx.facts.mail.answers_to(to, tx.facts.token(NAME, about["test"]))
    language = tx.facts.language(None)
    subject, text = texts.notice(NAME, language, hub=tx.facts.name, address=about["address"])
    _note(tx, "leaving", "system", now=now, test=about["test"], part=about["part"], ref=ref)
    return Letter(
        person="desk",
        outgoing=Outgoing(
            delivery_id=job.id,
            channel=about["channel"],
            ref=ref,
            kind=NAME,
            automatic=True,
            to=Address(to),
            mailbox=about["address"],
            subject=subject,
            text=text,
            language=language,
            ticket_number="",
            reply_token=None,
            bounce_token=ref,
        ),
    )


def _told(tx: Tx, job: Job, error: str, *, now: datetime) -> None:
    about = {"test": job.payload["test"], "part": job.payload["part"]}
    _note(tx, "refused" if error else "sent", "system", now=now, **about, **({"why": error} if error else {}))


LETTERS = {
    # Whoever tests wants to know what the relay says now: one try, which is as long as the patience.
    NAME: Kind(write=_write, waits=(GIVES_UP.total_seconds(),), patience=GIVES_UP, told=_told)
}


# --- What is on record --------------------------------------------------------------------------------------


def _note(tx: Tx, what: str, actor: str, *, now: datetime, **data: Any) -> None:
    case.record(tx, case.ADMINISTRATION, f"{NAME}.{what}", now=now, actor=actor, **data)


def _of(tx: Tx, what: str) -> list[tuple[dict[str, Any], datetime]]:
    return [(row.data, row.at) for row in _rows(tx) if row.kind == f"{NAME}.{what}"]


def _rows(tx: Tx) -> Sequence[Row]:
    last = tx.one(_LAST, chain=case.ADMINISTRATION)
    first = (last.seq or 0) - LOOKED_BACK
    return tx.all(_NOTES, chain=case.ADMINISTRATION, first=first)


_LAST = Prepared(select(func.max(event.c.seq).label("seq")).where(event.c.ticket_id == bindparam("chain")))
_NOTES = Prepared(
    select(event.c.kind, event.c.data, event.c.at, event.c.actor)
    .where(
        event.c.ticket_id == bindparam("chain"),
        event.c.seq > bindparam("first"),
        event.c.kind.like(f"{NAME}.%"),
    )
    .order_by(event.c.seq)
)


def _tests(tx: Tx, *, now: datetime) -> list[MailTest]:
    rows = _rows(tx)
    down = [one for one in hub_troubles.standing(tx, now=now) if one.name.startswith(f"{reaching.MAIL} by ")]
    found = [_test(tx, row, rows, down, now=now) for row in rows if row.kind == f"{NAME}.began"]
    return found[::-1]


def _test(
    tx: Tx, began: Row, rows: Sequence[Row], down: Sequence[hub_troubles.Trouble], *, now: datetime
) -> MailTest:
    mine = [row for row in rows if row.data["test"] == began.data["test"] and row is not began]
    steps = [
        *_reading(tx, down),
        *_sending(tx, began, mine, "address", now=now),
        *_sending(tx, began, mine, "answers", now=now),
    ]
    states = {step.state for step in steps}
    return MailTest(
        id=began.data["test"],
        address=began.data["address"],
        began_at=began.at,
        by=began.actor,
        state="waiting" if "waiting" in states else "bad" if "bad" in states else "good",
        steps=tuple(steps),
    )


def _reading(tx: Tx, down: Sequence[hub_troubles.Trouble]) -> list[Step]:
    if not tx.facts.mail.mailboxes:
        return []
    if down:
        why = "\n".join(
            f"the mailbox {one.name.removeprefix(f'{reaching.MAIL} by ')}: {one.why}" for one in down
        )
        return [Step(name="read", state="bad", code="mailbox_down", why=why)]
    return [Step(name="read", state="good", code="mailbox_read")]


def _sending(tx: Tx, began: Row, mine: Sequence[Row], part: Part, *, now: datetime) -> list[Step]:
    """What became of one of the two mails."""
    end = "" if part == "address" else "_answers"
    here = {row.kind.removeprefix(f"{NAME}."): row for row in mine if row.data.get("part") == part}
    late = now - began.at >= GIVES_UP
    sent, came = here.get("sent"), here.get("came")
    if "refused" in here:
        why = here["refused"].data["why"]
        # A server that took the other mail lets us in: it does not know where answers go.
        other = any(row.kind == f"{NAME}.sent" for row in mine if row.data.get("part") != part)
        return [
            Step(name=f"send{end}", state="bad", code=f"refused{end}" if other else "refused", why=why),
            Step(name=f"receive{end}", state="unknown", code="nothing_left"),
        ]
    if sent is None and came is None:
        waits = Step(
            name=f"send{end}", state="bad" if late else "waiting", code="stays" if late else "leaving"
        )
        return [waits]
    if not tx.facts.mail.relay and came is None:
        return [
            Step(name=f"send{end}", state="bad", code="no_relay"),
            Step(name=f"receive{end}", state="unknown", code="nothing_left"),
        ]
    steps = [Step(name=f"send{end}", state="good", code="taken")]
    if came is None:
        code = f"nothing_came{end}" if late else "on_its_way"
        return [*steps, Step(name=f"receive{end}", state="bad" if late else "waiting", code=code)]
    seconds = max(int((came.at - began.at).total_seconds()), 0)
    steps.append(Step(name=f"receive{end}", state="good", code="came", seconds=seconds, by=came.data["by"]))
    if part == "address":
        proof: dict[str, tuple[State, str]] = {
            "pass": ("good", "proved"),
            "fail": ("bad", "disowned"),
            "temperror": ("unknown", "not_asked"),
        }
        state, code = proof.get(came.data["verdict"], ("unknown", "nobody_says"))
        steps.append(Step(name="prove", state=state, code=code, why=", ".join(came.data["evidence"])))
    return steps


def _check(who: Principal) -> None:
    if not _may(who):
        raise Forbidden("addresses are tested by shift leaders, supervisors and administrators")


def _may(who: Principal) -> bool:
    return who.leads or who.kind == "system"
