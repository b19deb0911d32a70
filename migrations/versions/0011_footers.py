"""Which words the mails of one firm end with.

Revision: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "footer",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("mails", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("writer", sa.LargeBinary, nullable=False),
        sa.Column("several", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
