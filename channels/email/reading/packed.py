"""What is in the parts that are no texts but hold some? Opaque signatures, winmail.dat, calendars."""

from __future__ import annotations

from dataclasses import dataclass

from channels.email.reading import (
    attachments,
    calendars,
    charsets,
    headers,
    rtf,
    signed,
    structure,
    texts,
    tnef,
)
from core.envelope import Attachment, CalendarWord

SIGNATURES = 5
"""Signed contents that are opened in one mail, inside each other or beside each other."""
_FILES = ("application/octet-stream", "application/x-tnef", "application/tnef")


# --- Opaque signatures --------------------------------------------------------------------------------------


def is_smime(part: structure.Part) -> bool:
    """Is this part signed or encrypted as a whole?"""
    return part.type in signed.TYPES


def signed_mail(part: structure.Part) -> structure.Tree | None:
    """The parts inside an opaque signature; None where it is none, or where a document was signed and not a mail."""
    if not is_smime(part) and not _is_named_signature(part):
        return None
    content = signed.content(attachments.content(part))
    if content is None:
        return None
    header, _ = structure.split_header(content[:16_384])
    if "content-type" not in header.by_name:
        return None
    return structure.parse_part(content)


def _is_named_signature(part: structure.Part) -> bool:
    return part.type in _FILES and attachments.disposition(part)[1].lower() == "smime.p7m"


# --- winmail.dat ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The files of a winmail.dat, and its text where it has one."""

    files: tuple[Attachment, ...]
    text: texts.Piece | None
    complete: bool


def is_tnef(part: structure.Part, name: str) -> bool:
    """By its type, or by its name and its first bytes."""
    if part.type in ("application/ms-tnef", "application/vnd.ms-tnef"):
        return True
    if part.type not in _FILES and name.lower() != "winmail.dat":
        return False
    return name.lower().endswith(".dat") and attachments.content(part).startswith(tnef.SIGNATURE)


def outlook(content: bytes) -> Unpacked | None:
    """What is in the bytes of a winmail.dat; None where nothing can be read."""
    message = tnef.read(content)
    if message is None:
        return None
    piece = _text(message)
    files: list[Attachment] = []
    _collect(message, piece.html if piece is not None else "", files)
    return Unpacked(tuple(files), piece, message.complete)


def _collect(message: tnef.Message, html: str, files: list[Attachment]) -> None:
    for file in message.files:
        name = attachments.safe_name(file.name)
        if file.message is not None:
            files.append(_attached_mail(file.message, name))
            _collect(file.message, "", files)
            continue
        kind = file.type if "/" in file.type else attachments.guessed_type(name)
        files.append(
            Attachment(
                name=name or attachments.made_name(len(files) + 1, kind),
                type=kind[:100],
                content=file.content,
                content_id=file.content_id[:500] if file.content_id.isprintable() else "",
                inline=bool(file.content_id) and f"cid:{file.content_id}" in html,
            )
        )


def _attached_mail(message: tnef.Message, name: str) -> Attachment:
    """Its subject and text as a mail that every program opens; its files stand beside it."""
    piece = _text(message)
    subject = headers.decoded(message.subject)
    text = piece.text if piece is not None else ""
    content = f"Subject: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}"
    shown = attachments.safe_name(subject.replace("/", "-").replace("\\", "-")[:100]) or name
    return Attachment(
        name=f"{shown or 'message'}.eml", type="message/rfc822", content=content.encode("utf-8", "replace")
    )


def _text(message: tnef.Message) -> texts.Piece | None:
    html, text = message.html, message.text
    if not html and message.rtf:
        said, html = rtf.text(rtf.unpacked(message.rtf))
        text = text if text.strip() else said
    if html:
        piece = texts.of_html(html)
        if piece.says_something():
            return piece
    return texts.of_text(texts.with_plain_line_ends(text)) if text.strip() else None


# --- Calendars ------------------------------------------------------------------------------------------------


def is_calendar(part: structure.Part, name: str) -> bool:
    """By its type, or by its name."""
    return part.type in ("text/calendar", "application/ics") or (
        name.lower().endswith(".ics") and part.type in (*_FILES, "text/plain", "text/x-vcalendar")
    )


def calendar(part: structure.Part) -> calendars.Calendar:
    """What the calendar in this part says."""
    return calendars.read(_calendar_text(part))


def calendar_word(root: structure.Part) -> CalendarWord | None:
    """What the first calendar of a mail says of one event; None: nothing, or there is none."""
    part = next((part for part in structure.parts(root) if is_calendar(part, "")), None)
    return None if part is None else calendars.word(_calendar_text(part))


def _calendar_text(part: structure.Part) -> str:
    content = attachments.content(part)[: 4 * calendars.CHARACTERS]
    return charsets.text(content, part.parameters.get("charset", "") or "utf-8")
