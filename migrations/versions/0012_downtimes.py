"""When a tool said that it works on something, by its own clock; and what flaps is seen anew.

Revision: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: of downtimes that go on it is not known, and the order counts in which messages come."""
    op.add_column("maintenance_window", sa.Column("said_at", sa.BigInteger))
    # From now on a timer ends it, which what flaps already has not; it is said again with its next change.
    op.execute("UPDATE alert SET flapping_since = NULL WHERE flapping_since IS NOT NULL")
