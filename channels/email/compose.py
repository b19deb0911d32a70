"""How does one delivery look as a mail? RFC 5322 bytes from an Outgoing, from templates, deterministic but for the date."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, quote
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote as urlquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from channels.email import threadindex, writing
from channels.email.addressing import Addressing
from channels.email.flowing import flowed
from channels.email.reading import ours
from channels.email.writing import Part, encoded
from core import invitations
from core.channel import DeliveryError
from core.envelope import Address, Attachment, Outgoing
from core.ids import time_of

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "email"
QUOTE_LINES = 200  # of the history below an answer
SUBJECT_LENGTH = 200  # characters
NAME_LENGTH = 100  # characters of a person's or a desk's name
FILE_NAME_LENGTH = 600  # bytes of a file's name, as it is encoded
ID_LENGTH = 900  # characters: RFC 5322 2.1.1 allows lines of 998
OTHERWISE = "en"  # the language where we have no templates in the wanted one

_ATTACHABLE = ("application", "audio", "image", "text", "video")

# Some of what RFC 5321 4.1.2 allows: what is left out stands between addresses, or means a comment or a route.
_MAILABLE = re.compile(r"""(?:[^\s@,;:<>()\[\]"\\]+|"(?:[^\s"\\<>]|\\[^\s<>])+")@[^\s@,;:<>()\[\]"\\]+""")
_USABLE_ID = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")  # printable ASCII without angle brackets

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

    Raises DeliveryError, permanent, for an address that no mail can be sent to. `writing` checks nothing, so every value passes `_line` or
    `Address` first: measured, it takes a third of the time of the library's MIME classes, whose encoded words grow with the square of a subject.
    """
    if not _MAILABLE.fullmatch(outgoing.to.address):
        message = f"{outgoing.to.address!r} is no address that mail can be sent to"
        raise DeliveryError(message, permanent=True)
    addressing = identity.addressing
    mailbox = addressing.mailbox(outgoing.mailbox)
    name = f"{outgoing.author_name} – {identity.desk_name}" if outgoing.author_name else identity.desk_name
    answers = addressing.reply(mailbox, outgoing.reply_token) if outgoing.reply_token else ""
    words, files = _words(outgoing, identity), outgoing.attachments
    if outgoing.invitation is not None:
        # Calendars answer the organiser: that address brings the answer home as Reply-To does.
        organiser = Address(answers or mailbox, identity.desk_name)
        text = invitations.write(outgoing.invitation, organiser=organiser, attendee=outgoing.to, now=now)
        # RFC 6047 2.4: the last of the alternatives, its method in the type too.
        words.append(writing.text(text, "calendar", method=outgoing.invitation.method))
        files = (
            *files,
            Attachment(name=invitations.FILE, type="application/ics", content=text.encode()),
        )
    content = writing.multipart("alternative", _boundary(outgoing, "alternative"), words)
    if files:
        content = writing.multipart("mixed", _boundary(outgoing, "mixed"), [content, *map(_file, files)])
    mail: dict[str, str] = {}
    mail["From"] = _address("From", name, mailbox)
    mail["To"] = _address("To", outgoing.to.name, outgoing.to.address)
    copies = [one for one in outgoing.copies if _MAILABLE.fullmatch(one.address)]
    if copies:
        mail["Cc"] = ",\r\n ".join(_address("Cc", one.name, one.address) for one in copies)
    if answers:
        mail["Reply-To"] = _address("Reply-To", identity.desk_name, answers)
    mail["Subject"] = encoded("Subject", subject(outgoing))
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{addressing.message_id(outgoing.ref)}>"
    if answered := _ids([outgoing.in_reply_to], addressing):
        mail["In-Reply-To"] = answered[0]
    if references := _ids(outgoing.references, addressing):
        mail["References"] = "\r\n ".join(references)
    _for_outlook(mail, outgoing, identity, now=now)
    mail["X-Centralino-Loop"] = loop_header(identity, outgoing.ref)
    if outgoing.automatic:
        # RFC 3834 5: an answer to a message says auto-replied, anything else the hub says by itself auto-generated.
        mail["Auto-Submitted"] = "auto-replied" if outgoing.kind == "received" else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    if outgoing.unsubscribe:
        mail["List-Unsubscribe"] = f"<{outgoing.unsubscribe}>"  # RFC 2369 3.2
        if outgoing.unsubscribe.startswith("https://"):  # RFC 8058 3.1: no other counts
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return writing.mail(mail, content)


def _for_outlook(mail: dict[str, str], outgoing: Outgoing, identity: Identity, *, now: datetime) -> None:
    """It groups by these, where others go by References; our number in the subject is none of the topic."""
    if not outgoing.conversation:
        return
    if topic := _topic(outgoing):
        mail["Thread-Topic"] = encoded("Thread-Topic", topic)
    began = time_of(outgoing.conversation)
    index = threadindex.root(outgoing.conversation, key=identity.loop_key, began=began)
    if outgoing.in_reply_to or outgoing.references:
        index = threadindex.answer(outgoing.thread_index or index, outgoing.ref, now=now)
    mail["Thread-Index"] = index


def _words(outgoing: Outgoing, identity: Identity) -> list[Part]:
    answerable = outgoing.reply_token is not None and outgoing.ticket_number
    values = {
        "marker": ours.body_marker(identity.instance, identity.loop_key, outgoing.ref) if answerable else "",
        "text": "\n".join(outgoing.text.rstrip().splitlines()),
        "number": outgoing.ticket_number,
        "may_answer": outgoing.reply_token is not None,
        "history": [
            {"author": _line(e.author), "at": e.at, "lines": e.text.rstrip().splitlines()[:QUOTE_LINES]}
            for e in outgoing.history
        ],
        "unsubscribe": outgoing.unsubscribe,
        "also_to": [_line(person) for person in outgoing.also_to],
    }
    return [
        writing.text(flowed(_template(outgoing.language, "txt").render(values)), "plain", format="flowed"),
        writing.text(_template(outgoing.language, "html").render(values), "html"),
    ]


def _boundary(outgoing: Outgoing, kind: str) -> str:
    """The same at each try. Neither quoted-printable nor base64 can hold `=_` (RFC 2045 6.7)."""
    return f"=_{kind}_{outgoing.ref}"


@lru_cache(maxsize=64)
def _template(language: str, suffix: str) -> Template:
    return _environment().select_template([f"{language}.{suffix}", f"{OTHERWISE}.{suffix}"])


def _file(file: Attachment) -> Part:
    main, _, sub = file.type.partition("/")
    if main not in _ATTACHABLE or not sub.replace("-", "").replace(".", "").replace("+", "").isalnum():
        main, sub = "application", "octet-stream"  # message/* and multipart/* would be read as parts of ours
    return writing.file(file.content, f"{main}/{sub}", _file_name(file.name))


def _file_name(name: str) -> str:
    """On one line that RFC 5322 allows, its end kept: that is what a computer opens it by."""
    whole = _line(name)
    end = whole[whole.rfind(".") :] if "." in whole[-20:] else ""
    stem = whole.removesuffix(end)
    while len(urlquote(stem + end)) > FILE_NAME_LENGTH:
        stem = stem[: len(stem) * 3 // 4]
    return stem + end


def subject(outgoing: Outgoing) -> str:
    """`Re: subject [#number-check]`, on one line whatever the subject held.

    The number is added once, however often the subject went to and fro; a mail of no ticket has none.
    """
    text = _unmarked(outgoing)
    if outgoing.in_reply_to and not text.lower().startswith("re:"):
        text = f"Re: {text}"
    return f"{text} {_mark(outgoing)}".rstrip()


def _mark(outgoing: Outgoing) -> str:
    if not outgoing.ticket_number:
        return ""
    check = f"-{outgoing.ticket_check}" if outgoing.ticket_check else ""
    return f"[#{outgoing.ticket_number}{check}]"


def _unmarked(outgoing: Outgoing) -> str:
    text = outgoing.subject
    if outgoing.ticket_number:
        text = text.replace(_mark(outgoing), "").replace(f"[#{outgoing.ticket_number}]", "")
    return _line(text)[:SUBJECT_LENGTH].rstrip()


def _topic(outgoing: Outgoing) -> str:
    text = _unmarked(outgoing)
    while text.lower().startswith("re:"):
        text = text[3:].lstrip()
    return text


def _line(text: str) -> str:
    return " ".join(text.translate(_HEADER_UNSAFE).split())


def _address(header: str, name: str, address: str) -> str:
    name = _line(name)[:NAME_LENGTH].rstrip()
    # RFC 6532: an address with letters beyond ASCII is written as it is, and sent with SMTPUTF8.
    if not name:
        return address
    if name.isascii() and "=?" not in name:
        return f'"{quote(name)}" <{address}>'
    return f"{encoded(header, name)}\r\n <{address}>"


def _ids(refs: Sequence[str], addressing: Addressing) -> list[str]:
    """The ids as they stand in a header. Those that cannot stand there are left out: threading knows the others."""
    full = [ref if "@" in ref else addressing.message_id(ref) for ref in refs if ref]
    return [f"<{one}>" for one in full if len(one) <= ID_LENGTH and _USABLE_ID.fullmatch(one)]
