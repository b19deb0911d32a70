"""What does a caller get when something is refused? A problem document (RFC 9457) that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One mistake in what was sent."""

    pointer: str = Field(
        description="Where: a JSON Pointer into the body, or the name of a parameter after a slash."
    )
    message: str = Field(description="What is wrong there and what would be right.")


class Problem(BaseModel):
    """Why a call was refused (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="A page that explains this kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do, for a person.")
    faults: list[Fault] = Field(default=[], description="Every mistake in what was sent.")
    trace: str | None = Field(default=None, description="Names this call in our log.")


class Obstacle(BaseModel):
    """What is not over yet on a ticket that is to end."""

    reason: str = Field(description="A code; what overrides it is sent under this name.")
    about: list[str] = Field(description="What it is about, as people know it.")


class Conflict(Problem):
    """The call does not fit the state of the thing, or somebody was quicker."""

    allowed: list[str] = Field(default=[], description="Verbs that the state allows.")
    missing: list[str] = Field(default=[], description="Fields that must be known first.")
    obstacles: list[Obstacle] = Field(
        default=[], description="What keeps the ticket from its end; each can be overridden by a text."
    )
    last_event: int | None = Field(default=None, description="The newest event: what seen has to be.")
    messages: list[Any] = Field(default=[], description="Messages newer than seen.")
    events: list[Any] = Field(default=[], description="Events newer than seen.")


Kind = Literal[
    "bad-request",
    "no-token",
    "forbidden",
    "not-found",
    "wrong-method",
    "conflict",
    "stale",
    "running",
    "too-slow",
    "too-large",
    "wrong-type",
    "invalid",
    "key-reused",
    "too-many",
    "error",
    "unavailable",
]

KINDS: Mapping[str, tuple[int, str, str]] = {
    "bad-request": (
        400,
        "The request cannot be read",
        "The body is not JSON, or the request breaks HTTP. Correct it.",
    ),
    "no-token": (
        401,
        "A token is needed",
        "Send Authorization: Bearer TOKEN with a token that is still valid.",
    ),
    "forbidden": (
        403,
        "Not allowed",
        "The thing is there for you, the act is not: by your role or by your token's scopes.",
    ),
    "not-found": (
        404,
        "Not found",
        "It does not exist, or it is not for you. Outside the two look the same.",
    ),
    "wrong-method": (405, "Wrong method", "The header Allow names the methods of this address."),
    "conflict": (
        409,
        "Does not fit",
        "The state of the thing does not allow this. allowed names what it allows.",
    ),
    "stale": (
        409,
        "Somebody was quicker",
        "Read messages and events, then send again with seen = last_event.",
    ),
    "running": (
        409,
        "Still running",
        "A call with this Idempotency-Key is being answered. Ask again after Retry-After.",
    ),
    "too-slow": (408, "Too slow", "A body has a minute to arrive."),
    "too-large": (413, "Too large", "detail says how much a body may have at that address."),
    "wrong-type": (415, "Wrong content type", "Bodies are application/json."),
    "invalid": (422, "Cannot be used", "faults lists every mistake with its place."),
    "key-reused": (
        422,
        "Key used for another call",
        "An Idempotency-Key belongs to one call for 24 hours. Make a new one.",
    ),
    "too-many": (429, "Too many calls", "Wait as long as Retry-After says, in seconds."),
    "error": (500, "Our mistake", "Tell us the trace. Nothing was changed."),
    "unavailable": (503, "Not now", "Nothing was stored. Ask again after Retry-After."),
}
"""Kind of problem to status, title and what to do: for the answers and for the page that explains them."""


class ApiError(Exception):
    """A refusal of the edge: before any verb was asked."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or KINDS[kind][2])
        self.kind: Kind = kind
        self.faults = list(faults)
        self.headers = dict(headers or {})


def document(
    kind: Kind,
    *,
    detail: str = "",
    faults: Sequence[Fault] = (),
    trace: str | None = None,
    public_url: str,
    **more: Any,
) -> tuple[int, bytes]:
    """Status and body. more are the fields of Conflict."""
    status, title, words = KINDS[kind]
    made = (Conflict if more else Problem)(
        type=f"{public_url}/api#{kind}",
        title=title,
        status=status,
        detail=detail or words,
        faults=list(faults),
        trace=trace,
        **more,
    )
    unsaid = {name for name in ("faults", "trace") if not getattr(made, name)}
    return status, made.model_dump_json(exclude=unsaid).encode()


def not_found(public_url: str) -> tuple[int, bytes]:
    """404 is the same, byte by byte, for what is not there and for what is not for the caller: it names nothing."""
    return document("not-found", public_url=public_url, detail="There is nothing here that you may see.")
