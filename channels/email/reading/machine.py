"""Who sent this, a person or a machine? One kind for each mail, with all the evidence (RFC 3834 and what mailers do)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from channels.email.reading import bounces, ours, reports, structure
from core.envelope import Kind, Report, ReportedRecipient


@dataclass(frozen=True, slots=True)
class Verdict:
    """What sort of mail this is, why, and whether a machine may answer it."""

    kind: Kind
    evidence: tuple[str, ...] = ()
    may_auto_reply: bool = True
    report: Report | None = None


_HUMAN = Verdict(Kind.HUMAN)


def judge(
    root: structure.Part,
    *,
    subject: str,
    null_sender: bool,
    author: str,
    message_id: str,
    text: str,
    bounce_tokens: Iterable[str],
    desk: ours.Desk,
) -> Verdict:
    """The kind of a mail, in the order of email.md 9: the first evidence decides, all of it is kept.

    `null_sender`: the envelope named nobody to answer to; `author` is the address in From ("" where none could be
    read).
    """
    header = root.header
    evidence: list[str] = []
    if _is_own_loop(header, author, message_id, desk):
        return Verdict(Kind.OWN_LOOP, ("our own mail came back",), may_auto_reply=False)
    tokens = tuple(bounce_tokens)
    null_sender = null_sender or _empty_return_path(header)
    daemon = bounces.daemon(header.first("from"), author)
    found = reports.find(root)
    if (
        not (tokens or null_sender or daemon)
        and root.type != "multipart/report"
        and bounces.is_answer(subject)
    ):
        # `Fwd: Undelivered mail` with the parts of the report attached: somebody asks us about it.
        found = reports.Reports()
    complaint = found.complaint or _is_complaint(header, found, subject, text)
    if complaint:
        return _reported(Kind.ARF, f"complaint: {found.complaint_type or 'no type'}", found, (), desk)
    if found.receipt:
        return _reported(Kind.MDN, "a receipt (disposition notification)", found, (), desk)
    if _is_dmarc_report(root, subject):
        return Verdict(Kind.DMARC_REPORT, ("an aggregate report",), may_auto_reply=False)
    _marks(header, evidence)
    if null_sender:
        evidence.append("empty envelope sender")
    lexical = automatic_subject(subject)
    if (
        tokens
        or found.delivery
        or null_sender
        or daemon
        or bounces.about_return(subject)
        or "x-failed-recipients" in header.by_name
    ):
        bounce = bounces.judge(
            header,
            found,
            text,
            subject=subject,
            author=author,
            addressed=bool(tokens),
            null_sender=null_sender,
            lexical=lexical,
            replied=_auto_submitted(header) == "auto-replied",
        )
        if bounce is not None:
            kind, recipients, why = bounce
            return _reported(kind, why, found, recipients, desk, extra=evidence)
    if not evidence and not lexical and not daemon:
        return _HUMAN
    return _by_marks(
        header, evidence, lexical=lexical, daemon=daemon, null_sender=null_sender, subject=subject
    )


def _by_marks(
    header: structure.Header,
    evidence: list[str],
    *,
    lexical: str,
    daemon: str,
    null_sender: bool,
    subject: str,
) -> Verdict:
    """No report: an automatic answer, a list, a notice of some system, or a person with a doubtful mark."""
    if lexical:
        evidence.append(f"subject: {lexical}")
    if daemon:
        evidence.append(f"from: {daemon}")
    away = _is_away(header, lexical)
    if away and lexical == "out of office" and _answers_us(header, subject):
        # The prefix every mail program puts before the subject it answers: no person types that.
        return Verdict(Kind.OUT_OF_OFFICE, tuple(evidence), may_auto_reply=False)
    listed = any(name in header.by_name for name in ("list-id", "list-post")) or (
        "list-unsubscribe" in header.by_name and _precedence(header) in ("list", "bulk")
    )
    automatic = _auto_submitted(header)
    if listed and automatic != "auto-replied" and not away:
        return Verdict(Kind.MAILING_LIST, tuple(evidence), may_auto_reply=False)
    if _is_challenge(header, lexical):
        return Verdict(Kind.CHALLENGE, tuple(evidence), may_auto_reply=False)
    replied = automatic == "auto-replied" or any(name in header.by_name for name in _REPLY_FIELDS)
    if away and (replied or null_sender or automatic or _precedence(header) or lexical == "out of office"):
        if replied or null_sender or automatic or _precedence(header):
            return Verdict(Kind.OUT_OF_OFFICE, tuple(evidence), may_auto_reply=False)
        # Only the subject says so: a person may have written it. Not answered, but shown and kept.
        return Verdict(Kind.HUMAN, tuple(evidence), may_auto_reply=False)
    if replied or _precedence(header) == "auto_reply":
        return Verdict(Kind.AUTO_REPLY, tuple(evidence), may_auto_reply=False)
    if null_sender and lexical:
        return Verdict(Kind.AUTO_REPLY, tuple(evidence), may_auto_reply=False)
    if automatic or daemon == "no-reply" or "x-fc-machinegenerated" in header.by_name:
        return Verdict(Kind.SYSTEM_NOTIFICATION, tuple(evidence), may_auto_reply=False)
    if _precedence(header) or "feedback-id" in header.by_name or "list-unsubscribe" in header.by_name:
        return Verdict(Kind.MAILING_LIST, tuple(evidence), may_auto_reply=False)
    if daemon == "mailer-daemon":
        return Verdict(Kind.SYSTEM_NOTIFICATION, tuple(evidence), may_auto_reply=False)
    # An empty From or envelope sender alone: badly made mail of people looks so too. Shown, never answered.
    return Verdict(Kind.HUMAN, tuple(evidence), may_auto_reply=False)


def _reported(
    kind: Kind,
    why: str,
    found: reports.Reports,
    recipients: tuple[ReportedRecipient, ...],
    desk: ours.Desk,
    extra: Iterable[str] = (),
) -> Verdict:
    refs = ours.refs(reports.returned_ids(found.returned), desk) if found.returned is not None else ()
    report = Report(recipients=recipients, own_refs=refs)
    return Verdict(kind, tuple(dict.fromkeys((why, *extra))), may_auto_reply=False, report=report)


def _is_own_loop(header: structure.Header, author: str, message_id: str, desk: ours.Desk) -> bool:
    if any(ours.is_own_loop(value, desk) for value in header.all("x-centralino-loop")[:5]):
        return True
    if message_id and ours.refs([message_id], desk):
        return True
    return bool(author) and author.lower() in desk.addresses


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


def _empty_return_path(header: structure.Header) -> bool:
    """The empty envelope sender as the last server wrote it down."""
    return "return-path" in header.by_name and header.first("return-path").replace(" ", "") in (
        "<>",
        "<MAILER-DAEMON>",
    )


_REPLY_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from", "x-vacation", "x-mail-autoreply",
                 "x-apple-action", "x-auto-reply", "x-autogenerated-reply")  # fmt: skip
_MARK_FIELDS = (*_REPLY_FIELDS, "x-failed-recipients", "x-fc-machinegenerated", "list-id", "list-unsubscribe", "list-post",
                "feedback-id", "x-loop", "x-ms-exchange-inbox-rules-loop", "auto-submitted", "precedence", "x-precedence")  # fmt: skip
_MACHINE_PRECEDENCE = frozenset(("bulk", "junk", "list", "auto_reply", "auto-reply"))


def _marks(header: structure.Header, evidence: list[str]) -> None:
    by_name = header.by_name
    for name in _MARK_FIELDS:
        if name not in by_name:
            continue
        value = _printable(by_name[name][0][:60])
        if name == "auto-submitted":
            if _auto_submitted(header):
                evidence.append(f"auto-submitted: {value}")
        elif name in ("precedence", "x-precedence"):
            if _precedence(header):
                evidence.append(f"precedence: {value}")
        elif name == "x-autoreply" and value.strip().lower() in ("no", "false"):
            continue
        else:
            evidence.append(name)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _auto_submitted(header: structure.Header) -> str:
    """RFC 3834, 5: the keyword, unless it is `no`; parameters and comments may follow."""
    word = re.split(r"[\s;(]", header.first("auto-submitted").strip().lower(), maxsplit=1)[0]
    return "" if word == "no" else word


def _precedence(header: structure.Header) -> str:
    for name in ("precedence", "x-precedence"):
        word = header.first(name).strip().lower()
        if word in _MACHINE_PRECEDENCE:
            return word.replace("-", "_")
    return ""


_AWAY = re.compile(
    r"out of (?:the )?office|automatic reply|auto(?:matic)?[ -]?(?:reply|response|responder|antwort)|autoreply|"
    r"away from (?:my|the) (?:mail|office|desk)|on vacation|vacation (?:reply|response|notice)|on holiday|on leave\b|"
    r"abwesen(?:d|heit)|automatische antwort|nicht im (?:büro|haus)|im urlaub|"
    r"risposta automatica|fuori (?:sede|ufficio)|assente dall.ufficio|in ferie|assenza dall|"
    r"réponse automatique|absen(?:t|ce) du bureau|en congé|message d.absence|"
    r"respuesta automática|fuera de (?:la )?oficina|ausente de la oficina|"
    r"resposta automática|ausência temporária|fora do escritório|"
    r"automatisch antwoord|afwezig|niet aanwezig|"
    r"autoodpowiedź|odpowiedź automatyczna|automatyczna odpowiedź|poza biurem|nieobecność|"
    r"автоматический ответ|автоответ|нет на месте|в отпуске|автоматична відповідь|"
    r"automatická odpověď|mimo kancelář|v nepřítomnosti|"
    r"autosvar|automatiskt svar|automatisk svar|frånvarande|ikke på kontoret|ikke til stede|"
    r"automaattinen vastaus|poissa|"
    r"otomatik yanıt|otomatik cevap|ofis dışında|"
    r"自動応答|自動返信|不在(?:通知|届|です)|自动回复|自動回覆|外出",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"ticket (?:received|created|opened)|we(?:'ve| have) received your|your (?:request|message) (?:has been|was) received|"
    r"(?:request|case) received|abbiamo ricevuto la (?:tua|sua)|eingangsbestätigung|accusé de réception|"
    r"acuse de recibo|do[ -]?not[ -]?reply|confirm(?:ation)? (?:of )?receipt",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"(?:please )?(?:confirm|verify) your (?:message|e-?mail|request)|challenge.response|boxbe|spamarrest",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"^\s*(?:re|aw|sv|r|antw|odp|rif|vs|ynt|fwd?|wg|tr)\s*:", re.IGNORECASE)


def automatic_subject(subject: str) -> str:
    """What an automatic answer's subject says, or nothing. A reply to one (`Re: …`) says nothing.

    >>> automatic_subject("Automatische Antwort: Drucker"), automatic_subject("Re: out of office printer")
    ('out of office', '')
    """
    if _ANSWER.match(subject) is not None:
        return ""
    head = subject[:200].lower()
    if any(stem in head for stem in _AWAY_STEMS) and _AWAY.search(head) is not None:
        return "out of office"
    if not any(stem in head for stem in _NOTICE_STEMS):
        return ""
    if _NOTICE.search(head) is not None:
        return "acknowledgement"
    return "challenge" if _CHALLENGE.search(head) is not None else ""


_AWAY_STEMS = (
    "office", "auto", "away", "vacation", "holiday", "leave", "abwesen", "nicht im", "urlaub", "fuori", "assen", "ferie",
    "répon", "absen", "congé", "fuera", "ausen", "ausên", "fora do", "afwezig", "aanwezig", "odpowied", "poza", "nieobec",
    "автом", "автоот", "месте", "отпуск", "odpověď", "mimo", "nepřítom", "svar", "frånvar", "ikke", "poissa", "otomatik",
    "ofis", "自動", "不在", "自动", "外出",
)  # fmt: skip
_NOTICE_STEMS = ("receiv", "receipt", "ticket", "ricevuto", "eingang", "accusé", "acuse", "reply", "confirm", "verify",
                 "challenge", "boxbe", "spamarrest")  # fmt: skip
"""One of these stands in every subject that the patterns find; looking for them first is twenty times faster."""


def _is_away(header: structure.Header, lexical: str) -> bool:
    return (
        lexical == "out of office"
        or "vacation" in header.first("auto-submitted").lower()
        or "x-vacation" in header.by_name
    )


_ANSWERING = re.compile(r"[^:]{3,60}:\s*(?:(?:re|aw|sv|r|antw|odp|rif|vs|ynt)\s*:|.*\[#)", re.IGNORECASE)


def _answers_us(header: structure.Header, subject: str) -> bool:
    """`Automatic reply: Re: …`, or the same in front of a subject that the header says is answered."""
    if _ANSWERING.match(subject[:200]) is not None:
        return True
    return ":" in subject[:60] and ("in-reply-to" in header.by_name or "references" in header.by_name)


def _is_challenge(header: structure.Header, lexical: str) -> bool:
    return lexical == "challenge" and (_auto_submitted(header) != "" or _precedence(header) != "")
