"""What does a mail say, and what comes with it? Texts, HTML and files chosen from the tree of parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from channels.email.reading import attachments, charsets, headers, html_text, structure
from core.envelope import Attachment

FILES = 200
COMPARED = 50_000
"""Characters of the two forms of a mail whose words are compared."""
STUB_WORDS, STUB_SHARE = 30, 0.4
"""A plain twin that has this many words fewer than the HTML, and less than this share of them, is a stub."""


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


@dataclass(slots=True)
class _Piece:
    """One stretch of the body, in order: plain text, or HTML."""

    text: str
    html: str = ""
    cuts: tuple[int, ...] = ()
    signatures: tuple[tuple[int, int], ...] = ()


class _Reading:
    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.files: list[tuple[structure.Part, str, str, bool]] = []
        """Part, name, content id, whether an enclosing `related` makes it inline."""
        self.made: list[Attachment] = []
        self.notes: dict[str, None] = {}
        self.read: dict[int, _Piece] = {}
        """By identity of the part, which the tree keeps alive."""
        self.number = 0

    def run(self, root: structure.Part) -> Body:
        # A list of what is still to read stands for recursion; the depth of the tree is bounded anyway.
        pending: list[tuple[structure.Part, bool]] = [(root, False)]
        while pending:
            part, related = pending.pop()
            self.number += not part.children
            if part.closed_by_limit:
                self.file(part, related=related)
            elif not part.type.startswith("multipart/"):
                self.leaf(part, related=related)
            elif part.type == "multipart/alternative" and part.children:
                self.alternative(part, pending, related=related)
            else:
                if part.type == "multipart/signed":
                    self.notes["signed, not checked"] = None
                elif part.type == "multipart/encrypted":
                    self.notes["encrypted: kept as it came"] = None
                inside = related or part.type == "multipart/related"
                pending.extend((child, inside) for child in reversed(part.children))
        return self.together()

    def leaf(self, part: structure.Part, *, related: bool) -> None:
        disposition, name = attachments.disposition(part)
        # A text beside the HTML of a `related`, with an id, is something that the HTML shows (a style sheet, say).
        shown_by_html = related and bool(self.pieces) and "content-id" in part.header.by_name
        if part.type in _TEXTS and disposition != "attachment" and not name and not shown_by_html:
            self.take(part)
        else:
            self.file(part, related=related, disposition=disposition, name=name)

    def piece(self, part: structure.Part) -> _Piece:
        """The text of a part, read once."""
        known = self.read.get(id(part))
        if known is None:
            known = self.read[id(part)] = _piece(part, self)
        return known

    def says_something(self, part: structure.Part) -> bool:
        piece = self.piece(part)
        return bool(piece.text.strip()) or "<img" in piece.html.lower()

    def take(self, part: structure.Part) -> None:
        piece = self.piece(part)
        if piece.text.strip() or piece.html:
            self.pieces.append(piece)

    def file(self, part: structure.Part, *, related: bool, disposition: str = "", name: str = "") -> None:
        if part.type in ("message/partial", "message/external-body"):
            self.notes[f"{part.type}: kept as it came, nothing assembled or fetched"] = None
        if part.type in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self.notes["encrypted or signed with S/MIME: kept as it came"] = None
        if part.type in ("application/ms-tnef", "application/vnd.ms-tnef"):
            self.notes["winmail.dat: kept as it came, its files are not listed"] = None
        if len(self.files) >= FILES:
            self.notes[f"more than {FILES} files: the others are in the original mail"] = None
            return
        shown = attachments.safe_name(name) if name else ""
        if not shown and part.type in ("message/rfc822", "message/global"):
            shown = _message_name(part)
        shown = shown or attachments.made_name(self.number, part.type)
        identity = part.header.first("content-id").strip().strip("<>").strip()[:500]
        self.files.append(
            (part, shown, identity if identity.isprintable() else "", related and disposition != "attachment")
        )

    def alternative(
        self, part: structure.Part, pending: list[tuple[structure.Part, bool]], *, related: bool
    ) -> None:
        """RFC 2046, 5.1.4: the last that can be shown; a calendar or an empty HTML part never wins."""
        plain: list[structure.Part] = []
        rich: list[structure.Part] = []
        for child in part.children:
            kind = _shown_type(child)
            if kind == "text/plain" and not _is_file(child):
                plain.append(child)
            elif kind == "text/html" and not _is_file(child):
                leaf = _first_leaf(child)
                if leaf is not None and self.says_something(leaf):
                    rich.append(child)
        # Several of the same type are no alternatives to each other: then all of them are shown.
        chosen = rich or plain
        rest = [
            child
            for child in part.children
            if not any(child is one for one in chosen) and not (chosen and _is_twin(child))
        ]
        pending.extend((child, related) for child in reversed(rest))
        pending.extend((child, related) for child in reversed(chosen))
        if len(rich) == 1 and len(plain) == 1:
            self.compare(plain[0], rich[0])

    def compare(self, plain: structure.Part, rich: structure.Part) -> None:
        """The plain twin is the text, the HTML the other view of it; if they clearly differ, readers are told.

        Mail programs write the twin with quote marks and wrapped as its reader expects. Where it is a stub ("see
        this mail in a browser"), the text is made from the HTML.
        """
        left = _first_leaf(plain)
        leaves = [leaf for leaf in _leaves(rich) if leaf.type == "text/html" and not _is_file(leaf)]
        if left is None or len(leaves) != 1:
            return
        said, shown = self.piece(left), self.piece(leaves[0])
        words = set(_WORDS.findall(said.text[:COMPARED].lower()))
        rendered = set(_WORDS.findall(shown.text[:COMPARED].lower()))
        if len(rendered) > len(words) + STUB_WORDS and len(words) < len(rendered) * STUB_SHARE:
            return
        if not said.text.strip():
            return
        self.read[id(leaves[0])] = _Piece(said.text, shown.html)
        if len(words & rendered) * 2 < len(words):
            self.notes["the plain text and the HTML of this mail say different things: look at both"] = None

    def together(self) -> Body:
        body = Body()
        texts: list[str] = []
        length = 0
        cuts: list[int] = []
        signatures: list[tuple[int, int]] = []
        for piece in self.pieces:
            if texts and not texts[-1].endswith("\n\n"):
                gap = "\n" if texts[-1].endswith("\n") else "\n\n"
                texts.append(gap)
                length += len(gap)
            cuts.extend(length + cut for cut in piece.cuts)
            signatures.extend((length + start, length + end) for start, end in piece.signatures)
            texts.append(piece.text)
            length += len(piece.text)
        body.text = "".join(texts)
        rich = [piece.html for piece in self.pieces if piece.html]
        body.html = rich[0] if len(rich) == 1 else "\n<hr>\n".join(rich)
        body.cuts, body.signatures = tuple(cuts), tuple(signatures)
        files = [
            _attachment(part, name, identity, body.html, related=related)
            for part, name, identity, related in self.files
        ]
        body.files = (*files, *self.made)
        body.attached_message = any(
            part.type in ("message/rfc822", "message/global") for part, *_ in self.files
        )
        if not body.text.strip() and not body.html:
            self.notes["no text"] = None
        body.notes = list(self.notes)
        return body


_TEXTS = frozenset(
    ("text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown", "text/x-markdown")
)
_WORDS = re.compile(r"\w{3,}")
_UU_BEGIN = re.compile(r"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,200})\r?$", re.MULTILINE)


def _attachment(part: structure.Part, name: str, identity: str, html: str, *, related: bool) -> Attachment:
    referenced = bool(identity) and (f"cid:{identity}" in html or f"cid:{quote(identity)}" in html)
    inline = referenced or (related and part.type.startswith("image/") and bool(identity))
    return Attachment(
        name=name, type=part.type, content=attachments.content(part), content_id=identity, inline=inline
    )


def _piece(part: structure.Part, reading: _Reading) -> _Piece:
    declared = part.parameters.get("charset", "")
    if part.type == "text/html":
        html = charsets.html(attachments.content(part), declared)
        converted = html_text.convert(html)
        return _Piece(converted.text, html, converted.cuts, converted.signatures)
    text = _decoded(part)
    if part.type in ("text/enriched", "text/richtext"):
        text = _ENRICHED.sub("", text.replace("<<", "\uffff")).replace("\uffff", "<")
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflowed(text, joined=part.parameters.get("delsp", "").lower() == "yes")
    if "begin " in text and "\nend" in text:
        text = _without_uu(text, reading)
    return _Piece(text)


_ENRICHED = re.compile(r"<param>[^<]{0,200}</param>|</?[a-zA-Z-]{1,40}>")


def _decoded(part: structure.Part) -> str:
    """The text of a text part with plain line ends."""
    text = charsets.text(attachments.content(part), part.parameters.get("charset", ""))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removeprefix("\ufeff")


def unflowed(text: str, *, joined: bool) -> str:
    """RFC 3676: lines that end in a space go on in the next one of the same quote depth; `joined` is DelSp.

    >>> unflowed("> a \\n> b\\nc \\nd\\n-- \\nme", joined=False)
    '> a b\\nc d\\n-- \\nme'
    """
    out: list[str] = []
    depth, pending = -1, ""
    flowing = False
    for line in text.split("\n"):
        here = len(line) - len(line.lstrip(">")) if line.startswith(">") else 0
        content = line[here:]
        content = content.removeprefix(" ")
        soft = content.endswith(" ") and content != "-- "
        if flowing and here == depth and content != "-- ":
            pending += content
        else:
            if depth >= 0:
                out.append(_requoted(depth, pending))
            depth, pending = here, content
        flowing = soft
        if soft and joined:
            pending = pending[:-1]
    if depth >= 0:
        out.append(_requoted(depth, pending))
    return "\n".join(out)


def _requoted(depth: int, text: str) -> str:
    return f"{'>' * depth} {text}".rstrip() if depth else text


def _without_uu(text: str, reading: _Reading) -> str:
    """uuencoded files between the lines become files."""
    kept: list[str] = []
    at = files = 0
    end = -1
    for match in _UU_BEGIN.finditer(text):
        if match.start() < at or not _looks_uuencoded(text[match.end() + 1 : match.end() + 80]):
            continue
        if end < match.end():
            end = text.find("\nend", match.end())
        if end < 0 or files >= FILES:
            break
        files += 1
        block = text[match.end() + 1 : end].encode("latin-1", "replace")
        name = attachments.safe_name(match.group(1)) or attachments.made_name(reading.number + files, "")
        reading.made.append(
            Attachment(name=name, type="application/octet-stream", content=attachments.uuencoded(block))
        )
        kept.append(text[at : match.start()])
        at = min(end + 4, len(text))
    return "".join(kept) + text[at:] if kept else text


def _looks_uuencoded(beginning: str) -> bool:
    """Is the first line as long as its first character says (three bytes in four characters)?"""
    first = beginning.partition("\n")[0].rstrip("\r")
    if not first or not " " < first[0] <= "`":
        return False
    return abs(len(first) - 1 - (((ord(first[0]) - 32) & 63) + 2) // 3 * 4) <= 2


def _shown_type(part: structure.Part) -> str:
    """What a child of an alternative would show: its own type, or that of the first text inside a multipart."""
    if not part.type.startswith("multipart/"):
        return part.type
    kinds = {leaf.type for leaf in _leaves(part)}
    return "text/html" if "text/html" in kinds else "text/plain" if "text/plain" in kinds else part.type


def _leaves(part: structure.Part) -> list[structure.Part]:
    out, pending = [], [part]
    while pending:
        one = pending.pop()
        if one.children:
            pending.extend(reversed(one.children))
        elif not one.type.startswith("multipart/"):
            out.append(one)
    return out


def _first_leaf(part: structure.Part) -> structure.Part | None:
    leaves = _leaves(part)
    wanted = _shown_type(part)
    return next((leaf for leaf in leaves if leaf.type == wanted), None)


def _is_file(part: structure.Part) -> bool:
    return part.header.first("content-disposition").lower().startswith("attachment")


def _is_twin(part: structure.Part) -> bool:
    """A text that says the same in another form; everything else beside the chosen one is kept as a file."""
    if _is_file(part):
        return False
    if part.type.startswith("multipart/"):
        return all(leaf.type in _TWINS for leaf in _leaves(part)) and bool(part.children)
    return part.type in _TWINS


_TWINS = frozenset(
    ("text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html", "text/watch-html")
)


def _message_name(part: structure.Part) -> str:
    """An attached mail is called as its subject says."""
    inner, _ = structure.split_header(attachments.content(part)[:16_384])
    subject = headers.decoded(inner.first("subject"))
    name = attachments.safe_name(subject.replace("/", "-").replace("\\", "-")[:100])
    return f"{name}.eml" if name else ""
