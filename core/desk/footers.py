"""Which words do the mails of one firm end with? Counted as they come, and folded once they are its footer.

Only who the desk knows as a customer's or a vendor's counts, and only mail that its domain vouches for teaches: nobody
else has a row here, and nobody teaches for another (decision 0047).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal_column, or_

from core.envelope import Footer, Inbound
from core.ids import short_hash
from core.rules import footers as rule
from core.store import tables
from core.store.columns import Instant
from core.store.tx import Prepared, Tx

KNOWN = "folded as a footer of its domain"
"""A remark: how many earlier mails end with it stands behind."""

footer = tables.footer

_SEEN = Prepared(footer.select().where(footer.c.key == bindparam("key")))
_COUNT = Prepared(
    lambda insert: (
        insert(footer)
        .values(
            key=bindparam("key"),
            mails=bindparam("mails"),
            writer=bindparam("writer"),
            several=bindparam("several"),
            at=bindparam("at"),
        )
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "mails": footer.c.mails + literal_column("excluded.mails"),
                "several": or_(
                    footer.c.several,
                    literal_column("excluded.several"),
                    footer.c.writer != literal_column("excluded.writer"),
                ),
                "at": literal_column("excluded.at"),
            },
        )
    )
)
_before = bindparam("before", type_=Instant)
_FORGET = Prepared(
    footer.delete().where(
        or_(
            footer.c.at < bindparam("long_before", type_=Instant),
            (footer.c.at < _before) & ((footer.c.mails < rule.MAILS) | ~footer.c.several),
        )
    )
)


def fold(tx: Tx, said: Inbound, *, whose: str | None) -> tuple[Inbound, list[dict[str, Any]]]:
    """The message with what is known to be a footer folded, and why. `whose`: the customer's code, or a vendor's name.

    Mail that its domain disowns is shown as it is.
    """
    if not said.footers or not whose or said.author_defects or said.authentication.verdict == "fail":
        return said, []
    known: dict[str, rule.Seen] = {}
    for one in said.footers:
        seen = _seen(tx, _key(said, whose, one))
        if seen is not None and rule.is_footer(seen):
            known[one.key] = seen
    if not known:
        return said, []
    why = [
        {"start": one.start, "end": one.end, "mails": known[one.key].mails}
        for one in said.footers
        if one.key in known
    ]
    return replace(said, spans=rule.folded(said.spans, said.footers, known)), why


def learn(tx: Tx, said: Inbound, *, whose: str | None, now: datetime) -> None:
    """Count what this message ends with; once for each message, where it is kept."""
    if not said.footers or not whose or said.author is None or said.author_defects:
        return
    if said.authentication.verdict != "pass":
        return
    writer = short_hash(said.author.key)
    for key in dict.fromkeys(_key(said, whose, one) for one in said.footers):
        if rule.to_be_counted(_seen(tx, key), now=now):
            tx.group.setdefault(_UNCOUNTED, {}).setdefault(key, []).append(writer)
            tx.later(_write, (key, now))


_UNCOUNTED = "who wrote footers of which the table knows nothing yet: by key"


def _write(tx: Tx, items: Sequence[tuple[str, datetime]]) -> None:
    """At the end of the group, so that all colleagues' mails wait for a row as shortly as can be."""
    last: dict[str, datetime] = defaultdict(lambda: items[0][1])
    last.update(items)
    writers: dict[str, list[str]] = tx.group.pop(_UNCOUNTED, {})
    rows = [
        {
            "key": key,
            "mails": len(writers[key]),
            "writer": writers[key][0],
            "several": len(set(writers[key])) > 1,
            "at": last[key],
        }
        for key in sorted(writers)  # in one order, so that nobody waits in a circle
    ]
    tx.run_all(_COUNT, rows)


def remarks(why: Sequence[Mapping[str, Any]]) -> list[str]:
    """For whoever asks why it is folded."""
    return [f"{KNOWN}: {one['mails']}" for one in why]


def forget(tx: Tx, *, now: datetime) -> int:
    """Drop what only few mails ended with, and footers that nobody has any more; return how many."""
    return tx.changed(_FORGET, before=now - rule.KEPT, long_before=now - rule.KNOWN_FOR)


def _key(said: Inbound, whose: str, one: Footer) -> str:
    domain = said.author.domain if said.author is not None else ""
    return short_hash(f"{whose}\n{domain}\n{one.key}")


def _seen(tx: Tx, key: str) -> rule.Seen | None:
    """Asked once in a transaction: it is folded and counted by the same answer."""
    memo: dict[str, rule.Seen | None] = tx.memo.setdefault(_ASKED, {})
    if key not in memo:
        row = tx.one(_SEEN, key=key)
        memo[key] = None if row is None else rule.Seen(mails=row.mails, several=bool(row.several), at=row.at)
    return memo[key]


_ASKED = "footers"
