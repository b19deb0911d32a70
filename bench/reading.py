"""How well and how fast is mail read? Sample mails of public test suites, beside the project, by the reader's own adapter."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.processes import ROOT
from bench.table import Figure

NONE = "mail that is read"
"""In place of a database: the reader asks none."""
SHARED = ROOT.parent / "shared"
SAMPLES = SHARED / "data" / "mail" / "manifest.json"
JUDGE = SHARED / "tools" / "mail_judge.py"

TARGETS = {
    "parses": 100.0,
    "from_email": 98.0,
    "text_contains": 90.0,
    "attachment_names": 90.0,
    "visible_text": 70.0,
    "no_wanted_text_lost": 99.0,
    "is_bounce": 99.0,
    "human_not_suppressed": 100.0,
    "bounce.status": 85.0,
    "is_feedback_report": 95.0,
}
"""Percent of the samples that say it."""
SLOWEST = 1_000.0  # milliseconds


def missing() -> str:
    """What is not there; empty: all is."""
    return next((f"../{one.relative_to(ROOT.parent)}" for one in (SAMPLES, JUDGE) if not one.exists()), "")


def measure() -> list[Figure]:
    """Every fact with a target, and how long one mail takes, on the clock: on a quiet machine the median should be below 2 ms."""
    found = _judged()
    facts = [
        Figure(what=what, database=NONE, measured=found[what], unit="%", at_least=least)
        for what, least in TARGETS.items()
    ]
    times = [
        Figure(what=what, database=NONE, measured=found[key], unit="ms", at_most=most)
        for what, key, most in (
            ("reading a mail, median", "median_ms", None),
            ("reading a mail, p99", "p99_ms", None),
            ("reading a mail, slowest", "slowest_ms", SLOWEST),
        )
    ]
    return [*facts, *times]


def _judged() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        adapter = f"'{sys.executable}' main.py facts mail"
        subprocess.run(
            [sys.executable, JUDGE, SAMPLES, "--adapter", adapter, "--out", report],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        result: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["result"]
        return result
