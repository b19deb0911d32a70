"""What can be done to a ticket over the API: one verb of the desk a call, each answers the ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from core.desk import forwards, next_steps, ratings, resolution, taking_back, tickets
from core.store.tx import Tx
from web.api import shapes
from web.api.endpoint import Body, Call, Endpoint, api
from web.api.tickets import Level, Name, PromiseBy, Seen, Words, ticket_now

Cause = Literal[
    "hardware", "software", "configuration", "network", "power", "user", "vendor", "security", "other"
]
Reasons = Literal[
    "alert_firing", "vendor_open", "visit_booked", "promise_overdue", "child_open", "message_held"
]
Reason = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]
WhenTrue = Annotated[
    AwareDatetime | None,
    Field(description="When it was true, back to when the request was received. None: now."),
]
Overrides = Annotated[
    dict[Reasons, Annotated[str, Field(min_length=10, max_length=2000)]],
    Field(
        description="A reason out of the `obstacles` of a 409 to why it may be so all the same, in at least 10 characters."
    ),
]
Minutes = Annotated[int, Field(ge=1, le=100_000, description="Minutes of work.")]


class Plain(Body):
    """Nothing but what you have seen."""

    seen: Seen = None


class Qualify(Plain):
    """What the request is. A field left out keeps its value."""

    customer: Annotated[Name | None, Field(description="Code.")] = None
    contact: Annotated[Name | None, Field(description="E-mail or id.")] = None
    request_type: Name | None = None
    technology: Name | None = None
    impact: Annotated[
        int | None, Field(ge=1, le=3, description="1 department or site, 2 service, 3 person.")
    ] = None
    urgency: Annotated[int | None, Field(ge=1, le=4, description="1 critical to 4 low.")] = None
    asset: Name | None = None
    site: Name | None = None
    safety: Annotated[
        bool | None, Field(description="People are in danger: one priority more urgent, P2 at least.")
    ] = None


class Assign(Plain):
    """To whom. Without either the ticket goes back to its group."""

    agent: Annotated[Name | None, Field(description="E-mail.")] = None
    group: Name | None = None


class Escalate(Plain):
    """Why, and to which group or level; without either to the next level."""

    reason: Reason
    group: Name | None = None
    level: Level = None


class Since(Plain):
    """What you have seen, and when it was true."""

    at: WhenTrue = None


class Text(Plain):
    """What the customer is told."""

    text: Words


class Ask(Text):
    """What the customer is asked."""

    promise_by: PromiseBy = None


class Promise(Plain):
    """By when the customer hears from us."""

    promise_by: AwareDatetime | Literal["none"]


class Observe(Plain):
    """Until when it is watched."""

    until: Annotated[AwareDatetime, Field(description="Ahead of now, at most 31 days.")]


class Workaround(Text):
    """What helps for now, and when it is looked at again."""

    review_by: AwareDatetime | None = None
    at: WhenTrue = None


class Close(Plain):
    """What is not over, and why it may be so all the same."""

    overrides: Overrides = Field(default_factory=dict)


Later = Annotated[str, Field(max_length=100_000)]
"""A part of the closing report; empty: it says what was noted at the end of a visit, if anything was."""


class Resolve(Text):
    """What it was and how long it took."""

    cause: Cause
    minutes: Minutes
    tests: Annotated[Later, Field(description="How it was tested, and how it stands at hand-over.")] = ""
    limits: Annotated[Later, Field(description="What the solution does not cover.")] = ""
    safety: Annotated[Later, Field(description="What is dangerous there.")] = ""
    next_steps: Annotated[Later, Field(description="What comes after.")] = ""
    overrides: Overrides = Field(default_factory=dict)
    at: WhenTrue = None


class Why(Plain):
    """Why."""

    reason: Reason


class Reject(Why):
    """Why, for colleagues, and what the customer is told."""

    text: Words


class Refuse(Body):
    """What is still wrong."""

    reason: Reason


class Rate(Body):
    """How it went."""

    score: Annotated[int, Field(ge=1, le=5, description="1 to 5, the best.")]
    comment: Annotated[
        str | None, Field(max_length=2000, description="Left out: the one that is there stays.")
    ] = None


class Who(Plain):
    """Whom."""

    address: Annotated[Name, Field(description="E-mail.")]


class Message(Body):
    """Which message."""

    message: Annotated[str, Field(min_length=1, max_length=50, description="Its id.")]


class Nothing(Body):
    """No fields."""


def _verb(name: str, body: type[Body], verb: Callable[..., str], does: str) -> Endpoint:
    """The fields of the body are the verb's own named arguments."""

    def act(tx: Tx, call: Call) -> shapes.Ticket:
        verb(tx, call.who, call.number, now=call.now, **dict(call.body))
        return ticket_now(tx, call, call.number)

    act.__name__ = f"{name}_ticket"
    act.__doc__ = does
    return api("POST", f"/tickets/{{number}}/{name}", body=body, answer=shapes.Ticket)(act)


ENDPOINTS = (
    _verb(
        "qualify",
        Qualify,
        tickets.qualify,
        "Say what the request is; when all is known it gets a priority and a group.",
    ),
    _verb(
        "take_forwarded",
        Nothing,
        forwards.take,
        "Whom a colleague's forward names as its writer is the requester (`offered_requester` of the ticket).",
    ),
    _verb("take", Since, tickets.take, "Start to work on it: it is yours, and the response clock is met."),
    _verb("assign", Assign, tickets.assign, "Give it to an agent, a group, or back to its group."),
    _verb(
        "escalate", Escalate, tickets.escalate, "Hand it to the next level, with a note for whoever takes it."
    ),
    _verb("include", Who, tickets.include, "Write to this person too, whosever contact they are."),
    _verb("exclude", Who, tickets.exclude, "Write to this person no more."),
    _verb(
        "retract",
        Message,
        taking_back.retract,
        "Take back a message of yours: what left by mail or as a text message stays where it is.",
    ),
    _verb("wait", Ask, tickets.wait, "Ask the customer something, and pause their clocks until they answer."),
    _verb(
        "promise",
        Promise,
        next_steps.promise,
        "Promise the next words, which the customer is told; none: decide that nothing is promised.",
    ),
    _verb(
        "observe", Observe, next_steps.observe, "It seems to work: watch it, and be asked at that instant."
    ),
    _verb("resume", Since, tickets.resume, "Go on without the answer that was waited for."),
    _verb("workaround", Workaround, tickets.workaround, "The service works again by a temporary measure."),
    _verb(
        "resolve", Resolve, resolution.resolve, "It is solved: the customer gets the report and may object."
    ),
    _verb("close", Close, resolution.close, "The customer is content: the final report goes out."),
    _verb(
        "reopen",
        Why,
        resolution.reopen,
        "Work goes on after all; on a closed ticket within ten days, by a shift leader.",
    ),
    _verb("cancel", Why, resolution.cancel, "It was withdrawn, doubled or a test."),
    _verb(
        "approve",
        Why,
        resolution.approve,
        "Let work begin although the contract does not say so; the reason is evidence.",
    ),
    _verb(
        "reject",
        Reject,
        resolution.reject,
        "We will not do it: the customer gets the text, colleagues the reason.",
    ),
    _verb("confirm", Nothing, resolution.confirm, "As the customer: it is solved."),
    _verb("refuse", Refuse, resolution.refuse, "As the customer: it is not solved, work goes on."),
    _verb("rate", Rate, ratings.rate, "As the customer: how it went; changeable for seven days."),
)
