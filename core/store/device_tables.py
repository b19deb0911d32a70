"""What rows are there of devices? Alerts and their episodes, what was decided of them, and windows of maintenance."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, text

from core.store.table_parts import (
    a_digest,
    a_document,
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
    text_key,
)

# One row for each problem of a source, whatever comes of it; it outlives its tickets, so its own id comes first in the key.
alert = Table(
    "alert",
    metadata,
    id_key("id"),  # made from source and dedup key: two who bring the same new one meet at it
    a_text("source"),
    a_text("dedup_key"),
    maybe_text("customer"),
    maybe_text("asset"),
    a_text("site"),
    a_text("technology"),  # of the asset, else of the source
    a_text("resource"),
    a_text("event"),
    a_text("severity"),
    a_text("worst"),  # of the episode
    a_text("status"),  # held, firing, acknowledged, suppressed, maintenance, resolved or expired
    a_flag("firing"),  # the episode goes on
    a_number("count"),  # of messages that said it fires
    a_number("copies"),  # the same message once more
    an_instant("first_seen"),
    an_instant("last_seen"),
    a_number("episode"),
    an_instant("started_at"),  # of the episode, as the source says it
    maybe_instant("ended_at"),
    an_instant("received_at"),  # of the message that began the episode
    a_json("transitions", "[]"),  # the latest: [microseconds, "b" or "e"]
    maybe_instant("flapping_since"),
    maybe_id("parent_alert"),
    maybe_id("ticket_id"),
    maybe_instant("placed_at"),  # when it was to become a ticket, in this episode
    a_flag("accepted_risk"),  # a person closed the ticket while it fired; until it has recovered once
    a_text("summary"),
    a_text("address"),
    a_json("above", "[]"),  # what it hangs on, the nearest first, lower case; CUSTOMER/name of another one's
    maybe_text("root"),  # the last of these that is another customer's
    a_document("about"),  # text, labels, links, what was left out, remarks
    a_digest("body"),  # of the latest message
    maybe_id("inbound_id"),  # the message that began the episode
    a_number("decided"),  # seq of the latest decision
    a_flag("hidden"),  # under maintenance that boards do not show
    Index("alert_key", "source", "dedup_key", unique=True),
    Index(
        "alert_ticket",
        "ticket_id",
        sqlite_where=text("ticket_id IS NOT NULL"),
        postgresql_where=text("ticket_id IS NOT NULL"),
    ),
    Index(
        "alert_firing",
        "customer",
        "site",
        "placed_at",
        sqlite_where=text("firing = 1"),
        postgresql_where=text("firing"),
    ),
    Index(
        "alert_asset",
        "customer",
        "asset",
        "last_seen",
        sqlite_where=text("asset IS NOT NULL"),
        postgresql_where=text("asset IS NOT NULL"),
    ),
    Index(
        "alert_root",
        "root",
        "placed_at",
        sqlite_where=text("root IS NOT NULL AND firing = 1"),
        postgresql_where=text("root IS NOT NULL AND firing"),
    ),
    Index("alert_seen", "last_seen", "id"),
    Index(
        "alert_open",
        "last_seen",
        "id",
        sqlite_where=text("firing = 1"),
        postgresql_where=text("firing"),
    ),
)

alert_episode = Table(
    "alert_episode",
    metadata,
    id_key("alert_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    an_instant("started_at"),
    maybe_instant("ended_at"),
    an_instant("received_at"),
    a_text("worst"),
    a_number("count"),
    maybe_id("ticket_id"),
    Index(
        "alert_episode_ticket",
        "ticket_id",
        sqlite_where=text("ticket_id IS NOT NULL"),
        postgresql_where=text("ticket_id IS NOT NULL"),
    ),
)

# Why an alert is where it is: append-only, one for each decision, none for what only counts.
alert_decision = Table(
    "alert_decision",
    metadata,
    id_key("alert_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    an_instant("at"),
    a_text("kind"),
    a_json("data", "{}"),
    maybe_id("inbound_id"),
)

# What a tool was told of its alert, or is to be told: one for each thing said, best effort (core.desk.alert_returns).
alert_return = Table(
    "alert_return",
    metadata,
    id_key("alert_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    a_text("source"),
    a_text("act"),  # rules.returning.Act
    an_id("ticket_id"),
    a_text("number"),
    a_number("episode"),
    a_text("state", "waiting"),  # waiting; told; overtaken: something newer was to be said; given_up
    a_number("tries"),
    a_text("error"),
    an_instant("created_at"),
    maybe_instant("ended_at"),
)

# What staff said a source means by a name: whose it is, and which thing.
alert_name = Table(
    "alert_name",
    metadata,
    text_key("source"),
    text_key("resource"),  # lower case
    a_text("customer"),
    maybe_text("asset"),
    a_text("by"),
    an_instant("at"),
)

# What is known of a source beside its configuration.
source_state = Table(
    "source_state",
    metadata,
    text_key("name"),
    maybe_instant("seen_at"),  # None: never, it is not commissioned
    maybe_instant("beat_at"),  # None: it has no heartbeat of its own
    a_number("every_s"),  # what it said itself of the next one; 0: nothing
    maybe_instant("silent_since"),
    maybe_instant("watch_at"),  # when its timer looks whether it fell silent; None: there is none
    a_number("received"),
    maybe_instant(
        "round_at"
    ),  # of the hub's own row: its latest round, and since when they come without a gap
    maybe_instant("rounds_since"),
)

# What a process of a hub cannot do at the moment, said again every minute; it goes when it is well again, or does not say so any more.
hub_trouble = Table(
    "hub_trouble",
    metadata,
    text_key("name"),  # of the part: a channel and what it reads, the disk
    text_key("reporter"),
    a_text("kind"),  # part or disk
    a_text("why"),
    an_instant("since"),
    an_instant("at"),
)

# Whoever decides where alerts of a customer go moves on this row first: two that belong together meet there.
alert_meeting = Table("alert_meeting", metadata, text_key("name"), a_number("revision"))

# Planned work, in which alerts call nobody; those that a source tells of are of one alert of its.
maintenance_window = Table(
    "maintenance_window",
    metadata,
    id_key("id"),
    a_text("customer"),  # empty: of an alert that is nobody's
    a_text("site"),  # empty: all
    a_text("asset"),  # empty: all; what hangs on it is meant, too
    a_text("tag"),  # name=value of a label; empty: all
    maybe_id("alert_id"),  # of this alert only
    an_instant("since"),
    an_instant("until"),  # of the first occurrence
    an_instant("over_at"),  # of the last one; the end of time: it has none
    a_text("rrule"),  # RFC 5545; empty: once
    a_text("zone"),
    a_text("mode", "mute"),  # mute, or store_only: boards do not show it either
    a_text("change"),  # what for: a number of a change, words
    a_text("source"),  # who made it known: "person", "visit:<ticket>", "source:<name>"
    a_text("created_by"),  # actor
    an_instant("created_at"),  # of a source: when it told of the downtime that counts
    maybe_text("approved_by"),
    a_text("state", "planned"),  # asked: waits for a second person; planned, ended or cancelled
    maybe_instant("ended_at"),  # before its time: the occurrence of then, or all of it
    maybe_instant("said_at"),  # when a source told of it, by its own clock, which may be wrong
    Index("maintenance_window_customer", "customer", "over_at"),
    Index("maintenance_window_over", "over_at"),
)
