"""How does what the desk shows become the JSON of the API?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core.desk.accounts import SCOPES
from core.desk.call_views import CallView
from core.desk.principal import AGENT_ROLES, CONTACT_ROLES, Principal
from core.desk.stopped import Stopped
from core.desk.views import (
    AnswerView,
    ClockView,
    DeliveryRow,
    DeliveryView,
    EntitlementView,
    EventView,
    InboundRow,
    MessageView,
    NoteView,
    ReportView,
    ThreadView,
    TicketRow,
    TicketView,
    WorkaroundView,
)
from web.api import mail_shapes, shapes


def summary(row: TicketRow) -> dict[str, Any]:
    """The fields of Summary."""
    return {
        "number": row.number,
        "subject": row.subject,
        "state": row.state,
        "priority": row.priority,
        "request_type": row.request_type,
        "technology": row.technology,
        "customer": shapes.CustomerRef(code=row.customer, name=row.customer_name) if row.customer else None,
        "requester": shapes.Requester(name=row.requester_name, email=row.requester_address),
        "group": row.desk_group,
        "level": row.level,
        "assignee": row.assignee_email or row.assignee_name or None,
        "origin": row.channel,
        "chat": row.chat,
        "waits_since": row.waits_since,
        "trust": row.trust or None,
        "flags": list(row.flags),
        "received_at": row.received_at,
        "updated_at": row.updated_at,
        "next_due": row.next_due,
        "resolved_at": row.resolved_at,
        "closed_at": row.closed_at,
        "last_event": row.last_event,
    }


def ticket(view: TicketView) -> shapes.Ticket:
    """The whole ticket; notes stand among the messages, in the order of time."""
    said = [message(one) for one in view.messages] + [note(one) for one in view.notes]
    fields = summary(view.row)
    fields["requester"] = fields["requester"].model_copy(update={"phone": view.contact_phone})
    return shapes.Ticket(
        **fields,
        impact=view.impact,
        urgency=view.urgency,
        asset=view.asset,
        site=view.site,
        language=view.language,
        merged_into=view.merged_into,
        entitlement=entitlement(view.entitlement) if view.entitlement else None,
        clocks=[clock(one) for one in view.clocks],
        allowed=list(view.allowed),
        offered_requester=view.offered_requester,
        threads=[thread(one) for one in view.threads],
        answers=[answer(one) for one in view.answers],
        messages=sorted(said, key=lambda one: (one.at, one.id)),
        calls=[call(one) for one in view.calls],
        rating=shapes.Rating(
            score=view.rating.score,
            comment=view.rating.comment,
            at=view.rating.at,
            channel=view.rating.channel,
        )
        if view.rating
        else None,
        engaged=[
            shapes.Engaged(
                since=one.since, reference=one.reference or None, next_update_due=one.next_update_due
            )
            for one in view.engaged
        ],
        workarounds=[workaround(one) for one in view.workarounds],
    )


def workaround(one: WorkaroundView) -> shapes.Workaround:
    """What works for now."""
    return shapes.Workaround(
        id=one.id,
        text=one.text,
        applied_at=one.applied_at,
        by=one.by,
        review_by=one.review_by,
        state=one.state,
        answered_by=one.answered_by,
        answered_at=one.answered_at,
        why=one.why,
        known_error=one.known_error,
    )


def call_summary(view: CallView) -> shapes.CallSummary:
    """A call in a list."""
    return shapes.CallSummary(**_call(view))


def call(view: CallView) -> shapes.Call:
    """A call with what happened in it."""
    return shapes.Call(
        **_call(view),
        how=view.how or None,
        language=view.language,
        entries=[
            shapes.CallEntry(
                seq=one.seq,
                at=one.at,
                event=one.event,
                keys=one.keys,
                node=one.node,
                asked=one.asked,
                to=one.to or None,
                meaning=one.meaning or None,
            )
            for one in view.entries
        ],
        recordings=[
            shapes.Recording(
                seq=one.seq,
                state=one.state,
                file=one.file,
                type=one.type,
                seconds=one.seconds,
                at=one.at,
                keep_until=one.keep_until,
                transcript=shapes.Transcript(engine=one.engine, text=one.transcript)
                if one.transcript
                else None,
            )
            for one in view.recordings
        ],
    )


def _call(view: CallView) -> dict[str, Any]:
    return {
        "id": view.id,
        "direction": view.direction,
        "line": view.line,
        "caller": view.caller,
        "customer": shapes.CustomerRef(code=view.customer, name=view.customer_name)
        if view.customer
        else None,
        "contact": view.contact_name,
        "trust": view.trust or None,
        "group": view.group,
        "phase": view.phase,
        "outcome": view.outcome or None,
        "agent": view.agent_name or None,
        "tickets": list(view.tickets),
        "began_at": view.began_at,
        "queued_at": view.queued_at,
        "bridged_at": view.bridged_at,
        "ended_at": view.ended_at,
    }


def thread(view: ThreadView) -> shapes.Thread:
    """A conversation."""
    return shapes.Thread(
        id=view.id,
        channel=view.channel,
        address=view.address,
        participants=[
            shapes.Participant(
                name=one.name,
                address=one.address,
                role=one.role,
                state=one.state,
                since=one.since,
                written_to=one.answered,
                why=one.why,
                outsider=one.outsider,
            )
            for one in view.participants
        ],
    )


def answer(view: AnswerView) -> shapes.Answer:
    """Who gets an answer."""
    return shapes.Answer(
        name=view.name,
        address=view.address,
        ways=[
            shapes.Way(
                address=one.address, channel=one.channel, stopped=one.stopped.replace(" ", "_") or None
            )
            for one in view.ways
        ],
    )


def message(view: MessageView) -> shapes.Message:
    """A message of the conversation."""
    return shapes.Message(
        id=view.id,
        thread=view.thread,
        channel=view.channel,
        direction="in" if view.direction == "in" else "out",
        audience=view.audience,
        author=shapes.Person(name=view.author_name, address=view.author_address),
        answers_to=view.answers_to or None,
        written_for=view.written_for or None,
        trust=view.trust or None,
        trust_reasons=list(view.trust_reasons),
        checks=list(view.checks),
        subject=view.subject,
        text=view.text,
        visible_text=view.visible_text,
        notes=list(view.notes),
        times=view.times,
        attachments=[_attachment(one) for one in view.files],
        at=view.at,
        delivery=_delivery(view.deliveries) if view.deliveries else None,
        seen_at=min((one.seen_at for one in view.deliveries if one.seen_at), default=None),
        edited=view.edited_at,
        versions=[shapes.Version(text=one.text, until=one.until) for one in view.versions],
        withdrawn_at=view.withdrawn_at,
        buttons=[
            shapes.Choice(label=one.label, act=one.act, address=one.address, chosen=one.chosen, at=one.at)
            for one in view.buttons
        ],
    )


def note(view: NoteView) -> shapes.Message:
    """What a colleague wrote for colleagues."""
    return shapes.Message(
        id=view.id,
        thread=None,
        channel="desk",
        direction="out",
        audience="internal",
        author=shapes.Person(name=view.agent_name, address=""),
        answers_to=None,
        written_for=None,
        trust=None,
        trust_reasons=[],
        checks=[],
        subject="",
        text=view.text,
        visible_text=view.text,
        notes=[],
        times=1,
        attachments=[_attachment(one) for one in view.files],
        at=view.at,
        delivery=None,
        seen_at=None,
        edited=None,
        versions=[],
        withdrawn_at=None,
        buttons=[],
    )


def clock(view: ClockView) -> shapes.Clock:
    """A clock."""
    return shapes.Clock(
        name=view.name,
        state=view.state,
        target_s=view.target_s,
        elapsed_s=view.elapsed_s,
        due_at=view.due_at,
        breached_at=view.breached_at,
    )


def entitlement(view: EntitlementView) -> shapes.Entitlement:
    """The last check."""
    return shapes.Entitlement(
        verdict=view.verdict,
        reasons=[str(reason.get("sentence") or reason.get("code", "")) for reason in view.reasons],
        contract=view.contract,
        line=view.line,
        at=view.at,
    )


def event(view: EventView) -> shapes.Event:
    """An event."""
    return shapes.Event(
        seq=view.seq,
        kind=view.kind,
        at=view.at,
        recorded_at=view.recorded_at,
        actor=view.actor,
        actor_name=view.actor_name,
        data=dict(view.data),
    )


def inbound_item(row: InboundRow) -> shapes.InboundItem:
    """What arrived."""
    return shapes.InboundItem(
        id=row.id,
        channel=row.channel,
        received_at=row.received_at,
        sender=row.sender,
        recipients=list(row.recipients),
        author=row.author,
        subject=row.subject,
        size=row.size,
        outcome=row.outcome,
        reason=row.reason,
        detail=dict(row.detail),
        ticket=row.ticket,
        waiting=row.open,
        decided_at=row.decided_at,
    )


def delivery(row: DeliveryRow) -> mail_shapes.Delivery:
    """What left."""
    return mail_shapes.Delivery(
        id=row.id,
        ticket=row.ticket,
        outage=row.outage or None,
        message=row.message,
        channel=row.channel,
        address=row.address,
        name=row.name,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        created_at=row.created_at,
        sent_at=row.sent_at,
        seen_at=row.seen_at,
        course=row.course,
        report=_report(row.report),
    )


def stopped_address(row: Stopped) -> mail_shapes.StoppedAddress:
    """An address that gets nothing."""
    return mail_shapes.StoppedAddress(
        address=row.address,
        reason=row.reason.replace(" ", "_"),
        at=row.at,
        said=row.said,
        ticket=row.ticket,
        lifts=row.lifts,
    )


def _report(view: ReportView | None) -> shapes.Report | None:
    return None if view is None else shapes.Report(**asdict(view))


def me(who: Principal) -> shapes.Me:
    """The principal of the call."""
    known = AGENT_ROLES if who.is_agent else CONTACT_ROLES
    roles = [role for role in known if role in who.roles]
    return shapes.Me(
        kind="agent" if who.is_agent else "contact",
        id=who.id,
        name=who.name,
        email=who.email,
        role=roles[-1] if roles else "",
        roles=roles,
        groups=list(who.groups),
        customer=who.customer,
        sites=list(who.sites),
        language=who.language,
        scopes=sorted(who.scopes) if who.scopes is not None else list(SCOPES),
    )


_WORST_FIRST = (
    "failed",
    "given_up",
    "bounced",
    "withdrawn",
    "unsubscribed",
    "held",
    "queued",
    "collected",
    "sending",
    "sent",
    "passed_on",
    "retracted",
)


def _delivery(sent: tuple[DeliveryView, ...]) -> shapes.MessageDelivery:
    states = {one.state for one in sent}
    worst = next((state for state in _WORST_FIRST if state in states), sent[0].state)
    recipients = [
        shapes.Recipient(
            address=one.address,
            channel=one.channel,
            state=one.state,
            at=one.sent_at,
            seen_at=one.seen_at,
            course=one.course,
            report=_report(one.report),
        )
        for one in sent
    ]
    return shapes.MessageDelivery(state=worst, recipients=recipients)


def _attachment(file: Any) -> shapes.Attachment:
    return shapes.Attachment(id=file.id, name=file.name, type=file.type, size=file.size)
