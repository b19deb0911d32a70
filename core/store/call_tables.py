"""What rows are there of telephone calls? The flows that lead them, their steps, who was rung, their sound, and what they are about."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, text

from core.store.columns import Digest, PackedJson
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
    packed,
    text_key,
)

# A call flow in its versions. A published one never changes; a call stays on the one it began with.
flow_version = Table(
    "flow_version",
    metadata,
    text_key("flow"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    a_digest("digest"),  # of the canonical JSON, without what belongs to the drawing
    a_text("state"),  # draft, published or retired
    packed("body"),  # JSON, as it was written
    a_text("author"),  # actor
    a_text("comment"),
    an_instant("created_at"),
    maybe_instant("published_at"),
    Index("flow_version_digest", "digest"),
)

# One row from the first ring on. What its caller entered stands in call_turn, secrets nowhere.
call = Table(
    "call",
    metadata,
    id_key("id"),
    a_text("line"),  # twilio, sip or softphone
    a_text("external_id"),  # the line's own
    a_text("direction", "in"),
    a_text("caller"),  # E.164; empty: withheld
    a_text("called"),
    maybe_text("customer"),
    maybe_text("contact"),
    a_text("trust", "none"),
    a_text("language", "it"),
    maybe_text("desk_group"),  # whose queue it is in
    a_digest("flow"),  # of the version it began with
    a_document("state"),  # ivr.stepping.State
    a_number("seq"),  # of the last answer
    a_text("phase"),  # flow, queue, bridged or over
    a_text("outcome"),  # rules.call_outcomes; empty until it is over
    a_text("cause"),  # what the line said of its end
    maybe_text("agent"),  # who spoke with the caller
    maybe_id("ticket_id"),  # in hand
    a_document("facts"),  # what happened in it: tickets that were read, what was offered and not told again
    an_instant("first_ring_at"),
    an_instant("signal_at"),  # last heard of
    maybe_instant("queued_at"),
    maybe_instant("bridged_at"),
    maybe_instant("ended_at"),
    Index("call_external", "line", "external_id", unique=True),
    Index("call_caller", "caller", "first_ring_at"),
    Index("call_outcome", "outcome", "id"),
    Index("call_group", "desk_group", "id"),
    Index("call_agent", "agent", "id"),
    Index(
        "call_bridged",
        "desk_group",
        "bridged_at",
        sqlite_where=text("bridged_at IS NOT NULL"),
        postgresql_where=text("bridged_at IS NOT NULL"),
    ),
    Index(
        "call_live",
        "phase",
        "first_ring_at",
        sqlite_where=text("phase != 'over'"),
        postgresql_where=text("phase != 'over'"),
    ),
)

# One step of a call: what the caller did, by name, and the answer, so that a step asked twice is answered once.
call_turn = Table(
    "call_turn",
    metadata,
    id_key("call_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    an_instant("at"),
    a_text("event"),  # ring, digits, silence or done
    a_text("value"),  # keys, those of a secret as dots
    a_text("node"),  # where the caller was
    a_json("passed", "[]"),  # nodes gone through
    a_document("answer"),  # core.calling.Answer
)

# A member of staff whose telephone, or inbox, rings for a caller.
call_offer = Table(
    "call_offer",
    metadata,
    id_key("call_id"),
    id_key("id"),
    a_text("agent"),
    a_text("address"),
    a_text("state"),  # ringing, accepted, declined, busy, no_answer, failed or stopped
    a_flag("told"),  # the line was asked to ring
    an_instant("at"),
    maybe_instant("ended_at"),
    Index("call_offer_id", "id", unique=True),
    Index("call_offer_agent", "agent", "at"),
)

# Sound: of a Record of the flow, or of a conversation. `seq` is that of the answer; 0: of the conversation.
recording = Table(
    "recording",
    metadata,
    id_key("call_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    a_text("state"),  # expected, stored, missing or deleted
    maybe_id("ticket_id"),
    maybe_id("message_id"),
    maybe_id("attachment_id"),
    Column("blob", Digest),  # its name, once it came
    a_text("external_id"),  # the line's own
    a_text("type"),
    a_number("milliseconds"),
    an_instant("at"),
    maybe_instant("keep_until"),
    Column("transcript", PackedJson),  # engine, model, language, confidence, text: a suggestion, if any
    Index(
        "recording_kept",
        "keep_until",
        sqlite_where=text("state = 'stored'"),
        postgresql_where=text("state = 'stored'"),
    ),
    Index(
        "recording_expected",
        "at",
        sqlite_where=text("state = 'expected'"),
        postgresql_where=text("state = 'expected'"),
    ),
)

# Which calls belong to a ticket, and how.
ticket_call = Table(
    "ticket_call",
    metadata,
    id_key("ticket_id"),
    id_key("call_id"),
    a_text("how"),  # opened, added, heard, missed, spoke or callback
    an_instant("at"),
    Index("ticket_call_call", "call_id"),
)

# Somebody waits to be called back, in the order in which they asked or began to wait.
callback = Table(
    "callback",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    an_id("call_id"),
    a_text("number"),
    a_text("name"),
    a_text("desk_group"),
    a_text("reason"),  # asked, missed or voicemail
    a_text("state"),  # waiting, dialling or done
    maybe_text("agent"),
    an_instant("since"),  # place in line
    maybe_instant("done_at"),
    Index(
        "callback_waiting",
        "since",
        sqlite_where=text("state != 'done'"),
        postgresql_where=text("state != 'done'"),
    ),
)

# Who of the staff does not take calls just now. No row: takes them while signed in.
operator = Table("operator", metadata, text_key("agent"), a_flag("paused"), an_instant("since"))
