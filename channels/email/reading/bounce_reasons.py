"""Why did a mail come back, and is its address dead? A status code and an answer from what a report says."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from channels.email.reading import bounce_tables as tables
from channels.email.reading import bounce_words as words

REASON_CHARACTERS = 1_500
"""Of the words about one recipient."""


def is_hard(status: str, text: str) -> bool:
    """Is the address itself dead? Words first: a first digit of 5 only says that this mail will not arrive.

    >>> is_hard("5.1.1", "user unknown"), is_hard("5.2.2", "mailbox full"), is_hard("5.7.1", "blocked")
    (True, False, False)
    """
    head = _unwrapped(text[:REASON_CHARACTERS])
    if (
        tables.SOFT_WHATEVER_IS_SAID.match(status) is not None
        or tables.CERTAINLY_SOFT.search(head) is not None
        or words.full(head)
    ):
        return False
    if tables.CERTAINLY_HARD.search(head) is not None:
        return True
    says_hard, says_soft = _said(head)
    if says_hard is not says_soft:
        return says_hard and not status.startswith("4.")
    return tables.HARD_STATUS.match(status) is not None


def names_address(status: str) -> bool:
    """Does this code alone say that the address is dead (RFC 3463, 3.2)?"""
    return tables.HARD_STATUS.match(status) is not None and not status.endswith(".0")


def is_full(text: str) -> bool:
    """Do these words say that the address is there, and takes nothing for now?"""
    head = text[:REASON_CHARACTERS]
    return tables.CERTAINLY_SOFT.search(_unwrapped(head)) is not None or status_by_words(head) == "5.2.2"


def says_why(text: str) -> bool:
    """Do these words give a reason of failure: a status code, a dead address, a full mailbox?"""
    return (
        bool(best_status("", text) or status_by_words(text)) or _said(_unwrapped(text[:REASON_CHARACTERS]))[0]
    )


def says_anything(text: str) -> bool:
    """Do these words give any reason, that of a moment too?"""
    return says_why(text) or _said(_unwrapped(text[:REASON_CHARACTERS]))[1]


def _unwrapped(text: str) -> str:
    """Indented lines joined with the one above: systems wrap `Host not` and `found` so."""
    return _FOLD.sub(" ", text) if "\n " in text or "\n\t" in text else text


_FOLD = re.compile(r"(?<=\S)\n[ \t]+(?=\S)")


@lru_cache(maxsize=16)
def _said(text: str) -> tuple[bool, bool]:
    """Do the words speak of a dead address, and of a passing trouble? Reports repeat them for every recipient."""
    return tables.HARD.search(text) is not None or words.unknown(text), tables.SOFT.search(text) is not None


_NEAR_REPLY = re.compile(r"(?<!\d)[45]\d\d[ -]#?([45]\.\d{1,3}\.\d{1,3})(?![\d.]\d)")
_BARE = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)")


def best_status(said: str, text: str) -> str:
    """The enhanced status code: of the remote server's answer, else as the report says, else from any words."""
    answered = _NEAR_REPLY.search(text)
    if answered is not None and not answered.group(1).endswith(".0.0"):
        return answered.group(1)
    if said and not said.endswith(".0.0"):
        return said
    bare = _BARE.search(text)
    if bare is not None and not (said and bare.group(1).endswith(".0.0")):
        return bare.group(1)
    return said


def holds_code(text: str) -> bool:
    """Is a code of a mail server's among the words? Numbers of versions look like one.

    >>> holds_code("bob@x.test: 550 5.1.1 no such user"), holds_code("Firmware 5.1.2 could not be installed")
    (True, False)
    """
    return any(
        _VERSION.search(text[max(match.start() - 20, 0) : match.start()]) is None
        for match in islice(_BARE.finditer(text), 20)
    )


_VERSION = re.compile(
    r"(?:version\w{0,4}|firmware|release|build|kernel|client|agent|server|software|update|rsync|zabbix|nagios|\bv|\br)\W{0,3}$",
    re.IGNORECASE,
)

_REPLY = re.compile(
    r"(?:^|said:|replied:|answer(?:ed|s)?:|error:|response:|reply:|>>>|<<<|smtp;)[ \t\"']{0,4}([245]\d\d)(?=[ -])"
    r"|(?<![\w.-])([245]\d\d)[ -]#?[245]\.\d{1,3}\.\d{1,3}(?!\d)",
    re.IGNORECASE | re.MULTILINE,
)


def reply(text: str) -> str:
    """The reply code of the other server, where its answer is quoted.

    >>> reply("550 5.1.1 no such user"), reply("mx.test said: 452 over quota"), reply("it holds 500 messages")
    ('550', '452', '')
    """
    match = _REPLY.search(text[:REASON_CHARACTERS])
    return (match.group(1) or match.group(2)) if match is not None else ""


@lru_cache(maxsize=16)
def status_by_words(text: str) -> str:
    """What the first words mean, where no code is written."""
    text = _unwrapped(text[:REASON_CHARACTERS])
    for pattern, status in tables.STATUS_BY_WORDS:
        if pattern.search(text) is not None:
            return status
    if words.full(text):
        return "5.2.2"
    return "5.1.1" if words.unknown(text) else ""
