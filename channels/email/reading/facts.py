"""What would Centralino say about this mail? The answers of `main.py facts mail`, one JSON object a line."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channels.email import cleaning
from channels.email.reading import addresses, charsets, html_text, read, texts, tnef, visible
from core.envelope import Inbound, Kind, SpanKind

_BOUNCES = (Kind.BOUNCE_HARD, Kind.BOUNCE_SOFT, Kind.DELAYED)
_AUTOMATIC = (Kind.AUTO_REPLY, Kind.OUT_OF_OFFICE, Kind.CHALLENGE, Kind.RELAYED_OK)
_OPEN_A_TICKET = (Kind.HUMAN, Kind.MAILING_LIST, Kind.SYSTEM_NOTIFICATION)


def mail_fact(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request `{"path", "kind", "trusted_authserv_id"?, "answers"?}`; kinds are mime, plaintext, html and tnef.

    `answers`: what was published when the mail was handed to us directly, as channels.email.asking gives it. A file that cannot be read is answered with `error`; nothing is raised.
    """
    try:
        raw = Path(str(request["path"])).read_bytes()
    except (OSError, KeyError, ValueError) as problem:
        return {"error": f"cannot read the file: {problem}"}
    kind = request.get("kind", "mime")
    if kind == "plaintext":
        text = texts.with_plain_line_ends(charsets.text(raw))
        return _of_text(text, visible.spans(text))
    if kind == "html":
        converted = html_text.convert(charsets.html(raw))
        spans = visible.spans(converted.text, cuts=converted.cuts, signatures=converted.signatures)
        return _of_text(converted.text, spans)
    if kind == "tnef":
        message = tnef.read(raw)
        if message is None:
            return {"error": "no winmail.dat, or a larger one than is unpacked"}
        return {"error": None, "tnef_attachment_names": [file.name for file in message.files]}
    trusted = request.get("trusted_authserv_id")
    arrival: dict[str, Any] = {"channel": "email"}
    if isinstance(request.get("answers"), dict):
        arrival |= {"received_at": datetime.now(UTC), "envelope": {"answers": request["answers"]}}
    return _of_mail(read.read(raw, arrival, {"authserv_ids": [trusted] if trusted else []}))


def _of_text(text: str, spans: Any) -> dict[str, Any]:
    return {
        "error": None,
        "text": text,
        "visible_text": visible.shown(text, spans),
        "signature_text": _joined(text, spans, SpanKind.SIGNATURE),
    }


def _joined(text: str, spans: Any, kind: SpanKind) -> str:
    return "".join(text[span.start : span.end] for span in spans if span.kind is kind)


def _of_mail(inbound: Inbound) -> dict[str, Any]:
    author = inbound.author
    recipients = inbound.report.recipients if inbound.report is not None else ()
    made_up = inbound.message_id.endswith("@no-message-id.invalid")
    return {
        **_of_text(inbound.text, inbound.spans),
        "subject": inbound.subject,
        "from_email": (
            author.address if author is not None else addresses.first_written(inbound.author_text)
        ).lower(),
        "from_name": author.name if author is not None else inbound.author_text.partition("<")[0].strip(' "'),
        "to_emails": [a.address.lower() for a in inbound.to],
        "reply_to": inbound.reply_to.address.lower() if inbound.reply_to is not None else "",
        "original_sender": inbound.original_sender.address.lower()
        if inbound.original_sender is not None
        else "",
        "ticket_numbers": list(inbound.ticket_numbers),
        "named_numbers": list(inbound.named_numbers),
        "message_id": "" if made_up else inbound.message_id,
        "in_reply_to": list(inbound.in_reply_to),
        "references": list(inbound.references),
        "attachments": [{"name": a.name, "inline": a.inline} for a in inbound.attachments],
        "html": cleaning.clean_html(inbound.html, cid_url=lambda _: None) if inbound.html else "",
        "kind": inbound.kind.value,
        "evidence": list(inbound.kind_evidence),
        "notes": list(inbound.notes),
        "is_bounce": inbound.kind in _BOUNCES,
        "is_auto": inbound.kind in _AUTOMATIC,
        "is_feedback_report": inbound.kind is Kind.ARF,
        "is_mdn": inbound.kind is Kind.MDN,
        "is_mailing_list": inbound.kind is Kind.MAILING_LIST,
        "may_auto_reply": inbound.may_auto_reply,
        "may_open_ticket": inbound.kind in _OPEN_A_TICKET,
        "dmarc_verdict": {"pass": "pass", "fail": "fail"}.get(inbound.authentication.verdict, "none"),
        "authentication": {
            "verdict": inbound.authentication.verdict,
            "policy": inbound.authentication.policy,
            "evidence": list(inbound.authentication.evidence),
        },
        "bounce": [
            {"recipient": r.recipient, "status": r.status, "hard": r.hard}
            for r in recipients
            if r.action in ("failed", "delayed")
        ],
    }


def main() -> None:
    """Requests on standard input, answers on standard output, one a line, until the input ends."""
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(mail_fact(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
