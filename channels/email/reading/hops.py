"""Which servers did a mail pass? Each writes a Received field above those before it (RFC 5321, 4.4)."""

from __future__ import annotations

import re

from channels.email.reading import ours, structure

_BY = re.compile(r"(?:^|[\s)])by\s+([A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?)", re.IGNORECASE)
LOOKED_AT = 1_000  # characters of a field


def counted(header: structure.Header, desk: ours.Desk) -> tuple[int, int]:
    """(all, ours): how many there were, and how many took the mail under our own name."""
    fields = header.all("received")
    names = {name for name in (desk.domain, desk.reply_domain) if name}
    own = sum(1 for value in fields if (by := _BY.search(value[:LOOKED_AT])) and by[1].lower() in names)
    return len(fields), own
