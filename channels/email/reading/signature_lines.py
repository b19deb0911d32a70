"""Are these lines a signature: a name, a company, ways to reach somebody, and nothing else?

Below a closing formula people also write what they forgot: serial numbers, the data of a new colleague, the name of a
device. A line that says where somebody is reached is a contact; a few words without a figure may be a name, an office
or a company; everything else is content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from channels.email.reading import ending_tables as tables


@dataclass(frozen=True, slots=True)
class Block:
    """What the lines below a closing formula are."""

    contacts: int = 0
    """Phone, address, site: what only a signature has there."""
    words: tuple[str, ...] = ()
    """Lines of a few words: name, office, company."""
    content: bool = False
    """Something that somebody wrote for the reader."""

    @property
    def is_name(self) -> bool:
        """One line of a few words, and nothing else."""
        return not self.content and not self.contacts and len(self.words) == 1

    @property
    def is_card(self) -> bool:
        """More than a name, and nothing but a signature: a way to reach somebody, an office, a company."""
        office = len(self.words) > 1 and any(tables.OFFICE.search(line) is not None for line in self.words)
        return not self.content and (self.contacts > 0 or office)

    def names(self, writer: AbstractSet[str]) -> bool:
        """Is all of it the name of the writer, as far as that is known?"""
        if not self.is_name or not writer:
            return False
        found = [word for word in _WORD.findall(self.words[0].lower()) if len(word) > 1]
        return 0 < len(found) <= 4 and found[0] in writer


def is_whole_name(line: str, writer: AbstractSet[str]) -> bool:
    """First name and family name of the writer, as far as known, in this line and nothing else.

    >>> is_whole_name("Anna Verdi", {"anna", "verdi"}), is_whole_name("Anna has it", {"anna", "verdi"})
    (True, False)
    """
    found = [word for word in _WORD.findall(line.lower()) if len(word) > 1]
    return 2 <= len(found) <= 4 and len(line) <= 60 and found[0] in writer and found[-1] in writer


NOTHING = Block(content=True)


def read(lines: Iterable[str] | None) -> Block:
    """Judge the lines from a closing formula to the end; None means that they are too many.

    >>> read(["Anna Verdi", "Tel. +39 045 123456"]).is_card, read(["Room: B12", "Serial: 4711"]).is_card
    (True, False)
    """
    if lines is None:
        return NOTHING
    contacts = 0
    words: list[str] = []
    weak = False
    for line in lines:
        kind = _kind(line)
        if kind == "content":
            return NOTHING
        if kind == "contact":
            contacts += 1
        elif kind == "weak":
            weak = True
        else:
            words.append(line)
    # A postal code or a long link alone may as well be what the mail is about.
    if weak and not contacts:
        return NOTHING
    return Block(contacts, tuple(words)) if contacts or words else NOTHING


def is_said(line: str) -> bool:
    """A question, a postscript, or a whole sentence."""
    if len(line) > tables.CLOSING_LINE_CHARACTERS or line[-1] in "?？" or _POSTSCRIPT.match(line) is not None:
        return True
    last = line.rpartition(" ")[2].rstrip(".!。！")
    # Cust A s.r.l. and Example Ltd. are no sentences.
    return (
        line[-1] in ".!。！"
        and line.count(" ") >= 2
        and len(last) > 3
        and "." not in last
        and "@" not in line
    )


def is_postscript(line: str) -> bool:
    """`P.S. The key is with the porter.`"""
    return _POSTSCRIPT.match(line) is not None


def is_data(line: str) -> bool:
    """`Label: value`, where the label names no way to reach somebody.

    >>> is_data("Serial: 4711"), is_data("Mobile: +39 333 1234567"), is_data("Anna Verdi")
    (True, False, False)
    """
    plain = line.replace("：", ":").strip(" |*_-–•·,;")
    label, colon, _ = plain.partition(":")
    if not colon or len(label) > 30 or _LINKED.search(plain) is not None:
        return False
    words = label.strip(" .*_()").lower()
    if words.startswith("sede "):
        return False
    return words not in tables.CONTACT_LABELS and words.rpartition(" ")[2] not in tables.CONTACT_LABELS


def is_content(line: str) -> bool:
    """Is this line for the reader, whatever stands around it?"""
    return _kind(line) == "content"


def _kind(line: str) -> str:
    """`contact`, `weak` (a signature's only beside a contact), `words` or `content`."""
    if is_said(line):
        return "content"
    plain = _MARKUP.sub(" ", line).replace("：", ":").strip(" |*_-–•·,;")
    if not plain:
        return "words"
    if _LINKED.search(plain) is not None:
        rest = _LINKED.sub(" ", plain)
        long = any("/" in one.partition("://")[2].strip("/<>") for one in _LINKED.findall(plain))
        return _without_link(rest, "weak" if long else "contact")
    label, colon, value = plain.partition(":")
    if colon and len(label) <= 30:
        if is_data(plain):
            return "content"
        return "contact" if value.strip() else "weak"
    if "=" in plain or "\t" in plain or "#" in plain:
        return "content"
    if not any(c.isdigit() for c in plain):
        return "content" if _is_prose(plain) else "words"
    return _with_figures(plain)


def _without_link(rest: str, kind: str) -> str:
    """What stands beside a link or an address must not be more than a label and a number."""
    for piece in re.split(r"[|,;/•·]", rest):
        words = piece.strip(" :.-<>()[]").lower()
        if words and words.partition(":")[0].strip(" .") not in tables.CONTACT_LABELS:
            if _PHONE.fullmatch(words) is None and (any(c.isdigit() for c in words) or _is_prose(words)):
                return "content"
            if _PHONE.fullmatch(words) is None and words.count(" ") > 3:
                return "content"
    return kind


def _with_figures(plain: str) -> str:
    """A line with figures and no colon: a phone number, a postal address, or content."""
    plain = _LINES.sub("", _CODE_AND_TOWN.sub(r"\1 ", plain))
    pieces = [piece.strip() for piece in _APART.split(plain) if piece.strip()]
    kinds = {_figure(piece) for piece in pieces}
    if "content" in kinds:
        return "content"
    return "contact" if "contact" in kinds else "weak"


def _figure(piece: str) -> str:
    if not any(c.isdigit() for c in piece):
        return "content" if _is_prose(piece) else "weak"
    first = piece.partition(" ")[0].strip(".()").lower()
    if _EXTENSION.fullmatch(piece) is not None:
        return "weak"
    labelled = piece
    while labelled.partition(" ")[0].strip(".()").lower() in tables.CONTACT_LABELS:
        piece, labelled = labelled, labelled.partition(" ")[2].strip()
    if _REGISTERED.search(piece) is not None and not _is_prose(piece):
        return "weak"
    if first in tables.CONTACT_LABELS and _DIGITS.fullmatch(piece.partition(" ")[2].strip()) is not None:
        return "contact"
    if _PHONE.fullmatch(piece) is not None and (piece[0] in "+(0" or piece.startswith("00")):
        return "contact" if sum(c.isdigit() for c in piece) >= 6 else "content"
    if _is_prose(piece):
        return "content"
    if tables.STREETS.search(piece) is not None:
        return "weak"
    return "weak" if _POSTCODE.search(piece) is not None else "content"


def _is_prose(text: str) -> bool:
    """Mostly small letters: somebody says something."""
    words = [word for word in text.split() if word[:1].isalpha()]
    small = sum(1 for word in words if word[0].islower() and "@" not in word and "." not in word[:-1])
    return small >= 4 or (small >= 3 and small == len(words))


_POSTSCRIPT = re.compile(r"(?:p\.?\s?p?\.?s\.?|n\.?b\.?|nota ?bene|edit|update)(?:[\s:.]|$)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_MARKUP = re.compile(r"\[(?:cid|image|https?):[^\]]{0,300}\]|[\u200b-\u200f\u202a-\u202e]")
_LINKED = re.compile(
    r"(?:https?://|www\.)[^\s<>]{1,300}|<?mailto:[^\s<>]{1,200}>?|[^\s<>@|,;:]{1,64}@[^\s<>@|,;]{3,200}"
)
_PHONE = re.compile(r"\+?[\d(][\d\s().+/–-]{5,38}(?:\s?(?:ext|x|int|dw|app|poste)\.?\s?\d{1,6})?")
_EXTENSION = re.compile(
    r"(?:int|interno|ext|dw|durchwahl|app|poste|wew|anexo|toestel)\.? ?\d{1,5}", re.IGNORECASE
)
_APART = re.compile(r"[|•·;]|\s[-–—/]\s|,?\s(?=(?:fax|cell|mob|tel|phone)\b)", re.IGNORECASE)
_CODE_AND_TOWN = re.compile(r"\b(\d{4,5}) [-–] (?=[^\W\d_]{2})")
_LINES = re.compile(r"\s?\((?:r\. ?a\.?|ric\. aut\.|\d{1,2} linee)\)", re.IGNORECASE)
"""Behind a number at which several people answer."""
_REGISTERED = re.compile(
    r"\b(?:HR ?[AB]|FN|CHE|KvK|NIP|REGON|KRS|SIREN|SIRET|RCS|P\. ?IVA|Partita IVA|C\. ?F\.|R\.?E\.?A\.?|Cap(?:itale|\.)? ?[Ss]oc(?:iale|\.)?|Reg(?:istro|\.)? ?(?:delle )?Imp(?:rese|\.)?|VAT|BTW|IČO?|DIČ|CVR|NIF|CIF|Org\.? ?nr|Y-tunnus|ИНН|ОГРН|ЄДРПОУ|"
    r"USt-?Id)\b",
)
"""A company's number in a register; firms must say it in their letters."""
_DIGITS = re.compile(r"[\d\s().+/–-]{3,40}")
_POSTCODE = re.compile(
    r"(?:^|[\s,-])(?:[A-Z]{1,2}-?\d{4,5}|\d{5}|\d{4}\s?[A-Z]{2}|\d{2}-\d{3}|\d{3}\s\d{2}|[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}|\d{4})\s+[^\W\d_]{3,}"
    r"|[^\W\d_]{3,},?\s[A-Z]{2}\s\d{5}"
)
