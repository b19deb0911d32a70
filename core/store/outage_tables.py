"""What rows are there of an outage? What is published, its updates, who asked to be told, and that they were."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, text

from core.store.table_parts import (
    a_flag,
    a_json,
    a_number,
    a_text,
    an_id,
    an_instant,
    id_key,
    maybe_id,
    maybe_instant,
    maybe_text,
    metadata,
)

# What staff tell of something that does not work. Its history is a chain of events of its own, under its id.
outage = Table(
    "outage",
    metadata,
    id_key("id"),
    a_text("state"),  # running, ended, or cancelled: published by mistake
    a_json("words", "{}"),  # language to title and text, as they were published
    a_json("customers", "[]"),  # whom it concerns, see rules.outages.Scope; an empty part means all
    a_json("sites", "[]"),  # (customer, site)
    a_json("technologies", "[]"),
    an_instant("since"),
    maybe_instant("next_update"),  # promised
    an_instant("published_at"),
    a_text("published_by"),  # actor
    a_number("last_update"),  # seq of the newest; what `seen` is compared with
    maybe_instant("ended_at"),
    maybe_id("incident"),  # the ticket of the incident it follows from
    Index("outage_state", "state", "published_at", "id"),
    Index(
        "outage_incident",
        "incident",
        sqlite_where=text("incident IS NOT NULL"),
        postgresql_where=text("incident IS NOT NULL"),
    ),
)

# What was told of it, in order: published, updated, ended, cancelled. Append-only; a delivery names one by its id.
outage_update = Table(
    "outage_update",
    metadata,
    id_key("outage_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    an_id("id"),
    a_text("kind"),
    an_instant("at"),
    a_text("by"),  # actor
    a_json("words", "{}"),  # language to text
    a_text("reason"),  # for colleagues: why it was cancelled
    maybe_instant("next_update"),
    a_text("idem"),  # the form's own id: a double click makes one update
)

# Who asked to be told when it is over. One row for an address on a channel, however often they ask.
outage_subscriber = Table(
    "outage_subscriber",
    metadata,
    id_key("outage_id"),
    id_key("id"),  # made from channel and address
    a_text("channel"),
    a_text("address"),
    a_text("name"),
    a_text("language"),
    maybe_text("customer"),  # code; None: nobody we know
    maybe_text("contact"),  # id
    a_flag("progress"),  # wants every update, not the end only
    maybe_id("ticket_id"),  # of theirs, about it: they are told there as long as it is open
    an_instant("asked_at"),
    a_text("state", "waiting"),  # waiting; of the end: told, quiet (it no longer concerned them), unreachable
    Index(
        "outage_subscriber_contact",
        "contact",
        sqlite_where=text("contact IS NOT NULL"),
        postgresql_where=text("contact IS NOT NULL"),
    ),
)

# That somebody was told an update, once: in a message of their ticket, or by a delivery of the outage itself.
outage_telling = Table(
    "outage_telling",
    metadata,
    id_key("outage_id"),
    id_key("subscriber_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the update
    an_id("shard"),  # of the delivery: the ticket, or the outage
    an_id("message_id"),  # of the delivery: the message, or the update
    an_instant("at"),
)
