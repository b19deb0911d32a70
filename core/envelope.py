"""What do channels hand in, and what are they given to send? Plain values: no database, no network, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core import addresses
from core.alerting import AlertFact

CHANNELS = (
    "email",
    "phone",
    "sms",
    "whatsapp",
    "telegram",
    "xmpp",
    "webchat",
    "portal",
    "api",
    "console",
    "monitoring",
)
"""By what a request comes, as `Inbound.channel` and a contract line say it; tests compare it with the channels there are."""

Facts = Mapping[str, Any]
"""Facts of one channel in JSON's own types; only the channel that wrote them reads them."""


class Trust(StrEnum):
    """How well we know who wrote, weakest first. An address is not a person.

    >>> Trust.TOKEN.at_least(Trust.ALIGNED), Trust.NONE.at_least(Trust.WEAK)
    (True, False)
    """

    NONE = "none"
    """A bare From or caller ID, unusable or unknown, or proved false."""
    WEAK = "weak"
    """An address we know, without proof."""
    ALIGNED = "aligned"
    """DMARC-aligned mail."""
    TOKEN = "token"  # noqa: S105 - a level of trust, not a password
    """A reply to an address that only this author was given."""
    VERIFIED = "verified"
    """A portal log-in, a PIN, a linked chat account. Never reached by mail."""

    def at_least(self, other: Trust) -> bool:
        """Is this level the other one or better?"""
        return _TRUST_ORDER[self] >= _TRUST_ORDER[other]


_TRUST_ORDER = {level: rank for rank, level in enumerate(Trust)}


class Kind(StrEnum):
    """What sort of message it is (email.md 9). Everything but HUMAN came from a machine."""

    HUMAN = "human"
    AUTO_REPLY = "auto_reply"
    OUT_OF_OFFICE = "ooo"
    CHALLENGE = "challenge_response"
    BOUNCE_HARD = "bounce_hard"
    BOUNCE_SOFT = "bounce_soft"
    DELAYED = "delayed"
    RELAYED_OK = "relayed_ok"
    MDN = "mdn"
    ARF = "arf"
    DMARC_REPORT = "dmarc_report"
    MAILING_LIST = "mailing_list"
    SYSTEM_NOTIFICATION = "system_notification"
    REACTION = "reaction"
    """A sign instead of words: a thumb, a heart."""
    CALENDAR_REPLY = "calendar_reply"
    """What a calendar answers to an invitation: accepted, declined, another time proposed."""
    OPT_OUT = "opt_out"
    """STOP: who owns this number wants no more messages."""
    OPT_IN = "opt_in"
    """START: they want them again."""
    ALERT = "alert"
    """What a device that watches systems reports: facts in `Inbound.alerts`, nobody's words."""
    ACT = "act"
    """A button pressed, a command, a message changed or taken back: something done in a chat, no words of its own."""
    OWN_LOOP = "own_loop"


class BadAddress(ValueError):
    """The text cannot be used as an address; says which one and why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Somebody's address on a channel, and the name they go by. The name is a label, never proof.

    `address` is one atom without control characters, white space or angle brackets, so that it can never
    become a second header or a second command; its domain is in the normal form of `core.addresses`. A name may
    hold anything but control characters.

    >>> Address("eve@evil.test\\nBcc: x")
    Traceback (most recent call last):
        ...
    core.envelope.BadAddress: 'eve@evil.test\\nBcc: x' cannot be an address: it holds '\\n'
    """

    address: str
    name: str = ""

    def __post_init__(self) -> None:
        if not self.address.isprintable() or any(one in self.address for one in " <>"):
            odd = next(one for one in self.address if one in " <>" or not one.isprintable())
            message = f"{self.address!r} cannot be an address: it holds {odd!r}"
            raise BadAddress(message)
        normal = addresses.normal(self.address)
        if normal != self.address:
            object.__setattr__(self, "address", normal)
        if not self.name.isprintable():
            clean = "".join(c if c.isprintable() else " " for c in self.name)
            object.__setattr__(self, "name", clean)

    @property
    def domain(self) -> str:
        """The part behind the last @, in normal form; empty where there is none."""
        return self.address.rpartition("@")[2] if "@" in self.address else ""

    @property
    def key(self) -> str:
        """What it is stored and compared by."""
        return self.address.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came or goes with a message. The name is shown, never used as a path."""

    name: str
    type: str
    content: bytes
    content_id: str = ""
    """Without angle brackets; what an inline image is called in the HTML."""
    inline: bool = False


class SpanKind(StrEnum):
    """What a stretch of the text is. Only the visible is shown unfolded; nothing is deleted."""

    VISIBLE = "visible"
    QUOTED = "quoted"
    SIGNATURE = "signature"
    DISCLAIMER = "disclaimer"
    FORWARDED = "forwarded"


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` of a message is of this kind. Spans touch, in order, and cover the text."""

    start: int
    end: int
    kind: SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """A long paragraph of a text, below where its author signed off. Their firm's, if others there end the same way."""

    start: int
    end: int
    """`text[start:end]`, whole lines."""
    key: str
    """Of its words, whatever their lines and signs: 32 hexadecimal digits."""
    signature: int | None = None
    """Where a signature above it begins that is one only if this is a footer; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """Who sent something by SNMP version 3: their key fits."""

    user: str
    engine: str = ""
    """Of whoever has the time that was looked at, in hexadecimal numbers; empty: there is none."""
    clock: int = 0
    """What it said: core.alerting.trap_clock. Nothing that is as old is taken again when the hub has begun anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Who a device says it is, which the core checks before anything is stored."""

    source: str = ""
    """Name of an alert source; empty: it is known by where it sends from."""
    kind: str = ""
    """Of transports that carry no name: snmp, syslog."""
    secret: str = field(default="", repr=False)
    peer: str = ""
    """IP address."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names in lower case: one may hold a signature of the bytes. They are looked at, and not kept."""
    proved: Proved | None = None
    """What its channel has found proved already, of `source`; nothing else is asked for then but where it sends from."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets by where they are (`env:NAME`, `file:PATH`), read before the transaction that stores the message; empty: it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Bytes at the door, before anybody has understood them. What `accept` stores."""

    channel: str
    raw: bytes
    received_at: datetime
    """Aware. When the message reached us, not when the row was made."""
    external_id: str | None = None
    """The provider's own id (IMAP: mailbox/UIDVALIDITY/UID); None: identified by its content."""
    sender: str = ""
    """Who the envelope says it is; of a mailbox, which knows none, whom From names. Orders the work; proves nothing."""
    recipients: tuple[str, ...] = ()
    envelope: Facts = field(default_factory=dict)
    """What else the transport told: peer, helo, tls, mailbox …"""
    claims: Claims | None = None
    """Of what a device reports: it is taken in only from a source that may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRecipient:
    """What a delivery report says of one recipient (RFC 3464)."""

    recipient: str
    action: str = ""
    """failed, delayed, delivered, relayed or expanded; of a receipt (RFC 8098) displayed, deleted …; empty: not said."""
    status: str = ""
    """Enhanced status code (RFC 3463), e.g. 5.1.1."""
    reply: str = ""
    """What the other server answered by SMTP (RFC 5321, 4.2), e.g. 550."""
    hard: bool = False
    """The address itself is dead, whatever the first digit of the status."""
    text: str = ""
    remote_host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A machine's word about something we sent."""

    recipients: tuple[ReportedRecipient, ...] = ()
    own_refs: tuple[str, ...] = ()
    """Our own message refs found inside the returned headers."""
    certified: bool = False
    """A receipt of certified mail: `delivered` then proves that it lies in the recipient's mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the channel already knows of the request; each becomes a field with provenance."""

    customer: str | None = None
    request_type: str | None = None
    technology: str | None = None
    impact: int | None = None
    urgency: int | None = None
    asset: str | None = None
    site: str | None = None
    provenance: str = "rule"
    """ivr, mail_alias, alert_label, portal_form, rule or agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What proof of origin the transport gave (SPF, DKIM, DMARC), with the evidence in words."""

    verdict: str = "none"
    """pass, fail, temperror or none: DMARC's word, from a source we trust."""
    policy: str = "none"
    """What the domain asks for on failure: none, quarantine or reject."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """What only chats say of a message. `author.address` is one of `core.chat_addresses` then."""

    command: str = ""
    """start, new, status, help, language or stop, without the slash; `argument` is what stands behind it."""
    argument: str = ""
    pressed: str = ""
    """Id of a button of ours."""
    part_of: str = ""
    """What came in several parts has one id: they are one message with all its files."""
    changes: str = ""
    """`message_id` of an earlier one of theirs: this is its text now."""
    withdraws: str = ""
    """`message_id` of an earlier one of theirs that they took back."""
    room: Address | None = None
    """The room it was said in, with its title; None: between us two."""
    moved_from: str = ""
    """What the address of `room` was until now."""
    gone: bool = False
    """They blocked us, or left: nothing reaches them here until they write again."""
    seen: tuple[str, ...] = ()
    """Refs or remote ids of ours that they have seen."""
    too_large: tuple[str, ...] = ()
    """Names of files that the service does not hand over: they need another way."""
    language: str = ""
    """What their program is set to: a guess, for who chose none and of whom nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWord:
    """What somebody's calendar says of one event (RFC 5546). Nothing of it is believed yet."""

    method: str
    """REPLY, COUNTER, REQUEST, CANCEL … in capitals."""
    uid: str
    sequence: int = 0
    """Of the invitation it speaks of."""
    attendee: str = ""
    """Address of whoever answers, in lower case; empty: nobody, or several, stand there."""
    partstat: str = ""
    """ACCEPTED, DECLINED, TENTATIVE … in capitals."""
    start: datetime | None = None
    """UTC; None: none, one of a whole day, or in a zone that nobody knows."""
    end: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a calendar is told of an event of ours; `core.invitations` writes it. The sequence rises with every change."""

    method: str
    """REQUEST, CANCEL or DECLINECOUNTER (RFC 5546)."""
    uid: str
    sequence: int
    start: datetime
    end: datetime
    summary: str
    location: str
    text: str
    """With the time on the clock of the place, for who reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """Of messages that lie in one row, those that nobody understood: they are to have a row of their own, where staff see them."""

    raw: bytes
    """Put together as they were."""
    messages: int
    error: str
    """Why the first of them was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One message, understood as far as its own bytes go. What a channel's reader returns.

    Nothing here is believed yet: who it is, where it belongs and what it may do is decided by `core.rules`.
    """

    channel: str
    kind: Kind = Kind.HUMAN
    kind_evidence: tuple[str, ...] = ()
    by_words: bool = False
    """Nothing but its words says that it is not a person's message: people see it in any case."""
    may_auto_reply: bool = True
    """False as soon as any evidence says a machine might answer back."""
    author: Address | None
    """None: no usable author; `author_text` is what was written there."""
    author_text: str = ""
    author_defects: tuple[str, ...] = ()
    """Anything wrong with the author's address caps trust at none."""
    servers: int = 0
    """How many servers it passed on its way, as they wrote themselves (RFC 5321, 4.4); `own_servers` of them were ours."""
    own_servers: int = 0
    under_our_name: bool = False
    """One of our own addresses stands as author, and no mark shows that we wrote it: staff decide."""
    contact: str | None = None
    """Id of a contact proved by a log-in, a PIN or a linked account; never set by mail."""
    agent: str | None = None
    """Id of an agent who entered the request for somebody; never set by mail."""
    reply_to: Address | None = None
    """Where the author asks to be answered; proves nothing."""
    original_sender: Address | None = None
    """Who wrote, as a group or a list says that handed the message on; proves nothing."""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    also_by: str = ""
    """Another channel on which the author wants to be told, at `author.address`: what is written in the portal
    is answered there and by mail."""
    mailbox: str = ""
    """Which of our own addresses it came to, without tokens."""
    own_addresses: tuple[str, ...] = ()
    """Which of `author`, `to`, `cc`, `reply_to` and `forwarded_from` are ours, by their keys: they are nobody in the conversation."""
    delivered_to: tuple[str, ...] | None = None
    """Of what has no envelope, as in a mailbox: the addresses where its server says on top that it delivered it, by their keys. None: an envelope says it."""
    reply_tokens: tuple[str, ...] = ()
    """Tokens of our reply addresses among the recipients."""
    bounce_tokens: tuple[str, ...] = ()
    """Tokens of our envelope senders among the recipients: a report about exactly that delivery."""
    subject: str = ""
    text: str = ""
    """The whole text, plain. `spans` say what of it to show."""
    spans: tuple[Span, ...] = ()
    """Empty: all visible."""
    footers: tuple[Footer, ...] = ()
    """In order: visible as far as the message alone can tell, and nothing of what its author says when they are not."""
    html: str = ""
    """As it came, decoded, but pictures in it that were `data:` are attachments named by `cid:`; cleaned when shown.
    Empty where there was none."""
    attachments: tuple[Attachment, ...] = ()
    message_id: str = ""
    """The id other messages refer to, without angle brackets; made from the content where there was none."""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """Oldest first, without angle brackets."""
    own_refs: tuple[str, ...] = ()
    """Our own message refs among in_reply_to and references, best first."""
    thread_index: str = ""
    """Where the author's program has it among others (Outlook's Thread-Index), as base64; an answer goes on from there."""
    ticket_numbers: tuple[str, ...] = ()
    """Ticket numbers in the subject: a suggestion, never a right."""
    named_numbers: tuple[str, ...] = ()
    """What looks like one without our brackets: somebody wrote it by hand."""
    body_refs: tuple[str, ...] = ()
    """Refs of ours in the history below a mail, each with a mark that only we can make."""
    forward: bool = False
    """A forwarded message: opens a new ticket unless it came to a reply address."""
    forwarded_from: Address | None = None
    """Of a forward: whoever it names as author of what was forwarded; proves nothing."""
    forwarded_signer: str = ""
    """The domain that signed the original which is attached, and speaks for its author; empty: none does."""
    sent_at: datetime | None = None
    content_key: str = ""
    """The same message by two ways has the same key (email.md 16); hexadecimal, beginning with its day."""
    content_key_of_old: str = ""
    """What an earlier version of the hub kept the same message by; empty: the same key."""
    identified: bool = True
    """It has an id of its own; without one the same content is the same message for a day only."""
    words_key: str = ""
    """Of a message without an id: the same whenever its author says these words again; hexadecimal."""
    authentication: Authentication = Authentication()
    report: Report | None = None
    loop_ref: str = ""
    """Of our own mail that came back: the ref of what we sent."""
    loop_marked: bool = False
    """It bears the mark that only we write: it is ours, whatever was sent. An id that looks like ours proves nothing."""
    told: bool = False
    """Whoever brought it heard its number at once, as on the telephone: no acknowledgement is owed."""
    hints: Hints = Hints()
    chat: Chat | None = None
    """Of a chat message."""
    calendar: CalendarWord | None = None
    """Of a mail that brings an event of a calendar."""
    alerts: tuple[AlertFact, ...] = ()
    """Of what a device reports."""
    notes: tuple[str, ...] = ()
    """What a reader should know: limits reached, twins that disagree, signatures not checked."""
    not_read: NotRead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A message that was exchanged before, as it may be quoted."""

    author: str
    at: datetime
    """In the zone of the customer, who reads it."""
    text: str


@dataclass(frozen=True, slots=True)
class Button:
    """Something the recipient may choose. A channel without buttons writes them as numbered lines (channels.chatting)."""

    id: str
    """Comes back as `Chat.pressed`; at most 20 characters."""
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one recipient, ready for its channel to phrase and send."""

    delivery_id: str
    channel: str
    ref: str
    """26 characters, fixed for this delivery: the core of its Message-ID or idempotency key."""
    kind: str
    """reply, received, progress, closed …: which template."""
    automatic: bool
    """True: nobody pressed send; the channel marks it so that no machine answers."""
    to: Address
    mailbox: str = ""
    """Which of our addresses the conversation is held with; empty: the channel's first."""
    author_name: str = ""
    """The person who answers; empty on automatic messages."""
    subject: str
    text: str
    language: str
    ticket_number: str
    """Empty: it belongs to no ticket."""
    ticket_check: str = ""
    """Stands behind the number in a subject, so that a number of another desk is not taken for ours."""
    reply_token: str | None
    """Goes into the reply address; None: nobody may answer."""
    bounce_token: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    """Oldest first. A ref without @ is our own; the channel completes it."""
    conversation: str = ""
    """Id of the conversation it belongs to; empty: none."""
    thread_index: str = ""
    """That of the message it answers, as it came."""
    unsubscribe: str = ""
    """URL where its reader wants no more of the kind; empty: it is owed to them."""
    history: tuple[Earlier, ...] = ()
    """Earlier messages of the same audience, newest first, for the channel to quote."""
    also_to: tuple[str, ...] = ()
    """Names of others who get the same words."""
    copies: tuple[Address, ...] = ()
    """Of them, those whose addresses the recipient may see, where the desk says so (Cc); mail only."""
    attachments: tuple[Attachment, ...] = ()
    invitation: Invitation | None = None
    """For the recipient's calendar; mail only."""
    buttons: tuple[Button, ...] = ()
    """Chats only."""
    replaces: str = ""
    """Chats only: the remote id of a message of ours whose text and buttons this one takes the place of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The other side took it."""

    remote_id: str = ""
    """What the other side calls it: an answer that quotes it names this (`in_reply_to`)."""
    more_ids: tuple[str, ...] = ()
    """Of its parts, where it did not fit into one; `remote_id` stands for all of them then."""
    detail: str = ""
    """What the other side said, for the delivery's record."""
