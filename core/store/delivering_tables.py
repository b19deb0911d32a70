"""What rows are there of what the desk delivers? Vendors' cases, visits, workarounds and what is known, papers, reports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, text

from core.store.columns import Digest
from core.store.table_parts import (
    a_document,
    a_flag,
    a_json,
    a_number,
    a_text,
    an_id,
    an_instant,
    id_key,
    maybe_id,
    maybe_instant,
    maybe_text,
    metadata,
    packed,
    text_key,
)

_OPEN = text("closed_at IS NULL")

# --- Vendors -----------------------------------------------------------------------------------------------

# A case at a vendor, on its own thread: what is said there has the audience vendor:<id>.
vendor_case = Table(
    "vendor_case",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("vendor"),  # name
    a_text("contract"),  # ours with them
    a_text("reference"),  # what they call it
    a_text("state", "draft"),  # draft, opened, acknowledged, working, waiting_us, solved or closed
    a_text("severity_there"),
    maybe_id("thread_id"),
    a_text("subject"),
    a_text("rma"),
    a_text("serial"),
    a_flag("reference_shown"),  # the customer may know it
    an_instant("made_at"),
    a_text("made_by"),  # actor
    maybe_instant("opened_at"),
    maybe_instant("first_answer_at"),
    maybe_instant("next_update_due"),
    maybe_instant("solved_at"),
    maybe_instant("closed_at"),
    a_number("reopened"),  # how often
    a_number("late"),  # promises of theirs that were not kept
    a_number("kept"),
    Index("vendor_case_open", "vendor", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("vendor_case_thread", "thread_id"),
    Index("vendor_case_opened", "opened_at", "id"),
)

# --- Visits ------------------------------------------------------------------------------------------------

visit = Table(
    "visit",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("customer"),
    a_text("site"),
    a_text("place"),  # address, as it was when it was planned
    a_text("time_zone"),
    a_text("purpose"),
    a_json("skills", "[]"),  # technologies
    a_json("parts", "[]"),  # what is to be brought: name, serial
    a_number("minutes", 120),  # how long the work takes
    a_text(
        "state", "proposed"
    ),  # proposed, counter, confirmed, en_route, onsite, done, no_access or cancelled
    maybe_instant("window_start"),
    maybe_instant("window_end"),
    maybe_instant("arrived_at"),
    maybe_instant("left_at"),
    a_text("uid"),  # of the invitation (RFC 5545)
    a_number("sequence"),
    a_flag("billable"),
    a_text("ended_why"),
    maybe_id("replaces"),  # an earlier visit of this ticket
    an_instant("made_at"),
    a_text("made_by"),  # actor
    maybe_instant("closed_at"),
    a_number("engineers", 1),  # so many have to come
    a_json("named", "[]"),  # agent ids of exactly those who are wanted, the first leads; empty: whoever can
    a_number("agreed"),  # `sequence` with which this time was agreed; later ones change who comes
    Index("visit_uid", "uid", unique=True),
    Index("visit_open", "window_start", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

# Who comes to a visit, or came: one of them leads. The times of the visit are everybody's.
visit_crew = Table(
    "visit_crew",
    metadata,
    id_key("ticket_id"),
    id_key("visit_id"),
    text_key("agent"),
    a_flag("leads"),
    maybe_instant("set_out_at"),  # on the way since; None: nobody noted it
    a_number("minutes"),  # of work on site, noted at its end
    an_instant("at"),  # since when they are of it
    a_text("by"),  # actor
    Index("visit_crew_agent", "agent", "visit_id"),
)

# A time that was offered for a visit, or that somebody asked for.
visit_slot = Table(
    "visit_slot",
    metadata,
    id_key("ticket_id"),
    id_key("visit_id"),
    id_key("id"),
    a_text("technician"),  # agent id; empty: none is known yet
    an_instant("slot_start"),
    an_instant("slot_end"),
    an_instant("expires_at"),  # of the hold
    a_text("state", "offered"),  # offered, taken, released, expired, asked (by the customer) or declined
    a_text("by"),  # actor
    an_instant("at"),
    a_json("others", "[]"),  # agent ids of who would come with them
)

# What an engineer's time is taken by: visits, holds, leave. Two who take it at once meet at `engineer`.
booking = Table(
    "booking",
    metadata,
    text_key("agent"),
    id_key("id"),
    a_text("kind"),  # visit, hold, leave or other
    an_instant("since"),
    an_instant("until"),
    maybe_id("ticket_id"),
    maybe_id("visit_id"),
    a_text("note"),
    a_text("by"),  # actor
    an_instant("at"),
    maybe_instant("expires_at"),  # of a hold
    Index("booking_until", "until", "agent"),
    Index(
        "booking_visit",
        "visit_id",
        sqlite_where=text("visit_id IS NOT NULL"),
        postgresql_where=text("visit_id IS NOT NULL"),
    ),
)

# Somebody who goes on site. The row is what two bookings at once meet at.
engineer = Table(
    "engineer",
    metadata,
    text_key("agent"),
    a_number("revision"),
)

# Who was invited, and what their calendar answered.
visit_attendee = Table(
    "visit_attendee",
    metadata,
    id_key("ticket_id"),
    id_key("visit_id"),
    text_key("address"),
    a_text("name"),
    a_text("role"),  # customer or technician
    a_text("partstat", "NEEDS-ACTION"),  # RFC 5545: ACCEPTED, DECLINED, TENTATIVE
    a_number("sequence"),  # of the invitation that was answered
    maybe_instant("answered_at"),
)

# What was done on site, as the engineer's phone noted it: ids are made there, so that nothing is kept twice.
visit_step = Table(
    "visit_step",
    metadata,
    id_key("ticket_id"),
    id_key("visit_id"),
    id_key("id"),
    a_text("kind"),  # en_route, check_in, task, photo, part, note, sign or check_out
    a_document("data"),
    an_instant("at"),  # by the phone
    an_instant("recorded_at"),
    a_text("by"),  # actor
)

# --- Workarounds and what is known --------------------------------------------------------------------------

workaround = Table(
    "workaround",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    packed("text"),
    an_instant("applied_at"),
    a_text("by"),  # actor
    an_instant("review_by"),
    a_text("state", "asked"),  # asked, accepted, refused, or ended: replaced, or the fix is there
    a_text("answered_by"),  # actor
    maybe_instant("answered_at"),
    a_text("why"),  # it does not work
    maybe_id("known_error"),
)

problem = Table(
    "problem",
    metadata,
    id_key("id"),
    Column("number", Integer, nullable=False, unique=True),
    a_text("title"),
    a_text("state", "new"),  # new, investigating, known_error, fix_scheduled, resolved or closed
    packed("root_cause"),
    maybe_text("owner"),  # agent id
    maybe_text("technology"),
    maybe_text("customer"),  # of whom it is alone
    maybe_text("asset"),
    a_text("cause"),
    a_text("repeats"),  # the key by which it was proposed
    maybe_instant("fix_due"),
    an_instant("at"),
    a_text("by"),  # actor
    an_instant("changed_at"),
    maybe_instant("closed_at"),
    Index("problem_open", "changed_at", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

problem_ticket = Table(
    "problem_ticket",
    metadata,
    id_key("ticket_id"),
    id_key("problem_id"),
    an_instant("at"),
    a_text("by"),  # actor
    Index("problem_ticket_problem", "problem_id", "ticket_id"),
)

known_error = Table(
    "known_error",
    metadata,
    id_key("id"),
    Column("number", Integer, nullable=False, unique=True),
    maybe_id("problem_id"),
    a_text("title"),
    packed("symptom"),
    packed("cause"),
    packed("steps"),  # of the workaround
    packed("public_text"),  # what the customer is told
    a_text("risk"),
    a_text("fix"),
    maybe_text("technology"),
    maybe_text("customer"),  # of whom it is alone; None: of anybody
    a_json("assets", "[]"),  # names, of that customer; empty: any
    a_text("pattern"),  # of keys of alarms; empty: none
    a_json("words", "[]"),  # all in one text: a hint
    maybe_instant("verified_on"),
    maybe_instant("expires_on"),
    a_number("version", 1),
    an_instant("at"),
    a_text("by"),  # actor
    maybe_instant("closed_at"),  # fixed for good, or wrong
)

# --- Papers and reports -------------------------------------------------------------------------------------

# A report as it was handed out. Versions are never changed; what belongs to no ticket has ADMINISTRATION in place of one.
paper = Table(
    "paper",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("kind"),  # closure, visit or periodic
    a_text("about"),  # visit id, or contract and period; empty: the ticket
    Column("n", Integer, nullable=False),  # version
    a_text("language"),
    a_document("values"),  # what it was drawn from
    Column("html", Digest, nullable=False),  # blobs
    Column("text", Digest, nullable=False),
    Column("pdf", Digest),  # None: not drawn yet
    a_text("hash"),  # of the values
    a_text("why"),  # it takes the place of the one before
    a_text("by"),  # actor
    an_instant("at"),
    Index("paper_version", "ticket_id", "kind", "about", "n", unique=True),
)

# A report of a contract and a period: drawn by a job, approved by a supervisor, then sent.
periodic_report = Table(
    "periodic_report",
    metadata,
    text_key("contract"),
    text_key("period"),  # 2026-W45, 2026-10, 2026-Q4 or 2026, by the customer's time zone
    Column("n", BigInteger, primary_key=True, autoincrement=False),  # version
    a_text("customer"),
    a_flag("draft"),  # the period was not over
    a_text("state", "made"),  # made, approved, sent, superseded or refused
    maybe_id("paper_id"),
    an_instant("since"),
    an_instant("until"),
    an_instant("at"),
    a_text("by"),  # actor
    maybe_instant("approved_at"),
    a_text("approved_by"),
    maybe_instant("sent_at"),
    a_text("why"),
)

# What reports a contract gets: one row for each length of period.
report_schedule = Table(
    "report_schedule",
    metadata,
    text_key("contract"),
    text_key("every"),  # week, month or quarter
    a_json("recipients", "[]"),  # addresses of contacts; empty: its managers
    a_flag("active", default=True),
    a_text("by"),  # actor
    an_instant("at"),
)

# A report that was sent to somebody: what became of it.
report_delivery = Table(
    "report_delivery",
    metadata,
    text_key("contract"),
    text_key("period"),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    text_key("address"),
    an_id("delivery_id"),
    a_text("state", "queued"),  # queued, sent or failed
    an_instant("at"),
    maybe_instant("sent_at"),
    a_text("error"),
)

__all__ = [
    "booking",
    "engineer",
    "known_error",
    "paper",
    "periodic_report",
    "problem",
    "problem_ticket",
    "report_delivery",
    "report_schedule",
    "vendor_case",
    "visit",
    "visit_attendee",
    "visit_crew",
    "visit_slot",
    "visit_step",
    "workaround",
]
