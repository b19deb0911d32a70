"""Whose addresses are in this field? One pass over the characters, no recursion; doubts become defects."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from channels.email.reading import headers
from core.addresses import shown
from core.envelope import Address

ADDRESSES = 100
NAME_CHARACTERS = 200
PLACES = 1_000
"""Between the commas of one field that are looked at, whether an address stands there or not."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The addresses of one field, and what was wrong with the way they were written."""

    addresses: tuple[Address, ...]
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Author:
    """Who the From field says it is. A defect means: show it, and trust it in nothing."""

    address: Address | None
    text: str
    defects: tuple[str, ...] = ()


def author(fields: list[str], charset: str = "") -> Author:
    """The author of a mail: usable only as exactly one From field with one address.

    >>> author(["Eve <eve@evil.test>"]).address
    Address(address='eve@evil.test', name='Eve')
    >>> author(["alice@a.test <eve@evil.test>"]).defects
    ('the name looks like another address',)
    >>> author(["<alice@a.test>@evil.test"])
    Author(address=None, text='<alice@a.test>@evil.test', defects=('text behind the address',))
    """
    text = "; ".join(headers.decoded(value, charset) for value in fields[:5])[:1_000]
    if not fields:
        return Author(None, "", ("no From",))
    if len(fields) > 1:
        return Author(None, text, (f"{len(fields)} From fields",))
    listed = parse(fields[0], charset)
    if len(listed.addresses) != 1:
        count = f"{len(listed.addresses)} addresses in From" if listed.addresses else "no address in From"
        return Author(None, text, tuple(dict.fromkeys((count, *listed.defects))))
    one = listed.addresses[0]
    defects = listed.defects
    if any(defect in _UNUSABLE for defect in defects):
        return Author(None, text, defects)
    if "@" in one.name and _other_address(one):
        defects = (*defects, "the name looks like another address")
    if _mixed_scripts(shown(one.address)):
        defects = (*defects, "letters of several alphabets in the address")
    return Author(one, text, defects)


_UNUSABLE = frozenset(
    {"text behind the address", "several addresses without a comma", "unclosed quotation", "a group",
     "a control character"}
)  # fmt: skip


def parse(value: str, charset: str = "", limit: int = ADDRESSES) -> Listed:
    """Every address of a To, Cc, From or Reply-To field, groups taken apart, comments left out.

    `value` holds one byte a character. Encoded words are decoded in names only, after the structure is known,
    so that no decoded text can become an address.

    >>> [a.address for a in parse('"Doe, J." <j@x.test>, team: a@x.test, b@x.test;').addresses]
    ['j@x.test', 'a@x.test', 'b@x.test']
    """
    simple = _SIMPLE.fullmatch(value)
    if simple is not None and value.isascii() and "=?" not in value:
        quoted, name, address = simple.groups()
        one = _address(address, quoted if quoted is not None else (name or "").strip())
        if one is not None:
            return Listed((one,))
    return _Scanner(headers.without_escapes(value), charset, limit).scan()


_SIMPLE = re.compile(
    r"""(?:"([^"\\<>\x00-\x1f]{0,200})"[ ]?|([A-Za-z0-9 _'./!#$%&*+-]{0,200}))<([A-Za-z0-9_.+=-]{1,64}@[A-Za-z0-9.-]{1,255})>"""
)


def _address(text: str, name: str) -> Address | None:
    local, _, domain = text.rpartition("@")
    if not local or _DOMAIN.fullmatch(domain) is None or ".." in domain:
        return None
    return Address(f"{local}@{domain}", name[:NAME_CHARACTERS].strip())


_DOMAIN = re.compile(r"\w[\w.-]{0,254}|\[[^\[\]\s<>]{1,100}\]")


class _Scanner:
    """Reads one field from left to right; `words` and `comment` belong to the address being read."""

    def __init__(self, value: str, charset: str, limit: int) -> None:
        self.value, self.charset, self.limit = value, charset, limit
        self.found: list[Address] = []
        self.defects: dict[str, None] = {}
        self.words: list[tuple[str, bool]] = []
        """Text and whether it was quoted, of the phrase or the bare address."""
        self.has_at = self.has_bare_at = False
        """Is an @ in one of the words; in one that was not quoted? Looking again for each sign would be quadratic."""
        self.comments: list[str] = []
        self.angle: str | None = None
        self.places = 0
        self.surnames: list[str] = []
        """Words before a comma that were no address; they may belong to the name behind it."""

    def scan(self) -> Listed:
        value, at, end = self.value, 0, len(self.value)
        in_group = False
        while at < end and len(self.found) < self.limit and self.places < PLACES:
            character = value[at]
            if character in " \t\r\n":
                at += 1
                if self.words and self.words[-1] != (" ", False):
                    self.words.append((" ", False))
            elif character == '"':
                at = self.quotation(at + 1)
            elif character == "(":
                at = self.comment(at + 1)
            elif character == "<":
                at = self.bracket(at + 1)
            elif character == "," or (character == ";" and (in_group or self.angle or self.has_bare_at)):
                self.finish()
                if character == ";":
                    in_group = False
                at += 1
            elif character == ":" and not self.angle and not self.has_at:
                self.defect("a group")
                self.words.clear()
                in_group = True
                at += 1
            else:
                match = (_ENCODED.match(value, at) if character == "=" else None) or _ATOM.match(value, at)
                stop = match.end() if match is not None else at + 1
                atom = value[at:stop]
                if any(c < " " or c == "\x7f" for c in atom):
                    self.defect("a control character")
                if self.angle is not None and not atom.strip(">"):
                    self.defect("a bracket in brackets")
                    at = stop
                    continue
                if self.angle is not None:
                    self.defect("text behind the address")
                self.words.append((atom, False))
                self.has_bare_at = self.has_bare_at or "@" in atom
                self.has_at = self.has_at or self.has_bare_at
                at = stop
        if at < end:
            self.defect(f"more than {self.limit} addresses")
        self.finish()
        return Listed(tuple(self.found), tuple(self.defects))

    def defect(self, what: str) -> None:
        self.defects[what] = None

    def quotation(self, at: int) -> int:
        value = self.value
        pieces: list[str] = []
        while True:
            quote, slash = value.find('"', at), value.find("\\", at)
            if quote < 0:
                self.defect("unclosed quotation")
                pieces.append(value[at:])
                at = len(value)
                break
            if 0 <= slash < quote:
                pieces.append(value[at:slash] + value[slash + 1 : slash + 2])
                at = slash + 2
                continue
            pieces.append(value[at:quote])
            at = quote + 1
            break
        text = "".join(pieces)
        if "\0" in text:
            self.defect("a control character")
        if self.angle is not None:
            self.defect("text behind the address")
        self.words.append((text, True))
        self.has_at = self.has_at or "@" in text
        return at

    def comment(self, at: int) -> int:
        """RFC 5322, 3.2.2: comments nest; here by counting, not by calling."""
        start, level = at, 1
        for match in _PARENTHESIS.finditer(self.value, at):
            mark = match.group()
            level += 1 if mark == "(" else -1 if mark == ")" else 0
            if level == 0:
                self.comments.append(self.value[start : match.start()])
                return match.end()
        self.defect("unclosed comment")
        return len(self.value)

    def bracket(self, at: int) -> int:
        close = self.value.find(">", at)
        if close < 0:
            self.defect("unclosed bracket")
            close = len(self.value)
        inside = self.value[at:close]
        if "<" in inside:
            self.defect("a bracket in brackets")
            inside = inside.rpartition("<")[2]
        if self.angle is not None:
            self.defect("several addresses without a comma")
            self.finish()
        # RFC 5322, 4.4: an old route in front of the address is read and ignored.
        if inside.lstrip().startswith("@") and ":" in inside:
            inside = inside.partition(":")[2]
        if "(" in inside:
            inside = _without_comments(inside)
        self.angle = inside.strip()
        return close + 1

    def finish(self) -> None:
        self.places += 1
        words, angle, comments = self.words, self.angle, self.comments
        self.words, self.angle, self.comments = [], None, []
        self.has_at = self.has_bare_at = False
        if angle is None:
            named = [word for word, quoted in words if not quoted and word.count("@") == 1]
            if len(named) == 1 and any(quoted for _, quoted in words) and _LOOKS_LIKE.fullmatch(named[0]):
                # "Alice" alice@a.test: no brackets around the address.
                self.defect("an address without brackets")
                name = "".join(word for word, quoted in words if quoted or word != named[0]).strip()
                self.take(named[0], name, quoted=False)
                return
            text = "".join(
                f'"{w}"' if quoted and not _DOT_ATOM.fullmatch(w) else w for w, quoted in words
            ).strip()
            if not text:
                return
            if "@" not in text and not comments and len(self.surnames) < 3:
                # "Doe, John <…>": a name with a comma that nobody quoted.
                self.surnames.append(text)
            else:
                self.surnames.clear()
            self.take(text, comments[-1] if comments else "", quoted=any(q for _, q in words))
            return
        name = ", ".join(filter(None, (*self.surnames, "".join(word for word, _ in words).strip())))
        self.surnames.clear()
        if not angle:
            self.defect("an empty address")
            return
        self.take(angle, name or (comments[-1] if comments else ""), quoted=False)

    def take(self, text: str, name: str, *, quoted: bool) -> None:
        name = headers.decoded(name, self.charset)
        plain = headers.raw_text(text)
        if plain.startswith('"') and plain.find('"@') > 0:
            local, _, rest = plain[1:].partition('"@')
            plain = f"{local}@{rest}" if _DOT_ATOM.fullmatch(local) else plain
        if any(c.isspace() for c in plain):
            words = [word for word in plain.split() if "@" in word]
            squeezed = _AROUND.sub(r"\1", plain)
            quoted = quoted or '"' in plain
            if not quoted and not any(c.isspace() for c in squeezed):
                plain = squeezed
            elif (
                len(words) == 1 and not quoted and not words[0].startswith("@") and not words[0].endswith("@")
            ):
                # "Alice alice@a.test": no brackets around the address.
                self.defect("an address without brackets")
                name, plain = name or " ".join(w for w in plain.split() if w != words[0]), words[0]
            else:
                self.defect("several addresses without a comma" if len(words) > 1 else "not an address")
                return
        scheme, colon, rest = plain.partition(":")
        if colon and scheme.lower() in ("mailto", "smtp"):
            plain = rest
        if plain.count("@") > 1 and not plain.startswith('"'):
            self.defect("several @ in an address")
            return
        if any(c in "<>" or not c.isprintable() for c in plain):
            self.defect("a control character")
            return
        one = _address(plain, name)
        if one is None:
            self.defect("not an address")
            return
        self.found.append(one)


def _without_comments(text: str) -> str:
    """The same without what stands in parentheses; unchanged where they do not close."""
    kept, level, at = [], 0, 0
    for match in _PARENTHESIS.finditer(text):
        if match.group() == "(":
            kept.append(text[at : match.start()] if not level else "")
            level += 1
        elif match.group() == ")" and level:
            level -= 1
            at = match.end()
    return text if level else "".join(kept) + text[at:]


_ATOM = re.compile(r'[^ \t\r\n"(<,;:]{1,2000}')
_ENCODED = re.compile(r"=\?[A-Za-z0-9_*-]{1,40}\?[BbQq]\?[^\s?@<>\"]{1,1000}\?=")
"""One word whatever is in it: some programs write a comma there."""
_PARENTHESIS = re.compile(r"\\.|[()]", re.DOTALL)
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_AROUND = re.compile(r"\s*([@.])\s*")
_LOOKS_LIKE = re.compile(r"[^\s<>@\"'()]{1,64}@[^\s<>@\"'()]{1,255}")


def _other_address(one: Address) -> bool:
    found = _LOOKS_LIKE.search(one.name)
    return found is not None and found.group().strip(".,;:").lower() != one.address.lower()


def first_written(text: str) -> str:
    """The first address in the words of a field, for showing only: it may stand there in any way, and name anybody.

    >>> first_written('"Alice <alice@a.test>'), first_written("staff: a@b.test, c@d.test;"), first_written("Root <root>")
    ('alice@a.test', 'a@b.test', 'root')
    """
    listed = parse(text[:_SHOWN_CHARACTERS]).addresses
    if listed:
        return listed[0].address
    found = _IN_BRACKETS.search(text[:_SHOWN_CHARACTERS]) or _LOOKS_LIKE.search(text[:_SHOWN_CHARACTERS])
    return found.group().strip("<>").lower() if found is not None else ""


_SHOWN_CHARACTERS = 1_000
_IN_BRACKETS = re.compile(r"<[^<>\s]{1,320}>")


def _mixed_scripts(address: str) -> bool:
    """Letters that look alike from two alphabets in one word: an address made to be taken for another."""
    if address.isascii():
        return False
    for word in re.split(r"[@.]", address):
        scripts = {unicodedata.name(c, "?").split(" ", 1)[0] for c in word if c.isalpha()}
        if len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1:
            return True
    return False
