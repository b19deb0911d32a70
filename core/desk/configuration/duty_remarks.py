"""When would nobody be on duty, by the rotas of a desk configuration? Remarks: a plan with a gap is allowed, and told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from core.desk.configuration.document import Document
from core.rules import rotas
from core.rules.rotas import Rota

MOST = 10  # gaps that are told


def remarks(document: Document, *, now: datetime) -> Iterator[str]:
    """A line for each gap of the next 60 days, without the stand-ins of the pages; nothing for a desk without rotas."""
    plans = [
        Rota(
            name=part.name,
            duty=part.duty,
            groups=part.groups,
            time_zone=part.time_zone,
            layers=tuple(layer.layer() for layer in part.layers),
            fallback=part.fallback,
        )
        for part in document.get("rotas", ())
    ]
    if not plans:
        return
    groups = [(part.name, part.level, part.technologies) for part in document.get("groups", ())]
    wanted = rotas.wanted(groups, _covered(document))
    found = rotas.gaps(plans, [], wanted, now, now + rotas.AHEAD)
    for gap in found[:MOST]:
        of = f" for {', '.join(gap.of)}" if gap.of else ""
        what = gap.what.replace("_", " ")
        yield f"rotas: nobody is on duty ({what}{of}) from {gap.since:%Y-%m-%d %H:%M} to {gap.until:%Y-%m-%d %H:%M} UTC"
    if len(found) > MOST:
        yield f"rotas: and {len(found) - MOST} further gaps in the next {rotas.AHEAD.days} days"


def _covered(document: Document) -> list[str]:
    known = [part.name for part in document.get("technologies", ())]
    lines = [
        line
        for customer in document.get("customers", ())
        for contract in customer.contracts
        for line in contract.lines
    ]
    if any(not line.technologies for line in lines):
        return known
    named = {technology for line in lines for technology in line.technologies}
    return [technology for technology in known if technology in named]
