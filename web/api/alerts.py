"""Alerts over the API: what fires, why it is where it is, what people decide; and how the sources are. For staff."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core import texts
from core.alerting import CIPHERS, DIGESTS
from core.desk import alert_acts, alert_looking, alert_source_views, alert_views, trap_users
from core.desk.alert_views import Alarm, Filter
from core.desk.configuration.document import TrapUserPart
from core.store.tx import Tx
from web.alarm_words import decision
from web.api import alert_shapes as shapes
from web.api.endpoint import Body, Call, api
from web.api.tickets import Name, PageQuery
from web.words import say


class AlertQuery(PageQuery):
    """Which alerts."""

    status: Annotated[shapes.Asked | None, Field(description="`open`: whatever fires.")] = None
    severity: shapes.Severity | None = None
    customer: Annotated[Name | None, Field(description="Code.")] = None
    site: Name | None = None
    source: Name | None = None
    asset: Name | None = None
    unmapped: Annotated[
        Literal["true", "false"], Field(description="Nobody knows whose, or which thing.")
    ] = "false"
    q: Annotated[str, Field(max_length=300, description="Words.")] = ""


class Acknowledged(Body):
    """What you have to say with it."""

    text: Annotated[str, Field(max_length=alert_acts.MAX_TEXT)] = ""


class Attached(Body):
    """Which ticket."""

    ticket: Name


class Named(Body):
    """Whose it is. The source means that by this name from now on."""

    customer: Annotated[Name, Field(description="Code.")]
    asset: Annotated[Name | None, Field(description="Of that customer.")] = None


class Mapped(Body):
    """Where the parts of an alert stand in what the source sends."""

    mapping: Annotated[
        dict[Name, Annotated[str, Field(max_length=alert_source_views.MAX_PATH)]],
        Field(description="Part to path: `event` to `problem.name`, for example; `label.NAME` is a label."),
    ]


Reference = Annotated[str, Field(max_length=500)]


class TrapUserBody(Body):
    """How a user of SNMP version 3 signs and encrypts. Secrets are referred to, `env:NAME` or `file:PATH`, and never given."""

    auth: Annotated[str, Field(description=f"{', '.join(DIGESTS)}; empty: they do not sign.")] = ""
    auth_secret: Reference = ""
    priv: Annotated[str, Field(description=f"{', '.join(CIPHERS)}; empty: they do not encrypt.")] = ""
    priv_secret: Reference = ""


@api("GET", "/alerts", query=AlertQuery, answer=shapes.Alerts, errors=(403,))
def list_alerts(tx: Tx, call: Call) -> shapes.Alerts:
    """Alerts, what was heard last first. Technicians get those of their tickets and technologies.

    A page looks through 10,000 alerts: with a filter it may have fewer items than asked for, or none, while there is a `next`.
    """
    asked: AlertQuery = call.query
    names = ("status", "severity", "customer", "site", "source", "asset", "q")
    wanted = Filter(**{name: getattr(asked, name) or "" for name in names}, unmapped=asked.unmapped == "true")
    found = alert_views.listing(tx, call.who, wanted, cursor=asked.cursor, limit=asked.limit)
    return shapes.Alerts(items=[_summary(one) for one in found.items], next=found.next)


@api("GET", "/alerts/{id}", answer=shapes.Alert)
def get_alert(tx: Tx, call: Call) -> shapes.Alert:
    """An alert with its episodes and every decision about it."""
    return _now(tx, call)


@api("POST", "/alerts/{id}/acknowledge", body=Acknowledged, answer=shapes.Alert)
def acknowledge_alert(tx: Tx, call: Call) -> shapes.Alert:
    """You know of it. If you were called to its ticket, nobody else is called."""
    alert_acts.acknowledge(tx, call.who, call.path["id"], text=call.body.text, now=call.now)
    return _now(tx, call)


@api("POST", "/alerts/{id}/attach", body=Attached, answer=shapes.Alert)
def attach_alert(tx: Tx, call: Call) -> shapes.Alert:
    """It belongs to this ticket."""
    alert_acts.attach(tx, call.who, call.path["id"], call.body.ticket, now=call.now)
    return _now(tx, call)


@api("POST", "/alerts/{id}/open", body=Body, answer=shapes.Alert)
def open_ticket_of_alert(tx: Tx, call: Call) -> shapes.Alert:
    """It does not wait any longer: it has a ticket now."""
    alert_acts.open_ticket(tx, call.who, call.path["id"], now=call.now)
    return _now(tx, call)


@api("POST", "/alerts/{id}/name", body=Named, answer=shapes.Alert)
def name_alert(tx: Tx, call: Call) -> shapes.Alert:
    """Say whose it is and which thing: for this alert, for others that fire by the same name, and for all that follow."""
    asked: Named = call.body
    alert_acts.name(tx, call.who, call.path["id"], customer=asked.customer, asset=asked.asset, now=call.now)
    return _now(tx, call)


@api("GET", "/alert-sources", answer=shapes.AlertSources, errors=(403,))
def list_alert_sources(tx: Tx, call: Call) -> shapes.AlertSources:
    """Sources of alerts, those that something is wrong with first."""
    return shapes.AlertSources(items=[_source(one) for one in alert_source_views.sources(tx, call.who)])


@api("POST", "/alert-sources/{name}/mapping", body=Mapped, answer=shapes.ReadAgain)
def map_alert_source(tx: Tx, call: Call) -> shapes.ReadAgain:
    """Say how a source of kind generic is read; what waits of it is read again. For supervisors and administrators."""
    asked: Mapped = call.body
    again = alert_source_views.say_where(tx, call.who, call.path["name"], asked.mapping, now=call.now)
    return shapes.ReadAgain(messages=again)


@api("PUT", "/alert-sources/{name}/users/{user}", body=TrapUserBody, answer=shapes.AlertSource)
def set_trap_user(tx: Tx, call: Call) -> shapes.AlertSource:
    """A new user of SNMP version 3 of a source of kind snmp, or another way to sign and encrypt. For supervisors and administrators."""
    asked: TrapUserBody = call.body
    user = TrapUserPart(name=call.path["user"], **asked.model_dump())
    trap_users.put(tx, call.who, call.path["name"], user, now=call.now)
    return _source(alert_source_views.named(tx, call.who, call.path["name"]))


@api("DELETE", "/alert-sources/{name}/users/{user}", answer=shapes.AlertSource)
def remove_trap_user(tx: Tx, call: Call) -> shapes.AlertSource:
    """Nothing that this user sends is believed any more. For supervisors and administrators."""
    trap_users.remove(tx, call.who, call.path["name"], call.path["user"], now=call.now)
    return _source(alert_source_views.named(tx, call.who, call.path["name"]))


def _now(tx: Tx, call: Call) -> shapes.Alert:
    seen = alert_looking.one(tx, call.who, call.path["id"])
    t = say(call.who.language)
    return shapes.Alert(
        **_summary(seen.alarm).model_dump(),
        **{
            name: getattr(seen, name)
            for name in ("dedup_key", "address", "copies", "text", "left_out", "children")
        },
        labels=dict(seen.labels),
        links=list(seen.links),
        notes=list(seen.notes),
        episodes=[
            shapes.AlertEpisode(
                n=one.n,
                started_at=one.started_at,
                ended_at=one.ended_at,
                worst=one.worst,
                count=one.count,
                ticket=one.ticket,
            )
            for one in seen.episodes
        ],
        decisions=[
            shapes.AlertDecision(
                seq=one.seq,
                at=one.at,
                kind=one.kind,
                values=dict(one.values),
                text=decision(one, t, lambda at: texts.instant(at, tx.facts.zone, call.who.language)),
            )
            for one in seen.decisions
        ],
        acts=list(seen.acts),
    )


def _summary(one: Alarm) -> shapes.AlertSummary:
    work = one.ticket
    names = [name for name in shapes.AlertSummary.model_fields if name != "ticket"]
    return shapes.AlertSummary(
        **{name: getattr(one, name) for name in names},
        ticket=shapes.AlertTicket(
            number=work.number,
            subject=work.subject,
            state=work.state,
            priority=work.priority,
            group=work.group,
            assignee=work.who,
            open=work.open,
        )
        if work
        else None,
    )


_OF_USER = ("name", "auth", "auth_secret", "priv", "priv_secret")
_OF_LACKING = ("what", "where", "reason")


def _source(one: alert_source_views.Source) -> shapes.AlertSource:
    names = [
        name
        for name in shapes.AlertSource.model_fields
        if name not in ("heartbeat", "mapping", "rate", "burst", "users", "lacking")
    ]
    return shapes.AlertSource(
        **{name: getattr(one, name) for name in names},
        heartbeat=int(one.heartbeat.total_seconds()) if one.heartbeat else None,
        mapping=dict(one.mapping),
        rate=one.pace.rate,
        burst=one.pace.burst,
        users=[shapes.TrapUser(**{name: getattr(user, name) for name in _OF_USER}) for user in one.users],
        lacking=[
            shapes.LackingSecret(**{name: getattr(lack, name) for name in _OF_LACKING})
            for lack in one.lacking
        ],
    )


ENDPOINTS = (
    list_alerts,
    get_alert,
    acknowledge_alert,
    attach_alert,
    open_ticket_of_alert,
    name_alert,
    list_alert_sources,
    map_alert_source,
    set_trap_user,
    remove_trap_user,
)
