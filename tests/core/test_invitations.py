"""An invitation of ours is read by two programs that are not ours, and says the same to both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
import vobject

from core import invitations
from core.envelope import Address, Invitation

NINE = datetime(2026, 12, 3, 8, tzinfo=UTC)
DESK, ANN = Address("desk+r-abc@hub.test", 'Centralino; Servizio "IT"'), Address("ann@acme.test", "Ann, Però")
WORDS = (
    "Gentile Ann,\n\nl'intervento è fissato; viene: Gus\\Eva, giovedì 3 dicembre 2026, 09:00 – 11:00 (CET). "
    * 3
)


def given(**fields) -> Invitation:
    return Invitation(
        **{
            "method": "REQUEST",
            "uid": "visit@hub.test",
            "sequence": 3,
            "start": NINE,
            "end": NINE + timedelta(hours=2),
            "summary": "Intervento: switch, rack; sala \\1",
            "location": "Verona, Via Roma 1",
            "text": WORDS,
        }
        | fields
    )


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "DECLINECOUNTER"])
def test_both_programs_read_what_we_wrote(method):
    wanted = given(method=method)
    text = invitations.write(wanted, organiser=DESK, attendee=ANN, now=NINE - timedelta(days=1))

    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    theirs = icalendar.Calendar.from_ical(text)
    (event,) = theirs.walk("VEVENT")
    assert (theirs["METHOD"], event["UID"], event["SEQUENCE"]) == (method, wanted.uid, 3)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (wanted.start, wanted.end)
    assert (event["SUMMARY"], event["LOCATION"], event["DESCRIPTION"]) == (
        wanted.summary,
        wanted.location,
        WORDS,
    )
    assert (event["ORGANIZER"], event["ATTENDEE"]) == (f"mailto:{DESK.address}", f"mailto:{ANN.address}")
    assert event["ATTENDEE"].params["CN"] == ANN.name
    assert event["ATTENDEE"].params.get("RSVP") == (None if method == "CANCEL" else "TRUE")
    assert event["STATUS"] == ("CANCELLED" if method == "CANCEL" else "CONFIRMED")
    other = vobject.readOne(text)
    assert (other.method.value, other.vevent.uid.value) == (method, wanted.uid)
    assert (other.vevent.dtstart.value, other.vevent.dtend.value) == (wanted.start, wanted.end)
    assert (other.vevent.summary.value, other.vevent.description.value) == (wanted.summary, WORDS)


def test_a_file_to_take_home_asks_nobody():
    text = invitations.write(given(), now=NINE)
    assert "METHOD" not in text
    assert "ATTENDEE" not in text
    assert vobject.readOne(text).vevent.dtstart.value == NINE


def test_no_text_becomes_a_property_of_its_own():
    text = invitations.write(
        given(summary="a\r\nATTENDEE:mailto:eve@evil.test\x00", location="\u2028X-EVIL:1"),
        organiser=DESK,
        attendee=ANN,
        now=NINE,
    )
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert event["ATTENDEE"] == f"mailto:{ANN.address}"
    assert "X-EVIL" not in event
