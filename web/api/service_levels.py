"""Service levels over the API: read, looked at before they are kept, kept with why, and applied to open tickets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.desk import sla_changes, sla_editor
from core.desk.configuration.document import SlaPart
from core.desk.sla_editor import Difference, SlaView
from core.store.tx import Tx
from web.api.clock_shapes import (
    LevelDifference,
    LevelHistory,
    LevelImpact,
    LevelVersion,
    Promised,
    ServiceLevel,
    ServiceLevels,
)
from web.api.endpoint import Body, Call, api

SLICE = 1_000  # open tickets of one preview

Text = Annotated[str, Field(min_length=1, max_length=100)]
TARGET = 'Like 15m, 4h, 2d (48 open hours), 1wd or "5wd end" (working days).'


class PromisedBody(Body):
    """What one priority is promised. What is left out is not."""

    response: Annotated[Text | None, Field(description=TARGET)] = None
    update: Annotated[Text | None, Field(description=TARGET)] = None
    restore: Annotated[Text | None, Field(description=TARGET)] = None
    resolve: Annotated[Text | None, Field(description=TARGET)] = None
    onsite: Annotated[Text | None, Field(description=TARGET)] = None
    vendor: Annotated[Text | None, Field(description=TARGET)] = None
    resolve_after_workaround: Annotated[Text | None, Field(description=TARGET)] = None
    calendar: Annotated[Text | None, Field(description="Left out: that of the contract line.")] = None


class LevelBody(Body):
    """What a service level says."""

    retroactive: Annotated[
        bool, Field(description="Whether who comes under it later is measured by it from the start.")
    ] = True
    targets: Annotated[dict[str, PromisedBody], Field(max_length=10, description="By priority, P1 to P4.")]


class NewLevel(LevelBody):
    """A service level that is kept."""

    why: Annotated[str, Field(min_length=1, max_length=sla_editor.LONGEST_WHY)]
    seen: Annotated[
        str | None, Field(max_length=50, description="`version` of the one that was looked at.")
    ] = None


class LevelPreview(LevelBody):
    """A service level that is not kept."""

    after: Annotated[str | None, Field(max_length=50, description="`next` of the preview before.")] = None


class ApplyLevel(Body):
    """Nothing more."""


def _part(name: str, body: LevelBody) -> SlaPart:
    targets = {priority: said.model_dump(exclude_none=True) for priority, said in body.targets.items()}
    return SlaPart(name=name, retroactive=body.retroactive, targets=targets)


@api("GET", "/service-levels", answer=ServiceLevels)
def list_service_levels(tx: Tx, call: Call) -> ServiceLevels:
    """The service levels of the desk, for staff."""
    return ServiceLevels(items=[_level(one) for one in sla_editor.levels(tx, call.who)])


@api("GET", "/service-levels/{name}", answer=ServiceLevel)
def get_service_level(tx: Tx, call: Call) -> ServiceLevel:
    """One service level."""
    return _level(sla_editor.level(tx, call.who, call.path["name"]))


@api("GET", "/service-levels/{name}/history", answer=LevelHistory)
def list_service_level_versions(tx: Tx, call: Call) -> LevelHistory:
    """Who changed a service level, when, why, and what; for staff."""
    sla_editor.level(tx, call.who, call.path["name"])
    return LevelHistory(
        items=[
            LevelVersion(at=one.at, by=one.by, why=one.why, differences=_differences(one.differences))
            for one in sla_editor.history(tx, call.who, call.path["name"])
        ]
    )


@api("PUT", "/service-levels/{name}", body=NewLevel, answer=ServiceLevel)
def put_service_level(tx: Tx, call: Call) -> ServiceLevel:
    """Make or change a service level, as a supervisor or administrator. Clocks that run keep what they were promised.

    With `seen` it is refused (409) when somebody changed it since.
    """
    asked: NewLevel = call.body
    part = _part(call.path["name"], asked)
    return _level(sla_editor.save(tx, call.who, part, why=asked.why, seen=asked.seen, now=call.now))


@api("POST", "/service-levels/{name}/preview", body=LevelPreview, answer=LevelImpact, asks=True)
def preview_service_level(tx: Tx, call: Call) -> LevelImpact:
    """What a service level would change among open tickets; looks at some of them, and says where to go on."""
    asked: LevelPreview = call.body
    part = _part(call.path["name"], asked)
    found = sla_editor.preview(tx, call.who, part, after=asked.after, limit=SLICE, now=call.now)
    one = found.impact
    return LevelImpact(
        looked_at=one.looked_at,
        tickets=one.tickets,
        earlier=one.earlier,
        later=one.later,
        breached=one.breached,
        kept=one.kept,
        next=found.last,
        differences=_differences(sla_editor.differences(tx, call.who, part)),
    )


@api("POST", "/service-levels/{name}/apply", body=ApplyLevel, answer=ServiceLevel)
def apply_service_level(tx: Tx, call: Call) -> ServiceLevel:
    """Bring open tickets under the service level as it is now. Goes on by itself, a slice at a time.

    A clock that is not promised any more keeps what it was promised; one that is newly promised begins with the next request.
    """
    sla_changes.begin(tx, call.who, call.path["name"], now=call.now)
    return _level(sla_editor.level(tx, call.who, call.path["name"]))


def _level(found: SlaView) -> ServiceLevel:
    part = found.part
    return ServiceLevel(
        name=part.name,
        version=found.version,
        retroactive=part.retroactive,
        targets={
            priority: Promised(**{name: said.get(name) for name in (*sla_editor.PROMISES, "calendar")})
            for priority, said in part.targets.items()
        },
    )


def _differences(found: tuple[Difference, ...]) -> list[LevelDifference]:
    return [
        LevelDifference(priority=one.priority, field=one.field, before=one.before, after=one.after)
        for one in found
    ]


ENDPOINTS = (
    list_service_levels,
    get_service_level,
    list_service_level_versions,
    put_service_level,
    preview_service_level,
    apply_service_level,
)
