"""What does the API answer? The JSON of interfaces.md as closed shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal[
    "received",
    "triage",
    "qualified",
    "assigned",
    "in_progress",
    "waiting_customer",
    "waiting_vendor",
    "scheduled",
    "onsite",
    "monitoring",
    "on_hold",
    "resolved",
    "closed",
    "rejected",
    "cancelled",
    "merged",
]


class Shape(BaseModel):
    """Times are RFC 3339 in UTC, durations whole seconds."""

    model_config = ConfigDict(frozen=True)


class CustomerRef(Shape):
    """A customer by its code."""

    code: str
    name: str


class Requester(Shape):
    """Who asks."""

    name: str
    email: str
    phone: str = ""


class Entitlement(Shape):
    """What the contract said at the last check."""

    verdict: str
    reasons: list[str] = Field(description="For staff, in words.")
    contract: str | None
    line: str | None
    at: datetime


class Clock(Shape):
    """A measured promise."""

    name: str
    state: str = Field(description="pending, running, paused, met, breached or cancelled.")
    target_s: int
    elapsed_s: int = Field(description="Open, unpaused seconds until now or its end.")
    due_at: datetime | None = Field(
        description="None while it is paused, and for customers where onsite is outlived by a later time of a visit."
    )
    breached_at: datetime | None


class Person(Shape):
    """Who wrote, as they are called. The name is a label, never proof."""

    name: str
    address: str


class Attachment(Shape):
    """A file of a message."""

    id: str
    name: str
    type: str
    size: int = Field(description="Bytes.")


class Report(Shape):
    """What a machine said of something that left, at last: a bounce, a delay, a receipt, a complaint."""

    kind: str = Field(
        description="bounce_hard, bounce_soft, delayed, relayed_ok, mdn (read) or arf (complaint)."
    )
    at: datetime
    recipient: str = Field(description="Whom it names: not always the one we wrote to.")
    action: str = Field(
        description="failed, delayed, delivered, relayed, expanded, displayed …; empty: not said."
    )
    status: str = Field(description="Enhanced status code (RFC 3463), such as 5.1.1; empty: not said.")
    reply: str = Field(description="Reply code by SMTP, such as 550; empty: not said.")
    text: str
    host: str = Field(description="The server that said so; empty: not said.")


class Recipient(Shape):
    """One recipient of something that left."""

    address: str
    channel: str
    state: str = Field(
        description="queued, collected (leaves with the news of other requests), sending, sent, bounced, failed, given_up, passed_on (the same went to them another way), held, withdrawn (did not leave), unsubscribed (did not leave: its reader wants no more progress notices) or retracted (taken back from where it was)."
    )
    at: datetime | None = Field(description="When it was sent.")
    seen_at: datetime | None = Field(description="When they saw it, where the service says so.")
    course: str = Field(
        description="How far it got: the state, or what was heard since it was sent: delayed, delivered, read or complained."
    )
    report: Report | None = Field(description="What a machine said of it, at last. For staff.")


class MessageDelivery(Shape):
    """What became of a message of ours."""

    state: str = Field(description="That of the recipient who is worst off.")
    recipients: list[Recipient]


class Version(Shape):
    """What a message said before."""

    text: str
    until: datetime = Field(description="When its author changed it.")


class Choice(Shape):
    """A button below a message of ours in a chat."""

    label: str
    act: str = Field(
        description="choose, new, status, confirm, refuse, rate, language, take, or another name of what it does."
    )
    address: str = Field(description="For staff: whom it was offered to.")
    chosen: bool
    at: datetime | None = Field(description="When a choice was made; None: it may still be made.")


class Message(Shape):
    """One message of the conversation; a note of colleagues has the audience `internal` and no thread."""

    id: str
    thread: str | None
    channel: str
    direction: Literal["in", "out"]
    audience: str = Field(description="customer, internal, or vendor:ID.")
    author: Person
    answers_to: str | None = Field(
        description="For staff: where it asks to be answered, if that is not its author; proves nothing."
    )
    written_for: str | None = Field(
        description="For staff: who wrote, as the group says that handed it on; proves nothing."
    )
    trust: str | None = Field(
        description="For staff: none, weak, aligned, token or verified; of what came in."
    )
    trust_reasons: list[str] = Field(
        description="For staff: why it is believed that far, as `dmarc_pass`; the deciding one first."
    )
    checks: list[str] = Field(
        description="For staff: what was checked of its origin and what that gave, as in Authentication-Results "
        "(RFC 8601): `dkim=pass header.d=acme.test header.s=s1`."
    )
    subject: str
    text: str
    visible_text: str = Field(description="Without quotations and signatures.")
    notes: list[str] = Field(
        description="For staff: what a reader should know of it, as `signature not checked`."
    )
    times: int = Field(description="For staff: how often it was handed in, all ways together.")
    attachments: list[Attachment]
    at: datetime
    delivery: MessageDelivery | None = Field(
        description="Of what we said, as far as it went to the reader's eyes."
    )
    seen_at: datetime | None = Field(
        description="Of what we said in a chat: when somebody it was sent to saw it first."
    )
    edited: datetime | None = Field(description="When its author changed it last; None: never.")
    versions: list[Version] = Field(description="For staff: what it said before, oldest first.")
    withdrawn_at: datetime | None = Field(
        description="When it was taken back; whoever is not staff gets no words of it then."
    )
    buttons: list[Choice] = Field(description="What may be, or was, chosen below it in a chat.")


class Participant(Person):
    """Somebody of a conversation."""

    role: str = Field(
        description="requester, participant, cc, visitor, silent (a machine), sender (answered elsewhere) or reply_to."
    )
    state: str = Field(description="joined or retired.")
    since: datetime
    written_to: bool = Field(
        description="Whether an answer of staff goes to them, and to this address: one person gets it once."
    )
    why: str = Field(
        description="written_to, retired, cc, visitor, reply_to, answered_elsewhere, outsider or bad_address."
    )
    outsider: bool = Field(description="Nobody of the ticket's customer.")


class Thread(Shape):
    """One conversation on one channel, with the people in it."""

    id: str
    channel: str
    address: str
    participants: list[Participant]


class Way(Shape):
    """How somebody can be answered."""

    address: str
    channel: str
    stopped: str | None = Field(
        description="Why what is sent there does not arrive, or does not leave, as /stopped-addresses says it; null: nothing is known against it."
    )


class Answer(Shape):
    """Somebody who gets an answer of staff, once."""

    name: str
    address: str = Field(description="Where, unless `by` says otherwise.")
    ways: list[Way] = Field(description="That one first, then whatever else is known to be theirs.")


class CallSummary(Shape):
    """A telephone call in a list."""

    id: str
    direction: Literal["in", "out"]
    line: str = Field(description="For staff: twilio, sip, softphone, or out.")
    caller: str = Field(
        description="For staff: the other side's number; masked for who does not answer calls."
    )
    customer: CustomerRef | None = Field(description="For staff.")
    contact: str = Field(description="Who called, if that was proved.")
    trust: str | None = Field(description="For staff: none, weak (the number is known) or verified (PIN).")
    group: str | None = Field(description="For staff: whose line they waited in.")
    phase: Literal["flow", "queue", "bridged", "over"]
    outcome: str | None = Field(
        description="spoke, recorded, voicemail, callback, informed, missed, short or tried; None: not over."
    )
    agent: str | None = Field(description="Name of who spoke with them.")
    tickets: list[str] = Field(description="Numbers of the tickets it belongs to.")
    began_at: datetime = Field(description="The first ring.")
    queued_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None


class CallEntry(Shape):
    """What a caller did at one step."""

    seq: int
    at: datetime
    event: str = Field(description="digits, silence or done.")
    keys: str = Field(description="Dots for each digit of a secret.")
    node: str = Field(description="The step of the call flow.")
    asked: str = Field(description="What had been said.")
    to: str | None = Field(description="The step that was chosen.")
    meaning: str | None = Field(description="The type or technology that was chosen.")


class Transcript(Shape):
    """A suggestion; the sound stays the record."""

    engine: str
    text: str


class Recording(Shape):
    """A sound of a call."""

    seq: int = Field(description="Of the step; 0: the conversation.")
    state: Literal["expected", "stored", "missing", "deleted"]
    file: str | None = Field(description="Id of the attachment of the ticket's message.")
    type: str
    seconds: float
    at: datetime
    keep_until: datetime | None = Field(description="For staff.")
    transcript: Transcript | None = Field(description="For staff.")


class Call(CallSummary):
    """A telephone call with what happened in it."""

    how: str | None = Field(
        description="opened, added, heard, missed, spoke or callback: how it belongs to the ticket it is on."
    )
    language: str
    entries: list[CallEntry] = Field(description="For staff.")
    recordings: list[Recording] = Field(description="For contacts those that they may hear.")


class Summary(Shape):
    """A ticket in a list."""

    number: str
    subject: str
    state: State
    priority: str | None
    request_type: str | None
    technology: str | None
    customer: CustomerRef | None
    requester: Requester
    group: str | None
    level: int
    assignee: str | None = Field(description="E-mail of the agent; for contacts the name.")
    origin: str = Field(description="The channel it began on.")
    chat: str | None = Field(description="The channel of the customer's last words, where that is a chat.")
    waits_since: datetime | None = Field(
        description="The customer spoke last: since when they wait for a word of ours."
    )
    trust: str | None = Field(description="For staff: of the last message from outside.")
    flags: list[str]
    received_at: datetime
    updated_at: datetime
    next_due: datetime | None = Field(description="When the next promise is due.")
    resolved_at: datetime | None
    closed_at: datetime | None
    last_event: int = Field(description="The newest event: what `seen` is compared with.")


class Rating(Shape):
    """What the customer thinks of how it went."""

    score: int = Field(description="1 to 5.")
    comment: str
    at: datetime = Field(description="When it was given or changed.")
    channel: str


class Engaged(Shape):
    """A vendor works on it."""

    since: datetime
    reference: str | None = Field(description="The vendor's, if the customer may know it.")
    next_update_due: datetime | None = Field(description="When the vendor's next word is due.")


class Workaround(Shape):
    """What works for now, and what the customer says of it. Who applied it and which error it is of is for staff."""

    id: str
    text: str
    applied_at: datetime
    by: str
    review_by: datetime = Field(description="It is looked at again by then.")
    state: str = Field(description="asked, accepted, refused or ended.")
    answered_by: str
    answered_at: datetime | None
    why: str = Field(description="What does not work.")
    known_error: str = Field(description="KE-12; empty: none.")


class Ticket(Summary):
    """A ticket with its conversation."""

    impact: int | None
    urgency: int | None
    asset: str | None
    site: str | None
    language: str
    merged_into: str | None = Field(
        description="Number of the request that it was merged into; null: none, or none that you may see."
    )
    entitlement: Entitlement | None
    clocks: list[Clock]
    allowed: list[str] = Field(description="Verbs that the state allows to the caller.")
    offered_requester: str = Field(
        description="For staff: whom a colleague's forward names as its writer; empty: nobody."
    )
    threads: list[Thread]
    answers: list[Answer] = Field(description="For staff: who gets an answer, and how.")
    messages: list[Message]
    calls: list[Call] = Field(description="Telephone calls, in their order.")
    rating: Rating | None = Field(description="None: nobody rated it.")
    engaged: list[Engaged] = Field(description="Vendors who work on it, as the customer may know.")
    workarounds: list[Workaround] = Field(
        description="In the order in which they were applied; the last is what stands, if one does."
    )


class Event(Shape):
    """Something that happened."""

    seq: int
    kind: str
    at: datetime = Field(description="When it was true.")
    recorded_at: datetime
    actor: str = Field(description="agent:ID, contact:ID, address or system; for contacts without the id.")
    actor_name: str
    data: dict[str, Any]


class InboundItem(Shape):
    """Something that arrived, and what became of it."""

    id: str
    channel: str
    received_at: datetime
    sender: str = Field(description="As the envelope said; proves nothing.")
    recipients: list[str]
    author: str
    subject: str
    size: int = Field(description="Bytes.")
    outcome: str | None = Field(description="None: not yet understood.")
    reason: str
    detail: dict[str, Any] = Field(description="What led to the outcome.")
    ticket: str | None = Field(description="Number of the ticket it belongs to, or is held beside.")
    waiting: bool = Field(description="Staff have to decide.")
    decided_at: datetime | None


class Tickets(Shape):
    """A page of tickets."""

    items: list[Summary]
    next: str | None = Field(description="The cursor of the next page; None: this is the last.")


class Calls(Shape):
    """A page of calls."""

    items: list[CallSummary]
    next: str | None


class Callback(Shape):
    """Somebody who waits to be called back."""

    ticket: str = Field(description="Number.")
    subject: str
    customer: str
    call: str = Field(description="Id of the call it is owed for.")
    number: str = Field(description="Masked for who does not answer calls.")
    name: str
    group: str | None
    reason: str = Field(description="asked, missed or voicemail.")
    since: datetime = Field(description="Their place in line.")


class Callbacks(Shape):
    """Who waits, in turn."""

    items: list[Callback]


class Events(Shape):
    """A page of events."""

    items: list[Event]
    next: str | None


class InboundItems(Shape):
    """A page of what arrived."""

    items: list[InboundItem]
    next: str | None


class Retried(Shape):
    """What was taken up again."""

    tried: int = Field(description="How many; each has its outcome a moment later.")


class Me(Shape):
    """Whose token it is."""

    kind: Literal["agent", "contact"]
    id: str
    name: str
    email: str
    role: str = Field(description="The one that says most.")
    roles: list[str]
    groups: list[str] = Field(description="Of an agent.")
    customer: str | None = Field(description="Code, of a contact.")
    sites: list[str] = Field(description="What a manager sees; empty: all.")
    language: str
    scopes: list[str]


class ContractLine(Shape):
    """What is bought. Empty lists mean all."""

    name: str
    technologies: list[str]
    request_types: list[str]
    channels: list[str]
    calendar: str
    sla: str | None
    onsite: bool
    measure: str
    quantity: float | None
    used: float


class QuickReply(Shape):
    """A text that staff may put into an answer."""

    name: str
    text: str
    language: str
    missing: list[str] = Field(description="Places without a value: they stand in the text as written.")


class QuickReplies(Shape):
    """Those for one ticket."""

    items: list[QuickReply]


class Link(Shape):
    """An account on a chat that is connected to you."""

    channel: str
    address: str = Field(description="As conversations name it: `telegram:4242`.")
    name: str = Field(description="As the account calls itself: a label.")
    proof: str = Field(
        description="link: by a code; code: by a code by mail; token: signed by a page; sign_in: in the portal; staff: said by staff, proves nothing."
    )
    since: datetime


class Links(Shape):
    """Accounts on chats, oldest first."""

    items: list[Link]


class LinkCode(Shape):
    """What connects an account, once."""

    code: str = Field(description="26 characters.")
    url: str = Field(description="Opens the service with the code.")
    expires_at: datetime


class ContactAccount(Link):
    """An account on a chat that is known to be somebody's."""

    gone: bool = Field(description="They blocked us there, or left.")


class MergedContact(Shape):
    """A contact that turned out to be somebody else."""

    id: str
    name: str
    email: str


class ContactCard(Shape):
    """A person, with everything that is known to be theirs."""

    id: str
    customer: str = Field(description="Code.")
    name: str
    email: str
    phone: str
    also: list[MergedContact] = Field(description="Contacts that turned out to be this one.")
    accounts: list[ContactAccount]


class Room(Shape):
    """A room of a chat service that wrote to the desk."""

    id: str
    channel: str
    address: str
    title: str = Field(description="As the service gives it: a label.")
    customer: CustomerRef | None = Field(
        description="Whose it is; what is said in nobody's room is not taken in."
    )
    last_at: datetime
    gone: bool = Field(description="The desk is no longer in it.")


class Rooms(Shape):
    """Rooms, those that spoke last first."""

    items: list[Room]
