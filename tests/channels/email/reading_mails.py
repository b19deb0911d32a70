"""How do tests write mails? Small builders; a test names only what it is about."""

from __future__ import annotations

from typing import Any

from channels.email.reading import read
from channels.email.reading import visible as reply
from core.envelope import Inbound, SpanKind

DESK = {
    "domain": "hub.test",
    "addresses": ["support@hub.test", "alarms@hub.test"],
    "reply_domain": "reply.hub.test",
    "authserv_ids": ["mx.hub.test"],
    "trusted_peers": ["192.0.2.9"],
    "instance": "hub-1",
    "loop_key": "00ff00ff",
}
TOKEN = "abcdefghijklmnopqrstuvwx27"
OTHER_TOKEN = "22222222222222222222222222"


def a_mail(body: str | bytes = "Hello, it is broken.\n", /, *more: str, **fields: str) -> bytes:
    """A mail with the usual fields; `fields` replace them (`reply_to` is Reply-To, empty leaves one out), `more` are
    whole lines."""
    known = {
        "from": "Alice <alice@cust-a.test>",
        "to": "support@hub.test",
        "subject": "Printer",
        "message_id": "<1@cust-a.test>",
        "date": "Mon, 23 Nov 2026 06:00:00 +0100",
    }
    known |= fields
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in known.items() if value]
    content = body if isinstance(body, bytes) else body.encode()
    return "\n".join([*lines, *more]).encode("utf-8", "surrogateescape") + b"\n\n" + content


def parts(*bodies: str, kind: str = "mixed", boundary: str = "b0") -> tuple[str, str]:
    """A multipart of these parts (header lines, empty line, content): its Content-Type line and its body."""
    inner = "".join(f"--{boundary}\n{body}\n" for body in bodies)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"', f"{inner}--{boundary}--\n"


def understood(raw: bytes, *recipients: str, sender: str = "alice@cust-a.test", **envelope: Any) -> Inbound:
    """What the reader makes of it, for a desk at hub.test."""
    arrival = {
        "channel": "email",
        "recipients": recipients or ("support@hub.test",),
        "sender": sender,
        "envelope": envelope,
    }
    return read.read(raw, arrival, DESK)


def of_kind(inbound: Inbound, kind: SpanKind) -> str:
    """The text of all spans of this kind."""
    return "".join(inbound.text[span.start : span.end] for span in inbound.spans if span.kind is kind)


def visible(inbound: Inbound) -> str:
    """What is shown unfolded, without the white space around it."""
    return of_kind(inbound, SpanKind.VISIBLE).strip() if inbound.spans else inbound.text.strip()


def shown(text: str, **named: Any) -> str:
    """What is shown unfolded of a bare text, forwards included."""
    return reply.shown(text, reply.spans(text, **named)).strip()


def folded(text: str, kind: SpanKind, **named: Any) -> str:
    """What of a bare text is of this kind."""
    return "".join(text[s.start : s.end] for s in reply.spans(text, **named) if s.kind is kind).strip()
