"""What did somebody mean by the date and time they typed in a form? Local time of whoever the form is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.desk.errors import Invalid, invalid


def of_form(form: Mapping[str, Any], name: str, zone: ZoneInfo) -> datetime | None:
    """The moment in this field, which is in that zone; None: nothing was typed. Raises Invalid."""
    text = str(form.get(name, ""))
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise invalid(f"/{name}", "must be a date and a time") from None


def missing(name: str) -> Invalid:
    """Nothing was typed where a moment must be."""
    return invalid(f"/{name}", "must be a date and a time")
