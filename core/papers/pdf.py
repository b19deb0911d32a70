"""How does a paper come on A4? Drawn from its blocks with a font of ours: nothing is laid out that strangers marked up, nothing fetched.

`draw` runs in a process with limits (core.isolation.Readers.draw). Each page has at its foot who hands the paper out, what it is called,
its page of how many, and the hash of what it was drawn from. The same paper gives the same bytes.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, cast

import font_source_sans_pro
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos
from fpdf.prefs import ViewerPreferences

from core.papers import model, page, wording

DRAW = "core.papers.pdf:draw"
"""How this is asked for in another process."""

_FONTS = Path(font_source_sans_pro.__file__).parent / "files"
_OURS = "Source Sans"
_FACES = {"": "SourceSansPro-Regular.ttf", "B": "SourceSansPro-Semibold.ttf"}
_THEIRS = "Fallback"
_FALLBACKS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/freefont/FreeSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/unifont/unifont.otf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
)
"""Fonts of the machine for scripts that ours lacks, as far as they are there."""
UNKNOWN = "[?]"
"""In place of letters that no font here has; a line at the end says so."""

_MARGIN, _FOOT = 18.0, 22.0  # mm
_NAMES, _WHEN = 46.0, 62.0  # mm: what a fact is called, when something happened
_LINE, _SMALL_LINE = 4.9, 3.6  # mm
_ROW, _ABOVE, _BESIDE = (
    4.4,
    0.9,
    0.2,
)  # mm: a line of a cell, the room above it, and beside that of fpdf itself
_TEXT, _SMALL, _HEADING, _TITLE = 10.0, 7.5, 12.5, 19.0  # points
_INK, _GREY, _ACCENT, _RULE = (33, 38, 45), (92, 100, 110), (0, 106, 120), (208, 213, 219)
_CELL = 320  # characters of one cell in a row: a row that is higher than a page cannot be drawn
_LONGEST = 100_000  # characters of one text; what is longer is cut, visibly
_HIGHEST = 110.0  # mm of a picture
_TOGETHER = 12  # bars that stand on one page with their heading
_MOST_PIXELS = 25_000_000
_LIGHT, _DOTS = (
    300_000,
    1600,
)  # bytes of a picture that is drawn as it is; else so many dots of its longer side


logging.getLogger("fpdf").setLevel(logging.ERROR)  # of drawings in which it does not know a part
logging.getLogger("fontTools").setLevel(logging.ERROR)


def draw(packed: bytes, pictures: Mapping[str, bytes]) -> bytes:
    """The paper as PDF. Raises ValueError for bytes that are no paper."""
    paper = model.cleaned(model.unpack(packed))
    return _Drawing(paper, pictures).bytes()


class _Sheet(FPDF):
    """Pages with a foot of our own."""

    def __init__(self, foot: Callable[[FPDF], None]) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self._foot = foot

    def footer(self) -> None:
        self._foot(self)


class _Drawing:
    """One paper on its way to paper."""

    def __init__(self, paper: model.Paper, pictures: Mapping[str, bytes]) -> None:
        self._paper = paper
        self._pictures = pictures
        self._words = wording.words(paper.language)
        self._missing = 0
        sheet = self._sheet = _Sheet(self._foot)
        for style, file in _FACES.items():
            sheet.add_font(_OURS, style, _FONTS / file)
        self._known = _letters(str(_FONTS / _FACES[""]))
        self._prepare_fallbacks()
        sheet.set_margins(_MARGIN, _MARGIN)
        sheet.set_auto_page_break(True, _FOOT)
        sheet.set_title(paper.title)
        sheet.set_author(paper.hub)
        sheet.set_creator("Centralino")
        sheet.set_subject(f"{paper.name}, SHA-256 {paper.hash}")
        sheet.set_lang(paper.language)
        sheet.set_creation_date(paper.at)
        sheet.viewer_preferences = ViewerPreferences(display_doc_title=True)

    def bytes(self) -> bytes:
        """All pages."""
        self._sheet.add_page()
        self._head()
        for block in self._paper.blocks:
            self._block(block)
        if self._missing:
            self._gap(4)
            self._write(self._words["missing"], size=_SMALL, line=_SMALL_LINE, color=_GREY)
        return bytes(self._sheet.output())

    # --- Fonts ---

    def _prepare_fallbacks(self) -> None:
        """Fonts of the machine are opened only for a paper that needs them: that takes a while."""
        needed = {ord(c) for text in _texts(model.stored(self._paper)) for c in text if not c.isspace()}
        needed -= self._known
        if not needed:
            return
        used = []
        for n, path in enumerate(path for path in _FALLBACKS if Path(path).is_file()):
            there = _letters(path)
            if needed & there:
                name = f"{_THEIRS} {n}"
                self._sheet.add_font(name, "", path)
                self._sheet.add_font(name, "B", path)
                self._known = self._known | there
                needed -= there
                used.append(name)
            if not needed:
                break
        self._sheet.set_fallback_fonts(used, exact_match=False)

    def _drawable(self, text: str) -> str:
        """The text in letters that there are, with words that are no words made to break."""
        if len(text) > _LONGEST:
            text = text[:_LONGEST] + " […]"
        out: list[str] = []
        for letter in text:
            if letter in "\n\t " or ord(letter) in self._known:
                out.append(" " if letter == "\t" else letter)
            elif letter.isspace():
                out.append(" ")
            else:
                self._missing += 1
                if not out or out[-1] != UNKNOWN:
                    out.append(UNKNOWN)
        return "".join(out)

    # --- Parts of a page ---

    def _foot(self, sheet: FPDF) -> None:
        paper = self._paper
        sheet.set_y(-_FOOT + 5)
        sheet.set_draw_color(*_RULE)
        sheet.line(_MARGIN, sheet.get_y(), sheet.w - _MARGIN, sheet.get_y())
        sheet.set_y(sheet.get_y() + 1.5)
        sheet.set_font(_OURS, "", _SMALL)
        sheet.set_text_color(*_GREY)
        half = sheet.epw / 2
        paged = self._words["page"].format(n=sheet.page_no(), all="{nb}")
        sheet.cell(half, _SMALL_LINE, self._drawable(_short(f"{paper.hub} · {paper.name}", 70)))
        sheet.cell(half, _SMALL_LINE, paged, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        sheet.cell(sheet.epw, _SMALL_LINE, f"SHA-256 {paper.hash}")

    def _head(self) -> None:
        self._write(self._paper.title, style="B", size=_TITLE, line=8.2)
        if self._paper.subtitle:
            self._write(self._paper.subtitle, color=_GREY)
        self._gap(2)
        sheet = self._sheet
        sheet.set_draw_color(*_ACCENT)
        sheet.set_line_width(0.5)
        sheet.line(_MARGIN, sheet.get_y(), sheet.w - _MARGIN, sheet.get_y())
        sheet.set_line_width(0.2)
        self._gap(3)

    def _block(self, block: model.Block) -> None:
        if block.heading:
            self._gap(3.5)
            bars = len(block.labels) * len(block.series) if isinstance(block, model.Chart) else 0
            self._keep(18 + min(bars, _TOGETHER) * (_LINE + 1))
            self._write(block.heading, style="B", size=_HEADING, line=6, color=_ACCENT)
            self._gap(0.8)
        match block:
            case model.Facts():
                for name, value in block.rows:
                    self._pair(name, value, _NAMES)
            case model.Words():
                self._write(block.text)
                self._gap(1)
            case model.Grid():
                self._grid(block)
            case model.Moments():
                for at, what, way in block.rows:
                    self._pair(at, f"{what} ({way})" if way else what, _WHEN)
            case model.Picture():
                self._picture(block.name, block.says, width=float(block.width))
                self._write(block.says, size=_SMALL, line=_SMALL_LINE, color=_GREY)
            case model.Signatures():
                for one in block.signed:
                    self._signed(one)
            case model.Chart():
                self._chart(block)

    def _write(
        self,
        text: str,
        *,
        style: str = "",
        size: float = _TEXT,
        line: float = _LINE,
        color: Sequence[int] = _INK,
        width: float = 0,
    ) -> None:
        sheet = self._sheet
        sheet.set_font(_OURS, style, size)
        sheet.set_text_color(*color)
        given = self._drawable(text)
        if given.strip():
            sheet.multi_cell(width, line, given, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _pair(self, name: str, value: str, names: float) -> None:
        """A name on the left, and beside it what it is, over as many lines and pages as that needs."""
        sheet = self._sheet
        self._keep(2 * _LINE)
        before, number = sheet.get_y(), sheet.page_no()
        self._write(name, color=_GREY, width=names - 3)
        below, there = sheet.get_y(), sheet.page_no()
        if there != number:  # a name over the edge of a page: what it is begins where the name ends
            before = sheet.t_margin
        sheet.set_y(before)
        sheet.set_left_margin(_MARGIN + names)
        sheet.set_x(_MARGIN + names)
        self._write(value or "–")
        sheet.set_left_margin(_MARGIN)
        if sheet.page_no() == there:
            sheet.set_y(max(below, sheet.get_y()))
        sheet.set_x(_MARGIN)
        self._gap(0.6)

    def _grid(self, block: model.Grid) -> None:
        """Rows with a rule between them, none over the edge of a page; the head stands again on each."""
        sheet = self._sheet
        parts = block.widths or (1,) * len(block.head)
        widths = [sheet.epw * part / sum(parts) for part in parts]
        sheet.set_draw_color(*_RULE)
        sheet.set_font(_OURS, "B", _TEXT - 1)
        head = self._lines([_short(cell, _CELL) for cell in block.head], widths)
        fresh = True
        for cells in (part for told in block.rows for part in _rows(told)):
            sheet.set_font(_OURS, "", _TEXT - 1)
            row = self._lines(cells, widths)
            over = sheet.get_y() + _high(row) + (_high(head) if fresh else 0) > sheet.h - _FOOT
            if over:
                sheet.add_page()
            if over or fresh:
                self._row(head, block, widths, style="B", color=_GREY)
                fresh = False
            sheet.line(_MARGIN, sheet.get_y(), _MARGIN + sheet.epw, sheet.get_y())
            self._row(row, block, widths)
        if fresh:
            self._row(head, block, widths, style="B", color=_GREY)
        self._gap(1)

    def _lines(self, cells: Sequence[str], widths: Sequence[float]) -> list[list[str]]:
        """Of each cell, in the font that is set. Most fit into one: to ask fpdf where to break takes ten times as long."""
        sheet = self._sheet
        found = []
        for cell, width in zip(cells, widths, strict=True):
            text, box = self._drawable(cell), width - 2 * _BESIDE
            if "\n" not in text and sheet.get_string_width(text) <= box - 2 * sheet.c_margin:
                found.append([text])
            else:
                broken = sheet.multi_cell(
                    box, _ROW, text, align="L", dry_run=True, output=MethodReturnValue.LINES
                )
                found.append(cast(list[str], broken))
        return found

    def _row(
        self,
        row: Sequence[Sequence[str]],
        block: model.Grid,
        widths: Sequence[float],
        *,
        style: Literal["", "B"] = "",
        color: Sequence[int] = _INK,
    ) -> None:
        sheet = self._sheet
        sheet.set_font(_OURS, style, _TEXT - 1)
        sheet.set_text_color(*color)
        x, y = _MARGIN, sheet.get_y()
        for n, (lines, width) in enumerate(zip(row, widths, strict=True)):
            for k, line in enumerate(lines):
                if line:
                    sheet.set_xy(x + _BESIDE, y + _ABOVE + k * _ROW)
                    sheet.cell(width - 2 * _BESIDE, _ROW, line, align="R" if n in block.right else "L")
            x += width
        sheet.set_xy(_MARGIN, y + _high(row))

    def _picture(self, name: str, says: str, *, width: float) -> bool:
        """Say whether it could be drawn: bytes that are no picture, or too large a one, leave their words alone."""
        content = self._pictures.get(name, b"")
        size = _size_of(content)
        if size is None:
            return False
        wide, high = size
        width = min(width, self._sheet.epw, _HIGHEST * wide / high)
        self._keep(width * high / wide + 6)
        self._sheet.image(io.BytesIO(_lighter(content)), w=width, alt_text=says)
        return True

    def _signed(self, one: model.Signature) -> None:
        self._keep(34)
        if one.picture:
            self._picture(one.picture, one.who, width=60)
        sheet = self._sheet
        sheet.set_draw_color(*_GREY)
        sheet.line(_MARGIN, sheet.get_y() + 0.5, _MARGIN + 70, sheet.get_y() + 0.5)
        self._gap(1)
        self._write(one.who, style="B")
        said = " · ".join(part for part in (one.role, one.at, one.words) if part)
        self._write(said, size=_SMALL + 1, line=4.2, color=_GREY)
        self._gap(2)

    def _chart(self, block: model.Chart) -> None:
        """A bar for each number, in the order of the labels; its words stand beside it, so that no colour is needed."""
        sheet = self._sheet
        most = max((number for _, numbers in block.series for number in numbers), default=0) or 1
        widest = sheet.epw - _NAMES - 40
        for n, label in enumerate(block.labels):
            self._keep(len(block.series) * _LINE + 1)
            for k, (name, numbers) in enumerate(block.series):
                y = sheet.get_y()
                sheet.set_font(_OURS, "", _TEXT - 1)
                sheet.set_text_color(*(_GREY if k == 0 else _INK))
                sheet.cell(_NAMES, _LINE, self._drawable(_short(label, 30)) if k == 0 else "")
                width = widest * max(numbers[n], 0) / most
                sheet.set_fill_color(*(_ACCENT if k == 0 else _RULE))
                sheet.rect(_MARGIN + _NAMES, y + 0.8, max(width, 0.3), _LINE - 1.6, style="F")
                sheet.set_x(_MARGIN + _NAMES + width + 1.5)
                sheet.set_text_color(*_INK)
                told = " ".join(part for part in (block.shown[k][n], name) if part)
                sheet.cell(0, _LINE, self._drawable(_short(told, 60)), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        sheet.set_fill_color(0)  # with any other, the next table would be filled
        self._gap(1)

    def _gap(self, mm: float) -> None:
        sheet = self._sheet
        if sheet.get_y() + mm < sheet.h - _FOOT:
            sheet.set_y(sheet.get_y() + mm)

    def _keep(self, mm: float) -> None:
        """What needs this much stands on one page."""
        sheet = self._sheet
        if sheet.get_y() + mm > sheet.h - _FOOT:
            sheet.add_page()


@cache
def _letters(path: str) -> frozenset[int]:
    """Code points that a font has."""
    with TTFont(path, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name != "svg":
                yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _high(row: Sequence[Sequence[str]]) -> float:
    """Millimetres of a row of a table."""
    return max((len(lines) for lines in row), default=1) * _ROW + 2 * _ABOVE


def _rows(told: Sequence[str]) -> Iterator[list[str]]:
    """One row as so many that each is lower than a page.

    >>> [[len(cell) for cell in row] for row in _rows(["a", "b" * 330])]
    [[1, 320], [0, 10]]
    """
    cells = [[" ".join(cell.split())[n : n + _CELL] for n in range(0, len(cell), _CELL)] for cell in told]
    for n in range(max((len(one) for one in cells), default=0) or 1):
        yield [one[n] if n < len(one) else "" for one in cells]


def _lighter(content: bytes) -> bytes:
    """A photo as large as paper shows it: what a telephone takes has ten times the dots."""
    if len(content) <= _LIGHT:
        return content
    from PIL import Image, ImageOps  # noqa: PLC0415 - as below

    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
        upright.thumbnail((_DOTS, _DOTS))
        kept = io.BytesIO()
        upright.save(kept, "JPEG", quality=80)
        return kept.getvalue()


def _size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height of a picture that is drawn; None for what is none."""
    if page.kind_of(content) is None:
        return None
    from PIL import Image  # noqa: PLC0415 - only where there is a picture

    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as opened:
            wide, high = opened.size
            if wide * high > _MOST_PIXELS or not wide or not high:
                return None
            opened.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return wide, high
