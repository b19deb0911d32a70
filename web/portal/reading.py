"""What did a portal form say? The bytes that were kept, read again when staff say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.envelope import Address, Hints, Inbound

FIELDS = ("request_type", "technology", "impact", "urgency", "asset", "site")


def read(raw: bytes, arrival: Mapping[str, Any], _options: Mapping[str, Any]) -> Inbound:
    """A form as a message. Raises ValueError for bytes that are none.

    Whose log-in it was is the first part of the external id, which the portal alone writes.
    """
    said = json.loads(raw)
    if not isinstance(said, dict):
        raise ValueError("a portal form is a JSON object")  # noqa: TRY004 - an exception item, as for all bytes
    kind, _, rest = str(said.get("by") or arrival.get("external_id") or "").partition(":")
    contact = rest.partition(":")[0] if kind == "contact" else None
    address = str(said.get("for") or "")
    return Inbound(
        channel="portal",
        author=Address(address) if address else None,
        contact=contact or None,
        subject=str(said.get("subject") or ""),
        text=str(said.get("text") or ""),
        hints=Hints(provenance="portal_form", **{name: said.get(name) for name in FIELDS}),
    )
