"""How does one delivery look as a mail? RFC 5322 bytes from an Outgoing, from templates, deterministic but for the date."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTPUTF8, compat32
from email.utils import format_datetime, formataddr, quote
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from channels.email.addressing import Addressing
from core.envelope import Attachment, Outgoing

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "email"
QUOTE_LINES = 200  # of the history below an answer
SUBJECT_LENGTH = 200  # characters

_CRLF = compat32.clone(linesep="\r\n", max_line_length=78)
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP
_ATTACHABLE = ("application", "audio", "image", "text", "video")

_HEADER_UNSAFE = dict.fromkeys([*range(32), 127, 133, 8232, 8233], " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How our mail names itself."""

    addressing: Addressing
    desk_name: str
    instance: str
    """What our loop header says; the hub recognises its own mail by it."""
    loop_key: bytes


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def loop_header(identity: Identity, ref: str) -> str:
    """`<instance>.<ref>.<mac>`: nobody else can make one."""
    text = f"{identity.instance}.{ref}"
    return f"{text}.{hmac.new(identity.loop_key, text.encode(), hashlib.sha256).hexdigest()[:24]}"


def compose(outgoing: Outgoing, identity: Identity, *, now: datetime) -> bytes:
    """The mail, CRLF line ends, ready for SMTP (dot-stuffing is the client's). The Message-ID is fixed by the ref.

    Built on the older MIME classes: measured, 0.6 ms a mail where EmailMessage takes 4 ms. Those fold and encode what
    they are given and check nothing, so every value passes `_line` or `Address` first.
    """
    addressing = identity.addressing
    mailbox = addressing.mailbox(outgoing.mailbox)
    name = f"{outgoing.author_name} – {identity.desk_name}" if outgoing.author_name else identity.desk_name
    body = _body(outgoing)
    mail = MIMEMultipart("mixed", _subparts=[body]) if outgoing.attachments else body
    mail["From"] = _address(name, mailbox)
    mail["To"] = _address(outgoing.to.name, outgoing.to.address)
    if outgoing.reply_token:
        mail["Reply-To"] = _address(identity.desk_name, addressing.reply(mailbox, outgoing.reply_token))
    mail["Subject"] = _encoded(subject(outgoing))
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{addressing.message_id(outgoing.ref)}>"
    if outgoing.in_reply_to:
        mail["In-Reply-To"] = _id(outgoing.in_reply_to, addressing)
    if outgoing.references:
        mail["References"] = "\r\n ".join(_id(ref, addressing) for ref in outgoing.references)
    mail["X-Centralino-Loop"] = loop_header(identity, outgoing.ref)
    if outgoing.automatic:
        # RFC 3834 5: an answer to a message says auto-replied, anything else the hub says by itself auto-generated.
        mail["Auto-Submitted"] = "auto-replied" if outgoing.kind == "received" else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    for file in outgoing.attachments:
        mail.attach(_file(file))
    # RFC 6532: an address with letters beyond ASCII is written as it is, and sent with SMTPUTF8.
    return mail.as_bytes(policy=_CRLF if outgoing.to.address.isascii() else SMTPUTF8)


def _body(outgoing: Outgoing) -> MIMEMultipart:
    values = {
        "text": outgoing.text.rstrip(),
        "number": outgoing.ticket_number,
        "history": [
            {"author": e.author, "at": e.at, "lines": e.text.rstrip().splitlines()[:QUOTE_LINES]}
            for e in outgoing.history
        ],
        "also_to": outgoing.also_to,
    }
    environment = _environment()
    body = MIMEMultipart("alternative")
    for kind, suffix in (("plain", "txt"), ("html", "html")):
        text = environment.get_template(f"{outgoing.language}.{suffix}").render(values)
        body.attach(MIMEText(text, kind, _UTF8))  # type: ignore[arg-type] # takes a Charset, says str
    return body


def _file(file: Attachment) -> MIMEBase:
    main, _, sub = file.type.partition("/")
    if main not in _ATTACHABLE or not sub.replace("-", "").replace(".", "").replace("+", "").isalnum():
        main, sub = "application", "octet-stream"  # message/* and multipart/* would be read as parts of ours
    part = MIMEBase(main, sub)
    part.set_payload(file.content)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", _line(file.name)))
    return part


def subject(outgoing: Outgoing) -> str:
    """`Re: subject [#number]`, on one line whatever the subject held.

    The number is added once, however often the subject went to and fro.
    """
    text = _line(outgoing.subject)
    mark = f"[#{outgoing.ticket_number}]"
    text = text.replace(mark, "").strip()[:SUBJECT_LENGTH]
    if outgoing.in_reply_to and not text.lower().startswith("re:"):
        text = f"Re: {text}"
    return f"{text} {mark}"


def _line(text: str) -> str:
    return " ".join(text.translate(_HEADER_UNSAFE).split())


def _encoded(text: str) -> str:
    # RFC 2047 where it must be; folded by the generator.
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _address(name: str, address: str) -> str:
    name = _line(name)
    if not name.isascii():
        return f"{_encoded(name)} <{address}>"
    if not address.isascii():
        return f'"{quote(name)}" <{address}>' if name else address
    return formataddr((name, address))


def _id(ref: str, addressing: Addressing) -> str:
    full = ref if "@" in ref else addressing.message_id(ref)
    return "<" + "".join(c for c in full.translate(_HEADER_UNSAFE) if c not in "<> ") + ">"
