"""How does a call get into a ticket? As a request of its own, or as one more conversation of the ticket it is about.

By the same intake as all others: an inbound row with one outcome, a message, an event; the sound is a file of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core import numbers, texts
from core.desk import authors, door, filing, intake, joining_ways, outbox, people, reference, threads
from core.desk.case import Case
from core.desk.filing import Message, Understood
from core.desk.live_calls import LiveCall
from core.envelope import Address, Arrival, Attachment, Hints, Inbound, Trust
from core.rules import reaching, threading
from core.store import blobs, tables
from core.store.columns import to_json
from core.store.tx import Prepared, Row

CHANNEL = reaching.PHONE
"""Of whatever line: what a contract line names among its channels."""

recording, ticket_call = tables.recording, tables.ticket_call

_THREADS = Prepared(
    select(tables.thread).where(
        tables.thread.c.ticket_id == bindparam("ticket_id"),
        tables.thread.c.channel == CHANNEL,
        tables.thread.c.address == bindparam("address"),
    )
)
_RECORDINGS = Prepared(
    select(recording).where(recording.c.call_id == bindparam("call_id")).order_by(recording.c.seq)
)
_INBOUND = Prepared(select(tables.inbound).where(tables.inbound.c.id == bindparam("id")))


def open_request(live: LiveCall, kind: str, *, hints: Mapping[str, Any], at: datetime) -> Understood:
    """A new ticket of what was said on the telephone, clocked from `at`. `kind`: see notices/*/call.txt."""
    said = _said(live, kind, hints)
    done = intake.receive(live.tx, _arrival(live, said, at), said, now=live.now)
    if done.ticket_id:
        belongs(live, done.ticket_id, "missed" if kind in ("missed", "voicemail") else "opened")
        _give_sound(live, done.ticket_id, done.message_id)
        live.set(ticket_id=done.ticket_id)
    return done


def add(live: LiveCall, ticket_id: str, kind: str, *, at: datetime) -> Understood:
    """The call becomes a conversation of this ticket, with what was said in it as a message."""
    said = _said(live, kind, {})
    tx = live.tx
    ticket_id = joining_ways.survivor(tx, ticket_id)  # it may have been merged while they spoke
    inbound_id = door.accept(tx, _arrival(live, said, at), now=live.now, later=False)
    row = tx.one(_INBOUND, id=inbound_id)
    author = authors.find(tx, said)
    case = Case.open(tx, ticket_id, now=live.now)
    message = Message(
        row=row,
        said=said,
        author=author,
        trust=Trust(live["trust"]),
        placed=threading.Threading(
            outcome="attach",
            reason="chosen_by_caller",
            ticket=ticket_id,
            thread=_thread(live, case, said, author),
        ),
        detail={"call": live.id, "threading": "chosen_by_caller", "trust": live["trust"]},
    )
    done = filing.attach(case, message, str(message.placed.thread))
    belongs(live, ticket_id, "missed" if kind in ("missed", "voicemail") else "added")
    _give_sound(live, ticket_id, done.message_id)
    live.set(ticket_id=ticket_id)
    return done


def belongs(live: LiveCall, ticket_id: str, how: str) -> None:
    """Note that the call is one of the ticket's; the ticket's own page tells it."""
    live.tx.insert_missing(ticket_call, ticket_id=ticket_id, call_id=live.id, how=how, at=live.now)


def expect_sound(live: LiveCall, seq: int) -> None:
    """A recording was made at this step; its sound may be here already, or come later."""
    live.tx.insert_missing(recording, call_id=live.id, seq=seq, state="expected", at=live.now)
    live.note(sound=seq)


def attach_sound(live: LiveCall, row: Row) -> None:
    """Put the sound beside the message it belongs to, once both are there."""
    if not (row.blob and row.message_id) or row.attachment_id:
        return
    case = Case.open(live.tx, row.ticket_id, now=live.now)
    kind = row.type.partition("/")[2].replace("mpeg", "mp3").replace("x-wav", "wav")
    file = Attachment(
        name=f"{texts.voice(case['language'])['file']}-{case['number']}-{row.seq}.{kind}",
        type=row.type,
        content=blobs.get(live.tx, row.blob),
    )
    (identity,) = outbox.keep_files(case, row.message_id, [file], internal=False)
    live.tx.update(recording, {"call_id": live.id, "seq": row.seq}, attachment_id=identity)
    case.event("call.recorded", actor="system", call=live.id, file=identity)
    case.save()


def _give_sound(live: LiveCall, ticket_id: str, message_id: str | None) -> None:
    """The recording that was made last is of this message."""
    seq = live.fact("sound")
    if seq is None or message_id is None:
        return
    live.tx.update(recording, {"call_id": live.id, "seq": seq}, ticket_id=ticket_id, message_id=message_id)
    live.note(sound=None)
    row = next(one for one in recordings(live) if one.seq == seq)
    attach_sound(live, row)


def recordings(live: LiveCall) -> list[Row]:
    """Of this call, in order."""
    return live.tx.all(_RECORDINGS, call_id=live.id)


def _thread(live: LiveCall, case: Case, said: Inbound, author: authors.Author) -> str:
    """The conversation by telephone with this number; a ticket that began elsewhere is answered there all the same."""
    there = case.tx.one(_THREADS, ticket_id=case.id, address=author.address) if author.address else None
    if there is not None:
        return str(there.id)
    begun = threads.begin(case, said, author, silent=False)
    if case["channel"] != CHANNEL:
        case.tx.update(tables.thread, {"ticket_id": case.id, "id": begun.id}, aside=True)
    return begun.id


def _said(live: LiveCall, kind: str, hints: Mapping[str, Any]) -> Inbound:
    number, contact = live["caller"], people.contact(live.tx, live["contact"]) if live["contact"] else None
    name = contact.name if contact else ""
    language = live.tx.facts.language(live["language"])
    subject, text = texts.notice(
        "call",
        language,
        what=kind,
        name=name or numbers_shown(number, language),
        number=numbers_shown(number, language),
        proved=live["trust"] == "verified",
        unidentified=bool(live.fact("unidentified")),
        sound=live.fact("sound") is not None,
        emergency=bool(live.fact("emergency")),
        request_type=hints.get("request_type") or "",
        technology=hints.get("technology") or "",
        callback=live.fact("callback_number", ""),
    )
    return Inbound(
        channel=CHANNEL,
        author=Address(number, name) if numbers.is_number(number) else None,
        author_text="" if numbers.is_number(number) else numbers_shown(number, language),
        contact=live["contact"] if live["trust"] == "verified" else None,
        subject=subject,
        text=text.strip(),
        told=True,
        mailbox=live["called"],
        hints=Hints(provenance="ivr", **{"customer": live["customer"], **hints})
        if live["customer"]
        else Hints(provenance="ivr", **hints),
    )


def numbers_shown(number: str, language: str) -> str:
    """The number, or that it was withheld."""
    return number or texts.voice(language)["withheld"]


def _arrival(live: LiveCall, said: Inbound, at: datetime) -> Arrival:
    count = live.fact("messages", 0) + 1
    live.note(messages=count)
    told = {"call": live.id, "line": live["line"], "subject": said.subject, "text": said.text}
    return Arrival(
        channel=CHANNEL,
        external_id=f"{live.id}:{count}",
        raw=to_json(told).encode(),
        received_at=at,
        sender=live["caller"],
        recipients=(live["called"],) if live["called"] else (),
        envelope={"line": live["line"], "call": live.id},
    )


def language_of(live: LiveCall) -> str:
    """Of the person or the company that is likely to call; empty: nobody knows."""
    contact = people.contact(live.tx, live["contact"]) if live["contact"] else None
    customer = reference.customer(live.tx, live["customer"]) if live["customer"] else None
    return (contact.language if contact else None) or (customer.language if customer else "")


def days_kept(live: LiveCall) -> int:
    """How long sound of this call is kept. Who wants no conversation recorded left a voice message all the same."""
    customer = reference.customer(live.tx, live["customer"]) if live["customer"] else None
    return (customer.keep_recordings if customer else 0) or reference.KEEP_RECORDINGS
