"""Where does an embedded message begin: at "-----Original Message-----", or at a block of From, Sent, To, Subject?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels.email.reading import attribution_tables
from channels.email.reading import quote_tables as tables

HEADER_LINES = 16
"""How far the lines of one embedded header may stretch, wrapped and empty ones included."""

ORIGINAL, FORWARDED = "original", "forwarded"


def delimiter(line: str) -> str:
    """`ORIGINAL` or `FORWARDED` for a line of dashes around these words, else nothing.

    >>> delimiter("-----Ursprüngliche Nachricht-----"), delimiter("---------- Forwarded message ---------")
    ('original', 'forwarded')
    """
    words = _small(line.strip("-_=*—–─> \t").rstrip(":").strip())
    if not words:
        return ""
    kind = _called(words)
    if kind:
        return kind
    match = _DASHED.match(line[:200])
    if match is None:
        return ""
    words = _small(match.group(1).rstrip(": "))
    if words.endswith(attribution_tables.WROTE) and not any(c.isdigit() for c in words):
        return ORIGINAL  # Notes: -----Bob Smith/ACME wrote: -----
    return _called(words)


def is_ruled(line: str) -> bool:
    """Do three signs or more stand before its words? With fewer it may be an item of a list, or a heading.

    >>> is_ruled("-----Original Message-----"), is_ruled("- Original email"), is_ruled("**Original email**")
    (True, False, False)
    """
    drawn = line.lstrip("> \t")
    return len(drawn) - len(drawn.lstrip("-_=*—–─")) >= 3 or drawn.startswith(("——", "──"))


def announces_forward(line: str) -> bool:
    """`Begin forwarded message:` without dashes."""
    words = _small(line.lstrip("> ").rstrip(":： ")) if line[-1:] in ":：" else ""
    return words in tables.FORWARDED or words.replace("-", " ") in tables.FORWARDED


def processed(line: str) -> bool:
    """The line that the David server of Tobit writes above what is answered, whatever the language.

    >>> processed("[Original Message processed by david®](https://x.test)"), processed("The original message is lost")
    (True, False)
    """
    return line.lstrip("> [*").lower().startswith("original message processed by ")


def names_day(bare: Sequence[str], at: int) -> bool:
    """The line that some programs write above what is answered, with its day between signs.

    GroupWise puts nothing below it, Notes a header: other lines of dashes around a day are from a log.

    >>> names_day([">>> Bob <b@x.test> 12.01.2026 10:21 >>>"], 0), names_day(["disk0 ---12/01/2026 10:21:33---full"], 0)
    (True, False)
    >>> names_day(['"Bob" ---12/01/2026 10:21:33 AM---Hi Ann,', "", "From: b@x.test", "To: a@x.test", "Date: 12/01/2026"], 0)
    True
    """
    line = bare[at][:300]
    if line.startswith(">>>"):
        return _GROUPWISE.fullmatch(line) is not None
    if _NOTES.match(line) is None:
        return False
    below = next((n for n in range(at + 1, min(at + 4, len(bare))) if bare[n]), None)
    return below is not None and header(bare, below) > 0


def header(bare: Sequence[str], at: int) -> int:
    """From, Sent, To, Subject in one block: a message begins that somebody else wrote. Answers with the line behind it.

    At least three of them, the author and a day or a recipient among them, and something that no form has: a
    subject, an address, or an hour right behind the author. 0 where none begins here.

    >>> header(["From: a@b.test", "Sent: today 10:00", "To: c@d.test", "", "Hello"], 0), header(["From: Rome", "To: Milan"], 0)
    (3, 0)
    """
    role, value = label(bare[at])
    if role not in ("from", "date", "subject", "to"):
        return 0
    roles = {role}
    needed = _name(bare[at]) in tables.FORMS
    author = value if role == "from" else ""
    address = "@" in value
    timed = blank = False
    loose, behind = 0, at + 1
    for number in range(at + 1, min(at + HEADER_LINES, len(bare))):
        line = bare[number]
        if not line:
            blank = True
            continue
        role, value = label(line)
        if role:
            below = bare[number + 1] if number + 1 < len(bare) else ""
            if role == "from" and blank and "from" not in roles and label(below)[0]:
                return 0  # it begins here: what stands above is the writer's
            if role == "from" and "from" in roles and loose:
                break  # the next header, and what stands between them is the writer's
            if role == "date" and roles == {"from"}:
                timed = _TIME.search(value) is not None
            roles.add(role)
            needed = needed or _name(line) in tables.FORMS
            author = value if role == "from" else author
            loose, behind = 0, number + 1
            address = address or (role in ("from", "to") and "@" in value)
        elif blank or (not _goes_on(line) and "from" not in roles):
            break  # the text, or the writer's own words above a header
        else:
            loose += not _goes_on(line)
            behind = number + 1 if loose == 0 else behind
            address = address or ("@" in line and line.startswith("<"))
            if loose > 2:
                break
        blank = False
    fits = "from" in roles and roles & {"date", "to"} and len(roles) >= 3
    if needed and "@" not in author:
        return 0  # a form or a log
    if fits and not address and "date" not in roles and _is_day(author):
        return 0  # from Monday to Friday: somebody's holidays
    return behind if fits and ("subject" in roles or address or timed) else 0


def _is_day(value: str) -> bool:
    first = value.strip(" *_").partition(" ")[0].lower().strip(".,")
    return (
        first.replace("/", "").replace(".", "").replace("-", "").replace(":", "").isdigit()
        or first in attribution_tables.DAYS
        or first in attribution_tables.MONTHS
    )


def _goes_on(line: str) -> bool:
    """Is this the rest of a list of people?"""
    return "@" in line or line.endswith((";", ","))


def label(line: str) -> tuple[str, str]:
    """The role of a line `Label: value` of an embedded header, and its value; or nothing.

    >>> label("**Von:** Alice"), label("Room: 12")
    (('from', '** Alice'), ('', ' 12'))
    """
    at = line.find(":", 0, tables.LABEL_CHARACTERS + 6)
    wide = line.find("：", 0, tables.LABEL_CHARACTERS + 6)
    if wide >= 0 and (at < 0 or wide < at):
        at = wide
    if at <= 0:
        return "", ""
    name = line[:at].strip(_AROUND_NAME).lower()
    return tables.LABELS.get(name, ""), line[at + 1 :]


_AROUND_NAME = "*_ \t\u00a0|>"


def _name(line: str) -> str:
    return line.replace("：", ":").partition(":")[0].strip(_AROUND_NAME).lower()


def _small(text: str) -> str:
    """Lower case; the Turkish İ as the tables write it."""
    return text.lower().replace("i\u0307", "i")


def _called(words: str) -> str:
    plain = words.replace("-", " ")
    if words in tables.FORWARDED or plain in tables.FORWARDED or plain.startswith("forwarded message"):
        return FORWARDED
    return ORIGINAL if words in tables.ORIGINAL or plain in tables.ORIGINAL else ""


_DASHED = re.compile(r"[-_=*—–─> ]{3,60}([^-_=*—–─].{1,80}?)\s?[-_=*—–─]{3,60}")
_DAY = r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}[ ,]{1,3}\d{1,2}[:.]\d\d"
_GROUPWISE = re.compile(rf">>> ?[^>]{{1,100}}(?:<[^<>]{{1,100}}>)?[^>]{{0,60}}{_DAY}[^>]{{0,10}}>>>")
_NOTES = re.compile(rf"[^-]{{0,2}}[^\s-][^\n]{{0,80}}?\s---{_DAY}(?::\d\d)?(?: [AP]M)?---")
_TIME = re.compile(r"\d{1,2}[:.h]\d\d")
