"""Telephone: call flows in their versions, calls with their steps, who is rung, recordings, calls back.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def _text(name: str, default: str = "") -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _at(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _number(name: str, default: int = 0) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=str(default))


def _flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text("false"))


def upgrade() -> None:
    """Make the tables; numbers of contacts that were written with their country are known at once."""
    op.add_column("agent", _text("phone"))
    op.add_column("customer", _number("keep_recordings", 90))
    op.add_column("contact", _text("number"))
    op.create_index("ix_contact_number", "contact", ["number"])
    op.execute(
        "UPDATE contact SET number = replace(replace(replace(phone, ' ', ''), '-', ''), '.', '')"
        " WHERE phone LIKE '+%'"
    )
    op.add_column("thread", _flag("aside"))
    op.create_table(
        "flow_version",
        sa.Column("flow", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _text("state"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _text("author"),
        _text("comment"),
        _at("created_at"),
        _at("published_at", nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("flow_version_digest", "flow_version", ["digest"])
    op.create_table(
        "call",
        sa.Column("id", _ID, primary_key=True),
        _text("line"),
        _text("external_id"),
        _text("direction", "in"),
        _text("caller"),
        _text("called"),
        sa.Column("customer", sa.Text),
        sa.Column("contact", sa.Text),
        _text("trust", "none"),
        _text("language", "it"),
        sa.Column("desk_group", sa.Text),
        sa.Column("flow", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        _number("seq"),
        _text("phase"),
        _text("outcome"),
        _text("cause"),
        sa.Column("agent", sa.Text),
        sa.Column("ticket_id", _ID),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        _at("first_ring_at"),
        _at("signal_at"),
        _at("queued_at", nullable=True),
        _at("bridged_at", nullable=True),
        _at("ended_at", nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("call_external", "call", ["line", "external_id"], unique=True)
    op.create_index("call_caller", "call", ["caller", "first_ring_at"])
    op.create_index("call_outcome", "call", ["outcome", "id"])
    op.create_index("call_group", "call", ["desk_group", "id"])
    op.create_index("call_agent", "call", ["agent", "id"])
    op.create_index(
        "call_bridged",
        "call",
        ["desk_group", "bridged_at"],
        sqlite_where=sa.text("bridged_at IS NOT NULL"),
        postgresql_where=sa.text("bridged_at IS NOT NULL"),
    )
    op.create_index(
        "call_live",
        "call",
        ["phase", "first_ring_at"],
        sqlite_where=sa.text("phase != 'over'"),
        postgresql_where=sa.text("phase != 'over'"),
    )
    op.create_table(
        "call_turn",
        sa.Column("call_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        _at("at"),
        _text("event"),
        _text("value"),
        _text("node"),
        _text("passed", "[]"),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "call_offer",
        sa.Column("call_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        _text("agent"),
        _text("address"),
        _text("state"),
        _flag("told"),
        _at("at"),
        _at("ended_at", nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index("call_offer_id", "call_offer", ["id"], unique=True)
    op.create_index("call_offer_agent", "call_offer", ["agent", "at"])
    op.create_table(
        "recording",
        sa.Column("call_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        _text("state"),
        sa.Column("ticket_id", _ID),
        sa.Column("message_id", _ID),
        sa.Column("attachment_id", _ID),
        sa.Column("blob", sa.LargeBinary),
        _text("external_id"),
        _text("type"),
        _number("milliseconds"),
        _at("at"),
        _at("keep_until", nullable=True),
        sa.Column("transcript", sa.LargeBinary),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "recording_kept",
        "recording",
        ["keep_until"],
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index(
        "recording_expected",
        "recording",
        ["at"],
        sqlite_where=sa.text("state = 'expected'"),
        postgresql_where=sa.text("state = 'expected'"),
    )
    op.create_table(
        "ticket_call",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("call_id", _ID, primary_key=True),
        _text("how"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_index("ticket_call_call", "ticket_call", ["call_id"])
    op.create_table(
        "callback",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("call_id", _ID, nullable=False),
        _text("number"),
        _text("name"),
        _text("desk_group"),
        _text("reason"),
        _text("state"),
        sa.Column("agent", sa.Text),
        _at("since"),
        _at("done_at", nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "callback_waiting",
        "callback",
        ["since"],
        sqlite_where=sa.text("state != 'done'"),
        postgresql_where=sa.text("state != 'done'"),
    )
    op.create_table(
        "operator",
        sa.Column("agent", sa.Text, primary_key=True),
        _flag("paused"),
        _at("since"),
        sqlite_with_rowid=False,
    )
