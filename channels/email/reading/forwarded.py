"""Is something forwarded in a mail, and by whom was it written? What a forward says of that proves nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from channels.email.reading import addresses, attachments, attributions, embedded, headers, structure
from channels.email.reading.body import Body
from core.envelope import Address, Span, SpanKind

LINES = 400  # of a text, looked at for the header of what is forwarded
MESSAGES = ("message/rfc822", "message/global")


def whole(content: Body, spans: Iterable[Span]) -> bool:
    """Does a program's own line say that a message is forwarded below, whatever the subject says?

    A line that its author may have written, or a header as every answer of Outlook has it, says nothing.
    """
    if not any(span.kind is SpanKind.FORWARDED for span in spans):
        return False
    lines = [line.strip() for line in content.text.split("\n", LINES)[:LINES]]
    marked = [
        at
        for at, line in enumerate(lines)
        if line and (embedded.delimiter(line) == embedded.FORWARDED or embedded.announces_forward(line))
    ]
    return any(_header_below(lines, at) for at in marked)


def original(root: structure.Part) -> bytes | None:
    """The first mail that is attached, as it once came; None: there is none."""
    return next(
        (
            attachments.content(part)
            for part in structure.parts(root)
            if part.type in MESSAGES and not part.children
        ),
        None,
    )


def author(root: structure.Part, content: Body, spans: Iterable[Span]) -> Address | None:
    """Who wrote what is forwarded: of the attached message, else of the first header in the text that is one.

    None: nothing says it, or not exactly one address does.
    """
    attached = original(root) if content.attached_message else None
    if attached is not None:
        return addresses.author(structure.parse(attached).root.header.all("from")).address
    text = "".join(content.text[span.start : span.end] for span in spans if span.kind is SpanKind.FORWARDED)
    lines = [line.strip() for line in (text or content.text).split("\n", LINES)[:LINES]]
    for at, line in enumerate(lines):
        if line and (behind := embedded.header(lines, at)):
            return _named(lines[at:behind])
        if line and (said := attributions.at(lines, at)) is not None:
            return _in_sentence(" ".join(lines[at : at + said.lines]))
    return None


def _in_sentence(text: str) -> Address | None:
    """`On 1 May 2026, 6:00, "Bob Stone" <bob@acme.test> wrote:` Some programs forward with that alone."""
    found = _WRITTEN.findall(text)
    if len({address.lower() for _, address in found}) != 1:
        return None
    name, address = found[0]
    listed = addresses.parse(f"<{address}>", "", 2).addresses
    return replace(listed[0], name=name) if len(listed) == 1 and listed[0].domain else None


_WRITTEN = re.compile(
    r"(?:[\"“„«]\s?([^\"”“»<>]{1,100}?)\s?[\"”“»]\s?)?[<\[(]{1,2}(?:mailto:)?([^\s<>\[\]()@]{1,64}@[^\s<>\[\]()]{3,255})[>\])]"
)


def _header_below(lines: list[str], at: int) -> bool:
    below = next((number for number in range(at + 1, min(at + 4, len(lines))) if lines[number]), None)
    return below is not None and embedded.header(lines, below) > 0


def _named(lines: list[str]) -> Address | None:
    for number, line in enumerate(lines):
        role, value = embedded.label(line)
        if role != "from":
            continue
        if "@" not in value and number + 1 < len(lines) and not embedded.label(lines[number + 1])[0]:
            value = f"{value} {lines[number + 1]}"  # the address was wrapped onto a line of its own
        # "Bob [mailto:bob@acme.test]" is how older Outlooks write it.
        value = headers.decoded(value.replace("[mailto:", "<").replace("]", ">").strip("* "))
        found = addresses.parse(value, "", 2).addresses
        return found[0] if len(found) == 1 and found[0].domain else None
    return None
