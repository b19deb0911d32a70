"""What the desk decides: versions of contracts and their books, tasks, notices of clocks, promises, duties, joined tickets.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _number(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=str(default))


def _no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text("false"))


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


def upgrade() -> None:
    """Make the tables and columns; contracts have their first version, assets their present owner."""
    op.create_table(
        "activity",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("agent"),
        _text("kind", "remote"),
        _number("minutes"),
        _text("text"),
        _at("at"),
        _at("recorded_at"),
        _text("idem"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "asset_owner",
        _key_text("name"),
        _key_text("customer"),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        _maybe_at("until"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consumption",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("contract"),
        _text("contract_version"),
        _text("line"),
        _text("kind"),
        _text("unit"),
        _number("quantity"),
        _text("period"),
        sa.Column("activity_id", _ID),
        sa.Column("reverses", _ID),
        _text("reason"),
        _text("actor"),
        _at("at"),
        _at("recorded_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("consumption_line", "consumption", ["contract", "line", "period", "id"])
    op.create_table(
        "contract_version",
        _key_text("number"),
        _key_number("n"),
        _text("version"),
        _at("at"),
        _text("by"),
        _text("why"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding",
        _key_text("name"),
        _packed("content"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "handover",
        _key_id("id"),
        _text("rota"),
        _at("ends"),
        _text("outgoing"),
        _text("incoming"),
        _packed("brief"),
        _text("hash"),
        _text("sentences", "{}"),
        _maybe_at("signed_out"),
        _maybe_at("signed_in"),
        _text("signed_out_by"),
        _text("signed_in_by"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_index("handover_ends", "handover", ["rota", "ends"], unique=True)
    op.create_table(
        "incident_update",
        _key_id("ticket_id"),
        _key_id("id"),
        _packed("text"),
        _text("by"),
        _at("at"),
        _text("children", "[]"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "joining",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("kind"),
        _id("into_id"),
        _packed("before"),
        _at("at"),
        _text("by"),
        _text("reason"),
        _maybe_at("undone_at"),
        _text("undone_by"),
        sqlite_with_rowid=False,
    )
    op.create_index("joining_into", "joining", ["into_id", "id"])
    op.create_table(
        "line_balance",
        _key_text("contract"),
        _key_text("line"),
        _key_text("period"),
        _number("granted"),
        _number("used"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "promise",
        _key_id("ticket_id"),
        _key_id("id"),
        _at("due"),
        _text("made_by"),
        sa.Column("message_id", _ID),
        _at("at"),
        _text("state", "open"),
        _maybe_at("kept_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rota",
        _key_text("name"),
        _number("position"),
        _text("duty", "on-call"),
        _text("groups", "[]"),
        _text("time_zone", "Europe/Rome"),
        _text("layers", "[]"),
        _text("fallback"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rota_override",
        _key_text("rota"),
        _key_id("id"),
        _text("agent"),
        _at("since"),
        _at("until"),
        _text("by"),
        _text("reason"),
        _at("at"),
        _maybe_at("removed_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("rota_override_until", "rota_override", ["rota", "until"])
    op.create_table(
        "sla_notice",
        _key_id("ticket_id"),
        _key_text("clock"),
        _key_number("cycle"),
        _key_number("level"),
        _at("fell_due"),
        _at("at"),
        _text("leg"),
        _text("state", "told"),
        _text("agents", "[]"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "task",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("kind"),
        sa.Column("alarm", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("agent", sa.Text),
        sa.Column("desk_group", sa.Text),
        sa.Column("role", sa.Text),
        _text("about", "{}"),
        _at("at"),
        _maybe_at("due"),
        _maybe_at("done_at"),
        _text("done_by"),
        _text("once"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "task_once",
        "task",
        ["ticket_id", "once"],
        unique=True,
        sqlite_where=sa.text("done_at IS NULL AND once != ''"),
        postgresql_where=sa.text("done_at IS NULL AND once != ''"),
    )
    op.create_index(
        "task_open",
        "task",
        ["due", "id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "ticket_link",
        _key_id("ticket_id"),
        _key_id("other_id"),
        _key_text("kind"),
        _at("at"),
        _text("by"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "told",
        _key_text("key"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.add_column("agent", _number("capacity", 8))
    op.add_column("agent", _text("skills", "[]"))
    op.add_column("agent", _text("reach", "[]"))
    op.add_column("agent", _maybe_at("away_until"))
    op.add_column("customer", sa.Column("account_manager", sa.Text))
    op.add_column("ticket", _maybe_at("qualified_at"))
    op.add_column("customer", _text("priorities", "{}"))
    op.add_column("desk_group", _no("assigns"))
    op.add_column("desk_group", _no("sales"))
    op.add_column("contact", _no("vip"))
    op.create_table("intake_rule", _key_number("position"), _text("content", "{}"), sqlite_with_rowid=False)
    op.add_column("sla", sa.Column("retroactive", sa.Boolean, nullable=False, server_default=sa.text("true")))
    op.add_column("page", _number("round"))
    op.add_column("page", _text("code"))
    op.execute(
        """INSERT INTO contract_version (number, n, version, at, "by", why)
        SELECT c.number, 1, c.version, coalesce(d.at, 0), 'system', ''
        FROM contract c LEFT JOIN definition d ON d.version = c.version"""
    )
    op.execute("INSERT INTO asset_owner (name, customer, since) SELECT name, customer, 0 FROM asset")
