"""What did somebody do in a web chat? The bytes that are kept, and the message they are; read again when a choice is made late."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.envelope import Address, Attachment, Chat, Inbound, Kind


def written(
    address: str,
    ref: str,
    *,
    text: str = "",
    pressed: str = "",
    command: str = "",
    contact: str | None = None,
    files: Sequence[Attachment] = (),
) -> bytes:
    """The bytes of one thing that a visitor did. `ref`: what their page calls it."""
    said: dict[str, Any] = {
        "from": address,
        "ref": ref,
        "text": text,
        "pressed": pressed,
        "command": command,
        "contact": contact,
    }
    if files:
        said["files"] = [
            {"name": one.name, "type": one.type, "content": base64.b64encode(one.content).decode()}
            for one in files
        ]
    return json.dumps(said, ensure_ascii=False).encode()


def read(raw: bytes, _arrival: Mapping[str, Any], _options: Mapping[str, Any]) -> Inbound:
    """The message. Raises ValueError for bytes that are none; only `written` makes them, whom they name was known then."""
    said = json.loads(raw)
    if not isinstance(said, dict) or not said.get("from"):
        raise ValueError("what was done in a web chat is a JSON object with an address")
    address = Address(said["from"])
    pressed, command = str(said.get("pressed") or ""), str(said.get("command") or "")
    return Inbound(
        channel="webchat",
        kind=Kind.ACT if pressed or command else Kind.HUMAN,
        author=address,
        contact=said.get("contact"),
        text=str(said.get("text") or ""),
        message_id=f"{address.address}/{said.get('ref')}",
        attachments=tuple(
            Attachment(name=one["name"], type=one["type"], content=base64.b64decode(one["content"]))
            for one in said.get("files") or ()
        ),
        chat=Chat(pressed=pressed, command=command),
    )
