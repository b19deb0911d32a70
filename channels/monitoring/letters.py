"""What does the mail of a tool say? Subject, sender, date and text of raw bytes, of whatever charset; nothing of it is believed."""

from __future__ import annotations

import codecs
import email
import email.errors
import email.header
import email.policy
import email.utils
import html
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import Message

from channels.monitoring.fields import clean, line
from channels.monitoring.source import NotUnderstood, Told

_INLINE = re.compile(r"</?(?:a|b|code|em|font|i|small|span|strong|u)\b[^<>]*>", re.IGNORECASE)
_FOR_NAMES = frozenset({"idna", "punycode"})
"""Encodings of host names, in which a long text would take hours."""
SUBJECT = 1000  # characters
TEXT = 256 * 1024  # characters that are looked at
# Each part stops at the next bracket: a text of nothing but brackets is read once, not once for each.
_TAG = re.compile(r"<(?:style|script)\b[^<>]*>[^<]*</(?:style|script)>|<[^<>]*>", re.IGNORECASE)
_MAIL = re.compile(
    rb"\A(?:From |(?:[A-Za-z][\w.-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:Subject|From):)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as far as facts are read from it; of a text without headers `text` alone."""

    text: str
    subject: str = ""
    sender: str = ""
    """Address, in lower case."""
    date: datetime | None = None
    """None: there is none, or one without a zone."""
    automatic_reply: bool = False


def letter(told: Told) -> Letter:
    """The mail, or the text where it is none. Raises NotUnderstood: it is nested beyond reading, or empty."""
    if not told.raw.strip():
        raise NotUnderstood("the message is empty")
    if not _MAIL.match(
        told.raw
    ):  # whoever passed it on may have put any number of lines before From and Subject
        return Letter(text=told.text[:TEXT])
    try:
        mail = email.message_from_bytes(told.raw, policy=email.policy.compat32)
        text = _text(mail)
    except RecursionError:
        raise NotUnderstood("the mail is nested too deeply") from None
    sender = email.utils.parseaddr(_header(mail, "From"))[1]
    return Letter(
        text=clean(text[:TEXT]).replace("\r\n", "\n"),
        subject=line(_header(mail, "Subject"), SUBJECT),
        sender=line(sender, 255).lower(),
        date=_date(_header(mail, "Date")),
        automatic_reply=_is_reply(mail),
    )


def _is_reply(mail: Message) -> bool:
    """Of a person's absence (RFC 3834, and what older programs send). Tools send auto-generated and bulk mail: that is none."""
    return (
        _header(mail, "Auto-Submitted").strip().lower().startswith("auto-replied")
        or any(mail.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
        or _header(mail, "Precedence").strip().lower() == "auto_reply"
    )


def _header(mail: Message, name: str) -> str:
    value = mail.get(name, "")
    try:
        parts = email.header.decode_header(value)
    except (ValueError, email.errors.MessageError):
        return str(value)
    return "".join(
        part if isinstance(part, str) else _decoded(part, charset or "utf-8") for part, charset in parts
    )


def _date(value: str) -> datetime | None:
    try:
        at = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo is not None else None


def _text(mail: Message) -> str:
    """The first plain text; else the first HTML, without its tags."""
    other = ""
    for part in mail.walk():
        kind = part.get_content_type()
        if part.is_multipart() or kind not in ("text/plain", "text/html"):
            continue
        content = part.get_payload(decode=True)
        text = _decoded(
            content[: 4 * TEXT] if isinstance(content, bytes) else b"", part.get_param("charset") or "utf-8"
        )
        if kind == "text/plain" and text.strip():
            return text
        other = other or html.unescape(_TAG.sub("\n", _INLINE.sub("", text[:TEXT])))
    return other


def _decoded(content: bytes, charset: object) -> str:
    """What is not what it says, or says nothing, is UTF-8; what cannot be that is Latin."""
    for name in (str(charset), "utf-8"):
        try:
            if codecs.lookup(name).name not in _FOR_NAMES:
                return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("latin-1")
