"""What does a mail say, and what comes with it? Texts, HTML and files chosen from the tree of parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from channels.email.reading import (
    attachments,
    charset_names,
    charsets,
    family,
    guessing,
    headers,
    packed,
    structure,
    texts,
)
from core.envelope import Attachment

FILES = 200
EVIDENCE_BYTES = 16 * 1024
COMPARED = 50_000
"""Characters of the two forms of a mail whose words are compared."""
STUB_WORDS, STUB_SHARE = 30, 0.4
"""A plain twin that has this many words fewer than the HTML, and less than this share of them, is a stub."""
CUT_WORDS = 2
"""Behind the HTML, none of them in it: what is left of a part that was cut off."""


@dataclass(slots=True)
class Body:
    """The text of a mail with the sender's own marks in it, its HTML, and its files."""

    text: str = ""
    html: str = ""
    cuts: tuple[int, ...] = ()
    signatures: tuple[tuple[int, int], ...] = ()
    files: tuple[Attachment, ...] = ()
    notes: list[str] = field(default_factory=list)
    attached_message: bool = False


def read(root: structure.Part) -> Body:
    """Everything a reader sees of this tree. No part is lost: what is not text becomes a file."""
    return _Reading().run(root)


def charset_of_header(root: structure.Part) -> str:
    """In which charset raw bytes of the header are: what the first text declares, else what all of them tell together.

    A name and a subject are too short to be guessed by themselves. Empty where no field holds any.
    """
    raw = [field.value for field in root.header.fields if not field.value.isascii()]
    if not raw:
        return ""
    leaves = [root] if not root.children else family.leaves_of(root)
    first = next((leaf for leaf in leaves if leaf.type in texts.TYPES), None)
    declared = first.parameters.get("charset", "") if first is not None else ""
    known = charset_names.canonical(declared)
    if known not in ("", "ascii", "cp1252"):
        return declared
    evidence = "\n".join(raw).encode("latin-1", "replace")
    if first is not None:
        evidence += b"\n" + attachments.content(first)[:EVIDENCE_BYTES]
    try:
        evidence.decode("utf-8")
    except UnicodeDecodeError:
        return (charsets.not_latin(evidence) or declared) if known == "cp1252" else guessing.codec(evidence)
    return "utf-8"


@dataclass(frozen=True, slots=True)
class _File:
    part: structure.Part
    name: str
    content_id: str
    disposition: str
    related: bool
    """An enclosing `related` makes it inline."""


class _Reading:
    def __init__(self) -> None:
        self.pieces: list[texts.Piece] = []
        self.files: list[_File] = []
        self.unpacked: list[Attachment] = []
        self.packed: list[texts.Piece] = []
        """The text of a mail inside a file: taken where there is no other."""
        self.notes: dict[str, None] = {}
        self.read: dict[int, texts.Piece] = {}
        """By identity of the part, which the tree keeps alive."""
        self.roots: set[int] = set()
        """Of `related` parts, by identity: what such a one shows is a body, whatever it is called (RFC 2387)."""
        self.number = 0

    def run(self, root: structure.Part) -> Body:
        # A list of what is still to read stands for recursion; the depth of the tree is bounded anyway.
        pending: list[tuple[structure.Part, bool]] = [(root, False)]
        opened = 0
        while pending:
            part, related = pending.pop()
            self.number += not part.children
            if part.closed_by_limit:
                self.file(part, related=related)
            elif not part.type.startswith("multipart/"):
                inside = packed.signed_mail(part) if opened < packed.SIGNATURES else None
                if inside is not None:
                    opened += 1
                    self.notes["signature not checked"] = None
                    for note in inside.notes:
                        self.notes[note] = None
                    pending.append((inside.root, related))
                else:
                    self.leaf(part, related=related)
            elif part.type == "multipart/alternative" and part.children:
                self.alternative(part, pending, related=related)
            elif part.type == "multipart/related" and part.children:
                root_part = family.root_of(part)
                self.roots.add(id(root_part))
                if any(child.type == "application/smil" for child in part.children):
                    # A telephone's slides: what is said in them is the texts beside the one that arranges them.
                    self.roots.update(id(child) for child in part.children if child.type == "text/plain")
                pending.extend(
                    (child, related or child is not root_part) for child in reversed(part.children)
                )
            else:
                if part.type == "multipart/signed":
                    self.notes["signed, not checked"] = None
                elif part.type == "multipart/encrypted":
                    self.notes[_ENCRYPTED] = None
                pending.extend((child, related) for child in reversed(part.children))
        self.find_text(root)
        return self.together()

    def leaf(self, part: structure.Part, *, related: bool) -> None:
        disposition, name = attachments.disposition(part)
        # A text beside the root of a `related`, with an id, is something that the HTML shows (a style sheet, say).
        shown_by_html = related and "content-id" in part.header.by_name
        is_body = id(part) in self.roots or not (name or shown_by_html)
        if part.type in texts.TYPES and disposition != "attachment" and is_body:
            self.take(self.piece(part))
        else:
            self.file(part, related=related, disposition=disposition, name=name)

    def piece(self, part: structure.Part) -> texts.Piece:
        """The text of a part, read once."""
        known = self.read.get(id(part))
        if known is None:
            known = self.read[id(part)] = texts.of_part(part)
        return known

    def take(self, piece: texts.Piece) -> None:
        if piece.text.strip() or piece.html or piece.files:
            self.pieces.append(piece)
            for note in piece.notes:
                self.notes[note] = None

    def file(self, part: structure.Part, *, related: bool, disposition: str = "", name: str = "") -> None:
        if part.type in ("message/partial", "message/external-body"):
            self.notes[f"kept as it came, nothing assembled or fetched: {part.type}"] = None
        if packed.is_smime(part):
            self.notes["encrypted or signed with S/MIME: kept as it came"] = None
        if part.type == "application/pgp-encrypted":
            # RFC 3156, 4. Exchange writes `mixed` in place of `encrypted` around it.
            self.notes[_ENCRYPTED] = None
        if len(self.files) >= FILES:
            self.notes[_TOO_MANY] = None
            return
        shown = attachments.safe_name(name) if name else ""
        if not shown and part.type in ("message/rfc822", "message/global"):
            shown = _message_name(part)
        shown = shown or attachments.safe_name(attachments.name_elsewhere(part))
        shown = shown or attachments.made_name(self.number, part.type)
        identity = part.header.first("content-id").strip().strip("<>").strip()[:500]
        self.files.append(
            _File(part, shown, identity if identity.isprintable() else "", disposition, related)
        )
        if packed.is_tnef(part, shown):
            self.unpack(part)

    def unpack(self, part: structure.Part) -> None:
        """What Outlook packed into a winmail.dat; the original stays among the files."""
        inside = packed.outlook(attachments.content(part))
        if inside is None:
            self.notes["winmail.dat: kept as it came, it could not be unpacked"] = None
            return
        self.notes["winmail.dat: unpacked, the original is kept"] = None
        if not inside.complete:
            self.notes["winmail.dat: it is damaged or too large, not all of it could be unpacked"] = None
        self.unpacked.extend(inside.files)
        if inside.text is not None and inside.text.says_something():
            self.packed.append(inside.text)

    def alternative(
        self, part: structure.Part, pending: list[tuple[structure.Part, bool]], *, related: bool
    ) -> None:
        """RFC 2046, 5.1.4: the last that can be shown; a calendar or an empty HTML part never wins."""
        plain: list[structure.Part] = []
        rich: list[structure.Part] = []
        for child in part.children:
            kind = family.shown_type(child)
            if kind == "text/plain" and not family.is_file(child):
                plain.append(child)
            elif kind == "text/html" and not family.is_file(child):
                leaf = family.shown_leaf(child)
                if leaf is not None and self.piece(leaf).says_something():
                    rich.append(child)
        # Several of the same type are no alternatives to each other: then all of them are shown.
        chosen = rich or plain
        rest = [
            child
            for child in part.children
            if not any(child is one for one in chosen) and not (chosen and family.is_twin(child))
        ]
        pending.extend((child, related) for child in reversed(rest))
        pending.extend((child, related) for child in reversed(chosen))
        if len(rich) == 1 and len(plain) == 1:
            self.compare(plain[0], rich[0], last=part.children[-1] is plain[0])

    def compare(self, plain: structure.Part, rich: structure.Part, *, last: bool) -> None:
        """The plain twin is the text, the HTML the other view of it; if they clearly differ, readers are told.

        Mail programs write the twin with quote marks and wrapped as its reader expects. Where it is a stub ("see
        this mail in a browser"), the text is made from the HTML; so it is where the last part is what is left of one
        that was cut off on the way, such as `Content-Tr`.
        """
        left = family.shown_leaf(plain)
        leaves = [
            leaf for leaf in family.leaves_of(rich) if leaf.type == "text/html" and not family.is_file(leaf)
        ]
        if left is None or len(leaves) != 1:
            return
        said, shown = self.piece(left), self.piece(leaves[0])
        words = set(_WORDS.findall(said.text[:COMPARED].lower()))
        rendered = set(_WORDS.findall(shown.text[:COMPARED].lower()))
        if len(rendered) > len(words) + STUB_WORDS and len(words) < len(rendered) * STUB_SHARE:
            return
        cut_off = last and len(words) <= CUT_WORDS and not words & rendered
        if not said.text.strip() or (cut_off and rendered):
            return
        self.read[id(leaves[0])] = texts.Piece(
            said.text, shown.html, files=(*said.files, *shown.files), notes=said.notes
        )
        if len(words & rendered) * 2 < len(words):
            self.notes["the plain text and the HTML of this mail say different things: look at both"] = None

    def find_text(self, root: structure.Part) -> None:
        """Where no text was found: one that has a file's name, that of a packed mail, or what a calendar says."""
        if any(piece.says_something() for piece in self.pieces):
            self.invitation()
            return
        named = self.named_text(root)
        if named is not None:
            self.take(self.piece(named.part))
            if named.part is root and named.disposition != "attachment":
                self.files.remove(named)
        elif self.packed:
            self.take(self.packed[0])
        else:
            for piece in self.calendars():
                self.take(piece)

    def named_text(self, root: structure.Part) -> _File | None:
        """A text that is the body although it has a name: not declared a file, or with nothing in front of it."""
        candidates = [file for file in self.files if file.part.type in family.BODIES and not file.related]
        for file in candidates:
            first = file is candidates[0] and file.part is family.very_first_leaf(root)
            if (file.disposition != "attachment" or first) and self.piece(file.part).says_something():
                return file
        return None

    def invitation(self) -> None:
        """Beside a text the calendar is a file: what it invites to, when and where is said, for the text may not."""
        for file in self.files:
            if packed.is_calendar(file.part, file.name):
                said = packed.calendar(file.part)
                method = "CANCEL" if said.called_off else said.method
                if said.heading and method in _INVITES:
                    self.notes[f"{_INVITES[method]}: {said.heading}"] = None
                return

    def calendars(self) -> Iterator[texts.Piece]:
        for file in self.files:
            if packed.is_calendar(file.part, file.name):
                said = packed.calendar(file.part)
                if said.text.strip():
                    yield texts.Piece(said.text)
                    return

    def together(self) -> Body:
        body = Body()
        found: list[str] = []
        length = 0
        cuts: list[int] = []
        signatures: list[tuple[int, int]] = []
        for piece in self.pieces:
            if found and not found[-1].endswith("\n\n"):
                gap = "\n" if found[-1].endswith("\n") else "\n\n"
                found.append(gap)
                length += len(gap)
            cuts.extend(length + cut for cut in piece.cuts)
            signatures.extend((length + start, length + end) for start, end in piece.signatures)
            found.append(piece.text)
            length += len(piece.text)
        body.text = "".join(found)
        rich = [piece.html for piece in self.pieces if piece.html]
        body.html = rich[0] if len(rich) == 1 else "\n<hr>\n".join(rich)
        body.cuts, body.signatures = tuple(cuts), tuple(signatures)
        files = [
            *(_attachment(file, body.html) for file in self.files),
            *(
                replace(file, inline=file.inline and f"cid:{file.content_id}" in body.html)
                for file in self.unpacked
            ),
            *(file for piece in self.pieces for file in piece.files),
        ]
        if len(files) > FILES:
            self.notes[_TOO_MANY] = None
        body.files = tuple(files[:FILES])
        body.attached_message = any(file.part.type in _MESSAGES for file in self.files)
        if not body.text.strip() and not body.html:
            self.notes["no text"] = None
        body.notes = list(self.notes)
        return body


_INVITES = {"REQUEST": "an invitation", "CANCEL": "an invitation is called off"}
_ENCRYPTED = "encrypted: kept as it came"
_TOO_MANY = f"more than {FILES} files: the others are in the original mail"
_MESSAGES = frozenset(("message/rfc822", "message/global"))
_WORDS = re.compile(r"\w{3,}")


def _attachment(file: _File, html: str) -> Attachment:
    part, identity = file.part, file.content_id
    referenced = bool(identity) and (f"cid:{identity}" in html or f"cid:{quote(identity)}" in html)
    shown = file.related and file.disposition != "attachment"
    inline = referenced or (shown and part.type.startswith("image/") and bool(identity))
    return Attachment(
        name=file.name,
        type=part.type,
        content=attachments.content(part),
        content_id=identity,
        inline=inline,
    )


def _message_name(part: structure.Part) -> str:
    """An attached mail is called as its subject says."""
    inner, _ = structure.split_header(attachments.content(part)[:16_384])
    subject = headers.decoded(inner.first("subject"))
    name = attachments.safe_name(subject.replace("/", "-").replace("\\", "-")[:100])
    return f"{name}.eml" if name else ""
