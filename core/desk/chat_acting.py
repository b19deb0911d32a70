"""What is done in a chat without words? Commands, and buttons of ours that were pressed.

What a button does stands in its row (`core.rules.chat_acts`); whoever pressed it is asked for their right to it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, literal, select

from core import texts
from core.desk import (
    chat_buttons,
    chat_intake,
    chats,
    filing,
    linking,
    page_answers,
    ratings,
    resolution,
    returns,
    sending,
    standing,
)
from core.desk.authors import Author
from core.desk.case import Case
from core.desk.chat_buttons import Offer
from core.desk.chat_came import Came
from core.desk.errors import DeskError, NotFound, Refused
from core.desk.filing import Understood
from core.desk.principal import Principal
from core.envelope import Inbound, Kind
from core.rules import chatting
from core.rules.chat_acts import Act
from core.store import tables
from core.store.tx import Prepared, Row, Tx

chat = tables.chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Somebody who does something in a chat, now."""

    tx: Tx
    chat: Row
    author: Author
    said: Inbound
    now: datetime

    @property
    def actor(self) -> str:
        """How events name them: only who is proved to be somebody is named."""
        return self.author.actor if self.author.proved else "address"

    @property
    def of_customer(self) -> bool:
        """Is it known that they speak for the customer whose room this is?"""
        return self.chat.kind == "person" or self.author.proved

    @property
    def who(self) -> Principal:
        """Who acts on a ticket that is theirs; nothing is looked up for this principal."""
        if self.author.proved and self.author.contact:
            return Principal(
                kind="contact",
                id=self.author.contact,
                name=self.author.name,
                email=self.author.address,
                customer=self.author.customer,
            )
        return Principal(kind="address", id=self.author.address, name=self.author.name)

    @property
    def comments(self) -> bool:
        """Were they just asked what they think, and are these words?"""
        until = self.chat.comment_until
        asked = self.chat.comment_id is not None and until is not None and self.now < until
        return asked and self.of_customer and self.said.kind is Kind.HUMAN and bool(self.said.text.strip())

    def say(self, kind: str, **values: Any) -> str:
        """Words of ours into the chat; the row is read again, for an act may just have changed the language."""
        now_row = chats.one(self.tx, self.chat.id)
        assert now_row is not None  # noqa: S101 - rows of chats are never deleted
        return chats.say(self.tx, now_row, kind, now=self.now, **values)

    def remember(self, **values: Any) -> None:
        """Columns of the chat."""
        chats.change(self.tx, self.chat.id, **values)


def act(tx: Tx, came: Came) -> Understood | None:
    """Do what was done there; None: it is words, for `core.desk.chat_intake`."""
    said, row, of = came.said, came.row, came.chat
    here = Here(tx=tx, chat=of, author=came.author, said=said, now=came.now)
    done = said.chat
    if done is not None and done.pressed:
        return _kept(here, row, _press(here, chat_buttons.find(tx, done.pressed)))
    if done is not None and done.command in COMMANDS:
        return _kept(here, row, COMMANDS[done.command](here, done.argument))
    if done is None or not (done.part_of or said.in_reply_to or said.attachments):
        by_number = chat_buttons.numbered(tx, of.address, said.text)
        if by_number is not None:
            return _kept(here, row, _press(here, by_number))
        if here.comments and (kept := _comment(here, row)):
            return _kept(here, row, kept)
    return None


def _kept(here: Here, row: Row, what: str) -> Understood:
    """What was done is a record of a machine: it opened nothing, and its bytes stay."""
    return filing.conclude(here.tx, row, here.said, "machine", what, now=here.now)


# --- Commands -----------------------------------------------------------------------------------------------


def _start(here: Here, code: str) -> str:
    returns.wished(here.tx, here.chat.address, stop=False, now=here.now)
    if code:
        return _connect(here, code)
    here.say("start", name=here.author.name if here.author.contact or here.author.agent else "")
    return "command_start"


def _connect(here: Here, code: str) -> str:
    try:
        name = linking.redeem(here.tx, here.chat, code, now=here.now)
    except Refused as refusal:  # in the language of the chat
        here.say("told", text=str(refusal))
        return "link_refused"
    here.say("linked", name=name)
    return "linked"


def _new(here: Here, _rest: str) -> str:
    _a_new_one(here)
    return "command_new"


def _status(here: Here, _rest: str) -> str:
    talks = chat_intake.talks(here.tx, here.chat, here.author)
    shown = sorted(talks, key=lambda one: one.number, reverse=True)[: chatting.MOST]
    requests = [standing.of(here.tx, one.ticket, _language(here), now=here.now) for one in shown]
    offers = [
        Offer(act=Act.CHOOSE, value=one.ticket, label=chat_intake.label(here.tx, one.ticket)) for one in shown
    ]
    here.say("status", requests=requests, more=len(talks) - len(shown), offers=offers)
    return "command_status"


def _help(here: Here, _rest: str) -> str:
    here.say("help")
    return "command_help"


def _languages(here: Here, _rest: str) -> str:
    here.say("language", offers=[Offer(act=Act.LANGUAGE, value=one) for one in here.tx.facts.languages])
    return "command_language"


def _stop(here: Here, _rest: str) -> str:
    returns.wished(here.tx, here.chat.address, stop=True, now=here.now)
    here.say("stop")
    return "command_stop"


COMMANDS: Mapping[str, Callable[[Here, str], str]] = MappingProxyType(
    {
        "start": _start,
        "new": _new,
        "status": _status,
        "requests": _status,
        "help": _help,
        "language": _languages,
        "stop": _stop,
    }
)


def _language(here: Here) -> str:
    return chats.language_of(here.tx, here.chat)


# --- Buttons ------------------------------------------------------------------------------------------------


def _press(here: Here, button: Row | None) -> str:
    """One press. Not of this chat, or not there at all: the same words, so that nobody learns which ids there are."""
    if button is None or button.address != here.chat.address:
        here.say("not_yours")
        return "pressed_not_theirs"
    if not here.of_customer and button.act in _BINDS:
        here.say("only_known")
        return "pressed_by_a_stranger"
    if not chat_buttons.use(here.tx, button, actor=here.actor, now=here.now):
        here.say("used")
        return "pressed_before"
    here.say("chosen", before=_text(here.tx, button), label=button.label, replaces=_delivery(here.tx, button))
    try:
        PRESSED[Act(button.act)](here, button)
    except DeskError:  # it ended meanwhile, or is not theirs any more
        here.say("too_late")
        return "pressed_too_late"
    return f"pressed_{button.act}"


_BINDS = frozenset({Act.CONFIRM, Act.REFUSE, Act.RATE})
"""What is done in the customer's name: in a room only by who is known to be of the customer."""


def _choose(here: Here, button: Row) -> None:
    if not chat_intake.theirs(here.tx, here.chat, here.author, button.value):
        raise DeskError("this request is not theirs any more")
    here.remember(ticket_id=button.value, chosen_until=here.now + chatting.CHOICE, new_until=None)
    chat_intake.release(here.tx, here.chat, ticket_id=button.value, by=here.actor, now=here.now)


def _other(here: Here, button: Row) -> None:
    if button.value:
        _no_comment(here, button.value)
    elif not chat_intake.release(here.tx, here.chat, ticket_id=None, by=here.actor, now=here.now):
        _a_new_one(here)


def _a_new_one(here: Here) -> None:
    here.remember(new_until=here.now + chatting.NEW, ticket_id=None, chosen_until=None, comment_until=None)
    here.say("new")


def _confirm(here: Here, button: Row) -> None:
    resolution.confirmed(_case(here, button), here.who)


def _refuse(here: Here, button: Row) -> None:
    """Work goes on at once; why it must, their next words say."""
    case = _case(here, button)
    resolution.refused(case, here.who)
    here.remember(ticket_id=case.id, chosen_until=here.now + chatting.NEW, new_until=None)
    here.say("why", number=case["number"])


def _rate(here: Here, button: Row) -> None:
    case = _case(here, button)
    ratings.give(case, here.who, score=int(button.value), comment=None, channel=here.chat.channel)
    here.remember(comment_id=case.id, comment_until=here.now + chatting.NEW)
    here.say("rated", number=case["number"], offers=[Offer(act=Act.NEW)])


def _case(here: Here, button: Row) -> Case:
    """The ticket whose message has the button. Raises NotFound where it is not theirs any more."""
    if not chat_intake.theirs(here.tx, here.chat, here.author, button.shard):
        raise NotFound("this request is not theirs any more")
    return Case.open(here.tx, button.shard, now=here.now)


def _comment(here: Here, row: Row) -> str:
    """What they say after they rated is the comment; it was something else, one button says so."""
    case = Case.open(here.tx, here.chat.comment_id, now=here.now)
    score = ratings.of_ticket(here.tx, case.id).score
    here.remember(comment_id=None, comment_until=None)
    try:
        ratings.give(case, here.who, score=score, comment=here.said.text, channel=here.chat.channel)
    except DeskError:  # too long for a comment, or it is open again: then it is about the request
        return ""
    label = texts.button("not_a_comment", "", _language(here))
    here.say("commented", offers=[Offer(act=Act.NEW, value=f"{case.id} {row.id}", label=label)])
    return "rating_comment"


def _no_comment(here: Here, value: str) -> None:
    """What was kept as a comment is a new request."""
    ticket_id, _, inbound_id = value.partition(" ")
    case = Case.open(here.tx, ticket_id, now=here.now)
    score = ratings.of_ticket(here.tx, case.id).score
    ratings.give(case, here.who, score=score, comment="", channel=here.chat.channel)
    chat_intake.as_new(here.tx, here.chat, inbound_id, by=here.actor, now=here.now)


def _stands(here: Here, button: Row) -> None:
    ticket_id = button.value or button.shard
    if not chat_intake.theirs(here.tx, here.chat, here.author, ticket_id):
        raise DeskError("this request is not theirs any more")
    here.say("status", requests=[standing.of(here.tx, ticket_id, _language(here), now=here.now)], more=0)


def _speak(here: Here, button: Row) -> None:
    here.remember(language=here.tx.facts.language(button.value))
    here.say("spoken")


def _take(here: Here, button: Row) -> None:
    page_answers.taken(here.tx, button, here.author.agent, now=here.now)


PRESSED: Mapping[Act, Callable[[Here, Row], None]] = MappingProxyType(
    {
        Act.CHOOSE: _choose,
        Act.NEW: _other,
        Act.STATUS: _stands,
        Act.CONFIRM: _confirm,
        Act.REFUSE: _refuse,
        Act.RATE: _rate,
        Act.LANGUAGE: _speak,
        Act.TAKE: _take,
    }
)


def _text(tx: Tx, button: Row) -> str:
    """What the message with the button says."""
    said = tx.one(_WORD, shard=button.shard, id=button.message_id) or tx.one(
        _MESSAGE, shard=button.shard, id=button.message_id
    )
    return str(said.text) if said is not None else ""


_WORD = Prepared(
    select(tables.chat_word.c.text).where(
        tables.chat_word.c.chat_id == bindparam("shard"), tables.chat_word.c.id == bindparam("id")
    )
)
_MESSAGE = Prepared(
    select(tables.message.c.text).where(
        tables.message.c.ticket_id == bindparam("shard"), tables.message.c.id == bindparam("id")
    )
)


def _delivery(tx: Tx, button: Row) -> str | None:
    """By which delivery it reached this chat."""
    found = tx.one(_CARRIED, shard=button.shard, message_id=button.message_id, address=button.address)
    return str(found.id) if found is not None else None


_CARRIED = Prepared(
    select(tables.delivery.c.id).where(
        tables.delivery.c.ticket_id == bindparam("shard"),
        tables.delivery.c.message_id == bindparam("message_id"),
        tables.delivery.c.address == bindparam("address"),
    )
)


def stopped(tx: Tx, address: str) -> bool:
    """Did they ask for no more messages?"""
    return tx.one(_STOPPED, address=address) is not None


_STOPPED = Prepared(
    select(tables.bad_address.c.at).where(
        tables.bad_address.c.address == bindparam("address"),
        tables.bad_address.c.reason == literal(sending.OPTED_OUT),
    )
)
