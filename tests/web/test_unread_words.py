"""Why a message of a device was not understood is told in the language of whoever reads, whatever the reason is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.monitoring.fields import wrong
from web.unread_words import sentence, unread
from web.words import catalogue

SAID_OTHERWISE = {"one_alert", "other_shape", "no_signature", "line_cut", "clock_off", "asks_for"}
"""These stand in the code as part of something else, or are notes on what was understood."""


def sentences() -> Iterator[str]:
    """Every reason that stands in the code, with an X for each value."""
    for path in (*sorted(Path("channels/monitoring").rglob("*.py")), Path("core/isolation.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("NotUnderstood", "ReaderDied"):
                told = node.args[0]
                if isinstance(told, ast.Constant):
                    yield str(told.value)
                elif isinstance(told, ast.JoinedStr):
                    yield "".join(one.value if isinstance(one, ast.Constant) else "X" for one in told.values)


REASONS = sorted(set(sentences()))


def test_there_are_reasons():
    assert len(REASONS) > 50


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_italian_words(reason):
    said = unread(reason, "it")
    assert said != reason
    assert said.count("X") == reason.count("X")
    assert unread(f"unreadable: {reason}", "it") == said
    assert unread(reason, "en") == reason


def test_no_words_are_kept_for_reasons_that_nobody_gives():
    ours = {name for name in catalogue("en") if name.startswith("unread.")}
    used = {sentence(reason)[0] for reason in REASONS}
    assert ours - used == {f"unread.{name}" for name in SAID_OTHERWISE}


def test_what_a_device_wrote_stays_as_it_wrote_it():
    told = unread("status: '{0} <b>' is no state of a sensor that is known", "it")
    assert told == "status: '{0} <b>' non è uno stato di sensore conosciuto"
    assert unread("the reader failed: KeyError: 'x'", "it") == "the reader failed: KeyError: 'x'"


def test_what_is_wrong_with_one_of_several_alarms_is_told_too():
    assert unread("alert 1 of 2 cannot be read: alertId is missing", "it") == (
        "l'allarme 1 di 2 non si può leggere: manca alertId"
    )
    assert unread(f"unreadable: {wrong(TypeError('no list'))}", "it") == (
        "un valore ha un'altra forma da quella che gli dà lo strumento (TypeError: no list)"
    )


def test_what_is_noted_on_an_alarm_is_told_in_italian():
    assert (
        unread("the line was longer than 8192 bytes, and is cut", "it")
        == "la riga aveva più di 8192 byte, ed è tagliata"
    )
    assert unread("asks for 5 seconds: 30 are taken", "it") == "chiede 5 secondi: ne valgono 30"
    assert "orologio" in unread("the clock of the device is not synchronised", "it")
