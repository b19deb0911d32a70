"""Papers over the API: what was handed out of a ticket, its values, and the PDF."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from core.desk import papers, resolution
from core.desk.papers import PaperView
from core.store.tx import Tx
from web.api.endpoint import Body, Call, File, api
from web.api.shapes import Shape
from web.api.tickets import Seen
from web.api.verbs import Later


class Paper(Shape):
    """One version of a document. Versions are never changed: a later one takes the place of the one before."""

    id: str
    ticket: str = Field(
        description="Number of the ticket it was made for: another one, where that was merged into this one."
    )
    kind: Literal["closure", "visit"] = Field(
        description="The report at the end of a request, or of a visit."
    )
    about: str = Field(description="The visit's id; empty: the whole request.")
    version: int
    language: str
    hash: str = Field(description="SHA-256 of its values and words; it stands at the foot of every page.")
    why: str = Field(
        description="Why it takes the place of the one before: `final`, `reopened`, or somebody's words; empty: it is the first."
    )
    by: str = Field(description="Who made it; empty: the hub.")
    at: datetime
    newest: bool = Field(description="No later version takes its place.")
    drawn: bool = Field(description="Its PDF is there.")


class Papers(Shape):
    """The papers of a ticket, oldest first."""

    items: list[Paper]


class WholePaper(Paper):
    """The same with everything it says."""

    values: dict[str, Any] = Field(
        description="What it was made from, as its page, its text and its PDF say it: instants in ISO 8601, times in seconds."
    )


def _shown(view: PaperView) -> dict[str, Any]:
    return {
        "id": view.id,
        "ticket": view.number,
        "kind": view.kind,
        "about": view.about,
        "version": view.n,
        "language": view.language,
        "hash": view.hash,
        "why": view.why,
        "by": view.by,
        "at": view.at,
        "newest": view.newest,
        "drawn": view.drawn,
    }


@api("GET", "/tickets/{number}/papers", answer=Papers)
def list_papers(tx: Tx, call: Call) -> Papers:
    """What was handed out of a ticket as documents, in all versions, oldest first."""
    return Papers(items=[Paper(**_shown(one)) for one in papers.of_ticket(tx, call.who, call.number)])


class Correct(Body):
    """What the report should have said; what is empty stays as it was."""

    why: Annotated[
        str,
        Field(
            min_length=1,
            max_length=300,
            pattern=r"\S",
            description="Why it takes the place of the one before. The customer reads it.",
        ),
    ]
    text: Annotated[Later, Field(description="The solution.")] = ""
    tests: Later = ""
    limits: Later = ""
    safety: Later = ""
    next_steps: Later = ""
    seen: Seen = None


@api("POST", "/tickets/{number}/papers", body=Correct, answer=Paper, status=201)
def correct_report(tx: Tx, call: Call) -> Paper:
    """Correct the closing report of a solved or closed ticket: another version, which goes to the customer. Staff only."""
    asked: Correct = call.body
    resolution.correct(
        tx,
        call.who,
        call.number,
        now=call.now,
        why=asked.why,
        text=asked.text,
        tests=asked.tests,
        limits=asked.limits,
        safety=asked.safety,
        next_steps=asked.next_steps,
        seen=asked.seen,
    )
    made = papers.newest(tx, call.who, call.number)
    assert made is not None  # noqa: S101 - it was just made
    return Paper(**_shown(made))


@api("GET", "/tickets/{number}/papers/{id}", answer=WholePaper)
def get_paper(tx: Tx, call: Call) -> WholePaper:
    """One version with the values it was made from."""
    view, values = papers.values(tx, call.who, call.number, call.path["id"])
    return WholePaper(**_shown(view), values=dict(values))


@api("GET", "/tickets/{number}/papers/{id}/pdf", answer=File, errors=(409,))
def get_paper_pdf(tx: Tx, call: Call) -> File:
    """Its PDF, as a download; 409 in the seconds until it is drawn."""
    name, content = papers.pdf(tx, call.who, call.number, call.path["id"])
    return File(name=name, type="application/pdf", content=content)


ENDPOINTS = (list_papers, correct_report, get_paper, get_paper_pdf)
