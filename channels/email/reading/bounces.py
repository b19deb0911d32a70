"""Is this a delivery report, about whom, and is the address dead? Standard reports first, then what systems write freely."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from itertools import islice

from channels.email.reading import bounce_reasons as reasons
from channels.email.reading import bounce_tables as tables
from channels.email.reading import bounce_words as spoken
from channels.email.reading import formulas, headers, reports, structure, subjects
from core.envelope import Kind, ReportedRecipient

TEXT_CHARACTERS = 32_000
"""Of a report in free words that are looked at."""
LINES = 600
FEW = 20
"""Recipients of one report. Of more, the reason of each stands in its own line or two."""
NEAR_CHARACTERS = 300
"""Of the words about one of many recipients."""


def daemon(field: str, author: str) -> str:
    """What the From field says of a machine: `mailer-daemon` and its like, `postmaster`, `no-reply`, `nobody`, `empty`; or nothing.

    `nobody` is a name with an empty address. People write from `postmaster` too (RFC 2142), from a mailer-daemon nobody does. An empty or missing From is a badly made mail, no sign of a report.

    >>> daemon("MAILER-DAEMON@x.test (Mail Delivery System)", "MAILER-DAEMON@x.test"), daemon("Ann <ann@x.test>", "ann@x.test")
    ('mailer-daemon', '')
    """
    local = author.rpartition("@")[0].lower()
    if local:
        if not any(map(local.__contains__, tables.SENDER_STEMS)):
            return ""
        if tables.DAEMON.search(f"{local}@") is not None:
            return "postmaster" if local in tables.POSTMASTER else "mailer-daemon"
        return "no-reply" if tables.NO_REPLY.search(local) is not None else ""
    text = field.strip()
    if not author and tables.DAEMON.search(text[:200]) is not None:
        return "mailer-daemon"
    if not author and text.endswith(("<>", "<@>")) and text not in ("<>", "<@>"):
        return "nobody"
    if text in ("<>", '""', "") and not author:
        return "empty"
    return ""


def about_return(text: str) -> bool:
    """Is this the subject of a mail that comes back? A reply to one is not."""
    if subjects.by_hand(text):
        return False
    low = text[:200].lower()
    if not any(map(low.__contains__, tables.SUBJECT_STEMS)):
        return any(map(low.__contains__, spoken.SUBJECTS))
    return tables.SUBJECT.search(low) is not None or any(map(low.__contains__, spoken.SUBJECTS))


def speaks_of_return(subject: str, words: str) -> bool:
    """Does the subject, or a line of the text, say that mail was not delivered?"""
    low = words[:6_000].lower()
    return about_return(subject) or any(map(low.__contains__, _MARKERS))


def notified(text: str) -> str:
    """What a notice of Amazon SES tells, in JSON: `bounce`, `complaint` or `delivery`; or nothing.

    >>> notified('{"notificationType":"Complaint","complaint":{}}'), notified("{}")
    ('complaint', '')
    """
    match = _NOTIFIED.search(text[:2_000])
    return match.group(1).lower() if match is not None else ""


_NOTIFIED = re.compile(r'"(?:notificationType|eventType)"\s*:\s*"(Bounce|Complaint|Delivery)"', re.IGNORECASE)


def mail_notice(text: str, signs: list[str]) -> str:
    """The same for a mail that holds nothing else, from an address nobody answers to."""
    return notified(text) if text.startswith("{") and {"sender", "no-reply"} & set(signs) else ""


Bounce = tuple[Kind, tuple[ReportedRecipient, ...], str]


def judge(
    header: structure.Header,
    found: reports.Reports,
    text: str,
    *,
    subject: str,
    author: str,
    sender: str,
    addressed: bool,
    null_sender: bool,
    lexical: str,
    away_by_mark: bool,
    by_hand: bool,
) -> Bounce | None:
    """The kind of report, its recipients and the reason for the decision; None: it is none.

    `sender`: what `daemon` said, empty where a person writes from such an address. `addressed`: it came to the envelope
    sender of one of our deliveries. That names what it is about and is no sign of failure; fewer signs are enough
    there, because people hardly write to it. `away_by_mark`: a program says that somebody is away, which outweighs
    whatever the text says about full mailboxes. `by_hand`: something shows that a person wrote.
    """
    words, came_back = _own_words(text)
    if (found.delivery or found.rejected) and found.recipients:
        return _standard(found, words)
    personal = by_hand or _greets(words)
    if sender == "nobody" and personal:
        return None
    if not sender and _keeps_a_list(header, author):
        sender = "list keeper"
    signs = _signs(
        header,
        found,
        words,
        subject=subject,
        sender=sender,
        null_sender=null_sender,
        came_back=came_back,
    )
    if away_by_mark and not found.delivery and not {"subject", "failed recipients"} & set(signs):
        return None
    if not (signs or addressed or found.delivery):
        return None  # as nearly every mail
    proof = found.returned is not None or proves(subject, words)
    enough = (
        found.delivery
        or bool(mail_notice(text, signs))
        or _enough(
            signs,
            lexical,
            by_hand=personal,
            certain=sender in ("mailer-daemon", "list keeper") or (null_sender and sender == "postmaster"),
            proof=came_back or proof,
            saved=found.returned is not None
            or (came_back and _RECEIVED.search(text[len(words) :]) is not None),
        )
        or (
            addressed
            and _enough_there(
                signs,
                words,
                lexical,
                by_hand=by_hand,
                answers=subjects.by_hand(subject)
                and sender in ("postmaster", "nobody", "no-reply")
                and not null_sender,
                proof=proof,
            )
        )
    )
    if not enough:
        return None
    return _free(header, found, words, subject, "delivery report: " + ", ".join(signs))


def _signs(
    header: structure.Header,
    found: reports.Reports,
    words: str,
    *,
    subject: str,
    sender: str,
    null_sender: bool,
    came_back: bool,
) -> list[str]:
    signs: list[str] = []
    machine = sender in ("mailer-daemon", "postmaster", "list keeper")
    if machine or null_sender or sender == "nobody":
        signs.append("sender")
    elif sender == "no-reply":
        signs.append("no-reply")
    if about_return(subject):
        signs.append("subject")
    low = words[:6_000].lower()
    # With nothing but an empty envelope sender devices send alarms, and programs thank: they say what they cannot do, too.
    bare = (null_sender or sender == "nobody") and not machine
    names_one = "@" in low or bool(reasons.best_status("", low))
    clear = _CLEAR if signs == ["sender"] and bare else _MARKERS
    if any(map(low.__contains__, clear)) and (names_one or "subject" in signs or not bare):
        signs.append("marker line")
    if "marker line" in signs and _names_first(words):
        signs.append("recipient line")
    if came_back or found.returned is not None:
        signs.append("returned mail")
    if "x-failed-recipients" in header.by_name:
        signs.append("failed recipients")
    if bare and signs == ["sender", "subject"] and not names_one:
        signs.remove("subject")
    return signs


_MARKERS = (*tables.MARKERS, *spoken.MARKERS)
_CLEAR = tuple(marker for marker in _MARKERS if marker not in tables.VAGUE)


def _names_first(words: str) -> bool:
    """Does it begin with a machine's sentence, and is an address all that follows? People greet, and say what they want."""
    lines = [line.strip() for line in words[:2_000].split("\n") if line.strip()]
    lines = [line for line in lines if line[0] not in "-*=_#"][:3]
    if not lines or _SENTENCE.match(lines[0]) is None:
        return False
    for number, line in enumerate(lines[:2]):
        if any(map(line.lower().__contains__, _MARKERS)):
            return number + 1 < len(lines) and _NAMED.match(lines[number + 1][:400]) is not None
    return False


_SENTENCE = re.compile(
    r"(?:your|the|this) (?:e-?mail|message)|(?:message|delivery) |could not |unable to |the following (?:address|recipient|user)",
    re.IGNORECASE,
)
_LIST_KEEPER = re.compile(r"[-_](?:admin|owner|request|errors)@", re.IGNORECASE)
_OF_LISTS = ("list-", "x-ml", "mailing-list")


def _keeps_a_list(header: structure.Header, author: str) -> bool:
    """Programs that keep lists refuse mail from such an address; without a list's field an `it-admin@` is a person."""
    return _LIST_KEEPER.search(author) is not None and any(
        name.startswith(_OF_LISTS) for name in header.by_name
    )


def _greets(words: str) -> bool:
    return formulas.greets(words.lstrip().partition("\n")[0].strip())


def proves(subject: str, words: str) -> bool:
    """Do the words speak of mail that somebody sent and of whom it did not reach, or hold a mail server's code?

    Devices, shops and shared mailboxes say of anything that it could not be delivered, and name an address.
    """
    head = words[:6_000]
    if "@" in head and (reasons.holds_code(head) or _SMTP.search(head) is not None):
        return True
    whole = " ".join(head.split())
    if "@" in head and tables.RETURNED_SUBJECT.match(subject[:200].strip().lower()) is not None:
        return True
    return tables.YOUR_MAIL.search(whole) is not None and tables.TO_WHOM.search(whole) is not None


_SMTP = re.compile(
    r"(?<![\w.-])[45]\d\d[ -]{1,3}(?:user|no such|unknown|mailbox|recipient|relay|requested)", re.IGNORECASE
)
_RECEIVED = re.compile(r"^[> \t]{0,4}(?:received|return-path):", re.IGNORECASE | re.MULTILINE)


def _enough(
    signs: list[str], lexical: str, *, by_hand: bool, certain: bool, proof: bool, saved: bool
) -> bool:
    """Two signs; a mail that came back and a sign in its text alone are what a person forwards.

    Who asks what such a mail means writes its subject and pastes all of it: then a machine's address must stand behind it.
    `certain`: only mail systems write with this sender; of all others `proof` is wanted. From where nobody answers come
    notices of parcels and of queues too: then the mail that came back is one of the signs, with its own header (`saved`).
    """
    if "failed recipients" in signs:
        return True
    if lexical and "subject" not in signs:
        return False
    own = [sign for sign in signs if sign != "no-reply"]
    if "sender" in own:
        return len(own) >= 2 and (certain or proof)
    if "no-reply" in signs:
        return "returned mail" in own and saved and len(own) >= 2
    return "subject" in own and "marker line" in own and len(own) > 2 and not by_hand


def _enough_there(
    signs: list[str], words: str, lexical: str, *, by_hand: bool, answers: bool, proof: bool
) -> bool:
    """At the envelope sender of a delivery: a machine's address and a reason; of anybody else two signs of failure.

    Who answers (`answers`) from an address that people write from too, and whoever sends notices, must give a `proof`.

    Whoever answers by hand quotes what they answer: neither that nor a word about mailboxes makes it a report.
    """
    if lexical and "subject" not in signs:
        return False
    reason = reasons.says_why(words[:6_000])
    if "sender" in signs or "no-reply" in signs:
        return (len(signs) > 1 or reason) and (proof or not (answers or "no-reply" in signs))
    if by_hand:
        return False
    # "The mailbox is full", "the parcel was undeliverable": people say so too. A report names a code or an address.
    found = {*signs, *(("reason",) if reason else ())}
    if "@" not in words:
        found.discard("marker line")
    failure = {"subject", "returned mail"} & found or reasons.best_status("", words[:6_000])
    return bool(failure) and len(found) > 1


def awaits_proof(found: reports.Reports) -> bool:
    """A report that only asks the sender to prove that they are a person: the mail waits, it did not fail."""
    failed = [one for one in found.recipients if one.action in ("", "failed", "delayed")]
    return bool(failed) and all(tables.CHALLENGE.search(one.diagnostic) is not None for one in failed)


def _own_words(text: str) -> tuple[str, bool]:
    """The machine's own words, before the mail that came back; and whether one came back.

    Fields at the very beginning are the mail's own, from behind a line that broke its header.
    """
    lines = text[:TEXT_CHARACTERS].split("\n")[:LINES]
    apart = False
    for number, line in enumerate(lines):
        low = line[:80].lower().lstrip("> \t")
        ruled = low.startswith("-") and low.lstrip("- ").startswith(tables.RETURNED_RULES)
        apart = apart or not low.strip()
        if number >= 2 and (ruled or (apart and low.startswith(tables.RETURNED))):
            return "\n".join(lines[:number]), True
    return "\n".join(lines), False


def _standard(found: reports.Reports, words: str) -> Bounce:
    recipients = []
    worst = Kind.RELAYED_OK
    characters = reasons.REASON_CHARACTERS if len(found.recipients) <= FEW else NEAR_CHARACTERS
    for one in found.recipients:
        action = one.action or ("failed" if one.status[:1] in ("4", "5") else "")
        status = reasons.best_status(one.status, one.diagnostic)
        if not one.diagnostic and status.endswith(".0.0"):
            status = reasons.best_status(
                status, _around(words, one.address, characters) if one.address in words else ""
            )
        if action in ("delivered", "relayed", "expanded", "deliverable"):
            recipients.append(_reported(one, action, status, hard=False))
            continue
        if action == "delayed":
            worst = Kind.DELAYED if worst is Kind.RELAYED_OK else worst
            recipients.append(_reported(one, action, status, hard=False))
            continue
        # A code that names the address is enough where no server is quoted: scanners write their notices below the words.
        hard = (
            reasons.is_hard(status, one.diagnostic)
            if one.diagnostic or reasons.names_address(status)
            else reasons.is_hard(status, _around(words, one.address, characters) or words[:4_000])
        )
        if hard and not one.diagnostic and reasons.names_address(status):
            hard = not reasons.is_full(_up_to_next(_around(words, one.address, characters), one.address))
        worst = Kind.BOUNCE_HARD if hard or worst is Kind.BOUNCE_HARD else Kind.BOUNCE_SOFT
        recipients.append(_reported(one, "failed", status, hard=hard))
    return worst, tuple(recipients), "delivery status report"


def _reported(one: reports.Recipient, action: str, status: str, *, hard: bool) -> ReportedRecipient:
    return ReportedRecipient(
        recipient=one.address,
        action=action,
        status=status,
        reply=reasons.reply(one.diagnostic),
        hard=hard,
        text=headers.printable(one.diagnostic),
        remote_host=headers.printable(one.remote),
    )


def _says_delivered(text: str) -> bool:
    """Do the words say that it arrived, and not that it did not?"""
    for match in islice(tables.DELIVERED.finditer(text), 20):
        before = text[max(match.start() - 30, 0) : match.start()].lower()
        if not any(word in before.split() for word in ("not", "never", "cannot", "couldn't", "wasn't")):
            return True
    return False


def _free(header: structure.Header, found: reports.Reports, words: str, subject: str, why: str) -> Bounce:
    """A report in free words: who, which status, and whether the address is dead."""
    inline = reports.delivery_status(words) if "final-recipient:" in words.lower() else []
    if inline:
        return _standard(reports.Reports(tuple(inline), delivery=True), words)
    everything = f"{subject}\n{words}"
    if words.startswith("{") and notified(words) == "delivery":
        return Kind.RELAYED_OK, (), "a notice of delivery"
    if _says_delivered(everything) and tables.FAILED.search(everything) is None:
        who = [ReportedRecipient(recipient=a, action="delivered") for a in _recipients(header, found, words)]
        return Kind.RELAYED_OK, tuple(who), why
    delayed = tables.DELAYED.search(everything) is not None and tables.FAILED.search(everything) is None
    recipients = []
    worst = Kind.DELAYED if delayed else Kind.BOUNCE_SOFT
    reached = _recipients(header, found, words) or [""]
    of_all: str | None = None
    characters = reasons.REASON_CHARACTERS if len(reached) <= FEW else NEAR_CHARACTERS
    for address in reached:
        near = _around(words, address, characters)
        if len(reached) == 1 and not reasons.says_anything(near):
            near = words[: reasons.REASON_CHARACTERS]  # the reason stands above the address, or far below it
        status = reasons.best_status("", near)
        if not status:
            of_all = (
                reasons.best_status("", words) if of_all is None else of_all
            )  # once, for hundreds of recipients
            status = of_all or reasons.status_by_words(near or everything)
            if delayed and not of_all and status:
                status = f"4{status[1:]}"  # RFC 3463, 2: so far the trouble is a passing one
        hard = not delayed and reasons.is_hard(status, near if near.strip() else everything)
        if hard:
            worst = Kind.BOUNCE_HARD
        if address:
            action = "delayed" if delayed else "failed"
            text = headers.printable(" ".join(near.split()))[:500]
            recipients.append(
                ReportedRecipient(
                    recipient=address,
                    action=action,
                    status=status,
                    reply=reasons.reply(near),
                    hard=hard,
                    text=text,
                )
            )
    return worst, tuple(recipients), why


_ADDRESS = r"[^\s<>@\"'(),:;\[\]|=]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{1,253}[A-Za-z0-9]"
_BRACKETED = re.compile(rf"^[\s*>-]{{0,8}}[<\[]({_ADDRESS})[>\]]\s*(?::|$|\.\.\.)")
_ALONE = re.compile(
    rf"^[\s*>-]{{0,12}}({_ADDRESS})(?:<mailto:[^>]{{1,300}}>)?\s*(?::.*|\[.*\]|on \w{{3}}, .*)?$"
)
_LABELLED = re.compile(
    rf"(?:recipients?|to|deliver(?:ed|ing)?|address(?:es)?|user|rcpt to|for|mailbox|following|errors?)\b[^@\n]{{0,60}}?[\s:<(]({_ADDRESS})",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?:(?:failed |invalid )?(?:recipients?|address|user|to)\s*:\s*)?[\"'<]?{_ADDRESS}[\"'>]?(?:\s*<{_ADDRESS}>)?\s*[:;.]?$",
    re.IGNORECASE,
)
_REPLIED = re.compile(rf"^\s*[45]\d\d[ -](?:[45]\.\d+\.\d+ )?<?({_ADDRESS})>?\.\.\.")
_ANY = re.compile(rf"({_ADDRESS})")
_LOOSE = (_LABELLED, _ANY)


def _recipients(header: structure.Header, found: reports.Reports, words: str) -> list[str]:
    """Who the mail did not reach, from the best source there is."""
    failed = header.all("x-failed-recipients")
    if failed:
        out = [a for value in failed[:20] for a in _ANY.findall(_plain(value))]
        if out:
            return list(dict.fromkeys(out))[: reports.RECIPIENTS]
    if found.recipients:
        return list(dict.fromkeys(one.address for one in found.recipients if one.address))
    lines = words.split("\n")
    below = _below_list(lines)
    ours = {a.lower() for value in header.all("to")[:5] for a in _ANY.findall(_plain(value))}
    for part in (lines[below:], lines) if below else (lines,):
        for pattern in (_BRACKETED, _REPLIED, _ALONE, _LABELLED, _ANY):
            found_here = [match for line in part if (match := pattern.search(line[:400])) is not None]
            if pattern in _LOOSE:
                found_here = [match for match in found_here if _is_recipient(match, ours)]
            if found_here:
                unique = {match.group(1).lower(): match.group(1) for match in found_here}
                return list(unique.values())[: reports.RECIPIENTS if pattern is not _ANY else 1]
    if found.returned is not None:
        sent_to = _ANY.findall(_plain(found.returned.first("to")))[:1]
        return [address for address in sent_to if address.lower() not in ours]
    return []


def _is_recipient(match: re.Match[str], ours: AbstractSet[str]) -> bool:
    """Where an address is only mentioned it may be whom the report speaks to, or who wrote the mail: none that it did not reach."""
    before = match.string[: match.start(1)].rstrip(" <\"'").lower()
    return match.group(1).lower() not in ours and not before.endswith(
        ("mail from", "message from", "sent by")
    )


def _below_list(lines: list[str]) -> int:
    """Behind the line `… the following recipients:`, or 0: addresses above it are of the mail, not of whom it did not reach."""
    for number, line in enumerate(lines):
        if line.rstrip()[-1:] in (":", "：") and _LIST.search(line[-200:]) is not None:
            return number + 1
    return 0


_LIST = re.compile(
    r"(?:following|these)\W[^\n]{0,30}(?:recipients?|address(?:es)?|users?)|(?:recipients?|address)(?:\(e?s\))?\W{0,3}:",
    re.IGNORECASE,
)


def _plain(field: str) -> str:
    """A field that names recipients. What is no character to look at parts words: no database stores a NUL."""
    return headers.printable(headers.raw_text(field))


def _up_to_next(near: str, address: str) -> str:
    """Of these words what stands above the line of another recipient."""
    lines = near.split("\n")
    behind = next((n for n, line in enumerate(lines) if "@" in line and address not in line), len(lines))
    return "\n".join(lines[:behind])


def _around(words: str, address: str, characters: int = reasons.REASON_CHARACTERS) -> str:
    """What is said about one recipient: from its line to the next empty one."""
    if not address:
        return words[:4_000]
    at = words.find(address)
    if at < 0:
        return ""
    start = words.rfind("\n", 0, at) + 1
    near = words[start : start + characters]
    paragraph = near.partition("\n\n")[0]
    # The address alone between empty lines: the reason is somewhere below.
    return paragraph if len(paragraph.strip()) > len(address) + 4 else near
