"""What would become of a mail, and why, over the API: the page's words, and the codes behind them. Nothing is kept."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from core.desk import explaining
from core.desk.errors import Refused, invalid
from core.desk.principal import Principal
from core.store.tx import Tx
from web.api.endpoint import MIB, Body, Call, Outside, api
from web.api.shapes import Shape
from web.desk import explained
from web.pages import day_and_time
from web.words import say


class Mail(Body):
    """A mail as a file holds it."""

    mail: Annotated[str, Field(min_length=1, description="Its bytes in base64, in one line; 25 MiB at most.")]


class WordsOfMail(Shape):
    """What belongs together, a sentence for each fact, in the language of whoever asks."""

    title: str
    lines: list[str]


class MailRead(Shape):
    """What it says."""

    author: str = Field(description="Address; where there is none that can be used, what stands in From.")
    subject: str
    address: str = Field(description="The desk's own that it came to; empty: none.")
    ours: bool = Field(
        description="It names an address of the desk. false: by SMTP and LMTP it is refused, unless its envelope names one."
    )
    kind: str = Field(description="human, or what kind of machine wrote it.")
    because: list[str] = Field(description="What tells the kind.")
    notes: list[str]


class MailTrust(Shape):
    """How far its author is believed."""

    level: str | None = Field(description="none, weak, aligned, token; null: nobody asked.")
    because: list[str] = Field(description="Codes, the deciding one first.")
    checked: list[str] = Field(description="What checks of the sender gave, as in RFC 8601.")


class MailCandidate(Shape):
    """A conversation that it could have been part of."""

    how: str
    number: str
    taken: bool
    why: str


class MailClock(Shape):
    """A promise that would run."""

    name: str
    due: datetime | None


class MailTicket(Shape):
    """The ticket that it would open or join, as it would stand then."""

    number: str | None = Field(description="null: a new one.")
    state: str
    customer: str | None
    request_type: str | None
    technology: str | None
    priority: str | None
    group: str | None
    clocks: list[MailClock]
    verdict: str | None = Field(description="What the contract says; null: it was not asked.")
    contract: str | None
    line: str | None


class MailSource(Shape):
    """The alert source to whose address it is written."""

    name: str
    kind: str
    enabled: bool = Field(description="false: its mail is like any other.")


class MailAlarmStep(Shape):
    """One decision, as `GET /alerts/{id}` has it."""

    kind: str
    later: bool = Field(description="true: once it has waited its moment, if it still fires then.")


class MailAlarm(Shape):
    """A problem that the mail of a device speaks of."""

    status: str = Field(
        description="firing, resolved …; test, confirmation, ignored and heartbeat are no problem."
    )
    what: str
    thing: str
    severity: str | None
    customer: str | None
    number: str | None = Field(description="Of a ticket there is, that it belongs to; null: none.")
    steps: list[MailAlarmStep] = Field(description="What would be decided of its alarm, in order.")


class MailAnswer(Shape):
    """What would leave for it."""

    to: str
    kind: str


class ExplainedMail(Shape):
    """What would become of it."""

    outcome: str = Field(description="ticket, attached, held, alert, machine, exception or duplicate.")
    reason: str
    error: str = Field(description="Why it cannot be read; empty: it can.")
    source: MailSource | None = Field(description="null: it is written to no alert source.")
    alarms: list[MailAlarm] = Field(description="Of the mail of a device.")
    mail: MailRead | None = Field(description="null: it cannot be read, or a device sent it.")
    trust: MailTrust | None
    threading: list[MailCandidate]
    names: list[str] = Field(description="Numbers of other tickets that it names.")
    ticket: MailTicket | None
    answers: list[MailAnswer]
    words: list[WordsOfMail]


async def _told(outside: Outside, who: Principal, asked: Mail) -> Mapping[str, Any]:
    explaining.only_leads(who)
    try:
        raw = base64.b64decode(asked.mail, validate=True)
    except (ValueError, binascii.Error):
        raise invalid("/mail", "must be base64, in one line") from None
    if outside.explain is None:
        message = "this hub reads no mail"
        raise Refused(message)
    return await outside.explain(raw)


@api(
    "POST",
    "/explained-mail",
    body=Mail,
    answer=ExplainedMail,
    asks=True,
    beforehand=_told,
    most=34 * MIB,  # 25 in base64
)
def explain_mail(tx: Tx, call: Call) -> ExplainedMail:
    """Say what would become of a mail: ticket, conversation, contract, group, and why. For whoever leads; nothing is kept."""
    explaining.only_leads(call.who)
    told, language = call.asked, call.who.language
    read, trust, ticket = told.get("mail"), told.get("trust"), told.get("ticket")

    def moment(at: datetime) -> str:
        return day_and_time(at, tx.facts.zone, call.now, language)

    return ExplainedMail(
        outcome=told["outcome"],
        reason=told["reason"],
        error=told.get("error", ""),
        source=MailSource(**told["source"]) if "source" in told else None,
        alarms=[_alarm(one) for one in told.get("alarms", ())],
        mail=read
        and MailRead(
            author=read["from"],
            subject=read["subject"],
            address=read["box"],
            ours=read["ours"],
            kind=read["kind"],
            because=read["because"],
            notes=read["notes"],
        ),
        trust=trust and MailTrust(**trust),
        threading=[MailCandidate(**one) for one in told.get("threading", ())],
        names=told.get("names", []),
        ticket=ticket and _ticket(ticket, told["entitlement"] or {}),
        answers=[MailAnswer(**one) for one in told.get("answers", ())],
        words=[
            WordsOfMail(title=one.title, lines=list(one.lines))
            for one in explained.groups(told, say(language), moment)
        ],
    )


def _alarm(told: Mapping[str, Any]) -> MailAlarm:
    return MailAlarm(
        status=told["status"],
        what=told["what"],
        thing=told.get("thing", ""),
        severity=told.get("severity"),
        customer=told.get("customer"),
        number=told.get("number"),
        steps=[MailAlarmStep(kind=one["kind"], later=one["later"]) for one in told.get("steps", ())],
    )


def _ticket(ticket: Mapping[str, Any], check: Mapping[str, Any]) -> MailTicket:
    plain = {name: value for name, value in ticket.items() if name not in ("number", "new", "clocks")}
    return MailTicket(
        **plain,
        number=None if ticket["new"] else ticket["number"],
        clocks=[MailClock(**one) for one in ticket["clocks"]],
        verdict=check.get("verdict"),
        contract=check.get("contract"),
        line=check.get("line"),
    )


ENDPOINTS = (explain_mail,)
