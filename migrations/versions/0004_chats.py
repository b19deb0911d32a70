"""Chats: accounts and rooms, whose they are, what is said and offered in them; what becomes of messages and contacts later.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _maybe_at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger)


def _key_id(name: str) -> sa.Column[bytes]:
    return sa.Column(name, _ID, primary_key=True)


def _key_number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _packed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    """Make the tables and columns."""
    op.create_table(
        "chat",
        _key_id("id"),
        _text("channel"),
        sa.Column("address", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False, server_default="person"),
        _text("name"),
        sa.Column("language", sa.Text),
        sa.Column("customer", sa.Text),
        _text("email"),
        sa.Column("ticket_id", _ID),
        _maybe_at("chosen_until"),
        _maybe_at("new_until"),
        _maybe_at("asked_at"),
        sa.Column("seen_id", _ID),
        _maybe_at("seen_at"),
        _maybe_at("online_until"),
        _maybe_at("gone_at"),
        _at("created_at"),
        _at("last_at"),
        sa.Column("said_id", _ID),
        sa.Column("comment_id", _ID),
        _maybe_at("comment_until"),
        sa.Column("speaks", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("contact", sa.Text),
        sa.Column("agent", sa.Text),
        _text("channel"),
        _text("name"),
        _text("proof"),
        _text("by"),
        _at("since"),
        sqlite_with_rowid=False,
    )
    op.create_index("identity_contact", "identity", ["contact"])
    op.create_index("identity_agent", "identity", ["agent"])
    op.create_table(
        "chat_word",
        _key_id("chat_id"),
        _key_id("id"),
        _text("kind"),
        _packed("text"),
        _text("language"),
        sa.Column("replaces", _ID),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_button",
        _key_id("shard"),
        _key_id("message_id"),
        _key_number("position"),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        _text("address"),
        _text("act"),
        _text("value"),
        _text("label"),
        _at("at"),
        _maybe_at("used_at"),
        _text("used_by"),
        sqlite_with_rowid=False,
    )
    op.create_index("chat_button_address", "chat_button", ["address", "at"])
    op.create_table(
        "message_version",
        _key_id("ticket_id"),
        _key_id("message_id"),
        _key_number("n"),
        _packed("text"),
        _at("at"),
        _text("by"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "page",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("agent"),
        sa.Column("rung", sa.BigInteger, nullable=False, server_default="0"),
        _text("cause"),
        _at("at"),
        _maybe_at("seen_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("page_agent", "page", ["agent", "at"])
    op.create_table(
        "rating",
        _key_id("ticket_id"),
        sa.Column("score", sa.BigInteger, nullable=False, server_default="0"),
        _packed("comment"),
        _at("at"),
        _at("changed_at"),
        _text("by"),
        _text("channel"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quick_reply",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("texts", sa.Text, nullable=False, server_default="{}"),
        sa.Column("groups", sa.Text, nullable=False, server_default="[]"),
        sqlite_with_rowid=False,
    )
    op.add_column("participant", _maybe_at("chosen_at"))
    op.add_column("contact", sa.Column("merged_into", sa.Text))
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "contact_merged", "contact", ["merged_into"], sqlite_where=merged, postgresql_where=merged
    )
    op.add_column("message", _maybe_at("withdrawn_at"))
    op.add_column("delivery", _text("remote_id"))
    op.add_column("delivery", _maybe_at("seen_at"))
    op.add_column("delivery", sa.Column("instead_of", _ID))
    op.add_column("ticket", sa.Column("chat", sa.Text))
    op.add_column("ticket", _maybe_at("waits_since"))
    op.create_index(
        "ticket_chat",
        "ticket",
        ["open", sa.text("(coalesce(waits_since, 9223372036854775807))"), "id"],
        sqlite_where=sa.text("chat IS NOT NULL"),
        postgresql_where=sa.text("chat IS NOT NULL"),
    )
