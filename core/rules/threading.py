"""Which ticket does a message belong to? Candidates in, one decision out, and why each of the others lost (email.md 13).

The first candidate that passes all its checks wins. A token proves "has seen our mail", never "is the requester"; a
number in a subject is a suggestion from anybody but a participant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from core.envelope import Kind, Trust
from core.rules.workflow import ENDED, REOPEN_WITHIN, State


class How(StrEnum):
    """What ties a message to a thread, strongest first."""

    REPLY_ADDRESS = "reply_address"
    OWN_ID = "own_id"
    KNOWN_ID = "known_id"
    SAME_ID = "same_id"
    """Its own id came before, with other words: the same message by another way, as through a list with a footer."""
    BOUNCE_ADDRESS = "bounce_address"
    """The envelope sender of one of our deliveries: says what the message is about, and nothing of its author."""
    BODY_MARKER = "body_marker"
    SUBJECT_NUMBER = "subject_number"
    CONVERSATION = "conversation"
    """A text message names nothing: it goes on with what was last said to its very number. A chat's goes on with what
    `rules.chatting` says."""
    SIMILAR = "similar"
    """A number written by hand, an id that came to another of our addresses: never moves anything by itself."""
    TOPIC = "topic"
    """The same Thread-Index among the same people, or the same subject by the same sender, lately: neither does this."""


class Relation(StrEnum):
    """Who the author is to the ticket."""

    REQUESTER = "requester"
    PARTICIPANT = "participant"
    RETIRED = "retired"
    """Was requester or participant, and is no more: what they write waits for staff, whatever key they hold."""
    SAME_CUSTOMER = "same_customer"
    AGENT = "agent"
    THIRD_PARTY = "third_party"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An earlier message whose words are said again under the same id, as a list or a gateway does. Whoever had it knows both."""

    by_author: bool
    """Both come from one address."""
    named: bool
    """It comes from somebody whom the earlier one, which a list sent in its own name, says to be its author."""
    more: bool
    """It says, shows or carries something that the earlier one did not."""
    trust: Trust
    """How far the author of the earlier one was believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A thread that the message might continue. Of merged tickets, the one that survived."""

    how: How
    ticket: str
    thread: str
    number: str
    state: str
    closed_at: datetime | None
    relation: Relation
    issued_to_author: bool = False
    """A reply address that was given to exactly this author."""
    copy: Copy | None = None
    """What was said before under the same id, and is said again by another way."""
    follow_up_of: str | None = None
    """The ended ticket that this one continues."""
    customer: str | None = None
    why: str = ""
    """Of a chat: what says that this one is meant, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The message, as far as threading cares."""

    trust: Trust
    aligned: bool = False
    """Proof of origin passed; trust says so too unless a token stands in its place."""
    customer: str | None = None
    """The author's; None: not known."""
    forward: bool = False
    authentication_failed: bool = False
    """The domain of the author asks not to believe this mail."""
    doubted: bool = False
    """Its checks failed, whatever the domain asks for: what anybody can read and copy is no key then."""
    agent_may_write: bool = False
    """An agent's mail counts as theirs, for a note, only with aligned proof and a token; off unless the desk says so."""
    in_chat: str = ""
    """Of words in a chat that go on with nothing: why (rules.chatting). A chat has no other way of saying it."""
    unclear: bool = False
    """Of words in a chat: their author must say which request is meant; until then they are held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A candidate and what became of it."""

    how: str
    number: str
    taken: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Threading:
    """Where it goes: attach, new, held beside the ticket it names, if it names one, or a note for colleagues on it."""

    outcome: Literal["attach", "new", "held", "note"]
    reason: str
    ticket: str | None = None
    thread: str | None = None
    follow_up_of: str | None = None
    """The ended ticket that a new one continues."""
    may_reopen_until: datetime | None = None
    """Until then staff may reopen the closed ticket instead."""
    suggestions: tuple[str, ...] = ()
    """Numbers staff may want to join it with."""
    links: tuple[str, ...] = ()
    """Numbers of other tickets that the author belongs to and the message names too."""
    log: tuple[Considered, ...] = ()


def decide(asked: Asked, candidates: Sequence[Candidate], *, now: datetime) -> Threading:
    """Take the candidates in the order of `How`, each as given; the first that passes all its checks gets the message.

    One that is worked on goes before one that has ended: whoever writes to both goes on with what they have.
    Without one, a message whose author somebody else's key let in, or whose proof of origin failed, is held; every
    other one opens a ticket.
    """
    judged = [(c, _judge(asked, c)) for c in sorted(candidates, key=lambda c: _ORDER[c.how])]
    fit = [c for c, verdict in judged if verdict == "attach"]
    taken = next((c for c in fit if c.state not in ENDED or _comments(c)), fit[0] if fit else None)
    suggestions = _numbers((c for c, verdict in judged if verdict in _SUGGESTS), but=taken)
    log = tuple(
        Considered(how=c.how, number=c.number, taken=c is taken, why=_why(c, verdict, taken))
        for c, verdict in judged
    )
    if taken is not None and _comments(taken):
        # Words for colleagues: they change no state, so that an ended ticket takes them too.
        return Threading(
            outcome="note", reason=AGENTS_COMMENT, ticket=taken.ticket, suggestions=suggestions, log=log
        )
    if taken is not None:
        links = _numbers((c for c in fit if c.ticket != taken.follow_up_of), but=taken)
        return _attach(taken, suggestions=suggestions, links=links, log=log, now=now)
    if asked.unclear:
        return Threading(outcome="held", reason=WHICH_TICKET, suggestions=suggestions, log=log)
    held = next((c for c, verdict in judged if verdict in _HOLDS), None)
    if held is not None or asked.authentication_failed:
        return Threading(
            outcome="held",
            reason=_held_for(asked, held),
            ticket=held.ticket if held else None,
            thread=held.thread if held else None,
            suggestions=suggestions,
            log=log,
        )
    reason = "forward" if asked.forward and candidates else asked.in_chat or "no_thread"
    return Threading(outcome="new", reason=reason, suggestions=suggestions, log=log)


def _comments(taken: Candidate) -> bool:
    return taken.relation is Relation.AGENT and not taken.copy


WHICH_TICKET = "which_ticket"
"""Why words are held whose author is asked which request they mean."""

AGENTS_COMMENT = "agents_comment"
"""Why a mail of one of the staff is a note: its domain vouches for it, and it came to the address that only they were given."""

_ORDER = {how: rank for rank, how in enumerate(How)}

_Judged = Literal[
    "attach",
    "third_party",
    "retired",
    "failed",
    "forward",
    "unproved",
    "not_a_participant",
    "doubted",
    "other_customer",
    "similar",
]
_HOLDS = ("third_party", "retired", "failed")
_SUGGESTS = ("forward", "unproved", "not_a_participant", "doubted", "similar")
_WHY: Mapping[_Judged, str] = MappingProxyType(
    {
        "attach": "the author belongs to this conversation",
        "third_party": "somebody else holds a key of this conversation: staff decide",
        "retired": "the author is no longer of this request: staff decide",
        "failed": "the mail failed the checks that its domain asks for: staff decide",
        "forward": "a forward to the desk is a new request",
        "unproved": "anybody can write this id into a mail, and nothing proves the author",
        "not_a_participant": "a number in the text gives no right to anybody but a participant",
        "doubted": "a number is read and copied by anybody, and the checks of this mail failed",
        "other_customer": "the ticket is another customer's",
        "similar": "it only looks alike",
    }
)


def _held_for(asked: Asked, held: Candidate | None) -> str:
    if asked.authentication_failed:
        return "authentication_failed"
    return "retired" if held is not None and held.relation is Relation.RETIRED else "third_party"


def _why(candidate: Candidate, verdict: _Judged, taken: Candidate | None) -> str:
    if verdict == "attach" and taken is not None and candidate is not taken:
        return f"{taken.how} of {taken.number} comes first"
    return (candidate.why if verdict == "attach" else "") or _WHY[verdict]


def _judge(asked: Asked, candidate: Candidate) -> _Judged:
    if candidate.how in (How.SIMILAR, How.TOPIC):
        return "other_customer" if _foreign(asked, candidate) else "similar"
    if asked.forward and candidate.how is not How.REPLY_ADDRESS:
        return "forward"
    if candidate.relation is Relation.RETIRED:
        return "retired"
    verdict = _JUDGES[candidate.how](asked, candidate)
    return "failed" if asked.authentication_failed and verdict == "attach" else verdict


def _by_token(asked: Asked, candidate: Candidate) -> _Judged:
    """The address proves that somebody saw our mail, not that it was the one we wrote to."""
    if candidate.relation is Relation.AGENT:
        may = asked.agent_may_write and candidate.issued_to_author and _aligned(asked)
        return "attach" if may else "third_party"
    return "attach" if candidate.issued_to_author or _belongs(asked, candidate) else "third_party"


def _by_id(asked: Asked, candidate: Candidate) -> _Judged:
    """Ids and envelope senders travel in every mail: they need an author who belongs there, at least a known address."""
    if _foreign(asked, candidate):
        return "other_customer"
    if candidate.relation in (Relation.AGENT, Relation.THIRD_PARTY):
        return "third_party"
    if not asked.trust.at_least(Trust.WEAK):
        return "unproved"
    return "attach" if _belongs(asked, candidate) else "third_party"


def _by_copy(asked: Asked, candidate: Candidate) -> _Judged:
    """The same words again are taken from their author, or from a list whose domain stands for it: nothing is said by them.

    What is new in them needs an author who belongs there, or the first one again, no less believed than the first time.
    """
    copy = candidate.copy
    if copy is None:
        return _by_id(asked, candidate)
    again = copy.by_author and asked.trust.at_least(copy.trust)
    nothing_new = not copy.more and (copy.by_author or copy.named or _aligned(asked))
    return "attach" if again or nothing_new else _by_id(asked, candidate)


def _by_number(asked: Asked, candidate: Candidate) -> _Judged:
    if _foreign(asked, candidate):
        return "other_customer"
    if candidate.relation not in (Relation.REQUESTER, Relation.PARTICIPANT):
        return "not_a_participant"
    return "doubted" if asked.doubted else "attach"


def _by_conversation(asked: Asked, candidate: Candidate) -> _Judged:
    return "attach" if candidate.relation in (Relation.REQUESTER, Relation.PARTICIPANT) else "similar"


_JUDGES: Mapping[How, Callable[[Asked, Candidate], _Judged]] = MappingProxyType(
    {
        How.REPLY_ADDRESS: _by_token,
        How.OWN_ID: _by_id,
        How.KNOWN_ID: _by_id,
        How.SAME_ID: _by_copy,
        How.BOUNCE_ADDRESS: _by_id,
        How.BODY_MARKER: _by_number,
        How.SUBJECT_NUMBER: _by_number,
        How.CONVERSATION: _by_conversation,
    }
)


def _aligned(asked: Asked) -> bool:
    return asked.aligned or asked.trust in (Trust.ALIGNED, Trust.VERIFIED)


def _belongs(asked: Asked, candidate: Candidate) -> bool:
    """Is the author one of the conversation? A colleague of the same company is, once the domain vouches for them."""
    if candidate.relation is Relation.SAME_CUSTOMER:
        return _aligned(asked)
    return candidate.relation in (Relation.REQUESTER, Relation.PARTICIPANT)


def _foreign(asked: Asked, candidate: Candidate) -> bool:
    """Another customer's ticket, of which the author is no part: not even a suggestion."""
    return (
        candidate.relation is Relation.THIRD_PARTY
        and asked.customer is not None
        and candidate.customer is not None
        and asked.customer != candidate.customer
    )


def _numbers(candidates: Iterable[Candidate], *, but: Candidate | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(c.number for c in candidates if but is None or c.number != but.number))


def _attach(
    candidate: Candidate,
    *,
    suggestions: tuple[str, ...],
    links: tuple[str, ...],
    log: tuple[Considered, ...],
    now: datetime,
) -> Threading:
    if candidate.state not in ENDED:
        return Threading(
            outcome="attach",
            reason=candidate.how,
            ticket=candidate.ticket,
            thread=candidate.thread,
            suggestions=suggestions,
            links=links,
            log=log,
        )
    until = None
    if candidate.state == State.CLOSED and candidate.closed_at is not None:
        until = candidate.closed_at + REOPEN_WITHIN
    return Threading(
        outcome="new",
        reason=f"{candidate.how}_of_ended",
        follow_up_of=candidate.ticket,
        may_reopen_until=until if until is not None and until >= now else None,
        suggestions=suggestions,
        links=links,
        log=log,
    )


# --- What each kind of message may do (the table of email.md 9) ---------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a kind of message may do to tickets."""

    may_open: bool = False
    """Alone it opens a ticket; without this right it is a machine record."""
    may_attach: bool = False
    may_reopen: bool = False
    """Also: stop a clock, end a wait."""
    may_be_acknowledged: bool = False
    folded: bool = False
    """Shown as one line in its ticket, to be opened."""

    @property
    def alone(self) -> Literal["ticket", "machine"]:
        """The outcome of a message that belongs to no ticket."""
        return "ticket" if self.may_open else "machine"


_ANSWERING_MACHINE = Rights(may_attach=True, folded=True)
_SIGN = _ANSWERING_MACHINE
"""A thumb or a calendar's yes: kept where it belongs; it changes no state and wants no answer."""
_RECORDED_ONLY = Rights()
RIGHTS: Mapping[Kind, Rights] = MappingProxyType(
    {
        Kind.HUMAN: Rights(may_open=True, may_attach=True, may_reopen=True, may_be_acknowledged=True),
        Kind.AUTO_REPLY: _ANSWERING_MACHINE,
        Kind.OUT_OF_OFFICE: _ANSWERING_MACHINE,
        Kind.CHALLENGE: _ANSWERING_MACHINE,
        Kind.BOUNCE_HARD: _RECORDED_ONLY,
        Kind.BOUNCE_SOFT: _RECORDED_ONLY,
        Kind.DELAYED: _RECORDED_ONLY,
        Kind.RELAYED_OK: _RECORDED_ONLY,
        Kind.MDN: _RECORDED_ONLY,
        Kind.ARF: _RECORDED_ONLY,
        Kind.DMARC_REPORT: _RECORDED_ONLY,
        Kind.MAILING_LIST: Rights(may_open=True, may_attach=True),
        Kind.SYSTEM_NOTIFICATION: Rights(may_open=True, may_attach=True),
        Kind.OPT_OUT: _RECORDED_ONLY,
        Kind.OPT_IN: _RECORDED_ONLY,
        Kind.ACT: _RECORDED_ONLY,
        Kind.ALERT: _RECORDED_ONLY,
        Kind.OWN_LOOP: _RECORDED_ONLY,
        Kind.REACTION: _SIGN,
        Kind.CALENDAR_REPLY: _SIGN,
    }
)

ABOUT_A_DELIVERY = frozenset(
    {Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT, Kind.DELAYED, Kind.RELAYED_OK, Kind.MDN, Kind.ARF, Kind.DMARC_REPORT}
)
"""Recorded at the delivery they are about; they open nothing."""


def rights(kind: Kind) -> Rights:
    """What a message of this kind may do.

    >>> rights(Kind.OUT_OF_OFFICE).may_reopen
    False
    """
    return RIGHTS[kind]
