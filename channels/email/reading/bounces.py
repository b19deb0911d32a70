"""Is this a delivery report, about whom, and is the address dead? Standard reports first, then what systems write freely."""

from __future__ import annotations

import re
from functools import lru_cache

from channels.email.reading import bounce_tables as tables
from channels.email.reading import headers, reports, structure
from core.envelope import Kind, ReportedRecipient

TEXT_CHARACTERS = 32_000
"""Of a report in free words that are looked at."""
LINES = 600
REASON_CHARACTERS = 1_500
"""Of the words about one recipient."""


def daemon(field: str, author: str) -> str:
    """What the From field says of a machine: `mailer-daemon` and its like, `no-reply`, `empty`; or nothing.

    >>> daemon("MAILER-DAEMON@x.test (Mail Delivery System)", "MAILER-DAEMON@x.test"), daemon("Ann <ann@x.test>", "ann@x.test")
    ('mailer-daemon', '')
    """
    local = author.rpartition("@")[0].lower()
    if local and tables.DAEMON.search(f"{local}@") is not None:
        return "mailer-daemon"
    if local and tables.NO_REPLY.search(local) is not None:
        return "no-reply"
    text = field.strip()
    if not author and tables.DAEMON.search(text[:200]) is not None:
        return "mailer-daemon"
    if text in ("<>", '""', "") and not author:
        return "empty"
    return ""


def about_return(text: str) -> bool:
    """Is this the subject of a mail that comes back? A reply to one is not."""
    if is_answer(text):
        return False
    low = text[:200].lower()
    if not any(stem in low for stem in tables.SUBJECT_STEMS):
        return False
    return tables.SUBJECT.search(low) is not None


def is_answer(subject: str) -> bool:
    """Does the subject begin with what people's mail programs put before answers and forwards?"""
    return _ANSWER.match(subject) is not None


_ANSWER = re.compile(r"\s*(?:re|aw|sv|r|antw|odp|rif|fwd?|wg|tr|i)\s*:", re.IGNORECASE)


def notified(text: str) -> str:
    """What a notice of Amazon SES tells, in JSON: `bounce`, `complaint` or `delivery`; or nothing.

    >>> notified('{"notificationType":"Complaint","complaint":{}}'), notified("{}")
    ('complaint', '')
    """
    match = _NOTIFIED.search(text[:2_000])
    return match.group(1).lower() if match is not None else ""


_NOTIFIED = re.compile(r'"(?:notificationType|eventType)"\s*:\s*"(Bounce|Complaint|Delivery)"', re.IGNORECASE)

Bounce = tuple[Kind, tuple[ReportedRecipient, ...], str]


def judge(
    header: structure.Header,
    found: reports.Reports,
    text: str,
    *,
    subject: str,
    author: str,
    addressed: bool,
    null_sender: bool,
    lexical: str,
    replied: bool,
) -> Bounce | None:
    """The kind of report, its recipients and the reason for the decision; None: it is none.

    `addressed`: it came to the envelope sender of one of our deliveries, so it is about that whatever it says.
    """
    words, came_back = _own_words(text)
    if found.delivery and found.recipients:
        return _standard(found, words)
    signs = _signs(
        header, found, words, subject=subject, author=author, null_sender=null_sender, came_back=came_back
    )
    enough = found.delivery or _enough(signs, lexical)
    if not enough and (not addressed or replied or lexical):
        # Vacation programs answer to the envelope sender too; that is no bounce.
        return None
    why = "came to the envelope sender of a delivery" if addressed else "delivery report: " + ", ".join(signs)
    return _free(header, found, words, subject, why)


def _signs(
    header: structure.Header,
    found: reports.Reports,
    words: str,
    *,
    subject: str,
    author: str,
    null_sender: bool,
    came_back: bool,
) -> list[str]:
    signs: list[str] = []
    sender = daemon(header.first("from"), author)
    if sender or null_sender or _LIST_KEEPER.search(author) is not None:
        signs.append("sender")
    if about_return(subject):
        signs.append("subject")
    low = words[:6_000].lower()
    if any(marker in low for marker in tables.MARKERS):
        signs.append("marker line")
    if came_back or found.returned is not None:
        signs.append("returned mail")
    if "x-failed-recipients" in header.by_name:
        signs.append("failed recipients")
    return signs


_LIST_KEEPER = re.compile(r"[-_](?:admin|owner|request|errors)@", re.IGNORECASE)


def _enough(signs: list[str], lexical: str) -> bool:
    """Two signs; a mail that came back and a sign in its text alone are what a person forwards."""
    if "failed recipients" in signs:
        return True
    if lexical and "subject" not in signs:
        return False
    return len(signs) >= 2 and (
        "sender" in signs or ("subject" in signs and "marker line" in signs and len(signs) > 2)
    )


def _own_words(text: str) -> tuple[str, bool]:
    """The machine's own words, before the mail that came back; and whether one came back."""
    lines = text[:TEXT_CHARACTERS].split("\n")[:LINES]
    for number, line in enumerate(lines):
        low = line[:80].lower().lstrip("> \t")
        ruled = low.startswith("-") and low.lstrip("- ").startswith(tables.RETURNED_RULES)
        if number >= 2 and (ruled or low.startswith(tables.RETURNED)):
            return "\n".join(lines[:number]), True
    return "\n".join(lines), False


def _standard(found: reports.Reports, words: str) -> Bounce:
    recipients = []
    worst = Kind.RELAYED_OK
    for one in found.recipients:
        action = one.action or ("failed" if one.status[:1] in ("4", "5") else "")
        status = _best_status(one.status, one.diagnostic)
        if not one.diagnostic and status.endswith(".0.0"):
            status = _best_status(status, _around(words, one.address) if one.address in words else "")
        if action in ("delivered", "relayed", "expanded", "deliverable"):
            recipients.append(_reported(one, action, status, hard=False))
            continue
        if action == "delayed":
            worst = Kind.DELAYED if worst is Kind.RELAYED_OK else worst
            recipients.append(_reported(one, action, status, hard=False))
            continue
        hard = is_hard(status, one.diagnostic or _around(words, one.address) or words[:4_000])
        worst = Kind.BOUNCE_HARD if hard or worst is Kind.BOUNCE_HARD else Kind.BOUNCE_SOFT
        recipients.append(_reported(one, "failed", status, hard=hard))
    return worst, tuple(recipients), "delivery status report"


def _reported(one: reports.Recipient, action: str, status: str, *, hard: bool) -> ReportedRecipient:
    return ReportedRecipient(
        recipient=one.address,
        action=action,
        status=status,
        hard=hard,
        text=_printable(one.diagnostic),
        remote_host=_printable(one.remote),
    )


def _free(header: structure.Header, found: reports.Reports, words: str, subject: str, why: str) -> Bounce:
    """A report in free words: who, which status, and whether the address is dead."""
    inline = reports.delivery_status(words) if "final-recipient:" in words.lower() else []
    if inline:
        return _standard(reports.Reports(tuple(inline), delivery=True), words)
    everything = f"{subject}\n{words}"
    if words.startswith("{") and notified(words) == "delivery":
        return Kind.RELAYED_OK, (), "a notice of delivery"
    if tables.DELIVERED.search(everything) is not None and tables.FAILED.search(everything) is None:
        who = [ReportedRecipient(recipient=a, action="delivered") for a in _recipients(header, found, words)]
        return Kind.RELAYED_OK, tuple(who), why
    delayed = tables.DELAYED.search(everything) is not None and tables.FAILED.search(everything) is None
    recipients = []
    worst = Kind.DELAYED if delayed else Kind.BOUNCE_SOFT
    for address in _recipients(header, found, words) or [""]:
        near = _around(words, address)
        status = _best_status("", near) or _best_status("", words) or _status_by_words(near or everything)
        hard = not delayed and is_hard(status, near if near.strip() else everything)
        if hard:
            worst = Kind.BOUNCE_HARD
        if address:
            action = "delayed" if delayed else "failed"
            text = _printable(" ".join(near.split()))[:500]
            recipients.append(
                ReportedRecipient(recipient=address, action=action, status=status, hard=hard, text=text)
            )
    return worst, tuple(recipients), why


def is_hard(status: str, text: str) -> bool:
    """Is the address itself dead? Words first: a first digit of 5 only says that this mail will not arrive.

    >>> is_hard("5.1.1", "user unknown"), is_hard("5.2.2", "mailbox full"), is_hard("5.7.1", "blocked")
    (True, False, False)
    """
    says_hard, says_soft = _said(text[:REASON_CHARACTERS])
    if says_hard is not says_soft:
        return says_hard and not status.startswith("4.")
    return tables.HARD_STATUS.match(status) is not None


@lru_cache(maxsize=16)
def _said(text: str) -> tuple[bool, bool]:
    """Do the words speak of a dead address, and of a passing trouble? Reports repeat them for every recipient."""
    return tables.HARD.search(text) is not None, tables.SOFT.search(text) is not None


_NEAR_REPLY = re.compile(r"(?<!\d)[45]\d\d[ -]#?([45]\.\d{1,3}\.\d{1,3})(?![\d.]\d)")
_BARE = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)")


def _best_status(said: str, text: str) -> str:
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


def _status_by_words(text: str) -> str:
    for pattern, status in tables.STATUS_BY_WORDS:
        if pattern.search(text) is not None:
            return status
    return ""


_ADDRESS = r"[^\s<>@\"'(),:;\[\]|=]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{1,253}[A-Za-z0-9]"
_BRACKETED = re.compile(rf"^[\s*>-]{{0,8}}<({_ADDRESS})>\s*(?::|$|\.\.\.)")
_ALONE = re.compile(
    rf"^[\s*>-]{{0,12}}({_ADDRESS})(?:<mailto:[^>]{{1,300}}>)?\s*(?::.*|\[.*\]|on \w{{3}}, .*)?$"
)
_LABELLED = re.compile(
    rf"(?:recipients?|to|deliver(?:ed|ing)?|address(?:es)?|user|rcpt to|for|mailbox|following|errors?)\b[^@\n]{{0,60}}?[\s:<(]({_ADDRESS})",
    re.IGNORECASE,
)
_REPLIED = re.compile(rf"^\s*[45]\d\d[ -](?:[45]\.\d+\.\d+ )?<?({_ADDRESS})>?\.\.\.")
_ANY = re.compile(rf"({_ADDRESS})")


def _recipients(header: structure.Header, found: reports.Reports, words: str) -> list[str]:
    """Who the mail did not reach, from the best source there is."""
    failed = header.all("x-failed-recipients")
    if failed:
        out = [a for value in failed[:20] for a in _ANY.findall(headers.raw_text(value))]
        if out:
            return list(dict.fromkeys(out))[: reports.RECIPIENTS]
    if found.recipients:
        return list(dict.fromkeys(one.address for one in found.recipients if one.address))
    lines = words.split("\n")
    for pattern in (_BRACKETED, _REPLIED, _ALONE, _LABELLED, _ANY):
        out = []
        for line in lines:
            match = pattern.search(line[:400])
            if match is not None:
                out.append(match.group(1))
        if out:
            unique = {a.lower(): a for a in out}
            limit = reports.RECIPIENTS if pattern is not _ANY else 1
            return list(unique.values())[:limit]
    if found.returned is not None:
        return _ANY.findall(headers.raw_text(found.returned.first("to")))[:1]
    return []


def _around(words: str, address: str) -> str:
    """What is said about one recipient: from its line to the next empty one."""
    if not address:
        return words[:4_000]
    at = words.find(address)
    if at < 0:
        return ""
    start = words.rfind("\n", 0, at) + 1
    near = words[start : start + REASON_CHARACTERS]
    paragraph = near.partition("\n\n")[0]
    # The address alone between empty lines: the reason is somewhere below.
    return paragraph if len(paragraph.strip()) > len(address) + 4 else near


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
