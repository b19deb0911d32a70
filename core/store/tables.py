"""What rows are there? Reference tables by name; everything that grows by ticket, whose id comes first in its key."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from core.store.arrival_tables import blob, content_key, footer, inbound
from core.store.brake_tables import bad_address, brake, unsubscribed
from core.store.call_tables import (
    call,
    call_offer,
    call_turn,
    callback,
    flow_version,
    operator,
    recording,
    ticket_call,
)
from core.store.chat_tables import (
    chat,
    chat_button,
    chat_word,
    identity,
    message_version,
    page,
    quick_reply,
    rating,
)
from core.store.columns import Digest, PackedJson
from core.store.deciding_tables import (
    activity,
    asset_owner,
    consumption,
    contract_version,
    finding,
    handover,
    incident_update,
    joining,
    line_balance,
    promise,
    rota,
    rota_override,
    sla_notice,
    task,
    ticket_link,
    told,
)
from core.store.delivering_tables import (
    booking,
    engineer,
    known_error,
    paper,
    periodic_report,
    problem,
    problem_ticket,
    report_delivery,
    report_schedule,
    vendor_case,
    visit,
    visit_attendee,
    visit_crew,
    visit_slot,
    visit_step,
    workaround,
)
from core.store.device_tables import (
    alert,
    alert_decision,
    alert_episode,
    alert_meeting,
    alert_name,
    alert_return,
    hub_trouble,
    maintenance_window,
    source_state,
)
from core.store.outage_tables import outage, outage_subscriber, outage_telling, outage_update
from core.store.table_parts import a_digest as _digest
from core.store.table_parts import a_document as _document
from core.store.table_parts import a_flag as _flag
from core.store.table_parts import a_json as _json
from core.store.table_parts import a_number as _number
from core.store.table_parts import a_text as _text
from core.store.table_parts import an_id as _id
from core.store.table_parts import an_instant as _at
from core.store.table_parts import digest_key as _digest_key
from core.store.table_parts import id_key as _id_key
from core.store.table_parts import maybe_id as _maybe_id
from core.store.table_parts import maybe_instant as _maybe_at
from core.store.table_parts import maybe_text as _maybe
from core.store.table_parts import metadata
from core.store.table_parts import packed as _packed
from core.store.table_parts import text_key as _key
from core.store.work_tables import (
    api_token,
    dead_job,
    draft,
    idempotency,
    job,
    lane,
    one_time_link,
    presence,
    schedule,
    sign_in,
)

__all__ = [
    "activity",
    "alert",
    "alert_decision",
    "alert_episode",
    "alert_meeting",
    "alert_name",
    "alert_return",
    "api_token",
    "asset_owner",
    "bad_address",
    "blob",
    "booking",
    "brake",
    "call",
    "call_offer",
    "call_turn",
    "callback",
    "chat",
    "chat_button",
    "chat_word",
    "consumption",
    "content_key",
    "contract_version",
    "dead_job",
    "draft",
    "engineer",
    "finding",
    "flow_version",
    "footer",
    "handover",
    "hub_trouble",
    "idempotency",
    "identity",
    "inbound",
    "incident_update",
    "intake_rule",
    "job",
    "joining",
    "known_error",
    "lane",
    "line_balance",
    "maintenance_window",
    "message_version",
    "metadata",
    "one_time_link",
    "operator",
    "outage",
    "outage_subscriber",
    "outage_telling",
    "outage_update",
    "page",
    "paper",
    "periodic_report",
    "presence",
    "problem",
    "problem_ticket",
    "promise",
    "quick_reply",
    "rating",
    "recording",
    "report_delivery",
    "report_schedule",
    "rota",
    "rota_override",
    "schedule",
    "sign_in",
    "sla_notice",
    "source_state",
    "task",
    "ticket_call",
    "ticket_link",
    "told",
    "unsubscribed",
    "vendor_case",
    "visit",
    "visit_attendee",
    "visit_crew",
    "visit_slot",
    "visit_step",
    "workaround",
]
"""What is defined elsewhere and belongs here."""

# --- Reference: the configuration of the desk, small, copied everywhere -----------------------------------

# One row. `revision` goes up with every change of the tables below; who keeps a copy compares it.
desk_revision = Table(
    "desk_revision",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    _number("revision"),
    _at("at"),
)

# Definitions by the hash of their content: a running clock or a frozen check keeps naming the one it used.
definition = Table(
    "definition", metadata, _key("version"), _text("kind"), _text("name"), _json("content", "{}"), _at("at")
)

calendar = Table("calendar", metadata, _key("name"), _text("version"))
sla = Table(
    "sla",
    metadata,
    _key("name"),
    _text("version"),
    _json("targets", "{}"),
    _flag("retroactive", default=True),  # who comes under it later is measured by it from the start
)
request_type = Table("request_type", metadata, _key("name"), _number("position"))
technology = Table("technology", metadata, _key("name"), _number("position"))

desk_group = Table(
    "desk_group",
    metadata,
    _key("name"),
    _number("position"),
    _number("level", 1),
    _text("calendar", "24x7"),
    _json("technologies", "[]"),  # empty: all
    _json("request_types", "[]"),  # empty: all
    _maybe("fallback"),
    _flag("assigns"),  # a ticket is given to somebody of the group at once
    _flag("sales"),  # requests that nothing covers come here; one group at most
)

agent = Table(
    "agent",
    metadata,
    _key("id"),
    Column("email", Text, nullable=False, unique=True),  # lower case
    _text("name"),
    _json("roles", "[]"),
    _json("groups", "[]"),
    _text("language", "it"),
    _maybe("password_hash"),
    _flag("active", default=True),
    _text("phone"),  # a telephone number (E.164) or an extension, where calls are put through to
    _number("capacity", 8),  # open tickets of P1 to P3 that somebody is given by the hub at most
    _json("skills", "[]"),  # technologies; empty: those of their groups
    _json("reach", "[]"),  # how they are called, in this order: chat, sms, call, mail; empty: that order
    _maybe_at("away_until"),  # they said so; nothing is given to them
    _flag("onsite"),  # goes to customers
    _text("calendar"),  # working hours on site; empty: those of the first of their groups
)

vendor = Table("vendor", metadata, _key("name"), _json("content", "{}"))
alert_source = Table("alert_source", metadata, _key("name"), _json("content", "{}"))

customer = Table(
    "customer",
    metadata,
    _key("code"),
    _text("name"),
    _maybe("parent"),
    _text("phone_code"),
    _text("language", "it"),
    _text("time_zone", "Europe/Rome"),
    _json("policy", "{}"),  # verdict to decision, where it differs from the table of defaults
    _json("groups", "[]"),  # groups that may work for this customer; empty: all
    _flag("active", default=True),
    _number("keep_recordings", 90),  # days; 0: conversations are not recorded
    _maybe(
        "account_manager"
    ),  # e-mail of an agent: who hears of renewals, consumption and what is not covered
    _json("priorities", "{}"),  # impact to urgency to priority, where they are not the table's
)

customer_domain = Table("customer_domain", metadata, _key("domain"), _key("customer"))

site = Table(
    "site",
    metadata,
    _key("customer"),
    _key("name"),
    _text("address"),
    _text("time_zone"),
    _text("holidays"),
    _text("calendar"),  # when engineers are let in; empty: always
    _number("access_lead"),  # minutes that somebody must be announced before
)

contact = Table(
    "contact",
    metadata,
    _key("id"),
    Column("customer", Text, nullable=False, index=True),
    _text("name"),
    _text("email"),  # lower case
    _text("phone"),
    _text("role", "user"),  # user, manager or admin
    _json("sites", "[]"),  # what a manager sees; empty: all
    _maybe("language"),  # None: the customer's
    _maybe("password_hash"),
    _maybe("pin_hash"),
    _flag("active", default=True),
    Column("number", Text, nullable=False, server_default="", index=True),  # `phone` in E.164
    _maybe("merged_into"),  # id of the contact that this one turned out to be
    _flag("vip"),  # what they ask is one priority more urgent
    _flag("alerts"),  # they hear of what devices of the customer report
    Index(
        "contact_merged",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    UniqueConstraint("email", "customer"),
)

asset = Table(
    "asset",
    metadata,
    _key("customer"),
    _key("name"),
    _text("technology"),
    _text("site"),
    _text("address"),
    _text("parent"),
    _text("criticality", "normal"),
    _flag("always_page"),
    _text("make"),
    _text("model"),
    _text("serial"),
    _json("depends_on", "[]"),  # CUSTOMER/asset, each somebody else's
)

contract = Table(
    "contract",
    metadata,
    _key("number"),
    Column("customer", Text, nullable=False, index=True),
    _text("version"),  # of `definition`, which holds everything else of the contract and its lines
)

routing_rule = Table(
    "routing_rule",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    _maybe("technology"),
    _maybe("request_type"),
    _maybe("customer"),
    Column("level", Integer),
    _maybe("calendar"),
    _text("desk_group"),
)

# What the words of a request, or the mailbox it came to, suggest.
intake_rule = Table(
    "intake_rule",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    _json("content", "{}"),
)

# --- Tickets -----------------------------------------------------------------------------------------------

counter = Table("counter", metadata, _key("name"), _number("value"))

DUE_LAST = 9223372036854775807  # microseconds: after every instant
DUE_ORDER = f"CASE WHEN open THEN coalesce(next_due, {DUE_LAST}) ELSE {DUE_LAST} END"
WAIT_ORDER = f"coalesce(waits_since, {DUE_LAST})"
"""What the inbox is sorted by: the most urgent first, then what has no due instant, alike on both databases."""
_CHATS = text("chat IS NOT NULL")
_FOLLOW_UPS = text("follow_up_of IS NOT NULL")

ticket = Table(
    "ticket",
    metadata,
    _id_key("id"),
    Column("number", Text, nullable=False, unique=True),  # YY-NNNNNN
    _text("subject"),
    _text("state"),
    _at("state_since"),
    _maybe("customer"),  # code; None: not known who it is
    _maybe_at(
        "customer_since"
    ),  # when another customer had it before: what is older is not for this one's eyes
    _maybe("contact"),  # id of the requester; None: unknown
    _maybe_at("requester_since"),  # when somebody else asked before: what is older is not for this one's eyes
    _text("requester_name"),
    _text("requester_address"),
    _maybe("request_type"),
    _maybe("technology"),
    Column("impact", Integer),
    Column("urgency", Integer),
    _maybe("priority"),
    _maybe("asset"),
    _maybe("site"),
    _document("provenance"),  # field name to where its value came from
    _maybe("desk_group"),
    _number("level", 1),
    _maybe("assignee"),  # agent id
    _text("channel"),  # where it began
    _text("trust"),  # of the last message from outside
    _text("verdict"),  # of the last check; the evidence is in entitlement_check
    _text("decision"),
    _maybe("contract"),
    _maybe("contract_version"),  # pinned: of `definition`
    _maybe("line"),
    _text("language", "it"),
    _json("flags", "[]"),
    _text("snippet"),  # first words of the last message
    _text("last_direction"),  # in or out: who spoke last
    _at("received_at"),
    _maybe_at("resolved_at"),
    _maybe_at("closed_at"),
    _at("updated_at"),
    _maybe_at("next_due"),  # earliest due of its running clocks
    _maybe("next_clock"),
    _maybe_at("breached_at"),  # of the worst clock that is late now
    _flag("open", default=True),
    _number("last_event"),  # seq of its newest event; what `seen` is compared with
    _maybe_id("merged_into"),
    _maybe_id("follow_up_of"),
    _document("resolution"),  # cause, text for the customer, minutes, what remains
    _maybe("chat"),  # the channel of the customer's last words, where that is a chat
    _maybe_at("waits_since"),  # they spoke last: since when
    _maybe_at("qualified_at"),  # first; from received_at to here is the time to qualify
    # Each list of the inbox is a walk along one of these, from its cursor on (desk/listing.py).
    Index("ticket_inbox", "open", text(f"({DUE_ORDER})"), "id"),
    Index("ticket_recent", "updated_at", "id"),
    Index("ticket_assignee", "assignee", "open", text(f"({DUE_ORDER})"), "id"),
    Index("ticket_group", "desk_group", "open", text(f"({DUE_ORDER})"), "id"),
    Index("ticket_state", "state", text(f"({DUE_ORDER})"), "id"),
    Index("ticket_customer", "customer", "open", "id"),
    Index("ticket_contact", "contact", "open", "id"),
    Index("ticket_chat", "open", text(f"({WAIT_ORDER})"), "id", sqlite_where=_CHATS, postgresql_where=_CHATS),
    Index("ticket_follow_up", "follow_up_of", sqlite_where=_FOLLOW_UPS, postgresql_where=_FOLLOW_UPS),
)

# One conversation on one channel. Its ticket changes by merge, split and undo, its address when its room gets another.
thread = Table(
    "thread",
    metadata,
    _id_key("ticket_id"),
    _id_key("id"),
    _text("channel"),
    _text("address"),  # the other side's, first of them
    _text("mailbox"),  # ours
    _text("also_by"),  # another channel that carries our words to the same address
    _at("at"),
    _flag(
        "aside"
    ),  # a call about a ticket that is answered on another channel: nothing is said in it by itself
)

participant = Table(
    "participant",
    metadata,
    _id_key("ticket_id"),
    _id_key("thread_id"),
    _key("address"),
    _text("name"),
    _maybe("contact"),
    _text("role"),  # rules.participation.Role
    _text(
        "state", "joined"
    ),  # joined or retired: whoever is retired is never written to, and what they write is held
    _flag("admitted"),  # staff said: to be written to, whosever contact it is
    _at("since"),  # of the state
    _text("changed_by"),  # actor; empty: their own message
    _maybe_at("chosen_at"),  # staff said: this person is answered here from now on
    Index(
        "participant_contact",
        "contact",
        sqlite_where=text("contact IS NOT NULL"),
        postgresql_where=text("contact IS NOT NULL"),
    ),
    Index("participant_address", "address"),
)

# Which ids of others were seen on which thread, so that answers find it; our own are those of `delivery`. `kind`: seen,
# or ghost (named, never seen).
thread_ref = Table(
    "thread_ref",
    metadata,
    _digest_key("ref"),  # of the id: ids.short_hash
    _id_key("ticket_id"),
    _id("thread_id"),
    _text("kind"),
    _maybe("customer"),
    _at("at"),
)

# Whom an address for answers was given to; made when the first mail with it leaves. It lapses with the ticket's end.
reply_address = Table(
    "reply_address",
    metadata,
    _digest_key("key"),  # of the token: ids.token_key
    _id("ticket_id"),
    _id("thread_id"),
    _text("address"),
)

message = Table(
    "message",
    metadata,
    _id_key("ticket_id"),
    _id_key("id"),
    _id("thread_id"),
    _text("channel"),
    _text("direction"),  # in or out
    _text("audience", "customer"),  # customer, or vendor:<case>; notes are another table
    _text("kind", "human"),  # envelope.Kind inward; reply or a notice's kind outward
    _flag("automatic"),
    _text("author_name"),
    _text("author_address"),
    _maybe("agent"),
    _maybe("contact"),
    _text("trust"),
    _text("subject"),
    _packed("text"),
    _json("spans", "[]"),
    Column("html", Digest),  # name of the blob with the HTML as it came
    _text("language"),
    _at("at"),
    _maybe_id("inbound_id"),
    _text("external_ref"),  # Message-ID or provider id inward
    _json("notes", "[]"),  # what the reader of the bytes remarked
    Column(
        "people", PackedJson
    ),  # to, cc, where to answer and its place among others, as written; None: we wrote it
    _text("idem"),  # the form's own id: a double click makes one message
    Column(
        "made_from", PackedJson
    ),  # what an automatic text was made from, so that two of a minute become one
    _maybe_at("withdrawn_at"),  # taken back by who wrote it
    Index(
        "message_idem",
        "ticket_id",
        "idem",
        sqlite_where=text("idem != ''"),
        postgresql_where=text("idem != ''"),
    ),
)

# What colleagues tell each other. No outgoing renderer can be given one.
note = Table(
    "note",
    metadata,
    _id_key("ticket_id"),
    _id_key("id"),
    _text("agent"),
    _packed("text"),
    _at("at"),
    _text("idem"),
)

attachment = Table(
    "attachment",
    metadata,
    _id_key("ticket_id"),
    _id_key("id"),
    _id("message_id"),  # of a message or of a note
    _flag("internal"),  # of a note
    _text("name"),
    _text("type"),
    _number("size"),
    _digest("blob"),  # its name
    _flag("inline"),
    _text("content_id"),
)

# Append-only; hash = SHA-256(previous hash | canonical event). Ids and digests only: no personal text.
event = Table(
    "event",
    metadata,
    _id_key("ticket_id"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("kind"),
    _at("at"),
    _at("recorded_at"),
    _text("actor"),  # agent:<id>, contact:<id>, address, system
    _document("data"),
    _digest("hash"),
)

# A cache of the clock events: what `rules.clocks.rebuild` says.
sla_clock = Table(
    "sla_clock",
    metadata,
    _id_key("ticket_id"),
    _key("name"),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    _text("state"),
    _number("target_s"),
    _text("calendar"),  # version
    _at("started_at"),
    _maybe_at("stopped_at"),
    _maybe_at("due_at"),  # None while paused
    _number("elapsed_s"),
    _number("paused_s"),
    _maybe_at("next_check_at"),
    _maybe_at("breached_at"),
    _number("level"),  # highest warning level passed, in percent
)

entitlement_check = Table(
    "entitlement_check",
    metadata,
    _id_key("ticket_id"),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    _at("at"),
    _document("evidence"),  # inputs (those that say something), reasons and candidates
    _text("verdict"),
    _maybe("would_be"),
    _text("decision"),
    _maybe("contract"),
    _maybe("contract_version"),  # of `definition`, which holds the contract
    _maybe("line"),
    _flag("window_open"),
    _maybe_at("next_open_at"),
    _text("trust"),
    _maybe("overridden_by"),
    _text("override_reason"),
    _maybe_at("override_until"),
)

# One row per recipient for everything that leaves. Its id is the core of its Message-ID and of its envelope sender. What
# an outage tells people who have no ticket about it has the outage for its ticket, the update for its message, and
# who asked for its thread (decision 0018).
delivery = Table(
    "delivery",
    metadata,
    _id_key("ticket_id"),
    _id_key("id"),
    _id("message_id"),
    _id("thread_id"),
    _text("channel"),
    _text("address"),
    _text("name"),
    _text("kind"),
    _text("state"),  # core.desk.traffic.DELIVERY_STATES
    _number("attempts"),
    _text("in_reply_to"),
    _text("error"),
    _text("remote"),  # what the other side said
    _at("created_at"),
    _maybe_at("sent_at"),
    _text("remote_id"),  # what the other side calls it
    _maybe_at("seen_at"),  # the recipient has seen it, where the service says so
    _maybe_id("instead_of"),  # what did not arrive, and this one says to the same person
    _json("report", "{}"),  # the last that a machine said of it: core.desk.returns.told
    Index("delivery_id", "id", unique=True),
    Index(
        "delivery_state",
        "state",
        "id",
        sqlite_where=text("state != 'sent'"),
        postgresql_where=text("state != 'sent'"),
    ),
)

# Tries that failed, and reports; a success at the first try stands in the delivery itself.
delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    _id_key("ticket_id"),
    _id_key("delivery_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _at("at"),
    _text("outcome"),  # sent, retry, failed, bounced, or the kind of a report that changes no state
    _text("detail"),
    _json("report", "{}"),  # of a report: as in the delivery
)

# On SQLite a table with a text key is two trees, rows and key. Small rows live in the key's tree; large ones, which
# would make it deep, and those with many other indexes keep both.
for _table in metadata.tables.values():
    if _table.name not in ("alert", "blob", "definition", "inbound", "message", "note", "outage", "ticket"):
        _table.dialect_options["sqlite"]["with_rowid"] = False
