"""What rows are there of chats? Accounts and rooms, whose they are, what the desk said beside all tickets, and what it offered."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from core.store.table_parts import (
    a_json,
    a_number,
    a_text,
    an_instant,
    id_key,
    maybe_id,
    maybe_instant,
    maybe_text,
    metadata,
    packed,
    text_key,
)

# An account, a visitor or a room on one chat channel, from its first word on. What is said in it beside all tickets has the
# chat for its ticket and its thread (decision 0021).
chat = Table(
    "chat",
    metadata,
    id_key("id"),
    a_text("channel"),
    Column("address", Text, nullable=False, unique=True),  # core.chat_addresses
    a_text("kind", "person"),  # person or room
    a_text("name"),  # as the service gives it: a label
    maybe_text("language"),  # chosen in the chat
    maybe_text("customer"),  # a room: whose it is; a visitor: whose page they came from
    a_text("email"),  # where to write when they are gone, as they typed it: a claim
    maybe_id("ticket_id"),  # what they chose to write about
    maybe_instant("chosen_until"),
    maybe_instant("new_until"),  # until then their next words are a new request
    maybe_instant("asked_at"),  # they were asked which request they mean, and have not said
    maybe_id("seen_id"),  # the last of our messages that they have seen
    maybe_instant("seen_at"),
    maybe_instant("online_until"),  # a visitor: their page is open
    maybe_instant("gone_at"),  # they blocked us, or left
    an_instant("created_at"),
    an_instant("last_at"),  # they wrote or did something
    maybe_id("said_id"),  # our last message that a bare number could answer: with choices, or a person's
    maybe_id("comment_id"),  # the ticket that they just rated: their next words may be the comment
    maybe_instant("comment_until"),
    maybe_text(
        "speaks"
    ),  # what their program is set to: a guess, for who chose no language and is nobody we know
)

# Who is behind an address of a chat, and how that was proved.
identity = Table(
    "identity",
    metadata,
    text_key("address"),
    maybe_text("contact"),
    maybe_text("agent"),
    a_text("channel"),
    a_text("name"),
    a_text("proof"),  # link, code, token, sign_in or staff
    a_text("by"),  # actor
    an_instant("since"),
    Index("identity_contact", "contact"),
    Index("identity_agent", "agent"),
)

# What the desk says in a chat beside all tickets: an answer to a command, a question.
chat_word = Table(
    "chat_word",
    metadata,
    id_key("chat_id"),
    id_key("id"),
    a_text("kind"),  # its template: notices/*/chat/KIND.txt
    packed("text"),
    a_text("language"),
    maybe_id("replaces"),  # the delivery whose text and buttons this takes the place of
    an_instant("at"),
)

# What somebody may choose below a message of ours; `shard` is the ticket, or the chat beside all tickets. Once one of a
# message is pressed, none of them does anything more.
chat_button = Table(
    "chat_button",
    metadata,
    id_key("shard"),
    id_key("message_id"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),  # short: what the service brings back
    a_text("address"),  # whom it was offered to
    a_text("act"),  # core.rules.chat_acts
    a_text("value"),
    a_text("label"),
    an_instant("at"),
    maybe_instant("used_at"),
    a_text("used_by"),  # actor; only of the one that was chosen
    Index("chat_button_address", "address", "at"),
)

# What a message said before its author changed it; `n` from 1, oldest first.
message_version = Table(
    "message_version",
    metadata,
    id_key("ticket_id"),
    id_key("message_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    packed("text"),
    an_instant("at"),  # when this text was changed
    a_text("by"),  # actor
)

# Somebody was called to a conversation that nobody took: one row for each of them, with a delivery where one could be sent.
page = Table(
    "page",
    metadata,
    id_key("ticket_id"),
    id_key("id"),
    a_text("agent"),
    a_number("rung"),  # core.rules.ladders: how far up
    a_text("cause"),  # core.rules.ladders: why
    an_instant("at"),
    maybe_instant("seen_at"),  # they said that they know
    a_number("round"),  # how often the ladder was climbed before
    a_text("code"),  # what a text message is answered with
    Index("page_agent", "agent", "at"),
)

# What the customer thinks of how it went: one for a ticket, changeable for some days.
rating = Table(
    "rating",
    metadata,
    id_key("ticket_id"),
    a_number("score"),  # 1 to 5
    packed("comment"),
    an_instant("at"),  # first
    an_instant("changed_at"),
    a_text("by"),  # actor
    a_text("channel"),
)

# Answers that staff give often: texts by language, with closed places.
quick_reply = Table(
    "quick_reply",
    metadata,
    text_key("name"),
    a_number("position"),
    a_json("texts", "{}"),
    a_json("groups", "[]"),  # empty: for all
)
