"""Who sent this, a person or a machine? One kind for each mail, with all the evidence (RFC 3834 and what mailers do)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from channels.email.reading import (
    automatic,
    bounces,
    certified,
    marks,
    ours,
    reactions,
    reports,
    structure,
    subjects,
)
from core import addresses
from core.envelope import Kind, Report, ReportedRecipient


@dataclass(frozen=True, slots=True)
class Verdict:
    """What sort of mail this is, why, and whether a machine may answer it."""

    kind: Kind
    evidence: tuple[str, ...] = ()
    may_auto_reply: bool = True
    report: Report | None = None
    under_our_name: bool = False
    """One of our own addresses is in From, and nothing shows that we wrote it: people decide."""
    by_words: bool = False
    """It is no person's for what it says alone: no field, no part, no sender and no envelope is a machine's."""


def judge(
    root: structure.Part,
    *,
    subject: str,
    null_sender: bool,
    author: str,
    message_id: str,
    text: str,
    shown: str,
    bounce_tokens: Iterable[str],
    desk: ours.Desk,
) -> Verdict:
    """The kind of a mail, in the order of email.md 9: the first evidence decides, all of it is kept.

    `null_sender`: the envelope named nobody to answer to; `author` is the address in From ("" where none could be
    read); `shown` is what of the text its writer wrote now. Where a mail arrived is no evidence.
    """
    header = root.header
    if _is_own_loop(header, message_id, desk):
        return Verdict(Kind.OWN_LOOP, ("our own mail came back",), may_auto_reply=False)
    told = certified.receipt(root, text)
    if told is not None:
        return _receipt(told, root, desk)
    mail = automatic.Mail(
        root=root,
        subject=subject,
        text=text,
        shown=shown,
        null_sender=null_sender or marks.empty_return_path(header),
        addressed=any(True for _ in bounce_tokens),
        daemon=bounces.daemon(header.first("from"), author),
        lexical=automatic.automatic_subject(subject),
        marks=tuple(marks.found(header)),
    )
    verdict = _reports(mail, author, desk) or _signs_for_words(mail) or _automatic(mail)
    if verdict.kind in _TOLD_BY_WORDS and _is_by_words(mail):
        verdict = replace(verdict, by_words=True)
    if author and ours.is_own(addresses.key(author), desk):
        # Web forms write so, and whoever wants to be taken for us. Which it is, people see.
        evidence = ("our own address in From, without our mark", *verdict.evidence)
        return replace(verdict, evidence=evidence, may_auto_reply=False, under_our_name=True)
    return verdict


_TOLD_BY_WORDS = frozenset(
    {
        Kind.AUTO_REPLY,
        Kind.OUT_OF_OFFICE,
        Kind.CHALLENGE,
        Kind.BOUNCE_HARD,
        Kind.BOUNCE_SOFT,
        Kind.DELAYED,
        Kind.RELAYED_OK,
        Kind.REACTION,
    }
)
"""What a person's words may look like. All other kinds have fields or parts that only programs write."""


def _is_by_words(mail: automatic.Mail) -> bool:
    if mail.marks or mail.null_sender or mail.daemon or marks.auto_submitted(mail.header):
        return False
    return not reports.of_machines(mail.root) and not reactions.of_machines(mail.root)


# --- Reports -----------------------------------------------------------------------------------------------------


def _reports(mail: automatic.Mail, author: str, desk: ours.Desk) -> Verdict | None:
    """A machine's word about something that was sent; None: it is no report."""
    root, header = mail.root, mail.header
    found = reports.find(root)
    if (
        not (mail.null_sender or mail.daemon in ("mailer-daemon", "no-reply"))
        and root.type != "multipart/report"
        and (subjects.by_hand(mail.subject) or marks.mail_program(header))
    ):
        # `Fwd: Undelivered mail` with the parts of the report attached, or saved: somebody asks us about it. Mail programs
        # send receipts themselves, and gateways and signatures wrap them.
        asked = subjects.by_hand(mail.subject) or not found.receipt
        found = reports.NONE if asked else replace(found, delivery=False, recipients=())
    if found.delivery and _is_saved(mail):
        # Shown as a person's; if it is a gateway's after all, it gets no answer.
        return Verdict(Kind.HUMAN, ("parts of a report, attached",), may_auto_reply=False)
    if found.complaint or _is_complaint(header, found, mail.subject, mail.text):
        return _reported(Kind.ARF, f"complaint: {found.complaint_type or 'no type'}", found, (), desk)
    if bounces.awaits_proof(found):
        return Verdict(
            Kind.CHALLENGE, ("a report that asks for proof", *automatic.evidence(mail)), may_auto_reply=False
        )
    if found.receipt and not found.rejected:
        read = tuple(ReportedRecipient(recipient=one.address, action=one.action) for one in found.read_by)
        return _reported(Kind.MDN, "a receipt (disposition notification)", found, read, desk)
    if _is_dmarc_report(root, mail.subject):
        return Verdict(Kind.DMARC_REPORT, ("an aggregate report",), may_auto_reply=False)
    if not (
        mail.addressed
        or found.delivery
        or found.rejected
        or mail.null_sender
        or mail.daemon
        or bounces.about_return(mail.subject)
        or "x-failed-recipients" in header.by_name
    ):
        return None
    bounce = bounces.judge(
        header,
        found,
        mail.text,
        subject=mail.subject,
        author=author,
        sender="" if mail.daemon == "postmaster" and automatic.by_hand(mail) else mail.daemon,
        addressed=mail.addressed,
        null_sender=mail.null_sender,
        lexical=mail.lexical,
        away_by_mark=bool(automatic.is_away(mail)),
        by_hand=subjects.by_hand(mail.subject) or automatic.by_hand(mail),
    )
    if bounce is None:
        return None
    kind, recipients, why = bounce
    return _reported(kind, why, found, recipients, desk, extra=automatic.evidence(mail))


def _is_saved(mail: automatic.Mail) -> bool:
    """Parts of a report below words that do not speak of one: somebody attached them, by a page that leaves no name."""
    if mail.root.type != "multipart/mixed" or mail.daemon or mail.marks or mail.null_sender or mail.addressed:
        return False
    if not mail.shown.strip():
        return False
    return not bounces.speaks_of_return(mail.subject, mail.shown)


def _reported(
    kind: Kind,
    why: str,
    found: reports.Reports,
    recipients: tuple[ReportedRecipient, ...],
    desk: ours.Desk,
    extra: Iterable[str] = (),
) -> Verdict:
    named = [*found.about, *(reports.returned_ids(found.returned) if found.returned is not None else ())]
    refs = ours.refs(named, desk)
    report = Report(recipients=recipients, own_refs=refs)
    return Verdict(kind, tuple(dict.fromkeys((why, *extra))), may_auto_reply=False, report=report)


def _receipt(told: certified.Receipt, root: structure.Part, desk: ours.Desk) -> Verdict:
    """A provider's word about certified mail of ours (or of somebody else: then no delivery is found)."""
    returned = reports.find(root).returned
    ids = [*told.about, *(reports.returned_ids(returned) if returned is not None else ())]
    report = Report(recipients=told.recipients, own_refs=ours.refs(ids, desk), certified=True)
    return Verdict(
        told.kind, (f"receipt of certified mail: {told.sort}",), may_auto_reply=False, report=report
    )


def _is_own_loop(header: structure.Header, message_id: str, desk: ours.Desk) -> bool:
    if any(ours.is_own_loop(value, desk) for value in header.all("x-centralino-loop")[:5]):
        return True
    return bool(message_id) and bool(ours.refs([message_id], desk))


def _is_complaint(header: structure.Header, found: reports.Reports, subject: str, text: str) -> bool:
    """Complaints that come without a feedback report: older Hotmail, Apple's unsubscribing, Amazon's notices."""
    if "x-apple-unsubscribe" in header.by_name:
        return True
    if found.returned is not None and subject.lower().startswith("complaint about message from "):
        return True
    return text.startswith("{") and bounces.notified(text) == "complaint"


_AGGREGATE = re.compile(r"\s*(?:\[[^\]]{1,40}\]\s*)?report[- ]domain:\s*\S+", re.IGNORECASE)
_PACKED = frozenset(("application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed",
                     "application/xml", "text/xml", "application/tlsrpt+gzip", "application/octet-stream"))  # fmt: skip


def _is_dmarc_report(root: structure.Part, subject: str) -> bool:
    """RFC 7489, 7.2.1.1: the subject is prescribed, the report a packed file. TLS reports (RFC 8460) look alike."""
    if root.type == "multipart/report" and root.parameters.get("report-type", "").lower() == "tlsrpt":
        return True
    if _AGGREGATE.match(subject[:200]) is None:
        return False
    return root.type in _PACKED or any(child.type in _PACKED for child in root.children)


# --- Signs instead of messages, and what marks say -----------------------------------------------------------


def _signs_for_words(mail: automatic.Mail) -> Verdict | None:
    """A reaction, or an answer to an invitation; what a person passes on is a message."""
    if subjects.forwards(mail.subject):
        return None
    method = reactions.calendar_answer(mail.root)
    if method:
        evidence = (f"a calendar's {method}", *automatic.evidence(mail))
        return Verdict(Kind.CALENDAR_REPLY, evidence, may_auto_reply=False)
    answers = marks.answers(mail.header) or subjects.by_hand(mail.subject)
    reaction = reactions.reaction(mail.root, shown=mail.shown, answers=answers)
    if reaction:
        return Verdict(
            Kind.REACTION, (f"a reaction: {reaction}", *automatic.evidence(mail)), may_auto_reply=False
        )
    return None


def _automatic(mail: automatic.Mail) -> Verdict:
    kind, evidence = automatic.by_marks(mail)
    return Verdict(kind, evidence, may_auto_reply=not evidence)
