"""What is done in a chat without words? Commands, buttons that were pressed, and words that answer a question of ours."""

from __future__ import annotations

from core.desk import chat_buttons, chat_commands, chat_presses, filing, restraint, stopped
from core.desk.chat_came import Came, Here
from core.desk.filing import Understood
from core.envelope import Kind
from core.store.tx import Row, Tx


def act(tx: Tx, came: Came) -> Understood | None:
    """Do what was done there; None: it is words, for `core.desk.chat_intake`."""
    said, row, of = came.said, came.row, came.chat
    here = Here(tx=tx, chat=of, author=came.author, said=said, now=came.now)
    done = said.chat
    if not (done is not None and (done.pressed or done.command in chat_commands.COMMANDS)):
        return _words(tx, here, row)
    if restraint.doing_too_much(tx, came.author, of.address, now=came.now):
        return _kept(here, row, "too_many")
    if done.pressed:
        return _kept(here, row, chat_presses.press(here, chat_buttons.find(tx, done.pressed)))
    return _kept(here, row, chat_commands.COMMANDS[done.command](here, done.argument))


def _words(tx: Tx, here: Here, row: Row) -> Understood | None:
    """Words that are an answer to a question of ours: a number, or a comment."""
    said, done, of = here.said, here.said.chat, here.chat
    if said.kind is Kind.HUMAN and stopped.why(tx, of.address):
        _remind(here)
    if done is None or not (done.part_of or said.in_reply_to or said.attachments):
        by_number = chat_buttons.numbered(tx, of.address, said.text)
        if by_number is not None:
            return _kept(here, row, chat_presses.press(here, by_number))
        if here.comments and (kept := chat_presses.comment(here, row)):
            return _kept(here, row, kept)
    return None


def _remind(here: Here) -> None:
    """They asked for no more messages, and write: that they hear nothing of it is told once a day."""
    key = f"stopped:{here.chat.id}"
    if not restraint.happened(here.tx, key, within=restraint.DAY, now=here.now):
        restraint.count(here.tx, key, now=here.now)
        here.say("stopped")


def _kept(here: Here, row: Row, what: str) -> Understood:
    """What was done is a record of a machine: it opened nothing, and its bytes stay."""
    return filing.conclude(here.tx, row, here.said, "machine", what, now=here.now)
