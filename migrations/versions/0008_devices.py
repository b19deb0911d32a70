"""Devices: alerts, their episodes and what was decided of them, sources, windows of maintenance.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _number(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=str(default))


def _at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _maybe_at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger)


def _id(name: str) -> sa.Column[bytes]:
    return sa.Column(name, _ID, nullable=False)


def _key_id(name: str) -> sa.Column[bytes]:
    return sa.Column(name, _ID, primary_key=True)


def _key_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _key_number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _packed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text("false"))


def _maybe_id(name: str) -> sa.Column[bytes]:
    return sa.Column(name, _ID)


def upgrade() -> None:
    """Make the tables and the column."""
    op.create_table(
        "alert",
        _key_id("id"),
        _text("source"),
        _text("dedup_key"),
        sa.Column("customer", sa.Text),
        sa.Column("asset", sa.Text),
        _text("site"),
        _text("technology"),
        _text("resource"),
        _text("event"),
        _text("severity"),
        _text("worst"),
        _text("status"),
        _flag("firing"),
        _number("count"),
        _number("copies"),
        _at("first_seen"),
        _at("last_seen"),
        _number("episode"),
        _at("started_at"),
        _maybe_at("ended_at"),
        _at("received_at"),
        _text("transitions", "[]"),
        _maybe_at("flapping_since"),
        _maybe_id("parent_alert"),
        _maybe_id("ticket_id"),
        _maybe_at("placed_at"),
        _flag("accepted_risk"),
        _text("summary"),
        _text("address"),
        _text("above", "[]"),
        sa.Column("root", sa.Text),
        _packed("about"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _maybe_id("inbound_id"),
        _number("decided"),
        _flag("hidden"),
    )
    op.create_index(
        "alert_asset",
        "alert",
        ["customer", "asset", "last_seen"],
        sqlite_where=sa.text("asset IS NOT NULL"),
        postgresql_where=sa.text("asset IS NOT NULL"),
    )
    op.create_index(
        "alert_firing",
        "alert",
        ["customer", "site", "placed_at"],
        sqlite_where=sa.text("firing = 1"),
        postgresql_where=sa.text("firing"),
    )
    op.create_index("alert_key", "alert", ["source", "dedup_key"], unique=True)
    op.create_index(
        "alert_root",
        "alert",
        ["root", "placed_at"],
        sqlite_where=sa.text("root IS NOT NULL AND firing = 1"),
        postgresql_where=sa.text("root IS NOT NULL AND firing"),
    )
    op.create_index(
        "alert_open",
        "alert",
        ["last_seen", "id"],
        sqlite_where=sa.text("firing = 1"),
        postgresql_where=sa.text("firing"),
    )
    op.create_index("alert_seen", "alert", ["last_seen", "id"])
    op.create_index(
        "alert_ticket",
        "alert",
        ["ticket_id"],
        sqlite_where=sa.text("ticket_id IS NOT NULL"),
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )
    op.create_table(
        "alert_decision",
        _key_id("alert_id"),
        _key_number("seq"),
        _at("at"),
        _text("kind"),
        _text("data", "{}"),
        _maybe_id("inbound_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_episode",
        _key_id("alert_id"),
        _key_number("n"),
        _at("started_at"),
        _maybe_at("ended_at"),
        _at("received_at"),
        _text("worst"),
        _number("count"),
        _maybe_id("ticket_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "alert_episode_ticket",
        "alert_episode",
        ["ticket_id"],
        sqlite_where=sa.text("ticket_id IS NOT NULL"),
        postgresql_where=sa.text("ticket_id IS NOT NULL"),
    )
    op.create_table(
        "alert_return",
        _key_id("alert_id"),
        _key_number("n"),
        _text("source"),
        _text("act"),
        _id("ticket_id"),
        _text("number"),
        _number("episode"),
        _text("state", "waiting"),
        _number("tries"),
        _text("error"),
        _at("created_at"),
        _maybe_at("ended_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_meeting",
        _key_text("name"),
        _number("revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_name",
        _key_text("source"),
        _key_text("resource"),
        _text("customer"),
        sa.Column("asset", sa.Text),
        _text("by"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "maintenance_window",
        _key_id("id"),
        _text("customer"),
        _text("site"),
        _text("asset"),
        _text("tag"),
        _maybe_id("alert_id"),
        _at("since"),
        _at("until"),
        _at("over_at"),
        _text("rrule"),
        _text("zone"),
        _text("mode", "mute"),
        _text("change"),
        _text("source"),
        _text("created_by"),
        _at("created_at"),
        sa.Column("approved_by", sa.Text),
        _text("state", "planned"),
        _maybe_at("ended_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("maintenance_window_customer", "maintenance_window", ["customer", "over_at"])
    op.create_index("maintenance_window_over", "maintenance_window", ["over_at"])
    op.create_table(
        "source_state",
        _key_text("name"),
        _maybe_at("seen_at"),
        _maybe_at("beat_at"),
        _number("every_s"),
        _maybe_at("silent_since"),
        _maybe_at("watch_at"),
        _number("received"),
        _maybe_at("round_at"),
        _maybe_at("rounds_since"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hub_trouble",
        _key_text("name"),
        _key_text("reporter"),
        _text("kind"),
        _text("why"),
        _at("since"),
        _at("at"),
        sqlite_with_rowid=False,
    )

    op.create_index(
        "inbound_lines",
        "inbound",
        ["received_at"],
        sqlite_where=sa.text("reason = 'lines'"),
        postgresql_where=sa.text("reason = 'lines'"),
    )
    op.add_column("contact", _flag("alerts"))
    op.add_column("asset", _text("depends_on", "[]"))
    op.add_column("outage", _maybe_id("incident"))
    op.create_index(
        "outage_incident",
        "outage",
        ["incident"],
        sqlite_where=sa.text("incident IS NOT NULL"),
        postgresql_where=sa.text("incident IS NOT NULL"),
    )
