"""What does the demo desk show? A morning at a provider, played through the real verbs: mails in, work, answers out."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Protocol

import msgspec
from sqlalchemy import select

from core.desk import (
    accounts,
    demo_calls,
    demo_chats,
    demo_devices,
    demo_known,
    demo_reports,
    demo_visits,
    door,
    intake,
    joining,
    next_steps,
    publishing,
    resolution,
    tickets,
    vendor_cases,
)
from core.desk.configuration import checking, document, rows
from core.desk.passwords import new_password, new_pin
from core.desk.principal import HUB, Principal
from core.envelope import Arrival, Inbound
from core.ids import id_token
from core.keys import keep_private
from core.rules import vendor
from core.store import tables
from core.store.database import Database
from core.store.tx import Tx
from core.texts import TEMPLATES

DESK = TEMPLATES / "demo" / "desk.toml"
DAY = TEMPLATES / "demo" / "day.toml"

VERBS: Mapping[str, Callable[..., str]] = {
    "qualify": tickets.qualify,
    "take": tickets.take,
    "reply": tickets.reply,
    "note": tickets.note,
    "wait": tickets.wait,
    "workaround": tickets.workaround,
    "observe": next_steps.observe,
    "resolve": resolution.resolve,
    "close": resolution.close,
    "merge": joining.merge,
    "plan_visit": demo_visits.plan,
    "agree_visit": demo_visits.agree,
    "open_case": vendor_cases.open_case,
    "problem": demo_known.problem,
    "known_error": demo_known.error,
}
"""What agents do in the morning that the file tells."""

WITH_WORDS = (
    "reply",
    "note",
    "wait",
    "workaround",
    "plan_visit",
    "agree_visit",
    "problem",
    "known_error",
)
"""Verbs that take the text of their step."""

WRITTEN = date(2026, 11, 24)
"""The day the file speaks of: whenever the demo desk is loaded, one contract has just ended and others have not."""

REPORTS_BY = "elena.zanin@nordest.test"
"""Who approves reports of a period."""

Read = Callable[[bytes, Mapping[str, Any]], Inbound]
"""The reader of the e-mail channel, with its options filled in."""


class Lead(Protocol):
    """`core.desk.demo_calls.play` with the rules of call flows filled in."""

    def __call__(self, tx: Tx, led: Sequence[demo_calls.Call], *, now: datetime) -> int:
        """How many calls there were."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Somebody of the demo desk who can sign in."""

    email: str
    name: str
    password: str
    place: str
    """desk or portal."""
    pin: str = ""
    """What they type on the telephone, behind the code of their company."""
    phone_code: str = ""
    number: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[steps]] of day.toml: a mail that comes in, or something an agent does."""

    at: int
    """Minutes before now."""
    mail: str = ""
    """From header; `ticket` names what becomes of it for later steps."""
    subject: str = ""
    reply_to: str = ""
    """The step whose ticket this mail answers, by our own Message-ID."""
    returns: str = ""
    """The step to whose ticket our last mail comes back with this one."""
    headers: dict[str, str] = {}
    ticket: str = ""
    agent: str = ""
    verb: str = ""
    text: str = ""
    fields: dict[str, Any] = {}
    outage: str = ""
    """Names what is published, for later steps; `verb` is publish, update or end."""
    words: dict[str, Any] = {}
    since: int = 0
    """Minutes before the step that it began."""
    next_update: int = 0
    """Minutes after the step; 0: nothing is promised."""
    into: str = ""
    """The step whose ticket the other one of a verb is."""


class Day(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    steps: tuple[Step, ...]
    calls: tuple[demo_calls.Call, ...] = ()
    chats: tuple[demo_chats.Talk, ...] = ()
    devices: tuple[demo_devices.Report, ...] = ()
    maintenance: tuple[demo_devices.Window, ...] = ()


def load_if_empty(
    db: Database,
    kept: Path,
    read: Read,
    *,
    base: str,
    now: datetime,
    lead: Lead | None = None,
    draw: demo_reports.Draw | None = None,
) -> bool:
    """Load the demo desk into an empty database, and keep its log-ins in the file `kept`; say whether it was empty.

    `lead`: leads the calls of the morning; None: nobody called. `draw`: draws a report; None: no report was sent.

    Everybody gets a password of their own, made now. The file is there before the desk: who is killed in between
    finds an empty database again.
    """
    if not db.query(rows.is_empty).result():
        return False
    wanted, hashes = with_logins(kept, base=base, now=now)
    db.submit(load, wanted, hashes, read, now=now, lead=lead, draw=draw).result()
    return True


def with_logins(kept: Path, *, base: str, now: datetime) -> tuple[document.Document, rows.Hashes]:
    """The configuration as of `now`, with log-ins that were made just now and are kept in a file before anybody has them.

    `base`: the address of the hub, where devices report.
    """
    logins = [_login(email, name, place) for email, name, place in people()]
    sources = {one.name: token_urlsafe(24) for one in _written()["alert_sources"]}
    wanted = desk({login.email: login for login in logins}, sources, now=now)
    hashes = rows.hash_secrets(wanted, {})
    keep_private(kept, logins_text(logins, kept) + demo_devices.sources_text(sources, base))
    return wanted, hashes


def _login(email: str, name: str, place: str) -> Login:
    found = _telephones().get(email, ("", ""))
    return Login(
        email=email,
        name=name,
        password=new_password(),
        place=place,
        pin=new_pin() if place == "portal" else "",
        phone_code=found[0],
        number=found[1],
    )


def _telephones() -> dict[str, tuple[str, str]]:
    """By e-mail of a contact: the code of their company, and their number."""
    customers = _written()["customers"]
    return {contact.email: (one.phone_code, contact.phone) for one in customers for contact in one.contacts}


def _written() -> document.Document:
    return checking.read(DESK.read_text(encoding="utf-8"))


def desk(
    logins: Mapping[str, Login], sources: Mapping[str, str] | None = None, *, now: datetime
) -> document.Document:
    """The configuration, with password and PIN for everybody named and the contracts moved to the present.

    `sources`: secrets of alert sources, by name.
    """
    plain = tomllib.loads(DESK.read_text(encoding="utf-8"))
    moved = now.date() - WRITTEN
    for contract in (c for customer in plain["customers"] for c in customer.get("contracts", ())):
        for name in ("valid_from", "valid_until", "notice_date"):
            if name in contract:
                contract[name] += moved
    for source in plain["alert_sources"]:
        if secret := (sources or {}).get(source["name"]):
            source["secret"] = secret
    people = [*plain["agents"], *(c for customer in plain["customers"] for c in customer.get("contacts", ()))]
    for person in people:
        if (login := logins.get(person["email"])) is not None:
            person["password"] = login.password
            if login.pin:
                person["pin"] = login.pin
    return document.read_plain(plain)


def people(count_of_contacts: int = 4) -> list[tuple[str, str, str]]:
    """(e-mail, name, place) of those who get a log-in: every agent, and the first contact of the first customers."""
    found = _written()
    agents = [(agent.email, agent.name, "desk") for agent in found["agents"]]
    contacts = [
        (c.contacts[0].email, c.contacts[0].name, "portal") for c in found["customers"][:count_of_contacts]
    ]
    return agents + contacts


def _day() -> Day:
    return msgspec.convert(tomllib.loads(DAY.read_text(encoding="utf-8")), Day)


def play(tx: Tx, read: Read, *, now: datetime) -> int:
    """Let the morning happen, step after step, each at its time; return how many steps there were."""
    day = _day()
    tickets_by_name: dict[str, str] = {}
    outages_by_name: dict[str, str] = {}
    chats = demo_chats.Telling(day.chats, _acts)
    happens: list[tuple[int, Callable[[datetime], None]]] = [
        (step.at, partial(_step, tx, step, tickets_by_name, outages_by_name, read)) for step in day.steps
    ]
    happens += [(one.at, partial(demo_devices.tell, tx, one)) for one in day.devices]
    happens += [(line.at, partial(chats.tell, tx, talk, n, line)) for talk, n, line in chats.lines]
    for minutes, what in sorted(happens, key=lambda one: -one[0]):
        what(now - timedelta(minutes=minutes))
    for window in day.maintenance:
        demo_devices.plan(tx, _somebody(tx, window.by), window, now=now)
    return len(happens)


def _step(
    tx: Tx, step: Step, tickets_by_name: dict[str, str], outages: dict[str, str], read: Read, at: datetime
) -> None:
    if step.outage:
        _outage(tx, step, outages, at)
    elif step.mail:
        number = _mail(tx, step, tickets_by_name, read, at)
        if step.ticket and number:
            tickets_by_name[step.ticket] = number
    else:
        other = {"into": tickets_by_name[step.into]} if step.into else {}
        _act(tx, step, tickets_by_name[step.ticket], at, **other)


def _mail(tx: Tx, step: Step, names: Mapping[str, str], read: Read, at: datetime) -> str | None:
    headers = {
        "From": step.mail,
        "To": "support@desk.test",
        "Subject": step.subject,
        "Date": format_datetime(at),
        "Message-ID": f"<{step.at}.{zlib.crc32(step.subject.encode())}@demo.test>",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        **step.headers,
    }
    box = "support@desk.test"
    if step.returns:
        box = headers["To"] = f"support+b-{_last_ref(tx, names[step.returns])}@reply.desk.test"
    if step.reply_to:
        headers["In-Reply-To"] = f"<m.{_last_ref(tx, names[step.reply_to])}@desk.test>"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    raw = (head + "\r\n" + step.text.strip().replace("\n", "\r\n") + "\r\n").encode()
    arrival = Arrival(
        channel="email",
        raw=raw,
        received_at=at,
        sender="" if step.returns else step.mail.rpartition("<")[2].rstrip(">"),
        recipients=(box,),
    )
    inbound_id = door.accept(tx, arrival, now=at, later=False)
    stored = door.load(tx, [inbound_id])[inbound_id]
    return intake.understand(tx, inbound_id, read(raw, stored.arrival), now=at).number


def _last_ref(tx: Tx, number: str) -> str:
    found = tx.one(select(tables.ticket.c.id).where(tables.ticket.c.number == number))
    row = tx.one(
        select(tables.delivery.c.id)
        .where(tables.delivery.c.ticket_id == found.id, tables.delivery.c.kind.not_in(vendor.KINDS))
        .order_by(tables.delivery.c.created_at.desc())
        .limit(1)
    )
    return id_token(row.id)


def _outage(tx: Tx, step: Step, names: dict[str, str], at: datetime) -> None:
    fields = dict(step.fields) | {"words": step.words, "now": at}
    if step.verb != "end":
        fields["next_update"] = at + timedelta(minutes=step.next_update) if step.next_update else None
    if step.verb == "publish":
        since = at - timedelta(minutes=step.since)
        names[step.outage] = publishing.publish(tx, _agent(tx, step), since=since, **fields)
    else:
        verb = publishing.update if step.verb == "update" else publishing.end
        verb(tx, _agent(tx, step), names[step.outage], **fields)


def _agent(tx: Tx, step: Step) -> Principal:
    return _somebody(tx, step.agent)


def _somebody(tx: Tx, email: str) -> Principal:
    account = accounts.account(tx, email)
    who = accounts.principal(tx, account.kind, account.person) if account else None
    if who is None:
        message = f"{DAY}: {email} is nobody of the demo desk"
        raise ValueError(message)
    return who


def _acts(
    tx: Tx, agent: str, verb: str, number: str, text: str, fields: dict[str, Any], at: datetime
) -> None:
    _act(tx, Step(at=0, agent=agent, verb=verb, text=text, fields=fields), number, at)


def _act(tx: Tx, step: Step, number: str, at: datetime, **other: str) -> None:
    who = _agent(tx, step)
    verb = VERBS[step.verb]
    words = [step.text] if step.verb in WITH_WORDS else []
    fields = dict(step.fields) | other
    if step.verb in ("resolve", "reject", "open_case"):
        fields["text"] = step.text
    verb(tx, who, number, *words, now=at, **fields)


def load(
    tx: Tx,
    wanted: document.Document,
    hashes: rows.Hashes,
    read: Read,
    *,
    now: datetime,
    lead: Lead | None = None,
    draw: demo_reports.Draw | None = None,
) -> int:
    """Configure the desk and play its morning, in one transaction: a start that is interrupted leaves nothing half."""
    rows.apply(tx, HUB, wanted, hashes, now=now - timedelta(days=30))
    steps = play(tx, read, now=now)
    demo_reports.lay(tx, _somebody(tx, REPORTS_BY), draw, now=now)
    return steps + (lead(tx, _day().calls, now=now) if lead else 0)


def is_loaded(tx: Tx) -> bool:
    """Do log-ins of the demo desk exist?"""
    return (
        tx.one(select(tables.agent.c.id).where(tables.agent.c.email.like("%@nordest.test")).limit(1))
        is not None
    )


def logins_text(logins: list[Login], where: Path) -> str:
    """What is printed and kept."""
    lines = [f"Log-ins of the demo desk (kept in {where}):"]
    lines += [f"  {login.place:7} {login.email:45} {login.password}  {login.name}" for login in logins]
    lines += ["By telephone (try /desk/softphone): customer code and PIN, each ended by #"]
    lines += [
        f"  phone   {login.number:16} code {login.phone_code}  PIN {login.pin}  {login.name}"
        for login in logins
        if login.pin
    ]
    return "\n".join(lines) + "\n"
