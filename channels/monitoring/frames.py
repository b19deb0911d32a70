"""Where does one syslog message end and the next begin? The bytes of one connection, cut by RFC 6587."""

from __future__ import annotations

from dataclasses import dataclass

from channels.monitoring.source import NotUnderstood

LONGEST = 8192  # bytes of a message that are kept (monitoring.md 2)
_DIGITS = 7  # of a count: ten megabytes less one


class OutOfStep(NotUnderstood):
    """Where a length should stand there is none: nobody knows where the next message begins. `whole`: those before it."""

    def __init__(self, whole: list[bytes]) -> None:
        super().__init__("the length of a message should stand here: the connection is out of step")
        self.whole = whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How far a connection has been read."""

    counted: bool | None = None
    """Each message is preceded by its length (RFC 6587, 3.4.1; over TLS always, RFC 5425), else ends with a line feed. None: the first
    byte will tell."""
    rest: bytes = b""
    """Beginning of a message whose end has not come."""
    left: int = 0
    """Counted: bytes of a message too long that are still to come. Else 1: the rest of the line is dropped."""


def frames(data: bytes, before: Stream | None = None) -> tuple[list[bytes], Stream]:
    """The messages that are whole, and the state for what comes next.

    One that is longer than LONGEST is cut to one byte more than that: so whoever reads it sees that it was cut. Never more than
    that is kept of a message. Raises OutOfStep: where a length should stand there is none, and the connection must be closed.

    >>> frames(b"5 <1>ab4 <1>")
    ([b'<1>ab'], Stream(counted=True, rest=b'4 <1>', left=0))
    """
    stream = before or Stream()
    counted = stream.counted
    if counted is None:
        if not data:
            return [], stream
        counted = data[:1].isdigit()
    return (_counted if counted else _lines)(stream.rest + data, stream.left)


def end(stream: Stream) -> list[bytes]:
    """What is left when the connection ends: a line needs no line feed then; a message that was counted is not whole."""
    return [stream.rest] if stream.rest.strip() and not stream.counted and not stream.left else []


def _counted(data: bytes, left: int) -> tuple[list[bytes], Stream]:
    found: list[bytes] = []
    at = min(left, len(data))
    left -= at
    while at < len(data):
        if data[at : at + 1] in (b"\n", b"\r"):  # some end a counted message with a line feed as well
            at += 1
            continue
        space = data.find(b" ", at, at + _DIGITS + 1)
        length = data[at:space] if space >= 0 else data[at : at + _DIGITS + 1]
        if not length.isdigit() or (space < 0 and len(length) > _DIGITS):
            raise OutOfStep(found)
        if space < 0:
            break
        start, size = space + 1, int(length)
        if len(data) - start >= min(size, LONGEST + 1):
            found.append(data[start : start + min(size, LONGEST + 1)])
            left = max(0, start + size - len(data))
            at = min(start + size, len(data))
        else:
            break
    return found, Stream(counted=True, rest=data[at:], left=left)


def _lines(data: bytes, left: int) -> tuple[list[bytes], Stream]:
    lines = data.split(b"\n")
    rest = lines.pop()
    if left and lines:  # the end of one that was cut
        lines.pop(0)
        left = 0
    elif left:
        return [], Stream(counted=False, left=1)
    found = [kept[: LONGEST + 1] for one in lines if (kept := one.rstrip(b"\r\0"))]
    if len(rest) > LONGEST:
        return [*found, rest[: LONGEST + 1]], Stream(counted=False, left=1)
    return found, Stream(counted=False, rest=rest)
