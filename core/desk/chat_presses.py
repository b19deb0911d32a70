"""What does a button of ours do once it is pressed? Once, for whom it was offered, if they still may.

What it does stands in its row (`core.rules.chat_acts`); whoever pressed it is asked for their right to it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from sqlalchemy import bindparam, select

from core import texts
from core.desk import (
    chat_buttons,
    chat_intake,
    joining_ways,
    page_answers,
    ratings,
    resolution,
    standing,
    visit_rows,
    visits,
    workarounds,
)
from core.desk.case import Case
from core.desk.chat_buttons import Offer
from core.desk.chat_came import Here
from core.desk.errors import DeskError, NotFound
from core.rules import chatting
from core.rules.chat_acts import Act
from core.store import tables
from core.store.tx import Prepared, Row, Tx


def press(here: Here, button: Row | None) -> str:
    """One press. Not of this chat, or not there at all: the same words, so that nobody learns which ids there are."""
    if button is None or button.address != here.chat.address:
        here.say("not_yours")
        return "pressed_not_theirs"
    if not here.of_customer and (button.act in _BINDS or _takes_back_a_comment(button)):
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


def _takes_back_a_comment(button: Row) -> bool:
    return bool(button.act == Act.NEW and button.value)


_BINDS = frozenset({Act.CONFIRM, Act.REFUSE, Act.RATE, Act.VISIT, Act.VISIT_NONE, Act.ACCEPT, Act.FAILS})
"""What is done in the customer's name: in a room only by who is known to be of the customer."""


def _choose(here: Here, button: Row) -> None:
    chosen = joining_ways.survivor(here.tx, button.value)
    if not chat_intake.theirs(here.tx, here.chat, here.author, chosen):
        raise DeskError("this request is not theirs any more")
    here.remember(ticket_id=chosen, chosen_until=here.now + chatting.CHOICE, new_until=None)
    chat_intake.release(here.tx, here.chat, ticket_id=chosen, by=here.actor, now=here.now)


def _other(here: Here, button: Row) -> None:
    if button.value:
        _no_comment(here, button.value)
    elif not chat_intake.release(here.tx, here.chat, ticket_id=None, by=here.actor, now=here.now):
        a_new_one(here)


def a_new_one(here: Here) -> None:
    """Their next words are a new request."""
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


def _visit(here: Here, button: Row) -> None:
    """They want somebody to come then."""
    case = _case(here, button)
    chosen = visit_rows.of_slot(here.tx, case.id, button.value)
    if chosen is None or not visits.chosen(case, here.who, chosen, button.value).agreed:
        here.say("visit_gone", number=case["number"])


def _visit_none(here: Here, button: Row) -> None:
    """None of the times suits them; what would, their next words say."""
    case = _case(here, button)
    visits.declined(case, here.who, button.value, "")
    here.remember(ticket_id=case.id, chosen_until=here.now + chatting.NEW, new_until=None)
    here.say("visit_when", number=case["number"])


def _accept(here: Here, button: Row) -> None:
    """The workaround works."""
    case = _case(here, button)
    workarounds.accepted(case, here.who, workarounds.find(case, button.value))


def _fails(here: Here, button: Row) -> None:
    """The workaround does not work; what happens, their next words say."""
    case = _case(here, button)
    workarounds.refused(case, here.who, workarounds.find(case, button.value), "")
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


def comment(here: Here, row: Row) -> str:
    """What they say after they rated is the comment; that it was something else, one button says. Empty: it is none."""
    if not chat_intake.theirs(here.tx, here.chat, here.author, here.chat.comment_id):
        return ""
    case = Case.open(here.tx, here.chat.comment_id, now=here.now)
    given = ratings.of_ticket(here.tx, case.id)
    if here.chat.kind == "room" and given.by != here.who.actor:  # others in it were not asked
        return ""
    here.remember(comment_id=None, comment_until=None)
    try:
        ratings.give(case, here.who, score=given.score, comment=here.said.text, channel=here.chat.channel)
    except DeskError:  # too long for a comment, or it is open again: then it is about the request
        return ""
    label = texts.button("not_a_comment", "", here.language)
    here.say("commented", offers=[Offer(act=Act.NEW, value=f"{case.id} {row.id}", label=label)])
    return "rating_comment"


def _no_comment(here: Here, value: str) -> None:
    """What was kept as a comment is a new request."""
    ticket_id, _, inbound_id = value.partition(" ")
    case = Case.open(here.tx, ticket_id, now=here.now)
    score = ratings.of_ticket(here.tx, case.id).score
    chat_intake.as_new(here.tx, here.chat, inbound_id, by=here.actor, now=here.now)
    with suppress(DeskError):  # too long ago: it stays a comment as well
        ratings.give(case, here.who, score=score, comment="", channel=here.chat.channel)


def _stands(here: Here, button: Row) -> None:
    ticket_id = joining_ways.survivor(here.tx, button.value or button.shard)
    if not chat_intake.theirs(here.tx, here.chat, here.author, ticket_id):
        raise DeskError("this request is not theirs any more")
    here.say(
        "status",
        requests=[standing.of(here.tx, ticket_id, here.language, now=here.now)],
        more=0,
        offers=[Offer(act=Act.STATUS, value=ticket_id)],
    )


def _speak(here: Here, button: Row) -> None:
    here.remember(language=here.tx.facts.language(button.value))
    here.say("spoken")


def _know(here: Here, button: Row) -> None:
    agent = here.author.agent if here.author.proved else None
    here.say("page_known", text=page_answers.known(here.tx, button, agent, now=here.now))


def _take(here: Here, button: Row) -> None:
    agent = here.author.agent if here.author.proved else None
    page_answers.taken(here.tx, button, agent, now=here.now)


PRESSED: Mapping[Act, Callable[[Here, Row], None]] = MappingProxyType(
    {
        Act.CHOOSE: _choose,
        Act.NEW: _other,
        Act.STATUS: _stands,
        Act.CONFIRM: _confirm,
        Act.REFUSE: _refuse,
        Act.RATE: _rate,
        Act.VISIT: _visit,
        Act.VISIT_NONE: _visit_none,
        Act.ACCEPT: _accept,
        Act.FAILS: _fails,
        Act.LANGUAGE: _speak,
        Act.KNOW: _know,
        Act.TAKE: _take,
    }
)


def _text(tx: Tx, button: Row) -> str:
    """What the message with the button says."""
    said = tx.one(_WORD, shard=button.shard, id=button.message_id) or tx.one(
        _MESSAGE, shard=button.shard, id=button.message_id
    )
    if said is not None:
        return str(said.text)
    return chat_intake.label(tx, button.shard)  # a call to colleagues is put into words each time it leaves


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
