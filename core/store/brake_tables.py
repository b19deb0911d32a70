"""What rows are there of whom nothing, or not everything, leaves for, and of what happened too often?"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from core.store.table_parts import a_number, a_text, an_instant, maybe_id, metadata, text_key

# An address that does not work: nothing automatic goes there until staff say so. One that complained: nothing at all.
bad_address = Table(
    "bad_address",
    metadata,
    text_key("address"),
    a_text("reason"),  # core.desk.stopped
    an_instant("at"),
    maybe_id("delivery_id"),  # what came back, or was complained about; none of a word of their own
    a_text("said"),  # why, as the other side put it
    Index("bad_address_at", "at", "address"),
)

# Who wants no more of what comes by subscription (desk.subscriptions.What), and since when; a row that is gone wants it again.
unsubscribed = Table(
    "unsubscribed", metadata, text_key("address"), text_key("what"), an_instant("at"), a_text("by")
)

# How often something happened in a window, for the brakes. `slot` is the start of the window in seconds.
brake = Table(
    "brake",
    metadata,
    text_key("key"),
    Column("slot", BigInteger, primary_key=True, autoincrement=False),
    a_number("count"),
)
