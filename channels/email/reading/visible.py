"""Which of a reply's lines did its writer write now? Spans over the text; each line is looked at a few times at most.

Nothing is deleted: what is not visible is folded and opens with one click. In doubt it is visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from channels.email.reading import endings
from channels.email.reading import quote_tables as tables
from core.envelope import Span, SpanKind

CHARACTERS = 512 * 1024
LINES = 20_000
ATTRIBUTION_LINES = 4
HEADER_LINES = 14
"""How far the lines of one embedded header may stretch, wrapped ones included."""

_V, _Q, _S, _D, _F = (
    SpanKind.VISIBLE,
    SpanKind.QUOTED,
    SpanKind.SIGNATURE,
    SpanKind.DISCLAIMER,
    SpanKind.FORWARDED,
)


def spans(
    text: str, *, forward: bool = False, cuts: Iterable[int] = (), signatures: Iterable[tuple[int, int]] = ()
) -> tuple[Span, ...]:
    """What each stretch of `text` is; together they cover it. Empty for an empty text.

    `forward`: the subject says so, an embedded message is then shown. `cuts`: offsets at which the sender's program
    marked the beginning of the history. `signatures`: stretches that it marked as the signature.

    >>> [(s.start, s.end, s.kind.value) for s in spans("Yes.\\n\\nOn 1 May 2026 Bob <b@x.test> wrote:\\n> Eh?\\n")]
    [(0, 6, 'visible'), (6, 48, 'quoted')]
    """
    if not text:
        return ()
    if len(text) > CHARACTERS:
        return (Span(0, len(text), _V),)
    lines = text.split("\n")
    if len(lines) > LINES:
        return (Span(0, len(text), _V),)
    kinds = _Lines(text, lines, forward=forward, cuts=cuts, signatures=signatures).kinds()
    return _as_spans(lines, kinds)


def shown(text: str, found: tuple[Span, ...]) -> str:
    """The visible part of a text, forwards included, as one string."""
    if not found:
        return text
    return "".join(text[s.start : s.end] for s in found if s.kind is _V or s.kind is _F)


def _as_spans(lines: list[str], kinds: list[SpanKind]) -> tuple[Span, ...]:
    out: list[Span] = []
    start = at = 0
    current = kinds[0]
    for line, kind in zip(lines, kinds, strict=True):
        if kind is not current:
            if at > start:
                out.append(Span(start, at, current))
            start, current = at, kind
        at += len(line) + 1
    end = at - 1  # the last line has no line end of its own
    if end > start:
        out.append(Span(start, end, current))
    elif not out:
        out.append(Span(0, end, current))
    return tuple(out)


class _Lines:
    """One text, line by line. `what` is filled from the top; what stays None is visible."""

    def __init__(
        self,
        text: str,
        lines: list[str],
        *,
        forward: bool,
        cuts: Iterable[int],
        signatures: Iterable[tuple[int, int]],
    ) -> None:
        self.lines = lines
        self.bare = [line.strip() for line in lines]
        if not text.isascii() and _MARKS.search(text) is not None:
            self.bare = [_MARKS.sub("", line).strip() for line in self.bare]
        self.forward = forward
        self.what: list[SpanKind | None] = [None] * len(lines)
        self.cut_lines: set[int] = set()
        cuts = sorted(cuts)
        marked = sorted(signatures)
        if cuts or marked:
            self.mark(lines, cuts, marked)

    def mark(self, lines: list[str], cuts: list[int], marked: list[tuple[int, int]]) -> None:
        """Turn the offsets of the sender's own marks into line numbers."""
        at = cut = mark = 0
        for number, line in enumerate(lines):
            after = at + len(line) + 1
            while cut < len(cuts) and cuts[cut] < after:
                self.cut_lines.add(number)
                cut += 1
            while mark < len(marked) and marked[mark][1] <= at:
                mark += 1
            if mark < len(marked) and marked[mark][0] <= at and self.bare[number]:
                self.what[number] = _S
            at = after

    def kinds(self) -> list[SpanKind]:
        self.quotes()
        self.endings()
        return self.settled()

    def quotes(self) -> None:
        """Quoted lines, attributions, embedded headers, forwards; from the top."""
        bare, what, count = self.bare, self.what, len(self.lines)
        at = 0
        while at < count:
            line = bare[at]
            if not line:
                at += 1
                continue
            if at in self.cut_lines:
                self.rest(at, _Q)
                return
            first = line[0]
            if first == ">":
                what[at] = _Q
                at = self.wrapped(at)
                continue
            if first in "-_=*—–":
                stop = self.delimiter(at)
                if stop is not None:
                    self.rest(at, stop)
                    return
            # Every attribution has a date in its first line; most lines of prose have no digit and are done here.
            if _DIGIT.search(line) is not None:
                attributed = self.attribution(at)
                if attributed:
                    following = self.next_text(at + attributed)
                    for number in range(at, at + attributed):
                        what[number] = _Q
                    if following is not None and bare[following].startswith(">"):
                        at += attributed
                        continue
                    if following is None:
                        return
                    self.rest(at, _Q)
                    return
            if ":" in line or "：" in line:
                if self.embedded_header(at):
                    self.rest(at, _Q)
                    return
                if line[-1] == ":" and line.rstrip(": ").lower() in tables.FORWARDED:
                    self.rest(at, _F)
                    return
            if "this line" in line or "questa " in line or "dieser " in line or "ligne" in line:
                if tables.REPLY_ABOVE.search(line[:200]):
                    self.rest(at, _Q)
                    return
            at += 1

    def wrapped(self, at: int) -> int:
        """Behind a quoted line: a long one that a gateway broke goes on in the next line without a mark."""
        lines, bare, what = self.lines, self.bare, self.what
        if at + 2 < len(lines) and len(lines[at]) >= 68 and bare[at][-1] not in ".?!:":
            follower = bare[at + 1]
            if follower and follower[0].islower() and bare[at + 2].startswith(">") and len(follower) < 60:
                what[at + 1] = _Q
                return at + 2
        return at + 1

    def rest(self, at: int, kind: SpanKind) -> None:
        """Everything from here to the end; a rule of dashes just above goes with it."""
        if kind is _Q and self.forward:
            kind = _F
        above = at - 1
        while above >= 0 and not self.bare[above]:
            above -= 1
        if above >= 0 and endings.RULE.fullmatch(self.bare[above]):
            at = above
        for number in range(at, len(self.lines)):
            self.what[number] = kind

    def next_text(self, at: int) -> int | None:
        for number in range(at, len(self.bare)):
            if self.bare[number]:
                return number
        return None

    def delimiter(self, at: int) -> SpanKind | None:
        """`----- Original Message -----` and its like: what follows is quoted or forwarded."""
        line = self.bare[at]
        words = line.strip("-_=*—–> \t").rstrip(":").strip().lower()
        if not words:
            return None
        if words in tables.FORWARDED or words.startswith("forwarded message"):
            return _F
        if words in tables.ORIGINAL:
            return _F if self.forward else _Q
        return None

    def attribution(self, at: int) -> int:
        """How many lines, from this one, say who wrote what follows; 0 when they do not."""
        line = self.bare[at]
        start = line.lstrip("-*_> ")[:24].lower()
        if not start:
            return 0
        if not (start[0].isdigit() or start.startswith(tables.OPENINGS) or _is_day(start)):
            # Turkish and Chinese put the name first: Name <address> … wrote:
            named = line[-1] in ":：" and 0 < line.find("<", 0, 120) < line.find("@", 0, 200)
            return 1 if named and len(line) < 400 and _ends_attribution(line) else 0
        joined = ""
        for count in range(1, ATTRIBUTION_LINES + 1):
            if at + count > len(self.bare):
                return 0
            piece = self.bare[at + count - 1]
            if not piece or (count > 1 and piece.startswith(">") and not piece.startswith((">:", "> wrote"))):
                return 0
            joined = f"{joined} {piece}" if joined else piece
            if len(joined) > 500:
                return 0
            if _ends_attribution(joined):
                return count
        return 0

    def embedded_header(self, at: int) -> bool:
        """From, Sent, To, Subject in one block: a message begins that somebody else wrote."""
        role, value = _label(self.bare[at])
        if role not in ("from", "date", "subject", "to"):
            return False
        roles = {role}
        address = "@" in value
        timed = False  # a date with a time right behind the author: no form that somebody filled in
        loose = 0
        for number in range(at + 1, min(at + HEADER_LINES, len(self.bare))):
            line = self.bare[number]
            if not line:
                if len(roles) > 1 or number > at + 1:
                    break
                continue
            role, value = _label(line)
            if role:
                if role == "date" and roles == {"from"}:
                    timed = _TIME.search(value) is not None
                roles.add(role)
                loose = 0
                address = address or (role in ("from", "to") and "@" in value)
            else:
                loose += 1
                address = address or ("@" in line and line.startswith("<"))
                if loose > 2:
                    break
        if "from" not in roles or not roles & {"date", "to"}:
            return False
        return len(roles) >= 3 and ("subject" in roles or address or timed)

    def endings(self) -> None:
        """Signature, device line and notice at the end of each stretch that the writer wrote."""
        stop = len(self.lines)
        while stop > 0:
            while stop > 0 and self.what[stop - 1] is not None:
                stop -= 1
            start = stop
            while start > 0 and self.what[start - 1] is None:
                start -= 1
            if stop > start:
                for begins, kind in endings.find(self.lines, self.bare, start, stop):
                    self.what[begins:stop] = [kind] * (stop - begins)
            stop = start

    def settled(self) -> list[SpanKind]:
        """The kinds of all lines. Where nothing, or only a greeting, would be seen, more is shown.

        `Hi Ann,` promises more: then all is shown. `Hello` may be all there is: then only the history stays folded.
        """
        what = self.what
        remains = [self.bare[n] for n, kind in enumerate(what) if kind is None and self.bare[n]]
        if not any(kind is _F for kind in what):
            greeting = len(remains) == 1 and _is_greeting(remains[0])
            ending = any(self.bare[n] for n, kind in enumerate(what) if kind is _S or kind is _D)
            if (not remains and not ending) or (greeting and remains[0].endswith((",", ":", "，"))):
                return [_V] * len(what)
            if not remains or greeting:
                return [kind if kind is _Q else _V for kind in what]
        return [_V if kind is None else kind for kind in what]


_MARKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{2,255}")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,2}[./]\d{1,2}[./]\d{2}(?!\d)|\d年|\d{1,2}[./-]\d{1,2}[./-]\d{4}"
)
_TIME = re.compile(r"\d{1,2}[:.h]\d\d")
_WROTE = re.compile(
    r"(?:^|[\s>\"'“”»)\]])(?:"
    + "|".join(re.escape(w) for w in sorted(tables.WROTE, key=len, reverse=True))
    + r")$"
)
_WROTE_CJK = ("写道", "寫道", "写到", "のメール", "書きました")
_WROTE_INSIDE = re.compile(
    r"\s(?:schrieb|skrev|schreef|escribió|escreveu|kirjoitti|napisał|wrote|pisze|пишет)\s"
)


def _ends_attribution(joined: str) -> bool:
    tail = joined.rstrip(" *_")
    colon = tail.endswith((":", "："))
    low = tail.rstrip(" :：-").lower()
    dated = _YEAR.search(joined) is not None
    address = _ADDRESS.search(joined) is not None
    if _WROTE.search(low[-40:]) is not None or low.endswith(_WROTE_CJK):
        if not colon and not tail.endswith("--") and not (dated and address):
            return False
        return dated or address
    if colon and low.endswith((">", ")", "]")) and address:
        return dated or _TIME.search(joined) is not None
    if colon and _WROTE_INSIDE.search(f" {low} ") is not None:
        return dated
    return False


def _is_day(start: str) -> bool:
    """Is the first word the name of a day, short or long?"""
    word = start.partition(" ")[0].rstrip(",.")
    return word in tables.DAYS or (len(word) > 3 and (word[:3] in tables.DAYS or word[:2] in tables.DAYS))


def _label(line: str) -> tuple[str, str]:
    """The role of a line `Label: value` of an embedded header, and its value; or nothing."""
    at = line.find(":", 0, tables.LABEL_CHARACTERS + 6)
    wide = line.find("：", 0, tables.LABEL_CHARACTERS + 6)
    if wide >= 0 and (at < 0 or wide < at):
        at = wide
    if at <= 0:
        return "", ""
    label = line[:at].strip("*_ \t\u00a0|").lower()
    return tables.LABELS.get(label, ""), line[at + 1 :]


def _is_greeting(line: str) -> bool:
    words = line.rstrip(" ,.!:;，！").lower().split()
    if not words or len(words) > 5 or len(line) > 50:
        return False
    return words[0] in tables.GREETINGS or " ".join(words[:2]) in tables.GREETINGS
