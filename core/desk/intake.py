"""What becomes of a message? Who wrote, which ticket, may they, what, where, by when: one transaction.

Facts are fetched here and decided in `core.rules`; every decision is kept with its reason in the inbound row's
`detail` and in the ticket's events. What was decided is written by core.desk.filing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import (
    alerts,
    alike,
    authors,
    chat_acting,
    chat_changes,
    chat_intake,
    chat_reach,
    chat_rooms,
    chats,
    comments,
    door,
    filing,
    footers,
    forwarding,
    forwards,
    joining_ways,
    mail_tests,
    mail_troubles,
    page_answers,
    reference,
    restraint,
    returns,
    shares,
    stopped,
    threads,
    upload_links,
    vendor_intake,
    visit_answers,
)
from core.desk.case import Case
from core.desk.chat_came import Came
from core.desk.filing import Message, Understood
from core.desk.scope import PUBLISHED
from core.envelope import Arrival, Inbound, Kind
from core.rules import brakes, chatting, joining, reaching, threading, trust, workflow
from core.rules.chatting import Meant
from core.store import tables
from core.store.tx import Prepared, Row, Tx

_ROW = Prepared(select(tables.inbound).where(tables.inbound.c.id == bindparam("id")))
_NUMBER = Prepared(select(tables.ticket.c.number).where(tables.ticket.c.id == bindparam("id")))


def receive(tx: Tx, arrival: Arrival, said: Inbound, *, now: datetime) -> Understood:
    """Store and understand in one transaction: for the portal and the API, where the person waits for the number."""
    inbound_id = door.accept(tx, arrival, now=now, later=False)
    return understand(tx, inbound_id, said, now=now)


def receive_about(
    tx: Tx, arrival: Arrival, said: Inbound, of: Row, ticket_id: str, *, now: datetime
) -> Understood:
    """The same for what belongs to a chat and to a request that is known: it came by a link for it."""
    row = tx.one(_ROW, id=door.accept(tx, arrival, now=now, later=False))
    meant = Meant(outcome="on", why=chatting.Why.LINK, ticket=ticket_id)
    return _words(tx, row, said, of, meant, now=now)


def understand(tx: Tx, inbound_id: str, said: Inbound, *, now: datetime) -> Understood:
    """Give a stored message its outcome. Safe to repeat: a row that has one keeps it."""
    if tx.foresees:
        _foresee(tx, inbound_id, said, now=now)
    row = tx.one(_ROW, id=inbound_id)
    if row.outcome is not None:
        of = (
            tx.one(_NUMBER, id=row.ticket_id) if row.ticket_id else None
        )  # what is held may have a chat there
        return Understood(
            outcome=row.outcome,
            reason=row.reason,
            ticket_id=row.ticket_id if of is not None else None,
            number=of.number if of is not None else None,
            message_id=row.message_id,
        )
    said = shares.own(tx, row, said, now=now)
    first = alike.first(tx, row, said) if said.content_key else None
    if first is not None and (share := shares.after(tx, first, said, now=now)) is not None:
        said, first = share, alike.first(tx, row, share)
    released = bool(row.detail.get("take_as"))  # staff decided: it is taken, whatever came before
    if first is not None and not released:
        alike.count(tx, first)
        return filing.conclude(tx, row, said, "duplicate", "same_content", now=now, detail={"first": first})
    if released:
        return _released(tx, row, said, now=now)
    if said.kind is Kind.ALERT:
        return alerts.take(tx, row, said, now=now)
    if said.kind in threading.ABOUT_A_DELIVERY:
        return _report(tx, row, said, now=now)
    if said.kind in (Kind.OPT_OUT, Kind.OPT_IN):
        return _wish(tx, row, said, now=now)
    if said.kind is Kind.OWN_LOOP:
        if mail_tests.came(tx, row, said, now=now):
            return filing.conclude(tx, row, said, "machine", mail_tests.NAME, now=now)
        ours = (
            said.channel != reaching.MAIL or said.loop_marked
        )  # letters to staff too, which no delivery knows
        if ours or mail_troubles.is_ours(tx, said.loop_ref):
            mail_troubles.came_back(tx, now=now)
        mail_troubles.of_machines(tx, said.kind, now=now)
        return filing.conclude(tx, row, said, "machine", "own_loop", now=now)
    if (acknowledged := page_answers.by_text(tx, row, said, now=now)) is not None:
        return acknowledged
    if (of_vendor := vendor_intake.take(tx, row, said, now=now)) is not None:
        return of_vendor
    if chat_intake.is_chat(said):
        return _in_chat(tx, row, said, now=now)
    if (answer := visit_answers.judge(tx, said, now=now)) is not None:
        return _calendar(tx, row, said, answer, now=now)
    return _place(tx, _judge(tx, row, said, now=now), now=now)


def _calendar(tx: Tx, row: Row, said: Inbound, answer: visit_answers.Answer, *, now: datetime) -> Understood:
    """What a calendar answers to an invitation is done, and stands where the mail belongs; what does not count, staff see."""
    message = _judge(tx, row, answer.remarked(said), now=now)
    known = restraint.sender(tx, message.author, row.sender, now=now)
    if restraint.flooding(tx, known):
        return filing.hold(tx, message, "sender_flood", now=now)
    if answer.counts:
        visit_answers.take(tx, answer, now=now)
    if message.placed.outcome == "attach":
        return _place(tx, message, now=now, known=known)
    if not answer.counts:
        return filing.hold(tx, message, visit_answers.UNMATCHED, now=now)
    return filing.conclude(tx, row, said, "machine", said.kind, now=now, detail=message.detail)


def _in_chat(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    """What is done in a chat is done; words find their request, or wait for their author to say which."""
    of = chat_intake.come(tx, said, now=now)
    author = authors.find(tx, said)
    came = Came(row=row, said=said, chat=of, author=author, now=now)
    for act in (chat_reach.act, chat_rooms.act, chat_changes.act, chat_acting.act):
        if (done := act(tx, came)) is not None:
            upload_links.offer(tx, of, said, done, now=now)
            return done
    if said.kind is Kind.ACT:
        return filing.conclude(tx, row, said, "machine", "act", now=now)
    return _words(tx, row, said, of, chat_intake.meant(tx, of, said, author, now=now), now=now)


def _words(tx: Tx, row: Row, said: Inbound, of: Row, meant: Meant, *, now: datetime) -> Understood:
    done = _place(tx, _judge(tx, row, said, meant=meant, now=now), now=now, of=of)
    chat_intake.follow(tx, of, row, done, now=now)
    upload_links.offer(tx, of, said, done, now=now)
    return done


def _foresee(tx: Tx, inbound_id: str, said: Inbound, *, now: datetime) -> None:
    """What most messages are asked about."""
    tx.foresee(_ROW, id=inbound_id)
    if said.content_key:
        alike.foresee(tx, said)
    authors.foresee(tx, said)
    reference.foresee(tx)
    threads.foresee(tx, said, now=now)
    vendor_intake.foresee(tx, said)
    if said.author is not None:
        restraint.foresee(tx, said.author.key, now=now)


def _judge(tx: Tx, row: Row, said: Inbound, *, now: datetime, meant: Meant | None = None) -> Message:
    """Who wrote it, how far that is believed, and where it belongs."""
    author = authors.find(tx, said)
    same_id = threads.of_id(tx, said) if meant is None else []
    if any(
        one.kind == threads.SEEN for one in same_id
    ):  # two different messages under one id: both are kept, and the second says so
        said = replace(said, notes=(*said.notes, "another message came with the same id before"))
    said, why_folded = footers.fold(tx, said, whose=author.customer)
    candidates = threads.candidates(tx, said, author, same_id=same_id, now=now, meant=meant)
    if said.reply_tokens and (wrong := threads.never_issued(tx, said, row.recipients)):
        mail_troubles.wrong_tokens(tx, row, wrong, now=now)
    decided = trust.decide(
        known=author.kind in ("contact", "agent"),
        proved=author.proved,
        defects=said.author_defects or (("no_author",) if author.kind == "nobody" else ()),
        authentication=said.authentication,
        token=any(c.how is threading.How.REPLY_ADDRESS and c.issued_to_author for c in candidates),
        own=said.under_our_name,
    )
    placed = threading.decide(
        threading.Asked(
            trust=decided.trust,
            aligned=said.authentication.verdict == "pass",
            customer=author.customer,
            forward=said.forward,
            authentication_failed=decided.reasons[:1] == ("dmarc_fail",),
            doubted=said.authentication.verdict == "fail",
            in_chat=meant.why if meant is not None else "",
            unclear=meant is not None and meant.unclear,
            agent_may_write=tx.facts.mail.agents_comment,
        ),
        candidates,
        now=now,
    )
    detail: dict[str, Any] = {
        "trust": decided.trust,
        "trust_reasons": list(decided.reasons),
        "authentication": list(said.authentication.evidence),
        "threading": placed.reason,
        "suggestions": list(placed.suggestions),
        "links": list(placed.links),
        "considered": [
            {"how": c.how, "number": c.number, "taken": c.taken, "why": c.why} for c in placed.log
        ],
        "kind": said.kind,
        "kind_evidence": list(said.kind_evidence),
        **({"folded": why_folded} if why_folded else {}),
    }
    if meant is not None:
        detail["said_id"] = said.message_id
        detail["meant"] = {"why": meant.why, "offered": [one.number for one in meant.offered]}
    return Message(
        row=row, said=said, author=author, trust=decided.trust, placed=placed, detail=detail, meant=meant
    )


def _place(
    tx: Tx, message: Message, *, now: datetime, of: Row | None = None, known: restraint.Sender | None = None
) -> Understood:
    """`of`: the chat it was said in. `known`: of its sender, where it is counted already."""
    said, placed, rights = message.said, message.placed, threading.rights(message.said.kind)
    known = known or restraint.sender(tx, message.author, message.row.sender, now=now)
    if brakes.in_circles(servers=said.servers, own_servers=said.own_servers, limits=tx.facts.brakes) and (
        rights.may_open or rights.may_attach
    ):
        mail_troubles.came_back(tx, now=now)
        return filing.hold(tx, message, "in_circles", now=now)
    if restraint.flooding(tx, known, in_chat=of is not None) and (rights.may_open or rights.may_attach):
        return filing.hold(tx, message, "sender_flood", now=now)
    if said.under_our_name and rights.may_open:  # web forms write so, and forgers
        return filing.hold(tx, message, "own_address", now=now)
    if of is not None and placed.reason == threading.WHICH_TICKET:
        return chat_intake.wait(tx, of, message, now=now)
    if placed.outcome == "note":
        if not rights.may_reopen:  # nobody of the staff wrote: their absence, or a thumb
            return filing.conclude(
                tx, message.row, said, "machine", said.kind, now=now, detail=message.detail
            )
        return comments.take(tx, message, now=now) or filing.hold(tx, message, "third_party", now=now)
    if placed.outcome == "attach" and rights.may_attach:
        if not rights.may_reopen and restraint.chattering(tx, str(placed.ticket), now=now):
            return filing.conclude(
                tx, message.row, said, "machine", "too_many", now=now, detail=message.detail
            )
        return _attach(tx, message, str(placed.ticket), str(placed.thread), now=now)
    if placed.outcome == "held" and rights.may_attach and not _automatic_beside(said, placed):
        return filing.hold(tx, message, placed.reason, now=now)
    again = (
        alike.again(tx, message.row, said, message.author)
        if placed.outcome == "new" and not placed.follow_up_of
        else None
    )
    if again is not None:
        said = replace(said, notes=(*said.notes, f"{alike.AGAIN}: {again.message}"))
        message = replace(message, said=said, placed=replace(placed, reason=alike.REASON))
        return _attach(tx, message, again.ticket, again.thread, now=now)
    if not rights.may_open and said.by_words:  # a person may write such words too
        return filing.hold(tx, message, "only_words", now=now)
    if not rights.may_open:
        return filing.conclude(tx, message.row, said, "machine", said.kind, now=now, detail=message.detail)
    where = restraint.repeated(tx, said, message.author, known, now=now) if rights.may_reopen else None
    if where is not None and placed.follow_up_of is None:
        message = replace(message, placed=replace(placed, reason="same_text"))
        return _attach(tx, message, where.ticket, where.thread, now=now)
    done = filing.open_ticket(tx, message, known, now=now)
    if done.number is not None and forwarding.proved(said, message.author):
        forwards.take_proved(tx, done.number, now=now)
    return done


def _automatic_beside(said: Inbound, placed: threading.Threading) -> bool:
    """An automatic answer that names nothing, or of somebody else that only came to an envelope sender of ours: nothing to decide on."""
    keys = {one.how for one in placed.log}
    return (
        not said.by_words
        and not threading.rights(said.kind).may_open
        and keys <= {threading.How.BOUNCE_ADDRESS}
    )


def _attach(tx: Tx, message: Message, ticket_id: str, thread_id: str, *, now: datetime) -> Understood:
    case = Case.open(tx, ticket_id, now=now)
    if _gone_on(case, thread_id):
        ticket_id, thread_id = threads.goes_on(tx, ticket_id, thread_id)
        case = Case.open(tx, ticket_id, now=now)
    if case["state"] in workflow.ENDED and "released_by" not in message.detail:
        # It ended while we waited for its row.
        return _place(tx, _judge(tx, message.row, message.said, meant=message.meant, now=now), now=now)
    again = message.placed.reason in filing.SAID_BEFORE
    may_reopen = threading.rights(message.said.kind).may_reopen and not again
    if case["state"] == "resolved" and may_reopen and not restraint.may_reopen(tx, ticket_id, now=now):
        return filing.hold(tx, message, "reopened_too_often", now=now)
    if message.meant is not None:
        thread_id = threads.of_channel(case, message.said, message.author, silent=not may_reopen)
    elif not thread_id:
        thread_id = threads.beside(case, message.said, message.author)
    return filing.attach(case, message, thread_id)


def _gone_on(case: Case, thread_id: str) -> bool:
    """Was it joined to another ticket, or did the conversation leave it, while the message waited?"""
    if case["state"] == workflow.State.MERGED:
        return True
    left = joining.PARTED in case["flags"] and bool(thread_id)
    return left and not joining_ways.is_at(case.tx, case.id, thread_id)


def _released(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    if row.detail["take_as"] == vendor_intake.TAKE_AS:
        return vendor_intake.handed(tx, row, said, now=now)
    if "changed" in row.detail:  # by its author, while it was held
        said = replace(said, text=row.detail["changed"], spans=())
    if chat_intake.is_chat(said) and said.chat is not None and said.chat.part_of:
        of, author = chat_intake.come(tx, said, now=now), authors.find(tx, said)
        came = Came(row=row, said=said, chat=of, author=author, now=now)
        if (joined := chat_changes.act(tx, came)) is not None:
            return joined
    if row.detail["take_as"] == "chosen":
        of = chats.one(tx, row.detail["chat"])
        return _words(tx, row, said, of, chat_intake.chosen(tx, row), now=now)
    if said.under_our_name:
        ours = said.author.address if said.author else ""
        said = replace(said, notes=(*said.notes, f"came under our own address: {ours}"))
        if said.reply_to is not None:
            # Staff took it in: whoever stands in Reply-To asked, as far as anybody can know.
            said = replace(said, author=said.reply_to, author_defects=("known by Reply-To only",))
    message = _judge(tx, row, said, now=now)
    message = replace(message, detail=message.detail | {"released_by": row.detail["by"]})
    take_as, ticket_id = row.detail["take_as"], row.detail.get("ticket")
    if take_as == "ticket" or not ticket_id:
        return filing.open_ticket(
            tx, message, restraint.sender(tx, message.author, row.sender, now=now), now=now
        )
    if take_as == "message":
        # Its author is nobody of the request: only now may the customer read it.
        published = replace(said, notes=(*said.notes, PUBLISHED))
        message = replace(message, said=published, placed=replace(message.placed, reason="released"))
        return _attach(tx, message, ticket_id, row.detail["thread"], now=now)
    return filing.as_note(Case.open(tx, ticket_id, now=now), message)


def _wish(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    """Somebody wants no more messages, or wants them again: it holds for their number, whatever number of ours they wrote to."""
    if said.author is not None:
        stopped.wished(tx, said.author.key, stop=said.kind is Kind.OPT_OUT, now=now)
    return filing.conclude(tx, row, said, "machine", said.kind, now=now)


def _report(tx: Tx, row: Row, said: Inbound, *, now: datetime) -> Understood:
    """A machine's word about something we sent: noted at that delivery, or in the list of what nobody knows."""
    mail_troubles.of_machines(tx, said.kind, now=now)
    if said.kind is Kind.DMARC_REPORT:  # about a day of a domain, no mail of ours
        return filing.conclude(tx, row, said, "machine", said.kind, now=now)
    about = returns.reported(tx, said.kind, bounce_tokens=said.bounce_tokens, report=said.report, now=now)
    if about is None and said.by_words:
        return filing.hold(tx, _judge(tx, row, said, now=now), "only_words", now=now)
    reason = said.kind if about is not None else f"{said.kind}_unknown"
    return filing.conclude(
        tx,
        row,
        said,
        "machine",
        reason,
        now=now,
        detail={"kind_evidence": list(said.kind_evidence), "delivery": about.id if about else None},
    )
