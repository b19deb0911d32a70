"""How do people's calendars get what the hub sends, and answer? By the relay, and by mail to the organiser."""

from __future__ import annotations

from datetime import datetime
from email import policy
from email.message import EmailMessage
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from icalendar import Calendar

from tests.days.hubs import until
from tests.days.posting import Relay, post


def calendars(relay: Relay, recipient: str, method: str) -> list[Calendar]:
    """Every one of this method that they were sent, oldest first."""
    parts = [
        part
        for one in relay.all
        if one.recipient == recipient
        for part in one.mail.walk()
        if part.get_content_type() == "text/calendar" and part.get_param("method") == method
    ]
    return [Calendar.from_ical(part.get_content()) for part in parts]


def event(calendar: Calendar) -> Any:
    """The one thing that it is about."""
    (found,) = calendar.walk("VEVENT")
    return found


def invited(relay: Relay, recipient: str, sequence: int) -> Calendar:
    """Their invitation of this number, once it is there."""
    found: list[Calendar] = until(
        lambda: [one for one in calendars(relay, recipient, "REQUEST") if event(one)["SEQUENCE"] == sequence],
        f"{recipient} is not invited",
    )
    return found[-1]


def answers(
    port: int,
    invitation: Calendar,
    method: str,
    partstat: str,
    *,
    sender: str = "alice@acme.test",
    start: datetime | None = None,
) -> None:
    """As a calendar program does: to the organiser, the event again, with one attendee and what they say."""
    one = event(invitation)
    to = str(one["ORGANIZER"]).removeprefix("mailto:")
    begins = start or one["DTSTART"].dt
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"], made["Subject"] = sender, to, f"{partstat.title()}: visit"
    made["Message-ID"] = f"<{uuid4()}@acme.test>"
    made.set_content(partstat)
    answer = f"""BEGIN:VCALENDAR
PRODID:-//Somebody//Calendar//EN
VERSION:2.0
METHOD:{method}
BEGIN:VEVENT
UID:{one["UID"]}
SEQUENCE:{one["SEQUENCE"]}
DTSTAMP:20261201T090000Z
DTSTART;TZID="W. Europe Standard Time":{begins.astimezone(ZoneInfo("Europe/Rome")):%Y%m%dT%H%M%S}
DURATION:PT2H
ATTENDEE;PARTSTAT={partstat}:mailto:alice@acme.test
END:VEVENT
END:VCALENDAR
"""
    made.add_alternative(answer, subtype="calendar", params={"method": method})
    assert post(port, made.as_bytes(), sender=sender, to=to)[0] == 250
