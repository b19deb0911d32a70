"""What rows are there of work that is to be done, and of people at work? Lanes and jobs; sign-ins, tokens, drafts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from core.store.table_parts import (
    a_flag,
    a_json,
    a_number,
    a_text,
    an_id,
    an_instant,
    id_key,
    maybe_instant,
    maybe_text,
    metadata,
    text_key,
)

# --- Work --------------------------------------------------------------------------------------------------

lane = Table(
    "lane",
    metadata,
    id_key("shard"),  # the ticket, or a fixed id for work without one
    text_key("name"),
    an_instant("due"),  # when it next wants attention; lowered by an enqueue
    maybe_instant("lease_until"),  # never mixed into `due`: an enqueue would break the lease
    a_text("owner"),
    a_number("epoch"),  # +1 at every claim: the fence
    a_number("last_seq"),  # order inside the lane; given by this row, so it is the order of commits
    a_text("crew", "work"),  # which of the worker's crews takes it: a slow relay must not hold up reading
    Index("lane_due", "crew", "due"),
)

job = Table(
    "job",
    metadata,
    id_key("shard"),
    text_key("name"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    an_id("id"),
    a_text("kind"),
    a_json("payload", "{}"),
    an_instant("due"),
    a_number("attempt"),
    maybe_text("idem_key"),
    an_instant("created_at"),
    a_text("last_error"),
    UniqueConstraint("shard", "idem_key"),
)

dead_job = Table(
    "dead_job",
    metadata,
    id_key("shard"),
    id_key("id"),
    a_text("name"),
    a_text("kind"),
    a_json("payload", "{}"),
    a_number("attempt"),
    an_instant("created_at"),
    an_instant("died_at"),
    a_text("reason"),
    maybe_text("seen_by"),
)

schedule = Table(
    "schedule",
    metadata,
    text_key("name"),
    a_text("rhythm"),  # every 60, or daily 06:30
    a_text("time_zone"),  # of a daily one
    a_json("args", "{}"),  # kind and payload of the job
    an_instant("next_at"),
    a_flag("enabled", default=True),
)


# --- People at work ----------------------------------------------------------------------------------------

sign_in = Table(
    "sign_in",
    metadata,
    text_key("hash"),  # of the cookie's 256 bits
    a_text("kind"),  # agent or contact
    Column("person", Text, nullable=False, index=True),
    a_text("csrf"),
    an_instant("created_at"),
    an_instant("seen_at"),
    an_instant("expires_at"),
    a_text("device"),
)

api_token = Table(
    "api_token",
    metadata,
    text_key("hash"),
    a_text("name"),
    a_text("kind"),  # agent or contact
    a_text("person"),
    a_json("scopes", "[]"),
    an_instant("created_at"),
    maybe_instant("expires_at"),
    maybe_instant("used_at"),
)

# One-time links: set-up, reset. Single use by a conditional update.
one_time_link = Table(
    "one_time_link",
    metadata,
    text_key("hash"),
    a_text("purpose"),
    a_text("person"),
    an_instant("created_at"),
    an_instant("expires_at"),
    maybe_instant("used_at"),  # or void since: another one or another password took its place
)

idempotency = Table(
    "idempotency",
    metadata,
    text_key("principal"),
    text_key("key"),
    a_text("body_hash"),
    Column("status", Integer),  # None: still running
    a_text("answer"),
    an_instant("at"),
)

draft = Table(
    "draft",
    metadata,
    id_key("ticket_id"),
    text_key("agent"),
    text_key("kind"),  # reply or note
    a_text("text"),
    an_instant("updated_at"),
)

# Who has the ticket open, and whether they are writing. Rows lapse at `until`.
presence = Table(
    "presence",
    metadata,
    id_key("ticket_id"),
    text_key("agent"),
    a_text("doing"),  # looking or writing
    an_instant("since"),
    an_instant("until"),
)
