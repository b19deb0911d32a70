"""Alarms are kept for good, and few of them fire: no question about what fires may read all there ever were."""

from __future__ import annotations

import re
import sqlite3
from itertools import chain

import pytest

from core.desk import (
    alert_acts,
    alert_incidents,
    alert_looking,
    alert_placing,
    alert_rows,
    alert_silence,
    alert_source_views,
    alerts,
    hub_watch,
    maintenance,
)
from core.store.statements import Prepared

ASKING = (
    alert_acts,
    alert_incidents,
    alert_looking,
    alert_placing,
    alert_rows,
    alert_silence,
    alert_source_views,
    alerts,
    hub_watch,
    maintenance,
)
QUESTIONS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": found
    for module in ASKING
    for name, found in vars(module).items()
    if isinstance(found, Prepared)
}
OF_ONE_SOURCE = re.compile(r"alert USING INDEX alert_key \(source=\?\)")
FEW = ("hub_watch._FIRING",)
"""What the hub says of itself is a handful of alarms."""


def plan(path: str, question: Prepared) -> list[str]:
    text = question.form(on_sqlite=True).text
    with sqlite3.connect(path) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {text}", [None] * text.count("?")).fetchall()
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_reads_all_alarms_or_all_deliveries(name, sqlite_template):
    steps = plan(str(sqlite_template), QUESTIONS[name])
    whole = [
        step
        for step in steps
        if re.match(r"SCAN (alert|delivery)\b(?! USING (COVERING )?INDEX (alert_open|delivery_id))", step)
        or (OF_ONE_SOURCE.search(step) and name not in FEW)
    ]
    assert not whole


def test_the_questions_are_there():
    asked = set(chain(QUESTIONS))
    assert {
        "maintenance._WAITING",
        "alert_incidents._COMPANIONS",
        "alert_silence._TICKETS",
        "alert_source_views._FIRING",
        "alert_acts._ALIKE",
        "hub_watch._STAYS",
    } <= asked
