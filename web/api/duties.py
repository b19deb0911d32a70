"""Duties over the API: rotas and who stands in, who is on duty, calls to colleagues, and the handover of a shift."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from core.desk import handovers, ladder_board, levels, page_answers, rota_board
from core.desk.rota_board import Person, Plan
from core.rules.rotas import Rota
from core.store.tx import Tx
from web.api import duty_shapes as shapes
from web.api.endpoint import Body, Call, Query, api
from web.api.tickets import Name

WEEK = timedelta(days=7)
YEARS = range(2000, 2200)


def _written_out(value: object) -> object:
    """Of a query: a bare number is no instant, whatever it might count."""
    if isinstance(value, str) and "T" not in value.upper():
        raise ValueError("must be a date and a time with its zone, such as 2026-03-02T08:00:00Z")
    return value


def _of_our_time(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError(f"must be between {YEARS[0]} and {YEARS[-1]}")
    return value


Instant = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
At = Annotated[Instant, BeforeValidator(_written_out)]


class Nothing(Body):
    """No fields."""


class PlanQuery(Query):
    """From and until when; left out: the seven days from now."""

    since: At | None = None
    until: At | None = None


class AtQuery(Query):
    """At which instant; left out: now."""

    at: At | None = None


class BeforeQuery(Query):
    """Shifts that ended before this instant; left out: all."""

    before: At | None = None


class StandIn(Body):
    """Who has the duty instead, and until when."""

    agent: Annotated[Name, Field(description="E-mail of a member of staff.")]
    since: Instant
    until: Instant
    reason: Annotated[str, Field(min_length=1, max_length=300, pattern=r"\S")]


class Sentences(Body):
    """What the next shift must know."""

    sentences: Annotated[
        dict[str, Annotated[str, Field(max_length=handovers.LONGEST)]],
        Field(description="Number of a ticket to a sentence; an empty one takes it back."),
    ]


class Signature(Body):
    """For which side, and which brief was read."""

    side: Literal["out", "in"]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@api("GET", "/rotas", answer=shapes.Rotas)
def list_rotas(tx: Tx, call: Call) -> shapes.Rotas:
    """Every rota with who is on duty and who comes next, and when nobody is who should be. For staff."""
    return shapes.Rotas(
        items=[
            shapes.RotaNow(
                **_of(one.rota),
                time_zone=one.rota.time_zone,
                groups=list(one.rota.groups),
                fallback=one.rota.fallback,
                layers=[
                    shapes.Layer(
                        starts=layer.starts,
                        handoff=layer.handoff,
                        length=layer.length,
                        restrictions=list(layer.restrictions),
                    )
                    for layer in one.rota.layers
                ],
                now=None if one.now is None else _turn(one.now),
                next=None if one.next is None else _turn(one.next),
            )
            for one in rota_board.listing(tx, call.who, at=call.now)
        ],
        gaps=[
            shapes.Gap.model_validate(
                {"what": gap.what, "technologies": list(gap.of), "since": gap.since, "until": gap.until}
            )
            for gap in rota_board.gaps(tx, call.who, now=call.now)
        ],
    )


@api("GET", "/rotas/{name}", query=PlanQuery, answer=shapes.Plan)
def get_rota(tx: Tx, call: Call) -> shapes.Plan:
    """Who has the duty of one rota from and until when: at most 62 days. For staff."""
    asked: PlanQuery = call.query
    since = asked.since or call.now
    until = asked.until or since + WEEK
    return _plan(rota_board.plan(tx, call.who, call.path["name"], since=since, until=until, now=call.now))


@api("POST", "/rotas/{name}/overrides", body=StandIn, answer=shapes.Plan)
def stand_in(tx: Tx, call: Call) -> shapes.Plan:
    """Somebody else has the duty for a time; the same again changes nothing. For shift leaders and above."""
    asked: StandIn = call.body
    rota_board.stand_in(
        tx,
        call.who,
        call.path["name"],
        agent=asked.agent,
        since=asked.since,
        until=asked.until,
        reason=asked.reason,
        now=call.now,
    )
    return _week(tx, call)


@api("DELETE", "/rotas/{name}/overrides/{id}", answer=shapes.Plan)
def take_out_stand_in(tx: Tx, call: Call) -> shapes.Plan:
    """The duty is as planned again; the override stays on record. For shift leaders and above."""
    rota_board.take_out(tx, call.who, call.path["name"], call.path["id"], now=call.now)
    return _week(tx, call)


@api("GET", "/on-duty", query=AtQuery, answer=shapes.OnDutyList)
def who_is_on_duty(tx: Tx, call: Call) -> shapes.OnDutyList:
    """Who has which duty for which group at an instant. For staff."""
    at = call.query.at or call.now
    found = rota_board.on_duty(tx, call.who, at=at)
    return shapes.OnDutyList(
        at=at,
        items=[
            shapes.OnDuty.model_validate(
                {"duty": duty, "group": group, "who": [_staff(one) for one in there]}
            )
            for (duty, group), there in found.items()
        ],
    )


@api("POST", "/tickets/{number}/acknowledge", body=Nothing, answer=shapes.PagesOfTicket)
def acknowledge_ticket(tx: Tx, call: Call) -> shapes.PagesOfTicket:
    """You were called to it and know of it: nobody else is called, unless nobody takes it within 15 minutes."""
    page_answers.know(tx, call.who, call.number, now=call.now, how="api")
    return _pages(tx, call)


@api("GET", "/tickets/{number}/pages", answer=shapes.PagesOfTicket)
def list_pages_of_ticket(tx: Tx, call: Call) -> shapes.PagesOfTicket:
    """Who was called to a ticket, when, by which ways, and who acknowledged. For staff."""
    return _pages(tx, call)


@api("GET", "/tickets/{number}/levels", answer=shapes.Levels)
def list_levels_of_ticket(tx: Tx, call: Call) -> shapes.Levels:
    """How long each group had the ticket. For staff; never shown to customers."""
    return shapes.Levels(
        items=[
            shapes.Level(
                group=one.group,
                since=one.since,
                taken_at=one.taken_at,
                until=one.until,
                seconds=one.seconds(call.now),
            )
            for one in levels.of_ticket(tx, call.who, call.number)
        ]
    )


@api("GET", "/handovers", query=BeforeQuery, answer=shapes.Handovers)
def list_handovers(tx: Tx, call: Call) -> shapes.Handovers:
    """Handovers of shifts, newest first, at most 50. For staff who see every ticket."""
    before = call.query.before or call.now
    found = handovers.listing(tx, call.who, before=before)
    return shapes.Handovers(items=[shapes.HandoverSummary(**_summary(one)) for one in found])


@api("GET", "/handovers/{id}", answer=shapes.Handover)
def get_handover(tx: Tx, call: Call) -> shapes.Handover:
    """A handover with its brief, as it stands or as it was signed."""
    return _handover(handovers.one(tx, call.who, call.path["id"]))


@api("POST", "/handovers/{id}/sentences", body=Sentences, answer=shapes.Handover)
def say_at_handover(tx: Tx, call: Call) -> shapes.Handover:
    """Say what the next shift must know of these tickets. The brief is made anew, and signatures before that no longer count."""
    asked: Sentences = call.body
    return _handover(handovers.say(tx, call.who, call.path["id"], asked.sentences, now=call.now))


@api("POST", "/handovers/{id}/sign", body=Signature, answer=shapes.Handover)
def sign_handover(tx: Tx, call: Call) -> shapes.Handover:
    """Sign the brief that you read, for the shift that goes or comes; refused while a P1 or P2 has no sentence."""
    asked: Signature = call.body
    signed = handovers.sign(tx, call.who, call.path["id"], side=asked.side, seen=asked.hash, now=call.now)
    return _handover(signed)


def _of(rota: Rota) -> dict[str, Any]:
    return {"name": rota.name, "duty": rota.duty}


def _staff(one: Person) -> shapes.Staff:
    return shapes.Staff(name=one.name, email=one.email, phone=one.phone)


def _turn(one: rota_board.Turn) -> shapes.Turn:
    return shapes.Turn(who=_staff(one.who), since=one.since, until=one.until, override=one.override)


def _week(tx: Tx, call: Call) -> shapes.Plan:
    name, now = call.path["name"], call.now
    return _plan(rota_board.plan(tx, call.who, name, since=now, until=now + WEEK, now=now))


def _plan(plan: Plan) -> shapes.Plan:
    return shapes.Plan(
        **_of(plan.rota),
        since=plan.since,
        until=plan.until,
        turns=[_turn(one) for one in plan.turns],
        open=[shapes.Open(since=since, until=until) for since, until in plan.open],
        overrides=[
            shapes.Override(
                id=one.id,
                who=_staff(one.who),
                since=one.since,
                until=one.until,
                reason=one.reason,
                by=one.by,
            )
            for one in plan.stand_ins
        ],
    )


def _pages(tx: Tx, call: Call) -> shapes.PagesOfTicket:
    found = ladder_board.of_ticket(tx, call.who, call.number)
    return shapes.PagesOfTicket(items=[shapes.PageOfTicket(**_page(one)) for one in found])


def _page(one: ladder_board.PageShown) -> dict[str, Any]:
    sent = [
        shapes.PageSent(channel=way.channel, state=way.state, sent_at=way.sent_at, error=way.error)
        for way in one.sent
    ]
    same = {name: getattr(one, name) for name in ("id", "name", "rung", "round", "cause", "at")}
    return same | {"acknowledged_at": one.seen_at, "sent": sent}


def _summary(one: handovers.Handover) -> dict[str, Any]:
    return {name: getattr(one, name) for name in shapes.HandoverSummary.model_fields}


def _handover(one: handovers.Handover) -> shapes.Handover:
    return shapes.Handover(
        **_summary(one),
        hash=one.hash,
        missing=list(one.unsaid),
        sentences=dict(one.sentences),
        brief=one.brief,
    )


ENDPOINTS = (
    list_rotas,
    get_rota,
    stand_in,
    take_out_stand_in,
    who_is_on_duty,
    acknowledge_ticket,
    list_pages_of_ticket,
    list_levels_of_ticket,
    list_handovers,
    get_handover,
    say_at_handover,
    sign_handover,
)
