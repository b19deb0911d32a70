"""The first floor: reference tables, what arrives, tickets, what leaves, work, people, full text.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# As in core/store/tables.py on the day of the release: a released migration does not follow the code.
_DUE_ORDER = "(CASE WHEN open THEN coalesce(next_due, 9223372036854775807) ELSE 9223372036854775807 END)"

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Make every table. Runs in one transaction on both databases."""
    op.create_table(
        "desk_revision",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "definition",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("content", sa.Text, nullable=False, server_default="{}"),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "calendar",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sla",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
        sa.Column("targets", sa.Text, nullable=False, server_default="{}"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "request_type",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "technology",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "desk_group",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("level", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("calendar", sa.Text, nullable=False, server_default="24x7"),
        sa.Column("technologies", sa.Text, nullable=False, server_default="[]"),
        sa.Column("request_types", sa.Text, nullable=False, server_default="[]"),
        sa.Column("fallback", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "agent",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("roles", sa.Text, nullable=False, server_default="[]"),
        sa.Column("groups", sa.Text, nullable=False, server_default="[]"),
        sa.Column("language", sa.Text, nullable=False, server_default="it"),
        sa.Column("password_hash", sa.Text),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vendor",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False, server_default="{}"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_source",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False, server_default="{}"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("parent", sa.Text),
        sa.Column("phone_code", sa.Text, nullable=False, server_default=""),
        sa.Column("language", sa.Text, nullable=False, server_default="it"),
        sa.Column("time_zone", sa.Text, nullable=False, server_default="Europe/Rome"),
        sa.Column("policy", sa.Text, nullable=False, server_default="{}"),
        sa.Column("groups", sa.Text, nullable=False, server_default="[]"),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_domain",
        sa.Column("domain", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "site",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("time_zone", sa.Text, nullable=False, server_default=""),
        sa.Column("holidays", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("email", sa.Text, nullable=False, server_default=""),
        sa.Column("phone", sa.Text, nullable=False, server_default=""),
        sa.Column("role", sa.Text, nullable=False, server_default="user"),
        sa.Column("sites", sa.Text, nullable=False, server_default="[]"),
        sa.Column("language", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("pin_hash", sa.Text),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.UniqueConstraint("email", "customer"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contact_customer", "contact", ["customer"])
    op.create_table(
        "asset",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("technology", sa.Text, nullable=False, server_default=""),
        sa.Column("site", sa.Text, nullable=False, server_default=""),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("parent", sa.Text, nullable=False, server_default=""),
        sa.Column("criticality", sa.Text, nullable=False, server_default="normal"),
        sa.Column("always_page", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contract",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contract_customer", "contract", ["customer"])
    op.create_table(
        "routing_rule",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("technology", sa.Text),
        sa.Column("request_type", sa.Text),
        sa.Column("customer", sa.Text),
        sa.Column("level", sa.Integer),
        sa.Column("calendar", sa.Text),
        sa.Column("desk_group", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blob",
        sa.Column("name", sa.LargeBinary, primary_key=True),
        sa.Column("piece", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "inbound",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False, server_default=""),
        sa.Column("external_id", sa.Text),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("sender", sa.Text, nullable=False, server_default=""),
        sa.Column("recipients", sa.Text, nullable=False, server_default="[]"),
        sa.Column("envelope", sa.Text, nullable=False, server_default="{}"),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("copies", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("outcome", sa.Text),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("detail", sa.LargeBinary, nullable=False),
        sa.Column("ticket_id", _ID),
        sa.Column("message_id", _ID),
        sa.Column("author", sa.Text, nullable=False, server_default=""),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("tries", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("open", sa.Boolean, nullable=False, server_default=sa.text("false")),
    )
    op.create_index("inbound_outcome", "inbound", ["outcome", "received_at", "id"])
    op.create_index("inbound_ticket", "inbound", ["ticket_id"])
    op.create_index(
        "inbound_waiting",
        "inbound",
        ["outcome", "received_at", "id"],
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "content_key",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("inbound_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ticket",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("state_since", sa.BigInteger, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column("customer_since", sa.BigInteger),
        sa.Column("contact", sa.Text),
        sa.Column("requester_since", sa.BigInteger),
        sa.Column("requester_name", sa.Text, nullable=False, server_default=""),
        sa.Column("requester_address", sa.Text, nullable=False, server_default=""),
        sa.Column("request_type", sa.Text),
        sa.Column("technology", sa.Text),
        sa.Column("impact", sa.Integer),
        sa.Column("urgency", sa.Integer),
        sa.Column("priority", sa.Text),
        sa.Column("asset", sa.Text),
        sa.Column("site", sa.Text),
        sa.Column("provenance", sa.LargeBinary, nullable=False),
        sa.Column("desk_group", sa.Text),
        sa.Column("level", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("assignee", sa.Text),
        sa.Column("channel", sa.Text, nullable=False, server_default=""),
        sa.Column("trust", sa.Text, nullable=False, server_default=""),
        sa.Column("verdict", sa.Text, nullable=False, server_default=""),
        sa.Column("decision", sa.Text, nullable=False, server_default=""),
        sa.Column("contract", sa.Text),
        sa.Column("contract_version", sa.Text),
        sa.Column("line", sa.Text),
        sa.Column("language", sa.Text, nullable=False, server_default="it"),
        sa.Column("flags", sa.Text, nullable=False, server_default="[]"),
        sa.Column("snippet", sa.Text, nullable=False, server_default=""),
        sa.Column("last_direction", sa.Text, nullable=False, server_default=""),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("next_due", sa.BigInteger),
        sa.Column("next_clock", sa.Text),
        sa.Column("breached_at", sa.BigInteger),
        sa.Column("open", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("last_event", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("merged_into", _ID),
        sa.Column("follow_up_of", _ID),
        sa.Column("resolution", sa.LargeBinary, nullable=False),
    )
    op.create_index("ticket_assignee", "ticket", ["assignee", "open", sa.text(_DUE_ORDER), "id"])
    op.create_index("ticket_contact", "ticket", ["contact", "open", "id"])
    op.create_index("ticket_customer", "ticket", ["customer", "open", "id"])
    op.create_index("ticket_group", "ticket", ["desk_group", "open", sa.text(_DUE_ORDER), "id"])
    op.create_index("ticket_inbox", "ticket", ["open", sa.text(_DUE_ORDER), "id"])
    op.create_index("ticket_recent", "ticket", ["updated_at", "id"])
    op.create_index("ticket_state", "ticket", ["state", sa.text(_DUE_ORDER), "id"])
    op.create_table(
        "thread",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False, server_default=""),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("mailbox", sa.Text, nullable=False, server_default=""),
        sa.Column("also_by", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "participant",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("thread_id", _ID, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("contact", sa.Text),
        sa.Column("role", sa.Text, nullable=False, server_default=""),
        sa.Column("state", sa.Text, nullable=False, server_default="joined"),
        sa.Column("admitted", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_index("participant_address", "participant", ["address"])
    op.create_index(
        "participant_contact",
        "participant",
        ["contact"],
        sqlite_where=sa.text("contact IS NOT NULL"),
        postgresql_where=sa.text("contact IS NOT NULL"),
    )
    op.create_table(
        "thread_ref",
        sa.Column("ref", sa.LargeBinary, primary_key=True),
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("thread_id", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("customer", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reply_address",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("thread_id", _ID, nullable=False),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("thread_id", _ID, nullable=False),
        sa.Column("channel", sa.Text, nullable=False, server_default=""),
        sa.Column("direction", sa.Text, nullable=False, server_default=""),
        sa.Column("audience", sa.Text, nullable=False, server_default="customer"),
        sa.Column("kind", sa.Text, nullable=False, server_default="human"),
        sa.Column("automatic", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("author_name", sa.Text, nullable=False, server_default=""),
        sa.Column("author_address", sa.Text, nullable=False, server_default=""),
        sa.Column("agent", sa.Text),
        sa.Column("contact", sa.Text),
        sa.Column("trust", sa.Text, nullable=False, server_default=""),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("spans", sa.Text, nullable=False, server_default="[]"),
        sa.Column("html", sa.LargeBinary),
        sa.Column("language", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("inbound_id", _ID),
        sa.Column("external_ref", sa.Text, nullable=False, server_default=""),
        sa.Column("notes", sa.Text, nullable=False, server_default="[]"),
        sa.Column("people", sa.LargeBinary),
        sa.Column("idem", sa.Text, nullable=False, server_default=""),
        sa.Column("made_from", sa.LargeBinary),
    )
    op.create_index(
        "message_idem",
        "message",
        ["ticket_id", "idem"],
        sqlite_where=sa.text("idem != ''"),
        postgresql_where=sa.text("idem != ''"),
    )
    op.create_table(
        "note",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("agent", sa.Text, nullable=False, server_default=""),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("idem", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "attachment",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("internal", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("type", sa.Text, nullable=False, server_default=""),
        sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sa.Column("inline", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("content_id", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False, server_default=""),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sla_clock",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("cycle", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("target_s", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("calendar", sa.Text, nullable=False, server_default=""),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("stopped_at", sa.BigInteger),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("elapsed_s", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("paused_s", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("next_check_at", sa.BigInteger),
        sa.Column("breached_at", sa.BigInteger),
        sa.Column("level", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entitlement_check",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.LargeBinary, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False, server_default=""),
        sa.Column("would_be", sa.Text),
        sa.Column("decision", sa.Text, nullable=False, server_default=""),
        sa.Column("contract", sa.Text),
        sa.Column("contract_version", sa.Text),
        sa.Column("line", sa.Text),
        sa.Column("window_open", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("next_open_at", sa.BigInteger),
        sa.Column("trust", sa.Text, nullable=False, server_default=""),
        sa.Column("overridden_by", sa.Text),
        sa.Column("override_reason", sa.Text, nullable=False, server_default=""),
        sa.Column("override_until", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("thread_id", _ID, nullable=False),
        sa.Column("channel", sa.Text, nullable=False, server_default=""),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("in_reply_to", sa.Text, nullable=False, server_default=""),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        sa.Column("remote", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("delivery_id", "delivery", ["id"], unique=True)
    op.create_index(
        "delivery_state",
        "delivery",
        ["state", "id"],
        sqlite_where=sa.text("state != 'sent'"),
        postgresql_where=sa.text("state != 'sent'"),
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("delivery_id", _ID, primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bad_address",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "brake",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("slot", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lane",
        sa.Column("shard", _ID, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("owner", sa.Text, nullable=False, server_default=""),
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("crew", sa.Text, nullable=False, server_default="work"),
        sqlite_with_rowid=False,
    )
    op.create_index("lane_due", "lane", ["crew", "due"])
    op.create_table(
        "job",
        sa.Column("shard", _ID, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("payload", sa.Text, nullable=False, server_default="{}"),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("idem_key", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("shard", "idem_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dead_job",
        sa.Column("shard", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("payload", sa.Text, nullable=False, server_default="{}"),
        sa.Column("attempt", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("died_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("seen_by", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("rhythm", sa.Text, nullable=False, server_default=""),
        sa.Column("time_zone", sa.Text, nullable=False, server_default=""),
        sa.Column("args", sa.Text, nullable=False, server_default="{}"),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sign_in",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("device", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sign_in_person", "sign_in", ["person"])
    op.create_table(
        "api_token",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("person", sa.Text, nullable=False, server_default=""),
        sa.Column("scopes", sa.Text, nullable=False, server_default="[]"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("used_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "one_time_link",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False, server_default=""),
        sa.Column("person", sa.Text, nullable=False, server_default=""),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("body_hash", sa.Text, nullable=False, server_default=""),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "draft",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presence",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("doing", sa.Text, nullable=False, server_default=""),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    _full_text()


def _full_text() -> None:
    """What is searched; the texts themselves stand in their own tables only.

    Accents are folded by the database on SQLite, before indexing on PostgreSQL.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.create_table(
            "search_item",
            sa.Column("doc", sa.Integer, primary_key=True),
            sa.Column("ticket_id", _ID, nullable=False),
            sa.Column("item_id", _ID, nullable=False),
            sa.Column("audience", sa.Text, nullable=False),
        )
        op.execute(
            "CREATE VIRTUAL TABLE search_text USING fts5("
            "body, content = '', tokenize = 'unicode61 remove_diacritics 2')"
        )
        # Pieces of one size are merged when there are eight of them, not four: what is in them is written anew half as
        # often. https://www.sqlite.org/fts5.html#the_automerge_configuration_option
        op.execute("INSERT INTO search_text (search_text, rank) VALUES ('automerge', 8)")
        return
    op.create_table(
        "search_text",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("item_id", _ID, primary_key=True),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("vector", postgresql.TSVECTOR, nullable=False),
    )
    op.create_index("search_text_vector", "search_text", ["vector"], postgresql_using="gin")


def downgrade() -> None:
    """There is nothing before the first floor."""
    raise NotImplementedError("the first migration cannot be taken back; restore a backup")
