"""How does a page say when somebody comes? On the clock of the site, with its zone, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from core import texts
from core.desk import visit_notices


def time(since: datetime, until: datetime, zone: str, language: str) -> str:
    """From when until when."""
    return visit_notices.spell(since, until, ZoneInfo(zone), language)


def until(at: datetime, zone: str, language: str) -> str:
    """An instant."""
    return texts.instant(at, ZoneInfo(zone), language)


VALUES: Mapping[str, Any] = MappingProxyType({"visit_time": time, "visit_until": until})
"""What the templates of `portal/visit.html` need."""
