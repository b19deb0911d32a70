"""Readers for tests, as a channel would name them: run in the reading process, each with a habit of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from core.envelope import Address, Inbound


def read(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """One line `sender|subject|text`. The subject may ask for trouble: it is the first word that counts."""
    sender, _, rest = raw.decode().partition("|")
    subject, _, text = rest.partition("|")
    match subject.split()[:1]:
        case ["unreadable"]:
            raise ValueError(f"{text} cannot be read")
        case ["bug"]:
            raise KeyError(text)
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["slow"]:
            while True:
                pass
        case ["thorough"]:
            end = time.process_time() + 0.2
            while time.process_time() < end:
                pass
        case ["deaf"]:  # swallows what should stop it
            while True:
                with contextlib.suppress(BaseException):
                    while True:
                        pass
        case ["asleep"]:
            time.sleep(3600)
        case ["greedy"]:
            bytearray(2**31)
        case ["chatty"]:
            print("x" * 10_000)
    return Inbound(
        channel=str(arrival["channel"]),
        author=Address(sender) if sender else None,
        subject=subject,
        text=text,
        sent_at=arrival.get("received_at"),
        message_id=f"{len(raw)}@fake",
        notes=tuple(f"{key}={value}" for key, value in options.items()),
    )


def read_at_last(raw: bytes, arrival: Mapping[str, Any], options: Mapping[str, Any]) -> Inbound:
    """The same after somebody mended it: no subject is trouble any more."""
    sender = raw.decode().partition("|")[0]
    return Inbound(channel="email", author=Address(sender), subject="At last", text="It is read.")


def die(_paper: bytes, _pictures: Mapping[str, bytes]) -> bytes:
    """A writer whose process ends under it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def draw_nothing(_paper: bytes, _pictures: Mapping[str, bytes]) -> bytes:
    """A writer that cannot."""
    message = "it cannot be drawn"
    raise ValueError(message)
