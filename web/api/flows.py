"""The call flow over the API: its versions, a changed draft, and what is in force."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field

from core.desk import flows
from core.desk.errors import NotFound, invalid
from core.desk.flows import DEFAULT, Version
from core.store.tx import Tx
from ivr import rules
from web import numbers
from web.api import flow_shapes
from web.api.endpoint import Body, Call, api
from web.api.tickets import PageQuery

Flow = Annotated[dict[str, Any], Field(description="In the format `centralino-flow/1`.")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seen = Annotated[Hash, Field(description="The `edition` that you changed; behind it: 409.")]
Comment = Annotated[str, Field(min_length=1, max_length=flows.MAX_COMMENT, pattern=r"\S")]


class NewFlow(Body):
    """A flow from elsewhere."""

    flow: Flow


class ChangedFlow(Body):
    """A flow as you changed it."""

    flow: Flow
    seen: Seen


class Publish(Body):
    """What was reviewed, and what is new."""

    digest: Annotated[Hash, Field(description="Of the version you reviewed.")]
    comment: Comment


class RollBack(Body):
    """Why."""

    comment: Comment


class Discard(Body):
    """Which text is thrown away."""

    seen: Seen


@api("GET", "/flows", query=PageQuery, answer=flow_shapes.FlowVersions)
def list_flows(tx: Tx, call: Call) -> flow_shapes.FlowVersions:
    """Versions of the call flow, newest first. For staff."""
    asked: PageQuery = call.query
    before = _number(asked.cursor) if asked.cursor else flows.MOST
    if not before:
        raise invalid("/cursor", "is no `next` of a page")
    found = flows.versions(tx, call.who, before=before, limit=asked.limit + 1)
    shown, more = found[: asked.limit], len(found) > asked.limit
    return flow_shapes.FlowVersions(
        items=[flow_shapes.FlowSummary(**_summary(one)) for one in shown],
        next=str(shown[-1].number) if more else None,
    )


@api("GET", "/flows/{version}", answer=flow_shapes.FlowVersion)
def get_flow(tx: Tx, call: Call) -> flow_shapes.FlowVersion:
    """One version, with what keeps it from being published. For staff."""
    return _shown(tx, call, _version(call))


@api("POST", "/flows", body=NewFlow, answer=flow_shapes.FlowVersion, status=201)
def add_flow(tx: Tx, call: Call) -> flow_shapes.FlowVersion:
    """Keep a flow from elsewhere as a new draft. For supervisors and administrators."""
    asked: NewFlow = call.body
    return _shown(tx, call, flows.add(tx, call.who, DEFAULT, _text(asked.flow), rules, now=call.now))


@api("PUT", "/flows/{version}", body=ChangedFlow, answer=flow_shapes.FlowVersion)
def save_flow(tx: Tx, call: Call) -> flow_shapes.FlowVersion:
    """Keep a changed version: your own draft is replaced, of anything else this makes a new draft, which it answers."""
    asked: ChangedFlow = call.body
    number = flows.save(
        tx, call.who, DEFAULT, _version(call), _text(asked.flow), rules, seen=asked.seen, now=call.now
    )
    return _shown(tx, call, number)


@api("POST", "/flows/{version}/publish", body=Publish, answer=flow_shapes.FlowVersion)
def publish_flow(tx: Tx, call: Call) -> flow_shapes.FlowVersion:
    """Put a draft in force, for calls that begin from now on.

    What keeps it from that is listed in `faults`, by its place.
    """
    asked: Publish = call.body
    number = _version(call)
    flows.publish(
        tx, call.who, DEFAULT, number, rules, digest=asked.digest, comment=asked.comment, now=call.now
    )
    return _shown(tx, call, number)


@api("POST", "/flows/{version}/roll-back", body=RollBack, answer=flow_shapes.FlowVersion)
def roll_back_flow(tx: Tx, call: Call) -> flow_shapes.FlowVersion:
    """Put a former version in force again, as a new one, which it answers."""
    asked: RollBack = call.body
    number = flows.roll_back(
        tx, call.who, DEFAULT, _version(call), rules, comment=asked.comment, now=call.now
    )
    return _shown(tx, call, number)


@api("POST", "/flows/{version}/discard", body=Discard, answer=flow_shapes.FlowSummary)
def discard_flow(tx: Tx, call: Call) -> flow_shapes.FlowSummary:
    """Throw a draft away: your own, or anybody's for an administrator. Answers what it was."""
    asked: Discard = call.body
    number = _version(call)
    found = flows.show(tx, call.who, DEFAULT, number)
    flows.discard(tx, call.who, DEFAULT, number, seen=asked.seen, now=call.now)
    return flow_shapes.FlowSummary(**_summary(found.version))


def _version(call: Call) -> int:
    number = _number(call.path["version"])
    if not number:
        raise NotFound(call.path["version"])
    return number


def _number(text: str) -> int:
    """A version's number; 0: it is none.

    >>> _number("12"), _number("1e3"), _number("١"), _number("9" * 30)
    (12, 0, 0, 0)
    """
    return numbers.whole(text, digits=len(str(flows.MOST)) - 1) or 0


def _text(flow: dict[str, Any]) -> str:
    return json.dumps(flow, ensure_ascii=False, indent=2) + "\n"


def _summary(one: Version) -> dict[str, Any]:
    names = ("state", "digest", "author", "shipped", "mine", "comment", "created_at", "published_at")
    return {"version": one.number} | {name: getattr(one, name) for name in names}


def _shown(tx: Tx, call: Call, number: int) -> flow_shapes.FlowVersion:
    found = flows.show(tx, call.who, DEFAULT, number)
    return flow_shapes.FlowVersion(
        **_summary(found.version),
        edition=found.edition,
        flow=json.loads(found.body),
        findings=[
            flow_shapes.FlowFinding(rule=one.rule, place=one.place, detail=one.detail)
            for one in flows.findings(tx, call.who, found.body, rules)
        ],
    )


ENDPOINTS = (list_flows, get_flow, add_flow, save_flow, publish_flow, roll_back_flow, discard_flow)
