"""What happened, one line each, on standard error: JSON for machines, words when a terminal looks on.

`log = get_logger("intake")`, then `log.info("mail stored", inbound=id)`. Events, not prose; the ticket's number as
`ticket`. Never a body, a token or a full address: what looks like one is masked here all the same.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

LEVELS = ("debug", "info", "warning", "error")
LONGEST = 2000  # characters of one value
LONGEST_TRACE = 20_000
MOST = 20  # values of a list

_NEVER = frozenset(
    "authorization body cookie html otp password pin raw secret set_cookie subject text token".split()
)
_ADDRESS = re.compile(r"([A-Za-z0-9_])[A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]*@([A-Za-z0-9.-]+)")
_CREDENTIALS = re.compile(r"(://[^:/@\s]*):[^@\s]*@")
_BEARER = re.compile(r"(?i)(bearer\s+|/upload/|[?&](?:secret|token|code)=)[^\s&\"']+")
_write_lock = threading.Lock()

Event = MutableMapping[str, Any]


def get_logger(room: str) -> FilteringBoundLogger:
    """The logger of one room of the house; lines carry its name."""
    return cast(FilteringBoundLogger, structlog.get_logger(room=room))


def start_logging(level: str = "info", *, process: int | None = None) -> None:
    """Show lines of this level and above; lines of the libraries only from warning on.

    `process`: which of several that write to the same stream; each line says so.
    """
    first = [] if process is None else [_said_by(process)]
    structlog.configure(
        processors=[
            *first,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _discreet,
            _rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _FromLibraries)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibraries(logging.WARNING))


def mask(text: str) -> str:
    """The text without what nobody needs in a log: addresses, passwords in URLs, bearer tokens, links of one use.

    >>> mask("550 no such user <anna.rossi@acme.test> at https://u:pw@relay.test/?token=abc")
    '550 no such user <a•••@acme.test> at https://u:•••@relay.test/?token=•••'
    >>> mask("/upload/k3w6dft5y3vam")
    '/upload/•••'
    """
    text = _CREDENTIALS.sub(r"\1:•••@", text)
    text = _BEARER.sub(r"\1•••", text)
    return _ADDRESS.sub(r"\1•••@\2", text)


def _said_by(process: int) -> Processor:
    def say(_logger: Any, _method: str, event: Event) -> Event:
        event.setdefault("process", process)
        return event

    return say


def _discreet(_logger: Any, _method: str, event: Event) -> Event:
    for key, value in event.items():
        if key in _NEVER and value:
            event[key] = "•••"
        elif isinstance(value, str):
            longest = LONGEST_TRACE if key == "exception" else LONGEST
            kept = value if len(value) <= longest else value[:longest] + "…"
            event[key] = mask(kept)
        elif isinstance(value, list | tuple):
            event[key] = [mask(str(one)[:LONGEST]) for one in value[:MOST]]
        elif not isinstance(value, int | float | None):
            event[key] = mask(str(value)[:LONGEST])
    return event


def _rendered(_logger: Any, _method: str, event: Event) -> str:
    at = datetime.now(UTC)
    what, level, room = (str(event.pop(key, "")) for key in ("event", "level", "room"))
    if not sys.stderr.isatty():
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": level,
            "room": room,
            "event": what,
            **event,
        }
        # ASCII only: no control character and no writing direction reaches whoever reads the file.
        return json.dumps(line)
    exception = str(event.pop("exception", ""))
    facts = "  ".join(f"{key}={_printable(str(value))}" for key, value in event.items())
    line_of_words = f"{at.astimezone():%H:%M:%S} {level:7} {room:8} {_printable(what)}  {facts}".rstrip()
    return "\n  ".join([line_of_words, *(_printable(row) for row in exception.splitlines())])


def _printable(text: str) -> str:
    """What a terminal shows as it is; everything else as an escape that does nothing."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _StandardError:
    """Writes whole lines to whatever standard error is at that moment; a log that cannot be written stops nothing."""

    def __init__(self, *_names: Any) -> None: ...

    def msg(self, line: str) -> None:
        with _write_lock:
            try:
                sys.stderr.write(line + "\n")
                sys.stderr.flush()
            except (OSError, ValueError):
                return

    debug = info = warning = warn = error = exception = critical = fatal = log = failure = msg


class _FromLibraries(logging.Handler):
    """Lines of libraries, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        exc_info = record.exc_info if record.exc_info and record.exc_info[0] else None
        level = min(record.levelno // 10 * 10, logging.CRITICAL)  # custom levels lie between the five
        get_logger(record.name).log(level, record.getMessage(), exc_info=exc_info)


start_logging()
