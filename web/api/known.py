"""Workarounds, problems and known errors over the API: what works for now, what is behind, what is known to help."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from core.desk import known_errors, page, problem_views, problems, workarounds
from core.desk.errors import Forbidden, NotFound
from core.desk.known_errors import Written
from core.store.tx import Tx
from web.api import known_shapes as shapes
from web.api import shapes as common
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name, Seen, ticket_now
from web.numbers import whole

Title = Annotated[str, Field(min_length=1, max_length=problems.MAX_TITLE, pattern=r"\S")]
Long = Annotated[str, Field(max_length=known_errors.MAX_TEXT)]
Short = Annotated[str, Field(max_length=known_errors.MAX_SHORT)]
Reason = Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]
Number = Annotated[int, Field(ge=1, le=999_999_999)]
Identity = Annotated[
    str | None, Field(min_length=1, max_length=50, description="Id; left out: the one that stands.")
]


class Accepted(Body):
    """Which workaround works."""

    workaround: Identity = None


class Fails(Accepted):
    """Which does not, and what is wrong."""

    reason: Reason


class NewProblem(Body):
    """A problem, and maybe a ticket it is seen on."""

    title: Title
    ticket: Annotated[Name | None, Field(description="Number of a ticket.")] = None
    technology: Name | None = None
    root_cause: Long = ""
    owner: Annotated[Name | None, Field(description="E-mail.")] = None


class ProblemNow(Body):
    """What is known of it now. What is left out is empty."""

    title: Title
    technology: Name | None = None
    root_cause: Long = ""
    owner: Annotated[Name | None, Field(description="E-mail.")] = None
    fix_due: AwareDatetime | None = None


class Moved(Body):
    """How the work on it goes on."""

    move: shapes.Move
    fix_due: Annotated[
        AwareDatetime | None, Field(description="For `schedule`: when the fix is planned.")
    ] = None


class OfTicket(Body):
    """Which ticket."""

    ticket: Name


class Known(Body):
    """What stands in a known error. Every save is a new version."""

    title: Title
    public_text: Annotated[str, Field(min_length=1, max_length=known_errors.MAX_TEXT, pattern=r"\S")]
    symptom: Long = ""
    cause: Long = ""
    steps: Long = ""
    risk: Short = ""
    fix: Short = ""
    technology: Name | None = None
    customer: Annotated[Name | None, Field(description="Code, of whom it is alone.")] = None
    assets: Annotated[
        list[Name], Field(max_length=known_errors.MAX_NAMES, description="Of that customer.")
    ] = Field(default_factory=list)
    pattern: Annotated[
        str, Field(max_length=known_errors.MAX_TITLE, description="Of the subject, with * for anything.")
    ] = ""
    words: Annotated[
        list[Name], Field(max_length=known_errors.MAX_NAMES, description="All of them in one text.")
    ] = Field(default_factory=list)
    problem: Number | None = None
    verified_on: AwareDatetime | None = None
    expires_on: AwareDatetime | None = None


class KnownNow(Known):
    """The same, changed."""

    version: Annotated[
        Number | None, Field(description="The one you read; another one since is refused.")
    ] = None


class Retired(Body):
    """Why it is over."""

    reason: Reason


class Applied(Body):
    """Which known error it is."""

    known_error: Number
    confirm_expired: Annotated[bool, Field(description="You looked: it is still true.")] = False
    review_by: AwareDatetime | None = None
    seen: Seen = None


@api("POST", "/tickets/{number}/accept_workaround", body=Accepted, answer=common.Ticket)
def accept_workaround(tx: Tx, call: Call) -> common.Ticket:
    """It works for now, says the customer, or staff for whom they have on the telephone."""
    workarounds.accept(tx, call.who, call.number, workaround=call.body.workaround, now=call.now)
    return ticket_now(tx, call, call.number)


@api("POST", "/tickets/{number}/refuse_workaround", body=Fails, answer=common.Ticket)
def refuse_workaround(tx: Tx, call: Call) -> common.Ticket:
    """It does not work: the restore clock runs again."""
    asked: Fails = call.body
    workarounds.refuse(
        tx, call.who, call.number, reason=asked.reason, workaround=asked.workaround, now=call.now
    )
    return ticket_now(tx, call, call.number)


@api("GET", "/tickets/{number}/known-errors", answer=shapes.Behind, errors=(403,))
def get_known_behind(tx: Tx, call: Call) -> shapes.Behind:
    """What is known that a ticket may be about, and the problems it has. For staff."""
    view = page.ticket(tx, call.who, call.number, now=call.now)
    if call.who.kind == "contact":
        message = "only staff see known errors"
        raise Forbidden(message)
    return shapes.Behind(
        known_errors=[
            shapes.KnownErrorHint(
                number=one.number,
                name=one.name,
                title=one.title,
                steps=one.steps,
                public_text=one.public_text,
                risk=one.risk,
                why=one.why,
                because=one.because,
                expired=one.expired,
                expires_on=one.expires_on,
            )
            for one in view.known_errors
        ],
        problems=[
            shapes.KnownErrorRef(number=one.number, name=one.name, title=one.title) for one in view.problems
        ],
    )


@api("POST", "/tickets/{number}/known-errors", body=Applied, answer=common.Ticket)
def apply_known_error(tx: Tx, call: Call) -> common.Ticket:
    """It is that: workaround, link, text for the customer and the long target, in one act. Again, it changes nothing."""
    asked: Applied = call.body
    known_errors.apply(
        tx,
        call.who,
        call.number,
        asked.known_error,
        confirm_expired=asked.confirm_expired,
        review_by=asked.review_by,
        seen=asked.seen,
        now=call.now,
    )
    return ticket_now(tx, call, call.number)


@api("GET", "/problems", answer=shapes.Problems, errors=(403,))
def list_problems(tx: Tx, call: Call) -> shapes.Problems:
    """Problems, open ones first. For staff."""
    found = problem_views.problems(tx, call.who)
    return shapes.Problems(items=[shapes.ProblemSummary(**_problem(one)) for one in found])


@api("POST", "/problems", body=NewProblem, answer=shapes.Problem, status=201)
def open_problem(tx: Tx, call: Call) -> shapes.Problem:
    """Open a problem. For staff."""
    asked: NewProblem = call.body
    made = problems.begin(
        tx,
        call.who,
        title=asked.title,
        number=asked.ticket,
        technology=asked.technology,
        root_cause=asked.root_cause,
        owner=asked.owner,
        now=call.now,
    )
    return _one(tx, call, made)


@api("GET", "/problems/{problem}", answer=shapes.Problem, errors=(403,))
def get_problem(tx: Tx, call: Call) -> shapes.Problem:
    """One problem, with its tickets as far as you may see them. For staff."""
    return _one(tx, call, _number(call, "problem"))


@api("PUT", "/problems/{problem}", body=ProblemNow, answer=shapes.Problem)
def change_problem(tx: Tx, call: Call) -> shapes.Problem:
    """What is known of it now."""
    number = _number(call, "problem")
    problems.change(tx, call.who, number, now=call.now, **dict(call.body))
    return _one(tx, call, number)


@api("POST", "/problems/{problem}/move", body=Moved, answer=shapes.Problem)
def move_problem(tx: Tx, call: Call) -> shapes.Problem:
    """The work on it goes on. Leaders close and reopen."""
    number = _number(call, "problem")
    problems.move(tx, call.who, number, call.body.move, fix_due=call.body.fix_due, now=call.now)
    return _one(tx, call, number)


@api("POST", "/problems/{problem}/link", body=OfTicket, answer=shapes.Problem)
def link_problem(tx: Tx, call: Call) -> shapes.Problem:
    """This ticket has that cause too."""
    number = _number(call, "problem")
    problems.link(tx, call.who, number, call.body.ticket, now=call.now)
    return _one(tx, call, number)


@api("POST", "/problems/{problem}/unlink", body=OfTicket, answer=shapes.Problem)
def unlink_problem(tx: Tx, call: Call) -> shapes.Problem:
    """This ticket has another cause."""
    number = _number(call, "problem")
    problems.unlink(tx, call.who, number, call.body.ticket, now=call.now)
    return _one(tx, call, number)


@api("GET", "/known-errors", answer=shapes.KnownErrors, errors=(403,))
def list_known_errors(tx: Tx, call: Call) -> shapes.KnownErrors:
    """Known errors, those that are not over first. For staff."""
    found = problem_views.known(tx, call.who, now=call.now)
    return shapes.KnownErrors(items=[shapes.KnownErrorSummary(**_summary(one)) for one in found])


@api("POST", "/known-errors", body=Known, answer=shapes.KnownError, status=201)
def write_known_error(tx: Tx, call: Call) -> shapes.KnownError:
    """Write one down. For staff."""
    return _known(tx, call, known_errors.save(tx, call.who, _written(call.body), now=call.now))


@api("GET", "/known-errors/{known}", answer=shapes.KnownError, errors=(403,))
def get_known_error(tx: Tx, call: Call) -> shapes.KnownError:
    """One known error with its versions. For staff."""
    return _known(tx, call, _number(call, "known"))


@api("PUT", "/known-errors/{known}", body=KnownNow, answer=shapes.KnownError)
def change_known_error(tx: Tx, call: Call) -> shapes.KnownError:
    """A new version; those before stay."""
    number = _number(call, "known")
    version = call.body.version
    known_errors.save(tx, call.who, _written(call.body), number=number, version=version, now=call.now)
    return _known(tx, call, number)


@api("POST", "/known-errors/{known}/retire", body=Retired, answer=shapes.KnownError)
def retire_known_error(tx: Tx, call: Call) -> shapes.KnownError:
    """It is fixed for good, or was wrong: it is suggested no longer."""
    number = _number(call, "known")
    known_errors.retire(tx, call.who, number, reason=call.body.reason, now=call.now)
    return _known(tx, call, number)


def _number(call: Call, name: str) -> int:
    found = whole(call.path[name])
    if found is None:
        message = f"there is no such {name}"
        raise NotFound(message)
    return found


def _written(body: Known) -> Written:
    return Written(**{name: value for name, value in dict(body).items() if name != "version"})


def _one(tx: Tx, call: Call, number: int) -> shapes.Problem:
    found = problem_views.one(tx, call.who, number, now=call.now)
    return shapes.Problem(
        **_problem(found),
        moves=list(found.moves),
        tickets=[
            shapes.ProblemTicket(
                number=one.number,
                subject=one.subject,
                customer=one.customer,
                state=one.state,
                received_at=one.received_at,
            )
            for one in found.tickets
        ],
        known_errors=[
            shapes.KnownErrorRef(number=one.number, name=one.name, title=one.title)
            for one in found.known_errors
        ],
    )


def _problem(one: problem_views.Problem) -> dict[str, Any]:
    return {name: getattr(one, name) for name in shapes.ProblemSummary.model_fields}


def _summary(one: problem_views.KnownError) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value := getattr(one, name), tuple) else value
        for name in shapes.KnownErrorSummary.model_fields
    }


def _known(tx: Tx, call: Call, number: int) -> shapes.KnownError:
    one = problem_views.known_one(tx, call.who, number, now=call.now)
    return shapes.KnownError(
        **_summary(one),
        symptom=one.symptom,
        cause=one.cause,
        steps=one.steps,
        public_text=one.public_text,
        risk=one.risk,
        fix=one.fix,
        pattern=one.pattern,
        words=list(one.words),
        problem=one.problem,
        at=one.at,
        versions=[
            shapes.KnownErrorVersion(n=of.n, at=of.at, by=of.by, content=dict(of.content))
            for of in one.versions
        ],
    )


ENDPOINTS = (
    accept_workaround,
    refuse_workaround,
    get_known_behind,
    apply_known_error,
    list_problems,
    open_problem,
    get_problem,
    change_problem,
    move_problem,
    link_problem,
    unlink_problem,
    list_known_errors,
    write_known_error,
    get_known_error,
    change_known_error,
    retire_known_error,
)
