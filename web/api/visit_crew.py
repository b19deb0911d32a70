"""Who comes to a visit, over the API: one more, another, one less; and how long an engineer was on the way and at work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.desk import crew_changes, day_books
from core.store.tx import Tx
from web.api import visit_shapes as shapes
from web.api.endpoint import Body, Call, Query, api
from web.api.tickets import Name, Seen
from web.api.visits import Day, on_visit


class DayBookQuery(Query):
    """Whose, and which days on the hub's clock; left out: today."""

    agent: Annotated[Name, Field(description="E-mail of an engineer.")]
    since: Day | None = None
    days: Annotated[int, Field(ge=1, le=day_books.MOST_DAYS)] = 1


class AddEngineer(Body):
    """Who else comes."""

    technician: Annotated[Name, Field(description="E-mail of an engineer.")]
    anyway: Annotated[
        bool, Field(description="Outside their hours or too soon, or nobody who comes knows what is needed.")
    ] = False
    seen: Seen = None


class ReplaceEngineer(AddEngineer):
    """Who comes, and in whose place."""

    instead_of: Annotated[Name, Field(description="E-mail of who does not come.")]


class RemoveEngineer(Body):
    """Who does not come."""

    technician: Annotated[Name, Field(description="E-mail of an engineer.")]
    anyway: Annotated[bool, Field(description="Although nobody of those who stay knows what is needed.")] = (
        False
    )
    seen: Seen = None


@api("GET", "/day-book", query=DayBookQuery, answer=shapes.DayBook, errors=(403,))
def get_day_book(tx: Tx, call: Call) -> shapes.DayBook:
    """How long an engineer was on the way and at work on site, of the tickets that you may see. Staff only."""
    asked: DayBookQuery = call.query
    found = day_books.book(tx, call.who, asked.agent, since=asked.since, days=asked.days, now=call.now)
    return shapes.DayBook(
        items=[
            shapes.DayEntry(
                ticket=one.number,
                visit=one.visit,
                customer=one.customer,
                site=one.site,
                leads=one.leads,
                set_out_at=one.set_out_at,
                arrived_at=one.arrived_at,
                left_at=one.left_at,
                travel=one.travel,
                work=one.work,
            )
            for one in found
        ],
        travel=sum(one.travel for one in found),
        work=sum(one.work for one in found),
    )


ENDPOINTS = (
    on_visit(
        "add-engineer",
        AddEngineer,
        crew_changes.add,
        "One more engineer comes at the time that was agreed; 409 where their time is taken.",
    ),
    on_visit(
        "replace-engineer",
        ReplaceEngineer,
        crew_changes.replace,
        "An engineer comes in the place of another, and leads if they did.",
    ),
    on_visit(
        "remove-engineer",
        RemoveEngineer,
        crew_changes.remove,
        "One engineer less comes; 409 for the last: then the visit is cancelled, or they are replaced.",
    ),
    get_day_book,
)
