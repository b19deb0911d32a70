"""Outage notices over the API: what goes on, for whom, and what staff do with it; whoever wants to be told says so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from core.desk import outage_board, outages, publishing, requests
from core.desk.outage_board import Outage
from core.store.tx import Tx
from web.api import outage_shapes, shapes
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name, PageQuery

Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Title = Annotated[str, Field(min_length=1, max_length=publishing.MAX_TITLE, pattern=r"\S")]
News = Annotated[str, Field(min_length=1, max_length=publishing.MAX_TEXT, pattern=r"\S")]
Seen = Annotated[int | None, Field(ge=0, le=2**31, description="The outage's `last_update` as you know it.")]
NextUpdate = Annotated[AwareDatetime | None, Field(description="When you promise to say more.")]


class OutageQuery(PageQuery):
    """Which outages."""

    state: Literal["running", "ended", "cancelled", "over"] | None = None


class Said(Body):
    """What a notice says in one language."""

    title: Title
    text: News


class Place(Body):
    """A site of a customer."""

    customer: Annotated[Name, Field(description="Code.")]
    site: Name


class NewOutage(Body):
    """A notice. An empty part of where it is means all; a customer whose sites are named is meant there only."""

    words: Annotated[dict[Language, Said], Field(description="Language to what customers are told.")]
    since: AwareDatetime
    next_update: NextUpdate = None
    customers: list[Name] = Field(default_factory=list, max_length=1000, description="Codes.")
    sites: list[Place] = Field(default_factory=list, max_length=1000)
    technologies: list[Name] = Field(default_factory=list, max_length=100)


class Update(Body):
    """How it goes on, in each language of the notice. A part of where it is that is left out stays as it is."""

    words: Annotated[dict[Language, News], Field(description="Language to text.")]
    next_update: NextUpdate = None
    customers: Annotated[list[Name] | None, Field(max_length=1000)] = None
    sites: Annotated[list[Place] | None, Field(max_length=1000)] = None
    technologies: Annotated[list[Name] | None, Field(max_length=100)] = None
    seen: Seen = None


class End(Body):
    """What it was, in each language of the notice, if there is anything to say."""

    words: dict[Language, News] = Field(default_factory=dict, description="Language to text.")
    seen: Seen = None


class Cancel(Body):
    """Why it was a mistake, for colleagues."""

    reason: Annotated[str, Field(min_length=1, max_length=10_000, pattern=r"\S")]
    seen: Seen = None


class TellMe(Body):
    """What you want to hear."""

    progress: Annotated[bool, Field(description="Every update, not the end only.")] = False


@api("GET", "/outages", query=OutageQuery, answer=outage_shapes.Outages)
def list_outages(tx: Tx, call: Call) -> outage_shapes.Outages:
    """Outages, newest first: staff see all, contacts those that concern them, the ended ones for a week."""
    asked: OutageQuery = call.query
    found = outage_board.listing(
        tx, call.who, state=asked.state, cursor=asked.cursor, limit=asked.limit, now=call.now
    )
    return outage_shapes.Outages(items=[_summary(one) for one in found.items], next=found.next)


@api("GET", "/outages/{id}", answer=outage_shapes.Outage)
def get_outage(tx: Tx, call: Call) -> outage_shapes.Outage:
    """An outage with its updates; for staff also whom it concerns now and who asked to be told."""
    return _now(tx, call, call.path["id"])


@api("POST", "/outages", body=NewOutage, answer=outage_shapes.Outage, status=201)
def publish_outage(tx: Tx, call: Call) -> outage_shapes.Outage:
    """Publish a notice: the phone line, the portal and acknowledgements tell those it concerns from now on."""
    asked: NewOutage = call.body
    made = publishing.publish(
        tx,
        call.who,
        words={language: {"title": said.title, "text": said.text} for language, said in asked.words.items()},
        since=asked.since,
        next_update=asked.next_update,
        customers=asked.customers,
        sites=_places(asked.sites),
        technologies=asked.technologies,
        now=call.now,
    )
    return _now(tx, call, made)


@api("POST", "/outages/{id}/update", body=Update, answer=outage_shapes.Outage)
def update_outage(tx: Tx, call: Call) -> outage_shapes.Outage:
    """Say how it goes on. Who wanted every update is told."""
    asked: Update = call.body
    publishing.update(
        tx,
        call.who,
        call.path["id"],
        words=asked.words,
        next_update=asked.next_update,
        customers=asked.customers,
        sites=None if asked.sites is None else _places(asked.sites),
        technologies=asked.technologies,
        seen=asked.seen,
        now=call.now,
    )
    return _now(tx, call, call.path["id"])


@api("POST", "/outages/{id}/end", body=End, answer=outage_shapes.Outage)
def end_outage(tx: Tx, call: Call) -> outage_shapes.Outage:
    """It works again: all who asked and whom it still concerns are told, once."""
    asked: End = call.body
    publishing.end(tx, call.who, call.path["id"], words=asked.words, seen=asked.seen, now=call.now)
    return _now(tx, call, call.path["id"])


@api("POST", "/outages/{id}/cancel", body=Cancel, answer=outage_shapes.Outage)
def cancel_outage(tx: Tx, call: Call) -> outage_shapes.Outage:
    """It was published by mistake: those who asked are told so, and nobody else of it."""
    asked: Cancel = call.body
    publishing.cancel(tx, call.who, call.path["id"], reason=asked.reason, seen=asked.seen, now=call.now)
    return _now(tx, call, call.path["id"])


@api("POST", "/outages/{id}/tell-me", body=TellMe, answer=outage_shapes.Outage)
def ask_to_be_told(tx: Tx, call: Call) -> outage_shapes.Outage:
    """As a customer: tell me when it is over. Asked again it changes nothing."""
    asked: TellMe = call.body
    outages.subscribe(
        tx, call.who, call.path["id"], by=call.also_by or requests.HERE, progress=asked.progress, now=call.now
    )
    return _now(tx, call, call.path["id"])


def _places(sites: list[Place]) -> list[tuple[str, str]]:
    return [(one.customer, one.site) for one in sites]


def _now(tx: Tx, call: Call, outage_id: str) -> outage_shapes.Outage:
    """As the caller sees it."""
    found = outage_board.one(tx, call.who, outage_id, now=call.now)
    return outage_shapes.Outage(
        **dict(_summary(found)),
        updates=[
            outage_shapes.OutageUpdate(
                seq=one.seq,
                kind=one.kind,
                at=one.at,
                by=one.by,
                words=dict(one.words),
                reason=one.reason,
                next_update=one.next_update,
            )
            for one in found.updates
        ],
        concerned=[shapes.CustomerRef(code=code, name=name) for code, name in found.concerned],
        subscribers=[
            outage_shapes.OutageSubscriber(
                name=one.name,
                channel=one.channel,
                address=one.address,
                customer=one.customer,
                progress=one.progress,
                ticket=one.ticket,
                asked_at=one.asked_at,
                state=one.state,
            )
            for one in found.subscribers
        ],
    )


def _summary(found: Outage) -> outage_shapes.OutageSummary:
    return outage_shapes.OutageSummary(
        id=found.id,
        state=found.state,
        words={language: outage_shapes.OutageWords(**said) for language, said in found.words.items()},
        customers=list(found.scope.customers),
        sites=[outage_shapes.OutageSite(customer=of, site=site) for of, site in found.scope.sites],
        technologies=list(found.scope.technologies),
        since=found.since,
        next_update=found.next_update,
        published_at=found.published_at,
        ended_at=found.ended_at,
        last_update=found.last_update,
        asked=found.asked,
        subscribed=found.subscribed,
    )


ENDPOINTS = (
    list_outages,
    get_outage,
    publish_outage,
    update_outage,
    end_outage,
    cancel_outage,
    ask_to_be_told,
)
