"""Who may speak to the desk in a room? One that staff bound to a customer; the people in it are of that customer."""

from __future__ import annotations

from core.desk import chats, restraint
from core.desk.chat_came import Came
from core.desk.filing import Understood, conclude
from core.store.tx import Tx


def act(tx: Tx, came: Came) -> Understood | None:
    """What is said in a room of nobody's goes no further, and is told so once a day; nor do colleagues ask there."""
    of = came.chat
    if of.kind != "room":
        return None
    if of.customer is None:
        if not restraint.happened(tx, f"unbound:{of.id}", within=restraint.DAY, now=came.now):
            restraint.count(tx, f"unbound:{of.id}", now=came.now)
            chats.say(tx, of, "unbound_room", now=came.now)
        return conclude(tx, came.row, came.said, "machine", "unbound_room", now=came.now)
    if came.author.kind == "agent":
        return conclude(tx, came.row, came.said, "machine", "staff_in_room", now=came.now)
    return None
