"""What calendars answer about a visit, and what was noted on site, over the API."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from core.desk import visit_answers, visit_steps, visit_views
from core.desk.errors import invalid
from core.desk.visit_steps import Kind
from core.ids import new_id
from core.store.tx import Tx
from web.api import visit_answer_shapes as shapes
from web.api.duties import Instant
from web.api.endpoint import MIB, Body, Call, Endpoint, api

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


Long = Annotated[str, Field(max_length=visit_steps.TEXT)]
Line = Annotated[str, Field(max_length=visit_steps.LINE)]


class NewStep(Body):
    """Something done on site; each kind has fields of its own.

    `task`: `text`, `done`. `part`: `name`, `serial`, `removed`. `note`, `no_access`: `text`. `photo`: `picture`, `text`.
    `sign`: `name`, `role`, `picture` or `unable`, `comment`. `check_out`: `text`, `minutes`, `limits`, `safety`,
    `next_steps`. `en_route` and `check_in` have nothing more.
    """

    kind: Kind
    id: Annotated[
        str | None,
        Field(
            max_length=40,
            description="A UUID that you make once: the same step again is kept once, however late. "
            "Left out: only an Idempotency-Key tells a repeated call.",
        ),
    ] = None
    at: Annotated[Instant | None, Field(description="By your clock. None: now.")] = None
    sent_at: Annotated[
        Instant | None, Field(description="What your clock says now; what it is off by is taken out.")
    ] = None
    text: Long | None = None
    done: Annotated[bool | None, Field(description="Of a line of the checklist.")] = None
    name: Annotated[Line | None, Field(description="Of a part, or of who signs.")] = None
    serial: Annotated[Line | None, Field(description="Of a part that was put in.")] = None
    removed: Annotated[Line | None, Field(description="Serial of what was taken out.")] = None
    role: Line | None = None
    unable: Annotated[Line | None, Field(description="Why there is no signature.")] = None
    comment: Line | None = None
    minutes: Annotated[int | None, Field(ge=1, le=99_999, description="Of work.")] = None
    limits: Annotated[Long | None, Field(description="What the solution does not cover.")] = None
    safety: Annotated[Long | None, Field(description="What is dangerous there.")] = None
    next_steps: Annotated[Long | None, Field(description="What comes after.")] = None
    picture: Annotated[
        str | None,
        Field(
            description="Base64 (RFC 4648, 4): a photo, PNG or JPEG up to 10 MB; a signature, PNG up to 200 kB."
        ),
    ] = None


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


@api(
    "POST",
    "/tickets/{number}/visits/{visit}/steps",
    body=NewStep,
    answer=shapes.KeptStep,
    most=14 * MIB,
)
def note_visit_step(tx: Tx, call: Call) -> shapes.KeptStep:
    """Note what was done on site, as the engineer's phone does.

    On the way, arrived, finished and nobody there move the visit, as soon as what comes before is noted. Staff only.
    """
    asked: NewStep = call.body
    said = asked.model_dump(exclude_none=True, exclude={"kind", "id", "at", "sent_at", "picture"})
    if "done" in said:
        said["done"] = "1" if asked.done else ""
    visit_views.one(tx, call.who, call.number, call.path["visit"])  # of this ticket, and theirs to see
    kept = visit_steps.record(
        tx,
        call.who,
        call.path["visit"],
        visit_steps.Step(
            id=asked.id or new_id(),
            kind=asked.kind,
            at=asked.at,
            given={name: str(value) for name, value in said.items()},
            picture=_picture(asked.picture or ""),
        ),
        now=call.now,
        sent_at=asked.sent_at,
    )
    return shapes.KeptStep(id=kept.id, new=kept.new, state=kept.state)


def _picture(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise invalid("/picture", "must be base64, in one line") from None


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
    note_visit_step,
)
