"""How texts take less room: with words that are known beforehand, and read for ever with those they were packed with."""

from __future__ import annotations

import hashlib
import json

import pytest

from core.store import packing

ACKNOWLEDGED = (
    "Gentile Anna,\n\nabbiamo ricevuto la sua richiesta e l'abbiamo registrata con il numero 26-000041. "
    "Il nostro centro servizi la sta esaminando. Può rispondere a questo messaggio."
)
BY_THE_FIRST = bytes.fromhex("0120b0ed000080416e6e6132362d3030303034312e202e03100a2b11ea2f5c44ddbe40")


def test_what_was_packed_with_the_first_words_is_read() -> None:
    assert packing.unpacked(BY_THE_FIRST) == ACKNOWLEDGED
    assert packing.unpacked(packing.packed(ACKNOWLEDGED)) == ACKNOWLEDGED


@pytest.mark.parametrize(
    ("number", "digest"),
    [
        (1, "048c47310ad53a0034dcd79503fb88f3b1b88f6ac065f85ca158c8d885545591"),
        (2, "f15fd09c24b96c66869440056c6546f1042edbfd9143a458a95d54e9fb030baa"),
    ],
)
def test_words_that_were_packed_with_are_never_changed(number: int, digest: str) -> None:
    kept = hashlib.sha256((packing.WORDS / f"{number}.txt").read_bytes()).hexdigest()

    assert kept == digest


def test_a_report_finds_room_in_its_row() -> None:
    """More than a thousand bytes of a row of SQLite's would stand on a page of their own (table paper)."""
    moments = [["giovedì 26 novembre 2026, 06:48 (CET)", "richiesta esaminata", "e-mail"] for _ in range(6)]
    report = {
        "block": "moments",
        "heading": "Svolgimento",
        "rows": moments,
        "clocks": [{"elapsed_s": 7, "met": True, "name": "response", "paused_for": [], "target_s": 14400}],
        "equipment": {"make": "", "model": "", "serial": ""},
        "title": "Rapporto di intervento 26-000041",
    }

    assert len(packing.pack(json.dumps(report, separators=(",", ":")).encode())) < 200


@pytest.mark.parametrize("damaged", [b"", b"\3whatever", b"\1whatever", b"\2whatever"])
def test_what_nobody_packed_is_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="packed"):
        packing.unpack(damaged)
