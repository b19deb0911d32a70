"""When are two mails the same mail? One key, whatever way each of them took."""

from __future__ import annotations

import hashlib

from channels.email.reading import structure
from core.ids import one_message_id

_TRACE = frozenset(("delivered-to", "return-path", "authentication-results", "status", "bcc"))
LONG = 20  # bytes of a key


def of(tree: structure.Tree, message_id: str, *, day: int, own_hops: int) -> tuple[str, ...]:
    """Over Message-ID, From, Date and the body; without an id over all but what our own hops wrote on the way.

    `day`: the day the mail says it is of, in days since 1970, which a key begins with so that those of one day lie
    together. `own_hops`: how many of the topmost Received fields are ours: a machine that says the same again leaves
    another trace below them. Line ends and empty lines at the end do not count: they differ between SMTP and IMAP.
    Nor does the case of the id's domain, which it did of old: behind the key stands that of then, if it is another.
    """
    ids = dict.fromkeys((one_message_id(message_id), message_id))
    return tuple(_key(tree, one, day=day, own_hops=own_hops) for one in ids)


def _key(tree: structure.Tree, message_id: str, *, day: int, own_hops: int) -> str:
    digest = hashlib.sha256()
    header = tree.root.header
    if message_id:
        for text in (message_id, header.first("from"), header.first("date")):
            digest.update(text.encode("utf-8", "replace") + b"\0")
    else:
        for field in header.fields:
            if field.name == "received" and own_hops > 0:
                own_hops -= 1
            elif field.name not in _TRACE and not field.name.startswith(("x-", "arc-")):
                digest.update(f"{field.name}:{field.value}\n".encode("utf-8", "replace"))
    _add_body(digest, tree.body)
    return (min(max(day, 0), 0xFFFFFFFF).to_bytes(4, "big") + digest.digest())[:LONG].hex()


def words(tree: structure.Tree) -> str:
    """Who says what, whatever way it came and whenever: by this a device that repeats its alarm is known."""
    digest = hashlib.sha256()
    for name in ("from", "subject"):
        digest.update(f"{name}:{tree.root.header.first(name)}\n".encode("utf-8", "replace"))
    _add_body(digest, tree.body)
    return (bytes(4) + digest.digest())[:LONG].hex()


CHUNK = 1024 * 1024  # bytes; a large mail is not copied to be hashed


def _add_body(digest: hashlib._Hash, body: bytes) -> None:
    end = len(body)
    while end:
        last = body[max(0, end - CHUNK) : end]
        kept = len(last.rstrip())
        end -= len(last) - kept
        if kept:
            break
    for start in range(0, end, CHUNK):
        stop = min(start + CHUNK, end)
        piece = body[start:stop]
        if piece.endswith(b"\r") and body[stop : stop + 1] == b"\n":
            piece = piece[:-1]
        digest.update(piece.replace(b"\r\n", b"\n") if b"\r" in piece else piece)
