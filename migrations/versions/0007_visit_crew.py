"""Several engineers come to one visit: a row for each, in place of a list of ids.

Revision: 0007
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    """Make the table and the columns; whoever was to come, or came, has a row."""
    op.create_table(
        "visit_crew",
        sa.Column("ticket_id", _ID, primary_key=True),
        sa.Column("visit_id", _ID, primary_key=True),
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("leads", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("set_out_at", sa.BigInteger),
        sa.Column("minutes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False, server_default=""),
        sqlite_with_rowid=False,
    )
    op.create_index("visit_crew_agent", "visit_crew", ["agent", "visit_id"])
    op.add_column("visit", sa.Column("engineers", sa.BigInteger, nullable=False, server_default="1"))
    op.add_column("visit", sa.Column("named", sa.Text, nullable=False, server_default="[]"))
    op.add_column("visit", sa.Column("agreed", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("visit_slot", sa.Column("others", sa.Text, nullable=False, server_default="[]"))
    _rows()
    op.drop_column("visit", "technicians")


def _rows() -> None:
    bind = op.get_bind()
    bind.execute(sa.text("UPDATE visit SET agreed = sequence"))
    said = bind.execute(sa.text("SELECT ticket_id, id, technicians, made_at, made_by FROM visit"))
    members = [
        {
            "ticket_id": row.ticket_id,
            "visit_id": row.id,
            "agent": agent,
            "leads": n == 0,
            "at": row.made_at,
            "by": row.made_by,
        }
        for row in said
        for n, agent in enumerate(json.loads(row.technicians))
    ]
    if members:
        crew = sa.table("visit_crew", *(sa.column(name) for name in members[0]))
        bind.execute(crew.insert(), members)
