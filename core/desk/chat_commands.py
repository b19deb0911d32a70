"""What does a command do in a chat? Each answers in the chat, and opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.desk import chat_intake, chat_presses, linking, standing, stopped
from core.desk.chat_buttons import Offer
from core.desk.chat_came import Here
from core.desk.errors import Refused
from core.rules import chatting
from core.rules.chat_acts import Act


def _start(here: Here, code: str) -> str:
    if here.of_customer:  # who may say stop
        stopped.wished(here.tx, here.chat.address, stop=False, now=here.now)
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
    if chat_intake.release(here.tx, here.chat, ticket_id=None, by=here.actor, now=here.now):
        here.say("as_new")
    else:
        chat_presses.a_new_one(here)
    return "command_new"


def _status(here: Here, _rest: str) -> str:
    talks = chat_intake.talks(here.tx, here.chat, here.author)
    shown = sorted(talks, key=lambda one: one.number, reverse=True)[: chatting.MOST]
    requests = [standing.of(here.tx, one.ticket, here.language, now=here.now) for one in shown]
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
    if not here.of_customer:
        here.say("only_known")
        return "command_by_a_stranger"
    stopped.wished(here.tx, here.chat.address, stop=True, now=here.now)
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
