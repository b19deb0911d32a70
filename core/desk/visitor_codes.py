"""Is this mailbox theirs? A visitor of the web chat gets six digits by mail, and types them in.

Who asks is told the same whoever they name, and the same rows are written. The digits are made when the letter leaves, from the
hub's key and the letter's job; what is stored opens nothing without that key.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core import addresses, texts
from core.desk import letters, links, restraint, visitors
from core.desk.errors import Refused, invalid
from core.desk.letters import Kind, Letter
from core.desk.visitors import Visitor
from core.envelope import Address, Outgoing
from core.ids import token_hash
from core.store.tx import Tx
from core.store.work import Job

CODE = "chat_code"
"""The letter."""
PURPOSE = f"{links.CHAT}:code"
"""Of its row, which is forgotten a day after it lapses."""
DIGITS = 6
LIFE = timedelta(minutes=10)
TRIES = 3
SENDS = 6
"""A day, for one visitor and for one mailbox."""
SENDS_PER_NETWORK = 20
WITHIN = restraint.DAY


def ask(
    tx: Tx, who: Visitor, email: str, *, channel: str, language: str, network: str, now: datetime
) -> None:
    """Let a code leave for this address. Raises Invalid for what is no address, Refused when too many were asked for."""
    if not addresses.plausible(email.strip()):
        raise invalid("/email", "is no e-mail address")
    email = addresses.key(email)
    for key, most in (
        (f"chat-code-from:{network}", SENDS_PER_NETWORK),
        (f"chat-code-of:{who.address}", SENDS),
        (f"chat-code:{email}", SENDS),
    ):
        if restraint.happened(tx, key, within=WITHIN, now=now) >= most:
            raise Refused("too many codes were sent: try again tomorrow", code="codes")
        restraint.count(tx, key, now=now)
    restraint.clear(tx, _tries(who))
    letters.queue(
        tx,
        CODE,
        to=email,
        channel=channel,
        now=now,
        address=email,
        visitor=who.address,
        language=language,
    )


def prove(tx: Tx, who: Visitor, email: str, code: str, *, now: datetime) -> bool:
    """Are these the digits? Three tries, then a new code. Once they are, the mailbox is the visitor's."""
    email = addresses.key(email)
    if restraint.happened(tx, _tries(who), within=restraint.HOUR, now=now) >= TRIES:
        raise Refused("too many tries: ask for a new code", code="tries")
    digits = "".join(one for one in code if one in "0123456789")
    if links.use(tx, PURPOSE, _token(tx, who.address, email, digits), now=now) is None:
        restraint.count(tx, _tries(who), now=now)
        return False
    visitors.known(tx, who, email, now=now)
    return True


def _tries(who: Visitor) -> str:
    return f"chat-code-tries:{who.address}"


def _token(tx: Tx, visitor: str, email: str, digits: str) -> str:
    return tx.facts.token("chat-code", visitor, email, digits)


def _letter(tx: Tx, job: Job, *, now: datetime) -> Letter | None:
    email, visitor, language = (job.payload[name] for name in ("address", "visitor", "language"))
    same = letters.ref(tx, job)
    drawn = int(token_hash(tx.facts.token("chat-digits", same)), 16)
    digits = f"{drawn % 10**DIGITS:0{DIGITS}}"
    token = _token(tx, visitor, email, digits)
    if not links.give(tx, PURPOSE, token, visitor, until=now + LIFE, now=now):
        return None  # used since an earlier try: that one arrived after all
    subject, text = texts.notice(
        CODE, language, hub=tx.facts.name, code=digits, minutes=int(LIFE.total_seconds() // 60)
    )
    return Letter(
        person="visitor",
        outgoing=Outgoing(
            delivery_id=job.id,
            channel=job.payload["channel"],
            ref=same,
            kind=CODE,
            automatic=True,
            to=Address(email),
            subject=subject,
            text=text,
            language=language,
            ticket_number="",
            reply_token=None,
            bounce_token=same,
        ),
    )


LETTERS = {
    # Who waits for a code waits now, and asks again when none comes.
    CODE: Kind(write=_letter, waits=(10.0, 30.0, 60.0, 120.0), patience=LIFE),
}
"""By name, which is also that of their words in templates/notices."""
