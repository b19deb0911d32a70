"""What does the API answer about alarms? Their shapes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from core.desk.alert_looking import Act
from web.api.shapes import Shape

Status = Literal["held", "firing", "acknowledged", "suppressed", "maintenance", "resolved", "expired"]
Asked = Literal["open", Status]
Severity = Literal["critical", "major", "minor", "warning", "info", "unknown"]


class AlertTicket(Shape):
    """The ticket of an alert, as far as you may see it."""

    number: str
    subject: str
    state: str
    priority: str = Field(description="Empty: not known yet.")
    group: str
    assignee: str = Field(description="Name; empty: nobody has it yet.")
    open: bool


class AlertSummary(Shape):
    """An alert in a list: one problem of one source, whatever came of it."""

    id: str
    source: str
    status: Status
    firing: bool
    severity: str = Field(description="Of the latest message.")
    worst: str = Field(description="Of the episode.")
    customer: str | None = Field(description="Code; null: nobody knows whose it is.")
    site: str
    asset: str | None = Field(description="Null: nobody knows which thing it is.")
    technology: str
    resource: str = Field(description="As the source names it.")
    event: str
    summary: str
    count: int = Field(description="Messages that said it fires.")
    started_at: datetime
    ended_at: datetime | None
    first_seen: datetime
    last_seen: datetime
    flapping: bool
    accepted_risk: bool = Field(description="A person closed its ticket while it fired.")
    parent: str | None = Field(description="Id of the alert that explains it.")
    ticket: AlertTicket | None


class AlertEpisode(Shape):
    """One stretch from its beginning to its end."""

    n: int
    started_at: datetime
    ended_at: datetime | None
    worst: str
    count: int
    ticket: str = Field(description="Number; empty: none, or none that you may see.")


class AlertDecision(Shape):
    """Why it is where it is: one step."""

    seq: int
    at: datetime
    kind: str
    values: dict[str, Any]
    text: str = Field(description="The same in your language.")


class Alert(AlertSummary):
    """An alert with everything that is known of it."""

    dedup_key: str
    address: str
    copies: int = Field(description="The same message once more.")
    text: str
    labels: dict[str, str]
    links: list[str]
    notes: list[str] = Field(description="What a reader should know of the values.")
    left_out: int = Field(description="Problems of the same message that the source did not transmit.")
    episodes: list[AlertEpisode] = Field(description="The latest first, at most 50.")
    decisions: list[AlertDecision] = Field(description="The latest first, at most 200.")
    children: int = Field(description="Firing alerts that it explains.")
    acts: list[Act] = Field(description="What can be done with it now.")


class Alerts(Shape):
    """A page of them."""

    items: list[AlertSummary]
    next: str | None = Field(description="Cursor of the next page.")


class TrapUser(Shape):
    """Somebody who may send traps by SNMP version 3. No secret of theirs is ever shown."""

    name: str
    auth: str = Field(description="How they sign; empty: they do not.")
    auth_secret: str = Field(
        description="Where that secret is, `env:NAME` or `file:PATH`; empty for whoever is no administrator."
    )
    priv: str = Field(description="How they encrypt; empty: they do not.")
    priv_secret: str


class LackingSecret(Shape):
    """A secret that a source refers to and that is not there, as the hub saw it within the last minute."""

    what: str = Field(description="`hmac.secret`, `api.token`, `users.NAME.auth_secret` or `.priv_secret`.")
    where: str = Field(description="Where it should be; empty for whoever is no administrator.")
    reason: Literal["unset", "unreadable", "short", "empty", "slow"] = Field(
        description="unset: no such variable of the environment; unreadable: no such file; short: fewer than 8 characters; slow: the folder gives no answer."
    )


class AlertSource(Shape):
    """A sender of alerts, and how it is. Its secret is never shown."""

    name: str
    kind: str
    state: Literal["off", "never", "silent", "heard"] = Field(
        description="never: not one message yet; silent: it should have been heard of."
    )
    customer: str | None = Field(description="Code; null: it reports of several, or of nobody known.")
    technology: str
    seen_at: datetime | None
    silent_since: datetime | None
    heartbeat: int | None = Field(
        description="Seconds within which it should be heard of; null: it need not."
    )
    received: int = Field(description="Messages that were understood.")
    unread: int = Field(description="Messages that nobody understood and that wait for staff.")
    firing: int
    mapping: dict[str, str] = Field(description="Of kind generic: part of an alert to its path.")
    rate: int = Field(
        description="Messages a second that it may send; whoever is faster waits longer while nothing can be stored."
    )
    burst: int = Field(description="Messages that it may send at once.")
    users: list[TrapUser] = Field(description="Of kind snmp: who may send for it by version 3.")
    lacking: list[LackingSecret]


class AlertSources(Shape):
    """Those that something is wrong with first."""

    items: list[AlertSource]


class ReadAgain(Shape):
    """What came of it."""

    messages: int = Field(description="That are read again now.")
