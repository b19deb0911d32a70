"""What does the API answer about call flows? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from web.api.shapes import Shape


class FlowSummary(Shape):
    """A version of the call flow."""

    version: int
    state: Literal["draft", "published", "retired"]
    digest: str = Field(description="The same for versions that lead calls alike.")
    author: str = Field(description="Name; empty: the command line, or the hub.")
    shipped: bool = Field(description="It came with the hub.")
    mine: bool = Field(description="You are its author: a PUT replaces it as long as it is a draft.")
    comment: str
    created_at: datetime
    published_at: datetime | None


class FlowFinding(Shape):
    """One thing that keeps a version from being published."""

    rule: str
    place: str
    detail: str


class FlowVersion(FlowSummary):
    """A version with the flow itself (docs/call-flows.md)."""

    edition: str = Field(description="Of its text, layout and all: what `seen` has to be.")
    flow: dict[str, Any]
    findings: list[FlowFinding]


class FlowVersions(Shape):
    """A page of versions."""

    items: list[FlowSummary]
    next: str | None
