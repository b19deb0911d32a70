"""How does a report of a period come into a spreadsheet? One row for a figure, one for each ticket behind it: the same numbers as on paper.

UTF-8 with a byte order mark (RFC 4180 otherwise). A spreadsheet takes a cell that begins with = + - @, a tab or a return
for a formula: such a cell gets an apostrophe, which says that it is text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from core.desk.periodic_words import Say

HEAD = ("row", "section", "figure", "about", "value", "unit", "shown", "ticket")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LISTS = ("misses", "exclusions", "open", "planned")
BOM = "\ufeff"


def write(values: Mapping[str, Any], language: str, *, delimiter: str = ",") -> bytes:
    """All of it. `delimiter`: a comma, or a semicolon, which spreadsheets expect where a comma stands in numbers."""
    text = io.StringIO(newline="")
    out = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    out.writerows([safe(cell) for cell in row] for row in _rows(values, language))
    return (BOM + text.getvalue()).encode()


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> safe("=1+1"), safe("sw-1"), safe("-")
    ("'=1+1", 'sw-1', "'-")
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _rows(values: Mapping[str, Any], language: str) -> Iterator[tuple[str, ...]]:
    say = Say(language, values["time_zone"])
    yield HEAD
    for one in values["figures"]:
        what = (one["section"], one["name"], one["about"])
        value = "" if one["value"] is None else str(one["value"])
        yield ("figure", *what, value, one["unit"], say.number(one["value"], one["unit"]), "")
        for number in one["tickets"]:
            yield ("ticket", *what, "", "", "", number)
    for name in LISTS:
        for row in values[name]:
            for key, cell in row.items():
                if key != "number":
                    yield (name, name, key, "", str(cell), "", "", row["number"])
