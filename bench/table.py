"""What came out, and is it good enough? Figures beside their references and the lines they have to meet."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.processes import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. With a reference the line is about the ratio, else about the figure itself."""

    what: str
    database: str
    measured: float
    unit: str
    reference: float | None = None
    referred: str = ""
    """What the reference is."""
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure in units of its reference."""
        return (
            self.measured / self.reference if self.reference else None
        )  # too little to be counted is no measure

    @property
    def met(self) -> bool | None:
        """None: there is no line, the figure is for information."""
        judged = self.measured if self.ratio is None else self.ratio
        if self.at_least is not None:
            return judged >= self.at_least
        return None if self.at_most is None else judged <= self.at_most

    @property
    def line(self) -> str:
        """In words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"


HEADS = ("", "measured", "reference", "ratio", "line", "")


def text(figures: list[Figure], facts: dict[str, Any]) -> str:
    """The table for people."""
    lines = [", ".join(f"{name} {value}" for name, value in facts.items() if name != "databases")]
    for database in dict.fromkeys(figure.database for figure in figures):
        said = facts.get("databases", {}).get(database, {})
        rows = [HEADS, *(_row(figure) for figure in figures if figure.database == database)]
        widths = [max(len(row[n]) for row in rows) for n in range(len(HEADS))]
        lines += ["", ", ".join(said.values()) or database]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            lines.append("  ".join(cells).rstrip())
        lines += [
            f"  {figure.what}: {figure.note}"
            for figure in figures
            if figure.note and figure.database == database
        ]
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    reference = "" if figure.reference is None else f"{_number(figure.reference)} {figure.unit}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    met = {True: "met", False: "NOT MET", None: ""}[figure.met]
    return figure.what, f"{_number(figure.measured)} {figure.unit}", reference, ratio, figure.line, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def keep(folder: Path, figures: list[Figure], facts: dict[str, Any], *, now: datetime) -> Path:
    """Write everything as JSON; return where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    rows = [
        asdict(figure) | {"ratio": figure.ratio, "line": figure.line, "met": figure.met} for figure in figures
    ]
    path.write_text(json.dumps({"facts": facts, "figures": rows}, indent=1), encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """Where it was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 1),
        "Python": platform.python_version(),
        "commit": commit.stdout.strip() or "unknown",
    }
