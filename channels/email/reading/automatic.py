"""Is this an automatic answer, mail of a list, a notice of some system, or a person's? By its marks, not by reports."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.email.reading import away, bounce_reasons, formulas, marks, received_tables, structure, subjects
from core.envelope import Kind

AWAY_THERE = 400
"""Characters of a mail to an envelope sender of ours in which a program without any mark says that somebody is away."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What the decisions look at."""

    root: structure.Part
    subject: str
    text: str
    shown: str
    """What of the text was written now."""
    null_sender: bool
    addressed: bool
    """It came to the envelope sender of one of our deliveries."""
    daemon: str
    lexical: str
    """What the subject says of an automatic answer: out of office, acknowledgement, challenge, or nothing."""
    marks: tuple[str, ...]

    @property
    def header(self) -> structure.Header:
        return self.root.header


def by_marks(mail: Mail) -> tuple[Kind, tuple[str, ...]]:
    """No report: an automatic answer, a list, a notice of some system, or a person with a doubtful mark."""
    header = mail.header
    why = evidence(mail)
    if not why and not mail.addressed:
        return Kind.HUMAN, ()
    gone = is_away(mail)
    if gone:
        why = tuple(dict.fromkeys((*why, f"away: {gone}")))
    if not why:
        return Kind.HUMAN, ()
    if away.names_itself(mail.subject) and _answers_somebody(mail):
        # The name every mail program puts before the subject it answers: no person types that.
        return Kind.OUT_OF_OFFICE, why
    replied, automatic, precedence = (
        marks.replied(header),
        marks.auto_submitted(header),
        marks.precedence(header),
    )
    listed = any(name in header.by_name for name in ("list-id", "list-post")) or (
        "list-unsubscribe" in header.by_name and precedence in ("list", "bulk")
    )
    if gone and (not listed or replied):
        return Kind.OUT_OF_OFFICE, why
    if listed and not replied:
        return Kind.MAILING_LIST, why
    if mail.lexical == "challenge" and (automatic or precedence):
        return Kind.CHALLENGE, why
    if mail.addressed and asks_for_proof(mail) and not _greets(mail):
        return Kind.CHALLENGE, why
    if replied or _answers_by_machine(mail):
        return Kind.AUTO_REPLY, why
    if automatic or mail.daemon == "no-reply" or "x-fc-machinegenerated" in header.by_name:
        return Kind.SYSTEM_NOTIFICATION, why
    if precedence or "feedback-id" in header.by_name or "list-unsubscribe" in header.by_name:
        return Kind.MAILING_LIST, why
    if mail.daemon in ("mailer-daemon", "postmaster"):
        return Kind.SYSTEM_NOTIFICATION, why
    # Only the subject says so, or From or the envelope sender is empty: badly made mail of people looks so too. It is
    # not answered, but shown and kept.
    return Kind.HUMAN, why


def evidence(mail: Mail) -> tuple[str, ...]:
    said = list(mail.marks)
    if mail.null_sender:
        said.append("empty envelope sender")
    if mail.lexical:
        said.append(f"subject: {mail.lexical}")
    if mail.daemon:
        said.append(f"from: {mail.daemon}")
    if asks_for_proof(mail):
        said.append("asks whether its reader is a person")
    return tuple(dict.fromkeys(said))


def asks_for_proof(mail: Mail) -> bool:
    """An answer with a link at which its reader shall prove to be a person, so that their mail gets through.

    Of the kind of mail only where it came to an envelope sender of ours; anywhere else a reason not to answer.
    """
    if not (mail.addressed or marks.answers(mail.header) or subjects.answers(mail.subject)):
        return False
    if by_hand(mail):
        return False
    head = mail.shown[:PROOF_THERE]
    return "http" in head and _PROOF.search(" ".join(head.split())) is not None


PROOF_THERE = 2_000
"""Characters of a mail in which such a service says what it wants."""
_PROOF = re.compile(
    r"add(?:ed)? .{0,60}(?:to|on) (?:\S+ ){1,3}list of (?:allowed|approved|accepted) senders|"
    r"add(?:ed)? (?:yourself |your(?: e-?mail)? address |you )?(?:to|on) (?:\S+ ){1,4}(?:allowed|approved|accepted|white|guest|safe)[ -]?(?:senders? )?list|"
    r"(?:confirm|verify|prove) that you(?: are|'re) (?:a |an )?(?:human|real|person|not a)|"
    r"this (?:mailbox|account|address|inbox) is protected by .{0,200}(?:click|link|confirm|verify)|"
    r"your (?:e-?mail|message) .{0,80}(?:held|waiting|quarantine\w*|not be delivered) .{0,80}(?:until|unless) you (?:confirm|verify|click)|"
    r"bestätigen sie, dass sie (?:ein mensch|eine person|kein)|conferm\w+ di essere una persona|confirmez que vous êtes (?:une personne|humain)|confirme que (?:usted )?es una persona",
    re.IGNORECASE,
)


def is_away(mail: Mail) -> str:
    """What a program says of somebody who is away, or nothing. A person may write the same: it needs a machine's mark.

    The name of an automatic answer in the subject counts beside any mark of a machine, other words only beside the mark
    of an answer: notices of a system and mail of lists speak of holidays too. To an envelope sender hardly a person
    writes: there the phrase will do where nothing shows a hand.
    """
    header = mail.header
    if marks.vacation(header):
        return "by its header"
    automatic, bulk = marks.auto_submitted(header), marks.precedence(header) in ("bulk", "junk")
    marked = bool(automatic or bulk or mail.null_sender)
    replied = (
        marks.replied(header) or (mail.addressed and marked) or bool(automatic and marks.answers(header))
    )
    if mail.lexical == "out of office" and (
        replied or mail.null_sender or bulk or (automatic and away.names_itself(mail.subject))
    ):
        return "in the subject"
    if marks.replied(header) or (replied and marked):
        return away.said(mail.shown)
    if mail.addressed and not marked and not by_hand(mail):
        return away.said_alone(mail.subject, mail.shown[:AWAY_THERE])
    return ""


def by_hand(mail: Mail) -> bool:
    """Does anything show that a person wrote it: the name of their mail program, a question, mail they pass on?

    Of weight only where nothing says the contrary: programs quote and sign too.
    """
    if mail.marks or mail.null_sender or mail.daemon in ("mailer-daemon", "no-reply"):
        return False
    if marks.mail_program(mail.header) or subjects.forwards(mail.subject):
        return True
    asks = _QUESTION.search(mail.shown[:AWAY_THERE]) is not None
    if mail.daemon != "postmaster":
        return asks
    greets = _greets(mail)
    if asks and greets:
        return True
    # Programs greet too, or ask what happened; few people quote a code without doing both.
    return (asks or greets) and not (mail.addressed or _says_machine(mail.shown[:PROOF_THERE]))


def _greets(mail: Mail) -> bool:
    return formulas.greets(mail.shown.lstrip().partition("\n")[0].strip())


def _says_machine(text: str) -> bool:
    return bounce_reasons.holds_code(text) or _MACHINE.search(text) is not None


_MACHINE = re.compile(
    r"RESOLVER\.|\bautomati(?:c|sch)|\bautomatic?ament|do not reply|nicht antworten", re.IGNORECASE
)
_QUESTION = re.compile(r"[?？؟](?=\s|$)")


def _answers_somebody(mail: Mail) -> bool:
    """`Automatic reply: Re: …`, or the same in front of a subject that the header says is answered."""
    _, colon, behind = mail.subject[:200].partition(":")
    if not colon:
        return False
    return marks.answers(mail.header) or subjects.by_hand(behind) or "[#" in behind


def _answers_by_machine(mail: Mail) -> bool:
    """An automatic mail that answers one: by where it came to, or by what it says it answers."""
    automatic = marks.auto_submitted(mail.header)
    bulk = marks.precedence(mail.header) in ("bulk", "junk")
    if mail.null_sender:
        # Programs that answer for somebody send so (RFC 3834, 3.1.8 and 3.3), and so do devices and forms that answer nobody.
        if marks.answers(mail.header):
            return bool(automatic or bulk or mail.lexical)
        if bulk and not automatic and (mail.lexical or subjects.answers(mail.subject)):
            return True
    return mail.addressed and bool(automatic or bulk)


def automatic_subject(subject: str) -> str:
    """What an automatic answer's subject says, or nothing. A reply to one (`Re: …`) says nothing.

    >>> automatic_subject("Automatische Antwort: Drucker"), automatic_subject("Re: out of office printer")
    ('out of office', '')
    """
    if subjects.by_hand(subject):
        return ""
    if away.said(subject[: away.SUBJECT_CHARACTERS]):
        return "out of office"
    head = away.plain(subject[: away.SUBJECT_CHARACTERS])
    if any(map(head.__contains__, received_tables.STEMS)) and _RECEIVED.search(head) is not None:
        return "acknowledgement"
    if not any(map(head.__contains__, _CHALLENGE_STEMS)):
        return ""
    return "challenge" if _CHALLENGE.search(head) is not None else ""


_RECEIVED = re.compile("|".join(received_tables.RECEIVED.values()))
_CHALLENGE = re.compile(
    r"(?:please )?(?:confirm|verify) your (?:message|e-?mail|request)|challenge.response|boxbe|spamarrest",
    re.IGNORECASE,
)
_CHALLENGE_STEMS = ("confirm", "verify", "challenge", "boxbe", "spamarrest")
