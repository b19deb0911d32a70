"""What does a paper cost? A full closing report: its page and text, its PDF, and how soon a hub has its first one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.table import Figure
from core.desk import report_words
from core.isolation import Readers
from core.papers import model, page, pdf, plain_text

ROUNDS = 15
NONE = "none"
"""In place of a database: papers ask none."""

_WHEN = "2026-10-19T08:00:00+00:00"
VALUES: dict[str, Any] = {
    "number": "26-000123",
    "final": True,
    "time_zone": "Europe/Rome",
    "customer": "Acme S.p.A.",
    "site": "Verona",
    "site_address": "Via Roma 1, 37121 Verona",
    "requester": "Alice Bianchi",
    "contract": "C-2026-001",
    "line": "Rete 24x7",
    "asset": "sw-1",
    "equipment": {"make": "Cisco", "model": "C9300", "serial": "FOC-123"},
    "subject": "Rete ferma in magazzino",
    "request_type": "Incident",
    "technology": "Network",
    "priority": "P2",
    "timeline": [
        {"at": _WHEN, "key": key, "who": "Anna Verdi", "channel": "email" if key == "received" else ""}
        for key in (
            "received", "qualified", "taken", "waiting", "resumed", "workaround", "arrived", "left", "resolved", "closed",
        )
    ],
    "activities": [
        {"who": "Anna Verdi", "role": "technician", "kind": kind, "ended": _WHEN, "seconds": 1800}
        for kind in ("remote", "travel", "onsite", "remote")
    ],
    "work_s": 7200,
    "parts": [{"name": "Cavo S/FTP", "serial": "CV-9", "removed": "CV-1"}] * 3,
    "cause": "network",
    "solution": "Il cavo verso l'armadio era interrotto: è stato sostituito e provato per un'ora. " * 6,
    "workaround": "Collegamento di riserva in 4G.",
    "workaround_review": _WHEN,
    "vendors": [{"vendor": "Cisco", "reference": "SR-77"}],
    "clocks": [
        {
            "name": name,
            "elapsed_s": 5400,
            "target_s": 14_400,
            "paused_s": 1800,
            "paused_for": ["customer"],
            "met": True,
        }
        for name in ("response", "restore", "resolve", "onsite")
    ],
    "tests": "Ping senza perdite per un'ora.",
    "limits": "Il cavo di riserva non è stato provato.",
    "next_steps": "Sostituzione dell'armadio a marzo.",
    "comments": ["Tutto bene."],
    "signatures": [
        {"name": "Alice Bianchi", "role": "customer", "picture": "", "unable": "", "at": _WHEN},
    ],
    "costs": {"covered": True, "used": {"minutes": 120}},
}  # fmt: skip


def measure() -> list[Figure]:
    """On one core, warm, but for the first of a hub."""
    paper = _paper()
    packed = model.pack(paper)
    pages = len(pdf.draw(packed, {}))
    return [
        Figure(
            what="PDF of a closing report",
            database=NONE,
            measured=1000 * _core(lambda: pdf.draw(packed, {})),
            unit="core ms",
            at_most=300.0,
            note=f"two pages, {pages:,} bytes",
        ),
        Figure(
            what="page and text of the same",
            database=NONE,
            measured=1000 * _core(lambda: (page.write(_paper(), {}), plain_text.write(_paper()))),
            unit="core ms",
            at_most=10.0,
            note="written where the request is solved",
        ),
        Figure(
            what="the first PDF of a hub, its process included",
            database=NONE,
            measured=asyncio.run(_first(packed)),
            unit="s",
        ),
    ]


def _paper() -> model.Paper:
    title, blocks = report_words.closure(VALUES, "it")
    return model.Paper(
        title=title,
        subtitle=report_words.subtitle(VALUES, 2, "final", "it"),
        language="it",
        hub="Rossi Sistemi",
        name="26-000123/2",
        at=datetime(2026, 10, 19, 8, tzinfo=UTC),
        hash="0" * 64,
        blocks=blocks,
    )


async def _first(packed: bytes) -> float:
    readers = Readers()
    try:
        began = time.perf_counter()
        await readers.draw(pdf.DRAW, packed, {})
        return time.perf_counter() - began
    finally:
        await readers.close()


def _core(act: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        spent.append(time.process_time() - began)
    return median(spent)
