"""What does a log line hold, and what never?"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from core.log import get_logger, start_logging

log = get_logger("intake")


@pytest.fixture(autouse=True)
def _usual_level() -> Iterator[None]:
    start_logging()  # a command that was tested before may leave errors only
    yield
    start_logging()


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = captured.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_one_event_is_one_json_object_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("mail stored", ticket="26-000123", size=4)

    (line,) = lines(capsys)
    assert {
        "level": "info",
        "room": "intake",
        "event": "mail stored",
        "ticket": "26-000123",
        "size": 4,
    }.items() <= line.items()
    assert line["at"].endswith("+00:00")


def test_no_sender_can_write_a_second_line_or_move_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log.warning("refused", helo='x\r\n{"event": "forged"}\x1b[2J\x9b\u202e')

    raw = capsys.readouterr().err
    assert raw.count("\n") == 1
    assert raw.rstrip("\n").isprintable()
    assert raw.isascii()


def test_a_person_at_a_terminal_reads_words_and_no_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    log.warning("refused", helo="a\x1b[2J\nb")

    raw = capsys.readouterr().err
    assert "intake" in raw
    assert r"helo=a\x1b[2J\nb" in raw
    assert raw.rstrip("\n").isprintable()


@pytest.mark.parametrize("key", ["password", "token", "secret", "body", "text", "subject", "raw", "pin"])
def test_secrets_and_what_people_wrote_stay_out(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.error("something", **{key: "canary"})

    assert "canary" not in capsys.readouterr().err


def test_addresses_and_passwords_are_masked_wherever_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    log.error(
        "no route to anna.rossi@acme.test",
        url="postgresql://desk:canary@db/x",
        why=ValueError("bob.b@acme.test"),
    )
    try:
        raise RuntimeError("carla.c@acme.test at /in/alerts/x?secret=canary")
    except RuntimeError:
        log.exception("broken")

    raw = capsys.readouterr().err
    assert "canary" not in raw
    assert not any(name in raw for name in ("anna.rossi", "bob.b", "carla.c"))
    assert "RuntimeError" in raw


def test_a_line_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("x" * 100_000, helo="y" * 100_000)

    assert len(capsys.readouterr().err) < 6000


def test_a_level_silences_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("warning")
    log.info("quiet")
    log.warning("loud")

    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_libraries_speak_in_our_form_and_only_when_something_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = logging.getLogger("some.library")
    library.info("chatter")
    library.warning("trouble with %s", "dora.d@acme.test")

    (line,) = lines(capsys)
    assert (line["room"], line["level"]) == ("some.library", "warning")
    assert "dora.d" not in line["event"]


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def isatty(self) -> bool:
            return False

        def write(self, _text: str) -> None:
            raise OSError("no space left on device")

    monkeypatch.setattr("sys.stderr", Broken())

    log.error("nobody hears this")
