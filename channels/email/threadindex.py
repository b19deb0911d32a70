"""Where does a mail stand in Outlook's conversations? Thread-Index, which it groups by where others go by References.

22 bytes name the conversation: the first six of when it began, as Windows counts it (the first of all is 1 until 2057), and
sixteen of its own. Each answer adds five: how long after, and one that is drawn (MS-OXOMSG 2.2.1.3).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

ROOT = 22  # bytes
ANSWER = 5
MOST = ROOT + 60 * ANSWER  # bytes that we go on from
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)  # of Windows' time, in units of 100 ns
_FAR = 1 << 49  # units, 652 days: beyond it time is told more coarsely


def read(field: str) -> str:
    """What stands in a field as base64 on one line; empty: it is none, or none to go on from.

    >>> read("Ac" + "A" * 28), read("AdpQbm9uZXh0"), read("?")
    ('AcAAAAAAAAAAAAAAAAAAAAAAAAAAAA==', '', '')
    """
    field = "".join(field[: 2 * MOST].split())
    try:
        index = base64.b64decode(field + "=" * (-len(field) % 4), validate=True)
    except ValueError:
        return ""
    if len(index) > MOST or len(index) < ROOT or (len(index) - ROOT) % ANSWER:
        return ""
    return base64.b64encode(index).decode()


def root(conversation: str, *, key: bytes, began: datetime) -> str:
    """The index of a conversation that is ours, always the same."""
    name = hmac.digest(key, f"thread-index|{conversation}".encode(), "sha256")[:16]
    return base64.b64encode(_units(began).to_bytes(8, "big")[:6] + name).decode()


def answer(parent: str, ref: str, *, now: datetime) -> str:
    """The index of our answer `ref` to the message with index `parent`: of the same conversation, and the same at each try."""
    index = base64.b64decode(parent)
    since = _units(now) - (int.from_bytes(index[:6], "big") << 16)
    near = max(min(since >> 18, (1 << 31) - 1), 0)
    told = near if since < _FAR else 1 << 31 | min(since >> 23, (1 << 31) - 1)
    return base64.b64encode(
        index + told.to_bytes(4, "big") + hashlib.sha256(ref.encode()).digest()[:1]
    ).decode()


def _units(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10
