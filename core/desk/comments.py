"""What does somebody of the staff say to a ticket by mail? Words for colleagues, and nothing else (email.md 12).

Who that is was proved before (core.rules.threading): by their domain, and by an address that only they were given. A mail is never a
command of staff: it changes no state, and no customer reads it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from core.desk import accounts, acts, filing, outbox
from core.desk.case import Case
from core.desk.errors import Invalid, NotFound
from core.desk.filing import Message, Understood
from core.desk.scope import find
from core.store.tx import Tx


def take(tx: Tx, message: Message, *, now: datetime) -> Understood | None:
    """Keep it as their note, with its files; None: the ticket is theirs to see no more, or there is no word in it."""
    who = accounts.principal(tx, "agent", message.author.agent or "")
    case = Case.open(tx, str(message.placed.ticket), now=now)
    if who is None:
        return None
    with suppress(NotFound, Invalid):
        find(tx, who, case["number"])
        text = acts.plain(filing.visible(message.said))
        note_id = acts.note(case, who, text)
        outbox.keep_files(case, note_id, message.said.attachments, internal=True)
        case.save()
        return filing.conclude(
            tx,
            message.row,
            message.said,
            "attached",
            message.placed.reason,
            now=now,
            detail=message.detail,
            case=case,
            message_id=note_id,
        )
    return None
