"""Outage notices: what staff publish, its updates, who asked to be told, and that they were.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "outage",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("state", sa.Text, nullable=False, server_default=""),
        sa.Column("words", sa.Text, nullable=False, server_default="{}"),
        sa.Column("customers", sa.Text, nullable=False, server_default="[]"),
        sa.Column("sites", sa.Text, nullable=False, server_default="[]"),
        sa.Column("technologies", sa.Text, nullable=False, server_default="[]"),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("next_update", sa.BigInteger),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("published_by", sa.Text, nullable=False, server_default=""),
        sa.Column("last_update", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("outage_state", "outage", ["state", "published_at", "id"])
    op.create_table(
        "outage_update",
        sa.Column("outage_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False, server_default=""),
        sa.Column("words", sa.Text, nullable=False, server_default="{}"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("next_update", sa.BigInteger),
        sa.Column("idem", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outage_subscriber",
        sa.Column("outage_id", _ID, primary_key=True),
        sa.Column("id", _ID, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False, server_default=""),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column("language", sa.Text, nullable=False, server_default=""),
        sa.Column("customer", sa.Text),
        sa.Column("contact", sa.Text),
        sa.Column("progress", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("ticket_id", _ID),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "outage_subscriber_contact",
        "outage_subscriber",
        ["contact"],
        sqlite_where=sa.text("contact IS NOT NULL"),
        postgresql_where=sa.text("contact IS NOT NULL"),
    )
    op.create_table(
        "outage_telling",
        sa.Column("outage_id", _ID, primary_key=True),
        sa.Column("subscriber_id", _ID, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("shard", _ID, nullable=False),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """What was told stays told."""
    raise NotImplementedError("migrations are not taken back; restore a backup")
