"""What does the API answer about what left, and whom nothing leaves for? Their shapes."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from web.api.shapes import Report, Shape


class Delivery(Shape):
    """Something that left or is about to."""

    id: str
    ticket: str = Field(
        description="Number; empty: it tells of an outage, or was said in a chat beside all tickets."
    )
    outage: str | None = Field(description="Id of the outage that it tells of.")
    message: str
    channel: str
    address: str
    name: str
    kind: str
    state: str
    attempts: int
    error: str
    created_at: datetime
    sent_at: datetime | None
    seen_at: datetime | None = Field(description="When they saw it, where the service says so.")
    course: str = Field(
        description="How far it got: the state, or what was heard since it was sent: delayed, delivered, read or complained."
    )
    report: Report | None = Field(description="What a machine said of it, at last.")


class Deliveries(Shape):
    """A page of what left."""

    items: list[Delivery]
    next: str | None


class StoppedAddress(Shape):
    """An address that gets nothing from us by itself, or nothing at all."""

    address: str
    reason: str = Field(
        description="hard_bounce (it is dead), soft_bounces (mail came back again and again): nothing automatic goes there; complaint, opted_out: nothing at all."
    )
    at: datetime = Field(description="Since when.")
    said: str = Field(description="Why, as the other side put it; empty: it did not say.")
    ticket: str = Field(description="Number of the ticket whose mail it was about; empty: of none.")
    lifts: bool = Field(description="Staff may lift it; false: only its owner does, by START.")


class StoppedAddresses(Shape):
    """A page of them."""

    items: list[StoppedAddress]
    next: str | None = Field(description="The cursor of the next page; None: this is the last.")


class Lifted(Shape):
    """Mail leaves for this address again."""

    address: str


class RecordFinding(Shape):
    """One thing to say of a record."""

    verdict: str = Field(description="good, remark, unknown (nobody answered just now), missing or wrong.")
    code: str
    text: str = Field(description="The same in words, in the language of whoever asks.")


class DomainRecord(Shape):
    """What a domain of the desk's mail must say in the DNS, and what it says."""

    what: str = Field(description="mx, reply_mx (where answers come in), spf, dkim, dmarc or ptr.")
    name: str
    type: str
    value: str = Field(description="What is to stand there.")
    line: str = Field(
        description="The same for a zone file; empty for ptr, whose zone is of whoever gave the address."
    )
    verdict: str = Field(description="The worst of its findings; unseen: nobody looked.")
    findings: list[RecordFinding]
    found: list[str] = Field(description="What is published there.")


class DomainRecords(Shape):
    """All of them."""

    items: list[DomainRecord]
