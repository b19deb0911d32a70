"""Which report does somebody want at a terminal? Made and written to a file; nothing of it is kept."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from core import commands
from core.desk import periodic, periodic_table, periodic_values, periodic_words
from core.desk.errors import DeskError
from core.desk.periodic import Drawn
from core.papers import model, page, pdf
from core.store.database import Database

FORMATS = ("pdf", "html", "csv")


def write(db: Database, contract: str, period: str, *, kind: str, to: Path, draft: bool) -> None:
    """The report as PDF, page or table; `-` is standard output. Ends the program where there is none to be made."""
    if kind not in FORMATS:
        commands.fail(f"{kind!r} is not one of {', '.join(FORMATS)}")
    now = datetime.now(UTC)
    try:
        of = db.query(periodic_values.wanted, contract, period, draft=draft, now=now).result()
    except DeskError as error:
        commands.fail(str(error), code=commands.NO)
    made = db.query(periodic.made, of).result()
    content = _content(made, kind, hub=db.facts.name, now=now)
    if str(to) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        commands.fail(f"{to} cannot be written: {error.strerror}")


def _content(made: Drawn, kind: str, *, hub: str, now: datetime) -> bytes:
    language = made.wanted.language
    if kind == "csv":
        return periodic_table.write(made.values, language)
    title, blocks = made.words
    paper = model.Paper(
        title=title,
        subtitle=periodic_words.Say(language, made.wanted.time_zone)("periodic", "unkept"),
        language=language,
        hub=hub,
        name=f"{made.wanted.contract} {made.wanted.period.name}",
        at=now,
        hash="",
        blocks=blocks,
    )
    return pdf.draw(model.pack(paper), {}) if kind == "pdf" else page.write(paper, {}).encode()
