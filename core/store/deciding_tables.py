"""What rows are there of what the desk decides? Versions of contracts and their books, duties, promises, what was joined."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, text

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

# --- Contracts --------------------------------------------------------------------------------------------

# Which versions a contract had, in order; the content of each is of `definition`.
contract_version = Table(
    "contract_version",
    metadata,
    text_key("number"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    a_text("version"),
    an_instant("at"),
    a_text("by"),  # actor
    a_text("why"),
)

# Whose an asset was, and until when: ownership counts as of received_at.
asset_owner = Table(
    "asset_owner",
    metadata,
    text_key("name"),
    text_key("customer"),
    Column("since", BigInteger, primary_key=True, autoincrement=False),  # microseconds; 0: always
    maybe_instant("until"),
)

# Work that was done: minutes of somebody, on one ticket.
activity = Table(
    "activity",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("agent"),
    a_text("kind", "remote"),  # remote, onsite, travel or vendor
    a_number("minutes"),
    a_text("text"),  # what was done, for colleagues
    an_instant("at"),  # when it ended
    an_instant("recorded_at"),
    a_text("idem"),
)

# What was bought and what was used of a contract line. Rows are only added; a correction is a row that names what it
# takes back. What belongs to no ticket has the contract's fixed id in place of one (desk/ledger.py).
consumption = Table(
    "consumption",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("contract"),
    a_text("contract_version"),
    a_text("line"),
    a_text("kind"),  # opening, purchase, rollover, use or reversal
    a_text("unit"),  # minutes, tickets or visits
    a_number("quantity"),  # in that unit; positive whatever the kind
    a_text("period"),  # first day of the line's period it counts in
    maybe_id("activity_id"),
    maybe_id("reverses"),
    a_text("reason"),
    a_text("actor"),
    an_instant("at"),
    an_instant("recorded_at"),
    Index("consumption_line", "contract", "line", "period", "id"),
)

# What is left of a line in a period, as its books add up. Its row is what two who spend at once meet at.
line_balance = Table(
    "line_balance",
    metadata,
    text_key("contract"),
    text_key("line"),
    text_key("period"),
    a_number("granted"),
    a_number("used"),
)

# What is told once: renewals, consumption, holes, duties without anybody.
told = Table("told", metadata, text_key("key"), an_instant("at"))

# --- What somebody has to do -------------------------------------------------------------------------------

# A thing to do, or an alarm on the board. What belongs to no ticket has ADMINISTRATION in place of one.
task = Table(
    "task",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("kind"),  # what it is about: a word of catalogue `tasks`
    a_flag("alarm"),
    maybe_text("agent"),  # whose: one person's, a group's, or a role's
    maybe_text("desk_group"),
    maybe_text("role"),
    a_json("about", "{}"),  # values for its words, and where it leads: {"url": …}
    an_instant("at"),
    maybe_instant("due"),
    maybe_instant("done_at"),
    a_text("done_by"),  # actor
    a_text("once"),  # the same thing is not asked twice while it is open
    Index(
        "task_open",
        "due",
        "id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index(
        "task_once",
        "ticket_id",
        "once",
        unique=True,
        sqlite_where=text("done_at IS NULL AND once != ''"),
        postgresql_where=text("done_at IS NULL AND once != ''"),
    ),
)

# --- Times -------------------------------------------------------------------------------------------------

# A warning level of a clock, told once in whatever number of hubs.
sla_notice = Table(
    "sla_notice",
    metadata,
    id_key("ticket_id"),
    text_key("clock"),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),  # percent
    an_instant("fell_due"),
    an_instant("at"),
    a_text("leg"),  # of a breach: who held the ball most of the time: us, customer, vendor or outside
    a_text("state", "told"),  # core.desk.clock_notices: told, overtaken, seen, withdrawn or past
    a_json("agents", "[]"),  # who was told
)

# What a person promised the customer: the next words by then. A clock named promise runs beside it.
promise = Table(
    "promise",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    an_instant("due"),
    a_text("made_by"),  # actor
    maybe_id("message_id"),  # in which it was said
    an_instant("at"),
    a_text("state", "open"),  # open, kept, late (and then kept), or dropped with its ticket
    maybe_instant("kept_at"),
)

# --- Duties ------------------------------------------------------------------------------------------------

# Who is on duty, as it is planned: layers of members who hand over.
rota = Table(
    "rota",
    metadata,
    text_key("name"),
    a_number("position"),
    a_text("duty", "on-call"),  # on-call, second, shift-leader or supervisor
    a_json("groups", "[]"),  # for which groups; empty: all
    a_text("time_zone", "Europe/Rome"),
    a_json("layers", "[]"),
    a_text("fallback"),  # a telephone number where nobody answers
)

# Somebody else, for a time.
rota_override = Table(
    "rota_override",
    metadata,
    text_key("rota"),
    id_key("id"),
    a_text("agent"),
    an_instant("since"),
    an_instant("until"),
    a_text("by"),  # actor
    a_text("reason"),
    an_instant("at"),
    maybe_instant("removed_at"),
    Index("rota_override_until", "rota", "until"),
)

# One shift handed to the next: the brief as it was signed.
handover = Table(
    "handover",
    metadata,
    id_key("id"),
    a_text("rota"),
    an_instant("ends"),  # of the shift that is handed over
    a_text("outgoing"),  # agent id
    a_text("incoming"),
    a_document("brief"),
    a_text("hash"),  # of the brief
    a_json("sentences", "{}"),  # ticket number to what the next shift must know
    maybe_instant("signed_out"),
    maybe_instant("signed_in"),
    a_text("signed_out_by"),
    a_text("signed_in_by"),
    an_instant("at"),
    Index("handover_ends", "rota", "ends", unique=True),
)

# --- Routing -----------------------------------------------------------------------------------------------

# What a periodic look found, whole: holes in the matrix, gaps in the rotas, tickets without a next step, since when rotas are known.
finding = Table("finding", metadata, text_key("name"), a_document("content"), an_instant("at"))

# --- Joined ------------------------------------------------------------------------------------------------

# Tickets that have to do with each other. Both ends have a row, so that each is found under its ticket.
ticket_link = Table(
    "ticket_link",
    metadata,
    id_key("ticket_id"),
    id_key("other_id"),
    text_key("kind"),  # related, parent, child, duplicate, follow_up, split_from, split_into
    an_instant("at"),
    a_text("by"),  # actor
)

# What was merged, split or moved, with all that taking it back needs.
joining = Table(
    "joining",
    metadata,
    id_key("ticket_id"),  # the ticket that lost something
    id_key("id"),
    a_text("kind"),  # merge, split or move
    an_id("into_id"),
    a_document("before"),
    an_instant("at"),
    a_text("by"),  # actor
    a_text("reason"),
    maybe_instant("undone_at"),
    a_text("undone_by"),
    Index("joining_into", "into_id", "id"),
)

# What a parent incident said to all its children.
incident_update = Table(
    "incident_update",
    metadata,
    id_key("ticket_id"),  # the parent
    id_key("id"),
    packed("text"),
    a_text("by"),  # actor
    an_instant("at"),
    a_json("children", "[]"),  # ids of those it went to
)

__all__ = [
    "activity",
    "asset_owner",
    "consumption",
    "contract_version",
    "finding",
    "handover",
    "incident_update",
    "joining",
    "line_balance",
    "promise",
    "rota",
    "rota_override",
    "sla_notice",
    "task",
    "ticket_link",
    "told",
]
