"""What do pages and the API show of a ticket? The shapes; `search` and `page` fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from core.desk.call_views import CallView

VIEWS = (
    "qualify",
    "mine",
    "groups",
    "unassigned",
    "chats",
    "due",
    "waiting",
    "held",
    "exceptions",
    "undelivered",
    "open",
    "all",
)
"""Built-in views of the inbox. `held` and `exceptions` list inbound items, `undelivered` lists deliveries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """One line of a list."""

    id: str
    number: str
    subject: str
    snippet: str
    state: str
    state_since: datetime
    priority: str | None
    request_type: str | None
    technology: str | None
    customer: str | None
    """Code; None: not known who it is."""
    customer_name: str
    requester_name: str
    requester_address: str
    desk_group: str | None
    level: int
    assignee: str | None
    """Agent id."""
    assignee_name: str
    assignee_email: str
    channel: str
    trust: str
    verdict: str
    flags: tuple[str, ...]
    next_due: datetime | None
    next_clock: str | None
    breached_at: datetime | None
    received_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    last_direction: str
    """in: the other side spoke last; out: we did."""
    open: bool
    last_event: int
    chat: str | None
    """The channel of the customer's last words, where that is a chat."""
    waits_since: datetime | None
    """The customer spoke last: since when they wait for a word of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list; `next` is the cursor of the following one, None at the end."""

    items: tuple[Any, ...]
    next: str | None
    back_to: datetime | None = None
    """Where a page looks through so much and no more: what is older has not been looked at. None: it is full, or the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file of a message or note."""

    id: str
    name: str
    type: str
    size: int
    inline: bool
    content_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """What a machine said of something that left, at last."""

    kind: str
    """bounce_hard, bounce_soft, delayed, relayed_ok, mdn (read) or arf (complaint)."""
    at: datetime
    recipient: str
    """Whom it names: not always the one we wrote to."""
    action: str
    status: str
    """Enhanced status code, e.g. 5.1.1; empty: not said, as those below."""
    reply: str
    text: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One recipient of something that left."""

    id: str
    address: str
    name: str
    channel: str
    kind: str
    state: str
    """queued, collected, sending, sent, bounced, failed, given_up, passed_on, held, withdrawn, unsubscribed or retracted."""
    attempts: int
    error: str
    created_at: datetime
    sent_at: datetime | None
    seen_at: datetime | None
    """The recipient has seen it, where the service says so."""
    report: ReportView | None = None
    """For staff."""

    @property
    def course(self) -> str:
        """How far it got: its state, or what was heard since: delayed, delivered, read or complained."""
        return course(self.state, seen=self.seen_at is not None, report=self.report)


_HEARD = {"delayed": "delayed", "relayed_ok": "delivered", "arf": "complained"}


def course(state: str, *, seen: bool, report: ReportView | None) -> str:
    """How far something got that left: its state, or what was heard since.

    >>> course("sent", seen=True, report=None), course("bounced", seen=False, report=None)
    ('read', 'bounced')
    """
    if state != "sent":
        return state
    heard = _HEARD.get(report.kind, "") if report is not None else ""
    return "read" if seen and heard != "complained" else heard or state


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """What a message said before its author changed it."""

    text: str
    until: datetime
    """When it was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonView:
    """What somebody may choose, or might have chosen, below a message of ours in a chat."""

    address: str
    """Whom it was offered to."""
    act: str
    value: str
    label: str
    chosen: bool
    over: bool
    """A choice was made: none of them does anything more."""
    at: datetime | None
    """When the choice was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One message of the conversation with the customer."""

    id: str
    thread: str
    channel: str
    direction: str
    """in or out."""
    audience: str
    kind: str
    automatic: bool
    words: bool
    """A notice of ours that hands on what a person wrote: a workaround."""
    author_name: str
    author_address: str
    author_is_requester: bool
    answers_to: str
    """Where the message asks to be answered, if that is not its author; empty: it does not say."""
    written_for: str
    """Who wrote, as a group says that handed it on; nothing proves it."""
    trust: str
    trust_reasons: tuple[str, ...]
    """Why it is believed that far, for staff: codes of core.rules.trust, the deciding one first."""
    checks: tuple[str, ...]
    """What was checked of its origin and what that gave, for staff: as in Authentication-Results (RFC 8601)."""
    subject: str
    text: str
    spans: tuple[tuple[int, int, str], ...]
    """(start, end, kind); empty: all visible."""
    visible_text: str
    has_html: bool
    language: str
    at: datetime
    notes: tuple[str, ...]
    """What a reader should know of it, for staff: codes, some with a value behind a colon."""
    times: int
    """How often it was handed in, all ways and repetitions together."""
    repeats: str
    """Id of the message that its author says again here; empty: nothing."""
    people: Mapping[str, Any]
    files: tuple[FileView, ...]
    deliveries: tuple[DeliveryView, ...]
    withdrawn_at: datetime | None
    """Its author took it back; a contact does not get its words then."""
    edited_at: datetime | None
    """When its author changed it last."""
    versions: tuple[VersionView, ...]
    """What it said before, oldest first; for staff."""
    buttons: tuple[ButtonView, ...]
    agent: str | None
    """Id of the member of staff who wrote it; for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """What a colleague wrote for colleagues."""

    id: str
    agent: str
    agent_name: str
    text: str
    at: datetime
    files: tuple[FileView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """Something that happened, with its reason."""

    seq: int
    kind: str
    at: datetime
    recorded_at: datetime
    actor: str
    actor_name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """A measured promise. Seconds are open, unpaused working time."""

    name: str
    cycle: int
    state: str
    """running, paused, met, breached or cancelled."""
    target_s: int
    elapsed_s: int
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    breached_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementView:
    """The last frozen check."""

    verdict: str
    decision: str
    reasons: tuple[Mapping[str, Any], ...]
    """Each {"code", "sentence", …values}."""
    contract: str | None
    line: str | None
    sla: str | None
    calendar: str | None
    window_open: bool
    next_open_at: datetime | None
    would_be: str | None
    at: datetime
    candidates: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """Somebody of a conversation."""

    address: str
    name: str
    role: str
    """See rules.participation.Role."""
    contact: str | None
    state: str
    """joined or retired."""
    since: datetime
    why: str
    """rules.participation.Why: whether an answer of staff goes to them, and why not."""
    why_automatic: str
    """The same of what the desk says by itself."""
    customers: tuple[str, ...]
    """Whose contact they are."""
    outsider: bool
    """Nobody of the ticket's customer; written to only because staff said so."""
    answered: bool = False
    """An answer of staff goes to them, and here: of one person's several addresses to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView:
    """One conversation on one channel, with the people in it."""

    id: str
    channel: str
    address: str
    participants: tuple[PersonView, ...]
    """A contact gets those who are of the request now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayView:
    """How a person can be answered."""

    address: str
    channel: str
    chosen: bool
    """They are, unless staff say otherwise."""
    stopped: str = ""
    """Why nothing arrives there, or nothing leaves: a reason of core.desk.stopped; empty: nothing is known against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """Somebody who gets an answer of staff, once, and how; for staff."""

    name: str
    contact: str | None
    outsider: bool
    ways: tuple[WayView, ...]
    """The chosen one first, then their other conversations, what is proved theirs, their mail, their telephone."""

    @property
    def address(self) -> str:
        """Where they are answered unless staff say otherwise."""
        return self.ways[0].address


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceView:
    """A colleague who has the ticket open."""

    agent: str
    name: str
    doing: str
    """looking or writing."""
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """What happens next and when, for portal and board. `key` names the sentence in the catalogue."""

    key: str
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherView:
    """Another ticket, as it is named beside one."""

    number: str
    subject: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingView:
    """What the customer thinks of how it went."""

    score: int
    """1 to 5."""
    comment: str
    at: datetime
    channel: str


VisitState: TypeAlias = Literal[
    "proposed", "counter", "confirmed", "en_route", "onsite", "done", "no_access", "cancelled"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """A time that was offered for a visit, and waits for a choice."""

    id: str
    engineer: str
    """Name of who would come, and lead."""
    others: tuple[str, ...]
    """Names of who would come with them."""
    start: datetime
    end: datetime
    expires_at: datetime
    """So long it is held."""
    why: str
    """A word of `rules.slots.Reason`."""
    late: bool
    """It begins after what was promised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineerView:
    """Who comes."""

    id: str
    name: str
    email: str
    """Empty outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """A visit on site. A contact gets it without its purpose, parts and staff's reasons."""

    id: str
    number: str
    """Of its ticket."""
    state: VisitState
    site: str
    place: str
    time_zone: str
    purpose: str
    skills: tuple[str, ...]
    parts: tuple[Mapping[str, str], ...]
    minutes: int
    count: int
    """Engineers it asks for."""
    engineers: tuple[EngineerView, ...]
    """Who comes or came; the first leads."""
    window_start: datetime | None
    window_end: datetime | None
    arrived_at: datetime | None
    left_at: datetime | None
    sequence: int
    """How often it was changed since it was agreed."""
    billable: bool
    ended_why: str
    replaces: str | None
    made_at: datetime
    closed_at: datetime | None
    slots: tuple[SlotView, ...]
    """Times that wait for a choice; of an agreed visit: to move it."""
    no_time: str
    """Why there was no time to offer, a word of `rules.slots.Why`; empty: there is, or nobody looked since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownErrorHint:
    """A known error that a ticket seems to be about."""

    number: int
    name: str
    title: str
    steps: str
    public_text: str
    risk: str
    why: str
    """pattern, asset or words."""
    because: str
    expired: bool
    expires_on: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkaroundView:
    """A workaround of a ticket. A contact gets it without who applied it and which error it is of."""

    id: str
    text: str
    applied_at: datetime
    by: str
    """Name."""
    review_by: datetime
    state: str
    """asked, accepted, refused or ended."""
    answered_by: str
    answered_at: datetime | None
    why: str
    known_error: str
    """KE-12; empty: none, or outside."""
    answerable: bool
    """The reader may say whether it works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRef:
    """A problem that a ticket has, for staff."""

    number: int
    name: str
    """PB-3."""
    title: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketView:
    """The whole ticket. A contact gets it without notes, events of the inside, trust and staff's reasons."""

    row: TicketRow
    language: str
    time_zone: str
    """Of the customer."""
    contact: str | None
    contact_phone: str
    claimed_email: str
    """Where whoever asks in a chat says that they are reached by mail: for staff, and not proved."""
    impact: int | None
    urgency: int | None
    asset: str | None
    site: str | None
    provenance: Mapping[str, str]
    resolution: Mapping[str, Any]
    follow_up_of: str | None
    """Number of the earlier ticket."""
    reopenable_until: datetime | None
    """That one was closed not long ago: until then a shift leader may reopen it instead. For staff."""
    merged_into: str | None
    offered_requester: str
    """Whom a colleague's forward names as its writer: an address; empty: nobody, or it is theirs."""
    suggestions: tuple[str, ...]
    """Numbers of tickets that its first message names without being part of them: staff may join them."""
    messages: tuple[MessageView, ...]
    notes: tuple[NoteView, ...]
    events: tuple[EventView, ...]
    clocks: tuple[ClockView, ...]
    entitlement: EntitlementView | None
    threads: tuple[ThreadView, ...]
    presence: tuple[PresenceView, ...]
    drafts: Mapping[str, str]
    """kind to text: the asking agent's own."""
    allowed: tuple[str, ...]
    """Verbs that the state allows to the one who asks."""
    next_action: NextAction
    history: Sequence[OtherView] = ()
    """Other tickets of the requester or customer, newest first, at most ten."""
    answers: tuple[AnswerView, ...] = ()
    """Who gets an answer, and how; for staff."""
    calls: tuple[CallView, ...] = ()
    """Telephone calls, in their order; a contact learns that they were there."""
    rating: RatingView | None = None
    visits: tuple[VisitView, ...] = ()
    """On site, in the order in which they were planned."""
    engaged: tuple[EngagedView, ...] = ()
    """Vendors who work on it, as a customer may know."""
    workarounds: tuple[WorkaroundView, ...] = ()
    """In the order in which they were applied; the last one is what stands, if one does."""
    problems: tuple[ProblemRef, ...] = ()
    """For staff."""
    known_errors: tuple[KnownErrorHint, ...] = ()
    """What it may be about, for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagedView:
    """That a vendor works on a ticket: all that a customer learns of a case but what staff tell them."""

    since: datetime
    reference: str
    """Empty: the customer is not to know it, or there is none."""
    next_update_due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCaseView:
    """A case at a vendor, for staff."""

    id: str
    number: str
    """Of the ticket."""
    ticket_subject: str
    customer_name: str
    vendor: str
    contract: str
    reference: str
    subject: str
    state: str
    """draft, opened, acknowledged, working, waiting_us, solved or closed."""
    severity: str
    rma: str
    serial: str
    reference_shown: bool
    """The customer may know the reference."""
    made_at: datetime
    opened_at: datetime | None
    first_answer_at: datetime | None
    next_update_due: datetime | None
    solved_at: datetime | None
    closed_at: datetime | None
    reopened: int
    kept: int
    """Updates that came when they were due."""
    late: int
    allowed: tuple[str, ...]
    """write, work, solve, reopen, close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRow:
    """Something that arrived, and what became of it."""

    id: str
    channel: str
    received_at: datetime
    sender: str
    """As the envelope says; proves nothing."""
    recipients: tuple[str, ...]
    author: str
    subject: str
    size: int
    copies: int
    """How often the same thing was handed in."""
    outcome: str | None
    """None: not yet understood."""
    reason: str
    detail: Mapping[str, Any]
    """What staff need to decide: trace of threading, trust, the error."""
    ticket: str | None
    """Number of the ticket it belongs to, or is held beside."""
    ticket_ended: bool
    """It is worked on no more, and stands in no list: what is added there, nobody sees who does not look for it."""
    message: str | None
    tries: int
    decided_at: datetime | None
    open: bool
    """Waits for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """Something that left or is about to, for the list of all."""

    id: str
    ticket: str
    """Number; empty: it belongs to an outage, or was said in a chat beside all tickets."""
    ticket_subject: str
    """Or what the outage is called."""
    outage: str
    """Id of the outage that it tells of; empty: it tells of none."""
    message: str
    channel: str
    address: str
    name: str
    kind: str
    state: str
    attempts: int
    error: str
    remote: str
    """What the other side said."""
    ref: str
    """The core of its Message-ID, and the name of its file where mail is kept."""
    created_at: datetime
    sent_at: datetime | None
    seen_at: datetime | None
    report: ReportView | None

    @property
    def course(self) -> str:
        """See DeliveryView."""
        return course(self.state, seen=self.seen_at is not None, report=self.report)
