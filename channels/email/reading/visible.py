"""Which of a reply's lines did its writer write now? Spans over the text; each line is looked at a few times at most.

Nothing is deleted: what is not visible is folded and opens with one click. In doubt it is visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from channels.email.reading import attributions, embedded, endings, formulas, inline_answers
from channels.email.reading import quote_tables as tables
from core.envelope import Span, SpanKind

CHARACTERS = 512 * 1024
LINES = 20_000
ATTRIBUTIONS = 400
"""Lines of one text that are tried as an attribution; a text with more of them is a log."""
TYPED = 25
"""Lines below an attribution in which somebody may have answered above what they quote."""
GAP = 4
"""Empty lines that may stand between an attribution and what it is about."""

_V, _Q, _S, _D, _F = (
    SpanKind.VISIBLE,
    SpanKind.QUOTED,
    SpanKind.SIGNATURE,
    SpanKind.DISCLAIMER,
    SpanKind.FORWARDED,
)


def spans(
    text: str,
    *,
    forward: bool = False,
    first: bool = False,
    author: str = "",
    cuts: Iterable[int] = (),
    signatures: Iterable[tuple[int, int]] = (),
) -> tuple[Span, ...]:
    """What each stretch of `text` is; together they cover it. Empty for an empty text.

    `forward`: the subject says so, an embedded message is then shown. `first`: the mail answers nothing, so there is
    no history in it, whatever it looks like. `author`: the writer's name and address, as far as known. `cuts`:
    offsets at which the sender's program marked the beginning of the history. `signatures`: stretches that it marked
    as the signature.

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
    reading = _Lines(text, lines, forward=forward, author=author, cuts=cuts, signatures=signatures)
    return _as_spans(lines, reading.of_first() if first else reading.of_answer())


def shown(text: str, found: tuple[Span, ...]) -> str:
    """The visible part of a text, forwards included, as one string."""
    if not found:
        return text
    return "".join(text[s.start : s.end] for s in found if s.kind is _V or s.kind is _F)


def name_words(text: str) -> set[str]:
    """The words of a name and of the first part of its address."""
    return set(_WORD.findall(text[:200].partition("@")[0].lower())) - tables.GREETINGS


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
        author: str,
        cuts: Iterable[int],
        signatures: Iterable[tuple[int, int]],
    ) -> None:
        self.lines = lines
        self.bare = [line.strip() for line in lines]
        if not text.isascii() and _MARKS.search(text) is not None:
            self.bare = [_MARKS.sub("", line).strip() for line in self.bare]
        self.quoted = _F if forward else _Q
        """A forward is shown as a whole."""
        self.writer = name_words(author)
        self.what: list[SpanKind | None] = [None] * len(lines)
        self.marked = [False] * len(lines)
        """Lines with quote marks."""
        self.tried = 0
        self.cut_lines: set[int] = set()
        cuts = sorted(cuts)
        stretches = sorted(signatures)
        if cuts or stretches:
            self.mark(lines, cuts, stretches)

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
        first = min(self.cut_lines, default=0)
        if len(self.cut_lines) > 1 and not any(self.bare[:first]):
            # With nothing above, it is where the program put its mark and not where the history begins.
            self.cut_lines.discard(first)

    def of_first(self) -> list[SpanKind]:
        """A mail that answers nothing: only a forward in it, and how it ends, are told from its text."""
        if self.quoted is _F:
            self.cut_lines.clear()
            self.quotes()
        else:
            self.forwards()
        self.endings()
        return self.settled()

    def of_answer(self) -> list[SpanKind]:
        self.quotes()
        begin = next((n for n, kind in enumerate(self.what) if kind is _Q), None)
        if begin is not None:
            own = [line for line, kind in zip(self.bare[:begin], self.what, strict=False) if kind is None]
            if inline_answers.announced(own):
                return [_V if kind is not _F else _F for kind in self.what]
            self.writer |= self.greeted(begin)
        self.endings()
        self.answered()
        return self.settled()

    def forwards(self) -> None:
        """Forwards alone: where a program says that it writes one."""
        for at, line in enumerate(self.bare):
            if not line or (line[0] not in "-_=*—–>" and line[-1] not in ":："):
                continue
            if line[0] == ">":
                if self.what[at] is None and self.is_forward(line):
                    self.quote(at)
            elif self.is_forward(line):
                self.rest(at, _F)
                return

    def is_forward(self, line: str) -> bool:
        return embedded.announces_forward(line) or embedded.delimiter(line) == embedded.FORWARDED

    def quotes(self) -> None:
        """Quoted lines, attributions, embedded headers, forwards; from the top."""
        bare, count = self.bare, len(self.lines)
        at = 0
        while at < count:
            line = bare[at]
            if not line:
                at += 1
                continue
            if at in self.cut_lines:
                self.rest(at, self.quoted)
                return
            first = line[0]
            if ("---" in line or first == ">") and embedded.names_day(bare, at):
                self.rest(at, self.quoted)
                return
            if first == ">" and not line.endswith("<<"):
                at = self.quote(at)
                continue
            if first in "-_=*—–":
                kind = embedded.delimiter(line)
                if kind and (kind == embedded.FORWARDED or embedded.is_ruled(line) or self.introduces(at)):
                    self.rest(at, _F if kind == embedded.FORWARDED else self.quoted)
                    return
            # An attribution has a figure or an address in its first line or is wrapped early; prose is done here.
            if _SIGN.search(line) is not None or attributions.wraps(
                line, bare[at + 1] if at + 1 < count else ""
            ):
                behind = self.attributed(at)
                if behind == count:
                    return
                if behind:
                    at = behind
                    continue
            if ":" in line or "：" in line:
                behind = embedded.header(bare, at)
                if behind and any(bare[:at]):
                    self.rest(at, self.quoted)
                    return
                if behind:
                    self.about(at, behind)
                    at = behind
                    continue
                if embedded.announces_forward(line):
                    self.rest(at, _F)
                    return
            if len(line) < 200 and (
                embedded.processed(line) or (tables.ABOVE.search(line) and tables.REPLY_ABOVE.search(line))
            ):
                self.rest(at, self.quoted)
                return
            at += 1

    def introduces(self, at: int) -> bool:
        """Does a mail begin below this line: with its header, with who wrote it, or with a quote?"""
        below = self.next_text(at + 1)
        return below is not None and (
            self.bare[below].startswith(">")
            or embedded.header(self.bare, below) > 0
            or attributions.at(self.bare, below) is not None
        )

    def quote(self, at: int) -> int:
        """The quoted line `at`, and what belongs to it; answers with the line behind."""
        lines, bare, what = self.lines, self.bare, self.what
        if self.is_forward(bare[at]):
            while at < len(bare) and (bare[at].startswith(">") or not bare[at]):
                what[at] = _F
                at += 1
            return at
        what[at] = self.quoted
        self.marked[at] = True
        if at and what[at - 1] is None and _MESSAGE_OF.fullmatch(bare[at - 1]) is not None:
            what[at - 1] = self.quoted
        # A long line that a gateway broke goes on in the next one without a mark.
        if at + 2 < len(lines) and len(lines[at]) >= 68 and bare[at][-1] not in ".?!:":
            follower = bare[at + 1]
            if follower and follower[0].islower() and bare[at + 2].startswith(">") and len(follower) < 60:
                what[at + 1] = self.quoted
                self.marked[at + 1] = True
                return at + 2
        return at + 1

    def attributed(self, at: int) -> int:
        """The line behind an attribution that begins here, or behind all when history follows; 0 for none."""
        below = self.bare[at + 1] if at + 1 < len(self.bare) else ""
        if not attributions.may_begin(self.bare[at], below) or self.tried >= ATTRIBUTIONS:
            return 0
        self.tried += 1
        found = attributions.at(self.bare, at)
        if found is None:
            if not self.runs_on(at):
                return 0
            self.rest(at, self.quoted)
            return len(self.lines)
        behind = at + found.lines
        following = self.next_text(behind)
        if following is not None and self.bare[following].startswith(">"):
            self.what[at:behind] = [self.quoted] * found.lines
            return behind
        if not found.alone and not self.below_device(at):
            return 0
        if at and following == behind and self.bare[at - 1][-1:] in ("：", ":"):
            return 0  # "he told me:" and, with no line free anywhere, what he wrote
        if following is not None and self.typed_below(following):
            self.what[at:behind] = [self.quoted] * found.lines
            return behind
        self.rest(at, self.quoted)
        return len(self.lines)

    def typed_below(self, at: int) -> bool:
        """Was this line written into an answer, above the quotation that the attribution is about?

        Then quoted lines follow it that nothing else introduces; history inside history is introduced.
        """
        last = at
        for number in range(at, min(at + TYPED, len(self.bare))):
            line = self.bare[number]
            if line.startswith(">"):
                inner = line.lstrip("> ")
                introduced = attributions.is_one(self.bare[last]) or attributions.is_one(inner)
                wrapped = last > at and attributions.is_one(f"{self.bare[last - 1]} {self.bare[last]}")
                return not (introduced or wrapped or embedded.label(inner)[0])
            if line:
                if embedded.delimiter(line) or embedded.header(self.bare, number):
                    return False
                last = number
        return False

    def runs_on(self, at: int) -> bool:
        """Telephones that write a device line, an attribution and the history without an end of a line between them."""
        line = self.bare[at]
        device, stop, rest = line.partition(".")
        if stop and formulas.is_device_line(device) and attributions.is_one(rest.strip()):
            return True
        words = _RUN_ON.search(line[: attributions.CHARACTERS])
        return (
            words is not None
            and self.below_device(at)
            and attributions.is_one(line[: words.start() + 1].strip())
        )

    def below_device(self, at: int) -> bool:
        """Is the text above a line such as `Sent from my phone`? Nobody writes below it."""
        above = at - 1
        while above >= max(at - GAP, 0) and not self.bare[above]:
            above -= 1
        return above >= 0 and formulas.is_device_line(self.bare[above])

    def about(self, at: int, behind: int) -> None:
        """A header with nothing above it is about this very text, and names its writer."""
        for line in self.bare[at:behind]:
            role, value = embedded.label(line)
            if role == "from":
                self.writer |= name_words(value)

    def rest(self, at: int, kind: SpanKind) -> None:
        """Everything from here to the end; a rule of dashes just above goes with it."""
        above = at - 1
        while above >= 0 and not self.bare[above]:
            above -= 1
        if above >= 0 and endings.RULE.fullmatch(self.bare[above]):
            at = above
        for number in range(at, len(self.lines)):
            self.what[number] = kind

    def next_text(self, at: int) -> int | None:
        for number in range(at, min(at + GAP + 1, len(self.bare))):
            if self.bare[number]:
                return number
        return None

    def greeted(self, begin: int) -> set[str]:
        """Whom a quoted mail greets: that is who writes now."""
        words: set[str] = set()
        for line in self.bare[begin : begin + embedded.HEADER_LINES]:
            plain = line.lstrip("> ")
            if line.startswith(">") and len(plain) <= 50 and plain.endswith((",", "!", ":")):
                greeting, _, names = plain.lower().rstrip(",!: ").partition(" ")
                if greeting in tables.GREETINGS and names.count(" ") <= 2:
                    words |= name_words(names)
        return words

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
                for begins, kind in endings.find(self.lines, self.bare, start, stop, self.writer):
                    self.what[begins:stop] = [kind] * (stop - begins)
            stop = start

    def answered(self) -> None:
        """Quoted passages between the writer's answers are shown with them; the lines above that say who wrote are not."""
        if not any(self.marked):
            return
        own = [
            kind is None and bool(line) and not (formulas.closes(line) or formulas.is_device_line(line))
            for line, kind in zip(self.bare, self.what, strict=True)
        ]
        for begin, behind in inline_answers.passages(self.marked, own, self.bare):
            for number in range(begin, behind):
                if self.what[number] is _Q:
                    self.what[number] = _V

    def settled(self) -> list[SpanKind]:
        """The kinds of all lines. Where nothing, or only a greeting, would be seen, more is shown.

        `Hi Ann,` promises more: then all is shown. `Hello` may be all there is: then only the history stays folded.
        """
        what = self.what
        remains = [
            self.bare[n] for n, kind in enumerate(what) if (kind is None or kind is _V) and self.bare[n]
        ]
        if not any(kind is _F for kind in what):
            greeting = len(remains) == 1 and formulas.greets(remains[0])
            ending = any(self.bare[n] for n, kind in enumerate(what) if kind is _S or kind is _D)
            if (not remains and not ending) or (greeting and remains[0].endswith((",", ":", "，"))):
                return [_V] * len(what)
            if not remains or greeting:
                return [kind if kind is _Q else _V for kind in what]
        return [_V if kind is None else kind for kind in what]


_MARKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_SIGN = re.compile(r"[\d@<]| via |^(?:[Qq]uoting|[Zz]itat|[Cc]ita|Цит)")
_MESSAGE_OF = re.compile(r"message du \d{1,2}/\d{1,2}/\d{2,4}(?: [\d:]{4,8})?\s?:?", re.IGNORECASE)
"""What French providers write above a quotation."""
_RUN_ON = re.compile(r"[:：]\s{2,}(?=\S)")
_WORD = re.compile(r"[^\W\d_]{2,40}")
