"""What rows are there of what arrives? Bytes, what became of each message, and by what the same one is known again."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, text

from core.store.table_parts import (
    a_digest,
    a_document,
    a_flag,
    a_json,
    a_number,
    a_text,
    an_id,
    an_instant,
    digest_key,
    id_key,
    maybe_id,
    maybe_instant,
    maybe_text,
    metadata,
)

# Bytes by their day and their SHA-256 (store.blobs), in pieces, packed. Written in the transaction of the row that
# names them.
blob = Table(
    "blob",
    metadata,
    digest_key("name"),
    Column("piece", Integer, primary_key=True, autoincrement=False),
    a_number("size"),  # of the whole, unpacked
    Column("content", LargeBinary, nullable=False),
)

ABOUT_NOTHING = (
    "reason IN ('arf_unknown', 'bounce_hard_unknown', 'bounce_soft_unknown', 'delayed_unknown', 'mdn_unknown', "
    "'relayed_ok_unknown')"
)
"""Of reports that name no mail of ours: the text of an index, and of those who look there."""

inbound = Table(
    "inbound",
    metadata,
    id_key("id"),  # made from channel and external id, or from day, channel, content and recipients
    a_text("channel"),
    maybe_text("external_id"),
    an_instant("received_at"),
    a_text("sender"),
    a_json("recipients", "[]"),
    a_json("envelope", "{}"),
    a_digest("raw"),  # name of the blob
    a_number("size"),
    a_number("copies", 1),  # how often the same thing was handed in
    maybe_text("outcome"),  # None: not yet understood; else one of the seven
    a_text("reason"),  # code of why this outcome
    a_document("detail"),  # what staff need to decide: trace of threading, trust, the error
    maybe_id("ticket_id"),
    maybe_id("message_id"),
    a_text("author"),  # as understood, for the lists of held and exceptions
    a_text("subject"),
    a_number("tries"),
    maybe_instant("decided_at"),
    a_flag("open"),  # held or exception, waiting for staff
    Index(
        "inbound_waiting",
        "outcome",
        "received_at",
        "id",
        sqlite_where=text("open = 1"),
        postgresql_where=text("open"),
    ),
    Index("inbound_outcome", "outcome", "received_at", "id"),
    Index("inbound_ticket", "ticket_id"),
    Index(  # reports about mail that nobody knows
        "inbound_unknown",
        "received_at",
        "id",
        sqlite_where=text(ABOUT_NOTHING),
        postgresql_where=text(ABOUT_NOTHING),
    ),
    Index(  # lines of devices that are no alarm: forgotten after a while
        "inbound_lines",
        "received_at",
        sqlite_where=text("reason = 'lines'"),
        postgresql_where=text("reason = 'lines'"),
    ),
)

# The same message by two ways has one key; the first row owns it.
content_key = Table("content_key", metadata, digest_key("key"), an_id("inbound_id"), an_instant("at"))

# What mails of one customer's, or vendor's, domain end with. `key`: whose, domain and words.
footer = Table(
    "footer",
    metadata,
    digest_key("key"),
    a_number("mails"),  # until it is known to be a footer; later ones are not all counted
    a_digest("writer"),  # of the address that had it first
    a_flag("several"),  # so did another
    an_instant("at"),  # when that was last written down
)
