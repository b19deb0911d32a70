"""What calendars answer about a visit, and what was noted on site, over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from core.desk import visit_answers, visit_steps
from core.store.tx import Tx
from web.api import visit_answer_shapes as shapes
from web.api.endpoint import Body, Call, Endpoint, api

Proposal = Annotated[str, Field(min_length=1, max_length=40, description="Id of the time, of `asked`.")]


class Accept(Body):
    """A time that a calendar asked for."""

    proposal: Proposal
    anyway: Annotated[
        bool, Field(description="Although it lies outside the hours of the site, the line or the engineer.")
    ] = False


class Keep(Body):
    """The same, which is not taken."""

    proposal: Proposal


@api("GET", "/tickets/{number}/visits/{visit}/calendar", answer=shapes.Calendar, errors=(403,))
def get_visit_calendar(tx: Tx, call: Call) -> shapes.Calendar:
    """Who was invited to a visit by mail, what they answered, and the times they ask for instead. Staff only."""
    return _now(tx, call)


def _now(tx: Tx, call: Call) -> shapes.Calendar:
    found = visit_answers.calendar(tx, call.who, call.number, call.path["visit"])
    return shapes.Calendar(
        invited=[
            shapes.Invited(
                address=one.address,
                name=one.name,
                role=one.role,
                answer=one.answer,
                answered_at=one.answered_at,
            )
            for one in found.invited
        ],
        asked=[
            shapes.Asked(id=one.id, start=one.start, end=one.end, by=one.by, at=one.at) for one in found.asked
        ],
    )


@api("GET", "/tickets/{number}/visits/{visit}/steps", answer=shapes.Steps, errors=(403,))
def list_visit_steps(tx: Tx, call: Call) -> shapes.Steps:
    """What the engineer noted on site, by the time of the phone. Staff only."""
    found = visit_steps.views(tx, call.who, call.number, call.path["visit"])
    return shapes.Steps(
        items=[
            shapes.Step(
                id=one.id,
                kind=one.kind,
                at=one.at,
                recorded_at=one.recorded_at,
                by=one.by,
                off=one.off,
                picture=bool(one.data.get("picture")),
                done=one.data.get("done"),
                minutes=one.data.get("minutes"),
                **{name: str(one.data.get(name) or "") for name in shapes.WORDS},
            )
            for one in found
        ]
    )


def _verb(name: str, body: type[Body], verb: Callable[..., Any], does: str) -> Endpoint:
    def act(tx: Tx, call: Call) -> shapes.Calendar:
        verb(tx, call.who, call.number, call.path["visit"], now=call.now, **dict(call.body))
        return _now(tx, call)

    act.__name__ = f"{name}_proposed_time"
    act.__doc__ = does
    path = f"/tickets/{{number}}/visits/{{visit}}/{name}"
    return api("POST", path, body=body, answer=shapes.Calendar)(act)


ENDPOINTS = (
    get_visit_calendar,
    _verb(
        "accept",
        Accept,
        visit_answers.accept,
        "A time that a calendar asked for is taken: everybody is invited anew.",
    ),
    _verb(
        "keep",
        Keep,
        visit_answers.keep,
        "The time that was agreed stays: whoever asked for another is told, and so is their calendar.",
    ),
    list_visit_steps,
)
