"""What does a machine-readable report say? Delivery status (RFC 3464), receipts (RFC 8098), complaints (RFC 5965)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from channels.email.reading import attachments, bounce_reasons, charsets, headers, structure

RECIPIENTS = 200
REPORT_BYTES = 256 * 1024

DELIVERY = ("message/delivery-status", "message/global-delivery-status")
RECEIPT = ("message/disposition-notification", "message/global-disposition-notification")
COMPLAINT = ("message/feedback-report",)
RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers",
            "message/partial")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipient:
    """The fields of one recipient of a delivery status report, as they stand there."""

    address: str
    action: str
    status: str
    diagnostic: str
    remote: str


@dataclass(frozen=True, slots=True)
class Reports:
    """What was found in the tree."""

    recipients: tuple[Recipient, ...] = ()
    delivery: bool = False
    receipt: bool = False
    rejected: bool = False
    """The receipt says that a program refused the mail for its reader (RFC 5429, 2.2.2)."""
    read_by: tuple[Recipient, ...] = ()
    """Of a receipt: for whom, and as its action what became of the mail: displayed, deleted, dispatched, processed."""
    about: tuple[str, ...] = ()
    """Of a receipt: the ids of the mail it is about, as its own field names them (RFC 8098, 3.2.5)."""
    complaint: bool = False
    complaint_type: str = ""
    returned: structure.Header | None = None
    """The header of the mail that came back."""


NONE = Reports()


def find(root: structure.Part) -> Reports:
    """Report parts anywhere in the tree, but not inside attached mails."""
    if not root.children and root.type not in _TYPES:
        return NONE
    recipients: list[Recipient] = []
    delivery = receipt = rejected = complaint = False
    complaint_type = ""
    returned: structure.Header | None = None
    read_by: tuple[Recipient, ...] = ()
    about: tuple[str, ...] = ()
    for part in structure.parts(root):
        kind = part.type
        if kind in DELIVERY:
            delivery = True
            recipients.extend(delivery_status(_text(part)))
        elif kind in RECEIPT:
            receipt = True
            fields = {name: value for group in _groups(_text(part)) for name, value in group}
            rejected = "rejected" in root.header.first("auto-submitted").lower() and _is_refused(fields)
            who = _recipient(fields.get("final-recipient", ""))
            if rejected:
                recipients.append(Recipient(who, "failed", "", "", ""))
            sort = fields.get("disposition", "").rpartition(";")[2].partition("/")[0].strip().lower()
            read_by = (Recipient(who, sort[:20], "", "", ""),)
            about = tuple(headers.ids(fields.get("original-message-id", ""), 2))
        elif kind in COMPLAINT:
            complaint = True
            fields = {name: value for group in _groups(_text(part)) for name, value in group}
            complaint_type = fields.get("feedback-type", "").lower()[:40]
        elif kind in RETURNED and returned is None and part is not root:
            content = attachments.content(part)[:REPORT_BYTES]
            returned = structure.split_header(content)[0]
    return Reports(
        tuple(recipients[:RECIPIENTS]),
        delivery,
        receipt,
        rejected,
        read_by,
        about,
        complaint,
        complaint_type,
        returned,
    )


def of_machines(root: structure.Part) -> bool:
    """Does it have a part that only programs write?"""
    return root.type == "multipart/report" or any(part.type in _TYPES for part in structure.parts(root))


def _is_refused(fields: dict[str, str]) -> bool:
    mode, _, sort = fields.get("disposition", "").lower().partition(";")
    return mode.strip().startswith("automatic-action") and sort.strip().startswith("deleted")


_TYPES = frozenset((*DELIVERY, *RECEIPT, *COMPLAINT))


def delivery_status(text: str) -> list[Recipient]:
    """The recipients of a delivery status report, also where empty lines are missing or doubled.

    >>> delivery_status("Reporting-MTA: dns; mx.test\\n\\nFinal-Recipient: rfc822; a@x.test\\nAction: failed\\nStatus: 5.1.1\\n")
    [Recipient(address='a@x.test', action='failed', status='5.1.1', diagnostic='', remote='')]
    """
    found: list[Recipient] = []
    pending: dict[str, str] = {}
    for group in _groups(text):
        for name, value in group:
            if name in ("final-recipient", "original-recipient") and name in pending:
                _add(found, pending)
                pending = {}
            pending.setdefault(name, value)
        if "final-recipient" in pending or "original-recipient" in pending:
            if "status" in pending or "action" in pending or "diagnostic-code" in pending:
                _add(found, pending)
                pending = {}
        else:
            pending = {} if "reporting-mta" in pending else pending
        if len(found) >= RECIPIENTS:
            break
    _add(found, pending)
    return found


_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")


def _add(found: list[Recipient], fields: dict[str, str]) -> None:
    final, original = fields.get("final-recipient", ""), fields.get("original-recipient", "")
    if not (final or original):
        return
    said = fields.get("status", "")
    status = _STATUS.search(said)
    diagnostic = fields.get("diagnostic-code", "")
    found.append(
        Recipient(
            address=_written_to(original, final),
            action=fields.get("action", "").partition(" ")[0].strip().lower()[:20],
            status=status.group() if status is not None else "",
            diagnostic=(diagnostic.partition(";")[2].strip() or diagnostic or _behind(said, status))[:1_000],
            remote=fields.get("remote-mta", "").partition(";")[2].strip()[:255],
        )
    )


def _written_to(original: str, final: str) -> str:
    """The address that the mail was sent to, as its sender knows it (RFC 3464, 2.3.1), else the one that it ended at.

    Many systems know the second only; some write there an account, a local name or an address of X.400.
    """
    ended_at = _recipient(final)
    kind, typed, value = original.partition(";")
    if (typed and kind.strip().lower() not in ("rfc822", "utf-8")) or original.count("@") > 1:
        return ended_at or _recipient(original)
    sent_to = _recipient(value if typed else original)
    if sent_to != ended_at:
        sent_to = _XTEXT.sub(lambda code: chr(int(code.group(1), 16)), sent_to)
    return sent_to if "@" in sent_to or not ended_at else ended_at


_XTEXT = re.compile(r"\+(2B|3D)")
"""What RFC 3461, 4 writes for plus and equals; some leave it so. Other codes may be what somebody put behind a plus."""


def _behind(status: str, code: re.Match[str] | None) -> str:
    """Words behind a status code (RFC 3464, 2.3.4 allows a comment there), or in its place, that say the reason."""
    words = (status[code.end() :] if code is not None else status).strip(" \t()")
    return words if bounce_reasons.says_anything(words) else ""


def _recipient(value: str) -> str:
    text = value.rpartition(";")[2] if ";" in value else value
    text = text.strip().strip("<>").strip()
    match = _ADDRESS.search(text)
    return (
        match.group() if match is not None else (text.split()[0][:320] if text and text.isprintable() else "")
    )


_ADDRESS = re.compile(r"[^\s<>@\"'(),:;\[\]]{1,64}@[^\s<>@\"'(),;\[\]]{1,255}")


def _groups(text: str) -> list[list[tuple[str, str]]]:
    """Fields between empty lines, continuation lines joined."""
    groups: list[list[tuple[str, str]]] = []
    current: list[tuple[str, str]] = []
    for line in text.split("\n")[:20_000]:
        if not line.strip():
            if current:
                groups.append(current)
                current = []
        elif line[0] in " \t" and current:
            name, value = current[-1]
            if len(value) < 4_000:
                current[-1] = (name, f"{value} {line.strip()}")
        else:
            name, colon, value = line.partition(":")
            if colon and 0 < len(name) < 60 and " " not in name.strip():
                current.append((name.strip().lower(), value.strip()))
    if current:
        groups.append(current)
    return groups


def _text(part: structure.Part) -> str:
    # A report part with children is one whose groups were taken for mails; its bytes hold all of them.
    text = charsets.text(attachments.content(part)[:REPORT_BYTES], "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def returned_ids(returned: structure.Header) -> list[str]:
    """The ids of the mail that came back: its own, then those it answered."""
    return [
        *headers.ids(returned.first("message-id")),
        *headers.ids(returned.first("in-reply-to"), 5),
    ]
