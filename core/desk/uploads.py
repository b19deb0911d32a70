"""What becomes of files that came by a link? A message of whoever was given it, on that request, in that chat's conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.desk import chats, intake, upload_links
from core.desk.errors import Refused, invalid
from core.desk.filing import Understood
from core.envelope import Address, Arrival, Attachment, Chat, Inbound
from core.ids import token_hash
from core.store import blobs
from core.store.columns import to_json
from core.store.tx import Tx

NOTE = "came by the link for large files"
"""A remark on the message."""


def receive(tx: Tx, token: str, files: Sequence[Attachment], *, now: datetime) -> str | None:
    """Use the link; return the number of the request, or None when it does not work (any longer).

    Raises Invalid without a file. Raises Refused when staff have to look at this sender first: the link still works then.
    """
    if not files:
        raise invalid("/files", "choose at least one file")
    given = upload_links.use(tx, token, now=now)
    of = chats.one(tx, given.chat) if given is not None else None
    if given is None or of is None:
        return None
    identity = token_hash(token)
    listed = [
        {"name": one.name, "size": len(one.content), "sha256": blobs.digest(one.content)} for one in files
    ]
    said = Inbound(
        channel=of.channel,
        author=given.author,
        subject=files[0].name,
        text="",
        attachments=tuple(files),
        message_id=f"upload:{identity}",
        content_key=identity,
        told=True,
        chat=Chat(room=Address(of.address, of.name) if of.kind == "room" else None),
        notes=(NOTE,),
    )
    arrival = Arrival(
        channel=of.channel,
        external_id=said.message_id,
        raw=to_json({"upload": {"request": given.number, "files": listed}}).encode(),
        received_at=now,
        sender=of.address,
    )
    done: Understood = intake.receive_about(tx, arrival, said, of, given.ticket, now=now)
    if done.number is None or done.outcome == "held":
        message = (
            "so much has come from this chat that staff look at it first: try the link again later, or call"
        )
        raise Refused(message, code="flood")
    return done.number
