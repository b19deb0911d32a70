"""Which outages concern whoever looks, in the words they read?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.desk import broadcasts, outage_board
from core.desk.principal import Principal
from core.store.tx import Tx

END_SHOWN = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An outage that concerns the person, in the words they read."""

    outage: outage_board.Outage
    language: str
    title: str
    text: str
    """The newest there is to say."""
    told_at: datetime | None
    """When that was, if it was not the first."""


def of(tx: Tx, who: Principal, *, now: datetime) -> list[Notice]:
    """What concerns them now, and for a day the end of what they asked about."""
    found = outage_board.listing(tx, who, now=now).items
    shown = [
        outage_board.one(tx, who, one.id, now=now)
        for one in found
        if one.state == "running" or (one.subscribed and one.ended_at > now - END_SHOWN)
    ]
    return [_notice(one, who.language) for one in shown]


def _notice(one: outage_board.Outage, wanted: str) -> Notice:
    language, said = broadcasts.in_language(one.words, wanted)
    news = [told for told in one.updates if told.kind != "published" and told.words.get(language)]
    return Notice(
        outage=one,
        language=language,
        title=said["title"],
        text=news[-1].words[language] if news else said["text"],
        told_at=news[-1].at if news else None,
    )
