"""What is known against an address stands under its key, which has no capitals; and what goes on with a ticket is found.

Revision: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

bad_address = sa.table("bad_address", *(sa.column(name) for name in ("address", "reason")))


def upgrade() -> None:
    """Make the index, and spell addresses so; where one had several, a complaint stays, else any."""
    some = sa.text("follow_up_of IS NOT NULL")
    op.create_index("ticket_follow_up", "ticket", ["follow_up_of"], sqlite_where=some, postgresql_where=some)
    connection = op.get_bind()
    by_key: dict[str, list[tuple[str, str]]] = {}
    for row in connection.execute(sa.select(bad_address.c.address, bad_address.c.reason)).all():
        by_key.setdefault(row.address.lower(), []).append((row.address, row.reason))
    for key, rows in by_key.items():
        # A wish of its owner is theirs; of the rest a complaint weighs most (desk.stopped).
        rows.sort(key=lambda one: (one[1] != "opted out", one[1] != "complaint", one[0] != key))
        (kept, _), *others = rows
        for other, _ in others:
            connection.execute(bad_address.delete().where(bad_address.c.address == other))
        if kept != key:
            connection.execute(bad_address.update().where(bad_address.c.address == kept).values(address=key))
