"""What the desk delivers: cases at vendors, visits, workarounds and what is known, papers and periodic reports.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
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


def upgrade() -> None:
    """Make the tables and columns."""
    op.create_table(
        "booking",
        _key_text("agent"),
        _key_id("id"),
        _text("kind"),
        _at("since"),
        _at("until"),
        sa.Column("ticket_id", _ID),
        sa.Column("visit_id", _ID),
        _text("note"),
        _text("by"),
        _at("at"),
        _maybe_at("expires_at"),
        sqlite_with_rowid=False,
    )
    op.create_index("booking_until", "booking", ["until", "agent"])
    op.create_index(
        "booking_visit",
        "booking",
        ["visit_id"],
        sqlite_where=sa.text("visit_id IS NOT NULL"),
        postgresql_where=sa.text("visit_id IS NOT NULL"),
    )
    op.create_table(
        "engineer",
        _key_text("agent"),
        _number("revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "known_error",
        _key_id("id"),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("problem_id", _ID),
        _text("title"),
        _packed("symptom"),
        _packed("cause"),
        _packed("steps"),
        _packed("public_text"),
        _text("risk"),
        _text("fix"),
        sa.Column("technology", sa.Text),
        sa.Column("customer", sa.Text),
        _text("assets", "[]"),
        _text("pattern"),
        _text("words", "[]"),
        _maybe_at("verified_on"),
        _maybe_at("expires_on"),
        _number("version", 1),
        _at("at"),
        _text("by"),
        _maybe_at("closed_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "paper",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("kind"),
        _text("about"),
        sa.Column("n", sa.Integer, nullable=False),
        _text("language"),
        _packed("values"),
        sa.Column("html", sa.LargeBinary, nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
        sa.Column("pdf", sa.LargeBinary),
        _text("hash"),
        _text("why"),
        _text("by"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_index("paper_version", "paper", ["ticket_id", "kind", "about", "n"], unique=True)
    op.create_table(
        "periodic_report",
        _key_text("contract"),
        _key_text("period"),
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        _text("customer"),
        sa.Column("draft", sa.Boolean, nullable=False, server_default=sa.text("false")),
        _text("state", "made"),
        sa.Column("paper_id", _ID),
        _at("since"),
        _at("until"),
        _at("at"),
        _text("by"),
        _maybe_at("approved_at"),
        _text("approved_by"),
        _maybe_at("sent_at"),
        _text("why"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "problem",
        _key_id("id"),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        _text("title"),
        _text("state", "new"),
        _packed("root_cause"),
        sa.Column("owner", sa.Text),
        sa.Column("technology", sa.Text),
        sa.Column("customer", sa.Text),
        sa.Column("asset", sa.Text),
        _text("cause"),
        _text("repeats"),
        _maybe_at("fix_due"),
        _at("at"),
        _text("by"),
        _at("changed_at"),
        _maybe_at("closed_at"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "problem_open",
        "problem",
        ["changed_at", "id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "problem_ticket",
        _key_id("ticket_id"),
        _key_id("problem_id"),
        _at("at"),
        _text("by"),
        sqlite_with_rowid=False,
    )
    op.create_index("problem_ticket_problem", "problem_ticket", ["problem_id", "ticket_id"])
    op.create_table(
        "report_delivery",
        _key_text("contract"),
        _key_text("period"),
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        _key_text("address"),
        _id("delivery_id"),
        _text("state", "queued"),
        _at("at"),
        _maybe_at("sent_at"),
        _text("error"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_schedule",
        _key_text("contract"),
        _key_text("every"),
        _text("recipients", "[]"),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        _text("by"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vendor_case",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("vendor"),
        _text("contract"),
        _text("reference"),
        _text("state", "draft"),
        _text("severity_there"),
        sa.Column("thread_id", _ID),
        _text("subject"),
        _text("rma"),
        _text("serial"),
        sa.Column("reference_shown", sa.Boolean, nullable=False, server_default=sa.text("false")),
        _at("made_at"),
        _text("made_by"),
        _maybe_at("opened_at"),
        _maybe_at("first_answer_at"),
        _maybe_at("next_update_due"),
        _maybe_at("solved_at"),
        _maybe_at("closed_at"),
        _number("reopened"),
        _number("late"),
        _number("kept"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "vendor_case_open",
        "vendor_case",
        ["vendor", "id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("vendor_case_thread", "vendor_case", ["thread_id"])
    op.create_index("vendor_case_opened", "vendor_case", ["opened_at", "id"])
    op.create_table(
        "visit",
        _key_id("ticket_id"),
        _key_id("id"),
        _text("customer"),
        _text("site"),
        _text("place"),
        _text("time_zone"),
        _text("purpose"),
        _text("skills", "[]"),
        _text("parts", "[]"),
        _number("minutes", 120),
        _text("state", "proposed"),
        _text("technicians", "[]"),
        _maybe_at("window_start"),
        _maybe_at("window_end"),
        _maybe_at("arrived_at"),
        _maybe_at("left_at"),
        _text("uid"),
        _number("sequence"),
        sa.Column("billable", sa.Boolean, nullable=False, server_default=sa.text("false")),
        _text("ended_why"),
        sa.Column("replaces", _ID),
        _at("made_at"),
        _text("made_by"),
        _maybe_at("closed_at"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "visit_open",
        "visit",
        ["window_start", "id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("visit_uid", "visit", ["uid"], unique=True)
    op.create_table(
        "visit_attendee",
        _key_id("ticket_id"),
        _key_id("visit_id"),
        _key_text("address"),
        _text("name"),
        _text("role"),
        _text("partstat", "NEEDS-ACTION"),
        _number("sequence"),
        _maybe_at("answered_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visit_slot",
        _key_id("ticket_id"),
        _key_id("visit_id"),
        _key_id("id"),
        _text("technician"),
        _at("slot_start"),
        _at("slot_end"),
        _at("expires_at"),
        _text("state", "offered"),
        _text("by"),
        _at("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visit_step",
        _key_id("ticket_id"),
        _key_id("visit_id"),
        _key_id("id"),
        _text("kind"),
        _packed("data"),
        _at("at"),
        _at("recorded_at"),
        _text("by"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workaround",
        _key_id("ticket_id"),
        _key_id("id"),
        _packed("text"),
        _at("applied_at"),
        _text("by"),
        _at("review_by"),
        _text("state", "asked"),
        _text("answered_by"),
        _maybe_at("answered_at"),
        _text("why"),
        sa.Column("known_error", _ID),
        sqlite_with_rowid=False,
    )

    op.add_column("agent", sa.Column("onsite", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.add_column("agent", _text("calendar"))
    op.add_column("site", _text("calendar"))
    op.add_column("site", _number("access_lead"))
    op.add_column("asset", _text("make"))
    op.add_column("asset", _text("model"))
    op.add_column("asset", _text("serial"))
