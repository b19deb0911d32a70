"""What machines said of a delivery, and why an address is stopped, are kept with it.

Revision: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.LargeBinary().with_variant(postgresql.UUID(as_uuid=False), "postgresql")

_ABOUT_NOTHING = sa.text(
    "reason IN ('arf_unknown', 'bounce_hard_unknown', 'bounce_soft_unknown', 'delayed_unknown', 'mdn_unknown', "
    "'relayed_ok_unknown')"
)


def upgrade() -> None:
    """Add the columns: of what was reported before, only its words are known."""
    for table in ("delivery", "delivery_attempt"):
        op.add_column(table, sa.Column("report", sa.Text, nullable=False, server_default="{}"))
    op.add_column("bad_address", sa.Column("delivery_id", _ID))
    op.add_column("bad_address", sa.Column("said", sa.Text, nullable=False, server_default=""))
    op.create_index("bad_address_at", "bad_address", ["at", "address"])
    op.create_index(
        "inbound_unknown",
        "inbound",
        ["received_at", "id"],
        sqlite_where=_ABOUT_NOTHING,
        postgresql_where=_ABOUT_NOTHING,
    )
