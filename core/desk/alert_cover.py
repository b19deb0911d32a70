"""Does a contract stand for what a device reports? The check of monitoring.md 4, step 6, before there is a ticket."""

from __future__ import annotations

from datetime import datetime

from core.desk import alert_tickets, people, reference
from core.desk.alert_sources import AlertSource
from core.envelope import Trust
from core.rules import entitlement
from core.store.tx import Tx

STORED = "store_alert_only"
UNCOVERED = ("route_sales", "triage_unknown", "quarantine", STORED)


def decision(
    tx: Tx,
    source: AlertSource,
    *,
    customer: str | None,
    asset: people.Asset | None,
    name: str | None,
    site: str,
    at: datetime,
) -> str:
    """What the desk would do with an alarm there (rules.entitlement.DECISIONS). `name`: of the asset, known or not."""
    known = reference.customer(tx, customer) if customer else None
    if known is None:
        return "triage_unknown"
    return entitlement.check(
        entitlement.Asked(
            at=at,
            channel=alert_tickets.CHANNEL,
            trust=Trust.VERIFIED,
            customer=known.code,
            request_type=source.request_type or None,
            technology=(asset.technology if asset else "") or source.technology or None,
            asset=name,
            asset_known=asset is not None,
            site=site or None,
            from_alert_source=True,
            page_anyway=source.page_anyway,
            always_page=asset is not None and asset.always_page,
        ),
        reference.contracts(tx, known.code),
        window=reference.desk(tx).window,
        policy=known.policy,
    ).decision


def covers(tx: Tx, source: AlertSource, asset: people.Asset, *, at: datetime) -> bool:
    """Is there a contract that stands for this asset, or is it always paged?"""
    found = decision(
        tx, source, customer=asset.customer, asset=asset, name=asset.name, site=asset.site, at=at
    )
    return found not in UNCOVERED
