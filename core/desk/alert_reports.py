"""Which alarms does a report tell of? Those of a ticket, each time they fired."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.desk import alert_rows
from core.store import tables
from core.store.columns import Id
from core.store.tx import Prepared, Tx

MOST = 20
"""Alarms that a closing report names; of more it says how many."""

alert, episode = tables.alert, tables.alert_episode

_OF_TICKET = Prepared(
    select(
        alert.c.asset,
        alert.c.resource,
        alert.c.event,
        alert.c.summary,
        alert.c.dedup_key,
        episode.c.started_at,
        episode.c.ended_at,
        episode.c.count,
    )
    .select_from(episode.join(alert, alert.c.id == episode.c.alert_id))
    .where(episode.c.ticket_id == bindparam("ticket_id", type_=Id))
    .order_by(episode.c.started_at, alert.c.id)
)


def of_ticket(tx: Tx, ticket_id: str, *, since: datetime | None) -> dict[str, Any]:
    """`named`: the first MOST since then, in JSON's own types; `more`: how many there are beside them."""
    rows = [
        row for row in tx.all(_OF_TICKET, ticket_id=ticket_id) if since is None or row.started_at >= since
    ]
    return {
        "named": [
            {
                "what": alert_rows.called(row),
                "began": row.started_at.isoformat(),
                "ended": row.ended_at.isoformat() if row.ended_at is not None else "",
                "count": row.count,
            }
            for row in rows[:MOST]
        ],
        "more": max(len(rows) - MOST, 0),
    }
