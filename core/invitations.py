"""How is an event of ours written so that every calendar understands it? RFC 5545 text from an invitation, by RFC 5546."""

from __future__ import annotations

from datetime import UTC, datetime

from core.envelope import Address, Invitation

TYPE = "text/calendar"
FILE = "invite.ics"
LINE = 75  # octets of a line without its end (RFC 5545 3.1)
_STATUS = {"CANCEL": "CANCELLED"}


def write(
    invitation: Invitation,
    *,
    organiser: Address | None = None,
    attendee: Address | None = None,
    now: datetime,
) -> str:
    """The calendar: lines end with CRLF, times are UTC. `now`: when this was written (DTSTAMP).

    `attendee`: who is asked to answer, and `organiser` whom they answer; None: a file that somebody takes home, which asks nobody.

    >>> from core.envelope import Invitation
    >>> noon = datetime(2026, 12, 3, 11, tzinfo=UTC)
    >>> given = Invitation(method="REQUEST", uid="v@hub.test", sequence=1, start=noon, end=noon, summary="A, b",
    ...                    location="", text="")
    >>> text = write(given, organiser=Address("desk@hub.test"), attendee=Address("a@b.test"), now=noon)
    >>> text.split("\\r\\n")[4:8]
    ['METHOD:REQUEST', 'BEGIN:VEVENT', 'UID:v@hub.test', 'SEQUENCE:1']
    """
    asks = attendee is not None
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Centralino//Visits//EN",
        "CALSCALE:GREGORIAN",
        *((f"METHOD:{invitation.method}",) if asks else ()),
        "BEGIN:VEVENT",
        f"UID:{_escaped(invitation.uid)}",
        f"SEQUENCE:{invitation.sequence}",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(invitation.start)}",
        f"DTEND:{_utc(invitation.end)}",
        f"SUMMARY:{_escaped(invitation.summary)}",
        *(f"{name}:{_escaped(value)}" for name, value in _more(invitation) if value),
    ]
    if organiser is not None:
        lines.append(f"ORGANIZER{_named(organiser)}:mailto:{organiser.address}")
    if attendee is not None:
        asked = "" if invitation.method == "CANCEL" else ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
        lines.append(f"ATTENDEE{_named(attendee)};ROLE=REQ-PARTICIPANT{asked}:mailto:{attendee.address}")
    lines += [
        f"STATUS:{_STATUS.get(invitation.method, 'CONFIRMED')}",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _more(invitation: Invitation) -> tuple[tuple[str, str], ...]:
    return ("LOCATION", invitation.location), ("DESCRIPTION", invitation.text)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """RFC 5545 3.3.11: these four have a meaning; other control characters may not stand in a text."""
    clean = "".join(c for c in "\n".join(text.splitlines()) if c in "\n\t" or c.isprintable())
    return clean.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _named(who: Address) -> str:
    """RFC 5545 3.2: a value in quotes holds anything but quotes."""
    name = who.name.replace('"', "'").strip()
    return f';CN="{name}"' if name else ""


def _folded(line: str) -> str:
    """RFC 5545 3.1: at most 75 octets, no character is cut."""
    pieces, piece, size = [], "", 0
    for char in line:
        octets = len(char.encode())
        if size + octets > LINE:
            pieces.append(piece)
            piece, size = " ", 1
        piece += char
        size += octets
    return "\r\n".join([*pieces, piece])
