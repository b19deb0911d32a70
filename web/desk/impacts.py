"""What would an edit change among all open tickets? Asked slice by slice, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.desk.clock_changes import Impact, Slice
from core.desk.principal import Principal
from core.store.database import Database
from web.site import now

SLICE = 500  # open tickets looked at in one reading
LOOKS = 200  # readings of one page: 100,000 tickets


async def whole(db: Database, preview: Callable[..., Slice], who: Principal, part: Any) -> Impact:
    """All slices of a verb that looks ahead, added up. Raises what it refuses."""
    found, after = Impact(), None
    for _ in range(LOOKS):
        seen = await db.read(preview, who, part, after=after, limit=SLICE, now=now())
        found, after = found.plus(seen.impact), seen.last
        if after is None:
            break
    return found
