"""What did the desk hand out as a document? Papers in versions, each with its page, its text and its PDF; only added, never changed.

Page and text are written with the paper; its PDF is drawn by a job (core.drawing), and by a delivery that carries it where that comes first.
A paper stands under the ticket it was made for, or under `case.ADMINISTRATION` (reports of a contract). It never moves: after a merge closing reports
are read from the ticket that goes on, and the report of a visit from wherever the visit is. Its values and blocks are kept under one hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from core.desk import joining_ways, people, report_words, reports, scope, visit_rows
from core.desk.case import Case
from core.desk.errors import NotFound, Refused
from core.desk.principal import Principal
from core.ids import new_id
from core.papers import model, page, plain_text, wording
from core.store import blobs, tables, work
from core.store.columns import to_json
from core.store.tx import Prepared, Row, Tx

CLOSURE, VISIT, PERIODIC = "closure", "visit", "periodic"
DRAW = "paper"
"""Kind of the job that draws one. Payload: `paper`, on the shard it stands under."""

INSIDE = 256 * 1024
"""Bytes of a picture that stands inside a page, such as a signature. Photos are in the PDF."""
DRAWN = 12 * 1024 * 1024
"""Bytes of one that is drawn."""

Words = tuple[str, tuple[model.Block, ...]]
"""Title and blocks."""

paper = tables.paper

_VERSIONS = Prepared(
    select(func.max(paper.c.n).label("n")).where(
        paper.c.ticket_id == bindparam("shard"),
        paper.c.kind == bindparam("kind"),
        paper.c.about == bindparam("about"),
    )
)
_NUMBER = Prepared(select(tables.ticket.c.number).where(tables.ticket.c.id == bindparam("id")))
_ONE = Prepared(select(paper).where(paper.c.ticket_id == bindparam("shard"), paper.c.id == bindparam("id")))
_OF_TICKET = Prepared(
    select(
        paper.c.ticket_id,
        paper.c.id,
        paper.c.kind,
        paper.c.about,
        paper.c.n,
        paper.c.language,
        paper.c.pdf,
        paper.c.hash,
        paper.c.why,
        paper.c.by,
        paper.c.at,
    )
    .where(paper.c.ticket_id == bindparam("shard"))
    .order_by(paper.c.at, paper.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A version that was just made."""

    shard: str
    id: str
    n: int
    hash: str
    text: str
    """All of it, as words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undrawn:
    """What has no PDF yet."""

    shard: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDraw:
    """What the process that draws is given."""

    packed: bytes
    pictures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperView:
    """One version, as its reader may know of it."""

    shard: str
    """The ticket it was made for, by id."""
    number: str
    """The same by number: another one than the ticket in hand where that was merged into it."""
    id: str
    kind: str
    about: str
    """A visit's id; empty: the whole request."""
    n: int
    language: str
    hash: str
    why: str
    """A code of `[why]` in templates/papers, or somebody's words; of a first version empty."""
    by: str
    """Name of who made it; empty: the hub."""
    at: datetime
    drawn: bool
    """Its PDF is there."""
    newest: bool
    """No later version takes its place."""

    @property
    def series(self) -> str:
        """The same for all versions of one paper: of a visit, or of a ticket."""
        return self.about or self.shard


# --- Making --------------------------------------------------------------------------------------------------


def close_report(case: Case, who: Principal, *, final: bool, why: str = "") -> Made:
    """The closing report of a ticket in hand as it stands now: the first at resolve, the final one at close.

    `why` it takes the place of the one before; empty: the request is closed, or had been opened again.
    """
    found = reports.values(case, final=final)
    why = why or ("final" if final else "reopened")
    return make(case, who, kind=CLOSURE, values=found, words=report_words.closure, why=why)


def make(
    case: Case,
    who: Principal,
    *,
    kind: str,
    values: Mapping[str, Any],
    words: Callable[[Mapping[str, Any], str], Words],
    about: str = "",
    why: str = "",
) -> Made:
    """The next version of a paper of a ticket in hand, with its event. `why` it takes the place of the one before."""
    language = case["language"]
    made = keep(
        case.tx,
        case.id,
        kind=kind,
        about=about,
        name=case["number"],
        language=language,
        values=values,
        words=words(values, language),
        why=why,
        by=who.actor,
        now=case.now,
    )
    case.event("paper.made", actor=who.actor, paper=made.id, what=kind, n=made.n, hash=made.hash)
    return made


def keep(
    tx: Tx,
    shard: str,
    *,
    kind: str,
    about: str,
    name: str,
    language: str,
    values: Mapping[str, Any],
    words: Words,
    why: str,
    by: str,
    now: datetime,
) -> Made:
    """The next version of any paper, and the job that draws it. `name`: of the ticket or the contract, for the foot of the pages.

    The event is the caller's. Two who make one at once meet at the version's number.
    """
    # A visit has been of other tickets maybe, and its report with it; every other paper is of one shard.
    shards = joining_ways.kin(tx, shard) if kind == VISIT else (shard,)
    n = 1 + max(tx.one(_VERSIONS, shard=one, kind=kind, about=about).n or 0 for one in shards)
    title, blocks = words
    document = model.cleaned(
        model.Paper(
            title=title,
            subtitle=report_words.subtitle(values, n, why, language),
            language=language,
            hub=tx.facts.name,
            name=f"{name}/{n}",
            at=now,
            hash="",
            blocks=blocks,
        )
    )
    kept = {"of": values, "paper": model.stored(document)}
    digest = hash_of(kept)
    document = msgspec.structs.replace(document, hash=digest)
    text = plain_text.write(document)
    html = page.write(document, _pictures(tx, document, each=INSIDE, all_of_them=4 * INSIDE))
    paper_id = new_id()
    tx.insert(
        paper,
        ticket_id=shard,
        id=paper_id,
        kind=kind,
        about=about,
        n=n,
        language=language,
        values=kept,
        html=blobs.put(tx, html.encode(), now=now),
        text=blobs.put(tx, text.encode(), now=now),
        pdf=None,
        hash=digest,
        why=why if n > 1 else "",
        by=by,
        at=now,
    )
    work.enqueue(
        tx,
        shard=shard,
        lane=f"paper:{paper_id}",
        kind=DRAW,
        payload={"paper": paper_id},
        due=now,
        now=now,
        idem_key=f"paper:{paper_id}",
    )
    return Made(shard=shard, id=paper_id, n=n, hash=digest, text=text)


def hash_of(kept: Mapping[str, Any]) -> str:
    """The hash of a paper's values and blocks, as they are stored."""
    return hashlib.sha256(to_json(kept).encode()).hexdigest()


# --- Drawing -------------------------------------------------------------------------------------------------


def to_draw(tx: Tx, shard: str, paper_id: str) -> ToDraw | None:
    """What its PDF is drawn from; None when that is there, or nothing of this name is."""
    row = tx.one(_ONE, shard=shard, id=paper_id)
    if row is None or row.pdf is not None:
        return None
    document = _document(row)
    return ToDraw(
        packed=model.pack(document), pictures=_pictures(tx, document, each=DRAWN, all_of_them=4 * DRAWN)
    )


def keep_drawing(tx: Tx, shard: str, paper_id: str, pdf: bytes, *, now: datetime) -> None:
    """Its PDF is there. Who comes second changes nothing."""
    row = tx.one(_ONE, shard=shard, id=paper_id)
    if row is not None and row.pdf is None:
        tx.update(paper, {"ticket_id": shard, "id": paper_id}, pdf=blobs.put(tx, pdf, now=now))
        tx.tell("ticket", shard)


def carried(tx: Tx, made_from: Mapping[str, Any] | None) -> tuple[str, bytes] | Undrawn | None:
    """The paper that goes with a message: name and bytes of its PDF; Undrawn; None: none does."""
    named = (made_from or {}).get("paper")
    if not named:
        return None
    shard, paper_id = named
    row = tx.one(_ONE, shard=shard, id=paper_id)
    if row.pdf is None:
        return Undrawn(shard=shard, id=paper_id)
    return file_name(row), blobs.get(tx, row.pdf)


# --- Reading -------------------------------------------------------------------------------------------------


def of_ticket(tx: Tx, who: Principal, number: str) -> tuple[PaperView, ...]:
    """The papers of a ticket and of those that were merged into it, oldest first. Raises NotFound.

    A contact does not see those of somebody who asked before, nor the closing reports of a request that was never theirs to see.
    """
    found = scope.find(tx, who, number)
    since = scope.hidden_before(who, found)
    rows = [row for row in _here(tx, who, found) if since is None or row.at >= since]
    newest = {row.about or row.ticket_id: row.id for row in sorted(rows, key=lambda row: row.n)}
    numbers = {one: tx.one(_NUMBER, id=one).number for one in {row.ticket_id for row in rows}}
    return tuple(
        PaperView(
            shard=row.ticket_id,
            number=numbers[row.ticket_id],
            id=row.id,
            kind=row.kind,
            about=row.about,
            n=row.n,
            language=row.language,
            hash=row.hash,
            why=row.why,
            by=_by(tx, row.by),
            at=row.at,
            drawn=row.pdf is not None,
            newest=newest[row.about or row.ticket_id] == row.id,
        )
        for row in sorted(rows, key=lambda row: (row.at, row.id))
    )


def _here(tx: Tx, who: Principal, found: Row) -> Iterator[Row]:
    """Wherever they stand: what was made for this ticket, or one that ended in it; and for its visits while those were another's."""
    kin = joining_ways.kin(tx, found.id)
    visits = {row.id for row in visit_rows.of_ticket(tx, found.id)} if len(kin) > 1 else set()
    for shard in kin:
        closures = shard == found.id or _ended_here(tx, who, found, shard)
        for row in tx.all(_OF_TICKET, shard=shard):
            if closures if row.kind != VISIT else len(kin) == 1 or row.about in visits:
                yield row


def _ended_here(tx: Tx, who: Principal, found: Row, shard: str) -> bool:
    if joining_ways.survivor(tx, shard) != found.id:
        return False
    if who.kind != "contact":
        return True
    try:
        return bool(scope.find(tx, who, tx.one(_NUMBER, id=shard).number))
    except NotFound:
        return False


def changed(tx: Tx, who: Principal, number: str) -> dict[str, tuple[str, ...]]:
    """Of each version that takes the place of one before: names of the values that differ. Raises NotFound."""
    found: dict[str, tuple[str, ...]] = {}
    before: dict[str, Mapping[str, Any]] = {}
    for view in of_ticket(tx, who, number):
        of = tx.one(_ONE, shard=view.shard, id=view.id).values["of"]
        earlier = before.get(view.series)
        if earlier is not None:
            found[view.id] = tuple(name for name in of if (of[name] or None) != (earlier.get(name) or None))
        before[view.series] = of
    return found


def newest(tx: Tx, who: Principal, number: str, *, kind: str = CLOSURE) -> PaperView | None:
    """The version that is in force of the ticket itself; None: there is none. Raises NotFound."""
    of_it = [one for one in of_ticket(tx, who, number) if one.number == number]
    found = [one for one in of_it if one.kind == kind and one.newest]
    return found[-1] if found else None


def values(tx: Tx, who: Principal, number: str, paper_id: str) -> tuple[PaperView, Mapping[str, Any]]:
    """One version and the values it was made from. Raises NotFound."""
    view, row = _found(tx, who, number, paper_id)
    of: Mapping[str, Any] = row.values["of"]
    return view, of


def html(tx: Tx, who: Principal, number: str, paper_id: str) -> tuple[PaperView, str]:
    """One version as a part of a page, escaped already. Raises NotFound."""
    view, row = _found(tx, who, number, paper_id)
    return view, blobs.get(tx, row.html).decode()


def pdf(tx: Tx, who: Principal, number: str, paper_id: str) -> tuple[str, bytes]:
    """File name and bytes of its PDF. Raises NotFound; Refused while it is being drawn."""
    _, row = _found(tx, who, number, paper_id)
    if row.pdf is None:
        raise Refused("the PDF of this paper is being drawn: ask again in a few seconds", code="being_drawn")
    return file_name(row), blobs.get(tx, row.pdf)


def file_name(row: Row) -> str:
    """What its file is called: letters, digits and hyphens.

    >>> from types import SimpleNamespace
    >>> document = {"name": "C-1 / 2026/2", "language": "en"}
    >>> file_name(SimpleNamespace(kind="closure", language="en", n=2, values={"paper": document}))
    'report-C-1-2026-v2.pdf'
    """
    kind = wording.words(row.language).get(row.kind, {}).get("file", row.kind)
    about = row.values["paper"]["name"].rpartition("/")[0]
    plain = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in about).split())
    return f"{kind}-{plain}-v{row.n}.pdf"


def _found(tx: Tx, who: Principal, number: str, paper_id: str) -> tuple[PaperView, Row]:
    for view in of_ticket(tx, who, number):
        if view.id == paper_id:
            return view, tx.one(_ONE, shard=view.shard, id=paper_id)
    raise NotFound(f"there is no paper {paper_id} on {number} that you may see")


def _document(row: Row) -> model.Paper:
    return msgspec.structs.replace(model.restored(row.values["paper"]), hash=row.hash)


def _pictures(tx: Tx, document: model.Paper, *, each: int, all_of_them: int) -> dict[str, bytes]:
    """Its pictures, as far as they are no larger, and no more, than so many bytes; of others their words stand alone."""
    found: dict[str, bytes] = {}
    room = all_of_them
    for name in dict.fromkeys(model.pictures(document)):
        size = blobs.size(tx, name)
        if size is not None and size <= min(each, room):
            found[name] = blobs.get(tx, name)
            room -= size
    return found


def _by(tx: Tx, actor: str) -> str:
    kind, _, identity = actor.partition(":")
    agent = people.agent(tx, identity) if kind == "agent" else None
    return agent.name if agent else ""
