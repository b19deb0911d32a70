"""What a calendar answers to an invitation is read whatever program wrote it; what cannot be read is a mail like any other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.envelope import Kind
from tests.channels.email.reading_mails import a_mail, understood

OUTLOOK = """BEGIN:VCALENDAR
METHOD:COUNTER
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
ATTENDEE;PARTSTAT=TENTATIVE;CN=Ann:mailto:Ann@Acme.test
COMMENT;LANGUAGE=it-IT:Meglio alle dieci\\, grazie
UID:0190f5f2-visit@hub.test
DTSTART;TZID="W. Europe Standard Time":20261203T100000
DTEND;TZID="W. Europe Standard Time":20261203T120000
SEQUENCE:2
END:VEVENT
END:VCALENDAR
"""
GOOGLE = """BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:REPLY
BEGIN:VEVENT
DTSTART:20261203T080000Z
DURATION:PT2H
DTSTAMP:20261201T090000Z
ORGANIZER;CN=Desk:mailto:desk@hub.test
UID:0190f5f2-visit@hub.test
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=ann@acm
 e.test;X-NUM-GUESTS=0:mailto:ann@acme.test
SEQUENCE:0
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
"""


def read(calendar: str, method: str):
    return understood(a_mail(calendar, f"Content-Type: text/calendar; charset=utf-8; method={method}"))


def test_a_counter_of_outlook_names_its_zone_in_the_words_of_windows():
    inbound = read(OUTLOOK, "COUNTER")
    found = inbound.calendar
    assert (inbound.kind, found.method, found.uid) == (
        Kind.CALENDAR_REPLY,
        "COUNTER",
        "0190f5f2-visit@hub.test",
    )
    assert (found.sequence, found.attendee, found.partstat) == (2, "ann@acme.test", "TENTATIVE")
    assert (found.start, found.end) == (
        datetime(2026, 12, 3, 9, tzinfo=UTC),
        datetime(2026, 12, 3, 11, tzinfo=UTC),
    )
    assert found.comment == "Meglio alle dieci, grazie"


def test_an_answer_of_google_is_folded_and_has_a_duration():
    found = read(GOOGLE, "REPLY").calendar
    assert (found.method, found.attendee, found.partstat) == ("REPLY", "ann@acme.test", "ACCEPTED")
    assert found.end == datetime(2026, 12, 3, 10, tzinfo=UTC)


def test_an_invitation_from_outside_is_a_message_that_people_read():
    inbound = read(GOOGLE.replace("METHOD:REPLY", "METHOD:REQUEST"), "REQUEST")
    assert (inbound.kind, inbound.calendar.method) == (Kind.HUMAN, "REQUEST")
    assert "2026-12-03 08:00" in inbound.text


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "BEGIN:VCALENDAR",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n",
        GOOGLE + GOOGLE,
        GOOGLE.replace("UID:", "X-UID:"),
        "BEGIN:VEVENT\n" * 10_000,
    ],
)
def test_what_names_no_event_is_a_mail_like_any_other(broken):
    assert read(broken, "REQUEST").calendar is None


def test_who_answers_for_several_answers_for_nobody():
    two = GOOGLE.replace("SEQUENCE:0", "SEQUENCE:x\nATTENDEE:mailto:bob@acme.test")
    found = read(two, "REPLY").calendar
    assert (found.attendee, found.partstat, found.sequence) == ("", "", 0)


def test_a_time_in_a_zone_that_nobody_knows_is_no_time():
    local = GOOGLE.replace("DTSTART:20261203T080000Z", "DTSTART;TZID=Atlantis:20261203T080000")
    found = read(local, "REPLY").calendar
    assert (found.start, found.end) == (None, None)
